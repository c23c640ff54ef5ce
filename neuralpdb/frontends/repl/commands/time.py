"""The commands that go back, and to any step that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl.arguments import count, number_of
from neuralpdb.frontends.repl.commands import real_run
from neuralpdb.frontends.repl.table import command

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


@command("back", group="time", usage="[COUNT]", repeats=True)
def do_back(repl: Repl, rest: str) -> None:
    """Undo the last step, jump or edit."""
    repl.moved(repl.session.back(count(rest, "back")))


@command("bnext", group="time", usage="[COUNT]", repeats=True)
def do_bnext(repl: Repl, rest: str) -> None:
    """Undo `next`: back to where it began, or to the line before of this function; calls are passed over."""
    repl.moved(repl.session.previous(count(rest, "bnext")))


@command("bcontinue", group="time", repeats=True)
def do_bcontinue(repl: Repl, rest: str) -> None:
    """Go back to the last place where a breakpoint stops, or to the start; nothing is counted or carried out there."""
    repl.moved(repl.session.rewind())


@command("go", group="time", usage="[STEP | NAME | diverge]")
def do_go(repl: Repl, rest: str) -> None:
    """Go to step STEP of the trace, 0 being its start, or to the checkpoint NAME; what was undone is still known.
    Alone or with `diverge`: to the first prediction that the real run contradicts, predicting as far as needed.
    """
    if not rest and repl.beside is None and not repl.no_truth:
        raise UsageError("go where?", f"a step from 0 to {repl.session.known}, or a checkpoint")
    if rest in ("", real_run.DIVERGE):
        real_run.diverge(repl)
        return
    number = number_of(rest)
    if rest in repl.session.timelines.checkpoints:
        repl.moved(repl.session.return_to(rest))
        return
    if number is None:
        hint = f"the trace is known from 0 to {repl.session.known}"
        raise UsageError(f"go {rest}: neither a step nor a checkpoint", hint)
    repl.moved(repl.session.go(number))


@command("reset", "restart", "run", group="time")
def do_reset(repl: Repl, rest: str) -> None:
    """Go back to the start and forget all predictions; a start that the model invented is drawn again.
    Breakpoints and their settings are kept.
    """
    if repl.session.entry.first is None:
        repl.waiting()
    repl.moved(repl.session.reset())
