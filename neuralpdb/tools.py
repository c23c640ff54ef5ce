"""The command line beside the debugger: `serve`, `doctor`, `config`. Options in, text out, exit code.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb.errors import ModelError, UsageError

if TYPE_CHECKING:
    from neuralpdb.models import Model
    from neuralpdb.server import Served

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Parallel = Annotated[int | None, typer.Option(metavar="N", min=1, help="Passed on to vLLM.")]

config = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def note(message: str) -> None:
    """One line on standard error, in our name."""
    from neuralpdb.render import inert

    print(f"neuralpdb: {inert(message)}", file=sys.stderr, flush=True)


# -- serve ------------------------------------------------------------------------------------------------------------


def serve(
    model: Annotated[
        str, typer.Argument(help="cwm, cwm-sft, cwm-pretrain, mini, a folder, or ORG/NAME.", show_default=False)
    ] = "",
    flags: Annotated[list[str] | None, typer.Argument(help="After --: more flags of vLLM.", show_default=False)] = None,
    tensor_parallel_size: Parallel = None,
    pipeline_parallel_size: Parallel = None,
    data_parallel_size: Parallel = None,
    quantization: Annotated[
        str, typer.Option(metavar="KIND", help="For example fp8: half the memory.", show_default=False)
    ] = "",
    max_model_len: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens of context; default what the cards hold.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen at this address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Listen at this port.")] = 8000,
    speculate: Annotated[
        bool, typer.Option("--speculate/--no-speculate", help="Let vLLM guess tokens ahead from the trace so far.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command of vLLM and leave.")] = False,
) -> int:
    """Run a vLLM server for the debugger; without a MODEL, cwm where there is a GPU, else mini."""
    from neuralpdb import launch, models
    from neuralpdb.serve import EXPANDED, INSTALL, Options, has_gpu, launcher, plan

    extra = [*([model] if model.startswith("-") else []), *(flags or [])]
    if extra and not extra[0].startswith("-"):
        raise UsageError(f"{extra[0]!r} is no flag of vLLM", "one model, then -- and flags")
    gpu = has_gpu()
    chosen = models.find(model if model and not model.startswith("-") else "cwm" if gpu else "mini")
    sizes = tensor_parallel_size, pipeline_parallel_size, data_parallel_size
    options = Options(*sizes, quantization, max_model_len, host, port, speculate, extra)
    how = launcher()
    if not how and not dry_run:
        raise ModelError("vLLM is not installed", INSTALL)
    folder = EXPANDED if dry_run and not chosen.repository else _folder(chosen)
    planned = plan(chosen, folder, options, how or ("vllm", "serve"), gpu=gpu)
    for each in planned.notes:
        note(each)
    if dry_run:
        print(planned.shell())
        return 0
    return launch.run(planned, log=_passed_on, say=note, ready=lambda served: _ready(served, planned.key))


def _folder(model: Model) -> str:
    """The folder of the model's files; empty when vLLM has to find them."""
    from pathlib import Path

    from neuralpdb import checkpoint

    if not model.repository:
        return str(checkpoint.expand())
    return model.repository if Path(model.repository).is_dir() else ""


def _passed_on(line: str) -> None:
    from neuralpdb.render import inert

    print(inert(line), file=sys.stderr, flush=True)


def _ready(served: Served, key: str) -> None:
    """The server answers: make it do its slow first work, then say how to use it."""
    from neuralpdb.server import HERE

    _warm_up(served, key)
    with_key = "NEURALPDB_API_KEY=... " if key else ""
    address = "" if served.url == HERE and not key else f"--base-url {served.url} "
    said = [f"{served.model} is ready at {served.url} ({served.context:,} tokens of context)"]
    said += [f"in another terminal: {with_key}neuralpdb {address}script.py"]
    said += [f"to check it:         {with_key}neuralpdb doctor {address}".rstrip()]
    print("\n".join(said), flush=True)


def _warm_up(served: Served, key: str) -> None:
    """The first score of a server takes seconds: ask for one before the user waits for it."""
    from neuralpdb.engines.vllm import VllmEngine
    from neuralpdb.tokens import Token

    try:
        engine = VllmEngine.connect(served.url, served.model, key)
        try:
            engine.score((Token.BEGIN, Token.CONTEXT, "\nx = 1\n", Token.FRAME), [(Token.LINE,)])
        finally:
            engine.close()
    except ModelError as error:
        note(f"warning: {error}")


# -- doctor -----------------------------------------------------------------------------------------------------------


def doctor(
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="The server.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Which of the server's models.")] = None,
    engine: Annotated[str | None, typer.Option("--engine", metavar="NAME", help="local or vllm.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a server that is still loading.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check the engine that would predict: the server and its model, or the embedded one."""
    import json

    from neuralpdb import choice, config
    from neuralpdb import doctor as examination
    from neuralpdb.render import inert
    from neuralpdb.settings import masked

    settings = config.load({"base_url": base_url, "model": model, "engine": engine})
    chosen = choice.choose(settings)
    if chosen.engine == "replay":
        raise UsageError("a recording needs no examination", "--engine local or --engine vllm")
    for each in chosen.notes:
        note(each)
    if not as_json:
        what = f"the server {masked(chosen.base_url)}" if chosen.engine == "vllm" else "the embedded engine"
        print(inert(f"{what} ({chosen.why})"), flush=True)
    checks = []
    for check in examination.examine(chosen, settings, wait=examination.WAIT if wait else 0.0, say=note):
        checks.append(check)
        if not as_json:
            for line in examination.lines(check):
                print(inert(line), flush=True)
    found = examination.as_dict(chosen, checks)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    return ModelError.exit_code if found["status"] == examination.Status.FAILURE else 0


# -- config -----------------------------------------------------------------------------------------------------------


@config.callback(invoke_without_command=True)
def _config(context: typer.Context) -> None:
    """Settings: what they are, where each comes from, and your own."""
    if context.invoked_subcommand is None:
        show()


@config.command()
def show(as_json: AsJson = False) -> None:
    """Every setting, its value and where it comes from."""
    import json

    from neuralpdb import config
    from neuralpdb.render import inert

    settings = config.load()
    if as_json:
        print(json.dumps(config.as_dict(settings), indent=2, ensure_ascii=False))
        return
    for row in config.rows(settings):
        print(inert(row))


@config.command()
def path() -> None:
    """The file of your own settings; it need not exist."""
    from neuralpdb import config

    print(config.user_file())


@config.command("set")
def set_(
    key: Annotated[str, typer.Argument(metavar="KEY", help="See: neuralpdb config show.", show_default=False)],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="-: read it from standard input.", show_default=False)],
) -> None:
    """Write one setting into your own file; it holds in every project that does not say otherwise."""
    from neuralpdb import config

    note(f"{key} is set in {config.write(key, sys.stdin.readline().strip() if value == '-' else value)}")


@config.command()
def unset(
    key: Annotated[str, typer.Argument(metavar="KEY", help="See: neuralpdb config show.", show_default=False)],
) -> None:
    """Take one setting out of your own file."""
    from neuralpdb import config

    note(f"{key} is not set in {config.write(key, None)}")
