"""Comparisons as JSON-ready values and back, nothing lost. It reads and writes values; `journal` knows files.

Frozen dataclasses become objects with their fields. A frame that says the same as a true one is not repeated.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Rollout, Step
from neuralpdb.trace.frames import Ended, Frame, Origin, Trace, Trouble

T = TypeVar("T")
Record = dict[str, Any]

STEPS_SCHEMA = "neuralpdb.fidelity.steps/1"
SAME = "same_as_actual"
"""Stands for a frame that is the true one but for its origin, which is given."""


@dataclass(frozen=True)
class Header:
    """The first line: what all programs of the file share."""

    schema: str
    tool: str
    created: str
    setting: ComparisonSetup


def header(setting: ComparisonSetup, created: str, tool: str) -> Record:
    """The first line of a file."""
    return {"kind": "header", **plain(Header(STEPS_SCHEMA, tool, created, setting))}


def ending(complete: bool, seconds: float) -> Record:
    """The last line of a file, when the run came to an end of its own (complete) or was interrupted."""
    return {"kind": "end", "complete": complete, "seconds": plain(seconds)}


def records(comparison: Comparison) -> Iterator[Record]:
    """The lines of one program: each step, then the program with everything else."""
    frames = comparison.truth.frames
    for step in comparison.steps or ():
        yield _step(comparison.subject.id, step, frames[step.index])
    stepped = {step.index for step in comparison.steps or ()}
    found = plain(comparison)
    found["truth"]["frames"] = [None if i in stepped else plain(frame) for i, frame in enumerate(frames)]
    found["steps"] = None if comparison.steps is None else len(comparison.steps)
    if comparison.rollout is not None:
        found["rollout"]["frames"] = [
            _frame(frame, frames[i] if i < len(frames) else None) for i, frame in enumerate(comparison.rollout.frames)
        ]
    yield {"kind": "program", "program": comparison.subject.id, **found}


def comparison(program: Record, steps: Mapping[int, Record]) -> Comparison:
    """Inverse of `records`: the program's line, and its step lines by index.

    Raises KeyError, TypeError or ValueError for records of another form.
    """
    data = {name: value for name, value in program.items() if name not in ("kind", "program")}
    given = [_restored_step(steps[index]) for index in sorted(steps)] if data["steps"] is not None else None
    if given is not None and len(given) != data["steps"]:
        raise ValueError(f"{data['steps']} steps announced, {len(given)} there")
    actual = {index: steps[index]["actual"] for index in steps}
    frames = [actual[i] if frame is None else frame for i, frame in enumerate(data["truth"]["frames"])]
    truth = restored(Trace, {**data["truth"], "frames": frames})
    rollout = data["rollout"]
    if rollout is not None:
        shown = [_whole(frame, frames[i] if i < len(frames) else None) for i, frame in enumerate(rollout["frames"])]
        rollout = restored(Rollout, {**rollout, "frames": shown})
    known = {name: value for name, value in data.items() if name not in ("truth", "steps", "rollout")}
    rest = restored(Comparison, {**known, "truth": {"frames": [], "end": data["truth"]["end"]}})
    made = {field.name: getattr(rest, field.name) for field in fields(Comparison)}
    return Comparison(**{**made, "truth": truth, "steps": None if given is None else tuple(given), "rollout": rollout})


def _step(program: str, step: Step, actual: Frame) -> Record:
    predicted = _frame(step.predicted, actual) if isinstance(step.predicted, Frame) else plain(step.predicted)
    found: Record = {"kind": "step", "program": program, **plain(step), "predicted": predicted}
    return {**found, "actual": plain(actual)}


def _restored_step(record: Record) -> Step:
    data = {name: value for name, value in record.items() if name not in ("kind", "program", "actual")}
    return restored(Step, {**data, "predicted": _whole(data["predicted"], record["actual"])})


def _frame(frame: Frame, actual: Frame | None) -> Record:
    alike = actual is not None and frame.replace(origin=actual.origin) == actual
    if alike and actual and list(frame.locals) == list(actual.locals):  # their order is kept too
        return {SAME: frame.origin.value}
    return _plain_object(frame)


def _whole(record: Record, actual: Record | None) -> Record:
    if SAME not in record:
        return record
    if actual is None:
        raise ValueError("a frame is said to be as one that is not there")
    return {**actual, "origin": Origin(record[SAME]).value}


# -- any frozen dataclass --------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Dataclasses, enums, tuples, sets and mappings as JSON-ready values; infinities and NaN as None."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if is_dataclass(value):
        return _plain_object(value)
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(plain, value))
    if isinstance(value, Sequence):
        return [plain(each) for each in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _plain_object(value: Any) -> Record:
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}


def restored(kind: type[T], data: Any) -> T:
    """Inverse of `plain` for a dataclass. Fields that are missing get their default, where there is one.

    Raises KeyError, TypeError or ValueError for data of another form.
    """
    made: Any = kind
    found: T = _reader(made)(data)
    return found


Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    """What makes a value of that type of JSON data."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin in (tuple, frozenset):
        inner = _reader(arguments[0])
        return lambda data: origin(map(inner, _checked(data, list)))
    if origin is not None and issubclass(origin, Mapping):
        key, value = arguments[0], _reader(arguments[1])
        return lambda data: {key(name): value(each) for name, each in _checked(data, dict).items()}
    if is_dataclass(kind):
        return _object_reader(kind)
    if issubclass(kind, StrEnum):
        return lambda data: kind(data)
    if kind is float:
        return lambda data: math.inf if data is None else float(_checked(data, (int, float)))
    return _number if kind is int else lambda data: _checked(data, kind)


def _number(data: Any) -> int:
    if isinstance(data, bool):
        raise TypeError(f"{data} is no number")
    found: int = _checked(data, int)
    return found


_MARKS = {Ended: "reason", Trouble: "kind", Frame: "event"}
"""Outcomes, each with a field that only it has."""


def _union_reader(kinds: Sequence[Any]) -> Reader:
    """Of an optional type, or of outcomes."""
    rest = [kind for kind in kinds if kind is not type(None)]
    if len(rest) == 1:
        inner = _reader(rest[0])
        return lambda data: None if data is None else inner(data)
    readers = [(_MARKS[kind], _reader(kind)) for kind in rest]

    def read(data: Any) -> Any:
        for mark, reader in readers:
            if mark in _checked(data, dict):
                return reader(data)
        raise ValueError("neither a frame nor an end")

    return read


def _object_reader(kind: Any) -> Reader:
    """Of a dataclass."""
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def read(data: Any) -> Any:
        found = {name: readers[name](value) for name, value in _checked(data, dict).items() if name in readers}
        if len(found) < len(data):
            raise ValueError(f"unknown field {min(data.keys() - readers.keys())!r}")
        if any(name not in found for name in needed):
            raise KeyError(next(name for name in needed if name not in found))
        return kind(**found)

    return read


def _checked(data: Any, kinds: Any) -> Any:
    if not isinstance(data, kinds):
        raise TypeError(f"{type(data).__name__} where {getattr(kinds, '__name__', 'a number')} should be")
    return data
