"""Source listings of the prompt: around a line, a function, a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import number_of
from neuralpdb.frontends.text import frames

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


_LINES = 11
"""Lines that `list` shows at once."""
_BELOW = 12
"""Lines of a terminal that a long function leaves to the stop and the prompt."""


def here(repl: Repl) -> None:
    """List source around the present line, as the first thing that is shown."""
    first, last = list_range(repl, ".")
    show_lines(repl, first, last)


def list_range(repl: Repl, rest: str) -> tuple[int, int]:
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


def function_lines(repl: Repl) -> tuple[int, int]:
    """First and last line of the function that is looked at, or of the file."""
    at = repl.activation()
    code = repl.program.code_at(at.function, at.line, at.entered)
    if code is None or code.is_module:
        return 1, len(repl.program.lines)
    return code.first_line, max(code.lines)


def whole(repl: Repl) -> None:
    """List the function that is looked at; of one that is too long for the terminal what is around the present line."""
    first, last = function_lines(repl)
    most = max(repl.console.height - _BELOW, _LINES) if repl.blocks else last
    line = repl.activation().line or first
    if last - first >= most:
        first = min(max(line - most // 2, first), last - most + 1)
        last = first + most - 1
    show_lines(repl, first, last)


def show_lines(repl: Repl, first: int, last: int) -> None:
    """Print these lines of the program, the present one and breakpoints marked."""
    current = repl.activation().line if repl.session.stack else None
    marked = [point.line for point in repl.session.breakpoints if point.line is not None]
    for text in frames.listing(repl.program, first, last, current, marked):
        repl.say(text)
