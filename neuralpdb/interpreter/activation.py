"""An activation: one call of a function on its way, with its variables and its stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neuralpdb.interpreter.decoded import Code
from neuralpdb.interpreter.objects.values import EMPTY, Cell
from neuralpdb.interpreter.signals import Stop

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def cell_value(value: Any) -> Any:
    """Return the value of a variable, which may be in a cell."""
    return value.value if type(value) is Cell else value


class Activation:
    """One activation of a code object.

    fast:       values of its variables (cells for shared ones), in the order of `code.slots`.
    stack:      its operands.
    pc:         the instruction to run next.
    prev:       the instruction that ran last, -1 before the first.
    line:       the line of `prev`; -1 where the next instruction with a line is an event in any case.
    names:      the namespace of module-level code and of a class body.
    back:       the activation that goes on when this one is left; None for the first one of a `run`.
    base:       whether leaving it ends the `run` that it began in.
    caller:     where native code was called that began this `run`; None for others.
    then:       what to make of the value that it returns.
    generator:  the generator that it belongs to.
    live:       what `locals` has given, up to 3.12.
    shown:      whether it has events.
    depth:      of its events.
    texts:      texts of its locals in the order in which they were bound; None for one to be made.
    holes:      local -> why its text is not known.
    seen:       values of which the texts are.
    unsaid:     variables of which it is not known whether they have a value.
    added:      variables that the user has made here, of which its code does not know.
    locals:     texts of its last call or line event, and holes.
    """

    __slots__ = (
        "added", "back", "base", "caller", "code", "depth", "fast", "function", "generator", "globals", "holes",
        "kwnames", "line", "live", "locals", "muted", "names", "ops", "pc", "prev", "seen", "shown", "shown_at",
        "shown_line", "stack", "texts", "then", "unsaid",
    )  # fmt: skip

    def __init__(self, code: Code, function: Any, namespace: dict[str, Any]) -> None:
        code.decode()
        self.code = code
        self.ops = code.ops
        self.function = function
        self.globals = namespace
        self.fast: list[Any] = [EMPTY] * len(code.slots)
        self.stack: list[Any] = []
        self.pc = 0
        self.prev = -1
        self.line: int | None = -1
        self.names: Any = None
        self.back: Activation | None = None
        self.base = False
        self.caller: Activation | None = None
        self.then: Callable[[Any], Any] | None = None
        self.generator: Any = None
        self.kwnames: tuple[str, ...] = ()
        self.shown = False
        self.muted = False
        self.depth = 0
        self.texts: dict[str, str | None] = {}
        self.holes: dict[str, str] = {}
        self.seen: list[Any] = [EMPTY] * len(code.slots)
        self.locals: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.shown_line: int | None = -1
        self.shown_at = -1
        self.live: dict[str, Any] | None = None
        self.unsaid: frozenset[str] = frozenset()
        self.added: Mapping[str, Any] = _NOTHING

    def put(self, name: str, value: Any) -> None:
        """Give a variable of the code a value, or take it away (EMPTY)."""
        if self.names is not None:
            if value is EMPTY:
                self.names.pop(name, None)
            else:
                self.names[name] = value
            return
        slot = self.code.slots.index(name)
        held = self.fast[slot]
        if type(held) is Cell:
            held.value = value
        else:
            self.fast[slot] = value
        if name in self.texts:
            self.texts[name] = None

    def refresh(self) -> None:
        """Bring the dict that `locals` has given up to date, as Python does at each event (up to 3.12)."""
        live = self.live
        if live is None:
            return
        for name, value in zip(self.code.slots, self.fast, strict=True):
            value = cell_value(value)
            if value is EMPTY:
                live.pop(name, None)
            else:
                live[name] = value
        if len(live) > len(self.code.slots) or not live.keys() <= set(self.code.slots):
            raise Stop("variables are added to the locals of a function")

    @property
    def here(self) -> int | None:
        """The line of the instruction that ran last."""
        return self.code.lines[self.prev]
