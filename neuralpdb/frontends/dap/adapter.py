"""The adapter of one client: its requests in their order, a response to each, and two threads.

The reader's thread takes messages and answers the requests that cannot wait (`pause`, `threads`, `cancel`); the
worker's answers all others, one after the other, and alone touches the session. Knows no stream and no engine.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any

from neuralpdb.errors import NeuralPdbError, UsageError
from neuralpdb.frontends.dap import protocol
from neuralpdb.frontends.dap.debuggee import Opener
from neuralpdb.frontends.dap.moving import arrived
from neuralpdb.frontends.dap.progress import PATIENCE, Progress
from neuralpdb.frontends.dap.protocol import Request
from neuralpdb.frontends.dap.requests import table
from neuralpdb.frontends.dap.requests.table import DuringMovement, Entry, Reply
from neuralpdb.frontends.dap.session import DapSession, Interruption, internal_error
from neuralpdb.frontends.dap.wire import Message, Refused
from neuralpdb.output.printable import inert

MOST_WAITING = 1_000
"""Most requests that wait their turn, far above what editors send: then no further message is read until some are
answered."""


@dataclass
class Adapter:
    """The two ends of a client's session: `receive` every message of the client, `close` at the end.

    send:     sends a message to the client, from any thread.
    opener:   opens the program that `launch` names.
    patience: seconds before progress is reported.
    session:  the state that requests read and change.
    """

    send: Callable[[Message], None]
    opener: Opener
    patience: float = PATIENCE
    session: DapSession = field(init=False)
    _queue: Queue[Request | None] = field(default_factory=lambda: Queue(MOST_WAITING))
    _deferred: deque[Request | None] = field(default_factory=deque)
    _received: int = 0
    _halted: int = 0
    _cancelled: set[int] = field(default_factory=set)
    _present: Request | None = None

    def __post_init__(self) -> None:
        progress = Progress(self.send, self.patience)
        self.session = DapSession(self.send, self.opener, progress, self._between, self._pause, self._cancel)
        self._worker = threading.Thread(target=self._work, name="requests", daemon=True)
        self._worker.start()

    # -- the reader's thread ------------------------------------------------------------------------------------------

    def receive(self, message: Message | Refused) -> bool:
        """Take a message of the client. Return False after the last that matters."""
        if isinstance(message, Refused):
            self.send(protocol.failure(0, "", message.reason))
            return True
        if message.get("type") == "response":
            return True  # no request is ever sent to the client
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
        return not self.session.leaving

    def _pause(self) -> None:
        self._halted = self._received

    def _cancel(self, number: int) -> None:
        if len(self._cancelled) >= MOST_WAITING:
            self._cancelled.clear()  # the requests of these numbers were not waiting
        self._cancelled.add(number)
        if self._present is not None and self._present.seq == number:
            self._pause()

    def close(self, patience: float = 10.0) -> bool:
        """End the session. Return False when a prediction does not end within `patience` seconds."""
        self.session.leave()
        with suppress(Full):  # a full queue wakes the worker, too
            self._queue.put_nowait(None)
        self._worker.join(patience)
        background = threading.Thread(target=self.session.rest, name="rest", daemon=True)
        background.start()
        background.join(patience)
        self.session.close()
        return not (self._worker.is_alive() or background.is_alive())

    # -- the worker's thread ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            request = self._deferred.popleft() if self._deferred else self._queue.get()
            if request is None or self.session.leaving:
                return
            self._carry_out(request, table.find(request))

    def _carry_out(self, request: Request, entry: Entry) -> None:
        """Answer one request, then do what follows from it. Raises nothing, whatever the client sent."""
        before = self._present
        if not entry.at_once:
            self._present = request
        try:
            answer, then = self._answer(request, entry)
            self.send(answer)
            if not entry.at_once and self.session.unreported is not None:
                (stop, reason), self.session.unreported = self.session.unreported, None
                if not answer["success"]:  # the movement was ended for a request that failed
                    arrived(self.session, stop, reason)
            if then is not None:
                self._follow(then)
        finally:
            if not entry.at_once:
                self._present = before

    def _answer(self, request: Request, entry: Entry) -> tuple[Message, Callable[[], None] | None]:
        """Return the response, and what to do once it is sent."""
        seq, name = request.seq, request.command
        if seq in self._cancelled:
            self._cancelled.discard(seq)
            return protocol.failure(seq, name, "it was cancelled", short="cancelled"), None
        try:
            table.check(entry, self.session.phase)
            result = entry.run(self.session, request.arguments)
        except NeuralPdbError as error:
            return protocol.failure(seq, name, inert(str(error)), to_user=name == "launch"), None
        except Exception as error:  # a client must not be able to end the server, and wants an answer
            return protocol.failure(seq, name, internal_error(error)), None
        reply = result if isinstance(result, Reply) else Reply(result)
        return protocol.response(request, reply.body), reply.then

    def _follow(self, then: Callable[[], None]) -> None:
        try:
            then()
        except NeuralPdbError as error:
            self.session.say(str(error), "important")
        except Exception as error:
            self.session.say(internal_error(error), "important")

    def _between(self) -> Interruption | None:
        """Answer the requests that came during a movement. Return why it should stop here, or None."""
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
        if self._deferred:
            return Interruption.REPLACED
        if self.session.leaving:
            return Interruption.LEFT
        paused = self._present is not None and self._present.number <= self._halted
        return Interruption.PAUSED if paused else None


def _named(message: Mapping[str, Any]) -> tuple[int, str]:
    """Return number and name of a message that is not a request, as far as it has them."""
    seq, command = message.get("seq"), message.get("command")
    number = seq if isinstance(seq, int) and not isinstance(seq, bool) and abs(seq) < 2**53 else 0
    return number, command if isinstance(command, str) else ""
