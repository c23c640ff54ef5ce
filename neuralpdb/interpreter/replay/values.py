"""Values that a history gives as texts, and how they take the place of those that were computed."""

from __future__ import annotations

import ast
import builtins
import gc
import types
import warnings
from typing import Any

from neuralpdb.interpreter.events import HOLE
from neuralpdb.interpreter.objects import filling
from neuralpdb.interpreter.objects.values import EMPTY, REAL_TYPES, Unknown
from neuralpdb.interpreter.order import collides
from neuralpdb.interpreter.signals import Stop

LONGEST = 100_000
"""Characters of a text that is read as a literal, some 20 ms; a longer one stays opaque."""
_DEEPEST = 20
"""Containers in containers in which a text is compared with what is known."""
_SHARED = (list, dict, set, bytearray)
_HOLDERS = (list, dict, tuple)


def read(text: str) -> Any:
    """Return the value of a text: of a literal a real one, else an Unknown that is shown as that text (but HOLE)."""
    if text == HOLE:
        return Unknown("it was predicted")
    if len(text) > LONGEST or "\0" in text:
        return _opaque(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = filling.from_text(text)
    if type(value) is not Unknown and _holds_odd_set(value):
        return _opaque(text)
    return value


def _opaque(text: str) -> Unknown:
    return Unknown(f"only the text of {text[:40]} is known", text=text)


def _holds_odd_set(value: Any, depth: int = 0) -> bool:
    """Whether there is a set in `value` whose order depends on how it was made."""
    if isinstance(value, set | frozenset):
        return len(value) > 1 and collides(value)
    if depth > _DEEPEST:
        return True
    if isinstance(value, list | tuple):
        return any(_holds_odd_set(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(_holds_odd_set(item, depth + 1) for pair in value.items() for item in pair)
    return False


def read_exception(text: object) -> BaseException:
    """Return the exception of a text: a built-in one with literal arguments. Raises Stop for others."""
    try:
        node = ast.parse(str(text)[:LONGEST], mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            kind = getattr(builtins, node.func.id, None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                found: BaseException = kind(*map(ast.literal_eval, node.args))
                return found
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    raise Stop("an exception of which only the text is known")


def unify(held: Any, said: Any) -> bool:
    """Fill in the unknowns in plain containers by what a text says of them; return whether the rest agrees."""
    found: list[tuple[Unknown, Any]] = []
    if not _match(held, said, found, 0):
        return False
    while found:
        unknown, value = found.pop()
        filling.fill(unknown, value)
    return True


def _match(held: Any, said: Any, found: list[tuple[Unknown, Any]], depth: int) -> bool:
    kind = type(held)
    if kind is Unknown:
        found.append((held, said))
        return True
    if kind is not type(said) or depth > _DEEPEST:
        return False
    if kind in (list, tuple):
        return len(held) == len(said) and all(_match(a, b, found, depth + 1) for a, b in zip(held, said, strict=True))
    if kind is dict:
        if list(held) != list(said):
            return False
        return all(_match(value, said[key], found, depth + 1) for key, value in held.items())
    return repr(held) == repr(said)


def is_shared(value: Any) -> bool:
    """Whether a value is one that can be changed in place, so that it matters who else holds it."""
    return isinstance(value, _SHARED)


def let_go(value: Any, holders: tuple[Any, ...]) -> None:
    """Make a value unknown to all who hold it but `holders`: it is not known whether it was changed or replaced.

    Raises Stop where one of them is of a kind that cannot be told (an iterator).
    """
    held = False
    for holder in gc.get_referrers(value):
        if isinstance(holder, types.FrameType) or any(holder is each for each in holders):
            continue
        kind = type(holder)
        if not (isinstance(holder, _HOLDERS) or kind in REAL_TYPES or kind.__module__.startswith("neuralpdb.")):
            raise Stop("a value was edited that something else holds, too")
        held = True
    if held:
        filling.fill(value, Unknown("whether an edit changed an object or replaced it"))


__all__ = ["EMPTY", "is_shared", "let_go", "read", "unify"]
