"""Fences: what a child process does to itself before its work. Standard library only, any Python from 3.11 on."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
from collections.abc import Mapping

CHANNEL_LOST = 113
"""Exit code of a child that nobody reads any more, or that cannot write to its channel; programs hardly use it."""


def die_with(alive: int) -> None:
    """Have the system kill this process and its group when the pipe `alive` ends (Linux)."""
    os.set_inheritable(alive, False)
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(alive, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(alive, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(alive, fcntl.F_SETFL, os.O_ASYNC)
    if select.select([alive], [], [], 0)[0]:
        os._exit(CHANNEL_LOST)  # the pipe had ended before


def fence(rlimits: Mapping[str, int]) -> None:
    """Set the soft limits of this process: name in `resource` -> limit; those that the system has."""
    for name, value in rlimits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            pass  # this system does not have the limit (macOS: address space)
