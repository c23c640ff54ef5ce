"""Instructions that raise, catch and match: exceptions, context managers, `match`."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.instructions.register import instruction
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, class_of, is_class, is_subclass
from neuralpdb.interpreter.objects.values import EMPTY, OPAQUE, Traceback, Unknown
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined


@instruction("LOAD_ASSERTION_ERROR")
def load_assertion_error(m: Machine, f: Activation, arg: Any) -> None:
    """Run LOAD_ASSERTION_ERROR."""
    f.stack.append(AssertionError)


@instruction("RAISE_VARARGS")
def raise_varargs(m: Machine, f: Activation, count: int) -> None:
    """Run RAISE_VARARGS."""
    if count == 0:
        handled = m.handled
        if handled is None:
            handled = next((error for error in reversed(m.outer) if error is not None), None)
        if handled is None:
            raise Raised(RuntimeError("No active exception to reraise"))
        raise Raised(handled, silent=True)
    cause = f.stack.pop() if count == 2 else None
    value = _exception(m, f.stack.pop())
    if count == 2:
        if cause is not None:
            if type(cause) is Unknown:
                raise Stop(f"an exception with an unknown cause: {cause.reason}")
            if _is_exception_class(cause):
                cause = m.call(cause, ())
            elif not isinstance(cause, BaseException):
                raise Raised(TypeError("exception causes must derive from BaseException"))
        value.__cause__ = cause
    raise Raised(value)


def _is_exception_class(value: Any) -> bool:
    return is_class(value) and is_subclass(value, BaseException)


def _exception(m: Machine, value: Any) -> BaseException:
    """Return the exception that `raise value` raises."""
    if type(value) is Unknown:
        raise Stop(f"an unknown is raised: {value.reason}")
    if _is_exception_class(value):
        made = m.call(value, ())
        if not isinstance(made, BaseException):
            raise Undetermined("an exception class makes something else")
        return made
    if not isinstance(value, BaseException):
        raise Raised(TypeError("exceptions must derive from BaseException"))
    return value


@instruction("RERAISE")
def reraise(m: Machine, f: Activation, depth: int) -> None:
    """Run RERAISE."""
    value = f.stack.pop()
    if depth:
        f.prev = f.stack[-depth]
    raise Raised(value, silent=True)


@instruction("PUSH_EXC_INFO")
def push_exc_info(m: Machine, f: Activation, arg: Any) -> None:
    """Run PUSH_EXC_INFO."""
    value = f.stack.pop()
    f.stack += m.handled, value
    m.handled = value


@instruction("POP_EXCEPT")
def pop_except(m: Machine, f: Activation, arg: Any) -> None:
    """Run POP_EXCEPT."""
    m.handled = f.stack.pop()


def _check_caught(value: Any) -> Unknown | None:
    """Raise what Python raises for something behind `except` that is no class of exceptions; return an unknown one."""
    unknown = None
    for cls in value if type(value) is tuple else (value,):
        if type(cls) is Unknown:
            unknown = cls
        elif not _is_exception_class(cls):
            text = "catching classes that do not inherit from BaseException is not allowed"
            raise Raised(TypeError(text))
    return unknown


def matches(error: BaseException, caught: Any) -> bool:
    """Whether `except caught` catches an exception."""
    cls = class_of(error)
    caught = caught if type(caught) is tuple else (caught,)
    return any(is_subclass(cls, base) for base in caught if type(base) is not Unknown)


@instruction("CHECK_EXC_MATCH")
def check_exc_match(m: Machine, f: Activation, arg: Any) -> None:
    """Run CHECK_EXC_MATCH."""
    caught = f.stack.pop()
    unknown = _check_caught(caught)
    caught_surely = matches(f.stack[-1], caught)
    f.stack.append(caught_surely if caught_surely or unknown is None else m.unsure(unknown.reason, bool))


@instruction("CHECK_EG_MATCH")
def check_eg_match(m: Machine, f: Activation, arg: Any) -> None:
    """Run CHECK_EG_MATCH."""
    caught = f.stack.pop()
    unknown = _check_caught(caught)
    if unknown is not None:
        raise Stop(f"an unknown class of exceptions: {unknown.reason}")
    classes = caught if type(caught) is tuple else (caught,)
    if any(is_subclass(cls, BaseExceptionGroup) for cls in classes):
        text = "catching ExceptionGroup with except* is not allowed. Use except instead."
        raise Raised(TypeError(text))
    error = f.stack.pop()
    matched: Any = None
    rest: Any = error
    if isinstance(error, BaseExceptionGroup):
        matched, rest = _split(m, error, classes)
    elif matches(error, classes):
        matched, rest = BaseExceptionGroup("", (error,)), None
        matched.__context__ = None
    f.stack += rest, matched
    if matched is not None:
        m.handled = matched


def _split(m: Machine, group: BaseExceptionGroup[Any], classes: tuple[Any, ...]) -> tuple[Any, Any]:
    if isinstance(class_of(group), Class):
        raise Undetermined("except* with a group of the program's own class")
    hosts = tuple(cls.shell if isinstance(cls, Class) else cls for cls in classes)
    matched, rest = m.native(group.split, hosts)
    return matched, rest


@instruction("PREP_RERAISE_STAR")
def prep_reraise_star(m: Machine, f: Activation, arg: Any) -> None:
    """Run PREP_RERAISE_STAR."""
    errors = f.stack.pop()
    original = f.stack.pop()
    left = [error for error in errors if error is not None]
    if not left:
        f.stack.append(None)
        return
    if not isinstance(original, BaseExceptionGroup):
        f.stack.append(left[0])
        return
    parts = _leaves(original)
    raised = [error for error in left if not _is_part(error, parts)]
    unhandled = [error for error in left if _is_part(error, parts)]
    if raised:
        if unhandled:
            raise Undetermined("an exception group of new and of old exceptions")
        f.stack.append(BaseExceptionGroup("", raised))
        return
    if len(unhandled) == 1:
        f.stack.append(unhandled[0])
        return
    raise Undetermined("several parts of an exception group are left")


def _leaves(group: BaseException) -> set[int]:
    if isinstance(group, BaseExceptionGroup):
        return set().union(*(_leaves(error) for error in group.exceptions))
    return {id(group)}


def _is_part(error: BaseException, parts: set[int]) -> bool:
    return isinstance(error, BaseExceptionGroup) and _leaves(error) <= parts


# --- context managers ---------------------------------------------------------------------------------------------


@instruction("BEFORE_WITH")
def before_with(m: Machine, f: Activation, arg: Any) -> None:
    """Run BEFORE_WITH."""
    owner = f.stack.pop()
    if type(owner) is Unknown:
        m.hand_over(owner.reason, owner.sources)
        f.stack.append(m.unsure(owner.reason))
        f.stack.append(owner if m.library.enters_itself(owner.type) else m.unsure(owner.reason))
        return
    enter, leave = _manager(m, owner, "__enter__", "__exit__", "the context manager protocol")
    f.stack.append(leave)
    f.stack.append(m.call(enter, ()))


@instruction("BEFORE_ASYNC_WITH")
def before_async_with(m: Machine, f: Activation, arg: Any) -> None:
    """Run BEFORE_ASYNC_WITH."""
    owner = f.stack.pop()
    enter, leave = _manager(m, owner, "__aenter__", "__aexit__", "the asynchronous context manager protocol")
    f.stack.append(leave)
    f.stack.append(m.call(enter, ()))


def _manager(m: Machine, owner: Any, entering: str, leaving: str, protocol: str) -> tuple[Any, Any]:
    if type(owner) is Unknown:
        raise Stop(f"an unknown asynchronous context manager: {owner.reason}")
    enter, leave = m.special(owner, entering), m.special(owner, leaving)
    if enter is EMPTY and hasattr(class_of(owner), entering) and not isinstance(class_of(owner), Class):
        enter, leave = attributes.get(m, owner, entering), attributes.get(m, owner, leaving)
    if enter is EMPTY:
        raise Raised(TypeError(f"'{class_name(owner)}' object does not support {protocol}"))
    if leave is EMPTY:
        missed = f" (missed {leaving} method)"
        raise Raised(TypeError(f"'{class_name(owner)}' object does not support {protocol}{missed}"))
    return enter, leave


@instruction("WITH_EXCEPT_START")
def with_except_start(m: Machine, f: Activation, arg: Any) -> None:
    """Run WITH_EXCEPT_START."""
    error = f.stack[-1]
    leave = f.stack[-4]
    if type(leave) is Unknown:
        f.stack.append(m.unsure(leave.reason))
        return
    f.stack.append(m.call(leave, (class_of(error), error, Traceback())))


# --- match --------------------------------------------------------------------------------------------------------


def _subject(value: Any) -> Any:
    if type(value) is Unknown:
        raise Stop(f"match of an unknown: {value.reason}")
    return value


@instruction("GET_LEN")
def get_len(m: Machine, f: Activation, arg: Any) -> None:
    """Run GET_LEN."""
    f.stack.append(m.native(len, f.stack[-1]))


@instruction("MATCH_SEQUENCE")
def match_sequence(m: Machine, f: Activation, arg: Any) -> None:
    """Run MATCH_SEQUENCE."""
    value = _subject(f.stack[-1])
    sequence = isinstance(value, list | tuple | range | collections.deque) or (
        type(value) not in OPAQUE and isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    )
    f.stack.append(sequence)


@instruction("MATCH_MAPPING")
def match_mapping(m: Machine, f: Activation, arg: Any) -> None:
    """Run MATCH_MAPPING."""
    f.stack.append(isinstance(_subject(f.stack[-1]), dict | Mapping))


@instruction("MATCH_KEYS")
def match_keys(m: Machine, f: Activation, arg: Any) -> None:
    """Run MATCH_KEYS."""
    keys, subject = f.stack[-1], f.stack[-2]
    if not isinstance(subject, dict) or isinstance(class_of(subject), Class):
        raise Undetermined("match of a mapping of another kind")
    values = [subject.get(key, EMPTY) for key in keys]
    f.stack.append(None if any(value is EMPTY for value in values) else tuple(values))


@instruction("MATCH_CLASS")
def match_class(m: Machine, f: Activation, count: int) -> None:
    """Run MATCH_CLASS."""
    names = f.stack.pop()
    cls = f.stack.pop()
    subject = _subject(f.stack.pop())
    f.stack.append(_class_match(m, cls, subject, count, names))


_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


def _class_match(m: Machine, cls: Any, subject: Any, count: int, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    if type(cls) is Unknown:
        raise Stop(f"match of an unknown class: {cls.reason}")
    if not is_class(cls):
        raise Raised(TypeError("called match pattern must be a class"))
    instance = m.library.is_instance(m, subject, cls)
    if type(instance) is Unknown:
        raise Stop(f"match of an unknown: {instance.reason}")
    if not instance:
        return None
    values: list[Any] = []
    if count:
        given = _match_args(m, cls)
        if given is None and (count > 1 or not any(is_subclass(cls, base) for base in _WHOLE)):
            raise Raised(_too_many(cls, 0, count))
        if given is None:
            values.append(subject)
        elif count > len(given):
            raise Raised(_too_many(cls, len(given), count))
        else:
            names = (*given[:count], *names)
    for name in names:
        try:
            values.append(attributes.get(m, subject, name))
        except Raised as error:
            if isinstance(error.value, AttributeError):
                return None
            raise
    return tuple(values)


def _match_args(m: Machine, cls: Any) -> Any:
    if not isinstance(cls, Class):
        return None
    names = cls.lookup("__match_args__")
    if names is EMPTY:
        return None
    if type(names) is not tuple or not all(type(name) is str for name in names):
        raise Undetermined("__match_args__ of another kind")
    return names


def _too_many(cls: Any, allowed: int, given: int) -> TypeError:
    name = cls.name if isinstance(cls, Class) else cls.__name__
    plural = "" if allowed == 1 else "s"
    return TypeError(f"{name}() accepts {allowed} positional sub-pattern{plural} ({given} given)")


__all__ = ["VERSION", "matches"]
