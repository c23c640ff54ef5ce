"""`neuralpdb trace --computed`: what follows from a program by Python's own rules, for one program and for many."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.cli import main
from neuralpdb.trace.frames import from_jsonl, same_state

FIELDS = ["i", "event", "function", "line", "source", "locals", "value", "depth", "origin"]
ENDLESS = "n = 0\nwhile True:\n    n += 1\n"
CHANCE = """\
import random

total = 0
for i in range(2):
    chance = random.random()
    total += chance
    label = "over" if total > 1 else "under"
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`neuralpdb trace --computed` in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> tuple[int, str, str]:
        code = main.main(["trace", "--computed", *args])
        return code, *capsys.readouterr()

    return call


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def example(name: str) -> Path:
    return ROOT / "examples" / f"{name}.py"


def started(folder: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "neuralpdb", "trace", "--computed", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# -- one program ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["strawberry", "caught", "uncaught", "recursion", "generator", "account", "nested"])
def test_an_example_is_computed_to_its_end_as_it_really_runs(computed: Run, name: str) -> None:
    code, out, err = computed(str(example(name)))
    assert (code, err) == (0, "")
    real = recorded(entry_of(example(name).read_text(), name=f"{name}.py")).frames
    assert all(same_state(a, b) for a, b in zip(from_jsonl(out.splitlines()), real, strict=True))


def test_every_frame_has_the_documented_fields_in_their_order(computed: Run) -> None:
    _, out, _ = computed(str(example("strawberry")))
    assert all(list(each) in (FIELDS, [*FIELDS, "output"]) for each in objects(out))
    assert "".join(each.get("output", "") for each in objects(out)) == "'strawberry' has 3 r\n"
    assert [each["i"] for each in objects(out)] == list(range(len(objects(out))))
    assert {each["origin"] for each in objects(out)} == {"computed"}


def test_what_is_not_known_is_null_with_its_reason_and_the_end_says_where_and_why(computed: Run) -> None:
    Path("chance.py").write_text(CHANCE)
    code, out, err = computed("chance.py")
    assert code == 0
    last = objects(out)[-1]
    assert list(last) == [*FIELDS, "unknown"]
    assert last["locals"] == {"total": None, "i": "0", "chance": None}
    assert last["unknown"] == dict.fromkeys(["total", "chance"], "random.random() is known only when it runs")
    assert err == (
        "neuralpdb: chance.py, line 7: nothing is told after frame 4: "
        "a branch on an unknown: random.random() is known only when it runs\n"
    )


def test_a_loop_that_never_ends_is_told_so_and_ends_the_trace(computed: Run) -> None:
    Path("loop.py").write_text("x = 1\nwhile x < 2:\n    x = 1 - x\n")
    code, out, err = computed("loop.py")
    told = re.fullmatch(r"neuralpdb: loop\.py, line [23]: this loop never ends: step (\d+) is step (\d+) again\n", err)
    assert code == 0 and told
    frames = [{**each, "i": 0} for each in objects(out)]
    assert frames[int(told[1])] == frames[int(told[2])]
    assert len(frames) == int(told[1]) + 1


def test_the_sample_of_the_docs_is_what_it_prints(computed: Run) -> None:
    page = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    Path("chance.py").write_text(CHANCE)
    _, out, err = computed("chance.py")
    assert f"$ cat chance.py\n{CHANCE}$" in page
    assert f"$ neuralpdb trace --computed chance.py | tail -n 1\n{out.splitlines()[-1]}\n{err}" in page


def test_a_value_that_is_not_known_has_the_empty_name(computed: Run) -> None:
    Path("p.py").write_text("import random\ndef f():\n    return random.random()\n")
    _, out, _ = computed("--call", "f()", "p.py")
    returned = objects(out)[-1]
    assert (returned["event"], returned["value"], list(returned["unknown"])) == ("return", None, [""])


def test_what_may_have_raised_an_exception_instead_is_said(computed: Run) -> None:
    Path("p.py").write_text("import random\na = int(100 * random.random())\nb = [1, 2, 3][a]\nc = 1\n")
    _, out, _ = computed("p.py")
    assert "assuming" not in objects(out)[0]
    assert list(objects(out)[-1]) == [*FIELDS, "unknown", "assuming"]
    assert objects(out)[-1]["assuming"] == "random.random() is known only when it runs"


def test_a_call_and_a_marker_are_entered(computed: Run) -> None:
    code, out, _ = computed("--call", "factorial(3)", str(example("recursion")))
    assert (code, objects(out)[-1]["function"], objects(out)[-1]["value"]) == (0, "main", "6")
    Path("marked.py").write_text("a = 1\nb = 2  # << START_OF_TRACE\nc = 3\n")
    code, out, err = computed("marked.py")
    assert (code, err, [each["line"] for each in objects(out)]) == (0, "", [2, 3])
    assert objects(out)[0]["source"] == "b = 2"


def test_options_may_stand_after_the_file(computed: Run) -> None:
    code, out, err = computed(str(example("recursion")), "--call", "factorial(2)", "--max-frames", "3")
    assert (code, len(objects(out)), err) == (0, 3, "neuralpdb: stopped after 3 frames\n")


def test_nothing_of_the_program_is_executed(computed: Run) -> None:
    Path("writes.py").write_text("f = open('made', 'w')\nf.write('x')\nimport os\nos.mkdir('folder')\nx = 1\n")
    computed("writes.py")
    assert sorted(path.name for path in Path().iterdir()) == ["writes.py"]


def test_texts_that_are_no_proper_unicode_are_written(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("größe = 'é\\ud800'\nx = 'π'\ny = 1\n", encoding="utf-8")
    done = started(tmp_path, "p.py").communicate(timeout=60)
    assert json.loads(done[0].splitlines()[-1])["locals"] == {"größe": "'é\\ud800'", "x": "'π'"}
    assert done[1] == ""


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["nothere.py"], 4, "cannot read nothere.py: No such file or directory"),
        (["bad.py"], 4, "bad.py, line 1"),
        (["binary.py"], 4, "binary.py is a binary file"),
        (["empty.py"], 4, "empty.py is empty"),
        (["missing.py"], 4, "missing.py: nothing is told: "),
        (["--call", "g()", "good.py"], 2, "--call g(): good.py defines no 'g'"),
        (["--engine", "local", "good.py"], 2, "--engine: --computed asks no model"),
        (["--base-url", "http://x", "good.py"], 2, "--base-url: --computed asks no model"),
        (["--model", "x", "good.py"], 2, "--model: --computed asks no model"),
        (["--weights", "x", "good.py"], 2, "--weights: --computed asks no model"),
        (["--recording", "x", "good.py"], 2, "--recording: --computed asks no model"),
        (["--record", "x", "good.py"], 2, "--record: --computed asks no model"),
        (["--no-constrain", "good.py"], 2, "--constrain: --computed asks no model"),
        (["--real", "good.py"], 2, "--real: --computed asks no model and runs nothing"),
        (["--max-frames", "0", "good.py"], 2, "Invalid value for '--max-frames'"),
        (["folder"], 2, "folder: no Python files in it"),
        (["bad.jsonl"], 2, 'bad.jsonl, line 1: no "source"'),
        (["damaged.jsonl.gz"], 2, "cannot read damaged.jsonl.gz"),
        (["--call", "f()", "good.jsonl"], 2, "--call f(): the programs of good.jsonl name their own calls"),
        ([], 2, "Missing argument 'FILE'"),
    ],
    ids=str,
)
def test_a_mistake_is_one_clear_line(computed: Run, options: list[str], code: int, message: str) -> None:
    for name, text in {
        "good.py": "a = 1\n",
        "bad.py": "a = = 1\n",
        "binary.py": "a\0",
        "empty.py": "",
        "missing.py": "from missing_module_x import *\nx = 1\n",
        "bad.jsonl": "{}\n",
        "good.jsonl": '{"source": "a = 1"}\n',
        "damaged.jsonl.gz": "no",
    }.items():
        Path(name).write_text(text)
    Path("folder").mkdir()
    found, out, err = computed(*options)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert message in err


# -- many programs ----------------------------------------------------------------------------------------------------


def test_a_folder_is_summed_up(computed: Run) -> None:
    Path("programs").mkdir()
    Path("programs/one.py").write_text("a = 1\nb = 2\n")
    Path("programs/chance.py").write_text(CHANCE)
    Path("programs/endless.py").write_text(ENDLESS)
    Path("programs/bad.py").write_text("a = = 1\n")
    code, out, err = computed("--max-frames", "10", "programs")
    assert (code, err.count("\n")) == (0, 1)
    assert "bad.py" in err
    assert (
        out
        == """\
3 programs, to 10 frames
  1  33.3 %  told to their end
  1  33.3 %  told to that limit
  1  33.3 %  not told from some frame on
  0   0.0 %  ended by an error of ours
17 frames
  15  88.2 %  told whole
   2  11.8 %  with values that are not known
   0   0.0 %  whole if nothing was raised before
why programs stop, the most frequent reasons
  1  a branch on an unknown: random.random() is known only when it runs
why values are not known, the most frequent reasons
  2  random.random() is known only when it runs
"""
    )


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_recorded_programs_are_summed_up(computed: Run, ending: str) -> None:
    rows = [{"id": n, "source": f"def f(x):\n    return x + {n}\n", "call": "f(1)"} for n in range(20)]
    text = "\n".join(map(json.dumps, rows)).encode()
    Path(f"p{ending}").write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    code, out, err = computed(f"p{ending}")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["20 programs, to 1,000 frames", "  20 100.0 %  told to their end"]
    assert "120 frames" in out


def test_a_hostile_program_does_not_end_the_others(computed: Run) -> None:
    Path("programs").mkdir()
    Path("programs/a.py").write_text("import re\nx = re.match('(a+)+$', 'a' * 40 + 'b')\n")
    Path("programs/b.py").write_text("a = 1\nb = 2\n")
    code, out, _ = computed("programs")
    assert code == 0
    assert "  1  50.0 %  told to their end" in out
    assert "  1  a pattern that may take very long" in out


# -- its process ------------------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_early_ends_it(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(ENDLESS)
    process = started(tmp_path, "--max-frames", "1000000", "p.py")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["i"] == 0
    process.stdout.close()
    assert process.wait(timeout=10) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_ctrl_c_ends_it_and_its_child(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("import re\na = 1\nb = re.match('(x+)+y', 'x' * 40)\n")
    process = started(tmp_path, "p.py")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    child = children.read_text().split() if children.exists() else []
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    time.sleep(0.05)
    assert not any(Path(f"/proc/{each}").exists() for each in child)


def test_no_model_is_loaded(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "neuralpdb", "trace", "--computed", str(example("caught"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    loaded = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert "neuralpdb.interpreter.computing.worker" in loaded
    heavy = {"torch", "numpy", "tokenizers", "prompt_toolkit", "rich", "httpx2", "jinja2"}
    assert not {name.partition(".")[0] for name in loaded} & heavy
    assert not {name for name in loaded if name.startswith(("neuralpdb.predict", "neuralpdb.engines.local"))}
