"""Where the ways back lead: the inverse of `next` and `continue` over known frames. Nothing is predicted."""

from __future__ import annotations

from collections.abc import Sequence

from neuralpdb.breakpoints import Breakpoints, Hit
from neuralpdb.frames import Event, Frame
from neuralpdb.stack import Stack, advance


def line_before(history: Sequence[Frame]) -> int:
    """Index of the frame that a `next` to the last one would have started at, calls passed over.

    That is the frame before it in the same activation, or in the one that called it; the first when there is none.
    """
    most = history[-1].depth
    for index in range(len(history) - 2, 0, -1):
        frame = history[index]
        if frame.depth > most:
            continue
        if frame.event is not Event.CALL:
            return index
        most = frame.depth - 1  # here the activation was entered: before it comes what called it
    return 0


def hit_before(breakpoints: Breakpoints, history: Sequence[Frame]) -> tuple[int, Hit | None]:
    """The last place before the last frame where a breakpoint could have stopped; the first frame, when none could."""
    found: tuple[int, Hit | None] = (0, None)
    stack: Stack = advance((), history[0])
    for index, frame in enumerate(history[1:-1], 1):
        before, stack = stack, advance(stack, frame)
        hit = breakpoints.would_hit(before, stack, frame)
        if hit is not None:
            found = (index, hit)
    return found
