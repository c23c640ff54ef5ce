"""The tracer: a real child process, whatever the program does to it."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import goldens
import pytest

from neuralpdb import tracer
from neuralpdb.errors import TargetError
from neuralpdb.frames import Ended, Trace, Trouble, TroubleKind
from neuralpdb.tracer import Limits

CAPS = {"seconds": 5.0, "cpu_seconds": 4, "memory_mib": 1024}


def traced(text: str, function: str | None = "main", line: int = 0, **options: Any) -> Trace:
    known = Limits.__dataclass_fields__
    limits = Limits(**{**CAPS, **{key: options.pop(key) for key in list(options) if key in known}})
    options.setdefault("filename", "p.py")
    source = textwrap.dedent(text).lstrip("\n")
    return tracer.trace(source, entry_function=function, entry_line=line, limits=limits, **options)


def lines(trace: Trace) -> list[int | None]:
    return [frame.line for frame in trace.frames]


@pytest.mark.parametrize("name", ["loops", "exceptions"])
def test_the_child_records_what_the_recorder_does(name: str) -> None:
    text = (goldens.HERE / "programs" / f"{name}.py").read_text()
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


def test_a_fork_bomb_is_over_when_the_trace_is(tmp_path: Path) -> None:
    text = """
    import os, time
    def main():
        for i in range(5):
            os.fork()
        time.sleep(60)
    """
    started = time.monotonic()
    found = traced(text, seconds=1.0)
    assert found.end == Trouble(TroubleKind.TRUNCATED, "wall time limit of 1 s")
    assert time.monotonic() - started < 4


def test_a_program_that_closes_every_descriptor_ends_the_trace_early() -> None:
    text = "import os\ndef main():\n    x = 1\n    os.closerange(0, 256)\n    return x\n"
    found = traced(text)
    assert lines(found) == [2, 3, 4]
    assert found.end == Trouble(TroubleKind.UNAVAILABLE, "the program closed the recorder's channel")


def test_a_program_that_writes_into_the_channel_is_found_out() -> None:
    text = """
    import os
    def main():
        for fd in range(3, 64):
            try:
                os.write(fd, b'{"event": "line"}\\nnonsense\\n')
            except OSError:
                pass
        return 1
    """
    found = traced(text)
    assert isinstance(found.end, Trouble)
    assert found.end.kind is TroubleKind.MALFORMED


def test_output_is_not_written_here(capfd: pytest.CaptureFixture[str]) -> None:
    text = """
    import os, subprocess, sys
    def main():
        print("x"); sys.stderr.write("x"); os.write(1, b"x"); os.write(2, b"x")
        return subprocess.run(["echo", "x"]).returncode
    """
    assert traced(text).frames[-1].value == "0"
    assert capfd.readouterr() == ("", "")


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
