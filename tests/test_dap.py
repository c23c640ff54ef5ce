"""The debugger as an editor sees it: an independent client over a real socket, every request and every event.

Frames come from recorded runs and from sources that compute them, no model is needed; `test_dap_server.py` has the real
command, the embedded model and hostile clients.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dap_editor import Body, Editor, Failed, check, editing, opener
from frame_sources import ROOT, SUMS, Invented, Sums, recorded

from neuralpdb.dap import server  # noqa: F401 - fills the table of requests
from neuralpdb.dap.lifecycle import CAPABILITIES
from neuralpdb.dap.protocol import requests
from neuralpdb.errors import ModelError
from neuralpdb.frames import Event, Frame, FrameSource, Outcome, Trouble, TroubleKind

PROGRAM = """\
def double(n):
    m = n + n
    return m


def twice(n):
    first = double(n)
    second = double(first)
    return second


a = 1
b = twice(a)
c = b + 1
d = {"x": [1, 2], "y": (3,)}
e = c
"""

RAISING = """\
def inner(n):
    return 1 // n


try:
    x = inner(0)
except ZeroDivisionError:
    x = -1
y = x
"""

LOOP = """\
total = 0
for i in range(6):
    total += i
done = total
"""


@contextmanager
def editor(folder: Path, text: str = PROGRAM, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """An editor beside the recorded run of `text`."""
    path = folder / "program.py"
    path.write_text(text)
    with editing(opener(recorded), **said) as found:
        yield found, path


@contextmanager
def sums(folder: Path, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """An editor beside a source that works out `SUMS` from whatever state it is given."""
    path = folder / "sums.py"
    path.write_text(SUMS)
    with editing(opener(lambda entry: Sums()), **said) as found:
        yield found, path


@contextmanager
def at_start(folder: Path, text: str = PROGRAM, **said: Any) -> Iterator[tuple[Editor, Path]]:
    """The same, stopped at the first line."""
    with editor(folder, text, **said) as (found, path):
        found.begin(program=str(path))
        yield found, path


# -- beginning and ending ---------------------------------------------------------------------------------------------


def test_a_session_goes_through_the_steps_of_the_protocol_in_its_order(tmp_path: Path) -> None:
    with editor(tmp_path) as (found, path):
        found.begin(program=str(path))
        found.leave()
        order = ["initialize", "launch", "initialized", "configurationDone", "thread", "stopped", "disconnect"]
        assert found.seen == [each for each in found.seen if each in order] == [*order[:5], "stopped", "disconnect"]


def test_it_stops_at_the_first_line_or_runs_on_when_that_is_not_wanted(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        assert found.line() == 12
    with editor(tmp_path) as (found, path):
        found.launch(program=str(path), stopOnEntry=False)
        found.breaks(path, 3)
        found.ask("configurationDone")
        assert (found.event("stopped")["reason"], found.line()) == ("breakpoint", 3)


def test_the_capabilities_are_those_of_the_requests_that_are_there(tmp_path: Path) -> None:
    needed = {
        "supportsConfigurationDoneRequest": "configurationDone",
        "supportsFunctionBreakpoints": "setFunctionBreakpoints",
        "supportsDataBreakpoints": "setDataBreakpoints",
        "supportsBreakpointLocationsRequest": "breakpointLocations",
        "exceptionBreakpointFilters": "setExceptionBreakpoints",
        "supportsExceptionInfoRequest": "exceptionInfo",
        "supportsSetVariable": "setVariable",
        "supportsSetExpression": "setExpression",
        "supportsCompletionsRequest": "completions",
        "supportsStepBack": "stepBack",
        "supportsGotoTargetsRequest": "gotoTargets",
        "supportsRestartFrame": "restartFrame",
        "supportsRestartRequest": "restart",
        "supportsCancelRequest": "cancel",
        "supportsTerminateRequest": "terminate",
        "supportsLoadedSourcesRequest": "loadedSources",
    }
    known = {each.name for each in requests()}
    assert {*needed.values()} <= known
    assert needed.keys() <= CAPABILITIES.keys()
    with editor(tmp_path) as (found, _):
        assert found.initialize() == CAPABILITIES


def test_every_request_is_documented() -> None:
    text = (ROOT / "docs" / "dap.md").read_text("utf-8").split("## Requests")[1]
    assert {each.name for each in requests()} == {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("command", "said"),
    [("launch", "launch before initialize"), ("next", "next before initialize"), ("threads", "threads before init")],
)
def test_what_comes_too_early_is_refused_and_can_come_again(tmp_path: Path, command: str, said: str) -> None:
    with editor(tmp_path) as (found, path):
        found.client.send()  # not initialized
        with pytest.raises(Failed, match=said):
            found.ask(command, threadId=1)
        found.ask("initialize", adapterID="x")
        with pytest.raises(Failed, match="configurationDone before launch"):
            found.ask("configurationDone")
        found.ask("launch", program=str(path))
        with pytest.raises(Failed, match="launch was sent before"):
            found.ask("launch", program=str(path))
        with pytest.raises(Failed, match="stackTrace before configurationDone"):
            found.ask("stackTrace", threadId=1)
        found.ask("configurationDone")
        assert found.event("stopped")["reason"] == "entry"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "launch: program is missing"),
        ({"program": 3}, "launch: program is 3, not text"),
        ({"program": "/nowhere/x.py"}, "cannot read /nowhere/x.py: No such file"),
        ({"program": "/nowhere/\0x.py"}, "names no file"),
        ({"program": "PATH", "call": "nothing()"}, "program.py defines no 'nothing'"),
        ({"program": "PATH", "at": 4}, "has no executable line 4"),
        ({"program": "PATH", "at": "4"}, "launch: at is '4', not a whole number"),
        ({"program": "PATH", "at": 3, "state": {"n": "1 +"}}, "is not a Python literal"),
        ({"program": "PATH", "at": 3, "state": {"n": [1]}}, "state: n is list"),
        ({"program": "PATH", "noDebug": True}, "there is no run without the debugger"),
    ],
)
def test_a_launch_that_cannot_be_is_one_line_and_another_one_may_follow(
    tmp_path: Path, arguments: Body, said: str
) -> None:
    with editor(tmp_path) as (found, path):
        found.initialize()
        with pytest.raises(Failed, match=re.escape(said)):
            found.ask("launch", **{key: str(path) if value == "PATH" else value for key, value in arguments.items()})
        found.ask("launch", program=str(path))


def test_a_launch_starts_at_a_call_or_at_a_line_with_a_state(tmp_path: Path) -> None:
    with editor(tmp_path) as (found, path):
        found.begin(program=str(path), call="double(4)")
        source = found.frames()[0]["source"]
        assert source["name"] == "program.py <call>" and "path" not in source
        content = found.ask("source", sourceReference=source["sourceReference"])["content"]
        assert content.splitlines()[found.line() - 1] == "def main():"
    with sums(tmp_path) as (found, path):
        found.begin(program=str(path), at=4, state={"total": 7, "n": "2"})
        assert (found.line(), found.locals()) == (4, {"total": "7", "n": "2"})


def test_the_end_of_the_trace_is_a_place_from_which_one_can_go_back(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        for _ in range(2):
            stopped = found.stop("continue")
            assert (stopped["description"], stopped["text"]) == ("end of trace", "the program ended")
            assert found.outputs() == ["end of trace: the program ended\n"]
        assert found.locals()["c"] == "5"
        assert found.stop("stepBack")["reason"] == "step"
        assert found.line() == 15
        assert "terminated" not in found.seen and "exited" not in found.seen


def test_only_the_user_ends_the_prediction(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        found.ask("terminate")
        assert found.event("exited") == {"exitCode": 0}
        found.event("terminated")
        with pytest.raises(Failed, match="next: the session is over"):
            found.ask("next", threadId=1)
        found.leave()


def test_restart_reads_the_program_again_and_keeps_the_breakpoints(tmp_path: Path) -> None:
    with at_start(tmp_path, LOOP) as (found, path):
        first, second = found.breaks(path, 3, 4)
        assert found.stop("continue")["hitBreakpointIds"] == [first["id"]]
        path.write_text("more = 1\ntotal = more\nanswer = 42\n")
        found.ask("restart", arguments={"program": str(path)})
        changed = [found.event("breakpoint") for _ in range(2)]
        assert [each["breakpoint"]["verified"] for each in changed] == [True, False]
        assert [each["breakpoint"]["id"] for each in changed] == [first["id"], second["id"]]
        assert (found.event("stopped")["reason"], found.line()) == ("entry", 1)
        assert found.stop("continue")["hitBreakpointIds"] == [first["id"]]
        assert found.locals() == {"more": "1", "total": "1"}


def test_restart_alone_uses_the_arguments_of_the_launch(tmp_path: Path) -> None:
    with editor(tmp_path) as (found, path):
        found.begin(program=str(path), call="double(4)")
        found.stop("stepIn")
        found.ask("restart")
        assert found.event("stopped")["reason"] == "entry"
        assert found.frames()[0]["name"] == "main"


def test_a_restart_that_fails_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.stop("next")
        path.write_text("def f(:\n")
        with pytest.raises(Failed, match="line 1"):
            found.ask("restart")
        assert found.line() == 13


# -- moving -----------------------------------------------------------------------------------------------------------


def lines_of(found: Editor, command: str, count: int, **arguments: Any) -> list[int]:
    lines = []
    for _ in range(count):
        found.stop(command, **arguments)
        lines.append(found.line())
    return lines


def test_next_passes_over_calls_and_step_back_undoes_it(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        assert lines_of(found, "next", 4) == [13, 14, 15, 16]
        assert lines_of(found, "stepBack", 4) == [15, 14, 13, 12]
        assert found.stop("stepBack")["description"] == "start of trace"


def test_step_in_shows_calls_and_returns_as_frames_of_their_own(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        seen = [found.stop("stepIn").get("description", "") for _ in range(6)]
        assert seen == ["", "call of twice()", "", "call of double()", "", ""]
        assert [each["name"] for each in found.frames()] == ["double", "twice", "<module>"]
        assert found.stop("stepIn")["description"] == "double() returns 2"
        assert found.variables(found.scopes()["Return value"])["double()"]["value"] == "2"


def test_single_frames_can_be_asked_for_in_both_directions(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        forwards = lines_of(found, "next", 5, granularity="instruction")
        assert forwards == [13, 6, 7, 1, 2]
        assert lines_of(found, "stepBack", 5, granularity="instruction") == [1, 7, 6, 13, 12]


def test_step_out_goes_to_the_caller_which_shows_what_came_back(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 2)
        found.stop("continue")
        found.breaks(path)
        found.stop("stepOut")
        assert (found.line(), found.frames()[0]["name"]) == (8, "twice")
        assert found.variables(found.scopes()["Return value"])["double()"]["value"] == "2"
        found.stop("stepOut")
        assert (found.line(), found.locals()["b"]) == (14, "4")


def test_step_out_of_a_return_is_one_step_to_the_caller(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        lines_of(found, "stepIn", 7)
        found.stop("stepOut")
        assert (found.line(), found.frames()[0]["name"]) == (8, "twice")


def test_reverse_continue_goes_back_from_breakpoint_to_breakpoint_to_the_start(tmp_path: Path) -> None:
    with at_start(tmp_path, LOOP) as (found, path):
        point = found.breaks(path, {"line": 3, "condition": "i in (1, 3)"})[0]
        found.stop("continue")
        found.stop("continue")
        assert found.locals()["i"] == "3"
        found.stop("continue")
        stops = [found.stop("reverseContinue") for _ in range(3)]
        assert [each.get("hitBreakpointIds") for each in stops] == [[point["id"]], [point["id"]], None]
        assert stops[2]["description"] == "start of trace"
        assert found.stop("reverseContinue")["text"] == "already at the start"


def test_goto_makes_a_line_of_the_function_the_next_and_keeps_the_locals(tmp_path: Path) -> None:
    with sums(tmp_path) as (found, path):
        found.begin(program=str(path))
        lines_of(found, "next", 4)
        targets = found.ask("gotoTargets", source={"path": str(path)}, line=6)["targets"]
        assert [each["line"] for each in targets] == [6]
        assert found.stop("goto", targetId=targets[0]["id"])["reason"] == "goto"
        assert (found.line(), found.frames()[0]["name"]) == (6, "<module> [edited]")
        assert found.locals() == {"total": "0", "n": "1"}
        found.stop("stepBack")
        assert found.line() == 5
        assert found.ask("gotoTargets", source={"path": "/other.py"}, line=6) == {"targets": []}
        assert found.ask("gotoTargets", source={"path": str(path)}, line=60) == {"targets": []}
        with pytest.raises(Failed, match="line 60 is not a line"):
            found.ask("goto", threadId=1, targetId=60)


def test_restart_frame_goes_back_to_the_call(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, path):
        found.breaks(path, 9)
        found.stop("continue")
        found.ask("restartFrame", frameId=found.frames()[0]["id"])
        assert found.event("stopped")["description"] == "call of twice()"
        assert (found.line(), found.locals()) == (6, {"n": "1"})


def test_the_limit_of_one_movement_is_said_and_the_next_goes_on(tmp_path: Path) -> None:
    with editor(tmp_path, LOOP) as (found, path):
        found.begin(program=str(path), maxFrames=3)
        stopped = found.stop("continue")
        assert (stopped["reason"], stopped["description"]) == ("pause", "limit of frames")
        assert found.line() == 2
        found.stop("continue")
        assert found.line() == 3


def test_there_is_one_thread_and_no_other(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        assert found.ask("threads") == {"threads": [{"id": 1, "name": "prediction of program.py"}]}
        with pytest.raises(Failed, match="there is no thread 2"):
            found.ask("next", threadId=2)


# -- while it moves ---------------------------------------------------------------------------------------------------


@dataclass
class Gated:
    """Passes on to `source`, one frame for each `gate.release()`."""

    source: FrameSource
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        assert self.gate.acquire(timeout=60)
        return self.source.next(history, draw=draw)


@contextmanager
def gated(folder: Path, patience: float = 1e9, **said: Any) -> Iterator[tuple[Editor, Path, threading.Semaphore]]:
    """An editor at the start of SUMS; every frame has to be let through."""
    path = folder / "sums.py"
    path.write_text(SUMS)
    source = Gated(Sums())
    with editing(opener(lambda entry: source), patience, **said) as found:
        found.begin(program=str(path))
        yield found, path, source.gate


def test_a_prediction_is_paused_at_its_next_frame(tmp_path: Path) -> None:
    with gated(tmp_path) as (found, _, gate):
        found.ask("continue", threadId=1)
        assert found.ask("threads")["threads"][0]["id"] == 1
        found.ask("pause", threadId=1)
        gate.release()
        stopped = found.event("stopped")
        assert (stopped["reason"], stopped["description"]) == ("pause", "paused")
        assert found.line() == 2
        gate.release()
        assert found.stop("next")["reason"] == "step"  # the pause was for the movement before


def test_breakpoints_are_set_while_it_moves_and_count_at_once(tmp_path: Path) -> None:
    with gated(tmp_path) as (found, path, gate):
        found.ask("continue", threadId=1)
        wanted = [{"line": 5, "condition": "n == 2"}]
        number = found.heard("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)
        gate.release(100)
        assert found.answer(number)["breakpoints"][0]["verified"]
        assert found.event("stopped")["reason"] == "breakpoint"
        assert found.locals() == {"total": "1", "n": "2"}


@pytest.mark.parametrize("command", ["stackTrace", "scopes", "variables", "evaluate", "next", "goto", "setVariable"])
def test_what_needs_a_stop_is_refused_while_it_moves(tmp_path: Path, command: str) -> None:
    with gated(tmp_path) as (found, _, gate):
        found.ask("continue", threadId=1)
        number = found.heard(command, threadId=1)
        gate.release(100)
        with pytest.raises(Failed, match="not while the prediction goes on"):
            found.answer(number)
        assert found.event("stopped")["description"] == "end of trace"


def test_a_long_prediction_is_a_progress_that_can_be_cancelled(tmp_path: Path) -> None:
    with gated(tmp_path, 0.0) as (found, _, gate):
        found.ask("continue", threadId=1)
        begun = [found.event("progressStart") for _ in range(2)][1]  # the first was the way to the start
        assert begun["title"] == "Predicting" and begun["cancellable"]
        gate.release()
        found.events.clear()
        update = found.event("progressUpdate")
        assert update == {"progressId": begun["progressId"], "message": "1 frame, at line 2"}
        found.ask("cancel", progressId=begun["progressId"])
        gate.release()
        assert found.event("progressEnd")["progressId"] == begun["progressId"]
        assert found.event("stopped")["reason"] == "pause"


def test_an_editor_that_knows_no_progress_is_told_none(tmp_path: Path) -> None:
    with gated(tmp_path, 0.0, supports_variable_type=True) as (found, _, gate):
        gate.release(100)
        found.stop("continue")
        assert not {each for each in found.seen if each.startswith("progress")}


def test_a_request_that_waits_can_be_cancelled(tmp_path: Path) -> None:
    with gated(tmp_path) as (found, path, gate):
        found.ask("continue", threadId=1)
        number = found.send("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 5}])
        found.ask("cancel", requestId=number)
        gate.release(100)
        with pytest.raises(Failed, match="it was cancelled"):
            found.answer(number)
        assert found.event("stopped")["description"] == "end of trace"


@pytest.mark.parametrize("command", ["terminate", "restart", "disconnect"])
def test_what_ends_a_session_ends_its_movement_without_another_stop(tmp_path: Path, command: str) -> None:
    with gated(tmp_path) as (found, _, gate):
        found.ask("continue", threadId=1)
        if command == "disconnect":
            found.ask(command)
            gate.release()
            return
        number = found.heard(command)
        gate.release()
        found.answer(number)
        assert "stopped" not in [each["event"] for each in found.events]
        if command == "restart":
            assert found.event("stopped")["reason"] == "entry"
        else:
            found.event("terminated")


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
        assert "evaluateName" not in found.variables(part("p", "0"))["x"]


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
        for expression in ("double(1)", "nothing", "1 +", "__import__('os')", "m = 5"):
            with pytest.raises(Failed):
                found.evaluate(expression, frameId=newest)


def test_the_console_takes_edits_and_every_command_of_the_prompt(tmp_path: Path) -> None:
    with at_start(tmp_path) as (found, _):
        assert "a = 1" in found.evaluate("predict 2", "repl")["result"]
        assert found.evaluate("next 2", "repl")["result"].startswith("> program.py(14)<module>()")
        assert (found.event("stopped")["reason"], found.line()) == ("step", 14)
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


# -- what models do ---------------------------------------------------------------------------------------------------


@dataclass
class Odd:
    """A source that goes on as `first` says, then answers `then`."""

    first: FrameSource
    then: Outcome | Exception
    after: int = 2

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        if len(history) < self.after:
            return self.first.next(history)
        if isinstance(self.then, Exception):
            raise self.then
        return self.then


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (
            Trouble(TroubleKind.MALFORMED, "the model wrote no frame", "<|line_sep|>\x1b[31m?"),
            "the model wrote no frame",
        ),
        (ModelError("no weights at x", "download them"), "no weights at x (download them)"),
        (RuntimeError("a bug\nof ours"), "internal error: RuntimeError: a bug of ours"),
    ],
)
def test_no_prediction_is_a_stop_that_says_why_and_the_session_goes_on(
    tmp_path: Path, then: Outcome | Exception, said: str
) -> None:
    path = tmp_path / "sums.py"
    path.write_text(SUMS)
    with editing(opener(lambda entry: Odd(Sums(), then))) as found:
        found.begin(program=str(path))
        stopped = found.stop("continue")
        assert (stopped["reason"], stopped["description"], stopped["text"]) == ("exception", "no prediction", said)
        info = found.ask("exceptionInfo", threadId=1)
        assert info["exceptionId"] == "no prediction" and said in info["description"]
        assert "\x1b" not in info["description"]
        assert found.stop("stepBack")["reason"] == "step"
        assert found.line() == 1


def test_a_frame_without_a_line_is_shown_without_a_source(tmp_path: Path) -> None:
    path = tmp_path / "sums.py"
    path.write_text(SUMS)
    lost = Frame(Event.LINE, "<module>", None, "total = = 0", {"a\x1b[1m": "'\u202e'"})
    with editing(opener(lambda entry: Odd(Sums(), lost))) as found:
        found.begin(program=str(path))
        lines_of(found, "next", 2)
        frame = found.frames()[0]
        assert (frame["line"], "source" in frame) == (0, False)
        assert found.locals() == {"a\\x1b[1m": "'\\u202e'"}
        assert found.ask("gotoTargets", source={"path": str(path)}, line=3)["targets"][0]["line"] == 3


def test_a_start_that_the_model_invents_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_text("def f(x):  # << START_OF_TRACE\n    return x\n")
    with editing(opener(lambda entry: Invented())) as found:
        assert found.begin(program=str(path))["reason"] == "entry"
        assert found.locals() == {"x": "0"}


def test_a_start_that_does_not_come_is_said_and_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_text("def f(x):  # << START_OF_TRACE\n    return x\n")
    nothing = Trouble(TroubleKind.MALFORMED, "the model invents no value for 'x'")
    with editing(opener(lambda entry: Odd(Sums(), nothing, 0))) as found:
        assert found.begin(program=str(path))["text"] == nothing.message
        assert found.ask("stackTrace", threadId=1) == {"stackFrames": [], "totalFrames": 0}
        assert found.stop("next")["text"] == nothing.message
        for command in ("stepBack", "reverseContinue"):
            assert found.stop(command)["text"] == "already at the start"
        with pytest.raises(Failed):
            found.evaluate("x")
        with pytest.raises(Failed, match="there is no frame yet"):
            found.evaluate("x = 1", "repl")


# -- the tests' own tools ---------------------------------------------------------------------------------------------


def test_the_check_against_the_schema_finds_what_the_protocol_does_not_know() -> None:
    good = {"seq": 1, "type": "event", "event": "stopped", "body": {"reason": "step", "threadId": 1}}
    check(good)
    bad: list[Body] = [
        {**good, "body": {"reason": "step", "treadId": 1}},
        {**good, "body": {"reason": 3}},
        {
            "seq": 1,
            "type": "response",
            "request_seq": 1,
            "success": True,
            "command": "scopes",
            "body": {"scopes": [{}]},
        },
        {"seq": 1, "type": "response", "request_seq": 1, "success": True, "command": "scopes"},
    ]
    for message in bad:
        with pytest.raises(AssertionError):
            check(message)
