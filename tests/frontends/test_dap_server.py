"""`neuralpdb dap` as a process, what it launches, and clients that mean it no good."""

from __future__ import annotations

import io
import json
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from dap_editor import Body, Editor, Failed, check, editing, opener, process, quiet
from frame_sources import Sums, Wandering, entry_of, misled, recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from parrot import Parrot
from places import ROOT

from neuralpdb.cli import main
from neuralpdb.cli.dap import OTHERS, SETTINGS, Launcher, settings_of
from neuralpdb.engines.replay import RecordingEngine
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap import real_run, server
from neuralpdb.frontends.dap.adapter import Adapter
from neuralpdb.frontends.dap.debuggee import Debuggee
from neuralpdb.frontends.dap.prompt import prompt
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.requests.table import requests
from neuralpdb.frontends.dap.wire import Message, messages
from neuralpdb.predict.computed.source import ComputedSource, Filling
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.realrun.limits import Limits
from neuralpdb.trace.frames import Frame, FrameSource

PROGRAM = """\
def double(n):
    m = n + n
    return m


a = double(2)
b = [a, 1]
c = b
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """PROGRAM, and what a model that is always right said about it."""
    folder = tmp_path_factory.mktemp("recorded")
    program, said = folder / "program.py", folder / "said.jsonl"
    program.write_text(PROGRAM)
    entry = entry_of(PROGRAM, name="program.py")
    engine = RecordingEngine(Parrot(entry, recorded(entry)), said)
    predictor = Predictor(entry, engine)
    history = [entry.first]
    while isinstance(frame := predictor.next(cast(list[Frame], history)), Frame):
        history.append(frame)
    engine.close()
    return program, said


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "neuralpdb", "dap", *arguments]


# -- as a process -----------------------------------------------------------------------------------------------------


def test_an_editor_steps_a_prediction_forwards_and_backwards_on_the_standard_streams(
    recording: tuple[Path, Path],
) -> None:
    program, said = recording
    with process(command("--engine", "replay", "--recording", said.name), said.parent) as (found, running):
        found.launch(program="program.py", modelOnly=True)
        assert found.breaks(program, {"line": 3, "logMessage": "m is {m}"})[0]["verified"]
        found.ask("configurationDone")
        found.event("stopped")
        found.stop("next")
        assert (found.line(), found.locals()) == (7, {"a": "4"})
        assert found.outputs() == ["m is 4\n"]
        assert found.variables(found.scopes()["Prediction"])["confidence"]["value"].endswith(" %")
        found.stop("stepBack")
        assert found.line() == 6
        found.leave()  # nothing but the protocol was on standard output
        assert running.wait(30) == 0
        assert running.stderr is not None and running.stderr.read() == b""


@pytest.mark.parametrize("rest", [b"", b"Content-Length: 100\r\n\r\n{", b"Content-Le"])
def test_a_client_that_is_gone_without_a_word_is_no_failure(recording: tuple[Path, Path], rest: bytes) -> None:
    program, said = recording
    options = command("--engine", "replay", "--recording", str(said))
    with process(options, said.parent) as (found, running):
        found.begin(program=str(program))
        found.writer.write(rest)
        found.writer.close()
        assert running.wait(30) == 0
        assert running.stderr is not None and running.stderr.read() == b""


def test_clients_come_one_after_the_other_to_a_port(recording: tuple[Path, Path]) -> None:
    program, said = recording
    options = command("--port", "0", "--engine", "replay", "--recording", str(said))
    with subprocess.Popen(options, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None and running.stdout is not None
        host, port = running.stderr.readline().decode().split()[-1].split(":")
        assert host == "127.0.0.1"
        for way in ("disconnects", "goes", "is gone", "disconnects"):
            with (
                socket.create_connection((host, int(port)), 30) as connection,
                connection.makefile("rb") as reader,
                connection.makefile("wb") as writer,
            ):
                found = Editor(reader, writer)
                found.begin(program=str(program))
                found.stop("continue")
                assert found.locals()["b"] == "[4, 1]"
                if way == "disconnects":
                    found.leave()
                elif way == "is gone":  # while it is answered
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    for _ in range(200):
                        found.client.send_request("source", {"sourceReference": 1})
                    found.flush()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stdout.read() == b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x"], "--port x: not a port (for example 4711, or 127.0.0.1:4711)"),
        (["--port", "70000"], "--port 70000: not a port"),
        (["--port", "256.1.1.1:1"], "--port 256.1.1.1:1: cannot listen there"),
        (["--engine", "local", "--base-url", "nothing"], "base_url = 'nothing' is not an address"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["dap", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == "" and said in output.err and output.err.count("\n") == 1


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main.main(["dap", "--port", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    assert "Address already in use (choose another)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4711", ("127.0.0.1", 4711)), ("h:1", ("h", 1)), ("[::1]:2", ("::1", 2)), (":3", ("127.0.0.1", 3))],
)
def test_an_address_without_a_host_is_this_machine_alone(text: str, expected: tuple[str, int]) -> None:
    assert server.address(text) == expected


def test_what_else_prints_goes_to_standard_error(tmp_path: Path) -> None:
    code = (
        "import sys; from neuralpdb.frontends.dap import server; "
        "server.serve = lambda *a: print('noise', repr(sys.stdin.read()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nsys.exit(server.stdio(None))"], input=b"x", capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"noise ''\n")


def test_the_embedded_model_is_stepped_in_an_editor() -> None:
    program = ROOT / "examples" / "strawberry.py"
    with process(command("--engine", "local"), ROOT) as (found, running):
        found.launch(program=str(program))
        found.breaks(program, {"line": 12, "condition": "total == 1"})
        found.ask("configurationDone")
        found.event("stopped")
        assert found.stop("continue")["reason"] == "breakpoint"
        assert (found.locals()["total"], found.locals()["letter"]) == ("1", "'r'")
        assert [each["name"] for each in found.frames()] == ["count_letter", "main", "<module>"]
        found.ask("setVariable", variablesReference=found.scopes()["Locals"], name="total", value="40")
        found.stop("next")
        assert found.locals()["total"] == "41"
        for _ in range(2):
            found.stop("stepBack")
        assert found.locals()["total"] == "1"
        assert found.variables(found.scopes()["Prediction"])["origin"]["value"] == "computed"
        found.leave()
        assert running.wait(60) == 0


# -- what is launched -------------------------------------------------------------------------------------------------


def launched(launcher: Launcher, **arguments: Any) -> tuple[Debuggee, list[str]]:
    said: list[str] = []
    return launcher(Arguments("launch", arguments), said.append), said


def engine_of(debuggee: Debuggee) -> object:
    source = debuggee.session.source
    ahead = source.model if isinstance(source, ComputedSource) else cast(LookAhead, source)
    asked = ahead.source
    return (asked.model if isinstance(asked, Filling) else cast(Predictor, asked)).engine


def test_the_engine_is_kept_for_the_next_launch_that_wants_the_same(recording: tuple[Path, Path]) -> None:
    program, said = recording
    launcher = Launcher({"engine": "replay"}, said)

    def engine(**arguments: Any) -> object:
        return engine_of(launched(launcher, program=str(program), **arguments)[0])

    first = engine()
    assert engine() is first
    assert engine(constrain=False, maxFrames=7) is first
    assert engine(modelOnly=True, secondOpinion=False) is first
    assert engine(recording=str(said), engine="replay") is first
    other = said.with_name("other.jsonl")
    other.write_bytes(said.read_bytes())
    assert engine(recording="other.jsonl", engine="replay", cwd=str(said.parent)) is not first
    launcher.close()


def test_an_engine_at_work_for_a_client_that_is_gone_is_left_alone(recording: tuple[Path, Path]) -> None:
    program, said = recording
    launcher = Launcher({"engine": "replay"}, said)
    opened = []
    for _ in range(2):
        opened.append(engine_of(launched(launcher, program=str(program))[0]))
        launcher.forget()
    assert opened[0] is not opened[1]
    launcher.close()


def test_a_client_that_goes_does_not_wait_for_a_model_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(PROGRAM)
    begun, gate = threading.Event(), threading.Event()

    class Hanging:
        def next(self, history: object, *, draw: int = 0) -> Frame:
            begun.set()
            gate.wait()
            raise KeyboardInterrupt

    adapter, sent = quiet(opener(lambda entry: cast(FrameSource, Hanging())))
    for number, (name, arguments) in enumerate(
        [("initialize", {}), ("launch", {"program": str(path)}), ("configurationDone", {}), ("next", {"threadId": 1})]
    ):
        assert adapter.receive({"seq": number, "type": "request", "command": name, "arguments": arguments})
    assert begun.wait(60)
    assert not adapter.receive({"seq": 9, "type": "request", "command": "disconnect"})
    assert "disconnect" in [each.get("command") for each in sent]
    assert not adapter.close(0.01)
    gate.set()
    assert adapter.close()


def test_what_a_launch_should_know_is_said(recording: tuple[Path, Path]) -> None:
    program, said = recording
    launcher = Launcher({"engine": "replay"}, said)
    _, notes = launched(
        launcher, program=str(program), args=["1", "2"], stopOnEnrty=False, __sessionId="x", name="n", modelOnly=True
    )
    assert notes == [
        "note: launch: unknown argument 'stopOnEnrty'; did you mean stopOnEntry?",
        "note: the model does not see the script's arguments (2 given)",
    ]
    debuggee, _ = launched(launcher, module=program.stem, cwd=str(program.parent))
    assert debuggee.path == program
    debuggee, _ = launched(launcher, program=program.name, cwd=str(program.parent), maxFrames=3)
    assert (debuggee.path, debuggee.session.max_frames) == (program, 3)
    for wrong, message in (
        ({"engine": "gpt"}, "is not one of auto, local, vllm, replay"),
        ({"engine": "local", "maxFrames": 0}, "is not a whole number from 1 on"),
        ({"weights": [1]}, "launch: weights is list"),
        ({"module": "json"}, "launch: program and module exclude each other"),
        ({"engine": "replay"}, "--engine replay and --recording FILE go together"),
    ):
        with pytest.raises(UsageError, match=message):
            launched(Launcher(), program=str(program), **wrong)


def test_a_launch_configuration_is_stronger_than_the_command_line_but_gets_no_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEURALPDB_API_KEY", "secret")

    def of(flags: Body, **arguments: Any) -> Any:
        return settings_of(Arguments("launch", arguments), flags, tmp_path)

    assert of({"engine": "local", "max_frames": 5}, maxFrames=6).max_frames == 6
    assert of({"engine": "local", "max_frames": 5}, constrain=False).max_frames == 5
    assert of({"base_url": "http://a:1/v1"}, engine="local").base_url == ""
    remote = of({"engine": "local"}, baseUrl="http://somewhere:8000/v1")
    assert (remote.engine, remote.base_url) == ("vllm", "http://somewhere:8000/v1")
    with pytest.raises(UsageError, match="the launch configuration names the server"):
        Launcher()._engine(remote, None, print)
    with pytest.raises(UsageError, match="must not hold credentials"):
        of({}, baseUrl="http://me:pw@somewhere/v1")
    assert of({}, weights="w", engine="local").weights == tmp_path / "w"


# -- the real run beside it -------------------------------------------------------------------------------------------


def test_a_launch_runs_nothing_for_real_unless_that_was_allowed(recording: tuple[Path, Path]) -> None:
    program, said = recording
    with pytest.raises(UsageError, match="compare runs the program for real"):
        launched(Launcher({"engine": "replay"}, said), program=str(program), compare=True)
    assert main.main(["dap", "--limit", "seconds=1"]) == 2


def test_every_stop_says_what_became_of_the_prediction_beside_the_real_run(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(PROGRAM)

    def opened(said: Arguments, say: Callable[[str], None]) -> Debuggee:
        found = opener(lambda entry: misled(entry, "n + n", "n * 3"))(said, say)
        shown = prompt(found.session)
        close = real_run.begin(shown, found.path, [], Limits(), say)
        return replace(found, prompt=shown, verdict=partial(real_run.verdict, shown), close=close)

    with editing(opened) as found:
        found.begin(program=str(path))
        assert found.outputs() == ["note: the program is run for real, in a child process with limits\n"]
        found.evaluate("check", "repl")  # it waits for the real run
        assert found.stop("stepIn")["description"] == "call of double() = exact"
        found.stop("stepIn")
        assert found.stop("stepIn")["description"] == "! state: m: predicted 6, actual 4"
        rows = found.variables(found.scopes()["Prediction"])
        assert rows["truth"]["value"] == "! state: m: predicted 6, actual 4"
        found.evaluate("adopt", "repl")
        found.event("invalidated")
        assert found.variables(found.scopes()["Prediction"])["truth"]["value"] == "= actual (adopted)"
        assert found.locals() == {"n": "2", "m": "4"}
        found.leave()


def test_why_there_is_no_real_run_is_said(recording: tuple[Path, Path], tmp_path: Path) -> None:
    program, said = recording
    launcher = Launcher({"engine": "replay"}, said, Limits())
    debuggee, notes = launched(launcher, program=str(program), compare=True, at=2, state={"n": 1})
    assert notes[0].startswith("note: there is no real run to compare with: ")
    assert debuggee.verdict(debuggee.session.start()) == ""
    debuggee, notes = launched(launcher, program=str(program), compare=True)
    debuggee.session.start()
    assert debuggee.prompt is not None and debuggee.prompt.beside is not None
    assert debuggee.prompt.beside.reach(3, 60)
    assert debuggee.verdict(debuggee.session.step()) == "= exact"
    debuggee.close()
    launcher.close()


# -- clients that mean no good ----------------------------------------------------------------------------------------

NAMES = (
    *("program", "call", "at", "state", "stopOnEntry", "threadId", "frameId", "variablesReference", "name", "value"),
    *("expression", "context", "source", "breakpoints", "line", "column", "text", "start", "count", "filter", "levels"),
    *("startFrame", "targetId", "granularity", "filters", "filterOptions", "requestId", "progressId", "arguments"),
    *("sourceReference", "endLine", "dataId", "condition", "hitCondition", "logMessage", "linesStartAt1", "restart"),
)
PLAUSIBLE = st.one_of(
    st.integers(-2, 12),
    st.sampled_from(
        [2**31, 2**53, 2**70, -(2**63), 0.5, True, None, "", "x", "[1, 2]", "total", "repl", "hover", "\0"]
    ),
    st.sampled_from(
        ["step", "quit", "commands 1", "find 1", "predict 3", "\ud800", "x = [", "a" * 5000, "{a}", "%", "% 1"]
    ),
    st.sampled_from(
        [{"path": "PROGRAM"}, {"path": "\0"}, {"path": 3}, [{"line": 3}], [{"line": "x"}], [[]], [None], {}]
    ),
    st.sampled_from([[{"line": 3, "condition": "("}], [{"line": 2, "hitCondition": "9" * 50}], [{"name": "f"}]]),
)
HOSTILE = st.fixed_dictionaries(
    {"command": st.sampled_from([*sorted(each.name for each in requests()), "attach", "", "launch"])},
    optional={"arguments": st.dictionaries(st.sampled_from(NAMES), PLAUSIBLE, max_size=5) | PLAUSIBLE},
)
ODD = st.one_of(
    HOSTILE,
    st.dictionaries(st.sampled_from(["seq", "type", "command", "arguments", "body"]), PLAUSIBLE),
)


class Inbox:
    """An adapter without a stream: answers are waited for by their number."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.program = folder / "hostile.py"
        self.program.write_text("def f(x):\n    y = x\n    return y\n\n\ntotal = f(1)\nx = [total]\nz = x\n")
        self.sent: queue.Queue[Body] = queue.Queue()
        self.seq = 0
        self.adapter = Adapter(self._take, opener(lambda entry: Wandering(entry, seed)), 0.0)

    def _take(self, message: Message) -> None:
        self.seq += 1
        whole = json.loads(json.dumps({"seq": self.seq, **message}, allow_nan=False))
        check(whole)
        self.sent.put(whole)

    def ask(self, number: int, command: str, arguments: Any = None) -> Body:
        message = {"seq": number, "type": "request", "command": command}
        self.adapter.receive(message if arguments is None else {**message, "arguments": arguments})
        return self.answer(number)

    def answer(self, number: int) -> Body:
        while True:
            message = self.sent.get(timeout=60)
            if message["type"] == "response":
                assert message["request_seq"] == number
                return message


@settings(max_examples=60)
@given(st.lists(ODD, max_size=25), st.integers(0, 5), st.sampled_from([0, 1, 2, 3]))
def test_every_request_however_odd_is_answered_once_and_the_session_lives(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Body], seed: int, begun: int
) -> None:
    inbox = Inbox(tmp_path_factory.getbasetemp(), seed)
    start = [
        ("initialize", {}),
        ("launch", {"program": str(inbox.program), "maxFrames": 20}),
        ("configurationDone", {}),
    ]
    for number, (name, arguments) in enumerate(start[:begun], 1):
        assert inbox.ask(number, name, arguments)["success"]
    for number, message in enumerate(wanted, 100):
        if message.get("command") == "disconnect":
            continue
        text = json.dumps({"type": "request", "seq": number, **message}).replace("PROGRAM", str(inbox.program))
        sent = json.loads(text)
        if sent["type"] == "response":
            continue
        inbox.adapter.receive(sent)
        real = isinstance(sent["seq"], int) and not isinstance(sent["seq"], bool) and abs(sent["seq"]) < 2**53
        answer = inbox.answer(sent["seq"] if real else 0)
        assert "internal error" not in answer.get("message", ""), (sent, answer)
    assert inbox.ask(9, "disconnect")["success"]
    assert inbox.adapter.close()


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_noise_between_requests_costs_an_error_response_at_most(tmp_path_factory: Any, noise: list[bytes]) -> None:
    """The whole of the server on streams: what is asked behind any noise is answered."""

    def framed(message: Body) -> bytes:
        body = json.dumps(message).encode()
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    data = b"".join(each.replace(b"Content-Length", b"") + b"\n" for each in noise)
    data += framed({"seq": 7, "type": "request", "command": "initialize"})
    data += b"\n".join(noise).replace(b"Content-Length", b"") + b"\n"
    data += framed({"seq": 8, "type": "request", "command": "disconnect"})
    out = io.BytesIO()
    server.serve(io.BytesIO(data), cast(BinaryIO, out), opener(lambda entry: Sums()))
    answers = [each for each in messages(io.BytesIO(out.getvalue())) if isinstance(each, dict)]
    for each in answers:
        check(each)
    numbers = [each["request_seq"] for each in answers]
    assert {7, 8} & {*numbers} >= {8} and set(numbers) <= {0, 7, 8} and numbers.count(0) <= 2


@contextmanager
def raw(folder: Path) -> Iterator[tuple[Editor, Path]]:
    path = folder / "p.py"
    path.write_text(PROGRAM)
    with editing(opener(recorded)) as found:
        found.begin(program=str(path))
        yield found, path


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"Content-Length: 99999999999\r\n\r\n",
        b"Content-Length: 5\r\n\r\n{{{{{",
        b"Content-Length: 9000000\r\n\r\n" + b"x" * 9_000_000,
        b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        b"Content-Length: 2\r\n\r\n[]",
        b'Content-Length: 14\r\n\r\n{"type": null}',
    ],
)
def test_what_is_no_request_gets_an_error_response_and_the_session_goes_on(tmp_path: Path, data: bytes) -> None:
    with raw(tmp_path) as (found, _):
        found.writer.write(data)
        found.writer.flush()
        header = found.reader.readline()
        assert found.reader.readline() == b"\r\n"
        answer = json.loads(found.reader.read(int(header.split()[1])))
        check(answer)
        found.numbered += 1
        assert (answer["request_seq"], answer["success"]) == (0, False)
        found.stop("next")
        assert found.line() == 7
        found.leave()


def test_an_unknown_request_is_named(tmp_path: Path) -> None:
    with raw(tmp_path) as (found, _):
        for name in ("readMemory", "modules", "x" * 100_000):
            with pytest.raises(Failed, match="unknown request"):
                found.ask(name)


def test_a_flood_of_requests_is_answered_in_full(tmp_path: Path) -> None:
    with raw(tmp_path) as (found, _):
        numbers = [found.client.send_request("evaluate", {"expression": "1 + 1"}) for _ in range(3_000)]
        found.flush()
        assert all(found.answer(number)["result"] == "2" for number in numbers)


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["dap", "--help"]) == 0
    assert "Debug Adapter Protocol" in capsys.readouterr().out


# -- what editors are given -------------------------------------------------------------------------------------------


def test_the_extension_for_vs_code_offers_the_arguments_of_a_launch() -> None:
    manifest = json.loads((ROOT / "docs/vscode/package.json").read_text("utf-8"))
    debugger = manifest["contributes"]["debuggers"][0]
    properties = debugger["configurationAttributes"]["launch"]["properties"]
    assert properties.keys() == {*SETTINGS, *OTHERS} - {"noDebug"}
    assert debugger["type"] in (ROOT / "docs/vscode/extension.js").read_text("utf-8")
    assert all(f"`{name}`" in (ROOT / "docs/dap.md").read_text("utf-8") for name in properties)
