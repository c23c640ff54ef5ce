"""The commands that set, list and remove what stops a movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from neuralpdb import render
from neuralpdb.commands.arguments import line_of, number_of, wanted
from neuralpdb.commands.table import command
from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.repl import Repl


@command("break", "b", group="break", usage="[LINE | FUNCTION]")
def do_break(repl: Repl, rest: str) -> None:
    """Stop whenever LINE, or the first line of FUNCTION, is about to run; alone, list the breakpoints."""
    if rest:
        codes = [code for code in repl.program.codes if rest in (code.name, code.qualname) and not code.is_module]
        line = min(codes[0].starts, default=codes[0].first_line) if codes else line_of(repl.program, rest, "break")
        point = repl.session.set_break(line)
        repl.say(Text(f"Breakpoint {point.number} at {render.inert(repl.program.name)}:{point.line}"))
        return
    if not repl.session.breakpoints:
        repl.say(Text("no breakpoints", style="dim"))
    for point in repl.session.breakpoints.values():
        hits = f", hit {point.hits} time{'s' * (point.hits != 1)}" if point.hits else ""
        repl.say(Text(f"{point.number}  {render.inert(repl.program.name)}:{point.line}{hits}"))


@command("clear", "cl", group="break", usage="NUMBER")
def do_clear(repl: Repl, rest: str) -> None:
    """Remove the breakpoint of that number."""
    number = number_of(wanted(rest, "clear"))
    if number is None:
        raise UsageError(f"clear {rest}: not the number of a breakpoint", "see: break")
    point = repl.session.clear_break(number)
    repl.say(Text(f"Deleted breakpoint {point.number} at {render.inert(repl.program.name)}:{point.line}"))
