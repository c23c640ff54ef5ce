"""Instructions that decide where to go on: jumps, loops, generators, awaiting."""

from __future__ import annotations

from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import VERSION
from neuralpdb.interpreter.instructions import comprehensions
from neuralpdb.interpreter.instructions.register import HANDLERS, instruction
from neuralpdb.interpreter.machine import Machine, class_name, stop_iteration
from neuralpdb.interpreter.objects import generators
from neuralpdb.interpreter.objects.classes import Class, Shell
from neuralpdb.interpreter.objects.values import EMPTY, OPAQUE, Own, Unknown
from neuralpdb.interpreter.operators import HINTS, check_iteration
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

_END_OF_LOOP = {(3, 11): 0, (3, 12): 1}.get(VERSION, 2)
"""Instructions that FOR_ITER jumps over when it ends: END_FOR, and POP_TOP from 3.13 on."""
_KEEPS_RECEIVER = VERSION >= (3, 12)
"""Whether SEND leaves the receiver for END_SEND."""


def _jumps(m: Machine, f: Activation, value: Any, when: bool, target: int) -> bool:
    """Whether a jump to `target` is made, which is when `value` is true, or when it is false."""
    if type(value) is Unknown:
        if value.type in HINTS:
            return when
        return m.decide(f, target, f"a branch on an unknown: {value.reason}")
    return (value if type(value) is bool else m.truth(value)) is when


@instruction("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
def jump(m: Machine, f: Activation, target: int) -> None:
    """Run JUMP_FORWARD, JUMP_BACKWARD and JUMP_BACKWARD_NO_INTERRUPT."""
    f.pc = target


@instruction("POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_IF_TRUE")
def pop_jump_if_true(m: Machine, f: Activation, target: int) -> None:
    """Run POP_JUMP_FORWARD_IF_TRUE, POP_JUMP_BACKWARD_IF_TRUE and POP_JUMP_IF_TRUE."""
    if _jumps(m, f, f.stack.pop(), True, target):
        f.pc = target


@instruction("POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_BACKWARD_IF_FALSE", "POP_JUMP_IF_FALSE")
def pop_jump_if_false(m: Machine, f: Activation, target: int) -> None:
    """Run POP_JUMP_FORWARD_IF_FALSE, POP_JUMP_BACKWARD_IF_FALSE and POP_JUMP_IF_FALSE."""
    if _jumps(m, f, f.stack.pop(), False, target):
        f.pc = target


def _jumps_for_none(m: Machine, f: Activation, value: Any, when: bool, target: int) -> bool:
    """Whether a jump to `target` is made, which is when `value` is None, or when it is not."""
    if type(value) is Unknown:
        if value.type is not None:
            return (value.type is type(None)) is when
        return m.decide(f, target, f"a branch on an unknown: {value.reason}")
    return (value is None) is when


@instruction("POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_IF_NONE")
def pop_jump_if_none(m: Machine, f: Activation, target: int) -> None:
    """Run POP_JUMP_FORWARD_IF_NONE, POP_JUMP_BACKWARD_IF_NONE and POP_JUMP_IF_NONE."""
    if _jumps_for_none(m, f, f.stack.pop(), True, target):
        f.pc = target


@instruction("POP_JUMP_FORWARD_IF_NOT_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE", "POP_JUMP_IF_NOT_NONE")
def pop_jump_if_not_none(m: Machine, f: Activation, target: int) -> None:
    """Run POP_JUMP_FORWARD_IF_NOT_NONE, POP_JUMP_BACKWARD_IF_NOT_NONE and POP_JUMP_IF_NOT_NONE."""
    if _jumps_for_none(m, f, f.stack.pop(), False, target):
        f.pc = target


@instruction("JUMP_IF_TRUE_OR_POP")
def jump_if_true_or_pop(m: Machine, f: Activation, target: int) -> None:
    """Run JUMP_IF_TRUE_OR_POP."""
    if _jumps(m, f, f.stack[-1], True, target):
        f.pc = target
    else:
        f.stack.pop()


@instruction("JUMP_IF_FALSE_OR_POP")
def jump_if_false_or_pop(m: Machine, f: Activation, target: int) -> None:
    """Run JUMP_IF_FALSE_OR_POP."""
    if _jumps(m, f, f.stack[-1], False, target):
        f.pc = target
    else:
        f.stack.pop()


# --- loops --------------------------------------------------------------------------------------------------------


@instruction("GET_ITER")
def get_iter(m: Machine, f: Activation, arg: Any) -> None:
    """Run GET_ITER."""
    value = f.stack[-1]
    if type(value) is generators.Iterating or (type(value) is Unknown and _is_loop(f)):
        return
    if type(value) is Unknown:
        made = comprehensions.made_by(m, f, value)
        if made is not None:
            f.stack[-2:] = [Own("a comprehension", lambda machine, args, kwargs: made), value]
            return
    check_iteration(m, value)
    if type(value) in OPAQUE:
        raise Raised(TypeError(f"'{class_name(value)}' object is not iterable"))
    f.stack[-1] = m.native(iter, value)


@instruction("GET_YIELD_FROM_ITER")
def get_yield_from_iter(m: Machine, f: Activation, arg: Any) -> None:
    """Run GET_YIELD_FROM_ITER."""
    value = f.stack[-1]
    if type(value) in (generators.Awaiting, generators.Step):
        return
    if type(value) is generators.Coroutine:
        if not f.code.is_awaitable:
            text = "cannot 'yield from' a coroutine object in a non-coroutine generator"
            raise Raised(TypeError(text))
        return
    get_iter(m, f, arg)


def _is_loop(f: Activation) -> bool:
    """Whether the iterator that is made belongs to a `for` of the program: a statement, or inlined."""
    return f.code.names[f.pc] in ("FOR_ITER", "LOAD_FAST_AND_CLEAR")


@instruction("FOR_ITER")
def for_iter(m: Machine, f: Activation, target: int) -> None:
    """Run FOR_ITER."""
    iterator = f.stack[-1]
    kind = type(iterator)
    if kind is Unknown:
        if f.prev in f.code.inside or not f.shown:
            if not (f.prev in f.code.inside and comprehensions.skip(m, f, target, iterator)):
                raise Stop(f"iteration over an unknown: {iterator.reason}")
        elif not m.decide(f, target + _END_OF_LOOP, f"iteration over an unknown: {iterator.reason}"):
            reason = f"an item of an unknown: {iterator.reason}"
            f.stack.append(m.unsure(reason, m.library.item_type(iterator.type), iterator.sources))
            return
    elif kind is generators.Iterating:
        yielded, value = generators.resume(m, iterator)
        if yielded:
            f.stack.append(value)
            return
        if value is not None:
            m.events.raised(f, stop_iteration(value))
    else:
        try:
            m.crossed = None
            f.stack.append(_next(m, iterator))
            return
        except Raised as error:
            if not isinstance(error.value, StopIteration):
                raise
            if type(kind) is Shell or error.value is m.crossed:
                m.events.raised(f, error.value)
    f.stack.pop()
    f.pc = target + _END_OF_LOOP


def _next(m: Machine, iterator: Any) -> Any:
    kind = type(iterator)
    if type(kind) is Shell:
        cls = kind.__neural_class__
        method = cls.lookup("__next__")
        if method is not EMPTY:
            return m.call(m.bind(method, iterator, cls), ())
    return m.native(next, iterator)


# --- generators ---------------------------------------------------------------------------------------------------


@instruction("RESUME")
def resume(m: Machine, f: Activation, arg: int) -> None:
    """Run RESUME."""
    if f.prev == f.code.first:
        f.line = -1  # the next instruction with a line is an event
    if f.shown:
        m.events.call(f)


@instruction("SEND")
def send(m: Machine, f: Activation, target: int) -> None:
    """Run SEND."""
    value = f.stack.pop()
    receiver = f.stack[-1]
    kind = type(receiver)
    try:
        yielded, outcome = _send(m, receiver, value)
        if not yielded and _is_end_an_event(f, kind, value, outcome):
            m.events.raised(f, stop_iteration(outcome) if outcome is not None else StopIteration())
    except Raised as error:
        if not isinstance(error.value, StopIteration):
            raise
        if type(kind) is Shell or error.value is m.crossed or kind is generators.Step:
            m.events.raised(f, error.value)
        yielded, outcome = False, error.value.value
    if yielded:
        f.stack.append(outcome)
        return
    if _KEEPS_RECEIVER:
        f.stack.append(outcome)
    else:
        f.stack[-1] = outcome
    f.pc = target


def _is_end_an_event(f: Activation, kind: type, sent: Any, outcome: Any) -> bool:
    """Whether the end of what is waited for is an exception event, by the way in which Python resumes it."""
    if outcome is not None or kind not in (generators.Iterating, generators.Awaiting):
        return True
    return sent is not None if not _KEEPS_RECEIVER else not f.code.is_generator


def _send(m: Machine, receiver: Any, value: Any) -> tuple[bool, Any]:
    """Send `value` into what is waited for: (True, what it yields) or (False, its result)."""
    if isinstance(receiver, generators.Awaiting):
        receiver = receiver.coroutine
    kind = type(receiver)
    if kind is Unknown:
        raise Stop(f"an unknown is waited for: {receiver.reason}")
    if kind is generators.Iterating or kind is generators.Coroutine:
        return generators.resume(m, receiver, value)
    if kind is generators.Step:
        yielded, outcome = generators.step_send(m, receiver, value)
        return yielded, outcome
    m.crossed = None
    if value is None:
        return True, _next(m, receiver)
    method = m.special(receiver, "send")
    if method is EMPTY:
        raise Raised(AttributeError(f"'{class_name(receiver)}' object has no attribute 'send'"))
    return True, m.call(method, (value,))


@instruction("END_SEND")
def end_send(m: Machine, f: Activation, arg: Any) -> None:
    """Run END_SEND."""
    value = f.stack.pop()
    f.stack[-1] = value


@instruction("YIELD_VALUE")
def yield_value(m: Machine, f: Activation, arg: Any) -> Any:
    """Run YIELD_VALUE."""
    return m.finish(f, f.stack.pop())


@instruction("ASYNC_GEN_WRAP")
def async_gen_wrap(m: Machine, f: Activation, arg: Any) -> None:
    """Run ASYNC_GEN_WRAP."""
    f.stack[-1] = generators.Yielded(f.stack[-1])


@instruction("RETURN_VALUE")
def return_value(m: Machine, f: Activation, arg: Any) -> Any:
    """Run RETURN_VALUE."""
    if f.generator is not None:
        f.generator.finished = True
    return m.finish(f, f.stack.pop())


@instruction("RETURN_CONST")
def return_const(m: Machine, f: Activation, value: Any) -> Any:
    """Run RETURN_CONST."""
    f.stack.append(value)
    return return_value(m, f, None)


@instruction("CLEANUP_THROW")
def cleanup_throw(m: Machine, f: Activation, arg: Any) -> None:
    """Run CLEANUP_THROW."""
    error = f.stack.pop()
    if not isinstance(error, StopIteration):
        raise Raised(error, silent=True)
    f.stack[-2:] = [None, error.value]


# --- awaiting -----------------------------------------------------------------------------------------------------


@instruction("GET_AWAITABLE")
def get_awaitable(m: Machine, f: Activation, arg: int) -> None:
    """Run GET_AWAITABLE."""
    f.stack[-1] = _awaitable(m, f.stack[-1], arg)


def _awaitable(m: Machine, value: Any, where: int) -> Any:
    kind = type(value)
    if kind is generators.Coroutine:
        if value.inner is not EMPTY:
            raise Raised(RuntimeError("coroutine is being awaited already"))
        return value
    if kind is generators.Step or kind is generators.Awaiting:
        return value
    if kind is generators.Iterating and value.activation.code.is_awaitable:
        return value
    if kind is Unknown:
        raise Stop(f"an unknown is awaited: {value.reason}")
    method = m.special(value, "__await__") if type(kind) is Shell and not isinstance(value, Class) else EMPTY
    if method is EMPTY:
        if where:
            name = "__aenter__" if where == 1 else "__aexit__"
            text = f"'async with' received an object from {name} that does not implement __await__: {class_name(value)}"
            raise Raised(TypeError(text))
        quote = "'" if VERSION >= (3, 14) else ""
        raise Raised(TypeError(f"object {quote}{class_name(value)}{quote} can't be used in 'await' expression"))
    iterator = m.call(method, ())
    if type(iterator) is generators.Coroutine:
        raise Raised(TypeError("__await__() returned a coroutine"))
    return iterator


@instruction("GET_AITER")
def get_aiter(m: Machine, f: Activation, arg: Any) -> None:
    """Run GET_AITER."""
    value = f.stack[-1]
    if type(value) is generators.AsyncGenerator:
        return
    if type(value) is Unknown:
        raise Stop(f"iteration over an unknown: {value.reason}")
    method = m.special(value, "__aiter__")
    if method is EMPTY:
        text = f"'async for' requires an object with __aiter__ method, got {class_name(value)}"
        raise Raised(TypeError(text))
    f.stack[-1] = m.call(method, ())


@instruction("GET_ANEXT")
def get_anext(m: Machine, f: Activation, arg: Any) -> None:
    """Run GET_ANEXT."""
    iterator = f.stack[-1]
    if type(iterator) is generators.AsyncGenerator:
        f.stack.append(generators.Step(iterator, "send", None))
        return
    if type(iterator) is Unknown:
        raise Stop(f"iteration over an unknown: {iterator.reason}")
    method = m.special(iterator, "__anext__")
    if method is EMPTY:
        text = f"'async for' requires an iterator with __anext__ method, got {class_name(iterator)}"
        raise Raised(TypeError(text))
    f.stack.append(_awaitable(m, m.call(method, ()), 0))


@instruction("END_ASYNC_FOR")
def end_async_for(m: Machine, f: Activation, arg: Any) -> None:
    """Run END_ASYNC_FOR."""
    error = f.stack.pop()
    if not isinstance(error, StopAsyncIteration):
        raise Raised(error, silent=True)
    f.stack.pop()


@instruction("CALL_INTRINSIC_1")
def call_intrinsic_1(m: Machine, f: Activation, number: int) -> None:
    """Run CALL_INTRINSIC_1."""
    stack = f.stack
    if number == 2:  # import *
        HANDLERS["IMPORT_STAR"](m, f, None)
        stack.append(None)
    elif number == 3:  # a StopIteration leaves a generator
        code = f.code
        kind = "async_generator" if code.is_async_generator else "coroutine" if code.is_coroutine else "generator"
        kinds = (StopIteration, StopAsyncIteration) if code.is_async_generator else (StopIteration,)
        if isinstance(stack[-1], kinds):
            stack[-1] = generators.stopped(kind, stack[-1])
    elif number == 4:
        async_gen_wrap(m, f, None)
    elif number == 5:
        HANDLERS["UNARY_POSITIVE"](m, f, None)
    elif number == 6:
        HANDLERS["LIST_TO_TUPLE"](m, f, None)
    elif number in (7, 8, 9, 10, 11):
        raise Undetermined("type parameters")
    else:
        raise Stop(f"the intrinsic function {number} is not supported")


@instruction("CALL_INTRINSIC_2")
def call_intrinsic_2(m: Machine, f: Activation, number: int) -> None:
    """Run CALL_INTRINSIC_2."""
    if number == 1:
        HANDLERS["PREP_RERAISE_STAR"](m, f, None)
    else:
        raise Undetermined("type parameters")
