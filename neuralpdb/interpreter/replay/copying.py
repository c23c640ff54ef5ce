"""Copies of the process: what is done in one has no effect on this one, and ends within limits."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpdb.output.fences import fence

_MIB = 1024 * 1024
_CHUNK = 1 << 16
_MOST = 4 * _MIB
"""Bytes of an answer: some forty texts of the longest kind."""


@dataclass(frozen=True)
class Allowance:
    """What a copy may use.

    seconds:    until its answer, of the clock. memory_mib: beyond what this process has.
    """

    seconds: float = 2.0
    memory_mib: int = 512


class NoCopy(Exception):
    """The system allows no copy of the process."""


def in_copy(work: Callable[[], dict[str, Any]], allowance: Allowance) -> dict[str, Any]:
    """Return what `work` returns in a copy of this process: values for JSON; or why there is none, under `why`.

    Raises NoCopy.
    """
    reading, writing = os.pipe()
    try:
        with warnings.catch_warnings():  # newer versions warn of threads: the copy uses nothing of the others
            warnings.simplefilter("ignore")
            process = os.fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        raise NoCopy(error.strerror or str(error)) from None
    if process == 0:
        _be_copy(work, allowance, writing)
    os.close(writing)
    try:
        data, is_late = _read(reading, time.monotonic() + allowance.seconds)
    finally:
        os.close(reading)
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
        status = _end_of(process)
    with suppress(ValueError):
        answer = json.loads(data)
        if isinstance(answer, dict):
            return answer
    if len(data) > _MOST:
        return {"why": f"the answer is longer than {_MOST // _MIB} MiB"}
    if is_late or status in (signal.SIGALRM, signal.SIGXCPU):
        return {"why": f"no answer within {allowance.seconds:g} seconds"}
    names = {each.value: each.name for each in signal.Signals}
    return {"why": f"its process died: {names.get(status, 'without an answer')}"}


def _be_copy(work: Callable[[], dict[str, Any]], allowance: Allowance, channel: int) -> None:
    """Do the work of a copy, and end it."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, allowance.seconds + 1)
        _fence(allowance)
        try:
            data = json.dumps(work()).encode("ascii")
        except MemoryError:
            data = json.dumps({"why": f"the limit of {allowance.memory_mib} MiB of memory is reached"}).encode("ascii")
        unsent = memoryview(data)
        while unsent:
            unsent = unsent[os.write(channel, unsent) :]
    finally:
        os._exit(0)


def _fence(allowance: Allowance) -> None:
    """Let nothing be started, written to files or kept beyond the limit."""
    limits = {"RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0, "RLIMIT_CPU": int(allowance.seconds) + 2}
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + allowance.memory_mib * _MIB
        present, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits["RLIMIT_AS"] = most if present == resource.RLIM_INFINITY else min(most, present)
    fence(limits)


def _read(channel: int, until: float) -> tuple[bytes, bool]:
    """Return what comes until the end of a pipe, and whether that did not come in time."""
    data = bytearray()
    while len(data) <= _MOST:
        left = until - time.monotonic()
        if left <= 0 or not select.select([channel], [], [], left)[0]:
            return bytes(data), True
        chunk = os.read(channel, _CHUNK)
        if not chunk:
            break
        data += chunk
    return bytes(data), False


def _end_of(process: int) -> int:
    """Wait for the end of a process and return the signal that ended it; 0 when none did."""
    with suppress(ChildProcessError):
        _, status = os.waitpid(process, 0)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return 0
