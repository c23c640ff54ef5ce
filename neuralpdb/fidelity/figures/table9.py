"""Table 9: the literature's metrics of predicted traces, in the style of Table 9 of the CWM report (arXiv 2510.02387).

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
    """A share over traces.

    micro: pooled over all traces.
    macro: mean over traces of the share in each; None when no trace has any.
    """

    micro: Share
    macro: float | None


@dataclass(frozen=True)
class Form:
    """Locals in one form.

    state:  frames whose locals all match.
    keys:   names of the locals, one by one.
    values: names and values of the locals, one by one.
    """

    state: Metric
    keys: Metric
    values: Metric


@dataclass(frozen=True)
class Table9:
    """The metrics of a run.

    traces:   how many rollouts were counted.
    output:   programs with the right result.
    valid:    programs whose trace could be read to its end.
    action:   frames with the right event and line.
    value:    returned or raised values.
    resolved: all locals.
    diff:     the locals that a frame changed.
    """

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
    """Right and all tries of one trace, by figure."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def add(self, figure: str, right: bool) -> None:
        self.total[figure] += 1
        self.right[figure] += right


def table9(comparisons: Sequence[Comparison], tolerance: Tolerance = STRICT) -> Table9 | None:
    """Return the figures over all comparisons with a rollout; None when there is none."""
    pairs = [(each, each.rollout) for each in comparisons if each.rollout is not None]
    if not pairs:
        return None
    outputs_equal = [rollout.equal is True for comparison, rollout in pairs if has_result(comparison)]
    counts = [_count(comparison, rollout, tolerance) for comparison, rollout in pairs]
    metrics = {figure: _metric(counts, figure) for figure in _FIGURES}
    return Table9(
        traces=len(pairs),
        output=Share(sum(outputs_equal), len(outputs_equal)),
        valid=Share(sum(is_valid(rollout) for _, rollout in pairs), len(pairs)),
        action=metrics["action"],
        value=metrics["value"],
        resolved=Form(*(metrics[f"resolved {part}"] for part in ("state", "keys", "values"))),
        diff=Form(*(metrics[f"diff {part}"] for part in ("state", "keys", "values"))),
    )


def is_valid(rollout: Rollout) -> bool:
    """Whether every frame could be read, and the trace was closed or broke off at a line the program does not have."""
    return isinstance(rollout.end, Ended) or rollout.end.kind is TroubleKind.UNKNOWN_LINE


def has_result(comparison: Comparison) -> bool:
    """Whether the real run came to a comparable result. A rollout that a limit stopped then counts as wrong."""
    last = len(comparison.truth.frames) - 1
    comparable = comparison.comparable or last + 1
    return isinstance(comparison.truth.end, Ended) and comparable > last and not comparison.unstable.get(last)


def _metric(counts: Sequence[_Counts], figure: str) -> Metric:
    shares = [Share(each.right[figure], each.total[figure]) for each in counts]
    values = [share.value for share in shares if share.value is not None]
    micro = Share(sum(share.right for share in shares), sum(share.total for share in shares))
    return Metric(micro, sum(values) / len(values) if values else None)


def _count(comparison: Comparison, rollout: Rollout, tolerance: Tolerance) -> _Counts:
    """Count one trace, the given first frame left out."""
    counts = _Counts()
    predicted_frames, actual_frames = _with_before(rollout.frames), _with_before(comparison.truth.frames)
    most = comparison.comparable or len(actual_frames)
    if most < len(actual_frames) or isinstance(comparison.truth.end, Trouble):  # the truth beyond is not known
        predicted_frames, actual_frames = predicted_frames[:most], actual_frames[:most]
    for index, (predicted, actual) in enumerate(zip_longest(predicted_frames, actual_frames)):
        if index:
            unstable = comparison.unstable.get(index, frozenset())
            _count_frame(counts, predicted, actual, unstable, tolerance)
    return counts


_Placed = tuple[Frame, Frame | None]
"""A frame and the last call or line frame of its activation."""


def _with_before(frames: Sequence[Frame]) -> list[_Placed]:
    return list(zip(frames, befores(frames), strict=True))


def _count_frame(
    counts: _Counts, predicted: _Placed | None, actual: _Placed | None, unstable: Collection[str], tolerance: Tolerance
) -> None:
    """Count one index. Where one of the two frames is missing, nothing of the other matches."""
    predicted_frame, actual_frame = predicted and predicted[0], actual and actual[0]
    same = (
        predicted_frame is not None
        and actual_frame is not None
        and (predicted_frame.event, predicted_frame.line) == (actual_frame.event, actual_frame.line)
    )
    counts.add("action", same)
    if (
        any(frame is not None and frame.value is not None for frame in (predicted_frame, actual_frame))
        and VALUE not in unstable
    ):
        counts.add("value", same and _equal(_value(predicted_frame), _value(actual_frame), tolerance))
    if any(frame is not None and frame.event in (Event.CALL, Event.LINE) for frame in (predicted_frame, actual_frame)):
        both = (
            predicted_frame is not None
            and actual_frame is not None
            and predicted_frame.value is None
            and actual_frame.value is None
        )
        _count_locals(counts, "resolved", _locals(predicted_frame), _locals(actual_frame), both, unstable, tolerance)
        changed = [written(*each) if each and each[0].value is None else {} for each in (predicted, actual)]
        _count_locals(counts, "diff", changed[0], changed[1], both, unstable, tolerance)


def _value(frame: Frame | None) -> str | None:
    return frame.value if frame is not None else None


def _locals(frame: Frame | None) -> Mapping[str, str]:
    return {} if frame is None or frame.value is not None else frame.locals


def _count_locals(
    counts: _Counts,
    form: str,
    predicted: Mapping[str, str],
    actual: Mapping[str, str],
    both: bool,
    unstable: Collection[str],
    tolerance: Tolerance,
) -> None:
    """Count the locals of one frame. both: both frames hold locals."""
    right = both
    for name in predicted.keys() | actual.keys():
        if name not in unstable:
            equal = both and _equal(predicted.get(name), actual.get(name), tolerance)
            counts.add(f"{form} keys", both and name in predicted and name in actual)
            counts.add(f"{form} values", equal)
            right &= equal
    counts.add(f"{form} state", right)


def _equal(predicted: str | None, actual: str | None, tolerance: Tolerance) -> bool:
    return predicted is not None and actual is not None and compare(predicted, actual, tolerance.float_tolerance).equal
