"""Where things are, as an editor names them: files as paths or URIs, lines as it counts, the source of the program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments, Phase
from neuralpdb.frontends.dap.requests.table import DuringMovement, request
from neuralpdb.frontends.dap.sources import ADDED, path_of, source_of

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


def is_program(adapter: Adapter, source: Arguments) -> bool:
    """Whether a source is the program."""
    if source.number("sourceReference", 0) == ADDED:
        return True
    path = path_of(source.text("path"))
    if not path.is_absolute():
        return path.name == adapter.debuggee.path.name
    return os.path.realpath(path) == os.path.realpath(adapter.debuggee.path)


@request("source", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def source(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The text of the program as it is predicted, the lines that enter a call included."""
    asked = said.table("source")
    number = said.number("sourceReference", 0) or asked.number("sourceReference", 0)
    if number != ADDED and not (asked.values.get("path") and is_program(adapter, asked)):
        raise UsageError(f"there is no source {number}", "only the program itself is known")
    return {"content": adapter.program.text, "mimeType": "text/x-python"}


@request("loadedSources", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def loaded_sources(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The program."""
    return {"sources": [source_of(adapter, 1)]}


@request("breakpointLocations", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def breakpoint_locations(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The lines of a range where something can stop."""
    first = said.number("line")
    last = said.number("endLine", first)
    if not is_program(adapter, said.table("source")):
        return {"breakpoints": []}
    lines = (adapter.client.line(line) for line in sorted(adapter.session.breakpoints.lines))
    return {"breakpoints": [{"line": line} for line in lines if first <= line <= last]}
