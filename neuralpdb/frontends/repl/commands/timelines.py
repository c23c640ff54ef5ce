"""The commands about timelines: what became of a history that was left, and what would become of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.debugger import timeline_diff
from neuralpdb.debugger.timeline_diff import Side
from neuralpdb.debugger.timelines import Timeline, fork_of
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import timelines as timelines_module
from neuralpdb.frontends.text.frames import place
from neuralpdb.output.printable import inert
from neuralpdb.trace.frames import Ended

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


EVERYTHING = "all"


@command("fork", group="time", usage="[NAME]")
def do_fork(repl: Repl, rest: str) -> None:
    """Keep the present timeline under a name and go on in a copy of it: what if ...?
    For example: fork calm, !speed = 90, continue, diff calm. An edit or a jump keeps what it leaves by itself.
    """
    found = repl.session.fork(rest)
    repl.say(Text(f"{found.name} is kept as it is; you go on in {repl.session.timelines.current}"))


@command("timelines", group="time")
def do_timelines(repl: Repl, rest: str) -> None:
    """List the timelines: how far each is known, where we were in it, where it parts from the present one.
    Of those that an edit or a jump kept (before1, before2, ...) the last 20 are.
    """
    present = repl.session.present
    for each in sorted((present, *repl.session.timelines.kept.values()), key=lambda each: each is not present):
        mark = "* " if each is present else "  "
        text = Text(mark, style="bold green").append(each.name, style="bold default")
        repl.say(text.append(f"  {_described(repl, each, present)}", style="not bold default"))


@command("timeline", group="time", usage="NAME")
def do_timeline(repl: Repl, rest: str) -> None:
    """Go to another timeline, where it was left; the present one is kept."""
    repl.moved(repl.session.switch(wanted(rest, "timeline")))


@command("checkpoint", group="time", usage="[NAME]")
def do_checkpoint(repl: Repl, rest: str) -> None:
    """Mark this place, on whatever timeline: `go NAME` comes back. Alone, list the marks."""
    if rest:
        marked = repl.session.checkpoint(rest)
        repl.say(Text(f"checkpoint {marked.name} at step {marked.index:,}"))
        return
    if not repl.session.timelines.checkpoints:
        repl.say(Text("no checkpoints", style="dim"))
    for marked in repl.session.timelines.checkpoints.values():
        frame = marked.frames[marked.index]
        where = f"step {marked.index:,} of {_home(repl, marked)}, {place(repl.program, frame)}"
        repl.say(Text(f"{marked.name}  {where} -> {inert(frame.source.strip())}"))


def compare(repl: Repl, rest: str) -> None:
    """`diff A [B] [all]`: two timelines side by side, from where they part; one name: the present one and that."""
    words = rest.split()
    whole = words[-1:] == [EVERYTHING] and bool(words.pop())
    if len(words) not in (1, 2):
        raise UsageError(f"diff {rest}: not what diff takes", "for example: diff before1, or diff all")
    names = words if len(words) == 2 else [repl.session.timelines.current, *words]
    ours, theirs = (_side(repl.session.timeline_of(name)) for name in names)
    repl.say(Text(inert(timelines_module.summary(ours, theirs))))
    first = timeline_diff.first_difference(ours, theirs)
    if first is None:
        return
    found = list(timeline_diff.steps(ours, theirs, first))
    shown = found if whole else found[: timelines_module.MOST_STEPS]
    for text in timelines_module.table(repl.program, ours, theirs, shown, repl.console.width):
        repl.say(text)
    if len(shown) < len(found):
        repl.say(Text(f"{len(found) - len(shown):,} more steps: diff {' '.join(names)} all", style="dim"))


def _side(timeline: Timeline) -> Side:
    return Side(timeline.name, timeline.frames, isinstance(timeline.end, Ended))


def _described(repl: Repl, each: Timeline, present: Timeline) -> str:
    """`12 steps, at 8, parts at step 5: (6)f() -> ...`."""
    known = f"known to step {len(each.nodes) - 1:,}" + (", its end" if isinstance(each.end, Ended) else "")
    text = f"{known}; at step {each.index:,}"
    shared = fork_of(each.frames, present.frames)
    if each is present or shared >= len(each.nodes):
        return text
    frame = each.frames[shared]
    return f"{text}; parts at step {shared:,}: {place(repl.program, frame, named=False)} {inert(frame.source.strip())}"


def _home(repl: Repl, marked: Timeline) -> str:
    """Name of the timeline that a checkpoint is on."""
    timelines = (repl.session.present, *repl.session.timelines.kept.values())
    return next((each.name for each in timelines if marked.on(each.nodes)), "a timeline that was left")
