"""Compare many programs with their real runs: the truths are made ahead, in child processes, while the model predicts.

A program that fails costs one record, never the run. It knows no files of reports and no terminal.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from neuralpdb.engines.base import Engine
from neuralpdb.errors import ModelError, NeuralPdbError
from neuralpdb.fidelity.comparison import (
    Blame,
    Comparability,
    Comparison,
    ComparisonSetup,
    Cost,
    Rollout,
    Step,
    Subject,
    judged_rollout,
    judged_steps,
)
from neuralpdb.fidelity.scoring import TeacherForced, TokenCount, free_running, rollout, teacher_forced
from neuralpdb.fidelity.targets import Target
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.truth import Truth, truth
from neuralpdb.trace.frames import Ended, Trace, Trouble, TroubleKind

AHEAD = 4
"""Real runs that are made ahead of the model."""

MODEL_FAILURES = 5
"""So many programs in a row for which the model cannot be used end the run: it is not the programs."""

BEYOND = 20
"""Frames that a rollout may go on beyond the length of the truth, at least; half of that length if it is more."""

_NO_TRACE = Trace((), Ended("nothing was run"))


@dataclass(frozen=True)
class Job:
    """How to compare. twice: run each program again to see what differs by itself; None: where that may be."""

    engine: Engine
    setting: ComparisonSetup
    limits: Limits
    twice: bool | None = None


@dataclass(frozen=True)
class _Prepared:
    """A target and its truth, or why there is none."""

    subject: Subject
    entry: Entry | None = None
    truth: Truth | None = None
    error: str = ""
    seconds: float = 0.0


def compared(targets: Sequence[Target], job: Job) -> Generator[Comparison, None, None]:
    """A comparison for each target, in their order.

    Raises ModelError when the model cannot be used for several programs in a row. Close the iterator to leave early.
    """
    parallel = job.engine.capabilities.parallel
    failures = 0
    with closing(_results(targets, job, parallel)) as results:
        for comparison in results:
            failures = failures + 1 if comparison.blame is Blame.MODEL else 0
            yield comparison
            if failures >= MODEL_FAILURES:
                raise ModelError(f"the model failed for {failures} programs in a row: {comparison.error}")


def _results(targets: Sequence[Target], job: Job, parallel: int) -> Generator[Comparison, None, None]:
    with _pool(AHEAD if parallel > 1 else 1) as truths, _pool(parallel) as predictions:
        waiting: deque[Future[_Prepared]] = deque()
        running: deque[Future[Comparison]] = deque()
        todo = iter(targets)
        while True:
            while len(waiting) + len(running) < AHEAD + 2 * parallel and (target := next(todo, None)) is not None:
                waiting.append(truths.submit(prepared, target, job))
            if not waiting and not running:
                return
            if parallel == 1:  # in this thread: Ctrl-C stops the model at once
                yield _comparison(waiting.popleft().result(), job)
                continue
            while waiting and len(running) < 2 * parallel:
                running.append(predictions.submit(_after, waiting.popleft(), job))
            yield running.popleft().result()


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that nobody waits for when the run is left early."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _after(prepared: Future[_Prepared], job: Job) -> Comparison:
    return _comparison(prepared.result(), job)


def prepared(target: Target, job: Job) -> _Prepared:
    """Read the target, enter it, and run it for real. Every failure is a value."""
    subject = Subject(target.id, target.name, "", target.call, target.argv)
    began = time.perf_counter()
    entry = found = None
    error = ""
    try:
        source = target.source()
        subject = replace(subject, text=source)
        entry = target.enter(source)
        subject = replace(subject, lines=entry.program.lines, own=entry.program.own)
        found = _truth(target, entry, job)
    except NeuralPdbError as failure:
        error = str(failure)
    return _Prepared(subject, entry, found, error, time.perf_counter() - began)


def _truth(target: Target, entry: Entry, job: Job) -> Truth:
    """A file runs where the user is, a record in an empty folder of its own."""
    run = partial(truth, entry, filename=target.filename, argv=target.argv, limits=job.limits, twice=job.twice)
    if target.text is None:
        return run()
    with tempfile.TemporaryDirectory(prefix="neuralpdb-", ignore_cleanup_errors=True) as folder:
        return run(cwd=folder)


def _comparison(ready: _Prepared, job: Job) -> Comparison:
    if ready.entry is None or ready.truth is None:
        cost = Cost(truth_seconds=ready.seconds)
        return Comparison(ready.subject, _NO_TRACE, error=ready.error, blame=Blame.TARGET, cost=cost)
    real = ready.truth
    began = time.perf_counter()
    tally = TokenCount()
    steps, free, error = _predicted(ready.entry, real, job, tally)
    cost = Cost(
        scored=tally.scored,
        prompt=tally.prompt,
        decoded=tally.decoded,
        redone=tally.redone,
        seconds=time.perf_counter() - began,
        truth_seconds=ready.seconds,
    )
    return Comparison(
        subject=ready.subject,
        truth=real.trace,
        python=real.python,
        unstable=real.unstable,
        comparable=real.comparable,
        why=real.why,
        steps=steps,
        rollout=free,
        error=error,
        blame=Blame.MODEL if error else None,
        output=real.output,
        cost=cost,
    )


def _predicted(
    entry: Entry, real: Truth, job: Job, tally: TokenCount
) -> tuple[tuple[Step, ...] | None, Rollout | None, str]:
    """Both predictions, and why there are none."""
    setting = job.setting
    predictor = Predictor(entry, job.engine, constrain=setting.constrained)
    doubts = Comparability(real.unstable, real.comparable)
    try:
        forced = None
        if setting.teacher_forced or job.engine.capabilities.scores:
            forced = teacher_forced(predictor, real.trace, tally)
        free = _free(predictor, real.trace, forced, setting) if setting.rollout else None
    except ModelError as failure:
        return None, None, str(failure)
    finally:
        _count(predictor, tally)
    steps = None
    if setting.teacher_forced and forced is not None:
        said = ((each.index, each.outcome, each.confidence) for each in forced)
        steps = judged_steps(said, real.trace, doubts, setting.rules)
    rolled = judged_rollout(free, real.trace, doubts, setting.rules) if free is not None else None
    return steps, rolled, _lost(free)


def _free(predictor: Predictor, real: Trace, forced: list[TeacherForced] | None, setting: ComparisonSetup) -> Trace:
    length = len(real.frames)
    most = min(setting.max_frames, length + max(BEYOND, length // 2)) if isinstance(real.end, Ended) else length
    if forced is None:
        return rollout(predictor, real.frames[:1], most)
    return free_running(predictor, real, forced, most)


def _count(predictor: Predictor, tally: TokenCount) -> None:
    """Add what the predictor asked for by itself."""
    usage = predictor.usage
    tally.prompt += usage.prompt_tokens - usage.cached_tokens
    tally.decoded += usage.written_tokens


def _lost(free: Trace | None) -> str:
    """Why the engine was not there for a rollout; empty when it was."""
    end = free.end if free is not None else None
    return end.message if isinstance(end, Trouble) and end.kind is TroubleKind.UNAVAILABLE else ""
