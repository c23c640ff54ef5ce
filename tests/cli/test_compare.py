"""`neuralpdb --compare` as a user types it: options, messages, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from places import ROOT, SHARED

from neuralpdb.cli.main import main
from neuralpdb.engines.tokens import Token, spelled
from neuralpdb.predict import codec
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.recorder import record

SOURCE = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"


def generation(source: str, call: str) -> dict[str, Any]:
    """A record of a model that is right."""
    entry = enter(Program.parse(source, "p.py"), call=call)
    real = record(entry.program.text, filename="p.py", entry_function=entry.function, entry_line=entry.marked)
    written = [piece for markup in list(codec.render_all(real.frames))[1:] for piece in markup]
    return {"id": call, "source": source, "call": call, "generation": spelled((*written, Token.END))}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of generations, the second of which is wrong from `total += i` on."""
    monkeypatch.chdir(tmp_path)
    right, wrong = generation(SOURCE, "f(2)"), generation(SOURCE, "f(3)")
    wrong["generation"] = wrong["generation"].replace('"total": "1"', '"total": "7"')
    (tmp_path / "model.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (right, wrong)))
    (tmp_path / "script.py").write_text(SOURCE + "print(f(2))\n")
    return tmp_path


REPLAY = ["--compare", "--engine", "replay", "--recording", "model.jsonl", "--only", "rollout"]


def test_whole_generations_are_compared_with_what_really_happens(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*REPLAY, "--json", "out.json", "--html", "out.html", "model.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "traces exact 1 of 2" in " ".join(out.split())
    assert "2 programs run for real" in err
    found = json.loads((folder / "out.json").read_text())
    assert found["model"]["engine"] == "replay"
    assert [each["rollout"]["result_equal"] for each in found["programs"]] == [True, True]
    assert [each["rollout"]["first_divergence"] for each in found["programs"]] == [None, 8]
    assert (folder / "out.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "modes"),
    [
        ([], (True, True, True)),
        (["--only", "model"], (True, True, False)),
        (["--model-only"], (True, True, False)),
        (["--only", "debugger"], (False, False, True)),
        (["--only", "next-state"], (True, False, False)),
        (["--only", "rollout"], (False, True, False)),
    ],
)
def test_parts_of_a_comparison_can_be_chosen(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], modes: tuple[bool, ...]
) -> None:
    right = (folder / "model.jsonl").read_text().splitlines(keepends=True)[0]
    (folder / "model.jsonl").write_text(right)
    assert main([*REPLAY[:5], *arguments, "--json", "out.json", "model.jsonl"]) == 0
    report = json.loads((folder / "out.json").read_text())
    names = ("teacher_forced", "rollout", "debugger")
    assert tuple(report["mode"][name] for name in names) == modes
    assert tuple(report["totals"][name] is not None for name in names) == modes
    if modes[2]:
        debugger = report["totals"]["debugger"]
        assert (debugger["trace_exact"]["right"], debugger["passes"], debugger["defects"]) == (1, 0, [])
        assert "debugger as used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "x.json", "script.py"], "--json needs --compare"),
        (["--fail-under", "90", "script.py"], "--fail-under needs --compare"),
        (["--exact", "script.py"], "--exact needs --compare"),
        (["--interactive", "script.py"], "--interactive needs --compare"),
        (["--compare", "--interactive", "--json", "x", "script.py"], "--json and --interactive exclude each other"),
        (["--compare", "--at", "2", "script.py"], "--at and --compare exclude each other"),
        (["--compare", "--set", "x=1", "script.py"], "--set and --compare exclude each other"),
        (["--compare", "--confidence", "95", "script.py"], "--confidence needs --fail-under"),
        (["--compare", "--fail-under", "9", "--only", "rollout", "script.py"], "leave --only rollout out"),
        (["--compare", "--fail-under", "9", "--only", "debugger", "script.py"], "leave --only debugger out"),
        (["--compare", "--only", "debugger", "--model-only", "script.py"], "--only debugger and --model-only exclude"),
        (["--compare", "--fail-under", "101", "script.py"], "101"),
        (["--compare", "--limit", "sekunds=3", "script.py"], "names: "),
        (["--compare", "--limit", "seconds=soon", "script.py"], "seconds=soon"),
        (["--compare", "--json", "no/such/folder.json", "script.py"], "there is no directory"),
        (["--compare", "--json", "x", "--html", "x", "script.py"], "both write to x"),
        (["--compare", "--json", "-", "--html", "-", "script.py"], "standard output"),
        (["--compare"], "name a script"),
        (["--compare", ".", "--html", "x.html"], "--html comes after ."),
        (["--compare", "--exact", "--engine", "replay", "--recording", "model.jsonl", "script.py"], "--exact is for"),
    ],
)
def test_options_that_make_no_sense_are_one_line_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1, err
    assert "for real" not in err
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    ("text", "arguments", "code", "said"),
    [
        ("x = = 1\n", [], 4, "line 1"),
        ("def f(): pass\n", [], 4, "only defines things"),
        ("", [], 4, "empty"),
        ("import no_such_module\nx = 1\n", [], 4, "no_such_module"),
    ],
)
def test_a_program_that_cannot_be_compared_is_one_line_and_exit_code_4(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], code: int, said: str
) -> None:
    (folder / "bad.py").write_text(text)
    assert main(["--compare", *REPLAY[1:], *arguments, "bad.py"]) == code
    assert said in capsys.readouterr().err


def test_a_generation_that_is_none_is_named_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "model.jsonl").open("a") as stream:
        stream.write('{"source": "x"}\n')
    assert main([*REPLAY, "script.py"]) == 3
    assert "model.jsonl, line 3: no generation" in capsys.readouterr().err


def published() -> Path:
    file = SHARED / "data" / "cwm32b_generations.jsonl"
    if not file.exists():
        pytest.skip("the generations of CWM 32B are not here; NEURALPDB_SHARED names the folder that holds data/")
    return file


@pytest.mark.slow
def test_the_report_agrees_with_what_is_known_of_160_generations_of_the_32b_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, report = published(), tmp_path / "report.json"
    options = ["--compare", "--engine", "replay", "--recording", str(file), "--only", "rollout", "--json", str(report)]
    assert main([*options, str(file)]) == 0
    known = {row["id"]: row for row in map(json.loads, file.read_text("utf-8").splitlines())}
    found = json.loads(report.read_text())
    assert len(found["programs"]) == len(known) == 160
    for each in found["programs"]:
        assert each["error"] in ("", None), each["id"]
        assert each["rollout"]["result_equal"] is known[each["id"]]["correct"], each["id"]
    assert found["totals"]["rollout"]["result_equal"]["right"] == 134
    assert found["totals"]["rollout"]["trace_exact"]["right"] >= 131
    out = capsys.readouterr().out
    assert "Table 9 (160 rollouts)" in out
    assert "output pass@1" in out


@pytest.mark.slow
def test_the_embedded_model_is_compared_from_a_shell(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "neuralpdb", "--engine", "local", "--compare", "--json", "out.json"]
    done = subprocess.run(
        [*command, "--fail-under", "100", str(ROOT / "examples" / "uncaught.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    found = json.loads((tmp_path / "out.json").read_text())
    totals = found["totals"]["teacher_forced"]
    assert totals["frames"] == 10
    assert done.returncode == (0 if totals["exact"] == 10 else 1), done.stderr
    assert f"{100 * totals['exact'] / 10:.2f} %" in done.stderr
    assert "next-state accuracy" in done.stdout
