"""Two timelines beside each other: their steps, aligned, from where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralpdb.trace.frames import VALUE, Frame, same_state

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
class StepDiff:
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


def steps(ours: Side, theirs: Side, first: int = 0) -> Iterator[StepDiff]:
    """Every step from `first` to the end of the longer one."""
    before: Pairs = {}
    for index in range(first, max(len(ours.frames), len(theirs.frames))):
        a, b = ours.at(index), theirs.at(index)
        differing = _differing(a, b)
        fresh = {name: texts for name, texts in differing.items() if before.get(name) != texts}
        yield StepDiff(index, a, b, differing, fresh)
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
