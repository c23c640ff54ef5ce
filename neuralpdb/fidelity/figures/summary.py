"""Summary: all figures of a run (totals, intervals, breakdowns, calibration, cost). Every report shows these only.

It knows comparisons, no form in which they are shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from neuralpdb.fidelity.comparison import Comparison, Cost, Debugged, Result, Rollout, Step
from neuralpdb.fidelity.equality import LADDER, Level
from neuralpdb.fidelity.figures.calibration import Calibration, calibrate
from neuralpdb.fidelity.figures.context import Context, contexts
from neuralpdb.fidelity.figures.debugging import Debugging, debugging
from neuralpdb.fidelity.figures.divergence import DEBUGGER, FORCED, ROLLOUT
from neuralpdb.fidelity.figures.rollouts import Rollouts, could_match, reached, rollouts
from neuralpdb.fidelity.figures.shares import Interval, Share, Tally, clustered
from neuralpdb.fidelity.figures.table9 import Table9, table9
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import VALUE, Event, Trouble
from neuralpdb.trace.values import kind_of

Key = TypeVar("Key", bound=Hashable)

POSITIONS = (1, 10, 30, 100, 300, 1000)
"""First frame index of each bucket of positions in the trace: two buckets for each factor of ten."""
DEPTHS = 10
"""Depths from this one on share a row: deeper calls are rare."""


@dataclass(frozen=True)
class FunctionRow:
    """A function of one program.

    program:    id of the program.
    tally:      of its frames.
    first_miss: index of its first wrong frame; None for none.
    """

    program: str
    function: str
    tally: Tally
    first_miss: int | None


@dataclass(frozen=True)
class LineRow:
    """A line of one program.

    program: id of the program.
    tally:   of the frames that came right after the line ran (in its own activation, or in what it called).
    """

    program: str
    line: int
    tally: Tally


@dataclass(frozen=True)
class ProgramRow:
    """One program.

    frames:         of its true trace, the given first one included.
    teacher_forced: None when it was not asked for or there is none.
    first_miss:     index of the first wrong teacher-forced frame; None for none.
    rollout:        as in the comparison.
    debugger:       as in the comparison.
    error:          why it has no (whole) comparison; empty for none.
    comparable:     there is something to judge in it.
    """

    id: str
    name: str
    call: str
    frames: int
    teacher_forced: Tally | None
    first_miss: int | None
    rollout: Rollout | None
    debugger: Debugged | None
    error: str
    comparable: bool

    @property
    def accuracy(self) -> float | None:
        return self.teacher_forced.accuracy if self.teacher_forced else None

    @property
    def free(self) -> Rollout | None:
        """The rollout of the model alone; where the model was not asked alone, that of the debugger."""
        if self.rollout is None and self.teacher_forced is None and self.debugger is not None:
            return self.debugger.rollout
        return self.rollout

    @property
    def divergence(self) -> int | None:
        """Where the model left the truth: in the rollout, or without one the first wrong frame.

        Where the model was not asked alone, where the debugger did.
        """
        return self.free.divergence if self.free else self.first_miss


@dataclass(frozen=True)
class Summary:
    """The figures that every report shows.

    programs:       one row each, in the order of the run.
    teacher_forced: None when there is none. Its `interval` counts frames as if they were independent.
    clustered:      interval of the accuracy that draws whole programs (bootstrap, seed 0), the one to quote for many
                    programs; None for fewer than two programs.
    rollout:        of the model alone; None when there is none.
    debugger:       of the debugger as it is used; None when there is none.
    view:           whose frames the breakdowns count (lines to levels): FORCED, or ROLLOUT when the frames of the
                    rollouts up to and with their first divergence are all there is, or so DEBUGGER; empty for none.
    lines:          by line that ran.
    functions:      by function.
    constructs:     statement that ran -> frames that were predicted after it, most frequent first.
    types:          kind of value -> written values that are right, of those in frames whose event and line are right.
    events:         event -> frames, in the order of the events.
    depths:         depth of the call -> frames, in their natural order.
    positions:      position in the trace -> frames, in their natural order.
    levels:         how many right frames needed each level of equality.
    calibration:    None when no frame has a confidence.
    table9:         None when there is no rollout.
    cost:           of all comparisons together.
    failures:       (program, reason) of the programs without a whole comparison.
    cut:            (program, reason) of the programs whose real run was stopped by a limit.
    pythons:        versions of the interpreters that made the truths.
    """

    programs: tuple[ProgramRow, ...]
    teacher_forced: Tally | None
    clustered: Interval | None
    rollout: Rollouts | None
    debugger: Debugging | None
    view: str
    lines: tuple[LineRow, ...]
    functions: tuple[FunctionRow, ...]
    constructs: Mapping[str, Tally]
    types: Mapping[str, Share]
    events: Mapping[str, Tally]
    depths: Mapping[str, Tally]
    positions: Mapping[str, Tally]
    levels: Mapping[Level, int]
    calibration: Calibration | None
    table9: Table9 | None
    cost: Cost
    failures: tuple[tuple[str, str], ...]
    cut: tuple[tuple[str, str], ...]
    pythons: tuple[str, ...]


@dataclass(frozen=True)
class Sighting:
    """The prediction of one true frame, with the context of the frame."""

    program: str
    step: Step
    context: Context


def summarise(result: Result) -> Summary:
    """Count everything. Comparisons with an error count with the frames they have."""
    comparisons = result.comparisons
    view = _view(comparisons)
    predictions = [each for comparison in comparisons for each in sightings(comparison, view)]
    rows = tuple(map(_program, comparisons))
    forced = [row.teacher_forced for row in rows if row.teacher_forced is not None]
    return Summary(
        programs=rows,
        teacher_forced=Tally.total(forced) if forced else None,
        clustered=clustered([tally.share for tally in forced]),
        rollout=rollouts([each.rollout for each in comparisons if each.rollout is not None]),
        debugger=debugging(comparisons),
        view=view,
        lines=_lines(predictions),
        functions=_functions(predictions),
        constructs=_by_size(tallies(predictions, lambda each: each.context.construct)),
        types=_types(predictions),
        events=dict(_ordered(tallies(predictions, lambda each: str(each.context.frame.event)))),
        depths=_natural(tallies(predictions, lambda each: min(each.context.frame.depth, DEPTHS)), _depth),
        positions=_natural(tallies(predictions, lambda each: bucket(each.step.index)), _position),
        levels=_levels(predictions),
        calibration=calibrate([each.step for each in predictions]),
        table9=table9(comparisons, result.setup.rules),
        cost=_cost(comparisons),
        failures=tuple((each.subject.id, each.error) for each in comparisons if each.error),
        cut=tuple(filter(None, map(_cut, comparisons))),
        pythons=tuple(sorted({each.python for each in comparisons if each.python})),
    )


def _view(comparisons: Sequence[Comparison]) -> str:
    if any(each.steps is not None for each in comparisons):
        return FORCED
    if any(each.rollout is not None for each in comparisons):
        return ROLLOUT
    return DEBUGGER if any(each.debugger is not None for each in comparisons) else ""


def sightings(comparison: Comparison, view: str = FORCED) -> list[Sighting]:
    """Return the predictions of one program, in order: teacher-forced, or of a rollout as far as it was judged."""
    used = comparison.debugger
    rollout = comparison.rollout if view != DEBUGGER else used.rollout if used is not None else None
    steps = comparison.steps if view == FORCED else reached(rollout) if rollout is not None else None
    if not steps:
        return []
    around = contexts(comparison.subject, comparison.truth.frames)
    return [Sighting(comparison.subject.id, step, around[step.index]) for step in steps]


def tallies(predictions: Iterable[Sighting], key: Callable[[Sighting], Key]) -> dict[Key, Tally]:
    """Return the outcomes of the predictions by `key`, keys in the order of their first prediction."""
    counts: dict[Key, Counter[Fidelity]] = defaultdict(Counter)
    for prediction in predictions:
        counts[key(prediction)][prediction.step.verdict.fidelity] += 1
    return {name: Tally(count) for name, count in counts.items()}


# -- programs ------------------------------------------------------------------------------------------------------


def _program(comparison: Comparison) -> ProgramRow:
    steps, rollout = comparison.steps, comparison.rollout
    tally = None if steps is None else Tally.of(step.verdict.fidelity for step in steps)
    used = comparison.debugger
    free = [each for each in (rollout, used.rollout if used is not None else None) if each is not None]
    judged = bool(tally and tally.share.total) or any(map(could_match, free))
    return ProgramRow(
        id=comparison.subject.id,
        name=comparison.subject.name,
        call=comparison.subject.call,
        frames=len(comparison.truth.frames),
        teacher_forced=tally,
        first_miss=next((step.index for step in steps or () if step.verdict.wrong), None),
        rollout=rollout,
        debugger=used,
        error=comparison.error,
        comparable=judged or any(each.equal is not None for each in free),
    )


def _cut(comparison: Comparison) -> tuple[str, str] | None:
    """Return why the real run was not followed to its end; None when it was, or when there was none."""
    end = comparison.truth.end
    return (comparison.subject.id, end.message) if isinstance(end, Trouble) and comparison.truth.frames else None


def worst(rows: Sequence[ProgramRow]) -> list[ProgramRow]:
    """Return the programs that the model left: by accuracy, lowest first, then by place, earliest first."""
    left = [row for row in rows if row.divergence is not None or row.first_miss is not None]
    return sorted(left, key=lambda row: (_followed(row), row.divergence or 0, row.id))


def _followed(row: ProgramRow) -> float:
    """Return the accuracy; where that is not known, the share of the frames up to the divergence."""
    if row.accuracy is not None:
        return row.accuracy
    return 1.0 if row.divergence is None else row.divergence / max(row.frames, 1)


# -- breakdowns ----------------------------------------------------------------------------------------------------


def _lines(predictions: Sequence[Sighting]) -> tuple[LineRow, ...]:
    with_line = [each for each in predictions if each.context.ran is not None]
    by_line = tallies(with_line, lambda each: (each.program, each.context.ran or 0))
    order = {program: i for i, program in enumerate(dict.fromkeys(each.program for each in predictions))}
    ranked = sorted(by_line.items(), key=lambda item: (order[item[0][0]], item[0][1]))
    return tuple(LineRow(program, line, tally) for (program, line), tally in ranked)


def _functions(predictions: Sequence[Sighting]) -> tuple[FunctionRow, ...]:
    by_function = tallies(predictions, lambda prediction: (prediction.program, prediction.context.function))
    first_misses: dict[tuple[str, str], int] = {}
    for prediction in predictions:
        if prediction.step.verdict.wrong:
            first_misses.setdefault((prediction.program, prediction.context.function), prediction.step.index)
    return tuple(FunctionRow(*key, tally, first_misses.get(key)) for key, tally in by_function.items())


def _types(predictions: Iterable[Sighting]) -> dict[str, Share]:
    """Return the share of right values for each kind of written value.

    Counts only predictions whose event and line are right.
    """
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for prediction in predictions:
        verdict = prediction.step.verdict
        if verdict.fidelity in (Fidelity.STATE, Fidelity.VALUE) or verdict.right:
            excluded = {difference.name for difference in verdict.differences if difference.excluded}
            wrong = {difference.name for difference in verdict.differences} - excluded
            for name, text in prediction.context.written.items():
                if name not in excluded:
                    raised = name == VALUE and prediction.context.frame.event is Event.EXCEPTION
                    kind = "exception" if raised else kind_of(text)
                    total[kind] += 1
                    right[kind] += name not in wrong
    return {kind: Share(right[kind], count) for kind, count in total.most_common()}


def _by_size(tallies_by_name: Mapping[str, Tally]) -> dict[str, Tally]:
    return dict(sorted(tallies_by_name.items(), key=lambda item: (-item[1].frames, item[0])))


def _ordered(tallies_by_event: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return [(str(event), tallies_by_event[event]) for event in Event if event in tallies_by_event]


def _natural(tallies_by_key: Mapping[int, Tally], name: Callable[[int], str]) -> dict[str, Tally]:
    return {name(key): tallies_by_key[key] for key in sorted(tallies_by_key)}


def _depth(depth: int) -> str:
    return f"{depth}+" if depth == DEPTHS else str(depth)


def bucket(index: int) -> int:
    """Return the first index of the bucket of positions that `index` is in."""
    return max((first for first in POSITIONS if first <= index), default=POSITIONS[0])


def _position(first: int) -> str:
    last = next((other - 1 for other in POSITIONS if other > first), None)
    return f"{first}-{last}" if last else f"{first}+"


def _levels(predictions: Iterable[Sighting]) -> dict[Level, int]:
    counts = Counter(each.step.verdict.level for each in predictions if each.step.verdict.right)
    return {level: counts[level] for level in LADDER if level.equal}


def _cost(comparisons: Iterable[Comparison]) -> Cost:
    costs = [each.cost for each in comparisons]
    return Cost(**{field.name: sum(getattr(cost, field.name) for cost in costs) for field in fields(Cost)})
