"""Two timelines side by side: where they part, what differs, and that it fits a terminal of any width."""

from __future__ import annotations

import pytest
from frame_sources import SUMS, Sums, Wandering, entry_of, sums_session
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.timeline_diff import Side, first_difference, steps
from neuralpdb.frontends.text.timelines import summary, table
from neuralpdb.trace.frames import Frame

PROGRAM = entry_of(SUMS).program


def trace(edit: str = "", at: int = 3, count: int = 60) -> list[Frame]:
    """The sums, from their start; with an edit before step `at` goes on."""
    session = Session(entry_of(SUMS), Sums(), max_frames=count)
    session.start()
    if edit:
        session.step(at)
        session.edit(edit)
    session.step(count)
    return session.timeline


PLAIN, SHIFTED, SHORT = trace(), trace("total = 40"), trace("n = 2")


def shown(ours: Side, theirs: Side, width: int = 100) -> list[str]:
    first = first_difference(ours, theirs)
    assert first is not None
    return [text.plain for text in table(PROGRAM, ours, theirs, list(steps(ours, theirs, first)), width)]


def test_the_first_difference_and_who_was_edited_are_named() -> None:
    said = summary(Side("main", SHIFTED), Side("calm", PLAIN))
    assert said == "main and calm part at step 3: total 40 / 0 (main edited)"


def test_what_stays_different_is_said_once_and_a_new_value_again() -> None:
    lines = shown(Side("main", SHIFTED), Side("calm", PLAIN))
    assert lines[0].split() == ["main", "calm"]
    assert lines[1] == "=     3  (4)<module>() -> n += 1"
    assert [cell.strip() for cell in lines[2].split("  ") if cell.strip()] == ["!", "total = 40", "total = 0"]
    assert [line[:12].split()[:2] for line in lines[3:5]] == [["=", "4"], ["=", "5"]], "total is still what it was"
    assert lines[5].split() == "! total = 41 total = 1".split()


def test_where_control_flow_parts_both_places_are_shown_until_one_ends() -> None:
    short, plain = Side("short", SHORT, ended=True), Side("plain", PLAIN, ended=True)
    lines = shown(short, plain)
    parted = [line for line in lines if line.startswith("!") and ")<module>()" in line]
    assert parted[0].split("  ")[-1] != parted[0]
    assert "(6)<module>() -> print(total)" in parted[0] and "(4)<module>() -> n += 1" in parted[0]
    assert any("the end" in line for line in lines) and lines[-1].split()[2] == "-"


def test_no_difference_says_how_far_that_is_known() -> None:
    assert summary(Side("a", PLAIN), Side("b", trace())) == "no difference: a and b are the same from step 0 to 12"
    said = summary(Side("a", PLAIN[:5]), Side("b", PLAIN))
    assert said == "no difference: a and b are the same from step 0 to 4; a is known to 4, b to 12"


def test_an_end_where_the_other_goes_on_is_a_difference() -> None:
    assert first_difference(Side("a", PLAIN[:5], ended=True), Side("b", PLAIN)) == 5
    assert "part at step 5: control flow" in summary(Side("a", PLAIN[:5], ended=True), Side("b", PLAIN))


@pytest.mark.parametrize("width", [1, 20, 40, 71, 72, 80, 200])
def test_two_columns_never_run_into_each_other(width: int) -> None:
    long = [frame.replace(locals={"x" * 90: repr("y" * 500)}) for frame in PLAIN]
    lines = shown(Side("a", long), Side("b", PLAIN), width)
    for line in lines:
        if width >= 72 and line.startswith("! ") and " = " in line:
            assert cell_len(line) <= width


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 120))
def test_any_two_walks_can_be_shown_and_nothing_steers_the_terminal(a: int, b: int, width: int) -> None:
    entry = entry_of(SUMS)
    sides = []
    for seed in (a, b):
        session = Session(entry, Wandering(entry, seed), max_frames=30)
        session.start()
        session.step(25)
        sides.append(Side(f"seed{seed}", session.timeline, session.ended is not None))
    ours, theirs = sides
    assert "\n" not in summary(ours, theirs)
    for text in table(entry.program, ours, theirs, list(steps(ours, theirs)), width):
        assert text.plain.isprintable()


def test_a_session_compares_its_timelines() -> None:
    session, _ = sums_session()
    session.step(6)
    session.back(3)
    session.edit("total = 40")
    session.step(3)
    ours, theirs = Side("main", session.timeline), Side("before1", session.timeline_of("before1").frames)
    assert first_difference(ours, theirs) == 3
