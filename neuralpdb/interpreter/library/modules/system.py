"""The process: sys, with its streams, threads, queues, and what of the platform is known only when a program runs."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import LATER, TYPES, allow_type, module, source
from neuralpdb.interpreter.machine import Machine, class_name
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.values import OPAQUE, REAL_TYPES, Own, Unknown
from neuralpdb.interpreter.signals import Raised, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


class Stream:
    """Standard output or error: what is written there changes nothing that the program sees."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise Undetermined("the text of a stream")


REAL_TYPES[Stream] = io.TextIOWrapper
Stream.__name__ = Stream.__qualname__ = "TextIOWrapper"
OPAQUE.add(Stream)
TYPES.add(Stream)


def _write(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if len(args) != 1 or kwargs:
        raise Undetermined("write with other arguments")
    text = args[0]
    if type(text) is Unknown:
        return m.unknown(text.reason, int) if text.type is str else m.unsure(text.reason, int)
    if not isinstance(text, str):
        raise Raised(TypeError(f"write() argument must be str, not {class_name(text)}"))
    return len(text)


def _write_lines(m: Machine, args: Args, kwargs: Kwargs) -> None:
    if len(args) != 1 or type(args[0]) not in (list, tuple):
        raise Undetermined("writelines of something else")
    for text in args[0]:
        _write(m, (text,), {})


def _of_stream(m: Machine, stream: Stream, name: str) -> Any:
    if name in _STREAM:
        return Own(name, _STREAM[name], machine=m)
    if name in _STREAM_DATA:
        return m.unknown(f"{name} of a standard stream", _STREAM_DATA[name])
    return m.unsure(f"{name} of a standard stream")


_STREAM = {
    "write": _write,
    "writelines": _write_lines,
    "flush": lambda m, args, kwargs: None,
    "isatty": lambda m, args, kwargs: m.unknown("whether a standard stream is a terminal", bool),
    "fileno": lambda m, args, kwargs: m.unsure("the number of a file", int),
    "writable": lambda m, args, kwargs: True,
    "readable": lambda m, args, kwargs: False,
    "reconfigure": lambda m, args, kwargs: m.unsure("reconfigure of a standard stream"),
}
_STREAM_DATA: dict[str, type | None] = {"encoding": str, "errors": str, "name": str, "mode": str, "buffer": None}
attributes._GETTERS[Stream] = _of_stream


def _exit(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if kwargs or len(args) > 1:
        raise Undetermined("sys.exit with other arguments")
    raise Raised(SystemExit(*args))


def _known_call(reason: str, kind: Any) -> Own:
    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        sure = not args and not kwargs
        return (m.unknown if sure else m.unsure)(f"{reason} is known only when it runs", kind)

    return Own(reason, apply)


_OUT, _ERR = Stream(), Stream()
module(
    "sys",
    {
        "exit": Own("exit", _exit),
        "stdout": _OUT,
        "stderr": _ERR,
        "__stdout__": _OUT,
        "__stderr__": _ERR,
        "float_info": sys.float_info,
        "int_info": sys.int_info,
        "getsizeof": Own("getsizeof", lambda m, args, kwargs: m.unsure("the size of an object", int)),
        "getrecursionlimit": _known_call("sys.getrecursionlimit()", int),
        "getdefaultencoding": Own("getdefaultencoding", lambda m, args, kwargs: "utf-8"),
    },
)
for _info in (sys.float_info, sys.int_info):
    _names = [name for name in dir(type(_info)) if not name.startswith(("_", "n_")) and name not in ("count", "index")]
    allow_type(type(_info), attributes=" ".join(_names), make=False)
allow_type(type(sys.version_info), attributes="major minor micro releaselevel serial", make=False)

source("threading", "threading.py", ours=True)
source(
    "queue",
    "queue.py",
    "*",
    prelude={
        "threading": "threading",
        "types": "types",
        "deque": "collections:deque",
        "heappush": "heapq:heappush",
        "heappop": "heapq:heappop",
        "time": "time:monotonic",
    },
)
source("_queue", "queue.py", ours=True)

_PLATFORM = {
    "system": str,
    "machine": str,
    "node": str,
    "platform": str,
    "processor": str,
    "python_version": str,
    "release": str,
    "version": str,
    "python_implementation": str,
}
module("platform", {name: _known_call(f"platform.{name}()", kind) for name, kind in _PLATFORM.items()})
LATER.update(
    {
        f"sys.{name}": kind
        for name, kind in {
            "argv": list,
            "path": list,
            "platform": str,
            "version": str,
            "executable": str,
            "prefix": str,
            "stdin": io.TextIOWrapper,
            "modules": dict,
            "hexversion": int,
        }.items()
    }
)
