"""A transcript as one page: no script, no network. The template escapes foreign text."""

from __future__ import annotations

from typing import Any

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.export.wording import DEEPEST, end_of, facts, marks, source_of
from neuralpdb.frontends.text.frames import place_and_event
from neuralpdb.output.html import environment, hashed, resource
from neuralpdb.output.printable import short
from neuralpdb.trace.frames import VALUE, Origin

PACKAGE = "neuralpdb.frontends.export"
WIDTH, WHOLE = 160, 4_000
"""Characters of a value where it changes, and in the table of the whole state, which opens on demand."""


def text(transcript: Transcript) -> str:
    """Return the whole page."""
    from markupsafe import Markup

    style, source = resource(PACKAGE, "session.css"), "; ".join(source_of(transcript))
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
            source=source[0].upper() + source[1:],
            what="A computed session" if transcript.computes else "A predicted session",
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
        "value": None if frame.value is None else short(frame.value, WIDTH),
        "known": _known(step, VALUE),
        "changed": [
            {
                "name": name,
                "old": _short(old),
                "new": _short(new),
                "known": _known(step, name),
                "doubted": name in (step.doubts or {}),
            }
            for name, (old, new) in step.changed.items()
        ],
        "marks": marks(step),
        "state": _state(step),
    }


def _classes(step: TranscriptStep) -> list[str]:
    names = [step.frame.event.value, f"d{min(step.frame.depth, DEEPEST)}"]
    if step.frame.origin is Origin.EDITED:
        names.append("edited")
    if step.verdict is not None and step.verdict.sign == "!":
        names.append("wrong")
    return names


def _short(text: str | None) -> str | None:
    return None if text is None else short(text, WIDTH)


def _known(step: TranscriptStep, part: str) -> str:
    return step.remarks.full(part).plain.strip()


def _state(step: TranscriptStep) -> list[tuple[str, str, str]]:
    texts = {**step.frame.locals, **({VALUE: step.frame.value} if step.frame.value is not None else {})}
    return [(name or "(value)", short(text, WHOLE), _known(step, name)) for name, text in texts.items()]
