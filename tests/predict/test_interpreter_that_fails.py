"""An interpreter that fails in a session: one line says so, the model goes on alone, another history brings it back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from parrot import Atoms, Parrot, atoms

from neuralpdb.engines.base import Completion
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.predict import model_source
from neuralpdb.predict.computed import opinions
from neuralpdb.predict.model_source import ModelSource, forecast
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, Origin

TEXT = "name = input()\nt = 0\nfor i in range(9):\n    t += i\nprint(t)\n"
SAID = atoms((Token.LINE, '{"t": "0"}', Token.ACTION, "    t += i\n", Token.FRAME))


class Saying(Parrot):
    """A model that says the same frame wherever it is asked for one, and an empty text for a value."""

    def after(self, prompt: Atoms) -> Atoms:
        last = max((at for at, part in enumerate(prompt) if part is Token.FRAME), default=-1)
        written = prompt[last + 1 :]
        if written == SAID[: len(written)]:
            return SAID[len(written) :]
        return ("'", "'", '"')


class Session:
    """A session on a program: its source, and the frames that the user has seen.

    lines: what the user was told beside them.
    """

    def __init__(self, text: str, source: ModelSource, first: Frame) -> None:
        self.source, self.frames, self.lines = source, [first], [""][:0]

    def step(self, count: int = 1) -> Frame:
        for _ in range(count):
            outcome = self.source.source.next(list(self.frames))
            assert isinstance(outcome, Frame), outcome
            self.frames.append(outcome)
            self.source.looked(self.frames)
            self.lines += self.source.notices()
        return self.frames[-1]


@contextmanager
def session(monkeypatch: pytest.MonkeyPatch, text: str = TEXT) -> Iterator[tuple[Session, ComputedHistories]]:
    made: list[ComputedHistories] = []

    def histories(*arguments: object) -> ComputedHistories:
        made.append(ComputedHistories(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(model_source, "ComputedHistories", histories)
    entry = enter(Program.parse(text, "p.py"))
    assert entry.first is not None
    source = forecast(entry, Saying(), constrain=False, doubt_below=0, look_ahead=0)
    try:
        yield Session(text, source, entry.first), made[0]
    finally:
        source.close()


def process_of(histories: ComputedHistories) -> int:
    process = histories._process
    assert process is not None
    assert process._child is not None
    return process._child.process.pid


def test_an_interpreter_that_is_killed_while_the_user_reads_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    with session(monkeypatch) as (user, histories):
        for _ in range(4):
            assert user.step().origin is Origin.COMPUTED
            os.kill(process_of(histories), signal.SIGKILL)
        assert user.step(8).origin is Origin.COMPUTED
    assert user.lines == []


def test_an_interpreter_that_stands_still_is_given_up_until_the_user_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with session(monkeypatch, TEXT.replace("9", "99999")) as (user, histories):
        user.step()
        os.kill(process_of(histories), signal.SIGSTOP)
        user.step(3)
        assert [frame.origin for frame in user.frames[2:]] == [Origin.PREDICTED] * 3
        assert user.lines == ["note: not computed from here on: the interpreter: the next frame takes longer than 2 s"]
        del user.frames[2:]
        assert user.step(5).origin is Origin.COMPUTED
        assert len(user.lines) == 1


class Stalling(Saying):
    """A model that never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.released = threading.Event()

    def complete(self, prompts: Sequence[Markup], **options: Any) -> list[Completion]:
        self.asked.set()
        self.released.wait(60)
        return super().complete(prompts, **options)


def test_a_model_that_never_answers_delays_no_computed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "IDLE", 0.0)
    entry, engine = enter(Program.parse(TEXT.replace("input()", "'Ada'"), "p.py")), Stalling()
    assert entry.first is not None
    source = forecast(entry, engine, constrain=False, doubt_below=0, look_ahead=8)
    user = Session("", source, entry.first)
    try:
        user.step(2)
        assert engine.asked.wait(20)  # for its opinion of what was computed
        assert user.step(15).origin is Origin.COMPUTED
        assert not source.opinion(user.frames[-1])
        source.drop()
    finally:
        engine.released.set()
        source.close()


_NOT_TOLD: Mapping[str, Sequence[str]] = {
    "a pattern that never comes to an end": (
        'import re\nt = 0\nm = re.match("(a+)+$", "a" * 40 + "b")\nt = 1\n',
        "long",
    ),
    "more memory than there is": ("t = 0\nm = [t] * 10**9\nt = 1\n", "large"),
}


@pytest.mark.parametrize("name", _NOT_TOLD)
def test_what_the_interpreter_does_not_tell_is_said_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, reason = _NOT_TOLD[name]
    with session(monkeypatch, text) as (user, _):
        assert user.step().origin is Origin.COMPUTED
        assert user.lines == []
        assert user.step(3).origin is Origin.PREDICTED
        (line,) = user.lines
        assert line.startswith("note: not computed from here on: ")
        assert reason in line
        del user.frames[2:]
        user.step(2)
        assert len(user.lines) == 1
