"""Stops: why the debugger stands where it stands, and what is different there. Values for whoever shows them."""

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
    """One stop. `frame` is where we are now; `before` is where we were when the user last looked, None at the start.

    message: what there is to say besides, in one line.
    steps:   how many frames were passed to get here.
    point:   the breakpoint that is here, when that is why.
    """

    kind: StopKind
    frame: Frame | None
    before: Stack = ()
    message: str = ""
    steps: int = 0
    trouble: Trouble | None = None
    point: Breakpoint | None = None


def interrupted(passed: int) -> str:
    """What to say of a movement that Ctrl-C ended."""
    return f"interrupted after {passed:,} frame{'s' * (passed != 1)}"


Changes = dict[str, tuple[str | None, str | None]]
"""name -> (old, new) repr text; None: was or is not there."""


def changes(before: Stack, now: Activation | None, *, here: bool = False) -> Changes:
    """What differs in `now`'s locals since `before`.

    here: `now` may be another version of an activation of `before`, after an edit or a way back.
    """
    if now is None:
        return {}
    old: Mapping[str, str] = {}
    for activation in before:
        same = activation.entry is now.entry or (here and activation.function == now.function)
        if activation.depth == now.depth and same:
            old = activation.last.locals
    new = now.last.locals
    found: Changes = {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}
    found.update({name: (value, None) for name, value in old.items() if name not in new})
    return found
