"""Soundness worker: one program run for real and computed, in a process that may be killed.

Reads a JSON object a line on standard input (see `Job`), answers with a JSON object a line (see `Reply`). Standard
library only, so that any Python >= 3.11 can run it: `python bench/soundness_worker.py`. With `--record` it reads one
program and writes its recorded frames: the real run of a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from agreement import agreement, real  # noqa: E402

from neuralpdb.interpreter.interpretation import Bounds, interpret  # noqa: E402
from neuralpdb.trace.frames import Ended, Frame, Trace, Trouble, TroubleKind, from_jsonl, to_jsonl  # noqa: E402

MEMORY = 3 << 30
"""Bytes of address space: a machine of the smallest kind has 4 GB."""
REAL_SECONDS = 2.0
"""Seconds of a real run; what takes longer is cut there and compared up to there."""
OPERATIONS = 1_000_000
"""Instructions of one program: some five seconds."""


class Job(TypedDict):
    """A program to compare.

    text, filename, function, line: as `recorder.record` takes them.
    frames: how many frames are compared at most.
    fresh:  whether the real run has a process of its own.
    spoil:  whether one frame of the truth is changed, which has to be noticed.
    """

    text: str
    filename: str
    function: str | None
    line: int
    frames: int
    fresh: bool
    spoil: bool


class Reply(TypedDict, total=False):
    """What came of a comparison: frames of each kind, and the reasons.

    skipped: why the program was not compared; nothing else is given then.
    why:     why the interpreter stopped. assuming: what it assumed first.
    wrong:   what it told wrong, in words; empty when nothing.
    seconds: time that the interpreter took.
    """

    skipped: str
    frames: int
    whole: int
    holes: int
    assumed: int
    missing: int
    computed: int
    wrong: str
    why: str
    assuming: str
    seconds: float


def main() -> None:
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if sys.argv[1:] == ["--record"]:
        answers.write(json.dumps(_recorded(json.loads(sys.stdin.readline()))))
        answers.close()
        os._exit(0)  # whatever the program left behind
    for line in sys.stdin:
        answers.write(json.dumps(compared(json.loads(line))) + "\n")
        answers.flush()


def compared(job: Job) -> Reply:
    """Run and compute one program."""
    try:
        compile(job["text"], job["filename"], "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        return {"skipped": f"does not compile: {type(error).__name__}"}
    trace = _fresh(job) if job["fresh"] else _real(job)
    if trace is None or not trace.frames:
        return {"skipped": "has no real frames"}
    start = time.perf_counter()
    computed, outcome = interpret(
        job["text"],
        filename=job["filename"],
        entry_function=job["function"],
        entry_line=job["line"],
        bounds=Bounds(frames=len(trace.frames) + 1, operations=OPERATIONS),
    )
    seconds = time.perf_counter() - start
    if job["spoil"]:
        whole = [n for n, (each, _) in enumerate(zip(computed, trace.frames, strict=False)) if each.whole]
        if not whole:
            return {"skipped": "has no frame that is told whole"}
        trace = _spoiled(trace, whole[len(whole) // 2])
    result = agreement(trace, computed, outcome)
    told = computed[: result.whole + result.partly]
    assumed = sum(bool(each.assuming) for each in told)
    return {
        "frames": len(trace.frames),
        "whole": result.whole,
        "holes": result.partly - assumed,
        "assumed": assumed,
        "missing": result.missing,
        "computed": len(computed),
        "wrong": result.wrong,
        "why": (outcome.why or f"assumed: {outcome.assuming}") if result.missing else "",
        "assuming": outcome.assuming,
        "seconds": seconds,
    }


def _real(job: Job) -> Trace | None:
    try:
        return real(job["text"], job["filename"], job["function"], job["line"], job["frames"], REAL_SECONDS)
    except BaseException:  # whatever a program does to the process that runs it
        return None


def _recorded(job: Job) -> dict[str, Any]:
    trace = _real(job)
    if trace is None:
        return {"frames": [], "ended": False}
    return {"frames": list(to_jsonl(trace.frames)), "ended": isinstance(trace.end, Ended)}


def _fresh(job: Job) -> Trace | None:
    command = [sys.executable, "-s", str(Path(__file__).resolve()), "--record"]
    done = subprocess.run(
        command, input=json.dumps(job) + "\n", capture_output=True, encoding="utf-8", timeout=20, check=False
    )
    if done.returncode:
        return None
    reply = json.loads(done.stdout)
    end = Ended() if reply["ended"] else Trouble(TroubleKind.TRUNCATED, "a limit of the real run")
    return Trace(tuple(from_jsonl(reply["frames"])), end)


def _spoiled(trace: Trace, number: int) -> Trace:
    """Return a trace with one frame that has another text, or another line where it has no variables."""
    frame = trace.frames[number]
    name = next(iter(frame.locals), None)
    changed: Frame = (
        frame.replace(locals={**frame.locals, name: frame.locals[name] + "0"})
        if name is not None
        else frame.replace(line=(frame.line or 0) + 1)
    )
    return replace(trace, frames=(*trace.frames[:number], changed, *trace.frames[number + 1 :]))


if __name__ == "__main__":
    main()
