"""What tells the next frame by Python's own rules, also beside a model that predicts every frame by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import is_
from typing import Protocol

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.trace.frames import Event, Frame, Origin, same_state
from neuralpdb.trace.values import is_literal


class Telling(Protocol):
    """What tells the next frame after any history by Python's own rules."""

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        """Return the frame after a history, or why it is not told; see `ComputedHistories.next`."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Alongside:
    """Python's own rules beside a model: what they tell of the next frame after all that it has predicted.

    A predicted frame that is as it was told is taken for the told one, so that the interpreter, which is ahead there,
    has nothing to do anew. A predicted text of an object says nothing of the object: where the interpreter has one, it
    goes on with that, and tells it by the text that the model has for it. All answers for the present history are kept.
    Several threads may use it.
    """

    def __init__(self, start: Callable[[], Telling]) -> None:
        """start: returns the histories; it is called when something is asked for the first time."""
        self._start = start
        self._histories: Telling | None = None
        self._lock = threading.Lock()
        self._said: list[Frame] = []
        self._taken: list[Frame] = []
        self._answers: list[Computed | NotTold] = []
        self._names: dict[str, str] = {}

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        """Return the frame after a history, or why it is not told; see `ComputedHistories.next`."""
        with self._lock:
            if self._histories is None:
                self._histories = self._start()
            if not history:
                return self._histories.next([], place)
            self._go_back(history)
            if not self._answers:
                self._answers.append(NotTold("the first frame is not predicted"))
            for frame in history[len(self._answers) - 1 :]:
                self._said.append(frame)
                self._taken.append(self._take(frame, self._answers[-1]))
                self._answers.append(self._histories.next(list(self._taken)))
            if place is not None:
                return self._called(self._histories.next(self._taken[: len(history)], place))
            return self._called(self._answers[len(history)])

    def close(self) -> None:
        """End the interpreter."""
        with self._lock:
            if self._histories is not None:
                self._histories.close()

    def _go_back(self, history: Sequence[Frame]) -> None:
        """Forget what is no beginning of a history, unless the history is a beginning of it."""
        done = max(min(len(self._said), len(self._taken), len(self._answers) - 1), 0)  # Ctrl-C may have come in between
        shared = min(len(history), done)
        if not all(map(is_, self._said[:shared], history)):
            shared = next(i for i, (a, b) in enumerate(zip(self._said, history, strict=False)) if a is not b)
        elif shared == len(history):
            return
        del self._said[shared:], self._taken[shared:], self._answers[shared + 1 :]

    def _take(self, frame: Frame, answer: Computed | NotTold) -> Frame:
        """Return a frame of the history as the interpreter is to take it. answer: what it told before.

        What a model says is no guess to be followed by two runs, here it counts as what has happened.
        """
        if frame.origin not in (Origin.PREDICTED, Origin.OBSERVED):
            return frame
        if not isinstance(answer, Computed):
            return frame.replace(origin=Origin.OBSERVED, known={})
        told = answer.frame
        if told.place != frame.place:  # a jump, or a call that is left early
            leaves = frame.event is Event.RETURN and frame.depth <= told.depth
            return frame.replace(origin=Origin.GUESSED if leaves else Origin.EDITED, known={})
        texts = dict(frame.locals)
        for name, text in frame.locals.items():
            own = told.locals.get(name, text)
            if own != text and name not in answer.unknown and not (is_literal(own) or is_literal(text)):
                texts[name] = own
                self._names[own] = text
        taken = frame.replace(locals=texts, origin=Origin.OBSERVED, known={})
        return told if not answer.unknown and same_state(told, taken) else taken

    def _called(self, answer: Computed | NotTold) -> Computed | NotTold:
        """Return an answer in which objects have the texts that the model has for them."""
        if not isinstance(answer, Computed) or not self._names:
            return answer
        frame = answer.frame
        texts = {name: self._names.get(text, text) for name, text in frame.locals.items()}
        value = frame.value if frame.value is None else self._names.get(frame.value, frame.value)
        return replace(answer, frame=frame.replace(locals=texts, value=value))


__all__ = ["Alongside", "Telling"]
