"""The commands that print and change the predicted values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import wanted
from neuralpdb.frontends.repl.python_input import expression
from neuralpdb.frontends.repl.stop_view import doubts
from neuralpdb.frontends.repl.table import EDIT, command
from neuralpdb.frontends.text import frames, verdicts
from neuralpdb.output import printable
from neuralpdb.rules.expressions import check, evaluate
from neuralpdb.trace.frames import Event
from neuralpdb.trace.values import described

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


@command("p", group="state", usage="EXPR")
def do_p(repl: Repl, rest: str) -> None:
    """Print the value of an expression over the predicted values; nothing of the program runs."""
    repl.say(Text(printable.inert(evaluate(wanted(rest, "p"), repl.locals()))))


@command("pp", group="state", usage="EXPR")
def do_pp(repl: Repl, rest: str) -> None:
    """Print the value of an expression, laid out over several lines."""
    value = evaluate(wanted(rest, "pp"), repl.locals())
    repl.say(Text(frames.pretty(value, repl.width)))


@command("vars", group="state")
def do_vars(repl: Repl, rest: str) -> None:
    """Print all locals of this function."""
    state = repl.locals()
    wrong = stop_view.wrong(repl) if repl.selected() is None else {}
    if not state and not wrong:
        repl.say(Text("no locals", style="dim"))
    for text in verdicts.variables(state, wrong, doubts(repl, repl.activation().last)):
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
    for text in frames.variables(state):
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
        raise UsageError(f"the type of {printable.short(value)} is not known: only its text is")
    repl.say(Text(printable.inert(found)))


@command("retval", "rv", group="state")
def do_retval(repl: Repl, rest: str) -> None:
    """Print the value that was returned last."""
    returned = next((f for f in reversed(repl.session.history) if f.event is Event.RETURN), None)
    if returned is None or returned.value is None:
        raise UsageError("nothing has returned yet")
    repl.say(Text(printable.inert(returned.value)))


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
        repl.say(Text(f"display {printable.inert(rest)}: {printable.short(repl.displays.add(rest, at))}"))
        return
    repl.say(Text("Currently displaying:", style="dim"))
    for each in repl.displays.of(at):
        repl.say(Text(f"{printable.inert(each.expression)}: {printable.short(each.value)}"))


@command("undisplay", group="state", usage="[EXPR]")
def do_undisplay(repl: Repl, rest: str) -> None:
    """Do not display the expression any more, or none at all in this call."""
    repl.displays.remove(rest, repl.activation())
