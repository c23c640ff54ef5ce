"""The requests that move: on, back, and to another line. The response comes first, the stop follows as an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.moving import arrived, move
from neuralpdb.frontends.dap.protocol import THREAD, Arguments
from neuralpdb.frontends.dap.requests.sources import is_program
from neuralpdb.frontends.dap.requests.table import Reply, request
from neuralpdb.frontends.dap.session import DapSession
from neuralpdb.trace.frames import Event, Origin


@request("continue")
def continue_(session: DapSession, arguments: Arguments) -> Reply:
    """Go on to a breakpoint or to the end of the trace."""
    return _moving(session, arguments, session.debugger.proceed, {"allThreadsContinued": True})


@request("next")
def next_(session: DapSession, arguments: Arguments) -> Reply:
    """Go on to the next line of this function, or out of it; to the next frame where instructions are asked for."""
    debugger = session.debugger
    return _moving(session, arguments, debugger.step if _is_single(arguments) else debugger.next)


@request("stepIn")
def step_in(session: DapSession, arguments: Arguments) -> Reply:
    """Go on to the next frame: a line, a call, a return or an exception."""
    return _moving(session, arguments, session.debugger.step)


@request("stepOut")
def step_out(session: DapSession, arguments: Arguments) -> Reply:
    """Go on to where the caller of this function continues."""
    return _moving(session, arguments, lambda: _out(session.debugger))


def _out(debugger: Session) -> Stop:
    frame = debugger.frame
    if frame is not None and frame.event is Event.RETURN:
        return debugger.next()
    stop = debugger.finish()
    returns = stop.frame is not None and stop.frame.event is Event.RETURN
    return debugger.next() if stop.kind is StopKind.STEP and returns else stop


@request("stepBack")
def step_back(session: DapSession, arguments: Arguments) -> Reply:
    """Undo the last `next`, or an edit; go back one frame where instructions are asked for."""
    debugger = session.debugger
    edited = debugger.frame is not None and debugger.frame.origin is Origin.EDITED
    return _moving(session, arguments, debugger.back if edited or _is_single(arguments) else debugger.previous)


@request("reverseContinue")
def reverse_continue(session: DapSession, arguments: Arguments) -> Reply:
    """Go back to where a breakpoint could have stopped, or to the start."""
    return _moving(session, arguments, session.debugger.rewind)


@request("restartFrame")
def restart_frame(session: DapSession, arguments: Arguments) -> Reply:
    """Go back to the call of an active function."""
    debugger = session.debugger
    first = debugger.stack[session.references.activation(arguments.number("frameId"))].entry
    index = next((i for i, frame in enumerate(debugger.history) if frame is first), 0)
    return Reply(then=lambda: move(session, lambda: debugger.go(index), "goto"))


@request("gotoTargets")
def goto_targets(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Offer the line, or the next one, if it can run in the present function."""
    line = session.client.own_line(arguments.number("line"))
    if not is_program(session, arguments.table("source")):
        return {"targets": []}
    target = min((each for each in session.debugger.jumps if each >= line), default=None)
    if target is None:
        return {"targets": []}
    label = f"line {target}: {session.program.line(target).strip()}"
    return {"targets": [{"id": target, "label": label, "line": session.client.line(target)}]}


@request("goto")
def goto(session: DapSession, arguments: Arguments) -> Reply:
    """Make a line the next one to run; the locals stay, and the prediction goes on from there."""
    _check_thread(arguments)
    stop = session.debugger.jump(arguments.number("targetId"))
    return Reply(then=lambda: arrived(session, stop, "goto"))


def _moving(
    session: DapSession, arguments: Arguments, go: Callable[[], Stop], body: Mapping[str, Any] | None = None
) -> Reply:
    _check_thread(arguments)
    return Reply(body, lambda: move(session, go))


def _check_thread(arguments: Arguments) -> None:
    """Check that the thread exists. Raises UsageError."""
    number = arguments.number("threadId")
    if number != THREAD:
        raise UsageError(f"{arguments.where}: there is no thread {number}", f"the only one is {THREAD}")


def _is_single(arguments: Arguments) -> bool:
    return arguments.text("granularity", "statement") == "instruction"
