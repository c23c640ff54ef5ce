"""Commands that write a session to a file and read it again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.text import Text

from neuralpdb.debugger.saved import Besides, Saved, load, restore, save
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.export import write
from neuralpdb.frontends.export.transcript import transcript_of
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import marks
from neuralpdb.output.printable import inert


@command("save", group="session", usage="FILE", completes="files")
def do_save(prompt: Prompt, argument: str) -> None:
    """Save the session to FILE; `load FILE` continues it.
    The file holds all timelines with their edits, breakpoints, displays and aliases. A file that is not a saved session
    is never overwritten.
    """
    file = _path(argument, "save")
    frames = save(prompt.session, file, Besides(prompt.displays.entries, prompt.aliases.commands))
    prompt.say(Text(f"saved: {inert(str(file))}, {frames:,} frame{'s' * (frames != 1)}"))


@command("load", group="session", usage="FILE", moves=True, completes="files")
def do_load(prompt: Prompt, argument: str) -> Stop:
    """Continue a session that `save` wrote, in place of this one.
    It has to be of this program, with the same start; neuralpdb --session FILE continues one of any program.
    """
    return take_up(prompt, load(_path(argument, "load")))


def take_up(prompt: Prompt, saved: Saved) -> Stop:
    """Put a saved session in place of this one. Raises UsageError when its program or its start is another one."""
    stop = restore(prompt.session, saved)
    prompt.displays.entries = list(saved.besides.displays)
    prompt.aliases.commands = dict(saved.besides.aliases)
    session = prompt.session
    message = f"loaded: step {session.index:,} of {session.known:,} known, timeline {session.timelines.current}"
    return replace(stop, before=(), message=message)


@command("export", group="session", usage="FILE.md | FILE.html | FILE.json", completes="files")
def do_export(prompt: Prompt, argument: str) -> None:
    """Write the session for others to read: markdown for a bug report, a page by itself, or JSON.
    It shows every step of the present timeline: its line, what changed, edits, doubts of the model, and the verdict
    where a real run is beside it. A file that is not an export is never overwritten.
    """
    file = _path(argument, "export")
    doubts, remarks = partial(stop_view.doubts, prompt), partial(marks.at, prompt)
    transcript = transcript_of(prompt.session, stop_view.judgements(prompt), doubts, prompt.model(), remarks)
    write(transcript, file)
    steps = len(transcript.steps)
    prompt.say(Text(f"exported: {inert(str(file))}, {steps:,} step{'s' * (steps != 1)}"))


def _path(argument: str, command: str) -> Path:
    """Return the file that the argument of a command names, in quotes or not. Raises UsageError."""
    name = required(argument, command)
    quoted = name[:1] in "'\"" and name[-1:] == name[:1] and len(name) > 2
    return Path(name[1:-1] if quoted else name).expanduser()
