"""Values as repr texts: the type that a text spells, and the value of a literal."""

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
    """An expression that cannot be evaluated over the known values.

    output:     what it printed before it failed.
    is_unknown: whether it depends on something that is not known; otherwise it is wrong.
    """

    output: str = ""
    is_unknown: bool = False


def literal(text: str) -> Any:
    """Return the value of a literal. Raises EvaluationError for any other text (`<Dog object>`).

    Besides Python's literals: `inf`, `nan`, `frozenset(...)` and `range(...)`, at any depth, as `repr` writes them.
    """
    try:
        node = parse_expression(text)
        return ast.literal_eval(_Reprs().visit(node) if _SPECIAL.search(text) else node)
    except (EvaluationError, ValueError, TypeError, MemoryError, RecursionError):
        raise EvaluationError(f"{shortened(text)} is not a literal: only its text is known") from None


def is_literal(text: str) -> bool:
    """Whether a text is that of a literal, as `literal` reads it."""
    try:
        literal(text)
    except EvaluationError:
        return False
    return True


_SPECIAL = re.compile(r"\b(inf|nan|frozenset|range)\b")


class _Reprs(ast.NodeTransformer):
    """A transformer that makes constants of values whose repr is not a literal."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(_FLOATS[node.id]) if node.id in _FLOATS else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in ("frozenset", "range") and not node.keywords:
            arguments = [ast.literal_eval(self.visit(each)) for each in node.args]
            value: Any = frozenset(*arguments) if node.func.id == "frozenset" else range(*arguments)
            return ast.Constant(value)
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
"""Most characters of a text that is parsed, about 0.1 s; the type of a longer one follows from its first character."""

_OPENINGS = {"'": "str", '"': "str", "b'": "bytes", 'b"': "bytes", "[": "list", "(": "tuple", "{": "dict"}
_UNUSUAL = {"nan": "float", "inf": "float", "-inf": "float"}
_RAISED = re.compile(r"(?:\w+\.)*([A-Z]\w*)\(.*\)", re.DOTALL)
_SUFFIXES = ("Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration")


def kind_of(text: str) -> str:
    """Return the type of a value by its repr text: `str`, `list`, ..., `exception`; `object` for any other."""
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
    match = _RAISED.fullmatch(text)
    name = match[1] if match else ""
    builtin = getattr(builtins, name, None)
    return name.endswith(_SUFFIXES) or (isinstance(builtin, type) and issubclass(builtin, BaseException))


def described(text: str, classes: Collection[str] = ()) -> str:
    """Describe the type of a value by its repr text, in pdb's words (`<class 'int'>`, `Function f`), or by nothing.

    classes: names of the classes that the program defines.
    """
    kind = kind_of(text)
    if kind == "exception":
        return f"<class '{text.partition('(')[0]}'>"
    if kind != "object":
        return f"<class '{kind}'>"
    match = _SHOWN.match(text)
    if match and match["kind"] in ("function", "class"):
        module, _, name = match["name"].strip("'").rpartition(".")
        return f"Function {name}" if match["kind"] == "function" else f"Class {module or 'builtins'}.{name}"
    if match and match["kind"] == "bound":
        return f"Method {match['name'].rpartition('.')[2]}"
    name = match["object"] if match else re.split(r"\W", text, maxsplit=1)[0]
    if name.rpartition(".")[2] in classes:
        return f"<class '__main__.{name.rpartition('.')[2]}'>"
    if match:
        return f"<class '{name}'>"
    return f"<class '{name}'>" if name in ("range", "frozenset", "set") else ""


_SHOWN = re.compile(r"<(?:(?P<kind>function|class|bound) (?:method )?(?P<name>[\w.']+)|(?P<object>[\w.]+) object)")
