"""Python that is typed at the prompt: expressions, edits, input over several lines."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.table import CAREFUL, EDIT, find, names
from neuralpdb.output import printable
from neuralpdb.rules.expressions import assign, evaluate, is_open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuralpdb.frontends.repl.prompt import Repl


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


# -- what is no command, and what is shown at every stop --------------------------------------------------------------


def expression(repl: Repl, text: str) -> None:
    """An assignment edits the state; anything else is evaluated and printed, as pdb does."""
    nodes = _parsed(text)
    if nodes and not isinstance(nodes[0], ast.Expr):
        if repl.careful:
            raise UsageError(f"{text.split()[0]}: {CAREFUL}")
        if not isinstance(nodes[0], _CHANGES):
            raise _not_run(text)
        repl.newest_only("edit")
        repl.moved(repl.session.edit(text))
    elif text:
        state = repl.locals()
        if not nodes or (text.isidentifier() and text not in state):
            raise _not_understood(text, state)
        repl.say(Text(printable.inert(evaluate(text, state))))


_CHANGES = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)
_WORDS = re.compile(r"[^\W\d]\w*(?:\s+[^\s=(\[{.+*/%|&^<>,:-].*)?", re.DOTALL)
"""A command that does not exist, with or without arguments; other text was meant to be Python."""


def _not_understood(text: str, state: Mapping[str, str]) -> UsageError:
    """What is wrong with a line that is neither a command, nor Python, nor the name of a variable."""
    word = text.split()[0]
    if iskeyword(word):
        return _not_run(text)
    if not _WORDS.fullmatch(text):
        try:
            assign(text, state)
        except UsageError as error:
            return error
    bare = word == text
    near = get_close_matches(word, [*names(), *(state if bare else ())], 1, _ALIKE)
    hint = f"did you mean {near[0]}? see: help" if near else "see: help, vars" if bare else "see: help"
    return UsageError(f"unknown command {word!r}" + (", and no variable here" if bare else ""), hint)


def _not_run(text: str) -> UsageError:
    return UsageError(
        f"cannot run {printable.short(text.rstrip(':'))}: nothing is executed", "write !NAME = EXPR, or p EXPR"
    )


_ALIKE = 0.7
"""How alike two names are when one is taken for a slip of the other."""


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
