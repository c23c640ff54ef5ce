"""Debugging: how true the debugger is as it is used, how its values are known, and what it computed wrong.

It knows comparisons, no form in which they are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neuralpdb.fidelity.comparison import Comparison, Debugged
from neuralpdb.fidelity.figures.context import befores, written
from neuralpdb.fidelity.figures.divergence import in_words
from neuralpdb.fidelity.figures.rollouts import Rollouts, reached, rollouts
from neuralpdb.fidelity.figures.shares import Share
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import GUESSES, LINE, Ended, Frame, Known, Origin, Outcome

KINDS = (Known.COMPUTED, Known.DERIVED, Known.PREDICTED)
"""How values of a free-running debugger are known; others are given at its start."""


@dataclass(frozen=True)
class Defect:
    """A computed text that the real run contradicts: an error of ours, not of the model.

    program:  id.
    index:    of the frame.
    name:     of the local; VALUE, or LINE for the event and the line.
    computed: the text; None where the local is missing.
    actual:   the text of the real run; None where the local is missing.
    place:    the true frame, or the last one before the end.
    """

    program: str
    index: int
    name: str
    computed: str | None
    actual: str | None
    place: Frame

    @property
    def shown_name(self) -> str:
        """Return the name as a report shows it."""
        return self.name or "value"


@dataclass(frozen=True)
class Debugging:
    """The debugger on its own, over programs.

    rollouts: as of the model alone.
    values:   how they are known -> values that are right, of those that a frame writes anew, up to and with the first
              divergence; only of frames whose event and line are right.
    ways:     how they are known -> events and lines that are right, of the same frames.
    defects:  what was computed wrong.
    alone:    why nothing was told -> frames (or ends) that the model predicted alone, most frequent first.
    frames:   that were told or predicted, the given ones not counted.
    passes:   forward passes of the model.
    seconds:  wall time.
    """

    rollouts: Rollouts
    values: Mapping[Known, Share]
    ways: Mapping[Known, Share]
    defects: tuple[Defect, ...]
    alone: Mapping[str, int]
    frames: int
    passes: int
    seconds: float

    @property
    def passes_per_frame(self) -> float | None:
        return self.passes / self.frames if self.frames else None


def debugging(comparisons: Sequence[Comparison]) -> Debugging | None:
    """Count what the debugger did on its own; None when it was not asked for."""
    used = [each.debugger for each in comparisons if each.debugger is not None]
    overall = rollouts([each.rollout for each in used])
    if overall is None:
        return None
    alone: Counter[str] = Counter()
    for each in used:
        alone.update(each.alone)
    return Debugging(
        rollouts=overall,
        values=_shares(map(_values, comparisons)),
        ways=_shares(map(_ways, comparisons)),
        defects=tuple(defect for comparison in comparisons for defect in defects(comparison)),
        alone=dict(sorted(alone.items(), key=lambda item: (-item[1], item[0]))),
        frames=sum(len(each.rollout.frames) - 1 for each in used),
        passes=sum(each.passes for each in used),
        seconds=sum(each.seconds for each in used),
    )


def _shares(counts: Iterable[Counter[tuple[Known, bool]]]) -> dict[Known, Share]:
    total: Counter[tuple[Known, bool]] = Counter()
    for count in counts:
        total.update(count)
    return {how: Share(total[how, True], total[how, True] + total[how, False]) for how in KINDS}


def _values(comparison: Comparison) -> Counter[tuple[Known, bool]]:
    """Return how often a value that is written anew is known in some way, and right or wrong."""
    counts: Counter[tuple[Known, bool]] = Counter()
    if comparison.debugger is None:
        return counts
    before = befores(comparison.truth.frames)
    for step in reached(comparison.debugger.rollout):
        outcome, verdict = step.predicted, step.verdict
        if isinstance(outcome, Frame) and (verdict.right or verdict.fidelity in (Fidelity.STATE, Fidelity.VALUE)):
            different = {each.name for each in verdict.differences}
            excluded = {each.name for each in verdict.differences if each.excluded}
            for name in written(comparison.truth.frames[step.index], before[step.index]):
                if name not in excluded:
                    counts[how_known(outcome, name), name not in different] += 1
    return counts


def _ways(comparison: Comparison) -> Counter[tuple[Known, bool]]:
    """Return how often an event with its line is known in some way, and right or wrong."""
    counts: Counter[tuple[Known, bool]] = Counter()
    for step in reached(comparison.debugger.rollout) if comparison.debugger is not None else ():
        if isinstance(step.predicted, Frame) and (step.verdict.right or step.verdict.wrong):
            counts[how_placed(step.predicted), step.verdict.fidelity is not Fidelity.CONTROL] += 1
    return counts


def defects(comparison: Comparison) -> tuple[Defect, ...]:
    """Return what was computed wrong in one program.

    It is sought in the first frame that differs: behind it, a frame may differ only because one before it did. Where a
    guess was wrong before, though the frame was not compared in it, nothing is said of what was computed since; and
    where there was any guess, nothing of another line.
    """
    used = comparison.debugger
    if used is None or used.rollout.divergence is None:
        return ()
    index, frames = used.rollout.divergence, comparison.truth.frames
    outcomes: Sequence[Outcome] = (*used.rollout.frames, used.rollout.end)
    outcome = outcomes[min(index, len(outcomes) - 1)]
    if index in used.assumed or _guessed_otherwise(used, index):
        return ()
    actual = frames[index] if index < len(frames) else None
    place = actual or frames[-1]
    program = comparison.subject.id
    elsewhere = (Defect(program, index, LINE, in_words(outcome), in_words(actual), place),)
    if isinstance(outcome, Ended):
        return elsewhere if used.is_end_computed and not _holds_guess(used, index) else ()
    if not isinstance(outcome, Frame) or how_placed(outcome) is not Known.COMPUTED:
        return ()
    if actual is None or used.rollout.verdicts[index - 1].fidelity is Fidelity.CONTROL:
        return elsewhere if not _holds_guess(used, index) else ()
    return tuple(
        Defect(program, index, each.name, each.predicted, each.actual, place)
        for each in used.rollout.verdicts[index - 1].differences
        if not each.excluded and outcome.how(each.name) is Known.COMPUTED
    )


def _guessed_otherwise(used: Debugged, index: int) -> bool:
    """Whether a text before frame `index` differed from the truth that was not computed."""
    before = zip(used.rollout.frames[1:index], used.rollout.verdicts, strict=False)
    return any(
        how_known(frame, difference.name) is not Known.COMPUTED
        for frame, verdict in before
        for difference in verdict.differences
    )


def _holds_guess(used: Debugged, index: int) -> bool:
    """Whether anything up to frame `index` is a guess: only the first line that one decides is marked."""
    frames = used.rollout.frames[1 : index + 1]
    return any(frame.origin is not Origin.COMPUTED or GUESSES & set(frame.known.values()) for frame in frames)


def how_placed(frame: Frame) -> Known:
    """Return how the event and the line of a frame are known."""
    return frame.known.get(LINE) or (Known.COMPUTED if frame.origin is Origin.COMPUTED else Known.PREDICTED)


def how_known(frame: Frame, name: str) -> Known:
    """Return how a value is known; one that is computed where the way there rests on a guess rests on it, too."""
    how = frame.how(name)
    return Known.DERIVED if how is Known.COMPUTED and how_placed(frame) is not Known.COMPUTED else how
