"""Backends: other ways to compute the passes of the embedded model, as forms of its matrices and runners of a module.

All backends run the same two modules: the matrices of the layers alone, and a whole pass. Compilers and runtimes are
imported where they are used. It knows nothing of clocks and tables (`bench.alternatives`).
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from neuralpdb.engines.local.checkpoint import Geometry, Rows, quantise_rows
from neuralpdb.engines.local.decoder import Decoder

Tensors = tuple[torch.Tensor, ...]
Run = Callable[..., Tensors]
Leaf = Callable[[Rows], nn.Module]
Runner = Callable[["Matrices | Whole", Tensors], Run]

Replaced = tuple[str, dict[str, int], dict[str, torch.Tensor]]
"""Name of an operator, its attributes, and the constants that it takes."""

BLOCK = 128
"""Weights that share a scale in MatMulNBits."""


class Absent(Exception):
    """A backend that cannot be tried here; its text is the reason."""


# -- forms of one weight matrix -------------------------------------------------------------------------------


class Dense(nn.Module):
    """Weight and activations of one type, the result fp32."""

    def __init__(self, rows: Rows, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Buffer(rows.dense().to(dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight).float()


class WeightOnly(nn.Module):
    """Int8 weights, activations bf16: what the engine does with few tokens."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.values, self.scale = nn.Buffer(rows.values.clone()), nn.Buffer(rows.scale.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.aten._weight_int8pack_mm(x.bfloat16(), self.values, self.scale)
        return out.float()


class Dynamic(nn.Module):
    """Int8 weights, and int8 activations with one scale for all tokens of the pass."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        zero = torch.zeros(len(rows.scale), dtype=torch.long)
        weight = torch._make_per_channel_quantized_tensor(rows.values, rows.scale.double(), zero, 0)
        self.packed = torch.ops.quantized.linear_prepack(weight, None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.quantized.linear_dynamic(x, self.packed)
        return out


# -- what is computed -----------------------------------------------------------------------------------------


class Products(nn.Module):
    """The matrices of one layer times the input of their width: narrow [n, hidden], wide [n, ffn]."""

    def __init__(self, matrices: Sequence[nn.Module]) -> None:
        super().__init__()
        self.qkv, self.output, self.gate_up, self.down = matrices

    def forward(self, narrow: torch.Tensor, wide: torch.Tensor) -> Tensors:
        return self.qkv(narrow), self.output(narrow), self.gate_up(narrow), self.down(wide)


class Matrices(nn.Module):
    """All products of all layers."""

    free = ((0,), (0,))
    """For each input the axes that differ from pass to pass."""
    plain = 0
    """Products at the end that are always fp32."""

    def __init__(self, layers: Iterable[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(map(Products, layers))

    def forward(self, narrow: torch.Tensor, wide: torch.Tensor) -> Tensors:
        return tuple(x for layer in self.layers for x in layer(narrow, wide))


class Layer(nn.Module):
    """One layer, in plain operators."""

    def __init__(self, geometry: Geometry, norms: Sequence[torch.Tensor], matrices: Sequence[nn.Module]) -> None:
        super().__init__()
        self.geometry = geometry
        self.before, self.between = map(nn.Buffer, norms)
        self.qkv, self.output, self.gate_up, self.down = matrices

    def forward(
        self, x: torch.Tensor, turns: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        g = self.geometry
        heads = (g.heads, g.kv_heads, g.kv_heads)
        qkv = self.qkv(normed(x, self.before, g.eps)).view(-1, sum(heads), g.head_dim)
        q, k, v = qkv.split(heads, dim=1)
        keys = torch.cat((keys, turned(k, turns).transpose(0, 1)), dim=1)
        values = torch.cat((values, v.transpose(0, 1)), dim=1)
        x = x + self.output(self.mixed(turned(q, turns), keys, values, mask))
        gate, up = self.gate_up(normed(x, self.between, g.eps)).chunk(2, dim=-1)
        out: torch.Tensor = x + self.down(F.silu(gate) * up)
        return out

    def mixed(self, q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the attention of q [n, heads, d] over keys and values [kv heads, s + n, d]."""
        g = self.geometry
        shared = g.heads // g.kv_heads
        rows = q.view(-1, g.kv_heads, shared, g.head_dim).permute(1, 2, 0, 3).reshape(g.kv_heads, -1, g.head_dim)
        out: torch.Tensor = ((rows @ keys.transpose(1, 2)) * g.head_dim**-0.5 + mask).softmax(-1) @ values
        return out.view(g.kv_heads, shared, -1, g.head_dim).permute(2, 0, 1, 3).reshape(-1, g.heads * g.head_dim)


class Whole(nn.Module):
    """One pass of n tokens after given keys and values; the head is always fp32."""

    free = ((0,), (1,), (), (), (0, 1))
    plain = 1

    def __init__(self, decoder: Decoder, layers: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.eps = decoder.geometry.eps
        self.embedding, self.head = nn.Buffer(decoder._embedding), nn.Buffer(decoder._head)
        self.norm = nn.Buffer(decoder._norm)
        self.layers = nn.ModuleList(
            Layer(decoder.geometry, (old.attention_norm, old.mlp_norm), matrices)
            for old, matrices in zip(decoder._layers, layers, strict=True)
        )

    def forward(
        self, ids: torch.Tensor, turns: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> Tensors:
        """Return logits [n, vocabulary].

        turns: cosines and sines [2, n, 1, d / 2].
        keys, values: [layers, kv heads, s, d].
        mask: additive [heads per group * n, s + n].
        """
        x = self.embedding[ids]
        for i, layer in enumerate(self.layers):
            x = layer(x, turns, keys[i], values[i], mask)
        return (F.linear(normed(x, self.norm, self.eps), self.head),)


def normed(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return x * weight * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)


def turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Return x [n, heads, d] rotated, pairs side by side."""
    a, b = x.view(*x.shape[:-1], -1, 2).unbind(-1)
    return torch.stack((a * turns[0] - b * turns[1], a * turns[1] + b * turns[0]), dim=-1).flatten(-2)


# -- what runs it ---------------------------------------------------------------------------------------------


def eager(module: Matrices | Whole, example: Tensors) -> Run:
    return module


def compiled(module: Matrices | Whole, example: Tensors) -> Run:
    """Compile with Inductor: C++ that the machine's compiler builds, once for all layers, or it takes many minutes."""
    for layer in module.layers:
        layer.compile(dynamic=True, fullgraph=True)
    return module


def onnx_runtime(module: Matrices | Whole, example: Tensors, *, form: str = "fp32") -> Run:
    """Return an ONNX session of the same module. form: of its constant matrices (see `_replace`)."""
    try:
        onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    except ImportError as e:
        raise Absent(f"not installed: {e.name}") from None
    model = onnx.load_from_string(_exported(module, example))
    if form != "fp32":
        _replace(model, onnx, form, module.plain)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.force_spinning_stop", "1")  # leaves the cores to the others
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]

    def run(*inputs: torch.Tensor) -> Tensors:
        feeds = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return tuple(torch.from_numpy(out) for out in session.run(None, feeds))

    return run


def _exported(module: Matrices | Whole, example: Tensors) -> bytes:
    """Return the module as an ONNX model for any number of tokens, its matrices constants [in, out]."""
    names = [f"in{i}" for i in range(len(example))]
    free = {name: {axis: f"{name}.{axis}" for axis in axes} for name, axes in zip(names, module.free, strict=True)}
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # torch announces the end of this exporter; the new one needs more packages
        file = Path(folder, "model.onnx")
        torch.onnx.export(module, example, str(file), input_names=names, dynamic_axes=free, dynamo=False)
        return file.read_bytes()


def _replace(model: Any, onnx: Any, form: str, plain: int) -> None:
    """Put int8 operators, with the very weights of the checkpoint, in the place of products with constant matrices.

    form: "both" (one scale for the activations of a pass) or "weights" / "blocks" (weights by blocks of a row; computed
    in fp32, or with activations int8 by block).
    plain: how many products at the end stay as they are.
    """
    constants = {c.name: c for c in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    for node in products[: len(products) - plain]:
        old = constants[node.input[1]]
        rows = quantise_rows(torch.from_numpy(onnx.numpy_helper.to_array(old).T.copy()))
        operator, attributes, added = (_both if form == "both" else partial(_by_block, form=form))(old.name, rows)
        model.graph.initializer.remove(old)
        model.graph.initializer.extend(onnx.numpy_helper.from_array(x.numpy(), name) for name, x in added.items())
        inputs = [node.input[0], *added]
        node.CopyFrom(onnx.helper.make_node(operator, inputs, node.output, domain="com.microsoft", **attributes))
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


def _both(name: str, rows: Rows) -> Replaced:
    added = {name + ".values": rows.values.T.contiguous(), name + ".scale": rows.scale.float()}
    return "DynamicQuantizeMatMul", {}, added


def _by_block(name: str, rows: Rows, form: str) -> Replaced:
    n, k = rows.values.shape
    values = (rows.values.int() + 128).to(torch.uint8).view(n, k // BLOCK, BLOCK)
    scale = rows.scale.float()[:, None].expand(n, k // BLOCK).contiguous()
    attributes = {"K": k, "N": n, "bits": 8, "block_size": BLOCK, "accuracy_level": 4 if form == "blocks" else 1}
    return "MatMulNBits", attributes, {name + ".values": values, name + ".scale": scale}


# -- all of them ----------------------------------------------------------------------------------------------


def backends() -> Iterator[tuple[str, Leaf, Runner]]:
    fp32, bf16 = (partial(Dense, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    yield "torch fp32", fp32, eager
    yield "torch bf16", bf16, eager
    yield "torch int8, bf16 (ours)", WeightOnly, eager
    yield "torch int8 both", Dynamic, eager
    yield "torch.compile fp32", fp32, compiled
    yield "torch.compile bf16", bf16, compiled
    yield "torch.compile int8, bf16", WeightOnly, compiled
    yield "ONNX fp32", fp32, onnx_runtime
    yield "ONNX int8 weights, fp32", fp32, partial(onnx_runtime, form="weights")
    yield "ONNX int8 both", fp32, partial(onnx_runtime, form="both")
    yield "ONNX int8 both, blocks", fp32, partial(onnx_runtime, form="blocks")
