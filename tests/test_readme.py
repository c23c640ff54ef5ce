"""The README says what the program does: its command table, its exit codes, its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import neuralpdb.commands  # noqa: F401 - fills the command table
from neuralpdb import cli, errors, models, settings
from neuralpdb.commands.table import table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_command_table_is_the_one_that_the_program_uses() -> None:
    # to rewrite it: python -c "import neuralpdb.commands; from neuralpdb.commands.table import table; print(table())"
    assert table() in README


def test_every_exit_code_of_an_error_is_documented() -> None:
    codes = {error.exit_code for error in (errors.UsageError, errors.ModelError, errors.TargetError)}
    for code in {0, errors.INTERRUPTED, *codes}:
        assert f"| {code} | " in README


OTHERS = {"--head", "--port", "--address", "--distributed-executor-backend", "--data-parallel-backend"}
OTHERS |= {"--data-parallel-size-local", "--help", "--fast"}
"""Options of Ray, vLLM, the library for command lines and commands of the prompt that it names."""


def options(command: Any) -> Iterator[str]:
    """Every option of a command and of the commands below it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


def test_every_option_it_names_exists() -> None:
    known = {*options(typer.main.get_command(cli._debugger)), *options(typer.main.get_command(cli._tools)), *OTHERS}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - known == set()


def test_the_table_of_settings_is_the_one_that_the_program_uses() -> None:
    # to rewrite it: python -c "from neuralpdb.settings import markdown; print(markdown())"
    assert settings.markdown() in README


def test_the_table_of_models_is_the_one_that_is_computed() -> None:
    # to rewrite it: python -m neuralpdb.models
    assert "\n".join(models.markdown()) in README


def test_every_short_name_of_a_model_is_documented() -> None:
    assert all(f"`{model.name}`" in README for model in models.KNOWN)


def test_every_file_it_names_exists() -> None:
    root = Path(__file__).parent.parent
    for name in set(re.findall(r"\b(?:examples|bench|weights|tests)/[\w./]*\w", README)):
        assert (root / name).exists(), name


def test_no_placeholder_was_left() -> None:
    assert not re.search(r"^(SESSION|TRUTH|SPEED|COMMANDS)$", README, re.MULTILINE)
