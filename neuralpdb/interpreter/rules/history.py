"""What an activation has behind it: the lines it came by, the calls it made, the exception it handles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation

LOOKED_BACK = 400
"""Frames that are looked at, at most."""


@dataclass(frozen=True)
class ActivationHistory:
    """A history, seen by `at`, the activation that goes on."""

    history: Sequence[Frame]
    at: Activation

    def frames(self) -> Iterator[Frame]:
        """The history, newest first, as far as it is looked at."""
        return (self.history[-i] for i in range(1, min(len(self.history), LOOKED_BACK) + 1))

    def lines(self) -> Iterator[int | None]:
        """Lines that this activation came by, newest first; the present one is among them."""
        depth = self.at.depth
        for frame in self.frames():
            if frame.depth < depth or (frame.depth == depth and frame.event is Event.CALL):
                return
            if frame.depth == depth and frame.event is Event.LINE:
                yield frame.line

    def visits(self, header: int, body: range) -> int:
        """How often a loop's header was visited since the loop was entered; the present visit is counted."""
        found = 0
        for line in self.lines():
            if line not in body and line != header:
                break
            found += line == header
        return max(found, 1)

    def came_from(self, lines: range) -> bool:
        """Whether the line before the present one is among `lines`."""
        own = self.lines()
        next(own, None)
        return next(own, None) in lines

    def followed(self, line: int) -> int | None:
        """The line that followed `line` when this activation was there before."""
        following: int | None = None
        for number, each in enumerate(self.lines()):
            if number and each == line:
                return following
            following = each
        return None

    def exception(self) -> str | None:
        """Text of the newest exception."""
        return next((frame.value for frame in self.frames() if frame.event is Event.EXCEPTION), None)

    def calls(self) -> list[tuple[Frame, Frame]]:
        """The calls that were made since the present line began, each with the frame that left it.

        One that began too long ago is given by the frame that left it alone.
        """
        found: list[tuple[Frame, Frame]] = []
        left: Frame | None = None
        for frame in self.frames():
            if frame is self.at.last:
                break
            if frame.depth != self.at.depth + 1:
                continue
            if frame.event is Event.CALL and left is not None:
                found.append((frame, left))
                left = None
            elif frame.event is not Event.LINE and left is None:
                left = frame
        if left is not None and left.event is Event.RETURN:
            found.append((left, left))
        return found[::-1]

    def opened(self, function: str, inside: frozenset[str]) -> Frame | None:
        """The newest call of `function` by this activation in which none of the variables `inside` is bound yet."""
        for frame in self.frames():
            if frame is self.at.last:
                return None
            called = frame.event is Event.CALL and frame.depth == self.at.depth + 1 and frame.function == function
            if called and not inside & frame.locals.keys():
                return frame
        return None

    def shown_before(self) -> Frame | None:
        """The frame that a `..` refers to, see `codec.next_base`; None after a return."""
        base = next((frame for frame in self.frames() if frame.event is not Event.EXCEPTION), None)
        return None if base is None or base.event is Event.RETURN else base
