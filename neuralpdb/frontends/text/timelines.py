"""Two timelines side by side: where they part and what differs at each step from there, as facts and as text.

Steps are aligned by their number. It knows no session: a timeline is a sequence of frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuralpdb.debugger.timeline_diff import Side, StepDiff, first_difference, steps
from neuralpdb.frontends.text.frames import place
from neuralpdb.frontends.text.verdicts import pair
from neuralpdb.output.printable import inert, short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import VALUE, Event, Frame, Origin

SIDE_BY_SIDE = 72
"""Columns from which on two timelines stand beside each other; one under the other where there are fewer."""

MOST_STEPS = 20
"""Steps that are shown unless all are asked for."""


# -- as text ------------------------------------------------------------------------------------------------------


def summary(ours: Side, theirs: Side) -> str:
    """Where two timelines part, in one line."""
    both, first = f"{ours.name} and {theirs.name}", first_difference(ours, theirs)
    if first is None:
        known = [len(side.frames) - 1 for side in (ours, theirs)]
        more = f"; {ours.name} is known to {known[0]:,}, {theirs.name} to {known[1]:,}" if known[0] != known[1] else ""
        return f"no difference: {both} are the same from step 0 to {min(known):,}{more}"
    sides = [side.name for side in (ours, theirs) if _edited(side.at(first))]
    why = f" ({' and '.join(sides)} edited)" if sides else ""
    return f"{both} part at step {first:,}: {_first(next(steps(ours, theirs, first)))}{why}"


def _edited(frame: Frame | None) -> bool:
    return frame is not None and frame.origin is Origin.EDITED


def _first(step: StepDiff) -> str:
    if step.parted:
        return "control flow"
    name, (ours, theirs) = next(iter(step.differing.items()))
    a, b = (_nothing(text, 20) for text in (ours, theirs))
    more = f", {len(step.differing) - 1} more" if len(step.differing) > 1 else ""
    return f"{_named(name)} {a} / {b}{more}"


def table(program: Program, ours: Side, theirs: Side, found: Sequence[StepDiff], width: int) -> Iterator[Text]:
    """Steps as text: the places, then what differs anew; in columns where `width` allows it."""
    if width < SIDE_BY_SIDE:
        for step in found:
            yield from _stacked(program, ours, theirs, step, width)
        return
    column = (width - 9) // 2
    yield _columns(" ", "", inert(ours.name), inert(theirs.name), column, head=True)
    for step in found:
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
    """`text` in at most `width` cells."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 4) + " ..."


def _values(name: str, texts: tuple[str | None, str | None], width: int) -> tuple[str, str]:
    label = f"  {_named(name, max(width // 3, 8))} = "
    room = max(width - cell_len(label), 12)
    ours, theirs = _pair(texts, room)
    return label + ours, label + theirs


def _stacked(program: Program, ours: Side, theirs: Side, step: StepDiff, width: int) -> Iterator[Text]:
    """A step for narrow terminals: one timeline under the other."""
    label = max(cell_len(ours.name), cell_len(theirs.name)) + 1
    if not step.parted:
        yield Text("= ", style="dim").append(f"{step.index} {_at(program, ours, step.index)}", style="not dim")
    else:
        for side in (ours, theirs):
            line = f"{step.index} {set_cell_size(side.name, label)}{_marked(program, side, step.index)}"
            yield Text("! ", style="bold red").append(line, style="not bold default")
    for name, texts in step.fresh.items():
        yield Text("! ", style="bold red").append(f"  {_named(name)}", style="default")
        for side, text in zip((ours, theirs), _pair(texts, max(width - label - 6, 12)), strict=True):
            yield Text(f"      {set_cell_size(side.name, label)}{text}")


def _at(program: Program, side: Side, index: int) -> str:
    """Where a timeline is at a step: its place and its line."""
    frame = side.at(index)
    if frame is None:
        return "the end" if side.ended and index == len(side.frames) else "-"
    event = "" if frame.event is Event.LINE else f" {frame.event.value}"
    return inert(f"{place(program, frame, named=False)}{event} -> {frame.source.strip()}")


def _marked(program: Program, side: Side, index: int) -> str:
    return ("[edited] " if _edited(side.at(index)) else "") + _at(program, side, index)


def _pair(texts: tuple[str | None, str | None], width: int) -> tuple[str, str]:
    ours, theirs = texts
    if ours is None or theirs is None:
        return _nothing(ours, width), _nothing(theirs, width)
    return pair(ours, theirs, width)


def _nothing(text: str | None, width: int) -> str:
    return "nothing" if text is None else short(text, width)


def _named(name: str, width: int = 28) -> str:
    return "value" if name == VALUE else short(name, width)
