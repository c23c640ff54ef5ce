"""`neuralpdb SCRIPT`: the options of the debugger, and the session or the comparison that they ask for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb import __version__
from neuralpdb.cli.compare import ComparisonOptions, check_options, compare_programs
from neuralpdb.cli.options import (
    CONTEXT,
    BaseUrl,
    Call,
    ChosenEngine,
    Compare,
    Confidence,
    Constrain,
    Exact,
    FailUnder,
    FloatTolerance,
    Interactive,
    Limit,
    MaxFrames,
    ModelName,
    ModelOnly,
    ModuleName,
    Only,
    ReadsRc,
    Record,
    Recording,
    Report,
    SavedSession,
    Twice,
    Weights,
    debugger_app,
    limits_beside,
    read_settings,
    warn_of_misplaced,
)
from neuralpdb.errors import UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.cli.settings import Settings

EPILOG = (
    "Other commands: neuralpdb trace (a whole trace as JSON), dap (for editors), mcp (tools for agents), serve (the "
    "32B model behind vLLM), doctor, config; each has --help. A file of that name: ./trace"
)


@debugger_app.command(context_settings=CONTEXT, epilog=EPILOG)
def debug(
    script: Annotated[Path | None, typer.Argument(help="The Python file to step through.", show_default=False)] = None,
    args: Annotated[list[str] | None, typer.Argument(help="The script's own arguments.", show_default=False)] = None,
    call: Call = "",
    at: Annotated[
        int | None, typer.Option("--at", metavar="LINE", min=1, help="Start at this line, inside a function too.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=REPR", help="A local of the first frame; repeatable.")
    ] = None,
    commands: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", metavar="COMMAND", help="Run a debugger command first; repeatable."),
    ] = None,
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    record: Record = None,
    constrain: Constrain = None,
    max_frames: MaxFrames = None,
    model_only: ModelOnly = None,
    rc: ReadsRc = None,
    module: ModuleName = None,
    session: SavedSession = None,
    compare: Compare = False,
    interactive: Interactive = False,
    json: Report = None,
    jsonl: Report = None,
    html: Report = None,
    junit: Report = None,
    sarif: Report = None,
    markdown: Report = None,
    fail_under: FailUnder = None,
    confidence: Confidence = None,
    limit: Limit = None,
    only: Only = None,
    float_tolerance: FloatTolerance = None,
    twice: Twice = None,
    exact: Exact = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> int:
    """Step through a prediction of a Python script: a neural model says what each line does, nothing is executed."""
    if version:
        typer.echo(f"neuralpdb {__version__}")
        return 0
    if session is not None:
        if script or module or call or at or state or compare:
            raise UsageError("--session cannot be combined with a script or start options", "leave them out")
        settings = read_settings(engine, base_url, model, weights, constrain, max_frames, rc, model_only)
        return _resume(session, settings, recording, record, commands or [])
    script, args = _script(script, args or [], module, compare)
    files = {"json": json, "jsonl": jsonl, "html": html, "junit": junit, "sarif": sarif, "markdown": markdown}
    options = ComparisonOptions(files, fail_under, confidence, limit or [], only, float_tolerance, twice, exact)
    check_options(compare, interactive, options, at, state or [], commands or [])
    settings = read_settings(engine, base_url, model, weights, constrain, max_frames, rc, model_only)
    if compare and not interactive:
        return compare_programs([str(script), *args], call, settings, options, recording, record)
    from neuralpdb.cli.engine import engine_of
    from neuralpdb.cli.session import compared_session, plain_session
    from neuralpdb.program.entry import enter
    from neuralpdb.program.program import Program

    warn_of_misplaced(args)
    entry = enter(Program.read(script), call=call, at=at or 0, state=state or (), arguments=args)
    if entry.made:
        from neuralpdb.debugger.evaluation import settled

        entry = settled(entry)
    with engine_of(settings, recording, record) as chosen:
        if interactive:
            limits = limits_beside(options.limits, settings)
            return compared_session(entry, chosen, settings, script, commands or [], args, limits)
        return plain_session(entry, chosen, settings, commands or [], args)


def _script(script: Path | None, args: Sequence[str], module: str | None, compare: bool) -> tuple[Path, list[str]]:
    """Return the file to step through, and its own arguments. Raises UsageError."""
    if module is not None:
        if compare:
            raise UsageError("--module and --compare exclude each other", "name the file of the module")
        from neuralpdb.program.modules import file_of

        return file_of(module, [str(Path.cwd()), *sys.path]), [*([str(script)] if script is not None else []), *args]
    if script is None:
        raise UsageError("name a script to step through", "for example: neuralpdb script.py; see neuralpdb --help")
    return script, list(args)


def _resume(
    session: Path, settings: Settings, recording: Path | None, record: Path | None, commands: Sequence[str]
) -> int:
    """Continue a saved session with the source as it was saved, and return the exit code."""
    from neuralpdb.cli.engine import engine_of
    from neuralpdb.cli.session import plain_session
    from neuralpdb.debugger.saved import changed, load
    from neuralpdb.output.printable import inert

    saved = load(session)
    if changed(saved.entry.program):
        note(f"note: {inert(saved.entry.program.name)} has changed; showing the source as it was saved")
    with engine_of(settings, recording, record) as chosen:
        return plain_session(saved.entry, chosen, settings, commands, (), saved=saved)
