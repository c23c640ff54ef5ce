"""What stops a movement: breakpoints on lines and functions, watched expressions, their conditions and counts.

It knows stacks and frames, no session: whoever moves asks it of every frame that it passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath

from neuralpdb.errors import UsageError
from neuralpdb.interpreter.rules.expressions import check, evaluate, names_in, truth
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation, Stack
from neuralpdb.trace.values import EvaluationError

_WIDTH = 72
"""Characters of a value in what is said of a change."""


@dataclass
class Breakpoint:
    """One reason to stop: before `line` runs, or when the value of `watched` has changed.

    function:  whose activations it is about; empty: all that have the line, or in which `watched` has a value.
    condition: stop only where it holds, an expression over the locals there.
    ignore:    how many times more it does not stop, though it could.
    commands:  what the prompt carries out when it stops; silent: without showing the stop.
    log:       say this, its `{expressions}` filled in, and do not stop.
    hits:      how many times it was reached while it was enabled.
    """

    number: int
    line: int | None = None
    function: str = ""
    watched: str = ""
    temporary: bool = False
    condition: str = ""
    ignore: int = 0
    commands: tuple[str, ...] = ()
    silent: bool = False
    log: str = ""
    enabled: bool = True
    hits: int = 0

    @property
    def kind(self) -> str:
        return "watchpoint" if self.watched else "breakpoint"


@dataclass(frozen=True)
class Hit:
    """A breakpoint stops here; `message` says which and why, in one line."""

    point: Breakpoint
    message: str


@dataclass
class Breakpoints:
    """All breakpoints of a session, by their numbers; a number is never given twice.

    logged: called with a breakpoint that has a `log` and with what it says, whenever it is reached.
    """

    program: Program
    logged: Callable[[Breakpoint, str], object] = lambda point, text: None
    _points: dict[int, Breakpoint] = field(default_factory=dict)
    _numbered: int = 0

    def __iter__(self) -> Iterator[Breakpoint]:
        """In the order of their numbers; one may be removed meanwhile."""
        return iter([*self._points.values()])

    def __len__(self) -> int:
        return len(self._points)

    # -- setting and removing ---------------------------------------------------------------------------------

    def set(self, line: int, *, function: str = "", condition: str = "", temporary: bool = False) -> Breakpoint:
        """Stop at `line` from now on. Raises UsageError when no code can ever be there, or for a bad condition."""
        if line not in self.lines:
            later = min((number for number in self.lines if number > line), default=None)
            hint = f"the next that can is line {later}" if later is not None else ""
            raise UsageError(f"line {line} never runs", hint)
        condition = checked(condition)
        return self._add(Breakpoint(0, line, function, condition=condition, temporary=temporary))

    def set_at_function(self, name: str, *, condition: str = "", temporary: bool = False) -> Breakpoint:
        """Stop at the first line of a function (`f`, `C.m`). Raises UsageError when there is none of that name."""
        code = self._function(name)
        if code is None:
            raise UsageError(f"there is no function {name!r}")
        line = min(code.starts, default=code.first_line)
        return self.set(line, function=code.name, condition=condition, temporary=temporary)

    def is_function(self, name: str) -> bool:
        """True when the program has a function of that name, `f` or `C.m`."""
        return self._function(name) is not None

    def watch(self, expression: str, *, function: str = "", condition: str = "") -> Breakpoint:
        """Stop when the value of `expression` changes within one activation of `function`. Raises UsageError."""
        return self._add(Breakpoint(0, None, function, checked(expression), condition=checked(condition)))

    def scope(self, expression: str, at: Activation) -> str:
        """The function of `at` when the expression is about a variable of it, else empty. Raises UsageError."""
        code = self.program.code_at(at.function, at.line, at.entered)
        known = {*at.last.locals, *(code.variables if code is not None else ())}
        if at.function == "<module>":
            known |= self.program.globals
        return at.function if names_in(expression) & known else ""

    def find(self, number: int) -> Breakpoint:
        """Raises UsageError when there is none, with pdb's words."""
        if number in self._points:
            return self._points[number]
        gone = 0 < number <= self._numbered
        raise UsageError(f"Breakpoint {number} already deleted" if gone else f"Breakpoint number {number} out of range")

    def at(self, line: int) -> list[Breakpoint]:
        """The breakpoints on a line."""
        return [point for point in self if point.line == line]

    def clear(self, point: Breakpoint) -> None:
        """Remove it, if that has not been done."""
        self._points.pop(point.number, None)

    def restore(self, points: Iterator[Breakpoint]) -> None:
        """Put these in place of all that are here, under their own numbers."""
        self._points = {point.number: point for point in points}
        self._numbered = max([self._numbered, *self._points])

    @property
    def last(self) -> int:
        """The number that was given last."""
        return self._numbered

    @cached_property
    def lines(self) -> frozenset[int]:
        """Where a breakpoint can be: lines that run, and those of a `def`."""
        return frozenset(line for code in self.program.codes for line in (*code.lines, code.first_line))

    def is_own(self, file: str) -> bool:
        """True when `file` names the program: as it was named, by the end of its path, or without the `.py`."""
        parts, wanted = PurePath(self.program.name).parts, PurePath(file).parts
        if not wanted:
            return False
        stems = (parts[-1], PurePath(parts[-1]).stem)
        shorter, longer = sorted((parts[:-1], wanted[:-1]), key=len)
        return wanted[-1] in stems and (not shorter or longer[-len(shorter) :] == shorter)

    def describe(self, point: Breakpoint) -> str:
        """`breakpoint 1 at file.py:12`, `watchpoint 2 on total in count()`; not inert."""
        return f"{point.kind} {point.number} {'on' if point.watched else 'at'} {self.place(point)}"

    def place(self, point: Breakpoint) -> str:
        """Where it is, or what it watches; not inert."""
        if point.watched:
            return f"{point.watched} in {point.function}()" if point.function else point.watched
        return f"{self.program.name}:{point.line}"

    def _add(self, point: Breakpoint) -> Breakpoint:
        self._numbered += 1
        point.number = self._numbered
        self._points[point.number] = point
        return point

    def _function(self, name: str) -> Code | None:
        codes = (code for code in self.program.codes if not code.is_module)
        return next((code for code in codes if name in (code.name, code.qualname)), None)

    # -- being reached ----------------------------------------------------------------------------------------

    def hit(self, before: Stack, after: Stack, frame: Frame) -> Hit | None:
        """What stops at `frame`, between the stacks before and after it; counts, logs, and spends a temporary one.

        As in pdb: the first that stops is the one, the count of hits grows whatever the condition says, `ignore`
        counts only where it holds, and a condition that cannot be evaluated stops.
        """
        for point in self:
            reached = self._reached(point, before, after, frame)
            if reached is None:
                continue
            point.hits += 1
            holds, why = _holds(point, after[-1])
            if holds and point.ignore and not why:
                point.ignore -= 1
            elif holds and point.log and not why:
                self.logged(point, filled(point.log, after[-1].last.locals))
            elif holds:
                return Hit(point, self._spent(point) if point.temporary and not why else reached + why)
        return None

    def would_hit(self, before: Stack, after: Stack, frame: Frame) -> Hit | None:
        """What could have stopped at `frame`, for the way back: nothing is counted, and `ignore` is not looked at."""
        for point in self:
            reached = self._reached(point, before, after, frame) if not point.log else None
            holds, why = _holds(point, after[-1]) if reached is not None else (False, "")
            if holds:
                return Hit(point, f"{reached}{why}")
        return None

    def _spent(self, point: Breakpoint) -> str:
        self.clear(point)
        return f"Deleted {self.describe(point)}"

    def _reached(self, point: Breakpoint, before: Stack, after: Stack, frame: Frame) -> str | None:
        """What to say of a stop at `point`; None when it has nothing to do with `frame`."""
        if not point.enabled or (point.function and point.function != frame.function):
            return None
        if point.watched:
            return _changed(point, before, after[-1]) if frame.event is Event.LINE else None
        if point.line != frame.line:
            return None
        enters = frame.event is Event.CALL and frame.line in self._entries
        return f"breakpoint {point.number}" if frame.event is Event.LINE or enters else None

    @cached_property
    def _entries(self) -> frozenset[int]:
        """Lines of a `def` that are no lines of its function: a breakpoint there is about the call."""
        codes = [code for code in self.program.codes if not code.is_module]
        return frozenset(code.first_line for code in codes if code.first_line not in code.lines)


def _holds(point: Breakpoint, at: Activation) -> tuple[bool, str]:
    """Whether the condition holds, and what to say when that is not known."""
    try:
        return not point.condition or truth(point.condition, at.last.locals), ""
    except EvaluationError as error:
        return True, f": its condition {point.condition} cannot be evaluated: {error.message}"


def _changed(point: Breakpoint, before: Stack, at: Activation) -> str | None:
    """`watchpoint 1: total: 1 -> 3`; None when it has not changed since the same activation was last seen."""
    same = (each for each in before if each.depth == at.depth and each.entry is at.entry)
    earlier = next(same, None)
    if earlier is None or earlier.function != at.function:
        return None
    old, new = _value(point.watched, earlier), _value(point.watched, at)
    if old == new:
        return None
    return f"watchpoint {point.number}: {point.watched}: {_brief(old)} -> {_brief(new)}"


def _value(expression: str, at: Activation) -> str | None:
    try:
        return evaluate(expression, at.last.locals)
    except EvaluationError:
        return None


def _brief(value: str | None) -> str:
    if value is None:
        return "(no value)"
    return value if len(value) <= _WIDTH else f"{value[: _WIDTH - 3]}..."


def checked(expression: str) -> str:
    """The expression itself, or nothing. Raises UsageError when it is none."""
    if expression:
        check(expression)
    return expression


def filled(text: str, state: Mapping[str, str]) -> str:
    """`text` with each `{expression}` replaced by its value, or by why it has none; not inert."""

    def value(found: re.Match[str]) -> str:
        try:
            return evaluate(found[1], state)
        except EvaluationError as error:
            return f"{{{found[1]}: {error.message}}}"

    return re.sub(r"\{([^{}]+)\}", value, text)
