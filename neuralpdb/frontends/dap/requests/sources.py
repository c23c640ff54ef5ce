"""The requests about source files: the text of the program, and its lines where something can stop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments, Phase
from neuralpdb.frontends.dap.requests.table import DuringMovement, request
from neuralpdb.frontends.dap.session import DapSession
from neuralpdb.frontends.dap.sources import ADDED, path_of


def is_program(session: DapSession, source: Arguments) -> bool:
    """Whether a source is the program."""
    if source.number("sourceReference", 0) == ADDED:
        return True
    path = path_of(source.text("path"))
    if not path.is_absolute():
        return path.name == session.debuggee.path.name
    return os.path.realpath(path) == os.path.realpath(session.debuggee.path)


@request("source", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def source(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Send the text of the program as it is predicted, with the lines that enter a call."""
    asked = arguments.table("source")
    number = arguments.number("sourceReference", 0) or asked.number("sourceReference", 0)
    if number != ADDED and not (asked.values.get("path") and is_program(session, asked)):
        raise UsageError(f"there is no source {number}", "only the program itself is known")
    return {"content": session.program.text, "mimeType": "text/x-python"}


@request("loadedSources", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def loaded_sources(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Name the program, the only source."""
    return {"sources": [session.source(1)]}


@request("breakpointLocations", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def breakpoint_locations(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """List the lines of a range where something can stop."""
    first = arguments.number("line")
    last = arguments.number("endLine", first)
    if not is_program(session, arguments.table("source")):
        return {"breakpoints": []}
    lines = (session.client.line(line) for line in sorted(session.debugger.breakpoints.lines))
    return {"breakpoints": [{"line": line} for line in lines if first <= line <= last]}
