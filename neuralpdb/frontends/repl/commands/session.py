"""Commands about the session itself: aliases, help, leaving."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import EDIT, GROUPS, Quit, command, commands, find, names
from neuralpdb.frontends.text import frames, marks
from neuralpdb.output.printable import inert

HELP_NOTES = (
    "Enter repeats a movement; Ctrl-C stops a prediction; Ctrl-D leaves. Any other input is Python in "
    "the program's state; `p c` prints a variable whose name is a command, `c = 5` changes it.",
    "Every frame is a prediction of a model: nothing of the program is run, unless --compare --interactive asks for "
    "it. A history that outgrows the model's context is re-started from the full state of the active calls; a source "
    "that outgrows it is shown to the model as an excerpt. Both are said when they happen.",
)
COMPUTED_NOTE = (
    "Nothing of the program is run, unless --compare --interactive asks for it. What Python determines is computed, "
    "by an interpreter of its own; what depends on the world (input, time, files, missing modules) is predicted by a "
    "model."
)
"""Stands in place of the last note where frames are computed."""


def _aliases(prompt: Prompt) -> Iterable[str]:
    return prompt.aliases.commands


@command("alias", group="session", usage="[NAME [COMMAND]]", completes=_aliases)
def do_alias(prompt: Prompt, argument: str) -> None:
    """Let NAME stand for a command, with %1, %2, ... and %* for its arguments; alone, list the aliases.
    For example: alias pl p len(%1), or alias sv step ;; vars. An alias hides a command of its name until unalias.
    """
    name, _, text = argument.partition(" ")
    if text.strip():
        prompt.aliases.set(name, text.strip())
        return
    commands = prompt.aliases.commands
    if name and name not in commands:
        raise UsageError(f"there is no alias {name!r}", "see: alias")
    for alias in [name] if name else sorted(commands):
        prompt.say(Text(f"{inert(alias)} = {inert(commands[alias])}"))
    if not commands:
        prompt.say(Text("no aliases", style="dim"))


@command("unalias", group="session", usage="NAME", completes=_aliases)
def do_unalias(prompt: Prompt, argument: str) -> None:
    """Forget an alias."""
    prompt.aliases.remove(required(argument, "unalias"))


@command("help", "h", group="session", usage="[COMMAND]", completes=lambda prompt: names())
def do_help(prompt: Prompt, argument: str) -> None:
    """Show all commands, or one in full."""
    if argument:
        entry = find(EDIT if argument.startswith(EDIT) else argument)
        if entry is None:
            raise UsageError(f"no command {argument!r}", "see: help")
        also = f"  (also: {', '.join(entry.names[1:])})" if entry.names[1:] else ""
        prompt.say(Text(entry.usage, style="bold").append(also, style="not bold dim"))
        summary, _, details = entry.text.partition("\n")
        for paragraph in filter(None, (summary, " ".join(details.split()))):
            prompt.say(frames.paragraph(paragraph, prompt.width))
        return
    for group in GROUPS:
        prompt.say(Text(group, style="bold cyan"))
        for entry in (each for each in commands() if each.group == group):
            also = f" ({', '.join(entry.names[1:])})" if entry.names[1:] else ""
            prompt.say(frames.entry(entry.usage + also, entry.summary, prompt.width))
    for note in (HELP_NOTES[0], COMPUTED_NOTE, marks.EXPLAINED) if prompt.marks else HELP_NOTES:
        prompt.say(frames.paragraph(note, prompt.width))


@command("quit", "q", "exit", group="session", moves=True)
def do_quit(prompt: Prompt, argument: str) -> None:
    """Leave."""
    raise Quit
