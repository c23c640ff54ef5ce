"""The interpreter's face: a program and where it is entered in, frames and why they end out."""

from __future__ import annotations

import contextvars
import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import CodeType, FrameType
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.computing.repetition import Repetition
from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.events import Computed, Events
from neuralpdb.interpreter.instructions.versions import instructions_of
from neuralpdb.interpreter.library import contents, imports
from neuralpdb.interpreter.library.library import Library
from neuralpdb.interpreter.machine import Machine, fault
from neuralpdb.interpreter.objects.values import EMPTY, Module
from neuralpdb.interpreter.signals import Endless, Raised, Stop, Undetermined
from neuralpdb.program.compiled import compiled

_SPARE = 40
"""Levels of the host that the interpreter needs for itself."""


@dataclass(frozen=True)
class Bounds:
    """Where an interpretation ends.

    frames:      frames computed.
    operations:  instructions run.
    value_chars: characters of one text; a longer one is cut as in recorded traces.
    endless:     whether to end where the program never does: its whole state is one that it was in before.
    """

    frames: int = 10_000
    operations: int = 3_000_000
    value_chars: int = 100_000
    endless: bool = False


class End(StrEnum):
    """How an interpretation ended."""

    ENDED = "the program ended"
    ENOUGH = "the limit of frames is reached"
    ENDLESS = "the program never ends"
    STOPPED = "nothing can be told from here on"
    FAULT = "an error inside the interpreter"


@dataclass(frozen=True)
class Outcome:
    """What came of an interpretation.

    end: how it ended. why: in words, what is not supported or not known, or what is to be reported.
    operations: instructions that were run. assuming: what may have raised an exception; empty when nothing may.
    output: what the program would have printed since the last frame.
    """

    end: End
    why: str = ""
    operations: int = 0
    assuming: str = ""
    output: str = ""

    @property
    def reason(self) -> str:
        """Why nothing more is told, in one line; for an error of ours with what to do."""
        if self.end is End.FAULT:
            return f"{self.end.value}: {self.why} (please report it, with the program)"
        return self.why or self.end.value


class Interpretation:
    """One interpretation of a program, from its entry on. `run` may be called once."""

    def __init__(
        self,
        text: str,
        *,
        filename: str,
        entry_function: str | None,
        entry_line: int = 1,
        arguments: Sequence[str] = (),
        script: str = "",
        bounds: Bounds | None = None,
    ) -> None:
        """Arguments are those of `recorder.record`: a function that is entered, or a line of the module.

        arguments: of the script, behind its name in `sys.argv`. script: that name, when it is not the filename."""
        self._text = text
        self._argv = [script or filename, *arguments]
        self._filename = filename
        self._function = entry_function
        self._line = entry_line
        self._bounds = bounds or Bounds()
        self.machine: Machine | None = None

    def run(self, emit: Callable[[Computed], None]) -> Outcome:
        """Hand each frame to `emit` as soon as it is computed. Raises nothing for what the program does."""
        # in a context of its own, native code begins as in a new process: decimals with their default context
        return contextvars.Context().run(self._guarded, emit)

    def _guarded(self, emit: Callable[[Computed], None]) -> Outcome:
        machine: Machine | None = None
        limit = sys.getrecursionlimit()
        collects = gc.isenabled()
        gc.disable()  # a collection would close generators at moments that no real run has
        try:
            machine = self.machine = self._machine(emit)
            return self._outcome(machine, *self._run(machine))
        except Endless as error:
            return self._outcome(machine, End.ENDLESS, error.reason)
        except (Stop, Undetermined) as error:
            enough = error.reason == "enough"
            return self._outcome(machine, End.ENOUGH if enough else End.STOPPED, "" if enough else error.reason)
        except RecursionError:
            return self._outcome(machine, End.STOPPED, "the interpreter is nested too deep")
        except Raised as error:
            return self._outcome(machine, End.FAULT, f"an exception was lost: {type(error.value).__name__}")
        except Exception as error:
            return self._outcome(machine, End.FAULT, fault(error))
        finally:
            if machine is not None:
                machine.over = True
            sys.setrecursionlimit(limit)
            if collects:
                gc.enable()

    def prepare(self, machine: Machine) -> None:
        """Make the machine ready; does nothing here."""

    def enter(self, machine: Machine, names: dict[str, Any]) -> tuple[End, str] | None:
        """Run the program in another way, given the module's namespace; None to run it from its entry."""
        return None

    def _machine(self, emit: Callable[[Computed], None]) -> Machine:
        contents.load()
        bounds = self._bounds
        machine = Machine(self._text, budget=bounds.operations, value_chars=bounds.value_chars)
        machine.base_level = _level() + _SPARE
        machine.argv = [*self._argv]
        machine.library = Library(machine, instructions_of(VERSION))
        entry_line = None if self._function else self._line
        machine.events = Events(machine, self._text, emit, bounds.frames, entry_line)
        if bounds.endless:
            machine.events.repetition = Repetition(machine, machine.events)
        self.prepare(machine)
        return machine

    def _run(self, machine: Machine) -> tuple[End, str]:
        names: dict[str, Any] = {
            "__name__": "__main__",
            "__doc__": None,
            "__package__": None,
            "__loader__": None,
            "__spec__": None,
            "__file__": self._filename,
        }
        names["__builtins__"] = imports.find(machine, machine.library.modules, "builtins")
        machine.library.modules["__main__"] = Module("__main__", names)
        done = self.enter(machine, names)
        if done is not None:
            return done
        code = _compiled(self._text, self._filename, main=self._function is None)
        module = Activation(machine.code(code, True), None, names)
        module.names = names
        machine.enter(module)
        if self._function is None:
            module.shown = True
            machine.events.depth = -1
            try:
                machine.run(module)
            except Raised as error:
                if not machine.events.started:
                    return End.STOPPED, f"line {self._line} is not reached: {_described(error.value)}"
            return End.ENDED, ""
        try:
            machine.run(module)
        except Raised as error:
            return End.STOPPED, f"{self._function}() is not reached: {_described(error.value)}"
        function = names.get(self._function, EMPTY)
        if function is EMPTY:
            return End.STOPPED, f"the program does not define {self._function}"
        machine.events.started = True
        try:
            machine.call(function)
        except Raised:
            pass
        return End.ENDED, ""

    def _outcome(self, machine: Machine | None, end: End, why: str = "") -> Outcome:
        if machine is None:
            return Outcome(end, why)
        output = machine.events.printed() if end is End.ENDED else ""
        return Outcome(end, why, machine.operations, machine.assumed, output)


def interpret(
    text: str,
    *,
    filename: str,
    entry_function: str | None,
    entry_line: int = 1,
    arguments: Sequence[str] = (),
    bounds: Bounds | None = None,
) -> tuple[list[Computed], Outcome]:
    """Interpret a program and return all its frames, and how it ended."""
    frames: list[Computed] = []
    interpretation = Interpretation(
        text,
        filename=filename,
        entry_function=entry_function,
        entry_line=entry_line,
        arguments=arguments,
        bounds=bounds,
    )
    return frames, interpretation.run(frames.append)


def _level() -> int:
    """Return the level of the host's stack."""
    frame: FrameType | None = sys._getframe()
    level = 0
    while frame is not None:
        frame, level = frame.f_back, level + 1
    return level


def _described(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {error.args[0]}" if error.args and type(error.args[0]) is str else name


def _compiled(text: str, filename: str, *, main: bool) -> CodeType:
    """Compile the module; main False: without what only the main program does. Raises Stop where that fails."""
    try:
        return compiled(text, filename, main=main)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Stop(f"the program cannot be compiled: {_described(error)}") from None


__all__ = ["Bounds", "Computed", "End", "Interpretation", "Outcome", "interpret"]
