"""Source listings: around a line, a function, a class."""

from __future__ import annotations

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import number_of
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.text import frames

_LINES = 11
"""Lines that `list` shows at once, as pdb does."""
_BELOW = 12
"""Lines of a terminal that a long function leaves to the stop and the prompt."""


def around(prompt: Prompt) -> None:
    """List source around the present line."""
    show_lines(prompt, *list_range(prompt, "."))


def list_range(prompt: Prompt, argument: str) -> tuple[int, int]:
    """Return the first and the last line for `list`; the last can be beyond the end. Raises UsageError."""
    start, comma, end = argument.partition(",")
    numbers = [number_of(text.strip()) for text in (start, *([end] if comma else []))]
    if argument in ("", "."):
        current = prompt.activation().line if prompt.session.stack else 1
        first = prompt.listed + 1 if prompt.listed and not argument else max((current or 1) - _LINES // 2, 1)
    elif None in numbers or numbers[0] == 0:
        raise UsageError(f"list {argument}: not what list takes", "for example list 5, or list 5,9")
    else:
        first = numbers[0] or 1
        if comma:
            last = numbers[1] or 0
            return first, first + last if last < first else last  # less than the first: a count, as in pdb
        first = max(first - _LINES // 2, 1)
    return first, first + _LINES - 1


def function_lines(prompt: Prompt) -> tuple[int, int]:
    """Return the first and the last line of the selected function, or of the file."""
    at = prompt.activation()
    code = prompt.program.code_at(at.function, at.line, at.entered)
    if code is None or code.is_module:
        return 1, len(prompt.program.lines)
    return code.first_line, max(code.lines)


def whole(prompt: Prompt) -> None:
    """List the selected function; one that is too long for the terminal around the present line."""
    first, last = function_lines(prompt)
    most = max(prompt.console.height - _BELOW, _LINES) if prompt.multiline else last
    line = prompt.activation().line or first
    if last - first >= most:
        first = min(max(line - most // 2, first), last - most + 1)
        last = first + most - 1
    show_lines(prompt, first, last)


def show_lines(prompt: Prompt, first: int, last: int) -> None:
    """Print lines of the program, the present one and breakpoints marked."""
    current = prompt.activation().line if prompt.session.stack else None
    marked = [point.line for point in prompt.session.breakpoints if point.line is not None]
    for text in frames.listing(prompt.program, first, last, current, marked):
        prompt.say(text)
