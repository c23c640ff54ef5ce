"""The debugger as an editor sees it: how a session begins and ends, moves and is interrupted, and what models do to it.

An independent client over a real socket. Frames come from recorded runs and from sources that compute them, no model is
needed; `test_dap_state.py` has breakpoints and values, `test_dap_server.py` the real command, the embedded model and
hostile clients.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from dap_editor import (
    LOOP,
    Body,
    Failed,
    at_start,
    check,
    editing,
    editor,
    gated,
    lines_of,
    opener,
    sums,
)
from frame_sources import SUMS, Invented, Sums
from places import ROOT

from neuralpdb.errors import ModelError
from neuralpdb.frontends.dap.requests.lifecycle import CAPABILITIES
from neuralpdb.frontends.dap.requests.table import requests
from neuralpdb.trace.frames import Event, Frame, FrameSource, Outcome, Trouble, TroubleKind

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


def test_a_restart_that_fails_while_it_moves_is_a_stop(tmp_path: Path) -> None:
    with gated(tmp_path) as (found, path, gate):
        found.ask("continue", threadId=1)
        path.write_text("def f(:\n")
        number = found.heard("restart")
        gate.release()
        with pytest.raises(Failed, match="line 1"):
            found.answer(number)
        assert (found.event("stopped")["reason"], found.line()) == ("pause", 2)


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


def test_a_command_of_the_console_that_the_model_ends_is_a_stop_where_it_came_to(tmp_path: Path) -> None:
    path = tmp_path / "sums.py"
    path.write_text(SUMS)
    with editing(opener(lambda entry: Odd(Sums(), ModelError("the weights are gone")))) as found:
        found.begin(program=str(path))
        assert found.evaluate("step 5", "repl")["result"] == "*** the weights are gone"
        assert (found.event("stopped")["description"], found.line()) == ("no prediction", 2)
        with pytest.raises(Failed, match="the weights are gone"):
            found.evaluate("step", "repl")


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
