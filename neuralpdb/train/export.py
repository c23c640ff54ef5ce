"""Export: the trainer's checkpoints in Hugging Face layout (transformers, vLLM, the engine) and in the compact one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.checkpoint import Geometry
from neuralpdb.engines.tokens import Token
from neuralpdb.train.model import Model
from neuralpdb.train.tokenizer import PAD, SPECIAL

ABOUT = "training.json"
"""File beside a Hugging Face checkpoint: what it was trained on and its figures."""


def config(geometry: Geometry, special: Mapping[str, int]) -> dict[str, Any]:
    """Return `config.json`, with every value that libraries would guess differently (layer types, end of text)."""
    return {
        "architectures": ["CwmForCausalLM"],
        "model_type": "cwm",
        "vocab_size": geometry.vocabulary,
        "hidden_size": geometry.hidden,
        "intermediate_size": geometry.ffn,
        "num_hidden_layers": geometry.layers,
        "num_attention_heads": geometry.heads,
        "num_key_value_heads": geometry.kv_heads,
        "head_dim": geometry.head_dim,
        "max_position_embeddings": geometry.context,
        "rms_norm_eps": geometry.eps,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_act": "silu",
        "layer_types": ["full_attention"] * geometry.layers,
        "sliding_window": geometry.context,
        "rope_parameters": {"rope_type": "default", "rope_theta": geometry.theta},
        "bos_token_id": special[Token.BEGIN.value],
        "eos_token_id": special[Token.END.value],
        "pad_token_id": special[PAD],
        "torch_dtype": "bfloat16",
    }


def _tokenizer_config(context: int) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": Token.BEGIN.value,
        "eos_token": Token.END.value,
        "pad_token": PAD,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "additional_special_tokens": list(SPECIAL[3:]),
    }


def write(net: Model, tokenizer: Path, target: Path, about: Mapping[str, Any]) -> None:
    """Write the model in Hugging Face layout (bf16) into `target`.

    tokenizer: a folder with `tokenizer.json`, or the file.
    """
    from safetensors.torch import save_file

    file = tokenizer / checkpoint.TOKENIZER if tokenizer.is_dir() else tokenizer
    vocabulary = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    special = {name: vocabulary[name] for name in SPECIAL}
    target.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.to("cpu", torch.bfloat16).contiguous() for name, tensor in net.state_dict().items()}
    save_file(weights, target / checkpoint.WEIGHTS, metadata={"format": "pt"})
    shutil.copyfile(file, target / checkpoint.TOKENIZER)
    facts = config(net.geometry, special)
    ids = {key: facts[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    for name, data in (
        (checkpoint.CONFIG, facts),
        ("generation_config.json", {**ids, "do_sample": False}),
        ("tokenizer_config.json", _tokenizer_config(net.geometry.context)),
        (ABOUT, dict(about)),
    ):
        (target / name).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def compact(source: Path, target: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the int8 form of a Hugging Face checkpoint; return its manifest, which holds every file's hash.

    The facts that the trainer wrote beside `source`, and `about`, go into the manifest. `target` is replaced in one
    rename.
    """
    noted = source / ABOUT
    trained_facts = json.loads(noted.read_text(encoding="utf-8")) if noted.is_file() else {}
    scratch = target.with_name(target.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    manifest = checkpoint.quantise(source, scratch, {**trained_facts, **about})
    shutil.rmtree(target, ignore_errors=True)
    scratch.replace(target)
    return manifest
