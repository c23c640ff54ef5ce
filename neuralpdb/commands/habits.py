"""The commands of habit: aliases, and a prompt for expressions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.commands.arguments import wanted
from neuralpdb.commands.table import EDIT, command, find
from neuralpdb.errors import UsageError
from neuralpdb.evaluate import assign, evaluate, is_expression, is_open
from neuralpdb.render import inert

if TYPE_CHECKING:
    from neuralpdb.repl import Repl


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


@command("interact", group="state")
def do_interact(repl: Repl, rest: str) -> None:
    """A prompt for expressions over the predicted values of this function; Ctrl-D or exit() leaves it.
    NAME = EXPR is a note for here, it changes nothing of the program's state; _ is the last value. Nothing is executed:
    no statements but assignments, no functions of the program, no imports.
    """
    repl.say(Text("*interact: expressions over predicted values, nothing is executed; Ctrl-D or exit() leaves*"))
    _Interaction(repl).go_on()


class _Interaction:
    """A scratch copy of the locals, and the lines of an expression that is not complete."""

    def __init__(self, repl: Repl) -> None:
        self.repl = repl
        self.state = repl.locals() if repl.session.stack else {}
        self.text = ""

    def go_on(self) -> None:
        """Ask for the next line."""
        prompt = "... " if self.text else ">>> "
        self.repl.ask(prompt, self.take, "*exit from interact*", kept=self.dropped)

    def take(self, line: str) -> bool:
        """One line; True when it leaves."""
        text = f"{self.text}\n{line}" if self.text else line
        self.text = text if line and is_open(text) else ""
        if text in ("exit", "quit", "exit()", "quit()"):
            self.repl.say(Text("*exit from interact*"))
            return True
        if text and not self.text:
            self._carry_out(text)
        self.go_on()
        return False

    def dropped(self) -> None:
        """Ctrl-C: the expression is given up, the prompt stays."""
        self.text = ""
        self.go_on()

    def _carry_out(self, text: str) -> None:
        try:
            if not is_expression(text):
                self.state = assign(text, self.state)
                return
            value = evaluate(text, self.state)
        except UsageError as error:
            self.repl.error(str(error))
            return
        self.state["_"] = value
        if value != "None":
            self.repl.say(Text(inert(value)))


# -- input over several lines -----------------------------------------------------------------------------------------


def is_open_line(line: str) -> bool:
    """Whether an expression or an edit goes on in the next line; as in pdb only one without a command before it."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    return (line.startswith(EDIT) or find(word) is None) and is_open(line.removeprefix(EDIT).strip())


def go_on(repl: Repl, line: str) -> None:
    """Read on until the brackets of `line` are closed."""

    def take(more: str) -> bool:
        nonlocal line
        line = f"{line}\n{more}"
        if more and is_open_line(line):
            return False
        repl.question = None
        repl.dispatch(line)
        return True

    repl.ask("...   ", take, "not evaluated: it has no end")
