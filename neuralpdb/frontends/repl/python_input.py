"""Python that is typed at the prompt: expressions, statements, input over several lines."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from keyword import iskeyword

from rich.text import Text

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import EDIT, REFUSED, find, names
from neuralpdb.output import printable
from neuralpdb.program.typed import is_open, only_looks, statements
from neuralpdb.trace.values import EvaluationError

_WORDS = re.compile(r"[^\W\d]\w*(?:\s+[^\s=(\[{.+*/%|&^<>,:-].*)?", re.DOTALL)
"""A command that does not exist, with or without arguments; other text was meant to be Python."""
_ALIKE = 0.7
"""Similarity from which on a name is taken for a slip of another: one letter of four may differ, two may not."""


def is_open_line(line: str) -> bool:
    """Whether an expression or an edit goes on in the next line; as in pdb only one without a command before it."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    return (line.startswith(EDIT) or find(word) is None) and is_open(line.removeprefix(EDIT).strip())


def carry_out(prompt: Prompt, text: str, *, changes: bool = False) -> Stop | None:
    """Run statements as one edit, or evaluate and print an expression, as pdb does. Raises UsageError.

    changes: an expression is a statement, too, if it calls more than builtins that look at something.
    """
    if not text:
        return None
    try:
        body = statements(text)
    except EvaluationError as error:
        raise _not_understood(prompt, text, error) from None
    first = body[0]
    if len(body) > 1 or not isinstance(first, ast.Expr) or (changes and not only_looks(first.value)):
        if prompt.restricted:
            raise UsageError(f"{text.split()[0]}: {REFUSED}")
        return edit(prompt, text)
    try:
        value = prompt.evaluate(text)
    except EvaluationError as error:
        raise (_not_understood(prompt, text, error) if text.isidentifier() else error) from None
    if value != "None" or not isinstance(first.value, ast.Call):
        prompt.say(stop_view.value(prompt, text, Text(printable.inert(value))))
    return None


def edit(prompt: Prompt, text: str) -> Stop:
    """Run statements as one edit, print what they print, and the value of the last one. Raises UsageError."""
    prompt.newest_only("edit")
    try:
        stop = prompt.session.edit(text)
    except EvaluationError as error:
        prompt.printed(error.output)
        raise
    prompt.printed(stop.output)
    if stop.value is not None:
        prompt.say(Text(printable.inert(stop.value)))
    return stop


def _not_understood(prompt: Prompt, text: str, error: UsageError) -> UsageError:
    """Return what is wrong with a line that is neither a command, nor Python, nor the name of a variable.

    error: what Python says of it.
    """
    word = text.split()[0]
    if iskeyword(word) or not _WORDS.fullmatch(text):
        return error
    bare = word == text
    near = get_close_matches(word, [*names(), *(prompt.locals() if bare else ())], 1, _ALIKE)
    hint = f"did you mean {near[0]}? see: help" if near else "see: help, vars" if bare else "see: help"
    return UsageError(f"unknown command {word!r}" + (", and no variable here" if bare else ""), hint)
