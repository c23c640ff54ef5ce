"""Frames of comprehensions: some models write them, the canonical trace has none, so they are passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.codec import Finished, WrittenFrame
from neuralpdb.predict.query import Query
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Stack

_EVENT_TOKENS = frozenset(codec.EVENT_TOKENS.values())
_EMPTY = ("[]", "{}", "set()")
"""Results of comprehensions without items."""


@dataclass(frozen=True)
class Comprehensions:
    """The comprehensions that run inside the running line, by what the model wrote.

    query: asks the model for further frames, where only they tell.
    texts: the model's texts of earlier frames, by the frame's id (see `Window.texts`).
    """

    query: Query
    program: Program
    stack: Stack
    history: Sequence[Frame]
    texts: Mapping[int, tuple[Frame, Markup]]

    @property
    def written(self) -> bool:
        """Whether the model writes frames of comprehensions at all."""
        return self.query.engine.capabilities.comprehension_frames

    def open(self) -> int:
        """Return how many are running, by what the model wrote in the frames since the last line."""
        if not self.history or not self.written:
            return 0
        last = self.history[-1]
        depth = last.depth - (last.event is Event.RETURN)
        count = 0
        for frame in reversed(self.history):
            if frame.depth == depth + (frame.event is Event.CALL):
                count += self._opened_before(frame)
            if frame.depth == depth and frame.event in (Event.LINE, Event.CALL):
                break
        return max(count, 0)

    def _opened_before(self, frame: Frame) -> int:
        """Return how many were entered less those that were left on the way to `frame`."""
        kept = self.texts.get(id(frame))
        events = [piece for piece in kept[1] if piece in _EVENT_TOKENS][:-1] if kept else []
        return sum(1 if event is Token.CALL else -1 for event in events if event is not Token.LINE)

    def change(self, reply: WrittenFrame | Finished, depth: int, so_far: Markup) -> int | None:
        """Return how many more are open after `reply`, a frame of a comprehension; None when it is not one.

        depth:  how many are open before it.
        so_far: the prompt and the reply.
        """
        if not self.written or not isinstance(reply, WrittenFrame):
            return None
        if reply.event is Event.CALL:
            return 1 if ".0" in reply.shown and self._begins(reply, depth, so_far) else None
        if reply.event is Event.LINE:
            inside = ".0" in reply.shown and (depth > 0 or not self._in_generator())
            return int(depth == 0) if inside else None
        return -1 if depth > 0 else None

    def _in_generator(self) -> bool:
        running = [activation for activation in self.stack if activation.leaving is None]
        return bool(running) and running[-1].function == "<genexpr>"

    def _begins(self, call: WrittenFrame, depth: int, so_far: Markup) -> bool:
        """Whether a call is that of a comprehension: a generator expression is called alike, but has frames."""
        scope = "comprehension" if depth > 0 else "generator" if self._in_generator() else "function"
        kinds = self.program.comprehension_kinds(call.source, scope)
        if len(kinds) < 2:
            return "comprehension" in kinds
        for _ in range(2):  # both are on this line: only the generator returns an item before it runs its line again
            markup, _ = self.query.ask(so_far)
            reply = codec.parse(markup)
            if not isinstance(reply, WrittenFrame) or ".0" not in reply.shown:
                return not isinstance(reply, WrittenFrame) or reply.event is not Event.RETURN or reply.value in _EMPTY
            so_far += markup
        return True
