"""Modules of mathematics, and those of chance and time, which are unknown."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.native_types import big_numbers, items
from neuralpdb.interpreter.library.registry import Apply, allow, module, native_module
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Own

_MOST_FACTORIAL = 5_000


def _combinations(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if any(isinstance(value, int) and value > _MOST_FACTORIAL for value in args):
        return "a large number of combinations"
    return big_numbers(args, kwargs)


native_module(math, guard=big_numbers)
_MOST_PRODUCT_BITS = 1_000_000
"""Bits of a product of many numbers: it is made step by step, in quadratic time."""


def _product(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if args and type(args[0]) in (list, tuple):
        bits = sum(value.bit_length() for value in args[0] if isinstance(value, int))
        return "a large product" if bits > _MOST_PRODUCT_BITS else ""
    return items(args, kwargs)


allow([math.prod], guard=_product)
allow([math.factorial, math.comb, math.perm], guard=_combinations)
native_module(cmath, guard=big_numbers)


def _unknown(reason: str, kind: type | None) -> Apply:
    def apply(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return m.unsure(reason, kind) if args or kwargs else m.unknown(reason, kind)

    return apply


_WORLD: dict[str, dict[str, type | None]] = {
    "time": dict.fromkeys("time perf_counter monotonic process_time thread_time".split(), float)
    | dict.fromkeys("time_ns perf_counter_ns monotonic_ns process_time_ns".split(), int),
    "os": {"getpid": int, "getcwd": str},
    "uuid": {"getnode": int},
}
"""Functions that read the world and never fail: their result is unknown, its type is not."""
for _module, _functions in _WORLD.items():
    module(
        _module,
        {
            name: Own(name, _unknown(f"{_module}.{name}() is known only when it runs", kind))
            for name, kind in _functions.items()
        },
    )
