"""Tiny CWM: a random checkpoint of a few thousand numbers with the tokenizer that ships."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from neuralpdb.engines.local.checkpoint import embedded

CONFIG: dict[str, Any] = {
    "architectures": ["CwmForCausalLM"],
    "vocab_size": 1024,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
    "layer_types": ["full_attention"] * 3,
    "sliding_window": 8,
}

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


def write(target: Path, seed: int = 0, **changes: Any) -> Path:
    """Write a checkpoint in Hugging Face layout, with `changes` to the configuration."""
    target.mkdir(parents=True, exist_ok=True)
    config = {**CONFIG, **changes}
    (target / "config.json").write_text(json.dumps(config))
    shutil.copyfile(embedded() / "tokenizer.json", target / "tokenizer.json")
    save_file(_tensors(config, seed), target / "model.safetensors")
    return target


def _tensors(config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * (shape[-1] ** -0.5 if len(shape) == 2 else 0.2)

    hidden, ffn, d = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * d, config["num_key_value_heads"] * d
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (config["vocab_size"], hidden), "model.norm": (hidden,)}
    if not config.get("tie_word_embeddings"):
        shapes["lm_head"] = (config["vocab_size"], hidden)
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        shapes |= {layer + f"self_attn.{p}_proj": (n, hidden) for p, n in (("q", q), ("k", kv), ("v", kv))}
        shapes |= {layer + "self_attn.o_proj": (hidden, q), layer + "mlp.down_proj": (hidden, ffn)}
        shapes |= {layer + f"mlp.{p}_proj": (ffn, hidden) for p in ("gate", "up")}
        shapes |= {layer + f"{p}_layernorm": (hidden,) for p in ("input", "post_attention")}
    tensors = {f"{name}.weight": random(*shape).bfloat16() for name, shape in shapes.items()}
    return {name: t + 1 if t.ndim == 1 else t for name, t in tensors.items()}
