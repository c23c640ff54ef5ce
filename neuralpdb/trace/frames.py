"""Frames: the type that predictions and real runs share, their sources, and a recorded trace as one.

A frame is a fact about a program at one moment. It knows nothing of tokens, of the `..` of the trace format, of the
frames before it, or of who shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

MAX_FRAMES = 1_000
"""Most frames that one command predicts or records unless the user asks for more: minutes with a model, and real runs
of small programs end before it."""

UNREPRESENTABLE = "<unrepresentable>"
"""Text of an object whose `__repr__` fails."""

VALUE = ""
"""Name of the value of a return or an exception, where names of locals are listed."""

LINE, EVENT = "(line)", "(event)"
"""Names of the line and the event of a frame, where names of locals are listed."""


class Event(StrEnum):
    """The events of a trace, in the words of `sys.settrace`."""

    CALL = "call"
    LINE = "line"
    RETURN = "return"
    EXCEPTION = "exception"


class Origin(StrEnum):
    """The origin of a frame.

    PREDICTED: the model.
    COMPUTED:  the interpreter of ours, by Python's own rules.
    OBSERVED:  the real interpreter.
    EDITED:    the user, by changing a local or the line.
    GIVEN:     the start of the trace.
    GUESSED:   a return value the model predicted without stepping through the call.
    """

    PREDICTED = "predicted"
    COMPUTED = "computed"
    OBSERVED = "observed"
    EDITED = "edited"
    GIVEN = "given"
    GUESSED = "guessed"


class Known(StrEnum):
    """How a value is known.

    COMPUTED:  by Python's own rules, from values that are known.
    DERIVED:   by Python's own rules, from values or ways that were predicted.
    PREDICTED: the model wrote it.
    OBSERVED:  the real interpreter showed it.
    EDITED:    the user set it.
    GIVEN:     it stood at the start of the trace.
    """

    COMPUTED = "computed"
    DERIVED = "computed from a prediction"
    PREDICTED = "predicted"
    OBSERVED = "observed"
    EDITED = "edited"
    GIVEN = "given"


GUESSES = frozenset({Known.PREDICTED, Known.DERIVED})
"""How a value is known that is a guess, or rests on one."""

_KNOWN_BY_ORIGIN = {
    Origin.PREDICTED: Known.PREDICTED,
    Origin.COMPUTED: Known.COMPUTED,
    Origin.OBSERVED: Known.OBSERVED,
    Origin.EDITED: Known.EDITED,
    Origin.GIVEN: Known.GIVEN,
    Origin.GUESSED: Known.PREDICTED,
}
_NOTHING: Mapping[str, Known] = MappingProxyType({})


@dataclass(frozen=True)
class Frame:
    """An event of one activation, with its full state *before* the line runs.

    event:    call, line, return or exception.
    function: name of the code object (`f`, `<lambda>`, `<module>`).
    line:     1-based line number in the program, None when the text fits no line.
    source:   that line's text, without its newline and without a trace marker.
    locals:   name -> repr text, all of them, in definition order. A return or an exception carries the locals of
              the last `call`/`line` frame of the same activation (the trace format holds none there).
    value:    repr text of the returned value or of the exception; None for call and line.
    depth:    0 for the activation the trace starts in, one more for each call below it.
    origin:   where the frame, its event and its line come from.
    known:    how values are known otherwise than `origin` says: name, or VALUE -> how; see `how`. LINE is there where
              the way to the line rests on a guess.
    statement: what the user ran here, as Python; it made the locals what they are. None where nothing was run.
    """

    event: Event
    function: str
    line: int | None
    source: str
    locals: Mapping[str, str] = field(default_factory=dict)
    value: str | None = None
    depth: int = 0
    origin: Origin = Origin.PREDICTED
    known: Mapping[str, Known] = field(default_factory=lambda: _NOTHING)
    statement: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "locals", MappingProxyType(dict(self.locals)))
        if self.known:
            object.__setattr__(self, "known", MappingProxyType(dict(self.known)))

    @property
    def holds_guess(self) -> bool:
        """Whether its place or any of its values is a guess."""
        if self.origin in (Origin.PREDICTED, Origin.GUESSED):
            return True
        return any(how in GUESSES for how in self.known.values())

    def how(self, name: str) -> Known:
        """Return how the value of a local is known; VALUE: that of the return or the exception."""
        return self.known.get(name) or _KNOWN_BY_ORIGIN[self.origin]

    @property
    def place(self) -> tuple[Event, str, int | None, int]:
        """The event and where it happens: the frame without its state."""
        return self.event, self.function, self.line, self.depth

    def replace(self, **changes: Any) -> Frame:
        """Return a copy with `changes` applied."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Return the frame as values for JSON, in the field order of `neuralpdb trace`.

        `known` and `statement` are left out where they are empty.
        """
        fields: dict[str, Any] = {
            "event": self.event.value,
            "function": self.function,
            "line": self.line,
            "source": self.source,
            "locals": dict(self.locals),
            "value": self.value,
            "depth": self.depth,
            "origin": self.origin.value,
        }
        if self.known:
            fields["known"] = {name: how.value for name, how in self.known.items()}
        if self.statement is not None:
            fields["statement"] = self.statement
        return fields

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Frame:
        """Read a frame that `as_dict` returned; ignore extra keys (such as `i`).

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
            known={name: Known(how) for name, how in data.get("known", {}).items()},
            statement=data.get("statement"),
        )


def to_jsonl(frames: Iterable[Frame]) -> Iterator[str]:
    """Yield a JSON object for each frame, without newline, numbered by `i` from 0."""
    for i, frame in enumerate(frames):
        yield json.dumps({"i": i, **frame.as_dict()}, ensure_ascii=False)


def from_jsonl(lines: Iterable[str]) -> Iterator[Frame]:
    """Read frames that `to_jsonl` wrote; skip blank lines."""
    for line in lines:
        if line.strip():
            yield Frame.from_dict(json.loads(line))


class TroubleKind(StrEnum):
    """The reasons why there is no frame."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNKNOWN_LINE = "unknown line"
    TOO_LONG = "too long"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Ended:
    """The end of a trace: the activation it started in was left, or the source has no more frames."""

    reason: str = "the program ended"


@dataclass(frozen=True)
class Trouble:
    """A reply of a source that is not a frame.

    kind:    why it is not one.
    message: the same for the user.
    text:    the reply.
    """

    kind: TroubleKind
    message: str
    text: str = ""


Outcome = Frame | Ended | Trouble


class FrameSource(Protocol):
    """A source of frames: a model, a recorded trace, a script of a test."""

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """Return the frame after `history` (oldest first; empty: the very first frame).

        Draw 0 is the most likely frame and always the same; other numbers are seeds of independent samples.
        Odd replies are returned as `Trouble`, never raised; a source that cannot be used at all (a model that does
        not load) raises ModelError. KeyboardInterrupt may pass through at any time and leaves the source usable.
        """
        ...


@runtime_checkable
class Guessing(Protocol):
    """A source that can also predict the return of a call at once."""

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """Return the return of the activation that goes on after `history`, GUESSED: without the frames before it.

        Otherwise as `FrameSource.next`.
        """
        ...


@dataclass(frozen=True)
class Trace:
    """The frames of one run, oldest first, and how it ended."""

    frames: tuple[Frame, ...]
    end: Ended | Trouble

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """Return the recorded frame after `history`, as a `FrameSource`; Trouble where it was not recorded."""
        n = len(history)
        for i, frame in enumerate(history):
            if i >= len(self.frames) or not same_state(self.frames[i], frame):
                return Trouble(
                    TroubleKind.UNAVAILABLE,
                    f"the recorded trace does not know this state (frame {i} was edited)",
                )
        return self.frames[n] if n < len(self.frames) else self.end


def same_state(a: Frame, b: Frame) -> bool:
    """Whether two frames are equal but for their origin and source text."""
    return a is b or (a.place == b.place and a.value == b.value and a.locals == b.locals)
