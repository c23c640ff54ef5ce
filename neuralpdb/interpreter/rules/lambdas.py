"""Calls of lambdas and generator expressions, as far as they can be told: who calls them, with what, how often.

A function without a name is called by a builtin that a line calls: `sorted(words, key=lambda w: w[1])`, `any(x for x in
xs)`. What it is called with is told from what that builtin goes through.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from neuralpdb.interpreter.rules.calls import Arguments
from neuralpdb.interpreter.rules.scope import Scope, Unknown, items_of, plain, shown
from neuralpdb.interpreter.rules.statements import bind
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.syntax import header_nodes
from neuralpdb.trace.frames import Event, Frame

_KEYED = frozenset({"sorted", "max", "min"})
_ITERATORS: dict[type, str] = {each: f"{each.__name__}_iterator" for each in (list, tuple, range, set, str, bytes)} | {
    dict: "dict_keyiterator"
}
_LAZY = {"enumerate": "enumerate", "zip": "zip", "reversed": "list_reverseiterator", "map": "map", "filter": "filter"}


@dataclass(frozen=True)
class Mapped:
    """A lambda, and the expression whose items it is called with; `call` is what calls it."""

    function: ast.Lambda
    items: ast.expr
    call: ast.Call


def mapped(statement: ast.AST) -> Mapped | None:
    """The first lambda of a statement that a builtin goes over a sequence with."""
    for node in header_nodes(statement):
        match node:
            case ast.Call(func=ast.Name(id="map" | "filter"), args=[ast.Lambda() as function, items]):
                return Mapped(function, items, node)
            case ast.Call(
                func=ast.Name(id=name), args=[items], keywords=[ast.keyword("key", ast.Lambda() as function)]
            ):
                return Mapped(function, items, node) if name in _KEYED else None
            case ast.Call(
                func=ast.Attribute(value=items, attr="sort"), keywords=[ast.keyword("key", ast.Lambda() as function)]
            ):
                return Mapped(function, items, node)
    return None


def next_item(found: Mapped, made: int, code: Code, scope: Scope) -> Arguments | None:
    """Locals of the next call of the lambda after `made` ones; None when there is none, or it cannot be told."""
    try:
        items = items_of(found.items, scope)
    except Unknown:
        return None
    if made >= len(items) or len(code.parameters) != 1:
        return None
    return {code.parameters[0]: items[made], **free(code, scope)}


def conclude(found: Mapped, values: Sequence[str | None], scope: Scope) -> None:
    """Tell `scope` what the builtin makes of the values that the lambda returned for the items."""
    try:
        items = list(scope.value(found.items))
        keys = [plain(value) for value in values]
        if len(items) == len(keys):
            _conclude(found, items, keys, scope)
    except (Unknown, TypeError, ValueError):
        return


def _conclude(found: Mapped, items: list[Any], keys: list[Any], scope: Scope) -> None:
    order = sorted(range(len(items)), key=keys.__getitem__)
    match found.call.func:
        case ast.Name(id="sorted"):
            scope.results[found.call] = shown([items[i] for i in order])
        case ast.Name(id="max" | "min" as name) if items:
            best = (max if name == "max" else min)(range(len(items)), key=keys.__getitem__)
            scope.results[found.call] = shown(items[best])
        case ast.Name(id="map"):
            scope.results[found.call] = shown(keys)
        case ast.Name(id="filter"):
            scope.results[found.call] = shown([item for item, key in zip(items, keys, strict=True) if key])
        case ast.Attribute(value=ast.Name(id=name), attr="sort"):
            scope.own[name] = shown([items[i] for i in order])


def generator_in(statement: ast.AST) -> ast.GeneratorExp | None:
    """The first generator expression of a statement."""
    return next((node for node in header_nodes(statement) if isinstance(node, ast.GeneratorExp)), None)


def generator_of(program: Program, code: Code) -> ast.GeneratorExp | None:
    """The only generator expression on the line of `code`."""
    nodes = program.generator_expressions.get(code.first_line, ())
    return nodes[0] if len(nodes) == 1 else None


def lambda_of(program: Program, code: Code) -> ast.Lambda | None:
    """The only lambda on the line of `code`."""
    nodes = program.lambdas.get(code.first_line, ())
    return nodes[0] if len(nodes) == 1 else None


def opened(node: ast.GeneratorExp, code: Code, scope: Scope) -> Arguments:
    """Locals with which a generator expression is entered for the first time."""
    return {".0": _iterator(node.generators[0].iter, scope), **free(code, scope)}


def _iterator(node: ast.expr, scope: Scope) -> str | None:
    """Text of the iterator over an expression."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _LAZY:
            return f"<{_LAZY[name]} object>"
        case ast.List(elts=items) if all(isinstance(each, ast.Constant) for each in items):
            return "<tuple_iterator object>"  # the compiler makes a constant of it
        case ast.Call(func=ast.Attribute(attr="items" | "values" as view), args=[]):
            return f"<dict_{view.removesuffix('s')}iterator object>"
    try:
        kind = type(scope.value(node))
    except Unknown:
        return None
    return f"<{_ITERATORS[kind]} object>" if kind in _ITERATORS else None


def goes_on(node: ast.GeneratorExp, statement: ast.AST, left: Frame) -> bool:
    """Whether what consumes a generator expression asks it for more, after it was left so."""
    if left.event is not Event.RETURN or left.value == "None":
        return False
    calls = (n for n in header_nodes(statement) if isinstance(n, ast.Call) and node in n.args)
    name = next((n.func.id for n in calls if isinstance(n.func, ast.Name)), "")
    return not (name == "next" or (name == "any" and left.value == "True") or (name == "all" and left.value == "False"))


def is_repeated(node: ast.GeneratorExp, statement: ast.AST) -> bool:
    """Whether a generator expression stands in a comprehension, which makes one for each of its items."""
    outer = (n for n in header_nodes(statement) if isinstance(n, ast.ListComp | ast.SetComp | ast.DictComp))
    return any(each is node for comprehension in outer for each in ast.walk(comprehension))


def resumed(node: ast.GeneratorExp, visits: int, left: Frame, outside: Scope) -> Arguments:
    """Locals with which a generator expression is entered again after its `visits`-th line event, left as `left`."""
    scope = Scope(dict(left.locals))
    try:
        items = items_of(node.generators[0].iter, outside)
        bind(node.generators[0].target, items[visits - 1], scope)
    except (Unknown, IndexError):
        bind(node.generators[0].target, None, scope)
    return scope.own


def targets_of(node: ast.GeneratorExp) -> frozenset[str]:
    """Variables of the first loop of a generator expression."""
    return frozenset(n.id for n in ast.walk(node.generators[0].target) if isinstance(n, ast.Name))


def advance(node: ast.GeneratorExp, visits: int, scope: Scope, outside: Scope) -> bool | None:
    """Whether a generator expression with one loop gives something at its `visits`-th line event; None at its end.

    scope: its own, in which its variables are bound. outside: where its items come from. Raises Unknown.
    """
    if len(node.generators) != 1:
        raise Unknown
    loop = node.generators[0]
    items = items_of(loop.iter, outside)
    if visits > len(items):
        return None
    bind(loop.target, items[visits - 1], scope)
    return all(bool(scope.value(test)) for test in loop.ifs)


def visits_of(frames: Iterator[Frame], depth: int, targets: frozenset[str]) -> int:
    """Line events of a generator expression since it was entered first, given the frames behind, newest first."""
    found = 0
    for frame in frames:
        if frame.depth < depth:
            break
        if frame.depth == depth and frame.event is Event.LINE:
            found += 1
        if frame.depth == depth and frame.event is Event.CALL and not targets & frame.locals.keys():
            break
    return max(found, 1)


def free(code: Code, scope: Scope) -> Arguments:
    """What a function sees of the variables around it, as far as they are bound."""
    return {name: scope.own[name] for name in code.raw.co_freevars if name in scope.own}
