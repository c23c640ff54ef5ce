"""The command line, as a user meets it: sessions on the embedded model, every bad input, pipes and signals.

Sessions that need the model run in this process and share one load of it; what depends on the process itself (streams,
signals, what is imported) runs in a process of its own.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from places import ROOT

from neuralpdb import __version__, errors
from neuralpdb.cli import engine as opening
from neuralpdb.cli import main
from neuralpdb.engines.base import Engine
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token

STRAWBERRY = ROOT / "examples" / "strawberry.py"
WEIGHTS = ROOT / "weights" / "mini"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("NEURALPDB_", "PYTHON"))},
    "OMP_NUM_THREADS": "1",
    "NEURALPDB_ENGINE": "local",
    "NEURALPDB_RC": "false",
}
COMMAND = [sys.executable, "-m", "neuralpdb"]


@dataclass(frozen=True)
class Done:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Cli = Callable[..., Done]


def process(*args: str, typed: str = "", **environment: str) -> Done:
    """The command line in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *args],
        input=typed.encode(),
        capture_output=True,
        timeout=120,
        env={**ENVIRONMENT, **environment},
        check=False,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


@pytest.fixture(scope="module")
def model() -> Iterator[Engine]:
    engine = LocalEngine.load(WEIGHTS, threads=1)
    yield engine
    engine.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process; `typed` is its standard input."""

    def call(*args: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        handler = signal.getsignal(signal.SIGINT)
        try:
            code = main.main(args)
        finally:
            signal.signal(signal.SIGINT, handler)
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def predict(run: Cli, monkeypatch: pytest.MonkeyPatch, model: Engine, tmp_path: Path) -> Cli:
    """As `run`, on the model that is loaded already, in an empty folder."""
    monkeypatch.setattr(opening, "loading_engine", lambda weights: model)
    monkeypatch.setattr(LocalEngine, "close", lambda self: None)
    monkeypatch.chdir(tmp_path)
    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- sessions on the embedded model ---------------------------------------------------------------------------


def test_a_piped_session_in_a_process_of_its_own() -> None:
    typed = "step\nstep 3\nstep\nvars\npredict 2\naccept\n!total = 7\nstep\nback\nwhere\njump 13\nstep\nquit\nvars\n"
    done = process(str(STRAWBERRY), typed=typed)
    name = re.escape(str(STRAWBERRY))
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    places = [re.search(rf"{name}(\(\d+\)[<>\w]+\(\))", line) for line in done.lines]
    assert done.lines[0] == f'> {STRAWBERRY}(23)<module>() -> if __name__ == "__main__":'
    assert done.lines[1] == f"> {STRAWBERRY}(24)<module>() -> main()"
    assert done.lines[2].endswith("(18)main() -> count = count_letter(word, \"r\")  # word = 'strawberry'")
    assert "(8)count_letter() --Call--" in done.lines[3]
    assert done.lines[4:6] == ["word = 'strawberry'", "wanted = 'r'"]
    assert [line.split("(")[0] for line in done.lines[6:8]] == ["     6 ", "     7 "]
    assert "# total = 0" in done.lines[8] and "(10)count_letter()" in done.lines[8]
    assert "[edited]" in done.lines[9] and "# total: 0 -> 7" in done.lines[9]
    assert "(11)count_letter()" in done.lines[10]
    assert "(10)count_letter() [edited]" in done.lines[11]
    assert "(13)count_letter() [edited] -> return total" in done.lines[-2]
    assert done.lines[-1].startswith(f"> {STRAWBERRY}(13)count_letter()->7 --Return-- -> return total")
    assert sum(place is not None for place in places) == len(done.lines) - 4 - 4


def test_a_stop_is_one_line_and_every_line_is_explained(predict: Cli) -> None:
    done = predict(str(STRAWBERRY), typed="step\nstep\nstep\n")
    assert (done.code, len(done.lines)) == (0, 4)
    assert all(line.startswith(f"> {STRAWBERRY}(") for line in done.lines)


def test_a_call_can_be_the_start(predict: Cli) -> None:
    done = predict("--call", "is_match('a', 'r')", str(STRAWBERRY), typed="step 2\nargs\nreturn\nretval\n")
    assert done.lines[0] == "> <call>(25)_main() --Call-- -> def _main():"
    assert done.lines[1].endswith("is_match() --Call-- -> def is_match(letter, wanted):  # letter = 'a', wanted = 'r'")
    assert done.lines[2:4] == ["letter = 'a'", "wanted = 'r'"]
    assert f"is_match()->{done.lines[5]} --Return-- -> return letter == wanted" in done.lines[4]


def test_any_line_with_any_state_can_be_the_start(predict: Cli) -> None:
    settings = ["--set", "word='tree'", "--set", "wanted='e'", "--set", "total=41", "--set", "letter='e'"]
    done = predict("--at", "12", *settings, str(STRAWBERRY), typed="step\np total\n")
    assert done.lines[0] == (
        f"> {STRAWBERRY}(12)count_letter() -> total += 1  # word = 'tree', wanted = 'e', total = 41, letter = 'e'"
    )
    assert done.lines[1].startswith(f"> {STRAWBERRY}(10)count_letter() -> for letter in word:")
    assert done.lines[2] == "42"


def test_a_marker_on_a_def_lets_the_model_invent_the_arguments_and_reset_draws_them_again(
    run: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(n: str) -> Markup:
        return (Token.CALL, f'{{"n": "{n}"}}', Token.ACTION, "def double(n):\n", Token.FRAME)

    engine = ScriptedEngine([start("3"), start("4")])
    monkeypatch.setattr(opening, "loading_engine", lambda weights: engine)
    Path("marked.py").write_text("x = 1\n\n\ndef double(n):  # << START_OF_TRACE\n    return n + n\n")
    done = run("--model-only", "marked.py", typed="args\nreset\nlist 4,4\n")
    assert done.lines == [
        "> marked.py(4)double() --Call-- -> def double(n):  # n = 3",
        "n = 3",
        "> marked.py(4)double() --Call-- -> def double(n):  # n = 4",
        "  4  -> def double(n):",
    ]
    assert engine.prompts[0][2] == "\nx = 1\n\n\ndef double(n):  # << START_OF_TRACE\n    return n + n\n"


def test_a_marked_def_with_values_for_its_parameters_needs_no_invention(predict: Cli) -> None:
    Path("marked.py").write_text("def double(n):  # << START_OF_TRACE\n    m = n\n    return m\n")
    done = predict("--set", "n=21", "marked.py", typed="step\nreset\n")
    assert done.lines == [
        "> marked.py(1)double() --Call-- -> def double(n):  # n = 21",
        "> marked.py(2)double() -> m = n",
        "> marked.py(1)double() --Call-- -> def double(n):  # n = 21",
    ]


def test_a_marker_in_the_script_starts_there(predict: Cli) -> None:
    Path("marked.py").write_text("a = 1\nb = 2\nc = 3  # << START_OF_TRACE\nd = 4\n")
    done = predict("marked.py", typed="step\nlist 3,3\n")
    assert done.lines[:2] == ["> marked.py(3)<module>() -> c = 3", "> marked.py(4)<module>() -> d = 4  # c = 3"]
    assert done.lines[2] == "  3     c = 3"


def test_commands_of_the_command_line_come_first(predict: Cli) -> None:
    done = predict("-c", "step", "--command", "p 1 + 1", "-c", "list 24,24", str(STRAWBERRY), typed="p 3\n")
    assert done.lines[1:] == [f"> {STRAWBERRY}(24)<module>() -> main()", "2", " 24  ->     main()", "3"]


def test_quit_among_the_commands_leaves_before_the_input_is_read(predict: Cli) -> None:
    done = predict("-c", "quit", "-c", "p 1", str(STRAWBERRY), typed="p 3\n")
    assert (done.code, len(done.lines)) == (0, 1)


def test_a_session_goes_on_where_it_was_saved_with_the_text_of_then(predict: Cli, tmp_path: Path) -> None:
    script = tmp_path / "p.py"
    script.write_text("x = 1\ny = x\nz = y\n")
    first = predict("p.py", typed="step\nbreak 3\n!x = 5\nsave s.jsonl\n")
    assert first.lines[-1] == "saved: s.jsonl, 3 frames"
    script.write_text("x = 2\n")
    again = predict("--session", "s.jsonl", typed="list 1,1\nback\ncontinue\n")
    assert again.err.splitlines()[-1] == "neuralpdb: note: p.py has changed; showing the source as it was saved"
    assert (
        again.lines[0] == "> p.py(2)<module>() [edited] -> y = x  # x = 5  (loaded: step 1 of 1 known, timeline main)"
    )
    assert again.lines[1].split() == ["1", "x", "=", "1"]
    assert again.lines[2].startswith("> p.py(2)<module>() -> y = x  # x: 5 -> 1")
    assert again.lines[3].startswith("> p.py(3)<module>() -> z = y") and "breakpoint 1" in again.lines[3]


def test_a_module_is_found_as_python_finds_it_and_what_follows_is_its_own(predict: Cli, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__main__.py").write_text("x = 1\n")
    done = predict("-m", "pack", "one", "--two")
    assert done.code == 0
    assert done.lines == [
        f"> {Path('pack') / '__main__.py'}(1)<module>() -> x = 1",
    ]


def test_the_user_s_commands_come_first_then_the_folder_s_then_those_of_the_command_line(
    predict: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".neuralpdbrc").write_text("# mine\nalias one p 1\none\n")
    (tmp_path / ".neuralpdbrc").write_text("p 2\n!x = 2\n")
    (tmp_path / "p.py").write_text("x = 1\n")
    told = predict("--rc", "-c", "p 3", "p.py", typed="p 4\n").lines
    assert [line for line in told if line.isdecimal()] == ["1", "2", "3", "4"]
    assert told[3].startswith("*** ./.neuralpdbrc, line 2: ")
    assert predict("--no-rc", "p.py", typed="p 4\n").lines[1:] == ["4"]
    monkeypatch.setenv("NEURALPDB_RC", "true")
    (tmp_path / "home" / ".neuralpdbrc").write_text("quit\np 1\n")
    assert predict("-c", "p 3", "p.py", typed="p 4\n").lines[1:] == []


def test_the_end_of_a_script_is_said_and_is_a_place(predict: Cli) -> None:
    Path("short.py").write_text("a = 1\nb = 2\n")
    done = predict("short.py", typed="continue\nvars\nback\np a\n")
    assert done.lines == [
        "> short.py(1)<module>() -> a = 1",
        "--End-- the program ended",
        "a = 1",
        "> short.py(1)<module>() -> a = 1  # a deleted",
        "*** name 'a' is not defined here (see: vars)",
    ]


def test_the_scripts_own_arguments_are_taken_and_the_model_is_said_not_to_see_them(predict: Cli) -> None:
    done = predict("--model-only", str(STRAWBERRY), "--verbose", "-x", "3", typed="quit\n")
    assert done.lines[0] == "note: the model does not see the script's arguments (3 given)"
    assert (done.code, done.err) == (0, "")


def test_the_scripts_own_arguments_are_computed_with(predict: Cli) -> None:
    Path("args.py").write_text("import sys\nn = int(sys.argv[1]) * 2\nend = n\n")
    done = predict("args.py", "21", typed="step\n")
    assert done.lines[-1].endswith("-> end = n  # n = 42")


def test_an_option_after_the_script_is_the_scripts_and_that_is_said(predict: Cli) -> None:
    done = predict(str(STRAWBERRY), "--call", "is_match(1, 2)", typed="quit\n")
    assert done.err == "neuralpdb: note: --call after the script is passed to the script; put it before\n"
    assert "<module>" in done.lines[0]


def test_nothing_of_the_script_is_executed(predict: Cli) -> None:
    Path("evil.py").write_text(
        "import evil_helper\nopen('made', 'w').write('x')\nx = open('made2', 'w')\nraise SystemExit(9)\n"
    )
    Path("evil_helper.py").write_text("open('made3', 'w')\n")
    done = predict("evil.py", typed="step\nstep\np open('made4', 'w')\n!x = open('made5', 'w')\nvars\nwhere\n")
    assert done.code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["evil.py", "evil_helper.py"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\r\ny = 2\r\nz = 3\r\n", ["(2)<module>() -> y = 2  # x = 1", "(3)<module>() -> z = 3  # y = 2"]),
        ("x = 1\ry = 2\rz = 3\r", ["(2)<module>() -> y = 2  # x = 1", "(3)<module>() -> z = 3  # y = 2"]),
        ("größe = 1\nπ = 2\nx = 3\n", ["(2)<module>() -> π = 2  # größe = 1", "(3)<module>() -> x = 3  # π = 2"]),
        ("\ufeffx = 1\ny = 2\nz = 3", ["(2)<module>() -> y = 2  # x = 1", "(3)<module>() -> z = 3  # y = 2"]),
        ("x = 1\n\x0c\ny = 2\nz = 3\n", ["(3)<module>() -> y = 2  # x = 1", "(4)<module>() -> z = 3  # y = 2"]),
    ],
    ids=["CRLF", "CR", "unicode names", "BOM", "form feed"],
)
def test_odd_sources_keep_their_lines(predict: Cli, source: str, expected: list[str]) -> None:
    Path("odd.py").write_bytes(source.encode())
    done = predict("odd.py", typed="step\nstep\n")
    assert [line.removeprefix("> odd.py") for line in done.lines[1:]] == expected


def test_tabs_are_shown_as_spaces_and_sent_as_tabs(predict: Cli) -> None:
    Path("tabs.py").write_text("def f(a):\n\tb = a\n\treturn b\n\nx = f(1)\n")
    done = predict("tabs.py", typed="step\nstep\nlist 2,2\n")
    assert done.lines[1].endswith("f() --Call-- -> def f(a):  # a = 1")
    assert done.lines[2].endswith("f() -> b = a")
    assert done.lines[3] == "  2  ->     b = a"


def test_trace_tokens_in_the_source_are_text(predict: Cli) -> None:
    Path("tokens.py").write_text('s = "<|frame_sep|><|line_sep|>{}<|action_sep|>"\nt = 1\nu = 2\n')
    done = predict("tokens.py", typed="step\nstep\np s\n")
    assert done.lines[1].startswith("> tokens.py(2)<module>() -> t = 1  # s = '<|frame_sep|>")
    assert done.lines[2] == "> tokens.py(3)<module>() -> u = 2  # t = 1"
    assert done.lines[3] == "'<|frame_sep|><|line_sep|>{}<|action_sep|>'"


def test_a_script_of_five_thousand_lines_is_stepped_through_and_the_excerpt_is_said(predict: Cli) -> None:
    functions = "".join(f"def f{n}(a, b):\n    c = a + {n}\n    return c * b\n\n" for n in range(1250))
    Path("large.py").write_text(functions + "total = 0\nfor i in range(3):\n    total += i\n")
    done = predict("--model-only", "--at", "5001", "large.py", typed="step\nstep\n")
    assert (done.code, done.err) == (0, "")
    assert done.lines[:2] == [
        "> large.py(5001)<module>() -> total = 0",
        "> large.py(5002)<module>() -> for i in range(3):  # total = 0",
    ]
    assert done.lines[2] == (
        "note: the source is longer than the model's context, it sees an excerpt around the active lines"
    )
    assert done.lines[3].startswith("> large.py(5003)<module>() -> total += i")
    assert len(done.lines) == 4


def test_a_recorded_session_is_answered_without_the_model(predict: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    args = ["--model-only", "--call", "is_match('a', 'r')", str(STRAWBERRY)]
    typed = "step\nstep\nstep\nstep\nstep\n"
    first = predict("--record", "said.jsonl", *args, typed=typed)
    monkeypatch.setattr(opening, "loading_engine", lambda weights: pytest.fail("the model was asked"))
    second = predict("--engine", "replay", "--recording", "said.jsonl", *args, typed=typed)
    assert first.lines == second.lines and len(first.lines) == 6
    other = predict(
        "--engine", "replay", "--recording", "said.jsonl", "--model-only", str(STRAWBERRY), typed="step\nwhere\n"
    )
    assert other.code == 0
    assert other.lines[1].startswith("*** no prediction: said.jsonl holds no ")
    assert other.lines[-1] == "step 0 of 0 known"


# -- bad input ------------------------------------------------------------------------------------------------

FILES = {
    "good.py": b"def f(a):\n    return a\n\n\nx = f(1)\n",
    "binary.py": b"\x7fELF\x00\x01",
    "latin.py": b"x = 1\ny = 2\nz = '\xe9'\n",
    "coding.py": b"# coding: nonsense\nx = 1\n",
    "syntax.py": b"x = 1\ny = (\nz = 2\n",
    "indent.py": b"if x:\ny = 1\n",
    "empty.py": b"",
    "comment.py": b"# nothing\n\n",
    "functions.py": b"def f(a):\n    return a\n",
    "marks.py": b"x = 1  # << START_OF_TRACE\ny = 2  # << START_OF_TRACE\n",
    "record.jsonl": b"not a record\n",
    "deep.py": b"x = " + b"(" * 500 + b")" * 500 + b"\n",
    "long.py": b"x = " + b"-" * 200_000 + b"1\n",
}

BAD = [
    (4, "missing.py", "cannot read missing.py: No such file or directory (check the path)"),
    (4, "folder", "folder is a directory (name a Python file)"),
    (4, "binary.py", "binary.py is a binary file, not Python source"),
    (4, "latin.py", "latin.py, line 3: byte 0xe9 is not utf-8 (save it as UTF-8 or add a coding line)"),
    (4, "coding.py", "coding.py: unknown encoding: nonsense (check the coding line)"),
    (4, "syntax.py", "syntax.py, line 2, column 5: '(' was never closed (at: y = ()"),
    (4, "indent.py", "indent.py, line 2, column 1: expected an indented block after 'if' statement on line 1 (at: y"),
    (4, "empty.py", "empty.py is empty: there is nothing to step through"),
    (4, "comment.py", "comment.py is empty: there is nothing to step through"),
    (4, "functions.py", "functions.py only defines things: no module-level line to start at "
        "(name a call: --call 'f(...)'; functions: f)"),
    (4, "marks.py", "marks.py marks 2 lines with # << START_OF_TRACE (mark one line)"),
    (2, "--call g(1) good.py", "--call g(1): good.py defines no 'g' (functions: f)"),
    (2, "--call f good.py", "--call f: not a call (for example --call \"f('r')\")"),
    (2, "--call f( good.py", "--call f(: not a Python expression (for example --call \"f('r')\")"),
    (2, "--call f(1) --at 2 good.py", "--call and --at/--set exclude each other (choose one way to start)"),
    (2, "--at 99 good.py", "--at 99: good.py has no executable line 99 (the nearest is line 5: x = f(1))"),
    (
        2,
        "--at 2 --set a=f+ good.py",
        "--set a: 'f+' is not a Python literal (write it as repr() would, or as an expression)",
    ),
    (2, "--at 2 --set a=open(1) good.py", "--set a: cannot run a = open(1): open() reads a file"),
    (2, "--at 2 --set a good.py", "--set a: not of the form NAME=REPR (for example --set total=0)"),
    (2, "--at 2 --set 1=2 good.py", "--set 1=2: not of the form NAME=REPR (for example --set total=0)"),
    (2, "--at x good.py", "Invalid value for '--at'"),
    (2, "--at 0 good.py", "Invalid value for '--at'"),
    (2, "--max-frames 0 good.py", "Invalid value for '--max-frames'"),
    (2, "--engine other good.py", "Invalid value for '--engine'"),
    (2, "--nothing good.py", "No such option: --nothing"),
    (2, "-c", "Option '-c' requires an argument"),
    (2, "", "name a script to step through (for example: neuralpdb script.py; see neuralpdb --help)"),
    (2, "-m nothing", "-m nothing: there is no module nothing"),
    (2, "-m a/b", "-m a/b: not the name of a module (for example -m package.module)"),
    (2, "--compare -m good", "--module and --compare exclude each other (name the file of the module)"),
    (2, "--session missing.jsonl", "cannot read missing.jsonl (there is no such file)"),
    (2, "--session good.py", "cannot read good.py, line 1: "),
    (2, "--session missing.jsonl good.py", "--session cannot be combined with a script or start options (leave them"),
    (2, "--engine replay good.py", "--engine replay and --recording FILE go together"),
    (2, "--recording record.jsonl good.py", "--engine replay and --recording FILE go together"),
    (3, "--engine replay --recording missing.jsonl good.py", "cannot read missing.jsonl: No such file or directory"),
    (3, "--engine replay --recording record.jsonl good.py", "record.jsonl, line 1: not a record"),
    (3, "--weights missing -c step good.py", "no checkpoint directory missing"),
    (3, "--weights folder -c step good.py", "cannot read folder/model.safetensors: No such file or directory"),
    (2, "trace", "Missing argument 'FILE'"),
    (2, "trace --nothing good.py", "No such option: --nothing"),
    (2, "trace --call g(1) good.py", "--call g(1): good.py defines no 'g'"),
    (4, "trace missing.py", "cannot read missing.py"),
    (4, "trace --real syntax.py", "syntax.py, line 2, column 5"),
    (3, "trace --weights missing good.py", "no checkpoint directory missing"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "command", "message"), BAD, ids=[command or "nothing" for _, command, _ in BAD])
def test_bad_input_is_one_line_and_a_documented_code(
    run: Cli, folder: Path, code: int, command: str, message: str
) -> None:
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    done = run(*command.split())
    assert done.err.startswith(f"neuralpdb: {message}")
    assert done.err.count("\n") == 1 and done.err.endswith("\n")
    assert (done.code, "Traceback" in done.out) == (code, False)


@pytest.mark.parametrize("name", ["deep.py", "long.py"])
def test_source_that_breaks_the_parser_is_one_line(run: Cli, folder: Path, name: str) -> None:
    (folder / name).write_bytes(FILES[name])
    done = run(name, typed="quit\n")
    assert done.code in (0, 4)
    assert done.err.count("\n") == (done.code == 4)


@pytest.mark.parametrize("damage", ["a flipped bit", "a cut file", "no weights", "no vocabulary"])
def test_damaged_weights_are_refused_with_one_line(run: Cli, folder: Path, damage: str) -> None:
    shutil.copytree(WEIGHTS, "mini")
    shutil.copy(STRAWBERRY, "script.py")
    weights = Path("mini/model.safetensors")
    if damage == "a flipped bit":
        with weights.open("r+b") as file:
            file.seek(20_000_000)
            byte = file.read(1)[0]
            file.seek(20_000_000)
            file.write(bytes([byte ^ 1]))
    elif damage == "a cut file":
        os.truncate(weights, 1_000_000)
    elif damage == "no weights":
        weights.unlink()
    else:
        Path("mini/tokenizer.json").unlink()
    done = run("--weights", "mini", "script.py", typed="vars\nstep\nvars\n")
    assert done.code == 3
    assert re.fullmatch(r"neuralpdb: [^\n]*mini[^\n]*\n", done.err)
    assert not done.lines


def test_a_file_name_that_would_steer_the_terminal_is_shown_inert(run: Cli, folder: Path) -> None:
    done = run("no\x1b[31m\nfile.py")
    assert (done.code, done.err) == (
        4,
        "neuralpdb: cannot read no\\x1b[31m file.py: No such file or directory (check the path)\n",
    )


# -- help -----------------------------------------------------------------------------------------------------


def test_help_shows_every_option_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from neuralpdb.cli.main import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'numpy', 'tokenizers', 'safetensors', 'prompt_toolkit', 'httpx', 'httpx2'}; "
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    options = (
        "--call --at --set -c --command --engine --base-url --model --weights --recording --record --constrain "
        "--max-frames --version"
    )
    for args, wanted in ((["--help"], options), (["trace", "--help"], "--real --call --max-frames --engine --weights")):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=True
        )
        assert done.stdout.splitlines()[-1] == "0 []"
        assert all(option in done.stdout for option in wanted.split())
        assert "\x1b" not in done.stdout


def test_help_is_as_wide_as_a_small_terminal(run: Cli) -> None:
    done = run("--help")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 100


def test_the_version_is_that_of_the_package(run: Cli) -> None:
    assert run("--version") == Done(0, f"neuralpdb {__version__}\n", "")


# -- streams and signals --------------------------------------------------------------------------------------


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    for args in (f"{STRAWBERRY}", f"trace {STRAWBERRY}", f"trace --real {STRAWBERRY}"):
        script = f"yes vars | {sys.executable} -m neuralpdb {args} | head -1"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_output_that_the_encoding_cannot_hold_is_escaped(folder: Path) -> None:
    (folder / "größe.py").write_text("größe = 'é'\nx = 2\n", encoding="utf-8")
    done = process("größe.py", typed="p 'ñ'\nlist\nquit\n", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == "> gr\\xf6\\xdfe.py(1)<module>() -> gr\\xf6\\xdfe = '\\xe9'"


def test_input_that_is_no_text_is_a_mistake_and_the_next_line_counts() -> None:
    done = subprocess.run(
        [*COMMAND, str(STRAWBERRY)],
        input=b"\xff\xfe\x00\nlist 24,24\n",
        capture_output=True,
        timeout=60,
        env=ENVIRONMENT,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[1].startswith(b"*** ")
    assert done.stdout.splitlines()[2] == b" 24         main()"


@pytest.mark.parametrize("closed", ["<&-", ">&- </dev/null", "2>&- </dev/null"])
def test_a_closed_stream_is_an_empty_one(closed: str) -> None:
    script = f"{sys.executable} -m neuralpdb {STRAWBERRY} {closed}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_during_a_piped_continue_says_where_and_leaves_with_130(folder: Path) -> None:
    (folder / "loop.py").write_text("n = 0\nwhile True:\n    n = n + 1\n")
    with subprocess.Popen(
        [*COMMAND, "--max-frames", "100000000", "loop.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as running:
        assert running.stdin is not None and running.stdout is not None and running.stderr is not None
        running.stdin.write(b"step\ncontinue\np 1\n")
        running.stdin.flush()
        first = [running.stdout.readline() for _ in range(2)]
        time.sleep(1.0)
        running.send_signal(signal.SIGINT)
        out, err = running.stdout.read(), running.stderr.read()
    assert first[1].startswith(b"> loop.py(2)<module>() -> while True:")
    assert re.search(rb"\(interrupted after [\d,]+ frames?\)\n$", out)
    assert (running.returncode, err) == (errors.INTERRUPTED, b"")
