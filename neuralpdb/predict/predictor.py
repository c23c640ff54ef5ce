"""One predicted frame: ask the engine, read its reply, find the line, keep to what control flow allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralpdb.engines.base import GREEDY, Completion, Engine, Sampling
from neuralpdb.engines.tokens import Markup
from neuralpdb.errors import ModelError
from neuralpdb.interpreter.events import Computed
from neuralpdb.predict import codec
from neuralpdb.predict.attempt import Attempt, Context, how_it_ended
from neuralpdb.predict.computed import holes
from neuralpdb.predict.computed.telling import Telling
from neuralpdb.predict.line_choice import LineChoice
from neuralpdb.predict.query import FRAME_TOKENS, PredictionCost, Query
from neuralpdb.predict.window import ModelPrompt, Window
from neuralpdb.program.entry import Entry
from neuralpdb.program.transitions import Transition, Transitions, first_moves, leaving, moves_after
from neuralpdb.trace.frames import Ended, Event, Frame, Outcome, Trouble, TroubleKind
from neuralpdb.trace.stack import Stack, advance

DRAW_TEMPERATURE = 0.8
"""Sampling temperature of draws other than 0."""


@dataclass(frozen=True)
class Evidence:
    """The model's own text of a frame, token by token.

    text:     marked-up.
    logprobs: natural-log probability of each token.
    widths:   characters of the text that each token adds, a `Token` counting one; empty where the engine cannot tell.
    """

    text: Markup
    logprobs: tuple[float, ...]
    widths: tuple[int, ...]

    @property
    def probability(self) -> float:
        """Return the probability of the whole text."""
        return math.exp(min(sum(self.logprobs), 0.0))


class Predictor:
    """A `FrameSource` that asks a model.

    constrain:    the next line is always one that can follow; False takes the model at its word.
    speculate:    likely frames are drafted for the engine to verify; False only costs more.
    histories:    tells the next frame by Python's own rules, for drafts, and to place a line that stands at several
                  places (see `Alongside`); None: only control flow is known. It is not closed here.
    frame_tokens: most tokens of one frame.
    abandoned:    asked while a frame is predicted; True cancels it (see `LookAhead`).
    written:      the model's own text of the last frame; None where control flow overruled it, or no frame came.
    confidence:   the probability that the model gave to `written`.
    """

    def __init__(
        self,
        entry: Entry,
        engine: Engine,
        *,
        constrain: bool = True,
        frame_tokens: int = FRAME_TOKENS,
        speculate: bool = True,
        histories: Telling | None = None,
    ) -> None:
        self.entry = entry
        self.engine = engine
        self.constrain = constrain
        self.speculate = speculate
        self.histories = histories
        self.frame_tokens = frame_tokens
        self.usage = PredictionCost()
        self.restarts = 0
        self.excerpt = False
        self.written: Markup | None = None
        self.confidence: float | None = None
        self.abandoned: Callable[[], bool] = lambda: False
        self._window: Window | None = None
        self._evidence: dict[int, tuple[Frame, Evidence]] = {}
        self._stacked: tuple[list[Frame], Stack] = ([], ())

    @property
    def window(self) -> Window:
        """Return the prompt builder; created late, because it has to know the engine's context length."""
        if self._window is None:
            context = self.engine.capabilities.context
            self.frame_tokens = min(self.frame_tokens, context // 4)
            self._window = Window(self.entry, self.engine.count, context - self.frame_tokens)
        return self._window

    def prompt(self, history: Sequence[Frame]) -> ModelPrompt:
        """Return the prompt after `history`. Raises ModelError when the model cannot be loaded."""
        return self.window.prompt(history)

    def next(self, history: Sequence[Frame], *, draw: int = 0, reply: Completion | None = None) -> Outcome:
        """Return the frame after `history`. See `FrameSource`.

        reply: the engine's answer to `prompt(history)`, where it is known already (stop tokens `STOP`).
        """
        self.written = self.confidence = None
        stack = self._stack(history)
        moves = self._moves(stack, history)
        if moves.over:
            return Ended(how_it_ended(history))
        context = self._context()
        sampling = Sampling(DRAW_TEMPERATURE, draw) if draw else GREEDY
        drafted = self.speculate and not draw and not reply
        attempt = Attempt(context, moves, stack, history, sampling, reply, drafted)
        return self._outcome(attempt, attempt.run if history else attempt.begin)

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """Guess in one step what the activation that goes on after `history` returns: nothing before is asked for.

        The frame is GUESSED. Trouble where nothing is running that could return. Otherwise as `next`.
        """
        self.written = self.confidence = None
        stack = self._stack(history)
        moves = leaving(self.entry.program, stack)
        if not moves.options:
            return Trouble(TroubleKind.UNAVAILABLE, "nothing is running that could return")
        context = self._context()
        attempt = Attempt(context, moves, stack, history, GREEDY)
        return self._outcome(attempt, attempt.leave)

    def fill(self, history: Sequence[Frame], computed: Computed) -> Frame | Trouble:
        """Return the computed frame after `history` with the model's text for all that is not known in it.

        Raises ModelError when the model cannot be loaded.
        """
        self.written = self.confidence = None
        context = self._context()
        query = Query(context.engine, self.usage, GREEDY, self.frame_tokens)
        base: Frame | None = None
        for frame in history[-2:]:
            base = codec.next_base(base, frame)
        try:
            prompt = self._prompted(history)
            filled = prompt if isinstance(prompt, Trouble) else holes.fill(query, prompt, computed, base)
        except ModelError as error:
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        if isinstance(filled, Trouble):
            return filled
        frame, writing = filled
        self.usage.frames += 1
        widths = tuple(writing.widths) if writing.measured else ()
        self._remember(frame, Evidence(writing.markup, tuple(writing.logprobs), widths))
        return frame

    def place(self, history: Sequence[Frame], choices: Sequence[int | None]) -> Frame | Trouble:
        """Return where the model says that the activation that goes on after `history` goes on, as a frame.

        choices: lines; None: it returns. Raises ModelError when the model cannot be loaded.
        """
        stack = self._stack(history)
        at = stack[-2] if history[-1].event is Event.RETURN and len(stack) > 1 else stack[-1]
        options = [
            Transition(Event.RETURN if line is None else Event.LINE, at.depth, line or at.line or 0, at.function)
            for line in choices
        ]
        context = self._context()
        query = Query(context.engine, self.usage, GREEDY, self.frame_tokens)
        try:
            if context.engine.capabilities.scores:
                prompt = self._prompted(history)
                if isinstance(prompt, Trouble):
                    return prompt
                line_choice = LineChoice(query, self.entry.program, stack)
                move = holes.place(prompt, line_choice, options, at.last)
            else:
                said = self.next(history)
                if isinstance(said, Ended):
                    return Trouble(TroubleKind.UNKNOWN_LINE, "the model says that the trace ends")
                if isinstance(said, Trouble):
                    return said
                found = [each for each in options if (each.event, each.line) == (said.event, said.line)]
                if not found:
                    return Trouble(TroubleKind.UNKNOWN_LINE, f"the model says {said.source.strip()!r} is next")
                move = found[0]
        except ModelError as error:
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        return Frame(move.event, at.function, move.line, self.entry.program.line(move.line), depth=at.depth)

    def _prompted(self, history: Sequence[Frame]) -> Markup | Trouble:
        """Return the prompt after `history`; Trouble when it does not fit. Raises ModelError."""
        prompt = self.window.prompt(history)
        self.restarts, self.excerpt = prompt.restarts, prompt.excerpt
        if prompt.fits:
            return prompt.markup
        message = f"the state and the source exceed the model's {self.window.budget} tokens"
        return Trouble(TroubleKind.TOO_LONG, message)

    def _remember(self, frame: Frame, evidence: Evidence) -> None:
        """Keep the model's text of a frame."""
        self.window.remember(frame, evidence.text)
        self.written, self.confidence = evidence.text, evidence.probability
        self._evidence[id(frame)] = (frame, evidence)

    def renamed(self, frame: Frame, other: Frame) -> None:
        """Take `other` for `frame`, which the model wrote: they differ in how values are known."""
        evidence = self.evidence(frame)
        if evidence is not None:
            self._remember(other, evidence)

    def _context(self) -> Context:
        """Return the context of an attempt. Raises ModelError when the model cannot be loaded."""
        window = self.window  # it sets `frame_tokens`
        shared = self.usage, self.constrain, self.frame_tokens, self.abandoned
        return Context(self.engine, self.entry, window, self.histories, *shared)

    def _outcome(self, attempt: Attempt, predict: Callable[[Markup], Outcome]) -> Outcome:
        """Return what `predict` makes of the prompt of an attempt, and remember the model's text."""
        try:
            prompt = self._prompted(attempt.history)
            outcome = prompt if isinstance(prompt, Trouble) else predict(prompt)
        except ModelError as error:  # its server is gone
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        if isinstance(outcome, Frame):
            self.usage.frames += 1
            if attempt.written is not None:
                self._remember(outcome, Evidence(attempt.written, tuple(attempt.logprobs), tuple(attempt.widths)))
        return outcome

    def evidence(self, frame: Frame) -> Evidence | None:
        """Return the model's own text of `frame`, which `next` returned; None where control flow overruled it."""
        kept = self._evidence.get(id(frame))
        return kept[1] if kept is not None and kept[0] is frame else None

    def _stack(self, history: Sequence[Frame]) -> Stack:
        """Return `stack_of(history)`, continuing from the last one where `history` does."""
        (frames, stack), self._stacked = self._stacked, ([], ())  # forgotten if Ctrl-C comes in between
        if len(frames) > len(history) or any(a is not b for a, b in zip(frames, history, strict=False)):
            frames, stack = [], ()
        for frame in history[len(frames) :]:
            frames.append(frame)
            stack = advance(stack, frame)
        self._stacked = (frames, stack)
        return stack

    def _moves(self, stack: Stack, history: Sequence[Frame]) -> Transitions:
        program = self.entry.program
        if not history:
            return first_moves(program, self.entry.marked)
        return moves_after(program, stack, history[-1], floor=history[0].depth)
