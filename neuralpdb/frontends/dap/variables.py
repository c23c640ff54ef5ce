"""What an editor shows of a stop: frames of the stack, their scopes, variables with their parts; and changes to them.

Knows the session only as a stack of activations. References to what was shown hold until the next stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.output.printable import inert
from neuralpdb.rules.expressions import evaluate
from neuralpdb.trace.parts import has_parts, part, replaced, split, type_of, way
from neuralpdb.trace.stack import Activation, Stack
from neuralpdb.trace.values import EvaluationError, literal

MOST_PARTS = 1_000
"""Most variables in one response to a client that does not page."""

MOST_LEVELS = 100
"""Most levels of a value that can be opened."""

WIDTH = 10_000
"""Characters of a value that are shown; a longer one is cut in its middle, and can be changed by its parts only."""


@dataclass(frozen=True)
class Facts:
    """What a scope shows beside the locals: (name, text) pairs that are values or words; nobody changes them."""

    title: str
    hint: str
    rows: tuple[tuple[str, str], ...]
    values: bool = True


@dataclass(frozen=True)
class _Place:
    """What a reference stands for: a part of a local, of an evaluated value (`text`), or of some facts.

    activation: index in the stack; path: an index for each level below the value.
    """

    activation: int
    name: str = ""
    text: str | None = None
    facts: Facts | None = None
    path: tuple[int, ...] = ()

    @property
    def is_scope(self) -> bool:
        """Whether it is all the locals, or all the facts, rather than one of them."""
        return not self.name and self.text is None


@dataclass
class References:
    """The numbers under which a client asks again for what it was shown.

    paging: the client asks for long values in pieces.
    """

    paging: bool = False
    _stack: Stack = ()
    _base: int = 1
    _next: int = 1
    _known: dict[int, _Place] = field(default_factory=dict)
    _numbers: dict[_Place, int] = field(default_factory=dict)

    def stop(self, stack: Stack) -> None:
        """We stopped somewhere else: what was shown before is no longer valid."""
        self._base += len(self._stack)
        self._known, self._numbers = {}, {}
        self._stack = stack

    def change(self, stack: Stack) -> None:
        """The state changed, the place did not: numbers stay."""
        self._stack = stack

    # -- frames -------------------------------------------------------------------------------------------------------

    def frames(self) -> list[tuple[int, Activation]]:
        """(number, activation), newest first."""
        return [(self._base + i, each) for i, each in enumerate(self._stack)][::-1]

    def activation(self, number: int) -> int:
        """Index in the stack of the frame with that number; 0 stands for the newest. Raises UsageError."""
        index = number - self._base if number else len(self._stack) - 1
        if not 0 <= index < len(self._stack):
            raise UsageError(f"frame {number} is not one of this stop", "ask for the stack trace again")
        return index

    def locals(self, number: int) -> Mapping[str, str]:
        """The locals of a frame; nothing before the first one."""
        return self._stack[self.activation(number)].last.locals if self._stack or number else {}

    def newest(self, index: int) -> bool:
        return index == len(self._stack) - 1

    # -- scopes and variables -----------------------------------------------------------------------------------------

    def scope(self, number: int, facts: Facts | None = None) -> int:
        """The reference of a frame's locals, or of some facts about it."""
        return self._number(_Place(self.activation(number), facts=facts))

    def value(self, text: str, name: str = "") -> dict[str, Any]:
        """A value that was evaluated, as the body of a response has it. name: the expression that gave it."""
        return self._shown(_Place(-1, name, text), text, "result")

    def variables(self, number: int, start: int = 0, count: int = 0, wanted: str = "") -> list[dict[str, Any]]:
        """The variables behind a reference, as the protocol has them. count 0: all of them. Raises UsageError.

        wanted: `indexed` or `named`, when only those are asked for.
        """
        place = self._place(number)
        if wanted and (wanted == "indexed") is not (not place.is_scope and split(self._text(place)).indexed):
            return []
        paged = self.paging and count > 0
        start, most = max(start, 0), min(count, MOST_PARTS) if paged else MOST_PARTS
        rows = self._rows(place)
        found = [self._variable(*row) for row in islice(rows, start, start + most)]
        more = sum(1 for _ in rows) if not paged else 0
        if more:
            found.append({"name": "...", "value": f"{more:,} more", "variablesReference": 0})
        return found

    def _rows(self, place: _Place) -> Iterator[tuple[_Place, str, str, str]]:
        """(place, name, text, expression) of each variable behind a place."""
        if not place.is_scope:
            outer = self._expression(place)
            for i, each in enumerate(split(self._text(place)).parts):
                way = outer + each.access if outer and each.access else ""
                yield self._below(place, i), each.name, each.text, way
        elif place.facts is not None:
            for name, text in place.facts.rows:
                yield _Place(place.activation, name, text, place.facts), name, text, ""
        else:
            for name, text in self._stack[place.activation].last.locals.items():
                yield _Place(place.activation, name), name, text, name

    def _variable(self, place: _Place, name: str, text: str, expression: str) -> dict[str, Any]:
        found = {"name": inert(name), **self._shown(place, text, "value")}
        if expression:
            found["evaluateName"] = expression
        if not self._can_change(place) or len(text) > WIDTH:
            found["presentationHint"] = {"kind": "data", "attributes": ["readOnly"]}
        return found

    def _shown(self, place: _Place, text: str, key: str) -> dict[str, Any]:
        words = place.facts is not None and not place.facts.values
        opens = not words and len(place.path) < MOST_LEVELS and has_parts(text) and bool(split(text).parts)
        found: dict[str, Any] = {key: cut(text), "variablesReference": self._number(place) if opens else 0}
        if not words:
            found["type"] = type_of(text)
        if opens and self.paging:
            parts = split(text)
            found["indexedVariables" if parts.indexed else "namedVariables"] = len(parts.parts)
        return found

    def expression(self, number: int, name: str) -> tuple[int, str]:
        """(index of the activation, expression) of the variable `name` behind a reference. Raises UsageError."""
        place = self._place(number)
        row = next((row for row in self._rows(place) if row[1] == name or inert(row[1]) == name), None)
        if row is None or not row[3] or place.text is not None:
            raise UsageError(f"no expression stands for {name!r}")
        return place.activation, row[3]

    def evaluated(self, expression: str, number: int) -> str:
        """The text of an expression in a frame; also of a part of what is no literal (`p.x`). Raises UsageError."""
        state = self.locals(number)
        try:
            return evaluate(expression, state)
        except EvaluationError:
            name, path = _split_off(expression, state)
            found = part(state[name], path) if path else None
            if found is None:
                raise
            return found

    def assigned(self, expression: str, value: str) -> tuple[str, str, str] | None:
        """As `changed`, for a part of a local of the newest frame that an expression names; None for all others."""
        state = self._stack[-1].last.locals
        name, path = _split_off(expression, state)
        return self._replaced(_Place(len(self._stack) - 1, name, path=path), evaluate(value, state)) if path else None

    # -- changing -----------------------------------------------------------------------------------------------------

    def changed(self, number: int, name: str, value: str) -> tuple[str, str, str]:
        """(local, its new text, new text of the part) when the variable `name` behind a reference becomes `value`.

        value: an expression over the locals. Raises UsageError.
        """
        place = self._place(number)
        row = next((row for row in self._rows(place) if row[1] == name or inert(row[1]) == name), None)
        if row is None:
            raise UsageError(f"there is no variable {name!r} there", "ask for the variables again")
        if not self._can_change(row[0]):
            raise UsageError(f"{name} cannot be changed", "only the values of the newest frame can")
        return self._replaced(row[0], evaluate(value, self._stack[-1].last.locals))

    def _can_change(self, place: _Place) -> bool:
        return place.text is None and place.facts is None and self.newest(place.activation)

    def _replaced(self, place: _Place, text: str) -> tuple[str, str, str]:
        whole = replaced(self._stack[-1].last.locals[place.name], place.path, text)
        if whole is None:
            raise UsageError("that part of the value is no longer there", "ask for the variables again")
        return place.name, _canonical(whole), text

    # -- small parts --------------------------------------------------------------------------------------------------

    def _number(self, place: _Place) -> int:
        if place not in self._numbers:
            self._numbers[place] = self._next
            self._known[self._next] = place
            self._next += 1
        return self._numbers[place]

    def _place(self, number: int) -> _Place:
        if number not in self._known:
            raise UsageError(f"variablesReference {number} is not one of this stop", "ask for the scopes again")
        return self._known[number]

    def _below(self, place: _Place, index: int) -> _Place:
        return _Place(place.activation, place.name, place.text, place.facts, (*place.path, index))

    def _text(self, place: _Place) -> str:
        """The text of what a place stands for. Raises UsageError when an edit took it away."""
        whole = place.text
        if whole is None:
            whole = self._stack[place.activation].last.locals.get(place.name)
        found = part(whole, place.path) if whole is not None else None
        if found is None:
            raise UsageError(f"that part of {place.name} is no longer there", "ask for the variables again")
        return found

    def _expression(self, place: _Place) -> str:
        """What evaluates to a place; empty where nothing does."""
        text, found = place.text, place.name
        if place.facts is not None:
            return ""
        if text is None:
            text = self._stack[place.activation].last.locals.get(place.name, "")
        for index in place.path:
            each = split(text).parts[index]
            if not each.access:
                return ""
            text, found = each.text, found + each.access
        return found


def _split_off(expression: str, state: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    """(local, path) that `local.x[0]` names; without a path where it names none."""
    name = re.match(r"\w*", expression.strip())
    found = name[0] if name else ""
    path = way(state[found], expression.strip()[len(found) :]) if found in state else None
    return found, path or ()


def cut(text: str) -> str:
    """`text` made inert, cut in its middle when it is longer than anybody reads."""
    if len(text) > WIDTH:
        text = f"{text[: WIDTH // 2]} ... {text[-WIDTH // 2 :]}"
    return inert(text)


def _canonical(text: str) -> str:
    """As Python writes it, where it is a literal."""
    try:
        return repr(literal(text))
    except EvaluationError:
        return text
