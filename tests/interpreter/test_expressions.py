"""Expressions of drafts over the texts of a frame: what they give, what is refused, and that nothing is expensive."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.interpreter.rules.expressions import branch_taken, value
from neuralpdb.program.program import Program
from neuralpdb.trace.values import EvaluationError, literal, parse_expression

STATE = {
    "n": "3",
    "s": "'ab'",
    "L": "[1, 2]",
    "d": "{'a': [1], 'b': (2, 3)}",
    "far": "[0, inf, -inf]",
    "r": "range(0, 9, 2)",
    "f": "frozenset({1})",
    "dog": "<Dog object>",
    "sum_": "0",
}


def evaluate(expression: str, state: dict[str, str]) -> str:
    return repr(value(parse_expression(expression), state))


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("n", "3"),
        ("  n\n", "3"),
        ("n + 1", "4"),
        ("s * 2 + 'x'", "'ababx'"),
        ("L[-1]", "2"),
        ("s[::-1]", "'ba'"),
        ("d['b'][0]", "2"),
        ("1 < n <= 3 != 4", "True"),
        ("n in L or 'a' in s", "True"),
        ("None is None and not n", "False"),
        ("'yes' if n else 'no'", "'yes'"),
        ("[x * x for x in L if x > 1]", "[4]"),
        ("[x for x in [L, [x for x in L]]]", "[[1, 2], [1, 2]]"),
        ("{a: b for a, b in d.items()}", "{'a': [1], 'b': (2, 3)}"),
        ("{x % 2 for x in r}", "{0}"),
        ("sum(x for x in L)", "3"),
        ("len(s), max(L), sorted(d, key=len)", "(2, 2, ['a', 'b'])"),
        ("sorted(d, key=d.get)", None),
        ("[*L, *s]", "[1, 2, 'a', 'b']"),
        ("{**d, 'c': n}", "{'a': [1], 'b': (2, 3), 'c': 3}"),
        ("dict(a=1, **{'b': 2})", "{'a': 1, 'b': 2}"),
        ("max(*L, n)", "3"),
        ("f'{s!r:>6}|{n:03d}|{n=}'", "\"  'ab'|003|n=3\""),
        ("'%s-%5.1f' % (s, n)", "'ab-  3.0'"),
        ("s.upper().center(6, '.')", "'..AB..'"),
        ("','.join(['a', 'b'])", "'a,b'"),
        ("s.replace('a', 'xyz')", "'xyzb'"),
        ("far[1] > 10 ** 9", "True"),
        ("len(r), r[1], list(r)", "(5, 2, [0, 2, 4, 6, 8])"),
        ("f | {2}", "frozenset({1, 2})"),
        ("reversed(L)", "[2, 1]"),
        ("enumerate(s)", "[(0, 'a'), (1, 'b')]"),
        ("d.keys()", "dict_keys(['a', 'b'])"),
        ("isinstance(n, (int, str))", "True"),
        ("(2).real, (2j).imag", "(2, 2.0)"),
        ("n // 2, n % 2, n ** 2, -n, ~n, n << 1, n / 2", "(1, 1, 9, -3, -4, 6, 1.5)"),
        ("set(), (), {}", "(set(), (), {})"),
        ("...", "Ellipsis"),
    ],
)
def test_an_expression_has_the_value_that_python_gives_it(expression: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(EvaluationError, match="TypeError"):
            evaluate(expression, STATE)
    else:
        assert evaluate(expression, STATE) == text


def test_a_name_of_the_state_comes_before_a_type() -> None:
    assert evaluate("list", {"list": "[1]"}) == "[1]"
    assert evaluate("list + [2]", {"list": "[1]"}) == "[1, 2]"


VALUES: dict[str, Any] = {"a": 3, "b": -2, "t": "xyz", "u": [5, "q", 0]}
ATOMS = [*VALUES, "0", "1", "2.5", "''", "'x'", "[]", "None", "True"]
BINARY = ["+", "-", "*", "//", "%", "/", "==", "<", "in", "not in", "and", "or", "&", "|"]
TEMPLATES = [
    *("[{0}, {1}]", "({0},)", "{0} if {1} else {2}", "not {0}", "-{0}", "{0}[{1}]", "{0}[{1}:{2}]", "len({0})"),
    *("[v for v in {0}]", "[v for v in {0} if v == {1}]", "sorted({0})", "str({0})", "repr({0})", "f'{{{0}!r}}'"),
    *("{{{0}: {1}}}", "{0} < {1} < {2}", "({0}).upper()", "({0}).split({1})", "sum(w for w in {0})", "bool({0})"),
]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if not depth or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(ATOMS))
    parts = [draw(expressions(depth - 1)) for _ in range(3)]
    template = draw(st.sampled_from(TEMPLATES) | st.sampled_from(BINARY).map("{{0}} {} {{1}}".format))
    return f"({template.format(*parts)})"


@given(expressions())
def test_every_expression_gives_what_python_gives(expression: str) -> None:
    state = {name: repr(value) for name, value in VALUES.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = repr(eval(expression, dict(VALUES)))
    except SyntaxError:
        return
    except Exception:
        with pytest.raises(EvaluationError):
            evaluate(expression, state)
        return
    assert evaluate(expression, state) == expected


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("m", ("name 'm' is not defined",)),
        ("len", ("name 'len' is not defined",)),
        ("dog.age", ("<Dog object>", "only its text is known")),
        ("g(n)", ("g() is not called", "nothing of the program is run")),
        ("L.append(3)", (".append() of list changes it",)),
        ("d['a'].pop()", (".pop() of list changes it",)),
        ("d.a", (".a of dict is not known",)),
        ("s.upper", (".upper of str is not known",)),
        ("s.format", (".format of str",)),
        ("'{0.__class__}'.format(n)", (".format() of str",)),
        ("().__class__.__base__", (".__class__ of tuple",)),
        ("int.from_bytes(s)", (".from_bytes()",)),
        ("lambda: 1", ("lambda",)),
        ("(lambda: 1)()", ("with a name",)),
        ("(y := 1)", (":=",)),
        ("await n", ("await",)),
        ("(x for x in L)", ("generator",)),
        ("open('/etc/passwd')", ("open()",)),
        ("__import__('os')", ("__import__()",)),
        ("getattr(s, 'upper')", ("getattr()",)),
        ("eval('1')", ("eval()",)),
        ("print(1)", ("print()",)),
        ("1 / 0", ("ZeroDivisionError",)),
        ("L[5]", ("IndexError",)),
        ("d['zz']", ("KeyError: 'zz'",)),
        ("[a for a, b in L]", ("TypeError",)),
        ("len(x for x in L)", ("TypeError",)),
        ("[x for x in L] + [x]", ("name 'x' is not defined",)),
        ("", ("cannot parse",)),
        ("n;n", ("cannot parse",)),
        ("n = 1", ("cannot parse",)),
        ("import os", ("cannot parse",)),
        ("n +", ("cannot parse",)),
        ("\0", ("cannot parse", "null bytes")),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_line(expression: str, words: tuple[str, ...]) -> None:
    with pytest.raises(EvaluationError) as error:
        evaluate(expression, STATE)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    for word in words:
        assert word in str(error.value)


HOSTILE = """
9**9**9 | 9**4000000 | (9**90000)*(9**90000) | 2**65000*2**65000 | 1<<10**12 | len(str(9**100000))
'a'*10**12 | [0]*10**9 | b'a'*10**11 | [[0]*1000]*1000 | [[[[0]*100]*100]*100]*100 | (0,)*100000*100
range(10**12) | list(range(99999))*100 | bytes(10**10) | '%1000000000d' % 1 | '%*d' % (10**9, 1) | f'{1:1000000000}'
f'{1:{10**9}}' | 'a'.ljust(10**9) | 'a'.center(10**9) | 'a'.zfill(10**9) | '\\t'.expandtabs(10**9)
('a'*90000).replace('a', 'b'*90000) | 'a'.join(['b'*90000]*9000) | ('b'*90000).join('a'*90000)
[x for x in range(9999) for y in range(9999)] | [[y for y in range(9999)] for x in range(9999)]
{k: v for k in range(9999) for v in range(9999)} | all(x < 10**6 for x in range(10**6)) | sum([[0]*90000]*1000, [])
list(zip(*[range(99999)]*50)) | repr([[[[[0]*100]*100]*100]*100]*100) | round(10**300, -10**9) | max([big]*10**5*10**5)
[sorted(range(9999)) for x in range(9999)] | [x in range(9999) for x in range(9999)]
dict(zip(range(10**6), range(10**6))) | [sum(far) for x in range(9999)] | [9999 in far for x in range(9999)]
""".replace("\n", " | ")


@pytest.mark.timeout(15)
@pytest.mark.parametrize("expression", [each.strip() for each in HOSTILE.split(" | ") if each.strip()])
def test_an_expensive_expression_is_refused_at_once(expression: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression, {"big": "9" * 4000, "far": "range(0, 99999)"})


@pytest.mark.timeout(15)
@pytest.mark.parametrize(
    "expression",
    [
        "-" * 5000 + "1",
        "-" * 100_000 + "1",
        "(" * 5000 + ")" * 5000,
        "+".join(["1"] * 50_000),
        "[" * 1000,
        "n" + ".a" * 9000,
    ],
    ids=["signs", "more signs", "parentheses", "sum", "brackets", "attributes"],
)
def test_a_deeply_nested_expression_is_refused_at_once(expression: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression, STATE)


def test_large_but_sensible_values_are_evaluated() -> None:
    assert evaluate("sum(range(99999))", {}) == "4999850001"
    assert evaluate("len(s * 40000)", STATE) == "80000"
    assert evaluate("2 ** 4096 % 1000", {}) == "336"
    assert evaluate("len([x for x in range(9999) if x % 2])", {}) == "4999"


# --- literals ---------------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
        | st.sets(st.text(max_size=2), max_size=3)
        | st.builds(range, st.integers(-9, 9), st.integers(-9, 9))
    ),
    max_leaves=8,
)


@given(plain)
def test_the_repr_of_every_plain_value_is_read_back(value: Any) -> None:
    assert literal(repr(value)) == value


@pytest.mark.parametrize(
    "text", ["<Dog object>", "Dog('Rex')", "x", "", "[1, <Dog object>]", "1 + n", "…", "[1, 2…", "range"]
)
def test_a_text_that_is_no_literal_is_said_to_be_none(text: str) -> None:
    with pytest.raises(EvaluationError, match="only its text is known"):
        literal(text)


# --- branches ---------------------------------------------------------------------------------------------------------

BRANCHES = Program.parse(
    "if n > 2:\n    a = 1\n    b = 2\nelif n:\n    a = 3\nwhile L:\n    a = 4\nif dog:\n    a = 5\n", "p.py"
).branches


@pytest.mark.parametrize(
    ("line", "state", "taken"),
    [
        (1, {"n": "3"}, (True, 2, 3)),
        (1, {"n": "1"}, (False, 2, 3)),
        (4, {"n": "0"}, (False, 5, 5)),
        (6, {"L": "[0]"}, (True, 7, 7)),
        (8, {"dog": "<Dog object>"}, None),
        (1, {}, None),
    ],
)
def test_a_branch_is_told_from_the_state_or_not_at_all(
    line: int, state: dict[str, str], taken: tuple[bool, int, int] | None
) -> None:
    assert branch_taken(BRANCHES[line], state) == taken
