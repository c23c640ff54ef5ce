"""The choice of the line: which of the places that control flow allows a reply means, or is the likeliest."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralpdb.engines.base import Finish
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.codec import WrittenFrame
from neuralpdb.predict.query import Query
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import Transition, Transitions
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Stack

MOST_CANDIDATES = 64
"""Most lines that are weighed against each other in one choice."""


@dataclass(frozen=True)
class LineChoice:
    """Choices between places of a program, by the state, by Python's own rules, by control flow, or by the model.

    query:   asks the model.
    program: the places are its.
    stack:   the stack before the frame whose place is chosen.
    told:    returns the next frame as Python's own rules tell it; None where they do not.
    """

    query: Query
    program: Program
    stack: Stack
    told: Callable[[], Frame | None] = lambda: None

    def pick(self, fitting: Sequence[Transition], reply: WrittenFrame, so_far: Markup) -> Transition:
        """Return one of several places with the same text: by the state, Python's rules, the line that follows.

        so_far: the prompt and the frame in question.
        """
        if len(fitting) > 1 and reply.event is Event.CALL:
            best = max(self._likeness(move, reply) for move in fitting)
            fitting = [move for move in fitting if self._likeness(move, reply) == best]
        if len(fitting) > 1 and reply.event is Event.LINE:
            fitting = self._as_told(fitting)
        if len(fitting) > 1 and reply.event in (Event.CALL, Event.LINE):
            fitting = self._leading_on(fitting, so_far)
        return fitting[0]

    def likeliest_event(self, prompt: Markup, moves: Transitions) -> Event | None:
        """Return the likeliest of the events that can follow; None for the end of the trace."""
        events: list[Event | None] = [*moves.events, *((None,) if moves.ends else ())]
        if len(events) == 1:
            return events[0]
        tokens = [codec.EVENT_TOKENS[event] if event else Token.END for event in events]
        totals = self.query.totals(prompt, [(token,) for token in tokens])
        return max(zip(events, totals, strict=True), key=lambda pair: pair[1])[0]

    def likeliest_source(self, prompt: Markup, options: Sequence[Transition]) -> str:
        """Return the likeliest of the lines of `options`; those that the running line mentions are weighed first."""
        mentioned = self._mentioned()
        ordered = sorted(options, key=lambda move: not {move.function, _owner(move.code)} & mentioned)
        sources = list(dict.fromkeys(self.program.line(move.line) for move in ordered))[:MOST_CANDIDATES]
        if len(sources) == 1:
            return sources[0]
        totals = self.query.totals(prompt, [(source + "\n", Token.FRAME) for source in sources])
        return max(zip(sources, totals, strict=True), key=lambda pair: pair[1])[0]

    def _as_told(self, fitting: Sequence[Transition]) -> Sequence[Transition]:
        """Keep the one that Python's own rules lead to, if they lead to one of them."""
        frame = self.told()
        if frame is None:
            return fitting
        place = frame.event, frame.depth, frame.line
        return [move for move in fitting if (move.event, move.depth, move.line) == place] or fitting

    def _leading_on(self, fitting: Sequence[Transition], so_far: Markup) -> Sequence[Transition]:
        """Keep the candidates from which the model's next line is reachable."""
        following = {id(move): self._sources_after(move) for move in fitting}
        if len(set(following.values())) == 1:
            return fitting
        markup, finish = self.query.ask(so_far)
        reply = codec.parse(markup)
        if finish is Finish.LENGTH or not isinstance(reply, WrittenFrame) or reply.event is not Event.LINE:
            return fitting
        return [move for move in fitting if reply.source in following[id(move)]] or fitting

    def _sources_after(self, move: Transition) -> frozenset[str]:
        if move.code is None:
            return frozenset()
        lines = move.code.starts if move.event is Event.CALL else move.code.after(move.line).lines
        return frozenset(map(self.program.line, lines))

    def _likeness(self, move: Transition, reply: WrittenFrame) -> tuple[int, int, int]:
        """Return how well a function fits a call: same parameters, class of its first argument, named by the caller."""
        parameters = move.code.parameters if move.code else ()
        same = set(parameters) <= reply.shown.keys()
        owner = _owner(move.code)
        order = self._method_order(reply.shown.get(parameters[0], "") if parameters else "")
        rank = len(order) - order.index(owner) if owner in order else 0
        mentioned = self._mentioned()
        return int(same), rank, int(move.function in mentioned or owner in mentioned)

    def _method_order(self, text: str) -> list[str]:
        """Return the classes of the program in which a method of the value with this repr is looked for, in order."""
        named = next((word for word in re.findall(r"\w+", text) if word in self.program.bases), None)
        order = [named] if named else []
        for name in order:
            order += [base for base in self.program.bases.get(name, ()) if base not in order]
        top = self.stack[-1] if self.stack else None
        if top is not None and "super" in self._mentioned():
            own = _owner(self.program.code_at(top.function, top.line, top.entered))
            order = order[order.index(own) + 1 :] if own in order else order
        return order

    def _mentioned(self) -> frozenset[str]:
        """Return the names on the line that is running."""
        line = self.stack[-1].line if self.stack else None
        return self.program.names.get(line, frozenset()) if line else frozenset()


def _owner(code: Code | None) -> str:
    """Return the class that a method is defined in, or the function around a nested one; empty for others."""
    parts = [part for part in code.qualname.split(".") if part != "<locals>"] if code else []
    return parts[-2] if len(parts) > 1 else ""
