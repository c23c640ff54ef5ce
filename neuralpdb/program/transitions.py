"""What can follow: the events that control flow allows after a history of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from neuralpdb.program.flow import Code, Successors
from neuralpdb.program.program import Entrances, Program
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation, Stack


@dataclass(frozen=True)
class Transition:
    """One event that can come next, at a place of the program. `code` is what the activation runs."""

    event: Event
    depth: int
    line: int
    function: str
    code: Code | None = None


@dataclass(frozen=True)
class Calls:
    """That any of these functions is called, at one depth."""

    depth: int
    entrances: Entrances

    def at(self, source: str) -> Iterator[Transition]:
        """Those whose line has this text."""
        return (self._move(place) for place in self.entrances.by_source.get(source, ()))

    def __iter__(self) -> Iterator[Transition]:
        return map(self._move, self.entrances.places)

    def _move(self, place: tuple[Code, int]) -> Transition:
        code, line = place
        return Transition(Event.CALL, self.depth, line, code.name, code)


@dataclass(frozen=True)
class Transitions:
    """All that can come next. `ends`: the trace can be over.

    few: its own lines, how it is left, what it calls by name. calls: what else it may call, which can be thousands.
    """

    few: tuple[Transition, ...]
    ends: bool
    calls: tuple[Calls, ...] = ()

    @cached_property
    def options(self) -> tuple[Transition, ...]:
        """Each of them; `at` and `of` are quicker in a large program."""
        return tuple(self)

    def __iter__(self) -> Iterator[Transition]:
        yield from self.few
        for calls in self.calls:
            yield from calls

    @property
    def over(self) -> bool:
        """True when nothing can follow but the end."""
        return self.ends and not self.few and not any(calls.entrances.places for calls in self.calls)

    def at(self, program: Program, event: Event, source: str) -> tuple[Transition, ...]:
        """Those with this event on a line with this text."""
        few = [move for move in self.few if move.event is event and program.line(move.line) == source]
        more = (move for calls in self.calls for move in calls.at(source)) if event is Event.CALL else ()
        return (*few, *more)

    def of(self, event: Event) -> tuple[Transition, ...]:
        few = tuple(move for move in self.few if move.event is event)
        return (*few, *(move for calls in self.calls for move in calls)) if event is Event.CALL else few

    @property
    def events(self) -> tuple[Event, ...]:
        """The events among the options, without repetition."""
        called = [Event.CALL for calls in self.calls if calls.entrances.places]
        return tuple(dict.fromkeys([*(move.event for move in self.few), *called]))


def moves_after(program: Program, stack: Stack, last: Frame, floor: int = 0) -> Transitions:
    """What can follow `last`, the newest frame of the history that `stack` sums up.

    `floor` is the depth of the activation the trace started in: leaving it ends the trace.
    Upper bounds: a branch counts whatever its condition says, a line that might call may call any function.
    """
    if last.event is Event.CALL:
        return _moves(_entering(program, stack, floor))
    if last.event is Event.LINE:
        return _moves(_following(program, stack, floor, [Code.after]))
    if last.event is Event.EXCEPTION:
        return _moves(_following(program, stack, floor, [Code.caught]))
    if last.depth <= floor or len(stack) < 2:
        return Transitions((), ends=True)
    return _moves(_following(program, stack[:-1], floor, _resumed(stack[-2])))


def leaving(program: Program, stack: Stack) -> Transitions:
    """How the activation that goes on can return, whatever it does until then; module-level code cannot."""
    at = next((activation for activation in reversed(stack) if activation.leaving is None), None)
    if at is None or at.function == "<module>":
        return Transitions((), ends=False)
    found = [
        Transition(Event.RETURN, at.depth, line, at.function, code)
        for code in _codes(program, at)
        for line in (sorted(code.lines) if code is not None else [at.line or 1])
        if code is None or code.after(line).leaves
    ]
    return Transitions(tuple(dict.fromkeys(found)), ends=False)


def first_moves(program: Program, line: int) -> Transitions:
    """What a trace without a given first frame can start with, at the marked line."""
    defined = program.defined_at(line)
    if defined is not None:
        return Transitions((Transition(Event.CALL, 0, defined.first_line, defined.name, defined),), ends=False)
    code = program.enclosing(line)
    return Transitions((Transition(Event.LINE, 0, line, code.name, code),) if code else (), ends=False)


def _codes(program: Program, activation: Activation) -> Sequence[Code | None]:
    """What the activation may be running; several only where lambdas or generator expressions share a line."""
    found = program.codes_at(activation.function, activation.line, activation.entered)
    known = activation.last.locals.keys()
    fitting = [code for code in found if set(code.parameters) <= known <= set(code.variables)]
    return fitting or found or [None]


Found = Transition | Calls | None
"""Something that can follow; None is the end of the trace."""


def _moves(found: Iterable[Found]) -> Transitions:
    """`found` without repetition."""
    options = dict.fromkeys(found)
    few = tuple(each for each in options if isinstance(each, Transition))
    return Transitions(few, None in options, tuple(each for each in options if isinstance(each, Calls)))


def _entering(program: Program, stack: Stack, floor: int) -> Iterator[Found]:
    """After a call event: the first line; of a generator that goes on, whatever follows its yield."""
    top = stack[-1]
    codes = _codes(program, top)
    for code in codes:
        if code is not None and top.line in (None, code.first_line):
            yield from (Transition(Event.LINE, top.depth, number, top.function, code) for number in sorted(code.starts))
            if code.suspends:  # an exception can be thrown into a generator before it begins
                yield Transition(Event.EXCEPTION, top.depth, code.first_line, top.function, code)
    if any(code is None or top.line in code.yields for code in codes):
        yield from _following(program, stack, floor, [Code.after, Code.caught])


Ways = Sequence[Callable[[Code, int], Successors]]
"""From which events on its line an activation goes on."""


def _resumed(at: Activation) -> Ways:
    """How an activation goes on when what it called was left: if that was while it handled an exception, it may be
    in a handler on the line that raised."""
    return [Code.after] if at.raising is None else [Code.after, Code.caught]


def _following(program: Program, stack: Stack, floor: int, ways: Ways) -> Iterator[Found]:
    """What can follow in the topmost activation, and below it as far as an exception may have gone without an event.

    Library code between two activations can swallow it, so the lower one may go on in any way; one that called the
    upper one by its name gets the exception.
    """
    left = ""
    for i, at in reversed(list(enumerate(stack))):
        raised = left in program.direct_calls.get(at.line or 0, ())
        escapes = False
        for code in _codes(program, at):
            for way in ways:
                after = way(code, at.line or 0) if code is not None else Successors()
                escapes |= after.escapes and not raised
                for move in _own(program, at, code, after):
                    if not raised or (isinstance(move, Transition) and move.event is Event.EXCEPTION):
                        yield move
        if not escapes:
            return
        if at.depth <= floor or i == 0:
            yield None
            return
        left, ways = at.function, _resumed(stack[i - 1])


def _own(program: Program, at: Activation, code: Code | None, after: Successors) -> Iterator[Found]:
    """What can follow in one activation, and what it can call."""
    line = at.line or (code.first_line if code else 1)
    waits = at.raising is None and at.last.event is Event.LINE and _owes(program, at, line)
    if not waits:
        yield from (Transition(Event.LINE, at.depth, number, at.function, code) for number in sorted(after.lines))
    if after.leaves and not waits:
        yield None if at.function == "<module>" else Transition(Event.RETURN, at.depth, line, at.function, code)
    if after.raises:
        yield Transition(Event.EXCEPTION, at.depth, line, at.function, code)
    if after.calls:
        yield from _called(program, line, at.depth + 1)


def _owes(program: Program, at: Activation, line: int) -> bool:
    """True while a call that is certain on the line has not been made; a lambda on it owes nothing."""
    own = at.function == "<module>" or at.function.isidentifier()
    return own and not program.certain_calls.get(line, frozenset()) <= at.called


def _called(program: Program, line: int, depth: int) -> Iterator[Transition | Calls]:
    """What a line may call: anything, unless all its calls name a plain function; special methods always."""
    if line not in program.direct_calls:
        yield Calls(depth, program.entrances)
        return
    unnamed = program.entrances_unnamed
    for name in sorted(program.names.get(line, ())):
        for code in program.named(name):
            if code not in unnamed.codes and not code.is_module:
                yield Transition(Event.CALL, depth, code.first_line, code.name, code)
    yield Calls(depth, unnamed)
