"""A client of `neuralpdb mcp` that keeps to nothing: it gets error responses, and the server lives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_agent import ENDLESS, HERE, agent, text_of
from places import ROOT

from neuralpdb.errors import INTERRUPTED
from neuralpdb.frontends.mcp.stdio import LONGEST

OPENING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "hostile", "version": "0"},
}


class Wire:
    """Bytes in, messages out."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *(command or [str(HERE)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.messages: Queue[Any] = Queue()
        self.numbered = 0
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.messages.put(json.loads(line))  # whatever it writes there is a message
        self.messages.put(None)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: object) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def request(self, method: str, params: object = None) -> Any:
        """The answer to a request; what comes before it is dropped."""
        self.numbered += 1
        said = {"jsonrpc": "2.0", "id": f"r{self.numbered}", "method": method}
        self.send(said if params is None else said | {"params": params})
        while (message := self.messages.get(timeout=60)) is not None:
            if message.get("id") == f"r{self.numbered}":
                return message
        raise AssertionError("the server is gone")

    def begin(self) -> Wire:
        assert "result" in self.request("initialize", OPENING)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def call(self, tool: str, **arguments: Any) -> Any:
        return self.request("tools/call", {"name": tool, "arguments": arguments})["result"]

    def alive(self) -> bool:
        return "structuredContent" in self.call("list_sessions")

    def end(self) -> int:
        """Close its input and wait for its exit code."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.process.wait(timeout=30)


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.process.kill()
    found.process.wait()


@pytest.fixture(scope="module")
def shared() -> Iterator[Wire]:
    found = Wire().begin()
    yield found
    assert found.end() == 0


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        b'{"jsonrpc": "1.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}',
        b"[]",
        b"null",
        b'"' + b"x" * (LONGEST + 10) + b'"',
    ],
    ids=str,
)
def test_what_is_no_message_is_answered_as_such(shared: Wire, line: bytes) -> None:
    while not shared.messages.empty():
        shared.messages.get()
    shared.write(line + b"\n")
    answer = shared.messages.get(timeout=60)
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert shared.alive()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/fly", {}),
        ("tools/call", {}),
        ("tools/call", {"name": 3}),
        ("tools/call", {"name": "step", "arguments": []}),
        ("tools/call", {"name": "x" * 100_000}),
        ("tools/call", {"name": "\u202e\u0007"}),
        ("initialize", {"protocolVersion": 7}),
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("prompts/get", {"name": "x"}),
        ("completion/complete", {}),
        ("sampling/createMessage", {}),
    ],
)
def test_a_request_that_is_wrong_is_an_error_response(shared: Wire, method: str, params: dict[str, Any]) -> None:
    answer = shared.request(method, params)
    assert answer["error"]["message"].isprintable()
    assert len(answer["error"]["message"]) < 200
    assert shared.alive()


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "nobody"}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled"},
        {"jsonrpc": "2.0", "method": "notifications/nonsense", "params": {"a": 1}},
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": "x"}},
        {"jsonrpc": "2.0", "id": "unasked", "result": {}},
        {"jsonrpc": "2.0", "id": "unasked", "error": {"code": 1, "message": "x"}},
    ],
)
def test_what_nobody_waits_for_is_ignored(shared: Wire, message: dict[str, Any]) -> None:
    shared.send(message)
    assert shared.alive()


def test_a_program_of_a_message_too_long_is_refused_and_the_next_one_opened(shared: Wire) -> None:
    assert shared.call("open_program", source="x = 1\n" * 1_000_000)["isError"]
    assert shared.call("open_program", source="x = 1\n")["structuredContent"]["frame"]["line"] == 1


@pytest.mark.parametrize("digits", ["1" + "0" * 5_000, "-1" + "0" * 400, "1e300", str(2**63), "NaN"])
def test_a_number_beyond_all_bounds_is_refused(shared: Wire, digits: str) -> None:
    params = f'{{"name": "step", "arguments": {{"session": "s", "count": {digits}}}}}'
    shared.write(f'{{"jsonrpc": "2.0", "id": "n", "method": "tools/call", "params": {params}}}\n'.encode())
    answer = shared.messages.get(timeout=60)
    assert "error" in answer or answer["result"]["isError"]
    assert shared.alive()


def test_nothing_is_done_for_a_client_that_has_not_begun(wire: Wire) -> None:
    assert "error" in wire.request("tools/call", {"name": "list_sessions", "arguments": {}})
    assert wire.begin().alive()


def test_a_progress_token_of_any_kind_harms_nobody(shared: Wire) -> None:
    session = shared.call("open_program", source=ENDLESS)["structuredContent"]["session"]
    for token in ("x" * 1_000, 0, True, None, {"a": 1}, 1.5):
        params = {"name": "step", "arguments": {"session": session}, "_meta": {"progressToken": token}}
        answer = shared.request("tools/call", params)
        assert "error" in answer or answer["result"]["structuredContent"]["passed"] == 1
    assert shared.alive()


@settings(max_examples=80)
@given(junk=st.lists(st.binary(max_size=60) | st.from_regex(rb'\{"jsonrpc": ?"2\.0"[^\n]{0,40}', fullmatch=True)))
def test_any_bytes_are_survived(shared: Wire, junk: list[bytes]) -> None:
    shared.write(b"\n".join(each.replace(b"\n", b" ") for each in junk) + b"\n")
    assert shared.alive()


def test_a_client_that_is_cut_off_in_a_message_ends_the_server(wire: Wire) -> None:
    wire.begin().write(b'{"jsonrpc": "2.0", "id": 7, "method": "tools/ca')
    assert wire.end() == 0


def test_a_client_that_leaves_during_a_prediction_ends_it(wire: Wire) -> None:
    session = wire.begin().call("open_program", source=ENDLESS)["structuredContent"]["session"]
    said = {"name": "continue", "arguments": {"session": session}, "_meta": {"progressToken": 1}}
    wire.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": said})
    while wire.messages.get(timeout=60).get("method") != "notifications/progress":
        pass
    assert wire.end() == 0


def test_a_client_that_reads_no_more_ends_the_server() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(HERE)], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode() + b"\n")
            process.stdin.close()
        assert process.wait(timeout=30) == 0
        assert b"Traceback" not in process.stderr.read()


# -- the command line ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_embedded_model_predicts_and_its_recording_says_the_same_again(tmp_path: Path) -> None:
    command = ("-m", "neuralpdb", "mcp", "--root", str(ROOT / "examples"))
    said = []
    for options in (("--engine", "local", "--record", "r.jsonl"), ("--engine", "replay", "--recording", "r.jsonl")):
        with agent(*command, *options, "--allow-run", cwd=tmp_path) as found:
            session = found.ask("open_program", path="strawberry.py")["session"]
            found.ask("set_breakpoint", session=session, function="is_match")
            said.append(
                [
                    found.read("predict", session=session, frames=3),
                    found.read("continue", session=session),
                    found.read("set_state", session=session, assignment="letter = 'r'"),
                    found.read("finish", session=session),
                ]
            )
            found.ask("go", session=session, step=3)
            assert found.ask("compare", session=session)["verdicts"] == {"exact": 3}
    assert said[0] == said[1]


def test_a_model_that_is_not_there_is_an_error_of_the_call_and_not_of_the_server(tmp_path: Path) -> None:
    command = ("-m", "neuralpdb", "mcp", "--engine", "local", "--weights", "nowhere")
    with agent(*command, cwd=tmp_path) as found:
        session = found.open("import world\ny = world.it\nz = 1\n")
        assert "nowhere" in found.refused("step", session=session)
        assert text_of(found.call("list_sessions")).startswith(f"{session}: step 0")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--root", "nowhere"], 2, "--root nowhere: not a directory"),
        (["--limit", "seconds=1"], 2, "--limit needs --allow-run"),
        (["--allow-run", "--limit", "x=1"], 2, "--limit x=1: not a known limit"),
        (["--engine", "replay"], 2, "--engine replay and --recording FILE go together"),
        (["script.py"], 2, "script.py"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_an_exit_code(options: list[str], code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neuralpdb", "mcp", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_on_a_terminal_it_says_what_it_waits_for_and_ctrl_c_ends_it() -> None:
    child = pexpect.spawn(sys.executable, ["-m", "neuralpdb", "mcp", "--engine", "local"], timeout=30)
    child.expect_exact("waiting for an MCP client")
    child.sendline('{"jsonrpc": "2.0", "id": 1, "method": "ping"}')
    child.expect_exact('"result":{}')
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == INTERRUPTED


def test_without_the_sdk_one_line_says_how_to_install_it() -> None:
    script = "import sys; sys.modules['mcp'] = None; from neuralpdb.cli.main import main; sys.exit(main(['mcp']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "neuralpdb: the MCP SDK is not installed (pip install 'neuralpdb[mcp]')\n"
