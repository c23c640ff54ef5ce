"""One predicted frame: ask the engine, read its reply, find the line, keep to what control flow allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb import codec
from neuralpdb.codec import Finished, Malformed, Reply
from neuralpdb.engines.base import GREEDY, Engine, Finish, Sampling
from neuralpdb.errors import ModelError
from neuralpdb.evaluate import branch_taken
from neuralpdb.frames import Ended, Event, Frame, Origin, Outcome, Trouble, TroubleKind
from neuralpdb.moves import Move, Moves, first_moves, moves_after
from neuralpdb.program import Entry
from neuralpdb.stack import Stack, stack_of
from neuralpdb.tokens import Markup, Token, spelled
from neuralpdb.window import Window

FRAME_TOKENS = 1024
"""Most tokens one frame may take: a model can run on inside one value for ever."""

DRAW_TEMPERATURE = 0.8
"""Sampling temperature of draws other than 0."""

MOST_CANDIDATES = 64
"""Most lines that are weighed against each other in one choice."""

_STOP = frozenset({Token.FRAME, Token.END})


@dataclass
class Usage:
    """What the predictions cost so far, in tokens and forward passes; and how often control flow overruled."""

    frames: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    passes: int = 0
    overruled: int = 0


class Predictor:
    """A `FrameSource` that asks a model.

    constrain: the next line is always one that can follow; False takes the model at its word.
    frame_tokens: most tokens of one frame.
    """

    def __init__(
        self, entry: Entry, engine: Engine, *, constrain: bool = True, frame_tokens: int = FRAME_TOKENS
    ) -> None:
        self.entry = entry
        self.engine = engine
        self.constrain = constrain
        self.frame_tokens = frame_tokens
        self.usage = Usage()
        self.restarts = 0
        self.excerpt = False
        self._window: Window | None = None

    @property
    def window(self) -> Window:
        """The prompt builder; made late, because it has to know the engine's context length."""
        if self._window is None:
            context = self.engine.capabilities.context
            self.frame_tokens = min(self.frame_tokens, context // 4)
            self._window = Window(self.entry, self.engine.count, context - self.frame_tokens)
        return self._window

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """The frame after `history`. See `FrameSource`."""
        stack = stack_of(history)
        moves = self._moves(stack, history)
        if moves.ends and not moves.options:
            return Ended(_how_it_ended(history))
        prompt = self.window.prompt(history)
        self.restarts, self.excerpt = prompt.restarts, prompt.excerpt
        if not prompt.fits:
            return Trouble(
                TroubleKind.TOO_LONG, f"the state and the source exceed the model's {self.window.budget} tokens"
            )
        sampling = Sampling(DRAW_TEMPERATURE, draw) if draw else GREEDY
        attempt = _Attempt(self, moves, stack, history, sampling)
        try:
            outcome = attempt.run(prompt.markup)
        except ModelError as error:
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        if isinstance(outcome, Frame):
            self.usage.frames += 1
            if attempt.written is not None:
                self.window.remember(outcome, attempt.written)
        return outcome

    def _moves(self, stack: Stack, history: Sequence[Frame]) -> Moves:
        program = self.entry.program
        if not history:
            return first_moves(program, self.entry.marked)
        return moves_after(program, stack, history[-1], floor=history[0].depth)


def _how_it_ended(history: Sequence[Frame]) -> str:
    last = history[-1]
    if last.event is Event.EXCEPTION:
        return f"the program ended with {last.value}"
    if last.event is Event.RETURN:
        return f"{last.function}() returned {last.value}"
    return "the program ended"


class _Attempt:
    """The making of one frame. `written` is the model's own text for it, None when control flow overruled it."""

    def __init__(
        self, predictor: Predictor, moves: Moves, stack: Stack, history: Sequence[Frame], sampling: Sampling
    ) -> None:
        self.predictor = predictor
        self.engine = predictor.engine
        self.program = predictor.entry.program
        self.usage = predictor.usage
        self.moves = moves
        self.stack = stack
        self.history = history
        self.sampling = sampling
        self.written: Markup | None = None

    def run(self, prompt: Markup) -> Outcome:
        hidden: Markup = ()
        inside = False
        while True:
            markup, finish = self.ask(prompt + hidden)
            if finish is Finish.LENGTH:
                limit = self.predictor.frame_tokens
                return Trouble(TroubleKind.TRUNCATED, f"the frame was cut off at {limit} tokens", _excerpted(markup))
            reply = codec.parse(markup)
            if isinstance(reply, Malformed):
                return Trouble(TroubleKind.MALFORMED, f"the model wrote no frame: {reply.reason}", reply.text)
            if isinstance(reply, Reply) and self._is_hidden(reply, inside):
                inside = reply.event in (Event.CALL, Event.LINE)
                hidden += markup
                if self.engine.count(hidden) > 8 * self.predictor.frame_tokens:
                    return Trouble(TroubleKind.TRUNCATED, "a comprehension did not come to its end")
                continue
            return self._settle(prompt + hidden, hidden, markup, reply)

    def ask(self, prompt: Markup, stop: frozenset[Token] = _STOP) -> tuple[Markup, Finish]:
        limit = self.predictor.frame_tokens
        done = self.engine.complete([prompt], stop=stop, max_tokens=limit, sampling=self.sampling)[0]
        self.usage.prompt_tokens += done.prompt_tokens
        self.usage.cached_tokens += done.cached_tokens
        self.usage.written_tokens += len(done.logprobs)
        self.usage.passes += done.passes
        return done.text, done.finish

    def _is_hidden(self, reply: Reply, inside: bool) -> bool:
        """True for a frame of a comprehension: canonical traces leave it out."""
        if not self.engine.capabilities.comprehension_frames:
            return False
        if reply.event in (Event.CALL, Event.LINE):
            top = self.stack[-1] if self.stack else None
            return ".0" in reply.shown and (top is None or top.function != "<genexpr>")
        return inside

    def _settle(self, prompt: Markup, hidden: Markup, markup: Markup, reply: Reply | Finished) -> Outcome:
        if isinstance(reply, Finished):
            if self.moves.ends or not self.predictor.constrain:
                return Ended(
                    _how_it_ended(self.history) if self.moves.ends and self.history else "the model ended the trace"
                )
            return self._overrule(prompt, None)
        fitting = [
            m for m in self.moves.options if m.event is reply.event and self.program.line(m.line) == reply.source
        ]
        if fitting:
            self.written = hidden + markup
            return self._frame(self._pick(fitting, reply), reply)
        if self.predictor.constrain:
            return self._overrule(prompt, reply)
        self.written = hidden + markup
        return self._unbound(reply)

    def _frame(self, move: Move, reply: Reply) -> Outcome:
        state = self._locals(move, reply)
        if isinstance(state, str):
            return Trouble(TroubleKind.MALFORMED, f"the model calls {state!r} unchanged, but it was not there before")
        return Frame(
            event=move.event,
            function=move.function,
            line=move.line,
            source=self.program.line(move.line),
            locals=state,
            value=reply.value,
            depth=move.depth,
            origin=Origin.PREDICTED,
        )

    def _locals(self, move: Move, reply: Reply) -> dict[str, str] | str:
        known = next((a.last.locals for a in self.stack if a.depth == move.depth), {})
        if move.event in (Event.RETURN, Event.EXCEPTION):
            return dict(known)
        return codec.unabridged(reply.shown, known)

    def _pick(self, fitting: Sequence[Move], reply: Reply) -> Move:
        """One of several places with the same text: by state for calls, by the branch condition for lines."""
        if len(fitting) == 1:
            return fitting[0]
        if reply.event is Event.CALL:
            line = self.stack[-1].line if self.stack else None
            mentioned = self.program.names.get(line, frozenset()) if line else frozenset()
            return max(fitting, key=lambda move: _likeness(move, reply, mentioned))
        top = self.stack[-1] if self.stack else None
        if top is not None and top.line is not None:
            branch = branch_taken(self.program.tree, top.line, top.last.locals)
            if branch is not None:
                holds, first, last = branch
                fitting = [move for move in fitting if (first <= move.line <= last) is holds] or fitting
        return fitting[0]

    def _overrule(self, prompt: Markup, reply: Reply | None) -> Outcome:
        """The model's line cannot follow: take the likeliest of those that can."""
        self.usage.overruled += 1
        if not self.moves.options:
            return Ended("nothing can follow")
        event = reply.event if reply is not None and self.moves.of(reply.event) else self._likeliest_event(prompt)
        if event is None:
            return Ended(_how_it_ended(self.history))
        options = self.moves.of(event)
        if event in (Event.RETURN, Event.EXCEPTION):
            return self._forced_value(prompt, options)
        start: Markup = (codec.EVENT_TOKENS[event],)
        if reply is not None and reply.event is event:
            state: Markup = (json.dumps(dict(reply.shown)),)
        else:
            written, finish = self.ask(prompt + start, frozenset({Token.ACTION, *_STOP}))
            if finish is Finish.LENGTH or written[-1] is not Token.ACTION:
                return Trouble(TroubleKind.MALFORMED, "the model wrote no state", _excerpted(written))
            state = written[:-1]
        move = self._likeliest_line(prompt + start + state + (Token.ACTION,), options)
        whole = start + state + (Token.ACTION, self.program.line(move.line) + "\n", Token.FRAME)
        forced = codec.parse(whole)
        if not isinstance(forced, Reply):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no state", _excerpted(whole))
        return self._frame(move, forced)

    def _likeliest_event(self, prompt: Markup) -> Event | None:
        """The likeliest of the events that can follow; None for the end of the trace."""
        events: list[Event | None] = [*self.moves.events, *((None,) if self.moves.ends else ())]
        if len(events) == 1:
            return events[0]
        tokens = [codec.EVENT_TOKENS[event] if event else Token.END for event in events]
        scores = self.engine.score(prompt, [(token,) for token in tokens])
        self.usage.passes += 1
        return max(zip(events, scores, strict=True), key=lambda pair: pair[1].total)[0]

    def _likeliest_line(self, prompt: Markup, options: Sequence[Move]) -> Move:
        by_source = {self.program.line(move.line): move for move in reversed(options)}
        sources = list(reversed(by_source))[:MOST_CANDIDATES]
        if len(sources) == 1:
            return by_source[sources[0]]
        scores = self.engine.score(prompt, [(source + "\n", Token.FRAME) for source in sources])
        self.usage.passes += 1
        best = max(zip(sources, scores, strict=True), key=lambda pair: pair[1].total)[0]
        return by_source[best]

    def _forced_value(self, prompt: Markup, options: Sequence[Move]) -> Outcome:
        """A return or an exception on the line that is running: only its value is open."""
        move = options[0] if len(options) == 1 else max(options, key=lambda m: m.depth)
        start = (codec.EVENT_TOKENS[move.event], Token.ACTION, self.program.line(move.line) + "\n", Token.ARG)
        written, finish = self.ask(prompt + start)
        forced = codec.parse(start + written)
        if finish is Finish.LENGTH or not isinstance(forced, Reply):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no value", _excerpted(written))
        return self._frame(move, forced)

    def _unbound(self, reply: Reply) -> Outcome:
        """Without the constraint: the one line with that text, or a frame whose line is unknown."""
        lines = [number for number, text in enumerate(self.program.lines, 1) if text == reply.source]
        top = self.stack[-1] if self.stack else None
        depth = (top.depth if top else 0) + (reply.event is Event.CALL)
        line = lines[0] if len(lines) == 1 else None
        code = self.program.enclosing(line) if line else None
        function = code.name if code else top.function if top else "?"
        move = Move(reply.event, depth, line or 0, function)
        outcome = self._frame(move, reply)
        return outcome.replace(line=line, source=reply.source) if isinstance(outcome, Frame) else outcome


def _likeness(move: Move, reply: Reply, mentioned: frozenset[str]) -> tuple[int, int, int]:
    """How well a function fits a call: same parameters, class of `self`, mentioned on the calling line."""
    parameters = move.code.parameters if move.code else ()
    same = set(parameters) == {name for name in reply.shown if not name.startswith(".")}
    owner = move.code.qualname.rpartition(".")[0].rpartition(".")[2] if move.code else ""
    self_text = reply.shown.get("self", "")
    return int(same), int(bool(owner) and owner in self_text), int(move.function in mentioned or owner in mentioned)


def _excerpted(markup: Markup, most: int = 400) -> str:
    text = spelled(markup)
    return text if len(text) <= most else text[:most] + "..."
