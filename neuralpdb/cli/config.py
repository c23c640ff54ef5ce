"""`neuralpdb config`: shows settings, and writes the user's own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from neuralpdb.cli.options import AsJson, tools_app
from neuralpdb.output.notes import note

config = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
tools_app.add_typer(config, name="config")


@config.callback(invoke_without_command=True)
def _config(context: typer.Context) -> None:
    """Show settings and where each comes from, or change your own."""
    if context.invoked_subcommand is None:
        show()


@config.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting, its value and where it comes from."""
    import json

    from neuralpdb.cli import settings_sources
    from neuralpdb.output.printable import inert

    settings = settings_sources.load()
    if as_json:
        print(json.dumps(settings_sources.as_dict(settings), indent=2, ensure_ascii=False))
        return
    for row in settings_sources.rows(settings):
        print(inert(row))


@config.command()
def path() -> None:
    """Print the file of your own settings; it need not exist."""
    from neuralpdb.cli import settings_sources

    print(settings_sources.user_file())


@config.command("set")
def set_(
    key: Annotated[str, typer.Argument(metavar="KEY", help="See: neuralpdb config show.", show_default=False)],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="-: read it from standard input.", show_default=False)],
) -> None:
    """Write one setting into your own file; it holds in every project that does not set it otherwise."""
    from neuralpdb.cli import settings_sources

    note(f"{key} is set in {settings_sources.write(key, sys.stdin.readline().strip() if value == '-' else value)}")


@config.command()
def unset(
    key: Annotated[str, typer.Argument(metavar="KEY", help="See: neuralpdb config show.", show_default=False)],
) -> None:
    """Remove one setting from your own file."""
    from neuralpdb.cli import settings_sources

    note(f"{key} is not set in {settings_sources.write(key, None)}")
