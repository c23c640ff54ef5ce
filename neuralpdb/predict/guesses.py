"""Guesses at the next frame: the one that Python's own rules tell, and those that control flow allows.

The model has the last word, so a guess may be wrong. It runs nothing and knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict import codec
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import Transition, Transitions
from neuralpdb.trace.frames import VALUE, Event, Frame
from neuralpdb.trace.stack import Stack

_MOST_GUESSES = 24
"""Moves that are drafted without a thought to their effects: a program may offer thousands of calls."""

_GIVES = re.compile(r"\b(return|yield|lambda|for)\b")
"""Words of lines that give something else than None when they are the last of a call."""

Texts = Mapping[str, str | None]
"""name -> repr text, or None where it is unknown."""


@dataclass(frozen=True)
class Guess:
    """A frame that may come next; `event` None: the end of the trace.

    source: the text of its line.
    shown:  locals as they will be written (`..` for the unchanged).
    value:  of a return or an exception.
    before: the locals before, of which an unknown value may repeat much.
    """

    event: Event | None
    source: str = ""
    shown: Texts = field(default_factory=dict)
    value: str | None = None
    before: Mapping[str, str] = field(default_factory=dict)


def guesses(
    program: Program,
    stack: Stack,
    history: Sequence[Frame],
    moves: Transitions,
    answer: Computed | NotTold | None = None,
) -> list[Guess]:
    """Return frames that may come next, the likeliest first; all of them are among `moves`.

    answer: what Python's own rules tell of the next frame; None where nobody was asked.
    """
    if not history or not stack:
        return []
    possible: dict[tuple[Event | None, str, object], Guess] = {}
    for guess in _ranked(_Written(program, stack, history), moves, answer):
        if moves.at(program, guess.event, guess.source) if guess.event is not None else moves.ends:
            possible.setdefault((guess.event, guess.source, tuple(guess.shown.items())), guess)
    return list(possible.values())


def _ranked(written: _Written, moves: Transitions, answer: Computed | NotTold | None) -> Iterator[Guess]:
    """Yield guesses, the likeliest first; some may be impossible."""
    choices: tuple[int | None, ...] = ()
    if isinstance(answer, Computed):
        yield written.told(answer)
    elif answer is not None and answer.ended:
        yield Guess(None)
    elif answer is not None:
        choices = answer.choices
    few = list(islice(moves, _MOST_GUESSES))
    chosen = [move for move in few if (None if move.event is Event.RETURN else move.line) in choices]
    yield from map(written.plain, [*chosen, *(move for move in few if move not in chosen)])
    if moves.ends:
        yield Guess(None)


class _Written:
    """Guesses in the form in which the model writes frames after a history."""

    def __init__(self, program: Program, stack: Stack, history: Sequence[Frame]) -> None:
        self.program = program
        self.before = {activation.depth: activation.last.locals for activation in stack}
        last = next((frame for frame in reversed(history) if frame.event is not Event.EXCEPTION), None)
        self.base = codec.next_base(None, last) if last is not None else None

    def told(self, computed: Computed) -> Guess:
        """Return the guess at a computed frame: what is not known of a local that was there before is unchanged."""
        frame, unknown = computed.frame, computed.unknown
        source = self.program.line(frame.line)
        if frame.event in (Event.RETURN, Event.EXCEPTION):
            return Guess(frame.event, source, value=None if VALUE in unknown else frame.value)
        state = {name: None if name in unknown else text for name, text in frame.locals.items()}
        if frame.event is Event.CALL:
            return Guess(frame.event, source, state)
        old = self._earlier(frame.depth)
        return self._line(source, {**state, **{name: old[name] for name in unknown if name in old}}, frame.depth)

    def plain(self, move: Transition) -> Guess:
        """Return a guess at the frame of a move that leaves out its effects."""
        source = self.program.line(move.line)
        if move.event is Event.LINE:
            return self._line(source, self.before.get(move.depth, {}), move.depth)
        if move.event is Event.RETURN and not _GIVES.search(source):
            return Guess(move.event, source, value="None")
        names = move.code.parameters if move.event is Event.CALL and move.code is not None else ()
        return Guess(move.event, source, dict.fromkeys(names))

    def _line(self, source: str, state: Texts, depth: int) -> Guess:
        """Return a line event with `..` for values that the frame before has already, see `codec.next_base`."""
        old = self._earlier(depth)
        shown = {
            name: codec.UNCHANGED if text is not None and old.get(name) == text else text
            for name, text in state.items()
        }
        return Guess(Event.LINE, source, shown, before=self.before.get(depth, {}))

    def _earlier(self, depth: int) -> Mapping[str, str]:
        return self.base.locals if self.base is not None and self.base.depth == depth else {}


__all__ = ["Guess", "Texts", "guesses"]
