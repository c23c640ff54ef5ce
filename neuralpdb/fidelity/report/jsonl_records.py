"""JSONL records: comparisons as JSON-ready values and back, nothing lost. `jsonl_report` reads and writes the file.

Frozen dataclasses become objects with their fields. A frame that equals the true one is not repeated.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Debugged, Rollout, Step
from neuralpdb.trace.frames import Ended, Frame, Origin, Trace, Trouble

T = TypeVar("T")
Record = dict[str, Any]

STEPS_SCHEMA = "neuralpdb.fidelity.steps/2"
SAME = "same_as_actual"
"""Stands for a frame that equals the true one but for its origin, which is its value."""


@dataclass(frozen=True)
class Header:
    """The first line: what all programs of the file share. Its fields are keys of the file."""

    schema: str
    tool: str
    created: str
    setting: ComparisonSetup


def header(setup: ComparisonSetup, created: str, tool: str) -> Record:
    """Return the first line of a file."""
    return {"kind": "header", **plain(Header(STEPS_SCHEMA, tool, created, setup))}


def ending(complete: bool, seconds: float) -> Record:
    """Return the last line of a file, of a run that ended by itself (complete) or was interrupted."""
    return {"kind": "end", "complete": complete, "seconds": plain(seconds)}


def records(comparison: Comparison) -> Iterator[Record]:
    """Yield the lines of one program: each step, then the program with everything else."""
    frames = comparison.truth.frames
    for step in comparison.steps or ():
        yield _step(comparison.subject.id, step, frames[step.index])
    stepped = {step.index for step in comparison.steps or ()}
    record = plain(comparison)
    record["truth"]["frames"] = [None if i in stepped else plain(frame) for i, frame in enumerate(frames)]
    record["steps"] = None if comparison.steps is None else len(comparison.steps)
    if comparison.rollout is not None:
        record["rollout"]["frames"] = _frames(comparison.rollout, frames)
    if comparison.debugger is not None:
        record["debugger"]["rollout"]["frames"] = _frames(comparison.debugger.rollout, frames)
    yield {"kind": "program", "program": comparison.subject.id, **record}


def comparison(program: Record, steps: Mapping[int, Record]) -> Comparison:
    """Restore a comparison from the program's line, and its step lines by index: the inverse of `records`.

    Raises KeyError, TypeError or ValueError for records of another form.
    """
    data = {name: value for name, value in program.items() if name not in ("kind", "program")}
    restored_steps = [_restored_step(steps[index]) for index in sorted(steps)] if data["steps"] is not None else None
    if restored_steps is not None and len(restored_steps) != data["steps"]:
        raise ValueError(f"{data['steps']} steps announced, {len(restored_steps)} there")
    actual = {index: steps[index]["actual"] for index in steps}
    frames = [actual[i] if frame is None else frame for i, frame in enumerate(data["truth"]["frames"])]
    truth = restored(Trace, {**data["truth"], "frames": frames})
    rollout, used = data["rollout"], data["debugger"]
    if rollout is not None:
        rollout = restored(Rollout, _with_frames(rollout, frames))
    if used is not None:
        used = restored(Debugged, {**used, "rollout": _with_frames(used["rollout"], frames)})
    others = {name: value for name, value in data.items() if name not in ("truth", "steps", "rollout", "debugger")}
    plain_fields = restored(Comparison, {**others, "truth": {"frames": [], "end": data["truth"]["end"]}})
    values = {field.name: getattr(plain_fields, field.name) for field in fields(Comparison)}
    return Comparison(
        **{
            **values,
            "truth": truth,
            "steps": None if restored_steps is None else tuple(restored_steps),
            "rollout": rollout,
            "debugger": used,
        }
    )


def _frames(rollout: Rollout, actual: Sequence[Frame]) -> list[Record]:
    return [_frame(frame, actual[i] if i < len(actual) else None) for i, frame in enumerate(rollout.frames)]


def _with_frames(rollout: Record, actual: Sequence[Record]) -> Record:
    """Return the record of a rollout with whole frames."""
    frames = [_whole(frame, actual[i] if i < len(actual) else None) for i, frame in enumerate(rollout["frames"])]
    return {**rollout, "frames": frames}


def _step(program: str, step: Step, actual: Frame) -> Record:
    predicted = _frame(step.predicted, actual) if isinstance(step.predicted, Frame) else plain(step.predicted)
    record: Record = {"kind": "step", "program": program, **plain(step), "predicted": predicted}
    return {**record, "actual": plain(actual)}


def _restored_step(record: Record) -> Step:
    data = {name: value for name, value in record.items() if name not in ("kind", "program", "actual")}
    return restored(Step, {**data, "predicted": _whole(data["predicted"], record["actual"])})


def _frame(frame: Frame, actual: Frame | None) -> Record:
    alike = actual is not None and frame.replace(origin=actual.origin) == actual
    if alike and actual and list(frame.locals) == list(actual.locals):  # their order is kept too
        return {SAME: frame.origin.value}
    return frame.as_dict()


def _whole(record: Record, actual: Record | None) -> Record:
    if SAME not in record:
        return record
    if actual is None:
        raise ValueError("a frame refers to a true frame that is missing")
    return {**actual, "origin": Origin(record[SAME]).value}


# -- any frozen dataclass --------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return dataclasses, enums, tuples, sets and mappings as JSON-ready values; infinities and NaN as None."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Frame):
        return value.as_dict()
    if is_dataclass(value):
        return _plain_object(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(plain, value))
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _plain_object(value: Any) -> Record:
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}


def restored(kind: type[T], data: Any) -> T:
    """Restore a dataclass from the values that `plain` returns. Missing fields get their default, where there is one.

    Raises KeyError, TypeError or ValueError for data of another form.
    """
    any_kind: Any = kind
    result: T = _reader(any_kind)(data)
    return result


Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    """Return the function that makes a value of that type of JSON data."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin in (tuple, frozenset):
        inner = _reader(arguments[0])
        return lambda data: origin(map(inner, _checked(data, list)))
    if origin is not None and issubclass(origin, Mapping):
        key, value = arguments[0], _reader(arguments[1])
        return lambda data: {key(name): value(item) for name, item in _checked(data, dict).items()}
    if is_dataclass(kind):
        return _object_reader(kind)
    if issubclass(kind, StrEnum):
        return lambda data: kind(data)
    if kind is float:
        return lambda data: math.inf if data is None else float(_checked(data, (int, float)))
    return _number if kind is int else lambda data: _checked(data, kind)


def _number(data: Any) -> int:
    if isinstance(data, bool):
        raise TypeError(f"{data} is not a number")
    number: int = _checked(data, int)
    return number


_MARKS = {Ended: "reason", Trouble: "kind", Frame: "event"}
"""Outcomes, each with a field that no other outcome has."""


def _union_reader(kinds: Sequence[Any]) -> Reader:
    """Return the reader of an optional type, or of outcomes."""
    members = [kind for kind in kinds if kind is not type(None)]
    if len(members) == 1:
        inner = _reader(members[0])
        return lambda data: None if data is None else inner(data)
    readers = [(_MARKS[kind], _reader(kind)) for kind in members]

    def read(data: Any) -> Any:
        for mark, reader in readers:
            if mark in _checked(data, dict):
                return reader(data)
        raise ValueError("neither a frame nor an end")

    return read


def _object_reader(kind: Any) -> Reader:
    """Return the reader of a dataclass."""
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def read(data: Any) -> Any:
        values = {name: readers[name](value) for name, value in _checked(data, dict).items() if name in readers}
        if len(values) < len(data):
            raise ValueError(f"unknown field {min(data.keys() - readers.keys())!r}")
        if any(name not in values for name in needed):
            raise KeyError(next(name for name in needed if name not in values))
        return kind(**values)

    return read


def _checked(data: Any, kinds: Any) -> Any:
    if not isinstance(data, kinds):
        raise TypeError(f"{type(data).__name__} where {getattr(kinds, '__name__', 'a number')} should be")
    return data
