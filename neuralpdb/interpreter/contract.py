"""The contract between the parts: what values and frames may ask of a machine, and a machine of its library.

`machine.Machine` and `library.library.Library` fulfil it. The modules below them know only this, so that no module
reaches itself. Values, activations and code objects are `Any` here: their modules stand above this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class LibraryLike(Protocol):
    """What the program finds outside itself, as a machine and its values ask for it.

    builtins:     names of `builtins`.
    bases:        native types that classes may derive from.
    modules:      what was imported so far.
    instructions: what the instructions of this version of Python do.
    """

    builtins: dict[str, Any]
    bases: set[type]
    modules: dict[str, Any]
    instructions: Any

    def call(self, m: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call something that is no code of the program."""

    def member(self, host: type, name: str) -> Any:
        """Return what a native type has under `name`, itself and not its bases; EMPTY when there is nothing."""

    def attribute(self, m: Any, owner: Any, name: str) -> Any:
        """Return an attribute of a native object."""

    def put_attribute(self, m: Any, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a native object."""

    def may_set(self, descriptor: Any) -> bool:
        """Whether a data attribute of a native type may be set."""

    def no_dict(self, owner: Any, cls: Any, name: str) -> AttributeError:
        """Return the error for an attribute that `__slots__` does not name."""

    def of_unknown(self, m: Any, unknown: Any, name: str) -> Any:
        """Return what an unknown of a certain type surely has under `name`; EMPTY when nothing is known of it."""

    def only_reads(self, function: Any) -> bool:
        """Whether native code that is called with anything changes nothing of it and calls nothing back."""

    def enters_itself(self, kind: Any) -> bool:
        """Whether `with` binds the very object for an unknown of a type, as it does for files."""

    def item_type(self, kind: Any) -> type | None:
        """Return the type of what one gets by iteration over an unknown of a type, where it is certain."""

    def generator_method(self, generator: Any, name: str) -> Any:
        """Return a method of a generator; None when it has none such."""

    def generic_alias(self, m: Any, owner: type, key: Any) -> Any:
        """Return `list[int]` and the like."""

    def is_immutable(self, value: Any) -> bool:
        """Whether nothing that gets `value` can change anything of the program."""

    def is_code(self, value: Any) -> bool:
        """Whether a module's variable is code rather than data, beside the program's own."""

    def is_known_type(self, kind: type) -> bool:
        """Whether native code may get a native type from the program."""

    def is_instance(self, m: Any, value: Any, cls: Any) -> Any:
        """Return what `isinstance` returns, or an Unknown."""

    def is_native_subclass(self, m: Any, kind: Any, cls: type) -> Any:
        """Return whether a class is one below a native type, or an Unknown."""

    def import_name(self, m: Any, name: str, names: Any, level: int, namespace: Mapping[str, Any]) -> Any:
        """Return the module that an `import` statement binds."""

    def import_from(self, m: Any, module: Any, name: str) -> Any:
        """Return what `from module import name` binds."""

    def star(self, m: Any, module: Any) -> dict[str, Any]:
        """Return what `from module import *` binds."""

    def missing_name(self, m: Any, module: Any, name: str) -> Any:
        """Return what a module has under a name that is not known, or raise."""


class WaitingLike(Protocol):
    """What a module does not hold yet."""

    def bring(self, name: str) -> Any:
        """Put what the module has under a name into it and return it; EMPTY when it has nothing."""

    def bring_all(self) -> None:
        """Put everything into the module."""


class EventsLike(Protocol):
    """The events of one run, as values and texts ask for them."""

    @property
    def silence(self) -> AbstractContextManager[None]:
        """A context in which nothing is an event."""

    def print(self, text: Any) -> None:
        """Take note of what the program would print."""


class RepetitionLike(Protocol):
    """What looks whether a run repeats itself.

    changes: returns how often something from outside has changed the state; None where it rests on a guess.
    """

    changes: Callable[[], int | None]

    def look(self, f: Any, line: int | None) -> None:
        """Look at the state at a line event. Raises Endless where it has been there before."""


class TextsLike(Protocol):
    """The texts of one run.

    reason: why the last text is not known.
    """

    reason: str

    def text(self, value: Any) -> str | None:
        """Return the text of `value`; None, with `reason` set, when it is not known."""


class MachineLike(Protocol):
    """One run, as its values ask it to call, to look up and to say what is not known.

    library:         what the program finds outside itself.
    budget:          after how many instructions to stop; negative when nothing more may run.
    handled:         the exception that is being handled.
    outer:           those of the generators' callers.
    assumed:         the first operation that may have raised an exception; empty when there is none.
    entries:         how often native code led back into the machine.
    fragile:         whether there are constant sets whose order depends on what else was compiled.
    over:            whether the run has ended.
    current:         the innermost activation.
    open_generators: asynchronous generators that were made and are alive.
    """

    library: LibraryLike
    budget: int
    handled: BaseException | None
    outer: list[BaseException | None]
    assumed: str
    entries: int
    fragile: bool
    over: bool
    current: Any
    open_generators: Any

    @property
    def events(self) -> EventsLike:
        """The events of the run."""

    @property
    def texts(self) -> TextsLike:
        """The texts of the run."""

    def unknown(self, reason: str, type: Any = None, sources: Sequence[Any] = ()) -> Any:
        """Return a value that is not known; sources: objects of the program that it may be, or be a part of."""

    def unsure(self, reason: str, type: Any = None, sources: Sequence[Any] = ()) -> Any:
        """Return the result of an operation that is not known, and that may have raised an exception instead."""

    def hand_over(self, reason: str, *groups: Sequence[Any] | Mapping[str, Any], callee: Any = None) -> None:
        """Account for something unknown that gets values: what it may change is not known from now on."""

    def poison(self, reason: str) -> None:
        """Stop before the next instruction."""

    def exhausted(self) -> BaseException:
        """Return why no further instruction is run."""

    def run(self, base: Any) -> Any:
        """Run an activation until it returns (or yields) and return its value."""

    def run_from_throw(self, f: Any, error: BaseException) -> Any:
        """Run an activation on from where it is suspended, with an exception raised there."""

    def chain(self, value: BaseException) -> None:
        """Set the context of an exception that is raised, as Python does."""

    def enter(self, f: Any) -> None:
        """Account for an activation that begins or is resumed."""

    def is_own(self) -> bool:
        """Whether the innermost activation is one of the program, not of a library."""

    def current_globals(self) -> dict[str, Any]:
        """Return the globals of the innermost activation."""

    def native(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Call native code; what it raises is an exception of the program."""

    def call(self, function: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        """Call anything and wait for its value."""

    def call_from_native(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call `function` for native code."""

    def special_from_native(self, owner: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a special method for native code."""

    def next_from_native(self, generator: Any) -> Any:
        """Resume a generator for native code."""

    def host_member(self, host: type, name: str) -> Any:
        """Return what a host type has under `name`, itself and not its bases; EMPTY when there is nothing."""

    def bind(self, value: Any, owner: Any, cls: Any) -> Any:
        """Return what an attribute of a class becomes at an instance; owner None: at the class itself."""

    def super_lookup(self, start: Any, cls: Any, name: str) -> Any:
        """Return what a class has under `name` behind `start` in its linearisation."""

    def attribute(self, owner: Any, name: str) -> Any:
        """Return an attribute."""

    def special(self, owner: Any, name: str) -> Any:
        """Return a special method of an instance, bound; EMPTY when its class has none."""

    def truth(self, value: Any) -> bool:
        """Whether `value` is true."""
