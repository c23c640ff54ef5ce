"""A batch: one `--compare` run, from programs to progress, journal, report files, threshold and exit code.

Whatever ends it, the comparisons made so far are written. It knows no options of the command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neuralpdb import __version__
from neuralpdb.errors import BELOW, INTERRUPTED, NOTHING, ModelError, NeuralPdbError, TargetError, UsageError
from neuralpdb.fidelity.comparison import Blame, Comparison, Result
from neuralpdb.fidelity.figures.shares import Tally, percent
from neuralpdb.fidelity.figures.summary import Summary, summarise
from neuralpdb.fidelity.figures.threshold import below
from neuralpdb.fidelity.report import jsonl_report, terminal
from neuralpdb.fidelity.report.files import Form, Writers
from neuralpdb.fidelity.report.json_report import About
from neuralpdb.fidelity.report.jsonl_report import Journal
from neuralpdb.fidelity.runner import Job, compared
from neuralpdb.fidelity.targets import Target

QUIET_SECONDS = 60.0
"""Seconds between lines of progress where there is no terminal: often enough to see life, few enough for a CI log."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Threshold:
    """The accuracy that a run must reach.

    least:      next-state accuracy in percent.
    confidence: percent; compare the lower bound of the confidence interval instead.
    """

    least: float
    confidence: float | None = None


@dataclass
class _RunState:
    """The comparisons so far, and what ended the run.

    created:     start of the first run, ISO 8601, UTC.
    seconds:     wall time of the interrupted runs before this one.
    interrupted: the user pressed Ctrl-C.
    failure:     the error that concerns all programs.
    """

    comparisons: list[Comparison]
    created: str
    seconds: float = 0.0
    interrupted: bool = False
    failure: NeuralPdbError | None = None

    @property
    def complete(self) -> bool:
        return not self.interrupted and self.failure is None


@dataclass(frozen=True)
class Batch:
    """The programs to compare, and where results go.

    writers:   the report files that were asked for.
    threshold: None for none.
    console:   where the report is printed, unless a form of it goes to standard output.
    say:       prints a line for the user on standard error.
    """

    targets: Sequence[Target]
    job: Job
    writers: Writers
    threshold: Threshold | None
    console: Console
    say: Say

    def run(self) -> int:
        """Compare, print and write the reports; return the exit code.

        Raises ModelError or UsageError, for errors that concern all programs after the reports are written.
        """
        start = time.perf_counter()
        log, state = _journal(self.writers, self.job, self.targets)
        self._compare(state, log)
        seconds = time.perf_counter() - start
        result = self._result(state, seconds)
        written = self._close(log, result, seconds)
        summary = summarise(result)
        self.writers.write(result, summary, About.here(), written=written)
        if not self.writers.prints:
            for line in terminal.report(result, summary, self.console.width):
                self.console.print(line, soft_wrap=True)
        if state.failure is not None:
            raise state.failure
        if state.interrupted:
            advice = (
                f"; the same command continues {log.path}" if log is not None else " (--jsonl FILE lets it continue)"
            )
            self.say(f"interrupted after {len(result.comparisons):,} of {len(self.targets):,} programs{advice}")
            return INTERRUPTED
        return self._exit_code(result, summary)

    def _compare(self, state: _RunState, log: Journal | None) -> None:
        """Compare until the end, an interruption, or a failure that concerns all programs."""
        compared_ids = {comparison.subject.id for comparison in state.comparisons}
        if compared_ids:
            self.say(f"continuing: {len(compared_ids):,} of {len(self.targets):,} programs were compared before")
        pending = [target for target in self.targets if target.id not in compared_ids]
        try:
            with _progress(len(self.targets), self.say) as report, closing(compared(pending, self.job)) as results:
                for comparison in state.comparisons:
                    report(comparison)
                for comparison in results:
                    state.comparisons.append(comparison)
                    if log is not None and comparison.blame is not Blame.MODEL:  # to be tried again
                        log.add(comparison)
                    report(comparison)
        except KeyboardInterrupt:
            state.interrupted = True
        except NeuralPdbError as error:
            state.failure = error

    def _result(self, state: _RunState, seconds: float) -> Result:
        order = {target.id: i for i, target in enumerate(self.targets)}
        comparisons = sorted(state.comparisons, key=lambda each: order[each.subject.id])
        return Result(self.job.setup, tuple(comparisons), state.complete, state.created, state.seconds + seconds)

    def _close(self, log: Journal | None, result: Result, seconds: float) -> Collection[Form]:
        """End the journal; return the forms that are complete by that."""
        if log is None:
            return ()
        log.finish(result.complete, seconds)
        lacking = any(comparison.blame is Blame.MODEL for comparison in result.comparisons)
        return () if result.complete and lacking else (Form.JSONL,)

    def _exit_code(self, result: Result, summary: Summary) -> int:
        if len(result.comparisons) == 1 and result.comparisons[0].blame is not None:
            failed = result.comparisons[0]
            self.say(failed.error)
            return (TargetError if failed.blame is Blame.TARGET else ModelError).exit_code
        if not any(map(_counts, result.comparisons)):
            self.say("nothing could be compared (see what is left out)")
            return NOTHING
        if self.threshold is None:
            return 0
        missed, line = below(summary, self.threshold.least, self.threshold.confidence)
        self.say(line)
        return BELOW if missed else 0


def _counts(comparison: Comparison) -> bool:
    """Whether any frame of a comparison is right or wrong."""
    judged = [step.verdict for step in comparison.steps or ()]
    judged += comparison.rollout.verdicts if comparison.rollout else ()
    judged += comparison.debugger.rollout.verdicts if comparison.debugger else ()
    return any(verdict.right or verdict.wrong for verdict in judged)


# -- going on with what was interrupted ---------------------------------------------------------------------------


def _journal(writers: Writers, job: Job, targets: Sequence[Target]) -> tuple[Journal | None, _RunState]:
    """Return the JSONL file to write during the run, and what an interrupted run left in it.

    Raises UsageError for a file that is not one of ours, or that is the unfinished one of another run.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    path = writers.path(Form.JSONL)
    if path is None:
        return None, _RunState([], created)
    has_content = path.is_file() and path.stat().st_size > 0
    recovered = jsonl_report.recover(path) if has_content else None
    if recovered is None or recovered.result.complete:
        return Journal(path, job.setup, created, f"neuralpdb {__version__}"), _RunState([], created)
    journal, result = Journal.resumed(path, job.setup, recovered), recovered.result
    targets_by_id = {target.id: target for target in targets}
    for comparison in result.comparisons:
        if not _is_same(comparison, targets_by_id.get(comparison.subject.id)):
            raise UsageError(
                f"{path} is the unfinished report of other programs ({comparison.subject.id} differs)",
                "name another file, or remove it",
            )
    return journal, _RunState(list(result.comparisons), result.created, result.seconds)


def _is_same(comparison: Comparison, target: Target | None) -> bool:
    subject = comparison.subject
    if target is None or (subject.call, subject.argv) != (target.call, target.argv):
        return False
    try:
        return target.source() == subject.text
    except NeuralPdbError:
        return comparison.blame is Blame.TARGET


# -- progress -------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(total: int, say: Say) -> Iterator[Callable[[Comparison], None]]:
    """Show progress as comparisons are reported: a bar on a terminal, else a line now and then."""
    right = wrong = 0
    screen = Console(stderr=True, highlight=False, markup=False, emoji=False)
    bar = Progress(
        TextColumn("comparing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[accuracy]}"),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=total < 2 or not screen.is_terminal,
    )
    task = bar.add_task("comparing", total=total, accuracy="")
    last_report, count = time.monotonic(), 0

    def report(comparison: Comparison) -> None:
        nonlocal right, wrong, last_report, count
        tally = Tally.of(step.verdict.fidelity for step in comparison.steps or ())
        right, wrong, count = right + tally.right, wrong + tally.wrong, count + 1
        accuracy = f"{percent(right / (right + wrong))} of frames" if right + wrong else ""
        bar.update(task, advance=1, accuracy=accuracy)
        if not screen.is_terminal and time.monotonic() - last_report > QUIET_SECONDS:
            last_report = time.monotonic()
            say(f"{count:,} of {total:,} programs {accuracy}".rstrip())

    with bar:
        yield report
