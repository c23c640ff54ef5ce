"""The command table: one entry a command, from which parsing, help, completion and the documentation are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.repl.completion import variables
from neuralpdb.frontends.repl.prompt import Prompt

Handler = Callable[[Prompt, str], Stop | None]
"""Carries out a command: takes the prompt and the argument, returns where it stopped if it moved."""
Completes = Callable[[Prompt], Iterable[str]] | Literal["files"]
"""Words that complete an argument; "files": names of files."""

EDIT = "!"
"""The command that is written without a space after it."""

REFUSED = "a folder's .neuralpdbrc can only look, move and set breakpoints (put it into ~/.neuralpdbrc)"
"""Why a command of a project's rc file is refused."""

GROUPS = ("move", "look ahead", "jump", "time", "state", "break", "trust", "view", "session")


class Quit(Exception):
    """The user leaves."""


@dataclass(frozen=True)
class Command:
    """A command of the prompt.

    names:                 the full name, then its abbreviations.
    group:                 its heading in `help`.
    usage:                 name and arguments.
    summary:               first line of its help.
    text:                  all of its help.
    run:                   carries it out.
    repeats:               Enter on an empty line does it again.
    moves:                 leaves the present place, so it ends the commands of a breakpoint.
    allowed_in_project_rc: harmless in a file that a stranger wrote: it only looks, moves, and sets where to stop.
    completes:             words that complete its argument.
    """

    names: tuple[str, ...]
    group: str
    usage: str
    summary: str
    text: str
    run: Handler
    repeats: bool
    moves: bool
    allowed_in_project_rc: bool
    completes: Completes

    @property
    def takes_argument(self) -> bool:
        return self.usage != self.names[0]


_TABLE: dict[str, Command] = {}


def command(
    *names: str,
    group: str,
    usage: str = "",
    repeats: bool = False,
    moves: bool = False,
    allowed_in_project_rc: bool = False,
    completes: Completes = variables,
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table; its docstring is its help, the first line the summary. See `Command`."""

    def enter(handler: Handler) -> Handler:
        text = "\n".join(line.strip() for line in (handler.__doc__ or "").strip().splitlines())
        written = f"{names[0]}{'' if names[0] == EDIT else ' '}{usage}".strip()
        summary = text.partition("\n")[0]
        entry = Command(names, group, written, summary, text, handler, repeats, moves, allowed_in_project_rc, completes)
        _TABLE.update(dict.fromkeys(names, entry))
        return handler

    return enter


def find(name: str) -> Command | None:
    """Return the command of that exact name or abbreviation."""
    return _TABLE.get(name)


def names() -> list[str]:
    """Return every name and abbreviation."""
    return sorted(_TABLE)


def commands() -> Iterator[Command]:
    """Yield every command once, in the order of the groups and of the table."""
    unique = list(dict.fromkeys(_TABLE.values()))
    for group in GROUPS:
        yield from (each for each in unique if each.group == group)


def table() -> str:
    """Return the commands as a markdown table, for the documentation."""
    rows = ["| command | short | what it does |", "|---|---|---|"]
    for entry in commands():
        usage = entry.usage.replace("|", "\\|")
        rows.append(f"| `{usage}` | {' '.join(f'`{name}`' for name in entry.names[1:])} | {entry.summary} |")
    return "\n".join(rows)


def is_movement(line: str) -> bool:
    """Whether a line moves, so that it ends the commands of a breakpoint."""
    command = find((line.split() or [""])[0])
    return command is not None and command.moves
