"""Comparisons in a file: nothing is lost, and what was cut off in the middle is read up to there."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import CREATED, SETUP, WORDS, compared, every_outcome, hostile, many, result_of
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.errors import UsageError
from neuralpdb.fidelity.comparison import (
    Blame,
    Comparison,
    ComparisonSetup,
    Cost,
    Debugged,
    Result,
    Rollout,
    Step,
    Subject,
)
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.report import jsonl_records, jsonl_report
from neuralpdb.fidelity.report.jsonl_report import Journal, recover
from neuralpdb.fidelity.verdicts import Difference, Fidelity, Tolerance, Verdict
from neuralpdb.trace.frames import Ended, Event, Frame, Known, Origin, Trace, Trouble, TroubleKind

TOOL = "neuralpdb 0"


def written(result: Result) -> bytes:
    return "".join(jsonl_report.lines(result, TOOL)).encode()


# -- round trip ------------------------------------------------------------------------------------------------------

# two halves of a pair beside each other come back from JSON as the character that they spell
texts = st.text(max_size=8).map(lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
names = st.sampled_from(["a", "b", "\ud800", ""]) | texts
states = st.dictionaries(names, texts, max_size=3)
indices = st.integers(0, 5)
frames = st.builds(
    Frame,
    st.sampled_from(Event),
    texts,
    st.none() | st.integers(0, 99),
    texts,
    states,
    st.none() | texts,
    st.integers(0, 3),
    st.sampled_from(Origin),
    st.dictionaries(names, st.sampled_from(Known), max_size=2),
    st.none() | texts,
)
ends = st.builds(Ended, texts) | st.builds(Trouble, st.sampled_from(TroubleKind), texts, texts)
differences = st.builds(Difference, names, st.none() | texts, st.none() | texts, st.booleans())
verdicts = st.builds(
    Verdict, st.sampled_from(Fidelity), st.sampled_from(Level), st.lists(differences, max_size=2).map(tuple)
)
confidences = st.none() | st.floats(0, 1)


@st.composite
def comparisons(draw: st.DrawFn, name: str) -> Comparison:
    truth = tuple(draw(st.lists(frames, max_size=5)))
    same = [frame.replace(origin=Origin.PREDICTED) for frame in truth]
    outcomes = frames | ends | (st.sampled_from(same) if same else frames)
    steps = [
        Step(i, draw(outcomes), draw(verdicts), draw(confidences)) for i in range(1, len(truth)) if draw(st.booleans())
    ]
    free = tuple(draw(st.lists(frames, max_size=2)))
    rollout = st.builds(
        Rollout,
        st.just((*same[: draw(indices)], *free)),
        ends,
        st.lists(verdicts, max_size=3).map(tuple),
        st.none() | indices,
        indices,
        st.booleans(),
        texts,
        texts,
        st.none() | st.booleans(),
    )
    used = st.builds(
        Debugged,
        rollout,
        st.dictionaries(indices, texts, max_size=2),
        st.dictionaries(texts, indices, max_size=2),
        st.booleans(),
        indices,
        st.floats(0, 9),
    )
    return Comparison(
        Subject(name, draw(texts), draw(texts), draw(texts), tuple(draw(st.lists(texts, max_size=2))), ("x",), 1),
        Trace(truth, draw(ends)),
        draw(texts),
        draw(st.dictionaries(indices, st.frozensets(names, max_size=2), max_size=2)),
        draw(indices),
        draw(st.none() | st.just(tuple(steps))),
        draw(st.none() | rollout),
        draw(st.none() | used),
        draw(texts),
        draw(st.none() | st.sampled_from(Blame)),
        draw(texts),
        draw(st.builds(Cost, indices, indices, indices, indices, st.floats(0, 9), st.floats(0, 9))),
    )


settings = st.builds(
    ComparisonSetup,
    texts,
    texts,
    texts,
    indices,
    st.booleans(),
    st.builds(Tolerance, st.floats(0, 1)),
    st.dictionaries(texts, st.floats(0, 9) | st.just(math.inf), max_size=2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    indices,
)
results = st.builds(
    Result,
    settings,
    st.tuples(comparisons("one"), comparisons("two")),
    st.booleans(),
    texts,
    st.floats(0, 9),
)


@given(results)
def test_what_is_written_is_read_back_the_same(result: Result) -> None:
    found = jsonl_report.read(written(result), "x.jsonl")
    assert found.result == result
    assert found.sound == len(written(result))


@pytest.mark.parametrize("result", [many(), hostile(), result_of(every_outcome(), complete=False)])
def test_real_comparisons_are_read_back_the_same(result: Result) -> None:
    data = written(result)
    assert jsonl_report.read(data, "x.jsonl").result == result
    assert data.isascii()


def test_the_order_of_locals_is_kept() -> None:
    def turn(frame: Frame) -> Frame:
        return frame.replace(locals=dict(reversed(list(frame.locals.items()))))

    turned = compared("x = 1\ny = 2\nz = 3\n", changes={2: turn})
    found = jsonl_report.read(written(result_of(turned)), "x.jsonl").result.comparisons[0]
    assert found.steps is not None
    predicted = found.steps[1].predicted
    assert isinstance(predicted, Frame)
    assert list(predicted.locals) == ["y", "x"]


def test_a_frame_that_is_the_true_one_is_not_written_again() -> None:
    lines = [json.loads(line) for line in written(result_of(compared(WORDS, call="count('a', 'a')"))).splitlines()]
    steps = [line for line in lines if line["kind"] == "step"]
    assert all(step["predicted"] == {"same_as_actual": "predicted"} for step in steps)
    program = next(line for line in lines if line["kind"] == "program")
    assert sum(frame is not None for frame in program["truth"]["frames"]) == 1
    assert all("same_as_actual" in frame for frame in program["rollout"]["frames"])


def test_numbers_that_json_does_not_have_are_none() -> None:
    result = result_of(compared("x = 1\ny = 2\n", confidence=lambda index, right: math.nan))
    found = jsonl_report.read(written(replace(result, seconds=math.inf)), "x.jsonl").result
    assert found.comparisons[0].steps is not None
    assert {step.confidence for step in found.comparisons[0].steps} == {None}
    assert found.seconds == 0


# -- cut off ---------------------------------------------------------------------------------------------------------


def whole_programs(data: bytes) -> list[str]:
    """The programs whose line is whole in `data`, found without the reader."""
    lines = data.split(b"\n")[:-1]
    return [line["program"] for line in map(json.loads, lines) if line["kind"] == "program"]


def test_a_file_cut_off_anywhere_holds_the_programs_that_are_whole() -> None:
    small = compared("x = 1\ny = 2\n", id="a.py")
    result = result_of(small, replace(small, subject=replace(small.subject, id="b.py")))
    data = written(result)
    header = data.index(b"\n") + 1
    for end in range(header, len(data)):
        found = jsonl_report.read(data[:end], "x.jsonl")
        assert [each.subject.id for each in found.result.comparisons] == whole_programs(data[:end])
        assert not found.result.complete
        assert found.sound <= end
        assert jsonl_report.read(data[: found.sound], "x.jsonl") == found


def test_a_file_without_a_whole_header_is_refused() -> None:
    data = written(result_of())
    for end in range(data.index(b"\n")):
        with pytest.raises(UsageError, match="line 1: no header"):
            jsonl_report.read(data[:end], "x.jsonl")


def test_a_resumed_file_is_as_one_that_was_written_at_once(tmp_path: Path) -> None:
    result = many()
    whole = written(result)
    path = tmp_path / "steps.jsonl"
    for end in range(whole.index(b"\n") + 1, len(whole), 4099):
        path.write_bytes(whole[:end])
        recovered = recover(path)
        file, found = Journal.resumed(path, SETUP, recovered), recovered.result
        known = {each.subject.id for each in found.comparisons}
        for comparison in result.comparisons:
            if comparison.subject.id not in known:
                file.add(comparison)
        file.finish(True, 1.5)
        assert path.read_bytes() == whole


def test_a_resumed_run_is_only_complete_when_it_says_so_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    file = Journal(path, SETUP, CREATED, TOOL)
    first, second, *_ = many().comparisons
    file.add(first)
    file.finish(False, 1.0)
    assert not recover(path).result.complete
    recovered = recover(path)
    file, found = Journal.resumed(path, SETUP, recovered), recovered.result
    assert found.comparisons == (first,)
    file.add(second)
    file.finish(True, 2.0)
    found = recover(path).result
    assert (found.complete, found.seconds, found.comparisons) == (True, 3.0, (first, second))


def test_each_program_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    file = Journal(path, SETUP, CREATED, TOOL)
    for count, comparison in enumerate(many().comparisons, 1):
        file.add(comparison)
        assert len(recover(path).result.comparisons) == count


def test_steps_without_their_program_are_left_out() -> None:
    """A run that was resumed without the end being cut off: the steps stand there twice."""
    result = result_of(every_outcome())
    lines = written(result).splitlines(keepends=True)
    again = [lines[0], *lines[1:9], *lines[1:]]
    assert jsonl_report.read(b"".join(again), "x.jsonl").result == result


def test_a_run_with_other_options_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    Journal(path, SETUP, CREATED, TOOL)
    with pytest.raises(UsageError, match=r"was written with context 2048, this run has 4096 \(resume with the same"):
        Journal.resumed(path, replace(SETUP, context=4096), recover(path))


# -- damage ----------------------------------------------------------------------------------------------------------


def damaged(change: object) -> Sequence[bytes]:
    lines = written(result_of(every_outcome())).splitlines(keepends=True)
    assert callable(change)
    changed = change(lines)
    assert isinstance(changed, list)
    return changed


def with_field(number: int, name: str, value: object) -> object:
    def change(lines: list[bytes]) -> list[bytes]:
        record = json.loads(lines[number])
        place = record
        *path, last = name.split(".")
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if value is ...:
            del place[last]
        else:
            place[last] = value
        return [*lines[:number], json.dumps(record).encode() + b"\n", *lines[number + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [b"{\n", *lines], "line 1: not JSON"),
        (lambda lines: [*lines[:5], b"\xff\n", *lines[5:]], "line 6: not JSON"),
        (lambda lines: [lines[0], *lines], "line 2: a second header"),
        (lambda lines: lines[1:], "line 1: no header before it"),
        (lambda lines: [*lines[:3], b"[]\n", *lines[3:]], "line 4: "),
        (lambda lines: [*lines[:3], b"3\n", *lines[3:]], "line 4: "),
        (lambda lines: [*lines[:3], b'{"kind": "odd"}\n', *lines[3:]], "line 4: unknown kind 'odd'"),
        (lambda lines: [*lines[:3], b"[" * 100_000 + b"\n"], "line 4: "),
        (lambda lines: [*lines[:-2], *lines[-2:-1], *lines[-2:]], "for the second time"),
        (lambda lines: [*lines[:5], *lines[6:]], "line 45: "),
        (with_field(0, "schema", "neuralpdb.fidelity.steps/9"), "line 1: its schema is 'neuralpdb.fidelity.steps/9'"),
        (with_field(0, "setting.context", "many"), "line 1: str where int should be"),
        (with_field(0, "setting.context", True), "line 1: True is not a number"),
        (with_field(0, "setting.odd", 1), "line 1: unknown field 'odd'"),
        (with_field(4, "index", ...), "line 5: no 'index'"),
        (with_field(4, "verdict.fidelity", "odd"), "line 46: 'odd' is not a valid Fidelity"),
        (with_field(4, "predicted", {}), "line 46: neither a frame nor an end"),
        (with_field(45, "truth.end", {"odd": 1}), "line 46: neither a frame nor an end"),
        (with_field(45, "rollout.frames", [{"same_as_actual": "odd"}]), "line 46: 'odd' is not a valid Origin"),
        (with_field(45, "rollout.matched", 1.5), "line 46: float where int should be"),
        (with_field(45, "subject", ...), "line 46: no 'subject'"),
        (with_field(45, "unstable", {"x": []}), "line 46: invalid literal for int"),
    ],
)
def test_any_other_damage_is_one_line_with_its_number(change: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        jsonl_report.read(b"".join(damaged(change)), "dir/x.jsonl")
    assert message in caught.value.message
    assert caught.value.message.startswith("dir/x.jsonl, line ")
    assert "\n" not in str(caught.value)


@given(st.data())
def test_no_damage_ends_in_anything_but_a_usage_error(data: st.DataObject) -> None:
    whole = written(result_of(compared("x = 1\ny = 2\n")))
    place = data.draw(st.integers(0, len(whole) - 1))
    spoiled = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + data.draw(st.integers(0, 20)) :]
    try:
        jsonl_report.read(spoiled, "x.jsonl")
    except UsageError as error:
        assert error.message.startswith("x.jsonl, line ")


def test_a_file_that_is_not_there_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none\.jsonl: No such file"):
        recover(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match=r"cannot write .*: Is a directory"):
        Journal(tmp_path, SETUP, CREATED, TOOL)


def test_a_full_disk_is_said() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(UsageError, match="cannot write /dev/full: No space left"):
        Journal(Path("/dev/full"), SETUP, CREATED, TOOL)


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON form for complex"):
        jsonl_records.plain(1j)
