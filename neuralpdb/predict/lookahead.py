"""Background look-ahead: while nobody asks, the next frames are predicted and kept.

A `FrameSource` around another one. Owns a thread and what it foresaw; knows no model, no session and no terminal. The
source is asked by one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from neuralpdb.trace.frames import Ended, Frame, FrameSource, Guessing, Outcome, Trouble, TroubleKind

_PATIENCE = 0.05
"""Seconds between two looks at whether Ctrl-C was pressed."""


class Predicting(FrameSource, Protocol):
    """A source that says how much of the truth its last prediction saw, and that can be called off.

    abandoned: asked now and then while a frame is made; True: raise `errors.Abandoned`.
    """

    restarts: int
    excerpt: bool
    abandoned: Callable[[], bool]


@dataclass(frozen=True)
class _Foreseen:
    """An outcome, with what the source said of itself when it was made."""

    outcome: Outcome
    restarts: int
    excerpt: bool


@dataclass
class _Run:
    """One stretch of looking ahead, from `base` on. Guarded by `changed`.

    wanted: how many outcomes are to be there before it rests. over: it makes no more of them.
    """

    base: list[Frame]
    wanted: int
    found: list[_Foreseen] = field(default_factory=list)
    over: bool = False
    dropped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def leads_to(self, history: Sequence[Frame]) -> bool:
        """Whether `history` is the base and frames that were foreseen behind it."""
        own = [*self.base, *(each.outcome for each in self.found[: max(len(history) - len(self.base), 0)])]
        return len(own) == len(history) and all(a is b for a, b in zip(own, history, strict=True))


class LookAhead:
    """Hands out what `source` predicts, and lets it predict `frames` more in the background.

    Only the likeliest frames of the history that was asked about last are foreseen; whatever goes elsewhere (an edit, a
    jump, Ctrl-C) drops them. What fails in the background is not told: who asks for it finds out.
    restarts, excerpt: as the source said them of the frame that was handed out last.
    """

    def __init__(self, source: Predicting, frames: int) -> None:
        self.source = source
        self.frames = frames
        self.restarts = 0
        self.excerpt = False
        self._run: _Run | None = None
        self._thread: threading.Thread | None = None

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        try:
            found = self._foreseen(history) if draw == 0 else None
            if found is None:
                found = self._asked(partial(self.source.next, history, draw=draw))
        except KeyboardInterrupt:
            self.drop()
            raise
        self.restarts, self.excerpt = found.restarts, found.excerpt
        if draw == 0 and isinstance(found.outcome, Frame):
            self.look([*history, found.outcome])
        return found.outcome

    def leap(self, history: Sequence[Frame]) -> Outcome:
        """The source's guess of a return (see `Guessing`); trouble where it makes none."""
        if not isinstance(self.source, Guessing):
            return Trouble(TroubleKind.UNAVAILABLE, "what is asked here makes no guesses")
        found = self._asked(partial(self.source.leap, history))
        self.restarts, self.excerpt = found.restarts, found.excerpt
        if isinstance(found.outcome, Frame):
            self.look([*history, found.outcome])
        return found.outcome

    def look(self, history: Sequence[Frame]) -> None:
        """See to it that the frames after `history` are foreseen; what was foreseen elsewhere is dropped."""
        run = self._run
        if self.frames < 1 or not history:
            return
        if run is not None and not run.dropped:
            with run.changed:
                on_the_way = run.leads_to(history)
                if on_the_way:
                    run.wanted = len(history) - len(run.base) + self.frames
                    run.changed.notify_all()
            if on_the_way:
                return
        self.drop()
        self._begin(_Run(list(history), self.frames))

    def drop(self) -> None:
        """Forget what was foreseen, and call off what is being predicted; does not wait for it."""
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
        """The outcome after `history`, waited for if it is on its way; None when it is not."""
        run = self._run
        if run is None:
            return None
        at = len(history) - len(run.base)
        with run.changed:
            if not run.leads_to(history):
                return None
            run.wanted = max(run.wanted, at + 1)
            run.changed.notify_all()
            while len(run.found) <= at and not run.over:
                run.changed.wait(_PATIENCE)
            return run.found[at] if at < len(run.found) else None

    def _asked(self, ask: Callable[[], Outcome]) -> _Foreseen:
        """What the source answers to `ask`, once it has nothing else to do."""
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
        """Foresee frames until the run is dropped, or nothing can be said."""
        if before is not None:
            before.join()
        self.source.abandoned = lambda: run.dropped
        history = list(run.base)
        while self._has_room(run):
            found = self._one(history)
            with run.changed:
                if found is not None:
                    run.found.append(found)
                run.over = found is None or isinstance(found.outcome, Ended)
                run.changed.notify_all()
            if found is None or not isinstance(found.outcome, Frame):
                return
            history.append(found.outcome)

    def _has_room(self, run: _Run) -> bool:
        """Wait until another frame is wanted; False when none will be."""
        with run.changed:
            while len(run.found) >= run.wanted and not run.dropped:
                run.changed.wait()
            return not run.dropped

    def _one(self, history: Sequence[Frame]) -> _Foreseen | None:
        """The next frame or end; None for trouble and failures: whoever asks for it finds out, or not any more."""
        try:
            outcome = self.source.next(history)
        except Exception:
            return None
        if not isinstance(outcome, Frame | Ended):
            return None
        return _Foreseen(outcome, self.source.restarts, self.source.excerpt)
