from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.fidelity.comparison import Comparability, judged_rollout, judged_steps
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.verdicts import RIGHT, WRONG, Difference, Fidelity, Tolerance, Verdict, judge
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Outcome, Trace, Trouble, TroubleKind

LINE = Frame(Event.LINE, "f", 2, "    x = g(y)", {"x": "1", "y": "{1, 2}"}, depth=1)
RETURN = Frame(Event.RETURN, "f", 3, "    return x", {"x": "1"}, value="[1]", depth=1)
RAISED = Frame(Event.EXCEPTION, "f", 3, "    raise x", {"x": "1"}, value="KeyError('a')", depth=1)


def test_the_same_frame_is_exact_whoever_says_it() -> None:
    for frame in (LINE, RETURN, RAISED):
        assert judge(frame, frame) == Verdict(Fidelity.EXACT)


@pytest.mark.parametrize(
    ("state", "fidelity", "level", "differing"),
    [
        ({"x": "1", "y": "{2, 1}"}, Fidelity.EQUIVALENT, Level.SET_ORDER, []),
        ({"y": "{1, 2}", "x": "1"}, Fidelity.EXACT, Level.TEXT, []),
        ({"x": "2", "y": "{1, 2}"}, Fidelity.STATE, Level.TEXT, [("x", "2", "1")]),
        ({"x": "1"}, Fidelity.STATE, Level.TEXT, [("y", None, "{1, 2}")]),
        ({"x": "1", "y": "{2, 1}", "z": "3"}, Fidelity.STATE, Level.SET_ORDER, [("z", "3", None)]),
        ({}, Fidelity.STATE, Level.TEXT, [("x", None, "1"), ("y", None, "{1, 2}")]),
    ],
)
def test_locals_are_compared_by_name_and_the_weakest_level_is_told(
    state: dict[str, str], fidelity: Fidelity, level: Level, differing: list[Any]
) -> None:
    found = judge(LINE.replace(locals=state), LINE)
    assert (found.fidelity, found.level) == (fidelity, level)
    assert found.differences == tuple(Difference(*each) for each in differing)


@pytest.mark.parametrize(
    "other",
    [
        LINE.replace(event=Event.CALL),
        LINE.replace(line=3),
        LINE.replace(line=None),
        LINE.replace(function="g"),
        LINE.replace(depth=2),
        RETURN,
        Ended(),
        Trouble(TroubleKind.UNKNOWN_LINE, "?"),
    ],
)
def test_another_place_another_event_or_an_early_end_is_a_wrong_turn(other: Any) -> None:
    assert judge(other, LINE) == Verdict(Fidelity.CONTROL)


@pytest.mark.parametrize("actual", [RETURN, RAISED])
def test_of_a_return_or_an_exception_only_the_value_counts(actual: Frame) -> None:
    assert judge(actual.replace(locals={}), actual) == Verdict(Fidelity.EXACT)
    found = judge(actual.replace(value="[2]"), actual)
    assert found == Verdict(Fidelity.VALUE, differences=(Difference(VALUE, "[2]", actual.value),))


@pytest.mark.parametrize(
    ("kind", "fidelity"),
    [
        (TroubleKind.MALFORMED, Fidelity.MALFORMED),
        (TroubleKind.TRUNCATED, Fidelity.TRUNCATED),
        (TroubleKind.TOO_LONG, Fidelity.TRUNCATED),
        (TroubleKind.UNAVAILABLE, Fidelity.UNREACHED),
    ],
)
def test_a_trouble_has_an_outcome_of_its_own(kind: TroubleKind, fidelity: Fidelity) -> None:
    assert judge(Trouble(kind, "?"), LINE).fidelity is fidelity


def test_what_is_an_accident_of_the_run_counts_for_nothing_unless_it_is_the_same() -> None:
    wrong = LINE.replace(locals={"x": "2", "y": "{1, 2}"})
    assert judge(wrong, LINE, unstable={"x"}) == Verdict(
        Fidelity.EXCLUDED, differences=(Difference("x", "2", "1", excluded=True),)
    )
    assert judge(wrong, LINE, unstable={"y"}).fidelity is Fidelity.STATE
    assert judge(LINE, LINE, unstable={"x", "y"}).fidelity is Fidelity.EXACT
    assert judge(RETURN.replace(value="0"), RETURN, unstable={VALUE}).fidelity is Fidelity.EXCLUDED
    assert judge(LINE.replace(line=9), LINE, unstable={"x", "y"}).fidelity is Fidelity.CONTROL


def test_floats_need_a_tolerance_that_was_asked_for() -> None:
    close = RETURN.replace(value="1.0000001")
    actual = RETURN.replace(value="1.0")
    assert judge(close, actual).fidelity is Fidelity.VALUE
    assert judge(close, actual, Tolerance(float_tolerance=1e-5)) == Verdict(Fidelity.EQUIVALENT, Level.FLOAT)


TEXTS = st.text(max_size=5) | st.sampled_from(["1", "'a'", "{1, 2}", "{2, 1}", "[", "<x at 0x1>"])
FRAMES = st.builds(
    Frame,
    event=st.sampled_from(Event),
    function=st.sampled_from(["f", "g"]),
    line=st.sampled_from([None, 1, 2]),
    source=st.just(""),
    locals=st.dictionaries(st.sampled_from("xyz"), TEXTS, max_size=3),
    value=TEXTS,
    depth=st.integers(0, 1),
).map(lambda f: f.replace(value=f.value if f.event in (Event.RETURN, Event.EXCEPTION) else None))
OUTCOMES = FRAMES | st.just(Ended()) | st.builds(Trouble, st.sampled_from(TroubleKind), st.just(""))


@given(OUTCOMES, FRAMES, st.sets(st.sampled_from(["x", "y", VALUE])))
def test_every_prediction_has_one_outcome_and_only_wrong_ones_differ(said: Any, actual: Frame, odd: set[str]) -> None:
    found = judge(said, actual, unstable=odd)
    assert found.right + found.wrong <= 1
    counted = [each for each in found.differences if not each.excluded]
    assert bool(counted) == (found.fidelity in (Fidelity.STATE, Fidelity.VALUE))
    assert (found.fidelity is Fidelity.EXCLUDED) == (bool(found.differences) and not counted)
    assert judge(actual, actual, unstable=odd) == Verdict(Fidelity.EXACT)


def test_right_and_wrong_share_nothing_and_the_rest_counts_for_neither() -> None:
    assert not RIGHT & WRONG
    assert set(Fidelity) - RIGHT - WRONG == {
        Fidelity.TRUNCATED,
        Fidelity.EXCLUDED,
        Fidelity.UNREACHED,
    }


# --- rollouts ---------------------------------------------------------------------------------------------------------


def line(number: int, depth: int = 0, **state: str) -> Frame:
    return Frame(Event.LINE, "<module>", number, f"line {number}", state, depth=depth)


TRUTH = Trace((line(1), line(2, x="1"), line(3, x="{1, 2}"), line(4, x="3")), Ended("the program ended"))
ALL = Comparability({}, 4)


def test_a_rollout_that_follows_is_exact_to_its_end() -> None:
    found = judged_rollout(TRUTH, TRUTH, ALL)
    assert [each.fidelity for each in found.verdicts] == [Fidelity.EXACT] * 3
    assert (found.divergence, found.matched, found.complete, found.exact, found.equal) == (None, 3, True, True, True)
    assert found.expected == found.predicted == "x = 3"


def test_an_equivalent_frame_does_not_part_the_ways() -> None:
    frames = (*TRUTH.frames[:2], line(3, x="{2, 1}"), TRUTH.frames[3])
    found = judged_rollout(Trace(frames, TRUTH.end), TRUTH, ALL)
    assert [each.fidelity for each in found.verdicts] == [Fidelity.EXACT, Fidelity.EQUIVALENT, Fidelity.EXACT]
    assert found.exact


def test_behind_the_first_difference_nothing_is_reached_and_the_result_may_still_be_right() -> None:
    frames = (line(1), line(2, x="7"), line(3, x="{1, 2}"), line(4, x="3"))
    found = judged_rollout(Trace(frames, TRUTH.end), TRUTH, ALL)
    assert [each.fidelity for each in found.verdicts] == [Fidelity.STATE, Fidelity.UNREACHED, Fidelity.UNREACHED]
    assert (found.divergence, found.matched, found.equal) == (1, 0, True)


def test_an_early_end_is_a_divergence_and_so_is_going_on_too_long() -> None:
    early = judged_rollout(Trace(TRUTH.frames[:2], Ended()), TRUTH, ALL)
    assert (early.divergence, early.verdicts[1].fidelity, early.equal) == (2, Fidelity.CONTROL, False)
    late = judged_rollout(Trace((*TRUTH.frames, line(5, x="3")), Ended()), TRUTH, ALL)
    assert (late.divergence, late.matched, late.exact) == (4, 3, False)


def test_nonsense_where_the_end_belongs_is_a_divergence_and_no_result() -> None:
    found = judged_rollout(Trace(TRUTH.frames, Trouble(TroubleKind.MALFORMED, "?")), TRUTH, ALL)
    assert (found.divergence, found.matched, found.complete, found.equal) == (4, 3, False, False)
    cut = judged_rollout(Trace(TRUTH.frames, Trouble(TroubleKind.TRUNCATED, "limit")), TRUTH, ALL)
    assert (cut.divergence, cut.equal) == (None, None)


def test_a_limit_is_no_divergence_and_leaves_the_result_open() -> None:
    cut = Trouble(TroubleKind.TRUNCATED, "limit")
    found = judged_rollout(Trace(TRUTH.frames[:2], cut), TRUTH, ALL)
    assert [each.fidelity for each in found.verdicts] == [Fidelity.EXACT, Fidelity.TRUNCATED, Fidelity.UNREACHED]
    assert (found.divergence, found.matched, found.complete, found.equal) == (None, 1, False, None)
    gone_wrong = judged_rollout(Trace((line(1), line(9), line(9)), cut), TRUTH, ALL)
    assert (gone_wrong.divergence, gone_wrong.equal) == (1, False)


def test_a_truth_that_was_cut_says_nothing_of_the_end() -> None:
    cut = Trace(TRUTH.frames[:3], Trouble(TroubleKind.TRUNCATED, "limit of 3 frames"))
    found = judged_rollout(TRUTH, cut, Comparability({}, 3))
    assert (found.divergence, found.matched, found.expected, found.equal) == (None, 2, "", None)


def test_what_is_not_comparable_parts_no_ways() -> None:
    frames = (line(1), line(2, x="0.123"), *TRUTH.frames[2:])
    found = judged_rollout(Trace(frames, TRUTH.end), TRUTH, Comparability({1: frozenset("x")}, 4))
    assert [each.fidelity for each in found.verdicts] == [Fidelity.EXCLUDED, Fidelity.EXACT, Fidelity.EXACT]
    assert found.divergence is None
    nothing = judged_rollout(Trace((line(1), line(9)), Ended()), TRUTH, Comparability({}, 1))
    assert {each.fidelity for each in nothing.verdicts} == {Fidelity.EXCLUDED}
    assert (nothing.divergence, nothing.equal) == (None, None)


def test_the_result_of_a_script_is_its_own_state_not_what_its_last_line_called() -> None:
    called = Frame(Event.RETURN, "__repr__", 9, "return 'x'", {}, value="'x'", depth=1)
    truth = Trace((line(1), line(2, x="1"), called), Ended("the program ended"))
    wrong = Trace((line(1), line(2, x="1"), called.replace(value="'y'")), truth.end)
    found = judged_rollout(wrong, truth, Comparability({}, 3))
    assert (found.expected, found.equal, found.divergence) == ("x = 1", True, 2)


def test_the_result_of_a_call_is_what_it_returned_or_raised() -> None:
    start = Frame(Event.CALL, "main", 1, "def main():")
    for value, event in (("5", Event.RETURN), ("KeyError(1)", Event.EXCEPTION)):
        truth = Trace((start, Frame(event, "main", 2, "return f()", {}, value=value)), Ended())
        assert judged_rollout(truth, truth, Comparability({}, 2)).equal is True
        other = Trace((start, Frame(Event.RETURN, "main", 2, "return f()", {}, value="6")), Ended())
        found = judged_rollout(other, truth, Comparability({}, 2))
        assert (found.expected, found.predicted, found.equal) == (value, "6", False)


def test_steps_are_judged_against_the_frame_of_their_index_and_the_end_is_no_step() -> None:
    said: list[tuple[int, Outcome, float | None]] = [(1, TRUTH.frames[1], 0.5), (2, line(9), None), (4, Ended(), 0.9)]
    first, second = judged_steps(said, TRUTH, ALL)
    assert (first.index, first.verdict.fidelity, first.confidence) == (1, Fidelity.EXACT, 0.5)
    assert (second.index, second.verdict.fidelity, second.confidence) == (2, Fidelity.CONTROL, None)
