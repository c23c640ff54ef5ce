"""Soundness: what the interpreter computes against what happens, on many programs and every Python that is found.

    python -m bench.soundness [--corpus FILE[:FRAMES[:STEP]]]... [--mutate FILE] > bench/soundness.md

Golden programs, traps and fuzzed calls of the standard library are always compared; `--corpus` adds the programs of a
corpus, `--mutate` changed programs of one, as many as `--minutes` and `--frames` allow for each Python. Programs run
for real: in a child process, with limits, and without a network or files only as far as they are well-behaved. Ends
with exit code 1 when anything was told wrong or the negative control was not noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bench.soundness_programs import (
    TESTS,
    Sample,
    corpus_programs,
    golden_programs,
    library_programs,
    mutated_programs,
    trap_programs,
)
from bench.soundness_worker import Job, Reply

sys.path.insert(0, str(TESTS / "support"))
import goldens

WORKER = Path(__file__).resolve().parent / "soundness_worker.py"
JOB_SECONDS = 20
"""The longest a program may take: a real run is cut after 2 s, a computation after some 5 s."""
JOBS_PER_WORKER = 400
"""A worker is replaced after so many programs: what they leave behind in it stays small."""
SHOWN_REASONS = 25
LIBRARY = "the standard library"


@dataclass(frozen=True)
class Stage:
    """Programs of one kind. frames: how many of each program. fresh, spoil: see `soundness_worker.Job`."""

    name: str
    samples: Iterator[Sample]
    frames: int = 200
    fresh: bool = False
    spoil: bool = False
    seconds: float = float("inf")
    most: float = float("inf")


@dataclass
class Tally:
    """What came of one stage on one Python.

    counts: frames by kind, and programs. reasons: why the interpreter stopped -> frames that it did not tell.
    wrong:  descriptions of what was told wrong, with the key of the program.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, key: str, reply: Reply) -> None:
        if "skipped" in reply:
            killed = reply["skipped"].startswith("killed")
            self.counts["killed" if killed else "skipped"] += 1
            if killed:
                self.reasons[reply["skipped"]] += 0
            return
        self.counts["programs"] += 1
        self.counts["exact"] += reply["whole"] == reply["frames"]
        for kind in ("frames", "whole", "holes", "assumed", "missing", "computed"):
            self.counts[kind] += reply[kind]
        self.seconds += reply["seconds"]
        if reply["missing"]:
            self.reasons[reply["why"]] += reply["missing"]
        if reply["wrong"]:
            self.wrong.append((key, reply["wrong"]))


class Worker:
    """A child process that compares programs; it is killed and replaced when one takes too long."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._child: subprocess.Popen[str] | None = None
        self._jobs = 0

    def compare(self, job: Job) -> Reply:
        if self._child is None or self._jobs >= JOBS_PER_WORKER:
            self._start()
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        self._jobs += 1
        try:
            child.stdin.write(json.dumps(job) + "\n")
            child.stdin.flush()
        except BrokenPipeError:
            return self._killed("the process was gone")
        readable, _, _ = select.select([child.stdout], [], [], JOB_SECONDS)
        if not readable:
            return self._killed(f"no answer in {JOB_SECONDS} s")
        line = child.stdout.readline()
        if not line:
            return self._killed("the process ended")
        reply: Reply = json.loads(line)
        return reply

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _start(self) -> None:
        self.close()
        self._jobs = 0
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"}
        self._child = subprocess.Popen(
            [self._python, "-s", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env=environment,
        )

    def _killed(self, why: str) -> Reply:
        self.close()
        return {"skipped": f"killed: {why}"}


class Journal:
    """Results so far, in a file; with none, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._replies: dict[str, Reply] = {}
        if path is not None and path.exists():
            for line in path.read_text("utf-8").splitlines():
                entry = json.loads(line)
                self._replies[entry["key"]] = entry["reply"]

    def get(self, key: str) -> Reply | None:
        return self._replies.get(key)

    def put(self, key: str, reply: Reply) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "reply": reply}) + "\n")


def main() -> int:
    arguments = _arguments()
    journal = Journal(arguments.journal)
    noticed, controls, wrong = 0, 0, 0
    rows, stories = [], []
    reasons, library_reasons = Counter[str](), Counter[str]()
    for version in arguments.python or goldens.VERSIONS:
        python = goldens.interpreter(version)
        if python is None:
            print(f"Python {version} is not found; it is left out", file=sys.stderr)
            continue
        worker = Worker(python)
        for stage in _stages(arguments):
            tally = run(stage, version, worker, journal, arguments.wrong)
            if stage.spoil:
                noticed, controls = noticed + len(tally.wrong), controls + tally.counts["programs"]
                continue
            rows.append(_row(version, stage, tally))
            print(rows[-1], file=sys.stderr, flush=True)
            (library_reasons if stage.name == LIBRARY else reasons).update(tally.reasons)
            wrong += len(tally.wrong)
            stories += [f"- {version}, {stage.name} {key}: {text}" for key, text in tally.wrong]
        worker.close()
    _print_report(rows, stories, noticed, controls)
    _print_reasons("Why frames are not told", reasons)
    _print_reasons("Why calls of the standard library are not told", library_reasons)
    return 1 if wrong or noticed < controls else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="a version such as 3.12; repeatable; default: all found")
    parser.add_argument("--corpus", action="append", default=[], metavar="FILE[:FRAMES[:STEP]]")
    parser.add_argument("--mutate", type=Path, metavar="FILE", help="a corpus whose programs are changed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0, help="for mutated programs, for each Python")
    parser.add_argument("--frames", type=float, default=float("inf"), help="of mutated programs, for each Python")
    parser.add_argument("--library", type=int, default=30, help="times each library function is called")
    parser.add_argument("--fresh", type=int, default=40, help="mutated programs with a real run of their own process")
    parser.add_argument("--journal", type=Path, help="a file of results; what is in it is not run again")
    parser.add_argument(
        "--wrong", type=Path, default=Path("soundness-wrong"), help="folder for what is told wrong or killed"
    )
    return parser.parse_args()


def _stages(arguments: argparse.Namespace) -> Iterator[Stage]:
    yield Stage("negative control", trap_programs(), spoil=True)
    yield Stage("golden programs", golden_programs(), frames=5000)
    yield Stage("traps", trap_programs(), frames=1500)
    yield Stage(LIBRARY, library_programs(arguments.seed, arguments.library))
    for corpus in arguments.corpus:
        name, _, limits = corpus.partition(":")
        frames, _, step = limits.partition(":")
        path = Path(name)
        title = path.name.split(".")[0]
        yield Stage(title, corpus_programs(path, int(step or 1)), frames=int(frames or 200))
    if arguments.mutate:
        fresh = islice(mutated_programs(arguments.mutate, arguments.seed + 1_000_000), arguments.fresh)
        yield Stage("mutated, a process each", fresh, fresh=True)
        samples = mutated_programs(arguments.mutate, arguments.seed)
        yield Stage("mutated", samples, seconds=60 * arguments.minutes, most=arguments.frames)


def run(stage: Stage, version: str, worker: Worker, journal: Journal, folder: Path) -> Tally:
    """Compare the programs of a stage."""
    tally = Tally()
    start = time.monotonic()
    for sample in stage.samples:
        if time.monotonic() - start > stage.seconds or tally.counts["frames"] >= stage.most:
            break
        key = f"{version} {stage.name} {sample.key}"
        reply = journal.get(key)
        if reply is None:
            reply = worker.compare(
                {
                    "text": sample.text,
                    "filename": sample.filename,
                    "function": sample.function,
                    "line": sample.line,
                    "frames": stage.frames,
                    "fresh": stage.fresh,
                    "spoil": stage.spoil,
                }
            )
            journal.put(key, reply)
            trouble = reply.get("wrong") or reply.get("skipped", "")
            if trouble and not stage.spoil and ("wrong" in reply or trouble.startswith("killed")):
                folder.mkdir(parents=True, exist_ok=True)
                text = f"# Python {key}: {trouble!r}\n{sample.text}"
                (folder / f"{key.replace(' ', '-')}.py").write_text(text, "utf-8")
        tally.add(sample.key, reply)
    return tally


def _row(version: str, stage: Stage, tally: Tally) -> str:
    counts = tally.counts
    frames = counts["frames"]
    share = f"{100 * counts['whole'] / frames:.2f} %" if frames else "-"
    numbers = [counts[kind] for kind in ("programs", "exact", "frames")]
    others = [counts[kind] for kind in ("holes", "assumed", "missing")]
    cells = [f"{number:,}" for number in (*numbers, *others)]
    speed = f"{counts['computed'] / tally.seconds:,.0f}" if tally.seconds else "-"
    row = [version, stage.name, *cells[:3], share, *cells[3:], str(len(tally.wrong)), str(counts["killed"]), speed]
    return f"| {' | '.join(row)} |"


def _print_report(rows: list[str], stories: list[str], noticed: int, controls: int) -> None:
    cores = len(os.sched_getaffinity(0))
    print("# What the interpreter computes, beside what happens\n")
    print(f"Made by `python -m bench.soundness`, on {cores} cores ({platform.system()} {platform.machine()}), shared.")
    print("Wrong: told, nothing assumed, and different from the recorder. Exact: every frame told whole.")
    print("Frames/s: of the interpreter alone, with texts, start included.\n")
    titles = "Python | programs of | programs | exact | frames | whole | holes | assumed | not told | wrong | killed"
    print(f"| {titles} | frames/s |\n|{'---|' * 12}")
    print("\n".join(rows))
    print(f"\nNegative control: {noticed} of {controls} spoiled truths were noticed.\n")
    if stories:
        print("## Told wrong\n\n" + "\n".join(stories) + "\n")


def _print_reasons(title: str, reasons: Counter[str]) -> None:
    if reasons:
        print(f"## {title}\n\n| frames | reason |\n|---|---|")
    for reason, frames in reasons.most_common(SHOWN_REASONS):
        words = " ".join(reason.split()).replace("|", "\\|")
        print(f"| {frames:,} | {words[:150]} |")
    print()


if __name__ == "__main__":
    sys.exit(main())
