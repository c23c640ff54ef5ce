"""Dates and times: `datetime`, `zoneinfo`, `calendar`, and what of `time` asks no clock; the clock is unknown."""

from __future__ import annotations

import datetime
import time
import warnings
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import (
    METHODS,
    UNKNOWNS,
    Apply,
    Native,
    allow,
    allow_type,
    member,
    module,
    source,
)
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Own, Unknown
from neuralpdb.interpreter.signals import Raised, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_LONGEST_FORMAT = 1_000
"""Characters of a format: each directive makes some ten."""
_EPOCH_ENDS = 100_000_000_000
"""Seconds since 1970, either way, up to which there is a date for every moment (the year 5138)."""


def _format(args: Args, kwargs: Kwargs) -> str:
    """Refuse formats whose outcome is the machine's own: its time zone, seconds since 1970 in it."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, str) and ("%s" in value or len(value) > _LONGEST_FORMAT):
            return "a format that asks for the machine's time zone" if "%s" in value else "a long format"
    return ""


_FORMATS = dict.fromkeys(("strftime", "__format__"), _format)
allow_type(datetime.date, attributes="year month day", guards=_FORMATS)
allow_type(datetime.datetime, attributes="year month day hour minute second microsecond tzinfo fold", guards=_FORMATS)
allow_type(datetime.time, attributes="hour minute second microsecond tzinfo fold", guards=_FORMATS)
allow_type(datetime.timedelta, attributes="days seconds microseconds", base=True)
allow_type(datetime.timezone)
allow_type(datetime.tzinfo, make=False)
allow_type(zoneinfo.ZoneInfo, attributes="key", without="from_file clear_cache no_cache")
_CONSTANTS = {
    datetime.date: "min max resolution",
    datetime.datetime: "min max resolution",
    datetime.time: "min max resolution",
    datetime.timedelta: "min max resolution",
    datetime.timezone: "utc min max",
}
for _kind, _names in _CONSTANTS.items():
    for _name in _names.split():
        METHODS[_kind, _name] = Native()
_IsoDate: Any = type(datetime.date(2000, 1, 1).isocalendar())
allow_type(_IsoDate, make=False, attributes="year week weekday")
module(
    "datetime",
    {
        name: getattr(datetime, name)
        for name in ("date", "datetime", "time", "timedelta", "timezone", "tzinfo", "MINYEAR", "MAXYEAR", "UTC")
    },
)
module("zoneinfo", {name: getattr(zoneinfo, name) for name in ("ZoneInfo", "ZoneInfoNotFoundError")})

# --- what asks the clock, or where the machine is ---------------------------------------------------------------------


def _known_later(name: str, kind: type) -> Apply:
    """Return what gives an unknown, of a function that cannot fail when it is called without arguments."""

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        given = [value for value in (*args, *kwargs.values()) if not isinstance(value, kind)]
        sure = all(value is None or isinstance(value, datetime.tzinfo) for value in given)
        reason = f"{name}() is known only when it runs"
        return m.unknown(reason, kind) if sure else m.unsure(reason, kind)

    return apply


_CLOCK = {
    (datetime.date, "today"): datetime.date,
    (datetime.datetime, "today"): datetime.datetime,
    (datetime.datetime, "now"): datetime.datetime,
    (datetime.datetime, "utcnow"): datetime.datetime,
}
for (_owner, _name), _kind in _CLOCK.items():
    member(_owner, _name)(_known_later(f"{_owner.__name__}.{_name}", _kind))


def _zone(m: Machine, name: str, kind: type, seconds: Any) -> Unknown:
    reason = f"{name}() depends on the machine's time zone"
    sure = type(seconds) in (int, float) and abs(seconds) < _EPOCH_ENDS
    return m.unknown(reason, kind) if sure else m.unsure(reason, kind)


@member(datetime.date, "fromtimestamp")
def _date_from(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    return _zone(m, "date.fromtimestamp", datetime.date, args[-1] if len(args) == 1 else None)


@member(datetime.datetime, "fromtimestamp")
def _datetime_from(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    zone = kwargs.get("tz", args[-1] if len(args) > 1 else None)
    if isinstance(zone, datetime.timezone | zoneinfo.ZoneInfo) and type(args[0]) in (int, float):
        return m.native(datetime.datetime.fromtimestamp, args[0], zone)
    return _zone(m, "datetime.fromtimestamp", datetime.datetime, args[0] if len(args) == 1 and not kwargs else None)


@member(datetime.datetime, "utcfromtimestamp")
def _utc_from(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if len(args) != 1 or type(args[0]) not in (int, float):
        return m.unsure("utcfromtimestamp of an unknown", datetime.datetime)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return m.native(datetime.datetime.utcfromtimestamp, args[0])


@member(datetime.datetime, "timestamp")
def _timestamp(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    moment = args[0]
    if not isinstance(moment, datetime.datetime):
        raise Undetermined("timestamp of something else")
    if moment.tzinfo is None and len(args) == 1:
        return m.unknown("timestamp() depends on the machine's time zone", float)
    return m.native(datetime.datetime.timestamp, *args, **kwargs)


@member(datetime.datetime, "astimezone")
def _as_zone(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    moment, *rest = args
    zone = kwargs.get("tz", rest[0] if rest else None)
    if isinstance(moment, datetime.datetime) and moment.tzinfo is not None and isinstance(zone, datetime.tzinfo):
        return m.native(datetime.datetime.astimezone, *args, **kwargs)
    return m.unsure("astimezone() depends on the machine's time zone", datetime.datetime)


# --- time -----------------------------------------------------------------------------------------------------------

allow_type(time.struct_time, attributes=" ".join(n for n in dir(time.struct_time) if n.startswith("tm_")), make=False)
allow([time.struct_time, time.strptime, time.asctime])
module("time", {"struct_time": time.struct_time, "strptime": time.strptime})


def _of_clock(function: Any, given: int, kind: type) -> Own:
    """Return our version of a function that asks the clock when its last argument is not given."""
    name = f"time.{function.__name__}"

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if len(args) < given:
            sure = all(type(value) is str for value in args)
            reason = f"{name}() is known only when it runs"
            return m.unknown(reason, kind) if sure else m.unsure(reason, kind)
        if _format(args, kwargs) or (given > 1 and "%Z" in str(args[0])):
            return m.unsure(f"{name}() depends on the machine's time zone", kind)
        try:
            return m.native(function, *args, **kwargs)
        except Undetermined as error:
            return m.unsure(error.reason, kind)

    return Own(function.__name__, apply)


_LONGEST_SLEEP = 1e6
"""Seconds; nobody waits for days."""


def _sleep(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `time.sleep` does, but for the waiting."""
    if len(args) != 1 or kwargs or type(args[0]) not in (int, float, bool):
        m.unsure("a time to sleep that is not known")
    elif args[0] != args[0]:
        raise Raised(ValueError("Invalid value NaN (not a number)"))
    elif args[0] < 0:
        raise Raised(ValueError("sleep length must be non-negative"))
    elif args[0] > _LONGEST_SLEEP:
        raise Undetermined("a sleep of days")


def _of_zone(name: str, kind: type) -> Own:
    return Own(name, lambda m, args, kwargs: m.unsure(f"time.{name}() depends on the machine's time zone", kind))


module(
    "time",
    {
        "sleep": Own("sleep", _sleep),
        "gmtime": _of_clock(time.gmtime, 1, time.struct_time),
        "asctime": _of_clock(time.asctime, 1, str),
        "strftime": _of_clock(time.strftime, 2, str),
        "localtime": _of_zone("localtime", time.struct_time),
        "mktime": _of_zone("mktime", float),
        "ctime": _of_zone("ctime", str),
    },
)

# --- calendar: interpreted, it has a state of its own ---------------------------------------------------------------

source(
    "calendar",
    "calendar.py",
    "*",
    prelude={
        "sys": "sys",
        "datetime": "datetime",
        "repeat": "itertools:repeat",
        "IntEnum": "enum:IntEnum",
        "global_enum": "enum:global_enum",
        "_locale": "_neural_calendar:locale",
    },
)
module("_neural_calendar", {"locale": None})

# --- what is known of a moment that is not known ----------------------------------------------------------------------

for _kind, _names in {
    datetime.date: "year month day",
    datetime.datetime: "year month day hour minute second microsecond fold",
    datetime.time: "hour minute second microsecond fold",
    datetime.timedelta: "days seconds microseconds",
}.items():
    for _name in _names.split():
        UNKNOWNS[_kind, _name] = int
for _kind in (datetime.date, datetime.datetime):
    for _name in ("weekday", "isoweekday", "toordinal"):
        UNKNOWNS[_kind, _name] = (int,)
    UNKNOWNS[_kind, "isoformat"] = UNKNOWNS[_kind, "ctime"] = (str,)
    UNKNOWNS[_kind, "strftime"] = (str, str)
UNKNOWNS[datetime.datetime, "date"] = (datetime.date,)
UNKNOWNS[datetime.datetime, "time"] = (datetime.time,)
UNKNOWNS[datetime.timedelta, "total_seconds"] = (float,)
