"""Training on a tiny model: the loss falls, an interrupted run goes on exactly, the export is what was trained."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import train_samples
from torch import Tensor

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.checkpoint import Geometry
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.engines.tokens import Token
from neuralpdb.train import cases, evaluate, export, model, optimiser
from neuralpdb.train.fit import Feed, Plan, Trainer, loss_of
from neuralpdb.train.tokenizer import Encoder

TOKENIZER = checkpoint.embedded() / checkpoint.TOKENIZER
TINY = Geometry(
    vocabulary=1024, hidden=32, ffn=64, layers=2, heads=4, kv_heads=2, head_dim=8, context=768,
    eps=1e-5, theta=1e5, windows=(None, None),
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def tiny(seed: int = 1) -> model.Model:
    net = model.Model(TINY)
    model.initialise(net, seed)
    return net


def plan(folder: Path, **changes: Any) -> Plan:
    folder.mkdir(exist_ok=True)
    made = Plan(train_samples.recipe(folder), workers=1, steps=4, micro=2, warm_up=2, compile=False)
    return replace(made, **changes)


class Quiet(Trainer):
    """Exports nothing, to be fast."""

    def export(self, *, wait: bool = False) -> None:
        pass


class Interrupted(Quiet):
    """Saves and stops before its third step."""

    def _step(self, feed: Feed, done: float) -> None:
        if self.progress.step == 2:
            self.save()
            raise KeyboardInterrupt
        super()._step(feed, done)


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    settings = plan(tmp_path / "data", last_length=768, last_share=0.25)
    whole = Quiet(settings, tmp_path / "whole", tiny(), [])
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        Interrupted(settings, tmp_path / "parts", tiny(), []).run()
    resumed = Quiet(settings, tmp_path / "parts", tiny(seed=9), [], resume=True)
    resumed.run()
    assert resumed.progress.step == whole.progress.step == 4
    for (name, a), b in zip(whole.net.state_dict().items(), resumed.net.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    events = [json.loads(line)["event"] for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert events == ["start", "first step", "stage", "step", "end"]


@pytest.mark.slow
def test_the_loss_falls_and_the_compact_form_is_there_at_the_end(tmp_path: Path) -> None:
    trainer = Trainer(plan(tmp_path / "data", steps=12, lr=0.02), tmp_path / "run", tiny(), [])
    first = loss_of(trainer.net, _batch(tmp_path)).item()
    trainer.run()
    assert loss_of(trainer.net, _batch(tmp_path)).item() < first - 1.0
    assert checkpoint.load(tmp_path / "run" / "compact").geometry == TINY


def _batch(folder: Path) -> Tensor:
    from neuralpdb.train.data import chunks

    return torch.from_numpy(next(chunks(train_samples.recipe(folder), 5)).view("int16"))


def test_only_marked_tokens_carry_loss() -> None:
    net = tiny()
    ids = torch.arange(1, 9)
    marked = ids.clone()
    marked[5:] |= 0x8000
    stored = marked.to(torch.int32).to(torch.int16)[None]
    logits = net(ids[None, :-1])[0].log_softmax(-1)
    want = -logits[[4, 5, 6], ids[5:]].mean()
    torch.testing.assert_close(loss_of(net, stored), want)


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    rates = [optimiser.rate(1.0, step, step / 100, warm_up=10, flat=0.5) for step in range(101)]
    assert rates[0] == 0.1 and rates[10] == rates[49] == 1.0 and rates[75] == 0.5 and rates[100] == 0.0


def test_orthogonal_pushes_singular_values_towards_one() -> None:
    values = torch.linalg.svdvals(optimiser.orthogonal(torch.randn(2, 24, 64)).float())
    assert values.min() > 0.5 and values.max() < 1.4


# --- export -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[model.Model, Path]:
    folder = tmp_path_factory.mktemp("export")
    net = tiny()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.bfloat16())
    export.write(net, TOKENIZER, folder / "hf", {"steps": 3})
    return net, folder / "hf"


def _prompt() -> tuple[str | Token, ...]:
    return (Token.BEGIN, Token.CONTEXT, "\ndef f(x):\n    return x\n", Token.FRAME, Token.CALL, '{"x": "1"}')


@torch.no_grad()
def test_the_engine_computes_what_was_trained(exported: tuple[model.Model, Path]) -> None:
    net, folder = exported
    engine = LocalEngine.load(folder)
    (score,) = engine.score(_prompt(), [(Token.ACTION, "def f(x):\n", Token.FRAME)])
    ids = Encoder.read(TOKENIZER).encode((*_prompt(), Token.ACTION, "def f(x):\n", Token.FRAME))
    logits = net(torch.tensor([ids]))[0].log_softmax(-1)
    n = len(score.logprobs)
    want = [logits[i - 1, ids[i]].item() for i in range(len(ids) - n, len(ids))]
    assert score.logprobs == pytest.approx(want, abs=2e-3)


@torch.no_grad()
def test_transformers_computes_what_was_trained(exported: tuple[model.Model, Path]) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    net, folder = exported
    other = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([Encoder.read(TOKENIZER).encode(_prompt())])
    torch.testing.assert_close(other(ids).logits, net(ids), atol=2e-3, rtol=0)


def test_the_compact_form_carries_hash_and_figures_and_loads(
    exported: tuple[model.Model, Path], tmp_path: Path
) -> None:
    net, folder = exported
    manifest = export.compact(folder, tmp_path / "compact", {"name": "tiny", "figures": {"frame_exact": 0.5}})
    assert (manifest["steps"], manifest["figures"]) == (3, {"frame_exact": 0.5})
    loaded = model.load(tmp_path / "compact")
    ids = torch.tensor([Encoder.read(TOKENIZER).encode(_prompt())])
    torch.testing.assert_close(loaded(ids), net(ids), atol=0.1, rtol=0)


@torch.no_grad()
def test_decoding_with_a_cache_equals_the_whole_forward_pass() -> None:
    net = tiny()
    prompts = [[5, 6, 7], [9], [3, 1, 4, 1, 5]]
    found = model.complete(net, prompts, [12, 9, 0], end=-1, batch=2)
    assert [len(reply) for reply in found] == [9, 8, 0]
    for prompt, reply in zip(prompts, found, strict=True):
        ids = list(prompt)
        for token in reply:
            assert int(net(torch.tensor([ids]))[0, -1].argmax()) == token
            ids.append(token)


# --- evaluation ---------------------------------------------------------------------------------------------------


def _case(source: str, call: str) -> cases.Case:
    from neuralpdb.train.documents import called

    found = called(source, call)
    assert found is not None and found.marked is not None
    return cases.Case("x", found.lines, found.marked, found.frames, False)


def test_a_model_that_is_always_right_gets_every_part_and_one_wrong_value_costs_its_frame() -> None:
    encoder = Encoder.read(TOKENIZER)
    case = _case("def f(n):\n    s = 'ab' * n\n    if n:\n        return s\n", "f(2)")
    text = evaluate.text_of(case, encoder)
    figures = evaluate.Figures()
    words = [*text.ids[1:], 0]
    evaluate.count(figures, text, words, encoder)
    assert all(right == total > 0 for right, total in map(figures.parts.of, evaluate.PARTS[:-1]))
    frame, _, start, end = next(f for f in text.frames if "s" in f[0].locals)
    place = next(i for i in range(start, end) if text.ids[i] == encoder.text("b")[0])
    words[place - 1] += 1
    figures = evaluate.Figures()
    evaluate.count(figures, text, words, encoder)
    total = len(text.frames)
    assert frame.line == 3 and figures.parts.of("frame") == (total - 1, total)
    assert figures.parts.of("state") == (total - 1, total) and figures.parts.of("action") == (total, total)
    assert figures.constructs.of("Assign") == (0, 1) and figures.parts.of("trace") == (0, 1)
    assert figures.values.of("str") == (2, 3) and figures.values.of("int") == (1, 1)


def test_running_free_counts_results_of_every_case(tmp_path: Path) -> None:
    found = [_case("def f(n):\n    return n\n", "f(2)"), _case("def f(n):\n    return n + 1\n", "f(2)")]
    figures = evaluate.free_running(tiny(), found, Encoder.read(TOKENIZER))
    assert figures.parts.of("result") == (0, 2) and figures.parts.of("trace") == (0, 2)


def test_cases_are_read_from_both_kinds_of_files(tmp_path: Path) -> None:
    from_corpus = cases.recorded(train_samples.corpus(tmp_path), limit=2)
    rows = [{"id": "a", "source": "def f(s):\n    return [c for c in {s, 'b'}]\n", "call": "f('a')"}]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (one,) = cases.recorded(tmp_path / "x.jsonl")
    assert [case.frames[-1].value for case in from_corpus] == ["5", "['AB!', 'C!']"]
    assert one.comprehensions and one.id == "a" and len(one.frames) == 6
    assert cases.recorded(tmp_path / "x.jsonl")[0].frames == one.frames  # sets too: the hash seed is fixed


# --- command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--out", "x"], "how long to train"),
        (["fit", "--out", "x", "--steps", "1", "--corpus", "missing.jsonl.gz"], "missing.jsonl.gz"),
        (["fit", "--out", "x", "--steps", "1", "--init", "nowhere"], "nowhere"),
        (["fit", "--out", "x", "--steps", "1", "--hidden", "33"], "--hidden 33"),
        (["fit", "--out", "x", "--steps", "1", "--last-seq", "3000"], "--last-seq 3000"),
        (["fit", "--out", "x", "--steps", "1", "--resume"], "nothing to resume"),
        (["export", "nowhere", "x"], "no checkpoint in nowhere"),
        (["data", "--tokenizer", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_arguments_give_one_clear_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from neuralpdb.train import __main__

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["neuralpdb.train", *arguments])
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1


def test_the_help_needs_neither_torch_nor_a_checkpoint() -> None:
    code = "import sys, neuralpdb.train.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
