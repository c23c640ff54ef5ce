"""Coverage: how much of many programs Python's own rules tell, and why the rest is not told. Nothing of them is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.fidelity.figures.shares import percent, plural
from neuralpdb.fidelity.targets import Target
from neuralpdb.interpreter.computing.worker import Worker
from neuralpdb.interpreter.interpretation import Bounds, Computed, End
from neuralpdb.output.notes import note

_MOST_REASONS = 10
"""Reasons that a summary lists: what comes after them is rare."""


@dataclass
class _Counts:
    """What became of many programs.

    programs: that were read, by how they ended.
    frames:   told whole, with holes, or assumed.
    stops:    reason -> programs that it stopped.
    holes:    reason -> frames in which something is not known for it.
    """

    programs: Counter[End] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    holes: Counter[str] = field(default_factory=Counter)

    def take(self, computed: Computed) -> None:
        """Count a frame."""
        kind = "whole" if computed.whole else "holes" if computed.unknown else "assumed"
        self.frames[kind] += 1
        self.holes.update(set(computed.unknown.values()))


def summary(worker: Worker, targets: Iterable[Target], bounds: Bounds) -> Iterator[str]:
    """Compute the programs and yield the lines of a summary.

    Says on standard error why a program cannot be entered; raises TargetError when none can.
    """
    counts = _Counts()
    for target in targets:
        try:
            entry = target.enter(target.source())
        except (TargetError, UsageError) as error:
            note(f"{target.id}: {error.message}")
            continue
        computing = worker.compute(entry, target.filename, bounds)
        for computed in computing:
            counts.take(computed)
        outcome = computing.outcome
        assert outcome is not None
        counts.programs[outcome.end] += 1
        if outcome.end is End.FAULT:
            note(f"{target.id}: {outcome.reason}")
        elif outcome.end is End.STOPPED:
            counts.stops[outcome.reason] += 1
    if not counts.programs:
        raise TargetError("no program could be entered")
    yield from _lines(counts, bounds.frames)


def _lines(counts: _Counts, most: int) -> Iterator[str]:
    programs, frames = counts.programs, counts.frames
    yield f"{plural(programs.total(), 'program')}, to {plural(most, 'frame')}"
    yield from _table(
        {
            "told to their end": programs[End.ENDED],
            "told to that limit": programs[End.ENOUGH],
            "not told from some frame on": programs[End.STOPPED],
            "ended by an error of ours": programs[End.FAULT],
        },
        programs.total(),
    )
    yield plural(frames.total(), "frame")
    yield from _table(
        {
            "told whole": frames["whole"],
            "with values that are not known": frames["holes"],
            "whole if nothing was raised before": frames["assumed"],
        },
        frames.total(),
    )
    for title, reasons in (("why programs stop", counts.stops), ("why values are not known", counts.holes)):
        if reasons:
            yield f"{title}, the most frequent reasons"
            yield from _table(dict(reasons.most_common(_MOST_REASONS)))


def _table(rows: dict[str, int], total: int = 0) -> Iterator[str]:
    """Yield rows of counts, with their share of `total`."""
    width = max(len(f"{count:,}") for count in rows.values())
    for text, count in rows.items():
        share = f" {percent(count / total):>7}" if total else ""
        yield f"  {count:{width},}{share}  {text}"
