"""The commands that show source and the call stack, and select the activation to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import count, wanted
from neuralpdb.frontends.repl.source_view import function_lines, list_range, show_lines, whole
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import frames

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


@command("list", "l", group="view", usage="[LINE[,LAST] | .]", repeats=True)
def do_list(repl: Repl, rest: str) -> None:
    """List source around the present line, then on from there; `list .` starts over.
    list 5 lists around line 5, list 5,9 from line 5 to 9, list 5,3 three lines more than line 5.
    """
    first, last = list_range(repl, rest)
    end = len(repl.program.lines)
    show_lines(repl, first, min(last, end))
    repl.listed = min(last, end)
    if last > end:
        repl.say(Text("[EOF]", style="dim"))


@command("longlist", "ll", group="view")
def do_longlist(repl: Repl, rest: str) -> None:
    """List the whole function."""
    show_lines(repl, *function_lines(repl))


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


@command("source", group="view", usage="NAME")
def do_source(repl: Repl, rest: str) -> None:
    """List a function or a class of the program: f, C, or C.m."""
    name = wanted(rest, "source")
    found = repl.program.defined(name)
    if found is None:
        known = next((f"for example: source {code.qualname}" for code in repl.program.codes if not code.is_module), "")
        raise UsageError(f"{repl.program.name} defines no function or class {name!r}", known)
    show_lines(repl, *found)


@command("where", "w", "bt", group="view")
def do_where(repl: Repl, rest: str) -> None:
    """Show the call stack, the newest call last."""
    stack, chosen = repl.session.stack, repl.activation()
    for text in frames.backtrace(repl.program, stack, [each.depth for each in stack].index(chosen.depth)):
        repl.say(text)
    total, at = repl.session.known, repl.session.index
    repl.say(Text(f"step {at} of {total} known" + ("" if repl.session.ended is None else ", the end"), style="dim"))
    if progress := stop_view.progress(repl):
        repl.say(Text(progress, style="dim"))


@command("up", "u", group="view", usage="[COUNT]")
def do_up(repl: Repl, rest: str) -> None:
    """Look at the caller."""
    _select(repl, -count(rest, "up"))


@command("down", "d", group="view", usage="[COUNT]")
def do_down(repl: Repl, rest: str) -> None:
    """Look at the function that was called."""
    _select(repl, count(rest, "down"))


def _select(repl: Repl, by: int) -> None:
    stack = repl.session.stack
    at = repl.chosen % len(stack) if stack else 0
    to = min(max(at + by, 0), len(stack) - 1)
    if to in (at, -1):
        raise UsageError("Oldest frame" if by < 0 else "Newest frame")
    repl.chosen = to
    repl.listed = 0
    for text in frames.backtrace(repl.program, stack[repl.chosen : repl.chosen + 1], 0):
        repl.say(text)
