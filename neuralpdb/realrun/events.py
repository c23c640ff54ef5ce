"""Events: `sys.settrace` events of one program become canonical frames.

It decides which events are frames; it runs nothing, and passes frames to `emit`. Differences between Python versions
are in `bytecode` and `inlined`, values are in `snapshot`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from neuralpdb.realrun.bytecode import TracedCode, closes_on_purpose
from neuralpdb.realrun.recursion import Recursion, TraceFunction
from neuralpdb.realrun.snapshot import Interrupt, Limits, Snapshots
from neuralpdb.trace.frames import Event, Frame, Origin, Trouble, TroubleKind

MARKER = "  # << START_OF_TRACE"


class _Activation:
    """A recorded frame on the program's stack. Offsets are those of instructions, -1 for none.

    locals: of its last call or line frame.
    raised: offset where an exception was last raised, with no line run since.
    line:   of its last line frame.
    offset: of its last line frame.
    left:   line of the inlined comprehension that ran last, with no line shown since.
    muted:  it is a generator that is being collected.
    """

    __slots__ = ("left", "line", "locals", "muted", "offset", "raised")

    def __init__(self) -> None:
        self.locals: dict[str, str] = {}
        self.raised = self.line = self.offset = self.left = -1
        self.muted = False


class Recording:
    """One recording. `enter` is the global trace function; each code object of the program gets a local one.

    started: the entry was reached.
    done:    nothing is recorded any more.
    lost:    tracing had stopped before the end.
    trouble: the limit or interruption that ended the recording.
    """

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
        self.snapshots = Snapshots(limits)
        self.started = False
        self.done = False
        self.lost = False
        self.trouble: Trouble | None = None
        self._text = text
        self._lines = [line.removesuffix(MARKER) for line in text.split("\n")]
        self._filename = filename
        self._entry_line = entry_line
        self._emit = emit
        self._on_limit = on_limit
        self._main: CodeType | None = None
        self._tracers: dict[int, tuple[TracedCode, TraceFunction]] = {}
        self._stack: list[_Activation] = []
        self._closing: list[Frame] = []  # a generator is being closed: shown only if it runs lines
        self._muted = 0
        self._count = 0
        self._enter: TraceFunction = self.enter

    def watch(self, code: CodeType | None) -> None:
        """Start tracing; `code` is the module's when the module itself is recorded."""
        self._main = code
        self.started = code is None
        sys.settrace(self._enter)

    def release(self) -> None:
        """Stop tracing; set `lost` when it had stopped before: the program took it, or left no stack for it."""
        self.lost = self.started and not self.done and sys.gettrace() is not self._enter
        sys.settrace(None)

    def stop(self, message: str) -> None:
        """Record nothing from now on, because of a limit or an interruption."""
        self.done = True
        if self.trouble is None:
            self.trouble = Trouble(TroubleKind.TRUNCATED, message)
            if self._on_limit:
                self._on_limit(self.trouble)

    # --- trace functions ----------------------------------------------------------------------------------------------

    def enter(self, frame: FrameType, event: str, arg: Any) -> TraceFunction | None:
        """Begin an activation or resume a generator: the global trace function."""
        python_code = frame.f_code
        traced = self._tracers.get(id(python_code))
        if traced is None:
            if python_code.co_filename != self._filename or self.done:
                return None
            code = TracedCode(python_code, self._text)
            traced = self._tracers[id(python_code)] = (
                code,
                self._waiter(code) if code.is_module else self._stepper(code),
            )
        code, tracer = traced
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
        return tracer

    def _waiter(self, code: TracedCode) -> TraceFunction:
        """Return the local trace function of module-level code, which waits for the entry line."""
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

    def _stepper(self, code: TracedCode) -> TraceFunction:
        """Return the local trace function for all activations of `code`."""

        def step(frame: FrameType, event: str, arg: Any) -> TraceFunction:
            if event == "line":
                if not self._muted and (not code.filters or self._is_shown(frame, code)):
                    self._line(frame, code, frame.f_lineno)
            elif event == "return":
                self._return(frame, code, arg)
            elif event == "exception" and not self._muted:
                self._exception(frame, code, arg)
            return step

        return step

    # --- events -> frames ---------------------------------------------------------------------------------------------

    def _call(self, frame: FrameType, code: TracedCode) -> None:
        activation = _Activation()
        offset, line = frame.f_lasti, frame.f_lineno
        activation.locals = self.snapshots.variables(frame, code, activation.locals)
        self._stack.append(activation)
        recorded = self._frame(Event.CALL, code, line, activation.locals, None)
        if code.resumes(offset):
            activation.line, activation.offset = line, offset
        if code.may_be_thrown(offset):
            self._flush()
            self._closing.append(recorded)
        else:
            self._show(recorded)

    def _line(self, frame: FrameType, code: TracedCode, line: int) -> None:
        activation = self._stack[-1]
        activation.locals = self.snapshots.variables(frame, code, activation.locals)
        activation.raised = -1
        activation.line = line
        activation.offset = frame.f_lasti
        self._show(self._frame(Event.LINE, code, line, activation.locals, None))

    def _exception(
        self, frame: FrameType, code: TracedCode, arg: tuple[type[BaseException], BaseException, Any]
    ) -> None:
        kind, error, _ = arg
        offset = code.instruction(frame.f_lasti)
        if issubclass(kind, Interrupt) or code.is_silent_end(offset, error):
            return
        activation = self._stack[-1]
        activation.raised = frame.f_lasti
        closing = bool(self._closing) and issubclass(kind, GeneratorExit)
        if closing and not closes_on_purpose(frame.f_back):
            self._closing.clear()
            self._muted += 1
            activation.muted = True
            return
        line = code.inlined.line(offset, frame.f_lineno)
        recorded = self._frame(Event.EXCEPTION, code, line, activation.locals, self.snapshots.text(error))
        if closing:
            self._closing.append(recorded)
        else:
            self._show(recorded)

    def _return(self, frame: FrameType, code: TracedCode, arg: Any) -> None:
        activation = self._stack[-1]
        if activation.muted:
            self._muted -= 1
        elif arg is None and code.is_phantom(frame.f_lasti, activation.raised):
            self._closing.clear()
        elif not self._muted and not code.is_module:
            line = code.inlined.line(frame.f_lasti, frame.f_lineno)
            self._show(self._frame(Event.RETURN, code, line, activation.locals, self.snapshots.text(arg)))
        self._stack.pop()
        if not self._stack:
            self.done = True
            sys.settrace(None)

    def _is_shown(self, frame: FrameType, code: TracedCode) -> bool:
        """Whether 3.11 has this line event too.

        Shows first an event that only 3.11 has (before a comprehension).
        """
        activation = self._stack[-1]
        offset, line = frame.f_lasti, frame.f_lineno
        if offset in code.inlined.hidden:
            activation.left = code.inlined.hidden[offset]
            return False
        left, activation.left = activation.left, -1
        if left == line and offset > activation.offset:
            return False
        if code.is_repeated(offset, line, activation.offset, activation.line):
            return False
        lead = code.inlined.leads.get(offset, line)
        if lead != line and (activation.line != lead or offset < activation.offset):
            self._line(frame, code, lead)
        return True

    def _frame(self, event: Event, code: TracedCode, line: int, variables: dict[str, str], value: str | None) -> Frame:
        is_known = 0 < line <= len(self._lines)
        source = self._lines[line - 1] if is_known else ""
        depth = len(self._stack) - 1
        return Frame(event, code.name, line if is_known else None, source, variables, value, depth, Origin.OBSERVED)

    def _show(self, frame: Frame) -> None:
        if self._closing:
            self._flush()
        if self._count >= self.limits.frames:
            self._interrupt(f"limit of {self.limits.frames} frames")
        if self.snapshots.chars < 0:
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
