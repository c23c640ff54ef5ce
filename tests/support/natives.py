"""Every native function and method that programs may call, with arguments that it takes: read from the register."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.library.registry import BUILTINS, CALLS, METHODS, MODULES, Native

HEAD = "import collections, decimal, fractions, itertools, re\n"
OWNERS = {
    "int": "5",
    "float": "1.5",
    "complex": "(1+2j)",
    "bool": "True",
    "str": "'abcab'",
    "bytes": "b'abcab'",
    "bytearray": "bytearray(b'abcab')",
    "list": "[3, 1, 2]",
    "tuple": "(3, 1, 2)",
    "dict": "{'a': 1, 'b': 2}",
    "set": "{1, 2}",
    "frozenset": "frozenset({1, 2})",
    "range": "range(5)",
    "slice": "slice(1, 2)",
    "deque": "collections.deque([1, 2, 3])",
    "defaultdict": "collections.defaultdict(int, a=1)",
    "OrderedDict": "collections.OrderedDict(a=1, b=2)",
    "Counter": "collections.Counter('aab')",
    "Fraction": "fractions.Fraction(1, 3)",
    "Decimal": "decimal.Decimal('1.5')",
    "Pattern": "re.compile('a')",
    "Match": "re.match('(a)', 'ab')",
    "dict_keys": "{'a': 1}.keys()",
    "dict_values": "{'a': 1}.values()",
    "dict_items": "{'a': 1}.items()",
}
"""Name of a type -> an object of it."""
POOL = "1 2 'ab' 'a' [1,2] ['a','b'] {'a':1} b'ab' 1.5 None (1,2) abs {1,2} [('a',1)]".split()
"""Arguments that are tried."""
OTHERS = "7 'zz' [9] None 2.5 {'q':3} b'q' ()".split()
"""Values in place of an argument: where all give the same, its value does not matter."""
MOST_ARGUMENTS = 3
TRIED = 150
"""Combinations of arguments that are tried for each number of arguments; their order is always the same."""
ENDLESS = ("itertools.count", "itertools.cycle", "itertools.repeat")


@dataclass(frozen=True)
class Case:
    """A call that works: an expression to call, and the source texts of its arguments."""

    callee: str
    arguments: tuple[str, ...]

    def text(self, position: int = -1, instead: str = "") -> str:
        """Return the call, with another text at one position."""
        given = list(self.arguments)
        if position >= 0:
            given[position] = instead
        return f"{self.callee}({', '.join(given)})"

    def module(self) -> str:
        return self.callee.rpartition(".")[0] if self.callee.partition(".")[0].isidentifier() else ""


def callees() -> Iterator[str]:
    """Yield an expression for every native that is called as it is."""
    contents.load_all()
    for name in BUILTINS:
        if _is_native(BUILTINS[name]):
            yield name
    for module, names in MODULES.items():
        if not module.startswith("_") and module != "builtins":
            yield from (f"{module}.{name}" for name, value in names.items() if _is_native(value))
    for kind, name in METHODS:
        if kind.__name__ in OWNERS and name != "__init__":
            yield f"({OWNERS[kind.__name__]}).{name}"


def _is_native(value: Any) -> bool:
    entry = CALLS.get(id(value))
    return entry is not None and entry[0] is value and isinstance(entry[1], Native)


@cache
def cases() -> tuple[Case, ...]:
    """Return calls that work: for each native, one for each number of arguments that it takes."""
    return tuple(case for callee in dict.fromkeys(callees()) if callee not in ENDLESS for case in _working(callee))


def _working(callee: str) -> Iterator[Case]:
    names = _names(callee.rpartition(".")[0])
    code = compile(callee, "<callee>", "eval")
    for combinations in _combinations():
        for arguments in combinations:
            try:
                eval(code, names)(*[make() for _, make in arguments])
            except Exception:
                continue
            yield Case(callee, tuple(text for text, _ in arguments))
            break


@cache
def _combinations() -> list[list[tuple[tuple[str, Callable[[], Any]], ...]]]:
    makers = [(text, eval(f"lambda: {text}")) for text in POOL]
    found = []
    for count in range(MOST_ARGUMENTS + 1):
        combinations = list(itertools.product(makers, repeat=count))
        random.Random(count).shuffle(combinations)
        found.append(combinations[:TRIED])
    return found


def works(call: str) -> str | None:
    """Return the text of what a call gives; None when it raises."""
    module = call.partition("(")[0].rpartition(".")[0]
    try:
        return re.sub(r" at 0x\w+", "", repr(eval(call, _names(module))))
    except Exception:
        return None


@cache
def _names(module: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(HEAD + (f"import {module}" if module.isidentifier() else ""), names)
    return names
