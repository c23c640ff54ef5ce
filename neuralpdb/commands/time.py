"""The commands that go back, and to any step that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuralpdb.commands import trust
from neuralpdb.commands.arguments import count, number_of
from neuralpdb.commands.table import command
from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.repl import Repl


@command("back", group="time", usage="[COUNT]", repeats=True)
def do_back(repl: Repl, rest: str) -> None:
    """Undo the last step, jump or edit."""
    repl.moved(repl.session.back(count(rest, "back")))


@command("go", group="time", usage="[STEP | diverge]")
def do_go(repl: Repl, rest: str) -> None:
    """Go to step STEP of the trace, 0 being its start; what was undone by `back` is still known.
    Alone or with `diverge`: to the first prediction that the real run contradicts, predicting as far as needed.
    """
    if rest in ("", trust.DIVERGE):
        trust.diverge(repl)
        return
    number = number_of(rest)
    if number is None:
        raise UsageError(f"go {rest}: not a step number", f"the trace is known from 0 to {repl.session.known}")
    repl.moved(repl.session.go(number))


@command("reset", group="time")
def do_reset(repl: Repl, rest: str) -> None:
    """Go back to the start and forget all predictions; a start that the model invented is drawn again."""
    if repl.session.entry.first is None:
        repl.waiting()
    repl.moved(repl.session.reset())
