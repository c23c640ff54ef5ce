"""The examples: each shows what it is there for, and can be stepped through from its first line to its end."""

from __future__ import annotations

import ast

import pytest
from frame_sources import EXAMPLES, recorded
from places import ROOT

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import StopKind
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Ended, Event, Frame, Trace

SHOWS = {
    "strawberry": "two helpers and a main that counts letters",
    "recursion": "calls of itself",
    "caught": "an exception that is caught",
    "uncaught": "an exception that ends the program",
    "account": "a class with state",
    "generator": "a generator",
    "nested": "nested data",
    "no_hardware": "an import that is missing here",
}


def entry_of_example(name: str) -> Entry:
    return enter(Program.read(ROOT / "examples" / f"{name}.py"))


def run_of(name: str) -> tuple[Entry, Trace]:
    entry = entry_of_example(name)
    return entry, recorded(entry)


def events(frames: tuple[Frame, ...], event: Event, function: str) -> int:
    return sum(frame.event is event and frame.function == function for frame in frames)


def test_there_is_an_example_of_everything() -> None:
    assert sorted(EXAMPLES) == sorted(SHOWS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_shows(name: str) -> None:
    assert ast.get_docstring(entry_of_example(name).program.tree)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_stepped_through_from_its_first_line_to_its_end(name: str) -> None:
    entry, trace = run_of(name)
    session = Session(entry, trace)
    session.start()
    stop = session.proceed()
    assert (stop.kind, isinstance(trace.end, Ended)) == (StopKind.ENDED, True)
    assert session.index == len(trace.frames) - 1
    for frame in trace.frames:
        assert entry.program.line(frame.line) == frame.source


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_enough_to_be_read_on_one_screen(name: str) -> None:
    entry, trace = run_of(name)
    assert len(entry.program.lines) <= 35
    assert len(trace.frames) <= 120


def test_strawberry_counts_three_letters_in_two_helpers() -> None:
    _, trace = run_of("strawberry")
    assert events(trace.frames, Event.CALL, "is_match") == len("strawberry")
    values = {f.function: f.value for f in trace.frames if f.event is Event.RETURN}
    assert (values["count_letter"], values["main"]) == ("3", "3")


def test_recursion_is_four_calls_deep() -> None:
    _, trace = run_of("recursion")
    assert max(frame.depth for frame in trace.frames if frame.function == "factorial") == 4


def test_the_caught_exception_goes_on_and_the_other_ends_the_program() -> None:
    _, caught = run_of("caught")
    assert events(caught.frames, Event.EXCEPTION, "parse") == 1
    assert caught.frames[-1].locals["numbers"] == "[7, -1, 12]"
    _, uncaught = run_of("uncaught")
    assert (uncaught.frames[-1].event, uncaught.frames[-1].function) == (Event.EXCEPTION, "<module>")


def test_the_class_changes_its_state() -> None:
    _, trace = run_of("account")
    assert [f.value for f in trace.frames if f.event is Event.RETURN and f.function == "deposit"] == ["15", "12"]


def test_the_generator_is_resumed_for_each_value() -> None:
    _, trace = run_of("generator")
    assert events(trace.frames, Event.CALL, "countdown") == 4


def test_the_script_without_its_import_has_an_entry_all_the_same() -> None:
    entry = entry_of_example("no_hardware")
    assert entry.first is not None
    with pytest.raises(ModuleNotFoundError):
        __import__("robot_arm_driver")
