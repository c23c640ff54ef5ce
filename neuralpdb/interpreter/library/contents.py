"""The contents of the library: its parts, each of which registers itself when it is imported."""

from __future__ import annotations

import importlib
import importlib.util
import os.path
import sys
from functools import cache

PARTS = {
    "native_types": "",
    "objects": "",
    "functions": "builtins",
    "writing.streams": "io sys",
    "mathematics": "cmath math os time uuid",
    "containers": "bisect collections copy heapq itertools operator",
    "functional": "_neural_namespace _neural_sys _neural_weakref _thread abc contextlib functools reprlib types",
    "texts": "keyword string textwrap unicodedata",
    "language": "__future__ _neural_inspect _neural_modules dataclasses enum numbers sys typing typing_extensions",
    "asynchronous": (
        "asyncio asyncio._neural_loop asyncio.coroutines asyncio.exceptions asyncio.locks asyncio.mixins "
        "asyncio.queues asyncio.taskgroups asyncio.tasks asyncio.timeouts concurrent concurrent.futures inspect"
    ),
    "writing.patterns": "re",
    "writing.data_formats": (
        "_csv _json _neural_json base64 binascii codecs csv hashlib hmac json json.decoder json.encoder json.scanner "
        "struct"
    ),
    "writing.paths": "fnmatch os os.path pathlib posixpath",
    "writing.prose": "_neural_chain _string difflib pprint shlex string textwrap uuid",
    "modules.operations": "bisect collections copy heapq itertools operator",
    "writing.scripts": "_neural_sys _neural_weak_values argparse gettext logging",
    "modules.warned": "warnings",
    "modules.chance": "_neural_random _random hashlib random secrets",
    "modules.dates": "_neural_calendar calendar datetime time zoneinfo",
    "modules.numbers": "decimal fractions statistics",
    "modules.system": "_queue platform queue sys threading",
    "modules.collecting": "_neural_alias collections.abc",
    "modules.inspection": "inspect weakref",
    "modules.world": "atexit getpass glob os shutil signal socket subprocess tempfile urllib.request uuid",
}
"""The parts, modules beside this one, in the order in which they are imported -> the modules that programs may import
and of which something depends on the part."""

FIRST = ("native_types", "objects", "functions", "writing.streams")
"""The parts that every program needs; each of the others waits for the first import of one of its modules."""

_MODULES = {part: frozenset(names.split()) for part, names in PARTS.items()}
MODULES = frozenset().union(*_MODULES.values())
"""All modules of which there is something."""


@cache
def load() -> None:
    """Import the parts that every program needs, once in a process."""
    _import(FIRST)


@cache
def load_for(name: str) -> None:
    """Import the parts that a module of the standard library needs, given its full name.

    A part may replace what parts before it registered for a module that it names, too: these are imported first.
    """
    if name not in MODULES:
        if name in sys.stdlib_module_names:
            load_all()
        return
    needed: set[str] = set()
    modules: set[str] = {name}
    for part in reversed(PARTS):
        if name in _MODULES[part] or (needed and not modules.isdisjoint(_MODULES[part])):
            needed.add(part)
            modules |= _MODULES[part]
    _import(tuple(part for part in PARTS if part in needed))


@cache
def load_all() -> None:
    """Import all parts, once in a process."""
    _import(tuple(PARTS))


def keep_compiled() -> None:
    """Write the bytecode of the parts where there is none, as an import does: behind fences nothing can be written."""
    if sys.dont_write_bytecode:
        return
    for part in PARTS:
        path = os.path.join(os.path.dirname(__file__), *part.split(".")) + ".py"  # noqa: PTH118, PTH120 - pathlib: 3 ms
        if not os.path.exists(importlib.util.cache_from_source(path)):  # noqa: PTH110
            import py_compile

            try:
                py_compile.compile(path, quiet=2)
            except OSError:
                return  # a folder that is not ours to write to


def _import(parts: tuple[str, ...]) -> None:
    for part in parts:
        importlib.import_module(f"neuralpdb.interpreter.library.{part}")
