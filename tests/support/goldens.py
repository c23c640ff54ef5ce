"""Golden traces: what each Python version records for the programs in `tests/programs`.

`tests/golden/NAME.jsonl` is the trace of every version; `NAME.3.12.jsonl` exists only where that version differs, so
the list of such files is the list of known differences. Rewrite them with

    python tests/support/goldens.py --rewrite

and read the diff. Interpreters are looked for in NEURALPDB_PYTHONS (paths, separated as in PATH), on PATH and under
`~/.pyenv/versions`. Standard library and recorder only: every version runs this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from places import ROOT, TESTS

from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Trace, to_jsonl

PROGRAMS = sorted(path.stem for path in (TESTS / "programs").glob("*.py"))
GOLDEN = TESTS / "golden"
VERSIONS = ("3.11", "3.12", "3.13")
COMMON = VERSIONS[0]
MARKER = "# << START_OF_TRACE"
WARM = "warm "
REPEATABLE = ("classes", "comprehension_lines", "comprehensions", "contexts", "exceptions", "generators", "recursion")
"""Programs with a main function that does the same each time."""


def entry(text: str) -> tuple[str | None, int]:
    """Return function (None: the module) and 1-based line of the marked entry."""
    lines = text.split("\n")
    number = next(n for n, line in enumerate(lines, 1) if line.endswith(MARKER))
    called = re.match(r"def (\w+)", lines[number - 1])
    return called and called[1], number


def recorded(name: str, warm: bool = False) -> Trace:
    """Record the trace of one program by this interpreter, in this process.

    warm: its function has run many times before, so that the interpreter has specialised its instructions.
    """
    text = (TESTS / "programs" / f"{name}.py").read_text("utf-8")
    function, line = entry(text)
    if warm:
        text += f"for _ in range(60):\n    {function}()\n"
    return record(text, filename=f"{name}.py", entry_function=function, entry_line=line)


def as_lines(trace: Trace) -> list[str]:
    """Return a trace as the lines of a golden file."""
    end = trace.end.reason if isinstance(trace.end, Ended) else f"{trace.end.kind}: {trace.end.message}"
    return [*to_jsonl(trace.frames), json.dumps({"end": end})]


def golden(name: str, version: str) -> list[str]:
    """Return the lines that `version` should record for a program."""
    own = GOLDEN / f"{name}.{version}.jsonl"
    return (own if own.exists() else GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()


@cache
def interpreter(version: str) -> str | None:
    """Return the path of an interpreter of that version, None when there is none here."""
    return next((path for path in _candidates(version) if _version(path) == version), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    yield from filter(None, os.environ.get("NEURALPDB_PYTHONS", "").split(os.pathsep))
    yield from filter(None, [shutil.which(f"python{version}")])
    for root in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}*")):
        yield str(root / "bin" / "python")


@cache
def _version(path: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@cache
def recorded_by(version: str) -> dict[str, list[str]]:
    """Return program -> lines, all recorded by one process of that version, which must be available.

    `WARM` before a name: the same program after many runs.
    """
    command = [interpreter(version) or sys.executable, "-s", str(Path(__file__).resolve()), "--dump"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{version}: exit {done.returncode}\n{done.stderr}")
    lines: dict[str, list[str]] = json.loads(done.stdout)
    return lines


def rewrite() -> None:
    """Record everything again with every version found; the common version must be among them."""
    if interpreter(COMMON) is None:
        raise SystemExit(f"no Python {COMMON} found")
    GOLDEN.mkdir(exist_ok=True)
    common = recorded_by(COMMON)
    for name in PROGRAMS:
        _write(GOLDEN / f"{name}.jsonl", common[name])
    for version in VERSIONS[1:]:
        if interpreter(version) is None:
            print(f"Python {version}: not found, its files are kept")
            continue
        lines = recorded_by(version)
        for name in PROGRAMS:
            path = GOLDEN / f"{name}.{version}.jsonl"
            path.unlink(missing_ok=True)
            if lines[name] != common[name]:
                _write(path, lines[name])
                print(f"Python {version} differs: {name}")


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--dump"]:
        cold = {name: as_lines(recorded(name)) for name in PROGRAMS}
        warm = {WARM + name: as_lines(recorded(name, warm=True)) for name in REPEATABLE}
        print(json.dumps(cold | warm))
    elif sys.argv[1:] == ["--rewrite"]:
        rewrite()
    else:
        raise SystemExit(__doc__)
