"""The literature's metrics of predicted traces, in the style of Table 9 of the CWM report (arXiv 2510.02387).

Both traces are aligned by index, not by content. docs/fidelity.md, section "Table 9", defines each figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from neuralpdb.fidelity.comparison import Comparison, Rollout
from neuralpdb.fidelity.equality import compare
from neuralpdb.fidelity.figures.context import befores, written
from neuralpdb.fidelity.figures.shares import Share
from neuralpdb.fidelity.verdicts import STRICT, Tolerance
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Trouble, TroubleKind


@dataclass(frozen=True)
class Metric:
    """micro: pooled over all traces. macro: mean over traces of the share in each; None when no trace has any."""

    micro: Share
    macro: float | None


@dataclass(frozen=True)
class Form:
    """Locals in one form: `state`: frames whose locals all match; `keys`, `values`: of the locals one by one."""

    state: Metric
    keys: Metric
    values: Metric


@dataclass(frozen=True)
class Table9:
    """output, valid: of programs. value: returned or raised. resolved: all locals; diff: those that a frame changed."""

    traces: int
    output: Share
    valid: Share
    action: Metric
    value: Metric
    resolved: Form
    diff: Form


_FIGURES = (
    *("action", "value", "resolved state", "resolved keys", "resolved values"),
    *("diff state", "diff keys", "diff values"),
)


class _Counts:
    """Right and all of one trace, by figure."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def add(self, figure: str, right: bool) -> None:
        self.total[figure] += 1
        self.right[figure] += right


def table9(comparisons: Sequence[Comparison], rules: Tolerance = STRICT) -> Table9 | None:
    """The figures over all comparisons with a rollout; None when there is none."""
    pairs = [(each, each.rollout) for each in comparisons if each.rollout is not None]
    if not pairs:
        return None
    known = [rollout.equal is True for comparison, rollout in pairs if has_result(comparison)]
    counts = [_count(comparison, rollout, rules) for comparison, rollout in pairs]
    found = {figure: _metric(counts, figure) for figure in _FIGURES}
    return Table9(
        traces=len(pairs),
        output=Share(sum(known), len(known)),
        valid=Share(sum(is_valid(rollout) for _, rollout in pairs), len(pairs)),
        action=found["action"],
        value=found["value"],
        resolved=Form(*(found[f"resolved {part}"] for part in ("state", "keys", "values"))),
        diff=Form(*(found[f"diff {part}"] for part in ("state", "keys", "values"))),
    )


def is_valid(rollout: Rollout) -> bool:
    """Every frame could be read, and the trace was closed (or broke off at a line that the program does not have)."""
    return isinstance(rollout.end, Ended) or rollout.end.kind is TroubleKind.UNKNOWN_LINE


def has_result(comparison: Comparison) -> bool:
    """The real run came to a result that can be compared: a rollout that a limit stopped then has a wrong one."""
    last = len(comparison.truth.frames) - 1
    comparable = comparison.comparable or last + 1
    return isinstance(comparison.truth.end, Ended) and comparable > last and not comparison.unstable.get(last)


def _metric(counts: Sequence[_Counts], figure: str) -> Metric:
    shares = [Share(each.right[figure], each.total[figure]) for each in counts]
    values = [share.value for share in shares if share.value is not None]
    micro = Share(sum(share.right for share in shares), sum(share.total for share in shares))
    return Metric(micro, sum(values) / len(values) if values else None)


def _count(comparison: Comparison, rollout: Rollout, rules: Tolerance) -> _Counts:
    """Count one trace, the given first frame left out."""
    counts = _Counts()
    ours, theirs = _with_before(rollout.frames), _with_before(comparison.truth.frames)
    most = comparison.comparable or len(theirs)
    if most < len(theirs) or isinstance(comparison.truth.end, Trouble):  # nobody knows what comes then
        ours, theirs = ours[:most], theirs[:most]
    for index, (predicted, actual) in enumerate(zip_longest(ours, theirs)):
        if index:
            unstable = comparison.unstable.get(index, frozenset())
            _count_frame(counts, predicted, actual, unstable, rules)
    return counts


_Placed = tuple[Frame, Frame | None]
"""A frame and the one before it in its activation."""


def _with_before(frames: Sequence[Frame]) -> list[_Placed]:
    return list(zip(frames, befores(frames), strict=True))


def _count_frame(
    counts: _Counts, predicted: _Placed | None, actual: _Placed | None, unstable: Collection[str], rules: Tolerance
) -> None:
    """Count one index. One of the two frames may be missing: then nothing of the other matches."""
    ours, theirs = predicted and predicted[0], actual and actual[0]
    same = ours is not None and theirs is not None and (ours.event, ours.line) == (theirs.event, theirs.line)
    counts.add("action", same)
    if any(frame is not None and frame.value is not None for frame in (ours, theirs)) and VALUE not in unstable:
        counts.add("value", same and _equal(_value(ours), _value(theirs), rules))
    if any(frame is not None and frame.event in (Event.CALL, Event.LINE) for frame in (ours, theirs)):
        both = ours is not None and theirs is not None and ours.value is None and theirs.value is None
        _count_locals(counts, "resolved", _locals(ours), _locals(theirs), both, unstable, rules)
        changed = [written(*each) if each and each[0].value is None else {} for each in (predicted, actual)]
        _count_locals(counts, "diff", changed[0], changed[1], both, unstable, rules)


def _value(frame: Frame | None) -> str | None:
    return frame.value if frame is not None else None


def _locals(frame: Frame | None) -> Mapping[str, str]:
    return {} if frame is None or frame.value is not None else frame.locals


def _count_locals(
    counts: _Counts,
    form: str,
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    both: bool,
    unstable: Collection[str],
    rules: Tolerance,
) -> None:
    """Count the locals of one frame. both: both frames hold locals at all."""
    right = both
    for name in ours.keys() | theirs.keys():
        if name not in unstable:
            equal = both and _equal(ours.get(name), theirs.get(name), rules)
            counts.add(f"{form} keys", both and name in ours and name in theirs)
            counts.add(f"{form} values", equal)
            right &= equal
    counts.add(f"{form} state", right)


def _equal(ours: str | None, theirs: str | None, rules: Tolerance) -> bool:
    return ours is not None and theirs is not None and compare(ours, theirs, rules.float_tolerance).equal
