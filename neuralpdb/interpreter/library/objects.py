"""What `object`, `type` and the descriptors of `builtins` do: the machine's own versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.instructions.calls import super_here, super_of
from neuralpdb.interpreter.library.library import abstract_error, refuse_finalizer
from neuralpdb.interpreter.library.registry import member, own
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, class_of, is_class, is_subclass, make_class, mro_of
from neuralpdb.interpreter.objects.values import EMPTY, ClassMethod, Own, Property, StaticMethod, Unknown
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _is_objects(cls: Class, name: str) -> bool:
    value = cls.lookup(name)
    return type(value) is Own and value.name == f"object.{name}"


@member(object, "__new__")
def new_object(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `object.__new__` does."""
    if not args:
        raise Raised(TypeError("object.__new__(): not enough arguments"))
    cls = args[0]
    if cls is object and len(args) == 1:
        return object()
    if not isinstance(cls, Class):
        raise Undetermined("object.__new__ of a native type")
    if args[1:] or kwargs:
        if not _is_objects(cls, "__new__"):
            text = "object.__new__() takes exactly one argument (the type to instantiate)"
            raise Raised(TypeError(text))
        if _is_objects(cls, "__init__"):
            raise Raised(TypeError(f"{cls.name}() takes no arguments"))
    if cls.abstract:
        raise Raised(abstract_error(cls))
    refuse_finalizer(cls)
    return m.native(object.__new__, cls.shell)


@member(object, "__init__")
def init_object(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `object.__init__` does."""
    cls = class_of(args[0])
    if (args[1:] or kwargs) and isinstance(cls, Class):
        if not _is_objects(cls, "__init__"):
            text = "object.__init__() takes exactly one argument (the instance to initialize)"
            raise Raised(TypeError(text))
        if _is_objects(cls, "__new__"):
            text = f"{cls.name}.__init__() takes exactly one argument (the instance to initialize)"
            raise Raised(TypeError(text))


@member(object, "__setattr__")
def set_on_object(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `object.__setattr__` does."""
    owner, name, value = args
    cls = class_of(owner)
    if not isinstance(cls, Class) or isinstance(owner, Class):
        raise Undetermined("object.__setattr__ of another object")
    attributes.put_instance(m, owner, cls, _name(name), value)


@member(object, "__delattr__")
def delete_on_object(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `object.__delattr__` does."""
    owner, name = args
    cls = class_of(owner)
    if not isinstance(cls, Class) or isinstance(owner, Class):
        raise Undetermined("object.__delattr__ of another object")
    attributes.delete_from_instance(m, owner, cls, _name(name))


@member(object, "__getattribute__")
def get_on_object(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `object.__getattribute__` does."""
    owner, name = args
    cls = class_of(owner)
    if not isinstance(cls, Class) or isinstance(owner, Class):
        return m.library.attribute(m, owner, _name(name))
    return attributes.of_instance(m, owner, cls, _name(name))


def _name(name: Any) -> str:
    if type(name) is not str:
        raise Undetermined("an attribute whose name is no plain text")
    return name


@member(object, "__hash__")
def hash_of_object(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `object.__hash__` does."""
    return m.unknown("the hash of an object is its address", int)


@member(object, "__init_subclass__")
def init_subclass(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `object.__init_subclass__` does."""
    if kwargs:
        text = f"{args[0].qualname if args else 'object'}.__init_subclass__() takes no keyword arguments"
        raise Raised(TypeError(text))


@member(object, "__subclasshook__")
def subclass_hook(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `object.__subclasshook__` does."""
    return NotImplemented


@member(object, "__reduce__", "__reduce_ex__", "__dir__", "__sizeof__", "__getstate__")
def refuse_object(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Refuse what looks into an object."""
    raise Undetermined("a method that looks into an object")


# --- type ---------------------------------------------------------------------------------------------------------


@own(type)
def type_of(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type(...)` does."""
    if len(args) == 1:
        value = args[0]
        if type(value) is Unknown:
            return m.unknown(value.reason) if value.type is None else value.type
        cls = class_of(value)
        if isinstance(cls, type) and cls.__module__.startswith("neuralpdb"):
            raise Undetermined("the type of a library object")
        return cls
    if len(args) != 3:
        raise Raised(TypeError("type() takes 1 or 3 arguments"))
    return new_type(m, [type, *args], kwargs)


@member(type, "__new__")
def new_type(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__new__` does."""
    if len(args) != 4:
        raise Undetermined("type.__new__ with other arguments")
    meta, name, bases, names = args
    if type(name) is not str or not isinstance(bases, tuple) or not isinstance(names, dict):
        raise Undetermined("type.__new__ with other arguments")
    for base in bases:
        other = base.meta if isinstance(base, Class) else type
        if not is_subclass(meta, other):
            if not is_subclass(other, meta):
                raise Undetermined("a conflict of metaclasses")
            if meta is type:
                return m.call(other, (name, bases, names), kwargs)
            meta = other
    return make_class(m, meta, name, bases, names, kwargs)


@member(type, "__init__")
def init_type(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `type.__init__` does."""
    if len(args) != 4:
        raise Raised(TypeError("type.__init__() takes 1 or 3 arguments"))


@member(type, "__call__")
def call_type(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__call__` does."""
    cls, *rest = args
    if not isinstance(cls, Class):
        return m.call(cls, rest, kwargs)
    made = m.instantiate(None, cls, rest, dict(kwargs))
    return m.run(made) if type(made) is Activation else made


@member(type, "__prepare__")
def prepare_type(m: Machine, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """Do what `type.__prepare__` does."""
    return {}


@member(type, "__setattr__")
def set_on_type(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `type.__setattr__` does."""
    _refuse_native(args[0])
    attributes.put_class(m, args[0], _name(args[1]), args[2])


@member(type, "__delattr__")
def delete_on_type(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `type.__delattr__` does."""
    _refuse_native(args[0])
    cls, name = args
    if name not in cls.dict:
        raise Raised(AttributeError(f"type object '{cls.name}' has no attribute '{name}'", name=name, obj=cls))
    del cls.dict[name]
    cls.changed(name)


def _refuse_native(cls: Any) -> None:
    if not isinstance(cls, Class):
        raise Undetermined("a native type is changed")


@member(type, "__getattribute__")
def get_on_type(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__getattribute__` does."""
    if not isinstance(args[0], Class):
        return m.library.attribute(m, args[0], _name(args[1]))
    return attributes.of_class(m, args[0], _name(args[1]))


@member(type, "__instancecheck__")
def check_instance(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__instancecheck__` does."""
    return is_subclass(class_of(args[1]), args[0])


@member(type, "__subclasscheck__")
def check_subclass(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__subclasscheck__` does."""
    return is_subclass(args[1], args[0])


@member(type, "mro")
def mro_of_type(m: Machine, args: Args, kwargs: Kwargs) -> list[Any]:
    """Do what `type.mro` does."""
    return list(mro_of(args[0]))


@member(type, "__subclasses__")
def subclasses(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `type.__subclasses__` does, for the program's own classes."""
    if args and isinstance(args[0], Class):
        return list(args[0].subclasses)
    raise Undetermined("__subclasses__ of a native type")


@member(type, "__repr__")
def text_of_type(m: Machine, args: Args, kwargs: Kwargs) -> str:
    """Do what `type.__repr__` does."""
    return Class.__repr__(args[0]) if isinstance(args[0], Class) else repr(args[0])


@member(type, "__hash__")
def hash_of_type(m: Machine, args: Args, kwargs: Kwargs) -> int:
    """Do what `hash` of a class does."""
    return object.__hash__(args[0])


@own(isinstance)
def isinstance_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `isinstance` does."""
    value, cls = args
    return m.library.is_instance(m, value, cls)


@own(issubclass)
def issubclass_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `issubclass` does."""
    cls, base = args
    if type(base) is tuple:
        outcomes = [issubclass_(m, (cls, each), {}) for each in base]
        unknown = next((each for each in outcomes if type(each) is Unknown), None)
        return True if any(each is True for each in outcomes) else unknown if unknown is not None else False
    for each in (cls, base):
        if type(each) is Unknown:
            return m.unsure(each.reason, bool)
    if not is_class(cls):
        raise Raised(TypeError("issubclass() arg 1 must be a class"))
    if not is_class(base):
        if type(base).__name__ == "UnionType":
            return issubclass_(m, (cls, base.__args__), {})
        check = m.special(base, "__subclasscheck__")
        if check is not EMPTY:
            return m.truth(m.call(check, (cls,)))
        raise Raised(TypeError("issubclass() arg 2 must be a class, a tuple of classes, or a union"))
    if isinstance(base, Class) and isinstance(base.meta, Class):
        check = base.meta.lookup("__subclasscheck__")
        if type(check) is not Own:
            return m.truth(m.call(m.bind(check, base, base.meta), (cls,)))
    if isinstance(base, Class):
        return is_subclass(cls, base)
    return m.library.is_native_subclass(m, cls, base)


@own(super)
def super_(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `super(...)` does."""
    if not args:
        return super_here(m)
    if len(args) != 2:
        raise Undetermined("an unbound super")
    return super_of(m, args[0], args[1])


@own(property)
def property_(m: Machine, args: Args, kwargs: Kwargs) -> Property:
    """Do what `property(...)` does."""
    names = ("fget", "fset", "fdel", "doc")
    if len(args) > len(names) or not set(kwargs) <= set(names[len(args) :]):
        m.native(property, *[None] * len(args), **dict.fromkeys(kwargs))
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    return Property(*(given.get(name) for name in names))


@own(staticmethod)
def staticmethod_(m: Machine, args: Args, kwargs: Kwargs) -> StaticMethod:
    """Do what `staticmethod(...)` does."""
    return StaticMethod(m, args[0])


@own(classmethod)
def classmethod_(m: Machine, args: Args, kwargs: Kwargs) -> ClassMethod:
    """Do what `classmethod(...)` does."""
    return ClassMethod(args[0])


@own(object)
def object_(m: Machine, args: Args, kwargs: Kwargs) -> object:
    """Do what `object()` does."""
    if args or kwargs:
        raise Raised(TypeError("object() takes no arguments"))
    return object()


@member(BaseException, "with_traceback")
def with_traceback(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `with_traceback` does; tracebacks are not kept."""
    return args[0]


@member(BaseException, "__reduce__", "__setstate__")
def refuse_exception(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Refuse what looks into an exception."""
    raise Undetermined("a method that looks into an exception")


__all__ = ["Stop", "class_name"]
