"""Data: programs become packed token sequences, endless and reproducible, made by worker processes that may die.

The unit is a chunk: sequence numbers of chunk `i` of worker `w` depend on the recipe, `w` and `i` alone. So a run can
be resumed anywhere, and a worker that died goes on with its next chunk. It knows nothing of the model.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import queue
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuralpdb.engines.tokens import spelled
from neuralpdb.errors import NeuralPdbError, UsageError
from neuralpdb.realrun.snapshot import Interrupt
from neuralpdb.train.documents import TIME_LIMIT, Document, Shares, documents, run
from neuralpdb.train.programs import generate, mutate
from neuralpdb.train.tokenizer import Encoder

LOSS = np.uint16(0x8000)
"""Bit of a stored token that says it carries loss; the other bits are its id."""

Tokens = NDArray[np.uint16]
T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """Everything that a stream of sequences depends on.

    tokenizer: path of a `tokenizer.json`.
    seed:      of all random choices.
    length:    tokens of a sequence (stored: one more, the last target).
    sequences: sequences of a chunk.
    corpora:   `.jsonl.gz` files of {src, calls}.
    synthetic: share of generated programs, 0 to 1; the others come from the corpora.
    shares:    how documents are made.
    """

    tokenizer: str
    seed: int = 1
    length: int = 2048
    sequences: int = 16
    corpora: tuple[str, ...] = ()
    synthetic: float = 0.5
    shares: Shares = field(default_factory=Shares)

    def as_json(self) -> str:
        """Return the recipe for the command line of a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Restore a recipe: the inverse of `as_json`."""
        data = json.loads(text)
        return cls(**{**data, "corpora": tuple(data["corpora"]), "shares": Shares(**data["shares"])})


def read_corpus(path: Path) -> list[dict[str, Any]]:
    """Read the programs of a `.jsonl.gz` of {src, calls, origin}. Raises UsageError that names an unreadable file."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream]
    except (OSError, ValueError, EOFError) as e:
        raise UsageError(f"cannot read the corpus {path}: {e}", "a corpus is a .jsonl.gz of {src, calls}") from None
    if not rows or not all(isinstance(row, dict) and row.get("src") and row.get("calls") for row in rows):
        raise UsageError(f"the corpus {path} holds no programs", "each line needs src and calls")
    return rows


PROGRAM_SECONDS = 0.3
"""Time to make, run and record one program: enough for most; a slower one is dropped to keep the workers fast."""

SCRIPTS = 0.15
"""Share of the generated programs that are scripts from the start; others become scripts by a call below them."""

MOST_FAILURES = 2000
"""Programs in a row that may give no document: more of them mean a broken corpus, not bad luck."""


class Programs:
    """Draws source and calls of one program after another."""

    def __init__(self, recipe: Recipe) -> None:
        self._corpus = [row for path in recipe.corpora for row in read_corpus(Path(path))]
        self._synthetic = recipe.synthetic if self._corpus else 1.0
        if self._synthetic:
            for seed in range(60):  # the first calls build the grammar, which takes longer than a program may
                generate.generate(random.Random(seed))
                generate.generate_script(random.Random(seed))

    def draw(self, rng: random.Random) -> tuple[str, list[str]]:
        """Draw one program, its arguments and source changed as often as pays; no calls: a script."""
        if rng.random() >= self._synthetic:
            return self._real(rng)
        if rng.random() < SCRIPTS:
            return generate.generate_script(rng).source, []
        program = generate.generate(rng)
        calls = list(program.calls)
        return program.source, [mutate.mutate_call(c, rng) for c in calls] if rng.random() < 0.12 else calls

    def _real(self, rng: random.Random) -> tuple[str, list[str]]:
        row = rng.choice(self._corpus)
        source, calls = row["src"], [rng.choice(row["calls"]) for _ in range(2)]
        for _ in range(2):
            if rng.random() < 0.6:
                calls = [mutate.mutate_call(call, rng) for call in calls]
        if rng.random() < 0.35:
            source = mutate.mutate_source(source, rng, keep=set(re.findall(r"[^\W\d]\w*", " ".join(calls))))
        return source, calls


class Packer:
    """Packs documents into sequences of fixed length. Each begins with a document; the one at its end is cut."""

    def __init__(self, recipe: Recipe, encoder: Encoder, programs: Programs) -> None:
        self.recipe, self.encoder, self.programs = recipe, encoder, programs
        self._written: Tokens = np.zeros(0, np.uint16)

    def documents(self, rng: random.Random) -> Iterator[tuple[Document, Tokens]]:
        """Yield documents without end, each with its tokens."""
        failures = 0
        while failures < MOST_FAILURES:
            failures += 1
            with contextlib.suppress(Exception, Interrupt):  # whatever a generated program does costs one program
                for document in self._of_one_program(rng):
                    failures = 0
                    yield document
        raise NeuralPdbError(f"{failures} programs in a row gave nothing to train on", "look at the corpora")

    def chunk(self, rng: random.Random) -> Tokens:
        """Return [sequences, length + 1] tokens."""
        n, size = self.recipe.sequences, self.recipe.length + 1
        rows: list[Tokens] = []
        parts: list[Tokens] = []
        held = 0
        for _, tokens in self.documents(rng):
            parts.append(tokens)
            held += len(tokens)
            if held >= size:
                rows.append(np.concatenate(parts)[:size])
                parts, held = [], 0
                if len(rows) == n:
                    break
        return np.stack(rows)

    def _of_one_program(self, rng: random.Random) -> Iterator[tuple[Document, Tokens]]:
        with limited(PROGRAM_SECONDS):
            source, calls = self.programs.draw(rng)
            recording = run(source, calls, rng, self.recipe.shares)
        if recording is not None:
            for document in documents(recording, rng, self.recipe.shares, self._fits):
                yield document, self._written

    def _fits(self, document: Document) -> int:
        """Write the document, as many of its frames as a sequence holds; return how many."""
        size, loss = self.recipe.length + 1, int(LOSS)
        ids: list[int] = []
        count = -1 - len(document.given)  # the opening is no frame
        for markup, predicted in document.pieces():
            piece = self.encoder.encode(markup)
            if len(ids) + len(piece) > size or (not predicted and len(ids) + len(piece) > size * 2 // 3):
                break
            ids += [i | loss for i in piece] if predicted else piece
            count += 1
        self._written = np.array(ids, np.uint16)
        return count


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise the recorder's Interrupt in the body after `seconds`. Main thread only."""
    signal.signal(signal.SIGALRM, _expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # again, for programs that swallow the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _expire(signum: int, frame: FrameType | None) -> None:
    raise Interrupt(TIME_LIMIT)


def chunks(recipe: Recipe, worker: int, first: int = 0) -> Iterator[Tokens]:
    """Yield the chunks of one worker from number `first` on, made in this process."""
    packer = Packer(recipe, Encoder.read(Path(recipe.tokenizer)), Programs(recipe))
    for index in itertools.count(first):
        yield packer.chunk(random.Random(chunk_seed(recipe, worker, index)))


def chunk_seed(recipe: Recipe, worker: int, index: int) -> str:
    """Return the seed of one chunk, which no other chunk of the recipe shares."""
    return f"{recipe.seed}/{recipe.length}/{worker}/{index}"


def serve(recipe: Recipe, worker: int, first: int, out: BinaryIO) -> None:
    """Write chunks to `out` until its reader is gone: the body of a worker process."""
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(600)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + WORKER_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(BrokenPipeError):
        for chunk in chunks(recipe, worker, first):
            out.write(chunk.tobytes())
            out.flush()


WORKER_MEMORY = 3 << 30
"""Bytes of address space that recorded programs may take beside the worker itself."""


@dataclass(frozen=True)
class Position:
    """The place that a stream was read up to.

    turn:      the worker whose chunk comes next.
    following: for each worker its next chunk.
    """

    turn: int
    following: tuple[int, ...]

    @classmethod
    def start(cls, workers: int) -> Position:
        return cls(0, (0,) * workers)


class Stream:
    """Chunks of all workers in turn: the same order every time. Closing it ends its processes."""

    PATIENCE = 45.0
    """Seconds after which a worker that owes a chunk counts as hung: far longer than a chunk takes."""

    def __init__(self, recipe: Recipe, position: Position, depth: int = 48) -> None:
        """depth: chunks of each worker that may wait to be read."""
        self._lanes = [_Lane(recipe, worker, first, depth) for worker, first in enumerate(position.following)]
        self.position = position
        self.waited = 0.0

    def __next__(self) -> Tokens:
        """Return the next chunk. Raises NeuralPdbError when a worker cannot be kept alive."""
        began = time.monotonic()
        turn = self.position.turn
        lane, late = self._lanes[turn], began
        while (item := lane.get()) is None:
            if time.monotonic() - late > self.PATIENCE:
                late = time.monotonic()
                lane.kill()
        self.waited += time.monotonic() - began
        index, chunk = item
        following = list(self.position.following)
        following[turn] = index + 1
        self.position = Position((turn + 1) % len(self._lanes), tuple(following))
        return chunk

    @property
    def deaths(self) -> int:
        """Workers that had to be replaced."""
        return sum(lane.deaths for lane in self._lanes)

    def close(self) -> None:
        """End every worker."""
        for lane in self._lanes:
            lane.closed.set()
            lane.kill()


class _Lane(threading.Thread):
    """One worker process and the thread that reads it; a dead process is replaced, its chunk is skipped."""

    ATTEMPTS = 4

    def __init__(self, recipe: Recipe, worker: int, first: int, depth: int) -> None:
        super().__init__(daemon=True, name=f"worker-{worker}")
        self.recipe, self.worker, self.next = recipe, worker, first
        self.closed, self.deaths = threading.Event(), 0
        self._queue: queue.Queue[tuple[int, Tokens] | NeuralPdbError] = queue.Queue(depth)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def get(self) -> tuple[int, Tokens] | None:
        """Return the next chunk and its number; None when there is none within a second."""
        try:
            item = self._queue.get(timeout=1.0)
        except queue.Empty:
            return None
        if isinstance(item, NeuralPdbError):
            raise item
        return item

    def kill(self) -> None:
        """End the process; unless the lane is closed, another process takes its place."""
        if self._process is not None:
            self._process.kill()

    def run(self) -> None:
        failures = 0
        while not self.closed.is_set():
            count = self._read_process()
            failures = 0 if count else failures + 1
            if self.closed.is_set():
                return
            self.deaths += 1
            self.next += 1
            if failures >= self.ATTEMPTS:
                error = NeuralPdbError(f"data worker {self.worker} dies at once", "its messages are above")
                put_unless(self.closed, self._queue, error)
                return

    def _read_process(self) -> int:
        """Start a process and pass on its chunks until it ends; return how many chunks it made."""
        recipe = self.recipe
        shape = (recipe.sequences, recipe.length + 1)
        command = [sys.executable, "-m", "neuralpdb.train.data", recipe.as_json(), str(self.worker), str(self.next)]
        env = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        count = 0
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env) as process:
            self._process = process
            assert process.stdout is not None
            while not self.closed.is_set():
                data = process.stdout.read(shape[0] * shape[1] * 2)
                if len(data) < shape[0] * shape[1] * 2:
                    break
                chunk = np.frombuffer(data, np.uint16).reshape(shape)
                put_unless(self.closed, self._queue, (self.next, chunk))
                self.next += 1
                count += 1
            process.kill()
        return count


def put_unless(closed: threading.Event, items: queue.Queue[T], item: T) -> None:
    """Put `item` into a queue, waiting for room until `closed` is set."""
    while not closed.is_set():
        try:
            items.put(item, timeout=0.5)
            return
        except queue.Full:
            continue


def readable(document: Document) -> str:
    """Return a document for people: its trace tokens spelled out, the part that carries loss marked with `+`."""
    lines: list[str] = []
    for markup, predicted in document.pieces():
        text = spelled(markup)
        lines.append(text if not predicted else f"+ {text}")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Write chunks to the standard output, and nothing else: the body of a worker, called with RECIPE WORKER FIRST."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    serve(Recipe.from_json(argv[0]), int(argv[1]), int(argv[2]), out)


if __name__ == "__main__":
    main(sys.argv[1:])
