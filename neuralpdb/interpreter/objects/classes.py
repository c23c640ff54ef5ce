"""Classes of the program: how they are made, and the host types that their instances are of.

An instance is an object of a *shell*: a host type that mirrors the class's bases and has, for each special method
that the class defines, a trampoline that leads back into the machine. No code of the program is in a shell; native
code that asks a value for a protocol (`len`, `sorted`, `dict`) gets the very answers, errors and order of calls of a
real run. The class itself, its namespace and its metaclass are a `Class`, which native code cannot look into.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.objects.values import (
    BINARY,
    EMPTY,
    OPAQUE,
    REAL_TYPES,
    Cell,
    ClassMethod,
    Function,
    Member,
    StaticMethod,
    Unknown,
)
from neuralpdb.interpreter.signals import Raised, Undetermined

if TYPE_CHECKING:
    from neuralpdb.interpreter.contract import MachineLike

MIRRORED = frozenset(
    f"__{name}__"
    for name in (
        *"lt le eq ne gt ge hash repr str format bytes bool len length_hint getitem setitem delitem missing".split(),
        *"iter next reversed contains call neg pos abs invert int float complex index round trunc floor ceil".split(),
        *"enter exit aiter anext await aenter aexit fspath".split(),
        *BINARY,
        *("r" + name for name in BINARY),
        *("i" + name for name in BINARY if name != "divmod"),
    )
) | {"keys"}  # `dict` and `dict.update` ask for it by its name
"""Names that native code looks up in a type."""

_VALUES = frozenset(("__bool__", "__len__", "__hash__", "__repr__", "__str__", "__format__", "__index__", "__int__"))
"""Methods whose result native code looks at."""


class Shell(type):
    """The type of shells. Calling one, which only native code can do, makes an instance as the program would."""

    __neural_class__: Class

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Lead native code that makes an instance into the machine."""
        made = cls.__neural_class__
        return made.machine.call_from_native(made, args, kwargs)


class Class:
    """A class of the program.

    mro:      itself, then its bases: other classes and host types, `object` last.
    shell:    the host type of its instances.
    meta:     its metaclass: a Class, or `type`.
    dict:     its namespace.
    has_dict: whether its instances take any attribute.
    abstract: names of methods that keep it from being instantiated.
    hides_dict: whether its namespace lacks the descriptor `__dict__` that it should have.
    """

    machine: MachineLike
    name: Any
    qualname: Any
    bases: tuple[Any, ...]
    mro: tuple[Any, ...]
    shell: Shell
    meta: Any
    has_dict: bool
    abstract: tuple[str, ...]
    hides_dict: bool
    cache: builtins.dict[str, Any]
    subclasses: list[Class]
    dict: builtins.dict[str, Any]

    def lookup(self, name: str) -> Any:
        """Return what the class or a base has under `name`, unbound; EMPTY when there is nothing."""
        cached = self.cache.get(name, self)
        if cached is not self:
            return cached
        found = EMPTY
        for base in self.mro:
            found = base.dict.get(name, EMPTY) if isinstance(base, Class) else self.machine.host_member(base, name)
            if found is not EMPTY:
                break
        self.cache[name] = found
        return found

    def changed(self, name: str) -> None:
        """Account for a new value, or none, under `name` in its namespace."""
        for cls in self.family():
            cls.cache.clear()
        if name in MIRRORED:
            if name in self.dict:
                setattr(self.shell, name, _mirrored(self.machine, name, self.dict[name]))
            elif name in vars(self.shell):
                delattr(self.shell, name)
        elif name == "__module__":
            type.__setattr__(self.shell, name, str(self.dict[name]))

    def family(self) -> list[Class]:
        """Return the class and all classes below it."""
        return [self, *(below for cls in self.subclasses for below in cls.family())]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.call_from_native(self, args, kwargs)

    def __repr__(self) -> str:
        module = self.dict.get("__module__")
        if type(module) is not str:
            raise Undetermined("text of a class without a module")
        return f"<class '{module}.{self.qualname}'>" if module != "builtins" else f"<class '{self.qualname}'>"


Class.__name__ = Class.__qualname__ = "type"
REAL_TYPES[Class] = type
OPAQUE.add(Class)


def class_of(value: Any) -> Any:
    """Return the type of `value` as the program sees it: a Class or a host type."""
    kind = type(value)
    if type(kind) is Shell:
        return kind.__neural_class__
    return REAL_TYPES.get(kind, kind)


def mro_of(cls: Any) -> tuple[Any, ...]:
    """Return a class's linearisation, as the program sees it."""
    return cls.mro if isinstance(cls, Class) else cls.__mro__


def is_class(value: Any) -> bool:
    """Whether `value` is a class: of the program or a host type."""
    return isinstance(value, Class) or (isinstance(value, type) and type(value) is not Shell)


def is_subclass(cls: Any, base: Any) -> bool:
    """Whether `base` is in the linearisation of `cls`."""
    if isinstance(cls, Class):
        return (
            any(each is base for each in cls.mro)
            if isinstance(base, Class)
            else issubclass(cls.shell, base)
            if base is not type
            else (Class in cls.shell.__mro__)
        )
    return not isinstance(base, Class) and issubclass(cls, base)


def _mirrored(machine: MachineLike, name: str, value: Any) -> Any:
    """Return the trampoline for a special method; None stays, it switches a protocol off."""
    return None if value is None else _trampoline(machine, name, name in _VALUES)


def _trampoline(machine: MachineLike, name: str, looks: bool) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = machine.special_from_native(self, name, args, kwargs)
        if looks and type(found) is Unknown:
            if name == "__hash__" and found.stand_in is not None:
                return found.stand_in
            raise Undetermined(found.reason)
        return found

    call.__name__ = name
    return call


def _host_bases(bases: Sequence[Any]) -> tuple[type, ...]:
    hosts: list[type] = []
    for base in bases:
        if isinstance(base, Class):
            hosts.append(base.shell)
        elif base is type:
            hosts.append(Class)
        else:
            hosts.append(base)
    return tuple(hosts)


def make_class(
    machine: MachineLike,
    meta: Any,
    name: str,
    bases: tuple[Any, ...],
    names: Mapping[str, Any],
    kwargs: Mapping[str, Any],
) -> Class:
    """Do what `type.__new__` does: make a class from its name, bases and namespace."""
    for base in bases:
        if type(base) is Unknown:
            raise Undetermined(base.reason)
        if not isinstance(base, Class) and base not in machine.library.bases:
            raise Undetermined(f"a class derived from {getattr(base, '__name__', base)}")
    host_meta: Any = meta.shell if isinstance(meta, Class) else Class
    made: Class = object.__new__(host_meta)
    made.machine = machine
    made.meta = meta
    made.name = name
    made.bases = bases or (object,)
    made.dict = namespace = dict(names)
    made.cache = {}
    made.subclasses = []
    made.abstract = ()
    made.hides_dict = False
    qualname = namespace.pop("__qualname__", name)
    if type(qualname) is not str:
        raise Raised(TypeError(f"type __qualname__ must be a str, not {type(qualname).__name__}"))
    made.qualname = qualname
    cells = [namespace.pop("__classcell__", None), namespace.pop("__classdictcell__", None)]
    if "__module__" not in namespace:
        namespace["__module__"] = machine.current_globals().get("__name__", EMPTY)
    if type(namespace.get("__new__")) is Function:
        namespace["__new__"] = StaticMethod(machine, namespace["__new__"])
    for special in ("__init_subclass__", "__class_getitem__"):
        if type(namespace.get(special)) is Function:
            namespace[special] = ClassMethod(namespace[special])
    _add_slots(made, bases)
    namespace.setdefault("__doc__", None)
    if "__eq__" in namespace:
        namespace.setdefault("__hash__", None)
    mirrored = {key: _mirrored(machine, key, namespace[key]) for key in namespace.keys() & MIRRORED}
    host = {**mirrored, "__module__": str(namespace["__module__"]), "__qualname__": qualname, "__slots__": ()}
    if made.has_dict or not any(type(base) is Shell or base is Class for base in _host_bases(made.bases)):
        del host["__slots__"]
    made.shell = machine.native(Shell, name, _host_bases(made.bases), host)
    type.__setattr__(made.shell, "__neural_class__", made)
    _show_dict(made)
    made.mro = tuple(_user_class(host_class) for host_class in made.shell.__mro__)
    for base in made.bases:
        if isinstance(base, Class):
            base.subclasses.append(made)
    if type(cells[0]) is Cell:
        cells[0].value = made
    if type(cells[1]) is Cell:
        cells[1].value = namespace
    for key, value in list(namespace.items()):
        _set_name(machine, made, key, value)
    hook = machine.super_lookup(made, made, "__init_subclass__")
    machine.call(machine.bind(hook, None, made), (), kwargs)
    return made


def _user_class(host: type) -> Any:
    if type(host) is Shell:
        return host.__neural_class__
    return type if host is Class else host


def _set_name(machine: MachineLike, made: Class, key: str, value: Any) -> None:
    kind = type(value)
    if type(kind) is Shell:
        hook = kind.__neural_class__.lookup("__set_name__")
        if hook is not EMPTY:
            machine.call(machine.bind(hook, value, kind.__neural_class__), (made, key))
    elif hasattr(value, "set_name"):
        value.set_name(made, key)


def _add_slots(made: Class, bases: Sequence[Any]) -> None:
    """Make descriptors of the names in `__slots__`."""
    names = made.dict.get("__slots__", EMPTY)
    inherited = any(_gives_dict(base) for base in bases)
    made.has_dict = names is EMPTY or inherited
    if names is EMPTY:
        return
    slots = (names,) if type(names) is str else tuple(names)
    for slot in slots:
        if slot == "__dict__":
            made.has_dict = True
        elif slot == "__weakref__":
            continue
        elif type(slot) is not str or slot in made.dict or not slot.isidentifier():
            raise Undetermined("__slots__ with such names")
        else:
            key = slot if not slot.startswith("__") or slot.endswith("__") else f"_{str(made.name).lstrip('_')}{slot}"
            made.dict[key] = Member(key, made)


def _show_dict(made: Class) -> None:
    """Put the descriptors `__dict__` and `__weakref__` where a class that is the first to have them has them."""
    if not made.has_dict or any(_gives_dict(base) for base in made.bases):
        return
    if "__dict__" not in vars(made.shell):
        made.hides_dict = True
        return
    last = {key: made.dict.pop(key) for key in ("__doc__", "__hash__") if made.dict.get(key, made) is None}
    for name in ("__dict__", "__weakref__"):
        if name in vars(made.shell):
            made.dict.setdefault(name, vars(made.shell)[name])
    made.dict.update(last)


def _gives_dict(base: Any) -> bool:
    if isinstance(base, Class):
        return base.has_dict
    return bool(issubclass(base, BaseException)) or base is type
