"""Where things are, as an editor names them: files as paths or URIs, lines as it counts, the source of the program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from neuralpdb.dap.protocol import Arguments, Phase, While, request
from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.dap.adapter import Adapter

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


def is_program(adapter: Adapter, source: Arguments) -> bool:
    """Whether a source is the program."""
    if source.number("sourceReference", 0) == ADDED:
        return True
    path = path_of(source.text("path"))
    if not path.is_absolute():
        return path.name == adapter.debuggee.path.name
    return os.path.realpath(path) == os.path.realpath(adapter.debuggee.path)


@request("source", Phase.LAUNCHED, moving=While.ANSWERED)
def source(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The text of the program as it is predicted, the lines that enter a call included."""
    asked = said.table("source")
    number = said.number("sourceReference", 0) or asked.number("sourceReference", 0)
    if number != ADDED and not (asked.values.get("path") and is_program(adapter, asked)):
        raise UsageError(f"there is no source {number}", "only the program itself is known")
    return {"content": adapter.program.text, "mimeType": "text/x-python"}


@request("loadedSources", Phase.LAUNCHED, moving=While.ANSWERED)
def loaded_sources(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The program."""
    return {"sources": [source_of(adapter, 1)]}


@request("breakpointLocations", Phase.LAUNCHED, moving=While.ANSWERED)
def breakpoint_locations(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The lines of a range where something can stop."""
    first = said.number("line")
    last = said.number("endLine", first)
    if not is_program(adapter, said.table("source")):
        return {"breakpoints": []}
    lines = (adapter.client.line(line) for line in sorted(adapter.session.breakpoints.lines))
    return {"breakpoints": [{"line": line} for line in lines if first <= line <= last]}
