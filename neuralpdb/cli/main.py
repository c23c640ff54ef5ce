"""The command line: arguments in, exit code out. The module of a command is imported when the command is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

import typer

from neuralpdb.cli.options import debugger_app, tools_app
from neuralpdb.errors import INTERRUPTED, NeuralPdbError, UsageError
from neuralpdb.output.notes import note

TOOLS = ("trace", "dap", "mcp", "serve", "doctor", "config")
"""Commands beside `neuralpdb SCRIPT`: each is a module of this package that registers itself when imported."""


@tools_app.callback()
def _group() -> None:
    """A neural debugger for Python: the commands beside `neuralpdb SCRIPT`."""


def app_of(word: str) -> typer.Typer:
    """Return the application whose command line begins with `word`, with that command registered."""
    import_module(f"neuralpdb.cli.{word if word in TOOLS else 'debug'}")
    return tools_app if word in TOOLS else debugger_app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return (from the console script: exit with) its code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    app = app_of(arguments[0] if arguments else "")
    command = f"neuralpdb {arguments[0]}" if app is tools_app else "neuralpdb"
    return _exit_code(lambda: app(args=arguments, prog_name="neuralpdb", standalone_mode=False), command)


def _prepare_streams() -> None:
    """Replace closed streams by empty ones; escape characters that an encoding lacks, both ways."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115 - open until the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


# click's, or typer's own copy of it: that depends on the version of typer
_ClickException = cast(type[Exception], typer.BadParameter.__mro__[2])


def _exit_code(run: Callable[[], object], command: str) -> int:
    """Call `run` and return the exit code; every failure is one line on standard error."""
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
    except SystemExit:  # rich ends a program like this when nobody reads its output any more
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader is gone
        return 0
    except _ClickException as error:
        message = getattr(error, "format_message", error.__str__)()
        return _fail(f"{message} (see: {command} --help)", UsageError.exit_code)


def _fail(message: str, code: int) -> int:
    note(" ".join(message.split()))
    return code


def run() -> None:
    """Console script: leave with the exit code, without waiting for a model that is still loading."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
