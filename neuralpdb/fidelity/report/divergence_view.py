"""The first divergence on a terminal: the source around it, what differs, the command that leads there. Inert text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup
from neuralpdb.fidelity.figures.divergence import Divergence, command, is_record, own_place, reason, shown_name, told
from neuralpdb.fidelity.report.text_tables import Column, cut, table, wrapped
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.output.highlight import source
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Frame, Outcome

AROUND = 2
"""Source lines shown on either side of it."""
ROWS = 12
"""Most variables that are shown."""
LONGEST = 2_000
"""Characters of a command that is shown whole."""


def scene(comparison: Comparison, divergence: Divergence, setting: ComparisonSetup, width: int) -> list[Text]:
    """Where the model left the truth: source, what differs, and the command that leads there (one line, any length)."""
    subject = comparison.subject
    where = f"{inert(subject.name)}({divergence.place.line})" if own_place(subject, [divergence.place]) else "<call>"
    title = f"first divergence: frame {divergence.index} ({divergence.view}), {divergence.fidelity}"
    lines = [*wrapped(title, width, "bold"), Text(cut(f"> {where}{inert(divergence.function)}()", width), style="cyan")]
    lines += _listing(comparison, divergence, width)
    lines += _differing(divergence, width)
    lines += wrapped("step there (save its source as FILE):" if is_record(subject) else "step there:", width, "dim")
    return [*lines, Text(f"  {short(command(subject, setting, divergence.index), LONGEST)}")]  # to be copied


def _listing(comparison: Comparison, divergence: Divergence, width: int) -> Iterator[Text]:
    """Source lines around the true line (`->`), the predicted one (`?>`) among them where it is near."""
    lines, here = comparison.subject.lines, divergence.place.line
    if here is None:
        return
    other = divergence.predicted.line if isinstance(divergence.predicted, Frame) else None
    for number in range(max(here - AROUND, 1), min(here + AROUND, len(lines)) + 1):
        mark = "->" if number == here else "?>" if number == other else "  "
        text = Text(f"{number:>4} {mark} ", style="bold green" if number == here else "dim")
        text.append_text(source(lines[number - 1][:width]))
        text.rstrip()
        text.truncate(width, overflow="ellipsis")
        yield text


def _differing(divergence: Divergence, width: int) -> list[Text]:
    """variable | predicted | actual, for what differs only; for another line or no frame at all that."""
    if divergence.fidelity not in (Fidelity.STATE, Fidelity.VALUE):
        rows = [["next", _told(divergence.predicted, divergence), inert(told(divergence.actual))]]
        if divergence.fidelity is Fidelity.MALFORMED:
            return wrapped(inert(reason(divergence)), width)
    else:
        shown = divergence.differences
        rows = [[inert(shown_name(d.name)), *_pair(d.predicted, d.actual)] for d in shown[:ROWS]]
        rows += [[f"... {len(shown) - ROWS} more", "", ""]] if len(shown) > ROWS else []
    heads = [Column("variable", name=True, style="bold"), Column("predicted", name=True, style="red")]
    return [
        Text("  ").append_text(line)
        for line in table([*heads, Column("actual", name=True, style="green")], rows, width - 2)
    ]


def _told(outcome: Outcome, divergence: Divergence) -> str:
    found = told(outcome)
    if isinstance(outcome, Frame) and found == told(divergence.actual):
        found += f" at depth {outcome.depth}"
    return inert(found)


def _pair(predicted: str | None, actual: str | None) -> tuple[str, str]:
    """Both texts, short ones whole, of long ones the part where they begin to differ."""
    if predicted is None or actual is None:
        return _value(predicted), _value(actual)
    pairs = enumerate(zip(predicted, actual, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(predicted), len(actual)))
    start = max(same - 10, 0) if max(len(predicted), len(actual)) > 60 and same > 20 else 0
    mark = ".." if start else ""
    return mark + _value(predicted[start:]), mark + _value(actual[start:])


def _value(text: str | None) -> str:
    return "(none)" if text is None else short(text)
