"""Operators on values: guarded against large results, and with unknowns among the operands."""

from __future__ import annotations

import operator
import re
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter import sizes
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of, is_class
from neuralpdb.interpreter.objects.values import OPAQUE, Method, Unknown
from neuralpdb.interpreter.order import check_order, has_address
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

if TYPE_CHECKING:
    from neuralpdb.interpreter.machine import Machine

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "@": operator.matmul,
}
_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
    "&=": operator.iand,
    "|=": operator.ior,
    "^=": operator.ixor,
    "@=": operator.imatmul,
}
_OPERATORS = _BINARY | _IN_PLACE
_GUARDED = frozenset(("+", "*", "**", "<<", "%", "+=", "*=", "**=", "<<=", "%="))
_IMMUTABLE = frozenset((int, float, complex, bool, str, bytes, tuple, frozenset, type(None), range))
_NUMBERS = frozenset((int, float, bool))
_SAFE = frozenset(("+", "-", "*", "+=", "-=", "*="))
"""Operators that never raise for ints and floats, but by their size."""


HINTS = (types.GenericAlias, types.UnionType)
"""Types of unknowns that are type hints: what is done with one is another, and raises nothing."""


def binary(m: Machine, symbol: str, left: Any, right: Any) -> Any:
    """Return `left symbol right`, in place for `+=` and the like."""
    if symbol in _GUARDED:
        reason = sizes.of_operator(symbol[:-1] if symbol[-1] == "=" else symbol, left, right)
        if reason:
            raise Stop(reason)
    if symbol[0] == "|" and (_type_of(left) in HINTS or _type_of(right) in HINTS):
        return m.unknown("a union of types", types.UnionType)
    if symbol[0] == "|" and (is_class(left) or is_class(right)):
        return _union(m, left, right)
    if symbol[0] == "%" and isinstance(left, str | bytes | bytearray):
        if type(right) is Unknown:
            return m.unsure(right.reason, class_of(left) if class_of(left) in _IMMUTABLE else None)
        check_order(right, m.fragile)
    entries = m.entries
    try:
        value = m.native(_OPERATORS[symbol], left, right)
    except Undetermined as error:
        if m.entries != entries:
            raise
        if symbol[-1] == "=" and type(left) is not Unknown and type(left) not in _IMMUTABLE:
            changed = [left]
            del left
            m.hand_over(error.reason, changed, (right,))
            made = m.unsure(error.reason)
            return changed[0] if type(changed[0]) is Unknown else made
        kinds = {_type_of(left), _type_of(right)}
        if symbol in _SAFE and kinds <= _NUMBERS:
            return m.unknown(error.reason, float if float in kinds else int)
        if symbol[-1] == "=" and type(left) is Unknown and left.type not in _IMMUTABLE:
            m.hand_over(error.reason, (left, right))
            return m.unsure(error.reason)
        if symbol[0] == "+" and kinds == {str}:
            return m.unknown(error.reason, str)
        if symbol[0] == "%" and _type_of(left) is str:
            return m.unsure(error.reason, str)
        return m.unsure(error.reason, sources=sources_of(m, left, right))
    if type(value) is str and has_address(value) and symbol[0] == "%":
        return m.unknown("an address in a text", str)
    return value


def _type_of(value: Any) -> Any:
    return value.type if type(value) is Unknown else type(value)


def outcome(m: Machine, reason: str, left: Any, right: Any, type: Any) -> Unknown:
    """Return the unknown result of an operator on `left` and `right` that cannot raise for numbers."""
    if _type_of(left) in _NUMBERS and _type_of(right) in _NUMBERS:
        return m.unknown(reason, type)
    return m.unsure(reason, type)


def _union(m: Machine, left: Any, right: Any) -> Any:
    hosts = [value for value in (left, right) if isinstance(value, type) and m.library.is_known_type(value)]
    plain = [value for value in (left, right) if type(value) in _IMMUTABLE]
    if len(hosts) + len(plain) == 2:
        return m.native(operator.or_, left, right)
    if all(is_class(value) or value is None for value in (left, right)):
        return m.unknown("a union of types", types.UnionType)
    return m.unsure("a union of types", types.UnionType)


def identical(m: Machine, left: Any, right: Any, negated: bool) -> Any:
    """Return `left is right`, where that does not depend on what the compiler and the interpreter share."""
    kind = type(left)
    if kind is Unknown or type(right) is Unknown:
        if left is right:
            return not negated
        unknown = left if kind is Unknown else right
        other = right if kind is Unknown else left
        if unknown.type is not None and (other is None or type(other) is bool) and type(other) is not unknown.type:
            return negated
        if unknown.type in HINTS and type(other) is not Unknown and class_of(other) not in HINTS:
            return negated  # a hint is an object of its own
        return m.unknown(unknown.reason, bool)
    if kind is Method or type(right) is Method:
        return (left is right) is not negated
    if kind is type(right) and kind in (int, float, str, bytes, complex) and left == right:
        if left is right and ((kind is int and -5 <= left <= 256) or (kind is str and len(left) < 2)):
            return not negated
        if left is right and not m.is_own():  # a library's constant comes back to the library
            return not negated
        return m.unknown("whether equal values are one object", bool)
    if kind is type(right) and kind in (tuple, frozenset) and left is not right and left == right:
        return m.unknown("whether equal values are one object", bool)
    return (left is right) is not negated


def item(m: Machine, owner: Any, key: Any) -> Any:
    """Return `owner[key]`."""
    kind = type(owner)
    if kind is Unknown and owner.type in HINTS:
        return m.unsure(owner.reason, owner.type)
    if kind is Unknown:
        return m.unsure(owner.reason, item_type(owner, key), owner.sources)
    if type(key) is Unknown and key.type not in HINTS:
        return m.unsure(key.reason, sources=sources_of(m, owner))
    if isinstance(owner, Class):
        return _class_item(m, owner, key)
    if isinstance(owner, type):
        return m.library.generic_alias(m, owner, key)
    if kind in OPAQUE:
        raise Raised(TypeError(f"'{kind.__name__}' object is not subscriptable"))
    entries = m.entries
    try:
        return m.native(operator.getitem, owner, key)
    except Undetermined as error:
        if m.entries != entries:
            raise
        return m.unsure(error.reason, sources=sources_of(m, owner))


def sources_of(m: Machine, *values: Any) -> tuple[Any, ...]:
    """Return those of `values` that an unknown result may be a part of, so that what changes it may change them."""
    found: list[Any] = []
    for value in values:
        found += value.sources if type(value) is Unknown else () if m.library.is_immutable(value) else (value,)
    return tuple(found)


def item_type(owner: Unknown, key: Any) -> Any:
    """Return the type of an item of an unknown, where that is certain."""
    if owner.type is str or (owner.type is bytes and type(key) is slice):
        return owner.type
    return int if owner.type is bytes and type(key) is int else None


def _class_item(m: Machine, cls: Class, key: Any) -> Any:
    if isinstance(cls.meta, Class) and hasattr(cls.meta.shell, "__getitem__"):
        return m.native(operator.getitem, cls, key)
    method = cls.lookup("__class_getitem__")
    if method is not None and type(method).__name__ != "_Empty":
        if isinstance(method, types.ClassMethodDescriptorType):
            return m.unknown("a generic alias", types.GenericAlias)
        return m.call(m.bind(method, None, cls), (key,))
    raise Raised(TypeError(f"type '{cls.name}' is not subscriptable"))


def check_iteration(m: Machine, value: Any) -> None:
    """Stop where the items of `value` are not known. Raises Undetermined where their order is not."""
    if type(value) is Unknown:
        raise Stop(f"iteration over an unknown: {value.reason}")
    if m.current is None or not m.current.code.orderless:
        check_order(value, m.fragile)


def is_not_iterable(value: Any, error: BaseException) -> bool:
    """Whether `error` says that `value` itself is not iterable."""
    kind = type(value)
    return isinstance(error, TypeError) and not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__")


_WIDE = re.compile(r"\d{5}")


def formatted(m: Machine, value: Any, convert: Callable[[Any], str] | None, spec: Any) -> Any:
    """Return what an f-string makes of a value."""
    if type(spec) is Unknown:
        return m.unsure(spec.reason, str)
    if len(spec) > 4 and _WIDE.search(spec):
        raise Stop("a wide format")
    if convert is not None:
        value = converted(m, value, convert)
    if type(value) is str and not spec:
        return value
    return _text(m, value, lambda: format(value, spec), bool(spec))


def converted(m: Machine, value: Any, convert: Callable[[Any], str] | None) -> Any:
    """Return what `!r`, `!s` or `!a` makes of a value."""
    if convert is None:
        return value
    return _text(m, value, lambda: convert(value))


def _text(m: Machine, value: Any, make: Callable[[], str], may_raise: bool = False) -> Any:
    entries = m.entries
    try:
        check_order(value, m.fragile)
        text = m.native(make)
    except Undetermined as error:
        if m.entries != entries and type(type(value)) is not Shell:
            raise Stop(f"a text that is not known: {error.reason}") from None
        if type(value) is Unknown and value.type in _NUMBERS and not may_raise:
            return m.unknown(error.reason, str)
        return m.unsure(error.reason, str)
    return m.unknown("an address in a text", str) if has_address(text) and m.is_own() else text
