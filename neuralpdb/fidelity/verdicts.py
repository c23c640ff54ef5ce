"""Verdicts: how one predicted frame compares with the actual one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from neuralpdb.fidelity.equality import Level, compare, weakest
from neuralpdb.trace.frames import VALUE, Ended, Frame, Outcome, Trouble, TroubleKind


class Fidelity(StrEnum):
    """What became of the prediction of a frame: one of these, always."""

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
    """behind the divergence of a rollout"""


RIGHT = frozenset({Fidelity.EXACT, Fidelity.EQUIVALENT})
WRONG = frozenset({Fidelity.STATE, Fidelity.CONTROL, Fidelity.VALUE, Fidelity.MALFORMED})
"""What counts in an accuracy is RIGHT and WRONG; the others are reported beside it."""


@dataclass(frozen=True)
class Difference:
    """A local, or the value (`name` is VALUE), whose texts are not equal. None: not there.

    excluded: it is not comparable, so that it counts for nothing.
    """

    name: str
    predicted: str | None
    actual: str | None
    excluded: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of one prediction. level: the weakest level of equality that its right texts needed."""

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
    """What is equal. float_tolerance: relative, 0 for none."""

    float_tolerance: float = 0.0


STRICT = Tolerance()


def judge(
    predicted: Outcome, actual: Frame, rules: Tolerance = STRICT, unstable: Collection[str] = frozenset()
) -> Verdict:
    """What became of the prediction of the true frame `actual`.

    unstable: locals (or VALUE) whose true text is an accident of the run: they are not compared.
    """
    if isinstance(predicted, Trouble):
        return Verdict(TROUBLES[predicted.kind])
    if isinstance(predicted, Ended) or predicted.place != actual.place:
        return Verdict(Fidelity.CONTROL)
    pairs = value_pairs(predicted, actual)
    levels: list[Level] = []
    differences: list[Difference] = []
    for name, (ours, theirs) in pairs.items():
        same = level_of(ours, theirs, rules)
        if name in unstable and same is not Level.TEXT:
            differences.append(Difference(name, ours, theirs, excluded=True))
        elif same.equal:
            levels.append(same)
        else:
            differences.append(Difference(name, ours, theirs))
    return Verdict(_fidelity(actual, differences, levels), weakest(levels), tuple(differences))


TROUBLES = {
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
    """What is compared: the value of a return or an exception (the format holds no locals there), else the locals."""
    if actual.value is not None:
        return {VALUE: (predicted.value, actual.value)}
    names = dict.fromkeys((*actual.locals, *predicted.locals))
    return {name: (predicted.locals.get(name), actual.locals.get(name)) for name in names}


def level_of(predicted: str | None, actual: str | None, rules: Tolerance) -> Level:
    """Return how equal two texts are; a text that is missing on one side differs."""
    if predicted is None or actual is None:
        return Level.DIFFERENT
    return compare(predicted, actual, rules.float_tolerance)
