"""The requests that begin and end a session, and those that are answered at once whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.breakpoints import RAISED
from neuralpdb.frontends.dap.moving import move
from neuralpdb.frontends.dap.protocol import THREAD, Arguments, Client, Phase, event
from neuralpdb.frontends.dap.requests import breakpoints
from neuralpdb.frontends.dap.requests.table import DuringMovement, Reply, request
from neuralpdb.frontends.dap.session import DapSession

CAPABILITIES: Mapping[str, Any] = {
    "supportsConfigurationDoneRequest": True,
    "supportsFunctionBreakpoints": True,
    "supportsConditionalBreakpoints": True,
    "supportsHitConditionalBreakpoints": True,
    "supportsLogPoints": True,
    "supportsDataBreakpoints": True,
    "supportsBreakpointLocationsRequest": True,
    "exceptionBreakpointFilters": [RAISED],
    "supportsExceptionInfoRequest": True,
    "supportsEvaluateForHovers": True,
    "supportsClipboardContext": True,
    "supportsSetVariable": True,
    "supportsSetExpression": True,
    "supportsCompletionsRequest": True,
    "completionTriggerCharacters": [],
    "supportsStepBack": True,
    "supportsSteppingGranularity": True,
    "supportsGotoTargetsRequest": True,
    "supportsRestartFrame": True,
    "supportsRestartRequest": True,
    "supportsCancelRequest": True,
    "supportsTerminateRequest": True,
    "supportsLoadedSourcesRequest": True,
    "supportsDelayedStackTraceLoading": True,
}
"""Everything that is supported; a capability that is missing here is not."""


@request("initialize", Phase.NEW)
def initialize(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Learn what the client supports, and answer with the capabilities."""
    session.client = Client.read(arguments)
    session.references.paging = session.client.paging
    session.progress.enabled = session.client.progress
    session.phase = Phase.INITIALIZED
    return CAPABILITIES


@request("launch", Phase.INITIALIZED)
def launch(session: DapSession, arguments: Arguments) -> Reply:
    """Read the program and begin to load the model; breakpoints can be set from now on."""
    _launch(session, arguments)
    session.phase = Phase.LAUNCHED
    return Reply(then=lambda: session.send(event("initialized")))


def _launch(session: DapSession, arguments: Arguments) -> None:
    if arguments.flag("noDebug"):
        raise UsageError("launch: there is no run without the debugger", "nothing is run: start debugging instead")
    session.rest()
    notes: list[str] = []
    session.launch(session.opener(arguments, notes.append), arguments)
    for note in notes:
        session.say(note)


@request("configurationDone", Phase.LAUNCHED)
def configuration_done(session: DapSession, arguments: Arguments) -> Reply:
    """Go to the start, and on from it unless the session is to stop there."""

    def begin() -> None:
        session.send(event("thread", {"reason": "started", "threadId": THREAD}))
        move(session, lambda: _first_stop(session))

    session.phase = Phase.STARTED
    return Reply(then=begin)


def _first_stop(session: DapSession) -> Stop:
    stop = session.debugger.start()
    if session.debuggee.stop or session.debugger.frame is None:
        return stop
    return session.debugger.proceed()


@request("restart", moving=DuringMovement.ENDS)
def restart(session: DapSession, arguments: Arguments) -> Reply:
    """Read the program again, with the arguments of the launch or those that come with it; breakpoints stay."""

    def begin() -> None:
        breakpoints.place_all(session)
        move(session, lambda: _first_stop(session))

    launch_arguments = arguments.table("arguments")
    _launch(session, launch_arguments if launch_arguments.values else session.launched)
    return Reply(then=begin)


@request("threads", Phase.LAUNCHED, at_once=True)
def threads(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Name the one thread of the prediction."""
    return {"threads": [{"id": THREAD, "name": f"prediction of {session.debuggee.path.name}"}]}


@request("pause", at_once=True)
def pause(session: DapSession, arguments: Arguments) -> None:
    """Stop the movement at its next frame."""
    session.pause()


@request("cancel", Phase.INITIALIZED, at_once=True)
def cancel(session: DapSession, arguments: Arguments) -> None:
    """Drop a request that waits, or stop the movement of a request or of a progress report."""
    named = arguments.values.get("requestId") is not None
    number = arguments.number("requestId", 0)
    progress = arguments.text("progressId", "")
    if named:
        session.cancel(number)
    if progress == session.progress.name:
        session.pause()


@request("terminate", Phase.LAUNCHED, moving=DuringMovement.ENDS)
def terminate(session: DapSession, arguments: Arguments) -> Reply:
    """End the prediction; the client disconnects then."""
    return Reply(then=lambda: end(session))


def end(session: DapSession) -> None:
    """Tell the client that the user ended the prediction."""
    session.phase = Phase.OVER
    session.send(event("exited", {"exitCode": 0}))
    session.send(event("terminated"))


@request("disconnect", Phase.NEW, at_once=True)
def disconnect(session: DapSession, arguments: Arguments) -> None:
    """End the session: the client goes."""
    session.leave()
