"""The view of a stop: place, changed values, doubts, displays, what became of the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.fidelity.verdicts import Difference
from neuralpdb.frontends.export.transcript import Judgement
from neuralpdb.frontends.repl import source_view
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.text import frames, marks, verdicts
from neuralpdb.output import printable
from neuralpdb.trace.frames import Event, Frame, Outcome, Trouble

PATIENCE = 0.03
"""Seconds that a stop waits for a real run that is behind: too short for a user to notice."""


def show(prompt: Prompt, stop: Stop) -> None:
    """Print a stop."""
    prompt.last_shown, prompt.last_stop = None, stop
    prompt.looked(prompt.session.history)
    judged, stack, unsure = verdict(prompt, stop), prompt.session.stack, doubts(prompt, stop.frame)
    notes = marks.at(prompt, stack[-1]) if stack else marks.NO_REMARKS
    if prompt.multiline:
        prompt.say(frames.stop_block(prompt.program, stop, stack, judged, wrong(prompt), unsure, notes))
    else:
        prompt.say(frames.stop_line(prompt.program, stop, stack, judged, doubts=unsure, remarks=notes))
    if prompt.sticky and stop.frame is not None:
        source_view.whole(prompt)
    prompt.interrupted |= stop.kind is StopKind.INTERRUPTED
    if stop.trouble is not None and stop.kind is StopKind.TROUBLE:
        _explain(prompt, stop.trouble)
    elif stop.kind is StopKind.ENDED:
        _show_origin(prompt)


def _show_origin(prompt: Prompt) -> None:
    """Print where the exception that ended the program was raised."""
    history = prompt.session.history
    at = len(history)
    while at and history[at - 1].event is Event.EXCEPTION:
        at -= 1
    if at < len(history):
        place = frames.place(prompt.program, history[at])
        line = printable.short(history[at].source.strip())
        prompt.say(Text(f"    raised at step {at}: {place} -> {line}", style="dim"))


def _explain(prompt: Prompt, trouble: Trouble) -> None:
    """Print what the model wrote instead of a frame, and what to do now."""
    if trouble.text:
        prompt.say(Text(f"    the model wrote: {printable.short(trouble.text, 200)}", style="dim"))
    elsewhere = "go on from elsewhere: back, jump LINE, !NAME = EXPR"
    start = "reset draws another start; or give it yourself: --call EXPR, or --set NAME=REPR for each parameter"
    prompt.say(Text(f"    {elsewhere if prompt.session.history else start}", style="dim"))


def doubts(prompt: Prompt, frame: Frame | None) -> Mapping[str, float]:
    """Return the probabilities of the parts of a frame that the model was unsure of."""
    shares = prompt.confidence_of(frame) if frame is not None else {}
    return {part: share for part, share in shares.items() if share < prompt.doubt_below}


def value(prompt: Prompt, expression: str, text: Text) -> Text:
    """Return the value of an expression, and behind that of a local how it is known."""
    name = expression.strip()
    return text.append_text(marks.at(prompt, prompt.activation()).full(name)) if name in prompt.locals() else text


def show_displays(prompt: Prompt) -> None:
    """Print the displayed expressions whose value has changed."""
    stack = prompt.session.stack
    for name, old, new in prompt.displays.changed(prompt.session.history, stack[-1]) if stack else ():
        prompt.say(Text(f"display {printable.inert(name)}: {printable.short(new)}  [old: {printable.short(old)}]"))


# -- the real run beside it ----------------------------------------------------------------------------------------


def verdict(prompt: Prompt, stop: Stop) -> Text | None:
    """Return what became of the prediction at a stop; None where nothing is compared."""
    outcomes = outcomes_so_far(prompt, stop.kind in (StopKind.ENDED, StopKind.TROUBLE))
    if prompt.beside is None or not outcomes:
        return None
    standing = prompt.beside.at(outcomes, PATIENCE)
    if prompt.beside.failed:
        return None
    return verdicts.verdict(prompt.program, standing, len(prompt.beside.frames))


def wrong(prompt: Prompt) -> dict[str, Difference]:
    """Return the locals of the present frame that differ from the actual ones, by name."""
    if prompt.beside is None or not prompt.session.history:
        return {}
    return verdicts.wrong(prompt.beside.at(prompt.session.history))


def judged(prompt: Prompt, lines: Sequence[Text], ahead: Sequence[Frame]) -> list[Text]:
    """Return the lines of a proposal, the verdict on each frame behind its line."""
    if prompt.beside is None or prompt.beside.failed:
        return list(lines)
    before = prompt.session.history
    prompt.beside.reach(len(before) + len(ahead) - 1, PATIENCE)
    standings = prompt.beside.along([*before, *ahead])[len(before) :]
    texts = [verdicts.verdict(prompt.program, each, len(prompt.beside.frames), brief=True) for each in standings]
    return [Text.assemble(line, "  ", text or "") for line, text in zip(lines, texts, strict=True)]


def judgements(prompt: Prompt) -> list[Judgement | None]:
    """Return what became of every frame of the timeline, as far as the real run has come; wait for nothing."""
    if prompt.beside is None or prompt.beside.failed:
        return []
    standings = prompt.beside.along(prompt.session.timeline)
    texts = [verdicts.verdict(prompt.program, each, len(prompt.beside.frames), brief=True) for each in standings]
    return [Judgement(text.plain[0], text.plain[2:]) if text is not None else None for text in texts]


def outcomes_so_far(prompt: Prompt, halted: bool) -> list[Outcome]:
    """Return the history; with `halted`, also what came in place of the next frame."""
    halt = prompt.session.halt if halted else None
    return [*prompt.session.history, *([halt] if halt is not None else [])]


def progress(prompt: Prompt) -> str:
    """Return how far the real run is, for `where`; empty without one."""
    return verdicts.run_state(prompt.beside) if prompt.beside is not None and not prompt.beside.failed else ""
