"""Peeking: expressions that only look at plain data, evaluated at once, with no copy of the process.

No code of the program can run and nothing can change; all that is not surely so is left to the machine, in a copy.
"""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable, Mapping
from typing import Any

from neuralpdb.interpreter import sizes
from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.attributes import is_data
from neuralpdb.interpreter.objects.classes import Class, Shell
from neuralpdb.interpreter.objects.generators import Iterating
from neuralpdb.interpreter.objects.values import EMPTY, Function, Member, Method, Own, Unknown
from neuralpdb.interpreter.replay.evaluating import Answer, is_builtin, variable
from neuralpdb.interpreter.signals import Stop, Undetermined
from neuralpdb.trace.frames import UNREPRESENTABLE

_MOST = 2_000
"""Values in a container that is shown or searched at once: some 0.5 ms."""
_FEW = 20
"""Items of a tuple that is an item, most often the key of a dict."""
_LONGEST = 10_000
"""Characters of a text, and bits of a number, that are used in operations."""
_SCALARS = frozenset((int, float, bool, str, bytes, type(None)))
_NUMBERS = frozenset((int, float, bool))
_CONTAINERS = frozenset((list, tuple, dict, set, frozenset))
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "abs": abs,
    "bool": bool,
    "sum": sum,
    "min": min,
    "max": max,
    "any": any,
    "all": all,
    "sorted": sorted,
}
"""Functions with one argument that take time in proportion to it."""
_OF_TEXTS = frozenset("startswith endswith upper lower strip isdigit isalpha isspace isupper islower".split())
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
}
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Unclear(Exception):
    """Something that is left to the machine."""


class _Undefined(Exception):
    """A name that nothing has; the next thing that happens is a NameError."""


def peeked(machine: Machine, f: Activation, tree: ast.Expression, shown: Mapping[str, str]) -> Answer:
    """Return the text and the truth of an expression. Raises Unclear.

    shown: texts of variables of the activation, as far as they are known.
    """
    try:
        value = _Peek(machine, f).value(tree.body)
        if type(value) is Unknown:
            if not isinstance(tree.body, ast.Name):
                raise Unclear
            return {"text": value.text, "why": value.reason}
        if isinstance(tree.body, ast.Name) and tree.body.id in shown and tree.body.id not in f.added:
            return {"text": shown[tree.body.id], "truth": _simple_truth(value)}
        if not _is_plain(value):
            raise Unclear
        text = machine.texts.text(value)
        if text is None or text == UNREPRESENTABLE:
            raise Unclear
        return {"text": text, "truth": bool(value)}
    except (Stop, Undetermined) as error:
        raise Unclear from error
    except _Undefined as error:
        return {"error": f"NameError: name '{error}' is not defined"}
    except Unclear:
        raise
    except Exception as error:  # the machine finds out what Python says
        raise Unclear from error


class _Peek:
    """The look of one expression."""

    def __init__(self, machine: Machine, f: Activation) -> None:
        self._machine = machine
        self._f = f

    def value(self, node: ast.expr) -> Any:
        """Return the value of a node."""
        look = _LOOKS.get(type(node))
        if look is None:
            raise Unclear
        return look(self, node)

    def _scalar(self, node: ast.expr) -> Any:
        value = self.value(node)
        if type(value) not in _SCALARS:
            raise Unclear
        if type(value) in (str, bytes) and len(value) > _LONGEST:
            raise Unclear
        if type(value) is int and value.bit_length() > _LONGEST:
            raise Unclear
        return value

    def constant(self, node: ast.Constant) -> Any:
        """Return a constant."""
        return node.value

    def name(self, node: ast.Name) -> Any:
        """Return the value of a variable."""
        value = variable(self._f, node.id)
        if value is EMPTY:
            if node.id not in self._machine.library.builtins and not hasattr(builtins, node.id):
                raise _Undefined(node.id)
            raise Unclear
        return value

    def many(self, node: ast.Tuple | ast.List) -> Any:
        """Return a tuple or a list."""
        items = [self.value(each) for each in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def attribute(self, node: ast.Attribute) -> Any:
        """Return an attribute that an instance simply has."""
        owner = self.value(node.value)
        kind = type(owner)
        if type(kind) is not Shell or isinstance(owner, Class | BaseException):
            raise Unclear
        cls = kind.__neural_class__
        held = cls.lookup(node.attr)
        if type(cls.lookup("__getattribute__")) is not Own:
            raise Unclear
        if type(held) is Member:
            value = owner.__dict__.get(held.key, EMPTY)
        elif held is EMPTY or not is_data(held):
            value = owner.__dict__.get(node.attr, EMPTY)
        else:
            raise Unclear
        if value is EMPTY:
            raise Unclear
        return value

    def subscript(self, node: ast.Subscript) -> Any:
        """Return an item of a plain container."""
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            key: Any = slice(*(None if each is None else self._scalar(each) for each in bounds))
        else:
            key = self._scalar(node.slice)
        kind = type(owner)
        if kind in (list, tuple, str, bytes):
            return owner[key]
        if kind is dict and not isinstance(key, slice) and self._holds_scalars(owner):
            return owner[key]
        raise Unclear

    def _holds_scalars(self, holder: Any) -> bool:
        return len(holder) <= _MOST and all(type(each) in _SCALARS or _is_short_tuple(each) for each in holder)

    def unary(self, node: ast.UnaryOp) -> Any:
        """Return what an operator makes of a plain value."""
        if isinstance(node.op, ast.Not):
            return not self._truth(self.value(node.operand))
        value = self._scalar(node.operand)
        if type(value) not in _NUMBERS or (type(value) is bool and isinstance(node.op, ast.Invert)):
            raise Unclear
        return _UNARY[type(node.op)](value)

    def _truth(self, value: Any) -> bool:
        if type(value) not in _SCALARS and type(value) not in _CONTAINERS:
            raise Unclear
        return bool(value)

    def binary(self, node: ast.BinOp) -> Any:
        """Return what an operator makes of two plain values."""
        entry = _BINARY.get(type(node.op))
        if entry is None:
            raise Unclear
        symbol, function = entry
        left, right = self._scalar(node.left), self._scalar(node.right)
        plain = type(left) in _NUMBERS and type(right) in _NUMBERS
        if not plain and not (symbol == "+" and type(left) is str and type(right) is str):
            raise Unclear
        if sizes.of_operator(symbol, left, right):
            raise Unclear
        return function(left, right)

    def boolean(self, node: ast.BoolOp) -> Any:
        """Return the value of `and` and `or`."""
        value: Any = None
        for each in node.values:
            value = self.value(each)
            if self._truth(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def conditional(self, node: ast.IfExp) -> Any:
        """Return the value of `a if b else c`."""
        return self.value(node.body if self._truth(self.value(node.test)) else node.orelse)

    def compare(self, node: ast.Compare) -> Any:
        """Return the outcome of comparisons of plain values."""
        left = node.left
        holds: Any = True
        for operation, right in zip(node.ops, node.comparators, strict=True):
            holds = self._compared(operation, left, right)
            if not holds:
                return holds
            left = right  # looking at it again changes nothing
        return holds

    def _compared(self, operation: ast.cmpop, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(operation, ast.Is | ast.IsNot):
            a, b = self.value(left), self.value(right)
            if Unknown in (type(a), type(b)) or not any(each is None or type(each) is bool for each in (a, b)):
                raise Unclear
            return (a is b) is isinstance(operation, ast.Is)
        if isinstance(operation, ast.In | ast.NotIn):
            item, holder = self._scalar(left), self.value(right)
            if type(holder) is str:
                if type(item) is not str or len(holder) > _LONGEST:
                    raise Unclear
            elif type(holder) not in _CONTAINERS or not self._holds_scalars(holder):
                raise Unclear
            return (item in holder) is isinstance(operation, ast.In)
        return _COMPARED[type(operation)](self._scalar(left), self._scalar(right))

    def call(self, node: ast.Call) -> Any:
        """Return what a function of Python, or a method of a text or a dict, makes of plain values."""
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise Unclear
        if isinstance(node.func, ast.Name):
            name = node.func.id
            function = _FUNCTIONS.get(name)
            if function is None or len(node.args) != 1 or not is_builtin(self._machine, self._f, name):
                raise Unclear
            return function(self._argument(node.args[0], name == "len"))
        if not isinstance(node.func, ast.Attribute):
            raise Unclear
        owner = self.value(node.func.value)
        arguments = [self._scalar(each) for each in node.args]
        if type(owner) is str and node.func.attr in _OF_TEXTS and len(owner) <= _LONGEST:
            return getattr(owner, node.func.attr)(*arguments)
        if type(owner) is dict and node.func.attr == "get" and self._holds_scalars(owner):
            return owner.get(*arguments)
        raise Unclear

    def _argument(self, node: ast.expr, is_measured: bool) -> Any:
        """Return a plain value: a scalar, or a container, whose items are scalars unless it is only measured."""
        value = self.value(node)
        is_ordered = type(value) not in (set, frozenset)
        if type(value) in _CONTAINERS and (is_measured or (is_ordered and self._holds_scalars(value))):
            return value
        if type(value) in _SCALARS and (is_measured or type(value) not in (str, bytes) or len(value) <= _LONGEST):
            return value
        raise Unclear


_LOOKS: dict[type[ast.expr], Callable[[_Peek, Any], Any]] = {
    ast.Constant: _Peek.constant,
    ast.Name: _Peek.name,
    ast.Tuple: _Peek.many,
    ast.List: _Peek.many,
    ast.Attribute: _Peek.attribute,
    ast.Subscript: _Peek.subscript,
    ast.UnaryOp: _Peek.unary,
    ast.BinOp: _Peek.binary,
    ast.BoolOp: _Peek.boolean,
    ast.IfExp: _Peek.conditional,
    ast.Compare: _Peek.compare,
    ast.Call: _Peek.call,
}


def _simple_truth(value: Any) -> bool:
    """Return whether a value is true, where no code of the program says it. Raises Unclear."""
    kind = type(value)
    if kind in _SCALARS or kind in _CONTAINERS:
        return bool(value)
    if kind in (Function, Class, Method, Iterating):
        return True
    if type(kind) is Shell and all(kind.__neural_class__.lookup(name) is EMPTY for name in ("__bool__", "__len__")):
        return True
    raise Unclear


def _is_short_tuple(value: Any) -> bool:
    return type(value) is tuple and len(value) <= _FEW and all(type(each) in _SCALARS for each in value)


def _is_plain(value: Any) -> bool:
    """Whether the text of a value is made without code of the program, and soon."""
    todo = [value]
    count = 0
    while todo:
        each = todo.pop()
        kind = type(each)
        count += 1
        if count > _MOST:
            return False
        if kind in _CONTAINERS:
            if len(each) > _MOST:
                return False
            todo.extend(each)
            if kind is dict:
                todo.extend(each.values())
        elif kind not in _SCALARS:
            return False
    return True
