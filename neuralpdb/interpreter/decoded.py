"""Decoded code objects: instructions with handlers, arguments and lines, and the exception table.

It knows the layout of a code object and what the compiler says of lines, nothing of values.
"""

from __future__ import annotations

import inspect
import opcode
import sys
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any

VERSION = sys.version_info[:2]
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")
_ORDERLESS = ("wait", "_wait")
"""Functions of libraries (asyncio) that go through sets, and do the same whatever the order."""
_TYPE_PARAMETERS = "<generic parameters of "
_OPNAMES = opcode.opname
_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
JUMPS = frozenset(opcode.hasjrel)
_CACHES = getattr(opcode, "_inline_cache_entries", {})
_INLINES = VERSION >= (3, 12)

Handler = Callable[[Any, Any, Any], Any]
"""Runs one instruction, given the machine, the activation and the decoded argument; returns where to go on, or None."""


def _cache_size(operation: int) -> int:
    """Return the number of two-byte cache entries behind an instruction."""
    if isinstance(_CACHES, Mapping):
        return int(_CACHES.get(_OPNAMES[operation], 0))
    return int(_CACHES[operation])


class Instructions:
    """What a version's instructions do.

    handlers:  name -> how it is run.
    arguments: name -> how its argument is decoded, given the code object and the number; others keep the number.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], arguments: Mapping[str, Callable[[CodeType, int], Any]]
    ) -> None:
        self.handlers = handlers
        self.arguments = arguments


class Code:
    """A code object, decoded once, and lazily: most functions of a library are never called.

    raw:      the code object.
    seen:     the variables at its last event, in order (3.13 only).
    orderless: whether the order of the sets that it goes through does not matter.
    own:      whether it belongs to the program, whose frames are shown.
    """

    def __init__(self, raw: CodeType, instructions: Instructions, text: str | None) -> None:
        """text: the whole program that `raw` was compiled from; None for a library."""
        self.raw = raw
        self.name = raw.co_name
        self.own = text is not None
        self._instructions = instructions
        self._text = text
        flags = raw.co_flags
        self.is_module = raw.co_name == "<module>"
        self.is_body = not self.is_module and not flags & inspect.CO_OPTIMIZED
        self.hidden = (
            not self.own or raw.co_name in _COMPREHENSIONS or raw.co_name.startswith(_TYPE_PARAMETERS)
        )  # fmt: skip
        self.is_generator = bool(flags & inspect.CO_GENERATOR)
        self.is_coroutine = bool(flags & inspect.CO_COROUTINE)
        self.is_async_generator = bool(flags & inspect.CO_ASYNC_GENERATOR)
        self.suspends = self.is_generator or self.is_coroutine or self.is_async_generator
        self.is_awaitable = bool(flags & (inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE))
        cells = tuple(name for name in raw.co_cellvars if name not in raw.co_varnames)
        self.slots = (*raw.co_varnames, *cells, *raw.co_freevars)
        self.free = len(self.slots) - len(raw.co_freevars)
        self.varnames = raw.co_varnames
        self.positional = raw.co_argcount
        self.positional_only = raw.co_posonlyargcount
        self.arguments = raw.co_argcount + raw.co_kwonlyargcount
        self.star = bool(flags & inspect.CO_VARARGS)
        self.stars = bool(flags & inspect.CO_VARKEYWORDS)
        self.is_simple = not (self.star or self.stars or raw.co_kwonlyargcount)
        self.ops: list[tuple[Handler, Any, int | None]] = []
        self.lines: list[int | None] = []
        self.names: list[str] = []
        self.first = 0
        self.handlers: dict[int, tuple[int, int, bool]] = {}
        self.inside: frozenset[int] = frozenset()
        self.leads: Mapping[int, int] = {}
        self.leaks: Mapping[int, frozenset[str]] = {}
        self.captured: frozenset[str] = frozenset()
        self.loops: frozenset[int] = frozenset()
        self.orderless = not self.own and raw.co_name in _ORDERLESS
        self.seen: tuple[str, ...] = ()

    def decode(self) -> None:
        """Fill in the instructions; does nothing the second time."""
        if self.ops:
            return
        raw = self.raw
        decoded = list(operations(raw.co_code))
        index = {offset: i for i, (offset, _, _) in enumerate(decoded)}
        lines = _lines(raw)
        hidden: Mapping[int, int] = {}
        if _INLINES and self._text is not None:
            from neuralpdb.program.inlined import inlined_in

            inlined = inlined_in(raw, self._text)
            hidden = inlined.hidden
            self.inside = frozenset(index[offset] for offset in hidden)
            self.leaks = {index[offset]: names for offset, names in inlined.leaks.items()}
            self.leads = {index[offset]: line for offset, line in inlined.leads.items()}
            stars = self.arguments + self.star + self.stars
            self.captured = inlined.captured.union(raw.co_cellvars).difference(raw.co_varnames[:stars])
        loops = set()
        decoders, handlers = self._instructions.arguments, self._instructions.handlers
        ops: list[tuple[Handler, Any, int | None]] = []
        for offset, operation, number in decoded:
            name = _OPNAMES[operation]
            argument: Any = number
            if operation in JUMPS:
                backward = "JUMP_BACKWARD" in name
                target = offset + 2 + 2 * _cache_size(operation) + (-2 * number if backward else 2 * number)
                argument = index[target]
                if backward:
                    loops.add(argument)
            elif name in decoders:
                argument = decoders[name](raw, number)
            handler = handlers.get(name)
            if handler is None:
                handler, argument = handlers["unsupported"], name
            line = hidden.get(offset, lines.get(offset))
            ops.append((handler, argument, line))
            self.lines.append(line)
            self.names.append(name)
        self.loops = frozenset(loops)
        self.first = self.names.index("RESUME") if "RESUME" in self.names else 0
        offsets = [offset for offset, _, _ in decoded]
        for start, end, target, depth, lasti in _exception_table(raw.co_exceptiontable):
            for i in range(_at(offsets, index, start), _at(offsets, index, end)):
                self.handlers.setdefault(i, (index[target], depth, lasti))
        self.ops = ops

    def guards(self, at: int) -> bool:
        """Whether an exception at instruction `at` would meet code of the program."""
        handler = self.handlers.get(at)
        return handler is not None and self.names[handler[0]] != "CALL_INTRINSIC_1"


def _at(offsets: list[int], index: Mapping[int, int], offset: int) -> int:
    """The index of the first instruction at or behind `offset`."""
    if offset in index:
        return index[offset]
    return next((i for i, at in enumerate(offsets) if at >= offset), len(offsets))


def operations(code: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield offset, operation and argument of each instruction, without caches."""
    extended = 0
    for offset in range(0, len(code), 2):
        operation = code[offset]
        if operation == 0:  # CACHE
            continue
        argument = code[offset + 1] | extended
        extended = argument << 8 if operation == _EXTENDED_ARG else 0
        yield offset, operation, argument


def _lines(raw: CodeType) -> dict[int, int | None]:
    """Map each offset to its line."""
    return {offset: line for start, end, line in raw.co_lines() for offset in range(start, end, 2)}


def _exception_table(table: bytes) -> Iterator[tuple[int, int, int, int, bool]]:
    """Yield start, end and target as offsets, the stack's depth, and whether the raising offset is pushed.

    Format: CPython, Objects/exception_handling_notes.txt.
    """
    numbers = iter(table)

    def number(byte: int) -> int:
        value = byte & 63
        while byte & 64:
            byte = next(numbers)
            value = value << 6 | byte & 63
        return value

    for byte in numbers:
        start = number(byte) * 2
        length = number(next(numbers)) * 2
        target = number(next(numbers)) * 2
        depth_lasti = number(next(numbers))
        yield start, start + length, target, depth_lasti >> 1, bool(depth_lasti & 1)
