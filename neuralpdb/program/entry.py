"""The start of a trace: a script, a call, a marked line, a line with given locals."""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.source import MARKER_COMMENT
from neuralpdb.trace.frames import Event, Frame, Origin
from neuralpdb.trace.values import EvaluationError, parse_expression

WRAPPER_NAMES = ("main", "_main", "trace_main", "neuralpdb_main")
"""Names of the function that is added to enter a call: the first that the program does not use."""

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Entry:
    """The start of a trace.

    program:  the program, with a wrapper function added when a call is entered.
    marked:   1-based line that carries the start marker in the prompt.
    first:    the frame the trace starts with; None where the model has to invent it (parameters without values).
    function: name of the function to call to reach it; None for module-level code.
    given:    name -> repr text of the parameters that have values where the model invents the others.
    arguments: of the script.
    made:      name -> expression, whose value the name gets at the first frame before the trace begins.
    """

    program: Program
    marked: int
    first: Frame | None
    function: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)


def enter(
    program: Program, *, call: str = "", at: int = 0, state: Iterable[str] = (), arguments: Iterable[str] = ()
) -> Entry:
    """Return the entry that the user's options name. Raises UsageError or TargetError, each with one clear line.

    arguments: of the script.
    """
    return replace(_entry(program, call, at, state), arguments=tuple(arguments))


def _entry(program: Program, call: str, at: int, state: Iterable[str]) -> Entry:
    values, made = parse_state(state)
    if made:
        return _made(program, call, at, values, made)
    if call and (at or values):
        raise UsageError("--call and --at/--set exclude each other", "choose one way to start")
    if call:
        return _enter_call(program, call)
    if at:
        return _enter_at(program, at, values)
    if program.marks:
        return _enter_mark(program, values)
    return _enter_script(program, values)


def _made(program: Program, call: str, at: int, values: Mapping[str, str], made: Mapping[str, str]) -> Entry:
    """Enter where some names are set to expressions: their values are made at the first frame. Raises UsageError."""
    if call:
        raise UsageError("--call and --at/--set exclude each other", "choose one way to start")
    known = [f"{name}={text}" for name, text in values.items()]
    entry = _entry(program, call, at, [*known, *(f"{name}=None" for name in made)])
    if entry.first is None:
        name = next(iter(made))
        raise UsageError(f"--set {name}: {made[name]!r} is not a Python literal", "give all parameters a value")
    left = {name: text for name, text in entry.first.locals.items() if name not in made}
    return replace(entry, first=entry.first.replace(locals=left), made=made)


def parse_state(pairs: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Read `NAME=REPR` texts into a table of name -> canonical repr text, and one of name -> any other expression.

    Raises UsageError.
    """
    state: dict[str, str] = {}
    made: dict[str, str] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"--set {pair}: not of the form NAME=REPR", "for example --set total=0")
        try:
            state[name] = repr(ast.literal_eval(text.strip()))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            try:
                parse_expression(text)
            except EvaluationError:
                hint = "write it as repr() would, or as an expression"
                raise UsageError(f"--set {name}: {text!r} is not a Python literal", hint) from None
            made[name] = text.strip()
    return state, made


def _enter_script(program: Program, values: Mapping[str, str]) -> Entry:
    for node in program.tree.body:
        if isinstance(node, _DEFINITIONS) or _is_docstring(program, node):
            continue
        line = program.code.first_within(node.lineno, node.end_lineno or node.lineno)
        if line:
            return Entry(program, line, _start(program, program.code, line, values))
    if not program.tree.body:
        raise TargetError(f"{program.name} is empty: there is nothing to step through")
    functions = ", ".join(program.functions[:8])
    hint = "add a statement"
    if functions:
        hint = f"name a call: --call '{program.functions[0]}(...)'; functions: {functions}"
    raise TargetError(f"{program.name} only defines things: no module-level line to start at", hint)


def _is_docstring(program: Program, node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and node is program.tree.body[0]


def _enter_call(program: Program, call: str) -> Entry:
    try:
        expression = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"--call {call}: not a Python expression", "for example --call \"f('r')\"") from None
    suspends = any(isinstance(n, ast.Yield | ast.YieldFrom | ast.Await) for n in ast.walk(expression))
    if not isinstance(expression, ast.Call) or suspends or "\n" in call.strip():
        raise UsageError(f"--call {call}: not a call", "for example --call \"f('r')\"")
    name = expression.func.id if isinstance(expression.func, ast.Name) else ""
    if name and not (name in program.globals or "*" in program.globals or name in dir(builtins)):
        functions = ", ".join(program.functions[:8]) or "none"
        raise UsageError(f"--call {call}: {program.name} defines no {name!r}", f"functions: {functions}")
    taken = {node.id for node in program.nodes if isinstance(node, ast.Name)} | program.globals
    numbered = (f"neuralpdb_main_{i}" for i in itertools.count(2))
    wrapper = next(name for name in itertools.chain(WRAPPER_NAMES, numbered) if name not in taken)
    lines = (*program.lines, f"def {wrapper}():", f"    return {call.strip()}")
    whole = Program(program.name, lines, (), program.own)
    _ = whole.code
    line = len(program.lines) + 1
    first = Frame(Event.CALL, wrapper, line, f"def {wrapper}():", origin=Origin.GIVEN)
    return Entry(whole, line, first, wrapper)


def _enter_at(program: Program, line: int, values: Mapping[str, str]) -> Entry:
    code = program.enclosing(line)
    if code is None:
        executable = sorted(number for each in program.codes for number in each.lines if number <= program.own)
        near = min(executable, key=lambda number: (abs(number - line), number), default=None)
        hint = f"the nearest is line {near}: {program.line(near).strip()}" if near else "the file has none"
        raise UsageError(f"--at {line}: {program.name} has no executable line {line}", hint)
    marked = line if code.is_module else program.def_line(code)
    return Entry(program, marked, _start(program, code, line, values))


def _enter_mark(program: Program, values: Mapping[str, str]) -> Entry:
    if len(program.marks) > 1:
        raise TargetError(f"{program.name} marks {len(program.marks)} lines with # {MARKER_COMMENT}", "mark one line")
    line = program.marks[0]
    defined = program.defined_at(line)
    if defined is not None:
        missing = [name for name in defined.parameters if name not in values]
        unknown = next((name for name in values if name not in defined.parameters), None)
        if unknown is not None:
            hint = f"its parameters: {', '.join(defined.parameters) or 'none'}"
            raise UsageError(f"--set {unknown}: {defined.name}() has no such parameter", hint)
        state = {name: values[name] for name in defined.parameters if name in values}
        first = Frame(
            Event.CALL, defined.name, defined.first_line, program.line(defined.first_line), state, origin=Origin.GIVEN
        )
        return Entry(program, line, None if missing else first, given=state)
    code = program.enclosing(line)
    if code is None:
        raise TargetError(f"{program.name}, line {line}: a start marker on a line that never runs")
    return Entry(program, line, _start(program, code, line, values))


def _start(program: Program, code: Code, line: int, values: Mapping[str, str]) -> Frame:
    return Frame(Event.LINE, code.name, line, program.line(line), values, origin=Origin.GIVEN)
