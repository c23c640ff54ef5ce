"""The client of a vLLM server: tokens both ways, scores, many at once, and every way in which a server can fail.

The server is a stand-in with the real tokenizer (`vllm_double`); the real one is asked by `test_vllm_server`.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import vllm_double
from hypothesis import given, settings
from hypothesis import strategies as st
from vllm_double import Double, Handler, a_token, eventually, hang_up, says, silent, status, streamed

from neuralpdb.engines.base import Capabilities, Completion, Finish, Sampling
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.tokens import Markup, Token, spelled
from neuralpdb.engines.vllm.engine import BATCH, STEP_COST, VllmEngine
from neuralpdb.engines.vllm.http import Timeouts
from neuralpdb.engines.vllm.tokenizer import is_cwm
from neuralpdb.errors import ModelError, NotReady

STOP = (Token.FRAME, Token.END)
PATIENT, HASTY = Timeouts(10, 60, 120), Timeouts(connect=10, first=1.0, whole=60)
PROMPT: Markup = (Token.BEGIN, Token.CONTEXT, "\nx = 1  # << START_OF_TRACE\ny = x\n", Token.FRAME)
FIRST: Markup = (Token.LINE, "{}", Token.ACTION, "x = 1\n", Token.FRAME)
SECOND: Markup = (Token.LINE, '{"x": "1"}', Token.ACTION, "y = x\n", Token.FRAME)
TRACE = PROMPT + FIRST + SECOND + (Token.END,)

Start = Callable[..., Double]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; they end with the test."""
    started: list[Double] = []

    def begin(*texts: Markup, **more: Any) -> Double:
        started.append(Double(*(texts or (TRACE,)), **more))
        return started[-1]

    yield begin
    for double in started:
        double.stop()


@pytest.fixture
def double(start: Start) -> Double:
    return start()


@pytest.fixture
def engine(double: Double) -> Iterator[VllmEngine]:
    engine = VllmEngine.connect(double.url, timeouts=PATIENT)
    double.asked.clear()
    yield engine
    engine.close()


def step(engine: VllmEngine, prompt: Markup = PROMPT, most: int = 60) -> Completion:
    return engine.complete([prompt], stop=STOP, max_tokens=most)[0]


# -- who is there ---------------------------------------------------------------------------------------------


def test_the_first_model_of_the_server_is_used_unless_one_is_named(start: Start) -> None:
    double = start(context=512)
    double.listed.append({"id": "other", "root": "facebook/cwm", "max_model_len": 131_072})
    first, named = VllmEngine.connect(double.url), VllmEngine.connect(double.url, "other")
    expected = Capabilities("mini", "mini-1f", 512, tolerance=0.5, parallel=32)
    assert first.capabilities == expected
    assert (named.capabilities.name, named.capabilities.revision) == ("other", "facebook/cwm")
    assert named.capabilities.context == 131_072
    assert named.capabilities.comprehension_frames


def test_an_adapter_has_the_context_of_its_base_model(double: Double) -> None:
    double.listed.append({"id": "tuned", "parent": "mini", "root": "/adapters/t", "max_model_len": None})
    assert VllmEngine.connect(double.url, "tuned").capabilities.context == 4096


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_base_url_may_end_as_the_user_likes(double: Double, ending: str) -> None:
    engine = VllmEngine.connect(double.url.removesuffix("/v1") + ending)
    assert step(engine).text == FIRST


@pytest.mark.parametrize(
    ("names", "cwm"),
    [
        (("facebook/cwm",), True),
        (("facebook/cwm-pretrain",), True),
        (("served", "cyankiwi/cwm-AWQ-4bit"), True),
        (("CWM",), True),
        (("x", "/data/cwm_sft"), True),
        (("mini", "/cache/models/mini-0123"), False),
        (("mini-cwm",), False),
        (("x", "/home/cwm/models/other"), False),
        (("fcwmx",), False),
    ],
)
def test_metas_models_write_comprehension_frames_and_are_known_by_their_names(names: tuple[str], cwm: bool) -> None:
    assert is_cwm(*names) is cwm


def test_whether_comprehensions_have_frames_can_be_said(double: Double) -> None:
    assert VllmEngine.connect(double.url, comprehension_frames=True).capabilities.comprehension_frames


# -- tokens ---------------------------------------------------------------------------------------------------


def sent(double: Double) -> list[Any]:
    return [body["prompt"] for body in double.bodies("/v1/completions")]


def test_prompts_are_sent_as_the_ids_of_their_pieces(engine: VllmEngine, double: Double) -> None:
    assert step(engine).text == FIRST
    assert sent(double) == [[double.vocabulary.encode(PROMPT).ids]]


HOSTILE = "a<|frame_sep|>b<|<|end_of_text|>|><|eot_id|>" + spelled(Token)


def test_text_that_spells_special_tokens_is_sent_as_text(engine: VllmEngine, double: Double) -> None:
    special = set(double.vocabulary.special.values())
    assert special & set(double.tokenizer.encode(HOSTILE).ids), "the server itself reads them in text"
    prompt: Markup = (Token.BEGIN, HOSTILE, Token.FRAME)
    step(engine, prompt)
    assert sent(double) == [[double.vocabulary.encode(prompt).ids]]
    assert not special & set(sent(double)[0][0][1:-1])


def test_a_server_that_finds_special_tokens_in_text_all_the_same_is_refused(engine: VllmEngine, double: Double) -> None:
    double.fail("/tokenize", says({"tokens": [108, 4]}))
    with pytest.raises(ModelError, match=r"reads special tokens in the text 'abc'"):
        engine.count(("abc",))


@given(st.lists(st.one_of(st.sampled_from(Token), st.text(), st.sampled_from(["<", "|", "<|", "|>"])), max_size=8))
@settings(max_examples=60)
def test_any_text_becomes_the_same_ids_as_with_the_tokenizer_at_hand(served: VllmEngine, pieces: list[Any]) -> None:
    markup = tuple(pieces)
    assert served.count(markup) == sum(map(len, Vocabulary(vllm_double.FILE).encode(markup).pieces))


@pytest.fixture(scope="module")
def served() -> Iterator[VllmEngine]:
    double = Double(TRACE)
    yield VllmEngine.connect(double.url)
    double.stop()


def test_each_text_is_tokenized_once_and_what_the_model_wrote_never(engine: VllmEngine, double: Double) -> None:
    first = step(engine)
    second = step(engine, PROMPT + first.text)
    assert first.text + second.text == FIRST + SECOND
    step(engine, PROMPT + FIRST + SECOND)
    engine.count(PROMPT + FIRST)
    assert [body["prompt"] for body in double.bodies("/tokenize")] == [PROMPT[2]]


def test_ids_that_the_model_wrote_are_sent_back_unchanged(start: Start) -> None:
    double = start()
    odd = [i for letter in "return" for i in double.vocabulary.encode((letter,)).ids]
    assert len(double.vocabulary.encode(("return",)).ids) == 1
    before = double.vocabulary.encode(PROMPT).ids
    frame = [double.vocabulary.special[token] for token in (Token.LINE, Token.FRAME)]
    double.texts = [[*before, frame[0], *odd, frame[1], *frame]]
    engine = VllmEngine.connect(double.url)
    said = step(engine)
    assert said.text == (Token.LINE, "return", Token.FRAME)
    assert engine.count(said.text) == len(odd) + 2
    assert step(engine, PROMPT + said.text).text == (Token.LINE, Token.FRAME)
    assert sent(double)[1] == [[*before, frame[0], *odd, frame[1]]]
    engine.count(("return",))
    step(engine, (Token.BEGIN, "return"))
    assert sent(double)[2] == [double.vocabulary.encode((Token.BEGIN, "return")).ids], "at that place only"


def test_text_of_the_model_that_spells_a_token_stays_text(start: Start) -> None:
    written: Markup = (Token.LINE, "say <|frame_sep|> aloud", Token.ACTION, "é\u2028\x85 , x\n", Token.FRAME)
    engine = VllmEngine.connect(start(PROMPT + written).url)
    assert step(engine).text == written


def test_ids_that_are_no_text_are_shown_as_replacement_characters_and_sent_back_as_they_were(start: Start) -> None:
    double = start()
    before = double.vocabulary.encode(PROMPT).ids
    half = double.vocabulary.encode(("€",)).ids[:2]
    frame = double.vocabulary.special[Token.FRAME]
    double.texts = [[*before, *half, frame]]
    engine = VllmEngine.connect(double.url)
    said = step(engine)
    assert said.text == ("\ufffd", Token.FRAME)
    step(engine, PROMPT + said.text)
    assert sent(double)[1] == [[*before, *half, frame]]


# -- completions ----------------------------------------------------------------------------------------------


def test_nothing_is_left_to_the_defaults_of_server_and_model(engine: VllmEngine, double: Double) -> None:
    engine.complete([PROMPT], stop=STOP, max_tokens=7)
    engine.complete([PROMPT], stop=(Token.FRAME,), max_tokens=7, sampling=Sampling(0.5, 3))
    greedy, drawn = double.bodies("/v1/completions")
    stops = [double.vocabulary.special[token] for token in (Token.END, Token.FRAME)]
    assert (greedy["temperature"], greedy["max_tokens"], greedy["stop_token_ids"]) == (0.0, 7, stops)
    assert (greedy["top_p"], greedy["top_k"], greedy["repetition_penalty"]) == (1.0, 0, 1.0)
    assert (greedy["skip_special_tokens"], greedy["spaces_between_special_tokens"]) == (False, False)
    assert "seed" not in greedy
    assert (drawn["temperature"], drawn["seed"]) == (0.5, 3)
    assert (greedy["ignore_eos"], drawn["ignore_eos"]) == (False, True)


def test_a_completion_says_what_it_cost(engine: VllmEngine) -> None:
    said = step(engine)
    assert said == Completion(FIRST, Finish.STOP, (vllm_double.SURE,) * 8, 13, 12, 2)
    assert (engine.count(PROMPT), engine.count(FIRST)) == (13, 8)


def test_a_reply_that_is_cut_off_is_a_truncation(engine: VllmEngine) -> None:
    said = step(engine, most=3)
    assert (said.finish, len(said.logprobs)) == (Finish.LENGTH, 3)
    assert said.text == FIRST[:3]


def test_the_end_of_a_turn_is_the_end(engine: VllmEngine, double: Double) -> None:
    """The model's own configuration may name other tokens that end a text."""
    event = a_token(1019, text="", finish_reason="stop")
    double.fail("/v1/completions", streamed(a_token(), event, "data: [DONE]\n\n"))
    said = step(engine)
    assert (said.text, said.finish) == (("a", Token.END), Finish.STOP)


def test_a_server_that_does_not_stream_is_understood_too(engine: VllmEngine, double: Double) -> None:
    double.streams = False
    assert step(engine).text == FIRST


def test_room_to_write_is_what_the_context_leaves(start: Start) -> None:
    double = start(context=16)
    engine = VllmEngine.connect(double.url)
    assert step(engine).finish is Finish.LENGTH
    assert [body["max_tokens"] for body in double.bodies("/v1/completions")] == [3]
    with pytest.raises(ModelError, match=r"has 21 tokens, 1 more are needed, and the model's context is 16"):
        step(engine, PROMPT + FIRST)
    with pytest.raises(ModelError, match="an empty prompt"):
        step(engine, ())


def test_many_prompts_share_requests_of_which_not_too_many_run_at_once(double: Double) -> None:
    double.pause = 0.002
    engine = VllmEngine.connect(double.url, concurrency=3)
    prompts = [PROMPT, PROMPT + FIRST, PROMPT + FIRST + SECOND] * 11
    said = engine.complete(prompts, stop=STOP, max_tokens=60)
    assert [each.text for each in said] == [FIRST, SECOND, (Token.END,)] * 11
    sizes = [len(body["prompt"]) for body in double.bodies("/v1/completions")]
    assert (sum(sizes), max(sizes)) == (33, BATCH)
    assert 1 < double.busiest <= 3
    assert engine.complete([], stop=STOP, max_tokens=60) == []


def test_few_prompts_go_in_requests_of_their_own_so_that_each_is_told_what_was_cached(double: Double) -> None:
    said = VllmEngine.connect(double.url).complete([PROMPT, PROMPT + FIRST], stop=STOP, max_tokens=60)
    assert [each.cached_tokens for each in said] == [12, 20]


def test_threads_may_share_an_engine(engine: VllmEngine, double: Double) -> None:
    found: list[Markup] = []
    double.pause = 0.002
    threads = [threading.Thread(target=lambda: found.append(step(engine).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [FIRST] * 8
    assert double.busiest > 1


# -- scores ---------------------------------------------------------------------------------------------------

WRONG: Markup = (Token.LINE, "{}", Token.ACTION, "y = x\n", Token.FRAME)


def is_whole(double: Double) -> bool:
    return any("prompt_logprobs" in body for body in double.bodies("/v1/completions"))


def test_a_continuation_is_judged_token_by_token(engine: VllmEngine, double: Double) -> None:
    right, wrong, nothing = engine.score(PROMPT, [FIRST, WRONG, ()])
    assert all(right.greedy)
    assert set(right.margins) == {vllm_double.SURE - vllm_double.UNSURE}
    assert right.ends == wrong.ends == (1, 2, 3, 7, 8)
    assert right.total == pytest.approx(8 * vllm_double.SURE)
    assert wrong.greedy == (True, True, True, False, False, False, False, False)
    assert wrong.margins[3] == vllm_double.UNSURE - 1 - vllm_double.SURE
    assert (nothing.logprobs, nothing.ends) == ((), ())


def test_short_and_long_continuations_are_judged_alike_in_two_ways(start: Start) -> None:
    """One reads the prompt anew, the other writes single tokens behind the cached prompt."""
    source = "".join(f"x{i} = {i}\n" for i in range(200))
    prompt: Markup = (Token.BEGIN, Token.CONTEXT, source, Token.FRAME)
    double = start(prompt + FIRST)
    engine = VllmEngine.connect(double.url)
    short = engine.score(prompt, [FIRST, WRONG])
    assert not is_whole(double)
    steps = double.bodies("/v1/completions")
    assert len(steps) == 8 + 5, "what both begin with is judged once"
    assert all(body["max_tokens"] == len(body["allowed_token_ids"]) == 1 for body in steps)
    assert 2 * engine.count(prompt) > 13 * STEP_COST
    double.asked.clear()
    long = engine.score(prompt, [FIRST, WRONG, (source[:900],)])
    assert is_whole(double)
    assert short == long[:2]


def test_a_continuation_that_does_not_fit_is_refused(start: Start) -> None:
    engine = VllmEngine.connect(start(context=21).url)
    with pytest.raises(ModelError, match=r"has 13 tokens, 9 more are needed, and the model's context is 21"):
        engine.score(PROMPT, [FIRST])


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [{"prompt_logprobs": [None, {"5": {"logprob": -1.0}}]}]},
        {"choices": [{"prompt_logprobs": None}]},
        {"choices": []},
        {"choices": [{"prompt_logprobs": [None, *[{"9": {"logprob": 0}}] * 20]}]},
    ],
)
def test_scores_that_make_no_sense_are_an_error(engine: VllmEngine, double: Double, answer: Any) -> None:
    double.fail("/v1/completions", says(answer))
    with pytest.raises(ModelError, match="unexpected answer"):
        engine.score(PROMPT, [FIRST])


# -- failures -------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_is_said_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotReady) as caught:
        VllmEngine.connect(url)
    assert str(caught.value) == (
        f"no model server at {url}: connection refused (start it with: neuralpdb serve; check with: neuralpdb doctor)"
    )


def test_a_name_that_nobody_knows_is_said() -> None:
    with pytest.raises(NotReady, match=r"no model server at http://nobody\.invalid:8000: its name is unknown \(DNS\)"):
        VllmEngine.connect("http://nobody.invalid:8000")


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1", "http://", "http://[::1", "http://x:port"])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ModelError, match=r"is no base URL.*for example http://127\.0\.0\.1:8000/v1"):
        VllmEngine.connect(url)


def test_a_server_that_takes_no_connection_is_not_waited_for_long() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        waiting = socket.create_connection(full.getsockname())
        with pytest.raises(ModelError, match=r"no connection within 0\.2 s|did not answer within 0\.3 s"):
            VllmEngine.connect(url, timeouts=Timeouts(0.2, 0.3, 5.0))
        waiting.close()


NOT_UNDERSTOOD = "it has to be a vLLM server"
FAULTS: dict[str, tuple[Callable[[Handler], None], str]] = {
    "slow first byte": (silent(3), r"did not answer within 1 s"),
    "stall in the middle": (streamed(a_token(), stall=3), r"in the middle of its answer: nothing more for 1 s"),
    "cut in the middle": (streamed(a_token()), "closed the connection before its answer was complete"),
    "cut in a line": (streamed(a_token(), 'data: {"cho'), "closed the connection before its answer was complete"),
    "end without an end": (streamed(a_token(), "data: [DONE]\n\n"), "an unfinished reply"),
    "empty choices": (streamed({"choices": []}, "data: [DONE]\n\n"), "no choices"),
    "no stream, no choices": (says({"choices": []}), "no choices"),
    "no stream, no JSON": (says(b"<html>Sign in</html>"), f"other than JSON: <html>Sign in</html> .{NOT_UNDERSTOOD}"),
    "nothing": (says(b""), "other than JSON: nothing"),
    "no UTF-8": (says(b"\xff\xfe"), "other than JSON"),
    "another kind of JSON": (says([1, 2]), "no choices"),
    "malformed event": (streamed("data: {oops\n\n"), "other than JSON: {oops"),
    "an error as an event": (streamed({"error": {"message": "CUDA\nbroke"}}), r"failed: CUDA broke"),
    "no ids": (streamed({"choices": [{"index": 0, "text": "a"}]}, "data: [DONE]\n\n"), "no choices"),
    "ids that are none": (streamed({"choices": [{"index": 0, "token_ids": ["?"]}]}), "unexpected answer"),
    "no log-probabilities": (streamed({"choices": [{"index": 0, "token_ids": [5]}]}), "1 token ids with 0 log-prob"),
    "a choice too many": (streamed(a_token(index=7)), "choice 7"),
    "aborted": (streamed(a_token(finish_reason="abort")), "'abort' in a reply"),
    "400": (status(400), f"does not understand the request: said 400 .{NOT_UNDERSTOOD}"),
    "overflow": (
        status(400, {"error": {"message": "This model's maximum context length is 9 tokens."}}),
        "was sent more tokens than its context holds: This model's",
    ),
    "401": (status(401), r"refuses the API key: said 401 \(set NEURALPDB_API_KEY"),
    "403": (status(403), "refuses access: said 403"),
    "404": (status(404, {"error": {"message": "The model `x` does not exist."}}), "does not serve that model: The"),
    "404 of the path": (status(404, {"detail": "Not Found"}), f"has no /v1/completions: Not Found .{NOT_UNDERSTOOD}"),
    "413": (status(413, b"too\nlarge"), "prompt is too large: too large"),
    "429 for long": (status(429, Retry_After="3600"), "has too much to do: said 429"),
    "500": (status(500, {"error": "x" * 900}), "failed: x{300} ... .the server's log says more"),
    "503 for long": (status(503, Retry_After="3600"), r"is not ready: said 503 \(wait for it with: neuralpdb doctor"),
    "302": (status(302, b"", Location="http://elsewhere/"), "answered with status 302"),
    "418": (status(418), "answered with status 418: said 418"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_one_clear_line_after_which_the_server_is_used_again(
    engine: VllmEngine, double: Double, name: str
) -> None:
    fault, message = FAULTS[name]
    double.fail("/v1/completions", fault)
    engine.count(PROMPT)
    engine._wire.timeouts = HASTY if " 1 s" in message else PATIENT
    with pytest.raises(ModelError, match=message) as caught:
        step(engine)
    engine._wire.timeouts = PATIENT
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert len(double.bodies("/v1/completions")) == 1, "not asked again: an answer had begun, or was final"
    assert step(engine).text == FIRST


def test_an_answer_that_never_ends_is_given_up(double: Double) -> None:
    engine = VllmEngine.connect(double.url)
    engine.count(PROMPT)
    engine._wire.timeouts = Timeouts(10, 60, 0.6)

    def drip(handler: Handler) -> None:
        handler.begin_stream()
        for _ in range(50):
            handler.send(a_token())
            time.sleep(0.1)

    double.fail("/v1/completions", drip)
    with pytest.raises(ModelError, match=r"did not finish within 0\.6 s"):
        step(engine)


@pytest.mark.parametrize(
    ("path", "fault", "message"),
    [
        ("/v1/models", says({"data": []}), "lists no model"),
        ("/v1/models", says({"object": "list"}), "unexpected answer from the server: no data"),
        ("/v1/models", says({"data": [{"id": "m"}]}), "does not say the context of m"),
        ("/v1/models", says(b"hello"), "other than JSON: hello"),
        ("/v1/models", status(404, {"detail": "Not Found"}), "has no /v1/models: Not Found"),
        ("/tokenize", status(404, {"detail": "Not Found"}), "has no /tokenize"),
        ("/tokenize", says({"tokens": "many"}), "no tokens"),
        ("/tokenize", says({"tokens": [None] * 10}), "tokens that are no numbers"),
    ],
)
def test_what_is_no_trace_server_is_said_when_it_is_met(
    double: Double, path: str, fault: Callable[[Handler], None], message: str
) -> None:
    double.fail(path, fault)
    with pytest.raises(ModelError, match=message):
        VllmEngine.connect(double.url)


def test_a_model_without_trace_tokens_is_refused(double: Double) -> None:
    double.fail("/tokenize", *[says({"tokens": [7, 8, 9]})] * 2)
    with pytest.raises(ModelError, match=r"mini is no trace model: <\|begin_of_text\|> is 3 tokens, not one"):
        VllmEngine.connect(double.url)


def test_a_model_that_is_not_served_is_said_with_those_that_are(double: Double) -> None:
    with pytest.raises(ModelError, match=r"does not serve 'huge' \(it serves: mini\)"):
        VllmEngine.connect(double.url, "huge")


def test_the_key_is_sent_and_never_shown(double: Double) -> None:
    double.key = "s3cret"
    assert step(VllmEngine.connect(double.url, api_key="s3cret")).text == FIRST
    url = double.url.replace("//", "//user:pa55@")
    for key, expected in (("wr0ng", "refuses the API key"), ("", "refuses the API key")):
        with pytest.raises(ModelError, match=expected) as caught:
            VllmEngine.connect(url, api_key=key)
        assert "wr0ng" not in str(caught.value)
        assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("key", ["s3cret\n", "s3cret\u20ac", "s3\0cret"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(double: Double, key: str) -> None:
    with pytest.raises(ModelError, match="the API key holds characters that cannot be sent") as caught:
        VllmEngine.connect(double.url, api_key=key)
    assert "s3" not in str(caught.value)
    assert not double.asked


def test_a_proxy_that_cannot_be_used_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "carrier-pigeon://loft")
    with pytest.raises(
        ModelError, match=r"proxy or certificates of the environment cannot be used: .*look at HTTP_PROX"
    ):
        VllmEngine.connect("http://server.invalid:8000")


def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert step(VllmEngine.connect(double.url)).text == FIRST


# -- asking again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says_so(engine: VllmEngine, double: Double, code: int) -> None:
    double.fail("/v1/completions", status(code, Retry_After="0"), status(code, Retry_After="0"))
    assert step(engine).text == FIRST
    assert len(double.bodies("/v1/completions")) == 3


def test_a_server_that_stays_busy_is_asked_four_times(
    engine: VllmEngine, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpdb.engines.vllm.http.PATIENCE", (0.01, 0.02, 0.03))
    double.fail("/v1/completions", *[status(503)] * 4)
    with pytest.raises(NotReady, match="is not ready"):
        step(engine)
    assert len(double.bodies("/v1/completions")) == 4


def test_an_idle_connection_that_the_server_closed_is_made_anew(engine: VllmEngine, double: Double) -> None:
    engine.count(("some text",))
    connections = double.connections
    double.drop()
    assert engine.count(("another text",)) > 1
    assert double.connections > connections


def test_a_connection_that_is_closed_before_the_answer_is_tried_once_more(engine: VllmEngine, double: Double) -> None:
    double.fail("/v1/completions", hang_up)
    assert step(engine).text == FIRST
    double.fail("/v1/completions", hang_up, hang_up)
    with pytest.raises(ModelError, match="closed the connection before its answer was complete"):
        step(engine)
    assert len(double.bodies("/v1/completions")) == 4


def test_a_server_that_was_restarted_is_used_again(engine: VllmEngine, double: Double, start: Start) -> None:
    assert step(engine).text == FIRST
    double.stop()
    with pytest.raises(NotReady, match="connection refused"):
        step(engine, PROMPT + FIRST)
    again = start(port=double.port)
    assert step(engine, PROMPT + FIRST).text == SECOND
    assert [path for path, _ in again.asked] == ["/v1/models", "/tokenize", "/v1/completions"], "it is asked who it is"


def test_a_server_that_comes_back_with_another_model_is_refused(
    engine: VllmEngine, double: Double, start: Start
) -> None:
    double.stop()
    with pytest.raises(NotReady):
        step(engine)
    again = start(port=double.port, context=2048)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"now has another mini: .*context 2048; it was .*context 4096"):
            step(engine)
    assert not again.bodies("/v1/completions")


def test_an_engine_that_was_closed_can_be_used_again(engine: VllmEngine) -> None:
    step(engine)
    engine.close()
    assert step(engine).text == FIRST


# -- Ctrl-C ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompts", [1, 20])
def test_ctrl_c_closes_the_requests_and_leaves_the_engine_usable(double: Double, prompts: int) -> None:
    engine = VllmEngine.connect(double.url, concurrency=4)
    double.pause = 0.2
    expected = min(prompts, 4)

    def press() -> None:
        assert eventually(lambda: double.running == expected)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        engine.complete([PROMPT] * prompts, stop=STOP, max_tokens=60)
    assert eventually(lambda: double.running == 0), "the server works on for nobody"
    assert double.broken == expected
    assert len(double.bodies("/v1/completions")) == expected, "what was not sent yet is not sent any more"
    double.pause = 0.0
    assert step(engine).text == FIRST


def test_when_one_of_many_fails_the_others_are_given_up(double: Double) -> None:
    engine = VllmEngine.connect(double.url, concurrency=4)
    engine.count(PROMPT)
    double.pause = 0.2
    double.fail("/v1/completions", status(500))
    with pytest.raises(ModelError, match="failed: said 500"):
        engine.complete([PROMPT] * 4, stop=STOP, max_tokens=60)
    assert eventually(lambda: double.running == 0)
    assert double.broken == 3


def test_closing_the_engine_ends_a_request_of_another_thread(double: Double) -> None:
    engine = VllmEngine.connect(double.url)
    double.pause = 0.2
    failures: list[Exception] = []

    def work() -> None:
        try:
            step(engine)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(lambda: double.running == 1)
    engine.close()
    thread.join(5)
    assert [type(error) for error in failures] == [ModelError]
    assert eventually(lambda: double.broken == 1)
