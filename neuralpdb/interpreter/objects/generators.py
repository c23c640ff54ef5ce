"""Generators, coroutines and asynchronous generators of the program: how they are resumed, thrown into and closed."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.objects.classes import Shell
from neuralpdb.interpreter.objects.values import EMPTY, OPAQUE, REAL_TYPES, Unknown
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

if TYPE_CHECKING:
    from neuralpdb.interpreter.activation import Activation
    from neuralpdb.interpreter.contract import MachineLike


class Generator:
    """A generator, and what coroutines and asynchronous generators share with it.

    handled: the exception that is being handled in it.
    """

    kind = "generator"
    __slots__ = ("__weakref__", "activation", "finished", "handled", "machine", "name", "qualname", "running")

    def __init__(self, machine: MachineLike, activation: Activation) -> None:
        self.machine = machine
        self.activation = activation
        self.running = False
        self.finished = False
        self.handled: BaseException | None = None
        self.name: Any = activation.function.name
        self.qualname: Any = activation.function.qualname

    @property
    def begun(self) -> bool:
        """Whether it has run at all."""
        return self.activation.prev >= 0

    @property
    def inner(self) -> Any:
        """What it waits for by `yield from` or `await`; EMPTY when it is not suspended there."""
        activation = self.activation
        if self.finished or self.running or not self.begun:
            return EMPTY
        handler = activation.code.names[activation.pc]
        if handler == "RESUME" and activation.ops[activation.pc][1] & 3 >= 2:
            return activation.stack[-1]
        return EMPTY

    def __del__(self) -> None:
        machine = self.machine
        if self.finished or self.running or machine.over or not self.begun:
            return
        if not self.activation.code.guards(self.activation.prev) and self.inner is EMPTY:
            return
        if self.kind != "generator":
            machine.poison(f"a {self.kind} is dropped before its end")
            return
        try:
            with machine.events.silence:
                close(machine, self)
        except Raised:
            pass  # Python ignores exceptions here, too
        except (Stop, Undetermined) as error:
            machine.poison(error.reason)

    def __repr__(self) -> str:
        return f"<{self.kind} object {self.qualname} at 0x1>"


class Iterating(Generator):
    """A generator that native code can iterate over."""

    __slots__ = ()

    def __iter__(self) -> Iterating:
        return self

    def __next__(self) -> Any:
        return self.machine.next_from_native(self)


class Coroutine(Generator):
    """What calling an `async def` function makes."""

    kind = "coroutine"
    __slots__ = ()


class AsyncGenerator(Generator):
    """What calling an `async def` function with `yield` makes."""

    kind = "async_generator"
    __slots__ = ("busy",)

    def __init__(self, machine: MachineLike, activation: Activation) -> None:
        super().__init__(machine, activation)
        self.busy = False


class Yielded:
    """A value that an asynchronous generator yields, not what it awaits."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<async_generator_wrapped_value object at 0x1>"


class Step:
    """What `__anext__`, `asend`, `athrow` and `aclose` of an asynchronous generator make: it is awaited once.

    how: `send`, `throw` or `close`.
    """

    __slots__ = ("argument", "generator", "how", "state")

    def __init__(self, generator: AsyncGenerator, how: str, argument: Any) -> None:
        self.generator = generator
        self.how = how
        self.argument = argument
        self.state = "new"

    def __repr__(self) -> str:
        return f"<async_generator_{'asend' if self.how == 'send' else 'athrow'} object at 0x1>"


class Awaiting:
    """What `__await__` of a coroutine makes."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine) -> None:
        self.coroutine = coroutine

    def __repr__(self) -> str:
        return "<coroutine_wrapper object at 0x1>"


async def _sample() -> Any:
    yield


_AGEN = _sample()
_STEP = _AGEN.__anext__()
Iterating.__name__ = "generator"
Coroutine.__name__ = "coroutine"
AsyncGenerator.__name__ = "async_generator"
REAL_TYPES |= {Iterating: type(_ for _ in ()), AsyncGenerator: type(_AGEN), Step: type(_STEP)}
_STEP.close()
REAL_TYPES[Coroutine] = types.CoroutineType
OPAQUE.update((Coroutine, AsyncGenerator, Step, Awaiting))
ENDED = "ended"
"""Marks the outcome of a generator that has returned."""


def resume(machine: MachineLike, generator: Generator, value: Any = None) -> tuple[bool, Any]:
    """Send `value` into a generator: (True, what it yields) or (False, what it returns)."""
    if generator.running:
        raise Raised(ValueError(f"{generator.kind.replace('async_', 'async ')} already executing"))
    if generator.finished:
        if generator.kind == "coroutine":
            raise Raised(RuntimeError("cannot reuse already awaited coroutine"))
        return False, None
    activation = generator.activation
    if generator.begun:
        activation.stack.append(value)
    elif value is not None:
        kind = generator.kind.replace("_", " ") if generator.kind != "coroutine" else "coroutine"
        raise Raised(TypeError(f"can't send non-None value to a just-started {kind}"))
    return _run(machine, generator, None)


def throw(
    machine: MachineLike, generator: Generator, error: BaseException, *, closing: bool = False
) -> tuple[bool, Any]:
    """Raise `error` where a generator is suspended: (True, what it yields) or (False, what it returns)."""
    if generator.running:
        raise Raised(ValueError(f"{generator.kind.replace('async_', 'async ')} already executing"))
    if generator.finished:
        if generator.kind == "coroutine":
            raise Raised(RuntimeError("cannot reuse already awaited coroutine"))
        raise Raised(error)
    if not generator.begun:
        generator.activation.prev = generator.activation.code.names.index("RETURN_GENERATOR")
        return _run(machine, generator, error)
    inner = generator.inner
    if inner is EMPTY:
        return _run(machine, generator, error)
    generator.running = True
    try:
        if isinstance(error, GeneratorExit):
            close_inner(machine, inner)
            failure: BaseException = error
        else:
            yielded, value = _throw_inner(machine, inner, error)
            if yielded:
                return True, value
            if VERSION < (3, 12):
                return _go_on(machine, generator, value)
            failure = StopIteration()
            failure.value = value
            failure.args = (value,)
    except Raised as raised:
        failure = raised.value
    finally:
        generator.running = False
    return _fail_at_inner(machine, generator, failure)


def _go_on(machine: MachineLike, generator: Generator, value: Any) -> tuple[bool, Any]:
    """Continue behind a `yield from` whose inner iterator has returned `value`."""
    generator.running = False
    activation = generator.activation
    send = _send_of(activation)
    activation.stack.append(None)
    activation.stack[-2:] = [activation.stack[-2], value] if VERSION >= (3, 12) else [value]
    activation.pc = activation.ops[send][1]
    return _run(machine, generator, None)


def _send_of(activation: Activation) -> int:
    names = activation.code.names
    return next(i for i in range(activation.pc, -1, -1) if names[i] == "SEND")


def _fail_at_inner(machine: MachineLike, generator: Generator, error: BaseException) -> tuple[bool, Any]:
    if VERSION < (3, 12):
        generator.activation.stack.pop()
    return _run(machine, generator, error)


def _throw_inner(machine: MachineLike, inner: Any, error: BaseException) -> tuple[bool, Any]:
    if isinstance(inner, Awaiting):
        inner = inner.coroutine
    if isinstance(inner, Generator) and not isinstance(inner, AsyncGenerator):
        return throw(machine, inner, error)
    if isinstance(inner, Step):
        return step_throw(machine, inner, error)
    if type(type(inner)) is Shell:
        method = type(inner).__neural_class__.lookup("throw")
        if method is not EMPTY:
            try:
                return True, machine.call(machine.bind(method, inner, type(inner).__neural_class__), (error,))
            except Raised as raised:
                if isinstance(raised.value, StopIteration):
                    return False, raised.value.value
                raise
    raise Raised(error)


def close_inner(machine: MachineLike, inner: Any) -> None:
    """Close what a generator waits for, if it can be closed."""
    if isinstance(inner, Awaiting):
        inner = inner.coroutine
    if isinstance(inner, Generator) and not isinstance(inner, AsyncGenerator):
        close(machine, inner)
    elif isinstance(inner, Step):
        inner.state = "done"
        if inner.generator.begun and not inner.generator.finished:
            yielded, _ = throw(machine, inner.generator, GeneratorExit())
            if yielded:
                raise Raised(RuntimeError("coroutine ignored GeneratorExit"))
    elif type(type(inner)) is Shell:
        method = type(inner).__neural_class__.lookup("close")
        if method is not EMPTY:
            machine.call(machine.bind(method, inner, type(inner).__neural_class__), ())


def _run(machine: MachineLike, generator: Generator, error: BaseException | None) -> tuple[bool, Any]:
    activation = generator.activation
    activation.generator = generator
    machine.enter(activation)
    generator.running = True
    machine.outer.append(machine.handled)
    machine.handled = generator.handled
    activation.then = None
    try:
        value = machine.run(activation) if error is None else machine.run_from_throw(activation, error)
    except Raised as raised:
        generator.finished = True
        if VERSION < (3, 12) or not activation.code.handlers:
            _refuse_stop(machine, generator, raised.value)
        raise
    except BaseException:
        generator.finished = True
        raise
    finally:
        generator.running = False
        activation.generator = activation.back = None  # a generator that is dropped must be noticed at once
        generator.handled = machine.handled
        machine.handled = machine.outer.pop()
    return not generator.finished, value


def _refuse_stop(machine: MachineLike, generator: Generator, error: BaseException) -> None:
    """Raise RuntimeError in place of an exception that would end an iteration silently."""
    kinds: tuple[type[BaseException], ...] = (StopIteration,)
    if generator.kind == "async_generator":
        kinds = (StopIteration, StopAsyncIteration)
    for kind in kinds:
        if isinstance(error, kind):
            raise Raised(stopped(generator.kind, error), chained=True)


def stopped(kind: str, error: BaseException) -> RuntimeError:
    """Return the error for a StopIteration that leaves a generator."""
    name = "StopAsyncIteration" if isinstance(error, StopAsyncIteration) else "StopIteration"
    fault = RuntimeError(f"{kind.replace('async_', 'async ')} raised {name}")
    fault.__cause__ = error
    fault.__context__ = error
    return fault


def close(machine: MachineLike, generator: Generator) -> Any:
    """Do what `close()` does."""
    if generator.finished or not generator.begun:
        generator.finished = True
        return None
    try:
        yielded, value = throw(machine, generator, GeneratorExit(), closing=True)
    except Raised as raised:
        if isinstance(raised.value, GeneratorExit | StopIteration):
            return None
        raise
    if yielded:
        raise Raised(RuntimeError(f"{generator.kind} ignored GeneratorExit"))
    return value if VERSION >= (3, 13) and generator.kind != "async_generator" else None


# --- asynchronous generators --------------------------------------------------------------------------------------


def step_send(machine: MachineLike, step: Step, value: Any) -> tuple[bool, Any]:
    """Resume an awaited step of an asynchronous generator: (True, what it awaits) or (False, its result)."""
    generator = step.generator
    if step.state == "done":
        raise Raised(RuntimeError("cannot reuse already awaited __anext__()/asend()"))
    if step.state == "new":
        if generator.busy:
            raise Raised(RuntimeError("anext(): asynchronous generator is already running"))
        step.state = "going"
        generator.busy = True
        if step.how != "send":
            return _begin_throw(machine, step)
        if value is None:
            value = step.argument
    return _outcome(machine, step, lambda: resume(machine, generator, value))


def step_throw(machine: MachineLike, step: Step, error: BaseException) -> tuple[bool, Any]:
    """Raise `error` where an awaited step is suspended."""
    if step.state == "new":
        step.state = "going"
    return _outcome(machine, step, lambda: throw(machine, step.generator, error))


def _begin_throw(machine: MachineLike, step: Step) -> tuple[bool, Any]:
    generator = step.generator
    if step.how == "close":
        if generator.finished or not generator.begun:
            generator.finished = True
            _finish(step)
            return False, None
        with machine.events.silence:  # recorded traces take it for a generator that is collected
            return _outcome(machine, step, lambda: throw(machine, generator, GeneratorExit()))
    return _outcome(machine, step, lambda: throw(machine, generator, step.argument))


def _finish(step: Step) -> None:
    step.state = "done"
    step.generator.busy = False


def _outcome(machine: MachineLike, step: Step, run: Any) -> tuple[bool, Any]:
    try:
        yielded, value = run()
    except Raised as raised:
        _finish(step)
        if step.how == "close" and isinstance(raised.value, StopAsyncIteration | GeneratorExit):
            return False, None
        raise
    if not yielded:
        _finish(step)
        if step.how == "close":
            return False, None
        raise Raised(StopAsyncIteration())
    if type(value) is Yielded:
        _finish(step)
        if step.how == "close":
            raise Raised(RuntimeError("async generator ignored GeneratorExit"))
        return False, value.value
    if type(value) is Unknown:
        raise Stop(f"an asynchronous generator waits for an unknown: {value.reason}")
    return True, value
