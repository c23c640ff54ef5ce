"""`neuralpdb --compare`: its options, and the run that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.cli.options import Part, read_limits, warn_of_misplaced
from neuralpdb.errors import UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.cli.settings import Settings


@dataclass(frozen=True)
class ComparisonOptions:
    """The options of --compare."""

    files: Mapping[str, str | None]
    fail_under: float | None
    confidence: float | None
    limits: Sequence[str]
    only: Part | None
    float_tolerance: float | None
    twice: bool | None
    exact: bool

    @property
    def given(self) -> list[str]:
        """Return the options that were given, as they are spelled."""
        values = {
            **self.files,
            "fail-under": self.fail_under,
            "confidence": self.confidence,
            "limit": self.limits or None,
            "only": self.only,
            "float-tolerance": self.float_tolerance,
            "twice" if self.twice else "once": self.twice,
            "exact": self.exact or None,
        }
        return [f"--{name}" for name, value in values.items() if value is not None]


def check_options(
    compare: bool,
    interactive: bool,
    options: ComparisonOptions,
    at: int | None,
    state: Sequence[str],
    commands: Sequence[str],
) -> None:
    """Raise UsageError for options that exclude or need each other."""
    option = next(iter(options.given), "")
    report = next((name for name in options.given if name != "--limit"), "")
    if interactive and not compare:
        raise UsageError("--interactive needs --compare", "neuralpdb --compare --interactive script.py")
    if option and not compare:
        raise UsageError(f"{option} needs --compare", f"neuralpdb --compare {option} ... script.py")
    if report and interactive:
        raise UsageError(f"{report} and --interactive exclude each other", "leave one of them out")
    if compare and not interactive and (at or state or commands):
        wrong = "--at" if at else "--set" if state else "--command"
        raise UsageError(f"{wrong} and --compare exclude each other", "a real run starts at a script or at --call")
    for name, percent in (("--fail-under", options.fail_under), ("--confidence", options.confidence)):
        if percent is not None and not 0 <= percent <= (100 if name == "--fail-under" else 99.99):
            raise UsageError(f"{name} {percent:g}: not a percentage", "for example --fail-under 90 --confidence 95")
    if options.confidence is not None and options.fail_under is None:
        raise UsageError("--confidence needs --fail-under", "for example --fail-under 90 --confidence 95")
    if options.fail_under is not None and options.only in (Part.ROLLOUT, Part.DEBUGGER):
        raise UsageError("--fail-under is about next-state accuracy", f"leave --only {options.only} out")


def compare_programs(
    paths: Sequence[str],
    call: str,
    settings: Settings,
    options: ComparisonOptions,
    recording: Path | None,
    record: Path | None,
) -> int:
    """Report on the programs of `paths`, and return the exit code."""
    from rich.console import Console

    from neuralpdb.cli.engine import named_engine
    from neuralpdb.fidelity.batch import Batch, Threshold
    from neuralpdb.fidelity.comparison import ComparisonSetup
    from neuralpdb.fidelity.report.files import Form, Writers
    from neuralpdb.fidelity.runner import Job
    from neuralpdb.fidelity.targets import find, readable
    from neuralpdb.fidelity.verdicts import Tolerance

    if options.only is Part.DEBUGGER and settings.model_only:
        raise UsageError("--only debugger and --model-only exclude each other", "the debugger computes, too")
    limits = read_limits(options.limits, settings.max_frames)
    writers = Writers.checked({Form(name): path for name, path in options.files.items()})
    targets = find(paths, call=call)
    warn_of_misplaced(targets[0].argv if len(targets) == 1 else ())
    readable(targets)
    threshold = Threshold(options.fail_under, options.confidence) if options.fail_under is not None else None
    with named_engine(settings, recording, record, options.exact) as (engine, name):
        many = f"{len(targets):,} programs run" if len(targets) > 1 else "the program runs"
        note(f"{many} for real, in a child process with limits (--limit), while the model predicts")
        model = engine.capabilities
        setting = ComparisonSetup(
            engine=name,
            model=model.name,
            revision=model.revision,
            context=model.context,
            constrained=settings.constrain,
            rules=Tolerance(options.float_tolerance or 0.0),
            limits={field.name: getattr(limits, field.name) for field in fields(limits)},
            teacher_forced=options.only in (None, Part.NEXT, Part.MODEL),
            rollout=options.only in (None, Part.ROLLOUT, Part.MODEL),
            debugger=options.only in (None, Part.DEBUGGER) and not settings.model_only,
            max_frames=settings.max_frames,
        )
        console = Console(highlight=False, markup=False, emoji=False)
        return Batch(targets, Job(engine, setting, limits, options.twice), writers, threshold, console, note).run()
