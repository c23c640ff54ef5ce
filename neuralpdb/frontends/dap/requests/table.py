"""The table of requests: name, phase, handler, and what happens during a movement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments, Phase, Request, shown

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


class DuringMovement(Enum):
    """What becomes of a request that comes in the middle of a movement."""

    REFUSED = "refused"
    ANSWERED = "answered"
    """between two frames, and the movement goes on"""
    ENDS = "ends"
    """it ends the movement, which says nothing more"""


_FIRST = {Phase.INITIALIZED: "initialize", Phase.LAUNCHED: "launch", Phase.STARTED: "configurationDone"}


# -- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """body: of the response. then: what is done once the response is out: a movement, an event."""

    body: Mapping[str, Any] | None = None
    then: Callable[[], None] | None = None


Handler = Callable[["Adapter", Arguments], Reply | Mapping[str, Any] | None]


@dataclass(frozen=True)
class Entry:
    """since: the phase from which on a request may come. moving: what becomes of it during a movement.

    at_once: it does not wait its turn, and must not touch the session.
    """

    name: str
    run: Handler
    since: Phase
    moving: DuringMovement
    at_once: bool


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
    """What answers a request. Raises UsageError for an unknown one."""
    found = _TABLE.get(request.command)
    if found is None:
        raise UsageError(f"unknown request {shown(request.command)}", "see the capabilities")
    return found


def requests() -> Iterator[Entry]:
    """All of them, in the order of their modules."""
    yield from _TABLE.values()


def check(entry: Entry, phase: Phase) -> None:
    """Raises UsageError when a request comes too early, twice, or too late."""
    if phase is Phase.OVER and entry.since > Phase.NEW:
        raise UsageError(f"{entry.name}: the session is over", "disconnect")
    if phase < entry.since:
        missing = _FIRST[Phase(phase + 1)]
        raise UsageError(f"{entry.name} before {missing}", f"send {missing} first")
    if entry.name in _FIRST.values() and phase is not entry.since:
        raise UsageError(f"{entry.name} was sent before")
