"""The tools about alternatives: timelines that were kept or left, their differences, and several draws of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from pydantic import Field

from neuralpdb.debugger import timeline_diff
from neuralpdb.debugger.draws import Agreement, tally
from neuralpdb.debugger.timelines import Timeline
from neuralpdb.errors import UsageError
from neuralpdb.frontends.mcp.answers import (
    CHANGE,
    CHANGED,
    TEXT,
    VALUE,
    Answer,
    Stopped,
    data,
    lines_of,
    part_name,
    short_or_none,
)
from neuralpdb.frontends.mcp.sessions import OpenProgram
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.frontends.text import timelines as timelines_module
from neuralpdb.frontends.text.frames import place
from neuralpdb.output.printable import short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Frame, Outcome

MOST_TIMELINES = 50
"""Most timelines of a session: all are listed in one answer."""
MOST_STEPS = 20
"""Most steps that `diff_timelines` lists; the first ones tell why two timelines part."""
MOST_DRAWS = 50
"""Most draws of one call: with a model, up to a minute."""
MOST_PARTS = 40
"""Most parts of a frame that `resample` lists, as many as the locals of a movement's answer."""
MOST_ANSWERS = 5
"""Most answers that are listed for one part of a frame, the most frequent ones."""

Name = Annotated[str, Field(description="Name of a timeline (see list_timelines).", max_length=100)]


class Way(Answer):
    """One timeline."""

    name: str
    present: bool
    """The session stands on it."""
    step: int
    """Where it stands, or stood when it was left."""
    known: int
    ended: bool
    """The trace is over behind its last frame."""

    def lines(self) -> Iterator[str]:
        end = ", its end" if self.ended else ""
        yield data(f"{'*' if self.present else ' '} {self.name}: step {self.step}, known to {self.known}{end}")


class Ways(Answer):
    """All timelines of a session."""

    session: str
    timelines: list[Way]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {len(self.timelines)} timelines"
        yield from lines_of(self.timelines)


def _ways(opened: OpenProgram) -> Ways:
    present = opened.session.present
    timelines = [present, *opened.session.timelines.kept.values()]
    return Ways(session=opened.id, timelines=[_way(each, each is present) for each in timelines])


def _way(timeline: Timeline, present: bool) -> Way:
    return Way(
        name=short(timeline.name, CHANGE),
        present=present,
        step=timeline.index,
        known=len(timeline.nodes) - 1,
        ended=isinstance(timeline.end, Ended),
    )


@tool()
def fork(
    opened: OpenProgram,
    name: Annotated[str, Field(description="For the one that is kept; empty: made up.", max_length=40)] = "",
) -> Ways:
    """Keep the present timeline under a name and go on in a copy of it, to ask what if and to compare afterwards.
    set_state and jump keep what they leave by themselves (before1, before2, ...) when its future was known.
    """
    if len(opened.session.timelines.kept) >= MOST_TIMELINES:
        raise UsageError(f"there are {MOST_TIMELINES} timelines, the most")
    opened.session.fork(name)
    return _ways(opened)


@tool(reads=True)
def list_timelines(opened: OpenProgram) -> Ways:
    """List the timelines that were kept, the present one first."""
    return _ways(opened)


@tool()
def switch_timeline(opened: OpenProgram, name: Name) -> Stopped:
    """Go to another timeline, where it was left; the present one is kept."""
    return opened.answer(opened.session.switch(name))


class Unlike(Answer):
    """What two timelines do not have in common at one step, as far as it was not so before. null: not there."""

    what: str
    """Name of a local, or (value)."""
    ours: str | None
    theirs: str | None

    def lines(self) -> Iterator[str]:
        ours, theirs = ("nothing" if each is None else each for each in (self.ours, self.theirs))
        yield data(f"      {self.what}: {ours} / {theirs}")


class Both(Answer):
    """One step of two timelines. null: not known that far."""

    step: int
    ours: str | None
    theirs: str | None
    different: list[Unlike]

    def lines(self) -> Iterator[str]:
        ours, theirs = ("not known" if each is None else each for each in (self.ours, self.theirs))
        yield data(f"{self.step:>4} {ours}" + (f" / {theirs}" if ours != theirs else ""))
        yield from lines_of(self.different)


class Parting(Answer):
    """Two timelines beside each other, from the first step at which they differ."""

    session: str
    summary: str
    steps: list[Both]
    more: int
    """Further steps that are not listed."""

    def lines(self) -> Iterator[str]:
        yield f"{self.session}:"
        yield data(self.summary)
        yield from lines_of(self.steps)
        if self.more:
            yield f"{self.more} more steps"


@tool(reads=True)
def diff_timelines(
    opened: OpenProgram,
    name: Name,
    other: Annotated[str, Field(description="The other one; default: the present one.", max_length=100)] = "",
) -> Parting:
    """Compare two timelines of the session: where they part, and what differs at each step from there."""
    names = (name, other) if other else (opened.session.timelines.current, name)
    ours, theirs = (_side(opened.session.timeline_of(each)) for each in names)
    first = timeline_diff.first_difference(ours, theirs)
    steps = [] if first is None else list(timeline_diff.steps(ours, theirs, first))
    program = opened.session.entry.program
    return Parting(
        session=opened.id,
        summary=short(timelines_module.summary(ours, theirs), TEXT),
        steps=[_both(program, each) for each in steps[:MOST_STEPS]],
        more=max(len(steps) - MOST_STEPS, 0),
    )


def _side(timeline: Timeline) -> timeline_diff.Side:
    return timeline_diff.Side(timeline.name, timeline.frames, isinstance(timeline.end, Ended))


def _both(program: Program, step: timeline_diff.StepDiff) -> Both:
    different = [
        Unlike(what=part_name(name), ours=short_or_none(ours), theirs=short_or_none(theirs))
        for name, (ours, theirs) in islice(step.fresh.items(), CHANGED)
    ]
    return Both(step=step.index, ours=_at(program, step.ours), theirs=_at(program, step.theirs), different=different)


def _at(program: Program, frame: Frame | None) -> str | None:
    return None if frame is None else short(f"{place(program, frame, named=False)} {frame.event.value}", CHANGE)


class Said(Answer):
    """One answer of the model. null: the name is not there."""

    text: str | None
    times: int
    greedy: bool
    """It is what the model says without chance, which `step` takes."""

    def lines(self) -> Iterator[str]:
        text = "nothing" if self.text is None else self.text
        yield data(f"    {'*' if self.greedy else ' '} {self.times} times {text}")


class Opinions(Answer):
    """What draws say about one part of the next frame."""

    part: str
    """(line), (value) or the name of a local."""
    answers: list[Said]

    def lines(self) -> Iterator[str]:
        yield data(f"  {self.part}")
        yield from lines_of(self.answers)


class Draws(Answer):
    """How far the model agrees with itself about the next frame."""

    session: str
    draws: int
    parts: list[Opinions]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {self.draws} draws of the next frame"
        yield from lines_of(self.parts)


@tool(reads=True)
def resample(
    opened: OpenProgram, draws: Annotated[int, Field(description="How many.", ge=1, le=MOST_DRAWS)] = 5
) -> Draws:
    """Ask the model several times, with chance, for the next frame: where its answers differ, do not trust it. Nothing
    moves. Values are counted over the draws that are at the most likely line.
    """
    outcomes: list[Outcome] = []
    for outcome in opened.session.alternatives(draws):
        opened.check_cancelled()
        outcomes.append(outcome)
    greedy, *drawn = outcomes
    parts = tally(greedy, drawn)
    return Draws(session=opened.id, draws=len(drawn), parts=[_opinions(each) for each in parts[:MOST_PARTS]])


def _opinions(agreement: Agreement) -> Opinions:
    answers = [
        Said(text=short_or_none(each.text, VALUE), times=each.count, greedy=each.greedy)
        for each in agreement.answers[:MOST_ANSWERS]
    ]
    return Opinions(part=part_name(agreement.part), answers=answers)
