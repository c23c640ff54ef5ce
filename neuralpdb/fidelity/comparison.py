"""Comparisons: one program beside its real run, step by step and as a rollout, and all programs of a run.

It compares frames with frames. It knows no model, no process and no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from neuralpdb.fidelity.verdicts import (
    STRICT,
    TROUBLES,
    WRONG,
    Fidelity,
    Tolerance,
    Verdict,
    judge,
    level_of,
    value_pairs,
)
from neuralpdb.trace.frames import Ended, Frame, Outcome, Trace, Trouble

# -- one program ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """The prediction of one true frame from the true frames before it.

    index:      of the frame in the true trace; frame 0 is given and never predicted.
    predicted:  what the model wrote.
    confidence: probability that the model gave to what it wrote, 0 to 1; None where it is not known.
    """

    index: int
    predicted: Outcome
    verdict: Verdict
    confidence: float | None = None


@dataclass(frozen=True)
class Rollout:
    """The model, or the debugger, running on its own from the first frame.

    frames:     what it predicted, the given first frame included.
    end:        how it ended.
    verdicts:   of the true frames from index 1 on, one each; UNREACHED after the divergence.
    divergence: index of the first frame that differs, None for none; len(truth.frames) when the rollout differs only by
                going on beyond the true end.
    matched:    true frames it predicted right before the divergence, the given one not counted.
    complete:   it came to an end of its own, within the limits.
    expected:   the true result as text: the value of the last return, or how a script ended.
    predicted:  the predicted result as text.
    equal:      whether both results are equal; None when they cannot be compared.
    """

    frames: tuple[Frame, ...]
    end: Ended | Trouble
    verdicts: tuple[Verdict, ...]
    divergence: int | None
    matched: int
    complete: bool
    expected: str
    predicted: str
    equal: bool | None

    @property
    def exact(self) -> bool:
        """The rollout followed the truth from the first frame to the end."""
        return self.divergence is None and self.complete


@dataclass(frozen=True)
class Debugged:
    """The debugger as it is used, running on its own: Python's rules compute, the model writes what they leave open.

    rollout:         beside the truth; its frames say how each value is known.
    assumed:         index of a frame (or of the end) -> the operation that was taken to raise nothing before it.
    alone:           why nothing was told -> how many frames (or the end) the model predicted alone for that reason.
    is_end_computed: the end came by Python's rules, not from the model.
    passes:          forward passes of the model.
    seconds:         wall time.
    """

    rollout: Rollout
    assumed: Mapping[int, str] = field(default_factory=dict)
    alone: Mapping[str, int] = field(default_factory=dict)
    is_end_computed: bool = True
    passes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Cost:
    """Tokens and wall time of a comparison with the model alone. Token counts are exact.

    scored:        tokens of true frames that were judged in forward passes over them.
    prompt:        further tokens read.
    decoded:       tokens written one by one.
    redone:        frames that had to be decoded.
    seconds:       wall time of the model.
    truth_seconds: wall time of the real runs.
    """

    scored: int = 0
    prompt: int = 0
    decoded: int = 0
    redone: int = 0
    seconds: float = 0.0
    truth_seconds: float = 0.0


@dataclass(frozen=True)
class Subject:
    """A program to compare.

    id:    unique in a run.
    name:  file name as the user wrote it.
    text:  the source as it was given.
    call:  the expression that was called; empty for a script.
    argv:  arguments of the script.
    lines: the lines that frames refer to, those of the call wrapper last.
    own:   how many of the lines are the program's own, before the call wrapper.
    """

    id: str
    name: str
    text: str
    call: str = ""
    argv: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    own: int = 0


class Blame(StrEnum):
    """The reason a program was not compared."""

    TARGET = "target"
    """the program cannot be read, parsed, entered or run"""
    MODEL = "model"
    """the model or its server cannot be used"""


@dataclass(frozen=True)
class Comparison:
    """One program, its truth and its predictions.

    truth:      the real run, canonical; empty when there is none (`error`).
    python:     version of the interpreter that made the truth.
    unstable:   frame index -> locals (or VALUE) that are not comparable there.
    comparable: frames from this index on are not comparable at all; `why` gives the reason.
    steps:      teacher-forced predictions; None when not asked for.
    rollout:    of the model alone; None when not asked for.
    debugger:   the debugger as it is used; None when not asked for.
    error:      why there is no (whole) comparison, in one line; empty for none.
    blame:      who caused the error.
    output:     the beginning of what the program printed.
    """

    subject: Subject
    truth: Trace
    python: str = ""
    unstable: Mapping[int, frozenset[str]] = field(default_factory=dict)
    comparable: int = 0
    steps: tuple[Step, ...] | None = None
    rollout: Rollout | None = None
    debugger: Debugged | None = None
    error: str = ""
    blame: Blame | None = None
    output: str = ""
    cost: Cost = Cost()
    why: str = ""


def judged_steps(
    predictions: Iterable[tuple[int, Outcome, float | None]],
    truth: Trace,
    comparability: Comparability,
    tolerance: Tolerance = STRICT,
) -> tuple[Step, ...]:
    """Return a step with its verdict for each teacher-forced prediction (index, outcome, confidence)."""
    frames = truth.frames
    return tuple(
        Step(index, outcome, comparability.judge(index, outcome, frames[index], tolerance), confidence)
        for index, outcome, confidence in predictions
        if index < len(frames)
    )


@dataclass(frozen=True)
class Comparability:
    """Which parts of a true trace are comparable.

    unstable:   frame index -> locals (or VALUE) that are not comparable there.
    comparable: frames from this index on are not comparable at all.
    """

    unstable: Mapping[int, frozenset[str]]
    comparable: int

    def judge(self, index: int, predicted: Outcome, actual: Frame, tolerance: Tolerance) -> Verdict:
        """Judge the prediction of frame `index`; EXCLUDED where the frame is not comparable."""
        unstable = self.unstable.get(index, frozenset()) if index < self.comparable else None
        return judge(predicted, actual, tolerance, unstable)


def judged_rollout(
    predicted: Trace, truth: Trace, comparability: Comparability, tolerance: Tolerance = STRICT
) -> Rollout:
    """Compare a free-running prediction with the truth, frame by frame up to the first that differs."""
    verdicts: list[Verdict] = []
    outcomes: tuple[Outcome, ...] = (*predicted.frames, predicted.end)
    divergence = None
    for index in range(1, len(truth.frames)):
        if index >= len(outcomes) and index < comparability.comparable:
            break
        verdict = comparability.judge(index, outcomes[min(index, len(outcomes) - 1)], truth.frames[index], tolerance)
        verdicts.append(verdict)
        if verdict.wrong:
            divergence = index
        if verdict.wrong or verdict.fidelity in (Fidelity.TRUNCATED, Fidelity.UNREACHED):
            break
    matched = sum(verdict.right for verdict in verdicts)
    unreached = len(truth.frames) - 1 - len(verdicts)
    end_is_known = isinstance(truth.end, Ended) and comparability.comparable >= len(truth.frames)
    if divergence is None and unreached == 0 and end_is_known and not _ends_with(predicted, truth):
        divergence = len(truth.frames)
    return Rollout(
        frames=predicted.frames,
        end=predicted.end,
        verdicts=(*verdicts, *(Verdict(Fidelity.UNREACHED),) * unreached),
        divergence=divergence,
        matched=matched,
        complete=isinstance(predicted.end, Ended) or len(predicted.frames) > len(truth.frames),
        expected=result(truth),
        predicted=result(predicted),
        equal=_same_result(predicted, truth, divergence, comparability, tolerance),
    )


def _ends_with(predicted: Trace, truth: Trace) -> bool:
    """Whether the prediction ends where the truth does, as far as is known: reaching a limit is not a prediction."""
    if len(predicted.frames) > len(truth.frames):
        return False
    end = predicted.end
    return isinstance(end, Ended) or TROUBLES[end.kind] not in WRONG


def result(trace: Trace) -> str:
    """Return what a program computed, as text; empty for nothing.

    That is the value that the entered function returned, or a script's last locals.
    """
    last = trace.frames[_last(trace)] if trace.frames else None
    if last is None or not isinstance(trace.end, Ended):
        return ""
    if last.value is not None:
        return last.value
    return ", ".join(f"{name} = {value}" for name, value in last.locals.items())


def _last(trace: Trace) -> int:
    """Return the index of the last frame of the activation that the trace began in."""
    depth = trace.frames[0].depth
    return max(index for index, frame in enumerate(trace.frames) if frame.depth <= depth)


def _same_result(
    predicted: Trace, truth: Trace, divergence: int | None, comparability: Comparability, tolerance: Tolerance
) -> bool | None:
    last = _last(truth)
    if not isinstance(truth.end, Ended) or comparability.comparable <= last or comparability.unstable.get(last):
        return None
    if not isinstance(predicted.end, Ended):
        return None if divergence is None else False
    predicted_frame, actual_frame = predicted.frames[_last(predicted)], truth.frames[last]
    if predicted_frame.event is not actual_frame.event:
        return False
    return all(level_of(a, b, tolerance).equal for a, b in value_pairs(predicted_frame, actual_frame).values())


# -- a whole run ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComparisonSetup:
    """The model that was compared, and how.

    engine:         local, vllm or replay.
    model:          the engine's name of its model.
    revision:       the engine's revision of its model.
    context:        tokens that the model can read.
    constrained:    predicted lines were restricted to those that control flow allows.
    rules:          how far apart texts may be and still count as equal.
    limits:         of the real run, by name.
    teacher_forced: whether each frame was predicted from the true frames before it.
    rollout:        whether the model ran on its own.
    max_frames:     most frames of one program's rollout.
    """

    engine: str
    model: str
    revision: str
    context: int
    constrained: bool = True
    rules: Tolerance = STRICT
    limits: Mapping[str, float] = field(default_factory=dict)
    teacher_forced: bool = True
    rollout: bool = True
    debugger: bool = False
    max_frames: int = 1_000


@dataclass(frozen=True)
class Result:
    """All comparisons of one run.

    setup:       how they were made.
    comparisons: one for each program.
    complete:    False when the run was interrupted.
    created:     start of the run, ISO 8601, UTC.
    seconds:     wall time.
    """

    setup: ComparisonSetup
    comparisons: tuple[Comparison, ...]
    complete: bool
    created: str
    seconds: float = 0.0
