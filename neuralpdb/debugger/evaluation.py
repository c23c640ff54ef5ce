"""Evaluation: expressions and statements of the user over a history, in the interpreter's words or in one line why not.

It knows no session. The interpreter runs them; a bare name of a call is its text in the frame, whatever it spells.
"""

from __future__ import annotations

import ast
import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from neuralpdb.errors import UsageError
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.evaluation import Children, Evaluated, Executed
from neuralpdb.program.typed import names_in, statements
from neuralpdb.trace.frames import Frame, Origin
from neuralpdb.trace.parts import part, way
from neuralpdb.trace.stack import Activation
from neuralpdb.trace.values import EvaluationError, literal, parse_expression, shortened

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry

_UNDEFINED = re.compile(r"NameError: name '(\w+)' is not defined")


class Views(Protocol):
    """What evaluates at the end of a history; see `ComputedHistories`. A depth of None is that of the last frame."""

    def evaluate(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Evaluated:
        """Return what an expression is, with no effect on anything."""
        ...

    def execute(self, history: Sequence[Frame], statements: str, depth: int | None = None) -> Executed:
        """Return the frame that is to take the place of the last one once some statements have run."""
        ...

    def children(self, history: Sequence[Frame], expression: str, depth: int | None = None) -> Children:
        """Return the parts of a value."""
        ...


@dataclass(frozen=True)
class Value:
    """The value of an expression.

    text:   of the value, as frames have it; not inert.
    output: what evaluating it printed.
    """

    text: str
    output: str = ""


@dataclass(frozen=True)
class Change:
    """What came of statements.

    frame:  takes the place of the last one of the history.
    text:   of the value of the last statement, where it is an expression with another value than None.
    output: what they printed.
    """

    frame: Frame
    text: str | None = None
    output: str = ""


class Evaluator:
    """Evaluates over histories of one program. Everything that fails is an EvaluationError of one line."""

    def __init__(self, entry: Entry, views: Views | None = None) -> None:
        """views: evaluates; None: an interpreter of its own, which is started at its first use."""
        self._entry = entry
        self._views = views
        self._own: ComputedHistories | None = None
        self._end: weakref.finalize[Any, Any] | None = None

    def close(self) -> None:
        """End the interpreter, if it is an own one."""
        if self._end is not None:
            self._end()
        self._own = self._end = None

    def look(
        self,
        expression: str,
        history: Sequence[Frame],
        at: Activation | None = None,
        others: Mapping[str, str] | None = None,
    ) -> Value:
        """Return the value of an expression at the end of a history. Raises EvaluationError.

        at:     the call of which the names are; None: the newest.
        others: further names and the texts of their values.
        """
        tree, others = parse_expression(expression), others or {}
        state = _locals(history, at)
        if isinstance(tree, ast.Name) and (text := {**others, **state}.get(tree.id)) is not None:
            return Value(text)
        answer = self._asked(_bound(expression, state, others), history, at)
        if answer.text is not None:
            return Value(answer.text, answer.output)
        if not answer.error and (text := _written(expression, state)) is not None:
            return Value(text, answer.output)
        raise _failure(answer, expression, "evaluate")

    def value(self, expression: str, history: Sequence[Frame], at: Activation | None = None) -> str:
        """Return the text of the value of an expression; see `look`."""
        return self.look(expression, history, at).text

    def truth(self, expression: str, history: Sequence[Frame], at: Activation | None = None) -> bool:
        """Whether an expression holds at the end of a history. Raises EvaluationError."""
        parse_expression(expression)
        answer = self._asked(expression, history, at)
        if answer.truth is None:
            raise _failure(answer, expression, "evaluate")
        return answer.truth

    def change(self, text: str, history: Sequence[Frame]) -> Change:
        """Run statements at the last frame of a history. Raises EvaluationError; then nothing has changed."""
        body = statements(text)
        if not history:
            raise EvaluationError("there is no frame yet", "type step")
        if (literally := _literally(body, history[-1])) is not None:
            return Change(literally)
        answer = self._interpreter.execute(history, text.strip())
        if answer.frame is not None:
            return Change(answer.frame, answer.text, answer.output)
        plain = _plainly(body, history[-1]) if not answer.error else None
        if plain is None:
            raise _failure(answer, text, "run")
        return Change(plain)

    def children(self, expression: str, history: Sequence[Frame], at: Activation | None = None) -> Children:
        """Return the parts of the value of an expression. Raises EvaluationError."""
        parse_expression(expression)
        answer = self._interpreter.children(history, expression.strip(), _depth(history, at))
        if answer.why or answer.error:
            raise _failure(answer, expression, "evaluate")
        return answer

    @property
    def _interpreter(self) -> Views:
        if self._views is not None:
            return self._views
        if self._own is None:
            self._own = ComputedHistories(self._entry)
            self._end = weakref.finalize(self, self._own.close)
        return self._own

    def _asked(self, expression: str, history: Sequence[Frame], at: Activation | None) -> Evaluated:
        return self._interpreter.evaluate(history, expression.strip(), _depth(history, at))


def settled(entry: Entry) -> Entry:
    """Return an entry in which the names that are set to expressions have values. Raises UsageError."""
    if not entry.made or entry.first is None:
        return entry
    evaluator, frame, name = Evaluator(entry), entry.first, ""
    try:
        for name, expression in entry.made.items():
            frame = evaluator.change(f"{name} = {expression}", [frame]).frame
    except EvaluationError as error:
        raise UsageError(f"--set {name}: {error.message}") from None
    finally:
        evaluator.close()
    code = entry.program.code_at(frame.function, frame.line, entry.first.line)
    order = [name for name in (code.parameters if code is not None else ()) if name in frame.locals]
    texts = {name: frame.locals[name] for name in dict.fromkeys([*order, *frame.locals])}
    first = frame.replace(locals=texts, origin=entry.first.origin, known=entry.first.known)
    return replace(entry, first=first, made={})


def _depth(history: Sequence[Frame], at: Activation | None) -> int | None:
    """Return the depth of a call; None where it is the newest."""
    return None if at is None or not history or at.depth == history[-1].depth else at.depth


def _locals(history: Sequence[Frame], at: Activation | None) -> Mapping[str, str]:
    if at is not None:
        return at.last.locals
    return history[-1].locals if history else {}  # a return carries those of the last line


def _bound(expression: str, state: Mapping[str, str], others: Mapping[str, str]) -> str:
    """Return an expression in which further names have their values. Raises EvaluationError for one of no literal."""
    names = [name for name in others if name not in state and name in names_in(expression)] if others else []
    for name in names:
        literal(others[name])
    if not names:
        return expression
    return f"(lambda {', '.join(names)}: ({expression.strip()}))({', '.join(others[name] for name in names)})"


def way_of(expression: str, state: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    """Split `local.x[0]` into the local and the path to its part; without a path where its text has no such part."""
    match = re.match(r"\w*", expression.strip())
    name = match[0] if match else ""
    path = way(state[name], expression.strip()[len(name) :]) if name in state else None
    return name, path or ()


def _written(expression: str, state: Mapping[str, str]) -> str | None:
    """Return the text of a part of a local as it stands in the local's text; None where there is none."""
    name, path = way_of(expression, state)
    return part(state[name], path) if path else None


def _literally(body: Sequence[ast.stmt], frame: Frame) -> Frame | None:
    """Return a frame after `NAME = LITERAL` for a local, which needs no interpreter; None for anything else.

    After other statements it needs one: they are run again, and this one has to come behind them.
    """
    node = body[0]
    if len(body) != 1 or frame.statement is not None or not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if not isinstance(target, ast.Name) or not (target.id in frame.locals or frame.function == "<module>"):
        return None
    if any(isinstance(each, ast.Name | ast.Set) for each in ast.walk(node.value)):
        return None
    return _plainly(body, frame)


def _plainly(body: Sequence[ast.stmt], frame: Frame) -> Frame | None:
    """Return a frame after `NAME = LITERAL`, `NAME = NAME` or `del NAME`, by its texts alone; else None."""
    node = body[0]
    state = dict(frame.locals)
    if len(body) != 1:
        return None
    if isinstance(node, ast.Delete) and all(isinstance(each, ast.Name) and each.id in state for each in node.targets):
        for each in node.targets:
            state.pop(ast.unparse(each), None)
    elif isinstance(node, ast.Assign) and all(isinstance(each, ast.Name) for each in node.targets):
        if isinstance(node.value, ast.Name):
            text = state.get(node.value.id)
        else:
            try:
                text = repr(literal(ast.unparse(node.value)))
            except (EvaluationError, RecursionError):
                text = None
        if text is None:
            return None
        state |= {ast.unparse(each): text for each in node.targets}
    else:
        return None
    kept = {name: frame.how(name) for name in state if frame.locals.get(name) == state[name]}
    return frame.replace(locals=state, origin=Origin.EDITED, known=kept)


def _failure(answer: Evaluated | Executed | Children, text: str, action: str) -> EvaluationError:
    """Return why there is no answer, as an error. action: what was done with the text."""
    shown = shortened(text)
    undefined = _UNDEFINED.fullmatch(answer.error)
    if answer.error.startswith("SyntaxError: ") and not _parses(text):
        failure = EvaluationError(f"cannot parse {shown}: {answer.error.removeprefix('SyntaxError: ')}")
    elif undefined is not None and re.search(rf"\b{undefined[1]}\b", text):
        failure = EvaluationError(f"name {undefined[1]!r} is not defined here", "see: vars")
    else:
        reason = answer.error or answer.why or "its value is not known"
        failure = EvaluationError(f"cannot {action} {shown}: {shortened(reason, 160)}")
        failure.is_unknown = not answer.error
    failure.output = getattr(answer, "output", "")
    return failure


def _parses(text: str) -> bool:
    """Whether Python compiles a text; `yield` outside of a function parses, and does not compile."""
    try:
        compile(text.strip(), "stdin", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


__all__ = ["Change", "Children", "Evaluator", "Value", "Views", "settled", "way_of"]
