"""Python that a user types: whether it is an expression, or complete, and what it names. It evaluates nothing."""

from __future__ import annotations

import ast
import builtins
import codeop
import warnings

from neuralpdb.trace.values import EvaluationError, parse_expression, shortened

_LOOKING = frozenset(
    "abs all any ascii bin bool bytes callable chr complex dict dir divmod enumerate filter float format frozenset "
    "getattr globals hasattr hash hex id int isinstance issubclass len list locals map max min oct ord pow print range "
    "repr reversed round set slice sorted str sum super tuple type vars zip".split()
) & frozenset(dir(builtins))
"""Builtins that are called to look at something."""


def check(expression: str) -> None:
    """Raise EvaluationError where `expression` is none."""
    parse_expression(expression)


def names_in(expression: str) -> set[str]:
    """Return the names that `expression` looks up. Raises EvaluationError where it is none."""
    return {node.id for node in ast.walk(parse_expression(expression)) if isinstance(node, ast.Name)}


def is_expression(text: str) -> bool:
    """Whether a text is an expression."""
    try:
        parse_expression(text)
    except EvaluationError:
        return False
    return True


def statements(text: str) -> list[ast.stmt]:
    """Return the statements of a text. Raises EvaluationError where it has none, or is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        raise EvaluationError(f"cannot parse {shortened(text)}: {message}") from None
    if not body:
        raise EvaluationError("write a statement", "for example !total = 3")
    return body


def only_looks(expression: ast.expr) -> bool:
    """Whether an expression calls at most builtins that look at something, so that carrying it out changes nothing.

    A special method of the program that changes something is not thought of.
    """
    for node in ast.walk(expression):
        if isinstance(node, ast.NamedExpr):
            return False
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _LOOKING):
            return False
    return True


def is_open(text: str) -> bool:
    """Whether Python goes on in the next line: a bracket, a text or a backslash is open, or a block has no end yet."""
    if not text.strip():
        return False
    if text.endswith("\\"):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return codeop.compile_command(text, symbol="single") is None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False
