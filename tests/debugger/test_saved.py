"""Saved sessions: what comes back, that nothing is written over, and that no file whatever breaks the reading."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from frame_sources import SUMS, Counted, Sums, Wandering, entry_of, recorded, sums_session
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_frames import FRAMES, MIXED
from prompts import Says

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.displays import Displays
from neuralpdb.debugger.saved import Besides, Saved, lines, load, restore, save
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import NeuralPdbError, UsageError
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Ended, Frame, Known, Outcome, Trace, Trouble

SOURCE = "def f(n):\n    return n + 1\n"


class Silent:
    """A source that nothing may be asked of."""

    def next(self, history: list[Frame], *, draw: int = 0) -> Outcome:
        raise AssertionError("what was saved is asked for again")


def eventful(seed: int = 0) -> Session:
    """A session with edits upon edits, forks and checkpoints."""
    dice = random.Random(seed)
    entry = entry_of(SUMS)
    session = Session(entry, Counted(Wandering(entry, seed) if seed % 2 else Sums()), max_frames=30)
    session.start()
    actions: list[Callable[[], object]] = [
        lambda: session.step(dice.randrange(1, 6)),
        lambda: session.step(dice.randrange(1, 6)),
        lambda: session.back(dice.randrange(1, 4)),
        lambda: session.edit(f"total = {dice.randrange(99)}"),
        lambda: session.edit(f"n = {dice.randrange(3)}"),
        lambda: session.jump(dice.randrange(2, 6)),
        lambda: session.adopt([f.replace() for f in session.history[-2:]], max(session.index - 1, 1)),
        lambda: session.go(dice.randrange(session.known + 1)),
        lambda: session.fork(),
        lambda: session.checkpoint(f"c{dice.randrange(3)}"),
        lambda: session.switch(dice.choice(sorted(session.timelines.kept) or ["none"])),
    ]
    for _ in range(80):
        try:
            dice.choice(actions)()
        except UsageError:
            pass
    return session


def reloaded(session: Session, tmp_path: Path) -> Session:
    save(session, tmp_path / "s.jsonl", Besides())
    other = Session(session.entry, Silent())  # type: ignore[arg-type]
    other.start()
    restore(other, load(tmp_path / "s.jsonl"))
    return other


def state(session: Session) -> dict[str, object]:
    kept = {name: (each.frames, each.index) for name, each in session.timelines.kept.items()}
    marks = {name: (each.frames, each.index) for name, each in session.timelines.checkpoints.items()}
    return {"now": (session.timeline, session.index), "name": session.timelines.current, "kept": kept, "marks": marks}


# -- there and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
def test_everything_that_is_known_comes_back_without_asking_the_model(seed: int, tmp_path: Path) -> None:
    session = eventful(seed)
    assert state(reloaded(session, tmp_path)) == state(session)


@pytest.mark.parametrize("seed", range(16))
def test_back_undoes_the_same_edits_after_loading(seed: int, tmp_path: Path) -> None:
    session = eventful(seed)
    other = reloaded(session, tmp_path)
    while True:
        try:
            session.back()
        except UsageError:
            break
        other.back()
        assert (other.timeline, other.index) == (session.timeline, session.index)
    with pytest.raises(UsageError):
        other.back()


@pytest.mark.parametrize("seed", range(8))
def test_every_timeline_goes_on_after_loading_as_before(seed: int, tmp_path: Path) -> None:
    session = eventful(seed)
    other = reloaded(session, tmp_path)
    for name in sorted(session.timelines.kept):
        for each in (session, other):
            each.switch(name)
        assert state(other) == state(session)
        steps = session.known - session.index
        if steps:
            assert other.step(steps).frame == session.step(steps).frame


def test_how_values_are_known_and_what_the_user_ran_come_back(tmp_path: Path) -> None:
    frames = (*FRAMES[:-1], FRAMES[-1].replace(statement="n = 5"))
    session = Session(entry_of(MIXED, at=4, state=["shout=1"]), Says(*frames))
    session.start()
    session.step(len(frames))
    other = reloaded(session, tmp_path)
    assert other.timeline == session.timeline and other.timeline[1:] == list(frames)
    assert other.timeline[2].how("name") is Known.PREDICTED and other.timeline[-1].statement == "n = 5"


def test_a_file_from_before_that_was_known_still_loads(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    header, *rest = (json.loads(line) for line in lines(eventful(), Besides()))
    older = [{key: value for key, value in each.items() if key not in ("known", "statement")} for each in rest]
    file.write_text("".join(json.dumps(each) + "\n" for each in (header, *older)), encoding="utf-8")
    frames = load(file).present.frames
    assert [(frame.known, frame.statement) for frame in frames] == [({}, None)] * len(frames)
    hows = {frame.how("n") for frame in frames}
    assert Known.PREDICTED in hows and not hows & {Known.COMPUTED, Known.DERIVED}


def test_undoing_an_edit_after_loading_is_the_former_timeline_and_its_copy_is_gone(tmp_path: Path) -> None:
    session, _ = sums_session()
    session.step(6)
    session.back(3)
    session.edit("total = 40")
    other = reloaded(session, tmp_path)
    assert list(other.timelines.kept) == ["before1"]
    other.back()
    assert list(other.timelines.kept) == [] and other.known == 6


def test_the_end_and_its_reason_come_back(tmp_path: Path) -> None:
    session, _ = sums_session()
    session.proceed()
    assert reloaded(session, tmp_path).ended == Ended("the program ended")


def test_what_cannot_be_printed_comes_back_as_it_was(tmp_path: Path) -> None:
    entry = entry_of("x = 1\ny = 2\n")
    odd = recorded(entry).frames[1].replace(locals={"x": "'\ud800\x00\u2028\x1b[1m\\'", "é": "'\U0001f600'"})
    session = Session(entry, Trace((recorded(entry).frames[0], odd), Ended()))
    session.start()
    session.step()
    other = reloaded(session, tmp_path)
    assert other.frame == odd
    assert (tmp_path / "s.jsonl").read_bytes().isascii()


def test_a_call_and_a_given_start_come_back_as_the_entry(tmp_path: Path) -> None:
    for entry in (entry_of(SOURCE, call="f(3)"), entry_of(SOURCE, at=2, state=["n=3"])):
        session = Session(entry, recorded(entry_of(SOURCE, call="f(3)")))
        session.start()
        save(session, tmp_path / "s.jsonl", Besides(aliases={"x": "step"}))
        found = load(tmp_path / "s.jsonl")
        assert same_entry(found.entry, entry)
        assert found.besides.aliases == {"x": "step"}


def same_entry(a: Entry, b: Entry) -> bool:
    return (a.program, a.marked, a.first, a.function, a.given) == (b.program, b.marked, b.first, b.function, b.given)


def test_breakpoints_come_back_with_everything_that_was_set_of_them(tmp_path: Path) -> None:
    session, _ = sums_session()
    session.breakpoints.set(4, condition="n > 0", temporary=True).commands = ("p n", "continue")
    session.breakpoints.clear(session.breakpoints.set(5))
    session.breakpoints.watch("total").ignore = 2
    session.step(4)
    other = reloaded(session, tmp_path)
    assert [asdict(point) for point in other.breakpoints] == [asdict(point) for point in session.breakpoints]
    assert other.breakpoints.set(5).number == 4, "a number is never given twice"


def test_what_is_displayed_comes_back_for_its_activation(tmp_path: Path) -> None:
    entry = entry_of(SOURCE, call="f(3)")
    session = Session(entry, recorded(entry))
    session.start()
    session.step(3)
    displays = Displays(session.evaluator)
    displays.add("n", session.history, session.stack[-1])
    save(session, tmp_path / "s.jsonl", Besides(displays.entries))
    found = load(tmp_path / "s.jsonl")
    other = Session(entry, recorded(entry))
    other.start()
    restore(other, found)
    displays = Displays(other.evaluator, list(found.besides.displays))
    assert [each.value for each in displays.of(other.stack[-1])] == ["3"]
    assert displays.changed(other.history, other.stack[-1]) == []


# -- the wrong program --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (entry_of(SUMS.replace("3", "4")), "it was saved from a different version of p.py"),
        (entry_of(SUMS, at=3), "it was saved from another program, or another start"),
        (entry_of(SUMS, at=1, state=["x=1"]), "it was saved from another program, or another start"),
    ],
)
def test_a_session_of_another_text_or_start_is_refused_and_nothing_changes(
    other: Entry, said: str, tmp_path: Path
) -> None:
    save(eventful(), tmp_path / "s.jsonl", Besides())
    session = Session(other, Sums())
    session.start()
    before = state(session)
    with pytest.raises(UsageError) as caught:
        restore(session, load(tmp_path / "s.jsonl"))
    assert caught.value.message == said and "--session" in caught.value.hint
    assert state(session) == before


# -- writing ------------------------------------------------------------------------------------------------------


def test_a_saved_session_is_written_over_and_nothing_else_is(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    session = eventful()
    save(session, file, Besides())
    session.step()
    save(session, file, Besides())
    for text in ("", "precious\n", '{"format": "another/1"}\n', "[" * 100_000):
        file.write_text(text)
        with pytest.raises(UsageError) as caught:
            save(session, file, Besides())
        assert str(caught.value) == f"{file} exists and is not a saved session (name another file)"
        assert file.read_text() == text


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    for file in (tmp_path / "missing" / "s.jsonl", tmp_path):
        with pytest.raises(UsageError):
            save(eventful(), file, Besides())
    assert list(tmp_path.iterdir()) == []


def test_there_is_nothing_to_save_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        save(Session(entry_of(SUMS), Sums()), tmp_path / "s.jsonl", Besides())
    assert str(caught.value) == "there is no frame yet (type step)"


# -- reading what is no session -----------------------------------------------------------------------------------


def damaged(tmp_path: Path, change: Callable[[list[Any]], object]) -> str:
    """What is said of a file of which `change` changed the lines, read as JSON."""
    found: list[Any] = [json.loads(line) for line in lines(eventful(2), Besides())]
    change(found)
    file = tmp_path / "s.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in found))
    with pytest.raises(UsageError) as caught:
        load(file)
    assert "\n" not in str(caught.value)
    return caught.value.message.removeprefix(f"cannot read {file}, ")


def put(line: int, *path: object) -> Callable[[list[Any]], object]:
    """A change: the last of `path` is put where the others lead to, in that line."""

    def change(found: list[Any]) -> None:
        place = found[line]
        *way, last, value = path
        for key in way:
            place = place[key]
        place[last] = value

    return change


POINT = asdict(Breakpoint(1, 3))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop(), "frames were saved"),
        (lambda found: found.pop(1), "line 2: frame 1 is out of order"),
        (lambda found: found.append(found[-1]), "is out of order"),
        (put(0, "format", "neuralpdb.session/2"), "line 1: format 2 is unknown, only 1: saved by "),
        (put(0, "format", "else"), "line 1: it does not begin as a saved session does"),
        (put(0, "frames", "many"), "line 1: 'many' stands where a number belongs"),
        (put(0, "program", "text", "x = 2"), "the source is not the one that was saved"),
        (put(0, "present", "last", 10**6), "there is no frame 1000000"),
        (put(0, "present", "index", 10**6), "is not on its timeline"),
        (put(0, "present", "name", "a b"), "a b: not a name"),
        (lambda found: found[0].pop("entry"), "'entry' is missing"),
        (put(0, "aliases", {"x": 1}), "1 stands where text belongs"),
        (put(0, "breakpoints", [{}]), "'function' is missing"),
        (put(0, "breakpoints", [{**POINT, "line": 99}]), "there can be no breakpoint on line 99"),
        (put(0, "breakpoints", [{**POINT, "number": True}]), "True stands where a number belongs"),
        (put(0, "displays", [{"entry": 10**6}]), "index out of range"),
        (put(1, "after", 0), "line 2: it comes after a later frame"),
        (put(2, "after", True), "line 3: True stands where a number belongs"),
        (put(1, "locals", {"x": 1}), "line 2: 1 stands where text belongs"),
        (put(1, "event", "boom"), "line 2: 'boom' is not a valid Event"),
        (put(1, "depth", -1), "line 2: -1 stands where a number belongs"),
        (put(1, "replaces", [0, 5, None]), "an edit replaces what was never there"),
        (put(1, "replaces", [7, None, None]), "an edit replaces what comes after it"),
        (put(1, "known", {"x": "boom"}), "line 2: 'boom' is not a valid Known"),
        (put(1, "known", {"x": 1}), "line 2: 1 stands where text belongs"),
        (put(1, "known", [1]), "line 2: 'list' object has no attribute 'items'"),
        (put(1, "statement", 1), "line 2: 1 stands where text belongs"),
        (put(1, "trouble", ["boom", "", ""]), "line 2: 'boom' is not a valid TroubleKind"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    change: Callable[[list[Any]], object], said: str, tmp_path: Path
) -> None:
    assert said in damaged(tmp_path, change)


@pytest.mark.parametrize("text", ["", "\n", "{}", "[]", "1", "null", "\0", "{" * 50_000, "[" * 100_000, "\ufeff{}"])
def test_what_is_no_session_at_all_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(file)
    assert str(caught.value).startswith(f"cannot read {file}, line 1: ")
    for odd in (tmp_path, tmp_path / "missing", Path("/dev/null")):
        with pytest.raises(UsageError):
            load(odd)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_file_is_more_than_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("saved") / "s.jsonl"
    whole = "".join(line + "\n" for line in lines(eventful(data.draw(st.integers(0, 3))), Besides())).encode()
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(0, len(whole) - 2))
        found = whole[:cut]
    else:
        at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 9))
        found = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + length :]
    file.write_bytes(found)
    session = eventful(0)
    before = state(session)
    try:
        saved: Saved | None = load(file)
    except NeuralPdbError as error:
        assert "\n" not in str(error)
        saved = None
    if saved is not None:
        try:
            assert isinstance(restore(session, saved), Stop)
        except UsageError:
            assert state(session) == before


def test_trouble_that_was_met_is_known_after_loading(tmp_path: Path) -> None:
    session, _ = sums_session()
    session.step(4)
    session.edit("del n")
    session.step()
    assert isinstance(session.halt, Trouble)
    assert reloaded(session, tmp_path).halt == session.halt
