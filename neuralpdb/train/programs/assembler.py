"""The assembler: writes definitions (functions, generators, algorithms) of one program and finishes its source.

It knows how a definition is written, not which ones a program holds: that is `programs` (and `classes`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final

from neuralpdb.train.programs.algorithms import ALGORITHMS
from neuralpdb.train.programs.expressions import FAMILIES
from neuralpdb.train.programs.library_algorithms import LIBRARY_ALGORITHMS
from neuralpdb.train.programs.skeletons import SKELETONS
from neuralpdb.train.programs.templates import Template, call_template, choices, compile_template, expand
from neuralpdb.train.programs.values import MODULES
from neuralpdb.train.programs.writer import Scope, Style, Writer, uniform


@dataclass(frozen=True, slots=True)
class Program:
    """A module's source and example calls of its functions; a script has none, it runs as it is."""

    source: str
    calls: tuple[str, ...] = ()
    script: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    type: code of its type (see `values`).
    kind: positional, normal, default, star, keyword, keyword-default or stars.
    """

    name: str
    type: str
    kind: str


@dataclass(slots=True)
class Signature:
    """The facts that a caller needs to know of a function.

    shape: template around a call (`list({})` around a generator's).
    """

    name: str
    parameters: list[Parameter] = field(default_factory=list)
    returns: str = "int"
    shape: str = "{}"


PARAMETER_TYPES: Final = (
    "int int int int nat pos str str str1 str1 word char char ints ints ints1 ints1 strs strs strs1 dsi dsi dsi1 float "
    "bool grid1 pairs ituple iset dis dss dii dsl bytes any sentence points digits floats1 naturals point"
).split()
RETURN_TYPES: Final = (
    "int int int int int str str str str bool bool ints ints ints strs strs dsi dsi float ituple point pair any iset "
    "grid pairs points dii dis dss floats bytes dsl stuple bools rows char"
).split()
ANNOTATIONS: Final = {
    "int": "int",
    "nat": "int",
    "pos": "int",
    "str": "str",
    "str1": "str",
    "word": "str",
    "char": "str",
    "ints": "list[int]",
    "ints1": "list[int]",
    "strs": "list[str]",
    "strs1": "list[str]",
    "dsi": "dict[str, int]",
    "dsi1": "dict[str, int]",
    "float": "float",
    "bool": "bool",
    "ituple": "tuple[int, ...]",
    "iset": "set[int]",
    "dis": "dict[int, str]",
    "dss": "dict",
    "bytes": "bytes",
    "grid1": "list[list[int]]",
    "pairs": "list[tuple[str, int]]",
    "point": "tuple[int, int]",
    "pair": "tuple[str, int]",
}
KIND_ORDER: Final = ("positional", "normal", "default", "star", "keyword", "keyword-default", "stars")
IMPORT_FROM: Final = {"dataclass": "from dataclasses import dataclass"}
ACCUMULATORS: Final = (
    ("$v:int = 0", "int"),
    ("$v:int = 0", "int"),
    ("$v:str = ''", "str"),
    ("$v:ints = []", "ints"),
    ("$v:strs = []", "strs"),
    ("$v:dsi = {}", "dsi"),
)
YIELDS: Final = (
    "yield <E>",
    "for $x:E in <L>:\n    yield <E:x>",
    "for $x:E in <L>:\n    if <bool:x>:\n        yield $x",
    "yield from <L>",
    "for $i:nat in range(<nat>):\n    yield <E:i>",
    "if <bool>:\n    yield <E>\nelse:\n    yield <E>",
    "for $i:nat, $x:E in enumerate(<L>):\n    yield <E:i,x>",
    "$i:nat = 0\nwhile $i < <bound>:\n    yield <E:i>\n    $i += 1",
)


@lru_cache(maxsize=20000)
def _compiled(text: str, literal: bool = False) -> Template:
    return compile_template(text, literal=literal)


@cache
def algorithms() -> tuple[str, ...]:
    """Return every algorithm, with its choices still open."""
    return tuple(re.split(r"\n\n(?=\S)", (ALGORITHMS + LIBRARY_ALGORITHMS).strip("\n")))


@cache
def _skeletons() -> tuple[tuple[str, Template], ...]:
    """Return (returned type, body), each as often as its weight says."""
    rows: list[tuple[float, tuple[str, Template]]] = []
    for block in SKELETONS.strip().split("\n\n"):
        head, text = block.split("\n", 1)
        _, weight, returns = head.split()
        versions = [version for chosen in choices(text) for version in expand(chosen, FAMILIES)]
        rows += [(float(weight) / len(versions), (returns, compile_template(version))) for version in versions]
    return uniform(rows, 4000)


def _given(type_: str) -> str:
    """Return what callers pass for a parameter: rarely something empty."""
    return f"{type_}1" if type_ in ("ints", "strs", "dsi", "str", "floats") else type_


USES_MODULES: Final = re.compile(r"\b(" + "|".join(sorted(MODULES)) + r")\.[a-zA-Z]")
_INNERMOST: Final = re.compile(r"«([^«»]*)»")


class Assembler(Writer):
    """Puts one program together: a writer of expressions and statements that also writes definitions."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, imports=rng.random() < 0.25, risky=rng.random() < 0.5)
        self.modules_free = "math" in self.names.banned
        r = self.random
        self.style = Style(
            indent="    " if r() < 0.93 else "  ",
            comments=0.08 if r() < 0.12 else 0.0,
            blanks=0.1 if r() < 0.15 else 0.0,
            depths=((1, 1, 2), (1, 2, 2, 3), (1, 2, 3, 3, 4), (1, 2, 3, 4, 5), (1, 1, 1, 2))[int(r() * 5)],
            extra_parentheses=0.06 if r() < 0.15 else 0.0,
        )
        self.annotated = r() < 0.12
        self.documented = r() < 0.06
        self.global_names: set[str] = set()
        self.constants: list[tuple[str, str]] = []
        self.calls: list[str] = []

    # ------------------------------------------------------------------ functions
    def start_function(self) -> None:
        """Begin a new scope that holds the module's constants."""
        self.scope = Scope()
        self.names.taken = set(self.global_names)
        for name, type_ in self.constants:
            self.scope.declare(name, type_)
            self.scope.locked.add(name)

    def global_name(self, make: Callable[[], str]) -> str:
        """Return a fresh name at module level."""
        self.names.taken |= self.global_names
        name = make()
        self.global_names.add(name)
        return name

    def parameters(self, count: int) -> list[Parameter]:
        """Return typed parameters in legal order."""
        parameters: list[Parameter] = []
        plain = self.random() < 0.72
        for _ in range(count):
            type_ = self.pick(PARAMETER_TYPES)
            u = self.random()
            kind = "normal"
            if not plain:
                kind = "default" if u < 0.3 else "keyword-default" if u < 0.4 else "keyword" if u < 0.5 else kind
                kind = "positional" if 0.5 < u < 0.58 else "star" if 0.58 < u < 0.7 else "stars" if u > 0.92 else kind
            if kind in ("star", "stars"):
                if any(p.kind == kind for p in parameters):
                    kind = "normal"
                else:
                    type_ = "dsi" if kind == "stars" else self.pick(("ituple", "ituple", "stuple"))
            parameters.append(Parameter(self.names.fresh(type_), type_, kind))
        return sorted(parameters, key=lambda p: KIND_ORDER.index(p.kind))

    def header(self, parameters: list[Parameter]) -> str:
        """Return the text between the parentheses of a `def`."""
        out: list[str] = []
        kinds = [p.kind for p in parameters]
        for position, p in enumerate(parameters):
            text = p.name
            if self.annotated and p.type in ANNOTATIONS and p.kind not in ("star", "stars"):
                text += f": {ANNOTATIONS[p.type]}"
            if p.kind in ("default", "keyword-default"):
                text += (" = " if ":" in text else "=") + self.literals.of(p.type)
            if p.kind == "star":
                text = "*" + text
            if p.kind == "stars":
                text = "**" + text
            after_keyword = position > 0 and kinds[position - 1].startswith("keyword")
            if p.kind.startswith("keyword") and "star" not in kinds and not after_keyword:
                out.append("*")
            out.append(text)
            if p.kind == "positional" and kinds[position + 1 : position + 2] != ["positional"]:
                out.append("/")
        return ", ".join(out)

    def function(self, *, size: int, returns: str | None = None) -> Signature:
        """Write a function of about `size` statements."""
        self.start_function()
        returns = returns or self.pick(RETURN_TYPES)
        name = self.global_name(self.names.function)
        u = self.random()
        parameters = self.parameters(0 if u < 0.04 else 1 if u < 0.5 else 2 if u < 0.84 else 3 if u < 0.96 else 4)
        for p in parameters:
            self.scope.declare(p.name, p.type)
        arrow = f" -> {ANNOTATIONS[returns]}" if self.annotated and returns in ANNOTATIONS else ""
        self.emit(0, f"def {name}({self.header(parameters)}){arrow}:")
        if self.documented:
            self.emit(1, f'"""{self.literals.raw_word().capitalize()} the {self.literals.raw_word()}."""')
        self.body(1, size, returns)
        return Signature(name, parameters, returns)

    def body(self, level: int, size: int, returns: str) -> None:
        """Write statements and a final return."""
        self.context.returns = returns
        self.context.in_function = True
        if size > 1 and self.random() < 0.35:
            text, type_ = self.pick(ACCUMULATORS)
            name = self.names.fresh(type_)
            self.emit(level, f"{name} = {text.partition('= ')[2]}")
            self.scope.declare(name, type_)
            if self.random() < 0.6:
                returns = self.context.returns = type_ if returns != "gen" else returns
        if self.block(level, size):
            return
        variables = self.scope.by_type.get(returns)
        u = self.random()
        if variables and u < 0.35:
            self.emit(level, f"return {variables[-1]}")
        elif u < 0.40:
            self.emit(level, f"return {self.expression('any')}, {self.expression(returns)}")
        else:
            self.emit(level, f"return {self.expression(returns)}")

    def skeleton(self) -> Signature:
        """Write a function whose body has an everyday shape."""
        self.start_function()
        returns, template = self.pick(_skeletons())
        name = self.global_name(self.names.function)
        names: dict[str, str] = {}
        parameters: list[Parameter] = []
        for slot in template.slots:
            names[slot.name] = self.names.fresh(slot.type)
            if slot.kind == "read":
                parameters.append(Parameter(names[slot.name], _given(slot.type), "normal"))
        if self.random() < 0.35 or not parameters:
            type_ = self.pick(("int", "int", "str", "char", "nat", "bool", "str1", "ints1"))
            parameters.append(Parameter(self.names.fresh(type_), type_, "normal" if self.random() < 0.8 else "default"))
        for p in parameters:
            self.scope.declare(p.name, p.type)
        self.scope.locked.update(p.name for p in parameters)
        self.emit(0, f"def {name}({self.header(parameters)}):")
        self.context.returns = returns
        self.imports.update(template.imports)
        self._write_lines(template, names, 1, 1)
        self.context.loops.clear()
        return Signature(name, parameters, returns)

    def emit(self, level: int, text: str) -> None:
        """Write one line."""
        self.out.append(self.style.indent * level + text)

    def generator(self, size: int) -> Signature:
        """Write a generator function and, for its callers, a way to consume it."""
        self.start_function()
        element, list_ = self.pick((("int", "ints"), ("int", "ints"), ("str", "strs")))
        name = self.global_name(self.names.function)
        parameters = self.parameters(1 + (self.random() < 0.3))
        for p in parameters:
            self.scope.declare(p.name, p.type)
        self.emit(0, f"def {name}({self.header(parameters)}):")
        self.context.in_function = False
        self.block(1, size)
        for _ in range(1 + (self.random() < 0.4)):
            template = _compiled(
                self.pick(YIELDS).replace("<E", f"<{element}").replace(":E", f":{element}").replace("<L>", f"<{list_}>")
            )
            self._write_lines(template, self._choose(template.slots), 1, 1)
            self.context.loops.clear()
        self.context.in_function = True
        shape, type_ = self.pick(
            (
                ("list({})", list_),
                ("list({})", list_),
                ("sorted({})", list_),
                (f"next({{}}, <{element}>)", element),
            )
            + ((("sum({})", "int"),) if element == "int" else (("''.join({})", "str"),))
        )
        return Signature(name, parameters, type_, shape)

    # ------------------------------------------------------------------ calls
    def call_text(self, signature: Signature) -> str:
        """Return a call in template form: holes for the arguments."""
        arguments: list[str] = []
        named = False
        for p in signature.parameters:
            hole = f"<{p.type}>"
            if p.kind == "star":
                if not named:
                    element = "int" if p.type == "ituple" else "str"
                    arguments += [f"<{element}>"] * int(self.random() * 4)
            elif p.kind == "stars":
                others = [n for n in ("x", "yy", "key_z", "total") if all(n != q.name for q in signature.parameters)]
                arguments += [f"{n}=<int>" for n in others[: int(self.random() * 3)]]
            elif p.kind == "default" and self.random() < 0.4:
                named = True
            elif p.kind.startswith("keyword") or named or (p.kind in ("normal", "default") and self.random() < 0.03):
                if p.kind == "keyword-default" and self.random() < 0.4:
                    continue
                arguments.append(f"{p.name}={hole}")
                named = True
            else:
                arguments.append(hole)
        return f"{signature.name}({', '.join(arguments)})"

    def add_helper(self, signature: Signature) -> None:
        """Let later functions call this one."""
        for _ in range(2 if len(signature.parameters) > 1 else 1):
            text = signature.shape.replace("{}", self.call_text(signature), 1)
            self.helpers.setdefault(signature.returns, []).append(call_template(text))

    def add_calls(self, text_of: Callable[[], str], count: int) -> None:
        """Add example calls with literal arguments."""
        for _ in range(count):
            call = re.sub(r"<(\w+)>", lambda m: self.literals.of(m[1]), text_of())
            if call not in self.calls:
                self.calls.append(call)

    def render_text(self, text: str) -> str:
        """Return a line with the holes in its argument positions filled."""
        self.budget = 10
        return self._render(call_template(text).parts, {}, {}, 2)

    # ------------------------------------------------------------------ algorithms
    def algorithm(self, text: str = "") -> tuple[str, str]:
        """Write one algorithm (any one, if no text is given); its return type and its call in template form."""
        text = text or self.pick(algorithms())
        while not self.modules_free and USES_MODULES.search(text):
            text = self.pick(algorithms())
        while "«" in text:
            text = _INNERMOST.sub(lambda m: self.pick(m[1].split("¦")), text)
        body, _, entry = text.rpartition("\n>>> ")
        returns, _, call = entry.partition(": ")
        template = _compiled(body, literal=True)
        self.names.taken |= self.global_names
        names = self._choose(template.slots)
        self.global_names.update(names[s.name] for s in template.slots if s.kind in ("function", "class"))
        self.scope = Scope()
        self.imports.update(template.imports)
        previous = ""
        for line in template.lines:
            self.budget = 1
            rendered = self._render(line.parts or (), names, template.types, 0)
            if (
                line.indent == 0
                and rendered.startswith(("def ", "class ", "@"))
                and not previous.startswith("@")
                and self.out
            ):
                self.blank_lines()
            self.emit(line.indent, rendered)
            previous = rendered
        call = re.sub(r"\$(\w+)", lambda m: names[m[1]], call)
        return returns, call

    def blank_lines(self) -> None:
        """Write the blank lines that separate definitions."""
        self.out.extend([""] * (1 if self.random() < 0.6 else 2))

    # ------------------------------------------------------------------ whole programs
    def finish(self, *, script: bool = False) -> Program:
        """Return the program: imports, prelude classes, and the definitions."""
        lines = [IMPORT_FROM.get(name, f"import {name}") for name in sorted(self.imports)]
        if lines:
            lines.append("")
        for source in self.preludes.values():
            lines += [*source.split("\n"), ""]
        source = "\n".join(self.decorate(lines + self.out)) + "\n"
        return Program(source, tuple(self.calls), script)

    def decorate(self, lines: list[str]) -> list[str]:
        """Add comments and blank lines, in programs whose author likes them."""
        if not (self.style.comments or self.style.blanks):
            return lines
        out: list[str] = []
        for line in lines:
            body = line.lstrip(" ")
            indent = line[: len(line) - len(body)]
            plain = indent and body and "'''" not in line and '"""' not in line and not out[-1].endswith("\\")
            if (
                plain
                and self.random() < self.style.comments
                and not body.startswith(("else", "elif", "except", "case", "fin"))
            ):
                out.append(f"{indent}# {self.literals.raw_ascii()} {self.literals.raw_ascii()}")
            if plain and self.random() < self.style.comments / 2 and "#" not in line:
                line += f"  # {self.literals.raw_ascii()}"
            out.append(line)
            if plain and self.random() < self.style.blanks and not line.endswith(":") and not body.startswith(("@",)):
                out.append("")
        return out
