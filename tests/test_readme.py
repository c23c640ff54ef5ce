"""README and docs say what the program does: its commands, settings, models, exit codes, options, files and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import neuralpdb.frontends.repl.commands  # noqa: F401 - fills the command table
from neuralpdb import errors
from neuralpdb.cli import settings
from neuralpdb.cli.main import TOOLS, app_of
from neuralpdb.engines.vllm import models
from neuralpdb.frontends.repl.table import table
from neuralpdb.train.__main__ import app as train

ROOT = Path(__file__).parent.parent
README = "README.md"
INDEX = "docs/README.md"
MOST = 200
"""Lines of the README: a stranger reads it in five minutes."""

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md"))
BESIDE = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "weights/README.md",
    *(f"bench/{path.name}" for path in ROOT.glob("bench/*.md")),
]
"""Other pages whose links are followed."""

every_page = pytest.mark.parametrize("page", [README, *PAGES])


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


# -- tables that the program makes ------------------------------------------------------------------------------------


def test_the_command_table_is_the_one_that_the_program_uses() -> None:
    # to rewrite it: python -c "from neuralpdb.frontends.repl import commands, table; print(table.table())"
    assert table() in text("docs/commands.md")


def test_the_main_commands_of_the_readme_are_rows_of_that_table() -> None:
    rows = table().splitlines()
    [shown] = re.findall(r"^\| command \| short \|.*\n(?:\|.*\n)+", text(README), re.MULTILINE)
    listed = shown.splitlines()
    assert listed == [row for row in rows if row in listed]
    assert len(listed) > 10


def test_every_exit_code_of_an_error_is_documented() -> None:
    codes = {error.exit_code for error in (errors.UsageError, errors.ModelError, errors.TargetError)}
    for code in {0, errors.BELOW, errors.NOTHING, errors.INTERRUPTED, *codes}:
        assert f"| {code} | " in text("docs/commands.md")


def test_the_table_of_settings_is_the_one_that_the_program_uses() -> None:
    # to rewrite it: python -c "from neuralpdb.cli.settings import markdown; print(markdown())"
    assert settings.markdown() in text("docs/settings.md")


def test_the_table_of_models_is_the_one_that_is_computed() -> None:
    # to rewrite it: python -m neuralpdb.engines.vllm.models
    assert "\n".join(models.markdown()) in text("docs/server.md")


def test_every_short_name_of_a_model_is_documented() -> None:
    assert all(f"`{model.name}`" in text("docs/server.md") for model in models.KNOWN)


# -- names of things that have to exist -------------------------------------------------------------------------------

OTHERS = {"--head", "--port", "--address", "--distributed-executor-backend", "--data-parallel-backend"}
OTHERS |= {"--data-parallel-size-local", "--help", "--fast"}
"""Options of Ray, vLLM, the library for command lines and commands of the prompt that the pages name."""


def options(command: Any) -> Iterator[str]:
    """Yield every option of a command and of the commands below it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


@cache
def known_options() -> frozenset[str]:
    """Return the options of `neuralpdb`, of training, of the scripts that parse their own, and OTHERS."""
    apps = (app_of(""), *map(app_of, TOOLS), train)
    known = {option for app in apps for option in options(typer.main.get_command(app))}
    for path in (*ROOT.glob("neuralpdb/**/*.py"), *ROOT.glob("bench/*.py")):
        known.update(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', path.read_text(encoding="utf-8")))
    return frozenset(known | OTHERS)


@every_page
def test_every_option_it_names_exists(page: str) -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text(page))) - known_options() == set()


@every_page
def test_every_file_it_names_exists(page: str) -> None:
    for name in set(re.findall(r"\b(?:examples|bench|weights|tests|docs|neuralpdb)/[\w./-]*\w", text(page))):
        assert (ROOT / name).exists(), name


@every_page
def test_no_placeholder_was_left(page: str) -> None:
    assert not re.search(r"^(SESSION|TRUTH|SPEED|COMMANDS)$", text(page), re.MULTILINE)


# -- finding one's way ------------------------------------------------------------------------------------------------


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text(page), flags=re.MULTILINE | re.DOTALL)


def links(page: str) -> set[str]:
    """Return the targets of its links to other files and headings."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return {target for target in targets if not re.match(r"[a-z]+:", target)}


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of its headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [README, *PAGES, *BESIDE])
def test_every_link_leads_somewhere(page: str) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), target
        assert not anchor or anchor in anchors(str(path.resolve().relative_to(ROOT.resolve()))), target


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(text(README).splitlines()) <= MOST


def test_the_tree_of_the_readme_is_the_package() -> None:
    wings = re.findall(r"^      (\w+)/ ", text(README), re.MULTILINE)
    assert sorted(wings) == sorted(path.parent.name for path in ROOT.glob("neuralpdb/*/__init__.py"))


def test_the_index_lists_every_page_in_one_line() -> None:
    listed = re.findall(r"^- \[([\w./]+\.md)\]\(\1\): .+$", text(INDEX), re.MULTILINE)
    assert sorted(f"docs/{name}" for name in listed) == [page for page in PAGES if page != INDEX]


def test_the_readme_leads_to_the_index_and_to_every_page_about_using_it() -> None:
    pages = "starting commands pdb compare what_if sessions confidence editors mcp server settings speed traces".split()
    assert {INDEX, *(f"docs/{name}.md" for name in pages)} <= links(README)
