"""The body of the `stopped` event: reason, description and text of a stop."""

from __future__ import annotations

import re
from typing import Any

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.frontends.dap.session import DapSession, Interruption
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Event, Frame

END, START, NOTHING = "end of trace", "start of trace", "no prediction"

_KINDS = {
    StopKind.START: ("entry", START),
    StopKind.ENDED: ("step", END),
    StopKind.TROUBLE: ("exception", NOTHING),
    StopKind.LIMIT: ("pause", "limit of frames"),
    StopKind.INTERRUPTED: ("pause", "paused"),
}
_NUMBERED = re.compile(r"\A(break|watch)point \d+(: )?")
"""The number that the debugger gives a breakpoint, which is not the editor's."""

_LONGEST = 400
"""Characters of a message: editors show it in one line beside the stack."""


def describe(session: DapSession, stop: Stop, reason: str) -> dict[str, Any]:
    """Return the body of the `stopped` event, without the thread. reason: of a stop that has none of its own."""
    body, verdict = _described(session, stop, reason), session.debuggee.verdict(stop)
    if verdict:
        body["description"] = f"{body['description']} {verdict}" if "description" in body else verdict
    return body


def _described(session: DapSession, stop: Stop, reason: str) -> dict[str, Any]:
    frame = stop.frame
    if stop.point is not None:
        return _at_breakpoint(session, stop)
    if frame is not None and _at_exception(session, stop):
        return {"reason": "exception", "description": f"predicted {_event(frame)}", "text": short(frame.value or "")}
    if stop.kind in _KINDS:
        reason, description = _KINDS[stop.kind]
    else:
        description = START if session.debugger.index <= 0 else _event(frame)
    body = {"reason": reason, **({"description": description} if description else {})}
    return body | ({"text": short(stop.message, _LONGEST)} if stop.message else {})


def _at_breakpoint(session: DapSession, stop: Stop) -> dict[str, Any]:
    breakpoints = session.breakpoints.at(stop.point)
    kind = "data " if stop.point is not None and stop.point.watched else ""
    kind = "function " if any(each.kind == "function" for each in breakpoints) else kind
    body: dict[str, Any] = {"reason": f"{kind}breakpoint"}
    if message := _NUMBERED.sub("", stop.message):
        body["description"] = short(message, _LONGEST)
    if breakpoints:
        body["hitBreakpointIds"] = [each.number for each in breakpoints]
    return body


def _at_exception(session: DapSession, stop: Stop) -> bool:
    """Whether the movement stopped because the user wants to stop at predicted exceptions."""
    raised = stop.frame is not None and stop.frame.event is Event.EXCEPTION
    interrupted = stop.kind is StopKind.INTERRUPTED and session.interruption is not Interruption.PAUSED
    return raised and interrupted and session.breakpoints.raised


def _event(frame: Frame | None) -> str:
    """Describe a call, return or exception; return nothing for a line."""
    if frame is None or frame.event is Event.LINE:
        return ""
    name = inert(frame.function)
    if frame.event is Event.CALL:
        return f"call of {name}()"
    value = short(frame.value or "")
    return f"{name}() returns {value}" if frame.event is Event.RETURN else f"{value} in {name}()"
