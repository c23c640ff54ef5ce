"""Comparisons as JSON-ready values and back, nothing lost. It reads and writes values; `journal` knows files.

Frozen dataclasses become objects with their fields. A frame that says the same as a true one is not repeated.
"""

from __future__ import annotations

import math
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from neuralpdb.fidelity import Comparison, Rollout, Setting, Step
from neuralpdb.frames import Ended, Frame, Origin, Trace, Trouble

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
    setting: Setting


def header(setting: Setting, created: str, tool: str) -> Record:
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
    found: T = _restored(kind, data)
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _restored(kind: Any, data: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _restored_union(arguments, data)
    if origin is tuple:
        return tuple(_restored(arguments[0], each) for each in _checked(data, list))
    if origin is frozenset:
        return frozenset(_restored(arguments[0], each) for each in _checked(data, list))
    if origin is not None and issubclass(origin, Mapping):
        key, value = arguments
        return {key(name): _restored(value, each) for name, each in _checked(data, dict).items()}
    if is_dataclass(kind):
        return _restored_object(kind, _checked(data, dict))
    if issubclass(kind, StrEnum):
        return kind(data)
    if kind is float:
        return math.inf if data is None else float(_checked(data, (int, float)))
    if kind is int and isinstance(data, bool):
        raise TypeError(f"{data} is no number")
    return _checked(data, kind)


def _restored_union(kinds: Collection[Any], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    if len(rest) == 1:
        return _restored(rest[0], data)
    marks = {Ended: "reason", Trouble: "kind", Frame: "event"}  # a field that only this one has
    found = [kind for kind in rest if marks[kind] in _checked(data, dict)]
    if len(found) != 1:
        raise ValueError("neither a frame nor an end")
    return _restored(found[0], data)


def _restored_object(kind: Any, data: Record) -> Any:
    known = {field.name: field for field in fields(kind)}
    unknown = data.keys() - known.keys()
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    optional = {name for name, f in known.items() if f.default is not MISSING or f.default_factory is not MISSING}
    missing = known.keys() - data.keys() - optional
    if missing:
        raise KeyError(min(missing))
    return kind(**{name: _restored(_hints(kind)[name], value) for name, value in data.items()})


def _checked(data: Any, kinds: Any) -> Any:
    if not isinstance(data, kinds):
        raise TypeError(f"{type(data).__name__} where {getattr(kinds, '__name__', 'a number')} should be")
    return data
