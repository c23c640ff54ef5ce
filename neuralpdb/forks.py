"""Two timelines side by side: where they part and what differs at each step from there, as facts and as text.

Steps are aligned by their number. It knows no session: a timeline is a sequence of frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuralpdb.contrast import pair
from neuralpdb.frames import VALUE, Event, Frame, Origin, same_state
from neuralpdb.program import Program
from neuralpdb.render import inert, place, short

SIDE_BY_SIDE = 72
"""Columns from which on two timelines stand beside each other; one under the other where there are fewer."""

MOST_STEPS = 20
"""Steps that are shown unless all are asked for."""

Pairs = dict[str, tuple[str | None, str | None]]
"""name -> repr texts in both frames; None: it is not there."""


@dataclass(frozen=True)
class Side:
    """A timeline as it is compared: its name, its frames, and whether the trace is over behind them."""

    name: str
    frames: Sequence[Frame]
    ended: bool = False

    def at(self, index: int) -> Frame | None:
        return self.frames[index] if index < len(self.frames) else None


@dataclass(frozen=True)
class Step:
    """One step of two timelines; None where one of them is not known that far.

    differing: what has another value, `VALUE` for that of a return or an exception; fresh: those of them that had not
    at the step before.
    """

    index: int
    ours: Frame | None
    theirs: Frame | None
    differing: Pairs
    fresh: Pairs

    @property
    def parted(self) -> bool:
        """They are at different places."""
        return self.ours is None or self.theirs is None or self.ours.place != self.theirs.place

    @property
    def same(self) -> bool:
        return not self.parted and not self.differing


def first_difference(ours: Side, theirs: Side) -> int | None:
    """The first step at which they do not say the same; None when there is none as far as both are known.

    That one is over where the other goes on is a difference, too.
    """
    pairs = enumerate(zip(ours.frames, theirs.frames, strict=False))
    found = next((i for i, (a, b) in pairs if not same_state(a, b)), None)
    if found is None and len(ours.frames) != len(theirs.frames):
        shorter = min(ours, theirs, key=lambda side: len(side.frames))
        return len(shorter.frames) if shorter.ended else None
    return found


def steps(ours: Side, theirs: Side, first: int = 0) -> Iterator[Step]:
    """Every step from `first` to the end of the longer one."""
    before: Pairs = {}
    for index in range(first, max(len(ours.frames), len(theirs.frames))):
        a, b = ours.at(index), theirs.at(index)
        differing = _differing(a, b)
        fresh = {name: texts for name, texts in differing.items() if before.get(name) != texts}
        yield Step(index, a, b, differing, fresh)
        before = differing if differing or a is None or b is None else {}


def _differing(ours: Frame | None, theirs: Frame | None) -> Pairs:
    """What differs between two frames of one activation."""
    if ours is None or theirs is None or (ours.function, ours.depth) != (theirs.function, theirs.depth):
        return {}
    names = dict.fromkeys((*ours.locals, *theirs.locals))
    found: Pairs = {name: (ours.locals.get(name), theirs.locals.get(name)) for name in names}
    if ours.value is not None and theirs.value is not None:
        found[VALUE] = (ours.value, theirs.value)
    return {name: texts for name, texts in found.items() if texts[0] != texts[1]}


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


def _first(step: Step) -> str:
    if step.parted:
        return "control flow"
    name, (ours, theirs) = next(iter(step.differing.items()))
    a, b = (_nothing(text, 20) for text in (ours, theirs))
    more = f", {len(step.differing) - 1} more" if len(step.differing) > 1 else ""
    return f"{_named(name)} {a} / {b}{more}"


def table(program: Program, ours: Side, theirs: Side, found: Sequence[Step], width: int) -> Iterator[Text]:
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


def _stacked(program: Program, ours: Side, theirs: Side, step: Step, width: int) -> Iterator[Text]:
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
