"""The commands that move on: by events, by lines, to a place, or over what `predict` proposed; and `jump`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from neuralpdb.debugger.stop import Stop, StopKind, interrupted
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.arguments import count, line_of, number_of, wanted
from neuralpdb.frontends.repl.stop_view import doubts
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import frames as render
from neuralpdb.trace.frames import Trouble

if TYPE_CHECKING:
    from neuralpdb.frontends.repl.prompt import Repl


FAST = "--fast"


@command("step", "s", group="move", usage="[COUNT]", repeats=True)
def do_step(repl: Repl, rest: str) -> None:
    """Predict the next event: a line, a call, a return or an exception."""
    repl.moved(repl.session.step(count(rest, "step")))


@command("next", "n", group="move", usage="[--fast] [COUNT]", repeats=True)
def do_next(repl: Repl, rest: str) -> None:
    """Go on to the next line of this function; calls are predicted frame by frame and passed over.
    next --fast asks the model at once what a call returns, and marks it as a guess: [guess]. It is much faster where a
    call is long, and wrong more often; what the call changes besides is not known.
    """
    rest, fast = _fast(rest)
    repl.moved(repl.session.next(count(rest, "next"), depth=repl.selected(), fast=fast))


def _fast(rest: str) -> tuple[str, bool]:
    """What else was typed, and whether `--fast` was."""
    words = rest.split()
    return " ".join(word for word in words if word != FAST), FAST in words


@command("until", "unt", group="move", usage="[LINE]", repeats=True)
def do_until(repl: Repl, rest: str) -> None:
    """Go on to a line beyond this one, or not before LINE, or out of the function."""
    line = number_of(rest) if rest else None
    current = repl.activation().line if repl.session.stack else None
    if rest and line is None:
        raise UsageError(f"until {rest}: not the number of a line", "for example until 12")
    if line is not None and current is not None and line <= current:
        raise UsageError(f"until {line}: not beyond the present line, {current}", "to go back: bnext, or go STEP")
    repl.moved(repl.session.until(line, depth=repl.selected()))


@command("return", "r", group="move", usage="[--fast]", repeats=True)
def do_return(repl: Repl, rest: str) -> None:
    """Go on until this function returns; where it just has, to what its caller does next.
    return --fast asks the model at once what it returns, and marks it as a guess: [guess].
    """
    rest, fast = _fast(rest)
    if rest:
        raise UsageError(f"return {rest}: it takes nothing but --fast")
    repl.moved(repl.session.finish(depth=repl.selected(), fast=fast))


@command("continue", "c", "cont", group="move", repeats=True)
def do_continue(repl: Repl, rest: str) -> None:
    """Go on to a breakpoint or to the end of the trace."""
    repl.moved(repl.session.proceed())


@command("find", group="move", usage="EXPR", repeats=True)
def do_find(repl: Repl, rest: str) -> None:
    """Go on until the predicted values satisfy EXPR, or to the end; breakpoints are passed over.
    It is looked at in the newest call; where it cannot be evaluated it does not hold.
    """
    repl.moved(repl.session.find(wanted(rest, "find")))


# -- look ahead -----------------------------------------------------------------------------------------------------


@command("predict", group="look ahead", usage="[COUNT | :LINE]")
def do_predict(repl: Repl, rest: str) -> None:
    """Show the model's next frames as a proposal; nothing moves until `accept`.
    predict 5 shows five frames, predict :12 goes as far as line 12.
    """
    line = line_of(repl.program, rest[1:].strip(), "predict") if rest.startswith(":") else None
    steps = 1 if line is not None else count(rest, "predict")
    first, stack = repl.session.index + 1, repl.session.stack
    try:
        frames, end = repl.session.predict(steps, line)
    except KeyboardInterrupt:
        frames, end = [node.frame for node in repl.session.proposal], None
        repl.interruption(interrupted(len(frames)))
    for text in stop_view.judged(
        repl, render.proposal(repl.program, frames, first, stack, partial(doubts, repl)), frames
    ):
        repl.say(text)
    if end is not None:
        repl.show(Stop(StopKind.TROUBLE if isinstance(end, Trouble) else StopKind.ENDED, None, message=_reason(end)))


@command("accept", group="look ahead")
def do_accept(repl: Repl, rest: str) -> None:
    """Go to the end of the proposal that `predict` made."""
    repl.moved(repl.session.accept())


def _reason(end: object) -> str:
    return getattr(end, "reason", "") or getattr(end, "message", "")


# -- jump -----------------------------------------------------------------------------------------------------------


@command("jump", "j", group="jump", usage="LINE")
def do_jump(repl: Repl, rest: str) -> None:
    """Make LINE of this function the next to run and keep the locals; the prediction goes on from there."""
    repl.newest_only("jump")
    repl.moved(repl.session.jump(line_of(repl.program, rest, "jump")))
