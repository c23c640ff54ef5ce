"""The commands about what stops a movement: breakpoints, conditions, counts, watched expressions. Words are pdb's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from neuralpdb.debugger.breakpoints import Breakpoint, Breakpoints, checked
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import completion
from neuralpdb.frontends.repl.arguments import number_of, wanted
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command, is_movement
from neuralpdb.interpreter.rules.expressions import check, evaluate
from neuralpdb.output import printable
from neuralpdb.trace.values import EvaluationError


@command("break", "b", group="break", usage="[PLACE[, EXPR]]", allowed_in_project_rc=True, completes=completion.places)
def do_break(prompt: Prompt, argument: str) -> None:
    """Stop whenever a line or a function is about to run and EXPR holds; alone, list all breakpoints.
    PLACE is LINE, FILE:LINE or FUNCTION; on the line of a def it is the call. An EXPR that cannot be evaluated stops,
    and it is said why.
    """
    if argument:
        _set(prompt, argument, "break")
    elif not len(prompt.session.breakpoints):
        prompt.say(Text("no breakpoints", style="dim"))
    else:
        prompt.say(Text("Num Type         Disp Enb   Where", style="dim"))
        for point in prompt.session.breakpoints:
            prompt.say(Text("\n".join(map(printable.inert, _rows(prompt.session.breakpoints, point)))))


@command("tbreak", group="break", usage="PLACE[, EXPR]", allowed_in_project_rc=True, completes=completion.places)
def do_tbreak(prompt: Prompt, argument: str) -> None:
    """Set a breakpoint as `break` does, for one stop: then it is deleted."""
    _set(prompt, argument, "tbreak", temporary=True)


@command("watch", group="break", usage="EXPR[, CONDITION]", allowed_in_project_rc=True)
def do_watch(prompt: Prompt, argument: str) -> None:
    """Stop when the value of EXPR changes within one call of this function; with the old value and the new one.
    When it is about no variable of this function: within one call of any. It is a breakpoint: condition, ignore,
    commands, enable, disable and clear take its number.
    """
    expression, condition = _split(wanted(argument, "watch"))
    function = prompt.session.breakpoints.scope(expression, prompt.activation()) if prompt.session.stack else ""
    point = prompt.session.breakpoints.watch(expression, function=function, condition=condition)
    try:
        now = printable.short(evaluate(expression, prompt.locals() if prompt.session.stack else {}))
    except EvaluationError as error:
        now = f"no value yet: {printable.inert(error.message)}"
    place = printable.inert(prompt.session.breakpoints.place(point))
    prompt.say(Text(f"Watchpoint {point.number}: {place} ({now})"))


@command("condition", group="break", usage="N [EXPR]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_condition(prompt: Prompt, argument: str) -> None:
    """Let breakpoint N stop only where EXPR holds; without one, always."""
    point, condition = _numbered(prompt, argument)
    point.condition = checked(condition)
    told = "New condition set for breakpoint {}." if condition else "Breakpoint {} is now unconditional."
    prompt.say(Text(told.format(point.number)))


@command("ignore", group="break", usage="N [COUNT]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_ignore(prompt: Prompt, argument: str) -> None:
    """Let breakpoint N not stop the next COUNT times; without a count, let it stop again."""
    point, text = _numbered(prompt, argument)
    count = number_of(text or "0")
    if count is None:
        raise UsageError(f"ignore {argument}: not a count", f"for example ignore {point.number} 2")
    point.ignore = count
    crossings = f"{count} crossing{'s' * (count > 1)}"
    told = f"Will ignore next {crossings} of breakpoint {point.number}."
    prompt.say(Text(told if count else f"Will stop next time breakpoint {point.number} is reached."))


@command("commands", group="break", usage="[N]", completes=completion.breakpoints)
def do_commands(prompt: Prompt, argument: str) -> None:
    """Say what to carry out whenever breakpoint N, or the last one, stops: one command a line, then `end`.
    A command that moves ends the list, as `end` does. With `silent` in it the stop is not shown. Nothing but `end`
    takes the commands away.
    """
    points = prompt.session.breakpoints
    if not points.last:
        raise UsageError("there is no breakpoint", "set one with: break LINE")
    point = _found(prompt, argument or str(points.last))
    lines: list[str] = []

    def take(line: str) -> bool:
        if line not in ("", "end"):
            lines.append(line)
        done = line == "end" or is_movement(line)
        if done:
            point.silent = "silent" in lines
            point.commands = tuple(each for each in lines if each != "silent")
        return done

    prompt.ask("(com) ", take, "command definition aborted, old commands kept")


@command(
    "clear", "cl", group="break", usage="[PLACE | N...]", allowed_in_project_rc=True, completes=completion.breakpoints
)
def do_clear(prompt: Prompt, argument: str) -> None:
    """Remove breakpoints: those of these numbers, those at a place (FILE:LINE), or all of them.
    Before it removes all it asks, where somebody can answer.
    """
    points = prompt.session.breakpoints

    def answered(answer: str) -> bool:
        if answer.lower() in ("y", "yes"):
            _clear(prompt, list(points))
        return True

    if not argument and prompt.multiline and len(points):
        prompt.ask("Clear all breaks? ", answered, "")
    elif not argument and not len(points):
        prompt.say(Text("no breakpoints", style="dim"))
    elif not argument:
        _clear(prompt, list(points))
    elif ":" in argument:
        _clear(prompt, _at(prompt, argument))
    else:
        _each(prompt, argument, lambda point: _clear(prompt, [point]))


@command("enable", group="break", usage="[N...]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_enable(prompt: Prompt, argument: str) -> None:
    """Let these breakpoints, or all of them, stop again."""
    _each(prompt, argument or _all(prompt), lambda point: _switch(prompt, point, True))


@command("disable", group="break", usage="[N...]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_disable(prompt: Prompt, argument: str) -> None:
    """Let these breakpoints, or all of them, stop nothing until they are enabled."""
    _each(prompt, argument or _all(prompt), lambda point: _switch(prompt, point, False))


# -- small parts ----------------------------------------------------------------------------------------------------


def _set(prompt: Prompt, text: str, what: str, temporary: bool = False) -> None:
    place, _, condition = (part.strip() for part in wanted(text, what).partition(","))
    points, program = prompt.session.breakpoints, prompt.program
    file, colon, line = place.rpartition(":")
    if colon and not points.is_own(file.strip()):
        raise UsageError(f"{what} {place}: only {program.name} is predicted", f"for example {what} 12")
    number = number_of(line.strip())
    if number is not None and 1 <= number <= len(program.lines):
        point = points.set(number, condition=condition, temporary=temporary)
    elif colon or not points.is_function(place):
        at, spelled, test = place.partition(" if ")
        hint = f"a condition follows a comma: {what} {at.strip()}, {test.strip()}" if spelled else "see: list"
        raise UsageError(f"{what} {place}: neither a function nor a line from 1 to {len(program.lines)}", hint)
    else:
        point = points.set_at_function(place, condition=condition, temporary=temporary)
    prompt.say(Text(f"Breakpoint {point.number} at {printable.inert(points.place(point))}"))


def _split(text: str) -> tuple[str, str]:
    """`EXPR, CONDITION` at the first comma that is not inside of EXPR."""
    for i in (i for i, char in enumerate(text) if char == ","):
        try:
            check(text[:i])
        except EvaluationError:
            continue
        return text[:i].strip(), text[i + 1 :].strip()
    return text, ""


def _rows(points: Breakpoints, point: Breakpoint) -> list[str]:
    """A breakpoint as pdb lists it."""
    disposition = f"{'del' if point.temporary else 'keep':<5}{'yes' if point.enabled else 'no':<5} "
    where = f"{'on' if point.watched else 'at'} {points.place(point)}"
    rows = [f"{point.number:<4}{point.kind}   {disposition}{where}"]
    if point.condition:
        rows.append(f"        stop only if {point.condition}")
    if point.ignore:
        rows.append(f"        ignore next {point.ignore} hits")
    if point.hits:
        rows.append(f"        breakpoint already hit {point.hits} time{'s' * (point.hits > 1)}")
    return rows


def _found(prompt: Prompt, text: str) -> Breakpoint:
    number = number_of(text)
    if number is None:
        raise UsageError(f"Non-numeric breakpoint number {text}", "see: break")
    return prompt.session.breakpoints.find(number)


def _numbered(prompt: Prompt, argument: str) -> tuple[Breakpoint, str]:
    """The breakpoint that `argument` begins with, and what is behind its number."""
    number, _, text = argument.partition(" ")
    if not number:
        raise UsageError("Breakpoint number expected", "see: break")
    return _found(prompt, number), text.strip()


def _each(prompt: Prompt, argument: str, act: Callable[[Breakpoint], None]) -> None:
    """Do something with every breakpoint that is named; what is wrong with one does not stop the others."""
    for text in argument.split():
        try:
            act(_found(prompt, text))
        except UsageError as error:
            prompt.error(str(error))


def _all(prompt: Prompt) -> str:
    return " ".join(str(point.number) for point in prompt.session.breakpoints)


def _at(prompt: Prompt, place: str) -> list[Breakpoint]:
    file, _, line = place.rpartition(":")
    found = prompt.session.breakpoints.at(number_of(line.strip()) or 0)
    if not prompt.session.breakpoints.is_own(file.strip()) or not found:
        raise UsageError(f"There are no breakpoints at {place}", "see: break")
    return found


def _clear(prompt: Prompt, found: Sequence[Breakpoint]) -> None:
    for point in found:
        prompt.session.breakpoints.clear(point)
        prompt.say(Text(f"Deleted {printable.inert(prompt.session.breakpoints.describe(point))}"))


def _switch(prompt: Prompt, point: Breakpoint, enabled: bool) -> None:
    point.enabled = enabled
    told = printable.inert(prompt.session.breakpoints.describe(point))
    prompt.say(Text(f"{'Enabled' if enabled else 'Disabled'} {told}"))
