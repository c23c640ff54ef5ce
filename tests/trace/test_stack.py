"""The call stack that a history implies."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Activation, Stack, advance, stack_of


def at(event: Event, line: int, depth: int = 0, **state: str) -> Frame:
    return Frame(event, "fgh"[depth % 3], line, f"line {line}", state, "1" if event is Event.RETURN else None, depth)


def call(line: int, depth: int = 0, **state: str) -> Frame:
    return at(Event.CALL, line, depth, **state)


def line(number: int, depth: int = 0, **state: str) -> Frame:
    return at(Event.LINE, number, depth, **state)


def leave(number: int, depth: int = 0) -> Frame:
    return at(Event.RETURN, number, depth)


def fail(number: int, depth: int = 0) -> Frame:
    return at(Event.EXCEPTION, number, depth)


def brief(stack: Stack) -> list[tuple[Any, ...]]:
    return [(a.depth, a.function, a.line, bool(a.entry), bool(a.raising), bool(a.leaving)) for a in stack]


def test_before_the_first_frame_nothing_is_active() -> None:
    assert stack_of([]) == ()


def test_a_call_goes_on_top_and_knows_how_it_was_entered() -> None:
    assert brief(stack_of([line(1), call(5, 1)])) == [(0, "f", 1, False, False, False), (1, "g", 5, True, False, False)]


def test_a_line_moves_the_activation_and_keeps_its_entry() -> None:
    entry = call(5, 1, a="1")
    [_, top] = stack_of([line(1), entry, line(6, 1, a="2")])
    assert (top.entry, top.line, dict(top.last.locals)) == (entry, 6, {"a": "2"})


def test_a_return_is_still_on_top_until_something_follows() -> None:
    frames = [line(1), call(5, 1), line(6, 1), leave(6, 1)]
    assert brief(stack_of(frames))[-1] == (1, "g", 6, True, False, True)
    assert brief(stack_of([*frames, line(2)])) == [(0, "f", 2, False, False, False)]


def test_a_caller_whose_call_returned_can_call_again_or_return() -> None:
    frames = [line(1), call(5, 1), leave(5, 1)]
    assert brief(stack_of([*frames, call(7, 1)])) == [(0, "f", 1, False, False, False), (1, "g", 7, True, False, False)]
    assert brief(stack_of([*frames, leave(1)])) == [(0, "f", 1, False, False, True)]


def test_an_exception_marks_its_activation_until_a_line_handles_it() -> None:
    frames = [line(1), fail(1)]
    assert brief(stack_of(frames)) == [(0, "f", 1, False, True, False)]
    assert brief(stack_of([*frames, line(3)])) == [(0, "f", 3, False, False, False)]


def test_an_exception_that_goes_up_takes_the_callee_off() -> None:
    assert brief(stack_of([line(1), call(5, 1), line(6, 1), fail(6, 1), fail(1)])) == [(0, "f", 1, False, True, False)]


def test_a_call_during_an_exception_keeps_what_is_raised_below_it() -> None:
    assert brief(stack_of([line(1), fail(1), call(5, 1)])) == [
        (0, "f", 1, False, True, False),
        (1, "g", 5, True, False, False),
    ]


def test_a_return_ends_what_was_raised() -> None:
    assert brief(stack_of([line(1), fail(1), leave(1)])) == [(0, "f", 1, False, False, True)]


def test_a_history_may_begin_with_any_event() -> None:
    assert brief(stack_of([leave(3)])) == [(0, "f", 3, False, False, True)]
    assert brief(stack_of([fail(3)])) == [(0, "f", 3, False, True, False)]
    assert brief(stack_of([call(3)])) == [(0, "f", 3, True, False, False)]


def test_an_activation_that_was_left_in_silence_is_gone_with_those_above_it() -> None:
    assert brief(stack_of([line(1), call(2, 1), call(3, 2), line(4)])) == [(0, "f", 4, False, False, False)]


def test_a_caller_knows_what_it_has_called_since_its_last_line() -> None:
    assert stack_of([line(1), call(2, 1)])[0].called == {"g"}
    assert stack_of([line(1), call(2, 1), line(3)])[0].called == frozenset()


frames = st.builds(Frame, st.sampled_from(Event), st.just("f"), st.integers(1, 9), st.just(""), depth=st.integers(0, 4))


@given(st.lists(frames, max_size=20))
def test_depths_always_rise_and_the_newest_frame_is_on_top(history: list[Frame]) -> None:
    stack: Stack = ()
    for frame in history:
        before, stack = stack, advance(stack, frame)
        depths = [activation.depth for activation in stack]
        assert depths == sorted(set(depths))
        top: Activation = stack[-1]
        assert frame in (top.last, top.raising, top.leaving)
        assert [a.last for a in before if a.depth < frame.depth] == [a.last for a in stack[:-1]]
    assert stack == stack_of(history)
