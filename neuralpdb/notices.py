"""What the user should know about the last prediction, each thing once: excerpts, histories that were re-started."""

from __future__ import annotations

from typing import Protocol


class Windowed(Protocol):
    """What is asked: whether the model sees an excerpt of the source, how often the history was re-started."""

    @property
    def excerpt(self) -> bool: ...

    @property
    def restarts(self) -> int: ...


class Notices:
    """Notices about the predictions of a source, as they become due."""

    def __init__(self, predictor: Windowed) -> None:
        self._predictor = predictor
        self._restarts = 0
        self._excerpt = False

    def new(self) -> list[str]:
        """What was not said before, one line each."""
        found = []
        if self._predictor.excerpt and not self._excerpt:
            found.append(
                "note: the source is longer than the model's context, it sees an excerpt around the active lines"
            )
        if self._predictor.restarts > self._restarts and not self._predictor.excerpt:
            found.append("note: the history outgrew the model's context, it was re-started from the present state")
        self._excerpt = self._predictor.excerpt
        self._restarts = self._predictor.restarts
        return found
