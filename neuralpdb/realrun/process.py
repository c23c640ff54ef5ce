"""Process: run a program in the real interpreter, in a limited child process, and watch it or wait for its trace.

The program runs with the rights of the user. The limits are a fence against accidents (endless loops, memory, fork
bombs), not a sandbox: a program that wants to do harm can. It knows nothing of models or reports.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from neuralpdb.errors import TargetError
from neuralpdb.output.child_process import Child
from neuralpdb.output.fences import CHANNEL_LOST
from neuralpdb.realrun import process_tree, snapshot
from neuralpdb.realrun.limits import KIB, Limits, rlimits
from neuralpdb.trace.frames import Ended, Frame, Trace, Trouble, TroubleKind

__all__ = ["Limits", "RealRun", "start", "trace"]

_CHANNEL_CLOSED = "the program closed the recorder's channel"
_START = 30.0
"""Seconds that the interpreter has to start, plenty on a busy machine; the limits begin when it has started."""
_LOOK = 0.05
"""Seconds between two checks of clock, processes and `close`: short for a person, and nearly free."""


def trace(
    text: str,
    *,
    filename: str,
    argv: Sequence[str] = (),
    entry_function: str | None,
    entry_line: int,
    limits: Limits | None = None,
    cwd: str | os.PathLike[str] | None = None,
    python: str | None = None,
) -> Trace:
    """Run `text` as the script `filename` with the arguments `argv` and return its canonical trace.

    The arguments are those of `start`. Raises TargetError when the program fails before the entry is reached.
    """
    with start(
        text,
        filename=filename,
        argv=argv,
        entry_function=entry_function,
        entry_line=entry_line,
        limits=limits,
        cwd=cwd,
        python=python,
    ) as run:
        return run.result()


def start(
    text: str,
    *,
    filename: str,
    argv: Sequence[str] = (),
    entry_function: str | None,
    entry_line: int,
    limits: Limits | None = None,
    cwd: str | os.PathLike[str] | None = None,
    python: str | None = None,
    clock_shift: float = 0.0,
) -> RealRun:
    """Start to run `text` as the script `filename` with the arguments `argv`, without waiting for it.

    entry_function, entry_line: as for `recorder.record`. The program is `__main__`; for a function, the statements of
    the module under `if __name__ == "__main__"` are left out.
    cwd: the directory where it runs (default: the current one).
    python: another interpreter, 3.11 or newer.
    clock_shift: seconds that the date of the program is ahead of the real one.

    Frames recorded before a crash, an exit or a limit are kept; the end of the trace names the reason. Every process
    that the program started is killed at the end, and its exit handlers do not run. Raises TargetError when the
    interpreter cannot be started.
    """
    limits = limits or Limits()
    path = Path(filename).absolute() if not filename.startswith("<") else Path(filename)
    job = {
        "text": text,
        "filename": str(path),
        "argv": [filename, *argv],
        "path": str(path.parent) if path.is_absolute() else "",
        "entry_function": entry_function,
        "entry_line": entry_line,
        "limits": {name: getattr(limits, name) for name in snapshot.Limits.__dataclass_fields__},
        "rlimits": rlimits(limits),
        "clock_shift": clock_shift,
    }
    return RealRun(job, filename, limits, python or sys.executable, cwd)


class RealRun:
    """A program that is running, or was: its frames and output so far. Its methods may be called from any thread.

    frames:     recorded so far, oldest first; the list only grows while the program runs.
    finished:   the program is over, for whatever reason, and every process that it started is dead.
    python:     version of the interpreter ("3.11.7"), "" before it is known.
    output:     what the program wrote to standard output and error, in that order, cut at the limit.
    input_read: how many frames were recorded when it first read its (empty) input; None while it did not.
    """

    def __init__(
        self, job: dict[str, Any], name: str, limits: Limits, python: str, cwd: str | os.PathLike[str] | None
    ) -> None:
        """Raises TargetError when `python` cannot be started. `start` makes the job."""
        self.frames: list[Frame] = []
        self.finished = False
        self.python = ""
        self.input_read: int | None = None
        self._name = name
        self._limits = limits
        self._executable = python
        self._deadline = time.monotonic() + _START
        self._end: Ended | Trouble | None = None
        self._closed = False
        self._rest = b""
        self._written = bytearray()
        self._mark = secrets.token_hex(8)
        self._tasks = process_tree.tasks_here()
        self._changed = Condition()
        self._open(job, cwd)
        self._thread = Thread(target=self._watch, name=f"run of {name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> RealRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def output(self) -> str:
        return bytes(self._written).decode("utf-8", "replace")

    def wait_for(self, count: int, timeout: float | None = None) -> bool:
        """Wait until `count` frames are recorded, the program is over, or `timeout` seconds passed.

        Return whether the frames are recorded.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.finished or len(self.frames) >= count, timeout)
            return len(self.frames) >= count

    def result(self) -> Trace:
        """Return the trace, waiting for its end. Raises TargetError when the program failed before its entry."""
        with self._changed:
            self._changed.wait_for(lambda: self.finished)
        assert self._end is not None
        if not self.python:
            raise TargetError(f"{self._executable} cannot run the recorder", "Python 3.11 or newer is needed")
        if not self.frames:
            reason = self._end.reason if isinstance(self._end, Ended) else self._end.message
            says_enough = isinstance(self._end, Trouble) and self._end.kind is TroubleKind.UNAVAILABLE
            reason = reason if says_enough else f"nothing was recorded: {reason}"
            raise TargetError(f"{self._name}: {reason}", "run it with python first")
        return Trace(tuple(self.frames), self._end)

    def close(self) -> None:
        """End the program now, with every process that it started. The recorded frames stay."""
        self._closed = True
        self._thread.join()

    # --- the process --------------------------------------------------------------------------------------------------

    def _open(self, job: dict[str, Any], cwd: str | os.PathLike[str] | None) -> None:
        """Start the child, with the job for its standard input."""
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        try:
            with tempfile.TemporaryFile() as task:
                task.write(json.dumps(job).encode())
                task.seek(0)
                self._child = Child(
                    "neuralpdb.realrun.child",
                    stdin=task,
                    output=output,
                    python=self._executable,
                    cwd=cwd,
                    environment={process_tree.MARK: self._mark},
                )
        except OSError as error:
            os.close(self._output)
            reason = error.strerror or error
            raise TargetError(f"cannot start {self._executable}: {reason}", "check the path") from None
        finally:
            os.close(output)
        self._process, self._channel = self._child.process, self._child.channel

    def _watch(self) -> None:
        """Collect what the child sends until it is over, then leave no process behind: the thread of the run."""
        try:
            self._read()
        finally:
            process_tree.kill(self._process.pid, self._mark)
            code = self._process.wait()
            self._take_output()
            os.close(self._output)
            self._child.close()
            with self._changed:
                self._end = self._named(self._end or _death(code, self._limits))
                self.finished = True
                self._changed.notify_all()

    def _read(self) -> None:
        listening, next_look = [self._channel, self._output], 0.0
        while self._end is None:
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _LOOK
                self._check(now)
            ready, _, _ = select.select(listening, [], [], max(0.0, min(self._deadline - now, _LOOK)))
            if self._output in ready and not self._take_output():
                listening.remove(self._output)
            if self._channel in ready:
                if not self._take():
                    self._await_exit()
                    return
            elif self._child.is_dead():
                while select.select([self._channel], [], [], 0)[0] and self._take():
                    pass  # written between the last check and the death
                return

    def _check(self, now: float) -> None:
        """End the run when it was closed or is beyond a limit that only this process enforces."""
        limits = self._limits
        if self._closed:
            self._cut("the run was stopped")
        elif now >= self._deadline:
            self._cut(f"wall time limit of {limits.seconds:g} s")
        elif self._is_crowded():
            self._cut(f"limit of {limits.processes} processes")

    def _is_crowded(self) -> bool:
        """Whether more processes live than the program may start.

        Counts only when there are as many more on the machine, which is cheaper to know.
        """
        most = self._limits.processes
        return (
            process_tree.tasks_here() - self._tasks > most
            and len(process_tree.members(self._process.pid, self._mark)) > most
        )

    def _cut(self, message: str) -> None:
        self._end = Trouble(TroubleKind.TRUNCATED, message)

    def _take(self) -> bool:
        """Read frames that have arrived; return False at the end of the channel."""
        data = os.read(self._channel, 1 << 20)
        *lines, self._rest = (self._rest + data).split(b"\n")
        with self._changed:
            for line in lines:
                self._line(line)
            self._changed.notify_all()
        return bool(data)

    def _line(self, line: bytes) -> None:
        try:
            data = json.loads(line)
            if "ready" in data:
                self.python = data["ready"].split()[0]
                self._deadline = time.monotonic() + self._limits.seconds
            elif "input" in data:
                self.input_read = len(self.frames)
            elif "ended" in data:
                self._end = Ended(data["ended"])
            elif "trouble" in data:
                self._end = Trouble(TroubleKind(data["trouble"]), data["message"], data["text"])
            else:
                self.frames.append(Frame.from_dict(data))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            self._end = Trouble(
                TroubleKind.MALFORMED, "the program wrote into the recorder's channel", repr(line[:200])
            )

    def _take_output(self) -> bool:
        """Read output that has arrived; return False when no process can write any more, or beyond the limit."""
        most = self._limits.output_kib * KIB
        while True:
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return True
            if len(self._written) + len(data) > most:
                self._written += data[: most - len(self._written)]
                self._cut(f"output limit of {self._limits.output_kib} KiB")
                return False
            self._written += data
            if not data:
                return False

    def _await_exit(self) -> None:
        """Wait for the process after its channel was closed.

        Either it is about to end, or the program closed the channel and goes on.
        """
        until = min(self._deadline, time.monotonic() + 1.0)
        while not self._child.is_dead() and time.monotonic() < until and not self._closed:
            self._take_output()
            time.sleep(0.005)
        if not self._child.is_dead():
            self._check(time.monotonic())
            self._end = self._end or Trouble(TroubleKind.UNAVAILABLE, _CHANNEL_CLOSED)

    def _named(self, end: Ended | Trouble) -> Ended | Trouble:
        """Return the end; for a lack of memory with the name of the limit."""
        reason = end.reason if isinstance(end, Ended) else end.text
        if reason.startswith("MemoryError"):
            return Trouble(TroubleKind.TRUNCATED, f"memory limit of {self._limits.memory_mib} MiB")
        return end


def _death(code: int, limits: Limits) -> Ended | Trouble:
    """Return why a child ended that could not report it itself."""
    if code == -signal.SIGXCPU:
        return Trouble(TroubleKind.TRUNCATED, f"processor time limit of {limits.cpu_seconds} s")
    if code == CHANNEL_LOST:
        return Trouble(TroubleKind.UNAVAILABLE, _CHANNEL_CLOSED)
    if code < 0:
        with suppress(ValueError):
            return Ended(f"killed by {signal.Signals(-code).name}")
        return Ended(f"killed by signal {-code}")
    return Ended(f"os._exit({code})")
