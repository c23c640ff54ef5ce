"""Replies of a scripted model, and a predictor that reads them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from hypothesis import strategies as st

from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.predict.computed.telling import Alongside
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, Outcome, Trouble

END: Markup = (Token.END,)


def line(source: str, **state: str) -> Markup:
    return (Token.LINE, json.dumps(state), Token.ACTION, source + "\n", Token.FRAME)


def call(source: str, **state: str) -> Markup:
    return (Token.CALL, json.dumps(state), Token.ACTION, source + "\n", Token.FRAME)


def likes(*sources: str) -> list[Markup]:
    """Return what the scripted model finds likely when it is asked to choose a line."""
    return [(source + "\n", Token.FRAME) for source in sources]


@contextmanager
def alongside(predictor: Predictor) -> Iterator[Predictor]:
    """Have the interpreter beside a predictor."""
    with ComputedHistories(predictor.entry) as histories:
        predictor.histories = Alongside(lambda: histories)
        yield predictor


class Run:
    """A predictor with a script of replies, and the history that comes of it."""

    def __init__(self, text: str, *replies: Markup, engine: dict[str, Any] | None = None, **options: Any) -> None:
        constrain = options.pop("constrain", True)
        self.program = Program.parse(textwrap.dedent(text).strip("\n") + "\n", "p.py")
        self.engine = ScriptedEngine(list(replies), **(engine or {}))
        self.predictor = Predictor(enter(self.program, **options), self.engine, constrain=constrain)
        first = self.predictor.entry.first
        self.history: list[Frame] = [first] if first is not None else []

    def next(self) -> Outcome:
        """Return the next outcome; a frame joins the history."""
        outcome = self.predictor.next(self.history)
        if isinstance(outcome, Frame):
            self.history.append(outcome)
        return outcome

    def frames(self, most: int = 1000) -> list[Frame]:
        """Return all frames up to the first outcome that is not one."""
        return list(islice(iter(lambda: frame if isinstance(frame := self.next(), Frame) else None, None), most))

    def frame(self) -> Frame:
        outcome = self.next()
        assert isinstance(outcome, Frame), outcome
        return outcome

    def trouble(self) -> Trouble:
        outcome = self.next()
        assert isinstance(outcome, Trouble), outcome
        return outcome


# --- anything a model may say -----------------------------------------------------------------------------------------

WORLD = """
class C:
    def __init__(self, a):
        self.a = a
def g(a):
    for b in a:
        yield b
def f(a):
    try:
        x = [b for b in g(a)]
    except ValueError as e:
        x = sum(b for b in a)
    else:
        x = C(a)
    return x
"""
SOURCES = [
    *WORLD.strip("\n").split("\n"),
    "",
    "x",
    "\n",
    "    return x\n    return x",
    "def main():",
    "    return f([1])",
]
STATES = ["{}", '{"a": ".."}', '{"a": "[1]", "x": ".."}', '{".0": "<list_iterator object>"}', '{".0": "..", "b": "1"}']
BROKEN = ["", "{", "[]", '{"a": 1}', "null", "[" * 3000, '{"\\ud800": "\\udfff"}', '"\\ud800"', '"1"', '"None"', "3"]

well_formed = st.one_of(
    st.builds(
        lambda event, state, source: (event, state, Token.ACTION, source + "\n", Token.FRAME),
        st.sampled_from([Token.LINE, Token.CALL]),
        st.sampled_from(STATES),
        st.sampled_from(SOURCES),
    ),
    st.builds(
        lambda event, source, value: (event, Token.ACTION, source + "\n", Token.ARG, value, Token.FRAME),
        st.sampled_from([Token.RETURN, Token.EXCEPTION]),
        st.sampled_from(SOURCES),
        st.sampled_from(BROKEN),
    ),
)
pieces = st.sampled_from(Token) | st.sampled_from(SOURCES + STATES + BROKEN) | st.text(max_size=5)
replies = st.lists(well_formed | st.just(END) | st.lists(pieces, max_size=6).map(tuple), max_size=25)
