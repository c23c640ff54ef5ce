"""What is typed behind a command's name: counts, lines, numbers. It knows no prompt."""

from __future__ import annotations

from neuralpdb.errors import UsageError
from neuralpdb.program.program import Program


def wanted(text: str, what: str) -> str:
    """`text`, which the command `what` cannot do without. Raises UsageError."""
    if not text:
        raise UsageError(f"{what} what?", f"see: help {what}")
    return text


def number_of(text: str) -> int | None:
    """A whole number that is not absurd; None when it is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def count(text: str, what: str) -> int:
    """A number of steps, 1 when `text` is empty. Raises UsageError."""
    number = number_of(text) if text else 1
    if not number:
        raise UsageError(f"{what} {text}: not a number of steps", f"for example {what} 3")
    return number


def line_of(program: Program, text: str, what: str) -> int:
    """A line of the program: `LINE` or `FILE:LINE`. Raises UsageError."""
    number = number_of(wanted(text, what).removeprefix(f"{program.name}:"))
    if number is None or not 1 <= number <= len(program.lines):
        raise UsageError(f"{what} {text}: not a line from 1 to {len(program.lines)}", "see: list")
    return number
