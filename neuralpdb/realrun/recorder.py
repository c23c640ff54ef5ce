"""Recorder: run a program in this process under `sys.settrace` and return canonical frames.

It knows nothing of processes, time limits (see `process`), tokens or models. Standard library only, so that any
Python >= 3.11 can run it.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from neuralpdb.program.compiled import compiled
from neuralpdb.realrun.events import Recording
from neuralpdb.realrun.recursion import C_LEVELS
from neuralpdb.realrun.snapshot import CUT, Interrupt, Limits
from neuralpdb.trace.frames import UNREPRESENTABLE, Ended, Frame, Trace, Trouble, TroubleKind

__all__ = ["CUT", "UNREPRESENTABLE", "Interrupt", "Limits", "described", "record"]


def record(
    text: str,
    *,
    filename: str,
    entry_function: str | None,
    entry_line: int,
    limits: Limits | None = None,
    namespace: Mapping[str, Any] | None = None,
    emit: Callable[[Frame], None] | None = None,
    on_limit: Callable[[Trouble], None] | None = None,
    on_input: Callable[[], None] | None = None,
    output: tuple[TextIO, TextIO] | None = None,
) -> Trace:
    """Run `text` as the module `__main__` and return its canonical trace.

    entry_function: None: the module itself is traced, from its first line event on `entry_line` on. Otherwise the
    module runs untraced, as if it were imported (without its statements under `if __name__ == "__main__"`); then
    `entry_function` is called without arguments and traced until it is left.
    entry_line: 1-based line where tracing of the module starts.
    namespace: globals that exist before the program runs.
    emit: gets each frame at once; the returned trace then holds none (a child process sends them on).
    on_limit: called at a limit, before the program is interrupted (a child process ends there: a program can swallow
    the interruption and go on, unrecorded).
    on_input: called when the program reads `sys.stdin`, which is empty.
    output: its `sys.stdout` and `sys.stderr`; None: its output is discarded.

    Never raises for an error of the program. The trace ends with `Ended` when the program did (an uncaught exception
    included), with `Trouble(TRUNCATED)` at a limit or an `Interrupt`, and with `Trouble(UNAVAILABLE)` when the entry
    was not reached or tracing was lost. `breakpoint()` does nothing. The changes that this function makes in `sys` are
    undone; the changes that the program makes elsewhere (files, imported modules, the random state) stay.
    """
    frames: list[Frame] = []
    limits = limits or Limits()
    recording = Recording(
        text, filename, None if entry_function else entry_line, limits, emit or frames.append, on_limit
    )
    module = ModuleType("__main__")
    module.__dict__.update({"__file__": filename, "__builtins__": builtins, **(namespace or {})})
    with _borrowed_sys(module, on_input, output):
        if entry_function is None:
            reason = _run_module(recording, text, filename, module.__dict__)
        else:
            reason = _run_function(recording, text, filename, module.__dict__, entry_function)
    entry = f"{entry_function}()" if entry_function else f"line {entry_line}"
    return Trace(tuple(frames), _end(recording, reason, entry))


def described(error: BaseException) -> str:
    """Return `ZeroDivisionError: division by zero`, as in the last line of a traceback; never raises."""
    try:
        text = str(error)
    except Exception:
        text = UNREPRESENTABLE
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _run_module(recording: Recording, text: str, filename: str, namespace: dict[str, Any]) -> str:
    """Run and record the module; return why it ended."""
    try:
        code = compiled(text, filename, main=True)
        with recording.recursion.enforced(-C_LEVELS):  # `exec` is a C function
            recording.watch(code)
            exec(code, namespace)
    except BaseException as error:
        return _reason(recording, error)
    finally:
        recording.release()
    return "the program ended"


def _run_function(recording: Recording, text: str, filename: str, namespace: dict[str, Any], function: str) -> str:
    """Run the module, then call and record `function`; return why it ended."""
    try:
        code = compiled(text, filename, main=False)
        with recording.recursion.enforced(-C_LEVELS):
            exec(code, namespace)
        if function not in namespace:
            return "the program does not define it"
        with recording.recursion.enforced(1):
            recording.watch(None)
            namespace[function]()
    except BaseException as error:
        return _reason(recording, error)
    finally:
        recording.release()
    return "the program ended"


def _reason(recording: Recording, error: BaseException) -> str:
    if isinstance(error, Interrupt):
        recording.stop(str(error) or "interrupted")
    return described(error)


def _end(recording: Recording, reason: str, entry: str) -> Ended | Trouble:
    if recording.trouble:
        return recording.trouble
    if not recording.started:
        return Trouble(TroubleKind.UNAVAILABLE, f"{entry} was not reached: {reason}")
    if recording.lost:
        why = "it called sys.settrace, or its recursion left no stack for the recorder"
        return Trouble(TroubleKind.UNAVAILABLE, f"the program was traced up to here only: {why}", reason)
    if recording.snapshots.cut:
        reason += f"; {recording.snapshots.cut} values were cut at {recording.limits.value_chars} characters"
    return Ended(reason)


class _NoInput(io.FileIO):
    """An empty file that reports when it is read."""

    def __init__(self, on_input: Callable[[], None]) -> None:
        super().__init__(os.devnull)
        self._on_input = on_input

    def readinto(self, buffer: Any, /) -> int:
        self._on_input()
        return 0

    def readall(self) -> bytes:
        self._on_input()
        return b""


@contextmanager
def _borrowed_sys(
    module: ModuleType, on_input: Callable[[], None] | None, output: tuple[TextIO, TextIO] | None
) -> Iterator[None]:
    """Give the program its own main module, streams and breakpoint hook; take them back afterwards."""
    kept = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr", "breakpointhook")}
    other, trace = sys.modules.get(module.__name__), sys.gettrace()
    nothing = io.BufferedReader(_NoInput(on_input or (lambda: None)))
    with io.TextIOWrapper(nothing, encoding="utf-8") as no_input, Path(os.devnull).open("w", encoding="utf-8") as sink:
        sys.stdin = no_input
        sys.stdout, sys.stderr = output or (sink, sink)
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
            sys.settrace(trace)
