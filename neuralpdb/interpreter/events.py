"""Events of the program, in the order of `sys.settrace`, and the frames that are made of them.

The rule for line events is CPython's own, over the compiler's line table; nothing about lines is reconstructed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.objects.classes import Class
from neuralpdb.interpreter.objects.values import EMPTY, Cell, Function, Method, Module, Own, Unknown
from neuralpdb.interpreter.signals import Stop
from neuralpdb.interpreter.texts import CUT, FIXED
from neuralpdb.trace.frames import VALUE, Event, Frame, Origin

if TYPE_CHECKING:
    from neuralpdb.interpreter.activation import Activation
    from neuralpdb.interpreter.contract import MachineLike, RepetitionLike

HOLE = "<unknown>"
"""Stands in a frame for a text that is not known."""
MOST_PRINTED = 10_000
"""Characters of output that one frame holds; a reader sees a screen of it."""

_MARKER = "  # << START_OF_TRACE"
"""Stands behind the entry line of a traced program and is no part of a frame."""
_REPEATS_LINES = VERSION == (3, 12)
"""3.12 has a second event for a line when a condition ends in the middle of it; recorded traces leave it out."""
_LOCALS_BY_SLOT = VERSION >= (3, 13)
"""Since 3.13 the locals of an activation are in the order of the code object."""
_REPEATS_ITSELF = 1 if VERSION < (3, 12) else 0
"""Up to 3.11 an instruction that jumps to itself (`while True: pass`) is no event again."""
PASSED = "\0passed"
"""The key under which an exception holds the activations that it has passed."""
_STEADY = ("SEND",) if VERSION < (3, 13) else ("SEND", "END_SEND")
"""Instructions that a jump back leads to without an event."""
_CODE_KINDS = (
    types.ModuleType,
    types.FunctionType,
    type,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.GenericAlias,
    types.UnionType,
)
_HINTS = ("typing", "__future__")
"""Modules of types whose objects are no state."""
_OWN_CODE = (Function, Class, Module, Own)


@dataclass(frozen=True)
class Computed:
    """One frame that was computed.

    frame:    the frame, with HOLE for texts that are not known.
    unknown:  name (VALUE for the value) -> why its text is not known.
    assuming: the first operation that may have raised an exception instead of going on; empty when there is none.
    output:   what the program would have printed since the last frame, HOLE for what is not known of it.
    placed:   whether somebody else decided that the program goes on there, since a value that decides it is not known.
    """

    frame: Frame
    unknown: Mapping[str, str] = field(default_factory=dict)
    assuming: str = ""
    output: str = ""
    placed: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is unknown and nothing is assumed."""
        return not self.unknown and not self.assuming

    def as_dict(self) -> dict[str, Any]:
        """Return the frame as values for JSON: None for a text that is not known, and then why."""
        fields = self.frame.as_dict()
        fields["locals"] = {name: None if name in self.unknown else text for name, text in self.frame.locals.items()}
        if VALUE in self.unknown:
            fields["value"] = None
        if self.unknown:
            fields["unknown"] = dict(self.unknown)
        if self.assuming:
            fields["assuming"] = self.assuming
        if self.output:
            fields["output"] = self.output
        return fields


class _Silence:
    """A context in which nothing is an event."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def __enter__(self) -> None:
        self._events.muted += 1
        self._events.silent += 1

    def __exit__(self, *_: object) -> None:
        self._events.muted -= 1
        self._events.silent -= 1


class Events:
    """Makes the frames of one run.

    started: whether events are frames already.
    muted:   how many reasons there are for events not to be frames.
    silent:  how many texts are being made: what they print is not the program's.
    depth:   of the innermost activation that is shown.
    count:   frames that were emitted.
    here:    the activation of the frame that is being emitted; None when it was held back.
    value:   what it returns.
    known:   the first frames of this very run, which need not be made again.
    unsaid:  variables of the module that a frame in its middle, where the trace began, does not mention.
    repetition: looks whether the program is where it was before; None when nobody wants to know.
    """

    def __init__(
        self, machine: MachineLike, text: str, emit: Callable[[Computed], None], limit: int, entry_line: int | None
    ) -> None:
        """limit: the number of frames after which Stop is raised. entry_line: where module-level code is entered."""
        self.started = False
        self.muted = 0
        self.silent = 0
        self.depth = -1
        self.count = 0
        self.silence = _Silence(self)
        self.here: Activation | None = None
        self.value: Any = EMPTY
        self.known: Sequence[Computed] = ()
        self.unsaid: Mapping[str, Any] = {}
        self.repetition: RepetitionLike | None = None
        self._machine = machine
        self._lines = [line.removesuffix(_MARKER) for line in text.split("\n")]
        self._emit = emit
        self._limit = limit
        self._entry_line = entry_line
        self._closing: list[Computed] = []
        self._visible = ""
        self._output: list[str] = []
        self._printed = 0

    # --- where events are -----------------------------------------------------------------------------------------

    def at(self, f: Activation, i: int, line: int | None) -> None:
        """Show a line event before instruction `i` if it has one."""
        code = f.code
        if line is None or i <= code.first or i in code.inside:
            return
        prev = f.prev
        lines = code.lines
        names = code.names
        lead = code.leads.get(i, line) if code.leads else line
        if lead != line and (lines[prev] != lead or i < prev or prev <= code.first):
            self.line(f, lead)
        if prev > code.first and lines[prev] == line and (i > prev - _REPEATS_ITSELF or names[i] in _STEADY):
            return
        if names[i] == "RESUME" or names[prev] == "EXTENDED_ARG":
            return
        if _REPEATS_LINES and line == f.shown_line and i > f.shown_at and i not in code.loops:
            return
        f.shown_line, f.shown_at = line, i
        self.line(f, line)

    def line(self, f: Activation, line: int | None) -> None:
        """Show a line event."""
        if f.code.is_module:
            if not self.started:
                if line != self._entry_line:
                    return
                self.started = True
                self.depth = 0
            f.locals = self._module_locals(f)
        elif self.muted or not self.started:
            return
        else:
            f.locals = self._locals(f)
        self._show(Event.LINE, f, line)
        if self.repetition is not None:
            self.repetition.look(f, line)

    def call(self, f: Activation, *, thrown: bool = False) -> None:
        """Show that an activation begins, or is resumed (by an exception)."""
        if not f.shown or f.code.is_module:
            return
        code = f.code
        resumed = code.suspends and f.prev > code.first
        line = f.here if code.suspends and f.prev >= 0 else code.raw.co_firstlineno
        f.locals = self._locals(f, fresh=True)
        if resumed:
            f.shown_line, f.shown_at = line, f.prev
        if thrown:
            self._flush()
            self._closing = [self._frame(Event.CALL, f, line)]
        else:
            self._show(Event.CALL, f, line)

    def left(self, f: Activation, value: Any) -> Any:
        """Show that an activation returns or yields `value`; return that, or what a history says instead."""
        if f.shown and not f.code.is_module:
            if not _LOCALS_BY_SLOT:
                self.bind(f)
            self._show(Event.RETURN, f, f.here, value)
            return self.value
        return value

    def raised(self, f: Activation, error: BaseException) -> None:
        """Show that an exception passes an activation."""
        if not f.shown or self.muted or not self.started:
            return
        if f.prev in f.code.inside and isinstance(error, StopIteration | StopAsyncIteration):
            return  # 3.11 has no frame to show it in
        if not f.code.is_module and not _LOCALS_BY_SLOT:
            self.bind(f)
        if self._closing and isinstance(error, GeneratorExit):
            self._closing.append(self._frame(Event.EXCEPTION, f, f.here, error))
        else:
            self._show(Event.EXCEPTION, f, f.here, error)

    def forget_closing(self) -> None:
        """Drop the frames of a generator that was closed without running a line."""
        self._closing = []

    # --- output ---------------------------------------------------------------------------------------------------

    def print(self, text: Any) -> None:
        """Take note of what the program would print; an Unknown stands for a text that is not known."""
        if self.silent:
            return
        shown = HOLE if type(text) is Unknown else str.__str__(text)
        room = MOST_PRINTED - self._printed
        if room > 0:
            self._output.append(shown if len(shown) <= room else shown[:room] + CUT)
        self._printed += len(shown)

    def printed(self) -> str:
        """Return what was printed since the last frame."""
        if not self._printed:
            return ""
        text = "".join(self._output)
        self._output, self._printed = [], 0
        return text

    # --- frames ---------------------------------------------------------------------------------------------------

    def _show(self, event: Event, f: Activation, line: int | None, value: Any = EMPTY) -> None:
        if self._machine.budget < 0:
            raise self._machine.exhausted()
        frame = self._frame(event, f, line, value)
        self._flush()
        self.here, self.value = f, value
        self._send(frame)
        self.here = None

    def _flush(self) -> None:
        if self._closing:
            closing, self._closing = self._closing, []
            for frame in closing:
                self._send(frame)

    def _send(self, frame: Computed) -> None:
        self.count += 1
        self._emit(frame)
        if self.count >= self._limit:
            raise Stop("enough")

    def _frame(self, event: Event, f: Activation, line: int | None, value: Any = EMPTY) -> Computed:
        index = self.count + len(self._closing)
        output = self.printed()
        if index < len(self.known):
            return self.known[index]
        texts, holes = f.locals
        text = None
        if value is not EMPTY:
            text = self._machine.texts.text(value)
            if text is None:
                holes = {**holes, VALUE: self._machine.texts.reason}
                text = HOLE
        source = self._lines[line - 1] if line is not None and 0 < line <= len(self._lines) else ""
        depth = 0 if f.code.is_module else f.depth
        frame = Frame(event, f.code.name, line, source, texts, text, depth, Origin.COMPUTED)
        return Computed(frame, holes, self._machine.assumed or (self._visible if f.code.is_module else ""), output)

    def _locals(self, f: Activation, fresh: bool = False) -> tuple[dict[str, str], dict[str, str]]:
        """Make the texts of the locals, in the order in which they were bound."""
        in_order = _LOCALS_BY_SLOT and f.code.suspends
        if in_order and (fresh or not f.locals[0]):
            # recorded traces of 3.13 do not know in which order a resumed activation bound its variables
            f.texts = dict.fromkeys(f.code.seen)
        self.bind(f)
        for name in f.code.leaks.get(f.prev, ()) if fresh else ():
            f.texts.pop(name, None)  # a variable of an inlined comprehension
        if in_order:
            f.code.seen = tuple(f.texts)
        known = self._known()
        if known is not None:
            return known
        texts, holes = f.texts, f.holes
        text_of = self._machine.texts
        seen = f.seen
        for i, name in enumerate(f.code.slots):
            if name not in texts:
                continue
            value = f.fast[i]
            if type(value) is Cell:
                value = value.value
            text = texts[name]
            if text is not None and text is not HOLE and value is seen[i] and type(value) in FIXED:
                continue
            text = text_of.text(value)
            if text is None:
                holes[name] = text_of.reason
                texts[name] = HOLE
            else:
                holes.pop(name, None)
                texts[name] = text
            seen[i] = value
        shown: dict[str, str] = dict(texts)  # type: ignore[arg-type]
        reasons = dict(holes)
        for name, value in f.added.items():
            text = text_of.text(value)
            shown[name] = HOLE if text is None else text
            if text is None:
                reasons[name] = text_of.reason
        return shown, reasons

    def bind(self, f: Activation) -> None:
        """Account for variables that were bound or deleted since the last event."""
        f.refresh()
        texts = f.texts
        captured = f.code.captured
        new = []
        for name, value in zip(f.code.slots, f.fast, strict=True):
            if type(value) is Cell:
                value = value.value
            if value is EMPTY:
                if name in texts:
                    del texts[name]
                    f.holes.pop(name, None)
            elif name not in texts:
                new.append(name)
        if len(new) > 1 and captured:
            new.sort(key=lambda name: (name in captured, name if name in captured else ""))
        for name in new:
            texts[name] = None

    def renew(self, f: Activation) -> tuple[dict[str, str], dict[str, str]]:
        """Make the texts of an activation's variables anew, and its holes: something else has changed them."""
        known, self.known = self.known, ()
        try:
            f.locals = self._module_locals(f) if f.code.is_module else self._locals(f)
        finally:
            self.known = known
        return f.locals

    def _known(self) -> tuple[dict[str, str], dict[str, str]] | None:
        """Return texts and holes of the next frame where they need not be made again."""
        index = self.count + len(self._closing)
        if index >= len(self.known):
            return None
        known = self.known[index]
        return dict(known.frame.locals), {name: why for name, why in known.unknown.items() if name != VALUE}

    def _module_locals(self, f: Activation) -> tuple[dict[str, str], dict[str, str]]:
        """Make the texts of a module's variables, without its code, classes and imports."""
        known = self._known()
        if known is not None:
            return known
        texts, holes = {}, {}
        self._visible = ""
        for name, value in list(f.names.items()):
            if (name[:2] == "__" and name[-2:] == "__") or not self._is_state(value):
                continue
            if name in self.unsaid and self.unsaid[name] is value:
                continue
            text = self._machine.texts.text(value)
            if text is None:
                holes[name] = self._machine.texts.reason
                text = HOLE
                if type(value) is Unknown and value.type is None and value.text is None:
                    self._visible = f"{name} is no function, class or module: {value.reason}"
            texts[name] = text
        return texts, holes

    def _is_state(self, value: Any) -> bool:
        if type(value) is Own and value.text:
            return True
        if isinstance(value, (*_OWN_CODE, *_CODE_KINDS)):
            return False
        if type(value) is Unknown:
            kind = value.type
            is_code = isinstance(kind, type) and (issubclass(kind, _CODE_KINDS) or kind.__module__ in _HINTS)
            return not value.code and not is_code
        if type(value) is Method:
            name = value.function.name.rpartition(".")[2] if type(value.function) is Own else ""
            return not name or isinstance(getattr(type(value.owner), name, None), types.FunctionType)
        return type(value).__module__ not in _HINTS and not self._machine.library.is_code(value)
