"""How values are known, in editors: marks behind values, attributes, scopes, the console; and editing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dap_editor import Editor, editing, opener
from frame_sources import sums_session
from mixed_frames import MIXED, computing

from neuralpdb.frontends.dap.prompt import prompt
from neuralpdb.frontends.text import marks
from neuralpdb.trace.frames import Frame


@contextmanager
def mixed(
    folder: Path,
    steps: int,
    *,
    shown: bool = True,
    opinion: Mapping[str, str] | None = None,
    refuted: Mapping[str, str] | None = None,
    looked: Callable[[Sequence[Frame]], object] = lambda frames: None,
) -> Iterator[Editor]:
    """An editor beside the mixed frames, after some steps."""
    path = folder / "mixed.py"
    path.write_text(MIXED)
    source = computing(marks=shown, opinion=opinion, refuted=refuted, looked=looked)
    remarks = partial(marks.at, source)
    with editing(opener(lambda entry: source.source, remarks=remarks, looked=source.looked)) as found:
        found.begin(program=str(path), at=4, state={"shout": "1"})
        for _ in range(steps):
            found.stop("stepIn")
        yield found


def test_a_predicted_value_has_its_mark_behind_it_and_an_attribute(tmp_path: Path) -> None:
    with mixed(tmp_path, 6) as found:
        rows = found.variables(found.scopes()["Locals"])
        assert {name: each["value"] for name, each in rows.items()} == {
            "n": "1",
            "name": "'Ada' *",
            "loud": "'ADA' (*)",
        }
        assert "presentationHint" not in rows["n"]
        assert rows["name"]["presentationHint"] == {"kind": "data", "attributes": ["predicted"]}
        assert rows["loud"]["presentationHint"]["attributes"] == ["computedFromPrediction"]
        assert (rows["name"]["type"], rows["name"]["evaluateName"]) == ("str", "name")


def test_values_of_a_caller_and_returned_values_are_marked_and_read_only(tmp_path: Path) -> None:
    with mixed(tmp_path, 5) as found:
        assert found.locals()["text"] == "'Ada' *"
        returned = found.variables(found.scopes()["Return value"])["shout()"]
        assert returned["value"] == "'ADA' (*)"
        assert returned["presentationHint"]["attributes"] == ["readOnly", "computedFromPrediction"]
        assert found.locals(1)["name"] == "'Ada' *"


def test_a_line_that_the_model_chose_is_said_to_be_predicted(tmp_path: Path) -> None:
    with mixed(tmp_path, 6) as found:
        assert found.frames()[0]["name"] == "<module>"
        found.stop("stepIn")
        assert found.frames()[0]["name"] == "<module> [predicted]"


def test_a_value_that_is_edited_as_it_is_shown_loses_its_mark(tmp_path: Path) -> None:
    with mixed(tmp_path, 6) as found:
        number = found.scopes()["Locals"]
        answer = found.ask("setVariable", variablesReference=number, name="name", value="'Ada' *")
        assert answer["value"] == "'Ada'"
        answer = found.ask("setVariable", variablesReference=number, name="loud", value="'ADA' (*) ")
        assert answer["value"] == "'ADA'"
        frame = found.frames()[0]["id"]
        assert found.ask("setExpression", expression="n", value="2 * 3 *", frameId=frame)["value"] == "6"


def test_hovers_and_watches_have_the_mark_and_what_is_copied_has_none(tmp_path: Path) -> None:
    with mixed(tmp_path, 6, opinion={"n": "7"}) as found:
        frame = found.frames()[0]["id"]
        for context, shown in (
            ("hover", "'Ada' *"),
            ("watch", "'Ada' *"),
            ("clipboard", "'Ada'"),
            ("variables", "'Ada'"),
            ("repl", "'Ada'  (predicted 83 %)"),
        ):
            assert found.evaluate("name", context, frameId=frame)["result"] == shown
        assert found.evaluate("n", "watch", frameId=frame)["result"] == "1  (model: 7)"
        assert found.evaluate("name + loud", "watch", frameId=frame)["result"] == "'AdaADA'"


def test_what_is_said_otherwise_is_in_the_scope_of_the_prediction(tmp_path: Path) -> None:
    with mixed(tmp_path, 1, shown=False, opinion={"n": "7"}, refuted={"n": "8"}) as found:
        assert found.locals()["n"] == "1"
        found_rows = found.ask("variables", variablesReference=found.scopes()["Prediction"])["variables"]
        assert [each["value"] for each in found_rows if each["name"] == "n"] == ["the model says 7", "Python says 8"]


def test_where_nothing_is_computed_nothing_is_marked(tmp_path: Path) -> None:
    with mixed(tmp_path, 7, shown=False) as found:
        assert found.locals() == {"n": "1", "name": "'Ada'", "loud": "'ADA'"}
        assert found.frames()[0]["name"] == "<module>"
        assert all("presentationHint" not in each for each in found.variables(found.scopes()["Locals"]).values())


def test_others_may_be_asked_about_the_frame_of_every_stop(tmp_path: Path) -> None:
    looked: list[int] = []
    with mixed(tmp_path, 2, looked=lambda frames: looked.append(len(frames))) as found:
        found.stop("stepBack")
    assert looked == [1, 2, 3, 2]


def test_the_console_knows_the_marks_of_its_source() -> None:
    source = computing()
    console = prompt(sums_session()[0], source)
    assert console.marks and console.doubt_below == source.doubt_below
    assert "12 forward passes" in console.typed("status")
