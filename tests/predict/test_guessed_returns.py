"""What a call returns in one guess: how the model is asked, how movements use it, and how it is shown and kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from frame_sources import SUMS, Unfolding, entry_of, recorded
from prompts import Prompt
from replies import Run, call, likes, line

from neuralpdb.debugger.saved import Besides, load, save
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import StopKind
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.export import json_document, markdown
from neuralpdb.frontends.export.transcript import transcript_of
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Outcome, Trouble, TroubleKind

PROGRAM = """\
def double(n):
    m = n + n
    if m > 9:
        return 0
    return m


def twice(n):
    first = double(n)
    return double(first)


a = 1
b = twice(a)
c = twice(b) + double(b)
d = c
"""


def returned(source: str, value: str) -> Markup:
    """What the model writes behind the tokens that force a return."""
    return (source + "\n", Token.ARG, json.dumps(value), Token.FRAME)


class Leaping:
    """The recorded run, that also guesses: what every call returns, or `wrong`."""

    def __init__(self, wrong: str = "") -> None:
        self.trace = recorded(entry_of(PROGRAM))
        self.wrong = wrong
        self.asked: list[int] = []
        self.leaps: list[int] = []
        self.restarts, self.excerpt = 0, False
        self.abandoned = lambda: False

    def at(self, history: Sequence[Frame]) -> int:
        """Index of the last frame of `history` in the true trace."""
        last = history[-1]
        place = last.place, dict(last.locals), None if last.origin is Origin.GUESSED else last.value
        return next(
            i
            for i, frame in reversed(list(enumerate(self.trace.frames)))
            if (frame.place, dict(frame.locals), None if last.origin is Origin.GUESSED else frame.value) == place
        )

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        self.asked.append(len(history))
        at = self.at(history) + 1
        return self.trace.frames[at].replace() if at < len(self.trace.frames) else Ended()

    def leap(self, history: Sequence[Frame]) -> Outcome:
        self.leaps.append(len(history))
        at, depth = self.at(history), history[-1].depth - (history[-1].event is Event.RETURN)
        if self.wrong == "trouble":
            return Trouble(TroubleKind.MALFORMED, "the model wrote no return")
        frames = self.trace.frames[at + 1 :]
        true = next(f for f in frames if f.depth == depth and f.event is Event.RETURN)
        return true.replace(origin=Origin.GUESSED, value=self.wrong or true.value)


def session(source: Leaping | None = None) -> tuple[Session, Leaping]:
    source = source or Leaping()
    found = Session(entry_of(PROGRAM), source)
    found.start()
    return found, source


def origins(session: Session) -> list[str]:
    return [frame.origin.value for frame in session.history]


# -- the model ----------------------------------------------------------------------------------------------------


def test_the_model_is_made_to_write_a_return_at_once() -> None:
    run = Run("def f(n):\n    m = n\n    return m\n", returned("    return m", "3"), call="f(3)")
    run.history.append(Frame(Event.LINE, "main", 6, "    return f(3)", depth=0))
    run.history.append(Frame(Event.CALL, "f", 1, "def f(n):", {"n": "3"}, depth=1))
    found = run.predictor.leap(run.history)
    assert isinstance(found, Frame)
    assert (found.event, found.line, found.value, found.depth) == (Event.RETURN, 3, "3", 1)
    assert found.origin is Origin.GUESSED and found.locals == {"n": "3"}
    assert run.engine.prompts[-1][-2:] == (Token.RETURN, Token.ACTION)
    assert len(run.engine.prompts) == 1


def test_behind_a_return_it_is_the_caller_s_turn_and_module_level_code_has_none() -> None:
    run = Run("def f():\n    return 1\nx = f()\n")
    inner = Frame(Event.CALL, "f", 1, "def f():", depth=1)
    history = [*run.history, inner, Frame(Event.RETURN, "f", 2, "    return 1", value="1", depth=1)]
    found = run.predictor.leap(history)
    assert isinstance(found, Trouble) and found.message == "nothing is running that could return"
    assert run.engine.prompts == []


def test_a_line_that_cannot_return_is_overruled_where_the_engine_can_weigh_lines() -> None:
    text = "def f(n):\n    if n:\n        return 1\n    return 2\n"
    wrong, value = returned("    if n:", "7"), ('"2"', Token.FRAME)
    run = Run(text, wrong, value, call="f(3)", engine={"likes": likes("    return 2")})
    history = [*run.history, Frame(Event.CALL, "f", 1, "def f(n):", {"n": "3"}, depth=1)]
    found = run.predictor.leap(history)
    assert isinstance(found, Frame)
    assert (found.line, found.value, found.origin) == (4, "2", Origin.GUESSED)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((Token.FRAME,), TroubleKind.MALFORMED),
        (("    return m\n", Token.ARG, "nonsense", Token.FRAME), TroubleKind.MALFORMED),
        (("    return m\n", Token.ARG, '"[0, 0, 0'), TroubleKind.TRUNCATED),
        ((Token.CALL, "{}", Token.FRAME), TroubleKind.MALFORMED),
    ],
)
def test_nonsense_is_trouble(reply: Markup, kind: TroubleKind) -> None:
    run = Run("def f(n):\n    m = n\n    return m\n", reply, call="f(3)")
    history = [*run.history, Frame(Event.CALL, "f", 1, "def f(n):", {"n": "3"}, depth=1)]
    found = run.predictor.leap(history)
    assert isinstance(found, Trouble) and found.kind is kind


def test_the_prediction_goes_on_behind_a_guess_with_the_guess_in_the_prompt() -> None:
    text = "def f(n):\n    return n\nx = f(3)\ny = x\n"
    run = Run(text, call("def f(n):", n="3"), returned("    return n", "3"), line("y = x", x="3"))
    run.frame()
    guess = run.predictor.leap(run.history)
    assert isinstance(guess, Frame)
    run.history.append(guess)
    assert (run.frame().line, run.history[-1].locals) == (4, {"x": "3"})
    sent = run.engine.prompts[-1]
    assert sent[-6:] == (Token.RETURN, Token.ACTION, "    return n\n", Token.ARG, '"3"', Token.FRAME)


def test_a_predictor_and_the_look_ahead_around_it_can_guess() -> None:
    run = Run("def f(n):\n    return n\nx = f(3)\n", call("def f(n):", n="3"), returned("    return n", "3"))
    run.frame()
    found = LookAhead(run.predictor, 0).leap(run.history)
    assert isinstance(found, Frame) and found.value == "3"
    assert isinstance(run.predictor, Predictor)


# -- movements ----------------------------------------------------------------------------------------------------


def test_next_fast_guesses_every_call_of_the_line_and_stops_where_next_does() -> None:
    slow, _ = session()
    fast, source = session()
    for _ in range(3):
        slow.next()
        stop = fast.next(fast=True)
        assert stop.frame is not None and slow.frame is not None
        assert (stop.frame.place, stop.frame.locals) == (slow.frame.place, slow.frame.locals)
    assert stop.message == "guess: twice()->0, double()->8"
    assert len(source.leaps) == 3
    assert fast.index < slow.index


def test_return_fast_is_one_guess_from_where_we_are() -> None:
    found, source = session()
    found.step(4)
    assert found.frame is not None and found.frame.function == "double"
    stop = found.finish(fast=True)
    assert stop.frame is not None and stop.kind is StopKind.STEP
    assert (stop.frame.function, stop.frame.value, stop.frame.origin) == ("double", "2", Origin.GUESSED)
    assert stop.message == "guess: double()->2" and len(source.leaps) == 1
    found.next()
    assert found.frame is not None and found.frame.function == "twice"


def test_return_fast_of_a_caller_guesses_what_is_above_it_first() -> None:
    found, source = session()
    found.step(4)
    stop = found.finish(depth=1, fast=True)
    assert stop.frame is not None and (stop.frame.function, stop.frame.value) == ("twice", "4")
    assert stop.message == "guess: double()->2, twice()->4" and len(source.leaps) == 2


def test_what_is_known_is_not_guessed_again() -> None:
    found, source = session()
    found.next(2)
    end = found.index
    found.go(1)
    stop = found.next(fast=True)
    assert (found.index, stop.message, source.leaps) == (end, "", [])


def test_back_goes_over_a_guess_frame_by_frame_and_next_goes_through_it_again() -> None:
    found, source = session()
    found.next(2, fast=True)
    there, index = found.frame, found.index
    found.back()
    assert found.frame is not None and found.frame.origin is Origin.GUESSED
    found.previous()
    assert found.index == 1
    found.next()
    assert (found.frame, found.index) == (there, index) and len(source.leaps) == 1


def test_trouble_stays_where_it_is_and_tracing_through_is_still_possible() -> None:
    found, _ = session(Leaping(wrong="trouble"))
    found.next()
    stop = found.next(fast=True)
    assert stop.kind is StopKind.TROUBLE and stop.frame is not None and stop.frame.event is Event.CALL
    stop = found.finish()
    assert stop.frame is not None and (stop.frame.event, stop.frame.value) == (Event.RETURN, "4")


def test_a_recording_cannot_guess_and_the_module_returns_nothing() -> None:
    recording = Session(entry_of(PROGRAM), recorded(entry_of(PROGRAM)))
    recording.start()
    recording.step(3)
    for move in (recording.next, recording.finish):
        with pytest.raises(UsageError, match="a recording cannot guess"):
            move(fast=True)
    found, _ = session()
    with pytest.raises(UsageError, match="module-level code returns nothing"):
        found.finish(fast=True)
    assert found.index == 0


# -- shown and kept -----------------------------------------------------------------------------------------------


def prompt(**options: bool) -> Prompt:
    made = Prompt(entry_of(PROGRAM), Leaping(), **options)
    made.repl.session.source = made.source.source
    return made


def test_a_guess_is_marked_where_it_is_shown() -> None:
    made = prompt()
    assert made.type("next", "next --fast").splitlines()[-1] == (
        "> p.py(15)<module>() -> c = twice(b) + double(b)  # b = 4  (guess: twice()->4)"
    )
    assert made.type("back") == "> p.py(10)twice()->4 --Return-- [guess] -> return double(first)  # n = 1\n"
    made.type("step 2")
    assert "[guess]" in made.type("return --fast") and "[guess]" in made.type("back", "step")
    blocks = prompt(blocks=True)
    assert blocks.type("n", "n --fast").splitlines()[-4:] == [
        "guess: twice()->4",
        "> p.py(15)<module>()",
        "-> c = twice(b) + double(b)",
        "   b = 4",
    ]


@pytest.mark.parametrize("command", ["next --fast 2", "next 2 --fast"])
def test_the_option_may_stand_before_or_behind_the_count_and_enter_repeats_it(command: str) -> None:
    made = prompt()
    made.type(command)
    assert made.session.frame is not None and made.session.frame.line == 15
    made.type("")
    assert made.session.frame.line == 16 or made.session.ended is not None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("next --quick", "*** next --quick: not a number of steps (for example next 3)\n"),
        ("return 2", "*** return 2: it takes nothing but --fast\n"),
        ("return --fast", "*** module-level code returns nothing that could be guessed (to go on: continue)\n"),
    ],
)
def test_a_mistake_is_one_line(command: str, said: str) -> None:
    assert prompt().type(command) == said


def test_beside_the_real_run_nothing_from_a_guess_on_is_compared() -> None:
    made = prompt()
    made.repl.beside = Lockstep(Unfolding(recorded(entry_of(PROGRAM))))
    assert made.type("next").endswith("= exact\n")
    assert made.type("next --fast").endswith("- not compared: a guess at step 3\n")
    assert "not compared after an edit or a guess" in made.type("check")


def test_a_guess_is_saved_loaded_and_exported_as_one(tmp_path: Path) -> None:
    found, _ = session()
    found.next(2, fast=True)
    save(found, tmp_path / "s.jsonl", Besides())
    assert [frame.origin for frame in load(tmp_path / "s.jsonl").present.frames] == [f.origin for f in found.history]
    assert origins(found).count("guessed") == 1
    told = transcript_of(found)
    assert [step["origin"] for step in json_document.document(told)["steps"]] == origins(found)
    assert "| guess |" in markdown.text(told)


def test_the_sums_have_no_calls_to_guess() -> None:
    entry = entry_of(SUMS)
    made = Prompt(entry, recorded(entry))
    assert made.type("next --fast") == "*** a recording cannot guess what a call returns (leave --fast out)\n"
