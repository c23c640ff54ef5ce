"""Truth: the real run of a program, and which part of it can be compared with a prediction at all.

A value that another run of the same program does not have cannot be predicted, nor one that was cut or that has no
text; nothing can be compared after two runs took different ways, or after the (empty) input was read. The rules are
spelled out in docs/fidelity.md. It knows nothing of models or scores.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.program.entry import Entry
from neuralpdb.program.program import Program
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.process import RealRun
from neuralpdb.realrun.process import start as start_run
from neuralpdb.trace.frames import UNREPRESENTABLE, VALUE, Event, Frame, Trace, Trouble, TroubleKind

CLOCK_SHIFT = 521 * 86_400 + 7 * 3_600 + 23 * 60 + 41
"""Seconds that the date of another run is ahead: year, month, day, weekday, hour, minute and second all change."""

_PURE = frozenset(
    "__future__ abc argparse array ast base64 binascii bisect builtins cmath codecs collections colorsys contextlib "
    "copy csv dataclasses decimal difflib enum fnmatch fractions functools graphlib hashlib heapq hmac html io "
    "itertools json keyword logging math numbers operator pprint re reprlib shlex statistics string struct sys "
    "textwrap types typing typing_extensions unicodedata zlib".split()
)
"""Modules that are the same in all runs of a program."""
_OUTSIDE = frozenset(
    "id hash open eval exec compile __import__ set frozenset object environ getpid urandom perf_counter".split()
)
"""Names that lead out of the program, to addresses, or to sets (an order that depends on addresses)."""
_CHANCE = frozenset(
    "random secrets uuid urandom getrandom numpy torch threading multiprocessing concurrent _thread".split()
)
"""Names of chance and of threads, where one more run is not enough."""
_MORE_RUNS = 4
"""Repetitions of such a program: a thrown coin falls alike in every second pair of runs, in five runs hardly ever."""


@dataclass(frozen=True)
class Truth:
    """A real run, and which parts of it can be compared.

    trace:      the frames and the end.
    python:     version of the interpreter that made it, "3.11.7".
    unstable:   frame index -> names of locals whose text is not comparable; `VALUE` stands for the return value or
                exception. Frames without any are not in it.
    comparable: index of the first of the frames at the end that are not comparable; the number of frames when all are.
    why:        the reason why the comparable part ends, "" when all frames are comparable.
    runs:       how often the program was run.
    output:     the output of the first run, cut at the limit.
    """

    trace: Trace
    python: str
    unstable: Mapping[int, frozenset[str]] = field(default_factory=dict)
    comparable: int = 0
    why: str = ""
    runs: int = 1
    output: str = ""


def truth(
    entry: Entry,
    *,
    filename: str,
    argv: Sequence[str] = (),
    limits: Limits | None = None,
    twice: bool | None = None,
    cwd: str | os.PathLike[str] | None = None,
    python: str | None = None,
) -> Truth:
    """Run the program from `entry` and return what can be compared.

    twice: run it again to see which values differ; None: when its text can depend on anything outside of it.
    Raises UsageError when a real run cannot start there, TargetError when it fails before.
    """
    limits = limits or Limits()

    def begin(clock_shift: float) -> RealRun:
        return start(
            entry, filename=filename, argv=argv, limits=limits, cwd=cwd, python=python, clock_shift=clock_shift
        )

    with begin(0.0) as run:
        current = of_run(run, limits)
    for updated in repeated(current, entry, begin, twice):
        current = updated
    return current


def repeated(
    current: Truth, entry: Entry, begin: Callable[[float], RealRun], twice: bool | None = None
) -> Iterator[Truth]:
    """Yield the updated truth after each further run, as many as are needed; nothing when one is enough.

    begin: starts a run whose date is ahead by the given seconds. twice: as for `truth`.
    """
    runs = more_runs(entry.program) if twice is None else twice and max(1, more_runs(entry.program))
    if isinstance(current.trace.end, Trouble):
        runs = min(runs, 1)  # it may have run into a limit of time, and would do so each time
    for number in range(1, runs + 1):
        with begin(number * CLOCK_SHIFT) as run:
            current = against(current, _trace(run))
        yield current
        if not current.comparable:
            return


def start(
    entry: Entry,
    *,
    filename: str,
    argv: Sequence[str] = (),
    limits: Limits | None = None,
    cwd: str | os.PathLike[str] | None = None,
    python: str | None = None,
    clock_shift: float = 0.0,
) -> RealRun:
    """Start the real run from `entry` without waiting for it. For the other arguments see `process.start`.

    Raises UsageError when a real run cannot start there, TargetError when the interpreter cannot be started.
    """
    return start_run(
        entry.program.text,
        filename=filename,
        argv=argv,
        entry_function=entered(entry),
        entry_line=entry.marked,
        limits=limits,
        cwd=cwd,
        python=python,
        clock_shift=clock_shift,
    )


def entered(entry: Entry) -> str | None:
    """Return the function that a real run has to call to start at `entry`, None for module-level code.

    Raises UsageError where no real run can start: in the middle of a function, or with values of --set.
    """
    name, first = entry.program.name, entry.first
    if first is None:
        raise UsageError(f"{name}: a marked function has no arguments to run with", "name a call: --call EXPR")
    if entry.function:
        return entry.function
    if first.locals:
        raise UsageError(f"{name}: a real run cannot start with the values of --set", "name a call: --call EXPR")
    if first.event is Event.CALL:
        return first.function
    if first.function != "<module>":
        raise UsageError(f"{name}: a real run cannot start inside {first.function}()", "name a call: --call EXPR")
    return None


def of_run(run: RealRun, limits: Limits) -> Truth:
    """Return the truth of one run, waiting for its end. Raises TargetError as `RealRun.result`."""
    trace = run.result()
    unstable = {i: names for i, frame in enumerate(trace.frames) if (names := _without_text(frame, limits))}
    current = Truth(trace, run.python, unstable, len(trace.frames), output=run.output)
    if run.input_read is not None and run.input_read < current.comparable:
        return _ended(current, run.input_read, "the program read its input, which is empty here")
    return current


def against(current: Truth, other: Trace) -> Truth:
    """Return the truth after another run.

    A text that differs at the same place is unstable, and nothing is comparable from where the ways part.
    """
    frames, unstable = current.trace.frames, dict(current.unstable)
    for i, (frame, other_frame) in enumerate(zip(frames[: current.comparable], other.frames, strict=False)):
        if frame.place != other_frame.place:
            reason = "another run went another way"
            return _ended(replace(current, unstable=unstable, runs=current.runs + 1), i, reason)
        if names := _differing(frame, other_frame):
            unstable[i] = unstable.get(i, frozenset()) | names
    current = replace(current, unstable=unstable, runs=current.runs + 1)
    if len(other.frames) >= current.comparable:
        return current
    cut = f": {other.end.message}" if isinstance(other.end, Trouble) else ""
    return _ended(current, len(other.frames), f"another run ended here{cut}")


def more_runs(program: Program) -> int:
    """Return how many more runs show what differs between runs; 0 for a program that depends on nothing outside."""
    names = set(_mentioned(program.tree))
    if names & _CHANCE:
        return _MORE_RUNS
    return 1 if names & _OUTSIDE or any(name.startswith("import ") for name in names) else 0


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Yield names and attributes that a program uses; `import NAME` for a module that may lead outside."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from _module(alias.name)
            case ast.ImportFrom(module=name, names=aliases, level=level):
                yield from _module("." * level + (name or ""))
                yield from (alias.name for alias in aliases)
            case ast.Set() | ast.SetComp():
                yield "set"


def _module(name: str) -> Iterator[str]:
    top = name.partition(".")[0]
    if top not in _PURE:
        yield from (top, f"import {name}")


def _trace(run: RealRun) -> Trace:
    try:
        return run.result()
    except TargetError as error:  # it ran before: something that it needs is gone now
        return Trace((), Trouble(TroubleKind.UNAVAILABLE, error.message))


def _without_text(frame: Frame, limits: Limits) -> frozenset[str]:
    """Return the names whose text is cut or stands for no text."""
    return frozenset(name for name, text in _texts(frame) if len(text) > limits.value_chars or text == UNREPRESENTABLE)


def _texts(frame: Frame) -> Iterator[tuple[str, str]]:
    yield from frame.locals.items()
    if frame.value is not None:
        yield VALUE, frame.value


def _differing(frame: Frame, other: Frame) -> frozenset[str]:
    if frame.locals == other.locals and frame.value == other.value:
        return frozenset()
    texts, other_texts = dict(_texts(frame)), dict(_texts(other))
    return frozenset(name for name in texts.keys() | other_texts.keys() if texts.get(name) != other_texts.get(name))


def _ended(current: Truth, comparable: int, why: str) -> Truth:
    """Return the truth with only the frames up to `comparable`."""
    unstable = {i: names for i, names in current.unstable.items() if i < comparable}
    return replace(current, unstable=unstable, comparable=comparable, why=why)
