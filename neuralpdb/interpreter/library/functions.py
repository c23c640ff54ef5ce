"""The functions of `builtins`: which are called as they are, and the machine's own versions of the rest."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.activation import Activation, cell_value
from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.library import imports
from neuralpdb.interpreter.library.native_types import big_numbers, items
from neuralpdb.interpreter.library.registry import BUILTINS, Apply, allow, module, own, rounding
from neuralpdb.interpreter.library.writing import files
from neuralpdb.interpreter.library.writing.streams import printed
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of
from neuralpdb.interpreter.objects.generators import AsyncGenerator, Step
from neuralpdb.interpreter.objects.values import EMPTY, Function, Module, Unknown
from neuralpdb.interpreter.order import is_fixed
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.interpreter.sizes import MOST_ITEMS, of_operator

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _named(names: str) -> list[Any]:
    return [getattr(builtins, name) for name in names.split()]


def _power(args: Args, kwargs: Kwargs) -> str:
    if len(args) == 2:
        return of_operator("**", args[0], args[1])
    return big_numbers(args, kwargs)


def _format(args: Args, kwargs: Kwargs) -> str:
    import re

    return "a wide format" if len(args) > 1 and re.search(r"\d{5}", str(args[1])) else ""


def _round(args: Args, kwargs: Kwargs) -> str:
    return rounding(args, kwargs) or big_numbers(args, kwargs)


allow(_named("abs ascii bin chr divmod hex oct ord repr"), guard=big_numbers)
allow([round], guard=_round)


def _sum(args: Args, kwargs: Kwargs) -> str:
    start = args[1] if len(args) > 1 else kwargs.get("start", 0)
    if isinstance(start, list | tuple) and args and type(args[0]) in (list, tuple):
        count = len(args[0])
        copied = sum((count - n) * len(each) for n, each in enumerate(args[0]) if type(each) in (list, tuple))
        return "a large sum of lists" if copied > MOST_ITEMS else ""
    return items(args, kwargs)


allow(_named("all any max min"), guard=items)
allow([sum], guard=_sum)
allow(_named("len sorted"), orderless=True, guard=items)
allow([iter], pure=False)
allow([next], pure=False, calls=False)
allow([pow], guard=_power)
allow([format], guard=_format)
for _function in _named(
    "abs all any ascii bin chr divmod format hex iter len max min next oct ord pow repr round sorted sum"
):
    BUILTINS[_function.__name__] = _function


def _own(function: Any) -> Callable[[Apply], Apply]:
    BUILTINS[function.__name__] = function
    return own(function)


for _function in (isinstance, issubclass):
    BUILTINS[_function.__name__] = _function


@_own(getattr)
def getattr_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `getattr` does."""
    owner, name, *default = args
    if type(name) is not str:
        raise Undetermined("getattr with a name that is no text")
    try:
        return attributes.get(m, owner, name)
    except Raised as error:
        if default and isinstance(error.value, AttributeError):
            return default[0]
        raise


@_own(hasattr)
def hasattr_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `hasattr` does."""
    if len(args) != 2 or kwargs:
        return m.native(hasattr, *args, **kwargs)  # complains in its own words
    owner, name = args
    if type(name) is not str:
        raise Undetermined("hasattr with a name that is no text")
    if type(owner) is Unknown:
        return m.unknown(owner.reason, bool)
    try:
        value = attributes.get(m, owner, name)
    except Raised as error:
        if isinstance(error.value, AttributeError):
            return False
        raise
    return m.unknown(value.reason, bool) if type(value) is Unknown and type(owner) is Module else True


@_own(setattr)
def setattr_(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `setattr` does."""
    owner, name, value = args
    if type(name) is not str:
        raise Undetermined("setattr with a name that is no text")
    attributes.put(m, owner, name, value)


@_own(delattr)
def delattr_(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `delattr` does."""
    owner, name = args
    if type(name) is not str:
        raise Undetermined("delattr with a name that is no text")
    attributes.delete(m, owner, name)


@_own(callable)
def callable_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `callable` does."""
    value = args[0]
    kind = type(value)
    if kind is Unknown:
        return m.unknown(value.reason, bool)
    if type(kind) is Shell and not isinstance(value, Class):
        return kind.__neural_class__.lookup("__call__") is not EMPTY
    return callable(value)


@_own(hash)
def hash_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `hash` does, where its value is the same in every process."""
    value = args[0]
    if type(value) is Unknown:
        return m.unsure(value.reason, int)
    if type(type(value)) is Shell:
        method = class_of(value).lookup("__hash__")
        if type(method) is Function:
            return _hash_value(m, m.call(m.bind(method, value, class_of(value)), ()))
    found = m.native(hash, value)
    plain = isinstance(value, int | str | bytes) or (isinstance(value, float) and value == value)
    if plain or is_fixed(value) or not m.is_own():
        return found
    return Unknown("a hash that depends on addresses", int, found)


def _hash_value(m: Machine, value: Any) -> Any:
    """Return what `hash` makes of the result of a method `__hash__`."""
    if type(value) is Unknown:
        return value
    if not isinstance(value, int):
        raise Raised(TypeError("__hash__ method should return an integer"))
    if -sys.maxsize - 1 <= value <= sys.maxsize:
        return -2 if value == -1 else int(value)
    return m.native(hash, int(value))


@_own(id)
def id_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Return what `id` does: nothing that can be known."""
    return m.unknown("an address", int)


@_own(vars)
def vars_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `vars` does."""
    if not args:
        return locals_(m, args, kwargs)
    if type(args[0]) is Module:
        raise Undetermined("vars of a module")
    try:
        return attributes.get(m, args[0], "__dict__")
    except Raised as error:
        if isinstance(error.value, AttributeError):
            raise Raised(TypeError("vars() argument must have __dict__ attribute")) from None
        raise


@_own(globals)
def globals_(m: Machine, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """Do what `globals` does."""
    return m.current_globals()


@_own(locals)
def locals_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `locals` does: up to 3.12 one dict an activation, which events bring up to date; a copy since."""
    f = m.current
    if f is None:
        raise Undetermined("locals without an activation")
    if f.names is not None:
        return f.names
    if f.code.name in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"):
        raise Undetermined("locals in a comprehension")
    if VERSION >= (3, 13):
        values = ((name, cell_value(value)) for name, value in zip(f.code.slots, f.fast, strict=True))
        return {name: value for name, value in values if value is not EMPTY}
    if f.live is None:
        m.events.bind(f)
        f.live = dict.fromkeys(f.texts)
    f.refresh()
    return f.live


@_own(dir)
def dir_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Refuse `dir`, except without arguments."""
    if args:
        raise Undetermined("dir of an object")
    return sorted(locals_(m, args, kwargs))


_BUILTINS = "the namespace of builtins"
_MOST_SPACES = 3
"""Positional arguments of `eval` and `exec`."""


def _run_text(m: Machine, args: Args, kwargs: Kwargs, mode: str) -> Any:
    """Interpret the text that `eval` or `exec` gets."""
    if not 1 <= len(args) <= _MOST_SPACES:
        m.native(getattr(builtins, mode), *[None] * len(args))
    text, *spaces = args
    spaces += [kwargs[name] for name in ("globals", "locals") if name in kwargs]
    if type(text) is Unknown:
        raise Stop(f"{mode} of an unknown: {text.reason}")
    if type(text) is not str:
        raise Undetermined(f"{mode} of something that is no text")
    space = spaces[0] if spaces and spaces[0] is not None else None
    if type(space) is dict and "__builtins__" not in space:
        space["__builtins__"] = m.unknown(_BUILTINS, dict)
    try:
        code = compile(text.lstrip(" \t") if mode == "eval" else text, "<string>", mode, dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        if isinstance(error, SyntaxError):
            raise Raised(error) from None
        raise Undetermined(f"{mode} of a text that cannot be compiled") from None
    f = m.current
    if space is not None:
        if type(space) is not dict:
            raise Undetermined(f"{mode} with other globals")
        given = space.get("__builtins__", EMPTY)
        is_ours = type(given) is Module or (type(given) is Unknown and given.reason == _BUILTINS)
        if given is not EMPTY and not is_ours and m.is_own():
            raise Undetermined(f"{mode} with other builtins")
        names = spaces[1] if len(spaces) > 1 and spaces[1] is not None else space
    else:
        space = m.current_globals()
        names = spaces[1] if len(spaces) > 1 and spaces[1] is not None else locals_(m, (), {})
    if f is None or not isinstance(names, dict):
        raise Undetermined(f"{mode} without an activation, or with other locals")
    activation = Activation(m.code(code, False), None, space)
    activation.names = names
    m.enter(activation)
    return m.run(activation)


@_own(eval)
def eval_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `eval` does: the text is interpreted."""
    return _run_text(m, args, kwargs, "eval")


@_own(exec)
def exec_(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `exec` does: the text is interpreted."""
    _run_text(m, args, kwargs, "exec")


@_own(__import__)
def import_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `__import__` does with one argument."""
    if len(args) != 1 or kwargs or type(args[0]) is not str:
        raise Undetermined("__import__ with other arguments")
    return m.library.import_name(m, args[0], None, 0, {})


if hasattr(builtins, "aiter"):

    @_own(aiter)
    def aiter_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        """Do what `aiter` does."""
        if type(args[0]) is AsyncGenerator:
            return args[0]
        method = m.special(args[0], "__aiter__")
        if method is EMPTY:
            raise Raised(TypeError(f"'{class_name(args[0])}' object is not an async iterable"))
        return m.call(method, ())

    @_own(anext)
    def anext_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        """Do what `anext` does without a default."""
        if len(args) > 1:
            raise Undetermined("anext with a default")
        if type(args[0]) is AsyncGenerator:
            return Step(args[0], "send", None)
        method = m.special(args[0], "__anext__")
        if method is EMPTY:
            raise Raised(TypeError(f"'{class_name(args[0])}' object is not an async iterator"))
        return m.call(method, ())


def _compiles(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    m.hand_over("compile() is not supported", args, kwargs)
    return m.unsure("compile() is not supported", types.CodeType)


def _leaves(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `exit` and `quit` do."""
    if len(args) > 1 or kwargs.keys() - {"code"}:
        raise Stop("exit with other arguments")
    raise Raised(SystemExit(args[0] if args else kwargs.get("code")))


def _input(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Return what `input` does: a text that is known only when the program runs."""
    if len(args) > 1 or kwargs:
        m.native(input, *[None] * len(args), **kwargs)
    if args:
        m.events.print(printed(m, args[0]))
    return m.unsure("input() is known only when it runs", str)


def _help(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Print what `help` does, which depends on the terminal."""
    m.unsure("help() depends on the terminal")


for _name, _apply in {"input": _input, "compile": _compiles, "exit": _leaves, "quit": _leaves, "help": _help}.items():
    _function = getattr(builtins, _name, None)
    if _function is not None:
        BUILTINS[_name] = _function
        own(_function)(_apply)


@_own(open)
def open_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Return what `open` does: a file of which the type is known."""
    return files.opened(m, "open", args, kwargs)


@_own(breakpoint)
def breakpoint_(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do nothing, as in a recorded run."""


module("builtins", BUILTINS)
__all__ = ["imports"]
