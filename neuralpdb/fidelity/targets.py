"""Targets: the programs to compare, from scripts, folders and files of recorded programs.

Files are read here, nothing is run.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.program.source import read_source

RECORDS = (".jsonl", ".jsonl.gz")
"""Endings of files of recorded programs."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


@dataclass(frozen=True)
class Target:
    """One program to compare.

    id:   unique in a run.
    name: the file as the user wrote it, or the id of a record.
    call: the expression to call; empty for a script.
    argv: arguments of a script.
    text: the source of a record; None: it is in the file `name`.
    """

    id: str
    name: str
    call: str = ""
    argv: tuple[str, ...] = ()
    text: str | None = None

    @property
    def filename(self) -> str:
        """The file name that the real run shows."""
        return self.name if self.text is None else f"<{self.name}>"

    def source(self) -> str:
        """Return the source. Raises TargetError."""
        return read_source(Path(self.name)) if self.text is None else self.text

    def enter(self, source: str) -> Entry:
        """Return where the trace of `source` starts. Raises TargetError or UsageError."""
        return enter(Program.parse(source, self.name), call=self.call, arguments=self.argv)


def find(paths: Sequence[str], *, call: str = "") -> list[Target]:
    """Return the programs of `paths`, in order: files, folders, records; or one script and its arguments.

    Arguments after a script are its own unless every one of them is a program, a folder or a file of records; those
    after `--` always are. Raises UsageError for a missing path, and for records that cannot be read.
    """
    if not paths:
        raise UsageError("name what to compare", "for example: neuralpdb --compare script.py")
    first, arguments = Path(paths[0]), list(paths[1:])
    if "--" in arguments or (first.is_file() and not _holds_records(first) and not all(map(_is_program, arguments))):
        argv = tuple(arguments[1:] if arguments[0] == "--" else arguments)
        return [Target(paths[0], paths[0], call, argv)]
    option = next((argument for argument in arguments if argument.startswith("-")), None)
    if option is not None:
        raise UsageError(
            f"{option} comes after {first}", f"options come first: neuralpdb --compare {option} ... {first}"
        )
    targets = [target for path in paths for target in _expanded(Path(path), call)]
    if not targets:
        raise UsageError(f"{paths[0]}: no Python files in it", "name another folder")
    return list(_unique(targets))


def _is_program(argument: str) -> bool:
    path = Path(argument)
    return path.is_dir() or (path.is_file() and (path.suffix == ".py" or _holds_records(path)))


def _holds_records(path: Path) -> bool:
    return path.name.endswith(RECORDS)


def _expanded(path: Path, call: str) -> Iterator[Target]:
    if path.is_dir():
        for file in sorted(path.rglob("*.py")):
            inner = file.relative_to(path).parts
            if not any(part in _SKIPPED or part.startswith(".") for part in inner):
                yield Target(str(file), str(file), call)
    elif _holds_records(path):
        if call:
            raise UsageError(f"--call {call}: the programs of {path} name their own calls", "leave --call out")
        yield from _records(path)
    else:
        yield Target(str(path), str(path), call)


def _records(path: Path) -> Iterator[Target]:
    """Yield the programs of a file with lines of {"id", "source", "call"}.

    `call` may be missing (a script), `argv` may be given.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {path}: {reason}", "it should hold one JSON object a line") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise UsageError(f"{path} is empty", "it should hold one JSON object a line")
    for number, line in lines:
        yield _record(path, number, line)


def _record(path: Path, number: int, line: str) -> Target:
    form = 'each line is {"id": ..., "source": ..., "call": ...}'
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{path}, line {number}: not JSON ({error})", form) from None
    if not isinstance(row, dict) or not isinstance(row.get("source"), str):
        raise UsageError(f'{path}, line {number}: no "source"', form)
    call, argv = row.get("call") or "", row.get("argv") or []
    if not isinstance(call, str) or not isinstance(argv, list):
        raise UsageError(f'{path}, line {number}: "call" must be a string, "argv" a list', form)
    name = str(row.get("id", number))
    return Target(name, name, call, tuple(map(str, argv)), row["source"])


def _unique(targets: Iterable[Target]) -> Iterator[Target]:
    """Yield `targets`, each file once, with `#2`, `#3` ... after the id of a record that repeats."""
    counts: Counter[str] = Counter()
    files: set[Path] = set()
    for target in targets:
        if target.text is None:
            file = Path(target.name).resolve()
            if file in files:
                continue
            files.add(file)
        counts[target.id] += 1
        yield target if counts[target.id] == 1 else replace(target, id=f"{target.id}#{counts[target.id]}")


def readable(targets: Sequence[Target]) -> None:
    """Raise TargetError when a single target cannot be read or entered; of many, each failure is recorded instead."""
    if len(targets) == 1:
        targets[0].enter(targets[0].source())
