"""A transcript as markdown, for a bug report or a chat. Foreign text is shown as text, whatever it spells."""

from __future__ import annotations

from collections.abc import Iterator

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.frontends.export.wording import DEEPEST, end_of, facts, marks, source_of
from neuralpdb.frontends.text.frames import place_and_event
from neuralpdb.output.printable import escaped, short
from neuralpdb.trace.frames import VALUE

WIDTH = 120
"""Characters of a value in a cell."""


def text(transcript: Transcript) -> str:
    """Return the export, one newline at its end."""
    lines = [
        "<!-- neuralpdb export -->",
        f"## neuralpdb: {_code(transcript.program.name)}",
        "",
        *(f"- {escaped(fact)}" for fact in facts(transcript)),
        "",
        "| step | where | line | what changed | |",
        "|---:|---|---|---|---|",
        *_rows(transcript),
        "",
        escaped(end_of(transcript)),
        "",
        f"neuralpdb {__version__}: {', '.join(source_of(transcript))}.",
    ]
    return "\n".join(lines) + "\n"


def _rows(transcript: Transcript) -> Iterator[str]:
    for step in transcript.steps:
        bold = "**" if step.index == transcript.index else ""
        place = escaped(place_and_event(transcript.program, step.frame))
        line = "&nbsp;" * 2 * min(step.frame.depth, DEEPEST) + _code(step.frame.source.strip())
        cells = (f"{bold}{step.index}{bold}", place, line, _changes(step), escaped("; ".join(marks(step))))
        yield f"| {' | '.join(cells)} |"


def _changes(step: TranscriptStep) -> str:
    texts = []
    if step.frame.value is not None:
        texts.append(f"-&#62; {_code(step.frame.value)}{_known(step, VALUE)}")
    for name, (old, new) in step.changed.items():
        before = f"{_code(old, WIDTH // 2)} -&#62; " if old is not None else ""
        after = f": {before}{_code(new)}{_known(step, name)}" if new is not None else " deleted"
        texts.append(f"{_code(name)}{after}")
    return "<br>".join(texts)


def _known(step: TranscriptStep, part: str) -> str:
    return escaped(step.remarks.full(part).plain.replace("  ", " "))


def _code(value: str, width: int = WIDTH) -> str:
    return f"<code>{escaped(short(value, width))}</code>"
