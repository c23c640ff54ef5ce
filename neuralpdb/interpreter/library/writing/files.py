"""Files: what is known of one that is opened. What it holds is not; writing to it is assumed to work."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import ITEMS, UNKNOWNS, answers
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Unknown

_BINARY = {"r": io.BufferedReader, "+": io.BufferedRandom}
_NOTHING: Any = type(None)


def opened(m: Machine, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], mode_at: int = 1) -> Unknown:
    """Return an unknown file. name: what is called; mode_at: which of its arguments is the mode."""
    mode = args[mode_at] if len(args) > mode_at else kwargs.get("mode", "r")
    kind: type | None = None
    if type(mode) is str and ("buffering" not in kwargs and len(args) <= mode_at + 1):
        binary = _BINARY["+"] if "+" in mode else _BINARY["r"] if "r" in mode else io.BufferedWriter
        kind = binary if "b" in mode else io.TextIOWrapper
    m.hand_over(f"{name}()", args, kwargs)
    writes = type(mode) is str and any(letter in mode for letter in "wax")
    reason = f"{name}() would write a file" if writes else f"{name}() reads a file"
    return m.unsure(reason, kind)


for _kind, _text in ((io.TextIOWrapper, str), (io.BufferedIOBase, bytes)):
    answers(_kind, "read readline read1 peek", _text)
    answers(_kind, "readlines", list)
    answers(_kind, "write seek tell truncate fileno readinto", int)
    answers(_kind, "writelines flush close reconfigure", _NOTHING)
    answers(_kind, "readable writable seekable isatty", bool)
    answers(_kind, "__enter__ __iter__", None, itself=True)
    answers(_kind, "__next__", _text)
    ITEMS[_kind] = _text
    UNKNOWNS[_kind, "closed"] = bool
for _name in ("encoding", "errors", "name", "mode"):
    UNKNOWNS[io.TextIOWrapper, _name] = str
