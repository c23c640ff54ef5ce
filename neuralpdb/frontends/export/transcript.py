"""The facts of an export: every step of a timeline with what it changed, who says so and what became of it.

It knows no form, no terminal and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Changes, changes
from neuralpdb.debugger.timelines import fork_of
from neuralpdb.program.entry import Entry
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Frame, Origin, Trouble
from neuralpdb.trace.stack import Stack, advance


@dataclass(frozen=True)
class Judgement:
    """What became of a prediction beside the real run: `=`, `~`, `!`, `?` or `-`, and what there is to say."""

    sign: str
    text: str


@dataclass(frozen=True)
class TranscriptStep:
    """One frame. changed: name -> (old, new) since the step before in the same activation.

    doubts: probability of the parts of which the model was not sure.
    """

    index: int
    frame: Frame
    changed: Changes
    verdict: Judgement | None = None
    doubts: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Other:
    """Another timeline: how far it is known, and the step where it parts from the one that is told."""

    name: str
    last: int
    parts: int


@dataclass(frozen=True)
class Transcript:
    """What happened on a timeline. index: the step where the user was; end: why there is nothing behind the last.

    model: what predicted it, empty where that is not known.
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
        """How many verdicts there are of each sign."""
        found: dict[str, int] = {}
        for step in self.steps:
            if step.verdict is not None:
                found[step.verdict.sign] = found.get(step.verdict.sign, 0) + 1
        return found

    @property
    def edited(self) -> list[int]:
        """Steps that the user wrote."""
        return [step.index for step in self.steps if step.frame.origin is Origin.EDITED]


def account(
    session: Session,
    verdicts: Sequence[Judgement | None] = (),
    doubts: Callable[[Frame], Mapping[str, float]] = lambda frame: {},
    model: str = "",
) -> Transcript:
    """Return all that is known of the present timeline.

    verdicts: of its first frames. doubts: see `TranscriptStep`. model: its name.
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
        steps.append(TranscriptStep(index, frame, changes(before, stack[-1]), verdict, doubts(frame)))
    start = started(session.entry)
    return Transcript(session.entry.program, start, present.name, present.index, steps, present.end, others, model)


def started(entry: Entry) -> str:
    """Where the trace begins: a call, or a line with the locals that were given."""
    program = entry.program
    if program.own < len(program.lines):
        return program.lines[-1].strip().removeprefix("return ")
    given = entry.first.locals if entry.first is not None else entry.given
    line = entry.first.line if entry.first is not None else entry.marked
    return f"line {line}" + (f" with {', '.join(f'{name}={value}' for name, value in given.items())}" if given else "")
