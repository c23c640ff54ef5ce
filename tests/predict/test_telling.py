"""The interpreter beside a model: it goes on from all that the model says, and does nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict.computed.telling import Alongside, Telling
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Origin

LOOP = "total = 0\nfor i in range(4):\n    total += i\nend = total\n"
ACCOUNT = """\
class Account:
    def __init__(self, balance):
        self.balance = balance
    def pay(self, amount):
        self.balance -= amount
        return self.balance
a = Account(10)
b = a.pay(3)
c = a.pay(b)
end = 1
"""


class Watched:
    """Histories that keep what they are asked."""

    def __init__(self, histories: Telling) -> None:
        self.asked: list[list[Frame]] = []
        self.closed = False
        self._histories = histories

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        self.asked.append(list(history))
        return self._histories.next(history, place)

    def close(self) -> None:
        self.closed = True
        self._histories.close()


def told(answer: Computed | NotTold) -> Frame:
    assert isinstance(answer, Computed), answer
    return answer.frame


def predicted(entry: Entry) -> list[Frame]:
    """The true trace, said by a model."""
    assert entry.first is not None
    return [entry.first, *(frame.replace(origin=Origin.PREDICTED) for frame in recorded(entry).frames[1:])]


@pytest.fixture
def loop() -> Iterator[tuple[Watched, Alongside, list[Frame]]]:
    entry = entry_of(LOOP)
    watched = Watched(Histories.of(entry))
    with closing(Alongside(lambda: watched)) as alongside:
        yield watched, alongside, predicted(entry)


def test_nothing_is_started_before_something_is_asked() -> None:
    def never() -> Telling:
        raise AssertionError

    Alongside(never).close()


def test_a_frame_that_is_as_it_was_told_counts_as_told(loop: tuple[Watched, Alongside, list[Frame]]) -> None:
    watched, alongside, frames = loop
    for length in range(1, len(frames)):
        frame = told(alongside.next(frames[:length]))
        assert (frame.place, frame.locals) == (frames[length].place, frames[length].locals)
    assert [frame.origin for frame in watched.asked[-1][1:]] == [Origin.COMPUTED] * (len(frames) - 2)
    assert len(watched.asked) == len(frames) - 1


def test_what_was_answered_is_not_asked_again(loop: tuple[Watched, Alongside, list[Frame]]) -> None:
    watched, alongside, frames = loop
    answer = alongside.next(frames[:6])
    asked = len(watched.asked)
    assert alongside.next(frames[:6]) is answer
    assert told(alongside.next(frames[:3])).place == frames[3].place
    assert len(watched.asked) == asked


def test_what_python_says_is_told_after_the_model_has_said_otherwise(
    loop: tuple[Watched, Alongside, list[Frame]],
) -> None:
    _, alongside, frames = loop
    wrong = frames[3].replace(locals={"total": "40", "i": "0"})
    history = [*frames[:3], wrong]
    assert told(alongside.next(history)).locals == {"total": "40", "i": "1"}
    assert told(alongside.next(history[:3])).locals == frames[3].locals  # not what the model said
    assert told(alongside.next(frames[:4])).locals == frames[4].locals


def test_a_model_that_goes_another_way_is_followed() -> None:
    entry = entry_of("n = 1\nif n:\n    a = 1\nelse:\n    b = 2\nc = 3\n")
    frames = predicted(entry)
    wrong = frames[2].replace(line=5, source="    b = 2")
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        frame = told(alongside.next([*frames[:2], wrong]))
    assert (frame.line, dict(frame.locals)) == (6, {"n": "1", "b": "2"})


def test_the_model_s_text_of_an_object_does_not_lose_the_object() -> None:
    entry = entry_of(ACCOUNT)

    def renamed(text: str) -> str:
        return text.replace("<__main__.Account object>", "Account(...)").replace("<Account object>", "Account(...)")

    frames = [
        frame.replace(
            locals={name: renamed(text) for name, text in frame.locals.items()},
            value=frame.value and renamed(frame.value),
        )
        for frame in predicted(entry)
    ]
    assert "Account(...)" in str(frames)
    missed = []
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        for length in range(1, len(frames)):
            frame = told(alongside.next(frames[:length]))
            if (frame.place, frame.locals, frame.value) != (
                frames[length].place,
                frames[length].locals,
                frames[length].value,
            ):
                missed.append(length)
    assert missed == missed[:1]  # where the object comes up, its text is not known yet


@pytest.mark.parametrize("name", ["account", "generator", "recursion", "uncaught"])
def test_a_true_history_is_told_by_a_process_to_its_end(name: str) -> None:
    entry = enter(Program.read(ROOT / "examples" / f"{name}.py"))
    frames = predicted(entry)
    with ComputedHistories(entry) as histories, closing(Alongside(lambda: histories)) as alongside:
        for length in range(1, len(frames)):
            assert told(alongside.next(frames[:length])).place == frames[length].place
        answer = alongside.next(frames)
    assert isinstance(answer, NotTold) and answer.ended


def test_a_call_that_the_model_leaves_early_is_left() -> None:
    entry = entry_of("def f(n):\n    for i in range(n):\n        last = i\n    return last\nx = f(3)\ny = x + 1\n")
    frames = predicted(entry)
    inside = next(i for i, frame in enumerate(frames) if frame.line == 3)
    early = frames[inside].replace(event=Event.RETURN, line=4, source="    return last", value="7")
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        frame = told(alongside.next([*frames[: inside + 1], early]))
    assert (frame.line, dict(frame.locals)) == (6, {"x": "7"})
