"""The tools about what might be otherwise: timelines that were left or kept, and the model asked again with chance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from pydantic import Field

from neuralpdb.debugger import timeline_diff
from neuralpdb.debugger.draws import Agreement, tally
from neuralpdb.debugger.timelines import Timeline
from neuralpdb.errors import UsageError
from neuralpdb.frontends.mcp.answers import CHANGE, CHANGED, TEXT, VALUE, Answer, Stopped, data
from neuralpdb.frontends.mcp.sessions import Debuggee
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.frontends.text import timelines as timelines_module
from neuralpdb.frontends.text.frames import place
from neuralpdb.output.printable import short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Frame, Outcome

MOST_TIMELINES = 50
MOST_STEPS = 20
"""Steps that `diff_timelines` lists."""
MOST_DRAWS = 50
MOST_PARTS = 40
MOST_ANSWERS = 5
"""Answers that are listed for one part of a frame."""

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
        for each in self.timelines:
            yield from each.lines()


def _ways(at: Debuggee) -> Ways:
    present = at.session.present
    found = [present, *at.session.timelines.kept.values()]
    return Ways(session=at.id, timelines=[_way(each, each is present) for each in found])


def _way(each: Timeline, present: bool) -> Way:
    return Way(
        name=short(each.name, CHANGE),
        present=present,
        step=each.index,
        known=len(each.nodes) - 1,
        ended=isinstance(each.end, Ended),
    )


@tool()
def fork(
    at: Debuggee,
    name: Annotated[str, Field(description="For the one that is kept; empty: made up.", max_length=40)] = "",
) -> Ways:
    """Keep the present timeline under a name and go on in a copy of it, to ask what if and to compare afterwards.
    set_state and jump keep what they leave by themselves (before1, before2, ...) when its future was known.
    """
    if len(at.session.timelines.kept) >= MOST_TIMELINES:
        raise UsageError(f"there are {MOST_TIMELINES} timelines, the most")
    at.session.fork(name)
    return _ways(at)


@tool(reads=True)
def list_timelines(at: Debuggee) -> Ways:
    """List the timelines that were kept, the present one first."""
    return _ways(at)


@tool()
def switch_timeline(at: Debuggee, name: Name) -> Stopped:
    """Go to another timeline, where it was left; the present one is kept."""
    return at.answer(at.session.switch(name))


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
        for each in self.different:
            yield from each.lines()


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
        for each in self.steps:
            yield from each.lines()
        if self.more:
            yield f"{self.more} more steps"


@tool(reads=True)
def diff_timelines(
    at: Debuggee,
    name: Name,
    other: Annotated[str, Field(description="The other one; default: the present one.", max_length=100)] = "",
) -> Parting:
    """Compare two timelines of the session: where they part, and what differs at each step from there."""
    names = (name, other) if other else (at.session.timelines.current, name)
    ours, theirs = (_side(at.session.timeline_of(each)) for each in names)
    first = timeline_diff.first_difference(ours, theirs)
    found = [] if first is None else list(timeline_diff.steps(ours, theirs, first))
    program = at.session.entry.program
    return Parting(
        session=at.id,
        summary=short(timelines_module.summary(ours, theirs), TEXT),
        steps=[_both(program, each) for each in found[:MOST_STEPS]],
        more=max(len(found) - MOST_STEPS, 0),
    )


def _side(timeline: Timeline) -> timeline_diff.Side:
    return timeline_diff.Side(timeline.name, timeline.frames, isinstance(timeline.end, Ended))


def _both(program: Program, step: timeline_diff.StepDiff) -> Both:
    different = [
        Unlike(what=short(name or "(value)", CHANGE), ours=_short(ours), theirs=_short(theirs))
        for name, (ours, theirs) in islice(step.fresh.items(), CHANGED)
    ]
    return Both(step=step.index, ours=_at(program, step.ours), theirs=_at(program, step.theirs), different=different)


def _at(program: Program, frame: Frame | None) -> str | None:
    return None if frame is None else short(f"{place(program, frame, named=False)} {frame.event.value}", CHANGE)


def _short(text: str | None) -> str | None:
    return None if text is None else short(text, CHANGE)


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
        for each in self.answers:
            yield from each.lines()


class Draws(Answer):
    """How far the model agrees with itself about the next frame."""

    session: str
    draws: int
    parts: list[Opinions]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {self.draws} draws of the next frame"
        for each in self.parts:
            yield from each.lines()


@tool(reads=True)
def resample(at: Debuggee, draws: Annotated[int, Field(description="How many.", ge=1, le=MOST_DRAWS)] = 5) -> Draws:
    """Ask the model several times, with chance, for the next frame: where its answers differ, do not trust it. Nothing
    moves. Values are counted over the draws that are at the most likely line.
    """
    found: list[Outcome] = []
    for outcome in at.session.alternatives(draws):
        at.heard()
        found.append(outcome)
    greedy, *drawn = found
    parts = tally(greedy, drawn)
    return Draws(session=at.id, draws=len(drawn), parts=[_opinions(each) for each in parts[:MOST_PARTS]])


def _opinions(each: Agreement) -> Opinions:
    answers = [
        Said(text=None if answer.text is None else short(answer.text, VALUE), times=answer.count, greedy=answer.greedy)
        for answer in each.answers[:MOST_ANSWERS]
    ]
    return Opinions(part=short(each.part or "(value)", CHANGE), answers=answers)
