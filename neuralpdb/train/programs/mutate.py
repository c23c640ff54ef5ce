"""Small changes of calls and of sources: other argument values, other operators, constants, names, statements.

    mutate_call(call, rng)           the call with some literals changed, mostly to values of the same type and shape
    mutate_source(source, rng, ...)  the source with a few small changes; always compiles

Texts are edited in place, so that the author's layout stays. Deterministic in the random generator; runs nothing.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import random
import re
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from neuralpdb.train.programs.values import LOWER, PUNCTUATION, WORDS, Names

MAX_STRING: Final = 40
MAX_ITEMS: Final = 16

_ARITHMETIC: Final = ("+", "-", "*", "//", "%")
_BITS: Final = ("&", "|", "^")
_SHIFTS: Final = ("<<", ">>")
_COMPARISONS: Final = ("==", "!=", "<", ">", "<=", ">=")
_MEMBERSHIP: Final = ("in", "not in")
_GROUPS: Final = (_ARITHMETIC, _BITS, _SHIFTS, _COMPARISONS, _MEMBERSHIP, ("and", "or"), ("is", "is not"))
_METHODS: Final = tuple(
    tuple(group.split())
    for group in (
        "upper lower title capitalize swapcase casefold",
        "strip lstrip rstrip",
        "startswith endswith",
        "find rfind",
        "index rindex",
        "ljust rjust",
        "partition rpartition",
        "split rsplit",
        "isalpha isdigit isupper islower isalnum isspace",
        "removeprefix removesuffix",
        "union intersection difference symmetric_difference",
        "keys values items",
    )
)
_FUNCTIONS: Final = (("min", "max"), ("any", "all"), ("list", "tuple"), ("sorted", "list"), ("floor", "ceil"))
_SWAPS: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(other for other in group if other != word)
    for group in (*_GROUPS, *_METHODS, *_FUNCTIONS)
    for word in group
}


class Edit(NamedTuple):
    """Replace source[start:end] by a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Sites:
    """Places where a source can be changed; offsets are in characters."""

    constants: tuple[tuple[int, int, int | float | str], ...]
    operators: tuple[tuple[int, int, str], ...]
    methods: tuple[tuple[int, int, str], ...]
    blocks: tuple[tuple[tuple[int, int], ...], ...]
    names: tuple[str, ...]


# ---------------------------------------------------------------------- values
def new_int(value: int, rng: random.Random) -> int:
    """Return another int near a value, of its sign and size mostly."""
    u = rng.random()
    if u < 0.45:
        return value + rng.choice((-2, -1, 1, 1, 2, 3)) if value > 2 else value + rng.choice((1, 1, 2, 3, -1))
    if u < 0.8:
        other = rng.randint(0, min(max(4, 2 * abs(value)), 10**9))
        return -other if value < 0 else other
    return rng.choice((0, 1, 2, 10, -value, value))


def new_float(value: float, rng: random.Random) -> float:
    """Return another float near a value."""
    if value != value or abs(value) > 1e12:
        return value
    u = rng.random()
    if u < 0.8:
        return round(value + rng.uniform(-1, 1) * max(0.5, abs(value)), rng.randint(1, 3))
    return rng.choice((0.0, -value, float(round(value)), value * 2))


def new_str(value: str, rng: random.Random) -> str:
    """Return another string over the same kind of characters."""
    alphabet = "".join(sorted(set(value))) or LOWER
    strict = not any(c.isalpha() for c in value) or len(alphabet) <= 2
    if not strict and value.isascii() and value.isalpha() and rng.random() < 0.6:
        alphabet += LOWER if value.islower() else LOWER.upper() if value.isupper() else LOWER + LOWER.upper()
    u = rng.random()
    chars = list(value)
    if len(chars) == 1 and u < 0.85:
        return rng.choice(PUNCTUATION if strict and not value.isdigit() else "0123456789" if value.isdigit() else LOWER)
    if u < 0.45:
        for _ in range(rng.randint(1, 3)):
            _edit_characters(chars, alphabet, rng)
    elif u < 0.60:
        chars = [rng.choice(alphabet) for _ in range(rng.randint(1, max(3, len(value) + 2)))]
    elif u < 0.78 and not strict:
        word = rng.choice(WORDS)
        words = value.split(" ")
        words[rng.randrange(len(words))] = word.upper() if value.isupper() else word
        chars = list(" ".join(words))
    elif u < 0.84:
        rng.shuffle(chars)
    elif u < 0.88:
        chars.reverse()
    elif u < 0.92:
        chars = chars * 2
    elif u < 0.95:
        chars = chars[: len(chars) // 2]
    elif u < 0.97:
        chars = list(value.swapcase())
    elif u < 0.985:
        chars = []
    else:
        chars += list(rng.choice(("!", " ", "é", "ß", "1", "\n", "'", "文")))
    return "".join(chars)[: max(MAX_STRING, len(value))]


def _edit_characters(chars: list[str], alphabet: str, rng: random.Random) -> None:
    u = rng.random()
    if u < 0.4 and chars:
        chars[rng.randrange(len(chars))] = rng.choice(alphabet)
    elif u < 0.7 or not chars:
        chars.insert(rng.randint(0, len(chars)), rng.choice(alphabet))
    elif u < 0.85:
        del chars[rng.randrange(len(chars))]
    else:
        i, j = rng.randrange(len(chars)), rng.randrange(len(chars))
        chars[i], chars[j] = chars[j], chars[i]


def new_value(value: int | float | str | bytes | None, rng: random.Random) -> str:
    """Return the source text of another constant of the type of a value."""
    if isinstance(value, bool):
        return repr(not value)
    if isinstance(value, int):
        return repr(new_int(value, rng))
    if isinstance(value, float):
        return repr(new_float(value, rng))
    if isinstance(value, str):
        return quoted(new_str(value, rng), rng)
    return repr(value)


def quoted(text: str, rng: random.Random) -> str:
    """Return a string literal, in double quotes sometimes."""
    literal = repr(text)
    if rng.random() < 0.2 and literal[0] == "'" and '"' not in literal:
        return f'"{literal[1:-1]}"'
    return literal


# ---------------------------------------------------------------------- calls
def mutate_call(call: str, rng: random.Random) -> str:
    """Return a call with other arguments; the call itself where it holds nothing that can change. Never raises."""
    sites = _call_sites(call)
    if not sites:
        return call
    result = call
    for _ in range(4):
        edits: list[Edit] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            edit = _change(call, sites[rng.randrange(len(sites))], rng)
            if all(edit.end <= other.start or edit.start >= other.end for other in edits):
                edits.append(edit)
        result = apply(call, edits)
        if result != call and _parses(result, "eval"):
            return result
    return call


class _Site(NamedTuple):
    """A constant or a display of a call: its place and, for a display, the places of its items."""

    start: int
    end: int
    value: int | float | str | bytes | None
    items: tuple[tuple[int, int], ...]
    display: bool


@lru_cache(maxsize=4096)
def _call_sites(call: str) -> tuple[_Site, ...]:
    try:
        tree = _quiet_parse(call, "eval")
    except (SyntaxError, ValueError):
        return ()
    place = places(call)
    sites: list[_Site] = []
    root = tree.body if isinstance(tree, ast.Expression) else tree
    arguments: list[ast.AST] = [*root.args, *root.keywords] if isinstance(root, ast.Call) else [root]
    pending = arguments
    while pending:
        node = pending.pop()
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if isinstance(value, int | float):
                sites.append(_Site(*place(node), -value, (), False))
            continue
        if isinstance(node, ast.JoinedStr):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            sites.append(_Site(*place(node), node.value, (), False))
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            sites.append(_Site(*place(node), None, tuple(place(item) for item in node.elts), True))
        elif isinstance(node, ast.Dict) and all(node.keys):
            pairs = zip(node.keys, node.values, strict=True)
            sites.append(_Site(*place(node), None, tuple((place(k)[0], place(v)[1]) for k, v in pairs if k), True))
        pending.extend(ast.iter_child_nodes(node))
    return tuple(sites)


def _change(call: str, site: _Site, rng: random.Random) -> Edit:
    if not site.display:
        return Edit(site.start, site.end, new_value(site.value, rng))
    opening, closing = call[site.start], call[site.end - 1]
    texts = [call[start:end] for start, end in site.items]
    u = rng.random()
    record = opening == "(" and len(texts) <= 3
    if not texts or opening not in "([{" or (record and u < 0.7):
        return Edit(site.start, site.end, call[site.start : site.end])
    if u < 0.35 and len(texts) < MAX_ITEMS:
        texts.insert(rng.randint(0, len(texts)), _other_item(rng.choice(texts), rng))
    elif u < 0.6 and len(texts) > 1:
        del texts[rng.randrange(len(texts))]
    elif u < 0.75:
        rng.shuffle(texts)
    elif u < 0.8 and opening != "{":
        texts = []
    else:
        texts = texts[::-1] if u < 0.9 else texts[: 1 + len(texts) // 2]
    comma = "," if opening == "(" and len(texts) == 1 else ""
    return Edit(site.start, site.end, f"{opening}{', '.join(texts)}{comma}{closing}")


def _other_item(text: str, rng: random.Random) -> str:
    key, colon, value = text.partition(": ")
    try:
        return new_value(ast.literal_eval(key), rng) + colon + value
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return text


# ---------------------------------------------------------------------- sources
def mutate_source(source: str, rng: random.Random, keep: Collection[str] = ()) -> str:
    """Return a source with one to three small changes that compiles; the source itself if none was found.

    keep: names that are not renamed: those that the callers of the source use.
    """
    try:
        sites = _sites(source)
    except (SyntaxError, ValueError, RecursionError):
        return source
    for _ in range(4):
        result = source
        edits: list[Edit] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            edit = rng.choice(_MUTATIONS)(source, sites, rng)
            if edit and all(edit.end <= other.start or edit.start >= other.end for other in edits):
                edits.append(edit)
        result = apply(source, edits)
        if rng.random() < 0.35:
            result = rename(result, sites.names, rng, keep)
        if result != source and _parses(result, "exec"):
            return result
    return source


def apply(source: str, edits: list[Edit]) -> str:
    """Return the source after edits that do not overlap."""
    for edit in sorted(edits, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source


def rename(source: str, names: Collection[str], rng: random.Random, keep: Collection[str] = ()) -> str:
    """Return the source with one or two of its names replaced everywhere, by names it does not hold."""
    usable = [n for n in names if n not in keep and f".{n}" not in source]
    if not usable:
        return source
    fresh = Names(rng, modules_taken=True)
    fresh.taken = set(re.findall(r"[^\W\d]\w*", source))
    for name in rng.sample(usable, min(len(usable), rng.choice((1, 1, 2)))):
        new = fresh.fresh(rng.choice(("int", "str", "ints", "any", "char")))
        source = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", new, source)
    return source


def _constant(source: str, sites: Sites, rng: random.Random) -> Edit | None:
    if not sites.constants:
        return None
    start, end, value = rng.choice(sites.constants)
    text = new_value(value, rng)
    return Edit(start, end, f"({text})" if text[0] == "-" else text)


def _operator(source: str, sites: Sites, rng: random.Random) -> Edit | None:
    if not sites.operators:
        return None
    start, end, operator = rng.choice(sites.operators)
    return Edit(start, end, rng.choice(_SWAPS[operator]))


def _method(source: str, sites: Sites, rng: random.Random) -> Edit | None:
    if not sites.methods:
        return None
    start, end, name = rng.choice(sites.methods)
    return Edit(start, end, rng.choice(_SWAPS[name]))


def _statement(source: str, sites: Sites, rng: random.Random) -> Edit | None:
    """Swap two neighbours of a block, repeat one or drop one."""
    if not sites.blocks:
        return None
    block = rng.choice(sites.blocks)
    at = rng.randrange(len(block))
    start, end = block[at]
    text = source[start:end]
    u = rng.random()
    if u < 0.5 and at + 1 < len(block):
        next_start, next_end = block[at + 1]
        return Edit(start, next_end, source[next_start:next_end] + source[end:next_start] + text)
    if u < 0.75:
        return Edit(start, end, text + text)
    if len(block) > 1:
        return Edit(start, end, "")
    return None


_MUTATIONS: Final[tuple[Callable[[str, Sites, random.Random], Edit | None], ...]] = (
    _constant,
    _constant,
    _operator,
    _operator,
    _method,
    _statement,
)


@lru_cache(maxsize=8192)
def _sites(source: str) -> Sites:
    tree = _quiet_parse(source, "exec")
    assert isinstance(tree, ast.Module)
    place = places(source)
    constants: list[tuple[int, int, int | float | str]] = []
    operators: list[tuple[int, int, str]] = []
    methods: list[tuple[int, int, str]] = []
    blocks: list[tuple[tuple[int, int], ...]] = []
    bound: dict[str, None] = {}
    fixed: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.JoinedStr():
                continue
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=bool() | int() | float() | str() as value):
                constants.append((*place(node), value))
            case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
                operators += _operator_between(source, place(left)[1], place(right)[0])
            case ast.BoolOp(values=[left, right, *_]):
                operators += _operator_between(source, place(left)[1], place(right)[0])
            case ast.AugAssign(target=left, value=right):
                operators += _operator_between(source, place(left)[1], place(right)[0])
            case ast.Attribute(value=value, attr=name) if name in _SWAPS:
                end = place(node)[1]
                methods.append((end - len(name), end, name))
            case ast.Name(id=name, ctx=ast.Load()) if name in _SWAPS:
                methods.append((*place(node), name))
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound[name] = None
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if node in tree.body:
                fixed.add(name)
            case ast.keyword(arg=str(name)):
                fixed.add(name)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and node is not tree:
                blocks += _line_blocks(source, statements, place)
        pending.extend(ast.iter_child_nodes(node))
    names = tuple(n for n in bound if n not in fixed and n not in _UNTOUCHED)
    return Sites(tuple(constants), tuple(operators), tuple(methods), tuple(blocks), names)


_UNTOUCHED: Final = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"self", "cls", "_"}
_OPERATOR: Final = re.compile(r"\*\*|//|<<|>>|==|!=|<=|>=|not\s+in|is\s+not|\bin\b|\bis\b|\band\b|\bor\b|[-+*/%&|^<>@]")


def _operator_between(source: str, start: int, end: int) -> list[tuple[int, int, str]]:
    match = _OPERATOR.search(source, start, end)
    if match and match[0] in _SWAPS:
        return [(match.start(), match.end(), match[0])]
    return []


def _line_blocks(
    source: str, statements: list[ast.stmt], place: Callable[[ast.AST], tuple[int, int]]
) -> list[tuple[tuple[int, int], ...]]:
    """Return the statements of a block as spans of whole lines; nothing if two share a line."""
    spans: list[tuple[int, int]] = []
    for statement in statements:
        if isinstance(statement, ast.Return | ast.Break | ast.Continue | ast.Raise):
            continue
        first = statement
        start, end = place(first)
        if isinstance(first, ast.FunctionDef | ast.ClassDef) and first.decorator_list:
            return []
        start = source.rfind("\n", 0, start) + 1
        stop = source.find("\n", end)
        end = len(source) if stop < 0 else stop + 1
        if (spans and spans[-1][1] > start) or not source[start : start + 1].isspace():
            return []
        spans.append((start, end))
    return [tuple(spans)] if spans else []


def places(source: str) -> Callable[[ast.AST], tuple[int, int]]:
    """Return a function from a node to its span in characters."""
    lines = source.splitlines(keepends=True) or [""]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    ascii_only = source.isascii()

    def offset(line: int, column: int) -> int:
        if not ascii_only:
            column = len(lines[line - 1].encode()[:column].decode(errors="ignore"))
        return starts[line - 1] + column

    def place(node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword)
        return offset(node.lineno, node.col_offset), offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    return place


def _quiet_parse(source: str, mode: str) -> ast.Module | ast.Expression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = compile(source, "<fuzz>", mode, ast.PyCF_ONLY_AST)
    assert isinstance(tree, ast.Module | ast.Expression)
    return tree


def _parses(source: str, mode: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # whole compilation finds more (a `nonlocal` after a use), at three times the price
            whole = "nonlocal" in source or "global" in source
            compile(source, "<fuzz>", mode, 0 if whole else ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, OverflowError, RecursionError):
        return False
    return True
