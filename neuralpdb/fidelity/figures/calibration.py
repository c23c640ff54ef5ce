"""Calibration: how the model's confidence compares with what is right, in bins. It knows numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.fidelity.comparison import Step
from neuralpdb.fidelity.figures.shares import Share

BINS = 10
"""Equal widths of confidence, as expected calibration error is usually reported."""


@dataclass(frozen=True)
class Bin:
    """Frames whose confidence lies in one interval.

    low:        lower end, included.
    high:       upper end, excluded but for 1.
    share:      right frames of the frames in the interval.
    confidence: their mean confidence; None for no frames.
    """

    low: float
    high: float
    share: Share
    confidence: float | None


@dataclass(frozen=True)
class Calibration:
    """Confidence against truth, over the frames that are right or wrong and have a confidence.

    bins:       all intervals of confidence.
    frames:     how many frames are in the bins.
    error:      expected calibration error: mean of |share right - mean confidence| over the bins, by their frames.
    brier:      mean squared difference of confidence and outcome (0 best; 0.25 for a constant 0.5).
    separation: probability that a right frame has a higher confidence than a wrong one (ties half); None when all
                frames are right or all are wrong.
    right:      mean confidence of the right frames; None for none.
    wrong:      mean confidence of the wrong frames; None for none.
    """

    bins: tuple[Bin, ...]
    frames: int
    error: float
    brier: float
    separation: float | None
    right: float | None
    wrong: float | None


def calibrate(steps: Sequence[Step]) -> Calibration | None:
    """Return the calibration of the steps; None when no step has a confidence."""
    pairs = [
        (min(max(step.confidence, 0.0), 1.0), step.verdict.right)
        for step in steps
        if step.confidence is not None and (step.verdict.right or step.verdict.wrong)
    ]
    if not pairs:
        return None
    bins = tuple(_bin(pairs, i) for i in range(BINS))
    gaps = (each.share.total * abs((each.share.value or 0.0) - (each.confidence or 0.0)) for each in bins)
    return Calibration(
        bins=bins,
        frames=len(pairs),
        error=sum(gaps) / len(pairs),
        brier=sum((confidence - right) ** 2 for confidence, right in pairs) / len(pairs),
        separation=_separation(pairs),
        right=_mean([confidence for confidence, right in pairs if right]),
        wrong=_mean([confidence for confidence, right in pairs if not right]),
    )


def _bin(pairs: Sequence[tuple[float, bool]], i: int) -> Bin:
    inside = [pair for pair in pairs if min(int(pair[0] * BINS), BINS - 1) == i]
    share = Share(sum(right for _, right in inside), len(inside))
    return Bin(i / BINS, (i + 1) / BINS, share, _mean([confidence for confidence, _ in inside]))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _separation(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Return the area under the ROC curve, by ranks (Mann and Whitney)."""
    right_count = sum(right for _, right in pairs)
    wrong_count = len(pairs) - right_count
    if not right_count or not wrong_count:
        return None
    ordered = sorted(pairs)
    ranks, start = 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(right for _, right in ordered[start:end])
        start = end
    return (ranks - right_count * (right_count + 1) / 2) / (right_count * wrong_count)
