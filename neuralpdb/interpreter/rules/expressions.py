"""Expressions over the texts of a frame, for drafts: literals and a safe subset of Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from neuralpdb.interpreter.rules.evaluator import TYPES, Refused, value_of
from neuralpdb.trace.values import EvaluationError, literal, shortened


def branch_taken(branch: ast.If | ast.While, state: Mapping[str, str]) -> tuple[bool, int, int] | None:
    """(condition, first line, last line of the body) of an `if` or `while`; None when it cannot be told."""
    try:
        holds = bool(value(branch.test, state))
    except EvaluationError:
        return None
    return holds, branch.body[0].lineno, branch.body[-1].end_lineno or branch.body[-1].lineno


def value(node: ast.expr, state: Mapping[str, str]) -> Any:
    """Return the value of an expression over `state` (name -> repr text). Raises EvaluationError."""
    known: dict[str, Any] = {}

    def lookup(name: str) -> Any:
        if name not in known:
            if name in state:
                known[name] = literal(state[name])
            elif name in TYPES:
                known[name] = TYPES[name]
            else:
                raise EvaluationError(f"name {name!r} is not defined here")
        return known[name]

    try:
        return value_of(node, lookup)
    except EvaluationError:
        raise
    except Refused as error:
        raise EvaluationError(str(error)) from None
    except Exception as error:  # an expression may fail in any way Python knows
        message = f"{type(error).__name__}: {shortened(str(error), 160)}".removesuffix(": ")
        raise EvaluationError(message) from None
