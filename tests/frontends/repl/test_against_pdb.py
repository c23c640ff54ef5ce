"""Python's own pdb and neuralpdb over the same program: the same stops, and the same words but for what is named."""

from __future__ import annotations

import pdb
import random
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import pytest
import real_pdb
from places import ROOT

import neuralpdb.frontends.repl.commands  # noqa: F401 - fills the command table
from neuralpdb.frontends.repl.table import EDIT, commands, find

DOCS = (ROOT / "docs" / "pdb.md").read_text("utf-8")

SESSIONS: dict[str, tuple[str, str]] = {
    "step": ("strawberry", "s; s; s; s; s; s; s; s; s; s; s; s; s"),
    "next": ("strawberry", "n; s; n; n; n; n; n; n"),
    "next out of a function": ("recursion", "s; s; s; s; s; n; n; n; n; n; n; n; n; n; n"),
    "until": ("strawberry", "s; s; n; s; n; n; until; until; until; until; until 13; until 5; until x; until; until"),
    "until a line behind the loop": ("strawberry", "s; s; n; s; n; n; until 13; until 20"),
    "return": ("strawberry", "s; s; n; s; n; return; return; return"),
    "return out of a recursion": ("recursion", "s; s; s; s; s; s; return; return; return; return; return; return"),
    "continue": ("strawberry", "b 12; c; c; c; c"),
    "break at lines": ("strawberry", "b 12; b 5; b; c; c; b; b 12; c; b"),
    "break at FILE:LINE": ("strawberry", "b strawberry.py:12; b strawberry:20; b nothing.py:3; b nobody; b 2; c; c; c"),
    "break with a condition": ("strawberry", "b 5, letter == 'r'; b 12, total > 0; b; c; args; c; c; b; c"),
    "a condition that cannot be evaluated": ("strawberry", "b 12, nobody; tbreak 20, nobody; c; c; c; c; b"),
    "tbreak": ("strawberry", "tbreak 12; b; c; b; c; tbreak 20"),
    "condition": ("strawberry", "b 12; condition 1 total == 2; b; c; condition 1; b; condition 3; condition x"),
    "ignore": ("strawberry", "b 12; ignore 1 2; b; c; b; ignore 1; ignore 1 1; ignore 7 1; ignore x; c"),
    "disable and enable": ("strawberry", "b 12; b 5; disable 2; b; c; enable 2; c; disable 1 2; b; enable 9 x; c"),
    "clear by number": ("strawberry", "b 12; b 5; b 20; clear 1; b; c; clear 2 3 2 x; b; c"),
    "clear by place": ("strawberry", "b 12; b 12; clear strawberry.py:12; b; clear strawberry.py:12; clear nothing:1"),
    "commands": ("strawberry", "b 12; commands 1; p letter; p total; end; c; c; commands 9"),
    "silent commands": ("strawberry", "b 12; commands; silent; p total + 1; end; c; c; c; c"),
    "commands that move": ("strawberry", "b 5; commands; p letter; c; b 12; commands 2; p total; n; c; c"),
    "a step that arrives at a breakpoint": ("strawberry", "b 24; b 17; s; s; s; b"),
    "breakpoints inside what next passes over": ("strawberry", "b 5; n; n; args; r; n"),
    "where, up and down": ("recursion", "s; s; s; s; s; s; w; up; w; args; p n; up; args; down; p n; down; down; n; w"),
    "movement in a caller": ("recursion", "s; s; s; s; s; up; n; w; s; s; up; r; w; up; n"),
    "list": ("strawberry", "l; l; l; l .; l 3; l; l 5,9; l 5,3; l 20; l; l 99; l x; l 3,x; s; s; l; l ."),
    "longlist": ("strawberry", "ll; s; s; ll; n; s; ll; up; ll"),
    "list marks": ("strawberry", "b 5; b 12; l 8; c; l; ll; up; l ."),
    "args": ("strawberry", "args; s; s; args; n; s; args; n; n; args"),
    "expressions": ("strawberry", "s; s; n; n; p word.upper(); p word[1:3], len(word); p nobody; p 1 +; pp word"),
    "whatis": ("strawberry", "s; s; n; s; n; whatis word; whatis total; whatis nobody; whatis 1.5; n; whatis total"),
    "display": ("strawberry", "s; s; n; s; n; n; display total; display letter; n; b 12; c; n; undisplay total; c; n"),
    "a value that is returned": ("strawberry", "s; s; n; s; n; r; retval; s; n; n; retval"),
    "exceptions that are caught": ("caught", "n; n; n; n; n; s; s; s; s; s; w; s; s; s; s"),
    "an exception on the way": ("caught", "n; n; s; s; s; s; c"),
    "next over a caller of a generator": ("generator", "n; n; n; n; n; n; n"),
    "a class": ("account", "s; args; n; n; n; n; s; args; s; s; r; n"),
}  # fmt: skip


def assert_the_same(script: Path, typed: Sequence[str]) -> None:
    """As far as the end of the trace: there pdb starts the program again."""
    entry = real_pdb.entry_at(script)
    theirs, ours = real_pdb.pdb_session(script, entry, typed), real_pdb.own_session(script, typed)
    assert len(theirs) == len(typed)
    until_end = list(takewhile(lambda said: said[1] != "--End--", zip(typed, theirs, ours, strict=True)))
    for done, (line, wanted, own) in enumerate(until_end, 1):
        assert own == wanted, f"{'; '.join(typed[:done])}: {line}"
    if len(until_end) < len(typed):
        assert ours[len(until_end)] == "--End--", "both end at the same command"


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_goes_as_in_the_pdb_of_python(name: str) -> None:
    script, typed = SESSIONS[name]
    assert_the_same(ROOT / "examples" / f"{script}.py", typed.split("; "))


@pytest.mark.parametrize("script", ["strawberry", "recursion", "caught"])
@pytest.mark.parametrize("seed", range(4))
def test_random_commands_go_as_in_the_pdb_of_python(script: str, seed: int) -> None:
    path = ROOT / "examples" / f"{script}.py"
    assert_the_same(path, random_commands(path, random.Random(f"{script} {seed}")))


MOVES = {"s": 12, "n": 8, "r": 1, "c": 2, "unt": 2, "unt {line}": 2, "b {line}": 3, "tbreak {line}": 2}
MOVES |= dict.fromkeys(["w", "l", "ll", "a", "b", "l {line}", "l {line},3", "p 1", "ignore 1 2"], 1)
MOVES |= dict.fromkeys(["disable 1", "enable 1", "condition 1 {line} > 9", "clear 2"], 1)


def random_commands(script: Path, dice: random.Random) -> list[str]:
    """Commands that mean the same in both: a breakpoint on a `def` does not."""
    program = real_pdb.entry_at(script).program
    calls = {code.first_line for code in program.codes}
    lines = [line for line in range(2, len(program.lines) + 1) if line not in calls]
    found = dice.choices(list(MOVES), list(MOVES.values()), k=40)
    return [text.format(line=dice.choice(lines)) for text in found]


DIFFERENCES: dict[str, tuple[str, str, str, str]] = {
    "A breakpoint on the line of a `def`": (
        "strawberry",
        "b 4; c",
        "--End--",
        "--Call--\n> strawberry.py(4)is_match()\n-> def is_match(letter, wanted):",
    ),
    "In a generator": (
        "generator",
        "n; s; s; s; n",
        "> generator.py(7)countdown()\n-> n -= 1",
        "--Return--\n> generator.py(6)countdown()->3\n-> yield n",
    ),
    "A function that is left by an exception": (
        "uncaught",
        "n; s; s; s; n; n",
        "--Return--\n> uncaught.py(6)average()->None\n-> return total / len(values)",
        "--Exception--\n> uncaught.py(10)<module>()\n-> second = average([])",
    ),
    "The values at a return": (
        "account",
        "s; n; n; n; args",
        "self = Account('Ada', 10)\nowner = 'Ada'\nbalance = 10",
        "self = <unrepresentable>\nowner = 'Ada'\nbalance = 10",
    ),
    "What is different in principle": (
        "strawberry",
        "word = 'r'",
        "",
        '> strawberry.py(23)<module>()  [edited]\n-> if __name__ == "__main__":',
    ),
}
if sys.version_info < (3, 13):
    DIFFERENCES["The place of a breakpoint on a function"] = (
        "strawberry",
        "b is_match",
        "Breakpoint 1 at strawberry.py:4",
        "Breakpoint 1 at strawberry.py:5",
    )
if sys.version_info < (3, 12):
    DIFFERENCES["Comprehensions"] = (
        "nested",
        "n; n; s",
        "--Call--\n> nested.py(14)<dictcomp>()\n-> sizes = {key: len(words) for key, words in table.items()}",
        "> nested.py(15)<module>()\n-> print(table, longest, sizes)",
    )


@pytest.mark.parametrize("name", DIFFERENCES)
def test_where_it_is_meant_to_differ_it_does_and_that_is_documented(name: str) -> None:
    script, typed, theirs, ours = DIFFERENCES[name]
    path, lines = ROOT / "examples" / f"{script}.py", typed.split("; ")
    assert real_pdb.pdb_session(path, real_pdb.entry_at(path), lines)[-1] == theirs
    assert real_pdb.own_session(path, lines)[-1] == ours
    assert name in DOCS


def test_every_command_of_pdb_is_here_or_the_documentation_says_why_not() -> None:
    rows = [line for line in DOCS.splitlines() if line.startswith("| `")]
    for name in (each.removeprefix("do_") for each in dir(pdb.Pdb) if each.startswith("do_")):
        assert find(name) is not None or name in ("EOF", "debug", "exceptions"), name
        assert name == "exceptions" or any(f"`{name}`" in row.split("|")[1] for row in rows), name


def test_every_command_that_is_only_here_is_named() -> None:
    known = {each.removeprefix("do_") for each in dir(pdb.Pdb)}
    for each in commands():
        assert each.names[0] in known or each.names[0] in INTRODUCED or f"`{each.names[0]}`" in DOCS, each.names


INTRODUCED = {EDIT, "vars", "timeline", "reset", "sticky", "save", "load", "export"}
"""Commands without a counterpart, or another name of one."""


def test_every_difference_that_is_allowed_is_in_the_documentation() -> None:
    for name in {*real_pdb.PDB, *real_pdb.OURS}:
        assert name in DOCS, name


def test_the_rules_take_nothing_away_that_tells_one_stop_from_another() -> None:
    stop = "--Return--\n> p.py(3)f()->1\n-> return 1\n"
    for rules in (real_pdb.PDB, real_pdb.OURS):
        assert real_pdb.normal(stop, rules, Path("/x/p.py")) == stop.strip()
