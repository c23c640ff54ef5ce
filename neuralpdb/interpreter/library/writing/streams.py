"""Streams: io in memory, the standard streams of sys, and print."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import BUILTINS, TYPES, Apply, allow_type, module, own
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.values import OPAQUE, REAL_TYPES, Own, Unknown
from neuralpdb.interpreter.order import check_order, has_address
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.interpreter.sizes import MOST_ITEMS

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

# --- in memory ----------------------------------------------------------------------------------------------------


def _far(args: Args, kwargs: Kwargs) -> str:
    """Refuse a position that the next write would fill up to."""
    return "a position far behind the end" if len(args) > 1 and _is_large(args[1]) else ""


def _is_large(value: Any) -> bool:
    return isinstance(value, int) and value > MOST_ITEMS


_STREAM_DATA = "closed newlines line_buffering encoding errors"
_GUARDS = {"seek": _far, "truncate": _far}
for _kind in (io.StringIO, io.BytesIO):
    allow_type(_kind, changing="*", attributes=_STREAM_DATA, guards=_GUARDS, without="__getstate__ __setstate__")
for _base in {base for kind in (io.StringIO, io.BytesIO) for base in kind.__mro__[1:-1]}:
    allow_type(_base, changing="*", attributes=_STREAM_DATA, make=False)
module(
    "io",
    {
        "StringIO": io.StringIO,
        "BytesIO": io.BytesIO,
        "SEEK_SET": io.SEEK_SET,
        "SEEK_CUR": io.SEEK_CUR,
        "SEEK_END": io.SEEK_END,
        "DEFAULT_BUFFER_SIZE": io.DEFAULT_BUFFER_SIZE,
        "UnsupportedOperation": io.UnsupportedOperation,
        "open": builtins.open,
        "TextIOWrapper": io.TextIOWrapper,
        "IOBase": io.IOBase,
        "TextIOBase": io.TextIOBase,
        "RawIOBase": io.RawIOBase,
        "BufferedIOBase": io.BufferedIOBase,
    },
)
TYPES.add(io.UnsupportedOperation)

# --- standard streams ---------------------------------------------------------------------------------------------


class Stream:
    """One of the standard streams: what is written to it would be printed, and is not kept.

    name: as it calls itself.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        raise Undetermined(f"the text of {self.name}")


Stream.__name__ = Stream.__qualname__ = "TextIOWrapper"
REAL_TYPES[Stream] = io.TextIOWrapper
OPAQUE.add(Stream)
TYPES.add(Stream)


def _write(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if len(args) != 1 or kwargs:
        raise Undetermined("write with other arguments")
    text = args[0]
    if type(text) is Unknown:
        m.events.print(text)
        return m.unknown(text.reason, int) if text.type is str else m.unsure(text.reason, int)
    if not isinstance(text, str):
        raise Raised(TypeError(f"write() argument must be str, not {class_name(text)}"))
    check_printable(text)
    m.events.print(text)
    return str.__len__(text)


def check_printable(text: str) -> None:
    """Raise Undetermined for a text of which it depends on the terminal whether it can be printed."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Undetermined("a text that may not be printed")


def _write_lines(m: Machine, args: Args, kwargs: Kwargs) -> None:
    if len(args) != 1 or kwargs or type(args[0]) not in (list, tuple):
        raise Undetermined("writelines of something that is no list")
    for text in args[0]:
        _write(m, (text,), {})


def _of_stream(m: Machine, stream: Stream, name: str) -> Any:
    if name in _METHODS:
        return Own(name, _METHODS[name], machine=m)
    reason = f"{stream.name}.{name} depends on the terminal"
    if name in _FACTS:
        return m.unknown(reason, _FACTS[name])
    return m.unsure(reason)


def _alone(answer: Callable[[Machine], Any]) -> Apply:
    """Return a method that takes no arguments."""

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if args or kwargs:
            raise Undetermined("a stream's method with other arguments")
        return answer(m)

    return apply


_METHODS: dict[str, Apply] = {
    "write": _write,
    "writelines": _write_lines,
    "flush": _alone(lambda m: None),
    "isatty": _alone(lambda m: m.unknown("whether a standard stream is a terminal", bool)),
    "fileno": _alone(lambda m: m.unsure("the number of a file", int)),
    "writable": _alone(lambda m: True),
    "readable": _alone(lambda m: False),
    "reconfigure": lambda m, args, kwargs: m.unsure("reconfigure of a standard stream"),
}
_FACTS: dict[str, type | None] = {
    "encoding": str,
    "errors": str,
    "name": str,
    "mode": str,
    "buffer": None,
    "line_buffering": bool,
}
attributes._GETTERS[Stream] = _of_stream
OUTPUT = Stream("sys.stdout")
ERRORS = Stream("sys.stderr")
module("sys", {"stdout": OUTPUT, "stderr": ERRORS, "__stdout__": OUTPUT, "__stderr__": ERRORS})

# --- print --------------------------------------------------------------------------------------------------------

_PRINT_NAMES = frozenset(("sep", "end", "file", "flush"))


@own(print)
def print_(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `print` does, but for the output of the standard streams; their texts are made, for what that does."""
    for name in kwargs:
        if name not in _PRINT_NAMES:
            m.native(print, **{name: None})  # raises: there is no such keyword
            raise Undetermined("print with other arguments")
    if type(kwargs.get("flush", False)) not in (bool, int, type(None)):
        raise Undetermined("print with another flush")
    file = kwargs.get("file")
    if file is None:
        file = _standard_output(m)
        if file is None:
            return
    sep, end = _part(m, kwargs, "sep", " "), _part(m, kwargs, "end", "\n")
    if type(file) is Unknown:
        m.unsure(f"print to an unknown: {file.reason}")
    if type(file) in (Stream, Unknown):
        for n, value in enumerate(args):
            text = printed(m, value)
            for part in (sep, text) if n else (text,):
                m.events.print(part)
        m.events.print(end)
        return
    for n, value in enumerate(args):
        if n:
            m.call(m.attribute(file, "write"), (sep,))
        write = m.attribute(file, "write")
        m.call(write, (printed(m, value),))
    m.call(m.attribute(file, "write"), (end,))
    if kwargs.get("flush"):
        m.call(m.attribute(file, "flush"))


def _standard_output(m: Machine) -> Any:
    """Return what the program has as `sys.stdout` now."""
    system = m.library.modules.get("sys")
    if system is None:
        return OUTPUT
    if "stdout" not in system.names:
        raise Undetermined("print without sys.stdout")
    return system.names["stdout"]


def _part(m: Machine, kwargs: Kwargs, name: str, default: str) -> Any:
    value = kwargs.get(name)
    if value is None:
        return default
    if type(value) is Unknown:
        return value if value.type is str else m.unsure(value.reason, str)
    if type(value) is str:
        return value
    if isinstance(value, str):
        raise Undetermined(f"print with a {name} of another class")
    raise Raised(TypeError(f"{name} must be None or a string, not {class_name(value)}"))


def printed(m: Machine, value: Any) -> Any:
    """Return the text that `print` makes of a value; an Unknown when it is not known."""
    if type(value) is Unknown:
        return m.unknown(value.reason, str)
    entries = m.entries
    try:
        check_order(value, m.fragile)
        text = m.native(str, value)
    except Undetermined as error:
        if m.entries != entries:
            raise Stop(f"print: {error.reason}") from None
        return m.unknown(error.reason, str)
    if has_address(text):
        return m.unknown("an address in a text", str)
    check_printable(text)
    return text


BUILTINS["print"] = print
