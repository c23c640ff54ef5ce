"""Modules about the language itself: typing, dataclasses, enum, builtins, sys."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import module, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import class_of
from neuralpdb.interpreter.objects.values import Module, Own, Traceback
from neuralpdb.interpreter.signals import Stop, Undetermined

source("typing", "typing.py", ours=True, apart=True)
source("typing_extensions", "typing.py", ours=True, apart=True)
source("__future__", "__future__.py")
source(
    "enum",
    "enum.py",
    prelude={"__neural_names__": "_neural_modules:names"},
    patches={
        "sys.modules[cls.__module__].__dict__.update(": "__neural_names__(cls.__module__).update(",
    },
)
source(
    "numbers",
    "numbers.py",
    prelude={"_Fraction": "fractions:Fraction", "_Decimal": "decimal:Decimal"},
    patches={
        "Integral.register(int)": "Integral.register(int)\nRational.register(_Fraction)\nNumber.register(_Decimal)"
    },
)
source(
    "dataclasses",
    "dataclasses.py",
    "*",
    prelude={
        "re": "re",
        "sys": "_neural_sys",
        "copy": "copy",
        "types": "types",
        "inspect": "_neural_inspect",
        "keyword": "keyword",
        "builtins": "builtins",
        "functools": "functools",
        "itertools": "itertools",
        "abc": "abc",
        "_thread": "_thread",
        "FunctionType": "types:FunctionType",
        "GenericAlias": "types:GenericAlias",
        "id": "_neural_sys:id",
        "recursive_repr": "reprlib:recursive_repr",
        "reprlib": "reprlib",
    },
)
source("_neural_inspect", "inspect.py", ours=True)


def _exc_info(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    error = m.handled
    if error is None:
        error = next((each for each in reversed(m.outer) if each is not None), None)
    return (None, None, None) if error is None else (class_of(error), error, Traceback())


def _exception(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return _exc_info(m, args, kwargs)[1]


def _names(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the namespace of a module, which `enum.global_enum` adds to."""
    found = m.library.modules.get(args[0])
    if type(found) is not Module:
        raise Undetermined("the namespace of a module that is not there")
    return found.names


module("_neural_modules", {"names": Own("names", _names)})


def _set_recursion_limit(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Do nothing that the program could see before it is at its recursion limit."""
    if len(args) != 1 or kwargs or type(args[0]) is not int or not _USUAL_LIMIT <= args[0] < 1 << 31:
        raise Stop("a recursion limit that the interpreter does not keep")


_USUAL_LIMIT = 1000


def _intern(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if len(args) == 1 and not kwargs and type(args[0]) is str:
        return args[0]
    return m.native(sys.intern, *args, **kwargs)


module(
    "sys",
    {
        "maxsize": sys.maxsize,
        "byteorder": sys.byteorder,
        "maxunicode": sys.maxunicode,
        "version_info": sys.version_info,
        "exc_info": Own("exc_info", _exc_info),
        "exception": Own("exception", _exception),
        "setrecursionlimit": Own("setrecursionlimit", _set_recursion_limit),
        "intern": Own("intern", _intern),
    },
)
__all__ = ["builtins"]
