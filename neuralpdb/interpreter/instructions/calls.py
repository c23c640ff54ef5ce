"""Instructions that call, make functions and classes, look up attributes and import."""

from __future__ import annotations

from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.instructions.register import instruction
from neuralpdb.interpreter.machine import Machine, class_name, function_text
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of, is_subclass
from neuralpdb.interpreter.objects.values import EMPTY, Function, Own, Super, Unknown
from neuralpdb.interpreter.operators import check_iteration, sources_of
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

_FUNCTION_PARTS = {1: "defaults", 2: "kwdefaults", 4: "annotations", 8: "closure"}


@instruction("KW_NAMES")
def kw_names(m: Machine, f: Activation, names: tuple[str, ...]) -> None:
    """Run KW_NAMES."""
    f.kwnames = names


@instruction("CALL")
def call(m: Machine, f: Activation, count: int) -> Activation | None:
    """Run CALL."""
    stack = f.stack
    args: list[Any] = []
    if count:
        args = stack[-count:]
        del stack[-count:]
    kwargs = {}
    if f.kwnames:
        n = len(f.kwnames)
        kwargs = dict(zip(f.kwnames, args[-n:], strict=True))
        del args[-n:]
        f.kwnames = ()
    function = stack.pop()
    if stack[-1] is EMPTY:
        stack.pop()
    else:  # a method and its first argument
        args.insert(0, function)
        function = stack.pop()
    return _go(f, m.invoke(f, function, args, kwargs))


def _go(f: Activation, outcome: object) -> Activation | None:
    if isinstance(outcome, Activation):
        return outcome
    f.stack.append(outcome)
    return None


def call_with_null_above(m: Machine, f: Activation, count: int, names: tuple[str, ...] = ()) -> Activation | None:
    """Do CALL as from 3.13 on, where NULL or the first argument is above the callable."""
    stack = f.stack
    args: list[Any] = []
    if count:
        args = stack[-count:]
        del stack[-count:]
    kwargs = {}
    if names:
        kwargs = dict(zip(names, args[-len(names) :], strict=True))
        del args[-len(names) :]
    first = stack.pop()
    if first is not EMPTY:
        args.insert(0, first)
    return _go(f, m.invoke(f, stack.pop(), args, kwargs))


@instruction("CALL_KW")
def call_kw(m: Machine, f: Activation, count: int) -> Activation | None:
    """Run CALL_KW."""
    return call_with_null_above(m, f, count, f.stack.pop())


@instruction("CALL_FUNCTION_EX")
def call_function_ex(m: Machine, f: Activation, flags: int) -> Activation | None:
    """Run CALL_FUNCTION_EX."""
    stack = f.stack
    kwargs = stack.pop() if flags & 1 else {}
    args = stack.pop()
    function = stack.pop()
    if stack and stack[-1] is EMPTY:
        stack.pop()
    unknown = next((each for each in (args, kwargs) if type(each) is Unknown), None)
    if unknown is not None:
        f.stack.append(_with_unknown_arguments(m, function, args, kwargs, unknown.reason))
        return None
    if type(args) is not tuple:
        check_iteration(m, args)
        if not hasattr(type(args), "__iter__") and not hasattr(type(args), "__getitem__"):
            text = f"{function_text(function)} argument after * must be an iterable, not {class_name(args)}"
            raise Raised(TypeError(text))
        args = m.native(tuple, args)
    if any(type(key) is not str for key in kwargs):
        if type(function) is not Function:
            raise Undetermined("keywords that are no texts")  # some native functions accept them
        raise Raised(TypeError("keywords must be strings"))
    return _go(f, m.invoke(f, function, list(args), dict(kwargs)))


def _with_unknown_arguments(m: Machine, function: Any, args: Any, kwargs: Any, reason: str) -> Any:
    """Return what a call with an unknown number of arguments gives. Raises Stop for the program's own functions."""
    if function is print:
        m.unsure(reason)
        return None
    if type(function) is not Unknown and not m.library.only_reads(function):
        raise Stop(f"a call with arguments that are not known: {reason}")
    m.hand_over(reason, [each for each in (function, args, kwargs) if type(each) is Unknown])
    m.hand_over(reason, *(each for each in (args, kwargs) if type(each) is not Unknown))
    return m.unsure(reason)


def call_function_ex_with_null_above(m: Machine, f: Activation, flags: int) -> Activation | None:
    """Do CALL_FUNCTION_EX as in 3.13, where NULL is above the callable."""
    stack = f.stack
    at = -4 if flags & 1 else -3
    stack[at], stack[at + 1] = stack[at + 1], stack[at]
    outcome: Activation | None = call_function_ex(m, f, flags)
    return outcome


@instruction("MAKE_FUNCTION")
def make_function(m: Machine, f: Activation, flags: int) -> None:
    """Run MAKE_FUNCTION."""
    stack = f.stack
    raw = stack.pop()
    new = Function(m, m.code(raw, f.code.own), f.globals)
    for flag in (8, 4, 2, 1):
        if flags & flag:
            setattr(new, _FUNCTION_PARTS[flag], stack.pop())
    stack.append(new)


@instruction("SET_FUNCTION_ATTRIBUTE")
def set_function_attribute(m: Machine, f: Activation, flag: int) -> None:
    """Run SET_FUNCTION_ATTRIBUTE."""
    function = f.stack.pop()
    setattr(function, _FUNCTION_PARTS[flag], f.stack.pop())
    f.stack.append(function)


# --- attributes ---------------------------------------------------------------------------------------------------


@instruction("LOAD_METHOD")
def load_method(m: Machine, f: Activation, name: str) -> None:
    """Run LOAD_METHOD."""
    owner = f.stack.pop()
    f.stack += EMPTY, _attribute(m, owner, name)


def _attribute(m: Machine, owner: Any, name: str) -> Any:
    entries = m.entries
    try:
        return attributes.get(m, owner, name)
    except Undetermined as error:
        if m.entries != entries or name in ("__class__", "__dict__"):
            raise
        return m.unsure(error.reason, sources=sources_of(m, owner))


@instruction("LOAD_ATTR")
def load_attr(m: Machine, f: Activation, name: str) -> None:
    """Run LOAD_ATTR."""
    f.stack[-1] = _attribute(m, f.stack[-1], name)


def load_attr_or_method(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Do LOAD_ATTR as in 3.12, where it stands for LOAD_METHOD, too."""
    name, method = arg
    value = _attribute(m, f.stack.pop(), name)
    if method:
        f.stack += EMPTY, value
    else:
        f.stack.append(value)


def load_attr_or_method_with_null_above(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Do LOAD_ATTR as from 3.13 on, with NULL above the callable."""
    name, method = arg
    value = _attribute(m, f.stack.pop(), name)
    if method:
        f.stack += value, EMPTY
    else:
        f.stack.append(value)


def _super_attribute(m: Machine, f: Activation, name: str) -> Any:
    owner = f.stack.pop()
    cls = f.stack.pop()
    function = f.stack.pop()
    if function is super:
        return _attribute(m, super_of(m, cls, owner), name)
    value = m.call(function, (cls, owner))
    return _attribute(m, value, name)


@instruction("LOAD_SUPER_ATTR")
def load_super_attr(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Run LOAD_SUPER_ATTR."""
    name, flags = arg
    if not flags & 2 and f.stack[-3] is not super:
        f.stack[-3] = Own("super", lambda machine, args, kwargs: machine.call(f.stack[-3], ()))
    value = _super_attribute(m, f, name)
    if flags & 1:
        f.stack += EMPTY, value
    else:
        f.stack.append(value)


def load_super_attr_with_null_above(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Do LOAD_SUPER_ATTR as from 3.13 on, with NULL above the callable."""
    value = _super_attribute(m, f, arg[0])
    if arg[1] & 1:
        f.stack += value, EMPTY
    else:
        f.stack.append(value)


def super_of(m: Machine, start: Any, owner: Any) -> Super:
    """Do what `super(start, owner)` does."""
    if type(start) is Unknown or type(owner) is Unknown:
        raise Stop("super of an unknown")
    if not isinstance(start, Class):
        raise Undetermined("super of a class that is not the program's")
    if isinstance(owner, Class) and is_subclass(owner, start):
        return Super(start, owner, owner)
    cls = class_of(owner)
    if not is_subclass(cls, start):
        raise Raised(TypeError("super(type, obj): obj must be an instance or subtype of type"))
    return Super(start, owner, cls)


def super_here(m: Machine) -> Super:
    """Do what `super()` does in the innermost activation."""
    f = m.current
    if f is None or not f.code.raw.co_argcount:
        raise Raised(RuntimeError("super(): no arguments"))
    owner = f.fast[0]
    if hasattr(owner, "value") and type(owner).__name__ == "cell":
        owner = owner.value
    for name, value in zip(f.code.slots, f.fast, strict=True):
        if name == "__class__":
            if value.value is EMPTY:
                raise Raised(RuntimeError("super(): empty __class__ cell"))
            return super_of(m, value.value, owner)
    raise Raised(RuntimeError("super(): __class__ cell not found"))


@instruction("STORE_ATTR")
def store_attr(m: Machine, f: Activation, name: str) -> None:
    """Run STORE_ATTR."""
    owner = f.stack.pop()
    value = f.stack.pop()
    attributes.put(m, owner, name, value)


@instruction("DELETE_ATTR")
def delete_attr(m: Machine, f: Activation, name: str) -> None:
    """Run DELETE_ATTR."""
    attributes.delete(m, f.stack.pop(), name)


# --- classes ------------------------------------------------------------------------------------------------------


@instruction("LOAD_BUILD_CLASS")
def load_build_class(m: Machine, f: Activation, arg: Any) -> None:
    """Run LOAD_BUILD_CLASS."""
    f.stack.append(_BUILD_CLASS)


def build_class(m: Machine, args: Any, kwargs: Any) -> Any:
    """Do what a `class` statement does."""
    function, name, *given = args
    kwargs = dict(kwargs)
    bases = _resolved_bases(m, given)
    meta = kwargs.pop("metaclass", None)
    if type(meta) is Unknown:
        raise Undetermined(meta.reason)
    meta = _metaclass(type if meta is None else meta, bases) if meta is None or _is_type(meta) else meta
    prepare = meta.lookup("__prepare__") if isinstance(meta, Class) else EMPTY
    names: Any = {}
    if prepare is not EMPTY and type(prepare) is not Own:
        names = m.call(m.bind(prepare, None, meta), (name, tuple(bases)), kwargs)
    body = Activation(function.code, function, function.globals)
    body.names = names
    if function.closure:
        body.fast[function.code.free :] = function.closure
    m.enter(body)
    cell = m.run(body)
    if len(bases) != len(given) or any(base is not each for base, each in zip(bases, given, strict=True)):
        m.native(names.__setitem__, "__orig_bases__", tuple(given))
    unknown = next((base for base in bases if _is_unknown_base(m, base)), None)
    if unknown is not None:
        reason = unknown.reason if type(unknown) is Unknown else f"classes below {unknown.__name__} are not supported"
        made: Any = m.unsure(f"a class derived from an unknown: {reason}", type)
        if cell is not None:
            cell.value = made
        return made
    return m.call(meta, (name, tuple(bases), names), kwargs)


def _is_unknown_base(m: Machine, base: Any) -> bool:
    """Whether nothing can be told of a class below `base`."""
    return type(base) is Unknown or not (isinstance(base, Class) or base in m.library.bases)


_BUILD_CLASS = Own("__build_class__", build_class)


def _is_type(value: Any) -> bool:
    return value is type or (isinstance(value, Class) and is_subclass(value, type))


def _resolved_bases(m: Machine, given: list[Any]) -> list[Any]:
    """Return the bases with those replaced that are no classes (`Generic[T]`)."""
    bases = []
    for base in given:
        if isinstance(base, Class | type) or type(base) is Unknown:
            bases.append(base)
            continue
        method = m.special(base, "__mro_entries__") if type(type(base)) is Shell else EMPTY
        if method is EMPTY:
            raise Undetermined(f"a class derived from a {class_name(base)}")
        bases.extend(m.call(method, (tuple(given),)))
    return bases


def _metaclass(meta: Any, bases: list[Any]) -> Any:
    """Return the most derived metaclass."""
    for base in bases:
        other = base.meta if isinstance(base, Class) else type
        if is_subclass(meta, other):
            continue
        if not is_subclass(other, meta):
            raise Raised(
                TypeError(
                    "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the "
                    "metaclasses of all its bases"
                )
            )
        meta = other
    return meta


# --- imports ------------------------------------------------------------------------------------------------------


@instruction("IMPORT_NAME")
def import_name(m: Machine, f: Activation, name: str) -> None:
    """Run IMPORT_NAME."""
    names = f.stack.pop()
    level = f.stack.pop()
    f.stack.append(m.library.import_name(m, name, names, level, f.globals))


@instruction("IMPORT_FROM")
def import_from(m: Machine, f: Activation, name: str) -> None:
    """Run IMPORT_FROM."""
    f.stack.append(m.library.import_from(m, f.stack[-1], name))


@instruction("IMPORT_STAR")
def import_star(m: Machine, f: Activation, arg: Any) -> None:
    """Run IMPORT_STAR."""
    f.names.update(m.library.star(m, f.stack.pop()))
