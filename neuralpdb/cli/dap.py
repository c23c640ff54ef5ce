"""`neuralpdb dap`: the adapter for editors, and what a launch request opens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb.cli.engine import named_engine
from neuralpdb.cli.options import (
    BaseUrl,
    ChosenEngine,
    Constrain,
    MaxFrames,
    ModelName,
    ModelOnly,
    Recording,
    RunLimit,
    Weights,
    check_limits,
    limits_beside,
    read_settings,
    tools_app,
)
from neuralpdb.cli.session import open_session
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.debuggee import Debuggee
from neuralpdb.frontends.dap.protocol import Arguments, shown
from neuralpdb.frontends.dap.sources import path_of
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.cli.settings import Settings
    from neuralpdb.engines.base import Engine
    from neuralpdb.program.entry import Entry
    from neuralpdb.realrun.limits import Limits


@tools_app.command()
def dap(
    port: Annotated[
        str, typer.Option("--port", metavar="[HOST:]PORT", help="Listen there; else standard input and output.")
    ] = "",
    allow_run: Annotated[
        bool, typer.Option("--allow-run", help="Let launches run the program for real, to compare.")
    ] = False,
    limit: RunLimit = None,
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    constrain: Constrain = None,
    max_frames: MaxFrames = None,
    model_only: ModelOnly = None,
) -> int:
    """Serve the debugger to an editor, by the Debug Adapter Protocol."""
    from neuralpdb.frontends.dap import server

    check_limits(limit, allow_run)
    settings = read_settings(engine, base_url, model, weights, constrain, max_frames, model_only=model_only)
    limits = limits_beside(limit, settings) if allow_run else None
    launcher = Launcher(settings.flags, recording, limits)
    if port:
        return server.listen(port, launcher, launcher.forget, note)
    if sys.stdin.isatty():
        note("waiting for an editor on standard input (docs/dap.md); Ctrl-C to stop")
    return server.stdio(launcher)


SETTINGS = {
    "engine": "engine",
    "baseUrl": "base_url",
    "model": "model",
    "weights": "weights",
    "constrain": "constrain",
    "maxFrames": "max_frames",
    "lookAhead": "look_ahead",
    "modelOnly": "model_only",
    "secondOpinion": "second_opinion",
}
"""Launch arguments that are settings -> name of the setting."""

OTHERS = ("program", "module", "args", "cwd", "call", "at", "state", "stopOnEntry", "compare", "noDebug", "recording")
"""Other launch arguments; an editor adds its own, which are ignored."""

_ENGINE = frozenset({"engine", "base_url", "model", "weights"})
_LAUNCH = "the launch configuration"
_ALIKE = 0.8
"""Similarity from which on a name is taken for a slip: editors add arguments of their own, which are less alike."""


@dataclass
class Launcher:
    """The opener of launches.

    flags:     settings of the command line, by name.
    recording: the file that --engine replay answers from.
    limits:    of real runs; None: no program is ever run.
    """

    flags: Mapping[str, object] = field(default_factory=dict)
    recording: Path | None = None
    limits: Limits | None = None
    _open: ExitStack = field(default_factory=ExitStack)
    _kept: tuple[object, Engine] | None = None
    _left: list[ExitStack] = field(default_factory=list)

    def __call__(self, arguments: Arguments, say: Callable[[str], None]) -> Debuggee:
        """Return the session that the arguments ask for, not started. Raises NeuralPdbError."""
        for line in _misspelled(arguments):
            say(line)
        folder = path_of(arguments.text("cwd")) if arguments.text("cwd", "") else None
        path = _program(arguments, folder)
        settings = settings_of(arguments, self.flags, folder)
        entry = entry_of(arguments, path)
        recording = _under(folder, arguments.text("recording")) if arguments.text("recording", "") else self.recording
        engine = self._engine(settings, recording if settings.engine == "replay" else None, say)
        args = arguments.texts("args")
        if args and settings.model_only:
            say(f"note: the model does not see the script's arguments ({len(args)} given)")
        debuggee = _debuggee(entry, path, engine, settings, arguments.flag("stopOnEntry", True))
        return self._compared(debuggee, args, say) if arguments.flag("compare") else debuggee

    def _compared(self, debuggee: Debuggee, args: Sequence[str], say: Callable[[str], None]) -> Debuggee:
        """Return `debuggee` with the real run beside it."""
        from neuralpdb.frontends.dap import real_run

        prompt, notices = debuggee.prompt, debuggee.notices
        assert prompt is not None
        close = real_run.begin(prompt, debuggee.path, args, self.limits, say)
        verdict = partial(real_run.verdict, prompt)
        return replace(debuggee, notices=lambda: [*notices(), *real_run.news(prompt)], verdict=verdict, close=close)

    def _engine(self, settings: Settings, recording: Path | None, say: Callable[[str], None]) -> Engine:
        """Return the engine; that of the previous launch when nothing about it has changed."""
        same = replace(settings, constrain=True, max_frames=1, model_only=False, second_opinion=True, origins={})
        key = same, recording
        if self._kept is None or self._kept[0] != key:
            self.close()
            opened = named_engine(settings, recording, None, say=say)
            self._kept = key, self._open.enter_context(opened)[0]
        engine = self._kept[1]
        engine.begin()
        return engine

    def forget(self) -> None:
        """Abandon the engine, which still works for a client that has left."""
        self._left.append(self._open.pop_all())
        self._kept = None

    def close(self) -> None:
        """Close the engine."""
        self._open.close()
        self._kept = None


def _misspelled(arguments: Arguments) -> Iterator[str]:
    """Yield a note for every argument whose name is close to a known one."""
    names = (*SETTINGS, *OTHERS)
    for name in arguments.values:
        near = get_close_matches(name, names, 1, _ALIKE) if name not in names else []
        if near:
            yield f"note: launch: unknown argument {shown(name)}; did you mean {near[0]}?"


def _program(arguments: Arguments, folder: Path | None) -> Path:
    """Return the file that `program` names, or that `python -m` would run. Raises UsageError."""
    if not arguments.text("module", ""):
        return _under(folder, arguments.text("program"))
    if arguments.text("program", ""):
        raise UsageError("launch: program and module exclude each other", "leave one of them out")
    from neuralpdb.program.modules import file_of

    return file_of(arguments.text("module"), [str(folder or Path.cwd()), *sys.path]).absolute()


def _under(folder: Path | None, text: str) -> Path:
    path = path_of(text).expanduser()
    return ((folder or Path()) / path).absolute()


def settings_of(arguments: Arguments, flags: Mapping[str, object], folder: Path | None) -> Settings:
    """Return the settings of a launch: its arguments, then the flags of the command line, then all else.

    A launch configuration may come with a project: it can name a server, but not have a key sent there, nor hold one.
    Raises UsageError.
    """
    from neuralpdb.cli import settings_sources
    from neuralpdb.cli.settings import Precedence, SettingOrigin, masked

    own = {SETTINGS[name]: value for name, value in arguments.values.items() if name in SETTINGS and value is not None}
    for name, value in own.items():
        if not isinstance(value, str | int):
            raise UsageError(f"launch: {name} is {shown(value)}", "write text, a number, true or false")
    url = own.get("base_url")
    if isinstance(url, str) and masked(url) != url:
        raise UsageError("launch: baseUrl must not hold credentials", "set NEURALPDB_API_KEY")
    others = {name: value for name, value in flags.items() if not (own.keys() & _ENGINE and name in _ENGINE)}
    if own.get("weights"):
        own["weights"] = str(_under(folder, str(own["weights"])))
    if url and "engine" not in own:
        own["engine"] = "vllm"
    settings = settings_sources.load({**others, **own}, folder=folder)
    if not url:
        return settings
    return replace(settings, origins={**settings.origins, "base_url": SettingOrigin(Precedence.PROJECT, _LAUNCH)})


def entry_of(arguments: Arguments, path: Path) -> Entry:
    """Return the program, and where the trace starts. Raises UsageError or TargetError."""
    from neuralpdb.program.entry import enter
    from neuralpdb.program.program import Program
    from neuralpdb.program.source import read_source

    program = Program.parse(read_source(path), path.name)
    call, at = arguments.text("call", ""), arguments.number("at", 0)
    entry = enter(program, call=call, at=at, state=list(_state(arguments)), arguments=arguments.texts("args"))
    if entry.made:
        from neuralpdb.debugger.evaluation import settled

        entry = settled(entry)
    return entry


def _state(arguments: Arguments) -> Iterator[str]:
    """Yield `NAME=REPR` of the locals at the start: texts are reprs, numbers and booleans stand for themselves."""
    for name, value in arguments.table("state").values.items():
        if not isinstance(value, str | int | float):
            raise UsageError(f"launch: state: {name[:60]} is {shown(value)}", "write its repr as text")
        yield f"{name}={value if isinstance(value, str) else repr(value)}"


def _debuggee(entry: Entry, path: Path, engine: Engine, settings: Settings, stop: bool) -> Debuggee:
    from neuralpdb.frontends.dap.prompt import prompt
    from neuralpdb.frontends.text import marks

    session, source = open_session(entry, engine, settings)
    return Debuggee(
        session,
        path,
        stop,
        notices=source.notices,
        ready=lambda: engine.ready,
        confidence=source.whole,
        doubts=source.doubts,
        remarks=partial(marks.at, source),
        looked=source.looked,
        rest=source.close,
        prompt=prompt(session, source),
    )
