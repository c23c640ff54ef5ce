"""The machine: runs activations over values, instruction by instruction, and calls whatever can be called."""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.decoded import VERSION, Code
from neuralpdb.interpreter.events import PASSED
from neuralpdb.interpreter.objects import arguments, attributes, generators
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of, mro_of
from neuralpdb.interpreter.objects.forgetting import forget, is_decorated
from neuralpdb.interpreter.objects.values import (
    EMPTY,
    ClassMethod,
    Function,
    Method,
    Own,
    StaticMethod,
    Unknown,
    holds_unknown,
)
from neuralpdb.interpreter.order import collides
from neuralpdb.interpreter.signals import Moved, Raised, Stop, Undetermined
from neuralpdb.interpreter.texts import Texts

if TYPE_CHECKING:
    from types import CodeType

    from neuralpdb.interpreter.contract import LibraryLike
    from neuralpdb.interpreter.events import Events

DONE: Any = object()
"""An instruction's answer when the first activation of a `run` is left; its value is in `Machine.result`."""

_SHOWS_CLEANUP = VERSION >= (3, 13)
"""Whether an exception that is thrown through `yield from` or `await` makes a line event there."""
_MOST_NESTED = 400
"""Runs inside native code inside runs: each takes some 2 kB of the host's C stack and ten of its Python levels."""
_LEVELS_A_RUN = 20
"""Levels of the host that a run inside native code takes at most (14 were counted)."""
_NATIVE_LEVELS = 450
"""Levels for texts, comparisons and hashes of nested values: a real run has 1000 for these and for its own calls."""
_LEAST_NATIVE = 60
_MOST_LEVELS = 900
"""Python refuses the 1000th level, counted in a way that differs between versions; nothing is told near it."""


_LASTING = re.compile(r"<([\w.<>]+ )?object>|<(built-in )?function [\w.<>]+>|<class '[\w.<>]+'>|<module '[\w.]+'.*>")
"""Texts that say nothing of what is in an object: they stay as they are, whatever becomes of it."""


class _Identities(list[Any]):
    """Unknowns, which cannot be compared."""

    def remove(self, value: Any) -> None:
        """Remove the very object."""
        del self[next(i for i, each in enumerate(self) if each is value)]


class Machine:
    """The state of one run.

    events:     makes frames.
    library:    what the program finds outside itself.
    operations: instructions that were run; `budget`: after how many to stop.
    handled:    the exception that is being handled; `outer`: those of the generators' callers.
    assumed:    the first operation that may have raised an exception; empty when there is none.
    tainted:    whether an Unknown was ever made.
    base_level: levels of the host below the first run.
    open_generators: asynchronous generators that were made and are alive.
    over:       whether the run has ended.
    fragile:    whether there are constant sets whose order depends on what else was compiled.
    argv:       what the program has as `sys.argv`.
    stated:     statements of the user at the frame that the run began with, which its texts show already.
    opaque:     unknowns of which the text is known until something unknown may have changed them.
    doubt:      is told of an operation that may raise, and raises what it is known to have raised.
    decide:     whether to jump to an instruction where an unknown decides; given the reason, raises Stop.
    """

    events: Events
    library: LibraryLike
    texts: Texts

    def __init__(self, text: str, *, budget: int, value_chars: int) -> None:
        self.text = text
        self.operations = 0
        self.budget = budget
        self.result: Any = None
        self.handled: BaseException | None = None
        self.outer: list[BaseException | None] = []
        self.assumed = ""
        self.tainted = False
        self.fragile = False
        self.current: Activation | None = None
        self.levels = 0
        self.nested = 0
        self.entries = 0
        self.crossed: BaseException | None = None
        self.texts = Texts(self, value_chars)
        self.over = False
        self.argv: list[str] = []
        self.stated = ""
        self.opaque: list[Unknown] = _Identities()
        self.doubt: Callable[[], None] = trusting
        self.decide: Callable[[Activation, int, str], bool] = undecided
        self.open_generators: weakref.WeakSet[generators.AsyncGenerator] = weakref.WeakSet()
        self.base_level = 100
        self._poisoned = ""
        self._codes: dict[int, tuple[Code, CodeType]] = {}

    # --- what is not known ----------------------------------------------------------------------------------------

    def unknown(self, reason: str, type: Any = None, sources: Sequence[Any] = ()) -> Unknown:
        """Return a value that is not known; sources: objects of the program that it may be, or be a part of."""
        self.tainted = True
        for value in self.opaque:
            if _LASTING.fullmatch(value.text or "") is None:
                value.text = None
        self.opaque.clear()
        return Unknown(reason, type, sources=sources)

    def unsure(self, reason: str, type: Any = None, sources: Sequence[Any] = ()) -> Unknown:
        """Return the result of an operation that is not known, and that may have raised an exception instead."""
        self.doubt()
        if not self.assumed:
            self.assumed = reason
        return self.unknown(reason, type, sources)

    def hand_over(self, reason: str, *groups: Sequence[Any] | Mapping[str, Any], callee: Any = None) -> None:
        """Account for something unknown that gets values: what it may change is not known from now on.

        callee: a native method that is called, which may be the only one of its kind that holds its owner.

        Raises Stop where that cannot be told: functions of the program, or a value that native code holds.
        """
        forget(self, reason, groups, callee)

    def poison(self, reason: str) -> None:
        """Stop before the next instruction."""
        self._poisoned = self._poisoned or reason
        self.budget = -1

    def exhausted(self) -> Stop:
        """Return why no further instruction is run."""
        return Stop(self._poisoned or "the limit of instructions is reached")

    # --- running --------------------------------------------------------------------------------------------------

    def run(self, base: Activation) -> Any:
        """Run an activation until it returns (or yields) and return its value."""
        base.base = True
        base.back = None
        self.nested += 1
        if self.nested > _MOST_NESTED:
            raise Stop("calls through native code are nested too deep")
        self.limit_recursion()
        before = base.caller = self.current
        events = self.events
        f = base
        i = base.pc
        try:
            while True:
                self.current = f
                ops = f.ops
                try:
                    while True:
                        i = f.pc
                        handler, argument, line = ops[i]
                        if f.shown and (line != f.line or i <= f.prev):
                            events.at(f, i, line)
                        f.prev = i
                        f.pc = i + 1
                        f.line = line
                        self.operations += 1
                        if self.operations > self.budget:
                            raise self.exhausted()
                        entered = handler(self, f, argument)
                        if entered is not None:
                            if entered is DONE:
                                return self.result
                            f = entered
                            self.current = f
                            ops = f.ops
                except Raised as error:
                    f = self.unwind(f, error, i)
                except Moved as moved:
                    f = moved.activation
                except Undetermined as error:
                    where = "" if f.code.own else f" ({f.code.raw.co_filename.strip('<>')}, line {f.here})"
                    raise Stop(f"{f.code.names[i]}: {error.reason}{where}") from None
        finally:
            self.nested -= 1
            self.current = before
            base.caller = None
            self.limit_recursion()

    def limit_recursion(self) -> None:
        """Let native code nest as deep as it can in any real run, and not much deeper: see `_NATIVE_LEVELS`."""
        own = self.base_level + _LEVELS_A_RUN * self.nested
        sys.setrecursionlimit(own + min(_NATIVE_LEVELS, _MOST_LEVELS + _LEAST_NATIVE - self.levels))

    def run_from_throw(self, f: Activation, error: BaseException) -> Any:
        """Run an activation on from where it is suspended, with an exception raised there."""
        f.base = True
        f.back = None
        f.stack.append(None)
        self.events.call(f, thrown=True)
        try:
            handler = self.unwind(f, Raised(error), f.prev)
            if _SHOWS_CLEANUP and f.shown and f.code.names[f.pc] == "CLEANUP_THROW":
                self.events.line(f, f.ops[f.pc][2] or 0)
            return self.run(handler)
        except Raised:
            self.events.forget_closing()
            raise

    def unwind(self, f: Activation, error: Raised, at: int) -> Activation:
        """Return the activation that handles an exception, ready to go on.

        at: the instruction that raised it, which an exception that is raised again does not show.
        """
        value = error.value
        if not error.chained:
            self.chain(value)
        silent = error.silent
        passed = value.__dict__.setdefault(PASSED, [])
        while True:
            passed.append(f)  # an exception keeps what it has passed alive, as a traceback does
            if not silent:
                self.events.raised(f, value)
            handler = f.code.handlers.get(at)
            if handler is not None:
                target, depth, lasti = handler
                del f.stack[depth:]
                if lasti:
                    f.stack.append(f.prev)
                f.stack.append(value)
                f.pc = target
                f.kwnames = ()
                f.line = f.code.lines[f.prev]
                return f
            self.leave(f)
            f.stack.clear()
            if f.base or f.back is None:
                raise Raised(value, chained=True)
            f, silent = f.back, False
            at = f.prev

    def chain(self, value: BaseException) -> None:
        """Set the context of an exception that is raised, as Python does."""
        context = self.handled
        if context is None:
            context = next((error for error in reversed(self.outer) if error is not None), None)
        if context is None or context is value:
            return
        link: BaseException | None = context
        for _ in range(100):
            if link is None:
                break
            if link.__context__ is value:
                link.__context__ = None
                break
            link = link.__context__
        value.__context__ = context

    def enter(self, f: Activation) -> None:
        """Account for an activation that begins or is resumed."""
        self.levels += 1
        if self.levels > _MOST_LEVELS:
            raise Stop("the recursion limit is near")
        events = self.events
        code = f.code
        if code.is_body and code.own:
            events.muted += 1
            f.muted = True
        f.shown = events.started and not events.muted and not code.hidden and not code.is_module
        if f.shown:
            events.depth += 1
            f.depth = events.depth

    def leave(self, f: Activation) -> None:
        """Account for an activation that is left."""
        self.levels -= 1
        if f.shown:
            self.events.depth -= 1
        if f.muted:
            self.events.muted -= 1
            f.muted = False

    def finish(self, f: Activation, value: Any) -> Any:
        """Leave an activation that returns or yields `value`; return where to go on."""
        if f.shown:
            value = self.events.left(f, value)
        self.leave(f)
        if f.then is not None:
            value = f.then(value)
        if f.base or f.back is None:
            self.result = value
            return DONE
        f.back.stack.append(value)
        return f.back

    def is_own(self) -> bool:
        """Whether the innermost activation is one of the program or the user's project, not of a library."""
        return self.current is None or self.current.code.own or self.current.code.raw.co_filename[:1] != "<"

    def current_globals(self) -> dict[str, Any]:
        """Return the globals of the innermost activation."""
        return self.current.globals if self.current is not None else {}

    # --- native code and back -------------------------------------------------------------------------------------

    def native(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Call native code; what it raises is an exception of the program."""
        entries = self.entries
        try:
            return function(*args, **kwargs)
        except Undetermined as error:
            if self.entries != entries:
                raise Stop(f"native code: {error.reason}") from None
            raise
        except (Stop, KeyboardInterrupt):
            raise
        except Raised:
            raise Stop("internal error: an exception was lost in native code") from None
        except RecursionError as error:
            if error is not self.crossed:
                raise Stop("native code is nested too deep") from None
            value: BaseException = error
        except MemoryError:
            raise Stop("native code has no memory left") from None
        except BaseException as error:
            value = error
        value.__traceback__ = None
        if value is self.crossed:
            raise Raised(value, chained=True)
        if type(type(value)) is not Shell:
            value.__context__ = None
        if self.tainted and (holds_unknown(args) or holds_unknown(kwargs) or holds_unknown(_owner(function))):
            raise Undetermined("native code looked at an unknown")
        if any(type(text) is str and "Unknown" in text and self.tainted for text in value.args):
            raise Undetermined("native code looked at an unknown")
        if any(type(text) is str and _names_ours(text, (*args, _owner(function))) for text in value.args):
            raise Undetermined("a message that names a type of ours")
        raise Raised(value)

    def into_native(self, function: Any, *args: Any) -> Any:
        """Run the machine for native code: an exception of the program becomes one that native code passes on."""
        self.entries += 1
        try:
            return function(*args)
        except Raised as error:
            value = error.value
        except RecursionError:
            raise Stop("native code is nested too deep") from None
        except Exception as error:  # ours: native code must not hand it on as the program's
            raise Stop(f"internal error: {fault(error)}") from None
        self.crossed = value
        context = value.__context__
        try:
            raise value
        finally:
            value.__context__ = context

    def call_from_native(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call `function` for native code."""
        return self.into_native(self.call, function, args, kwargs)

    def special_from_native(self, owner: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a special method for native code."""
        cls = class_of(owner)
        method = cls.lookup(name)
        return self.into_native(lambda: self.call(self.bind(method, owner, cls), args, kwargs))

    def next_from_native(self, generator: generators.Generator) -> Any:
        """Resume a generator for native code."""

        def step() -> Any:
            yielded, value = generators.resume(self, generator)
            if yielded:
                return value
            if value is None:
                return EMPTY
            raise Raised(stop_iteration(value))

        value = self.into_native(step)
        if value is EMPTY:
            raise StopIteration  # a plain end is no exception of the program: it is no event
        return value

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, function: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        """Call anything and wait for its value."""
        outcome = self.invoke(None, function, list(args), dict(kwargs) if kwargs else {})
        if type(outcome) is Activation:
            return self.run(outcome)
        return outcome

    def invoke(self, f: Activation | None, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Begin a call: return the activation to go on in, or else the value."""
        while type(function) is Method:
            args.insert(0, function.owner)
            function = function.function
        kind = type(function)
        if kind is Function:
            return self.begin(f, function, args, kwargs)
        if kind is Own:
            return function.apply(self, args, kwargs)
        if isinstance(function, Class):
            return self._call_class(f, function, args, kwargs)
        if type(kind) is Shell:
            cls = class_of(function)
            method = cls.lookup("__call__")
            if method is not EMPTY:
                return self.invoke(f, self.bind(method, function, cls), args, kwargs)
        if kind is Unknown:
            return self._call_unknown(function, args, kwargs)
        if kind is StaticMethod:
            return self.invoke(f, function.function, args, kwargs)
        return self.library.call(self, function, args, kwargs)

    def _call_unknown(self, function: Unknown, args: list[Any], kwargs: dict[str, Any]) -> Unknown:
        if function.sources:
            self.hand_over(function.reason, function.sources)
        if len(args) == 1 and not kwargs and is_decorated(args):
            return self.unsure(function.reason)
        self.hand_over(function.reason, args, kwargs)
        return self.unsure(function.reason)

    def _call_class(self, f: Activation | None, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if cls.meta is not type:
            method = cls.meta.lookup("__call__")
            if type(method) is not Own:
                return self.invoke(f, self.bind(method, cls, cls.meta), args, kwargs)
        return self.instantiate(f, cls, args, kwargs)

    def instantiate(self, f: Activation | None, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Begin to make an instance, as `type.__call__` does."""
        new = cls.lookup("__new__")
        init = cls.lookup("__init__")
        if type(new) is Own:
            made = new.apply(self, [cls, *args], kwargs)
        else:
            made = self.call(new.function if type(new) is StaticMethod else new, [cls, *args], kwargs)
        if type(made) is Unknown:
            raise Stop(f"an instance is not known: {made.reason}")
        kind = class_of(made)
        if not any(base is cls for base in mro_of(kind)):
            return made
        if kind is not cls:
            init = kind.lookup("__init__")
        if type(init) is not Function:
            if self.call(self.bind(init, made, cls), args, kwargs) is not None:
                raise Stop("__init__ returned a value")
            return made
        entered = self.begin(f, init, [made, *args], kwargs)
        if type(entered) is not Activation:
            raise Stop("__init__ is a generator")

        def then(value: Any) -> Any:
            if value is not None:
                raise Raised(TypeError(f"__init__() should return None, not '{class_name(value)}'"))
            return made

        entered.then = then
        return entered

    def begin(self, f: Activation | None, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Begin a call of a function of the program; a generator is made instead where it is one."""
        code = function.code
        new = Activation(code, function, function.globals)
        arguments.bind(function, new.fast, args, kwargs)
        if function.closure:
            new.fast[code.free :] = function.closure
        if code.suspends:
            self._prologue(new)
            if code.is_coroutine:
                return generators.Coroutine(self, new)
            if code.is_async_generator:
                made = generators.AsyncGenerator(self, new)
                self.open_generators.add(made)
                return made
            return generators.Iterating(self, new)
        new.back = f
        self.enter(new)
        return new

    def _prologue(self, f: Activation) -> None:
        """Run a generator up to its first RESUME, which waits for the first `next`."""
        for n, (handler, argument, _) in enumerate(f.ops[: f.code.first]):
            if f.code.names[n] == "MAKE_CELL":
                handler(self, f, argument)
        f.pc = f.code.first

    # --- objects --------------------------------------------------------------------------------------------------

    def host_member(self, host: type, name: str) -> Any:
        """Return what a host type has under `name`, itself and not its bases; EMPTY when there is nothing."""
        return self.library.member(host, name)

    def bind(self, value: Any, owner: Any, cls: Any) -> Any:
        """Return what an attribute of a class becomes at an instance; owner None: at the class itself."""
        return attributes.bind(self, value, owner, cls)

    def super_lookup(self, start: Class, cls: Class, name: str) -> Any:
        """Return what a class has under `name` behind `start` in its linearisation."""
        return attributes.super_lookup(self, start, cls, name)

    def attribute(self, owner: Any, name: str) -> Any:
        """Return an attribute."""
        return attributes.get(self, owner, name)

    def special(self, owner: Any, name: str) -> Any:
        """Return a special method of an instance, bound; EMPTY when its class has none."""
        cls = class_of(owner)
        method = cls.lookup(name) if isinstance(cls, Class) else EMPTY
        if method is EMPTY:
            return EMPTY
        return self.bind(method, owner, cls)

    def truth(self, value: Any) -> bool:
        """Whether `value` is true. Raises Undetermined for an unknown."""
        if type(value) is bool:
            return value
        return bool(self.native(bool, value))

    def code(self, raw: CodeType, own: bool) -> Code:
        """Return a code object decoded; `own`: it belongs to the program."""
        known = self._codes.get(id(raw))
        if known is None:
            code = Code(raw, self.library.instructions, self.text if own else None)
            known = self._codes[id(raw)] = code, raw
            if own and any(type(value) is frozenset and collides(value) for value in raw.co_consts):
                self.fragile = True
        return known[0]


def undecided(f: Activation, target: int, reason: str) -> bool:
    """Stop where an unknown decides whether to jump."""
    raise Stop(reason)


def trusting() -> None:
    """Go on as if nothing was raised."""


def class_name(value: Any) -> str:
    """Return the name of the type of `value` as messages have it."""
    cls = class_of(value)
    return str(cls.name) if isinstance(cls, Class) else cls.__name__


def fault(error: BaseException) -> str:
    """Say where in the interpreter an error of its own is, in one line."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" in {at.tb_frame.f_code.co_name}, line {at.tb_lineno}" if at is not None else ""
    return f"{type(error).__name__}: {error}{where}"


def function_text(function: Any) -> str:
    """Return what messages call a function. Raises Undetermined."""
    while type(function) is Method:
        function = function.function
    if type(function) is Function and type(function.module) is str and type(function.qualname) is str:
        return f"{function.module}.{function.qualname}()"
    raise Undetermined("what Python calls a function in a message")


def stop_iteration(value: Any) -> StopIteration:
    """Return a StopIteration with a result, which may be a tuple or an exception itself."""
    error = StopIteration()
    error.value = value
    error.args = (value,)
    return error


def _names_ours(text: str, values: Sequence[Any]) -> bool:
    """Whether a message has the name of a class that stands in for one of Python's, as a value of it was given."""
    kinds = {type(value) for value in values}
    ours = {kind.__name__ for kind in kinds if kind.__module__.startswith("neuralpdb.") and type(kind) is not Shell}
    return "'Own'" in text or any(f"'{name}'" in text for name in ours)


def _owner(function: Any) -> Any:
    """Return the object that a bound native method belongs to."""
    owner = getattr(function, "__self__", None)
    return owner if isinstance(owner, list | tuple | dict | set) else None


__all__ = ["DONE", "ClassMethod", "Machine", "class_name", "stop_iteration"]
