"""The first divergence on a terminal: the source around it, the differences, the command to get there. Inert text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup
from neuralpdb.fidelity.figures.divergence import (
    Divergence,
    command,
    in_words,
    is_record,
    own_place,
    predicted_in_words,
    reason,
    shown_name,
)
from neuralpdb.fidelity.report.text_tables import Column, cut, table, wrapped
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.output.highlight import source
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Frame

AROUND = 2
"""Source lines shown on either side of the divergence."""
ROWS = 12
"""Most variables that are shown, so that the view fits a screen."""
LONGEST = 2_000
"""Characters of a command that is shown whole."""


def scene(comparison: Comparison, divergence: Divergence, setup: ComparisonSetup, width: int) -> list[Text]:
    """Return the view of where the model left the truth: source, differences, command.

    The command is one line of any length.
    """
    subject = comparison.subject
    where = f"{inert(subject.name)}({divergence.place.line})" if own_place(subject, [divergence.place]) else "<call>"
    title = f"first divergence: frame {divergence.index} ({divergence.view}), {divergence.fidelity}"
    lines = [*wrapped(title, width, "bold"), Text(cut(f"> {where}{inert(divergence.function)}()", width), style="cyan")]
    lines += _listing(comparison, divergence, width)
    lines += _differing(divergence, width)
    lines += wrapped("step there (save its source as FILE):" if is_record(subject) else "step there:", width, "dim")
    return [
        *lines,
        Text(f"  {short(command(subject, setup, divergence.index, divergence.view), LONGEST)}"),
    ]  # to be copied


def _listing(comparison: Comparison, divergence: Divergence, width: int) -> Iterator[Text]:
    """Yield source lines around the true line (`->`), the predicted one (`?>`) among them where it is near."""
    lines, current = comparison.subject.lines, divergence.place.line
    if current is None:
        return
    predicted_line = divergence.predicted.line if isinstance(divergence.predicted, Frame) else None
    for number in range(max(current - AROUND, 1), min(current + AROUND, len(lines)) + 1):
        mark = "->" if number == current else "?>" if number == predicted_line else "  "
        text = Text(f"{number:>4} {mark} ", style="bold green" if number == current else "dim")
        text.append_text(source(lines[number - 1][:width]))
        text.rstrip()
        text.truncate(width, overflow="ellipsis")
        yield text


def _differing(divergence: Divergence, width: int) -> list[Text]:
    """Return a table variable | predicted | actual of the differences; of the frames where the next frame is wrong."""
    if divergence.fidelity not in (Fidelity.STATE, Fidelity.VALUE):
        rows = [["next", inert(predicted_in_words(divergence)), inert(in_words(divergence.actual))]]
        if divergence.fidelity is Fidelity.MALFORMED:
            return wrapped(inert(reason(divergence)), width)
    else:
        differences = divergence.differences
        rows = [[inert(shown_name(d.name)), *_pair(d.predicted, d.actual)] for d in differences[:ROWS]]
        rows += [[f"... {len(differences) - ROWS} more", "", ""]] if len(differences) > ROWS else []
    heads = [Column("variable", name=True, style="bold"), Column("predicted", name=True, style="red")]
    return [
        Text("  ").append_text(line)
        for line in table([*heads, Column("actual", name=True, style="green")], rows, width - 2)
    ]


def _pair(predicted: str | None, actual: str | None) -> tuple[str, str]:
    """Return both texts cut to fit: short ones whole, of long ones the part where they begin to differ."""
    if predicted is None or actual is None:
        return _value(predicted), _value(actual)
    pairs = enumerate(zip(predicted, actual, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(predicted), len(actual)))
    start = max(same - 10, 0) if max(len(predicted), len(actual)) > 60 and same > 20 else 0
    mark = ".." if start else ""
    return mark + _value(predicted[start:]), mark + _value(actual[start:])


def _value(text: str | None) -> str:
    return "(none)" if text is None else short(text)
