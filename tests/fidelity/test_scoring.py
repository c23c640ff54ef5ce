from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from parrot import Parrot, atoms
from places import ROOT, SHARED

from neuralpdb.engines.base import Capabilities
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import NeuralPdbError
from neuralpdb.fidelity.comparison import Comparability, judged_steps
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.scoring import TeacherForced, TokenCount, free_running, rollout, teacher_forced
from neuralpdb.fidelity.verdicts import RIGHT, Fidelity
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Frame, Outcome, Trace, Trouble, TroubleKind, same_state
from neuralpdb.train import cases
from neuralpdb.train.programs import generate


def traced(text: str, call: str = "", name: str = "p.py") -> tuple[Entry, Trace]:
    entry = enter(Program.parse(text, name), call=call)
    found = record(entry.program.text, filename=name, entry_function=entry.function, entry_line=entry.marked)
    return entry, found


def one_by_one(predictor: Predictor, truth: Trace) -> list[TeacherForced]:
    """Greedy decoding of every frame after the true history: what one prefill has to agree with."""
    return [TeacherForced(i, predictor.next(truth.frames[:i]), False) for i in range(1, len(truth.frames) + 1)]


def verdicts(truth: Trace, forced: Sequence[TeacherForced]) -> list[tuple[int, Fidelity, Level]]:
    """What became of each frame."""
    steps = judged_steps(((f.index, f.outcome, None) for f in forced), truth, Comparability({}, len(truth.frames)))
    return [(step.index, step.verdict.fidelity, step.verdict.level) for step in steps]


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    return LocalEngine.load()


@pytest.fixture(scope="module")
def exact() -> LocalEngine:
    """Scores in the arithmetic of decoding."""
    return LocalEngine.load(exact=True)


def both(
    engine: LocalEngine, entry: Entry, truth: Trace
) -> tuple[TokenCount, list[TeacherForced], list[TeacherForced]]:
    """What the quick way cost, what it says, and what decoding frame by frame says."""
    tally = TokenCount()
    engine.close()
    quick = teacher_forced(Predictor(entry, engine), truth, tally)
    engine.close()
    return tally, quick, one_by_one(Predictor(entry, engine), truth)


def checked(engine: LocalEngine, entry: Entry, truth: Trace) -> TokenCount:
    """Assert that both ways agree on every frame that is right, and on the end."""
    tally, quick, slow = both(engine, entry, truth)
    assert right(truth, quick) == right(truth, slow)
    assert [isinstance(each.outcome, Ended) for each in quick] == [isinstance(each.outcome, Ended) for each in slow]
    return tally


def right(truth: Trace, forced: Sequence[TeacherForced]) -> list[Any]:
    """The verdicts, those of wrong frames only as wrong."""
    return [verdict if verdict[1] in RIGHT else verdict[0] for verdict in verdicts(truth, forced)]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_one_prefill_says_of_every_example_what_decoding_frame_by_frame_says(path: Path, engine: LocalEngine) -> None:
    if path.stem == "no_hardware":
        pytest.skip("it cannot run, as intended")
    entry, truth = traced(path.read_text("utf-8"), name=path.name)
    tally = checked(engine, entry, truth)
    assert tally.scored > 10 * len(truth.frames) > 0
    assert tally.redone < len(truth.frames) / 2


def generated(count: int) -> Iterator[tuple[Entry, Trace]]:
    """Programs of the generator, with a short trace."""
    draw = random.Random(20261123)
    while count:
        made = generate.generate(draw)
        entry, truth = traced(made.source, made.calls[0])
        if 3 < len(truth.frames) < 24 and isinstance(truth.end, Ended):
            count -= 1
            yield entry, truth


def published(count: int) -> Iterator[tuple[Entry, Trace]]:
    """Functions of public repositories, with a short trace; of the part that the embedded model was trained on."""
    corpus = SHARED / "data" / "train_corpus.jsonl.gz"
    if not corpus.exists():
        pytest.skip("the corpus of real functions is not here; NEURALPDB_SHARED names the folder that holds data/")
    for _, source, call in cases.programs(corpus)[::61]:
        try:
            entry, truth = traced(source, call)
        except NeuralPdbError:
            continue
        if 3 < len(truth.frames) < 20 and isinstance(truth.end, Ended):
            count -= 1
            yield entry, truth
        if not count:
            return


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_real_functions_every_verdict_is_that_of_decoding_frame_by_frame(exact: LocalEngine) -> None:
    redone = programs = 0
    for entry, truth in published(50):
        tally, quick, slow = both(exact, entry, truth)
        assert verdicts(truth, quick) == verdicts(truth, slow)
        for a, b in zip(quick, slow, strict=True):  # not only the verdict: the same words, also where they are wrong
            assert without_origin(a.outcome) == without_origin(b.outcome)
        redone, programs = redone + tally.redone, programs + 1
    assert programs == 50
    assert redone > 5, "there was nothing to decode: this shows nothing"


def without_origin(outcome: Outcome) -> Any:
    return outcome.as_dict() if isinstance(outcome, Frame) else outcome


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_prefill_says_of_real_functions_which_frames_are_right(engine: LocalEngine) -> None:
    seen = [checked(engine, entry, truth) for entry, truth in published(25)]
    assert len(seen) == 25


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_prefill_says_of_generated_programs_what_decoding_frame_by_frame_says(engine: LocalEngine) -> None:
    seen = [checked(engine, entry, truth) for entry, truth in generated(12)]
    assert sum(tally.redone for tally in seen) > 0, "there was nothing to decode: this shows nothing"


# --- with a model whose words are known -----

SOURCE = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
WRONG_LOCAL = (Token.LINE, '{"n": "..", "total": "..", "i": "7"}', Token.ACTION, "        total += i\n", Token.FRAME)
WRONG_LINE = (Token.LINE, '{"n": "..", "total": "..", "i": "0"}', Token.ACTION, "    return total\n", Token.FRAME)
NONSENSE = (Token.ARG, "what", Token.FRAME)


@pytest.fixture(scope="module")
def summed() -> tuple[Entry, Trace]:
    return traced(SOURCE, "f(3)")


def test_a_model_that_is_right_is_asked_for_nothing_but_one_score(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    parrot, tally = Parrot(entry, truth), TokenCount()
    forced = teacher_forced(Predictor(entry, parrot), truth, tally)
    assert parrot.decoded == []
    assert len(parrot.scored) == 1
    assert tally == TokenCount(scored=parrot.scored[0])
    assert all(each.follows for each in forced)
    assert [each.index for each in forced] == list(range(1, len(truth.frames) + 1))
    assert forced[-1].outcome == Ended("main() returned 3")
    for each, frame in zip(forced, truth.frames[1:], strict=False):
        assert isinstance(each.outcome, Frame)
        assert same_state(each.outcome, frame)


def test_a_wrong_frame_is_decoded_from_its_first_wrong_token_on(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    parrot, tally = Parrot(entry, truth, {5: WRONG_LOCAL}), TokenCount()
    forced = teacher_forced(Predictor(entry, parrot), truth, tally)
    assert [each.index for each in forced if not each.follows] == [5]
    wrong = forced[4].outcome
    assert isinstance(wrong, Frame)
    assert wrong.locals == {"n": "3", "total": "0", "i": "7"}
    (prompt,) = parrot.decoded
    assert prompt[-1] == '{"n": "..", "total": "..", "i": "', "the certain beginning is not written again"
    assert (tally.redone, tally.decoded) == (1, len(atoms(WRONG_LOCAL)) - 1 - len(prompt[-1]))
    assert forced[4].confidence == pytest.approx(math.exp(-0.5 * len(atoms(WRONG_LOCAL))))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [(WRONG_LINE, Frame), (NONSENSE, Trouble), ((Token.END,), Trouble), ((Token.LINE, "{" * 5000), Trouble)],
)
def test_whatever_the_model_says_instead_is_what_decoding_would_have_given(
    summed: tuple[Entry, Trace], said: Markup, outcome: type
) -> None:
    entry, truth = summed
    forced = teacher_forced(Predictor(entry, Parrot(entry, truth, {5: said})), truth)
    slow = one_by_one(Predictor(entry, Parrot(entry, truth, {5: said})), truth)
    assert isinstance(forced[4].outcome, outcome)
    assert verdicts(truth, forced) == verdicts(truth, slow)


def test_what_is_close_is_decoded_and_may_turn_out_right(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    parrot, tally = Parrot(entry, truth, sure=0.5), TokenCount()
    forced = teacher_forced(Predictor(entry, parrot), truth, tally)
    assert all(each.follows for each in forced)
    assert tally.redone == len(forced), "no margin was above the tolerance"


def test_an_engine_that_cannot_score_is_asked_for_every_frame(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    parrot = Parrot(entry, truth, {5: WRONG_LOCAL}, capabilities=Capabilities("parrot", "0", 1 << 20, scores=False))
    forced = teacher_forced(Predictor(entry, parrot), truth)
    assert parrot.scored == []
    assert len(parrot.decoded) == len(truth.frames)
    assert [each.index for each in forced if not each.follows] == [5]


def test_a_long_trace_is_scored_in_windows_that_fit_the_context() -> None:
    entry, truth = traced(SOURCE, "f(30)")
    small = Capabilities("parrot", "0", 1600, tolerance=1.0)
    parrot = Parrot(entry, truth, capabilities=small)
    forced = teacher_forced(Predictor(entry, parrot), truth)
    assert len(parrot.scored) > 2
    assert max(parrot.scored) < 1600
    assert parrot.decoded == []
    assert all(each.follows for each in forced)


def test_a_frame_that_fits_no_context_is_a_truncation_and_nothing_is_asked_for_it() -> None:
    entry, truth = traced("def f(n):\n    a = 'x' * n\n    return a\n", "f(2000)")
    small = Capabilities("parrot", "0", 1600, tolerance=1.0)
    forced = teacher_forced(Predictor(entry, Parrot(entry, truth, capabilities=small)), truth)
    slow = one_by_one(Predictor(entry, Parrot(entry, truth, capabilities=small)), truth)
    assert verdicts(truth, forced) == verdicts(truth, slow)
    assert any(isinstance(each.outcome, Trouble) for each in forced)


def test_the_end_is_not_judged_when_the_real_run_hit_a_limit(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    cut = Trace(truth.frames[:6], Trouble(TroubleKind.TRUNCATED, "limit of 6 frames"))
    forced = teacher_forced(Predictor(entry, Parrot(entry, truth)), cut)
    assert [each.index for each in forced] == [1, 2, 3, 4, 5]


# --- free-running -----


@pytest.mark.parametrize("wrong", [{}, {5: WRONG_LOCAL}, {5: NONSENSE}, {1: NONSENSE}, {5: WRONG_LINE}])
def test_a_rollout_that_begins_with_what_is_known_is_the_rollout(
    summed: tuple[Entry, Trace], wrong: dict[int, Markup]
) -> None:
    entry, truth = summed
    predictor = Predictor(entry, Parrot(entry, truth, wrong))
    quick = free_running(predictor, truth, teacher_forced(predictor, truth), 40)
    slow = rollout(Predictor(entry, Parrot(entry, truth, wrong)), truth.frames[:1], 40)
    assert len(quick.frames) == len(slow.frames)
    assert all(map(same_state, quick.frames, slow.frames))
    assert type(quick.end) is type(slow.end)


def test_a_rollout_ends_at_its_limit(summed: tuple[Entry, Trace]) -> None:
    entry, truth = summed
    predictor = Predictor(entry, Parrot(entry, truth))
    for found in (
        rollout(predictor, truth.frames[:1], 4),
        free_running(predictor, truth, teacher_forced(predictor, truth), 4),
    ):
        assert len(found.frames) == 4
        assert found.end == Trouble(TroubleKind.TRUNCATED, "limit of 4 frames")


@pytest.mark.slow
def test_the_rollouts_of_the_embedded_model_are_the_same_begun_either_way(engine: LocalEngine) -> None:
    for name in ("account", "nested"):
        entry, truth = traced((ROOT / "examples" / f"{name}.py").read_text("utf-8"), name=f"{name}.py")
        predictor = Predictor(entry, engine)
        quick = free_running(predictor, truth, teacher_forced(predictor, truth), 30)
        slow = rollout(Predictor(entry, engine), truth.frames[:1], 30)
        assert len(quick.frames) == len(slow.frames)
        assert all(map(same_state, quick.frames, slow.frames))
