"""The truth: which frames and values of a real run can be compared, and where no real run can start."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import goldens
import pytest
from frame_sources import entry_of
from places import ROOT

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.program.program import Program
from neuralpdb.realrun import truth
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.truth import Truth
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Origin, Trace, Trouble, TroubleKind

LIMITS = Limits(seconds=30.0, memory_mib=1024)


def true(text: str, *, call: str = "", **options: Any) -> Truth:
    entry = entry_of(textwrap.dedent(text).lstrip("\n"), call=call)
    return truth.truth(entry, filename="p.py", **{"limits": LIMITS, **options})


def unstable(found: Truth) -> set[str]:
    """Every name that is not comparable anywhere."""
    return {name for names in found.unstable.values() for name in names}


def line_frames(*states: dict[str, str], lines: list[int] | None = None) -> Trace:
    lines = lines or list(range(1, len(states) + 1))
    frames = [
        Frame(Event.LINE, "<module>", line, f"line {line}", state, origin=Origin.OBSERVED)
        for line, state in zip(lines, states, strict=True)
    ]
    return Trace(tuple(frames), Ended())


def of(trace: Trace) -> Truth:
    return Truth(trace, "3.11.7", {}, len(trace.frames))


# --- one run ----------------------------------------------------------------------------------------------------------


def test_a_program_on_its_own_is_run_once_and_all_of_it_is_comparable() -> None:
    found = true("import math\ntotal = 0\nfor i in range(3):\n    total += math.sqrt(i)\nprint('sum', total > 2)\n")
    assert (found.runs, found.unstable, found.why) == (1, {}, "")
    assert found.comparable == len(found.trace.frames) == 9
    assert found.trace.end == Ended("the program ended")
    assert found.output == "sum True\n"
    assert found.python == ".".join(map(str, sys.version_info[:3]))


def test_a_call_is_run_as_the_main_module_without_its_main_block() -> None:
    text = """
    class X:
        pass
    def f(n):
        return X(), n
    if __name__ == "__main__":
        raise SystemExit(f(1))
    """
    found = true(text, call="f(3)")
    assert found.trace.frames[-1].value == "(<__main__.X object>, 3)"


def test_a_marked_function_without_parameters_is_called() -> None:
    found = true("x = 1\ndef f():  # << START_OF_TRACE\n    y = x\n    return y\n")
    assert [(f.event, f.line) for f in found.trace.frames] == [
        (Event.CALL, 2),
        (Event.LINE, 3),
        (Event.LINE, 4),
        (Event.RETURN, 4),
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("def f(a):  # << START_OF_TRACE\n    return a\n", {}, "p.py: a marked function has no arguments to run with"),
        (
            "def f(a):  # << START_OF_TRACE\n    return a\n",
            {"state": ["a=1"]},
            "p.py: a real run cannot start with the values of --set",
        ),
        ("def f(a):\n    b = a\n    return b\n", {"at": 3}, "p.py: a real run cannot start inside f()"),
        ("a = 1\nb = a\n", {"at": 2, "state": ["a=5"]}, "p.py: a real run cannot start with the values of --set"),
    ],
)
def test_a_start_that_no_real_run_has_is_refused_in_one_line(text: str, options: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        truth.truth(entry_of(text, **options), filename="p.py")
    assert str(error.value) == f"{message} (name a call: --call EXPR)"


def test_a_script_can_be_entered_at_a_later_line() -> None:
    entry = entry_of("a = 1\nb = a\nc = b\n", at=2)
    found = truth.truth(entry, filename="p.py")
    assert [f.line for f in found.trace.frames] == [2, 3]


@pytest.mark.parametrize("twice", [False, True])
def test_a_program_that_fails_to_start_is_an_error(twice: bool) -> None:
    with pytest.raises(TargetError, match=r"p.py: line 2 was not reached: ModuleNotFoundError"):
        true("import missing_module_x\nx = 1\n", twice=twice)


@pytest.mark.parametrize("statement", ["input()", "sys.stdin.read()", "sys.stdin.readline()", "list(sys.stdin)"])
def test_nothing_is_comparable_after_the_input_was_read(statement: str) -> None:
    found = true(f"import sys\na = 1\ntry:\n    b = {statement}\nexcept EOFError:\n    b = 2\nc = 3\n")
    assert [f.line for f in found.trace.frames[: found.comparable]] == [2, 3, 4]
    assert len(found.trace.frames) > 3
    assert found.why == "the program read its input, which is empty here"
    assert found.runs == 1


def test_a_value_that_was_cut_or_has_no_text_is_not_comparable() -> None:
    text = """
    class Bad:
        def __repr__(self):
            raise ValueError
    def f():
        long = "a" * 1000
        bad = Bad()
        short = long[:3]
        return bad
    """
    found = true(text, call="f()", limits=Limits(value_chars=100))
    assert unstable(found) == {"long", "bad", VALUE}
    first = min(found.unstable)
    assert found.unstable[first] == {"long"}
    assert found.trace.frames[first].line == 6
    assert VALUE in found.unstable[len(found.trace.frames) - 1]
    assert found.comparable == len(found.trace.frames)


# --- what another run does not have -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preparation", "expression"),
    [
        ("import time", "time.time()"),
        ("import time", "time.strftime('%Y')"),
        ("import time", "time.strftime('%H')"),
        ("import time", "time.localtime().tm_wday"),
        ("import time", "time.gmtime().tm_mon"),
        ("import time", "time.ctime()[:3]"),
        ("import time", "time.asctime()[-4:]"),
        ("import time", "time.time_ns() // 10**9 // 86400"),
        ("import time", "time.perf_counter()"),
        ("import datetime", "datetime.date.today()"),
        ("from datetime import date", "date.today().month"),
        ("from datetime import datetime", "datetime.now().minute"),
        ("from datetime import datetime", "datetime.today().hour"),
        ("from datetime import datetime, timezone", "datetime.now(timezone.utc).day"),
        ("from datetime import datetime, timezone", "datetime.now(tz=timezone.utc).year"),
        ("import os", "os.getpid()"),
        ("import os", "os.urandom(8)"),
        ("import uuid", "uuid.uuid4()"),
        ("import secrets", "secrets.token_hex(8)"),
        ("import random", "random.random()"),
        ("import random", "random.choice(range(1000))"),
        ("import tempfile", "tempfile.mktemp()"),
        ("import math", "id(object())"),
        ("import numpy", "numpy.random.random()"),
    ],
)
def test_values_from_outside_are_not_comparable_and_the_others_are(preparation: str, expression: str) -> None:
    if "numpy" in preparation:
        pytest.importorskip("numpy")
    found = true(f"{preparation}\na = 1\nx = {expression}\ny = [x]\nz = 2\nw = 3\n", limits=Limits())
    lines = [f.line for f in found.trace.frames]
    assert {lines[i]: set(names) for i, names in found.unstable.items()} == {4: {"x"}, 5: {"x", "y"}, 6: {"x", "y"}}
    assert found.comparable == len(lines) == 5
    assert found.runs > 1


@pytest.mark.parametrize("version", goldens.VERSIONS)
def test_the_date_is_another_one_in_another_run_of_every_version(version: str) -> None:
    python = goldens.interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on PATH, in NEURALPDB_PYTHONS or under ~/.pyenv/versions")
    text = """
    import datetime, time, warnings
    warnings.simplefilter("error")
    a = datetime.date.today(), datetime.datetime.now()
    b = time.gmtime(0).tm_year, datetime.date(2020, 1, 2), datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    c = type(a[0]).__name__, type(a[1]).__name__, isinstance(a[1], datetime.date), a[1].tzinfo
    d = abs(a[1].timestamp() - time.time()) < 60, time.strftime("%Y", time.gmtime(0))
    e = 0
    """
    found = true(text, python=python)
    assert found.python.startswith(f"{version}.")
    assert unstable(found) == {"a"}
    assert found.comparable == len(found.trace.frames)
    assert found.trace.frames[-1].locals["d"] == "(True, '1970')"


def test_seeded_randomness_is_comparable() -> None:
    found = true("import random\nrandom.seed(3)\nx = random.random()\ny = random.Random(5).random()\nz = 0\n")
    assert (unstable(found), found.comparable) == (set(), 4)


def test_a_thrown_coin_takes_more_than_one_further_run() -> None:
    assert true("import random\ncoins = [random.randint(0, 1) for _ in range(9)]\nx = 2\n").runs == 5


def test_a_program_that_needs_no_further_run_gets_one_when_it_is_asked_for() -> None:
    assert true("x = 1\n", twice=True).runs == 2
    assert true("import time\nx = time.time()\n", twice=False).runs == 1


def test_nothing_is_comparable_where_two_runs_part() -> None:
    text = """
    import os
    parity = os.getpid() % 2
    me = os.getpid()
    for i in range(me % 997 + 5):
        last = i
    done = 1
    """
    found = true(text)
    assert 2 + 2 * 5 <= found.comparable < len(found.trace.frames)
    assert all(i < found.comparable for i in found.unstable)
    assert found.why == "another run went another way"


def test_a_program_that_does_not_start_a_second_time_is_not_comparable(tmp_path: Path) -> None:
    note = str(tmp_path / "once")
    found = true(f"def f():\n    return 1\nopen({note!r}, 'x').close()\n", call="f()")
    assert found.trace.frames[-1].value == "1"
    assert found.comparable == 0
    assert found.why.startswith("another run ended here: p.py: main() was not reached: FileExistsError")


def test_a_run_that_ended_by_a_limit_is_repeated_once_only() -> None:
    found = true("import random\nwhile True:\n    x = random.random()\n", limits=Limits(frames=50))
    assert found.runs == 2
    assert found.trace.end == Trouble(TroubleKind.TRUNCATED, "limit of 50 frames")
    assert found.comparable == 50


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("x = 1\n", 0),
        ("import math, json, collections.abc\nfrom dataclasses import dataclass\n", 0),
        ("import helpers\n", 1),
        ("from . import helpers\n", 1),
        ("import os.path\n", 1),
        ("x = {1, 2}\n", 1),
        ("x = {i for i in y}\n", 1),
        ("x = set()\n", 1),
        ("x = id(y)\n", 1),
        ("f = open('x')\n", 1),
        ("exec('x = 1')\n", 1),
        ("import random\n", 4),
        ("from os import urandom\n", 4),
        ("import numpy as np\n", 4),
        ("import concurrent.futures\n", 4),
    ],
)
def test_how_often_a_program_has_to_run_is_seen_in_its_text(text: str, runs: int) -> None:
    assert truth.more_runs(Program.parse(text, "p.py")) == runs


# --- two traces, compared ---------------------------------------------------------------------------------------------


def test_a_local_that_only_one_run_has_is_unstable() -> None:
    found = truth.against(of(line_frames({}, {"a": "1"}, {"a": "1"})), line_frames({}, {}, {"a": "1", "b": "2"}))
    assert found.unstable == {1: {"a"}, 2: {"b"}}
    assert (found.comparable, found.runs, found.why) == (3, 2, "")


def test_a_longer_other_run_takes_nothing_away_and_a_shorter_one_does() -> None:
    short, long = line_frames({}, {}), line_frames({}, {}, {})
    assert truth.against(of(short), long).comparable == 2
    found = truth.against(of(long), short)
    assert (found.comparable, found.why) == (2, "another run ended here")
    limit = Trace(short.frames, Trouble(TroubleKind.TRUNCATED, "wall time limit of 1 s"))
    assert truth.against(of(long), limit).why == "another run ended here: wall time limit of 1 s"


def test_what_a_later_run_shows_is_added_to_what_an_earlier_one_did() -> None:
    first = line_frames({"a": "1"}, {"a": "1"}, {"a": "1"})
    found = truth.against(of(first), line_frames({"a": "2"}, {"a": "1"}, {"a": "3"}))
    found = truth.against(found, line_frames({"a": "1"}, {"a": "2"}, {"a": "1"}, lines=[1, 2, 9]))
    assert found.unstable == {0: {"a"}, 1: {"a"}}
    assert (found.comparable, found.runs, found.why) == (2, 3, "another run went another way")
    again = truth.against(found, line_frames({"a": "1"}, {"a": "2"}))
    assert (again.comparable, again.why) == (2, "another run went another way")


@pytest.mark.parametrize("change", [{"line": 7}, {"function": "g"}, {"depth": 1}, {"event": Event.CALL}])
def test_ways_part_where_event_function_line_or_depth_differ(change: dict[str, Any]) -> None:
    first = line_frames({}, {}, {})
    other = Trace((first.frames[0], first.frames[1].replace(**change), first.frames[2]), Ended())
    assert truth.against(of(first), other).comparable == 1


def test_a_return_value_that_differs_is_unstable_by_the_empty_name() -> None:
    trace = line_frames({"a": "1"})
    returned = [Trace((trace.frames[0].replace(event=Event.RETURN, value=value),), Ended()) for value in ("1", "2")]
    assert truth.against(of(returned[0]), returned[1]).unstable == {0: {VALUE}}


def test_a_real_run_can_be_watched_from_an_entry() -> None:
    with truth.start(entry_of("a = 1\nb = 2\n"), filename="p.py", limits=LIMITS) as run:
        assert run.wait_for(2, timeout=30)
        found = truth.of_run(run, LIMITS)
    assert (found.comparable, found.runs) == (2, 1)


# --- what is said about it --------------------------------------------------------------------------------------------


def test_the_page_on_fidelity_names_every_limit_with_its_default() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", page, re.MULTILINE))
    assert {name: float(text.replace(",", "")) for name, text in rows.items()} == vars(Limits())


def test_the_page_on_fidelity_says_how_far_the_clock_is_moved() -> None:
    page = " ".join((ROOT / "docs" / "fidelity.md").read_text("utf-8").split())
    days, hours, minutes, seconds = map(
        int, re.findall(r"\((\d+) days, (\d+) hours, (\d+) minutes and (\d+) seconds", page)[0]
    )
    assert ((days * 24 + hours) * 60 + minutes) * 60 + seconds == truth.CLOCK_SHIFT
