"""What is shown at a stop: place, changed values, doubts, displays, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.fidelity.verdicts import Difference
from neuralpdb.frontends.export.transcript import Judgement
from neuralpdb.frontends.text import verdicts
from neuralpdb.output import printable
from neuralpdb.trace.frames import Frame, Outcome

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


def doubts(repl: Repl, frame: Frame | None) -> Mapping[str, float]:
    """The parts of a frame of which the model was not sure, and what probability it gave to each."""
    found = repl.sure(frame) if frame is not None else {}
    return {part: share for part, share in found.items() if share < repl.least}


def show_displays(repl: Repl) -> None:
    """Show what is displayed here and has changed."""
    stack = repl.session.stack
    for name, old, new in repl.displays.changed(stack[-1]) if stack else ():
        repl.say(Text(f"display {printable.inert(name)}: {printable.short(new)}  [old: {printable.short(old)}]"))


PATIENCE = 0.03
"""Seconds that a stop waits for a real run that has not come so far."""


# -- at every stop -------------------------------------------------------------------------------------------------


def verdict(repl: Repl, stop: Stop) -> Text | None:
    """What to say of a stop beside its frame; None where nothing is compared."""
    outcomes = outcomes_here(repl, stop.kind in (StopKind.ENDED, StopKind.TROUBLE))
    if repl.beside is None or not outcomes:
        return None
    standing = repl.beside.at(outcomes, PATIENCE)
    if repl.beside.failed:
        return None
    return verdicts.verdict(repl.program, standing, len(repl.beside.frames))


def wrong(repl: Repl) -> dict[str, Difference]:
    """The locals of the frame here that are not the actual ones, by name."""
    if repl.beside is None or not repl.session.history:
        return {}
    return verdicts.wrong(repl.beside.at(repl.session.history))


def judged(repl: Repl, lines: Sequence[Text], ahead: Sequence[Frame]) -> list[Text]:
    """The lines of a proposal with the verdict on each frame behind it."""
    if repl.beside is None or repl.beside.failed:
        return list(lines)
    before = repl.session.history
    repl.beside.reach(len(before) + len(ahead) - 1, PATIENCE)
    standings = repl.beside.along([*before, *ahead])[len(before) :]
    found = [verdicts.verdict(repl.program, each, len(repl.beside.frames), brief=True) for each in standings]
    return [Text.assemble(line, "  ", text or "") for line, text in zip(lines, found, strict=True)]


def judgements(repl: Repl) -> list[Judgement | None]:
    """What became of every frame of the timeline, as far as the real run is known; nothing is waited for."""
    if repl.beside is None or repl.beside.failed:
        return []
    standings = repl.beside.along(repl.session.timeline)
    found = [verdicts.verdict(repl.program, each, len(repl.beside.frames), brief=True) for each in standings]
    return [Judgement(text.plain[0], text.plain[2:]) if text is not None else None for text in found]


def outcomes_here(repl: Repl, halted: bool) -> list[Outcome]:
    """The history, and what came after it instead of a frame when that is what it is about."""
    halt = repl.session.halt if halted else None
    return [*repl.session.history, *([halt] if halt is not None else [])]


def progress(repl: Repl) -> str:
    """How far the real run is, for `where`; empty without one."""
    return verdicts.run_state(repl.beside) if repl.beside is not None and not repl.beside.failed else ""
