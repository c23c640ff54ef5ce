"""The README says what the program does: its command table, its exit codes, its options."""

from __future__ import annotations

import re
from pathlib import Path

import neuralpdb.repl  # noqa: F401 - fills the command table
from neuralpdb import cli, errors
from neuralpdb.commands import table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_command_table_is_the_one_that_the_program_uses() -> None:
    # to rewrite it: python -c "import neuralpdb.repl; from neuralpdb.commands import table; print(table())"
    assert table() in README


def test_every_exit_code_of_an_error_is_documented() -> None:
    codes = {error.exit_code for error in (errors.UsageError, errors.ModelError, errors.TargetError)}
    for code in {0, cli.INTERRUPTED, *codes}:
        assert f"| {code} | " in README


def test_every_option_it_names_exists() -> None:
    source = Path(cli.__file__).read_text(encoding="utf-8")
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)):
        assert option in source, option


def test_every_file_it_names_exists() -> None:
    root = Path(__file__).parent.parent
    for name in set(re.findall(r"\b(?:examples|bench|weights|tests)/[\w./]*\w", README)):
        assert (root / name).exists(), name


def test_no_placeholder_was_left() -> None:
    assert not re.search(r"^(SESSION|TRUTH|SPEED|COMMANDS)$", README, re.MULTILINE)
