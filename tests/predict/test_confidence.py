"""How sure the model is: probabilities of parts from those of tokens, agreement of draws, and how both are shown."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import cycle

import pytest
from frame_sources import SUMS, Sums, Wandering, entry_of, recorded
from hypothesis import given
from hypothesis import strategies as st
from prompts import Prompt, assert_tame

from neuralpdb.debugger.draws import tally, where
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.confidence import doubtful, parts
from neuralpdb.trace.frames import EVENT, LINE, VALUE, Ended, Event, Frame, Outcome, Trouble, TroubleKind


def written(text: Markup, sizes: Sequence[int]) -> tuple[list[int], list[float]]:
    """Widths of tokens of these sizes, again and again, that spell `text`; the i-th has the probability 1 / (i + 2)."""
    widths: list[int] = []
    for piece in text:
        left = 1 if isinstance(piece, Token) else len(piece)
        for size in cycle([1] if isinstance(piece, Token) else sizes):
            if not left:
                break
            widths.append(min(size, left))
            left -= widths[-1]
    return widths, [-math.log(i + 2) for i in range(len(widths))]


def frame(**state: str) -> Markup:
    return codec.render(Frame(Event.LINE, "f", 1, "    return x", state))


# -- probabilities of parts ---------------------------------------------------------------------------------------


def test_the_event_is_one_token_and_the_line_all_of_its_text() -> None:
    text = frame()
    widths, logprobs = written(text, [1])
    found = parts(text, logprobs, widths)
    assert list(found) == [EVENT, LINE]
    assert found[EVENT] == pytest.approx(1 / 2)
    assert found[LINE] == pytest.approx(math.exp(sum(logprobs[4:-1])))


def test_a_value_is_the_product_over_what_stands_between_its_quotes_and_the_quote_that_ends_it() -> None:
    text = frame(x="12", y="..")
    state = str(text[1])
    widths, logprobs = written(text, [1])
    found = parts(text, logprobs, widths)
    for name, value in (("x", "12"), ("y", "..")):
        start = 1 + state.index(f'"{value}"') + 1
        assert found[name] == pytest.approx(math.exp(sum(logprobs[start : start + 3])))


def test_a_token_that_spans_two_values_counts_for_both() -> None:
    text: Markup = (Token.LINE, '{"a": "1", "b": "2"}', Token.ACTION, "x\n", Token.FRAME)
    widths = [1, 6, 9, 5, 1, 2, 1]
    found = parts(text, [0.0, 0.0, math.log(0.5), 0.0, 0.0, 0.0, 0.0], widths)
    assert found["a"] == pytest.approx(0.5)
    assert found["b"] == 1.0


def test_a_token_of_half_a_letter_counts_where_it_stands() -> None:
    text: Markup = (Token.LINE, '{"a": "é"}', Token.ACTION, "x\n", Token.FRAME)
    widths = [1, 7, 0, 1, 2, 1, 2, 1]
    assert parts(text, [0.0, 0.0, math.log(0.25), 0.0, 0.0, 0.0, 0.0, 0.0], widths)["a"] == pytest.approx(0.25)


def test_a_returned_value_has_its_own() -> None:
    text = codec.render(Frame(Event.RETURN, "f", 1, "return x", value="[1]"))
    widths, logprobs = written(text, [3])
    assert set(parts(text, logprobs, widths)) == {EVENT, LINE, VALUE}


def test_of_hidden_frames_before_it_only_the_last_frame_counts() -> None:
    hidden, text = frame(hidden="1"), frame(x="1")
    widths, logprobs = written(hidden + text, [2])
    alone_widths, _ = written(text, [2])
    found = parts(hidden + text, logprobs, widths)
    assert found == parts(text, logprobs[-len(alone_widths) :], alone_widths)
    assert "hidden" not in found


@pytest.mark.parametrize("widths", [[], [1], [1] * 1000])
def test_without_widths_that_fit_nothing_is_known(widths: list[int]) -> None:
    assert parts(frame(x="1"), [0.0] * len(widths), widths) == {}
    assert parts(frame(x="1"), [], widths) == {}


def test_what_is_less_than_the_least_is_doubtful() -> None:
    assert doubtful({"a": 0.59, "b": 0.6, VALUE: 0.1}, 0.6) == {"a", VALUE}


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5), st.lists(st.integers(1, 9), min_size=1), st.data())
def test_every_local_of_any_frame_gets_a_probability(
    state: dict[str, str], sizes: list[int], data: st.DataObject
) -> None:
    text = (Token.LINE, json.dumps(state, ensure_ascii=data.draw(st.booleans())), Token.ACTION, "x\n", Token.FRAME)
    widths, logprobs = written(text, sizes)
    found = parts(text, logprobs, widths)
    assert set(found) == {EVENT, LINE, *state}
    assert all(0 <= share <= 1 for share in found.values())


@given(st.lists(st.one_of(st.sampled_from(list(Token)), st.text(max_size=20)), max_size=8), st.integers(1, 4))
def test_no_text_breaks_the_arithmetic(pieces: list[str | Token], size: int) -> None:
    text = tuple(pieces)
    widths, logprobs = written(text, [size])
    assert all(0 <= share <= 1 for share in parts(text, logprobs, widths).values())


# -- agreement ----------------------------------------------------------------------------------------------------

HERE = Frame(Event.LINE, "f", 3, "x", {"a": "1", "b": "2"})


def test_answers_are_counted_the_most_frequent_first_and_the_likeliest_is_marked() -> None:
    draws = [HERE, HERE.replace(locals={"a": "5", "b": "2"}), HERE.replace(locals={"a": "5"})]
    line, a, b = tally(HERE, draws)
    assert line.unanimous and (line.answers[0].text, line.answers[0].count) == ("(3)f()", 3)
    assert [(each.text, each.count, each.greedy) for each in a.answers] == [("5", 2, False), ("1", 1, True)]
    assert [(each.text, each.count) for each in b.answers] == [("2", 2), (None, 1)]


def test_values_at_another_line_are_not_counted() -> None:
    line, a, _ = tally(HERE, [HERE, HERE.replace(line=9, locals={"a": "7"})])
    assert [each.text for each in line.answers] == ["(3)f()", "(9)f()"]
    assert [(each.text, each.count) for each in a.answers] == [("1", 1)]


def test_what_the_likeliest_says_is_listed_when_no_draw_says_it() -> None:
    (line,) = tally(Ended(), [HERE])
    assert [(each.text, each.count, each.greedy) for each in line.answers] == [
        ("(3)f()", 1, False),
        ("the end", 0, True),
    ]
    assert where(Trouble(TroubleKind.MALFORMED, "x")) == "no prediction: malformed"


# -- at the prompt ------------------------------------------------------------------------------------------------


class Doubting(Sums):
    """Sums that are drawn wrong: draw d says d more than the total."""

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        found = super().next(history, draw=draw)
        if isinstance(found, Frame) and draw and "total" in found.locals:
            return found.replace(locals={**found.locals, "total": str(int(found.locals["total"]) + draw % 3)})
        return found


def sums(width: int = 100, **options: bool) -> Prompt:
    prompt = Prompt(entry_of(SUMS), Doubting(), width=width, **options)
    prompt.repl.confidence_of = lambda frame: {EVENT: 1.0, LINE: 0.59, "total": 0.123, "n": 1.0} if frame.locals else {}
    return prompt


def test_resample_shows_shares_and_moves_nothing() -> None:
    prompt = sums()
    prompt.type("step 4")
    history = prompt.session.history
    assert prompt.type("resample 4").splitlines() == [
        "4 draws of step 5",
        "line       * (3)<module>()  4 of 4, 100 %",
        "total        2  2 of 4, 50 %",
        "           * 1  1 of 4, 25 %",
        "             3  1 of 4, 25 %",
        "1 unchanged value in all of them",
    ]
    assert prompt.session.history == history
    assert prompt.source.draws[-5:] == [0, 1, 2, 3, 4]
    prompt.type("step")
    assert prompt.source.draws[-1] == 4, "the likeliest frame is known by now"


def test_resample_of_a_recording_says_that_it_knows_no_chance() -> None:
    prompt = Prompt(entry_of(SUMS), recorded(entry_of(SUMS)))
    assert "every draw is the same: frames come from a recording, which is never sampled" in prompt.type("resample 2")


def test_ctrl_c_keeps_what_was_drawn() -> None:
    prompt = sums()
    prompt.type("step 4")
    prompt.source.interrupt_at = prompt.source.calls + 4
    said = prompt.type("resample 9").splitlines()
    assert said[0] == "interrupted after 2 of 9 draws" and said[1] == "2 draws of step 5"
    prompt.source.interrupt_at = prompt.source.calls + 1
    assert prompt.type("resample").splitlines() == ["interrupted after 0 of 5 draws"]


@pytest.mark.parametrize("rest", ["0", "-1", "x", "101", "1e3", "1 2"])
def test_a_number_of_draws_that_is_none_is_one_line(rest: str) -> None:
    assert sums().type(f"resample {rest}") == (
        f"*** resample {rest}: not a number from 1 to 100 (for example resample 5)\n"
    )


def test_resample_at_the_end_and_of_trouble() -> None:
    prompt = sums()
    prompt.type("continue")
    assert prompt.type("resample 2").splitlines()[1] == "line       * the end  2 of 2, 100 %"
    prompt.type("back 2", "!del n")
    assert "no prediction: malformed" in prompt.type("resample 2")


def test_low_confidence_is_marked_in_a_stop_line_in_a_block_and_in_vars() -> None:
    prompt = sums()
    assert prompt.type("step") == "> p.py(2)<module>() -> n = 0  ? 59 %  # total = 0  ? 12 %\n"
    assert prompt.type("vars") == "? total = 0  ? 12 %\n"
    block = sums(blocks=True)
    assert block.type("step 2").splitlines() == [
        "> p.py(3)<module>()",
        "-> while n < 3:  ? 59 %",
        " ? total = 0  ? 12 %",
        "   n = 0",
    ]


def test_low_confidence_is_marked_in_a_proposal() -> None:
    assert sums().type("predict 2").splitlines() == [
        "     1 (2)<module>() -> n = 0  ? 59 %  # total = 0  ? 12 %",
        "     2 (3)<module>() -> while n < 3:  ? 59 %  # n = 0",
    ]


def test_conf_shows_the_probability_of_each_part() -> None:
    prompt = sums()
    prompt.type("step 2")
    assert prompt.type("conf").splitlines() == [
        "  event 100.0 %  line",
        "? line   59.0 %  while n < 3:",
        "? total  12.3 %  0",
        "  n     100.0 %  0",
    ]


def test_conf_with_a_percentage_sets_what_is_marked() -> None:
    prompt = sums()
    assert prompt.type("conf 10 %") == "values below 10 % are now marked with ?\n"
    assert "?" not in prompt.type("step")
    assert prompt.type("conf 0") == "no values are marked with ?\n"
    assert "?" not in prompt.type("step")
    for rest in ("101", "-1", "x", "nan"):
        assert prompt.type(f"conf {rest}") == f"*** conf {rest}: not a percentage (for example: conf 80)\n"


def test_conf_says_why_a_frame_has_no_probabilities() -> None:
    prompt = sums()
    start = "*** there are no probabilities of this frame: "
    assert prompt.type("conf") == f"{start}it was given, nobody predicted it\n"
    prompt.repl.confidence_of = lambda frame: {}
    prompt.type("step 3", "!total = 5")
    assert prompt.type("conf") == f"{start}you wrote it\n"
    prompt.type("step")
    assert prompt.type("conf") == f"{start}control flow overruled the model, or its engine tells none\n"


def test_hostile_names_values_and_messages_are_shown_inert() -> None:
    entry = entry_of(SUMS)
    prompt = Prompt(entry, Wandering(entry, 3))
    prompt.repl.confidence_of = lambda frame: {EVENT: 0.1, "\x1b[1m": 0.1, **dict.fromkeys(frame.locals, 0.2)}
    for _ in range(12):
        assert_tame(prompt.type("step", "conf", "resample 3", "vars"))
