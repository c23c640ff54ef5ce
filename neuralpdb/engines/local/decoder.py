"""The forward pass of the embedded model in plain torch on the CPU, with its key-value cache.

Owns numbers only: token ids and positions in, logits out. What is in the cache, and when to trust it, is its caller's
business. Attention heads share keys (GQA), norms are RMSNorm, the feed-forward is SwiGLU, positions are rotary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from neuralpdb.engines.local.checkpoint import Checkpoint, Geometry, Rows
from neuralpdb.engines.local.threads import Crew, default_threads

FEW = 32
"""Up to so many tokens in one pass the int8 weights are faster than fp32 ones (bench/engine.py measures it)."""

TIE = 1e-3
"""Logits that are closer than this may change places by rounding."""

BLOCK = 128
"""Slots are looked at in whole blocks of so many by the passes of few tokens, see `Decoder.few`."""


class Decoder:
    """One sequence and its keys and values.

    passes: forward passes made so far; computed: tokens that went through them.
    """

    def __init__(self, checkpoint: Checkpoint, *, int8: bool | None = None, threads: int | None = None) -> None:
        # Passes of few and of many tokens are not comparable, and suffer differently from other programs.
        self.crew, self.many = (Crew(threads or default_threads()) for _ in range(2))
        g = self.geometry = checkpoint.geometry
        self.passes = 0
        self.computed = 0
        self.int8 = int8_works() if int8 is None else int8
        self._together = attention_is_alike(g)
        weights = _Weights(checkpoint, self.int8)
        self._embedding = weights.dense("model.embed_tokens")
        self._head = self._embedding if g.tied else weights.dense("lm_head")
        self._norm = weights.dense("model.norm")
        self._layers = [_layer(weights, g, i) for i in range(g.layers)]
        self._turns = rotations(g)
        # Keys, then values, of each token, side by side; pages never written to cost no memory. Zeros: a slot that is
        # not used yet is looked at, with no weight.
        self._cache = torch.zeros(g.layers, self.slots, 2 * g.kv_heads, g.head_dim)
        self._positions = torch.empty(self.slots, dtype=torch.long)
        heads_first = self._cache.transpose(1, 2)[:, None]
        self._keys = heads_first[:, :, : g.kv_heads].unbind()
        self._values = heads_first[:, :, g.kv_heads :].unbind()

    @property
    def slots(self) -> int:
        """Tokens that the cache holds: a whole context, and as many again for branches."""
        return 2 * self.geometry.context

    def forward(self, ids: Sequence[int], start: int, first: int = 0) -> torch.Tensor:
        """Logits fp32 [len(ids) - first, vocabulary] of the tokens `first` and later.

        ids are written to the cache from slot `start` on, which is also their position; each sees all before it.
        """
        n = len(ids)
        positions = torch.arange(start, start + n)
        seen = torch.cat((torch.ones(n, start, dtype=torch.bool), _causal(n)), dim=1)
        return self._run(ids, start, positions, seen, first)

    def few(self, ids: Sequence[int], start: int, first: int = 0) -> torch.Tensor:
        """As `forward`, for at most `FEW` tokens within one block of slots: `rest_of_block(start)` tells how many.

        The keys and values it leaves are bit for bit those of one token after another, whatever the division into
        passes: weights multiply row by row, and every token attends to the same whole blocks. The logits agree to
        rounding, of fp32, and in which of them is the greatest. So what greedy decoding would write can be told from
        passes over a given text.
        """
        assert 0 < len(ids) <= min(FEW, rest_of_block(start))
        return self._run(ids, start, torch.arange(start, start + len(ids)), None, first)

    def tree(self, ids: Sequence[int], start: int, positions: Sequence[int], seen: torch.Tensor) -> torch.Tensor:
        """Logits fp32 [len(ids), vocabulary] of tokens that do not follow one another.

        ids are written to the cache from slot `start` on. seen: bool [len(ids), start + len(ids)], which slots each
        one sees (its own included).
        """
        return self._run(ids, start, torch.tensor(positions), seen, 0)

    def branches(self, root: int, tails: Sequence[Sequence[int]], start: int) -> torch.Tensor:
        """Logits fp32 [1 + all tails, vocabulary] of one root token and tails that follow it and do not see each other.

        Cache from `start` on: the root, then the tails one after another (see `keep`).
        """
        n = 1 + sum(map(len, tails))
        seen = torch.zeros(n, start + n, dtype=torch.bool)
        seen[:, : start + 1] = True
        positions, at = [start], start + 1
        for tail in tails:
            row = at - start
            seen[row : row + len(tail), at : at + len(tail)] = _causal(len(tail))
            positions += range(start + 1, start + 1 + len(tail))
            at += len(tail)
        return self.tree([root, *(i for tail in tails for i in tail)], start, positions, seen)

    def keep(self, source: int, target: int, n: int) -> None:
        """Move `n` cache entries from `source` to `target` (a branch becomes the sequence)."""
        self._cache[:, target : target + n] = self._cache[:, source : source + n].clone()

    def _masks(self, start: int, seen: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """For each window in use an additive mask fp32 [heads per group * n, start + n]; seen: bool [n, start + n]."""
        where = self._positions[: seen.shape[1]]
        masks = {}
        for window in set(self.geometry.windows):
            allowed = seen if window is None else seen & (where[None] > where[start:, None] - window)
            mask = torch.zeros(seen.shape).masked_fill_(~allowed, -math.inf)
            masks[window] = mask.repeat(self.geometry.heads // self.geometry.kv_heads, 1)
        return masks

    def _steps(self, start: int, n: int) -> dict[int | None, torch.Tensor]:
        """For each window in use an additive mask fp32 [heads per group * n, end of the block] of tokens in a row."""
        slots = torch.arange(start + rest_of_block(start))
        own = torch.arange(start, start + n)[:, None]
        masks = {}
        for window in set(self.geometry.windows):
            unseen = slots > own if window is None else (slots > own) | (slots <= own - window)
            mask = torch.zeros(unseen.shape).masked_fill_(unseen, -math.inf)
            masks[window] = mask.repeat(self.geometry.heads // self.geometry.kv_heads, 1)
        return masks

    def _run(
        self, ids: Sequence[int], start: int, positions: torch.Tensor, seen: torch.Tensor | None, first: int
    ) -> torch.Tensor:
        """seen None: tokens of one block that follow one another and see all of it."""
        few, end = len(ids) <= FEW, start + len(ids)
        # Measured: a pass costs so much a token and a constant; attention doubles a long one at context 4,000.
        weight = len(ids) + 2.5 if few else (len(ids) + 27) * (1 + end / 4000)
        with (self.crew if few else self.many).at_work(weight):
            logits = self._compute(ids, start, positions, seen, first)
        self.passes += 1
        self.computed += len(ids)
        return logits

    def _compute(
        self, ids: Sequence[int], start: int, positions: torch.Tensor, seen: torch.Tensor | None, first: int
    ) -> torch.Tensor:
        g, n = self.geometry, len(ids)
        self._positions[start : start + n] = positions
        if seen is None:
            masks, end = self._steps(start, n), start + rest_of_block(start)
            attend = attention if self._together else attention_by_row
        else:
            masks, attend, end = self._masks(start, seen), attention, start + n
        turns = self._turns[positions]
        turns = torch.cat(
            (turns.expand(-1, g.heads + g.kv_heads, -1), turns.new_ones(n, g.kv_heads, turns.shape[-1])), 1
        )
        x = self._embedding[torch.tensor(ids)]
        for layer, cache, keys, values in zip(self._layers, self._cache, self._keys, self._values, strict=True):
            q, cache[start : start + n] = layer.project(x, turns)
            mixed = attend(q, keys[:, :, :end], values[:, :, :end], masks[layer.window])
            x = layer.finish(x, mixed)
        rest = norm(x[first:], self._norm, g.eps)
        logits = F.linear(rest, self._head)
        return self._decided(logits, rest) if seen is None and len(rest) > 1 else logits

    def _decided(self, logits: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Logits of several tokens, near ties computed again as those of one token are: the greatest is the same."""
        best = logits.topk(2, dim=-1).values
        for i in (best[:, 0] - best[:, 1] < TIE).nonzero()[:, 0].tolist():
            logits[i] = F.linear(rest[i : i + 1], self._head)[0]
        return logits


def attention(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax attention of q [n, heads, d] over keys, values [1, kv heads, s, d] -> [n, heads * d].

    The heads that share keys are laid out as further rows of queries: one plain attention, no repeated keys.
    mask: additive [heads per group * n, s].
    """
    n, heads, d = q.shape
    groups = keys.shape[1]
    rows = q.view(n, groups, -1, d).permute(1, 2, 0, 3).reshape(1, groups, -1, d)
    out = F.scaled_dot_product_attention(rows, keys, values, mask[None, None])
    return out.view(groups, -1, n, d).permute(2, 0, 1, 3).reshape(n, heads * d)


def attention_by_row(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The same for each of the n queries by itself, as one of a batch: no result depends on the others."""
    n, heads, d = q.shape
    rows = q.view(n, keys.shape[1], -1, d)
    keys, values = keys.expand(n, -1, -1, -1), values.expand(n, -1, -1, -1)
    own = mask.view(-1, n, 1, mask.shape[-1])[0][:, None]
    return F.scaled_dot_product_attention(rows, keys, values, own).reshape(n, heads * d)


def attention_is_alike(g: Geometry) -> bool:
    """True where queries get the same bits together as each by itself, tried on this machine with this geometry.

    Together is up to twice as fast: keys are read once. That rows are alike is how kernels are made, no promise.
    """
    generator = torch.Generator().manual_seed(0)
    for n, s in ((2, BLOCK), (5, 5 * BLOCK), (13, 9 * BLOCK), (FEW, BLOCK), (24, 23 * BLOCK)):
        q = 3 * torch.randn(n, g.heads, g.head_dim, generator=generator)
        keys, values = torch.randn(2, 1, g.kv_heads, s, g.head_dim, generator=generator)
        unseen = torch.arange(s) > torch.arange(s - n, s)[:, None]
        mask = torch.zeros(n, s).masked_fill_(unseen, -math.inf).repeat(g.heads // g.kv_heads, 1)
        if not torch.equal(attention(q, keys, values, mask), attention_by_row(q, keys, values, mask)):
            return False
    return True


def rest_of_block(start: int) -> int:
    """Slots from `start` to the end of its block."""
    return BLOCK - start % BLOCK


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """RMSNorm of each row of x [n, hidden] by itself; torch's own takes nine operators, which shows at one token."""
    squares = torch.linalg.vecdot(x, x)[:, None]
    return (x * weight).mul_(squares.div_(x.shape[1]).add_(eps).rsqrt_())


def rotations(g: Geometry) -> torch.Tensor:
    """Rotary factors as unit complex numbers [context, 1, head_dim / 2] (llama3 scaling as in transformers)."""
    frequency = 1.0 / g.theta ** (torch.arange(0, g.head_dim, 2, dtype=torch.float32) / g.head_dim)
    if g.scaling:
        s = g.scaling
        turns = s.original * frequency / (2 * math.pi)  # full turns within the original context
        smooth = ((turns - s.low) / (s.high - s.low)).clamp(0, 1)
        frequency = frequency * (smooth + (1 - smooth) / s.factor)
    angle = torch.arange(g.context, dtype=torch.float32)[:, None] * frequency
    return torch.polar(torch.ones_like(angle), angle)[:, None]


def int8_works() -> bool:
    """True where torch multiplies bf16 activations with int8 rows in vector code, and correctly.

    The operator is private to torch: it may vanish, and without AVX it is a slow loop.
    """
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return False
    x, scale = torch.linspace(-1, 1, 64).bfloat16()[None], torch.ones(64).bfloat16()
    values = torch.arange(64 * 64).view(64, 64).remainder(255).sub(127).to(torch.int8)
    try:
        got = torch.ops.aten._weight_int8pack_mm(x, values, scale).float()
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return torch.allclose(got, F.linear(x.float(), values.float()), rtol=0.02, atol=2)


@dataclass(frozen=True)
class _Matrix:
    """A weight [out, in] in up to two forms: fp32 for many tokens, int8 rows for few (activations bf16)."""

    dense: torch.Tensor
    rows: Rows | None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.rows is None or len(x) > FEW:
            return F.linear(x, self.dense)
        out: torch.Tensor = torch.ops.aten._weight_int8pack_mm(x.bfloat16(), self.rows.values, self.rows.scale)
        return out


@dataclass(frozen=True)
class _Layer:
    geometry: Geometry
    window: int | None
    attention_norm: torch.Tensor
    qkv: _Matrix
    output: _Matrix
    mlp_norm: torch.Tensor
    gate_up: _Matrix
    down: _Matrix

    def project(self, x: torch.Tensor, turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Queries [n, heads, d]; keys and values [n, 2 * kv heads, d]. turns: [n, heads + 2 * kv heads, d / 2]."""
        g = self.geometry
        qkv = self.qkv(norm(x, self.attention_norm, g.eps)).float()
        pairs = torch.view_as_complex(qkv.view(len(x), turns.shape[1], -1, 2))
        turned = torch.view_as_real(pairs * turns).view(len(x), turns.shape[1], -1)
        return turned[:, : g.heads], turned[:, g.heads :]

    def finish(self, x: torch.Tensor, mixed: torch.Tensor) -> torch.Tensor:
        """The rest of the layer after attention, added to x in place: projection, then the feed-forward."""
        x += self.output(mixed)
        gate, up = self.gate_up(norm(x, self.mlp_norm, self.geometry.eps)).chunk(2, dim=-1)
        x += self.down(F.silu(gate).mul_(up))
        return x


class _Weights:
    """Tensors of a checkpoint by their Hugging Face names, fused and reordered as the forward pass wants them."""

    def __init__(self, checkpoint: Checkpoint, int8: bool) -> None:
        self._tensors = checkpoint.tensors
        self._int8 = int8

    def dense(self, name: str) -> torch.Tensor:
        tensor = self._tensors[name + ".weight"]
        return tensor.dense() if isinstance(tensor, Rows) else tensor.float()

    def matrix(self, *names: str, order: Sequence[torch.Tensor | None] = ()) -> _Matrix:
        """The named weights stacked by output row, each with its rows reordered when `order` says so."""
        parts = [self._tensors[name + ".weight"] for name in names]
        for i, places in enumerate(order):
            if places is not None:
                parts[i] = _reordered(parts[i], places)
        packed = [p for p in parts if isinstance(p, Rows)]
        if len(packed) < len(parts):
            return _Matrix(torch.cat([p.dense() if isinstance(p, Rows) else p.float() for p in parts]), None)
        rows = Rows(torch.cat([p.values for p in packed]), torch.cat([p.scale for p in packed]))
        return _Matrix(rows.dense(), rows if self._int8 else None)


def _layer(weights: _Weights, g: Geometry, i: int) -> _Layer:
    name = f"model.layers.{i}."
    q, k = (_paired(heads, g.head_dim) for heads in (g.heads, g.kv_heads))
    return _Layer(
        geometry=g,
        window=g.windows[i],
        attention_norm=weights.dense(name + "input_layernorm"),
        qkv=weights.matrix(*(f"{name}self_attn.{p}_proj" for p in "qkv"), order=(q, k, None)),
        output=weights.matrix(name + "self_attn.o_proj"),
        mlp_norm=weights.dense(name + "post_attention_layernorm"),
        gate_up=weights.matrix(name + "mlp.gate_proj", name + "mlp.up_proj"),
        down=weights.matrix(name + "mlp.down_proj"),
    )


def _paired(heads: int, d: int) -> torch.Tensor:
    """Row order that puts the two numbers of each rotary pair side by side (Hugging Face keeps them d / 2 apart)."""
    return torch.arange(heads * d).view(heads, 2, d // 2).transpose(1, 2).reshape(-1)


def _reordered(weight: torch.Tensor | Rows, order: torch.Tensor) -> torch.Tensor | Rows:
    if isinstance(weight, Rows):
        return Rows(weight.values[order], weight.scale[order])
    return weight[order]


def _causal(n: int) -> torch.Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril_()
