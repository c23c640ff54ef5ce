"""Engine: how fast the embedded engine is here, in ms, best and median: `python -m bench.engine [--threads N]`.

Run it on an idle machine: threads that wait for each other show every disturbance. The last tables compare other
backends; `pip install onnx onnxruntime` for all of them (a C++ compiler, too).
"""

from __future__ import annotations

import argparse
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from bench import alternatives
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.decoder import Decoder
from neuralpdb.engines.local.engine import CHUNK, LocalEngine
from neuralpdb.engines.local.threads import default_threads

CONTEXTS = (100, 500, 2000, 4000)

LOADING = """
import time; began = time.perf_counter()
from neuralpdb.engines.local import LocalEngine
imported = time.perf_counter()
engine = LocalEngine.load()
print(f"{imported - began:.2f} s import, {time.perf_counter() - imported:.2f} s load")
"""


def timed(work: Callable[[], object], repeats: int) -> str:
    """Return best and median of `repeats` runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return f"{times[0]:6.1f} /{times[repeats // 2]:6.1f}"


def passes(decoder: Decoder, ids: list[int]) -> None:
    """Time one forward pass of 1, 10 and 20 tokens after contexts of several lengths, and the prompt itself."""
    for at in range(0, len(ids), CHUNK):
        start = time.perf_counter()
        decoder.forward(ids[at : at + CHUNK], at, -1)
        if at in (0, len(ids) - CHUNK):
            print(f"  prompt, {CHUNK} tokens behind {at:4}: {1000 * (time.perf_counter() - start):8.0f}")
    for n in (1, 10, 20):
        cells = [timed(partial(decoder.forward, ids[c : c + n], c), 30 if n == 1 else 8) for c in CONTEXTS]
        print(f"  {n:2} tokens behind " + "  ".join(f"{c}: {cell}" for c, cell in zip(CONTEXTS, cells, strict=True)))


def decoding(engine: LocalEngine, ids: list[int]) -> None:
    """Time whole completions, with drawing of tokens and everything else."""
    markup = engine._vocabulary.decode(ids[:500])
    engine.complete([markup], stop=(), max_tokens=2)
    start = time.perf_counter()
    done = engine.complete([markup], stop=(), max_tokens=100)[0]
    print(f"  complete(): {10 * (time.perf_counter() - start):.1f} a token over 100 tokens behind {done.prompt_tokens}")


def text(engine: LocalEngine) -> list[int]:
    """Return the ids of the examples, one after another."""
    examples = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
    return engine._vocabulary.encode(("".join(path.read_text(encoding="utf-8") for path in examples),)).ids


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
        print("alternatives:")
        alternatives.compare(ck, text(engine), threads)


if __name__ == "__main__":
    main()
