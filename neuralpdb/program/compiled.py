"""A program compiled, as the recorder runs it and the interpreter reads it; nothing of it is executed."""

from __future__ import annotations

import ast
from types import CodeType


class NotMain(ast.NodeTransformer):
    """Answers `__name__ == "__main__"` in module-level code as for an imported module. No line moves."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = {ast.dump(node.left), ast.dump(node.comparators[0])}
            if sides == _MAIN_TEST:
                return ast.copy_location(ast.Constant(isinstance(node.ops[0], ast.NotEq)), node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.AST) -> ast.AST:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef  # noqa: N815


_MAIN_TEST = {ast.dump(ast.Name("__name__", ast.Load())), ast.dump(ast.Constant("__main__"))}


def compiled(text: str, filename: str, *, main: bool) -> CodeType:
    """Return the module's code; main False: without the statements that only the main program runs.

    Raises what `compile` raises: SyntaxError, ValueError, RecursionError, MemoryError.
    """
    source: str | ast.Module = text
    if not main and "__main__" in text:
        source = NotMain().visit(ast.parse(text, filename))
    code: CodeType = compile(source, filename, "exec", dont_inherit=True, optimize=0)
    return code
