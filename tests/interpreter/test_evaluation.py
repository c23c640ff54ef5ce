"""The evaluator: what an expression or a statement gives is what Python gives there, or a reason; nothing changes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from moments import histories, history_to, real_moment, real_value, to_the_end

from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.replay.copying import Allowance
from neuralpdb.trace.frames import Frame

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")

SHOP = """import collections
import enum
import functools
import itertools
import json
import math
import re
from dataclasses import dataclass, field

RATE = 3
CALLS = []
sum = 7


class Color(enum.Enum):
    RED = 1
    BLUE = 2


Pair = collections.namedtuple("Pair", "left right")


@dataclass(order=True)
class Item:
    name: str
    price: float = 1.5
    tags: list = field(default_factory=list)

    @property
    def total(self):
        CALLS.append(self.name)
        return self.price * RATE

    @functools.cached_property
    def slow(self):
        CALLS.append("slow")
        return len(self.name)

    def rename(self, name):
        self.name = name
        return self

    @classmethod
    def make(cls, name):
        return cls(name, 9.0)

    @staticmethod
    def double(number):
        return number * 2


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __repr__(self):
        return f"<{self.a}|{self.b}>"

    def __eq__(self, other):
        return isinstance(other, Slotted) and self.a == other.a

    def __hash__(self):
        return hash(self.a)


class Bag:
    kind = "bag"

    def __init__(self, *items):
        self.items = list(items)
        self.__hidden = 4

    def __len__(self):
        return len(self.items)

    def __getitem__(self, key):
        return self.items[key]

    def __contains__(self, item):
        return item in self.items

    def __iter__(self):
        return iter(self.items)

    def __add__(self, other):
        return Bag(*self.items, *other)

    def __call__(self, *args, **kwargs):
        return args, kwargs

    def __getattr__(self, name):
        if name.startswith("get_"):
            return name[4:]
        raise AttributeError(name)

    def __format__(self, spec):
        return f"bag:{spec}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


class Sack(Bag):
    def __getitem__(self, key):
        return super().__getitem__(key) * 10

    def __bool__(self):
        return False


class Broken:
    def __repr__(self):
        raise ValueError("no text")

    def __bool__(self):
        raise KeyError("no truth")


class Oops(Exception):
    pass


def fail(text):
    raise Oops(text)


def numbers(limit):
    for number in range(limit):
        yield number * number


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def bump():
    global RATE
    RATE += 1
    return RATE


@functools.lru_cache(maxsize=None)
def cached(n):
    CALLS.append(n)
    return n + 1


def main():
    xs = [3, 1, 2]
    ys = xs
    d = {"a": 1, "b": [2, 3], (1, 2): None}
    s = {1, 2, 3}
    t = (1, "two", 3.0)
    text = "Hello, World"
    item = Item("tea", 2.5, ["hot"])
    slotted = Slotted(1, [2])
    bag = Bag(5, 6, 7)
    sack = Sack(1, 2)
    broken = Broken()
    pair = Pair(1, 2)
    color = Color.BLUE
    gen = numbers(4)
    next(gen)
    n = 10
    nothing = None
    flag = True
    data = b"bytes"
    z = 1 + 2j
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count + n

    step()
    max = min
    pass
    return xs, d, count
"""
LINE = SHOP.split("\n").index("    pass", SHOP.split("\n").index("    max = min")) + 1

EXPRESSIONS = """
xs
xs[0]
xs[-1]
xs[5]
xs[1:]
xs[::-1]
xs is ys
xs == [3, 1, 2]
xs + [n]
xs * 2
len(xs)
sorted(xs)
sorted(xs, key=lambda x: -x)
sorted(xs, reverse=True)
list(reversed(xs))
[x * n for x in xs]
[x for x in xs if x > RATE - 2]
[(x, y) for x in xs for y in t]
[[y + n for y in xs] for x in xs]
{x: n for x in xs}
{x % 2 for x in xs}
(x * n for x in xs)
list(x * n for x in xs)
any(x > 2 for x in xs)
all(x > n for x in xs)
max(xs)
min(xs)
sum
sum + 1
sum(xs)
abs(-n)
xs.append(4)
xs.append(4) or xs
xs.pop()
xs.index(2)
xs.index(9)
xs.nope
xs.sort() or ys
d
d["a"]
d["zz"]
d.get("zz", n)
d["b"][1]
d[1, 2] is None
list(d)
list(d.items())
d | {"c": 3}
{**d, "n": n}
"a" in d
n in d
d.keys() & {"a"}
s
s | {9}
s - {1}
2 in s
len(s) == 3
t
t[1]
t[1] * 2
a
t[1].upper()
*xs, n
(*xs, n)
text
text[7:]
text.lower().split(", ")
text.find("World")
text % ()
"%s-%d" % (text, n)
"{:>{w}}".format(n, w=5)
f"{text!r:>20}|{n:05d}|{z}"
f"{item.price:.3f} {bag:xyz}"
f"{n=}"
"-".join(map(str, xs))
"-".join(xs)
text.encode()
data
data[0]
data.decode()
item
item.name
item.price
item.tags
item.total
item.slow
item.rename("x")
item.rename("x").name
item.nothing
item.make("m")
item.double(4)
Item.make("q").total
Item("tea", 2.5, ["hot"]) == item
Item("a") < item
Item
Item()
Item(1, 2, 3, 4)
type(item)
type(item).__name__
isinstance(item, Item)
isinstance(n, (str, int))
issubclass(Sack, Bag)
vars(item)
item.__dict__
getattr(item, "price")
getattr(item, "nope", n)
hasattr(item, "total")
hasattr(item, "nope")
slotted
slotted.a
slotted.b
slotted.c
slotted == Slotted(1, 5)
{slotted: 1}[Slotted(1, 0)]
repr(slotted)
str(slotted) + "!"
[slotted, slotted]
bag[0]
bag[9]
bag[0:2]
len(bag)
6 in bag
list(bag)
sorted(bag, reverse=True)
bag + [8]
(bag + [8]).items
bag(1, 2, k=3)
bag.get_colour
bag.missing
bag.kind
bag._Bag__hidden
bag.__hidden
format(bag, "abc")
bool(bag)
not bag
sack[0]
sack[1] + bag[1]
bool(sack)
sack and 1
sack or n
not sack
Sack.__mro__[1].__name__
broken
bool(broken)
not broken
broken or 1
[broken]
pair
pair.left
pair._replace(left=n)
pair + (3,)
pair[1]
color
color.name
color.value
color is Color.BLUE
Color(1)
Color["RED"]
Color(9)
list(Color)
gen
next(gen)
list(gen)
[*gen, *gen]
zip(xs, t)
dict(zip(xs, t))
list(enumerate(xs, n))
next(iter(xs))
next(iter([]), n)
n
n / 4
n // 0
n ** 20
n % 3
-n
~n
+n
n << 3
n & 6
n > 5
1 < n < 20
n == 10 and text
n != 10 or nothing
n if flag else 0
0 if flag else n
nothing
nothing is None
not nothing
flag
flag + 1
z
z.real
abs(z)
count
step()
step(5)
count + step(by=-1)
step
lambda: n
(lambda q: q + n)(1)
(lambda *a, **k: (a, k))(1, b=2)
(lambda: [x + n for x in xs])()
(m := n + 1) * m
[last := x for x in xs][-1]
[y := 1, y ** 2]
max
min(n, 3)
max(n, 3)
fib(10)
fib("x")
numbers(3)
list(numbers(3))
fail("bad")
bump()
bump() + RATE
RATE
CALLS
CALLS is CALLS
cached(3) + cached(3)
math.sqrt(n + 6)
math.pi
math.nope
json.dumps({"a": xs})
json.loads("[1, 2")
re.sub("l+", "L", text)
re.match("(H)(e)", text).groups()
functools.reduce(lambda a, b: a * b, xs)
list(itertools.accumulate(xs))
list(itertools.islice(itertools.count(n), 3))
collections.Counter(text).most_common(2)
collections.deque(xs, maxlen=2)
list(map(lambda v: v + n, xs))
list(filter(None, [0, n, ""]))
int("12") + n
int("twelve")
float("1e3")
str(n) + "!"
bool([])
list("abc")
tuple(xs)
set(xs) == {1, 2, 3}
frozenset([1]) | {2}
dict(a=n)
range(n)
range(n)[3]
slice(1, n)
chr(65)
ord("A")
hex(n)
round(2.675, 2)
divmod(n, 3)
pow(n, 3, 7)
callable(step)
undefined
undefined + n
self
__name__
n.real
1 if
n +
"abc
x = 5
import os
xs[
'a' 'b'
... is Ellipsis
NotImplemented
__import__("math").floor(2.5)
eval("n + 1")
locals()["n"]
globals()["RATE"]
sorted(locals())[:3]
print("shown", n)
print("shown", n, sep="-", end="") or n
assert n
yield n
await n
return n
(yield)
None < 1
"a" < 1
{}[[]]
[] is []
() is ()
item.tags + [None]
item.total + item.total
type(gen).__name__
isinstance(Oops("x"), Exception)
Oops("x")
Oops("x").args
ValueError("a", 1)
[i for i in range(5) if i % 2 if i > 1]
{k: v for k, v in d.items() if k == "a"}
[*range(3), *xs]
{*xs, *t[:1]}
[[], {}, (), set()]
[1, [2, [3, [4]]]]
"x" * 5
"\\u00e9\\n\\t'\\""
0x1F + 0b11 + 1_000
1e400
-0.0
float("nan") != float("nan")
3 .bit_length()
bag.items is bag.items
Bag.__len__(bag)
type(bag).kind
sack.items.append(3) or len(sack)
step.__name__
step.__defaults__
Item.__name__
Item.total
functools.partial(fib, 7)()
str.upper("abc")
list.pop
len
print
int
type
type(type)
Exception
""".strip().split("\n")

WORLD = {
    "open('x')": "open",
    "input()": "input",
    "input('? ')": "input",
    "__import__('os').system('ls')": "os.system",
    "__import__('os').environ['HOME']": "the environment",
    "__import__('time').time()": "time.time",
    "__import__('random').random()": "random",
    "__import__('robot_arm').move(n)": "robot_arm is not installed",
    "__import__('subprocess').run(['ls'])": "subprocess",
    "__import__('socket').socket()": "socket",
    "[open(x) for x in 'ab']": "open",
    "id(xs)": "an address",
    "hash(object())": "address",
    "exec('import os; os.remove(\"x\")')": "os.remove",
    "compile('1', 'f', 'eval')": "compile",
    "(lambda: input())()": "input",
}

BOMBS = {
    "'a' * 10**10": "a large repetition",
    "[0] * 10**12": "a large repetition",
    "10**10**8": "a large power",
    "1 << 10**12": "a large shift",
    "'%1000000000d' % 1": "a wide format",
    "f'{1:1000000000}'": "",
    "[1 for _ in iter(int, 1)]": "no answer within",
    "(lambda f: f(f))(lambda f: f(f))": "recursion limit",
    "list(itertools.count())": "",
    "sum_ := [[*range(2000)] for _ in range(10**7)]": "",
    "fib(10**3)": "",
    "fib(60)": "no answer within",
    "functools.reduce(lambda a, b: a + a, range(10**3), 'ab')": "a large sum",
    "functools.reduce(lambda a, b: [a, a], range(40), [])": "",
    "functools.reduce(lambda a, b: [a], range(10**5), [])": "",
    "re.match('(a+)+$', 'a' * 40 + 'b')": "",
    "'-' * 3 + " * 3000 + "''": "",
    "(" * 5000 + ")" * 5000: "",
    "[" * 90 + "]" * 90: "",
    "all(True for _ in itertools.repeat(1))": "no answer within",
}


@cache
def shop() -> tuple[Histories, list[Frame]]:
    found = Histories(SHOP, filename="<program>", entry_function="main", allowance=Allowance(seconds=1, memory_mib=256))
    return found, history_to(found, LINE)


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    shop()[0].close()


def assert_equal(found: Histories, history: list[Frame], expression: str, real: tuple[Any, Any, str]) -> bool:
    """Compare an answer with Python's; return whether it was told."""
    answer = found.evaluate(history, expression)
    assert "internal error" not in answer.why
    assert not answer.from_texts
    text, truth, error = real
    if answer.text is not None:
        assert answer.text == text
    if answer.truth is not None:
        assert answer.truth is truth
    if answer.error:
        assert answer.error == error
    elif error:
        assert answer.why
    if answer.text is None and not answer.error:
        assert answer.why
        return False
    return True


# --- expressions --------------------------------------------------------------------------------------------------

NOT_TOLD = {"type(type)", "list.pop", "len", "print", "slice(1, n)"}
"""Expressions that may be refused, though Python itself decides them."""


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_gives_what_python_gives(expression: str) -> None:
    found, history = shop()
    real = real_moment(SHOP, LINE, "main", 0, lambda frame: real_value(frame, expression))
    is_told = assert_equal(found, history, expression, real)
    assert is_told or expression in NOT_TOLD


def test_enough_expressions_are_compared() -> None:
    assert len(set(EXPRESSIONS)) == len(EXPRESSIONS) > 250


@pytest.mark.parametrize("expression", WORLD)
def test_what_the_world_decides_is_refused_by_its_name(expression: str) -> None:
    found, history = shop()
    answer = found.evaluate(history, expression)
    assert (answer.text, answer.truth, answer.error) == (None, None, "")
    assert WORLD[expression] in answer.why


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("expression", BOMBS, ids=lambda expression: expression[:40])
def test_a_bomb_ends_within_limits_with_a_reason(expression: str) -> None:
    found, history = shop()
    answer = found.evaluate(history, expression)
    if BOMBS[expression]:
        assert BOMBS[expression] in answer.why
        assert answer.text is None
    assert answer.why or answer.error or answer.text
    assert "internal error" not in answer.why
    assert found.evaluate(history, "n").text == "10"


# --- no effect ----------------------------------------------------------------------------------------------------

EFFECTS = (
    "xs.append(9)",
    "xs.clear() or d.clear()",
    "item.rename('gone')",
    "setattr(item, 'price', 0)",
    "setattr(Item, 'double', None)",
    "step(100)",
    "bump()",
    "next(gen)",
    "list(gen)",
    "cached(77)",
    "item.slow",
    "CALLS.append(1)",
    "globals().clear()",
    "globals().update(RATE=99)",
    "(RATE := 5)",
    "exec('n = 0')",
    "__import__('math').__dict__",
    "fail('x')",
    "fib(10**3)",
    "[1 for _ in iter(int, 1)]",
)


def test_what_is_evaluated_has_no_effect_on_the_session() -> None:
    with histories(SHOP, allowance=Allowance(seconds=0.5)) as found, histories(SHOP) as other:
        history = history_to(found, LINE)
        for expression in EFFECTS:
            found.evaluate(history, expression)
            found.children(history, expression)
        found.execute(history, "xs.clear(); d = None; item.name = 'gone'; bump(); step()")
        assert to_the_end(found, history) == to_the_end(other, history_to(other, LINE))
        assert found.evaluate(history, "(xs, d, item, count, RATE, next(gen), CALLS, Item.double(2))").text == (
            "([3, 1, 2], {'a': 1, 'b': [2, 3], (1, 2): None}, Item(name='tea', price=2.5, tags=['hot']), "
            "1, 3, 1, [], 4)"
        )


def test_every_history_is_asked_by_itself() -> None:
    text = "def main():\n    total = 0\n    for i in range(5):\n        total += i\n    return total\n"
    with histories(text) as found:
        history, _ = to_the_end(found, [])
        for n in [*range(1, len(history) + 1), 3, 9, 2, len(history)]:
            for name, shown in history[n - 1].locals.items():
                assert found.evaluate(history[:n], name).text == shown
                assert found.evaluate(history[:n], f"[{name}][0]").text == shown
            if "total" not in history[n - 1].locals:
                assert found.evaluate(history[:n], "total").error == "NameError: name 'total' is not defined"


# --- places -------------------------------------------------------------------------------------------------------

PLACES = """SIZE = 2
class Node:
    def __init__(self, value, children=()):
        self.value = value
        self.children = children
    def walk(self):
        yield self.value
        for child in self.children:
            yield from child.walk()
    def total(self):
        here = self.value
        for child in self.children:
            here += child.total()
        return here
def apply(function, values):
    found = []
    for value in values:
        found.append(function(value))
    return found
def main():
    tree = Node(1, (Node(2), Node(3, (Node(4),))))
    offset = 10
    def shift(value):
        moved = value + offset
        return moved
    shifted = apply(shift, [1, 2])
    walked = list(tree.walk())
    keyed = sorted([3, 1], key=lambda v: -v)
    try:
        1 // (offset - 10)
    except ZeroDivisionError as error:
        caught = str(error)
    return tree.total(), shifted, walked, keyed
"""


@pytest.mark.parametrize(
    ("line", "function", "visit", "expressions"),
    (
        (24, "shift", 0, "value offset value+offset [offset for _ in range(2)] SIZE moved tree shift apply"),
        (25, "shift", 1, "moved moved*2 (lambda:moved+offset)() len(locals())"),
        (
            11,
            "total",
            2,
            "self.value self.children here len(self.children) self.total() [c.value for c in self.children]",
        ),
        (14, "total", 1, "here child self.value"),
        (9, "walk", 1, "self.value child.value child list(self.walk()) list(child.walk())"),
        (7, "walk", 0, "self.value child next(self.walk())"),
        (18, "apply", 1, "value function(value) found found+[value] function(offset)"),
        (28, "<lambda>", 1, "v -v v+SIZE keyed"),
        (32, "main", 0, "error caught str(error) error.args type(error).__name__ tree.value"),
        (33, "main", 0, "error caught shifted walked[::-1] tree.total() sum(tree.walk())"),
    ),
)
def test_every_place_has_its_own_names(line: int, function: str, visit: int, expressions: str) -> None:
    with histories(PLACES) as found:
        history = history_to(found, line, function, visit)
        for expression in re.split(r" (?![^\[(]*[\])])", expressions):
            real = real_moment(PLACES, line, function, visit, partial(real_value, expression=expression))
            assert assert_equal(found, history, expression, real), expression


def test_another_call_is_asked_by_its_depth() -> None:
    with histories(PLACES) as found:
        history = history_to(found, 24, "shift", 1)
        assert [found.evaluate(history, "value", depth).text for depth in (None, 2, 1)] == ["2", "2", "2"]
        assert found.evaluate(history, "found", 1).text == "[11]"
        assert found.evaluate(history, "function(5) + len(found)", 1).text == "16"
        assert found.evaluate(history, "tree.value, [offset for _ in 'ab']", 0).text == "(1, [10, 10])"
        assert found.evaluate(history, "found", 0).error == "NameError: name 'found' is not defined"
        assert found.evaluate(history, "offset", 7).why == "there is no call at depth 7"
        inner = history_to(found, 7, "walk", 2)
        assert found.evaluate(inner, "[self.value, SIZE]").text == "[3, 2]"
        assert [found.evaluate(inner, "tree.value", depth).text for depth in (0, 1)] == ["1", None]


def test_variables_that_functions_share_are_seen_as_they_change() -> None:
    found, history = shop()
    assert found.evaluate(history, "step(5) + count").text == "22"
    assert found.evaluate(history, "[step(5), count, (lambda: count)()]").text == "[16, 6, 6]"
    assert found.evaluate(history, "count").text == "1"


def test_a_script_is_asked_at_its_lines() -> None:
    text = "import math\nxs = [1, 2]\ndef f(a):\n    return a * len(xs)\ny = f(3)\nz = [f(x) for x in xs]\npass\n"
    with histories(text, None) as found:
        history = history_to(found, 7, "<module>")
        for expression, shown in (
            ("[x + y for x in xs]", "[7, 8]"),
            ("f(10)", "20"),
            ("(lambda: [y, z])()", "[6, [2, 4]]"),
            ("math.floor(2.5)", "2"),
            ("__name__", "'__main__'"),
        ):
            assert found.evaluate(history, expression).text == shown
        inside = history_to(found, 4, "f", 1)
        assert found.evaluate(inside, "(a, xs, y)").text == "(1, [1, 2], 6)"
        assert found.evaluate(inside, "z").error == "NameError: name 'z' is not defined"
        assert found.evaluate(inside, "y", 0).text == "6"


def test_returns_and_exceptions_are_asked_like_lines() -> None:
    text = "def half(n):\n    if n % 2:\n        raise ValueError(n)\n    return n // 2\n"
    text += "def main():\n    half(4)\n    half(3)\n"
    with histories(text) as found:
        history, _ = to_the_end(found, [])
        for n, frame in enumerate(history, 1):
            if frame.function == "half":
                assert found.evaluate(history[:n], "n * 10").text == str(10 * int(frame.locals["n"]))
                assert found.evaluate(history[:n], "half(8)", 0).text == "4"


def test_what_is_printed_is_told() -> None:
    text = "import sys\ndef say(x):\n    print('say', x)\n    return x\ndef main():\n    n = 3\n    pass\n"
    with histories(text) as found:
        history = history_to(found, 7)
        answer = found.evaluate(history, "[say(x) for x in range(n)]")
        assert (answer.text, answer.output) == ("[0, 1, 2]", "say 0\nsay 1\nsay 2\n")
        assert found.evaluate(history, "say(n) // 0").output == "say 3\n"
        assert found.evaluate(history, "sys.stdout.write('w') + n").output == "w"
        assert found.evaluate(history, "print(n, file=sys.stdout), print(n, file=sys.stderr)").output == "3\n"
        assert found.evaluate(history, "print(id(n)) or n").output == ""
        assert found.execute(history, "for i in 'ab':\n    print(i, end=';')").output == "a;b;"


def test_what_is_not_known_has_a_reason() -> None:
    text = "import random\ndef main():\n    r = random.choice((1, 2))\n    xs = [r]\n    pass\n"
    with histories(text) as found:
        history = history_to(found, 5)
        for expression in ("r", "r + 1", "xs", "r > 1", "[r, 1]", "not r", "f'{r}'"):
            answer = found.evaluate(history, expression)
            assert (answer.text, answer.truth, answer.error) == (
                None,
                True if "[" in expression or expression == "xs" else None,
                "",
            )
            assert "random.choice" in answer.why
        assert found.evaluate(history, "len(xs)").text == "1"
        filled = [*history[:-1], history[-1].replace(locals={"r": "2", "xs": "[2]"})]
        assert found.evaluate(filled, "r + xs[0]").text == "4"
        opaque = [*history[:-1], history[-1].replace(locals={"r": "<Robot 7>", "xs": "[<Robot 7>]"})]
        assert found.evaluate(opaque, "r").text == "<Robot 7>"
        assert "<Robot 7>" in found.evaluate(opaque, "r.name").why


# --- parts --------------------------------------------------------------------------------------------------------


def children(expression: str) -> list[tuple[str, str, bool, str]]:
    found, history = shop()
    answer = found.children(history, expression)
    assert not answer.why
    return [(each.label, each.text, each.has_children, each.expression) for each in answer.items]


def test_objects_open_into_attributes_and_containers_into_items() -> None:
    assert children("item") == [
        ("name", "'tea'", False, "item.name"),
        ("price", "2.5", False, "item.price"),
        ("tags", "['hot']", True, "item.tags"),
    ]
    assert children("d") == [
        ("'a'", "1", False, "d['a']"),
        ("'b'", "[2, 3]", True, "d['b']"),
        ("(1, 2)", "None", False, "d[(1, 2)]"),
    ]
    assert children("slotted") == [("a", "1", False, "slotted.a"), ("b", "[2]", True, "slotted.b")]
    assert children("pair") == [("left", "1", False, "pair[0]"), ("right", "2", False, "pair[1]")]
    assert children("[item] * 2")[1] == ("1", "Item(name='tea', price=2.5, tags=['hot'])", True, "([item] * 2)[1]")
    assert children("bag")[0] == ("items", "[5, 6, 7]", True, "bag.items")
    assert children("s") == [("0", "1", False, ""), ("1", "2", False, ""), ("2", "3", False, "")]
    assert [label for label, *_ in children("Oops('x', 1)")] == ["args"]
    assert children("n") == children("text") == children("step") == children("gen") == children("[]") == []


def test_every_part_evaluates_to_its_text() -> None:
    found, history = shop()
    for expression in ("item", "d", "slotted", "pair", "xs", "t", "bag", "collections.deque(xs)", "[item, {1: item}]"):
        for each in found.children(history, expression).items:
            assert found.evaluate(history, each.expression).text == each.text


def test_of_many_parts_the_rest_is_counted() -> None:
    found, history = shop()
    for expression in ("list(range(250))", "dict.fromkeys(range(250))", "set(range(250))"):
        answer = found.children(history, expression)
        assert (len(answer.items), answer.left) == (100, 150)
    assert found.children(history, "fail('x')").error == "Oops: x"
    assert "open" in found.children(history, "open('x')").why
    assert found.children(history, "1 +").error.startswith("SyntaxError")


# --- at once ------------------------------------------------------------------------------------------------------

AT_ONCE = """
n
xs
xs[0] + n > 3 and not nothing
n * n - 1 == 99
item.name == "tea"
item.tags[0]
slotted.a
len(xs) > 2
len(s)
text.startswith("Hello")
text[0].lower()
d["b"][1]
d.get("zz")
"a" in d
n in xs
nothing is None
abs(n)
any(xs)
t[1:]
n if flag else xs
item
slotted
gen
step
color
RATE
""".strip().split("\n")
"""Expressions that need no copy of the process."""
IN_COPIES = (
    "bag",
    "sack",
    "color.name",
    "item.total",
    "bag.get_colour",
    "sum(xs)",
    "max(xs)",
    "broken",
    "bag[0]",
    "sack and 1",
    "xs + ys",
)
"""Expressions that do: code of the program runs, or a builtin has another meaning here."""


@pytest.mark.parametrize("expression", AT_ONCE)
def test_what_only_looks_at_plain_data_needs_no_copy(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, history = shop()
    in_a_copy = found.evaluate(history, f"(lambda: ({expression}))()")
    forks: list[int] = []
    monkeypatch.setattr(os, "fork", lambda: forks.append(1))
    at_once = found.evaluate(history, expression)
    assert not forks
    assert at_once == in_a_copy
    assert at_once.truth is not None


@pytest.mark.parametrize("expression", IN_COPIES)
def test_what_may_run_code_is_evaluated_in_a_copy(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, history = shop()
    monkeypatch.setattr(os, "fork", _no_fork)
    assert "no fork" in found.evaluate(history, expression).why


def _no_fork() -> int:
    raise OSError(11, "no fork")


FENCED = """
import sys
from neuralpdb.output.fences import fence
fence({"RLIMIT_AS": 1024 * 2**20, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0})
from neuralpdb.interpreter.history import Histories
from neuralpdb.trace.frames import Frame
text = "def f(a):\\n    return a * 2\\ndef main():\\n    n = 4\\n    pass\\n"
found = Histories(text, filename="p", entry_function="main")
history = []
while not history or history[-1].line != 5:
    history.append(found.next(history).frame)
print([found.evaluate(history, each).text for each in ("n", "f(n)", "[f(k) for k in range(n)]")])
print(found.evaluate(history, "[[*range(1000)] for _ in range(10**7)]").why[:30])
print(found.execute(history, "n = f(n)").frame.locals["n"])
found.close()
"""


def test_a_process_that_is_fenced_in_evaluates_as_well() -> None:
    run = subprocess.run([sys.executable, "-c", FENCED], capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr == ""
    texts, why, changed = run.stdout.splitlines()
    assert texts == "['4', '8', '[0, 2, 4, 6]']"
    assert why in ("the limit of 512 MiB of memory", "no answer within 2 seconds", "native code has no memory left")
    assert changed == "8"
