"""The editor's debug console: expressions with parts to open, and every command of the prompt."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neuralpdb.commands.table import commands, find
from neuralpdb.dap import lifecycle
from neuralpdb.dap.protocol import Reply
from neuralpdb.errors import UsageError
from neuralpdb.evaluate import EvaluationError, evaluate
from neuralpdb.repl import Repl
from neuralpdb.session import Session, Stop, StopKind

if TYPE_CHECKING:
    from neuralpdb.dap.adapter import Adapter

WIDTH = 100
"""Columns of what commands print."""


@dataclass
class Prompt(Repl):
    """The prompt without a terminal: what it prints is collected, a mistake is kept apart."""

    wrong: str = ""
    stop: Stop | None = None

    def error(self, message: str) -> None:
        self.wrong = message

    def show(self, stop: Stop) -> None:
        self.stop = stop
        super().show(stop)


def prompt(session: Session) -> Prompt:
    """The prompt of a session."""
    return Prompt(session, Console(file=io.StringIO(), width=WIDTH, highlight=False, markup=False, emoji=False))


def carry_out(adapter: Adapter, text: str, number: int) -> Reply:
    """What was typed into the console: an expression, an edit, or commands, a line each."""
    if (plain := _expression(adapter, text, number)) is not None:
        return Reply(adapter.references.value(plain, text.strip()))
    repl, session = adapter.debuggee.prompt, adapter.session
    if repl is None:
        repl = adapter.debuggee.prompt = prompt(session)
    output = repl.console.file = io.StringIO()
    repl.wrong, repl.stop, repl.left = "", None, False
    index = adapter.references.activation(number) if session.stack else 0
    repl.chosen = -1 if adapter.references.newest(index) else index
    before = session.history
    adapter.run(lambda: _typed(repl, text))
    if repl.wrong:
        raise UsageError(repl.wrong)
    if adapter.failure:
        raise UsageError(adapter.failure)
    moved = repl.stop is not None or not _same(before, session.history)
    stop = repl.stop or Stop(StopKind.STEP, session.frame)
    body = {"result": output.getvalue().rstrip("\n"), "variablesReference": 0}
    return Reply(body, lambda: _afterwards(adapter, repl, stop if moved else None))


def _same(before: list[Any], after: list[Any]) -> bool:
    return len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))


def _typed(repl: Prompt, text: str) -> Stop:
    repl.run(text.splitlines())
    return repl.stop or Stop(StopKind.STEP, repl.session.frame)


def _afterwards(adapter: Adapter, repl: Prompt, stop: Stop | None) -> None:
    if repl.left:
        lifecycle.end(adapter)
    elif stop is not None:
        adapter.arrived(stop)


def _expression(adapter: Adapter, text: str, number: int) -> str | None:
    """Its value, when the text is an expression and no command."""
    words = text.split(maxsplit=1)
    if not words or find(words[0]) is not None or "\n" in text.strip():
        return None
    try:
        return evaluate(text, adapter.references.locals(number))
    except EvaluationError:
        return None


# -- completion -------------------------------------------------------------------------------------------------------


def targets(text: str, column: int, state: Mapping[str, str], first: int) -> list[dict[str, Any]]:
    """Locals and, at the start, commands that go on as the word before the cursor begins.

    column: of the cursor, in UTF-16 units from 0; first: how the client counts columns.
    """
    before = text.encode("utf-16-le", "surrogatepass")[: 2 * max(column, 0)].decode("utf-16-le", "ignore")
    typed = re.search(r"\w*\Z", before)
    word = typed[0] if typed else ""
    begins = before[: len(before) - len(word)]
    found = [(each.names[0], "function") for each in commands()] if not begins.strip() else []
    found += [(name, "variable") for name in state]
    start, length = _units(begins) + first, _units(word)
    return [
        {"label": name, "type": kind, "start": start, "length": length}
        for name, kind in dict(found).items()
        if name.startswith(word) and name != word
    ]


def _units(text: str) -> int:
    """Length of `text` in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
