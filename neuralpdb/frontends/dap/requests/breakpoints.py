"""The requests about breakpoints: of lines, functions, data and exceptions; and events about those that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.breakpoints import RAISED, EditorBreakpoint
from neuralpdb.frontends.dap.protocol import Arguments, Phase, event
from neuralpdb.frontends.dap.requests.sources import is_program
from neuralpdb.frontends.dap.requests.table import DuringMovement, request
from neuralpdb.frontends.dap.session import DapSession


@request("setBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_breakpoints(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Replace the breakpoints of a file."""
    predicted = is_program(session, arguments.table("source"))
    requested = arguments.items("breakpoints")
    if not predicted:
        message = f"only {session.debuggee.path.name} is predicted, nothing stops in another file"
        elsewhere = zip(session.breakpoints.numbers, requested, strict=False)
        return {"breakpoints": [{"id": number, "verified": False, "message": message} for number, _ in elsewhere]}
    lines = [session.client.own_line(each.number("line")) for each in requested]
    if arguments.flag("sourceModified"):
        session.say("the file was changed: restart predicts it as it is now")
    return _replace(session, "source", [*zip(requested, lines, strict=True)])


@request("setFunctionBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_function_breakpoints(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Stop at the first line of functions, by name."""
    return _replace(session, "function", [(each, 0) for each in arguments.items("breakpoints")])


@request("setDataBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_data_breakpoints(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Stop where the value of an expression has changed."""
    return _replace(session, "data", [(each, 0) for each in arguments.items("breakpoints")])


@request("setExceptionBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_exception_breakpoints(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Stop at predicted exceptions, or not."""
    filters = [*arguments.texts("filters"), *(each.text("filterId") for each in arguments.items("filterOptions"))]
    session.breakpoints.raised = RAISED["filter"] in filters
    return {"breakpoints": [{"verified": each == RAISED["filter"]} for each in filters]}


@request("dataBreakpointInfo", Phase.STARTED)
def data_breakpoint_info(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Tell whether a variable can be watched, and under which name."""
    name, number = arguments.text("name"), arguments.number("variablesReference", 0)
    try:
        index, expression = (
            session.references.expression(number, name)
            if number
            else (session.references.activation(arguments.number("frameId", 0)), name)
        )
        stack = session.debugger.stack
        session.debugger.evaluator.value(expression, session.debugger.history, stack[index])
    except (UsageError, IndexError) as error:
        return {"dataId": None, "description": f"{name[:60]} cannot be watched: {error}"}
    function = stack[index].function
    return {
        "dataId": f"{function}:{expression}",
        "description": f"{expression} in {function}()",
        "accessTypes": ["write"],
        "canPersist": True,
    }


def _replace(session: DapSession, kind: str, requested: list[tuple[Arguments, int]]) -> Mapping[str, Any]:
    placed = session.breakpoints.replace(kind, requested, session.debugger)
    return {"breakpoints": [_body(session, each) for each in placed]}


def _body(session: DapSession, breakpoint: EditorBreakpoint) -> dict[str, Any]:
    """Return a breakpoint as the protocol describes it."""
    body: dict[str, Any] = {"id": breakpoint.number, "verified": breakpoint.point is not None}
    if breakpoint.message:
        body["message"] = breakpoint.message
    if breakpoint.point is not None and breakpoint.point.line is not None:
        body["line"] = session.client.line(breakpoint.point.line)
        body["source"] = session.source(breakpoint.point.line)
    return body


def place_all(session: DapSession) -> None:
    """Set all breakpoints in a program that was just launched, and tell the client where they are now."""
    for breakpoint in session.breakpoints.all:
        breakpoint.place(session.debugger)
        session.send(event("breakpoint", {"reason": "changed", "breakpoint": _body(session, breakpoint)}))


def report_removed(session: DapSession) -> None:
    """Tell the client which breakpoints a command of the console removed."""
    points = [*session.debugger.breakpoints]
    for breakpoint in session.breakpoints.all:
        if breakpoint.point is not None and not any(point is breakpoint.point for point in points):
            breakpoint.point, breakpoint.message = None, "it was removed in the console"
            session.send(event("breakpoint", {"reason": "removed", "breakpoint": _body(session, breakpoint)}))
