"""Expressions over predicted values: literals and a safe subset of Python. Nothing of the program is run."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import simpleeval

from neuralpdb.errors import UsageError

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        abs, all, any, ascii, bin, bool, bytes, chr, complex, dict, divmod, enumerate, float, frozenset, hex, int,
        len, list, max, min, oct, ord, reversed, round, set, sorted, str, sum, tuple, zip,
    )
}  # fmt: skip
_FUNCTIONS["range"] = lambda *bounds: _bounded(range(*bounds))
# simpleeval refuses these builtins themselves, because of objects that are no plain values; ours are plain values
_FUNCTIONS["isinstance"] = lambda value, kind: isinstance(value, kind)
_FUNCTIONS["repr"] = lambda value: repr(value)
_TYPES = {t.__name__: t for t in (bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)}
_FLOATS = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}
_MOST_CHARACTERS = 1_000_000
_MOST_ITEMS = 100_000


class EvaluationError(UsageError):
    """The expression cannot be evaluated over what is known."""


def literal(text: str) -> Any:
    """The value that a repr text stands for. Raises EvaluationError when it is not a literal (`<Dog object>`)."""
    try:
        if text in _FLOATS:
            return _FLOATS[text]
        if text.startswith("frozenset(") and text.endswith(")"):
            return frozenset(ast.literal_eval(text[len("frozenset(") : -1] or "()"))
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise EvaluationError(f"{_short(text)} is not a literal: only its text is known") from None


def evaluate(expression: str, state: Mapping[str, str]) -> str:
    """repr text of `expression` over `state` (name -> repr text).

    A bare name gives its text unchanged, literal or not. Raises EvaluationError: what cannot be evaluated is said.
    """
    expression = expression.strip()
    if expression in state:
        return state[expression]
    text = repr(_value(expression, state))
    if len(text) > _MOST_CHARACTERS:
        raise EvaluationError(f"{_short(expression)} is longer than {_MOST_CHARACTERS:,} characters")
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def truth(expression: str, state: Mapping[str, str]) -> bool:
    """Whether `expression` holds over `state`. Raises EvaluationError."""
    return bool(_value(expression, state))


def assign(statement: str, state: Mapping[str, str]) -> dict[str, str]:
    """`state` after `NAME = EXPR`, `NAME op= EXPR`, `NAME[...] = EXPR` or `del NAME`. Raises EvaluationError."""
    node = _statement(statement)
    changed = dict(state)
    if isinstance(node, ast.Delete) and all(isinstance(target, ast.Name) for target in node.targets):
        for target in node.targets:
            assert isinstance(target, ast.Name)
            if changed.pop(target.id, None) is None:
                raise EvaluationError(f"there is no {target.id!r} to delete", "see: vars")
        return changed
    if isinstance(node, ast.AugAssign):
        value: ast.expr = ast.BinOp(_load(node.target), node.op, node.value)
        targets: list[ast.expr] = [node.target]
    elif isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        raise EvaluationError(f"cannot run {_short(statement)}: nothing is executed", "write !NAME = EXPR, or p EXPR")
    text = evaluate(ast.unparse(value), state)
    for target in targets:
        _store(target, text, changed)
    return changed


def branch_taken(tree: ast.AST, line: int, state: Mapping[str, str]) -> tuple[bool, int, int] | None:
    """(condition, first line, last line of the body) of the `if` or `while` on `line`; None when it cannot be told."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.While) and node.lineno == line:
            try:
                holds = truth(ast.unparse(node.test), state)
            except EvaluationError:
                return None
            return holds, node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno
    return None


def _value(expression: str, state: Mapping[str, str]) -> Any:
    def lookup(node: ast.Name) -> Any:
        if node.id in state:
            return literal(state[node.id])
        if node.id in _TYPES:
            return _TYPES[node.id]
        raise EvaluationError(f"name {node.id!r} is not defined here", "see: vars")

    evaluator = simpleeval.EvalWithCompoundTypes(functions=dict(_FUNCTIONS), names=lookup)
    try:
        value = evaluator.eval(expression)
        return list(value) if isinstance(value, range | zip | enumerate | reversed) else value
    except EvaluationError:
        raise
    except SyntaxError as error:
        raise EvaluationError(f"cannot parse {_short(expression)}: {error.msg}") from None
    except simpleeval.InvalidExpression as error:
        reason = _one_line(error).partition(", for expression")[0].rstrip(".")
        raise EvaluationError(
            f"cannot evaluate {_short(expression)}: {reason}", "a safe subset of Python only"
        ) from None
    except Exception as error:  # the user's expression may fail in any way Python knows
        raise EvaluationError(
            f"cannot evaluate {_short(expression)}: {type(error).__name__}: {_one_line(error)}"
        ) from None


def _bounded(numbers: range) -> range:
    if len(numbers) > _MOST_ITEMS:
        raise EvaluationError(f"a range of more than {_MOST_ITEMS:,} items is too long to evaluate")
    return numbers


def _statement(text: str) -> ast.stmt:
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise EvaluationError(f"cannot parse {_short(text)}: {message}") from None
    if len(body) != 1:
        raise EvaluationError("write one assignment", "for example !total = 3")
    return body[0]


def _store(target: ast.expr, text: str, state: dict[str, str]) -> None:
    if isinstance(target, ast.Name):
        state[target.id] = text
        return
    path: list[Any] = []
    node = target
    while isinstance(node, ast.Subscript):
        path.append(literal(evaluate(ast.unparse(node.slice), state)))
        node = node.value
    if not isinstance(node, ast.Name) or not path:
        raise EvaluationError(
            f"cannot assign to {ast.unparse(target)}: only names and their items have predicted values"
        )
    if node.id not in state:
        raise EvaluationError(f"name {node.id!r} is not defined here", "see: vars")
    root = copy.deepcopy(literal(state[node.id]))
    place = root
    try:
        for key in reversed(path[1:]):
            place = place[key]
        place[path[0]] = literal(text)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise EvaluationError(f"cannot assign to {ast.unparse(target)}: {type(error).__name__}: {error}") from None
    state[node.id] = repr(root)


def _load(target: ast.expr) -> ast.expr:
    loaded = copy.deepcopy(target)
    for node in ast.walk(loaded):
        if isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            node.ctx = ast.Load()
    return loaded


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _one_line(error: Exception) -> str:
    return _short(" ".join(str(error).split()), 160)
