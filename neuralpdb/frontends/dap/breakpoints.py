"""An editor's breakpoints: what it asked for, hit counts, and where they stop."""

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
"""So often a breakpoint is passed over that is not to stop again."""

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
        """Raises UsageError."""
        found = _HITS.fullmatch(text)
        if found is None or (found[1] == "%" and not int(found[2])):
            raise UsageError(f"hit condition {text[:60]!r}: not one", "for example 5, >= 5 or % 5")
        return cls(found[1], int(found[2]))

    def passes(self, stops: int) -> int:
        """How many hits to pass over, after it has stopped that often."""
        if self.sign in ("<", "<="):
            return 0 if stops < self.number - (self.sign == "<") else NEVER
        if self.sign == "%":
            return self.number - 1
        first = self.number if self.sign == ">" else max(self.number - 1, 0)
        after = 0 if self.sign in (">", ">=") else NEVER
        return first if not stops else after


@dataclass
class EditorBreakpoint:
    """A breakpoint that the editor asked for. number: its own; point: the session's; message: why it is elsewhere, or
    why there is none; stops: how often it stopped.
    """

    number: int
    kind: str
    said: Arguments
    line: int = 0
    point: Breakpoint | None = None
    message: str = ""
    stops: int = 0
    hits: Hits | None = None

    def place(self, session: Session) -> None:
        """Make it a breakpoint of the session, or say why it cannot be one."""
        self.point, self.message, self.stops = None, "", 0
        try:
            hits = self.said.text("hitCondition", "").strip()
            self.hits = Hits.read(hits) if hits else None
            self.point = self._made(session, self.said.text("condition", "").strip())
        except UsageError as error:
            self.message = str(error)
            return
        self.point.log = self.said.text("logMessage", "") if self.kind == "source" else ""
        self.point.ignore = self.hits.passes(0) if self.hits else 0

    def _made(self, session: Session, condition: str) -> Breakpoint:
        points = session.breakpoints
        if self.kind == "function":
            return points.set_at_function(self.said.text("name"), condition=condition)
        if self.kind == "data":
            function, _, expression = self.said.text("dataId").partition(":")
            return points.watch(expression, function=function, condition=condition)
        own = [line for line in points.lines if line <= session.entry.program.own]
        line = min((line for line in own if line >= self.line), default=self.line)
        if line != self.line:
            self.message = f"moved from line {self.line} to the next that can run"
        return points.set(line, condition=condition)

    def stopped(self) -> None:
        """It stopped: count on from here."""
        self.stops += 1
        if self.hits is not None and self.point is not None:
            self.point.ignore = self.hits.passes(self.stops)


@dataclass
class Stops:
    """All that the editor asked for. raised: stop at exceptions; numbers: for breakpoints that come."""

    raised: bool = False
    wishes: list[EditorBreakpoint] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def set(self, kind: str, said: Iterable[tuple[Arguments, int]], session: Session) -> list[EditorBreakpoint]:
        """Put these (with their lines) in place of all of that kind."""
        for wish in self.of(kind):
            if wish.point is not None:
                session.breakpoints.clear(wish.point)
        found = [
            EditorBreakpoint(number, kind, each, line) for (each, line), number in zip(said, self.numbers, strict=False)
        ]
        self.wishes = [wish for wish in self.wishes if wish.kind != kind] + found
        for wish in found:
            wish.place(session)
        return found

    def of(self, kind: str) -> list[EditorBreakpoint]:
        return [wish for wish in self.wishes if wish.kind == kind]

    def at(self, point: Breakpoint | None) -> list[EditorBreakpoint]:
        """Those that a breakpoint of the session is."""
        return [wish for wish in self.wishes if point is not None and wish.point is point]
