"""Comprehensions over an unknown: they give an unknown, where what they do for each item changes nothing else."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from neuralpdb.interpreter.activation import Activation, cell_value
from neuralpdb.interpreter.decoded import Code
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import EMPTY, Function, Unknown
from neuralpdb.interpreter.operators import sources_of

_MAKES = {"<listcomp>": list, "<setcomp>": set, "<dictcomp>": dict, "<genexpr>": types.GeneratorType}
_READS = frozenset(
    "strip lstrip rstrip split rsplit splitlines lower upper title capitalize casefold replace startswith endswith "
    "join format get items keys values count index find rfind isdigit isalpha isalnum isspace isupper islower zfill "
    "ljust rjust center encode decode partition rpartition removeprefix removesuffix bit_length year month day group "
    "groups start end name stem suffix parent parts strftime isoformat".split()
)
"""Attributes and methods that change nothing, whatever built-in type has them."""
_LOADS = frozenset(
    "LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST LOAD_DEREF "
    "LOAD_GLOBAL LOAD_NAME LOAD_CONST LOAD_ATTR LOAD_METHOD COPY_FREE_VARS LOAD_FAST_AND_CLEAR".split()
)
_HARMLESS = _LOADS | frozenset(
    "RESUME NOP EXTENDED_ARG PRECALL CALL CALL_KW KW_NAMES PUSH_NULL POP_TOP SWAP COPY BINARY_OP BINARY_SUBSCR "
    "BINARY_SLICE COMPARE_OP CONTAINS_OP IS_OP UNARY_NOT UNARY_NEGATIVE TO_BOOL BUILD_LIST BUILD_TUPLE BUILD_SET "
    "BUILD_MAP BUILD_CONST_KEY_MAP BUILD_STRING BUILD_SLICE FORMAT_VALUE FORMAT_SIMPLE FORMAT_WITH_SPEC CONVERT_VALUE "
    "UNPACK_SEQUENCE LIST_APPEND SET_ADD MAP_ADD JUMP_BACKWARD JUMP_FORWARD POP_JUMP_IF_TRUE POP_JUMP_IF_FALSE "
    "POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE "
    "POP_JUMP_BACKWARD_IF_TRUE POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE "
    "POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE JUMP_IF_TRUE_OR_POP JUMP_IF_FALSE_OR_POP FOR_ITER "
    "GET_ITER RETURN_VALUE RETURN_GENERATOR YIELD_VALUE END_FOR RETURN_CONST MAKE_CELL CALL_INTRINSIC_1 "
    "LIST_EXTEND LIST_TO_TUPLE RERAISE".split()
)
"""Instructions that change nothing but the stack and variables of the comprehension."""

_BEFORE = frozenset(("SWAP", "COPY", "BUILD_LIST", "BUILD_SET", "BUILD_MAP", "LOAD_FAST_AND_CLEAR", "MAKE_CELL"))
"""Instructions between GET_ITER and the loop of an inlined comprehension."""
_ASKS = (isinstance, issubclass, callable, type)
"""Functions of which the machine has its own version, and that only look."""


def made_by(m: Machine, f: Activation, iterator: Unknown) -> Unknown | None:
    """Return what the function of a comprehension on the stack gives for an unknown; None where that is not certain."""
    function = f.stack[-2] if len(f.stack) > 1 else EMPTY
    if type(function) is not Function or function.code.name not in _MAKES:
        return None
    code = function.code
    code.decode()
    values = {name: cell.value for name, cell in zip(code.raw.co_freevars, function.closure, strict=True)}
    if not _is_harmless(m, f, code, range(len(code.names)), values):
        return None
    reason = f"something is made of each item of an unknown: {iterator.reason}"
    sources = sources_of(m, iterator, *(each for each in values.values() if type(each) is not Function))
    return m.unsure(reason, _MAKES[code.name], sources)


def skip(m: Machine, f: Activation, target: int, iterator: Unknown) -> bool:
    """Make the outcome of an inlined comprehension over an unknown unknown; return whether that could be done.

    target: the instruction behind its loop. The iterator is on the stack, above what is being made.
    """
    code = f.code
    at = f.prev
    while at and code.names[at - 1] in _BEFORE:
        at -= 1
    places = range(f.prev + 1, target)
    cleared = {code.ops[i][1] for i in range(at, target) if code.names[i] == "LOAD_FAST_AND_CLEAR"}
    if not _stored(code, places) <= cleared:
        return False  # `:=` binds a variable of the function
    names = {name: cell_value(value) for name, value in zip(code.slots, f.fast, strict=True)}
    if not _is_harmless(m, f, code, places, names):
        return False
    held = f.stack[-2]
    if type(held) not in (list, set, dict, Unknown):
        return False
    used = {name for name in _names(code, places) if name in names}
    sources = sources_of(m, iterator, held, *(names[name] for name in used if names[name] is not EMPTY))
    kind = held.type if type(held) is Unknown else type(held)
    f.stack[-2] = m.unsure(f"something is made of each item of an unknown: {iterator.reason}", kind, sources)
    return True


def _stored(code: Code, places: range) -> set[int]:
    """Return the variables that instructions bind."""
    found = set()
    for i in places:
        name, argument = code.names[i], code.ops[i][1]
        if name == "STORE_FAST":
            found.add(argument)
        elif name == "STORE_FAST_LOAD_FAST":
            found.add(argument >> 4)
        elif name == "STORE_FAST_STORE_FAST":
            found |= {argument >> 4, argument & 15}
    return found


def _names(code: Code, places: range) -> Iterator[str]:
    """Yield the names that instructions look up."""
    for i in places:
        name, argument = code.names[i], code.ops[i][1]
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield argument if type(argument) is str else argument[0]
        elif name == "LOAD_FAST_LOAD_FAST":
            yield from (code.slots[argument >> 4], code.slots[argument & 15])
        elif name == "STORE_FAST_LOAD_FAST":
            yield code.slots[argument & 15]
        elif name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_DEREF"):
            yield code.slots[argument]


def _is_harmless(m: Machine, f: Activation, code: Code, places: range, names: dict[str, Any]) -> bool:
    """Whether instructions change nothing that others see: they call nothing of the program, and only read."""
    if any(code.names[i] not in _HARMLESS for i in places):
        return False
    own = {code.slots[slot] for slot in _stored(code, places)}
    for i in places:
        if code.names[i] in ("LOAD_ATTR", "LOAD_METHOD"):
            argument = code.ops[i][1]
            if (argument if type(argument) is str else argument[0]) not in _READS:
                return False
    for name in _names(code, places):
        value = names.get(name, EMPTY) if name not in own else EMPTY
        if value is EMPTY and name not in own and name != ".0":
            value = f.globals.get(name, m.library.builtins.get(name, EMPTY))
        if value is not EMPTY and not _is_safe(m, value):
            return False
    return True


def _is_safe(m: Machine, value: Any, depth: int = 3) -> bool:
    """Whether calling a value, or reading its parts, changes nothing and runs nothing of the program."""
    if type(value) is Unknown:
        return not value.sources
    if isinstance(value, type) or type(value) in (types.BuiltinFunctionType, types.FunctionType):
        return value in _ASKS or m.library.only_reads(value)
    if m.library.is_immutable(value):
        return True
    if type(value) in (list, tuple, set, dict) and depth:
        items = [*value, *value.values()] if type(value) is dict else value
        return all(_is_safe(m, item, depth - 1) for item in items)
    return False
