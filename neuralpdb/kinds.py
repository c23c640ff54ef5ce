"""What kind of thing a line or a value is: the statement on a line, the type that a repr text spells.

Texts only: nothing is evaluated but literals. It knows no frames.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Sequence

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
