"""`.neuralpdbrc`: commands that are carried out first, those of the user and those of the folder.

The user's file can say anything. That of a folder came with a project: it can only look, move and set breakpoints.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

NAME = ".neuralpdbrc"
_LONGEST = 100_000
"""Bytes of a file that is read."""


@dataclass(frozen=True)
class RcFile:
    """One file: how it is called, its lines, whether the user wrote it; `trouble`: why it has no lines, in one line."""

    name: str
    lines: tuple[str, ...] = ()
    trusted: bool = False
    trouble: str = ""


def find(home: Path | None, folder: Path) -> list[RcFile]:
    """The user's file, then that of `folder`, as far as they exist; one that is both is the user's."""
    found = []
    if home is not None and (home / NAME).exists():
        found.append(_read(home / NAME, f"~/{NAME}", trusted=True))
    if (folder / NAME).exists() and not (found and (folder / NAME).samefile(home / NAME)):  # type: ignore[operator]
        found.append(_read(folder / NAME, f"./{NAME}", trusted=False))
    return found


def _read(file: Path, name: str, *, trusted: bool) -> RcFile:
    try:
        if why := _suspicious(file.stat()):
            return RcFile(name, trouble=why)
        with file.open("rb") as opened:
            data = opened.read(_LONGEST)
    except OSError as error:
        return RcFile(name, trouble=error.strerror or str(error))
    return RcFile(name, tuple(data.decode("utf-8", "replace").splitlines()), trusted)


def _suspicious(status: os.stat_result) -> str:
    """Why a file is not to be followed; empty when it can be."""
    if not stat.S_ISREG(status.st_mode):
        return "it is no file"
    if status.st_size > _LONGEST:
        return f"it is longer than {_LONGEST:,} bytes"
    if hasattr(os, "getuid") and status.st_uid not in (os.getuid(), 0):
        return "it belongs to somebody else"
    return "everybody can write it (chmod o-w)" if status.st_mode & stat.S_IWOTH else ""
