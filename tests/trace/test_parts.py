"""Values in parts: what splitting a text says is what evaluating it would, and what is no literal has parts too."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.frontends.dap.variables import WIDTH, References, cut
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.parts import LONGEST, part, replaced, split, type_of
from neuralpdb.trace.stack import Activation

SCALARS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), st.text(), st.binary()
)
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.tuples(inner), st.dictionaries(KEYS, inner), st.sets(KEYS)
    ),
    max_leaves=12,
)


def children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple | set) else []


@given(VALUES)
def test_the_parts_of_a_literal_are_those_of_its_value(value: Any) -> None:
    text = repr(value)
    found = split(text)
    assert [ast.literal_eval(each.text) for each in found.parts] == children(value)
    assert all(text[each.start :].startswith(each.text) for each in found.parts)
    assert type_of(text) == type(value).__name__


@given(VALUES)
def test_an_expression_leads_to_each_part(value: Any) -> None:
    for each, child in zip(split(repr(value)).parts, children(value), strict=True):
        if isinstance(value, set):
            assert each.access == ""
        else:
            assert eval(f"value{each.access}") == child


@given(VALUES, st.data())
def test_a_part_is_replaced_where_it_is_and_nowhere_else(value: Any, data: st.DataObject) -> None:
    text, path = repr(value), []
    inner = text
    while parts := split(inner).parts:
        path.append(data.draw(st.integers(0, len(parts) - 1)))
        inner = parts[path[-1]].text
    changed = replaced(text, path, "'new'")
    assert changed is not None
    assert part(changed, path) == "'new'" and part(text, path) == inner
    assert replaced(changed, path, inner) == text


@given(st.text(alphabet="[](){}<>,:='\"\\ab1 \n"))
def test_no_text_is_too_odd(text: str) -> None:
    for each in split(text).parts:
        assert text[each.start : each.start + len(each.text)] == each.text != ""
    assert isinstance(type_of(text), str)


@pytest.mark.parametrize(
    ("text", "names", "texts"),
    [
        ("Point(x=1, y=[2, 3])", ["x", "y"], ["1", "[2, 3]"]),
        ("Point(1, 'a,b')", ["0", "1"], ["1", "'a,b'"]),
        ("a.b.Point(x=Point(x=1))", ["x"], ["Point(x=1)"]),
        ("[<Dog object>, <function f.<locals>.<lambda>>, 3]", ["0", "1", "2"], None),
        ("{'a': <Dog 'x, y'>, 'b': 1 < 2}", ["'a'", "'b'"], ["<Dog 'x, y'>", "1 < 2"]),
        ("deque([1, 2], maxlen=3)", ["0", "1"], ["1", "2"]),
        ("defaultdict(<class 'list'>, {'a': [1]})", ["'a'"], ["[1]"]),
        ("Counter({'a': 2})", ["'a'"], ["2"]),
        ("frozenset({1, 2})", ["0", "1"], ["1", "2"]),
        ("dict_values([1, 2])", ["0", "1"], ["1", "2"]),
        ("array('d', [1.0, 2.0])", ["0", "1"], ["1.0", "2.0"]),
        ("OrderedDict({'a': 1})", ["'a'"], ["1"]),
    ],
)
def test_what_is_no_literal_has_parts_too(text: str, names: list[str], texts: list[str] | None) -> None:
    found = split(text).parts
    assert [each.name for each in found] == names
    if texts is not None:
        assert [each.text for each in found] == texts


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "'[1, 2]'",
            "(1+2j)",
            "[]",
            "()",
            "set()",
            "Point()",
            "<Dog object>",
            "[1, 2",
            "[1)",
            "[1, , 2]",
            "f(1",
        ),
        *(
            "{1: 2, 3}",
            "['a]",
            "[" * 1000,
            "[" + "'\\" * 50_000,
            "[" + "<" * 1000 + "]",
            "(1)",
            "[1] + [2]",
            "f(1)(2)",
            "{:}",
            "P(x=)",
        ),
    ],
)
def test_what_does_not_balance_or_has_no_parts_has_none(text: str) -> None:
    assert split(text).parts == ()


def test_a_text_that_is_too_long_has_no_parts() -> None:
    assert len(split(f"[{'1, ' * 10}1]").parts) == 11
    assert split(f"[{'1, ' * LONGEST}1]").parts == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Point(x=1)", "Point"),
        ("<__main__.Dog object at 0x1>", "Dog"),
        ("{1: 2}", "dict"),
        ("{1}", "set"),
        ("{}", "dict"),
    ],
)
def test_types_are_told_from_the_text(text: str, name: str) -> None:
    assert type_of(text) == name


def references(**state: str) -> tuple[References, int]:
    found = References()
    found.stop((Activation(None, Frame(Event.LINE, "f", 1, "x", state)),))
    return found, found.scope(0)


def test_a_value_that_is_cut_cannot_be_changed_but_by_its_parts() -> None:
    text = repr(list(range(WIDTH)))
    found, number = references(x=text)
    row = found.variables(number)[0]
    assert row["value"] == cut(text) and len(row["value"]) < len(text)
    assert "readOnly" in row["presentationHint"]["attributes"]
    assert found.variables(row["variablesReference"])[3]["value"] == "3"
    assert "presentationHint" not in found.variables(row["variablesReference"])[3]


def test_deep_values_open_level_by_level_and_not_for_ever() -> None:
    depth = 150
    found, number = references(x="[" * depth + "1" + "]" * depth)
    levels = 0
    while number:
        number = found.variables(number)[0]["variablesReference"]
        levels += 1
    assert 100 <= levels < depth
