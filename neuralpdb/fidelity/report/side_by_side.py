"""The model alone and the debugger as it is used, side by side: rows of every form of the report, and what to report.

It knows figures and wording, no form.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuralpdb.fidelity.figures.debugging import Debugging, Defect
from neuralpdb.fidelity.figures.rollouts import Rollouts
from neuralpdb.fidelity.figures.shares import Share, between, percent, plural
from neuralpdb.fidelity.figures.summary import Summary
from neuralpdb.trace.frames import Known

HEADS = ("on its own", "model alone", "debugger as used")
KNOWN_HEADS = ("debugger as used", "all", "right", "share", "95 %")
REASONS = 5
"""Most reasons that one list names."""


def rows(summary: Summary) -> list[tuple[str, str, str]]:
    """Return what a rollout came to, of the model alone and of the debugger; empty without the debugger."""
    used, model = summary.debugger, summary.rollout
    if used is None:
        return []
    free = used.rollouts
    return [
        ("frames followed", "-" if model is None else _of(model.matched), _of(free.matched)),
        ("programs exact", "-" if model is None else _of(model.trace_exact), _of(free.trace_exact)),
        ("results equal", "-" if model is None else _of(model.result_equal), _of(free.result_equal)),
        ("first divergence", "-" if model is None else _first(model), _first(free)),
        ("forward passes a frame", "-", passes(used)),
    ]


def _of(share: Share) -> str:
    return "not known" if share.value is None else f"{share.right:,} of {share.total:,} ({percent(share.value)})"


def _first(rollouts: Rollouts) -> str:
    median = rollouts.first_divergence_median
    return "none" if median is None else f"frame {median:g}" if rollouts.diverged == 1 else f"frame {median:g}, median"


def passes(used: Debugging) -> str:
    """Return the forward passes of the model for a frame, as text."""
    return "-" if used.passes_per_frame is None else f"{used.passes_per_frame:.2f}"


def known_rows(used: Debugging) -> list[tuple[str, ...]]:
    """Return how values, and events with their lines, are known, and how many of each are right; none for none."""
    return [*_known("values", used.values), *_known("lines", used.ways)]


def _known(what: str, shares: Mapping[Known, Share]) -> list[tuple[str, ...]]:
    return [
        (f"{what} {how}", f"{share.total:,}", f"{share.right:,}", percent(share.value), between(share.interval))
        for how, share in shares.items()
        if share.total
    ]


def alone(used: Debugging) -> str:
    """Return how many frames the model predicted alone and why, in one line that is not safe to show; else empty."""
    if not used.alone:
        return ""
    reasons = [f"{why} ({count:,})" for why, count in list(used.alone.items())[:REASONS]]
    others = len(used.alone) - REASONS
    named = "; ".join([*reasons, *([f"{others:,} more reasons"] if others > 0 else [])])
    return f"{plural(sum(used.alone.values()), 'frame')} of the debugger by the model alone: {named}"


def plea(used: Debugging) -> str:
    """Return what to do about values that were computed wrong; empty where there is none."""
    count = len(used.defects)
    if not count:
        return ""
    what = "1 computed text is" if count == 1 else f"{count:,} computed texts are"
    return f"{what} not what really happens: that is an error of neuralpdb, please report it with the program"


def place(defect: Defect) -> str:
    """Return where a text was computed wrong, as it is."""
    return f"{defect.program}, frame {defect.index}, line {defect.place.line} of {defect.place.function}()"


def text(defect: Defect, text: str | None) -> str:
    """Return a text of a defect, or that it is missing."""
    return "(none)" if text is None else text
