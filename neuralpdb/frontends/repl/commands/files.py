"""The commands that write a session to a file and read it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.debugger.saved import Besides, Saved, load, restore, save
from neuralpdb.frontends.export import write
from neuralpdb.frontends.export.transcript import account
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.stop_view import doubts
from neuralpdb.frontends.repl.table import command
from neuralpdb.output.printable import inert

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


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
    found = account(repl.session, stop_view.judgements(repl), lambda frame: doubts(repl, frame), repl.model())
    write(found, file)
    steps = len(found.steps)
    repl.say(Text(f"exported: {inert(str(file))}, {steps:,} step{'s' * (steps != 1)}"))


def _path(rest: str, what: str) -> Path:
    """The file that is named, in quotes or not."""
    name = wanted(rest, what)
    return Path(name[1:-1] if name[:1] in "'\"" and name[-1:] == name[:1] and len(name) > 2 else name).expanduser()
