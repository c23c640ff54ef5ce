"""The debugger's source of frames: what the interpreter computes, and the model for what depends on the world.

A value that Python determines is never asked for. Where values are not known the model writes only these, where the
way is not known it chooses among the ways that there are, and where nothing is told it writes the frame alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict.attempt import how_it_ended
from neuralpdb.predict.computed.telling import Telling
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.trace.frames import Ended, Event, Frame, Known, Outcome, Trouble, TroubleKind
from neuralpdb.trace.stack import stack_of

_OPERATION = re.compile(r"[A-Z_]+: ")
"""The instruction that a reason begins with."""
_STAYS = frozenset({Known.GIVEN, Known.EDITED, Known.OBSERVED, Known.PREDICTED})


@dataclass
class Tally:
    """How the frames of a session came.

    computed:  by Python's own rules alone.
    filled:    with values that the model wrote.
    placed:    where the model chose the way.
    predicted: by the model alone.
    """

    computed: int = 0
    filled: int = 0
    placed: int = 0
    predicted: int = 0


class Filling:
    """A `FrameSource` of computed frames, in which the model fills what is not known.

    histories: computes.
    model:     predicts; it is not loaded before it is asked.
    tally:     how the frames came.
    untold:    why the last frame was not told, when it was the model's alone; empty otherwise.
    """

    def __init__(self, histories: Telling, model: Predictor, tally: Tally) -> None:
        self.histories = histories
        self.model = model
        self.tally = tally
        self.untold = ""

    @property
    def restarts(self) -> int:
        """Return how often the history of the model's prompt had to be re-started."""
        return self.model.restarts

    @property
    def excerpt(self) -> bool:
        """Whether the model did not see the whole source."""
        return self.model.excerpt

    @property
    def abandoned(self) -> Callable[[], bool]:
        """Return what the model asks while it writes: True cancels it."""
        return self.model.abandoned

    @abandoned.setter
    def abandoned(self, value: Callable[[], bool]) -> None:
        self.model.abandoned = value

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """Return the frame after `history`; other draws than 0 are the model's alone. See `FrameSource`."""
        self.untold = ""
        if draw:
            return self._alone(history, draw)
        answer = self.histories.next(history)
        is_placed = False
        if isinstance(answer, NotTold) and answer.choices and history:
            place = self.model.place(history, answer.choices)
            if isinstance(place, Trouble) and place.kind is TroubleKind.UNAVAILABLE:
                return place
            if isinstance(place, Frame):
                answer = self.histories.next(history, place)
                is_placed = True
        if isinstance(answer, NotTold):
            if answer.ended and history:
                return Ended(how_it_ended(history))
            if answer.endless:
                return Ended(answer.why)
            self.untold = answer.why
            return self._alone(history)
        self.tally.placed += is_placed
        if not answer.unknown:
            return answer.frame
        self.tally.filled += 1
        return self.model.fill(history, answer)

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """Return the model's guess of the return of the running call."""
        return self.model.leap(history)

    def close(self) -> None:
        """End the interpreter."""
        self.histories.close()

    def _alone(self, history: Sequence[Frame], draw: int = 0) -> Outcome:
        """Return the model's frame; what it leaves as it was is known no better than the way there."""
        outcome = self.model.next(history, draw=draw)
        if not isinstance(outcome, Frame):
            return outcome
        self.tally.predicted += not draw
        before = next((each.last for each in reversed(stack_of(history)) if each.depth == outcome.depth), None)
        if before is None or outcome.event is Event.CALL:
            return outcome
        same = [name for name, text in outcome.locals.items() if before.locals.get(name) == text]
        known = {name: before.how(name) if before.how(name) in _STAYS else Known.DERIVED for name in same}
        known = {name: how for name, how in known.items() if how is not Known.PREDICTED}
        if not known:
            return outcome
        frame = outcome.replace(known=known)
        self.model.renamed(outcome, frame)
        return frame


class ComputedSource:
    """A `FrameSource` of computed frames in front of one that asks a model: what is computed never waits for it.

    histories: computes.
    model:     is asked for all other frames, and looks ahead.
    tally:     how the frames came.
    untold:    why frames that were asked for are the model's alone, each reason once, oldest first.
    """

    def __init__(self, histories: Telling, model: LookAhead, tally: Tally) -> None:
        self.histories = histories
        self.model = model
        self.tally = tally
        self.untold: list[str] = []
        self._alone: Frame | None = None

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        """Return the frame after `history`; see `FrameSource`."""
        answer = None if draw else self.histories.next(history)
        if isinstance(answer, Computed) and not answer.unknown:
            self.tally.computed += 1
            return answer.frame
        outcome = self.model.next(history, draw=draw)
        if isinstance(answer, NotTold) and not (answer.ended or answer.endless or answer.choices) and history:
            why = _OPERATION.sub("", answer.why)
            if history[-1] is not self._alone and why not in self.untold:  # else it follows from what was said
                self.untold.append(why)
            self._alone = outcome if isinstance(outcome, Frame) else None
        return outcome

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """Return the next frame where it is computed, which is exact; else the model's guess of the return."""
        answer = self.histories.next(history)
        if isinstance(answer, Computed) and not answer.unknown:
            self.tally.computed += 1
            return answer.frame
        return self.model.leap(history)


__all__ = ["ComputedSource", "Filling", "Tally", "Telling"]
