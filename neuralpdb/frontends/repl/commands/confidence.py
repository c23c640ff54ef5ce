"""The commands about how sure the model is: its own probabilities, and what it says when it is asked again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from neuralpdb.debugger.draws import Agreement, tally, where
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import number_of
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text.frames import DOUBTED
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import EVENT, LINE, VALUE, Ended, Frame, Origin, Outcome

DRAWS, MOST_DRAWS = 5, 100
"""Draws of `resample`: how many unless a number is given, and the largest number."""
_NAMES = {EVENT: "event", LINE: "line", VALUE: "value"}
_NO_PREDICTION = {
    Origin.GIVEN: "it was given, nobody predicted it",
    Origin.EDITED: "you wrote it",
    Origin.OBSERVED: "it is what really happened",
}


@command("conf", group="trust", usage="[PERCENT]", allowed_in_project_rc=True)
def do_conf(prompt: Prompt, argument: str) -> None:
    """Show the probability that the model gave to the event, the line and each value of the frame here.
    What has less than 60 % is marked with `?` at every stop; conf 80 marks what has less than 80 %, conf 0 nothing.
    """
    if argument:
        number = number_of(argument.removesuffix("%").strip())
        if number is None or number > 100:
            raise UsageError(f"conf {argument}: not a percentage", "for example: conf 80")
        prompt.doubt_below = number / 100
        told = f"marked with ? is what the model gives less than {number} %"
        prompt.say(Text(told if number else "nothing is marked with ?"))
        return
    frame = prompt.activation().last if prompt.caller_depth() is not None else prompt.session.frame
    found = prompt.confidence_of(frame) if frame is not None else {}
    if frame is None or not found:
        raise UsageError(f"there are no probabilities of this frame: {_why_not(frame)}")
    width = max(len(short(_NAMES.get(part, part), 28)) for part in found)
    for part, share in found.items():
        prompt.say(_sure(prompt, frame, part, share, width))


def _sure(prompt: Prompt, frame: Frame, part: str, share: float, width: int) -> Text:
    low = share < prompt.doubt_below
    text = Text("? " if low else "  ", style=DOUBTED).append(short(_NAMES.get(part, part), 28).ljust(width))
    said = {EVENT: frame.event.value, LINE: frame.source.strip(), VALUE: frame.value or ""}
    value = said.get(part) if part in said else frame.locals.get(part, "")
    return text.append(f" {share:6.1%} ".replace("%", " % "), style="").append(short(value or ""), style="dim")


def _why_not(frame: Frame | None) -> str:
    if frame is None:
        return "there is none yet"
    overruled = "control flow overruled the model, or its engine tells none"
    return _NO_PREDICTION.get(frame.origin, overruled)


@command("resample", group="look ahead", usage="[COUNT]", allowed_in_project_rc=True)
def do_resample(prompt: Prompt, argument: str) -> None:
    """Ask the model COUNT times (5 unless you say) for the next frame, with chance, and show what the answers agree on.
    Marked by * is what it says without chance, which is what `step` takes. Nothing moves; Ctrl-C keeps what came.
    """
    count = number_of(argument) if argument else DRAWS
    if not count or count > MOST_DRAWS:
        raise UsageError(f"resample {argument}: not a number from 1 to {MOST_DRAWS}", f"for example resample {DRAWS}")
    found = _drawn(prompt, count)
    if len(found) < 2:
        return
    greedy, *draws = found
    prompt.say(Text(f"{len(draws)} draw{'s' * (len(draws) != 1)} of step {prompt.session.index + 1:,}"))
    if isinstance(greedy, Frame) and all(each is greedy for each in draws):
        prompt.say(Text("every draw is the same: what is shown here is a recording, which knows no chance"))
    _agreed(prompt, tally(greedy, draws))
    for each in {where(each): each for each in draws if not isinstance(each, Frame)}.values():
        reason = each.reason if isinstance(each, Ended) else each.message
        prompt.say(Text(f"    {inert(reason)}", style="dim"))


def _drawn(prompt: Prompt, count: int) -> list[Outcome]:
    """The likeliest outcome and `count` draws, or as many as came before Ctrl-C."""
    found: list[Outcome] = []
    try:
        for outcome in prompt.session.alternatives(count):
            found.append(outcome)
    except KeyboardInterrupt:
        prompt.interruption(f"interrupted after {max(len(found) - 1, 0)} of {count} draws")
    return found


def _agreed(prompt: Prompt, found: Sequence[Agreement]) -> None:
    """Say what draws agree on; of values that did not change, and of which no draw says otherwise, only how many."""
    same = [each for each in found if each.unanimous and _unchanged(prompt, each)]
    for each in found:
        for text in _answers(each) if each not in same else ():
            prompt.say(text)
    if same:
        prompt.say(Text(f"{len(same)} unchanged value{'s' * (len(same) != 1)} in all of them", style="dim"))


def _unchanged(prompt: Prompt, each: Agreement) -> bool:
    frame = prompt.session.frame
    return each.part not in (LINE, VALUE) and frame is not None and frame.locals.get(each.part) == each.answers[0].text


def _answers(each: Agreement) -> list[Text]:
    """`line   * (12)plan()  4 of 5, 80 %`, one line an answer."""
    total = sum(answer.count for answer in each.answers)
    lines = []
    for i, answer in enumerate(each.answers):
        name = short(_NAMES.get(each.part, each.part), 28) if i == 0 else ""
        share = f"{answer.count} of {total}, {answer.count / max(total, 1):.0%}".replace("%", " %")
        text = Text(f"{name:<10} ", style="bold").append("* " if answer.greedy else "  ", style="not bold green")
        text.append("nothing" if answer.text is None else short(answer.text), style="not bold yellow")
        lines.append(text.append(f"  {share}", style="not bold default"))
    return lines
