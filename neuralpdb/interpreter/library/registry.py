"""The register of what programs may use: native functions, types, methods, and modules.

Each module beside this one adds its part when it is imported; `ALL` in `contents` lists them. Only what is here is
ever called; all else is not told.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter import sizes

if TYPE_CHECKING:
    from neuralpdb.interpreter.machine import Machine

Guard = Callable[[Sequence[Any], Mapping[str, Any]], str]
"""Says in words why a call is not carried out (too large, reaches outside); empty when it is. Methods: owner first."""
Apply = Callable[["Machine", Sequence[Any], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Native:
    """A native function or method that may be called.

    pure:      whether nothing has changed when it fails half-way because of an unknown.
    orderless: whether its result does not depend on the order of sets that it is given.
    guard:     refuses calls; None for a function whose results are small.
    calls:     whether it may call what it is given; if not, that is handed over as it is.
    """

    pure: bool = True
    orderless: bool = False
    guard: Guard | None = None
    calls: bool = False


@dataclass(frozen=True, eq=False)
class Source:
    """A module whose definitions are interpreted from source.

    file:    path below the standard library, or a stand-in's name in `sources/`.
    ours:    whether the file is a stand-in in `sources/`.
    names:   top-level names that are taken from it; empty for all.
    patches: texts in the file -> what is read instead of them.
    prelude: names that are there before it runs: `name` -> `module` or `module:name` to import.
    after:   a stand-in in `sources/` that runs after it in the same module; empty for none.
    apart:   whether its statements have no effect but the names that they bind: each may come alone, when it is needed.
    """

    file: str
    ours: bool = False
    names: frozenset[str] = frozenset()
    prelude: Mapping[str, str] = field(default_factory=dict)
    patches: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    apart: bool = False


@dataclass(frozen=True)
class Answer:
    """What a method of an unknown of a certain type returns.

    kind:    its type; None when it differs.
    certain: types of arguments with which it never fails.
    changes: whether it may change the object, or hand its parts on.
    itself:  whether it returns the object.
    """

    kind: type | None
    certain: Sequence[tuple[type, ...]] = ()
    changes: bool = False
    itself: bool = False


CALLS: dict[int, tuple[Any, Native | Apply]] = {}
"""id of a native function or type -> itself, and how it is called: as it is, or by the machine's version."""
METHODS: dict[tuple[type, str], Native] = {}
"""Methods of native types that may be called."""
ATTRIBUTES: set[tuple[type, str]] = set()
"""Data attributes of native types that may be read."""
SETTABLE: set[tuple[type, str]] = set()
"""Data attributes of native types that may be set."""
MEMBERS: dict[tuple[type, str], Apply] = {}
"""Methods of `object`, `type` and other native types that the machine has its own version of."""
UNKNOWNS: dict[tuple[type, str], type | tuple[type, ...] | Answer] = {}
"""What an unknown of a type surely has: the type of a data attribute; of a method, the types of what it returns and
of the arguments with which it never fails, or an Answer."""
ITEMS: dict[type, type] = {str: str, bytes: int, range: int}
"""Type of an unknown -> the type of the items that one gets of it by iteration."""
TYPES: set[type] = set()
"""Native types whose objects are plain data, held as they are."""
BASES: set[type] = {object, type}
"""Native types that classes of the program may derive from."""
MODULES: dict[str, dict[str, Any]] = {}
"""Module -> what is in it."""
LATER: dict[str, type] = {}
"""What modules hold that is known only when a program runs, by its full name -> its type."""
SOURCES: dict[str, Source] = {}
"""Module -> where more of it comes from."""
BUILTINS: dict[str, Any] = {}

_SPECIAL = frozenset(
    f"__{name}__"
    for name in (
        "len getitem contains eq ne lt le gt ge add mul sub iter next str repr setitem delitem hash int float bool mod "
        "floordiv truediv xor and or neg abs pow radd rmul format index init call missing reversed divmod invert "
        "rsub rand ror rxor iadd isub imul iand ior ixor lshift rshift round trunc floor ceil pos complex bytes "
        "rmod rfloordiv rtruediv rpow rdivmod enter exit length_hint copy"
    ).split()
)


MOST_ROUNDED = 10_000
"""Digits before the point that `round` may be asked for: it makes a power of ten with so many."""


def operator_guard(symbol: str, reflected: bool = False) -> Guard:
    """Return the guard of a function that does what an operator does."""

    def guard(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        if len(args) < 2:
            return ""
        left, right = (args[1], args[0]) if reflected else (args[0], args[1])
        return sizes.of_operator(symbol, left, right)

    return guard


def rounding(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Refuse to round to a power of ten with many digits."""
    digits = args[1] if len(args) > 1 else kwargs.get("ndigits")
    return "a rounding to many digits" if isinstance(digits, int) and abs(digits) > MOST_ROUNDED else ""


def _wide_format(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    return "a wide format" if len(args) > 1 and type(args[1]) is str and re.search(r"\d{5}", args[1]) else ""


_SYMBOLS = {"add": "+", "mul": "*", "pow": "**", "lshift": "<<", "mod": "%"}
_OPERATOR_GUARDS: dict[str, Guard] = {
    **{f"__{name}__": operator_guard(symbol) for name, symbol in _SYMBOLS.items()},
    **{f"__i{name}__": operator_guard(symbol) for name, symbol in _SYMBOLS.items()},
    **{f"__r{name}__": operator_guard(symbol, True) for name, symbol in _SYMBOLS.items()},
    "__round__": rounding,
    "__format__": _wide_format,
}
"""Methods behind operators, with the guards of these."""


def allow(
    functions: Iterable[Any],
    *,
    pure: bool = True,
    orderless: bool = False,
    guard: Guard | None = None,
    calls: bool = True,
) -> None:
    """Allow native functions to be called."""
    for function in functions:
        CALLS[id(function)] = function, Native(pure, orderless, guard, calls)


def allow_type(
    kind: type,
    *,
    changing: str = "",
    attributes: str = "",
    without: str = "",
    guards: Mapping[str, Guard] | None = None,
    make: bool = True,
    guard: Guard | None = None,
    base: bool = False,
    calls: str = "",
) -> None:
    """Allow objects of a native type, with its public methods.

    changing:   names of the methods that change an object; `*` for all of them.
    attributes: names of data attributes that may be read.
    without:    names of methods that are not allowed.
    guards:     method -> guard. make: whether the type may be called, with `guard`.
    base:       whether classes of the program may derive from it.
    calls:      names of methods that may call what they are given; `__init__` for the type itself.
    """
    TYPES.add(kind)
    guards = guards or {}
    changed, left_out = set(changing.split()), set(without.split())
    for name, value in vars(kind).items():
        if name in left_out or (name.startswith("_") and name not in _SPECIAL):
            continue
        if isinstance(value, types.GetSetDescriptorType | types.MemberDescriptorType | property):
            if name in attributes.split():
                ATTRIBUTES.add((kind, name))
        elif callable(value) or isinstance(value, classmethod | staticmethod | types.ClassMethodDescriptorType):
            changes = name in changed or "*" in changed or (bool(changed) and name in _CHANGING)
            guard_of_it = guards.get(name) or _OPERATOR_GUARDS.get(name)
            METHODS[kind, name] = Native(not changes, False, guard_of_it, name in calls.split())
    if make:
        allow([kind], guard=guard, calls="__init__" in calls)
    if base:
        BASES.add(kind)


_CHANGING = frozenset(("__setitem__", "__delitem__", "__init__", "__iadd__", "__imul__", "__ior__", "__iand__"))


def answers(kind: type, names: str, result: type | None, *certain: tuple[type, ...], **options: bool) -> None:
    """Register what methods of unknowns of a type return: see Answer."""
    for name in names.split():
        UNKNOWNS[kind, name] = Answer(result, certain, **options)


def own(function: Any) -> Callable[[Apply], Apply]:
    """Register the machine's own version of a native function or type."""

    def add(apply: Apply) -> Apply:
        CALLS[id(function)] = function, apply
        return apply

    return add


def member(kind: type, *names: str) -> Callable[[Apply], Apply]:
    """Register the machine's own version of a method of a native type."""

    def add(apply: Apply) -> Apply:
        for name in names:
            MEMBERS[kind, name] = apply
        return apply

    return add


def module(name: str, names: Mapping[str, Any]) -> None:
    """Add names to a module that programs may import."""
    MODULES.setdefault(name, {}).update(names)


def native_module(real: types.ModuleType, names: str = "", *, without: str = "", guard: Guard | None = None) -> None:
    """Add a native module's public names (or `names`), and allow its functions to be called."""
    wanted = names.split() or [name for name in vars(real) if not name.startswith("_")]
    found = {name: getattr(real, name) for name in wanted if name not in without.split() and hasattr(real, name)}
    found = {name: value for name, value in found.items() if not isinstance(value, types.ModuleType)}
    functions = (types.BuiltinFunctionType, types.FunctionType)
    allow([value for value in found.values() if isinstance(value, functions)], guard=guard)
    module(real.__name__, found)


def source(
    name: str,
    file: str,
    names: str = "",
    *,
    ours: bool = False,
    prelude: Mapping[str, str] | None = None,
    patches: Mapping[str, str] | None = None,
    after: str = "",
    apart: bool = False,
) -> None:
    """Register that a module, or the named part of it, is interpreted from source."""
    SOURCES[name] = Source(file, ours, frozenset(names.split()), prelude or {}, patches or {}, after, apart)
    MODULES.setdefault(name, {})
