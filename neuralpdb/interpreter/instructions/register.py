"""The register of instructions: handlers by name, filled in by the modules beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import Handler
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.signals import Stop

HANDLERS: dict[str, Handler] = {}
"""name -> handler, as 3.11 has it where versions differ."""

Run = Callable[[Machine, Activation, Any], Any]


def instruction(*names: str) -> Callable[[Run], Run]:
    """Register a function as the handler of instructions."""

    def add(function: Run) -> Run:
        for name in names:
            HANDLERS[name] = function
        return function

    return add


@instruction("unsupported")
def unsupported(m: Machine, f: Activation, name: str) -> None:
    """Stop at an instruction that has no handler."""
    raise Stop(f"the instruction {name} is not supported")


@instruction("NOP", "PRECALL", "EXTENDED_ARG", "COPY_FREE_VARS", "CACHE")
def nop(m: Machine, f: Activation, arg: Any) -> None:
    """Do nothing."""
