"""Commands that show source and the call stack, and select a call."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from rich.text import Text

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import completion, stop_view
from neuralpdb.frontends.repl.arguments import count, required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.source_view import function_lines, list_range, show_lines, whole
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import frames, marks


@command(
    "list",
    "l",
    group="view",
    usage="[LINE[,LAST] | .]",
    repeats=True,
    allowed_in_project_rc=True,
    completes=completion.lines,
)
def do_list(prompt: Prompt, argument: str) -> None:
    """List source around the present line, then on from there; `list .` starts over.
    list 5 lists around line 5, list 5,9 from line 5 to 9, list 5,3 line 5 and the next three.
    """
    first, last = list_range(prompt, argument)
    end = len(prompt.program.lines)
    show_lines(prompt, first, min(last, end))
    prompt.listed = min(last, end)
    if last > end:
        prompt.say(Text("[EOF]", style="dim"))


@command("longlist", "ll", group="view", allowed_in_project_rc=True)
def do_longlist(prompt: Prompt, argument: str) -> None:
    """List the whole function."""
    show_lines(prompt, *function_lines(prompt))


@command("sticky", group="view", usage="[on | off]", allowed_in_project_rc=True, completes=lambda prompt: ("on", "off"))
def do_sticky(prompt: Prompt, argument: str) -> None:
    """Turn the listing of the whole function at every stop on or off; it is as long as the terminal allows."""
    if argument not in ("", "on", "off"):
        raise UsageError(f"sticky {argument}: neither on nor off")
    prompt.sticky = argument == "on" if argument else not prompt.sticky
    if prompt.sticky and prompt.session.stack:
        whole(prompt)
    elif not prompt.sticky:
        prompt.say(Text("sticky is off", style="dim"))


def _defined(prompt: Prompt) -> Iterable[str]:
    return [*completion.functions(prompt), *prompt.program.bases]


@command("source", group="view", usage="NAME", allowed_in_project_rc=True, completes=_defined)
def do_source(prompt: Prompt, argument: str) -> None:
    """List a function or a class of the program: f, C, or C.m."""
    name = required(argument, "source")
    lines = prompt.program.defined(name)
    if lines is None:
        hint = next((f"for example: source {code.qualname}" for code in prompt.program.codes if not code.is_module), "")
        raise UsageError(f"{prompt.program.name} defines no function or class {name!r}", hint)
    show_lines(prompt, *lines)


@command("where", "w", "bt", group="view", allowed_in_project_rc=True)
def do_where(prompt: Prompt, argument: str) -> None:
    """Show the call stack, the newest call last."""
    stack, selected = prompt.session.stack, prompt.activation()
    index = [each.depth for each in stack].index(selected.depth)
    for text in frames.backtrace(prompt.program, stack, index, partial(marks.at, prompt)):
        prompt.say(text)
    total, at = prompt.session.known, prompt.session.index
    prompt.say(Text(f"step {at} of {total} known" + ("" if prompt.session.ended is None else ", the end"), style="dim"))
    if progress := stop_view.progress(prompt):
        prompt.say(Text(progress, style="dim"))


@command("up", "u", group="view", usage="[COUNT]", allowed_in_project_rc=True)
def do_up(prompt: Prompt, argument: str) -> None:
    """Look at the caller."""
    _select(prompt, -count(argument, "up"))


@command("down", "d", group="view", usage="[COUNT]", allowed_in_project_rc=True)
def do_down(prompt: Prompt, argument: str) -> None:
    """Look at the function that was called."""
    _select(prompt, count(argument, "down"))


def _select(prompt: Prompt, by: int) -> None:
    stack = prompt.session.stack
    at = prompt.selected % len(stack) if stack else 0
    to = min(max(at + by, 0), len(stack) - 1)
    if to in (at, -1):
        raise UsageError("Oldest frame" if by < 0 else "Newest frame")
    prompt.selected = to
    prompt.listed = 0
    selected = stack[prompt.selected : prompt.selected + 1]
    for text in frames.backtrace(prompt.program, selected, 0, partial(marks.at, prompt)):
        prompt.say(text)
