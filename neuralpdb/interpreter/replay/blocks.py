"""Blocks of a code object: what is on the stack at each instruction, and where control flow leads between lines."""

from __future__ import annotations

import dis
import opcode
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from neuralpdb.interpreter.decoded import JUMPS, Code, operations

_NAMES_OF_JUMPS = frozenset(opcode.opname[each] for each in JUMPS)
_ALWAYS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
_NEVER_GO_ON = ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE")
RETURNS = frozenset(("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE"))


class Entry(NamedTuple):
    """One entry of the stack.

    at:        the instruction that put it there first.
    exception: whether it belongs to an exception that is being handled.
    """

    at: int
    exception: bool = False


Shape = tuple[Entry, ...]
"""The stack before an instruction, the deepest entry first."""


class Blocks:
    """What is on the stack at the instructions of one code object, and how they follow each other.

    shapes: instruction -> the stack before it; those that are never reached are not there.
    """

    def __init__(self, code: Code) -> None:
        code.decode()
        self._code = code
        self._operations = list(operations(code.raw.co_code))
        self.shapes: Mapping[int, Shape] = self._shapes()

    def _successors(self, i: int) -> Iterator[tuple[int, bool]]:
        """Yield the instructions that can follow `i`, and whether by a jump; not those by an exception."""
        name = self._code.names[i]
        if name in _NEVER_GO_ON:
            return
        if name not in _ALWAYS and i + 1 < len(self._code.names):
            yield i + 1, False
        if name in _NAMES_OF_JUMPS:
            yield self._code.ops[i][1], True

    def _shapes(self) -> dict[int, Shape]:
        code = self._code
        shapes: dict[int, Shape] = {0: ()}
        todo = [0]
        while todo:
            i = todo.pop()
            shape = shapes[i]
            following = [(at, self._after(shape, i, jump)) for at, jump in self._successors(i)]
            handler = code.handlers.get(i)
            if handler is not None:
                target, depth, lasti = handler
                pushed = (Entry(target, True),) * (2 if lasti else 1)
                following.append((target, (*shape[:depth], *pushed)))
            for at, after in following:
                if at not in shapes:
                    shapes[at] = after
                    todo.append(at)
        return shapes

    def _after(self, shape: Shape, i: int, jump: bool) -> Shape:
        _, operation, argument = self._operations[i]
        number = argument if operation >= dis.HAVE_ARGUMENT else None
        effect = dis.stack_effect(operation, number, jump=jump)
        if effect < 0:
            return shape[:effect]
        return (*shape, *(Entry(i, self._code.names[i] == "PUSH_EXC_INFO") for _ in range(effect)))

    def landing(self, i: int, held: int, line: int) -> tuple[int, int] | None:
        """Return where a jump from `i` to a line goes, and what is left of the stack; None where it cannot go.

        As when `f_lineno` is set in Python: blocks can be left, not entered; the deepest of several places is taken.
        held: how many entries there are on the stack now.
        """
        here = self.shapes.get(i)
        if here is None:
            return None
        best: tuple[int, int] | None = None
        for at in self.starts(line):
            there = self.shapes.get(at)
            if there is None or len(there) > held or here[: len(there)] != there:
                continue
            if any(entry.exception for entry in here[len(there) :]):
                continue
            if best is None or len(there) > best[1]:
                best = at, len(there)
        return best

    def starts(self, line: int) -> Iterator[int]:
        """Yield the instructions at which a line begins."""
        code = self._code
        lines = code.lines
        for i in range(code.first + 1, len(lines)):
            if lines[i] == line and lines[i - 1] != line and i not in code.inside:
                yield i

    def places(self, line: int) -> set[int]:
        """Return all instructions at which a line can be an event, also in the middle of a block or a statement."""
        code = self._code
        lines = code.lines
        found = set()
        for before in self.shapes:
            following = [at for at, _ in self._successors(before)]
            if before in code.handlers:
                following.append(code.handlers[before][0])
            for at in following:
                if lines[at] == line and at > code.first and (lines[before] != line or at <= before):
                    found.add(at)
        return found

    def leads(self, source: int, start: int) -> tuple[set[int], bool]:
        """Return the lines that can be the next event from `start` on, and whether leaving the activation can.

        source: the instruction that goes to `start`. Exceptions and calls are not looked at.
        """
        lines: set[int] = set()
        leaves = False
        todo, seen = [(source, start)], set()
        while todo:
            before, i = todo.pop()
            if (before, i) in seen:
                continue
            seen.add((before, i))
            line = self._code.lines[i]
            if line is not None and (line != self._code.lines[before] or i <= before):
                lines.add(line)
                continue
            if self._code.names[i] in RETURNS:
                leaves = True
                continue
            todo.extend((i, at) for at, _ in self._successors(i))
        return lines, leaves
