"""What stands on the lines of a program: statements, handlers, constants, callees. Looked up again and again."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from neuralpdb.interpreter.rules.calls import Callees
from neuralpdb.interpreter.rules.scope import Scope
from neuralpdb.program.program import Program
from neuralpdb.program.syntax import end_of_header, header_nodes

_MOST_NODES, _MOST_STATEMENTS = 400, 20
"""Of the syntax tree, in one statement; and statements on one line."""
_DEEPEST = 20
"""So many constants may depend on each other in a row."""


class StatementIndex:
    """The lines of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.callees = Callees(program)

    def at(self, line: int) -> Sequence[ast.AST]:
        """The statements, or handlers, whose header is on a line; none where one is too long to look at in a step."""
        if line not in self._looked_at:
            found = self._statements.get(line, ())
            short = all(len(header_nodes(each)) <= _MOST_NODES for each in found)
            self._looked_at[line] = found if short and len(found) <= _MOST_STATEMENTS else ()
        return self._looked_at[line]

    @cached_property
    def _looked_at(self) -> dict[int, Sequence[ast.AST]]:
        return {}

    @cached_property
    def _statements(self) -> Mapping[int, tuple[ast.AST, ...]]:
        found: dict[int, list[ast.AST]] = {}
        for node in self.program.nodes:
            if isinstance(node, ast.stmt | ast.ExceptHandler):
                for line in range(node.lineno, end_of_header(node) + 1):
                    found.setdefault(line, []).append(node)
        return {line: tuple(nodes) for line, nodes in found.items()}

    @cached_property
    def handlers(self) -> Sequence[tuple[str, int, int]]:
        """(name, first line, last line) of every `except ... as NAME`."""
        nodes = (n for n in self.program.nodes if isinstance(n, ast.ExceptHandler))
        return [(n.name, n.lineno, n.end_lineno or n.lineno) for n in nodes if n.name]

    def handled(self, line: int) -> Sequence[tuple[str, int, int]]:
        """Those of the handlers that `line` is in."""
        if line not in self._handled:
            self._handled[line] = [each for each in self.handlers if each[1] <= line <= each[2]]
        return self._handled[line]

    @cached_property
    def _handled(self) -> dict[int, Sequence[tuple[str, int, int]]]:
        return {}

    @cached_property
    def constants(self) -> Mapping[str, str]:
        """Names of the module that are bound once, to a plain value; repr texts."""
        names = (n.id for n in self.program.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        bound = Counter(names)
        once: dict[str, ast.expr] = {}
        for statement in self.program.tree.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1:
                    once[name] = value
        return _Constants(once)


class _Constants(Mapping[str, str]):
    """name -> repr text; each is computed when it is asked for."""

    def __init__(self, once: Mapping[str, ast.expr]) -> None:
        self._once = once
        self._known: dict[str, str | None] = {}
        self._depth = 0

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._computed(self._once[name])
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def _computed(self, node: ast.expr) -> str | None:
        if self._depth == _DEEPEST:
            return None
        self._depth += 1
        try:
            return Scope({}, self).text(node)
        finally:
            self._depth -= 1

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._once if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
