"""From programs to packed sequences: what documents hold, where loss is, and that the stream can be repeated."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import train_samples

from neuralpdb.engines.tokens import Token, spelled
from neuralpdb.errors import UsageError
from neuralpdb.predict import codec
from neuralpdb.predict.window import spine
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event
from neuralpdb.trace.stack import stack_of
from neuralpdb.train import documents as docs
from neuralpdb.train.data import LOSS, Packer, Position, Programs, Recipe, Stream, chunks, read_corpus
from neuralpdb.train.documents import Document, Run, Shares, called, documents, script, stepped_over
from neuralpdb.train.tokenizer import Encoder

NESTED = "def g(x):\n    y = x + 1\n    return y\n\ndef f(n):\n    a = g(n)\n    b = g(a)\n    return a + b\n"
WHOLE = Shares(wrapper=1, function=0, middle=0, stepped_over=0)


def packer(folder: Path, **changes: object) -> Packer:
    recipe = replace(train_samples.recipe(folder), **changes)  # type: ignore[arg-type]
    return Packer(recipe, Encoder.read(Path(recipe.tokenizer)), Programs(recipe))


def nested() -> Run:
    found = called(NESTED, "f(1)")
    assert found is not None and found.complete
    return found


def everything(document: Document) -> int:
    return len(document.to_predict)


# --- documents ----------------------------------------------------------------------------------------------------


def test_a_call_is_entered_as_the_debugger_enters_it() -> None:
    entry = enter(Program.parse(NESTED, "x.py"), call="f(1)")
    found = nested()
    assert (entry.program.lines, entry.marked) == (found.lines, found.marked)
    assert entry.first is not None and found.frames[0].source == entry.first.source
    assert (found.frames[0].event, found.frames[-1].value) == (Event.CALL, "5")


@pytest.mark.parametrize("tail", ["r = f(2)\nprint(r)\n", 'if __name__ == "__main__":\n    print(f(1))\n'])
def test_a_script_is_entered_as_the_debugger_enters_it(tail: str) -> None:
    text = '"""Doc."""\nimport math\n\n' + NESTED + "\n" + tail
    entry, found = enter(Program.parse(text, "x.py")), script(text)
    assert found is not None and (entry.program.lines, entry.marked) == (found.lines, found.marked)
    assert found.frames[0].event is Event.LINE and found.frames[0].line == entry.marked


def test_loss_is_on_every_frame_but_the_given_one_and_on_the_end() -> None:
    (document,) = documents(nested(), random.Random(1), WHOLE, everything)
    pieces = list(document.pieces())
    assert [loss for _, loss in pieces[:3]] == [False, False, True] and all(loss for _, loss in pieces[2:])
    assert pieces[0][0][:2] == (Token.BEGIN, Token.CONTEXT)
    assert pieces[-1] == ((Token.END,), True)
    assert len(pieces) == len(nested().frames) + 2


def test_a_document_that_does_not_fit_has_no_end_and_goes_on_from_a_full_state() -> None:
    shares = replace(WHOLE, goes_on=1, spine=1)
    found = list(documents(nested(), random.Random(2), shares, lambda document: min(4, len(document.to_predict))))
    assert len(found) > 1 and not found[0].complete and found[-1].complete
    assert found[1].given[-1] == found[0].to_predict[-1] or found[0].to_predict[-1] in found[1].given
    first = next(itertools.islice(found[1].pieces(), 1, 2))[0]
    assert codec.UNCHANGED not in spelled(first)


def test_a_start_with_its_callers_is_the_spine_of_the_debugger() -> None:
    found = nested()
    inside = next(i for i, f in enumerate(found.frames) if f.function == "g" and f.event is Event.LINE)
    document = docs._from(
        found, "", inside, stack_of(found.frames[: inside + 1]), random.Random(3), replace(WHOLE, spine=1)
    )
    assert document is not None and document.given == spine(stack_of(found.frames[: inside + 1]))
    assert [f.event for f in document.given] == ["call", "line", "call", "line", "call", "line"][-len(document.given) :]
    assert document.to_predict == found.frames[inside + 1 :] and document.complete


def test_a_start_in_one_function_ends_when_that_function_is_left() -> None:
    found = nested()
    inside = next(i for i, f in enumerate(found.frames) if f.function == "g" and f.event is Event.LINE)
    document = docs._from(
        found, "", inside, stack_of(found.frames[: inside + 1]), random.Random(3), replace(WHOLE, spine=0)
    )
    assert document is not None and len(document.given) == 1
    assert (
        document.to_predict[-1].event is Event.RETURN and document.to_predict[-1].function == "g" and document.complete
    )


@pytest.mark.parametrize("seed", range(12))
def test_stepping_over_hides_the_inside_of_calls_only(seed: int) -> None:
    found = nested()
    seen = stepped_over(found, random.Random(seed))
    assert [f for f in seen.frames if f.function in ("main", "f")] or len(seen.frames) < len(found.frames)
    assert not any(f.function == "g" and f.event is Event.LINE and len(seen.frames) < 9 for f in seen.frames)
    assert seen.frames[-1] == found.frames[-1]


def test_a_trace_is_cut_before_a_value_that_is_too_long() -> None:
    found = called("def f(n):\n    a = 1\n    s = 'x' * n\n    return a\n", "f(5000)")
    assert found is not None
    cut = docs._shortened(found)
    assert cut is not None and not cut.complete
    assert all(len(v) <= docs.LONGEST_VALUE for f in cut.frames for v in f.locals.values())


# --- sequences ----------------------------------------------------------------------------------------------------


def test_sequences_begin_with_a_document_and_tokens_are_those_of_the_codec(tmp_path: Path) -> None:
    made = packer(tmp_path)
    begin = made.encoder.special[Token.BEGIN]
    assert all(row[0] == begin for row in made.chunk(random.Random(1)))
    for document, tokens in itertools.islice(made.documents(random.Random(2)), 40):
        ids, loss = (tokens & ~LOSS).tolist(), (tokens >= LOSS).tolist()
        pieces = list(document.pieces())
        want = [i for markup, _ in pieces for i in made.encoder.encode(markup)]
        assert ids == want[: len(ids)]
        free = sum(len(made.encoder.encode(markup)) for markup, predicted in pieces if not predicted)
        assert loss == [i >= free for i in range(len(ids))]


def test_the_same_recipe_gives_the_same_chunks_and_another_seed_others(tmp_path: Path) -> None:
    recipe = train_samples.recipe(tmp_path)
    first, again = (list(itertools.islice(chunks(recipe, 0), 3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(next(chunks(recipe, 0, 2)), first[2])
    others = [next(chunks(recipe, 1)), next(chunks(replace(recipe, seed=2), 0))]
    assert not any(np.array_equal(first[0], other) for other in others)


def read(stream: Stream, count: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint16]]]:
    try:
        return [next(stream) for _ in range(count)]
    finally:
        stream.close()


def test_a_stream_is_the_same_every_time_and_goes_on_where_it_was_left(tmp_path: Path) -> None:
    recipe = train_samples.recipe(tmp_path)
    whole = Stream(recipe, Position.start(2))
    found = read(whole, 5)
    assert whole.position == Position(1, (3, 2))
    rest = read(Stream(recipe, Position(1, (2, 1))), 2)
    assert np.array_equal(rest[0], found[3]) and np.array_equal(rest[1], found[4])


def test_a_worker_that_dies_is_replaced_and_its_chunk_is_skipped(tmp_path: Path) -> None:
    stream = Stream(train_samples.recipe(tmp_path), Position.start(1), depth=1)
    try:
        next(stream)
        stream._lanes[0].kill()
        indexes = [(next(stream), stream.position.following[0])[1] for _ in range(6)]
    finally:
        stream.close()
    assert stream.deaths == 1 and indexes[-1] == 8


def test_a_recipe_survives_the_command_line(tmp_path: Path) -> None:
    recipe = replace(train_samples.recipe(tmp_path), shares=Shares(middle=0.5))
    assert Recipe.from_json(recipe.as_json()) == recipe


def test_a_file_that_is_no_corpus_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl.gz"
    bad.write_text("no")
    with pytest.raises(UsageError, match=r"bad\.jsonl\.gz"):
        read_corpus(bad)
