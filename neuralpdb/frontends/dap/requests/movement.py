"""The requests that move: on, back, and to another line. Each is answered first; where we stop is said afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import THREAD, Arguments
from neuralpdb.frontends.dap.requests.sources import is_program
from neuralpdb.frontends.dap.requests.table import Reply, request
from neuralpdb.trace.frames import Event, Origin

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


@request("continue")
def continue_(adapter: Adapter, said: Arguments) -> Reply:
    """On to a breakpoint or to the end of the trace."""
    return _moving(adapter, said, adapter.session.proceed, {"allThreadsContinued": True})


@request("next")
def next_(adapter: Adapter, said: Arguments) -> Reply:
    """On to the next line of this function, or out of it; one frame where single ones are asked for."""
    session = adapter.session
    return _moving(adapter, said, session.step if _single(said) else session.next)


@request("stepIn")
def step_in(adapter: Adapter, said: Arguments) -> Reply:
    """The next frame: a line, a call, a return or an exception."""
    return _moving(adapter, said, adapter.session.step)


@request("stepOut")
def step_out(adapter: Adapter, said: Arguments) -> Reply:
    """Out of this function, to where its caller goes on."""
    return _moving(adapter, said, lambda: _out(adapter.session))


def _out(session: Session) -> Stop:
    frame = session.frame
    if frame is not None and frame.event is Event.RETURN:
        return session.next()
    stop = session.finish()
    left = stop.frame is not None and stop.frame.event is Event.RETURN
    return session.next() if stop.kind is StopKind.STEP and left else stop


@request("stepBack")
def step_back(adapter: Adapter, said: Arguments) -> Reply:
    """Undo the last `next`, or an edit; one frame where single ones are asked for."""
    session = adapter.session
    edited = session.frame is not None and session.frame.origin is Origin.EDITED
    return _moving(adapter, said, session.back if edited or _single(said) else session.previous)


@request("reverseContinue")
def reverse_continue(adapter: Adapter, said: Arguments) -> Reply:
    """Back to where a breakpoint could have stopped, or to the start."""
    return _moving(adapter, said, adapter.session.rewind)


@request("restartFrame")
def restart_frame(adapter: Adapter, said: Arguments) -> Reply:
    """Back to the call of a function that is active."""
    session = adapter.session
    activation = session.stack[adapter.references.activation(said.number("frameId"))]
    first = activation.entry
    index = next((i for i, frame in enumerate(session.history) if frame is first), 0)
    return Reply(then=lambda: adapter.move(lambda: session.go(index), "goto"))


@request("gotoTargets")
def goto_targets(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The line, or the next one, when it is one of the present function that can run."""
    line = adapter.client.own_line(said.number("line"))
    if not is_program(adapter, said.table("source")):
        return {"targets": []}
    found = min((each for each in adapter.session.jumps if each >= line), default=None)
    if found is None:
        return {"targets": []}
    text = adapter.program.line(found).strip()
    return {"targets": [{"id": found, "label": f"line {found}: {text}", "line": adapter.client.line(found)}]}


@request("goto")
def goto(adapter: Adapter, said: Arguments) -> Reply:
    """Make a line the next one to run; the locals stay, and the prediction goes on from there."""
    _thread(said)
    stop = adapter.session.jump(said.number("targetId"))
    return Reply(then=lambda: adapter.arrived(stop, "goto"))


def _moving(adapter: Adapter, said: Arguments, run: Callable[[], Stop], body: Mapping[str, Any] | None = None) -> Reply:
    _thread(said)
    return Reply(body, lambda: adapter.move(run))


def _thread(said: Arguments) -> None:
    """Raises UsageError for a thread that is not there."""
    if said.number("threadId") != THREAD:
        raise UsageError(f"{said.what}: there is no thread {said.number('threadId')}", f"the only one is {THREAD}")


def _single(said: Arguments) -> bool:
    return said.text("granularity", "statement") == "instruction"
