"""Run a program in the real interpreter, in a limited child process, and return what happened.

The program runs with the rights of the user. The limits are a fence against accidents (endless loops, memory, fork
bombs), not a sandbox: a program that wants to do harm can. It knows nothing of models or reports.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpdb import recorder
from neuralpdb._child import CHANNEL_LOST
from neuralpdb.errors import TargetError
from neuralpdb.frames import Ended, Frame, Trace, Trouble, TroubleKind

_PACKAGES = str(Path(__file__).resolve().parent.parent)
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); from neuralpdb._child import main; "
    "del sys.path[0]; main(int(sys.argv[2]))"
)
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits(recorder.Limits):
    """What the child may use, beside the frames and characters of `recorder.Limits`.

    seconds:     wall-clock time from the start of the process.
    cpu_seconds: processor time of the process.
    memory_mib:  address space in MiB (Linux; it counts what is reserved, so large libraries need more).
    file_mib:    size of one written file in MiB.
    processes:   processes and threads beside those the user already has (Linux, not for root).
    """

    seconds: float = 10.0
    cpu_seconds: int = 10
    memory_mib: int = 4096
    file_mib: int = 64
    processes: int = 64


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

    entry_function, entry_line: as for `recorder.record`. A script runs as `__main__`; for a function the module is
    named after the file, so that a `__main__` block does not run. cwd: where it runs (default: here); python: another
    interpreter, 3.11 or newer.

    What was recorded before a crash, an exit or a limit is kept; the end of the trace names the reason. Everything
    the program started is killed at the end, and its exit handlers do not run.
    Raises TargetError when the program fails before the entry is reached.
    """
    limits = limits or Limits()
    path = Path(filename).absolute() if not filename.startswith("<") else Path(filename)
    job = {
        "text": text,
        "filename": str(path),
        "argv": [filename, *argv],
        "path": str(path.parent) if path.is_absolute() else "",
        "module_name": path.stem if entry_function else "__main__",
        "entry_function": entry_function,
        "entry_line": entry_line,
        "limits": {name: getattr(limits, name) for name in recorder.Limits.__dataclass_fields__},
        "rlimits": _rlimits(limits),
    }
    with _Child(python or sys.executable, job, cwd) as child:
        child.read_until(time.monotonic() + limits.seconds)
    found = _result(child, limits)
    if not child.ready:
        raise TargetError(f"{python or sys.executable} cannot run the recorder", "Python 3.11 or newer is needed")
    if not found.frames:
        reason = found.end.reason if isinstance(found.end, Ended) else found.end.message
        known = isinstance(found.end, Trouble) and found.end.kind is TroubleKind.UNAVAILABLE
        raise TargetError(
            f"{filename}: {reason if known else f'nothing was recorded: {reason}'}", "run it with python first"
        )
    return found


def _rlimits(limits: Limits) -> dict[str, int]:
    found = {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.memory_mib * _MIB,
        "RLIMIT_FSIZE": limits.file_mib * _MIB,
        "RLIMIT_CORE": 0,
    }
    running = _tasks()
    if running is not None:
        found["RLIMIT_NPROC"] = running + limits.processes
    return found


def _tasks() -> int | None:
    """Threads of this user on this machine; None where the system does not say."""
    user, count = os.getuid(), 0
    try:
        processes = [entry for entry in os.scandir("/proc") if entry.name.isdigit()]
    except OSError:
        return None
    for entry in processes:
        with suppress(OSError):
            if entry.stat().st_uid == user:
                count += len(os.listdir(f"{entry.path}/task"))  # noqa: PTH208 - names only, the fast way
    return count


class _Child:
    """The running child: what it sent so far, and how it died."""

    def __init__(self, python: str, job: dict[str, Any], cwd: str | os.PathLike[str] | None) -> None:
        self.frames: list[Frame] = []
        self.end: Ended | Trouble | None = None
        self.ready = False
        self.timed_out = False
        self.code = 0
        self._rest = b""
        self._channel, theirs = os.pipe()
        os.set_blocking(self._channel, False)
        try:
            self._process = subprocess.Popen(
                [python, "-s", "-P", "-c", _BOOT, _PACKAGES, str(theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs,),
                cwd=cwd,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._channel)
            raise TargetError(f"cannot start {python}: {error.strerror or error}", "check the path") from None
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(json.dumps(job).encode())

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the child and all of its group, whatever happened."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.code = self._process.wait()
        os.close(self._channel)

    def read_until(self, deadline: float) -> None:
        """Collect frames until the end is sent, the child is dead, or the clock says `deadline` (monotonic seconds)."""
        while self.end is None:
            left = deadline - time.monotonic()
            if left <= 0:
                self.timed_out = True
                return
            ready, _, _ = select.select([self._channel], [], [], min(left, 0.05))
            if ready:
                if not self._take():
                    self._await_exit(deadline)
                    return
            elif self._dead():
                while select.select([self._channel], [], [], 0)[0] and self._take():
                    pass  # written between the last look and the death
                return

    def _take(self) -> bool:
        """Read what is there; False at the end of the channel."""
        data = os.read(self._channel, 1 << 20)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        return bool(data)

    def _line(self, line: bytes) -> None:
        try:
            data = json.loads(line)
            if "ready" in data:
                self.ready = True
            elif "ended" in data:
                self.end = Ended(data["ended"])
            elif "trouble" in data:
                self.end = Trouble(TroubleKind(data["trouble"]), data["message"], data["text"])
            else:
                self.frames.append(Frame.from_dict(data))
        except (ValueError, KeyError, TypeError):
            self.end = Trouble(TroubleKind.MALFORMED, "the program wrote into the recorder's channel", repr(line[:200]))

    def _dead(self) -> bool:
        """True when the process has ended (it is not reaped yet: its group can still be killed)."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _await_exit(self, deadline: float) -> None:
        """The channel is closed: the process is about to end, or the program closed the channel and goes on."""
        until = min(deadline, time.monotonic() + 1.0)
        while not self._dead() and time.monotonic() < until:
            time.sleep(0.005)


def _result(child: _Child, limits: Limits) -> Trace:
    frames = tuple(child.frames)
    if child.end is not None:
        said = child.end.reason if isinstance(child.end, Ended) else child.end.text
        if said.startswith("MemoryError"):
            return Trace(frames, Trouble(TroubleKind.TRUNCATED, f"memory limit of {limits.memory_mib} MiB"))
        return Trace(frames, child.end)
    if child.timed_out:
        return Trace(frames, Trouble(TroubleKind.TRUNCATED, f"wall time limit of {limits.seconds:g} s"))
    return Trace(frames, _death(child.code, limits))


def _death(code: int, limits: Limits) -> Ended | Trouble:
    """Why a child ended that could not say it itself."""
    if code == -signal.SIGXCPU:
        return Trouble(TroubleKind.TRUNCATED, f"processor time limit of {limits.cpu_seconds} s")
    if code == CHANNEL_LOST:
        return Trouble(TroubleKind.UNAVAILABLE, "the program closed the recorder's channel")
    if code < 0:
        with suppress(ValueError):
            return Ended(f"killed by {signal.Signals(-code).name}")
        return Ended(f"killed by signal {-code}")
    return Ended(f"os._exit({code})")
