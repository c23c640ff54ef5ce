"""The interpreter as a function of the history: which frame comes next after any that the debugger can make.

A run is kept between two questions, so that a step costs one step. After an edit, a jump or on another timeline the
program is run again from its start, with what the history says; the frames that both have are not made again.
It changes limits of the process (recursion, garbage collection) while a run is kept: use it in one of its own.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from neuralpdb.interpreter.evaluation import Children, Evaluated, Executed, Views
from neuralpdb.interpreter.events import HOLE, Computed
from neuralpdb.interpreter.interpretation import Bounds, End, Interpretation
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.replay.copying import Allowance
from neuralpdb.interpreter.replay.entering import Entered
from neuralpdb.interpreter.replay.following import Failing, Follower, NotTold
from neuralpdb.interpreter.signals import Stop
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Frame, Origin

KEPT = 3
"""Runs that are kept: the present timeline, and two that one comes back to. Each holds the program's state."""
BOUNDS = Bounds(frames=1_000_000, operations=10**9)
"""More than one waits for: a history is bounded by who makes it, an answer by its time."""
SECONDS = 5.0
"""Longest time for one answer; a frame takes some 0.1 ms, running 10,000 again some 0.5 s."""
_GRACE = 0.5
"""Seconds for a run to notice that it has to end; native code does not notice."""
_STACK = 64 * 2**20
"""Bytes of C stack for a run: native code nests some hundred levels, of a few kB each."""


Ahead = Callable[[Computed], Frame | None]
"""Takes a frame of which all is known, as soon as it is; returns the frame to go on with, or None to wait there."""


class _Left(Stop):
    """The run is not needed any more."""


class _Run:
    """One run of the program, in a thread of its own that waits wherever the history ends.

    said:     the history so far, frame by frame.
    failing:  number of a frame -> what an operation before it raised, as the history says.
    follower: knows what comes next after each of its frames.
    last:     why there is no further frame; None while it goes on.
    ahead:    see `Ahead`; None: it waits at each frame.
    """

    def __init__(
        self,
        program: _Program,
        known: Sequence[Computed] = (),
        failing: Mapping[int, Failing] | None = None,
        ahead: Ahead | None = None,
        *,
        hides: bool = False,
    ) -> None:
        self.said: list[Frame] = []
        self.failing = failing or {}
        self.follower = Follower(self._next_said, self.failing, hides=hides)
        self.last: NotTold | None = None
        self.ahead = ahead
        self._place: Frame | None = None
        self._limit = sys.getrecursionlimit()
        self._left = False
        self._asked = threading.Semaphore(0)
        self._told = threading.Semaphore(0)
        self._interpretation = program.interpretation(self._prepare)
        self._known = known
        before = threading.stack_size(_STACK)
        self._thread = threading.Thread(target=self._work, name="neuralpdb interpreter", daemon=True)
        self._started = False
        try:
            self._thread.start()
        finally:
            threading.stack_size(before)

    def answer(self, history: list[Frame], seconds: float | None, place: Frame | None = None) -> Computed | NotTold:
        """Return what comes after a history that begins with all that was said.

        seconds: longest time that it may take; None: any. place: where the program goes on, if only that is not known.
        """
        answers = self.follower.answers
        new = len(answers) <= len(history)
        undecided = not new and len(history) == len(self.said) and isinstance(answers[len(history)], NotTold)
        if self.last is None and (new or not self._started or (undecided and place is not None)):
            self._started = True
            self.said += history[len(self.said) :]
            self._place = place if undecided else None
            self._asked.release()
            if not self._told.acquire(timeout=seconds):
                self.leave("no answer in time")
                self.last = NotTold(f"no answer within {seconds or 0:g} seconds")
        if len(history) < len(answers):
            return answers[len(history)]
        return self.last or NotTold("internal error: the run has no answer")

    def leads_elsewhere(self, history: list[Frame], place: Frame) -> bool:
        """Whether another place than `place` was chosen behind a history."""
        answer = self.follower.answers[len(history)] if len(self.follower.answers) > len(history) else None
        return isinstance(answer, Computed) and answer.placed and answer.frame.place != place.place

    def leave(self, why: str = "the run is left") -> None:
        """End the run."""
        if not self._thread.is_alive():
            return
        self._left = True
        machine = self._interpretation.machine
        if machine is not None:
            machine.poison(why)
        self._asked.release()
        self._thread.join(_GRACE)
        sys.setrecursionlimit(self._limit)

    def _prepare(self, machine: Machine) -> None:
        self.follower.machine = machine
        machine.decide = self.follower.decide
        machine.doubt = self.follower.doubt
        machine.events.known = self._known
        if machine.events.repetition is not None:
            machine.events.repetition.changes = lambda: self.follower.changes

    def _next_said(self, number: int) -> Frame:
        if number >= len(self.said):
            answer = self.follower.answers[number]
            if self.ahead is not None and isinstance(answer, Computed) and answer.whole:
                frame = self.ahead(answer)
                if self._interpretation.machine is not None:
                    self._interpretation.machine.limit_recursion()
                if frame is not None:
                    self.said.append(frame)
                    return frame
            with contextlib.suppress(RecursionError):  # the program is nested deeper: the limit of the machine stays
                sys.setrecursionlimit(self._limit)
            self._told.release()
            self._asked.acquire()
            machine = self._interpretation.machine
            if self._left:
                if machine is not None:
                    machine.over = True
                raise _Left("the run is left")
            if machine is not None:
                machine.limit_recursion()
            place, self._place = self._place, None
            if place is not None:
                self.follower.placed = place
                return place
        return self.said[number]

    def _work(self) -> None:
        self._asked.acquire()
        try:
            if not self._left:
                outcome = self._interpretation.run(self.follower.emit)
                why = "the program ended" if outcome.end is End.ENDED else outcome.why or outcome.end.value
                is_ended = outcome.end is End.ENDED and not outcome.assuming
                self.last = NotTold(why, ended=is_ended, endless=outcome.end is End.ENDLESS)
        finally:
            self._told.release()


class _Program:
    """What is run: a text, and where it is entered.

    start: the frame in the middle of a function or of the module that it is entered by; None for its entry.
    arguments: of the script. script: its name in `sys.argv`; empty: the filename.
    """

    def __init__(
        self,
        text: str,
        filename: str,
        function: str | None,
        line: int,
        start: Frame | None,
        bounds: Bounds,
        arguments: Sequence[str] = (),
        script: str = "",
    ) -> None:
        self.text, self.filename, self.function, self.line, self.bounds = text, filename, function, line, bounds
        self.start = start
        self.arguments = arguments
        self.script = script

    def interpretation(self, prepare: Entered.Prepare) -> Interpretation:
        """Return a new interpretation of it."""
        return Entered(
            self.text,
            filename=self.filename,
            entry_function=self.function,
            entry_line=self.line,
            arguments=self.arguments,
            script=self.script,
            bounds=self.bounds,
            start=self.start,
            prepares=prepare,
        )


class Histories:
    """Tells the next frame after any history of one program.

    seconds: the longest time for one answer.
    """

    def __init__(
        self,
        text: str,
        *,
        filename: str,
        entry_function: str | None = None,
        entry_line: int = 1,
        start: Frame | None = None,
        arguments: Sequence[str] = (),
        script: str = "",
        bounds: Bounds | None = None,
        seconds: float | None = SECONDS,
        ahead: Ahead | None = None,
        allowance: Allowance | None = None,
        hides: bool = False,
    ) -> None:
        """Arguments are those of `interpret`; start: the frame that a trace begins with in the middle of the program.

        With a `start`, entry_function and entry_line are not looked at. ahead: where it is given, a run goes on by
        itself while all is known and it says so. allowance: for each thing that the user evaluates. hides: a value is
        not known any more where the history has a HOLE for it.
        """
        self.seconds = seconds
        self.ahead = ahead
        self.hides = hides
        self._program = _Program(text, filename, entry_function, entry_line, start, bounds or BOUNDS, arguments, script)
        self._runs: list[_Run] = []
        limit = SECONDS if seconds is None else seconds
        self._views = Views(self._program.interpretation, text, filename, limit, allowance)
        self._is_start_invented = False
        self._collects = gc.isenabled()

    @classmethod
    def of(cls, entry: Entry, *, bounds: Bounds | None = None, seconds: float | None = SECONDS) -> Histories:
        """Return the histories of a trace that begins at an entry of the debugger."""
        return cls.started(
            entry.program.text,
            entry.program.name,
            function=entry.function,
            line=entry.marked,
            first=entry.first,
            arguments=entry.arguments,
            bounds=bounds,
            seconds=seconds,
        )

    @classmethod
    def started(
        cls,
        text: str,
        filename: str,
        *,
        function: str | None,
        line: int,
        first: Frame | None,
        arguments: Sequence[str] = (),
        script: str = "",
        bounds: Bounds | None = None,
        seconds: float | None = SECONDS,
        ahead: Ahead | None = None,
        hides: bool = False,
    ) -> Histories:
        """Return the histories of a trace that begins as an `Entry` of the debugger says; first: None if invented."""
        found = cls(
            text,
            filename=filename,
            entry_function=function,
            entry_line=line,
            start=first if function is None else None,
            arguments=arguments,
            script=script,
            bounds=bounds,
            seconds=seconds,
            ahead=ahead,
            hides=hides,
        )
        found._is_start_invented = first is None
        return found

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        """Return the frame after a history (oldest first; empty: the first one), or why it is not told.

        place: one of the choices of the last answer, as a frame of which only the event and the line count.
        """
        if self._is_start_invented and not self._began_with(history):
            return NotTold("the first frame is not given")
        start = self._program.start
        if start is not None and not history:
            return Computed(start)
        said = history if type(history) is list else list(history)
        run = self._run_that_knows(said)
        new = said if run is None else said[len(run.said) :]
        if any(type(frame) is not Frame for frame in new):
            return NotTold("something in the history is no frame")
        gc.disable()  # see `Interpretation.run`: also while a run waits
        try:
            if run is not None and place is not None and run.leads_elsewhere(said, place):
                self._runs.remove(run)
                run.leave()
                run = None
            run = run or self._begun(said)
            answer = run.answer(said, self.seconds, place)
            if place is not None and isinstance(answer, NotTold) and answer.choices:
                answer = run.answer(said, self.seconds, place)  # it did not stand there yet
            while run.follower.retry is not None and len(said) > run.follower.retry[0]:
                run = self._again(run)
                answer = run.answer(said, self.seconds)
            return answer
        finally:
            if self._collects and not self._runs and self._views.is_empty:
                gc.enable()

    def evaluate(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Evaluated:
        """Evaluate an expression at the last frame of a history, with no effect on anything.

        depth: of the call in which the names are looked up; None for that of the last frame.
        """
        with self._viewing(history) as views:
            return views.evaluate(expression, depth)

    def execute(self, history: Sequence[Frame], statements: str, depth: int | None = None) -> Executed:
        """Run statements at the last frame of a history; return the frame that is to take its place."""
        with self._viewing(history) as views:
            return views.execute(statements, depth)

    def children(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Children:
        """Return the parts of a value at the last frame of a history: its attributes or items."""
        with self._viewing(history) as views:
            return views.children(expression, depth)

    @contextlib.contextmanager
    def _viewing(self, history: Sequence[Frame]) -> Iterator[Views]:
        """Give the views the end of a history."""
        said = list(history)
        if self._is_start_invented:
            self._began_with(said)
        gc.disable()
        try:
            self._views.stand_at(said, self._made_before)
            yield self._views
        finally:
            if self._collects and not self._runs and self._views.is_empty:
                gc.enable()

    def _made_before(self, history: Sequence[Frame]) -> tuple[Sequence[Computed], Mapping[int, Failing]]:
        """Return the frames that a run has made of a history, and what operations have raised in it."""
        shared = [(_shared(run.said, history), n) for n, run in enumerate(self._runs)]
        length, number = max(shared, default=(0, 0))
        return (_known(self._runs[number], history[:length]), self._runs[number].failing) if length else ((), {})

    def _began_with(self, history: Sequence[Frame]) -> bool:
        """Begin with the first frame of a history, which somebody else invented; return whether there is one."""
        if not history or type(history[0]) is not Frame:
            return False
        if self._program.start != history[0]:
            self.close()
            self._program.start = history[0]
        return True

    def close(self) -> None:
        """End all runs."""
        self._views.close()
        while self._runs:
            self._runs.pop().leave()
        if self._collects:
            gc.enable()

    def _run_that_knows(self, history: list[Frame]) -> _Run | None:
        """Return a run that comes by a history, and make it the first of those that are kept."""
        for number, run in enumerate(self._runs):
            common = min(len(history), len(run.said))
            begun = run.said if common == len(run.said) else run.said[:common]
            if begun == (history if common == len(history) else history[:common]):
                self._runs.insert(0, self._runs.pop(number))
                return run
        return None

    def _again(self, run: _Run) -> _Run:
        """Begin a run in place of one that went another way than the history says."""
        assert run.follower.retry is not None
        number, failing = run.follower.retry
        changed = run.failing if failing is None else {**run.failing, number: failing}
        made = _Run(self._program, _known(run, run.said[:number]), changed, self.ahead, hides=self.hides)
        self._runs[self._runs.index(run)] = made
        return made

    def _begun(self, history: list[Frame]) -> _Run:
        """Begin a run for a history, with the frames that another one has made of its beginning."""
        best: _Run | None = None
        shared = -1
        for run in self._runs:
            length = _shared(run.said, history)
            if length > shared:
                best, shared = run, length
        known = _known(best, history[:shared]) if best is not None else []
        while len(self._runs) >= KEPT:
            self._runs.pop().leave()
        self._runs.insert(0, _Run(self._program, known, ahead=self.ahead, hides=self.hides))
        return self._runs[0]


def _shared(a: Sequence[Frame], b: Sequence[Frame]) -> int:
    """Return how many frames two histories share from their start."""
    count = 0
    for ours, theirs in zip(a, b, strict=False):
        if ours is not theirs and ours != theirs:
            break
        count += 1
    return count


def _known(run: _Run, history: Sequence[Frame]) -> list[Computed]:
    """Return the frames that a run with this beginning will make, as far as they need not be made again."""
    found: list[Computed] = []
    for answer, said in zip(run.follower.answers[: run.follower.silent], history, strict=False):
        if isinstance(answer, NotTold) or len(found) in run.failing or said.origin is Origin.GUESSED:
            break
        found.append(answer)
    return found


__all__ = ["HOLE", "KEPT", "Children", "Computed", "Evaluated", "Executed", "Histories", "NotTold"]
