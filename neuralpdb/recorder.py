"""Record a program in this process: `sys.settrace` events as canonical frames.

It knows nothing of processes, time limits (see `tracer`), tokens or models. Standard library only, so that any
Python >= 3.11 can run it.
"""

from __future__ import annotations

import dis
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from neuralpdb.frames import Ended, Event, Frame, Origin, Trace, Trouble, TroubleKind
from neuralpdb.inlined import NONE_INLINED, Inlined, inlined_in

UNREPRESENTABLE = "<unrepresentable>"
CUT = "…"
"""The last character of a value that was longer than `Limits.value_chars`."""
MARKER = "  # << START_OF_TRACE"

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")
_NO_VARIABLES = (
    ModuleType,
    FunctionType,
    type,
    BuiltinFunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
_CO_OPTIMIZED = 0x1
_CO_SUSPENDS = 0x20 | 0x80 | 0x200  # generator, coroutine, async generator
_LEAVES = frozenset(
    dis.opmap[name]
    for name in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "RESUME", "RETURN_GENERATOR")
    if name in dis.opmap
)
"""Instructions at which an activation is left without an exception (3.13 stands on RESUME after a yield)."""
_THROWN_AT_RESUME = sys.version_info >= (3, 13)
_RESUME = dis.opmap["RESUME"]
_CLOSERS = frozenset(("close", "aclose", "throw", "athrow"))

TraceFunction = Callable[[FrameType, str, Any], Any]


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


def record(
    text: str,
    *,
    filename: str,
    module_name: str = "__main__",
    entry_function: str | None,
    entry_line: int,
    limits: Limits | None = None,
    namespace: Mapping[str, Any] | None = None,
    emit: Callable[[Frame], None] | None = None,
) -> Trace:
    """Run `text` and return what happened, as canonical frames.

    entry_function None: the module itself is traced, from its first line event on `entry_line` on. Otherwise the
    module runs untraced, then `entry_function` is called without arguments and traced until it is left.
    namespace: globals that exist before the program runs. emit: gets each frame at once; the returned trace then
    holds none (a child process sends them on and keeps nothing).

    Never raises for what the program does. It ends with `Ended` when the program did (an uncaught exception
    included), with `Trouble(TRUNCATED)` at a limit or an `Interrupt`, and with `Trouble(UNAVAILABLE)` when the entry
    was not reached or the program took `sys.settrace` for itself. Output is discarded, input is empty, and
    `breakpoint()` does nothing. Everything of `sys` that this replaces is restored; what the program changes
    elsewhere (files, imported modules, the random state) stays changed.
    """
    frames: list[Frame] = []
    recording = _Recording(text, filename, None if entry_function else entry_line, limits or Limits())
    recording.emit = emit or frames.append
    module = ModuleType(module_name)
    module.__dict__.update({"__file__": filename, "__builtins__": __builtins__, **(namespace or {})})
    with _borrowed_sys(module):
        end = _run(recording, text, filename, module.__dict__, entry_function)
    return Trace(tuple(frames), end)


def _run(
    recording: _Recording, text: str, filename: str, namespace: dict[str, Any], entry_function: str | None
) -> Ended | Trouble:
    reason = "the program ended"
    try:
        code = compile(text, filename, "exec", dont_inherit=True, optimize=0)
        if entry_function is None:
            recording.watch(code)
            exec(code, namespace)
        else:
            exec(code, namespace)
            entry = namespace[entry_function]
            recording.watch(None)
            entry()
    except Interrupt as interrupt:
        recording.trouble = recording.trouble or Trouble(TroubleKind.TRUNCATED, str(interrupt) or "interrupted")
    except BaseException as error:
        reason = described(error)
    finally:
        lost = recording.release()
    if recording.trouble:
        return recording.trouble
    if not recording.started:
        what = f"line {recording.entry_line}" if entry_function is None else f"{entry_function}()"
        return Trouble(TroubleKind.UNAVAILABLE, f"{what} was not reached: {reason}")
    if lost:
        return Trouble(TroubleKind.UNAVAILABLE, "the program replaced the trace function; what came after is unknown")
    if recording.cut:
        reason += f"; {recording.cut} values were cut at {recording.limits.value_chars} characters"
    return Ended(reason)


def described(error: BaseException) -> str:
    """`ZeroDivisionError: division by zero`, as the last line of a traceback says it; never raises."""
    try:
        text = str(error)
    except Exception:
        text = UNREPRESENTABLE
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def _borrowed_sys(module: ModuleType) -> Iterator[None]:
    """Give the program its own main module, streams and breakpoint hook; take them back afterwards."""
    kept = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr", "breakpointhook")}
    other = sys.modules.get(module.__name__)
    trace, depth = sys.gettrace(), sys.getrecursionlimit()
    null = Path(os.devnull)
    with null.open(encoding="utf-8") as nothing, null.open("w", encoding="utf-8") as sink:
        sys.stdin, sys.stdout, sys.stderr = nothing, sink, sink
        sys.breakpointhook = lambda *_, **__: None
        sys.modules[module.__name__] = module
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(sys, name, value)
            if other is None:
                sys.modules.pop(module.__name__, None)
            else:
                sys.modules[module.__name__] = other
            sys.setrecursionlimit(depth)
            sys.settrace(trace)


class _Code:
    """What a code object of the program means for its events; made once for each."""

    __slots__ = ("code", "hidden", "inlined", "is_module", "muted", "name", "operations", "step", "suspends")

    def __init__(self, code: CodeType, text: str) -> None:
        self.code = code  # kept alive: codes are found by id
        self.name = code.co_name
        self.is_module = code.co_name == "<module>"
        self.hidden = code.co_name in _COMPREHENSIONS or code.co_name.startswith("<generic parameters of ")
        self.muted = not self.is_module and not code.co_flags & _CO_OPTIMIZED
        self.suspends = bool(code.co_flags & _CO_SUSPENDS)
        self.operations = code.co_code
        self.inlined: Inlined = inlined_in(code, text)
        self.step: TraceFunction | None = None


class _Activation:
    """A frame on the stack of the program: its last full locals and the instruction that last raised in it."""

    __slots__ = ("after", "line", "locals", "offset", "raised")

    def __init__(self) -> None:
        self.locals: dict[str, str] = {}
        self.raised = -1
        self.line = -1
        self.offset = -1
        self.after = -1


class _Recording:
    """The state of one recording. `enter` is the global trace function, `_Code.step` the local ones."""

    def __init__(self, text: str, filename: str, entry_line: int | None, limits: Limits) -> None:
        self.text = text
        self.lines = [line.removesuffix(MARKER) for line in text.split("\n")]
        self.filename = filename
        self.entry_line = entry_line
        self.limits = limits
        self.emit: Callable[[Frame], None] = lambda frame: None
        self.codes: dict[int, _Code] = {}
        self.stack: list[_Activation] = []
        self.pending: list[Frame] = []  # a generator is being closed: shown only if it runs lines
        self.mute = 0
        self.count = 0
        self.chars = limits.total_chars
        self.cut = 0
        self.main: CodeType | None = None
        self.started = False
        self.done = False
        self.trouble: Trouble | None = None
        self.enter: TraceFunction = self._enter

    def watch(self, code: CodeType | None) -> None:
        """Start tracing; `code` is the module's when the module itself is recorded."""
        self.main = code
        self.started = code is None
        sys.settrace(self.enter)

    def release(self) -> bool:
        """Stop tracing; True when the program had taken the trace function away."""
        lost = self.main is not None or self.started
        lost = lost and not self.done and sys.gettrace() is not self.enter
        sys.settrace(None)
        return lost

    # --- events ---------------------------------------------------------------------------------------------------

    def _enter(self, frame: FrameType, event: str, arg: Any) -> TraceFunction | None:
        python_code = frame.f_code
        code = self.codes.get(id(python_code))
        if code is None:
            if python_code.co_filename != self.filename or self.done:
                return None
            code = self._learn(python_code)
        if code.step is None:
            return self._module(code)
        if self.mute or not self.started:
            return self._quiet
        if code.muted:
            self.mute += 1
            frame.f_trace_lines = False
            return self._class_body
        if code.hidden:
            return self._quiet
        self._call(frame, code)
        return code.step

    def _learn(self, python_code: CodeType) -> _Code:
        code = self.codes[id(python_code)] = _Code(python_code, self.text)
        if not code.is_module:
            code.step = self._stepper(code)
        return code

    def _module(self, code: _Code) -> TraceFunction:
        """The tracer of module-level code: it waits for the entry line."""
        if code.code is not self.main or self.started:
            return self._quiet
        step = self._stepper(code)

        def wait(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event == "line" and frame.f_lineno == self.entry_line:
                self.started = True
                self.stack.append(_Activation())
                step(frame, event, arg)
                return step
            return wait

        return wait

    def _quiet(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        return self._quiet

    def _class_body(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        if event == "return":
            self.mute -= 1
        return self._class_body

    def _stepper(self, code: _Code) -> TraceFunction:
        """The local trace function for all activations of `code`."""

        def step(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event == "line":
                if not self.mute:
                    self._line(frame, code)
            elif event == "return":
                self._return(frame, code, arg)
            elif event == "exception" and not self.mute:
                self._exception(frame, code, arg)
            return step

        if code.inlined is NONE_INLINED:
            return step

        def step_inlined(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event != "line" or self._seen(frame, code):
                step(frame, event, arg)
            return step_inlined

        return step_inlined

    def _call(self, frame: FrameType, code: _Code) -> None:
        activation = _Activation()
        line = frame.f_lineno
        activation.locals = self._variables(frame, code)
        self.stack.append(activation)
        shown = self._frame(Event.CALL, code, line, activation.locals, None)
        if code.suspends and self._maybe_thrown(frame, code):
            self._flush()
            self.pending.append(shown)
        else:
            self._show(shown)

    def _line(self, frame: FrameType, code: _Code) -> None:
        activation = self.stack[-1]
        line = frame.f_lineno
        activation.locals = self._variables(frame, code)
        activation.raised = -1
        activation.line = line
        activation.offset = frame.f_lasti
        self._show(self._frame(Event.LINE, code, line, activation.locals, None))

    def _exception(self, frame: FrameType, code: _Code, arg: Any) -> None:
        kind, value, _ = arg
        if issubclass(kind, Interrupt):
            return
        activation = self.stack[-1]
        activation.raised = frame.f_lasti
        closing = bool(self.pending) and issubclass(kind, GeneratorExit)
        if closing and not _closed_on_purpose(frame.f_back):
            self.pending.clear()
            self.mute += 1
            activation.offset = -2  # the mark by which `_return` ends the muting
            return
        line = code.inlined.line(frame.f_lasti, frame.f_lineno)
        text = self._repr(value) if isinstance(value, BaseException) else f"{kind.__name__}({value!r})"
        shown = self._frame(Event.EXCEPTION, code, line, activation.locals, text)
        if closing:
            self.pending.append(shown)
        else:
            self._show(shown)

    def _return(self, frame: FrameType, code: _Code, arg: Any) -> None:
        activation = self.stack.pop() if self.stack else _Activation()
        if activation.offset == -2:
            self.mute -= 1
        elif self.mute or self._phantom(frame, code, activation, arg):
            self.pending.clear()
        elif not code.is_module:
            line = code.inlined.line(frame.f_lasti, frame.f_lineno)
            shown = self._frame(Event.RETURN, code, line, activation.locals, self._repr(arg))
            self._show(shown.replace(depth=len(self.stack)))
        if not self.stack:
            self.done = True
            sys.settrace(None)

    def _phantom(self, frame: FrameType, code: _Code, activation: _Activation, arg: Any) -> bool:
        """True when an exception leaves the frame, which settrace reports as `return None`."""
        offset = frame.f_lasti
        return arg is None and (code.operations[offset] not in _LEAVES or offset == activation.raised)

    def _maybe_thrown(self, frame: FrameType, code: _Code) -> bool:
        """True when a generator is resumed by an exception, or may be (3.13 does not tell)."""
        offset = frame.f_lasti
        if code.operations[offset] != _RESUME:
            return True
        return _THROWN_AT_RESUME and code.operations[offset + 1] & 3 != 0

    def _seen(self, frame: FrameType, code: _Code) -> bool:
        """False for a line event that only exists because a comprehension is inlined (3.12+)."""
        activation = self.stack[-1]
        offset, line = frame.f_lasti, frame.f_lineno
        if offset in code.inlined.hidden:
            activation.after = code.inlined.hidden[offset]
            return False
        after, activation.after = activation.after, -1
        if after == line and offset > activation.offset:
            return False
        lead = code.inlined.leads.get(offset, line)
        if lead != line and (activation.line != lead or offset < activation.offset) and not self.mute:
            activation.locals = self._variables(frame, code)
            self._show(self._frame(Event.LINE, code, lead, activation.locals, None))
        return True

    # --- frames ---------------------------------------------------------------------------------------------------

    def _variables(self, frame: FrameType, code: _Code) -> dict[str, str]:
        to_text = self._repr
        if code.is_module:
            return {
                name: to_text(value)
                for name, value in list(frame.f_locals.items())
                if not (name[:2] == "__" and name[-2:] == "__") and not issubclass(type(value), _NO_VARIABLES)
            }
        found = {name: to_text(value) for name, value in frame.f_locals.items()}
        for name in code.inlined.leaks.get(frame.f_lasti, ()):
            found.pop(name, None)
        return found

    def _repr(self, value: Any) -> str:
        try:
            text = repr(value)
        except (Interrupt, KeyboardInterrupt):
            raise
        except BaseException:
            return UNREPRESENTABLE
        if " at 0x" in text:
            text = _ADDRESS.sub("", text)
        if "str_ascii_iterator" in text:
            text = text.replace("<str_ascii_iterator", "<str_iterator")
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode()
        size = len(text)
        if size > self.limits.value_chars:
            text = text[: self.limits.value_chars] + CUT
            size = len(text)
            self.cut += 1
        self.chars -= size
        return text

    def _frame(self, event: Event, code: _Code, line: int, variables: dict[str, str], value: str | None) -> Frame:
        known = 0 < line <= len(self.lines)
        source = self.lines[line - 1] if known else ""
        depth = len(self.stack) - 1
        return Frame(event, code.name, line if known else None, source, variables, value, depth, Origin.OBSERVED)

    def _show(self, frame: Frame) -> None:
        if self.pending:
            self._flush()
        if self.count >= self.limits.frames:
            self._stop(f"limit of {self.limits.frames} frames")
        if self.chars < 0:
            self._stop(f"limit of {self.limits.total_chars} characters of values")
        self.count += 1
        self.emit(frame)

    def _flush(self) -> None:
        pending, self.pending = self.pending, []
        for frame in pending:
            self._show(frame)

    def _stop(self, message: str) -> None:
        self.trouble = self.trouble or Trouble(TroubleKind.TRUNCATED, message)
        self.done = True
        raise Interrupt(message)


def _closed_on_purpose(caller: FrameType | None) -> bool:
    """True when GeneratorExit comes from `close()`; False when the generator is collected, at an accidental moment."""
    if caller is None or caller.f_lasti < 0:
        return False
    code = caller.f_code
    return dis.opname[code.co_code[caller.f_lasti]].startswith("CALL") and not _CLOSERS.isdisjoint(code.co_names)
