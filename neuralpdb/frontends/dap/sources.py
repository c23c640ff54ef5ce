"""Files as an editor names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


ADDED = 1
"""The sourceReference of the program with the lines that were added to enter a call."""


def source_of(adapter: Adapter, line: int | None) -> dict[str, Any]:
    """The source that holds a line of the program: its file, or the text that was made for a call."""
    path, program = adapter.debuggee.path, adapter.program
    if line is not None and line > program.own:
        return {"name": f"{path.name} <call>", "sourceReference": ADDED, "origin": "added to enter the call"}
    return {"name": path.name, "path": path.as_uri() if adapter.client.uris else str(path)}


def path_of(text: str) -> Path:
    """The file that a client names, as a path or as a URI. Raises UsageError."""
    if text.lower().startswith("file:"):
        text = unquote(urlsplit(text).path)
    if not text or "\0" in text:
        raise UsageError(f"{text[:60]!r} names no file")
    return Path(text)
