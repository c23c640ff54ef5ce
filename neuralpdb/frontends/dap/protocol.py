"""The messages of the Debug Adapter Protocol: requests and their arguments, responses, events, the client's settings.

Knows the form of a request, not what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.wire import Message

THREAD = 1
"""Number of the only thread."""


class Phase(IntEnum):
    """A phase of the session; requests move it from one to the next."""

    NEW = 0
    INITIALIZED = 1
    LAUNCHED = 2
    STARTED = 3
    OVER = 4


# -- requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arguments:
    """The arguments of a request, each read as its type. Raises UsageError where one is missing or of another type.

    where:  the request, or the part of it that these are, for messages.
    values: the arguments as the client sent them.
    """

    where: str
    values: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        return str(self._read(name, str, "text", default))

    def number(self, name: str, default: int | None = None) -> int:
        return int(self._read(name, int, "a whole number", default))

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._read(name, bool, "true or false", default))

    def table(self, name: str) -> Arguments:
        """Return an object; an empty one where it is missing."""
        return Arguments(f"{self.where}: {name}", self._read(name, dict, "an object", {}))

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; an empty one where it is missing."""
        items = self._read(name, list, "a list", [])
        if not all(isinstance(each, str) for each in items):
            raise UsageError(f"{self.where}: {name} is not a list of texts")
        return list(items)

    def items(self, name: str) -> list[Arguments]:
        """Return a list of objects; an empty one where it is missing."""
        items = self._read(name, list, "a list", [])
        if not all(isinstance(each, dict) for each in items):
            raise UsageError(f"{self.where}: {name} is not a list of objects")
        return [Arguments(f"{self.where}: {name}[{i}]", each) for i, each in enumerate(items)]

    def _read(self, name: str, kind: type, words: str, default: Any) -> Any:
        value = self.values.get(name)
        if value is None:
            if default is None:
                raise UsageError(f"{self.where}: {name} is missing", f"it is {words}")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise UsageError(f"{self.where}: {name} is {shown(value)}, not {words}")
        if isinstance(value, int) and abs(value) >= 2**53:
            raise UsageError(f"{self.where}: {name} is no number that JSON can hold")
        return value


def shown(value: object) -> str:
    """Return a value that a client sent, short, for a message to it."""
    text = repr(value) if isinstance(value, str | int | float | bool) or value is None else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Request:
    """A request.

    seq:       the client's number of it.
    command:   its name.
    arguments: what it asks for.
    number:    its place among the requests that wait their turn, from 1; of one answered at once, the next place.
    """

    seq: int
    command: str
    arguments: Arguments
    number: int = 0


def read(message: Mapping[str, Any], number: int = 0) -> Request:
    """Read a request. Raises UsageError where the message is not one."""
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


# -- responses and events ---------------------------------------------------------------------------------------------


def response(request: Request, body: Mapping[str, Any] | None = None) -> Message:
    """Return the response to a request that succeeded."""
    message = _response(request.seq, request.command, True)
    return message if body is None else {**message, "body": dict(body)}


def failure(seq: int, command: str, message: str, *, short: str = "", to_user: bool = False) -> Message:
    """Return the response to a request that failed.

    short:   the protocol's own word for the failure.
    to_user: whether the editor shows the message to the user.
    """
    line = " ".join(message.split())
    error = {"id": 1, "format": line, "showUser": to_user}
    return {**_response(seq, command, False), "message": short or line, "body": {"error": error}}


def _response(seq: int, command: str, success: bool) -> Message:
    return {"type": "response", "request_seq": seq, "success": success, "command": command}


def event(name: str, body: Mapping[str, Any] | None = None) -> Message:
    """Return an event."""
    message: Message = {"type": "event", "event": name}
    return message if body is None else {**message, "body": dict(body)}


@dataclass
class Client:
    """The settings of the client.

    first_line:   its number of the first line, 0 or 1.
    first_column: its number of the first column, 0 or 1.
    uris:         whether it names files by URIs, not paths.
    paging:       whether it reads long values in pages.
    progress:     whether it shows the progress of movements.
    invalidated:  whether it understands the event that values have changed.
    name:         of the editor.
    """

    first_line: int = 1
    first_column: int = 1
    uris: bool = False
    paging: bool = False
    progress: bool = False
    invalidated: bool = False
    name: str = field(default="")

    @classmethod
    def read(cls, arguments: Arguments) -> Client:
        """Read the arguments of `initialize`. Raises UsageError."""
        return cls(
            first_line=int(arguments.flag("linesStartAt1", True)),
            first_column=int(arguments.flag("columnsStartAt1", True)),
            uris=arguments.text("pathFormat", "path") == "uri",
            paging=arguments.flag("supportsVariablePaging"),
            progress=arguments.flag("supportsProgressReporting"),
            invalidated=arguments.flag("supportsInvalidatedEvent"),
            name=arguments.text("clientID", ""),
        )

    def line(self, line: int | None) -> int:
        """Return a line, counted from 1, as the client counts it; 0 where there is none."""
        return line + self.first_line - 1 if line else 0

    def own_line(self, line: int) -> int:
        """Return a line of the client, counted from 1."""
        return line + 1 - self.first_line
