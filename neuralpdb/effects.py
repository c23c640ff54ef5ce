"""What a statement does to the values, as far as it can be told without running anything of the program.

Made for guesses that a model then confirms or corrects: what is not told by the texts of the values is unknown (None),
and aliases, or what a call does to its arguments, are not thought of.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neuralpdb.evaluate import TYPES, EvaluationError, literal
from neuralpdb.expressions import Refused, value_of, weight

BUDGET = 4_000
"""Most work for one value, in the units of `expressions`: a few milliseconds."""

_LONGEST = 2_000
"""Characters of a value that is worth a guess."""

_CHANGES: Mapping[type, frozenset[str]] = {
    list: frozenset("append extend insert pop remove reverse sort clear".split()),
    dict: frozenset("pop update setdefault clear popitem".split()),
    set: frozenset("add discard remove update clear".split()),
}
"""The methods that change a value."""

_FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)


@dataclass
class Scope:
    """Texts of values, where names are looked up.

    own:     the locals, in order; None for a value that is not known.
    around:  what else is visible: module-level and enclosing names.
    results: what calls (and other expressions) are known to give, by node.
    """

    own: dict[str, str | None]
    around: Mapping[str, str] = field(default_factory=dict)
    results: dict[ast.expr, str] = field(default_factory=dict)

    def text(self, node: ast.expr) -> str | None:
        """repr text of an expression, literal or not; None where it cannot be told."""
        if node in self.results:
            return self.results[node]
        if isinstance(node, ast.Name):
            return self.own[node.id] if node.id in self.own else self.around.get(node.id)
        try:
            return shown(self.value(node))
        except Unknown:
            return None

    def value(self, node: ast.expr) -> Any:
        """Value of an expression. Raises Unknown."""
        try:
            return value_of(node, self._lookup, self._literals(), BUDGET)
        except (EvaluationError, Refused, *_FAILURES):
            raise Unknown from None

    def _lookup(self, name: str) -> Any:
        text = self.own[name] if name in self.own else self.around.get(name)
        if text is None and name in TYPES and name not in self.own:
            return TYPES[name]
        if text is None or len(text) > _LONGEST:
            raise Unknown
        return literal(text)

    def _literals(self) -> dict[ast.expr, Any]:
        found: dict[ast.expr, Any] = {}
        for node, text in self.results.items():
            try:
                found[node] = literal(text)
            except EvaluationError:  # an object: only its text is known
                continue
        return found


class Unknown(Exception):
    """A value that cannot be told."""


def shown(value: Any) -> str:
    """The repr text of a plain value. Raises Unknown for one that is too long for a guess."""
    try:
        weight(value, BUDGET)
        text = repr(value)
    except (Refused, *_FAILURES):
        raise Unknown from None
    if len(text) > _LONGEST or " at 0x" in text:
        raise Unknown
    return text


def carry_out(statement: ast.AST, scope: Scope) -> None:
    """Change `scope` as the header of `statement` does; bodies are not its business."""
    for node in ast.walk(statement) if not hasattr(statement, "body") else ():
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
        case ast.Subscript():
            _store(target, text, scope)


def _parts(
    targets: list[ast.expr], text: str | None, scope: Scope, value: ast.expr | None
) -> Iterator[str | None] | list[str | None]:
    """What each of several targets is given."""
    unknown: list[str | None] = [None] * len(targets)
    if any(isinstance(target, ast.Starred) for target in targets):
        return unknown
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(targets):
        return [scope.text(each) for each in value.elts]
    try:
        values = list(literal(text)) if text is not None else []
        return [shown(each) for each in values] if len(values) == len(targets) else unknown
    except (EvaluationError, Unknown, TypeError):
        return unknown


def _store(target: ast.Subscript, text: str | None, scope: Scope) -> None:
    """`NAME[KEY]... = value`, where NAME is a plain value."""
    name = _root(target)
    if name is None or scope.own.get(name) is None:
        return
    try:
        root = literal(scope.own[name] or "")
        place: Any = _place(target.value, root, scope)
        place[scope.value(target.slice)] = literal(text or "")
        scope.own[name] = shown(root)
    except (EvaluationError, Unknown, *_FAILURES):
        scope.own[name] = None


def _delete(target: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.own.pop(target.id, None)
    elif isinstance(target, ast.Subscript) and (name := _root(target)) is not None:
        try:
            root = literal(scope.own.get(name) or "")
            del _place(target.value, root, scope)[scope.value(target.slice)]
            scope.own[name] = shown(root)
        except (EvaluationError, Unknown, *_FAILURES):
            return


def _result(value: ast.expr, scope: Scope) -> str | None:
    """Text of an expression; a method that changes a variable changes it: `x.append(1)`, `y = x[0].pop()`."""
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments, keywords=[]):
            name = _root(owner)
            if name is not None and scope.own.get(name) is not None and value not in scope.results:
                try:
                    return _changed(name, owner, method, arguments, scope)
                except (EvaluationError, Unknown, *_FAILURES):
                    pass
    return scope.text(value)


def _changed(name: str, owner: ast.expr, method: str, arguments: list[ast.expr], scope: Scope) -> str | None:
    root = literal(scope.own[name] or "")
    place = _place(owner, root, scope)
    if method not in _CHANGES.get(type(place), ()):
        raise Unknown
    found = getattr(place, method)(*map(scope.value, arguments))
    scope.own[name] = shown(root)
    return shown(found)


def _root(node: ast.expr) -> str | None:
    """The variable that `NAME[...]...` is a part of."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _place(node: ast.expr, root: Any, scope: Scope) -> Any:
    """The part of `root`, the value of its variable, that `NAME[...]...` stands for."""
    if isinstance(node, ast.Subscript):
        return _place(node.value, root, scope)[scope.value(node.slice)]
    return root


def raised(node: ast.expr | None, scope: Scope) -> str | None:
    """Text of the exception that `raise NODE` raises: of a class, or of a class with plain arguments."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            texts = [scope.text(each) for each in arguments]
            return None if None in texts else f"{name}({', '.join(filter(None, texts))})"
        case ast.Name(id=name) if re.match(r"[A-Z]", name):
            return f"{name}()"
    return scope.text(node) if node is not None else None


def items_of(node: ast.expr, scope: Scope) -> list[str]:
    """Texts of the items that a loop over `node` binds. Raises Unknown."""
    try:
        return [shown(item) for item in list(scope.value(node))[:BUDGET]]
    except TypeError:
        raise Unknown from None
