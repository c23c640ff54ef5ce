"""An unknown at every place of a call of dates, numbers, chance and collections: it is never an answer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from neuralpdb.interpreter.interpretation import End, interpret

pytestmark = pytest.mark.slow

HEAD = """\
import calendar, cmath, collections, contextlib, copy, datetime, decimal, enum, fractions, inspect, math, numbers
import queue, random, statistics, sys, threading, time, types, typing, collections.abc, dataclasses, bisect, heapq
import zoneinfo
from datetime import timedelta, timezone
from decimal import Decimal
from fractions import Fraction
D = datetime.date
T = datetime.datetime
class Color(enum.Enum):
    RED = 1
class Perm(enum.Flag):
    R = 1
    W = 2
@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 0
class Frozen(collections.abc.Mapping):
    def __init__(self, d): self.d = d
    def __getitem__(self, key): return self.d[key]
    def __iter__(self): return iter(self.d)
    def __len__(self): return len(self.d)
"""
CALLS = """\
D(2024, 1, 2)
D.fromisoformat('2024-01-02')
D.fromordinal(7)
D(2024, 1, 2).replace(year=2025)
D(2024, 1, 2).strftime('%Y')
D(2024, 1, 2) + timedelta(days=1)
D(2024, 1, 2) - D(2024, 1, 1)
D(2024, 1, 2) < D(2024, 1, 1)
max(D(2024, 1, 2), D(2024, 1, 1))
f'{D(2024, 1, 2):%d}'
T(2024, 1, 2, 3, 4)
T(2024, 1, 2, tzinfo=timezone.utc)
T.strptime('2024', '%Y')
T.combine(D(2024, 1, 2), datetime.time(1, 2))
T.fromtimestamp(0, timezone.utc)
T.fromtimestamp(0)
T.utcfromtimestamp(0)
T(2024, 1, 2, tzinfo=timezone.utc).astimezone(timezone.utc)
T(2024, 1, 2).isoformat('T')
T(2024, 1, 2).timestamp()
timedelta(days=1, hours=2)
timedelta(1) * 2
timedelta(1) / timedelta(2)
timedelta(1).total_seconds()
timezone(timedelta(hours=1), 'X')
datetime.time(1, 2).isoformat()
zoneinfo.ZoneInfo('UTC')
calendar.monthrange(2024, 2)
calendar.isleap(2024)
calendar.month(2024, 2)
calendar.monthcalendar(2024, 2)
calendar.weekday(2024, 2, 1)
calendar.timegm((2024, 1, 1, 0, 0, 0))
time.strftime('%Y', (2024, 1, 2, 0, 0, 0, 0, 1, 0))
time.gmtime(0)
time.strptime('2024', '%Y')
Decimal('1.5')
Decimal('1.5') + Decimal(1)
Decimal('1.5').quantize(Decimal('1'), rounding=decimal.ROUND_UP)
Decimal('1.5') < 2
round(Decimal('1.5'), 1)
f"{Decimal('1.5'):.2f}"
Decimal(2).sqrt()
decimal.Context(prec=3)
decimal.getcontext().divide(Decimal(1), Decimal(3))
sum([Decimal(1), Decimal(2)], Decimal(0))
Fraction(1, 2)
Fraction('1/2') + Fraction(1, 3)
Fraction(1, 3).limit_denominator(10)
statistics.mean([1, 2])
statistics.median([1, 2, 3])
statistics.stdev([1, 2, 4])
statistics.quantiles([1, 2, 3], n=4)
statistics.correlation([1, 2, 3], [1, 2, 4])
statistics.linear_regression([1, 2], [2, 3])
statistics.mode([1, 1, 2])
statistics.NormalDist(0, 1).cdf(1)
math.gcd(4, 6)
math.isclose(1.0, 2.0, rel_tol=0.1)
math.hypot(3, 4)
math.prod([1, 2])
math.dist((0, 0), (3, 4))
math.fsum([1, 2])
math.comb(5, 2)
cmath.sqrt(-1)
random.Random(7).random()
random.Random(7).randint(1, 6)
random.Random(7).choice([1, 2])
random.Random(7).sample([1, 2, 3], 2)
random.Random(7).choices([1, 2], weights=[1, 2], k=3)
random.Random(7).uniform(1, 2)
random.Random(7).gauss(0, 1)
random.Random(7).randrange(1, 9, 2)
random.Random(7).getrandbits(4)
random.uniform(1, 2)
random.randint(1, 2)
random.choice([1, 2])
random.sample([1, 2], 1)
random.choices([1, 2], k=2)
isinstance(1, numbers.Integral)
isinstance([], collections.abc.Sequence)
issubclass(int, numbers.Real)
collections.ChainMap({'a': 1}, {'b': 2})['a']
collections.UserDict({'a': 1})['a']
collections.UserList([1, 2])[0]
collections.Counter('ab')['a']
collections.OrderedDict([('a', 1)])['a']
collections.deque([1, 2], 2)[0]
Frozen({'a': 1})['a']
Frozen({'a': 1}) == {'a': 1}
Frozen({'a': 1}).get('b', 2)
'a' in Frozen({'a': 1})
Color(1)
Color['RED']
Perm(1) | Perm.W
Point(1, 2) < Point(1, 3)
dataclasses.replace(Point(1, 2), x=3)
dataclasses.asdict(Point(1, 2))['x']
copy.copy([1])[0]
copy.deepcopy({'a': [1]})['a'][0]
types.SimpleNamespace(a=1).a
types.MappingProxyType({'a': 1})['a']
inspect.cleandoc('  a')
inspect.isfunction(len)
bisect.bisect([1, 2], 1)
heapq.nlargest(1, [1, 2])
heapq.merge([1], [2])
typing.cast(int, 1)
sys.stdout.write('a')
"""


class _Places(ast.NodeTransformer):
    """Replaces the n-th argument, operand or receiver of an expression by `u`."""

    def __init__(self, place: int) -> None:
        self.left = place

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.FormattedValue):
            node.value = self.visit(node.value)  # type: ignore[assignment]
            return node
        if isinstance(node, ast.expr) and not isinstance(node, ast.Name | ast.Attribute | ast.JoinedStr):
            self.left -= 1
            if self.left == -1:
                return ast.Name("u", ast.Load())
        return self.generic_visit(node)


def places(call: str) -> Iterator[str]:
    """Yield an expression with `u` at each of its places: all but the whole."""
    place = 1
    while True:
        replacing = _Places(place)
        made = ast.unparse(replacing.visit(ast.parse(call, mode="eval")))
        if replacing.left >= 0:
            return
        if "u" in {node.id for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Name)}:
            yield made
        place += 1


@pytest.mark.parametrize("call", CALLS.strip().split("\n"))
def test_an_unknown_never_leads_to_an_answer(call: str) -> None:
    for expression in places(call):
        text = f"{HEAD}def main():\n    u = random.choice([1, 'x'])\n    x = {expression}\n    return x\n"
        frames, end = interpret(text, filename="<p>", entry_function="main")
        assert end.end is not End.FAULT, (expression, end.why)
        assert frames, (expression, end.why)
        told = end.end is End.ENDED and not frames[-1].unknown and not frames[-1].assuming
        assert not told, (expression, frames[-1].frame.value)
