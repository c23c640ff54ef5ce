"""Timelines: what an edit leaves behind is kept, forks, switching, checkpoints; over runs that are worked out."""

from __future__ import annotations

import random

import pytest
from frame_sources import SUMS, Counted, Sums, Wandering, entry_of, sums_session

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import StopKind
from neuralpdb.debugger.timelines import MAIN, MOST_KEPT, fork_of
from neuralpdb.errors import UsageError
from neuralpdb.trace.frames import Frame, Origin


def names(session: Session) -> list[str]:
    return list(session.timelines.kept)


def total(session: Session) -> str:
    assert session.frame is not None
    return session.frame.locals["total"]


def edited() -> Session:
    """Six steps known, three of them undone, then an edit."""
    session, _ = sums_session()
    session.step(6)
    session.back(3)
    session.edit("total = 40")
    return session


# -- what an edit keeps -------------------------------------------------------------------------------------------


def test_an_edit_keeps_the_future_that_it_leaves_as_a_timeline() -> None:
    session = edited()
    assert names(session) == ["before1"]
    kept = session.timeline_of("before1")
    assert len(kept.nodes) == 7 and kept.index == 3
    assert fork_of(kept.frames, session.present.frames) == 3


def test_an_edit_at_the_last_known_frame_leaves_no_future_and_keeps_nothing() -> None:
    session, _ = sums_session()
    session.step(6)
    session.edit("total = 40")
    assert names(session) == []


def test_an_edit_keeps_nothing_that_a_fork_has_kept_already() -> None:
    session, _ = sums_session()
    session.step(6)
    session.back(3)
    session.fork("calm")
    session.edit("total = 40")
    assert names(session) == ["calm"]
    session.back()
    assert names(session) == ["calm"] and session.known == 6


def test_an_edit_keeps_what_has_become_known_since_the_fork() -> None:
    session, _ = sums_session()
    session.step(4)
    session.fork("calm")
    session.step(2)
    session.back(3)
    session.edit("total = 40")
    assert names(session) == ["calm", "before1"]


def test_a_jump_keeps_the_future_too() -> None:
    session, _ = sums_session()
    session.step(6)
    session.back(2)
    session.jump(6)
    assert names(session) == ["before1"]


def test_undoing_the_edit_is_the_former_timeline_again_with_its_future_and_its_copy_is_gone() -> None:
    session = edited()
    former = session.timeline_of("before1").frames
    session.back()
    assert session.timeline == list(former) and session.index == 3
    assert names(session) == []


def test_what_was_kept_and_visited_stays_when_the_edit_is_undone() -> None:
    session = edited()
    session.switch("before1")
    session.switch(MAIN)
    session.back()
    assert names(session) == ["before1"]


def test_timelines_that_nobody_named_do_not_pile_up() -> None:
    session, _ = sums_session()
    session.fork("mine")
    for number in range(2 * MOST_KEPT):
        session.step(3)
        session.back(2)
        session.edit(f"total = {number}")
    assert len(session.timelines.kept) == MOST_KEPT + 1
    assert "mine" in session.timelines.kept


# -- forks and switching ------------------------------------------------------------------------------------------


def test_a_fork_stays_as_it_was_while_its_copy_goes_on() -> None:
    session, _ = sums_session()
    session.step(3)
    session.fork("here")
    session.edit("total = 40")
    session.step(4)
    assert session.timelines.current == MAIN
    assert len(session.timeline_of("here").nodes) == 4
    assert total(session) == "41"


def test_switching_goes_where_the_timeline_was_left_and_keeps_the_present_one() -> None:
    session = edited()
    session.step(4)
    changed = session.timeline
    stop = session.switch("before1")
    assert stop.kind is StopKind.EDITED and stop.message == "timeline before1"
    assert (session.index, total(session)) == (3, "0")
    assert names(session) == [MAIN]
    session.switch(MAIN)
    assert session.timeline == changed and session.index == 7


def test_a_timeline_goes_on_by_itself_after_a_switch() -> None:
    session = edited()
    session.step(4)
    session.switch("before1")
    session.step(4)
    assert total(session) == "1"
    session.switch(MAIN)
    assert total(session) == "41"


def test_the_undoing_of_edits_belongs_to_a_timeline() -> None:
    session = edited()
    session.fork("edited")
    session.go(0)  # forgets how to undo the edit here, not there
    session.switch("edited")
    assert total(session) == "40"
    session.back()
    assert (session.index, total(session)) == (3, "0")


def test_what_a_source_said_is_not_asked_for_again_after_a_switch() -> None:
    session, source = sums_session()
    session.step(6)
    session.fork("one")
    session.back(3)
    session.edit("total = 40")
    session.step(2)
    calls = source.calls
    session.switch("one")
    session.go(0)
    session.step(6)
    session.switch(MAIN)
    session.back(2)
    session.step(2)
    assert source.calls == calls


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main", "there is a timeline main already"),
        ("2", "2: not a name"),
        ("all", "all: not a name"),
        ("a b", "a b: not a name"),
        ("\x1b[1m", "\x1b[1m: not a name"),
        ("x" * 41, "x" * 41 + ": not a name"),
    ],
)
def test_a_name_that_is_none_or_taken_is_refused_and_nothing_changes(name: str, said: str) -> None:
    session, _ = sums_session()
    with pytest.raises(UsageError) as caught:
        session.fork(name)
    assert caught.value.message == said
    assert names(session) == []


def test_a_fork_without_a_name_gets_one_that_is_free() -> None:
    session, _ = sums_session()
    assert [session.fork().name for _ in range(2)] == ["fork1", "fork2"]


def test_switching_to_what_is_not_there_changes_nothing() -> None:
    session = edited()
    for name, said in (("main", "main is the present timeline already"), ("nowhere", "there is no timeline 'nowhere'")):
        with pytest.raises(UsageError) as caught:
            session.switch(name)
        assert caught.value.message == said
    assert session.timelines.current == MAIN and names(session) == ["before1"]


# -- checkpoints --------------------------------------------------------------------------------------------------


def test_a_checkpoint_on_the_present_timeline_is_a_step_of_it() -> None:
    session, _ = sums_session()
    session.step(3)
    session.checkpoint("a")
    session.step(3)
    known = session.known
    session.return_to("a")
    assert (session.index, session.known) == (3, known)
    assert names(session) == []


def test_a_checkpoint_whose_frame_was_edited_away_is_still_a_place() -> None:
    session, _ = sums_session()
    session.step(4)
    session.checkpoint("a")
    session.back()
    session.edit("total = 40")
    session.step(3)
    here = session.timeline
    session.return_to("a")
    assert (session.index, total(session)) == (4, "0")
    assert any(list(kept.frames) == here for kept in session.timelines.kept.values()), "what was left is kept"


def test_a_checkpoint_on_a_kept_timeline_is_found_there() -> None:
    session, _ = sums_session()
    session.step(6)
    session.back(2)
    session.checkpoint("a")
    session.back()
    session.edit("total = 40")
    session.return_to("a")
    assert session.timelines.current == "before1" and session.index == 4
    assert names(session) == [MAIN]


def test_a_checkpoint_that_was_never_set_is_one_line() -> None:
    session, _ = sums_session()
    with pytest.raises(UsageError) as caught:
        session.return_to("a")
    assert str(caught.value) == "there is no checkpoint 'a' (set one with: checkpoint NAME)"


# -- any sequence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_done_on_one_timeline_the_others_stay_as_they_were(seed: int) -> None:
    dice = random.Random(seed)
    entry = entry_of(SUMS)
    session = Session(entry, Counted(Wandering(entry, seed) if seed % 2 else Sums()), max_frames=40)
    session.start()
    left: dict[str, tuple[list[Frame], int]] = {}
    for _ in range(120):
        action = dice.randrange(7)
        try:
            if action == 0:
                session.step(dice.randrange(1, 5))
            elif action == 1:
                session.back(dice.randrange(1, 4))
            elif action == 2:
                session.edit(f"total = {dice.randrange(9)}")
            elif action == 3:
                session.go(dice.randrange(session.known + 1))
            elif action == 4 and len(session.timelines.kept) < 6:
                found = session.fork()
                left[found.name] = (list(found.frames), found.index)
            elif action == 5 and left:
                name = dice.choice(sorted(left))
                frames, index = left.pop(name)
                left[session.timelines.current] = (session.timeline, session.index)
                session.switch(name)
                assert session.timeline == frames and session.index == index
        except UsageError:
            pass
        for name, (frames, index) in left.items():
            kept = session.timeline_of(name)
            assert list(kept.frames) == frames and kept.index == index


def test_edits_are_marked_as_such_on_every_timeline() -> None:
    session = edited()
    session.fork("edited")
    session.switch("before1")
    assert [frame.origin for frame in session.timeline].count(Origin.EDITED) == 0
    session.switch("edited")
    assert [frame.origin for frame in session.timeline].count(Origin.EDITED) == 1
