"""Facts of a syntax tree: what Python's own symbol table says, and one reading of a large program for all of them."""

from __future__ import annotations

import ast
import random
import symtable
from pathlib import Path

import pytest
from places import ROOT

from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.program.syntax import bound_at_top
from neuralpdb.program.transitions import moves_after
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import stack_of
from neuralpdb.train.programs.generate import generate_script

SOURCES = sorted([*(ROOT / "tests" / "programs").glob("*.py"), *(ROOT / "neuralpdb").rglob("*.py")])


def symbols(text: str) -> set[str]:
    table = symtable.symtable(text, "p.py", "exec")
    return {each.get_name() for each in table.get_symbols() if each.is_assigned() or each.is_imported()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_names_that_a_module_binds_are_those_of_its_symbol_table(path: Path) -> None:
    text = path.read_text()
    assert bound_at_top(ast.parse(text)) == symbols(text)


def test_the_names_that_synthetic_scripts_bind_are_those_of_their_symbol_tables() -> None:
    rng = random.Random(1)
    for _ in range(100):
        text = generate_script(rng).source
        assert bound_at_top(ast.parse(text)) == symbols(text)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("from os import *", {"*"}),
        ("import a.b, c as d", {"a", "d"}),
        ("x = [y for y in z if (w := y)]", {"x", "w"}),
        ("def f(a=(b := 1)):\n    global g\n    g = c = 1", {"f", "b"}),
        ("x = lambda a: (b := a)", {"x"}),
        ("class C(D):\n    e = 1", {"C"}),
        ("match x:\n    case [a, *b] | {'k': a, **b}: pass\n    case C(c) as d: pass", {"a", "b", "c", "d"}),
        ("try: pass\nexcept E as e: pass", {"e"}),
        ("for (i, *j), k[0] in x: pass\nwith y as (m, n): pass\ndel o", {"i", "j", "m", "n", "o"}),
    ],
)
def test_whatever_binds_a_name_is_seen(text: str, bound: set[str]) -> None:
    assert bound_at_top(ast.parse(text)) == bound


# -- large programs -------------------------------------------------------------------------------------------

MANY = "".join(f"def f{i}(a):\n    return a + {i}\n" for i in range(3000)) + "x = f7(1)\ny = x.real()\n"


def read(program: Program) -> int:
    """How many of the program's code objects were taken apart."""
    return sum("_graph" in code.__dict__ for code in program.code.walk())


def test_to_enter_a_large_program_and_to_step_takes_only_the_code_apart_that_runs() -> None:
    entry = enter(Program.parse(MANY, "p.py"))
    assert entry.first is not None
    assert moves_after(entry.program, stack_of([entry.first]), entry.first).at(entry.program, Event.CALL, "def f7(a):")
    assert read(entry.program) <= 2


def test_a_line_that_may_call_anything_lists_none_of_it_until_it_is_asked_for() -> None:
    program = Program.parse(MANY, "p.py")
    frame = Frame(Event.LINE, "<module>", 6002, program.line(6002), {"x": "8"})
    moves = moves_after(program, stack_of([frame]), frame)
    assert len(moves.few) < 5
    assert len(moves.options) > 3000
    assert len(moves.at(program, Event.CALL, "def f9(a):")) == 1
    assert moves.at(program, Event.CALL, "def f9(b):") == ()
    assert set(moves.of(Event.CALL)) | set(moves.few) == set(moves.options)


def test_a_program_without_a_marker_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = compile

    def counted(source: str, *args: object, **options: object) -> object:
        compiled.append(source)
        return real(source, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.compile", counted)
    program = Program.parse("x = 1\ny = 2\n", "p.py")
    assert program.code.name == "<module>"
    assert len(compiled) == 1
