"""Two timelines side by side, as text: where they part, and what differs at each step from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuralpdb.debugger.timeline_diff import Side, StepDiff, first_difference, steps
from neuralpdb.frontends.text.frames import place_and_event
from neuralpdb.frontends.text.verdicts import name_of, value, values
from neuralpdb.output.printable import inert
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, Origin

SIDE_BY_SIDE = 72
"""Columns from which on two timelines stand beside each other; one under the other where there are fewer."""

MOST_STEPS = 20
"""Steps that are listed by default, about a screenful."""


def summary(ours: Side, theirs: Side) -> str:
    """Return where two timelines part, in one line."""
    both, first = f"{ours.name} and {theirs.name}", first_difference(ours, theirs)
    if first is None:
        a, b = (len(side.frames) - 1 for side in (ours, theirs))
        lengths = f"; {ours.name} is known to {a:,}, {theirs.name} to {b:,}" if a != b else ""
        return f"no difference: {both} are the same from step 0 to {min(a, b):,}{lengths}"
    edited = [side.name for side in (ours, theirs) if _is_edited(side.at(first))]
    reason = f" ({' and '.join(edited)} edited)" if edited else ""
    return f"{both} part at step {first:,}: {_first(next(steps(ours, theirs, first)))}{reason}"


def _is_edited(frame: Frame | None) -> bool:
    return frame is not None and frame.origin is Origin.EDITED


def _first(step: StepDiff) -> str:
    if step.parted:
        return "control flow"
    name, (ours, theirs) = next(iter(step.differing.items()))
    others = f", {len(step.differing) - 1} more" if len(step.differing) > 1 else ""
    return f"{name_of(name)} {value(ours, 20)} / {value(theirs, 20)}{others}"


def table(program: Program, ours: Side, theirs: Side, diffs: Sequence[StepDiff], width: int) -> Iterator[Text]:
    """Yield steps as text: the places, then what differs anew; in columns where `width` allows it."""
    if width < SIDE_BY_SIDE:
        for step in diffs:
            yield from _stacked(program, ours, theirs, step, width)
        return
    column = (width - 9) // 2
    yield _columns(" ", "", inert(ours.name), inert(theirs.name), column, head=True)
    for step in diffs:
        if step.parted:
            a, b = (_cut(_marked(program, side, step.index), column - 1) for side in (ours, theirs))
            yield _columns("!", f"{step.index}", a, b, column)
        else:
            yield _columns("=", f"{step.index}", _at(program, ours, step.index), "", column)
        for name, texts in step.fresh.items():
            yield _columns("!", "", *_values(name, texts, column - 2), column)


def _columns(sign: str, step: str, ours: str, theirs: str, column: int, head: bool = False) -> Text:
    text = Text(f"{sign} ", style="bold red" if sign == "!" else "dim").append(f"{step:>5}  ", style="not bold dim")
    space = " " * max(column - cell_len(ours), 1)
    return text.append(f"{ours}{space}{theirs}".rstrip(), style="dim" if head else "not bold not dim default")


def _cut(text: str, width: int) -> str:
    """Return `text`, cut at its end to `width` cells."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 4) + " ..."


def _values(name: str, texts: tuple[str | None, str | None], width: int) -> tuple[str, str]:
    label = f"  {name_of(name, max(width // 3, 8))} = "
    room = max(width - cell_len(label), 12)
    ours, theirs = values(*texts, room)
    return label + ours, label + theirs


def _stacked(program: Program, ours: Side, theirs: Side, step: StepDiff, width: int) -> Iterator[Text]:
    """Yield a step for narrow terminals: one timeline under the other."""
    label = max(cell_len(ours.name), cell_len(theirs.name)) + 1
    if not step.parted:
        yield Text("= ", style="dim").append(f"{step.index} {_at(program, ours, step.index)}", style="not dim")
    else:
        for side in (ours, theirs):
            line = f"{step.index} {set_cell_size(side.name, label)}{_marked(program, side, step.index)}"
            yield Text("! ", style="bold red").append(line, style="not bold default")
    for name, texts in step.fresh.items():
        yield Text("! ", style="bold red").append(f"  {name_of(name)}", style="default")
        for side, text in zip((ours, theirs), values(*texts, max(width - label - 6, 12)), strict=True):
            yield Text(f"      {set_cell_size(side.name, label)}{text}")


def _at(program: Program, side: Side, index: int) -> str:
    """Return where a timeline is at a step: place and source."""
    frame = side.at(index)
    if frame is None:
        return "the end" if side.ended and index == len(side.frames) else "-"
    return inert(f"{place_and_event(program, frame)} -> {frame.source.strip()}")


def _marked(program: Program, side: Side, index: int) -> str:
    return ("[edited] " if _is_edited(side.at(index)) else "") + _at(program, side, index)
