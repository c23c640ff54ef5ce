"""Which functions of the program a line calls, in which order, with which arguments: as far as it can be told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from neuralpdb.interpreter.rules.scope import Scope
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.syntax import header_parts
from neuralpdb.trace.frames import UNREPRESENTABLE, Frame
from neuralpdb.trace.values import EvaluationError, literal

Arguments = dict[str, str | None]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CONSUMERS = frozenset("all any dict frozenset list max min next set sorted sum tuple".split())
_CHANGEABLE = re.compile(r"[\[{]|set\(|deque\(|Counter\(|defaultdict\(|OrderedDict\(")


@dataclass(frozen=True)
class Callee:
    """A function of the program that a call enters.

    owner: its class, empty for none. makes: it is the class that is called.
    """

    code: Code
    node: ast.FunctionDef | ast.AsyncFunctionDef
    owner: str = ""
    makes: bool = False

    @property
    def bound(self) -> bool:
        """True when its first parameter is the object that it is called on."""
        names = {n.id for n in self.node.decorator_list if isinstance(n, ast.Name)}
        return bool(self.owner) and "staticmethod" not in names

    @property
    def rebinds(self) -> frozenset[str]:
        """Names that it gives another value."""
        names = (n for n in ast.walk(self.node) if isinstance(n, ast.Name))
        return frozenset(n.id for n in names if isinstance(n.ctx, ast.Store))

    def result(self, left: Frame) -> str | None:
        """What the call gives, by the `return` frame that ended it."""
        if self.makes and self.code.parameters:
            made = left.locals.get(self.code.parameters[0], UNREPRESENTABLE)
            return made if made != UNREPRESENTABLE else None
        return left.value or "None"


class Callees:
    """The functions of a program by what calls them."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @cached_property
    def _named(self) -> Mapping[str, list[Callee]]:
        """name -> functions and methods called so; a class is found by its own name, as its `__init__`."""
        found: dict[str, list[Callee]] = {}
        classes = (n for n in self.program.nodes if isinstance(n, ast.ClassDef))
        owners = {id(inner): n.name for n in classes for inner in n.body}
        functions = [n for n in self.program.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in sorted(functions, key=lambda n: -n.lineno):  # the last of several with a name is meant
            owner = owners.get(id(node), "")
            code = self.program.defined_at(node.lineno)
            if code is not None and code.name == node.name:
                found.setdefault(node.name, []).append(Callee(code, node, owner))
                if owner and node.name == "__init__":
                    found.setdefault(owner, []).append(Callee(code, node, owner, makes=True))
        return found

    def calls(self, statement: ast.AST, scope: Scope) -> Iterator[tuple[ast.Call, Callee]]:
        """The calls that a statement makes which enter functions of the program, in the order they are made."""
        for node in _in_order(statement):
            callee = self._callee(node, scope)
            if callee is not None and not callee.code.suspends:
                yield node, callee

    def _callee(self, node: ast.Call, scope: Scope) -> Callee | None:
        if isinstance(node.func, ast.Name):
            return next((c for c in self._named.get(node.func.id, ()) if c.makes or not c.owner), None)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in self._named:
            return None
        methods = [c for c in self._named[node.func.attr] if c.owner]
        text = self._receiver(node.func.value, scope)
        if text is None or _is_plain(text):
            return methods[0] if text is None and len(methods) == 1 else None
        classes = [name for word in re.findall(r"\w+", text) for name in self._family(word)]
        return next((c for name in classes for c in methods if c.owner == name), methods[0] if methods else None)

    def _receiver(self, node: ast.expr, scope: Scope) -> str | None:
        """Text of what a method is called on; of `Class()` too, where the class has no `__init__` of the program."""
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in self.program.bases and node not in scope.results:
                return None if name in self._named else self._fresh(name)
        return scope.text(node)

    def entered(self, call: ast.Call, callee: Callee, scope: Scope) -> tuple[str, Arguments]:
        """Source line and locals of the call event."""
        source = self.program.line(callee.code.first_line)
        on = call.func.value if isinstance(call.func, ast.Attribute) else None
        given = _bound(call, callee, scope, self._receiver(on, scope) if on is not None else None)
        shown: Arguments = {name: given.get(name) for name in callee.code.parameters}
        for name in callee.code.raw.co_freevars:
            if name == "__class__" and callee.owner:
                shown[name] = f"<class '__main__.{callee.owner}'>"
            elif scope.own.get(name) is not None:
                shown[name] = scope.own[name]
        if callee.makes and callee.code.parameters:
            shown[callee.code.parameters[0]] = self._fresh(callee.owner)
        return source, shown

    def changed(self, call: ast.Call, callee: Callee, entry: Frame, left: Frame) -> Iterator[tuple[str, str]]:
        """Variables that were handed to a call which changed their value in place, as far as its frames tell."""
        skipped = int(callee.makes or (callee.bound and isinstance(call.func, ast.Attribute)))
        for name, argument in zip(callee.code.parameters[skipped:], call.args, strict=False):
            before, after = entry.locals.get(name, ""), left.locals.get(name, "")
            in_place = _CHANGEABLE.match(before) and _CHANGEABLE.match(after) and name not in callee.rebinds
            if isinstance(argument, ast.Name) and before != after and in_place:
                yield argument.id, after

    def _fresh(self, owner: str) -> str:
        """Text of an object that was just made: its own `__repr__` fails without the attributes."""
        shows = any(callee.owner in self._family(owner) for callee in self._named.get("__repr__", ()))
        return UNREPRESENTABLE if shows or owner in self._dataclasses else f"<__main__.{owner} object>"

    def _family(self, owner: str) -> list[str]:
        """A class and those of its bases that the program defines."""
        found = [owner]
        for name in found:
            found += [base for base in self.program.bases.get(name, ()) if base not in found]
        return found

    @cached_property
    def _dataclasses(self) -> frozenset[str]:
        """Decorated classes: their `__repr__` may be made for them."""
        nodes = (n for n in self.program.nodes if isinstance(n, ast.ClassDef))
        return frozenset(n.name for n in nodes if n.decorator_list)

    def generator(self, node: ast.expr, scope: Scope) -> Callee | None:
        """The generator function of the program whose items `node` gives."""
        if isinstance(node, ast.Call):
            callee = self._callee(node, scope)
            return callee if callee is not None and callee.code.suspends else None
        named = re.match(r"<generator object (?:.*\.)?(\w+)>", scope.text(node) or "")
        return next(iter(self._named.get(named[1], ())), None) if named else None

    def consumed(self, statement: ast.AST, scope: Scope) -> Iterator[tuple[ast.expr, bool]]:
        """Generators of the program that builtins of a statement take items from at once: all, or one (True)."""
        for call in _in_order(statement):
            name = getattr(call.func, "id", "")
            if name in _CONSUMERS and call.args and self.generator(call.args[0], scope) is not None:
                yield call.args[0], name == "next"

    def is_yield(self, frame: Frame) -> bool:
        """Whether a `return` frame is that of a `yield`."""
        code = self.program.code_at(frame.function, frame.line)
        return code is not None and frame.line in code.yields


def _in_order(statement: ast.AST) -> Iterator[ast.Call]:
    """Calls in the order in which they are made: what is inside of one comes before it."""
    todo: list[tuple[ast.AST, bool]] = [] if isinstance(statement, _DEFINITIONS) else [(statement, False)]
    while todo:
        node, done = todo.pop()
        if done:
            assert isinstance(node, ast.Call)
            yield node
            continue
        if isinstance(node, ast.Call):
            todo.append((node, True))
        todo += [(part, False) for part in reversed(header_parts(node))]


def _bound(call: ast.Call, callee: Callee, scope: Scope, receiver: str | None) -> Arguments:
    """Texts of the parameters of a call; None for those that cannot be told."""
    spec = callee.node.args
    given: list[str | None] = [scope.text(each) for each in call.args]
    if callee.makes:
        given.insert(0, None)
    elif callee.bound and isinstance(call.func, ast.Attribute):
        given.insert(0, receiver)
    if any(isinstance(each, ast.Starred) for each in call.args) or any(k.arg is None for k in call.keywords):
        return {}
    positional = [parameter.arg for parameter in (*spec.posonlyargs, *spec.args)]
    found: Arguments = {**_defaults(spec, positional, scope), **dict(zip(positional, given, strict=False))}
    if spec.vararg is not None:
        found[spec.vararg.arg] = _joined(given[len(positional) :])
    named = {k.arg: scope.text(k.value) for k in call.keywords if k.arg}
    known = {*positional, *(parameter.arg for parameter in spec.kwonlyargs)}
    found |= {name: text for name, text in named.items() if name in known}
    if spec.kwarg is not None:
        rest = {name: text for name, text in named.items() if name not in known}
        pairs = (f"{name!r}: {text}" for name, text in rest.items())
        found[spec.kwarg.arg] = None if None in rest.values() else "{" + ", ".join(pairs) + "}"
    return found


def _defaults(spec: ast.arguments, positional: list[str], scope: Scope) -> Arguments:
    visible = Scope({}, scope.around)
    last = zip(reversed(positional), reversed(spec.defaults), strict=False)
    only = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    found = {name: visible.text(node) for name, node in last}
    return found | {parameter.arg: visible.text(node) for parameter, node in only if node is not None}


def _joined(texts: list[str | None]) -> str | None:
    """Text of the tuple of these values."""
    if None in texts:
        return None
    return f"({', '.join(filter(None, texts))}{',' if len(texts) == 1 else ''})"


def _is_plain(text: str) -> bool:
    try:
        literal(text)
    except EvaluationError:
        return False
    return True
