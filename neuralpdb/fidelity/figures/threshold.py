"""Is the next-state accuracy below what was asked for? One answer, one line. It knows figures only."""

from __future__ import annotations

from neuralpdb.fidelity.figures.shares import between, percent, wilson
from neuralpdb.fidelity.figures.summary import Summary


def below(summary: Summary, least: float, confidence: float | None = None) -> tuple[bool, str]:
    """Whether the teacher-forced accuracy is below `least` percent, and the line that says so.

    confidence: percent; the lower end of the (two-sided) Wilson interval at that confidence is compared instead. Both
    between 0 and 100. Nothing to judge is below any threshold.
    """
    forced = summary.teacher_forced
    if forced is None or forced.accuracy is None:
        return True, f"next-state accuracy is not known (nothing could be compared): below {least:g} %"
    found, shown = forced.accuracy, f"next-state accuracy {percent(forced.accuracy, 2)}"
    if confidence is not None:
        interval = wilson(forced.right, forced.share.total, confidence / 100)
        found = interval.low
        shown = f"lower bound of the {shown} ({between(interval, 2)} at {confidence:g} % confidence)"
    missed = 100 * found < least
    return missed, f"{shown} is {'below' if missed else 'at least'} {least:g} %"
