"""What stops a movement: lines, functions, conditions, counts, watched expressions, messages."""

from __future__ import annotations

import pytest
from frame_sources import EXAMPLES, SUMS, Counted, Sums, entry_of, real_session, recorded
from places import ROOT

from neuralpdb.debugger.breakpoints import Breakpoint, Breakpoints, filled
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import UsageError
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event

COUNTS = """\
def count(word, wanted):
    total = 0
    for letter in word:
        if letter == wanted:
            total += 1
    return total


class Box:
    def put(self, thing): return thing


first = count("ana", "a")
second = count("bob", "b")
"""


def started(text: str = COUNTS) -> Session:
    return real_session(text)[0]


def stops(session: Session, most: int = 50) -> list[tuple[int | None, str]]:
    """Line and message of every stop of `continue`, as far as the end."""
    found: list[tuple[int | None, str]] = []
    for _ in range(most):
        stop = session.proceed()
        if stop.kind is not StopKind.BREAKPOINT:
            assert stop.kind is StopKind.ENDED
            return found
        assert stop.frame is not None
        found.append((stop.frame.line, stop.message))
    raise AssertionError("it stops too often")


def points_of(text: str, name: str = "p.py") -> Breakpoints:
    return Session(entry_of(text, name=name), Sums()).breakpoints


def known(session: Session) -> list[dict[str, str]]:
    return [dict(frame.locals) for frame in session.history]


# -- lines and functions --------------------------------------------------------------------------------------


def test_a_breakpoint_stops_whenever_its_line_is_about_to_run() -> None:
    session = started()
    point = session.breakpoints.set(5)
    assert stops(session) == [(5, "breakpoint 1")] * 4
    assert (point.number, point.hits) == (1, 4)


def test_a_stop_names_its_breakpoint() -> None:
    session = started()
    point = session.breakpoints.set(5)
    assert session.proceed().point is point
    assert session.step().point is None


def test_a_temporary_breakpoint_stops_once_and_says_that_it_is_gone() -> None:
    session = started()
    session.breakpoints.set(5, temporary=True)
    assert stops(session) == [(5, "Deleted breakpoint 1 at p.py:5")]
    assert not len(session.breakpoints)


def test_a_breakpoint_on_a_function_is_on_its_first_line_and_only_in_it() -> None:
    session = started("def f(): return 1\n\n\nclass C:\n    def g(self):\n        return f()\n\n\nx = C().g()\n")
    assert session.breakpoints.set_at_function("C.g").line == 6
    assert session.breakpoints.set_at_function("g").line == 6
    one_line = session.breakpoints.set_at_function("f")
    assert (one_line.line, one_line.function) == (1, "f")
    assert stops(session) == [(6, "breakpoint 1"), (1, "breakpoint 3")]


def test_a_function_that_the_program_does_not_have_is_refused() -> None:
    points = points_of(COUNTS)
    assert not points.is_function("nobody")
    with pytest.raises(UsageError, match="there is no function 'nobody'"):
        points.set_at_function("nobody")


def test_a_breakpoint_at_a_yield_stops_before_it_and_not_when_the_generator_goes_on() -> None:
    session = started("def g():\n    yield 1\n    yield 2\n\n\nx = list(g())\n")
    session.breakpoints.set(2)
    assert stops(session) == [(2, "breakpoint 1")]


def test_a_line_that_never_runs_is_refused_and_the_next_that_does_is_named() -> None:
    with pytest.raises(UsageError, match=r"line 7 never runs \(the next that can is line 9\)"):
        started().breakpoints.set(7)
    with pytest.raises(UsageError, match=r"^line 99 never runs$"):
        started().breakpoints.set(99)


def test_of_two_breakpoints_on_a_line_the_first_that_stops_is_the_one() -> None:
    session = started()
    first, second = session.breakpoints.set(5), session.breakpoints.set(5)
    first.ignore = 1
    assert [message for _, message in stops(session)] == ["breakpoint 2", *["breakpoint 1"] * 3]
    assert (first.hits, second.hits) == (4, 1)


def test_a_breakpoint_where_a_step_arrives_is_not_counted_as_in_pdb() -> None:
    session = started()
    point = session.breakpoints.set(2)
    session.step(2)
    assert (session.frame is not None and session.frame.line, point.hits) == (2, 0)


# -- conditions and counts ------------------------------------------------------------------------------------


def test_a_condition_is_looked_at_over_the_predicted_values() -> None:
    session = started()
    point = session.breakpoints.set(5, condition="total > 0 and wanted == 'a'")
    assert stops(session) == [(5, "breakpoint 1")]
    assert point.hits == 4


def test_a_condition_that_cannot_be_evaluated_stops_and_says_why() -> None:
    session = started()
    session.breakpoints.set(6, condition="nobody > 3", temporary=True)
    why = "breakpoint 1: its condition nobody > 3 cannot be evaluated: name 'nobody' is not defined here"
    assert stops(session) == [(6, why)] * 2
    assert len(session.breakpoints) == 1, "a temporary one stays, as a hint"


@pytest.mark.parametrize("text", ["x ==", "a = 1", "(", "\0", "(" * 5000])
def test_a_condition_that_is_no_expression_is_refused_at_once(text: str) -> None:
    points = started().breakpoints
    with pytest.raises(UsageError, match="cannot parse"):
        points.set(5, condition=text)
    with pytest.raises(UsageError, match="cannot parse"):
        points.watch(text)
    assert not len(points)


@pytest.mark.parametrize("text", ["9**9**9 > 1", "'a' * 10**9", "[0] * 10**9", "input()", "open('x')"])
def test_a_hostile_condition_costs_a_stop_and_runs_nothing(text: str) -> None:
    session = started()
    session.breakpoints.set(6, condition=text)
    found = stops(session)
    assert len(found) == 2
    assert all("cannot be evaluated" in message for _, message in found)


def test_ignore_counts_only_where_the_condition_holds() -> None:
    session = started()
    point = session.breakpoints.set(4, condition="letter == wanted")
    point.ignore = 3
    assert stops(session) == [(4, "breakpoint 1")]
    assert (point.ignore, point.hits) == (0, 6)


def test_a_breakpoint_that_is_disabled_is_not_even_counted() -> None:
    session = started()
    point = session.breakpoints.set(5)
    point.enabled = False
    assert stops(session) == []
    assert point.hits == 0


# -- watched expressions --------------------------------------------------------------------------------------


def test_a_watched_expression_stops_when_its_value_has_changed_with_both_values() -> None:
    session = started()
    session.breakpoints.watch("total", function="count")
    assert [message.partition(": ")[2] for _, message in stops(session)] == [
        "total: (no value) -> 0", "total: 0 -> 1", "total: 1 -> 2",
        "total: (no value) -> 0", "total: 0 -> 1", "total: 1 -> 2",
    ]  # fmt: skip


def test_each_call_of_a_function_is_watched_on_its_own() -> None:
    text = "def f(n):\n    if n:\n        f(n - 1)\n    n = -n\n    return n\n\n\nx = f(2)\n"
    session = started(text)
    session.breakpoints.watch("n", function="f")
    assert [message for _, message in stops(session)] == [
        "watchpoint 1: n: 1 -> -1",
        "watchpoint 1: n: 2 -> -2",
    ]


def test_without_a_function_an_expression_is_watched_wherever_it_has_a_value() -> None:
    session = started("def f(v):\n    w = v\n    w += 1\n    return w\n\n\nw = 1\nw = f(5)\nw = 9\nx = 1\n")
    session.breakpoints.watch("w")
    changes = [message.partition(": ")[2] for _, message in stops(session)]
    assert changes == ["w: (no value) -> 1", "w: 1 -> 5", "w: 5 -> 6", "w: 1 -> 6", "w: 6 -> 9"]


def test_an_expression_is_about_this_function_when_a_variable_of_it_is_in_it() -> None:
    session = started()
    points = session.breakpoints
    here = session.stack[-1]
    assert [points.scope(text, here) for text in ("first", "total", "len(word)", "second + total", "1")] == [
        "<module>", "", "", "<module>", "",
    ]  # fmt: skip
    session.step()
    assert [points.scope(text, session.stack[-1]) for text in ("letter", "first", "word")] == ["count", "", "count"]


def test_a_value_that_goes_away_is_a_change() -> None:
    session = started("x = 1\ndel x\ny = 2\n")
    session.breakpoints.watch("x", function="<module>")
    assert [line for line, _ in stops(session)] == [2, 3]


def test_a_watched_expression_obeys_condition_ignore_and_being_disabled() -> None:
    session = started()
    point = session.breakpoints.watch("total", function="count", condition="total > 0")
    point.ignore = 1
    changes = ["1 -> 2", "0 -> 1", "1 -> 2"]
    assert [message for _, message in stops(session)] == [f"watchpoint 1: total: {change}" for change in changes]
    session.reset()
    point.enabled = False
    assert stops(session) == []


def test_a_long_value_is_cut_in_the_message() -> None:
    session = started("x = 'a'\nx = x * 5000\ny = 1\n")
    session.breakpoints.watch("x")
    assert all(len(message) < 200 for _, message in stops(session))


# -- messages -------------------------------------------------------------------------------------------------


def test_a_breakpoint_with_a_message_says_it_and_does_not_stop() -> None:
    session = started()
    said: list[tuple[Breakpoint, str]] = []
    session.breakpoints.logged = lambda point, text: said.append((point, text))
    point = session.breakpoints.set(5, condition="total == 1")
    point.log = "{letter}: {total + 1}, {nobody} {"
    assert stops(session) == []
    assert said == [
        (point, "'a': 2, {nobody: name 'nobody' is not defined here} {"),
        (point, "'b': 2, {nobody: name 'nobody' is not defined here} {"),
    ]


def test_only_what_is_in_braces_is_evaluated() -> None:
    assert filled("a {a} {{b}} {} a+1", {"a": "1", "b": "[2]"}.__getitem__) == "a 1 {[2]} {} a+1"


# -- numbers and places ---------------------------------------------------------------------------------------


def test_numbers_are_never_given_twice_and_pdb_says_what_is_wrong_with_one() -> None:
    points = started().breakpoints
    points.clear(points.set(2))
    assert points.set(3).number == 2
    for number, message in ((1, "Breakpoint 1 already deleted"), (3, "number 3 out of range"), (0, "out of range")):
        with pytest.raises(UsageError, match=message):
            points.find(number)


def test_restored_breakpoints_keep_their_numbers_and_new_ones_come_after_them() -> None:
    points = started().breakpoints
    points.restore(iter([Breakpoint(4, 2), Breakpoint(7, 3, condition="a")]))
    assert [point.number for point in points] == [4, 7]
    assert points.set(5).number == 8


@pytest.mark.parametrize("file", ["account.py", "account", "examples/account.py", "/home/me/examples/account.py"])
def test_a_file_is_the_program_however_much_of_its_path_is_given(file: str) -> None:
    assert points_of("x = 1\n", "examples/account.py").is_own(file)


@pytest.mark.parametrize("file", ["", "other.py", "tests/account.py", "account.pyc", "/"])
def test_another_file_is_not_the_program(file: str) -> None:
    assert not points_of("x = 1\n", "examples/account.py").is_own(file)


def test_breakpoints_are_described_in_the_words_of_pdb() -> None:
    points = started().breakpoints
    found = [points.set(5), points.watch("total", function="count"), points.watch("total")]
    assert [points.describe(point) for point in found] == [
        "breakpoint 1 at p.py:5",
        "watchpoint 2 on total in count()",
        "watchpoint 3 on total",
    ]


# -- the ways back --------------------------------------------------------------------------------------------


def all_stops(session: Session) -> list[tuple[int, Stop]]:
    found = []
    while (stop := session.proceed()).kind is StopKind.BREAKPOINT:
        found.append((session.index, stop))
    return found


def test_going_back_visits_the_breakpoints_in_reverse_and_ends_at_the_start() -> None:
    session = started()
    session.breakpoints.set(5, condition="total == 0")
    session.breakpoints.watch("letter", function="count", condition="letter != 'a'")
    there = all_stops(session)
    assert len(there) > 4
    for index, stop in reversed(there):
        back = session.rewind()
        assert (session.index, back.message, back.point, back.kind) == (index, stop.message, stop.point, StopKind.BACK)
    assert (session.rewind().message, session.index) == ("at the start", 0)
    with pytest.raises(UsageError, match="already at the start"):
        session.rewind()


def test_going_back_counts_nothing_says_nothing_and_predicts_nothing() -> None:
    entry = entry_of(SUMS)
    source = Counted(Sums())
    session = Session(entry, source)
    session.start()
    point, told, spent = (session.breakpoints.set(line) for line in (5, 4, 3))
    told.log, spent.temporary = "{n}", True
    said: list[str] = []
    assert [session.proceed().point for _ in range(3)] == [spent, point, point]
    point.ignore, hits, calls = 5, point.hits, source.calls
    session.breakpoints.logged = lambda point, text: said.append(text)
    assert session.rewind().point is point
    session.rewind()
    assert (point.hits, point.ignore, said, source.calls) == (hits, 5, [], calls)


def test_what_was_edited_away_is_not_gone_back_to() -> None:
    session, _ = real_session("x = 1\ny = 2\nz = 3\n")
    session.breakpoints.set(2)
    session.proceed()
    session.edit("x = 5")
    session.rewind()
    assert (session.index, known(session)) == (0, [{}])


def test_undoing_next_passes_over_calls_and_leaves_the_function_where_it_began() -> None:
    session = started()
    session.step(6)
    places = []
    while session.index:
        stop = session.previous()
        assert stop.frame is not None
        places.append((stop.frame.function, stop.frame.line, stop.frame.event.value))
    lines = [("count", line, "line") for line in (5, 4, 3, 2)]
    assert places == [*lines, ("<module>", 13, "line")]


@pytest.mark.parametrize("steps", range(22))
def test_undoing_next_is_its_exact_inverse_from_wherever_it_began(steps: int) -> None:
    session = started()
    session.breakpoints.set(5)
    if steps:
        session.step(steps)
    for count in (1, 3):
        before = [id(frame) for frame in session.history]
        index = session.index
        session.next(count)
        moves = 0
        while session.index > index:
            session.previous()
            moves += 1
        assert [id(frame) for frame in session.history] == before
        assert moves <= count


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_a_next_to_undo_it_leads_to_the_line_that_next_would_have_come_from(name: str) -> None:
    entry = enter(Program.read(ROOT / "examples" / f"{name}.py"))
    session = Session(entry, recorded(entry))
    session.start(), session.proceed()
    for index in range(1, session.known + 1):
        session.go(index)
        frame = session.frame
        back = session.previous().frame
        assert frame is not None and back is not None and session.index < index
        if back.depth == frame.depth and back.event is not Event.CALL:
            assert session.next().frame is frame, "the same call: next leads back to it"
        elif session.index:
            assert back.depth == frame.depth - 1, "the call was entered: its caller"


def test_undoing_more_than_there_was_says_how_far_it_came() -> None:
    session = started()
    session.next(2)
    assert session.previous(5).message == "at the start after 2 of 5"


# -- finding --------------------------------------------------------------------------------------------------


def test_find_goes_to_the_next_frame_whose_values_satisfy_it_past_breakpoints() -> None:
    session = started()
    point = session.breakpoints.set(4)
    stop = session.find("total == 2")
    assert (stop.kind, stop.message, point.hits) == (StopKind.FOUND, f"found at step {session.index}", 0)
    index = session.index
    assert session.find("total == 2").kind is StopKind.FOUND
    assert session.index == index + 1


def test_find_at_the_end_says_that_it_never_held_or_could_not_be_evaluated() -> None:
    session = started()
    assert session.find("total == 7").message == "the program ended; not found"
    session.go(0)
    why = "the program ended; never evaluated: name 'nobody' is not defined here"
    assert session.find("nobody").message == why


def test_find_keeps_to_the_limit_of_one_command_and_is_stopped_by_ctrl_c() -> None:
    source = Counted(Sums(), interrupt_at=7)
    session = Session(entry_of(SUMS), source, max_frames=4)
    session.start()
    assert (session.find("n == 99").kind, session.index) == (StopKind.LIMIT, 4)
    assert (session.find("n == 99").kind, session.index) == (StopKind.INTERRUPTED, 6)


def test_find_of_no_expression_is_refused_before_anything_moves() -> None:
    session = started()
    with pytest.raises(UsageError, match="cannot parse"):
        session.find("total =")
    assert session.index == 0
