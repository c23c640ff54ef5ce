"""Commands about how sure the model is: its own probabilities, and its answers when it is asked again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from neuralpdb.debugger.draws import Agreement, tally, where
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import number_of
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text.frames import DOUBTED
from neuralpdb.output.printable import NAME_WIDTH, inert, short
from neuralpdb.trace.frames import EVENT, LINE, VALUE, Ended, Frame, Origin, Outcome

DRAWS, MOST_DRAWS = 5, 100
"""Draws of `resample` by default, enough to see whether the model wavers, and at most: each costs a prediction."""
_NAMES = {EVENT: "event", LINE: "line", VALUE: "value"}
_NO_PREDICTION = {
    Origin.GIVEN: "it was given, nobody predicted it",
    Origin.COMPUTED: "it was computed, not predicted",
    Origin.EDITED: "you wrote it",
    Origin.OBSERVED: "it is what really happened",
}


@command("conf", group="trust", usage="[PERCENT]", allowed_in_project_rc=True)
def do_conf(prompt: Prompt, argument: str) -> None:
    """Show the probability that the model gave to the event, the line and each value of the present frame.
    Values below 60 % are marked with `?` at every stop; conf 80 marks values below 80 %, conf 0 none.
    """
    if argument:
        number = number_of(argument.removesuffix("%").strip())
        if number is None or number > 100:
            raise UsageError(f"conf {argument}: not a percentage", "for example: conf 80")
        prompt.doubt_below = number / 100
        prompt.say(Text(f"values below {number} % are now marked with ?" if number else "no values are marked with ?"))
        return
    frame = prompt.activation().last if prompt.caller_depth() is not None else prompt.session.frame
    shares = prompt.confidence_of(frame) if frame is not None else {}
    if frame is None or not shares:
        raise UsageError(f"there are no probabilities of this frame: {_why_not(frame)}")
    names = {part: short(_NAMES.get(part, part), NAME_WIDTH) for part in shares}
    parts = {**frame.locals, EVENT: frame.event.value, LINE: frame.source.strip(), VALUE: frame.value or ""}
    for part, share in shares.items():
        text = Text("? " if share < prompt.doubt_below else "  ", style=DOUBTED)
        text.append(names[part].ljust(max(map(len, names.values()))))
        text.append(f" {share:6.1%} ".replace("%", " % "), style="").append(short(parts.get(part, "")), style="dim")
        prompt.say(text)


def _why_not(frame: Frame | None) -> str:
    """Return why the model gave no probabilities."""
    if frame is None:
        return "there is none yet"
    overruled = "control flow overruled the model, or its engine tells none"
    return _NO_PREDICTION.get(frame.origin, overruled)


@command("resample", group="look ahead", usage="[COUNT]", allowed_in_project_rc=True)
def do_resample(prompt: Prompt, argument: str) -> None:
    """Draw the next frame COUNT times (5 by default) at random from the model, and show what the draws agree on.
    The likeliest answer, which `step` takes, is marked with *. Nothing moves; Ctrl-C keeps the draws so far.
    """
    count = number_of(argument) if argument else DRAWS
    if not count or count > MOST_DRAWS:
        raise UsageError(f"resample {argument}: not a number from 1 to {MOST_DRAWS}", f"for example resample {DRAWS}")
    outcomes = _draw(prompt, count)
    if len(outcomes) < 2:
        return
    greedy, *draws = outcomes
    prompt.say(Text(f"{len(draws)} draw{'s' * (len(draws) != 1)} of step {prompt.session.index + 1:,}"))
    if isinstance(greedy, Frame) and all(each is greedy for each in draws):
        prompt.say(Text("every draw is the same: frames come from a recording, which is never sampled"))
    _show_agreements(prompt, tally(greedy, draws))
    for outcome in {where(each): each for each in draws if not isinstance(each, Frame)}.values():
        reason = outcome.reason if isinstance(outcome, Ended) else outcome.message
        prompt.say(Text(f"    {inert(reason)}", style="dim"))


def _draw(prompt: Prompt, count: int) -> list[Outcome]:
    """Return the likeliest outcome and `count` draws, or as many as came before Ctrl-C."""
    outcomes: list[Outcome] = []
    try:
        for outcome in prompt.session.alternatives(count):
            outcomes.append(outcome)
    except KeyboardInterrupt:
        prompt.interruption(f"interrupted after {max(len(outcomes) - 1, 0)} of {count} draws")
    return outcomes


def _show_agreements(prompt: Prompt, agreements: Sequence[Agreement]) -> None:
    """Print what draws agree on; count the values that every draw leaves unchanged."""
    frame = prompt.session.frame
    state = frame.locals if frame is not None else {}
    unchanged = 0
    for agreement in agreements:
        if agreement.unanimous and state.get(agreement.part, "") == agreement.answers[0].text:
            unchanged += 1
            continue
        for text in _answers(agreement):
            prompt.say(text)
    if unchanged:
        prompt.say(Text(f"{unchanged} unchanged value{'s' * (unchanged != 1)} in all of them", style="dim"))


def _answers(agreement: Agreement) -> list[Text]:
    """Return `line   * (12)plan()  4 of 5, 80 %`, one line an answer."""
    total = sum(answer.count for answer in agreement.answers)
    lines = []
    for i, answer in enumerate(agreement.answers):
        name = short(_NAMES.get(agreement.part, agreement.part), NAME_WIDTH) if i == 0 else ""
        share = f"{answer.count} of {total}, {answer.count / max(total, 1):.0%}".replace("%", " %")
        text = Text(f"{name:<10} ", style="bold").append("* " if answer.greedy else "  ", style="not bold green")
        text.append("nothing" if answer.text is None else short(answer.text), style="not bold yellow")
        lines.append(text.append(f"  {share}", style="not bold default"))
    return lines
