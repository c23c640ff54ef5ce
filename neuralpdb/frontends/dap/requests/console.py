"""The editor's debug console: expressions with parts to open, every command of the prompt, completions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.debugger.evaluation import Value
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.moving import arrived, run
from neuralpdb.frontends.dap.prompt import Prompt, prompt
from neuralpdb.frontends.dap.requests import breakpoints, lifecycle
from neuralpdb.frontends.dap.requests.table import Reply
from neuralpdb.frontends.dap.session import DapSession
from neuralpdb.frontends.repl.table import commands, find
from neuralpdb.output.printable import inert
from neuralpdb.trace.frames import Frame
from neuralpdb.trace.values import EvaluationError


def carry_out(session: DapSession, text: str, number: int) -> Reply:
    """Carry out text typed into the console: an expression, an edit, or commands, a line each."""
    debugger = session.debugger
    console = session.debuggee.prompt = session.debuggee.prompt or prompt(debugger)
    if console.question is None and (plain := _expression(session, text, number)) is not None:
        body = session.references.value(plain.text, text.strip(), number)
        remarks, name = session.references.remarks_on(text, number)
        printed = "".join(f"{inert(line)}\n" for line in plain.output.splitlines())
        return Reply({**body, "result": printed + body["result"] + remarks.full(name).plain})
    index = session.references.activation(number) if debugger.stack or number else -1
    console.selected = -1 if session.references.is_newest(index) else index
    before, output = debugger.history, ""

    def go() -> Stop:
        nonlocal output
        output = console.typed(text)
        return console.last_stop or Stop(StopKind.STEP, debugger.frame)

    stop = run(session, go, typed=True)
    moved = console.last_stop is not None or not _same(before, debugger.history)
    mistakes = [*console.mistakes, *([session.failure] if session.failure else [])]
    if mistakes and not moved and not output:
        raise UsageError("; ".join(mistakes))
    lines = [output, *(f"*** {inert(each)}" for each in mistakes)]
    body = {"result": "\n".join(line for line in lines if line), "variablesReference": 0}
    return Reply(body, lambda: _afterwards(session, console, stop if moved else None))


def _same(before: Sequence[Frame], after: Sequence[Frame]) -> bool:
    return len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))


def _afterwards(session: DapSession, console: Prompt, stop: Stop | None) -> None:
    breakpoints.report_removed(session)
    if console.loop.left:
        lifecycle.end(session)
    elif stop is not None and stop.kind is StopKind.EDITED and session.client.invalidated and _stayed(stop):
        session.changed("stacks", "variables")
    elif stop is not None:
        arrived(session, stop, typed=True)


def _stayed(stop: Stop) -> bool:
    """Whether an edit changed values, not the place."""
    at = stop.before[-1].last if stop.before else None
    return at is not None and stop.frame is not None and at.place == stop.frame.place


def _expression(session: DapSession, text: str, number: int) -> Value | None:
    """Return the value of an expression; None for a command. The name of a local is an expression, not a command."""
    words, state = text.split(maxsplit=1), session.references.locals(number)
    if text.strip() not in state and (not words or find(words[0]) is not None or "\n" in text.strip()):
        return None
    try:
        return session.references.evaluated(text, number)
    except EvaluationError:
        return None


# -- completion -------------------------------------------------------------------------------------------------------


def targets(text: str, column: int, state: Mapping[str, str], first: int) -> list[dict[str, Any]]:
    """Return locals and, at the start of the line, commands that begin with the word before the cursor.

    column: of the cursor, in UTF-16 units from 0.
    first:  the client's number of the first column.
    """
    before = text.encode("utf-16-le", "surrogatepass")[: 2 * max(column, 0)].decode("utf-16-le", "ignore")
    match = re.search(r"\w*\Z", before)
    word = match[0] if match else ""
    start_of_line = before[: len(before) - len(word)]
    kinds = {} if start_of_line.strip() else {each.names[0]: "function" for each in commands()}
    kinds |= dict.fromkeys(state, "variable")
    start, length = _units(start_of_line) + first, _units(word)
    return [
        {"label": name, "type": kind, "start": start, "length": length}
        for name, kind in kinds.items()
        if name.startswith(word) and name != word
    ]


def _units(text: str) -> int:
    """Return the length of a text in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
