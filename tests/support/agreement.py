"""The interpreter against the recorder: one program, run for real in this process, and computed."""

from __future__ import annotations

import contextvars
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from places import TESTS

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import Bounds, End, Outcome, interpret
from neuralpdb.realrun.recorder import Interrupt, Limits, record
from neuralpdb.trace.frames import Ended, Frame, Trace

TRAPS = sorted((TESTS / "interpreter").glob("traps*.txt"))
SEPARATOR = "\n#----\n"


@dataclass(frozen=True)
class Agreement:
    """How what is computed agrees with what happened.

    whole: frames told whole and right. partly: right but for holes, or under an assumption. missing: not told.
    wrong: what is wrong, in words; empty when nothing is.
    """

    whole: int
    partly: int
    missing: int
    wrong: str
    outcome: Outcome

    @property
    def frames(self) -> int:
        return self.whole + self.partly + self.missing


def traps() -> list[str]:
    """Return the programs of the trap files; each defines main()."""
    return [program for path in TRAPS for program in path.read_text("utf-8").rstrip().split(SEPARATOR)]


def real(text: str, filename: str, function: str | None, line: int, frames: int, seconds: float) -> Trace:
    limits = Limits(frames=frames)

    def run() -> Trace:
        return record(text, filename=filename, entry_function=function, entry_line=line, limits=limits)

    with _limited(seconds), _fresh_logging(), _arguments([filename]):
        return contextvars.Context().run(run)  # decimals begin with their default context, as in a process of its own


@contextmanager
def _arguments(argv: list[str]) -> Iterator[None]:
    kept, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = kept


@contextmanager
def _fresh_logging() -> Iterator[None]:
    """Let a program find the module logging as a new process has it: it keeps what it is told in this one."""
    root, tables = logging.root, (logging._levelToName, logging._nameToLevel, logging.root.manager.loggerDict)
    kept = root.handlers[:], root.level, root.manager.disable, [dict(table) for table in tables]
    root.handlers[:] = []
    root.setLevel(logging.WARNING)
    root.manager.disable = 0
    logging.root.manager.loggerDict.clear()
    try:
        yield
    finally:
        root.handlers[:], level, root.manager.disable, copies = kept
        root.setLevel(level)
        for table, copy in zip(tables, copies, strict=True):
            table.clear()  # type: ignore[attr-defined]
            table.update(copy)  # type: ignore[attr-defined]


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise Interrupt("time")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def compare(
    text: str,
    *,
    filename: str = "<program>",
    function: str | None = "main",
    line: int = 1,
    frames: int = 200,
    seconds: float = 2.0,
    operations: int = 3_000_000,
) -> Agreement:
    """Run a program both ways and compare frame by frame."""
    trace = real(text, filename, function, line, frames, seconds)
    computed, outcome = interpret(
        text,
        filename=filename,
        entry_function=function,
        entry_line=line,
        bounds=Bounds(frames=len(trace.frames) + 1, operations=operations),
    )
    return agreement(trace, computed, outcome)


def agreement(trace: Trace, computed: list[Computed], outcome: Outcome) -> Agreement:
    """Compare computed frames with recorded ones."""
    whole = partly = 0
    wrong = ""
    for n, (guess, truth) in enumerate(zip(computed, trace.frames, strict=False)):
        if not guess.assuming and (wrong := difference(guess, truth)):
            wrong = f"frame {n}: {wrong}"
            break
        if guess.whole:
            whole += 1
        else:
            partly += 1
    assumed = outcome.assuming
    if not wrong and not assumed:
        if len(computed) > len(trace.frames) and isinstance(trace.end, Ended):
            wrong = f"too many frames: {computed[len(trace.frames)].frame.place}"
        elif outcome.end is End.ENDED and len(computed) < len(trace.frames):
            wrong = f"too few frames: {trace.frames[len(computed)].place} is missing"
    if outcome.end is End.FAULT:
        wrong = wrong or f"fault: {outcome.why}"
    missing = max(0, len(trace.frames) - whole - partly)
    return Agreement(whole, partly, missing, wrong, outcome)


def difference(guess: Computed, truth: Frame) -> str:
    """Return what a computed frame has otherwise than the recorded one; holes agree with everything."""
    frame = guess.frame
    if frame.place != truth.place:
        return f"{frame.place} instead of {truth.place}"
    if list(frame.locals) != list(truth.locals):
        return f"at {truth.place}: variables {list(frame.locals)} instead of {list(truth.locals)}"
    for name, text in truth.locals.items():
        if name not in guess.unknown and frame.locals[name] != text:
            return f"at {truth.place}: {name} = {frame.locals[name][:300]} instead of {text[:300]}"
    if "" not in guess.unknown and frame.value != truth.value:
        return f"at {truth.place}: value {frame.value} instead of {truth.value}"
    if frame.source != truth.source:
        return f"at {truth.place}: source {frame.source!r} instead of {truth.source!r}"
    return ""
