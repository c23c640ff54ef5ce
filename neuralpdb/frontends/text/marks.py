"""How values are known, as text: the mark of what is not computed, and what the model or Python says otherwise.

A value has no mark where Python's own rules give it; `*` was predicted by the model, `(*)` computed from a prediction.
`?` stays what it is: the model was not sure. Knows no session and no prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from rich.text import Text

from neuralpdb.output.printable import short
from neuralpdb.trace.frames import EVENT, GUESSES, LINE, VALUE, Frame, Known, Origin
from neuralpdb.trace.stack import Activation

T = TypeVar("T")

PREDICTED, DERIVED = "*", "(*)"
"""Marks of a value that the model wrote, and of one that was computed from such values."""
EXPLAINED = (
    "A value without a mark is computed by Python's own rules; * was predicted by the model, (*) computed from a "
    "prediction, ? means that the model was not sure. (model: 7) is what the model says otherwise."
)
"""The line of `help` about the marks."""

_MARKS = {Known.PREDICTED: PREDICTED, Known.DERIVED: DERIVED}
_STATED = frozenset({Known.PREDICTED, Known.DERIVED, Known.EDITED})
_STYLES = {Known.PREDICTED: "not dim not bold magenta", Known.DERIVED: "not bold dim"}
_ASIDE = "not bold dim cyan"
_WRONG = "not dim bold red"
WIDTH = 60
"""Characters of what the model or Python says otherwise."""


class Source(Protocol):
    """A source of frames that tells how their values are known: see `ModelSource`."""

    @property
    def marks(self) -> bool: ...

    @property
    def confidence_of(self) -> Callable[[Frame], Mapping[str, float]]: ...

    @property
    def opinion(self) -> Callable[[Frame], Mapping[str, str]]: ...

    @property
    def refuted(self) -> Callable[[Frame], Mapping[str, str]]: ...

    @property
    def doubt_below(self) -> float: ...

    @property
    def looked(self) -> Callable[[Sequence[Frame]], object]: ...

    @property
    def counts(self) -> Callable[[], Mapping[str, int]]: ...


@dataclass(frozen=True)
class Remarks:
    """What stands beside the values of a frame. Keys are names of locals, VALUE and LINE.

    how:    how each is known; empty where no marks are shown.
    shares: the probability that the model gave to it.
    model:  what the model says instead.
    python: what Python says instead.
    """

    how: Mapping[str, Known] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    model: Mapping[str, str] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)

    def brief(self, part: str) -> Text:
        """Return what follows a value at a stop: ` *`, or nothing, then what is said otherwise."""
        how = self.how.get(part)
        text = Text(brief(how), style=_STYLES.get(how, "") if how else "")
        return text.append_text(self._otherwise(part))

    def full(self, part: str) -> Text:
        """Return what follows a value where there is room: `  (predicted 83 %)`, then what is said otherwise."""
        words = self.words(part)
        style = _STYLES.get(self.how[part], "not bold dim") if words else ""
        return Text(f"  ({words})" if words else "", style=style).append_text(self._otherwise(part))

    def word(self, part: str) -> str:
        """Return how a value is known: predicted, computed from a prediction, edited; empty otherwise."""
        how = self.how.get(part)
        return how.value if how in _STATED else ""

    def words(self, part: str) -> str:
        """Return the same with the model's probability."""
        return f"{self.word(part)} {percent(self.shares[part])}" if self.tells_share(part) else self.word(part)

    def tells_share(self, part: str) -> bool:
        """Whether `words` tell the model's probability."""
        return self.how.get(part) is Known.PREDICTED and part in self.shares

    def line(self) -> Text:
        """Return what follows a line of source: `  [predicted]` where the model chose it."""
        text = Text("  [predicted]" if self.how.get(LINE) is Known.PREDICTED else "", style=_STYLES[Known.PREDICTED])
        return text.append_text(self._otherwise(LINE))

    def _otherwise(self, part: str) -> Text:
        text = Text()
        if part in self.model:
            text.append(f"  (model: {short(self.model[part], WIDTH)})", style=_ASIDE)
        if part in self.python:
            text.append(f"  (Python: {short(self.python[part], WIDTH)})", style=_WRONG)
        return text


NO_REMARKS = Remarks()
_MARKED = re.compile(r"\s+(?:\*|\(\*\))\s*\Z")


def brief(how: Known | None) -> str:
    """Return the mark of a value, a space before it; nothing where it has none."""
    return f" {_MARKS[how]}" if how in _MARKS else ""


def unmarked(text: str) -> str:
    """Return Python text without the mark behind it, which no Python text can end in."""
    return _MARKED.sub("", text)


def nothing(frame: Frame | Activation) -> Remarks:
    """Return no remarks about a frame, or about a call."""
    return NO_REMARKS


def of(source: Source, frame: Frame) -> Remarks:
    """Return the remarks about the values of one frame. It waits for nothing."""
    model, python = source.opinion(frame), source.refuted(frame)
    if not source.marks:
        return Remarks(model=model, python=python) if model or python else NO_REMARKS
    how = {part: frame.how(part) for part in (*_parts(frame), LINE)}
    if frame.origin is Origin.GUESSED:
        del how[LINE]  # the whole frame is marked
    return Remarks(how, source.confidence_of(frame), model, python)


def at(source: Source, activation: Activation) -> Remarks:
    """Return the remarks about a call: its locals, and the value that it returns or raises."""
    state, newest = of(source, activation.last), activation.ending
    if newest is None:
        return state
    ending = of(source, newest)
    return Remarks(
        _joined(state.how, ending.how),
        _joined(state.shares, ending.shares),
        _joined(state.model, ending.model),
        _joined(state.python, ending.python),
    )


def _joined(state: Mapping[str, T], ending: Mapping[str, T]) -> dict[str, T]:
    """Return the locals of `state` with the value and the line of `ending`."""
    own = {name: each for name, each in state.items() if name not in (VALUE, LINE)}
    return own | {part: ending[part] for part in (VALUE, LINE) if part in ending}


def percent(share: float) -> str:
    """Return a share as `83 %`."""
    return f"{share:.0%}".replace("%", " %")


def predicted_values(frame: Frame) -> list[str]:
    """Return the locals, or VALUE, that the model wrote."""
    return [part for part in _parts(frame) if frame.how(part) is Known.PREDICTED]


def rests_on_predictions(frame: Frame) -> bool:
    """Whether a value of a frame, its event or its line is predicted, or computed from a prediction."""
    return any(frame.how(part) in GUESSES for part in (*_parts(frame), LINE, EVENT))


def _parts(frame: Frame) -> tuple[str, ...]:
    return (*frame.locals, *((VALUE,) if frame.value is not None else ()))
