"""A transcript as one page: no script, no network. The template escapes foreign text."""

from __future__ import annotations

from typing import Any

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.export.wording import DEEPEST, end_of, facts, marks
from neuralpdb.frontends.text.frames import place_and_event
from neuralpdb.output.html import environment, hashed, resource
from neuralpdb.output.printable import short
from neuralpdb.trace.frames import Frame, Origin

PACKAGE = "neuralpdb.frontends.export"
VALUE, WHOLE = 160, 4_000
"""Characters of a value where it changes, and in the table of the whole state, which opens on demand."""


def text(transcript: Transcript) -> str:
    """Return the whole page."""
    from markupsafe import Markup

    style = resource(PACKAGE, "session.css")
    return (
        environment(PACKAGE, "session.html.jinja")
        .get_template("session.html.jinja")
        .render(
            style=Markup(style),
            policy=f"default-src 'none'; style-src {hashed(style)}; base-uri 'none'; form-action 'none'",
            name=transcript.program.name,
            facts=facts(transcript),
            steps=[_row(transcript, step) for step in transcript.steps],
            lines=transcript.program.lines,
            current=transcript.steps[transcript.index].frame.line if transcript.steps else None,
            end=end_of(transcript),
            version=__version__,
        )
    )


def _row(transcript: Transcript, step: TranscriptStep) -> dict[str, Any]:
    """Return the values of a step for the template."""
    frame = step.frame
    return {
        "index": step.index,
        "here": step.index == transcript.index,
        "kind": " ".join(_classes(step)),
        "where": place_and_event(transcript.program, frame),
        "line": frame.line,
        "source": frame.source.strip(),
        "value": None if frame.value is None else short(frame.value, VALUE),
        "changed": [
            {"name": name, "old": _short(old), "new": _short(new), "doubted": name in (step.doubts or {})}
            for name, (old, new) in step.changed.items()
        ],
        "marks": marks(step),
        "state": _state(frame),
    }


def _classes(step: TranscriptStep) -> list[str]:
    names = [step.frame.event.value, f"d{min(step.frame.depth, DEEPEST)}"]
    if step.frame.origin is Origin.EDITED:
        names.append("edited")
    if step.verdict is not None and step.verdict.sign == "!":
        names.append("wrong")
    return names


def _short(text: str | None) -> str | None:
    return None if text is None else short(text, VALUE)


def _state(frame: Frame) -> list[tuple[str, str]]:
    values = [(name, short(value, WHOLE)) for name, value in frame.locals.items()]
    return [*values, *([("(value)", short(frame.value, WHOLE))] if frame.value is not None else [])]
