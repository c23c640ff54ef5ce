"""Options that commands share: names, help texts, and the values read from them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralpdb.errors import UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.cli.settings import Settings
    from neuralpdb.realrun.limits import Limits


REAL_FRAMES = 20
"""A real run that is watched may record this many times `max_frames`: a session goes on for many commands."""


class EngineName(StrEnum):
    """The engines to choose from."""

    AUTO = "auto"
    LOCAL = "local"
    VLLM = "vllm"
    REPLAY = "replay"


class Part(StrEnum):
    """The parts of a comparison: the model alone in two ways, and the debugger as it is used."""

    NEXT = "next-state"
    ROLLOUT = "rollout"
    MODEL = "model"
    DEBUGGER = "debugger"


CONTEXT: dict[str, Any] = {"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]}
debugger_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
tools_app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)

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
ModelOnly = Annotated[
    bool | None,
    typer.Option(
        "--model-only/--no-model-only",
        help="The model predicts everything; nothing is computed by Python's rules.",
        show_default=False,
    ),
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
    typer.Option(
        "--only",
        help="With --compare: only the model's next states, its rollout, both, or the debugger as it is used.",
        show_default=False,
    ),
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
        "--exact", help="With --compare and the embedded model: judge it in the arithmetic of decoding (slower)."
    ),
]


def warn_of_misplaced(args: Sequence[str]) -> None:
    """Warn when an option of the debugger stands among the script's arguments, where it has no effect."""
    if args:
        options = {name for parameter in typer.main.get_command(debugger_app).params for name in parameter.opts}
        for name in (arg.partition("=")[0] for arg in args):
            if name.startswith("-") and name in options:
                note(f"note: {name} after the script is passed to the script; put it before")
                return


# -- settings -------------------------------------------------------------------------------------------------


def read_settings(
    engine: EngineName | None,
    base_url: str | None,
    model: str | None,
    weights: Path | None,
    constrain: bool | None,
    max_frames: int | None,
    rc: bool | None = None,
    model_only: bool | None = None,
) -> Settings:
    """Return the settings: flags, then environment and files; None is a flag that was not given."""
    from neuralpdb.cli import settings_sources

    name = engine.value if engine else None
    return settings_sources.load(
        {
            "engine": name,
            "base_url": base_url,
            "model": model,
            "weights": weights,
            "constrain": constrain,
            "max_frames": max_frames,
            "rc": rc,
            "model_only": model_only,
        }
    )


def check_limits(limit: Sequence[str] | None, allow_run: bool) -> None:
    """Raise UsageError for limits when no program may run."""
    if limit and not allow_run:
        raise UsageError("--limit needs --allow-run", "without it no program is run")


def limits_beside(pairs: Sequence[str] | None, settings: Settings) -> Limits:
    """Return the limits of a real run beside a session."""
    return read_limits(pairs or [], REAL_FRAMES * settings.max_frames)


def read_limits(pairs: Sequence[str], frames: int) -> Limits:
    """Return the limits of a real run; `frames` is the most it records unless `pairs` names another."""
    from neuralpdb.realrun.limits import Limits

    return Limits.parse(pairs, Limits(frames=frames))


AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
