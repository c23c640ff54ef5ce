"""One predicted frame: what the model says is read, placed in the program, and kept to what control flow allows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import goldens
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHARED, TESTS
from replies import END, WORLD, Run, alongside, call, likes, line, replies

from neuralpdb.engines.base import Capabilities, Completion
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token, parsed
from neuralpdb.errors import ModelError
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Trouble, TroubleKind, same_state
from neuralpdb.trace.stack import stack_of


def leave(source: str, value: str) -> Markup:
    return (Token.RETURN, Token.ACTION, source + "\n", Token.ARG, json.dumps(value), Token.FRAME)


def fail(source: str, value: str) -> Markup:
    return (Token.EXCEPTION, Token.ACTION, source + "\n", Token.ARG, json.dumps(value), Token.FRAME)


def in_comprehension(source: str, **state: str) -> Markup:
    return line(source, **{".0": "..", **state})


def comprehension(source: str, **state: str) -> Markup:
    return call(source, **{".0": "<list_iterator object>", **state})


class Continuing(ScriptedEngine):
    """Says the part of one long text that follows what the prompt ends with: asked twice, it answers alike."""

    def complete(self, prompts: Sequence[Markup], **options: Any) -> list[Completion]:
        [prompt] = prompts
        told = sum(self.replies, ())
        ends = [0]
        for reply in self.replies:
            ends.append(ends[-1] + len(reply))
        said = next(n for n in reversed(range(len(ends))) if prompt[len(prompt) - ends[n] :] == told[: ends[n]])
        spoken = ScriptedEngine([self.replies[said]] if said < len(self.replies) else [])
        return spoken.complete(prompts, **options)


def brief(frames: Iterable[Frame]) -> list[str]:
    return [" ".join(filter(None, (str(f.depth), f.event.value, str(f.line), f.value))) for f in frames]


# --- a model that is right --------------------------------------------------------------------------------------------


def perfect(program: Program, frames: Sequence[Frame], constrain: bool) -> tuple[list[Frame], Predictor]:
    """What comes of a model that writes exactly what happened."""
    replies = list(codec.render_all(frames))[1:]
    entry = Entry(program, frames[0].line or 1, frames[0])
    predictor = Predictor(entry, Continuing(replies), constrain=constrain)
    history = [frames[0]]
    while isinstance(outcome := predictor.next(history), Frame):
        history.append(outcome)
    assert isinstance(outcome, Ended), outcome
    return history, predictor


@pytest.mark.parametrize("constrain", [True, False])
@pytest.mark.parametrize("name", goldens.PROGRAMS)
def test_a_model_that_is_right_is_taken_at_its_word(name: str, constrain: bool) -> None:
    program = Program.parse((TESTS / "programs" / f"{name}.py").read_text("utf-8"), f"{name}.py")
    frames = goldens.recorded(name).frames
    history, predictor = perfect(program, frames, constrain)
    for predicted, real in zip(history, frames, strict=True):
        assert same_state(predicted, real), f"{predicted}\nis not\n{real}"
    assert predictor.usage.overruled == 0
    assert predictor.usage.frames == len(frames) - 1


def test_a_prediction_says_whose_it_is() -> None:
    run = Run("x = 1\ny = 2\n", line("y = 2", x="1"))
    assert run.history[0].origin is Origin.GIVEN
    assert run.frame().origin is Origin.PREDICTED


def published() -> list[dict[str, Any]]:
    file = SHARED / "data" / "cwm32b_generations.jsonl"
    if not file.exists():
        pytest.skip("the generations of CWM 32B are not here; NEURALPDB_SHARED names the folder that holds data/")
    return [json.loads(text) for text in file.read_text("utf-8").splitlines()]


def replies_of(generation: str) -> list[Markup]:
    """The frames of a recorded generation, each as one reply."""
    found: list[list[str | Token]] = [[]]
    for piece in parsed(generation):
        found[-1].append(piece)
        if piece in (Token.FRAME, Token.END):
            found.append([])
    return [tuple(reply) for reply in found if reply]


def test_the_real_models_own_words_make_canonical_traces_without_being_overruled() -> None:
    exact = right = 0
    for each in published():
        entry = enter(Program.parse(each["source"], "p.py"), call=each["call"])
        engine = ScriptedEngine(replies_of(each["generation"]), comprehension_frames=True)
        predictor = Predictor(entry, engine)
        assert entry.first is not None
        history = [entry.first]
        while isinstance(outcome := predictor.next(history), Frame):
            history.append(outcome)
        assert isinstance(outcome, Ended), (each["id"], outcome)
        assert (history[-1].value, predictor.usage.overruled) == (each["predicted"], 0), each["id"]
        if each["correct"]:
            text, function = entry.program.text, entry.function
            real = record(text, filename="p.py", entry_function=function, entry_line=entry.marked).frames
            right += 1
            exact += len(real) == len(history) and all(map(same_state, real, history))
    assert right == 134
    assert exact >= 131


# --- the line ---------------------------------------------------------------------------------------------------------


def test_lines_that_differ_in_their_last_character_are_different_lines() -> None:
    text = "A = S = 0\nif A:\n    x = A\nelse:\n    x = S\nz = 1\n"
    for source, number in (("    x = A", 3), ("    x = S", 5)):
        run = Run(text, line(source, A="0", S="0"), at=2, state=["A=[]", "S=0"])
        assert run.frame().line == number
        assert run.predictor.usage.overruled == 0


BRANCHES = "def f(a):\n    if a > 1:\n        b = 1\n    else:\n        b = 1\n    return b\n"


@pytest.mark.parametrize(("value", "number"), [("2", 3), ("1", 5), ("-7", 5)])
def test_of_two_branches_with_the_same_text_the_condition_decides(value: str, number: int) -> None:
    run = Run(BRANCHES, line("        b = 1", a=value), at=2, state=[f"a={value}"])
    with alongside(run.predictor):
        assert run.frame().line == number


def test_a_condition_over_an_unknown_value_leaves_the_first_branch() -> None:
    run = Run(BRANCHES, line("        b = 1", a="<Odd object>"), at=2)
    run.history = [Frame(Event.LINE, "f", 2, "    if a > 1:", {"a": "<Odd object>"})]
    with alongside(run.predictor):
        assert run.frame().line == 3


def test_of_several_places_with_the_same_text_the_one_is_taken_that_python_comes_to() -> None:
    text = "def f(a):\n    b = 0\n    if g(a):\n        b = 1\n        b = 1\n    else:\n        b = 1\n    return b\n"
    text += "def g(a):\n    return a > 5\nx = f(3)\n"
    replies = [
        call("def f(a):", a="3"),
        line("    b = 0", a=".."),
        line("    if g(a):", a="..", b="0"),
        call("def g(a):", a="3"),
        line("    return a > 5", a=".."),
        leave("    return a > 5", "False"),
        line("        b = 1", a="3", b="0"),
    ]
    run = Run(text, *replies)
    with alongside(run.predictor):
        assert brief(run.frames(len(replies)))[-1] == "1 line 7"
    assert len(run.engine.prompts) == len(replies)  # the model was not asked what would follow
    assert run.predictor.usage.overruled == 0


def test_the_same_text_in_several_functions_is_placed_where_we_are() -> None:
    text = "def f(x):\n    y = x\n    return y\ndef g(x):\n    y = x\n    return y\nz = g(1)\n"
    replies = [call("def g(x):", x="1"), line("    y = x", x=".."), line("    return y", x="..", y="1")]
    run = Run(text, *replies, leave("    return y", "1"))
    assert brief(run.frames()) == ["1 call 4", "1 line 5", "1 line 6", "1 return 6 1"]


CLASSES = """
class Cat:
    def __init__(self, name):
        self.name = name
class Category:
    def __init__(self, name):
        self.name = name
class Tiger(Cat):
    def __init__(self, name):
        super().__init__(name)
class Cub(Tiger):
    pass
a = Category("x"); b = Cat("y")
c = Tiger("z")
d = Cub("w")
"""


@pytest.mark.parametrize(
    ("at", "text", "number"),
    [
        (12, "<Cat object>", 2),
        (12, "<__main__.Category object>", 5),
        (13, "<Tiger object>", 8),
        (14, "<Cub object>", 8),
        (13, "<unrepresentable>", 8),
    ],
)
def test_the_constructor_is_that_of_the_class_of_self(at: int, text: str, number: int) -> None:
    run = Run(CLASSES, call("    def __init__(self, name):", self=text, name="'x'"), at=at)
    assert run.frame().line == number


def test_where_nothing_else_tells_the_next_line_does() -> None:
    text = "class A:\n    def m(self):\n        return 1\nclass B:\n    def m(self):\n        return 2\nx = o.m()\n"
    for value, number in (("1", 2), ("2", 5)):
        run = Run(text, at=7)
        said = [call("    def m(self):", self="<odd>"), line(f"        return {value}", self="..")]
        run.engine = run.predictor.engine = Continuing(said)
        assert brief(run.frames(2)) == [f"1 call {number}", f"1 line {number + 1}"]
    text = "if o.m:\n    y = 1\n    z = 2\nelse:\n    y = 1\n    w = 3\n"
    for following, number in (("    z = 2", 2), ("    w = 3", 5)):
        run = Run(text, at=1)
        run.engine = run.predictor.engine = Continuing([line("    y = 1"), line(following, y="1")])
        assert brief(run.frames(2)) == [f"0 line {number}", f"0 line {number + 1}"]


def test_super_goes_to_the_base_class() -> None:
    replies = [
        call("    def __init__(self, name):", self="<Tiger object>", name="'z'"),
        line("        super().__init__(name)", self="..", name=".."),
        call("    def __init__(self, name):", self="<Tiger object>", name="'z'"),
    ]
    run = Run(CLASSES, *replies, at=13)
    assert brief(run.frames(3)) == ["1 call 8", "1 line 9", "2 call 2"]


def test_functions_with_the_same_first_line_are_told_apart_by_their_parameters() -> None:
    text = "fs = [(lambda: 0), (lambda a: a), (lambda a, b: b)]\nx = fs[1](1)\n"
    run = Run(text, call(text.split("\n")[0], a="1"), at=2)
    frame = run.frame()
    assert (frame.function, frame.line, dict(frame.locals)) == ("<lambda>", 1, {"a": "1"})
    [move] = run.predictor._moves(stack_of(run.history), run.history).options
    assert move.code is not None
    assert move.code.parameters == ("a",)


def test_a_caller_goes_on_in_its_own_function_after_a_recursion() -> None:
    text = "def f(n):\n    if n:\n        f(n - 1)\n    return n\nf(1)\n"
    frames = record(text, filename="p.py", entry_function=None, entry_line=5).frames
    history, _ = perfect(Program.parse(text, "p.py"), frames, constrain=True)
    assert brief(history) == brief(frames)


def test_a_trace_that_the_model_invents_starts_with_the_call_of_the_marked_function() -> None:
    run = Run(
        "def g(a):\n    return a\ndef f(a, b):  # << START_OF_TRACE\n    return a\n", call("def f(a, b):", a="1", b="2")
    )
    assert run.history == []
    frame = run.frame()
    assert (frame.event, frame.line, frame.depth, dict(frame.locals)) == (Event.CALL, 3, 0, {"a": "1", "b": "2"})
    assert run.engine.prompts[0] == codec.opening(codec.context(run.program.lines, 3))


def test_a_start_that_the_model_cannot_invent_takes_the_literals_that_it_likes_best() -> None:
    nonsense = (("wwww",), ("wwww",), ('": "4" and more', Token.ACTION))
    run = Run(
        "def f(a, b):  # << START_OF_TRACE\n    return a\n",
        *nonsense,
        engine={"likes": [('": "[3, 1, 2]"',)]},
    )
    assert dict(run.frame().locals) == {"a": "[3, 1, 2]", "b": "4"}


def test_parameters_that_are_given_are_not_invented() -> None:
    run = Run("def f(a, b):  # << START_OF_TRACE\n    return a\n", call("def f(a, b):", a="1", b="2"), state=["a=7"])
    assert run.frame().locals["a"] == "7"


# --- lines that cannot be ---------------------------------------------------------------------------------------------

CHOICE = "def f(a):\n    if a:\n        b = 1\n    else:\n        b = 2\n    return b\n"


def test_a_line_that_cannot_follow_is_replaced_by_the_likeliest_that_can() -> None:
    for wanted, number in (("        b = 1", 3), ("        b = 2", 5)):
        engine = {"likes": likes(wanted, "    return b")}
        run = Run(CHOICE, line("    return b", a="True", b="9"), at=2, state=["a=True"], engine=engine)
        frame = run.frame()
        assert (frame.line, dict(frame.locals)) == (number, {"a": "True", "b": "9"})
        assert run.predictor.usage.overruled == 1


def test_a_line_that_is_not_in_the_program_is_replaced_too() -> None:
    run = Run(CHOICE, line("        c = 3", a="True"), at=2, state=["a=True"], engine={"likes": likes("        b = 2")})
    assert (run.frame().line, run.predictor.usage.overruled) == (5, 1)


def test_an_overruled_branch_with_the_same_text_is_decided_by_the_condition() -> None:
    run = Run(BRANCHES, line("nonsense", a="0"), at=2, state=["a=0"])
    with alongside(run.predictor):
        assert (run.frame().line, run.predictor.usage.overruled) == (5, 1)


def test_an_event_that_cannot_be_is_replaced_by_the_likeliest_that_can() -> None:
    said = [leave("    if a:", "1"), ('{"a": "True"}', Token.ACTION)]
    run = Run(CHOICE, *said, at=2, state=["a=True"], engine={"likes": [(Token.LINE,), *likes("        b = 1")]})
    frame = run.frame()
    assert (frame.event, frame.line, dict(frame.locals)) == (Event.LINE, 3, {"a": "True"})


def test_a_wrong_place_of_a_return_keeps_the_return() -> None:
    run = Run(CHOICE, leave("    if a:", "7"), ('"2"', Token.FRAME), at=6, state=["b=2"])
    frame = run.frame()
    assert (frame.event, frame.line, frame.value) == (Event.RETURN, 6, "2")
    assert run.engine.prompts[-1][-4:] == (Token.RETURN, Token.ACTION, "    return b\n", Token.ARG)


def test_an_end_where_the_program_goes_on_is_overruled() -> None:
    said = [END, ('{"a": "True"}', Token.ACTION)]
    run = Run(CHOICE, *said, at=2, state=["a=True"], engine={"likes": [(Token.LINE,), *likes("        b = 2")]})
    assert (run.frame().line, run.predictor.usage.overruled) == (5, 1)


def test_the_end_is_known_without_asking_when_the_entry_was_left() -> None:
    run = Run(CHOICE, leave("    return b", "2"), at=6, state=["b=2"])
    run.frame()
    asked = len(run.engine.prompts)
    outcome = run.next()
    assert isinstance(outcome, Ended)
    assert "f() returned 2" in outcome.reason
    assert len(run.engine.prompts) == asked


def test_an_uncaught_exception_is_the_end() -> None:
    run = Run("x = 1 / 0\n", fail("x = 1 / 0", "ZeroDivisionError('division by zero')"))
    run.frame()
    outcome = run.next()
    assert isinstance(outcome, Ended)
    assert "ZeroDivisionError" in outcome.reason


def test_what_was_overruled_is_sent_back_corrected() -> None:
    engine = {"likes": likes("        b = 1")}
    run = Run(
        CHOICE,
        line("    return b", a="True"),
        line("    return b", a="..", b="1"),
        at=2,
        state=["a=True"],
        engine=engine,
    )
    run.frames(2)
    sources = [piece for piece in run.engine.prompts[-1] if isinstance(piece, str)]
    assert "        b = 1\n" in sources
    assert run.engine.prompts[-1][-5:] == line("        b = 1", a="..")


def test_without_the_constraint_the_model_is_taken_at_its_word() -> None:
    run = Run(
        CHOICE, line("    return b", a="True"), line("not there", a=".."), END, at=2, state=["a=True"], constrain=False
    )
    assert [(frame.line, frame.source) for frame in run.frames()] == [(6, "    return b"), (None, "not there")]
    assert run.predictor.usage.overruled == 0


def test_without_the_constraint_a_text_that_two_lines_have_is_no_line() -> None:
    run = Run(BRANCHES, line("        b = 1"), at=6, state=["a=0"], constrain=False)
    assert run.frame().line is None


def test_without_the_constraint_an_impossible_call_and_return_keep_their_depths() -> None:
    text = "def g(a):\n    return a\nx = 1\ny = 2\n"
    replies = [call("def g(a):", a="1"), leave("    return a", "1"), line("y = 2", x="1")]
    run = Run(text, *replies, at=3, constrain=False)
    assert [(f.function, f.line, f.depth) for f in run.frames()] == [("g", 1, 1), ("g", 2, 1), ("<module>", 4, 0)]


def test_an_engine_that_cannot_score_says_what_the_model_said() -> None:
    run = Run(CHOICE, line("    return b", a="True"), at=2, state=["a=True"])
    run.engine = run.predictor.engine = WithoutScores(run.engine.replies)
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.UNKNOWN_LINE
    assert "return b" in trouble.message


class WithoutScores(ScriptedEngine):
    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("mute", "0", 100_000, scores=False)

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Any]:
        raise ModelError("this engine does not score")


# --- odd replies ------------------------------------------------------------------------------------------------------


def test_a_reply_that_is_cut_off_is_a_truncation() -> None:
    run = Run(CHOICE, (Token.LINE, '{"a": "[1, 1, 1, 1'), at=2, state=["a=1"])
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.TRUNCATED
    assert "[1, 1, 1, 1" in trouble.text


@pytest.mark.parametrize(
    "markup",
    [
        (Token.LINE, '{"a": ', Token.ACTION, "        b = 1\n", Token.FRAME),
        (Token.LINE, '{"a": 1}', Token.ACTION, "        b = 1\n", Token.FRAME),
        ("        b = 1\n", Token.FRAME),
        (Token.FRAME,),
        (Token.RETURN, Token.ACTION, "    return b\n", Token.ARG, "2", Token.FRAME),
    ],
)
def test_broken_text_is_one_trouble_and_is_never_fed_back(markup: Markup) -> None:
    good = line("        b = 1", a="..")
    run = Run(CHOICE, markup, good, at=2, state=["a=1"])
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.MALFORMED
    assert run.frame().line == 3
    assert run.engine.prompts[0] == run.engine.prompts[1]


def test_an_unchanged_value_that_was_never_there_is_a_trouble() -> None:
    run = Run(CHOICE, line("        b = 1", a="..", ghost=".."), at=2, state=["a=1"])
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.MALFORMED
    assert "'ghost'" in trouble.message


def test_a_call_has_nothing_that_could_be_unchanged() -> None:
    text = "def f(a):\n    return a\nx = f(1) + f(2)\n"
    replies = [call("def f(a):", a="1"), line("    return a", a=".."), leave("    return a", "1")]
    run = Run(text, *replies, call("def f(a):", a=".."))
    assert len(run.frames(3)) == 3
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.MALFORMED
    assert "'a'" in trouble.message


def test_two_dots_refer_to_the_same_activation_after_a_call() -> None:
    text = "def f(a):\n    return a\nb = 5\nx = f(1)\ny = 2\n"
    replies = [call("def f(a):", a="1"), line("    return a", a=".."), leave("    return a", "1")]
    run = Run(text, *replies, line("y = 2", b="..", x="1"), at=4, state=["b=5"])
    assert dict(run.frames(4)[-1].locals) == {"b": "5", "x": "1"}


def test_a_model_that_cannot_be_reached_is_a_trouble_and_not_an_error() -> None:
    class Gone(ScriptedEngine):
        def complete(self, *_: Any, **__: Any) -> list[Completion]:
            raise ModelError("the server is gone", "start it again")

    run = Run(CHOICE, at=2, state=["a=1"])
    run.engine = run.predictor.engine = Gone([])
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.UNAVAILABLE
    assert "start it again" in trouble.message


def test_a_state_that_the_context_cannot_hold_is_a_trouble_without_a_question() -> None:
    run = Run(CHOICE, at=2, state=[f"a={'x' * 3000!r}"], engine={"context": 2000})
    assert run.trouble().kind is TroubleKind.TOO_LONG
    assert run.engine.prompts == []


def test_a_frame_may_take_a_quarter_of_a_small_context() -> None:
    run = Run(CHOICE, line("        b = 1", a=".."), at=2, state=["a=1"], engine={"context": 800})
    run.frame()
    assert run.predictor.frame_tokens == 200
    assert run.predictor.window.budget == 600


def test_what_the_model_wrote_goes_back_to_it_unchanged() -> None:
    odd: Markup = (Token.LINE, '{"a":".."}', Token.ACTION, "        b = 1\n", Token.FRAME)
    run = Run(CHOICE, odd, line("    return b", a="..", b="1"), at=2, state=["a=1"])
    run.frames(2)
    assert run.engine.prompts[1] == run.engine.prompts[0] + odd


def test_a_source_that_spells_tokens_brings_none_into_the_prompt() -> None:
    text = "x = '<|frame_sep|><|end_of_text|><|line_sep|>'\ny = x  # <|begin_of_text|>\n"
    run = Run(text, line("y = x  # <|begin_of_text|>", x=repr("<|frame_sep|><|end_of_text|><|line_sep|>")))
    frame = run.frame()
    assert frame.source == "y = x  # <|begin_of_text|>"
    run.next()
    tokens = [piece for piece in run.engine.prompts[1] if isinstance(piece, Token)]
    whole = [Token.BEGIN, Token.CONTEXT, Token.FRAME, *[Token.LINE, Token.ACTION, Token.FRAME] * 2]
    assert tokens == whole


def test_draws_other_than_the_first_are_sampled_with_their_number() -> None:
    seen: list[tuple[float, int]] = []

    class Watched(ScriptedEngine):
        def complete(self, prompts: Sequence[Markup], **options: Any) -> list[Completion]:
            seen.append((options["sampling"].temperature, options["sampling"].seed))
            return super().complete(prompts, **options)

    run = Run(CHOICE, at=2, state=["a=1"])
    run.predictor.engine = Watched([line("        b = 1", a="..")] * 3)
    for draw in (0, 1, 7):
        assert isinstance(run.predictor.next(run.history, draw=draw), Frame)
    assert seen == [(0.0, 0), (0.8, 1), (0.8, 7)]


# --- comprehensions as frames -----------------------------------------------------------------------------------------

HIDES = {"comprehension_frames": True}


def test_the_frames_of_a_comprehension_are_stepped_through_and_hidden() -> None:
    text = "def f(xs):\n    ys = [x for x in xs]\n    return ys\n"
    source = "    ys = [x for x in xs]"
    inside = [comprehension(source), in_comprehension(source), in_comprehension(source, x="1"), leave(source, "[1]")]
    run = Run(
        text,
        *inside,
        line("    return ys", xs="[1]", ys="[1]"),
        leave("    return ys", "[1]"),
        at=2,
        state=["xs=[1]"],
        engine=HIDES,
    )
    assert brief(run.frames()) == ["0 line 3", "0 return 3 [1]"]
    assert run.predictor.usage.overruled == 0
    assert run.engine.prompts[-1][-25:-5] == sum(inside, ())[-20:]


def test_nested_comprehensions_are_hidden_to_the_outermost() -> None:
    text = "xs = [[a for a in b] for b in c]\ny = 1\n"
    source = text.split("\n")[0]
    inner = [comprehension(source), in_comprehension(source), in_comprehension(source, a="1"), leave(source, "[1]")]
    whole = [comprehension(source), in_comprehension(source), in_comprehension(source, b="[1]"), *inner]
    run = Run(
        text, *whole, in_comprehension(source, b=".."), leave(source, "[[1]]"), line("y = 1", xs="[[1]]"), engine=HIDES
    )
    assert brief(run.frames(1)) == ["0 line 2"]


def test_a_function_called_inside_a_comprehension_is_a_call_of_the_function_around_it() -> None:
    text = "def g(x):\n    return x\nys = [g(x) for x in [1, 2]]\nz = 1\n"
    source = "ys = [g(x) for x in [1, 2]]"
    replies = [comprehension(source), in_comprehension(source)]
    for value in ("1", "2"):
        replies += [call("def g(x):", x=value), line("    return x", x=".."), leave("    return x", value)]
        replies += [in_comprehension(source, x=value)]
    run = Run(text, *replies, leave(source, "[1, 2]"), line("z = 1", ys="[1, 2]"), at=3, engine=HIDES)
    inner = ["1 call 1", "1 line 2", "1 return 2 1", "1 call 1", "1 line 2", "1 return 2 2"]
    assert brief(run.frames(7)) == [*inner, "0 line 4"]
    assert run.predictor.usage.overruled == 0


def test_an_exception_inside_a_comprehension_is_shown_once_in_the_function_around_it() -> None:
    text = "def g(x):\n    return 1 / x\ndef f():\n    ys = [g(x) for x in [0]]\n    return ys\n"
    source = "    ys = [g(x) for x in [0]]"
    error = "ZeroDivisionError('division by zero')"
    replies = [
        comprehension(source),
        in_comprehension(source),
        call("def g(x):", x="0"),
        line("    return 1 / x", x=".."),
    ]
    replies += [fail("    return 1 / x", error), fail(source, error), fail(source, error)]
    run = Run(text, *replies, at=4, engine=HIDES)
    assert brief(run.frames()) == ["1 call 1", "1 line 2", f"1 exception 2 {error}", f"0 exception 4 {error}"]
    assert run.predictor.usage.overruled == 0


GENERATOR = "total = sum(x for x in xs)"


def test_a_generator_expression_has_frames() -> None:
    text = f"xs = [5]\n{GENERATOR}\ny = 1\n"
    replies = [
        comprehension(GENERATOR),
        in_comprehension(GENERATOR),
        leave(GENERATOR, "5"),
        comprehension(GENERATOR, x="5"),
        leave(GENERATOR, "None"),
        line("y = 1", xs="[5]", total="5"),
    ]
    run = Run(text, *replies, at=2, state=["xs=[5]"], engine=HIDES)
    assert brief(run.frames(6)) == ["1 call 2", "1 line 2", "1 return 2 5", "1 call 2", "1 return 2 None", "0 line 3"]
    assert run.predictor.usage.overruled == 0


def test_a_comprehension_inside_a_generator_expression_is_hidden() -> None:
    source = "t = sum(len([a for a in b]) for b in c)"
    inside = [comprehension(source), in_comprehension(source), leave(source, "[]")]
    start = [comprehension(source), in_comprehension(source)]
    run = Run(f"c = [[]]\n{source}\ny = 1\n", *start, *inside, leave(source, "0"), at=2, state=["c=[[]]"], engine=HIDES)
    assert brief(run.frames(3)) == ["1 call 2", "1 line 2", "1 return 2 0"]


def test_a_generator_expression_next_to_a_comprehension_is_told_apart() -> None:
    source = "t = sum(x for x in [y for y in c])"
    inside = [comprehension(source), in_comprehension(source), in_comprehension(source, y="4"), leave(source, "[4]")]
    outside = [comprehension(source), in_comprehension(source), leave(source, "4")]
    run = Run(f"c = [4]\n{source}\nz = 1\n", at=2, state=["c=[4]"])
    run.engine = run.predictor.engine = Continuing([*inside, *outside], comprehension_frames=True)
    assert brief(run.frames(3)) == ["1 call 2", "1 line 2", "1 return 2 4"]
    assert run.predictor.usage.overruled == 0


def test_an_engine_without_such_frames_shows_all_that_it_writes() -> None:
    text = f"xs = [5]\n{GENERATOR}\ny = 1\n"
    run = Run(text, comprehension(GENERATOR), at=2, state=["xs=[5]"])
    assert run.frame().function == "<genexpr>"


def test_a_comprehension_that_does_not_end_is_cut_off() -> None:
    source = "ys = [x for x in xs]"
    endless = [comprehension(source), *[in_comprehension(source, x=str(n)) for n in range(5000)]]
    run = Run(f"{source}\nz = 1\n", *endless, engine={**HIDES, "context": 4000})
    trouble = run.trouble()
    assert trouble.kind is TroubleKind.TRUNCATED
    assert "comprehension" in trouble.message


@settings(max_examples=300)
@given(replies, st.booleans(), st.booleans(), st.sampled_from([600, 3000, 100_000]))
def test_whatever_the_model_says_is_a_frame_an_end_or_a_trouble(
    said: list[Markup], constrain: bool, hides: bool, context: int
) -> None:
    program = Program.parse(WORLD.strip("\n") + "\n", "p.py")
    engine = ScriptedEngine(said, context=context, comprehension_frames=hides)
    predictor = Predictor(enter(program, call="f([1])"), engine, constrain=constrain)
    assert predictor.entry.first is not None
    history = [predictor.entry.first]
    for _ in range(30):
        outcome = predictor.next(history)
        if isinstance(outcome, Frame):
            history.append(outcome)
            check_frame(outcome, history, predictor, constrain)
        else:
            assert isinstance(outcome, Ended | Trouble)
            if isinstance(outcome, Ended):
                break


def check_frame(frame: Frame, history: Sequence[Frame], predictor: Predictor, constrain: bool) -> None:
    """What holds for every predicted frame."""
    program = predictor.entry.program
    assert codec.UNCHANGED not in frame.locals.values()
    assert (frame.value is None) is (frame.event in (Event.CALL, Event.LINE))
    assert frame.line is None or frame.source == program.line(frame.line)
    json.dumps(frame.as_dict()).encode()
    for text in (*frame.locals, *frame.locals.values(), frame.source, frame.value or ""):
        text.encode()
    if constrain:
        moves = predictor._moves(stack_of(history[:-1]), history[:-1])
        assert (frame.event, frame.depth, frame.line, frame.function) in {
            (move.event, move.depth, move.line, move.function) for move in moves.options
        }
