"""Printing: what code of the user would print, caught where it would leave the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import CALLS
from neuralpdb.interpreter.library.writing.streams import OUTPUT, printed
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Unknown

MOST = 100_000
"""Characters that are kept."""
_TEXTS = (str, type(None))


class Printed:
    """What `print` writes to the standard output from now on, for the rest of this process: use it in a copy."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._is_whole = True
        _, self._print = CALLS[id(print)]
        CALLS[id(print)] = print, self._take

    @property
    def text(self) -> str:
        """What was printed; empty where a part of it is not known."""
        return "".join(self._texts)[:MOST] if self._is_whole else ""

    def _take(self, m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Do what `print` does, and keep its text."""
        plain = kwargs.keys() <= {"sep", "end", "flush"} and kwargs.get("flush") in (None, False, True)
        system = m.library.modules.get("sys")
        is_output = system is None or system.names.get("stdout") is OUTPUT
        if not plain or not is_output or not all(type(kwargs.get(name)) in _TEXTS for name in ("sep", "end")):
            return self._print(m, args, kwargs)  # type: ignore[operator]
        texts = [printed(m, value) for value in args]
        if any(type(text) is Unknown for text in texts):
            self._is_whole = False
            return None
        separator, end = kwargs.get("sep"), kwargs.get("end")
        text = (" " if separator is None else separator).join(texts) + ("\n" if end is None else end)
        self._length += len(text)
        if self._length <= 2 * MOST:
            self._texts.append(text)
        return None
