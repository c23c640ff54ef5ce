from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.fidelity.targets import Target, find, readable


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py", "folder/c.py", "folder/deep/d.py", "folder/.hidden/e.py", "folder/__pycache__/f.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
    (tmp_path / "data.txt").write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(*paths: str) -> list[str]:
    return [target.name for target in find(paths)]


def test_a_script_keeps_its_arguments(here: Path) -> None:
    assert find(["a.py", "--verbose", "data.txt"]) == [Target("a.py", "a.py", argv=("--verbose", "data.txt"))]
    assert find(["a.py", "--", "b.py"]) == [Target("a.py", "a.py", argv=("b.py",))]
    assert find(["a.py", "b.py", "x"]) == [Target("a.py", "a.py", argv=("b.py", "x"))]
    assert find(["a.py"], call="f(1)") == [Target("a.py", "a.py", "f(1)")]


def test_several_files_and_folders_are_so_many_programs(here: Path) -> None:
    assert names("a.py", "b.py") == ["a.py", "b.py"]
    assert names("folder") == ["folder/c.py", "folder/deep/d.py"]
    assert names("a.py", "folder") == ["a.py", "folder/c.py", "folder/deep/d.py"]


def test_a_file_that_is_named_twice_is_compared_once(here: Path) -> None:
    assert names("a.py", "./a.py", "a.py") == ["a.py"]
    assert names("folder/c.py", "folder") == ["folder/c.py", "folder/deep/d.py"]


def test_records_are_programs_with_calls_and_arguments_of_their_own(here: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "one", "source": "def f(x):\n    return x\n", "call": "f(1)", "extra": 1},
        {"source": "import sys\nprint(sys.argv)\n", "argv": ["-v", 3]},
        {"id": "one", "source": "x = 2\n"},
    ]
    text = "\n".join(map(json.dumps, rows)) + "\n\n"
    (here / "r.jsonl").write_text(text)
    (here / "r.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for file in ("r.jsonl", "r.jsonl.gz"):
        one, two, again = find([file])
        assert (one.id, one.call, one.source(), one.filename) == ("one", "f(1)", rows[0]["source"], "<one>")
        assert (two.id, two.argv) == ("2", ("-v", "3"))
        assert (again.id, again.name) == ("one#2", "one")
    assert len(find(["a.py", "r.jsonl"])) == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[]", 'line 2: no "source"'),
        ('{"source": 1}', 'line 2: no "source"'),
        ('{"source": "x", "call": 1}', '"call" must be a string'),
        ('{"source": "x", "argv": "v"}', '"argv" a list'),
    ],
)
def test_a_record_that_is_none_is_named_with_its_line(here: Path, line: str, said: str) -> None:
    (here / "r.jsonl").write_text('{"source": "x = 1"}\n' + line + "\n")
    with pytest.raises(UsageError) as caught:
        find(["r.jsonl"])
    assert said in caught.value.message
    assert "r.jsonl" in caught.value.message


def test_what_is_not_there_or_holds_nothing_is_said_in_one_line(here: Path) -> None:
    (here / "none.jsonl").write_text("\n")
    (here / "odd.jsonl.gz").write_bytes(b"no gzip")
    (here / "r.jsonl").write_text('{"source": "x = 1"}\n')
    for paths, said in (
        ([], "name what to compare"),
        (["none.jsonl"], "is empty"),
        (["odd.jsonl.gz"], "cannot read odd.jsonl.gz"),
        (["gone.jsonl"], "cannot read gone.jsonl: No such file"),
        (["empty"], "no Python files"),
        (["folder", "--html", "x.html"], "--html comes after folder"),
    ):
        with pytest.raises(UsageError) as caught:
            find(paths)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="name their own calls"):
        find(["r.jsonl"], call="f(1)")


def test_a_single_target_that_cannot_be_entered_is_found_out_before_the_run(here: Path) -> None:
    (here / "bad.py").write_text("x = = 1\n")
    (here / "defs.py").write_text("def f(): pass\n")
    for name in ("gone.py", "bad.py", "defs.py"):
        with pytest.raises(TargetError):
            readable(find([name]))
    readable(find(["bad.py", "a.py"]))
    readable(find(["a.py"]))
