"""Comparisons of many programs: real runs are made ahead, in child processes, while the model predicts.

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
from neuralpdb.fidelity.as_used import debugged, interpreter_alongside
from neuralpdb.fidelity.comparison import (
    Blame,
    Comparability,
    Comparison,
    ComparisonSetup,
    Cost,
    Debugged,
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
"""Real runs that are made ahead of the model: enough to hide a slow program, few enough to spare memory."""

MODEL_FAILURES = 5
"""Programs in a row for which the model may be unusable before the run ends: then the programs are not the cause."""

BEYOND = 20
"""Least frames that a rollout may go on beyond the end of the truth (or half the length of the truth, if more).

Longer rollouts would spend most of a run on models that never end.
"""

_NO_TRACE = Trace((), Ended("nothing was run"))


@dataclass(frozen=True)
class Job:
    """The settings of a comparison.

    engine: the model.
    setup:  what is compared, and what counts as equal.
    limits: of each real run.
    twice:  run each program again to see which values differ by chance; None: only where values can differ.
    """

    engine: Engine
    setup: ComparisonSetup
    limits: Limits
    twice: bool | None = None


@dataclass(frozen=True)
class _Prepared:
    """A target and its truth, or the error that left it without one. filename: what the program is told of its file."""

    subject: Subject
    filename: str = ""
    entry: Entry | None = None
    truth: Truth | None = None
    error: str = ""
    seconds: float = 0.0


def compared(targets: Sequence[Target], job: Job) -> Generator[Comparison, None, None]:
    """Yield a comparison for each target, in their order.

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
    """Provide threads that are not waited for when the run is left early."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _after(prepared: Future[_Prepared], job: Job) -> Comparison:
    return _comparison(prepared.result(), job)


def prepared(target: Target, job: Job) -> _Prepared:
    """Read the target, enter it, and run it for real. Every failure is recorded in the result."""
    subject = Subject(target.id, target.name, "", target.call, target.argv)
    start = time.perf_counter()
    entry = real = None
    error = ""
    try:
        source = target.source()
        subject = replace(subject, text=source)
        entry = target.enter(source)
        subject = replace(subject, lines=entry.program.lines, own=entry.program.own)
        real = _truth(target, entry, job)
    except NeuralPdbError as failure:
        error = str(failure)
    return _Prepared(subject, target.filename, entry, real, error, time.perf_counter() - start)


def _truth(target: Target, entry: Entry, job: Job) -> Truth:
    """Run a file in the user's directory, a record in an empty directory of its own."""
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
    start = time.perf_counter()
    spent = TokenCount()
    with interpreter_alongside(ready.entry, ready.filename) as histories:
        predictor = Predictor(ready.entry, job.engine, constrain=job.setup.constrained, histories=histories)
        steps, free, error = _predicted(predictor, real, job, spent)
    cost = Cost(
        scored=spent.scored,
        prompt=spent.prompt,
        decoded=spent.decoded,
        redone=spent.redone,
        seconds=time.perf_counter() - start,
        truth_seconds=ready.seconds,
    )
    used = None
    if job.setup.debugger and not error:
        used, error = _debugged(ready, ready.entry, real, job)
    return Comparison(
        subject=ready.subject,
        truth=real.trace,
        python=real.python,
        unstable=real.unstable,
        comparable=real.comparable,
        why=real.why,
        steps=steps,
        rollout=free,
        debugger=used,
        error=error,
        blame=Blame.MODEL if error else None,
        output=real.output,
        cost=cost,
    )


def _predicted(
    predictor: Predictor, real: Truth, job: Job, spent: TokenCount
) -> tuple[tuple[Step, ...] | None, Rollout | None, str]:
    """Return both predictions of the model alone, and why they are missing."""
    setup = job.setup
    comparability = Comparability(real.unstable, real.comparable)
    try:
        forced = None
        if setup.teacher_forced or (setup.rollout and job.engine.capabilities.scores):
            forced = teacher_forced(predictor, real.trace, spent)
        free_trace = _free(predictor, real.trace, forced, setup) if setup.rollout else None
    except ModelError as failure:
        return None, None, str(failure)
    finally:
        _count(predictor, spent)
    steps = None
    if setup.teacher_forced and forced is not None:
        predictions = ((each.index, each.outcome, each.confidence) for each in forced)
        steps = judged_steps(predictions, real.trace, comparability, setup.rules)
    judged = judged_rollout(free_trace, real.trace, comparability, setup.rules) if free_trace is not None else None
    return steps, judged, _lost(free_trace)


def _debugged(ready: _Prepared, entry: Entry, real: Truth, job: Job) -> tuple[Debugged | None, str]:
    """Return how the debugger goes on its own, and why the model became unavailable; empty when it did not.

    A recording has no answers for the debugger's questions: that ends a rollout, and is no failure.
    """
    comparability = Comparability(real.unstable, real.comparable)
    most = _most(real.trace, job.setup)
    try:
        used = debugged(entry, real.trace, comparability, job.engine, job.setup, most, ready.filename)
    except ModelError as failure:
        return None, str(failure)
    lost = _lost(Trace((), used.rollout.end))
    return used, "" if job.setup.engine == "replay" else lost


def _most(real: Trace, setup: ComparisonSetup) -> int:
    """Return the most frames of a rollout beside a real run."""
    length = len(real.frames)
    return min(setup.max_frames, length + max(BEYOND, length // 2)) if isinstance(real.end, Ended) else length


def _free(predictor: Predictor, real: Trace, forced: list[TeacherForced] | None, setup: ComparisonSetup) -> Trace:
    most = _most(real, setup)
    if forced is None:
        return rollout(predictor, real.frames[:1], most)
    return free_running(predictor, real, forced, most)


def _count(predictor: Predictor, spent: TokenCount) -> None:
    """Add the tokens that the predictor asked for by itself."""
    usage = predictor.usage
    spent.prompt += usage.prompt_tokens - usage.cached_tokens
    spent.decoded += usage.written_tokens


def _lost(free: Trace | None) -> str:
    """Return why the engine became unavailable during a rollout; empty when it did not."""
    end = free.end if free is not None else None
    return end.message if isinstance(end, Trouble) and end.kind is TroubleKind.UNAVAILABLE else ""
