"""Answers of the tools: bounded, inert values with a JSON schema, and the same as a short text.

Texts of the program or the model stand on lines that begin with `| `; no such text can end its line. Knows sessions and
frames, no tool and no protocol. Docstrings of answers and their fields are part of the schemas that agents read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Changes, Stop, StopKind, changes, changes_at
from neuralpdb.frontends.text.frames import place
from neuralpdb.frontends.text.marks import NO_REMARKS, Remarks
from neuralpdb.output.printable import inert, short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import LINE, Ended, Event, Frame, Origin, Outcome, Trouble
from neuralpdb.trace.frames import VALUE as VALUE_PART
from neuralpdb.trace.stack import Activation, Stack, advance

# An answer takes room in an agent's context: movements, the most frequent calls, take about 12,000 characters at most.
VALUE = 200
"""Characters of a value in the answer of a movement; `evaluate` gives all of it."""
NAMES = 40
"""Most locals in the answer of a movement; `read_state` gives all of them."""
CHANGE = 80
"""Characters of a value that changed."""
CHANGED = 20
"""Most changes that one answer lists."""
PRINTED, LINE_WIDTH = 40, 200
"""Most lines of what was printed, and characters of each."""
CHANGED_ROW = 8
"""Most changes of one frame in a list of frames."""
WROTE = 500
"""Characters of a model's text that is not a frame."""
TEXT = 2_000
"""Characters of a message, or of a line of source."""

Name = Annotated[str, Field(description="Name of a local.")]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text."""
        raise NotImplementedError

    def as_text(self) -> str:
        """Return the answer as one text."""
        return "\n".join(self.lines())


def lines_of(answers: Iterable[Answer]) -> Iterator[str]:
    """Yield the lines of several answers."""
    for answer in answers:
        yield from answer.lines()


def data(text: str) -> str:
    """Return a line that quotes the program or the model."""
    return f"| {text}".rstrip()


class State(Answer):
    """Locals by name, values as repr texts."""

    locals: dict[str, str]
    """Name to repr text."""
    cut: list[str]
    """Names whose text here is cut in its middle; `evaluate` with that name gives all of it."""
    omitted: int
    """How many further locals there are; `read_state` lists them."""
    known: dict[str, str]
    """Name to how it is known, where that is not by Python's own rules alone: predicted, computed from a prediction,
    edited. Empty where nothing is computed; then `origin` says it."""
    model_says: dict[str, str]
    """Name to what the model says otherwise of a computed value."""
    python_says: dict[str, str]
    """Name to what Python says otherwise of a predicted value, which is wrong then."""

    def lines(self) -> Iterator[str]:
        yield from (data(f"{name} = {value}{self.beside(name)}") for name, value in self.locals.items())
        if self.cut:
            yield f"cut: {len(self.cut)} (evaluate gives a whole value)"
        if self.omitted:
            yield f"{self.omitted} more (read_state lists them)"

    def beside(self, name: str) -> str:
        """Return what the text says behind a value: how it is known, and what is said otherwise."""
        texts = [self.known[name]] if name in self.known else []
        texts += [f"model: {self.model_says[name]}"] if name in self.model_says else []
        texts += [f"Python: {self.python_says[name]}"] if name in self.python_says else []
        return "".join(f"  ({text})" for text in texts)


def state(
    values: Mapping[str, str],
    first: int = 0,
    width: int = VALUE,
    most: int = NAMES,
    remarks: Remarks = NO_REMARKS,
    besides: Sequence[str] = (),
) -> State:
    """Return `most` of the locals from number `first` on, each cut at `width` characters.

    remarks: how the values are known.
    besides: other parts of the frame of which that is told, VALUE or LINE.
    """
    listed = list(values.items())[first : first + most]
    parts = [*(name for name, _ in listed), *besides]
    return State(
        locals={short(name, CHANGE): short(text, width) for name, text in listed},
        cut=[short(name, CHANGE) for name, text in listed if len(inert(text)) > width],
        omitted=max(len(values) - first - len(listed), 0),
        known={part_name(part): word for part in parts if (word := remarks.word(part))},
        model_says={part_name(part): short(remarks.model[part], width) for part in parts if part in remarks.model},
        python_says={part_name(part): short(remarks.python[part], width) for part in parts if part in remarks.python},
    )


class Doubt(Answer):
    """A part of a prediction of which the model itself was not sure."""

    part: str
    """Name of a local, (event), (line) or (value)."""
    probability: float
    """That the model gave to what it wrote there, 0 to 1."""

    def lines(self) -> Iterator[str]:
        yield data(f"    ? {self.part} ({self.probability:.0%} sure)")


def part_name(part: str) -> str:
    """Return the name of a part of a frame: of a local, or `(value)`, `(line)`, `(event)`."""
    return short(part or "(value)", CHANGE)


class At(State):
    """One frame: an event of the program and the state *before* its line runs."""

    place: str
    """file(line)function()"""
    event: Event
    line: int | None
    """1-based; null where what the model wrote fits no line."""
    function: str
    depth: int
    """0 for the function that the trace began in, one more for each call below it."""
    source: str
    """The line's text."""
    value: str | None
    """What is returned or raised, as repr text; null for call and line."""
    origin: Origin
    """predicted: by the model; computed: by Python's own rules; edited: by set_state or jump; given: when opened."""
    doubts: list[Doubt]
    """What the model was not sure of."""

    def lines(self) -> Iterator[str]:
        value = f" -> {self.value}{self.beside(part_name(VALUE_PART))}" if self.value is not None else ""
        yield data(f"> {self.place} {self.event}{value}")
        yield data(f"    {self.source}{self.beside(part_name(LINE))}")
        yield from lines_of(self.doubts)


def at(program: Program, frame: Frame, doubtful: Mapping[str, float], remarks: Remarks = NO_REMARKS) -> At:
    """Return a frame as an answer.

    doubtful: probabilities of the parts that the model was not sure of.
    remarks:  how its values are known.
    """
    shortened = state(frame.locals, remarks=remarks, besides=(VALUE_PART, LINE))
    cut = [name for name, text in special(frame).items() if len(inert(text)) > VALUE]
    doubts = [
        Doubt(part=part_name(part), probability=round(share, 4)) for part, share in islice(doubtful.items(), CHANGED)
    ]
    return At(
        place=short(place(program, frame), TEXT),
        event=frame.event,
        line=frame.line,
        function=short(frame.function, CHANGE),
        depth=frame.depth,
        source=short(frame.source.strip(), TEXT),
        value=short_or_none(frame.value, VALUE),
        origin=frame.origin,
        **{**shortened.model_dump(), "cut": [*shortened.cut, *cut]},
        doubts=doubts,
    )


def printed(text: str) -> str:
    """Return what was printed, cut, with inert lines."""
    return "\n".join(short(line, LINE_WIDTH) for line in text.splitlines()[:PRINTED])


def special(frame: Frame | None) -> dict[str, str]:
    """Return the value that a frame returns or raises, under its name in expressions."""
    if frame is None or frame.value is None:
        return {}
    return {"__return__" if frame.event is Event.RETURN else "__exception__": frame.value}


class Change(Answer):
    """A local that is not what it was. null: it was, or is, not there."""

    name: Name
    old: str | None
    new: str | None
    known: str
    """How the new value is known, as `known` of a frame; empty where it is not listed there."""

    def lines(self) -> Iterator[str]:
        old, new = ("(not there)" if each is None else each for each in (self.old, self.new))
        yield data(f"      {self.name}: {old} -> {new}" + (f"  ({self.known})" if self.known else ""))


def changed(values: Changes, remarks: Remarks, most: int = CHANGED) -> list[Change]:
    """Return changes as answers, at most `most`. remarks: how the new values are known."""
    return [
        Change(
            name=short(name, CHANGE),
            old=short_or_none(old),
            new=short_or_none(new),
            known=remarks.word(name) if new is not None else "",
        )
        for name, (old, new) in islice(values.items(), most)
    ]


def short_or_none(text: str | None, width: int = CHANGE) -> str | None:
    """Return a text cut at `width` characters; None for one that is not there."""
    return None if text is None else short(text, width)


class Halt(Answer):
    """Why no further frame came: the end of the trace, or trouble with what the model said."""

    kind: str
    """ended, or the kind of trouble: truncated, malformed, unknown line, too long, unavailable."""
    message: str
    wrote: str
    """What the model wrote instead of a frame; empty at an end."""

    def lines(self) -> Iterator[str]:
        yield data(f"{self.kind}: {self.message}")
        if self.wrote:
            yield data(f"the model wrote: {self.wrote}")


def halt(outcome: Outcome | None) -> Halt | None:
    """Return an end or a trouble as an answer; None for a frame."""
    if isinstance(outcome, Trouble):
        message = short(outcome.message, TEXT)
        return Halt(kind=outcome.kind.value, message=message, wrote=short(outcome.text, WROTE))
    if isinstance(outcome, Ended):
        return Halt(kind="ended", message=short(outcome.reason, TEXT), wrote="")
    return None


class Stopped(Answer):
    """Where a session stands after a movement, and what changed since the last stop."""

    session: str
    reason: StopKind
    """Why it stopped. ended: the trace is over; trouble: the model's answer was no frame; limit: repeat to go on."""
    message: str
    printed: str
    """What the statements of set_state printed, and the value of the last one, cut where it is long."""
    passed: int
    """Frames that were passed to get here."""
    step: int
    """Number of this frame in the trace, 0 for its start; -1 before it."""
    known: int
    """Number of the last frame that is known (undone and predicted ones too); `go` reaches all of them."""
    frame: At | None
    changed: list[Change]
    halt: Halt | None
    """What came instead of a next frame, when that is why it stopped."""
    notes: list[str]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {self.reason}, step {self.step} (known to {self.known}), {self.passed} passed"
        if self.message:
            yield data(self.message)
        yield from (data(f"printed: {line}") for line in self.printed.splitlines())
        yield from self.halt.lines() if self.halt else ()
        yield from self.frame.lines() if self.frame else ()
        yield from lines_of(self.changed)
        yield from self.notes


def stopped(
    name: str,
    session: Session,
    stop: Stop,
    doubtful: Mapping[str, float],
    notes: Iterable[str],
    remarks: Remarks = NO_REMARKS,
) -> Stopped:
    """Return a stop as an answer. name: of the session; doubtful, remarks: as for `at`."""
    stack, frame = session.stack, session.frame
    over = stop.kind in (StopKind.ENDED, StopKind.TROUBLE)
    return Stopped(
        session=name,
        reason=stop.kind,
        message="" if over else short(stop.message, TEXT),
        printed=printed(stop.output if stop.value is None else f"{stop.output}{stop.value}"),
        passed=stop.steps,
        step=session.index,
        known=session.known,
        frame=at(session.entry.program, frame, doubtful, remarks) if frame is not None else None,
        changed=changed(changes_at(stop, stack), remarks),
        halt=halt(stop.trouble or Ended(stop.message)) if over else None,
        notes=list(notes),
    )


class Row(Answer):
    """One frame of a trace in short."""

    step: int
    place: str
    event: Event
    line: int | None
    depth: int
    source: str
    value: str | None
    changed: list[Change]
    """Locals that changed since this function was last seen before it."""
    origin: Origin

    def lines(self) -> Iterator[str]:
        value = f" -> {self.value}" if self.value is not None else ""
        edited = " [edited]" if self.origin is Origin.EDITED else ""
        yield data(f"{self.step:>4} {self.place} {self.event}{value}{edited}   {self.source}")
        yield from lines_of(self.changed)


def rows(
    program: Program, frames: Iterable[Frame], first: int, stack: Stack, remarks: Callable[[Activation], Remarks]
) -> list[Row]:
    """Return frames in short, numbered from `first`.

    stack:   the one before them.
    remarks: returns how the values of a call are known.
    """
    answers = []
    for step, frame in enumerate(frames, first):
        before, stack = stack, advance(stack, frame)
        answers.append(
            Row(
                step=step,
                place=short(place(program, frame, named=False), CHANGE),
                event=frame.event,
                line=frame.line,
                depth=frame.depth,
                source=short(frame.source.strip(), VALUE),
                value=short_or_none(frame.value),
                changed=changed(changes(before, stack[-1]), remarks(stack[-1]), CHANGED_ROW),
                origin=frame.origin,
            )
        )
    return answers
