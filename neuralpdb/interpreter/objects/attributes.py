"""Attributes: how they are looked up, bound, set and deleted, for every kind of value that the program can hold."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.objects import generators
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of, mro_of
from neuralpdb.interpreter.objects.values import (
    EMPTY,
    Cell,
    ClassMethod,
    Function,
    Member,
    Method,
    Module,
    Own,
    Property,
    StaticMethod,
    Super,
    Unknown,
)
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.interpreter.texts import SIGNATURE

if TYPE_CHECKING:
    from neuralpdb.interpreter.contract import MachineLike

HOST_METHODS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.FunctionType)
HOST_DATA = (types.GetSetDescriptorType, types.MemberDescriptorType, property)


def get(machine: MachineLike, owner: Any, name: str) -> Any:
    """Return an attribute of any value. Raises the program's AttributeError, or Undetermined."""
    kind = type(owner)
    if type(kind) is Shell and not isinstance(owner, Class):
        return _of_instance(machine, owner, kind.__neural_class__, name)
    getter = _GETTERS.get(kind)
    if getter is not None:
        return getter(machine, owner, name)
    if isinstance(owner, Class):
        return _of_class(machine, owner, name)
    return machine.library.attribute(machine, owner, name)


def _told(text: Any) -> Any:
    """Return a text that is an attribute of a class. Raises Undetermined for one that is not told."""
    if type(text) is str and text.endswith(SIGNATURE):
        raise Undetermined("the signature of a dataclass")
    return text


# --- binding ------------------------------------------------------------------------------------------------------


def bind(machine: MachineLike, value: Any, owner: Any, cls: Any) -> Any:
    """Return what an attribute of a class becomes at an instance; owner None: at the class itself."""
    kind = type(value)
    if kind is str:
        return _told(value)
    if kind is Function:
        return value if owner is None else Method(machine, value, owner)
    if kind is Own:
        return Method(machine, value, owner) if value.binds and owner is not None else value
    if kind is Property:
        if owner is None:
            return value
        if value.get is None:
            raise Raised(AttributeError(f"property{_named(value)} of '{cls.qualname}' object has no getter"))
        return machine.call(value.get, (owner,))
    if kind is StaticMethod:
        return value.function
    if kind is ClassMethod:
        inner = value.function
        if type(inner) in (Property, StaticMethod, ClassMethod) or type(type(inner)) is Shell:
            raise Undetermined("a class method of a descriptor")
        return Method(machine, inner, cls)
    if kind is Member:
        return _of_slot(value, owner)
    if type(kind) is Shell:
        getter = kind.__neural_class__.lookup("__get__")
        if getter is EMPTY or isinstance(value, Class):
            return value
        return machine.call(bind(machine, getter, value, kind.__neural_class__), (owner, cls))
    if kind in HOST_METHODS:
        return value if owner is None else value.__get__(owner, type(owner))
    if kind in HOST_DATA:
        return value if owner is None else machine.native(value.__get__, owner, type(owner))
    if kind is types.ClassMethodDescriptorType or kind is classmethod:
        return value.__get__(None, cls.shell if isinstance(cls, Class) else cls)
    if kind is staticmethod:
        return value.__func__
    binder = getattr(kind, "bind_to", None)
    if binder is not None:
        return binder(value, machine, owner, cls)
    return value


def _named(value: Property) -> str:
    return f" {value.name!r}" if value.name is not None else ""


def _of_slot(value: Member, owner: Any) -> Any:
    if owner is None:
        return value
    found = owner.__dict__.get(value.key, EMPTY)
    if found is EMPTY:
        raise Raised(missing(owner, value.name))
    return found


def is_data(value: Any) -> bool:
    """Whether an attribute of a class goes before one of the instance with its name."""
    kind = type(value)
    if kind is Property or kind is Member or kind in HOST_DATA or hasattr(kind, "refusal"):
        return True
    if type(kind) is Shell and not isinstance(value, Class):
        cls = kind.__neural_class__
        return cls.lookup("__set__") is not EMPTY or cls.lookup("__delete__") is not EMPTY
    return False


def missing(owner: Any, name: str) -> AttributeError:
    """Return the error for an attribute that an instance does not have."""
    cls = class_of(owner)
    shown = cls.name if isinstance(cls, Class) else cls.__name__
    return AttributeError(f"'{shown}' object has no attribute '{name}'", name=name, obj=owner)


# --- instances ----------------------------------------------------------------------------------------------------


def _of_instance(machine: MachineLike, owner: Any, cls: Class, name: str) -> Any:
    reader = cls.lookup("__getattribute__")
    hook = cls.lookup("__getattr__")
    try:
        if type(reader) is Own:
            return of_instance(machine, owner, cls, name, None if hook is EMPTY else EMPTY)
        return machine.call(bind(machine, reader, owner, cls), (name,))
    except Raised as error:
        if hook is EMPTY or not isinstance(error.value, AttributeError):
            raise
    return machine.call(bind(machine, hook, owner, cls), (name,))


def of_instance(machine: MachineLike, owner: Any, cls: Class, name: str, fallback: Any = None) -> Any:
    """Do what `object.__getattribute__` does."""
    if name == "__traceback__" and isinstance(owner, BaseException):
        return machine.unknown("a traceback", types.TracebackType)
    found = cls.lookup(name)
    if found is not EMPTY and is_data(found):
        if name == "__dict__":
            return _namespace(machine, owner, cls)
        return bind(machine, found, owner, cls)
    own = owner.__dict__ if hasattr(owner, "__dict__") else {}
    if name in own:
        return own[name]
    if found is not EMPTY:
        return bind(machine, found, owner, cls)
    if name == "__class__":
        return cls
    if name == "__dict__":
        return _namespace(machine, owner, cls)
    if name == "__weakref__":
        raise Undetermined("__weakref__")
    raise Raised(missing(owner, name))


def _namespace(machine: MachineLike, owner: Any, cls: Class) -> Any:
    if isinstance(owner, BaseException):
        raise Undetermined("__dict__ of an exception")
    if not cls.has_dict:
        raise Raised(missing(owner, "__dict__"))
    if any(type(value) is Member for base in cls.mro if isinstance(base, Class) for value in base.dict.values()):
        raise Undetermined("__dict__ beside __slots__")
    return owner.__dict__


# --- classes ------------------------------------------------------------------------------------------------------


def _of_class(machine: MachineLike, cls: Class, name: str) -> Any:
    meta = cls.meta
    if meta is type:
        return of_class(machine, cls, name)
    reader = meta.lookup("__getattribute__")
    if type(reader) is not Own:
        raise Undetermined("__getattribute__ of a metaclass")
    try:
        return of_class(machine, cls, name)
    except Raised as error:
        hook = meta.lookup("__getattr__")
        if hook is EMPTY or not isinstance(error.value, AttributeError):
            raise
    return machine.call(bind(machine, hook, cls, meta), (name,))


def of_class(machine: MachineLike, cls: Class, name: str) -> Any:
    """Do what `type.__getattribute__` does."""
    meta = cls.meta
    in_meta = meta.lookup(name) if isinstance(meta, Class) else EMPTY
    if in_meta is not EMPTY and is_data(in_meta) and type(in_meta) not in HOST_DATA:
        return bind(machine, in_meta, cls, meta)
    if name in _CLASS_DATA:
        return _CLASS_DATA[name](machine, cls)
    found = cls.lookup(name)
    if found is not EMPTY:
        return bind(machine, found, None, cls)
    if in_meta is not EMPTY:
        return bind(machine, in_meta, cls, meta)
    if name == "mro":
        return Own("mro", lambda m, args, kwargs: list(cls.mro))
    if name in _TYPE_ONLY:
        raise Undetermined(f"{name} of a class")
    raise Raised(AttributeError(f"type object '{cls.name}' has no attribute '{name}'", name=name, obj=cls))


def _annotations(machine: MachineLike, cls: Class) -> Any:
    return cls.dict.setdefault("__annotations__", {})


def _base(machine: MachineLike, cls: Class) -> Any:
    host = cls.shell.__base__
    assert host is not None
    return host.__neural_class__ if type(host) is Shell else type if host is Class else host


def _class_dict(machine: MachineLike, cls: Class) -> Any:
    if cls.hides_dict and machine.is_own():
        raise Undetermined("the namespace of a class")
    return types.MappingProxyType(cls.dict)


_CLASS_DATA: dict[str, Callable[[MachineLike, Class], Any]] = {
    "__name__": lambda machine, cls: cls.name,
    "__qualname__": lambda machine, cls: cls.qualname,
    "__mro__": lambda machine, cls: cls.mro,
    "__bases__": lambda machine, cls: cls.bases,
    "__base__": _base,
    "__class__": lambda machine, cls: cls.meta,
    "__dict__": _class_dict,
    "__doc__": lambda machine, cls: _told(cls.dict.get("__doc__")),
    "__module__": lambda machine, cls: cls.dict["__module__"],
    "__annotations__": _annotations,
    "__abstractmethods__": lambda machine, cls: _abstract_methods(cls),
}
_TYPE_ONLY = frozenset(name for name in vars(type) if name not in ("mro", "__abstractmethods__"))


def _abstract_methods(cls: Class) -> Any:
    if "__abstractmethods__" not in cls.dict:
        raise Raised(AttributeError("__abstractmethods__"))
    return cls.dict["__abstractmethods__"]


def super_lookup(machine: MachineLike, start: Any, cls: Any, name: str) -> Any:
    """Return what a class has under `name` behind `start` in its linearisation; EMPTY when there is nothing."""
    mro = mro_of(cls)
    place = next(n for n, base in enumerate(mro) if base is start)
    for base in mro[place + 1 :]:
        found = base.dict.get(name, EMPTY) if isinstance(base, Class) else machine.host_member(base, name)
        if found is not EMPTY:
            return found
    return EMPTY


def _of_super(machine: MachineLike, value: Super, name: str) -> Any:
    if name != "__class__":
        found = super_lookup(machine, value.start, value.cls, name)
        if found is not EMPTY:
            at_class = isinstance(value.owner, Class) and value.owner is value.cls
            return bind(machine, found, None if at_class else value.owner, value.cls)
    if name.startswith("__") and name.endswith("__"):
        raise Undetermined(f"super().{name}")
    raise Raised(AttributeError(f"'super' object has no attribute '{name}'", name=name, obj=value))


# --- other values of ours -----------------------------------------------------------------------------------------


def _of_unknown(machine: MachineLike, value: Unknown, name: str) -> Any:
    found = machine.library.of_unknown(machine, value, name)
    return machine.unsure(value.reason, sources=value.sources) if found is EMPTY else found


def _of_function(machine: MachineLike, function: Function, name: str) -> Any:
    if name in function.dict:
        return function.dict[name]
    if name in _FUNCTION_DATA:
        return _FUNCTION_DATA[name](function)
    if name == "__get__":
        return Own("__get__", lambda m, args, kwargs: bind(m, function, args[0], args[1] if args[1:] else None))
    if name == "__call__":
        return function
    if hasattr(types.FunctionType, name):
        raise Undetermined(f"{name} of a function")
    raise Raised(AttributeError(f"'function' object has no attribute '{name}'", name=name, obj=function))


def _hints(function: Function) -> Any:
    if type(function.annotations) is tuple:
        flat = function.annotations
        function.annotations = dict(zip(flat[::2], flat[1::2], strict=True))
    return function.annotations


_FUNCTION_DATA: dict[str, Callable[[Function], Any]] = {
    "__name__": lambda function: function.name,
    "__qualname__": lambda function: function.qualname,
    "__doc__": lambda function: function.doc,
    "__module__": lambda function: function.module,
    "__defaults__": lambda function: function.defaults,
    "__kwdefaults__": lambda function: function.kwdefaults,
    "__dict__": lambda function: function.dict,
    "__class__": lambda function: types.FunctionType,
    "__annotations__": _hints,
    "__closure__": lambda function: function.closure or None,
    "__type_params__": lambda function: function.type_params,
}
_FUNCTION_FIELDS = {
    "__name__": "name",
    "__qualname__": "qualname",
    "__doc__": "doc",
    "__module__": "module",
    "__defaults__": "defaults",
    "__kwdefaults__": "kwdefaults",
    "__annotations__": "annotations",
    "__type_params__": "type_params",
}


def _of_method(machine: MachineLike, method: Method, name: str) -> Any:
    if name == "__self__":
        return method.owner
    if name == "__func__":
        return method.function
    if name == "__class__":
        return types.MethodType
    if name == "__call__":
        return method
    if name in ("__get__", "__reduce__"):
        raise Undetermined(f"{name} of a method")
    if type(method.function) is Own and name not in ("__name__",):
        raise Undetermined(f"{name} of a method")
    return get(machine, method.function, name)


def _of_own(machine: MachineLike, value: Own, name: str) -> Any:
    if name in ("__name__", "__qualname__"):
        return value.name.rpartition(".")[2]
    raise Undetermined(f"{name} of {value.name}")


def _of_property(machine: MachineLike, value: Property, name: str) -> Any:
    if name in ("getter", "setter", "deleter"):

        def replaced(m: MachineLike, args: Any, kwargs: Any) -> Property:
            parts = {"getter": value.get, "setter": value.set, "deleter": value.delete, name: args[0]}
            made = Property(parts["getter"], parts["setter"], parts["deleter"], value.doc)
            made.name = value.name
            return made

        return Own(name, replaced)
    if name in ("fget", "fset", "fdel"):
        return {"fget": value.get, "fset": value.set, "fdel": value.delete}[name]
    if name == "__isabstractmethod__":
        return any(is_abstract(machine, part) for part in (value.get, value.set, value.delete) if part is not None)
    if name == "__doc__":
        return value.doc if value.doc is not None or value.get is None else get(machine, value.get, "__doc__")
    if name == "__class__":
        return property
    if name == "__get__":
        return Own("__get__", lambda m, args, kwargs: bind(m, value, args[0], class_of(args[0])))
    raise _no_attribute(value, name)


def is_abstract(machine: MachineLike, value: Any) -> bool:
    """Whether `value` has a true `__isabstractmethod__`."""
    kind = type(value)
    if kind is Function:
        return bool(value.dict.get("__isabstractmethod__", False))
    if kind in (StaticMethod, ClassMethod):
        return is_abstract(machine, value.function)
    if kind is Property:
        return any(is_abstract(machine, part) for part in (value.get, value.set, value.delete))
    if type(kind) is Shell and not isinstance(value, Class):
        try:
            return machine.truth(get(machine, value, "__isabstractmethod__"))
        except Raised:
            return False
    return False


def _of_wrapped(machine: MachineLike, value: Any, name: str) -> Any:
    if name in ("__func__", "__wrapped__"):
        return value.function
    if name == "__isabstractmethod__":
        return is_abstract(machine, value.function)
    if name in ("__name__", "__qualname__", "__doc__", "__module__"):
        return get(machine, value.function, name)
    if name == "__get__":

        def bound(m: MachineLike, args: Any, kwargs: Any) -> Any:
            return bind(m, value, args[0], args[1] if args[1:] else class_of(args[0]))

        return Own("__get__", bound)
    if name in value.dict:
        return value.dict[name]
    raise _no_attribute(value, name)


def _no_attribute(value: Any, name: str) -> BaseException:
    """Return what to raise for an attribute of a value of ours that is not supported, or that it does not have."""
    real = class_of(value)
    if hasattr(real, name):
        return Undetermined(f"{name} of a {real.__name__}")
    return Raised(missing(value, name))


def _of_cell(machine: MachineLike, value: Cell, name: str) -> Any:
    if name == "cell_contents":
        if value.value is EMPTY:
            raise Raised(ValueError("Cell is empty"))
        return value.value
    raise _no_attribute(value, name)


def _of_member(machine: MachineLike, value: Member, name: str) -> Any:
    if name == "__get__":
        return Own("__get__", lambda m, args, kwargs: _of_slot(value, args[0]))
    if name == "__set__":
        return Own("__set__", lambda m, args, kwargs: args[0].__dict__.__setitem__(value.key, args[1]))
    if name == "__name__":
        return value.name
    raise _no_attribute(value, name)


def _of_module(machine: MachineLike, module: Module, name: str) -> Any:
    if name == "__dict__":
        if module.elsewhere and machine.is_own():
            raise Undetermined("__dict__ of a module of the library")
        return module.names
    found = module.get(name)
    if found is not EMPTY:
        return found
    return machine.library.missing_name(machine, module, name)


def _of_generator(machine: MachineLike, value: generators.Generator, name: str) -> Any:
    if name in ("__name__", "__qualname__"):
        return value.name if name == "__name__" else value.qualname
    if name == "__class__":
        return class_of(value)
    method = machine.library.generator_method(value, name)
    if method is not None:
        return method
    if not hasattr(class_of(value), name):
        raise Raised(missing(value, name))
    raise Undetermined(f"{name} of a {value.kind}")


_GETTERS: dict[type, Callable[[Any, Any, str], Any]] = {
    Unknown: _of_unknown,
    Class: _of_class,
    Function: _of_function,
    Method: _of_method,
    Own: _of_own,
    Property: _of_property,
    StaticMethod: _of_wrapped,
    ClassMethod: _of_wrapped,
    Cell: _of_cell,
    Member: _of_member,
    Super: _of_super,
    Module: _of_module,
    generators.Iterating: _of_generator,
    generators.Coroutine: _of_generator,
    generators.AsyncGenerator: _of_generator,
}


# --- setting and deleting -----------------------------------------------------------------------------------------


def put(machine: MachineLike, owner: Any, name: str, value: Any) -> None:
    """Set an attribute of any value."""
    kind = type(owner)
    if type(kind) is Shell and not isinstance(owner, Class):
        cls = kind.__neural_class__
        writer = cls.lookup("__setattr__")
        if type(writer) is Own:
            put_instance(machine, owner, cls, name, value)
        else:
            machine.call(bind(machine, writer, owner, cls), (name, value))
    elif isinstance(owner, Class):
        writer = owner.meta.lookup("__setattr__") if isinstance(owner.meta, Class) else None
        if writer is not None and type(writer) is not Own:
            machine.call(bind(machine, writer, owner, owner.meta), (name, value))
        else:
            put_class(machine, owner, name, value)
    elif kind is Function:
        if name in _FUNCTION_FIELDS:
            setattr(owner, _FUNCTION_FIELDS[name], value)
        elif name.startswith("__") and hasattr(types.FunctionType, name):
            raise Stop(f"{name} of a function is set")
        else:
            owner.dict[name] = value
    elif kind is Module:
        if owner.name == "builtins" or name == "__dict__":
            raise Stop(f"{name} of the module {owner.name} is set")
        owner.names[name] = value
    elif kind is Unknown:
        machine.hand_over(owner.reason, (owner, value))
        machine.unsure(owner.reason)
    elif kind is Cell and name == "cell_contents":
        owner.value = value
    elif kind is StaticMethod or kind is ClassMethod:
        owner.dict[name] = value
    elif kind is Method:
        raise Raised(AttributeError(f"'method' object has no attribute '{name}'", name=name, obj=owner))
    elif hasattr(kind, "put_attribute"):
        owner.put_attribute(name, value)
    else:
        machine.library.put_attribute(machine, owner, name, value)


def put_instance(machine: MachineLike, owner: Any, cls: Class, name: str, value: Any) -> None:
    """Do what `object.__setattr__` does."""
    if name == "__traceback__" and isinstance(owner, BaseException):
        return
    found = cls.lookup(name)
    kind = type(found)
    if kind is Property:
        if found.set is None:
            shown = f" {found.name!r}" if found.name is not None else ""
            raise Raised(AttributeError(f"property{shown} of '{cls.qualname}' object has no setter"))
        machine.call(found.set, (owner, value))
        return
    if kind is Member:
        owner.__dict__[found.key] = value
        return
    if type(kind) is Shell and not isinstance(found, Class):
        descriptor = kind.__neural_class__
        writer = descriptor.lookup("__set__")
        if writer is not EMPTY:
            machine.call(bind(machine, writer, found, descriptor), (owner, value))
            return
        if descriptor.lookup("__delete__") is not EMPTY:
            raise Raised(AttributeError("__set__"))
    if hasattr(kind, "refusal"):
        raise Raised(AttributeError(kind.refusal))
    if kind in HOST_DATA:
        if type(value) is Unknown or not machine.library.may_set(found):
            raise Stop(f"{name} is set")
        machine.native(found.__set__, owner, value)
        return
    if name == "__class__":
        _put_type(machine, owner, value)
        return
    if name == "__dict__":
        raise Stop("__dict__ is set")
    if not cls.has_dict:
        if found is not EMPTY:
            raise Raised(AttributeError(f"'{cls.name}' object attribute '{name}' is read-only", name=name, obj=owner))
        raise Raised(machine.library.no_dict(owner, cls, name))
    owner.__dict__[name] = value


def _put_type(machine: MachineLike, owner: Any, value: Any) -> None:
    if not isinstance(value, Class):
        raise Stop("__class__ is set")
    machine.native(object.__setattr__, owner, "__class__", value.shell)


def put_class(machine: MachineLike, cls: Class, name: str, value: Any) -> None:
    """Do what `type.__setattr__` does."""
    if name in ("__bases__", "__mro__", "__dict__", "__class__", "__base__", "__slots__"):
        raise Stop(f"{name} of a class is set")
    if name in ("__name__", "__qualname__"):
        if type(value) is not str:
            raise Stop(f"{name} of a class is set")
        setattr(cls, name.strip("_"), value)
        type.__setattr__(cls.shell, name, value)
        return
    if isinstance(cls.meta, Class):
        found = cls.meta.lookup(name)
        if found is not EMPTY and is_data(found) and type(found) not in HOST_DATA:
            raise Stop("a descriptor of a metaclass is set")
    if name == "__abstractmethods__":
        cls.abstract = tuple(sorted(value))
    cls.dict[name] = value
    cls.changed(name)


def delete(machine: MachineLike, owner: Any, name: str) -> None:
    """Delete an attribute of any value."""
    kind = type(owner)
    if type(kind) is Shell and not isinstance(owner, Class):
        cls = kind.__neural_class__
        deleter = cls.lookup("__delattr__")
        if type(deleter) is Own:
            delete_from_instance(machine, owner, cls, name)
        else:
            machine.call(bind(machine, deleter, owner, cls), (name,))
    elif isinstance(owner, Class):
        if name not in owner.dict:
            text = f"type object '{owner.name}' has no attribute '{name}'"
            raise Raised(AttributeError(text, name=name, obj=owner))
        del owner.dict[name]
        owner.changed(name)
    elif kind is Function and name in owner.dict:
        del owner.dict[name]
    elif kind is Module and name in owner.names and owner.name != "builtins":
        del owner.names[name]
    elif kind is Unknown:
        machine.hand_over(owner.reason, (owner,))
        machine.unsure(owner.reason)
    else:
        raise Undetermined(f"{name} of a {kind.__name__} is deleted")


def delete_from_instance(machine: MachineLike, owner: Any, cls: Class, name: str) -> None:
    """Do what `object.__delattr__` does."""
    found = cls.lookup(name)
    kind = type(found)
    if kind is Property:
        if found.delete is None:
            raise Raised(AttributeError(f"property{_named(found)} of '{cls.qualname}' object has no deleter"))
        machine.call(found.delete, (owner,))
        return
    if kind is Member:
        if owner.__dict__.pop(found.key, EMPTY) is EMPTY:
            raise Raised(AttributeError(name, name=name, obj=owner))
        return
    if type(kind) is Shell and not isinstance(found, Class):
        descriptor = kind.__neural_class__
        deleter = descriptor.lookup("__delete__")
        if deleter is not EMPTY:
            machine.call(bind(machine, deleter, found, descriptor), (owner,))
            return
        if descriptor.lookup("__set__") is not EMPTY:
            raise Raised(AttributeError("__delete__"))
    if kind in HOST_DATA or name in ("__dict__", "__class__"):
        raise Stop(f"{name} is deleted")
    own = owner.__dict__ if hasattr(owner, "__dict__") else {}
    if name not in own:
        raise Raised(missing(owner, name))
    del own[name]
