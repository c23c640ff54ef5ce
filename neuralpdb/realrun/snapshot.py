"""The state of a running frame as text: `repr` of its variables, taken at once, never later.

It calls the program's `__repr__` methods and survives whatever these do. It knows nothing of events.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from neuralpdb.realrun.bytecode import TracedCode
from neuralpdb.trace.frames import UNREPRESENTABLE

CUT = "…"
"""The last character of a value that was longer than `Limits.value_chars`."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SLICED = frozenset((str, bytes, bytearray, list, tuple))
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


class Snapshots:
    """Makes the texts of one recording. chars: characters that are left; cut: values that were cut."""

    def __init__(self, limits: Limits) -> None:
        self.chars = limits.total_chars
        self.cut = 0
        self._limit = limits.value_chars
        self._kinds: dict[type, bool] = {}

    def text(self, value: Any) -> str:
        """`repr(value)` without addresses. Raises Interrupt and KeyboardInterrupt only."""
        limit = self._limit
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
        self.chars -= size
        return text

    def variables(self, frame: FrameType, code: TracedCode, before: Mapping[str, str]) -> dict[str, str]:
        """The locals of `frame`, in the order in which they were bound. before: what they were one step earlier."""
        text = self.text
        if code.is_module:
            return self._module(frame.f_locals)
        leaks = code.inlined.leaks.get(frame.f_lasti)
        if leaks:
            found = self._unleaked(frame, code, leaks, before)
        else:
            found = {name: text(value) for name, value in frame.f_locals.items()}
        return code.in_order(found, before) if code.reorders else found

    def _module(self, namespace: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: self.text(value)
            for name, value in list(namespace.items())
            if not (name[:2] == "__" and name[-2:] == "__") and self._is_state(type(value))
        }

    def _is_state(self, kind: type) -> bool:
        """False for what a module's namespace holds beside variables: code, classes, type hints."""
        known = self._kinds.get(kind)
        if known is None:
            known = not issubclass(kind, _CODE_KINDS) and kind.__module__ not in _CODE_MODULES
            self._kinds[kind] = known
        return known

    def _unleaked(
        self, frame: FrameType, code: TracedCode, leaks: frozenset[str], before: Mapping[str, str]
    ) -> dict[str, str]:
        """The locals at an inlined comprehension: those that its own variables `leaks` stand in for are as before."""
        found = {}
        for name in code.variables:
            if name in leaks:
                if name in before:
                    found[name] = before[name]
            elif name in frame.f_locals:
                found[name] = self.text(frame.f_locals[name])
        return found
