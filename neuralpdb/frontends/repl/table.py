"""The command table: one entry a command, from which parsing, help, completion and the README are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


Handler = Callable[["Repl", str], None]

EDIT = "!"
"""The command that is written without a space after it."""

CAREFUL = "a folder's .neuralpdbrc can only look, move and set breakpoints (put it into ~/.neuralpdbrc)"
"""Why a command of such a file is refused."""

GROUPS = ("move", "look ahead", "jump", "time", "state", "break", "trust", "view", "session")


class Quit(Exception):
    """The user leaves."""


@dataclass(frozen=True)
class Command:
    """names: the full one first, then its exact abbreviations. repeats: Enter on an empty line does it again."""

    names: tuple[str, ...]
    group: str
    usage: str
    summary: str
    text: str
    run: Handler
    repeats: bool

    @property
    def resumes(self) -> bool:
        """True when it leaves the place where we are."""
        if self.names[0] in ("fork", "timelines", "checkpoint"):
            return False
        return self.group in ("move", "jump", "time") or self.names[0] in ("accept", "quit", "load")

    @property
    def harmless(self) -> bool:
        """True when it only looks, moves and sets what stops a movement: for commands that a stranger wrote."""
        return self.group not in ("session", "jump") and self.names[0] not in (EDIT, "adopt", "commands", "interact")

    @property
    def takes(self) -> bool:
        """True when it has arguments."""
        return self.usage != self.names[0]


_TABLE: dict[str, Command] = {}


def command(*names: str, group: str, usage: str = "", repeats: bool = False) -> Callable[[Handler], Handler]:
    """Enter a handler into the table; its docstring is its help, the first line the summary."""

    def enter(handler: Handler) -> Handler:
        doc = "\n".join(line.strip() for line in (handler.__doc__ or "").strip().splitlines())
        summary = doc.partition("\n")[0]
        shown = f"{names[0]}{'' if names[0] == EDIT else ' '}{usage}".strip()
        _TABLE.update(dict.fromkeys(names, Command(names, group, shown, summary, doc, handler, repeats)))
        return handler

    return enter


def find(name: str) -> Command | None:
    """The command of that exact name or abbreviation."""
    return _TABLE.get(name)


def names() -> list[str]:
    """Every name and abbreviation."""
    return sorted(_TABLE)


def commands() -> Iterator[Command]:
    """Every command once, in the order of the groups and of the table."""
    unique = list(dict.fromkeys(_TABLE.values()))
    for group in GROUPS:
        yield from (each for each in unique if each.group == group)


def table() -> str:
    """The README's table of commands, in markdown."""
    rows = ["| command | short | what it does |", "|---|---|---|"]
    for each in commands():
        usage = each.usage.replace("|", "\\|")
        rows.append(f"| `{usage}` | {' '.join(f'`{name}`' for name in each.names[1:])} | {each.summary} |")
    return "\n".join(rows)


def is_movement(line: str) -> bool:
    """True for a line that moves: it ends the commands of a breakpoint."""
    found = find((line.split() or [""])[0])
    return found is not None and found.resumes
