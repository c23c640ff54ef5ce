"""Values of the program that have no safe host object: unknowns, functions, methods, descriptors, modules.

Plain data (numbers, text, containers, iterators) are objects of the built-in types. What comes from the program's
code is an object of a class here or in `classes` and `generators`; native code that calls one is led back into the
machine.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from neuralpdb.interpreter.signals import Undetermined

if TYPE_CHECKING:
    from neuralpdb.interpreter.contract import MachineLike, WaitingLike
    from neuralpdb.interpreter.decoded import Code


class _Empty:
    """The type of EMPTY."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<empty>"


EMPTY: Any = _Empty()
"""An unbound local, an empty cell, NULL on the stack, an attribute that is not there."""
WAITING = "__neural_waiting__"
"""The key under which the namespace of a library's module has what it does not hold yet."""


_CODE_TEXTS = ("<function ", "<class ", "<module ", "<built-in function ")


class Unknown:
    """A value that is not known: native code that looks at it fails with Undetermined.

    It is a logic variable: `filling.fill` replaces it by a value wherever it is held.

    reason: why it is not known.
    type:   its type when that is certain, else None.
    code:   whether it is most likely a function or class, which is no variable of a module.
    """

    __slots__ = ("__weakref__", "code", "reason", "sources", "stand_in", "text", "type")

    def __init__(
        self, reason: str, type: Any = None, stand_in: Any = None, text: str | None = None, sources: Sequence[Any] = ()
    ) -> None:
        """text: what is shown of it, where only that is known (the model wrote it, or the user).

        stand_in: what native code may use in its place, where that is never seen (a hash in a dict).
        sources: objects of the program that it may be, or be a part of: what changes it may change them."""
        self.reason = reason
        self.type = type
        self.stand_in = stand_in
        self.text = text
        self.sources = tuple(sources)
        self.code = text is not None and text.startswith(_CODE_TEXTS)


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise Undetermined(self.reason)

    refuse.__name__ = name
    return refuse


BINARY = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or".split()
"""Operators with a reflected form, without the underscores."""
_TOUCHES = [
    *"eq ne lt le gt ge hash repr str bool len iter next contains call getitem setitem delitem format".split(),
    *"neg pos abs invert int float index complex round trunc floor ceil bytes reversed length_hint enter exit".split(),
    *"copy deepcopy aiter anext await aenter aexit fspath reduce reduce_ex missing".split(),
    *BINARY,
    *("r" + name for name in BINARY),
    *("i" + name for name in BINARY if name != "divmod"),
]
for _name in _TOUCHES:
    setattr(Unknown, f"__{_name}__", _refusal(f"__{_name}__"))


class Cell:
    """A variable that is shared with inner functions."""

    __slots__ = ("value",)

    def __init__(self, value: Any = EMPTY) -> None:
        self.value = value


class Function:
    """A function of the program (or of a library that is interpreted)."""

    __slots__ = (
        "__weakref__", "annotations", "closure", "code", "defaults", "dict", "doc", "globals", "kwdefaults", "machine",
        "module", "name", "qualname", "type_params",
    )  # fmt: skip

    def __init__(self, machine: MachineLike, code: Code, namespace: dict[str, Any]) -> None:
        raw = code.raw
        self.machine = machine
        self.code = code
        self.globals = namespace
        self.name: Any = raw.co_name
        self.qualname: Any = raw.co_qualname
        self.module: Any = namespace.get("__name__")
        self.doc: Any = raw.co_consts[0] if raw.co_consts and type(raw.co_consts[0]) is str else None
        self.defaults: tuple[Any, ...] | None = None
        self.kwdefaults: dict[str, Any] | None = None
        self.annotations: Any = ()
        self.closure: tuple[Cell, ...] = ()
        self.type_params: tuple[Any, ...] = ()
        self.dict: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.call_from_native(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.qualname} at 0x1>"


class Method:
    """A callable bound to the object that it is called with."""

    __slots__ = ("__weakref__", "function", "machine", "owner")

    def __init__(self, machine: MachineLike, function: Any, owner: Any) -> None:
        self.machine = machine
        self.function = function
        self.owner = owner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.call_from_native(self, args, kwargs)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Method:
            return NotImplemented
        same: bool = self.owner is other.owner and self.function is other.function
        return same

    def __hash__(self) -> int:
        return hash((id(self.owner), id(self.function)))

    def __repr__(self) -> str:
        if type(self.function) is not Function:
            raise Undetermined("text of a bound callable")
        return f"<bound method {self.function.qualname} of {self.owner!r}>"


class Own:
    """A callable that the machine itself implements.

    name:    what messages call it.
    apply:   gets the machine, the arguments and the keyword arguments.
    binds:   whether it becomes a method when an instance is asked for it.
    text:    its text, of a bound method, which a module has as a variable; empty for code.
    shown:   its text, of code; empty when it is not known.
    """

    __slots__ = ("apply", "binds", "machine", "name", "shown", "text")

    def __init__(
        self,
        name: str,
        apply: Callable[[Any, Sequence[Any], Mapping[str, Any]], Any],
        *,
        binds: bool = False,
        machine: MachineLike | None = None,
        text: str = "",
    ) -> None:
        self.name = name
        self.text = text
        self.shown = ""
        self.apply = apply
        self.binds = binds
        self.machine = machine

    def of(self, machine: MachineLike) -> Own:
        """Return the same for a machine, which native code that calls it leads into."""
        return Own(self.name, self.apply, binds=self.binds, machine=machine, text=self.text)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.machine is None:
            raise Undetermined(f"{self.name} is called by native code")
        return self.machine.call_from_native(self, args, kwargs)

    def __repr__(self) -> str:
        if self.text or self.shown:
            return self.text or self.shown
        raise Undetermined(f"text of {self.name}")


class Property:
    """What `property` makes."""

    __slots__ = ("delete", "doc", "get", "name", "set")

    def __init__(self, get: Any = None, set: Any = None, delete: Any = None, doc: Any = None) -> None:
        self.get = get
        self.set = set
        self.delete = delete
        self.doc = doc
        self.name: Any = None

    def set_name(self, owner: Any, name: str) -> None:
        """Learn the name under which it stands in a class."""
        self.name = name

    def __repr__(self) -> str:
        return "<property object at 0x1>"


class StaticMethod:
    """What `staticmethod` makes."""

    __slots__ = ("dict", "function", "machine")

    def __init__(self, machine: MachineLike, function: Any) -> None:
        self.machine = machine
        self.function = function
        self.dict: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.call_from_native(self.function, args, kwargs)

    def __repr__(self) -> str:
        return f"<staticmethod({self.function!r})>"


class ClassMethod:
    """What `classmethod` makes."""

    __slots__ = ("dict", "function")

    def __init__(self, function: Any) -> None:
        self.function = function
        self.dict: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<classmethod({self.function!r})>"


class Member:
    """The descriptor of one name in `__slots__`."""

    __slots__ = ("key", "name", "owner")

    def __init__(self, name: str, owner: Any) -> None:
        self.name = name
        self.owner = owner
        self.key = f"\0{name}"  # no attribute has such a name

    def __repr__(self) -> str:
        return f"<member {self.name!r} of {self.owner.name!r} objects>"


class Super:
    """What `super` makes: attributes of `owner` that are found behind the class `start`."""

    __slots__ = ("cls", "owner", "start")

    def __init__(self, start: Any, owner: Any, cls: Any) -> None:
        self.start = start
        self.owner = owner
        self.cls = cls

    def __repr__(self) -> str:
        raise Undetermined("text of a super object")


class Module:
    """A module as the program sees it.

    name:      its full name.
    held:      what is in it so far; `get` and `names` bring about what is asked for.
    waiting:   what is not in `held` yet; None when there is no such thing.
    file:      as its text has it; None when that is not known.
    elsewhere: the reason for what is not in `names` to be unknown; empty when it is missing.
    """

    __slots__ = ("__weakref__", "elsewhere", "file", "held", "name", "waiting")

    def __init__(self, name: str, names: dict[str, Any], *, file: str | None = None, elsewhere: str = "") -> None:
        self.name = name
        self.held = names
        self.waiting: WaitingLike | None = None
        self.file = file
        self.elsewhere = elsewhere

    @property
    def names(self) -> dict[str, Any]:
        """What is in it."""
        if self.waiting is not None:
            self.waiting.bring_all()
        return self.held

    def get(self, name: str) -> Any:
        """Return what is in it under a name; EMPTY when there is nothing."""
        value = self.held.get(name, EMPTY)
        if value is EMPTY and self.waiting is not None:
            return self.waiting.bring(name)
        return value

    def __repr__(self) -> str:
        if self.file is None:
            raise Undetermined(f"text of the module {self.name}")
        return f"<module {self.name!r} {self.file}>"


class Traceback:
    """Where an exception was raised, which is not kept."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<traceback object at 0x1>"


REAL_TYPES: dict[type, type] = {
    Function: types.FunctionType,
    Method: types.MethodType,
    Cell: types.CellType,
    Property: property,
    StaticMethod: staticmethod,
    ClassMethod: classmethod,
    Member: types.MemberDescriptorType,
    Super: super,
    Module: types.ModuleType,
    Traceback: types.TracebackType,
}
"""Our class of a value -> the type that the program sees. `classes` and `generators` add theirs."""

for _ours, _real in REAL_TYPES.items():
    _ours.__name__ = _ours.__qualname__ = _real.__name__
    _ours.__module__ = "builtins"

OPAQUE: set[type] = {*REAL_TYPES, Own}
"""Classes of values that native code knows nothing of: no items, no truth value but True, no operators."""


def is_unknown(value: object) -> bool:
    """Whether `value` is an Unknown."""
    return type(value) is Unknown


def holds_unknown(value: Any, depth: int = 4) -> bool:
    """Whether there is an Unknown in plain containers of `value`, so many levels deep."""
    kind = type(value)
    if kind is Unknown:
        return True
    if depth and isinstance(value, list | tuple):  # sets hold none: an Unknown has no hash
        items = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return any(holds_unknown(item, depth - 1) for item in items)
    if depth and isinstance(value, dict):
        return any(holds_unknown(item, depth - 1) for item in dict.values(value))
    return False
