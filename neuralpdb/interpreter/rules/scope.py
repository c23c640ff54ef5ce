"""Known values while a statement is worked out: names, literals, limits."""

from __future__ import annotations

import ast
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from neuralpdb.interpreter.order import has_address
from neuralpdb.interpreter.rules.evaluator import TYPES, Refused, value_of, weight
from neuralpdb.trace.values import EvaluationError, literal

BUDGET = 4_000
"""Most work for one value, in the units of `expressions`: a few milliseconds."""

_LONGEST = 2_000
"""Characters of a value that is worth a guess."""

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

FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)


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
        except FAILURES as error:
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
    except (EvaluationError, *FAILURES):
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
    except (Refused, *FAILURES):
        raise Unknown from None
    if len(text) > _LONGEST or has_address(text):
        raise Unknown
    return text


def starred(nodes: Sequence[ast.expr]) -> bool:
    """Whether any of these expressions is starred."""
    return any(isinstance(node, ast.Starred) for node in nodes)


def items_of(node: ast.expr, scope: Scope) -> Sequence[str | None]:
    """Texts of the items that a loop over `node` binds; None for those that cannot be told. Raises Unknown."""
    if isinstance(node, ast.Tuple | ast.List) and not starred(node.elts):
        return [scope.text(each) for each in node.elts[:BUDGET]]
    try:
        return [shown(item) for item in list(scope.value(node))[:BUDGET]]
    except TypeError:
        raise Unknown from None
