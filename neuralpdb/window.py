"""The prompt: as much of the source and of the history as the model's context holds.

While everything fits, the prompt only grows, so that an engine's cache is always hit. When it no longer fits, the
trace is re-started from the full state of every active call (the *spine*: each caller's last line, the call it made,
..., the present frame), and grows again from there. A source that is too long itself is shown as an excerpt around
the active lines. Everything is a function of the history: going back finds the same prompt again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from neuralpdb import codec
from neuralpdb.frames import Event, Frame
from neuralpdb.program import Entry
from neuralpdb.stack import Stack, advance
from neuralpdb.tokens import Markup

SOURCE_SHARE = 0.5
"""The part of the context that the source may take before it is shown as an excerpt."""


@dataclass(frozen=True)
class Prompt:
    """What the model is asked, and how much of the truth it holds.

    restarts: how often the history had to be re-started; excerpt: the source is not shown whole.
    fits: False when even the present frame alone is too long.
    """

    markup: Markup
    restarts: int
    excerpt: bool
    fits: bool = True


@dataclass
class Window:
    """Builds prompts of at most `budget` tokens for histories that begin at `entry`.

    count: tokens of marked-up text. texts: what the model really wrote for a frame, by `id` of the frame.
    """

    entry: Entry
    count: Callable[[Markup], int]
    budget: int
    texts: dict[int, tuple[Frame, Markup]] = field(default_factory=dict)
    _counts: dict[Markup, int] = field(default_factory=dict)
    _excerpts: dict[tuple[int, ...], tuple[frozenset[int], Markup]] = field(default_factory=dict)

    def remember(self, frame: Frame, markup: Markup) -> None:
        """Send `markup` for `frame` from now on, as the model wrote it, instead of rendering it again."""
        self.texts[id(frame)] = (frame, markup)

    def prompt(self, history: Sequence[Frame]) -> Prompt:
        """The prompt that asks for the frame after `history`."""
        segment = _Segment(self, ())
        stack: Stack = ()
        base: Frame | None = None
        restarts = 0
        for frame in history:
            markup = self._written(frame, base)
            stack = advance(stack, frame)
            base = codec.next_base(base, frame)
            if not segment.take(frame, markup):
                segment = _Segment(self, stack)
                restarts += 1
        return Prompt(segment.markup, restarts, segment.excerpt, segment.fits)

    def size(self, markup: Markup) -> int:
        """Tokens of `markup`, remembered."""
        found = self._counts.get(markup)
        if found is None:
            found = self._counts[markup] = self.count(markup)
        return found

    def _written(self, frame: Frame, base: Frame | None) -> Markup:
        kept = self.texts.get(id(frame))
        return kept[1] if kept is not None and kept[0] is frame else codec.render(frame, base)


class _Segment:
    """One stretch of history behind one opening. `stack` empty: from the very start."""

    def __init__(self, window: Window, stack: Stack) -> None:
        self.window = window
        entry = window.entry
        whole = codec.opening(codec.context(entry.program.lines, entry.marked))
        limit = int(window.budget * SOURCE_SHARE)
        self.excerpt = window.size(whole) > limit
        self.shown: frozenset[int] | None = None
        opening = whole
        if self.excerpt:
            places = tuple(activation.line for activation in reversed(stack) if activation.line) or (entry.marked,)
            if places not in window._excerpts:
                window._excerpts[places] = _excerpt(window, places, limit)
            self.shown, opening = window._excerpts[places]
        self.pieces: list[Markup] = [opening]
        self.used = window.size(opening)
        self.floor = 0
        self.fits = True
        if stack:
            self._begin(stack)

    @property
    def markup(self) -> Markup:
        return tuple(piece for markup in self.pieces for piece in markup)

    def take(self, frame: Frame, markup: Markup) -> bool:
        """Add a frame; False when the segment has to be given up for a new one that ends with this frame."""
        size = self.window.size(markup)
        outside = frame.event is Event.RETURN and frame.depth <= self.floor and frame.depth > 0
        outside = outside or (frame.event is Event.EXCEPTION and frame.depth <= self.floor and frame.depth > 0)
        hidden = self.shown is not None and frame.line is not None and frame.line not in self.shown
        if self.used + size > self.window.budget or outside or hidden:
            return False
        self.pieces.append(markup)
        self.used += size
        return True

    def _begin(self, stack: Stack) -> None:
        """Start with the full state of the active calls, dropping the outermost ones while it is too long."""
        room = int((self.window.budget - self.used) * 0.75)
        for drop in range(len(stack)):
            markups = list(codec.render_all(spine(stack[drop:])))
            size = sum(self.window.size(markup) for markup in markups)
            if size <= room or drop == len(stack) - 1:
                self.pieces += markups
                self.used += size
                self.floor = stack[drop].depth
                self.fits = self.used <= self.window.budget
                return


def spine(stack: Stack) -> tuple[Frame, ...]:
    """The fewest frames that say where every active call is: each one's call and last line, then what just happened."""
    frames: list[Frame] = []
    for i, activation in enumerate(stack):
        if activation.entry is not None and (i > 0 or activation.last is activation.entry):
            frames.append(activation.entry)
        if activation.last is not activation.entry and activation.leaving is None:
            frames.append(activation.last)
    frames += [frame for frame in (stack[-1].raising, stack[-1].leaving) if frame is not None]
    return tuple(frames)


def _excerpt(window: Window, places: Sequence[int], limit: int) -> tuple[frozenset[int], Markup]:
    """The lines around `places` (innermost active call first), as many as `limit` tokens hold."""
    entry = window.entry
    program = entry.program
    shown: set[int] = set()
    cost = [window.size((line + "\n",)) + 1 for line in program.lines]
    spent = 64  # the opening's own tokens, with room for the marker

    def add(lines: Sequence[int], most: int) -> bool:
        nonlocal spent
        fresh = [line for line in lines if line not in shown and 1 <= line <= len(cost)]
        price = sum(cost[line - 1] for line in fresh)
        if spent + price > most:
            return False
        shown.update(fresh)
        spent += price
        return True

    for place in places:
        code = program.enclosing(place)
        body = sorted(code.lines | {code.first_line}) if code and not code.is_module else []
        most = limit if place is places[0] else limit * 3 // 4
        if not body or not add(range(body[0], body[-1] + 1), most):
            following = code.after(place).lines if code else frozenset()
            add(sorted({place, *following}), limit)
            for distance in range(1, len(cost)):
                if not add([place - distance, place + distance], most):
                    break
    for code in program.codes:  # functions that the shown lines mention
        if not code.is_module and any(code.name in program.names.get(line, ()) for line in shown):
            add(range(code.first_line, max(code.lines, default=code.first_line) + 1), limit)
    numbers = sorted(shown)
    marked = numbers.index(entry.marked) + 1 if entry.marked in shown else None
    return frozenset(shown), codec.opening(codec.context([program.lines[n - 1] for n in numbers], marked))
