"""Control flow of compiled code, line by line: the line events that can follow each line. Nothing is executed.

It is read from the bytecode of the interpreter that runs neuralpdb, because that decides which line events
`sys.settrace` reports; the sets are upper bounds (a branch counts whatever its condition is).
"""

from __future__ import annotations

import dis
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType

from neuralpdb.program.inlined import inlined_in

COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
_CO_OPTIMIZED = 0x1
_CO_GENERATOR_LIKE = 0x20 | 0x80 | 0x200  # generator, coroutine, async generator

_ENDS = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"})
_LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE"})

# Operations that swallow a StopIteration, and pass on any other exception without an event of its own.
_SWALLOWS = frozenset({"CLEANUP_THROW", "END_ASYNC_FOR"})
_PASSES_ON = _SWALLOWS | {"RERAISE"}

# Operations that swallow the StopIteration of the iterator that they advance.
_STEPS = frozenset({"FOR_ITER", "SEND", "GET_ITER"})
_PREFIX_JUMPS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE")

# Operations that run no code of the program and cannot fail; any other might.
_INERT = frozenset(
    "RESUME NOP CACHE EXTENDED_ARG PUSH_NULL POP_TOP COPY SWAP LOAD_CONST LOAD_SMALL_INT STORE_FAST "
    "STORE_NAME STORE_GLOBAL STORE_DEREF BUILD_TUPLE BUILD_LIST BUILD_STRING RETURN_VALUE RETURN_CONST "
    "JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE "
    "POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_NONE "
    "POP_JUMP_BACKWARD_IF_NOT_NONE PUSH_EXC_INFO POP_EXCEPT IS_OP MAKE_CELL COPY_FREE_VARS RETURN_GENERATOR "
    "POP_BLOCK NOT_TAKEN".split()
)

# Operations that can fail (an unbound name) but call nothing.
_LOADS = frozenset(
    "LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_BORROW LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW_LOAD_FAST_BORROW "
    "STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST LOAD_NAME LOAD_GLOBAL LOAD_DEREF LOAD_CLOSURE DELETE_FAST "
    "DELETE_NAME CHECK_EXC_MATCH RAISE_VARARGS RERAISE".split()
)


@dataclass(frozen=True)
class Successors:
    """The possible events right after an event on a line.

    lines:   lines of the same activation whose line event can be next.
    leaves:  whether the line can return or yield.
    calls:   whether the line can call Python code.
    raises:  whether the line can raise.
    escapes: whether an exception can leave the activation without an event of its own: passed on, or just reported.
    """

    lines: frozenset[int] = frozenset()
    leaves: bool = True
    calls: bool = True
    raises: bool = True
    escapes: bool = True


@dataclass(eq=False)
class Code:
    """A code object of the program: a module, function, lambda, generator expression, comprehension or class.

    raw:      the compiled code.
    parent:   the code that contains it; None for the module's.
    children: the code that it contains.
    text:     the source that all of it was compiled from.
    """

    raw: CodeType
    parent: Code | None = None
    children: list[Code] = field(default_factory=list)
    text: str = ""

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
        """Whether it has frames in a canonical trace, which hides comprehensions and class bodies."""
        return self.is_module or (bool(self.raw.co_flags & _CO_OPTIMIZED) and self.name not in COMPREHENSIONS)

    @property
    def suspends(self) -> bool:
        """Whether it can be entered again at a `yield`: a generator or coroutine."""
        return bool(self.raw.co_flags & _CO_GENERATOR_LIKE)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names bound when the code is entered, in the order of `f_locals`."""
        raw = self.raw
        count = raw.co_argcount + raw.co_kwonlyargcount + bool(raw.co_flags & 0x04) + bool(raw.co_flags & 0x08)
        return raw.co_varnames[:count]

    @property
    def variables(self) -> tuple[str, ...]:
        """Every name that can be among the locals."""
        return self.raw.co_varnames + self.raw.co_cellvars + self.raw.co_freevars

    @cached_property
    def _graph(self) -> _Graph:
        return _Graph(self.raw, self.text)

    @cached_property
    def lines(self) -> frozenset[int]:
        """Every line that can have a line event in this code."""
        return frozenset(line for line in self._graph.line if line)

    @property
    def touched(self) -> frozenset[int]:
        """Every line that has an instruction of this code: more than `lines`, from a table that is quickly read."""
        return frozenset(line for _, _, line in self.raw.co_lines() if line)

    @cached_property
    def yields(self) -> frozenset[int]:
        """Lines of `yield` and `await`, where a suspended activation is called again."""
        return self._graph.lines_of("YIELD_VALUE")

    def first_within(self, first: int, last: int) -> int | None:
        """Return the line from `first` to `last` that runs first; of a long statement, that need not be its first."""
        return self._graph.first_within(first, last)

    @cached_property
    def starts(self) -> frozenset[int]:
        """Lines whose line event can come right after the `call` event."""
        return self._graph.starts()

    def after(self, line: int) -> Successors:
        """Return the possible events after a line event; all events for a line that is not of this code."""
        return self._successors(line, raised=False)

    def caught(self, line: int) -> Successors:
        """Return the possible events after an exception event; all events for a line that is not of this code."""
        return self._successors(line, raised=True)

    def _successors(self, line: int, raised: bool) -> Successors:
        successors = self._cache.get((line, raised))
        if successors is None:
            if line in self.lines:
                successors = self._graph.caught(line) if raised else self._graph.after(line)
            else:
                successors = Successors(self.lines)
            self._cache[line, raised] = successors
        return successors

    @cached_property
    def _cache(self) -> dict[tuple[int, bool], Successors]:
        return {}

    def walk(self) -> Iterator[Code]:
        """Yield this code and all code inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


def code_tree(raw: CodeType, text: str, parent: Code | None = None) -> Code:
    """Return compiled code with all code objects nested in it. text: the source that it was compiled from."""
    code = Code(raw, parent, text=text)
    code.children = [code_tree(const, text, code) for const in raw.co_consts if isinstance(const, CodeType)]
    return code


@dataclass
class _Walk:
    """The ways from an event to the next one.

    seen:    instructions on the way.
    lines:   lines whose event can be next.
    escapes: whether an exception can leave the activation on the way.
    """

    seen: set[int] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)
    escapes: bool = False


class _Graph:
    """The instructions of one code object by index: line, edges, exception handlers.

    Where comprehensions are inlined (3.12), their instructions count for the line that a canonical trace shows, and a
    line that only older versions visit before one is an instruction of its own.
    """

    def __init__(self, raw: CodeType, text: str) -> None:
        instructions = list(dis.get_instructions(raw))
        inlined = inlined_in(raw, text)
        index = {instruction.offset: i for i, instruction in enumerate(instructions)}
        self.operations = [instruction.opname for instruction in instructions]
        self.start = next((i + 1 for i, each in enumerate(instructions) if _is_entry(each)), 0)
        self.line = [
            inlined.hidden.get(each.offset, each.positions.lineno if each.positions else None)
            if i >= self.start
            else None  # instructions before the start belong to the call event
            for i, each in enumerate(instructions)
        ]
        self.hidden = {index[offset] for offset in inlined.hidden}
        self.edges = [_edges(instructions, i, index) for i in range(len(instructions))]
        self.handlers: list[list[int]] = [[] for _ in instructions]
        offsets = [instruction.offset for instruction in instructions]
        for entry in getattr(dis.Bytecode(raw), "exception_entries", ()):
            for i in range(bisect_left(offsets, entry.start), bisect_left(offsets, entry.end)):
                self.handlers[i].append(index[entry.target])
        self.passes_on = [
            instruction.opname in _PASSES_ON or (instruction.opname == "RAISE_VARARGS" and instruction.arg == 0)
            for instruction in instructions
        ]
        self.leads = {index[offset]: line for offset, line in inlined.leads.items()}
        self._visit_before(self.leads)
        self.on_line: dict[int, list[int]] = {}
        for i, at in enumerate(self.line):
            if at:
                self.on_line.setdefault(at, []).append(i)
        self.entered = self._entered()

    def _entered(self) -> set[int]:
        """Return instructions where a line event can be: control comes to them from another line, or backwards.

        Among them are those that swallow an exception without an event: the end of an asynchronous loop, a throw.
        """
        edges = ((i, j) for i in range(len(self.line)) for j in (*self.edges[i], *self.handlers[i]))
        silent = {j for j, operation in enumerate(self.operations) if operation in _SWALLOWS}
        entered = {j for i, j in edges if self.line[i] != self.line[j] or j <= i}
        return {self.start} | silent | (entered - self.hidden)

    def _visit_before(self, leads: Mapping[int, int]) -> None:
        """Insert an instruction on a line of its own before each instruction in `leads`."""
        first = len(self.line)
        new = {i: first + n for n, i in enumerate(leads)}
        self.start = new.get(self.start, self.start)
        for edges in self.edges:
            edges[:] = [new.get(j, j) for j in edges]
        for i, line in leads.items():
            self.operations.append("NOP")
            self.line.append(line)
            self.edges.append([i])
            self.handlers.append([])
            self.passes_on.append(False)

    def lines_of(self, operation: str) -> frozenset[int]:
        pairs = zip(self.operations, self.line, strict=True)
        return frozenset(line for each, line in pairs if line and each == operation)

    def first_within(self, first: int, last: int) -> int | None:
        lines = (line for line in range(first, last + 1) if line in self.firsts)
        return min(lines, key=self.firsts.__getitem__, default=None)

    @cached_property
    def firsts(self) -> Mapping[int, int]:
        """line -> its first instruction"""
        lines = [self.leads.get(i, line) for i, line in enumerate(self.line)]
        return {line: i for i, line in reversed(list(enumerate(lines))) if line}

    def starts(self) -> frozenset[int]:
        """Return lines whose line event can be the first of a fresh activation."""
        walk = _Walk()
        if self.line:
            self._enter(walk, self.start, None)
        return frozenset(walk.lines)

    def after(self, line: int) -> Successors:
        return self._successors(self._from(line))

    def caught(self, line: int) -> Successors:
        before_raising = self._from(line)
        walk = _Walk()
        raising = [i for i in before_raising.seen if self._can_raise(i)] or list(before_raising.seen)
        while raising:
            walk.escapes |= any(not self.handlers[i] for i in raising)
            earlier = set(walk.seen)
            for handler in {handler for i in raising for handler in self.handlers[i]}:
                self._enter(walk, handler, line)
            raising = [i for i in walk.seen - earlier if self._can_raise(i)]  # a handler on the same line fails too
        if any(self.operations[i] in _STEPS for i in before_raising.seen):
            walk.seen |= before_raising.seen
            walk.lines |= before_raising.lines
            walk.escapes |= before_raising.escapes
        return self._successors(walk)

    def _from(self, line: int) -> _Walk:
        """Return the ways from a line event to the next event of the activation."""
        walk = _Walk()
        for i in [i for i in self.on_line[line] if i in self.entered] or self.on_line[line]:
            self._pass(walk, i, line)
        return walk

    def _enter(self, walk: _Walk, i: int, line: int | None) -> None:
        """Come to instruction `i` from another line: a line event if it has a line."""
        at = self.line[i]
        if at:
            walk.lines.add(at)
        if at is None or at == line:
            self._pass(walk, i, line)

    def _pass(self, walk: _Walk, first: int, line: int | None) -> None:
        """Go on from instruction `first` over all instructions on `line` or on no line."""
        todo = [first]
        while todo:
            i = todo.pop()
            if i in walk.seen:
                continue
            walk.seen.add(i)
            following = self.edges[i]
            if self.passes_on[i]:
                following = [*following, *self.handlers[i]]
                walk.escapes |= not self.handlers[i]
            for j in following:
                at = self.line[j]
                if at and (at != line or ((j <= i or self.line[i] is None) and j not in self.hidden)):
                    walk.lines.add(at)
                if at is None or at == line:
                    todo.append(j)

    def _successors(self, walk: _Walk) -> Successors:
        operations = {self.operations[i] for i in walk.seen}
        return Successors(
            lines=frozenset(walk.lines),
            leaves=bool(operations & _LEAVES),
            calls=not operations <= _INERT | _LOADS,
            raises=any(self._can_raise(i) for i in walk.seen),
            escapes=walk.escapes,
        )

    def _can_raise(self, i: int) -> bool:
        return self.operations[i] not in _INERT and self.operations[i] not in _PASSES_ON


def _is_entry(instruction: dis.Instruction) -> bool:
    """Whether an instruction is the RESUME that begins an activation; those after a yield have an argument."""
    return instruction.opname == "RESUME" and (instruction.arg or 0) & 3 == 0


def _edges(instructions: list[dis.Instruction], i: int, index: dict[int, int]) -> list[int]:
    instruction = instructions[i]
    edges = []
    if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
        edges.append(index[instruction.argval])
    ends = instruction.opname in _ENDS or instruction.opname.startswith(_PREFIX_JUMPS)
    if not ends and i + 1 < len(instructions):
        edges.append(i + 1)
    return edges
