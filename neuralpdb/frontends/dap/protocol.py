"""The words of the Debug Adapter Protocol: the table of requests, their arguments, responses and events as JSON.

Knows what a request may hold and when it may come, not what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.wire import Message

THREAD = 1
"""The only thread there is."""


class Phase(IntEnum):
    """How far a session is."""

    NEW = 0
    INITIALIZED = 1
    LAUNCHED = 2
    STARTED = 3
    OVER = 4


# -- what a client says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arguments:
    """The arguments of one request, each read as what it has to be. Raises UsageError for what is missing or another.

    what: names the request, or the part of it that this is.
    """

    what: str
    values: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        return str(self._read(name, str, "text", default))

    def number(self, name: str, default: int | None = None) -> int:
        return int(self._read(name, int, "a whole number", default))

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._read(name, bool, "true or false", default))

    def table(self, name: str) -> Arguments:
        """An object; empty when there is none."""
        return Arguments(f"{self.what}: {name}", self._read(name, dict, "an object", {}))

    def texts(self, name: str) -> list[str]:
        found = self._read(name, list, "a list", [])
        if not all(isinstance(each, str) for each in found):
            raise UsageError(f"{self.what}: {name} is not a list of texts")
        return list(found)

    def items(self, name: str) -> list[Arguments]:
        """A list of objects; empty when there is none."""
        found = self._read(name, list, "a list", [])
        if not all(isinstance(each, dict) for each in found):
            raise UsageError(f"{self.what}: {name} is not a list of objects")
        return [Arguments(f"{self.what}: {name}[{i}]", each) for i, each in enumerate(found)]

    def _read(self, name: str, kind: type, words: str, default: Any) -> Any:
        found = self.values.get(name)
        if found is None:
            if default is None:
                raise UsageError(f"{self.what}: {name} is missing", f"it is {words}")
            return default
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise UsageError(f"{self.what}: {name} is {shown(found)}, not {words}")
        if isinstance(found, int) and abs(found) >= 2**53:
            raise UsageError(f"{self.what}: {name} is no number that JSON can hold")
        return found


def shown(value: object) -> str:
    """A value of a client, for a message to it."""
    text = repr(value) if isinstance(value, str | int | float | bool) or value is None else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Request:
    """One request. number: how many of those that wait their turn came before it."""

    seq: int
    command: str
    arguments: Arguments
    number: int = 0


def read(message: Mapping[str, Any], number: int = 0) -> Request:
    """The request that `message` is. Raises UsageError when it is none."""
    seq, command, arguments = message.get("seq"), message.get("command"), message.get("arguments")
    if message.get("type") != "request":
        raise UsageError(f"a message of type {shown(message.get('type'))} is not expected", "send requests")
    if not isinstance(seq, int) or isinstance(seq, bool) or abs(seq) >= 2**53:
        raise UsageError(f"seq is {shown(seq)}, not a whole number")
    if not isinstance(command, str):
        raise UsageError(f"command is {shown(command)}, not text")
    if arguments is not None and not isinstance(arguments, dict):
        raise UsageError(f"{command[:60]}: arguments are {shown(arguments)}, not an object")
    return Request(seq, command, Arguments(command, arguments or {}), number)


# -- what is said -----------------------------------------------------------------------------------------------------


def response(request: Request, body: Mapping[str, Any] | None = None) -> Message:
    """The response to a request that was carried out."""
    found = _response(request.seq, request.command, True)
    return found if body is None else {**found, "body": dict(body)}


def failure(seq: int, command: str, message: str, *, short: str = "", shown: bool = False) -> Message:
    """The response to a request that failed, in one line. short: a word of the protocol for it. shown: to the user."""
    line = " ".join(message.split())
    error = {"id": 1, "format": line, "showUser": shown}
    return {**_response(seq, command, False), "message": short or line, "body": {"error": error}}


def _response(seq: int, command: str, success: bool) -> Message:
    return {"type": "response", "request_seq": seq, "success": success, "command": command}


def event(name: str, body: Mapping[str, Any] | None = None) -> Message:
    """An event."""
    found: Message = {"type": "event", "event": name}
    return found if body is None else {**found, "body": dict(body)}


@dataclass
class Client:
    """What the client said of itself: how it counts, what it understands."""

    first_line: int = 1
    first_column: int = 1
    uris: bool = False
    paging: bool = False
    progress: bool = False
    invalidated: bool = False
    name: str = field(default="")

    @classmethod
    def read(cls, said: Arguments) -> Client:
        return cls(
            first_line=int(said.flag("linesStartAt1", True)),
            first_column=int(said.flag("columnsStartAt1", True)),
            uris=said.text("pathFormat", "path") == "uri",
            paging=said.flag("supportsVariablePaging"),
            progress=said.flag("supportsProgressReporting"),
            invalidated=said.flag("supportsInvalidatedEvent"),
            name=said.text("clientID", ""),
        )

    def line(self, line: int | None) -> int:
        """A line of ours (from 1) as the client counts; 0, or below its first, where there is none."""
        return (line or 0) + self.first_line - 1 if line else 0

    def own_line(self, line: int) -> int:
        """A line of the client's as we count."""
        return line + 1 - self.first_line
