"""Inlined comprehensions (PEP 709, Python >= 3.12): the instructions of a code object that belong to them.

Up to 3.11 a comprehension is a code object of its own, whose frames are not recorded. With these instructions the
recorder hides the same events on every version.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType

CLEAR = "LOAD_FAST_AND_CLEAR"
"""The instruction that saves the value of a comprehension's variable; only versions that inline have it."""
_LOOPS = ("GET_ITER", "FOR_ITER", "END_FOR")
_Range = tuple[int, int, int, int]
"""First line, first column, last line, last column: lines from 1, columns in UTF-8 bytes from 0."""


@dataclass(frozen=True)
class Inlined:
    """The inlined comprehensions of one code object. Keys are instruction offsets in bytes.

    hidden: instructions of a comprehension -> the line it starts on.
    leads:  first instruction of the iterated expression -> the line that 3.11 visits before it.
    leaks:  instructions at which the comprehension's own variables are among the locals -> their names. Reading such
            a local can crash 3.13.0, which takes it for a cell if it is one in another comprehension.
    captured: locals of the code that comprehensions use.
    """

    hidden: Mapping[int, int] = field(default_factory=dict)
    leads: Mapping[int, int] = field(default_factory=dict)
    leaks: Mapping[int, frozenset[str]] = field(default_factory=dict)
    captured: frozenset[str] = frozenset()

    def line(self, offset: int, line: int) -> int:
        """Return the line of an event at `offset` where comprehensions are not inlined."""
        return self.hidden.get(offset, line)


NONE_INLINED = Inlined()


def inlined_in(code: CodeType, text: str) -> Inlined:
    """Return the inlined comprehensions of code that was compiled from `text`."""
    if CLEAR not in dis.opmap:
        return NONE_INLINED
    instructions = [(i.offset, i.opname, i.argval, _position(i)) for i in dis.get_instructions(code)]
    if not any(operation == CLEAR for _, operation, _, _ in instructions):
        return NONE_INLINED
    hidden: dict[int, int] = {}
    leads: dict[int, int] = {}
    leaks: dict[int, frozenset[str]] = {}
    for whole, source in _comprehensions(text).items():
        _mark(instructions, whole, source, hidden, leads, leaks)
    own = frozenset(code.co_varnames + code.co_cellvars)
    used = {
        str(name)
        for offset, operation, value, _ in instructions
        if offset in hidden and "_FAST" in operation
        for name in (value if isinstance(value, tuple) else (value,))
        if name not in leaks.get(offset, ())
    }
    return Inlined(hidden, leads, leaks, own & used)


_Instruction = tuple[int, str, object, _Range | None]


def _mark(
    instructions: list[_Instruction],
    whole: _Range,
    source: _Range,
    hidden: dict[int, int],
    leads: dict[int, int],
    leaks: dict[int, frozenset[str]],
) -> None:
    """Add the comprehension at `whole`, which iterates over the expression at `source`, to the three tables.

    The compiler repeats some code (tests of `while`, `finally` bodies), so there may be several runs of its
    instructions, and an instruction that restores its variables follows each.
    """
    names: frozenset[str] = frozenset()
    end = 0
    for start, (first, _, _, position) in enumerate(instructions):
        if position != whole or first in hidden or start < end or not _is_own(instructions, start):
            continue
        last, end = end, _run_end(instructions, start, whole)
        run = instructions[start:end]
        cleared = frozenset(str(name) for _, operation, name, at in run if operation == CLEAR and at == whole)
        if cleared:  # the comprehension begins: entering it is an event on every version
            names = cleared
            leads.update(_lead(instructions, start, source, whole[0]))
        elif start - last <= 2:  # the comprehension has ended and restores its variables
            leaks.update((offset, names) for offset, _, _, _ in instructions[last:start])
        inside = run[1:] if cleared else run
        hidden.update((offset, whole[0]) for offset, _, _, _ in inside)
        leaks.update((offset, names) for offset, _, _, _ in inside)


def _is_own(instructions: list[_Instruction], n: int) -> bool:
    """Whether it belongs to the comprehension; 3.13 also gives its range to instructions of a loop over its result."""
    return instructions[n][1] not in _LOOPS or instructions[n + 1][1] == CLEAR


def _run_end(instructions: list[_Instruction], start: int, whole: _Range) -> int:
    loops_are_others = instructions[start][1] == CLEAR  # 3.12 begins with GET_ITER
    for end in range(start + 1, len(instructions)):
        _, operation, _, position = instructions[end]
        if position is not None and not _within(position, whole):
            return end
        if position == whole and operation in _LOOPS and loops_are_others:
            return end
    return len(instructions)


def _lead(instructions: list[_Instruction], start: int, source: _Range, line: int) -> dict[int, int]:
    """Return the first instruction of `source`, which runs just before `start`, when it is on another line."""
    begin = start
    while begin > 0 and _within(instructions[begin - 1][3], source):
        begin -= 1
    offset, _, _, position = instructions[begin]
    return {offset: line} if begin < start and position is not None and position[0] != line else {}


def _position(instruction: dis.Instruction) -> _Range | None:
    p = instruction.positions
    if p is None or p.lineno is None or p.end_lineno is None or p.col_offset is None or p.end_col_offset is None:
        return None
    return p.lineno, p.col_offset, p.end_lineno, p.end_col_offset


def _within(inner: _Range | None, outer: _Range) -> bool:
    return inner is not None and outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


@lru_cache(maxsize=8)
def _comprehensions(text: str) -> dict[_Range, _Range]:
    """Return the range of each comprehension -> the range of its first iterated expression; outer ones first."""
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ListComp | ast.SetComp | ast.DictComp)]
    return {_range(node): _range(node.generators[0].iter) for node in nodes}


def _range(node: ast.expr) -> _Range:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
