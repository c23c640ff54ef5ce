"""The command line: options in, exit code out. Everything heavy is imported inside the functions that need it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from neuralpdb import __version__, debugging, opening, tools
from neuralpdb.errors import INTERRUPTED, NeuralPdbError, TargetError, UsageError
from neuralpdb.tools import note as _note

if TYPE_CHECKING:
    from neuralpdb.frames import Frame
    from neuralpdb.limits import Limits
    from neuralpdb.predictor import Predictor
    from neuralpdb.program import Entry
    from neuralpdb.settings import Settings

REAL_FRAMES = 20
"""So many times the frames of one command are recorded of a real run that is looked at."""


class EngineName(StrEnum):
    """Which engine predicts."""

    AUTO = "auto"
    LOCAL = "local"
    VLLM = "vllm"
    REPLAY = "replay"


class Part(StrEnum):
    """Half of a comparison."""

    NEXT = "next-state"
    ROLLOUT = "rollout"


_SETTINGS: dict[str, Any] = {"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]}
_debugger = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
_tools = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True)

Call = Annotated[str, typer.Option("--call", metavar="EXPR", help="Trace this call of a function of the script.")]
ChosenEngine = Annotated[
    EngineName | None,
    typer.Option(
        "--engine", help="What predicts: the embedded model, a vLLM server, or a recording.", show_default=False
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="The vLLM server, for example http://gpu:8000/v1.")
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Which of the server's models; default its first.")
]
Weights = Annotated[
    Path | None, typer.Option("--weights", metavar="DIR", help="Another checkpoint for the embedded engine.")
]
Recording = Annotated[
    Path | None, typer.Option("--recording", metavar="FILE", help="The file that --engine replay answers from.")
]
Record = Annotated[
    Path | None, typer.Option("--record", metavar="FILE", help="Write every reply of the model to FILE.")
]
Constrain = Annotated[
    bool | None,
    typer.Option("--constrain/--no-constrain", help="Keep to lines that control flow allows.", show_default=False),
]
MaxFrames = Annotated[
    int | None, typer.Option("--max-frames", metavar="N", min=1, help="Most frames that one command predicts.")
]

ReadsRc = Annotated[
    bool | None,
    typer.Option("--rc/--no-rc", help="Carry out the commands of .neuralpdbrc first.", show_default=False),
]
ModuleName = Annotated[
    str | None, typer.Option("--module", "-m", metavar="MODULE", help="The script is this module, as for python -m.")
]
SavedSession = Annotated[
    Path | None, typer.Option("--session", metavar="FILE", help="Go on with a session that was saved; no script.")
]

Compare = Annotated[
    bool, typer.Option("--compare", help="Run the program for real too, and say how true the prediction is.")
]
Interactive = Annotated[
    bool, typer.Option("--interactive", help="With --compare: in the debugger, the real run beside every step.")
]

Report = Annotated[str | None, typer.Option(metavar="FILE", help="With --compare: write the report there; - prints.")]
FailUnder = Annotated[
    float | None,
    typer.Option(metavar="PCT", help="With --compare: exit 1 if next-state accuracy is below."),
]
Confidence = Annotated[
    float | None,
    typer.Option(metavar="PCT", help="With --fail-under: compare its lower bound at that confidence."),
]
Limit = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NAME=VALUE", help="With --compare: a limit of the real run; repeatable."),
]
RunLimit = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="NAME=VALUE", help="With --allow-run: a limit of a real run; repeatable."),
]
Only = Annotated[
    Part | None,
    typer.Option("--only", help="With --compare: next-state accuracy only, or the rollout only.", show_default=False),
]
FloatTolerance = Annotated[
    float | None, typer.Option(metavar="REL", min=0, max=1, help="With --compare: floats so close are equal.")
]
Twice = Annotated[
    bool | None,
    typer.Option("--twice/--once", help="With --compare: run for real again to see what differs.", show_default=False),
]

Exact = Annotated[
    bool,
    typer.Option(
        "--exact", help="With --compare and the embedded model: judge in the arithmetic of decoding (slower)."
    ),
]

EPILOG = (
    "Other commands: neuralpdb trace (a whole trace as JSON), dap (for editors), mcp (tools for agents), serve (the "
    "32B model behind vLLM), doctor, config; each has --help. A file of that name: ./trace"
)


@_debugger.command(context_settings=_SETTINGS, epilog=EPILOG)
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
        _check_session(script or module or call or at or state or compare)
        settings = _settings(engine, base_url, model, weights, constrain, max_frames, rc)
        return _resume(session, settings, recording, record, commands or [])
    script, args = _script(script, args or [], module, compare)
    files = {"json": json, "jsonl": jsonl, "html": html, "junit": junit, "sarif": sarif, "markdown": markdown}
    options = _Comparing(files, fail_under, confidence, limit or [], only, float_tolerance, twice, exact)
    _check_compare(compare, interactive, options, at, state or [], commands or [])
    settings = _settings(engine, base_url, model, weights, constrain, max_frames, rc)
    if compare and not interactive:
        return _compare([str(script), *args], call, settings, options, recording, record)
    from neuralpdb.program import Program, enter

    _warn_of_misplaced(args)
    entry = enter(Program.read(script), call=call, at=at or 0, state=state or ())
    with opening.engine_of(settings, recording, record) as chosen:
        if interactive:
            limits = _allowed(options.limits, settings)
            return debugging.interactive(entry, chosen, settings, script, commands or [], args, limits)
        return debugging.debug(entry, chosen, settings, commands or [], args)


def _script(script: Path | None, args: Sequence[str], module: str | None, compare: bool) -> tuple[Path, list[str]]:
    """The file to step through, and its own arguments. Raises UsageError."""
    if module is not None:
        if compare:
            raise UsageError("--module and --compare exclude each other", "name the file of the module")
        from neuralpdb.modules import file_of

        return file_of(module, [str(Path.cwd()), *sys.path]), [*([str(script)] if script is not None else []), *args]
    if script is None:
        raise UsageError("name a script to step through", "for example: neuralpdb script.py; see neuralpdb --help")
    return script, list(args)


def _check_session(more: object) -> None:
    if more:
        raise UsageError("--session goes on as the session was started", "leave the script and its options out")


def _resume(
    session: Path, settings: Settings, recording: Path | None, record: Path | None, commands: Sequence[str]
) -> int:
    """Go on with a saved session: with the text that was saved, whatever became of the file."""
    from neuralpdb.render import inert
    from neuralpdb.saved import changed, load

    saved = load(session)
    if changed(saved.entry.program):
        _note(f"note: {inert(saved.entry.program.name)} has changed since; what is shown is the text of then")
    with opening.engine_of(settings, recording, record) as chosen:
        return debugging.debug(saved.entry, chosen, settings, commands, (), saved=saved)


def _warn_of_misplaced(args: Sequence[str]) -> None:
    """Say it when an option of ours stands among the script's arguments, where it has no effect."""
    if args:
        ours = {name for parameter in typer.main.get_command(_debugger).params for name in parameter.opts}
        for name in (arg.partition("=")[0] for arg in args):
            if name.startswith("-") and name in ours:
                print(f"neuralpdb: note: {name} after the script is the script's; write it before", file=sys.stderr)
                return


@_tools.callback()
def _group() -> None:
    """A neural debugger for Python: the commands beside `neuralpdb SCRIPT`."""


@_tools.command()
def trace(
    script: Annotated[Path, typer.Argument(metavar="FILE", help="The Python file.", show_default=False)],
    args: Annotated[list[str] | None, typer.Argument(help="The script's own arguments.", show_default=False)] = None,
    real: Annotated[bool, typer.Option("--real", help="Run the program and show what really happens.")] = False,
    call: Call = "",
    max_frames: MaxFrames = None,
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    record: Record = None,
    constrain: Constrain = None,
) -> None:
    """Print the predicted (or, with --real, the actual) trace: one JSON object a frame."""
    from neuralpdb.program import Program, enter

    settings = _settings(engine, base_url, model, weights, constrain, max_frames)
    entry = enter(Program.read(script), call=call)
    getattr(sys.stdout, "reconfigure", lambda **_: None)(encoding="utf-8")  # JSON is, whatever the locale
    if real:
        _print_real(entry, script, args or [], settings.max_frames)
        return
    with opening.engine_of(settings, recording, record) as chosen:
        from neuralpdb.predictor import Predictor

        _print_predicted(Predictor(entry, chosen, constrain=settings.constrain), settings.max_frames)


@_tools.command()
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
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    record: Record = None,
    constrain: Constrain = None,
) -> int:
    """Serve the debugger as tools for agents, by the Model Context Protocol on standard input and output."""
    from neuralpdb.mcp import command

    _check_allowed(limit, allow_run)
    folders = command.check(roots or [])
    settings = _settings(engine, base_url, model, weights, constrain, max_frames)
    limits = _allowed(limit, settings) if allow_run else None
    if sys.stdin.isatty():
        _note("an agent is waited for on standard input, see docs/mcp.md; Ctrl-C ends it")
    with opening.engine_of(settings, recording, record) as chosen:
        return command.serve(chosen, settings, folders, limits)


@_tools.command()
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
) -> int:
    """Serve the debugger to an editor, by the Debug Adapter Protocol."""
    from neuralpdb.dap import server
    from neuralpdb.dap.launch import Launcher

    _check_allowed(limit, allow_run)
    settings = _settings(engine, base_url, model, weights, constrain, max_frames)
    limits = _allowed(limit, settings) if allow_run else None
    launcher = Launcher(settings.flags, recording, limits)
    if port:
        return server.listen(port, launcher, _note)
    if sys.stdin.isatty():
        _note("an editor is waited for on standard input, see docs/dap.md; Ctrl-C ends it")
    return server.stdio(launcher)


_tools.command()(tools.serve)
_tools.command()(tools.doctor)
_tools.add_typer(tools.config, name="config")
_TOOLS = frozenset({"trace", "dap", "mcp", "serve", "doctor", "config"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return (from the console script: exit with) its code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    app = _tools if arguments and arguments[0] in _TOOLS else _debugger
    command = f"neuralpdb {arguments[0]}" if app is _tools else "neuralpdb"
    return _exit_code(lambda: app(args=arguments, prog_name="neuralpdb", standalone_mode=False), command)


def _prepare_streams() -> None:
    """Streams that were closed are empty ones; a character that an encoding lacks is escaped, both ways."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115 - open until the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


# click's, or typer's own copy of it: that depends on the version of typer
_ClickException = cast(type[Exception], typer.BadParameter.__mro__[2])


def _exit_code(run: Callable[[], object], command: str) -> int:
    """Carry out `run`; every failure is one line on standard error and an exit code."""
    try:
        result = run()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except NeuralPdbError as error:
        return _fail(str(error), error.exit_code)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", INTERRUPTED)
    except SystemExit:  # by this rich ends a program whose output nobody reads any more
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader is gone: nothing more to say to it
        return 0
    except _ClickException as error:
        message = getattr(error, "format_message", error.__str__)()
        return _fail(f"{message} (see: {command} --help)", UsageError.exit_code)


def _fail(message: str, code: int) -> int:
    _note(" ".join(message.split()))
    return code


# -- settings -------------------------------------------------------------------------------------------------


def _settings(
    engine: EngineName | None,
    base_url: str | None,
    model: str | None,
    weights: Path | None,
    constrain: bool | None,
    max_frames: int | None,
    rc: bool | None = None,
) -> Settings:
    """Flags over environment and files; None stands for a flag that was not given."""
    from neuralpdb import config

    name = engine.value if engine else None
    return config.load(
        {
            "engine": name,
            "base_url": base_url,
            "model": model,
            "weights": weights,
            "constrain": constrain,
            "max_frames": max_frames,
            "rc": rc,
        }
    )


# -- comparisons ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Comparing:
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
        """The options that were given, as they are spelled."""
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


def _check_compare(
    compare: bool, interactive: bool, options: _Comparing, at: int | None, state: Sequence[str], commands: Sequence[str]
) -> None:
    """Raises UsageError for options that do not go together."""
    alone = next(iter(options.given), "")
    report = next((name for name in options.given if name != "--limit"), "")
    if interactive and not compare:
        raise UsageError("--interactive needs --compare", "neuralpdb --compare --interactive script.py")
    if alone and not compare:
        raise UsageError(f"{alone} needs --compare", f"neuralpdb --compare {alone} ... script.py")
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
    if options.fail_under is not None and options.only is Part.ROLLOUT:
        raise UsageError("--fail-under is about next-state accuracy", "leave --only rollout out")


def _compare(
    paths: Sequence[str],
    call: str,
    settings: Settings,
    options: _Comparing,
    recording: Path | None,
    record: Path | None,
) -> int:
    """A report on the programs of `paths`; its exit code."""
    from rich.console import Console

    from neuralpdb.batch import Batch, Threshold
    from neuralpdb.compare import Job
    from neuralpdb.fidelity import Rules, Setting
    from neuralpdb.report.files import Form, Writers
    from neuralpdb.targets import find, readable

    limits = _limits(options.limits, settings.max_frames)
    writers = Writers.checked({Form(name): path for name, path in options.files.items()})
    targets = find(paths, call=call)
    _warn_of_misplaced(targets[0].argv if len(targets) == 1 else ())
    readable(targets)
    threshold = Threshold(options.fail_under, options.confidence) if options.fail_under is not None else None
    with opening.named_engine(settings, recording, record, options.exact) as (engine, name):
        many = f"{len(targets):,} programs run" if len(targets) > 1 else "the program runs"
        _note(f"{many} for real, in a child process with limits (--limit), while the model predicts")
        model = engine.capabilities
        setting = Setting(
            engine=name,
            model=model.name,
            revision=model.revision,
            context=model.context,
            constrained=settings.constrain,
            rules=Rules(options.float_tolerance or 0.0),
            limits={field.name: getattr(limits, field.name) for field in fields(limits)},
            teacher_forced=options.only is not Part.ROLLOUT,
            rollout=options.only is not Part.NEXT,
            max_frames=settings.max_frames,
        )
        console = Console(highlight=False, markup=False, emoji=False)
        return Batch(targets, Job(engine, setting, limits, options.twice), writers, threshold, console, _note).run()


def _check_allowed(limit: Sequence[str] | None, allow_run: bool) -> None:
    """Raises UsageError for limits of runs that there will not be."""
    if limit and not allow_run:
        raise UsageError("--limit needs --allow-run", "without it no program is run")


def _allowed(pairs: Sequence[str] | None, settings: Settings) -> Limits:
    """The limits of a real run that is looked at while the prediction is."""
    return _limits(pairs or [], REAL_FRAMES * settings.max_frames)


def _limits(pairs: Sequence[str], frames: int) -> Limits:
    """The limits of a real run. frames: how many of them it may make unless `pairs` says so."""
    from neuralpdb.limits import Limits

    return Limits.parse(pairs, Limits(frames=frames))


# -- traces ---------------------------------------------------------------------------------------------------


def _print_predicted(predictor: Predictor, most: int) -> None:
    from neuralpdb.frames import to_jsonl

    for line in to_jsonl(_predicted(predictor, most)):
        print(line, flush=True)


def _predicted(predictor: Predictor, most: int) -> Iterator[Frame]:
    """Frames as they are predicted, at most `most`. Raises ModelError where the model cannot go on."""
    from neuralpdb.errors import ModelError
    from neuralpdb.frames import Ended, Frame, Trouble

    history: list[Frame] = []
    first = predictor.entry.first
    outcome: Frame | Ended | Trouble = first if first is not None else predictor.next(history)
    while isinstance(outcome, Frame):
        yield outcome
        history.append(outcome)
        if len(history) >= most:
            _note(f"stopped after {most:,} frames")
            return
        outcome = predictor.next(history)
    if isinstance(outcome, Trouble):
        raise ModelError(f"no frame after {len(history)}: {outcome.message}")


def _print_real(entry: Entry, script: Path, args: Sequence[str], most: int) -> None:
    from neuralpdb import tracer
    from neuralpdb.frames import Trouble, to_jsonl

    if entry.first is None:
        raise UsageError(f"{script}: a marked function has no arguments to run with", "name a call: --call EXPR")
    found = tracer.trace(
        entry.program.text,
        filename=str(script),
        argv=args,
        entry_function=entry.function,
        entry_line=entry.marked,
        limits=tracer.Limits(frames=most),
    )
    for line in to_jsonl(found.frames):
        print(line)
    if isinstance(found.end, Trouble):
        _note(found.end.message)
    if not found.frames:
        raise TargetError(f"{script}: nothing was traced", "does it reach the entry?")


def run() -> None:
    """Console script: leave with the exit code, without waiting for a model that is still loading."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
