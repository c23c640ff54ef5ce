"""The process: sys, threads, queues, and what of the platform is known only when a program runs."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import LATER, allow_type, module, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Own
from neuralpdb.interpreter.signals import Raised, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _exit(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if kwargs or len(args) > 1 or (args and isinstance(args[0], tuple)):
        raise Undetermined("sys.exit with other arguments")
    if args and args[0] is None:
        args = ()
    raise Raised(SystemExit(*args))


def _encoding(m: Machine, args: Args, kwargs: Kwargs) -> str:
    if args or kwargs:
        raise Undetermined("sys.getdefaultencoding with arguments")
    return "utf-8"


def _known_call(reason: str, kind: Any) -> Own:
    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        sure = not args and not kwargs
        return (m.unknown if sure else m.unsure)(f"{reason} is known only when it runs", kind)

    return Own(reason, apply)


module(
    "sys",
    {
        "exit": Own("exit", _exit),
        "platform": sys.platform,
        "byteorder": sys.byteorder,
        "maxunicode": sys.maxunicode,
        "float_info": sys.float_info,
        "int_info": sys.int_info,
        "getsizeof": Own("getsizeof", lambda m, args, kwargs: m.unsure("the size of an object", int)),
        "getrecursionlimit": _known_call("sys.getrecursionlimit()", int),
        "getdefaultencoding": Own("getdefaultencoding", _encoding),
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
            "path": list,
            "version": str,
            "executable": str,
            "prefix": str,
            "stdin": io.TextIOWrapper,
            "modules": dict,
            "hexversion": int,
        }.items()
    }
)
