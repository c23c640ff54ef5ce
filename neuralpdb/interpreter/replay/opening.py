"""Opening a frame: the names of the program around it, with its variables as their texts say, to evaluate there.

Nothing is run on from there, so that no place in the code is needed; it is for frames that a run does not come by.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.interpretation import Bounds, End
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class
from neuralpdb.interpreter.objects.values import Function, Module, Own, Unknown
from neuralpdb.interpreter.replay import values
from neuralpdb.interpreter.replay.entering import Entered, changed_globals
from neuralpdb.interpreter.signals import Stop
from neuralpdb.program.compiled import NotMain
from neuralpdb.trace.frames import Frame

_MODULE = "<module>"
_CODE = (Function, Class, Module, Own)


class Opened(Entered):
    """The program around a frame, and the frame's variables."""

    def __init__(
        self,
        text: str,
        *,
        filename: str,
        bounds: Bounds,
        frame: Frame,
        module: Frame | None,
        look: Callable[[Machine, Activation], None],
    ) -> None:
        """module: the last frame of module-level code before it. look: gets the machine and an activation of it."""
        super().__init__(
            text,
            filename=filename,
            entry_function=frame.function,
            entry_line=0,
            bounds=bounds,
            start=frame,
            prepares=lambda machine: None,
        )
        self._frame = frame
        self._module = module
        self._look = look

    def enter(self, machine: Machine, names: dict[str, Any]) -> tuple[End, str]:
        """Run the module's statements, make the variables, and hand them to `look`."""
        frame = self._frame
        in_module = frame.function == _MODULE
        try:
            whole = compile(self._text, self._filename, "exec", dont_inherit=True, optimize=0)
            tree = ast.parse(self._text, self._filename)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Stop("the program cannot be compiled") from None
        around = frame if in_module else self._module
        if around is None and "__main__" in self._text:
            tree = NotMain().visit(tree)
        self.run_before(machine, names, tree, around.line if around is not None else None, whole.co_flags)
        if in_module:
            self._age(machine, names, set())
        if around is not None:
            names.update(self._values(machine, around))
        if not in_module:
            self._age(machine, names, changed_globals(whole))
        f = Activation(machine.code(compile("", self._filename, "exec"), False), None, names)
        f.names = names if in_module else self._values(machine, frame)
        machine.events.started = True
        machine.enter(f)
        self._look(machine, f)
        return End.ENDED, ""

    def _age(self, machine: Machine, names: dict[str, Any], changed: set[str]) -> None:
        """Make unknown what the program may have changed since the module's statements were run."""
        for name, value in names.items():
            if name[:2] == "__" or isinstance(value, _CODE) or type(value) is Unknown:
                continue
            if name in changed or not machine.library.is_immutable(value):
                names[name] = machine.unknown(f"{name} may have been changed since")

    def _values(self, machine: Machine, frame: Frame) -> dict[str, Any]:
        found = {}
        for name, text in frame.locals.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise Stop("a frame with variables that are none")
            found[name] = value = values.read(text)
            if type(value) is Unknown:
                machine.opaque.append(value)
                machine.tainted = True
        return found
