"""An editor's breakpoints: what it asked for under its own numbers, hit conditions, and the session's breakpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.session import Session
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments

NEVER = 2**62
"""Hits to pass over where a breakpoint is not to stop again: more than any trace has."""

RAISED = {
    "filter": "raised",
    "label": "Raised exceptions",
    "description": "Stop wherever the model predicts that an exception is raised or passed on.",
    "default": False,
}
"""The only filter of exceptions: nothing but a prediction of all that follows could tell which are caught."""

_HITS = re.compile(r"\s*(==?|>=|>|<=|<|%|)\s*(\d{1,9})\s*")


@dataclass(frozen=True)
class Hits:
    """A condition on how often a breakpoint was reached: `5`, `>= 5`, `% 5`. A bare number is that one hit alone."""

    sign: str
    number: int

    @classmethod
    def read(cls, text: str) -> Hits:
        """Read a hit condition. Raises UsageError."""
        match = _HITS.fullmatch(text)
        if match is None or (match[1] == "%" and not int(match[2])):
            raise UsageError(f"hit condition {text[:60]!r}: not one", "for example 5, >= 5 or % 5")
        return cls(match[1], int(match[2]))

    def passes(self, stops: int) -> int:
        """Return how many hits to pass over, after it has stopped that often."""
        if self.sign in ("<", "<="):
            return 0 if stops < self.number - (self.sign == "<") else NEVER
        if self.sign == "%":
            return self.number - 1
        first = self.number if self.sign == ">" else max(self.number - 1, 0)
        later = 0 if self.sign in (">", ">=") else NEVER
        return later if stops else first


@dataclass
class EditorBreakpoint:
    """A breakpoint that the editor asked for.

    number:    its number in the protocol.
    kind:      source, function or data.
    arguments: the editor's description of it.
    line:      the line that the editor wants, as the session counts.
    point:     the session's breakpoint; None where it cannot be set.
    message:   why it was moved, or cannot be set.
    stops:     how often it stopped.
    hits:      its hit condition.
    """

    number: int
    kind: str
    arguments: Arguments
    line: int = 0
    point: Breakpoint | None = None
    message: str = ""
    stops: int = 0
    hits: Hits | None = None

    def place(self, session: Session) -> None:
        """Set it in a session, or note why it cannot be set."""
        self.point, self.message, self.stops = None, "", 0
        try:
            hits = self.arguments.text("hitCondition", "").strip()
            self.hits = Hits.read(hits) if hits else None
            self.point = self._placed(session, self.arguments.text("condition", "").strip())
        except UsageError as error:
            self.message = str(error)
            return
        self.point.log = self.arguments.text("logMessage", "") if self.kind == "source" else ""
        self.point.ignore = self.hits.passes(0) if self.hits else 0

    def _placed(self, session: Session, condition: str) -> Breakpoint:
        points = session.breakpoints
        if self.kind == "function":
            return points.set_at_function(self.arguments.text("name"), condition=condition)
        if self.kind == "data":
            function, _, expression = self.arguments.text("dataId").partition(":")
            return points.watch(expression, function=function, condition=condition)
        own = [line for line in points.lines if line <= session.entry.program.own]
        line = min((line for line in own if line >= self.line), default=self.line)
        if line != self.line:
            self.message = f"moved from line {self.line} to the next that can run"
        return points.set(line, condition=condition)

    def stopped(self) -> None:
        """Count a stop here, and pass over hits from it on."""
        self.stops += 1
        if self.hits is not None and self.point is not None:
            self.point.ignore = self.hits.passes(self.stops)


@dataclass
class EditorBreakpoints:
    """Everything that the editor wants to stop at.

    raised:  stop at predicted exceptions.
    all:     breakpoints of every kind.
    numbers: numbers of breakpoints to come.
    """

    raised: bool = False
    all: list[EditorBreakpoint] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def replace(
        self, kind: str, requested: Iterable[tuple[Arguments, int]], session: Session
    ) -> list[EditorBreakpoint]:
        """Replace all breakpoints of a kind by the requested ones, given with their lines."""
        for breakpoint in self.all:
            if breakpoint.kind == kind and breakpoint.point is not None:
                session.breakpoints.clear(breakpoint.point)
        placed = [
            EditorBreakpoint(number, kind, arguments, line)
            for (arguments, line), number in zip(requested, self.numbers, strict=False)
        ]
        self.all = [each for each in self.all if each.kind != kind] + placed
        for breakpoint in placed:
            breakpoint.place(session)
        return placed

    def at(self, point: Breakpoint | None) -> list[EditorBreakpoint]:
        """Return the editor's breakpoints that a breakpoint of the session stands for."""
        return [each for each in self.all if point is not None and each.point is point]
