"""Stops: why the debugger stopped, and what has changed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.trace.frames import Frame, Trouble
from neuralpdb.trace.stack import Activation, Stack


class StopKind(StrEnum):
    """Why the debugger stopped."""

    START = "start"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    ENDED = "ended"
    TROUBLE = "trouble"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"
    BACK = "back"
    EDITED = "edited"
    FOUND = "found"


@dataclass(frozen=True)
class Stop:
    """One stop.

    kind:    why the debugger stopped.
    frame:   the present frame; None before the first.
    before:  the stack that the user saw last.
    message: one line for the user.
    steps:   frames that were passed to get here.
    trouble: why there is no next frame.
    point:   the breakpoint that stopped.
    output:  what the statements that were run here printed; not inert.
    value:   text of the value of the last of them, where it is an expression.
    """

    kind: StopKind
    frame: Frame | None
    before: Stack = ()
    message: str = ""
    steps: int = 0
    trouble: Trouble | None = None
    point: Breakpoint | None = None
    output: str = ""
    value: str | None = None


def interrupted(passed: int) -> str:
    """Return the message of a movement that Ctrl-C ended."""
    return f"interrupted after {passed:,} frame{'s' * (passed != 1)}"


Changes = dict[str, tuple[str | None, str | None]]
"""name -> (old, new) repr text; None where there was or is none."""


def changes(before: Stack, now: Activation | None, *, rewritten: bool = False) -> Changes:
    """Return what differs in `now`'s locals since `before`.

    rewritten: `now` may be another version of an activation of `before`, after an edit or a way back.
    """
    if now is None:
        return {}
    old: Mapping[str, str] = {}
    for activation in before:
        same = activation.entry is now.entry or (rewritten and activation.function == now.function)
        if activation.depth == now.depth and same:
            old = activation.last.locals
    new = now.last.locals
    changed: Changes = {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}
    deleted: Changes = {name: (value, None) for name, value in old.items() if name not in new}
    return {**changed, **deleted}


def changes_at(stop: Stop, stack: Stack) -> Changes:
    """Return what differs in the newest call of `stack` since the user saw it last."""
    rewritten = stop.kind in (StopKind.EDITED, StopKind.BACK)
    return changes(stop.before, stack[-1] if stack else None, rewritten=rewritten)
