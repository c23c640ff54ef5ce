"""Possible transitions: the events that control flow allows after a history of frames."""

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
    """An event that can come next.

    event:    what can happen.
    depth:    of its activation.
    line:     where it can happen.
    function: name of the code.
    code:     the code of the activation; None where it is not known.
    """

    event: Event
    depth: int
    line: int
    function: str
    code: Code | None = None


@dataclass(frozen=True)
class PossibleCalls:
    """A call of any of some functions, at one depth.

    depth:     of the activation that is called.
    entrances: the functions.
    """

    depth: int
    entrances: Entrances

    def at(self, source: str) -> Iterator[Transition]:
        """Yield the calls of functions that are entered on a line with this text."""
        return map(self._call, self.entrances.by_source.get(source, ()))

    def __iter__(self) -> Iterator[Transition]:
        return map(self._call, self.entrances.places)

    def _call(self, place: tuple[Code, int]) -> Transition:
        code, line = place
        return Transition(Event.CALL, self.depth, line, code.name, code)


@dataclass(frozen=True)
class Transitions:
    """All events that can come next.

    few:   lines, returns, exceptions, and calls by name.
    ends:  whether the trace can be over.
    calls: any other calls, which can be thousands.
    """

    few: tuple[Transition, ...]
    ends: bool
    calls: tuple[PossibleCalls, ...] = ()

    @cached_property
    def options(self) -> tuple[Transition, ...]:
        """All of them; `at` and `of` are quicker in a large program."""
        return tuple(self)

    def __iter__(self) -> Iterator[Transition]:
        yield from self.few
        for calls in self.calls:
            yield from calls

    @property
    def over(self) -> bool:
        """Whether nothing can follow but the end."""
        return self.ends and not self.few and not any(calls.entrances.places for calls in self.calls)

    def at(self, program: Program, event: Event, source: str) -> tuple[Transition, ...]:
        """Return the transitions with this event on a line with this text."""
        few = [each for each in self.few if each.event is event and program.line(each.line) == source]
        return (*few, *(each for calls in self.calls for each in calls.at(source))) if event is Event.CALL else (*few,)

    def of(self, event: Event) -> tuple[Transition, ...]:
        """Return the transitions with this event."""
        few = [each for each in self.few if each.event is event]
        return (*few, *(each for calls in self.calls for each in calls)) if event is Event.CALL else (*few,)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events among the options, without repetition."""
        called = [Event.CALL for calls in self.calls if calls.entrances.places]
        return tuple(dict.fromkeys([*(each.event for each in self.few), *called]))


def moves_after(program: Program, stack: Stack, last: Frame, floor: int = 0) -> Transitions:
    """Return what can follow the newest frame of a history.

    Upper bounds: a branch counts whatever its condition is, a line that might call may call any function.

    stack: the stack after the history.
    last:  the newest frame.
    floor: depth of the activation the trace started in; leaving it ends the trace.
    """
    if last.event is Event.CALL:
        return _transitions(_entering(program, stack, floor))
    if last.event is Event.LINE:
        return _transitions(_following(program, stack, floor, [Code.after]))
    if last.event is Event.EXCEPTION:
        return _transitions(_following(program, stack, floor, [Code.caught]))
    if last.depth <= floor or len(stack) < 2:
        return Transitions((), ends=True)
    return _transitions(_following(program, stack[:-1], floor, _resumed(stack[-2])))


def leaving(program: Program, stack: Stack) -> Transitions:
    """Return the possible returns of the activation that goes on, at any later time; module-level code has none."""
    at = next((activation for activation in reversed(stack) if activation.leaving is None), None)
    if at is None or at.function == "<module>":
        return Transitions((), ends=False)
    returns = [
        Transition(Event.RETURN, at.depth, line, at.function, code)
        for code in _codes(program, at)
        for line in (sorted(code.lines) if code is not None else [at.line or 1])
        if code is None or code.after(line).leaves
    ]
    return Transitions(tuple(dict.fromkeys(returns)), ends=False)


def first_moves(program: Program, line: int) -> Transitions:
    """Return what a trace without a given first frame can start with, at the marked line."""
    defined = program.defined_at(line)
    if defined is not None:
        return Transitions((Transition(Event.CALL, 0, defined.first_line, defined.name, defined),), ends=False)
    code = program.enclosing(line)
    return Transitions((Transition(Event.LINE, 0, line, code.name, code),) if code else (), ends=False)


def _codes(program: Program, activation: Activation) -> Sequence[Code | None]:
    """Return the codes that an activation may run; several only where lambdas or generator expressions share a line."""
    codes = program.codes_at(activation.function, activation.line, activation.entered)
    names = activation.last.locals.keys()
    fitting = [code for code in codes if set(code.parameters) <= names <= set(code.variables)]
    return fitting or codes or [None]


Option = Transition | PossibleCalls | None
"""An event that can follow, or several; None is the end of the trace."""


def _transitions(options: Iterable[Option]) -> Transitions:
    """Collect options without repetition."""
    distinct = dict.fromkeys(options)
    few = tuple(each for each in distinct if isinstance(each, Transition))
    return Transitions(few, None in distinct, tuple(each for each in distinct if isinstance(each, PossibleCalls)))


def _entering(program: Program, stack: Stack, floor: int) -> Iterator[Option]:
    """Yield what can follow a call event: the first line; of a generator that goes on, what follows its yield."""
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
"""The ways on from a line: those after a line event, those after an exception."""


def _resumed(at: Activation) -> Ways:
    """Return the ways on after a call.

    One that came while the activation handled an exception may be in a handler on the line that raised.
    """
    return [Code.after] if at.raising is None else [Code.after, Code.caught]


def _following(program: Program, stack: Stack, floor: int, ways: Ways) -> Iterator[Option]:
    """Yield what can follow in the topmost activation, and below it as far as an exception may go without an event.

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
                for option in _own(program, at, code, after):
                    if not raised or (isinstance(option, Transition) and option.event is Event.EXCEPTION):
                        yield option
        if not escapes:
            return
        if at.depth <= floor or i == 0:
            yield None
            return
        left, ways = at.function, _resumed(stack[i - 1])


def _own(program: Program, at: Activation, code: Code | None, after: Successors) -> Iterator[Option]:
    """Yield what can follow in one activation, and what it can call."""
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
    """Whether a call that is certain on the line is still to come; a lambda on the line owes none."""
    own = at.function == "<module>" or at.function.isidentifier()
    return own and not program.certain_calls.get(line, frozenset()) <= at.called


def _called(program: Program, line: int, depth: int) -> Iterator[Transition | PossibleCalls]:
    """Yield what a line may call: any function, unless all its calls name a plain one; special methods always."""
    if line not in program.direct_calls:
        yield PossibleCalls(depth, program.entrances)
        return
    unnamed = program.entrances_unnamed
    for name in sorted(program.names.get(line, ())):
        for code in program.named(name):
            if code not in unnamed.codes and not code.is_module:
                yield Transition(Event.CALL, depth, code.first_line, code.name, code)
    yield PossibleCalls(depth, unnamed)
