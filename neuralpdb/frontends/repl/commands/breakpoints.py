"""The commands about what stops a movement: breakpoints, conditions, counts, watched expressions. Words are pdb's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.debugger.breakpoints import Breakpoint, Breakpoints, checked
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import number_of, wanted
from neuralpdb.frontends.repl.table import command, is_movement
from neuralpdb.output import printable
from neuralpdb.rules.expressions import check, evaluate
from neuralpdb.trace.values import EvaluationError

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


@command("break", "b", group="break", usage="[PLACE[, EXPR]]")
def do_break(repl: Repl, rest: str) -> None:
    """Stop whenever a line or a function is about to run and EXPR holds; alone, list all breakpoints.
    PLACE is LINE, FILE:LINE or FUNCTION; on the line of a def it is the call. An EXPR that cannot be evaluated stops,
    and it is said why.
    """
    if rest:
        _set(repl, rest, "break")
    elif not len(repl.session.breakpoints):
        repl.say(Text("no breakpoints", style="dim"))
    else:
        repl.say(Text("Num Type         Disp Enb   Where", style="dim"))
        for point in repl.session.breakpoints:
            repl.say(Text("\n".join(map(printable.inert, _rows(repl.session.breakpoints, point)))))


@command("tbreak", group="break", usage="PLACE[, EXPR]")
def do_tbreak(repl: Repl, rest: str) -> None:
    """Set a breakpoint as `break` does, for one stop: then it is deleted."""
    _set(repl, rest, "tbreak", temporary=True)


@command("watch", group="break", usage="EXPR[, CONDITION]")
def do_watch(repl: Repl, rest: str) -> None:
    """Stop when the value of EXPR changes within one call of this function; with the old value and the new one.
    When it is about no variable of this function: within one call of any. It is a breakpoint: condition, ignore,
    commands, enable, disable and clear take its number.
    """
    expression, condition = _split(wanted(rest, "watch"))
    function = repl.session.breakpoints.scope(expression, repl.activation()) if repl.session.stack else ""
    point = repl.session.breakpoints.watch(expression, function=function, condition=condition)
    try:
        now = printable.short(evaluate(expression, repl.locals() if repl.session.stack else {}))
    except EvaluationError as error:
        now = f"no value yet: {printable.inert(error.message)}"
    place = printable.inert(repl.session.breakpoints.place(point))
    repl.say(Text(f"Watchpoint {point.number}: {place} ({now})"))


@command("condition", group="break", usage="N [EXPR]")
def do_condition(repl: Repl, rest: str) -> None:
    """Let breakpoint N stop only where EXPR holds; without one, always."""
    point, condition = _numbered(repl, rest)
    point.condition = checked(condition)
    told = "New condition set for breakpoint {}." if condition else "Breakpoint {} is now unconditional."
    repl.say(Text(told.format(point.number)))


@command("ignore", group="break", usage="N [COUNT]")
def do_ignore(repl: Repl, rest: str) -> None:
    """Let breakpoint N not stop the next COUNT times; without a count, let it stop again."""
    point, text = _numbered(repl, rest)
    count = number_of(text or "0")
    if count is None:
        raise UsageError(f"ignore {rest}: not a count", f"for example ignore {point.number} 2")
    point.ignore = count
    crossings = f"{count} crossing{'s' * (count > 1)}"
    told = f"Will ignore next {crossings} of breakpoint {point.number}."
    repl.say(Text(told if count else f"Will stop next time breakpoint {point.number} is reached."))


@command("commands", group="break", usage="[N]")
def do_commands(repl: Repl, rest: str) -> None:
    """Say what to carry out whenever breakpoint N, or the last one, stops: one command a line, then `end`.
    A command that moves ends the list, as `end` does. With `silent` in it the stop is not shown. Nothing but `end`
    takes the commands away.
    """
    points = repl.session.breakpoints
    if not points.last:
        raise UsageError("there is no breakpoint", "set one with: break LINE")
    point = _found(repl, rest or str(points.last))
    lines: list[str] = []

    def take(line: str) -> bool:
        if line not in ("", "end"):
            lines.append(line)
        done = line == "end" or is_movement(line)
        if done:
            point.silent = "silent" in lines
            point.commands = tuple(each for each in lines if each != "silent")
        return done

    repl.ask("(com) ", take, "command definition aborted, old commands kept")


@command("clear", "cl", group="break", usage="[PLACE | N...]")
def do_clear(repl: Repl, rest: str) -> None:
    """Remove breakpoints: those of these numbers, those at a place (FILE:LINE), or all of them.
    Before it removes all it asks, where somebody can answer.
    """
    points = repl.session.breakpoints

    def answered(answer: str) -> bool:
        if answer.lower() in ("y", "yes"):
            _clear(repl, list(points))
        return True

    if not rest and repl.blocks and len(points):
        repl.ask("Clear all breaks? ", answered, "")
    elif not rest and not len(points):
        repl.say(Text("no breakpoints", style="dim"))
    elif not rest:
        _clear(repl, list(points))
    elif ":" in rest:
        _clear(repl, _at(repl, rest))
    else:
        _each(repl, rest, lambda point: _clear(repl, [point]))


@command("enable", group="break", usage="[N...]")
def do_enable(repl: Repl, rest: str) -> None:
    """Let these breakpoints, or all of them, stop again."""
    _each(repl, rest or _all(repl), lambda point: _switch(repl, point, True))


@command("disable", group="break", usage="[N...]")
def do_disable(repl: Repl, rest: str) -> None:
    """Let these breakpoints, or all of them, stop nothing until they are enabled."""
    _each(repl, rest or _all(repl), lambda point: _switch(repl, point, False))


# -- small parts ----------------------------------------------------------------------------------------------------


def _set(repl: Repl, text: str, what: str, temporary: bool = False) -> None:
    place, _, condition = (part.strip() for part in wanted(text, what).partition(","))
    points, program = repl.session.breakpoints, repl.program
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
    repl.say(Text(f"Breakpoint {point.number} at {printable.inert(points.place(point))}"))


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


def _found(repl: Repl, text: str) -> Breakpoint:
    number = number_of(text)
    if number is None:
        raise UsageError(f"Non-numeric breakpoint number {text}", "see: break")
    return repl.session.breakpoints.find(number)


def _numbered(repl: Repl, rest: str) -> tuple[Breakpoint, str]:
    """The breakpoint that `rest` begins with, and what is behind its number."""
    number, _, text = rest.partition(" ")
    if not number:
        raise UsageError("Breakpoint number expected", "see: break")
    return _found(repl, number), text.strip()


def _each(repl: Repl, rest: str, act: Callable[[Breakpoint], None]) -> None:
    """Do something with every breakpoint that is named; what is wrong with one does not stop the others."""
    for text in rest.split():
        try:
            act(_found(repl, text))
        except UsageError as error:
            repl.error(str(error))


def _all(repl: Repl) -> str:
    return " ".join(str(point.number) for point in repl.session.breakpoints)


def _at(repl: Repl, place: str) -> list[Breakpoint]:
    file, _, line = place.rpartition(":")
    found = repl.session.breakpoints.at(number_of(line.strip()) or 0)
    if not repl.session.breakpoints.is_own(file.strip()) or not found:
        raise UsageError(f"There are no breakpoints at {place}", "see: break")
    return found


def _clear(repl: Repl, found: Sequence[Breakpoint]) -> None:
    for point in found:
        repl.session.breakpoints.clear(point)
        repl.say(Text(f"Deleted {printable.inert(repl.session.breakpoints.describe(point))}"))


def _switch(repl: Repl, point: Breakpoint, enabled: bool) -> None:
    point.enabled = enabled
    told = printable.inert(repl.session.breakpoints.describe(point))
    repl.say(Text(f"{'Enabled' if enabled else 'Disabled'} {told}"))
