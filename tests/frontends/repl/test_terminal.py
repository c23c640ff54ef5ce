"""The prompt on a real terminal (a pseudo-terminal with an emulator behind it): what the user sees and presses.

Most sessions replay a recording, which needs no model; the ones that are about waiting use the embedded one.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pexpect
import pyte
import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.engines.replay import RecordingEngine
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor

pytestmark = pytest.mark.slow

SCRIPT = """\
def add(total, number):
    total = total + number
    return total


result = 0
for number in [1, 2]:
    result = add(result, number)
print(result)
"""
PROMPT = "(neuralpdb)"
TAB, ENTER, UP, CTRL_C, CTRL_D, CTRL_U = "\t", "\r", "\x1b[A", "\x03", "\x04", "\x15"
PATIENCE = 60.0


class _Emulator(pyte.Screen):
    """A screen that answers the program's questions about the cursor."""

    answer: Callable[[str], object] = staticmethod(lambda text: None)

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """neuralpdb in a terminal of `columns` x `rows`."""

    def __init__(self, *args: str, columns: int = 80, rows: int = 60, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV")}
        settings = {"TERM": "xterm-256color", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        settings |= {"NEURALPDB_ENGINE": "local", "NEURALPDB_RC": "false"}
        settings |= environment
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "neuralpdb", *args],
            dimensions=(rows, columns),
            env={**kept, **settings},
            timeout=PATIENCE,
        )
        self.raw = b""
        self.screen = _Emulator(columns, rows)
        self.screen.answer = self.child.send
        self.stream = pyte.ByteStream(self.screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what was written; False when the program is gone."""
        try:
            data = self.child.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self.stream.feed(data)
        return True

    def wait(self, wanted: Callable[[Terminal], bool]) -> Terminal:
        """Read until the screen is as wanted."""
        until = time.monotonic() + PATIENCE
        while not wanted(self):
            if not self.read() or time.monotonic() > until:
                raise AssertionError(f"never came to be:\n{self.text}")
        return self

    def settled(self, prompts: int) -> Terminal:
        """Wait for the last of so many prompts to be free."""
        return self.wait(lambda _: self.prompts == prompts and self.lines[self.screen.cursor.y] == PROMPT)

    @property
    def prompts(self) -> int:
        return sum(line.startswith(PROMPT) for line in self.lines)

    def type(self, text: str) -> Terminal:
        """Type a line and wait for the next prompt."""
        prompts = self.prompts
        self.child.send(text + ENTER)
        return self.settled(prompts + 1)

    def press(self, keys: str) -> Terminal:
        self.child.send(keys)
        return self

    def leave(self) -> int:
        """Ctrl-D on an empty line, then the exit code."""
        return self.press(CTRL_U + CTRL_D).code()

    def code(self) -> int:
        """Wait for the end; the exit code."""
        until = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < until, f"never ended:\n{self.text}"
        self.child.close()
        return int(self.child.exitstatus)

    def colours(self) -> set[str]:
        return {char.fg for row in self.screen.buffer.values() for char in row.values()} - {"default"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, and a recording of a model that predicts it right."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "script.py").write_text(SCRIPT)
    entry = entry_of(SCRIPT, name="script.py")
    frames = recorded(entry).frames
    scripted = ScriptedEngine(list(codec.render_all(frames))[1:])
    engine = RecordingEngine(scripted, folder / "said.jsonl")
    predictor = Predictor(entry, engine)
    for n in range(1, len(frames)):
        predictor.next(frames[:n])
    engine.close()
    return folder


@pytest.fixture
def terminal(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Terminal]]:
    """Opens a terminal on the recording; ends what is left of it."""
    monkeypatch.chdir(folder)
    opened: list[Terminal] = []

    def open_one(*args: str, replay: bool = True, **options: object) -> Terminal:
        engine = ["--engine", "replay", "--recording", "said.jsonl"] if replay else []
        settings = {"XDG_STATE_HOME": str(tmp_path / "state"), **options}
        opened.append(Terminal(*engine, *(args or ("script.py",)), **settings))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for each in opened:
        each.child.close(force=True)


Open = Callable[..., Terminal]


def test_the_first_screen_shows_where_it_starts_and_the_source_around_it(terminal: Open) -> None:
    shown = terminal().settled(1)
    assert shown.lines[0].startswith("neuralpdb ") and "nothing is run" in shown.lines[0]
    assert shown.lines[1:3] == ["> script.py(6)<module>()", "-> result = 0"]
    assert "  6  -> result = 0" in shown.lines
    assert "  2         total = total + number" in shown.lines


def test_stops_are_shown_as_pdb_shows_them_then_what_changed(terminal: Open) -> None:
    shown = terminal().settled(1).type("step").type("next").type("step 2")
    assert shown.text.split(f"{PROMPT} step 2\n")[1].splitlines()[:6] == [
        "> script.py(2)add()",
        "-> total = total + number",
        "   total = 0",
        "   number = 1",
        PROMPT,
    ]


def test_there_is_colour(terminal: Open) -> None:
    shown = terminal().settled(1).type("step")
    assert len(shown.colours()) >= 3
    row = next(y for y, line in enumerate(shown.lines) if line.startswith(PROMPT))
    assert shown.screen.buffer[row][1].fg != "default"


def test_no_color_is_heard(terminal: Open) -> None:
    shown = terminal(NO_COLOR="1").settled(1).type("step").type("nonsense")
    assert shown.colours() == set()


def test_a_dumb_terminal_gets_text_and_nothing_else(terminal: Open) -> None:
    shown = terminal(TERM="dumb").settled(1).type("step").type("").press(CTRL_C).settled(4)
    assert b"\x1b" not in shown.raw
    assert "> script.py(7)<module>()" in shown.lines and "> script.py(8)<module>()" in shown.lines
    assert shown.press(CTRL_D).code() == 0


def test_text_is_broken_where_a_narrow_dumb_terminal_ends(terminal: Open) -> None:
    shown = terminal(TERM="dumb", columns=40).settled(1)
    shown.child.send("help step\n")
    shown.wait(lambda t: "a return or an exception." in t.lines and t.text.endswith(PROMPT))
    assert "Predict the next event: a line, a call," in shown.lines
    assert shown.press(CTRL_D).code() == 0


def test_in_the_shell_of_emacs_lines_end_in_a_newline_and_everything_is_text(terminal: Open) -> None:
    shown = terminal(TERM="dumb", INSIDE_EMACS="29.1,comint", columns=40).settled(1)
    for line, prompt in (("step", PROMPT), ("[1,", "..."), ("2]", PROMPT), ("interact", ">>>"), ("result + 1", ">>>")):
        shown.child.send(line + "\n")
        shown.wait(lambda t, line=line, prompt=prompt: t.text.endswith(f"\n{prompt}") and line in t.text)  # type: ignore[misc]
    assert "[1, 2]" in shown.lines and "1" in shown.lines
    shown.press(CTRL_D).wait(lambda t: "*exit from interact*" in t.text and t.text.endswith(PROMPT))
    assert b"\x1b" not in shown.raw
    assert shown.press(CTRL_D).code() == 0


def test_ctrl_d_leaves_interact_before_it_leaves_the_debugger(terminal: Open) -> None:
    shown = terminal().settled(1).press("interact" + ENTER).wait(lambda t: t.lines[t.screen.cursor.y] == ">>>")
    shown.press("(1 +" + ENTER).wait(lambda t: t.lines[t.screen.cursor.y] == "...")
    shown.press(CTRL_C).wait(lambda t: t.text.endswith(">>>"))
    shown.press("1 + 1" + ENTER).wait(lambda t: "\n2\n" in t.text)
    shown.press(CTRL_D).wait(lambda t: t.lines[t.screen.cursor.y] == PROMPT)
    assert shown.leave() == 0


def test_an_expression_over_several_lines_can_be_typed_and_pasted(terminal: Open) -> None:
    shown = terminal().settled(1).press("[1," + ENTER).wait(lambda t: t.lines[t.screen.cursor.y] == "...")
    shown.press("2]" + ENTER).wait(lambda t: "[1, 2]" in t.lines)
    shown.press("\x1b[200~{'a':\n3}\x1b[201~" + ENTER).wait(lambda t: "{'a': 3}" in t.lines)
    assert shown.leave() == 0


def test_two_timelines_fit_forty_columns(terminal: Open) -> None:
    shown = terminal(columns=40, rows=120).settled(1).type("step 3").type("fork was").type("back").type("jump 9")
    shown.type("diff was").type("timelines")
    assert all(len(line) <= 40 for line in shown.lines)
    joined = "".join(line.ljust(40) for line in shown.screen.display)
    assert "main and was part at step 2: control flow (main edited)" in joined
    assert "! 2 main [edited] (9)<module>() -> print(result)" in joined and "! 2 was  (8)<module>()" in joined


def test_sticky_shows_the_function_at_every_stop(terminal: Open) -> None:
    shown = terminal().settled(1).type("sticky").type("step")
    assert shown.text.count("  7  -> for number in [1, 2]:") == 1
    assert shown.text.count("  9     print(result)") == 3


def test_tab_completes_a_command(terminal: Open) -> None:
    shown = terminal().settled(1).press("longl" + TAB)
    shown.wait(lambda _: f"{PROMPT} longlist" in shown.text)


def test_tab_completes_a_local_a_line_number_and_the_name_of_a_command_to_explain(terminal: Open) -> None:
    shown = terminal().settled(1).type("step").press("p resu" + TAB)
    shown.wait(lambda _: f"{PROMPT} p result" in shown.text)
    shown.press(ENTER).wait(lambda _: "\n0\n" in shown.text)
    shown.settled(3).press("break " + TAB)
    shown.wait(lambda _: shown.text.split("break")[-1].split()[:8] == "add 1 2 3 6 7 8 9".split())
    shown.press(CTRL_U + "help acc" + TAB).wait(lambda _: f"{PROMPT} help accept" in shown.text)


def test_tab_completes_names_of_timelines_checkpoints_aliases_functions_and_files(terminal: Open, folder: Path) -> None:
    shown = terminal().settled(1).type("fork second").type("checkpoint first").type("alias shorter step")
    for typed, whole in (
        ("diff sec", "diff second"),
        ("timeline sec", "timeline second"),
        ("go fir", "go first"),
        ("unalias sho", "unalias shorter"),
        ("shor", "shorter"),
        ("source ad", "source add"),
        ("load sai", "load said.jsonl"),
    ):
        shown.press(CTRL_U + typed + TAB)
        shown.wait(lambda t, whole=whole: t.lines[t.screen.cursor.y] == f"{PROMPT} {whole}")  # type: ignore[misc]


def test_tab_shows_the_choices_when_there_are_several(terminal: Open) -> None:
    shown = terminal().settled(1).press("re" + TAB)
    shown.wait(lambda _: all(name in shown.text for name in ("return", "reset", "retval")))


def test_enter_repeats_a_step_but_not_a_breakpoint(terminal: Open) -> None:
    shown = terminal().settled(1).type("step").type("").type("")
    assert "> script.py(1)add()" in shown.lines
    shown.type("break 3")
    places = [line for line in shown.lines if line.startswith("> ")]
    shown.type("").type("")
    assert [line for line in shown.lines if line.startswith("> ")] == places
    assert sum(line.startswith("Breakpoint") for line in shown.lines) == 1


def test_the_commands_of_a_breakpoint_are_asked_for_with_their_own_prompt(terminal: Open) -> None:
    shown = terminal().settled(1).type("break 3").press("commands" + ENTER)
    for number, command in enumerate(["p total", "p number", "end"], 1):
        asked = partial(lambda count, at: at.text.count("(com)") == count, number)
        shown.wait(asked).press(command + ENTER)
    shown.settled(3).type("continue")
    assert shown.lines[shown.lines.index(f"{PROMPT} continue") + 1 :][:3] == ["1", "1", "breakpoint 1"]


def test_ctrl_c_gives_up_the_commands_that_are_being_typed(terminal: Open) -> None:
    shown = terminal().settled(1).type("break 3").press("commands" + ENTER)
    shown.wait(lambda at: "(com)" in at.text).press("p 1" + ENTER)
    shown.wait(lambda at: at.text.count("(com)") == 2).press(CTRL_C).settled(3)
    assert "*** command definition aborted, old commands kept" in shown.lines
    shown.press("clear " + TAB).wait(lambda at: f"{PROMPT} clear 1" in at.text)


def test_ctrl_d_leaves_with_code_0(terminal: Open) -> None:
    assert terminal().settled(1).leave() == 0


def test_quit_leaves_with_code_0(terminal: Open) -> None:
    assert terminal().settled(1).press("quit" + ENTER).code() == 0


def test_ctrl_c_at_the_prompt_drops_the_line_and_stays(terminal: Open) -> None:
    shown = terminal().settled(1).press("step 99").wait(lambda t: f"{PROMPT} step 99" in t.text)
    shown.press(CTRL_C).wait(lambda t: t.prompts == 2)
    shown.type("where")
    assert "step 0 of 0 known" in shown.text
    assert shown.leave() == 0


def test_what_was_typed_is_remembered_from_session_to_session_for_its_user_alone(
    terminal: Open, tmp_path: Path
) -> None:
    assert terminal().settled(1).type("p 40 + 2").leave() == 0
    path = tmp_path / "state" / "neuralpdb" / "history"
    assert "p 40 + 2" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = terminal().settled(1).press(UP)
    shown.wait(lambda _: f"{PROMPT} p 40 + 2" in shown.text)


def test_a_history_that_cannot_be_written_is_kept_for_the_session(terminal: Open, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    shown = terminal().settled(1).type("p 40 + 2").press(UP)
    shown.wait(lambda _: shown.text.count(f"{PROMPT} p 40 + 2") == 2)
    assert shown.leave() == 0


def test_forty_columns_are_enough(terminal: Open) -> None:
    shown = terminal(columns=40, rows=120).settled(1).type("step").type("predict 2").type("help step")
    joined = "".join(line.ljust(40) for line in shown.screen.display)
    assert "     2 (8)<module>() -> result = add(result, number)  # number = 1" in joined
    words = ["Predict the next event: a line, a call,", "a return or an exception."]
    assert words == [line for line in shown.lines if line in words]


def test_typing_ahead_loses_nothing(terminal: Open) -> None:
    shown = terminal().settled(1)
    shown.child.send("step\rstep\rwhere\r")
    shown.wait(lambda _: "step 2 of 2 known" in shown.text and shown.lines[shown.screen.cursor.y] == PROMPT)


def test_pasted_lines_are_typed_one_by_one(terminal: Open) -> None:
    shown = terminal().settled(1).press("\x1b[200~step\nstep\x1b[201~" + ENTER)
    shown.wait(lambda _: "> script.py(8)<module>()" in shown.lines)


def test_a_readline_configuration_for_vi_is_heard(terminal: Open, tmp_path: Path) -> None:
    (tmp_path / "inputrc").write_text("set editing-mode vi\n")
    shown = terminal(INPUTRC=str(tmp_path / "inputrc")).settled(1).press("step 99\x1b")
    time.sleep(2.0)  # Escape alone is told from the beginning of a key by the time that passes
    shown.press("0d$istep" + ENTER).wait(lambda _: "> script.py(7)<module>()" in shown.lines)


def test_a_model_that_cannot_answer_costs_one_message(terminal: Open) -> None:
    shown = terminal("--model-only", "script.py").settled(1).type("!result = 5").type("step")
    assert "*** no prediction: said.jsonl holds no" in shown.text
    assert shown.type("back").type("step").leave() == 0


def test_values_cannot_steer_the_terminal(terminal: Open) -> None:
    shown = terminal().settled(1).type("!result = '\\x1b[2J\\x1b]0;title\\x07\\u202e'")
    shown.type("p result").type("vars").type("pp result")
    assert b"\x1b]0;title" not in shown.raw
    assert shown.text.count(r"\x1b[2J") >= 3
    assert "nothing is run" in shown.lines[0]


def test_the_first_screen_needs_no_model_and_a_model_that_cannot_be_loaded_ends_it_with_3(terminal: Open) -> None:
    options = ("--weights", "missing", "--model-only", "script.py")
    shown = terminal(*options, replay=False).settled(1).type("p 1 + 1").type("list 6,6")
    assert shown.text.count("6  -> result = 0") == 2
    assert shown.press("step" + ENTER).code() == 3
    assert "neuralpdb: no checkpoint directory missing" in shown.text


def test_on_the_embedded_model_ctrl_c_during_a_prediction_keeps_the_session(terminal: Open, tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("n = 0\nwhile n < 100000:\n    n = n + 1\n")
    shown = terminal("--model-only", str(tmp_path / "loop.py"), replay=False, columns=100).settled(1)
    assert "-> n = 0" in shown.lines
    shown.type("step")
    assert "-> while n < 100000:" in shown.lines
    shown.press("continue" + ENTER)
    shown.wait(lambda _: f"{PROMPT} continue" in shown.text)
    shown.wait(lambda _: "frames, at line" in shown.text)
    shown.press(CTRL_C).settled(3)
    assert "interrupted after" in shown.text and "frames, at line" not in shown.text
    shown.type("vars")
    assert any(line.startswith("n = ") for line in shown.lines)
    assert shown.type("step").leave() == 0


def test_with_the_real_run_beside_it_the_embedded_model_is_caught_and_put_right(terminal: Open) -> None:
    account = str(ROOT / "examples" / "account.py")
    shown = terminal("--model-only", "--compare", "--interactive", account, replay=False, columns=110, rows=90)
    shown.settled(1)
    assert shown.lines[0].endswith("a model predicts, the real run goes on beside it. Type help for help.")
    assert shown.lines[1] == "note: the program is run for real, in a child process with limits"
    shown.type("step")
    assert " = exact" in shown.lines
    shown.type("go diverge")
    wrong = next(line for line in shown.lines if line.startswith(" ! "))
    name = wrong.split()[1]
    assert any(line.startswith((" ! state: ", " ! value: ", " ! control: ")) for line in shown.lines)
    row = next(y for y, line in enumerate(shown.lines) if line == wrong)
    assert shown.screen.buffer[row][1].fg == "red"
    before = shown.lines.count(" = actual (adopted)")
    shown.type("vars").type("diff").type("check").type("adopt")
    assert any(line.startswith(f"! {name}") and "actual Account('Ada', 10)" in line for line in shown.lines)
    assert "1 state" in shown.text and "first divergence, step " in shown.text
    assert shown.lines.count(" = actual (adopted)") == before + 1
    shown.press("diff a" + TAB).wait(lambda _: shown.text.endswith("diff all")).press(ENTER).settled(8)
    assert not any(line.startswith("! ") for line in shown.text.split("diff all")[1].splitlines())
    assert shown.type("back").leave() == 0
