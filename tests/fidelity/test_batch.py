from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parrot import Parrot
from rich.console import Console
from taught import BAD, DOUBLE, SETUP, WRONG, Broken, program, taught

from neuralpdb.engines.base import Engine
from neuralpdb.engines.tokens import Markup
from neuralpdb.errors import BELOW, INTERRUPTED, NOTHING, ModelError, NeuralPdbError, UsageError
from neuralpdb.fidelity.batch import Batch, Threshold
from neuralpdb.fidelity.report.files import Form, Writers
from neuralpdb.fidelity.runner import Job
from neuralpdb.fidelity.targets import Target
from neuralpdb.realrun.limits import Limits


class Ran:
    """One run: its exit code, what was said, printed and written."""

    def __init__(
        self,
        targets: Sequence[Target],
        engine: Engine,
        threshold: Threshold | None = None,
        files: dict[Form, str] | None = None,
        **setup: Any,
    ) -> None:
        self.said: list[str] = []
        screen = io.StringIO()
        batch = Batch(
            targets,
            Job(engine, replace(SETUP, **setup), Limits(frames=60, seconds=20)),
            Writers.checked(files or {}),
            threshold,
            Console(file=screen, width=100, highlight=False, markup=False, emoji=False),
            self.said.append,
        )
        self.error: NeuralPdbError | None = None
        try:
            self.code: int | None = batch.run()
        except NeuralPdbError as error:
            self.code, self.error = None, error
        self.printed = screen.getvalue()


def test_a_run_with_the_debugger_is_continued_and_one_of_another_kind_is_not(tmp_path: Path) -> None:
    targets = programs(4)
    log = tmp_path / "run.jsonl"
    files = {Form.JSONL: str(log), Form.JSON: str(tmp_path / "run.json")}
    first = Ran(targets, lesson(Interrupting(), targets), files=files, debugger=True)
    assert first.code == INTERRUPTED
    assert "debugger as used" in first.printed
    other = Ran(targets, taught(*targets), files={Form.JSONL: str(log)})
    assert other.error is not None
    assert "was written with debugger True, this run has False" in str(other.error)
    second = Ran(targets, taught(*targets), files=files, debugger=True)
    assert (second.code, second.said[0]) == (0, "continuing: 2 of 4 programs were compared before")
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["totals"]["debugger"]["trace_exact"]["right"] == 4
    old = log.read_text().replace("neuralpdb.fidelity.steps/2", "neuralpdb.fidelity.steps/1", 1)
    log.write_text("".join(old.splitlines(keepends=True)[:-1]))
    outdated = Ran(targets, taught(*targets), files={Form.JSONL: str(log)}, debugger=True)
    assert outdated.error is not None
    assert "its schema is 'neuralpdb.fidelity.steps/1', this version writes" in str(outdated.error)


def programs(count: int) -> list[Target]:
    return [program(f"p{i}", DOUBLE + f"# {i}\n") for i in range(count)]


class Interrupting(Parrot):
    """Ctrl-C comes while it is asked for the program number `at`."""

    at = 2

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Any]:
        if len(self.scored) == self.at:
            raise KeyboardInterrupt
        return super().score(prompt, continuations)


def lesson(engine: Parrot, targets: Sequence[Target], wrong: dict[int, Markup] | None = None) -> Parrot:
    engine.says = taught(*targets, wrong=wrong).says
    return engine


def test_a_run_without_files_prints_and_ends_well() -> None:
    targets = programs(3)
    ran = Ran(targets, taught(*targets))
    assert (ran.code, ran.said) == (0, [])
    assert "100.0 %, 18 of 18 frames" in ran.printed


@pytest.mark.parametrize(
    ("threshold", "code"),
    [(Threshold(80), 0), (Threshold(84), BELOW), (Threshold(80, 95), BELOW), (Threshold(30, 95), 0)],
)
def test_the_threshold_decides_the_exit_code(threshold: Threshold, code: int) -> None:
    target = program("one")
    ran = Ran([target], taught(target, wrong={4: WRONG}), threshold)
    assert ran.code == code
    assert "83.33 %" in ran.said[-1]


def test_one_program_that_fails_or_a_model_that_does_have_exit_codes_of_their_own() -> None:
    failed = Ran([program("bad", "import no_such_module\n" + DOUBLE)], Parrot())
    assert failed.code == 4
    assert "no_such_module" in failed.said[-1]
    lost = Ran([program("bad", BAD)], Broken())
    assert lost.code == 3
    assert lost.said[-1] == "the server is gone"
    nothing = Ran([program("a", "def f(:\n"), program("b", "def f(:\n")], Parrot())
    assert nothing.code == NOTHING
    asking = Ran([program("asks", "name = input()\nprint(name)\n", "")], Parrot())
    assert asking.code == NOTHING
    assert "read its input, which is empty here" in " ".join(asking.printed.split())


def test_an_interrupted_run_keeps_what_it_has_and_goes_on_where_it_was(tmp_path: Path) -> None:
    targets = programs(5)
    log, html = tmp_path / "run.jsonl", tmp_path / "run.html"
    files = {Form.JSONL: str(log), Form.JSON: str(tmp_path / "run.json"), Form.HTML: str(html)}
    first = Ran(targets, lesson(Interrupting(), targets), files=files)
    assert first.code == INTERRUPTED
    assert first.said[-1] == f"interrupted after 2 of 5 programs; the same command continues {log}"
    partial = json.loads((tmp_path / "run.json").read_text())
    assert (partial["meta"]["complete"], len(partial["programs"])) == (False, 2)
    assert html.exists()

    engine = taught(*targets)
    second = Ran(targets, engine, files=files)
    assert (second.code, second.said[0]) == (0, "continuing: 2 of 5 programs were compared before")
    assert len(engine.scored) == 3, "what was compared before is not compared again"
    whole = json.loads((tmp_path / "run.json").read_text())
    assert whole["meta"]["complete"] is True
    assert [each["id"] for each in whole["programs"]] == [target.id for target in targets]

    third = Ran(targets, taught(*targets), files=files)
    assert (third.code, third.said) == (0, []), "a finished file is written anew"


def test_an_interrupted_run_without_a_journal_says_how_to_have_one() -> None:
    targets = programs(4)
    ran = Ran(targets, lesson(Interrupting(), targets))
    assert ran.said[-1] == "interrupted after 2 of 4 programs (--jsonl FILE lets it continue)"
    assert "12 of 12 frames" in ran.printed


def interrupted(tmp_path: Path, targets: Sequence[Target]) -> dict[Form, str]:
    files = {Form.JSONL: str(tmp_path / "run.jsonl")}
    assert Ran(targets, lesson(Interrupting(), targets), files=files).code == INTERRUPTED
    return files


def test_an_unfinished_file_of_another_run_is_refused_and_kept(tmp_path: Path) -> None:
    targets = programs(4)
    files = interrupted(tmp_path, targets)
    before = (tmp_path / "run.jsonl").read_bytes()
    changed = [replace(targets[0], text=DOUBLE + "# changed\n"), *targets[1:]]
    for others, constrained in ((changed, True), (targets[1:], True), (targets, False)):
        ran = Ran(others, taught(*others), files=files, constrained=constrained)
        assert isinstance(ran.error, UsageError)
        assert "name another file" in str(ran.error)
        assert (tmp_path / "run.jsonl").read_bytes() == before


def test_a_file_that_is_no_journal_is_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_text('{"source": "x = 1"}\n')
    ran = Ran(programs(1), Parrot(), files={Form.JSONL: str(mine)})
    assert isinstance(ran.error, UsageError)
    assert mine.read_text() == '{"source": "x = 1"}\n'


def test_programs_that_the_model_failed_for_are_tried_again(tmp_path: Path) -> None:
    targets = [program("bad", BAD), *programs(3)]
    files = {Form.JSONL: str(tmp_path / "run.jsonl")}
    engine = Interrupting()
    engine.at = 1
    failing = type("Failing", (Broken, Interrupting), {"at": 1})()
    assert Ran(targets, lesson(failing, targets), files=files).code == INTERRUPTED
    again = Ran(targets, taught(*targets), files=files)
    assert again.said[0] == "continuing: 1 of 4 programs were compared before"
    assert again.code == 0
    assert "24 of 24 frames" in again.printed


def test_a_model_that_is_gone_ends_the_run_after_the_reports_are_written(tmp_path: Path) -> None:
    targets = [*programs(1), *(program(f"bad {i}", BAD) for i in range(9))]
    files = {Form.JSON: str(tmp_path / "run.json")}
    ran = Ran(targets, lesson(Broken(), targets[:1]), files=files)
    assert isinstance(ran.error, ModelError)
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["meta"]["complete"] is False
    assert len(written["programs"]) == 6


def test_a_form_on_standard_output_is_alone_there(capsys: pytest.CaptureFixture[str]) -> None:
    target = program("one")
    ran = Ran([target], taught(target), files={Form.JSON: "-"})
    assert ran.printed == ""
    assert json.loads(capsys.readouterr().out)["schema"] == "neuralpdb.fidelity/2"


@pytest.mark.skipif(os.name != "posix", reason="no such folder elsewhere")
def test_all_forms_of_one_run_are_written(tmp_path: Path) -> None:
    target = program("one")
    files = {form: str(tmp_path / f"report.{form.value}") for form in Form}
    ran = Ran([target], taught(target, wrong={4: WRONG}), files=files)
    assert ran.code == 0
    for path in files.values():
        assert Path(path).stat().st_size > 300, path
