"""functools, contextlib, abc, types: the machine's own versions, and what is interpreted from source."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.library.registry import TYPES, allow, allow_type, module, own, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.values import EMPTY, OPAQUE, REAL_TYPES, Cell, Function, Method, Own
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

allow([functools.reduce], pure=False)
allow([functools.cmp_to_key])
allow_type(functools.partial, calls="__init__", attributes="func args keywords", base=True)
allow_type(type(functools.cmp_to_key(lambda a, b: 0)), make=False)


class Cache:
    """What `functools.lru_cache` makes of a function.

    known: key -> result, the one used last at the end. limit: how many are kept; None for all.
    """

    is_code = True
    __slots__ = ("dict", "function", "hits", "known", "limit", "machine", "misses", "typed")

    def __init__(self, machine: Machine, function: Any, limit: int | None, typed: bool) -> None:
        self.machine = machine
        self.function = function
        self.limit = limit
        self.typed = typed
        self.known: dict[Any, Any] = {}
        self.hits = 0
        self.misses = 0
        self.dict: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.call_from_native(Own("lru_cache", self.apply), args, kwargs)

    def __repr__(self) -> str:
        return "<functools._lru_cache_wrapper object at 0x1>"

    def bind_to(self, machine: Machine, owner: Any, cls: Any) -> Any:
        """Become a method of an instance."""
        return self if owner is None else Method(machine, self, owner)

    def put_attribute(self, name: str, value: Any) -> None:
        """Set an attribute of the wrapper."""
        self.dict[name] = value

    def apply(self, m: Machine, args: Args, kwargs: Kwargs) -> Any:
        """Return the result that is known, or call the function."""
        if self.limit == 0:
            self.misses += 1
            return m.call(self.function, args, kwargs)
        key = self._key(args, kwargs)
        value = m.native(self.known.get, key, EMPTY)
        if value is not EMPTY:
            self.hits += 1
            if self.limit is not None:
                self.known[key] = self.known.pop(key)
            return value
        self.misses += 1
        value = m.call(self.function, args, kwargs)
        self.known[key] = value
        if self.limit is not None and len(self.known) > self.limit:
            del self.known[next(iter(self.known))]
        return value

    def _key(self, args: Args, kwargs: Kwargs) -> Any:
        if not kwargs and not self.typed and len(args) == 1 and type(args[0]) in (int, str):
            return args[0]
        key: Any = tuple(args)
        if kwargs:
            key = (*key, EMPTY, *(part for pair in kwargs.items() for part in pair))
        if self.typed:
            key = (*key, *(type(value) for value in (*args, *kwargs.values())))
        return key


Cache.__name__ = "_lru_cache_wrapper"
REAL_TYPES[Cache] = type(functools.lru_cache(len))
OPAQUE.add(Cache)
TYPES.add(Cache)


def _get_of_cache(m: Machine, cache: Cache, name: str) -> Any:
    if name in cache.dict:
        return cache.dict[name]
    if name == "cache_clear":
        return Own(name, lambda machine, args, kwargs: _clear(cache))
    if name == "cache_info":
        return Own(name, lambda machine, args, kwargs: _info(machine, cache))
    if name == "__wrapped__":
        return cache.function
    if name in ("__name__", "__qualname__", "__doc__", "__module__"):
        return attributes.get(m, cache.function, name)
    if name == "cache_parameters":
        raise Undetermined(name)
    return attributes.get(m, cache.function, name)


def _clear(cache: Cache) -> None:
    cache.known.clear()
    cache.hits = cache.misses = 0


def _info(m: Machine, cache: Cache) -> Any:
    from neuralpdb.interpreter.library.imports import find

    functools_module = find(m, m.library.modules, "functools")
    return m.call(functools_module.get("_CacheInfo"), (cache.hits, cache.misses, cache.limit, len(cache.known)))


attributes._GETTERS[Cache] = _get_of_cache
_call_of_cache = Cache.apply


def _lru_cache(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    size = kwargs.get("maxsize", args[0] if args else 128)
    typed = bool(kwargs.get("typed", args[1] if len(args) > 1 else False))
    if size is not None and not isinstance(size, int):
        return Cache(m, size, 128, typed)
    limit = max(size, 0) if size is not None else None
    return Own("lru_cache", lambda machine, inner, more: Cache(machine, inner[0], limit, typed), machine=m)


def _cache(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    return Cache(m, args[0], None, False)


own(functools.lru_cache)(_lru_cache)
own(functools.cache)(_cache)
module(
    "functools",
    {
        "reduce": functools.reduce,
        "cmp_to_key": functools.cmp_to_key,
        "partial": functools.partial,
        "lru_cache": functools.lru_cache,
        "cache": functools.cache,
    },
)
source(
    "functools",
    "functools.py",
    "WRAPPER_ASSIGNMENTS WRAPPER_UPDATES update_wrapper wraps _gt_from_lt _le_from_lt _ge_from_lt _ge_from_le "
    "_lt_from_le "
    "_gt_from_le _lt_from_gt _ge_from_gt _le_from_gt _le_from_ge _gt_from_ge _lt_from_ge _convert total_ordering "
    "cached_property _NOT_FOUND partialmethod _CacheInfo singledispatch _find_impl _compose_mro _c3_merge _c3_mro "
    "singledispatchmethod",
    prelude={
        "namedtuple": "collections:namedtuple",
        "RLock": "_thread:RLock",
        "GenericAlias": "types:GenericAlias",
        "get_cache_token": "abc:get_cache_token",
        "abstractmethod": "abc:abstractmethod",
        "recursive_repr": "reprlib:recursive_repr",
    },
    patches={
        "import types, weakref": "import types, _neural_weakref as weakref",
        "import weakref": "import _neural_weakref as weakref",
    },
)
source(
    "contextlib",
    "contextlib.py",
    "AbstractContextManager AbstractAsyncContextManager ContextDecorator AsyncContextDecorator "
    "_GeneratorContextManagerBase _GeneratorContextManager _AsyncGeneratorContextManager contextmanager "
    "asynccontextmanager closing aclosing _RedirectStream redirect_stdout redirect_stderr suppress _BaseExitStack "
    "ExitStack AsyncExitStack nullcontext",
    prelude={
        "abc": "abc",
        "sys": "sys",
        "_collections_abc": "_neural_sys",
        "deque": "collections:deque",
        "wraps": "functools:wraps",
        "MethodType": "types:MethodType",
        "GenericAlias": "types:GenericAlias",
    },
)
module("_neural_weakref", {})
source("_neural_weakref", "weakref.py", ours=True)
source("abc", "abc.py", ours=True)
source("_thread", "_thread.py", ours=True)
source(
    "reprlib",
    "reprlib.py",
    "recursive_repr",
    prelude={"get_ident": "_thread:get_ident", "id": "_neural_sys:id", "GenericAlias": "types:GenericAlias"},
)
module(
    "types",
    {
        name: getattr(types, name)
        for name in (
            "FunctionType LambdaType GeneratorType CoroutineType AsyncGeneratorType MethodType BuiltinFunctionType "
            "BuiltinMethodType ModuleType NoneType EllipsisType NotImplementedType UnionType CellType "
            "MemberDescriptorType TracebackType CodeType FrameType GetSetDescriptorType "
            "WrapperDescriptorType MethodDescriptorType"
        ).split()
    },
)
module("types", {"MappingProxyType": types.MappingProxyType, "GenericAlias": types.GenericAlias})
source("types", "types.py", "DynamicClassAttribute", prelude={"SimpleNamespace": "_neural_namespace:SimpleNamespace"})
source("_neural_namespace", "namespace.py", ours=True)


@own(types.MethodType)
def _method_type(m: Machine, args: Args, kwargs: Kwargs) -> Method:
    return Method(m, args[0], args[1])


@own(types.GenericAlias)
def _generic_alias(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    return m.unknown("a generic alias", types.GenericAlias)


@own(types.CellType)
def _cell(m: Machine, args: Args, kwargs: Kwargs) -> Cell:
    return Cell(*args)


def _coroutine(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `types.coroutine` does for a generator function."""
    function = args[0]
    if type(function) is not Function or not function.code.is_generator:
        raise Undetermined("types.coroutine of something that is no generator function")
    function.code.is_awaitable = True
    return function


module("types", {"coroutine": Own("coroutine", _coroutine)})


def _real_id(m: Machine, args: Args, kwargs: Kwargs) -> int:
    return id(args[0])


class TupleGetter:
    """The descriptor of a field of a named tuple."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    refusal = "can't set attribute"

    def bind_to(self, machine: Machine, owner: Any, cls: Any) -> Any:
        """Return the field of an instance."""
        return self if owner is None else machine.native(tuple.__getitem__, owner, self.index)

    def put_attribute(self, name: str, value: Any) -> None:
        """Set its docstring, which is not told to anyone."""
        if name != "__doc__":
            raise Stop(f"{name} of a field of a named tuple is set")

    def __repr__(self) -> str:
        raise Undetermined("text of a field's descriptor")


def _no_frames(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    f = m.current
    while f is not None and not f.code.own:
        f = f.back
    raise Raised(AttributeError("no frames"))


def _module_name(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    return "__main__"


def _rename(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Give a class the name that native code calls its type in messages."""
    type.__setattr__(args[0].shell, "__name__", args[1])


module(
    "_neural_sys",
    {
        "rename": Own("rename", _rename),
        "id": Own("id", _real_id),
        "tuplegetter": Own("_tuplegetter", lambda m, args, kwargs: TupleGetter(args[0])),
        "intern": Own("intern", lambda m, args, kwargs: args[0]),
        "_getframemodulename": Own("_getframemodulename", _module_name),
        "_getframe": Own("_getframe", _no_frames),
        "_check_methods": Own("_check_methods", lambda m, args, kwargs: NotImplemented),
        "maxsize": __import__("sys").maxsize,
        "version_info": __import__("sys").version_info,
    },
)
__all__ = ["Activation", "Function"]
