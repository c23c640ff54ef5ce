"""The library as the machine asks it: calls of native code, attributes of native objects, imports."""

from __future__ import annotations

import builtins
import io
import itertools
import types
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.decoded import VERSION, Instructions
from neuralpdb.interpreter.library import imports
from neuralpdb.interpreter.library.registry import (
    ATTRIBUTES,
    BASES,
    BUILTINS,
    CALLS,
    ITEMS,
    MEMBERS,
    METHODS,
    SETTABLE,
    TYPES,
    UNKNOWNS,
    Answer,
    Native,
)
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import generators
from neuralpdb.interpreter.objects.attributes import is_data
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of, is_class, is_subclass
from neuralpdb.interpreter.objects.values import EMPTY, OPAQUE, REAL_TYPES, ClassMethod, Method, Module, Own, Unknown
from neuralpdb.interpreter.operators import sources_of
from neuralpdb.interpreter.order import check_order, has_address
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

_FIXED = frozenset((int, str, float, bool, type(None), bytes, complex, range))
_PLAIN = frozenset(
    {
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(("pathlib", name) for name in ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath")),
        *(("pathlib._local", name) for name in ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath")),
        *(("builtins", name) for name in ("ellipsis", "NotImplementedType")),
        *(("re", name) for name in ("Pattern", "Match", "RegexFlag")),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
        ("time", "struct_time"),
        ("zoneinfo", "ZoneInfo"),
    }
)
"""Types of the library whose objects never change."""
_METHOD_TYPES = (types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType)
_NATIVE_FUNCTIONS = (
    types.BuiltinFunctionType,
    types.FunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)
_TYPE_DATA = frozenset(("__name__", "__qualname__", "__module__", "__doc__"))
_CALLABLES = (
    types.BuiltinFunctionType, types.FunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MethodWrapperType, types.ClassMethodDescriptorType, types.MethodType,
)  # fmt: skip
_PYTHON_TYPES = frozenset((("collections", "Counter"), ("fractions", "Fraction")))
_PROTOCOLS_ONLY = ("heapq", "functools", "operator", "copy")
_COUNTS: dict[Any, tuple[int, int]] = {
    isinstance: (2, 2),
    issubclass: (2, 2),
    callable: (1, 1),
    hash: (1, 1),
    id: (1, 1),
    getattr: (2, 3),
    hasattr: (2, 2),
    setattr: (3, 3),
    delattr: (2, 2),
    vars: (0, 1),
    globals: (0, 0),
    locals: (0, 0),
    dir: (0, 1),
    staticmethod: (1, 1),
    classmethod: (1, 1),
    object: (0, 0),
}
"""Functions that the machine has its own version of -> how many positional arguments they take."""
_FEW = 50
"""Items of a sequence that are looked at."""


class Library:
    """What one run finds outside itself.

    builtins: names of `builtins`. bases: native types that classes may derive from.
    modules:  what was imported so far.
    """

    def __init__(self, machine: Machine, instructions: Instructions) -> None:
        self._machine = machine
        self.instructions = instructions
        self.builtins = {**dict.fromkeys(vars(builtins), EMPTY), **BUILTINS}
        self.builtins = {
            name: Unknown(f"builtins.{name}") if value is EMPTY else value
            for name, value in self.builtins.items()
            if not name.startswith("_") or name in BUILTINS
        }
        self.bases = BASES
        self.modules: dict[str, Any] = {}
        self._members: dict[tuple[type, str], Own] = {}

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, m: Machine, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call something that is no code of the program. Raises Undetermined for what is not registered."""
        entry = CALLS.get(id(function))
        if entry is not None and entry[0] is function:
            native = entry[1]
            if not isinstance(native, Native):
                self._check_count(m, function, args, kwargs)
                return native(m, args, kwargs)
            return self._call_native(m, function, native, args, args, kwargs)
        kind = type(function)
        owner: Any = EMPTY
        if (
            isinstance(function, types.BuiltinFunctionType)
            or kind is types.MethodType
            or kind is types.MethodWrapperType
        ):
            owner = function.__self__
        elif isinstance(function, _METHOD_TYPES):
            if not args:
                return m.native(function)
            found = self._method(function.__objclass__, function.__name__)
            if found is None:
                return self._unsupported(m, function, args, kwargs)
            return self._call_native(m, function, found, args, args, kwargs)
        elif kind in TYPES and callable(function):
            return self._call_native(m, function, Native(pure=False), args, args, kwargs)
        else:
            return self._not_callable(m, function, args, kwargs)
        if isinstance(owner, types.ModuleType) or owner is None:
            return self._unsupported(m, function, args, kwargs)
        method = self._method(owner if isinstance(owner, type) else type(owner), function.__name__)
        if method is None:
            return self._unsupported(m, function, [owner, *args], kwargs)
        return self._call_native(m, function, method, [owner, *args], args, kwargs)

    def _unsupported(self, m: Machine, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Unknown:
        """Return what native code gives that is not registered: something unknown. Methods: owner first."""
        reason = f"{getattr(function, '__qualname__', class_name(function))} is not supported"
        m.hand_over(reason, args, kwargs, callee=function)
        return m.unsure(reason)

    def _check_count(self, m: Machine, function: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Raise what Python raises when one of its functions gets too few or too many arguments."""
        bounds = _COUNTS.get(function)
        if bounds is None:
            return
        if kwargs or not bounds[0] <= len(args) <= bounds[1]:
            m.native(function, *[None] * len(args), **dict.fromkeys(kwargs))

    def _not_callable(self, m: Machine, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        kind = type(function)
        if isinstance(function, type):
            return self._unsupported(m, function, args, kwargs)
        if kind in OPAQUE or kind in TYPES or type(kind) is Shell or not callable(function):
            raise Raised(TypeError(f"'{class_name(function)}' object is not callable"))
        return self._unsupported(m, function, args, kwargs)

    def _method(self, kind: type, name: str) -> Native | None:
        """Return a method of a native type; None when it is not registered."""
        return next((METHODS[base, name] for base in kind.__mro__ if (base, name) in METHODS), None)

    def _call_native(
        self,
        m: Machine,
        function: Any,
        native: Native,
        guarded: Sequence[Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        if native.guard is not None:
            reason = native.guard(guarded, kwargs)
            if reason:
                raise Stop(reason)
        if not native.orderless:
            self._check_order(m, function, guarded)
        if native.calls:
            args = [self.handed(m, value) for value in args]
            kwargs = {name: self.handed(m, value) for name, value in kwargs.items()}
        if any(type(each) is Unknown for each in guarded) and _depends_on_kind(function, guarded):
            raise Undetermined("native code asks what an unknown is")
        if type(function) is types.FunctionType or _is_python_type(function):
            self._check_python(function, guarded)
        try:
            value = m.native(function, *args, **kwargs)
        except Undetermined as error:
            kind = _result_type(function)
            if native.pure and not any(isinstance(each, (generators.Generator, *Iterators)) for each in guarded):
                return m.unsure(error.reason, kind, sources_of(m, *guarded, *kwargs.values()))
            name = getattr(function, "__name__", class_name(function))
            m.hand_over(f"{name}: {error.reason}", guarded, kwargs, callee=function)
            return m.unsure(error.reason, kind)
        if value is NotImplemented:
            for each in guarded:
                if type(each) is Unknown:
                    return m.unsure(each.reason, sources=sources_of(m, *guarded))
        kind = type(value)
        if kind is str and has_address(value) and m.is_own():
            return m.unknown("an address in a text", str)
        if kind in _ENDLESS and (kind is not itertools.repeat or len(args) + len(kwargs) < 2):
            return Endless(m, value)
        return value

    def handed(self, m: Machine, value: Any) -> Any:
        """Return what native code that may call it gets for `value`: a native callable is led back, or refused.

        Native code would call one without asking: `map(eval, texts)`, `map(type, values)`.
        """
        if isinstance(value, type):
            entry = CALLS.get(id(value))
            if entry is not None and not isinstance(entry[1], Native):
                return self._led_back(m, value)
            if not self.is_known_type(value):
                raise Undetermined(f"{value.__name__} is handed to native code")
        elif isinstance(value, _CALLABLES):
            entry = CALLS.get(id(value))
            if entry is not None and isinstance(entry[1], Native) and entry[1].guard is None:
                return value
            return self._led_back(m, value)
        return value

    def _led_back(self, m: Machine, value: Any) -> Own:
        return Own(value.__name__, lambda machine, args, kwargs: machine.call(value, args, kwargs), machine=m)

    def _check_python(self, function: Any, values: Sequence[Any]) -> None:
        """Refuse native code that is written in Python and asks the program's objects for attributes."""
        if getattr(function, "__module__", "") in _PROTOCOLS_ONLY:
            return
        for value in values:
            for item in (value, *(value[:_FEW] if type(value) in (list, tuple) else ())):
                if type(type(item)) is Shell and not isinstance(item, Class | BaseException | int | str | float):
                    raise Undetermined(f"{function.__name__} of an object of the program")

    def _check_order(self, m: Machine, function: Any, values: Sequence[Any]) -> None:
        """Raise Undetermined where the outcome of a call depends on the order of a set that is not known."""
        if (
            values
            and isinstance(values[0], set | frozenset)
            and _is_method(function)
            and function.__name__ not in _ORDERED
        ):
            return
        for value in values:
            if type(value) not in _FIXED:
                check_order(value, m.fragile)

    # --- types ----------------------------------------------------------------------------------------------------

    def is_known_type(self, kind: type) -> bool:
        """Whether native code may get a native type from the program."""
        return kind in TYPES or kind in BASES or kind is type(None)

    def is_immutable(self, value: Any) -> bool:
        """Whether nothing that gets `value` can change anything of the program."""
        kind = type(value)
        if kind in _FIXED or isinstance(value, type):
            return True
        if kind is Unknown:
            return not value.sources
        if kind is types.BuiltinFunctionType:
            return value.__self__ is None or isinstance(value.__self__, types.ModuleType)
        if (kind.__module__, kind.__name__) in _PLAIN:
            return type(kind) is not Shell
        return kind in (tuple, frozenset) and all(self.is_immutable(item) for item in value)

    def is_code(self, value: Any) -> bool:
        """Whether a module's variable is code rather than data, beside the program's own."""
        return bool(getattr(value, "is_code", False))

    def is_instance(self, m: Machine, value: Any, cls: Any) -> Any:
        """Return what `isinstance` returns, or an Unknown."""
        if type(cls) is tuple:
            unknown = None
            for each in cls:
                outcome = self.is_instance(m, value, each)
                if outcome is True:
                    return True
                unknown = outcome if type(outcome) is Unknown else unknown
            return unknown if unknown is not None else False
        if type(value) is Unknown and value.type is not None and isinstance(cls, type):
            return issubclass(value.type, cls)
        if type(cls) is Unknown:
            if cls.type is types.GenericAlias:
                raise Raised(TypeError("isinstance() argument 2 cannot be a parameterized generic"))
            return m.unsure(cls.reason, bool)
        if type(value) is Unknown:
            return m.unknown(value.reason, bool) if is_class(cls) else m.unsure(value.reason, bool)
        kind = class_of(value)
        if kind is cls:
            return True
        if isinstance(cls, Class):
            check = cls.meta.lookup("__instancecheck__") if isinstance(cls.meta, Class) else EMPTY
            if check is not EMPTY and type(check) is not Own:
                return m.truth(m.call(m.bind(check, cls, cls.meta), (value,)))
            return is_subclass(kind, cls)
        if type(cls) is types.UnionType:
            return self.is_instance(m, value, cls.__args__)
        if not isinstance(cls, type):
            if type(type(cls)) is Shell and m.special(cls, "__instancecheck__") is not EMPTY:
                return m.truth(m.call(m.special(cls, "__instancecheck__"), (value,)))
            if type(cls) is types.GenericAlias:
                raise Raised(TypeError("isinstance() argument 2 cannot be a parameterized generic"))
            raise Raised(TypeError("isinstance() arg 2 must be a type, a tuple of types, or a union"))
        return self.is_native_subclass(m, kind, cls)

    def is_native_subclass(self, m: Machine, kind: Any, cls: type) -> Any:
        """Return whether a class is one below a native type, or an Unknown."""
        if type(cls) is not type and not self.is_known_type(cls):
            return m.unknown(f"whether something is a {cls.__name__}", bool)
        return is_subclass(kind, cls)

    def only_reads(self, function: Any) -> bool:
        """Whether native code that is called with anything changes nothing of it and calls nothing back."""
        entry = CALLS.get(id(function))
        return entry is not None and entry[0] is function and isinstance(entry[1], Native) and entry[1].pure

    def enters_itself(self, kind: Any) -> bool:
        """Whether `with` binds the very object for an unknown of a type, as it does for files."""
        return isinstance(kind, type) and issubclass(kind, io.IOBase)

    def item_type(self, kind: Any) -> type | None:
        """Return the type of what one gets by iteration over an unknown of a type, where it is certain."""
        return next((ITEMS[base] for base in kind.__mro__ if base in ITEMS), None) if isinstance(kind, type) else None

    def member(self, host: type, name: str) -> Any:
        """Return what a native type has under `name`, itself and not its bases; EMPTY when there is nothing."""
        key = host, name
        if key in MEMBERS:
            if key not in self._members:
                self._members[key] = Own(
                    f"{host.__name__}.{name}", MEMBERS[key], binds=name not in _UNBOUND, machine=self._machine
                )
            member = self._members[key]
            return ClassMethod(member) if name in _OF_CLASSES else member
        if host is type or name in _OF_OBJECT:
            return EMPTY
        value = vars(host).get(name, EMPTY)
        if value is EMPTY:
            return EMPTY
        if name == "__new__":
            new = Own(f"{host.__name__}.__new__", lambda m, args, kwargs: self._new(m, host, args, kwargs))
            return new.of(self._machine)
        if is_data(value) and key not in ATTRIBUTES:
            raise Undetermined(f"{name} of a {host.__name__}")
        return value

    def _new(self, m: Machine, host: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        cls = args[0]
        if not isinstance(cls, Class):
            if cls is not host or host not in TYPES:
                raise Undetermined(f"{host.__name__}.__new__ for another type")
            return m.call(host, args[1:], kwargs)
        if not is_subclass(cls, host):
            raise Undetermined(f"{host.__name__}.__new__ for another type")
        if cls.abstract:
            raise Raised(abstract_error(cls))
        refuse_finalizer(cls)
        entry = CALLS.get(id(host))
        if entry is not None and isinstance(entry[1], Native) and entry[1].guard is not None:
            reason = entry[1].guard(args[1:], kwargs)
            if reason:
                raise Stop(reason)
        handed = [self.handed(m, value) for value in args[1:]]
        return m.native(host.__new__, cls.shell, *handed, **{key: self.handed(m, each) for key, each in kwargs.items()})

    def may_set(self, descriptor: Any) -> bool:
        """Whether a data attribute of a native type may be set."""
        return (descriptor.__objclass__, descriptor.__name__) in SETTABLE

    def no_dict(self, owner: Any, cls: Class, name: str) -> AttributeError:
        """Return the error for an attribute that `__slots__` does not name."""
        text = _SLOTS_MESSAGE.replace("_Slotted", cls.name).replace("nothing", name)
        return AttributeError(text, name=name, obj=owner)

    def generic_alias(self, m: Machine, owner: type, key: Any) -> Any:
        """Return `list[int]` and the like."""
        if not hasattr(owner, "__class_getitem__"):
            raise Raised(TypeError(f"type '{owner.__name__}' is not subscriptable"))
        return m.unknown("a generic alias", types.GenericAlias)

    # --- attributes -----------------------------------------------------------------------------------------------

    def attribute(self, m: Machine, owner: Any, name: str) -> Any:
        """Return an attribute of a native object. Raises Undetermined for what is not registered."""
        kind = type(owner)
        if name == "__class__":
            return class_of(owner)
        if isinstance(owner, type):
            return self._of_type(m, owner, name)
        if name == "__traceback__" and isinstance(owner, BaseException):
            return m.unknown("a traceback", types.TracebackType)
        for base in kind.__mro__:
            key = base, name
            if key in MEMBERS:
                return Method(m, self.member(base, name), owner)
            if key in METHODS or key in ATTRIBUTES:
                return m.native(getattr, owner, name)
        if name == "__doc__" and kind in TYPES:
            return kind.__doc__
        if isinstance(owner, BaseException) and name == "__dict__":
            raise Undetermined("__dict__ of an exception")
        if isinstance(owner, BaseException) and name in owner.__dict__:
            return owner.__dict__[name]
        if kind in OPAQUE or kind is Endless:
            raise Undetermined(f"{name} of a {kind.__name__}")
        if isinstance(owner, _NATIVE_FUNCTIONS):
            if name in ("__name__", "__qualname__", "__doc__", "__module__"):
                return getattr(owner, name)
            if hasattr(owner, name):
                raise Undetermined(f"{name} of a native function")
            return m.native(getattr, owner, name)
        if hasattr(owner, name) or not (self.is_known_type(kind) or kind is types.GetSetDescriptorType):
            raise Undetermined(f"{name} of a {kind.__name__}")
        if kind in (list, tuple, dict):  # whatever they hold
            raise Raised(AttributeError(f"'{kind.__name__}' object has no attribute '{name}'", name=name, obj=owner))
        return m.native(getattr, owner, name)

    def of_unknown(self, m: Machine, unknown: Unknown, name: str) -> Any:
        """Return what an unknown of a certain type surely has under `name`; EMPTY when nothing is known of it."""
        if not isinstance(unknown.type, type):
            return EMPTY
        found = next((UNKNOWNS[base, name] for base in unknown.type.__mro__ if (base, name) in UNKNOWNS), EMPTY)
        if found is EMPTY:
            return EMPTY
        reason, sources = unknown.reason, unknown.sources
        if not isinstance(found, Answer):
            kind, *wanted = found if isinstance(found, tuple) else (found,)
            if not isinstance(found, tuple):
                return m.unknown(reason, found, sources)
            found = Answer(kind, (tuple(wanted),))

        def call(machine: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
            if found.changes:
                machine.hand_over(reason, sources, args, kwargs)
            elif not all(map(_is_plain_data, (*args, *kwargs.values()))):
                machine.hand_over(reason, args, kwargs)
            given = tuple(each.type if type(each) is Unknown else type(each) for each in args)
            if found.itself:
                machine.unsure(reason)
                return unknown
            fits = not kwargs and given in found.certain
            kind = None if found.kind is type(None) else found.kind
            made = (machine.unknown if fits else machine.unsure)(reason, kind, () if found.changes else sources)
            return None if found.kind is type(None) else made

        return Own(name, call, machine=m)

    def _of_type(self, m: Machine, owner: type, name: str) -> Any:
        if not self.is_known_type(owner) and owner not in REAL_TYPES.values():
            if name in _TYPE_DATA or (name in ("__mro__", "__dict__") and not m.is_own()):
                return getattr(owner, name)
            raise Undetermined(f"{name} of the type {owner.__name__}")
        if name in _TYPE_DATA:
            return getattr(owner, name)
        if name in ("__mro__", "__bases__", "__dict__"):
            return getattr(owner, name)
        if name == "mro":
            return Own("mro", lambda machine, args, kwargs: list(owner.__mro__))
        for base in owner.__mro__:
            value = self.member(base, name)
            if value is EMPTY:
                continue
            if type(value) is Own:
                return value
            if type(value) is ClassMethod:
                return Method(m, value.function, owner)
            if (base, name) in METHODS:
                return getattr(owner, name)
            if name in ("__hash__", "__init_subclass__") and value is None:
                return None
            raise Undetermined(f"{name} of the type {owner.__name__}")
        if hasattr(owner, name):
            raise Undetermined(f"{name} of the type {owner.__name__}")
        return m.native(getattr, owner, name)

    def put_attribute(self, m: Machine, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a native object."""
        kind = type(owner)
        if isinstance(owner, BaseException):
            if name == "__traceback__":
                return
            settable = any((base, name) in SETTABLE for base in kind.__mro__) and type(value) is not Unknown
            if (name.startswith("__") or hasattr(kind, name)) and not settable:
                raise Stop(f"{name} of an exception is set")
            m.native(setattr, owner, name, value)
            return
        if any((base, name) in SETTABLE for base in kind.__mro__):
            m.native(setattr, owner, name, value)
            return
        if kind in (
            int,
            float,
            str,
            bytes,
            list,
            dict,
            tuple,
            set,
            bool,
            object,
            type(None),
            frozenset,
            complex,
            range,
        ):
            m.native(setattr, owner, name, value)
        if isinstance(owner, type) and owner in (int, float, str, bytes, list, dict, tuple, set, object):
            text = f"cannot set {name!r} attribute of immutable type {owner.__name__!r}"
            raise Raised(TypeError(text))
        raise Stop(f"{name} of a native object is set")

    def generator_method(self, generator: generators.Generator, name: str) -> Any:
        """Return a method of a generator, a coroutine or an asynchronous generator; None when it has none such."""
        apply = _GENERATOR_METHODS.get((generator.kind, name))
        if apply is None:
            return None
        return Own(name, lambda m, args, kwargs: apply(m, generator, args), machine=generator.machine)

    # --- imports --------------------------------------------------------------------------------------------------

    def import_name(self, m: Machine, name: str, names: Any, level: int, namespace: Mapping[str, Any]) -> Any:
        """Return the module that an `import` statement binds."""
        return imports.import_name(m, self.modules, name, names, level, namespace)

    def import_from(self, m: Machine, module: Any, name: str) -> Any:
        """Return what `from module import name` binds."""
        return imports.import_from(m, self.modules, module, name)

    def star(self, m: Machine, module: Any) -> dict[str, Any]:
        """Return what `from module import *` binds."""
        return imports.star(m, module)

    def missing_name(self, m: Machine, module: Module, name: str) -> Any:
        """Return what a module has under a name that is not known, or raise."""
        return imports.missing_name(m, module, name)


def _result_type(function: Any) -> Any:
    """Return the type of what a native function returns, where that is certain."""
    if function in _RESULTS:
        return _RESULTS[function]
    return (
        function if function in (str, int, float, bool, list, tuple, set, frozenset, dict, bytes, bytearray) else None
    )


_RESULTS: dict[Any, type] = {
    len: int, sorted: list, repr: str, ascii: str, format: str, hash: int, ord: int, chr: str, bin: str, hex: str,
    oct: str, any: bool, all: bool,
}  # fmt: skip


def _is_python_type(function: Any) -> bool:
    return isinstance(function, type) and (function.__module__, function.__name__) in _PYTHON_TYPES


def _is_plain_data(value: Any, depth: int = 3) -> bool:
    """Whether a value holds nothing but numbers, texts and unknowns, so that a native method just reads it."""
    kind = type(value)
    if kind in _FIXED or kind is Unknown:
        return True
    if kind in (list, tuple, set, frozenset):
        return depth > 0 and all(_is_plain_data(item, depth - 1) for item in value)
    return kind is dict and depth > 0 and all(_is_plain_data(item, depth - 1) for item in (*value, *value.values()))


def _depends_on_kind(function: Any, args: Sequence[Any]) -> bool:
    """Whether a call takes an unknown argument without a question, and gives another result for another kind of it."""
    if isinstance(function, type) and issubclass(function, OSError):
        return len(args) > 1
    if function is iter:
        return len(args) > 1
    return getattr(function, "__name__", "") in ("mod", "imod", "__mod__") and isinstance(
        args[0], str | bytes | bytearray
    )


def _is_method(function: Any) -> bool:
    return isinstance(getattr(function, "__self__", None), set | frozenset) or isinstance(function, _METHOD_TYPES)


def refuse_finalizer(cls: Class) -> None:
    """Stop where an instance would run code of the program when nobody holds it any more."""
    if cls.lookup("__del__") is not EMPTY:
        raise Stop("__del__ is not supported")


def abstract_error(cls: Class) -> TypeError:
    """Return the error for an instance of an abstract class."""
    plural = "s" if len(cls.abstract) > 1 else ""
    if VERSION >= (3, 12):
        names = ", ".join(map(repr, cls.abstract))
        text = (
            f"Can't instantiate abstract class {cls.name} without an implementation for abstract method{plural} {names}"
        )
    else:
        text = f"Can't instantiate abstract class {cls.name} with abstract method{plural} {', '.join(cls.abstract)}"
    return TypeError(text)


class Endless:
    """An iterator without end: native code that would consume all of it ends by the limit of instructions."""

    __slots__ = ("_machine", "inner")

    def __init__(self, machine: Machine, inner: Any) -> None:
        self._machine = machine
        self.inner = inner

    def __iter__(self) -> Endless:
        return self

    def __next__(self) -> Any:
        self._machine.operations += 1
        if self._machine.operations > self._machine.budget:
            raise self._machine.exhausted()
        return next(self.inner)

    def __repr__(self) -> str:
        return repr(self.inner)


_ENDLESS = (
    itertools.count, itertools.cycle, itertools.repeat, type(iter(int, 1)), itertools.product, itertools.permutations,
    itertools.combinations, itertools.combinations_with_replacement,
)  # fmt: skip
Iterators: tuple[type, ...] = (
    type(iter([])), type(iter(())), type(iter("")), type(iter("\xe9")), type(iter({})), type(iter({}.values())),
    type(iter({}.items())), type(iter(set())), type(iter(range(0))), type(reversed([])), zip, map, filter, enumerate,
    reversed, Endless, *(each for each in vars(itertools).values() if isinstance(each, type)),
)  # fmt: skip
_ORDERED = frozenset(("pop", "__iter__", "__repr__", "__str__", "__format__"))
"""Methods of sets whose outcome depends on their order."""
_OF_OBJECT = frozenset(
    f"__{name}__" for name in "class dict weakref getattribute setattr delattr reduce reduce_ex setstate dir".split()
)
"""Members that native types have and that are looked up as those of `object`, or not at all."""
_OF_CLASSES = frozenset(("__init_subclass__", "__subclasshook__", "__prepare__"))
_UNBOUND = _OF_CLASSES | {"__new__"}


class _Slotted:
    __slots__ = ()


def _slots_message() -> str:
    try:
        _Slotted().nothing = 1  # type: ignore[attr-defined]
    except AttributeError as error:
        return str(error)
    return ""


_SLOTS_MESSAGE = _slots_message()
_GENERATOR_METHODS: dict[tuple[str, str], Any] = {}


def _outcome(m: Machine, outcome: tuple[bool, Any]) -> Any:
    """Return what was yielded, or raise StopIteration with what was returned."""
    yielded, value = outcome
    if yielded:
        return value
    error = StopIteration()
    if value is not None:
        error.value = value
        error.args = (value,)
    raise Raised(error)


def _thrown(m: Machine, args: Sequence[Any]) -> BaseException:
    """Return the exception that `throw(...)` raises."""
    error = args[0]
    if type(error) is Unknown:
        raise Stop(f"an unknown is thrown: {error.reason}")
    if is_class(error) and is_subclass(error, BaseException):
        value = args[1] if len(args) > 1 else None
        if isinstance(value, BaseException):
            return value
        error = m.call(error, () if value is None else value if type(value) is tuple else (value,))
    if not isinstance(error, BaseException):
        text = f"exceptions must be classes or instances deriving from BaseException, not {class_name(error)}"
        raise Raised(TypeError(text))
    return error


def _send(m: Machine, generator: generators.Generator, args: Sequence[Any]) -> Any:
    return _outcome(m, generators.resume(m, generator, args[0]))


def _next(m: Machine, generator: generators.Generator, args: Sequence[Any]) -> Any:
    return _outcome(m, generators.resume(m, generator))


def _throw(m: Machine, generator: generators.Generator, args: Sequence[Any]) -> Any:
    error = _thrown(m, args)
    m.chain(error)
    return _outcome(m, generators.throw(m, generator, error))


def _close(m: Machine, generator: generators.Generator, args: Sequence[Any]) -> Any:
    return generators.close(m, generator)


def _itself(m: Machine, generator: generators.Generator, args: Sequence[Any]) -> Any:
    return generator


for _kind in ("generator", "coroutine"):
    _GENERATOR_METHODS[_kind, "send"] = _send
    _GENERATOR_METHODS[_kind, "throw"] = _throw
    _GENERATOR_METHODS[_kind, "close"] = _close
_GENERATOR_METHODS["generator", "__next__"] = _next
_GENERATOR_METHODS["generator", "__iter__"] = _itself
_GENERATOR_METHODS["coroutine", "__await__"] = lambda m, generator, args: generators.Awaiting(generator)
_GENERATOR_METHODS["async_generator", "__aiter__"] = _itself
_GENERATOR_METHODS["async_generator", "__anext__"] = lambda m, generator, args: generators.Step(generator, "send", None)
_GENERATOR_METHODS["async_generator", "asend"] = lambda m, generator, args: generators.Step(generator, "send", args[0])
_GENERATOR_METHODS["async_generator", "athrow"] = lambda m, generator, args: generators.Step(
    generator, "throw", _thrown(m, args)
)
_GENERATOR_METHODS["async_generator", "aclose"] = lambda m, generator, args: generators.Step(generator, "close", None)
