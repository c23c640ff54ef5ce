"""Differences of two timelines: their steps, aligned by number, from where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralpdb.trace.frames import VALUE, Frame, same_state

Pairs = dict[str, tuple[str | None, str | None]]
"""name -> repr texts in both frames; None where it is missing."""


@dataclass(frozen=True)
class Side:
    """One of the timelines.

    name:   its name.
    frames: its frames.
    ended:  the trace is over after them.
    """

    name: str
    frames: Sequence[Frame]
    ended: bool = False

    def at(self, index: int) -> Frame | None:
        return self.frames[index] if index < len(self.frames) else None


@dataclass(frozen=True)
class StepDiff:
    """One step of two timelines.

    index:     its number.
    ours:      the frame of the first timeline; None where it is not known that far.
    theirs:    the frame of the second one.
    differing: locals with different values, `VALUE` for the value of a return or an exception.
    fresh:     the part of them that did not differ at the previous step.
    """

    index: int
    ours: Frame | None
    theirs: Frame | None
    differing: Pairs
    fresh: Pairs

    @property
    def parted(self) -> bool:
        """Whether they are at different places."""
        return self.ours is None or self.theirs is None or self.ours.place != self.theirs.place

    @property
    def same(self) -> bool:
        return not self.parted and not self.differing


def first_difference(ours: Side, theirs: Side) -> int | None:
    """Return the first step that differs; None when there is none as far as both are known.

    It is a difference, too, when one timeline is over and the other goes on.
    """
    pairs = enumerate(zip(ours.frames, theirs.frames, strict=False))
    first = next((i for i, (a, b) in pairs if not same_state(a, b)), None)
    if first is None and len(ours.frames) != len(theirs.frames):
        shorter = min(ours, theirs, key=lambda side: len(side.frames))
        return len(shorter.frames) if shorter.ended else None
    return first


def steps(ours: Side, theirs: Side, first: int = 0) -> Iterator[StepDiff]:
    """Yield every step from `first` to the end of the longer timeline."""
    before: Pairs = {}
    for index in range(first, max(len(ours.frames), len(theirs.frames))):
        a, b = ours.at(index), theirs.at(index)
        differing = _differing(a, b)
        fresh = {name: texts for name, texts in differing.items() if before.get(name) != texts}
        yield StepDiff(index, a, b, differing, fresh)
        before = differing if differing or a is None or b is None else {}


def _differing(ours: Frame | None, theirs: Frame | None) -> Pairs:
    """Return what differs between two frames of one activation."""
    if ours is None or theirs is None or (ours.function, ours.depth) != (theirs.function, theirs.depth):
        return {}
    names = dict.fromkeys((*ours.locals, *theirs.locals))
    pairs: Pairs = {name: (ours.locals.get(name), theirs.locals.get(name)) for name in names}
    if ours.value is not None and theirs.value is not None:
        pairs[VALUE] = (ours.value, theirs.value)
    return {name: texts for name, texts in pairs.items() if texts[0] != texts[1]}
