"""Operators and iterators as functions: what of operator and itertools has bounds, or is the machine's own."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.native_types import items
from neuralpdb.interpreter.library.registry import Guard, allow, module, own, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.operators import identical
from neuralpdb.interpreter.signals import Undetermined
from neuralpdb.interpreter.sizes import MOST_ITEMS, of_operator

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

# --- operator -----------------------------------------------------------------------------------------------------


def _sized(symbol: str) -> Guard:
    def guard(args: Args, kwargs: Kwargs) -> str:
        return of_operator(symbol, args[0], args[1]) if len(args) == 2 else ""

    return guard


_SYMBOLS = {"add": "+", "concat": "+", "mul": "*", "pow": "**", "lshift": "<<", "mod": "%"}
for _name, _symbol in _SYMBOLS.items():
    allow([getattr(operator, _name)], guard=_sized(_symbol))
    allow([getattr(operator, f"i{_name}")], pure=False, guard=_sized(_symbol))


def _two(args: Args, kwargs: Kwargs) -> Args:
    if len(args) != 2 or kwargs:
        raise Undetermined("operator with such arguments")
    return args


@own(operator.is_)
def _is(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `operator.is_` does."""
    left, right = _two(args, kwargs)
    return identical(m, left, right, False)


@own(operator.is_not)
def _is_not(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `operator.is_not` does."""
    left, right = _two(args, kwargs)
    return identical(m, left, right, True)


@own(operator.call)
def _call(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `operator.call` does."""
    if not args:
        raise Undetermined("operator.call of nothing")
    return m.call(args[0], args[1:], kwargs)


module("operator", {name: getattr(operator, name) for name in ("is_", "is_not", "call")})

source("operator", "operator.py", "attrgetter methodcaller", after="operator_after.py")

# --- itertools ----------------------------------------------------------------------------------------------------

_MOST_POOLS = 1_000
"""Pools of a product, each of which is held for every one of its results."""


def _pools(args: Args, kwargs: Kwargs) -> str:
    repeat = kwargs.get("repeat", 1)
    if isinstance(repeat, int) and repeat * len(args) > _MOST_POOLS:
        return "a product of many pools"
    return items(args, kwargs)


def _chosen(args: Args, kwargs: Kwargs) -> str:
    count = args[1] if len(args) > 1 else kwargs.get("r", 0)
    return "a long choice" if isinstance(count, int) and count > MOST_ITEMS else items(args, kwargs)


def _times(args: Args, kwargs: Kwargs) -> str:
    times = args[1] if len(args) > 1 else kwargs.get("times", 0)
    return "a long repetition" if isinstance(times, int) and times > MOST_ITEMS else ""


def _copies(args: Args, kwargs: Kwargs) -> str:
    count = args[1] if len(args) > 1 else kwargs.get("n", 2)
    return "many iterators" if isinstance(count, int) and count > _MOST_POOLS else ""


allow([itertools.product], guard=_pools)
allow([itertools.permutations, itertools.combinations, itertools.combinations_with_replacement], guard=_chosen)
allow([itertools.repeat], guard=_times, calls=False)
allow([itertools.tee], pure=False, guard=_copies)
