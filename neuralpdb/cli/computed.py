"""What `neuralpdb trace --computed` prints: the frames of one program, or a summary of many. No model is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.fidelity import targets
from neuralpdb.interpreter.computing.worker import Limits, Worker
from neuralpdb.interpreter.interpretation import Bounds, Computed, End, Outcome
from neuralpdb.output.notes import note
from neuralpdb.output.printable import inert
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import VALUE

_OPERATIONS_A_FRAME = 100
"""Instructions that a frame may cost on the average where many are asked for; ordinary code has 3 to 30."""
_MOST_REASONS = 10
"""Reasons that a summary lists: what comes after them is rare."""


def print_computed(paths: Sequence[str], call: str, most: int, limits: Limits | None = None) -> None:
    """Print what is computed of a script, at most `most` frames; of a folder or of recorded programs, a summary.

    paths: a program and its arguments, or several folders and files of records. Raises UsageError or TargetError.
    """
    first = Path(paths[0])
    with Worker(limits) as worker:
        if first.is_dir() or first.name.endswith(targets.RECORDS):
            for line in _summary(worker, targets.find(paths, call=call), most):
                print(inert(line))
        else:
            _print_one(worker, paths[0], enter(Program.read(first), call=call), most)


def as_dict(computed: Computed) -> dict[str, Any]:
    """Return a computed frame as values for JSON: None for what is not known, and why."""
    fields = computed.frame.as_dict()
    if VALUE in computed.unknown:
        fields["value"] = None
    fields["locals"] = {name: None if name in computed.unknown else text for name, text in fields["locals"].items()}
    if computed.unknown:
        fields["unknown"] = dict(computed.unknown)
    if computed.assuming:
        fields["assuming"] = computed.assuming
    return fields


# -- one program ----------------------------------------------------------------------------------------------


def _print_one(worker: Worker, name: str, entry: Entry, most: int) -> None:
    computing = worker.compute(entry, name, _bounds(most))
    count, last = 0, None
    for computed in computing:
        print(json.dumps({"i": count, **as_dict(computed)}, ensure_ascii=False), flush=True)
        count, last = count + 1, computed.frame
    outcome = computing.outcome
    assert outcome is not None
    if outcome.end is End.ENOUGH:
        note(f"stopped after {count:,} frames")
    elif last is None:
        raise TargetError(f"{name}: nothing is told: {_reason(outcome)}")
    elif outcome.end is not End.ENDED:
        note(f"{name}, line {last.line}: nothing is told after frame {count - 1:,}: {_reason(outcome)}")


def _bounds(most: int) -> Bounds:
    return Bounds(frames=most, operations=max(Bounds.operations, most * _OPERATIONS_A_FRAME))


def _reason(outcome: Outcome) -> str:
    """Return why a computing ended, in one line; for an error of ours with what to do."""
    if outcome.end is End.FAULT:
        return f"{outcome.end.value}: {outcome.why} (please report it, with the program)"
    return outcome.why or outcome.end.value


# -- many programs --------------------------------------------------------------------------------------------


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


def _summary(worker: Worker, found: Iterable[targets.Target], most: int) -> Iterator[str]:
    """Yield the lines of a summary. Says of each program that cannot be read why; raises TargetError if none can."""
    counts = _Counts()
    for target in found:
        try:
            entry = target.enter(target.source())
        except (TargetError, UsageError) as error:
            note(f"{target.id}: {error.message}")
            continue
        computing = worker.compute(entry, target.filename, _bounds(most))
        for computed in computing:
            counts.take(computed)
        outcome = computing.outcome
        assert outcome is not None
        counts.programs[outcome.end] += 1
        if outcome.end is End.FAULT:
            note(f"{target.id}: {_reason(outcome)}")
        elif outcome.end is End.STOPPED:
            counts.stops[_reason(outcome)] += 1
    if not counts.programs:
        raise TargetError("no program could be entered")
    yield from _lines(counts, most)


def _lines(counts: _Counts, most: int) -> Iterator[str]:
    programs, frames = counts.programs, counts.frames
    yield f"{programs.total():,} programs, to {most:,} frames"
    yield from _table(
        {
            "told to their end": programs[End.ENDED],
            "told to that limit": programs[End.ENOUGH],
            "not told from some frame on": programs[End.STOPPED],
            "ended by an error of ours": programs[End.FAULT],
        },
        programs.total(),
    )
    yield f"{frames.total():,} frames"
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
        share = f" {100 * count / total:5.1f} %" if total else ""
        yield f"  {count:{width},}{share}  {text}"
