"""Stops as an editor is told of them: reasons, texts, exceptions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Event, Frame

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


END, START, NOTHING = "end of trace", "start of trace", "no prediction"

_KINDS = {
    StopKind.START: ("entry", START),
    StopKind.ENDED: ("step", END),
    StopKind.TROUBLE: ("exception", NOTHING),
    StopKind.LIMIT: ("pause", "limit of frames"),
    StopKind.INTERRUPTED: ("pause", "paused"),
}
_NUMBERED = re.compile(r"\A(break|watch)point \d+(: )?")
"""What the session says first of a breakpoint: its own number, which is not the editor's."""


def described(adapter: Adapter, stop: Stop, reason: str) -> dict[str, Any]:
    """The body of the `stopped` event, without the thread. reason: of a stop that needs no other one."""
    found, verdict = _described(adapter, stop, reason), adapter.debuggee.verdict(stop)
    if verdict:
        found["description"] = f"{found['description']} {verdict}" if "description" in found else verdict
    return found


def _described(adapter: Adapter, stop: Stop, reason: str) -> dict[str, Any]:
    frame = stop.frame
    if stop.point is not None:
        return _at_breakpoint(adapter, stop)
    if frame is not None and is_raised(adapter, stop):
        return {"reason": "exception", "description": f"predicted {_event(frame)}", "text": short(frame.value or "")}
    if stop.kind in _KINDS:
        reason, text = _KINDS[stop.kind]
    else:
        text = START if adapter.session.index <= 0 else _event(frame)
    found = {"reason": reason, **({"description": text} if text else {})}
    return found | ({"text": short(stop.message, 400)} if stop.message else {})


def _at_breakpoint(adapter: Adapter, stop: Stop) -> dict[str, Any]:
    wishes = adapter.stops.at(stop.point)
    kind = "data " if stop.point is not None and stop.point.watched else ""
    kind = "function " if any(wish.kind == "function" for wish in wishes) else kind
    found: dict[str, Any] = {"reason": f"{kind}breakpoint"}
    if more := _NUMBERED.sub("", stop.message):
        found["description"] = short(more, 400)
    if wishes:
        found["hitBreakpointIds"] = [wish.number for wish in wishes]
    return found


def _event(frame: Frame | None) -> str:
    """What happens in a frame that is more than a line; empty for a line."""
    if frame is None or frame.event is Event.LINE:
        return ""
    name = inert(frame.function)
    if frame.event is Event.CALL:
        return f"call of {name}()"
    value = short(frame.value or "")
    return f"{name}() returns {value}" if frame.event is Event.RETURN else f"{value} in {name}()"


def is_raised(adapter: Adapter, stop: Stop) -> bool:
    """Whether we stopped because an exception is predicted and the user wants to see those."""
    raised = stop.frame is not None and stop.frame.event is Event.EXCEPTION
    return raised and adapter.stops.raised and stop.kind is StopKind.INTERRUPTED and not adapter.paused
