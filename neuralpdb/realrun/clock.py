"""Clock: another date for the program in the child process, to show which of its values hold the time of day.

It changes this process for good. Clocks that measure durations, and sleeping, are left alone. Standard library only.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import time
from collections.abc import Callable
from functools import wraps
from typing import Any


def shift(seconds: float) -> None:
    """Put `time` and `datetime` ahead by `seconds`; code that reads the system's clock by itself does not notice."""
    whole = round(seconds)
    real, real_ns = time.time, time.time_ns
    _set(time=lambda: real() + whole, time_ns=lambda: real_ns() + whole * 10**9)
    _set(**{name: _of_now(getattr(time, name), time.time) for name in ("localtime", "gmtime", "ctime")})
    _set(asctime=_of_now(time.asctime, time.localtime), strftime=_of_now(time.strftime, time.localtime, 1))
    _shift_dates(time.time)


def _set(**functions: Callable[..., Any]) -> None:
    for name, function in functions.items():
        setattr(time, name, wraps(getattr(time, name))(function))


def _of_now(real: Callable[..., Any], now: Callable[[], Any], before: int = 0) -> Any:
    """Return `real` with its optional argument, which follows `before` others and means now, always given."""

    def shifted(*args: Any) -> Any:
        if len(args) == before or (len(args) == before + 1 and args[before] is None):
            args = (*args[:before], now())
        return real(*args)

    return shifted


def _shift_dates(now: Callable[[], float]) -> None:
    """Replace methods of the built-in classes, which only their own dictionaries allow."""

    def at_now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(now(), tz)

    def at_utc(cls: Any) -> Any:
        return cls.fromtimestamp(now(), datetime.UTC).replace(tzinfo=None)

    def today(cls: Any) -> Any:
        return cls.fromtimestamp(now())

    _replace(datetime.datetime, now=at_now, utcnow=at_utc, today=today)
    _replace(datetime.date, today=today)


def _replace(kind: type, **methods: Any) -> None:
    namespaces = gc.get_referents(kind.__dict__)
    if not namespaces or not isinstance(namespaces[0], dict):
        return
    for name, method in methods.items():
        namespaces[0][name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
