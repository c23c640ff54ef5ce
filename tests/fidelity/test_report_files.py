"""Files of reports: what cannot be written is said before the run; a file is whole or as it was. And the threshold."""

from __future__ import annotations

import io
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import WORDS, compared, every_outcome, failed, hostile, many, result_of, with_local
from reports import ABOUT

from neuralpdb.errors import UsageError
from neuralpdb.fidelity.figures.shares import Tally, wilson
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.figures.threshold import below
from neuralpdb.fidelity.report import files, jsonl_report
from neuralpdb.fidelity.report.files import Form, Writers
from neuralpdb.fidelity.verdicts import Fidelity

RESULT = many()
SUMMARY = summarise(RESULT)


def refused(wanted: dict[Form, str]) -> str:
    with pytest.raises(UsageError) as caught:
        Writers.checked(wanted)
    return str(caught.value)


def written(path: Path | str, form: Form = Form.JSON) -> None:
    Writers.checked({form: path}).write(RESULT, SUMMARY, ABOUT)


# -- before the run ---------------------------------------------------------------------------------------------------


def test_a_path_that_cannot_be_written_is_said_with_its_option(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    name = "n" * 300
    assert refused({Form.JSON: str(tmp_path)}) == f"--json {tmp_path}: it is a directory (name another file)"
    missing = tmp_path / "none"
    assert f"--html {missing}/a.html: there is no directory {missing}" in refused({Form.HTML: f"{missing}/a.html"})
    assert f"there is no directory {file}" in refused({Form.JUNIT: f"{file}/a.xml"})
    assert "File name too long" in refused({Form.SARIF: str(tmp_path / name)})
    assert "--markdown : no file is named" in refused({Form.MARKDOWN: ""})
    assert "null byte" in refused({Form.JSON: "a\0b"})


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text("old")
    Writers.checked({Form.JSON: str(old), Form.HTML: str(tmp_path / "new.html")})
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert old.read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_rights_are_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("x")
    file.chmod(0o400)
    assert "it is not writable" in refused({Form.JSON: str(file)})
    tmp_path.chmod(0o500)
    try:
        assert "Permission denied" in refused({Form.JSON: str(tmp_path / "b.json")})
    finally:
        tmp_path.chmod(0o700)


def test_a_directory_that_takes_no_new_file_is_said() -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here")
    assert refused({Form.JSON: "/proc/self/report.json"}).startswith("--json /proc/self/report.json: ")


def test_two_reports_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    link = tmp_path / "link"
    link.symlink_to(path)
    assert "--json and --html both write to" in refused({Form.JSON: str(path), Form.HTML: str(link)})
    assert "--json and --junit both write to standard output" in refused({Form.JSON: "-", Form.JUNIT: "-"})
    Writers.checked({Form.JSON: os.devnull, Form.HTML: os.devnull})


def test_options_that_were_not_given_are_no_files() -> None:
    writers = Writers.checked(dict.fromkeys(Form))
    assert writers.paths == {}
    assert not writers.prints
    assert writers.path(Form.JSON) is None


# -- after the run ----------------------------------------------------------------------------------------------------


def test_every_form_is_written(tmp_path: Path) -> None:
    paths = {form: tmp_path / f"report.{form}" for form in Form}
    writers = Writers.checked(paths)
    writers.write(RESULT, SUMMARY, ABOUT)
    for form, path in paths.items():
        assert writers.path(form) == path
        assert path.read_text("utf-8") == files.content(form, RESULT, SUMMARY, ABOUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"report.{form}" for form in Form)
    assert jsonl_report.recover(paths[Form.JSONL]).result == RESULT
    assert json.loads(paths[Form.JSON].read_text())["schema"] == "neuralpdb.fidelity/2"


def test_hostile_texts_are_written_in_every_form(tmp_path: Path) -> None:
    result = hostile()
    writers = Writers.checked({form: tmp_path / form for form in Form})
    writers.write(result, summarise(result), ABOUT)
    for form in Form:
        assert (tmp_path / form).read_text("utf-8")


def test_a_form_that_was_written_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text("mine")
    Writers.checked({Form.JSONL: path}).write(RESULT, SUMMARY, ABOUT, written={Form.JSONL})
    assert path.read_text() == "mine"


def test_a_report_on_standard_output() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="latin-1")
    writers = Writers.checked({Form.MARKDOWN: "-"})
    assert writers.prints
    assert writers.path(Form.MARKDOWN) is None
    writers.write(RESULT, SUMMARY, ABOUT, out=out)
    assert raw.getvalue().decode("utf-8") == files.content(Form.MARKDOWN, RESULT, SUMMARY, ABOUT)


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    written(link)
    assert link.is_symlink()
    assert json.loads(real.read_text())["schema"] == "neuralpdb.fidelity/2"


def test_rights_are_those_of_any_other_file(tmp_path: Path) -> None:
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.write_text("old")
    old.chmod(0o640)
    mask = os.umask(0o027)
    try:
        written(new)
        written(old)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_failure_keeps_the_old_file_and_writes_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.md"
    first.write_text("old")
    writers = Writers.checked({Form.JSON: first, Form.MARKDOWN: second})
    real = os.fsync
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot write .*a\.json: No space left on device"):
        writers.write(RESULT, SUMMARY, ABOUT)
    assert first.read_text() == "old"
    assert second.read_text("utf-8").startswith("## Fidelity of mini")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.md"]


def test_a_directory_that_went_away_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    writers = Writers.checked({Form.JSON: folder / "a.json"})
    folder.rmdir()
    with pytest.raises(UsageError, match=r"cannot write .*a\.json: No such file or directory"):
        writers.write(RESULT, SUMMARY, ABOUT)


def test_a_reader_that_left_is_not_our_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out, pytest.raises(BrokenPipeError):
        Writers.checked({Form.JSON: "-"}).write(RESULT, SUMMARY, ABOUT, out=out)


def test_a_device_is_written_to_and_stays_one() -> None:
    written(os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(UsageError, match="cannot write /dev/full: No space left"):
            written("/dev/full")


# -- the threshold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "confidence", "missed", "line"),
    [
        (80.0, None, False, "next-state accuracy 80.56 % is at least 80 %"),
        (80.56, None, True, "next-state accuracy 80.56 % is below 80.56 %"),
        (64.0, 95.0, False, "lower bound of the next-state accuracy 80.56 % (64.97-90.25 % at 95 % confidence) is at"),
        (
            65.0,
            95.0,
            True,
            "lower bound of the next-state accuracy 80.56 % (64.97-90.25 % at 95 % confidence) is below",
        ),
        (65.0, 90.0, False, "lower bound of the next-state accuracy 80.56 % (67.74-89.10 % at 90 % confidence) is at"),
        (0.0, None, False, "next-state accuracy 80.56 % is at least 0 %"),
    ],
)
def test_the_accuracy_or_its_lower_bound_is_compared(
    least: float, confidence: float | None, missed: bool, line: str
) -> None:
    found = below(summarise(result_of(every_outcome())), least, confidence)
    assert found[0] is missed
    assert found[1].startswith(line)


def test_the_lower_bound_is_that_of_the_report() -> None:
    summary = summarise(result_of(every_outcome()))
    assert summary.teacher_forced is not None
    interval = summary.teacher_forced.interval
    assert interval is not None
    assert not below(summary, 100 * interval.low, 95.0)[0]
    assert below(summary, 100 * interval.low + 1e-9, 95.0)[0]


def test_nothing_to_judge_is_below_any_threshold() -> None:
    for result in (result_of(failed("x.py", "no")), result_of(compared("x = 1\ny = 2\n", comparable=0))):
        missed, line = below(summarise(result), 0.0)
        assert missed
        assert "nothing could be compared" in line


def test_all_right_is_not_below_a_hundred_but_its_bound_is() -> None:
    summary = summarise(result_of(compared(WORDS, call="count('banana', 'a')")))
    assert below(summary, 100.0) == (False, "next-state accuracy 100.00 % is at least 100 %")
    assert below(summary, 100.0, 95.0)[0]


def test_one_miss_in_a_million_is_below_a_hundred() -> None:
    wrong = result_of(compared(WORDS, call="count('banana', 'a')", changes={4: with_local("found", "7")}))
    tally = Tally({Fidelity.EXACT: 999_999, Fidelity.STATE: 1})
    missed, line = below(replace(summarise(wrong), teacher_forced=tally), 100.0)
    assert (missed, line) == (True, "next-state accuracy 99.99 % is below 100 %")
    assert wilson(999_999, 1_000_000).high < 1
