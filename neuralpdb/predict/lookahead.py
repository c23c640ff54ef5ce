"""Background look-ahead: while nobody asks, the next frames are predicted and kept.

A `FrameSource` around another one. Owns a thread and the frames it foresaw; knows no model, no session and no
terminal. The source is asked by one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import is_
from typing import Protocol

from neuralpdb.trace.frames import Ended, Frame, FrameSource, Guessing, Outcome, Trouble, TroubleKind

_PATIENCE = 0.05
"""Seconds between two checks for Ctrl-C: no delay that one notices."""


class Predicting(FrameSource, Protocol):
    """A source that reports how much of the truth its last prediction saw, and that can be cancelled.

    restarts:  how often the history had to be re-started.
    excerpt:   the source was not shown whole.
    abandoned: asked now and then while a frame is predicted; True: raise `errors.Abandoned`.
    """

    abandoned: Callable[[], bool]

    @property
    def restarts(self) -> int: ...

    @property
    def excerpt(self) -> bool: ...


@dataclass(frozen=True)
class _Foreseen:
    """An outcome, with the source's `restarts` and `excerpt` for it."""

    outcome: Outcome
    restarts: int
    excerpt: bool


@dataclass
class _Run:
    """One stretch of looking ahead. Guarded by `changed`.

    base:     the history that it goes on from.
    target:   outcomes to foresee before it rests.
    foreseen: outcomes so far.
    over:     no further outcome comes.
    dropped:  nobody needs it any more.
    """

    base: list[Frame]
    target: int
    foreseen: list[_Foreseen] = field(default_factory=list)
    over: bool = False
    dropped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def leads_to(self, history: Sequence[Frame]) -> bool:
        """Whether `history` is the base and frames foreseen behind it."""
        n = len(self.base)
        ahead = len(history) - n
        if not 0 <= ahead <= len(self.foreseen) or not all(map(is_, self.base, history)):
            return False
        return all(each.outcome is frame for each, frame in zip(self.foreseen[:ahead], history[n:], strict=True))


class LookAhead:
    """A source that hands out the predictions of another one, which predicts further frames in the background.

    Only the likeliest frames behind the latest history are foreseen; any other history (an edit, a jump, Ctrl-C) drops
    them. A failure in the background is not reported: the next request in the foreground reports it.

    source:   predicts.
    frames:   how many are predicted ahead.
    eager:    it goes on behind each frame that it handed out; False: only where it is told to `look`.
    restarts: the source's, for the frame that was handed out last.
    excerpt:  the source's, for the same frame.
    """

    def __init__(self, source: Predicting, frames: int, *, eager: bool = True) -> None:
        self.source = source
        self.frames = frames
        self.eager = eager
        self.restarts = 0
        self.excerpt = False
        self._run: _Run | None = None
        self._thread: threading.Thread | None = None

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        try:
            prediction = self._foreseen(history) if draw == 0 else None
            if prediction is None:
                prediction = self._asked(partial(self.source.next, history, draw=draw))
        except KeyboardInterrupt:
            self.drop()
            raise
        self.restarts, self.excerpt = prediction.restarts, prediction.excerpt
        if draw == 0 and self.eager and self.frames and isinstance(prediction.outcome, Frame):
            self.look([*history, prediction.outcome])
        return prediction.outcome

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """Return the source's guess of a return (see `Guessing`); trouble where it makes none."""
        if not isinstance(self.source, Guessing):
            return Trouble(TroubleKind.UNAVAILABLE, "what is asked here makes no guesses")
        prediction = self._asked(partial(self.source.leap, history))
        self.restarts, self.excerpt = prediction.restarts, prediction.excerpt
        if self.eager and self.frames and isinstance(prediction.outcome, Frame):
            self.look([*history, prediction.outcome])
        return prediction.outcome

    def look(self, history: Sequence[Frame]) -> None:
        """Have the frames after `history` foreseen; frames foreseen elsewhere are dropped."""
        run = self._run
        if self.frames < 1 or not history:
            return
        if run is not None and not run.dropped:
            with run.changed:
                on_the_way = run.leads_to(history)
                if on_the_way:
                    run.target = len(history) - len(run.base) + self.frames
                    run.changed.notify_all()
            if on_the_way:
                return
        self.drop()
        self._begin(_Run(list(history), self.frames))

    def drop(self) -> None:
        """Forget the foreseen frames, and cancel a prediction in progress; do not wait for it."""
        run, self._run = self._run, None
        if run is not None:
            with run.changed:
                run.dropped = True
                run.changed.notify_all()

    def close(self) -> None:
        """Stop looking, and wait until the source rests."""
        self.drop()
        self._wait()

    # -- in front -------------------------------------------------------------------------------------------------

    def _foreseen(self, history: Sequence[Frame]) -> _Foreseen | None:
        """Return the outcome after `history`, waiting for one on its way; None when it is not."""
        run = self._run
        if run is None:
            return None
        at = len(history) - len(run.base)
        with run.changed:
            if not run.leads_to(history):
                return None
            run.target = max(run.target, at + 1)
            run.changed.notify_all()
            while len(run.foreseen) <= at and not run.over:
                run.changed.wait(_PATIENCE)
            return run.foreseen[at] if at < len(run.foreseen) else None

    def _asked(self, ask: Callable[[], Outcome]) -> _Foreseen:
        """Return the source's answer to `ask`, once it has nothing else to do."""
        self.drop()
        self._wait()
        self.source.abandoned = lambda: False
        outcome = ask()
        return _Foreseen(outcome, self.source.restarts, self.source.excerpt)

    def _wait(self) -> None:
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_PATIENCE)

    # -- behind ---------------------------------------------------------------------------------------------------

    def _begin(self, run: _Run) -> None:
        before, self._run = self._thread, run
        self._thread = threading.Thread(target=self._predict, args=(run, before), name="look ahead", daemon=True)
        self._thread.start()

    def _predict(self, run: _Run, before: threading.Thread | None) -> None:
        """Foresee frames until the run is dropped, or there is no next one."""
        if before is not None:
            before.join()
        self.source.abandoned = lambda: run.dropped
        history = list(run.base)
        while self._has_room(run):
            prediction = self._one(history)
            with run.changed:
                if prediction is not None:
                    run.foreseen.append(prediction)
                run.over = prediction is None or isinstance(prediction.outcome, Ended)
                run.changed.notify_all()
            if prediction is None or not isinstance(prediction.outcome, Frame):
                return
            history.append(prediction.outcome)

    def _has_room(self, run: _Run) -> bool:
        """Wait until another frame is needed; return False when none will be."""
        with run.changed:
            while len(run.foreseen) >= run.target and not run.dropped:
                run.changed.wait()
            return not run.dropped

    def _one(self, history: Sequence[Frame]) -> _Foreseen | None:
        """Return the next frame or end. None if it failed; the next request in the foreground reports why."""
        try:
            outcome = self.source.next(history)
        except Exception:
            return None
        if not isinstance(outcome, Frame | Ended):
            return None
        return _Foreseen(outcome, self.source.restarts, self.source.excerpt)
