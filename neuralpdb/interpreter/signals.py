"""Ways out of a computation: the exceptions with which the machine's parts talk to each other."""

from __future__ import annotations

from typing import Any


class Undetermined(BaseException):
    """One operation whose result cannot be computed.

    reason: what is not known, in words for the user.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stop(BaseException):
    """Nothing can be told from here on.

    reason: what is not supported or not known, in words for the user.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Endless(Stop):
    """The program is where it has been before, and nothing can lead it elsewhere."""


class Raised(BaseException):
    """An exception of the program on its way through the machine.

    value:   the exception, an object of the program.
    silent:  whether it is no event in the frame where it is raised (it is raised again).
    chained: whether its context has been set already.
    """

    def __init__(self, value: BaseException, *, silent: bool = False, chained: bool = False) -> None:
        super().__init__(value)
        self.value = value
        self.silent = silent
        self.chained = chained or silent


class Moved(BaseException):
    """The history says that an activation goes on elsewhere, where it has been put.

    activation: which one; it is the innermost of its run.
    """

    def __init__(self, activation: Any) -> None:
        super().__init__()
        self.activation = activation
