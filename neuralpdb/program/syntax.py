"""Facts of a syntax tree by line: names, calls, comprehensions; each is read in one pass.

Knows no code objects and no frames; `nodes` are all nodes of a tree, the outer before the inner ones.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SUSPENDS = (ast.Yield, ast.YieldFrom, ast.Await)
_DIRECT_BUILTINS = frozenset(
    "abs ascii bin bool bytes chr dict enumerate float format frozenset hash hex int isinstance len list oct ord pow "
    "print range repr reversed round set slice str sum tuple type zip".split()
)
"""Builtins that call no function that they are given, only special methods and iterators."""


def grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, tuple[V, ...]]:
    """Return key -> all values that come with it, in their order."""
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def names(nodes: Iterable[ast.AST]) -> Mapping[int, frozenset[str]]:
    """Return line -> names and attributes that its code mentions."""
    mentioned: dict[int, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            for line in {node.lineno, node.end_lineno or node.lineno}:
                mentioned.setdefault(line, set()).add(name)
    return {line: frozenset(each) for line, each in mentioned.items()}


# -- names that are bound -------------------------------------------------------------------------------------


def bound_at_top(tree: ast.Module) -> frozenset[str]:
    """Return names that module-level code binds; `*` among them where it imports all of a module."""
    return frozenset(name for node in _at_top(tree) for name in _binds(node))


def bound_otherwise(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return names that anything but `def` and `class` binds, in any scope."""
    return frozenset(name for node in nodes if not isinstance(node, _DEFINED) for name in _binds(node))


def _at_top(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of module-level code: definitions without bodies, of comprehensions only the targets of `:=`."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif isinstance(node, ast.ClassDef):
            todo += [*node.decorator_list, *node.bases]
        elif isinstance(node, _COMPREHENSIONS):
            todo += [each.target for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
        elif not isinstance(node, ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _binds(node: ast.AST) -> tuple[str, ...]:
    """Return names that a node itself binds or deletes."""
    name: str | None = None
    if isinstance(node, ast.Name):
        name = None if isinstance(node.ctx, ast.Load) else node.id
    elif isinstance(node, _DEFINED):
        name = node.name
    elif isinstance(node, ast.arg):
        name = node.arg
    elif isinstance(node, ast.alias):
        name = node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        name = node.name
    elif isinstance(node, ast.MatchMapping):
        name = node.rest
    return (name,) if name else ()


# -- functions that are called --------------------------------------------------------------------------------


def handed_out(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return names of functions that anything may call: they are used as a value, or decorated."""
    called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    handed = {n.name for n in nodes if isinstance(n, _DEFINED) and n.decorator_list}
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            handed.add(node.id if isinstance(node, ast.Name) else node.attr)
    return frozenset(handed)


def direct_calls(nodes: Sequence[ast.AST]) -> Mapping[int, frozenset[str]]:
    """Return line -> functions called there, see `Program.direct_calls`."""
    plain = {n.name: n for n in nodes if isinstance(n, _DEFINED) and not n.decorator_list}
    safe = (plain.keys() | _DIRECT_BUILTINS) - bound_otherwise(nodes)
    direct: dict[int, set[str]] = {}
    others: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Call):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if not isinstance(node.func, ast.Name) or node.func.id not in safe or _redirects(node):
                others.update(lines)
                continue
            called = {node.func.id} if isinstance(plain.get(node.func.id), ast.FunctionDef) else set()
            for line in lines:
                direct.setdefault(line, set()).update(called)
    return {line: frozenset(each) for line, each in direct.items() if line not in others}


def _redirects(call: ast.Call) -> bool:
    """Whether a builtin is given an object whose methods it calls: `print(..., file=...)`."""
    return isinstance(call.func, ast.Name) and call.func.id == "print" and bool(call.keywords)


def plain_functions(tree: ast.Module, nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the module-level functions whose name can mean nothing else."""
    defined = Counter(n.name for n in nodes if isinstance(n, _DEFINED))
    functions = (n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.decorator_list)
    return frozenset(n.name for n in functions if defined[n.name] == 1) - bound_otherwise(nodes)


def certain_calls(nodes: Iterable[ast.AST], plain: frozenset[str]) -> Mapping[int, frozenset[str]]:
    """Return line -> `plain` functions that must be called there, see `Program.certain_calls`."""
    statements = [n for n in nodes if isinstance(n, ast.stmt | ast.ExceptHandler | ast.match_case)]
    lines = Counter(line for n in statements for line in _header_lines(n))
    certain: dict[int, frozenset[str]] = {}
    for node in statements:
        expression = _evaluated(node)
        if expression is None or not isinstance(node, ast.stmt) or lines[node.lineno] > 1:
            continue
        if expression.lineno == expression.end_lineno == node.lineno:
            called = frozenset(getattr(n.func, "id", "") for n in certain_calls_in(expression)) & plain
            if called and not any(isinstance(n, _SUSPENDS) for n in ast.walk(expression)):
                certain[node.lineno] = called
    return certain


def _header_lines(node: ast.AST) -> set[int]:
    """Return first and last line of a statement, without the statements inside it."""
    if isinstance(node, ast.match_case):
        return {node.pattern.lineno}
    assert isinstance(node, ast.stmt | ast.ExceptHandler)
    last = node.lineno if hasattr(node, "body") else node.end_lineno or node.lineno
    return {node.lineno, last}


def _evaluated(node: ast.AST) -> ast.expr | None:
    """Return the expression that a statement always evaluates, once for each event on its line."""
    match node:
        case ast.Expr(value=expression) | ast.Assign(value=expression) | ast.AugAssign(value=expression):
            return expression
        case ast.Return(value=expression) | ast.AnnAssign(value=expression) | ast.Raise(exc=expression):
            return expression
        case ast.If(test=expression) | ast.While(test=expression):
            return expression
    return None


def certain_calls_in(whole: ast.expr) -> Iterator[ast.Call]:
    """Yield the calls that evaluating an expression makes, whatever its values; in no particular order."""
    todo = [whole]
    while todo:
        node = todo.pop()
        match node:
            case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
                todo.append(first)
            case ast.Compare(left=left, comparators=[right, *_]):
                todo += [left, right]
            case ast.ListComp(generators=[first, *_]) | ast.SetComp(generators=[first, *_]):
                todo.append(first.iter)
            case ast.DictComp(generators=[first, *_]) | ast.GeneratorExp(generators=[first, *_]):
                todo.append(first.iter)
            case ast.Lambda():
                continue
            case _:
                if isinstance(node, ast.Call):
                    yield node
                inner = (n.value if isinstance(n, ast.keyword) else n for n in ast.iter_child_nodes(node))
                todo += [n for n in inner if isinstance(n, ast.expr)]


# -- comprehensions -------------------------------------------------------------------------------------------


def comprehensions(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield line, scope and kind of comprehensions and generator expressions.

    The kind is `comprehension` or `generator`, the scope one of these or `function`.
    """
    todo: list[tuple[ast.AST, str]] = [(tree, "function")]
    while todo:
        node, scope = todo.pop()
        inner = scope
        if isinstance(node, _COMPREHENSIONS):
            inner = "generator" if isinstance(node, ast.GeneratorExp) else "comprehension"
            yield node.lineno, scope, inner
            first = node.generators[0]  # its iterable is evaluated in the scope of the comprehension
            todo.append((first.iter, scope))
            todo += [(each, inner) for each in (first.target, *first.ifs)]
            todo += [(each, inner) for each in ast.iter_child_nodes(node) if each is not first]
            continue
        if isinstance(node, (ast.Lambda, *_DEFINED)):
            inner = "function"
        todo += [(each, inner) for each in ast.iter_child_nodes(node)]


def statements_by_line(lines: Sequence[str]) -> dict[int, str]:
    """Return 1-based line -> name of the innermost statement on it (`For`, `AugAssign`, ...), `FunctionDef` for `def`.

    Raises SyntaxError or ValueError for text that is not Python.
    """
    statements: dict[int, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse("\n".join(lines))
    for node in ast.walk(tree):  # breadth first: inner statements come later
        if isinstance(node, ast.stmt):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                statements[line] = type(node).__name__
    return statements
