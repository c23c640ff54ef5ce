"""Steps: what a computed step costs, from the keystroke to the screen; the start, the memory, growth with the history.

    python -m bench.steps > bench/steps.md      (a quarter of a minute on two cores)

Nothing here asks the model. Times are wall times, each the least of several: other programs only add to them.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pexpect

from neuralpdb.debugger.session import Session
from neuralpdb.predict.model_source import forecast
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
LOOP = "total = 0\nfor i in range(9000):\n    total += i % 7\nprint(total)\n"
ROUNDS = 5
EARLY, LATE = 10, 10_000
SPAN = 200
"""Steps that are measured at each place."""
KEYS = 60
"""Keystrokes that are measured in a terminal."""
_PROMPT = "(neuralpdb) "
_ENVIRONMENT = {
    **{name: text for name, text in os.environ.items() if not name.startswith("NEURALPDB_")},
    "NEURALPDB_SECOND_OPINION": "false",  # the model is not needed
    "NEURALPDB_RC": "false",
    "PROMPT_TOOLKIT_NO_CPR": "1",  # pexpect does not say where the cursor is, which is waited for
}


class Absent:
    """A model that is not there: whoever asks it fails."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the model is asked for {name}")


def main() -> None:
    """Measure, and print a page of markdown."""
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    print(f"# What a computed step costs on {cores} cores ({machine})\n")
    print("Made by `python -m bench.steps`. Times are wall times, each the least of several. The model is not asked.\n")
    print("| what | measured | wanted |\n|---|---|---|")
    steps = [1000 * seconds for path in EXAMPLES for seconds in _examples_steps(path)]
    print(
        f"| a step in the session, median of {len(steps)} on the examples | {statistics.median(steps):.2f} ms | 2 ms |"
    )
    early, late = _growth()
    print(f"| a step in the session, at step {EARLY} of a loop | {1000 * early:.2f} ms | |")
    print(f"| the same at step {LATE:,} | {1000 * late:.2f} ms, {late / early:.2f} times | 1.3 times |")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "loop.py"
        script.write_text(LOOP)
        start, keys, memory, with_torch = (
            min(values) for values in zip(*map(_terminal, [script] * ROUNDS), strict=True)
        )
    print(f"| a step in a terminal, from the keystroke to the next prompt, median of {KEYS} | {keys:.1f} ms | 20 ms |")
    print(f"| start to the frame after the first on the screen | {start:.2f} s | 1.0 s |")
    print(f"| resident memory then, of the debugger and the interpreter | {memory:.0f} MiB | 120 MiB |")
    print(f"| torch is imported then | {'yes' if with_torch else 'no'} | no |")


def _examples_steps(path: Path) -> list[float]:
    """Return the seconds of each computed step of an example: the least of each over some sessions."""
    return [min(times) for times in zip(*(_walk(Program.read(path), 60) for _ in range(ROUNDS)), strict=False)]


def _walk(program: Program, most: int) -> list[float]:
    entry = enter(program)
    source = forecast(entry, Absent(), constrain=True, doubt_below=60, look_ahead=0)  # type: ignore[arg-type]
    session = Session(entry, source.source, on_frontier=source.attention)
    try:
        session.start()
        times: list[float] = []
        while len(times) < most:
            try:
                times.append(_timed(session.step))
            except AssertionError:  # here the model is needed
                break
            if session.ended:
                break
        return times[1:]  # the first waits for the interpreter to start
    finally:
        source.close()


def _growth() -> tuple[float, float]:
    """Return the median seconds of steps at the two places of a loop, the least of some sessions."""
    entry = enter(Program.parse(LOOP, "loop.py"))
    found = []
    for _ in range(ROUNDS):
        source = forecast(entry, Absent(), constrain=True, doubt_below=60, look_ahead=0)  # type: ignore[arg-type]
        session = Session(entry, source.source, max_frames=2 * LATE, on_frontier=source.attention)
        try:
            session.start()
            session.step(EARLY)
            early = statistics.median(_timed(session.step) for _ in range(SPAN))
            session.step(LATE - SPAN - EARLY)
            found.append((early, statistics.median(_timed(session.step) for _ in range(SPAN))))
        finally:
            source.close()
    return min(early for early, _ in found), min(late for _, late in found)


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _terminal(script: Path) -> tuple[float, float, float, bool]:
    """Return seconds to the second frame, milliseconds of a step, MiB in all, and whether torch is there."""
    start = time.perf_counter()
    terminal = pexpect.spawn(
        sys.executable, ["-m", "neuralpdb", str(script)], dimensions=(40, 100), env=_ENVIRONMENT, encoding="utf-8"
    )
    terminal.delaybeforesend = None  # else pexpect waits for 50 ms before it presses a key
    try:
        terminal.expect_exact(_PROMPT, timeout=60)
        terminal.send("step\r")
        terminal.expect_exact("(2)<module>()", timeout=60)
        started = time.perf_counter() - start
        terminal.expect_exact(_PROMPT, timeout=60)
        memory, with_torch = _memory(terminal.pid)
        times = []
        for _ in range(KEYS):
            pressed = time.perf_counter()
            terminal.send("step\r")
            terminal.expect(r"\(\d\)<module>\(\)", timeout=60)
            terminal.expect_exact(_PROMPT, timeout=60)
            times.append(1000 * (time.perf_counter() - pressed))
        return started, statistics.median(times), memory, with_torch
    finally:
        terminal.close(force=True)


def _memory(parent: int) -> tuple[float, bool]:
    """Return the MiB that a process and its children have in memory, and whether torch is among what it loaded."""
    answer = subprocess.run(["ps", "-o", "rss=", "--pid", str(parent), "--ppid", str(parent)], capture_output=True)
    kibibytes = sum(int(number) for number in re.findall(rb"\d+", answer.stdout))
    return kibibytes / 1024, "libtorch" in Path(f"/proc/{parent}/maps").read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
