"""Commands about timelines: histories that an edit, a jump or `fork` left, and checkpoints."""

from __future__ import annotations

from rich.text import Text

from neuralpdb.debugger import timeline_diff
from neuralpdb.debugger.stop import Stop
from neuralpdb.debugger.timeline_diff import Side
from neuralpdb.debugger.timelines import Timeline, fork_of
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import timelines as text_timelines
from neuralpdb.frontends.text.frames import place
from neuralpdb.output.printable import inert
from neuralpdb.trace.frames import Ended

EVERYTHING = "all"


@command("fork", group="time", usage="[NAME]", allowed_in_project_rc=True)
def do_fork(prompt: Prompt, argument: str) -> None:
    """Keep the present timeline under a name and go on in a copy of it: what if ...?
    For example: fork calm, !speed = 90, continue, diff calm. An edit or a jump keeps what it leaves by itself.
    """
    kept = prompt.session.fork(argument)
    prompt.say(Text(f"{kept.name} is kept as it is; you go on in {prompt.session.timelines.current}"))


@command("timelines", group="time", allowed_in_project_rc=True)
def do_timelines(prompt: Prompt, argument: str) -> None:
    """List the timelines: how far each is known, where you were in it, where it parts from the present one.
    Of the timelines that an edit or a jump kept (before1, before2, ...) the last 20 remain.
    """
    present = prompt.session.present
    for timeline in (present, *prompt.session.timelines.kept.values()):
        text = Text("* " if timeline is present else "  ", style="bold green")
        text.append(timeline.name, style="bold default")
        prompt.say(text.append(f"  {_described(prompt, timeline, present)}", style="not bold default"))


@command(
    "timeline",
    group="time",
    usage="NAME",
    moves=True,
    allowed_in_project_rc=True,
    completes=lambda prompt: prompt.session.timelines.kept,
)
def do_timeline(prompt: Prompt, argument: str) -> Stop:
    """Go to another timeline, where it was left; the present one is kept."""
    return prompt.session.switch(required(argument, "timeline"))


@command("checkpoint", group="time", usage="[NAME]", allowed_in_project_rc=True)
def do_checkpoint(prompt: Prompt, argument: str) -> None:
    """Mark this place under a name: `go NAME` comes back, from any timeline; alone, list the checkpoints."""
    if argument:
        marked = prompt.session.checkpoint(argument)
        prompt.say(Text(f"checkpoint {marked.name} at step {marked.index:,}"))
        return
    if not prompt.session.timelines.checkpoints:
        prompt.say(Text("no checkpoints", style="dim"))
    for marked in prompt.session.timelines.checkpoints.values():
        frame = marked.frames[marked.index]
        position = f"step {marked.index:,} of {_home(prompt, marked)}, {place(prompt.program, frame)}"
        prompt.say(Text(f"{marked.name}  {position} -> {inert(frame.source.strip())}"))


def compare(prompt: Prompt, argument: str) -> None:
    """Carry out `diff A [B] [all]`: A and B, or the present timeline and A, side by side from where they part."""
    words = argument.split()
    whole = words[-1:] == [EVERYTHING] and bool(words.pop())
    if len(words) not in (1, 2):
        raise UsageError(f"diff {argument}: not what diff takes", "for example: diff before1, or diff all")
    names = words if len(words) == 2 else [prompt.session.timelines.current, *words]
    ours, theirs = (_side(prompt.session.timeline_of(name)) for name in names)
    prompt.say(Text(inert(text_timelines.summary(ours, theirs))))
    first = timeline_diff.first_difference(ours, theirs)
    if first is None:
        return
    steps = list(timeline_diff.steps(ours, theirs, first))
    listed = steps if whole else steps[: text_timelines.MOST_STEPS]
    for text in text_timelines.table(prompt.program, ours, theirs, listed, prompt.console.width):
        prompt.say(text)
    if len(listed) < len(steps):
        prompt.say(Text(f"{len(steps) - len(listed):,} more steps: diff {' '.join(names)} all", style="dim"))


def _side(timeline: Timeline) -> Side:
    return Side(timeline.name, timeline.frames, isinstance(timeline.end, Ended))


def _described(prompt: Prompt, timeline: Timeline, present: Timeline) -> str:
    """Return `known to step 12; at step 8; parts at step 5: (6)f() ...`."""
    extent = f"known to step {len(timeline.nodes) - 1:,}" + (", its end" if isinstance(timeline.end, Ended) else "")
    text = f"{extent}; at step {timeline.index:,}"
    shared = fork_of(timeline.frames, present.frames)
    if timeline is present or shared >= len(timeline.nodes):
        return text
    frame = timeline.frames[shared]
    return (
        f"{text}; parts at step {shared:,}: {place(prompt.program, frame, named=False)} {inert(frame.source.strip())}"
    )


def _home(prompt: Prompt, marked: Timeline) -> str:
    """Return the name of the timeline that a checkpoint is on."""
    timelines = (prompt.session.present, *prompt.session.timelines.kept.values())
    return next((each.name for each in timelines if marked.on(each.nodes)), "a timeline that was left")
