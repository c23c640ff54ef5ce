"""Modules of containers and iterators: collections, itertools, heapq, bisect, operator, copy."""

from __future__ import annotations

import bisect
import collections
import copy
import heapq
import itertools
import operator
import types
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.native_types import items
from neuralpdb.interpreter.library.registry import (
    CALLS,
    allow,
    allow_type,
    module,
    native_module,
    operator_guard,
    own,
    source,
)
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of
from neuralpdb.interpreter.objects.values import EMPTY, Function, Method, Own, Unknown
from neuralpdb.interpreter.signals import Undetermined

native_module(itertools)
allow([itertools.tee], pure=False)
native_module(heapq, "heappush heappop heapify heapreplace heappushpop nlargest nsmallest merge")
allow([heapq.heappush, heapq.heappop, heapq.heapify, heapq.heapreplace, heapq.heappushpop], pure=False)
allow([heapq.nlargest, heapq.nsmallest], guard=items)
native_module(bisect)
allow([bisect.insort, bisect.insort_left, bisect.insort_right], pure=False)
native_module(operator, without="attrgetter methodcaller call is_ is_not not_ truth")
allow_type(operator.itemgetter)
allow([operator.setitem, operator.delitem], pure=False)
allow([value for name, value in vars(operator).items() if name.startswith("i") and callable(value)], pure=False)
for _name, _symbol in {"add": "+", "concat": "+", "mul": "*", "pow": "**", "lshift": "<<", "mod": "%"}.items():
    allow([getattr(operator, _name)], guard=operator_guard(_symbol))
    allow([getattr(operator, f"i{_name}")], pure=False, guard=operator_guard(_symbol))
for _name in ("call", "is_", "is_not", "not_", "truth", "attrgetter", "methodcaller"):
    CALLS.pop(id(getattr(operator, _name, None)), None)
allow([operator.truth, operator.not_])
module("operator", {"itemgetter": operator.itemgetter, "truth": operator.truth, "not_": operator.not_})
source("operator", "operator.py", "attrgetter methodcaller")
module(
    "collections",
    {name: getattr(collections, name) for name in ("deque", "defaultdict", "OrderedDict", "Counter")},
)
source(
    "collections",
    "collections/__init__.py",
    "namedtuple ChainMap UserDict UserList UserString",
    prelude={
        "_collections_abc": "collections.abc",
        "_recursive_repr": "reprlib:recursive_repr",
        "_sys": "_neural_sys",
        "_iskeyword": "keyword:iskeyword",
        "_itemgetter": "operator:itemgetter",
        "_tuplegetter": "_neural_sys:tuplegetter",
    },
)


def _counter_guard(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    return items(args, kwargs)


allow([collections.Counter], guard=_counter_guard, calls=False)

# --- copy ---------------------------------------------------------------------------------------------------------

_ATOMS = frozenset((int, float, bool, str, bytes, complex, type(None), range, type(...), type(NotImplemented)))
_COPIED = (
    list,
    dict,
    set,
    bytearray,
    collections.deque,
    collections.defaultdict,
    collections.OrderedDict,
    collections.Counter,
)


def _is_atom(value: Any) -> bool:
    return type(value) in _ATOMS or isinstance(value, Function | Class | type | Own | types.BuiltinFunctionType)


def _plain_instance(value: Any, names: Sequence[str]) -> Class:
    """Return the class of an instance that is copied by copying its namespace. Raises Undetermined for others."""
    cls = class_of(value)
    assert isinstance(cls, Class)
    hooks = (
        "__reduce__",
        "__reduce_ex__",
        "__getstate__",
        "__setstate__",
        "__getnewargs__",
        "__getnewargs_ex__",
        *names,
    )
    for name in hooks:
        hook = cls.lookup(name)
        if hook is not EMPTY and type(hook) is not Own and type(hook) is not types.MethodDescriptorType:
            raise Undetermined("a copy of an object with such methods")
    if not all(isinstance(base, Class) or base is object for base in cls.mro):
        raise Undetermined("a copy of an object of a class derived from a native type")
    return cls


def _empty(cls: Class) -> Any:
    """Return an instance without attributes."""
    shell: Any = cls.shell
    return object.__new__(shell)


def _copy(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    value = args[0]
    kind = type(value)
    if _is_atom(value) or kind in (tuple, frozenset):
        return value
    if kind in _COPIED:
        return m.native(copy.copy, value)
    if kind is Unknown:
        return m.unsure(value.reason)
    if type(kind) is Shell and not isinstance(value, Class):
        method = m.special(value, "__copy__")
        if method is not EMPTY:
            return m.call(method, ())
        cls = _plain_instance(value, ())
        made = _empty(cls)
        made.__dict__.update(value.__dict__)
        return made
    raise Undetermined("a copy of such an object")


class Memo(dict[Any, Any]):
    """What `deepcopy` remembers: its keys are addresses, so its text is not known."""

    def __repr__(self) -> str:
        raise Undetermined("addresses in a text")


def _deepcopy(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    memo: dict[Any, Any] = args[1] if len(args) > 1 and args[1] is not None else Memo()
    return _deep(m, args[0], memo)


def _deep(m: Machine, value: Any, memo: dict[Any, Any]) -> Any:
    kind = type(value)
    if _is_atom(value):
        return value
    if kind is Unknown:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is list:
        made: Any = []
        memo[id(value)] = made
        for item in value:
            made.append(_deep(m, item, memo))
    elif kind in (dict, collections.OrderedDict):
        memo[id(value)] = made = kind()
        for key, item in value.items():
            m.native(made.__setitem__, _deep(m, key, memo), _deep(m, item, memo))
    elif kind is collections.defaultdict:
        memo[id(value)] = made = collections.defaultdict(value.default_factory)
        for key, item in value.items():
            m.native(made.__setitem__, _deep(m, key, memo), _deep(m, item, memo))
    elif kind is tuple:
        made = tuple(_deep(m, item, memo) for item in value)
        if id(value) in memo:
            return memo[id(value)]
        if all(new is old for new, old in zip(made, value, strict=True)):
            made = value
        memo[id(value)] = made
    elif kind in (set, frozenset) and all(type(item) in _ATOMS for item in value):
        made = memo[id(value)] = copy.deepcopy(value)
    elif kind is collections.deque:
        memo[id(value)] = made = collections.deque(maxlen=value.maxlen)
        for item in value:
            made.append(_deep(m, item, memo))
    elif kind is Method:
        made = Method(m, value.function, _deep(m, value.owner, memo))
    elif type(kind) is Shell and not isinstance(value, Class):
        made = _deep_instance(m, value, memo)
    else:
        raise Undetermined("a deep copy of such an object")
    return made


def _deep_instance(m: Machine, value: Any, memo: dict[Any, Any]) -> Any:
    method = m.special(value, "__deepcopy__")
    if method is not EMPTY:
        made = m.call(method, (memo,))
        memo[id(value)] = made
        return made
    cls = _plain_instance(value, ())
    made = _empty(cls)
    memo[id(value)] = made
    for key, item in list(value.__dict__.items()):
        made.__dict__[key] = _deep(m, item, memo)
    return made


own(copy.copy)(_copy)
own(copy.deepcopy)(_deepcopy)
module("copy", {"copy": copy.copy, "deepcopy": copy.deepcopy, "Error": copy.Error})


def _attribute_of(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return attributes.get(m, args[0], args[1])
