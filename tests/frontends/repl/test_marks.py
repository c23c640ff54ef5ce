"""How values are known, at the prompt: marks, what the model and Python say otherwise, counts."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from frame_sources import entry_of
from mixed_frames import FRAMES, MIXED, computing
from prompts import HOSTILE, Prompt, Says, assert_tame, sums
from rich.console import Console

from neuralpdb.frontends.text import marks
from neuralpdb.trace.frames import LINE, VALUE, Frame, Known, Origin, Trouble, TroubleKind


def mixed(
    steps: int = 0,
    *,
    blocks: bool = False,
    shown: bool = True,
    opinion: Mapping[str, str] | None = None,
    refuted: Mapping[str, str] | None = None,
) -> Prompt:
    """A prompt on the mixed frames, after some steps."""
    source = computing(marks=shown, opinion=opinion, refuted=refuted)
    prompt = Prompt(entry_of(MIXED, at=4, state=["shout=1"]), source.source, blocks=blocks)
    prompt.repl.take(source)
    for _ in range(steps):
        prompt.type("step")
    return prompt


# -- marks ------------------------------------------------------------------------------------------------------------


def test_a_computed_value_has_no_mark_a_predicted_one_a_star_and_what_follows_from_it_a_star_in_brackets() -> None:
    prompt = mixed()
    assert prompt.type("step") == "> p.py(5)<module>() -> name = input()  # n = 1, shout deleted\n"
    assert prompt.type("step") == "> p.py(6)<module>() -> loud = shout(name)  # name = 'Ada' *\n"
    assert prompt.type("step") == "> p.py(1)shout() --Call-- -> def shout(text):  # text = 'Ada' *\n"
    prompt.type("step")
    assert prompt.type("step") == "> p.py(2)shout()->'ADA' (*) --Return-- -> return text.upper()\n"
    assert prompt.type("step") == "> p.py(7)<module>() -> if loud:  # loud = 'ADA' (*)\n"


def test_a_line_that_the_model_chose_is_said_to_be_predicted() -> None:
    assert mixed(6).type("step") == "> p.py(8)<module>() -> n = 2  [predicted]\n"


def test_on_a_terminal_the_marks_stand_behind_the_values() -> None:
    prompt = mixed(1, blocks=True)
    assert prompt.type("step").splitlines() == [
        "> p.py(6)<module>()",
        "-> loud = shout(name)",
        "   name = 'Ada' *",
    ]


def test_where_there_is_room_it_is_said_in_words_with_the_probability() -> None:
    prompt = mixed(6)
    assert prompt.type("vars").splitlines() == [
        "n = 1",
        "name = 'Ada'  (predicted 83 %)",
        "loud = 'ADA'  (computed from a prediction)",
    ]
    assert prompt.type("p name") == "'Ada'  (predicted 83 %)\n"
    assert prompt.type("name") == "'Ada'  (predicted 83 %)\n"
    assert prompt.type("pp loud") == "'ADA'  (computed from a prediction)\n"
    assert prompt.type("p n") == "1\n"
    assert prompt.type("p name + loud") == "'AdaADA'\n"
    assert prompt.type("retval") == "'ADA'  (computed from a prediction)\n"


def test_the_probability_of_a_predicted_value_in_doubt_is_said_once() -> None:
    prompt = mixed(2)
    prompt.type("conf 90")
    assert prompt.type("vars").splitlines() == ["  n = 1", "? name = 'Ada'  (predicted 83 %)"]
    assert prompt.type("go 1", "go 2").splitlines()[-1].endswith("name = 'Ada' *  ? 83 %")


def test_the_arguments_and_the_calls_are_marked_too() -> None:
    prompt = mixed(5)
    assert prompt.type("args") == "text = 'Ada'  (predicted)\n"
    assert "shout()->'ADA' (*)\n" in prompt.type("where")
    assert prompt.type("up").splitlines()[1] == "-> loud = shout(name)"
    assert prompt.type("p name") == "'Ada'  (predicted 83 %)\n"


def test_a_proposal_is_marked_too() -> None:
    prompt = mixed(5)
    shown = prompt.type("predict 2").splitlines()
    assert shown[0].endswith("if loud:  # loud = 'ADA' (*)")
    assert shown[1].endswith("n = 2  [predicted]")


def test_what_the_user_set_is_said_to_be_edited() -> None:
    frame = FRAMES[0].replace(known={"n": Known.EDITED})
    remarks = marks.of(computing(), frame)
    assert (remarks.brief("n").plain, remarks.full("n").plain) == ("", "  (edited)")


def test_a_guess_is_marked_once() -> None:
    assert marks.of(computing(), FRAMES[-1]).line().plain == "  [predicted]"
    assert marks.of(computing(), FRAMES[-1].replace(origin=Origin.GUESSED)).line().plain == ""


def test_where_nothing_is_computed_nothing_is_marked() -> None:
    prompt = mixed(1, shown=False)
    assert prompt.type("step") == "> p.py(6)<module>() -> loud = shout(name)  # name = 'Ada'\n"
    assert prompt.type("vars", "p name").splitlines() == ["n = 1", "name = 'Ada'", "'Ada'"]
    prompt.type("step 4")
    assert prompt.type("step") == "> p.py(8)<module>() -> n = 2\n"
    assert prompt.type("retval") == "'ADA'\n"


def test_help_explains_the_marks_where_there_are_any() -> None:
    words = " ".join(marks.EXPLAINED.split())
    assert words in " ".join(mixed().type("help").split())
    assert words not in " ".join(sums().type("help").split())
    assert "Every frame is a prediction of a model" not in mixed().type("help")


# -- what is said otherwise -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "text"), [("opinion", "model"), ("refuted", "Python")])
def test_what_is_said_otherwise_stands_beside_the_value(said: str, text: str) -> None:
    prompt = mixed(1, shown=said == "opinion", **{said: {"name": "'Bob'", "n": "2"}})  # type: ignore[arg-type]
    assert f"name = 'Ada'{' *' * (said == 'opinion')}  ({text}: 'Bob')" in prompt.type("step")
    assert prompt.type("p n") == f"1  ({text}: 2)\n"
    assert prompt.type("vars").splitlines()[0] == f"n = 1  ({text}: 2)"


@pytest.mark.parametrize(("said", "text"), [("opinion", "model"), ("refuted", "Python")])
def test_what_is_said_otherwise_of_a_returned_value_and_of_a_line_is_shown(said: str, text: str) -> None:
    prompt = mixed(4, shown=False, **{said: {VALUE: "'BOB'", LINE: "p.py(9)"}})  # type: ignore[arg-type]
    shown = prompt.type("step")
    assert f"->'ADA'  ({text}: 'BOB') --Return--" in shown
    assert shown.endswith(f"return text.upper()  ({text}: p.py(9))\n")


def test_no_opinion_can_steer_the_terminal_and_a_long_one_is_cut() -> None:
    prompt = mixed(1, opinion={"name": HOSTILE + "x" * 500}, refuted={"name": HOSTILE})
    shown = prompt.type("step", "vars", "p name")
    assert_tame(shown)
    assert max(map(len, shown.splitlines())) < 300


def test_an_opinion_is_asked_for_again_at_every_look_and_never_waited_for() -> None:
    said: dict[str, str] = {}
    prompt = mixed(2, opinion=said)
    assert prompt.type("p n") == "1\n"
    prompt.repl.opinion = lambda frame: {"n": "7"}
    assert prompt.type("p n") == "1  (model: 7)\n"


def test_others_may_be_asked_about_the_frame_of_every_stop_also_on_the_way_back() -> None:
    looked: list[Frame] = []
    source = computing(looked=lambda frames: looked.append(frames[-1]))
    prompt = Prompt(entry_of(MIXED, at=4, state=["shout=1"]), source.source)
    prompt.repl.take(source)
    prompt.type("step", "step 2", "back", "go 1", "vars", "p n")
    assert looked == [FRAMES[0], FRAMES[2], FRAMES[1], FRAMES[0]]


# -- counts -----------------------------------------------------------------------------------------------------------


def test_status_counts_the_frames_by_how_they_are_known_and_what_the_model_was_asked_for() -> None:
    prompt = mixed(7)
    prompt.repl.model = lambda: "cwm-35m"
    assert prompt.type("status").splitlines() == [
        "8 frames known: 1 given, 1 computed, 1 computed from predictions, 4 computed but for predicted values, "
        "1 predicted",
        "the model: cwm-35m, 12 forward passes, 1,340 tokens",
    ]


def test_status_of_a_session_of_predictions_and_edits() -> None:
    prompt = sums()
    prompt.type("step 2", "!total = 5")
    assert prompt.type("status") == "3 frames known: 1 given, 1 predicted, 1 edited\n"


def test_status_before_the_first_frame() -> None:
    prompt = Prompt(
        entry_of("def f(a):  # << START_OF_TRACE\n    return a\n"), Says(Trouble(TroubleKind.MALFORMED, "no"))
    )
    assert prompt.type("status") == "0 frames known\n"


# -- the rule itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", list(Known))
def test_every_way_of_knowing_has_a_mark_of_its_own_or_none(how: Known) -> None:
    frame = Frame(FRAMES[0].event, "f", 1, "", {"x": "1"}, origin=Origin.COMPUTED, known={"x": how})
    brief = {Known.PREDICTED: " *", Known.DERIVED: " (*)"}.get(how, "")
    assert marks.of(computing(), frame).brief("x").plain == brief
    assert "?" not in brief


def test_the_lighter_mark_is_dim_and_what_python_says_otherwise_warns() -> None:
    remarks = marks.of(computing(refuted={"n": "2"}), FRAMES[5])
    ansi = io.StringIO()
    console = Console(file=ansi, force_terminal=True, color_system="standard")
    for name in ("name", "loud", "n"):
        console.print(remarks.brief(name), end="|")
    predicted, derived, python = ansi.getvalue().split("|")[:3]
    assert "35" in predicted and "\x1b[2m" in derived and "1;31" in python
    plain = io.StringIO()
    Console(file=plain).print(remarks.brief("name"), remarks.brief("loud"))
    assert "\x1b" not in plain.getvalue()
