"""`neuralpdb doctor`: every check against a fake server that is well, or ill in one way; and the embedded engine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_vllm import IDS, FakeServer
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.cli import doctor, engine, main, settings_sources
from neuralpdb.cli.doctor import CWM_IDS, GOLDEN, SAMPLE, Check, Status
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.trace.frames import Event, Frame

NAMES = ["server", "model", "trace tokens", "golden frame", "latency", "scoring", "prefix cache"]
LINES = SAMPLE.splitlines()


def golden() -> list[Markup]:
    """What a model that is right writes for the sample."""
    frames = [Frame(Event.LINE, "<module>", line, LINES[line - 1], state) for line, state in GOLDEN]
    return [
        codec.render(frame, base) for frame, base in zip(frames, [Frame(Event.LINE, "", 3, ""), *frames], strict=False)
    ]


def healthy(**changes: Any) -> FakeServer:
    return FakeServer(**{"replies": golden(), "ids": CWM_IDS, **changes})


def examined(url: str, wait: float = 0.0, said: list[str] | None = None, **flags: object) -> dict[str, Check]:
    settings = settings_sources.load({"base_url": url, **flags}, environment={})
    say = (said if said is not None else []).append
    return {check.name: check for check in doctor.examine(engine.choose(settings), settings, wait=wait, say=say)}


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


# -- a server that is well ------------------------------------------------------------------------------------


def test_a_server_that_is_well_passes_every_check() -> None:
    with healthy(names=["facebook/cwm", "cwm"]) as fake:
        checks = examined(fake.url)
        assert [each.status for each in checks.values()] == [Status.OK] * len(NAMES)
    assert list(checks) == NAMES
    assert f"vLLM 0.0.fake answers at {fake.url.removesuffix('/v1')}" in checks["server"].message
    assert checks["model"].message == "facebook/cwm (from /models/fake), 8,192 tokens of context"
    assert checks["trace tokens"].message == "single tokens, with the ids of the Code World Model"
    assert checks["golden frame"].message == "line 4 with word = 'abca', as it is"
    assert "median of 6" in checks["latency"].message
    assert "tokens of a true frame are the model's own" in checks["scoring"].message
    assert checks["prefix cache"].message.startswith(f"{5 * len(GOLDEN)} of ")
    assert {check.fix for check in checks.values()} == {""}


def test_the_golden_frames_are_what_python_does() -> None:
    frames = recorded(entry_of(SAMPLE)).frames
    assert [(frame.line, dict(frame.locals)) for frame in frames[1 : len(GOLDEN) + 1]] == list(GOLDEN)


def test_only_the_sample_is_sent_and_every_connection_is_given_back() -> None:
    before = set(threading.enumerate())
    with healthy() as fake:
        examined(fake.url)
        asked = set(fake.asked)
    assert asked == {"/version", "/v1/models", "/tokenize", "/v1/completions"}
    until = time.monotonic() + 5
    while any(thread.name == "talk to the server" for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < until
        time.sleep(0.01)


# -- a server that is ill -------------------------------------------------------------------------------------

OTHER = {token: 50 + i for token, i in IDS.items()}


def test_another_vocabulary_is_a_warning() -> None:
    with healthy(ids=OTHER) as fake:
        check = examined(fake.url)["trace tokens"]
    assert check.status is Status.WARNING
    assert check.message == "single tokens of another vocabulary: <|begin_of_text|> is 50, in CWM's it is 128000"


def test_the_ids_of_the_embedded_model_are_known_too() -> None:
    vocabulary = json.loads((ROOT / "weights" / "mini" / "tokenizer.json").read_text(encoding="utf-8"))
    ids = {each["content"]: each["id"] for each in vocabulary["added_tokens"]}
    with healthy(ids={token: ids[token.value] for token in Token}) as fake:
        check = examined(fake.url)["trace tokens"]
    assert (check.status, check.message) == (Status.OK, "single tokens, with the ids of the embedded model")


def test_a_short_context_is_a_warning() -> None:
    with healthy(context=2048) as fake:
        check = examined(fake.url)["model"]
    assert check.status is Status.WARNING and "2,048 tokens" in check.message and "--max-model-len 4096" in check.fix


def test_no_hits_of_the_prefix_cache_are_a_warning_with_the_flags() -> None:
    with healthy(cached=0) as fake:
        check = examined(fake.url)["prefix cache"]
    assert check.status is Status.WARNING and "--enable-prompt-tokens-details" in check.fix


def test_a_wrong_frame_is_a_warning_with_both() -> None:
    wrong = (Token.LINE, '{"word": "\'abcd\'"}', Token.ACTION, LINES[3] + "\n", Token.FRAME)
    with healthy(replies=[wrong, *golden()[1:]]) as fake:
        check = examined(fake.url)["golden frame"]
    assert check.status is Status.WARNING
    assert check.message == "the model says line at line 4 with word = 'abcd'; it is line 4 with word = 'abca'"


def test_slow_steps_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SLOW", 0.0)
    with healthy() as fake:
        check = examined(fake.url)["latency"]
    assert check.status is Status.WARNING and "--quantization fp8" in check.fix


NO_FRAME: list[Markup] = [("I am a friendly assistant", Token.FRAME)]


@pytest.mark.parametrize(
    ("changes", "name", "message", "fix"),
    [
        ({"changes": {"/version": 401}}, "server", "refuses the API key", "NEURALPDB_API_KEY"),
        ({"changes": {"/version": 404}}, "server", "has no /version", "it has to be a vLLM server"),
        ({"names": []}, "model", "the server lists no model", "neuralpdb serve cwm"),
        ({"changes": {"/v1/models": {"data": [{"id": "x"}]}}}, "model", "does not say the context of x", "vLLM server"),
        ({"changes": {"/v1/models": {"data": [3]}}}, "model", "the server lists no model", "neuralpdb serve cwm"),
        ({"changes": {"/v1/models": 500}}, "model", "failed", "the server's log says more"),
        ({"changes": {"/tokenize": {"tokens": [1, 2]}}}, "trace tokens", "<|begin_of_text|> is 2 tokens, not one: mini "
            "is not a trace model", "neuralpdb serve cwm"),
        ({"changes": {"/tokenize": {"tokens": "no"}}}, "trace tokens", "does not tokenize", "it has to be a vLLM"),
        ({"replies": NO_FRAME}, "golden frame", "the model writes no frame", "serve a trace model"),
        ({"changes": {"/v1/completions": 500}}, "golden frame", "the model writes no frame: the server", ""),
    ],
)  # fmt: skip
def test_a_failure_ends_the_examination_with_what_to_do(
    changes: dict[str, Any], name: str, message: str, fix: str
) -> None:
    with healthy(**changes) as fake:
        checks = examined(fake.url)
    assert list(checks) == NAMES[: NAMES.index(name) + 1]
    last = checks[name]
    assert last.status is Status.FAILURE
    assert message in last.message and fix in last.fix


def test_a_model_that_the_server_does_not_have_is_a_failure_with_the_ones_it_has() -> None:
    with healthy() as fake:
        check = examined(fake.url, model="cwm")["model"]
    assert (check.message, check.fix) == ("the server does not serve 'cwm'; it serves mini", "--model mini")


def test_a_server_that_does_not_score_is_a_failure_and_the_rest_is_still_examined() -> None:
    class Mute(FakeServer):
        def _scored(self, prompt: object) -> Any:
            return 400

    with Mute(replies=golden(), ids=CWM_IDS) as fake:
        checks = examined(fake.url)
    assert checks["scoring"].status is Status.FAILURE and "does not score" in checks["scoring"].message
    assert checks["prefix cache"].status is Status.OK


# -- a server that is not there (yet) -------------------------------------------------------------------------


def test_no_server_is_a_failure_with_the_command_that_starts_one() -> None:
    with closed_port() as url:
        checks = examined(url)
    assert list(checks) == ["server"]
    assert f"no model server at {url}: connection refused" in checks["server"].message
    assert "neuralpdb serve" in checks["server"].fix


def test_wait_waits_for_a_server_that_starts_later_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PAUSE", 0.02)
    with closed_port() as url:
        port = int(url.rpartition(":")[2])
    started: list[FakeServer] = []
    said: list[str] = []

    def start() -> None:
        while not said:  # until the doctor says that it waits
            time.sleep(0.01)
        started.append(healthy(port=port).__enter__())

    threading.Thread(target=start, daemon=True).start()
    try:
        assert examined(url, wait=30.0, said=said)["server"].status is Status.OK
    finally:
        for each in started:
            each.__exit__()
    assert len(said) == 1 and said[0].startswith(f"waiting for the server: no model server at {url}")


def test_wait_ends_at_once_for_a_server_that_will_never_do() -> None:
    with healthy(changes={"/version": 401}) as fake:
        assert examined(fake.url, wait=600.0)["server"].status is Status.FAILURE


# -- the command line -----------------------------------------------------------------------------------------


def test_the_report_says_what_was_examined_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    with healthy(cached=0) as fake:
        code = main.main(["doctor", "--base-url", fake.url])
    out = capsys.readouterr().out.splitlines()
    assert code == 0
    assert out[0] == f"the server {fake.url} (--base-url)"
    assert [line.split()[0] for line in out[1:8]] == ["ok"] * 6 + ["warning"]
    assert out[8].strip().startswith("-> start vLLM with --enable-prefix-caching")


def test_the_report_as_json_holds_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    with healthy(ids=OTHER) as fake:
        assert main.main(["doctor", "--base-url", fake.url.replace("//", "//me:hush@"), "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert (found["format"], found["engine"], found["status"]) == ("neuralpdb.doctor/1", "vllm", "warning")
    assert [check["name"] for check in found["checks"]] == NAMES
    assert "hush" not in out and found["base_url"] == fake.url.replace("//", "//***@")


def test_a_failure_is_code_3_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    with closed_port() as url:
        assert main.main(["doctor", "--base-url", url]) == 3
        out = capsys.readouterr().out.splitlines()
        assert out[1].startswith("failure  server") and out[2].strip().startswith("-> start it with: neuralpdb serve")
        assert main.main(["doctor", "--base-url", url, "--json"]) == 3
        assert json.loads(capsys.readouterr().out)["status"] == "failure"


def test_what_a_server_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with healthy(names=["\x1b]0;owned\x07"]) as fake:
        main.main(["doctor", "--base-url", fake.url])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.slow
def test_without_a_server_the_embedded_engine_is_examined(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["engine"], found["base_url"], found["why"]) == ("local", "", "NEURALPDB_ENGINE")
    checks = {check["name"]: check for check in found["checks"]}
    assert list(checks) == ["model", *NAMES[3:]]
    assert {check["status"] for check in checks.values()} <= {"ok", "warning"}
    assert checks["golden frame"]["status"] == checks["prefix cache"]["status"] == "ok"


def test_weights_that_cannot_be_loaded_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("NEURALPDB_WEIGHTS", str(tmp_path / "none"))
    assert main.main(["doctor"]) == 3
    assert "failure  model         no checkpoint directory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("doctor --engine gpt", "--engine: engine = 'gpt' is not one of auto, local, vllm, replay"),
        ("doctor --engine replay", "a recording cannot be checked (--engine local or --engine vllm)"),
        ("doctor --engine local --base-url http://x", "--base-url and --engine local exclude each other"),
        ("doctor --now", "No such option: --now"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(command.split()) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"neuralpdb: {message}") and err.count("\n") == 1
