"""Files that appear whole or stay as they were. It knows no contents."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_special(file: Path) -> bool:
    """A device or a pipe, such as /dev/null: it is written to, never replaced."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def beside(file: Path) -> Path:
    """Where the new contents of `file` are written first."""
    return file.parent / f".neuralpdb-{os.getpid()}.tmp"


def put(file: Path, data: bytes) -> None:
    """Write `data` by the side and put it in the place of the old file, with the rights of the old one.

    Raises OSError; then the old file is as it was.
    """
    if is_special(file):
        file.write_bytes(data)
        return
    new = beside(file)
    try:
        with new.open("xb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        if file.exists():
            new.chmod(stat.S_IMODE(file.stat().st_mode))
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
