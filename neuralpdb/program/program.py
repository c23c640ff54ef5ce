"""A parsed program and where a trace may start in it. The source is text: it is compiled, never run."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from neuralpdb.program import syntax
from neuralpdb.program.flow import Code, code_tree
from neuralpdb.program.source import T, guarded, marked_lines, read_source, split_lines

K = TypeVar("K")

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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
        marks = marked_lines(found.text)
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
        return guarded(self.name, lambda: ast.parse(self.text))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the syntax tree, the outer before the inner ones."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def code(self) -> Code:
        """The module's code and all code nested in it."""
        text = self.text
        return code_tree(
            guarded(self.name, lambda: compile(text, self.name, "exec", dont_inherit=True, optimize=0)), text
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


def _grouped(pairs: Iterable[tuple[K, T]]) -> Mapping[K, tuple[T, ...]]:
    found: dict[K, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in found.items()}
