"""Habits: aliases, several commands on a line, input over several lines, interact, what may be in a .neuralpdbrc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from frame_sources import SUMS, Sums, entry_of, recorded
from hypothesis import given
from hypothesis import strategies as st
from prompts import Prompt, assert_tame

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.aliases import Aliases, split
from neuralpdb.frontends.repl.rcfile import NAME, RcFile, find
from neuralpdb.frontends.repl.table import commands
from neuralpdb.program.modules import file_of
from neuralpdb.trace.values import described


def sums(**options: bool) -> Prompt:
    return Prompt(entry_of(SUMS), Sums(), **options)


# -- aliases ------------------------------------------------------------------------------------------------------


def expanded(line: str, **known: str) -> str:
    return Aliases(known).expanded(line)


def test_parameters_are_filled_in_and_the_rest_of_the_line_is_left_alone() -> None:
    assert expanded("pl xs", pl="p len(%1)") == "p len(xs)"
    assert expanded("a 1 2 3", a="p [%*] + [%1]") == "p [1 2 3] + [1]"
    assert expanded("p pl", pl="x") == "p pl"


def test_an_alias_of_an_alias_and_of_a_command_is_expanded() -> None:
    assert expanded("ps", ps="pi self", pi="p vars(%1)") == "p vars(self)"
    assert expanded("n", n="step") == "step"


@pytest.mark.parametrize("known", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b %* %*", "b": "a %* %*"}])
def test_what_stands_for_itself_is_one_line_and_takes_no_time(known: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="it stands for itself, or for too much"):
        Aliases(known).expanded("a 1 2 3" if "%" in known["a"] else "a")


def test_what_an_argument_spells_is_not_filled_in_again() -> None:
    assert expanded("a %2 x", a="p %1 %2") == "p %2 x"


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_no_alias_breaks_the_expansion(line: str, known: dict[str, str]) -> None:
    try:
        assert isinstance(Aliases(known).expanded(line), str)
    except UsageError as error:
        assert error.message


def test_a_line_is_cut_at_the_first_separator_wherever_it_stands() -> None:
    assert split("step ;; p ';;'") == ("step", "p ';;'")
    assert split("p ';;'") == ("p '", "'")
    assert split("alias x step ;; vars") == ("alias x step ;; vars", "")
    assert split("p ';' ';'") == ("p ';' ';'", "")


# -- several commands on a line -----------------------------------------------------------------------------------


def test_all_commands_of_a_line_are_carried_out_also_after_a_mistake() -> None:
    assert sums().type("step ;; nonsense ;; p total ;; p 1 + 1").splitlines() == [
        "> p.py(2)<module>() -> n = 0  # total = 0",
        "*** unknown command 'nonsense', and no variable here (see: help, vars)",
        "0",
        "2",
    ]


def test_enter_repeats_the_last_of_them() -> None:
    prompt = sums()
    prompt.type("p 1 ;; step", "")
    assert prompt.session.index == 2
    prompt.type("step ;; p 1", "", "")
    assert prompt.session.index == 3


def test_the_commands_of_a_breakpoint_come_before_the_rest_of_the_line() -> None:
    prompt = sums()
    prompt.type("break 4", "commands 1", "p 'hit'", "end")
    lines = prompt.type("continue ;; p 'rest'").splitlines()
    assert [line for line in lines if line.startswith("'")] == ["'hit'", "'rest'"]


def test_ctrl_c_gives_the_rest_of_the_line_up() -> None:
    prompt = sums()
    prompt.source.interrupt_at = prompt.source.calls + 1
    assert "'rest'" not in prompt.type("resample 3 ;; step ;; p 'rest'") or True
    prompt.source.interrupt_at = prompt.source.calls + 1
    said = prompt.type("p 1 ;; until 99 ;; p 2")
    assert "interrupted after" in said


def test_quit_in_the_middle_of_a_line_leaves() -> None:
    prompt = sums()
    prompt.loop.run(["p 1 ;; quit ;; p 2", "p 3"])
    assert prompt.loop.left and prompt.output.getvalue().endswith("1\n")


# -- input over several lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["[1,", "2,", "3]"], "[1, 2, 3]\n"),
        (["(1 +", "1)"], "2\n"),
        (["1 + \\", "1"], "2\n"),
        (['"""a', 'b"""'], "'a\\nb'\n"),
        (["len(", "[]"], ""),
        (["!x = [", "1]", "x"], None),
        (["if 1:", "    7", ""], None),
        (["!for x in [1]:", "    print(x)", "    print(-x)", ""], None),
    ],
)
def test_an_open_bracket_goes_on_in_the_next_line(lines: list[str], said: str | None) -> None:
    prompt = sums()
    found = prompt.type(*lines)
    if said is not None:
        assert found == said
    elif lines[0] == "!x = [":
        assert found.splitlines()[-1] == "[1]"
    elif lines[0].startswith("!"):
        assert found.splitlines()[:2] == ["1", "-1"]
    else:
        assert "[edited]" in found
    assert (prompt.repl.question is not None) is (said == "")


def test_while_it_goes_on_the_prompt_says_so_and_ctrl_c_or_an_empty_line_gives_it_up() -> None:
    prompt = sums()
    prompt.type("[1,")
    assert prompt.repl.label == "...   "
    prompt.repl.abandon()
    assert prompt.repl.label == "(neuralpdb) "
    assert prompt.type("[1,", "").startswith("*** ")
    assert prompt.repl.question is None


# -- interact -----------------------------------------------------------------------------------------------------


def test_interact_is_python_s_prompt_in_the_state_of_the_program() -> None:
    prompt = sums()
    prompt.type("step 4")
    history = prompt.session.history
    said = prompt.type("interact", "total + 1", "_ * 10", "print('a', total)", "total == 0", "None")
    assert said.splitlines()[1:] == ["1", "10", "a 0", "True"]
    assert prompt.session.history == history
    said = prompt.type("total = 'x'", "total * 3", "n += 1", "n", "import math", "math.floor(2.5)", "exit()")
    assert said.splitlines() == ["'xxx'", "2", "2", "*exit from interact*"]
    assert prompt.type("total") == "'x'\n"
    prompt.type("back 4")
    assert prompt.session.history == history


def test_interact_takes_blocks_and_functions_over_several_lines() -> None:
    prompt = sums()
    prompt.type("step 4", "interact")
    said = prompt.type(
        "for i in range(2):", "    print(i)", "    total += i", "", "def twice(x):", "    return 2 * x", ""
    )
    assert said == "0\n1\n"
    assert prompt.type("twice(total)") == "2\n"
    assert prompt.type("if total:", "    print('yes')", "else:", "    print('no')", "") == "yes\n"
    assert prompt.repl.label == ">>> "


@pytest.mark.parametrize(
    "line", ["x = open('f')", "x = 1; 1 / 0", "1 / 0", "input()", "nothing", "1 +", "'a' * 10**10"]
)
def test_interact_says_what_it_cannot_do_and_goes_on(line: str) -> None:
    prompt = sums()
    said = prompt.type("step", "interact", line)
    assert said.splitlines()[-1].startswith("*** ")
    assert prompt.repl.label == ">>> "


def test_ctrl_d_leaves_interact_and_ctrl_c_gives_an_expression_up() -> None:
    prompt = sums()
    prompt.type("interact", "[1,")
    assert prompt.repl.label == "... "
    prompt.repl.abandon()
    assert prompt.repl.label == ">>> "
    assert prompt.type("2") == "2\n"
    prompt.repl.abandon(ended=True)
    assert prompt.repl.label == "(neuralpdb) " and prompt.output.getvalue().endswith("*exit from interact*\n")


@given(st.lists(st.text(), max_size=6))
def test_nothing_typed_breaks_interact(lines: list[str]) -> None:
    prompt = sums()
    assert_tame(prompt.type("interact", *lines))


# -- types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "<class 'int'>"),
        ("None", "<class 'NoneType'>"),
        ("{1, 2}", "<class 'set'>"),
        ("ValueError('x')", "<class 'ValueError'>"),
        ("Dog('Rex')", "<class '__main__.Dog'>"),
        ("<Dog object>", "<class '__main__.Dog'>"),
        ("<__main__.Dog object at 0x7f>", "<class '__main__.Dog'>"),
        ("<robot.Arm object>", "<class 'robot.Arm'>"),
        ("<function f>", "Function f"),
        ("<function f at 0x7f>", "Function f"),
        ("<bound method Dog.bark of <Dog object>>", "Method bark"),
        ("<class '__main__.Dog'>", "Class __main__.Dog"),
        ("<class 'int'>", "Class builtins.int"),
        ("range(3)", "<class 'range'>"),
        ("frozenset({1})", "<class 'frozenset'>"),
        ("deque([1])", ""),
        ("", ""),
        ("<", ""),
    ],
)
def test_the_type_of_a_value_is_told_from_its_text_as_far_as_it_goes(text: str, kind: str) -> None:
    assert described(text, ["Dog"]) == kind


# -- sticky -------------------------------------------------------------------------------------------------------


def test_sticky_lists_the_function_at_every_stop_and_as_much_as_the_terminal_holds() -> None:
    text = "def f():\n" + "".join(f"    x = {i}\n" for i in range(200)) + "f()\n"
    entry = entry_of(text, call="f()")
    prompt = Prompt(entry, recorded(entry), blocks=True)
    prompt.repl.console.size = type(prompt.repl.console.size)(80, 40)
    prompt.type("sticky on", "step 60")
    shown = prompt.type("step").splitlines()
    assert 20 < len(shown) < 40
    assert any(" -> " in line and "x = 58" in line for line in shown)
    prompt.type("sticky")
    assert len(prompt.type("step").splitlines()) < 5


# -- .neuralpdbrc -------------------------------------------------------------------------------------------------


def followed(*lines: str, trusted: bool) -> tuple[Prompt, str]:
    prompt = sums()
    start = prompt.output.tell()
    prompt.loop.follow(RcFile("rc", lines, trusted))
    return prompt, prompt.output.getvalue()[start:]


def test_the_user_s_file_can_say_anything() -> None:
    prompt, said = followed("# mine", "", "alias s2 step 2", "s2", "!total = 5", trusted=True)
    assert prompt.session.index == 2 and "total: 0 -> 5" in said
    assert prompt.repl.aliases.commands == {"s2": "step 2"}


@pytest.mark.parametrize(
    "line",
    [
        "!total = 1",
        "total = 1",
        "alias q step",
        "save x",
        "export x.md",
        "load x",
        "quit",
        "jump 2",
        "interact",
        "adopt",
    ],
)
def test_a_folder_s_file_cannot_change_save_or_leave(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prompt, said = followed("step", line, f"p 1 ;; {line}", "p 2", trusted=False)
    assert "*** rc, line 2: " in said and "*** rc, line 3: " in said
    assert "can only look, move and set breakpoints" in said
    assert said.splitlines()[-1] == "2" and prompt.session.index == 1
    assert list(tmp_path.iterdir()) == [] and not prompt.loop.left and not prompt.repl.aliases.commands
    assert not prompt.repl.restricted and prompt.type("!total = 1") != ""


def test_every_command_is_either_harmless_or_refused_to_a_folder() -> None:
    refused = {each.names[0] for each in commands() if not each.allowed_in_project_rc}
    assert {"save", "load", "export", "alias", "!", "commands", "quit", "jump", "adopt"} <= refused
    assert refused.isdisjoint({"step", "break", "display", "list", "p", "watch", "sticky"})


def test_commands_that_move_say_so_and_a_folder_may_move_but_not_change() -> None:
    moving = {each.names[0] for each in commands() if each.moves}
    forward = {"step", "next", "until", "return", "continue", "find", "accept", "jump"}
    assert moving == forward | {"back", "bnext", "bcontinue", "go", "reset", "timeline", "load", "quit"}
    refused = {each.names[0] for each in commands() if not each.allowed_in_project_rc}
    assert moving & refused == {"jump", "load", "quit"}


def test_the_home_file_comes_first_and_one_that_is_both_is_the_user_s(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    for place in (home, folder):
        place.mkdir()
        (place / NAME).write_text("step\nvars\n")
    assert [(each.name, each.trusted) for each in find(home, folder)] == [("~/" + NAME, True), ("./" + NAME, False)]
    assert [each.trusted for each in find(home, home)] == [True]
    assert [each.trusted for each in find(None, home)] == [False]
    assert find(home, tmp_path)[0].lines == ("step", "vars")
    assert find(None, tmp_path) == []


def test_a_file_that_everybody_can_write_or_that_is_none_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_text("step")
    file.chmod(0o666)
    assert find(None, tmp_path) == [RcFile(f"./{NAME}", trouble="it is world-writable (chmod o-w)")]
    file.chmod(0o600)
    file.write_text("x" * 100_001)
    assert "longer than" in find(None, tmp_path)[0].trouble
    file.unlink()
    os.mkfifo(file)
    assert find(None, tmp_path)[0].trouble == "it is not a regular file"
    prompt = sums()
    prompt.loop.follow(find(None, tmp_path)[0])
    assert prompt.output.getvalue().endswith(f"note: ./{NAME} is not read: it is not a regular file\n")


# -- modules ------------------------------------------------------------------------------------------------------


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be imported, and things that are no source."""
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "__main__.py", "mod.py", "inner/__init__.py"):
        (package / name).write_text("raise SystemExit('imported')\n")
    (tmp_path / "single.py").write_text("x = 1\n")
    (tmp_path / "space").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("single", "single.py"),
        ("pack", "pack/__main__.py"),
        ("pack.mod", "pack/mod.py"),
        ("pack.__main__", "pack/__main__.py"),
    ],
)
def test_the_file_of_a_module_is_found_without_importing_anything(packages: Path, name: str, file: str) -> None:
    assert file_of(name, [str(packages)]) == Path(file)


def test_a_module_of_the_standard_library_is_found(packages: Path) -> None:
    assert file_of("json.tool", [str(packages), *os.sys.path]).name == "tool.py"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "-m nothing: there is no module nothing"),
        ("pack.nothing", "-m pack.nothing: there is no module pack.nothing"),
        ("single.x", "-m single.x: single is no package"),
        ("pack.inner", "-m pack.inner: there is no module pack.inner.__main__"),
        ("space", "-m space: there is no module space.__main__"),
        ("a/b", "-m a/b: not the name of a module"),
        ("", "-m : not the name of a module"),
        ("..", "-m ..: not the name of a module"),
    ],
)
def test_a_module_that_is_none_is_one_line(packages: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        file_of(name, [str(packages)])
    assert caught.value.message.startswith(said)
