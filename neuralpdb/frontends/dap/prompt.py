"""The prompt behind the debug console."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.repl.prompt import Repl
from neuralpdb.trace.frames import Frame

WIDTH = 100
"""Columns of what commands print."""


@dataclass
class Prompt(Repl):
    """The prompt without a terminal: what it prints is collected, mistakes are kept apart. stop: the last one."""

    wrong: list[str] = field(default_factory=list)
    stop: Stop | None = None

    def error(self, message: str) -> None:
        self.wrong.append(message)

    def show(self, stop: Stop) -> None:
        self.stop = stop
        super().show(stop)

    def typed(self, text: str) -> str:
        """Carry out what was typed, a line each; what was printed."""
        output = self.console.file = io.StringIO()
        self.wrong, self.stop, self.left = [], None, False
        self.run(text.splitlines())
        asked = [self.question.prompt.rstrip()] if self.question is not None else []
        return "\n".join([*output.getvalue().splitlines(), *asked])


def prompt(
    session: Session, sure: Callable[[Frame], Mapping[str, float]] = lambda frame: {}, least: float = 0.0
) -> Prompt:
    """The prompt of a session. sure, least: see `Repl`."""
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, markup=False, emoji=False)
    return Prompt(session, console, sure=sure, least=least)
