"""Why we stopped, in the words of the protocol and in one line for the user; exceptions that were predicted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.dap.protocol import Arguments, request
from neuralpdb.errors import UsageError
from neuralpdb.frames import Event, Frame
from neuralpdb.render import inert, short
from neuralpdb.session import Stop, StopKind

if TYPE_CHECKING:
    from neuralpdb.dap.adapter import Adapter

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
_RAISED = re.compile(r"[A-Za-z_][\w.]*")


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


@request("exceptionInfo")
def exception_info(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The predicted exception here; or why there is no prediction, and what the model wrote instead."""
    stop, frame = adapter.stop, adapter.session.frame
    if stop is not None and stop.kind is StopKind.TROUBLE:
        wrote = stop.trouble.text if stop.trouble is not None else ""
        details = f"{stop.message}\n\nthe model wrote: {short(wrote, 2_000)}" if wrote else stop.message
        return _information(NOTHING, details, stop.message)
    if frame is None or frame.event is not Event.EXCEPTION:
        raise UsageError("no exception is predicted here")
    name = _RAISED.match(frame.value or "")
    return _information(name[0] if name else "exception", frame.value or "", frame.value or "")


def _information(name: str, description: str, message: str) -> dict[str, Any]:
    text = "\n".join(inert(line) for line in description.split("\n"))
    details = {"message": inert(message), "typeName": inert(name)}
    return {"exceptionId": inert(name), "description": text, "breakMode": "always", "details": details}
