"""How fast the embedded engine is here: `python -m bench.engine [--threads N]`. Times in ms, best and median.

Run it on an idle machine: threads that wait for each other show every disturbance. The last table compares ways to
multiply one token (or a few) with all weight matrices of the model, which is most of the work.
"""

from __future__ import annotations

import argparse
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn import functional as F  # noqa: N812

from neuralpdb import checkpoint
from neuralpdb.checkpoint import Checkpoint, Rows
from neuralpdb.engines.decoder import Decoder
from neuralpdb.engines.local import CHUNK, LocalEngine
from neuralpdb.engines.threads import default_threads

CONTEXTS = (100, 500, 2000, 4000)
COUNTS = (1, 2, 5, 10, 20, 24, 32, 64)

LOADING = """
import time; began = time.perf_counter()
from neuralpdb.engines.local import LocalEngine
imported = time.perf_counter()
engine = LocalEngine.load()
print(f"{imported - began:.2f} s import, {time.perf_counter() - imported:.2f} s load")
"""

Multiply = Callable[[torch.Tensor], torch.Tensor]


def timed(work: Callable[[], object], repeats: int) -> str:
    """Best and median of `repeats` runs after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return f"{times[0]:6.1f} /{times[repeats // 2]:6.1f}"


def passes(decoder: Decoder, ids: list[int]) -> None:
    """One forward pass of 1, 10 and 20 tokens behind contexts of several lengths; the prompt itself."""
    for at in range(0, len(ids), CHUNK):
        start = time.perf_counter()
        decoder.forward(ids[at : at + CHUNK], at, -1)
        if at in (0, len(ids) - CHUNK):
            print(f"  prompt, {CHUNK} tokens behind {at:4}: {1000 * (time.perf_counter() - start):8.0f}")
    for n in (1, 10, 20):
        cells = [timed(partial(decoder.forward, ids[c : c + n], c), 30 if n == 1 else 8) for c in CONTEXTS]
        print(f"  {n:2} tokens behind " + "  ".join(f"{c}: {cell}" for c, cell in zip(CONTEXTS, cells, strict=True)))


def decoding(engine: LocalEngine, ids: list[int]) -> None:
    """Whole completions, tokens drawn and all."""
    markup = engine._vocabulary.decode(ids[:500])
    engine.complete([markup], stop=(), max_tokens=2)
    start = time.perf_counter()
    done = engine.complete([markup], stop=(), max_tokens=100)[0]
    print(f"  complete(): {10 * (time.perf_counter() - start):.1f} a token over 100 tokens behind {done.prompt_tokens}")


def alternatives(ck: Checkpoint) -> None:
    """Ways to multiply n tokens with every matrix of the layers."""
    weights = [w for name, w in ck.tensors.items() if isinstance(w, Rows) and ".layers." in name]
    print(f"  {'tokens in one pass':24}" + "".join(f"{n:>16}" for n in COUNTS))
    for name, dtype, make in ways():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch announces the end of the dynamic form
                matrices = [(w.values.shape[1], make(w)) for w in weights]
                cells = [multiplied(matrices, dtype, n) for n in COUNTS]
        except (AttributeError, RuntimeError) as e:
            cells = [f"  not in this torch ({type(e).__name__})"]
        print(f"  {name:24}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


def multiplied(matrices: list[tuple[int, Multiply]], dtype: torch.dtype, n: int) -> str:
    inputs = {width: torch.randn(n, width).to(dtype) for width, _ in matrices}

    def work() -> None:
        for width, multiply in matrices:
            multiply(inputs[width])

    return timed(work, 8)


def ways() -> Iterator[tuple[str, torch.dtype, Callable[[Rows], Multiply]]]:
    def dense(dtype: torch.dtype) -> Callable[[Rows], Multiply]:
        def make(rows: Rows) -> Multiply:
            weight = rows.dense().to(dtype)
            return lambda x: F.linear(x, weight)

        return make

    def weight_only(rows: Rows) -> Multiply:
        rows = Rows(rows.values.clone(), rows.scale.clone())
        return lambda x: torch.ops.aten._weight_int8pack_mm(x, rows.values, rows.scale)

    def dynamic(rows: Rows) -> Multiply:
        zero = torch.zeros(len(rows.scale), dtype=torch.long)
        weight = torch._make_per_channel_quantized_tensor(rows.values, rows.scale.double(), zero, 0)
        packed = torch.ops.quantized.linear_prepack(weight, None)
        return lambda x: torch.ops.quantized.linear_dynamic(x, packed, False)

    yield "fp32", torch.float32, dense(torch.float32)
    yield "bf16", torch.bfloat16, dense(torch.bfloat16)
    yield "int8 weights, bf16", torch.bfloat16, weight_only
    yield "int8 both (dynamic)", torch.float32, dynamic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=default_threads())
    threads = parser.parse_args().threads
    loading = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True)
    ck = checkpoint.load()
    capability = torch.backends.cpu.get_cpu_capability()
    print(f"{ck.name} {ck.revision}, torch {torch.__version__}, {platform.machine()} {capability}, {threads} threads")
    print(f"start: {loading.stdout.strip()}")
    ids = torch.randint(20, 1000, (ck.geometry.context,), generator=torch.Generator().manual_seed(0)).tolist()
    engine = LocalEngine.load(threads=threads)
    with torch.inference_mode():
        print(f"the engine ({'int8 weights for few tokens, ' if engine.decoder.int8 else ''}fp32 for many):")
        passes(engine.decoder, ids)
        decoding(engine, ids)
        print(f"  memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")
        print("fp32 only:")
        passes(Decoder(ck, int8=False), ids)
        print("all matrices of the layers:")
        torch.set_num_threads(threads)  # whatever the engine chose last
        alternatives(ck)


if __name__ == "__main__":
    main()
