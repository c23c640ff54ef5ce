"""Arguments of a call, bound to the parameters of a function of the program, with Python's own complaints."""

from __future__ import annotations

from typing import Any

from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.objects.values import EMPTY, Function
from neuralpdb.interpreter.signals import Raised


def bind(function: Function, fast: list[Any], args: list[Any], kwargs: dict[str, Any]) -> None:
    """Put arguments where the function's variables are. Raises what Python raises when they do not fit."""
    code = function.code
    given, count = len(args), code.positional
    if code.is_simple and not kwargs and given == count:
        fast[:given] = args
        return
    total = code.arguments
    names = code.varnames
    if given <= count:
        fast[:given] = args
        if code.star:
            fast[total] = ()
    elif code.star:
        fast[:count] = args[:count]
        fast[total] = tuple(args[count:])
    rest: dict[str, Any] = {}
    if code.stars:
        fast[total + code.star] = rest
    accepted = names[code.positional_only : total]
    for name, value in kwargs.items():
        if name in accepted:
            i = names.index(name)
            if fast[i] is not EMPTY or (given > count and i < count and not code.star):
                raise Raised(TypeError(f"{function.qualname}() got multiple values for argument '{name}'"))
            fast[i] = value
        elif code.stars:
            rest[name] = value
        else:
            _refuse_keyword(function, kwargs, name)
    if given > count and not code.star:
        raise Raised(TypeError(_too_many(function, fast, given)))
    if given < count:
        _fill_positional(function, fast, given, count)
    if total > count:
        _fill_keyword_only(function, fast, count, total)


def _refuse_keyword(function: Function, kwargs: dict[str, Any], name: str) -> None:
    code = function.code
    only = code.varnames[: code.positional_only]
    wrong = [each for each in only if each in kwargs]
    if wrong:
        raise Raised(
            TypeError(
                f"{function.qualname}() got some positional-only arguments passed as keyword arguments: "
                f"'{', '.join(wrong)}'"
            )
        )
    message = f"{function.qualname}() got an unexpected keyword argument '{name}'"
    if VERSION >= (3, 13) and code.positional_only < code.arguments:
        raise Raised(TypeError(function.machine.unknown("which keyword Python suggests instead")))
    raise Raised(TypeError(message))


def _too_many(function: Function, fast: list[Any], given: int) -> str:
    code = function.code
    count = code.positional
    defaults = len(function.defaults or ())
    takes = f"from {count - defaults} to {count}" if defaults else f"{count}"
    plural = "s" if count != 1 or defaults else ""
    keyword_only = sum(fast[i] is not EMPTY for i in range(count, code.arguments))
    more = ""
    were = "was" if given == 1 and not keyword_only else "were"
    if keyword_only:
        more = (
            f" positional argument{'s' if given != 1 else ''} (and {keyword_only} keyword-only argument"
            f"{'s' if keyword_only != 1 else ''})"
        )
    return f"{function.qualname}() takes {takes} positional argument{plural} but {given}{more} {were} given"


def _fill_positional(function: Function, fast: list[Any], given: int, count: int) -> None:
    defaults = function.defaults or ()
    first = count - len(defaults)
    names = function.code.varnames
    missing = [names[i] for i in range(given, first) if fast[i] is EMPTY]
    if missing:
        raise Raised(TypeError(_missing(function, missing, "positional")))
    for i in range(max(given, first), count):
        if fast[i] is EMPTY:
            fast[i] = defaults[i - first]


def _fill_keyword_only(function: Function, fast: list[Any], count: int, total: int) -> None:
    defaults = function.kwdefaults or {}
    names = function.code.varnames
    missing = []
    for i in range(count, total):
        if fast[i] is EMPTY:
            if names[i] in defaults:
                fast[i] = defaults[names[i]]
            else:
                missing.append(names[i])
    if missing:
        raise Raised(TypeError(_missing(function, missing, "keyword-only")))


def _missing(function: Function, names: list[str], kind: str) -> str:
    quoted = [f"'{name}'" for name in names]
    text = ", ".join(quoted[:-1]) + f", and {quoted[-1]}" if len(quoted) > 2 else " and ".join(quoted)
    plural = "s" if len(names) != 1 else ""
    return f"{function.qualname}() missing {len(names)} required {kind} argument{plural}: {text}"
