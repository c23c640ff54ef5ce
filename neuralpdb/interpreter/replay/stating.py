"""Stating: statements of the user at a frame, tried in a copy, and run for good when the history says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.replay.copying import Allowance, NoCopy, in_copy
from neuralpdb.interpreter.replay.evaluating import (
    Answer,
    aside,
    at_depth,
    executed,
    outcome,
    statements_of,
)
from neuralpdb.interpreter.signals import Raised, Stop

_ELSEWHERE = re.compile(r"#: depth (\d+)\n")
"""A line in the statement of a frame: what comes after it was run in the call of that depth."""


def joined(before: str, text: str, depth: int | None, own: int) -> str:
    """Return the statement of a frame at which something more is run.

    depth: of the call in which it is run; None for that of the frame, which has depth `own`.
    """
    parts = [before] if before else []
    if (depth is not None and depth != own) or _ELSEWHERE.search(before):
        parts.append(f"#: depth {own if depth is None else depth}")
    return "\n".join([*parts, text])


def _pieces(f: Activation, statement: str) -> Iterator[tuple[int | None, str]]:
    """Yield the depth of a call (None: that of the frame) and the statements that were run there."""
    first, *others = _ELSEWHERE.split(statement)
    yield None, first
    for depth, text in zip(others[::2], others[1::2], strict=True):
        yield int(depth), text


def run_all(machine: Machine, f: Activation, statement: str) -> Answer:
    """Run the statement of a frame, in an activation and those that wait for it."""
    answer: Answer = {}
    for depth, text in _pieces(f, statement):
        if text.strip():
            answer = executed(machine, at_depth(f, depth), statements_of(text))
            if "why" in answer:
                break
    return answer


def run_for_good(machine: Machine, f: Activation, statement: str) -> tuple[dict[str, str], dict[str, str]] | None:
    """Run a statement; return the texts of the variables and why some are not known, None where nothing was run.

    Raises Stop where it ends half-way.
    """

    def trial() -> Answer:
        with aside(machine):
            return outcome(machine, lambda: run_all(machine, f, statement))

    is_tried = True
    try:
        answer = in_copy(trial, Allowance())
        if "error" in answer or "why" in answer:
            return None
    except NoCopy:
        is_tried = False
    try:
        with aside(machine):
            answer = run_all(machine, f, statement)
    except SyntaxError:
        return None
    except Raised:
        if is_tried:
            raise Stop("a statement of the user does not do the same again") from None
        return None
    if "why" in answer:
        raise Stop(answer["why"])
    return machine.events.renew(f)
