"""What waits for other threads, in a program that has one: queue, locks; and warnings, which nobody reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import module
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Own
from neuralpdb.interpreter.signals import Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_QUIET = frozenset(("ignore", "default", "always", "module", "once"))
"""Actions for warnings that raise nothing."""


def _warn(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Print a warning: the program sees nothing of it."""
    if not args or type(args[0]) is not str:
        raise Undetermined("a warning that is no text")


def _filter(m: Machine, args: Args, kwargs: Kwargs) -> None:
    action = args[0] if args else kwargs.get("action")
    if type(action) is not str or action not in _QUIET:
        raise Undetermined("warnings that raise")


module(
    "warnings",
    {
        "warn": Own("warn", _warn),
        "filterwarnings": Own("filterwarnings", _filter),
        "simplefilter": Own("simplefilter", _filter),
    },
)
