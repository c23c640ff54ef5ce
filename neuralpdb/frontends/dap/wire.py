"""The wire of the Debug Adapter Protocol: a `Content-Length` header and a JSON object, in both directions.

Whatever a client sends becomes a message or a `Refused`: nothing is raised, memory stays bounded, and reading goes on
at the next message after nonsense. Knows no requests.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

MAX_BODY = 8 * 2**20
"""Most bytes of a message: a thousand breakpoints with conditions have far fewer."""

MAX_SKIPPED = 2**30
"""Most bytes that are skipped of a message that is too long; a greater length is taken for nonsense."""

_LINE = 8192
"""Most bytes of a header line; the one that is read has about 25."""
_LENGTH = re.compile(rb"Content-Length:[ \t]*([^\r\n]*?)[ \t]*\r?\n\Z", re.IGNORECASE)
_HEADER = re.compile(rb"[A-Za-z-]{1,64}:[^\r\n]*\r?\n\Z")


@dataclass(frozen=True)
class Refused:
    """Bytes that are not a message; `reason` is for the sender."""

    reason: str


Message = dict[str, Any]


def messages(stream: BinaryIO) -> Iterator[Message | Refused]:
    """Yield messages until the stream ends, be it in the middle of one."""
    lost = False
    try:
        while (length := _length(stream)) is not None:
            if isinstance(length, Refused):
                if not lost:  # one complaint about a stretch of nonsense, however long
                    yield length
                lost = True
                continue
            lost = False
            if length > MAX_BODY:
                yield Refused(f"a message of {length:,} bytes is too long, {MAX_BODY:,} are read")
                _skip(stream, length)
                continue
            body = stream.read(length)
            if len(body) < length:
                return
            yield _parsed(body)
    except (OSError, ValueError):  # the other side is gone, or the stream was closed on ours
        return


def _length(stream: BinaryIO) -> int | Refused | None:
    """Return the length in the next header; None at the end of the stream."""
    length: int | None = None
    while line := stream.readline(_LINE):
        match = _LENGTH.search(line)
        if match:
            text = match[1].decode("ascii", "replace")
            if not text.isdecimal() or len(text) > 12 or int(text) > MAX_SKIPPED:
                return Refused(f"Content-Length: {text[:20]} is no length")
            length = int(text)
        elif line in (b"\r\n", b"\n"):
            if length is not None:
                return length
        elif not line.endswith(b"\n") and len(line) < _LINE:
            return None  # cut off
        elif not _HEADER.match(line):
            return Refused("no header: a message begins with Content-Length: and the number of its bytes")
    return None


def _skip(stream: BinaryIO, length: int) -> None:
    while length > 0:
        skipped = len(stream.read(min(length, 65_536)))
        if not skipped:
            return
        length -= skipped


def _parsed(body: bytes) -> Message | Refused:
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        return Refused("the message is nested too deeply")
    except (ValueError, MemoryError) as error:
        return Refused(f"the message is not JSON: {' '.join(str(error).split())[:200]}")
    return message if isinstance(message, dict) else Refused("the message is no JSON object")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class Sender:
    """The outgoing end of a stream: messages of any thread, each whole, numbered from 1.

    gone: whether the client is gone; then messages are dropped.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._seq = 0
        self.gone = False

    def __call__(self, message: Mapping[str, Any]) -> None:
        """Send a message with its number, `seq`."""
        with self._lock:
            self._seq += 1
            body = json.dumps({"seq": self._seq, **message}, allow_nan=False).encode("ascii")
            try:
                if not self.gone:
                    self._stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
                    self._stream.flush()
            except (OSError, ValueError):
                self.gone = True
