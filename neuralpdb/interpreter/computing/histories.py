"""The next frame after any history of one program, computed in a process of its own that runs ahead.

A step is most often a look-up among what came already. Whatever becomes of the process, an answer comes in time, and
where there is none it says why.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.computing.process import Late, Limits, Process
from neuralpdb.interpreter.computing.wire import Reader
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import Bounds
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.trace.frames import Frame, same_state

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry

_BOUNDS = Bounds(frames=1_000_000, operations=10**9)
"""More than one waits for: a history is bounded by who makes it, an answer by its time."""
_AGAIN = 0.002
"""Seconds of the clock for a frame that the process has to make again: some ten times what it takes."""


class ComputedHistories:
    """Tells what Python's own rules make of a program after any history. Several threads may use it, one at a time."""

    def __init__(self, entry: Entry, filename: str = "", limits: Limits | None = None) -> None:
        """Start the process, without waiting for it. filename: what the program is told that its file is."""
        self._limits = limits or Limits()
        name = filename or entry.program.name
        self._begin = {
            "text": entry.program.text,
            "filename": name if name.startswith("<") else str(Path(name).absolute()),
            "function": entry.function,
            "line": entry.marked,
            "first": entry.first and entry.first.as_dict(),
            "arguments": entry.arguments,
            "bounds": asdict(_BOUNDS),
        }
        self._lines = entry.program.lines
        self._lock = threading.RLock()
        self._process: Process | None = None
        self._told: list[Frame] = []
        self._paused: Computed | NotTold | None = None
        self._dead: tuple[list[Frame], NotTold] | None = None
        self._number = 0
        self._reader = Reader(self._lines)
        self._started()

    def __enter__(self) -> ComputedHistories:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        """Return the frame after a history (oldest first; empty: the first one), or why it is not told.

        How its values are known is in the frame: computed, or computed from what was predicted in the history.
        place: one of the choices of the last answer, as a frame of which only the event and the line count.
        """
        with self._lock:
            try:
                return self._next(history if type(history) is list else list(history), place)
            except KeyboardInterrupt:
                self._forget()
                raise

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._forget()
            self._dead = [], NotTold("it was closed")

    def _next(self, history: list[Frame], place: Frame | None) -> Computed | NotTold:
        if self._dead is not None:
            before, why = self._dead
            if history[: len(before)] == before:
                return why
            self._dead = None
        known = self._told
        common = _shared(known, history)
        try:
            if common < len(history) or place is not None or self._process is None:
                self._ask(history, common, place)
            while len(self._told) <= len(history) and self._paused is None:
                self._read(len(history))
        except (OSError, Late) as error:
            return self._died(history, late=isinstance(error, Late))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return self._ended(history, NotTold(f"an answer of the interpreter cannot be read: {error!r}"))
        if len(self._told) > len(history):
            return Computed(self._told[len(history)])
        assert self._paused is not None
        return self._paused

    def _started(self) -> Process:
        """Return a process that knows the program. Raises OSError."""
        if self._process is None or self._process.is_dead:
            self._forget()
            self._process = Process(self._limits)
            with suppress(OSError):
                self._process.send({"begin": self._begin})
        return self._process

    def _ask(self, history: list[Frame], common: int, place: Frame | None) -> None:
        """Ask what follows a history of which the process knows the beginning. Raises OSError, Late or ValueError."""
        before = self._process
        process = self._started()
        if process is not before:
            common = 0
        self._number += 1
        del self._told[common:]
        self._told += history[common:]
        self._paused = None
        new = [frame.as_dict() for frame in history[common:]]
        where = place and place.as_dict()
        process.send({"number": self._number, "keep": common, "frames": new, "place": where})
        while True:
            line = process.answer(self._seconds(len(history)))
            if line is None:
                raise OSError("it died")
            if line.startswith(b"{") and json.loads(line).get("number") == self._number:
                break
        self._reader = Reader(self._lines)

    def _read(self, again: int) -> None:
        """Take the next frame, or why there is none. Raises Late, OSError, or ValueError for what is neither."""
        assert self._process is not None
        line = self._process.answer(self._seconds(again))
        if line is None:
            raise OSError("it died")
        if line.startswith(b"{"):
            answer: Mapping[str, Any] = json.loads(line)
            self._paused = NotTold(str(answer["why"]), bool(answer["ended"]), tuple(answer["choices"]))
            return
        computed = self._reader.frame(line)
        if computed.whole:
            self._told.append(computed.frame)
        else:
            self._paused = computed

    def _seconds(self, again: int) -> float:
        return self._limits.step_seconds + again * _AGAIN

    def _died(self, history: list[Frame], *, late: bool) -> NotTold:
        """Take note of the death of the process, and return it as an answer."""
        process = self._process
        why = process.died(late=late).why if process is not None else "its process does not start"
        return self._ended(history, NotTold(f"the interpreter: {why}"))

    def _ended(self, history: list[Frame], answer: NotTold) -> NotTold:
        """Answer alike for all that goes on from a history: only another one is worth another process."""
        self._forget()
        self._dead = list(history), answer
        return answer

    def _forget(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None
        self._told, self._paused = [], None


def _shared(a: Sequence[Frame], b: Sequence[Frame]) -> int:
    """Return how many frames two histories share from their start."""
    length = min(len(a), len(b))
    if a[:length] == b[:length]:
        return length
    count = 0
    for ours, theirs in zip(a, b, strict=False):
        if ours is not theirs and not (same_state(ours, theirs) and ours == theirs):
            break
        count += 1
    return count


__all__ = ["ComputedHistories"]
