"""The command `interact`: a prompt for Python alone."""

from __future__ import annotations

import ast

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.python_input import edit
from neuralpdb.frontends.repl.table import command
from neuralpdb.output.printable import inert
from neuralpdb.program.typed import is_open, only_looks, statements
from neuralpdb.trace.frames import Event
from neuralpdb.trace.values import EvaluationError

_LEAVES = ("exit", "quit", "exit()", "quit()")


@command("interact", group="state")
def do_interact(prompt: Prompt, argument: str) -> None:
    """Type Python that runs here, as at Python's own prompt; Ctrl-D or exit() ends it.
    Values are printed; _ is the last one. Statements, and expressions that call more than builtins such as len(),
    change the program's state as `!` does: each is one edit, and `back` undoes it.
    """
    prompt.say(Text("*interact: Python at this line, in the predicted state; Ctrl-D or exit() leaves*"))
    _Interaction(prompt).ask()


class _Interaction:
    """A prompt for Python.

    text: the lines of what is not complete.
    last: the text of the last value; empty before the first.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.text = ""
        self.last = ""

    def ask(self) -> None:
        """Ask for the next line."""
        label = "... " if self.text else ">>> "
        self.prompt.ask(label, self.take, "*exit from interact*", kept=self.drop, is_code=bool(self.text))

    def take(self, line: str) -> bool:
        """Carry out one line, and return whether it leaves."""
        text = f"{self.text}\n{line}" if self.text else line
        self.text = text if line and is_open(text) else ""
        if text.strip() in _LEAVES:
            self.prompt.say(Text("*exit from interact*"))
            return True
        if text.strip() and not self.text:
            self._carry_out(text.strip())
        self.ask()
        return False

    def drop(self) -> None:
        """Give up what is not complete after Ctrl-C; the prompt stays."""
        self.text = ""
        self.ask()

    def _carry_out(self, text: str) -> None:
        try:
            body = statements(text)
            if len(body) == 1 and isinstance(body[0], ast.Expr) and (only_looks(body[0].value) or self._only_look()):
                self._look(text)
                return
            stop = edit(self.prompt, text)
        except UsageError as error:
            self.prompt.error(str(error))
            return
        self.prompt.last_stop = stop
        self.last = stop.value or self.last

    def _only_look(self) -> bool:
        """Whether nothing can be changed here."""
        frame = self.prompt.session.frame
        is_left = frame is None or frame.event in (Event.RETURN, Event.EXCEPTION)
        return is_left or self.prompt.caller_depth() is not None

    def _look(self, text: str) -> None:
        session = self.prompt.session
        at = self.prompt.activation() if session.stack else None
        try:
            value = session.evaluator.look(text, session.history, at, {"_": self.last} if self.last else None)
        except EvaluationError as error:
            self.prompt.printed(error.output)
            raise
        self.prompt.printed(value.output)
        if value.text != "None":
            self.last = value.text
            self.prompt.say(Text(inert(value.text)))
