"""Exceptions that a statement raises on known values."""

from __future__ import annotations

import ast
import re
from itertools import islice

from neuralpdb.interpreter.rules.scope import Scope, Unknown, starred
from neuralpdb.program.syntax import certain_calls_in

_MOST_TRIED = 6
"""Calls of a line that are looked at, at most, to see whether they fail."""


def failure(statement: ast.AST, scope: Scope) -> str | None:
    """Text of the exception that evaluating the value of a statement raises, where that can be told."""
    for field_name in ("value", "test", "iter"):
        node = getattr(statement, field_name, None)
        if isinstance(node, ast.expr):
            calls = islice(certain_calls_in(node), _MOST_TRIED)
            tried = (each for call in calls for each in (failure_of(call, scope), _failed(call, scope)))
            error = next(filter(None, tried), None) or _failed(node, scope)
            if error is not None:
                return error
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value):
            return _unpacked(len(targets), value, scope) if not starred(targets) else None
    return None


def failure_of(call: ast.Call, scope: Scope) -> str | None:
    """Text of the exception that evaluating an argument of a call raises, where that can be told."""
    arguments = (*call.args, *(keyword.value for keyword in call.keywords))
    return next((error for each in arguments if (error := _failed(each, scope))), None)


def _failed(node: ast.expr, scope: Scope) -> str | None:
    if node in scope.results:
        return None
    try:
        scope.value(node)
    except Unknown as unknown:
        cause = unknown.__cause__
        if cause is not None and not isinstance(cause, RecursionError | MemoryError):
            return repr(cause)
    return None


def _unpacked(count: int, value: ast.expr, scope: Scope) -> str | None:
    """Text of the exception that giving the items of `value` to `count` targets raises."""
    try:
        found = len(list(scope.value(value)))
    except (Unknown, TypeError):
        return None
    if found == count:
        return None
    few = f"not enough values to unpack (expected {count}, got {found})"
    return repr(ValueError(few if found < count else f"too many values to unpack (expected {count})"))


def raised(node: ast.expr | None, scope: Scope) -> str | None:
    """Text of the exception that `raise NODE` raises: of a class, or of a class with plain arguments."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            texts = [scope.text(each) for each in arguments]
            return None if None in texts else f"{name}({', '.join(filter(None, texts))})"
        case ast.Name(id=name) if re.match(r"[A-Z]", name):
            return f"{name}()"
    return scope.text(node) if node is not None else None
