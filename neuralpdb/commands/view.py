"""The commands that show source and the call stack, and select the activation to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb import render
from neuralpdb.commands import trust
from neuralpdb.commands.arguments import count, number_of, wanted
from neuralpdb.commands.table import command
from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.repl import Repl

_LINES = 11
"""Lines that `list` shows at once."""
_BELOW = 12
"""Lines of a terminal that a long function leaves to the stop and the prompt."""


@command("list", "l", group="view", usage="[LINE[,LAST] | .]", repeats=True)
def do_list(repl: Repl, rest: str) -> None:
    """List source around the present line, then on from there; `list .` starts over.
    list 5 lists around line 5, list 5,9 from line 5 to 9, list 5,3 three lines more than line 5.
    """
    first, last = _range(repl, rest)
    end = len(repl.program.lines)
    _show_lines(repl, first, min(last, end))
    repl.listed = min(last, end)
    if last > end:
        repl.say(Text("[EOF]", style="dim"))


def here(repl: Repl) -> None:
    """List source around the present line, as the first thing that is shown."""
    first, last = _range(repl, ".")
    _show_lines(repl, first, last)


def _range(repl: Repl, rest: str) -> tuple[int, int]:
    """First and last line that `list` is to show; the last can be beyond the end. Raises UsageError."""
    start, comma, end = rest.partition(",")
    numbers = [number_of(text.strip()) for text in (start, *([end] if comma else []))]
    if rest in ("", "."):
        current = repl.activation().line if repl.session.stack else 1
        first = repl.listed + 1 if repl.listed and not rest else max((current or 1) - _LINES // 2, 1)
    elif None in numbers or numbers[0] == 0:
        raise UsageError(f"list {rest}: not what list takes", "for example list 5, or list 5,9")
    else:
        first = numbers[0] or 1
        if comma:
            last = numbers[1] or 0
            return first, first + last if last < first else last  # less than the first: a count, as in pdb
        first = max(first - _LINES // 2, 1)
    return first, first + _LINES - 1


@command("longlist", "ll", group="view")
def do_longlist(repl: Repl, rest: str) -> None:
    """List the whole function."""
    _show_lines(repl, *_function(repl))


def _function(repl: Repl) -> tuple[int, int]:
    """First and last line of the function that is looked at, or of the file."""
    at = repl.activation()
    code = repl.program.code_at(at.function, at.line, at.entered)
    if code is None or code.is_module:
        return 1, len(repl.program.lines)
    return code.first_line, max(code.lines)


@command("sticky", group="view", usage="[on | off]")
def do_sticky(repl: Repl, rest: str) -> None:
    """Show the whole function at every stop, or no more; as much of it as the terminal holds."""
    if rest not in ("", "on", "off"):
        raise UsageError(f"sticky {rest}: neither on nor off")
    repl.sticky = rest == "on" if rest else not repl.sticky
    if repl.sticky and repl.session.stack:
        whole(repl)
    elif not repl.sticky:
        repl.say(Text("sticky is off", style="dim"))


def whole(repl: Repl) -> None:
    """List the function that is looked at; of one that is too long for the terminal what is around the present line."""
    first, last = _function(repl)
    most = max(repl.console.height - _BELOW, _LINES) if repl.blocks else last
    line = repl.activation().line or first
    if last - first >= most:
        first = min(max(line - most // 2, first), last - most + 1)
        last = first + most - 1
    _show_lines(repl, first, last)


@command("source", group="view", usage="NAME")
def do_source(repl: Repl, rest: str) -> None:
    """List a function or a class of the program: f, C, or C.m."""
    name = wanted(rest, "source")
    found = repl.program.defined(name)
    if found is None:
        known = next((f"for example: source {code.qualname}" for code in repl.program.codes if not code.is_module), "")
        raise UsageError(f"{repl.program.name} defines no function or class {name!r}", known)
    _show_lines(repl, *found)


@command("where", "w", "bt", group="view")
def do_where(repl: Repl, rest: str) -> None:
    """Show the call stack, the newest call last."""
    stack, chosen = repl.session.stack, repl.activation()
    for text in render.backtrace(repl.program, stack, [each.depth for each in stack].index(chosen.depth)):
        repl.say(text)
    total, at = repl.session.known, repl.session.index
    repl.say(Text(f"step {at} of {total} known" + ("" if repl.session.ended is None else ", the end"), style="dim"))
    if progress := trust.progress(repl):
        repl.say(Text(progress, style="dim"))


@command("up", "u", group="view", usage="[COUNT]")
def do_up(repl: Repl, rest: str) -> None:
    """Look at the caller."""
    _select(repl, -count(rest, "up"))


@command("down", "d", group="view", usage="[COUNT]")
def do_down(repl: Repl, rest: str) -> None:
    """Look at the function that was called."""
    _select(repl, count(rest, "down"))


def _show_lines(repl: Repl, first: int, last: int) -> None:
    current = repl.activation().line if repl.session.stack else None
    marked = [point.line for point in repl.session.breakpoints if point.line is not None]
    for text in render.listing(repl.program, first, last, current, marked):
        repl.say(text)


def _select(repl: Repl, by: int) -> None:
    stack = repl.session.stack
    at = repl.chosen % len(stack) if stack else 0
    to = min(max(at + by, 0), len(stack) - 1)
    if to in (at, -1):
        raise UsageError("Oldest frame" if by < 0 else "Newest frame")
    repl.chosen = to
    repl.listed = 0
    for text in render.backtrace(repl.program, stack[repl.chosen : repl.chosen + 1], 0):
        repl.say(text)
