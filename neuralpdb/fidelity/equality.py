"""Equality of repr texts: the ladder from the same characters to nearly the same numbers.

It works on texts only: nothing is evaluated, whatever they spell, and a text that cannot be read is compared as text.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from neuralpdb.realrun.snapshot import ADDRESS

LONGEST = 200_000
"""Characters of a text that is read as a value; a longer one is slow to parse, and compared as text only."""


class Level(StrEnum):
    """The ways in which two texts are equal, strictest first. Every level includes the levels before it."""

    TEXT = "text"
    """the same characters"""
    LITERAL = "literal"
    """the same value of the same types, written otherwise (quotes, spaces, order of a dict); 1 is not True, not 1.0"""
    SET_ORDER = "set order"
    """sets whose members are written in another order"""
    NAMES = "names"
    """objects without a readable value that differ in address, module or the name of their iterator type"""
    FLOAT = "float"
    """floats within the tolerance that was asked for"""
    DIFFERENT = "different"

    @property
    def equal(self) -> bool:
        return self is not Level.DIFFERENT


LADDER = tuple(Level)


def compare(predicted: str, actual: str, float_tolerance: float = 0.0) -> Level:
    """Return the strictest level at which the texts are equal.

    float_tolerance: relative difference allowed between floats; 0: none.
    """
    if predicted == actual:
        return Level.TEXT
    a, b = _read(predicted), _read(actual)
    if a is None or b is None:
        return Level.NAMES if _named(predicted) == _named(actual) else Level.DIFFERENT
    try:
        return _climbed(a, b, float_tolerance)
    except RecursionError:
        return Level.DIFFERENT


def weakest(levels: list[Level]) -> Level:
    """Return the last of `levels` on the ladder; TEXT when there are none."""
    return max(levels, key=LADDER.index, default=Level.TEXT)


def _climbed(a: _Form, b: _Form, float_tolerance: float) -> Level:
    for level, form in _FORMS:
        if form(a) == form(b):
            return level
    close = float_tolerance > 0 and _close(_unnamed(a), _unnamed(b), float_tolerance)
    return Level.FLOAT if close else Level.DIFFERENT


# -- reading: a repr text as nested tuples (kind, parts) ------------------------------------------------------------

_Form = tuple[str, Any]
_STRING = r"""(?:'(?:[^'\\]|\\.)*+(?:'|\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z))"""  # to the end if it has none: one scan
_OBJECT = re.compile(rf"{_STRING}|<(?:[^<>'\"]|'[^']*')*+>", re.DOTALL)
_STAND_IN = "__object__"
_CONTAINERS = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}


class _Unreadable(Exception):
    """Raised for a text that spells no value this module knows."""


def _read(text: str) -> _Form | None:
    """Return the value that `text` spells; None unless it is made of constants, containers and constructor calls."""
    if len(text) > LONGEST or _STAND_IN in text:
        return None
    spelled = _OBJECT.sub(lambda match: _quoted(match.group()), text)
    try:
        return _form(ast.parse(spelled.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, _Unreadable):
        return None


def _quoted(text: str) -> str:
    """Return `<object>` as a call that spells it; a string as it is."""
    return f"{_STAND_IN}({text!r})" if text.startswith("<") else text


def _form(node: ast.expr) -> _Form:
    match node:
        case ast.Constant(value=value):
            return type(value).__name__, repr(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() | complex() as value)):
            return type(value).__name__, repr(-value)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return _CONTAINERS[type(node)], tuple(map(_form, items))
        case ast.Dict(keys=keys, values=values) if all(keys):
            pairs = zip(map(_form, filter(None, keys)), map(_form, values), strict=True)
            return "dict", frozenset(pairs)
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as text)]) if name == _STAND_IN:
            return "object", text
        case ast.Call(func=func, args=args, keywords=keywords):
            named = tuple((keyword.arg, _form(keyword.value)) for keyword in keywords)
            return "call", (ast.unparse(func), tuple(map(_form, args)), named)
        case ast.Name(id=name):
            return "name", name
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf" | "nan" as name)):
            return "name", f"-{name}"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return "sum", (type(op).__name__, _form(left), _form(right))
        case ast.Attribute():
            return "name", ast.unparse(node)
    raise _Unreadable


def _mapped(form: _Form, change: Callable[[_Form], _Form]) -> _Form:
    """Return `form` with `change` applied to every part of it, innermost first."""
    kind, parts = form
    if kind in ("list", "tuple", "set"):
        parts = tuple(_mapped(part, change) for part in parts)
    elif kind == "dict":
        parts = frozenset((_mapped(key, change), _mapped(value, change)) for key, value in parts)
    elif kind == "call":
        name, args, named = parts
        parts = (name, tuple(_mapped(a, change) for a in args), tuple((n, _mapped(a, change)) for n, a in named))
    return change((kind, parts))


def _unordered(form: _Form) -> _Form:
    return _mapped(form, lambda f: ("set", frozenset(f[1])) if f[0] == "set" else f)


def _unnamed(form: _Form) -> _Form:
    return _unordered(_mapped(form, lambda f: (f[0], _named(f[1])) if f[0] == "object" else f))


_FORMS: tuple[tuple[Level, Callable[[_Form], _Form]], ...] = (
    (Level.LITERAL, lambda form: form),
    (Level.SET_ORDER, _unordered),
    (Level.NAMES, _unnamed),
)

_MODULE = re.compile(r"(<(?:function |class ')?)(?:\w++\.)++(?=\w)")
_QUALIFIED = re.compile(r"(?<![\w.])(?:\w++\.)*+<locals>\.")


def _named(text: str) -> str:
    """Return `text` without accidents of a run: addresses, module names, the iterator type of ASCII strings."""
    text = _QUALIFIED.sub("", ADDRESS.sub("", text))
    return _MODULE.sub(r"\1", text).replace("<str_ascii_iterator", "<str_iterator")


def _close(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two forms are equal but for floats within `tolerance`; sets and dicts compare in sorted order."""
    if isinstance(a, frozenset) and isinstance(b, frozenset):
        a, b = (tuple(sorted(each, key=repr)) for each in (a, b))
    if isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) == len(b) == 2 and a[0] == b[0] == "float":
            return math.isclose(float(a[1]), float(b[1]), rel_tol=tolerance)
        return len(a) == len(b) and all(_close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return bool(a == b)
