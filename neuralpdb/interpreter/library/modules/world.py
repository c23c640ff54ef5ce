"""The world: functions of the standard library that reach it. They give unknowns of their type, and change nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import MODULES, Apply, module
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Function, Method, Own

_FUNCTIONS: dict[str, dict[str, type | None]] = {
    "subprocess": {
        "run": None,
        "call": int,
        "check_call": int,
        "check_output": bytes,
        "getoutput": str,
        "getstatusoutput": tuple,
    },
    "socket": {
        "gethostname": str,
        "gethostbyname": str,
        "getfqdn": str,
        "create_connection": None,
        "getaddrinfo": list,
    },
    "urllib.request": {"urlopen": None, "urlretrieve": tuple, "Request": None},
    "getpass": {"getpass": str, "getuser": str},
    "shutil": {"which": None, "disk_usage": None, "copy": None, "copyfile": None, "move": None, "rmtree": None},
    "tempfile": {"mkdtemp": str, "gettempdir": str, "mkstemp": tuple},
    "glob": {"glob": list},
    "uuid": {"uuid1": uuid.UUID, "uuid4": uuid.UUID},
}
"""Module -> function -> the type of what it returns; None where that differs."""


def _unknown(name: str, kind: type | None) -> Apply:
    def apply(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return m.unsure(f"{name}() is known only when it runs", kind)

    return apply


for _module, _functions in _FUNCTIONS.items():
    known = MODULES.get(_module, {})
    module(
        _module,
        {
            name: Own(name, _unknown(f"{_module}.{name}", kind))
            for name, kind in _functions.items()
            if name not in known
        },
    )


def _registers(name: str, gives: bool) -> Apply:
    """Return a function that keeps functions of the program for later: for the end, a signal, another process."""

    def apply(m: Machine, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if gives and args and type(args[0]) in (Function, Method):
            return args[0]
        return m.unsure(f"{name}() is known only when it runs")

    return apply


module("atexit", {"register": Own("register", _registers("atexit.register", True))})
module("signal", {"signal": Own("signal", _registers("signal.signal", False))})
module("os", {"register_at_fork": Own("register_at_fork", _registers("os.register_at_fork", False))})
