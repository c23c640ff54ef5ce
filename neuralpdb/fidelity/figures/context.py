"""Context of frames: the line that ran before each frame, its statement, and the values that the frame changed.

It knows frames of one program, no verdicts and no figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.fidelity.comparison import Subject
from neuralpdb.program.syntax import statements_by_line
from neuralpdb.trace.frames import VALUE, Event, Frame

WRAPPER = "<call>"
"""Function name under which the frames of the added call are reported."""
UNKNOWN = "?"
"""Statement of a frame whose line is not known, or not in the program."""


@dataclass(frozen=True)
class Context:
    """A frame and what it is the effect of.

    ran:       1-based line that ran before it: the last line of its own activation, for a call that of its caller; None
               for the first frame.
    construct: statement on that line (`For`, `AugAssign`, ...); `?` where it is not known.
    function:  name of its function; WRAPPER for the lines that were added to make a call.
    written:   the new values of the frame: name -> text of the locals that changed or appeared since the last frame of
               the same activation; for a return or an exception VALUE -> its value.
    """

    frame: Frame
    ran: int | None
    construct: str
    function: str
    written: dict[str, str]


def contexts(subject: Subject, frames: Sequence[Frame]) -> tuple[Context, ...]:
    """Return the context of each frame of a trace of `subject`."""
    try:
        statements = statements_by_line(subject.lines or subject.text.split("\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        statements = {}
    result = []
    for frame, before, caller in zip(frames, befores(frames), callers(frames), strict=True):
        origin = caller if frame.event is Event.CALL else before
        ran = origin.line if origin else None
        result.append(
            Context(frame, ran, statements.get(ran or 0, UNKNOWN), function_of(subject, frame), written(frame, before))
        )
    return tuple(result)


def function_of(subject: Subject, frame: Frame) -> str:
    """Return the name under which the function of a frame is reported."""
    added = 0 < subject.own < (frame.line or 0)
    return WRAPPER if added else frame.function


def befores(frames: Sequence[Frame]) -> list[Frame | None]:
    """Return for each frame the last call or line frame of the same activation; None where it begins."""
    active: dict[int, Frame] = {}
    predecessors: list[Frame | None] = []
    for frame in frames:
        predecessors.append(None if frame.event is Event.CALL else active.get(frame.depth))
        if frame.event in (Event.CALL, Event.LINE):
            active[frame.depth] = frame
    return predecessors


def callers(frames: Sequence[Frame]) -> list[Frame | None]:
    """Return for each frame the last call or line frame of the calling activation; None where there is none."""
    active: dict[int, Frame] = {}
    result = []
    for frame in frames:
        result.append(active.get(frame.depth - 1))
        if frame.event in (Event.CALL, Event.LINE):
            active[frame.depth] = frame
    return result


def written(frame: Frame, before: Frame | None) -> dict[str, str]:
    """Return the new values of `frame`: its returned or raised value, or the locals that differ from `before`."""
    if frame.value is not None:
        return {VALUE: frame.value}
    old = before.locals if before else {}
    return {name: text for name, text in frame.locals.items() if old.get(name) != text}
