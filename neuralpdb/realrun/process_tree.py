"""Process tree: the processes that one run has started, counted and killed, also those that left its group.

They are recognised in /proc (Linux) by their session and by a mark in their environment. Elsewhere only the group is
known. It knows nothing of programs or frames.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "NEURALPDB_RUN"
"""The environment variable that every process of a run inherits; its value belongs to one run."""


def kill(session: int, mark: str) -> None:
    """Kill every process of a run; its first one, the leader of `session`, must not be reaped before."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    for _ in range(20):  # again, for processes that were forked meanwhile
        processes = members(session, mark)
        if not processes:
            return
        for pid in processes:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def members(session: int, mark: str) -> list[int]:
    """Return the living processes of a run, without its first."""
    entry = f"{MARK}={mark}".encode()
    return [pid for pid in _processes() if pid not in (session, os.getpid()) and _belongs(pid, session, entry)]


def _belongs(pid: int, session: int, entry: bytes) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        state, _, _, its_session, *_ = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        if state in b"ZX":
            return False
        return int(its_session) == session or entry in (folder / "environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return False  # the process is gone, or another user's


def _processes() -> Iterator[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - names only, the fast way
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def tasks_here() -> int:
    """Return the number of processes and threads on this machine; cheap enough to ask often.

    0 where the system does not say.
    """
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def tasks_of_user() -> int | None:
    """Return the number of processes and threads of this user on this machine; None where the system does not say."""
    user, count = os.getuid(), 0
    for pid in _processes():
        with suppress(OSError):
            folder = f"/proc/{pid}"
            if os.stat(folder).st_uid == user:  # noqa: PTH116
                count += len(os.listdir(f"{folder}/task"))  # noqa: PTH208
    return count or None
