"""Expressions over predicted values: literals and a safe subset of Python. Nothing of the program is run."""

from __future__ import annotations

import ast
import codeop
import copy
import re
import warnings
from collections.abc import Mapping
from typing import Any

from neuralpdb.interpreter.rules.evaluator import TYPES, Refused, value_of, weight
from neuralpdb.trace.values import EvaluationError, literal, parse_expression, shortened

_MOST_WEIGHT = 200_000
_MOST_CHARACTERS = 1_000_000


def evaluate(expression: str, state: Mapping[str, str]) -> str:
    """repr text of `expression` over `state` (name -> repr text).

    A bare name gives its text unchanged, literal or not. Raises EvaluationError: what cannot be evaluated is said.
    """
    return _text_of(parse_expression(expression), state, expression.strip())


def truth(expression: str, state: Mapping[str, str]) -> bool:
    """Whether `expression` holds over `state`. Raises EvaluationError."""
    return bool(_value(parse_expression(expression), state, expression.strip()))


def check(expression: str) -> None:
    """Raises EvaluationError when `expression` is none."""
    parse_expression(expression)


def names_in(expression: str) -> set[str]:
    """The names that `expression` looks up. Raises EvaluationError when it is none."""
    return {node.id for node in ast.walk(parse_expression(expression)) if isinstance(node, ast.Name)}


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
        raise EvaluationError(
            f"cannot run {shortened(statement)}: nothing is executed", "write !NAME = EXPR, or p EXPR"
        )
    text = _text_of(value, state, statement.strip())
    for target in targets:
        _store(target, text, changed)
    return changed


def is_expression(text: str) -> bool:
    """True for what is an expression, be it one that can be evaluated here or not."""
    try:
        parse_expression(text)
    except EvaluationError:
        return False
    return True


def is_open(text: str) -> bool:
    """True when an expression or an assignment goes on in the next line: a bracket, a text or a backslash is open."""
    if not text.strip() or re.match(_BLOCKS, text):
        return False
    if text.endswith("\\"):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return codeop.compile_command(text, symbol="single") is None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False


_BLOCKS = r"\s*(?:@|(?:if|for|while|with|def|class|try|async|match)\b)"
"""What begins a statement of several lines, which nobody could carry out."""


def branch_taken(branch: ast.If | ast.While, state: Mapping[str, str]) -> tuple[bool, int, int] | None:
    """(condition, first line, last line of the body) of an `if` or `while`; None when it cannot be told."""
    try:
        holds = bool(_value(branch.test, state, ""))
    except EvaluationError:
        return None
    return holds, branch.body[0].lineno, branch.body[-1].end_lineno or branch.body[-1].lineno


def _text_of(node: ast.expr, state: Mapping[str, str], shown: str) -> str:
    if isinstance(node, ast.Name) and node.id in state:
        return state[node.id]
    value = _value(node, state, shown)
    try:
        weight(value, _MOST_WEIGHT)
        text = repr(value)
    except Refused:
        raise EvaluationError(f"{shortened(shown)} is too long to show", "ask for a part of it") from None
    except (ValueError, RecursionError) as error:  # Python writes no integer of more than 4,300 digits
        raise EvaluationError(f"{shortened(shown)} cannot be shown: {_one_line(error)}") from None
    if len(text) > _MOST_CHARACTERS:
        raise EvaluationError(
            f"{shortened(shown)} is longer than {_MOST_CHARACTERS:,} characters", "ask for a part of it"
        )
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _value(node: ast.expr, state: Mapping[str, str], shown: str) -> Any:
    known: dict[str, Any] = {}

    def lookup(name: str) -> Any:
        if name not in known:
            if name in state:
                known[name] = literal(state[name])
            elif name in TYPES:
                known[name] = TYPES[name]
            else:
                raise EvaluationError(f"name {name!r} is not defined here", "see: vars")
        return known[name]

    try:
        return value_of(node, lookup)
    except EvaluationError:
        raise
    except Refused as error:
        raise EvaluationError(f"cannot evaluate {shortened(shown)}: {error}", "a safe subset of Python only") from None
    except Exception as error:  # the user's expression may fail in any way Python knows
        message = f"{type(error).__name__}: {_one_line(error)}".removesuffix(": ")
        raise EvaluationError(f"cannot evaluate {shortened(shown)}: {message}") from None


def _statement(text: str) -> ast.stmt:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        raise EvaluationError(f"cannot parse {shortened(text)}: {message}") from None
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
        path.append(_value(node.slice, state, _source(node)))
        node = node.value
    if not isinstance(node, ast.Name) or not path:
        raise EvaluationError(f"cannot assign to {_source(target)}: only names and their items have predicted values")
    if node.id not in state:
        raise EvaluationError(f"name {node.id!r} is not defined here", "see: vars")
    root = literal(state[node.id])
    value = literal(text)
    place = root
    try:
        for key in reversed(path[1:]):
            place = place[key]
        place[path[0]] = value
        state[node.id] = repr(root)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise EvaluationError(f"cannot assign to {_source(target)}: {type(error).__name__}: {error}") from None


def _load(target: ast.expr) -> ast.expr:
    loaded = copy.deepcopy(target)
    for node in ast.walk(loaded):
        if isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            node.ctx = ast.Load()
    return loaded


def _source(node: ast.expr) -> str:
    try:
        return shortened(ast.unparse(node))
    except RecursionError:
        return "the expression"


def _one_line(error: Exception) -> str:
    return shortened(" ".join(str(error).split()), 160)
