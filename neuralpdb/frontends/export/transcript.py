"""Facts of an export: every step of a timeline with its changes, its origin and its verdict. It knows no form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Changes, changes
from neuralpdb.debugger.timelines import fork_of
from neuralpdb.frontends.text.marks import NO_REMARKS, Remarks, nothing
from neuralpdb.program.entry import Entry
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Frame, Origin, Trouble
from neuralpdb.trace.stack import Activation, Stack, advance


@dataclass(frozen=True)
class Judgement:
    """A verdict beside the real run: `=`, `~`, `!`, `?` or `-`, and its text."""

    sign: str
    text: str


@dataclass(frozen=True)
class TranscriptStep:
    """One frame.

    index:   its number.
    changed: name -> (old, new) since the previous step in the same activation.
    verdict: what became of it beside the real run.
    doubts:  probabilities of the parts that the model was unsure of.
    remarks: how its values are known, and what is said otherwise.
    """

    index: int
    frame: Frame
    changed: Changes
    verdict: Judgement | None = None
    doubts: Mapping[str, float] | None = None
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True)
class Other:
    """Another timeline.

    last:  the last step that is known.
    parts: the step where it parts from the exported one.
    """

    name: str
    last: int
    parts: int


@dataclass(frozen=True)
class Transcript:
    """A timeline as far as it is known.

    start:    the call or the line where it begins.
    timeline: its name.
    index:    the step where the user was.
    end:      why nothing comes after the last step.
    others:   the other timelines of the session.
    model:    name of the model; empty where it is unknown.
    """

    program: Program
    start: str
    timeline: str
    index: int
    steps: Sequence[TranscriptStep]
    end: Ended | Trouble | None
    others: Sequence[Other] = ()
    model: str = ""

    @property
    def signs(self) -> dict[str, int]:
        """Return how many verdicts there are of each sign."""
        return Counter(step.verdict.sign for step in self.steps if step.verdict is not None)

    @property
    def computes(self) -> bool:
        """Whether a step is computed: then not every value is a prediction."""
        return any(step.frame.origin is Origin.COMPUTED for step in self.steps)

    @property
    def edited(self) -> list[int]:
        """Return the steps that the user edited."""
        return [step.index for step in self.steps if step.frame.origin is Origin.EDITED]


def transcript_of(
    session: Session,
    verdicts: Sequence[Judgement | None] = (),
    doubts: Callable[[Frame], Mapping[str, float]] = lambda frame: {},
    model: str = "",
    remarks: Callable[[Activation], Remarks] = nothing,
) -> Transcript:
    """Return the present timeline as far as it is known.

    verdicts: of its first frames.
    doubts:   returns the probabilities of the parts of a frame that the model was unsure of.
    model:    name of the model.
    remarks:  returns how the values of a call are known.
    """
    present = session.present
    others = [
        Other(each.name, len(each.nodes) - 1, fork_of(each.frames, present.frames))
        for each in session.timelines.kept.values()
    ]
    steps: list[TranscriptStep] = []
    stack: Stack = ()
    for index, frame in enumerate(present.frames):
        before, stack = stack, advance(stack, frame)
        verdict = verdicts[index] if index < len(verdicts) else None
        changed, beside = changes(before, stack[-1]), remarks(stack[-1])
        steps.append(TranscriptStep(index, frame, changed, verdict, doubts(frame), beside))
    start = started(session.entry)
    return Transcript(session.entry.program, start, present.name, present.index, steps, present.end, others, model)


def started(entry: Entry) -> str:
    """Return where the trace begins: a call, or a line with the locals that were given."""
    program = entry.program
    if program.own < len(program.lines):
        return program.lines[-1].strip().removeprefix("return ")
    given = entry.first.locals if entry.first is not None else entry.given
    line = entry.first.line if entry.first is not None else entry.marked
    return f"line {line}" + (f" with {', '.join(f'{name}={value}' for name, value in given.items())}" if given else "")
