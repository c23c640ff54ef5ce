"""A real run that is watched: it grows, it settles, it leaves nothing behind; and the command that shows it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.engines.replay import RecordingEngine
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.errors import TargetError, UsageError
from neuralpdb.fidelity.lockstep import Lockstep, Status
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.live import LiveRun, watch
from neuralpdb.trace.frames import Frame, Origin, Trouble

SLOW = "import time\na = 1\ntime.sleep(60)\nb = 2\n"
CHANCE = "import random\na = 1\nx = random.random()\nb = 2\nprint(b)\n"


def watched(text: str, tmp_path: Path, **limits: float) -> LiveRun:
    return watch(entry_of(text), filename=str(tmp_path / "p.py"), limits=Limits(**limits))  # type: ignore[arg-type]


def predicted(frames: tuple[Frame, ...]) -> list[Frame]:
    return [frame.replace(origin=Origin.PREDICTED) for frame in frames]


def test_it_can_be_looked_at_while_it_goes_on_and_is_dead_after_close(tmp_path: Path) -> None:
    run = watched(SLOW, tmp_path)
    try:
        assert run.wait_for(2, 30)
        beside = Lockstep(run)
        frames = predicted(recorded(entry_of(SLOW.replace("60", "0"))).frames)
        assert [each.kind for each in beside.along(frames)] == [Status.JUDGED, Status.JUDGED, Status.UNKNOWN]
        assert [run.finished, run.settled, run.settle(0.01)] == [False] * 3
    finally:
        run.close()
    assert [run.finished, run.settled] == [True, True]
    assert isinstance(beside.end, Trouble) and beside.end.message == "the run was stopped"


def test_what_is_chance_is_not_comparable_once_it_is_settled(tmp_path: Path) -> None:
    run = watched(CHANCE, tmp_path)
    beside = Lockstep(run)
    try:
        assert run.wait_for(4, 30)
        timeline = predicted(tuple(run.frames))
        timeline[2] = timeline[2].replace(locals={**timeline[2].locals, "x": "0.5"})
        standing = beside.at(timeline[:3], None)
        assert standing.excluded == {"x"} and standing.since is None
        assert run.settled
    finally:
        run.close()


def test_a_program_that_is_on_its_own_is_run_once(tmp_path: Path) -> None:
    run = watched("a = 1\nb = 2\nc = 3\n", tmp_path)
    try:
        assert run.settle(30)
        assert [run.accidents(i) for i in range(3)] == [(), (), ()]
        assert run.result().frames[0].line == 1
    finally:
        run.close()


def test_closing_ends_the_repetitions_too(tmp_path: Path) -> None:
    started = tmp_path / "started"
    text = (
        f"f = open({str(started)!r}, 'a')\nf.write('x')\nf.close()\nimport os, time\n"
        f"time.sleep(60 if os.path.getsize({str(started)!r}) > 1 else 0)\n"
    )
    run = watched(text, tmp_path)
    until = time.monotonic() + 30
    while (not started.exists() or started.read_text() != "xx") and time.monotonic() < until:
        time.sleep(0.02)
    assert [started.read_text(), run.settled] == ["xx", False]
    run.close()
    assert [started.read_text(), run.settled] == ["xx", True]


def test_a_start_that_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    entry = entry_of("def f(x):\n    return x\n", at=2, state=["x=1"])
    with pytest.raises(UsageError, match="a real run cannot start"):
        watch(entry, filename="p.py")


def test_a_program_that_fails_before_its_entry_is_settled_with_a_reason(tmp_path: Path) -> None:
    run = watched("import nothing_of_that_name\na = 1\n", tmp_path)
    try:
        assert run.settle(30)
        with pytest.raises(TargetError, match="nothing_of_that_name"):
            run.result()
        assert "nothing_of_that_name" in Lockstep(run).failed
    finally:
        run.close()


# -- the command --------------------------------------------------------------------------------------------------

SCRIPT = "a = 1\nb = a + 1\nc = b * 2\nprint(c)\n"


def neuralpdb(folder: Path, *args: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "neuralpdb",
        "--engine",
        "replay",
        "--recording",
        str(folder / "said.jsonl"),
        *args,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, timeout=120, cwd=folder, env=environment, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A script, and a model that takes `b * 2` for 5."""
    (tmp_path / "script.py").write_text(SCRIPT)
    entry = entry_of(SCRIPT, name="script.py")
    frames = [
        frame.replace(locals={**frame.locals, "c": "5"}) if "c" in frame.locals else frame
        for frame in recorded(entry).frames
    ]
    engine = RecordingEngine(ScriptedEngine([*list(codec.render_all(frames))[1:]]), tmp_path / "said.jsonl")
    predictor = Predictor(entry, engine)
    for n in range(1, len(frames)):
        predictor.next(frames[:n])
    engine.close()
    return tmp_path


def test_in_a_pipe_every_step_shows_what_became_of_it(folder: Path) -> None:
    done = neuralpdb(
        folder, "--model-only", "--compare", "--interactive", "script.py", typed="check\nstep\ngo\ndiff\nadopt\nquit\n"
    )
    assert done.stdout.splitlines() == [
        "note: the program is run for real, in a child process with limits",
        "> script.py(1)<module>() -> a = 1",
        "step 0: 1 exact",
        "> script.py(2)<module>() -> b = a + 1  # a = 1  = exact",
        "> script.py(4)<module>() -> print(c)  # b = 2, c = 5  (Python: 4)  ! state: c: predicted 5, actual 4",
        "     predicted  actual",
        "! c  5          4",
        "> script.py(4)<module>() -> print(c)  # c: 5 -> 4  (adopted step 3 of the real run)  = actual (adopted)",
    ]
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("script", "options", "reason"),
    [
        ("import nothing_of_that_name\na = 1\n", [], "ModuleNotFoundError"),
        ("def f(x):\n    return x\n", ["--at", "2", "--set", "x=1"], "a real run cannot start"),
        ("def f(x):\n    return x\n\n\nraise SystemExit(3)\n", ["--call", "f(1)"], "SystemExit"),
    ],
)
def test_without_a_real_run_the_debugger_starts_and_says_why(
    folder: Path, script: str, options: list[str], reason: str
) -> None:
    (folder / "other.py").write_text(script)
    done = neuralpdb(folder, "--compare", "--interactive", *options, "other.py", typed="p 1 + 1\ncheck\nvars\n")
    lines = done.stdout.splitlines()
    assert sum(line.startswith("note: there is no real run to compare with") for line in lines) == 1
    assert sum(line.startswith("*** there is no real run to compare with") for line in lines) == 1
    assert "2" in lines and reason in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_program_that_cannot_be_read_is_no_session(folder: Path) -> None:
    (folder / "broken.py").write_text("a = (\n")
    assert neuralpdb(folder, "--compare", "--interactive", "broken.py").returncode == 4


def test_interactive_needs_compare(folder: Path) -> None:
    done = neuralpdb(folder, "--interactive", "script.py")
    assert done.returncode == 2
    assert done.stderr.startswith("neuralpdb: --interactive needs --compare (")


def test_without_it_nothing_is_run(folder: Path) -> None:
    (folder / "script.py").write_text(SCRIPT.replace("print(c)", "open('ran', 'w')"))
    assert neuralpdb(folder, "script.py", typed="where\n").returncode == 0
    assert not (folder / "ran").exists()
    assert neuralpdb(folder, "--compare", "--interactive", "script.py", typed="check\ntruth 9\n").returncode == 0
    assert (folder / "ran").exists()
