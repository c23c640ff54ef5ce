"""The prompt: whole sessions compared line by line, what Enter repeats, and that no input breaks it."""

from __future__ import annotations

import pytest
import transcripts
from frame_sources import SUMS, Invented, Sums, Wandering, entry_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prompts import FUZZED, HOSTILE, LINES, Prompt, Says, assert_tame, line, real, sums

from neuralpdb.errors import ModelError
from neuralpdb.frontends.repl.table import EDIT, GROUPS, Quit, commands, find, names
from neuralpdb.trace.frames import Event, Frame, Trouble, TroubleKind

# -- whole sessions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", transcripts.NAMES)
def test_a_whole_session_prints_what_its_transcript_says(name: str) -> None:
    path = transcripts.FOLDER / f"{name}.txt"
    assert transcripts.Transcript.read(path).play() == path.read_text(encoding="utf-8")


def test_every_command_is_in_a_transcript() -> None:
    typed = [line for _, transcript in transcripts.transcripts() for line in transcript.typed]
    words = {EDIT if line.startswith(EDIT) else (line.split() or [""])[0] for line in typed}
    assert not {each.names for each in commands() if not words & set(each.names)}


def test_every_command_and_abbreviation_is_in_the_help_and_explained() -> None:
    shown = sums().type("help").splitlines()
    for each in commands():
        at = next(i for i, line in enumerate(shown) if line.strip().startswith(each.usage))
        assert all(name in shown[at] for name in each.names)
        assert each.summary.split()[0] in " ".join(shown[at : at + 2])
        full = sums().type(f"help {each.names[-1]}")
        assert full.startswith(each.usage)
        assert "".join(each.text.split()) in "".join(full.split())


def test_every_command_is_in_a_group_that_the_help_shows() -> None:
    assert {each.group for each in commands()} == set(GROUPS)
    assert {name for each in commands() for name in each.names} == set(names())


def test_abbreviations_are_those_of_pdb() -> None:
    pdb = "s step n next unt until r return c cont continue j jump p pp a args l list ll longlist b break cl clear "
    pdb += "w where bt u up d down h help q quit exit"
    meaning = {
        "s": "step",
        "n": "next",
        "unt": "until",
        "r": "return",
        "c": "continue",
        "cont": "continue",
        "j": "jump",
    }
    meaning |= {"a": "args", "l": "list", "ll": "longlist", "b": "break", "cl": "clear", "w": "where", "bt": "where"}
    meaning |= {"u": "up", "d": "down", "h": "help", "q": "quit", "exit": "quit"}
    for name in pdb.split():
        found = find(name)
        assert found is not None and found.names[0] == meaning.get(name, name)


# -- Enter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["step", "s 2", "next", "until", "back", "return", "continue"])
def test_enter_repeats_a_movement(line: str) -> None:
    once, twice = sums(), sums()
    for prompt in (once, twice):
        prompt.type("step 4")
    once.type(line, "")
    twice.type(line, line)
    assert once.session.index == twice.session.index
    assert once.output.getvalue() == twice.output.getvalue()


@pytest.mark.parametrize(
    "line",
    ["break 4", "vars", "!total = 5", "total = 5", "p 1", "1 + 1", "where", "help", "jump 3", "go 1", "reset", "accept",
     "predict", "clear 1", "up", "nonsense", "step x", "# step", "retval"],
)  # fmt: skip
def test_enter_repeats_nothing_else(line: str) -> None:
    prompt = sums()
    prompt.type("step 4", line)
    history = prompt.session.history
    assert prompt.type("", "") == ""
    assert prompt.session.history == history


def test_enter_at_the_beginning_does_nothing() -> None:
    prompt = Prompt(entry_of(SUMS), Sums(), blocks=True)
    assert prompt.type("") == ""


def test_enter_after_a_listing_lists_on() -> None:
    text = "".join(f"x{n} = {n}\n" for n in range(1, 40))
    prompt = real(text)
    assert (
        prompt.type("list 5,6", "").split()
        == "5 x5 = 5 6 x6 = 6".split() + " ".join(f"{n} x{n} = {n}" for n in range(7, 18)).split()
    )


# -- names and expressions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c", "n", "s", "p", "list", "b", "args"])
def test_a_variable_named_like_a_command_is_set_by_an_assignment_and_printed_by_p(name: str) -> None:
    prompt = real("x = 1\ny = 2\n")
    prompt.type(f"{name} = 41", f"{name} += 1")
    assert prompt.type(f"p {name}", f"!{name}") == "42\n42\n"
    assert prompt.session.index == 0


def test_a_comparison_with_a_variable_named_like_a_command_does_not_run_the_command() -> None:
    prompt = real("c = 1\ny = 2\nz = 3\n")
    prompt.type("step")
    assert prompt.type("c == 1") == "*** continue takes no argument (to print an expression: p c == 1)\n"
    assert prompt.session.index == 1


@pytest.mark.parametrize(
    "line", ["p open('x')", "p __import__('os').getpid()", "!x = input()", "!open('x', 'w')", "exec('open(1)')"]
)
def test_nothing_is_executed(line: str) -> None:
    shown = real("x = 1\ny = 2\n").type(line)
    assert shown.startswith("*** ") and shown.count("\n") == 1


def test_a_function_can_be_broken_at_by_its_name() -> None:
    prompt = real('def f(a):\n    """Doc."""\n    return a\n\n\nx = f(1)\n')
    assert prompt.type("break f") == "Breakpoint 1 at p.py:3\n"
    assert prompt.type("continue") == "> p.py(3)f() -> return a  # a = 1  (breakpoint 1)\n"
    assert prompt.type("break g") == "*** break g: neither a function nor a line from 1 to 6 (see: list)\n"


def test_movement_after_up_is_in_the_caller_and_changes_are_only_for_the_newest_frame() -> None:
    prompt = real("def f(a):\n    b = a\n    return b\n\n\nx = f(1)\ny = x\n")
    prompt.type("step 2", "up")
    assert prompt.type("!a = 2") == "*** cannot edit in a caller, only in the newest frame (type: down)\n"
    assert prompt.type("jump 7") == "*** cannot jump in a caller, only in the newest frame (type: down)\n"
    assert prompt.type("next") == "> p.py(7)<module>() -> y = x  # x = 1\n"
    prompt.type("back 4", "up", "down")
    assert prompt.type("next") == "> p.py(2)f() -> b = a\n"
    prompt.type("up", "step")
    assert prompt.type("p a", "vars") == "1\na = 1\nb = 1\n"


def test_looking_costs_no_prediction() -> None:
    prompt = sums()
    prompt.type("step 3")
    calls = prompt.source.calls
    prompt.type("vars", "where", "list", "p total", "up", "help", "break 5", "break", "retval", "args", "longlist")
    assert prompt.source.calls == calls


@pytest.mark.parametrize("kind", list(TroubleKind))
def test_a_model_that_answers_nonsense_costs_one_message_and_shows_what_it_wrote(kind: TroubleKind) -> None:
    prompt = Prompt(entry_of(SUMS), Says(Trouble(kind, "it failed", "<|line_sep|>{[red]"), line(2, total="0")))
    assert prompt.type("step").splitlines() == [
        "*** no prediction: it failed",
        "    the model wrote: <|line_sep|>{[red]",
        "    go on from elsewhere: back, jump LINE, !NAME = EXPR",
    ]
    assert prompt.type("step") == "> p.py(2)<module>() -> n = 0  # total = 0\n"


def test_a_start_that_cannot_be_invented_says_how_to_give_one() -> None:
    entry = entry_of("def f(x):  # << START_OF_TRACE\n    return x\n")
    prompt = Prompt(entry, Says(Trouble(TroubleKind.MALFORMED, "it failed"), Frame(Event.CALL, "f", 1, "def f(x):")))
    assert prompt.output.getvalue().splitlines() == [
        "*** no prediction: it failed",
        "    reset draws another start; or give it yourself: --call EXPR, or --set NAME=REPR for each parameter",
    ]
    assert prompt.type("reset") == "> p.py(1)f() --Call-- -> def f(x):\n"


def test_ctrl_c_is_one_line_and_the_session_goes_on() -> None:
    prompt = Prompt(entry_of(SUMS), Says(line(2, total="0"), KeyboardInterrupt(), line(3, total="0", n="0")))
    shown = prompt.type("continue")
    assert shown == "> p.py(2)<module>() -> n = 0  # total = 0  (interrupted after 1 frame)\n"
    assert prompt.repl.interrupted
    assert prompt.type("step") == "> p.py(3)<module>() -> while n < 3:  # n = 0\n"


def test_ctrl_c_while_looking_ahead_shows_what_there_is() -> None:
    prompt = Prompt(entry_of(SUMS), Says(line(2, total="0"), KeyboardInterrupt()))
    assert prompt.type("predict 5").splitlines() == [
        "interrupted after 1 frame",
        "     1 (2)<module>() -> n = 0  # total = 0",
    ]
    assert prompt.session.index == 0


def test_ctrl_c_before_the_first_frame_leaves_a_prompt_that_works() -> None:
    entry = entry_of("def f(x):  # << START_OF_TRACE\n    return x\n")
    prompt = Prompt(entry, Says(KeyboardInterrupt(), Frame(Event.CALL, "f", 1, "def f(x):", {"x": "7"})))
    assert prompt.output.getvalue() == "interrupted before the first frame: step asks again\n"
    for looking in ("vars", "where", "args", "up", "p x", "jump 2", "!x = 1", "longlist", "back", "go 0", "retval"):
        assert prompt.type(looking).startswith("*** "), looking
    assert prompt.type("list 1,1") == "  1     def f(x):\n"
    assert prompt.type("step") == "> p.py(1)f() --Call-- -> def f(x):  # x = 7\n"


def test_a_start_that_is_invented_is_drawn_again_by_reset() -> None:
    prompt = Prompt(entry_of("def f(x):  # << START_OF_TRACE\n    return x\n"), Invented())
    assert prompt.output.getvalue() == "> p.py(1)f() --Call-- -> def f(x):  # x = 0\n"
    assert prompt.type("reset") == "> p.py(1)f() --Call-- -> def f(x):  # x = 1\n"


def test_a_model_that_cannot_be_used_at_all_is_not_swallowed() -> None:
    prompt = Prompt(entry_of(SUMS), Says(ModelError("no weights")))
    with pytest.raises(ModelError, match="no weights"):
        prompt.type("step")


def test_a_notice_is_said_after_the_command_that_caused_it() -> None:
    prompt = sums()
    waiting = [["a note \x1b[1m"], []]
    prompt.loop.notices = lambda: waiting.pop(0)
    assert prompt.type("step", "step").splitlines()[1] == "a note \\x1b[1m"


def test_waiting_is_told_only_before_a_prediction() -> None:
    prompt = sums()
    told: list[str] = []
    prompt.repl.waiting = lambda: told.append("wait")
    prompt.type("vars", "help", "list", "p 1", "back")
    assert told == []
    prompt.type("step", "predict")
    assert len(told) == 2


def test_quit_leaves_and_nothing_after_it_is_read() -> None:
    for word in ("quit", "q", "exit"):
        prompt = sums()
        prompt.loop.run([word, "step"])
        assert (prompt.loop.left, prompt.session.index) == (True, 0)


def test_the_end_of_the_input_is_not_a_quit() -> None:
    prompt = sums()
    prompt.loop.run(["step"])
    assert not prompt.loop.left


@pytest.mark.parametrize("command", ["step", "vars", "p x", "pp x", "predict", "where", "args", "x"])
def test_no_value_can_steer_the_terminal_or_lose_its_text(command: str) -> None:
    frames = [Frame(Event.LINE, "<module>", 2, "n = 0\x1b[1m", {"x": HOSTILE}) for _ in range(3)]
    prompt = Prompt(entry_of(SUMS), Says(*frames), blocks=False)
    shown = prompt.type("step", command)
    assert_tame(shown)
    assert "\n" not in shown.splitlines()[0]
    if command in ("vars", "p x"):
        assert "'[red]a[/red] [/] :smile: \\x1b[31m\\x1b]0;t\\x07\\x9b1m\\u202e\\ud800\\r\\n\\x08 \\u2028'" in shown


def test_in_a_pipe_a_stop_is_one_line_whatever_it_holds() -> None:
    state = {f"name{n}": HOSTILE for n in range(30)}
    prompt = Prompt(entry_of(SUMS), Says(Frame(Event.LINE, "<module>", 2, "n = 0", state)), width=40)
    assert prompt.type("step").count("\n") == 1


def test_a_value_of_a_megabyte_is_shortened_in_a_stop_and_whole_in_p() -> None:
    value = repr("é" * 1_000_000)
    prompt = Prompt(entry_of(SUMS), Says(line(2, total=value)))
    assert len(prompt.type("step")) < 200
    assert prompt.type("p total") == value + "\n"


@pytest.mark.parametrize("blocks", [True, False])
def test_a_narrow_console_loses_no_text(blocks: bool) -> None:
    typed = ["help", "help list", "step 5", "vars", "where", "predict 3", "list", "pp [1, 2]", "p 'long text ' * 20"]
    shown = []
    for width in (20, 40, 100, 250):
        prompt = Prompt(entry_of(SUMS), Sums(), width=width, blocks=blocks)
        prompt.type(*typed)
        shown.append("".join(prompt.output.getvalue().split()))
    assert len(set(shown)) == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@example(
    seed=0, typed=["step 999999999999999999999", "go " + "9" * 5000, "p " + "(" * 3000, "!" + "[" * 3000, "\0", "p \0"]
)
@example(
    seed=0,
    typed=["p 9**9**9", "p 'a' * 10**9", "p [0] * 10**9", "p 1 << 10**9", "!x = 10**9**9", "p list(range(10**10))"],
)
@example(seed=1, typed=["p \ud800", "\ud800 = 1", "p '\\ud800'", "!x = '\\ud800'", "vars"])
@given(seed=st.integers(0, 50), typed=st.lists(LINES, min_size=5, max_size=25))
def test_no_input_and_no_model_break_the_session(seed: int, typed: list[str]) -> None:
    entry = entry_of(FUZZED)
    prompt = Prompt(entry, Wandering(entry, seed), blocks=bool(seed % 2))
    for text in typed:
        try:
            shown = prompt.type(text)
        except Quit:
            assert text.split()[0] in ("quit", "q", "exit")
            continue
        assert_tame(shown)
        assert prompt.session.history
