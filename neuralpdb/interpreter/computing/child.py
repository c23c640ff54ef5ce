"""The child process of `worker`: it sets the fences, interprets one program after another, sends each frame at once.

Nothing of a program is executed here; the fences are there for what the interpreter's own guards let through.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from functools import partial
from importlib import import_module
from io import BufferedReader
from typing import TYPE_CHECKING, Any, BinaryIO

from neuralpdb.interpreter.computing.wire import READY, Writer, write_end
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import Bounds, End, Interpretation, Outcome
from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.signals import Stop
from neuralpdb.output.fences import CHANNEL_LOST, die_with, fence

if TYPE_CHECKING:
    from neuralpdb.interpreter.computing.telling import Telling

_MIB = 1024 * 1024
_LOOK = 64
"""Frames between two looks whether the parent wants an end: a look costs as much as a tenth of a frame."""

_TELLING = "neuralpdb.interpreter.computing.telling"
"""The module that takes a third of the imports, and that is of no use for a single program."""
_SPENT = 0.5
"""Share of the memory: a process that still holds more after a program is not used again, the next would lack it."""


def main(channel: int, alive: int) -> None:
    """Read limits and jobs from standard input, write frames and ends to the file descriptor `channel`.

    alive: a pipe that ends when the parent dies.
    """
    die_with(alive)
    os.set_inheritable(channel, False)
    with os.fdopen(os.dup(0), "rb") as jobs:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        contents.load()
        contents.keep_compiled()
        limits = json.loads(jobs.readline())
        _fence(limits["memory_mib"])
        _write(channel, READY + b"\n")
        if not _is_waited_for(jobs):
            import_module(_TELLING)
        telling: Telling | None = None
        for line in jobs:
            job = json.loads(line)
            if not job:
                continue
            if "begin" in job:
                from neuralpdb.interpreter.computing.telling import Telling

                if telling is not None:
                    telling.close()
                telling = Telling(job["begin"], limits, partial(_write, channel), jobs)
            elif "number" in job:
                assert telling is not None
                telling.tell(job)
            else:
                _Job(job, limits, channel, jobs).run()


def _is_waited_for(jobs: BufferedReader) -> bool:
    """Whether there is a job already, which may have come with the limits."""
    os.set_blocking(jobs.fileno(), False)
    try:
        return bool(jobs.peek(1))
    finally:
        os.set_blocking(jobs.fileno(), True)


def _fence(memory_mib: int) -> None:
    """Let nothing be written to files or kept beyond the limit; signals of limits end the process.

    Only its own copies are started, for evaluation: these can start nothing (see `replay.copying`).
    """
    sys.dont_write_bytecode = True
    for name in (signal.SIGPROF, signal.SIGXCPU):
        signal.signal(name, signal.SIG_DFL)
    fence({"RLIMIT_AS": memory_mib * _MIB, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0})


class _Job:
    """One program to interpret."""

    def __init__(self, job: dict[str, Any], limits: dict[str, Any], channel: int, jobs: BinaryIO) -> None:
        self._channel = channel
        self._jobs = jobs
        self._limits = limits
        self._writer = Writer()
        self._frames = self._sent = 0
        bounds = Bounds(**job.pop("bounds"))
        self._interpretation = Interpretation(**job, bounds=bounds)

    def run(self) -> None:
        """Interpret the program, send its frames and its end."""
        used = time.process_time()
        fence({"RLIMIT_CPU": int(used + self._limits["seconds"]) + 1})
        self._wind()
        try:
            outcome = self._interpretation.run(self._emit)
        except MemoryError:
            outcome = Outcome(End.FAULT, MemoryError.__name__)
        signal.setitimer(signal.ITIMER_PROF, 0)
        most = self._limits["memory_mib"]
        if outcome.end is End.FAULT and outcome.why.startswith(MemoryError.__name__):
            why = f"the limit of {most} MiB of memory is reached"
            outcome = Outcome(End.STOPPED, why, outcome.operations, outcome.assuming)
        _write(self._channel, write_end(outcome, spent=_taken() > most * _MIB * _SPENT))

    def _wind(self) -> None:
        """Have the system end this process when the next frame takes too much of its time."""
        signal.setitimer(signal.ITIMER_PROF, self._limits["step_seconds"])

    def _emit(self, computed: Computed) -> None:
        line = self._writer.frame(computed)
        self._sent += len(line)
        if self._sent > self._limits["output_mib"] * _MIB:
            raise Stop(f"the limit of {self._limits['output_mib']} MiB of frames is reached")
        _write(self._channel, line)
        self._frames += 1
        if self._frames % _LOOK == 0 and select.select([self._jobs], [], [], 0)[0]:
            raise Stop("it was ended early")
        self._wind()


def _taken() -> int:
    """Return the bytes of address space that this process has; 0 where the system does not say (not Linux)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as numbers:  # noqa: PTH123 - pathlib takes 3 ms to import
            return int(numbers.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _write(channel: int, line: bytes) -> None:
    unsent = memoryview(line)
    try:
        while unsent:
            unsent = unsent[os.write(channel, unsent) :]
    except OSError:
        os._exit(CHANNEL_LOST)
