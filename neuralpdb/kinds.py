"""What kind of thing a line or a value is: the statement on a line, the type that a repr text spells.

Texts only: nothing is evaluated but literals. It knows no frames.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Collection, Sequence

LONGEST = 200_000
"""Characters of a repr text that is read; the type of a longer one is told from its first character."""

_OPENINGS = {"'": "str", '"': "str", "b'": "bytes", 'b"': "bytes", "[": "list", "(": "tuple", "{": "dict"}
_UNUSUAL = {"nan": "float", "inf": "float", "-inf": "float"}
_RAISED = re.compile(r"(?:\w+\.)*([A-Z]\w*)\(.*\)", re.DOTALL)
_SUFFIXES = ("Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration")


def statements_by_line(lines: Sequence[str]) -> dict[int, str]:
    """1-based line -> name of the innermost statement on it (`For`, `AugAssign`, ...), `def` lines as `FunctionDef`.

    Raises SyntaxError or ValueError for what is no Python.
    """
    found: dict[int, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse("\n".join(lines))
    for node in ast.walk(tree):  # breadth first: inner statements come later
        if isinstance(node, ast.stmt):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found[line] = type(node).__name__
    return found


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
