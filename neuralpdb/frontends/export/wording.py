"""Wording that the readable forms share. Nothing is escaped here: each form does that in its own way."""

from __future__ import annotations

from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.trace.frames import LINE, VALUE, Ended, Origin

DEEPEST = 8
"""Calls that are indented: deeper ones would leave no room for the line."""
_SIGNS = {"=": "exact", "~": "equivalent", "!": "wrong", "?": "not known yet", "-": "not compared"}
_ORIGINS = {Origin.EDITED: "edited", Origin.OBSERVED: "actual", Origin.GIVEN: "given", Origin.GUESSED: "guess"}
_PARTS = {LINE: "the line", VALUE: "the value"}


def facts(transcript: Transcript) -> list[str]:
    """Return what the export is about, a line each."""
    last = len(transcript.steps) - 1
    lines = [
        f"starts at {transcript.start}",
        f"timeline {transcript.timeline}: known to step {last:,}; the session was at step {transcript.index:,}",
    ]
    if transcript.model:
        lines.append(f"predicted by {transcript.model}")
    if transcript.edited:
        lines.append(f"edited at step {', '.join(map(str, transcript.edited))}")
    if transcript.signs:
        counts = ", ".join(f"{number:,} {_SIGNS.get(sign, sign)}" for sign, number in transcript.signs.items())
        lines.append(f"beside the real run: {counts}")
    for other in transcript.others:
        lines.append(f"timeline {other.name}: known to step {other.last:,}, parts at step {other.parts:,}")
    return lines


def marks(step: TranscriptStep) -> list[str]:
    """Return the marks of a step: its origin where that is not the model, doubts, the verdict."""
    texts = [_ORIGINS[step.frame.origin]] if step.frame.origin in _ORIGINS else []
    texts += [words] if (words := step.remarks.line().plain.strip()) else []
    texts += [
        f"? {_PARTS.get(part, part)} {share:.0%}".replace("%", " %") for part, share in (step.doubts or {}).items()
    ]
    if step.verdict is not None:
        texts.append(f"{step.verdict.sign} {step.verdict.text}")
    return texts


def source_of(transcript: Transcript) -> tuple[str, str]:
    """Return where the values come from, and what was not done to get them."""
    if not transcript.computes:
        return "every value is a prediction of a model", "nothing of the program was run to get it"
    return (
        "a value is computed by Python's own rules where nothing else is said of it",
        "nothing of the program was run to get it",
    )


def end_of(transcript: Transcript) -> str:
    """Return why nothing comes after the last step."""
    if transcript.end is None:
        return "No more is known."
    if isinstance(transcript.end, Ended):
        return f"The end: {transcript.end.reason}."
    return f"No prediction: {transcript.end.message}."
