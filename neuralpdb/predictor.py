"""One predicted frame: ask the engine, read its reply, find the line, keep to what control flow allows."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from neuralpdb import codec
from neuralpdb.codec import Finished, Malformed, Reply
from neuralpdb.draft import Draft
from neuralpdb.engines.base import GREEDY, Completion, Engine, Finish, Sampling
from neuralpdb.errors import Abandoned, ModelError
from neuralpdb.evaluate import EvaluationError, branch_taken, literal
from neuralpdb.flow import Code
from neuralpdb.frames import Ended, Event, Frame, Origin, Outcome, Trouble, TroubleKind
from neuralpdb.likely import guesses
from neuralpdb.lines import Lines
from neuralpdb.moves import Move, Moves, first_moves, leaving, moves_after
from neuralpdb.program import Entry
from neuralpdb.stack import Stack, advance
from neuralpdb.tokens import Markup, Token, spelled
from neuralpdb.window import Prompt, Window

FRAME_TOKENS = 1024
"""Most tokens one frame may take: a model can run on inside one value for ever."""

DRAW_TEMPERATURE = 0.8
"""Sampling temperature of draws other than 0."""

START_TOKENS = 120
"""Most tokens of a start, or of a parameter, that the model invents."""

LONGEST_INVENTION = 80
"""Characters of an invented value; what is longer is a model that runs on."""

COMMON_LITERALS = (
    *("0", "1", "2", "3", "5", "10", "-1", "2.5", "True", "None", "''", "'a'", "'abc'", "'hello world'"),
    *("[]", "[1, 2, 3]", "[3, 1, 2]", "['a', 'b']", "{}", "{'a': 1, 'b': 2}", "(1, 2)"),
)
"""What a parameter may be when a model cannot invent it: the one that it finds likeliest."""

LITERAL_TEMPERATURE = 3.0
"""Temperature of draws among them: nearly even, for a model that cannot invent has little to say."""

MOST_CANDIDATES = 64
"""Most lines that are weighed against each other in one choice."""

STOP = frozenset({Token.FRAME, Token.END})
"""What ends a frame."""

_EVENT_TOKENS = frozenset(codec.EVENT_TOKENS.values())
_EMPTY = ("[]", "{}", "set()")


@dataclass
class Usage:
    """What the predictions cost so far, in tokens and forward passes; and how often control flow overruled."""

    frames: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    passes: int = 0
    overruled: int = 0

    def add(self, done: Completion) -> None:
        """Count a completion."""
        self.prompt_tokens += done.prompt_tokens
        self.cached_tokens += done.cached_tokens
        self.written_tokens += len(done.logprobs)
        self.passes += done.passes


@dataclass(frozen=True)
class Evidence:
    """What the model wrote for a frame, token by token.

    text: its marked-up text. logprobs: natural-log probability of each token. widths: characters of the text that each
    token adds, a `Token` counting one; empty where the engine does not tell.
    """

    text: Markup
    logprobs: tuple[float, ...]
    widths: tuple[int, ...]

    @property
    def probability(self) -> float:
        """That of the whole text."""
        return math.exp(min(sum(self.logprobs), 0.0))


class Predictor:
    """A `FrameSource` that asks a model.

    constrain: the next line is always one that can follow; False takes the model at its word.
    speculate: likely frames are drafted for the engine to verify; False only costs more.
    frame_tokens: most tokens of one frame.
    abandoned: asked while a frame is made; True calls it off (see `Ahead`).
    written, confidence: of the last frame: the model's own text, and the probability it gave to it; None where control
    flow had the last word, and where no frame came.
    """

    def __init__(
        self,
        entry: Entry,
        engine: Engine,
        *,
        constrain: bool = True,
        frame_tokens: int = FRAME_TOKENS,
        speculate: bool = True,
    ) -> None:
        self.entry = entry
        self.engine = engine
        self.constrain = constrain
        self.speculate = speculate
        self.frame_tokens = frame_tokens
        self.usage = Usage()
        self.restarts = 0
        self.excerpt = False
        self.written: Markup | None = None
        self.confidence: float | None = None
        self.abandoned: Callable[[], bool] = lambda: False
        self._window: Window | None = None
        self.lines = Lines(entry.program)
        self._evidence: dict[int, tuple[Frame, Evidence]] = {}
        self._stacked: tuple[list[Frame], Stack] = ([], ())

    @property
    def window(self) -> Window:
        """The prompt builder; made late, because it has to know the engine's context length."""
        if self._window is None:
            context = self.engine.capabilities.context
            self.frame_tokens = min(self.frame_tokens, context // 4)
            self._window = Window(self.entry, self.engine.count, context - self.frame_tokens)
        return self._window

    def prompt(self, history: Sequence[Frame]) -> Prompt:
        """What the model is asked after `history`. Raises ModelError when it cannot be loaded."""
        return self.window.prompt(history)

    def next(self, history: Sequence[Frame], *, draw: int = 0, said: Completion | None = None) -> Outcome:
        """The frame after `history`. See `FrameSource`.

        said: what the engine answers to `prompt(history)`, where that is known already (stop tokens `STOP`).
        """
        self.written = self.confidence = None
        stack = self._stack(history)
        moves = self._moves(stack, history)
        if moves.over:
            return Ended(_how_it_ended(history))
        self._prepare()
        sampling = Sampling(DRAW_TEMPERATURE, draw) if draw else GREEDY
        drafted = self.speculate and not draw and not said
        attempt = _Attempt(self, moves, stack, history, sampling, said, drafted)
        return self._made(attempt, attempt.run if history else attempt.begin)

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """What the activation that goes on after `history` returns, in one guess: nothing on the way is asked for.

        The frame is GUESSED. Trouble where nothing is running that could return. Otherwise as `next`.
        """
        self.written = self.confidence = None
        stack = self._stack(history)
        moves = leaving(self.entry.program, stack)
        if not moves.options:
            return Trouble(TroubleKind.UNAVAILABLE, "nothing is running that could return")
        self._prepare()
        attempt = _Attempt(self, moves, stack, history, GREEDY)
        return self._made(attempt, attempt.leave)

    def _prepare(self) -> None:
        """Raises ModelError when the model cannot be loaded."""
        _ = self.window

    def _made(self, attempt: _Attempt, make: Callable[[Markup], Outcome]) -> Outcome:
        """What `make` makes of the prompt of an attempt, remembered."""
        try:
            prompt = self.window.prompt(attempt.history)
        except ModelError as error:  # its server is gone
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        self.restarts, self.excerpt = prompt.restarts, prompt.excerpt
        if not prompt.fits:
            return Trouble(
                TroubleKind.TOO_LONG, f"the state and the source exceed the model's {self.window.budget} tokens"
            )
        try:
            outcome = make(prompt.markup)
        except ModelError as error:
            return Trouble(TroubleKind.UNAVAILABLE, str(error))
        if isinstance(outcome, Frame):
            self.usage.frames += 1
            if attempt.written is not None:
                self.window.remember(outcome, attempt.written)
                evidence = Evidence(attempt.written, tuple(attempt.logprobs), tuple(attempt.widths))
                self.written, self.confidence = evidence.text, evidence.probability
                self._evidence[id(outcome)] = (outcome, evidence)
        return outcome

    def evidence(self, frame: Frame) -> Evidence | None:
        """What the model wrote for `frame`, an object that `next` returned; None where it had not the last word."""
        kept = self._evidence.get(id(frame))
        return kept[1] if kept is not None and kept[0] is frame else None

    def _stack(self, history: Sequence[Frame]) -> Stack:
        """`stack_of(history)`, going on from the last one where `history` does."""
        (frames, stack), self._stacked = self._stacked, ([], ())  # forgotten if Ctrl-C comes in between
        if len(frames) > len(history) or any(a is not b for a, b in zip(frames, history, strict=False)):
            frames, stack = [], ()
        for frame in history[len(frames) :]:
            frames.append(frame)
            stack = advance(stack, frame)
        self._stacked = (frames, stack)
        return stack

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
        self,
        predictor: Predictor,
        moves: Moves,
        stack: Stack,
        history: Sequence[Frame],
        sampling: Sampling,
        said: Completion | None = None,
        drafted: bool = False,
    ) -> None:
        self.predictor = predictor
        self.engine = predictor.engine
        self.program = predictor.entry.program
        self.usage = predictor.usage
        self.moves = moves
        self.stack = stack
        self.history = history
        self.sampling = sampling
        self.said = said
        self.drafted = drafted
        self.written: Markup | None = None
        self.logprobs: list[float] = []
        self.widths: list[int] = []
        self.limit = 0

    def run(self, prompt: Markup) -> Outcome:
        hidden: Markup = ()
        room = 8 * self.predictor.frame_tokens
        depth = self._comprehensions_open()
        while True:
            said, self.said = self.said or self.completion(prompt + hidden, drafted=self.drafted), None
            markup = said.text
            self.logprobs += said.logprobs
            self.widths += said.widths
            if said.finish is Finish.LENGTH:
                return self._cut_off(markup)
            reply = codec.parse(markup)
            if isinstance(reply, Malformed):
                return Trouble(TroubleKind.MALFORMED, f"the model wrote no frame: {reply.reason}", reply.text)
            change = self._hides(reply, depth, prompt + hidden + markup)
            if change is None:
                return self._settle(prompt + hidden, hidden, markup, reply)
            depth += change
            hidden += markup
            room -= self.engine.count(markup)
            if room < 0:
                return Trouble(TroubleKind.TRUNCATED, "a comprehension did not come to its end")

    def begin(self, prompt: Markup) -> Outcome:
        """The very first frame: what the model writes if it holds all parameters, else each of them asked for."""
        self.limit = START_TOKENS
        outcome = self.run(prompt)
        move = self.moves.options[0] if self.moves.options else None
        if move is None or move.event is not Event.CALL or move.code is None or not self.predictor.constrain:
            return outcome
        given, wanted = self.predictor.entry.given, move.code.parameters
        if isinstance(outcome, Frame) and not given and set(outcome.locals) == set(wanted):
            return outcome
        state: dict[str, str] = {}
        for name in wanted:
            value = given.get(name) or self._invented(prompt, state, name)
            if value is None:
                return Trouble(TroubleKind.MALFORMED, f"the model invents no value for {name!r}")
            state[name] = value
        self.written = None
        return self._frame(move, Reply(Event.CALL, state, self.program.line(move.line), None))

    def leave(self, prompt: Markup) -> Outcome:
        """The return of the activation that goes on: the model writes its line and its value, and nothing before."""
        start: Markup = (Token.RETURN, Token.ACTION)
        said = self.completion(prompt + start)
        reply = codec.parse(start + said.text)
        if said.finish is Finish.LENGTH:
            return self._cut_off(start + said.text)
        if not isinstance(reply, Reply):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no return", _excerpted(start + said.text))
        fitting = [move for move in self.moves.options if self.program.line(move.line) == reply.source]
        if fitting:
            self.written = start + said.text
            self.logprobs = [0.0, 0.0, *said.logprobs]
            self.widths = [1, 1, *said.widths] if said.widths else []
            outcome = self._frame(fitting[0], reply)
        elif self.engine.capabilities.scores:
            source = self._likeliest_source(prompt + start, self.moves.options)
            options = [move for move in self.moves.options if self.program.line(move.line) == source]
            outcome = self._forced_value(prompt, options)
        else:
            return Trouble(TroubleKind.UNKNOWN_LINE, f"the model says that {reply.source.strip()!r} returns")
        return outcome.replace(origin=Origin.GUESSED) if isinstance(outcome, Frame) else outcome

    def _invented(self, prompt: Markup, state: dict[str, str], name: str) -> str | None:
        """A literal for the parameter `name` behind those of `state`: what the model writes, or the likeliest."""
        known = "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in state.items())
        start = (Token.CALL, "{" + known + json.dumps(name)[:-1])  # the quote belongs to what the model writes
        written, _ = self.ask(prompt + start, frozenset({Token.ACTION, *STOP}))
        text = next((piece for piece in written if isinstance(piece, str)), "")
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(text.removeprefix('": '))
            literal(value)
            if len(value) <= LONGEST_INVENTION:
                return str(value)
        except (ValueError, EvaluationError, TypeError):
            pass
        return self._likeliest_literal(prompt + start) if self.engine.capabilities.scores else None

    def _likeliest_literal(self, prompt: Markup) -> str:
        """One of the common literals, by the mean log-probability of its tokens; drawn when this is not draw 0."""
        scores = self.engine.score(prompt, [(f'": {json.dumps(value)}',) for value in COMMON_LITERALS])
        self.usage.passes += 1
        means = [score.total / max(len(score.logprobs), 1) for score in scores]
        if not self.sampling.temperature:
            return COMMON_LITERALS[means.index(max(means))]
        weights = [math.exp((mean - max(means)) / LITERAL_TEMPERATURE) for mean in means]
        self.sampling = Sampling(self.sampling.temperature, self.sampling.seed + 1_000_003)  # the next one differs
        return random.Random(self.sampling.seed).choices(COMMON_LITERALS, weights)[0]

    def _cut_off(self, markup: Markup) -> Trouble:
        limit = self.limit or self.predictor.frame_tokens
        return Trouble(TroubleKind.TRUNCATED, f"the frame was cut off at {limit} tokens", _excerpted(markup))

    def ask(self, prompt: Markup, stop: frozenset[Token] = STOP) -> tuple[Markup, Finish]:
        done = self.completion(prompt, stop)
        return done.text, done.finish

    def completion(self, prompt: Markup, stop: frozenset[Token] = STOP, drafted: bool = False) -> Completion:
        limit = self.limit or self.predictor.frame_tokens
        draft = self._go_on if drafted else None
        done = self.engine.complete([prompt], stop=stop, max_tokens=limit, sampling=self.sampling, draft=draft)[0]
        self.usage.add(done)
        return done

    def _go_on(self, written: Markup) -> Markup:
        """How the frame may go on, for an engine that asks; not every engine does."""
        if self.predictor.abandoned():
            raise Abandoned
        return self._draft(written)

    @cached_property
    def _draft(self) -> Draft:
        return Draft(guesses(self.predictor.lines, self.stack, self.history, self.moves))

    # -- comprehensions: frames of their own for some models, in no canonical trace ---------------------------

    def _hides(self, reply: Reply | Finished, depth: int, so_far: Markup) -> int | None:
        """How many comprehensions more are open after `reply`, which is a frame of one; None when it is not.

        depth: how many are open before it.
        """
        if not self.engine.capabilities.comprehension_frames or not isinstance(reply, Reply):
            return None
        if reply.event is Event.CALL:
            return 1 if ".0" in reply.shown and self._begins_comprehension(reply, depth, so_far) else None
        if reply.event is Event.LINE:
            inside = ".0" in reply.shown and (depth > 0 or not self._in_generator())
            return int(depth == 0) if inside else None
        return -1 if depth > 0 else None

    def _in_generator(self) -> bool:
        going_on = [activation for activation in self.stack if activation.leaving is None]
        return bool(going_on) and going_on[-1].function == "<genexpr>"

    def _begins_comprehension(self, call: Reply, depth: int, so_far: Markup) -> bool:
        """Whether a call is that of a comprehension: a generator expression is called alike, but has frames."""
        scope = "comprehension" if depth > 0 else "generator" if self._in_generator() else "function"
        kinds = self.program.comprehension_kinds(call.source, scope)
        if len(kinds) < 2:
            return "comprehension" in kinds
        for _ in range(2):  # both are on this line: only the generator returns an item before it runs its line again
            markup, _ = self.ask(so_far)
            reply = codec.parse(markup)
            if not isinstance(reply, Reply) or ".0" not in reply.shown:
                return not isinstance(reply, Reply) or reply.event is not Event.RETURN or reply.value in _EMPTY
            so_far += markup
        return True

    def _comprehensions_open(self) -> int:
        """How many comprehensions are running, by what the model wrote in the frames since the last line."""
        if not self.history or not self.engine.capabilities.comprehension_frames:
            return 0
        last = self.history[-1]
        depth = last.depth - (last.event is Event.RETURN)
        found = 0
        for frame in reversed(self.history):
            if frame.depth == depth + (frame.event is Event.CALL):
                found += self._opened_before(frame)
            if frame.depth == depth and frame.event in (Event.LINE, Event.CALL):
                break
        return max(found, 0)

    def _opened_before(self, frame: Frame) -> int:
        """Comprehensions that were entered less those that were left on the way to `frame`."""
        written = self.predictor.window.texts.get(id(frame))
        events = [piece for piece in written[1] if piece in _EVENT_TOKENS][:-1] if written else []
        return sum(1 if event is Token.CALL else -1 for event in events if event is not Token.LINE)

    # -- the line ---------------------------------------------------------------------------------------------

    def _settle(self, prompt: Markup, hidden: Markup, markup: Markup, reply: Reply | Finished) -> Outcome:
        if isinstance(reply, Finished):
            if self.moves.ends or not self.predictor.constrain:
                return Ended(
                    _how_it_ended(self.history) if self.moves.ends and self.history else "the model ended the trace"
                )
            return self._overrule(prompt, None)
        fitting = self.moves.at(self.program, reply.event, reply.source)
        if fitting:
            self.written = hidden + markup
            return self._frame(self._pick(fitting, reply, prompt + markup), reply)
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
        if move.event is Event.CALL:  # a new activation: there is nothing that could be unchanged
            return codec.unabridged(reply.shown, {})
        known = next((a.last.locals for a in self.stack if a.depth == move.depth), {})
        return dict(known) if reply.value is not None else codec.unabridged(reply.shown, known)

    def _pick(self, fitting: Sequence[Move], reply: Reply, so_far: Markup) -> Move:
        """One of several places with the same text: by the state, by the branch condition, by what the model says next.

        so_far: the prompt and the frame in question.
        """
        if len(fitting) > 1 and reply.event is Event.CALL:
            best = max(self._likeness(move, reply) for move in fitting)
            fitting = [move for move in fitting if self._likeness(move, reply) == best]
        if len(fitting) > 1 and reply.event is Event.LINE:
            fitting = self._on_branch(fitting)
        if len(fitting) > 1 and reply.event in (Event.CALL, Event.LINE):
            fitting = self._leading_on(fitting, so_far)
        return fitting[0]

    def _on_branch(self, fitting: Sequence[Move]) -> Sequence[Move]:
        """Those on the side of an `if` or `while` that its condition says, where the state tells it."""
        running = next((a for a in self.stack if a.depth == fitting[0].depth), None)
        if running is None or running.line is None:
            return fitting
        branch = self.program.branches.get(running.line)
        taken = branch_taken(branch, running.last.locals) if branch is not None else None
        if taken is None:
            return fitting
        holds, first, last = taken
        return [move for move in fitting if (first <= move.line <= last) is holds] or fitting

    def _leading_on(self, fitting: Sequence[Move], so_far: Markup) -> Sequence[Move]:
        """Those that the line which the model says next can follow."""
        following = {id(move): self._sources_after(move) for move in fitting}
        if len(set(following.values())) == 1:
            return fitting
        markup, finish = self.ask(so_far)
        reply = codec.parse(markup)
        if finish is Finish.LENGTH or not isinstance(reply, Reply) or reply.event is not Event.LINE:
            return fitting
        return [move for move in fitting if reply.source in following[id(move)]] or fitting

    def _sources_after(self, move: Move) -> frozenset[str]:
        if move.code is None:
            return frozenset()
        lines = move.code.starts if move.event is Event.CALL else move.code.after(move.line).lines
        return frozenset(map(self.program.line, lines))

    def _likeness(self, move: Move, reply: Reply) -> tuple[int, int, int]:
        """How well a function fits a call: same parameters, class of its first argument, mentioned by the caller."""
        parameters = move.code.parameters if move.code else ()
        same = set(parameters) <= reply.shown.keys()
        owner = _owner(move.code)
        order = self._method_order(reply.shown.get(parameters[0], "") if parameters else "")
        rank = len(order) - order.index(owner) if owner in order else 0
        mentioned = self._mentioned()
        return int(same), rank, int(move.function in mentioned or owner in mentioned)

    def _method_order(self, text: str) -> list[str]:
        """Classes of the program that a method of the value with this repr is looked for in, first to last."""
        named = next((word for word in re.findall(r"\w+", text) if word in self.program.bases), None)
        order = [named] if named else []
        for each in order:
            order += [base for base in self.program.bases.get(each, ()) if base not in order]
        top = self.stack[-1] if self.stack else None
        if top is not None and "super" in self._mentioned():
            here = _owner(self.program.code_at(top.function, top.line, top.entered))
            order = order[order.index(here) + 1 :] if here in order else order
        return order

    def _mentioned(self) -> frozenset[str]:
        """Names on the line that is running."""
        line = self.stack[-1].line if self.stack else None
        return self.program.names.get(line, frozenset()) if line else frozenset()

    def _overrule(self, prompt: Markup, reply: Reply | None) -> Outcome:
        """The model's line cannot follow: take the likeliest of those that can."""
        self.usage.overruled += 1
        if not self.moves.options:
            return Ended("nothing can follow")
        if not self.engine.capabilities.scores:
            text = reply.source.strip() if reply is not None else "the end"
            return Trouble(TroubleKind.UNKNOWN_LINE, f"the model says that {text!r} is next, which cannot follow")
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
            written, finish = self.ask(prompt + start, frozenset({Token.ACTION, *STOP}))
            if finish is Finish.LENGTH:
                return self._cut_off(start + written)
            state = written[:-1]
        source = self._likeliest_source(prompt + start + state + (Token.ACTION,), options)
        whole = start + state + (Token.ACTION, source + "\n", Token.FRAME)
        forced = codec.parse(whole)
        if not isinstance(forced, Reply):
            return Trouble(TroubleKind.MALFORMED, "the model wrote no state", _excerpted(start + state))
        fitting = [move for move in options if self.program.line(move.line) == source]
        return self._frame(self._pick(fitting, forced, prompt + whole), forced)

    def _likeliest_event(self, prompt: Markup) -> Event | None:
        """The likeliest of the events that can follow; None for the end of the trace."""
        events: list[Event | None] = [*self.moves.events, *((None,) if self.moves.ends else ())]
        if len(events) == 1:
            return events[0]
        tokens = [codec.EVENT_TOKENS[event] if event else Token.END for event in events]
        scores = self.engine.score(prompt, [(token,) for token in tokens])
        self.usage.passes += 1
        return max(zip(events, scores, strict=True), key=lambda pair: pair[1].total)[0]

    def _likeliest_source(self, prompt: Markup, options: Sequence[Move]) -> str:
        """The likeliest of the lines of `options`; those that the running line mentions are weighed first."""
        mentioned = self._mentioned()
        ordered = sorted(options, key=lambda move: not {move.function, _owner(move.code)} & mentioned)
        sources = list(dict.fromkeys(self.program.line(move.line) for move in ordered))[:MOST_CANDIDATES]
        if len(sources) == 1:
            return sources[0]
        scores = self.engine.score(prompt, [(source + "\n", Token.FRAME) for source in sources])
        self.usage.passes += 1
        return max(zip(sources, scores, strict=True), key=lambda pair: pair[1].total)[0]

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
        line = lines[0] if len(lines) == 1 else None
        top = next((a for a in reversed(self.stack) if a.leaving is None), None)
        depth, function = (top.depth, top.function) if top else (0, "?")
        code = None
        if reply.event is Event.CALL:
            depth, function = depth + (top is not None), "?"
            code = self.program.defined_at(line) if line else None
        elif line:
            code = self.program.enclosing(line)
        move = Move(reply.event, depth, line or 0, code.name if code else function, code)
        outcome = self._frame(move, reply)
        return outcome.replace(line=line, source=reply.source) if isinstance(outcome, Frame) else outcome


def _owner(code: Code | None) -> str:
    """The class that a method is defined in, or the function around a nested one; empty for others."""
    parts = [part for part in code.qualname.split(".") if part != "<locals>"] if code else []
    return parts[-2] if len(parts) > 1 else ""


def _excerpted(markup: Markup, most: int = 400) -> str:
    text = spelled(markup)
    return text if len(text) <= most else text[:most] + "..."
