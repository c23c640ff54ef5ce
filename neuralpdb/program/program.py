"""A parsed program: its lines, syntax, code objects, and facts by line. It is compiled, never run."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neuralpdb.program import syntax
from neuralpdb.program.flow import Code, code_tree
from neuralpdb.program.source import guarded, marked_lines, read_source, split_lines

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Program:
    """A source file as lines, syntax tree and code objects.

    name:  its name for the user (the path as typed).
    lines: its text without newlines, markers removed; index 0 is line 1.
    marks: 1-based lines that carry a start marker.
    own:   number of lines of the file; lines beyond it were added to enter a call.
    """

    name: str
    lines: tuple[str, ...]
    marks: tuple[int, ...] = ()
    own: int = 0

    @classmethod
    def parse(cls, text: str, name: str) -> Program:
        """Parse source text. Raises TargetError for source that Python refuses."""
        lines = split_lines(text)
        while lines and not lines[-1].strip():
            lines.pop()
        program = cls(name, tuple(lines), own=len(lines))
        _ = program.code  # refuse bad syntax now
        marks = marked_lines(program.text)
        if not marks:
            return program
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
        """Return the text of a 1-based line; nothing where there is no such line."""
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
        """Return the code named `function` that has `line`; `entered` is the line of its call event when known."""
        return next(iter(self.codes_at(function, line, entered)), None)

    def codes_at(self, function: str, line: int | None, entered: int | None = None) -> tuple[Code, ...]:
        """Return all code that `code_at` may mean: several lambdas or generator expressions can share a line."""
        exact = self._entered_at.get((function, entered), ())
        named = exact or self.named(function)
        if exact:
            holding = tuple(code for code in exact if line in code.lines or code.first_line == line)
        else:
            holding = self._holding(function, line)
        return holding or named

    def named(self, name: str) -> tuple[Code, ...]:
        """Return all code of that name that makes frames."""
        return self._named.get(name, ())

    @cached_property
    def _named(self) -> Mapping[str, tuple[Code, ...]]:
        return syntax.grouped((code.name, code) for code in self.codes)

    @cached_property
    def _entered_at(self) -> Mapping[tuple[str, int | None], tuple[Code, ...]]:
        return syntax.grouped(((code.name, code.first_line), code) for code in self.codes if not code.is_module)

    def _holding(self, function: str, line: int | None) -> tuple[Code, ...]:
        """Return code of that name with a line event on `line`, or with its `def` there."""
        codes = self._holders.get(line or 0, ())
        return tuple(c for c in codes if c.name == function and (line in c.lines or c.first_line == line))

    def enclosing(self, line: int) -> Code | None:
        """Return the innermost code with a line event on `line`."""
        named = (code for code in reversed(self._holders.get(line, ())) if code.name not in ("<lambda>", "<genexpr>"))
        return next((code for code in named if line in code.lines), None)

    @cached_property
    def _holders(self) -> Mapping[int, tuple[Code, ...]]:
        """line -> all code that may have a line event there, outer ones first; from a table that is quickly read."""
        return syntax.grouped((line, code) for code in self.codes for line in code.touched)

    def defined_at(self, line: int) -> Code | None:
        """Return the function whose `def`, or whose first decorator, is on `line`."""
        return self._defined.get(line)

    @cached_property
    def _defined(self) -> Mapping[int, Code]:
        functions = [code for code in self.codes if not code.is_module and code.name.isidentifier()]
        return {line: code for code in reversed(functions) for line in (self.def_line(code), code.first_line)}

    def def_line(self, code: Code) -> int:
        """Return the line of the `def` itself (a decorated function's first line is that of its decorator)."""
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
        """Return `Function f` or `Class __main__.C` (pdb's words) for a name of module-level code, or nothing."""
        for node in self.tree.body:
            if isinstance(node, _DEFINED) and node.name == name:
                return f"Class __main__.{name}" if isinstance(node, ast.ClassDef) else f"Function {name}"
        return ""

    def defined(self, name: str) -> tuple[int, int] | None:
        """Return first and last line of a function or class by its name, `f`, `C` or `C.m`, with its decorators."""
        todo = deque[tuple[ast.AST, str]]([(self.tree, "")])
        while todo:
            node, outer = todo.popleft()
            for child in ast.iter_child_nodes(node):
                inner = outer
                if isinstance(child, _DEFINED):
                    inner = f"{outer}{child.name}."
                    if name in (child.name, inner[:-1]):
                        first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                        return first, child.end_lineno or child.lineno
                todo.append((child, inner))
        return None

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names that module-level code binds; `*` among them where it imports all of a module."""
        return syntax.bound_at_top(self.tree)

    @cached_property
    def bases(self) -> Mapping[str, tuple[str, ...]]:
        """class -> names of its base classes; bases that are not names are left out."""
        classes = (n for n in self.nodes if isinstance(n, ast.ClassDef))
        return {n.name: tuple(base.id for base in n.bases if isinstance(base, ast.Name)) for n in classes}

    def comprehension_kinds(self, source: str, scope: str) -> frozenset[str]:
        """Return the kinds that begin on lines with this text: `comprehension`, `generator`, both or neither.

        scope: `function`, `comprehension` or `generator`, the kind of code that they are in.
        """
        return self._comprehension_kinds.get((source, scope), frozenset())

    @cached_property
    def _comprehension_kinds(self) -> Mapping[tuple[str, str], frozenset[str]]:
        kinds: dict[tuple[str, str], set[str]] = {}
        for line, scope, kind in syntax.comprehensions(self.tree):
            kinds.setdefault((self.line(line), scope), set()).add(kind)
        return {place: frozenset(each) for place, each in kinds.items()}

    @cached_property
    def names(self) -> Mapping[int, frozenset[str]]:
        """line -> names and attributes that its code mentions."""
        return syntax.names(self.nodes)

    @cached_property
    def direct_calls(self) -> Mapping[int, frozenset[str]]:
        """line -> functions called there, for lines whose calls all name a plain `def`, `class` or builtin.

        Builtins are not in the sets; those allowed call nothing but special methods and what they iterate over.
        """
        return syntax.direct_calls(self.nodes)

    @cached_property
    def certain_calls(self) -> Mapping[int, frozenset[str]]:
        """line -> functions that must be called, or an exception raised, before anything can follow that line.

        Only calls that any values lead to: of a plain module-level function, by its name, in a statement that has its
        line to itself.
        """
        suspends = {code.name for code in self.codes if code.suspends}
        plain = frozenset() if "*" in self.globals else syntax.plain_functions(self.tree, self.nodes) - suspends
        return syntax.certain_calls(self.nodes, plain)

    @cached_property
    def entrances(self) -> Entrances:
        """The places where any of its functions can be entered."""
        return Entrances(self, [code for code in self.codes if not code.is_module])

    @cached_property
    def entrances_unnamed(self) -> Entrances:
        """The places of functions that a line need not name: for special methods, iteration, a use as a value."""
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
    """The places where functions are entered: their code, and the line of the `call` event.

    codes:  the functions, in program order.
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
        """text of a line -> the places with that text"""
        return syntax.grouped((self._program.line(line), (code, line)) for code, line in self.places)


def _entered(code: Code) -> frozenset[int]:
    return code.yields | {code.first_line} if code.suspends else frozenset({code.first_line})


def _is_special(name: str) -> bool:
    """Whether a method is one that Python itself calls: `__add__`; `keys` for `**`, `send` for `yield from`."""
    return name.startswith("__") or name in ("keys", "mro", "send", "throw", "close", "_missing_")
