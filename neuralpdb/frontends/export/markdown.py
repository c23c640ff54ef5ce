"""An account as markdown, for a bug report or a chat. Every foreign text is shown as text, whatever it spells."""

from __future__ import annotations

from collections.abc import Iterator

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.export.wording import end_of, facts, marks, where
from neuralpdb.output.printable import escaped, short

WIDTH = 120
"""Characters of a value in a cell."""


def text(account: Transcript) -> str:
    """The export, one newline at its end."""
    lines = [
        "<!-- neuralpdb export -->",
        f"## neuralpdb: {_code(account.program.name)}",
        "",
        *(f"- {escaped(fact)}" for fact in facts(account)),
        "",
        "| step | where | line | what changed | |",
        "|---:|---|---|---|---|",
        *_rows(account),
        "",
        escaped(end_of(account)),
        "",
        f"neuralpdb {__version__}: every value is a prediction of a model, nothing of the program was run to get it.",
    ]
    return "\n".join(lines) + "\n"


def _rows(account: Transcript) -> Iterator[str]:
    for step in account.steps:
        here = "**" if step.index == account.index else ""
        cells = (f"{here}{step.index}{here}", escaped(where(account.program, step.frame)), _line(step), _changed(step))
        yield f"| {' | '.join(cells)} | {escaped('; '.join(marks(step)))} |"


def _line(step: TranscriptStep) -> str:
    indent = "&nbsp;" * 2 * min(step.frame.depth, 8)
    return indent + _code(step.frame.source.strip())


def _changed(step: TranscriptStep) -> str:
    found = []
    if step.frame.value is not None:
        found.append(f"-&#62; {_code(step.frame.value)}")
    for name, (old, new) in step.changed.items():
        before = f"{_code(old, WIDTH // 2)} -&#62; " if old is not None else ""
        found.append(f"{_code(name)} deleted" if new is None else f"{_code(name)}: {before}{_code(new)}")
    return "<br>".join(found)


def _code(value: str, width: int = WIDTH) -> str:
    return f"<code>{escaped(short(value, width))}</code>"
