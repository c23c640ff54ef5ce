"""Files: written whole, or left as they were. It knows no contents."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_special(file: Path) -> bool:
    """Whether a file is a device or a pipe, such as /dev/null: written to, never replaced."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def scratch(file: Path) -> Path:
    """Return the file that new contents of `file` are first written to."""
    return file.parent / f".neuralpdb-{os.getpid()}.tmp"


def put(file: Path, data: bytes) -> None:
    """Write `data` to a scratch file and replace `file` by it, keeping the permissions of the old file.

    Raises OSError; then the old file is unchanged.
    """
    if is_special(file):
        file.write_bytes(data)
        return
    new = scratch(file)
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
