"""What waits: the parts of a library module that are interpreted from source, each until it is asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container
from functools import cache
from types import CodeType
from typing import Any

from neuralpdb.interpreter.library.registry import Source
from neuralpdb.interpreter.objects.values import EMPTY


class Definitions:
    """The definitions that a source gives, those of one name together.

    names: what they bind.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes: dict[str, list[ast.stmt]] = {}
        self._codes: dict[ast.stmt, CodeType] = {}
        for node in _tree(source).body:
            for name in _defined(node) | _imported(node) if source.apart else _defined(node) & source.names:
                self._nodes.setdefault(name, []).append(node)
        self.names = tuple(self._nodes)

    def of(self, name: str) -> list[ast.stmt]:
        """Return the statements that bind a name, in their order."""
        return self._nodes.get(name, [])

    def code(self, node: ast.stmt) -> CodeType:
        """Compile one of the statements."""
        code = self._codes.get(node)
        if code is None:
            code = self._codes[node] = _compiled(ast.Module([node], []), self._source)
        return code


class Waiting:
    """What a module does not hold yet, and how it comes into it.

    What a source imports comes alone, and so does each definition of a source that is taken in part: these have no
    effect but the names that they bind. All other sources are run as a whole.
    """

    def __init__(
        self,
        held: dict[str, Any],
        source: Source,
        *,
        find: Callable[[str], Any],
        run: Callable[[CodeType], None],
        builtins: Container[str],
    ) -> None:
        """held: what the module holds. find: makes what a prelude names. run: runs code in the module.

        builtins: names that are found elsewhere when the module does not hold them.
        """
        self._held = held
        self._source = source
        self._find = find
        self._run = run
        self._builtins = builtins
        self._in_part = source.apart or (bool(source.names) and "*" not in source.names and not source.after)
        self._is_whole = False
        self._done: set[ast.stmt] = set()
        self._names = frozenset(_definitions_of(source).names) if source.apart else source.names
        overridden = self._names | source.prelude.keys()
        self._natives = {
            name: held.pop(name)
            for name in [*held]
            if name in overridden or not (self._in_part or name.startswith("__"))
        }

    def bring_early(self) -> None:
        """Put into a module that is taken in part what may be found without asking for it.

        That is what has the name of a builtin, and inner modules, which their outer one holds from now on.
        """
        if not self._in_part:
            return
        for name in (*self._source.prelude, *self._names):
            target = self._source.prelude.get(name, "")
            if name in self._builtins or ("." in target and ":" not in target):
                self.bring(name)

    def bring(self, name: str) -> Any:
        """Put what the module has under a name into it and return it; EMPTY when it has nothing."""
        held = self._held
        if not self._in_part:
            self.bring_all()
        elif name in self._names:
            for node in _definitions_of(self._source).of(name):
                if node not in self._done:
                    self._done.add(node)
                    self._run(_definitions_of(self._source).code(node))
        if name in held:
            return held[name]
        target = self._source.prelude.get(name)
        if target is not None:
            held[name] = self._find(target)
        elif name in self._natives:
            held[name] = self._natives[name]
        return held.get(name, EMPTY)

    def bring_all(self) -> None:
        """Put everything into the module."""
        if self._is_whole:
            return
        self._is_whole = True
        if self._in_part:
            for name in (*self._source.prelude, *_definitions_of(self._source).names, *self._natives):
                self.bring(name)
            return
        self._held.update(self._natives)
        for name, target in self._source.prelude.items():
            if ":" not in target or name in self._held or name in self._builtins:
                self._held[name] = self._find(target)
        self._run(code_of(self._source))
        if self._source.after:
            self._run(code_of(Source(self._source.after, ours=True)))


@cache
def code_of(source: Source) -> CodeType:
    """Compile the definitions that a source gives."""
    tree = _tree(source)
    if "*" in source.names:
        tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    elif source.names:
        tree.body = [node for node in tree.body if _defined(node) & source.names]
    return _compiled(tree, source)


@cache
def _definitions_of(source: Source) -> Definitions:
    return Definitions(source)


def _tree(source: Source) -> ast.Module:
    import sysconfig
    from pathlib import Path

    ours = Path(__file__).resolve().parent.parent / "sources" / f"{source.file}.txt"
    path = ours if source.ours else Path(sysconfig.get_path("stdlib")) / source.file
    text = path.read_text("utf-8")
    for old, new in source.patches.items():
        text = text.replace(old, new)
    return ast.parse(text)


def _compiled(tree: ast.Module, source: Source) -> CodeType:
    return compile(tree, f"<{source.file}>", "exec", dont_inherit=True, optimize=0)


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _imported(node: ast.stmt) -> set[str]:
    """Return the names that a statement imports."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return set()
