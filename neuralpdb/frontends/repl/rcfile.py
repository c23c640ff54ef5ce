"""`.neuralpdbrc`: commands that run first, from the user's file and from the folder's.

The user's file may use every command. The folder's came with a project: it can only look, move and set breakpoints.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

NAME = ".neuralpdbrc"
_LONGEST = 100_000
"""Bytes of a file: far more than anyone writes, and read in no time."""


@dataclass(frozen=True)
class RcFile:
    """One file of commands.

    name:    printed in messages.
    lines:   the commands.
    trusted: the user wrote it.
    trouble: why it is not read.
    """

    name: str
    lines: tuple[str, ...] = ()
    trusted: bool = False
    trouble: str = ""


def find(home: Path | None, folder: Path) -> list[RcFile]:
    """Return the user's file, then the folder's, where they exist; a file that is both is the user's."""
    files = []
    if home is not None and (home / NAME).exists():
        files.append(_read(home / NAME, f"~/{NAME}", trusted=True))
    if (folder / NAME).exists() and not (files and (folder / NAME).samefile(home / NAME)):  # type: ignore[operator]
        files.append(_read(folder / NAME, f"./{NAME}", trusted=False))
    return files


def _read(file: Path, name: str, *, trusted: bool) -> RcFile:
    try:
        if reason := _suspicion(file.stat()):
            return RcFile(name, trouble=reason)
        with file.open("rb") as opened:
            data = opened.read(_LONGEST)
    except OSError as error:
        return RcFile(name, trouble=error.strerror or str(error))
    return RcFile(name, tuple(data.decode("utf-8", "replace").splitlines()), trusted)


def _suspicion(status: os.stat_result) -> str:
    """Return why a file is not to be trusted; empty when it is."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if status.st_size > _LONGEST:
        return f"it is longer than {_LONGEST:,} bytes"
    if hasattr(os, "getuid") and status.st_uid not in (os.getuid(), 0):
        return "it belongs to another user"
    return "it is world-writable (chmod o-w)" if status.st_mode & stat.S_IWOTH else ""
