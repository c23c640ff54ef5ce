"""The contents of the library: its parts, each of which registers itself when it is imported."""

from __future__ import annotations

import importlib
from functools import cache

PARTS = (
    "native_types",
    "objects",
    "functions",
    "mathematics",
    "containers",
    "functional",
    "texts",
    "language",
    "asynchronous",
    "writing.streams",
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


@cache
def load() -> None:
    """Import all parts, once in a process."""
    for part in PARTS:
        importlib.import_module(f"neuralpdb.interpreter.library.{part}")
