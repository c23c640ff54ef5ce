"""The next frame after any history of one program, computed in a process of its own that runs ahead.

A step is most often a look-up among what came already. Whatever becomes of the process, an answer comes in time, and
where there is none it says why.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.computing.process import Death, Late, Limits, Process, program_of
from neuralpdb.interpreter.computing.wire import Reader
from neuralpdb.interpreter.evaluation import Child, Children, Evaluated, Executed
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

_VIEW = 3.0
"""Seconds for what is asked at the end of a history, beside those to get there: the copy has two of its own."""


class ComputedHistories:
    """Tells what Python's own rules make of a program after any history. Several threads may use it, one at a time."""

    def __init__(self, entry: Entry, filename: str = "", limits: Limits | None = None, *, endless: bool = True) -> None:
        """Start the process, without waiting for it.

        filename: what the program is told that its file is. endless: whether to tell where the program never ends.
        """
        self._limits = limits or Limits()
        self._begin = {
            **program_of(entry, filename or entry.program.name),
            "function": entry.function,
            "line": entry.marked,
            "first": entry.first and entry.first.as_dict(),
            "bounds": asdict(replace(_BOUNDS, endless=endless)),
        }
        self._lines = entry.program.lines
        self._lock = threading.RLock()
        self._process: Process | None = None
        self._told: list[Frame] = []
        self._paused: Computed | NotTold | None = None
        self._dead: tuple[list[Frame], NotTold] | None = None
        self._number = 0
        self._closed = False
        self._rests = True
        self._asked = -1
        self._is_killed = False
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
                said = history if type(history) is list else list(history)
                answer = self._next(said, place)
                if self._is_killed:  # by somebody, most often while nobody waited for it: another one is tried, once
                    self._dead = None
                    answer = self._next(said, place)
                    self._is_killed = False
                return answer
            except KeyboardInterrupt:
                self._forget()
                raise

    def evaluate(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Evaluated:
        """Evaluate an expression at the last frame of a history, with no effect on anything; see `Histories`."""
        answer = self._viewed(history, "evaluate", expression, depth)
        return answer if isinstance(answer, Evaluated) else Evaluated(why=str(answer))

    def execute(self, history: Sequence[Frame], statements: str, depth: int | None = None) -> Executed:
        """Run statements at the last frame of a history; return the frame that is to take its place."""
        answer = self._viewed(history, "execute", statements, depth)
        return answer if isinstance(answer, Executed) else Executed(why=str(answer))

    def children(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Children:
        """Return the parts of a value at the last frame of a history: its attributes or items."""
        answer = self._viewed(history, "children", expression, depth)
        return answer if isinstance(answer, Children) else Children(why=str(answer))

    def _viewed(
        self, history: Sequence[Frame], view: str, text: str, depth: int | None
    ) -> Evaluated | Executed | Children | str:
        """Return the answer of a view at the end of a history, or why there is none."""
        with self._lock:
            if self._closed:
                return "the interpreter is closed"
            said = list(history)
            try:
                return _view_of(view, self._look(said, view, text, depth))
            except (OSError, Late) as error:
                why = self._death(error).why
                self._forget()
                return f"the interpreter: {why}"
            except (ValueError, KeyError, TypeError) as error:
                self._forget()
                return f"an answer of the interpreter cannot be read: {error!r}"
            except KeyboardInterrupt:
                self._forget()
                raise

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._forget()
            self._closed = True

    def _next(self, history: list[Frame], place: Frame | None) -> Computed | NotTold:
        if self._closed:
            return NotTold("the interpreter is closed")
        if self._dead is not None:
            before, why = self._dead
            if len(history) >= len(before) and history[: len(before)] == before:
                self._dead = list(history), why  # only who goes back, or another way, has it tried again
                return why
            self._dead = None
        known = self._told
        common = self._common(history)
        try:
            new = common < len(history) or place is not None or self._process is None
            if new or (self._rests and len(known) <= len(history)):
                self._ask(history, common, place)
            while len(self._told) <= len(history) and self._paused is None:
                self._take(self._line(len(history)))
        except (OSError, Late) as error:
            death = self._death(error)
            self._is_killed = death.is_deed
            return self._ended(history, NotTold(f"the interpreter: {death.why}"))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return self._ended(history, NotTold(f"an answer of the interpreter cannot be read: {error!r}"))
        self._asked = len(history)
        if len(self._told) > len(history):
            return Computed(self._told[len(history)])
        assert self._paused is not None
        return self._paused

    def _started(self) -> bool:
        """Have a process that knows the program; return whether it knew it before. Raises OSError."""
        if self._process is not None and not self._process.is_dead:
            return True
        self._forget()
        self._process = Process(self._limits)
        with suppress(OSError):
            self._process.send({"begin": self._begin})
        return False

    def _ask(self, history: list[Frame], common: int, place: Frame | None) -> None:
        """Ask what follows a history of which the process knows the beginning. Raises OSError, Late or ValueError."""
        common = common if self._started() else 0
        del self._told[common:]
        self._told += history[common:]
        self._paused = None
        self._put(history[common:], common, {"place": place and place.as_dict()})
        while not self._is_answered(self._line(len(history))):
            pass  # it came too late: the frames of another history
        self._reader = Reader(self._lines)
        self._rests = False

    def _look(self, history: list[Frame], view: str, text: str, depth: int | None) -> dict[str, Any]:
        """Return the answer of a view. Raises OSError, Late, or ValueError and others for what is none."""
        is_alive = self._started()
        common = _shared(self._told, history) if is_alive else 0
        if common < len(history):
            del self._told[common:]
            self._told += history[common:]
            self._paused = None
        self._put(history[common:], common, {"view": view, "text": text, "depth": depth})
        while not self._is_answered(line := self._line(len(history))):
            if common == len(history):
                self._take(line)  # it was ahead on the way of this history
        self._rests = self._paused is None
        fields: dict[str, Any] = json.loads(self._line(len(history), _VIEW))
        return fields

    def _put(self, frames: Sequence[Frame], keep: int, question: Mapping[str, Any]) -> None:
        assert self._process is not None
        self._number += 1
        new = [frame.as_dict() for frame in frames]
        self._process.send({"number": self._number, "keep": keep, "frames": new, **question})

    def _is_answered(self, line: bytes) -> bool:
        """Whether the answer to the last question begins with a line."""
        return line.startswith(b"{") and json.loads(line).get("number") == self._number

    def _line(self, again: int, more: float = 0.0) -> bytes:
        """Return the next line; again: frames that are made again before it. Raises Late, or OSError at a death."""
        assert self._process is not None
        line = self._process.answer(self._seconds(again) + more)
        if line is None:
            raise OSError("it died")
        return line

    def _take(self, line: bytes) -> None:
        """Take a frame, or why there is none. Raises ValueError and others for what is neither."""
        if line.startswith(b"{"):
            answer: Mapping[str, Any] = json.loads(line)
            if "why" in answer:
                self._paused = NotTold(
                    str(answer["why"]), bool(answer["ended"]), tuple(answer["choices"]), bool(answer["endless"])
                )
            return
        computed = self._reader.frame(line)
        if computed.whole:
            self._told.append(computed.frame)
        else:
            self._paused = computed

    def _common(self, history: list[Frame]) -> int:
        """Return how many frames of a history the process knows.

        One that ends in the last answer goes on where that was given: only there it can come from.
        """
        length = len(history)
        if 0 < length == self._asked + 1 <= len(self._told) and history[-1] is self._told[length - 1]:
            return length
        return _shared(self._told, history)

    def _seconds(self, again: int) -> float:
        return self._limits.step_seconds + again * _AGAIN

    def _death(self, error: OSError | Late) -> Death:
        """End the process that did not answer as it should, and return why it did not."""
        assert self._process is not None
        return self._process.died(late=isinstance(error, Late))

    def _ended(self, history: list[Frame], answer: NotTold) -> NotTold:
        """Answer alike for all that goes on from a history: another one, or to go back, is worth another process."""
        self._forget()
        self._dead = list(history), answer
        return answer

    def _forget(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None
        self._told, self._paused, self._rests, self._asked = [], None, True, -1


def _view_of(view: str, fields: dict[str, Any]) -> Evaluated | Executed | Children:
    """Return the answer of a view. Raises KeyError, TypeError or ValueError for what is none."""
    if view == "evaluate":
        return Evaluated(**fields)
    if view == "execute":
        frame = fields.pop("frame")
        return Executed(frame=None if frame is None else Frame.from_dict(frame), **fields)
    return Children(items=tuple(Child(**item) for item in fields.pop("items")), **fields)


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
