"""The processes that one run has started: counted and killed, also those that left its group.

They are found in /proc (Linux) by their session and by a mark in their environment. Elsewhere only the group is known.
It knows nothing of programs or frames.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "NEURALPDB_RUN"
"""The environment variable that every process of a run inherits; its value is that of the run only."""


def kill(session: int, mark: str) -> None:
    """Kill every process of a run; its first one, the leader of `session`, must not be reaped before."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    for _ in range(20):  # what they forked while they were killed
        found = members(session, mark)
        if not found:
            return
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def members(session: int, mark: str) -> list[int]:
    """Living processes of a run, without its first."""
    wanted = f"{MARK}={mark}".encode()
    return [
        process
        for process in _processes()
        if process not in (session, os.getpid()) and _belongs(process, session, wanted)
    ]


def _belongs(process: int, session: int, wanted: bytes) -> bool:
    folder = Path(f"/proc/{process}")
    try:
        state, _, _, theirs, *_ = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        if state in b"ZX":
            return False
        return int(theirs) == session or wanted in (folder / "environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return False  # it is gone, or another user's


def _processes() -> Iterator[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - names only, the fast way
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def tasks_here() -> int:
    """Processes and threads on this machine, 0 where the system does not say; cheap enough to ask often."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def tasks_of_user() -> int | None:
    """Processes and threads of this user on this machine; None where the system does not say."""
    user, count = os.getuid(), 0
    for process in _processes():
        with suppress(OSError):
            folder = f"/proc/{process}"
            if os.stat(folder).st_uid == user:  # noqa: PTH116
                count += len(os.listdir(f"{folder}/task"))  # noqa: PTH208
    return count or None
