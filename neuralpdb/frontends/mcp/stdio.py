"""Standard input and output as streams of messages: lines of bounded length; a line that is no message is an error.

Whatever else this process or its children print goes to standard error.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, cast

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError

LONGEST = 8 * 1024 * 1024
"""Most bytes of a message: the longest that a tool takes, a program of 200,000 characters, has far fewer."""

_Read = MemoryObjectReceiveStream[SessionMessage | Exception]
_Write = MemoryObjectSendStream[SessionMessage]


@asynccontextmanager
async def streams() -> AsyncIterator[tuple[_Read, _Write]]:
    """Open the streams of incoming and outgoing messages."""
    lines = cast("anyio.AsyncFile[str]", Lines(_take(0)))
    async with stdio_server(stdin=lines) as (read, write), anyio.create_task_group() as group:
        send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        group.start_soon(_forward, read, send, write)
        yield receive, cast(_Write, write)
        group.cancel_scope.cancel()


async def _forward(read: Any, send: MemoryObjectSendStream[SessionMessage | Exception], write: Any) -> None:
    """Pass messages on; answer a line that is no message by an error."""
    async with send:
        async for item in read:
            if isinstance(item, Exception):
                error = ErrorData(code=PARSE_ERROR, message="Parse error: not a JSON-RPC message")
                await write.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=None, error=error)))
            else:
                await send.send(item)


def _take(descriptor: int) -> BinaryIO:
    """Return the stream of a descriptor, and leave an empty one in its place."""
    stream = os.fdopen(os.dup(descriptor), "rb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, descriptor)
    os.close(empty)
    return stream


class Lines:
    """The lines of a binary stream, at most LONGEST bytes of each, read on a thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> str:
        line = await to_thread.run_sync(self._line, abandon_on_cancel=True)
        if not line:
            raise StopAsyncIteration
        return line.decode("utf-8", "replace")

    def _line(self) -> bytes:
        """Read the next line, one that is no message in place of a longer one; nothing at the end."""
        line = self._stream.readline(LONGEST)
        if len(line) == LONGEST and not line.endswith(b"\n"):
            piece = line
            while piece and not piece.endswith(b"\n"):
                piece = self._stream.readline(LONGEST)
            return b"too long\n"
        return line
