"""Filling in: an unknown becomes a value wherever it is held."""

from __future__ import annotations

import gc
from typing import Any

from neuralpdb.interpreter.objects.classes import Shell
from neuralpdb.interpreter.objects.values import REAL_TYPES, Unknown
from neuralpdb.trace.values import EvaluationError, literal

_DEEPEST = 50
"""Tuples in tuples that are made anew."""


def from_text(text: str) -> Any:
    """Return the value of a text: of a literal a real one, else an Unknown that is shown as that text."""
    try:
        return literal(text)
    except EvaluationError:
        return Unknown(f"only the text of {text[:40]} is known", text=text)


def fill(unknown: Unknown, value: Any) -> int:
    """Replace `unknown` by `value` in everything that holds it; return in how many places.

    Holders are lists, dicts, tuples (which are made anew), cells, variables and stacks of activations, and namespaces
    of objects. Call it between two instructions, with the unknown in no variable of the host but the argument.
    """
    return _replace(unknown, value, 0)


def _replace(old: Any, new: Any, depth: int) -> int:
    count = 0
    for holder in gc.get_referrers(old):
        kind = type(holder)
        if isinstance(holder, list):
            count += _in_list(holder, old, new)
        elif isinstance(holder, dict):
            count += _in_dict(holder, old, new)
        elif kind is tuple and depth < _DEEPEST:
            made = tuple(new if item is old else item for item in holder)
            count += _replace(holder, made, depth + 1)
        elif kind in REAL_TYPES or kind.__module__.startswith("neuralpdb.interpreter"):
            count += _in_slots(holder, old, new)
        if type(kind) is Shell and hasattr(holder, "__dict__"):
            count += _in_dict(vars(holder), old, new)  # its attributes may be in no dict yet
    return count


def _in_list(holder: list[Any], old: Any, new: Any) -> int:
    places = [i for i, item in enumerate(list.__iter__(holder)) if item is old]
    for i in places:
        list.__setitem__(holder, i, new)
    return len(places)


def _in_dict(holder: dict[Any, Any], old: Any, new: Any) -> int:
    keys = [key for key, item in dict.items(holder) if item is old]
    for key in keys:
        dict.__setitem__(holder, key, new)
    return len(keys)


def _in_slots(holder: Any, old: Any, new: Any) -> int:
    count = 0
    for base in type(holder).__mro__:
        for name in getattr(base, "__slots__", ()):
            if name != "__weakref__" and getattr(holder, name, None) is old:
                setattr(holder, name, new)
                count += 1
    return count
