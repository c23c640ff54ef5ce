"""Commands that print and change the predicted values."""

from __future__ import annotations

from contextlib import suppress

from rich.text import Text

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.python_input import carry_out
from neuralpdb.frontends.repl.stop_view import doubts
from neuralpdb.frontends.repl.table import EDIT, command
from neuralpdb.frontends.text import frames, marks, verdicts
from neuralpdb.output import printable
from neuralpdb.program.typed import check
from neuralpdb.trace.frames import VALUE, Event
from neuralpdb.trace.parts import is_object
from neuralpdb.trace.values import EvaluationError, described


@command("p", group="state", usage="EXPR", allowed_in_project_rc=True)
def do_p(prompt: Prompt, argument: str) -> None:
    """Print the value of an expression; it may call the program's functions and methods.
    The interpreter of neuralpdb carries it out, and looks only: whatever it changes is as before afterwards. What it
    prints is shown. What depends on the world (files, input, time) is said.
    """
    value = prompt.evaluate(required(argument, "p"))
    prompt.say(stop_view.value(prompt, argument, Text(printable.inert(value))))


@command("pp", group="state", usage="EXPR", allowed_in_project_rc=True)
def do_pp(prompt: Prompt, argument: str) -> None:
    """Print the value of an expression, laid out over several lines; of an object also its attributes."""
    value = prompt.evaluate(required(argument, "pp"))
    prompt.say(stop_view.value(prompt, argument, Text(frames.pretty(value, prompt.width))))
    if not is_object(value):
        return
    with suppress(EvaluationError):
        parts = prompt.session.evaluator.children(argument, prompt.session.history, prompt.activation())
        for each in parts.items:
            prompt.say(Text(f"    .{printable.inert(each.label)} = {printable.short(each.text)}"))
        if parts.left:
            prompt.say(Text(f"    and {parts.left:,} more", style="dim"))


@command("vars", group="state", allowed_in_project_rc=True)
def do_vars(prompt: Prompt, argument: str) -> None:
    """Print all locals of this function."""
    state = prompt.locals()
    wrong = stop_view.wrong(prompt) if prompt.caller_depth() is None else {}
    if not state and not wrong:
        prompt.say(Text("no locals", style="dim"))
    at = prompt.activation()
    for text in verdicts.variables(state, wrong, doubts(prompt, at.last), marks.at(prompt, at)):
        prompt.say(text)


@command("args", "a", group="state", allowed_in_project_rc=True)
def do_args(prompt: Prompt, argument: str) -> None:
    """Print the arguments of this function."""
    at = prompt.activation()
    code = prompt.program.code_at(at.function, at.line, at.entered)
    names = code.parameters if code is not None else ()
    state = {name: value for name, value in at.last.locals.items() if name in names}
    if not state:
        prompt.say(Text("no arguments", style="dim"))
    for text in frames.variables(state, marks.at(prompt, at)):
        prompt.say(text)


@command("whatis", group="state", usage="EXPR", allowed_in_project_rc=True)
def do_whatis(prompt: Prompt, argument: str) -> None:
    """Print the type of the value of an expression."""
    text, state = required(argument, "whatis"), prompt.locals()
    kind = prompt.program.kind_of(text) if text not in state else ""
    if not kind:
        value = prompt.evaluate(text)
        kind = described(value, prompt.program.bases)
    if not kind:
        with suppress(EvaluationError):
            kind = prompt.session.evaluator.value(f"type({text})", prompt.session.history, prompt.activation())
    if not kind:
        raise UsageError(f"the type of {printable.short(value)} is unknown: only its text is predicted")
    prompt.say(Text(printable.inert(kind)))


@command("retval", "rv", group="state", allowed_in_project_rc=True)
def do_retval(prompt: Prompt, argument: str) -> None:
    """Print the value that was returned last."""
    returned = next((f for f in reversed(prompt.session.history) if f.event is Event.RETURN), None)
    if returned is None or returned.value is None:
        raise UsageError("nothing has returned yet")
    prompt.say(Text(printable.inert(returned.value)).append_text(marks.of(prompt, returned).full(VALUE)))


@command(EDIT, group="state", usage="STATEMENT")
def do_edit(prompt: Prompt, argument: str) -> Stop | None:
    """Run a statement here, as one edit, which `back` undoes; what follows is computed and predicted anew from there.
    It changes what it would change in the program: NAME = EXPR, OBJECT.NAME = EXPR, LIST.append(EXPR), del NAME, an
    import, several with ; between them, a block over several lines that an empty line ends. An expression that calls
    nothing but builtins such as len() is printed.
    """
    return carry_out(prompt, required(argument, EDIT), changes=True)


@command("display", group="state", usage="[EXPR]", allowed_in_project_rc=True)
def do_display(prompt: Prompt, argument: str) -> None:
    """Show the value of an expression at every stop in this call where it has changed; alone, list them."""
    at = prompt.activation()
    if argument:
        check(argument)
        value = prompt.displays.add(argument, prompt.session.history, at)
        prompt.say(Text(f"display {printable.inert(argument)}: {printable.short(value)}"))
        return
    prompt.say(Text("Currently displaying:", style="dim"))
    for display in prompt.displays.of(at):
        prompt.say(Text(f"{printable.inert(display.expression)}: {printable.short(display.value)}"))


@command("undisplay", group="state", usage="[EXPR]", allowed_in_project_rc=True)
def do_undisplay(prompt: Prompt, argument: str) -> None:
    """Stop displaying the expression, or all expressions of this call."""
    prompt.displays.remove(argument, prompt.activation())
