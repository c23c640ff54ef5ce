"""Frame sources for tests: recorded runs, and sources that compute the next frame from whatever history they get.

No model: their predictions are known, quick and always the same.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType

from places import ROOT

from neuralpdb.debugger.session import Session
from neuralpdb.errors import TargetError
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.events import Computed
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import moves_after
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Event, Frame, FrameSource, Origin, Outcome, Trace, Trouble, TroubleKind
from neuralpdb.trace.stack import stack_of

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


def entry_of(text: str, *, name: str = "p.py", call: str = "", at: int = 0, state: Sequence[str] = ()) -> Entry:
    return enter(Program.parse(text, name), call=call, at=at, state=state)


def recorded(entry: Entry) -> Trace:
    """Record the real run from `entry` on; it has to be one that can be run."""
    with _stand_ins():
        trace = record(
            entry.program.text,
            filename=entry.program.name,
            entry_function=entry.function,
            entry_line=entry.marked,
        )
    assert trace.frames, trace.end
    return trace


class Arm:
    def __init__(self, port: str) -> None:
        pass

    def __repr__(self) -> str:
        return "<Arm object>"

    def rotate(self, angle: int) -> None:
        pass


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Provide modules that the examples import and nobody has."""
    driver = ModuleType("robot_arm_driver")
    driver.__dict__["connect"] = Arm
    sys.modules["robot_arm_driver"] = driver
    try:
        yield
    finally:
        del sys.modules["robot_arm_driver"]


def real_session(text: str, *, call: str = "") -> tuple[Session, Counted]:
    """Return a started session over the recorded run of `text`, and the counter of its requests."""
    entry = entry_of(text, call=call)
    source = Counted(recorded(entry))
    session = Session(entry, source)
    session.start()
    return session, source


@dataclass
class Counted:
    """Passes on to `source` and keeps every history that was asked about.

    asked:        the histories, in order.
    draws:        the draw of each request.
    interrupt_at: number of the call that Ctrl-C hits; 0 for none.
    """

    source: FrameSource
    asked: list[tuple[Frame, ...]] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    interrupt_at: int = 0

    @property
    def calls(self) -> int:
        return len(self.asked)

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        self.asked.append(tuple(history))
        self.draws.append(draw)
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt
        return self.source.next(history, draw=draw)


class Computing:
    """Computes every frame by the rules of Python, as far as these tell it."""

    def __init__(self, entry: Entry) -> None:
        self.histories = ComputedHistories(entry)

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        answer = self.histories.next(history)
        return answer.frame if isinstance(answer, Computed) else Ended(answer.why)


@dataclass
class Misled:
    """A model that believes another program: it follows `mistaken`; put back on the way of `actual` it stays there."""

    mistaken: Trace
    actual: Trace

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        outcome = self.mistaken.next(history)
        if isinstance(outcome, Trouble):
            outcome = self.actual.next(history)
        return outcome.replace(origin=Origin.PREDICTED) if isinstance(outcome, Frame) else outcome


def misled(entry: Entry, text: str, believed: str) -> Misled:
    """Return a model that takes `text` of the program for `believed` (of as many lines)."""
    program = entry.program
    assert text in program.text
    other = enter(Program.parse(program.text.replace(text, believed), program.name))
    frames = tuple(frame.replace(source=program.line(frame.line or 0)) for frame in recorded(other).frames)
    return Misled(Trace(frames, recorded(other).end), recorded(entry))


@dataclass
class Unfolding:
    """A real run of which `ready` frames are known; who waits longer than a moment gets the awaited frame.

    waits:      (count, timeout) of each wait.
    interrupt:  Ctrl-C comes instead of the frames.
    fails:      why it failed; empty for no failure.
    unstable:   as in `Comparison`, known once the run is settled.
    comparable: as in `Comparison`, known once the run is settled, for which somebody has to wait.
    """

    trace: Trace
    ready: int | None = None
    waits: list[tuple[int, float | None]] = field(default_factory=list)
    interrupt: bool = False
    fails: str = ""
    unstable: Mapping[int, frozenset[str]] = field(default_factory=dict)
    comparable: int = 10**9
    settled: bool = False

    @property
    def frames(self) -> Sequence[Frame]:
        return self.trace.frames[: self.ready]

    @property
    def finished(self) -> bool:
        return self.ready is None

    def wait_for(self, count: int, timeout: float | None = None) -> bool:
        self.waits.append((count, timeout))
        if self.ready is not None and count > self.ready and (timeout is None or timeout > 0.1):
            if self.interrupt:
                raise KeyboardInterrupt
            self.ready = count if count <= len(self.trace.frames) else None
        return len(self.frames) >= count

    def settle(self, timeout: float | None = None) -> bool:
        self.settled = True
        return True

    def accidents(self, index: int) -> Collection[str] | None:
        if not self.settled:
            return ()
        return self.unstable.get(index, ()) if index < self.comparable else None

    def result(self) -> Trace:
        if self.fails:
            raise TargetError(self.fails)
        return self.trace


SUMS = """\
total = 0
n = 0
while n < 3:
    n += 1
    total += n
print(total)
"""


CALLS = """\
def double(n):
    m = n + n
    return m


def twice(n):
    first = double(n)
    second = double(first)
    return second


a = 1
b = twice(a)
c = b + 1
"""
"""Calls in calls, line by line."""


class Sums:
    """A source that works out `SUMS` from the last frame of the history alone, edited or not, as a model would."""

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        last = history[-1]
        try:
            state = {name: int(value) for name, value in last.locals.items()}
            line = self._step(last.line or 0, state)
        except KeyError as error:
            return Trouble(TroubleKind.MALFORMED, f"there is no {error}", "<|line_sep|>?")
        except ValueError as error:
            return Trouble(TroubleKind.MALFORMED, str(error))
        if line is None:
            return Ended("the program ended")
        texts = {name: repr(value) for name, value in state.items()}
        return Frame(Event.LINE, "<module>", line, SUMS.splitlines()[line - 1], texts)

    @staticmethod
    def _step(line: int, state: dict[str, int]) -> int | None:
        if line in (1, 2):
            state["total" if line == 1 else "n"] = 0
        elif line == 3:
            return 4 if state["n"] < 3 else 6
        elif line == 4:
            state["n"] += 1
        elif line == 5:
            state["total"] += state["n"]
            return 3
        return line + 1 if line < 6 else None


def sums_session() -> tuple[Session, Counted]:
    source = Counted(Sums())
    session = Session(entry_of(SUMS), source)
    session.start()
    return session, source


@dataclass
class Invented:
    """A source that makes up the start too; each draw is another one."""

    starts: int = 0

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        if history:
            return Ended()
        self.starts += 1
        return Frame(Event.CALL, "f", 1, "def f(x):", {"x": str(draw)})


@dataclass
class Wandering:
    """A random walk over everything that control flow allows, with random locals; now and then trouble or Ctrl-C.

    The same history always gives the same frame, as with a greedy model. No prediction is known to be true, so what
    a session does with it has to hold for any model.
    """

    entry: Entry
    seed: int = 0
    patience: int = 0

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        spelled = "|".join(f"{f.event}{f.line}{f.depth}{sorted(f.locals.items())}" for f in history[-6:])
        dice = zlib.crc32(f"{self.seed}|{len(history)}|{spelled}".encode())
        if dice % 61 == 0:
            return Trouble(TroubleKind.MALFORMED, "nonsense \x1b[31m", "<|frame_sep|>\x9b1m")
        self.patience += 1
        if self.patience % 47 == 0:
            raise KeyboardInterrupt
        last, stack = history[-1], stack_of(history)
        moves = moves_after(self.entry.program, stack, last, floor=history[0].depth)
        if not moves.options or (moves.ends and dice % 3 == 0):
            return Ended("the walk ended")
        move = moves.options[dice // 64 % len(moves.options)]
        old_locals = next((a.last.locals for a in stack if a.depth == move.depth), {})
        state = (
            dict(old_locals)
            if move.event in (Event.RETURN, Event.EXCEPTION)
            else self._locals(old_locals, dice, move.event)
        )
        return Frame(
            event=move.event,
            function=move.function,
            line=move.line,
            source=self.entry.program.line(move.line),
            locals=state,
            value="'[red]\x1b]0;x\x07'" if move.event in (Event.RETURN, Event.EXCEPTION) else None,
            depth=move.depth,
            origin=Origin.PREDICTED,
        )

    @staticmethod
    def _locals(old_locals: Mapping[str, str], dice: int, event: Event) -> dict[str, str]:
        state = {} if event is Event.CALL else dict(old_locals)
        state["abcn"[dice // 7 % 4]] = ("1", "[1, 2]", "'\x1b[0m'", "<Dog object>", "{'k': 'v'}")[dice // 11 % 5]
        if dice % 5 == 0:
            state.pop("a", None)
        return state
