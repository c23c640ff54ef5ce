"""Highlighted source: lines of Python as styled text."""

from __future__ import annotations

from rich.syntax import Syntax
from rich.text import Text

from neuralpdb.output.printable import inert

_SYNTAX = Syntax("", "python", theme="ansi_dark")


def source(line: str) -> Text:
    """Return a line of source, highlighted."""
    highlighted = _SYNTAX.highlight(inert(line))
    highlighted.rstrip()
    return highlighted
