"""Debugger: how fast it feels, from prompt and first prediction to steps, growth with the history and memory.

python -m bench.debugger > bench/debugger.md      (about two minutes on two quiet cores)
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pexpect

from bench.speed import Cost, drafted
from neuralpdb.engines.base import Engine
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
MOST_FRAMES = 60
LOOP = "total = 0\nfor i in range(500):\n    total += i\nprint(total)\n"


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    print(f"# The debugger on {cores} cores ({machine})\n")
    print("Made by `python -m bench.debugger`. Times are wall times of one run on one machine.\n")
    print("| what | measured | wanted |\n|---|---|---|")
    print(f"| `neuralpdb --help` | {_help_time():.2f} s | 0.4 s |")
    prompt, first = _terminal_times()
    print(f"| start to prompt, source on the screen | {prompt:.2f} s | 1 s |")
    print(f"| start to first prediction on the screen | {first:.2f} s | 4 s |")
    engine = LocalEngine.load()
    times, usage = _examples(engine)
    cuts = statistics.quantiles(times, n=20)
    print(f"| step on the examples, median of {len(times)} | {1000 * statistics.median(times):.0f} ms | 250 ms |")
    print(f"| step on the examples, 95th percentile | {1000 * cuts[-1]:.0f} ms | 600 ms |")
    print(f"| forward passes a step | {usage:.1f} | - |")
    early, late, frames = _growth(engine)
    print(f"| step at frames 10-60 of a loop, median | {1000 * early:.0f} ms | - |")
    print(f"| step at frames {frames - 50}-{frames} of it, median | {1000 * late:.0f} ms | no growth with the steps |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| peak memory of this process | {peak:.0f} MiB | 1024 MiB |")


def _help_time() -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "neuralpdb", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def _terminal_times() -> tuple[float, float]:
    start = time.perf_counter()
    child = pexpect.spawn(sys.executable, ["-m", "neuralpdb", str(EXAMPLES[0])], encoding="utf-8", timeout=60)
    child.expect(r"-> .*\n")
    child.expect(r"\(neuralpdb\)")
    prompt = time.perf_counter() - start
    child.send("step\r")
    child.expect(r"> .*\n.*-> .*\n")
    first = time.perf_counter() - start
    child.send("quit\r")
    child.expect(pexpect.EOF)
    return prompt, first


def _examples(engine: Engine) -> tuple[list[float], float]:
    cost = Cost()
    for path in EXAMPLES:
        drafted(cost, enter(Program.read(path)), engine, MOST_FRAMES - 1)
    return cost.times, cost.passes / (len(cost.frames) - len(EXAMPLES))


def _growth(engine: Engine, most: int = 400) -> tuple[float, float, int]:
    cost = Cost()
    drafted(cost, enter(Program.parse(LOOP, "loop.py")), engine, most - 1)
    return statistics.median(cost.times[10:60]), statistics.median(cost.times[-50:]), len(cost.frames)


if __name__ == "__main__":
    main()
