"""Predicted beside actual, as styled text: verdicts in one line, differences in a table.

Signs repeat what colours say: `=` exact, `~` equivalent, `!` wrong, `?` not known yet, `-` nothing to compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuralpdb.fidelity.equality import compare
from neuralpdb.fidelity.lockstep import FrameStatus, Lockstep, Status
from neuralpdb.fidelity.verdicts import Difference, Fidelity, judge
from neuralpdb.frontends.text.frames import DOUBTED, NO_DOUBTS, doubt, frame_line, place_and_event
from neuralpdb.frontends.text.marks import NO_REMARKS, Remarks
from neuralpdb.output.printable import NAME_WIDTH, inert, short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import VALUE, Ended, Frame, Origin, Trouble

SHOWN = 3
"""Differences that a stop shows, so that it stays one line; `diff` shows all."""
WIDTH = 40
"""Characters of a value that stands beside another one."""
_STYLES = {"=": "green", "~": "yellow", "!": "bold red", "?": "dim", "-": "dim"}
_NOTHING = "nothing"


def pair(a: str, b: str, width: int = WIDTH) -> tuple[str, str]:
    """Return two texts, inert, at most `width` characters of each, around their first difference."""
    if max(len(a), len(b)) <= width:
        return short(a, width), short(b, width)
    start = max(_first_difference(a, b) - width // 3, 0)
    return _cut(a, start, width), _cut(b, start, width)


def _first_difference(a: str, b: str) -> int:
    """Return the index of the first character that differs."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _cut(text: str, start: int, width: int) -> str:
    part = ("... " if start else "") + inert(text[start : start + width])
    return part if len(part) <= width and start + width >= len(text) else part[: width - 4] + " ..."


# -- one line ------------------------------------------------------------------------------------------------------


def verdict(program: Program, standing: FrameStatus, reached: int, *, brief: bool = False) -> Text | None:
    """Return what became of a prediction, in one line; None for a start that was given, or may have been.

    reached: frames of the real run so far.
    brief:   leaves out what an earlier line says.
    """
    exact = standing.verdict is not None and standing.verdict.fidelity is Fidelity.EXACT
    if standing.index == 0 and (exact or standing.kind is Status.UNKNOWN) and not standing.adopted:
        return None
    sign, text = _sign_and_text(program, standing, reached)
    if brief and standing.kind is Status.PARTED:
        text = text.partition(":")[0]
    if standing.kind is Status.JUDGED and standing.since is not None and standing.since < standing.index:
        text += f" (diverged at step {standing.since})"
    return Text(f"{sign} ", style=_STYLES[sign]).append(text)


def word(standing: FrameStatus) -> str:
    """Return what became of a prediction, in a word or two, for counts."""
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


def predictions(standings: Sequence[FrameStatus]) -> Sequence[FrameStatus]:
    """Leave out a start that was given: it is not a prediction."""
    return standings[1:] if standings[0].right and len(standings) > 1 else standings


def first_wrong(standings: Iterable[FrameStatus]) -> FrameStatus | None:
    """Return the first prediction that is wrong."""
    return next((each for each in standings if each.since == each.index), None)


def run_state(beside: Lockstep) -> str:
    """Return how far the real run is, or how it ended, in one line."""
    last = len(beside.frames) - 1
    if beside.end is None:
        return f"the real run is at step {last:,}" if last >= 0 else "the real run has not reached its start"
    if isinstance(beside.end, Ended):
        return f"the real run ended after step {last:,}: {inert(beside.end.reason)}"
    return f"the real run was cut short after step {last:,}: {inert(beside.end.message)}"


def _sign_and_text(program: Program, standing: FrameStatus, reached: int) -> tuple[str, str]:
    match standing.kind:
        case Status.UNKNOWN:
            return "?", f"not known yet: the real run is at step {reached - 1}" if reached else "not known yet"
        case Status.EDITED:
            change = "a guess" if standing.guessed else "edited"
            return "-", f"not compared: {change} at step {standing.edited}"
        case Status.CUT:
            return "-", f"not compared: the real run was cut short: {inert(standing.reason)}"
        case Status.PARTED:
            return "-", f"control flow parted at step {standing.at}: {_actual(program, standing)}"
    return _judged(program, standing)


def _judged(program: Program, standing: FrameStatus) -> tuple[str, str]:
    verdict = standing.verdict
    assert verdict is not None
    match verdict.fidelity:
        case Fidelity.EXACT if isinstance(standing.actual, Ended):
            return "=", f"the real run ended here too: {inert(standing.actual.reason)}"
        case Fidelity.EXACT:
            return "=", "actual (adopted)" if standing.adopted else "exact"
        case Fidelity.EQUIVALENT:
            return "~", f"equivalent ({verdict.level.value})"
        case Fidelity.EXCLUDED:
            names = ", ".join(name_of(each.name) for each in verdict.differences[:SHOWN])
            return "-", f"not comparable: {names or 'it depends on time, randomness, input or addresses'}"
        case Fidelity.STATE | Fidelity.VALUE:
            return "!", f"{verdict.fidelity.value}: {differences(verdict.differences)}"
        case Fidelity.TRUNCATED | Fidelity.UNREACHED:
            return "-", f"not judged: {_actual(program, standing)}"
    return "!", f"{verdict.fidelity.value}: {_actual(program, standing)}"


def differences(differing: Sequence[Difference]) -> str:
    """Return `name: predicted 1, actual 2` for at most SHOWN differences that count."""
    counted = [each for each in differing if not each.excluded]
    texts = [_difference(each) for each in counted[:SHOWN]]
    return "; ".join(texts) + (f"; {len(counted) - SHOWN} more (diff)" if len(counted) > SHOWN else "")


def _difference(difference: Difference) -> str:
    ours, theirs = values(difference.predicted, difference.actual)
    name = "" if difference.name == VALUE else f"{name_of(difference.name)}: "
    return f"{name}predicted {ours}, actual {theirs}"


def values(ours: str | None, theirs: str | None, width: int = WIDTH) -> tuple[str, str]:
    """Return two values, at most `width` characters of each, `nothing` where there is none."""
    if ours is None or theirs is None:
        return value(ours, width), value(theirs, width)
    return pair(ours, theirs, width)


def value(text: str | None, width: int = WIDTH) -> str:
    """Return at most `width` characters of a value, `nothing` where there is none."""
    return _NOTHING if text is None else short(text, width)


def name_of(part: str, width: int = NAME_WIDTH) -> str:
    """Return at most `width` characters of the name of a local, or `value`."""
    return "value" if part == VALUE else short(part, width)


def _actual(program: Program, standing: FrameStatus) -> str:
    """Return what really came: `actual (3)f() -> source`, or that the run was over."""
    if isinstance(standing.actual, Frame):
        return f"actual {frame_line(program, standing.actual, named=False).plain}"
    return f"the real run had ended: {inert(standing.actual.reason)}" if standing.actual is not None else "not known"


# -- tables --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of a table: sign, name, predicted, actual; inert texts."""

    sign: str
    name: str
    predicted: str
    actual: str


def rows(program: Program, standing: FrameStatus, everything: bool = False) -> list[Row]:
    """Return the differences between a frame and the actual one (`everything`: equal parts too)."""
    ours, theirs = standing.predicted, standing.actual
    table_rows = []
    if not isinstance(ours, Frame) or not isinstance(theirs, Frame):
        same = isinstance(ours, Ended) and isinstance(theirs, Ended)
        return [Row("=" if same else "!", "line", _place(program, ours), _place(program, theirs))]
    places = _place(program, ours), _place(program, theirs)
    table_rows.append(Row("=" if places[0] == places[1] and ours.depth == theirs.depth else "!", "line", *places))
    if ours.value is not None and theirs.value is not None:
        table_rows.append(_row(Difference(VALUE, ours.value, theirs.value)))
    if (ours.function, ours.depth) == (theirs.function, theirs.depth):
        unlike = _unlike(ours, theirs, standing.excluded)
        for name in dict.fromkeys((*theirs.locals, *ours.locals)):
            alike = Difference(name, ours.locals.get(name), theirs.locals.get(name))
            table_rows.append(_row(unlike.get(name, alike)))
    return [row for row in table_rows if everything or row.sign != "="]


def _row(difference: Difference) -> Row:
    ours, theirs = difference.predicted, difference.actual
    same = ours is not None and theirs is not None and compare(ours, theirs).equal
    sign = "=" if ours == theirs else "-" if difference.excluded else "~" if same else "!"
    return Row(sign, name_of(difference.name), *values(ours, theirs))


def wrong(standing: FrameStatus) -> dict[str, Difference]:
    """Return the locals that differ from the actual ones, by name, where both frames are at one place."""
    ours, theirs = standing.predicted, standing.actual
    if standing.kind is not Status.JUDGED or standing.parts or not isinstance(ours, Frame):
        return {}
    unlike = _unlike(ours, theirs, standing.excluded) if isinstance(theirs, Frame) else {}
    return {name: each for name, each in unlike.items() if not each.excluded}


def _unlike(ours: Frame, theirs: Frame, excluded: Collection[str]) -> dict[str, Difference]:
    """Return the locals that differ, also at a return or an exception, where no verdict counts them."""
    state = judge(theirs.replace(locals=ours.locals, value=None), theirs.replace(value=None), unstable=excluded)
    return {each.name: each for each in state.differences}


def _place(program: Program, outcome: Frame | Ended | Trouble | None) -> str:
    if isinstance(outcome, Frame):
        return place_and_event(program, outcome)
    return "no prediction" if isinstance(outcome, Trouble) else "the end"


def table(rows: Sequence[Row]) -> Iterable[Text]:
    """Yield rows in columns, under their headings."""
    head = Row(" ", "", "predicted", "actual")
    name = max(cell_len(row.name) for row in rows)
    predicted = max(cell_len(row.predicted) for row in (head, *rows))
    for row in (head, *rows):
        text = Text().append(f"{row.sign} ", style="dim" if row is head else _STYLES[row.sign])
        text.append(set_cell_size(row.name, name) + "  ", style="bold")
        yield text.append(
            f"{set_cell_size(row.predicted, predicted)}  {row.actual}", style="dim" if row is head else ""
        )


def variables(
    state: Mapping[str, str],
    differing: Mapping[str, Difference],
    doubts: Mapping[str, float] = NO_DOUBTS,
    remarks: Remarks = NO_REMARKS,
) -> list[Text]:
    """Return `name = value`, one line each, values whole; `!` marks those that differ, with the actual value.

    doubts:  probabilities of the values that are marked with `?`.
    remarks: what stands beside the values.
    """
    lines = []
    for name in dict.fromkeys((*state, *differing)):
        difference, share = differing.get(name), doubts.get(name)
        sign = "! " if difference else "? " if share is not None else "  " if differing or doubts else ""
        text = Text().append(sign, style="bold red" if difference else DOUBTED)
        text.append(inert(name), style="bold").append(" = ", style="dim")
        text.append(inert(state.get(name, _NOTHING)), style="yellow")
        text.append_text(remarks.full(name) if name in state else Text())
        if difference is not None:
            text.append(f"   actual {values(difference.predicted, difference.actual)[1]}", style="red")
        text.append(doubt({} if remarks.tells_share(name) else doubts, name), style=DOUBTED)
        lines.append(text)
    return lines
