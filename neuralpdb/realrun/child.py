"""The child process of `process`: it sets the fences, records one program, sends each frame at once.

Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from neuralpdb.output.fences import CHANNEL_LOST, die_with, fence
from neuralpdb.realrun.recorder import record
from neuralpdb.realrun.snapshot import Limits
from neuralpdb.trace.frames import Ended, Frame, Trouble


def main(channel: int, alive: int) -> None:
    """Read a job (JSON) from standard input, write frames and then the end to the file descriptor `channel`.

    alive: a pipe that ends when the process that reads the frames dies.
    """
    die_with(alive)
    job = json.loads(sys.stdin.buffer.read())
    send = _Sender(channel)
    _detach(send)
    fence(job["rlimits"])
    if job["clock_shift"]:
        from neuralpdb.realrun import clock

        clock.shift(job["clock_shift"])
    sys.argv[:] = job["argv"]
    sys.path.insert(0, job["path"])
    send.ready()
    trace = record(
        job["text"],
        filename=job["filename"],
        entry_function=job["entry_function"],
        entry_line=job["entry_line"],
        limits=Limits(**job["limits"]),
        emit=send.frame,
        on_limit=send.end,
        on_input=send.input,
        output=(sys.stdout, sys.stderr),
    )
    send.end(trace.end)


def _detach(send: _Sender) -> None:
    """Give the program no input, pass on each line of output at once, and keep the channel to this process."""
    os.set_inheritable(send.channel, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        stream.reconfigure(encoding="utf-8", errors=errors, line_buffering=True)  # type: ignore[union-attr]
    os.register_at_fork(after_in_child=send.close)


class _Sender:
    """Sends frames as JSON lines before the program goes on: a recorded frame survives any death."""

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.input_sent = False

    def ready(self) -> None:
        self._write({"ready": sys.version})

    def close(self) -> None:
        """Stop recording in a forked child of the program: it is not the program that is recorded."""
        sys.settrace(None)
        if self.channel >= 0:
            os.close(self.channel)
        self.channel = -1

    def input(self) -> None:
        """Send, once, that the program reads its input."""
        if not self.input_sent and self.channel >= 0:
            self.input_sent = True
            self._write({"input": True})

    def frame(self, frame: Frame) -> None:
        self._write(frame.as_dict())

    def end(self, end: Ended | Trouble) -> NoReturn:
        """Send the end and leave at once, without waiting for threads and exit handlers of the program."""
        for stream in (sys.__stdout__, sys.__stderr__):
            with suppress(Exception):
                stream.flush()  # type: ignore[union-attr]
        if self.channel < 0:
            os._exit(0)
        if isinstance(end, Ended):
            self._write({"ended": end.reason})
        else:
            self._write({"trouble": end.kind.value, "message": end.message, "text": end.text})
        os._exit(0)

    def _write(self, data: dict[str, Any]) -> None:
        unsent = memoryview(json.dumps(data).encode("ascii") + b"\n")
        try:
            while unsent:
                unsent = unsent[os.write(self.channel, unsent) :]
        except OSError:
            os._exit(CHANNEL_LOST)
