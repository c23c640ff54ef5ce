"""`neuralpdb trace`: the predicted and the real trace as one JSON object a frame."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.cli import engine as opening
from neuralpdb.cli import main
from neuralpdb.engines.base import Engine
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.trace.frames import Frame, from_jsonl, same_state

FIELDS = ["i", "event", "function", "line", "source", "locals", "value", "depth", "origin"]
Run = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture(scope="module")
def model() -> Iterator[Engine]:
    engine = LocalEngine.load(ROOT / "weights" / "mini", threads=1)
    yield engine
    engine.close()


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`neuralpdb trace` in an empty folder: exit code, the objects it wrote, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main.main(["trace", *args])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


@pytest.fixture
def predicted(trace: Run, monkeypatch: pytest.MonkeyPatch, model: Engine) -> Run:
    monkeypatch.setattr(opening, "loading_engine", lambda weights: model)
    monkeypatch.setattr(LocalEngine, "close", lambda self: None)
    return trace


def frames(objects: list[dict[str, Any]]) -> list[Frame]:
    return list(from_jsonl(json.dumps(each) for each in objects))


def example(name: str) -> Path:
    return ROOT / "examples" / f"{name}.py"


def test_every_frame_has_exactly_the_documented_fields_in_their_order(predicted: Run) -> None:
    for args in (("--max-frames", "4"), ("--real",)):
        code, objects, _ = predicted(*args, str(example("strawberry")))
        assert code == 0
        assert all(list(each) == FIELDS for each in objects)
        assert [each["i"] for each in objects] == list(range(len(objects)))


def test_the_first_frames_that_are_predicted_are_what_really_happens(predicted: Run) -> None:
    code, said, err = predicted("--max-frames", "8", str(example("strawberry")))
    _, real, _ = predicted("--real", str(example("strawberry")))
    assert (code, err) == (0, "neuralpdb: stopped after 8 frames\n")
    assert all(same_state(a, b) for a, b in zip(frames(said), frames(real)[:8], strict=True))
    assert [each["origin"] for each in said] == ["given", *["predicted"] * 7]
    assert {each["origin"] for each in real} == {"observed"}


def test_locals_are_full_and_never_abridged(predicted: Run) -> None:
    _, objects, _ = predicted("--max-frames", "8", str(example("strawberry")))
    assert objects[-1]["locals"] == {"word": "'strawberry'", "wanted": "'r'", "total": "0"}
    assert not any(".." in each["locals"].values() for each in objects)


def test_a_prediction_ends_with_the_program(predicted: Run) -> None:
    Path("short.py").write_text("a = 1\nb = 2\n")
    code, objects, err = predicted("short.py")
    assert (code, err, [each["line"] for each in objects]) == (0, "", [1, 2])


def test_a_call_can_be_predicted(predicted: Run) -> None:
    Path("add.py").write_text("def add(a, b):\n    return a\n")
    code, objects, _ = predicted("--call", "add(1, 2)", "--max-frames", "5", "add.py")
    events = [(each["event"], each["function"], each["line"], each["depth"]) for each in objects[:5]]
    assert events == [
        ("call", "main", 3, 0), ("line", "main", 4, 0), ("call", "add", 1, 1), ("line", "add", 2, 1),
        ("return", "add", 2, 1),
    ]  # fmt: skip
    assert (code, objects[4]["value"], objects[4]["locals"]) == (0, "1", {"a": "1", "b": "2"})


@pytest.mark.parametrize("name", ["strawberry", "caught", "uncaught", "recursion", "generator", "account", "nested"])
def test_the_real_trace_of_an_example_is_the_recorded_one(trace: Run, name: str) -> None:
    code, objects, err = trace("--real", str(example(name)))
    assert (code, err) == (0, "")
    assert tuple(frames(objects)) == recorded(entry_of(example(name).read_text(), name=f"{name}.py")).frames


def test_a_real_call_runs_the_function_with_those_arguments(trace: Run) -> None:
    code, objects, _ = trace("--real", "--call", "factorial(3)", str(example("recursion")))
    assert (code, objects[-1]["function"], objects[-1]["value"]) == (0, "main", "6")


def test_only_a_real_trace_runs_the_program(predicted: Run) -> None:
    Path("writes.py").write_text("f = open('made', 'w')\nx = 1\n")
    predicted("--max-frames", "2", "writes.py")
    assert not Path("made").exists()
    predicted("--real", "writes.py")
    assert Path("made").exists()


def test_a_real_trace_gets_the_scripts_arguments(trace: Run) -> None:
    Path("arguments.py").write_text("import sys\nx = sys.argv[1:]\ny = x\n")
    for args in (["a", "b"], ["--", "a", "--real"]):
        _, objects, _ = trace("--real", "arguments.py", *args)
        assert objects[-1]["locals"]["x"] == str([arg for arg in args if arg != "--"])


def test_options_may_stand_after_the_file(trace: Run) -> None:
    code, objects, _ = trace("--real", str(example("recursion")), "--call", "factorial(2)", "--max-frames", "3")
    assert (code, [each["line"] for each in objects]) == (0, [19, 20, 4])


def test_a_real_trace_without_end_stops_at_the_limit_and_says_so(trace: Run) -> None:
    Path("endless.py").write_text("n = 0\nwhile True:\n    n += 1\n")
    code, objects, err = trace("--real", "--max-frames", "50", "endless.py")
    assert (code, len(objects), err) == (0, 50, "neuralpdb: limit of 50 frames\n")


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("import missing_module_x\nx = 1\n", 4, "line 2 was not reached: ModuleNotFoundError"),
        ("def f(a):  # << START_OF_TRACE\n    return a\n", 2, "a marked function has no arguments to run with"),
    ],
    ids=["missing import", "marked function"],
)
def test_what_cannot_be_run_is_one_line(trace: Run, source: str, code: int, message: str) -> None:
    Path("p.py").write_text(source)
    found, objects, err = trace("--real", "p.py")
    assert (found, objects, err.count("\n")) == (code, [], 1)
    assert err.startswith(f"neuralpdb: p.py: {message}")


def test_the_output_is_json_in_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("größe = 'é\\ud800'\nx = 'π'\ny = 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "neuralpdb", "trace", "--real", "p.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    last = json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    assert last["locals"] == {"größe": "'é\\ud800'", "x": "'π'"}
    assert done.stderr == b""


def test_a_trace_can_be_read_again(trace: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["trace", "--real", str(example("caught"))])
    lines = capsys.readouterr().out.splitlines()
    assert [json.dumps({"i": i, **frame.as_dict()}) for i, frame in enumerate(from_jsonl(lines))] == lines
