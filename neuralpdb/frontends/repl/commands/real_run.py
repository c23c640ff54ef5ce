"""Commands of the group `trust`: the real run beside the predicted one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from rich.text import Text

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import UsageError
from neuralpdb.fidelity.lockstep import FrameStatus, Lockstep, Status
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.frontends.repl.arguments import count as count_of
from neuralpdb.frontends.repl.commands.timelines import compare
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.stop_view import outcomes_so_far
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import frames, verdicts
from neuralpdb.trace.frames import Ended, Frame, Outcome
from neuralpdb.trace.stack import stack_of

_UNNOTICED = 0.3
"""Seconds that pass before the user is told what takes its time; a shorter wait needs no word."""
DIVERGE = "diverge"


@command("check", group="trust", usage="[STEP]", allowed_in_project_rc=True)
def do_check(prompt: Prompt, argument: str) -> None:
    """Wait for the real run and count how many predictions were right up to here, or up to STEP.
    It shows the first that was wrong. Ctrl-C stops the waiting.
    """
    beside = _real(prompt)
    timeline = prompt.session.timeline if argument else outcomes_so_far(prompt, True)
    last = len(timeline) - 1
    if argument:
        number = int(argument) if argument.isdecimal() and len(argument) < 10 else last + 1
        if number > last:
            raise UsageError(f"check {argument}: not a known step", f"the trace is known from 0 to {last}")
        last = number
    _await(prompt, beside, timeline[: last + 1])
    standings = beside.along(timeline[: last + 1])
    prompt.say(Text(_summary(verdicts.predictions(standings))))
    first = verdicts.first_wrong(standings)
    if first is not None:
        frame = first.predicted
        text = "the end" if isinstance(frame, Ended) else "no prediction"
        if isinstance(frame, Frame):
            text = frames.frame_line(prompt.program, frame, named=False).plain
        prompt.say(Text(f"first divergence, step {first.index}: {text}"))
        _show_verdict(prompt, beside, first)


@command("truth", group="trust", usage="[COUNT]", allowed_in_project_rc=True)
def do_truth(prompt: Prompt, argument: str) -> None:
    """Show the actual frame of this step, or COUNT of them from here on, as `predict` shows predicted ones.
    After control flow has parted it starts at the step where it did.
    """
    count = count_of(argument, "truth")
    beside, standing = _standing(prompt)
    at = standing.at
    _await(prompt, beside, prompt.session.history, at + count - len(prompt.session.history))
    actual = beside.frames[at : at + count]
    for text in frames.proposal(prompt.program, actual, at, stack_of(beside.frames[:at])):
        prompt.say(text)
    if len(actual) < count:
        prompt.say(Text(verdicts.run_state(beside), style="dim"))


def _timelines(prompt: Prompt) -> Iterable[str]:
    return ["all", prompt.session.timelines.current, *prompt.session.timelines.kept]


@command("diff", group="trust", usage="[all | [TIMELINE] TIMELINE]", allowed_in_project_rc=True, completes=_timelines)
def do_diff(prompt: Prompt, argument: str) -> None:
    """Show how the prediction differs from the real run, or one timeline from another, from where they part.
    diff all shows equal values too; diff NAME compares the present timeline with NAME, diff A B all every step of two
    timelines.
    """
    if argument not in ("", "all"):
        compare(prompt, argument)
        return
    beside, standing = _standing(prompt)
    if standing.kind is Status.PARTED:
        standing = beside.along(prompt.session.history)[standing.at]
        prompt.say(Text(f"control flow parted at step {standing.index}:"))
    if standing.kind is not Status.JUDGED:
        _show_verdict(prompt, beside, standing)
        return
    rows = verdicts.rows(prompt.program, standing, argument == "all")
    if not rows:
        prompt.say(Text("no difference"))
    for text in verdicts.table(rows) if rows else ():
        prompt.say(text)


@command("adopt", group="trust")
def do_adopt(prompt: Prompt, argument: str) -> Stop:
    """Replace the predicted frame by the actual one; the prediction goes on from it, `back` undoes it.
    It replaces the frames between the divergence and here too.
    """
    beside, standing = _standing(prompt)
    starts = [each for each in (standing.since, standing.edited) if each is not None]
    start, end = min(starts, default=standing.index), standing.at
    if standing.verdict is not None and standing.verdict.fidelity is Fidelity.EXACT and not starts:
        raise UsageError(f"step {end} is the actual one already", "see: go diverge")
    actual = beside.frames[start : end + 1]
    if end >= len(beside.frames) or not actual:
        raise UsageError(f"there is no actual frame of step {end}", verdicts.run_state(beside))
    stop = prompt.session.adopt(actual, start)
    message = f"adopted step {end}" if start == end else f"adopted steps {start} to {end}"
    return Stop(stop.kind, stop.frame, stop.before, f"{message} of the real run")


def diverge(prompt: Prompt) -> Stop:
    """Go to the first divergence of the timeline, predicting as far as needed. Raises UsageError."""
    beside, session = _real(prompt), prompt.session
    timeline: list[Outcome] = [*session.timeline]
    if not timeline:
        raise UsageError("there is no frame yet", "type step")
    last = beside.at(timeline, None)
    if last.since is not None:
        return session.go(last.since)
    if last.kind is not Status.JUDGED:
        raise UsageError(*_why_not(last))
    session.go(session.known)
    prompt.waiting()

    def diverged() -> bool:
        standing = beside.at(session.history, None)
        return standing.since is not None or standing.kind is not Status.JUDGED

    stop = session.seek(diverged)
    if stop.kind is StopKind.ENDED:
        prompt.queue.appendleft(partial(_say_if_followed, prompt, beside))  # below the end, which is shown first
    return stop


def _say_if_followed(prompt: Prompt, beside: Lockstep) -> None:
    """Say that a whole prediction agrees with the real run, if it does."""
    if beside.at(outcomes_so_far(prompt, True)).since is None:
        prompt.say(Text(f"no divergence: the prediction followed the real run, {len(beside.frames) - 1:,} steps"))


def _why_not(standing: FrameStatus) -> tuple[str, str]:
    """Return why no divergence can be found, and what to do."""
    if standing.kind is Status.EDITED:
        change = "guessed" if standing.guessed else "edited"
        return (
            f"step {standing.edited} was {change}: nothing from there on can be compared",
            "undo it by back, or adopt",
        )
    return f"no divergence as far as the real run went: {standing.reason}", ""


# -- small parts ---------------------------------------------------------------------------------------------------


def _real(prompt: Prompt) -> Lockstep:
    """Return the real run. Raises UsageError when there is none."""
    if prompt.beside is None:
        raise UsageError(
            "there is no real run to compare with", prompt.why_no_real_run or "start with: --compare --interactive"
        )
    if prompt.beside.failed:
        raise UsageError(f"there is no real run to compare with: {prompt.beside.failed}")
    return prompt.beside


def _standing(prompt: Prompt) -> tuple[Lockstep, FrameStatus]:
    """Return the real run, once it has come here, and how the present frame, or the end behind it, compares."""
    beside, history = _real(prompt), prompt.session.history
    if not history:
        raise UsageError("there is no frame yet", "type step")
    outcomes = outcomes_so_far(prompt, True)
    _await(prompt, beside, outcomes)
    standings = beside.along(outcomes)
    at_end = len(outcomes) > len(history) and standings[len(history) - 1].right
    return beside, standings[-1 if at_end else len(history) - 1]


def _await(prompt: Prompt, beside: Lockstep, timeline: Sequence[Outcome], beyond: int = 0) -> None:
    """Wait until the real run has passed `timeline`, by `beyond` steps; Ctrl-C stops the waiting and nothing else.

    Where a frame is wrong, wait also until it is certain that both runs can be compared.
    """
    index = len(timeline) - 1 + beyond
    try:
        if not beside.reach(index, _UNNOTICED):
            if prompt.multiline:
                prompt.say(Text("waiting for the real run (Ctrl-C stops the waiting)", style="dim"))
            while not beside.reach(index, _UNNOTICED):
                pass
        if beside.frames:
            beside.at(timeline, None)
    except KeyboardInterrupt:
        prompt.interruption(f"interrupted: {verdicts.run_state(beside)}")
    _real(prompt)


def _summary(standings: Sequence[FrameStatus]) -> str:
    """Return `steps 1 to 13: 10 exact, 2 state, 1 not known yet`."""
    counted = Counter(map(verdicts.word, standings))
    texts = [f"{number:,} {name}" for name, number in counted.items()]
    first, last = standings[0].index, standings[-1].index
    return (f"steps {first:,} to {last:,}: " if last > first else f"step {first:,}: ") + ", ".join(texts)


def _show_verdict(prompt: Prompt, beside: Lockstep, standing: FrameStatus) -> None:
    text = verdicts.verdict(prompt.program, standing, len(beside.frames))
    prompt.say(Text(" ").append_text(text) if text is not None else Text(" = exact"))
