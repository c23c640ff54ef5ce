"""`sys.settrace` events of one program -> canonical frames.

It knows the interpreter's versions and their quirks; it does not run anything and sends frames where it is told.
"""

from __future__ import annotations

import dis
import functools
import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from neuralpdb.frames import Event, Frame, Origin, Trouble, TroubleKind
from neuralpdb.inlined import NONE_INLINED, Inlined, inlined_in
from neuralpdb.recursion import Recursion, TraceFunction

UNREPRESENTABLE = "<unrepresentable>"
CUT = "…"
"""The last character of a value that was longer than `Limits.value_chars`."""
MARKER = "  # << START_OF_TRACE"

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")
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
    type(functools.lru_cache(len)),
)
_CODE_MODULES = ("typing", "__future__")
_CO_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_RESUME = dis.opmap["RESUME"]
_LEAVES = frozenset(
    dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "RESUME") if name in dis.opmap
)
"""Instructions at which an activation is left without an exception (3.13 stands on RESUME after a yield)."""
_THROWN_AT_RESUME = sys.version_info >= (3, 13)
_LOCALS_BY_SLOT = sys.version_info >= (3, 13)
"""Up to 3.12 `f_locals` is a dict that grows as names are bound; since 3.13 it follows the code object."""
_SLICED = frozenset((str, bytes, bytearray, list, tuple))
_ENDS = (StopIteration, StopAsyncIteration)
_CLOSERS = frozenset(("close", "aclose", "throw", "athrow"))


@dataclass(frozen=True)
class Limits:
    """Where a recording ends.

    frames:      frames recorded.
    value_chars: characters of one value; a longer one is cut and ends with `CUT`.
    total_chars: characters of all values of all frames together.
    """

    frames: int = 10_000
    value_chars: int = 100_000
    total_chars: int = 200_000_000


class Interrupt(BaseException):
    """Ends an in-process recording: raise it from a signal handler, with the reason as its text.

    A program that swallows BaseException swallows this too; a handler that must win raises it repeatedly.
    """


class _Code:
    """What a code object of the program means for its events; made once for each."""

    __slots__ = (
        "cells",
        "code",
        "hidden",
        "inlined",
        "is_module",
        "muted",
        "name",
        "operations",
        "reorders",
        "seen",
        "step",
        "suspends",
    )

    def __init__(self, code: CodeType, text: str) -> None:
        self.code = code  # kept alive: codes are found by id
        self.name = code.co_name
        self.is_module = code.co_name == "<module>"
        self.hidden = code.co_name in _COMPREHENSIONS or code.co_name.startswith("<generic parameters of ")
        self.muted = not self.is_module and not code.co_flags & inspect.CO_OPTIMIZED
        self.suspends = bool(code.co_flags & _CO_SUSPENDS)
        self.operations = code.co_code
        self.inlined: Inlined = inlined_in(code, text)
        self.reorders = _LOCALS_BY_SLOT or self.inlined is not NONE_INLINED
        self.cells = self.inlined.captured.union(code.co_cellvars).difference(code.co_varnames[: _arguments(code)])
        self.seen: dict[str, str] = {}
        self.step: TraceFunction | None = None

    def is_phantom(self, offset: int, raised: int) -> bool:
        """True when a `return None` at `offset` only says that an exception leaves the frame.

        raised: where an exception was last raised in this activation, with no line run since.
        """
        return self.operations[offset] not in _LEAVES or offset == raised

    def in_order(self, found: dict[str, str], before: Mapping[str, str]) -> dict[str, str]:
        """`found` in the order in which its names were bound, as `f_locals` of 3.11 has it.

        before: the locals one step earlier. Names bound in one step: plain locals, then those that inner code uses.
        """
        if not before and self.suspends:
            before = self.seen
        new = [name for name in found if name not in before]
        if len(new) > 1 and self.cells:
            new.sort(key=lambda name: (name in self.cells, name if name in self.cells else ""))
        self.seen = {name: found[name] for name in (*before, *new) if name in found}
        return self.seen

    def may_be_thrown(self, offset: int) -> bool:
        """True when a call event at `offset` resumes a generator by an exception, or may (3.13 does not tell)."""
        if not self.suspends:
            return False
        if self.operations[offset] != _RESUME:
            return True
        return _THROWN_AT_RESUME and self.operations[offset + 1] & 3 != 0


class _Activation:
    """A recorded frame on the program's stack. Offsets are those of instructions, -1 for none.

    locals: of its last call or line frame. raised: where an exception was last raised, with no line run since.
    line, offset: of its last line frame. left: line of the inlined comprehension that ran last, no line shown since.
    muted: it is a generator that is being collected.
    """

    __slots__ = ("left", "line", "locals", "muted", "offset", "raised")

    def __init__(self) -> None:
        self.locals: dict[str, str] = {}
        self.raised = self.line = self.offset = self.left = -1
        self.muted = False


class Recording:
    """One recording. `enter` is the global trace function; each code of the program gets a local one."""

    def __init__(
        self,
        text: str,
        filename: str,
        entry_line: int | None,
        limits: Limits,
        emit: Callable[[Frame], None],
        on_limit: Callable[[Trouble], None] | None = None,
    ) -> None:
        """entry_line: where module-level code starts to be shown; None when a function is entered instead."""
        self.limits = limits
        self.recursion = Recursion()
        self.started = False
        self.done = False
        self.lost = False
        self.trouble: Trouble | None = None
        self.cut = 0
        self._text = text
        self._lines = [line.removesuffix(MARKER) for line in text.split("\n")]
        self._filename = filename
        self._entry_line = entry_line
        self._emit = emit
        self._on_limit = on_limit
        self._main: CodeType | None = None
        self._codes: dict[int, _Code] = {}
        self._kinds: dict[type, bool] = {}
        self._stack: list[_Activation] = []
        self._closing: list[Frame] = []  # a generator is being closed: shown only if it runs lines
        self._muted = 0
        self._count = 0
        self._chars = limits.total_chars
        self._enter: TraceFunction = self.enter

    def watch(self, code: CodeType | None) -> None:
        """Start tracing; `code` is the module's when the module itself is recorded."""
        self._main = code
        self.started = code is None
        sys.settrace(self._enter)

    def release(self) -> None:
        """Stop tracing; `lost` says that it had stopped before: the program took it, or left no stack for it."""
        self.lost = self.started and not self.done and sys.gettrace() is not self._enter
        sys.settrace(None)

    def stop(self, message: str) -> None:
        """Nothing is recorded from now on, because of a limit or an interruption."""
        self.done = True
        if self.trouble is None:
            self.trouble = Trouble(TroubleKind.TRUNCATED, message)
            if self._on_limit:
                self._on_limit(self.trouble)

    # --- events -------------------------------------------------------------------------------------------------------

    def enter(self, frame: FrameType, event: str, arg: Any) -> TraceFunction | None:
        """The global trace function: an activation begins or a generator is resumed."""
        python_code = frame.f_code
        code = self._codes.get(id(python_code))
        if code is None:
            if python_code.co_filename != self._filename or self.done:
                return None
            code = self._codes[id(python_code)] = _Code(python_code, self._text)
            code.step = self._waiter(code) if code.is_module else self._stepper(code)
        if self._muted or not (self.started or code.is_module) or code.hidden:
            return self._quiet
        if code.muted:
            self._muted += 1
            frame.f_trace_lines = False
            return self._class_body
        if not code.is_module:
            if self.recursion.exceeded(len(self._stack)):
                return self.recursion.refusal(self._enter)
            self._call(frame, code)
        return code.step

    def _waiter(self, code: _Code) -> TraceFunction:
        """The local trace function of module-level code: it waits for the entry line."""
        step = self._stepper(code)

        def wait(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event != "line" or frame.f_lineno != self._entry_line or code.code is not self._main or self.started:
                return wait
            self.started = True
            self._stack.append(_Activation())
            return step(frame, event, arg)  # type: ignore[no-any-return]

        return wait

    def _quiet(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        return self._quiet

    def _class_body(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        if event == "return":
            self._muted -= 1
        return self._class_body

    def _stepper(self, code: _Code) -> TraceFunction:
        """The local trace function for all activations of `code`."""

        def step(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event == "line":
                if not self._muted:
                    self._line(frame, code)
            elif event == "return":
                self._return(frame, code, arg)
            elif event == "exception" and not self._muted:
                self._exception(frame, code, arg)
            return step

        def step_inlined(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event != "line" or self._is_shown(frame, code):
                step(frame, event, arg)
            return step_inlined

        return step if code.inlined is NONE_INLINED else step_inlined

    def _call(self, frame: FrameType, code: _Code) -> None:
        activation = _Activation()
        activation.locals = self._variables(frame, code, activation.locals)
        self._stack.append(activation)
        shown = self._frame(Event.CALL, code, frame.f_lineno, activation.locals, None)
        if code.may_be_thrown(frame.f_lasti):
            self._flush()
            self._closing.append(shown)
        else:
            self._show(shown)

    def _line(self, frame: FrameType, code: _Code) -> None:
        activation = self._stack[-1]
        activation.locals = self._variables(frame, code, activation.locals)
        activation.raised = -1
        activation.line = frame.f_lineno
        activation.offset = frame.f_lasti
        self._show(self._frame(Event.LINE, code, frame.f_lineno, activation.locals, None))

    def _exception(self, frame: FrameType, code: _Code, arg: tuple[type[BaseException], Any, Any]) -> None:
        kind, value, _ = arg
        if issubclass(kind, Interrupt) or (frame.f_lasti in code.inlined.hidden and issubclass(kind, _ENDS)):
            return
        activation = self._stack[-1]
        activation.raised = frame.f_lasti
        closing = bool(self._closing) and issubclass(kind, GeneratorExit)
        if closing and not _closed_on_purpose(frame.f_back):
            self._closing.clear()
            self._muted += 1
            activation.muted = True
            return
        line = code.inlined.line(frame.f_lasti, frame.f_lineno)
        shown = self._frame(Event.EXCEPTION, code, line, activation.locals, self._repr(value))
        if closing:
            self._closing.append(shown)
        else:
            self._show(shown)

    def _return(self, frame: FrameType, code: _Code, arg: Any) -> None:
        activation = self._stack[-1]
        if activation.muted:
            self._muted -= 1
        elif arg is None and code.is_phantom(frame.f_lasti, activation.raised):
            self._closing.clear()
        elif not self._muted and not code.is_module:
            line = code.inlined.line(frame.f_lasti, frame.f_lineno)
            self._show(self._frame(Event.RETURN, code, line, activation.locals, self._repr(arg)))
        self._stack.pop()
        if not self._stack:
            self.done = True
            sys.settrace(None)

    def _is_shown(self, frame: FrameType, code: _Code) -> bool:
        """False for a line event that only exists because a comprehension is inlined (3.12+)."""
        activation = self._stack[-1]
        offset, line = frame.f_lasti, frame.f_lineno
        if offset in code.inlined.hidden:
            activation.left = code.inlined.hidden[offset]
            return False
        left, activation.left = activation.left, -1
        if left == line and offset > activation.offset:
            return False
        lead = code.inlined.leads.get(offset, line)
        if lead != line and (activation.line != lead or offset < activation.offset) and not self._muted:
            activation.locals = self._variables(frame, code, activation.locals)
            self._show(self._frame(Event.LINE, code, lead, activation.locals, None))
        return True

    # --- frames -------------------------------------------------------------------------------------------------------

    def _variables(self, frame: FrameType, code: _Code, before: Mapping[str, str]) -> dict[str, str]:
        to_text = self._repr
        if code.is_module:
            return {
                name: to_text(value)
                for name, value in list(frame.f_locals.items())
                if not (name[:2] == "__" and name[-2:] == "__") and self._is_state(type(value))
            }
        leaks = code.inlined.leaks.get(frame.f_lasti)
        if leaks:
            found = self._unleaked(frame, code, leaks, before)
        else:
            found = {name: to_text(value) for name, value in frame.f_locals.items()}
        return code.in_order(found, before) if code.reorders else found

    def _unleaked(
        self, frame: FrameType, code: _Code, leaks: frozenset[str], before: Mapping[str, str]
    ) -> dict[str, str]:
        """The locals at an inlined comprehension: those that its own variables, `leaks`, stand in for are as before."""
        found = {}
        names = (*code.code.co_varnames, *code.code.co_cellvars, *code.code.co_freevars)
        for name in dict.fromkeys(names):
            if name in leaks:
                if name in before:
                    found[name] = before[name]
            elif name in frame.f_locals:
                found[name] = self._repr(frame.f_locals[name])
        return found

    def _is_state(self, kind: type) -> bool:
        """False for what a module's namespace holds beside variables: code, classes, type hints."""
        known = self._kinds.get(kind)
        if known is None:
            known = not issubclass(kind, _CODE_KINDS) and kind.__module__ not in _CODE_MODULES
            self._kinds[kind] = known
        return known

    def _repr(self, value: Any) -> str:
        limit = self.limits.value_chars
        try:
            if type(value) in _SLICED and len(value) > limit:
                value = value[: limit + 1]  # its text is cut anyway: do not make all of it
            text = repr(value)
        except (Interrupt, KeyboardInterrupt):
            raise
        except BaseException:
            return UNREPRESENTABLE
        if " at 0x" in text:
            text = _ADDRESS.sub("", text)
        if "<str_ascii_iterator" in text:
            text = text.replace("<str_ascii_iterator", "<str_iterator")
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode()
        size = len(text)
        if size > limit:
            text = text[:limit] + CUT
            self.cut += 1
        self._chars -= size
        return text

    def _frame(self, event: Event, code: _Code, line: int, variables: dict[str, str], value: str | None) -> Frame:
        known = 0 < line <= len(self._lines)
        source = self._lines[line - 1] if known else ""
        depth = len(self._stack) - 1
        return Frame(event, code.name, line if known else None, source, variables, value, depth, Origin.OBSERVED)

    def _show(self, frame: Frame) -> None:
        if self._closing:
            self._flush()
        if self._count >= self.limits.frames:
            self._interrupt(f"limit of {self.limits.frames} frames")
        if self._chars < 0:
            self._interrupt(f"limit of {self.limits.total_chars} characters of values")
        self._count += 1
        self._emit(frame)

    def _flush(self) -> None:
        closing, self._closing = self._closing, []
        for frame in closing:
            self._show(frame)

    def _interrupt(self, message: str) -> None:
        self.stop(message)
        raise Interrupt(message)


def _arguments(code: CodeType) -> int:
    stars = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + stars


def _closed_on_purpose(caller: FrameType | None) -> bool:
    """True when GeneratorExit comes from `close()`; False when the generator is collected, at an accidental moment."""
    if caller is None or caller.f_lasti < 0:
        return False
    code = caller.f_code
    return dis.opname[code.co_code[caller.f_lasti]].startswith("CALL") and not _CLOSERS.isdisjoint(code.co_names)
