"""Verdicts: what became of the prediction of one frame, judged against the actual frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from neuralpdb.fidelity.equality import Level, compare, weakest
from neuralpdb.trace.frames import VALUE, Ended, Frame, Outcome, Trouble, TroubleKind


class Fidelity(StrEnum):
    """The outcome of the prediction of a frame."""

    EXACT = "exact"
    """every text is the true one"""
    EQUIVALENT = "equivalent"
    """the same values, at least one of them written otherwise"""
    STATE = "state"
    """the right event and line; a local is wrong, missing or too many"""
    CONTROL = "control"
    """another event, function, line or depth, or an end where there is none"""
    VALUE = "value"
    """the right event and line; the returned value or the exception is wrong"""
    MALFORMED = "malformed"
    """the model wrote no frame"""
    TRUNCATED = "truncated"
    """a limit was hit before the frame was whole: no statement of the model, no divergence"""
    EXCLUDED = "excluded"
    """not comparable: it depends on addresses, time, randomness or input"""
    UNREACHED = "unreached"
    """after the divergence of a rollout"""


RIGHT = frozenset({Fidelity.EXACT, Fidelity.EQUIVALENT})
WRONG = frozenset({Fidelity.STATE, Fidelity.CONTROL, Fidelity.VALUE, Fidelity.MALFORMED})
"""An accuracy counts RIGHT and WRONG outcomes; the others are reported beside it."""


@dataclass(frozen=True)
class Difference:
    """A local, or the value (`name` is VALUE), whose two texts are not equal.

    predicted: the text the model gave; None where the local is missing.
    actual:    the text of the real run; None where the local is missing.
    excluded:  it is not comparable and counts for nothing.
    """

    name: str
    predicted: str | None
    actual: str | None
    excluded: bool = False


@dataclass(frozen=True)
class Verdict:
    """The outcome of one prediction.

    level:       the weakest level of equality that its right texts needed.
    differences: the texts that are not equal.
    """

    fidelity: Fidelity
    level: Level = Level.TEXT
    differences: tuple[Difference, ...] = ()

    @property
    def right(self) -> bool:
        return self.fidelity in RIGHT

    @property
    def wrong(self) -> bool:
        return self.fidelity in WRONG


@dataclass(frozen=True)
class Tolerance:
    """The distance that texts may have and still count as equal.

    float_tolerance: relative difference allowed between floats; 0 for none.
    """

    float_tolerance: float = 0.0


STRICT = Tolerance()


def judge(
    predicted: Outcome, actual: Frame, tolerance: Tolerance = STRICT, unstable: Collection[str] | None = frozenset()
) -> Verdict:
    """Judge the prediction of the true frame `actual`.

    unstable: locals (or VALUE) whose true text is an accident of the run: they are not compared. None: nothing of the
    frame is comparable.
    """
    if unstable is None:
        return Verdict(Fidelity.EXCLUDED)
    if isinstance(predicted, Trouble):
        return Verdict(TROUBLES[predicted.kind])
    if isinstance(predicted, Ended) or predicted.place != actual.place:
        return Verdict(Fidelity.CONTROL)
    levels: list[Level] = []
    differences: list[Difference] = []
    for name, (predicted_text, actual_text) in value_pairs(predicted, actual).items():
        level = level_of(predicted_text, actual_text, tolerance)
        if name in unstable and level is not Level.TEXT:
            differences.append(Difference(name, predicted_text, actual_text, excluded=True))
        elif level.equal:
            levels.append(level)
        else:
            differences.append(Difference(name, predicted_text, actual_text))
    return Verdict(_fidelity(actual, differences, levels), weakest(levels), tuple(differences))


TROUBLES: Mapping[TroubleKind, Fidelity] = {
    TroubleKind.TRUNCATED: Fidelity.TRUNCATED,
    TroubleKind.TOO_LONG: Fidelity.TRUNCATED,
    TroubleKind.MALFORMED: Fidelity.MALFORMED,
    TroubleKind.UNKNOWN_LINE: Fidelity.CONTROL,
    TroubleKind.UNAVAILABLE: Fidelity.UNREACHED,
}


def _fidelity(actual: Frame, differences: list[Difference], levels: list[Level]) -> Fidelity:
    if any(not each.excluded for each in differences):
        return Fidelity.VALUE if actual.value is not None else Fidelity.STATE
    if differences:
        return Fidelity.EXCLUDED
    return Fidelity.EXACT if weakest(levels) is Level.TEXT else Fidelity.EQUIVALENT


def value_pairs(predicted: Frame, actual: Frame) -> Mapping[str, tuple[str | None, str | None]]:
    """Return the texts to compare, by name: predicted and actual.

    Of a return or an exception the value (the trace format holds no locals there), of other frames the locals.
    """
    if actual.value is not None:
        return {VALUE: (predicted.value, actual.value)}
    names = dict.fromkeys((*actual.locals, *predicted.locals))
    return {name: (predicted.locals.get(name), actual.locals.get(name)) for name in names}


def level_of(predicted: str | None, actual: str | None, tolerance: Tolerance) -> Level:
    """Return how equal two texts are; a text that is missing on one side differs."""
    if predicted is None or actual is None:
        return Level.DIFFERENT
    return compare(predicted, actual, tolerance.float_tolerance)
