"""What can follow: the events that control flow allows after a history of frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralpdb.flow import Code, Successors
from neuralpdb.frames import Event, Frame
from neuralpdb.program import Program
from neuralpdb.stack import Activation, Stack


@dataclass(frozen=True)
class Move:
    """One event that can come next, at a place of the program. `code` is what the activation runs."""

    event: Event
    depth: int
    line: int
    function: str
    code: Code | None = None


@dataclass(frozen=True)
class Moves:
    """All that can come next. `ends`: the trace can be over."""

    options: tuple[Move, ...]
    ends: bool

    def of(self, event: Event) -> tuple[Move, ...]:
        return tuple(move for move in self.options if move.event is event)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events among the options, without repetition."""
        return tuple(dict.fromkeys(move.event for move in self.options))


def moves_after(program: Program, stack: Stack, last: Frame, floor: int = 0) -> Moves:
    """What can follow `last`, the newest frame of the history that `stack` sums up.

    `floor` is the depth of the activation the trace started in: leaving it ends the trace.
    Upper bounds: a branch counts whatever its condition says, a line that might call may call any function.
    """
    found: list[Move] = []
    top = stack[-1]
    code = _code(program, top)
    ends = False
    if last.event is Event.CALL:
        found += _entering(program, top, code)
    elif last.event is Event.LINE:
        after = _after(code, top.line)
        found += _going_on(program, top, code, after)
        ends = after.leaves and top.depth <= floor and top.function == "<module>"
    elif last.event is Event.EXCEPTION:
        after = _after(code, top.line)
        lines = after.handlers | (after.lines if after.resumes else frozenset())
        found += [Move(Event.LINE, top.depth, line, top.function, code) for line in sorted(lines)]
    if last.event in (Event.RETURN, Event.EXCEPTION):
        if top.depth <= floor:
            ends = True
        elif len(stack) > 1:
            caller = stack[-2]
            its_code = _code(program, caller)
            found += _going_on(program, caller, its_code, _after(its_code, caller.line))
    return Moves(tuple(dict.fromkeys(found)), ends)


def first_moves(program: Program, line: int) -> Moves:
    """What a trace without a given first frame can start with, at the marked line."""
    calls = (Move(Event.CALL, 0, code.first_line, code.name, code) for code in _callable(program))
    code = program.enclosing(line)
    lines = [Move(Event.LINE, 0, line, code.name, code)] if code else []
    return Moves((*(move for move in calls if abs(move.line - line) <= 8), *lines), ends=False)


def _code(program: Program, activation: Activation) -> Code | None:
    entered = activation.entry.line if activation.entry else None
    return program.code_at(activation.function, activation.line, entered)


def _after(code: Code | None, line: int | None) -> Successors:
    if code is None or line is None or line not in code.lines:
        everything = code.lines if code else frozenset()
        return Successors(lines=everything, handlers=everything)
    return code.after(line)


def _entering(program: Program, top: Activation, code: Code | None) -> Iterator[Move]:
    """After a call event: the first line; of a generator that goes on, whatever follows its yield."""
    if code is None:
        return
    line = top.line or code.first_line
    if line == code.first_line:
        yield from (Move(Event.LINE, top.depth, number, top.function, code) for number in sorted(code.starts))
    if code.suspends:
        after = _after(code, line)
        yield from _going_on(program, top, code, after)
        yield from (Move(Event.LINE, top.depth, number, top.function, code) for number in sorted(after.handlers))


def _going_on(program: Program, at: Activation, code: Code | None, after: Successors) -> Iterator[Move]:
    """Everything that a line which has begun can lead to."""
    line = at.line or (code.first_line if code else 1)
    yield from (Move(Event.LINE, at.depth, number, at.function, code) for number in sorted(after.lines))
    if after.leaves and at.function != "<module>":
        yield Move(Event.RETURN, at.depth, line, at.function, code)
    if after.raises:
        yield Move(Event.EXCEPTION, at.depth, line, at.function, code)
    if after.calls:
        for callee in _reachable(program, line):
            for entered in {callee.first_line} | (callee.yields if callee.suspends else frozenset()):
                yield Move(Event.CALL, at.depth + 1, entered, callee.name, callee)


def _reachable(program: Program, line: int) -> list[Code]:
    """What a line may call: anything, unless all its calls name a plain function; special methods always."""
    if line not in program.direct:
        return list(_callable(program))
    named = program.names.get(line, frozenset())
    return [
        code
        for code in _callable(program)
        if code.name in named or code.suspends or not code.name.isidentifier() or code.name.startswith("__")
    ]


def _callable(program: Program) -> Sequence[Code]:
    return [code for code in program.codes if not code.is_module]
