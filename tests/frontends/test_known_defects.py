"""Defects of the only public tool of this kind (cwmdbg in facebookresearch/cwm), each shown not to be here."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pytest
from frame_sources import entry_of, recorded
from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import StopKind
from neuralpdb.engines.base import GREEDY, Completion, Drafter, Finish, Sampling
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token, spelled
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.predict.codec import MARKER
from neuralpdb.predict.computed.telling import Telling
from neuralpdb.predict.predictor import Predictor
from neuralpdb.predict.query import FRAME_TOKENS
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Trouble, TroubleKind


def line(source: str, **state: str) -> Markup:
    """What a model writes for a line event."""
    return (Token.LINE, json.dumps(state), Token.ACTION, source + "\n", Token.FRAME)


def call(source: str, **state: str) -> Markup:
    return (Token.CALL, json.dumps(state), Token.ACTION, source + "\n", Token.FRAME)


def leave(source: str, value: str) -> Markup:
    return (Token.RETURN, Token.ACTION, source + "\n", Token.ARG, json.dumps(value), Token.FRAME)


@dataclass
class Played:
    """A prompt on an engine that says what the test tells it to."""

    engine: ScriptedEngine
    session: Session
    loop: Loop
    output: io.StringIO

    def type(self, *lines: str) -> str:
        start = self.output.tell()
        for each in lines:
            self.loop.execute(each)
        return self.output.getvalue()[start:]


def played(
    entry: Entry, *replies: Markup, engine: ScriptedEngine | None = None, histories: Telling | None = None
) -> Played:
    engine = engine or ScriptedEngine(list(replies))
    session = Session(entry, Predictor(entry, engine, histories=histories))
    output = io.StringIO()
    console = Console(file=output, width=100, color_system=None, highlight=False, markup=False, emoji=False)
    loop = Loop(Prompt(session, console))
    loop.begin()
    return Played(engine, session, loop, output)


# -- "line text cut with rstrip of a character set (`x = A` and `x = S` become the same line)" ------------------


def test_lines_that_differ_only_in_letters_of_the_marker_stay_different() -> None:
    source = "A = S = T = R = O = 1\nx = A\nx = S\nx = T\nx = O\nx = R\n"
    sources = source.splitlines()
    prompt = played(entry_of(source), *(line(text) for text in sources[1:]))
    for number, text in enumerate(sources[1:], 2):
        frame = prompt.session.step().frame
        assert frame is not None and (frame.line, frame.source) == (number, text)


@pytest.mark.parametrize("text", ["x = A", "x = S", "x = 'TRACE'", "x = 1 << 2", "x = '# <<'"])
def test_the_marker_of_the_start_is_taken_off_whole_and_nothing_else(text: str) -> None:
    entry = entry_of(f"A = S = 1\n{text}  {MARKER}\ny = 1\n")
    assert entry.first is not None
    assert (entry.first.line, entry.first.source, entry.program.line(2)) == (2, text, text)


# -- "line number = first textual match" ----------------------------------------------------------------------


def test_equal_lines_one_after_the_other_are_told_apart() -> None:
    source = "x = 0\nx += 1\nx += 1\nx += 1\ny = x\n"
    replies = [line(text, x=str(n)) for n, text in enumerate(source.splitlines()[1:])]
    prompt = played(entry_of(source), *replies)
    assert [prompt.session.step().frame.line for _ in range(4)] == [2, 3, 4, 5]  # type: ignore[union-attr]


@pytest.mark.parametrize(("n", "number"), [("1", 4), ("0", 6)])
def test_equal_lines_in_two_branches_are_told_apart_by_the_condition(n: str, number: int) -> None:
    body = "    total = 0\n    if n:\n        total += 1\n    else:\n        total += 1\n    return total\n"
    entry = entry_of(f"def f(n):\n{body}", at=3, state=(f"n={n}", "total=0"))
    with ComputedHistories(entry) as histories:
        prompt = played(entry, line("        total += 1", n="..", total=".."), histories=histories)
        frame = prompt.session.step().frame
    assert frame is not None and frame.line == number


def test_equal_lines_in_two_functions_are_told_apart_by_where_we_are() -> None:
    source = "def f(a):\n    return a\n\n\ndef g(a):\n    return a\n\n\nx = g(1)\n"
    prompt = played(
        entry_of(source), call("def g(a):", a="1"), line("    return a", a=".."), leave("    return a", "1")
    )
    places = []
    for _ in range(3):
        frame = prompt.session.step().frame
        assert frame is not None
        places.append((frame.line, frame.function))
    assert places == [(5, "g"), (6, "g"), (6, "g")]


# -- "edits not sent to the model" ----------------------------------------------------------------------------


def test_an_edit_is_sent_to_the_model() -> None:
    prompt = played(entry_of("x = 1\ny = 2\nz = 3\n"), line("y = 2", x="1"), line("z = 3", x="5", y="2"))
    prompt.type("step", "!x = 5", "step")
    asked = spelled(prompt.engine.prompts[-1])
    assert asked.endswith('<|line_sep|>{"x": "5"}<|action_sep|>y = 2\n<|frame_sep|>')
    assert '"x": "1"' not in asked


def test_a_jump_is_sent_to_the_model() -> None:
    prompt = played(entry_of("x = 1\ny = 2\nz = 3\nw = 4\n"), line("y = 2", x="1"), line("w = 4", x="1", z="3"))
    prompt.type("step", "jump 3", "step")
    assert spelled(prompt.engine.prompts[-1]).endswith('<|line_sep|>{"x": "1"}<|action_sep|>z = 3\n<|frame_sep|>')


# -- "unchanged variables printed as `..`" --------------------------------------------------------------------


def test_an_unchanged_variable_is_printed_with_its_value() -> None:
    replies = line("y = 2", x="'hello'"), line("z = 3", x="..", y="2")
    prompt = played(entry_of("x = 'hello'\ny = 2\nz = 3\n"), *replies)
    prompt.type("step 2")
    assert prompt.type("vars", "p x") == "x = 'hello'\ny = 2\n'hello'\n"
    assert [dict(frame.locals) for frame in prompt.session.history] == [
        {},
        {"x": "'hello'"},
        {"x": "'hello'", "y": "2"},
    ]
    assert ".." not in prompt.output.getvalue()


def test_a_variable_that_is_called_unchanged_but_never_was_there_is_not_made_up() -> None:
    prompt = played(entry_of("x = 1\ny = 2\n"), line("y = 2", x=".."))
    assert "'x' unchanged, but it was not there before" in prompt.type("step")
    assert prompt.session.index == 0


# -- "truncated reply = IndexError" ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "whole", [line("y = 2", x="1"), (Token.RETURN, Token.ACTION, "x = 1\n", Token.ARG, '"1"', Token.FRAME)]
)
def test_a_reply_that_is_cut_off_anywhere_costs_one_message(whole: Markup) -> None:
    entry = entry_of("x = 1\ny = 2\n")
    for pieces in range(len(whole)):
        last = whole[pieces]
        cuts = [whole[:pieces]] if isinstance(last, Token) else [(*whole[:pieces], last[:n]) for n in range(len(last))]
        for cut in cuts:
            prompt = played(entry, cut, line("y = 2", x="1"))
            stop = prompt.session.step()
            assert (stop.kind, prompt.session.index) == (StopKind.TROUBLE, 0)
            assert stop.trouble is not None and stop.trouble.kind is TroubleKind.TRUNCATED
            assert prompt.session.step().kind is StopKind.STEP


# -- "broken JSON fed back to the model as a variable" --------------------------------------------------------


@pytest.mark.parametrize(
    "state", ['{"x": "1"', "{'x': '1'}", '{"x": 1}', '["x"]', '"x"', "x = 1", "", "{}}", '{"x": null}', "[" * 5000]
)
def test_broken_json_is_one_message_and_never_becomes_a_variable(state: str) -> None:
    broken: Markup = (Token.LINE, state, Token.ACTION, "y = 2\n", Token.FRAME)
    prompt = played(entry_of("x = 1\ny = 2\n"), broken, line("y = 2", x="1"))
    shown = prompt.type("step")
    assert shown.startswith("*** no prediction: ")
    assert prompt.type("vars") == "no locals\n"
    prompt.type("step")
    assert prompt.engine.prompts[-1] == prompt.engine.prompts[0]
    assert prompt.type("vars") == "x = 1\n"


# -- "no timeout" ---------------------------------------------------------------------------------------------


class Endless(ScriptedEngine):
    """Writes as much as it may, and never a stop token."""

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: Collection[Token],
        max_tokens: int,
        sampling: Sampling = GREEDY,
        draft: Drafter | None = None,
        until: str = "",
    ) -> list[Completion]:
        return [Completion((Token.LINE, "x" * (max_tokens - 1)), Finish.LENGTH) for _ in prompts]


def test_a_model_that_never_stops_writing_is_cut_off() -> None:
    prompt = played(entry_of("x = 1\ny = 2\n"), engine=Endless([]))
    shown = prompt.type("step")
    assert shown.startswith(f"*** no prediction: the frame was cut off at {FRAME_TOKENS} tokens\n")
    assert max(map(len, shown.splitlines())) < 300


class Hanging(ScriptedEngine):
    """Is interrupted by Ctrl-C the first time it is asked."""

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: Collection[Token],
        max_tokens: int,
        sampling: Sampling = GREEDY,
        draft: Drafter | None = None,
        until: str = "",
    ) -> list[Completion]:
        self.prompts.append(prompts[0])
        if len(self.prompts) == 1:
            raise KeyboardInterrupt
        return super().complete(prompts, stop=stop, max_tokens=max_tokens, sampling=sampling)


def test_waiting_for_the_model_can_be_broken_off_and_tried_again() -> None:
    prompt = played(entry_of("x = 1\ny = 2\n"), engine=Hanging([line("y = 2", x="1")]))
    assert "interrupted after 0 frames" in prompt.type("step")
    assert prompt.type("step") == "> p.py(2)<module>() -> y = 2  # x = 1\n"


def test_a_model_that_goes_in_circles_stops_at_the_limit_of_one_command() -> None:
    entry = entry_of("while True:\n    x = 1\n")
    prompt = played(entry, *[line("    x = 1"), line("while True:")] * 200)
    prompt.session.max_frames = 100
    assert "stopped after 100 frames, the limit of one command" in prompt.type("continue")


# -- "history re-encoded so that the prefix cache misses" ------------------------------------------------------


def test_every_prompt_continues_the_one_before_with_what_the_model_wrote() -> None:
    odd = (Token.LINE, '{"x":"1" , "w": "\\u00e9"}', Token.ACTION, "y = 2\n", Token.FRAME)  # not as we would write it
    replies = [odd, line("z = 3", x="..", y="2"), line("w = 4", x="..", y="..", z="3")]
    prompt = played(entry_of("x = 1\ny = 2\nz = 3\nw = 4\n"), *replies)
    prompt.type("step 3")
    prompts = prompt.engine.prompts
    for earlier, reply, later in zip(prompts, replies, prompts[1:], strict=False):
        assert later == earlier + reply


def test_going_back_and_on_asks_nothing_and_an_edit_keeps_what_is_before_it() -> None:
    replies = [line("y = 2", x="1"), line("z = 3", x="..", y="2"), line("z = 3", x="..", y="7")]
    prompt = played(entry_of("x = 1\ny = 2\nz = 3\n"), *replies)
    prompt.type("step 2", "back 2", "step 2")
    assert len(prompt.engine.prompts) == 2
    prompt.type("back", "!x = 9", "step")
    first, _, edited = prompt.engine.prompts
    assert edited[: len(first)] == first
    assert edited[len(first) :] == line("y = 2", x="9")


# -- "`next` always a guess" ----------------------------------------------------------------------------------


def test_next_predicts_every_frame_of_the_call_that_it_passes_over() -> None:
    source = "def f(a):\n    b = a + 1\n    return b\n\n\nx = f(1)\ny = x\n"
    replies = [
        call("def f(a):", a="1"),
        line("    b = a + 1", a=".."),
        line("    return b", a="..", b="2"),
        leave("    return b", "2"),
        line("y = x", x="2"),
    ]
    prompt = played(entry_of(source), *replies)
    assert prompt.type("next") == "> p.py(7)<module>() -> y = x  # x = 2\n"
    assert [frame.event.value for frame in prompt.session.history] == ["line", "call", "line", "line", "return", "line"]
    assert len(prompt.engine.prompts) == 5
    assert prompt.type("back 2").startswith("> p.py(3)f()")


# -- "leaves at the end of the trace" -------------------------------------------------------------------------


def test_the_end_of_the_trace_is_a_place_to_look_around_go_back_and_try_again() -> None:
    replies = [line("y = 2", x="1"), (Token.END,), line("y = 2", x="3"), (Token.END,)]
    prompt = played(entry_of("x = 1\ny = 2\n"), *replies)
    assert prompt.type("continue") == "--End-- the program ended\n"
    assert prompt.type("step", "vars", "where").splitlines() == [
        "--End-- the program ended",
        "x = 1",
        "> p.py(2)<module>()",
        "-> y = 2",
        "step 1 of 1 known, the end",
    ]
    prompt.type("back", "!x = 3", "continue")
    assert prompt.type("vars") == "x = 3\n"
    assert not prompt.loop.left


# -- "no breakpoints, no truth" -------------------------------------------------------------------------------


def test_there_are_breakpoints() -> None:
    prompt = played(entry_of("x = 1\ny = 2\nz = 3\n"), line("y = 2", x="1"), line("z = 3", x="..", y="2"))
    prompt.type("break 3")
    assert prompt.type("continue") == "> p.py(3)<module>() -> z = 3  # x = 1, y = 2  (breakpoint 1)\n"


def test_the_truth_is_told_in_the_same_frames_and_drives_the_same_session() -> None:
    entry = entry_of("x = 1\ny = x + 1\nz = 3\n")
    real = recorded(entry)
    assert [frame.origin for frame in real.frames] == [Origin.OBSERVED] * 3
    session, predicted = Session(entry, real), played(entry, line("y = x + 1", x="1"), line("z = 3", x="..", y="2"))
    session.start()
    for _ in range(2):
        session.step()
        predicted.session.step()
    assert [same(frame) for frame in session.history] == [same(frame) for frame in predicted.session.history]
    assert isinstance(session.step().frame, Frame) and isinstance(session.ended, Ended)


def same(frame: Frame) -> tuple[Event, int | None, dict[str, str], str]:
    return frame.event, frame.line, dict(frame.locals), frame.source


def test_a_recorded_run_says_that_it_cannot_answer_for_an_edit() -> None:
    entry = entry_of("x = 1\ny = 2\n")
    session = Session(entry, recorded(entry))
    session.start()
    session.edit("x = 2")
    assert isinstance(session.step().trouble, Trouble)
