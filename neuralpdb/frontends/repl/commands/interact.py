"""The command `interact`: a prompt for expressions alone."""

from __future__ import annotations

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.interpreter.rules.expressions import assign, evaluate, is_expression, is_open
from neuralpdb.output.printable import inert


@command("interact", group="state")
def do_interact(prompt: Prompt, argument: str) -> None:
    """Evaluate expressions over the predicted values of this function, a line each; Ctrl-D or exit() ends it.
    NAME = EXPR sets a name of this prompt, the program's state stays as it is; _ is the last value. Nothing is
    executed: no statements but assignments, no functions of the program, no imports.
    """
    prompt.say(Text("*interact: expressions over predicted values, nothing is executed; Ctrl-D or exit() leaves*"))
    _Interaction(prompt).ask()


class _Interaction:
    """A scratch copy of the locals.

    text: the lines of an expression that is not complete.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.state = prompt.locals() if prompt.session.stack else {}
        self.text = ""

    def ask(self) -> None:
        """Ask for the next line."""
        label = "... " if self.text else ">>> "
        self.prompt.ask(label, self.take, "*exit from interact*", kept=self.drop)

    def take(self, line: str) -> bool:
        """Carry out one line, and return whether it leaves."""
        text = f"{self.text}\n{line}" if self.text else line
        self.text = text if line and is_open(text) else ""
        if text in ("exit", "quit", "exit()", "quit()"):
            self.prompt.say(Text("*exit from interact*"))
            return True
        if text and not self.text:
            self._carry_out(text)
        self.ask()
        return False

    def drop(self) -> None:
        """Give up the expression after Ctrl-C; the prompt stays."""
        self.text = ""
        self.ask()

    def _carry_out(self, text: str) -> None:
        try:
            if not is_expression(text):
                self.state = assign(text, self.state)
                return
            value = evaluate(text, self.state)
        except UsageError as error:
            self.prompt.error(str(error))
            return
        self.state["_"] = value
        if value != "None":
            self.prompt.say(Text(inert(value)))
