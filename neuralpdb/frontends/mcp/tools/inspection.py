"""The tools that read a session and change nothing: state, expressions, the stack, source, the trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from neuralpdb.errors import UsageError
from neuralpdb.frontends.mcp.answers import (
    TEXT,
    Answer,
    Row,
    State,
    data,
    lines_of,
    printed,
    rows,
    short_or_none,
    special,
    state,
)
from neuralpdb.frontends.mcp.sessions import OpenProgram
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.frontends.text.frames import place
from neuralpdb.frontends.text.marks import NO_REMARKS
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import VALUE, Frame
from neuralpdb.trace.stack import Activation, Stack, stack_of

# An answer takes room in an agent's context: one of these may take more of it than a movement's, a page at a time.
LONG = 500
"""Characters of a value in `read_state`."""
MANY = 60
"""Most locals of one answer of `read_state`."""
PART = 10_000
"""Most characters of a value in one answer of `evaluate`."""
LINES = 200
"""Most lines of one listing."""
ROWS = 50
"""Most frames, or active functions, of one answer."""

Caller = Annotated[
    int, Field(description="0: the function that runs; 1: its caller, and so on (see stack).", ge=0, le=100_000)
]
Step = Annotated[
    int | None, Field(description="Number of a known frame of the trace; default: where the session stands.", ge=0)
]


def _history(opened: OpenProgram, step: int | None) -> Sequence[Frame]:
    """Return the frames up to a known step. Raises UsageError."""
    session = opened.session
    if step is not None and step > session.known:
        raise UsageError(f"step {step} is not known: the trace is known from 0 to {session.known}")
    return session.history if step is None else session.timeline[: step + 1]


def _stack(opened: OpenProgram, step: int | None) -> Stack:
    """Return the stack at a known step. Raises UsageError."""
    calls = stack_of(_history(opened, step))
    if not calls:
        raise UsageError("there is no frame yet", "step asks the model for one")
    return calls


def _activation(opened: OpenProgram, step: int | None, caller: int) -> Activation:
    """Return the active function with that number at a known step. Raises UsageError."""
    calls = _stack(opened, step)
    if caller >= len(calls):
        raise UsageError(
            f"caller {caller}: there are {len(calls)} active functions", "the outermost has the last number"
        )
    return calls[-1 - caller]


class Locals(State):
    """The locals of one function."""

    session: str
    place: str
    """file(line)function()"""
    names: int
    """How many locals there are."""

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {self.names} locals"
        yield data(f"> {self.place}")
        yield from super().lines()


@tool(reads=True)
def read_state(
    opened: OpenProgram,
    caller: Caller = 0,
    step: Step = None,
    first: Annotated[int, Field(description="Number of the first local to list, from 0.", ge=0)] = 0,
) -> Locals:
    """Read the predicted locals of the present function, of one of its callers, or of an earlier step of the trace."""
    activation = _activation(opened, step, caller)
    frame, remarks = activation.last, opened.remarks(activation)
    page = state(frame.locals, first, LONG, MANY, remarks)
    where = short(place(opened.session.entry.program, frame), TEXT)
    return Locals(session=opened.id, place=where, names=len(frame.locals), **page.model_dump())


class Value(Answer):
    """The value of an expression, or a part of its text."""

    session: str
    value: str
    """Its repr text from character `first` on."""
    first: int
    length: int
    """Characters of the whole text."""
    known: str
    """For a name alone: how it is known, as in `read_state`; empty otherwise."""
    model_says: str | None
    """What the model says otherwise of a name alone."""
    python_says: str | None
    """What Python says otherwise of a name alone, whose value is wrong then."""
    printed: str
    """What evaluating printed, cut where it is long."""

    def lines(self) -> Iterator[str]:
        part = "" if len(self.value) == self.length else f", from {self.first} on"
        yield f"{self.session}: {self.length} characters{part}" + (f", {self.known}" if self.known else "")
        yield from (data(f"printed: {line}") for line in self.printed.splitlines())
        yield data(self.value)
        for who, text in (("model", self.model_says), ("Python", self.python_says)):
            if text is not None:
                yield data(f"({who}: {text})")


@tool(reads=True)
def evaluate(
    opened: OpenProgram,
    expression: Annotated[str, Field(description="A Python expression, as in the program there.", max_length=20_000)],
    caller: Caller = 0,
    step: Step = None,
    first: Annotated[int, Field(description="Number of the first character to return, from 0.", ge=0)] = 0,
) -> Value:
    """Evaluate an expression in the state at a frame; it may call the program's functions and methods, which an
    interpreter carries out without effects: nothing changes, nothing is executed for real. What depends on the world
    (files, input, time) is an error that says so. A name alone gives its whole text, in parts; what is being returned
    or raised is `__return__` or `__exception__`.
    """
    activation = _activation(opened, step, caller)
    others = special(activation.ending)
    values = {**activation.last.locals, **others}
    found = opened.session.evaluator.look(expression, _history(opened, step), activation, others)
    text = inert(found.text)
    name = expression.strip()
    remarks = opened.remarks(activation) if name in values else NO_REMARKS
    part = name if name in activation.last.locals else VALUE
    return Value(
        session=opened.id,
        value=text[first : first + PART],
        first=first,
        length=len(text),
        known=remarks.word(part),
        model_says=short_or_none(remarks.model.get(part), LONG),
        python_says=short_or_none(remarks.python.get(part), LONG),
        printed=printed(found.output),
    )


class Active(Answer):
    """One active function."""

    caller: int
    """The number that read_state and evaluate take."""
    place: str
    source: str

    def lines(self) -> Iterator[str]:
        yield data(f"{self.caller:>3} {self.place}   {self.source}")


class Calls(Answer):
    """The call stack, the function that runs first."""

    session: str
    depth: int
    """How many functions are active."""
    calls: list[Active]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {self.depth} active functions"
        yield from lines_of(self.calls)


@tool(reads=True)
def stack(opened: OpenProgram) -> Calls:
    """Show the call stack: where each active function stands, the newest first."""
    calls = _stack(opened, None)
    program = opened.session.entry.program
    newest = [
        Active(
            caller=i,
            place=short(place(program, each.last), TEXT),
            source=short(each.last.source.strip(), TEXT),
        )
        for i, each in enumerate(calls[: -ROWS - 1 : -1])
    ]
    return Calls(session=opened.id, depth=len(calls), calls=newest)


class SourceLine(Answer):
    """One line of source."""

    number: int
    text: str
    current: bool
    """It is the next to run."""
    breakpoint: bool

    def lines(self) -> Iterator[str]:
        yield data(f"{self.number:>4} {'B' if self.breakpoint else ' '}{'->' if self.current else '  '} {self.text}")


class Listing(Answer):
    """Lines of source."""

    session: str
    total: int
    """Lines of the program."""
    listed: list[SourceLine]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {len(self.listed)} of {self.total} lines"
        yield from lines_of(self.listed)


@tool(reads=True)
def source(
    opened: OpenProgram,
    first: Annotated[int, Field(description="First line; 0: ten lines before the present one.", ge=0)] = 0,
    last: Annotated[int, Field(description="Last line; 0: twenty lines on.", ge=0)] = 0,
) -> Listing:
    """List the program's source with line numbers, breakpoints and the line that is next to run."""
    program, frame = opened.session.entry.program, opened.session.frame
    current = frame.line if frame is not None else None
    first = max(first or (current or 1) - 10, 1)
    last = min(last or first + 20, first + LINES - 1, len(program.lines))
    breakpoints = {point.line for point in opened.session.breakpoints}
    listed = [
        SourceLine(
            number=number,
            text=short(program.line(number).rstrip(), LONG),
            current=number == current,
            breakpoint=number in breakpoints,
        )
        for number in range(first, last + 1)
    ]
    return Listing(session=opened.id, total=len(program.lines), listed=listed)


class History(Answer):
    """A part of the trace in short."""

    session: str
    step: int
    """Where the session stands."""
    known: int
    """The last frame that is known."""
    frames: list[Row]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: step {self.step}, known from 0 to {self.known}"
        yield from lines_of(self.frames)


@tool(reads=True)
def history(
    opened: OpenProgram,
    first: Annotated[int | None, Field(description="First frame; default: 20 before this one.", ge=0)] = None,
    last: Annotated[int | None, Field(description="Last frame; default: this one.", ge=0)] = None,
) -> History:
    """List frames of the trace in short, undone ones and those predicted ahead too: what happened where, what changed.
    At most 50 at a time.
    """
    session = opened.session
    last = min(session.index if last is None else last, session.known)
    first = max(last - 20, 0) if first is None else first
    last = min(last, first + ROWS - 1)
    frames = session.timeline[: last + 1]
    page = rows(session.entry.program, frames[first:], first, stack_of(frames[:first]), opened.remarks)
    return History(session=opened.id, step=session.index, known=session.known, frames=page)
