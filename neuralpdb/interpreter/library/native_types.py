"""Native types whose objects are plain data: numbers, texts, containers, iterators, exceptions."""

from __future__ import annotations

import builtins
import collections
import itertools
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import (
    ATTRIBUTES,
    BASES,
    BUILTINS,
    METHODS,
    SETTABLE,
    TYPES,
    Native,
    allow,
    allow_type,
    answers,
)
from neuralpdb.interpreter.order import raw_length
from neuralpdb.interpreter.sizes import MOST_ITEMS

_WIDEST = 10_000
"""Characters that a number given to a format may ask for."""
_LONGEST_INT = 100_000
"""Bits of an int that conversions and mathematics may get: they take quadratic time."""


_SIZED = (list, tuple, str, bytes, bytearray, collections.deque)


def _wide(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    return "a wide text" if len(args) > 1 and isinstance(args[1], int) and args[1] > MOST_ITEMS else ""


def _tabs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    width = args[1] if len(args) > 1 else kwargs.get("tabsize", 8)
    return "a wide text" if isinstance(width, int) and width * (raw_length(args[0]) + 1) > MOST_ITEMS else ""


def _format(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    text = args[0]
    if not isinstance(text, str) or "{" not in text:
        return ""
    import string

    try:
        fields = [*string.Formatter().parse(text)]
    except ValueError:
        return ""  # `format` complains in its own words
    if any("." in (name or "") for _, name, _, _ in fields):
        return "a format that looks into an object"
    nested = any("{" in (spec or "") for _, _, spec, _ in fields)
    if re.search(r"\d{5}", text) or (nested and any(_is_wide(value) for value in (*args[1:], *kwargs.values()))):
        return "a wide format"
    if nested and any(isinstance(value, dict) for value in args[1:]):
        return "a format with fields in fields"
    return "a format with fields in fields" if nested and ("[" in text or "." in text) else ""


def _is_wide(value: Any) -> bool:
    return isinstance(value, int) and value > _WIDEST


def _join(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if len(args) > 1 and type(args[1]) in (list, tuple) and args[1]:
        size = sum(raw_length(each) for each in args[1] if isinstance(each, str | bytes))
        size += raw_length(args[0]) * len(args[1])
        return "a long text" if size > MOST_ITEMS else ""
    return ""


def _replace(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if len(args) > 2 and isinstance(args[1], str | bytes) and isinstance(args[2], str | bytes):
        count = raw_length(args[0]) // max(raw_length(args[1]), 1) + 1
        return "a long text" if count * len(args[2]) > MOST_ITEMS else ""
    return ""


def _translate(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if len(args) > 1 and isinstance(args[1], dict):
        longest = max((len(value) for value in args[1].values() if isinstance(value, str)), default=1)
        return "a long text" if longest * raw_length(args[0]) > MOST_ITEMS else ""
    return ""


def _to_bytes(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    length = args[1] if len(args) > 1 else kwargs.get("length", 1)
    return "many bytes" if isinstance(length, int) and length > MOST_ITEMS else ""


def _extend(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if len(args) > 1 and type(args[1]) in _SIZED and raw_length(args[0]) + raw_length(args[1]) > MOST_ITEMS:
        return "a long list"
    return ""


def items(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Refuse to go through too many items."""
    for value in args:
        if type(value) is range and _length(value) > MOST_ITEMS:
            return "a long range"
    return ""


def _length(value: range) -> int:
    try:
        return len(value)
    except OverflowError:
        return MOST_ITEMS + 1


def big_numbers(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Refuse numbers with many digits."""
    for value in args:
        if isinstance(value, int) and value.bit_length() > _LONGEST_INT:
            return "a number with many digits"
    return items(args, kwargs)


def _digits(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    for value in args:
        if isinstance(value, str | bytes) and len(value) > _LONGEST_INT:
            return "a number with many digits"
    return big_numbers(args, kwargs)


def _count(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    if args and isinstance(args[0], int) and args[0] > MOST_ITEMS:
        return "many bytes"
    return items(args, kwargs)


_TEXT_GUARDS = {
    **dict.fromkeys(("ljust", "rjust", "center", "zfill"), _wide),
    **dict.fromkeys(("format", "format_map"), _format),
    "expandtabs": _tabs,
    "join": _join,
    "replace": _replace,
    "translate": _translate,
}


def _special(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    return ""


allow_type(int, attributes="real imag numerator denominator", guards={"to_bytes": _to_bytes}, guard=_digits, base=True)
allow_type(bool, attributes="real imag numerator denominator")
allow_type(float, attributes="real imag", guard=_digits, base=True)
allow_type(complex, attributes="real imag", guard=_digits, base=True)
allow_type(str, guards=_TEXT_GUARDS, guard=big_numbers, base=True)
allow_type(bytes, guards=_TEXT_GUARDS, guard=_count, base=True)
allow_type(
    bytearray,
    guards=_TEXT_GUARDS | {"extend": _extend},
    guard=_count,
    changing="append clear extend insert pop remove reverse",
    base=True,
)
_LIST = "append clear extend insert pop remove reverse sort"
_SET = (
    "add clear difference_update discard intersection_update pop remove symmetric_difference_update update __ior__ "
    "__iand__ __ixor__ __isub__"
)
_DICT = "clear pop popitem setdefault update __ior__"
allow_type(list, changing=_LIST, calls="sort", guards={"extend": _extend}, guard=items, base=True)
allow_type(tuple, guard=items, base=True)
allow_type(dict, changing=_DICT, guard=items, base=True)
allow_type(set, changing=_SET, guard=items, base=True)
allow_type(frozenset, guard=items, base=True)
allow([set, frozenset], orderless=True, guard=items, calls=False)
allow_type(
    collections.deque,
    changing="append appendleft clear extend extendleft insert pop popleft remove reverse rotate",
    attributes="maxlen",
    guards={"extend": _extend},
    guard=items,
    base=True,
)
allow_type(
    collections.defaultdict, changing=_DICT, calls="__init__", attributes="default_factory", guard=items, base=True
)
allow_type(collections.OrderedDict, changing=_DICT + " move_to_end", guard=items, base=True)
allow_type(collections.Counter, changing=_DICT + " subtract update", guard=items)
allow_type(range, attributes="start stop step", guard=lambda args, kwargs: "")
allow_type(slice, attributes="start stop step")
allow_type(types.NoneType)
allow_type(types.EllipsisType)
allow_type(types.NotImplementedType)
allow_type(types.MappingProxyType)
allow_type(types.SimpleNamespace, make=False)
allow_type(memoryview, make=False)
_sample: Any
_view: Any
for _sample in (
    iter([]), iter(()), iter(""), iter("\xe9"), iter({}), iter({}.values()), iter({}.items()), iter(set()),
    iter(range(0)), iter(range(1 << 70)), reversed([]), reversed({}), reversed({}.values()), reversed({}.items()),
    iter(b""),
    iter(bytearray()), iter(collections.deque()), reversed(collections.deque()), iter(int, 1),
    iter(collections.OrderedDict()),
):  # fmt: skip
    allow_type(type(_sample), make=False, changing="*")
for _view in (
    {}.keys(), {}.values(), {}.items(), collections.OrderedDict().keys(), collections.OrderedDict().values(),
    collections.OrderedDict().items(),
):  # fmt: skip
    allow_type(type(_view), make=False)
for _iterator in (enumerate, zip, map, filter, reversed):
    allow_type(_iterator, changing="*", guard=_special, calls="__init__")
for _tool in vars(itertools).values():
    if isinstance(_tool, type):
        calls = "" if _tool is itertools.repeat else "__init__"
        allow_type(_tool, changing="*", guard=_special, calls=calls)
allow_type(type(re.finditer("", "")), make=False, changing="*")
TYPES.update((types.GenericAlias, types.UnionType, re.RegexFlag, object))
allow([str.maketrans, bytes.maketrans])

# --- exceptions ---------------------------------------------------------------------------------------------------

_DATA = {
    BaseException: "args __cause__ __context__ __suppress_context__",
    StopIteration: "value",
    SystemExit: "code",
    OSError: "errno strerror filename filename2",
    ImportError: "name path msg",
    NameError: "name",
    AttributeError: "name obj",
    UnicodeDecodeError: "encoding object start end reason",
    UnicodeEncodeError: "encoding object start end reason",
    UnicodeTranslateError: "encoding object start end reason",
    SyntaxError: "msg filename lineno offset text",
    BaseExceptionGroup: "message exceptions",
}
for _name, _value in vars(builtins).items():
    if isinstance(_value, type) and issubclass(_value, BaseException):
        TYPES.add(_value)
        BASES.add(_value)
        allow([_value], calls=False)
        BUILTINS[_name] = _value
        for _special_name in ("__init__", "__repr__", "__str__", "add_note", "derive", "split", "subgroup"):
            if _special_name in vars(_value):
                METHODS[_value, _special_name] = Native(pure=_special_name not in ("__init__", "add_note"))
for _kind, _names in _DATA.items():
    for _name in _names.split():
        if _name in vars(_kind):
            ATTRIBUTES.add((_kind, _name))
            SETTABLE.add((_kind, _name))
for _kind in (
    int,
    float,
    complex,
    bool,
    str,
    bytes,
    bytearray,
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
    slice,
    map,
    zip,
):
    BUILTINS[_kind.__name__] = _kind
for _kind in (enumerate, filter, reversed, memoryview, object, type, property, staticmethod, classmethod, super):
    BUILTINS[_kind.__name__] = _kind
BUILTINS |= {
    "True": True,
    "False": False,
    "None": None,
    "NotImplemented": NotImplemented,
    "Ellipsis": ...,
    "__debug__": True,
}
BUILTINS["__name__"] = "builtins"
METHODS[object, "__repr__"] = METHODS[object, "__str__"] = METHODS[object, "__format__"] = Native()
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    METHODS[object, _name] = Native()

# --- what is known of a text that is not known ------------------------------------------------------------------------

for _kind in (str, bytes):
    answers(_kind, "strip lstrip rstrip", _kind, (), (_kind,), (type(None),))
    answers(_kind, "upper lower title capitalize swapcase", _kind, ())
    answers(_kind, "removeprefix removesuffix", _kind, (_kind,))
    answers(_kind, "replace", _kind, (_kind, _kind))
    answers(_kind, "startswith endswith", bool, (_kind,))
    answers(_kind, "isdigit isalpha isalnum isspace isupper islower istitle isascii", bool, ())
    answers(_kind, "find rfind count", int, (_kind,))
    answers(_kind, "index rindex", int)
    answers(_kind, "splitlines", list, ())
    answers(_kind, "split rsplit", list, (), (type(None),))
    answers(_kind, "partition rpartition", tuple)
    answers(_kind, "center ljust rjust zfill expandtabs join translate", _kind)
answers(str, "casefold", str, ())
answers(str, "format format_map", str)
answers(str, "isidentifier isnumeric isdecimal isprintable", bool, ())
answers(str, "encode", bytes)
answers(bytes, "decode hex", str)
answers(int, "bit_length bit_count", int, ())
answers(float, "is_integer", bool, ())
