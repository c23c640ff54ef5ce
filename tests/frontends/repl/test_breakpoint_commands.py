"""What the prompt does at a breakpoint: commands, questions, displays, and where their repetition ends."""

from __future__ import annotations

import pytest
from frame_sources import SUMS, Sums, entry_of
from prompts import HOSTILE, Prompt, Says, assert_tame, line, real, sums

from neuralpdb.frontends.repl.table import Quit
from neuralpdb.trace.frames import Ended


def with_commands(*lines: str, at: str = "break 5") -> Prompt:
    prompt = sums()
    prompt.type(at, "commands", *lines, "end")
    return prompt


# -- commands of a breakpoint ---------------------------------------------------------------------------------


def test_commands_are_carried_out_before_the_stop_is_shown_as_in_pdb() -> None:
    prompt = with_commands("p n", "p total")
    assert prompt.type("continue").splitlines() == [
        "1",
        "0",
        "> p.py(5)<module>() -> total += n  # total = 0, n = 1  (breakpoint 1)",
    ]


def test_a_command_that_moves_comes_after_the_stop_and_ends_the_list_by_itself() -> None:
    prompt = sums()
    prompt.type("break 5", "commands", "p n", "continue")
    assert prompt.repl.question is None
    assert prompt.type("continue").splitlines() == [
        "1",
        "> p.py(5)<module>() -> total += n  # total = 0, n = 1  (breakpoint 1)",
        "2",
        "> p.py(5)<module>() -> total += n  # total: 0 -> 1, n: 1 -> 2  (breakpoint 1)",
        "3",
        "> p.py(5)<module>() -> total += n  # total: 1 -> 3, n: 2 -> 3  (breakpoint 1)",
        "--End-- the program ended",
    ]


def test_silent_stops_are_not_shown_and_the_next_one_shows_all_that_changed_since() -> None:
    prompt = sums()
    prompt.type("break 5", "commands", "silent", "continue", "break 6")
    assert prompt.type("continue") == "> p.py(6)<module>() -> print(total)  # total = 6, n = 3  (breakpoint 2)\n"


def test_silence_without_commands_is_silence() -> None:
    prompt = with_commands("silent")
    assert prompt.type("continue") == ""
    assert (prompt.session.index, prompt.type("p n")) == (4, "1\n")


def test_a_mistake_in_a_command_does_not_keep_the_others_from_being_carried_out() -> None:
    prompt = with_commands("p nobody", "nonsense", "p n")
    assert [text[:3] for text in prompt.type("continue").splitlines()] == ["***", "***", "1", "> p"]


def test_commands_with_nothing_in_them_take_the_old_ones_away() -> None:
    prompt = with_commands("p n")
    prompt.type("commands 1", "end")
    assert prompt.type("continue").count("\n") == 1


def test_commands_belong_to_the_breakpoint_that_is_named() -> None:
    prompt = sums()
    prompt.type("break 4", "break 5", "commands 1", "p 'four'", "end")
    assert prompt.type("continue").startswith("'four'\n")
    assert "four" not in prompt.type("continue")


@pytest.mark.parametrize(("typed", "message"), [
    ("commands", "*** there is no breakpoint (set one with: break LINE)\n"),
    ("commands 3", "*** there is no breakpoint (set one with: break LINE)\n"),
])  # fmt: skip
def test_commands_of_no_breakpoint_are_refused(typed: str, message: str) -> None:
    prompt = sums()
    assert prompt.type(typed) == message
    assert prompt.repl.question is None


def test_commands_that_never_come_to_rest_keep_to_the_limit_of_one_command() -> None:
    prompt = sums()
    prompt.repl.session.max_frames = 40
    prompt.session.breakpoints.set(5).commands = ("go 0", "continue")
    shown = prompt.type("continue")
    assert shown.endswith("its commands are not carried out: the limit of one command is reached\n")
    assert prompt.source.calls == 4
    prompt.type("clear")
    assert "--End--" in prompt.type("continue")


def test_an_alias_that_stands_for_itself_comes_to_an_end() -> None:
    prompt = sums()
    shown = prompt.type("alias again p 1 ;; again", "again")
    assert shown.endswith("1\n*** stopped after 1,000 commands of one line\n")
    assert prompt.type("p 2") == "2\n"


def test_commands_can_be_given_on_one_line() -> None:
    prompt = sums()
    prompt.type("break 5 ;; commands ;; silent ;; p n ;; end ;; continue")
    assert prompt.output.getvalue().splitlines()[1:] == ["Breakpoint 1 at p.py:5", "1"]


def test_commands_that_quit_leave() -> None:
    prompt = sums()
    prompt.type("break 5", "commands", "quit")
    with pytest.raises(Quit):
        prompt.type("continue")


def test_a_way_back_carries_out_no_commands() -> None:
    prompt = with_commands("p 'here'")
    prompt.type("continue", "continue")
    assert "here" not in prompt.type("bcontinue")


def test_commands_of_a_temporary_breakpoint_are_carried_out_once() -> None:
    prompt = with_commands("p n", at="tbreak 5")
    assert prompt.type("continue").splitlines() == [
        "1",
        "> p.py(5)<module>() -> total += n  # total = 0, n = 1  (Deleted breakpoint 1 at p.py:5)",
    ]
    assert prompt.type("continue") == "--End-- the program ended\n"


def test_enter_repeats_what_was_typed_and_not_a_command_of_the_breakpoint() -> None:
    prompt = with_commands("list")
    prompt.type("continue")
    assert prompt.type("").startswith("  1     total = 0\n")
    assert prompt.session.index == 7


def test_ctrl_c_stops_the_movement_and_what_was_still_to_do() -> None:
    source = Says(line(2, total="0"), line(3, total="0"), KeyboardInterrupt(), line(4, total="0"))
    prompt = Prompt(entry_of(SUMS), source)
    prompt.type("break 2", "commands", "continue", "break 3", "commands", "p 1", "step")
    shown = prompt.type("continue")
    assert shown.splitlines()[-1].endswith("(interrupted after 0 frames)")
    assert not prompt.repl.queue


# -- questions ------------------------------------------------------------------------------------------------


def test_ctrl_c_while_commands_are_typed_keeps_the_old_ones() -> None:
    prompt = with_commands("p 'old'")
    prompt.type("commands 1", "p 'new'")
    assert prompt.repl.label == "(com) "
    prompt.repl.abandon()
    assert prompt.output.getvalue().endswith("*** command definition aborted, old commands kept\n")
    assert prompt.repl.label == "(neuralpdb) "
    assert prompt.type("continue").startswith("'old'\n")


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("YES", 0), ("n", 2), ("", 2), ("clear 1", 2)])
def test_all_breakpoints_are_cleared_on_a_terminal_when_that_is_answered_by_yes(answer: str, left: int) -> None:
    prompt = Prompt(entry_of(SUMS), Sums(), blocks=True)
    prompt.type("break 4", "break 5")
    assert prompt.type("clear") == ""
    assert prompt.repl.label == "Clear all breaks? "
    prompt.type(answer)
    assert len(prompt.session.breakpoints) == left
    assert prompt.repl.question is None


def test_in_a_pipe_all_breakpoints_are_cleared_without_a_question() -> None:
    prompt = sums()
    prompt.type("break 4", "watch n")
    assert prompt.type("clear").splitlines() == [
        "Deleted breakpoint 1 at p.py:4",
        "Deleted watchpoint 2 on n in <module>()",
    ]


# -- what is typed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "watched", "condition"),
    [
        ("n", "n", ""),
        ("n, n > 1", "n", "n > 1"),
        ("[n, total][0], n in (1, 2)", "[n, total][0]", "n in (1, 2)"),
        ("(n, total)", "(n, total)", ""),
        ("'a,b'.count(','), total", "'a,b'.count(',')", "total"),
    ],
)
def test_a_condition_is_behind_the_first_comma_that_is_not_inside_the_expression(
    typed: str, watched: str, condition: str
) -> None:
    prompt = sums()
    prompt.type(f"watch {typed}")
    [point] = prompt.session.breakpoints
    assert (point.watched, point.condition) == (watched, condition)


def test_a_place_can_be_in_the_file_and_in_no_other() -> None:
    prompt = sums()
    assert prompt.type("break p.py:4, n > 1") == "Breakpoint 1 at p.py:4\n"
    assert prompt.type("break /some/where/else.py:4") == (
        "*** break /some/where/else.py:4: only p.py is predicted (for example break 12)\n"
    )
    assert prompt.type("break 0", "break p.py:x").count("neither a function nor a line from 1 to 6") == 2


def test_what_is_wrong_with_one_number_does_not_keep_the_others_from_being_looked_at() -> None:
    prompt = sums()
    prompt.type("break 4", "break 5")
    assert prompt.type("disable 1 7 x 2").splitlines() == [
        "Disabled breakpoint 1 at p.py:4",
        "*** Breakpoint number 7 out of range",
        "*** Non-numeric breakpoint number x (see: break)",
        "Disabled breakpoint 2 at p.py:5",
    ]
    assert prompt.type("continue") == "--End-- the program ended\n"


# -- displays -------------------------------------------------------------------------------------------------


def test_what_is_displayed_is_shown_when_it_changed_in_that_call_and_not_in_another() -> None:
    prompt = real("def f(n):\n    m = n * 2\n    return f(n - 1) if n else m\n\n\nx = f(1)\n")
    prompt.type("step 2", "display n", "display m")
    assert prompt.type("next").splitlines()[1:] == ["display m: 2  [old: ** name 'm' is not defined here **]"]
    assert "display" not in prompt.type("step", "step", "step")
    assert prompt.type("display") == "Currently displaying:\n"
    assert "display" not in prompt.type("return", "next")


def test_displaying_it_again_is_one_display() -> None:
    prompt = sums()
    prompt.type("step 3", "display n", "display n")
    assert prompt.type("display") == "Currently displaying:\nn: 0\n"
    assert prompt.type("step 2").splitlines()[1:] == ["display n: 1  [old: 0]"]


def test_a_value_that_comes_back_by_a_way_back_is_a_change() -> None:
    prompt = sums()
    prompt.type("step 4", "display n")
    assert prompt.type("back").splitlines()[-1] == "display n: 0  [old: 1]"


# -- what values and texts can hold ---------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["watch x", "break 3, x == 1", "display x", "break 3, [x][0].a"])
def test_no_value_can_steer_the_terminal_from_a_watch_a_condition_or_a_display(typed: str) -> None:
    states = [{"x": HOSTILE}, {"x": f"{HOSTILE}+1"}, {"x": "'\x1b[0m'"}]
    prompt = Prompt(entry_of(SUMS), Says(*(line(3, **state) for state in states), Ended()))
    shown = prompt.type("step", typed, "continue", "continue", "break", "where")
    assert_tame(shown)


def test_a_hostile_expression_is_listed_without_being_one() -> None:
    prompt = sums()
    shown = prompt.type("watch '\x1b[31m' + \"\u202e\"", "break 4, '\x9b1m'", "break", "display '\x07'", "display")
    assert_tame(shown)
    assert "\\x1b[31m" in shown
