"""The commands that write a session to a file and read it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.text import Text

from neuralpdb.debugger.saved import Besides, Saved, load, restore, save
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.export import write
from neuralpdb.frontends.export.transcript import account
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.stop_view import doubts
from neuralpdb.frontends.repl.table import command
from neuralpdb.output.printable import inert


@command("save", group="session", usage="FILE", completes="files")
def do_save(prompt: Prompt, argument: str) -> None:
    """Write the session to FILE, for `load FILE` to take it up again.
    In it are all timelines with their edits, breakpoints, displays and aliases. A file that is no saved session is
    never written over.
    """
    file = _path(argument, "save")
    frames = save(prompt.session, file, Besides(prompt.displays.shown, prompt.aliases.known))
    prompt.say(Text(f"saved: {inert(str(file))}, {frames:,} frame{'s' * (frames != 1)}"))


@command("load", group="session", usage="FILE", moves=True, completes="files")
def do_load(prompt: Prompt, argument: str) -> Stop:
    """Take up a session that `save` wrote, in the place of this one.
    It has to be of this program, started alike; neuralpdb --session FILE starts with one of any program.
    """
    return take_up(prompt, load(_path(argument, "load")))


def take_up(prompt: Prompt, saved: Saved) -> Stop:
    """Put a saved session in the place of this one. Raises UsageError when it is another program's."""
    stop = restore(prompt.session, saved)
    prompt.displays.shown = list(saved.besides.displays)
    prompt.aliases.known = dict(saved.besides.aliases)
    frames = len(prompt.session.timeline)
    said = f"loaded: step {prompt.session.index:,} of {frames - 1:,} known, timeline {prompt.session.timelines.current}"
    return replace(stop, before=(), message=said)


@command("export", group="session", usage="FILE.md | FILE.html | FILE.json", completes="files")
def do_export(prompt: Prompt, argument: str) -> None:
    """Write what happened for others to read: markdown for a bug report, a page by itself, or JSON.
    In it is every step of the present timeline with its line, what changed, edits, what the model was not sure of, and
    what became of it when a real run is beside it. A file that is no export is never written over.
    """
    file = _path(argument, "export")
    found = account(prompt.session, stop_view.judgements(prompt), lambda frame: doubts(prompt, frame), prompt.model())
    write(found, file)
    steps = len(found.steps)
    prompt.say(Text(f"exported: {inert(str(file))}, {steps:,} step{'s' * (steps != 1)}"))


def _path(argument: str, what: str) -> Path:
    """The file that is named, in quotes or not."""
    name = wanted(argument, what)
    return Path(name[1:-1] if name[:1] in "'\"" and name[-1:] == name[:1] and len(name) > 2 else name).expanduser()
