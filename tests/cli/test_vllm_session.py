"""The debugger on a server that fails: what the user reads, which exit code, and that the session goes on.

The server is a stand-in (`vllm_double`) that knows how the example really runs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from frame_sources import EXAMPLES, recorded
from places import ROOT
from typing_session import Typing
from vllm_double import Double, Handler, a_token, eventually, none, says, silent, status, streamed

from neuralpdb.cli import main
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import from_jsonl, same_state

pytestmark = pytest.mark.slow

STRAWBERRY = ROOT / "examples" / "strawberry.py"


def spoken(script: Path) -> Markup:
    """The whole trace of what really happens, as a model writes it."""
    entry = enter(Program.read(script))
    frames = recorded(entry).frames
    opening = codec.opening(codec.context(entry.program.lines, entry.marked))
    return (*chain(opening, *codec.render_all(frames)), Token.END)


@dataclass(frozen=True)
class Done:
    """What a run left behind."""

    code: int
    out: list[str]
    err: str


Typed = list[str | Callable[[], object]]


Cli = Callable[..., Done]
Start = Callable[..., Double]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """The command line in this process, with a server, in an empty folder. patience: seconds to the first byte."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("NEURALPDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("neuralpdb.engines.vllm.http.PATIENCE", (0.01, 0.01))

    def call(url: str, *args: str, typed: Typed | None = None, patience: float = 60) -> Done:
        monkeypatch.setenv("NEURALPDB_FIRST_TIMEOUT", str(patience))
        monkeypatch.setattr(sys, "stdin", Typing(*typed or ()))
        handler = signal.getsignal(signal.SIGINT)
        try:
            alone = [] if args[0] in ("trace", "doctor") else ["--model-only"]
            code = main.main([*args[:-1], *alone, "--engine", "vllm", "--base-url", url, *args[-1:]])
        finally:
            signal.signal(signal.SIGINT, handler)
        captured = capsys.readouterr()
        return Done(code, captured.out.splitlines(), captured.err)

    return call


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Double] = []

    def begin(script: Path = STRAWBERRY, **more: Any) -> Double:
        started.append(Double(spoken(script), **more))
        return started[-1]

    yield begin
    for double in started:
        double.stop()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_trace_of_an_example_is_what_the_server_says(name: str, run: Cli, start: Start) -> None:
    script = ROOT / "examples" / f"{name}.py"
    done = run(start(script).url, "trace", str(script))
    assert (done.code, done.err) == (0, "")
    truth = recorded(enter(Program.read(script))).frames
    frames = list(from_jsonl(done.out))
    assert len(frames) == len(truth)
    assert all(map(same_state, frames, truth))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- no server ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["trace"]])
def test_without_a_server_there_is_one_line_and_exit_code_3(run: Cli, arguments: list[str]) -> None:
    done = run(f"http://127.0.0.1:{free_port()}/v1", *arguments, str(STRAWBERRY), typed=["step", "step"])
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "connection refused (start it with: neuralpdb serve; check with: neuralpdb doctor)" in done.err


@pytest.mark.parametrize(
    ("path", "fault", "message"),
    [
        ("/v1/models", status(401), "refuses the API key: said 401 (set NEURALPDB_API_KEY"),
        ("/v1/models", silent(4), "did not answer within 1.5 s"),
        ("/v1/models", says(b"<html>\x1b[31mred"), "something other than JSON: <html>\\x1b[31mred"),
        ("/v1/models", says({"data": []}), "lists no model"),
        ("/tokenize", status(404, {"detail": "Not Found"}), "has no /tokenize"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line_and_exit_code_3(
    run: Cli, start: Start, path: str, fault: Callable[[Handler], None], message: str
) -> None:
    double = start()
    double.fail(path, fault)
    done = run(double.url, "trace", str(STRAWBERRY), patience=1.5 if " 1.5 s" in message else 60)
    assert (done.code, len(done.out)) == (3, 1), "the first frame is given"
    assert done.err.count("\n") == 1
    assert message in done.err


def test_a_server_that_is_loading_is_asked_for_a_while(run: Cli, start: Start) -> None:
    double = start()
    double.fail("/v1/models", *[status(503)] * 2)
    assert run(double.url, str(STRAWBERRY), typed=["step"]).code == 0
    double.fail("/v1/models", *[status(503)] * 3)
    done = run(double.url, str(STRAWBERRY), typed=["step"])
    assert done.code == 3
    assert "is not ready: said 503 (wait for it with: neuralpdb doctor --wait)" in done.err


def test_a_model_that_is_not_served_is_named_with_those_that_are(run: Cli, start: Start) -> None:
    done = run(start().url, "--model", "cwm", str(STRAWBERRY), typed=["step"])
    assert done.code == 3
    assert "does not serve 'cwm' (it serves: mini)" in done.err


# -- in the middle of a session -------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Callable[[Handler], None], str]] = {
    "slow": (silent(4), "did not answer within 1.5 s"),
    "stall": (streamed(a_token(), stall=4), "stopped in the middle of its answer: nothing more for 1.5 s"),
    "cut": (streamed(a_token()), "closed the connection before its answer was complete"),
    "refused": (status(401), "refuses the API key"),
    "gone": (status(404, {"error": {"message": "The model `mini` does not exist."}}), "does not serve that model"),
    "busy": (status(429, Retry_After="60"), "has too much to do"),
    "broken": (status(500), "failed: said 500"),
    "loading": (status(503, Retry_After="60"), "is not ready"),
    "nonsense": (says(b"{"), "something other than JSON"),
    "nothing": (says({"choices": []}), "unexpected answer from the server: no choices"),
    "overflow": (status(400, {"error": {"message": "maximum context length"}}), "more tokens than its context holds"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_session_goes_on_after_every_fault(run: Cli, start: Start, name: str) -> None:
    double = start()
    fault, message = FAULTS[name]
    done = run(
        double.url,
        str(STRAWBERRY),
        typed=["step", lambda: double.fail("/v1/completions", fault), "step", "where", "step"],
        patience=1.5 if " 1.5 s" in message else 60,
    )
    failed = [line for line in done.out if line.startswith("*** no prediction: ")]
    assert (done.code, done.err, len(failed)) == (0, "", 1)
    assert message in failed[0]
    assert any(line.endswith("(24)<module>()") for line in done.out[3:-1]), "it stands where it stood"
    assert done.out[-1].endswith("(16)main() --Call-- -> def main():")


@pytest.mark.parametrize("name", FAULTS)
def test_a_trace_ends_where_the_server_fails_with_exit_code_3(run: Cli, start: Start, name: str) -> None:
    double = start()
    fault, message = FAULTS[name]
    double.fail("/v1/completions", none, none, fault)
    done = run(double.url, "trace", str(STRAWBERRY), patience=1.5 if " 1.5 s" in message else 60)
    assert (done.code, len(done.out)) == (3, 3)
    assert done.err.startswith("neuralpdb: no frame after 3: ")
    assert (message in done.err, done.err.count("\n")) == (True, 1)


def test_a_server_that_is_restarted_in_the_middle_is_used_again(run: Cli, start: Start) -> None:
    double = start()
    again: list[Double] = []
    done = run(
        double.url,
        str(STRAWBERRY),
        typed=["step", double.stop, "step", "step", lambda: again.append(start(port=double.port)), "step", "step"],
    )
    assert done.code == 0
    assert sum("connection refused" in line for line in done.out) == 2
    assert done.out[-2].endswith("(16)main() --Call-- -> def main():")
    assert "(17)main()" in done.out[-1]
    asked = [body["prompt"][0] for body in again[0].bodies("/v1/completions")]
    assert len(asked) == 2
    assert all(double.texts[0][: len(ids)] == ids for ids in asked), "the history is sent as the model wrote it"


def test_a_server_that_is_gone_when_text_has_to_be_counted_is_no_end_of_the_session(run: Cli, start: Start) -> None:
    double = start()
    done = run(double.url, str(STRAWBERRY), typed=["step", double.stop, "!new = 'unheard of'", "step", "vars"])
    assert done.code == 0
    assert sum("connection refused" in line for line in done.out) == 1
    assert done.out[-1] == "new = 'unheard of'"


def test_a_history_that_outgrows_the_context_is_shortened_and_that_is_said(run: Cli, start: Start) -> None:
    double = start(context=900)
    done = run(double.url, str(STRAWBERRY), typed=["step 60"])
    assert done.code == 0
    assert "note: the history outgrew the model's context, it was re-started from the present state" in done.out
    sizes = [len(body["prompt"][0]) for body in double.bodies("/v1/completions") if body.get("stream")]
    rooms = [body["max_tokens"] for body in double.bodies("/v1/completions") if body.get("stream")]
    assert max(map(sum, zip(sizes, rooms, strict=True))) <= 900
    assert sizes[-1] < max(sizes)


def test_ctrl_c_stops_the_step_and_the_request(start: Start, tmp_path: Path) -> None:
    double = start()
    command = [sys.executable, "-m", "neuralpdb", "--model-only", "--engine", "vllm"]
    command += ["--base-url", double.url, str(STRAWBERRY)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEURALPDB_")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("step\n")
        child.stdin.flush()
        child.stdout.readline()
        assert "main()" in child.stdout.readline()
        double.pause = 0.5
        child.stdin.write("step\n")
        child.stdin.flush()
        child.stdin.close()
        assert eventually(lambda: double.running == 1)
        child.send_signal(signal.SIGINT)
        assert eventually(lambda: double.running == 0), "the server works on for nobody"
        assert child.wait(10) == 130
        assert "interrupted" in child.stdout.read()
    assert double.broken == 1
