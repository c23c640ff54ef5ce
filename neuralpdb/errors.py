"""Errors a user can meet: one tree, each with an exit code and a hint.

    NeuralPdbError
    ├── UsageError        2  the command line or a REPL command is wrong
    ├── ModelError        3  the model, its weights or its server cannot be used
    │   └── NotReady      3  its server does not answer (yet)
    └── TargetError       4  the program cannot be read, parsed or run

Other exit codes: 0 ok, 1 below a threshold, 5 nothing comparable, 130 interrupted.
"""

from __future__ import annotations

from typing import ClassVar

BELOW, NOTHING, INTERRUPTED = 1, 5, 130
"""Exit codes without an error of their own: below a threshold, nothing comparable, interrupted."""


class NeuralPdbError(Exception):
    """A failure with one clear line for the user: what failed, for which value, what to do next.

    message: what failed, and for which value.
    hint:    what to do next; empty for none.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(NeuralPdbError):
    """The command line or a command is wrong, or asks for something that does not exist."""

    exit_code = 2


class ModelError(NeuralPdbError):
    """The model cannot be loaded or reached."""

    exit_code = 3


class NotReady(ModelError):
    """The model's server does not answer, or is not ready yet: asking again later may help."""


class TargetError(NeuralPdbError):
    """The program to debug cannot be read, parsed or run."""

    exit_code = 4


class Abandoned(Exception):
    """Cancels a prediction in progress, at any place where Ctrl-C may. Not an error: it is never reported."""
