"""Frames, their JSON lines, and recorded traces as a source of frames."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.trace.frames import (
    Ended,
    Event,
    Frame,
    Origin,
    Trace,
    Trouble,
    TroubleKind,
    from_jsonl,
    same_state,
    to_jsonl,
)


def a_frame(line: int = 1, **changes: Any) -> Frame:
    return Frame(Event.LINE, "f", line, "x = 1", {"x": "0"}).replace(**changes)


texts = st.text(max_size=12)
frames = st.builds(
    Frame,
    event=st.sampled_from(Event),
    function=texts,
    line=st.none() | st.integers(1, 10_000),
    source=texts,
    locals=st.dictionaries(texts, texts, max_size=4),
    value=st.none() | texts,
    depth=st.integers(0, 1000),
    origin=st.sampled_from(Origin),
)


@given(st.lists(frames, max_size=6))
def test_json_lines_give_back_the_same_frames(given_frames: list[Frame]) -> None:
    lines = list(to_jsonl(given_frames))
    assert all("\n" not in line for line in lines)
    assert list(from_jsonl(lines)) == given_frames


def test_the_order_of_the_locals_survives_json() -> None:
    frame = a_frame(locals={"b": "1", "a": "2", "c": "3"})
    [again] = from_jsonl(to_jsonl([frame]))
    assert list(again.locals) == ["b", "a", "c"]


def test_json_lines_are_numbered_and_blank_ones_are_skipped() -> None:
    lines = list(to_jsonl([a_frame(1), a_frame(2)]))
    assert [json.loads(line)["i"] for line in lines] == [0, 1]
    assert [frame.line for frame in from_jsonl([lines[0], "", "  \n", lines[1]])] == [1, 2]


@pytest.mark.parametrize("change", [{"event": "jump"}, {"origin": "dreamt"}])
def test_unknown_words_in_json_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(change.values()))):
        Frame.from_dict(a_frame().as_dict() | change)


def test_a_missing_field_in_json_is_refused() -> None:
    data = a_frame().as_dict()
    del data["depth"]
    with pytest.raises(KeyError, match="depth"):
        Frame.from_dict(data)


def test_a_frame_cannot_be_changed_in_place() -> None:
    state = {"x": "0"}
    frame = a_frame(locals=state)
    state["x"] = "1"
    assert frame.locals["x"] == "0"
    with pytest.raises(TypeError):
        frame.locals["x"] = "2"  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        frame.line = 2  # type: ignore[misc]


def test_two_frames_are_the_same_state_whoever_says_it() -> None:
    assert same_state(a_frame(origin=Origin.PREDICTED), a_frame(origin=Origin.OBSERVED))
    for change in (
        {"event": Event.CALL},
        {"function": "g"},
        {"line": 2},
        {"depth": 1},
        {"value": "1"},
        {"locals": {"x": "1"}},
    ):
        assert not same_state(a_frame(), a_frame(**change)), change


def test_a_recorded_trace_is_a_source_that_goes_on_to_its_end() -> None:
    trace = Trace((a_frame(1), a_frame(2)), Ended("over"))
    assert trace.next(()) == a_frame(1)
    assert trace.next([a_frame(1)]) == a_frame(2)
    assert trace.next([a_frame(1), a_frame(2)]) == Ended("over")


def test_a_recorded_trace_accepts_a_history_that_says_the_same_as_it() -> None:
    trace = Trace((a_frame(1, origin=Origin.OBSERVED), a_frame(2)), Ended())
    assert trace.next([a_frame(1, origin=Origin.GIVEN)]) == a_frame(2)


@pytest.mark.parametrize("history", [[a_frame(9)], [a_frame(1), a_frame(2), a_frame(3)]])
def test_a_recorded_trace_does_not_know_what_was_edited(history: list[Frame]) -> None:
    outcome = Trace((a_frame(1), a_frame(2)), Ended()).next(history)
    assert isinstance(outcome, Trouble)
    assert outcome.kind is TroubleKind.UNAVAILABLE
