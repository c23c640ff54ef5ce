"""What an editor stops at, shows and changes: breakpoints of every kind, stack, values, expressions, the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dap_editor import (
    LOOP,
    PROGRAM,
    Editor,
    Failed,
    at_start,
    editing,
    editor,
    gated,
    lines_of,
    opener,
    sums,
)
from frame_sources import SUMS, Computing, Sums

RAISING = """\
def inner(n):
    return 1 // n


try:
    x = inner(0)
except ZeroDivisionError:
    x = -1
y = x
"""

# -- breakpoints ------------------------------------------------------------------------------------------------------


def test_a_breakpoint_moves_to_a_line_that_can_run_or_says_that_there_is_none(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        here, moved, none = found.breaks(path, 3, 10, 99)
        assert (here["verified"], here["line"], "message" in here) == (True, 3, False)
        assert (moved["verified"], moved["line"]) == (True, 12)
        assert moved["message"] == "moved from line 10 to the next that can run"
        assert (none["verified"], none["message"]) == (False, "line 99 never runs")
        assert found.stop("continue")["hitBreakpointIds"] == [here["id"]]


def test_breakpoints_of_another_file_are_not_verified_and_take_none_away(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 3)
        other = found.breaks(tmp_path / "other.py", 3)[0]
        assert not other["verified"] and "only program.py is predicted" in other["message"]
        found.stop("continue")
        assert found.line() == 3


def test_setting_breakpoints_replaces_those_of_the_file(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 2, 3)
        found.breaks(path, 14)
        assert (found.stop("continue")["reason"], found.line()) == ("breakpoint", 14)


def test_a_condition_is_about_the_locals_and_a_bad_one_is_said(tmp_path: Path) -> None:
    with at_start(tmp_path, LOOP) as (found, path):
        good, bad = found.breaks(path, {"line": 3, "condition": "i == 4"}, {"line": 4, "condition": "1 +"})
        assert good["verified"] and not bad["verified"] and "cannot parse 1 +" in bad["message"]
        found.stop("continue")
        assert found.locals()["i"] == "4"
        found.breaks(path, {"line": 4, "condition": "unknown > 1"})
        assert "name 'unknown' is not defined" in found.stop("continue")["description"]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("3", [2]),
        ("== 3", [2]),
        (">= 3", [2, 3, 4, 5]),
        ("> 3", [3, 4, 5]),
        ("< 3", [0, 1]),
        ("<=3", [0, 1, 2]),
        ("%2", [1, 3, 5]),
    ],
)
def test_a_hit_condition_counts(tmp_path: Path, condition: str, wanted: list[int]) -> None:
    with at_start(tmp_path, LOOP) as (found, path):
        assert found.breaks(path, {"line": 3, "hitCondition": condition})[0]["verified"]
        values = []
        while found.stop("continue")["reason"] == "breakpoint":
            values.append(int(found.locals()["i"]))
        assert values == wanted


def test_a_hit_condition_that_is_none_is_said(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        for condition in ("often", "% 0", "3 4"):
            point = found.breaks(path, {"line": 3, "hitCondition": condition})[0]
            assert not point["verified"] and f"hit condition '{condition}': not one" in point["message"]


def test_a_log_point_says_its_line_and_does_not_stop(tmp_path: Path) -> None:
    with at_start(tmp_path, LOOP) as (found, path):
        found.breaks(path, {"line": 3, "logMessage": "i={i} of {range(6)[-1]}, {nothing}", "condition": "i > 3"})
        assert found.stop("continue")["description"] == "end of trace"
        logged = [each["body"] for each in found.events if each["event"] == "output" and "line" in each["body"]]
        assert [each["output"] for each in logged] == [
            f"i={i} of 5, {{nothing: name 'nothing' is not defined here}}\n" for i in (4, 5)
        ]
        assert {(each["line"], each["source"]["path"]) for each in logged} == {(3, str(path))}


def test_a_function_breakpoint_stops_at_its_first_line(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        points = found.ask("setFunctionBreakpoints", breakpoints=[{"name": "double"}, {"name": "nobody"}])[
            "breakpoints"
        ]
        assert [each["verified"] for each in points] == [True, False]
        assert points[1]["message"].startswith("there is no function 'nobody'")
        stopped = found.stop("continue")
        assert (stopped["reason"], stopped["hitBreakpointIds"]) == ("function breakpoint", [points[0]["id"]])
        assert found.line() == 2


def test_a_data_breakpoint_stops_where_a_value_has_changed(tmp_path: Path) -> None:
    with at_start(tmp_path, LOOP) as (found, _):
        found.stop("next")
        local = found.scopes()["Locals"]
        data = found.ask("dataBreakpointInfo", variablesReference=local, name="total")
        assert (data["dataId"], data["accessTypes"]) == ("<module>:total", ["write"])
        assert found.ask("dataBreakpointInfo", name="nothing")["dataId"] is None
        point = found.ask("setDataBreakpoints", breakpoints=[{"dataId": data["dataId"], "condition": "total > 2"}])
        assert point["breakpoints"][0]["verified"]
        stopped = found.stop("continue")
        assert (stopped["reason"], stopped["description"]) == ("data breakpoint", "total: 1 -> 3")
        found.ask("setDataBreakpoints", breakpoints=[])
        assert found.stop("continue")["description"] == "end of trace"


def test_a_part_of_a_value_can_be_watched(tmp_path: Path) -> None:
    text = "d = {'x': [1, 2]}\nd['x'][1] += 1\nd['x'][0] += 1\nend = 1\n"
    with at_start(tmp_path, text) as (found, _):
        found.stop("next")
        items = found.variables(found.variables(found.scopes()["Locals"])["d"]["variablesReference"])
        data = found.ask("dataBreakpointInfo", variablesReference=items["'x'"]["variablesReference"], name="0")
        assert data["dataId"] == "<module>:d['x'][0]"
        found.ask("setDataBreakpoints", breakpoints=[{"dataId": data["dataId"]}])
        assert found.stop("continue")["description"] == "d['x'][0]: 1 -> 2"
        assert found.line() == 4


def test_exceptions_stop_when_the_user_wants_to_see_them(tmp_path: Path) -> None:
    with at_start(tmp_path, RAISING) as (found, _):
        points = found.ask("setExceptionBreakpoints", filters=["raised", "other"])["breakpoints"]
        assert [each["verified"] for each in points] == [True, False]
        stopped = found.stop("continue")
        assert stopped["reason"] == "exception"
        assert "ZeroDivisionError" in stopped["description"]
        info = found.ask("exceptionInfo", threadId=1)
        assert (info["exceptionId"], info["breakMode"]) == ("ZeroDivisionError", "always")
        assert found.variables(found.scopes()["Exception"])["inner()"]["value"].startswith("ZeroDivisionError")
        assert found.stop("continue")["reason"] == "exception"  # passed on to the caller
        found.ask("setExceptionBreakpoints", filters=[])
        assert found.stop("continue")["description"] == "end of trace"
        with pytest.raises(Failed, match="no exception is predicted here"):
            found.ask("exceptionInfo", threadId=1)


def test_where_breakpoints_can_be_is_told(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        lines = found.ask("breakpointLocations", source={"path": str(path)}, line=1, endLine=8)["breakpoints"]
        assert [each["line"] for each in lines] == [1, 2, 3, 6, 7, 8]
        assert found.ask("breakpointLocations", source={"path": "/x.py"}, line=1)["breakpoints"] == []


# -- state ------------------------------------------------------------------------------------------------------------


def test_the_stack_is_told_in_pieces(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 2)
        found.stop("continue")
        whole = found.ask("stackTrace", threadId=1)
        assert whole["totalFrames"] == 3
        assert [(each["name"], each["line"]) for each in whole["stackFrames"]] == [
            ("double", 2),
            ("twice", 7),
            ("<module>", 13),
        ]
        part = found.ask("stackTrace", threadId=1, startFrame=1, levels=1)
        assert part == {"stackFrames": whole["stackFrames"][1:2], "totalFrames": 3}
        assert found.locals(2) == {"a": "1"}


def test_values_open_into_their_parts(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        lines_of(found, "next", 4)
        value = found.variables(found.scopes()["Locals"])["d"]
        assert (value["value"], value["type"], value["namedVariables"]) == ("{'x': [1, 2], 'y': (3,)}", "dict", 2)
        parts = found.variables(value["variablesReference"])
        assert [(name, each["value"], each["evaluateName"]) for name, each in parts.items()] == [
            ("'x'", "[1, 2]", "d['x']"),
            ("'y'", "(3,)", "d['y']"),
        ]
        items = found.variables(parts["'x'"]["variablesReference"])
        assert [(name, each["value"], each["evaluateName"]) for name, each in items.items()] == [
            ("0", "1", "d['x'][0]"),
            ("1", "2", "d['x'][1]"),
        ]
        assert found.evaluate(items["1"]["evaluateName"])["result"] == items["1"]["value"]


def test_long_values_come_in_pages_or_are_cut(tmp_path: Path) -> None:
    text = "x = list(range(3000))\ny = 1\n"
    with at_start(tmp_path, text) as (found, _):
        found.stop("next")
        value = found.variables(found.scopes()["Locals"])["x"]
        assert value["indexedVariables"] == 3000
        page = found.variables(value["variablesReference"], filter="indexed", start=2990, count=100)
        assert [*page] == [str(i) for i in range(2990, 3000)]
        assert found.variables(value["variablesReference"], filter="named") == {}
    with at_start(tmp_path, text, supports_variable_type=True) as (found, _):
        found.stop("next")
        value = found.variables(found.scopes()["Locals"])["x"]
        assert "indexedVariables" not in value
        rows = found.variables(value["variablesReference"])
        assert len(rows) == 1001 and rows["..."]["value"] == "2,000 more"


def test_setting_a_variable_changes_the_prediction_and_says_so(tmp_path: Path) -> None:
    with sums(tmp_path) as (found, path):
        found.begin(program=str(path))
        lines_of(found, "next", 4)
        local = found.scopes()["Locals"]
        answer = found.ask("setVariable", variablesReference=local, name="total", value="n + 39")
        assert (answer["value"], answer["type"]) == ("40", "int")
        assert found.event("invalidated")["areas"] == ["stacks", "variables"]
        assert found.variables(local)["total"]["value"] == "40"  # the reference still holds
        assert found.frames()[0]["name"] == "<module> [edited]"
        found.stop("next")
        assert found.locals()["total"] == "41"
        lines_of(found, "stepBack", 2)
        assert found.locals() == {"total": "0", "n": "1"}


def test_an_editor_that_knows_no_invalidated_is_sent_none(tmp_path: Path) -> None:
    with sums(tmp_path, supports_variable_type=True) as (found, path):
        found.begin(program=str(path))
        lines_of(found, "next", 2)
        found.ask("setVariable", variablesReference=found.scopes()["Locals"], name="total", value="9")
        assert found.locals()["total"] == "9"
        assert "invalidated" not in found.seen


def test_parts_of_a_value_can_be_set_literal_or_not(tmp_path: Path) -> None:
    text = """\
class Point:
    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"Point(x={self.x})"


p = [Point([1, 2]), (3, 4)]
q = 1
"""
    with at_start(tmp_path, text) as (found, path):
        found.breaks(path, 10)
        found.stop("continue")

        def part(*names: str) -> int:
            number = found.scopes()["Locals"]
            for name in names:
                number = int(found.variables(number)[name]["variablesReference"])
            return number

        assert found.variables(part("p"))["0"]["type"] == "Point"
        found.ask("setVariable", variablesReference=part("p", "0", "x"), name="1", value="'new'")
        found.ask("setVariable", variablesReference=part("p", "1"), name="0", value="(5,)")
        assert found.locals()["p"] == "[Point(x=[1, 'new']), ((5,), 4)]"
        name = found.variables(part("p", "0", "x"))["1"]["evaluateName"]
        assert (name, found.evaluate(name, "hover")["result"]) == ("p[0].x[1]", "'new'")
        assert found.ask("setExpression", expression="p[0].x", value="1 + 1")["value"] == "2"
        assert found.locals()["p"] == "[Point(x=2), ((5,), 4)]"
        for wrong in ("p[0].y", "p[0].x[0]", "p[2]", "q.x", "p[0].xx"):
            with pytest.raises(Failed):
                found.evaluate(wrong)


def test_expressions_can_be_set(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        lines_of(found, "next", 4)
        assert found.ask("setExpression", expression="d['x'][1]", value="a + 1")["value"] == "2"
        assert found.ask("setExpression", expression="c", value="'x\\n'")["value"] == "'x\\\\n'".replace("\\\\", "\\")
        for expression, value in (("c", "1; a = 2"), ("c = a", "1"), ("1", "2"), ("c", "")):
            with pytest.raises(Failed):
                found.ask("setExpression", expression=expression, value=value)
        assert found.locals()["a"] == "1"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nobody", "1", "there is no variable 'nobody'"),
        ("a", "1 +", "cannot parse 1 +"),
        ("a", "b", "name 'b' is not defined"),
    ],
)
def test_a_variable_that_cannot_be_set_is_one_line(tmp_path: Path, name: str, value: str, said: str) -> None:
    with at_start(tmp_path) as (found, _):
        found.stop("next")
        with pytest.raises(Failed, match=said):
            found.ask("setVariable", variablesReference=found.scopes()["Locals"], name=name, value=value)
        assert found.locals() == {"a": "1"}


def test_only_the_newest_frame_can_be_changed(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 2)
        found.stop("continue")
        caller = found.scopes(2)["Locals"]
        assert found.variables(caller)["a"]["presentationHint"]["attributes"] == ["readOnly"]
        with pytest.raises(Failed, match="only the values of the newest frame can"):
            found.ask("setVariable", variablesReference=caller, name="a", value="2")
        with pytest.raises(Failed, match="only the newest frame"):
            found.ask("setExpression", expression="a", value="2", frameId=found.frames()[2]["id"])
        lines_of(found, "stepIn", 2)  # a return: nothing comes of its locals any more
        with pytest.raises(Failed, match="is being left by return"):
            found.ask("setVariable", variablesReference=found.scopes()["Locals"], name="n", value="2")


def test_what_was_shown_before_a_stop_no_longer_holds(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        frame, local = found.frames()[0]["id"], found.scopes()["Locals"]
        found.stop("next")
        with pytest.raises(Failed, match="not one of this stop"):
            found.ask("scopes", frameId=frame)
        with pytest.raises(Failed, match="not one of this stop"):
            found.ask("variables", variablesReference=local)


def test_how_a_frame_came_about_is_a_scope(tmp_path: Path) -> None:
    path = tmp_path / "sums.py"
    path.write_text(SUMS)
    sure = opener(lambda entry: Sums(), confidence=lambda frame: 0.9996, doubts=lambda frame: {"total": 0.5551})
    with editing(sure) as found:
        found.begin(program=str(path))
        found.stop("next")
        rows = {name: each["value"] for name, each in found.variables(found.scopes()["Prediction"]).items()}
        assert rows == {
            "event": "line",
            "origin": "predicted",
            "confidence": "99.9 %",
            "total": "55.5 % sure",
            "step": "1 of 1 known",
        }
        found.ask("setVariable", variablesReference=found.scopes()["Locals"], name="total", value="1")
        assert found.variables(found.scopes()["Prediction"])["origin"]["value"] == "edited"


# -- expressions and the console --------------------------------------------------------------------------------------


def test_expressions_are_evaluated_over_the_predicted_values_of_a_frame(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 3)
        found.stop("continue")
        newest, caller = (found.frames()[i]["id"] for i in (0, 2))
        for context in ("watch", "hover", "clipboard", "repl"):
            assert found.evaluate("[m, n]", context, frameId=newest)["result"] == "[2, 1]"
            assert found.evaluate("a", context, frameId=caller)["result"] == "1"
        opened = found.evaluate("{'k': [m]}", frameId=newest)
        assert found.variables(opened["variablesReference"])["'k'"]["value"] == "[2]"
        for expression in ("open('x')", "nothing", "1 +", "1 / 0", "m = 5"):
            with pytest.raises(Failed):
                found.evaluate(expression, frameId=newest)


def test_the_console_takes_edits_and_every_command_of_the_prompt(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        assert "a = 1" in found.evaluate("predict 2", "repl")["result"]
        assert found.evaluate("next 2", "repl")["result"].startswith("> program.py(14)<module>()")
        stopped = found.event("stopped")
        assert (stopped["reason"], stopped["preserveFocusHint"], found.line()) == ("step", True, 14)
        found.evaluate("b = 10", "repl")
        assert found.event("invalidated")["areas"] == ["stacks", "variables"]
        assert found.locals() == {"a": "1", "b": "10"}
        found.evaluate("back", "repl")
        found.event("stopped")
        assert found.locals() == {"a": "1", "b": "4"}
        with pytest.raises(Failed, match="unknown command 'nonsense'"):
            found.evaluate("nonsense", "repl")
        assert "step [COUNT]" in found.evaluate("help", "repl")["result"]
        assert found.evaluate("p a\np b", "repl")["result"] == "1\n4"


def test_what_the_console_clears_the_editor_loses(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        first, second = found.breaks(path, 2, 14)
        found.evaluate("clear 1", "repl")
        event = found.event("breakpoint")
        assert (event["reason"], event["breakpoint"]["id"], event["breakpoint"]["verified"]) == (
            "removed",
            first["id"],
            False,
        )
        assert found.stop("continue")["hitBreakpointIds"] == [second["id"]]


def test_quitting_in_the_console_ends_the_prediction(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        found.evaluate("quit", "repl")
        found.event("terminated")
        found.leave()


def test_a_movement_of_the_console_can_be_paused(tmp_path: Path) -> None:
    with gated(tmp_path) as (found, _, gate):
        number = found.send("evaluate", expression="continue", context="repl")
        found.ask("pause", threadId=1)
        gate.release()
        assert "interrupted after 1 frame" in found.answer(number)["result"]
        assert found.event("stopped")["reason"] == "pause"


def test_the_console_completes_commands_and_locals(tmp_path: Path) -> None:
    def labels(text: str, **said: int) -> list[str]:
        column = said.pop("column", len(text.encode("utf-16-le")) // 2 + 1)
        return [each["label"] for each in found.ask("completions", text=text, column=column, **said)["targets"]]

    with at_start(tmp_path, "story = 1\nnext_one = 2\nx = 3\n") as (found, _):
        lines_of(found, "next", 2)
        assert {"step", "story"} <= {*labels("st")}
        assert labels("p st") == ["story"]
        assert labels("p 'ü\U0001f600' + ne") == ["next_one"]
        target = found.ask("completions", text="'\U0001f600' + ne", column=10)["targets"][0]
        assert (target["start"], target["length"]) == (8, 2)
        assert labels("zz\nst", line=2, column=3) == labels("st")
        assert labels("st", column=-5) == labels("", column=1)


# -- how the client counts --------------------------------------------------------------------------------------------


def test_lines_and_columns_are_counted_as_the_client_does_and_paths_are_uris_if_it_wants(tmp_path: Path) -> None:
    with editor(tmp_path, lines_start_at1=False, columns_start_at1=False, path_format="uri") as (found, path):
        found.begin(program=path.as_uri())
        frame = found.frames()[0]
        assert (frame["line"], frame["column"], frame["source"]["path"]) == (11, 0, path.as_uri())
        point = found.ask("setBreakpoints", source={"path": path.as_uri()}, breakpoints=[{"line": 2}])["breakpoints"][0]
        assert (point["line"], point["verified"]) == (2, True)
        found.stop("continue")
        assert found.frames()[0]["line"] == 2
        assert found.ask("gotoTargets", source={"path": path.as_uri()}, line=1)["targets"][0]["line"] == 1
        assert found.ask("loadedSources") == {"sources": [{"name": "program.py", "path": path.as_uri()}]}
        assert found.ask("source", sourceReference=0, source={"path": path.as_uri()})["content"] == PROGRAM


# -- objects ----------------------------------------------------------------------------------------------------------

DOGS = """\
class Person:
    def __init__(self, name):
        self.name = name


class Dog:
    def __init__(self, name, owner):
        self.name = name
        self.owner = owner
        self.tags = ["new"]


def main():
    ann = Person("ann")
    rex = Dog("rex", ann)
    dogs = [rex, Dog("max", ann)]
    count = len(dogs)
    return rex.name, ann.name, rex.tags, count


main()
"""


@contextmanager
def computed_dogs(tmp_path: Path) -> Iterator[tuple[Editor, Path]]:
    path = tmp_path / "dogs.py"
    path.write_text(DOGS)
    with editing(opener(Computing)) as found:
        found.begin(program=str(path))
        yield found, path


def test_objects_open_into_their_attributes_level_by_level(tmp_path: Path) -> None:
    with computed_dogs(tmp_path) as (found, path):
        found.breaks(path, 18)
        found.stop("continue")
        local = found.variables(found.scopes()["Locals"])
        assert (local["rex"]["type"], local["count"]["variablesReference"]) == ("Dog", 0)
        rex = found.variables(local["rex"]["variablesReference"])
        assert {name: each["value"] for name, each in rex.items()} == {
            "name": "'rex'",
            "owner": "<__main__.Person object>",
            "tags": "['new']",
        }
        owner = found.variables(rex["owner"]["variablesReference"])
        assert (owner["name"]["value"], owner["name"]["evaluateName"]) == ("'ann'", "rex.owner.name")
        assert found.variables(rex["tags"]["variablesReference"])["0"]["evaluateName"] == "rex.tags[0]"
        second = found.variables(local["dogs"]["variablesReference"])["1"]
        assert found.variables(second["variablesReference"])["name"]["value"] == "'max'"
        asked = found.evaluate("dogs[1]")
        assert found.variables(asked["variablesReference"])["name"]["evaluateName"] == "dogs[1].name"
        assert found.evaluate("[each.name for each in dogs]", "hover")["result"] == "['rex', 'max']"


def test_an_attribute_is_changed_as_the_program_would_and_it_goes_on_with_that(tmp_path: Path) -> None:
    with computed_dogs(tmp_path) as (found, path):
        found.breaks(path, 18)
        found.stop("continue")
        rex = found.variables(found.scopes()["Locals"])["rex"]["variablesReference"]
        attributes = found.variables(rex)
        assert found.ask("setVariable", variablesReference=rex, name="name", value="'bob'")["value"] == "'bob'"
        tags = attributes["tags"]["variablesReference"]
        assert found.ask("setVariable", variablesReference=tags, name="0", value="'old'")["value"] == "'old'"
        owner = attributes["owner"]["variablesReference"]
        found.ask("setVariable", variablesReference=owner, name="name", value="ann.name.upper()")
        assert found.variables(rex)["name"]["value"] == "'bob'"
        assert found.variables(tags)["0"]["value"] == "'old'"
        assert found.ask("setExpression", expression="dogs[1].name", value="rex.name * 2")["value"] == "'bobbob'"
        with pytest.raises(Failed, match="division by zero"):
            found.ask("setVariable", variablesReference=rex, name="name", value="1 / 0")
        found.stop("next")
        assert found.evaluate("rex.name")["result"] == "'bob'"
        returned = found.variables(found.scopes()["Return value"])
        assert "('bob', 'ANN', ['old'], 2)" in [each["value"] for each in returned.values()]


def test_a_block_and_what_it_prints_in_the_console(tmp_path: Path) -> None:
    with computed_dogs(tmp_path) as (found, path):
        found.breaks(path, 18)
        found.stop("continue")
        assert found.evaluate("print('n', count)", "repl")["result"] == "n 2\nNone"
        block = "for each in dogs:\n    each.tags = []\n    print(each.name)"
        assert found.evaluate(block, "repl")["result"].splitlines()[:2] == ["rex", "max"]
        assert found.evaluate("rex.tags")["result"] == "[]"


def test_conditions_and_log_messages_call_the_program(tmp_path: Path) -> None:
    with computed_dogs(tmp_path) as (found, path):
        condition = "name.startswith('m')"
        found.breaks(
            path, {"line": 9, "condition": condition}, {"line": 8, "logMessage": "{type(self).__name__} {name}"}
        )
        found.stop("continue")
        assert found.locals()["name"] == "'max'"
        assert [each for each in found.outputs() if each.startswith("'Dog'")] == ["'Dog' 'rex'\n", "'Dog' 'max'\n"]
