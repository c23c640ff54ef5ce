"""The commands about the session itself."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import EDIT, GROUPS, Quit, command, commands, find, names
from neuralpdb.frontends.text import frames
from neuralpdb.output.printable import inert

HELP_NOTES = (
    "Enter repeats a movement; Ctrl-C stops a prediction; Ctrl-D leaves. Any other input is evaluated over the "
    "predicted values; `p c` prints a variable whose name is a command, `c = 5` changes it.",
    "Every frame is a prediction of a model: nothing of the program is run, unless --compare --interactive asks for "
    "it. A history that outgrows the model's context is re-started from the full state of the active calls; a source "
    "that outgrows it is shown to the model as an excerpt. Both are said when they happen.",
)


def _aliases(prompt: Prompt) -> Iterable[str]:
    return prompt.aliases.known


@command("alias", group="session", usage="[NAME [COMMAND]]", completes=_aliases)
def do_alias(prompt: Prompt, argument: str) -> None:
    """Let NAME stand for a command, with %1, %2, ... and %* for what is typed behind it; alone, list the aliases.
    For example: alias pl p len(%1), or alias sv step ;; vars. A name of a command can be one; unalias gives it back.
    """
    name, _, text = argument.partition(" ")
    if text.strip():
        prompt.aliases.set(name, text.strip())
        return
    known = prompt.aliases.known
    if name and name not in known:
        raise UsageError(f"there is no alias {name!r}", "see: alias")
    for each in [name] if name else sorted(known):
        prompt.say(Text(f"{inert(each)} = {inert(known[each])}"))
    if not known:
        prompt.say(Text("no aliases", style="dim"))


@command("unalias", group="session", usage="NAME", completes=_aliases)
def do_unalias(prompt: Prompt, argument: str) -> None:
    """Forget an alias."""
    prompt.aliases.remove(wanted(argument, "unalias"))


@command("help", "h", group="session", usage="[COMMAND]", completes=lambda prompt: names())
def do_help(prompt: Prompt, argument: str) -> None:
    """Show all commands, or one in full."""
    if argument:
        found = find(EDIT if argument.startswith(EDIT) else argument)
        if found is None:
            raise UsageError(f"no command {argument!r}", "see: help")
        also = f"  (also: {', '.join(found.names[1:])})" if found.names[1:] else ""
        prompt.say(Text(found.usage, style="bold").append(also, style="not bold dim"))
        summary, _, more = found.text.partition("\n")
        for part in filter(None, (summary, " ".join(more.split()))):
            prompt.say(frames.paragraph(part, prompt.width))
        return
    for group in GROUPS:
        rows = [each for each in commands() if each.group == group]
        prompt.say(Text(group, style="bold cyan"))
        for each in rows:
            also = f" ({', '.join(each.names[1:])})" if each.names[1:] else ""
            prompt.say(frames.entry(each.usage + also, each.summary, prompt.width))
    for note in HELP_NOTES:
        prompt.say(frames.paragraph(note, prompt.width))


@command("quit", "q", "exit", group="session", moves=True)
def do_quit(prompt: Prompt, argument: str) -> None:
    """Leave."""
    raise Quit
