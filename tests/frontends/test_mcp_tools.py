"""The tools for agents, as an agent meets them: the SDK's client over standard input and output of a real process."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from frame_sources import SUMS, entry_of, recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError
from mcp_agent import ENDLESS, HERE, HOSTILE, Agent, agent, text_of
from mixed_frames import MIXED
from places import ROOT

from neuralpdb.errors import ModelError
from neuralpdb.frontends.mcp.answers import NAMES, VALUE
from neuralpdb.frontends.mcp.sessions import SESSIONS, SOURCE, OpenPrograms
from neuralpdb.frontends.mcp.stdio import LONGEST
from neuralpdb.frontends.mcp.tools import table
from neuralpdb.frontends.mcp.tools.breakpoints import MOST
from neuralpdb.frontends.mcp.tools.movement import MOST_AHEAD, MOST_STEPS
from neuralpdb.frontends.mcp.tools.timelines import MOST_TIMELINES
from neuralpdb.predict.model_source import ModelSource
from neuralpdb.trace.frames import MAX_FRAMES, Frame, Outcome

FACTORIAL = """\
def factorial(n):
    if n < 2:
        return 1
    rest = factorial(n - 1)
    return n * rest

print(factorial(3))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One server for many tests; each of them opens programs of its own."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "factorial.py").write_text(FACTORIAL)
    with agent(str(HERE), "--allow-run", cwd=folder) as found:
        yield found


@pytest.fixture
def at(served: Agent) -> Iterator[Agent]:
    """The same, with no program open."""
    served.close_all()
    yield served
    served.close_all()


# -- every tool ----------------------------------------------------------------------------------------------------

CALLS: dict[str, dict[str, Any]] = {
    "open_program": {"source": "x = 1\ny = 2\n"},
    "list_sessions": {},
    "until": {"line": 5},
    "go": {"step": 2},
    "set_state": {"assignment": "n = 7"},
    "jump": {"line": 2},
    "set_breakpoint": {"line": 3, "condition": "n == 1"},
    "clear_breakpoint": {"number": 1},
    "evaluate": {"expression": "n * 2"},
    "find": {"expression": "n == 1"},
    "switch_timeline": {"name": "kept"},
    "diff_timelines": {"name": "kept"},
}
"""The arguments of tools that have some beside the session, or none."""


@pytest.mark.parametrize("name", [each.name for each in table.tools()])
def test_every_tool_answers_in_text_and_in_a_structure_of_its_schema(at: Agent, name: str) -> None:
    session = at.open(FACTORIAL)
    at.ask("step", session=session, count=3)
    at.ask("fork", session=session, name="kept")
    at.ask("predict", session=session, frames=1)
    at.ask("set_breakpoint", session=session, function="factorial")
    tool = table.find(name)
    assert tool is not None
    about = {"session": session} if "session" in tool.arguments.model_fields else {}
    result = at.call(name, **about, **CALLS.get(name, {}))  # the client checks the structure by the schema
    assert not result.is_error, result
    assert result.structured_content
    assert result.content


def test_every_tool_and_every_argument_is_described_for_the_agent(at: Agent) -> None:
    listed = at.tools()
    assert [each.name for each in listed] == [each.name for each in table.tools()]
    for each in listed:
        assert each.description
        assert "untrusted data" in each.description
        assert each.input_schema["additionalProperties"] is False
        for name, schema in each.input_schema["properties"].items():
            assert schema.get("description"), f"{each.name}: {name}"


def test_only_the_comparison_says_that_it_runs_anything(at: Agent) -> None:
    hints = {each.name: each.annotations for each in at.tools()}
    assert [name for name, hint in hints.items() if hint is not None and hint.open_world_hint] == ["compare"]
    assert all(hint is not None and hint.read_only_hint == (name in READING) for name, hint in hints.items())


READING = {"list_sessions", "list_breakpoints", "read_state", "evaluate", "stack", "source", "history"}
READING |= {"list_timelines", "diff_timelines", "resample"}


def test_what_an_agent_has_to_read_of_all_tools_is_short(at: Agent) -> None:
    read = [{"name": e.name, "description": e.description, "input": e.input_schema} for e in at.tools()]
    assert len(json.dumps(read)) < 20_000


# -- moving --------------------------------------------------------------------------------------------------------


def test_an_agent_steps_into_a_call_and_reads_what_changed(at: Agent) -> None:
    opened = at.ask("open_program", path="factorial.py")
    assert (opened["session"], opened["reason"], opened["frame"]["line"]) == (opened["session"], "start", 7)
    stopped = at.ask("step", session=opened["session"])
    assert (stopped["step"], stopped["frame"]["event"], stopped["frame"]["place"]) == (
        1,
        "call",
        "factorial.py(1)factorial()",
    )
    assert stopped["changed"] == [{"name": "n", "old": None, "new": "3", "known": ""}]
    assert stopped["frame"]["locals"] == {"n": "3"}


def test_the_text_of_a_stop_says_what_the_structure_says(at: Agent) -> None:
    session = at.open(FACTORIAL, call="factorial(2)")
    assert at.read("step", session=session, count=2).splitlines() == [
        f"{session}: step, step 2 (known to 2), 2 passed",
        "| > program.py(1)factorial() call",
        "|     def factorial(n):",
        "|       n: (not there) -> 2",
    ]


def test_next_passes_over_calls_and_finish_shows_the_value(at: Agent) -> None:
    session = at.open(FACTORIAL, call="factorial(3)")
    at.ask("step", session=session, count=4)
    after = at.ask("next", session=session)["frame"]
    assert (after["line"], after["locals"]["rest"]) == (5, "2")
    frame = at.ask("finish", session=session)["frame"]
    assert (frame["event"], frame["value"]) == ("return", "6")
    assert at.ask("evaluate", session=session, expression="__return__ + 1")["value"] == "7"


def test_a_trace_ends_at_a_place_where_one_can_look_around(at: Agent) -> None:
    session = at.open(SUMS)
    end = at.ask("continue", session=session)
    assert (end["reason"], end["halt"]["kind"], end["frame"]["locals"]["total"]) == ("ended", "ended", "6")
    assert at.ask("back", session=session, count=3)["step"] == end["step"] - 3
    assert at.ask("go", session=session, step=end["step"])["step"] == end["step"]


def test_a_changed_state_is_what_the_prediction_goes_on_from(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("step", session=session, count=4)
    edited = at.ask("set_state", session=session, assignment="total = 100")
    assert (edited["reason"], edited["frame"]["origin"]) == ("edited", "edited")
    assert at.ask("continue", session=session)["frame"]["locals"]["total"] == "106"


def test_a_jump_skips_lines(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("step", session=session, count=2)
    assert at.ask("jump", session=session, line=6)["frame"]["line"] == 6
    assert at.ask("step", session=session)["reason"] == "ended"


def test_a_proposal_moves_nothing_until_it_is_accepted(at: Agent) -> None:
    session = at.open(SUMS)
    proposal = at.ask("predict", session=session, frames=3)
    assert [each["line"] for each in proposal["frames"]] == [2, 3, 4]
    [listed] = at.ask("list_sessions")["sessions"]
    assert (listed["step"], listed["known"]) == (0, 3)
    assert at.ask("accept", session=session)["step"] == 3
    assert "no proposal" in at.refused("accept", session=session)


def test_any_state_can_be_started_from(at: Agent) -> None:
    opened = at.ask("open_program", source=FACTORIAL, line=5, state={"n": "4", "rest": "[1, 2]"})
    assert opened["frame"]["locals"] == {"n": "4", "rest": "[1, 2]"}
    assert opened["frame"]["origin"] == "given"


def test_breakpoints_stop_where_their_condition_holds(at: Agent) -> None:
    session = at.open(SUMS)
    points = at.ask("set_breakpoint", session=session, line=5, condition="n == 2")["breakpoints"]
    assert [(each["number"], each["line"], each["condition"]) for each in points] == [(1, 5, "n == 2")]
    stopped = at.ask("continue", session=session)
    assert (stopped["reason"], stopped["frame"]["line"], stopped["frame"]["locals"]["n"]) == ("breakpoint", 5, "2")
    assert at.ask("list_breakpoints", session=session)["breakpoints"][0]["hits"] == 2
    assert at.ask("clear_breakpoint", session=session, number=1)["breakpoints"] == []
    assert at.ask("continue", session=session)["reason"] == "ended"


def test_a_watched_expression_stops_when_its_value_changes(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("step", session=session, count=2)
    at.ask("set_breakpoint", session=session, watch="total > 1")
    stopped = at.ask("continue", session=session)
    assert (stopped["reason"], stopped["frame"]["locals"]["total"]) == ("breakpoint", "3")


def test_a_state_can_be_searched_for(at: Agent) -> None:
    session = at.open(SUMS)
    found = at.ask("find", session=session, expression="total > 1")
    assert (found["reason"], found["frame"]["locals"]["total"]) == ("found", "3")
    assert at.ask("find", session=session, expression="total > 100")["reason"] == "ended"
    assert "cannot parse" in at.refused("find", session=session, expression="total >")


def test_what_if_is_answered_by_two_timelines_side_by_side(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("step", session=session, count=4)
    at.ask("fork", session=session, name="calm")
    at.ask("set_state", session=session, assignment="total = 100")
    at.ask("continue", session=session)
    at.ask("switch_timeline", session=session, name="calm")
    ended = at.ask("continue", session=session)
    assert ended["frame"]["locals"]["total"] == "6"
    names = [each["name"] for each in at.ask("list_timelines", session=session)["timelines"]]
    assert names == ["calm", "main"]
    found = at.ask("diff_timelines", session=session, name="main", other="calm")
    assert found["summary"].startswith("main and calm part at step 4: total 100 / 0 (main edited)")
    assert found["steps"][0]["different"] == [{"what": "total", "ours": "100", "theirs": "0"}]
    assert "there is no timeline" in at.refused("switch_timeline", session=session, name="storm")


def test_timelines_are_bounded(at: Agent) -> None:
    session = at.open(SUMS)
    for _ in range(MOST_TIMELINES):
        at.ask("fork", session=session)
    assert "the most" in at.refused("fork", session=session)


# -- how values are known -------------------------------------------------------------------------------------------


def test_what_is_not_computed_is_known_otherwise_and_said(at: Agent) -> None:
    session = at.open(MIXED, line=4, state={"shout": "1"})
    result = at.call("step", session=session, count=6)
    frame = result.structured_content["frame"]
    assert frame["origin"] == "computed"
    assert frame["known"] == {"name": "predicted", "loud": "computed from a prediction"}
    assert (frame["model_says"], frame["python_says"]) == ({"n": "7"}, {"name": "'Bob'"})
    state = at.ask("read_state", session=session, step=2)
    assert state["known"] == {"name": "predicted"}
    rows = text_of(at.call("read_state", session=session)).splitlines()
    assert "| n = 1  (model: 7)" in rows and "| name = 'Ada'  (predicted)  (Python: 'Bob')" in rows
    assert "| loud = 'ADA'  (computed from a prediction)" in rows


def test_a_name_alone_says_how_it_is_known_and_an_expression_does_not(at: Agent) -> None:
    session = at.open(MIXED, line=4, state={"shout": "1"})
    at.call("step", session=session, count=5)
    returned = at.ask("evaluate", session=session, expression="__return__")
    assert (returned["value"], returned["known"], returned["model_says"]) == (
        "'ADA'",
        "computed from a prediction",
        None,
    )
    value = at.ask("evaluate", session=session, expression="name", caller=1)
    assert (value["known"], value["python_says"]) == ("predicted", "'Bob'")
    assert at.ask("evaluate", session=session, expression="n", caller=1)["model_says"] == "7"
    assert at.ask("evaluate", session=session, expression="name * 2", caller=1)["known"] == ""


def test_a_line_and_a_returned_value_are_known_too(at: Agent) -> None:
    session = at.open(MIXED, line=4, state={"shout": "1"})
    result = at.call("step", session=session, count=5)
    assert result.structured_content["frame"]["known"]["(value)"] == "computed from a prediction"
    assert any("-> 'ADA'  (computed from a prediction)" in row for row in text_of(result).splitlines())
    result = at.call("step", session=session, count=2)
    assert result.structured_content["frame"]["known"]["(line)"] == "predicted"


def test_what_changed_is_known_too_at_a_stop_and_in_lists_of_frames(at: Agent) -> None:
    session = at.open(MIXED, line=4, state={"shout": "1"})
    at.call("step", session=session)
    result = at.call("step", session=session)
    change = {"name": "name", "old": None, "new": "'Ada'", "known": "predicted"}
    assert result.structured_content["changed"] == [change]
    assert "|       name: (not there) -> 'Ada'  (predicted)" in text_of(result).splitlines()
    ahead = at.ask("predict", session=session, frames=4)["frames"]
    assert ahead[3]["changed"][0]["known"] == "computed from a prediction"
    assert at.ask("history", session=session)["frames"][2]["changed"] == [change]


def test_where_nothing_is_computed_nothing_is_known_otherwise(at: Agent) -> None:
    session = at.open(SUMS)
    frame = at.call("step", session=session, count=3).structured_content["frame"]
    assert (frame["known"], frame["model_says"], frame["python_says"]) == ({}, {}, {})


# -- how sure the model is -----------------------------------------------------------------------------------------


def test_a_stop_says_what_the_model_was_not_sure_of(at: Agent) -> None:
    session = at.open("# unsure\nx = 1\ny = 2\n")
    result = at.call("step", session=session)
    doubts = [{"part": "x", "probability": 0.25}, {"part": "(value)", "probability": 0.125}]
    assert result.structured_content["frame"]["doubts"] == doubts
    assert "|     ? x (25% sure)" in text_of(result).splitlines()


def test_draws_show_where_the_model_does_not_agree_with_itself(at: Agent) -> None:
    session = at.open("# drawn\nx = 1\ny = 2\n")
    found = at.ask("resample", session=session, draws=9)
    parts = {each["part"]: [(a["text"], a["times"], a["greedy"]) for a in each["answers"]] for each in found["parts"]}
    assert parts == {"(line)": [("(3)<module>()", 9, True)], "x": [("1", 6, True), ("2", 3, False)]}
    assert at.ask("list_sessions")["sessions"][0]["step"] == 0


# -- looking -------------------------------------------------------------------------------------------------------


def test_the_state_of_a_caller_and_of_an_earlier_step_can_be_read(at: Agent) -> None:
    session = at.open(FACTORIAL, call="factorial(3)")
    at.ask("step", session=session, count=6)
    calls = at.ask("stack", session=session)["calls"]
    assert [each["caller"] for each in calls] == [0, 1, 2]
    states = [at.ask("read_state", session=session, caller=each)["locals"] for each in (0, 1)]
    assert states == [{"n": "2"}, {"n": "3"}]
    assert at.ask("read_state", session=session, step=2)["locals"] == {"n": "3"}
    assert "3 active functions" in at.refused("read_state", session=session, caller=3)


def test_a_long_value_is_cut_and_can_be_read_in_parts(at: Agent) -> None:
    session = at.open("# big\ny = 1\n")
    frame = at.ask("step", session=session)["frame"]
    assert (len(frame["locals"]), frame["omitted"], frame["cut"]) == (40, 211, [])
    listed = at.ask("read_state", session=session, first=200)
    assert (listed["names"], len(listed["locals"]), listed["omitted"], listed["cut"]) == (251, 51, 0, ["long"])
    assert len(listed["locals"]["long"]) <= 500
    first = at.ask("evaluate", session=session, expression="long")
    whole = first["value"]
    while len(whole) < first["length"]:
        whole += at.ask("evaluate", session=session, expression="long", first=len(whole))["value"]
    assert whole == repr("abc" * 20_000)
    assert len(first["value"]) == 10_000


def test_the_source_shows_where_it_stands_and_where_it_would_stop(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("set_breakpoint", session=session, line=5)
    at.ask("step", session=session)
    lines = at.ask("source", session=session)["listed"]
    assert [each["number"] for each in lines if each["current"]] == [2]
    assert [each["number"] for each in lines if each["breakpoint"]] == [5]
    assert at.read("source", session=session, first=4, last=5).splitlines()[1:] == [
        "|    4         n += 1",
        "|    5 B       total += n",
    ]


def test_the_history_lists_what_happened_and_what_is_only_predicted(at: Agent) -> None:
    session = at.open(SUMS)
    at.ask("step", session=session, count=4)
    at.ask("predict", session=session, frames=2)
    found = at.ask("history", session=session, first=3, last=99)
    assert [(each["step"], each["line"]) for each in found["frames"]] == [(3, 4), (4, 5), (5, 3), (6, 4)]
    assert found["frames"][2]["changed"] == [{"name": "total", "old": "0", "new": "1", "known": ""}]
    assert (found["step"], found["known"]) == (4, 6)


def test_an_expression_does_nothing_in_the_world(at: Agent) -> None:
    session = at.open(FACTORIAL, call="factorial(3)")
    at.ask("step", session=session)
    for expression in ("input()", "__import__('os').getcwd()", "open('x', 'w')"):
        assert "cannot evaluate" in at.refused("evaluate", session=session, expression=expression)


def test_the_program_is_called_in_an_expression_and_statements_change_its_state(at: Agent) -> None:
    session = at.open(
        "class A:\n    x = 1\n    def twice(self):\n        return self.x * 2\n\na = A()\nb = a.twice()\nc = 0\n"
    )
    at.ask("next", session=session)
    found = at.ask("evaluate", session=session, expression="print('hi') or [a.twice(), a.x]")
    assert (found["value"], found["printed"]) == ("[2, 1]", "hi")
    assert at.ask("evaluate", session=session, expression="a.twice()", step=1)["value"] == "2"
    assert "name 'a' is not defined" in at.refused("evaluate", session=session, expression="a.twice()", step=0)
    found = at.ask(
        "set_state", session=session, assignment="for i in range(2):\n    a.x += 10\n    print(i)\na.twice()"
    )
    assert (found["reason"], found["printed"], found["step"]) == ("edited", "0\n1\n42", 1)
    assert at.ask("evaluate", session=session, expression="a.x")["value"] == "21"
    at.ask("back", session=session)
    assert at.ask("evaluate", session=session, expression="a.x")["value"] == "1"
    at.ask("step", session=session, count=3)
    assert at.ask("evaluate", session=session, expression="__return__ + 1")["value"] == "3"
    assert at.ask("evaluate", session=session, expression="a.twice()", caller=1)["value"] == "2"


# -- the truth -----------------------------------------------------------------------------------------------------

MISLED = "# misled\nn = 0\nwhile n < 4:\n    n += 1\n"


def test_the_comparison_names_the_first_wrong_prediction(at: Agent) -> None:
    session = at.open(MISLED)
    assert at.ask("compare", session=session)["verdicts"] == {"exact": 1}
    at.ask("continue", session=session)
    found = at.ask("compare", session=session)
    assert found["verdicts"]["exact"] == 2
    assert found["divergence"]["step"] == 3
    assert found["divergence"]["differences"] == [{"what": "n", "predicted": "2", "actual": "1"}]
    assert "ended" in found["real_run"]


def test_a_true_prediction_has_no_divergence(at: Agent) -> None:
    session = at.open(FACTORIAL)
    at.ask("continue", session=session)
    frames = len(recorded(entry_of(FACTORIAL)).frames)
    found = at.ask("compare", session=session)
    assert found["divergence"] is None
    assert found["verdicts"] == {"exact": frames - 1, "the right end": 1}


def test_a_comparison_that_takes_long_can_be_cancelled(at: Agent) -> None:
    session = at.open("# endless\nimport time\ntime.sleep(60)\nx = 1\n")
    at.ask("step", session=session)
    call = at.start("compare", session=session)
    time.sleep(0.5)
    call.cancel()
    with pytest.raises(CancelledError):
        call.result(timeout=5)
    assert at.ask("close_program", session=session) == {"session": session}


def test_a_comparison_is_refused_where_no_real_run_can_start(at: Agent) -> None:
    session = at.open(FACTORIAL, line=5, state={"n": "4", "rest": "2"})
    assert "cannot start" in at.refused("compare", session=session)


def test_no_program_is_run_unless_that_was_allowed(tmp_path: Path) -> None:
    written = tmp_path / "written"
    with agent(str(HERE), cwd=tmp_path) as strict:
        session = strict.open(
            f"# misled\nopen({str(written)!r}, 'w')\nn = 0\nn += 1\n".replace("# misled", "# wandering")
        )
        said = strict.refused("compare", session=session)
        assert (
            said == "compare is not allowed: it would run the program (start the server with --allow-run to allow it)"
        )
        strict.call("step", session=session, count=20)
    assert not written.exists()


# -- one line of an error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("step", {}, "step: the argument 'session' is missing"),
        ("step", {"session": "s0"}, "there is no session 's0' (open: none)"),
        ("step", {"session": "s0", "counts": 1}, "step: there is no argument 'counts'; there are: session, count"),
        ("step", {"session": "s0", "count": 0}, "step: count: Input should be greater than or equal to 1, not 0"),
        ("step", {"session": 3}, "step: session: Input should be a valid string, not 3"),
        ("open_program", {}, "open_program: give one of source and path"),
        ("open_program", {"source": "x = 1", "path": "p.py"}, "open_program: give one of source and path"),
        ("open_program", {"source": "x = "}, "program.py, line 1, column 5: invalid syntax (at: x =)"),
        (
            "open_program",
            {"source": "def f(): pass", "call": "g()"},
            "call: g(): program.py defines no 'g' (functions: f)",
        ),
        ("open_program", {"source": "x = 1", "state": {"a": "f()"}}, "state: a: name 'f' is not defined here"),
        ("open_program", {"source": "x = 1", "state": {"a": "f("}}, "state: a: 'f(' is not a Python literal"),
        ("open_program", {"source": "x = 1", "line": 7}, "line: 7: program.py has no executable line 7"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_and_what_next(
    at: Agent, tool: str, arguments: dict[str, Any], said: str
) -> None:
    assert at.refused(tool, **arguments).startswith(said)


def test_a_tool_that_does_not_exist_is_an_error_of_the_protocol(at: Agent) -> None:
    with pytest.raises(MCPError, match="Unknown tool: fly"):
        at.call("fly")


def test_what_cannot_be_done_here_is_said_and_nothing_moves(at: Agent) -> None:
    session = at.open(SUMS)
    assert "already at the start" in at.refused("back", session=session)
    assert "is not known" in at.refused("go", session=session, step=99)
    assert "cannot parse" in at.refused("set_state", session=session, assignment="n = = 1")
    assert "not a line of" in at.refused("jump", session=session, line=99)
    assert "give one of" in at.refused("set_breakpoint", session=session)
    assert "give one of" in at.refused("set_breakpoint", session=session, line=2, function="f")
    assert "never runs" in at.refused("set_breakpoint", session=session, line=99)
    assert "there is no function" in at.refused("set_breakpoint", session=session, function="f")
    assert at.ask("list_sessions")["sessions"][0]["step"] == 0


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """A server that may read below a folder `root`, and what it must not read beside it."""
    folder = tmp_path_factory.mktemp("fenced")
    (folder / "secret.py").write_text("secret = 1\n")
    root = folder / "root"
    (root / "folder").mkdir(parents=True)
    (root / "link.py").symlink_to(folder / "secret.py")
    (root / "loop").symlink_to("loop")
    (root / "big.py").write_text("x = 1\n" * SOURCE)
    (root / "binary.py").write_bytes(b"\0\1")
    os.mkfifo(root / "pipe")
    with agent("-m", "neuralpdb", "mcp", "--engine", "local", "--root", "root", cwd=folder) as found:
        yield found


@pytest.mark.parametrize("path", ["../secret.py", "/etc/hostname", "link.py", "folder/../../secret.py", "loop"])
def test_no_file_outside_of_the_folders_is_read(fenced: Agent, path: str) -> None:
    assert "outside of what may be read" in fenced.refused("open_program", path=path)


@pytest.mark.parametrize(
    "path", ["", "folder", "no.py", "a\0b", "a\nb", "x" * 900, "x" * 5_000, "pipe", "big.py", "binary.py", "~/x.py"]
)
def test_what_is_no_program_is_refused_in_one_line(fenced: Agent, path: str) -> None:
    said = fenced.refused("open_program", path=path)
    assert "\n" not in said
    assert len(said) < 1_100


def test_programs_are_opened_from_several_folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(f"{name} = 1\n")
    roots = ("--root", "a", "--root", str(tmp_path / "b"))
    with agent("-m", "neuralpdb", "mcp", "--engine", "local", *roots, cwd=tmp_path) as found:
        assert found.ask("open_program", path="b.py")["frame"]["source"] == "b = 1"
        assert found.ask("open_program", path=str(tmp_path / "a" / "a.py"))["frame"]["source"] == "a = 1"


# -- bounds --------------------------------------------------------------------------------------------------------


def test_sessions_are_bounded_and_a_closed_one_makes_room(at: Agent) -> None:
    first = at.open(SUMS)
    for _ in range(SESSIONS - 1):
        at.open(SUMS)
    assert f"{SESSIONS} programs are open" in at.refused("open_program", source=SUMS)
    at.ask("close_program", session=first)
    assert at.open(SUMS) != first
    assert "there is no session" in at.refused("step", session=first)


def test_breakpoints_are_bounded(at: Agent) -> None:
    session = at.open(SUMS)
    for _ in range(MOST):
        at.ask("set_breakpoint", session=session, line=5)
    assert "the most" in at.refused("set_breakpoint", session=session, line=5)


def test_a_movement_ends_at_the_limit_of_frames_and_can_be_repeated(at: Agent) -> None:
    session = at.open(ENDLESS)
    stopped = at.ask("continue", session=session)
    assert (stopped["reason"], stopped["passed"]) == ("limit", MAX_FRAMES)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 5_000,
        "x = " + "-" * 50_000 + "1",
        "x = a" + ".b" * 50_000,
        "x = " + "1 + " * 40_000 + "1",
        "if x:\n" + "".join(f"{' ' * i}if x:\n" for i in range(1, 300)),
        "x = " + "[" * 150 + "]" * 150,
        "lambda: " * 20_000 + "1",
        "x = '" + "y" * (SOURCE + 1) + "'",
        "# -*- coding: nonsense -*-\nx = 1",
        "x = 1 # \ufeff\u202e",
        "\0",
        "",
    ],
)
def test_a_strange_program_is_opened_or_refused_in_one_line(at: Agent, source: str) -> None:
    result = at.call("open_program", source="# wandering\n" + source if source else source)
    if result.is_error:
        [content] = result.content
        assert "\n" not in content.text  # type: ignore[union-attr]
        assert len(content.text) < 2_100  # type: ignore[union-attr]


# -- what the model wrote is data ----------------------------------------------------------------------------------


def inert_lines(text: str) -> bool:
    """Nothing in it steers a terminal."""
    return all(line.isprintable() for line in text.split("\n"))


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *strings(each))
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_nonsense_of_the_model_is_a_structured_answer(at: Agent) -> None:
    session = at.open("# babbling\nx = 1\n")
    result = at.call("step", session=session)
    assert not result.is_error
    answer = result.structured_content
    assert (answer["reason"], answer["halt"]["kind"]) == ("trouble", "malformed")
    assert len(answer["halt"]["wrote"]) <= 500
    assert at.ask("predict", session=session)["halt"]["kind"] == "malformed"
    assert "\x1b" not in json.dumps(answer, ensure_ascii=False)


def test_what_the_model_writes_cannot_leave_its_lines(at: Agent) -> None:
    session = at.open("# hostile\nx = 1\n")
    for tool in ("step", "read_state", "stack", "source", "history", "step", "list_sessions"):
        result = at.call(tool, **({"session": session} if tool != "list_sessions" else {}))
        assert not result.is_error
        text = result.content[0].text  # type: ignore[union-attr]
        assert inert_lines(text)
        assert all(line.startswith("| ") for line in text.split("\n") if "ignore all" in line or "</s>" in line)
        assert all(each.isprintable() for each in strings(result.structured_content))
        assert len(text) < 150_000


def test_an_error_of_the_server_itself_is_an_answer_without_its_text(at: Agent) -> None:
    session = at.open("# broken\nx = 1\n")
    said = at.refused("step", session=session)
    assert said == "step failed: RuntimeError (an error of neuralpdb; the session is kept)"
    assert at.ask("read_state", session=session)["names"] == 0


# -- while it predicts ---------------------------------------------------------------------------------------------


def test_a_prediction_reports_its_progress(at: Agent) -> None:
    session = at.open(ENDLESS)
    at.ask("step", session=session, count=100)
    assert at.progress
    assert all(total == 100 for _, total in at.progress)
    done = [each for each, _ in at.progress]
    assert done == sorted(set(done))
    assert done[-1] == 100


def test_a_cancelled_prediction_stops_between_frames_and_the_session_goes_on(at: Agent) -> None:
    session = at.open(ENDLESS)
    call = at.start("continue", session=session)
    while not at.progress:
        time.sleep(0.005)
    call.cancel()
    with pytest.raises(CancelledError):
        call.result(timeout=60)
    stopped = at.ask("back", session=session)
    assert 0 <= stopped["step"] < MAX_FRAMES - 1
    assert at.ask("step", session=session)["passed"] == 1


def test_calls_on_one_session_take_turns(at: Agent) -> None:
    session = at.open(ENDLESS)
    calls = [at.start("step", session=session, count=10) for _ in range(5)]
    steps = [call.result(timeout=60).structured_content["step"] for call in calls]
    assert sorted(steps) == [10, 20, 30, 40, 50]


def test_a_long_prediction_holds_up_no_other_session(at: Agent) -> None:
    busy, other = at.open(ENDLESS), at.open(SUMS)
    call = at.start("continue", session=busy)
    while not at.progress:
        time.sleep(0.005)
    assert at.ask("continue", session=other)["reason"] == "ended"
    call.cancel()


def test_a_session_that_is_closed_meanwhile_is_gone_for_those_who_wait(at: Agent) -> None:
    session = at.open(ENDLESS)
    first = at.start("step", session=session, count=50)
    while not at.progress:
        time.sleep(0.005)
    closing = at.start("close_program", session=session)
    waiting = [at.start("step", session=session) for _ in range(3)]
    assert first.result(timeout=60).structured_content["passed"] == 50
    assert not closing.result(timeout=60).is_error
    assert all(call.result(timeout=60).is_error for call in waiting)


# -- whatever an agent sends ---------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = sorted({name for each in table.tools() for name in each.arguments.model_fields})
_SENSIBLE = st.sampled_from(
    ["n = 1", "a", "len(a)", "a = [1] * 3", "del b", "f", "print", 1, 2, 3, 5, 0, -1, "1", HOSTILE, {"a": "1"}]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from([each.name for each in table.tools() if each.name != "reset"]),
            st.dictionaries(st.sampled_from(_NAMES), _SENSIBLE | _JSON, max_size=3),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_any_calls_in_any_order_are_answered_and_the_server_lives(
    at: Agent, calls: list[tuple[str, dict[str, Any], bool]]
) -> None:
    at.close_all()
    session = at.open("# wandering\n" + FACTORIAL)
    for tool, arguments, addressed in calls:
        known = table.find(tool)
        assert known is not None
        if addressed:
            arguments = {name: value for name, value in arguments.items() if name in known.arguments.model_fields}
            arguments |= {"session": session} if known.session else {}
        result = at.call(tool, **arguments)
        text = result.content[0].text  # type: ignore[union-attr]
        assert text
        assert inert_lines(text)
        assert "an error of neuralpdb" not in text, (tool, arguments, text)
    assert len(at.ask("list_sessions")["sessions"]) <= SESSIONS


class Missing:
    """A model that does not load."""

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        raise ModelError("no weights")


def test_what_a_session_holds_is_given_back_when_it_is_closed_and_when_it_does_not_open() -> None:
    closed: list[str] = []
    programs = OpenPrograms(
        lambda entry: ModelSource(Missing(), close=lambda: closed.append(entry.program.line(1))), []
    )
    kept, _ = programs.open(text="x = 1\n", path=None, call="", line=0, state={})
    with pytest.raises(ModelError):
        programs.open(text="def f(x):  # << START_OF_TRACE\n    return x\n", path=None, call="", line=0, state={})
    assert (closed, list(programs.opened)) == (["def f(x):"], [kept.id])
    programs.close_all()
    assert (closed, programs.opened) == (["def f(x):", "x = 1"], {})


def test_the_look_ahead_is_told_where_a_session_stands_from_its_first_frame_on() -> None:
    told: list[int] = []
    entry = entry_of(SUMS)
    programs = OpenPrograms(
        lambda _: ModelSource(recorded(entry), attention=lambda frames: told.append(len(frames))), []
    )
    opened, _ = programs.open(text=SUMS, path=None, call="", line=0, state={})
    opened.session.step(3)
    opened.session.edit("n = 1")
    assert (told[0], told[-1]) == (1, 4)


# -- the documentation ---------------------------------------------------------------------------------------------


def test_the_reference_of_the_tools_is_the_one_that_the_server_uses() -> None:
    # to rewrite it: python -c "from neuralpdb.frontends.mcp import tools; print(tools.markdown())"
    assert table.markdown() in (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")


def test_the_bounds_in_the_documentation_are_those_of_the_program() -> None:
    said = " ".join((ROOT / "docs" / "mcp.md").read_text(encoding="utf-8").split())
    message, step = LONGEST // 2**20, f"{MOST_STEPS:,} steps or {MOST_AHEAD} frames ahead"
    assert f"{SESSIONS} open programs, {SOURCE:,} characters a program, {message} MiB a message" in said
    assert f"{MOST} breakpoints and {MOST_TIMELINES} timelines a session, {step} a call" in said
    assert f"cut** at {VALUE} characters, and at {NAMES} locals" in said


def test_the_configuration_in_the_readme_starts_a_server() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r'```json\n(\{\s*"mcpServers".*?)```', readme, re.DOTALL)
    configured = json.loads(block)["mcpServers"]["neuralpdb"]
    assert configured["command"] == "neuralpdb"
    with agent("-m", "neuralpdb", *configured["args"], cwd=ROOT) as found:
        assert found.ask("open_program", path="examples/strawberry.py")["step"] == 0
