"""Speed: the cost of a step with plain greedy decoding, speculation, look-ahead, and without any cache.

    python -m bench.speed [PROGRAMS.jsonl] [--count N] [--frames N] > bench/speed.md      (about ten minutes)

PROGRAMS: lines of {"src" or "source", "calls" or "call"}; without it, the examples only. Forward passes and tokens are
exact; wall times are those of one run on one machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bench import fidelity
from neuralpdb.engines.base import Engine
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.errors import NeuralPdbError
from neuralpdb.fidelity.as_used import interpreter_alongside
from neuralpdb.fidelity.scoring import teacher_forced
from neuralpdb.fidelity.targets import find
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, FrameSource, Trace

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
READING = 0.5
"""Seconds that the user of the look-ahead reads before the next step."""

LOOP = "total = 0\nfor i in range(600):\n    total = i\nprint(total)\n"
PLACES = (10, 100, 500, 1000)
FILLERS = (0, 50, 100)


@dataclass
class Cost:
    """Steps of one kind.

    times:  seconds of each step.
    passes: forward passes of all steps.
    tokens: written tokens of all steps.
    frames: the frames of the traces.
    """

    times: list[float] = field(default_factory=list)
    passes: int = 0
    tokens: int = 0
    frames: list[Frame] = field(default_factory=list)

    def row(self, name: str) -> str:
        cuts = statistics.quantiles(self.times, n=20)
        steps = len(self.times)
        return (
            f"| {name} | {steps:,} | {1000 * statistics.median(self.times):.0f} | {1000 * cuts[-1]:.0f} | "
            f"{1000 * statistics.mean(self.times):.0f} | {self.passes / steps:.2f} | {self.tokens / steps:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=100, help="programs of the file")
    parser.add_argument("--frames", type=int, default=15, help="most steps of each")
    arguments = parser.parse_args()
    engine = LocalEngine.load()
    capabilities = engine.capabilities
    print(
        f"# What a step costs: {capabilities.name} ({capabilities.revision}) on {len(os.sched_getaffinity(0))} cores\n"
    )
    print("Made by `python -m bench.speed`. Times are wall times of one run; passes are forward passes of the model.\n")
    steps(engine, "the examples", [enter(Program.read(path)) for path in EXAMPLES], 40)
    if arguments.programs:
        programs = list(islice(entries(arguments.programs), arguments.count))
        steps(engine, f"{len(programs)} programs of {arguments.programs.name}", programs, arguments.frames)
    growth(engine)
    comparing(engine)


# -- ways to step ---------------------------------------------------------------------------------------------


def steps(engine: LocalEngine, name: str, programs: Sequence[Entry], most: int) -> None:
    print(f"## Steps through {name}, at most {most} each\n")
    print("| way | steps | median ms | 95th percentile | mean | passes a step | tokens a step |")
    print("|---|---|---|---|---|---|---|")
    plain, helped, ahead = Cost(), Cost(), Cost()
    for entry in programs:
        walk(plain, Predictor(entry, engine, speculate=False), most)
        drafted(helped, entry, engine, most)
    print(plain.row("plain greedy decoding"))
    print(helped.row("speculation"))
    if most > 20:
        for entry in programs:
            with interpreter_alongside(entry) as histories:
                predictor = Predictor(entry, engine, histories=histories)
                source = LookAhead(predictor, 8)
                walk(ahead, predictor, most // 2, source, reading=READING)
                source.close()
        print(ahead.row(f"speculation and look-ahead, {READING:g} s of reading between steps"))
    same = plain.frames == helped.frames
    print(f"\nFrames: {'the same' if same else 'NOT the same'} with speculation and without.")
    times = statistics.mean(plain.times) / statistics.mean(helped.times)
    print(f"Speculation: {plain.passes / helped.passes:.1f} times fewer passes, {times:.1f} times less wall time.\n")


def drafted(cost: Cost, entry: Entry, engine: Engine, most: int) -> list[Frame]:
    """Step with drafts: those of the interpreter, which has started before."""
    with interpreter_alongside(entry) as histories:
        assert entry.first is not None
        histories.next([entry.first])
        return walk(cost, Predictor(entry, engine, histories=histories), most)


def walk(
    cost: Cost, predictor: Predictor, most: int, source: FrameSource | None = None, reading: float = 0.0
) -> list[Frame]:
    """Step to the end, at most `most` times, and add the cost."""
    assert predictor.entry.first is not None
    history = [predictor.entry.first]
    if isinstance(source, LookAhead):
        source.look(history)
    for _ in range(most):
        time.sleep(reading)
        start = time.perf_counter()
        outcome = (source or predictor).next(history)
        cost.times.append(time.perf_counter() - start)
        if not isinstance(outcome, Frame):
            break
        history.append(outcome)
    cost.passes += predictor.usage.passes
    cost.tokens += predictor.usage.written_tokens
    cost.frames += history
    return history


# -- growth ---------------------------------------------------------------------------------------------------


def growth(engine: LocalEngine) -> None:
    """Measure the same step early and late in a trace, and after a longer source."""
    print("## Growth with the trace\n\nA loop; median of the 20 steps that end at a frame, ms.\n")
    print("| frame | " + " | ".join(f"{place:,}" for place in PLACES) + " |\n|---" + "|---" * len(PLACES) + "|")
    cost = Cost()
    drafted(cost, enter(Program.parse(LOOP, "loop.py")), engine, PLACES[-1] + 1)
    print("| speculation | " + " | ".join(around(cost.times, place) for place in PLACES) + " |")
    plain = Cost()
    walk(plain, Predictor(enter(Program.parse(LOOP, "loop.py")), engine, speculate=False), 101)
    print("| plain greedy decoding | " + " | ".join(around(plain.times, place) for place in PLACES) + " |")
    print("| everything sent and encoded again for every frame | ", end="")
    print(" | ".join(resent(engine, place) for place in PLACES[:2]) + " | - | - |\n")
    print("The last row is a client in the manner of cwmdbg: whole prompt, no cache kept, no drafts.\n")
    print(
        "## Growth with the source\n\nThe same loop after that many lines of other functions; median of 20 steps, ms.\n"
    )
    print("| lines | " + " | ".join(map(str, FILLERS)) + " |\n|---" + "|---" * len(FILLERS) + "|")
    row = []
    for lines in FILLERS:
        filler = "".join(f"def unused_{i}(value):\n    return value + {i}\n" for i in range(lines // 2))
        cost = Cost()
        drafted(cost, enter(Program.parse(filler + LOOP, "loop.py")), engine, 21)
        row.append(around(cost.times[1:], 20))
    print("| speculation | " + " | ".join(row) + " |\n")


def around(times: Sequence[float], place: int) -> str:
    recent = times[max(place - 20, 0) : place]
    return f"{1000 * statistics.median(recent):.0f}" if len(times) >= place else "-"


def resent(engine: LocalEngine, place: int) -> str:
    """Measure a client that knows no cache: everything is computed again for the 5 frames up to `place`."""
    entry = enter(Program.parse(LOOP, "loop.py"))
    history = drafted(Cost(), entry, engine, place)
    predictor = Predictor(entry, engine, speculate=False)
    times = []
    for length in range(place - 5, place):
        engine.close()  # forgets what is cached
        start = time.perf_counter()
        predictor.next(history[:length])
        times.append(time.perf_counter() - start)
    return f"{1000 * statistics.median(times):.0f}"


# -- comparisons ----------------------------------------------------------------------------------------------


def comparing(engine: LocalEngine) -> None:
    """Measure judging whole true traces in one prefill, and frame by frame with and without speculation."""
    print("## Judging true traces\n\nThe examples that can run here, ")
    real = list(traced())
    print(f"{sum(len(trace.frames) - 1 for _, trace in real)} frames.\n")
    print("| way | passes | seconds |\n|---|---|---|")
    for name in ("one prefill", "frame by frame, speculation", "frame by frame, plain"):
        start, before = time.perf_counter(), engine.decoder.passes
        for entry, trace in real:
            engine.close()
            with interpreter_alongside(entry) as histories:
                predictor = Predictor(entry, engine, speculate=not name.endswith("plain"), histories=histories)
                if name == "one prefill":
                    teacher_forced(predictor, trace)
                else:
                    fidelity.decoded(predictor, trace)
        print(f"| {name} | {engine.decoder.passes - before:,} | {time.perf_counter() - start:.1f} |")


def traced() -> Iterator[tuple[Entry, Trace]]:
    for target in find([str(EXAMPLES[0].parent)]):
        try:
            yield fidelity.real(target, 200)
        except NeuralPdbError:
            continue


def entries(file: Path) -> Iterator[Entry]:
    """Yield the entries of a file of programs; those that cannot be entered are left out."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            calls = record.get("calls") or [record.get("call", "")]
            try:
                yield enter(Program.parse(record.get("src") or record["source"], "program.py"), call=calls[0])
            except NeuralPdbError:
                continue


if __name__ == "__main__":
    main()
