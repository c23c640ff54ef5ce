"""The interpreter in its child process: the same frames, within limits, whatever the source and whoever dies."""

from __future__ import annotations

import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import goldens
import pytest
from places import ROOT, TESTS

from neuralpdb.interpreter.computing.wire import Reader, Writer
from neuralpdb.interpreter.computing.worker import ENDED_EARLY, Limits, Worker
from neuralpdb.interpreter.interpretation import Bounds, Computed, End, Outcome, interpret
from neuralpdb.output import child_process as starting
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program

LINUX = sys.platform.startswith("linux")
ENDLESS = "n = 0\nwhile True:\n    n += 1\n"
MANY = Bounds(frames=10**7, operations=10**9)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(Limits(step_seconds=1, seconds=20, memory_mib=256, output_mib=4)) as made:
        yield made


def entered(text: str, call: str = "") -> Entry:
    return enter(Program.parse(textwrap.dedent(text), "p.py"), call=call)


def ended(worker: Worker, text: str, bounds: Bounds = MANY) -> tuple[int, Outcome]:
    """Compute a script to its end and return how many frames there were."""
    computing = worker.compute(entered(text), "p.py", bounds)
    count = sum(1 for _ in computing)
    assert computing.outcome is not None
    return count, computing.outcome


def pid(worker: Worker) -> int:
    assert worker._process._child is not None
    return worker._process._child.process.pid


def is_gone(process: int) -> bool:
    for _ in range(200):
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loops", "exceptions", "generators", "classes", "unicode_names"])
def test_the_frames_are_those_that_the_interpreter_computes(worker: Worker, name: str) -> None:
    text = (TESTS / "programs" / f"{name}.py").read_text()
    function, line = goldens.entry(text)
    entry = Entry(Program.parse(text, name), line, None, function)
    there, outcome = interpret(entry.program.text, filename="<p>", entry_function=function, entry_line=line)
    computing = worker.compute(entry, "<p>")
    here = [*computing]
    assert here == there
    assert [[*each.frame.locals] for each in here] == [[*each.frame.locals] for each in there]
    assert computing.outcome == outcome


def test_what_is_not_known_and_what_is_assumed_come_along(worker: Worker) -> None:
    entry = entered("import random\na = 1\nb = random.random()\nc = b + a\nd = [a, b]\ne = 2\n")
    there, _ = interpret(entry.program.text, filename="<p>", entry_function=None, entry_line=2)
    assert [*worker.compute(entry, "<p>")] == there
    assert any(each.unknown for each in there)


def test_a_variable_that_goes_away_or_comes_back_elsewhere_is_shown_where_it_is() -> None:
    texts = [{"a": "1"}, {"a": "1", "b": "2"}, {"b": "2"}, {"b": "3", "a": "1"}, {"a": "1", "b": "3"}, {}]
    [some, *_], _ = interpret("x = 1\n", filename="<p>", entry_function=None)
    writer, reader = Writer(), Reader(("x = 1",))
    for each in texts:
        found = reader.frame(writer.frame(Computed(some.frame.replace(locals=each))))
        assert isinstance(found, Computed)
        assert [*found.frame.locals.items()] == [*each.items()]


def test_texts_that_are_no_proper_unicode_come_along(worker: Worker) -> None:
    computing = worker.compute(entered("a = chr(0xd800) + 'π\\n'\nb = 1\n"), "p.py")
    assert [*computing][-1].frame.locals["a"] == r"'\ud800π\n'"


def test_the_source_of_a_call_is_the_programs(worker: Worker) -> None:
    entry = entered("def add(a, b):\n    return a + b\n", call="add(1, 2)")
    frames = [each.frame for each in worker.compute(entry, "p.py")]
    assert (frames[0].source, frames[-1].value) == ("def main():", "3")


def test_strings_hash_alike_in_every_child() -> None:
    text = "a = hash('x')\nb = {'one', 'two', 'three'}\nc = 1\n"
    found = []
    for _ in range(2):
        with Worker() as other:
            found.append([*other.compute(entered(text), "p.py")])
    assert found[0] == found[1]


def test_bounds_of_frames_and_instructions_end_it(worker: Worker) -> None:
    count, outcome = ended(worker, ENDLESS, Bounds(frames=123))
    assert (count, outcome.end) == (123, End.ENOUGH)
    _, outcome = ended(worker, ENDLESS, Bounds(operations=1000))
    assert (outcome.end, outcome.why) == (End.STOPPED, "the limit of instructions is reached")


# --- ahead ------------------------------------------------------------------------------------------------------------


def test_a_step_that_was_computed_ahead_is_a_look_up(worker: Worker) -> None:
    computing = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)
    time.sleep(0.2)
    taken = []
    for _ in range(300):
        began = time.perf_counter()
        next(computing)
        taken.append(time.perf_counter() - began)
    assert statistics.median(taken) < 0.001


@pytest.mark.skipif(not LINUX, reason="needs /proc")
def test_the_child_waits_where_it_is_far_enough_ahead(worker: Worker) -> None:
    computing = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)

    def used() -> str:
        return Path(f"/proc/{pid(worker)}/schedstat").read_text().split()[0]

    deadline = time.monotonic() + 4
    before = used()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        before, now = used(), before
        if before == now:
            break
    assert before == now
    assert sum(1 for _ in islice(computing, 20_000)) == 20_000


def test_another_program_takes_the_place_of_the_first_in_the_same_child(worker: Worker) -> None:
    first = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(first)
    process = pid(worker)
    count, outcome = ended(worker, "a = 1\nb = 2\n")
    assert (count, outcome.end) == (2, End.ENDED)
    assert [*first] == []
    assert first.outcome == ENDED_EARLY
    assert pid(worker) == process


def test_a_program_that_does_not_let_go_loses_its_child(worker: Worker) -> None:
    first = worker.compute(entered("import re\na = 1\nb = re.match('(x+)+y', 'x' * 40)\n"), "p.py")
    next(first), next(first)
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2
    assert [*first] == []


def test_a_program_may_be_given_up_before_the_child_has_started() -> None:
    with Worker() as other:
        computings = [other.compute(entered(f"a = {n}\nb = 2\n"), "p.py") for n in range(3)]
        assert [sum(1 for _ in each) for each in computings] == [0, 0, 2]


def test_programs_that_are_given_up_at_once_do_not_hold_up_the_next(worker: Worker) -> None:
    began = time.monotonic()
    for _ in range(10):
        worker.compute(entered(ENDLESS), "p.py", MANY)
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2
    assert time.monotonic() - began < 5


# --- limits -----------------------------------------------------------------------------------------------------------

SLOW = "the next frame takes longer than 1 s"
MUCH = "the limit of 4 MiB of frames is reached"
HOSTILE = {
    "regular expression": ("import re\nx = re.match('(a+)+$', 'a' * 40 + 'b')\n", "a pattern that may take very long"),
    "endless line": ("x = 1\nwhile True: pass\n", f"{SLOW}|{MUCH}"),  # from 3.12 on each round is a frame
    "memory": (
        """
        class Link:
            pass
        last = None
        while True:
            link = Link()
            link.data, link.last = bytes(4_000_000), last
            last = link
        """,
        "the limit of 256 MiB of memory is reached|native code has no memory left",
    ),
    "output": (
        "x = 'a' * 50_000\ni = 0\nwhile True:\n    x = str(i) + x[:50_000]\n    i += 1\n",
        MUCH,
    ),
    "recursion": ("def f(n):\n    return f(n + 1)\nx = f(0)\n", "recursion|deep"),
    "nested value": ("x = []\nfor i in range(100_000): x = [x]\ny = 1\n", f"deep|{MUCH}"),
    "huge result": ("x = 1\ny = list(range(10 ** 12))\n", "LIST|large|range"),
    "endless native call": ("import itertools\nx = 1\ny = max(itertools.count())\n", "."),
    "own finaliser": ("class A:\n    def __del__(self): pass\nx = A()\ndel x\ny = 1\n", "."),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_ends_within_its_limits_and_the_child_is_there_for_the_next(
    worker: Worker, name: str
) -> None:
    text, why = HOSTILE[name]
    began = time.monotonic()
    _, outcome = ended(worker, text)
    assert time.monotonic() - began < 30
    assert outcome.end is End.STOPPED
    assert re.search(f"{why}|{SLOW}", outcome.why), outcome.why  # on a busy machine the clock may be first
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2


def test_processor_time_in_all_is_limited() -> None:
    with Worker(Limits(seconds=1)) as other:
        _, outcome = ended(other, "while True:\n    n = len(list(range(300_000)))\n")
        assert outcome == Outcome(End.STOPPED, "the limit of 1 s is reached")
        assert ended(other, "a = 1\n")[0] == 1


@pytest.mark.skipif(not LINUX, reason="needs /proc")
def test_a_child_that_keeps_much_memory_is_not_used_again() -> None:
    with Worker(Limits(memory_mib=128)) as other:
        assert ended(other, "a = 1\n")[0] == 1
        first = pid(other)
        ended(other, "a = 1\n")
        assert pid(other) == first
        ended(other, "class A: pass\na = A()\na.b = [bytes(4_000_000) for n in range(20)]\nc = 1\n")
        assert pid(other) != first
        assert is_gone(first)
        assert ended(other, "a = 1\n")[0] == 1


@pytest.mark.skipif(not LINUX, reason="needs /proc")
@pytest.mark.parametrize("name", ["RLIMIT_FSIZE", "RLIMIT_AS", "RLIMIT_CORE"])
def test_the_child_has_fences_and_no_file_but_its_pipes(worker: Worker, name: str) -> None:
    assert ended(worker, "a = 1\n")[0] == 1
    soft, _ = resource.prlimit(pid(worker), getattr(resource, name))
    assert soft == (256 * 1024 * 1024 if name == "RLIMIT_AS" else 0)
    kinds = {str(each.readlink()).split(":")[0] for each in Path(f"/proc/{pid(worker)}/fd").iterdir()}
    assert kinds == {"pipe", "/dev/null"}


# --- deaths -----------------------------------------------------------------------------------------------------------


def test_a_child_that_is_killed_is_said_and_another_takes_its_place(worker: Worker) -> None:
    computing = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)
    time.sleep(0.2)
    os.kill(pid(worker), signal.SIGKILL)
    assert sum(1 for _ in computing) > 0  # what had been computed is there
    assert computing.outcome == Outcome(End.STOPPED, "its process was killed")
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2


def test_a_child_that_crashes_is_an_error_of_ours_in_one_line(worker: Worker) -> None:
    computing = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)
    time.sleep(0.2)
    os.kill(pid(worker), signal.SIGSEGV)
    assert sum(1 for _ in computing) > 0
    outcome = computing.outcome
    assert outcome is not None
    assert outcome.end is End.FAULT
    assert outcome.reason == (
        "an error inside the interpreter: its process died: SIGSEGV (please report it, with the program)"
    )
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2


def test_a_child_that_died_between_two_programs_is_not_noticed(worker: Worker) -> None:
    assert ended(worker, "a = 1\n")[0] == 1
    os.kill(pid(worker), signal.SIGKILL)
    assert is_gone(pid(worker))
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2


def test_a_child_that_does_not_start_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "_BOOT", "raise SystemExit(3)")
    with Worker() as other:
        computing = other.compute(entered("a = 1\n"), "p.py")
        assert [*computing] == []
    assert computing.outcome is not None
    assert computing.outcome.end is End.FAULT


def test_an_answer_that_is_none_is_an_outcome(worker: Worker) -> None:
    computing = worker.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)
    worker._process._received[:0] = b'["line", 3]\n'
    assert [*computing] == []
    assert computing.outcome is not None
    assert "cannot be read" in computing.outcome.why
    assert ended(worker, "a = 1\nb = 2\n")[0] == 2


def test_a_closed_worker_leaves_no_process() -> None:
    other = Worker()
    computing = other.compute(entered(ENDLESS), "p.py", MANY)
    next(computing)
    process = pid(other)
    other.close()
    other.close()
    assert is_gone(process)
    assert [*computing] == []
    assert computing.outcome == ENDED_EARLY


@pytest.mark.parametrize("text", [ENDLESS, "import re\na = 1\nb = re.match('(x+)+y', 'x' * 40)\n"])
def test_the_child_dies_with_its_parent(text: str) -> None:
    code = textwrap.dedent(f"""
        from neuralpdb.interpreter.computing.worker import Worker
        from neuralpdb.program.entry import enter
        from neuralpdb.program.program import Program
        worker = Worker()
        computing = worker.compute(enter(Program.parse({text!r}, "p.py")), "p.py")
        next(computing)
        print(worker._process._child.process.pid, flush=True)
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert is_gone(int(done.stdout))


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not LINUX, reason="needs /proc")
def test_a_loop_of_a_hundred_thousand_frames_needs_little_memory() -> None:
    with Worker() as other:
        computing = other.compute(entered(ENDLESS), "p.py", Bounds(frames=100_000, operations=10**9))
        assert sum(1 for _ in computing) == 100_000
        status = Path(f"/proc/{pid(other)}/status").read_text()
    assert int(status.partition("VmHWM:")[2].split()[0]) < 50 * 1024
