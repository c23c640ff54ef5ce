"""The contents of the library: its parts, each of which registers itself when it is imported."""

from __future__ import annotations

import importlib
from functools import cache

PARTS = (
    "native_types",
    "objects",
    "functions",
    "writing.streams",
    "mathematics",
    "containers",
    "functional",
    "texts",
    "language",
    "asynchronous",
    "writing.patterns",
    "writing.data_formats",
    "writing.paths",
    "writing.prose",
    "modules.operations",
    "writing.scripts",
    "modules.warned",
    "modules.chance",
    "modules.dates",
    "modules.numbers",
    "modules.system",
    "modules.collecting",
    "modules.inspection",
    "modules.world",
)
"""Modules beside this one and in `modules`, in the order in which they are imported."""


FIRST = ("native_types", "objects", "functions", "writing.streams")
"""The parts that every program needs; the others wait for its first `import`, which saves it some 10 ms."""


@cache
def load() -> None:
    """Import the parts that every program needs, once in a process."""
    _import(FIRST)


@cache
def load_all() -> None:
    """Import all parts, once in a process."""
    _import(PARTS)


def _import(parts: tuple[str, ...]) -> None:
    for part in parts:
        importlib.import_module(f"neuralpdb.interpreter.library.{part}")
