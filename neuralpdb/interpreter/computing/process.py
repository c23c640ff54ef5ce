"""The process of the interpreter as its parent sees it: started, sent to, read by lines, killed, and why it died."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from fcntl import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.computing.wire import READY
from neuralpdb.output.child_process import Child

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry

_START = 30.0
"""Seconds that the process has to start, plenty on a busy machine; the limits begin when it has started."""
_CHUNK = 1 << 16
"""Bytes read at once: some hundred frames, a tenth of a millisecond."""
_AHEAD = 1 << 20
"""Bytes of frames that the process may be ahead: some ten thousand; the most that Linux grants to anyone."""
_SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ of Linux, which `fcntl` does not name in every Python."""


class Late(Exception):
    """Nothing came from the process in time."""


@dataclass(frozen=True)
class Limits:
    """What an interpretation may use, beside its `Bounds`.

    step_seconds: time until the next frame: of the processor, and of the clock while somebody waits.
    seconds:      processor time in all.
    memory_mib:   address space of the process (Linux).
    output_mib:   frames in all, as they are sent.
    """

    step_seconds: float = 2.0
    seconds: int = 60
    memory_mib: int = 1024
    output_mib: int = 256


@dataclass(frozen=True)
class Death:
    """Why a process answers no more.

    why: in words. is_fault: whether that is an error of ours, not a limit that was reached or somebody's deed.
    is_deed: whether it was somebody's deed, so that another process may do better.
    """

    why: str
    is_fault: bool = False
    is_deed: bool = False


def program_of(entry: Entry, filename: str) -> dict[str, Any]:
    """Return what every job says of its program. filename: what the program is told that its file is."""
    return {
        "text": entry.program.text,
        "filename": filename if filename.startswith("<") else str(Path(filename).absolute()),
        "script": filename,
        "arguments": entry.arguments,
    }


class Process:
    """A process that interprets; started anew wherever it is needed after its death. One thread at a time uses it."""

    def __init__(self, limits: Limits) -> None:
        """Start it, without waiting for it."""
        self.limits = limits
        self.is_ready = False
        self._child: Child | None = None
        self._received = bytearray()
        with suppress(OSError):
            self.start()

    def __del__(self) -> None:
        """Leave no process and no pipe behind, whoever forgot to close it."""
        with suppress(Exception):
            self.kill()

    @property
    def is_dead(self) -> bool:
        """Whether there is none, or it has ended."""
        return self._child is None or self._child.is_dead()

    def start(self) -> None:
        """Start it in the place of the last. Raises OSError."""
        self.kill()
        self.is_ready = False
        self._received.clear()
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - no file
            self._child = Child("neuralpdb.interpreter.computing.child", stdin=subprocess.PIPE, output=nothing.fileno())
        with suppress(OSError):
            fcntl(self._child.channel, _SET_PIPE_SIZE, _AHEAD)
        self.send(asdict(self.limits))

    def send(self, message: object) -> None:
        """Send a line; what comes meanwhile is kept, so that neither side waits for the other. Raises OSError."""
        child = self._child
        jobs = child.process.stdin if child is not None else None
        if child is None or jobs is None:
            raise BrokenPipeError(errno.EPIPE, "no process")
        unsent = memoryview(json.dumps(message).encode("ascii") + b"\n")
        os.set_blocking(jobs.fileno(), False)
        until = time.monotonic() + _START
        while unsent:
            readable, writable, _ = select.select([child.channel], [jobs], [], until - time.monotonic())
            if readable:
                data = os.read(child.channel, _CHUNK)
                if not data:
                    raise BrokenPipeError(errno.EPIPE, "the process has ended")
                self._received += data
            if writable:
                unsent = unsent[os.write(jobs.fileno(), unsent) :]
            if not readable and not writable:
                raise TimeoutError(errno.ETIMEDOUT, "the process does not read")

    def answer(self, seconds: float) -> bytes | None:
        """Return the next line within some seconds after it has started; None when it is dead. Raises Late."""
        if not self.is_ready:
            self.is_ready = self.line(time.monotonic() + _START) == READY
        return self.line(time.monotonic() + seconds)

    def line(self, until: float) -> bytes | None:
        """Return the next line; None when the process is dead. Raises Late at the time `until`."""
        child = self._child
        searched = 0
        while child is not None:
            end = self._received.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[: end + 1]
                return line
            searched = len(self._received)
            left = until - time.monotonic()
            if left <= 0 or not select.select([child.channel], [], [], left)[0]:
                raise Late
            data = os.read(child.channel, _CHUNK)
            if not data:
                return None
            self._received += data
        return None

    def kill(self) -> int:
        """Kill it if there is one and return its exit code."""
        child, self._child = self._child, None
        if child is None:
            return 0
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        code = child.process.wait()
        child.close()
        with suppress(OSError):
            child.process.stdin.close()  # type: ignore[union-attr]
        return code

    def died(self, *, late: bool) -> Death:
        """End a process that answers no more and return why.

        late: whether it is alive, and did not answer in time.
        """
        limits = self.limits
        code = self.kill()
        if late or code == -signal.SIGPROF:
            return Death(f"the next frame takes longer than {limits.step_seconds:g} s")
        if code == -signal.SIGXCPU:
            return Death(f"the limit of {limits.seconds} s is reached")
        if code == -signal.SIGKILL:
            return Death("its process was killed", is_deed=True)
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return Death(f"its process died: {name}", is_fault=True)
