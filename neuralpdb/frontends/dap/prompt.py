"""The prompt behind the debug console: commands without a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.frontends.repl import prompt as repl
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.text.marks import Source

WIDTH = 100
"""Columns of what commands print."""


@dataclass
class Prompt(repl.Prompt):
    """A prompt whose output is collected, the user's mistakes apart.

    mistakes: those of the text that was typed last.
    loop:     carries out what is typed.
    """

    mistakes: list[str] = field(default_factory=list)
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.loop = Loop(self)

    def error(self, message: str) -> None:
        self.mistakes.append(message)

    def typed(self, text: str) -> str:
        """Carry out what was typed, a line each, and return what was printed; `last_stop` is set when it stopped."""
        output = self.console.file = io.StringIO()
        self.mistakes, self.last_stop, self.loop.left = [], None, False
        lines = text.splitlines()
        self.loop.run(lines)
        if len(lines) > 1 and self.question is not None and self.question.is_code:
            self.loop.run([""])  # an empty line ends a block
        asked = [self.question.label.rstrip()] if self.question is not None else []
        return "\n".join([*output.getvalue().splitlines(), *asked])


def prompt(session: Session, source: Source | None = None) -> Prompt:
    """Return the prompt of a session. source: of its frames, which says how they are known."""
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, markup=False, emoji=False)
    shown = Prompt(session, console, doubt_below=0.0)
    if source is not None:
        shown.take(source)
    return shown
