"""What a statement does to the values, as far as it can be told without running anything of the program.

Made for guesses that a model then confirms or corrects: what is not told by the texts of the values is unknown (None),
and aliases, or what a call does to its arguments, are not thought of.
"""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from neuralpdb.interpreter.rules.scope import FAILURES, Scope, Unknown, plain, shown
from neuralpdb.program.syntax import header_nodes

_LIST, _DICT = (
    "append extend insert pop remove reverse sort clear".split(),
    "pop update setdefault clear popitem".split(),
)
_CHANGES: Mapping[type, frozenset[str]] = {
    list: frozenset(_LIST),
    deque: frozenset((*_LIST, "appendleft", "extendleft", "popleft", "rotate")),
    dict: frozenset(_DICT),
    OrderedDict: frozenset((*_DICT, "move_to_end")),
    defaultdict: frozenset(_DICT),
    Counter: frozenset((*_DICT, "subtract")),
    set: frozenset("add discard remove update clear difference_update intersection_update".split()),
}
"""The methods that change a value."""


def carry_out(statement: ast.AST, scope: Scope) -> None:
    """Change `scope` as the header of `statement` does; bodies are not its business."""
    for node in reversed(header_nodes(statement)):
        if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            scope.own[node.target.id] = scope.text(node.value)
    match statement:
        case ast.Assign(targets=targets, value=value):
            text = _result(value, scope)
            for target in targets:
                bind(target, text, scope, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            bind(target, _result(value, scope), scope, value)
        case ast.AugAssign(target=target, op=op, value=value):
            bind(target, scope.text(ast.BinOp(target, op, value)), scope)
        case ast.Expr(value=value):
            _result(value, scope)
        case ast.Delete(targets=targets):
            for target in targets:
                _delete(target, scope)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    bind(item.optional_vars, None, scope)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.own.setdefault(name, None)


def bind(target: ast.expr, text: str | None, scope: Scope, value: ast.expr | None = None) -> None:
    """Give `target` the value that `text` stands for; `value` is the expression it came from."""
    match target:
        case ast.Name(id=name):
            scope.own[name] = text
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part, each in zip(parts, _parts(parts, text, scope, value), strict=True):
                bind(part, each, scope)
        case ast.Starred(value=inner):
            bind(inner, text, scope)
        case ast.Subscript():
            _store(target, text, scope)


def _parts(
    targets: list[ast.expr], text: str | None, scope: Scope, value: ast.expr | None
) -> Iterator[str | None] | list[str | None]:
    """What each of several targets is given."""
    unknown: list[str | None] = [None] * len(targets)
    starred = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(targets) and starred is None:
        return [scope.text(each) for each in value.elts]
    try:
        values = list(plain(text))
        if starred is not None:
            end = len(values) - (len(targets) - 1 - starred)
            values[starred:end] = [values[starred:end]]
        return [shown(each) for each in values] if len(values) == len(targets) else unknown
    except (Unknown, TypeError):
        return unknown


def _store(target: ast.Subscript, text: str | None, scope: Scope) -> None:
    """`NAME[KEY]... = value`, where NAME is a plain value."""
    name = _root(target)
    if name is None or scope.own.get(name) is None:
        return
    try:
        root = plain(scope.own[name])
        place: Any = _place(target.value, root, scope)
        place[scope.value(target.slice)] = plain(text)
        scope.own[name] = shown(root)
    except (Unknown, *FAILURES):
        scope.own[name] = None


def _delete(target: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.own.pop(target.id, None)
    elif isinstance(target, ast.Subscript) and (name := _root(target)) is not None:
        try:
            root = plain(scope.own.get(name))
            del _place(target.value, root, scope)[scope.value(target.slice)]
            scope.own[name] = shown(root)
        except (Unknown, *FAILURES):
            return


def _result(value: ast.expr, scope: Scope) -> str | None:
    """Text of an expression; a method that changes a variable changes it: `x.append(1)`, `y = x[0].pop()`."""
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments, keywords=[]):
            name = _root(owner)
            if name is not None and scope.own.get(name) is not None and value not in scope.results:
                try:
                    return _changed(name, owner, method, arguments, scope)
                except (Unknown, *FAILURES):
                    pass
    return scope.text(value)


def _changed(name: str, owner: ast.expr, method: str, arguments: list[ast.expr], scope: Scope) -> str | None:
    root = plain(scope.own[name])
    place = _place(owner, root, scope)
    if method not in _CHANGES.get(type(place), ()):
        raise Unknown
    found = getattr(place, method)(*map(scope.value, arguments))
    scope.own[name] = shown(root)
    return shown(found)


def _root(node: ast.expr) -> str | None:
    """The variable that `NAME[...]...` is a part of; also behind `.setdefault(...)`."""
    while True:
        match node:
            case ast.Subscript(value=inner) | ast.Call(func=ast.Attribute(value=inner, attr="setdefault")):
                node = inner
            case ast.Name(id=name):
                return name
            case _:
                return None


def _place(node: ast.expr, root: Any, scope: Scope) -> Any:
    """The part of `root`, the value of its variable, that `NAME[...]...` stands for."""
    match node:
        case ast.Subscript(value=inner, slice=key):
            return _place(inner, root, scope)[scope.value(key)]
        case ast.Call(func=ast.Attribute(value=inner), args=arguments):
            return _place(inner, root, scope).setdefault(*map(scope.value, arguments))
    return root
