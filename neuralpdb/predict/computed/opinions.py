"""Other opinions of a frame: what the model says of a computed one, and what Python's rules say of a predicted one.

Nothing here decides anything: the frame stays what it is, and nobody waits for the model.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from neuralpdb.errors import Abandoned, ModelError
from neuralpdb.interpreter.events import Computed
from neuralpdb.predict.computed.telling import Telling
from neuralpdb.predict.predictor import Predictor
from neuralpdb.trace.frames import LINE, VALUE, Event, Frame, Origin

IDLE = 0.6
"""Seconds that the user looks at a frame before the model is asked about it: one who steps on in less wants none."""
_KEPT = 256
"""Frames whose opinions are kept."""


class SecondOpinion:
    """What a model says otherwise of the computed frames that one looks at, asked in a thread of its own.

    model: is asked by this thread only; the engine behind it serves one caller at a time.
    """

    def __init__(self, model: Predictor) -> None:
        self.model = model
        self._changed = threading.Condition()
        self._wanted: list[Frame] = []
        self._known: dict[int, tuple[Frame, Mapping[str, str]]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        model.abandoned = self._is_abandoned
        self._asking: list[Frame] = []

    def look(self, history: Sequence[Frame]) -> None:
        """Have the model asked about the last frame of `history`, once it is looked at for a while."""
        with self._changed:
            self._wanted = list(history)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="second opinion", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def of(self, frame: Frame) -> Mapping[str, str]:
        """Return what the model says otherwise: a name, VALUE or LINE -> its text; empty where it was not asked yet."""
        kept = self._known.get(id(frame))
        return kept[1] if kept is not None and kept[0] is frame else {}

    def close(self) -> None:
        """Ask no more; does not wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_abandoned(self) -> bool:
        return self._closed or self._wanted is not self._asking

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not self._is_due(self._wanted):
                    self._changed.wait()
                wanted = self._wanted
                while not self._closed and self._changed.wait(IDLE) and wanted is not self._wanted:
                    wanted = self._wanted
                if self._closed:
                    return
                self._asking = wanted = self._wanted
            if self._is_due(wanted):
                self._keep(wanted[-1], self._asked(wanted))

    def _is_due(self, history: Sequence[Frame]) -> bool:
        if len(history) < 2 or history[-1].origin is not Origin.COMPUTED:
            return False
        kept = self._known.get(id(history[-1]))
        return kept is None or kept[0] is not history[-1]

    def _asked(self, history: Sequence[Frame]) -> Mapping[str, str]:
        with suppress(Abandoned, ModelError):
            said = self.model.next(history[:-1])
            return differences(history[-1], said) if isinstance(said, Frame) else {}
        return {}

    def _keep(self, frame: Frame, opinion: Mapping[str, str]) -> None:
        while len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        if self._wanted is self._asking:
            self._known[id(frame)] = (frame, opinion)


class Refutation:
    """What Python's rules say otherwise of the frames that a model predicts."""

    def __init__(self, histories: Telling) -> None:
        self._histories = histories
        self._history: Sequence[Frame] = ()

    def look(self, history: Sequence[Frame]) -> None:
        """Take the history that a session stands at."""
        self._history = history

    def of(self, frame: Frame) -> Mapping[str, str]:
        """Return what is otherwise by Python's rules in a frame of the present history: a name, VALUE or LINE."""
        if frame.origin is not Origin.PREDICTED:
            return {}
        at = next((i for i in reversed(range(len(self._history))) if self._history[i] is frame), 0)
        if not at:
            return {}
        answer = self._histories.next(self._history[:at])
        if not isinstance(answer, Computed):
            return {}
        found = differences(frame, answer.frame)
        return {name: text for name, text in found.items() if name not in answer.unknown and not answer.assuming}


def differences(frame: Frame, other: Frame) -> dict[str, str]:
    """Return the texts of `other` where it differs: LINE alone where it is somewhere else, else names and VALUE."""
    if frame.place != other.place:
        event = "" if other.event is Event.LINE else f" ({other.event.value})"
        return {LINE: f"line {other.line}{event}"}
    found = {name: text for name, text in other.locals.items() if frame.locals.get(name) != text}
    if other.value is not None and other.value != frame.value:
        found[VALUE] = other.value
    return found
