"""Loops that are open where a trace begins: their iterators, made anew from the value of the loop's variable."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neuralpdb.interpreter.objects.values import EMPTY

_LONGEST = 10_000
"""Items among which the present one is looked for."""


def open_loops(text: str, line: int) -> Mapping[int, ast.For]:
    """Return the loops around a line that are on their way there, by the line of what they go through."""
    return {
        node.iter.lineno: node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.For) and node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
    }


def iterator_of(loop: ast.For, value_of: Callable[[str], Any]) -> Iterator[Any] | None:
    """Return the iterator of a loop in the middle of it; None where its place is not certain.

    It is certain where what is gone through cannot have changed, and has the variable's value exactly once.
    value_of: the value of a variable that only the function itself can bind; EMPTY for others.
    """
    if not isinstance(loop.target, ast.Name):
        return None
    inside = [each for statement in (*loop.body, *loop.orelse) for each in ast.walk(statement)]
    bound = {each.id for each in inside if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    bound |= {each.name for each in inside if isinstance(each, ast.ExceptHandler | ast.MatchAs) and each.name}
    bound |= {each.asname or each.name.partition(".")[0] for each in inside if isinstance(each, ast.alias)}
    bound |= {each.name for each in inside if isinstance(each, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)}
    bound |= {each.name for each in inside if isinstance(each, ast.MatchStar) and each.name}
    bound |= {each.rest for each in inside if isinstance(each, ast.MatchMapping) and each.rest}
    names = {each.id for each in ast.walk(loop.iter) if isinstance(each, ast.Name)} - {"range"}
    if loop.target.id in bound or names & bound or loop.target.id in names:
        return None
    items = _items(loop.iter, value_of)
    present = value_of(loop.target.id)
    if items is None or type(present) not in (int, str, float, bool, type(None), bytes):
        return None
    if isinstance(items, range):
        if type(present) is not int or present not in items:
            return None
        place = items.index(present)
    else:
        places = [n for n, item in enumerate(items) if item is present or item == present]
        if len(places) != 1 or type(items[places[0]]) is not type(present):
            return None
        place = places[0]
    found: Any = iter(items)
    found.__setstate__(place + 1)
    return found  # type: ignore[no-any-return]


def _items(node: ast.expr, value_of: Callable[[str], Any]) -> range | tuple[Any, ...] | str | None:
    """Return what a loop goes through, if that cannot change."""
    if isinstance(node, ast.Name):
        value = value_of(node.id)
        return value if type(value) in (tuple, str) and len(value) <= _LONGEST else None
    if isinstance(node, ast.Constant | ast.Tuple | ast.List):
        try:
            value = ast.literal_eval(node)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
        value = tuple(value) if type(value) is list else value
        return value if type(value) in (tuple, str) else None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
        return None
    if node.keywords or not 1 <= len(node.args) <= 3 or value_of("range") is not EMPTY:
        return None
    numbers = [_number(each, value_of) for each in node.args]
    whole = [each for each in numbers if each is not None]
    if len(whole) != len(numbers) or (len(whole) == 3 and whole[2] == 0):
        return None
    return range(*whole)


def _number(node: ast.expr, value_of: Callable[[str], Any]) -> int | None:
    if isinstance(node, ast.Name):
        value = value_of(node.id)
        return value if type(value) is int else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
        argument = node.args[0]
        value = value_of(argument.id) if isinstance(argument, ast.Name) and not node.keywords else None
        return len(value) if isinstance(value, tuple | str) and value_of("len") is EMPTY else None
    try:
        value = ast.literal_eval(node)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if type(value) is int else None
