"""The writer: fills templates with typed expressions and statements while it tracks the variables in scope.

It knows types, not programs: functions, classes and whole modules are put together in `programs`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeVar

from neuralpdb.train.programs import expressions, statements
from neuralpdb.train.programs.templates import (
    ATOM,
    INHERITED,
    NUMBER,
    UNARY,
    Hole,
    Row,
    Slot,
    Template,
    choices,
    compile_template,
    expand,
    read_table,
)
from neuralpdb.train.programs.values import LITERAL_TYPES, Literals, Names, wider

TABLE_SIZE: Final = 1500
T = TypeVar("T")
_IDENTIFIER: Final = re.compile(r"(?:self\.)?[^\W\d]\w*")


class NoVariable(Exception):
    """No variable in scope fits a slot of a template."""


class Scope:
    """The variables of one function: which names hold which type now, and which may not be changed."""

    def __init__(self) -> None:
        self.by_type: dict[str, list[str]] = {}
        self.types: dict[str, str] = {}
        self.locked: set[str] = set()
        self.unstable: set[str] = set()

    def declare(self, name: str, type_: str) -> None:
        """Give a name a type, instead of any that it had."""
        if name in self.types:
            self.forget(name)
        self.types[name] = type_
        for t in wider(type_):
            self.by_type.setdefault(t, []).append(name)

    def forget(self, name: str) -> None:
        """Drop a name that holds nothing any more."""
        for t in wider(self.types.pop(name)):
            self.by_type[t].remove(name)

    def restore(self, names: set[str]) -> None:
        """Forget every name that is not in `names`."""
        for name in [name for name in self.types if name not in names]:
            self.forget(name)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement template and where it may stand."""

    template: Template
    in_loop: bool
    not_in_loop: bool
    in_function: bool
    guarded: bool
    sure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Tables with or without imported modules, with or without what may raise; each drawn from uniformly."""

    expressions: dict[str, tuple[Template, ...]]
    bridges: dict[tuple[str, str], tuple[Template, ...]]
    assignments: tuple[Statement, ...]
    lines: tuple[Statement, ...]
    blocks: tuple[Statement, ...]


@cache
def expression_rows() -> tuple[Row, ...]:
    """Return every version of every line of the table of expressions."""
    return tuple(row for table in expressions.TABLES for row in read_table(table, expressions.FAMILIES))


@cache
def _statement_rows(kind: str) -> tuple[tuple[float, bool, Statement], ...]:
    if kind == "blocks":
        headed = [block.split("\n", 1) for block in statements.BLOCKS.strip().split("\n\n")]
        entries = [(head.removeprefix("@ "), text) for head, text in headed]
    else:
        table = statements.LINES if kind == "lines" else statements.ASSIGNMENTS
        entries = [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in table.strip().splitlines()]
    rows: list[tuple[float, bool, Statement]] = []
    for head, text in entries:
        weight, _, sure = head.partition(" K:")
        flags = re.sub(r"[\d.]", "", weight)
        versions = [v for chosen in choices(text) for v in expand(chosen, expressions.FAMILIES)]
        for version in versions:
            statement = Statement(
                compile_template(version),
                "L" in flags,
                "N" in flags,
                "F" in flags,
                "S" in flags,
                tuple(sure.split(",")),
            )
            rows.append((float(weight.lstrip("!LFNS")) / len(versions), "!" in flags, statement))
    return tuple(rows)


def uniform(weighted: Sequence[tuple[float, T]], size: int = TABLE_SIZE) -> tuple[T, ...]:
    """Return a list in which an item's share is its weight (once at least)."""
    total = sum(weight for weight, _ in weighted)
    return tuple(item for weight, item in weighted for _ in range(max(1, round(weight / total * size))))


def _bridges(by_type: dict[str, list[tuple[float, Template]]]) -> dict[tuple[str, str], tuple[Template, ...]]:
    """Return (type of a variable, type wanted) -> forms that need nothing but such a variable."""
    direct: dict[tuple[str, str], list[tuple[float, Template]]] = {}
    for type_, rows in by_type.items():
        for weight, template in rows:
            if len(template.wants) == 1 and not any(s.kind in ("read", "changed") for s in template.slots):
                direct.setdefault((template.wants[0], type_), []).append((weight, template))
    widened: dict[tuple[str, str], list[tuple[float, Template]]] = {}
    for source in LITERAL_TYPES:
        for type_ in by_type:
            rows = [row for t in wider(source)[1:] for row in direct.get((t, type_), ())]
            if rows:
                widened[source, type_] = direct.get((source, type_), []) + rows
    return {key: uniform(rows, 60) for key, rows in (direct | widened).items()}


@cache
def grammar(*, imports: bool, risky: bool) -> Grammar:
    """Return the compiled tables of one kind of program."""
    by_type: dict[str, list[tuple[float, Template]]] = {}
    for row in expression_rows():
        if (imports or not row.template.imports) and (risky or not row.risky):
            weight = row.weight * (4 if row.template.imports else 1)
            by_type.setdefault(row.type, []).append((weight, row.template))

    def statements_of(kind: str) -> tuple[Statement, ...]:
        return uniform(
            [
                (weight * (3 if statement.template.imports else 1), statement)
                for weight, may_raise, statement in _statement_rows(kind)
                if (imports or not statement.template.imports) and (risky or not may_raise)
            ]
        )

    return Grammar(
        {type_: uniform(rows) for type_, rows in by_type.items()},
        _bridges(by_type),
        statements_of("assignments"),
        statements_of("lines"),
        statements_of("blocks"),
    )


@dataclass
class Style:
    """The style of one author: indentation, comments, blank lines, how deep expressions go."""

    indent: str = "    "
    comments: float = 0.0
    blanks: float = 0.0
    depths: tuple[int, ...] = (1, 1, 2, 2, 3)
    extra_parentheses: float = 0.0


@dataclass
class Context:
    """The place of the writer in a program.

    loops:       the loops around it.
    in_function: it is inside a function.
    returns:     type that `return` returns.
    """

    loops: list[str] = field(default_factory=list)
    in_function: bool = True
    returns: str = "int"


class Writer:
    """Writes expressions and statements of one program."""

    def __init__(self, rng: random.Random, *, imports: bool, risky: bool) -> None:
        self.random = rng.random
        self.rng = rng
        self.grammar = grammar(imports=imports, risky=risky)
        self.tables = self.grammar.expressions
        self.literals = Literals(rng)
        self.names = Names(rng, modules_taken=imports)
        self.style = Style()
        self.scope = Scope()
        self.context = Context()
        self.helpers: dict[str, list[Template]] = {}
        self.helper_share = 0.25
        self.preludes: dict[str, str] = {}
        self.imports: set[str] = set()
        self.quote = self.literals.quote
        self.precedence = ATOM
        self.previous = ""
        self.budget = 0
        self.calm = False
        self.out: list[str] = []

    def pick(self, items: Sequence[T]) -> T:
        """Pick one of some items."""
        return items[int(self.random() * len(items))]

    # ------------------------------------------------------------------ expressions
    def expression(self, type_: str, depth: int | None = None, least: int = 1) -> str:
        """Return the source of an expression of a type, in parentheses if it binds weaker than `least`."""
        self.budget = 16
        text = self._expression(type_, self.pick(self.style.depths) if depth is None else depth)
        return f"({text})" if self.precedence < least else text

    def _expression(self, type_: str, depth: int) -> str:
        if type_ == "ret":
            type_ = self.context.returns
        if depth <= 0 or self.budget <= 0 or self.random() < 0.2:
            return self._leaf(type_)
        if self.helpers and type_ in self.helpers and self.random() < self.helper_share:
            return self._fill(self.pick(self.helpers[type_]), type_, depth - 1)
        table = self.tables.get(type_)
        if table is None:
            return self._leaf(type_)
        template = table[int(self.random() * len(table))]
        by_type = self.scope.by_type
        for _ in range(3):
            if all(map(by_type.get, template.needs)):
                break
            template = table[int(self.random() * len(table))]
        return self._fill(template, type_, depth - 1)

    def _leaf(self, type_: str) -> str:
        names = self._candidates(type_)
        if names and self.random() < 0.78:
            self.precedence = ATOM
            name = names[-1] if self.random() < 0.4 else names[int(self.random() * len(names))]
            if name == self.previous:
                name = names[int(self.random() * len(names))]
            self.previous = name
            return name
        if not names and self.scope.types and self.budget > -12 and self.random() < (0.95 if type_ == "bool" else 0.5):
            bridge = self._bridge(type_)
            if bridge is not None:
                return self._fill(bridge, type_, 0)
        if type_ not in LITERAL_TYPES:
            if type_ == "any":
                return self._leaf(self.pick(("int", "str", "ints", "dsi", "float", "bool", "ituple")))
            return self._fill(self.pick(self.tables[type_]), type_, 0)
        text = self.literals.of(type_)
        first = text[0]
        self.precedence = UNARY if first == "-" else NUMBER if first.isdigit() or first == "." else ATOM
        return text

    def _bridge(self, type_: str) -> Template | None:
        """Return a form that leads from a variable in scope to a type that no variable has."""
        types = [*self.scope.types.values()]
        for _ in range(2):
            type_in_scope = types[-1] if self.random() < 0.3 else types[int(self.random() * len(types))]
            bridges = self.grammar.bridges.get((type_in_scope, type_))
            if bridges:
                return bridges[int(self.random() * len(bridges))]
        return None

    def _candidates(self, type_: str) -> list[str]:
        names = self.scope.by_type.get(type_, [])
        if self.calm and names:
            unstable = self.scope.unstable
            return [name for name in names if name not in unstable]
        return names

    def _fill(self, template: Template, type_: str, depth: int) -> str:
        self.budget -= 1
        if template.imports:
            self.imports.update(template.imports)
        names: dict[str, str] = {}
        if template.slots:
            try:
                names = self._choose(template.slots)
            except NoVariable:
                return self._leaf(type_)
        text = self._render(template.lines[0].parts or (), names, template.types, depth)
        for slot in template.slots:
            if slot.kind == "new":
                self.names.taken.discard(names[slot.name])
        if template.precedence != INHERITED:
            self.precedence = template.precedence
        if self.style.extra_parentheses and self.random() < self.style.extra_parentheses and text[0] != "(":
            self.precedence = ATOM
            return f"({text})"
        return text

    def _render(
        self, parts: Iterable[str | Hole | tuple[str]], names: dict[str, str], types: dict[str, str], depth: int
    ) -> str:
        out: list[str] = []
        add, quote = out.append, self.quote
        for part in parts:
            if type(part) is str:
                add(part if quote == "'" else part.replace("'", quote))
            elif type(part) is not Hole:
                add(names[part[0]])
            elif part.sees or part.in_fstring:
                add(self._hole(part, names, types, depth))
            else:  # most holes: spelled out here, as this is the innermost loop
                text = self._expression(part.type, depth)
                add(f"({text})" if self.precedence < part.precedence else text)
        return "".join(out)

    def _hole(self, hole: Hole, names: dict[str, str], types: dict[str, str], depth: int) -> str:
        if hole.in_fstring:
            return self._in_fstring(hole, names, types, depth)
        if hole.sees:
            self._push(hole.sees, names, types)
            text = self._about(hole, names, depth)
            self._pop(hole.sees, names)
        else:
            text = self._expression(hole.type, depth)
        return f"({text})" if self.precedence < hole.precedence else text

    def _about(self, hole: Hole, names: dict[str, str], depth: int) -> str:
        """Return an expression that is likely to use the names which a hole is given."""
        if self.random() < 0.5 and hole.type != "ret":
            type_ = self.scope.types[names[self.pick(hole.sees)]]
            bridges = self.grammar.bridges.get((type_, hole.type))
            if bridges:
                return self._fill(self.pick(bridges), hole.type, depth - 1)
        return self._expression(hole.type, depth)

    def _in_fstring(self, hole: Hole, names: dict[str, str], types: dict[str, str], depth: int) -> str:
        outer = self.quote
        self.quote = self.literals.quote = '"' if outer == "'" else "'"
        text = self._hole(hole._replace(in_fstring=False), names, types, depth)
        if outer in text or "\\" in text or "#" in text or text[0] == "{" or "lambda" in text or ":=" in text:
            variables = self._candidates(hole.type)
            text = self.pick(variables) if variables else self.quote + self.pick("abxyz") + self.quote
            if not variables and hole.type in ("int", "nat", "float", "any"):
                text = "7531"[int(self.random() * 4)]
        self.quote = self.literals.quote = outer
        return text

    def _push(self, sees: tuple[str, ...], names: dict[str, str], types: dict[str, str]) -> None:
        for name in sees:
            self.scope.declare(names[name], types[name])

    def _pop(self, sees: tuple[str, ...], names: dict[str, str]) -> None:
        for name in sees:
            self.scope.forget(names[name])

    def _choose(self, slots: tuple[Slot, ...]) -> dict[str, str]:
        """Return names for the slots of a template. Raises NoVariable."""
        names: dict[str, str] = {}
        for slot in slots:
            if slot.kind in ("read", "changed"):
                names[slot.name] = self._existing(slot, names.values())
        for slot in slots:
            if slot.kind == "new":
                names[slot.name] = self.names.fresh(slot.type)
            elif slot.kind == "function":
                names[slot.name] = self.names.function()
            elif slot.kind == "class":
                names[slot.name] = self.names.class_()
            elif slot.kind == "prelude":
                names[slot.name] = self._prelude(slot.name)
        return names

    def _existing(self, slot: Slot, used: Iterable[str]) -> str:
        scope = self.scope
        candidates = [name for name in self._candidates(slot.type) if name not in used]
        if slot.kind == "changed":
            candidates = [name for name in candidates if name not in scope.locked]
            if slot.shrinks and self.context.loops:
                candidates = [name for name in candidates if scope.types[name] == slot.type]
        if not candidates:
            raise NoVariable(slot.type)
        return candidates[-1] if self.random() < 0.4 else self.pick(candidates)

    def _prelude(self, name: str) -> str:
        """Return the name of a prelude's class in this program; its source is added on first use."""
        marker = f"{name}:"
        for key in self.preludes:
            if key.startswith(marker):
                return key.removeprefix(marker)
        class_name = self.names.class_()
        versions = [*choices(statements.PRELUDES[name])]
        source = self.pick(versions).strip("\n").replace("$k", class_name)
        if "@dataclass" in source:
            self.imports.add("dataclass")
        self.preludes[marker + class_name] = source
        return class_name

    # ------------------------------------------------------------------ statements
    def block(self, level: int, count: int, *, nested: int = 0) -> bool:
        """Write `count` statements at an indentation level; True if the last one leaves the block."""
        return any(self._statement(level, nested) for _ in range(count))

    def _statement(self, level: int, nested: int) -> bool:
        u = self.random()
        tables = self.grammar
        for _ in range(6):
            if u < 0.26 + 0.1 * nested - 0.1 * (len(self.scope.types) > 6):
                statement = self.pick(tables.assignments)
            elif u < 0.66 + 0.1 * nested or nested >= 3:
                statement = self.pick(tables.lines)
            else:
                statement = self.pick(tables.blocks)
            if self._allowed(statement) and self._write(statement, level, nested):
                return statement.template.ends
        return self._write(self.pick(tables.assignments), level, nested) and False

    def _allowed(self, statement: Statement) -> bool:
        loops = self.context.loops
        if loops:
            if statement.not_in_loop:
                return False
            if loops[-1] == "while" and "continue" in statement.template.text and statement.in_loop:
                return False
            if len(loops) >= 2 and any(line.loop for line in statement.template.lines):
                return False
        elif statement.in_loop:
            return False
        return self.context.in_function or not statement.in_function

    def _write(self, statement: Statement, level: int, nested: int) -> bool:
        """Write one statement; False if no variable fits it (nothing is written then)."""
        template, scope, context = statement.template, self.scope, self.context
        calm = self.calm
        if context.loops and any(s.kind == "changed" for s in template.slots):
            self.calm = True
            if not statement.guarded and any(s.shrinks and s.type[-1] == "1" for s in template.slots):
                self.calm = calm
                return False
        try:
            names = self._choose(template.slots)
        except NoVariable:
            self.calm = calm
            return False
        if self.calm:  # what grows in a loop must not grow by itself
            scope.unstable.update(names[s.name] for s in template.slots if s.kind == "changed")
        self.imports.update(template.imports)
        old_names, locked, loops = set[str](), scope.locked, context.loops
        if template.compound or template.lines[0].loop:
            old_names, scope.locked, context.loops = set(scope.types), set(locked), list(loops)
            scope.locked.update(names[slot.name] for slot in template.slots if slot.kind == "read")
        self._write_lines(template, names, level, nested)
        self.calm = calm
        scope.locked, context.loops = locked, loops
        self._settle(statement, names, old_names)
        return True

    def _write_lines(self, template: Template, names: dict[str, str], level: int, nested: int) -> None:
        types = template.types
        outer = len(self.context.loops)
        loop_indents: list[int] = []
        inner: list[tuple[int, str]] = []
        for line in template.lines:
            while inner and line.indent < inner[-1][0]:
                name = inner.pop()[1]
                if name in self.scope.types:
                    self.scope.forget(name)
            while loop_indents and line.indent <= loop_indents[-1]:
                loop_indents.pop()
                del self.context.loops[outer + len(loop_indents) :]
            if line.parts is None:
                self._write_block(level + line.indent, nested + 1)
                continue
            self.budget = 14
            text = self._render(line.parts, names, template.types, self.pick(self.style.depths))
            self.out.append(self.style.indent * (level + line.indent) + text)
            for name in line.declares:
                self.scope.declare(names[name], types[name])
                if line.indent or line.header:
                    inner.append((line.indent + line.header, names[name]))
                if self.context.loops:
                    self.scope.unstable.add(names[name])
            if line.loop:
                self.scope.locked.update(_IDENTIFIER.findall(text))
                self.scope.unstable.difference_update(names[name] for name in line.declares)
                loop_indents.append(line.indent)
                self.context.loops.append(line.loop)
        for _, name in inner:
            if name in self.scope.types:
                self.scope.forget(name)

    def _write_block(self, level: int, nested: int) -> None:
        old_names = set(self.scope.types)
        u = self.random()
        calm, self.calm = self.calm, False
        self.block(level, 1 if u < 0.62 or nested > 1 else 2 if u < 0.9 else 3, nested=nested)
        self.calm = calm
        self.scope.restore(old_names)

    def _settle(self, statement: Statement, names: dict[str, str], old_names: set[str]) -> None:
        """Bring the scope up to date after a statement: what it defined, weakened, deleted."""
        template, scope = statement.template, self.scope
        types = template.types
        if template.compound:
            scope.restore(old_names)
            for name in (*template.keeps, *statement.sure):
                if name and types[name] != "exc":
                    scope.declare(names[name], types[name])
        for slot in template.slots:
            if slot.kind != "changed":
                continue
            name = names[slot.name]
            if self.context.loops:
                scope.unstable.add(name)
            if template.text.startswith("del ") and f"del &{slot.name}" in template.text.replace(", &", " del &"):
                if not template.text.partition(f"&{slot.name}:")[2].partition(" ")[0].count("["):
                    scope.forget(name)
            elif slot.shrinks and name in scope.types:
                weakest = wider(scope.types[name])[-1]
                if weakest != scope.types[name]:
                    scope.declare(name, weakest)
