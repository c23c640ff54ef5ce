"""The session over recorded runs and computed frames: every movement, and that nothing is lost or asked twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from frame_sources import (
    CALLS,
    SUMS,
    Counted,
    Invented,
    Wandering,
    entry_of,
    real_session,
    recorded,
    sums_session,
)
from places import ROOT

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind, changes
from neuralpdb.errors import UsageError
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Outcome, Trouble, TroubleKind

CAUGHT = """\
def inner(n):
    return 1 // n


def outer(n):
    try:
        x = inner(n)
    except ZeroDivisionError:
        x = -1
    return x


a = outer(0)
b = a
"""


BELOW = """\
def main():
    x = low()
    y = x
    return y


def low():
    return 1


main()
"""


def at(stop: Stop) -> tuple[str, int | None, str]:
    """Kind of stop, line and event: what the tests below list as expectations."""
    assert stop.frame is not None
    return stop.kind.value, stop.frame.line, stop.frame.event.value


def places(session: Session) -> list[tuple[int | None, str]]:
    return [(frame.line, frame.event.value) for frame in session.history]


# -- moving ---------------------------------------------------------------------------------------------------


def test_step_goes_through_every_event_of_the_run() -> None:
    session, _ = real_session(CALLS)
    lines = [12, 13, 6, 7, 1, 2, 3, 3, 8, 1, 2, 3, 3, 9, 9, 14]
    events = "line line call line call line line return line call line line return line return line".split()
    for expected in list(zip(lines, events, strict=True))[1:]:
        assert at(session.step())[1:] == expected
    assert places(session) == list(zip(lines, events, strict=True))


def test_step_with_a_count_is_that_many_steps() -> None:
    session, _ = real_session(CALLS)
    stop = session.step(5)
    assert (at(stop), stop.steps, session.index) == (("step", 2, "line"), 5, 5)


def test_next_passes_over_calls_but_keeps_their_frames() -> None:
    session, _ = real_session(CALLS)
    assert at(session.next()) == ("step", 13, "line")
    stop = session.next()
    assert (at(stop), stop.steps) == (("step", 14, "line"), 14)
    assert session.stack[-1].last.locals["b"] == "4"
    assert (3, "return") in places(session)


def test_next_in_a_function_stops_at_its_return_and_then_in_its_caller() -> None:
    session, _ = real_session(CALLS)
    session.step(3)
    assert [at(session.next())[1:] for _ in range(4)] == [(8, "line"), (9, "line"), (9, "return"), (14, "line")]


def test_next_at_a_call_event_enters_the_function() -> None:
    session, _ = real_session(CALLS)
    session.step(2)
    assert at(session.next()) == ("step", 7, "line")


def test_next_with_a_count_shows_all_that_changed_since_the_first() -> None:
    session, _ = real_session(CALLS)
    stop = session.next(2)
    assert at(stop) == ("step", 14, "line")
    assert changes(stop.before, session.stack[-1]) == {"a": (None, "1"), "b": (None, "4")}


def test_until_leaves_a_loop() -> None:
    session, _ = real_session("for i in range(3):\n    x = i\ny = 1\n")
    session.step()
    assert at(session.until()) == ("step", 3, "line")
    assert session.stack[-1].last.locals == {"i": "2", "x": "2"}


def test_until_a_line_goes_as_far_as_it() -> None:
    session, _ = real_session(CALLS)
    assert at(session.until(14)) == ("step", 14, "line")


def test_until_does_not_stop_in_other_functions_with_larger_lines() -> None:
    session, _ = real_session(BELOW)
    session.step(2)
    assert at(session.until()) == ("step", 3, "line")


def test_until_at_a_return_goes_on_in_the_caller_wherever_that_stands() -> None:
    session, _ = real_session(BELOW)
    session.step(5)
    assert session.frame is not None and session.frame.event is Event.RETURN
    assert at(session.until()) == ("step", 3, "line")


def test_return_stops_where_this_activation_returns_not_a_deeper_one() -> None:
    session, _ = real_session("def f(n):\n    if n == 0:\n        return 0\n    return f(n - 1) + 1\n\n\nx = f(3)\n")
    session.step(2)
    stop = session.finish()
    assert at(stop) == ("step", 4, "return")
    assert stop.frame is not None
    assert (stop.frame.value, stop.frame.depth) == ("3", 1)


def test_movement_in_a_caller_goes_on_there() -> None:
    for move, line, event in ((Session.next, 8, "line"), (Session.until, 8, "line"), (Session.finish, 9, "return")):
        session, _ = real_session(CALLS)
        session.step(5)
        assert [activation.depth for activation in session.stack] == [0, 1, 2]
        assert at(move(session, depth=1)) == ("step", line, event)


def test_movement_in_the_outermost_caller_leaves_all_calls() -> None:
    session, _ = real_session(CALLS)
    session.step(5)
    assert at(session.next(depth=0)) == ("step", 14, "line")


def test_every_frame_that_passes_can_be_watched() -> None:
    session, _ = real_session(CALLS)
    seen: list[Frame] = []
    session.watch = seen.append
    session.next(2)
    session.predict(1)
    assert seen == session.history[1:]


def test_return_from_the_module_is_the_end() -> None:
    session, _ = real_session(CALLS)
    assert session.finish().kind is StopKind.ENDED


def test_continue_goes_to_the_end_and_says_how_it_ended() -> None:
    session, _ = real_session(CALLS)
    stop = session.proceed()
    assert (stop.kind, stop.message) == (StopKind.ENDED, "the program ended")
    assert session.ended == Ended("the program ended")


def test_an_exception_is_a_stop_where_it_is_raised_and_where_it_passes() -> None:
    session, _ = real_session(CAUGHT)
    events = [at(session.step())[1:] for _ in range(9)]
    assert events == [
        (5, "call"), (6, "line"), (7, "line"), (1, "call"), (2, "line"), (2, "exception"), (7, "exception"),
        (8, "line"), (9, "line"),
    ]  # fmt: skip


def test_next_over_a_call_that_raises_stops_at_the_exception_in_this_function() -> None:
    session, _ = real_session(CAUGHT)
    session.step(3)
    assert at(session.next()) == ("step", 7, "exception")
    assert at(session.next()) == ("step", 8, "line")


def test_return_out_of_a_function_that_raises_stops_at_the_exception_in_the_caller() -> None:
    session, _ = real_session(CAUGHT)
    session.step(4)
    assert at(session.finish()) == ("step", 7, "exception")


def test_an_uncaught_exception_is_the_end_and_named() -> None:
    session, _ = real_session((ROOT / "examples" / "uncaught.py").read_text())
    stop = session.proceed()
    assert stop.kind is StopKind.ENDED
    assert "ZeroDivisionError" in stop.message
    assert session.frame is not None and session.frame.event is Event.EXCEPTION


def test_a_generator_is_left_by_next_and_entered_by_step() -> None:
    session, _ = real_session((ROOT / "examples" / "generator.py").read_text())
    stops = [at(session.next())[1:] for _ in range(4)]
    assert stops == [(11, "line"), (12, "line"), (11, "line"), (12, "line")]
    session.step(2)
    assert session.frame is not None and session.frame.event is Event.CALL


def test_a_stop_tells_what_changed_in_its_own_function_since_the_user_looked() -> None:
    session, _ = real_session(CALLS)
    session.step(2)
    stop = session.step(5)
    assert at(stop) == ("step", 3, "return")
    assert changes(stop.before, session.stack[-1]) == {"n": (None, "1"), "m": (None, "2")}
    stop = session.step()
    assert changes(stop.before, session.stack[-1]) == {"first": (None, "2")}


def test_a_variable_that_goes_away_is_a_change() -> None:
    session, _ = real_session("a = 1\nb = 2\ndel a\nc = 3\n")
    session.step(2)
    stop = session.step()
    assert changes(stop.before, session.stack[-1]) == {"a": ("1", None)}


# -- breakpoints ----------------------------------------------------------------------------------------------


def test_continue_stops_at_a_breakpoint_each_time_its_line_is_about_to_run() -> None:
    session, _ = real_session(CALLS)
    point = session.breakpoints.set(3)
    for _ in range(2):
        stop = session.proceed()
        assert (at(stop), stop.message) == (("breakpoint", 3, "line"), "breakpoint 1")
    assert point.hits == 2
    assert session.proceed().kind is StopKind.ENDED


@pytest.mark.parametrize("move", ["next", "finish", "until", "step"])
def test_every_movement_stops_at_a_breakpoint_on_its_way(move: str) -> None:
    session, _ = real_session(CALLS)
    session.step()
    session.breakpoints.set(2)
    stop = session.step(10) if move == "step" else getattr(session, move)()
    assert at(stop) == ("breakpoint", 2, "line")


def test_next_with_a_count_ends_at_a_breakpoint() -> None:
    session, _ = real_session(CALLS)
    session.breakpoints.set(3)
    stop = session.next(5)
    assert (at(stop), stop.steps) == (("breakpoint", 3, "line"), 6)


def test_a_breakpoint_on_a_def_stops_at_the_call() -> None:
    session, _ = real_session(CALLS)
    session.breakpoints.set(1)
    assert at(session.proceed()) == ("breakpoint", 1, "call")


def test_a_line_without_code_takes_no_breakpoint_and_the_next_one_is_named() -> None:
    session, _ = real_session(CALLS)
    with pytest.raises(UsageError, match=r"line 4 never runs \(the next that can is line 6\)"):
        session.breakpoints.set(4)


def test_a_cleared_breakpoint_is_passed_and_its_number_not_given_again() -> None:
    session, _ = real_session(CALLS)
    session.breakpoints.clear(session.breakpoints.set(2))
    assert session.breakpoints.set(14).number == 2
    assert at(session.proceed()) == ("breakpoint", 14, "line")
    with pytest.raises(UsageError, match="Breakpoint 1 already deleted"):
        session.breakpoints.find(1)


# -- looking ahead --------------------------------------------------------------------------------------------


def test_predict_shows_what_comes_and_moves_nothing() -> None:
    session, _ = real_session(CALLS)
    before = session.history
    frames, end = session.predict(4)
    assert [(frame.line, frame.event) for frame in frames] == [
        (13, Event.LINE), (6, Event.CALL), (7, Event.LINE), (1, Event.CALL),
    ]  # fmt: skip
    assert end is None
    assert (session.history, session.index) == (before, 0)


def test_a_step_into_a_proposal_costs_no_new_prediction() -> None:
    session, source = real_session(CALLS)
    session.predict(4)
    calls = source.calls
    for _ in range(4):
        session.step()
    assert (source.calls, session.index) == (calls, 4)
    session.step()
    assert source.calls == calls + 1


def test_accept_goes_to_the_end_of_the_proposal() -> None:
    session, source = real_session(CALLS)
    session.predict(3)
    calls = source.calls
    stop = session.accept()
    assert (at(stop), stop.steps, source.calls) == (("step", 7, "line"), 3, calls)
    with pytest.raises(UsageError, match="no proposal"):
        session.accept()


def test_a_proposal_is_gone_after_a_movement() -> None:
    session, _ = real_session(CALLS)
    session.predict(3)
    session.step()
    with pytest.raises(UsageError, match="no proposal"):
        session.accept()


def test_predict_as_far_as_a_line_ends_there() -> None:
    session, _ = real_session(CALLS)
    frames, end = session.predict(line=8)
    assert (frames[-1].line, len(frames), end) == (8, 8, None)


def test_predict_as_far_as_a_line_means_that_it_is_about_to_run_not_that_it_is_called() -> None:
    session, _ = real_session("def f(a): return a\nx = f(1)\ny = x\n")
    frames, _ = session.predict(line=1)
    assert [(frame.line, frame.event) for frame in frames] == [(1, Event.CALL), (1, Event.LINE)]


def test_predict_beyond_the_end_says_how_it_ends() -> None:
    session, _ = real_session(CALLS)
    frames, end = session.predict(1000)
    assert (len(frames), end) == (15, Ended("the program ended"))
    assert session.accept().frame == frames[-1]


def test_predict_as_far_as_a_line_that_never_comes_is_limited() -> None:
    session, _ = real_session("i = 0\nwhile i < 100:\n    i += 1\n")
    session.max_frames = 10
    frames, end = session.predict(line=99)
    assert (len(frames), end) == (10, None)


# -- time -----------------------------------------------------------------------------------------------------


def test_back_is_the_inverse_of_step() -> None:
    session, source = real_session(CALLS)
    seen = [session.history]
    while session.step().kind is StopKind.STEP:
        seen.append(session.history)
    calls = source.calls
    for earlier in reversed(seen[:-1]):
        session.back()
        assert [id(frame) for frame in session.history] == [id(frame) for frame in earlier]
    assert source.calls == calls
    with pytest.raises(UsageError, match="already at the start"):
        session.back()


def test_back_with_a_count_ends_at_the_start_and_says_so() -> None:
    session, _ = real_session(CALLS)
    session.step(3)
    stop = session.back(9)
    assert (stop.kind, stop.steps, stop.message, session.index) == (StopKind.BACK, 3, "at the start after 3 of 9", 0)


def test_what_was_undone_is_known_and_not_predicted_again() -> None:
    session, source = real_session(CALLS)
    session.step(6)
    session.back(4)
    calls = source.calls
    assert (session.index, session.known) == (2, 6)
    session.step(4)
    assert (session.index, source.calls) == (6, calls)


def test_go_moves_to_any_known_step_and_to_no_other() -> None:
    session, source = real_session(CALLS)
    session.step(6)
    calls = source.calls
    assert (session.go(2).kind, session.index) == (StopKind.BACK, 2)
    assert (session.go(6).kind, session.index) == (StopKind.STEP, 6)
    with pytest.raises(UsageError, match="step 7 is not known: the trace is known from 0 to 6"):
        session.go(7)
    assert (session.index, source.calls) == (6, calls)


def test_going_back_tells_what_is_different_there() -> None:
    session, _ = real_session("a = 1\na = 2\nb = 3\n")
    session.step(2)
    stop = session.back()
    assert changes(stop.before, session.stack[-1]) == {"a": ("2", "1")}


def test_going_back_into_another_function_shows_all_of_its_locals() -> None:
    session, _ = real_session("def f(a):\n    return a\n\n\ndef g(b):\n    return b\n\n\nx = f(1)\ny = g(2)\n")
    session.step(2)
    f = session.index
    session.step(4)
    assert session.frame is not None and session.frame.function == "g"
    stop = session.go(f)
    assert changes(stop.before, session.stack[-1], rewritten=True) == {"a": (None, "1")}


def test_reset_returns_to_the_start_and_forgets_the_predictions() -> None:
    session, source = sums_session()
    session.step(4)
    session.edit("total = 9")
    stop = session.reset()
    assert (stop.kind, session.index, session.known) == (StopKind.START, 0, 0)
    assert session.frame is not None and session.frame.origin is Origin.GIVEN
    calls = source.calls
    session.step()
    assert source.calls == calls + 1


def test_a_proposal_is_gone_after_a_reset() -> None:
    session, _ = real_session(CALLS)
    session.predict(3)
    session.reset()
    with pytest.raises(UsageError, match="no proposal"):
        session.accept()


def test_a_start_that_the_model_invents_is_drawn_again_by_reset() -> None:
    entry = entry_of("def f(x):  # << START_OF_TRACE\n    return x\n")
    assert entry.first is None
    source = Counted(Invented())
    session = Session(entry, source)
    assert session.start().frame is not None
    first = session.frame
    session.reset()
    assert session.frame is not None and first is not None
    assert (first.locals["x"], session.frame.locals["x"]) == ("0", "1")
    assert source.draws == [0, 1]


# -- edits ----------------------------------------------------------------------------------------------------


def test_an_edit_changes_the_state_here_and_the_source_is_asked_with_it() -> None:
    session, source = sums_session()
    session.step(4)
    assert session.frame is not None and session.frame.line == 5
    stop = session.edit("total = 100")
    assert (stop.kind, session.frame.origin, session.frame.locals["total"]) == (StopKind.EDITED, Origin.EDITED, "100")
    session.step()
    assert source.asked[-1][-1].locals == {"total": "100", "n": "1"}
    assert session.frame is not None and session.frame.locals["total"] == "101"


def test_frames_after_an_edit_are_predicted_anew() -> None:
    session, _ = sums_session()
    session.proceed()
    assert session.frame is not None and session.frame.locals["total"] == "6"
    session.go(4)
    session.edit("total = 100")
    assert session.known == 4
    session.proceed()
    assert session.frame is not None and session.frame.locals["total"] == "106"


def test_an_edit_is_undone_by_back_together_with_its_future() -> None:
    session, source = sums_session()
    session.proceed()
    session.go(4)
    known, here = session.known, session.frame
    session.edit("n = 3")
    session.step(2)
    session.back(2)
    assert session.frame is not None and session.frame.locals["n"] == "3"
    session.back()
    assert session.frame is here
    assert session.known == known
    calls = source.calls
    session.step()
    assert session.frame is not None and session.frame.locals == {"total": "1", "n": "1"}
    assert source.calls == calls


def test_an_edit_that_was_left_behind_is_stepped_onto_and_back_from_like_any_frame() -> None:
    session, _ = sums_session()
    session.step(3)
    session.edit("n = 2")
    edited = session.frame
    session.step(2)
    session.go(1)
    session.step(2)
    assert session.frame is edited
    session.back()
    assert (session.index, session.known) == (2, 5)
    session.step()
    assert session.frame is edited


def test_two_edits_are_undone_one_by_one() -> None:
    session, _ = sums_session()
    session.step(3)
    session.edit("n = 1")
    session.edit("n = 2")
    values = []
    for _ in range(2):
        session.back()
        values.append(session.stack[-1].last.locals["n"])
    assert (values, session.index) == (["1", "0"], 3)


def test_an_edit_goes_on_from_a_recorded_run_only_where_it_changes_nothing() -> None:
    session, _ = real_session(CALLS)
    session.step()
    session.edit("a = 1")
    assert session.step().kind is StopKind.STEP
    session.back()
    session.edit("a = 2")
    stop = session.step()
    assert (stop.kind, session.index) == (StopKind.TROUBLE, 1)
    assert "was edited" in stop.message


def test_an_edit_that_cannot_be_evaluated_changes_nothing() -> None:
    session, _ = sums_session()
    session.step(2)
    before = session.history
    for statement in ("x = y", "total = 1/0", "x = open('f')", "total.x = 1", "del q", "x = [", "x = 1; y = 1 / 0"):
        with pytest.raises(UsageError):
            session.edit(statement)
    assert session.history == before


def test_a_return_cannot_be_edited_and_it_says_what_to_do() -> None:
    session, _ = real_session(CALLS)
    session.step(7)
    attempts: list[Callable[[], Stop]] = [lambda: session.edit("m = 5"), lambda: session.jump(2)]
    for change in attempts:
        with pytest.raises(UsageError, match=r"double\(\) is being left by return \(go back, or step on first\)"):
            change()


def test_jump_changes_the_line_and_keeps_the_locals() -> None:
    session, source = sums_session()
    session.step(4)
    stop = session.jump(6)
    assert at(stop) == ("edited", 6, "line")
    assert session.frame is not None
    assert (session.frame.locals, session.frame.source) == ({"total": "0", "n": "1"}, "print(total)")
    assert session.step().kind is StopKind.ENDED
    assert source.asked[-1][-1].line == 6


def test_a_jump_back_runs_the_lines_again_with_the_present_locals() -> None:
    session, _ = sums_session()
    session.proceed()
    session.jump(5)
    session.step()
    assert session.frame is not None
    assert (session.frame.line, session.frame.locals["total"]) == (3, "9")


def test_a_jump_is_undone_by_back() -> None:
    session, _ = sums_session()
    session.step(3)
    here = session.frame
    session.jump(6)
    stop = session.back()
    assert (stop.kind, session.frame, session.index) == (StopKind.BACK, here, 3)


def test_a_jump_stays_in_its_function_and_names_the_nearest_line() -> None:
    session, _ = real_session(CALLS)
    session.step(5)
    message = r"line 7 is not a line of double\(\) that can run \(the nearest that can is 3\)"
    with pytest.raises(UsageError, match=message):
        session.jump(7)


def test_a_jump_from_a_call_event_is_a_line_of_that_activation() -> None:
    session, _ = real_session(CALLS)
    session.step(2)
    session.jump(8)
    assert session.frame is not None
    assert (session.frame.event, session.frame.depth, session.frame.locals) == (Event.LINE, 1, {"n": "1"})
    assert [activation.function for activation in session.stack] == ["<module>", "twice"]


# -- ends, trouble, interruption -------------------------------------------------------------------------------


def test_the_end_is_a_place_to_look_go_back_edit_and_go_on_from() -> None:
    session, _ = sums_session()
    session.proceed()
    for _ in range(2):
        stop = session.step()
        assert (stop.kind, stop.frame) == (StopKind.ENDED, session.frame)
    assert session.stack[-1].last.locals == {"total": "6", "n": "3"}
    session.jump(3)
    session.edit("n = 0")
    assert not session.ended
    assert session.proceed().kind is StopKind.ENDED
    assert session.stack[-1].last.locals == {"total": "12", "n": "3"}
    session.back(3)
    assert session.step().kind is StopKind.STEP


def test_the_end_is_asked_for_once() -> None:
    session, source = sums_session()
    session.proceed()
    calls = source.calls
    session.step()
    session.predict(3)
    session.proceed()
    assert source.calls == calls


def test_ctrl_c_keeps_everything_that_was_predicted_so_far() -> None:
    session, source = real_session(CALLS)
    source.interrupt_at = 6
    stop = session.proceed()
    assert (stop.kind, stop.steps, session.index) == (StopKind.INTERRUPTED, 5, 5)
    assert session.proceed().kind is StopKind.ENDED


def test_ctrl_c_while_looking_ahead_keeps_the_frames_so_far() -> None:
    session, source = real_session(CALLS)
    source.interrupt_at = 4
    with pytest.raises(KeyboardInterrupt):
        session.predict(10)
    assert (len(session.proposal), session.index) == (3, 0)
    assert session.accept().steps == 3


def test_ctrl_c_before_the_first_frame_leaves_a_session_that_can_start() -> None:
    source = Counted(Invented(), interrupt_at=1)
    session = Session(entry_of("def f(x):  # << START_OF_TRACE\n    return x\n"), source)
    with pytest.raises(KeyboardInterrupt):
        session.start()
    assert (session.frame, session.index, session.stack) == (None, -1, ())
    stop = session.step()
    assert (stop.kind, session.index) == (StopKind.STEP, 0)


def test_a_movement_without_end_stops_at_the_limit_and_goes_on_when_repeated() -> None:
    session, _ = real_session("i = 0\nwhile i < 100:\n    i += 1\n")
    session.max_frames = 50
    stop = session.proceed()
    assert (stop.kind, stop.steps, session.index) == (StopKind.LIMIT, 50, 50)
    assert stop.message == "stopped after 50 frames, the limit of one command: repeat it to go on"
    session.proceed()
    assert session.index == 100


class Failing:
    """Fails with `kind` the first times, then says what `frame` is."""

    def __init__(self, kind: TroubleKind, times: int, frame: Frame) -> None:
        self.kind, self.times, self.frame = kind, times, frame

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        self.times -= 1
        return self.frame if self.times < 0 else Trouble(self.kind, "no luck", "<what it wrote>")


@pytest.mark.parametrize("kind", list(TroubleKind))
def test_every_trouble_keeps_the_session_and_is_tried_again(kind: TroubleKind) -> None:
    frame = Frame(Event.LINE, "<module>", 2, "n = 0", {"total": "0"})
    session = Session(entry_of(SUMS), Failing(kind, 2, frame))
    session.start()
    for _ in range(2):
        stop = session.step()
        assert (stop.kind, stop.message, session.index) == (StopKind.TROUBLE, "no luck", 0)
        assert stop.trouble is not None and stop.trouble.text == "<what it wrote>"
    assert session.step().frame == frame


def test_trouble_at_the_very_start_keeps_the_session() -> None:
    entry = entry_of("def f(x):  # << START_OF_TRACE\n    return x\n")
    session = Session(entry, Failing(TroubleKind.MALFORMED, 2, Frame(Event.CALL, "f", 1, "def f(x):", {"x": "1"})))
    assert session.start().kind is StopKind.TROUBLE
    assert session.step().kind is StopKind.TROUBLE
    with pytest.raises(UsageError, match="there is no frame yet"):
        session.edit("x = 1")
    assert session.step().kind is StopKind.STEP


# -- anything at all ------------------------------------------------------------------------------------------


def act(session: Session, dice: random.Random) -> None:
    lines = len(session.entry.program.lines)
    some = dice.randrange(1, 5)
    line = dice.randrange(0, lines + 2)
    choice = dice.randrange(15)
    if choice == 0:
        session.next(some)
    elif choice == 1:
        session.until(line if some == 1 else None)
    elif choice == 2:
        session.finish()
    elif choice == 3:
        session.proceed()
    elif choice == 4:
        session.predict(some)
    elif choice == 5:
        session.predict(line=line)
    elif choice == 6:
        session.accept()
    elif choice == 7:
        session.back(some)
    elif choice == 8:
        session.go(dice.randrange(0, session.known + 2))
    elif choice == 9:
        session.edit(dice.choice(["a = 1", "b = [1, 2]", "c = a", "del a", "n += 1", "x ="]))
    elif choice == 10:
        session.jump(line)
    elif choice == 11:
        session.breakpoints.set(line)
    elif choice == 12:
        session.breakpoints.clear(session.breakpoints.find(some))
    elif choice == 13 and some == 1:
        session.reset()
    else:
        session.step(some)


@pytest.mark.parametrize("name", ["strawberry", "generator", "caught", "account"])
def test_whatever_is_done_in_whatever_order_the_session_holds_together(name: str) -> None:
    entry = enter(Program.read(ROOT / "examples" / f"{name}.py"))
    for seed in range(12):
        dice = random.Random(f"{name} {seed}")
        session = Session(entry, Wandering(entry, seed), max_frames=40)
        session.start()
        for _ in range(60):
            try:
                act(session, dice)
            except (UsageError, KeyboardInterrupt):
                pass
            assert_whole(session)


def assert_whole(session: Session) -> None:
    """What holds at all times: a place, a stack that fits it, and a step that `back` undoes exactly."""
    history = session.history
    assert history and session.index == len(history) - 1 <= session.known
    assert session.stack[-1].depth == history[-1].depth
    assert all(later.depth - earlier.depth <= 1 for earlier, later in pairwise(history))
    try:
        stop = session.step()
        if stop.kind is StopKind.STEP:
            ahead = session.frame
            session.back()
            session.step()
            assert session.frame is ahead
            session.back()
    except KeyboardInterrupt:
        pass
    assert [id(frame) for frame in session.history] == [id(frame) for frame in history]


def test_random_movements_over_a_real_run_never_leave_it() -> None:
    entry = enter(Program.read(Path(ROOT / "examples" / "strawberry.py")))
    trace = recorded(entry)
    dice = random.Random(1)
    session = Session(entry, trace)
    session.start()
    moves: list[Callable[[], Stop]] = [session.step, session.next, session.finish, session.until, session.back]
    for _ in range(300):
        move = dice.choice([*moves, session.proceed])
        try:
            move()
        except UsageError:
            assert session.index == 0
        assert session.history[1:] == list(trace.frames[1 : session.index + 1])
