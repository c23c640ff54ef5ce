"""What a statement does to the values, as far as it can be told without running anything of the program.

Made for guesses that a model then confirms or corrects: what is not told by the texts of the values is unknown (None),
and aliases, or what a call does to its arguments, are not thought of.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from neuralpdb.evaluate import TYPES, EvaluationError, literal
from neuralpdb.expressions import Refused, value_of, weight
from neuralpdb.syntax import certain_calls_in, header_nodes

BUDGET = 4_000
"""Most work for one value, in the units of `expressions`: a few milliseconds."""

_LONGEST = 2_000
"""Characters of a value that is worth a guess."""

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

_MADE: Mapping[str, Callable[..., Any]] = {
    "Counter": Counter, "OrderedDict": OrderedDict, "defaultdict": defaultdict, "deque": deque,
}  # fmt: skip
"""What the standard library makes of plain values; known by name, wherever the program has it from."""

_WRAPPED = re.compile(
    r"(Counter|OrderedDict|deque|defaultdict)\((?:<class '(int|list|set|dict|str|float)'>(?:, )?)?(.*)\)"
)
_ENDLESS = re.compile(r"[\[{(]\.\.\.[\]})]")
"""How a collection is shown inside of itself."""
_FACTORIES = {each.__name__: each for each in (int, list, set, dict, str, float)}

_MOST_TRIED = 6
"""Calls of a line that are looked at, at most, to see whether they fail."""

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
    results: dict[ast.expr, str | None] = field(default_factory=dict)

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
        """Value of an expression. Raises Unknown, with the error as its cause where evaluating it raises one."""
        try:
            return value_of(node, self._lookup, self._known(node), BUDGET)
        except (EvaluationError, Refused):
            raise Unknown from None
        except _FAILURES as error:
            raise Unknown from error

    def _lookup(self, name: str) -> Any:
        text = self.own[name] if name in self.own else self.around.get(name)
        if text is None and name not in self.own and name in TYPES:
            return TYPES[name]
        if text is None:
            raise Unknown
        return plain(text)

    def _known(self, node: ast.expr) -> dict[ast.expr, Any]:
        """Values of the parts of an expression that `value_of` would not evaluate: calls of what is known by name."""
        found: dict[ast.expr, Any] = {}
        for part, text in self.results.items():
            try:
                found[part] = plain(text)
            except Unknown:  # an object: only its text is known
                continue
        inner_first = [n for n in ast.walk(node) if isinstance(n, ast.expr)][::-1]
        for part in inner_first:
            match part:
                case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _MADE and part not in found:
                    arguments = [value_of(each, self._lookup, found, BUDGET) for each in part.args]
                    found[part] = _MADE[name](*arguments)
                case ast.NamedExpr(value=value) if part is not node:
                    found[part] = value_of(value, self._lookup, found, BUDGET)
        return found


class Unknown(Exception):
    """A value that cannot be told."""


def plain(text: str | None) -> Any:
    """The value of a repr text: a literal, or one of the standard library's collections. Raises Unknown."""
    if text is None or len(text) > _LONGEST or _ENDLESS.search(text):
        raise Unknown
    try:
        wrapped = _WRAPPED.fullmatch(text)
        if wrapped is None:
            return deepcopy(_literal(text))
        name, factory, inner = wrapped.groups()
        items = [literal(inner)] if inner else []
        return _MADE[name](*([_FACTORIES[factory]] if factory else []), *items)
    except (EvaluationError, *_FAILURES):
        raise Unknown from None


@lru_cache(maxsize=256)
def _literal(text: str) -> Any:
    """Copy it before it is changed: reading a long list takes ten times as long as copying it."""
    return literal(text)


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
    except (Unknown, *_FAILURES):
        scope.own[name] = None


def _delete(target: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.own.pop(target.id, None)
    elif isinstance(target, ast.Subscript) and (name := _root(target)) is not None:
        try:
            root = plain(scope.own.get(name))
            del _place(target.value, root, scope)[scope.value(target.slice)]
            scope.own[name] = shown(root)
        except (Unknown, *_FAILURES):
            return


def _result(value: ast.expr, scope: Scope) -> str | None:
    """Text of an expression; a method that changes a variable changes it: `x.append(1)`, `y = x[0].pop()`."""
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments, keywords=[]):
            name = _root(owner)
            if name is not None and scope.own.get(name) is not None and value not in scope.results:
                try:
                    return _changed(name, owner, method, arguments, scope)
                except (Unknown, *_FAILURES):
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


def failure(statement: ast.AST, scope: Scope) -> str | None:
    """Text of the exception that evaluating the value of a statement raises, where that can be told."""
    for field_name in ("value", "test", "iter"):
        node = getattr(statement, field_name, None)
        if isinstance(node, ast.expr):
            calls = islice(certain_calls_in(node), _MOST_TRIED)
            tried = (each for call in calls for each in (failure_of(call, scope), _failed(call, scope)))
            error = next(filter(None, tried), None) or _failed(node, scope)
            if error is not None:
                return error
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value):
            return _unpacked(len(targets), value, scope) if not _starred(targets) else None
    return None


def failure_of(call: ast.Call, scope: Scope) -> str | None:
    """Text of the exception that evaluating an argument of a call raises, where that can be told."""
    arguments = (*call.args, *(keyword.value for keyword in call.keywords))
    return next((error for each in arguments if (error := _failed(each, scope))), None)


def _failed(node: ast.expr, scope: Scope) -> str | None:
    if node in scope.results:
        return None
    try:
        scope.value(node)
    except Unknown as unknown:
        cause = unknown.__cause__
        if cause is not None and not isinstance(cause, RecursionError | MemoryError):
            return repr(cause)
    return None


def _unpacked(count: int, value: ast.expr, scope: Scope) -> str | None:
    """Text of the exception that giving the items of `value` to `count` targets raises."""
    try:
        found = len(list(scope.value(value)))
    except (Unknown, TypeError):
        return None
    if found == count:
        return None
    few = f"not enough values to unpack (expected {count}, got {found})"
    return repr(ValueError(few if found < count else f"too many values to unpack (expected {count})"))


def _starred(nodes: Sequence[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def raised(node: ast.expr | None, scope: Scope) -> str | None:
    """Text of the exception that `raise NODE` raises: of a class, or of a class with plain arguments."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            texts = [scope.text(each) for each in arguments]
            return None if None in texts else f"{name}({', '.join(filter(None, texts))})"
        case ast.Name(id=name) if re.match(r"[A-Z]", name):
            return f"{name}()"
    return scope.text(node) if node is not None else None


def items_of(node: ast.expr, scope: Scope) -> Sequence[str | None]:
    """Texts of the items that a loop over `node` binds; None for those that cannot be told. Raises Unknown."""
    if isinstance(node, ast.Tuple | ast.List) and not _starred(node.elts):
        return [scope.text(each) for each in node.elts[:BUDGET]]
    try:
        return [shown(item) for item in list(scope.value(node))[:BUDGET]]
    except TypeError:
        raise Unknown from None
