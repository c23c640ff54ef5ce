"""Control flow of compiled code, line by line: which line events can follow which. Nothing is executed.

Read from the bytecode of the interpreter that runs neuralpdb, because that decides which line events
`sys.settrace` reports; the sets are upper bounds (a branch counts whatever its condition says).
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType

COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
_CO_OPTIMIZED = 0x1
_CO_GENERATOR_LIKE = 0x20 | 0x80 | 0x200  # generator, coroutine, async generator

_ENDS = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"})
_LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE"})
_PREFIX_JUMPS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE")
# Operations that run no code of the program and cannot fail; everything else might.
_INERT = frozenset(
    "RESUME NOP CACHE EXTENDED_ARG PUSH_NULL POP_TOP COPY SWAP LOAD_CONST LOAD_SMALL_INT STORE_FAST "
    "STORE_NAME STORE_GLOBAL STORE_DEREF BUILD_TUPLE BUILD_LIST BUILD_STRING RETURN_VALUE RETURN_CONST "
    "JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE "
    "POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_NONE "
    "POP_JUMP_BACKWARD_IF_NOT_NONE IS_OP MAKE_CELL COPY_FREE_VARS RETURN_GENERATOR POP_BLOCK NOT_TAKEN".split()
)
# They can fail (an unbound name) but call nothing.
_LOADS = frozenset(
    "LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_BORROW LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW_LOAD_FAST_BORROW "
    "STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST LOAD_NAME LOAD_GLOBAL LOAD_DEREF LOAD_CLOSURE DELETE_FAST "
    "DELETE_NAME RAISE_VARARGS RERAISE".split()
)


@dataclass(frozen=True)
class Successors:
    """What can come right after a line event, inside the same activation.

    lines:    lines whose line event can be next.
    handlers: lines whose line event can be next when the line raised.
    leaves:   the line can end in a return or a yield.
    calls:    the line can call Python code.
    raises:   the line can raise.
    resumes:  the line holds a `for`: an exception (StopIteration) may be swallowed and `lines` follow.
    """

    lines: frozenset[int] = frozenset()
    handlers: frozenset[int] = frozenset()
    leaves: bool = True
    calls: bool = True
    raises: bool = True
    resumes: bool = True


@dataclass(eq=False)
class Code:
    """One code object of the program: a module, function, lambda, generator expression, comprehension or class."""

    raw: CodeType
    parent: Code | None = None
    children: list[Code] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.raw.co_name

    @property
    def qualname(self) -> str:
        return self.raw.co_qualname

    @property
    def first_line(self) -> int:
        """Line of the `call` event: of the first decorator if there is one, else of the `def`."""
        return max(self.raw.co_firstlineno, 1)

    @property
    def is_module(self) -> bool:
        return self.parent is None

    @property
    def is_frame(self) -> bool:
        """False for what a canonical trace hides: comprehensions and class bodies."""
        return self.is_module or (bool(self.raw.co_flags & _CO_OPTIMIZED) and self.name not in COMPREHENSIONS)

    @property
    def suspends(self) -> bool:
        """True for generators and coroutines: they can be entered again at a `yield`."""
        return bool(self.raw.co_flags & _CO_GENERATOR_LIKE)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names bound when the code is entered, in the order of `f_locals`."""
        raw = self.raw
        count = raw.co_argcount + raw.co_kwonlyargcount + bool(raw.co_flags & 0x04) + bool(raw.co_flags & 0x08)
        return raw.co_varnames[:count]

    @cached_property
    def _graph(self) -> _Graph:
        return _Graph(self.raw)

    @cached_property
    def lines(self) -> frozenset[int]:
        """Every line that can have a line event in this code."""
        return frozenset(line for line in self._graph.line if line)

    @cached_property
    def yields(self) -> frozenset[int]:
        """Lines of `yield` and `await`: where a suspended activation is called again."""
        return self._graph.lines_of("YIELD_VALUE")

    @cached_property
    def starts(self) -> frozenset[int]:
        """Lines whose line event can come right after the `call` event."""
        return self._graph.reach(self._graph.entries())

    def after(self, line: int) -> Successors:
        """What can follow a line event on `line`; everything, when the line is not one of this code."""
        found = self._after.get(line)
        if found is None:
            found = self._after[line] = self._graph.successors(line)
        return found

    @cached_property
    def _after(self) -> dict[int, Successors]:
        return {}

    def walk(self) -> Iterator[Code]:
        """This code and all code below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def code_tree(raw: CodeType, parent: Code | None = None) -> Code:
    """`raw` with all code objects nested in it."""
    code = Code(raw, parent)
    code.children = [code_tree(const, code) for const in raw.co_consts if isinstance(const, CodeType)]
    return code


class _Graph:
    """Instructions of one code object by index: line, edges, exception handlers."""

    def __init__(self, raw: CodeType) -> None:
        self.instructions = list(dis.get_instructions(raw))
        index = {instruction.offset: i for i, instruction in enumerate(self.instructions)}
        self.line = [
            instruction.positions.lineno if instruction.positions else None for instruction in self.instructions
        ]
        self.edges = [self._edges(i, index) for i in range(len(self.instructions))]
        self.handlers: list[list[int]] = [[] for _ in self.instructions]
        for entry in getattr(dis.Bytecode(raw), "exception_entries", ()):
            for i, instruction in enumerate(self.instructions):
                if entry.start <= instruction.offset < entry.end and entry.target in index:
                    self.handlers[i].append(index[entry.target])

    def _edges(self, i: int, index: dict[int, int]) -> list[int]:
        instruction = self.instructions[i]
        edges = []
        if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
            edges.append(index[instruction.argval])
        ends = instruction.opname in _ENDS or instruction.opname.startswith(_PREFIX_JUMPS)
        if not ends and i + 1 < len(self.instructions):
            edges.append(i + 1)
        return edges

    def lines_of(self, opname: str) -> frozenset[int]:
        pairs = zip(self.instructions, self.line, strict=True)
        return frozenset(line for instruction, line in pairs if line and instruction.opname == opname)

    def entries(self) -> list[int]:
        """Where a fresh activation begins: after the last RESUME of the prologue."""
        for i, instruction in enumerate(self.instructions):
            if instruction.opname == "RESUME" and instruction.arg is not None and instruction.arg & 3 == 0:
                return self.edges[i]
        return [0] if self.instructions else []

    def reach(self, starts: list[int]) -> frozenset[int]:
        """Lines of the first instructions with a line, from `starts` on."""
        found: set[int] = set()
        seen: set[int] = set()
        todo = list(starts)
        while todo:
            i = todo.pop()
            if i in seen:
                continue
            seen.add(i)
            line = self.line[i]
            if line:
                found.add(line)
            else:
                todo += self.edges[i]
        return frozenset(found)

    def successors(self, line: int) -> Successors:
        todo = [i for i, at in enumerate(self.line) if at == line]
        if not todo:
            return Successors()
        following: set[int] = set()
        handlers: list[int] = []
        names: set[str] = set()
        seen: set[int] = set()
        while todo:
            i = todo.pop()
            if i in seen:
                continue
            seen.add(i)
            names.add(self.instructions[i].opname)
            handlers += self.handlers[i]
            for j in self.edges[i]:
                at = self.line[j]
                if at and (at != line or j <= i):
                    following.add(at)
                if at in (None, line):
                    todo.append(j)
        return Successors(
            lines=frozenset(following),
            handlers=self.reach(handlers),
            leaves=bool(names & _LEAVES),
            calls=not names <= _INERT | _LOADS,
            raises=not names <= _INERT,
            resumes="FOR_ITER" in names or "SEND" in names or "GET_ITER" in names,
        )
