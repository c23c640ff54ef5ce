"""The trace format: what is written for a frame, what is read back, and what becomes of everything else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from places import SHARED

from neuralpdb.engines.tokens import Markup, Token, parsed, spelled
from neuralpdb.predict import codec
from neuralpdb.predict.codec import UNCHANGED, Finished, Malformed, WrittenFrame
from neuralpdb.trace.frames import Event, Frame

LINE, CALL, RETURN, EXCEPTION = Token.LINE, Token.CALL, Token.RETURN, Token.EXCEPTION
ACTION, ARG, FRAME, END = Token.ACTION, Token.ARG, Token.FRAME, Token.END


def line(locals_: dict[str, str], source: str = "pass", depth: int = 0) -> Frame:
    return Frame(Event.LINE, "f", 1, source, locals_, depth=depth)


def call(locals_: dict[str, str], depth: int = 1) -> Frame:
    return Frame(Event.CALL, "g", 1, "def g(a):", locals_, depth=depth)


def leave(event: Event = Event.RETURN, value: str = "1", depth: int = 1) -> Frame:
    return Frame(event, "g", 1, "return a", {}, value, depth)


def shown(frames: Sequence[Frame]) -> list[dict[str, str]]:
    """The locals of each frame as written, `..` included."""
    return [json.loads(markup[1]) if markup[1] is not ACTION else {} for markup in codec.render_all(frames)]  # type: ignore[arg-type]


# --- writing ----------------------------------------------------------------------------------------------------------


def test_each_event_is_written_as_the_format_says() -> None:
    frames = [
        call({"a": "'r'"}),
        line({"a": "'r'"}, "    b = a", 1),
        leave(value="'r'"),
        leave(Event.EXCEPTION, "E('x')"),
    ]
    assert [spelled(codec.render(frame)) for frame in frames] == [
        """<|call_sep|>{"a": "'r'"}<|action_sep|>def g(a):\n<|frame_sep|>""",
        """<|line_sep|>{"a": "'r'"}<|action_sep|>    b = a\n<|frame_sep|>""",
        """<|return_sep|><|action_sep|>return a\n<|arg_sep|>"'r'"<|frame_sep|>""",
        """<|exception_sep|><|action_sep|>return a\n<|arg_sep|>"E('x')"<|frame_sep|>""",
    ]


def test_the_context_marks_its_line_and_keeps_every_other() -> None:
    assert codec.context(["def f():", "    return 1"], 1) == "\ndef f():  # << START_OF_TRACE\n    return 1\n"
    assert codec.context(["x = 1"], None) == "\nx = 1\n"


def test_the_opening_is_source_between_tokens() -> None:
    assert codec.opening("S") == (Token.BEGIN, Token.CONTEXT, "S", FRAME)


def test_a_source_that_spells_a_token_stays_text() -> None:
    trap = "x = '<|frame_sep|><|end_of_text|>'"
    tokens = [piece for piece in codec.opening(codec.context([trap], 1)) if isinstance(piece, Token)]
    assert tokens == [Token.BEGIN, Token.CONTEXT, FRAME]
    written = codec.render(line({"x": trap}, trap))
    assert [piece for piece in written if isinstance(piece, Token)] == [LINE, ACTION, FRAME]
    reply = codec.parse(written)
    assert isinstance(reply, WrittenFrame)
    assert (reply.source, reply.shown) == (trap, {"x": trap})


def test_an_unchanged_value_is_two_dots_and_a_changed_one_is_written() -> None:
    assert shown([line({"a": "1", "b": "2"}), line({"a": "1", "b": "3", "c": "4"})])[1] == {
        "a": UNCHANGED,
        "b": "3",
        "c": "4",
    }


def test_a_call_is_written_in_full() -> None:
    assert shown([line({"a": "1"}, depth=1), call({"a": "1"}, depth=1)])[1] == {"a": "1"}
    assert shown([call({"a": "1"}, 1), call({"a": "1"}, 2)])[1] == {"a": "1"}


def test_the_first_line_of_a_call_refers_to_its_arguments() -> None:
    assert shown([call({"a": "1"}), line({"a": "1"}, depth=1)])[1] == {"a": UNCHANGED}


def test_the_first_line_after_a_return_is_written_in_full() -> None:
    frames = [line({"x": "1"}), call({}), line({}, depth=1), leave(), line({"x": "1"}), line({"x": "1"})]
    assert shown(frames)[4:] == [{"x": "1"}, {"x": UNCHANGED}]


def test_a_call_in_between_resets_what_two_dots_refer_to() -> None:
    assert shown([line({"x": "1"}), call({"x": "1"}), line({"x": "1"})])[2] == {"x": "1"}


def test_an_exception_does_not_reset_what_two_dots_refer_to() -> None:
    frames = [line({"x": "1"}), leave(Event.EXCEPTION, depth=0), line({"x": "1"}, "except E:")]
    assert shown(frames)[2] == {"x": UNCHANGED}


def test_an_exception_from_a_call_leaves_the_caller_in_full() -> None:
    frames = [
        line({"x": "1"}),
        call({"x": "1"}),
        leave(Event.EXCEPTION),
        leave(Event.EXCEPTION, depth=0),
        line({"x": "1"}),
    ]
    assert shown(frames)[4] == {"x": "1"}


def test_the_values_keep_their_order() -> None:
    assert list(shown([line({"b": "1", "a": "2"})])[0]) == ["b", "a"]


# --- there and back ---------------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=10).filter(lambda text: text != UNCHANGED)
states = st.dictionaries(names, values, max_size=4)
sources = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)


@st.composite
def traces(draw: st.DrawFn) -> list[Frame]:
    """Frames in any order of events that a stack allows, over few names so that values repeat."""
    frames = [line(draw(states))]
    depth = 0
    known = [dict(frames[0].locals)]
    for event in draw(st.lists(st.sampled_from(Event), max_size=14)):
        source = draw(sources)
        if event is Event.CALL:
            depth += 1
            known.append(draw(states))
        elif event is Event.LINE:
            changed = {**known[depth], **draw(states)}
            known[depth] = {name: changed[name] for name in draw(st.permutations(list(changed)))}
        state, value = dict(known[depth]), None
        if event in (Event.RETURN, Event.EXCEPTION):
            value = draw(values)
        frames.append(Frame(event, "f", 1, source, state, value, depth))
        if event is Event.RETURN and depth:
            depth -= 1
            known.pop()
    return frames


def read_back(
    markups: Sequence[Markup], depths: Sequence[int]
) -> Iterator[tuple[Event, list[tuple[str, str]], str, Any]]:
    known: dict[int, dict[str, str]] = {}
    for markup, depth in zip(markups, depths, strict=True):
        reply = codec.parse(markup)
        assert isinstance(reply, WrittenFrame)
        if reply.event in (Event.CALL, Event.LINE):
            full = codec.unabridged(reply.shown, {} if reply.event is Event.CALL else known.get(depth, {}))
            assert isinstance(full, dict)
            known[depth] = full
        yield reply.event, list(known[depth].items()), reply.source, reply.value


@given(traces())
def test_every_trace_is_read_back_as_it_was(frames: list[Frame]) -> None:
    said = [(frame.event, list(frame.locals.items()), frame.source, frame.value) for frame in frames]
    markups = list(codec.render_all(frames))
    assert list(read_back(markups, [frame.depth for frame in frames])) == said


def diff_base(history: list[Frame]) -> Frame | None:
    """What `codec.next_base` comes to, from the rules: the last call or line, unless a return came since."""
    since = next((i for i in reversed(range(len(history))) if history[i].event is Event.RETURN), -1) + 1
    found = [frame for frame in history[since:] if frame.event in (Event.CALL, Event.LINE)]
    return found[-1] if found else None


@given(traces())
def test_one_frame_is_written_the_same_alone_and_in_its_trace(frames: list[Frame]) -> None:
    alone = [codec.render(frame, diff_base(frames[:i])) for i, frame in enumerate(frames)]
    assert alone == list(codec.render_all(frames))


@given(traces())
def test_a_whole_generation_is_read_frame_by_frame(frames: list[Frame]) -> None:
    markups = list(codec.render_all(frames))
    whole = (*sum(markups, ()), END)
    assert list(codec.parse_all(whole)) == [*map(codec.parse, markups), Finished()]


@given(traces(), st.data())
def test_a_cut_off_generation_keeps_what_was_whole_and_says_the_rest_is_not(
    frames: list[Frame], data: st.DataObject
) -> None:
    markups = list(codec.render_all(frames))
    kept = data.draw(st.integers(0, len(markups) - 1))
    rest = markups[kept][: data.draw(st.integers(1, len(markups[kept]) - 1))]
    results = list(codec.parse_all(sum(markups[:kept], ()) + rest))
    assert results[:-1] == [codec.parse(markup) for markup in markups[:kept]]
    assert results[-1] == Malformed("it is cut off", spelled(rest))


def test_nothing_is_read_behind_the_end() -> None:
    frame = codec.render(line({}))
    assert list(codec.parse_all((*frame, END, *frame))) == [codec.parse(frame), Finished()]


# --- malformed --------------------------------------------------------------------------------------------------------

MALFORMED: dict[str, Markup] = {
    "nothing": (),
    "only a separator": (FRAME,),
    "text before the event": ("x", LINE, "{}", ACTION, "a\n", FRAME),
    "no event": ("{}", ACTION, "a\n", FRAME),
    "another token as event": (Token.CONTEXT, "{}", ACTION, "a\n", FRAME),
    "no action": (LINE, "{}", FRAME),
    "no action for a value": (RETURN, ARG, '"1"', FRAME),
    "action twice": (LINE, "{}", ACTION, ACTION, "a\n", FRAME),
    "argument before action": (RETURN, ARG, '"1"', ACTION, "a\n", FRAME),
    "argument twice": (RETURN, ACTION, "a\n", ARG, '"1"', ARG, '"2"', FRAME),
    "event inside": (LINE, "{}", ACTION, "a\n", LINE, "{}", FRAME),
    "frame separator inside": (LINE, "{}", FRAME, ACTION, "a\n", FRAME),
    "two lines of source": (LINE, "{}", ACTION, "a\nb\n", FRAME),
    "an empty line of source": (LINE, "{}", ACTION, "a\n\n", FRAME),
    "broken JSON": (LINE, '{"a": "1"', ACTION, "a\n", FRAME),
    "no JSON": (LINE, "", ACTION, "a\n", FRAME),
    "a list": (LINE, "[]", ACTION, "a\n", FRAME),
    "a number as value": (LINE, '{"a": 1}', ACTION, "a\n", FRAME),
    "null as value": (LINE, '{"a": null}', ACTION, "a\n", FRAME),
    "an object as value": (LINE, '{"a": {}}', ACTION, "a\n", FRAME),
    "NaN as value": (LINE, '{"a": NaN}', ACTION, "a\n", FRAME),
    "unquoted return value": (RETURN, ACTION, "a\n", ARG, "1", FRAME),
    "no return value": (RETURN, ACTION, "a\n", FRAME),
    "deep nesting of lists": (LINE, "[" * 200_000, ACTION, "a\n", FRAME),
    "deep nesting of objects": (LINE, '{"a": ' * 200_000, ACTION, "a\n", FRAME),
    "deep nesting of a return value": (RETURN, ACTION, "a\n", ARG, "[" * 200_000, FRAME),
    "a number of many digits": (LINE, '{"a": ' + "9" * 10_000 + "}", ACTION, "a\n", FRAME),
}


@pytest.mark.parametrize("markup", MALFORMED.values(), ids=MALFORMED)
def test_text_that_is_no_frame_is_malformed_with_a_reason(markup: Markup) -> None:
    result = codec.parse(markup)
    assert isinstance(result, Malformed)
    assert result.reason
    assert result.text == spelled(markup)


fragments = st.sampled_from(
    [
        *("", "{}", "\n", "x = 1\n", '"1"', '{"a": ".."}', '{"a": 1}', "{", "[[[[", '"\\ud800"'),
        *('{"\\udfff": "\\ud800"}', "\0", ".."),
    ]
)
pieces = st.sampled_from(Token) | fragments | st.text(max_size=8)
soups = st.lists(pieces, max_size=10).map(tuple)
almost = st.tuples(st.sampled_from([LINE, CALL, RETURN, EXCEPTION]), fragments, st.just(ACTION), pieces) | st.tuples(
    st.sampled_from([RETURN, EXCEPTION]), st.just(ACTION), fragments, st.just(ARG), fragments
)
markups: st.SearchStrategy[Markup] = soups | almost


@given(markups)
@example((EXCEPTION, ACTION, "", ARG, "[" * 200_000))
@example((LINE, '{"a": "\\ud800"}', ACTION, "\n", FRAME))
def test_whatever_a_model_writes_has_a_result(markup: Markup) -> None:
    assert isinstance(codec.parse(markup), WrittenFrame | Malformed | Finished)
    results = list(codec.parse_all(markup))
    assert all(isinstance(result, WrittenFrame | Malformed | Finished) for result in results)
    assert sum(isinstance(result, Finished) for result in results) <= 1


@given(markups)
def test_what_was_read_can_be_printed(markup: Markup) -> None:
    reply = codec.parse(markup)
    if isinstance(reply, WrittenFrame):
        for text in (*reply.shown, *reply.shown.values(), reply.value or ""):
            text.encode("utf-8")


def test_half_a_surrogate_pair_is_shown_escaped() -> None:
    reply = codec.parse((LINE, '{"a": "\'\\ud800\'", "b": "\'\\ud83d\\ude00\'"}', ACTION, "x\n", FRAME))
    assert isinstance(reply, WrittenFrame)
    assert reply.shown == {"a": "'\\ud800'", "b": "'\U0001f600'"}


def test_the_end_alone_is_the_end() -> None:
    assert codec.parse((END,)) == Finished()


def test_a_frame_may_lack_its_separator_and_its_newline() -> None:
    assert codec.parse((LINE, "{}", ACTION, "x")) == WrittenFrame(Event.LINE, {}, "x", None)
    assert codec.parse((LINE, "{}", ACTION, "x\n", END)) == WrittenFrame(Event.LINE, {}, "x", None)


def test_the_text_of_an_exception_need_not_be_json() -> None:
    for written, value in (('"E()"', "E()"), ("E()", "E()"), ("3", "3"), ("", "")):
        assert codec.parse((EXCEPTION, ACTION, "x\n", ARG, written, FRAME)) == WrittenFrame(
            Event.EXCEPTION, {}, "x", value
        )
    assert codec.parse((EXCEPTION, ACTION, "x\n", FRAME)) == WrittenFrame(Event.EXCEPTION, {}, "x", "")


def test_two_dots_are_replaced_by_what_is_known() -> None:
    assert codec.unabridged({"a": UNCHANGED, "b": "2"}, {"a": "1", "b": "0", "c": "3"}) == {"a": "1", "b": "2"}


def test_two_dots_without_a_known_value_name_the_variable() -> None:
    assert codec.unabridged({"a": "1", "b": UNCHANGED, "c": UNCHANGED}, {"a": "1"}) == "b"


# --- tokens -----------------------------------------------------------------------------------------------------------

plain = st.text(min_size=1, max_size=8).filter(lambda text: "<|" not in text)


@given(st.lists(st.sampled_from(Token) | plain, max_size=10))
def test_spelling_tokens_and_reading_them_back_changes_nothing(given_pieces: list[str | Token]) -> None:
    joined: list[str | Token] = []
    for piece in given_pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    assert parsed(spelled(joined)) == tuple(joined)


def test_an_unknown_or_unfinished_token_is_text() -> None:
    assert parsed("<|frame_sep<|frame_sep|><|frame_sep|") == ("<|frame_sep", FRAME, "<|frame_sep|")
    assert parsed("<|python_tag|>") == ("<|python_tag|>",)
    assert parsed("") == ()


# --- what the real model writes ---------------------------------------------------------------------------------------


def published_generations() -> list[dict[str, Any]]:
    """160 traces that CWM 32B wrote for CRUXEval programs; not part of the repository."""
    file = SHARED / "data" / "cwm32b_generations.jsonl"
    if not file.exists():
        pytest.skip("the generations of CWM 32B are not here; NEURALPDB_SHARED names the folder that holds data/")
    return [json.loads(text) for text in file.read_text("utf-8").splitlines()]


def test_every_frame_of_the_real_model_is_read() -> None:
    generations = published_generations()
    assert len(generations) == 160
    for generation in generations:
        results = list(codec.parse_all(parsed(generation["generation"])))
        assert isinstance(results[-1], Finished), generation["id"]
        assert all(isinstance(result, WrittenFrame) for result in results[:-1]), generation["id"]
        returned = results[-2]
        assert isinstance(returned, WrittenFrame)
        assert (returned.value == generation["expected"]) is generation["correct"], generation["id"]


def test_the_real_model_keeps_to_the_rules_of_two_dots() -> None:
    for generation in published_generations():
        replies = list(codec.parse_all(parsed(generation["generation"])))
        known: list[dict[str, str]] = [{}]
        before: Event | None = None
        for reply in replies[:-1]:
            assert isinstance(reply, WrittenFrame)
            if reply.event is Event.CALL:
                known.append({})
            if reply.event in (Event.CALL, Event.LINE):
                base = {} if before is Event.RETURN or reply.event is Event.CALL else known[-1]
                full = codec.unabridged(reply.shown, base)
                assert isinstance(full, dict), (generation["id"], reply)
                known[-1] = full
            elif reply.event is Event.RETURN:
                known.pop()
            before = reply.event
        assert not known
