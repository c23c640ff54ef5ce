"""Model: the CWM architecture in torch with Hugging Face parameter names, for training and batched decoding.

It knows tensors and geometry, nothing of text. The engine has its own forward pass, made for one sequence on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.checkpoint import Geometry
from neuralpdb.errors import ModelError


@dataclass
class Cache:
    """Keys and values of one layer while decoding, each [batch, kv heads, length, head dim]."""

    keys: Tensor
    values: Tensor

    def keep(self, rows: Tensor) -> None:
        """Keep only the sequences `rows` of the batch."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class Where(NamedTuple):
    """Positions of a forward pass.

    cos, sin: rotary factors [b or 1, 1, n, head dim / 2].
    rows, positions: index tensors [b, n] of the places written in the cache; None without one.
    mask: [b, 1, n, length], True where a token may look; None without a cache.
    """

    cos: Tensor
    sin: Tensor
    rows: Tensor | None = None
    positions: Tensor | None = None
    mask: Tensor | None = None


class Norm(nn.Module):
    """RMS norm."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Causal grouped-query attention with rotary positions, over the whole sequence."""

    def __init__(self, g: Geometry) -> None:
        super().__init__()
        self.head_dim = g.head_dim
        self.q_proj = nn.Linear(g.hidden, g.heads * g.head_dim, bias=False)
        self.k_proj = nn.Linear(g.hidden, g.kv_heads * g.head_dim, bias=False)
        self.v_proj = nn.Linear(g.hidden, g.kv_heads * g.head_dim, bias=False)
        self.o_proj = nn.Linear(g.heads * g.head_dim, g.hidden, bias=False)

    def forward(self, x: Tensor, where: Where, cache: Cache | None = None) -> Tensor:
        q, k, v = (self._heads(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj))
        q, k = _rotate(q, where), _rotate(k, where)
        if cache is None:
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            cache.keys[where.rows, :, where.positions] = k.transpose(1, 2).to(cache.keys.dtype)
            cache.values[where.rows, :, where.positions] = v.transpose(1, 2).to(cache.values.dtype)
            assert where.mask is not None
            n = where.mask.shape[-1]
            keys, values = cache.keys[:, :, :n].to(q.dtype), cache.values[:, :, :n].to(q.dtype)
            mixed = functional.scaled_dot_product_attention(q, keys, values, attn_mask=where.mask, enable_gqa=True)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)


def _rotate(x: Tensor, where: Where) -> Tensor:
    """Apply the rotary embedding in the half-split layout of Hugging Face's Llama family."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * where.cos - b * where.sin, b * where.cos + a * where.sin), dim=-1).to(x.dtype)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, g: Geometry) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(g.hidden, g.ffn, bias=False)
        self.up_proj = nn.Linear(g.hidden, g.ffn, bias=False)
        self.down_proj = nn.Linear(g.ffn, g.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """One pre-norm decoder layer."""

    def __init__(self, g: Geometry) -> None:
        super().__init__()
        self.input_layernorm = Norm(g.hidden, g.eps)
        self.self_attn = Attention(g)
        self.post_attention_layernorm = Norm(g.hidden, g.eps)
        self.mlp = FeedForward(g)

    def forward(self, x: Tensor, where: Where, cache: Cache | None = None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), where, cache)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Decoder(nn.Module):
    """Embedding, layers and final norm (`model.` in the checkpoint)."""

    def __init__(self, g: Geometry) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(g.vocabulary, g.hidden)
        self.layers = nn.ModuleList(Layer(g) for _ in range(g.layers))
        self.norm = Norm(g.hidden, g.eps)


class Model(nn.Module):
    """A CWM-like decoder with full attention. Raises ModelError for a geometry that is not trained here."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        if any(geometry.windows) or geometry.scaling or geometry.tied:
            raise ModelError("this geometry cannot be trained", "only full attention, plain rotary, untied embeddings")
        self.geometry = geometry
        self.model = Decoder(geometry)
        self.lm_head = nn.Linear(geometry.hidden, geometry.vocabulary, bias=False)
        cos, sin = _rotary_table(geometry)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.cos: Tensor
        self.sin: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits [batch, n, vocabulary] for ids [batch, n]."""
        n = ids.shape[1]
        where = Where(self.cos[None, None, :n], self.sin[None, None, :n])
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, where)
        logits: Tensor = self.lm_head(self.model.norm(x))
        return logits

    def extend(self, ids: Tensor, starts: Tensor, caches: Sequence[Cache], length: int) -> Tensor:
        """Return logits for ids [batch, n] at positions `starts` [batch] and on, after the tokens that the caches hold.

        length: number of cache places that any of them may see.
        """
        positions = starts[:, None] + torch.arange(ids.shape[1], device=ids.device)
        rows = torch.arange(ids.shape[0], device=ids.device)[:, None].expand_as(positions)
        visible = torch.arange(length, device=ids.device) <= positions[:, None, :, None]
        where = Where(self.cos[positions][:, None], self.sin[positions][:, None], rows, positions, visible)
        x = self.model.embed_tokens(ids)
        for layer, cache in zip(self.model.layers, caches, strict=True):
            x = layer(x, where, cache)
        logits: Tensor = self.lm_head(self.model.norm(x))
        return logits

    def caches(self, batch: int, length: int, dtype: torch.dtype) -> list[Cache]:
        """Return empty caches for `batch` sequences of up to `length` tokens."""
        g = self.geometry
        shape = (batch, g.kv_heads, length, g.head_dim)
        return [
            Cache(*(torch.zeros(shape, dtype=dtype, device=self.cos.device) for _ in range(2))) for _ in range(g.layers)
        ]


def _rotary_table(g: Geometry) -> tuple[Tensor, Tensor]:
    inverse = g.theta ** -(torch.arange(0, g.head_dim, 2).float() / g.head_dim)
    angles = torch.arange(g.context).float()[:, None] * inverse
    return angles.cos(), angles.sin()


def initialise(model: Model, seed: int) -> None:
    """Set fresh weights with small outputs of every residual branch, so that depth does not amplify at the start."""
    generator = torch.Generator().manual_seed(seed)
    branches = 2 * model.geometry.layers
    for name, p in model.named_parameters():
        if p.ndim < 2:
            continue
        if "embed_tokens" in name:
            std = 0.02
        elif "o_proj" in name or "down_proj" in name:
            std = 0.02 / math.sqrt(branches)
        else:
            std = 0.6 / math.sqrt(p.shape[1])
        with torch.no_grad():
            p.copy_(torch.randn(p.shape, generator=generator) * std)


def load(path: Path) -> Model:
    """Return the model of a checkpoint directory, Hugging Face or compact, in fp32. Raises ModelError."""
    stored = checkpoint.load(path)
    model = Model(stored.geometry)
    dense = {
        name: tensor.dense() if isinstance(tensor, checkpoint.Rows) else tensor.float()
        for name, tensor in stored.tensors.items()
    }
    try:
        model.load_state_dict(dense)
    except RuntimeError as e:
        raise ModelError(f"{path} does not hold the weights of its configuration: {str(e).splitlines()[0]}") from None
    return model


@torch.inference_mode()
def complete(
    model: Model, prompts: Sequence[Sequence[int]], limits: Sequence[int], end: int, batch: int = 0
) -> list[list[int]]:
    """Return the greedy continuation of each prompt, up to and including `end` or to `limits` tokens in all.

    Prompts of like length are decoded together, `batch` at a time (by default as many as suit the device); the model's
    context bounds every limit.
    """
    batch = batch or (128 if model.cos.device.type == "cuda" else 32)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    continuations: list[list[int]] = [[] for _ in prompts]
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        batch_replies = _complete_together(model, [prompts[i] for i in chosen], [limits[i] for i in chosen], end)
        for i, reply in zip(chosen, batch_replies, strict=True):
            continuations[i] = reply
    return continuations


def _complete_together(
    model: Model, prompts: Sequence[Sequence[int]], limits: Sequence[int], end: int
) -> list[list[int]]:
    device = model.cos.device
    room = [min(limit, model.geometry.context) - len(prompt) for prompt, limit in zip(prompts, limits, strict=True)]
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    widest = int(lengths.max())
    ids = torch.zeros(len(prompts), widest, dtype=torch.long, device=device)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.tensor(prompt, device=device)
    longest = max(len(prompt) + max(tokens_left, 0) for prompt, tokens_left in zip(prompts, room, strict=True))
    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    caches = model.caches(len(prompts), max(longest, widest), kind)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        logits = model.extend(ids, torch.zeros_like(lengths), caches, widest)
        latest = logits[torch.arange(len(prompts), device=device), lengths - 1].argmax(-1)
        return _decode(model, latest, lengths, caches, room, end)


def _decode(
    model: Model, latest: Tensor, places: Tensor, caches: list[Cache], room: Sequence[int], end: int
) -> list[list[int]]:
    """Go on token by token from `latest`, which belongs at `places`; sequences that are done leave the batch."""
    replies: list[list[int]] = [[] for _ in room]
    active = list(range(len(room)))
    while active:
        tokens = latest.tolist()
        for row, token in zip(active, tokens, strict=True):
            if room[row] > 0:
                replies[row].append(token)
        on = [k for k, row in enumerate(active) if tokens[k] != end and len(replies[row]) < room[row]]
        if len(on) < len(active):
            rows = torch.tensor(on, device=latest.device, dtype=torch.long)
            active = [active[k] for k in on]
            latest, places = latest[rows], places[rows]
            for cache in caches:
                cache.keep(rows)
        if active:
            logits = model.extend(latest[:, None], places, caches, int(places.max()) + 1)
            latest, places = logits[:, -1].argmax(-1), places + 1
    return replies
