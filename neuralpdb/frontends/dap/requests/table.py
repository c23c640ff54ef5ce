"""The table of requests: name, handler, the phase from which on a request may come, and what it does to a movement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments, Phase, Request, shown
from neuralpdb.frontends.dap.session import DapSession


class DuringMovement(Enum):
    """The treatment of a request that comes during a movement."""

    REFUSED = "refused"
    ANSWERED = "answered"
    """between two frames, and the movement goes on"""
    ENDS = "ends"
    """the movement, whose stop is not reported"""


@dataclass(frozen=True)
class Reply:
    """The result of a request.

    body: of the response.
    then: does what follows once the response is sent: a movement, an event.
    """

    body: Mapping[str, Any] | None = None
    then: Callable[[], None] | None = None


Handler = Callable[[DapSession, Arguments], Reply | Mapping[str, Any] | None]
"""Carries out a request and returns its reply, or the body of the response alone. Raises NeuralPdbError."""


@dataclass(frozen=True)
class Entry:
    """A request in the table.

    name:    of the request in the protocol.
    run:     carries it out.
    since:   the phase from which on it may come.
    moving:  how it is treated during a movement.
    at_once: whether it is answered on the reader's thread, without waiting; then it must not touch the debugger.
    """

    name: str
    run: Handler
    since: Phase
    moving: DuringMovement
    at_once: bool


_FIRST = {Phase.INITIALIZED: "initialize", Phase.LAUNCHED: "launch", Phase.STARTED: "configurationDone"}
"""The request that begins each phase."""

_TABLE: dict[str, Entry] = {}


def request(
    name: str, since: Phase = Phase.STARTED, *, moving: DuringMovement = DuringMovement.REFUSED, at_once: bool = False
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table of requests."""

    def enter(handler: Handler) -> Handler:
        _TABLE[name] = Entry(name, handler, since, moving, at_once)
        return handler

    return enter


def find(request: Request) -> Entry:
    """Return the entry of a request. Raises UsageError for an unknown one."""
    entry = _TABLE.get(request.command)
    if entry is None:
        raise UsageError(f"unknown request {shown(request.command)}", "see the capabilities")
    return entry


def requests() -> Iterator[Entry]:
    """Yield all requests in the order of their modules."""
    yield from _TABLE.values()


def check(entry: Entry, phase: Phase) -> None:
    """Check that a request may come now. Raises UsageError when it is too early, sent twice, or too late."""
    if phase is Phase.OVER and entry.since > Phase.NEW:
        raise UsageError(f"{entry.name}: the session is over", "disconnect")
    if phase < entry.since:
        missing = _FIRST[Phase(phase + 1)]
        raise UsageError(f"{entry.name} before {missing}", f"send {missing} first")
    if entry.name in _FIRST.values() and phase is not entry.since:
        raise UsageError(f"{entry.name} was sent before")
