"""The real run beside a session: what became of every frame of a timeline, and where the two part.

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

    frames: so far, they only grow. finished: there will be no more. settled: it is known what is comparable.
    """

    @property
    def frames(self) -> Sequence[Frame]: ...

    @property
    def finished(self) -> bool: ...

    def wait_for(self, count: int, timeout: float | None = None) -> bool:
        """Wait until `count` frames are there, the program is over, or `timeout` seconds passed: are they there?"""
        ...

    def result(self) -> Trace:
        """All of it, waiting for the end. Raises TargetError when the program failed before its entry."""
        ...

    @property
    def settled(self) -> bool: ...

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until `settled`, or `timeout` seconds passed: is it?"""
        ...

    def accidents(self, index: int) -> Collection[str] | None:
        """Locals (or VALUE) of that frame that are accidents of the run, as far as known; None: all from there on."""
        ...


class Status(StrEnum):
    """What can be said of a frame of the timeline."""

    JUDGED = "judged"
    """there is an actual frame of the same index, and a verdict"""
    UNKNOWN = "unknown"
    """the real run has not come this far yet"""
    PARTED = "parted"
    """control flow parted before: an actual frame of the same index says nothing about this one"""
    EDITED = "edited"
    """the user left the real run by an edit or a jump"""
    CUT = "cut"
    """the real run was stopped before, by a limit"""


@dataclass(frozen=True)
class FrameStatus:
    """How `predicted`, number `index` of the timeline, stands to the real run.

    actual:  what really came: a frame, or the end; of the index `at`, which is `index` unless control flow parted.
    since:   index of the divergence that this one is, or is behind; None: the model is right up to here.
    edited:  index of the edit that this one is, or is behind, when it left the real run.
    guessed: that one is no edit but a guess, behind which steps are counted differently.
    adopted: the frame is the actual one, which the user put there.
    reason:  why the real run was cut short.
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
        """Control flow parts here or did before."""
        return self.kind is Status.PARTED or (self.verdict is not None and self.verdict.fidelity is Fidelity.CONTROL)

    @property
    def right(self) -> bool:
        return self.verdict is not None and self.verdict.right

    @property
    def excluded(self) -> frozenset[str]:
        """Names that are not comparable here."""
        found = self.verdict.differences if self.verdict is not None else ()
        return frozenset(each.name for each in found if each.excluded)


_CHOSEN = frozenset({Origin.EDITED, Origin.GUESSED})
"""Origins of frames that the user asked for where others would have come."""


class Lockstep:
    """Compares timelines, one after the other, with one real run that may still be going on."""

    def __init__(self, run: RealRun, rules: Tolerance = STRICT) -> None:
        self.run = run
        self.rules = rules
        self._standings: list[FrameStatus] = []
        self._settled = False
        self._end: Ended | Trouble | None = None
        self._told = False

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
        """Wait until the actual frame `index` is there, or is known not to come; False when `timeout` s are over."""
        return self.run.wait_for(index + 1, timeout) or self.run.finished

    def news(self) -> list[str]:
        """What the user should know of the real run, once: that it failed, or was cut short."""
        if self._told or not isinstance(self.end, Trouble):
            return []
        self._told = True
        if self.failed:
            return [f"note: there is no real run to compare with: {self.failed}"]
        return [f"note: the real run was cut short after step {len(self.frames) - 1:,}: {self.end.message}"]

    # -- comparing --------------------------------------------------------------------------------------------

    def along(self, timeline: Sequence[Outcome]) -> list[FrameStatus]:
        """The standing of every frame of a timeline (from its start on); its last item may be an end or a trouble."""
        if self._settled is not self.run.settled:  # verdicts may change
            self._settled, self._standings = self.run.settled, []
        known = self._standings
        keep = 0
        for standing, outcome in zip(known, timeline, strict=False):
            if standing.predicted is not outcome or standing.kind is Status.UNKNOWN:
                break
            keep += 1
        del known[keep:]
        for index, outcome in enumerate(timeline[keep:], keep):
            known.append(self._standing(index, outcome, known[-1] if known else None))
        return list(known)

    def at(self, timeline: Sequence[Outcome], timeout: float | None = 0.0) -> FrameStatus:
        """The standing of the last item of a timeline, waiting up to `timeout` seconds for the real run.

        None: as long as it takes, and until it is certain that what is wrong counts.
        """
        self.reach(len(timeline) - 1, timeout)
        found = self.along(timeline)[-1]
        if timeout is None and found.since is not None and not self._settled:
            self.run.settle()
            found = self.along(timeline)[-1]
        return found

    def _standing(self, index: int, predicted: Outcome, before: FrameStatus | None) -> FrameStatus:
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
        """The user put this frame here: it follows the real run again, or leaves it."""
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
        """What really came at `index`; None: not known yet."""
        finished = self.run.finished  # looked at first: the last frames come before it
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
        accidents = self.run.accidents(index)
        if accidents is None:
            return Verdict(Fidelity.EXCLUDED)
        return judge(predicted, actual, self.rules, accidents)
