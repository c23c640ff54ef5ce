"""Fidelity: one prefill against frame-by-frame decoding (verdicts, speed, how certain the scores are).

    python -m bench.fidelity [PROGRAMS.jsonl] [--programs N] > bench/fidelity.md

PROGRAMS: lines of {"id", "source", "call"}; without it, the examples. A trace of 200 frames is always measured.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.errors import NeuralPdbError
from neuralpdb.fidelity.as_used import interpreter_alongside
from neuralpdb.fidelity.comparison import Comparability, Step, judged_steps
from neuralpdb.fidelity.scoring import TokenCount, teacher_forced
from neuralpdb.fidelity.targets import Target, find
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry
from neuralpdb.realrun import truth
from neuralpdb.realrun.limits import Limits
from neuralpdb.trace.frames import Outcome, Trace

EXAMPLES = Path(__file__).parent.parent / "examples"
LONG = """def is_match(letter, wanted):
    return letter == wanted

def count_letter(word, wanted):
    count = 0
    for letter in word:
        if is_match(letter, wanted):
            count += 1
    return count
"""
LONG_CALL = "count_letter('strawberry raspberry cherry plum', 'r')"
FRAMES = 200


@dataclass(frozen=True)
class Measured:
    """One program: three ways over its trace.

    frames:    how many were predicted.
    spent:     tokens of the prefill.
    prefill:   seconds of one prefill.
    decoding:  seconds of decoding frame by frame.
    bare:      seconds of forward passes alone.
    passes:    forward passes of prefill, decoding and bare passes.
    different: frames whose verdict differs between prefill and decoding.
    """

    frames: int
    spent: TokenCount
    prefill: float
    decoding: float
    bare: float
    passes: tuple[int, int, int]
    different: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="?", default=str(EXAMPLES))
    parser.add_argument("--programs", dest="most", type=int, default=0, help="only the first N; 0: all")
    arguments = parser.parse_args()
    engine = LocalEngine.load()
    capabilities = engine.capabilities
    print(f"# Teacher-forced in one prefill, and frame by frame: {capabilities.name} ({capabilities.revision})\n")
    print(
        "Made by `python -m bench.fidelity`. Seconds of wall time in one run on one machine; passes are forward passes."
    )
    print(f"A token is left to decoding when its margin is below {capabilities.tolerance:g}.\n")
    print("| trace | frames | one prefill: s / passes | frame by frame | times faster | bare pass: s / passes |")
    print("|---|---|---|---|---|---|")
    long = Target("200 frames", "long", LONG_CALL, text=LONG)
    row(f"a loop, {FRAMES} frames", [measured(engine, *real(long, FRAMES))])
    measurements = list(measured_targets(engine, find([arguments.programs])[: arguments.most or None]))
    row(f"{len(measurements)} programs", measurements)
    different, frames = (sum(getattr(m, field) for m in measurements) for field in ("different", "frames"))
    print(f"\nVerdicts that differ: {different} of {frames:,} frames.")
    print(f"Frames left to decoding: {sum(m.spent.redone for m in measurements):,}.")


def measured_targets(engine: LocalEngine, targets: Sequence[Target]) -> Iterator[Measured]:
    for target in targets:
        try:
            entry, trace = real(target, 1000)
        except NeuralPdbError:
            continue
        if len(trace.frames) > 1:
            yield measured(engine, entry, trace)


def real(target: Target, most: int) -> tuple[Entry, Trace]:
    entry = target.enter(target.source())
    with truth.start(entry, filename=target.filename, limits=Limits(frames=most)) as run:
        return entry, run.result()


def measured(engine: LocalEngine, entry: Entry, trace: Trace) -> Measured:
    spent = TokenCount()
    decoder = engine.decoder
    engine.close()  # an empty cache
    start, before = time.perf_counter(), decoder.passes
    with interpreter_alongside(entry) as histories:
        forced = teacher_forced(Predictor(entry, engine, histories=histories), trace, spent)
    prefill, fast_passes = time.perf_counter() - start, decoder.passes - before
    engine.close()
    start, before = time.perf_counter(), decoder.passes
    with interpreter_alongside(entry) as histories:
        slow = decoded(Predictor(entry, engine, speculate=False, histories=histories), trace)
    decoding, slow_passes = time.perf_counter() - start, decoder.passes - before
    bare, bare_passes = bare_pass(engine, entry, trace)
    fast = judged(trace, [(f.index, f.outcome, None) for f in forced])
    different = sum(a.verdict != b.verdict for a, b in zip(fast, judged(trace, slow), strict=True))
    passes = (fast_passes, slow_passes, bare_passes)
    return Measured(len(fast), spent, prefill, decoding, bare, passes, different)


def decoded(predictor: Predictor, trace: Trace) -> list[tuple[int, Outcome, None]]:
    """Decode every frame after the true history."""
    frames = trace.frames
    return [(i, predictor.next(frames[:i]), None) for i in range(1, len(frames))]


def judged(trace: Trace, predictions: Sequence[tuple[int, Outcome, None]]) -> tuple[Step, ...]:
    return judged_steps(predictions, trace, Comparability({}, len(trace.frames)))


def bare_pass(engine: LocalEngine, entry: Entry, trace: Trace) -> tuple[float, int]:
    """Run only a forward pass over the same tokens: the prompts of the windows that the trace needs."""
    predictor = Predictor(entry, engine)
    prompts = [predictor.prompt(trace.frames[:i]).markup for i in range(1, len(trace.frames) + 1)]
    last = [a for a, b in pairwise(prompts) if b[: len(a)] != a] + prompts[-1:]
    engine.close()
    start, before = time.perf_counter(), engine.decoder.passes
    for prompt in last:
        engine.score(prompt[:1], [prompt[1:]])
    return time.perf_counter() - start, engine.decoder.passes - before


def row(name: str, measurements: Sequence[Measured]) -> None:
    fast, slow, bare = (sum(getattr(m, field) for m in measurements) for field in ("prefill", "decoding", "bare"))
    passes = [sum(m.passes[i] for m in measurements) for i in range(3)]
    cells = [f"{seconds:.2f} / {count:,}" for seconds, count in zip((fast, slow, bare), passes, strict=True)]
    frames = sum(m.frames for m in measurements)
    print(f"| {name} | {frames:,} | {cells[0]} | {cells[1]} | {slow / fast:.1f} | {cells[2]} |", flush=True)


if __name__ == "__main__":
    main()
