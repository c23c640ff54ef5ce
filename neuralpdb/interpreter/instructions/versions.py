"""What versions of Python have otherwise: instructions that mean something else, and how arguments are packed."""

from __future__ import annotations

import opcode
from collections.abc import Callable
from types import CodeType
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import Handler, Instructions
from neuralpdb.interpreter.instructions import calls, control, data, exceptions, variables
from neuralpdb.interpreter.instructions.register import HANDLERS
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.signals import Stop

_Decoder = Callable[[CodeType, int], Any]
_COMPARISONS = opcode.cmp_op


def _name(code: CodeType, number: int) -> str:
    return code.co_names[number]


def _const(code: CodeType, number: int) -> Any:
    return code.co_consts[number]


def _compare_to_bool(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    symbol, flag = arg
    data.compare_op(m, f, symbol)
    if flag:
        data.to_bool(m, f, None)


def _make_plain_function(m: Machine, f: Activation, arg: Any) -> None:
    calls.make_function(m, f, 0)


_BY_NAME = (
    "LOAD_NAME STORE_NAME DELETE_NAME STORE_ATTR DELETE_ATTR LOAD_METHOD STORE_GLOBAL DELETE_GLOBAL IMPORT_NAME "
    "IMPORT_FROM LOAD_FROM_DICT_OR_GLOBALS LOAD_FROM_DICT_OR_GLOBALS"
).split()

_ARGUMENTS_3_11: dict[str, _Decoder] = {
    **dict.fromkeys(_BY_NAME, _name),
    "LOAD_ATTR": _name,
    "LOAD_CONST": _const,
    "KW_NAMES": _const,
    "LOAD_GLOBAL": lambda code, number: (code.co_names[number >> 1], number & 1),
    "COMPARE_OP": lambda code, number: _COMPARISONS[number],
}
_ARGUMENTS_3_12: dict[str, _Decoder] = {
    "LOAD_ATTR": lambda code, number: (code.co_names[number >> 1], number & 1),
    "LOAD_SUPER_ATTR": lambda code, number: (code.co_names[number >> 2], number & 3),
    "RETURN_CONST": _const,
    "COMPARE_OP": lambda code, number: _COMPARISONS[number >> 4],
}
_ARGUMENTS_3_13: dict[str, _Decoder] = {
    "COMPARE_OP": lambda code, number: (_COMPARISONS[number >> 5], number & 16),
}
_HANDLERS_3_12: dict[str, Handler] = {
    "LOAD_ATTR": calls.load_attr_or_method,
}
_HANDLERS_3_13: dict[str, Handler] = {
    "LOAD_GLOBAL": variables.load_global_with_null_behind,
    "LOAD_ATTR": calls.load_attr_or_method_with_null_above,
    "LOAD_SUPER_ATTR": calls.load_super_attr_with_null_above,
    "CALL": calls.call_with_null_above,
    "CALL_FUNCTION_EX": calls.call_function_ex_with_null_above,
    "MAKE_FUNCTION": _make_plain_function,
    "COMPARE_OP": _compare_to_bool,
}
_DIFFERENCES: dict[tuple[int, int], tuple[dict[str, Handler], dict[str, _Decoder]]] = {
    (3, 11): ({}, _ARGUMENTS_3_11),
    (3, 12): (_HANDLERS_3_12, _ARGUMENTS_3_12),
    (3, 13): (_HANDLERS_3_13, _ARGUMENTS_3_13),
}
"""version -> what it has otherwise than the one before it."""
_NEWEST = max(_DIFFERENCES)


def instructions_of(version: tuple[int, int]) -> Instructions:
    """Return the instructions of a version of Python. Raises Stop for one that is not supported."""
    if version not in _DIFFERENCES:
        raise Stop(f"Python {version[0]}.{version[1]} is not supported: from 3.11 to {_NEWEST[0]}.{_NEWEST[1]}")
    handlers = dict(HANDLERS)
    arguments: dict[str, _Decoder] = {}
    for each in sorted(_DIFFERENCES):
        if each <= version:
            handlers |= _DIFFERENCES[each][0]
            arguments |= _DIFFERENCES[each][1]
    return Instructions(handlers, arguments)


__all__ = ["control", "exceptions", "instructions_of"]
