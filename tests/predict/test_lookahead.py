"""Background look-ahead: what is asked of the source and when, what drops what was foreseen, what is never told."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from frame_sources import SUMS, Sums, entry_of, recorded
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.debugger.session import Session
from neuralpdb.errors import Abandoned, ModelError, UsageError
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.trace.frames import Ended, Frame, FrameSource, Outcome, Trouble, TroubleKind

LOOP = "total = 0\nfor i in range(50):\n    total += i\nprint(total)\n"


@dataclass
class Model:
    """A source whose every call is kept. `says`: odd outcomes by number of the call, given once."""

    source: FrameSource
    says: dict[int, Outcome | Exception] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    held: threading.Event = field(default_factory=threading.Event)
    holds: int = -1
    restarts: int = 0
    excerpt: bool = False

    def __post_init__(self) -> None:
        self.abandoned: Callable[[], bool] = lambda: False

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        call = len(self.asked)
        self.asked.append(len(history))
        self.threads.add(threading.current_thread().name)
        self.restarts = len(history)
        while call == self.holds and not self.held.wait(0.01):
            if self.abandoned():
                raise Abandoned
        odd = self.says.pop(call, None)
        if isinstance(odd, Exception):
            raise odd
        return odd if odd is not None else self.source.next(history, draw=draw)


def ahead(text: str = LOOP, frames: int = 4, **options: object) -> tuple[LookAhead, Model, list[Frame]]:
    entry = entry_of(text)
    model = Model(recorded(entry), **options)  # type: ignore[arg-type]
    assert entry.first is not None
    return LookAhead(model, frames), model, [entry.first]


def settle(model: Model, calls: int) -> None:
    """Wait until the source was asked so often, and that it is not asked more."""
    end = time.monotonic() + 20
    while len(model.asked) < calls and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(0.03)
    assert len(model.asked) == calls


def frame(outcome: Outcome) -> Frame:
    assert isinstance(outcome, Frame)
    return outcome


def test_so_many_frames_are_foreseen_and_then_the_source_rests() -> None:
    source, model, history = ahead(frames=4)
    history.append(frame(source.next(history)))
    settle(model, 5)
    assert model.asked == [1, 2, 3, 4, 5]
    history.append(frame(source.next(history)))
    settle(model, 6)
    assert model.threads == {"MainThread", "look ahead"}
    source.close()


def test_foreseen_frames_are_those_that_the_source_says() -> None:
    source, model, history = ahead()
    while isinstance(outcome := source.next(history), Frame):
        history.append(outcome)
    assert isinstance(outcome, Ended)
    assert history[1:] == list(recorded(entry_of(LOOP)).frames)[1:]
    assert len(model.asked) == len(history)


def test_a_look_before_the_first_step_foresees_it() -> None:
    source, model, history = ahead(frames=3)
    source.look(history)
    settle(model, 3)
    for _ in range(3):
        history.append(frame(source.next(history)))
    assert model.threads == {"look ahead"}
    source.close()


def test_with_no_frames_to_look_ahead_there_is_no_thread() -> None:
    source, model, history = ahead(frames=0)
    source.look(history)
    frame(source.next(history))
    settle(model, 1)
    assert model.threads == {"MainThread"}


def test_another_history_drops_what_was_foreseen() -> None:
    entry = entry_of(SUMS)
    model = Model(Sums())
    assert entry.first is not None
    source, history = LookAhead(model, 3), [entry.first]
    for _ in range(4):
        history.append(frame(source.next(history)))
    settle(model, 7)
    edited = [*history[:-1], history[-1].replace(locals={"total": "100", "n": "0"})]
    source.look(edited)
    settle(model, 10)
    edited.append(frame(source.next(edited)))
    assert edited[-1].locals["total"] == "100"
    source.close()


def test_what_is_being_predicted_is_called_off_by_another_history() -> None:
    source, model, history = ahead(holds=1)
    second = frame(source.next(history))
    settle(model, 2)
    other = [*history, second.replace(locals={"total": "0"})]
    assert frame(source.next(other)) == frame(recorded(entry_of(LOOP)).next(other))
    assert not model.held.is_set()
    source.close()


def test_ctrl_c_is_heard_while_a_foreseen_frame_is_waited_for_and_drops_it() -> None:
    source, model, history = ahead(holds=1)
    history.append(frame(source.next(history)))
    settle(model, 2)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where tests run
    try:
        threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,)).start()
        with pytest.raises(KeyboardInterrupt):
            source.next(history)
    finally:
        signal.signal(signal.SIGINT, before)
    assert frame(source.next(history)).line == 3
    source.close()


def test_trouble_in_the_background_is_not_told_but_asked_for_again() -> None:
    trouble = Trouble(TroubleKind.UNAVAILABLE, "the server is gone")
    source, model, history = ahead(says={1: trouble})
    history.append(frame(source.next(history)))
    settle(model, 2)
    assert frame(source.next(history)).line == 3
    source.close()


def test_an_error_in_the_background_is_raised_where_it_is_asked_for() -> None:
    source, model, history = ahead(says={1: RuntimeError("no weights"), 2: ModelError("still no weights")})
    history.append(frame(source.next(history)))
    settle(model, 2)
    with pytest.raises(ModelError, match="still no weights"):
        source.next(history)
    assert frame(source.next(history)).line == 3
    source.close()


def test_what_the_source_says_of_itself_is_that_of_the_frame_handed_out() -> None:
    source, model, history = ahead(frames=6)
    history.append(frame(source.next(history)))
    settle(model, 7)
    assert (source.restarts, model.restarts) == (1, 7)
    frame(source.next(history))
    assert source.restarts == 2
    source.close()


def test_draws_are_made_when_they_are_asked_for_and_leave_what_was_not_foreseen() -> None:
    source, model, history = ahead(frames=2)
    history.append(frame(source.next(history)))
    settle(model, 3)
    source.next(history, draw=3)
    assert model.asked[-1] == 2
    assert frame(source.next(history)).line == 3
    source.close()


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["step", "next", "back", "predict", "reset"]), st.integers(1, 4)),
        st.tuples(st.just("edit"), st.integers(-3, 9)),
        st.tuples(st.just("jump"), st.integers(1, 6)),
        st.tuples(st.just("go"), st.integers(0, 12)),
    ),
    max_size=12,
)


@given(MOVES)
def test_a_session_goes_the_same_way_with_look_ahead_and_without(moves: list[tuple[str, int]]) -> None:
    entry = entry_of(SUMS)
    source = LookAhead(Model(Sums()), 3)
    looking = Session(entry, source, max_frames=40, on_frontier=source.look)
    plain = Session(entry, Sums(), max_frames=40)
    said = [play(session, moves) for session in (looking, plain)]
    source.close()
    assert said[0] == said[1]


def play(session: Session, moves: list[tuple[str, int]]) -> list[object]:
    session.start()
    found: list[object] = []
    for name, number in moves:
        try:
            match name:
                case "edit":
                    session.edit(f"total = {number}")
                case "step" | "next" | "back" | "predict" | "jump" | "go":
                    getattr(session, name)(number)
                case _:
                    session.reset()
        except UsageError as error:
            found.append(str(error))
        found.append((session.frame, session.index))
    return found
