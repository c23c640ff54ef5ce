"""JSONL report: the file of a run, written while the run goes on, and read back even when a line was cut off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from neuralpdb.errors import UsageError
from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Result
from neuralpdb.fidelity.report import jsonl_records
from neuralpdb.fidelity.report.jsonl_records import Header, Record


@dataclass(frozen=True)
class Recovered:
    """The content of a file.

    sound: bytes up to the end of its last whole program; the bytes after it are to be cut off.
    """

    result: Result
    sound: int


def as_line(record: Record) -> str:
    """Return a record as one line of ASCII, newline included."""
    return json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n"


def lines(result: Result, tool: str) -> Iterable[str]:
    """Yield the lines of a whole file."""
    yield as_line(jsonl_records.header(result.setup, result.created, tool))
    for comparison in result.comparisons:
        yield from map(as_line, jsonl_records.records(comparison))
    yield as_line(jsonl_records.ending(result.complete, result.seconds))


def recover(path: Path) -> Recovered:
    """Read a file, cut off or not.

    Steps whose program has no line are left out, and so is a last line that is not whole. Raises UsageError with the
    line's number for any other damage.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", "check the path") from None
    return read(data, str(path))


def read(data: bytes, name: str) -> Recovered:
    """Read the content of a file as `recover` does. name: for messages."""
    reading = _Reading(name)
    place = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        place += len(line)
        if line.strip() and not reading.take(number, line, place):
            break
    return reading.finish()


@dataclass
class _Reading:
    name: str
    header: Header | None = None
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    steps: dict[str, dict[int, Record]] = field(default_factory=dict)
    complete: bool = False
    seconds: float = 0.0
    sound: int = 0

    def take(self, number: int, line: bytes, end: int) -> bool:
        """Take in one line that ends at byte `end`; False for one that was cut off, which has to be the last."""
        whole = line.endswith(b"\n")
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
            if whole:
                raise self._damage(number, "not JSON") from None
            return False
        if not whole:
            return False
        try:
            self._add(record, end)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise self._damage(number, reason) from None
        return True

    def _damage(self, number: int, reason: str) -> UsageError:
        hint = "not a JSONL report of neuralpdb, or damaged: name another file"
        return UsageError(f"{self.name}, line {number}: {reason}", hint)

    def _add(self, record: Record, end: int) -> None:
        kind = record["kind"]
        if (self.header is None) != (kind == "header"):
            raise ValueError("a second header" if kind == "header" else "no header before it")
        if kind == "header":
            if record["schema"] != jsonl_records.STEPS_SCHEMA:
                raise ValueError(
                    f"its schema is {record['schema']!r}, this version writes {jsonl_records.STEPS_SCHEMA!r}"
                )
            self.header = jsonl_records.restored(Header, {k: v for k, v in record.items() if k != "kind"})
        elif kind == "step":
            self.steps.setdefault(record["program"], {})[record["index"]] = record
            return
        elif kind == "program":
            self._add_program(record)
        elif kind == "end":
            self.complete, self.seconds = bool(record["complete"]), self.seconds + float(record["seconds"] or 0)
        else:
            raise ValueError(f"unknown kind {kind!r}")
        self.sound = end

    def _add_program(self, record: Record) -> None:
        name = record["program"]
        if name in self.comparisons:
            raise ValueError(f"program {name!r} for the second time")
        self.comparisons[name] = jsonl_records.comparison(record, self.steps.pop(name, {}))
        self.complete = False

    def finish(self) -> Recovered:
        if self.header is None:
            raise self._damage(1, "no header")
        setup, created = self.header.setting, self.header.created
        result = Result(setup, tuple(self.comparisons.values()), self.complete, created, self.seconds)
        return Recovered(result, self.sound)


class Journal:
    """The file while it is written. Each program is on disk when `add` returns.

    Raises UsageError when it cannot be written.
    """

    def __init__(self, path: Path, setup: ComparisonSetup, created: str, tool: str) -> None:
        self.path = path
        self._file = self._opened("wb")
        self._write(as_line(jsonl_records.header(setup, created, tool)))

    @classmethod
    def resumed(cls, path: Path, setup: ComparisonSetup, recovered: Recovered) -> Journal:
        """Go on with a file that was cut off. Raises UsageError when the run that wrote it had another setup."""
        _check_setup(path, recovered.result.setup, setup)
        journal = cls.__new__(cls)
        journal.path = path
        journal._file = journal._opened("r+b")
        journal._file.truncate(recovered.sound)
        journal._file.seek(recovered.sound)
        return journal

    def add(self, comparison: Comparison) -> None:
        """Write one program."""
        self._write("".join(map(as_line, jsonl_records.records(comparison))))

    def finish(self, complete: bool, seconds: float) -> None:
        """Write the end and close. seconds: of this run, without those before it was resumed."""
        self._write(as_line(jsonl_records.ending(complete, seconds)))
        self._file.close()

    def _opened(self, mode: str) -> IO[bytes]:
        try:
            return self.path.open(mode)
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror or error}", "name another file") from None

    def _write(self, text: str) -> None:
        try:
            self._file.write(text.encode("ascii"))
            self._file.flush()
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror or error}", "is the disk full?") from None


def _check_setup(path: Path, then: ComparisonSetup, now: ComparisonSetup) -> None:
    old, new = jsonl_records.plain(then), jsonl_records.plain(now)
    for name in new:
        if old[name] != new[name]:
            raise UsageError(
                f"{path} was written with {name} {old[name]}, this run has {new[name]}",
                "resume with the same options, or name another file",
            )
