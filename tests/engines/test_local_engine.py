"""The embedded engine: its arithmetic, its cache, its tokens, and that it says what it said before."""

from __future__ import annotations

import dataclasses
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from pathlib import Path
from typing import Any

import pytest
import tiny_cwm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_texts import PROMPT, TRACE
from torch.nn import functional as F  # noqa: N812

from neuralpdb.engines.base import Finish, Sampling
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local import decoder as decoder_module
from neuralpdb.engines.local import engine as local
from neuralpdb.engines.local.checkpoint import Checkpoint, Rows
from neuralpdb.engines.local.decoder import FEW, Decoder, int8_works
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.local.threads import Crew, default_threads
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.local.trial import cancelling
from neuralpdb.engines.tokens import Markup, Token, parsed, spelled
from neuralpdb.errors import ModelError

STOP = (Token.FRAME, Token.END)


@pytest.fixture(scope="session")
def mini() -> LocalEngine:
    """The embedded model. Tests may leave anything in its cache."""
    return LocalEngine.load(threads=1)


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    checkpoint.quantise(tiny_cwm.write(folder / "hf"), folder / "packed", {"name": "tiny"})
    return folder / "packed"


@pytest.fixture
def tiny(tiny_path: Path) -> LocalEngine:
    """A random model with a context of 256, new for every test."""
    return LocalEngine.load(tiny_path, threads=1)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """A random model that computes in fp32 whatever the number of tokens."""
    return LocalEngine.load(tiny_cwm.write(tmp_path_factory.mktemp("exact")), threads=1)


@pytest.fixture(autouse=True)
def one_thread_without_gradients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # a test machine is busy
    with torch.inference_mode():
        yield


# Arithmetic


def plain_logits(ck: Checkpoint, ids: list[int]) -> torch.Tensor:
    """[n, vocabulary] of the model written the obvious way: no cache, nothing fused, rotary halves kept apart."""
    g = ck.geometry
    n, d = len(ids), g.head_dim

    def weight(name: str) -> torch.Tensor:
        tensor = ck.tensors[name + ".weight"]
        return tensor.dense() if isinstance(tensor, Rows) else tensor.float()

    def rms(x: torch.Tensor, name: str) -> torch.Tensor:
        return x * (x.pow(2).mean(-1, keepdim=True) + g.eps).rsqrt() * weight(name)

    angle = torch.arange(n).float()[:, None] * frequencies(g)[None]
    cos, sin = (torch.cat((f(angle), f(angle)), -1)[:, None] for f in (torch.cos, torch.sin))

    def turned(x: torch.Tensor) -> torch.Tensor:
        half = torch.cat((-x[..., d // 2 :], x[..., : d // 2]), -1)
        return x * cos + half * sin

    x = weight("model.embed_tokens")[torch.tensor(ids)]
    for i in range(g.layers):
        layer = f"model.layers.{i}."
        h = rms(x, layer + "input_layernorm")
        q, k, v = ((h @ weight(f"{layer}self_attn.{p}_proj").T).view(n, -1, d) for p in "qkv")
        k, v = (t.repeat_interleave(g.heads // g.kv_heads, 1) for t in (turned(k), v))
        scores = torch.einsum("ihd,jhd->hij", turned(q), k) / d**0.5
        far = torch.arange(n)[:, None] - torch.arange(n)[None]
        scores[:, (far < 0) | (far >= (g.windows[i] or n))] = -math.inf
        mixed = torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).reshape(n, -1)
        x = x + mixed @ weight(layer + "self_attn.o_proj").T
        h = rms(x, layer + "post_attention_layernorm")
        gate, up = (h @ weight(f"{layer}mlp.{p}_proj").T for p in ("gate", "up"))
        x = x + (F.silu(gate) * up) @ weight(layer + "mlp.down_proj").T
    return rms(x, "model.norm") @ weight("model.embed_tokens" if g.tied else "lm_head").T


def frequencies(g: checkpoint.Geometry) -> torch.Tensor:
    plain = torch.tensor([g.theta ** (-2 * i / g.head_dim) for i in range(g.head_dim // 2)])
    if g.scaling is None:
        return plain
    s, out = g.scaling, []
    for frequency in plain.tolist():  # the three cases of the llama3 report
        length = 2 * math.pi / frequency
        if length < s.original / s.high:
            out.append(frequency)
        elif length > s.original / s.low:
            out.append(frequency / s.factor)
        else:
            smooth = (s.original / length - s.low) / (s.high - s.low)
            out.append((1 - smooth) * frequency / s.factor + smooth * frequency)
    return torch.tensor(out)


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "windows": {"layer_types": ["full_attention", "sliding_attention", "sliding_attention"]},
    "llama3": {"rope_parameters": tiny_cwm.LLAMA3},
    "tied": {"tie_word_embeddings": True},
    "one head for all": {"num_key_value_heads": 1},
    "a head each": {"num_key_value_heads": 4},
}
IDS = torch.randint(11, 1000, (60,), generator=torch.Generator().manual_seed(5)).tolist()


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_the_model_written_plainly(variant: str, tmp_path: Path) -> None:
    ck = checkpoint.load(tiny_cwm.write(tmp_path, **VARIANTS[variant]))
    expected = plain_logits(ck, IDS)
    decoder = Decoder(ck)
    torch.testing.assert_close(decoder.forward(IDS, 0), expected, rtol=1e-3, atol=1e-3)
    for at in range(30, 60):  # one by one over the same cache
        torch.testing.assert_close(decoder.forward(IDS[at : at + 1], at)[0], expected[at], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(decoder.forward(IDS[37:], 37, 5), expected[42:], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("variant", ["plain", "windows"])
def test_branches_do_not_see_each_other_and_one_can_be_kept(variant: str, tmp_path: Path) -> None:
    ck = checkpoint.load(tiny_cwm.write(tmp_path, **VARIANTS[variant]))
    tails = [IDS[31:40], [], IDS[45:52], IDS[50:51]]
    decoder = Decoder(ck)
    decoder.forward(IDS[:30], 0)
    logits = decoder.branches(IDS[30], tails, 30)
    at = 1
    for tail in tails:
        expected = plain_logits(ck, IDS[:31] + tail)[30:]
        torch.testing.assert_close(torch.cat((logits[:1], logits[at : at + len(tail)])), expected, rtol=1e-3, atol=1e-3)
        at += len(tail)
    decoder.keep(30 + 1 + 9, 31, 7)  # the third tail becomes the sequence
    expected = plain_logits(ck, [*IDS[:31], *tails[2], 77])[-1]
    torch.testing.assert_close(decoder.forward([77], 38)[0], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(not int8_works(), reason="this processor or torch has no fast int8 operator")
def test_int8_arithmetic_stays_close_to_fp32_on_the_real_weights() -> None:
    ck = checkpoint.load()
    ids = Vocabulary(ck.tokenizer).encode(PROMPT).ids
    exact, fast = Decoder(ck, int8=False), Decoder(ck, int8=True)
    exact.forward(ids, 0)
    fast.forward(ids, 0)  # more than FEW tokens: the same fp32 weights
    for n in (1, FEW):
        wanted, got = (d.forward(ids[-n:], len(ids) - n) for d in (exact, fast))
        assert float((wanted - got).abs().max()) < 0.02 * float(wanted.abs().max())
        assert bool((wanted.argmax(-1) == got.argmax(-1)).all())


def test_without_the_int8_operator_the_engine_runs_on_fp32(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    engine = LocalEngine.load(tiny_path)
    assert not engine.decoder.int8
    assert len(engine.complete([PROMPT], stop=(), max_tokens=3)[0].logprobs) == 3


# Tokens


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(checkpoint.embedded() / "tokenizer.json")


def test_trace_tokens_are_single_ids_and_text_that_spells_them_is_text(vocabulary: Vocabulary) -> None:
    tokens = tuple(Token)
    ids = vocabulary.encode(tokens).ids
    assert len(set(ids)) == len(tokens)
    assert vocabulary.decode(ids) == tokens
    text = spelled(tokens) + "<|pad|><|unused_1020|>"
    spelling = vocabulary.encode((text,)).ids
    assert not set(spelling) & set(ids)
    assert vocabulary.decode(spelling) == (text,)


@given(st.lists(st.one_of(st.sampled_from(Token), st.text(min_size=1)), max_size=6))
@settings(deadline=None)
def test_any_text_comes_back_as_it_was(vocabulary: Vocabulary, pieces: list[str | Token]) -> None:
    ids = vocabulary.encode(tuple(pieces)).ids
    assert spelled(vocabulary.decode(ids)) == spelled(pieces)
    assert all(0 <= i < 1024 for i in ids)


def test_a_lone_surrogate_is_sent_as_an_escape(vocabulary: Vocabulary) -> None:
    assert vocabulary.decode(vocabulary.encode(("a\ud800b",)).ids) == ("a\\ud800b",)


def test_ids_that_are_no_utf_8_are_shown_as_replacement_characters(vocabulary: Vocabulary) -> None:
    euro = vocabulary.encode(("€",)).ids
    assert vocabulary.decode(euro[:2]) == ("\ufffd",)
    assert vocabulary.decode([2]) == ("<|pad|>",)  # a special token that no trace holds
    assert vocabulary.decode([99_999]) == ("\ufffd",)


def test_the_models_own_spelling_of_a_piece_is_sent_back_at_that_place_only(vocabulary: Vocabulary) -> None:
    def ids(*markup: str | Token) -> list[int]:
        return vocabulary.encode(markup).ids

    before: Markup = (Token.LINE, "x", Token.ACTION)
    odd = [i for letter in "return" for i in ids(letter)]
    assert len(ids("return")) == 1
    written = vocabulary.decode([*odd, vocabulary.special[Token.FRAME]], vocabulary.encode(before))
    assert written == ("return", Token.FRAME)
    start = len(ids(*before))
    assert ids(*before, *written)[start:-1] == odd
    assert vocabulary.encode(written, vocabulary.encode(before)).ids[:-1] == odd
    assert ids(*before, *written, Token.LINE, "return")[-1:] == ids("return")
    assert len(ids(Token.CALL, "x", Token.ACTION, "return")) == start + 1


def test_a_tokenizer_without_trace_tokens_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text((checkpoint.embedded() / "tokenizer.json").read_text().replace("<|arg_sep|>", "<|gra_sep|>"))
    with pytest.raises(ModelError, match="arg_sep"):
        Vocabulary(file)
    file.write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Vocabulary(file)


def test_counting_is_counting_ids(mini: LocalEngine) -> None:
    assert mini.count(()) == 0
    assert mini.count((Token.LINE, "{}", Token.ACTION)) == 3


# What it says


def test_the_embedded_model_predicts_a_small_program_to_its_end(mini: LocalEngine) -> None:
    done = mini.complete([PROMPT], stop=(Token.END,), max_tokens=400)[0]
    assert spelled(done.text) == TRACE
    assert done.finish is Finish.STOP
    assert done.text[-1] is Token.END
    assert len(done.logprobs) == mini.count(done.text)
    assert sum(done.logprobs) > -1.0  # and is sure of it
    assert mini.capabilities.name.startswith("mini-")
    assert mini.capabilities.context == 4096


def test_stepping_frame_by_frame_never_computes_history_again(mini: LocalEngine) -> None:
    mini.close()
    prompt, steps, computed = PROMPT, [], mini.decoder.computed
    while Token.END not in prompt:
        steps.append(mini.complete([prompt], stop=STOP, max_tokens=60)[0])
        prompt += steps[-1].text
    assert spelled(prompt[len(PROMPT) :]) == TRACE
    assert steps[0].cached_tokens == 0
    for step in steps[1:]:
        assert step.cached_tokens == step.prompt_tokens - 1  # only the frame separator itself is new
        assert step.passes == len(step.logprobs)
    assert mini.decoder.computed - computed == mini.count(prompt) - 1


def test_the_true_trace_scores_as_greedy_frame_by_frame(mini: LocalEngine) -> None:
    trace = parsed(TRACE)
    score = mini.score(PROMPT, [trace])[0]
    assert all(score.greedy)
    assert len(score.ends) == len(trace)
    assert score.ends[-1] == len(score.logprobs) == len(score.greedy) == mini.count(trace)
    wrong = mini.score(PROMPT, [parsed(TRACE.replace('"n": "1"', '"n": "7"'))])[0]
    first = wrong.greedy.index(False)
    assert score.logprobs[:first] == pytest.approx(wrong.logprobs[:first], abs=1e-3)
    assert wrong.logprobs[first] < -3


# The cache (on the random model: what it says has no meaning, but it is always the same)


def words(*numbers: int) -> Markup:
    """A prompt of some twenty tokens for each number."""
    return (Token.BEGIN, *(p for n in numbers for p in (Token.LINE, f'{{"v{n}": "abc{n}"}}', Token.ACTION, "x\n")))


def fresh(path: Path, prompt: Markup, n: int) -> Markup:
    return LocalEngine.load(path, threads=1).complete([prompt], stop=(), max_tokens=n)[0].text


def test_going_back_and_forth_reuses_exactly_what_is_shared(tiny: LocalEngine, tiny_path: Path) -> None:
    first = tiny.complete([words(1, 2)], stop=(), max_tokens=4)[0]
    assert first.cached_tokens == 0
    assert first.prompt_tokens == tiny.count(words(1, 2))
    assert first.passes == 1 + 4  # the prompt but for its last token, then a pass for each token
    again = tiny.complete([words(1, 2)], stop=(), max_tokens=4)[0]
    assert again.cached_tokens == again.prompt_tokens - 1
    assert again.passes == 4
    assert again.text == first.text
    other = tiny.complete([words(1, 3)], stop=(), max_tokens=4)[0]
    shared = next(
        i for i, (a, b) in enumerate(zip(ids(tiny, words(1, 2)), ids(tiny, words(1, 3)), strict=True)) if a != b
    )
    assert other.cached_tokens == shared
    assert other.text == fresh(tiny_path, words(1, 3), 4)
    back = tiny.complete([words(1)], stop=(), max_tokens=4)[0]
    assert back.cached_tokens == back.prompt_tokens - 1
    assert back.text == fresh(tiny_path, words(1), 4)


def ids(engine: LocalEngine, prompt: Markup) -> list[int]:
    return engine._vocabulary.encode(prompt).ids


def test_prompts_of_one_call_share_their_prefixes_in_any_order(tiny: LocalEngine, tiny_path: Path) -> None:
    prompts = [words(1), words(4), words(1, 2, 3), words(1, 2), words(1, 5)]
    done = tiny.complete(prompts, stop=(), max_tokens=5)
    assert [d.prompt_tokens for d in done] == [tiny.count(p) for p in prompts]
    assert [d.text for d in done] == [fresh(tiny_path, p, 5) for p in prompts]
    assert [done[i].cached_tokens for i in (0, 3)] == [done[i].prompt_tokens - 1 for i in (0, 3)]


@pytest.mark.parametrize("variant", ["plain", "windows"])
def test_replies_behind_one_trunk_are_written_in_the_same_passes(variant: str, tmp_path: Path) -> None:
    path = tiny_cwm.write(tmp_path, **VARIANTS[variant])
    engine = LocalEngine.load(path, threads=1)
    prompts = [words(*range(n)) for n in (2, 1, 3, 2)]
    engine.score(prompts[2], [()])
    passes, computed = engine.decoder.passes, engine.decoder.computed
    done = engine.complete(prompts, stop=(), max_tokens=9)
    assert engine.decoder.passes - passes == 9
    assert engine.decoder.computed - computed == 9 * 4
    for prompt, said in zip(prompts, done, strict=True):
        alone = LocalEngine.load(path, threads=1).complete([prompt], stop=(), max_tokens=9)[0]
        assert said.text == alone.text
        assert said.logprobs == pytest.approx(alone.logprobs, abs=1e-4)
        assert (said.passes, said.cached_tokens) == (9, said.prompt_tokens - 1)
    again = engine.complete([prompts[2]], stop=(), max_tokens=1)[0]
    assert again.cached_tokens == again.prompt_tokens - 1


def test_replies_written_together_end_each_at_its_own_stop(tiny: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = tiny._vocabulary.special[Token.FRAME]
    left = iter([300, frame, 301, frame, 302, 303])
    monkeypatch.setattr(local._Chooser, "__call__", lambda self, logits: (next(left), -0.5))
    done = tiny.complete([words(1, 2, 3), words(1), words(1, 2)], stop=STOP, max_tokens=3)
    # In a pass the longest prompt comes first: 300 to it, a stop to the middle one, 301 to the shortest, and so on.
    assert [len(d.logprobs) for d in done] == [2, 3, 1]
    assert [d.finish for d in done] == [Finish.STOP, Finish.LENGTH, Finish.STOP]


def test_more_replies_than_the_cache_holds_are_written_in_turns(exact: LocalEngine) -> None:
    exact.close()
    passes = exact.decoder.passes
    prompts = [words(*range(n)) for n in range(1, 7)]
    done = exact.complete(prompts, stop=(), max_tokens=120)
    # 512 slots: 86 tokens of the longest prompt and three replies of 120, then the three shorter prompts.
    assert exact.decoder.passes - passes == 1 + 2 * 120
    for prompt, said in zip(prompts, done, strict=True):
        alone = exact.complete([prompt], stop=(), max_tokens=120)[0]
        assert said.text == alone.text


def test_a_draft_that_was_scored_is_already_computed(tiny: LocalEngine) -> None:
    draft: Markup = ('{"a": ".."}', Token.ACTION, "y = 1\n", Token.FRAME)
    tiny.score(words(1), [draft])
    done = tiny.complete([words(1) + draft], stop=(), max_tokens=1)[0]
    assert done.cached_tokens == done.prompt_tokens - 1


def test_of_several_continuations_the_likeliest_stays_cached(tiny: LocalEngine) -> None:
    options: list[Markup] = [(text, Token.FRAME) for text in ("if n:\n", "return\n", "for i in x:\n")]
    scores = tiny.score(words(1), options)
    best = max(range(3), key=lambda i: scores[i].total)
    done = tiny.complete([words(1) + options[best]], stop=(), max_tokens=1)[0]
    assert done.cached_tokens == done.prompt_tokens - 1


@pytest.mark.parametrize("packed", [0, 9, 256])
def test_scores_do_not_depend_on_how_continuations_are_packed(
    tiny: LocalEngine, packed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[Markup] = [("n += 1\n", Token.FRAME), (Token.CALL,), ("return n\n", Token.FRAME), (), ("n",)]
    expected = [tiny.score(words(1, 2), [option])[0] for option in options]
    passes = tiny.decoder.passes
    monkeypatch.setattr(local, "PACKED", packed)
    got = tiny.score(words(1, 2), options)
    assert tiny.decoder.passes - passes == {0: 5, 9: 2, 256: 1}[packed]  # one crosses into the next block of slots
    for one, other in zip(got, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=0.02)
        assert one.greedy == other.greedy
        assert one.ends == other.ends


def test_a_long_continuation_is_judged_in_chunks(tiny: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny.score(words(1), [words(2, 3, 4)])[0]
    monkeypatch.setattr(local, "CHUNK", 7)
    tiny.close()
    chunked = tiny.score(words(1), [words(2, 3, 4)])[0]
    assert chunked.logprobs == pytest.approx(whole.logprobs, abs=0.05)
    assert len(chunked.logprobs) == tiny.count(words(2, 3, 4))


def test_greedy_tokens_are_those_that_score_as_greedy(tiny: LocalEngine) -> None:
    done = tiny.complete([words(1)], stop=(), max_tokens=12)[0]
    score = tiny.score(words(1), [done.text])[0]
    assert all(score.greedy)
    assert score.logprobs == pytest.approx(done.logprobs, abs=0.05)


@given(
    st.lists(
        st.tuples(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=3), st.booleans()),
        min_size=2,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=20)
def test_whatever_was_asked_before_the_answer_is_the_same(
    exact: LocalEngine, questions: list[tuple[list[list[int]], bool]]
) -> None:
    def answers(prompts: list[Markup], scored: bool) -> list[float]:
        if scored:
            return [p for s in exact.score(prompts[0], [words(1), *prompts[1:]]) for p in s.logprobs]
        return [p for c in exact.complete(prompts, stop=(), max_tokens=4) for p in c.logprobs]

    asked = [([words(*numbers) for numbers in group], scored) for group, scored in questions]
    exact.close()
    used = [answers(prompts, scored) for prompts, scored in asked]
    for (prompts, scored), found in zip(asked, used, strict=True):
        exact.close()
        assert found == pytest.approx(answers(prompts, scored), abs=1e-3)


# Limits


def test_a_completion_ends_at_its_stop_its_limit_or_the_context(tiny: LocalEngine) -> None:
    free = tiny.complete([words(1)], stop=(), max_tokens=6)[0]
    assert free.finish is Finish.LENGTH
    assert len(free.logprobs) == 6
    full = tiny.complete([digits(250)], stop=(), max_tokens=500)[0]
    assert (full.finish, len(full.logprobs)) == (Finish.LENGTH, 6)
    none = tiny.complete([words(1)], stop=(), max_tokens=0)[0]
    assert (none.text, none.finish, none.passes) == ((), Finish.LENGTH, 0)


def test_a_stop_token_is_the_last_piece(tiny: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = tiny._vocabulary.special[Token.FRAME]
    script = iter([300, 301, frame, 302])
    monkeypatch.setattr(local._Chooser, "__call__", lambda self, logits: (next(script), -0.5))
    done = tiny.complete([words(1)], stop=STOP, max_tokens=50)[0]
    assert done.finish is Finish.STOP
    assert done.text[-1] is Token.FRAME
    assert done.logprobs == (-0.5,) * 3
    assert done.passes == 1 + 3


def digits(n: int) -> Markup:
    """A prompt of exactly `n` tokens."""
    return (Token.BEGIN, "7" * (n - 1))


def test_what_does_not_fit_is_a_clear_error(tiny: LocalEngine) -> None:
    assert tiny.count(digits(256)) == 256
    with pytest.raises(ModelError, match=r"has 256 tokens, 1 more are needed, and the model's context is 256"):
        tiny.complete([digits(256)], stop=STOP, max_tokens=5)
    with pytest.raises(ModelError, match=r"has 200 tokens, 57 more"):
        tiny.score(digits(200), [digits(3), digits(57)])
    with pytest.raises(ModelError, match="empty prompt"):
        tiny.complete([()], stop=STOP, max_tokens=5)


def test_no_questions_no_answers(tiny: LocalEngine) -> None:
    assert tiny.complete([], stop=STOP, max_tokens=5) == []
    assert tiny.score(words(1), []) == []


def test_the_whole_context_can_be_scored_and_filled(tiny: LocalEngine) -> None:
    assert len(tiny.score(digits(200), [digits(56)])[0].logprobs) == 56
    assert len(tiny.score(digits(200), [digits(40), digits(56)])[1].logprobs) == 56
    assert len(tiny.complete([digits(255)], stop=(), max_tokens=5)[0].logprobs) == 1


# Sampling


def test_samples_follow_their_seed_and_temperature(tiny: LocalEngine) -> None:
    def draw(seed: int, temperature: float = 2.0) -> Markup:
        sampling = Sampling(temperature, seed)
        return tiny.complete([words(1)], stop=(), max_tokens=12, sampling=sampling)[0].text

    assert draw(1) == draw(1) != draw(2)
    greedy = tiny.complete([words(1)], stop=(), max_tokens=12)[0]
    assert draw(3, 1e-6) == greedy.text
    both = tiny.complete([words(1), words(2)], stop=(), max_tokens=12, sampling=Sampling(2.0, 1))
    assert both[0].text == draw(1)


def test_log_probabilities_are_the_models_whatever_the_temperature(tiny: LocalEngine) -> None:
    done = tiny.complete([words(1)], stop=(), max_tokens=8, sampling=Sampling(5.0, 4))[0]
    assert tiny.score(words(1), [done.text])[0].logprobs == pytest.approx(done.logprobs, abs=0.05)


# Ctrl-C


@pytest.mark.parametrize("when", range(1, 14))
def test_an_interrupt_at_any_pass_leaves_the_engine_as_good_as_new(
    tiny: LocalEngine, tiny_path: Path, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "CHUNK", 16)
    tiny.complete([words(1, 2)], stop=(), max_tokens=3)
    with monkeypatch.context() as patch:
        patch.setattr(type(tiny.decoder._layers[0]), "finish", interrupting(tiny.decoder, 3 * when - 1))
        with pytest.raises(KeyboardInterrupt):
            tiny.complete([words(1, 3, 4, 5)], stop=(), max_tokens=20)
    assert tiny.complete([words(1, 3, 4)], stop=(), max_tokens=6)[0].text == fresh(tiny_path, words(1, 3, 4), 6)
    assert tiny.complete([words(1, 2)], stop=(), max_tokens=6)[0].text == fresh(tiny_path, words(1, 2), 6)


def interrupting(decoder: Decoder, calls: int) -> Callable[..., torch.Tensor]:
    """A layer that is interrupted in its `calls`-th call, after it has written to the cache."""
    finish, left = type(decoder._layers[0]).finish, iter(range(calls))

    def interrupted(self: Any, x: torch.Tensor, mixed: torch.Tensor) -> torch.Tensor:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return finish(self, x, mixed)

    return interrupted


def test_an_interrupted_score_leaves_the_engine_as_good_as_new(
    tiny: LocalEngine, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[Markup] = [("n += 1\n", Token.FRAME), ("return n\n", Token.FRAME)]
    for calls in (1, 4, 6):
        with monkeypatch.context() as patch:
            patch.setattr(type(tiny.decoder._layers[0]), "finish", interrupting(tiny.decoder, calls - 1))
            with pytest.raises(KeyboardInterrupt):
                tiny.score(words(1, calls), options)
    assert tiny.complete([words(1)], stop=(), max_tokens=6)[0].text == fresh(tiny_path, words(1), 6)


# Loading


def test_nothing_heavy_is_imported_before_the_engine_is_wanted() -> None:
    code = (
        "import sys, neuralpdb.engines.base, neuralpdb.engines.deferred, neuralpdb.engines.replay; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loading_and_decoding_print_nothing(tiny_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom neuralpdb.engines.local.engine import LocalEngine\n"
        "from neuralpdb.engines.tokens import Token\n"
        "e = LocalEngine.load(pathlib.Path(sys.argv[1]))\n"
        "e.complete([(Token.BEGIN, 'a')], stop=(), max_tokens=2); e.score((Token.BEGIN,), [('a',), ('b',)])"
    )
    run = subprocess.run([sys.executable, "-W", "default", "-c", code, tiny_path], capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_threads_come_from_the_caller_the_environment_or_the_machine(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LocalEngine.load(tiny_path, threads=2).decoder.crew.most == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert LocalEngine.load(tiny_path).decoder.crew.most == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= default_threads() <= 4


class Machine:
    """A clock for a crew, and how long a unit of work takes now with one thread and with several."""

    def __init__(self, most: int) -> None:
        self.now = 0.0
        self.seconds = {1: 8.0, most: 5.0}
        self.crew = Crew(most, clock=lambda: self.now)

    def work(self, passes: int) -> list[int]:
        """Threads of each of so many passes."""
        used = []
        for _ in range(passes):
            with self.crew.at_work(2.0):
                used.append(torch.get_num_threads())
                self.now += 2 * self.seconds[used[-1]]
        return used


def test_an_idle_machine_gets_all_threads() -> None:
    used = Machine(2).work(400)
    assert used[:3] == [2, 2, 1]
    assert used.count(1) < 400 / 16 + 1


def test_a_busy_machine_gets_one_thread_until_it_is_idle_again() -> None:
    machine = Machine(2)
    machine.work(100)
    machine.seconds = {1: 13.0, 2: 400.0}
    used = machine.work(2000)
    assert used[0] == 2
    assert used.count(2) <= 8  # at once one thread; trials after 32, 64, ... 1024 passes
    machine.seconds = {1: 8.0, 2: 5.0}
    assert machine.work(1200)[-100:].count(2) > 90


def test_one_thread_is_never_varied() -> None:
    machine = Machine(1)
    assert set(machine.work(100)) == {1}


def test_an_interrupted_pass_is_not_timed() -> None:
    machine = Machine(2)
    machine.work(50)
    with pytest.raises(KeyboardInterrupt), machine.crew.at_work(2.0):
        machine.now += 1e9
        raise KeyboardInterrupt
    assert machine.work(1) == [2]


# The same bits, whatever the passes


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 1000, 3900])
def test_passes_of_few_tokens_leave_the_same_bits_however_the_text_is_divided(start: int) -> None:
    decoder = LocalEngine.load().decoder
    generator = torch.Generator().manual_seed(3)
    decoder._cache[:, :start] = torch.randn(decoder._cache[:, :start].shape, generator=generator)
    end = start + 150
    text = torch.randint(20, 1000, (150,), generator=generator).tolist()

    def kept(sizes: Iterator[int]) -> tuple[torch.Tensor, torch.Tensor]:
        logits, at = [], start
        while at < end:
            size = min(next(sizes), decoder.room(at), end - at)
            logits.append(decoder.few(text[at - start : at - start + size], at))
            at += size
        return decoder._cache[:, start:end].clone(), torch.cat(logits)

    cache, logits = kept(repeat(1))
    for sizes in ([32], [7, 1, 19], [2], range(1, FEW), range(FEW, 9, -1)):
        other, judged = kept(cycle(sizes))
        assert torch.equal(other, cache)
        assert torch.equal(judged.argmax(-1), logits.argmax(-1))
        torch.testing.assert_close(judged, logits, rtol=0, atol=1e-4)


def test_an_exact_engine_writes_the_same_alone_and_in_company() -> None:
    engine = LocalEngine.load(exact=True)
    start = (Token.BEGIN, Token.CONTEXT, "\nx = 3\ny = x + 4\nprint(y)\n", Token.FRAME)
    prompts = [start, (*start, Token.LINE, "{}", Token.ACTION, "x = 3\n", Token.FRAME), (*start, Token.LINE)]
    alone = []
    for prompt in prompts:
        engine.close()
        alone += engine.complete([prompt], stop={Token.FRAME}, max_tokens=40)
    together = engine.complete(prompts, stop={Token.FRAME}, max_tokens=40)
    assert [done.text for done in together] == [done.text for done in alone]
    assert [done.logprobs for done in together] == [done.logprobs for done in alone]


@pytest.fixture(scope="module", params=["int8 rows", "fp32", "both"])
def judging(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """An exact engine on a random model, whose matrices are kept in either way or, by layer, in both."""
    folder = tmp_path_factory.mktemp("judging")
    plain = tiny_cwm.write(folder / "hf", max_position_embeddings=1024)
    if request.param == "fp32":
        return LocalEngine.load(plain, exact=True)
    checkpoint.quantise(plain, folder / "packed", {"name": "tiny"})
    if request.param == "int8 rows":
        return LocalEngine.load(folder / "packed", exact=True)
    ck = checkpoint.load(folder / "packed")
    mixed = {n: t.dense() if ".1." in n and isinstance(t, Rows) else t for n, t in ck.tensors.items()}
    decoder = Decoder(dataclasses.replace(ck, tensors=mixed))
    return LocalEngine(decoder, Vocabulary(ck.tokenizer), "tiny", "0", exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_an_exact_engine_caches_what_one_token_after_another_leaves_whatever_it_is_asked(
    judging: LocalEngine, seed: int
) -> None:
    draw = random.Random(seed)
    decoder = judging.decoder
    judging.close()
    for _ in range(8):
        prompt = words(*range(draw.choice((1, 3, 12, 25)), draw.choice((27, 29))), draw.randrange(5))
        continuations = [words(*range(n), draw.randrange(5)) for n in draw.choices(range(4), k=draw.choice((1, 2, 5)))]
        if draw.random() < 0.5:
            judging.score(prompt, continuations)
        else:
            drafted = draw.choice((None, lambda written: ("7",) if len(written) < 2 else ()))
            judging.complete([prompt, *continuations][: draw.choice((1, 3))], stop=(), max_tokens=5, draft=drafted)
        assert_computed_one_by_one(decoder, judging._cached)


def assert_computed_one_by_one(decoder: Decoder, ids: list[int]) -> None:
    found = decoder._cache[:, : len(ids)].clone()
    for slot, token in enumerate(ids):
        decoder.few([token], slot)
    assert torch.equal(decoder._cache[:, : len(ids)], found)


def test_a_score_of_an_exact_engine_is_that_of_decoding_whatever_it_is_scored_with(judging: LocalEngine) -> None:
    judging.close()
    done = judging.complete([words(1)], stop=(), max_tokens=40)[0]
    options: list[Markup] = [("n += 1\n", Token.FRAME), done.text, (), (Token.CALL,), done.text]
    for asked in ([done.text], options):
        scores = judging.score(words(1), asked)
        assert scores == [judging.score(words(1), [option])[0] for option in asked]
        assert all(scores[-1].greedy)
        assert scores[-1].logprobs == pytest.approx(done.logprobs, abs=1e-4)
    assert scores[2].logprobs == ()


def loaded_with(patch: pytest.MonkeyPatch, path: Path, target: object, name: str, work: Callable[..., Any]) -> Decoder:
    """A decoder on a machine where the operation `name` is `work`."""
    patch.setattr(target, name, work)
    return LocalEngine.load(path, threads=2).decoder


def test_attention_that_depends_on_the_other_queries_is_done_by_row(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shaky(q: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return steady(q, *others) * (1 + 1e-6 * (len(q) > 16))

    steady = decoder_module.attention
    decoder = loaded_with(monkeypatch, tiny_path, decoder_module, "attention", shaky)
    assert decoder._attend_few is decoder_module.attention_by_row


@pytest.mark.parametrize("rows", [2, 4, 8, 16])
def test_matrices_whose_rows_depend_on_their_number_allow_one_token_in_a_pass_and_no_drafts(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    def shaky(self: Any, x: torch.Tensor) -> torch.Tensor:
        """A kernel that takes so many rows at a time, and those that are left otherwise."""
        out, whole = steady(self, x), len(x) // rows * rows
        out[:whole] *= 1 + 2**-6
        return out

    steady = decoder_module._Matrix.__call__
    assert loaded_with(monkeypatch, tiny_path, decoder_module._Matrix, "__call__", shaky).width == 1
    engine = LocalEngine.load(tiny_path)

    def never(written: Markup) -> Markup:
        raise AssertionError(written)

    assert engine.complete([words(1)], stop=(), max_tokens=5, draft=never)[0].passes == 1 + 5


def test_where_the_number_of_threads_changes_bits_there_is_one(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shaky(self: Any, x: torch.Tensor) -> torch.Tensor:
        return steady(self, x) * (1 + 2**-6 * (torch.get_num_threads() - 1))

    steady = decoder_module._Matrix.__call__
    decoder = loaded_with(monkeypatch, tiny_path, decoder_module._Matrix, "__call__", shaky)
    assert decoder.crew.most == 1
    assert decoder.many.most == 2
    assert decoder.width == LocalEngine.load(tiny_path, threads=1).decoder.width


def test_a_sum_in_another_order_shows_in_products_that_cancel() -> None:
    matrix, rows = cancelling(torch.Size((96, 512)), 8, torch.Generator().manual_seed(1))
    assert {math.fsum(products) for products in (matrix[:8, None] * rows).flatten(0, 1).tolist()} == {0.0}
    order = torch.randperm(512)
    one, other = (F.linear(rows[:, o].bfloat16().float(), matrix[:, o]) for o in (torch.arange(512), order))
    assert (one.bfloat16() != other.bfloat16()).float().mean() > 0.9  # even in bf16, which hides a last bit


def test_the_trial_at_load_leaves_no_trace(tiny: LocalEngine) -> None:
    assert not tiny.decoder._cache.any()
    assert (tiny.decoder.passes, tiny.decoder.computed) == (0, 0)
