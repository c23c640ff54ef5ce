"""The debugger on a real vLLM: what it predicts is what the embedded engine predicts, and it survives what servers do.

A slow lane of its own, `pytest -m vllm`: it installs vLLM for the CPU, once, and serves the embedded model with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from frame_sources import EXAMPLES
from places import ROOT
from prompt_texts import PROMPT, TRACE
from typing_session import Typing
from vllm_double import FILE, eventually
from vllm_server import Server

from neuralpdb.cli import main
from neuralpdb.engines.base import Engine, Finish, Sampling
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.tokens import Markup, Token, parsed, spelled
from neuralpdb.engines.vllm.engine import VllmEngine
from neuralpdb.errors import NotReady
from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup
from neuralpdb.fidelity.runner import Job, compared
from neuralpdb.fidelity.targets import find
from neuralpdb.predict.predictor import Predictor
from neuralpdb.predict.query import PredictionCost
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.limits import Limits
from neuralpdb.trace.frames import Frame, Outcome

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

STOP = (Token.FRAME, Token.END)
STRAWBERRY = ROOT / "examples" / "strawberry.py"
Run = tuple[list[Frame], Outcome, PredictionCost]
BLOCK = 32
"""Tokens of a block of the prefix cache: only whole ones are found again."""


@pytest.fixture(scope="module")
def engine(vllm_server: Server) -> Iterator[VllmEngine]:
    engine = VllmEngine.connect(vllm_server.url)
    yield engine
    engine.close()


def frames_of(text: str) -> list[Markup]:
    """A trace cut behind each frame separator."""
    found: list[list[str | Token]] = [[]]
    for piece in parsed(text):
        found[-1].append(piece)
        if piece is Token.FRAME:
            found.append([])
    return [tuple(frame) for frame in found]


def run_of(engine: Engine, name: str) -> Run:
    """An example from its first line to its end, as the engine predicts it."""
    predictor = Predictor(enter(Program.read(ROOT / "examples" / f"{name}.py")), engine)
    frames: list[Frame] = []
    outcome: Outcome = predictor.entry.first or predictor.next(frames)
    while isinstance(outcome, Frame):
        frames.append(outcome)
        outcome = predictor.next(frames)
    return frames, outcome, predictor.usage


@pytest.fixture(scope="module")
def runs(engine: VllmEngine) -> dict[str, Run]:
    """Every example on the server, all at the same time."""
    with ThreadPoolExecutor(len(EXAMPLES)) as threads:
        return dict(zip(EXAMPLES, threads.map(lambda name: run_of(engine, name), EXAMPLES), strict=True))


@pytest.fixture(scope="session")
def embedded() -> Future[dict[str, Run]]:
    """Every example on the embedded engine, predicted while the server is installed and started."""
    found: Future[dict[str, Run]] = Future()

    def work() -> None:
        try:
            engine = LocalEngine.load(threads=1)
            found.set_result({name: run_of(engine, name) for name in EXAMPLES})
        except BaseException as error:  # raised again in the test
            found.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_the_same_frames_as_on_the_embedded_engine(
    name: str, embedded: Future[dict[str, Run]], runs: dict[str, Run]
) -> None:
    """No difference is left to explain: their arithmetic differs, the frames do not."""
    frames, end, usage = embedded.result()[name]
    assert runs[name][0] == frames
    assert (runs[name][1], runs[name][2].overruled) == (end, usage.overruled)


def test_growing_histories_are_found_in_the_prefix_cache(
    runs: dict[str, Run],
) -> None:
    for frames, _, usage in runs.values():
        asked = len(frames) + usage.overruled
        assert usage.prompt_tokens - usage.cached_tokens < 3 * BLOCK * asked


def test_text_that_spells_special_tokens_is_sent_as_text(engine: VllmEngine) -> None:
    hostile = "a<|frame_sep|>b<|<|end_of_text|>|><|pad|><|unused_1020|> é € \x00\u2028" + spelled(Token)
    assert engine.count((hostile,)) == len(Vocabulary(FILE).encode((hostile,)).ids)
    prompt: Markup = (Token.BEGIN, Token.CONTEXT, f"\nx = {hostile!r}\n", Token.FRAME)
    said = engine.complete([prompt], stop=STOP, max_tokens=5)[0]
    assert said.prompt_tokens == len(Vocabulary(FILE).encode(prompt).ids)


def test_whatever_the_model_writes_is_sent_back_as_it_wrote_it(engine: VllmEngine) -> None:
    """Far from what it learned it writes broken letters and odd spellings: the cache knows them all the same."""
    wild = Sampling(temperature=2.0, seed=1)
    for said in engine.complete([PROMPT] * 4, stop=(), max_tokens=150, sampling=wild):
        assert (said.finish, len(said.logprobs)) == (Finish.LENGTH, 150)
        assert engine.count(said.text) == 150
        again = engine.complete([PROMPT + said.text], stop=(), max_tokens=1)[0]
        assert again.prompt_tokens == said.prompt_tokens + 150
        assert again.cached_tokens >= said.prompt_tokens + 150 - 2 * BLOCK


def test_the_whole_trace_comes_in_one_completion_with_its_end(engine: VllmEngine) -> None:
    said = engine.complete([PROMPT], stop=(Token.END,), max_tokens=400)[0]
    assert (spelled(said.text), said.finish) == (TRACE, Finish.STOP)
    cut = engine.complete([PROMPT], stop=(Token.END,), max_tokens=20)[0]
    assert (cut.finish, len(cut.logprobs)) == (Finish.LENGTH, 20)
    assert TRACE.startswith(spelled(cut.text))


def test_scores_agree_with_what_is_written_within_the_tolerance(engine: VllmEngine) -> None:
    """What greedy decoding wrote is judged greedy by both ways of scoring; measured: 0.00002 apart at most."""
    said = engine.complete([PROMPT], stop=(Token.END,), max_tokens=400)[0]
    wrong = parsed(TRACE.replace('"n": "1"', '"n": "7"'))
    whole, other = engine.score(PROMPT, [said.text, wrong])
    assert all(whole.greedy)
    assert min(whole.margins) > engine.capabilities.tolerance
    assert whole.logprobs == pytest.approx(said.logprobs, abs=1e-3)
    first = other.greedy.index(False)
    assert other.margins[first] < -engine.capabilities.tolerance
    prompt = PROMPT + said.text[:-1]
    for before, frame in ((prompt[:i], prompt[i : i + 5]) for i in (len(PROMPT) + 10, len(PROMPT) + 30)):
        by_step = engine.score(before, [frame])[0]
        start = engine.count(before) - engine.count(PROMPT)
        part = slice(start, start + len(by_step.logprobs))
        assert by_step.logprobs == pytest.approx(whole.logprobs[part], abs=1e-3)
        assert by_step.margins == pytest.approx(whole.margins[part], abs=1e-3)


def test_sixty_five_prompts_are_answered_thirty_two_at_a_time(engine: VllmEngine, vllm_server: Server) -> None:
    frames = frames_of(TRACE)[:-1]
    histories = [PROMPT + tuple(piece for frame in frames[:n] for piece in frame) for n in range(len(frames))]
    steps = vllm_server.metric("iteration_tokens_total_count")
    said = engine.complete(histories * 5, stop=STOP, max_tokens=60)
    steps = vllm_server.metric("iteration_tokens_total_count") - steps
    assert [each.text for each in said] == frames * 5
    tokens = sum(len(each.logprobs) for each in said)
    assert steps < tokens / 8  # one at a time, each token is a step of its own


def test_ctrl_c_ends_the_work_of_the_server(engine: VllmEngine, vllm_server: Server) -> None:
    def press() -> None:
        assert eventually(lambda: vllm_server.metric("num_requests_running") > 0, 30)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        engine.complete([PROMPT] * 3, stop=(), max_tokens=3000, sampling=Sampling(1.0))
    assert eventually(lambda: vllm_server.metric("num_requests_running") == 0, 5)
    assert engine.complete([PROMPT], stop=STOP, max_tokens=60)[0].text == frames_of(TRACE)[0]


# -- the command line -----------------------------------------------------------------------------------------


def compared_with(engine: Engine) -> list[Comparison]:
    """Three short examples, of which the model gets two wrong, beside their real runs."""
    capabilities = engine.capabilities
    setting = ComparisonSetup("any", capabilities.name, capabilities.revision, capabilities.context)
    targets = find([str(ROOT / "examples" / f"{name}.py") for name in ("account", "caught", "uncaught")])
    return list(compared(targets, Job(engine, setting, Limits(frames=100))))


def test_compare_comes_to_the_same_verdicts_as_with_the_embedded_engine(engine: VllmEngine) -> None:
    ours, theirs = compared_with(engine), compared_with(LocalEngine.load())
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.error, mine.steps is not None, mine.rollout is not None) == ("", True, True)
        assert mine.steps is not None and other.steps is not None
        assert [step.verdict for step in mine.steps] == [step.verdict for step in other.steps]
        assert mine.rollout is not None and other.rollout is not None
        assert mine.rollout.verdicts == other.rollout.verdicts
        assert (mine.rollout.divergence, mine.rollout.equal) == (other.rollout.divergence, other.rollout.equal)
        assert mine.cost.scored == other.cost.scored, "the same tokens"
    assert any(step.verdict.wrong for each in ours for step in each.steps or ())


def test_the_doctor_finds_nothing_wrong(vllm_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    code = main.main(["doctor", "--json", "--base-url", vllm_server.url, "--engine", "vllm"])
    report = json.loads(capsys.readouterr().out)
    assert (code, [each for each in report["checks"] if each["status"] == "failure"]) == (0, [])


def test_a_session_survives_a_restart_of_its_server(
    vllm_server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While vLLM loads it does not listen: the connection is refused, which is said; then the session goes on."""

    def loading() -> None:
        with pytest.raises(NotReady, match="connection refused"):
            VllmEngine.connect(vllm_server.url)

    typed = Typing(
        *("step", "step 2", vllm_server.stop, "step", vllm_server.begin, loading, "step", vllm_server.wait),
        *("step", "vars", "back", "next"),
    )
    monkeypatch.setattr(sys, "stdin", typed)
    handler = signal.getsignal(signal.SIGINT)
    code = main.main(["--model-only", "--engine", "vllm", "--base-url", vllm_server.url, str(STRAWBERRY)])
    signal.signal(signal.SIGINT, handler)
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if not line.startswith("    ")]
    assert (code, err) == (0, "")
    assert lines[2].endswith('(17)main() -> word = "strawberry"')
    assert ["connection refused" in line for line in lines[3:5]] == [True, True]
    assert lines[5].endswith("(18)main() -> count = count_letter(word, \"r\")  # word = 'strawberry'")
    assert lines[6] == "word = 'strawberry'"
    assert '(17)main() -> word = "strawberry"' in lines[7]
    assert lines[8].endswith("(18)main() -> count = count_letter(word, \"r\")  # word = 'strawberry'")
