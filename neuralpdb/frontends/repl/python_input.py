"""Python that is typed at the prompt: expressions, edits, input over several lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from difflib import get_close_matches
from keyword import iskeyword

from rich.text import Text

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import EDIT, REFUSED, find, names
from neuralpdb.interpreter.rules.expressions import assign, evaluate, is_open
from neuralpdb.output import printable

_CHANGES = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)
_WORDS = re.compile(r"[^\W\d]\w*(?:\s+[^\s=(\[{.+*/%|&^<>,:-].*)?", re.DOTALL)
"""A command that does not exist, with or without arguments; other text was meant to be Python."""
_ALIKE = 0.7
"""Similarity from which on a name is taken for a slip of another: one letter of four may differ, two may not."""


def is_open_line(line: str) -> bool:
    """Whether an expression or an edit goes on in the next line; as in pdb only one without a command before it."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    return (line.startswith(EDIT) or find(word) is None) and is_open(line.removeprefix(EDIT).strip())


def expression(prompt: Prompt, text: str) -> Stop | None:
    """Edit the state by an assignment, or evaluate and print anything else, as pdb does. Raises UsageError."""
    try:
        nodes = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        nodes = []
    if nodes and not isinstance(nodes[0], ast.Expr):
        if prompt.restricted:
            raise UsageError(f"{text.split()[0]}: {REFUSED}")
        if not isinstance(nodes[0], _CHANGES):
            raise _not_run(text)
        prompt.newest_only("edit")
        return prompt.session.edit(text)
    if text:
        state = prompt.locals()
        if not nodes or (text.isidentifier() and text not in state):
            raise _not_understood(text, state)
        prompt.say(stop_view.value(prompt, text, Text(printable.inert(evaluate(text, state)))))
    return None


def _not_understood(text: str, state: Mapping[str, str]) -> UsageError:
    """Return what is wrong with a line that is neither a command, nor Python, nor the name of a variable."""
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
