"""An account as one page that needs nothing else: no script, no network. Foreign text is escaped by the template."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from neuralpdb import __version__
from neuralpdb.export.account import Account, Step
from neuralpdb.export.words import end_of, facts, marks, where
from neuralpdb.frames import Frame, Origin
from neuralpdb.render import inert, short

if TYPE_CHECKING:
    from jinja2 import Environment

VALUE, WHOLE = 160, 4_000
"""Characters of a value where it changes, and where all of a state is shown."""
DEEPEST = 8
"""Calls below the first that are still indented."""


def text(account: Account) -> str:
    """The whole page."""
    from markupsafe import Markup

    style = _resource("session.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("session.html.jinja")
        .render(
            style=Markup(style),
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            name=account.program.name,
            facts=facts(account),
            steps=[_row(account, step) for step in account.steps],
            lines=account.program.lines,
            current=account.steps[account.index].frame.line if account.steps else None,
            end=end_of(account),
            version=__version__,
        )
    )


def _row(account: Account, step: Step) -> dict[str, Any]:
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


def _classes(step: Step) -> list[str]:
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


def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    templates = {"session.html.jinja": _resource("session.html.jinja")}
    environment = Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["inert"] = inert
    return environment


def _resource(name: str) -> str:
    return files("neuralpdb.export").joinpath("templates", name).read_text("utf-8")
