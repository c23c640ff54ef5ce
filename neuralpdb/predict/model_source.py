"""The source of a session's predictions: a model, look-ahead around it, confidence, and notices for the user.

The prompt, editors and agents have the same. Knows no session and no way to show anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.predict import confidence
from neuralpdb.predict.computed.opinions import Refutation, SecondOpinion
from neuralpdb.predict.computed.source import ComputedSource, Filling, Tally
from neuralpdb.predict.computed.telling import Alongside
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.trace.frames import Frame, FrameSource

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.program.entry import Entry


@dataclass(frozen=True)
class ModelSource:
    """A source of predicted frames, and what belongs to it.

    notices:       returns new lines for the user about the last prediction.
    confidence_of: returns the probability that the model gave to each part of a frame (see `confidence`), empty where
                   it is unknown.
    whole:         returns the probability of all that the model wrote for a frame.
    doubt_below:   parts of a frame with less probability (0..1) are pointed out.
    attention:     takes the history that a session stands at (see `Session`).
    close:         gives back what the source holds.
    drop:          does the same without waiting.
    marks:         it computes what Python determines, so that values which it does not compute are marked.
    counts:        returns what the model was asked for, such as `forward passes` and `tokens` -> how many.
    opinion:       returns what the model says otherwise of a computed frame: a local, VALUE or LINE -> its text; empty
                   where it was not asked yet; it never waits.
    looked:        takes the history that the user looks at, at every stop, so that others may be asked about its last
                   frame.
    views:         evaluates expressions and runs statements at the end of a history; None where nothing does.
    refuted:       returns what Python says otherwise of a predicted frame: a local or VALUE -> its text; never waits.
    """

    source: FrameSource
    views: ComputedHistories | None = None
    notices: Callable[[], list[str]] = list
    confidence_of: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    whole: Callable[[Frame], float | None] = lambda frame: None
    doubt_below: float = 0.0
    attention: Callable[[Sequence[Frame]], object] = lambda frames: None
    close: Callable[[], None] = lambda: None
    drop: Callable[[], None] = lambda: None
    marks: bool = False
    counts: Callable[[], Mapping[str, int]] = dict
    opinion: Callable[[Frame], Mapping[str, str]] = lambda frame: {}
    refuted: Callable[[Frame], Mapping[str, str]] = lambda frame: {}
    looked: Callable[[Sequence[Frame]], object] = lambda frames: None

    def doubts(self, frame: Frame) -> dict[str, float]:
        """Return the parts of a frame that are to be pointed out, with their probabilities."""
        return {part: share for part, share in self.confidence_of(frame).items() if share < self.doubt_below}


def forecast(
    entry: Entry,
    engine: Engine,
    *,
    constrain: bool,
    doubt_below: float,
    look_ahead: int,
    computing: bool = True,
    second_opinion: bool = True,
) -> ModelSource:
    """Return a source that predicts `entry` with the model behind `engine`.

    constrain:      see `Predictor`.
    doubt_below:    percent; parts of a frame with less probability are pointed out.
    look_ahead:     frames that are predicted ahead while nobody asks.
    computing:      what Python determines is computed; False: the model predicts everything.
    second_opinion: the model is asked about computed values, too, while nobody asks, if it may look ahead at all.
    """
    histories = ComputedHistories(entry)
    alongside = Alongside(lambda: histories)
    predictor = Predictor(entry, engine, constrain=constrain, histories=None if computing else alongside)
    tally = Tally()
    filling = Filling(histories, predictor, tally)
    ahead = LookAhead(filling if computing else predictor, look_ahead, eager=not computing)
    source = ComputedSource(histories, ahead, tally) if computing else ahead
    second = (
        SecondOpinion(Predictor(entry, engine, constrain=constrain, histories=alongside))
        if computing and second_opinion and look_ahead
        else None
    )
    refutation = Refutation(alongside)

    def looked(history: Sequence[Frame]) -> None:
        if computing:
            ahead.look(history)
        else:
            refutation.look(history)
        if second is not None:
            second.look(history)

    def drop() -> None:
        ahead.drop()
        if second is not None:
            second.close()
        histories.close()

    def close() -> None:
        drop()
        ahead.close()

    def counts() -> Mapping[str, int]:
        usage = predictor.usage
        return {"forward passes": usage.passes, "tokens": usage.written_tokens}

    def whole(frame: Frame) -> float | None:
        evidence = predictor.evidence(frame)
        return None if evidence is None else evidence.probability

    return ModelSource(
        source,
        views=histories,
        notices=Notices(ahead, source.untold if isinstance(source, ComputedSource) else ()).new,
        confidence_of=lambda frame: confidence.of(predictor.evidence(frame)),
        whole=whole,
        doubt_below=doubt_below / 100,
        attention=ahead.look,
        looked=looked,
        close=close,
        drop=drop,
        marks=computing,
        counts=counts,
        opinion=second.of if second is not None else lambda frame: {},
        refuted=refutation.of if not computing else lambda frame: {},
    )


class Windowed(Protocol):
    """A predictor whose model may see an excerpt of the source, or a history that was re-started."""

    @property
    def excerpt(self) -> bool: ...

    @property
    def restarts(self) -> int: ...


class Notices:
    """Notices about the predictions of a source, as they become due."""

    def __init__(self, predictor: Windowed, untold: Sequence[str] = ()) -> None:
        """untold: why frames are not computed; it grows."""
        self._predictor = predictor
        self._untold = untold
        self._untold_said = 0
        self._restarts = 0
        self._excerpt = False

    def new(self) -> list[str]:
        """Return the notices that were not returned before, one line each."""
        notices = [f"note: not computed from here on: {why}" for why in self._untold[self._untold_said :]]
        self._untold_said += len(notices)
        if self._predictor.excerpt and not self._excerpt:
            notices.append(
                "note: the source is longer than the model's context, it sees an excerpt around the active lines"
            )
        if self._predictor.restarts > self._restarts and not self._predictor.excerpt:
            notices.append("note: the history outgrew the model's context, it was re-started from the present state")
        self._excerpt = self._predictor.excerpt
        self._restarts = self._predictor.restarts
        return notices
