"""Commands that go back in time, and to any step that is known."""

from __future__ import annotations

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import count, number_of
from neuralpdb.frontends.repl.commands import real_run
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command


@command("back", group="time", usage="[COUNT]", repeats=True, moves=True, allowed_in_project_rc=True)
def do_back(prompt: Prompt, argument: str) -> Stop:
    """Undo the last step, jump or edit."""
    return prompt.session.back(count(argument, "back"))


@command("bnext", group="time", usage="[COUNT]", repeats=True, moves=True, allowed_in_project_rc=True)
def do_bnext(prompt: Prompt, argument: str) -> Stop:
    """Undo `next`: back to where it began, or to the previous line of this function; calls are passed over."""
    return prompt.session.previous(count(argument, "bnext"))


@command("bcontinue", group="time", repeats=True, moves=True, allowed_in_project_rc=True)
def do_bcontinue(prompt: Prompt, argument: str) -> Stop:
    """Go back to the last place where a breakpoint stops, or to the start; hits are not counted, commands not run."""
    return prompt.session.rewind()


@command(
    "go",
    group="time",
    usage="[STEP | NAME | diverge]",
    moves=True,
    allowed_in_project_rc=True,
    completes=lambda prompt: [real_run.DIVERGE, *prompt.session.timelines.checkpoints],
)
def do_go(prompt: Prompt, argument: str) -> Stop:
    """Go to step STEP of the trace, 0 being its start, or to the checkpoint NAME; what was undone is still known.
    Alone or with `diverge`: to the first prediction that the real run contradicts; predicts as far as needed.
    """
    if not argument and prompt.beside is None and not prompt.why_no_real_run:
        raise UsageError("go where?", f"a step from 0 to {prompt.session.known}, or a checkpoint")
    if argument in ("", real_run.DIVERGE):
        return real_run.diverge(prompt)
    number = number_of(argument)
    if argument in prompt.session.timelines.checkpoints:
        return prompt.session.return_to(argument)
    if number is None:
        hint = f"the trace is known from 0 to {prompt.session.known}"
        raise UsageError(f"go {argument}: neither a step nor a checkpoint", hint)
    return prompt.session.go(number)


@command("reset", "restart", "run", group="time", moves=True, allowed_in_project_rc=True)
def do_reset(prompt: Prompt, argument: str) -> Stop:
    """Go back to the start and forget all predictions; a start that the model invented is drawn again.
    Breakpoints and their settings are kept.
    """
    if prompt.session.entry.first is None:
        prompt.waiting()
    return prompt.session.reset()
