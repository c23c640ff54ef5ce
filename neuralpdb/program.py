"""A parsed program and where a trace may start in it. The source is text: it is compiled, never run."""

from __future__ import annotations

import ast
import builtins
import io
import itertools
import keyword
import tokenize
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from neuralpdb import syntax
from neuralpdb.errors import TargetError, UsageError
from neuralpdb.flow import Code, code_tree
from neuralpdb.frames import Event, Frame, Origin

T = TypeVar("T")
K = TypeVar("K")

MARKER_COMMENT = "<< START_OF_TRACE"
WRAPPER_NAMES = ("main", "_main", "trace_main", "neuralpdb_main")
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them (`\\n`, `\\r\\n`, `\\r`; not `str.splitlines`, which also cuts at form feeds)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_source(path: Path) -> str:
    """The text of a Python file, decoded as Python would (BOM, PEP 263). Raises TargetError."""
    try:
        if path.is_dir():
            raise TargetError(f"{path} is a directory", "name a Python file")
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(f"cannot read {path}: {error.strerror or error}", "check the path") from None
    if b"\0" in data:
        raise TargetError(f"{path} is a binary file, not Python source")
    try:
        return data.decode(_encoding(data))
    except SyntaxError as error:  # an unknown or contradictory coding line
        raise TargetError(f"{path}: {error.msg}", "check the coding line") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TargetError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not {error.encoding}",
            "save it as UTF-8 or add a coding line",
        ) from None
    except (LookupError, ValueError) as error:  # a codec that is none for text, or one that gives no position
        raise TargetError(f"{path}: cannot decode it: {error}", "check the coding line") from None


def _encoding(data: bytes) -> str:
    """The encoding that the coding line or the byte order mark names; UTF-8 where there is neither.

    Raises SyntaxError for a coding line that is wrong, UnicodeDecodeError for first lines that are not UTF-8.
    """
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        data.decode("utf-8")  # if it is this that fails, it says where
        raise


@dataclass(frozen=True)
class Program:
    """One source file, as lines, syntax tree and code objects.

    name:  what the user calls it (the path as typed).
    lines: its text without newlines, markers removed; index 0 is line 1.
    marks: 1-based lines that carried a start marker.
    own:   how many of the lines are the file's; any beyond that were added to enter a call.
    """

    name: str
    lines: tuple[str, ...]
    marks: tuple[int, ...] = ()
    own: int = 0

    @classmethod
    def parse(cls, text: str, name: str) -> Program:
        """Raises TargetError for source that Python refuses."""
        lines = split_lines(text)
        while lines and not lines[-1].strip():
            lines.pop()
        found = cls(name, tuple(lines), own=len(lines))
        _ = found.code  # refuse bad syntax now
        marks = _marks(found.text)
        if not marks:
            return found
        for line, column in marks:
            lines[line - 1] = lines[line - 1][:column].rstrip()
        return cls(name, tuple(lines), tuple(line for line, _ in marks), len(lines))

    @classmethod
    def read(cls, path: Path) -> Program:
        """Parse the file at `path`. Raises TargetError."""
        return cls.parse(read_source(path), str(path))

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def line(self, number: int | None) -> str:
        """Text of a 1-based line; empty when there is none."""
        return self.lines[number - 1] if number is not None and 1 <= number <= len(self.lines) else ""

    @cached_property
    def tree(self) -> ast.Module:
        """Syntax tree of the file."""
        return _guarded(self.name, lambda: ast.parse(self.text))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the syntax tree, the outer before the inner ones."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def code(self) -> Code:
        """The module's code and all code nested in it."""
        text = self.text
        return code_tree(
            _guarded(self.name, lambda: compile(text, self.name, "exec", dont_inherit=True, optimize=0)), text
        )

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        """All code that makes frames, in program order."""
        return tuple(code for code in self.code.walk() if code.is_frame)

    def code_at(self, function: str, line: int | None, entered: int | None = None) -> Code | None:
        """The code named `function` that has `line`; `entered` is the line of its call event when known."""
        found = self.codes_at(function, line, entered)
        return found[0] if found else None

    def codes_at(self, function: str, line: int | None, entered: int | None = None) -> tuple[Code, ...]:
        """All code that `code_at` may mean: several lambdas or generator expressions can share a line."""
        exact = self._entered_at.get((function, entered), ())
        named = exact or self.named(function)
        if exact:
            holding = tuple(code for code in exact if line in code.lines or code.first_line == line)
        else:
            holding = self._holding(function, line)
        return holding or named

    def named(self, name: str) -> tuple[Code, ...]:
        """All code of that name that makes frames."""
        return self._named.get(name, ())

    @cached_property
    def _named(self) -> Mapping[str, tuple[Code, ...]]:
        return _grouped((code.name, code) for code in self.codes)

    @cached_property
    def _entered_at(self) -> Mapping[tuple[str, int | None], tuple[Code, ...]]:
        return _grouped(((code.name, code.first_line), code) for code in self.codes if not code.is_module)

    def _holding(self, function: str, line: int | None) -> tuple[Code, ...]:
        """Code of that name with a line event on `line`, or with its `def` there."""
        found = self._holders.get(line or 0, ())
        return tuple(c for c in found if c.name == function and (line in c.lines or c.first_line == line))

    def enclosing(self, line: int) -> Code | None:
        """The innermost code with a line event on `line`."""
        named = (code for code in reversed(self._holders.get(line, ())) if code.name not in ("<lambda>", "<genexpr>"))
        return next((code for code in named if line in code.lines), None)

    @cached_property
    def _holders(self) -> Mapping[int, tuple[Code, ...]]:
        """line -> all code that may have a line event there, outer ones first: by a table that is quickly read."""
        return _grouped((line, code) for code in self.codes for line in code.touched)

    def defined_at(self, line: int) -> Code | None:
        """The function whose `def`, or whose first decorator, is on `line`."""
        return self._defined.get(line)

    @cached_property
    def _defined(self) -> Mapping[int, Code]:
        functions = [code for code in self.codes if not code.is_module and code.name.isidentifier()]
        return {line: code for code in reversed(functions) for line in (self.def_line(code), code.first_line)}

    def def_line(self, code: Code) -> int:
        """Line of the `def` itself (a decorated function's first line is that of its decorator)."""
        return self._def_lines.get((code.name, code.first_line), code.first_line)

    @cached_property
    def _def_lines(self) -> Mapping[tuple[str, int], int]:
        defs = (n for n in self.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        return {(n.name, min(n.lineno, *(d.lineno for d in n.decorator_list), n.lineno)): n.lineno for n in defs}

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions defined at module level."""
        return tuple(n.name for n in self.tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))

    def kind_of(self, name: str) -> str:
        """`Function f` or `Class __main__.C`, as pdb says it of a name that module-level code defines; else empty."""
        named = (node for node in self.tree.body if isinstance(node, _DEFINED) and node.name == name)
        found = next(named, None)
        if found is None:
            return ""
        return f"Class __main__.{name}" if isinstance(found, ast.ClassDef) else f"Function {name}"

    def defined(self, name: str) -> tuple[int, int] | None:
        """First and last line of a function or class by its name, `f`, `C` or `C.m`; decorators are lines of it."""
        todo = deque[tuple[ast.AST, str]]([(self.tree, "")])
        while todo:
            node, outer = todo.popleft()
            for each in ast.iter_child_nodes(node):
                inner = outer
                if isinstance(each, _DEFINED):
                    inner = f"{outer}{each.name}."
                    if name in (each.name, inner[:-1]):
                        first = min([each.lineno, *(decorator.lineno for decorator in each.decorator_list)])
                        return first, each.end_lineno or each.lineno
                todo.append((each, inner))
        return None

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names that module-level code binds; `*` among them when it imports all of a module."""
        return syntax.bound_at_top(self.tree)

    @cached_property
    def bases(self) -> Mapping[str, tuple[str, ...]]:
        """class -> names of its base classes, as far as they are names."""
        classes = (n for n in self.nodes if isinstance(n, ast.ClassDef))
        return {n.name: tuple(base.id for base in n.bases if isinstance(base, ast.Name)) for n in classes}

    def comprehension_kinds(self, source: str, scope: str) -> frozenset[str]:
        """What begins on lines with this text, in a `function`, a `comprehension` or a `generator` expression.

        `comprehension`, `generator`, both or neither.
        """
        return self._comprehension_kinds.get((source, scope), frozenset())

    @cached_property
    def _comprehension_kinds(self) -> Mapping[tuple[str, str], frozenset[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for line, scope, kind in syntax.comprehensions(self.tree):
            found.setdefault((self.line(line), scope), set()).add(kind)
        return {place: frozenset(kinds) for place, kinds in found.items()}

    @cached_property
    def names(self) -> Mapping[int, frozenset[str]]:
        """line -> names and attributes that the code on it mentions."""
        return syntax.names(self.nodes)

    @cached_property
    def branches(self) -> Mapping[int, ast.If | ast.While]:
        """line -> the outermost `if` or `while` that begins there."""
        return {n.lineno: n for n in reversed(self.nodes) if isinstance(n, ast.If | ast.While)}

    @cached_property
    def lambdas(self) -> Mapping[int, tuple[ast.Lambda, ...]]:
        """line -> the lambdas that begin there."""
        return syntax.by_line(n for n in self.nodes if isinstance(n, ast.Lambda))

    @cached_property
    def generator_expressions(self) -> Mapping[int, tuple[ast.GeneratorExp, ...]]:
        """line -> the generator expressions that begin there."""
        return syntax.by_line(n for n in self.nodes if isinstance(n, ast.GeneratorExp))

    @cached_property
    def direct_calls(self) -> Mapping[int, frozenset[str]]:
        """line -> functions called there, for lines whose calls are all of a plain `def`, `class` or builtin by name.

        Builtins are not in the sets; the builtins allowed call nothing but special methods and what they iterate over.
        """
        return syntax.direct_calls(self.nodes)

    @cached_property
    def certain_calls(self) -> Mapping[int, frozenset[str]]:
        """line -> functions that must be called, or an exception raised, before anything can follow that line.

        Only what is evaluated whatever the values: a plain module-level function, by its name, in a statement that has
        its line to itself.
        """
        suspends = {code.name for code in self.codes if code.suspends}
        plain = frozenset() if "*" in self.globals else syntax.plain_functions(self.tree, self.nodes) - suspends
        return syntax.certain_calls(self.nodes, plain)

    @cached_property
    def entrances(self) -> Entrances:
        """Where any of its functions can be entered."""
        return Entrances(self, [code for code in self.codes if not code.is_module])

    @cached_property
    def entrances_unnamed(self) -> Entrances:
        """Where those can be entered that a line need not name: by special methods, iteration, a use as a value."""
        handed_out = syntax.handed_out(self.nodes)
        return Entrances(
            self,
            [
                code
                for code, _ in self.entrances.places
                if code.name in handed_out or code.suspends or not code.name.isidentifier() or _is_special(code.name)
            ],
        )


class Entrances:
    """Places where functions are entered: their code, and the line of the `call` event.

    places: in program order; of a generator its yields, too, where it is entered again.
    """

    def __init__(self, program: Program, codes: Iterable[Code]) -> None:
        self._program = program
        self.codes: Collection[Code] = dict.fromkeys(codes)

    @cached_property
    def places(self) -> tuple[tuple[Code, int], ...]:
        return tuple((code, line) for code in self.codes for line in sorted(_entered(code)))

    @cached_property
    def by_source(self) -> Mapping[str, tuple[tuple[Code, int], ...]]:
        """text of the line -> those of the places that have it"""
        found: dict[str, list[tuple[Code, int]]] = {}
        for code, line in self.places:
            found.setdefault(self._program.line(line), []).append((code, line))
        return {source: tuple(places) for source, places in found.items()}


def _entered(code: Code) -> frozenset[int]:
    return code.yields | {code.first_line} if code.suspends else frozenset({code.first_line})


def _is_special(name: str) -> bool:
    """True for a method that Python itself calls: `__add__`; `keys` for `**`, `send` for `yield from`."""
    return name.startswith("__") or name in ("keys", "mro", "send", "throw", "close", "_missing_")


@dataclass(frozen=True)
class Entry:
    """Where a trace starts.

    program:  the program, with a wrapper function added when a call is entered.
    marked:   1-based line that carries the start marker in the prompt.
    first:    the frame the trace starts with; None when the model has to invent it (parameters without values).
    function: name of the function to call to reach it, None for module-level code.
    given:    name -> repr text of the parameters that are known where the others are to be invented.
    """

    program: Program
    marked: int
    first: Frame | None
    function: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)


def enter(program: Program, *, call: str = "", at: int = 0, state: Iterable[str] = ()) -> Entry:
    """The entry that the user's options ask for. Raises UsageError or TargetError, each with one clear line."""
    values = parse_state(state)
    if call and (at or values):
        raise UsageError("--call and --at/--set exclude each other", "choose one way to start")
    if call:
        return _enter_call(program, call)
    if at:
        return _enter_at(program, at, values)
    if program.marks:
        return _enter_mark(program, values)
    return _enter_script(program, values)


def parse_state(pairs: Iterable[str]) -> dict[str, str]:
    """`NAME=REPR` texts -> name -> canonical repr text. Raises UsageError."""
    state: dict[str, str] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"--set {pair}: not of the form NAME=REPR", "for example --set total=0")
        try:
            state[name] = repr(ast.literal_eval(text.strip()))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise UsageError(f"--set {name}: {text!r} is not a Python literal", "write it as repr() would") from None
    return state


def _enter_script(program: Program, values: Mapping[str, str]) -> Entry:
    for node in program.tree.body:
        if isinstance(node, _DEFINITIONS) or _is_docstring(program, node):
            continue
        line = program.code.first_within(node.lineno, node.end_lineno or node.lineno)
        if line:
            return Entry(program, line, _start(program, program.code, line, values))
    if not program.tree.body:
        raise TargetError(f"{program.name} is empty: there is nothing to step through")
    known = ", ".join(program.functions[:8])
    hint = f"name a call: --call '{program.functions[0]}(...)'; functions: {known}" if known else "add a statement"
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
        known = ", ".join(program.functions[:8]) or "none"
        raise UsageError(f"--call {call}: {program.name} defines no {name!r}", f"functions: {known}")
    taken = {node.id for node in program.nodes if isinstance(node, ast.Name)} | program.globals
    more = (f"neuralpdb_main_{i}" for i in itertools.count(2))
    wrapper = next(candidate for candidate in itertools.chain(WRAPPER_NAMES, more) if candidate not in taken)
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
    marked = line
    if not code.is_module:
        marked = program.def_line(code)
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


def _marks(text: str) -> tuple[tuple[int, int], ...]:
    """1-based line and column, in characters from 0, of each start marker."""
    if MARKER_COMMENT not in text:
        return ()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    try:
        return tuple(
            token.start
            for token in tokens
            if token.type == tokenize.COMMENT and token.string.lstrip("# ").startswith(MARKER_COMMENT)
        )
    except (tokenize.TokenError, SyntaxError):  # the compiler accepted it: odd line ends only
        return ()


def _grouped(pairs: Iterable[tuple[K, T]]) -> Mapping[K, tuple[T, ...]]:
    found: dict[K, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in found.items()}


def _guarded(name: str, make: Callable[[], T]) -> T:
    """`make()`, with every way in which Python refuses source turned into one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except SyntaxError as error:
        where = f", line {error.lineno}, column {error.offset}" if error.lineno else ""
        shown = (error.text or "").strip()
        raise TargetError(f"{name}{where}: {error.msg}", f"at: {shown[:80]}" if shown else "") from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise TargetError(f"{name}: Python cannot parse it: {error or type(error).__name__}") from None
