"""Values as repr texts: what type a text spells, and the literal value it stands for."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Collection
from typing import Any

from neuralpdb.errors import UsageError

_FLOATS = {"inf": float("inf"), "nan": float("nan")}


class EvaluationError(UsageError):
    """The expression cannot be evaluated over what is known."""


def literal(text: str) -> Any:
    """The value that a repr text stands for. Raises EvaluationError when it is not a literal (`<Dog object>`).

    Besides Python's literals: `inf`, `nan`, `frozenset(...)` and `range(...)`, at any depth, as `repr` writes them.
    """
    try:
        node = parse_expression(text)
        return ast.literal_eval(_Reprs().visit(node) if _SPECIAL.search(text) else node)
    except (EvaluationError, ValueError, TypeError, MemoryError, RecursionError):
        raise EvaluationError(f"{shortened(text)} is not a literal: only its text is known") from None


_SPECIAL = re.compile(r"\b(inf|nan|frozenset|range)\b")


class _Reprs(ast.NodeTransformer):
    """Makes constants of the values whose repr is no literal."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(_FLOATS[node.id]) if node.id in _FLOATS else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in ("frozenset", "range") and not node.keywords:
            arguments = [ast.literal_eval(self.visit(each)) for each in node.args]
            made: Any = frozenset(*arguments) if node.func.id == "frozenset" else range(*arguments)
            return ast.Constant(made)
        return node


def parse_expression(expression: str) -> ast.expr:
    """Return the syntax tree of one expression. Raises EvaluationError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        raise EvaluationError(f"cannot parse {shortened(expression)}: {message}") from None


def shortened(text: str, most: int = 60) -> str:
    """Return `text` on one line, cut at `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


LONGEST = 200_000
"""Characters of a repr text that is read; the type of a longer one is told from its first character."""

_OPENINGS = {"'": "str", '"': "str", "b'": "bytes", 'b"': "bytes", "[": "list", "(": "tuple", "{": "dict"}
_UNUSUAL = {"nan": "float", "inf": "float", "-inf": "float"}
_RAISED = re.compile(r"(?:\w+\.)*([A-Z]\w*)\(.*\)", re.DOTALL)
_SUFFIXES = ("Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration")


def kind_of(text: str) -> str:
    """Type of the value that a repr text stands for: `str`, `list`, ..., `exception`; `object` for any other."""
    quick = _OPENINGS.get(text[:1]) if text[:1] in "'\"" else _OPENINGS.get(text[:2])
    if quick:
        return quick
    if len(text) > LONGEST:
        return _OPENINGS.get(text[:1], "object")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _UNUSUAL.get(text) or ("exception" if _is_exception(text) else "object")


def _is_exception(text: str) -> bool:
    called = _RAISED.fullmatch(text)
    name = called[1] if called else ""
    found = getattr(builtins, name, None)
    return name.endswith(_SUFFIXES) or (isinstance(found, type) and issubclass(found, BaseException))


def described(text: str, classes: Collection[str] = ()) -> str:
    """The type of a value by its repr text, in pdb's words (`<class 'int'>`, `Function f`), or nothing.

    classes: names of those that the program defines.
    """
    kind = kind_of(text)
    if kind == "exception":
        return f"<class '{text.partition('(')[0]}'>"
    if kind != "object":
        return f"<class '{kind}'>"
    found = _SHOWN.match(text)
    if found and found["kind"] in ("function", "class"):
        name = found["name"].strip("'").rpartition(".")[2]
        module = "builtins" if "." not in found["name"] else found["name"].strip("'").rpartition(".")[0]
        return f"Function {name}" if found["kind"] == "function" else f"Class {module}.{name}"
    if found and found["kind"] == "bound":
        return f"Method {found['name'].rpartition('.')[2]}"
    name = found["object"] if found else re.split(r"\W", text, maxsplit=1)[0]
    if name.rpartition(".")[2] in classes:
        return f"<class '__main__.{name.rpartition('.')[2]}'>"
    if found:
        return f"<class '{name}'>"
    return f"<class '{name}'>" if name in ("range", "frozenset", "set") else ""


_SHOWN = re.compile(r"<(?:(?P<kind>function|class|bound) (?:method )?(?P<name>[\w.']+)|(?P<object>[\w.]+) object)")
