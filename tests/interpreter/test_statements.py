"""What statements do to values, told without running them: each kind of statement, and what is left unknown."""

from __future__ import annotations

import ast

import pytest

from neuralpdb.interpreter.rules.failures import failure, failure_of, raised
from neuralpdb.interpreter.rules.scope import Scope, Unknown, items_of, plain, shown
from neuralpdb.interpreter.rules.statements import bind, carry_out

STATE: dict[str, str | None] = {
    "n": "3", "L": "[1, 2]", "d": "{'a': [1]}", "s": "'xy'", "o": "<__main__.C object>", "u": None,
    "c": "Counter({'a': 2})", "q": "deque([1, 2])", "e": "defaultdict(<class 'int'>, {})",
}  # fmt: skip


def scope() -> Scope:
    return Scope(dict(STATE), {"G": "7"})


def statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def changes(text: str) -> dict[str, str | None]:
    """What a statement changes of STATE; `del` gives "gone"."""
    found = scope()
    carry_out(statement(text), found)
    gone: dict[str, str | None] = dict.fromkeys(STATE.keys() - found.own.keys(), "gone")
    return {name: text for name, text in found.own.items() if name not in STATE or STATE[name] != text} | gone


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("x = n + G", {"x": "10"}),
        ("x = y = L", {"x": "[1, 2]", "y": "[1, 2]"}),
        ("x = o", {"x": "<__main__.C object>"}),
        ("x = f(n)", {"x": None}),
        ("x = u", {"x": None}),
        ("x: int = n", {"x": "3"}),
        ("x: int", {}),
        ("n += 1", {"n": "4"}),
        ("L += [3]", {"L": "[1, 2, 3]"}),
        ("u += 1", {}),
        ("L[0] = 9", {"L": "[9, 2]"}),
        ("L[9] = 9", {"L": None}),
        ("d['b'] = n", {"d": "{'a': [1], 'b': 3}"}),
        ("d['a'][0] += 5", {"d": "{'a': [6]}"}),
        ("o.x = 1", {}),
        ("a, b = L", {"a": "1", "b": "2"}),
        ("a, b = n, s", {"a": "3", "b": "'xy'"}),
        ("n, s = s, n", {"n": "'xy'", "s": "3"}),
        ("a, *b = s", {"a": "'x'", "b": "['y']"}),
        ("*a, b = L", {"a": "[1]", "b": "2"}),
        ("a, (b, *c) = n, (1, 2, 3)", {"a": "3", "b": "1", "c": "[2, 3]"}),
        ("a, *b, c, d2 = L", {"a": None, "b": None, "c": None, "d2": None}),
        ("a, b, c2 = L", {"a": None, "b": None, "c2": None}),
        ("a, b = f(n)", {"a": None, "b": None}),
        ("L.append(n)", {"L": "[1, 2, 3]"}),
        ("x = L.pop()", {"x": "2", "L": "[1]"}),
        ("d['a'].append(2)", {"d": "{'a': [1, 2]}"}),
        ("d.setdefault('z', []).append(1)", {"d": "{'a': [1], 'z': [1]}"}),
        ("L.sort(key=f)", {}),
        ("o.append(1)", {}),
        ("c.update('a')", {"c": "Counter({'a': 3})"}),
        ("q.popleft()", {"q": "deque([2])"}),
        ("e['k'] += 2", {"e": "defaultdict(<class 'int'>, {'k': 2})"}),
        ("x = Counter(s)", {"x": "Counter({'x': 1, 'y': 1})"}),
        ("del n", {"n": "gone"}),
        ("del L[0]", {"L": "[2]"}),
        ("del L[9], o.x", {}),
        ("if (m := n + 1) > 3: x = 9", {"m": "4"}),
        ("x = (m := n) + 1", {"m": "3", "x": "4"}),
        ("while (m := f(n)): n = 9", {"m": None}),
        ("with open(s) as (a, b): n = 9", {"a": None, "b": None}),
        ("def f(): n = 9", {"f": None}),
        ("class C: n = 9", {"C": None}),
        ("import os", {}),
        ("global n", {}),
        ("x = 10 ** 10 ** 10", {"x": None}),
        ("x = 'a' * 10 ** 12", {"x": None}),
        ("x = [0] * 3000", {"x": None}),
    ],
)
def test_a_statement_changes_what_it_says(text: str, changed: dict[str, str | None]) -> None:
    assert changes(text) == changed


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = n // 0", "ZeroDivisionError('integer division or modulo by zero')"),
        ("x = L[5]", "IndexError('list index out of range')"),
        ("x = f(L[5])", "IndexError('list index out of range')"),
        ("x = n and f(L[5])", None),
        ("if d['z']: pass", "KeyError('z')"),
        ("for i in d['z']: pass", "KeyError('z')"),
        ("a, b, c = L", "ValueError('not enough values to unpack (expected 3, got 2)')"),
        ("a, = L", "ValueError('too many values to unpack (expected 1)')"),
        ("a, *b = L", None),
        ("a, b = L", None),
        ("a, b = f(n)", None),
        ("x = int(s)", "ValueError(\"invalid literal for int() with base 10: 'xy'\")"),
        ("x = int('9' * 5000)", None),
        ("pass", None),
    ],
)
def test_a_failure_is_told_where_the_values_show_it(text: str, error: str | None) -> None:
    assert failure(statement(text), scope()) == error


def test_an_argument_that_fails_keeps_a_call_from_being_made() -> None:
    call = ast.parse("f(n, k=L[7])", mode="eval").body
    assert isinstance(call, ast.Call)
    assert failure_of(call, scope()) == "IndexError('list index out of range')"
    assert failure_of(ast.Call(call.func, call.args, []), scope()) is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise ValueError", "ValueError()"),
        ("raise ValueError(s, n)", "ValueError('xy', 3)"),
        ("raise ValueError(u)", None),
        ("raise o", "<__main__.C object>"),
        ("raise", None),
    ],
)
def test_what_is_raised_is_told_by_its_arguments(text: str, error: str | None) -> None:
    node = statement(text)
    assert isinstance(node, ast.Raise)
    assert raised(node.exc, scope()) == error


def test_items_that_are_objects_do_not_hide_the_others() -> None:
    assert items_of(ast.parse("(1, o, f(n), s)", mode="eval").body, scope()) == [
        "1",
        "<__main__.C object>",
        None,
        "'xy'",
    ]
    with pytest.raises(Unknown):
        items_of(ast.parse("f(n)", mode="eval").body, scope())
    with pytest.raises(Unknown):
        items_of(ast.parse("n", mode="eval").body, scope())


def test_what_was_read_once_is_not_changed_by_what_is_done_to_it() -> None:
    plain("[[1], 2]")[0].append(9)
    assert plain("[[1], 2]") == [[1], 2]


@pytest.mark.parametrize("text", ["<C object>", "[...]", "[1, 2", "9" * 5000, "(" * 300, "deque(1)", "", None])
def test_a_text_that_is_no_plain_value_is_unknown(text: str | None) -> None:
    with pytest.raises(Unknown):
        plain(text)


def test_a_value_that_is_too_long_for_a_guess_is_not_shown() -> None:
    with pytest.raises(Unknown):
        shown([0] * 3000)
    with pytest.raises(Unknown):
        shown("a" * 3000)


def test_binding_to_what_is_no_variable_changes_nothing() -> None:
    found = scope()
    bind(ast.parse("o.x", mode="eval").body, "1", found)
    bind(ast.parse("f(n)[0]", mode="eval").body, "1", found)
    assert found.own == STATE
