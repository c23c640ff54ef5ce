"""Templates: Python text with holes, compiled once; the tables of the generator are written in them.

    <int>        an expression of a type             <int:x>     the same, and it may use the template's own name $x
    $x:ints      a new variable of a type            $x          that name again
    &x:ints      an existing variable, changed       ~x:ints     an existing variable, only read
    $Ctx         the name of a prelude class         BLOCK       statements (on a line of its own)
    «a¦b»        one of several texts (chosen before compiling)

Where an operand needs parentheses is worked out here, from `ast`, for every hole. It knows no types and no tables.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, NamedTuple

ATOM: Final = 17
NUMBER: Final = 16
INHERITED: Final = -1
"""Precedence of a template that is nothing but a hole: that of what fills it."""
UNARY: Final = 13

_BINARY: Final[dict[type[ast.operator], int]] = {
    ast.BitOr: 7,
    ast.BitXor: 8,
    ast.BitAnd: 9,
    ast.LShift: 10,
    ast.RShift: 10,
    ast.Add: 11,
    ast.Sub: 11,
    ast.Mult: 12,
    ast.Div: 12,
    ast.FloorDiv: 12,
    ast.Mod: 12,
    ast.MatMult: 12,
    ast.Pow: 14,
}


class Hole(NamedTuple):
    """A place for an expression.

    type:       of the expression.
    precedence: least precedence that needs no parentheses.
    sees:       names of the template that the expression may use.
    in_fstring: it is inside an f-string.
    """

    type: str
    precedence: int
    sees: tuple[str, ...]
    in_fstring: bool


class Slot(NamedTuple):
    """A name of the template.

    kind:    how the name is chosen.
    type:    of the variable.
    shrinks: the template may leave fewer items, or another value, in the variable.
    """

    name: str
    kind: Literal["new", "changed", "read", "function", "class", "prelude"]
    type: str
    shrinks: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `parts` are text, holes, or names of slots (as one-tuples); a block has parts None."""

    indent: int
    parts: tuple[str | Hole | tuple[str], ...] | None
    declares: tuple[str, ...]
    header: bool
    loop: str


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `precedence` matters for expressions only.

    wants: types of the holes that see nothing of the template.
    needs: the types in `wants` that few scopes have.
    keeps: slots that are variables after a compound statement.
    types: of the slots.
    """

    text: str
    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    precedence: int
    imports: tuple[str, ...]
    compound: bool
    ends: bool
    keeps: tuple[str, ...]
    wants: tuple[str, ...]
    needs: tuple[str, ...]
    types: dict[str, str]

    @property
    def parts(self) -> tuple[str | Hole | tuple[str], ...]:
        """The parts of a one-line template."""
        return self.lines[0].parts or ()


_TOKEN: Final = re.compile(
    r"<(?P<hole>[a-z]\w*)(?::(?P<sees>[a-z0-9,]+))?>"
    r"|(?P<mark>[$&~])(?P<name>[a-z]\w*)(?::(?P<type>[a-z]\w*))?"
    r"|\$(?P<prelude>[A-Z]\w*)"
)
_EASY: Final = frozenset("int nat pos nz small bound float bool char str str1 digits any".split())
_CALL_HOLE: Final = re.compile(r"<([a-z]\w*)>")
_CHOICE: Final = re.compile(r"«([^«»]*)»")
_SHRINK: Final = r"(\.(pop|clear|remove|popitem|discard|difference_update|intersection_update|popleft)\(|\[.*\] = \[\])"
_IMPORT: Final = re.compile(
    r"\b(math|string|itertools|functools|collections|heapq|bisect|copy|operator|re|contextlib|typing|enum|dataclasses|abc)\.[a-zA-Z]"
)


def choices(text: str) -> Iterator[str]:
    """Return every text that the «a¦b» groups of a text allow; groups may hold groups."""
    group = _CHOICE.search(text)
    if group is None:
        yield text
        return
    for chosen in group[1].split("¦"):
        yield from choices(text[: group.start()] + chosen + text[group.end() :])


def compile_template(text: str, *, expression: bool = False, literal: bool = False) -> Template:
    """Compile one template. Raises SyntaxError or ValueError with its text when it is not Python.

    literal: the holes will hold constants or stand where no parentheses are needed, and the names of the template are
    not for its surroundings: nothing needs to be parsed, which is much faster.
    """
    holes: list[tuple[str, tuple[str, ...]]] = []
    slots: dict[str, Slot] = {}
    source_lines = text.rstrip("\n").split("\n")

    def declare(match: re.Match[str]) -> str:
        if match["hole"]:
            holes.append((match["hole"], tuple((match["sees"] or "").split(",")) if match["sees"] else ()))
            return f"h{len(holes) - 1}_"
        if match["prelude"]:
            slots.setdefault(match["prelude"], Slot(match["prelude"], "prelude", "", False))
            return f"P{match['prelude']}_"
        name = match["name"]
        if match["type"]:
            type_ = match["type"]
            kind: Literal["new", "changed", "read", "function", "class"] = (
                "changed" if match["mark"] == "&" else "read" if match["mark"] == "~" else "new"
            )
            if type_ in ("function", "class"):
                kind = "function" if type_ == "function" else "class"
            if name not in slots:
                slots[name] = Slot(name, kind, type_, _shrinks(text, name, kind))
        elif name not in slots:
            if (name[0] == "f" and name[1:].isdigit()) or name == "f":
                slots[name] = Slot(name, "function", "fn", False)
            elif name in ("k", "k1", "k2"):
                slots[name] = Slot(name, "class", "class", False)
            else:
                raise ValueError(f"unknown name ${name} in template {text!r}")
        return f"s_{name}_"

    plain = [_TOKEN.sub(declare, line) for line in source_lines]
    root, required, bound = ATOM, {f"h{number}_": (1, False) for number in range(len(holes))}, set[str]()
    if not literal:
        tree = _parse(text, plain, expression)
        required = _requirements(tree)
        bound = set() if expression else set(_bound(tree))
        root = _precedence(tree.body) if isinstance(tree, ast.Expression) else 0
    lines = _lines(source_lines, slots, holes, required, bound)
    last = source_lines[-1].strip()
    wants = tuple(sorted({type_ for type_, sees in holes if not sees}))
    return Template(
        text=text,
        slots=tuple(slots.values()),
        lines=lines,
        precedence=root,
        imports=tuple(sorted(set(_IMPORT.findall(text)))),
        compound=any(line.indent for line in lines),
        ends=len(lines) == 1 and last.split(" ")[0] in ("return", "raise", "break", "continue"),
        keeps=tuple(n for line in lines if line.indent == 0 and not line.header for n in line.declares),
        wants=wants,
        needs=tuple(type_ for type_ in wants if type_ not in _EASY),
        types={slot.name: slot.type for slot in slots.values()},
    )


def call_template(text: str) -> Template:
    """Return a call whose arguments are holes, as an expression. Nothing is parsed, as a program makes many of them."""
    pieces = _CALL_HOLE.split(text)
    parts: list[str | Hole | tuple[str]] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            parts.append(Hole(piece, 1, (), False))
        elif piece:
            parts.append(piece)
    wants = tuple(sorted(set(pieces[1::2])))
    line = Line(0, tuple(parts), (), False, "")
    return Template(text, (), (line,), ATOM, (), False, False, (), wants, (), {})


def _shrinks(text: str, name: str, kind: str) -> bool:
    if kind != "changed":
        return False
    marked = rf"[$&]{name}(:\w+)?"
    return bool(
        re.search(marked + _SHRINK, text)
        or re.search(rf"{marked} (//|\*|%|\+|-|&|\||\^|>>)?= ", text)
        or re.search(rf"del {marked}|{marked}, \$?\w+|, {marked} = |as {marked}:", text)
    )


def _parse(text: str, plain: list[str], expression: bool) -> ast.Module | ast.Expression:
    source = "\n".join(line.replace("BLOCK", "pass") for line in plain)
    try:
        return ast.parse(source, mode="eval") if expression else ast.parse(source)
    except SyntaxError:
        raise SyntaxError(f"template is no Python: {text!r}") from None


def _lines(
    source_lines: list[str],
    slots: dict[str, Slot],
    holes: list[tuple[str, tuple[str, ...]]],
    required: dict[str, tuple[int, bool]],
    bound: set[str],
) -> tuple[Line, ...]:
    lines: list[Line] = []
    count = 0
    for source in source_lines:
        body = source.lstrip(" ")
        indent = (len(source) - len(body)) // 4
        if body.strip() == "BLOCK":
            lines.append(Line(indent, None, (), False, ""))
            continue
        parts: list[str | Hole | tuple[str]] = []
        declares: list[str] = []
        position = 0
        for match in _TOKEN.finditer(body):
            if match.start() > position:
                parts.append(body[position : match.start()])
            position = match.end()
            if match["hole"]:
                type_, sees = holes[count]
                precedence, in_fstring = required[f"h{count}_"]
                parts.append(Hole(type_, precedence, sees, in_fstring))
                count += 1
            else:
                name = match["prelude"] or match["name"]
                parts.append((name,))
                if slots[name].kind == "new" and match["type"] and f"s_{name}_" in bound:
                    declares.append(name)
        if position < len(body):
            parts.append(body[position:])
        word = body.split(" ", 1)[0]
        loop = word if word in ("for", "while") and body.endswith(":") else ""
        lines.append(Line(indent, tuple(parts), tuple(declares), body.endswith(":") or word == "for", loop))
    return tuple(lines)


def _bound(node: ast.AST) -> Iterator[str]:
    """Return the names that a template binds in its own scope: not those of its comprehensions and lambdas."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
    if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


# ---------------------------------------------------------------------- precedence
def _requirements(tree: ast.AST) -> dict[str, tuple[int, bool]]:
    """Return for each placeholder (least precedence that needs no parentheses, is it inside an f-string)."""
    requirements: dict[str, tuple[int, bool]] = {}

    def visit(node: ast.AST, level: int, in_fstring: bool) -> None:
        if isinstance(node, ast.Name) and node.id[0] == "h" and node.id.endswith("_"):
            requirements[node.id] = (level, in_fstring)
            return
        inside = in_fstring or isinstance(node, ast.FormattedValue)
        for field, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            for position, child in enumerate(children):
                if isinstance(child, ast.AST):
                    visit(child, _required(node, field, position), inside)

    visit(tree, 1, False)
    return requirements


def _required(parent: ast.AST, field: str, position: int) -> int:
    match parent:
        case ast.BinOp(op=ast.Pow()):
            return 15 if field == "left" else UNARY
        case ast.BinOp(op=operator):
            return _BINARY[type(operator)] + (field == "right")
        case ast.UnaryOp(op=ast.Not()):
            return 5
        case ast.UnaryOp():
            return UNARY
        case ast.BoolOp(op=operator):
            return (3 if isinstance(operator, ast.Or) else 4) + (position > 0)
        case ast.Compare() | ast.Starred():
            return 7
        case ast.IfExp():
            return 2 if field == "orelse" else 3
        case ast.Attribute() | ast.Subscript() | ast.Call() if field in ("value", "func"):
            return ATOM
        case ast.comprehension() if field in ("iter", "ifs"):
            return 3
        case ast.Dict(keys=keys) if field == "values" and keys[position] is None:
            return 7
        case ast.Slice() | ast.FormattedValue() | ast.NamedExpr():
            return 2
    return 1


def _precedence(node: ast.expr) -> int:
    match node:
        case ast.Name(id=name) if name[0] == "h" and name.endswith("_"):
            return INHERITED
        case ast.BinOp(op=operator):
            return _BINARY[type(operator)]
        case ast.UnaryOp(op=operator):
            return 5 if isinstance(operator, ast.Not) else UNARY
        case ast.BoolOp(op=operator):
            return 3 if isinstance(operator, ast.Or) else 4
        case ast.Compare():
            return 6
        case ast.IfExp():
            return 2
        case ast.Lambda():
            return 1
        case ast.NamedExpr():
            return 0
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return NUMBER
    return ATOM


class Row(NamedTuple):
    """One version of a table's line.

    type:     of the result.
    weight:   how often it is drawn, relative to the others.
    risky:    it may raise.
    template: the compiled text.
    """

    type: str
    weight: float
    risky: bool
    template: Template


Family = tuple[dict[str, str], ...]
_FAMILY_USE: Final = re.compile(r"(?:(?<=<)|(?<=[\w]:)|^)([A-Z])(1?)(?=[>: ,).=\[\]}]|$)", re.MULTILINE)


def expand(text: str, families: tuple[Family, ...]) -> Iterator[str]:
    """Return every version of a text, its capital type letters (`<L1>`, `$x:E`) replaced by members of a family."""
    used = {match[1] for match in _FAMILY_USE.finditer(text)}
    for members in product(*(family for family in families if used & set(family[0]))):
        types = {letter: type_ for member in members for letter, type_ in member.items()}
        yield _FAMILY_USE.sub(lambda m, t=types: t.get(m[1], m[1]) + m[2], text)  # type: ignore[misc]


def read_table(table: str, families: tuple[Family, ...]) -> Iterator[Row]:
    """Read an expression table: lines `type weight template`; a `!` before the weight marks what may raise."""
    for line in table.strip().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        versions = [version for chosen in choices(line) for version in expand(chosen, families)]
        for version in versions:
            type_, weight, text = version.split(None, 2)
            template = compile_template(text, expression=True)
            share = sum(1 for other in versions if other.split(None, 1)[0] == type_)
            yield Row(type_, float(weight.lstrip("!")) / share, weight.startswith("!"), template)
