"""Bytecode: what the instructions of a code object mean for its trace events, on every version from 3.11 on.

It knows code objects only: no frames of a run, no values. Offsets are in bytes, as `frame.f_lasti` has them.
The remaining differences between versions (conditions and loop heads over several lines, `throw` through `yield from`,
asynchronous comprehensions) are kept in `tests/golden/*.3.1?.jsonl`.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Mapping
from functools import cached_property
from types import CodeType, FrameType

from neuralpdb.program.inlined import NONE_INLINED, Inlined, inlined_in

_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")
_TYPE_PARAMETERS = "<generic parameters of "
_CO_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_RESUME = dis.opmap["RESUME"]
_END_FOR = dis.opmap.get("END_FOR", -1)
_CACHE = dis.opmap.get("CACHE", 0)
_END_SEND = dis.opmap.get("END_SEND", -1)
_LEAVES = frozenset(
    dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "RESUME") if name in dis.opmap
)
"""Instructions at which an activation is left without an exception (3.13 stands on RESUME after a yield)."""
_THROWN_AT_RESUME = sys.version_info >= (3, 13)
_LOCALS_BY_SLOT = sys.version_info >= (3, 13)
"""Up to 3.12 `f_locals` is a dict that grows as names are bound; since 3.13 it follows the code object."""
_REPEATS_LINES = sys.version_info[:2] == (3, 12)
"""3.12 has a second event for a line when `and`, `or` or a condition ends in the middle of it."""
_CLOSERS = frozenset(("close", "aclose", "throw", "athrow"))


class TracedCode:
    """One code object of the program.

    hidden:   its activations are no frames; the activations that they call are (comprehensions up to 3.11).
    muted:    neither its activations nor those that they call are frames (class bodies).
    reorders: `f_locals` is not in the order in which names were bound.
    filters:  some of its line events exist on this version only.
    """

    def __init__(self, code: CodeType, text: str) -> None:
        """text: the whole program that `code` was compiled from."""
        self.code = code  # kept alive: codes are found by id
        self.name = code.co_name
        self.is_module = code.co_name == "<module>"
        self.hidden = code.co_name in _COMPREHENSIONS or code.co_name.startswith(_TYPE_PARAMETERS)
        self.muted = not self.is_module and not code.co_flags & inspect.CO_OPTIMIZED
        self.inlined: Inlined = inlined_in(code, text)
        self.reorders = _LOCALS_BY_SLOT or self.inlined is not NONE_INLINED
        self.filters = _REPEATS_LINES or self.inlined is not NONE_INLINED
        self._operations = code.co_code
        self._suspends = bool(code.co_flags & _CO_SUSPENDS)
        self._seen: Mapping[str, str] = {}

    def is_phantom(self, offset: int, raised: int) -> bool:
        """Whether a `return None` at `offset` only means that an exception leaves the frame.

        raised: where an exception was last raised in this activation, with no line run since.
        """
        return self._operations[offset] not in _LEAVES or offset == raised

    def resumes(self, offset: int) -> bool:
        """Whether a call event at `offset` goes on with a suspended activation."""
        return self._suspends and (self._operations[offset] != _RESUME or self._operations[offset + 1] & 3 != 0)

    def may_be_thrown(self, offset: int) -> bool:
        """Whether a call event at `offset` resumes by an exception, or may (3.13 does not tell)."""
        return self.resumes(offset) and (_THROWN_AT_RESUME or self._operations[offset] != _RESUME)

    def instruction(self, offset: int) -> int:
        """Return where the instruction begins that `offset` is in: 3.12 is behind a call while it is made."""
        while offset > 0 and self._operations[offset] == _CACHE:
            offset -= 2
        return offset

    def is_silent_end(self, offset: int, error: BaseException) -> bool:
        """Whether `error` is the StopIteration of an inner generator that is an event on some versions only.

        Up to 3.11 the end of a generator without a result is no event, neither in `for` nor in `yield from` (from 3.12
        on it is one in `yield from`, and in a loop that has run often enough), nor is the end of what a comprehension
        awaits.
        """
        if offset in self.inlined.hidden:
            return isinstance(error, StopIteration | StopAsyncIteration)
        operation = self._operations[offset]
        if operation != _END_FOR and (operation != _END_SEND or not self.code.co_flags & inspect.CO_GENERATOR):
            return False
        return isinstance(error, StopIteration) and error.value is None

    def is_repeated(self, offset: int, line: int, last_offset: int, last_line: int) -> bool:
        """Whether a line event repeats the line of the last one without a jump back to it."""
        return _REPEATS_LINES and line == last_line and offset > last_offset and offset not in self._loops

    def in_order(self, texts: dict[str, str], before: Mapping[str, str]) -> dict[str, str]:
        """Return `texts` in the order in which their names were bound, as `f_locals` of 3.11 has it.

        before: the locals one step earlier. Of names bound in one step, plain locals come before those that inner code
        uses.
        """
        if not before and self._suspends:
            before = self._seen
        cells = self._cells
        new = [name for name in texts if name not in before]
        if len(new) > 1 and cells:
            new.sort(key=lambda name: (name in cells, name if name in cells else ""))
        self._seen = ordered = {name: texts[name] for name in (*before, *new) if name in texts}
        return ordered

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Every name that can be among the locals."""
        return tuple(dict.fromkeys((*self.code.co_varnames, *self.code.co_cellvars, *self.code.co_freevars)))

    @cached_property
    def _loops(self) -> frozenset[int]:
        """Offsets that jumps back lead to."""
        jumps = (i for i in dis.get_instructions(self.code) if "JUMP_BACKWARD" in i.opname)
        return frozenset(jump.argval for jump in jumps)

    @cached_property
    def _cells(self) -> frozenset[str]:
        """Variables that inner code uses, arguments apart (these are bound first in any case)."""
        code = self.code
        stars = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + stars]
        return self.inlined.captured.union(code.co_cellvars).difference(arguments)


def closes_on_purpose(caller: FrameType | None) -> bool:
    """Whether GeneratorExit comes from `close()`, not from collecting the generator at an accidental moment."""
    if caller is None or caller.f_lasti < 0:
        return False
    code = caller.f_code
    return dis.opname[code.co_code[caller.f_lasti]].startswith("CALL") and not _CLOSERS.isdisjoint(code.co_names)
