"""An editor for tests: the independent client of `dap-python` at one end of a stream, the debugger at the other.

Every message of the debugger is checked against the protocol's own JSON schema, made strict: no property that it does
not know. Nothing is waited for by the clock: whoever waits reads until what is wanted comes.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from dap import Client
from dap.handler import Handler
from frame_sources import CALLS, SUMS, Sums, recorded
from jsonschema import Draft4Validator
from places import ROOT

from neuralpdb.cli.dap import entry_of
from neuralpdb.debugger.session import Session
from neuralpdb.frontends.dap.adapter import Adapter
from neuralpdb.frontends.dap.debuggee import Debuggee, Opener
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.server import serve
from neuralpdb.frontends.dap.sources import path_of
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Frame, FrameSource, Outcome

Body = dict[str, Any]


class Failed(Exception):
    """The debugger answered that a request failed; the text is what it said."""


# -- the schema -------------------------------------------------------------------------------------------------------


@cache
def _schema() -> Body:
    found: Body = json.loads((ROOT / "tests/schemas/debugProtocol.json").read_text("utf-8"))
    for name, each in found["definitions"].items():
        if name not in ("ProtocolMessage", "Request", "Event", "Response", "Message") and "Arguments" not in name:
            _closed(each)
    return found


def _closed(schema: Any) -> None:
    """Forbid what a schema does not name, in bodies and types; messages are put together from parts by `allOf`."""
    if isinstance(schema, dict):
        names = schema.get("properties", {}).keys() - {"body"}
        if names and "allOf" not in schema and not names & {"event", "command"}:
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _closed(each)
    elif isinstance(schema, list):
        for each in schema:
            _closed(each)


@cache
def _validator(name: str) -> Draft4Validator:
    assert name in _schema()["definitions"], f"the protocol knows no {name}"
    return Draft4Validator({**_schema(), "$ref": f"#/definitions/{name}"})


def check(message: Body) -> None:
    """Fails when the protocol does not allow this message."""
    if message["type"] == "event":
        name = message["event"] + "Event"
    elif message["success"]:
        name = message["command"] + "Response"
    else:
        name = "ErrorResponse"
    errors = [
        f"{error.json_path}: {error.message}" for error in _validator(name[0].upper() + name[1:]).iter_errors(message)
    ]
    assert not errors, (errors, message)


# -- the client -------------------------------------------------------------------------------------------------------


class _Patient(Handler):  # type: ignore[misc]
    """The library's own reading of messages, but for where its version 0.5 is not the protocol's.

    It takes a response without a body for one with it, some numbers for texts, and misspells `exceptionId`.
    """

    ODD = frozenset({"setFunctionBreakpoints", "setExceptionBreakpoints", "gotoTargets", "exceptionInfo"})

    def handle_response(self, response: Any) -> Any:
        if response.success and (response.body is None or response.command in self.ODD):
            self.client._pending_requests.pop(response.request_seq)
            return response
        return super().handle_response(response)

    def handle_event(self, event: Any) -> Any:
        if event.event == "stopped" and event.body.get("hitBreakpointIds"):
            event.body["hitBreakpointIds"] = [str(each) for each in event.body["hitBreakpointIds"]]
        return super().handle_event(event) if event.body is not None else event


class Editor:
    """Sends requests, reads what comes; `events` holds what was read and not asked for, oldest first."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, **said: Any) -> None:
        self.reader, self.writer = reader, writer
        self.events: list[Body] = []
        self.seen: list[str] = []
        self.client = Client("neuralpdb")  # it says at once that it can do everything
        if said:
            self.client._send_buf, self.client._seq = bytearray(), 1
            self.client.initialize("neuralpdb", **said)
        self.client.handler = _Patient(self.client)
        self.numbered = 0

    # -- streams ------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what the client has ready."""
        self.writer.write(self.client.send())
        self.writer.flush()

    def read(self) -> Body:
        """The next message, checked; fails at the end of the stream."""
        header = self.reader.readline()
        assert header.startswith(b"Content-Length: "), header
        assert self.reader.readline() == b"\r\n"
        body = self.reader.read(int(header.split()[1]))
        message = cast(Body, json.loads(body))
        self.numbered += 1
        assert message["seq"] == self.numbered
        check(message)
        parsed = list(self.client.receive(header + b"\r\n" + body))
        assert len(parsed) == 1
        self.seen.append(message.get("event") or message["command"])
        return message

    # -- what tests do ------------------------------------------------------------------------------------------------

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request and do not wait; its number."""
        number = cast(int, self.client.send_request(command, arguments))
        self.flush()
        return number

    def heard(self, command: str, **arguments: Any) -> int:
        """The same, and it was read at the other end: what is answered at once behind it was answered."""
        number = self.send(command, **arguments)
        self.ask("threads")
        return number

    def answer(self, number: int) -> Body:
        """The body of the response to a request. Raises Failed."""
        while True:
            message = self.read()
            if message["type"] == "event":
                self.events.append(message)
            elif message["request_seq"] == number:
                if not message["success"]:
                    raise Failed(message["body"]["error"]["format"])
                return cast(Body, message.get("body", {}))

    def ask(self, command: str, **arguments: Any) -> Body:
        """Send a request; the body of its response. Raises Failed."""
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> Body:
        """The body of the next event of that name, which may have come already; others are kept."""
        while True:
            found = next((each for each in self.events if each["event"] == name), None)
            if found is not None:
                self.events.remove(found)
                return cast(Body, found.get("body", {}))
            message = self.read()
            assert message["type"] == "event", message
            self.events.append(message)

    def stop(self, command: str, **arguments: Any) -> Body:
        """Carry out a movement; the body of the event where it stopped."""
        self.ask(command, **{"threadId": 1, **arguments})
        return self.event("stopped")

    def outputs(self) -> list[str]:
        """The lines for the console that were read and not looked at."""
        found = [each["body"]["output"] for each in self.events if each["event"] == "output"]
        self.events = [each for each in self.events if each["event"] != "output"]
        return found

    # -- several requests at once -------------------------------------------------------------------------------------

    def initialize(self) -> Body:
        self.flush()
        return self.answer(1)

    def launch(self, **arguments: Any) -> None:
        """As far as breakpoints can be set."""
        self.initialize()
        self.ask("launch", **arguments)
        self.event("initialized")

    def begin(self, **arguments: Any) -> Body:
        """As far as the first stop."""
        self.launch(**arguments)
        self.ask("configurationDone")
        return self.event("stopped")

    def frames(self) -> list[Body]:
        return cast(list[Body], self.ask("stackTrace", threadId=1)["stackFrames"])

    def line(self) -> int:
        return int(self.frames()[0]["line"])

    def scopes(self, frame: int = 0) -> dict[str, int]:
        """Name -> reference of the scopes of a frame, 0 the newest."""
        found = self.ask("scopes", frameId=self.frames()[frame]["id"])["scopes"]
        return {each["name"]: each["variablesReference"] for each in found}

    def variables(self, number: int, **arguments: Any) -> dict[str, Body]:
        found = self.ask("variables", variablesReference=number, **arguments)["variables"]
        return {each["name"]: each for each in found}

    def locals(self, frame: int = 0) -> dict[str, str]:
        return {name: each["value"] for name, each in self.variables(self.scopes(frame)["Locals"]).items()}

    def breaks(self, path: Path, *points: int | Mapping[str, Any]) -> list[Body]:
        wanted = [{"line": point} if isinstance(point, int) else dict(point) for point in points]
        return cast(
            list[Body], self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)["breakpoints"]
        )

    def evaluate(self, expression: str, context: str = "watch", **arguments: Any) -> Body:
        return self.ask("evaluate", expression=expression, context=context, **arguments)

    def leave(self) -> None:
        self.ask("disconnect")
        assert self.reader.readline() == b""


# -- debuggers --------------------------------------------------------------------------------------------------------


def opener(make: Callable[[Entry], FrameSource], **given: Any) -> Opener:
    """Opens launches whose frames come from a source that a test makes."""

    def opened(said: Arguments, say: Callable[[str], None]) -> Debuggee:
        path = path_of(said.text("program"))
        entry = entry_of(said, path)
        session = Session(entry, make(entry), max_frames=said.number("maxFrames", 1_000))
        return Debuggee(session, path, said.flag("stopOnEntry", True), **given)

    return opened


@contextmanager
def editing(opened: Opener, patience: float = 1e9, **said: Any) -> Iterator[Editor]:
    """An editor at a real socket, the debugger on another thread at its other end; it has to end with its client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_debugger, args=(server, opened, patience), daemon=True)
        thread.start()
        with socket.create_connection(server.getsockname()) as connection:
            connection.settimeout(60)
            with connection.makefile("rb") as reader, connection.makefile("wb") as writer:
                yield Editor(reader, writer, **said)
        thread.join(60)
        assert not thread.is_alive()


def _debugger(server: socket.socket, opened: Opener, patience: float) -> None:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as reader, connection.makefile("wb") as writer:
        serve(reader, writer, opened, patience)


@contextmanager
def process(command: Sequence[str], cwd: Path, **said: Any) -> Iterator[tuple[Editor, subprocess.Popen[bytes]]]:
    """An editor at the standard streams of a debugger."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd) as running:
        assert running.stdin and running.stdout
        try:
            yield Editor(cast(BinaryIO, running.stdout), cast(BinaryIO, running.stdin), **said), running
        finally:
            running.kill()


def quiet(opened: Opener, patience: float = 1e9) -> tuple[Adapter, list[Body]]:
    """An adapter without a stream, and the list of what it sends."""
    sent: list[Body] = []
    return Adapter(lambda message: sent.append(dict(message)), opened, patience), sent


# -- programs, and editors beside them ---------------------------------------------------------------------------------

PROGRAM = (
    CALLS
    + """\
d = {"x": [1, 2], "y": (3,)}
e = c
"""
)

LOOP = """\
total = 0
for i in range(6):
    total += i
done = total
"""


@contextmanager
def editor(folder: Path, text: str = PROGRAM, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """An editor beside the recorded run of `text`."""
    path = folder / "program.py"
    path.write_text(text)
    with editing(opener(recorded), **said) as found:
        yield found, path


@contextmanager
def sums(folder: Path, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """An editor beside a source that works out `SUMS` from whatever state it is given."""
    path = folder / "sums.py"
    path.write_text(SUMS)
    with editing(opener(lambda entry: Sums()), **said) as found:
        yield found, path


@contextmanager
def at_start(folder: Path, text: str = PROGRAM, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """The same, stopped at the first line."""
    with editor(folder, text, **said) as (found, path):
        found.begin(program=str(path))
        yield found, path


def lines_of(found: Editor, command: str, count: int, **arguments: Any) -> list[int]:
    lines = []
    for _ in range(count):
        found.stop(command, **arguments)
        lines.append(found.line())
    return lines


@dataclass
class Gated:
    """Passes on to `source`, one frame for each `gate.release()`."""

    source: FrameSource
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        assert self.gate.acquire(timeout=60)
        return self.source.next(history, draw=draw)


@contextmanager
def gated(folder: Path, patience: float = 1e9, **said: Any) -> Iterator[tuple[Editor, Path, threading.Semaphore]]:
    """An editor at the start of SUMS; every frame has to be let through."""
    path = folder / "sums.py"
    path.write_text(SUMS)
    source = Gated(Sums())
    with editing(opener(lambda entry: source), patience, **said) as found:
        found.begin(program=str(path))
        yield found, path, source.gate
