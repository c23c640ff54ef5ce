"""What predicts a program in a session: a model, look-ahead around it, and what there is to say of its predictions.

The prompt, editors and agents have the same. Knows no session and no way to show anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpdb import confidence
from neuralpdb.ahead import Ahead
from neuralpdb.frames import Frame, FrameSource
from neuralpdb.notices import Notices
from neuralpdb.predictor import Predictor

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.program import Entry
    from neuralpdb.settings import Settings


@dataclass(frozen=True)
class Forecast:
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


def forecast(entry: Entry, engine: Engine, settings: Settings, look_ahead: int) -> Forecast:
    """The forecast of a program by a model. look_ahead: frames that are foreseen while nobody asks."""
    predictor = Predictor(entry, engine, constrain=settings.constrain)
    source = Ahead(predictor, look_ahead)

    def whole(frame: Frame) -> float | None:
        evidence = predictor.evidence(frame)
        return None if evidence is None else evidence.probability

    return Forecast(
        source,
        notices=Notices(source).new,
        sure=lambda frame: confidence.of(predictor.evidence(frame)),
        whole=whole,
        least=settings.doubt / 100,
        attention=source.look,
        close=source.close,
        drop=source.drop,
    )
