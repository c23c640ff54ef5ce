"""The forward pass of the embedded model in plain torch on the CPU, with its key-value cache.

Owns numbers only: token ids and positions in, logits out. What is in the cache, and when to trust it, is its caller's
business. Attention heads share keys (GQA), norms are RMSNorm, the feed-forward is SwiGLU, positions are rotary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from neuralpdb.engines.local.checkpoint import Checkpoint, Geometry, Rows
from neuralpdb.engines.local.threads import Crew, default_threads
from neuralpdb.engines.local.trial import Step, alike, cancelling

FEW = 32
"""Up to this many tokens in one pass the int8 weights are faster than fp32 ones (bench/engine.py measures it)."""

TIE = 1e-3
"""Logits that are closer than this may change places by rounding: a hundred times the differences measured."""

BLOCK = 128
"""Passes of few tokens attend to whole blocks of this many slots, see `Decoder.few`. A larger block costs time on
slots that hold nothing yet, a smaller one makes more passes end at its edge."""

TRIED = (17, 3, 31, 8, 2, 24, 5, 13)
"""Sizes of the passes tried at load, beside 1 and FEW: kernels take rows in twos, fours, eights or sixteens, and these
leave different remainders. In no order, as attention is tried behind a longer text each time."""

TRIED_SLOTS = 4096
"""The trial at load stays within this many slots, the context of the embedded model: it needs random keys for all."""


class Decoder:
    """One sequence and its keys and values.

    crew:     threads of passes of few tokens.
    many:     threads of passes of many tokens.
    passes:   forward passes so far.
    computed: tokens that went through them.
    width:    the most tokens of a pass that leaves the bits of one token after another, FEW or 1, as tried here.
    """

    def __init__(self, checkpoint: Checkpoint, *, int8: bool | None = None, threads: int | None = None) -> None:
        most_threads = threads or default_threads()
        g = self.geometry = checkpoint.geometry
        self.passes = 0
        self.computed = 0
        self.int8 = int8_works() if int8 is None else int8
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
        self.width, self._attend_few, few_threads = self._fastest_exact_way(most_threads)
        # Passes of few and of many tokens are not comparable, and suffer differently from other programs.
        self.crew, self.many = Crew(few_threads), Crew(most_threads)

    @property
    def slots(self) -> int:
        """Return the tokens that the cache holds: a whole context, and as many again for branches."""
        return 2 * self.geometry.context

    def forward(self, ids: Sequence[int], start: int, first: int = 0) -> torch.Tensor:
        """Return logits fp32 [len(ids) - first, vocabulary] of the tokens `first` and later.

        ids are written to the cache from slot `start` on, which is also their position; each sees all before it.
        """
        n = len(ids)
        positions = torch.arange(start, start + n)
        seen = torch.cat((torch.ones(n, start, dtype=torch.bool), _causal(n)), dim=1)
        return self._run(ids, start, positions, seen, first)

    def few(self, ids: Sequence[int], start: int, first: int = 0) -> torch.Tensor:
        """Compute as `forward`, for at most `FEW` tokens that end within their block of slots (`rest_of_block`).

        The keys and values that passes of at most `room(start)` tokens leave are bit for bit those of one token after
        another, whatever the division into passes and the number of threads: weights multiply row by row, and every
        token attends to the same whole blocks. The logits agree to rounding, of fp32, and in which of them is the
        greatest. So what greedy decoding would write can be told from passes over a given text.

        It holds where all that is cached before was written in such passes, too: `forward`, `tree` and `branches` round
        differently.
        """
        assert 0 < len(ids) <= min(FEW, rest_of_block(start))
        return self._run(ids, start, torch.arange(start, start + len(ids)), None, first)

    def room(self, start: int) -> int:
        """Return how many tokens a pass of `few` may take from slot `start` on without other bits."""
        return min(self.width, rest_of_block(start))

    def tree(self, ids: Sequence[int], start: int, positions: Sequence[int], seen: torch.Tensor) -> torch.Tensor:
        """Return logits fp32 [len(ids), vocabulary] of tokens that do not follow one another.

        ids are written to the cache from slot `start` on.
        seen: bool [len(ids), start + len(ids)], the slots that each token sees (its own included).
        """
        return self._run(ids, start, torch.tensor(positions), seen, 0)

    def branches(self, root: int, tails: Sequence[Sequence[int]], start: int) -> torch.Tensor:
        """Return logits fp32 [1 + all tails, vocabulary] of a root and tails behind it that do not see each other.

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
        """Copy `n` cache entries from `source` to `target` (a branch becomes the sequence)."""
        self._cache[:, target : target + n] = self._cache[:, source : source + n].clone()

    def _masks(self, start: int, seen: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """Return the additive mask fp32 [heads per group * n, start + n] of each window. seen: bool [n, start + n]."""
        where = self._positions[: seen.shape[1]]
        masks = {}
        for window in set(self.geometry.windows):
            allowed = seen if window is None else seen & (where[None] > where[start:, None] - window)
            mask = torch.zeros(seen.shape).masked_fill_(~allowed, -math.inf)
            masks[window] = mask.repeat(self.geometry.heads // self.geometry.kv_heads, 1)
        return masks

    def _steps(self, start: int, n: int) -> dict[int | None, torch.Tensor]:
        """Return the additive mask fp32 [heads per group * n, end of the block] of each window, for tokens in a row."""
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
        """Compute logits, timed. seen None: the tokens follow one another within a block and see all of it."""
        few, end = len(ids) <= FEW, start + len(ids)
        # Measured: a pass costs this much a token and a constant; attention doubles a long one at context 4,000.
        weight = len(ids) + 2.5 if few else (len(ids) + 27) * (1 + end / 4000)
        with (self.crew if few else self.many).at_work(weight):
            logits = self._compute(ids, start, positions, seen, first)
        self.passes += 1
        self.computed += len(ids)
        return logits

    def _compute(
        self, ids: Sequence[int], start: int, positions: torch.Tensor, seen: torch.Tensor | None, first: int
    ) -> torch.Tensor:
        n = len(ids)
        self._positions[start : start + n] = positions
        if seen is None:
            masks, attend, end = self._steps(start, n), self._attend_few, start + rest_of_block(start)
        else:
            masks, attend, end = self._masks(start, seen), attention, start + n
        turns = self._rotations_at(positions)
        x = self._embedding[torch.tensor(ids)]
        for layer, cache, keys, values in zip(self._layers, self._cache, self._keys, self._values, strict=True):
            q, cache[start : start + n] = layer.project(x, turns)
            mixed = attend(q, keys[:, :, :end], values[:, :, :end], masks[layer.window])
            x = layer.finish(x, mixed)
        rows = norm(x[first:], self._norm, self.geometry.eps)
        logits = F.linear(rows, self._head)
        return self._decided(logits, rows) if seen is None and len(rows) > 1 else logits

    def _rotations_at(self, positions: torch.Tensor) -> torch.Tensor:
        """Return the rotary factors of all heads of queries, keys and values (which are not turned)."""
        g, turns = self.geometry, self._turns[positions]
        unturned = turns.new_ones(len(positions), g.kv_heads, turns.shape[-1])
        return torch.cat((turns.expand(-1, g.heads + g.kv_heads, -1), unturned), 1)

    def _decided(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Compute near ties of `logits` again as those of one token are, so that the greatest is the same."""
        best = logits.topk(2, dim=-1).values
        for i in (best[:, 0] - best[:, 1] < TIE).nonzero()[:, 0].tolist():
            logits[i] = F.linear(rows[i : i + 1], self._head)[0]
        return logits

    def _fastest_exact_way(self, most_threads: int) -> tuple[int, Attention, int]:
        """Return tokens, attention and threads of the fastest passes of `few` that leave the bits of single tokens.

        Several tokens of int8 rows do wherever it was tried; of fp32 matrices nowhere. Tried in one layer of each kind:
        the others do the same with other numbers.
        """
        threads_before = torch.get_num_threads()
        torch.set_num_threads(1)  # on a busy machine several wait for each other
        generator = torch.Generator().manual_seed(0)
        layers = {layer.kind: layer for layer in self._layers}.values()
        rowwise = [step for layer in layers for step in self._rowwise_steps(layer, generator)]
        attended = self._attention_steps(generator)

        def head(part: slice) -> torch.Tensor:
            return F.linear(self._norm[None], self._head)

        try:
            for width in (FEW, 1):
                for threads in dict.fromkeys((most_threads, 1)):
                    sizes = [(1, threads), (FEW, threads), *((n, 1) for n in TRIED), (FEW, threads), (1, threads)]
                    passes = [(min(n, width), used) for n, used in sizes]
                    if alike(head, 1, threads) and all(alike(step, *size) for size in passes for step in rowwise):
                        for attend in (attention, attention_by_row):
                            if all(alike(attended(attend, i / len(passes)), *size) for i, size in enumerate(passes, 1)):
                                return width, attend, threads
        finally:
            torch.set_num_threads(threads_before)
        return 1, attention, 1

    def _attention_steps(self, generator: torch.Generator) -> Callable[[Attention, float], Step]:
        """Return how FEW random queries attend, in a given way, that stand behind a given share of a long text."""
        g = self.geometry
        slots = min(g.context, TRIED_SLOTS)
        queries = 3 * torch.randn(FEW, g.heads, g.head_dim, generator=generator)
        block = torch.randn(BLOCK, *self._cache.shape[2:], generator=generator)
        keys, values = block[torch.arange(slots + BLOCK) % BLOCK].transpose(0, 1)[None].chunk(2, 1)

        def attended(attend: Attention, share: float) -> Step:
            end = math.ceil(share * slots / BLOCK) * BLOCK

            def step(part: slice) -> torch.Tensor:
                mask = self._steps(end - FEW + part.start, part.stop - part.start)[g.windows[0]]
                return attend(queries[part], keys[:, :, :end], values[:, :, :end], mask)

            return step

        return attended

    def _rowwise_steps(self, layer: _Layer, generator: torch.Generator) -> Iterator[Step]:
        """Yield the steps of a layer but attention, on FEW rows."""
        g = self.geometry
        hidden = torch.randn(FEW, self._norm.shape[0], generator=generator)
        turns = self._rotations_at(torch.arange(FEW) % g.context)
        gate_up = torch.randn(FEW, len(layer.gate_up.dense), generator=generator)
        if layer.gate_up.rows is not None:
            gate_up = gate_up.bfloat16()
        yield lambda part: norm(hidden[part], layer.attention_norm, g.eps)
        yield lambda part: torch.cat(layer.project(hidden[part], turns[part]), 1)
        yield lambda part: swiglu(gate_up[part])
        for matrix in layer.matrices:
            yield _cancelling_step(matrix, generator)


def _cancelling_step(matrix: _Matrix, generator: torch.Generator) -> Step:
    """Return how FEW rows are multiplied with a matrix of the shape and form of `matrix`, but results that cancel."""
    dense, rows = cancelling(matrix.dense.shape, FEW, generator)
    packed = Rows(dense.to(torch.int8), torch.ones_like(matrix.rows.scale)) if matrix.rows is not None else None
    tried = _Matrix(dense, packed)
    return lambda part: tried(rows[part])


Attention = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From queries, keys, values and an additive mask to what each query reads; see `attention`."""


def attention(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return softmax attention [n, heads * d] of q [n, heads, d] over keys, values [1, kv heads, s, d].

    The heads that share keys are laid out as further rows of queries: one plain attention, no repeated keys.
    mask: additive [heads per group * n, s].
    """
    n, heads, d = q.shape
    groups = keys.shape[1]
    rows = q.view(n, groups, -1, d).permute(1, 2, 0, 3).reshape(1, groups, -1, d)
    out = F.scaled_dot_product_attention(rows, keys, values, mask[None, None])
    return out.view(groups, -1, n, d).permute(2, 0, 1, 3).reshape(n, heads * d)


def attention_by_row(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the same, each of the n queries by itself in a batch: no result depends on the others."""
    n, heads, d = q.shape
    rows = q.view(n, keys.shape[1], -1, d)
    keys, values = keys.expand(n, -1, -1, -1), values.expand(n, -1, -1, -1)
    own = mask.view(-1, n, 1, mask.shape[-1])[0][:, None]
    return F.scaled_dot_product_attention(rows, keys, values, own).reshape(n, heads * d)


def rest_of_block(start: int) -> int:
    """Return the number of slots from `start` to the end of its block."""
    return BLOCK - start % BLOCK


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Return the RMSNorm of each row of x [n, hidden]. torch's own takes nine operators, which shows at one token."""
    squares = torch.linalg.vecdot(x, x)[:, None]
    return (x * weight).mul_(squares.div_(x.shape[1]).add_(eps).rsqrt_())


def swiglu(gate_up: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) * up of rows [n, 2 * inner] that hold both, side by side."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate).mul_(up)


def rotations(g: Geometry) -> torch.Tensor:
    """Return rotary factors as unit complex numbers [context, 1, head_dim / 2] (llama3 scaling as in transformers)."""
    frequency = 1.0 / g.theta ** (torch.arange(0, g.head_dim, 2, dtype=torch.float32) / g.head_dim)
    if g.scaling:
        s = g.scaling
        turns = s.original * frequency / (2 * math.pi)  # full turns within the original context
        smooth = ((turns - s.low) / (s.high - s.low)).clamp(0, 1)
        frequency = frequency * (smooth + (1 - smooth) / s.factor)
    angle = torch.arange(g.context, dtype=torch.float32)[:, None] * frequency
    return torch.polar(torch.ones_like(angle), angle)[:, None]


def int8_works() -> bool:
    """Whether torch multiplies bf16 activations with int8 rows in vector code, and correctly.

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
    """A weight [out, in] in up to two forms.

    dense: fp32, for many tokens.
    rows:  int8, for few (activations bf16); None where the checkpoint or the processor has none.
    """

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

    @property
    def matrices(self) -> tuple[_Matrix, ...]:
        return self.qkv, self.output, self.gate_up, self.down

    @property
    def kind(self) -> tuple[bool, ...]:
        """Return which of the matrices are kept as int8 rows."""
        return tuple(matrix.rows is not None for matrix in self.matrices)

    def project(self, x: torch.Tensor, turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return queries [n, heads, d]; keys and values [n, 2 * kv heads, d].

        turns: [n, heads + 2 * kv heads, d / 2].
        """
        g = self.geometry
        qkv = self.qkv(norm(x, self.attention_norm, g.eps)).float()
        pairs = torch.view_as_complex(qkv.view(len(x), turns.shape[1], -1, 2))
        turned = torch.view_as_real(pairs * turns).view(len(x), turns.shape[1], -1)
        return turned[:, : g.heads], turned[:, g.heads :]

    def finish(self, x: torch.Tensor, mixed: torch.Tensor) -> torch.Tensor:
        """Add the output of attention, projected, and then that of the feed-forward to x, in place; return x."""
        x += self.output(mixed)
        x += self.down(swiglu(self.gate_up(norm(x, self.mlp_norm, self.geometry.eps))))
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
        """Stack the named weights by output row, each with its rows in the order that `order` gives for it."""
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
    """Return the row order that puts the two numbers of a rotary pair side by side (Hugging Face: d / 2 apart)."""
    return torch.arange(heads * d).view(heads, 2, d // 2).transpose(1, 2).reshape(-1)


def _reordered(weight: torch.Tensor | Rows, order: torch.Tensor) -> torch.Tensor | Rows:
    if isinstance(weight, Rows):
        return Rows(weight.values[order], weight.scale[order])
    return weight[order]


def _causal(n: int) -> torch.Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril_()
