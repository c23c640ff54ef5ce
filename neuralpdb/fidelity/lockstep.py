"""Lockstep: the real run beside a session, with a verdict on every frame of a timeline and the place where they part.

Frames are compared by their index. It waits for the real run only when asked to, and knows no process and no terminal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from neuralpdb.errors import TargetError
from neuralpdb.fidelity.verdicts import STRICT, Fidelity, Tolerance, Verdict, judge
from neuralpdb.trace.frames import Ended, Frame, Origin, Outcome, Trace, Trouble, TroubleKind


class RealRun(Protocol):
    """A program that is running, or was.

    frames:   recorded so far; the sequence only grows.
    finished: no more frames will come.
    settled:  it is known which parts of the run are comparable.
    """

    @property
    def frames(self) -> Sequence[Frame]: ...

    @property
    def finished(self) -> bool: ...

    def wait_for(self, count: int, timeout: float | None = None) -> bool:
        """Wait until `count` frames are recorded, the program is over, or `timeout` seconds passed.

        Return whether the frames are recorded.
        """
        ...

    def result(self) -> Trace:
        """Return the whole trace, waiting for the end. Raises TargetError when the program failed before its entry."""
        ...

    @property
    def settled(self) -> bool: ...

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until `settled`, or `timeout` seconds passed. Return whether it is settled."""
        ...

    def accidents(self, index: int) -> Collection[str] | None:
        """Return the locals (or VALUE) of frame `index` that are accidents of the run, as far as known.

        None: from this frame on nothing is comparable.
        """
        ...


class Status(StrEnum):
    """The kinds of frames of a timeline, seen from the real run."""

    JUDGED = "judged"
    """compared with the actual frame of the same index"""
    UNKNOWN = "unknown"
    """the real run has not come this far yet"""
    PARTED = "parted"
    """control flow parted before: the actual frame of the same index belongs to another place"""
    EDITED = "edited"
    """the user left the real run by an edit or a jump"""
    CUT = "cut"
    """a limit stopped the real run before"""


@dataclass(frozen=True)
class FrameStatus:
    """How one predicted frame compares with the real run so far.

    index:     of the frame in the timeline.
    predicted: the frame, or the end or trouble in its place.
    actual:    the frame of the real run, or its end, of index `at`.
    at:        `index`, unless control flow parted before.
    since:     index of the divergence at or before this frame; None: the model is right up to here.
    edited:    index of the edit at or before this frame that left the real run; None for none.
    guessed:   `edited` is no edit but a guess, after which steps are counted differently.
    adopted:   the frame is the actual one, which the user put there.
    reason:    why the real run was cut short.
    """

    index: int
    predicted: Outcome
    kind: Status
    verdict: Verdict | None = None
    actual: Frame | Ended | None = None
    at: int = 0
    since: int | None = None
    edited: int | None = None
    guessed: bool = False
    adopted: bool = False
    reason: str = ""

    @property
    def parts(self) -> bool:
        """Control flow parts at this frame or did before."""
        return self.kind is Status.PARTED or (self.verdict is not None and self.verdict.fidelity is Fidelity.CONTROL)

    @property
    def right(self) -> bool:
        return self.verdict is not None and self.verdict.right

    @property
    def excluded(self) -> frozenset[str]:
        """Names that are not comparable here."""
        differences = self.verdict.differences if self.verdict is not None else ()
        return frozenset(each.name for each in differences if each.excluded)


_CHOSEN = frozenset({Origin.EDITED, Origin.GUESSED})
"""Origins of frames that the user put in the place of the predicted ones."""


class Lockstep:
    """Compares timelines, one after the other, with one real run that may still be going on."""

    def __init__(self, run: RealRun, tolerance: Tolerance = STRICT) -> None:
        self.run = run
        self.tolerance = tolerance
        self._statuses: list[FrameStatus] = []
        self._settled = False
        self._end: Ended | Trouble | None = None
        self._reported = False

    # -- the real run -----------------------------------------------------------------------------------------

    @property
    def frames(self) -> Sequence[Frame]:
        """The actual frames so far."""
        return self.run.frames

    @property
    def end(self) -> Ended | Trouble | None:
        """How the real run ended; None while it goes on."""
        if self._end is None and self.run.finished:
            try:
                self._end = self.run.result().end
            except TargetError as error:
                self._end = Trouble(TroubleKind.UNAVAILABLE, error.message)
        return self._end

    @property
    def failed(self) -> str:
        """Why there is nothing to compare with, in one line; empty when there is, or may be."""
        end = self.end
        if end is None or self.frames:
            return ""
        return end.reason if isinstance(end, Ended) else end.message

    def reach(self, index: int, timeout: float | None = None) -> bool:
        """Wait until the actual frame `index` is recorded, or cannot come any more.

        Return False when `timeout` seconds passed before.
        """
        return self.run.wait_for(index + 1, timeout) or self.run.finished

    def news(self) -> list[str]:
        """Return what the user should know about the real run, once: that it failed, or was cut short."""
        if self._reported or not isinstance(self.end, Trouble):
            return []
        self._reported = True
        if self.failed:
            return [f"note: there is no real run to compare with: {self.failed}"]
        return [f"note: the real run was cut short after step {len(self.frames) - 1:,}: {self.end.message}"]

    # -- comparing --------------------------------------------------------------------------------------------

    def along(self, timeline: Sequence[Outcome]) -> list[FrameStatus]:
        """Return the status of every frame of a timeline, from its start on.

        The last item of the timeline may be an end or a trouble.
        """
        if self._settled is not self.run.settled:  # verdicts may change
            self._settled, self._statuses = self.run.settled, []
        statuses = self._statuses
        kept = 0
        for status, outcome in zip(statuses, timeline, strict=False):
            if status.predicted is not outcome or status.kind is Status.UNKNOWN:
                break
            kept += 1
        del statuses[kept:]
        for index, outcome in enumerate(timeline[kept:], kept):
            statuses.append(self._status(index, outcome, statuses[-1] if statuses else None))
        return list(statuses)

    def at(self, timeline: Sequence[Outcome], timeout: float | None = 0.0) -> FrameStatus:
        """Return the status of the last item of a timeline, waiting up to `timeout` seconds for the real run.

        timeout None: wait as long as it takes, and until it is certain that a wrong verdict stays.
        """
        self.reach(len(timeline) - 1, timeout)
        status = self.along(timeline)[-1]
        if timeout is None and status.since is not None and not self._settled:
            self.run.settle()
            status = self.along(timeline)[-1]
        return status

    def _status(self, index: int, predicted: Outcome, before: FrameStatus | None) -> FrameStatus:
        plain = FrameStatus(index, predicted, Status.UNKNOWN, at=index)
        actual = self._actual(index)
        if isinstance(predicted, Frame) and (predicted is actual or predicted.origin in _CHOSEN):
            return self._chosen(plain, predicted, actual, before)
        if before is not None and before.kind is not Status.JUDGED:
            return replace(before, index=index, predicted=predicted, at=before.at if before.parts else index)
        plain = replace(plain, since=before.since if before is not None else None)
        if before is not None and before.parts:
            return replace(plain, kind=Status.PARTED, actual=before.actual, at=before.at)
        if actual is None:
            return plain
        if isinstance(actual, Trouble):
            return replace(plain, kind=Status.CUT, reason=actual.message)
        verdict = self._judge(predicted, actual, index)
        since = index if plain.since is None and verdict.wrong else plain.since
        return replace(plain, kind=Status.JUDGED, verdict=verdict, actual=actual, since=since)

    def _chosen(
        self, plain: FrameStatus, frame: Frame, actual: Frame | Ended | Trouble | None, before: FrameStatus | None
    ) -> FrameStatus:
        """Return the status of a frame that the user put here: it follows the real run again, or leaves it."""
        if actual is None:
            return plain
        if isinstance(actual, Frame):
            verdict = self._judge(frame, actual, plain.index)
            if verdict.right:
                return replace(plain, kind=Status.JUDGED, verdict=verdict, actual=actual, adopted=frame is actual)
        if before is not None and before.kind is Status.EDITED:
            return replace(before, index=plain.index, predicted=frame, at=plain.index)
        since = before.since if before is not None else None
        guessed = frame.origin is Origin.GUESSED
        return replace(plain, kind=Status.EDITED, edited=plain.index, guessed=guessed, since=since)

    def _actual(self, index: int) -> Frame | Ended | Trouble | None:
        """Return what the real run has at `index`; None: not known yet."""
        finished = self.run.finished  # read first: the last frames are recorded before it is set
        if index < len(self.frames):
            return self.frames[index]
        if not finished:
            return None
        return self.end

    def _judge(self, predicted: Outcome, actual: Frame | Ended, index: int) -> Verdict:
        if isinstance(actual, Ended):
            if isinstance(predicted, Trouble):
                return judge(predicted, self.frames[-1])
            return Verdict(Fidelity.EXACT if isinstance(predicted, Ended) else Fidelity.CONTROL)
        return judge(predicted, actual, self.tolerance, self.run.accidents(index))
