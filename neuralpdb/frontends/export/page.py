"""An account as one page that needs nothing else: no script, no network. Foreign text is escaped by the template."""

from __future__ import annotations

from typing import Any

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.export.wording import end_of, facts, marks, where
from neuralpdb.output.html import environment, hashed, resource
from neuralpdb.output.printable import short
from neuralpdb.trace.frames import Frame, Origin

PACKAGE = "neuralpdb.frontends.export"
VALUE, WHOLE = 160, 4_000
"""Characters of a value where it changes, and where all of a state is shown."""
DEEPEST = 8
"""Calls below the first that are still indented."""


def text(account: Transcript) -> str:
    """The whole page."""
    from markupsafe import Markup

    style = resource(PACKAGE, "session.css")
    return (
        environment(PACKAGE, "session.html.jinja")
        .get_template("session.html.jinja")
        .render(
            style=Markup(style),
            policy=f"default-src 'none'; style-src {hashed(style)}; base-uri 'none'; form-action 'none'",
            name=account.program.name,
            facts=facts(account),
            steps=[_row(account, step) for step in account.steps],
            lines=account.program.lines,
            current=account.steps[account.index].frame.line if account.steps else None,
            end=end_of(account),
            version=__version__,
        )
    )


def _row(account: Transcript, step: TranscriptStep) -> dict[str, Any]:
    """What the template shows of a step."""
    frame = step.frame
    return {
        "index": step.index,
        "here": step.index == account.index,
        "kind": " ".join(_classes(step)),
        "where": where(account.program, frame),
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
    found = [step.frame.event.value, f"d{min(step.frame.depth, DEEPEST)}"]
    if step.frame.origin is Origin.EDITED:
        found.append("edited")
    if step.verdict is not None and step.verdict.sign == "!":
        found.append("wrong")
    return found


def _short(text: str | None) -> str | None:
    return None if text is None else short(text, VALUE)


def _state(frame: Frame) -> list[tuple[str, str]]:
    found = [(name, short(value, WHOLE)) for name, value in frame.locals.items()]
    return [*found, *([("(value)", short(frame.value, WHOLE))] if frame.value is not None else [])]
