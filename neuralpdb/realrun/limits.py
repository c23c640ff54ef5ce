"""Limits: what a real run may use, and their form on the command line (`NAME=VALUE`). It runs nothing."""

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
"""Largest value of a limit; times a MiB it still fits an integer of 64 bits."""
_LARGEST = 2**62
"""Largest value that the system calls take."""


@dataclass(frozen=True)
class Limits(snapshot.Limits):
    """The resources of the child process, beside the frames and characters of `snapshot.Limits`.

    seconds:     wall-clock time from when the interpreter has started.
    cpu_seconds: processor time of the process.
    memory_mib:  address space in MiB (Linux; reserved memory counts, so large libraries need more).
    file_mib:    size of one written file in MiB.
    output_kib:  standard output and standard error together, in KiB.
    processes:   living processes that the program started (Linux); also the number of new processes and threads beside
                 those that the user already has (Linux, not for root).
    """

    seconds: float = 10.0
    cpu_seconds: int = 10
    memory_mib: int = 4096
    file_mib: int = 64
    output_kib: int = 4096
    processes: int = 256

    @classmethod
    def parse(cls, pairs: Iterable[str], base: Limits | None = None) -> Limits:
        """Return `base` (default: the default limits) changed by texts `NAME=VALUE`. Raises UsageError."""
        limits = base or cls()
        for pair in pairs:
            name, separator, text = pair.partition("=")
            if not separator or name not in cls.__dataclass_fields__:
                raise UsageError(
                    f"--limit {pair}: not a known limit as NAME=VALUE", f"names: {', '.join(cls.__dataclass_fields__)}"
                )
            changed: dict[str, Any] = {name: _number(name, text, type(getattr(limits, name)))}
            limits = dataclasses.replace(limits, **changed)
        return limits


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    least = 0 if name == "processes" else 1 if kind is int else 0.001
    try:
        value = kind(text)
    except ValueError:
        value = kind(-1)
    if not least <= value <= _MOST:
        number_kind = "a whole number" if kind is int else "a number"
        raise UsageError(
            f"--limit {name}={text}: not {number_kind} from {least} to {_MOST:,}", f"for example {name}=50"
        )
    return value


def rlimits(limits: Limits) -> dict[str, int]:
    """Return the limits that the system enforces: name in `resource` -> soft limit."""
    soft_limits = {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.memory_mib * _MIB,
        "RLIMIT_FSIZE": limits.file_mib * _MIB,
        "RLIMIT_CORE": 0,
    }
    running = process_tree.tasks_of_user()
    if running is not None:
        soft_limits["RLIMIT_NPROC"] = running + limits.processes
    return {name: min(value, _LARGEST) for name, value in soft_limits.items()}
