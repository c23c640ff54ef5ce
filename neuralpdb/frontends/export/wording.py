"""What the forms that people read say alike. Nothing is escaped here: each form does that in its own way."""

from __future__ import annotations

from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.text.frames import place
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import LINE, VALUE, Ended, Event, Frame, Origin

_SIGNS = {"=": "exact", "~": "equivalent", "!": "wrong", "?": "not known yet", "-": "not compared"}
_ORIGINS = {Origin.EDITED: "edited", Origin.OBSERVED: "actual", Origin.GIVEN: "given", Origin.GUESSED: "guess"}
_PARTS = {LINE: "the line", VALUE: "the value"}


def facts(account: Transcript) -> list[str]:
    """What the export is of, a line each."""
    last = len(account.steps) - 1
    found = [
        f"starts at {account.start}",
        f"timeline {account.timeline}: known to step {last:,}; the session was at step {account.index:,}",
    ]
    if account.model:
        found.append(f"predicted by {account.model}")
    if account.edited:
        found.append(f"edited at step {', '.join(map(str, account.edited))}")
    if account.signs:
        counts = ", ".join(f"{number:,} {_SIGNS.get(sign, sign)}" for sign, number in account.signs.items())
        found.append(f"beside the real run: {counts}")
    for each in account.others:
        found.append(f"timeline {each.name}: known to step {each.last:,}, parts at step {each.parts:,}")
    return found


def where(program: Program, frame: Frame) -> str:
    """The place of a frame and its event: `(3)f() call`."""
    event = "" if frame.event is Event.LINE else f" {frame.event.value}"
    return f"{place(program, frame, named=False)}{event}"


def marks(step: TranscriptStep) -> list[str]:
    """Who says so when it is not the model alone, of what it was not sure, what became of it."""
    found = [_ORIGINS[step.frame.origin]] if step.frame.origin in _ORIGINS else []
    found += [
        f"? {_PARTS.get(part, part)} {share:.0%}".replace("%", " %") for part, share in (step.doubts or {}).items()
    ]
    if step.verdict is not None:
        found.append(f"{step.verdict.sign} {step.verdict.text}")
    return found


def end_of(account: Transcript) -> str:
    """Why there is nothing behind the last step."""
    if account.end is None:
        return "No more is known."
    if isinstance(account.end, Ended):
        return f"The end: {account.end.reason}."
    return f"No prediction: {account.end.message}."
