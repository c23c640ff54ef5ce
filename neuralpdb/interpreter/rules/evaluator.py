"""The value of a Python expression over plain values, with bounds on time and memory. Nothing of a program is run.

It walks the syntax tree itself: operators, displays, comprehensions, a table of builtins and of methods that change
nothing. It knows no frames and no state: names are looked up by the caller.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

BUDGET = 500_000
"""Most work for one expression: nodes visited and items or words of the values made. About half a second."""
_CHARACTERS = 1_000_000
_BITS = 65_536
_CHARACTERS_A_UNIT = 16


class Refused(Exception):
    """The expression is outside of the subset, or too expensive; the text says why."""


class TooMuch(Refused):
    """It would take too long or too much memory."""

    def __init__(self) -> None:
        super().__init__("it takes too much time or memory")


def value_of(
    node: ast.expr,
    lookup: Callable[[str], Any],
    known: Mapping[ast.expr, Any] = MappingProxyType({}),
    budget: int = BUDGET,
) -> Any:
    """What `node` stands for. `lookup` gives the value of a name; `known` nodes are not evaluated.

    Raises Refused, whatever `lookup` raises, and what Python itself would (ZeroDivisionError, KeyError, ...).
    """
    value = _Evaluation(lookup, known, budget).eval(node)
    return list(value) if isinstance(value, _ITERATORS) else value


def weight(value: Any, most: int) -> int:
    """Items, words and 16-character pieces of a value, each as often as it is shown. Raises TooMuch above `most`."""
    total, todo = 0, [value]
    while todo:
        each = todo.pop()
        total += 1
        if isinstance(each, str | bytes):
            total += len(each) // _CHARACTERS_A_UNIT
        elif isinstance(each, int):
            total += each.bit_length() // 64
        elif isinstance(each, range):
            total += len(each)
        elif isinstance(each, _MANY):
            total += len(each)
            todo += each
        elif isinstance(each, dict):
            total += 2 * len(each)
            todo += each.keys()
            todo += each.values()
        if total > most:
            raise TooMuch
    return total


_NOTHING: dict[Any, Any] = {}
_VIEWS = (type(_NOTHING.keys()), type(_NOTHING.values()), type(_NOTHING.items()))
_MANY = (list, tuple, set, frozenset, *_VIEWS)
_ITERATORS: tuple[Any, ...] = (zip, enumerate, reversed, type(reversed([])), type(reversed(_NOTHING)))


class _Evaluation:
    """One evaluation. `scopes` are the variables of the comprehensions around, innermost last."""

    def __init__(self, lookup: Callable[[str], Any], known: Mapping[ast.expr, Any], budget: int) -> None:
        self.lookup = lookup
        self.known = known
        self.left = budget
        self.scopes: list[dict[str, Any]] = []

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise TooMuch

    def weighed(self, value: Any) -> Any:
        """`value`, paid for."""
        self.spend(weight(value, self.left))
        return value

    def eval(self, node: ast.expr) -> Any:
        self.spend(1)
        if node in self.known:
            return self.known[node]
        kind = type(node)
        if kind not in self._KINDS:
            raise Refused(f"{_WORDS.get(kind, kind.__name__)} is not evaluated here")
        return self._KINDS[kind](self, node)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        for scope in reversed(self.scopes):
            if node.id in scope:
                return scope[node.id]
        return self.lookup(node.id)

    def _tuple(self, node: ast.Tuple) -> Any:
        return self.weighed(tuple(self._items(node.elts)))

    def _list(self, node: ast.List) -> Any:
        return self.weighed(list(self._items(node.elts)))

    def _set(self, node: ast.Set) -> Any:
        return self.weighed(set(self._items(node.elts)))

    def _dict(self, node: ast.Dict) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found.update(self.weighed(self.eval(value)))
            else:
                name = self.eval(key)
                found[name] = self.eval(value)
        return self.weighed(found)

    def _items(self, nodes: list[ast.expr]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.weighed(self.eval(node.value))
            else:
                yield self.eval(node)

    def _unary(self, node: ast.UnaryOp) -> Any:
        return _UNARY[type(node.op)](self.eval(node.operand))

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self.eval(node.left), self.eval(node.right)
        check = _CHECKS.get(type(node.op))
        if check is not None:
            check(left, right, self.left)
        return self.weighed(_BINARY[type(node.op)](left, right))

    def _boolean(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for each in node.values:
            value = self.eval(each)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compare(self, node: ast.Compare) -> Any:
        left, result = self.eval(node.left), True
        for kind, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.eval(comparator)
            self.weighed(right)
            result = _COMPARE[type(kind)](left, right)
            if not result:
                break
            left = right
        return result

    def _conditional(self, node: ast.IfExp) -> Any:
        return self.eval(node.body if self.eval(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        container = self.eval(node.value)
        if not isinstance(container, _INDEXED):
            raise TypeError(f"{type(container).__name__!r} object is not subscriptable")
        found = container[self.eval(node.slice)]
        return self.weighed(found) if isinstance(node.slice, ast.Slice) else found

    def _slice(self, node: ast.Slice) -> slice:
        return slice(*(each and self.eval(each) for each in (node.lower, node.upper, node.step)))

    def _attribute(self, node: ast.Attribute) -> Any:
        value = self.eval(node.value)
        if node.attr in _DATA.get(type(value), ()):
            return getattr(value, node.attr)
        raise Refused(f".{node.attr} of {type(value).__name__} is not known: nothing of the program is run")

    def _call(self, node: ast.Call) -> Any:
        function = self._function(node.func)
        arguments = [*self._arguments(node.args)]
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg == "key" and isinstance(keyword.value, ast.Name | ast.Attribute):
                named["key"] = self._function(keyword.value)
            elif keyword.arg is None:
                named.update(self.eval(keyword.value))
            else:
                named[keyword.arg] = self.eval(keyword.value)
        for argument in (*arguments, *named.values()):
            self.weighed(argument)
        return self.weighed(function(*arguments, **named))

    def _arguments(self, nodes: list[ast.expr]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.GeneratorExp):
                yield iter(self._list_of(ast.ListComp(node.elt, node.generators)))
            else:
                yield from self._items([node])

    def _function(self, node: ast.expr) -> Callable[..., Any]:
        if isinstance(node, ast.Name):
            if node.id in FUNCTIONS:
                return FUNCTIONS[node.id]
            raise Refused(f"{node.id}() is not called: nothing of the program is run")
        if not isinstance(node, ast.Attribute):
            raise Refused("only functions and methods with a name are called")
        value = self.eval(node.value)
        if node.attr not in _METHODS.get(type(value), ()):
            changes = node.attr in _CHANGING
            what = "changes it: write NAME = EXPR" if changes else "is not called: nothing of the program is run"
            raise Refused(f".{node.attr}() of {type(value).__name__} {what}")
        bounded = _BOUNDED.get(node.attr)
        method: Callable[..., Any] = getattr(value, node.attr)
        if bounded is None or not isinstance(value, str | bytes):
            return method

        def checked(*arguments: Any) -> Any:
            if bounded(value, *arguments) > _CHARACTERS:
                raise TooMuch
            return method(*arguments)

        return checked

    def _joined(self, node: ast.JoinedStr) -> str:
        return str(self.weighed("".join(str(self.eval(each)) for each in node.values)))

    def _formatted(self, node: ast.FormattedValue) -> str:
        value = self.weighed(self.eval(node.value))
        if node.conversion >= 0:
            value = _CONVERSIONS[chr(node.conversion)](value)
        spec = self.eval(node.format_spec) if node.format_spec else ""
        _check_widths(spec)
        return format(value, spec)

    def _list_of(self, node: ast.ListComp) -> Any:
        return self.weighed([self.eval(node.elt) for _ in self._each(node.generators)])

    def _set_of(self, node: ast.SetComp) -> Any:
        return self.weighed({self.eval(node.elt) for _ in self._each(node.generators)})

    def _dict_of(self, node: ast.DictComp) -> Any:
        return self.weighed({self.eval(node.key): self.eval(node.value) for _ in self._each(node.generators)})

    def _each(self, generators: list[ast.comprehension]) -> Iterator[None]:
        """Once for each item of a comprehension, with its variables in scope."""
        first, *rest = generators
        source = self.weighed(self.eval(first.iter))
        self.scopes.append({})
        try:
            for item in source:
                self.spend(1)
                self._bind(first.target, item)
                if all(self.eval(test) for test in first.ifs):
                    if rest:
                        yield from self._each(rest)
                    else:
                        yield
        finally:
            self.scopes.pop()

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.scopes[-1][target.id] = value
            return
        if not isinstance(target, ast.Tuple | ast.List) or any(isinstance(t, ast.Starred) for t in target.elts):
            raise Refused("only names can be bound in a comprehension")
        values = list(self.weighed(value))
        if len(values) != len(target.elts):
            raise ValueError(f"{len(target.elts)} names for {len(values)} values")
        for each, part in zip(target.elts, values, strict=True):
            self._bind(each, part)

    _KINDS: ClassVar[dict[type[ast.expr], Callable[[_Evaluation, Any], Any]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Tuple: _tuple,
        ast.List: _list,
        ast.Set: _set,
        ast.Dict: _dict,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.Subscript: _subscript,
        ast.Slice: _slice,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.JoinedStr: _joined,
        ast.FormattedValue: _formatted,
        ast.ListComp: _list_of,
        ast.SetComp: _set_of,
        ast.DictComp: _dict_of,
    }


_WORDS: dict[type[ast.expr], str] = {
    ast.Lambda: "lambda",
    ast.NamedExpr: ":=",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield from",
    ast.GeneratorExp: "a generator outside of a call",
    ast.Starred: "*",
}


def _check_product(left: Any, right: Any, most: int) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _BITS:
            raise TooMuch
        return
    for many, times in ((left, right), (right, left)):
        if isinstance(times, int) and isinstance(many, str | bytes | list | tuple):
            weight(many, most // max(times, 1))


def _check_power(base: Any, exponent: Any, _: int) -> None:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > _BITS:
        raise TooMuch


def _check_shift(number: Any, places: Any, _: int) -> None:
    if isinstance(number, int) and isinstance(places, int) and number.bit_length() + places > _BITS:
        raise TooMuch


def _check_format(text: Any, values: Any, _: int) -> None:
    if isinstance(text, str | bytes):
        shown = text if isinstance(text, str) else text.decode("latin-1")
        _check_widths(shown)
        if re.search(r"%[^%a-zA-Z]*\*", shown):
            raise Refused("a width given by * is not evaluated here")


def _check_widths(spec: str) -> None:
    if re.search(r"\d{6}", spec):
        raise TooMuch


_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.MatMult: operator.matmul,
}
_CHECKS: dict[type[ast.operator], Callable[[Any, Any, int], None]] = {
    ast.Mult: _check_product,
    ast.Pow: _check_power,
    ast.LShift: _check_shift,
    ast.Mod: _check_format,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def _bytes(*arguments: Any) -> bytes:
    if arguments and isinstance(arguments[0], int) and arguments[0] > _CHARACTERS:
        raise TooMuch
    return bytes(*arguments)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > BUDGET:
        raise TooMuch
    return numbers


def _round(number: Any, digits: int | None = None) -> Any:
    if digits is not None and abs(digits) > 1000:
        raise TooMuch
    return round(number, digits)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        abs, all, any, ascii, bin, bool, chr, complex, dict, divmod, enumerate, float, frozenset, hex, int, isinstance,
        len, list, max, min, oct, ord, repr, reversed, set, sorted, str, sum, tuple, zip,
    )
} | {"bytes": _bytes, "range": _range, "round": _round}  # fmt: skip
"""The builtins that can be called."""

_CONVERSIONS: dict[str, Callable[[Any], str]] = {"a": ascii, "r": repr, "s": str}
_TEXT = (
    "capitalize center count endswith expandtabs find index isalnum isalpha isascii isdigit islower isspace istitle "
    "isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit "
    "rstrip split splitlines startswith strip swapcase title upper zfill"
).split()
_SETS = "copy difference intersection isdisjoint issubset issuperset symmetric_difference union".split()
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset((*_TEXT, *"casefold encode isdecimal isidentifier isnumeric isprintable".split())),
    bytes: frozenset((*_TEXT, "decode", "hex")),
    list: frozenset(("count", "index", "copy")),
    tuple: frozenset(("count", "index")),
    range: frozenset(("count", "index")),
    dict: frozenset(("get", "items", "keys", "values", "copy")),
    set: frozenset(_SETS),
    frozenset: frozenset(_SETS),
    int: frozenset(("bit_length", "bit_count", "as_integer_ratio", "conjugate")),
    bool: frozenset(("bit_length", "bit_count", "as_integer_ratio", "conjugate")),
    float: frozenset(("is_integer", "hex", "as_integer_ratio", "conjugate")),
    complex: frozenset(("conjugate",)),
}
_CHANGING = frozenset(
    "append extend insert pop remove reverse sort clear update setdefault popitem add discard".split()
)
_NUMBERS = ("real", "imag", "numerator", "denominator")
_DATA: dict[type, tuple[str, ...]] = {
    int: _NUMBERS,
    bool: _NUMBERS,
    float: _NUMBERS[:2],
    complex: _NUMBERS[:2],
    range: ("start", "stop", "step"),
}
_INDEXED = (str, bytes, list, tuple, range, dict)


def _width(_: Any, width: Any = 0, *__: Any) -> int:
    return int(width)


_BOUNDED: dict[str, Callable[..., int]] = {
    "center": _width,
    "ljust": _width,
    "rjust": _width,
    "zfill": _width,
    "expandtabs": lambda text, size=8: len(text) * int(size),
    "replace": lambda text, old, new, *count: len(text) + text.count(old) * len(new),
    "join": lambda text, parts=(): sum(len(part) + len(text) for part in parts),
}
"""Characters of the result, at most, of the methods that can make much of little."""

TYPES = {t.__name__: t for t in (bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)}
