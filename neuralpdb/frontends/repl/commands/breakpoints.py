"""Commands of the group `break`: breakpoints, conditions, counts, watched expressions, in pdb's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.text import Text

from neuralpdb.debugger.breakpoints import Breakpoint, Breakpoints, checked
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import completion
from neuralpdb.frontends.repl.arguments import number_of, required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command, is_movement
from neuralpdb.output import printable
from neuralpdb.program.typed import check
from neuralpdb.trace.values import EvaluationError


@command("break", "b", group="break", usage="[PLACE[, EXPR]]", allowed_in_project_rc=True, completes=completion.places)
def do_break(prompt: Prompt, argument: str) -> None:
    """Stop whenever a line or a function is about to run and EXPR holds; alone, list all breakpoints.
    PLACE is LINE, FILE:LINE or FUNCTION; on the line of a def it is the call. An EXPR that cannot be evaluated stops
    too, and the stop says why.
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
    When EXPR names no variable of this function: within one call of any function. It is a breakpoint: condition,
    ignore, commands, enable, disable and clear take its number.
    """
    expression, condition = _split(required(argument, "watch"))
    at = prompt.activation() if prompt.session.stack else None
    function = prompt.session.breakpoints.scope(expression, at) if at is not None else ""
    point = prompt.session.breakpoints.watch(expression, function=function, condition=condition)
    try:
        value = printable.short(prompt.session.evaluator.value(expression, prompt.session.history, at))
    except EvaluationError as error:
        value = f"no value yet: {printable.inert(error.message)}"
    place = printable.inert(prompt.session.breakpoints.place(point))
    prompt.say(Text(f"Watchpoint {point.number}: {place} ({value})"))


@command("condition", group="break", usage="N [EXPR]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_condition(prompt: Prompt, argument: str) -> None:
    """Let breakpoint N stop only where EXPR holds; without one, always."""
    point, condition = _numbered(prompt, argument)
    point.condition = checked(condition)
    message = "New condition set for breakpoint {}." if condition else "Breakpoint {} is now unconditional."
    prompt.say(Text(message.format(point.number)))


@command("ignore", group="break", usage="N [COUNT]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_ignore(prompt: Prompt, argument: str) -> None:
    """Ignore the next COUNT crossings of breakpoint N; without a count, stop again."""
    point, text = _numbered(prompt, argument)
    count = number_of(text or "0")
    if count is None:
        raise UsageError(f"ignore {argument}: not a count", f"for example ignore {point.number} 2")
    point.ignore = count
    if count:
        prompt.say(Text(f"Will ignore next {count} crossing{'s' * (count > 1)} of breakpoint {point.number}."))
    else:
        prompt.say(Text(f"Will stop next time breakpoint {point.number} is reached."))


@command("commands", group="break", usage="[N]", completes=completion.breakpoints)
def do_commands(prompt: Prompt, argument: str) -> None:
    """Define the commands to run whenever breakpoint N, or the last one, stops: one a line, then `end`.
    A command that moves ends the list, as `end` does. With `silent` among them the stop is not shown. `end` alone
    takes the commands away.
    """
    points = prompt.session.breakpoints
    if not points.last:
        raise UsageError("there is no breakpoint", "set one with: break LINE")
    point = _breakpoint(prompt, argument or str(points.last))
    lines: list[str] = []

    def take(text: str) -> bool:
        line = text.strip()
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
    """Remove breakpoints: by their numbers, at a place (FILE:LINE), or all of them.
    In a terminal it asks before it removes all.
    """
    points = prompt.session.breakpoints

    def take(answer: str) -> bool:
        if answer.strip().lower() in ("y", "yes"):
            _clear(prompt, points)
        return True

    if not argument and prompt.multiline and len(points):
        prompt.ask("Clear all breaks? ", take, "")
    elif not argument and not len(points):
        prompt.say(Text("no breakpoints", style="dim"))
    elif not argument:
        _clear(prompt, points)
    elif ":" in argument:
        _clear(prompt, _at_place(prompt, argument))
    else:
        _for_each(prompt, argument, lambda point: _clear(prompt, [point]))


@command("enable", group="break", usage="[N...]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_enable(prompt: Prompt, argument: str) -> None:
    """Enable breakpoints by their numbers, or all of them."""
    _for_each(prompt, argument, lambda point: _switch(prompt, point, True))


@command("disable", group="break", usage="[N...]", allowed_in_project_rc=True, completes=completion.breakpoints)
def do_disable(prompt: Prompt, argument: str) -> None:
    """Disable breakpoints by their numbers, or all of them, until they are enabled again."""
    _for_each(prompt, argument, lambda point: _switch(prompt, point, False))


# -- small parts ----------------------------------------------------------------------------------------------------


def _set(prompt: Prompt, argument: str, name: str, temporary: bool = False) -> None:
    """Set the breakpoint that the command `name` is asked for."""
    place, _, condition = (part.strip() for part in required(argument, name).partition(","))
    points, program = prompt.session.breakpoints, prompt.program
    file, colon, line = place.rpartition(":")
    if colon and not points.is_own(file.strip()):
        raise UsageError(f"{name} {place}: only {program.name} is predicted", f"for example {name} 12")
    number = number_of(line.strip())
    if number is not None and 1 <= number <= len(program.lines):
        point = points.set(number, condition=condition, temporary=temporary)
    elif colon or not points.is_function(place):
        start, separator, test = place.partition(" if ")
        hint = f"a condition follows a comma: {name} {start.strip()}, {test.strip()}" if separator else "see: list"
        raise UsageError(f"{name} {place}: neither a function nor a line from 1 to {len(program.lines)}", hint)
    else:
        point = points.set_at_function(place, condition=condition, temporary=temporary)
    prompt.say(Text(f"Breakpoint {point.number} at {printable.inert(points.place(point))}"))


def _split(text: str) -> tuple[str, str]:
    """Split `EXPR, CONDITION` at the first comma that is not inside EXPR."""
    for i in (i for i, char in enumerate(text) if char == ","):
        try:
            check(text[:i])
        except EvaluationError:
            continue
        return text[:i].strip(), text[i + 1 :].strip()
    return text, ""


def _rows(points: Breakpoints, point: Breakpoint) -> list[str]:
    """Return a breakpoint as pdb lists it."""
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


def _breakpoint(prompt: Prompt, text: str) -> Breakpoint:
    """Return the breakpoint with that number. Raises UsageError."""
    number = number_of(text)
    if number is None:
        raise UsageError(f"Non-numeric breakpoint number {text}", "see: break")
    return prompt.session.breakpoints.find(number)


def _numbered(prompt: Prompt, argument: str) -> tuple[Breakpoint, str]:
    """Return the breakpoint whose number comes first, and the text behind it. Raises UsageError."""
    number, _, text = argument.partition(" ")
    if not number:
        raise UsageError("Breakpoint number expected", "see: break")
    return _breakpoint(prompt, number), text.strip()


def _for_each(prompt: Prompt, numbers: str, act: Callable[[Breakpoint], None]) -> None:
    """Call `act` with every breakpoint of `numbers`, all where there is none; a wrong number is said, no more."""
    for text in numbers.split() or [str(point.number) for point in prompt.session.breakpoints]:
        try:
            act(_breakpoint(prompt, text))
        except UsageError as error:
            prompt.error(str(error))


def _at_place(prompt: Prompt, place: str) -> list[Breakpoint]:
    """Return the breakpoints at FILE:LINE. Raises UsageError when there are none."""
    file, _, line = place.rpartition(":")
    points = prompt.session.breakpoints.at(number_of(line.strip()) or 0)
    if not prompt.session.breakpoints.is_own(file.strip()) or not points:
        raise UsageError(f"There are no breakpoints at {place}", "see: break")
    return points


def _clear(prompt: Prompt, points: Iterable[Breakpoint]) -> None:
    for point in points:
        prompt.session.breakpoints.clear(point)
        prompt.say(Text(f"Deleted {printable.inert(prompt.session.breakpoints.describe(point))}"))


def _switch(prompt: Prompt, point: Breakpoint, enabled: bool) -> None:
    point.enabled = enabled
    name = printable.inert(prompt.session.breakpoints.describe(point))
    prompt.say(Text(f"{'Enabled' if enabled else 'Disabled'} {name}"))
