"""The wire of the Debug Adapter Protocol: a `Content-Length` header and a JSON object, in both directions.

Whatever a client sends becomes a message or a `Refused`; nothing is raised, memory stays bounded, and the next message
is found again behind nonsense. Knows no requests.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

MAX_BODY = 8 * 2**20
"""Most bytes of one message that is read."""

MAX_SKIPPED = 2**30
"""Most bytes of a message that is too long which are skipped; a length beyond that is believed of nobody."""

_LINE = 8192
_LENGTH = re.compile(rb"Content-Length:[ \t]*([^\r\n]*?)[ \t]*\r?\n\Z", re.IGNORECASE)
_HEADER = re.compile(rb"[A-Za-z-]{1,64}:[^\r\n]*\r?\n\Z")


@dataclass(frozen=True)
class Refused:
    """Something that is no message; `reason` is for its sender."""

    reason: str


Message = dict[str, Any]


def messages(stream: BinaryIO) -> Iterator[Message | Refused]:
    """What comes, one message after the other, until the stream ends, also in the middle of one."""
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
    """The length that the next header says; None at the end of the stream."""
    length: int | None = None
    while line := stream.readline(_LINE):
        said = _LENGTH.search(line)
        if said:
            text = said[1].decode("ascii", "replace")
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
        passed = len(stream.read(min(length, 65_536)))
        if not passed:
            return
        length -= passed


def _parsed(body: bytes) -> Message | Refused:
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        return Refused("the message is nested too deeply")
    except (ValueError, MemoryError) as error:
        return Refused(f"the message is not JSON: {' '.join(str(error).split())[:200]}")
    return found if isinstance(found, dict) else Refused("the message is no JSON object")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class Sender:
    """Writes messages to `stream`, numbered from 1, whole, whichever thread sends; nothing once nobody reads."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._seq = 0
        self.gone = False

    def __call__(self, message: Mapping[str, Any]) -> None:
        """Send one message. `seq` is added to it."""
        with self._lock:
            self._seq += 1
            body = json.dumps({"seq": self._seq, **message}, allow_nan=False).encode("ascii")
            try:
                if not self.gone:
                    self._stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
                    self._stream.flush()
            except (OSError, ValueError):
                self.gone = True
