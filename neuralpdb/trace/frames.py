"""Frames: the one type that predictions and real executions share, and where they come from.

A frame is a fact about a program at one moment. It knows nothing of tokens, of the `..` of the trace
format, of what came before it, or of who shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

MAX_FRAMES = 1_000
"""Most frames that one command predicts or records unless the user asks for more."""

UNREPRESENTABLE = "<unrepresentable>"
"""Text of an object whose `__repr__` fails."""

VALUE = ""
"""Stands for the value of a return or an exception where names of locals are listed."""

LINE, EVENT = "(line)", "(event)"
"""Stand for where a frame is, and for what happens there, where names of locals are listed."""


class Event(StrEnum):
    """What happened, in the words of `sys.settrace`."""

    CALL = "call"
    LINE = "line"
    RETURN = "return"
    EXCEPTION = "exception"


class Origin(StrEnum):
    """Who says so: the model, the real interpreter, the user's edit, or the start that was given.

    GUESSED: the model, of a return that it did not follow the way to.
    """

    PREDICTED = "predicted"
    OBSERVED = "observed"
    EDITED = "edited"
    GIVEN = "given"
    GUESSED = "guessed"


@dataclass(frozen=True)
class Frame:
    """One event of one activation, with its full state *before* the line runs.

    event:    call, line, return or exception.
    function: name of the code object (`f`, `<lambda>`, `<module>`).
    line:     1-based line number in the program, None when the text fits no line.
    source:   that line's text, without its newline and without a trace marker.
    locals:   name -> repr text, all of them, in definition order. A return or an exception carries the locals of
              the last `call`/`line` frame of the same activation (the trace format holds none there).
    value:    repr text of the returned value or of the exception; None for call and line.
    depth:    0 for the activation the trace starts in, one more for each call below it.
    """

    event: Event
    function: str
    line: int | None
    source: str
    locals: Mapping[str, str] = field(default_factory=dict)
    value: str | None = None
    depth: int = 0
    origin: Origin = Origin.PREDICTED

    def __post_init__(self) -> None:
        object.__setattr__(self, "locals", MappingProxyType(dict(self.locals)))

    @property
    def place(self) -> tuple[Event, str, int | None, int]:
        """What happens where: the frame without its state."""
        return self.event, self.function, self.line, self.depth

    def replace(self, **changes: Any) -> Frame:
        """A copy with `changes` applied."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """The frame as JSON-ready values, in the field order of `neuralpdb trace`."""
        return {
            "event": self.event.value,
            "function": self.function,
            "line": self.line,
            "source": self.source,
            "locals": dict(self.locals),
            "value": self.value,
            "depth": self.depth,
            "origin": self.origin.value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Frame:
        """Inverse of `as_dict`; extra keys (such as `i`) are ignored.

        Raises KeyError or ValueError when a field is missing or unknown.
        """
        return cls(
            event=Event(data["event"]),
            function=data["function"],
            line=data["line"],
            source=data["source"],
            locals=data["locals"],
            value=data["value"],
            depth=data["depth"],
            origin=Origin(data["origin"]),
        )


def to_jsonl(frames: Iterable[Frame]) -> Iterator[str]:
    """One JSON object a frame, without newline, numbered by `i` from 0."""
    for i, frame in enumerate(frames):
        yield json.dumps({"i": i, **frame.as_dict()}, ensure_ascii=False)


def from_jsonl(lines: Iterable[str]) -> Iterator[Frame]:
    """Inverse of `to_jsonl`; blank lines are skipped."""
    for line in lines:
        if line.strip():
            yield Frame.from_dict(json.loads(line))


class TroubleKind(StrEnum):
    """Why no frame came."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNKNOWN_LINE = "unknown line"
    TOO_LONG = "too long"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Ended:
    """The trace is over: the activation it started in was left, or the source has no more."""

    reason: str = "the program ended"


@dataclass(frozen=True)
class Trouble:
    """No frame could be made; `text` is what the source said, for a curious user."""

    kind: TroubleKind
    message: str
    text: str = ""


Outcome = Frame | Ended | Trouble


class FrameSource(Protocol):
    """Where the next frame comes from: a model, a recorded trace, a script of a test."""

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """The frame after `history` (oldest first; empty: the very first frame).

        draw 0 is the most likely frame and always the same; other numbers are seeds of independent samples.
        Odd replies are returned as `Trouble`, never raised; a source that cannot be used at all (a model that does
        not load) raises ModelError. KeyboardInterrupt may pass through at any time and
        leaves the source usable.
        """
        ...


@runtime_checkable
class Guessing(Protocol):
    """A source that can also say at once what a call returns."""

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """The return of the activation that goes on after `history`, GUESSED: nothing on the way to it is asked for.

        Otherwise as `FrameSource.next`.
        """
        ...


@dataclass(frozen=True)
class Trace:
    """Frames of one run, oldest first, and how it ended."""

    frames: tuple[Frame, ...]
    end: Ended | Trouble

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """A recorded trace as a `FrameSource`: it goes on as long as `history` is what was recorded."""
        n = len(history)
        for i, frame in enumerate(history):
            if i >= len(self.frames) or not same_state(self.frames[i], frame):
                return Trouble(
                    TroubleKind.UNAVAILABLE,
                    f"the recorded trace does not know this state (frame {i} was edited)",
                )
        return self.frames[n] if n < len(self.frames) else self.end


def same_state(a: Frame, b: Frame) -> bool:
    """True when both frames say the same, whoever says it."""
    return a is b or (a.place == b.place and a.value == b.value and a.locals == b.locals)
