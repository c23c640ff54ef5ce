"""Evaluation in a session: what expressions and statements give there, and what is said of the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from frame_sources import SUMS, Computing, Sums, entry_of, recorded

from neuralpdb.debugger.evaluation import Evaluator, settled
from neuralpdb.debugger.session import Session
from neuralpdb.errors import UsageError
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.evaluation import Evaluated
from neuralpdb.trace.frames import Event, Frame, Origin
from neuralpdb.trace.values import EvaluationError

SHOP = """\
RATE = 3
LOG = []


class Item:
    def __init__(self, name, quantity):
        self.name = name
        self.quantity = quantity

    @property
    def price(self):
        return self.quantity * RATE

    def rename(self, name):
        LOG.append(name)
        self.name = name


def total(items):
    found = 0
    for item in items:
        found += item.price
    return found


def main():
    nail, bolt = Item("nail", 2), Item("bolt", 5)
    items = [nail, bolt]
    first = total(items)
    nail.quantity += 1
    second = total(items)
    return first, second


main()
"""


@contextmanager
def computed(text: str = SHOP, **given: Any) -> Iterator[Session]:
    entry = entry_of(text, **given)
    source = Computing(entry)
    session = Session(entry, source, views=source.histories)
    session.start()
    yield session
    source.histories.close()


def at_line(session: Session, line: int) -> Session:
    session.breakpoints.set(line, temporary=True)
    session.proceed()
    assert session.frame is not None and session.frame.line == line
    return session


def value(session: Session, expression: str, caller: int = 0) -> str:
    return session.evaluator.value(expression, session.history, session.stack[-1 - caller])


def why(session: Session, expression: str) -> str:
    with pytest.raises(EvaluationError) as error:
        session.evaluator.look(expression, session.history)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    return str(error.value)


# -- expressions ----------------------------------------------------------------------------------------------


def test_functions_methods_and_properties_of_the_program_are_called_and_change_nothing() -> None:
    with computed() as session:
        at_line(session, 31)
        before = session.history
        assert value(session, "total(items)") == "24" == value(session, "sum(each.price for each in items)")
        assert value(session, "nail.rename('x') or (nail.name, LOG)") == "('x', ['x'])"
        assert value(session, "(nail.name, LOG, RATE)") == "('nail', [], 3)"
        assert value(session, "f'{bolt.price:>5}'") == "'   15'"
        assert value(session, "__import__('math').floor(2.5)") == "2"
        assert session.history == before and all(a is b for a, b in zip(before, session.history, strict=True))


def test_a_caller_has_its_own_names() -> None:
    with computed() as session:
        at_line(session, 22)
        assert value(session, "item.name") == "'nail'" and value(session, "found") == "0"
        assert value(session, "nail.quantity", caller=1) == "2"
        assert value(session, "sorted(locals())", caller=1) == "['bolt', 'items', 'nail']"
        with pytest.raises(EvaluationError, match=r"name 'found' is not defined here"):
            value(session, "found", caller=1)


def test_what_is_printed_is_told_also_before_a_mistake() -> None:
    with computed() as session:
        at_line(session, 31)
        found = session.evaluator.look("print('a', RATE)", session.history)
        assert (found.text, found.output) == ("None", "a 3\n")
        with pytest.raises(EvaluationError) as error:
            session.evaluator.look("[print(1), 1 / 0]", session.history)
        assert error.value.output == "1\n" and not error.value.is_unknown


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1/0", "cannot evaluate 1/0: ZeroDivisionError: division by zero"),
        ("nothing", "name 'nothing' is not defined here (see: vars)"),
        ("len(nothing)", "name 'nothing' is not defined here (see: vars)"),
        ("nail.nope", "cannot evaluate nail.nope: AttributeError: 'Item' object has no attribute 'nope'"),
        ("open('x')", "cannot evaluate open('x'): open() reads a file"),
        ("input()", "cannot evaluate input(): input() is known only when it runs"),
        ("nail nail", "cannot parse nail nail: invalid syntax"),
        ("x = 1", "cannot parse x = 1: "),
        ("(yield)", "'yield' outside function"),
        ("", "cannot parse : "),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(expression: str, said: str) -> None:
    with computed() as session:
        at_line(session, 31)
        assert said in why(session, expression)


def test_a_bare_name_is_its_text_whatever_that_spells_and_needs_no_interpreter() -> None:
    class Nothing:
        def evaluate(self, *_: object) -> Evaluated:
            raise AssertionError

        execute = children = evaluate

    entry = entry_of("def f(dog):\n    return dog\n", at=2)
    evaluator = Evaluator(entry, Nothing())  # type: ignore[arg-type]
    frame = Frame(Event.LINE, "f", 2, "    return dog", {"dog": "<Robot ✂>"})
    assert evaluator.value(" dog ", [frame]) == "<Robot ✂>"


def test_a_part_of_a_text_that_nobody_knows_more_of_is_that_text() -> None:
    session = Session(entry_of("def f(x):\n    return x\n", at=2, state=["x=1"]), Sums())
    session.start()
    session.put("x", "[<Robot 7>, Point(x=1)]")
    assert value(session, "x[0]") == "<Robot 7>" and value(session, "x[1].x") == "1"
    assert "is not known" in why(session, "x[0].name") or "<Robot 7>" in why(session, "x[0].name")


# -- statements -----------------------------------------------------------------------------------------------


def test_a_changed_attribute_is_what_the_program_goes_on_with_and_back_undoes_it() -> None:
    with computed() as session:
        at_line(session, 31)
        before, index = session.history, session.index
        session.edit("nail.quantity = 100")
        assert session.frame is not None and session.frame.origin is Origin.EDITED
        session.next()
        assert session.frame.locals["second"] == "315"
        session.back(session.index - index + 1)
        assert session.history == before
        assert value(session, "nail.quantity") == "3"
        session.next()
        assert session.frame.locals["second"] == "24"


def test_several_statements_are_one_edit_with_one_output() -> None:
    with computed() as session:
        at_line(session, 31)
        index = session.index
        stop = session.edit("for each in items:\n    each.rename(each.name.upper())\n    print(each.name)\nlen(LOG)")
        assert (stop.output, stop.value, session.index) == ("NAIL\nBOLT\n", "2", index)
        session.edit("import math\nhalf = lambda x: math.floor(x / 2)")
        assert value(session, "half(7) + len(LOG)") == "5"
        assert value(session, "[half(each.quantity) for each in items]") == "[1, 2]"
        session.back(2)
        assert value(session, "LOG") == "[]" and "half" not in session.history[-1].locals


@pytest.mark.parametrize(
    "statement", ["nail.quantity = 1 / 0", "nail.quantity = input()", "items[9] = 1", "del nothing", "x = ", "", "#"]
)
def test_a_statement_that_fails_changes_nothing(statement: str) -> None:
    with computed() as session:
        at_line(session, 31)
        before = session.history
        with pytest.raises(UsageError) as error:
            session.edit(statement)
        assert "\n" not in str(error.value)
        assert session.history == before


STATE = {
    "n": "3",
    "s": "'ab'",
    "L": "[1, 2]",
    "d": "{'a': [1], 'b': (2, 3)}",
    "far": "[0, inf, -inf]",
    "dog": "<Dog object>",
}


@pytest.fixture(scope="module")
def texts() -> Iterator[Session]:
    """A session of which no more than texts is known."""
    session = Session(entry_of(f"def f({', '.join(STATE)}):\n    return n\n", at=2, state=["n=3"]), Sums())
    session.start()
    session.adopt([session.history[0].replace(locals=STATE)], 0)
    yield session
    session.close()


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        ("n = 4", {"n": "4"}),
        ("new = n + 1", {"new": "4"}),
        ("n += 2", {"n": "5"}),
        ("s *= 2", {"s": "'abab'"}),
        ("L += [3]", {"L": "[1, 2, 3]"}),
        ("L[0] = n", {"L": "[3, 2]"}),
        ("L[:1] = [7, 8]", {"L": "[7, 8, 2]"}),
        ("L.append(L.pop(0))", {"L": "[2, 1]"}),
        ("d['a'][0] = 5", {"d": "{'a': [5], 'b': (2, 3)}"}),
        ("d['c'] = {}", {"d": "{'a': [1], 'b': (2, 3), 'c': {}}"}),
        ("d['a'] += [2]", {"d": "{'a': [1, 2], 'b': (2, 3)}"}),
        ("x = y = 1", {"x": "1", "y": "1"}),
        ("n: int = 7", {"n": "7"}),
        ("n, s = s, n", {"n": "'ab'", "s": "3"}),
        ("n = dog", {"n": "<Dog object>"}),
        ("far[0] = 1", {"far": "[1, inf, -inf]"}),
        ("del n", {"n": None}),
        ("del n, s", {"n": None, "s": None}),
        ("del dog", {"dog": None}),
        ("  n = 1  ", {"n": "1"}),
    ],
)
def test_an_assignment_changes_what_it_names_and_nothing_else(
    texts: Session, statement: str, changes: dict[str, str | None]
) -> None:
    texts.edit(statement)
    try:
        assert texts.frame is not None
        expected = {name: text for name, text in {**STATE, **changes}.items() if text is not None}
        assert dict(texts.frame.locals) == expected
    finally:
        texts.back()
    assert dict(texts.history[0].locals) == STATE


# -- limits ---------------------------------------------------------------------------------------------------

BOMBS = [
    "'a' * 10**10",
    "[0] * 10**12",
    "10**10**8",
    "[1 for _ in iter(int, 1)]",
    "(lambda f: f(f))(lambda f: f(f))",
    "[[*range(2000)] for _ in range(10**7)]",
    "(" * 5000 + ")" * 5000,
    "'-' * 3 + " * 3000 + "''",
]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_bomb_ends_within_limits_with_one_line_and_the_session_goes_on() -> None:
    with computed() as session:
        at_line(session, 31)
        for bomb in BOMBS:
            try:
                assert session.evaluator.value(bomb, session.history)
            except EvaluationError as error:
                assert "\n" not in str(error)
            with pytest.raises(EvaluationError):
                session.edit(f"nail.quantity = {bomb} / 0")
            assert value(session, "total(items)") == "24"
        session.next()
        assert session.history[-1].locals["second"] == "24"


def test_a_process_that_was_killed_is_one_line_at_most_and_another_one_goes_on() -> None:
    with computed() as session:
        at_line(session, 31)
        for _ in range(3):
            process = session.source.histories._process  # type: ignore[attr-defined]
            os.kill(process._child.process.pid, signal.SIGKILL)
            try:
                assert value(session, "total(items)") == "24"
            except EvaluationError as error:
                assert "\n" not in str(error)
            assert value(session, "total(items)") == "24"
        session.edit("nail.quantity = 0")
        session.next()
        assert session.history[-1].locals["second"] == "15"


def test_a_session_that_is_given_no_interpreter_starts_one_and_ends_it() -> None:
    entry = entry_of(SUMS)
    session = Session(entry, recorded(entry))
    session.start()
    session.step(4)
    assert session.evaluator._end is None
    assert value(session, "total + 1") == "1"
    own = session.evaluator._own
    assert isinstance(own, ComputedHistories)
    session.close()
    assert own.evaluate(session.history, "1").why == "the interpreter is closed"
    assert value(session, "total + 2") == "2"
    session.close()


# -- breakpoints ----------------------------------------------------------------------------------------------


def test_conditions_and_watched_expressions_call_the_program() -> None:
    with computed() as session:
        session.breakpoints.set(22, condition="item.price > 10")
        stop = session.proceed()
        assert stop.message == "breakpoint 1" and value(session, "item.name") == "'bolt'"
        session.breakpoints.clear(session.breakpoints.find(1))
        session.breakpoints.watch("RATE * sum(each.quantity for each in items)", function="main")
        stop = session.proceed()
        assert stop.message.endswith(": 21 -> 24") and session.history[-1].line == 31


BEHIND = """\
class A:
    x = 1

def f(a):
    a.x = 5

def main():
    a = A()
    f(a)
    return a

main()
"""


def test_a_watched_attribute_that_a_call_changes_stops_behind_the_call() -> None:
    with computed(BEHIND) as session:
        session.breakpoints.watch("a.x", function="main")
        session.proceed()
        stop = session.proceed()
        assert stop.message == "watchpoint 1: a.x: 1 -> 5" and session.history[-1].line == 10


def test_find_looks_at_attributes() -> None:
    with computed() as session:
        stop = session.find("item.name == 'bolt' and found")
        assert stop.message.startswith("found at step") and value(session, "found") == "6"
        stop = session.find("item.name == 'screw'")
        assert stop.message.endswith("not found")


def test_what_a_log_message_says_is_evaluated() -> None:
    with computed() as session:
        point = session.breakpoints.set(22)
        point.log = "{item.name} costs {item.price}, {nothing}"
        said: list[str] = []
        session.breakpoints.logged = lambda _, text: said.append(text)
        session.proceed()
        assert said[0] == "nail costs 6, {nothing: name 'nothing' is not defined here}".replace("nail", "'nail'")
        assert len(said) == 4


# -- the start ------------------------------------------------------------------------------------------------


def test_a_session_starts_with_objects_that_expressions_make() -> None:
    entry = settled(entry_of(SHOP, at=22, state=["found=4", "item=Item('screw', 2)", "items=[Item('nut', 1)] * 2"]))
    assert entry.first is not None and list(entry.first.locals) == ["items", "found", "item"]
    session = Session(entry, Computing(entry))
    session.start()
    assert value(session, "item.name, item.price, found") == "('screw', 6, 4)"
    session.next()
    assert value(session, "found") == "10"
    session.reset()
    assert value(session, "item.rename('x') or item.name") == "'x'"
    session.close()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("item=Item()", "--set item: cannot run item = Item(): TypeError: "),
        ("item=Thing(1)", "--set item: name 'Thing' is not defined here"),
        ("item=input()", "--set item: cannot run item = input(): input() is known only when it runs"),
    ],
)
def test_a_start_that_cannot_be_made_is_refused(state: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        settled(entry_of(SHOP, at=22, state=[state]))
    assert str(error.value).startswith(said)
