"""The trace format: frames to marked-up text and back. Malformed text becomes a named value, never an exception.

The format is that of Meta's Code World Model (CWM prompting guide; report arXiv 2510.02387, section on execution
traces). This module knows texts, not the lines of the program that they belong to: see `attempt`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from neuralpdb.engines.tokens import Markup, Token, spelled
from neuralpdb.trace.frames import Event, Frame

MARKER = "# << START_OF_TRACE"
"""The comment that marks the line a trace starts at."""

UNCHANGED = ".."
"""The text for `unchanged since the previous frame of this activation`."""

EVENT_TOKENS: dict[Event, Token] = {
    Event.CALL: Token.CALL,
    Event.LINE: Token.LINE,
    Event.RETURN: Token.RETURN,
    Event.EXCEPTION: Token.EXCEPTION,
}
_EVENTS = {token: event for event, token in EVENT_TOKENS.items()}


def context(lines: Sequence[str], marked: int | None) -> str:
    """Return source text as the model reads it; `marked` is the 1-based line that gets the start marker."""
    marked_lines = (f"{line}  {MARKER}" if number == marked else line for number, line in enumerate(lines, 1))
    return "\n" + "\n".join(marked_lines) + "\n"


def opening(source: str) -> Markup:
    """Return the prompt before the first frame."""
    return (Token.BEGIN, Token.CONTEXT, source, Token.FRAME)


def render(frame: Frame, base: Frame | None = None) -> Markup:
    """Return one frame as the model writes it. `base` is the frame that `..` refers to (see `next_base`)."""
    event, source = EVENT_TOKENS[frame.event], frame.source + "\n"
    if frame.event in (Event.RETURN, Event.EXCEPTION):
        return (event, Token.ACTION, source, Token.ARG, json.dumps(frame.value or ""), Token.FRAME)
    state = frame.locals
    if frame.event is Event.LINE and base is not None and base.depth == frame.depth:
        old = base.locals
        state = {name: UNCHANGED if old.get(name) == value else value for name, value in state.items()}
    return (event, json.dumps(dict(state)), Token.ACTION, source, Token.FRAME)


def render_all(frames: Iterable[Frame]) -> Iterator[Markup]:
    """Yield each frame of a trace as marked-up text, oldest first."""
    base: Frame | None = None
    for frame in frames:
        yield render(frame, base)
        base = next_base(base, frame)


def next_base(base: Frame | None, frame: Frame) -> Frame | None:
    """Return the frame that a `..` right after `frame` refers to: the last call or line. base: that for `frame`.

    None after a return. It counts only for a frame of the same depth: a change of activation resets the base.
    """
    if frame.event is Event.RETURN:
        return None
    return base if frame.event is Event.EXCEPTION else frame


@dataclass(frozen=True)
class WrittenFrame:
    """One frame as the model wrote it: texts, not yet a place in the program.

    shown:  for call and line, name -> repr text or `..`; empty otherwise.
    source: the text of the line.
    value:  for return and exception, repr text; None otherwise.
    """

    event: Event
    shown: Mapping[str, str]
    source: str
    value: str | None


@dataclass(frozen=True)
class Malformed:
    """A text that is no frame, and why."""

    reason: str
    text: str


@dataclass(frozen=True)
class Finished:
    """The end of the trace, as the model wrote it."""


def parse(markup: Markup) -> WrittenFrame | Malformed | Finished:
    """Read one frame, with or without its closing `FRAME`.

    Lenient where no harm is done: a missing newline, an exception value that is not JSON.
    """
    pieces = markup[:-1] if markup and markup[-1] in (Token.FRAME, Token.END) else markup
    if not pieces:
        return Finished() if markup and markup[-1] is Token.END else _malformed("nothing was written", markup)
    event = _EVENTS.get(pieces[0]) if isinstance(pieces[0], Token) else None
    if event is None:
        return _malformed("it does not start with an event", markup)
    fields = _fields(pieces[1:])
    if fields is None:
        return _malformed("its parts are out of order", markup)
    state, source, argument = fields
    source = source.removesuffix("\n")
    if "\n" in source:
        return _malformed("its source is more than one line", markup)
    if event in (Event.RETURN, Event.EXCEPTION):
        value = _value(argument, lenient=event is Event.EXCEPTION)
        return (
            _malformed("its value is not a JSON string", markup)
            if value is None
            else WrittenFrame(event, {}, source, value)
        )
    written_locals = _locals(state)
    return (
        _malformed("its locals are not a JSON object of strings", markup)
        if written_locals is None
        else WrittenFrame(event, written_locals, source, None)
    )


def parse_all(markup: Markup) -> Iterator[WrittenFrame | Malformed | Finished]:
    """Read a whole recorded generation, one result for each frame, up to and including its end if it has one."""
    start = 0
    for i, piece in enumerate(markup):
        if piece in (Token.FRAME, Token.END):
            if piece is Token.FRAME or i > start:
                yield parse(markup[start : i + 1])
            if piece is Token.END:
                yield Finished()
                return
            start = i + 1
    if start < len(markup):
        yield _malformed("it is cut off", markup[start:])


def unabridged(written: Mapping[str, str], earlier: Mapping[str, str]) -> dict[str, str] | str:
    """Return `written` with every `..` replaced from `earlier`; the first name missing there, if there is one."""
    full: dict[str, str] = {}
    for name, value in written.items():
        if value == UNCHANGED:
            if name not in earlier:
                return name
            value = earlier[name]
        full[name] = value
    return full


def _malformed(reason: str, markup: Markup) -> Malformed:
    return Malformed(reason, spelled(markup))


def _fields(pieces: Markup) -> tuple[str, str, str | None] | None:
    """Return text before ACTION, text before ARG, text after ARG or None; None when a token is out of place."""
    texts: list[str] = [""]
    for piece in pieces:
        if not isinstance(piece, Token):
            texts[-1] += piece
        elif piece is (Token.ACTION, Token.ARG, None)[min(len(texts), 3) - 1]:
            texts.append("")
        else:
            return None
    if len(texts) < 2:
        return None
    return texts[0], texts[1], texts[2] if len(texts) == 3 else None


def _value(text: str | None, *, lenient: bool) -> str | None:
    try:
        value = json.loads(text or "", strict=False)
    except (ValueError, RecursionError):
        return (text or "") if lenient else None
    if isinstance(value, str):
        return _encodable(value)
    return (text or "") if lenient else None


def _locals(text: str) -> dict[str, str] | None:
    try:
        state = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(state, dict) or not all(isinstance(value, str) for value in state.values()):
        return None
    return {_encodable(name): _encodable(value) for name, value in state.items()}


def _encodable(text: str) -> str:
    """Escape the half of a surrogate pair, which JSON can hold, and no terminal, file or tokenizer accepts."""
    return text.encode("utf-8", "backslashreplace").decode() if not text.isascii() else text
