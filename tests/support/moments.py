"""Moments of a real run, and the same moments of histories: to compare what is evaluated with what Python says."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from neuralpdb.interpreter.history import Computed, Histories, NotTold
from neuralpdb.trace.frames import Event, Frame, Known


class _Enough(BaseException):
    """The moment was seen."""


def place(frame: FrameType, line: int, function: str) -> bool:
    return frame.f_code.co_filename == "<program>" and frame.f_lineno == line and frame.f_code.co_name == function


def real_moment(text: str, line: int, function: str, visit: int, work: Callable[[FrameType], Any]) -> Any:
    """Run a program for real up to the line event of a line, and return what `work` returns there."""
    seen = [0]
    answer: list[Any] = []

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if event == "line" and place(frame, line, function):
            seen[0] += 1
            if seen[0] == visit + 1:
                sys.settrace(None)
                answer.append(work(frame))
                raise _Enough
        return trace

    names: dict[str, Any] = {"__name__": "__main__"}
    before = sys.gettrace()
    try:
        code = compile(text, "<program>", "exec")
        if function == "<module>":
            sys.settrace(trace)
        exec(code, names)
        sys.settrace(trace)
        names["main"]()
    except _Enough:
        pass
    finally:
        sys.settrace(before)
    return answer[0]


def described(error: BaseException) -> str:
    """Return an exception as pdb prints it."""
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in ("__main__", "builtins") else f"{kind.__module__}.{kind.__qualname__}"
    )
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{name}: {text}" if text else name


def real_value(frame: FrameType, expression: str) -> tuple[str | None, bool | None, str]:
    """Return text, truth and error of an expression, as Python has them in a frame."""
    try:
        if re.search(r"\b(for|lambda)\b", expression):  # functions see only globals
            value = eval(expression.strip(), {**frame.f_globals, **frame.f_locals})
        else:
            value = eval(expression.strip(), frame.f_globals, dict(frame.f_locals))
    except Exception as error:
        return None, None, described(error)
    try:
        shown: str | None = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
        error_of_text = ""
    except Exception as error:
        shown, error_of_text = "<unrepresentable>", described(error)
    try:
        return shown, bool(value), error_of_text
    except Exception as error:
        return shown, None, error_of_text or described(error)


@contextmanager
def histories(text: str, function: str | None = "main", **options: Any) -> Iterator[Histories]:
    found = Histories(text, filename="<program>", entry_function=function, **options)
    try:
        yield found
    finally:
        found.close()


def history_to(
    found: Histories, line: int, function: str = "main", visit: int = 0, holes: Mapping[str, str] | None = None
) -> list[Frame]:
    """Return the history that ends with the line event of a line.

    holes: name -> what a model writes where its text is not known.
    """
    history: list[Frame] = []
    while True:
        answer = found.next(history)
        assert isinstance(answer, Computed), answer
        frame = answer.frame
        filled = {name: text for name, text in (holes or {}).items() if name in answer.unknown}
        if filled:
            known = dict.fromkeys(filled, Known.PREDICTED)
            frame = frame.replace(locals={**frame.locals, **filled}, known=known)
        history.append(frame)
        if frame.event is Event.LINE and frame.line == line and frame.function == function:
            if not visit:
                return history
            visit -= 1


def to_the_end(found: Histories, history: list[Frame]) -> tuple[list[Frame], NotTold]:
    history = list(history)
    while isinstance(answer := found.next(history), Computed):
        history.append(answer.frame)
    return history, answer
