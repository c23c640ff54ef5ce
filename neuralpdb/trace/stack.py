"""The call stack that a history of frames implies: the active calls, where each is, its locals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from neuralpdb.trace.frames import Event, Frame


@dataclass(frozen=True)
class Activation:
    """An active function call.

    entry:   its last `call` frame; None when the trace began inside it.
    last:    its last `call` or `line` frame: where it is, and its locals.
    raising: its `exception` frame while no frame follows it.
    leaving: its `return` frame while no frame follows it.
    called:  names of the functions it has called since its last line event.
    """

    entry: Frame | None
    last: Frame
    raising: Frame | None = None
    leaving: Frame | None = None
    called: frozenset[str] = frozenset()

    @property
    def depth(self) -> int:
        return self.last.depth

    @property
    def function(self) -> str:
        return self.last.function

    @property
    def line(self) -> int | None:
        return self.last.line

    @property
    def ending(self) -> Frame | None:
        """Its `return` or `exception` frame while no frame follows it."""
        return self.leaving or self.raising

    @property
    def entered(self) -> int | None:
        """Line of its call event; None when the trace began inside it."""
        return self.entry.line if self.entry else None


Stack = tuple[Activation, ...]
"""The active calls, outermost first. The activation of the last frame is in it, also when that frame leaves it."""


def advance(stack: Stack, frame: Frame) -> Stack:
    """Return the stack after `frame`, given the one before it."""
    if frame.event is Event.CALL:
        callers = _below(stack, frame.depth)
        if callers:
            caller = callers[-1]
            callers = (*callers[:-1], replace(caller, called=caller.called | {frame.function}))
        return (*callers, Activation(frame, frame))
    callers, top = _below(stack, frame.depth), _at(stack, frame.depth)
    if frame.event is Event.LINE:
        entry = top.entry if top is not None else None
        return (*callers, Activation(entry, frame))
    if top is None:  # a trace that begins with a return or an exception
        top = Activation(None, frame)
    if frame.event is Event.RETURN:
        return (*callers, replace(top, leaving=frame, raising=None))
    return (*callers, replace(top, raising=frame))


def stack_of(history: Iterable[Frame]) -> Stack:
    """Return the stack after all of `history`."""
    stack: Stack = ()
    for frame in history:
        stack = advance(stack, frame)
    return stack


def _below(stack: Stack, depth: int) -> Stack:
    while stack and stack[-1].depth >= depth:
        stack = stack[:-1]
    return stack


def _at(stack: Stack, depth: int) -> Activation | None:
    return next((activation for activation in reversed(stack) if activation.depth == depth), None)
