"""Progress reports of movements that take long: their start, frames so far, and end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from neuralpdb.frontends.dap.protocol import event
from neuralpdb.frontends.dap.wire import Message
from neuralpdb.trace.frames import Frame

PATIENCE = 0.5
"""Seconds before a movement is reported: most steps are quicker."""

PAUSE = 0.25
"""Least seconds between two updates: a user reads no more of them, and frames of a recording take microseconds."""


@dataclass
class Progress:
    """The progress of one movement at a time: call `begin` and `end` around it, `passed` after each frame.

    A timer's thread reports the start, because the first frame alone may take long.

    send:     sends a message to the client, from any thread.
    patience: seconds before a movement is reported.
    enabled:  whether the client shows progress.
    frames:   frames of the present movement.
    """

    send: Callable[[Message], None]
    patience: float = PATIENCE
    enabled: bool = False
    frames: int = 0
    _number: int = 0
    _shown: bool = False
    _moving: bool = False
    _quiet_until: float = 0.0
    _timer: threading.Timer | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def name(self) -> str:
        """Return the progressId of the present movement."""
        return f"movement {self._number}"

    def begin(self, message: str) -> None:
        """Begin a movement. message: why it may take long to start."""
        self.frames = 0
        if not self.enabled:
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
                body = {"progressId": self.name, "title": "Predicting", "cancellable": True, "message": message}
                self.send(event("progressStart", body))

    def passed(self, frame: Frame) -> None:
        """Count a frame."""
        self.frames += 1
        with self._lock:
            now = time.monotonic()
            if self._shown and now >= self._quiet_until:
                self._quiet_until = now + PAUSE
                message = f"{self.frames:,} frame{'s' * (self.frames != 1)}, at line {frame.line or '?'}"
                self.send(event("progressUpdate", {"progressId": self.name, "message": message}))

    def end(self) -> None:
        """End the movement."""
        with self._lock:
            self._moving = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._shown:
                self._shown = False
                self.send(event("progressEnd", {"progressId": self.name}))
