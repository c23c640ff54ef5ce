"""What an editor wants to stop at: its breakpoints of every kind, and how a stop is described to it.

The session's own breakpoints do the work; this keeps what the editor asked for, under the numbers that it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from neuralpdb.breakpoints import Breakpoint
from neuralpdb.dap.places import is_program, source_of
from neuralpdb.dap.protocol import Arguments, Phase, While, event, request
from neuralpdb.errors import UsageError
from neuralpdb.evaluate import evaluate
from neuralpdb.session import Session

if TYPE_CHECKING:
    from neuralpdb.dap.adapter import Adapter

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
class Wish:
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
    wishes: list[Wish] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def set(self, kind: str, said: Iterable[tuple[Arguments, int]], session: Session) -> list[Wish]:
        """Put these (with their lines) in place of all of that kind."""
        for wish in self.of(kind):
            if wish.point is not None:
                session.breakpoints.clear(wish.point)
        found = [Wish(number, kind, each, line) for (each, line), number in zip(said, self.numbers, strict=False)]
        self.wishes = [wish for wish in self.wishes if wish.kind != kind] + found
        for wish in found:
            wish.place(session)
        return found

    def of(self, kind: str) -> list[Wish]:
        return [wish for wish in self.wishes if wish.kind == kind]

    def at(self, point: Breakpoint | None) -> list[Wish]:
        """Those that a breakpoint of the session is."""
        return [wish for wish in self.wishes if point is not None and wish.point is point]


# -- requests ---------------------------------------------------------------------------------------------------------


@request("setBreakpoints", Phase.LAUNCHED, moving=While.ANSWERED)
def set_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Breakpoints of a file, in place of those that it had."""
    source = said.table("source")
    if not is_program(adapter, source):
        message = f"only {adapter.debuggee.path.name} is predicted, nothing stops in another file"
        elsewhere = zip(adapter.stops.numbers, said.items("breakpoints"), strict=False)
        return {"breakpoints": [{"id": number, "verified": False, "message": message} for number, _ in elsewhere]}
    wanted = [(each, adapter.client.own_line(each.number("line"))) for each in said.items("breakpoints")]
    if said.flag("sourceModified"):
        adapter.say("the file was changed: restart predicts it as it is now")
    return _answer(adapter, "source", wanted)


@request("setFunctionBreakpoints", Phase.LAUNCHED, moving=While.ANSWERED)
def set_function_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop at the first line of functions, by name."""
    return _answer(adapter, "function", [(each, 0) for each in said.items("breakpoints")])


@request("setDataBreakpoints", Phase.LAUNCHED, moving=While.ANSWERED)
def set_data_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop where the value of an expression has changed."""
    return _answer(adapter, "data", [(each, 0) for each in said.items("breakpoints")])


@request("setExceptionBreakpoints", Phase.LAUNCHED, moving=While.ANSWERED)
def set_exception_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop at predicted exceptions, or not."""
    chosen = [*said.texts("filters"), *(each.text("filterId") for each in said.items("filterOptions"))]
    adapter.stops.raised = RAISED["filter"] in chosen
    return {"breakpoints": [{"verified": each == RAISED["filter"]} for each in chosen]}


@request("dataBreakpointInfo", Phase.STARTED)
def data_breakpoint_info(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Whether a variable can be watched, and under which name."""
    name, number = said.text("name"), said.number("variablesReference", 0)
    try:
        index, expression = (
            adapter.references.expression(number, name)
            if number
            else (adapter.references.activation(said.number("frameId", 0)), name)
        )
        stack = adapter.session.stack
        evaluate(expression, stack[index].last.locals)
    except (UsageError, IndexError) as error:
        return {"dataId": None, "description": f"{name[:60]} cannot be watched: {error}"}
    function = stack[index].function
    return {
        "dataId": f"{function}:{expression}",
        "description": f"{expression} in {function}()",
        "accessTypes": ["write"],
        "canPersist": True,
    }


def _answer(adapter: Adapter, kind: str, wanted: list[tuple[Arguments, int]]) -> Mapping[str, Any]:
    found = adapter.stops.set(kind, wanted, adapter.session)
    return {"breakpoints": [shown(adapter, wish) for wish in found]}


def shown(adapter: Adapter, wish: Wish) -> dict[str, Any]:
    """A breakpoint as the protocol has it."""
    found: dict[str, Any] = {"id": wish.number, "verified": wish.point is not None}
    if wish.message:
        found["message"] = wish.message
    if wish.point is not None and wish.point.line is not None:
        found["line"] = adapter.client.line(wish.point.line)
        found["source"] = source_of(adapter, wish.point.line)
    return found


def again(adapter: Adapter) -> None:
    """Set all breakpoints anew in a session that was just launched, and say of each what became of it."""
    for wish in adapter.stops.wishes:
        wish.place(adapter.session)
        adapter.send(event("breakpoint", {"reason": "changed", "breakpoint": shown(adapter, wish)}))


def missing(adapter: Adapter) -> None:
    """Say of which breakpoints somebody else disposed."""
    points = [*adapter.session.breakpoints]
    for wish in adapter.stops.wishes:
        if wish.point is not None and not any(point is wish.point for point in points):
            wish.point, wish.message = None, "it was removed in the console"
            adapter.send(event("breakpoint", {"reason": "removed", "breakpoint": shown(adapter, wish)}))
