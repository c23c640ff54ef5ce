"""The prompt: as much of the source and of the history as the model's context holds.

While everything fits, the prompt only grows, so that an engine's cache is always hit. When it no longer fits, the
trace is re-started from the full state of every active call (the *spine*: each caller's last line, the call it made,
..., the present frame), and grows again from there. A source that is too long itself is shown as an excerpt around
the active lines. Everything is a function of the history: going back finds the same prompt again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from neuralpdb.engines.tokens import Markup
from neuralpdb.predict import codec
from neuralpdb.program.entry import Entry
from neuralpdb.program.flow import Code
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation, Stack, advance

SOURCE_SHARE = 0.5
"""The part of the context that the source may take before it is shown as an excerpt: half is left to the history."""


@dataclass(frozen=True)
class ModelPrompt:
    """A prompt, and how much of the truth it holds.

    restarts: how often the history had to be re-started.
    excerpt:  the source is not shown whole.
    fits:     False when even the present frame alone is too long.
    """

    markup: Markup
    restarts: int
    excerpt: bool
    fits: bool = True


@dataclass
class Window:
    """A builder of prompts for histories that begin at `entry`.

    count:  returns the tokens of marked-up text.
    budget: most tokens of a prompt.
    texts:  the model's own text of a frame, by `id` of the frame.
    """

    entry: Entry
    count: Callable[[Markup], int]
    budget: int
    texts: dict[int, tuple[Frame, Markup]] = field(default_factory=dict)
    _counts: dict[Markup, int] = field(default_factory=dict)
    _excerpts: dict[tuple[tuple[int, ...], int], tuple[frozenset[int], Markup]] = field(default_factory=dict)
    _run: _Run | None = None

    @cached_property
    def opening(self) -> Markup:
        """Return the prompt before the first frame, with the whole source."""
        return codec.opening(codec.context(self.entry.program.lines, self.entry.marked))

    @cached_property
    def costs(self) -> Sequence[int]:
        """Return the tokens of each line of the source."""
        return [self.count((line + "\n",)) + 1 for line in self.entry.program.lines]

    def remember(self, frame: Frame, markup: Markup) -> None:
        """Send `markup` for `frame` from now on, as the model wrote it, instead of rendering it again."""
        self.texts[id(frame)] = (frame, markup)
        if self._run is not None and id(frame) in self._run.sent:
            self._run = None

    def prompt(self, history: Sequence[Frame]) -> ModelPrompt:
        """Return the prompt that asks for the frame after `history`."""
        run, self._run = self._run, None  # forgotten if Ctrl-C comes in between
        if run is None or not run.leads_to(history):
            run = _Run(self)
        for frame in history[len(run.frames) :]:
            run.add(frame)
        self._run = run
        return ModelPrompt(run.segment.markup, run.restarts, run.segment.excerpt, run.segment.fits)

    def size(self, markup: Markup) -> int:
        """Return the tokens of `markup`, remembered."""
        tokens = self._counts.get(markup)
        if tokens is None:
            tokens = self._counts[markup] = self.count(markup)
        return tokens

    def excerpt_of(self, places: tuple[int, ...], limit: int) -> tuple[frozenset[int], Markup]:
        """Return lines around `places`, at most `limit` tokens of them, and the opening that shows them; remembered."""
        if (places, limit) not in self._excerpts:
            self._excerpts[places, limit] = _excerpt(self, places, limit)
        return self._excerpts[places, limit]

    def written(self, frame: Frame, base: Frame | None) -> Markup:
        """Return `frame` as the model wrote it, or as it would write it."""
        kept = self.texts.get(id(frame))
        return kept[1] if kept is not None and kept[0] is frame else codec.render(frame, base)


class _Run:
    """The prompt of one history. A longer history continues it, any other begins a new one."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.frames: list[Frame] = []
        self.sent: set[int] = set()
        self.segment = _Segment(window, ())
        self.restarts = 0
        self._stack: Stack = ()
        self._base: Frame | None = None

    def leads_to(self, history: Sequence[Frame]) -> bool:
        pairs = zip(self.frames, history, strict=False)
        return len(self.frames) <= len(history) and all(ours is theirs for ours, theirs in pairs)

    def add(self, frame: Frame) -> None:
        markup = self.window.written(frame, self._base)
        self.frames.append(frame)
        self.sent.add(id(frame))
        self._stack = advance(self._stack, frame)
        self._base = codec.next_base(self._base, frame)
        if not self.segment.take(frame, markup, self._stack):
            self.segment = _Segment(self.window, self._stack)
            self.restarts += 1


class _Segment:
    """A stretch of history behind one opening. `stack` empty: from the very start."""

    def __init__(self, window: Window, stack: Stack) -> None:
        self.window = window
        self.pieces: list[Markup] = []
        self.floor = 0
        self._open(stack, int(window.budget * SOURCE_SHARE))
        state = self.used - window.size(self.pieces[0])
        if not self.fits and self._shows(stack, window.budget - state):
            self._open(stack, window.budget - state)  # a large state: less of the source

    def _open(self, stack: Stack, limit: int) -> None:
        window = self.window
        self._limit = limit
        opening = window.opening
        self.excerpt = window.size(opening) > limit
        self.shown: frozenset[int] | None = None
        if self.excerpt:
            self.shown, opening = window.excerpt_of(self._places(stack), limit)
        self.pieces = [opening]
        self.used = window.size(opening)
        self.fits = self.used <= window.budget
        if stack:
            self._begin(stack)

    def _places(self, stack: Stack) -> tuple[int, ...]:
        """Return the active lines, innermost first."""
        lines = (activation.line for activation in reversed(stack))
        return tuple(dict.fromkeys(line for line in lines if line)) or (self.window.entry.marked,)

    def _shows(self, stack: Stack, limit: int) -> bool:
        places = self._places(stack)
        return limit > 0 and places[0] in self.window.excerpt_of(places, limit)[0]

    @property
    def markup(self) -> Markup:
        return tuple(piece for markup in self.pieces for piece in markup)

    def take(self, frame: Frame, markup: Markup, stack: Stack) -> bool:
        """Add a frame, the last of `stack`; False when a new segment has to begin with it."""
        size = self.window.size(markup)
        outside = frame.event in (Event.RETURN, Event.EXCEPTION) and 0 < frame.depth <= self.floor
        if self.used + size > self.window.budget or outside or self._hides(stack):
            return False
        self.pieces.append(markup)
        self.used += size
        return True

    def _hides(self, stack: Stack) -> bool:
        """Whether another excerpt shows the active line or one that can follow it, and this one does not."""
        place = stack[-1].line
        if self.shown is None or place is None:
            return False
        code = self.window.entry.program.enclosing(place)
        missing = {place, *(code.after(place).lines if code else ())} - self.shown
        return bool(missing) and bool(missing & self.window.excerpt_of(self._places(stack), self._limit)[0])

    def _begin(self, stack: Stack) -> None:
        """Start with the full state of the active calls, dropping the outermost ones while it is too long.

        Never dropped, if there is any room for it: the activation that goes on, also when its call was just left.
        """
        room = self.window.budget - self.used
        left = stack[-1].leaving or stack[-1].raising
        needed = len(stack) - (2 if left and len(stack) > 1 else 1)
        first, inner = len(stack) - 1, 0
        for i in reversed(range(len(stack))):
            if inner + self._size(_retold(stack[i], outermost=True)) > (room if i >= needed else room * 3 // 4):
                break
            first = i
            inner += self._size(_retold(stack[i], outermost=False))
        markups = list(codec.render_all(spine(stack[first:])))
        self.pieces += markups
        self.used += sum(self.window.size(markup) for markup in markups)
        self.floor = stack[first].depth
        self.fits = self.used <= self.window.budget

    def _size(self, frames: Sequence[Frame]) -> int:
        return sum(self.window.size(markup) for markup in codec.render_all(frames))


def spine(stack: Stack) -> tuple[Frame, ...]:
    """Return the fewest frames that locate every active call: its call and last line, then the latest event."""
    return tuple(frame for i, activation in enumerate(stack) for frame in _retold(activation, outermost=i == 0))


def _retold(activation: Activation, outermost: bool) -> list[Frame]:
    """Return the frames of one active call: the call (of the outermost only if it is the latest), last line, event."""
    frames = []
    if activation.entry is not None and (not outermost or activation.last is activation.entry):
        frames.append(activation.entry)
    if activation.last is not activation.entry and activation.leaving is None:
        frames.append(activation.last)
    return [*frames, *filter(None, (activation.raising, activation.leaving))]


def _excerpt(window: Window, places: Sequence[int], limit: int) -> tuple[frozenset[int], Markup]:
    """Return the lines around `places` (innermost active call first), as many as `limit` tokens hold."""
    entry = window.entry
    program = entry.program
    visible: set[int] = set()
    cost = window.costs
    spent = 64  # the opening's own tokens, with room for the marker

    def add(lines: Sequence[int]) -> bool:
        nonlocal spent
        fresh = [line for line in lines if line not in visible and 1 <= line <= len(cost)]
        price = sum(cost[line - 1] for line in fresh)
        if spent + price > limit:
            return False
        visible.update(fresh)
        spent += price
        return True

    running = {place: program.defined_at(place) or program.enclosing(place) for place in places}
    for place, code in running.items():
        add(sorted({place, *(code.after(place).lines if code else ())}))
    for code in running.values():
        add(_body(code))
    add([entry.marked])
    called = list(visible)
    for line in called:  # functions that the shown lines mention, and those that these mention
        named = (code for name in program.names.get(line, ()) for code in program.named(name))
        for code in sorted(named, key=lambda code: code.first_line):
            fresh = [body_line for body_line in _body(code) if body_line not in visible]
            called += fresh if fresh and add(fresh) else []
    for distance in range(1, len(cost)):  # and what stands around the innermost active line
        if not add([places[0] - distance, places[0] + distance]):
            break
    numbers = sorted(visible)
    marked = numbers.index(entry.marked) + 1 if entry.marked in visible else None
    return frozenset(visible), codec.opening(codec.context([program.lines[n - 1] for n in numbers], marked))


def _body(code: Code | None) -> range:
    """Return all lines of a function; none of the module."""
    if code is None or code.is_module:
        return range(0)
    return range(code.first_line, max(code.lines, default=code.first_line) + 1)
