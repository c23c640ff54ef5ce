from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neuralpdb.fidelity.equality import LONGEST, Level, compare

PAIRS = [
    ("1", "1", Level.TEXT),
    ("<anything ... at all", "<anything ... at all", Level.TEXT),
    ("'a'", '"a"', Level.LITERAL),
    ("[1,2]", "[1, 2]", Level.LITERAL),
    ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", Level.LITERAL),
    ("Counter({'a': 1, 'b': 2})", "Counter({'b': 2, 'a': 1})", Level.LITERAL),
    ("ValueError('x')", 'ValueError("x")', Level.LITERAL),
    ("1e3", "1000.0", Level.LITERAL),
    ("(1+2j)", "(1.0+2j)", Level.DIFFERENT),
    ("{1, 2}", "{2, 1}", Level.SET_ORDER),
    ("[{'x': {1, 2}}]", "[{'x': {2, 1}}]", Level.SET_ORDER),
    ("frozenset({1, 2})", "frozenset({2, 1})", Level.SET_ORDER),
    ("defaultdict(<class 'set'>, {1: {1, 2}})", "defaultdict(<class 'set'>, {1: {2, 1}})", Level.SET_ORDER),
    ("<str_ascii_iterator object>", "<str_iterator object>", Level.NAMES),
    ("<str_iterator object at 0x7f01>", "<str_iterator object at 0x9>", Level.NAMES),
    ("<program.Point object>", "<__main__.Point object>", Level.NAMES),
    ("<function outer.<locals>.inner>", "<function inner>", Level.NAMES),
    ("[<a.P object>, {1, 2}]", "[<b.P object>, {2, 1}]", Level.NAMES),
    # the same in a string is a text like any other
    ("'<a.P object>'", "'<b.P object>'", Level.DIFFERENT),
    ("1", "'1'", Level.DIFFERENT),
    ("1", "True", Level.DIFFERENT),
    ("1", "1.0", Level.DIFFERENT),
    ("{1}", "{True}", Level.DIFFERENT),
    ("{1: 2}", "{True: 2}", Level.DIFFERENT),
    ("[1]", "(1,)", Level.DIFFERENT),
    ("b'a'", "'a'", Level.DIFFERENT),
    ("0.0", "-0.0", Level.DIFFERENT),
    ("[1, 2]", "[2, 1]", Level.DIFFERENT),
    ("<Point object>", "<Line object>", Level.DIFFERENT),
    ("Point(x=1)", "Point(x=2)", Level.DIFFERENT),
    ("Point(x=1)", "Point(y=1)", Level.DIFFERENT),
    ("1.0", "1.0000000001", Level.DIFFERENT),
    ("[", "(", Level.DIFFERENT),
    ("", "''", Level.DIFFERENT),
]


@pytest.mark.parametrize(("predicted", "actual", "level"), PAIRS)
def test_the_strictest_level_is_named_whichever_side_it_is_read_from(predicted: str, actual: str, level: Level) -> None:
    assert compare(predicted, actual) is level
    assert compare(actual, predicted) is level


def test_floats_are_close_only_within_a_tolerance_that_was_asked_for() -> None:
    close = ("[1.0, {'a': 2.5}]", "[1.0000001, {'a': 2.5000001}]")
    assert compare(*close) is Level.DIFFERENT
    assert compare(*close, float_tolerance=1e-6) is Level.FLOAT
    assert compare(*close, float_tolerance=1e-9) is Level.DIFFERENT
    assert compare("1", "1.0", float_tolerance=0.5) is Level.DIFFERENT, "a tolerance forgives no type"
    assert compare("10", "11", float_tolerance=0.5) is Level.DIFFERENT


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 5000,
        "-" * 9000 + "1",
        "9" * 5000,
        "'" + "\\" * 3,
        "<" * 3000,
        "\x00",
        "__import__('os').system('x')",
        "__object__('<x>')",
        "__object__(1)",
        "__object__()",
        "{**x}",
        "{*x}",
        "f'{1}'",
        "'\\ud800'",
        "\ud800",
        "x" * (LONGEST + 1),
    ],
)
def test_a_text_that_is_no_value_is_compared_as_a_text_and_never_raises(hostile: str) -> None:
    assert compare(hostile, hostile) is Level.TEXT
    assert compare(hostile, "1") is Level.DIFFERENT
    assert compare("[1]", hostile) is Level.DIFFERENT


LEAVES = (
    st.integers() | st.booleans() | st.none() | st.text(max_size=8) | st.binary(max_size=4) | st.floats(allow_nan=False)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=3), max_size=4)
    ),
    max_leaves=12,
)


def strict(a: Any, b: Any) -> bool:
    """Equal with all types equal, however deep."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(strict, a, b))
    if isinstance(a, dict):
        keys = {(type(k), k): v for k, v in a.items()}
        return len(a) == len(b) and all((type(k), k) in keys and strict(keys[type(k), k], v) for k, v in b.items())
    if isinstance(a, float):
        return repr(a) == repr(b)
    return bool(a == b)


@given(VALUES, VALUES)
def test_values_are_equal_just_when_they_and_all_their_types_are(a: Any, b: Any) -> None:
    assert compare(repr(a), repr(b)).equal is (strict(a, b) or repr(a) == repr(b))


@given(VALUES)
@example([0, 0, float("-inf")])
def test_every_value_equals_itself_however_it_is_laid_out(value: Any) -> None:
    import pprint

    assert compare(pprint.pformat(value, width=10, sort_dicts=False), repr(value)).equal
