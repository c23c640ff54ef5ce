"""Threshold: whether the next-state accuracy is below what was asked for, in one line. It knows figures only."""

from __future__ import annotations

from neuralpdb.fidelity.figures.shares import between, percent, wilson
from neuralpdb.fidelity.figures.summary import Summary


def below(summary: Summary, least: float, confidence: float | None = None) -> tuple[bool, str]:
    """Return whether the teacher-forced accuracy is below `least` percent, and the line that reports it.

    least: between 0 and 100.
    confidence: percent, between 0 and 100: compare the lower end of the (two-sided) Wilson interval at that confidence.
    A summary with nothing to judge is below any threshold.
    """
    forced = summary.teacher_forced
    if forced is None or forced.accuracy is None:
        return True, f"next-state accuracy is not known (nothing could be compared): below {least:g} %"
    accuracy, subject = forced.accuracy, f"next-state accuracy {percent(forced.accuracy, 2)}"
    if confidence is not None:
        interval = wilson(forced.right, forced.share.total, confidence / 100)
        accuracy = interval.low
        subject = f"lower bound of the {subject} ({between(interval, 2)} at {confidence:g} % confidence)"
    missed = 100 * accuracy < least
    return missed, f"{subject} is {'below' if missed else 'at least'} {least:g} %"
