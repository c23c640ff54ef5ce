"""References to frames, scopes and variables: the numbers by which a client asks for them, and changes of their values.

Attributes of an object are asked for when it is opened. References hold until the next stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from neuralpdb.debugger.evaluation import Value, way_of
from neuralpdb.debugger.session import Session
from neuralpdb.errors import UsageError
from neuralpdb.frontends.text import marks
from neuralpdb.frontends.text.marks import NO_REMARKS, Remarks, nothing
from neuralpdb.output.printable import inert
from neuralpdb.program.typed import check
from neuralpdb.trace.frames import Known
from neuralpdb.trace.parts import has_parts, is_object, part, replaced, split, type_of
from neuralpdb.trace.stack import Activation, Stack
from neuralpdb.trace.values import EvaluationError, literal

MOST_PARTS = 1_000
"""Most variables in one response to a client without pages: more are no longer looked through, and delay the editor."""

MOST_LEVELS = 100
"""Most levels of a value that can be opened: a path is kept for each."""

WIDTH = 10_000
"""Most characters of a value, far more than an editor shows in a row; a longer one is cut in its middle, and only its
parts can be changed."""


_ATTRIBUTES = {Known.PREDICTED: "predicted", Known.DERIVED: "computedFromPrediction"}
"""Attributes of values that are not simply right, for editors that show them; others show the mark behind the value."""


@dataclass(frozen=True)
class Facts:
    """A scope beside the locals, which cannot be changed.

    title:  its name.
    hint:   its presentationHint.
    rows:   pairs of name and text.
    values: whether the texts are values, not words.
    how:    how the value of each row is known; empty where that is not said.
    """

    title: str
    hint: str
    rows: tuple[tuple[str, str], ...]
    values: bool = True
    how: tuple[Known, ...] = ()


@dataclass(frozen=True)
class _Place:
    """The target of a reference: a scope, or a part of a local, of an evaluated value or of some facts.

    activation: index in the stack; -1 for an evaluated value.
    name:       of the local or the row of the facts; empty for a scope.
    text:       the whole value where it is not a local's.
    facts:      the facts that it belongs to.
    path:       index of the part at each level below the whole value.
    expression: gives the whole value, where that was evaluated: an attribute, or what the user asked for.
    call:       index in the stack of the call in which it was evaluated.
    """

    activation: int
    name: str = ""
    text: str | None = None
    facts: Facts | None = None
    path: tuple[int, ...] = ()
    expression: str = ""
    call: int = -1

    @property
    def is_scope(self) -> bool:
        """Whether it is all locals or all facts of a frame."""
        return not self.name and self.text is None


_Row = tuple[_Place, str, str, str]
"""Place, name, text and expression of a variable."""


@dataclass
class References:
    """Numbers of the frames and variables that the client has seen.

    paging:  whether the client reads long values in pages.
    remarks: returns how the values of a call are known.
    session: evaluates; None before the launch.
    """

    paging: bool = False
    remarks: Callable[[Activation], Remarks] = nothing
    session: Session | None = None
    _is_changed: bool = False
    _stack: Stack = ()
    _base: int = 1
    _next: int = 1
    _places: dict[int, _Place] = field(default_factory=dict)
    _numbers: dict[_Place, int] = field(default_factory=dict)

    def stop(self, stack: Stack) -> None:
        """Begin anew at another stop: earlier numbers are no longer valid."""
        self._base += len(self._stack)
        self._is_changed = False
        self._places, self._numbers = {}, {}
        self._stack = stack

    def change(self, stack: Stack) -> None:
        """Take the changed values of the same stop: numbers stay valid."""
        self._stack, self._is_changed = stack, True

    # -- frames -------------------------------------------------------------------------------------------------------

    def frames(self) -> list[tuple[int, Activation]]:
        """Return pairs of number and activation, newest first."""
        return [(self._base + i, each) for i, each in enumerate(self._stack)][::-1]

    def activation(self, number: int) -> int:
        """Return the index in the stack of a frame by its number; 0 stands for the newest. Raises UsageError."""
        index = number - self._base if number else len(self._stack) - 1
        if not 0 <= index < len(self._stack):
            raise UsageError(f"frame {number} is not one of this stop", "ask for the stack trace again")
        return index

    def locals(self, number: int) -> Mapping[str, str]:
        """Return the locals of a frame; none before the first frame."""
        return self._stack[self.activation(number)].last.locals if self._stack or number else {}

    def is_newest(self, index: int) -> bool:
        """Whether an index in the stack is that of the newest frame."""
        return index == len(self._stack) - 1

    # -- scopes and variables -----------------------------------------------------------------------------------------

    def scope(self, number: int, facts: Facts | None = None) -> int:
        """Return the reference of a frame's locals, or of some facts about it."""
        return self._number(_Place(self.activation(number), facts=facts))

    def value(self, text: str, name: str = "", number: int = 0) -> dict[str, Any]:
        """Return an evaluated value as the body of a response. name: the expression that gave it, in a frame."""
        call = self.activation(number) if self._stack or number else -1
        return self._described(_Place(-1, name, text, expression=name, call=call), text, "result")

    def variables(self, number: int, start: int = 0, count: int = 0, kind: str = "") -> list[dict[str, Any]]:
        """Return the variables behind a reference as the protocol describes them. Raises UsageError.

        start, count: the page to return; all of them with count 0.
        kind:         `indexed` or `named` to return only these.
        """
        place = self._place(number)
        if kind and (kind == "indexed") is not (not place.is_scope and split(self._text(place)).indexed):
            return []
        paged = self.paging and count > 0
        start, most = max(start, 0), min(count, MOST_PARTS) if paged else MOST_PARTS
        try:
            rows = self._rows(place)
        except EvaluationError as error:
            return [{"name": "(attributes)", "value": inert(error.message), "variablesReference": 0}]
        variables = [self._variable(*row) for row in islice(rows, start, start + most)]
        omitted = sum(1 for _ in rows) if not paged else 0
        if omitted:
            variables.append({"name": "...", "value": f"{omitted:,} more", "variablesReference": 0})
        return variables

    def _rows(self, place: _Place) -> Iterator[_Row]:
        """Return place, name, text and expression of each variable behind a place. Raises UsageError."""
        if not place.is_scope and is_object(self._text(place)):
            return iter(self._attributes(place))
        return self._plain_rows(place)

    def _attributes(self, place: _Place) -> list[_Row]:
        """Return the rows of an object. Raises EvaluationError where they are not known."""
        assert self.session is not None
        call, expression = max(place.activation, place.call), self._expression(place)
        found = self.session.evaluator.children(expression, self.session.history, self._stack[call])
        return [
            (
                _Place(place.activation, each.label, each.text, expression=each.expression, call=call),
                each.label,
                each.text,
                each.expression,
            )
            for each in found.items
        ]

    def _parts(self, place: _Place) -> Iterator[_Row]:
        """Yield the rows of the parts of a text."""
        outer = self._expression(place)
        for i, item in enumerate(split(self._text(place)).parts):
            expression = outer + item.access if outer and item.access else ""
            yield replace(place, path=(*place.path, i)), item.name, item.text, expression

    def _plain_rows(self, place: _Place) -> Iterator[_Row]:
        """Yield the rows of a scope, or of the parts of a text."""
        if not place.is_scope:
            yield from self._parts(place)
        elif place.facts is not None:
            for name, text in place.facts.rows:
                yield _Place(place.activation, name, text, place.facts), name, text, ""
        else:
            for name, text in self._stack[place.activation].last.locals.items():
                yield _Place(place.activation, name), name, text, name

    def _variable(self, place: _Place, name: str, text: str, expression: str) -> dict[str, Any]:
        variable = {"name": inert(name), **self._described(place, text, "value")}
        if expression:
            variable["evaluateName"] = expression
        attributes = ["readOnly"] if not self._can_change(place) or len(text) > WIDTH else []
        how = self._how(place)
        if how in _ATTRIBUTES:
            variable["value"] += marks.brief(how)
            attributes.append(_ATTRIBUTES[how])
        if attributes:
            variable["presentationHint"] = {"kind": "data", "attributes": attributes}
        return variable

    def _how(self, place: _Place) -> Known | None:
        """Return how a local, or a value that was returned, is known; None where that is not said, and of parts."""
        if place.path:
            return None
        if place.facts is not None:
            rows = zip(place.facts.rows, place.facts.how, strict=False)
            return next((how for row, how in rows if row == (place.name, place.text)), None)
        return self.remarks(self._stack[place.activation]).how.get(place.name) if place.text is None else None

    def remarks_on(self, expression: str, number: int) -> tuple[Remarks, str]:
        """Return the remarks about a frame, and the local that an expression is; no remarks where it is none."""
        name = expression.strip()
        if name not in self.locals(number):
            return NO_REMARKS, name
        return self.remarks(self._stack[self.activation(number)]), name

    def _described(self, place: _Place, text: str, key: str) -> dict[str, Any]:
        """Return a value, cut, with its type and the reference of its parts. key: the property that holds its text."""
        words = place.facts is not None and not place.facts.values
        is_shallow = not words and len(place.path) < MOST_LEVELS
        opens = is_shallow and has_parts(text) and bool(split(text).parts)
        if not opens and is_shallow and place.facts is None and is_object(text) and self._is_reached(place):
            body: dict[str, Any] = {key: cut(text), "variablesReference": self._number(place), "type": type_of(text)}
            return body
        body = {key: cut(text), "variablesReference": self._number(place) if opens else 0}
        if not words:
            body["type"] = type_of(text)
        if opens and self.paging:
            parts = split(text)
            body["indexedVariables" if parts.indexed else "namedVariables"] = len(parts.parts)
        return body

    def expression(self, number: int, name: str) -> tuple[int, str]:
        """Return activation and expression of the variable `name` behind a reference. Raises UsageError."""
        place = self._place(number)
        row = self._row(place, name)
        if row is None or not row[3] or place.activation < 0:
            raise UsageError(f"no expression stands for {name!r}")
        return place.activation, row[3]

    def _is_reached(self, place: _Place) -> bool:
        """Whether an expression gives the value at a place."""
        return self.session is not None and max(place.activation, place.call) >= 0 and bool(self._expression(place))

    def _row(self, place: _Place, name: str) -> _Row | None:
        return next((row for row in self._rows(place) if row[1] == name or inert(row[1]) == name), None)

    def evaluated(self, expression: str, number: int) -> Value:
        """Evaluate an expression in a frame. Raises UsageError."""
        assert self.session is not None
        at = self._stack[self.activation(number)] if self._stack or number else None
        return self.session.evaluator.look(expression, self.session.history, at)

    # -- changing -----------------------------------------------------------------------------------------------------

    def change_to(self, number: int, name: str, value: str) -> str:
        """Change a variable behind a reference, and return its new text.

        name:  of the variable.
        value: an expression. Raises UsageError.
        """
        row = self._row(self._place(number), name)
        if row is None:
            raise UsageError(f"there is no variable {name!r} there", "ask for the variables again")
        place, _, _, expression = row
        if not self._can_change(place):
            raise UsageError(f"{name} cannot be changed", "only the values of the newest frame can")
        value = marks.unmarked(value)
        return self._assigned(expression, value, place if place.text is None else None)

    def assign(self, expression: str, value: str) -> str:
        """Assign to an expression of the newest frame, and return its new text. Raises UsageError."""
        state = self._stack[-1].last.locals
        name, path = way_of(expression, state)
        return self._assigned(expression, value, _Place(len(self._stack) - 1, name, path=path) if path else None)

    def _assigned(self, expression: str, value: str, place: _Place | None) -> str:
        """Assign to an expression; to the text at a place where Python cannot, because it is a part of a tuple."""
        session = self.session
        assert session is not None
        check(value)
        try:
            if not expression:
                raise EvaluationError("it has no name")
            session.edit(f"{expression} = ({value})")
        except EvaluationError as error:
            is_fixed = not expression or error.is_unknown or "does not support item assignment" in error.message
            if place is None or not is_fixed:
                raise
            text = session.evaluator.value(value, session.history)
            whole = replaced(self._stack[-1].last.locals[place.name], place.path, text)
            if whole is None:
                raise UsageError("that part of the value is no longer there", "ask for the variables again") from None
            session.put(place.name, _canonical(whole))
            self.change(session.stack)
            return text
        self.change(session.stack)
        return session.evaluator.value(expression, session.history)

    def _can_change(self, place: _Place) -> bool:
        is_given = place.text is not None and not place.expression
        return not is_given and place.facts is None and self.is_newest(place.activation)

    # -- small parts --------------------------------------------------------------------------------------------------

    def _number(self, place: _Place) -> int:
        if place not in self._numbers:
            self._numbers[place] = self._next
            self._places[self._next] = place
            self._next += 1
        return self._numbers[place]

    def _place(self, number: int) -> _Place:
        if number not in self._places:
            raise UsageError(f"variablesReference {number} is not one of this stop", "ask for the scopes again")
        return self._places[number]

    def _text(self, place: _Place) -> str:
        """Return the text at a place. Raises UsageError when an edit removed it."""
        whole = place.text
        if place.expression and self._is_changed and place.activation >= 0 and self.session is not None:
            whole = self.session.evaluator.value(place.expression, self.session.history, self._stack[place.activation])
        elif whole is None:
            whole = self._stack[place.activation].last.locals.get(place.name)
        text = part(whole, place.path) if whole is not None else None
        if text is None:
            raise UsageError(f"that part of {place.name} is no longer there", "ask for the variables again")
        return text

    def _expression(self, place: _Place) -> str:
        """Return an expression for a place; nothing where there is none."""
        text, expression = place.text, place.expression or place.name
        if place.facts is not None:
            return ""
        if text is None:
            text = self._stack[place.activation].last.locals.get(place.name, "")
        for index in place.path:
            item = split(text).parts[index]
            if not item.access:
                return ""
            text, expression = item.text, expression + item.access
        return expression


def cut(text: str) -> str:
    """Make a text inert, and cut it in its middle where it is longer than WIDTH."""
    if len(text) > WIDTH:
        text = f"{text[: WIDTH // 2]} ... {text[-WIDTH // 2 :]}"
    return inert(text)


def _canonical(text: str) -> str:
    """Return a literal as Python writes it; any other text as it is."""
    try:
        return repr(literal(text))
    except EvaluationError:
        return text
