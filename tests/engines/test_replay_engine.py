"""Recordings: what an engine said is said again, word for word, and nothing else is."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.engines.base import GREEDY, Capabilities, Completion, Drafter, Finish, Sampling, Score
from neuralpdb.engines.deferred import DeferredEngine
from neuralpdb.engines.replay import RecordingEngine, ReplayEngine, as_json, from_json
from neuralpdb.engines.scripted import ScriptedEngine
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import ModelError

PROMPT: Markup = (Token.BEGIN, "x = '<|frame_sep|>'\n", Token.FRAME)
LINE: Markup = (Token.LINE, '{"a": "é\ud800"}', Token.ACTION, "y\n", Token.FRAME)
STOP = (Token.END, Token.FRAME)


@dataclass
class Parrot(ScriptedEngine):
    """Says the prompt's number of pieces, how it was sampled, and how often it was asked."""

    asked: list[Sampling] = field(default_factory=list)

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
        self.asked.append(sampling)
        text = f"{len(prompts[0])} {sampling.temperature} {sampling.seed} {len(self.asked)}"
        enough = max_tokens >= 4
        said: Markup = (*LINE[:1], text, Token.FRAME) if enough else (Token.LINE,)
        logprobs = (-0.1, -1 / 3, -2e-9, -math.inf)[:max_tokens]
        return [Completion(said, Finish.STOP if enough else Finish.LENGTH, logprobs, 11, 7, 4) for _ in prompts]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "said.jsonl"


def record(file: Path, prompt: Markup = PROMPT, *, max_tokens: int = 9, sampling: Sampling = GREEDY) -> Completion:
    recorder = RecordingEngine(Parrot([]), file)
    said = recorder.complete([prompt], stop=STOP, max_tokens=max_tokens, sampling=sampling)[0]
    recorder.close()
    return said


def replay(file: Path, prompt: Markup = PROMPT, *, max_tokens: int = 9, sampling: Sampling = GREEDY) -> Completion:
    return ReplayEngine(file).complete([prompt], stop=STOP, max_tokens=max_tokens, sampling=sampling)[0]


def test_a_completion_comes_back_whole(file: Path) -> None:
    said, again = record(file), replay(file)
    assert again.text == said.text
    assert again.logprobs[:3] == said.logprobs[:3]
    assert again.logprobs[3] == -1e30  # JSON has no infinity
    assert (again.finish, again.prompt_tokens, again.cached_tokens, again.passes) == (Finish.STOP, 11, 7, 4)


def test_scores_and_counts_come_back(file: Path) -> None:
    recorder = RecordingEngine(ScriptedEngine([], likes=[LINE]), file)
    other: Markup = ("z",)
    scores = recorder.score(PROMPT, [LINE, other])
    counts = [recorder.count(m) for m in (PROMPT, LINE, ())]
    recorder.close()
    player = ReplayEngine(file)
    assert player.score(PROMPT, [other]) + player.score(PROMPT, [LINE]) == [scores[1], scores[0]]
    assert [player.count(m) for m in (PROMPT, LINE, ())] == counts
    with pytest.raises(ModelError, match="holds no score"):
        player.score(LINE, [other])


def test_a_count_that_was_not_recorded_is_estimated(file: Path) -> None:
    record(file)
    assert ReplayEngine(file).count((Token.LINE, "abcdefg")) == 1 + 3


def test_the_model_is_named_in_the_header(file: Path) -> None:
    record(file)
    header = json.loads(file.read_text().splitlines()[0])
    assert header["format"] == "neuralpdb.replay/1"
    assert ReplayEngine(file).capabilities == Capabilities(**header["model"]) == ScriptedEngine([]).capabilities


def test_text_that_spells_a_token_is_another_prompt_than_the_token(file: Path) -> None:
    record(file, (Token.BEGIN, "a", Token.FRAME))
    with pytest.raises(ModelError, match="holds no completion"):
        replay(file, (Token.BEGIN, "a", "<|frame_sep|>"))
    with pytest.raises(ModelError, match="holds no completion"):
        replay(file, (Token.BEGIN, "a<|frame_sep|>"))


def test_what_was_not_asked_is_an_error_that_shows_the_prompts_end(file: Path) -> None:
    record(file)
    with pytest.raises(ModelError) as caught:
        replay(file, (Token.BEGIN, "something else\n"))
    assert "something else" in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_are_told_apart_by_temperature_and_seed_and_greedy_has_no_seed(file: Path) -> None:
    samplings = [Sampling(0.5, 1), Sampling(0.5, 2), Sampling(0.7, 1), GREEDY]
    said = [record(file, sampling=s).text for s in samplings]
    assert [replay(file, sampling=s).text for s in samplings] == said
    assert replay(file, sampling=Sampling(0.0, 99)).text == said[3]
    with pytest.raises(ModelError):
        replay(file, sampling=Sampling(0.5, 3))


def test_a_finished_reply_answers_any_limit_that_it_fits(file: Path) -> None:
    record(file, max_tokens=2)
    assert replay(file, max_tokens=2).finish is Finish.LENGTH
    with pytest.raises(ModelError):
        replay(file, max_tokens=3)  # a cut reply says nothing about another limit
    record(file, max_tokens=9)
    assert replay(file, max_tokens=4).finish is Finish.STOP
    assert replay(file, max_tokens=1000).finish is Finish.STOP
    assert replay(file, max_tokens=2).finish is Finish.LENGTH


def test_recording_goes_on_in_a_file_of_the_same_model_and_repeats_nothing(file: Path) -> None:
    record(file)
    lines = len(file.read_text().splitlines())
    record(file)
    assert len(file.read_text().splitlines()) == lines
    record(file, LINE)
    assert len(file.read_text().splitlines()) == lines + 1
    assert replay(file).text == replay(file).text
    assert replay(file, LINE)


def test_recording_into_another_models_file_is_refused(file: Path) -> None:
    record(file)
    recorder = RecordingEngine(ScriptedEngine([LINE], context=5), file)
    with pytest.raises(ModelError, match="record into another file"):
        recorder.complete([PROMPT], stop=STOP, max_tokens=9)


def test_recording_where_nothing_can_be_written_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot write"):
        record(tmp_path / "missing" / "said.jsonl")


def test_every_line_is_on_disk_at_once(file: Path) -> None:
    recorder = RecordingEngine(ScriptedEngine([LINE]), file)
    recorder.complete([PROMPT], stop=STOP, max_tokens=9)
    assert replay(file).text == LINE  # the recorder is still open


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2"),
        ("[]", "line 2: not a record \\(not a JSON object"),
        ("{}", "line 2: not a record \\(KeyError: 'kind'"),
        ('{"kind": "poem", "key": ""}', "unknown kind 'poem'"),
        ('{"kind": "count", "key": "k", "tokens": "many"}', "line 2: not a record \\(ValueError"),
        ('{"kind": "complete", "key": "k", "max_tokens": 1, "text": [{"t": "NOPE"}]}', "NOPE"),
        ('{"kind": "complete", "key": "k", "max_tokens": 1, "text": [7]}', "line 2"),
    ],
)
def test_a_damaged_line_is_named(file: Path, line: str, why: str) -> None:
    record(file)
    header, rest = file.read_text().split("\n", 1)
    file.write_text(f"{header}\n{line}\n{rest}")
    with pytest.raises(ModelError, match=why):
        ReplayEngine(file)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"hello\n", b'{"format": "x"}\n', b"\xff\xfe\n", b"{}\n"])
def test_a_file_that_is_no_recording_is_refused(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(ModelError) as caught:
        ReplayEngine(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_a_model_error(file: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*said\.jsonl"):
        ReplayEngine(file)


@given(st.lists(st.one_of(st.sampled_from(Token), st.text(st.characters(exclude_categories=())))))
def test_markup_survives_json(pieces: list[str | Token]) -> None:
    assert from_json(json.loads(json.dumps(as_json(tuple(pieces))))) == tuple(pieces)


def test_a_score_of_nothing_is_kept(file: Path) -> None:
    recorder = RecordingEngine(ScriptedEngine([]), file)
    assert recorder.score(PROMPT, [()]) == [Score((), (), (), ())]
    assert ReplayEngine(file).score(PROMPT, [()]) == [Score((), (), (), ())]


def test_a_recorder_is_ready_when_its_engine_is_and_has_it_loaded(file: Path) -> None:
    recorder = RecordingEngine(Parrot([]), file)
    recorder.begin()
    assert recorder.ready, "an engine that is made at once"
    loading = RecordingEngine(DeferredEngine(lambda: Parrot([])), file)
    ready = [loading.ready]
    loading.begin()
    assert loading.count(PROMPT) == Parrot([]).count(PROMPT)
    ready.append(loading.ready)
    assert ready == [False, True]
    for engine in (recorder, loading):
        engine.close()
