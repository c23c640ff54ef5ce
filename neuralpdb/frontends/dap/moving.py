"""Movements of a session: carried out frame by frame, interrupted where the client wants it, reported as stops."""

from __future__ import annotations

from collections.abc import Callable

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import ModelError, UsageError
from neuralpdb.frontends.dap.protocol import THREAD, event
from neuralpdb.frontends.dap.session import DapSession, Interruption, internal_error
from neuralpdb.frontends.dap.stopped import describe
from neuralpdb.trace.frames import Event, Frame


def move(session: DapSession, go: Callable[[], Stop], reason: str = "step") -> None:
    """Carry out a movement and report its stop. reason: of a stop that has none of its own."""
    stop = run(session, go)
    if session.interruption is Interruption.REPLACED:
        session.unreported = stop, reason
    elif not session.leaving:
        arrived(session, stop, reason)


def run(session: DapSession, go: Callable[[], Stop], *, typed: bool = False) -> Stop:
    """Carry out a movement; an error that ends it is a stop, too. typed: commands of the console pass exceptions."""

    def watch(frame: Frame) -> None:
        session.progress.passed(frame)
        session.interruption = session.between()
        raised = session.breakpoints.raised and frame.event is Event.EXCEPTION and not typed
        if raised or session.interruption is not None:
            raise KeyboardInterrupt

    debugger, session.failure, session.interruption = session.debugger, "", None
    debugger.watch = watch
    session.progress.begin("" if session.debuggee.ready() else "loading the model")
    try:
        return go()
    except KeyboardInterrupt:
        return Stop(StopKind.INTERRUPTED, debugger.frame, message="interrupted")
    except UsageError as error:
        return Stop(StopKind.STEP, debugger.frame, message=error.message)
    except ModelError as error:
        session.failure = str(error)
    except Exception as error:  # the client waits for a stop
        session.failure = internal_error(error)
    finally:
        session.progress.end()
    return Stop(StopKind.TROUBLE, debugger.frame, message=session.failure)


def arrived(session: DapSession, stop: Stop, reason: str = "step", *, typed: bool = False) -> None:
    """Report a stop and the notices that come with it. typed: keep the focus in the console."""
    session.stop = stop
    session.references.stop(session.debugger.stack)
    session.debuggee.looked(session.debugger.history)
    for notice in session.debuggee.notices():
        session.say(notice)
    for point in session.breakpoints.at(stop.point):
        point.stopped()
    body = describe(session, stop, reason) | ({"preserveFocusHint": True} if typed else {})
    if body.get("text") and stop.kind in (StopKind.ENDED, StopKind.TROUBLE, StopKind.LIMIT):
        session.say(f"{body['description']}: {body['text']}")
    session.send(event("stopped", {**body, "threadId": THREAD, "allThreadsStopped": True}))
