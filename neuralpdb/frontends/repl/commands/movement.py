"""Commands that move forward: by events, by lines, to a place, through a proposal of `predict`; and `jump`."""

from __future__ import annotations

from functools import partial

from neuralpdb.debugger.stop import Stop, StopKind, interrupted
from neuralpdb.errors import UsageError
from neuralpdb.frontends.repl import completion, stop_view
from neuralpdb.frontends.repl.arguments import count, line_of, number_of, required
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text import marks
from neuralpdb.frontends.text.frames import proposal
from neuralpdb.trace.frames import Trouble

FAST = "--fast"


@command("step", "s", group="move", usage="[COUNT]", repeats=True, moves=True, allowed_in_project_rc=True)
def do_step(prompt: Prompt, argument: str) -> Stop:
    """Predict the next event: a line, a call, a return or an exception."""
    return prompt.session.step(count(argument, "step"))


@command("next", "n", group="move", usage="[--fast] [COUNT]", repeats=True, moves=True, allowed_in_project_rc=True)
def do_next(prompt: Prompt, argument: str) -> Stop:
    """Go on to the next line of this function; calls are predicted frame by frame and passed over.
    next --fast asks the model at once for the value a call returns, and marks it [guess]. It is much faster where a
    call is long, and wrong more often; other changes that the call makes are not predicted.
    """
    argument, fast = _split_fast(argument)
    return prompt.session.next(count(argument, "next"), depth=prompt.caller_depth(), fast=fast)


def _split_fast(argument: str) -> tuple[str, bool]:
    """Return the argument without `--fast`, and whether it was there."""
    words = argument.split()
    return " ".join(word for word in words if word != FAST), FAST in words


@command(
    "until",
    "unt",
    group="move",
    usage="[LINE]",
    repeats=True,
    moves=True,
    allowed_in_project_rc=True,
    completes=completion.lines,
)
def do_until(prompt: Prompt, argument: str) -> Stop:
    """Go on to a line beyond this one, or not before LINE, or out of the function."""
    line = number_of(argument) if argument else None
    current = prompt.activation().line if prompt.session.stack else None
    if argument and line is None:
        raise UsageError(f"until {argument}: not the number of a line", "for example until 12")
    if line is not None and current is not None and line <= current:
        raise UsageError(f"until {line}: not beyond the present line, {current}", "to go back: bnext, or go STEP")
    return prompt.session.until(line, depth=prompt.caller_depth())


@command("return", "r", group="move", usage="[--fast]", repeats=True, moves=True, allowed_in_project_rc=True)
def do_return(prompt: Prompt, argument: str) -> Stop:
    """Go on until this function returns; where it just has, to what its caller does next.
    return --fast asks the model at once for the value it returns, and marks it [guess].
    """
    argument, fast = _split_fast(argument)
    if argument:
        raise UsageError(f"return {argument}: it takes nothing but --fast")
    return prompt.session.finish(depth=prompt.caller_depth(), fast=fast)


@command("continue", "c", "cont", group="move", repeats=True, moves=True, allowed_in_project_rc=True)
def do_continue(prompt: Prompt, argument: str) -> Stop:
    """Go on to a breakpoint or to the end of the trace."""
    return prompt.session.proceed()


@command("find", group="move", usage="EXPR", repeats=True, moves=True, allowed_in_project_rc=True)
def do_find(prompt: Prompt, argument: str) -> Stop:
    """Go on until the predicted values satisfy EXPR, or to the end; breakpoints are passed over.
    EXPR is evaluated in the newest call; where that fails it does not hold.
    """
    return prompt.session.find(required(argument, "find"))


# -- look ahead -----------------------------------------------------------------------------------------------------


@command("predict", group="look ahead", usage="[COUNT | :LINE]", allowed_in_project_rc=True)
def do_predict(prompt: Prompt, argument: str) -> None:
    """Show the model's next frames as a proposal; nothing moves until `accept`.
    predict 5 shows five frames, predict :12 goes as far as line 12.
    """
    line = line_of(prompt.program, argument[1:].strip(), "predict") if argument.startswith(":") else None
    steps = 1 if line is not None else count(argument, "predict")
    first, stack = prompt.session.index + 1, prompt.session.stack
    try:
        frames, end = prompt.session.predict(steps, line)
    except KeyboardInterrupt:
        frames, end = [node.frame for node in prompt.session.proposal], None
        prompt.interruption(interrupted(len(frames)))
    doubts, remarks = partial(stop_view.doubts, prompt), partial(marks.of, prompt)
    lines = proposal(prompt.program, frames, first, stack, doubts, remarks)
    for text in stop_view.judged(prompt, lines, frames):
        prompt.say(text)
    if isinstance(end, Trouble):
        stop_view.show(prompt, Stop(StopKind.TROUBLE, None, message=end.message))
    elif end is not None:
        stop_view.show(prompt, Stop(StopKind.ENDED, None, message=end.reason))


@command("accept", group="look ahead", moves=True, allowed_in_project_rc=True)
def do_accept(prompt: Prompt, argument: str) -> Stop:
    """Go to the end of the proposal that `predict` made."""
    return prompt.session.accept()


# -- jump -----------------------------------------------------------------------------------------------------------


@command("jump", "j", group="jump", usage="LINE", moves=True, completes=completion.lines)
def do_jump(prompt: Prompt, argument: str) -> Stop:
    """Make LINE of this function the next to run and keep the locals; the prediction goes on from there."""
    prompt.newest_only("jump")
    return prompt.session.jump(line_of(prompt.program, argument, "jump"))
