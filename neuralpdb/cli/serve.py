"""`neuralpdb serve`: a vLLM server for the debugger."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb.cli.options import tools_app
from neuralpdb.errors import ModelError, UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.engines.vllm.models import Model
    from neuralpdb.engines.vllm.probe import Served

Parallel = Annotated[int | None, typer.Option(metavar="N", min=1, help="Passed on to vLLM.")]


@tools_app.command()
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
    from neuralpdb.engines.vllm import models, process
    from neuralpdb.engines.vllm.command import EXPANDED, INSTALL, Options, has_gpu, launcher, plan

    extra = [*([model] if model.startswith("-") else []), *(flags or [])]
    if extra and not extra[0].startswith("-"):
        raise UsageError(f"{extra[0]!r} is not a vLLM option", "one model, then -- and flags")
    gpu = has_gpu()
    chosen = models.find(model if model and not model.startswith("-") else "cwm" if gpu else "mini")
    sizes = tensor_parallel_size, pipeline_parallel_size, data_parallel_size
    options = Options(*sizes, quantization, max_model_len, host, port, speculate, extra)
    command = launcher()
    if not command and not dry_run:
        raise ModelError("vLLM is not installed", INSTALL)
    folder = EXPANDED if dry_run and not chosen.repository else _folder(chosen)
    planned = plan(chosen, folder, options, command or ("vllm", "serve"), gpu=gpu)
    for line in planned.notes:
        note(line)
    if dry_run:
        print(planned.shell())
        return 0
    return process.run(planned, log=_pass_on, say=note, ready=lambda served: _ready(served, planned.key))


def _folder(model: Model) -> str:
    """Return the folder of the model's files; empty when vLLM has to find them."""
    from pathlib import Path

    from neuralpdb.engines.local import checkpoint

    if not model.repository:
        return str(checkpoint.expand())
    return model.repository if Path(model.repository).is_dir() else ""


def _pass_on(line: str) -> None:
    """Print a line of vLLM."""
    from neuralpdb.output.printable import inert

    print(inert(line), file=sys.stderr, flush=True)


def _ready(served: Served, key: str) -> None:
    """Let a server that answers do its slow first work, then print how to use it."""
    from neuralpdb.engines.vllm.probe import HERE

    _warm_up(served, key)
    with_key = "NEURALPDB_API_KEY=... " if key else ""
    address = "" if served.url == HERE and not key else f"--base-url {served.url} "
    print(f"{served.model} is ready at {served.url} ({served.context:,} tokens of context)")
    print(f"in another terminal: {with_key}neuralpdb {address}script.py")
    print(f"to check it:         {with_key}neuralpdb doctor {address}".rstrip(), flush=True)


def _warm_up(served: Served, key: str) -> None:
    """Ask for a score: the first takes seconds, before the user waits for it."""
    from neuralpdb.engines.tokens import Token
    from neuralpdb.engines.vllm.engine import VllmEngine

    try:
        engine = VllmEngine.connect(served.url, served.model, key)
        try:
            engine.score((Token.BEGIN, Token.CONTEXT, "\nx = 1\n", Token.FRAME), [(Token.LINE,)])
        finally:
            engine.close()
    except ModelError as error:
        note(f"warning: {error}")
