"""What an editor is told while the model predicts: nothing at first, then that it goes on, how far, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from neuralpdb.frontends.dap.protocol import event
from neuralpdb.frontends.dap.wire import Message
from neuralpdb.trace.frames import Frame

PATIENCE = 0.5
"""Seconds before anything is said: most steps are quicker."""

PAUSE = 0.25
"""Least seconds between two updates."""


@dataclass
class Progress:
    """At most one at a time; `begin` and `end` around each movement, `passed` for each frame of it.

    It is said from another thread that a movement takes long, for its first frame may be what takes long.
    """

    send: Callable[[Message], None]
    patience: float = PATIENCE
    wanted: bool = False
    frames: int = 0
    _number: int = 0
    _shown: bool = False
    _moving: bool = False
    _quiet_until: float = 0.0
    _timer: threading.Timer | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def name(self) -> str:
        """The progressId of the present movement."""
        return f"movement {self._number}"

    def begin(self, message: str) -> None:
        """A movement begins; `message` says what is waited for."""
        self.frames = 0
        if not self.wanted:
            return
        with self._lock:
            self._number += 1
            self._moving = True
            if self.patience <= 0:
                self._show(self._number, message)
                return
            self._timer = threading.Timer(self.patience, self._show, (self._number, message))
            self._timer.daemon = True
            self._timer.start()

    def _show(self, number: int, message: str) -> None:
        with self._lock:
            if self._moving and number == self._number:
                self._shown, self._quiet_until = True, time.monotonic()
                said = {"progressId": self.name, "title": "Predicting", "cancellable": True, "message": message}
                self.send(event("progressStart", said))

    def passed(self, frame: Frame) -> None:
        """One more frame."""
        self.frames += 1
        with self._lock:
            now = time.monotonic()
            if self._shown and now >= self._quiet_until:
                self._quiet_until = now + PAUSE
                message = f"{self.frames:,} frame{'s' * (self.frames != 1)}, at line {frame.line or '?'}"
                self.send(event("progressUpdate", {"progressId": self.name, "message": message}))

    def end(self) -> None:
        """The movement is over."""
        with self._lock:
            self._moving = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._shown:
                self._shown = False
                self.send(event("progressEnd", {"progressId": self.name}))
