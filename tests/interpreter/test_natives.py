"""Every native that programs may call: what it gives is told as it is, and nothing is told of it over unknowns."""

from __future__ import annotations

from itertools import product

import pytest
from agreement import compare
from natives import HEAD, OTHERS, Case, cases, works

from neuralpdb.interpreter.interpretation import Bounds, End, interpret
from neuralpdb.trace.frames import VALUE

PARTS = 16
"""The cases are tested in so many parts."""
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def part(number: int) -> tuple[Case, ...]:
    return cases()[number::PARTS]


UNKNOWNS = ("random.random()", "uuid.getnode()", "os.getcwd()")
"""A float, an int and a text that are not known; making them assumes nothing."""


def program(case: Case, call: str, unknown: str = "None") -> str:
    imports = f"import {case.module()}\n" if case.module() else ""
    return f"{HEAD}import os, random, uuid\n{imports}def main():\n    u = {unknown}\n    x = {call}\n    return x\n"


def test_most_of_the_register_has_a_case() -> None:
    assert len({case.callee for case in cases()}) > 500


@pytest.mark.parametrize("number", range(PARTS))
def test_what_a_native_gives_is_told_as_it_is(number: int) -> None:
    wrong = {}
    for case in part(number):
        if difference := compare(program(case, case.text())).wrong:
            wrong[case.text()] = difference
    assert wrong == {}


@pytest.mark.parametrize("number", range(PARTS))
def test_an_unknown_argument_of_a_native_never_leads_to_an_answer(number: int) -> None:
    answered = {}
    for case in part(number):
        for position, unknown in product(range(len(case.arguments)), UNKNOWNS):
            call = case.text(position, "u")
            text = program(case, call, unknown)
            frames, outcome = interpret(text, filename="<p>", entry_function="main", bounds=Bounds(operations=100_000))
            last = frames[-1]
            told = VALUE not in last.unknown and not last.assuming and last.frame.event == "return"
            if outcome.end is End.FAULT or (told and matters(case, position)):
                answered[call] = outcome.why or last.frame.value
    assert answered == {}


def matters(case: Case, position: int) -> bool:
    """Whether the value of an argument matters, by what other values give."""
    given = {works(case.text(position, other)) for other in (case.arguments[position], *OTHERS)}
    return len(given) > 1 or None in given
