"""Repetition: whether the whole state of a program comes again, which means that it never ends.

A moment is a line event. At moments twice as far each time the state is kept, and compared wherever the frame is the
same again. The state is everything that what happens next depends on: activations, and all objects that they and the
modules reach, as a graph. What cannot be looked into (sets, whose order has a history; files, unknowns, exceptions,
iterators of `itertools`) makes a state that is compared with none: a loop is called endless only where it is.
"""

from __future__ import annotations

import gc
import operator
import re
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import Code
from neuralpdb.interpreter.library.registry import MODULES
from neuralpdb.interpreter.machine import Machine, trusting, undecided
from neuralpdb.interpreter.objects import generators
from neuralpdb.interpreter.objects.classes import Class, Shell
from neuralpdb.interpreter.objects.values import (
    EMPTY,
    Cell,
    ClassMethod,
    Function,
    Member,
    Method,
    Module,
    Own,
    Property,
    StaticMethod,
    Super,
)
from neuralpdb.interpreter.signals import Endless

if TYPE_CHECKING:
    from neuralpdb.interpreter.events import Events

_PARTS_A_FRAME = 4
"""Parts of states that may be looked at for each frame: a part takes 0.2 us, a frame mostly 30 us."""
_CREDIT = 256
"""Parts that may be looked at before there are frames to pay for them: two states of a program without imports."""
_FIRST = 32
"""Line events before the first state is kept: most programs that end soon have ended."""
_SURROUNDED = ("threading", "decimal")
"""Modules with a state of their own that is in no object: other threads, the context of decimals."""

_PLAIN = frozenset((int, str, bytes, bool, type(None), type(...), type(NotImplemented), type(EMPTY)))
_BY_TEXT = frozenset((float, complex, range))
_ITERATORS = frozenset(
    (
        type(iter([])), type(iter(())), type(iter("")), type(iter("\xe9")), type(iter(b"")), type(iter(range(0))),
        type(iter(range(1 << 70))), type(reversed([])), reversed, enumerate, zip, map, filter,
    )
)  # fmt: skip
_DICT_ITERATORS: frozenset[type] = frozenset((type(iter({})), type(iter({}.values())), type(iter({}.items()))))
_CHANGING = frozenset((list, dict, set, bytearray, deque))
_SLOTTED = frozenset((Method, Cell, Property, StaticMethod, ClassMethod, Member, Super))
_NOT_STATE = frozenset(("__weakref__", "machine"))
_CONTENTS: Mapping[type, Callable[[Any], Iterable[Any]]] = {
    list: list.__iter__,
    tuple: tuple.__iter__,
    dict: lambda value: (each for pair in dict.items(value) for each in pair),
    int: lambda value: (int.__int__(value),),
    float: lambda value: (float.__float__(value),),
    str: lambda value: (str.__str__(value),),
}
"""What objects of the program's own classes hold beside their attributes, by the native type that they derive from."""


class _Opaque(Exception):
    """A state that cannot be looked into, or costs too much."""


class _Very:
    """An object that never changes, and is like no other."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is _Very and other._value is self._value


class Repetition:
    """Watches one run for a state that comes again.

    changes: returns how often something from outside has changed the state, and with it what comes after one that is
             the same; None where it rests on a guess.
    """

    def __init__(self, machine: Machine, events: Events) -> None:
        self.changes: Callable[[], int | None] = self._none_from_outside
        self._machine = machine
        self._events = events
        self._moments = 0
        self._next = _FIRST
        self._spent = 0
        self._too_few = 0
        self._line: int | None = -1
        self._depth = -1
        self._code: Code | None = None
        self._texts: dict[str, str] = {}
        self._state: list[Any] = []
        self._step = 0
        self._changes: int | None = 0

    def look(self, f: Activation, line: int | None) -> None:
        """Look at the state at a line event. Raises Endless where it has been there before."""
        self._moments += 1
        is_alike = line == self._line and f.depth == self._depth and f.code is self._code and f.locals[0] == self._texts
        is_due = self._moments >= self._next
        if not (is_alike or is_due) or not self._is_open():
            return
        state = self._present(f)
        if is_alike and state is not None and state == self._state and self._changes == self.changes():
            now = self._events.count - 1
            raise Endless(f"this loop never ends: step {now:,} is step {self._step:,} again")
        if is_due:
            self._next = 2 * self._moments
            self._line = -1 if state is None else line
            if state is not None:
                self._depth, self._code, self._texts = f.depth, f.code, f.locals[0]
                self._state, self._step = state, self._events.count - 1
                self._changes = self.changes()

    def _none_from_outside(self) -> int | None:
        return 0 if self._machine.decide is undecided and self._machine.doubt is trusting else None

    def _is_open(self) -> bool:
        """Whether nothing has a part in the state but what can be looked into."""
        m = self._machine
        return (
            m.nested == 1  # else native code is on its way, and holds what it holds
            and self.changes() is not None
            and not m.assumed
            and m.handled is None
            and not m.outer
            and not m.opaque
            and not self._events.muted
            and not m.open_generators
            and not any(name in m.library.modules for name in _SURROUNDED)
        )

    def _present(self, f: Activation) -> list[Any] | None:
        """Return the present state; None where it cannot be looked into, or is not worth it."""
        most = _CREDIT + _PARTS_A_FRAME * self._events.count - self._spent
        if most <= 2 * self._too_few:
            return None
        state = _State(self._machine, most)
        try:
            return state.of(f)
        except _Opaque:
            self._too_few = min(len(state.parts), most)
            return None
        finally:
            self._spent += len(state.parts)


class _State:
    """The state at one moment, as a list of its parts that is equal to another one's if the states are alike.

    Objects are numbered in the order in which they are met, so that a new list in the place of a like one is the same.
    """

    def __init__(self, machine: Machine, most: int) -> None:
        self.parts: list[Any] = []
        self._machine = machine
        self._most = most
        self._numbers: dict[int, int] = {}
        self._met: list[Any] = []
        modules = machine.library.modules.values()
        self._namespaces = {id(module.held): module for module in modules if type(module) is Module}

    def of(self, f: Activation) -> list[Any]:
        """Return the parts. Raises _Opaque."""
        m = self._machine
        self.parts += m.levels, m.fragile
        self._add(f)
        self._add(m.argv)
        for module in list(m.library.modules.values()):
            self._add(module)
        for value in self._met:  # it grows meanwhile
            self._describe(value)
            if len(self.parts) > self._most:
                raise _Opaque
        return self.parts

    def _add(self, value: Any) -> None:
        """Add a value: itself where nothing can change it, else its number."""
        kind = type(value)
        if kind in _PLAIN:
            self.parts += kind, value
        elif kind in _BY_TEXT:
            self.parts += kind, repr(value)
        elif kind is Code or (isinstance(value, type) and type(kind) is not Shell and kind is not Shell):
            self.parts.append(value)
        else:
            number = self._numbers.get(id(value))
            if number is None:
                number = self._numbers[id(value)] = len(self._met)
                self._met.append(value)
            self.parts += "object", number

    def _add_all(self, values: Iterable[Any]) -> None:
        for value in values:
            self._add(value)
            if len(self.parts) > self._most:
                raise _Opaque
        self.parts.append("end")

    def _describe(self, value: Any) -> None:
        """Add what an object holds."""
        kind = type(value)
        self.parts.append(kind if type(kind) is not Shell else "instance")
        module = self._namespaces.get(id(value))
        if module is not None:
            self._describe_namespace(module)
        elif kind in (list, tuple, bytearray):
            self._add_all(value)
        elif kind is re.Pattern or (
            kind is frozenset and all(type(each) in _PLAIN or type(each) is type for each in value)
        ):
            self.parts.append(_Very(value))
        elif kind is types.MappingProxyType:
            self._add_all(gc.get_referents(value))
        elif kind in (dict, OrderedDict, defaultdict):
            self._add(getattr(value, "default_factory", None))
            self._add_all(_CONTENTS[dict](value))
        elif kind is deque:
            self._add(value.maxlen)
            self._add_all(value)
        elif kind is slice:
            self._add_all((value.start, value.stop, value.step))
        elif kind is Function:
            self._describe_function(value)
        elif kind in _SLOTTED or hasattr(kind, "bind_to"):
            self._add_all(getattr(value, slot) for slot in kind.__slots__ if slot not in _NOT_STATE)
        elif kind is Activation:
            self._describe_activation(value)
        elif kind is generators.Iterating:
            self.parts += value.running, value.finished
            self._add_all((value.activation, value.handled, value.name, value.qualname))
        elif kind is Module:
            self.parts.append(value.name)
            if value.name != "builtins":  # no program changes it
                self._add(value.held)
        elif isinstance(value, Class):
            self.parts += value.has_dict, value.hides_dict, value.abstract
            self._add_all((value.name, value.qualname, value.meta, *value.bases, *value.mro, *value.subclasses))
            self._add_all(_CONTENTS[dict](value.dict))
        elif type(kind) is Shell:
            self._describe_instance(value)
        elif kind in _ITERATORS:
            self._add_all(value.__reduce__()[1:])
        elif kind in _DICT_ITERATORS and operator.length_hint(value):
            self._add_all((*gc.get_referents(value), list(value.__reduce__()[1][0])))
        elif kind is Own:
            self._add(value.name)
            self._add(value.apply)
        elif kind is types.FunctionType:  # one of ours
            self.parts.append(value.__code__)
            self._add_all(cell.cell_contents for cell in value.__closure__ or ())
        elif kind is types.BuiltinFunctionType:
            is_free = value.__self__ is None or isinstance(value.__self__, types.ModuleType)
            self.parts.append(value if is_free else value.__name__)
            self._add(None if is_free else value.__self__)
        elif kind in (types.MethodDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType):
            self.parts.append(value)
        elif value is not self._machine and value is not self._machine.library and kind is not object:
            raise _Opaque

    def _describe_activation(self, f: Activation) -> None:
        if f.then is not None or f.holes or f.unsaid or f.added:
            raise _Opaque
        self.parts += (
            f.code, f.code.seen, f.pc, f.prev, f.line, f.base, f.shown, f.muted, f.depth, f.kwnames, f.shown_line,
            f.shown_at, f.locals[0], [*f.texts],
        )  # fmt: skip
        self._add_all(f.stack)
        self._add_all(f.fast)
        self._add_all((f.names, f.globals, f.back, f.function, f.generator, f.live))

    def _describe_function(self, function: Function) -> None:
        texts = (function.name, function.qualname, function.module, function.doc)
        self.parts.append(texts)
        if any(text is not None and type(text) is not str for text in texts):
            raise _Opaque
        if function.code.own or function.closure:
            self.parts.append(function.code)
            self._add(function.globals)
        else:
            self.parts.append(function)  # of a library, where it is made once
        for held in (function.defaults, function.kwdefaults):
            self._add(held)
        for cell in function.closure:
            is_empty = type(cell.value) is set and not cell.value and not function.code.own
            self._add(None if is_empty else cell)  # libraries ask these what they hold, not for its order
        for held in (function.annotations, function.type_params, function.dict):
            self.parts.append(len(held))
            if held:
                self._add(held)

    def _describe_namespace(self, module: Module) -> None:
        """Add what a module holds, but for what its part of the library put there: nothing changes that."""
        natives = MODULES.get(module.name, {}) if module.elsewhere else {}
        for name, value in module.held.items():
            if name.startswith("__neural_"):
                continue
            self.parts.append(name)
            native = natives.get(name, EMPTY)
            if value is native and type(value) not in _CHANGING:
                continue
            if type(native) is type(value) is Own and native.apply is value.apply:
                continue
            self._add(value)

    def _describe_instance(self, value: Any) -> None:
        kind = type(value)
        self._add(kind.__neural_class__)
        hosts = [base for base in kind.__mro__ if type(base) is not Shell and base is not object]
        if len(hosts) > 1 or (hosts and hosts[0] not in _CONTENTS):
            raise _Opaque
        if hosts:
            self._add_all(_CONTENTS[hosts[0]](value))
        self._add_all(_CONTENTS[dict](getattr(value, "__dict__", {})))
