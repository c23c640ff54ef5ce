"""The state of one client's session: what was launched, its breakpoints, the last stop, and lines for its console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.dap.breakpoints import EditorBreakpoints
from neuralpdb.frontends.dap.debuggee import Debuggee, Opener
from neuralpdb.frontends.dap.progress import Progress
from neuralpdb.frontends.dap.protocol import THREAD, Arguments, Client, Phase, event
from neuralpdb.frontends.dap.sources import source_of
from neuralpdb.frontends.dap.variables import References
from neuralpdb.frontends.dap.wire import Message
from neuralpdb.output.printable import inert
from neuralpdb.program.program import Program


class Interruption(Enum):
    """A reason of the client to stop a movement at the frame where it is."""

    PAUSED = auto()
    REPLACED = auto()
    """A request that ends movements is waiting, such as `restart`."""
    LEFT = auto()


@dataclass
class DapSession:
    """What requests read and change. All but `pause`, `cancel` and `leave` belong to one thread, the worker's.

    send:         sends a message to the client, from any thread.
    opener:       opens the program that `launch` names.
    progress:     reports movements that take long.
    between:      answers requests between two frames of a movement; returns why the movement should stop, or None.
    pause:        stops every movement requested so far at its next frame.
    cancel:       drops the request with this number, or stops its movement.
    client:       how the client counts lines and what it supports.
    phase:        how far the session is.
    references:   numbers of the frames and variables that the client has seen at this stop.
    breakpoints:  what the editor wants to stop at.
    stop:         the last stop; None before the first.
    interruption: why the last movement was interrupted; None where it ended by itself or at an exception.
    unreported:   a stop and its reason, not reported because a request such as `restart` ended the movement.
    failure:      the error that ended the last movement; empty without one.
    launched:     arguments of the last launch.
    leaving:      whether the client has disconnected.
    """

    send: Callable[[Message], None]
    opener: Opener
    progress: Progress
    between: Callable[[], Interruption | None]
    pause: Callable[[], None]
    cancel: Callable[[int], None]
    client: Client = field(default_factory=Client)
    phase: Phase = Phase.NEW
    references: References = field(default_factory=References)
    breakpoints: EditorBreakpoints = field(default_factory=EditorBreakpoints)
    stop: Stop | None = None
    interruption: Interruption | None = None
    unreported: tuple[Stop, str] | None = None
    failure: str = ""
    launched: Arguments = field(default_factory=lambda: Arguments("launch", {}))
    leaving: bool = False
    _debuggee: Debuggee | None = None

    @property
    def debuggee(self) -> Debuggee:
        assert self._debuggee is not None, "requests that need one come after launch"
        return self._debuggee

    @property
    def debugger(self) -> Session:
        return self.debuggee.session

    @property
    def program(self) -> Program:
        return self.debugger.entry.program

    def launch(self, debuggee: Debuggee, arguments: Arguments) -> None:
        """Replace what was launched before."""
        self.close()
        self._debuggee, self.launched = debuggee, arguments
        self.references.remarks = debuggee.remarks
        self.references.session = debuggee.session
        debuggee.session.breakpoints.logged = self._log

    def rest(self) -> None:
        """End background predictions, before an engine is opened or given back."""
        if self._debuggee is not None:
            self._debuggee.rest()

    def leave(self) -> None:
        """Answer nothing more, and stop a movement at its next frame."""
        self.leaving = True

    def close(self) -> None:
        """Give back what was opened for the launch."""
        if self._debuggee is not None:
            self._debuggee.close()

    def say(self, text: str, category: str = "console", place: Mapping[str, Any] | None = None) -> None:
        """Print a line in the user's console. place: the `source` and `line` that it belongs to."""
        self.send(event("output", {"category": category, "output": f"{inert(text)}\n", **(place or {})}))

    def changed(self, *areas: str) -> None:
        """Tell the client that it shows values of this stop which have changed."""
        self.references.change(self.debugger.stack)
        if self.client.invalidated:
            self.send(event("invalidated", {"areas": list(areas), "threadId": THREAD}))

    def source(self, line: int | None) -> dict[str, Any]:
        """Return the source that holds a line of the program."""
        return source_of(self.client, self.program, self.debuggee.path, line)

    def _log(self, point: Breakpoint, text: str) -> None:
        """Print the message of a log point, where it was passed."""
        place = {"source": self.source(point.line), "line": self.client.line(point.line)} if point.line else None
        self.say(text, place=place)


def internal_error(error: Exception) -> str:
    """Return the message for a defect of the debugger itself."""
    return f"internal error: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
