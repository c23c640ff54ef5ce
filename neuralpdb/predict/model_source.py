"""What predicts a program in a session: a model, look-ahead around it, and what there is to say of its predictions.

The prompt, editors and agents have the same. Knows no session and no way to show anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from neuralpdb.predict import confidence
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.trace.frames import Frame, FrameSource

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.program.entry import Entry


@dataclass(frozen=True)
class ModelSource:
    """What predicts a program.

    notices: what to say of the last prediction, each thing once. sure: probability that the model gave to each part of
    a frame (see `confidence`), empty where it is not known; what has less than `least` is pointed out. whole: that of
    all it wrote for a frame. attention: told where a session stands (see `Session`). close: give back what it holds;
    drop: the same without waiting.
    """

    source: FrameSource
    notices: Callable[[], list[str]] = list
    sure: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    whole: Callable[[Frame], float | None] = lambda frame: None
    least: float = 0.0
    attention: Callable[[Sequence[Frame]], object] = lambda frames: None
    close: Callable[[], None] = lambda: None
    drop: Callable[[], None] = lambda: None

    def doubts(self, frame: Frame) -> dict[str, float]:
        """The parts of a frame that the model was not sure of."""
        return {part: share for part, share in self.sure(frame).items() if share < self.least}


def forecast(entry: Entry, engine: Engine, *, constrain: bool, doubt_below: float, look_ahead: int) -> ModelSource:
    """Return what predicts `entry` with the model behind `engine`.

    constrain: see `Predictor`. doubt_below: percent; parts of a frame with less probability are pointed out.
    look_ahead: frames that are predicted ahead while nobody asks.
    """
    predictor = Predictor(entry, engine, constrain=constrain)
    source = LookAhead(predictor, look_ahead)

    def whole(frame: Frame) -> float | None:
        evidence = predictor.evidence(frame)
        return None if evidence is None else evidence.probability

    return ModelSource(
        source,
        notices=Notices(source).new,
        sure=lambda frame: confidence.of(predictor.evidence(frame)),
        whole=whole,
        least=doubt_below / 100,
        attention=source.look,
        close=source.close,
        drop=source.drop,
    )


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
