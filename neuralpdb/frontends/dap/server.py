"""The server of the Debug Adapter Protocol: one client on standard input and output, or several in turn on a socket."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.adapter import Adapter
from neuralpdb.frontends.dap.debuggee import Opener
from neuralpdb.frontends.dap.progress import PATIENCE
from neuralpdb.frontends.dap.wire import Sender, messages

HOST = "127.0.0.1"


def serve(reader: BinaryIO, writer: BinaryIO, opener: Opener, patience: float = PATIENCE) -> bool:
    """Serve one client until it disconnects or its stream ends. Return False while a prediction for it goes on.

    patience: seconds before progress is reported.
    """
    adapter = Adapter(Sender(writer), opener, patience)
    try:
        for message in messages(reader):
            if not adapter.receive(message):
                break
    finally:
        done = adapter.close()
    return done


def stdio(opener: Opener) -> int:
    """Serve one client on standard input and output. Whatever else is printed goes to standard error."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    serve(reader, writer, opener)
    return 0


def listen(where: str, opener: Opener, forget: Callable[[], None], say: Callable[[str], None]) -> int:
    """Serve clients at `PORT` or `HOST:PORT`, one after the other, until Ctrl-C. Raises UsageError.

    forget: gives up an engine that still predicts for a client that is gone.
    say:    prints a line for the user.
    """
    host, port = address(where)
    try:
        server = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number and number > 0 else getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--port {where}: cannot listen there: {reason}", "choose another") from None
    with server:
        name, number = server.getsockname()[:2]
        say(f"listening at {f'[{name}]' if ':' in name else name}:{number}")
        if not (name.startswith("127.") or name == "::1"):
            say("warning: whoever reaches that address can read the Python files that you can")
        while True:
            with suppress(OSError), server.accept()[0] as connection:  # a client may be gone at any moment
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection.makefile("rb") as reader, connection.makefile("wb") as writer:
                    if not serve(reader, writer, opener):
                        forget()


def address(where: str) -> tuple[str, int]:
    """Split `4711`, `host:4711` or `[::1]:4711` into host and port; without a host, this machine. Raises UsageError."""
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--port {where}: not a port", "for example 4711, or 127.0.0.1:4711")
    return host.removeprefix("[").removesuffix("]") or HOST, int(port)
