"""A child process as its parent sees it: started behind a pipe, dying with this process, asked whether it lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

_PACKAGES = str(Path(__file__).resolve().parent.parent.parent)
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; "
    "del sys.path[0]; main(int(sys.argv[2]), int(sys.argv[3]))"
)


class Child:
    """A Python process that runs `main(channel, alive)` of a module, in a session of its own.

    process: the process, the leader of its session and group.
    channel: a file descriptor of this process where the child's answers are read; reading it does not block.
    """

    def __init__(
        self,
        module: str,
        *,
        stdin: int | IO[bytes],
        output: int,
        python: str = sys.executable,
        cwd: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; it dies when `alive` ends, a pipe that only this process can write to. Raises OSError.

        output: where its standard output and error go. environment: variables beside those of this process.
        """
        self.channel, channel = os.pipe()
        alive, self._alive = os.pipe()
        os.set_blocking(self.channel, False)
        try:
            self.process = subprocess.Popen(
                [python, "-s", "-P", "-c", _BOOT.format(module=module), _PACKAGES, str(channel), str(alive)],
                stdin=stdin,
                stdout=output,
                stderr=output,
                pass_fds=(channel, alive),
                cwd=cwd,
                env={**os.environ, "PYTHONHASHSEED": "0", **(environment or {})},
                start_new_session=True,
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(channel)
            os.close(alive)

    def is_dead(self) -> bool:
        """Whether the process has ended (it is not reaped yet: its group can still be killed)."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def close(self) -> None:
        """Close the pipes to the process."""
        for end in (self.channel, self._alive):
            with suppress(OSError):
                os.close(end)
