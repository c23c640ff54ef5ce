"""Following a history: each frame that a run makes is put beside the one that the history has in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from neuralpdb.interpreter.activation import Activation, cell_value
from neuralpdb.interpreter.events import HOLE, Computed
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import filling
from neuralpdb.interpreter.objects.values import EMPTY, Unknown
from neuralpdb.interpreter.replay import values
from neuralpdb.interpreter.replay.blocks import Blocks
from neuralpdb.interpreter.replay.stating import run_for_good
from neuralpdb.interpreter.signals import Moved, Raised, Stop
from neuralpdb.trace.frames import VALUE, Event, Frame, Known, Origin, same_state


@dataclass(frozen=True)
class NotTold:
    """That the next frame is not told.

    why:     in words for the user: what is not known or not supported.
    ended:   whether there is none, because the program has ended.
    choices: lines of this activation, one of which is next, where only the way is not known; None: it returns.
    endless: whether the program is where it was before, with all its state, and so goes round for ever.
    """

    why: str
    ended: bool = False
    choices: tuple[int | None, ...] = ()
    endless: bool = False


@dataclass(frozen=True)
class Failing:
    """What the history says of an operation that may raise.

    error:  what it raised. answer: the frame that comes when it raises nothing.
    """

    error: BaseException
    answer: Computed


class Follower:
    """Takes the frames of one run and makes in its state what the history says.

    machine: the machine of the run.
    answers: for each number of frames of a history, what comes next.
    retry:   the frame before which the history goes another way, when the run has to be made again for it, and the
             operation that raised an exception there, if one did.
    silent:  how many frames were made before code of the program had to make a text: these need not be made again.
    placed:  a frame that says only where the program goes on; the answer is then the frame that is made there.
    changes: how often the history has changed what the run made; None where it holds a guess.
    settled: is called whenever the state has been made that of the last frame of the history so far.
    """

    def __init__(
        self, next_said: Callable[[int], Frame], failing: Mapping[int, Failing], *, hides: bool = False
    ) -> None:
        """next_said: returns the frame of the history with that number, and waits for it.

        failing: number of a frame -> what was raised before it, as the history says. hides: see `Histories`.
        """
        self._hides = hides
        self.machine: Machine
        self.answers: list[Computed | NotTold] = []
        self.silent = 0
        self.retry: tuple[int, Failing | None] | None = None
        self.placed: Frame | None = None
        self.changes: int | None = 0
        self.settled: Callable[[], None] = lambda: None
        self._next_said = next_said
        self._failing = failing
        self._doubts = 0
        self._decided: Frame | None = None
        self._passed_over: Frame | None = None
        self._blocks: dict[int, Blocks] = {}

    def emit(self, computed: Computed) -> None:
        """Take a frame, wait for what the history has in its place, and make it so."""
        try:
            self._take(computed)
        except Moved:
            self.settled()
            raise
        if self._passed_over is None:
            self.settled()

    def _take(self, computed: Computed) -> None:
        if self._passed_over is not None:
            self._pass_over(computed, self._passed_over)
            return
        said = self._decided
        self._decided = None
        doubts, self._doubts = self._doubts, 0
        if said is not None and said is self.placed:
            number = len(self.answers) - 1
            self.answers[-1] = replace(computed, placed=True)
            said = self._next_said(number)
            if said.place != computed.frame.place and said.origin is not Origin.EDITED:
                self.retry = number, None
                raise Stop("the history goes another way than was chosen before")
        elif said is None:
            number = len(self.answers)
            failing = self._failing.get(number)
            self.answers.append(computed if failing is None else failing.answer)
            if not self.machine.texts.ran_code:
                self.silent = number + 1
            said = self._next_said(number)
        self._count(computed, said)
        if said.statement is not None:
            computed = self._run_statement(computed, said)
        if said is computed.frame or same_state(said, computed.frame):
            self.machine.assumed = ""  # the history says that nothing was raised
            return
        number = len(self.answers) - 1
        if said.event is Event.EXCEPTION and said.place != computed.frame.place and doubts == 1:
            if number not in self._failing:
                self.retry = number, Failing(values.read_exception(said.value), computed)
            raise Stop("the history goes another way than the program")
        self._make_so(computed, said)

    def _count(self, computed: Computed, said: Frame) -> None:
        """Take note of what the history changes, and whether it holds a guess."""
        if computed.unknown or computed.placed or said.holds_guess:
            self.changes = None
        elif self.changes is not None and said is not computed.frame:
            self.changes += said.statement is not None or not same_state(said, computed.frame)

    def doubt(self) -> None:
        """Take note of an operation that may raise; raise what the history says that it did."""
        self.changes = None
        self._doubts += 1
        failing = self._failing.get(len(self.answers))
        if failing is not None and self._doubts == 1 and self._decided is None and self._passed_over is None:
            raise Raised(failing.error)

    def decide(self, f: Activation, target: int, reason: str) -> bool:
        """Return whether the history goes on with a jump to `target`. Raises Stop where it does not tell."""
        if self._passed_over is not None or self.machine.events.muted or not f.shown:
            raise Stop(reason)
        self.changes = None
        blocks = self._blocks_of(f)
        at, depth = f.prev, 0 if f.code.is_module else f.depth
        jumps, stays = blocks.leads(at, target), blocks.leads(at, f.pc)
        said = self._decided
        if said is None:
            number = len(self.answers)
            self.answers.append(NotTold(reason, choices=_choices(jumps, stays)))
            said = self._decided = self._next_said(number)
        if said.function != f.code.name or said.depth != depth:
            raise Stop(reason)
        if said.event is Event.LINE:
            can_jump, can_stay = said.line in jumps[0], said.line in stays[0]
        elif said.event is Event.RETURN:
            can_jump, can_stay = jumps[1], stays[1]
        else:
            raise Stop(reason)
        if can_jump == can_stay:
            raise Stop(reason)
        return can_jump

    def _blocks_of(self, f: Activation) -> Blocks:
        key = id(f.code)
        if key not in self._blocks:
            self._blocks[key] = Blocks(f.code)
        return self._blocks[key]

    # --- what the history says ------------------------------------------------------------------------------------

    def _run_statement(self, computed: Computed, said: Frame) -> Computed:
        """Run what the user ran at a frame, and return the frame with the variables that this has left.

        A statement that cannot be run, or not to its end, leaves the frame as it is: then its texts are what is known.
        """
        here = self.machine.events.here
        if here is None or here.code.name != said.function or said.depth != computed.frame.depth:
            return computed
        statement = said.statement or ""
        if len(self.answers) == 1 and self.machine.stated and statement.startswith(self.machine.stated):
            statement = statement[len(self.machine.stated) :]
        if computed.unknown:  # what the statement has not changed was filled in before it
            filled = {
                name: said.locals.get(name, text)
                if name in computed.unknown and said.how(name) is not Known.EDITED
                else text
                for name, text in computed.frame.locals.items()
            }
            before = said.replace(locals=filled)
            self._set_locals(here, computed, before)
            unknown = {name: why for name, why in computed.unknown.items() if filled.get(name, HOLE) == HOLE}
            computed = Computed(computed.frame.replace(locals=filled), unknown, computed.assuming)
        left = run_for_good(self.machine, here, statement) if statement.strip() else None
        if left is None:
            return computed
        texts, holes = left
        value = {VALUE: computed.unknown[VALUE]} if VALUE in computed.unknown else {}
        return Computed(computed.frame.replace(locals=texts), {**holes, **value}, computed.assuming)

    def _pass_over(self, computed: Computed, said: Frame) -> None:
        """Leave out a frame of a call whose return the history gives at once."""
        frame = computed.frame
        if frame.depth < said.depth or (frame.depth == said.depth and frame.event is Event.EXCEPTION):
            raise Stop("a call that the history passes over does not return")
        if frame.event is Event.RETURN and frame.depth == said.depth:
            self._passed_over = None
            self.machine.assumed = ""
            self._set_value(computed, said)

    def _make_so(self, computed: Computed, said: Frame) -> None:
        frame = computed.frame
        here = self.machine.events.here
        if here is None:
            if said.place == frame.place and _agrees(computed, said):
                self.machine.assumed = ""
                return
            raise Stop("the history changes a frame of something that is closed")
        if said.place == frame.place:
            self.machine.assumed = ""
            if said.event in (Event.CALL, Event.LINE):
                self._set_locals(here, computed, said)
            else:
                self._set_value(computed, said)
            return
        if said.origin is Origin.GUESSED and said.event is Event.RETURN and said.depth <= frame.depth:
            self._passed_over = said
            return
        if said.origin is Origin.GIVEN:
            raise Stop("a trace cannot begin there")
        same = said.function == frame.function and said.depth == frame.depth
        if said.event is not Event.LINE or frame.event not in (Event.CALL, Event.LINE) or not same:
            raise Stop("the history goes another way than the program")
        if said.origin is not Origin.EDITED and self.machine.assumed:
            raise Stop(f"the history goes another way: {self.machine.assumed}")
        self._set_locals(here, computed, said)
        self._jump(here, said.line)

    def _jump(self, f: Activation, line: int | None) -> None:
        landing = self._blocks_of(f).landing(f.pc, len(f.stack), line) if line is not None else None
        if landing is None:
            raise Stop("a jump into a block, or out of the handling of an exception")
        f.pc, depth = landing
        del f.stack[depth:]
        f.prev = f.pc - 1
        f.line = f.shown_line = line
        f.shown_at = f.pc
        f.kwnames = ()
        if not f.code.is_module:  # Python itself gives None to variables without a value, the history does not
            unbound = (name for name, held in zip(f.code.slots, f.fast, strict=True) if cell_value(held) is EMPTY)
            f.unsaid = f.unsaid.union(unbound)
        raise Moved(f)

    def _set_value(self, computed: Computed, said: Frame) -> None:
        """Make a return value, or an exception, what the history says."""
        if computed.frame.value == said.value or not isinstance(said.value, str):
            return
        if said.event is Event.EXCEPTION:
            if VALUE in computed.unknown:
                return  # what is unknown in it stays unknown
            raise Stop("the history has another exception")
        if said.value == HOLE:
            return
        events = self.machine.events
        held, value = events.value, self._read(said.value)
        if VALUE not in computed.unknown:
            events.value = value
        elif type(held) is Unknown:
            filling.fill(held, value)
            events.value = value
        else:
            values.unify(held, value)

    def _read(self, text: object) -> Any:
        if not isinstance(text, str):
            raise Stop("a value of the history has no text")
        value = values.read(text)
        if type(value) is Unknown:
            self.machine.opaque.append(value)
            self.machine.tainted = True
        return value

    def _set_locals(self, f: Activation, computed: Computed, said: Frame) -> None:
        """Make the variables of an activation what the history says."""
        before, after = computed.frame.locals, said.locals
        if before == after:
            return
        made: dict[tuple[int, str], Any] = {}
        gone = [name for name in before if name not in after]
        for name in gone if said.origin is not Origin.GIVEN else ():
            f.put(name, EMPTY)
        for name, text in after.items():
            if before.get(name) == text:
                continue
            if text == HOLE:
                if self._hides and name in before:
                    self._hide(f, name, (f.seen, made))
                continue
            held = self._get(f, name)
            key = id(held), text
            if key in made:
                f.put(name, made[key])
                continue
            value = self._read(text)
            if name in computed.unknown and type(held) is Unknown:
                filling.fill(held, value)
            elif name in computed.unknown and said.how(name) is not Known.EDITED:
                if type(value) is Unknown:
                    self.machine.opaque.remove(value)
                elif values.unify(held, value):
                    f.texts[name] = None
                continue  # it is known better than by its text
            f.put(name, value)
            made[key] = value
            if values.is_shared(held):
                values.let_go(held, (f.seen, made))
        texts = {str(name): text for name, text in after.items()}
        f.locals = texts, {name: why for name, why in computed.unknown.items() if texts.get(name) == HOLE}

    def _hide(self, f: Activation, name: str, holders: tuple[Any, ...]) -> None:
        """Make a variable unknown, and its object to all who hold it."""
        held = self._get(f, name)
        f.put(name, self.machine.unknown("it rests on a guess"))
        if values.is_shared(held):
            values.let_go(held, holders)

    def _get(self, f: Activation, name: str) -> Any:
        if f.code.is_module:
            return f.names.get(name, EMPTY)
        if name not in f.code.slots:
            raise Stop(f"{f.code.name}() has no variable {str(name)[:40]!r}")
        return cell_value(f.fast[f.code.slots.index(name)])


def _agrees(computed: Computed, said: Frame) -> bool:
    """Whether a frame of the history differs from the computed one in nothing but what is unknown there."""
    frame, unknown = computed.frame, computed.unknown
    if list(frame.locals) != list(said.locals) or (frame.value != said.value and VALUE not in unknown):
        return False
    return all(said.locals[name] == text or name in unknown for name, text in frame.locals.items())


def _choices(*ways: tuple[set[int], bool]) -> tuple[int | None, ...]:
    """Return the lines that any of some ways leads to, in order; None for a return, at the end."""
    lines = sorted({line for way in ways for line in way[0]})
    return (*lines, None) if any(leaves for _, leaves in ways) else tuple(lines)
