"""The debugger as it is used, on its own from the first frame on: computed frames, with the model for what is open.

It knows no verdicts and no reports.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from neuralpdb.engines.base import Engine
from neuralpdb.fidelity.comparison import Comparability, ComparisonSetup, Debugged, judged_rollout
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict.computed.source import Filling, Tally
from neuralpdb.predict.computed.telling import Alongside, Telling
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Ended, Frame, Origin, Trace, Trouble, TroubleKind

PROCESSES = 4
"""Most interpreters at once: as many as real runs that are made ahead; each may take a GiB of memory."""

_places = threading.BoundedSemaphore(PROCESSES)


@contextmanager
def interpreter_alongside(entry: Entry, filename: str = "") -> Iterator[Alongside]:
    """Provide what Python's own rules tell beside a model; the interpreter is started when it is asked for.

    filename: what the program is told that its file is.
    """
    with ExitStack() as held:

        def start() -> ComputedHistories:
            held.enter_context(_places)
            return held.enter_context(ComputedHistories(entry, filename))

        yield Alongside(start)


class _Watched:
    """Histories whose last answer is remembered. assuming: what it takes to raise nothing; empty for nothing."""

    def __init__(self, histories: Telling) -> None:
        self.assuming = ""
        self._histories = histories

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        answer = self._histories.next(history, place)
        self.assuming = answer.assuming if isinstance(answer, Computed) else ""
        return answer

    def close(self) -> None:
        self._histories.close()


def debugged(
    entry: Entry,
    truth: Trace,
    comparability: Comparability,
    engine: Engine,
    setup: ComparisonSetup,
    most: int,
    filename: str = "",
) -> Debugged:
    """Return how the debugger goes on its own from the first true frame, for at most `most` frames.

    filename: what the program is told that its file is. Raises ModelError when the model cannot be loaded.
    """
    with _places, ComputedHistories(entry, filename, endless=False) as histories:
        return free_running(entry, truth, comparability, histories, engine, setup, most)


def free_running(
    entry: Entry,
    truth: Trace,
    comparability: Comparability,
    histories: Telling,
    engine: Engine,
    setup: ComparisonSetup,
    most: int,
) -> Debugged:
    """Return the same with other histories."""
    start = time.perf_counter()
    watched = _Watched(histories)
    predictor = Predictor(entry, engine, constrain=setup.constrained)
    source = Filling(watched, predictor, Tally())
    frames = [entry.first or truth.frames[0].replace(origin=Origin.GIVEN)]
    assumed: dict[int, str] = {}
    alone: Counter[str] = Counter()
    end: Ended | Trouble = Trouble(TroubleKind.TRUNCATED, f"limit of {most:,} frames")
    while len(frames) < most:
        outcome = source.next(frames)
        if watched.assuming:
            assumed[len(frames)] = watched.assuming
        if source.untold:
            alone[source.untold] += 1
        if not isinstance(outcome, Frame):
            end = outcome
            break
        frames.append(outcome)
    return Debugged(
        rollout=judged_rollout(Trace(tuple(frames), end), truth, comparability, setup.rules),
        assumed=assumed,
        alone=dict(alone),
        is_end_computed=isinstance(end, Ended) and not source.untold,
        passes=predictor.usage.passes,
        seconds=time.perf_counter() - start,
    )


__all__ = ["PROCESSES", "debugged", "free_running", "interpreter_alongside"]
