"""Telling, the child's side: what comes next after the histories that the parent asks about, and it runs ahead.

One program at a time. Beside the run that takes the whole history at its word there is, once something in it was
predicted, a second one that takes nothing at its word that is a guess: what both know is computed, what only the first
one knows is computed from a prediction.
"""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, BinaryIO

from neuralpdb.interpreter.computing.ways import Way
from neuralpdb.interpreter.computing.wire import Writer, write_answer
from neuralpdb.interpreter.evaluation import Children, Evaluated, Executed
from neuralpdb.interpreter.events import HOLE, Computed
from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.interpretation import Bounds
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import GUESSES, LINE, VALUE, Frame, Known, Origin

_AGAIN = 0.001
"""Seconds of the processor for a frame that is made again: some five times what it takes."""


VIEWS: Mapping[str, Callable[..., Evaluated | Executed | Children]] = {
    "evaluate": Histories.evaluate,
    "execute": Histories.execute,
    "children": Histories.children,
}
"""What can be asked at the end of a history."""


def _as_fields(answer: Evaluated | Executed | Children) -> dict[str, Any]:
    """Return an answer of a view as values for JSON; see `histories`."""
    fields = asdict(replace(answer, frame=None) if isinstance(answer, Executed) else answer)
    if isinstance(answer, Executed) and answer.frame is not None:
        fields["frame"] = answer.frame.as_dict()
    return fields


class Telling:
    """The histories of one program, told frame by frame."""

    def __init__(
        self, start: dict[str, Any], limits: dict[str, Any], send: Callable[[bytes], None], jobs: BinaryIO
    ) -> None:
        """start: arguments of `Histories.started`. send: sends a line. jobs: where the parent's questions come."""
        first, bounds = start.pop("first"), Bounds(**start.pop("bounds"))
        self._start = {**start, "first": first and Frame.from_dict(first), "bounds": bounds, "seconds": None}
        self._step_seconds = limits["step_seconds"]
        self._send = send
        self._jobs = jobs
        self._writer = Writer()
        self._histories = Histories.started(**self._start, ahead=self._go_on)
        self._said: list[Frame] = []
        self._first_guess: int | None = None
        self._way: Way | None = None
        self._sure: Histories | None = None
        self._surely_said: list[Frame] = []
        self._is_placed = False

    @cached_property
    def _program(self) -> Program:
        return Program.parse(self._start["text"], self._start["filename"])

    def close(self) -> None:
        """End all runs."""
        self._histories.close()
        if self._sure is not None:
            self._sure.close()

    def tell(self, question: dict[str, Any]) -> None:
        """Answer a question about the first `keep` frames of the present history and `frames`.

        view: one of VIEWS, which is asked with `text` and `depth` at the end of it; None: what follows? Then frames
        are sent as long as nothing is unknown in them, and the first in which something is. place: see
        `Histories.next`.
        """
        self._send(write_answer({"number": question["number"]}))
        keep, frames, view = question["keep"], question["frames"], question.get("view")
        if view is None or frames:
            self._stand_at(keep, frames)
        if view is None:
            self._writer = Writer()
            self._run_on(question["place"])
        else:
            self._wind(len(self._said))
            said = self._said[: keep + len(frames)]
            self._send(
                write_answer(_as_fields(VIEWS[view](self._histories, said, question["text"], question["depth"])))
            )
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _stand_at(self, keep: int, frames: Sequence[dict[str, Any]]) -> None:
        """Take a history that begins with the first `keep` frames of the present one."""
        del self._said[keep:], self._surely_said[keep:]
        if self._first_guess is not None and self._first_guess >= keep:
            self._first_guess = None
        self._way = None
        if any(LINE in frame.known for frame in self._said):
            said, self._said = self._said, []
            for frame in said:
                self._take(frame)
        for fields in frames:
            self._take(Frame.from_dict(fields))

    def _run_on(self, place: dict[str, Any] | None) -> None:
        """Send what follows the present history."""
        self._is_placed = place is not None
        length = len(self._said)
        self._wind(length)
        answer = self._histories.next(list(self._said), None if place is None else Frame.from_dict(place))
        while isinstance(answer, Computed) and answer.whole:
            if len(self._said) == length and self._go_on(answer) is None:
                break
            if self._is_asked():
                break
            length = len(self._said)
            answer = self._histories.next(list(self._said))
        if isinstance(answer, NotTold):
            self._send(write_answer(asdict(answer)))
        elif not answer.whole:
            self._send(self._writer.frame(self._marked(answer)))

    def _wind(self, again: int = 0) -> None:
        """Have the system end this process when the next frame takes too much of its time."""
        signal.setitimer(signal.ITIMER_PROF, self._step_seconds + again * _AGAIN)

    def _is_asked(self) -> bool:
        """Whether the parent wants something else."""
        return bool(select.select([self._jobs], [], [], 0)[0])

    def _go_on(self, computed: Computed) -> Frame | None:
        """Send a frame, and return it as the history has it; None when the parent wants something else."""
        if self._is_asked():
            return None
        marked = self._marked(computed)
        self._send(self._writer.frame(marked))
        self._take(marked.frame)
        self._wind()
        return marked.frame

    def _take(self, frame: Frame) -> None:
        """Add a frame to the history."""
        if self._first_guess is None and frame.holds_guess:
            self._first_guess = len(self._said)
        self._said.append(frame)
        if self._way is None and LINE in frame.known:
            self._way = Way(self._program, self._said, len(self._said) - 1)
        if self._way is not None and self._way.go_on(frame):
            self._way = None

    def _marked(self, computed: Computed) -> Computed:
        """Return a frame with how its place and its values are known."""
        frame = computed.frame
        is_placed, self._is_placed = self._is_placed, False
        if self._first_guess is None and not is_placed:
            return computed
        names = [*frame.locals, *([VALUE] if frame.value is not None else [])]
        sure = self._surely(frame)
        known = {}
        if is_placed or sure is None or sure.placed:
            known[LINE] = Known.PREDICTED if is_placed else Known.DERIVED
        way = self._way or (Way(self._program, [*self._said, frame], len(self._said)) if known else None)
        if is_placed:
            known |= dict.fromkeys(names, Known.COMPUTED)
        guessed = [
            name
            for name in names
            if not _is_sure(sure, frame, name) or (way is not None and not way.leaves(frame, name))
        ]
        if guessed:
            before = next((each for each in reversed(self._said) if each.depth == frame.depth), None)
            known |= {name: _guess(before, frame, name) for name in guessed}
        origin = Origin.PREDICTED if is_placed else Origin.COMPUTED
        if known or origin is not frame.origin:
            frame = frame.replace(known=known, origin=origin)
            computed = replace(computed, frame=frame)
        return computed

    def _surely(self, frame: Frame) -> Computed | None:
        """Return the frame as it is known without what was guessed; None where there is none."""
        if self._sure is None:
            self._sure = Histories.started(**self._start, hides=True)
        self._surely_said += map(_without_guesses, self._said[len(self._surely_said) :])
        answer = self._sure.next(self._surely_said)
        if isinstance(answer, NotTold) and answer.choices:
            answer = self._sure.next(self._surely_said, frame)
        if isinstance(answer, NotTold) or answer.frame.place != frame.place:
            return None
        return answer


def _guess(before: Frame | None, frame: Frame, name: str) -> Known:
    """Return how a value is known that rests on a guess: a predicted one stays predicted while it stays."""
    is_kept = name != VALUE and before is not None and before.locals.get(name) == frame.locals[name]
    if is_kept and before is not None and before.how(name) is Known.PREDICTED:
        return Known.PREDICTED
    return Known.DERIVED


def _without_guesses(frame: Frame) -> Frame:
    """Return a frame with holes for all that is a guess."""
    if not frame.holds_guess:
        return frame
    texts = {name: HOLE if frame.how(name) in GUESSES else text for name, text in frame.locals.items()}
    value = HOLE if frame.value is not None and frame.how(VALUE) in GUESSES else frame.value
    return frame.replace(locals=texts, value=value, known={})


def _is_sure(sure: Computed | None, frame: Frame, name: str) -> bool:
    """Whether a value of a frame is what it is without what was guessed."""
    if sure is None or name in sure.unknown:
        return False
    if name == VALUE:
        return sure.frame.value == frame.value
    return sure.frame.locals.get(name) == frame.locals[name]
