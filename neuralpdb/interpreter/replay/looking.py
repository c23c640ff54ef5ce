"""Looking: a run that stands still where a history ends, and answers questions about its state there.

It is another one than those that tell the next frames, which are most often further on already.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import Bounds, End, Interpretation
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.replay.evaluating import Answer
from neuralpdb.interpreter.replay.following import Failing, Follower
from neuralpdb.interpreter.replay.opening import Opened
from neuralpdb.interpreter.signals import Stop
from neuralpdb.trace.frames import Frame

_GRACE = 0.5
"""Seconds for a run to notice that it has to end; native code does not notice."""
_STACK = 64 * 2**20
"""Bytes of C stack for a run, and for its copies: native code nests some hundred levels, of a few kB each."""

Prepare = Callable[[Machine], None]
Question = Callable[[Machine, Activation], Answer]
"""What is asked of a state: given the machine, and the activation of the last frame."""


class _Left(Stop):
    """The run is not needed any more."""


class Look:
    """A run in a thread of its own that can be asked while it stands still.

    why: why it does not come to where it is wanted; None while it may.
    """

    def __init__(self) -> None:
        self.why: str | None = None
        self._limit = sys.getrecursionlimit()
        self._machine: Machine | None = None
        self._question: Question | None = None
        self._answer: Answer | None = None
        self._left = False
        self._asked = threading.Semaphore(0)
        self._told = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def interpretation(self) -> Interpretation:
        """Return what is run."""
        raise NotImplementedError

    def ask(self, question: Question, seconds: float) -> Answer:
        """Return the answer to a question; `why` in it says why there is none."""
        if self.why is None:
            self._question, self._answer = question, None
            if self._thread is None:
                self._start()
            self._asked.release()
            try:
                if not self._told.acquire(timeout=seconds):
                    self.leave(f"no answer within {seconds:g} seconds")
            except BaseException:
                self.leave("it was interrupted")
                raise
            answer: Answer | None = self._answer  # the other thread has set it
            if answer is not None:
                return answer
        return {"why": self.why or "internal error: the run has no answer", "lost": True}

    def leave(self, why: str = "the run is left") -> None:
        """End the run."""
        self.why = self.why or why
        thread = self._thread
        if thread is None or not thread.is_alive():
            return
        self._left = True
        if self._machine is not None:
            self._machine.poison(why)
        self._asked.release()
        thread.join(_GRACE)
        sys.setrecursionlimit(self._limit)

    def stand(self, machine: Machine, f: Activation) -> None:
        """Answer the question, and wait until something else is wanted."""
        question = self._question
        if question is not None:
            self._question = None
            self._answer = question(machine, f)
        with contextlib.suppress(RecursionError):  # the program is nested deeper: the limit of the machine stays
            sys.setrecursionlimit(self._limit)
        self._told.release()
        self._asked.acquire()
        if self._left:
            machine.over = True
            raise _Left("the run is left")
        machine.limit_recursion()

    def _start(self) -> None:
        before = threading.stack_size(_STACK)
        self._thread = threading.Thread(target=self._work, name="neuralpdb evaluation", daemon=True)
        try:
            self._thread.start()
        finally:
            threading.stack_size(before)

    def _work(self) -> None:
        self._asked.acquire()
        try:
            if not self._left:
                outcome = self.interpretation().run(self.emit)
                ended = "the program ended before" if outcome.end is End.ENDED else outcome.end.value
                self.why = self.why or outcome.why or ended
        finally:
            self._told.release()

    def emit(self, computed: Computed) -> None:
        """Take a frame."""


class LookAtHistory(Look):
    """A run that follows a history to its end.

    said: the history so far. failing: see `Follower`; it grows when the run has to be made again.
    """

    def __init__(
        self,
        interpretation: Callable[[Prepare], Interpretation],
        known: Sequence[Computed],
        failing: Mapping[int, Failing],
    ) -> None:
        super().__init__()
        self.said: list[Frame] = []
        self.failing = failing
        self.follower = Follower(self._next_said, failing)
        self.follower.settled = self._settled
        self._make = interpretation
        self._known = known

    def interpretation(self) -> Interpretation:
        return self._make(self._prepare)

    def emit(self, computed: Computed) -> None:
        self.follower.emit(computed)

    def _prepare(self, machine: Machine) -> None:
        self._machine = self.follower.machine = machine
        machine.decide = self.follower.decide
        machine.doubt = self.follower.doubt
        machine.events.known = self._known

    def _next_said(self, number: int) -> Frame:
        if number >= len(self.said):
            raise Stop("internal error: a run goes on behind the history")
        return self.said[number]

    def _settled(self) -> None:
        machine = self.follower.machine
        while len(self.follower.answers) >= len(self.said):
            here = machine.events.here
            if here is None:
                raise Stop("the last frame is one of something that is closed")
            self.stand(machine, here)


class LookAtFrame(Look):
    """The program around a frame, whose variables are what their texts say."""

    def __init__(self, text: str, filename: str, bounds: Bounds, frame: Frame, module: Frame | None) -> None:
        super().__init__()
        self.frame, self.module = frame, module
        self._text, self._filename, self._bounds = text, filename, bounds

    def interpretation(self) -> Interpretation:
        return Opened(
            self._text,
            filename=self._filename,
            bounds=self._bounds,
            frame=self.frame,
            module=self.module,
            look=self._wait,
        )

    def _wait(self, machine: Machine, f: Activation) -> Any:
        self._machine = machine
        while True:
            self.stand(machine, f)
