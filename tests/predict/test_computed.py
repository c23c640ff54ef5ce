"""Computed frames in the debugger's source: what Python determines is not asked for, the model writes only the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from neuralpdb.engines.base import Capabilities, Completion, Finish, Score
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token, spelled
from neuralpdb.errors import ModelError
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.events import HOLE, Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.interpreter.texts import Reason
from neuralpdb.predict import confidence
from neuralpdb.predict.computed import opinions
from neuralpdb.predict.computed.opinions import Refutation, SecondOpinion
from neuralpdb.predict.computed.source import ComputedSource, Filling, Tally
from neuralpdb.predict.lookahead import LookAhead
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import LINE, VALUE, Ended, Event, Frame, Known, Origin, Outcome, Trouble, TroubleKind

PLAIN = "a = 1\nb = a + 1\nc = [a, b]\nd = len(c)\n"
WORLD = "import robot\nname = robot.name()\nloud = name.upper()\nend = 1\n"
WAYS = "import robot\nready = robot.ready()\nif ready.now:\n    kind = 'wide'\nelse:\n    kind = 'narrow'\nend = kind\n"


def entry_of(text: str) -> Entry:
    return enter(Program.parse(text, "program.py"))


@contextmanager
def source_of(text: str, engine: ScriptedEngine) -> Iterator[tuple[ComputedSource, list[Frame], Predictor]]:
    entry = entry_of(text)
    assert entry.first is not None
    model, tally = Predictor(entry, engine), Tally()
    with ComputedHistories(entry) as histories:
        ahead = LookAhead(Filling(histories, model, tally), 0, eager=False)
        yield ComputedSource(histories, ahead, tally), [entry.first], model


def walk(source: ComputedSource, history: list[Frame]) -> Outcome:
    """Go on to the end, and return it."""
    while isinstance(outcome := source.next(history), Frame):
        history.append(outcome)
    return outcome


def quoted(text: str) -> Markup:
    """Return a reply that is the rest of a JSON string, and more that nobody asked for."""
    return (text + '", "more": "1"}', Token.ACTION, "x\n", Token.FRAME)


# -- what is computed -------------------------------------------------------------------------------------------------


def test_a_program_that_needs_no_world_asks_the_model_nothing() -> None:
    engine = ScriptedEngine([])
    with source_of(PLAIN, engine) as (source, history, model):
        assert isinstance(walk(source, history), Ended)
        assert [frame.origin for frame in history] == [Origin.GIVEN, *[Origin.COMPUTED] * 3]
        assert history[-1].locals == {"a": "1", "b": "2", "c": "[1, 2]"}
        assert engine.prompts == []
        assert (model.usage.passes, source.tally.computed, source.tally.filled) == (0, 3, 0)


class Gone(ScriptedEngine):
    """A model that cannot be used."""

    def complete(self, *_: object, **__: object) -> list[Completion]:
        raise ModelError("the server is gone")

    def score(self, *_: object) -> list[Score]:
        raise ModelError("the server is gone")


def test_a_model_that_is_gone_hinders_only_where_it_is_asked() -> None:
    with source_of(PLAIN, Gone([])) as (source, history, _):
        assert isinstance(walk(source, history), Ended)
    with source_of(WORLD, Gone([])) as (source, history, _):
        end = walk(source, history)
        assert isinstance(end, Trouble) and end.kind is TroubleKind.UNAVAILABLE
        assert len(history) == 1


# -- holes ------------------------------------------------------------------------------------------------------------


def test_the_model_writes_only_what_is_not_known_behind_what_is() -> None:
    engine = ScriptedEngine([quoted("'Anna'")])
    with source_of(WORLD, engine) as (source, history, model):
        assert isinstance(walk(source, history), Ended)
        [prompt] = engine.prompts
        assert spelled(prompt).endswith('<|line_sep|>{"name": "')
        frame = history[1]
        assert (frame.locals, frame.origin, frame.known) == (
            {"name": "'Anna'"},
            Origin.COMPUTED,
            {"name": Known.PREDICTED},
        )
        assert history[2].locals["loud"] == "'ANNA'" and history[2].how("loud") is Known.DERIVED
        assert (source.tally.filled, model.usage.frames) == (1, 1)
        evidence = model.evidence(frame)
        assert evidence is not None
        assert spelled(evidence.text).endswith('{"name": "\'Anna\'"}<|action_sep|>loud = name.upper()\n<|frame_sep|>')


def test_a_quote_inside_a_value_does_not_end_it() -> None:
    engine = ScriptedEngine([quoted("'say \\"), quoted("hi\\"), quoted("'")])
    with source_of(WORLD, engine) as (source, history, _):
        walk(source, history)
        assert history[1].locals["name"] == "'say \"hi\"'"
        assert len(engine.prompts) == 3
        assert spelled(engine.prompts[1]).endswith('{"name": "\'say \\"')


@dataclass
class Weighing(ScriptedEngine):
    """A model that writes nonsense, and likes one of the literals."""

    favourite: str = "5"
    asked: list[Markup] = field(default_factory=list)

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        self.asked += continuations
        self.likes = [each for each in continuations if f'"{self.favourite}"' in spelled(each)]
        return super().score(prompt, continuations)


def test_a_model_that_writes_no_value_has_the_common_ones_weighed() -> None:
    engine = Weighing([(": ", Token.ACTION, "x\n", Token.FRAME)], favourite="'abc'")
    with source_of("name = input()\nend = 1\n", engine) as (source, history, _):
        walk(source, history)
    assert history[1].locals["name"] == "'abc'"


def test_what_neither_python_nor_the_model_knows_anything_of_stays_an_object() -> None:
    text = "import robot\narm = robot.connect()\narm.turn(90)\nangle = 3\nend = angle\n"
    with source_of(text, Weighing([(": ", Token.ACTION, "x\n", Token.FRAME)])) as (source, history, model):
        assert isinstance(walk(source, history), Ended)
        assert confidence.of(model.evidence(history[1])) == {}
    assert history[-1].locals == {"arm": "<object>", "angle": "3"}
    assert history[-1].how("angle") is Known.COMPUTED


@pytest.mark.parametrize(
    ("text", "written", "name", "value"),
    [
        ("name = input()\nend = 1\n", "Anna'", "name", "'Anna'"),  # the quote of a text is given
        ("import time\nnow = time.time()\nend = 1\n", "1.5", "now", "1.5"),
        ("import time\nnow = time.time()\nend = 1\n", "'x'", "now", "2.5"),  # no float: the only one that is common
    ],
)
def test_a_value_has_the_type_that_python_gives_it(text: str, written: str, name: str, value: str) -> None:
    engine = Weighing([quoted(written)], favourite="2.5")
    with source_of(text, engine) as (source, history, _):
        walk(source, history)
    assert history[1].locals[name] == value
    if written == "Anna'":
        assert spelled(engine.prompts[0]).endswith('{"name": "\'')


def test_a_model_that_cannot_weigh_and_writes_no_value_gives_no_frame() -> None:
    class Blunt(ScriptedEngine):
        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, scores=False)

    with source_of("name = input()\nend = 1\n", Blunt([(Token.FRAME,)])) as (source, history, _):
        end = walk(source, history)
    assert isinstance(end, Trouble) and end.kind is TroubleKind.MALFORMED


def test_the_probability_of_a_filled_frame_is_that_of_its_holes() -> None:
    class Sure(ScriptedEngine):
        def complete(self, prompts: Sequence[Markup], **options: object) -> list[Completion]:
            self.prompts += prompts
            return [Completion(("7", '"'), Finish.STOP, (-1.0, 0.0), widths=(1, 1))]

    with source_of("import robot\na = robot.x\nb = 2\n", Sure([])) as (source, history, model):
        frame = source.next(history)
        assert isinstance(frame, Frame)
        shares = confidence.of(model.evidence(frame))
    assert shares["a"] == pytest.approx(0.3679, abs=1e-3)
    assert shares[LINE] == shares["(event)"] == 1.0


def test_a_returned_value_and_one_of_several_holes() -> None:
    text = "import robot\ndef f(a):\n    return robot.read()\nb = f(robot)\nc = b\n"
    engine = ScriptedEngine([quoted("<robot>"), quoted("42"), quoted("42")])
    with source_of(text, engine) as (source, history, _):
        walk(source, history)
    returned = next(frame for frame in history if frame.event is Event.RETURN)
    assert (returned.value, returned.how(VALUE)) == ("42", Known.PREDICTED)


# -- ways -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("liked", "kind"), [("    kind = 'wide'", "'wide'"), ("    kind = 'narrow'", "'narrow'")])
def test_the_model_chooses_the_way_and_the_interpreter_goes_it(liked: str, kind: str) -> None:
    engine = ScriptedEngine([quoted("<ready>")], likes=[(liked + "\n", Token.FRAME)])
    with source_of(WAYS, engine) as (source, history, _):
        assert isinstance(walk(source, history), Ended)
        assert source.tally.placed == 1
    chosen = history[-2]
    assert (chosen.source, chosen.origin, chosen.known[LINE]) == (liked, Origin.PREDICTED, Known.PREDICTED)
    assert history[-1].locals["kind"] == kind and history[-1].how("kind") is Known.DERIVED


def test_a_draw_is_the_models_own() -> None:
    with source_of(PLAIN, ScriptedEngine([(Token.LINE, '{"a": "9"}', Token.ACTION, "b = a + 1\n", Token.FRAME)])) as (
        source,
        history,
        _,
    ):
        drawn = source.next(history, draw=1)
    assert isinstance(drawn, Frame) and drawn.locals == {"a": "9"} and drawn.how("a") is Known.PREDICTED


def test_a_guessed_return_is_exact_where_it_can_be_computed() -> None:
    text = "def f(n):\n    return n * 2\na = 1\nb = f(21)\nc = b\n"
    engine = ScriptedEngine([])
    with source_of(text, engine) as (source, history, _):
        frame = source.next(history)
        assert isinstance(frame, Frame)
        history.append(frame)
        while isinstance(outcome := source.leap(history), Frame):
            history.append(outcome)
            if outcome.event is Event.RETURN:
                break
    assert history[-1].value == "42" and history[-1].origin is Origin.COMPUTED
    assert engine.prompts == []


# -- where nothing is told --------------------------------------------------------------------------------------------


class Silent:
    """Tells nothing."""

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        return NotTold("the interpreter: its process was killed")

    def close(self) -> None:
        pass


def test_the_model_goes_on_alone_where_nothing_is_told() -> None:
    entry = entry_of(PLAIN)
    assert entry.first is not None
    engine = ScriptedEngine([(Token.LINE, '{"a": "1"}', Token.ACTION, "b = a + 1\n", Token.FRAME)])
    source = Filling(Silent(), Predictor(entry, engine), Tally())
    frame = source.next([entry.first])
    assert isinstance(frame, Frame)
    assert (frame.origin, frame.how("a"), source.tally.predicted) == (Origin.PREDICTED, Known.PREDICTED, 1)
    assert source.untold == "the interpreter: its process was killed"
    source.close()


def test_what_the_model_leaves_as_it_is_rests_on_the_way_there() -> None:
    entry = entry_of(PLAIN)
    assert entry.first is not None
    known = entry.first.replace(line=2, source="b = a + 1", locals={"a": "1"}, origin=Origin.COMPUTED)
    engine = ScriptedEngine([(Token.LINE, '{"a": "..", "b": "3"}', Token.ACTION, "c = [a, b]\n", Token.FRAME)])
    frame = Filling(Silent(), Predictor(entry, engine), Tally()).next([entry.first, known])
    assert isinstance(frame, Frame)
    assert (frame.how("a"), frame.how("b")) == (Known.DERIVED, Known.PREDICTED)


def test_a_hole_names_the_type_of_what_is_not_known() -> None:
    reason = Reason("input() is known only when it runs", "str")
    assert reason == "input() is known only when it runs" and reason.kind == "str"
    computed = Computed(Frame(Event.LINE, "f", 1, "x", {"a": HOLE}), {"a": reason})
    assert not computed.whole


# -- other opinions ---------------------------------------------------------------------------------------------------


def test_the_models_other_opinion_of_a_computed_frame_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "IDLE", 0.01)
    entry = entry_of(PLAIN)
    assert entry.first is not None
    computed = entry.first.replace(line=2, source="b = a + 1", locals={"a": "1"}, origin=Origin.COMPUTED)
    engine = ScriptedEngine([(Token.LINE, '{"a": "7"}', Token.ACTION, "b = a + 1\n", Token.FRAME)])
    second = SecondOpinion(Predictor(entry, engine))
    assert second.of(computed) == {}
    second.look([entry.first, computed])
    until = time.monotonic() + 20
    while not second.of(computed) and time.monotonic() < until:
        time.sleep(0.01)
    assert second.of(computed) == {"a": "7"}
    second.look([entry.first, computed])  # it is known already: the list of replies is empty
    time.sleep(0.05)
    assert second.of(computed) == {"a": "7"}
    second.close()


def test_a_predicted_value_that_python_refutes_is_named() -> None:
    entry = entry_of(PLAIN)
    assert entry.first is not None
    with ComputedHistories(entry) as histories:
        refutation = Refutation(histories)
        right = Frame(Event.LINE, "<module>", 2, "b = a + 1", {"a": "1"})
        wrong = right.replace(locals={"a": "9"})
        elsewhere = right.replace(line=3, source="c = [a, b]")
        for frame, said in ((right, {}), (wrong, {"a": "1"}), (elsewhere, {LINE: "line 2"})):
            refutation.look([entry.first, frame])
            assert refutation.of(frame) == said
        assert refutation.of(entry.first) == {}
