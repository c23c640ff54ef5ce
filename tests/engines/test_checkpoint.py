"""Checkpoints on disk: quantised, checked, expanded, and clear about what is wrong with them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_cwm
import torch
from safetensors.torch import load_file

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.checkpoint import Geometry, Rows
from neuralpdb.errors import ModelError


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cwm.write(tmp_path_factory.mktemp("hf") / "tiny")


@pytest.fixture
def packed(source: Path, tmp_path: Path) -> Path:
    checkpoint.quantise(source, tmp_path / "packed", {"name": "tiny-0", "licence": "MIT"})
    return tmp_path / "packed"


def test_the_shipped_weights_are_whole_and_small() -> None:
    path = checkpoint.embedded()
    manifest = checkpoint.read_manifest(path)
    checkpoint.check(path, manifest)
    assert set(manifest["files"]) == {p.name for p in path.iterdir()} - {checkpoint.MANIFEST}
    assert sum(facts["bytes"] for facts in manifest["files"].values()) < 36_000_000
    assert manifest["name"].startswith("mini-")
    assert manifest["licence"] == "MIT"


def test_quantised_rows_are_within_half_a_step_of_the_weight() -> None:
    weight = torch.randn(40, 64, generator=torch.Generator().manual_seed(1))
    weight[3] = 0
    weight[4] *= 1e4
    rows = checkpoint.quantise_rows(weight)
    assert rows.values.dtype == torch.int8
    assert rows.scale.dtype == torch.bfloat16
    # The rounded scale may be 2**-9 too small, which clips the greatest value by as much.
    allowed = rows.scale.float()[:, None] * 0.5 + weight.abs() * 2**-8
    assert bool(((rows.dense() - weight).abs() <= allowed).all())
    assert bool((rows.dense()[3] == 0).all())


def test_a_compact_checkpoint_loads_as_int8_rows_and_keeps_norms(source: Path, packed: Path) -> None:
    original, loaded = checkpoint.load(source), checkpoint.load(packed)
    assert loaded.name == "tiny-0"
    assert loaded.revision == checkpoint.sha256(packed / "model.safetensors")[:12] != original.revision
    assert loaded.tensors.keys() == original.tensors.keys()
    for name, was in original.tensors.items():
        now = loaded.tensors[name]
        assert isinstance(was, torch.Tensor)
        if isinstance(now, Rows):
            error = (now.dense() - was.float()).pow(2).mean().sqrt() / was.float().pow(2).mean().sqrt()
            assert float(error) < 0.01
        else:
            assert was.ndim == 1
            assert torch.equal(now, was)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "missing", "directory"])
def test_a_damaged_file_is_one_clear_line(packed: Path, name: str, damage: str) -> None:
    file = packed / name
    content = bytearray(file.read_bytes())
    file.unlink()
    if damage == "directory":
        file.mkdir()
    elif damage != "missing":
        content[len(content) // 2] ^= 1
        file.write_bytes({"flipped": bytes(content), "short": bytes(content[:-9]), "empty": b""}[damage])
    with pytest.raises(ModelError) as caught:
        checkpoint.load(packed)
    message = str(caught.value)
    assert str(file) in message
    assert "reinstall neuralpdb" in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format": "neuralpdb.checkpoint/99"}', "checkpoint/99"),
        ('{"format": "neuralpdb.checkpoint/1", "files": {}}', "does not list"),
    ],
)
def test_a_strange_manifest_is_refused(packed: Path, manifest: str, why: str) -> None:
    (packed / "manifest.json").write_text(manifest)
    with pytest.raises(ModelError, match=why):
        checkpoint.load(packed)


def test_a_hugging_face_checkpoint_with_damaged_weights_is_refused(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    (copy / "model.safetensors").write_bytes(b"\x10" * 100)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        checkpoint.load(copy)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"num_hidden_layers": 4, "layer_types": None}, r"model\.layers\.3\.input_layernorm\.weight is missing"),
        ({"intermediate_size": 65}, r"mlp\.gate_proj\.weight has shape \[64, 48\], config\.json says \[65, 48\]"),
        ({"vocab_size": 1000}, "embed_tokens"),
        ({"tie_word_embeddings": True}, ""),
    ],
)
def test_weights_that_are_not_of_the_configured_shape_are_refused(
    source: Path, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    (copy / "config.json").write_text(json.dumps({**tiny_cwm.CONFIG, **change}))
    if not why:
        assert checkpoint.load(copy).geometry.tied
        return
    with pytest.raises(ModelError, match=why):
        checkpoint.load(copy)


def test_no_directory_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        checkpoint.load(tmp_path / "nowhere")


def test_expanding_gives_the_hugging_face_form_once(packed: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "full"
    assert checkpoint.expand(packed, target) == target
    original, full = (load_file(d / "model.safetensors") for d in (source, target))
    assert {n: (t.shape, t.dtype) for n, t in full.items()} == {n: (t.shape, t.dtype) for n, t in original.items()}
    assert (target / "config.json").read_bytes() == (source / "config.json").read_bytes()
    written = (target / "model.safetensors").stat().st_mtime_ns
    assert checkpoint.expand(packed, target) == target
    assert (target / "model.safetensors").stat().st_mtime_ns == written
    assert [p.name for p in target.parent.iterdir()] == ["full"]  # no scratch directory is left


def test_expanding_goes_to_the_users_cache_under_the_hash(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_cache", lambda: tmp_path / "cache")
    target = checkpoint.expand(packed)
    assert target.parent == tmp_path / "cache"
    assert checkpoint.sha256(packed / "model.safetensors")[:16] in target.name


def test_an_interrupted_expansion_leaves_nothing(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Rows, "dense", stopped)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.expand(packed, tmp_path / "cache" / "full")
    assert list((tmp_path / "cache").iterdir()) == []


def test_expanding_where_nothing_can_be_written_is_a_model_error(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot write"):
        checkpoint.expand(packed, tmp_path / "file" / "full")


def test_a_hugging_face_checkpoint_is_its_own_expansion(source: Path) -> None:
    assert checkpoint.expand(source) == source


def test_geometry_reads_both_spellings_of_the_rotary_settings() -> None:
    new = Geometry.read({**tiny_cwm.CONFIG, "rope_parameters": tiny_cwm.LLAMA3})
    scaling = {k: v for k, v in tiny_cwm.LLAMA3.items() if k != "rope_theta"}
    old = Geometry.read({**tiny_cwm.CONFIG, "rope_parameters": None, "rope_theta": 500.0, "rope_scaling": scaling})
    assert new == old
    assert new.scaling is not None
    assert (new.theta, new.scaling.factor, new.scaling.original) == (500.0, 4.0, 32)


def test_geometry_reads_the_windows_of_layers() -> None:
    kinds = ["full_attention", "sliding_attention", "sliding_attention"]
    assert Geometry.read({**tiny_cwm.CONFIG, "layer_types": kinds}).windows == (None, 8, 8)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "yarn"),
        ({"rope_parameters": {}}, "rope_theta"),
        ({"layer_types": ["full_attention"]}, "layer_types"),
        ({"layer_types": ["linear_attention"] * 3}, "linear_attention"),
        ({"num_key_value_heads": 3}, "4 heads over 3"),
    ],
)
def test_what_the_engine_cannot_run_is_named(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        Geometry.read({**tiny_cwm.CONFIG, **change})


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ModelError, match="hidden_size"):
        Geometry.read({k: v for k, v in tiny_cwm.CONFIG.items() if k != "hidden_size"})


def test_the_command_quantises_shows_and_expands(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = tmp_path / "about.json"
    about.write_text(json.dumps({"name": "tiny-cli", "format": "something else"}))
    packed, full = tmp_path / "packed", tmp_path / "full"
    assert checkpoint.main(["quantise", str(source), str(packed), "--about", str(about)]) == 0
    assert checkpoint.main(["show", str(packed)]) == 0
    assert "tiny-cli, every hash matches" in capsys.readouterr().out
    assert checkpoint.main(["expand", str(packed), "--to", str(full)]) == 0
    assert (full / "model.safetensors").is_file()
    (packed / "config.json").write_text("{}")
    assert checkpoint.main(["show", str(packed)]) == 3
    assert "config.json is damaged" in capsys.readouterr().err
    assert checkpoint.main(["quantise", str(source), str(source)]) == 2


def test_reading_a_manifest_needs_no_torch() -> None:
    code = (
        "import sys, neuralpdb.engines.local.checkpoint as c; c.read_manifest(c.embedded()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
