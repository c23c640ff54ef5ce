"""Worker: a child process that interprets programs, one after another, within limits; frames come as they are asked.

The child runs ahead as far as the pipe between them holds, so that a step is most often a look-up. Whatever becomes of
it, a computing ends with an outcome, never with an exception, and the next one has a living child.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from fcntl import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.interpreter.computing.wire import END, READY, Reader, read_end
from neuralpdb.interpreter.interpretation import Bounds, Computed, End, Outcome
from neuralpdb.output.child_process import Child

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry

_START = 30.0
"""Seconds that the child has to start, plenty on a busy machine; the limits begin when it has started."""
_GRACE = 0.05
"""Seconds that a child has to end a program early before it is killed: shorter than starting another one."""
_CHUNK = 1 << 16
"""Bytes read at once: some hundred frames, a tenth of a millisecond."""
_AHEAD = 1 << 20
"""Bytes of frames that the child may be ahead: some ten thousand frames; the most that Linux grants to anyone."""
_SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ of Linux, which `fcntl` does not name in every Python."""
ENDED_EARLY = Outcome(End.STOPPED, "it was ended early")


class Late(Exception):
    """Nothing came from the child in time."""


@dataclass(frozen=True)
class Limits:
    """What an interpretation may use, beside its `Bounds`.

    step_seconds: time until the next frame: of the processor, and of the clock while somebody waits.
    seconds:      processor time in all.
    memory_mib:   address space of the child (Linux).
    output_mib:   frames in all, as they are sent.
    """

    step_seconds: float = 2.0
    seconds: int = 60
    memory_mib: int = 1024
    output_mib: int = 256


class Worker:
    """A child process that interprets. One thread at a time may use it and its computings; `close` ends the child."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Start the child, without waiting for it."""
        self._limits = limits or Limits()
        self._child: Child | None = None
        self._computing: Computing | None = None
        self._received = bytearray()
        self._ready = False
        with suppress(OSError):
            self._start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def compute(self, entry: Entry, filename: str, bounds: Bounds | None = None) -> Computing:
        """Begin to interpret a program from its entry on; what was being computed ends.

        filename: what the program is told that its file is.
        """
        self._end_early()
        computing = self._computing = Computing(self, entry)
        job = {
            "text": entry.program.text,
            "filename": filename if filename.startswith("<") else str(Path(filename).absolute()),
            "entry_function": entry.function,
            "entry_line": entry.marked,
            "bounds": asdict(bounds or Bounds()),
        }
        for is_last in (False, True):  # a child that died since its last answer is not to be noticed
            try:
                if self._child is None or self._child.is_dead():
                    self._start()
                self._send(job)
                break
            except OSError as error:
                self.kill()
                if is_last:
                    computing.outcome = Outcome(End.FAULT, f"its process does not start: {error.strerror or error}")
        return computing

    def close(self) -> None:
        """End the child; a computing that goes on ends with it."""
        if self._computing is not None and self._computing.outcome is None:
            self._computing.outcome = ENDED_EARLY
        self.kill()

    def ended(self, line: bytes) -> Outcome:
        """Return the end that the child sent; where it is spent, start another. Raises ValueError or KeyError."""
        outcome, spent = read_end(line)
        if spent:
            with suppress(OSError):
                self._start()
        return outcome

    def died(self, *, late: bool) -> Outcome:
        """End a child that answers no more and return how that came.

        late: whether it is alive, and did not answer in time.
        """
        limits = self._limits
        slow = Outcome(End.STOPPED, f"the next frame takes longer than {limits.step_seconds:g} s")
        code = self.kill()
        if late or code == -signal.SIGPROF:
            return slow
        if code == -signal.SIGXCPU:
            return Outcome(End.STOPPED, f"the limit of {limits.seconds} s is reached")
        if code == -signal.SIGKILL:
            return Outcome(End.STOPPED, "its process was killed")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return Outcome(End.FAULT, f"its process died: {name}")

    # --- the process --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start a child in the place of the last. Raises OSError."""
        self.kill()
        self._ready = False
        self._received.clear()
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - no file
            self._child = Child("neuralpdb.interpreter.computing.child", stdin=subprocess.PIPE, output=nothing.fileno())
        with suppress(OSError):
            fcntl(self._child.channel, _SET_PIPE_SIZE, _AHEAD)
        self._send(asdict(self._limits))

    def _send(self, message: object) -> None:
        """Send a line to a child that reads (it has just been started, or waits for a job), or a short one.

        Raises OSError.
        """
        jobs = self._child.process.stdin if self._child is not None else None
        if jobs is None:
            raise BrokenPipeError(errno.EPIPE, "no process")
        jobs.write(json.dumps(message).encode("ascii") + b"\n")
        jobs.flush()

    def kill(self) -> int:
        """Kill the child if there is one and return its exit code."""
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

    def _end_early(self) -> None:
        """Bring the child to where it waits for the next job, or kill it."""
        computing, self._computing = self._computing, None
        if computing is None or computing.outcome is not None:
            return
        computing.outcome = ENDED_EARLY
        try:
            self._send("")
            until = time.monotonic() + (_GRACE if self._ready else 0)
            while (line := self._line(until)) is not None and time.monotonic() < until:
                if line.startswith(END):
                    self.ended(line)
                    return
        except (OSError, ValueError, KeyError, Late):
            pass
        self.kill()

    def answer(self) -> bytes | None:
        """Return the next line of the present job; None when the child is dead. Raises Late."""
        if not self._ready:
            self._ready = self._line(time.monotonic() + _START) == READY
        return self._line(time.monotonic() + self._limits.step_seconds)

    def _line(self, until: float) -> bytes | None:
        """Return the next line from the child; None when it is dead. Raises Late at the time `until`."""
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


class Computing(Iterator[Computed]):
    """The frames of one program, in order: an iterator that ends where nothing more can be told.

    outcome: how it ended; None while it goes on.
    """

    def __init__(self, worker: Worker, entry: Entry) -> None:
        self.outcome: Outcome | None = None
        self._worker = worker
        self._reader = Reader(entry.program.lines)

    def __next__(self) -> Computed:
        if self.outcome is not None:
            raise StopIteration
        try:
            line = self._worker.answer()
            if line is None:
                self.outcome = self._worker.died(late=False)
            elif line.startswith(END):
                self.outcome = self._worker.ended(line)
            else:
                return self._reader.frame(line)
        except Late:
            self.outcome = self._worker.died(late=True)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            self._worker.kill()
            self.outcome = Outcome(End.FAULT, f"an answer of its process cannot be read: {error!r}")
        raise StopIteration
