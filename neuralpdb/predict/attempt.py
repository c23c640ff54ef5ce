"""One frame in the making: ask, read the reply, find the line, keep to the possible transitions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from neuralpdb.engines.base import Completion, Engine, Finish, Sampling
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import Abandoned
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict import codec, first_frame
from neuralpdb.predict.codec import Finished, Malformed, WrittenFrame
from neuralpdb.predict.comprehensions import Comprehensions
from neuralpdb.predict.computed.telling import Telling
from neuralpdb.predict.drafts import Draft
from neuralpdb.predict.guesses import guesses
from neuralpdb.predict.line_choice import LineChoice
from neuralpdb.predict.query import STOP, PredictionCost, Query, excerpted
from neuralpdb.predict.window import Window
from neuralpdb.program.entry import Entry
from neuralpdb.program.transitions import Transition, Transitions
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Outcome, Trouble, TroubleKind
from neuralpdb.trace.stack import Stack


@dataclass(frozen=True)
class Context:
    """The things that all attempts of one predictor share.

    histories:    tells the next frame by Python's own rules, see `Predictor`.
    usage:        counts the cost.
    constrain:    the line is always one that can follow.
    frame_tokens: most tokens of one frame.
    abandoned:    asked while a frame is predicted; True cancels it.
    """

    engine: Engine
    entry: Entry
    window: Window
    histories: Telling | None
    usage: PredictionCost
    constrain: bool
    frame_tokens: int
    abandoned: Callable[[], bool]


class Attempt:
    """One try to predict a frame.

    written:  the model's own text for it; None when control flow overruled it.
    logprobs: natural-log probability of each token that was written.
    widths:   characters that each token adds.
    """

    def __init__(
        self,
        context: Context,
        moves: Transitions,
        stack: Stack,
        history: Sequence[Frame],
        sampling: Sampling,
        reply: Completion | None = None,
        drafted: bool = False,
    ) -> None:
        self.context = context
        self.program = context.entry.program
        self.moves = moves
        self.stack = stack
        self.history = history
        self.query = Query(context.engine, context.usage, sampling, context.frame_tokens)
        self.written: Markup | None = None
        self.logprobs: list[float] = []
        self.widths: list[int] = []
        self._reply = reply
        self._drafted = drafted

    def run(self, prompt: Markup) -> Outcome:
        """Return the frame that the model writes behind `prompt`. Raises ModelError."""
        hidden: Markup = ()
        room = 8 * self.context.frame_tokens
        comprehensions = Comprehensions(self.query, self.program, self.stack, self.history, self.context.window.texts)
        depth = comprehensions.open()
        draft = self._go_on if self._drafted else None
        while True:
            done, self._reply = self._reply or self.query.complete(prompt + hidden, draft=draft), None
            markup = done.text
            self.logprobs += done.logprobs
            self.widths += done.widths
            if done.finish is Finish.LENGTH:
                return self._cut_off(markup)
            reply = codec.parse(markup)
            if isinstance(reply, Malformed):
                return Trouble(TroubleKind.MALFORMED, f"the model wrote no frame: {reply.reason}", reply.text)
            change = comprehensions.change(reply, depth, prompt + hidden + markup)
            if change is None:
                return self._settle(prompt + hidden, hidden, markup, reply)
            depth += change
            hidden += markup
            room -= self.context.engine.count(markup)
            if room < 0:
                return Trouble(TroubleKind.TRUNCATED, "a comprehension did not come to its end")

    def begin(self, prompt: Markup) -> Outcome:
        """Return the very first frame: as the model writes it if it holds all parameters, else with each asked for.

        Raises ModelError.
        """
        self.query = self.query.at_most(first_frame.START_TOKENS)
        outcome = self.run(prompt)
        move = self.moves.options[0] if self.moves.options else None
        if move is None or move.event is not Event.CALL or move.code is None or not self.context.constrain:
            return outcome
        given, parameters = self.context.entry.given, move.code.parameters
        if isinstance(outcome, Frame) and not given and set(outcome.locals) == set(parameters):
            return outcome
        try:
            state = first_frame.invent(self.query, prompt, parameters, given)
        except first_frame.MissingValue as error:
            return Trouble(TroubleKind.MALFORMED, f"the model invents no value for {str(error)!r}")
        self.written = None
        return self._frame(move, WrittenFrame(Event.CALL, state, self.program.line(move.line), None))

    def leave(self, prompt: Markup) -> Outcome:
        """Return the return of the running activation: the model writes its line and its value, and nothing before.

        Raises ModelError.
        """
        start: Markup = (Token.RETURN, Token.ACTION)
        done = self.query.complete(prompt + start)
        reply = codec.parse(start + done.text)
        if done.finish is Finish.LENGTH:
            return self._cut_off(start + done.text)
        if not isinstance(reply, WrittenFrame):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no return", excerpted(start + done.text))
        fitting = [move for move in self.moves.options if self.program.line(move.line) == reply.source]
        if fitting:
            self.written = start + done.text
            self.logprobs = [0.0, 0.0, *done.logprobs]
            self.widths = [1, 1, *done.widths] if done.widths else []
            outcome = self._frame(fitting[0], reply)
        elif self.context.engine.capabilities.scores:
            source = self._choice.likeliest_source(prompt + start, self.moves.options)
            options = [move for move in self.moves.options if self.program.line(move.line) == source]
            outcome = self._forced_value(prompt, options)
        else:
            return Trouble(TroubleKind.UNKNOWN_LINE, f"the model says that {reply.source.strip()!r} returns")
        return outcome.replace(origin=Origin.GUESSED) if isinstance(outcome, Frame) else outcome

    @property
    def _choice(self) -> LineChoice:
        return LineChoice(self.query, self.program, self.stack, self._told_frame)

    def _cut_off(self, markup: Markup) -> Trouble:
        limit = self.query.limit
        return Trouble(TroubleKind.TRUNCATED, f"the frame was cut off at {limit} tokens", excerpted(markup))

    def _go_on(self, written: Markup) -> Markup:
        """Return how the frame may go on, for an engine that asks; not every engine does."""
        if self.context.abandoned():
            raise Abandoned
        return self._draft(written)

    @cached_property
    def _draft(self) -> Draft:
        return Draft(guesses(self.program, self.stack, self.history, self.moves, self._told))

    @cached_property
    def _told(self) -> Computed | NotTold | None:
        """Return what Python's own rules tell of the next frame; None where nobody can be asked."""
        return self.context.histories.next(self.history) if self.context.histories is not None else None

    def _told_frame(self) -> Frame | None:
        return self._told.frame if isinstance(self._told, Computed) else None

    # -- the reply becomes a frame ------------------------------------------------------------------------------------

    def _settle(self, prompt: Markup, hidden: Markup, markup: Markup, reply: WrittenFrame | Finished) -> Outcome:
        if isinstance(reply, Finished):
            if self.moves.ends or not self.context.constrain:
                return Ended(
                    how_it_ended(self.history) if self.moves.ends and self.history else "the model ended the trace"
                )
            return self._overrule(prompt, None)
        fitting = self.moves.at(self.program, reply.event, reply.source)
        if fitting:
            self.written = hidden + markup
            return self._frame(self._choice.pick(fitting, reply, prompt + markup), reply)
        if self.context.constrain:
            return self._overrule(prompt, reply)
        self.written = hidden + markup
        return self._unbound(reply)

    def _frame(self, move: Transition, reply: WrittenFrame) -> Outcome:
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

    def _locals(self, move: Transition, reply: WrittenFrame) -> dict[str, str] | str:
        """Return the locals of a reply; or the name of one that is called unchanged and was not there."""
        if move.event is Event.CALL:  # a new activation: there is nothing that could be unchanged
            return codec.unabridged(reply.shown, {})
        earlier = next((a.last.locals for a in self.stack if a.depth == move.depth), {})
        return dict(earlier) if reply.value is not None else codec.unabridged(reply.shown, earlier)

    def _overrule(self, prompt: Markup, reply: WrittenFrame | None) -> Outcome:
        """Take the likeliest of the lines that can follow, where the model's cannot."""
        self.context.usage.overruled += 1
        if not self.moves.options:
            return Ended("nothing can follow")
        if not self.context.engine.capabilities.scores:
            text = reply.source.strip() if reply is not None else "the end"
            return Trouble(TroubleKind.UNKNOWN_LINE, f"the model says that {text!r} is next, which cannot follow")
        possible = reply is not None and bool(self.moves.of(reply.event))
        event = reply.event if reply and possible else self._choice.likeliest_event(prompt, self.moves)
        if event is None:
            return Ended(how_it_ended(self.history))
        options = self.moves.of(event)
        if event in (Event.RETURN, Event.EXCEPTION):
            return self._forced_value(prompt, options)
        start: Markup = (codec.EVENT_TOKENS[event],)
        if reply is not None and reply.event is event:
            state: Markup = (json.dumps(dict(reply.shown)),)
        else:
            written, finish = self.query.ask(prompt + start, frozenset({Token.ACTION, *STOP}))
            if finish is Finish.LENGTH:
                return self._cut_off(start + written)
            state = written[:-1]
        source = self._choice.likeliest_source(prompt + start + state + (Token.ACTION,), options)
        whole = start + state + (Token.ACTION, source + "\n", Token.FRAME)
        forced = codec.parse(whole)
        if not isinstance(forced, WrittenFrame):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no state", excerpted(start + state))
        fitting = [move for move in options if self.program.line(move.line) == source]
        return self._frame(self._choice.pick(fitting, forced, prompt + whole), forced)

    def _forced_value(self, prompt: Markup, options: Sequence[Transition]) -> Outcome:
        """Return a return or an exception on the line that is running: only its value is open."""
        move = options[0] if len(options) == 1 else max(options, key=lambda m: m.depth)
        start = (codec.EVENT_TOKENS[move.event], Token.ACTION, self.program.line(move.line) + "\n", Token.ARG)
        written, finish = self.query.ask(prompt + start)
        forced = codec.parse(start + written)
        if finish is Finish.LENGTH or not isinstance(forced, WrittenFrame):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no value", excerpted(written))
        return self._frame(move, forced)

    def _unbound(self, reply: WrittenFrame) -> Outcome:
        """Return, without the constraint, the one line with that text, or a frame whose line is unknown."""
        lines = [number for number, text in enumerate(self.program.lines, 1) if text == reply.source]
        line = lines[0] if len(lines) == 1 else None
        top = next((a for a in reversed(self.stack) if a.leaving is None), None)
        depth, function = (top.depth, top.function) if top else (0, "?")
        code = None
        if reply.event is Event.CALL:
            depth, function = depth + (top is not None), "?"
            code = self.program.defined_at(line) if line else None
        elif line:
            code = self.program.enclosing(line)
        move = Transition(reply.event, depth, line or 0, code.name if code else function, code)
        outcome = self._frame(move, reply)
        return outcome.replace(line=line, source=reply.source) if isinstance(outcome, Frame) else outcome


def how_it_ended(history: Sequence[Frame]) -> str:
    """Return the end of a trace in words, by its last frame."""
    last = history[-1]
    if last.event is Event.EXCEPTION:
        return f"the program ended with {last.value}"
    if last.event is Event.RETURN:
        return f"{last.function}() returned {last.value}"
    return "the program ended"
