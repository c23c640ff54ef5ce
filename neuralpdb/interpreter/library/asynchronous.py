"""asyncio: a loop of our own, with the parts of the standard library's own source that stand on a loop."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import module, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.generators import Coroutine
from neuralpdb.interpreter.objects.values import Function, Method, Own

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _is_coroutine(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    return type(args[0]) is Coroutine


def _is_coroutine_function(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    function = args[0]
    while type(function) is Method:
        function = function.function
    return type(function) is Function and function.code.is_coroutine


def _has_open_generators(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    return any(generator.begun and not generator.finished for generator in m.open_generators)


_IS = {
    "iscoroutine": Own("iscoroutine", _is_coroutine),
    "iscoroutinefunction": Own("iscoroutinefunction", _is_coroutine_function),
    "isawaitable": Own(
        "isawaitable", lambda m, args, kwargs: type(args[0]) is Coroutine or hasattr(type(args[0]), "__await__")
    ),
}
module("asyncio.coroutines", _IS | {"_is_coroutine": object()})
module("inspect", {name: _IS[name] for name in ("iscoroutine", "iscoroutinefunction", "isawaitable")})
_EVENTS = {
    "events": "asyncio._neural_loop",
    "futures": "asyncio._neural_loop",
    "exceptions": "asyncio.exceptions",
    "mixins": "asyncio.mixins",
    "locks": "asyncio.locks",
    "coroutines": "asyncio.coroutines",
    "tasks": "asyncio.tasks",
    "timeouts": "asyncio.timeouts",
}


_CLOCK = "__neural_unknown__('a moment of the clock', float)"


def _prelude(modules: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {name: _EVENTS.get(name, name) for name in modules.split()} | dict(more or {})


_LOOP = {
    "iscoroutine": "asyncio.coroutines:iscoroutine",
    "CancelledError": "asyncio.exceptions:CancelledError",
    "InvalidStateError": "asyncio.exceptions:InvalidStateError",
}
module("concurrent", {})
module("concurrent.futures", {name: name for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED")})
source("asyncio", "asyncio.py", ours=True)
module(
    "asyncio._neural_loop",
    {
        "_uncancel_forgets": sys.version_info >= (3, 13),
        "_has_open_generators": Own("_has_open_generators", _has_open_generators),
    },
)
source("asyncio._neural_loop", "asyncio_loop.py", ours=True, prelude=_LOOP)
source("asyncio.exceptions", "asyncio/exceptions.py", "*")
source("asyncio.mixins", "asyncio/mixins.py", "*", prelude=_prelude("events", {"threading": "_thread"}))
source(
    "asyncio.locks",
    "asyncio/locks.py",
    "__all__ _ContextManagerMixin Lock Event Condition Semaphore BoundedSemaphore",
    prelude=_prelude("exceptions mixins collections", {"id": "_neural_sys:id"}),
)
source(
    "asyncio.queues",
    "asyncio/queues.py",
    "*",
    prelude=_prelude("locks mixins collections heapq", {"GenericAlias": "types:GenericAlias", "id": "_neural_sys:id"}),
)
source(
    "asyncio.tasks",
    "asyncio/tasks.py",
    "FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED wait _wait wait_for _release_waiter _cancel_and_wait as_completed "
    "_AsCompletedIterator sleep _set_task_name __sleep0 ensure_future _ensure_future _wrap_awaitable _GatheringFuture "
    "gather shield",
    prelude=_prelude(
        "exceptions futures events coroutines timeouts functools itertools types math",
        {
            "_is_coroutine": "asyncio.coroutines:_is_coroutine",
            "_concurrent_futures": "concurrent.futures",
            "concurrent": "concurrent",
            "current_task": "asyncio._neural_loop:current_task",
            "inspect": "inspect",
            "create_task": "asyncio._neural_loop:create_task",
            "GenericAlias": "types:GenericAlias",
            "Task": "asyncio._neural_loop:Task",
        },
    ),
)
source("asyncio.taskgroups", "asyncio/taskgroups.py", "__all__ TaskGroup", prelude=_prelude("events exceptions tasks"))
source(
    "asyncio.timeouts",
    "asyncio/timeouts.py",
    "_State Timeout timeout timeout_at",
    prelude=_prelude(
        "events exceptions tasks enum",
        {
            "final": "typing:final",
            "Optional": "typing:Optional",
            "Type": "typing:Type",
            "TracebackType": "types:TracebackType",
        },
    ),
    patches={"loop.time()": "loop._time()", "loop.call_at(": "loop._call_at(", "round(self._when, 3)": _CLOCK},
)
