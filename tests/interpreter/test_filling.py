"""An unknown that is filled in: everything that holds it learns its value."""

from __future__ import annotations

from typing import Any

from neuralpdb.interpreter.objects.filling import fill, from_text
from neuralpdb.interpreter.objects.values import Cell, Unknown


def test_a_list_a_dict_and_a_cell_learn_the_value() -> None:
    unknown = Unknown("test")
    inner: list[Any] = [1, unknown]
    holder: dict[str, Any] = {"a": inner, "b": unknown}
    cell = Cell(unknown)
    fill(unknown, 5)
    assert (inner, holder["b"], cell.value) == ([1, 5], 5, 5)


def test_a_tuple_is_made_anew_where_it_is_held() -> None:
    unknown = Unknown("test")
    holder: list[Any] = [(0, (unknown, 1)), 2]
    fill(unknown, 5)
    assert holder == [(0, (5, 1)), 2]


def test_aliases_stay_aliases() -> None:
    unknown = Unknown("test")
    shared: list[Any] = [unknown]
    a, b = {"x": shared}, {"y": shared}
    fill(unknown, "v")
    assert a["x"] is b["y"]
    assert shared == ["v"]


def test_a_literal_becomes_a_real_value_and_another_text_stays_opaque() -> None:
    assert from_text("[1, 'a']") == [1, "a"]
    value = from_text("<Robot object>")
    assert value.text == "<Robot object>"
