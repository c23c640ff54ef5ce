"""Parts of a value: attributes of an object, items of a container, one level deep, for a structured display."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any

from neuralpdb.interpreter.events import HOLE
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of
from neuralpdb.interpreter.objects.values import EMPTY, Unknown
from neuralpdb.interpreter.order import check_order, raw_items, raw_length
from neuralpdb.interpreter.replay.evaluating import Answer, in_words

MOST = 100
"""Parts that are listed: more are not looked through by eye."""
_LONGEST = 2_000
"""Characters of the text of a part."""
_SLOT = "\0"
"""What the key of a slot begins with in the namespace of an object; a second one is what exceptions have passed."""


def parts(machine: Machine, value: Any, expression: ast.Expression) -> Answer:
    """Return label, text, whether it has parts itself, and the expression, of each part; and how many are left out.

    It changes what the machine makes of texts: use it in a copy.
    expression: of the value. That of a part is empty where there is none.
    """
    machine.texts.limit = min(machine.texts.limit, _LONGEST)
    if type(value) is Unknown:
        return {"why": in_words(value.reason)}
    source = ast.unparse(expression)
    if not isinstance(expression.body, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        source = f"({source})"
    attributes = _attributes(value)
    listed = [
        _part(machine, name, each, f"{source}.{name}" if name.isidentifier() else "")
        for name, each in attributes[:MOST]
    ]
    left = max(0, len(attributes) - MOST)
    count = _count(value)
    for label, each, key in islice(_items(machine, value), max(0, MOST - len(listed))):
        listed.append(_part(machine, label, each, f"{source}[{key}]" if key else ""))
    return {"parts": listed, "left": left + len(attributes[:MOST]) + count - len(listed)}


def _part(machine: Machine, label: str, value: Any, expression: str) -> tuple[str, str, bool, str]:
    text = machine.texts.text(value)
    return label, HOLE if text is None else text, bool(_attributes(value)) or _count(value) > 0, expression


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """Return the attributes that an object of the program has itself, not by its class."""
    if isinstance(value, Class):
        return [(str(name), each) for name, each in value.dict.items() if not _is_special(str(name))]
    if isinstance(value, BaseException):
        held: list[tuple[str, Any]] = [("args", value.args)]
    elif type(type(value)) is Shell:
        held = []
    else:
        return []
    own = getattr(value, "__dict__", {})
    plain = [(name.removeprefix(_SLOT), each) for name, each in own.items() if type(name) is str]
    return held + [(name, each) for name, each in plain if name != "passed" and each is not EMPTY]


def _is_special(name: str) -> bool:
    return name[:2] == "__" and name[-2:] == "__"


def _count(value: Any) -> int:
    """Return how many items a container has; 0 for what is none."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        return raw_length(value)
    return len(value) if type(value) is deque else 0


def _items(machine: Machine, value: Any) -> Iterable[tuple[str, Any, str]]:
    """Yield label, value and key of each item of a container. Raises Undetermined where their order is not known."""
    if isinstance(value, dict):
        for key, each in dict.items(value):
            label = machine.texts.text(key)
            yield HOLE if label is None else label, each, _literal(key)
    elif isinstance(value, set | frozenset):
        check_order(value, machine.fragile)
        for n, each in enumerate(raw_items(value)):
            yield str(n), each, ""
    elif isinstance(value, list | tuple):
        cls = class_of(value)
        fields: Any = cls.lookup("_fields") if isinstance(cls, Class) else getattr(cls, "_fields", None)
        for n, each in enumerate(raw_items(value)):
            is_named = type(fields) is tuple and n < len(fields) and type(fields[n]) is str
            yield fields[n] if is_named else str(n), each, str(n)
    elif type(value) is deque:
        for n, each in enumerate(value):
            yield str(n), each, str(n)


def _literal(key: Any) -> str:
    """Return a key as Python writes it; empty for one that is no plain literal."""
    if type(key) in (int, str, bool, bytes, type(None)) and not (type(key) is str and len(key) > MOST):
        return repr(key)
    if type(key) is tuple and key and all(map(_literal, key)):
        return repr(key)
    return ""
