"""The engine that a command line asks for, opened: announced, then loading or connecting while the user reads.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.errors import UsageError
from neuralpdb.tools import note

if TYPE_CHECKING:
    from neuralpdb.choice import Choice
    from neuralpdb.engines.base import Engine
    from neuralpdb.settings import Settings


@contextmanager
def engine_of(settings: Settings, recording: Path | None, record: Path | None) -> Iterator[Engine]:
    """The engine that the settings ask for (see `choice`); it loads, or connects, on another thread meanwhile."""
    with named_engine(settings, recording, record) as (engine, _):
        yield engine


@contextmanager
def named_engine(
    settings: Settings,
    recording: Path | None,
    record: Path | None,
    exact: bool = False,
    say: Callable[[str], None] = note,
) -> Iterator[tuple[Engine, str]]:
    """The same, with its name. exact: see `LocalEngine`; it is for no other engine. say: takes lines for the user."""
    if (settings.engine == "replay") != (recording is not None):
        raise UsageError("--engine replay and --recording FILE go together")
    engine, name = _opened(settings, recording, exact, say)
    if record is not None:
        from neuralpdb.engines.replay import RecordingEngine

        engine = RecordingEngine(engine, record)
    try:
        yield engine, name
    finally:
        engine.close()


def _opened(settings: Settings, recording: Path | None, exact: bool, say: Callable[[str], None]) -> tuple[Engine, str]:
    from neuralpdb import choice

    chosen = choice.choose(settings)
    if exact and chosen.engine != "local":
        raise UsageError(f"--exact is for the embedded model, not for {chosen.engine}", "add --engine local")
    for line in (*chosen.notes, choice.announcement(chosen)):
        if line:
            say(line)
    if recording is not None:
        return _recorded(recording), chosen.engine
    remote = chosen.engine == "vllm"
    loading = partial(loading_engine, exact=True) if exact else loading_engine
    return _connecting(chosen, settings) if remote else loading(settings.weights), chosen.engine


def _connecting(chosen: Choice, settings: Settings) -> Engine:
    from neuralpdb import choice
    from neuralpdb.engines.base import DeferredEngine

    return DeferredEngine(lambda: choice.connect(chosen, settings))


def _recorded(file: Path) -> Engine:
    from neuralpdb import generations
    from neuralpdb.engines.replay import ReplayEngine

    return generations.load(file) if generations.holds_generations(file) else ReplayEngine(file)


def loading_engine(weights: Path | None, exact: bool = False) -> Engine:
    """The embedded engine with the checkpoint `weights`; it loads on another thread, from its first use on."""
    from neuralpdb.engines.base import DeferredEngine

    def load() -> Engine:
        from neuralpdb.engines.local import LocalEngine

        return LocalEngine.load(weights, exact=exact)

    return DeferredEngine(load)
