"""Chance: `random`, interpreted from source over generators whose seed is known; without a seed, typed unknowns."""

from __future__ import annotations

import _random
import hashlib
import random
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from neuralpdb.interpreter.library.registry import BASES, Apply, allow, allow_type, member, module, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class
from neuralpdb.interpreter.objects.values import Own, Unknown
from neuralpdb.interpreter.signals import Stop, Undetermined
from neuralpdb.interpreter.sizes import MOST_ITEMS

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_SEEDS = (type(None), int, float, str, bytes, bytearray)
"""Types of seeds that every version takes."""
_LARGEST = 1e300
"""Numbers below it are far from those with which `uniform` and its like overflow."""
_MOST_UNKNOWNS = 10_000
"""Unknowns that one call makes: a list of them is shown as a hole in any case."""
_unseeded: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""Generators whose state is not known, by their address."""


def _is_unseeded(generator: Any) -> bool:
    return _unseeded.get(id(generator)) is generator


def _reason(name: str) -> str:
    return f"random.{name}() is known only when it runs"


# --- the generator ------------------------------------------------------------------------------------------------


@member(_random.Random, "__new__")
def _new(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    cls, *rest = args
    if not isinstance(cls, Class) or any(type(seed) not in (*_SEEDS, Unknown) for seed in rest):
        raise Undetermined("a generator of random numbers with such a seed")
    generator: Any = m.native(_random.Random.__new__, cls.shell)
    _unseeded[id(generator)] = generator
    return generator


@member(_random.Random, "seed")
def _seed(m: Machine, args: Args, kwargs: Kwargs) -> None:
    generator, *rest = args
    if not rest or rest[0] is None or type(rest[0]) is Unknown:
        _unseeded[id(generator)] = generator
        return
    if type(rest[0]) not in _SEEDS:
        raise Undetermined("a seed of such a type")
    m.native(_random.Random.seed, generator, *rest)
    _unseeded.pop(id(generator), None)


@member(_random.Random, "random")
def _random_number(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if _is_unseeded(args[0]) and len(args) == 1:
        return m.unknown(_reason("random"), float)
    return m.native(_random.Random.random, *args, **kwargs)


@member(_random.Random, "getrandbits")
def _bits(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if _is_unseeded(args[0]):
        count = args[1] if len(args) > 1 else None
        if type(count) is int and count >= 0:
            return m.unknown(_reason("getrandbits"), int)
        return m.unsure(_reason("getrandbits"), int)
    if len(args) > 1 and type(args[1]) is int and args[1] > MOST_ITEMS:
        raise Stop("many random bits")
    return m.native(_random.Random.getrandbits, *args, **kwargs)


@member(_random.Random, "getstate")
def _get_state(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if _is_unseeded(args[0]):
        return m.unknown(_reason("getstate"), tuple)
    return m.native(_random.Random.getstate, *args, **kwargs)


@member(_random.Random, "setstate")
def _set_state(m: Machine, args: Args, kwargs: Kwargs) -> None:
    generator, *rest = args
    if len(rest) == 1 and type(rest[0]) is Unknown:
        _unseeded[id(generator)] = generator
        return
    m.native(_random.Random.setstate, generator, *rest)
    _unseeded.pop(id(generator), None)


BASES.add(_random.Random)
allow_type(type(hashlib.sha512()), make=False, changing="update")
allow([hashlib.sha512], calls=False)
module("_random", {"Random": _random.Random})
module(
    "_neural_random",
    {
        "sha512": hashlib.sha512,
        "is_unknown": Own("is_unknown", lambda m, args, kwargs: type(args[0]) is Unknown),
    },
)
source(
    "random",
    "random.py",
    "NV_MAGICCONST LOG4 SG_MAGICCONST BPF RECIP_BPF _ONE Random _inst",
    prelude={
        "_random": "_random",
        "_sha512": "_neural_random:sha512",
        "__neural_is_unknown__": "_neural_random:is_unknown",
        "_Sequence": "collections.abc:Sequence",
        "_Set": "collections.abc:Set",
        "_index": "operator:index",
        "_accumulate": "itertools:accumulate",
        "_repeat": "itertools:repeat",
        "_bisect": "bisect:bisect",
        "TWOPI": "math:tau",
        "_pi": "math:pi",
        "_e": "math:e",
        **{f"_{name}": f"math:{name}" for name in "log exp ceil sqrt acos cos sin floor isfinite lgamma fabs".split()},
        "_log2": "math:log2",
    },
    patches={
        "        r = getrandbits(k)  # 0 <= r < 2**k\n": (
            "        r = getrandbits(k)\n        if __neural_is_unknown__(r): return r\n"
        )
    },
)

# --- the module's functions ---------------------------------------------------------------------------------------


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) and abs(value) < _LARGEST for value in values)


def _number(m: Machine, name: str, args: Args, kwargs: Kwargs) -> Any:
    """Return an unknown float: of a function that takes any numbers."""
    fits = len(args) in _COUNTS[name] and not kwargs and _are_numbers(args)
    return m.unknown(_reason(name), float) if fits else m.unsure(_reason(name), float)


def _whole_number(m: Machine, name: str, args: Args, kwargs: Kwargs) -> Any:
    fits = not kwargs and all(type(value) is int for value in args)
    if fits and len(args) == 2:
        fits = args[0] <= args[1] if name == "randint" else args[0] < args[1]
    elif fits:
        fits = name == "randrange" and len(args) == 1 and args[0] > 0
    return m.unknown(_reason(name), int) if fits else m.unsure(_reason(name), int)


def _item_type(items: Any) -> Any:
    """Return the type that all items have; None when they differ, or it is not certain."""
    kinds = {type(item) for item in items[:_MOST_UNKNOWNS]}
    return kinds.pop() if len(kinds) == 1 and len(items) <= _MOST_UNKNOWNS and kinds <= _PLAIN else None


def _choice(m: Machine, name: str, args: Args, kwargs: Kwargs) -> Any:
    if len(args) == 1 and not kwargs and type(args[0]) in (list, tuple, str, range) and len(args[0]):
        return m.unknown(_reason(name), _item_type(args[0]))
    return m.unsure(_reason(name))


def _some(m: Machine, name: str, items: Any, count: int) -> list[Any]:
    kind = _item_type(items)
    return [m.unknown(_reason(name), kind) for _ in range(count)]


def _shuffle(m: Machine, name: str, args: Args, kwargs: Kwargs) -> None:
    if len(args) != 1 or kwargs or type(args[0]) is not list or len(args[0]) > _MOST_UNKNOWNS:
        raise Stop("something is put in an order that is known only when it runs")
    if len(args[0]) > 1:
        args[0][:] = _some(m, name, args[0], len(args[0]))


def _sample(m: Machine, name: str, args: Args, kwargs: Kwargs) -> Any:
    items: Any = args[0] if args else None
    count: Any = args[1] if len(args) > 1 else kwargs.get("k")
    fits = type(items) in (list, tuple, range, str) and type(count) is int and len(args) + len(kwargs) == 2
    if fits and 0 <= count <= min(len(items), _MOST_UNKNOWNS):
        return _some(m, name, items, count)
    return m.unsure(_reason(name), list)


def _choices(m: Machine, name: str, args: Args, kwargs: Kwargs) -> Any:
    items: Any = args[0] if args else None
    weights = args[1] if len(args) > 1 else kwargs.get("weights")
    count: Any = kwargs.get("k", 1)
    fits = type(items) in (list, tuple, str, range) and type(count) is int and 0 <= count <= _MOST_UNKNOWNS
    fits = fits and len(items) > 0 and kwargs.keys() <= {"weights", "k"} and len(args) < 3
    if fits and weights is not None:
        fits = type(weights) in (list, tuple) and len(weights) == len(items) and _are_numbers(weights)
        fits = fits and all(weight > 0 for weight in weights)
    return _some(m, name, items, count) if fits else m.unsure(_reason(name), list)


def _other(kind: type) -> Callable[[Machine, str, Args, Kwargs], Any]:
    return lambda m, name, args, kwargs: m.unsure(_reason(name), kind)


_PLAIN = frozenset((int, float, str, bytes, bool, type(None)))
_COUNTS = {"random": (0,), "uniform": (2,), "gauss": (2,), "normalvariate": (2,), "triangular": (2,)}
"""Functions of any numbers -> how many they take."""
_UNSEEDED: dict[str, Callable[[Machine, str, Args, Kwargs], Any]] = {
    **dict.fromkeys(_COUNTS, _number),
    **dict.fromkeys(
        "betavariate expovariate gammavariate lognormvariate paretovariate vonmisesvariate weibullvariate".split(),
        _other(float),
    ),
    **dict.fromkeys(("randint", "randrange"), _whole_number),
    "choice": _choice,
    "choices": _choices,
    "sample": _sample,
    "shuffle": _shuffle,
    "binomialvariate": _other(int),
    "getrandbits": _other(int),
    "randbytes": _other(bytes),
    "getstate": _other(tuple),
}
"""Functions of the module -> what they give while its generator has no seed."""


def _of_module(name: str) -> Apply:
    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        generator = m.library.modules["random"].get("_inst")
        guess = _UNSEEDED.get(name)
        if guess is not None and _is_unseeded(generator):
            return guess(m, name, args, kwargs)
        return m.call(m.attribute(generator, name), args, kwargs)

    return apply


_NAMES = (*_UNSEEDED, "seed", "setstate")


def _text_of(name: str) -> str:
    """Return the text of a function of the module, where it is a bound method and therefore a variable."""
    method = getattr(random, name)
    kind = type(method.__self__).__name__
    if not isinstance(method, types.MethodType):
        return ""
    return f"<bound method {method.__func__.__qualname__} of <random.{kind} object at 0x1>>"


module("random", {name: Own(name, _of_module(name), text=_text_of(name)) for name in _NAMES if hasattr(random, name)})

# --- other modules of chance: nothing of them can be known ----------------------------------------------------------


def _unknown(reason: str, kind: type) -> Apply:
    return lambda m, args, kwargs: m.unsure(reason, kind)


_SECRETS = {"token_bytes": bytes, "token_hex": str, "token_urlsafe": str, "randbelow": int, "randbits": int}
module(
    "secrets",
    {
        name: Own(name, _unknown(f"secrets.{name}() is known only when it runs", kind))
        for name, kind in _SECRETS.items()
    },
)
