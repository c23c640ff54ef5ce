"""Ways that rest on a guess: what is written on them does, too, until they come together with those not taken.

They come together at the line that all of them lead to. Where other ways might have done more than bind the variables
of the function, what is known behind that line is not told from what is not: the way stays open then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from neuralpdb.trace.frames import GUESSES, VALUE, Event, Frame
from neuralpdb.trace.stack import stack_of
from neuralpdb.trace.values import is_literal

if TYPE_CHECKING:
    from neuralpdb.program.flow import Code
    from neuralpdb.program.program import Program

_MOST_LINES = 300
"""Lines of a function that are looked through for the line where its ways meet: a millisecond."""
_FUNCTIONS = frozenset(
    "abs all any bool chr dict divmod enumerate float format int isinstance len list max min ord pow print range repr "
    "reversed round set sorted str sum tuple type zip".split()
)
"""Built-in functions that only return a value where all arguments are plain; what is printed is no state."""
_STATEMENTS = (
    ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Break, ast.Continue, ast.Expr, ast.For, ast.If, ast.Pass, ast.While,
)  # fmt: skip
_EXPRESSIONS = (
    ast.BinOp, ast.BoolOp, ast.Compare, ast.Constant, ast.Dict, ast.FormattedValue, ast.IfExp, ast.JoinedStr, ast.List,
    ast.Set, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp,
)  # fmt: skip


class Way:
    """The first way that rests on a guess.

    index:      number of the frame that it leads to.
    shallowest: least depth of the frames since.
    """

    def __init__(self, program: Program, said: Sequence[Frame], index: int) -> None:
        """said: the history, with the frame of that number and those after it."""
        self.index = index
        self.shallowest = min(frame.depth for frame in said[index:])
        stack = stack_of(said[:index])
        self._before = {activation.depth: activation.last.locals for activation in stack}
        at = next((each for each in reversed(stack) if each.depth == said[index].depth), None)
        self._depth = said[index].depth
        self._meets: int | None = None
        self._touched: frozenset[str] | None = None
        self._is_passed = False
        code = program.code_at(at.function, at.line, at.entered) if at is not None else None
        if at is not None and code is not None and at.line is not None and not code.suspends:
            self._meets, between = _meeting(code, at.line)
            if self._meets is not None:
                self._touched = _Plain(program, code, at.last).touched(between, at.line)

    def go_on(self, frame: Frame) -> bool:
        """Take the next frame; return whether the way has come together with those not taken, and nothing is left."""
        self.shallowest = min(self.shallowest, frame.depth)
        is_meeting = self._is_meeting(frame)
        self._is_passed = self._is_passed or is_meeting or frame.depth < self._depth
        return is_meeting and self._touched is not None

    def leaves(self, frame: Frame, name: str) -> bool:
        """Whether a value of the next frame is what it would be on any other way, too, or was there before."""
        if name == VALUE or self._is_passed:
            return False
        if self._is_meeting(frame):
            return self._touched is not None and name not in self._touched
        if frame.depth < self._depth or min(self.shallowest, frame.depth) < frame.depth:
            return False
        return self._before.get(frame.depth, {}).get(name) == frame.locals[name]

    def _is_meeting(self, frame: Frame) -> bool:
        is_here = frame.event is Event.LINE and frame.depth == self._depth <= self.shallowest
        return is_here and not self._is_passed and self._meets is not None and frame.line == self._meets


def _meeting(code: Code, line: int) -> tuple[int | None, frozenset[int]]:
    """Return the first line that every way from a line leads to, and the lines between; None where there is none."""
    everything = _reached(code, line, None)
    if len(everything) > _MOST_LINES or not any(code.after(each).leaves for each in everything):
        return None, frozenset()
    best: tuple[int | None, frozenset[int]] = None, frozenset()
    for each in everything - {line}:
        between = _reached(code, line, each)
        if any(code.after(other).leaves for other in between):
            continue
        if best[0] is None or len(between) < len(best[1]):
            best = each, between
    return best


def _reached(code: Code, line: int, without: int | None) -> frozenset[int]:
    """Return a line and those that it leads to; without: a line that is not gone through."""
    seen: set[int] = set()
    todo = [line]
    while todo:
        each = todo.pop()
        if each not in seen and each != without:
            seen.add(each)
            todo += code.after(each).lines
    return frozenset(seen)


class _Plain:
    """Whether statements do nothing but bind variables of a function to plain values.

    Plain is what is of a built-in type, with nothing of the program in it, or not known at all.
    """

    def __init__(self, program: Program, code: Code, frame: Frame) -> None:
        self._program = program
        self._code = code
        self._texts: Mapping[str, str] = frame.locals
        self._plain = {name for name, text in frame.locals.items() if frame.how(name) in GUESSES or is_literal(text)}

    def touched(self, lines: frozenset[int], line: int) -> frozenset[str] | None:
        """Return the variables that statements which begin on some lines may change; None where that is not all.

        line: where the ways part; what decides there was evaluated on all of them, and is not looked at.
        A variable that may hold, in something or by itself, an object that is changed, is one of them.
        """
        statements = [
            node
            for node in self._program.nodes
            if isinstance(node, ast.stmt) and any(node.lineno <= line <= _header_end(node) for line in lines)
        ]
        if not all(isinstance(node, _STATEMENTS) for node in statements):
            return None
        nodes = [node for statement in statements for node in _own_nodes(statement)]
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        if bound & set(self._code.raw.co_cellvars + self._code.raw.co_freevars):
            return None
        if not self._code.is_module and not bound <= set(self._code.raw.co_varnames):
            return None
        self._plain |= bound - self._texts.keys()
        loops = [node for node in statements if isinstance(node, ast.For | ast.While) and node.lineno < line]
        is_again = any(line <= (node.end_lineno or 0) for node in loops)
        parting = [
            node for node in statements if node.lineno == line and isinstance(node, ast.If | ast.For) and not is_again
        ]
        if not all(node in parting or self._is_statement(node) for node in statements):
            return None
        nodes = [node for statement in statements if statement not in parting for node in _own_nodes(statement)]
        changed = {name for node in nodes if isinstance(node, ast.Call) for name in self._given_to(node)}
        changed |= {node.target.id for node in nodes if _is_in_place(node)}  # type: ignore[attr-defined]
        texts = {self._texts[name] for name in changed & self._texts.keys()}
        holders = {name for name, text in self._texts.items() if any(part in text for part in texts)}
        return frozenset(bound | changed | holders)

    def _given_to(self, call: ast.Call) -> set[str]:
        """Return the variables that a call may change: none for the built-in functions."""
        if isinstance(call.func, ast.Name) and call.func.id in _FUNCTIONS:
            return set()
        return {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}

    def _is_statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.Assign(targets=targets, value=value):
                return all(map(_is_name, targets)) and self._is(value)
            case ast.AnnAssign(target=target, value=given):
                return _is_name(target) and (given is None or self._is(given))
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return name in self._plain and self._is(value)
            case ast.For(target=target, iter=gone_through):
                return _is_name(target) and self._is(gone_through)
            case ast.If(test=test) | ast.While(test=test):
                return self._is(test)
            case ast.Expr(value=value):
                return self._is(value)
        return isinstance(node, ast.Pass | ast.Break | ast.Continue)

    def _is(self, node: ast.expr) -> bool:
        """Whether an expression changes nothing but what a plain variable holds."""
        match node:
            case ast.Name(id=name):
                return name in self._plain
            case ast.Attribute(value=owner):
                return self._is(owner)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                called = self._is_function(function)
                return called and all(map(self._is, [*arguments, *(each.value for each in keywords)]))
        if not isinstance(node, _EXPRESSIONS):
            return False
        return all(self._is(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr))

    def _is_function(self, node: ast.expr) -> bool:
        """Whether it is a built-in function that the program has no other of, or a method of something plain."""
        if isinstance(node, ast.Name):
            hidden = node.id in self._texts or not self._program.globals.isdisjoint((node.id, "*"))
            return node.id in self._plain or (node.id in _FUNCTIONS and not hidden)
        return isinstance(node, ast.Attribute) and self._is(node.value)


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement without the statements in it."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        todo += [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.stmt)]


def _is_in_place(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)


def _header_end(node: ast.stmt) -> int:
    """Return the last line of a statement without the statements in it."""
    body = getattr(node, "body", None)
    return body[0].lineno - 1 if body and body[0].lineno > node.lineno else (node.end_lineno or node.lineno)


def _is_name(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_name, node.elts))
    return isinstance(node, ast.Name)
