"""Looking at objects: the part of `inspect` that needs no frames and no files; weak references."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import Apply, module, native_module, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class, class_of, is_class
from neuralpdb.interpreter.objects.generators import AsyncGenerator, Iterating
from neuralpdb.interpreter.objects.values import Function, Method, Own, Unknown
from neuralpdb.interpreter.signals import Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _function_of(value: Any) -> Any:
    while type(value) is Method:
        value = value.function
    return value if type(value) is Function else None


def _is_generator_function(value: Any) -> bool:
    function = _function_of(value)
    return function is not None and bool(function.code.is_generator)


def _is_async_generator_function(value: Any) -> bool:
    function = _function_of(value)
    return function is not None and bool(function.code.is_async_generator)


def _test(name: str, test: Callable[[Any], bool]) -> Apply:
    """Return a function that answers whether its argument is of some kind."""

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if len(args) != 1 or kwargs:
            raise Undetermined(f"{name} with other arguments")
        if type(args[0]) is Unknown:
            return m.unknown(args[0].reason, bool)
        if type(args[0]) is Own:
            return m.unknown(f"what a function of the library is made of ({name})", bool)
        return test(args[0])

    return apply


_TESTS: dict[str, Callable[[Any], bool]] = {
    "isfunction": lambda value: class_of(value) is types.FunctionType,
    "ismethod": lambda value: class_of(value) is types.MethodType,
    "isclass": is_class,
    "isgenerator": lambda value: type(value) is Iterating,
    "isasyncgen": lambda value: type(value) is AsyncGenerator,
    "isgeneratorfunction": _is_generator_function,
    "isasyncgenfunction": _is_async_generator_function,
    "isabstract": lambda value: isinstance(value, Class) and bool(value.abstract),
    "ismodule": lambda value: class_of(value) is types.ModuleType,
}
module("inspect", {name: Own(name, _test(name, test)) for name, test in _TESTS.items()})
native_module(inspect, "cleandoc")


def _unknown(name: str, kind: type | None) -> Apply:
    return lambda m, args, kwargs: m.unsure(f"inspect.{name} is not supported", kind)


_OTHERS: dict[str, type | None] = {
    "signature": None,
    "getsource": str,
    "getfile": str,
    "getmembers": list,
    "getmodule": None,
    "currentframe": None,
    "stack": list,
}
"""Functions that only look, at what is not there."""
module("inspect", {name: Own(name, _unknown(name, kind)) for name, kind in _OTHERS.items()})
source("weakref", "weak.py", ours=True)
