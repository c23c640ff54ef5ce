"""One `--compare` run: programs in; progress, journal, report files, threshold and exit code out.

Whatever ends it, what was compared so far is written. It knows no options of the command line.
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
"""Where there is no terminal, progress is one line in so many seconds."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Threshold:
    """Least next-state accuracy in percent; confidence: percent, to compare the lower bound instead."""

    least: float
    confidence: float | None = None


@dataclass
class _Found:
    """What is known so far, and what ended it. seconds: of the runs before this one."""

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
    """What to compare and where to tell of it.

    console: where the report is printed, unless a form of it goes to standard output. say: prints a line for the user
    on standard error.
    """

    targets: Sequence[Target]
    job: Job
    writers: Writers
    threshold: Threshold | None
    console: Console
    say: Say

    def run(self) -> int:
        """Compare, print and write the reports; the exit code.

        Raises ModelError or UsageError, for what concerns all programs after the reports are written.
        """
        began = time.perf_counter()
        log, found = _journal(self.writers, self.job, self.targets)
        self._compare(found, log)
        seconds = time.perf_counter() - began
        result = self._result(found, seconds)
        written = self._close(log, result, seconds)
        summary = summarise(result)
        self.writers.write(result, summary, About.here(), written=written)
        if not self.writers.prints:
            for line in terminal.report(result, summary, self.console.width):
                self.console.print(line, soft_wrap=True)
        if found.failure is not None:
            raise found.failure
        if found.interrupted:
            how = f"; the same command goes on with {log.path}" if log is not None else " (--jsonl FILE lets it go on)"
            self.say(f"interrupted after {len(result.comparisons):,} of {len(self.targets):,} programs{how}")
            return INTERRUPTED
        return self._exit_code(result, summary)

    def _compare(self, found: _Found, log: Journal | None) -> None:
        """Compare until the end, an interruption, or a failure that concerns all programs."""
        done = {comparison.subject.id for comparison in found.comparisons}
        if done:
            self.say(f"going on: {len(done):,} of {len(self.targets):,} programs were compared before")
        rest = [target for target in self.targets if target.id not in done]
        try:
            with _progress(len(self.targets), self.say) as passed, closing(compared(rest, self.job)) as results:
                for each in found.comparisons:
                    passed(each)
                for comparison in results:
                    found.comparisons.append(comparison)
                    if log is not None and comparison.blame is not Blame.MODEL:  # that one is to be tried again
                        log.add(comparison)
                    passed(comparison)
        except KeyboardInterrupt:
            found.interrupted = True
        except NeuralPdbError as error:
            found.failure = error

    def _result(self, found: _Found, seconds: float) -> Result:
        order = {target.id: i for i, target in enumerate(self.targets)}
        comparisons = sorted(found.comparisons, key=lambda each: order[each.subject.id])
        return Result(self.job.setting, tuple(comparisons), found.complete, found.created, found.seconds + seconds)

    def _close(self, log: Journal | None, result: Result, seconds: float) -> Collection[Form]:
        """End the journal; which forms are written by that."""
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
    """Whether anything of it is right or wrong."""
    judged = [step.verdict for step in comparison.steps or ()]
    judged += comparison.rollout.verdicts if comparison.rollout else ()
    return any(verdict.right or verdict.wrong for verdict in judged)


# -- going on with what was interrupted ---------------------------------------------------------------------------


def _journal(writers: Writers, job: Job, targets: Sequence[Target]) -> tuple[Journal | None, _Found]:
    """The JSONL file to write to while it goes, and what an interrupted run left in it.

    Raises UsageError for a file that is none of ours, or that is the unfinished one of another run.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    path = writers.path(Form.JSONL)
    if path is None:
        return None, _Found([], created)
    there = path.is_file() and path.stat().st_size > 0
    recovered = jsonl_report.recover(path) if there else None
    if recovered is None or recovered.result.complete:
        return Journal(path, job.setting, created, f"neuralpdb {__version__}"), _Found([], created)
    log, found = Journal.resumed(path, job.setting, recovered), recovered.result
    known = {target.id: target for target in targets}
    for comparison in found.comparisons:
        if not _is_same(comparison, known.get(comparison.subject.id)):
            raise UsageError(
                f"{path} is the unfinished report of other programs ({comparison.subject.id} is not the same here)",
                "name another file, or remove it",
            )
    return log, _Found(list(found.comparisons), found.created, found.seconds)


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
    """Tells how far it is, for each comparison that is done: a bar on a terminal, else a line now and then."""
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
    spoken, count = time.monotonic(), 0

    def passed(comparison: Comparison) -> None:
        nonlocal right, wrong, spoken, count
        tally = Tally.of(step.verdict.fidelity for step in comparison.steps or ())
        right, wrong, count = right + tally.right, wrong + tally.wrong, count + 1
        accuracy = f"{percent(right / (right + wrong))} of frames" if right + wrong else ""
        bar.update(task, advance=1, accuracy=accuracy)
        if not screen.is_terminal and time.monotonic() - spoken > QUIET_SECONDS:
            spoken = time.monotonic()
            say(f"{count:,} of {total:,} programs {accuracy}".rstrip())

    with bar:
        yield passed
