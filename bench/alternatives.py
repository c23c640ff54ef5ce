"""Alternatives: the backends of `bench.backends` measured side by side, and how their results differ.

It prints tables for `bench.engine`.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from bench.backends import Absent, Leaf, Matrices, Run, Runner, Tensors, Whole, backends
from neuralpdb.engines.local.checkpoint import Checkpoint
from neuralpdb.engines.local.decoder import Decoder

COUNTS = (1, 2, 5, 10, 20, 32)
"""Tokens in one pass of the matrices."""
WHOLE = (1, 5, 20)
"""Tokens in one whole pass."""
BEHIND = 512
"""Tokens before the pass, about the prompt of a small program."""
ROUNDS, TIMES = 5, 2
"""Each backend has its turn in every round: an untimed pass, then `TIMES` passes that are timed.

Rounds spread what disturbs the machine over all backends.
"""


@dataclass
class Backend:
    """A backend and its measurements.

    runs:  module -> the function that runs it.
    times: (module, number of tokens) -> seconds of each pass.
    """

    name: str
    runs: dict[str, Run]
    times: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def turn(self, job: str, inputs: Tensors) -> None:
        run, times = self.runs[job], self.times.setdefault((job, len(inputs[0])), [])
        run(*inputs)
        for _ in range(TIMES):
            start = time.perf_counter()
            run(*inputs)
            times.append(time.perf_counter() - start)

    def cell(self, job: str, n: int) -> str:
        times = sorted(self.times[job, n])
        return f"{1000 * times[0]:.1f} /{1000 * times[len(times) // 2]:6.1f}"

    def alike(self, jobs: Jobs) -> bool:
        """Whether every token's products have the same bits alone and in a pass of any of `COUNTS`."""
        singles = [self.runs["matrices"](*jobs.matrices(1, at)) for at in range(max(COUNTS))]
        return all(
            torch.equal(all_rows, torch.cat(rows))
            for n in COUNTS
            for all_rows, *rows in zip(self.runs["matrices"](*jobs.matrices(n)), *singles[:n], strict=True)
        )


class Jobs:
    """Inputs of the two modules: random ones, and tokens of a text after the keys and values of its beginning."""

    def __init__(self, decoder: Decoder, ids: Sequence[int]) -> None:
        decoder.forward(ids[:BEHIND], 0, -1)
        g = self.geometry = decoder.geometry
        self.ids, self.turns = torch.tensor(ids), torch.view_as_real(decoder._turns).permute(3, 0, 1, 2)
        self.keys, self.values = (torch.stack([x[0, :, :BEHIND] for x in y]) for y in (decoder._keys, decoder._values))
        generator = torch.Generator().manual_seed(0)
        self.random = [torch.randn(max(COUNTS), width, generator=generator) for width in (g.hidden, g.ffn)]
        self.expected = decoder.forward(ids[BEHIND : BEHIND + max(WHOLE)], BEHIND)

    def matrices(self, n: int, at: int = 0) -> Tensors:
        return tuple(x[at : at + n].clone() for x in self.random)

    def whole(self, n: int) -> Tensors:
        own = torch.full((n, n), -math.inf).triu_(1)
        mask = torch.cat((torch.zeros(n, BEHIND), own), dim=1).repeat(self.geometry.heads // self.geometry.kv_heads, 1)
        new = slice(BEHIND, BEHIND + n)
        return self.ids[new], self.turns[:, new].contiguous(), self.keys, self.values, mask


def compare(checkpoint: Checkpoint, ids: Sequence[int], threads: int) -> None:
    """Print both tables. ids: a text of `BEHIND` + max(WHOLE) tokens or more."""
    quantised, exact = (Decoder(checkpoint, int8=int8, threads=threads) for int8 in (True, False))
    jobs = Jobs(exact, ids)
    torch.set_num_threads(threads)  # whatever the decoders chose last
    measured = [*_available(quantised, jobs), _engine(quantised, ids)]
    for _ in range(ROUNDS):
        for backend in measured:
            for n in COUNTS if "matrices" in backend.runs else ():
                backend.turn("matrices", jobs.matrices(n))
            for n in WHOLE:
                backend.turn("whole", jobs.whole(n))
            torch.set_num_threads(threads)
    _print(measured, jobs)


def _engine(decoder: Decoder, ids: Sequence[int]) -> Backend:
    """Return the engine's own passes: the products of int8 weights, with its own attention and cache."""
    decoder.forward(ids[:BEHIND], 0, -1)

    def run(new: torch.Tensor, *_: torch.Tensor) -> Tensors:
        return (decoder.few(new.tolist(), BEHIND),)

    return Backend("the engine", {"whole": run})


def _available(decoder: Decoder, jobs: Jobs) -> Iterator[Backend]:
    """Yield the backends that can be tried here; print those that cannot, and how long each takes to make."""
    for name, leaf, runner in backends():
        start = time.perf_counter()
        try:
            runs = _runs(decoder, jobs, leaf, runner)
        except (Absent, AttributeError, RuntimeError) as e:
            print(f"  {name}: left out, {str(e).splitlines()[0] if isinstance(e, Absent) else type(e).__name__}")
            continue
        print(f"  {name}: ready in {time.perf_counter() - start:.1f} s", flush=True)
        yield Backend(name, runs)


def _runs(decoder: Decoder, jobs: Jobs, leaf: Leaf, runner: Runner) -> dict[str, Run]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces the end of its dynamic form
        layers = [
            [leaf(m.rows) for m in (layer.qkv, layer.output, layer.gate_up, layer.down) if m.rows is not None]
            for layer in decoder._layers
        ]
    runs = {
        "matrices": runner(Matrices(layers), jobs.matrices(2)),
        "whole": runner(Whole(decoder, layers), jobs.whole(2)),
    }
    for n in (1, 2, 3):  # compilers see one token, two, and any number
        runs["matrices"](*jobs.matrices(n))
        runs["whole"](*jobs.whole(n))
    return runs


def _print(measured: Sequence[Backend], jobs: Jobs) -> None:
    print("all matrices of the layers, by tokens in one pass; alike: each token's bits are the same in every pass")
    print(f"  {'':26}" + "".join(f"{n:>16}" for n in COUNTS) + "   alike")
    for backend in measured:
        if "matrices" not in backend.runs:
            continue
        cells = "".join(f"{backend.cell('matrices', n):>16}" for n in COUNTS)
        print(f"  {backend.name:26}{cells}   {'yes' if backend.alike(jobs) else 'no'}", flush=True)
    print(f"a whole pass behind {BEHIND} tokens; off: sum of the absolute differences of a token's logits to fp32")
    print(f"  {'':26}" + "".join(f"{n:>16}" for n in WHOLE) + f"{'off':>9}   same greatest")
    best = jobs.expected.argmax(-1)
    for backend in measured:
        logits = backend.runs["whole"](*jobs.whole(len(best)))[0]
        off, same = (logits - jobs.expected).abs().sum(-1).mean(), int((logits.argmax(-1) == best).sum())
        cells = "".join(f"{backend.cell('whole', n):>16}" for n in WHOLE)
        print(f"  {backend.name:26}{cells}{off:>9.3f}   {same} of {len(best)}")
