"""Recorder: its frames per second, in this process and through a child process: `python -m bench.recorder`."""

from __future__ import annotations

import platform
import time

from neuralpdb.realrun import limits as limits_module
from neuralpdb.realrun import process, recorder

PROGRAMS = {
    "loop, small locals": """\
def step(a, b):
    c = a + b
    if c % 2:
        c = c * 3 + 1
    return c

def main():
    total = 0
    name = "abc"
    items = [1, 2, 3]
    for i in range(1500):
        total = step(total, i) % 1000
    return total
""",
    "generators, strings": """\
def words(text):
    for part in text.split():
        yield part.strip()

def main():
    seen = {}
    for word in words("the cat and the dog and the bird " * 60):
        seen[word] = seen.get(word, 0) + 1
    return sorted(seen, key=lambda w: (seen[w], w))
""",
    "comprehensions": """\
def double(x):
    return x * 2

def main():
    rows = []
    for n in range(400):
        row = [double(i) for i in range(n % 5)]
        rows = {str(i): i for i in row}
    return rows
""",
}


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}")
    for name, text in PROGRAMS.items():
        limits = limits_module.Limits(frames=1_000_000)
        best, count = 1e9, 0
        for _ in range(5):
            start = time.process_time()
            trace = recorder.record(text, filename="p.py", entry_function="main", entry_line=0, limits=limits)
            best, count = min(best, time.process_time() - start), len(trace.frames)
        start = time.perf_counter()
        process.trace(text, filename="p.py", entry_function="main", entry_line=0, limits=limits)
        child = time.perf_counter() - start
        print(f"{name:22} {count:6} frames  in process {count / best:8,.0f}/s  child process {child:.2f} s")


if __name__ == "__main__":
    main()
