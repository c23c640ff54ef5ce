"""Worker: a child process that interprets programs, one after another, within limits; frames come as they are asked.

The child runs ahead as far as the pipe between them holds, so that a step is most often a look-up. Whatever becomes of
it, a computing ends with an outcome, never with an exception, and the next one has a living child.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from neuralpdb.interpreter.computing.process import Death, Late, Limits, Process, program_of
from neuralpdb.interpreter.computing.wire import END, Reader, read_end
from neuralpdb.interpreter.interpretation import Bounds, Computed, End, Outcome

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry

_GRACE = 0.05
"""Seconds that a child has to end a program early before it is killed: shorter than starting another one."""
ENDED_EARLY = Outcome(End.STOPPED, "it was ended early")


class Worker:
    """A child process that interprets. One thread at a time may use it and its computings; `close` ends the child."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Start the child, without waiting for it."""
        self._process = Process(limits or Limits())
        self._computing: Computing | None = None

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
            **program_of(entry, filename),
            "entry_function": entry.function,
            "entry_line": entry.marked,
            "bounds": asdict(bounds or Bounds()),
        }
        for is_last in (False, True):  # a child that died since its last answer is not to be noticed
            try:
                if self._process.is_dead:
                    self._process.start()
                self._process.send(job)
                break
            except OSError as error:
                self._process.kill()
                if is_last:
                    computing.outcome = Outcome(End.FAULT, f"its process does not start: {error.strerror or error}")
        return computing

    def close(self) -> None:
        """End the child; a computing that goes on ends with it."""
        if self._computing is not None and self._computing.outcome is None:
            self._computing.outcome = ENDED_EARLY
        self._process.kill()

    def answer(self) -> bytes | None:
        """Return the next line of the present job; None when the child is dead. Raises Late."""
        return self._process.answer(self._process.limits.step_seconds)

    def ended(self, line: bytes) -> Outcome:
        """Return the end that the child sent; where it is spent, start another. Raises ValueError or KeyError."""
        outcome, spent = read_end(line)
        if spent:
            with suppress(OSError):
                self._process.start()
        return outcome

    def died(self, *, late: bool) -> Outcome:
        """End a child that answers no more and return how that came; late: it is alive, and did not answer in time."""
        return _outcome(self._process.died(late=late))

    def fault(self, why: str) -> Outcome:
        """End a child that answers nonsense and return how that came."""
        self._process.kill()
        return Outcome(End.FAULT, why)

    def _end_early(self) -> None:
        """Bring the child to where it waits for the next job, or kill it."""
        computing, self._computing = self._computing, None
        if computing is None or computing.outcome is not None:
            return
        computing.outcome = ENDED_EARLY
        process = self._process
        try:
            process.send("")
            until = time.monotonic() + (_GRACE if process.is_ready else 0)
            while (line := process.line(until)) is not None and time.monotonic() < until:
                if line.startswith(END):
                    self.ended(line)
                    return
        except (OSError, ValueError, KeyError, Late):
            pass
        process.kill()


def _outcome(death: Death) -> Outcome:
    return Outcome(End.FAULT if death.is_fault else End.STOPPED, death.why)


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
            self.outcome = self._worker.fault(f"an answer of its process cannot be read: {error!r}")
        raise StopIteration


__all__ = ["ENDED_EARLY", "Computing", "Limits", "Worker"]
