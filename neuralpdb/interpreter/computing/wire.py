"""Wire: what goes between the interpreter's process and its parent, one JSON text a line.

To the child: limits once, then a job for each program; an empty line ends the present one early. From the child: READY
once, then for each job a list for every frame and an object for its end. A frame holds only what is new of its locals,
seen from the last frame of the same depth: few of them change, and those that do not are one text for both ends.
A job of the other kind begins the histories of a program; then come questions, each answered by an object with its
number, frames, and where nothing more is told an object that says why (see `telling` and `histories`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from sys import intern
from types import MappingProxyType
from typing import Any

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import End, Outcome
from neuralpdb.interpreter.texts import Reason
from neuralpdb.trace.frames import Event, Frame, Known, Origin

READY = b"[]"
END = b"{"
"""What the line of an end begins with, and that of a frame does not."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Writer:
    """Writes the frames of one job."""

    def __init__(self) -> None:
        self._shown: dict[int, Mapping[str, str]] = {}

    def frame(self, computed: Computed) -> bytes:
        """Return the line of a frame."""
        frame = computed.frame
        texts = frame.locals
        before = self._shown.get(frame.depth, _NOTHING)
        self._shown[frame.depth] = texts
        grown = [*texts][: len(before)] == [*before]
        changed = {name: text for name, text in texts.items() if before.get(name) != text} if grown else dict(texts)
        told = [grown, computed.output] if computed.output else grown
        fields: list[Any] = [frame.event, frame.function, frame.line, frame.depth, frame.value, told, changed]
        if computed.unknown or computed.assuming or frame.known or frame.origin is not Origin.COMPUTED:
            fields += [_reasons(computed.unknown), computed.assuming, dict(frame.known), frame.origin]
        return _line(fields)


class Reader:
    """Reads the frames of one job."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        """lines: of the program, from the first; a frame's source is taken from them."""
        self._lines = lines
        self._shown: dict[int, Mapping[str, str]] = {}

    def frame(self, line: bytes) -> Computed:
        """Return the frame of a line. Raises ValueError, KeyError, TypeError or IndexError where there is none."""
        event, function, at, depth, value, told, changed, *doubts = json.loads(line)
        grown, output = told if isinstance(told, list) else (told, "")
        before = self._shown.get(depth, _NOTHING) if grown else _NOTHING
        texts = {**before, **{intern(name): text for name, text in changed.items()}}
        self._shown[depth] = texts
        source = self._lines[at - 1] if at is not None and 0 < at <= len(self._lines) else ""
        frame = Frame(Event(event), intern(function), at, source, texts, value, depth, Origin.COMPUTED)
        if not doubts:
            return Computed(frame, _NOTHING, output=output)
        unknown, assuming, known, origin = doubts
        frame = frame.replace(known={name: Known(how) for name, how in known.items()}, origin=Origin(origin))
        reasons = {name: Reason(*why) if isinstance(why, list) else why for name, why in unknown.items()}
        return Computed(frame, reasons or _NOTHING, intern(assuming), output=output)


def _reasons(unknown: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return why values are not known as values for JSON; with a type's name where that is known."""
    return {name: [why, why.kind] if isinstance(why, Reason) and why.kind else why for name, why in unknown.items()}


def write_answer(answer: dict[str, Any]) -> bytes:
    """Return the line of what is no frame: the number of a question that is being answered, or why there is none."""
    return _line(answer)


def write_end(outcome: Outcome, *, spent: bool) -> bytes:
    """Return the line of the end of a job. spent: whether the process should do no other job."""
    return _line({**asdict(outcome), "end": outcome.end.name, "spent": spent})


def read_end(line: bytes) -> tuple[Outcome, bool]:
    """Return the end of a job and whether the process is spent. Raises ValueError or KeyError for another line."""
    fields = json.loads(line)
    spent = fields.pop("spent")
    return Outcome(**{**fields, "end": End[fields["end"]]}), spent


def _line(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"
