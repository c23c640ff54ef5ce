"""Words that complete the argument of several commands: variables, lines, functions, breakpoints."""

from __future__ import annotations

from collections.abc import Iterable

from neuralpdb.frontends.repl.prompt import Prompt


def variables(prompt: Prompt) -> Iterable[str]:
    """Return the locals of the selected call."""
    return prompt.locals() if prompt.session.stack else ()


def lines(prompt: Prompt) -> Iterable[str]:
    """Return the lines that can run."""
    return [str(line) for line in sorted({line for code in prompt.program.codes for line in code.lines})]


def functions(prompt: Prompt) -> Iterable[str]:
    """Return the names of the functions."""
    return dict.fromkeys(code.name for code in prompt.program.codes if code.name.isidentifier())


def places(prompt: Prompt) -> Iterable[str]:
    """Return where a breakpoint can stop: functions, then lines."""
    return [*functions(prompt), *lines(prompt)]


def breakpoints(prompt: Prompt) -> Iterable[str]:
    """Return the numbers of the breakpoints."""
    return [str(point.number) for point in prompt.session.breakpoints]
