"""Arguments of commands: counts, lines, numbers. It knows no prompt."""

from __future__ import annotations

from neuralpdb.errors import UsageError
from neuralpdb.program.program import Program


def required(text: str, name: str) -> str:
    """Return `text`, the argument that the command `name` needs. Raises UsageError when it is empty."""
    if not text:
        raise UsageError(f"{name} what?", f"see: help {name}")
    return text


def number_of(text: str) -> int | None:
    """Return a whole number of at most nine digits; None for any other text."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def count(text: str, name: str) -> int:
    """Return the number of steps for the command `name`, 1 when `text` is empty. Raises UsageError."""
    number = number_of(text) if text else 1
    if not number:
        raise UsageError(f"{name} {text}: not a number of steps", f"for example {name} 3")
    return number


def line_of(program: Program, text: str, name: str) -> int:
    """Return the line of the program for the command `name`: `LINE` or `FILE:LINE`. Raises UsageError."""
    number = number_of(required(text, name).removeprefix(f"{program.name}:"))
    if number is None or not 1 <= number <= len(program.lines):
        raise UsageError(f"{name} {text}: not a line from 1 to {len(program.lines)}", "see: list")
    return number
