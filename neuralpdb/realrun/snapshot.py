"""Snapshots: the state of a running frame as text, the `repr` of its variables, taken at once and never later.

It calls the program's `__repr__` methods and survives whatever they do. It knows nothing of events.
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

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""The part of a repr text that is another in every run."""
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
    """The limits of a recording.

    frames:      most recorded frames.
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
    """The values of one recording as texts.

    chars: characters that are left of the limit.
    cut:   how many values were cut.
    """

    def __init__(self, limits: Limits) -> None:
        self.chars = limits.total_chars
        self.cut = 0
        self._limit = limits.value_chars
        self._kinds: dict[type, bool] = {}

    def text(self, value: Any) -> str:
        """Return `repr(value)` without addresses. Raises Interrupt and KeyboardInterrupt only."""
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
            text = ADDRESS.sub("", text)
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
        """Return the locals of `frame` in the order in which they were bound. before: the locals one step earlier."""
        text = self.text
        if code.is_module:
            return self._module(frame.f_locals)
        leaks = code.inlined.leaks.get(frame.f_lasti)
        if leaks:
            texts = self._unleaked(frame, code, leaks, before)
        else:
            texts = {name: text(value) for name, value in frame.f_locals.items()}
        return code.in_order(texts, before) if code.reorders else texts

    def _module(self, namespace: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: self.text(value)
            for name, value in list(namespace.items())
            if not (name[:2] == "__" and name[-2:] == "__") and self._is_state(type(value))
        }

    def _is_state(self, kind: type) -> bool:
        """Whether a module's name holds a variable, not code, a class or a type hint."""
        is_state = self._kinds.get(kind)
        if is_state is None:
            is_state = not issubclass(kind, _CODE_KINDS) and kind.__module__ not in _CODE_MODULES
            self._kinds[kind] = is_state
        return is_state

    def _unleaked(
        self, frame: FrameType, code: TracedCode, leaks: frozenset[str], before: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the locals at an inlined comprehension, with the old values of the names `leaks` that it borrows."""
        texts = {}
        for name in code.variables:
            if name in leaks:
                if name in before:
                    texts[name] = before[name]
            elif name in frame.f_locals:
                texts[name] = self.text(frame.f_locals[name])
        return texts
