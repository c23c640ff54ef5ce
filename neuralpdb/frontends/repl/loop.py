"""The loop of the prompt: reads lines, runs commands, shows stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.repl.aliases import split
from neuralpdb.frontends.repl.table import is_movement

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl

# -- at a stop ------------------------------------------------------------------------------------------------------


def asked_for(repl: Repl, point: Breakpoint, stop: Stop) -> list[Callable[[], None]]:
    """What to do at a breakpoint, as in pdb: its commands, then show the stop, then the command that moves on."""
    lines = [partial(_carry_out, repl, line) for line in point.commands]
    last = len(lines) - (bool(lines) and is_movement(point.commands[-1]))
    shown = [] if point.silent else [partial(repl.show, stop)]
    return [*lines[:last], *shown, *lines[last:]]


def _carry_out(repl: Repl, line: str) -> None:
    """A command of a breakpoint: Enter does not repeat it."""
    line, rest = split(repl.aliases.expanded(line))
    if rest:
        repl.queue.appendleft(partial(_carry_out, repl, rest))
    repl.dispatch(line)


MOST_COMMANDS = 1_000
"""Commands that one line may come to, by aliases and the commands of breakpoints."""
ASSIGNS = re.compile(r"(?:\*\*|//|>>|<<|[-+*/%&|^@])?=(?!=)")
"""What follows a command's name when the line is an assignment to a variable of that name."""
