"""Entering a program in the middle: the module around a frame, and an activation made from the frame's texts."""

from __future__ import annotations
import __future__

import ast
import dis
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import Code
from neuralpdb.interpreter.interpretation import Bounds, End, Interpretation
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class
from neuralpdb.interpreter.objects.values import (
    EMPTY,
    Cell,
    ClassMethod,
    Function,
    Module,
    Own,
    Property,
    StaticMethod,
    Unknown,
)
from neuralpdb.interpreter.replay import values
from neuralpdb.interpreter.replay.blocks import Blocks
from neuralpdb.interpreter.replay.loops import iterator_of, open_loops
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.program.compiled import NotMain
from neuralpdb.trace.frames import Event, Frame, Origin

_MODULE = "<module>"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class Entered(Interpretation):
    """An interpretation that may begin at a frame in the middle of the program, not at its entry."""

    Prepare = Callable[[Machine], None]

    def __init__(
        self,
        text: str,
        *,
        filename: str,
        entry_function: str | None,
        entry_line: int,
        arguments: Sequence[str] = (),
        script: str = "",
        bounds: Bounds,
        start: Frame | None,
        prepares: Callable[[Machine], None],
    ) -> None:
        """start: the frame; None to begin at the entry. prepares: makes the machine ready."""
        super().__init__(
            text,
            filename=filename,
            entry_function=entry_function,
            entry_line=entry_line,
            arguments=arguments,
            script=script,
            bounds=bounds,
        )
        self._start = start
        self._prepares = prepares

    def prepare(self, machine: Machine) -> None:
        """Make the machine ready."""
        self._prepares(machine)

    def enter(self, machine: Machine, names: dict[str, Any]) -> tuple[End, str] | None:
        """Run the program from the frame on, if there is one."""
        start = self._start
        if start is None:
            return None
        if type(start.line) is not int or start.event not in (Event.CALL, Event.LINE):
            raise Stop("a trace begins with a call or a line")
        machine.stated = "" if start.origin is Origin.GIVEN else start.statement or ""
        tree = ast.parse(self._text, self._filename)
        in_module = start.function == _MODULE
        whole = compile(self._text, self._filename, "exec", dont_inherit=True, optimize=0)
        found = whole if in_module else _code_of(whole, start)
        if not in_module and "__main__" in self._text:
            tree = NotMain().visit(tree)
        self.run_before(machine, names, tree, start.line if in_module else None, whole.co_flags)
        code = machine.code(found, True)
        if not in_module:
            for name in changed_globals(whole) & names.keys():
                names[name] = machine.unknown(f"{name} is changed by functions")
        if in_module:
            f = Activation(code, None, names)
            f.names = names
            unsaid = {name: value for name, value in names.items() if name not in start.locals}
            if _only_defines(tree, start.line):  # what an import gives is there, whether or not somebody mentions it
                unsaid = {name: value for name, value in unsaid.items() if type(value) is Unknown}
            machine.events.unsaid = unsaid
        else:
            f = _activation(machine, code, names)
        self._place(machine, f, start)
        machine.events.started = True
        machine.events.depth = -1
        machine.enter(f)
        if in_module:
            f.shown = True
            machine.events.depth = 0
        try:
            machine.run(f)
        except Raised:
            pass
        return End.ENDED, ""

    def run_before(
        self, machine: Machine, names: dict[str, Any], tree: ast.Module, line: int | None, flags: int
    ) -> None:
        """Run the module's statements, up to the one with `line`; what one that fails may have changed is unknown."""
        flags &= sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
        for node in tree.body:
            if line is not None and (node.end_lineno or node.lineno) >= line:
                break
            raw = compile(
                ast.Module([node], []), self._filename, "exec", flags=flags, dont_inherit=True, optimize=0
            )  # fmt: skip
            f = Activation(machine.code(raw, True), None, names)
            f.names = names
            machine.enter(f)
            try:
                machine.run(f)
            except (Stop, Undetermined, Raised) as error:
                if machine.operations > machine.budget:
                    raise machine.exhausted() from None
                why = error.reason if not isinstance(error, Raised) else f"{type(error.value).__name__} before it"
                _forget(machine, names, node, f"line {node.lineno} is not computed: {why}")
                machine.levels = machine.nested = machine.events.muted = 0
                machine.handled = machine.current = None
                machine.outer.clear()
        machine.assumed = ""  # the frame that is given says that this line was reached

    def _place(self, machine: Machine, f: Activation, start: Frame) -> None:
        """Give an activation the variables and the place that a frame says."""
        code = f.code
        for name, text in start.locals.items():
            if not isinstance(text, str) or (not code.is_module and name not in code.slots):
                raise Stop(f"{start.function} has no variable {str(name)[:40]!r}")
            value = values.read(text)
            if type(value) is Unknown:
                machine.opaque.append(value)
                machine.tainted = True
            if code.is_module:
                f.names[name] = value
            else:
                slot = code.slots.index(name)
                f.fast[slot] = Cell(value) if slot >= code.free else value
                f.texts[name] = None
        missing = set(code.raw.co_freevars) - start.locals.keys()
        if missing and any(cell.value is EMPTY for cell in f.function.closure):
            raise Stop(f"{', '.join(sorted(missing))} of the function around it is not given")
        if not code.is_module:
            f.unsaid = frozenset(code.slots) - start.locals.keys()
        if code.is_coroutine or code.is_async_generator or (code.suspends and start.event is Event.CALL):
            raise Stop("a trace begins in a coroutine, or with the call of a generator")
        if start.event is Event.CALL:
            return
        for n in range(code.first):
            handler, argument, _ = f.ops[n]
            if code.names[n] == "MAKE_CELL":
                handler(machine, f, argument)
        blocks = Blocks(code)
        at = self._place_of(blocks, code, start)
        shape = blocks.shapes[at]
        if any(entry.exception for entry in shape):
            raise Stop("a trace begins where an exception is handled")
        f.stack[:] = [machine.unknown("a block was open before the trace began") for _ in shape]
        f.pc = at
        loops = open_loops(self._text, start.line or 0) if shape else {}
        of_functions = code.raw.co_cellvars + code.raw.co_freevars

        def value_of(name: str) -> Any:
            """Return the value of a variable that nothing but this code can bind; EMPTY for others."""
            if name not in start.locals or name in of_functions:
                return EMPTY
            return f.names[name] if code.is_module else f.fast[code.slots.index(name)]

        for n, entry in enumerate(shape):
            loop = loops.get(code.lines[entry.at] or 0)
            iterator = iterator_of(loop, value_of) if loop is not None else None
            if iterator is not None and code.names[entry.at] != "BEFORE_WITH":
                f.stack[n] = iterator

    def _place_of(self, blocks: Blocks, code: Code, start: Frame) -> int:
        """Return the instruction at which a frame is. Raises Stop where it can be at several."""
        places = blocks.places(start.line or 0)
        if not places:
            raise Stop(f"line {start.line} is no line of {start.function} that can run")
        loops = {at for at in places if code.names[at] == "FOR_ITER"}
        if len(places) == 2 and len(loops) == 1 and not _may_be_bound(code, loops, start):
            places -= loops  # the loop begins here
        if len(places) > 1 and not (self._is_while(start.line) and len({blocks.shapes[at] for at in places}) == 1):
            raise Stop(f"line {start.line} can be reached in several ways")
        return min(places)

    def _is_while(self, line: int | None) -> bool:
        """Whether a line is one of a `while`, of which the compiler may copy the condition, and in no `finally`."""
        tree = ast.parse(self._text)
        copied = {
            id(each)
            for node in ast.walk(tree)
            if isinstance(node, ast.Try | ast.TryStar)
            for statement in node.finalbody
            for each in ast.walk(statement)
        }
        found = [node for node in ast.walk(tree) if isinstance(node, ast.While) and node.lineno == line]
        return len(found) == 1 and id(found[0]) not in copied


def _may_be_bound(code: Code, loops: set[int], start: Frame) -> bool:
    """Whether the variable of a loop may have a value, so that the loop may be on its way."""
    at = min(loops) + 1
    argument = code.ops[at][1]
    if code.names[at] == "STORE_FAST" or code.names[at] == "STORE_DEREF":
        return code.slots[argument] in start.locals
    return code.names[at] != "STORE_NAME" or argument in start.locals


def _code_of(whole: CodeType, start: Frame) -> CodeType:
    """Return the code object that a frame is one of. Raises Stop where there are several, or none."""
    found = [raw for raw in _inner(whole) if raw.co_name == start.function and _has(raw, start)]
    if len(found) != 1:
        raise Stop(f"{'several functions' if found else 'no function'} {start.function} with line {start.line}")
    return found[0]


def _inner(raw: CodeType) -> Iterator[CodeType]:
    for value in raw.co_consts:
        if isinstance(value, CodeType):
            yield value
            yield from _inner(value)


def changed_globals(whole: CodeType) -> set[str]:
    """Return the global variables that functions bind: what they are in the middle of a run is not known."""
    return {
        str(each.argval)
        for raw in _inner(whole)
        for each in dis.get_instructions(raw)
        if each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")
    }


def _has(raw: CodeType, start: Frame) -> bool:
    if start.event is Event.CALL:
        return raw.co_firstlineno == start.line
    return any(line == start.line for _, _, line in raw.co_lines())


def _activation(machine: Machine, code: Code, names: dict[str, Any]) -> Activation:
    """Return an activation of a function; what it shares with functions around it is unknown."""
    function = next((each for each in _functions(names.values()) if _same(each.code.raw, code.raw)), None)
    if function is None:
        function = Function(machine, code, names)
        function.closure = tuple(Cell() for _ in code.raw.co_freevars)
    f = Activation(code, function, names)
    f.fast[code.free :] = function.closure
    return f


def _same(a: CodeType, b: CodeType) -> bool:
    return (a.co_firstlineno, a.co_qualname, a.co_code) == (b.co_firstlineno, b.co_qualname, b.co_code)


def _functions(found: Any, depth: int = 0) -> Iterator[Function]:
    """Yield the functions of the program among values, and those in classes."""
    for value in list(found):
        if type(value) in (StaticMethod, ClassMethod):
            value = value.function
        if type(value) is Function:
            yield value
        elif type(value) is Property:
            yield from _functions((value.get, value.set, value.delete), depth + 1)
        elif isinstance(value, Class) and depth < 3:
            yield from _functions(value.dict.values(), depth + 1)


def _only_defines(tree: ast.Module, line: int) -> bool:
    """Whether what stands before a line of a module are imports, definitions and texts."""
    before = [node for node in tree.body if (node.end_lineno or node.lineno) < line]
    return all(
        isinstance(node, _DEFINITIONS) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in before
    )


def _forget(machine: Machine, names: dict[str, Any], node: ast.stmt, why: str) -> None:
    """Make unknown what a statement that was not run to its end may have bound or changed."""
    bound = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            bound.add(each.id)
        elif isinstance(each, ast.alias):
            bound.add(each.asname or each.name.partition(".")[0])
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(each.name)
    if not isinstance(node, _DEFINITIONS):
        code = (Function, Class, Module, Own)
        bound |= {name for name, value in names.items() if name[:2] != "__" and not isinstance(value, code)}
    for name in bound:
        names[name] = machine.unknown(why)
