"""Drafts: they never raise, never change what is predicted, and save most forward passes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache, partial

import pytest
import tiny_cwm
from frame_sources import EXAMPLES, recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from neuralpdb.engines.base import Sampling
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.tokens import Markup, Token, joined
from neuralpdb.errors import TargetError, UsageError
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.history import Histories
from neuralpdb.predict import codec
from neuralpdb.predict.computed.telling import Alongside
from neuralpdb.predict.drafts import Draft
from neuralpdb.predict.guesses import Guess, guesses
from neuralpdb.predict.predictor import Predictor
from neuralpdb.predict.query import STOP
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import moves_after
from neuralpdb.trace.frames import Event, Frame, Trace
from neuralpdb.trace.stack import Stack, advance
from neuralpdb.train.programs.generate import generate, generate_script

HANDWRITTEN = sorted(path.stem for path in (ROOT / "tests" / "programs").glob("*.py"))


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(checkpoint.embedded() / "tokenizer.json")


def entries(count: int, seed: int, longest: int = 10_000) -> Iterator[Entry]:
    """Entries of synthetic programs of at most `longest` characters: calls and scripts."""
    rng = random.Random(seed)
    found = 0
    while found < count:
        made = generate_script(rng) if found % 4 == 0 else generate(rng)
        if len(made.source) > longest:
            continue
        try:
            yield enter(Program.parse(made.source, "p.py"), call=made.calls[0] if made.calls else "")
            found += 1
        except (TargetError, UsageError):
            continue


def drafts(entry: Entry, frames: Sequence[Frame]) -> Iterator[tuple[int, list[Guess]]]:
    """The guesses before every frame of a trace but the first, with its index."""
    stack: Stack = ()
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        for i, frame in enumerate(frames):
            if i:
                moves = moves_after(entry.program, stack, frames[i - 1], floor=frames[0].depth)
                yield i, guesses(entry.program, stack, frames[:i], moves, alongside.next(frames[:i]))
            stack = advance(stack, frame)


def passes(true: Markup, draft: Draft) -> tuple[int, int]:
    """Forward passes with which a model writes `true` if it is helped by `draft`, and its tokens."""
    ids = vocabulary().encode(true).ids
    done = made = 0
    while done < len(ids):
        written = vocabulary().decode(ids[:done])
        guess = draft(written)
        drafted = vocabulary().encode(joined(written, guess)).ids if guess else []
        while done < min(len(ids), len(drafted)) and drafted[: done + 1] == ids[: done + 1]:
            done += 1
        done += 1  # what the pass itself says
        made += 1
    return made, len(ids)


def costs(entry: Entry, trace: Trace) -> tuple[int, int]:
    """Passes and tokens of a whole trace, if the model is always right."""
    total = tokens = 0
    base: Frame | None = None
    for i, found in drafts(entry, trace.frames):
        base = codec.next_base(base, trace.frames[i - 1])
        made, length = passes(codec.render(trace.frames[i], base), Draft(found))
        total, tokens = total + made, tokens + length
    return total, tokens


# -- what they save -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_model_that_is_right_writes_an_example_in_a_quarter_of_the_passes(name: str) -> None:
    entry = enter(Program.read(ROOT / "examples" / f"{name}.py"))
    made, tokens = costs(entry, recorded(entry))
    assert 4 * made <= tokens


def test_a_model_that_is_right_writes_synthetic_programs_in_a_fifth_of_the_passes() -> None:
    total = tokens = 0
    for entry in entries(150, seed=3):
        try:
            made, length = costs(entry, _first(recorded(entry)))
        except AssertionError:  # it cannot be run to a first frame
            continue
        total, tokens = total + made, tokens + length
    assert 5 * total <= tokens


def _first(trace: Trace, most: int = 40) -> Trace:
    return Trace(trace.frames[:most], trace.end)


# -- what they may never do -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_every_guess_can_follow_and_is_written_as_the_format_wants(name: str) -> None:
    entry = enter(Program.read(ROOT / "tests" / "programs" / f"{name}.py"))
    stack: Stack = ()
    frames = recorded(entry).frames[:300]
    checked = dict(drafts(entry, frames))
    for i, frame in enumerate(frames):
        if i:
            moves = moves_after(entry.program, stack, frames[i - 1], floor=frames[0].depth)
            places = {(move.event, entry.program.line(move.line)) for move in moves.options}
            for guess in checked[i]:
                assert (guess.event, guess.source) in places or (guess.event is None and moves.ends)
                _written(guess)
        stack = advance(stack, frame)


def _written(guess: Guess) -> None:
    """A guess without unknown values reads as a frame; any other is a beginning of one."""
    whole = Draft([guess])(())
    reply = codec.parse(whole)
    known = None not in guess.shown.values() and (guess.event in (Event.CALL, Event.LINE) or guess.value is not None)
    if guess.event is not None and known:
        assert isinstance(reply, codec.WrittenFrame)
        assert (reply.event, reply.source) == (guess.event, guess.source)
        assert dict(reply.shown) == (dict(guess.shown) if guess.event in (Event.CALL, Event.LINE) else {})


PIECES = st.one_of(st.sampled_from(list(Token)), st.text(max_size=12), st.sampled_from(['{"a": "1', '", "b": "', '"}']))
GUESS = Guess(Event.LINE, "b = a + 1", {"a": "..", "b": None, "c": "'x'"}, before={"a": "1", "b": "[1, 2]", "c": "'y'"})
RETURN = Guess(Event.RETURN, "    return [a]", value="[1, 2, 3]")


@given(st.lists(PIECES, max_size=6))
def test_whatever_a_model_writes_a_draft_goes_on_from_it_or_is_silent(pieces: list[str | Token]) -> None:
    written = tuple(pieces)
    for guess in (GUESS, RETURN, Guess(None)):
        found = Draft([guess])(written)
        assert all(isinstance(piece, Token) or piece for piece in found)


@pytest.mark.parametrize(
    ("written", "rest"),
    [
        ((), (Token.LINE, '{"a": "..", "b": "[1, 2')),
        ((Token.LINE, '{"a": "7'), ()),
        ((Token.LINE, '{"a": "7"'), (', "b": "[1, 2',)),
        ((Token.LINE, '{"a": "..", "b": "3"'), (', "c": "\'x\'"}', Token.ACTION, "b = a + 1\n", Token.FRAME)),
        ((Token.LINE, '{"a": "..", "b": "[1, 2, 3]", '), ('"c": "\'x\'"}', Token.ACTION, "b = a + 1\n", Token.FRAME)),
        ((Token.LINE, '{"a": "..", "z": "9"'), (', "b": "[1, 2',)),
        ((Token.LINE, "{}"), (Token.ACTION, "b = a + 1\n", Token.FRAME)),
        ((Token.LINE, "{}", Token.ACTION, "b = "), ("a + 1\n", Token.FRAME)),
        ((Token.CALL, "{"), ()),
    ],
)
def test_a_draft_goes_on_where_the_model_left_it(written: Markup, rest: Markup) -> None:
    assert Draft([GUESS])(written) == rest


def test_behind_a_value_that_was_not_expected_the_frame_is_closed() -> None:
    start = (Token.RETURN, Token.ACTION, "    return [a]\n", Token.ARG)
    assert Draft([RETURN])(start) == ('"[1, 2, 3]"', Token.FRAME)
    assert Draft([RETURN])((*start, '"[1, 5]"')) == (Token.FRAME,)
    assert Draft([RETURN])((*start, '"[9, 2, ')) == ('3]"',)


# -- the same result ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    folder = tmp_path_factory.mktemp("tiny")
    checkpoint.quantise(tiny_cwm.write(folder / "hf"), folder / "packed", {"name": "tiny"})
    return LocalEngine.load(folder / "packed", threads=1)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 10**9), st.integers(1, 60), st.floats(0, 0.5))
def test_whatever_is_drafted_the_reply_is_that_of_plain_greedy_decoding(
    tiny: LocalEngine, seed: int, length: int, wrong: float
) -> None:
    rng = random.Random(seed)
    prompt: Markup = (Token.BEGIN, "".join(rng.choices("abc123 =+[]", k=length)), Token.FRAME)
    tiny.close()
    plain = tiny.complete([prompt], stop=STOP, max_tokens=50)[0]

    def draft(written: Markup) -> Markup:
        """The rest of the reply, wrong somewhere, or nothing, or something else."""
        said = [p if isinstance(p, Token) else c for p in written for c in (p if isinstance(p, str) else [p])]
        rest = [p if isinstance(p, Token) else c for p in plain.text for c in (p if isinstance(p, str) else [p])]
        rest = rest[len(said) :]
        return tuple("#" if rng.random() < wrong / 10 else piece for piece in rest) if rng.random() > wrong else ()

    tiny.close()
    helped = tiny.complete([prompt], stop=STOP, max_tokens=50, draft=draft)[0]
    assert (helped.text, helped.finish, helped.widths) == (plain.text, plain.finish, plain.widths)
    assert helped.logprobs == pytest.approx(plain.logprobs, abs=1e-3)
    assert helped.passes <= plain.passes
    again = tiny.complete([prompt + plain.text], stop=STOP, max_tokens=5)[0]
    tiny.close()
    tiny.complete([prompt], stop=STOP, max_tokens=50)
    assert again.text == tiny.complete([prompt + plain.text], stop=STOP, max_tokens=5)[0].text


def test_samples_are_drawn_without_drafts(tiny: LocalEngine) -> None:
    def never(written: Markup) -> Markup:
        raise AssertionError(written)

    prompt: Markup = (Token.BEGIN, "x = 1\n", Token.FRAME)
    plain = tiny.complete([prompt], stop=STOP, max_tokens=20, sampling=Sampling(1.0, 3))[0]
    helped = tiny.complete([prompt], stop=STOP, max_tokens=20, sampling=Sampling(1.0, 3), draft=never)[0]
    assert (helped.text, helped.logprobs) == (plain.text, plain.logprobs)


def stepped(predictor: Predictor, most: int) -> list[Frame]:
    """The frames that a predictor comes to by itself, the first one included."""
    assert predictor.entry.first is not None
    history = [predictor.entry.first]
    while len(history) < most and isinstance(frame := predictor.next(history), Frame):
        history.append(frame)
    return history


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_embedded_model_predicts_hundreds_of_programs_alike_with_drafts_in_a_quarter_of_the_passes() -> None:
    engine = LocalEngine.load()
    spent = {True: 0, False: 0}
    for entry in entries(200, seed=7, longest=400):
        predicted = {}
        for speculate in (False, True):
            with closing(Alongside(partial(ComputedHistories, entry))) as alongside:
                predictor = Predictor(entry, engine, speculate=speculate, histories=alongside)
                history = stepped(predictor, 3)
            predicted[speculate] = [frame.as_dict() for frame in history]
            spent[speculate] += predictor.usage.passes
        assert predicted[True] == predicted[False], entry.program.text
    assert 4 * spent[True] <= spent[False]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_embedded_model_predicts_an_example_in_a_quarter_of_the_passes(name: str) -> None:
    entry = enter(Program.read(ROOT / "examples" / f"{name}.py"))
    with closing(Alongside(partial(ComputedHistories, entry))) as alongside:
        predictor = Predictor(entry, LocalEngine.load(), histories=alongside)
        stepped(predictor, 40)
    assert 4 * predictor.usage.passes <= predictor.usage.written_tokens
