"""The order of sets: whether it is the same in every run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from neuralpdb.interpreter.signals import Undetermined

_PLAIN = frozenset((int, float, complex, bool, str, bytes, type(None)))
_EMPTY_SET = sys.getsizeof(set())
_SMALLEST_TABLE = 8
_ENTRY_BYTES = 16
_MOST_ITEMS = 2_000
"""Items of one container that are looked at; sets are rare in longer ones, and looking takes time."""


def check_order(value: Any, fragile: bool = False, depth: int = 0) -> None:
    """Raise Undetermined where the order of a set in `value` depends on addresses.

    fragile: whether it may depend on the order in which a constant set was built, too.
    """
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, set | frozenset):
        if raw_length(value) > 1 and (not all(map(is_fixed, raw_items(value))) or (fragile and collides(value))):
            raise Undetermined("the order of a set depends on addresses")
    elif depth < 3 and isinstance(value, list | tuple):
        for item in islice(raw_items(value), _MOST_ITEMS):
            if type(item) not in _PLAIN:
                check_order(item, fragile, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        for n, item in enumerate(dict.values(value)):
            if n > _MOST_ITEMS:
                break
            if type(item) not in _PLAIN:
                check_order(item, fragile, depth + 1)


def is_fixed(value: Any) -> bool:
    """Whether the hash of `value` is the same in every run (with a fixed PYTHONHASHSEED)."""
    kind = type(value)
    if kind is float:
        return bool(value == value)  # a NaN is hashed by its address
    if kind is type(None):
        return sys.version_info >= (3, 12)  # its address before
    if kind in _PLAIN:
        return True
    return kind in (tuple, frozenset) and all(map(is_fixed, value))


def collides(value: set[Any] | frozenset[Any]) -> bool:
    """Whether the order of a set depends on the order in which its items were added."""
    table = (sys.getsizeof(value) - _EMPTY_SET) // _ENTRY_BYTES
    mask = (table if table > 0 else _SMALLEST_TABLE) - 1
    return len({hash(item) & mask for item in raw_items(value)}) < raw_length(value)


def raw_items(value: Any) -> Iterator[Any]:
    """Iterate over a container without asking methods of the program's own class."""
    bases: tuple[Any, ...] = (list, tuple, set, frozenset)
    for base in bases:
        if isinstance(value, base):
            return base.__iter__(value)  # type: ignore[no-any-return]
    raise TypeError(type(value))


def raw_length(value: Any) -> int:
    """Return the length of a container or text without asking methods of the program's own class."""
    bases: tuple[Any, ...] = (list, tuple, set, frozenset, str, bytes, bytearray, dict)
    for base in bases:
        if isinstance(value, base):
            return int(base.__len__(value))
    return len(value)


def has_address(text: str) -> bool:
    """Whether a text may hold an address, which is another one in each run."""
    return " at 0x" in text or " @ 0x" in text
