"""Which line events can follow which, read from the bytecode: for each kind of statement, and no wider than needed."""

from __future__ import annotations

import textwrap

import pytest

from neuralpdb.program.flow import Code, Successors
from neuralpdb.program.program import Program


def going(after: Successors) -> tuple[set[int], bool]:
    """Lines that can be next, and whether an exception can leave in silence."""
    return set(after.lines), after.escapes


def function(text: str, name: str = "f") -> Code:
    program = Program.parse(textwrap.dedent(text), "p.py")
    return next(code for code in program.codes if code.name == name)


def arrows(code: Code) -> dict[int, set[int]]:
    """line -> lines that can be next; 0 stands for a return or a yield."""
    found = {line: code.after(line) for line in sorted(code.lines)}
    return {line: set(after.lines) | ({0} if after.leaves else set()) for line, after in found.items()}


STATEMENTS: dict[str, tuple[str, dict[int, set[int]]]] = {
    "assignments": ("def f(a):\n    b = a\n    return b\n", {2: {3}, 3: {0}}),
    "the end of a function": ("def f(a):\n    b = a\n    c = b\n", {2: {3}, 3: {0}}),
    "if": ("def f(a):\n    if a:\n        a = 1\n    return a\n", {2: {3, 4}, 3: {4}, 4: {0}}),
    "if else": (
        "def f(a):\n  if a:\n    a = 1\n  elif a is None:\n    a = 2\n  else:\n    a = 3\n  return a\n",
        {2: {3, 4}, 3: {8}, 4: {5, 7}, 5: {8}, 7: {8}, 8: {0}},
    ),
    "if at the end": ("def f(a):\n    if a:\n        a = 1\n", {2: {3, 0}, 3: {0}}),
    "if on one line": ("def f(a):\n    if a: a = 1\n    return a\n", {2: {3}, 3: {0}}),
    "while": ("def f(a):\n    while a:\n        a = a - 1\n    return a\n", {2: {3, 4}, 3: {2}, 4: {0}}),
    "while on one line": ("def f(a):\n    while a: a -= 1\n    return a\n", {2: {2, 3}, 3: {0}}),
    "while true": (
        "def f(a):\n    while True:\n        if a:\n            break\n        a = 1\n    return a\n",
        {2: {3}, 3: {4, 5}, 4: {6}, 5: {2}, 6: {0}},
    ),
    "for": ("def f(a):\n    for b in a:\n        c = b\n    return c\n", {2: {3, 4}, 3: {2}, 4: {0}}),
    "for else": (
        "def f(a):\n    for b in a:\n        if b:\n            break\n    else:\n        b = 0\n    return b\n",
        {2: {3, 6}, 3: {2, 4}, 4: {7}, 6: {7}, 7: {0}},
    ),
    "continue": (
        "def f(a):\n    for b in a:\n        if b:\n            continue\n        a = b\n    return a\n",
        {2: {3, 6}, 3: {4, 5}, 4: {2}, 5: {2}, 6: {0}},
    ),
    "raise": ("def f(a):\n    raise a\n    return 1\n", {2: set()}),
    "assert": ("def f(a):\n    assert a\n    return 1\n", {2: {3}, 3: {0}}),
    "pass": ("def f(a):\n    pass\n    return 1\n", {2: {3}, 3: {0}}),
    "nested def": ("def f(a):\n    def g():\n        return a\n    return g\n", {2: {4}, 4: {0}}),
    "yield": ("def f(a):\n    yield a\n    return 1\n", {2: {3, 0}, 3: {0}}),
    "conditional expression": ("def f(a):\n    b = 1 if a else 2\n    return b\n", {2: {3}, 3: {0}}),
    "a call over two lines": ("def f(a):\n    b = a(\n        a)\n    return b\n", {2: {3, 4}, 3: {2}, 4: {0}}),
    "try": (
        "def f(a):\n  try:\n    a()\n  except KeyError:\n    a = 1\n  else:\n    a = 2\n  return a\n",
        {2: {3}, 3: {7}, 4: {5}, 5: {8}, 7: {8}, 8: {0}},
    ),
    "a constant condition": ("def f(a):\n    if 0:\n        a = 1\n    return a\n", {2: {4}, 4: {0}}),
}


@pytest.mark.parametrize(("text", "expected"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_line_is_followed_by_exactly_the_lines_that_can_be_next(text: str, expected: dict[int, set[int]]) -> None:
    assert arrows(function(text)) == expected


def test_a_with_statement_comes_back_to_its_line() -> None:
    code = function("def f(a):\n    with a:\n        a = 1\n    return a\n")
    assert 2 in code.after(3).lines
    assert code.after(2).lines == {3, 4}
    assert code.caught(3).lines == {2}


def test_a_finally_block_follows_the_return_it_delays() -> None:
    code = function("def f(a):\n    try:\n        return a()\n    finally:\n        a = 1\n")
    assert code.after(3).lines == {5}
    assert not code.after(3).leaves
    assert code.after(5).lines <= {3}
    assert code.caught(3).lines == {5}
    assert (code.caught(3).escapes, code.after(5).escapes) == (False, True)


def test_match_tries_its_cases_from_top_to_bottom() -> None:
    code = function("""\
        def f(a):
            match a:
                case 1:
                    return "one"
                case [b, *_]:
                    return b
            return None
        """)
    assert arrows(code) == {2: {3}, 3: {4, 5}, 4: {0}, 5: {6, 7}, 6: {0}, 7: {0}}


def test_module_level_code_leaves_at_its_last_line_only() -> None:
    code = Program.parse("x = 1\nif x:\n    y = x\n", "p.py").code
    assert arrows(code) == {1: {2}, 2: {3, 0}, 3: {0}}


def test_a_call_starts_at_the_first_line_of_the_body() -> None:
    assert function('def f(a):\n    """Doc."""\n    b = 1\n    return b\n').starts == {3}
    assert function("def f(a): return a\n").starts == {1}
    assert function("def f(a):\n    yield a\n").starts == {2}
    assert function("f = (\n    lambda:\n        1)\n", "<lambda>").starts == {3}


def test_a_def_line_is_no_line_of_its_function() -> None:
    assert function("def f(a):\n    return a\n").lines == {2}
    assert function("def f():\n    a = 1\n    return lambda: a\n").lines == {2, 3}


# --- exceptions -------------------------------------------------------------------------------------------------------

HANDLED = """\
def f(a):
    try:
        a()
    except KeyError:
        a = 1
    except ValueError as e:
        a = e
    return a
"""


def test_an_exception_goes_to_the_handler_around_its_line() -> None:
    code = function(HANDLED)
    assert going(code.caught(3)) == ({4}, False)
    assert not code.caught(3).leaves


def test_an_exception_outside_every_handler_leaves() -> None:
    assert going(function(HANDLED).caught(8)) == (set(), True)


def test_a_handler_that_does_not_match_passes_the_exception_on() -> None:
    code = function(HANDLED)
    assert going(code.after(4)) == ({5, 6}, False)
    assert going(code.after(6)) == ({7}, True)


def test_an_exception_passed_on_finds_the_handler_further_out() -> None:
    code = function("""\
        def f(a):
            try:
                try:
                    a()
                except KeyError:
                    raise
            except ValueError:
                a = 1
            return a
        """)
    assert code.caught(4).lines == {5}
    assert going(code.after(5)) == ({6, 7}, False)
    assert 7 in code.after(6).lines
    assert going(code.after(7)) == ({8}, True)


def test_a_for_line_may_swallow_the_exception_that_ends_it() -> None:
    assert function("def f(a):\n    for b in a:\n        c = b\n    return c\n").caught(2).lines == {3, 4}


def test_a_handler_on_the_raising_line_goes_on_from_there() -> None:
    code = function("def f(a):\n    with a: a()\n    return a\n")
    assert 3 in code.caught(2).lines
    assert code.caught(2).calls
    assert (code.after(2).escapes, code.caught(2).escapes) == (False, True)


# --- what a line can do besides ---------------------------------------------------------------------------------------


def test_only_lines_that_run_code_can_call_and_only_those_that_can_fail_raise() -> None:
    code = function("""\
        def f(a):
            b = 1
            b = a + 1
            b = a.c
            a()
            if b:
                raise a
            pass
        """)
    assert {line for line in code.lines if code.after(line).calls} == {3, 4, 5, 6}
    assert {line for line in code.lines if code.after(line).raises} == {3, 4, 5, 6, 7}


def test_an_unbound_name_can_fail_at_module_level() -> None:
    after = Program.parse("x = y\n", "p.py").code.after(1)
    assert (after.raises, after.calls) == (True, False)


def test_after_an_unknown_line_everything_can_follow() -> None:
    code = function("def f(a):\n    b = a\n    return b\n")
    for after in (code.after(99), code.caught(99)):
        assert after.lines == {2, 3}
        assert after.leaves and after.calls and after.raises and after.escapes


def test_a_comprehension_belongs_to_the_line_it_starts_on() -> None:
    code = function("""\
        def f(a):
            b = [
                c
                for c in a
                if c
            ]
            return b
        """)
    assert code.starts == {2}
    assert code.after(2).lines == {4, 7}
    assert code.after(4).lines == {2}
    assert code.lines == {2, 4, 7}


def test_a_generator_can_be_entered_again_at_each_yield() -> None:
    code = function("def f(a):\n    yield a\n    b = yield\n    yield from b\n    return 1\n")
    assert code.suspends
    assert code.yields == {2, 3, 4}
    assert not function("def f(a):\n    return 1\n").suspends


def test_parameters_come_in_the_order_of_the_locals() -> None:
    assert function("def f(a, /, b, *c, d, e=1, **g):\n    h = 1\n").parameters == ("a", "b", "d", "e", "c", "g")
