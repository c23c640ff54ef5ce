"""Breakpoints: on lines and functions, watched expressions, their conditions and counts.

It knows stacks and frames, no session: a movement asks it about every frame that it passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import PurePath

from neuralpdb.debugger.evaluation import Evaluator
from neuralpdb.errors import UsageError
from neuralpdb.output.printable import short
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.typed import check, names_in
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation, Stack
from neuralpdb.trace.values import EvaluationError


@dataclass
class Breakpoint:
    """A breakpoint or a watchpoint.

    number:    its number.
    line:      stops before this line runs.
    function:  stops in its activations only; empty: in all.
    watched:   stops when the value of this expression has changed.
    temporary: is deleted when it stops.
    condition: stops only where this expression holds.
    ignore:    crossings that are still passed over.
    commands:  lines that the prompt carries out when it stops.
    silent:    the stop is not shown.
    log:       is printed, its `{expressions}` filled in, in place of a stop.
    enabled:   can stop at all.
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
    """A breakpoint that stops at a frame.

    point:   the breakpoint.
    message: which one it is and why it stops, in one line.
    """

    point: Breakpoint
    message: str


History = Callable[[], Sequence[Frame]]
"""Returns the frames up to the present one; called only where something is evaluated."""


@dataclass
class Breakpoints:
    """Breakpoints of a session, by their numbers; a number is never used twice.

    program:   the program that they are in.
    evaluator: evaluates conditions, watched expressions and log messages.
    logged:    called with a breakpoint and the text of its `log` whenever it is reached.
    """

    program: Program
    evaluator: Evaluator
    logged: Callable[[Breakpoint, str], object] = lambda point, text: None
    _points: dict[int, Breakpoint] = field(default_factory=dict)
    _numbered: int = 0
    _seen: dict[tuple[int, int], tuple[Frame, str | None]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Breakpoint]:
        """Iterate in the order of the numbers; breakpoints may be removed meanwhile."""
        return iter([*self._points.values()])

    def __len__(self) -> int:
        return len(self._points)

    # -- setting and removing ---------------------------------------------------------------------------------

    def set(self, line: int, *, function: str = "", condition: str = "", temporary: bool = False) -> Breakpoint:
        """Stop at `line` from now on. Raises UsageError when it never runs, or for a bad condition."""
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
        """Whether the program has a function of that name, `f` or `C.m`."""
        return self._function(name) is not None

    def watch(self, expression: str, *, function: str = "", condition: str = "") -> Breakpoint:
        """Stop when the value of `expression` changes within one activation of `function`. Raises UsageError."""
        return self._add(Breakpoint(0, None, function, checked(expression), condition=checked(condition)))

    def scope(self, expression: str, at: Activation) -> str:
        """Return the function of `at` when the expression names a variable of it, else "". Raises UsageError."""
        code = self.program.code_at(at.function, at.line, at.entered)
        variables = {*at.last.locals, *(code.variables if code is not None else ())}
        if at.function == "<module>":
            variables |= self.program.globals
        return at.function if names_in(expression) & variables else ""

    def find(self, number: int) -> Breakpoint:
        """Return the breakpoint with that number. Raises UsageError, in pdb's words."""
        if number in self._points:
            return self._points[number]
        if 0 < number <= self._numbered:
            raise UsageError(f"Breakpoint {number} already deleted")
        raise UsageError(f"Breakpoint number {number} out of range")

    def at(self, line: int) -> list[Breakpoint]:
        """Return the breakpoints on a line."""
        return [point for point in self if point.line == line]

    def clear(self, point: Breakpoint) -> None:
        """Remove a breakpoint; one that is removed already is left alone."""
        self._points.pop(point.number, None)

    def restore(self, points: Iterator[Breakpoint]) -> None:
        """Replace all breakpoints by `points`, which keep their numbers."""
        self._points = {point.number: point for point in points}
        self._numbered = max([self._numbered, *self._points])

    @property
    def last(self) -> int:
        """Return the number that was used last."""
        return self._numbered

    @cached_property
    def lines(self) -> frozenset[int]:
        return lines_of(self.program)

    def is_own(self, file: str) -> bool:
        """Whether `file` names the program: as it was named, by the end of its path, or without the `.py`."""
        parts, named = PurePath(self.program.name).parts, PurePath(file).parts
        if not named:
            return False
        stems = (parts[-1], PurePath(parts[-1]).stem)
        shorter, longer = sorted((parts[:-1], named[:-1]), key=len)
        return named[-1] in stems and (not shorter or longer[-len(shorter) :] == shorter)

    def describe(self, point: Breakpoint) -> str:
        """Return `breakpoint 1 at file.py:12` or `watchpoint 2 on total in count()`; not inert."""
        return f"{point.kind} {point.number} {'on' if point.watched else 'at'} {self.place(point)}"

    def place(self, point: Breakpoint) -> str:
        """Return where a breakpoint is, or the expression it watches; not inert."""
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

    def hit(self, before: Stack, after: Stack, history: History) -> Hit | None:
        """Return what stops at the end of a history, given the stacks before and after its last frame.

        It counts, logs and deletes a temporary one.

        As in pdb the first that stops counts, hits grow whatever the condition says, `ignore` goes down only where the
        condition holds, and a condition that cannot be evaluated stops.
        """
        for point in self:
            reached = self._reached(point, before, after, history)
            if reached is None:
                continue
            point.hits += 1
            holds, failure = self._holds(point, after[-1], history)
            if holds and point.ignore and not failure:
                point.ignore -= 1
            elif holds and point.log and not failure:
                self.logged(point, filled(point.log, partial(self.evaluator.value, history=history(), at=after[-1])))
            elif holds and point.temporary and not failure:
                self.clear(point)
                return Hit(point, f"Deleted {self.describe(point)}")
            elif holds:
                return Hit(point, reached + failure)
        return None

    def would_hit(self, before: Stack, after: Stack, history: History) -> Hit | None:
        """Return what could have stopped at the end of a history: count nothing, disregard `ignore`."""
        for point in self:
            reached = self._reached(point, before, after, history) if not point.log else None
            holds, failure = self._holds(point, after[-1], history) if reached is not None else (False, "")
            if holds:
                return Hit(point, f"{reached}{failure}")
        return None

    def _reached(self, point: Breakpoint, before: Stack, after: Stack, history: History) -> str | None:
        """Return the message of a stop at `point`; None where the last frame does not reach it."""
        frame = after[-1].ending or after[-1].last
        if not point.enabled or (point.function and point.function != frame.function):
            return None
        if point.watched:
            return self._changed(point, before, after[-1], history)
        if point.line != frame.line:
            return None
        enters = frame.event is Event.CALL and frame.line in self._entries
        return f"breakpoint {point.number}" if frame.event is Event.LINE or enters else None

    @cached_property
    def _entries(self) -> frozenset[int]:
        """Return the lines of a `def` that are no lines of its function: a breakpoint there stops at the call."""
        codes = [code for code in self.program.codes if not code.is_module]
        return frozenset(code.first_line for code in codes if code.first_line not in code.lines)

    def _holds(self, point: Breakpoint, at: Activation, history: History) -> tuple[bool, str]:
        """Return whether the condition holds, and the message when it cannot be evaluated."""
        try:
            return not point.condition or self.evaluator.truth(point.condition, history(), at), ""
        except EvaluationError as error:
            return True, f": its condition {point.condition} cannot be evaluated: {error.message}"

    def _changed(self, point: Breakpoint, before: Stack, at: Activation, history: History) -> str | None:
        """Return `watchpoint 1: total: 1 -> 3`; None where it is as at the previous frame of the activation.

        The value at a call is looked at, too, because the first line of it asks for it.
        """
        if at.ending is not None:
            return None
        same = (each for each in before if each.depth == at.depth and each.entry is at.entry)
        earlier = next(same, None) if at.last.event is Event.LINE else None
        frames = history()
        is_same = earlier is not None and earlier.function == at.function
        old = self._watched(point, frames, earlier) if earlier is not None and is_same else None
        new = self._watched(point, frames, at)
        if not is_same or old == new:
            return None
        texts = ("(no value)" if value is None else short(value) for value in (old, new))
        return f"watchpoint {point.number}: {point.watched}: {' -> '.join(texts)}"

    def _watched(self, point: Breakpoint, history: Sequence[Frame], at: Activation) -> str | None:
        """Return the watched value where an activation was last; None where it has none."""
        key = point.number, at.depth
        frame, text = self._seen.get(key, (None, None))
        if frame is not at.last:
            end = len(history)
            while end and history[end - 1] is not at.last:
                end -= 1
            text = self._value(point.watched, history[:end], at)
            self._seen[key] = at.last, text
        return text

    def _value(self, expression: str, history: Sequence[Frame], at: Activation) -> str | None:
        try:
            return self.evaluator.value(expression, history, at)
        except EvaluationError:
            return None


def checked(expression: str) -> str:
    """Return `expression` (may be empty) once it parses. Raises UsageError."""
    if expression:
        check(expression)
    return expression


def filled(text: str, value_of: Callable[[str], str]) -> str:
    """Return `text` with each `{expression}` replaced by its value, or by why it has none; not inert."""

    def value(match: re.Match[str]) -> str:
        try:
            return value_of(match[1])
        except EvaluationError as error:
            return f"{{{match[1]}: {error.message}}}"

    return re.sub(r"\{([^{}]+)\}", value, text)


def lines_of(program: Program) -> frozenset[int]:
    """Return the lines where a breakpoint can be: those that run, and those of a `def`."""
    return frozenset(line for code in program.codes for line in (*code.lines, code.first_line))
