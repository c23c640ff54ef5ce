"""Guesses at the next frame, made from the program and the last frames without running anything.

The model has the last word. Owns the choice of the next event and line; the effect of a line on the values is in
`rules.statements`, the function that a call enters in `rules.calls`.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import cast

from neuralpdb.interpreter.rules import lambdas
from neuralpdb.interpreter.rules.failures import failure, failure_of, raised
from neuralpdb.interpreter.rules.history import ActivationHistory
from neuralpdb.interpreter.rules.index import StatementIndex
from neuralpdb.interpreter.rules.scope import Scope, Unknown, items_of
from neuralpdb.interpreter.rules.statements import bind, carry_out
from neuralpdb.predict.codec import UNCHANGED
from neuralpdb.program.flow import Code
from neuralpdb.program.syntax import body_of, header_nodes, header_of
from neuralpdb.program.transitions import Transition, Transitions
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Stack

_MOST_GUESSES = 24
"""Moves that are drafted without a thought to their effects: a program may offer thousands of calls."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Texts = Mapping[str, str | None]
"""name -> repr text, or None where it is unknown."""


@dataclass(frozen=True)
class Guess:
    """A frame that may come next; `event` None: the end of the trace.

    source: the text of its line.
    shown:  locals as they will be written (`..` for the unchanged).
    value:  of a return or an exception.
    before: the locals before, of which an unknown value may repeat much.
    """

    event: Event | None
    source: str = ""
    shown: Texts = field(default_factory=dict)
    value: str | None = None
    before: Mapping[str, str] = field(default_factory=dict)


def guesses(lines: StatementIndex, stack: Stack, history: Sequence[Frame], moves: Transitions) -> list[Guess]:
    """Return frames that may come next, the likeliest first; all of them are among `moves`."""
    if not history or not stack:
        return []
    guesser = Guesser(lines, stack, history)
    ranked = [*guesser.next(), *map(guesser.plain, islice(moves, _MOST_GUESSES))]
    if moves.ends:
        ranked.append(Guess(None))
    possible: dict[tuple[Event | None, str, object], Guess] = {}
    for guess in ranked:
        if moves.at(lines.program, guess.event, guess.source) if guess.event is not None else moves.ends:
            possible.setdefault((guess.event, guess.source, tuple(guess.shown.items())), guess)
    return list(possible.values())


class Guesser:
    """A guesser at the frame after a history.

    at:        the activation that goes on.
    past:      the history of that activation.
    around:    values that a function sees besides its locals.
    scope:     the activation's values, and those around it.
    """

    def __init__(self, lines: StatementIndex, stack: Stack, history: Sequence[Frame]) -> None:
        self.lines = lines
        self.program = lines.program
        self.last = history[-1]
        left = self.last.event is Event.RETURN and len(stack) > 1
        self.stack = stack[:-1] if left else stack
        self.at = self.stack[-1]
        self.code = self.program.code_at(self.at.function, self.at.line, self.at.entered)
        self.past = ActivationHistory(history, self.at)
        self.around = self._around()
        self.scope = Scope(dict(self.at.last.locals), self.around)

    @cached_property
    def calls(self) -> Sequence[tuple[Frame, Frame]]:
        """Return the calls that the activation has made since its last line, each with its last frame."""
        return self.past.calls()

    def _around(self) -> Mapping[str, str]:
        """Return the values that a function sees besides its locals."""
        outermost = self.stack[0]
        visible = outermost.last.locals if outermost.function == "<module>" else {}
        return ChainMap(dict(visible), cast(dict[str, str], self.lines.constants), {"inf": "inf"})

    # -- the events -------------------------------------------------------------------------------------------

    def next(self) -> Iterator[Guess]:
        """Yield frames that may come next, the likeliest first."""
        if self.code is None or self.at.line is None:
            return
        if self.last.event is Event.EXCEPTION:
            yield from self._after_exception(self.code, self.at.line)
        elif self.code.name.startswith("<") and not self.code.is_module:
            yield from self._in_anonymous(self.at.line, self.code)
        elif self.last.event is Event.CALL and self.at.line == self.code.first_line:
            yield from map(self._line, sorted(self.code.starts))
        elif self.last.event is Event.CALL:
            yield from self._on(self.at.line, self.code)  # a generator that goes on
        else:
            yield from self._run(self.at.line, self.code)

    def plain(self, move: Transition) -> Guess:
        """Return a guess at the frame of a move that leaves out its effects."""
        source = self.program.line(move.line)
        if move.event is Event.LINE:
            state = next((a.last.locals for a in self.stack if a.depth == move.depth), {})
            return Guess(move.event, source, self._shown(dict(state), move.depth))
        names = move.code.parameters if move.event is Event.CALL and move.code is not None else ()
        return Guess(move.event, source, dict.fromkeys(names))

    def _after_exception(self, code: Code, line: int) -> Iterator[Guess]:
        yield from map(self._line, sorted(code.caught(line).lines))
        if len(self.stack) > 1:
            yield Guess(Event.EXCEPTION, self.program.line(self.stack[-2].line), value=self.last.value)

    def _run(self, line: int, code: Code) -> Iterator[Guess]:
        """Yield guesses after the statements on `line` began: a call that they make, or the frame after them."""
        statements = self._statements(line, code)
        if statements and self.last.event is Event.LINE and not self.past.came_from(header_of(statements[0])):
            yield from self._further(statements[0], line, code)
        if not statements or not self._goes_round(statements[0]):
            yield from self._due(statements, line)
        if statements:
            yield from self._calls_anonymous(statements[0], line)
        if statements:
            yield from self._steps(statements[0])
        yield from self._done(statements, line, code)

    def _due(self, parts: Iterable[ast.AST], line: int) -> Iterator[Guess]:
        """Yield the next call that `parts` of the program make; the results of finished calls go to the scope."""
        finished = [pair for pair in self.calls if not pair[0].function.startswith("<")]
        callees = self.lines.callees
        for call, callee in (pair for part in parts for pair in callees.calls(part, self.scope)):
            if line not in (call.lineno, call.func.end_lineno):
                continue  # of a statement over several lines: made while another one is shown
            done = finished.pop(0) if finished else None
            if done is None:
                if error := failure_of(call, self.scope):
                    yield Guess(Event.EXCEPTION, self.program.line(line), value=error)
                yield Guess(Event.CALL, *callees.entered(call, callee, self.scope))
                return
            if done[0].function != callee.code.name:
                return
            if done[1].event is Event.RETURN:
                self.scope.results[call] = callee.result(done[1])
                self.scope.own.update(callees.changed(call, callee, *done))

    def _in_anonymous(self, line: int, code: Code) -> Iterator[Guess]:
        """Yield guesses inside a lambda or a generator expression."""
        source = self.program.line(line)
        if self.last.event is Event.CALL:
            yield Guess(Event.LINE, source, self._shown(dict(self.scope.own), self.at.depth))
            return
        function = lambdas.lambda_of(self.program, code)
        if code.name == "<lambda>" and function is not None:
            yield from self._gives(function.body, line)
        node = lambdas.generator_of(self.program, code) if code.name == "<genexpr>" else None
        if node is not None and len(self.stack) > 1:
            yield from self._in_generator(node, line)

    def _in_generator(self, node: ast.GeneratorExp, line: int) -> Iterator[Guess]:
        """Yield guesses inside a generator expression: an item is given, or left out, or there are no more."""
        visits = lambdas.visits_of(self.past.frames(), self.at.depth, lambdas.targets_of(node))
        try:
            passes = lambdas.advance(node, visits, self.scope, Scope(dict(self.stack[-2].last.locals), self.around))
        except Unknown:
            yield Guess(Event.RETURN, self.program.line(line))
            return
        if passes:
            yield from self._gives(node.elt, line)
        elif passes is None:
            yield Guess(Event.RETURN, self.program.line(line), value="None")
        else:
            yield Guess(Event.LINE, self.program.line(line), self._shown(dict(self.scope.own), self.at.depth))

    def _gives(self, node: ast.expr, line: int) -> Iterator[Guess]:
        """Yield guesses at the evaluation of an expression: the calls that it makes, and its return."""
        yield from self._due([node], line)
        yield Guess(Event.RETURN, self.program.line(line), value=self.scope.text(node))

    def _calls_anonymous(self, statement: ast.AST, line: int) -> Iterator[Guess]:
        """Yield the next call of a lambda or a generator expression of `statement`; none when all of them are done."""
        left = [last for _, last in self.calls if last.function.startswith("<")]
        mapped, node = lambdas.mapped(statement), lambdas.generator_in(statement)
        if mapped is not None:
            for code in self.program.codes_at("<lambda>", mapped.function.lineno)[:1]:
                arguments = lambdas.next_item(mapped, len(left), code, self.scope)
                if arguments is not None:
                    yield Guess(Event.CALL, self.program.line(code.first_line), arguments)
                lambdas.conclude(mapped, [last.value for last in left], self.scope)
        elif node is not None:
            for code in self.program.codes_at("<genexpr>", node.lineno)[:1]:
                if not left and self.last.event is Event.LINE:
                    source = self.program.line(code.first_line)
                    yield Guess(Event.CALL, source, lambdas.opened(node, code, self.scope))
                elif left and lambdas.goes_on(node, statement, left[-1]):
                    visits = lambdas.visits_of(self.past.frames(), self.at.depth + 1, lambdas.targets_of(node))
                    yield Guess(Event.CALL, left[-1].source, lambdas.resumed(node, visits, left[-1], self.scope))
                elif left and lambdas.is_repeated(node, statement):
                    opened = self.past.opened("<genexpr>", lambdas.targets_of(node))
                    if opened is not None:
                        yield Guess(Event.CALL, opened.source, dict(opened.locals))

    def _steps(self, statement: ast.AST) -> Iterator[Guess]:
        """Yield the next call of a generator of the program that `statement` steps through."""
        began = self.last.event is Event.LINE
        if isinstance(statement, ast.For) and began:
            yield from self._stepped(statement.iter, self.past.visits(statement.lineno, body_of(statement)) == 1)
        for node, once in self.lines.callees.consumed(statement, self.scope):
            if began or (not once and self.lines.callees.is_yield(self.last)):
                yield from self._stepped(node, began)

    def _stepped(self, node: ast.expr, first: bool) -> Iterator[Guess]:
        generator = self.lines.callees.generator(node, self.scope)
        if generator is None:
            return
        name, depth = generator.code.name, self.at.depth + 1
        behind = (f for f in self.past.frames() if f.event is Event.RETURN and f.function == name and f.depth == depth)
        left = next(behind, None)
        if isinstance(node, ast.Call) and first:
            yield Guess(Event.CALL, *self.lines.callees.entered(node, generator, self.scope))
        elif left is not None:
            yield Guess(Event.CALL, left.source, dict(left.locals))

    def _done(self, statements: Sequence[ast.AST], line: int, code: Code) -> Iterator[Guess]:
        source, statement = self.program.line(line), statements[0] if statements else None
        suspended = next((n for s in statements for n in header_nodes(s) if isinstance(n, ast.Yield)), None)
        if statement is not None and (error := failure(statement, self.scope)):
            yield Guess(Event.EXCEPTION, source, value=error)
        if suspended is not None:
            yield Guess(Event.RETURN, source, value=self.scope.text(suspended.value) if suspended.value else "None")
        elif isinstance(statement, ast.Return):
            yield Guess(Event.RETURN, source, value=self.scope.text(statement.value) if statement.value else "None")
        elif isinstance(statement, ast.Raise):
            yield Guess(Event.EXCEPTION, source, value=raised(statement.exc, self.scope))
        elif isinstance(statement, ast.Assert) and self._holds(statement.test) is False:
            yield Guess(Event.EXCEPTION, source, value="AssertionError()")
        yield from self._on(line, code)

    def _on(self, line: int, code: Code) -> Iterator[Guess]:
        """Yield the lines that follow when the statements on `line` are done."""
        statements = self._statements(line, code)
        if statements and self.last.event is Event.LINE and line != getattr(statements[0], "lineno", line):
            yield from self._further(statements[0], line, code)
        one = bool(statements) and hasattr(statements[0], "body")
        for statement in statements[:1] if one else statements:
            if not isinstance(statement, _DEFINITIONS):
                carry_out(statement, self.scope)
            elif not code.is_module and not statement.decorator_list:
                defined = self.program.defined_at(statement.lineno)
                self.scope.own[statement.name] = f"<function {defined.qualname}>" if defined is not None else None
        for following, state in self._successors(statements[0] if statements else None, line, code):
            if following is None:
                yield Guess(None) if code.is_module else Guess(Event.RETURN, self.program.line(line), value="None")
            else:
                yield self._line(following, state)

    def _statements(self, line: int, code: Code) -> Sequence[ast.AST]:
        """Return the statements on a line for this code: a `def` with its body there counts outside of it."""
        statements = self.lines.at(line)
        inner = [
            s for s in statements if not (isinstance(s, _DEFINITIONS) and self.program.defined_at(s.lineno) is code)
        ]
        return [s for s in inner if isinstance(s, _DEFINITIONS)] or inner

    def _further(self, statement: ast.AST, line: int, code: Code) -> Iterator[Guess]:
        """Yield the lines of a statement over several lines that may come after one of them."""
        own = [n for n in code.after(line).lines if n in header_of(statement) and n != line]
        if not hasattr(statement, "body") or line < max(own, default=0):
            yield from map(self._line, sorted(own, key=lambda n: (n < line, n)))

    def _goes_round(self, statement: ast.AST) -> bool:
        """Whether a `for` is asked for its second or a later item."""
        return isinstance(statement, ast.For) and self.past.visits(statement.lineno, body_of(statement)) > 1

    # -- which line -------------------------------------------------------------------------------------------

    def _successors(self, statement: ast.AST | None, line: int, code: Code) -> Iterator[tuple[int | None, Texts]]:
        """Yield lines that may follow, None for leaving, with the values there: a loop binds its variable inside."""
        after = code.after(line)
        own = header_of(statement) if statement is not None and not hasattr(statement, "body") else range(0)
        lines: list[int | None] = [*sorted(after.lines, key=lambda n: (n in own, n <= line, n))]
        if after.leaves and not isinstance(statement, ast.Return):
            lines.append(None)
        before = dict(self.scope.own)
        entering = self._enters(statement) if statement is not None else None
        bound = self.scope.own
        if statement is None or len(lines) < 2:
            yield from ((n, bound) for n in lines)
        elif entering is None:
            recent = self.past.followed(line)
            repeats = recent is not None and recent not in own
            first, *others = sorted(lines, key=lambda n: repeats and n != recent)
            yield first, bound
            yield from ((n, before) for n in others)
        else:
            inside = body_of(statement)
            likely = [n for n in lines if (n is not None and n in inside) is entering]
            yield from ((n, bound) for n in likely)
            yield from ((n, before) for n in lines if n not in likely)

    def _enters(self, statement: ast.AST) -> bool | None:
        """Whether the body of `statement` comes next; a loop's variable is bound to its next value."""
        match statement:
            case ast.If(test=test) | ast.While(test=test):
                return self._holds(test)
            case ast.For() | ast.AsyncFor():
                return self._goes_on(statement)
            case ast.With() | ast.AsyncWith():
                return not self.past.came_from(body_of(statement))
            case ast.ExceptHandler(name=name):
                if name:
                    self.scope.own[name] = self.past.exception()
                return True
        return None

    def _goes_on(self, loop: ast.For | ast.AsyncFor) -> bool | None:
        """Whether a `for` has another item, which its target is bound to."""
        if self.last.event is Event.RETURN and self._left_items_of(loop):
            yielded = self.lines.callees.is_yield(self.last)
            bind(loop.target, self.last.value if yielded else None, self.scope)
            return yielded
        try:
            items = items_of(loop.iter, self.scope)
        except Unknown:
            bind(loop.target, None, self.scope)
            return None
        visits = self.past.visits(loop.lineno, body_of(loop))
        if visits <= len(items):
            bind(loop.target, items[visits - 1], self.scope)
        return visits <= len(items)

    def _left_items_of(self, loop: ast.For | ast.AsyncFor) -> bool:
        """Whether the generator that the loop steps through was just left."""
        if self.last.function == "<genexpr>":
            return isinstance(loop.iter, ast.GeneratorExp)
        return any(code.suspends for code in self.program.named(self.last.function))

    def _holds(self, test: ast.expr) -> bool | None:
        try:
            return bool(self.scope.value(test))
        except Unknown:
            return None

    # -- the written form -------------------------------------------------------------------------------------

    def _line(self, line: int, values: Texts | None = None) -> Guess:
        """Return a line event there, with `values`, or else those of the scope."""
        state = dict(self.scope.own if values is None else values)
        for name, first, end in self.lines.handled(self.at.line or 0):  # its variable is gone when it is left
            if not first <= line <= end:
                state.pop(name, None)
        if self.code is not None and not self.code.is_module:
            before = self.at.last.locals
            new = [name for name in self.code.variables if name in state and name not in before]
            state = {name: state[name] for name in (*(name for name in before if name in state), *new)}
        return Guess(Event.LINE, self.program.line(line), self._shown(state, self.at.depth), before=self.at.last.locals)

    def _shown(self, state: Texts, depth: int) -> dict[str, str | None]:
        """Return `state` with `..` for values that the frame before has already, see `codec.next_base`."""
        base = self.past.shown_before()
        if base is None or base.depth != depth:
            return dict(state)
        old = base.locals
        return {name: UNCHANGED if name in old and old[name] == text else text for name, text in state.items()}
