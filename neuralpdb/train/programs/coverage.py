"""Coverage of generated programs: the share of programs with each kind of syntax, operator, builtin and method.

    python -m neuralpdb.train.programs.coverage --programs 20000 --seed 1 > docs/training_coverage.md

Methods are counted by name: `count` on a list and on a str is one row in both tables.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import random
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from neuralpdb.train.programs.assembler import Program
from neuralpdb.train.programs.generate import generate, generate_script

SCRIPT_SHARE: Final = 0.2
METHOD_TYPES: Final = (str, list, dict, set, tuple, int, float, bytes)
UNPREDICTABLE: Final = frozenset(
    "open input exec eval compile id hash breakpoint memoryview exit quit help dir globals locals vars copyright "
    "credits license aiter anext delattr object bytearray classmethod staticmethod property super __import__".split()
)
NODES: Final = tuple(
    sorted(
        name
        for name, kind in vars(ast).items()
        if isinstance(kind, type)
        and issubclass(kind, ast.stmt | ast.expr | ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.pattern)
        and kind.__module__ == "ast"
        and name not in ("stmt", "expr", "operator", "unaryop", "boolop", "cmpop", "pattern")
        and name not in ("Num", "Str", "Bytes", "NameConstant", "Ellipsis", "Index", "ExtSlice")  # deprecated names
    )
)


def features(program: Program) -> set[str]:
    """Return all features of a program: `node:For`, `augmented:Add`, `builtin:len`, `method:append`, `shape:...`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(program.source)
    names: set[str] = {"shape:script"} if program.script else set()
    for node in ast.walk(tree):
        names.add(f"node:{type(node).__name__}")
        names.update(_details(node))
    return names


def _details(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.AugAssign(op=op):
            yield f"augmented:{type(op).__name__}"
        case ast.Name(id=name, ctx=ast.Load()):
            yield f"builtin:{name}"
        case ast.Attribute(attr=name):
            yield f"method:{name}"
        case ast.Constant(value=value):
            yield f"constant:{type(value).__name__}"
            if isinstance(value, str) and not value.isascii():
                yield "constant:non-ASCII str"
        case ast.For(orelse=[_, *_]):
            yield "shape:for/else"
        case ast.While(orelse=[_, *_]):
            yield "shape:while/else"
        case ast.Try(handlers=handlers, orelse=orelse, finalbody=final):
            yield from ["shape:several except"] * (len(handlers) > 1)
            yield from ["shape:try/else"] * bool(orelse)
            yield from ["shape:finally"] * bool(final)
        case ast.Compare(ops=[_, _, *_]):
            yield "shape:chained comparison"
        case ast.Slice(step=step):
            yield "shape:slice with step" if step else "shape:slice"
        case ast.FormattedValue(conversion=conversion, format_spec=spec):
            yield from ["shape:f-string conversion"] * (conversion != -1)
            yield from ["shape:f-string format"] * (spec is not None)
        case ast.arguments():
            yield from ["shape:*args"] * bool(node.vararg)
            yield from ["shape:**kwargs"] * bool(node.kwarg)
            yield from ["shape:keyword-only parameter"] * bool(node.kwonlyargs)
            yield from ["shape:positional-only parameter"] * bool(node.posonlyargs)
            yield from ["shape:default value"] * bool(node.defaults)
        case ast.FunctionDef(decorator_list=[_, *_]) | ast.ClassDef(decorator_list=[_, *_]):
            yield "shape:decorator"
        case ast.comprehension(ifs=[_, *_]):
            yield "shape:comprehension condition"
        case ast.ClassDef(bases=[_, *_]):
            yield "shape:inheritance"
        case ast.match_case(guard=ast.expr()):
            yield "shape:match guard"
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(node, ast.stmt) and body[0].lineno == node.lineno:
        yield "shape:one-line compound"
    if isinstance(node, ast.If | ast.While | ast.IfExp) and any(
        isinstance(n, ast.NamedExpr) for n in ast.walk(node.test)
    ):
        yield "shape:walrus in a condition"


def sample(count: int, seed: int) -> Iterator[Program]:
    """Yield programs as the training data draws them."""
    rng = random.Random(seed)
    for _ in range(count):
        yield generate_script(rng) if rng.random() < SCRIPT_SHARE else generate(rng)


def shares(programs: Iterable[Program]) -> dict[str, float]:
    """Return the share of programs that hold each feature."""
    counts: Counter[str] = Counter()
    total = 0
    for program in programs:
        counts.update(features(program))
        total += 1
    return {name: count / total for name, count in counts.items()}


def rows(shares_by_feature: dict[str, float]) -> Iterator[tuple[str, str, float]]:
    """Yield (table, name, share) of everything that could occur, also where the share is 0."""
    for name in NODES:
        yield "Syntax", name, shares_by_feature.get(f"node:{name}", 0.0)
    for prefix, title in (("shape", "Shapes"), ("augmented", "Augmented assignment"), ("constant", "Constants")):
        for key in sorted(key for key in shares_by_feature if key.startswith(f"{prefix}:")):
            yield title, key.partition(":")[2], shares_by_feature[key]
    for name in sorted(set(dir(builtins)) - UNPREDICTABLE):
        if not name.startswith("_") and (shares_by_feature.get(f"builtin:{name}") or name[0].islower()):
            yield "Builtins", name, shares_by_feature.get(f"builtin:{name}", 0.0)
    for type_ in METHOD_TYPES:
        for name in dir(type_):
            if not name.startswith("_"):
                yield f"Methods of {type_.__name__}", name, shares_by_feature.get(f"method:{name}", 0.0)


def table(shares_by_feature: dict[str, float]) -> str:
    """Return Markdown tables, most frequent first."""
    out: list[str] = []
    titles = dict.fromkeys(title for title, _, _ in rows(shares_by_feature))
    for title in titles:
        out += [f"\n## {title}\n", "| | share of programs |", "|---|---:|"]
        members = sorted((-share, name) for t, name, share in rows(shares_by_feature) if t == title)
        out += [f"| `{name}` | {-share:.2%} |" for share, name in members]
    return "\n".join(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m neuralpdb.train.programs.coverage", description="Count what programs hold."
    )
    parser.add_argument("--programs", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    shares_by_feature = shares(sample(options.programs, options.seed))
    print("# What the synthetic training programs hold\n")
    print(f"    python -m neuralpdb.train.programs.coverage --programs {options.programs} --seed {options.seed}\n")
    print(
        f"The share of {options.programs:,} programs ({SCRIPT_SHARE:.0%} of them scripts) that hold each at least once;"
    )
    print("methods are counted by name, whatever they are called on.")
    print(table(shares_by_feature))


if __name__ == "__main__":
    main()
