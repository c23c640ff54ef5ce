"""Cases: the recorded programs of an evaluation set, which predictions are compared with.

Recording happens in a child process with a fixed hash seed, so that the order of sets is the same every time.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.predict import codec
from neuralpdb.realrun.snapshot import Limits
from neuralpdb.trace.frames import Frame
from neuralpdb.train.data import limited
from neuralpdb.train.documents import Document, called

LIMITS = Limits(frames=2000, value_chars=1_000_000, total_chars=10_000_000)
SECONDS = 5.0
"""Time for one program, so that an endless one holds up nothing; one beyond it, or beyond LIMITS, is left out."""


@dataclass(frozen=True)
class Case:
    """One recorded call.

    id:             name of the program in the set.
    lines:          source as the model reads it.
    marked:         1-based line of the entry.
    frames:         the whole trace.
    comprehensions: the source holds a list, set or dict comprehension.
    """

    id: str
    lines: tuple[str, ...]
    marked: int
    frames: tuple[Frame, ...]
    comprehensions: bool

    @property
    def document(self) -> Document:
        """The whole trace with its first frame given."""
        return Document(codec.context(self.lines, self.marked), self.frames[:1], self.frames[1:], True)

    @classmethod
    def from_json(cls, text: str) -> Case:
        """Read one line that `python -m neuralpdb.train.cases` wrote."""
        data = json.loads(text)
        frames = tuple(Frame.from_dict(frame) for frame in data["frames"])
        return cls(data["id"], tuple(data["lines"]), data["marked"], frames, data["comprehensions"])


def recorded(path: Path, limit: int = 0) -> list[Case]:
    """Record the cases of a file: the first call of each program (at most `limit` programs; 0: all).

    path: `.jsonl` or `.jsonl.gz`, lines of {src, calls} or {id, source, call}. Raises UsageError for another file.
    """
    programs(path)  # raise here, with one line for the user
    command = [sys.executable, "-W", "ignore", "-m", "neuralpdb.train.cases", str(path), str(limit)]
    env = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise UsageError(f"recording {path} failed with exit code {done.returncode}", "its messages are above")
    return [Case.from_json(line) for line in done.stdout.decode().splitlines()]


def programs(path: Path) -> list[tuple[str, str, str]]:
    """Return (id, source, call) of each program of a file, with the first of several calls. Raises UsageError."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [_program(row, i) for i, row in enumerate(rows)]
    except (OSError, ValueError, EOFError, KeyError, IndexError, TypeError) as e:
        raise UsageError(
            f"cannot read programs from {path}: {e!r}", "each line is {src, calls} or {id, source, call}"
        ) from None


def _program(row: Mapping[str, Any], number: int) -> tuple[str, str, str]:
    if "src" in row:
        return str(row.get("origin", number)), row["src"], row["calls"][0]
    return str(row.get("id", number)), row["source"], row["call"]


def has_comprehension(source: str) -> bool:
    """Whether `source` holds a list, set or dict comprehension."""
    return any(isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp) for node in ast.walk(ast.parse(source)))


def _lines(path: Path, limit: int) -> Iterator[str]:
    for name, source, call in programs(path)[: limit or None]:
        try:
            with limited(SECONDS):
                recording = called(source, call, LIMITS)
            comprehensions = has_comprehension(source)
        except SyntaxError:
            continue
        if recording is not None and recording.complete and len(recording.frames) > 1:
            data = {"id": name, "lines": recording.lines, "marked": recording.marked, "comprehensions": comprehensions}
            yield json.dumps({**data, "frames": [frame.as_dict() for frame in recording.frames]})


def main(argv: Sequence[str]) -> None:
    """Write one case a line: the body of the child process, called with FILE LIMIT."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with out:
        for line in _lines(Path(argv[0]), int(argv[1])):
            out.write(line + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
