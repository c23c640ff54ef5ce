"""The tools that move a session: on by predictions, back, to another state, and a look ahead without moving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from neuralpdb.debugger.stop import interrupted
from neuralpdb.frontends.mcp.answers import Answer, Halt, Row, Stopped, halt, lines_of, rows
from neuralpdb.frontends.mcp.sessions import OpenProgram
from neuralpdb.frontends.mcp.tools.table import tool

MOST_STEPS = 1_000
"""Most repetitions of one movement: with a model, some minutes."""
MOST_AHEAD = 100
"""Most frames of one proposal: all are listed in its answer."""

Count = Annotated[int, Field(description="How often.", ge=1, le=MOST_STEPS)]


@tool()
def step(opened: OpenProgram, count: Count = 1) -> Stopped:
    """Predict the next `count` events and stop after them: lines, calls (it goes into them), returns, exceptions.
    At the end of the trace the answer's reason is `ended`; one can still look around, go back and change the state.
    """
    return opened.answer(opened.session.step(count))


@tool()
def next(opened: OpenProgram, count: Count = 1) -> Stopped:
    """Go on to the next line of the present function, `count` times; calls are predicted and passed over."""
    return opened.answer(opened.session.next(count))


@tool()
def until(
    opened: OpenProgram,
    line: Annotated[int, Field(description="Not before this line; 0: beyond the present one.", ge=0)] = 0,
) -> Stopped:
    """Go on to a line of the present function beyond the present one (to leave a loop), or out of the function."""
    return opened.answer(opened.session.until(line or None))


@tool()
def finish(opened: OpenProgram) -> Stopped:
    """Go on until the present function returns; the answer's frame shows the value."""
    return opened.answer(opened.session.finish())


@tool()
def continue_(opened: OpenProgram) -> Stopped:
    """Go on to a breakpoint or to the end of the trace. Long traces take long: a frame takes 0.1 to 1 seconds."""
    return opened.answer(opened.session.proceed())


@tool()
def find(
    opened: OpenProgram,
    expression: Annotated[str, Field(description="A Python expression, as in the program there.", max_length=2_000)],
) -> Stopped:
    """Go on until an expression holds, whatever the function, or to the end of the trace.
    Breakpoints are passed over. Where it cannot be evaluated it does not hold.
    """
    return opened.answer(opened.session.find(expression))


@tool()
def back(opened: OpenProgram, count: Count = 1) -> Stopped:
    """Undo the last `count` steps or changes of state; what was undone stays known, `go` returns to it."""
    return opened.answer(opened.session.back(count))


@tool()
def go(
    opened: OpenProgram, step: Annotated[int, Field(description="Number of a known frame; 0: the start.", ge=0)]
) -> Stopped:
    """Go to any known frame of the trace; no prediction is made."""
    return opened.answer(opened.session.go(step))


@tool()
def reset(opened: OpenProgram) -> Stopped:
    """Go back to the start and forget all predictions; parameters that the model invented are invented anew."""
    return opened.answer(opened.session.reset())


@tool()
def set_state(
    opened: OpenProgram,
    assignment: Annotated[
        str,
        Field(
            description="Python: NAME = EXPR, OBJECT.NAME = EXPR, LIST.append(EXPR), del NAME, several lines.",
            max_length=20_000,
        ),
    ],
) -> Stopped:
    """Run statements at the present frame, which change the program's state as they would there; nothing is executed
    for real. What comes later is computed and predicted anew from there. `back` undoes it.
    """
    return opened.answer(opened.session.edit(assignment))


@tool()
def jump(
    opened: OpenProgram, line: Annotated[int, Field(description="A line of the present function.", ge=1)]
) -> Stopped:
    """Make `line` the next to run, keep the locals, and predict on from there (skip code, or repeat it)."""
    return opened.answer(opened.session.jump(line))


class Proposal(Answer):
    """The model's next frames. The session did not move."""

    session: str
    frames: list[Row]
    halt: Halt | None
    """Why there are no more, if so."""
    message: str

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: a proposal of {len(self.frames)} frames (accept goes to its end)"
        yield from lines_of(self.frames)
        yield from self.halt.lines() if self.halt else ()
        if self.message:
            yield self.message


@tool()
def predict(
    opened: OpenProgram,
    frames: Annotated[int, Field(description="How many frames.", ge=1, le=MOST_AHEAD)] = 5,
) -> Proposal:
    """Look ahead: the model's next frames in short, without moving. `accept` goes to the end of them; `step` and the
    other movements then cost nothing as far as they reach.
    """
    session = opened.session
    first, stack, message = session.index + 1, session.stack, ""
    try:
        proposal, end = session.predict(frames)
    except KeyboardInterrupt:
        proposal, end = [node.frame for node in session.proposal], None
        message = interrupted(len(proposal))
    answers = rows(session.entry.program, proposal, first, stack, opened.remarks)
    return Proposal(session=opened.id, frames=answers, halt=halt(end), message=message)


@tool()
def accept(opened: OpenProgram) -> Stopped:
    """Go to the end of the proposal that `predict` made."""
    return opened.answer(opened.session.accept())
