"""The tracer: a real child process, whatever the program does to it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import goldens
import pytest
from places import ROOT, TESTS

from neuralpdb.errors import TargetError, UsageError
from neuralpdb.realrun import process as tracer
from neuralpdb.realrun import process_tree
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.process import RealRun
from neuralpdb.trace.frames import Ended, Trace, Trouble, TroubleKind

CAPS = {"seconds": 5.0, "cpu_seconds": 4, "memory_mib": 1024}


def started(text: str, function: str | None = "main", line: int = 0, **options: Any) -> RealRun:
    known = Limits.__dataclass_fields__
    limits = Limits(**{**CAPS, **{key: options.pop(key) for key in list(options) if key in known}})
    options.setdefault("filename", "p.py")
    source = textwrap.dedent(text).lstrip("\n")
    return tracer.start(source, entry_function=function, entry_line=line, limits=limits, **options)


def traced(text: str, function: str | None = "main", line: int = 0, **options: Any) -> Trace:
    with started(text, function, line, **options) as run:
        return run.result()


def lines(trace: Trace) -> list[int | None]:
    return [frame.line for frame in trace.frames]


@pytest.mark.parametrize("name", ["loops", "exceptions"])
def test_the_child_records_what_the_recorder_does(name: str) -> None:
    text = (TESTS / "programs" / f"{name}.py").read_text()
    function, line = goldens.entry(text)
    found = traced(text, function, line, filename=f"{name}.py")
    assert goldens.as_lines(found) == goldens.as_lines(goldens.recorded(name))


@pytest.mark.parametrize("version", goldens.VERSIONS)
def test_another_interpreter_can_be_asked(version: str) -> None:
    python = goldens.interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on PATH, in NEURALPDB_PYTHONS or under ~/.pyenv/versions")
    text = "import sys\ndef main():\n    return '%d.%d' % sys.version_info[:2]\n"
    assert traced(text, python=python).frames[-1].value == repr(version)


def test_an_interpreter_that_cannot_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot start /nowhere/python: No such file"):
        traced("x = 1\n", None, 1, python="/nowhere/python")
    with pytest.raises(TargetError, match="cannot run the recorder"):
        traced("x = 1\n", None, 1, python="/bin/false")


# --- as a script or a module ------------------------------------------------------------------------------------------


def test_a_script_sees_its_arguments_its_folder_and_its_name(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'found'\n")
    text = """
    import sys, os, beside
    a = sys.argv[1:], os.path.basename(sys.argv[0]), os.path.basename(__file__), __name__, beside.WORD
    b = os.path.samefile(sys.path[0], os.path.dirname(__file__)), os.getcwd()
    c = sys.stdin.read(), hash("a") == hash("a"), sys.modules["__main__"].__file__ == __file__
    d = 0
    """
    work = tmp_path / "work"
    work.mkdir()
    found = traced(text, None, 2, filename=str(tmp_path / "p.py"), argv=["--x", "1"], cwd=work).frames[-1].locals
    assert found["a"] == "(['--x', '1'], 'p.py', 'p.py', '__main__', 'found')"
    assert found["b"] == f"(True, {str(work.resolve())!r})"
    assert found["c"] == "('', True, True)"


def test_a_called_function_lives_in_the_main_module_whose_main_block_does_not_run() -> None:
    text = """
    class X:
        pass
    def main():
        return __name__, X()
    if __name__ == "__main__":
        raise SystemExit(3)
    """
    assert traced(text).frames[-1].value == "('__main__', <__main__.X object>)"


def test_strings_hash_alike_in_every_run() -> None:
    text = "def main():\n    return list({'one', 'two', 'three', 'four'}), hash('x')\n"
    assert traced(text).frames[-1].value == traced(text).frames[-1].value


# --- programs that cannot be traced -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        ("import missing_module_x\nx = 1\n", None, "p.py: line 2 was not reached: ModuleNotFoundError: No module"),
        ("def main(:\n", "main", "p.py: main() was not reached: SyntaxError"),
        ("x = 1\n", "main", "p.py: main() was not reached: the program does not define it"),
        ("import os\nos._exit(7)\n", "main", "p.py: nothing was recorded: os._exit(7)"),
        ("while True:\n    pass\n", "main", "p.py: nothing was recorded: wall time limit of 0.5 s"),
        ("async def main(): pass\n", "main", "p.py: nothing was recorded: the program ended"),
    ],
)
def test_a_program_that_does_not_reach_its_entry_is_an_error(text: str, function: str | None, message: str) -> None:
    with pytest.raises(TargetError) as error:
        traced(text, function, 2, seconds=0.5)
    assert error.value.message.startswith(message)
    assert "\n" not in str(error.value)


# --- ends that the program cannot tell --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "end"),
    [
        ("os._exit(3)", Ended("os._exit(3)")),
        ("os.kill(os.getpid(), signal.SIGSEGV)", Ended("killed by SIGSEGV")),
        ("os.kill(os.getpid(), signal.SIGKILL)", Ended("killed by SIGKILL")),
        ("os.abort()", Ended("killed by SIGABRT")),
        ("ctypes.string_at(0)", Ended("killed by SIGSEGV")),
        ("os.execv('/bin/true', ['true'])", Ended("os._exit(0)")),
        ("time.sleep(60)", Trouble(TroubleKind.TRUNCATED, "wall time limit of 0.5 s")),
        ("os.kill(os.getpid(), signal.SIGSTOP)", Trouble(TroubleKind.TRUNCATED, "wall time limit of 0.5 s")),
        ("sum(range(10**12))", Trouble(TroubleKind.TRUNCATED, "wall time limit of 0.5 s")),
        ("bytes(2 * 10**9)", Trouble(TroubleKind.TRUNCATED, "memory limit of 1024 MiB")),
    ],
)
def test_frames_before_a_sudden_end_are_kept(statement: str, end: Ended | Trouble) -> None:
    text = f"import ctypes, os, signal, time\ndef main():\n    x = 1\n    {statement}\n    return x\n"
    found = traced(text, seconds=0.5)
    assert lines(found)[:3] == [2, 3, 4]
    assert found.end == end


def test_processor_time_is_limited() -> None:
    found = traced("def main():\n    while True: sum(range(1000))\n", cpu_seconds=1, frames=10**7)
    assert found.end == Trouble(TroubleKind.TRUNCATED, "processor time limit of 1 s")


def test_the_frame_limit_ends_a_program_that_would_swallow_it() -> None:
    text = """
    import time
    def main():
        try:
            while True:
                x = 1
        finally:
            time.sleep(60)
    """
    started = time.monotonic()
    found = traced(text, frames=100)
    assert len(found.frames) == 100
    assert found.end == Trouble(TroubleKind.TRUNCATED, "limit of 100 frames")
    assert time.monotonic() - started < 4


def test_a_large_file_is_refused_to_the_program(tmp_path: Path) -> None:
    text = f"""
    def main():
        with open({str(tmp_path / "big")!r}, "wb") as file:
            file.write(bytes(2 * 1024 * 1024))
    """
    found = traced(text, file_mib=1)
    assert isinstance(found.end, Ended)
    assert found.end.reason.startswith("OSError")
    assert (tmp_path / "big").stat().st_size <= 1024 * 1024


def test_an_uncaught_exception_is_a_normal_end() -> None:
    found = traced("def main():\n    return 1 // 0\n")
    assert found.end == Ended("ZeroDivisionError: integer division or modulo by zero")
    assert found.frames[-1].event.value == "exception"


# --- processes, files and descriptors ---------------------------------------------------------------------------------


def test_nothing_that_the_program_started_outlives_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    text = f"""
    import subprocess, threading, time
    def main():
        p = subprocess.Popen(["sleep", "60"])
        open({str(note)!r}, "w").write(str(p.pid))
        threading.Thread(target=time.sleep, args=(60,)).start()
        return 1
    """
    started = time.monotonic()
    assert traced(text).end == Ended("the program ended")
    assert time.monotonic() - started < 4
    assert _gone(int(note.read_text()))


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_forked_child_is_not_recorded() -> None:
    text = """
    import os
    def main():
        pid = os.fork()
        if pid == 0:
            in_child = 1
            return
        os.waitpid(pid, 0)
        return 5
    """
    found = traced(text)
    assert lines(found) == [2, 3, 4, 7, 8, 8]
    assert found.end == Ended("the program ended")


@pytest.mark.parametrize("traced_code", [True, False])
def test_a_fork_bomb_ends_by_the_limit_of_processes(traced_code: bool) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    body = "while True: os.fork()" if traced_code else "exec('while True: os.fork()')"
    text = f"import os\ndef main():\n    {body}\n"
    with started(text, processes=20, frames=10**6) as run:
        found = run.result()
    if os.getuid() == 0:  # the system refuses the processes of others by itself
        assert found.end == Trouble(TroubleKind.TRUNCATED, "limit of 20 processes")
    assert process_tree.members(run._process.pid, run._mark) == []


def test_a_daemon_with_a_session_of_its_own_does_not_outlive_the_run(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    note = tmp_path / "pid"
    text = f"""
    import os, subprocess, time
    def main():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                p = subprocess.Popen(["sleep", "60"], start_new_session=True)
                open({str(note) + "~"!r}, "w").write(f"{{os.getpid()}} {{p.pid}}")
                os.rename({str(note) + "~"!r}, {str(note)!r})
                time.sleep(60)
            os._exit(0)
        while not os.path.exists({str(note)!r}):
            time.sleep(0.01)
        return 1
    """
    assert traced(text, frames=10**6).end == Ended("the program ended")
    assert all(_gone(int(pid)) for pid in note.read_text().split())


def test_a_program_that_closes_every_descriptor_ends_the_trace_early() -> None:
    text = "import os\ndef main():\n    x = 1\n    os.closerange(0, 4096)\n    return x\n"
    found = traced(text)
    assert lines(found) == [2, 3, 4]
    assert found.end == Trouble(TroubleKind.UNAVAILABLE, "the program closed the recorder's channel")


def test_a_program_that_writes_into_the_channel_is_found_out() -> None:
    text = """
    import os
    def main():
        for fd in range(3, 1024):
            try:
                os.write(fd, b'{"event": "line"}\\nnonsense\\n')
            except OSError:
                pass
        return 1
    """
    found = traced(text)
    assert isinstance(found.end, Trouble)
    assert found.end.kind is TroubleKind.MALFORMED


def test_output_is_kept_in_order_and_not_written_here(capfd: pytest.CaptureFixture[str]) -> None:
    text = """
    import os, subprocess, sys
    def main():
        print("a"); sys.stderr.write("b\\n"); os.write(1, b"c"); os.write(2, b"\\xff")
        print("ä", end="", flush=True)
        return subprocess.run(["echo", "x"]).returncode
    """
    with started(text) as run:
        assert run.result().frames[-1].value == "0"
    assert run.output == "a\nb\nc\ufffdäx\n"
    assert capfd.readouterr() == ("", "")


def test_output_before_a_crash_is_kept_by_the_line() -> None:
    with started("import os\ndef main():\n    print('one')\n    print('two')\n    os.abort()\n") as run:
        assert run.result().end == Ended("killed by SIGABRT")
    assert run.output == "one\ntwo\n"


@pytest.mark.parametrize(
    "statement", ["while True: print('hello')", "print('x' * 10**8)", "while True: os.write(2, b'x' * 1000)"]
)
def test_a_program_that_writes_without_end_is_ended_by_a_limit(statement: str) -> None:
    text = f"import os\ndef main():\n    {statement}\n"
    with started(text, output_kib=16, frames=10**7) as run:
        assert run.result().end == Trouble(TroubleKind.TRUNCATED, "output limit of 16 KiB")
    assert len(run.output) == 16 * 1024


def test_a_program_may_close_its_output_and_go_on() -> None:
    text = (
        "import os, sys\ndef main():\n    print('a')\n    sys.stdout.close()\n    os.closerange(1, 3)\n    return 5\n"
    )
    with started(text) as run:
        assert run.result().frames[-1].value == "5"
    assert run.output == "a\n"


def test_the_frame_at_which_input_was_first_read_is_known() -> None:
    with started("import sys\ndef main():\n    a = 1\n    b = sys.stdin.read()\n    c = sys.stdin.read()\n") as run:
        run.result()
    assert run.input_read == 3
    with started("def main():\n    return 1\n") as other:
        other.result()
    assert other.input_read is None


def test_signal_handlers_of_the_program_run_and_cannot_keep_it_alive() -> None:
    text = """
    import os, signal, time
    seen = []
    def handler(number, frame):
        seen.append(number)
    def main():
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        while not seen:
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        while len(seen) < 2:
            pass
        got = [signal.Signals(n).name for n in seen]
        time.sleep(60)
    """
    found = traced(text, seconds=1.5, frames=10**6)
    assert found.frames[-1].locals["got"] == "['SIGALRM', 'SIGTERM']"
    assert found.end == Trouble(TroubleKind.TRUNCATED, "wall time limit of 1.5 s")


def test_a_repr_that_sleeps_ends_by_the_limit_of_time() -> None:
    text = """
    import time
    class Slow:
        def __repr__(self):
            time.sleep(60)
    def main():
        s = Slow()
        return s
    """
    found = traced(text, seconds=0.5)
    assert lines(found) == [5, 6]
    assert found.end == Trouble(TroubleKind.TRUNCATED, "wall time limit of 0.5 s")


def test_many_frames_and_large_values_arrive_whole() -> None:
    text = """
    def main():
        x = "a" * 50_000
        for i in range(200):
            pass
        return x
    """
    found = traced(text)
    assert len(found.frames) == 2 + 201 + 200 + 2
    assert found.frames[-1].value == repr("a" * 50_000)


# --- a run that is watched --------------------------------------------------------------------------------------------


def test_frames_are_there_while_the_program_goes_on_and_closing_kills_it() -> None:
    text = "import time\ndef main():\n    x = 1\n    time.sleep(60)\n    return x\n"
    run = started(text, seconds=60.0)
    assert run.wait_for(3, timeout=30)
    went_on = not run.finished
    assert went_on
    assert not run.wait_for(4, timeout=0.05)
    assert [frame.line for frame in run.frames] == [2, 3, 4]
    run.close()
    assert run.finished
    assert run.result().end == Trouble(TroubleKind.TRUNCATED, "the run was stopped")
    assert len(run.result().frames) == 3
    assert _gone(run._process.pid)
    run.close()  # once more does nothing


def test_waiting_for_more_frames_than_there_will_be_ends_with_the_program() -> None:
    with started("def main():\n    return 1\n") as run:
        assert not run.wait_for(100)
        assert run.finished
        assert len(run.frames) == 3


def test_a_run_can_be_watched_from_several_threads() -> None:
    text = "def main():\n    for i in range(300):\n        pass\n"
    with started(text) as run, ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda n: run.wait_for(n, 30), (1, 100, 500, 10_000)))
    assert counts == [True, True, True, False]


def test_a_run_says_which_python_it_is() -> None:
    with started("def main():\n    return 1\n") as run:
        run.result()
    assert run.python == ".".join(map(str, sys.version_info[:3]))


def test_a_run_dies_with_the_process_that_watches_it(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs F_SETSIG")
    note = tmp_path / "pid"
    program = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\nx = 1\ntime.sleep(60)\n"
    watcher = (
        "from neuralpdb.realrun import process as tracer\n"
        f"run = tracer.start({program!r}, filename='p.py', entry_function=None, entry_line=3, "
        "limits=tracer.Limits(seconds=60))\n"
        "run.wait_for(2)\nprint('there', flush=True)\nrun.result()\n"
    )
    with subprocess.Popen([sys.executable, "-c", watcher], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.kill()
    assert _gone(int(note.read_text()))


# --- limits -----------------------------------------------------------------------------------------------------------


def test_limits_are_read_from_texts() -> None:
    assert Limits.parse([]) == Limits()
    assert Limits.parse(["seconds=2.5", "frames=7", "processes=0"]) == Limits(seconds=2.5, frames=7, processes=0)
    assert Limits.parse(["frames=7"], Limits(seconds=1.0, frames=9)) == Limits(seconds=1.0, frames=7)
    every = [f"{name}=3" for name in Limits.__dataclass_fields__]
    assert Limits.parse(every) == Limits(**dict.fromkeys(Limits.__dataclass_fields__, 3))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("second=5", "--limit second=5: not a known limit as NAME=VALUE (names: frames, value_chars, total_chars, "),
        ("seconds", "--limit seconds: not a known limit as NAME=VALUE"),
        ("seconds=soon", "--limit seconds=soon: not a number from 0.001 to 1,000,000,000,000"),
        ("seconds=nan", "--limit seconds=nan: not a number"),
        ("seconds=inf", "--limit seconds=inf: not a number"),
        ("seconds=0", "--limit seconds=0: not a number"),
        ("frames=1.5", "--limit frames=1.5: not a whole number from 1 to"),
        ("frames=0", "--limit frames=0: not a whole number"),
        ("processes=-1", "--limit processes=-1: not a whole number from 0"),
    ],
)
def test_a_wrong_limit_is_one_clear_line(pair: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Limits.parse([pair])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_huge_limits_are_no_limits() -> None:
    limits = Limits.parse([f"{name}=1000000000000" for name in Limits.__dataclass_fields__])
    with tracer.start("x = 1\n", filename="p.py", entry_function=None, entry_line=1, limits=limits) as run:
        assert run.result().end == Ended("the program ended")


def test_no_descriptors_or_processes_are_left_here() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    before = _descriptors_and_children()
    traced("def main():\n    return 1\n")
    with pytest.raises(TargetError):
        traced("x = 1\n", None, 1, python="/nowhere/python")
    assert _descriptors_and_children() == before


def _descriptors_and_children() -> tuple[int, str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return len(list(Path("/proc/self/fd").iterdir())), children
