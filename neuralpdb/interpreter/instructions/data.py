"""Instructions on values: operators, items, containers and formatted texts."""

from __future__ import annotations

import opcode
import operator
from collections.abc import Callable
from itertools import islice
from typing import Any

from neuralpdb.interpreter import operators
from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.instructions.register import HANDLERS, instruction
from neuralpdb.interpreter.instructions.variables import unknown_in
from neuralpdb.interpreter.machine import Machine, class_name, function_text
from neuralpdb.interpreter.objects.classes import Class, Shell
from neuralpdb.interpreter.objects.values import OPAQUE, Unknown
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

_SYMBOLS = [symbol for _, symbol in opcode._nb_ops]  # type: ignore[attr-defined]
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


@instruction("BINARY_OP")
def binary_op(m: Machine, f: Activation, arg: int) -> None:
    """Run BINARY_OP."""
    stack = f.stack
    right = stack.pop()
    stack[-1] = operators.binary(m, _SYMBOLS[arg], stack[-1], right)


@instruction("COMPARE_OP")
def compare_op(m: Machine, f: Activation, symbol: str) -> None:
    """Run COMPARE_OP."""
    stack = f.stack
    right = stack.pop()
    left = stack[-1]
    try:
        stack[-1] = m.native(COMPARISONS[symbol], left, right)
    except Undetermined as error:
        stack[-1] = operators.outcome(m, error.reason, left, right, bool)


def _unary(function: Callable[[Any], Any]) -> Callable[[Machine, Activation, Any], None]:
    def run(m: Machine, f: Activation, arg: Any) -> None:
        value = f.stack[-1]
        try:
            f.stack[-1] = m.native(function, value)
        except Undetermined as error:
            kind = getattr(value, "type", None)
            kind = int if kind is bool else kind
            if function is operator.invert and kind is not int:
                f.stack[-1] = m.unsure(error.reason)
            else:
                f.stack[-1] = operators.outcome(m, error.reason, value, value, kind)

    return run


HANDLERS["UNARY_NEGATIVE"] = _unary(operator.neg)
HANDLERS["UNARY_POSITIVE"] = _unary(operator.pos)
HANDLERS["UNARY_INVERT"] = _unary(operator.invert)


@instruction("UNARY_NOT")
def unary_not(m: Machine, f: Activation, arg: Any) -> None:
    """Run UNARY_NOT."""
    value = f.stack[-1]
    if type(value) is Unknown:
        f.stack[-1] = operators.outcome(m, value.reason, value, value, bool)
    else:
        f.stack[-1] = not m.truth(value)


@instruction("TO_BOOL")
def to_bool(m: Machine, f: Activation, arg: Any) -> None:
    """Run TO_BOOL."""
    value = f.stack[-1]
    if type(value) is not bool and type(value) is not Unknown:
        f.stack[-1] = m.truth(value)


@instruction("IS_OP")
def is_op(m: Machine, f: Activation, negated: int) -> None:
    """Run IS_OP."""
    stack = f.stack
    right = stack.pop()
    stack[-1] = operators.identical(m, stack[-1], right, bool(negated))


@instruction("CONTAINS_OP")
def contains_op(m: Machine, f: Activation, negated: int) -> None:
    """Run CONTAINS_OP."""
    stack = f.stack
    container = stack.pop()
    item = stack[-1]
    if type(container) is Unknown:
        stack[-1] = m.unsure(container.reason, bool)
        return
    if isinstance(container, Class) and container.meta is type:
        raise Raised(TypeError("argument of type 'type' is not iterable"))
    entries = m.entries
    try:
        stack[-1] = m.native(operator.contains, container, item) is not bool(negated)
    except Undetermined as error:
        if m.entries != entries:
            raise
        stack[-1] = m.unsure(error.reason, bool)


@instruction("BINARY_SUBSCR")
def binary_subscr(m: Machine, f: Activation, arg: Any) -> None:
    """Run BINARY_SUBSCR."""
    stack = f.stack
    key = stack.pop()
    stack[-1] = operators.item(m, stack[-1], key)


@instruction("STORE_SUBSCR")
def store_subscr(m: Machine, f: Activation, arg: Any) -> None:
    """Run STORE_SUBSCR."""
    stack = f.stack
    key = stack.pop()
    owner = stack.pop()
    value = stack.pop()
    if not _changed_somehow(m, owner, key, value):
        m.native(operator.setitem, owner, key, value)


@instruction("DELETE_SUBSCR")
def delete_subscr(m: Machine, f: Activation, arg: Any) -> None:
    """Run DELETE_SUBSCR."""
    stack = f.stack
    key = stack.pop()
    owner = stack.pop()
    if not _changed_somehow(m, owner, key, None):
        m.native(operator.delitem, owner, key)


def _changed_somehow(m: Machine, owner: Any, key: Any, value: Any) -> bool:
    """Whether an item is set of something unknown, or under an unknown key: then nothing is known of it any more."""
    unknown = unknown_in([owner, key])
    if unknown is None:
        return False
    if type(type(owner)) is Shell:
        raise Stop(f"an item under an unknown key is set: {unknown.reason}")
    m.hand_over(unknown.reason, (owner, key, value))
    m.unsure(unknown.reason)
    return True


def _absorb(m: Machine, f: Activation, depth: int, reason: str, *values: Any) -> None:
    """Make a container that is being built unknown: something unknown goes into it, or into its order."""
    held = f.stack[-depth]
    kind = held.type if type(held) is Unknown else type(held)
    f.stack[-depth] = m.unsure(reason, kind, operators.sources_of(m, held, *values))


def _put_in(m: Machine, f: Activation, depth: int, method: str, *values: Any) -> None:
    """Call a method of a container that is being built."""
    held = f.stack[-depth]
    if type(held) is Unknown:
        _absorb(m, f, depth, held.reason, *values)
        return
    entries = m.entries
    try:
        m.native(getattr(held, method), *values)
    except Undetermined as error:
        if m.entries != entries:
            raise
        _absorb(m, f, depth, error.reason, *values)


@instruction("BINARY_SLICE")
def binary_slice(m: Machine, f: Activation, arg: Any) -> None:
    """Run BINARY_SLICE."""
    build_slice(m, f, 2)
    binary_subscr(m, f, arg)


@instruction("STORE_SLICE")
def store_slice(m: Machine, f: Activation, arg: Any) -> None:
    """Run STORE_SLICE."""
    build_slice(m, f, 2)
    store_subscr(m, f, arg)


@instruction("BUILD_SLICE")
def build_slice(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_SLICE."""
    values = _popped(f, count)
    unknown = unknown_in(values)
    f.stack.append(unknown if unknown is not None else slice(*values))


def _popped(f: Activation, count: int) -> list[Any]:
    """Pop the last `count` operands."""
    if not count:
        return []
    values = f.stack[-count:]
    del f.stack[-count:]
    return values


@instruction("BUILD_TUPLE")
def build_tuple(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_TUPLE."""
    f.stack.append(tuple(_popped(f, count)))


@instruction("BUILD_LIST")
def build_list(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_LIST."""
    f.stack.append(_popped(f, count))


@instruction("BUILD_SET")
def build_set(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_SET."""
    values = _popped(f, count)
    unknown = unknown_in(values)
    if unknown is not None:
        f.stack.append(m.unsure(unknown.reason, set, operators.sources_of(m, *values)))
    else:
        f.stack.append(m.native(set, values))


@instruction("BUILD_MAP")
def build_map(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_MAP."""
    values = _popped(f, 2 * count)
    unknown = unknown_in(values[::2])
    if unknown is not None:
        f.stack.append(m.unsure(unknown.reason, dict, operators.sources_of(m, *values)))
        return
    made: dict[Any, Any] = {}
    for key, value in zip(values[::2], values[1::2], strict=True):
        m.native(made.__setitem__, key, value)
    f.stack.append(made)


@instruction("BUILD_CONST_KEY_MAP")
def build_const_key_map(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_CONST_KEY_MAP."""
    keys = f.stack.pop()
    f.stack.append(dict(zip(keys, _popped(f, count), strict=True)))


@instruction("BUILD_STRING")
def build_string(m: Machine, f: Activation, count: int) -> None:
    """Run BUILD_STRING."""
    values = _popped(f, count)
    unknown = unknown_in(values)
    f.stack.append(unknown if unknown is not None else m.native("".join, values))


@instruction("LIST_TO_TUPLE")
def list_to_tuple(m: Machine, f: Activation, arg: Any) -> None:
    """Run LIST_TO_TUPLE."""
    held = f.stack[-1]
    f.stack[-1] = m.unknown(held.reason, tuple, held.sources) if type(held) is Unknown else tuple(held)


@instruction("LIST_APPEND")
def list_append(m: Machine, f: Activation, depth: int) -> None:
    """Run LIST_APPEND."""
    value = f.stack.pop()
    _put_in(m, f, depth, "append", value)


@instruction("SET_ADD")
def set_add(m: Machine, f: Activation, depth: int) -> None:
    """Run SET_ADD."""
    value = f.stack.pop()
    _put_in(m, f, depth, "add", value)


@instruction("MAP_ADD")
def map_add(m: Machine, f: Activation, depth: int) -> None:
    """Run MAP_ADD."""
    value = f.stack.pop()
    key = f.stack.pop()
    _put_in(m, f, depth, "__setitem__", key, value)


def _is_absorbed(m: Machine, f: Activation, depth: int, value: Any) -> bool:
    """Whether items are added that are not known, or to something that is not: see `_absorb`."""
    held = f.stack[-depth]
    unknown = unknown_in([value, held])
    if unknown is None:
        return False
    if type(value) is not Unknown and not isinstance(value, list | tuple | dict | set | frozenset | str | range):
        raise Stop(f"items are added to an unknown: {unknown.reason}")
    _absorb(m, f, depth, unknown.reason, value)
    return True


@instruction("LIST_EXTEND")
def list_extend(m: Machine, f: Activation, depth: int) -> None:
    """Run LIST_EXTEND."""
    value = f.stack.pop()
    if _is_absorbed(m, f, depth, value):
        return
    operators.check_iteration(m, value)
    try:
        m.native(f.stack[-depth].extend, value)
    except Raised as error:
        if operators.is_not_iterable(value, error.value):
            text = f"Value after * must be an iterable, not {class_name(value)}"
            raise Raised(TypeError(text)) from None
        raise


@instruction("SET_UPDATE")
def set_update(m: Machine, f: Activation, depth: int) -> None:
    """Run SET_UPDATE."""
    value = f.stack.pop()
    if _is_absorbed(m, f, depth, value):
        return
    if not isinstance(value, set | frozenset):  # sets that have no order make one that has none
        operators.check_iteration(m, value)
    m.native(f.stack[-depth].update, value)


@instruction("DICT_UPDATE")
def dict_update(m: Machine, f: Activation, depth: int) -> None:
    """Run DICT_UPDATE."""
    value = f.stack.pop()
    if _is_absorbed(m, f, depth, value):
        return
    if not isinstance(value, dict):
        operators.check_iteration(m, value)
        if not hasattr(type(value), "keys"):
            raise Raised(TypeError(f"'{class_name(value)}' object is not a mapping"))
    m.native(f.stack[-depth].update, value)


@instruction("DICT_MERGE")
def dict_merge(m: Machine, f: Activation, depth: int) -> None:
    """Run DICT_MERGE."""
    value = f.stack.pop()
    into = f.stack[-depth]
    if _is_absorbed(m, f, depth, value):
        return
    if not isinstance(value, dict):
        operators.check_iteration(m, value)
        if hasattr(type(value), "keys") or type(value) in OPAQUE:
            raise Undetermined("** of something that is no dict")
        text = f"{function_text(_called(f, depth))} argument after ** must be a mapping, not {class_name(value)}"
        raise Raised(TypeError(text))
    for key in dict.keys(value):
        if type(key) is str and key in into:
            text = f"{function_text(_called(f, depth))} got multiple values for keyword argument '{key}'"
            raise Raised(TypeError(text))
    m.native(into.update, value)


def _called(f: Activation, depth: int) -> Any:
    """Return the function that is called with the keywords that are being merged."""
    return f.stack[-depth - (2 if VERSION < (3, 13) else 3)]


@instruction("UNPACK_SEQUENCE")
def unpack_sequence(m: Machine, f: Activation, count: int) -> None:
    """Run UNPACK_SEQUENCE."""
    value = f.stack.pop()
    if type(value) is Unknown:
        kind = operators.item_type(value, None)
        f.stack.extend(m.unsure(value.reason, kind, value.sources) for _ in range(count))
        return
    operators.check_iteration(m, value)
    if type(value) in (list, tuple):
        items = list(value)
    else:
        iterator = _iterator(m, value)
        items = []
        for _ in range(count + 1):
            item = m.native(next, iterator, f)
            if item is f:
                break
            items.append(item)
    if len(items) < count:
        raise Raised(ValueError(f"not enough values to unpack (expected {count}, got {len(items)})"))
    if len(items) > count:
        raise Raised(ValueError(f"too many values to unpack (expected {count})"))
    f.stack.extend(reversed(items))


def _iterator(m: Machine, value: Any) -> Any:
    try:
        return m.native(iter, value)
    except Raised as error:
        if operators.is_not_iterable(value, error.value):
            text = f"cannot unpack non-iterable {class_name(value)} object"
            raise Raised(TypeError(text)) from None
        raise


@instruction("UNPACK_EX")
def unpack_ex(m: Machine, f: Activation, arg: int) -> None:
    """Run UNPACK_EX."""
    before, after = arg & 0xFF, arg >> 8
    value = f.stack.pop()
    if type(value) is Unknown:
        kinds = [None] * after + [list] + [None] * before
        f.stack.extend(m.unsure(value.reason, kind, value.sources) for kind in kinds)
        return
    operators.check_iteration(m, value)
    iterator = _iterator(m, value)

    def unpacked() -> list[Any]:
        head = list(islice(iterator, before)) if before else []  # never asks how long the iterator is, as `list` does
        return head + list(iterator) if len(head) == before else head

    items = m.native(unpacked)
    if len(items) < before + after:
        expected = f"expected at least {before + after}, got {len(items)}"
        if len(items) < before and after:
            raise Undetermined("message about too few values to unpack")
        raise Raised(ValueError(f"not enough values to unpack ({expected})"))
    rest = items[before : len(items) - after]
    tail = items[len(items) - after :] if after else []
    f.stack.extend(reversed([*items[:before], rest, *tail]))


@instruction("FORMAT_VALUE")
def format_value(m: Machine, f: Activation, arg: int) -> None:
    """Run FORMAT_VALUE."""
    spec = f.stack.pop() if arg & 4 else ""
    f.stack[-1] = operators.formatted(m, f.stack[-1], (None, str, repr, ascii)[arg & 3], spec)


@instruction("FORMAT_SIMPLE")
def format_simple(m: Machine, f: Activation, arg: Any) -> None:
    """Run FORMAT_SIMPLE."""
    f.stack[-1] = operators.formatted(m, f.stack[-1], None, "")


@instruction("FORMAT_WITH_SPEC")
def format_with_spec(m: Machine, f: Activation, arg: Any) -> None:
    """Run FORMAT_WITH_SPEC."""
    spec = f.stack.pop()
    f.stack[-1] = operators.formatted(m, f.stack[-1], None, spec)


@instruction("CONVERT_VALUE")
def convert_value(m: Machine, f: Activation, arg: int) -> None:
    """Run CONVERT_VALUE."""
    f.stack[-1] = operators.converted(m, f.stack[-1], (None, str, repr, ascii)[arg])
