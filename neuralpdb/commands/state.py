"""The commands that print and change the predicted values."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb import contrast, render
from neuralpdb.commands import trust
from neuralpdb.commands.arguments import wanted
from neuralpdb.commands.doubt import doubts
from neuralpdb.commands.table import CAREFUL, EDIT, command, names
from neuralpdb.errors import UsageError
from neuralpdb.evaluate import assign, check, evaluate
from neuralpdb.frames import Event
from neuralpdb.kinds import described

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuralpdb.repl import Repl


@command("p", group="state", usage="EXPR")
def do_p(repl: Repl, rest: str) -> None:
    """Print the value of an expression over the predicted values; nothing of the program runs."""
    repl.say(Text(render.inert(evaluate(wanted(rest, "p"), repl.locals()))))


@command("pp", group="state", usage="EXPR")
def do_pp(repl: Repl, rest: str) -> None:
    """Print the value of an expression, laid out over several lines."""
    value = evaluate(wanted(rest, "pp"), repl.locals())
    repl.say(Text(render.pretty(value, repl.width)))


@command("vars", group="state")
def do_vars(repl: Repl, rest: str) -> None:
    """Print all locals of this function."""
    state = repl.locals()
    wrong = trust.wrong(repl) if repl.selected() is None else {}
    if not state and not wrong:
        repl.say(Text("no locals", style="dim"))
    for text in contrast.variables(state, wrong, doubts(repl, repl.activation().last)):
        repl.say(text)


@command("args", "a", group="state")
def do_args(repl: Repl, rest: str) -> None:
    """Print the arguments of this function."""
    at = repl.activation()
    code = repl.program.code_at(at.function, at.line, at.entered)
    names = code.parameters if code is not None else ()
    state = {name: value for name, value in at.last.locals.items() if name in names}
    if not state:
        repl.say(Text("no arguments", style="dim"))
    for text in render.variables(state):
        repl.say(text)


@command("whatis", group="state", usage="EXPR")
def do_whatis(repl: Repl, rest: str) -> None:
    """Print the type of the value of an expression, as far as its text tells."""
    text, state = wanted(rest, "whatis"), repl.locals()
    found = repl.program.kind_of(text) if text not in state else ""
    if not found:
        value = evaluate(text, state)
        found = described(value, repl.program.bases)
    if not found:
        raise UsageError(f"the type of {render.short(value)} is not known: only its text is")
    repl.say(Text(render.inert(found)))


@command("retval", "rv", group="state")
def do_retval(repl: Repl, rest: str) -> None:
    """Print the value that was returned last."""
    returned = next((f for f in reversed(repl.session.history) if f.event is Event.RETURN), None)
    if returned is None or returned.value is None:
        raise UsageError("nothing has returned yet")
    repl.say(Text(render.inert(returned.value)))


@command(EDIT, group="state", usage="NAME = EXPR")
def do_edit(repl: Repl, rest: str) -> None:
    """Change a predicted value; later frames are predicted anew.
    Also NAME += EXPR, NAME[KEY] = EXPR and del NAME. An expression that is no assignment is printed.
    """
    expression(repl, wanted(rest, EDIT))


@command("display", group="state", usage="[EXPR]")
def do_display(repl: Repl, rest: str) -> None:
    """Show the value of an expression at every stop in this call where it has changed; alone, list them."""
    at = repl.activation()
    if rest:
        check(rest)
        repl.say(Text(f"display {render.inert(rest)}: {render.short(repl.displays.add(rest, at))}"))
        return
    repl.say(Text("Currently displaying:", style="dim"))
    for each in repl.displays.of(at):
        repl.say(Text(f"{render.inert(each.expression)}: {render.short(each.value)}"))


@command("undisplay", group="state", usage="[EXPR]")
def do_undisplay(repl: Repl, rest: str) -> None:
    """Do not display the expression any more, or none at all in this call."""
    repl.displays.remove(rest, repl.activation())


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
        repl.say(Text(render.inert(evaluate(text, state))))


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
        f"cannot run {render.short(text.rstrip(':'))}: nothing is executed", "write !NAME = EXPR, or p EXPR"
    )


_ALIKE = 0.7
"""How alike two names are when one is taken for a slip of the other."""


def show_displays(repl: Repl) -> None:
    """Show what is displayed here and has changed."""
    stack = repl.session.stack
    for name, old, new in repl.displays.changed(stack[-1]) if stack else ():
        repl.say(Text(f"display {render.inert(name)}: {render.short(new)}  [old: {render.short(old)}]"))


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
