"""How true a prediction is: verdicts on frames, and everything that is known of one compared program.

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

    index:      of the frame in the true trace; 0 is given and never predicted.
    confidence: probability that the model gave to what it wrote, 0 to 1; None where it is not known.
    """

    index: int
    predicted: Outcome
    verdict: Verdict
    confidence: float | None = None


@dataclass(frozen=True)
class Rollout:
    """The model running on its own from the first frame.

    frames:     what it predicted, the given first frame included; `end`: how it ended.
    verdicts:   of the true frames from index 1 on, one each; UNREACHED behind the divergence.
    divergence: index of the first frame that differs (len(truth): it went on beyond the true end), None for none.
    matched:    true frames it got right before that, the given one not counted.
    complete:   it came to an end of its own, within the limits.
    expected, predicted: the results, as texts: the value of the last return, or how a script ended.
    equal:      whether they are; None when they cannot be compared.
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
        """It followed the truth from the first frame to the end."""
        return self.divergence is None and self.complete


@dataclass(frozen=True)
class Cost:
    """What a comparison took. Tokens are exact; seconds are wall time.

    scored: tokens of true frames that were judged in forward passes over them; prompt: further tokens read;
    decoded: tokens written one by one; redone: frames that had to be decoded.
    """

    scored: int = 0
    prompt: int = 0
    decoded: int = 0
    redone: int = 0
    seconds: float = 0.0
    truth_seconds: float = 0.0


@dataclass(frozen=True)
class Subject:
    """A program to compare. id: unique in a run; name: file name as the user wrote it; call: empty for a script.

    text: the source as it was given; lines: the lines that frames refer to (with the call wrapper behind the first
    `own` ones).
    """

    id: str
    name: str
    text: str
    call: str = ""
    argv: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    own: int = 0


class Blame(StrEnum):
    """Who kept a program from being compared."""

    TARGET = "target"
    """it cannot be read, parsed, entered or run"""
    MODEL = "model"
    """the model or its server could not be used"""


@dataclass(frozen=True)
class Comparison:
    """One program, its truth and its predictions.

    truth:      the real run, canonical; empty when there is none (`error`).
    unstable:   frame index -> locals (or VALUE) that are not comparable there.
    comparable: frames from this index on are not comparable at all; `why` says for what reason.
    steps:      teacher-forced, None when not asked for. rollout: None when not asked for.
    error:      why there is no (whole) comparison, in one line; empty for none. blame: whose fault that is.
    output:     what the program printed (the beginning of it).
    """

    subject: Subject
    truth: Trace
    python: str = ""
    unstable: Mapping[int, frozenset[str]] = field(default_factory=dict)
    comparable: int = 0
    steps: tuple[Step, ...] | None = None
    rollout: Rollout | None = None
    error: str = ""
    blame: Blame | None = None
    output: str = ""
    cost: Cost = Cost()
    why: str = ""


def judged_steps(
    predictions: Iterable[tuple[int, Outcome, float | None]],
    truth: Trace,
    doubts: Comparability,
    rules: Tolerance = STRICT,
) -> tuple[Step, ...]:
    """Teacher-forced predictions (index, outcome, confidence) with their verdicts."""
    frames = truth.frames
    return tuple(
        Step(index, outcome, doubts.judge(index, outcome, frames[index], rules), confidence)
        for index, outcome, confidence in predictions
        if index < len(frames)
    )


@dataclass(frozen=True)
class Comparability:
    """What of a true trace is not comparable: see `Comparison.unstable` and `Comparison.comparable`."""

    unstable: Mapping[int, frozenset[str]]
    comparable: int

    def judge(self, index: int, predicted: Outcome, actual: Frame, rules: Tolerance) -> Verdict:
        """`judge`, but for what is not comparable."""
        if index >= self.comparable:
            return Verdict(Fidelity.EXCLUDED)
        return judge(predicted, actual, rules, self.unstable.get(index, frozenset()))


def judged_rollout(predicted: Trace, truth: Trace, doubts: Comparability, rules: Tolerance = STRICT) -> Rollout:
    """A free-running prediction beside the truth, frame by frame up to the first that differs."""
    verdicts: list[Verdict] = []
    said: tuple[Outcome, ...] = (*predicted.frames, predicted.end)
    divergence = None
    for index in range(1, len(truth.frames)):
        if index >= len(said) and index < doubts.comparable:
            break
        verdict = doubts.judge(index, said[min(index, len(said) - 1)], truth.frames[index], rules)
        verdicts.append(verdict)
        if verdict.wrong:
            divergence = index
        if verdict.wrong or verdict.fidelity in (Fidelity.TRUNCATED, Fidelity.UNREACHED):
            break
    matched = sum(verdict.right for verdict in verdicts)
    rest = len(truth.frames) - 1 - len(verdicts)
    known = isinstance(truth.end, Ended) and doubts.comparable >= len(truth.frames)
    if divergence is None and rest == 0 and known and not _ends_with(predicted, truth):
        divergence = len(truth.frames)
    return Rollout(
        frames=predicted.frames,
        end=predicted.end,
        verdicts=(*verdicts, *(Verdict(Fidelity.UNREACHED),) * rest),
        divergence=divergence,
        matched=matched,
        complete=isinstance(predicted.end, Ended) or len(predicted.frames) > len(truth.frames),
        expected=result(truth),
        predicted=result(predicted),
        equal=_same_result(predicted, truth, divergence, doubts, rules),
    )


def _ends_with(predicted: Trace, truth: Trace) -> bool:
    """Whether it ends where the truth does, as far as is known: a limit is no statement of the model."""
    if len(predicted.frames) > len(truth.frames):
        return False
    end = predicted.end
    return isinstance(end, Ended) or TROUBLES[end.kind] not in WRONG


def result(trace: Trace) -> str:
    """What a program came to: the value that the entered function gave, or a script's last locals; empty for none."""
    last = trace.frames[_last(trace)] if trace.frames else None
    if last is None or not isinstance(trace.end, Ended):
        return ""
    if last.value is not None:
        return last.value
    return ", ".join(f"{name} = {value}" for name, value in last.locals.items())


def _last(trace: Trace) -> int:
    """Index of the last frame of the activation that the trace began in."""
    depth = trace.frames[0].depth
    return max(index for index, frame in enumerate(trace.frames) if frame.depth <= depth)


def _same_result(
    predicted: Trace, truth: Trace, divergence: int | None, doubts: Comparability, rules: Tolerance
) -> bool | None:
    last = _last(truth)
    if not isinstance(truth.end, Ended) or doubts.comparable <= last or doubts.unstable.get(last):
        return None
    if not isinstance(predicted.end, Ended):
        return None if divergence is None else False
    ours, theirs = predicted.frames[_last(predicted)], truth.frames[last]
    if ours.event is not theirs.event:
        return False
    return all(level_of(a, b, rules).equal for a, b in value_pairs(ours, theirs).values())


# -- a whole run ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComparisonSetup:
    """What was compared with what, and how.

    engine: local, vllm or replay; model, revision: what it says of itself. constrained: lines were kept to those that
    control flow allows. limits: of the real run, by name. teacher_forced, rollout: which of them were asked for.
    max_frames: of one program.
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
    max_frames: int = 1_000


@dataclass(frozen=True)
class Result:
    """All comparisons of one run. complete: False when it was interrupted. created: ISO 8601, UTC."""

    setting: ComparisonSetup
    comparisons: tuple[Comparison, ...]
    complete: bool
    created: str
    seconds: float = 0.0
