"""What a run of the real interpreter may use, and how a user says so (`NAME=VALUE`). It runs nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.realrun import process_tree, snapshot

KIB = 1024
_MIB = 1024 * KIB
_MOST = 10**12
_LARGEST = 2**62
"""What the system calls can take."""


@dataclass(frozen=True)
class Limits(snapshot.Limits):
    """What the child may use, beside the frames and characters of `recorder.Limits`.

    seconds:     wall-clock time from when the interpreter has started.
    cpu_seconds: processor time of the process.
    memory_mib:  address space in MiB (Linux; it counts what is reserved, so large libraries need more).
    file_mib:    size of one written file in MiB.
    output_kib:  what is written to standard output and standard error together, in KiB.
    processes:   processes that the program started and that live (Linux); beside those that the user already has it
                 is also the number of new processes and threads (Linux, not for root).
    """

    seconds: float = 10.0
    cpu_seconds: int = 10
    memory_mib: int = 4096
    file_mib: int = 64
    output_kib: int = 4096
    processes: int = 256

    @classmethod
    def parse(cls, pairs: Iterable[str], base: Limits | None = None) -> Limits:
        """`base` (default: the default limits) changed by texts `NAME=VALUE`. Raises UsageError."""
        found = base or cls()
        for pair in pairs:
            name, separator, text = pair.partition("=")
            if not separator or name not in cls.__dataclass_fields__:
                raise UsageError(
                    f"--limit {pair}: not a known limit as NAME=VALUE", f"names: {', '.join(cls.__dataclass_fields__)}"
                )
            changed: dict[str, Any] = {name: _number(name, text, type(getattr(found, name)))}
            found = dataclasses.replace(found, **changed)
        return found


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    least = 0 if name == "processes" else 1 if kind is int else 0.001
    try:
        value = kind(text)
    except ValueError:
        value = kind(-1)
    if not least <= value <= _MOST:
        wanted = "a whole number" if kind is int else "a number"
        raise UsageError(f"--limit {name}={text}: not {wanted} from {least} to {_MOST:,}", f"for example {name}=50")
    return value


def rlimits(limits: Limits) -> dict[str, int]:
    """The limits that the system enforces: name in `resource` -> soft limit."""
    found = {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.memory_mib * _MIB,
        "RLIMIT_FSIZE": limits.file_mib * _MIB,
        "RLIMIT_CORE": 0,
    }
    running = process_tree.tasks_of_user()
    if running is not None:
        found["RLIMIT_NPROC"] = running + limits.processes
    return {name: min(value, _LARGEST) for name, value in found.items()}
