"""A timeline beside a real run: what is said of every frame, when nothing is, and what is waited for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from frame_sources import SUMS, Misled, Unfolding, entry_of, misled, recorded

from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.lockstep import FrameStatus, Lockstep, Status
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Outcome, Trace, Trouble, TroubleKind

TRUTH = recorded(entry_of(SUMS))


def predicted(frame: Frame, **changes: object) -> Frame:
    return frame.replace(origin=Origin.PREDICTED, **changes)


def right(count: int = len(TRUTH.frames)) -> list[Outcome]:
    """The first frames as a model says them that is never wrong."""
    return [predicted(frame) for frame in TRUTH.frames[:count]]


def wrong_total(frame: Frame) -> Frame:
    return predicted(frame, locals={**frame.locals, "total": "99"})


def said(standings: Sequence[FrameStatus]) -> list[str]:
    return [
        each.verdict.fidelity.value if each.verdict and each.kind is Status.JUDGED else each.kind for each in standings
    ]


def test_frames_that_are_the_actual_ones_are_exact_to_the_end() -> None:
    standings = Lockstep(Unfolding(TRUTH)).along([*right(), Ended("the model ended the trace")])
    assert said(standings) == ["exact"] * (len(TRUTH.frames) + 1)
    assert all(each.since is None and each.at == each.index for each in standings)
    assert isinstance(standings[-1].actual, Ended)


def test_a_wrong_local_is_the_divergence_of_all_that_follow_and_they_are_still_judged() -> None:
    timeline = right()
    timeline[4:7] = [wrong_total(frame) for frame in TRUTH.frames[4:7]]
    standings = Lockstep(Unfolding(TRUTH)).along(timeline[:9])
    assert said(standings) == ["exact"] * 4 + ["state"] * 3 + ["exact"] * 2
    assert [each.since for each in standings] == [None] * 4 + [4] * 5
    assert [(d.name, d.predicted, d.actual) for d in standings[4].verdict.differences] == [("total", "99", "0")]  # type: ignore[union-attr]


def test_after_control_flow_has_parted_the_actual_frame_is_the_one_where_it_did() -> None:
    timeline = [*right(5), predicted(TRUTH.frames[6]), *right()[6:9]]
    standings = Lockstep(Unfolding(TRUTH)).along(timeline)
    assert said(standings) == ["exact"] * 5 + ["control"] + ["parted"] * 3
    assert {(each.since, each.at, id(each.actual)) for each in standings[5:]} == {(5, 5, id(TRUTH.frames[5]))}
    assert [each.parts for each in standings] == [False] * 5 + [True] * 4


def test_an_end_where_there_is_none_and_a_frame_behind_the_end_part() -> None:
    early = Lockstep(Unfolding(TRUTH)).along([*right(3), Ended()])[-1]
    assert (early.verdict.fidelity, early.actual) == (Fidelity.CONTROL, TRUTH.frames[3])  # type: ignore[union-attr]
    late = Lockstep(Unfolding(TRUTH)).along([*right(), predicted(TRUTH.frames[-1]), predicted(TRUTH.frames[-1])])
    assert said(late)[-2:] == ["control", "parted"]
    assert isinstance(late[-1].actual, Ended) and late[-1].at == len(TRUTH.frames)


@pytest.mark.parametrize(
    ("kind", "fidelity"),
    [
        (TroubleKind.MALFORMED, Fidelity.MALFORMED),
        (TroubleKind.UNKNOWN_LINE, Fidelity.CONTROL),
        (TroubleKind.TRUNCATED, Fidelity.TRUNCATED),
        (TroubleKind.UNAVAILABLE, Fidelity.UNREACHED),
    ],
)
def test_what_came_instead_of_a_frame_has_a_verdict_also_at_the_end(kind: TroubleKind, fidelity: Fidelity) -> None:
    for count in (3, len(TRUTH.frames)):
        last = Lockstep(Unfolding(TRUTH)).along([*right(count), Trouble(kind, "it failed")])[-1]
        assert last.verdict is not None and last.verdict.fidelity is fidelity
        assert (last.since == count) is last.verdict.wrong


def test_an_edit_leaves_the_real_run_until_a_frame_is_the_actual_one_again() -> None:
    edited = predicted(TRUTH.frames[3], locals={"total": "7", "n": "0"}).replace(origin=Origin.EDITED)
    back = TRUTH.frames[5].replace(origin=Origin.EDITED)
    timeline = [*right(3), edited, *right()[4:5], back, *right()[6:8]]
    standings = Lockstep(Unfolding(TRUTH)).along(timeline)
    assert said(standings) == ["exact"] * 3 + ["edited"] * 2 + ["exact"] * 3
    assert [each.edited for each in standings] == [None] * 3 + [3, 3] + [None] * 3
    assert all(each.since is None for each in standings)


def test_a_second_edit_does_not_hide_the_first() -> None:
    edits = [predicted(f, locals={"total": "7"}).replace(origin=Origin.EDITED) for f in TRUTH.frames[3:5]]
    standings = Lockstep(Unfolding(TRUTH)).along([*right(3), *edits, *right()[5:6]])
    assert [each.edited for each in standings] == [None] * 3 + [3] * 3


def test_an_edit_to_the_actual_value_ends_a_divergence() -> None:
    timeline = [*right(4), wrong_total(TRUTH.frames[4]), TRUTH.frames[5].replace(origin=Origin.EDITED), *right()[6:7]]
    standings = Lockstep(Unfolding(TRUTH)).along(timeline)
    assert [each.since for each in standings] == [None] * 4 + [4, None, None]


def test_an_adopted_frame_is_the_actual_one_and_ends_a_divergence() -> None:
    timeline = [*right(4), TRUTH.frames[4], *right()[5:7]]
    standings = Lockstep(Unfolding(TRUTH)).along(timeline)
    assert [each.adopted for each in standings] == [False] * 4 + [True] + [False] * 2
    assert standings[-1].since is None and said(standings)[-1] == "exact"


def test_what_the_real_run_has_not_reached_is_not_known_and_nothing_is_waited_for() -> None:
    run = Unfolding(TRUTH, ready=2)
    beside = Lockstep(run)
    assert said(beside.along(right(4))) == ["exact", "exact", "unknown", "unknown"]
    assert run.waits == []
    run.ready = 3
    assert said(beside.along(right(4))) == ["exact"] * 3 + ["unknown"]


def test_a_look_waits_a_moment_and_a_question_as_long_as_it_takes() -> None:
    run = Unfolding(TRUTH, ready=2)
    beside = Lockstep(run)
    assert beside.at(right(5), 0.03).kind is Status.UNKNOWN
    assert beside.at(right(5), None).verdict is not None
    assert run.waits == [(5, 0.03), (5, None)]


def test_behind_a_limit_of_the_real_run_nothing_is_known_and_nothing_diverges() -> None:
    cut = Trace(TRUTH.frames[:3], Trouble(TroubleKind.TRUNCATED, "wall time limit of 10 s"))
    beside = Lockstep(Unfolding(cut))
    standings = beside.along([*right(4), wrong_total(TRUTH.frames[4])])
    assert said(standings) == ["exact"] * 3 + ["cut"] * 2
    assert standings[-1].reason == "wall time limit of 10 s" and standings[-1].since is None
    assert beside.news() == ["note: the real run was cut short after step 2: wall time limit of 10 s"]
    assert beside.news() == []


def test_a_run_that_fails_before_its_entry_is_no_truth_and_that_is_said_once() -> None:
    beside = Lockstep(Unfolding(Trace((), Ended()), fails="p.py: nothing was recorded: ImportError"))
    assert beside.failed == "p.py: nothing was recorded: ImportError"
    assert beside.along(right(2))[-1].kind is Status.CUT
    assert [beside.news(), beside.news()] == [[f"note: there is no real run to compare with: {beside.failed}"], []]


def test_values_that_are_accidents_of_the_run_do_not_count_once_that_is_known() -> None:
    run = Unfolding(TRUTH, unstable={4: frozenset({"total"})}, comparable=6)
    beside = Lockstep(run)
    timeline = [*right(4), wrong_total(TRUTH.frames[4]), *right()[5:8]]
    assert said(beside.along(timeline))[4] == "state"
    assert beside.at(timeline, None).since is None, "who asks for it waits until it is certain"
    assert said(beside.along(timeline)) == ["exact"] * 4 + ["excluded", "exact"] + ["excluded"] * 2


def test_texts_that_say_the_same_are_equivalent_with_their_level() -> None:
    truth = Trace((TRUTH.frames[0], Frame(Event.LINE, "<module>", 2, "n = 0", {"s": "{1, 2}"})), Ended())
    found = Lockstep(Unfolding(truth)).along([right(1)[0], predicted(truth.frames[1], locals={"s": "{2, 1}"})])[1]
    assert found.verdict is not None
    assert (found.verdict.fidelity, found.verdict.level) == (Fidelity.EQUIVALENT, Level.SET_ORDER)


def test_one_timeline_after_the_other_gives_what_each_gives_alone() -> None:
    entry = entry_of(SUMS)
    model = misled(entry, "total += n", "total -= n")
    assert isinstance(model, Misled)
    lines: list[list[Outcome]] = [
        right(8),
        [*model.mistaken.frames[:9]],
        right(3),
        [*right(3), *model.mistaken.frames[3:6]],
        [*right(5), Ended()],
        right(),
    ]
    beside = Lockstep(Unfolding(TRUTH))
    for line in [*lines, *reversed(lines)]:
        assert beside.along(line) == Lockstep(Unfolding(TRUTH)).along(line)
