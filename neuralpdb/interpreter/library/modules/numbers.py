"""Exact and statistical numbers: decimal, whose context is the run's own, fractions, statistics."""

from __future__ import annotations

import decimal
import fractions
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.native_types import big_numbers, items
from neuralpdb.interpreter.library.registry import (
    ATTRIBUTES,
    SETTABLE,
    TYPES,
    allow,
    allow_type,
    member,
    module,
    native_module,
    own,
    source,
)
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import REAL_TYPES, Own, holds_unknown
from neuralpdb.interpreter.signals import Stop, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_MOST_DIGITS = 5_000
"""Digits before and behind the point: operations on more take milliseconds."""

# --- decimal --------------------------------------------------------------------------------------------------------


def _decimals(args: Args, kwargs: Kwargs) -> str:
    for value in args:
        if isinstance(value, decimal.Decimal) and value.is_finite() and abs(value.adjusted()) > _MOST_DIGITS:
            return "a decimal with many digits"
    return big_numbers(args, kwargs)


def _made(args: Args, kwargs: Kwargs) -> str:
    for value in args:
        if isinstance(value, str) and len(value) > _MOST_DIGITS:
            return "a decimal with many digits"
    return _decimals(args, kwargs)


class Context(decimal.Context):
    """A context of the program's own. What it was signalled is unknown once anything else is."""

    machine: Machine

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "prec" and isinstance(value, int) and value > _MOST_DIGITS:
            raise Stop("decimals with many digits")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        if self.machine.tainted:
            raise Undetermined("the signals of a decimal context")
        return super().__repr__()


Context.__name__ = Context.__qualname__ = "Context"
REAL_TYPES[Context] = decimal.Context
_GUARDS = {name: _decimals for name, value in vars(decimal.Decimal).items() if callable(value)}
allow_type(decimal.Decimal, attributes="real imag", guards=_GUARDS, guard=_made, base=True)
allow_type(
    decimal.Context,
    attributes="prec rounding Emin Emax capitals clamp",
    changing="clear_flags clear_traps",
    guards={name: _decimals for name, value in vars(decimal.Context).items() if callable(value)},
    without="copy",
    make=False,
)
TYPES.add(Context)
for _name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp"):
    # the C implementation has no descriptors for these, but for `__getattribute__`
    ATTRIBUTES.add((decimal.Context, _name))
    SETTABLE.add((decimal.Context, _name))
allow_type(decimal.DecimalTuple, attributes="sign digits exponent")
_CONSTANTS = {
    name: value
    for name, value in vars(decimal).items()
    if name.startswith(("ROUND_", "MAX_", "MIN_")) or (isinstance(value, type) and issubclass(value, ArithmeticError))
}
for _value in _CONSTANTS.values():
    if isinstance(_value, type):
        TYPES.add(_value)


def _check_alone(m: Machine) -> None:
    """Refuse other contexts where tasks have contexts of their own."""
    if "asyncio" in m.library.modules:
        raise Undetermined("a decimal context in an asynchronous program")


def _check_precision(context: decimal.Context) -> None:
    if context.prec > _MOST_DIGITS:
        raise Stop("decimals with many digits")


def _of_run(m: Machine, context: decimal.Context) -> Context:
    """Return a copy of a context that belongs to the run."""
    made = Context(
        context.prec,
        context.rounding,
        context.Emin,
        context.Emax,
        context.capitals,
        context.clamp,
        [signal for signal, is_set in context.flags.items() if is_set],
        [signal for signal, is_set in context.traps.items() if is_set],
    )
    made.machine = m
    return made


def _get_context(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    _check_alone(m)
    context = decimal.getcontext()
    _check_precision(context)
    if type(context) is not Context:
        context = _of_run(m, context)
        decimal.setcontext(context)
    return context


def _set_context(m: Machine, args: Args, kwargs: Kwargs) -> None:
    _check_alone(m)
    if len(args) != 1 or kwargs or type(args[0]) is not Context:
        raise Stop("a decimal context that is not known")
    _check_precision(args[0])
    decimal.setcontext(args[0])


@own(decimal.Context)
def _make_context(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if holds_unknown([*args, *kwargs.values()]):
        raise Undetermined("a decimal context with an unknown")
    made = m.native(Context, *args, **kwargs)
    _check_precision(made)
    made.machine = m
    return made


@member(decimal.Context, "copy", "__copy__")
def _copy_context(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    return _of_run(m, args[0])


module("decimal", {"Decimal": decimal.Decimal, "Context": decimal.Context, "DecimalTuple": decimal.DecimalTuple})
module("decimal", _CONSTANTS)
module("decimal", {"getcontext": Own("getcontext", _get_context), "setcontext": Own("setcontext", _set_context)})
source("decimal", "decimal.py", ours=True)

# --- fractions and statistics ---------------------------------------------------------------------------------------

allow_type(fractions.Fraction, attributes="numerator denominator", guard=big_numbers)
module("fractions", {"Fraction": fractions.Fraction})
native_module(
    statistics,
    "mean fmean median median_low median_high median_grouped mode multimode pstdev pvariance stdev variance "
    "geometric_mean harmonic_mean quantiles covariance correlation linear_regression",
    guard=items,
)
allow_type(statistics.NormalDist, attributes="mean median mode stdev variance", without="samples")
_line: Any = statistics.linear_regression([0.0, 1.0], [0.0, 1.0])
allow_type(type(_line), attributes="slope intercept", make=False)
TYPES.add(statistics.StatisticsError)
module("statistics", {"NormalDist": statistics.NormalDist, "StatisticsError": statistics.StatisticsError})
allow([statistics.StatisticsError], calls=False)
