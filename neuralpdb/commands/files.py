"""The commands that write a session to a file and read it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.commands import trust
from neuralpdb.commands.arguments import wanted
from neuralpdb.commands.doubt import doubts
from neuralpdb.commands.table import command
from neuralpdb.export import write
from neuralpdb.export.account import account
from neuralpdb.render import inert
from neuralpdb.saved import Besides, Saved, load, restore, save

if TYPE_CHECKING:
    from neuralpdb.repl import Repl


@command("save", group="session", usage="FILE")
def do_save(repl: Repl, rest: str) -> None:
    """Write the session to FILE, for `load FILE` to take it up again.
    In it are all timelines with their edits, breakpoints, displays and aliases. A file that is no saved session is
    never written over.
    """
    file = _path(rest, "save")
    frames = save(repl.session, file, Besides(repl.displays.shown, repl.aliases.known))
    repl.say(Text(f"saved: {inert(str(file))}, {frames:,} frame{'s' * (frames != 1)}"))


@command("load", group="session", usage="FILE")
def do_load(repl: Repl, rest: str) -> None:
    """Take up a session that `save` wrote, in the place of this one.
    It has to be of this program, started alike; neuralpdb --session FILE starts with one of any program.
    """
    take_up(repl, load(_path(rest, "load")))


def take_up(repl: Repl, saved: Saved) -> None:
    """Put a saved session in the place of this one. Raises UsageError when it is another program's."""
    stop = restore(repl.session, saved)
    repl.displays.shown = list(saved.besides.displays)
    repl.aliases.known = dict(saved.besides.aliases)
    frames = len(repl.session.timeline)
    said = f"loaded: step {repl.session.index:,} of {frames - 1:,} known, timeline {repl.session.timelines.current}"
    repl.moved(replace(stop, before=(), message=said))


@command("export", group="session", usage="FILE.md | FILE.html | FILE.json")
def do_export(repl: Repl, rest: str) -> None:
    """Write what happened for others to read: markdown for a bug report, a page by itself, or JSON.
    In it is every step of the present timeline with its line, what changed, edits, what the model was not sure of, and
    what became of it when a real run is beside it. A file that is no export is never written over.
    """
    file = _path(rest, "export")
    found = account(repl.session, trust.judgements(repl), lambda frame: doubts(repl, frame), repl.model())
    write(found, file)
    steps = len(found.steps)
    repl.say(Text(f"exported: {inert(str(file))}, {steps:,} step{'s' * (steps != 1)}"))


def _path(rest: str, what: str) -> Path:
    """The file that is named, in quotes or not."""
    name = wanted(rest, what)
    return Path(name[1:-1] if name[:1] in "'\"" and name[-1:] == name[:1] and len(name) > 2 else name).expanduser()
