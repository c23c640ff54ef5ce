"""Recursion: the recursion limit of a recorded program, as if neither the recorder nor its frames were there.

A trace function needs stack of its own, and one that fails on entry is switched off by Python. So the real limit is
raised and the program's own limit is enforced here. It knows nothing of frames that are shown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

DEFAULT_LIMIT = 1000
"""Levels a program has when it starts, as in a fresh interpreter."""
_ROOM = 250
"""Levels for the recorder and the `__repr__` methods that it calls."""
_WATCHED = 40
"""Recorded activations below which the depth is not asked for: asking costs about a microsecond each time."""

C_LEVELS = 1 if sys.version_info < (3, 12) else 0
"""Levels of a call of a C function, which counts up to 3.11."""

TraceFunction = Callable[[FrameType, str, Any], Any]


class Recursion:
    """The program's limit. Levels are those of `sys.getrecursionlimit`: the module of a script runs on level 1."""

    def __init__(self) -> None:
        self.limit = DEFAULT_LIMIT
        self._set = sys.setrecursionlimit
        self._base = 0

    def enforced(self, level: int) -> Recursion:
        """Return a context whose body runs on `level`; afterwards the interpreter's limit is as before."""
        self._base = self._depth() - 2 - level
        return self

    def __enter__(self) -> None:
        self._before = sys.getrecursionlimit(), sys.getrecursionlimit, sys.setrecursionlimit
        self._set(self.limit + self._base + _ROOM)
        sys.getrecursionlimit, sys.setrecursionlimit = self._get_limit, self._set_limit

    def __exit__(self, *_: object) -> None:
        before, sys.getrecursionlimit, sys.setrecursionlimit = self._before
        self._set(before)

    def exceeded(self, activations: int) -> bool:
        """Whether the new activation is on a level above the limit, asked from the global trace function.

        activations: how many are recorded already.
        """
        return activations >= _WATCHED and self._depth() - 3 - self._base > self.limit

    def refusal(self, resumed: TraceFunction) -> TraceFunction:
        """Return a local trace function for an activation above the limit: it raises RecursionError on the first line.

        Python switches tracing off when a trace function raises; a profile function sees the activation go and sets
        `resumed` again.
        """
        profile = sys.getprofile()

        def resume(frame: FrameType, event: str, arg: Any) -> None:
            sys.setprofile(profile)
            sys.settrace(resumed)

        def refuse(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event == "line":
                sys.setprofile(resume)
                raise RecursionError("maximum recursion depth exceeded")
            return refuse

        return refuse

    def _depth(self) -> int:
        """Return the level of this method, read from the message with which Python refuses a lower limit."""
        try:
            self._set(1)
        except RecursionError as error:
            match = re.search(r"depth (\d+)", str(error))
            return int(match[1]) - C_LEVELS if match else 0
        return 0

    def _get_limit(self) -> int:
        return self.limit

    def _set_limit(self, limit: int, /) -> None:
        if not isinstance(limit, int) or limit < 1:
            self._set(limit)  # Python's own complaint
        self._set(limit + self._base + _ROOM)
        self.limit = limit
