"""The requests that begin and end a session, and those that are answered whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.breakpoints import RAISED
from neuralpdb.frontends.dap.protocol import THREAD, Arguments, Client, Phase, event
from neuralpdb.frontends.dap.requests import breakpoints
from neuralpdb.frontends.dap.requests.table import DuringMovement, Reply, request

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


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
"""What is there; what is not named is not."""


@request("initialize", Phase.NEW)
def initialize(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Learn about the client, say what is there."""
    adapter.client = Client.read(said)
    adapter.references.paging = adapter.client.paging
    adapter.progress.wanted = adapter.client.progress
    adapter.phase = Phase.INITIALIZED
    return CAPABILITIES


@request("launch", Phase.INITIALIZED)
def launch(adapter: Adapter, said: Arguments) -> Reply:
    """Read the program and begin to load what predicts it; breakpoints can be set from now on."""
    _launch(adapter, said)
    adapter.phase = Phase.LAUNCHED
    return Reply(then=lambda: adapter.send(event("initialized")))


def _launch(adapter: Adapter, said: Arguments) -> None:
    if said.flag("noDebug"):
        raise UsageError("launch: there is no run without the debugger", "nothing is run: start debugging instead")
    adapter.rest()
    notes: list[str] = []
    adapter.launch(adapter.opener(said, notes.append), said)
    for note in notes:
        adapter.say(note)


@request("configurationDone", Phase.LAUNCHED)
def configuration_done(adapter: Adapter, said: Arguments) -> Reply:
    """Everything is set: go to the start, and on from it unless we are to stop there."""
    adapter.phase = Phase.STARTED
    return Reply(then=lambda: _begin(adapter))


def _begin(adapter: Adapter) -> None:
    adapter.send(event("thread", {"reason": "started", "threadId": THREAD}))
    adapter.move(lambda: _first(adapter))


def _first(adapter: Adapter) -> Stop:
    session = adapter.session
    stop = session.start()
    if adapter.debuggee.stop or session.frame is None:
        return stop
    return session.proceed()


@request("restart", moving=DuringMovement.ENDS)
def restart(adapter: Adapter, said: Arguments) -> Reply:
    """Read the program again, with the arguments of the launch or those that come with it; breakpoints stay."""
    fresh = said.table("arguments")
    _launch(adapter, fresh if fresh.values else adapter.launched)
    return Reply(then=lambda: _again(adapter))


def _again(adapter: Adapter) -> None:
    breakpoints.again(adapter)
    adapter.move(lambda: _first(adapter))


@request("threads", Phase.LAUNCHED, at_once=True)
def threads(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The one thread of the prediction."""
    return {"threads": [{"id": THREAD, "name": f"prediction of {adapter.debuggee.path.name}"}]}


@request("pause", at_once=True)
def pause(adapter: Adapter, said: Arguments) -> None:
    """Stop the movement at its next frame."""
    adapter.pause()


@request("cancel", Phase.INITIALIZED, at_once=True)
def cancel(adapter: Adapter, said: Arguments) -> None:
    """Forget a request that waits, or stop the movement that a request or a progress is about."""
    number = said.number("requestId", 0) if said.values.get("requestId") is not None else None
    adapter.cancel(number, said.text("progressId", ""))


@request("terminate", Phase.LAUNCHED, moving=DuringMovement.ENDS)
def terminate(adapter: Adapter, said: Arguments) -> Reply:
    """End the prediction; the client disconnects then."""
    return Reply(then=lambda: end(adapter))


def end(adapter: Adapter) -> None:
    """The user ended the prediction."""
    adapter.phase = Phase.OVER
    adapter.send(event("exited", {"exitCode": 0}))
    adapter.send(event("terminated"))


@request("disconnect", Phase.NEW, at_once=True)
def disconnect(adapter: Adapter, said: Arguments) -> None:
    """The client goes."""
    adapter.leave()
