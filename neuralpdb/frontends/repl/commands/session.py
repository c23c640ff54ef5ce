"""The commands about the session itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.table import EDIT, GROUPS, Quit, command, commands, find
from neuralpdb.frontends.text import frames
from neuralpdb.output.printable import inert

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl

HELP_NOTES = (
    "Enter repeats a movement; Ctrl-C stops a prediction; Ctrl-D leaves. Any other input is evaluated over the "
    "predicted values; `p c` prints a variable whose name is a command, `c = 5` changes it.",
    "Every frame is a prediction of a model: nothing of the program is run, unless --compare --interactive asks for "
    "it. A history that outgrows the model's context is re-started from the full state of the active calls; a source "
    "that outgrows it is shown to the model as an excerpt. Both are said when they happen.",
)


@command("alias", group="session", usage="[NAME [COMMAND]]")
def do_alias(repl: Repl, rest: str) -> None:
    """Let NAME stand for a command, with %1, %2, ... and %* for what is typed behind it; alone, list the aliases.
    For example: alias pl p len(%1), or alias sv step ;; vars. A name of a command can be one; unalias gives it back.
    """
    name, _, text = rest.partition(" ")
    if text.strip():
        repl.aliases.set(name, text.strip())
        return
    known = repl.aliases.known
    if name and name not in known:
        raise UsageError(f"there is no alias {name!r}", "see: alias")
    for each in [name] if name else sorted(known):
        repl.say(Text(f"{inert(each)} = {inert(known[each])}"))
    if not known:
        repl.say(Text("no aliases", style="dim"))


@command("unalias", group="session", usage="NAME")
def do_unalias(repl: Repl, rest: str) -> None:
    """Forget an alias."""
    repl.aliases.remove(wanted(rest, "unalias"))


@command("help", "h", group="session", usage="[COMMAND]")
def do_help(repl: Repl, rest: str) -> None:
    """Show all commands, or one in full."""
    if rest:
        found = find(EDIT if rest.startswith(EDIT) else rest)
        if found is None:
            raise UsageError(f"no command {rest!r}", "see: help")
        also = f"  (also: {', '.join(found.names[1:])})" if found.names[1:] else ""
        repl.say(Text(found.usage, style="bold").append(also, style="not bold dim"))
        summary, _, more = found.text.partition("\n")
        for part in filter(None, (summary, " ".join(more.split()))):
            repl.say(frames.paragraph(part, repl.width))
        return
    for group in GROUPS:
        rows = [each for each in commands() if each.group == group]
        repl.say(Text(group, style="bold cyan"))
        for each in rows:
            also = f" ({', '.join(each.names[1:])})" if each.names[1:] else ""
            repl.say(frames.entry(each.usage + also, each.summary, repl.width))
    for note in HELP_NOTES:
        repl.say(frames.paragraph(note, repl.width))


@command("quit", "q", "exit", group="session")
def do_quit(repl: Repl, rest: str) -> None:
    """Leave."""
    raise Quit
