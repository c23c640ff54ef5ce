"""Forgetting: what something unknown got, and may have changed, becomes unknown wherever the program holds it.

Something unknown is a function of a module that is not there, a native function that is not supported, a method of an
unknown. It may change the containers and instances that it is given. That it called a function of the program is part
of what is assumed: its frames would be in the history.
"""

from __future__ import annotations

import collections
import gc
import sys
import types
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.objects.classes import Class, Shell, class_of
from neuralpdb.interpreter.objects.filling import fill
from neuralpdb.interpreter.objects.values import (
    EMPTY,
    REAL_TYPES,
    Cell,
    Function,
    Unknown,
)
from neuralpdb.interpreter.signals import Stop

if TYPE_CHECKING:
    from neuralpdb.interpreter.contract import MachineLike

_CONTAINERS = (list, dict, set, bytearray, collections.deque)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_ITERABLES: tuple[Any, ...] = ([], (), "", "\xe9", {}, {}.values(), {}.items(), set(), range(0), b"")
_ITERATORS = tuple(type(iter(each)) for each in _ITERABLES)
_MOST = 100_000
"""Objects that are looked at: some 50 ms."""


def forget(
    machine: MachineLike, reason: str, groups: Sequence[Sequence[Any] | Mapping[str, Any]], callee: Any = None
) -> None:
    """Make unknown what a call of something unknown may change, given its arguments, in lists and dicts.

    callee: a native method that is called.

    Raises Stop where that cannot be told: it gets functions of the program, or something that native code holds.
    """
    todo: list[Any] = []
    for group in groups:
        todo += group.values() if isinstance(group, Mapping) else group
    shared = _reachable(machine, reason, todo)
    for value in shared:
        _check_holders(value, reason, callee)
    while shared:
        value = shared.pop()
        kind = type(value)
        new = machine.unknown(f"something unknown may have changed it: {reason}", kind if kind in _CONTAINERS else None)
        fill(value, new)


def _next(todo: list[Any]) -> tuple[Any, int]:
    """Take a value, and return how often it is referred to now."""
    value = todo.pop()
    return value, sys.getrefcount(value)


def _fresh_count() -> int:
    holder: list[Any] = [[]]
    return _next([*holder])[1]


_FRESH = _fresh_count()
"""References to a value that one container holds and nobody else."""


def _reachable(machine: MachineLike, reason: str, todo: list[Any]) -> list[Any]:
    """Return what can be changed by one who gets the values of `todo`, and that others hold, too."""
    library = machine.library
    found: list[Any] = []
    seen: set[int] = set()
    while todo:
        value, count = _next(todo)
        kind = type(value)
        if kind is Unknown:
            todo += value.sources
            continue
        if library.is_immutable(value) or id(value) in seen:
            continue
        seen.add(id(value))
        if len(seen) + len(todo) > _MOST:
            raise Stop(f"something unknown may change many objects: {reason}")
        if kind in _VIEWS:
            todo += gc.get_referents(value)
            continue
        instance = type(kind) is Shell and not isinstance(value, Class)
        if not (instance or kind in (tuple, frozenset, slice) or kind in _ITERATORS or isinstance(value, _CONTAINERS)):
            if isinstance(value, BaseException):
                todo += value.args
                continue
            raise Stop(f"something unknown may change an object it is called with: {reason}")
        frozen = kind in (tuple, frozenset, slice) or (instance and _is_frozen(value))
        if count > _FRESH and not frozen:
            found.append(value)
        todo += _parts(value)
        if instance:
            todo += vars(value).values() if hasattr(value, "__dict__") else ()
            for cls in class_of(value).mro:
                if isinstance(cls, Class):
                    todo += filter(_is_data, cls.dict.values())
    return found


def _is_data(value: Any) -> bool:
    """Whether an attribute of a class is one that can be changed in place, and no code."""
    instance = type(type(value)) is Shell and not isinstance(value, Class)
    return instance or isinstance(value, (*_CONTAINERS, tuple))


def _parts(value: Any) -> list[Any]:
    """Return the items of a container, without asking methods of the program's own class."""
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    bases: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque)
    for base in bases:
        if isinstance(value, base):
            return [*base.__iter__(value)]
    return gc.get_referents(value) if type(value) in _ITERATORS else []


def _is_frozen(value: Any) -> bool:
    """Whether an instance has attributes that nobody sets: it is a member of an enumeration, or a frozen dataclass."""
    cls = class_of(value)
    if isinstance(cls.meta, Class) and cls.meta.name in ("EnumType", "EnumMeta"):
        return True
    params = cls.lookup("__dataclass_params__")
    return params is not EMPTY and type(type(params)) is Shell and vars(params).get("frozen") is True


def _check_holders(value: Any, reason: str, callee: Any) -> None:
    """Raise Stop where something holds a value in a way that does not let it be replaced."""
    if weakref.getweakrefcount(value):
        raise Stop(f"something unknown may change an object that is referred to weakly: {reason}")
    holders = gc.get_referrers(value)
    for holder in holders:
        kind = type(holder)
        if holder is callee:
            others = gc.get_referrers(callee)
            if all(each is holders or isinstance(each, types.FrameType | types.CellType) for each in others):
                continue
        elif isinstance(holder, dict):
            if id(value) not in map(id, dict.keys(holder)):
                continue
        elif isinstance(holder, list | types.FrameType) or kind is tuple or _is_ours(kind) or _has_names(holder):
            continue
        raise Stop(f"something unknown may change an object that a {kind.__name__} holds: {reason}")


def _is_ours(kind: type) -> bool:
    return kind in REAL_TYPES or kind.__module__.startswith("neuralpdb.interpreter")


def _has_names(holder: Any) -> bool:
    """Whether an instance holds a value as an attribute, or in a list or dict, not otherwise."""
    others = (tuple, set, frozenset, collections.deque)
    return type(type(holder)) is Shell and hasattr(holder, "__dict__") and not isinstance(holder, others)


def is_decorated(args: list[Any]) -> bool:
    """Whether the only argument is a function or a class that nobody else holds: it is being decorated."""
    value = args[0]
    if type(value) is Function:
        return all(holder is args or isinstance(holder, types.FrameType) for holder in gc.get_referrers(value))
    if not isinstance(value, Class):
        return False
    for holder in gc.get_referrers(value):
        is_its_own = holder is args or holder is value.mro or isinstance(holder, types.FrameType | Cell)
        if isinstance(holder, dict):
            is_its_own = holder.get("__neural_class__") is value
        elif isinstance(holder, list):
            is_its_own = is_its_own or any(holder is base.subclasses for base in value.mro if isinstance(base, Class))
        elif type(holder) is Shell:
            is_its_own = True
        if not is_its_own:
            return False
    return True
