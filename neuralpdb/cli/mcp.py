"""`neuralpdb mcp`: the tools for agents, served on standard input and output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb.cli.engine import engine_of
from neuralpdb.cli.options import (
    BaseUrl,
    ChosenEngine,
    Constrain,
    MaxFrames,
    ModelName,
    ModelOnly,
    Record,
    Recording,
    RunLimit,
    Weights,
    check_limits,
    limits_beside,
    read_settings,
    tools_app,
)
from neuralpdb.cli.session import model_source
from neuralpdb.errors import UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.cli.settings import Settings
    from neuralpdb.engines.base import Engine
    from neuralpdb.predict.model_source import ModelSource
    from neuralpdb.program.entry import Entry
    from neuralpdb.realrun.limits import Limits


@tools_app.command()
def mcp(
    roots: Annotated[
        list[Path] | None,
        typer.Option("--root", metavar="DIR", help="Programs are opened from below DIR; repeatable; default here."),
    ] = None,
    allow_run: Annotated[
        bool, typer.Option("--allow-run", help="Let agents run the programs for real, to compare.")
    ] = False,
    limit: RunLimit = None,
    max_frames: MaxFrames = None,
    model_only: ModelOnly = None,
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    record: Record = None,
    constrain: Constrain = None,
) -> int:
    """Serve the debugger as tools for agents, by the Model Context Protocol on standard input and output."""
    check_limits(limit, allow_run)
    folders = check(roots or [])
    settings = read_settings(engine, base_url, model, weights, constrain, max_frames, model_only=model_only)
    limits = limits_beside(limit, settings) if allow_run else None
    if sys.stdin.isatty():
        note("waiting for an MCP client on standard input (docs/mcp.md); Ctrl-C to stop")
    with engine_of(settings, recording, record) as chosen:
        return serve(chosen, settings, folders, limits)


def check(roots: Sequence[Path]) -> list[Path]:
    """Return the folders that programs may be opened from: `roots`, or the working directory.

    Raises UsageError when a folder is missing, and when the SDK is not installed.
    """
    if find_spec("mcp") is None:
        raise UsageError("the MCP SDK is not installed", "pip install 'neuralpdb[mcp]'")
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--root {root}: not a directory")
    return [root.absolute() for root in roots] or [Path.cwd()]


def serve(engine: Engine, settings: Settings, roots: Sequence[Path], limits: Limits | None) -> int:
    """Serve one client until it leaves. limits: of real runs; None: no program is ever run."""
    from neuralpdb.frontends.mcp.server import serve
    from neuralpdb.frontends.mcp.sessions import OpenPrograms

    def source_of(entry: Entry) -> ModelSource:
        engine.begin()  # loads while the client looks at the first frame
        return model_source(entry, engine, settings)

    serve(OpenPrograms(source_of, roots, settings.max_frames, limits))
    return 0
