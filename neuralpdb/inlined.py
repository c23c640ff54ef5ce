"""Which instructions of a code object belong to inlined comprehensions (PEP 709, Python >= 3.12).

Up to 3.11 a comprehension is a code object of its own and its frames are simply not recorded. Here its instructions
are found, so that the recorder can hide the same events on every version.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType

_INLINES = dis.opmap.get("LOAD_FAST_AND_CLEAR")
"""The instruction that sets a comprehension's own variable aside; only versions that inline have it."""
_Range = tuple[int, int, int, int]
"""First line, first column, last line, last column: lines from 1, columns in UTF-8 bytes from 0."""


@dataclass(frozen=True)
class Inlined:
    """The inlined comprehensions of one code object. Keys are instruction offsets in bytes.

    hidden: instructions of a comprehension -> the line it starts on.
    leads:  first instruction of what a comprehension iterates over -> the line that 3.11 visits before it.
    leaks:  instructions at which the comprehension's own variables are among the locals -> their names.
    """

    hidden: Mapping[int, int] = field(default_factory=dict)
    leads: Mapping[int, int] = field(default_factory=dict)
    leaks: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def line(self, offset: int, line: int) -> int:
        """The line that an event at `offset` has when comprehensions are not inlined."""
        return self.hidden.get(offset, line)


NONE_INLINED = Inlined()


def inlined_in(code: CodeType, text: str) -> Inlined:
    """The inlined comprehensions of `code`, which was compiled from `text`."""
    if not _INLINES or not any(i.opcode == _INLINES for i in dis.get_instructions(code)):
        return NONE_INLINED
    ranges = _comprehensions(text)
    instructions = [(i.offset, i.opname, i.argval, _position(i)) for i in dis.get_instructions(code)]
    hidden: dict[int, int] = {}
    leads: dict[int, int] = {}
    leaks: dict[int, frozenset[str]] = {}
    for whole, source in ranges.items():
        _mark(instructions, whole, source, hidden, leads, leaks)
    return Inlined(hidden, leads, leaks)


_Instruction = tuple[int, str, object, _Range | None]


def _mark(
    instructions: list[_Instruction],
    whole: _Range,
    source: _Range,
    hidden: dict[int, int],
    leads: dict[int, int],
    leaks: dict[int, frozenset[str]],
) -> None:
    """Add the marks of the comprehension at `whole`, which iterates over the expression at `source`."""
    exact = [n for n, (_, _, _, position) in enumerate(instructions) if position == whole]
    cleared = [n for n in exact if instructions[n][1] == "LOAD_FAST_AND_CLEAR"]
    if not cleared or instructions[cleared[0]][0] in hidden:
        return  # it belongs to another code object, or lies in one already marked
    first, line = exact[0], whole[0]
    for offset, _, _, position in instructions[:first]:
        if position is not None and _within(position, source):
            if position[0] != line:
                leads[offset] = line
            break
    names = frozenset(str(instructions[n][2]) for n in cleared)
    end = first + 1
    while end < len(instructions) and (instructions[end][3] is None or _within(instructions[end][3], whole)):
        end += 1
    restored = max((n for n in exact if n < end + 2 + 2 * len(names)), default=end)
    for n in {*range(first + 1, end), *exact[1:]}:
        hidden[instructions[n][0]] = line
    for n in range(first + 1, max(end, restored)):
        leaks[instructions[n][0]] = names


def _position(instruction: dis.Instruction) -> _Range | None:
    p = instruction.positions
    if p is None or p.lineno is None or p.end_lineno is None or p.col_offset is None or p.end_col_offset is None:
        return None
    return p.lineno, p.col_offset, p.end_lineno, p.end_col_offset


def _within(inner: _Range | None, outer: _Range) -> bool:
    return inner is not None and outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


@lru_cache(maxsize=8)
def _comprehensions(text: str) -> dict[_Range, _Range]:
    """Range of each comprehension -> range of what it iterates over first; outer ones first."""
    return dict(_found(ast.parse(text)))


def _found(tree: ast.AST) -> Iterator[tuple[_Range, _Range]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            yield _range(node), _range(node.generators[0].iter)


def _range(node: ast.expr) -> _Range:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
