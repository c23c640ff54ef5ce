"""Which engine predicts, and what is said before source or a key leaves this machine."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neuralpdb.cli import engine as choice
from neuralpdb.cli import main, settings_sources
from neuralpdb.cli.engine import Choice, choose
from neuralpdb.cli.settings import Settings
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.vllm import probe
from neuralpdb.engines.vllm.probe import HERE, Served
from neuralpdb.errors import UsageError

NOBODY = Served(HERE)
SOMEBODY = Served(HERE, ready=True, traces=True, model="mini", context=4096)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings from flags, `own` lines of the user's file, a `project`'s lines, and an environment."""

    def make(own: str = "", project: str = "", environment: dict[str, str] | None = None, **flags: object) -> Settings:
        (tmp_path / "own.toml").write_text(own)
        (tmp_path / "pyproject.toml").write_text(f"[tool.neuralpdb]\n{project}\n")
        return settings_sources.load(flags, environment=environment or {}, folder=tmp_path, own=tmp_path / "own.toml")

    return make


Make = Callable[..., Settings]


def never() -> Served:
    raise AssertionError("a server was looked for, though something is configured")


# -- the order ------------------------------------------------------------------------------------------------


def test_nothing_configured_and_no_server_means_the_embedded_model(settings: Make) -> None:
    assert choose(settings(), lambda: NOBODY) == Choice("local")


def test_nothing_configured_and_a_trace_model_running_here_means_that_and_it_is_said(settings: Make) -> None:
    chosen = choose(settings(), lambda: SOMEBODY)
    assert (chosen.engine, chosen.base_url, chosen.model) == ("vllm", HERE, "mini")
    assert chosen.notes == (f"using mini at {HERE}, which runs here (--engine local: the embedded model)",)


@pytest.mark.parametrize("found", [Served(HERE, ready=True, model="llama"), NOBODY])
def test_a_server_of_some_other_model_is_left_alone(settings: Make, found: Served) -> None:
    assert choose(settings(), lambda: found) == Choice("local")


def test_a_server_that_does_not_answer_is_not_used_and_that_is_said(settings: Make) -> None:
    chosen = choose(settings(), lambda: Served(HERE, silent=True))
    assert chosen.engine == "local" and "does not answer at once" in chosen.notes[0]


@pytest.mark.parametrize(
    ("sources", "engine", "why"),
    [
        ({"engine": "local"}, "local", "--engine"),
        ({"engine": "vllm"}, "vllm", "--engine"),
        ({"base_url": "http://gpu:1"}, "vllm", "--base-url"),
        ({"model": "cwm"}, "vllm", "--model"),
        ({"weights": Path("w")}, "local", "--weights"),
        ({"environment": {"NEURALPDB_BASE_URL": "http://gpu:1"}}, "vllm", "NEURALPDB_BASE_URL"),
        ({"environment": {"NEURALPDB_BASE_URL": "http://gpu:1"}, "engine": "local"}, "local", "--engine"),
        ({"environment": {"NEURALPDB_BASE_URL": "http://gpu:1"}, "weights": Path("w")}, "local", "--weights"),
        ({"environment": {"NEURALPDB_ENGINE": "local"}, "base_url": "http://gpu:1"}, "vllm", "--base-url"),
        ({"environment": {"NEURALPDB_ENGINE": "local"}, "own": "engine = 'vllm'"}, "local", "NEURALPDB_ENGINE"),
        ({"own": "engine = 'local'\nbase_url = 'http://gpu:1'"}, "local", "own.toml"),
        ({"own": "base_url = 'http://gpu:1'\nweights = 'w'"}, "vllm", "own.toml"),
        ({"own": "base_url = 'http://gpu:1'", "project": "engine = 'local'"}, "local", "pyproject.toml"),
        ({"own": "engine = 'vllm'", "project": "engine = 'auto'\nweights = 'w'"}, "local", "pyproject.toml"),
    ],
)
def test_the_stronger_origin_decides_and_then_the_engine_itself(
    settings: Make, sources: dict[str, object], engine: str, why: str
) -> None:
    chosen = choose(settings(**sources), never)
    assert (chosen.engine, chosen.reason.rpartition("/")[2]) == (engine, why)


def test_the_name_of_a_model_in_a_file_is_no_wish_for_a_server(settings: Make) -> None:
    assert choose(settings(own="model = 'cwm'"), lambda: NOBODY).engine == "local"
    assert choose(settings(own="model = 'cwm'"), lambda: SOMEBODY).model == "cwm"


def test_vllm_without_an_address_is_the_one_of_neuralpdb_serve(settings: Make) -> None:
    assert choose(settings(engine="vllm"), never).base_url == HERE


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"engine": "local", "base_url": "http://x"}, "--base-url and --engine local exclude each other"),
        ({"engine": "replay", "model": "x"}, "--model and --engine replay exclude each other"),
        ({"weights": Path("w"), "base_url": "http://x"}, "--base-url and --weights exclude each other"),
        ({"engine": "vllm", "weights": Path("w")}, "--weights and --engine vllm exclude each other"),
    ],
)
def test_flags_for_two_engines_are_a_mistake(settings: Make, flags: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(settings(**flags), never)


# -- what leaves this machine ---------------------------------------------------------------------------------


def test_the_key_is_not_sent_to_a_server_that_a_project_names(settings: Make) -> None:
    sources = {"project": "base_url = 'https://me.example/v1'", "environment": {"NEURALPDB_API_KEY": "hush"}}
    with pytest.raises(UsageError, match=r"https://me\.example/v1.*not sent where a project says") as raised:
        choose(settings(**sources), never)
    assert "hush" not in str(raised.value)
    assert choose(settings(**sources, base_url="https://me.example/v1"), never).engine == "vllm"
    local = {**sources, "project": "base_url = 'http://localhost:9/v1'"}
    assert choose(settings(**local), never).engine == "vllm"
    assert choose(settings(project=sources["project"]), never).engine == "vllm"


@pytest.mark.parametrize(
    ("url", "key", "warned"),
    [
        ("http://gpu:8000", "k", True),
        ("http://me:pw@gpu:8000", "", True),
        ("https://gpu:8000", "k", False),
        ("http://gpu:8000", "", False),
        ("http://127.0.0.2:8000", "k", False),
        ("http://[::1]:8000", "k", False),
    ],
)
def test_a_key_over_http_to_another_machine_is_warned_about(settings: Make, url: str, key: str, warned: bool) -> None:
    notes = choose(settings(base_url=url, environment={"NEURALPDB_API_KEY": key}), never).notes
    assert [note for note in notes if "over http" in note] == list(notes)
    assert bool(notes) == warned and "pw" not in " ".join(notes)


def test_source_that_leaves_the_machine_is_announced_once_for_each_server(tmp_path: Path) -> None:
    def said(url: str) -> str:
        return choice.announcement(Choice("vllm", url), tmp_path / "state")

    assert said("https://me:pw@gpu:8000/v1").startswith("your source is sent to https://gpu:8000 (said once")
    assert said("https://gpu:8000/v1") == said("https://gpu:8000") == ""
    assert said("https://gpu:8001/v1") != ""
    assert (tmp_path / "state" / "servers").read_text() == "https://gpu:8000\nhttps://gpu:8001\n"


def test_what_stays_on_this_machine_is_not_announced(tmp_path: Path) -> None:
    for chosen in (Choice("local"), Choice("replay"), Choice("vllm", HERE), Choice("vllm", "http://localhost:1")):
        assert choice.announcement(chosen, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_an_announcement_that_cannot_be_remembered_is_made_every_time(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder is needed")
    for _ in range(2):
        assert "your source is sent to" in choice.announcement(Choice("vllm", "http://gpu:1"), tmp_path / "state")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("LOCALHOST.", True),
     ("0.0.0.0", False), ("10.0.0.1", False), ("localhost.example", False), ("gpu", False), (None, False)],
)  # fmt: skip
def test_only_loopback_is_this_machine(host: str | None, local: bool) -> None:
    assert probe.is_local(host) is local


# -- looking for a server -------------------------------------------------------------------------------------

MODELS = {"object": "list", "data": [{"id": "mini", "owned_by": "vllm", "max_model_len": 4096}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: dict[str, object]
    slow = 0.0
    asked: list[str]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')}".strip())
        time.sleep(self.slow)
        if self.slow:
            return  # who asked is gone
        found = self.answers.get(self.path)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def serving() -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Starts a server with these answers; its address, and the requests that it gets."""
    running: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, object], slow: float = 0.0) -> tuple[str, list[str]]:
        asked: list[str] = []
        kind = type("Handler", (_Handler,), {"answers": answers, "slow": slow, "asked": asked})
        running.append(ThreadingHTTPServer(("127.0.0.1", 0), kind))
        threading.Thread(target=running[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}/v1", asked

    yield start
    for each in running:
        each.shutdown()
        each.server_close()


Serving = Callable[..., tuple[str, list[str]]]


def test_a_server_of_a_trace_model_is_found_with_two_requests(serving: Serving) -> None:
    url, asked = serving({"/v1/models": MODELS, "/tokenize": {"count": 1, "tokens": [4]}})
    assert probe.look(url, key="k") == Served(url, ready=True, traces=True, model="mini", context=4096)
    assert asked == ["GET /v1/models Bearer k", "POST /tokenize Bearer k"]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"/v1/models": MODELS, "/tokenize": {"count": 9}}, {"ready": True, "model": "mini", "context": 4096}),
        ({"/v1/models": MODELS, "/tokenize": b"no json"}, {}),
        ({"/v1/models": {"data": [{"id": "gpt", "owned_by": "openai"}]}}, {}),
        ({"/v1/models": {"data": []}}, {}),
        ({"/v1/models": {"data": ["mini"]}}, {}),
        ({"/v1/models": [1]}, {}),
        ({"/v1/models": b"<html>"}, {}),
        ({"/v1/models": b"\xff\xfe"}, {}),
        ({}, {}),
    ],
)
def test_whatever_else_listens_there_is_not_taken_for_one(
    serving: Serving, answers: dict[str, object], found: dict[str, object]
) -> None:
    url, _ = serving(answers)
    assert probe.look(url) == Served(url, **found)  # type: ignore[arg-type]


def test_a_server_that_is_slow_to_answer_is_silent(serving: Serving) -> None:
    url, _ = serving({"/v1/models": MODELS}, slow=1.0)
    assert probe.look(url, patience=0.05) == Served(url, silent=True)


def test_a_port_without_a_server_is_nobody() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        assert probe.look(url) == Served(url)


# -- the command line -----------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script; the debugger reads no commands, and the state folder is there too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr(choice, "_state", lambda: tmp_path / "state")
    (tmp_path / "script.py").write_text("x = 1\ny = 2\n")
    return tmp_path


def test_the_debugger_announces_a_server_elsewhere_once_before_it_is_asked(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine([])
    monkeypatch.setattr(choice, "connect", lambda chosen, settings: engine)
    for expected in (1, 0):
        assert main.main(["--base-url", "https://gpu.example/v1", "script.py"]) == 0
        err = capsys.readouterr().err
        assert err.count("neuralpdb: your source is sent to https://gpu.example") == expected
        assert engine.prompts == []


def test_a_server_that_runs_here_is_used_by_itself_and_named(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used: list[Choice] = []
    monkeypatch.delenv("NEURALPDB_ENGINE")
    monkeypatch.setattr(probe, "look", lambda: SOMEBODY)

    def connect(chosen: Choice, settings: Settings) -> ScriptedEngine:
        used.append(chosen)
        return ScriptedEngine([])

    monkeypatch.setattr(choice, "connect", connect)
    monkeypatch.setattr("sys.stdin", io.StringIO("step\n"))
    assert main.main(["script.py"]) == 0
    assert [each.base_url for each in used] == [HERE]
    assert capsys.readouterr().err.startswith(f"neuralpdb: using mini at {HERE}, which runs here")


def test_a_server_that_is_not_there_is_one_line_and_code_3(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert main.main(["--base-url", url, "-c", "step", "script.py"]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and f"no model server at {url}: connection refused" in err
    assert "neuralpdb serve" in err and "neuralpdb doctor" in err
