"""Predicted beside actual, as styled text: verdicts in one line, differences in a table.

A sign says what colour says: `=` exact, `~` equivalent, `!` wrong, `?` not known yet, `-` nothing to compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuralpdb.fidelity.equality import compare
from neuralpdb.fidelity.lockstep import FrameStatus, Lockstep, Status
from neuralpdb.fidelity.verdicts import Difference, Fidelity, judge
from neuralpdb.frontends.text.frames import DOUBTED, NO_DOUBTS, doubt, frame_line, place
from neuralpdb.output.printable import inert, short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Origin, Trouble

SHOWN = 3
"""Differences that a stop shows; `diff` shows all of them."""
WIDTH = 40
"""Characters of a value that stands beside another one."""
_NAME = 28
_STYLES = {"=": "green", "~": "yellow", "!": "bold red", "?": "dim", "-": "dim"}
_NOTHING = "nothing"


def pair(a: str, b: str, width: int = WIDTH) -> tuple[str, str]:
    """Two texts, inert, at most `width` characters of each: those around the first difference."""
    if max(len(a), len(b)) <= width:
        return short(a, width), short(b, width)
    start = max(_parting(a, b) - width // 3, 0)
    return _cut(a, start, width), _cut(b, start, width)


def _parting(a: str, b: str) -> int:
    """Index of the first character that differs."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _cut(text: str, start: int, width: int) -> str:
    shown = ("... " if start else "") + inert(text[start : start + width])
    return shown if len(shown) <= width and start + width >= len(text) else shown[: width - 4] + " ..."


# -- one line ------------------------------------------------------------------------------------------------------


def verdict(program: Program, standing: FrameStatus, reached: int, *, brief: bool = False) -> Text | None:
    """What became of a prediction, in one line; None for a start that was given as it is, or may be.

    reached: frames of the real run that are known so far; brief: what was said before is not said again.
    """
    exact = standing.verdict is not None and standing.verdict.fidelity is Fidelity.EXACT
    if standing.index == 0 and (exact or standing.kind is Status.UNKNOWN) and not standing.adopted:
        return None
    sign, text = _said(program, standing, reached)
    if brief and standing.kind is Status.PARTED:
        text = text.partition(":")[0]
    if standing.kind is Status.JUDGED and standing.since is not None and standing.since < standing.index:
        text += f" (diverged at step {standing.since})"
    return Text(f"{sign} ", style=_STYLES[sign]).append(text)


def word(standing: FrameStatus) -> str:
    """What became of a prediction, in a word or two, to be counted by."""
    if standing.kind is not Status.JUDGED or standing.verdict is None:
        return _WORDS[standing.kind]
    if standing.adopted:
        return "adopted"
    if isinstance(standing.predicted, Ended):
        return "the right end" if standing.right else "a wrong end"
    if isinstance(standing.predicted, Frame) and standing.predicted.origin is Origin.EDITED:
        return "edited to the actual"
    return _FIDELITIES.get(standing.verdict.fidelity, standing.verdict.fidelity.value)


_WORDS = {
    Status.UNKNOWN: "not known yet",
    Status.PARTED: "after control flow parted",
    Status.EDITED: "not compared after an edit or a guess",
    Status.CUT: "after the real run was cut short",
}
_FIDELITIES = {
    Fidelity.TRUNCATED: "not judged",
    Fidelity.UNREACHED: "not judged",
    Fidelity.EXCLUDED: "not comparable",
}


def run_state(beside: Lockstep) -> str:
    """How far the real run is, or how it ended, in one line."""
    last = len(beside.frames) - 1
    if beside.end is None:
        return f"the real run is at step {last:,}" if last >= 0 else "the real run has not reached its start"
    if isinstance(beside.end, Ended):
        return f"the real run ended after step {last:,}: {inert(beside.end.reason)}"
    return f"the real run was cut short after step {last:,}: {inert(beside.end.message)}"


def _said(program: Program, standing: FrameStatus, reached: int) -> tuple[str, str]:
    match standing.kind:
        case Status.UNKNOWN:
            return "?", f"not known yet: the real run is at step {reached - 1}" if reached else "not known yet"
        case Status.EDITED:
            what = "a guess" if standing.guessed else "edited"
            return "-", f"not compared: {what} at step {standing.edited}"
        case Status.CUT:
            return "-", f"not compared: the real run was cut short: {inert(standing.reason)}"
        case Status.PARTED:
            return "-", f"control flow parted at step {standing.at}: {_actual(program, standing)}"
    return _judged(program, standing)


def _judged(program: Program, standing: FrameStatus) -> tuple[str, str]:
    found = standing.verdict
    assert found is not None
    match found.fidelity:
        case Fidelity.EXACT if isinstance(standing.actual, Ended):
            return "=", f"the real run ended here too: {inert(standing.actual.reason)}"
        case Fidelity.EXACT:
            return "=", "actual (adopted)" if standing.adopted else "exact"
        case Fidelity.EQUIVALENT:
            return "~", f"equivalent ({found.level.value})"
        case Fidelity.EXCLUDED:
            names = ", ".join(_name(each.name) for each in found.differences[:SHOWN])
            return "-", f"not comparable: {names or 'it depends on time, randomness, input or addresses'}"
        case Fidelity.STATE | Fidelity.VALUE:
            return "!", f"{found.fidelity.value}: {differences(found.differences)}"
        case Fidelity.TRUNCATED | Fidelity.UNREACHED:
            return "-", f"not judged: {_actual(program, standing)}"
    return "!", f"{found.fidelity.value}: {_actual(program, standing)}"


def differences(found: Sequence[Difference]) -> str:
    """`name: predicted 1, actual 2`, those that count, at most SHOWN of them."""
    counted = [each for each in found if not each.excluded]
    texts = [_difference(each) for each in counted[:SHOWN]]
    return "; ".join(texts) + (f"; {len(counted) - SHOWN} more (diff)" if len(counted) > SHOWN else "")


def _difference(each: Difference) -> str:
    ours, theirs = _texts(each)
    return f"{'' if each.name == VALUE else _name(each.name) + ': '}predicted {ours}, actual {theirs}"


def _texts(each: Difference) -> tuple[str, str]:
    if each.predicted is None or each.actual is None:
        return tuple(_NOTHING if text is None else short(text, WIDTH) for text in (each.predicted, each.actual))  # type: ignore[return-value]
    return pair(each.predicted, each.actual)


def _name(name: str) -> str:
    return "value" if name == VALUE else short(name, _NAME)


def _actual(program: Program, standing: FrameStatus) -> str:
    """What really came: `actual (3)f() -> source`, or that the run was over."""
    if isinstance(standing.actual, Frame):
        return f"actual {frame_line(program, standing.actual, named=False).plain}"
    return f"the real run had ended: {inert(standing.actual.reason)}" if standing.actual is not None else "not known"


# -- tables --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of a table: sign, what it is, predicted, actual; inert texts."""

    sign: str
    name: str
    predicted: str
    actual: str


def rows(program: Program, standing: FrameStatus, everything: bool = False) -> list[Row]:
    """What differs between a frame and the actual one (`everything`: what is the same too)."""
    ours, theirs = standing.predicted, standing.actual
    found = []
    if not isinstance(ours, Frame) or not isinstance(theirs, Frame):
        same = isinstance(ours, Ended) and isinstance(theirs, Ended)
        return [Row("=" if same else "!", "line", _place(program, ours), _place(program, theirs))]
    places = _place(program, ours), _place(program, theirs)
    found.append(Row("=" if places[0] == places[1] and ours.depth == theirs.depth else "!", "line", *places))
    if ours.value is not None and theirs.value is not None:
        found.append(_row(Difference(VALUE, ours.value, theirs.value)))
    if (ours.function, ours.depth) == (theirs.function, theirs.depth):
        unlike = _unlike(ours, theirs, standing.excluded)
        for name in dict.fromkeys((*theirs.locals, *ours.locals)):
            alike = Difference(name, ours.locals.get(name), theirs.locals.get(name))
            found.append(_row(unlike.get(name, alike)))
    return [row for row in found if everything or row.sign != "="]


def _row(each: Difference) -> Row:
    ours, theirs = each.predicted, each.actual
    same = ours is not None and theirs is not None and compare(ours, theirs).equal
    sign = "=" if ours == theirs else "-" if each.excluded else "~" if same else "!"
    return Row(sign, _name(each.name), *_texts(each))


def wrong(standing: FrameStatus) -> dict[str, Difference]:
    """The locals that are not the actual ones, by name, where both frames are at one place."""
    ours, theirs = standing.predicted, standing.actual
    if standing.kind is not Status.JUDGED or standing.parts or not isinstance(ours, Frame):
        return {}
    found = _unlike(ours, theirs, standing.excluded) if isinstance(theirs, Frame) else {}
    return {name: each for name, each in found.items() if not each.excluded}


def _unlike(ours: Frame, theirs: Frame, excluded: Collection[str]) -> dict[str, Difference]:
    """The locals that differ, those of a return or an exception too, which no verdict counts."""
    state = judge(theirs.replace(locals=ours.locals, value=None), theirs.replace(value=None), unstable=excluded)
    return {each.name: each for each in state.differences}


def _place(program: Program, outcome: Frame | Ended | Trouble | None) -> str:
    if isinstance(outcome, Frame):
        event = "" if outcome.event is Event.LINE else f" {outcome.event.value}"
        return place(program, outcome, named=False) + event
    return "no prediction" if isinstance(outcome, Trouble) else "the end"


def table(found: Sequence[Row]) -> Iterable[Text]:
    """Rows under their headings, in columns."""
    head = Row(" ", "", "predicted", "actual")
    name = max(cell_len(row.name) for row in found)
    predicted = max(cell_len(row.predicted) for row in (head, *found))
    for row in (head, *found):
        text = Text().append(f"{row.sign} ", style="dim" if row is head else _STYLES[row.sign])
        text.append(set_cell_size(row.name, name) + "  ", style="bold")
        yield text.append(
            f"{set_cell_size(row.predicted, predicted)}  {row.actual}", style="dim" if row is head else ""
        )


def variables(
    state: Mapping[str, str], found: Mapping[str, Difference], doubts: Mapping[str, float] = NO_DOUBTS
) -> list[Text]:
    """`name = value`, one line each, values whole; with `!` and the actual value those that differ.

    doubts: with `?` and the probability that the model gave to it, those of which it was not sure.
    """
    lines = []
    for name in dict.fromkeys((*state, *found)):
        each, share = found.get(name), doubts.get(name)
        sign = "! " if each else "? " if share is not None else "  " if found or doubts else ""
        text = Text().append(sign, style="bold red" if each else DOUBTED)
        text.append(inert(name), style="bold").append(" = ", style="dim")
        text.append(inert(state.get(name, _NOTHING)), style="yellow")
        if each is not None:
            text.append(f"   actual {_texts(each)[1]}", style="red")
        text.append(doubt(doubts, name), style=DOUBTED)
        lines.append(text)
    return lines
