"""One client's session: requests in, responses and events out. What each request does is in the modules of requests.

Two threads: the reader's takes messages and answers what cannot wait (`pause`, `threads`, `cancel`); a worker carries
out all others in their order and alone touches the session. Knows no stream and no engine.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import ModelError, NeuralPdbError, UsageError
from neuralpdb.frontends.dap import protocol
from neuralpdb.frontends.dap.breakpoints import Stops
from neuralpdb.frontends.dap.debuggee import Debuggee, Opener
from neuralpdb.frontends.dap.progress import PATIENCE, Progress
from neuralpdb.frontends.dap.protocol import THREAD, Arguments, Client, Phase, Request, event
from neuralpdb.frontends.dap.requests import table
from neuralpdb.frontends.dap.requests.table import DuringMovement, Entry, Reply
from neuralpdb.frontends.dap.session import internal_error
from neuralpdb.frontends.dap.sources import source_of
from neuralpdb.frontends.dap.stopped import described
from neuralpdb.frontends.dap.variables import References
from neuralpdb.frontends.dap.wire import Message, Refused
from neuralpdb.output.printable import inert
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame

MOST_WAITING = 1_000
"""Most requests that wait their turn; a client that sends more is read no further until some are answered."""


@dataclass
class Adapter:
    """`receive` every message of the client; `close` at the end.

    send: takes a message for the client, on any thread. opener: opens what is launched.
    patience: seconds before a progress is reported.
    stop: where we are; failure: what went wrong with the last movement; launched: the arguments of the launch.
    """

    send: Callable[[Message], None]
    opener: Opener
    patience: float = PATIENCE
    client: Client = field(default_factory=Client)
    phase: Phase = Phase.NEW
    references: References = field(default_factory=References)
    stops: Stops = field(default_factory=Stops)
    stop: Stop | None = None
    failure: str = ""
    launched: Arguments = field(default_factory=lambda: Arguments("launch", {}))
    _debuggee: Debuggee | None = None
    _queue: Queue[Request | None] = field(default_factory=lambda: Queue(MOST_WAITING))
    _deferred: deque[Request | None] = field(default_factory=deque)
    _received: int = 0
    _halted: int = 0
    _cancelled: set[int] = field(default_factory=set)
    _present: Request | None = None
    _unsaid: tuple[Stop, str] | None = None
    _leaving: bool = False
    _worker: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.progress = Progress(self.send, self.patience)
        self._worker = threading.Thread(target=self._work, name="requests", daemon=True)
        self._worker.start()

    # -- the reader's thread ------------------------------------------------------------------------------------------

    def receive(self, message: Message | Refused) -> bool:
        """Take what the client sent; False when it was the last that matters."""
        if isinstance(message, Refused):
            self.send(protocol.failure(0, "", message.reason))
            return True
        if message.get("type") == "response":
            return True  # nothing was asked of the client
        try:
            request = protocol.read(message, self._received + 1)
            entry = table.find(request)
        except UsageError as error:
            self.send(protocol.failure(*_named(message), str(error)))
            return True
        if entry.at_once:
            self._carry_out(request, entry)
        else:
            self._received += 1
            self._queue.put(request)
        return not self._leaving

    def pause(self) -> None:
        """Stop what was asked for so far at its next frame."""
        self._halted = self._received

    def cancel(self, number: int | None, progress: str) -> None:
        """Forget the request with that number if it waits; stop the movement if it is meant, or its progress is."""
        if number is not None:
            if len(self._cancelled) >= MOST_WAITING:
                self._cancelled.clear()  # they did not wait
            self._cancelled.add(number)
        if progress == self.progress.name or (self._present is not None and self._present.seq == number):
            self.pause()

    def leave(self) -> None:
        """Answer nothing more; a movement stops at its next frame."""
        self._leaving = True

    def close(self, patience: float = 10.0) -> bool:
        """End the session; False when the model did not come to its end within `patience` seconds."""
        self.leave()
        assert self._worker is not None
        with suppress(Full):  # then there is enough that wakes it
            self._queue.put_nowait(None)
        self._worker.join(patience)
        rest = threading.Thread(target=self.rest, name="rest", daemon=True)
        rest.start()
        rest.join(patience)
        if self._debuggee is not None:
            self._debuggee.close()
        return not (self._worker.is_alive() or rest.is_alive())

    # -- the worker ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            request = self._deferred.popleft() if self._deferred else self._queue.get()
            if request is None or self._leaving:
                return
            self._carry_out(request, table.find(request))

    def _carry_out(self, request: Request, entry: Entry) -> None:
        """Answer one request, then do what follows from it. Nothing is raised, whatever the client sent."""
        before = self._present
        if not entry.at_once:
            self._present = request
        try:
            answer, then = self._answer(request, entry)
            self.send(answer)
            if not entry.at_once and self._unsaid is not None:
                (stop, reason), self._unsaid = self._unsaid, None
                if not answer["success"]:  # it ended a movement for nothing
                    self.arrived(stop, reason)
            self._follow(then)
        finally:
            if not entry.at_once:
                self._present = before

    def _answer(self, request: Request, entry: Entry) -> tuple[Message, Callable[[], None] | None]:
        """The response, and what to do once it is out."""
        seq, name = request.seq, request.command
        if seq in self._cancelled:
            self._cancelled.discard(seq)
            return protocol.failure(seq, name, "it was cancelled", short="cancelled"), None
        try:
            table.check(entry, self.phase)
            found = entry.run(self, request.arguments)
        except NeuralPdbError as error:
            return protocol.failure(seq, name, inert(str(error)), shown=name == "launch"), None
        except Exception as error:  # a client must not be able to end the server, and wants an answer
            return protocol.failure(seq, name, internal_error(error)), None
        reply = found if isinstance(found, Reply) else Reply(found)
        return protocol.response(request, reply.body), reply.then

    def _follow(self, then: Callable[[], None] | None) -> None:
        try:
            if then is not None:
                then()
        except NeuralPdbError as error:
            self.say(str(error), "important")
        except Exception as error:
            self.say(internal_error(error), "important")

    # -- moving -------------------------------------------------------------------------------------------------------

    def move(self, run: Callable[[], Stop], reason: str = "step") -> None:
        """Carry out a movement, then say where we are. `reason`: of a stop that needs no other one."""
        stop = self.run(run)
        if self._deferred:
            self._unsaid = stop, reason
        elif not self._leaving:
            self.arrived(stop, reason)

    def run(self, run: Callable[[], Stop]) -> Stop:
        """Where a movement stops; what goes wrong with it is a stop, too."""
        session, self.failure = self.session, ""
        session.watch = self._between
        self.progress.begin("" if self.debuggee.ready() else "loading the model")
        try:
            return run()
        except KeyboardInterrupt:
            return Stop(StopKind.INTERRUPTED, session.frame, message="interrupted")
        except UsageError as error:
            return Stop(StopKind.STEP, session.frame, message=error.message)
        except ModelError as error:
            self.failure = str(error)
        except Exception as error:  # the client waits for a stop
            self.failure = internal_error(error)
        finally:
            self.progress.end()
        return Stop(StopKind.TROUBLE, session.frame, message=self.failure)

    def _between(self, frame: Frame) -> None:
        """After each frame of a movement: answer what came meanwhile; stop when somebody wants that."""
        self.progress.passed(frame)
        while not self._deferred:
            try:
                request = self._queue.get_nowait()
            except Empty:
                break
            entry = table.find(request) if request is not None else None
            if request is None or entry is None or entry.moving is DuringMovement.ENDS:
                self._deferred.append(request)
            elif entry.moving is DuringMovement.ANSWERED:
                self._carry_out(request, entry)
            else:
                message = f"{request.command}: not while the prediction goes on"
                self.send(protocol.failure(request.seq, request.command, message, short="notStopped"))
        if self._leaving or self._deferred or self.paused or self._raised(frame):
            raise KeyboardInterrupt

    def _raised(self, frame: Frame) -> bool:
        """Whether the user wants to stop at this exception; the commands of the console go on."""
        typed = self._present is not None and self._present.command == "evaluate"
        return self.stops.raised and frame.event is Event.EXCEPTION and not typed

    @property
    def paused(self) -> bool:
        """Whether the client wants the present movement to stop."""
        return self._present is not None and self._present.number <= self._halted

    def arrived(self, stop: Stop, reason: str = "step", *, typed: bool = False) -> None:
        """Say where we stopped, and what else there is to say. typed: the user is in the console and stays there."""
        self.stop = stop
        self.references.stop(self.session.stack)
        for notice in self.debuggee.notices():
            self.say(notice)
        for wish in self.stops.at(stop.point):
            wish.stopped()
        body = described(self, stop, reason) | ({"preserveFocusHint": True} if typed else {})
        if body.get("text") and stop.kind in (StopKind.ENDED, StopKind.TROUBLE, StopKind.LIMIT):
            self.say(f"{body['description']}: {body['text']}")
        self.send(event("stopped", {**body, "threadId": THREAD, "allThreadsStopped": True}))

    def changed(self, *areas: str) -> None:
        """Say that what was shown of this stop is no longer true."""
        self.references.change(self.session.stack)
        if self.client.invalidated:
            self.send(event("invalidated", {"areas": list(areas), "threadId": THREAD}))

    # -- small parts --------------------------------------------------------------------------------------------------

    def launch(self, debuggee: Debuggee, said: Arguments) -> None:
        """Take what was launched, by these arguments, in the place of what was before."""
        if self._debuggee is not None:
            self._debuggee.close()
        self._debuggee, self.launched = debuggee, said
        debuggee.session.breakpoints.logged = self._logged

    def rest(self) -> None:
        """End what goes on behind the session, before an engine is asked for another one or given back."""
        if self._debuggee is not None:
            self._debuggee.rest()

    def _logged(self, point: Breakpoint, text: str) -> None:
        """A log point was passed."""
        place = {"source": source_of(self, point.line), "line": self.client.line(point.line)} if point.line else None
        self.say(text, place=place)

    @property
    def debuggee(self) -> Debuggee:
        assert self._debuggee is not None, "requests that need one come after launch"
        return self._debuggee

    @property
    def session(self) -> Session:
        return self.debuggee.session

    @property
    def program(self) -> Program:
        return self.session.entry.program

    def say(self, text: str, category: str = "console", place: Mapping[str, Any] | None = None) -> None:
        """A line for the user's console. place: `source` and `line` that it belongs to."""
        self.send(event("output", {"category": category, "output": f"{inert(text)}\n", **(place or {})}))


def _named(message: Mapping[str, Any]) -> tuple[int, str]:
    """Number and name of a message that is no request, as far as it has them."""
    seq, command = message.get("seq"), message.get("command")
    number = seq if isinstance(seq, int) and not isinstance(seq, bool) and abs(seq) < 2**53 else 0
    return number, command if isinstance(command, str) else ""
