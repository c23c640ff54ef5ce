"""Printing: what code of the user would print, caught where it would leave the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import CALLS
from neuralpdb.interpreter.library.writing.streams import OUTPUT, Stream, printed
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.values import Own, Unknown

MOST = 100_000
"""Characters that are kept."""
_TEXTS = (str, type(None))


class Printed:
    """What is written to the standard output from now on, for the rest of this process: use it in a copy."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._is_whole = True
        _, self._print = CALLS[id(print)]
        CALLS[id(print)] = print, self._take
        self._get = attributes._GETTERS[Stream]
        attributes._GETTERS[Stream] = self._of_stream

    @property
    def text(self) -> str:
        """What was printed; empty where a part of it is not known."""
        return "".join(self._texts)[:MOST] if self._is_whole else ""

    def _add(self, text: str) -> None:
        self._length += len(text)
        if self._length <= 2 * MOST:
            self._texts.append(text)

    def _take(self, m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Do what `print` does, and keep its text."""
        system = m.library.modules.get("sys")
        present = OUTPUT if system is None else system.names.get("stdout")
        file = kwargs.get("file")
        plain = kwargs.keys() <= {"sep", "end", "file", "flush"} and kwargs.get("flush") in (None, False, True)
        plain = plain and all(type(kwargs.get(name)) in _TEXTS for name in ("sep", "end"))
        if not plain or (present if file is None else file) is not OUTPUT:
            return self._print(m, args, kwargs)  # type: ignore[operator]
        texts = [printed(m, value) for value in args]
        if any(type(text) is Unknown for text in texts):
            self._is_whole = False
            return None
        separator, end = kwargs.get("sep"), kwargs.get("end")
        self._add((" " if separator is None else separator).join(texts) + ("\n" if end is None else end))
        return None

    def _of_stream(self, m: Any, stream: Any, name: str) -> Any:
        """Return an attribute of a standard stream; what is written to the output is kept."""
        method = self._get(m, stream, name)
        if stream is not OUTPUT or name != "write":
            return method

        def write(machine: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
            count = machine.call(method, args, kwargs)
            if args and isinstance(args[0], str):
                self._add(str.__str__(args[0]))
            else:
                self._is_whole = False
            return count

        return Own(name, write, machine=m)
