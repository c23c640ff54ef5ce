"""The real run of a program, and which part of it can be compared with a prediction at all.

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
"""Seconds that the date of another run is ahead: it changes year, month, day, weekday, hour, minute and second."""

_PURE = frozenset(
    "__future__ abc argparse array ast base64 binascii bisect builtins cmath codecs collections colorsys contextlib "
    "copy csv dataclasses decimal difflib enum fnmatch fractions functools graphlib hashlib heapq hmac html io "
    "itertools json keyword logging math numbers operator pprint re reprlib shlex statistics string struct sys "
    "textwrap types typing typing_extensions unicodedata zlib".split()
)
"""Modules of which all runs of a program see the same."""
_OUTSIDE = frozenset(
    "id hash open eval exec compile __import__ set frozenset object environ getpid urandom perf_counter".split()
)
"""Names that lead out of the program, to addresses, or to sets (an order that depends on addresses)."""
_CHANCE = frozenset(
    "random secrets uuid urandom getrandom numpy torch threading multiprocessing concurrent _thread".split()
)
"""Where one more run is not enough: a thrown coin falls alike in every second pair of runs."""
_MORE_RUNS = 4


@dataclass(frozen=True)
class Truth:
    """What really happened, and what of it can be compared.

    python:     version of the interpreter that made it, "3.11.7".
    unstable:   frame index -> names of locals whose text is not comparable; `VALUE` stands for the return value or
                exception. Frames without any are not in it.
    comparable: index of the first frame of all that are not comparable; the number of frames when all are.
    why:        the reason for the end of what is comparable, "" when all frames are.
    runs:       how often the program was run.
    output:     what it wrote in the first run, cut at the limit.
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
    """Run the program from `entry` and say what can be compared.

    twice: run it again to find what differs; None: when its text can depend on anything outside of it.
    Raises UsageError when a real run cannot start there, TargetError when it fails before.
    """
    limits = limits or Limits()

    def begin(clock_shift: float) -> RealRun:
        return start(
            entry, filename=filename, argv=argv, limits=limits, cwd=cwd, python=python, clock_shift=clock_shift
        )

    with begin(0.0) as run:
        found = of_run(run, limits)
    for better in repeated(found, entry, begin, twice):
        found = better
    return found


def repeated(
    found: Truth, entry: Entry, begin: Callable[[float], RealRun], twice: bool | None = None
) -> Iterator[Truth]:
    """What is known after each further run, as many as it takes; nothing when one is enough.

    begin: starts a run whose date is so many seconds ahead. twice: as for `truth`.
    """
    more = more_runs(entry.program) if twice is None else twice and max(1, more_runs(entry.program))
    if isinstance(found.trace.end, Trouble):
        more = min(more, 1)  # it may have run into a limit of time, and would do so each time
    for number in range(1, more + 1):
        with begin(number * CLOCK_SHIFT) as again:
            found = against(found, _trace(again))
        yield found
        if not found.comparable:
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
    """Start the real run from `entry`, to be watched; it is not waited for. For the rest see `tracer.start`.

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
    """The function that a real run has to call to start at `entry`, None for module-level code.

    Raises UsageError where no real run can start: in the middle of a function, or with values that were made up.
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
    """What one run says, waited for. Raises TargetError as `RealRun.result`."""
    trace = run.result()
    unstable = {i: names for i, frame in enumerate(trace.frames) if (names := _without_text(frame, limits))}
    found = Truth(trace, run.python, unstable, len(trace.frames), output=run.output)
    if run.input_read is not None and run.input_read < found.comparable:
        return _ended(found, run.input_read, "the program read its input, which is empty here")
    return found


def against(found: Truth, other: Trace) -> Truth:
    """`found` after another run: what differs at the same place is unstable, and nothing counts where the ways part."""
    frames, unstable = found.trace.frames, dict(found.unstable)
    for i, (mine, theirs) in enumerate(zip(frames[: found.comparable], other.frames, strict=False)):
        if mine.place != theirs.place:
            why = "another run went another way"
            return _ended(replace(found, unstable=unstable, runs=found.runs + 1), i, why)
        if names := _differing(mine, theirs):
            unstable[i] = unstable.get(i, frozenset()) | names
    found = replace(found, unstable=unstable, runs=found.runs + 1)
    if len(other.frames) >= found.comparable:
        return found
    cut = f": {other.end.message}" if isinstance(other.end, Trouble) else ""
    return _ended(found, len(other.frames), f"another run ended here{cut}")


def more_runs(program: Program) -> int:
    """How many more runs it takes to see what is not the same in all of them; 0 for a program that is on its own."""
    names = set(_mentioned(program.tree))
    if names & _CHANCE:
        return _MORE_RUNS
    return 1 if names & _OUTSIDE or any(name.startswith("import ") for name in names) else 0


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Names and attributes that a program uses; `import NAME` for a module that may show it the outside."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Import(names=found):
                for alias in found:
                    yield from _module(alias.name)
            case ast.ImportFrom(module=name, names=found, level=level):
                yield from _module("." * level + (name or ""))
                yield from (alias.name for alias in found)
            case ast.Set() | ast.SetComp():
                yield "set"


def _module(name: str) -> Iterator[str]:
    top = name.partition(".")[0]
    if top not in _PURE:
        yield from (top, f"import {name}")


def _trace(run: RealRun) -> Trace:
    try:
        return run.result()
    except TargetError as error:  # it ran before: what it needs is gone now
        return Trace((), Trouble(TroubleKind.UNAVAILABLE, error.message))


def _without_text(frame: Frame, limits: Limits) -> frozenset[str]:
    """Names whose text is not the value's."""
    return frozenset(name for name, text in _texts(frame) if len(text) > limits.value_chars or text == UNREPRESENTABLE)


def _texts(frame: Frame) -> Iterator[tuple[str, str]]:
    yield from frame.locals.items()
    if frame.value is not None:
        yield VALUE, frame.value


def _differing(a: Frame, b: Frame) -> frozenset[str]:
    if a.locals == b.locals and a.value == b.value:
        return frozenset()
    mine, theirs = dict(_texts(a)), dict(_texts(b))
    return frozenset(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))


def _ended(found: Truth, comparable: int, why: str) -> Truth:
    """`found` up to `comparable` only."""
    unstable = {i: names for i, names in found.unstable.items() if i < comparable}
    return replace(found, unstable=unstable, comparable=comparable, why=why)
