"""Ordinary scripts: how much of them the interpreter tells, alone and with the history given, on the running Python.

    python -m bench.ordinary FOLDER [--find] [--frames 300]

The scripts are named in `ordinary_scripts.toml` by package, version and path; what is not in FOLDER yet is fetched with
pip. Each is run for real, in a child process with limits, then told. `--find` prints a new list instead, of the
scripts in the packages of FOLDER that have enough frames. Ends with exit code 1 when anything was told wrong.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS / "support"))

from agreement import agreement, difference  # noqa: E402

from neuralpdb.interpreter.events import Computed  # noqa: E402
from neuralpdb.interpreter.history import Histories  # noqa: E402
from neuralpdb.interpreter.interpretation import Bounds, interpret  # noqa: E402
from neuralpdb.program.program import Program  # noqa: E402
from neuralpdb.realrun.limits import Limits  # noqa: E402
from neuralpdb.realrun.process import trace  # noqa: E402
from neuralpdb.trace.frames import Trace  # noqa: E402

LIST = Path(__file__).with_name("ordinary_scripts.toml")
LEAST_FRAMES = 8
"""Frames of a script that is worth a place in the list."""
LONGEST = 60_000
"""Characters of a script; larger files are data."""
MOST_OF_A_PACKAGE = 6
SHOWN = 25
PYTHON = "python"
"""Stands for the standard library in the place of a package."""


@dataclass(frozen=True)
class Script:
    """A script: the package that it is in, and its path there."""

    package: str
    version: str
    path: str

    def file(self, folder: Path) -> Path:
        """Return its file, fetched when it is not there; a module of Python itself gets another name."""
        if self.package != PYTHON:
            return fetched(self, folder) / self.path
        copy = folder / PYTHON / f"script_{self.path}"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text((Path(sysconfig.get_path("stdlib")) / self.path).read_text("utf-8"), "utf-8")
        return copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    if os.environ.get("PYTHONHASHSEED") != "0":  # as the interpreter's own process has it
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, [sys.executable, "-m", "bench.ordinary", *sys.argv[1:]], environment)
    parser.add_argument("--find", action="store_true")
    arguments = parser.parse_args()
    if arguments.find:
        find(arguments.folder)
        return 0
    totals: dict[str, Counter[str]] = {"alone": Counter(), "with the history": Counter()}
    reasons: Counter[str] = Counter()
    wrong: list[str] = []
    scripts = [Script(**row) for row in tomllib.loads(LIST.read_text("utf-8"))["script"]]
    for script in scripts:
        path = script.file(arguments.folder)
        truth = recorded(path, arguments.frames)
        if truth is None:
            print(f"{script}: has no real frames here", file=sys.stderr)
            continue
        totals["alone"] += alone(path, truth, wrong)
        told, why = with_history(path, truth, wrong)
        totals["with the history"] += told
        reasons.update(why)
        share = told["whole"] / told["frames"]
        print(f"{script.package} {script.path}: {share:.0%} {why.most_common(1)}", file=sys.stderr, flush=True)
    print_report(totals, reasons, wrong)
    return 1 if wrong else 0


def fetched(script: Script, folder: Path) -> Path:
    """Return the folder of a package, fetched and unpacked when it is not there."""
    target = folder / f"{script.package}-{script.version}"
    if not target.exists():
        name = f"{script.package}=={script.version}"
        archives = folder / "archives"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(archives / name), name]
        subprocess.run(command, check=True)
        unpack(next((archives / name).iterdir()), target)
    return target


def unpack(archive: Path, target: Path) -> None:
    """Unpack a wheel or a source archive."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(target)
    else:
        with tarfile.open(archive) as source:
            source.extractall(target, filter="data")


def first_line(text: str) -> int:
    """Return the first line of a module that can be an event."""
    lines = Program.parse(text, "script").code.lines
    return min((line for line in lines if line), default=0)


def recorded(path: Path, frames: int) -> Trace | None:
    """Run a script for real; None where it has no frames."""
    text = path.read_text("utf-8")
    limits = Limits(frames=frames, seconds=10)
    try:
        found = trace(text, filename=str(path), entry_function=None, entry_line=first_line(text), limits=limits)
    except Exception as error:
        print(f"{path}: {error}", file=sys.stderr)
        return None
    return found if found.frames else None


def alone(path: Path, truth: Trace, wrong: list[str]) -> Counter[str]:
    """Tell a script from its start, with no history."""
    text = path.read_text("utf-8")
    bounds = Bounds(frames=len(truth.frames) + 1)
    computed, outcome = interpret(
        text, filename=str(path), entry_function=None, entry_line=first_line(text), bounds=bounds
    )
    found = agreement(truth, computed, outcome)
    if found.wrong:
        wrong.append(f"{path}: {found.wrong}")
    assumed = sum(bool(each.assuming) for each in computed[: found.whole + found.partly])
    return Counter(
        scripts=1,
        frames=len(truth.frames),
        whole=found.whole,
        holes=found.partly - assumed,
        assumed=assumed,
        missing=found.missing,
    )


def with_history(path: Path, truth: Trace, wrong: list[str]) -> tuple[Counter[str], Counter[str]]:
    """Tell each frame given all that really happened before; return counts, and why frames are not told."""
    text = path.read_text("utf-8")
    counts, why = Counter(scripts=1, frames=len(truth.frames)), Counter[str]()
    histories = Histories(text, filename=str(path), entry_line=first_line(text))
    try:
        for number, frame in enumerate(truth.frames):
            answer = histories.next(list(truth.frames[:number]))
            if not isinstance(answer, Computed):
                counts["missing"] += 1
                why[answer.why] += 1
            elif answer.assuming:
                counts["assumed"] += 1
            elif text_of := difference(answer, frame):
                wrong.append(f"{path}, frame {number}, with the history: {text_of}")
                break
            else:
                counts["holes" if answer.unknown else "whole"] += 1
                why.update(answer.unknown.values())
    finally:
        histories.close()
    return counts, why


def find(folder: Path) -> None:
    """Print a list of the scripts in the packages of a folder."""
    for package in sorted(each for each in folder.iterdir() if "-" in each.name):
        name, _, version = package.name.rpartition("-")
        taken = 0
        for path in candidates(package):
            truth = recorded(path, 100)
            if truth is not None and len(truth.frames) >= LEAST_FRAMES:
                relative = path.relative_to(package).as_posix()
                print(f'[[script]]\npackage = "{name}"\nversion = "{version}"\npath = "{relative}"\n', flush=True)
                taken += 1
            if taken == MOST_OF_A_PACKAGE:
                break


def candidates(package: Path) -> Iterator[Path]:
    """Yield the files of a package that can be scripts: the examples first."""
    paths = [path for path in package.rglob("*.py") if path.name not in ("setup.py", "__init__.py", "conftest.py")]
    for path in sorted(paths, key=lambda path: ("example" not in str(path), str(path))):
        text = path.read_text("utf-8", "replace")
        if len(text) <= LONGEST and "import pytest" not in text and "\nfrom ." not in text:
            yield path


def print_report(totals: dict[str, Counter[str]], reasons: Counter[str], wrong: list[str]) -> None:
    """Print the report in Markdown."""
    print("\n## Ordinary scripts\n")
    print(f"Made by `python -m bench.ordinary FOLDER`, with Python {platform.python_version()}.\n")
    print("| told | scripts | frames | whole | holes | assumed | not told |\n|---|---|---|---|---|---|---|")
    for title, counts in totals.items():
        shares = [f"{100 * counts[kind] / max(1, counts['frames']):.1f} %" for kind in ("whole",)]
        cells = [f"{counts[kind]:,}" for kind in ("holes", "assumed", "missing")]
        print(f"| {title} | {counts['scripts']} | {counts['frames']:,} | {' | '.join([*shares, *cells])} |")
    print(f"\nTold wrong: {len(wrong)}.\n")
    for each in wrong:
        print(f"- {each}")
    print("\n| frames | why not |\n|---|---|")
    for reason, count in reasons.most_common(SHOWN):
        print(f"| {count:,} | {' '.join(reason.split()).replace('|', chr(92) + '|')[:150]} |")


if __name__ == "__main__":
    sys.exit(main())
