"""Checkpoints on disk: the compact int8 form that ships, and the Hugging Face form it comes from and expands to.

Owns file names, hashes, quantisation and the model's geometry. Knows nothing of prompts, tokens or decoding.
`python -m neuralpdb.engines.local.checkpoint show|quantise|expand` does the same from a shell.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpdb.errors import ModelError, NeuralPdbError, UsageError

if TYPE_CHECKING:
    import torch

FORMAT = "neuralpdb.checkpoint/1"
"""The `format` of `manifest.json`; a reader refuses any other."""

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
SIDE_FILES = (CONFIG, "generation_config.json", TOKENIZER, "tokenizer_config.json")
"""Copied as they are from one form to the other; only the configuration and the tokenizer are required."""

SCALE = ".scale"
"""Name suffix of the bf16 scales that belong to an int8 weight."""

_AGAIN = "reinstall neuralpdb, or name another checkpoint"


@dataclass(frozen=True)
class Llama3Scaling:
    """The parameters of `llama3` rotary frequencies; field meanings as in the Hugging Face configuration."""

    factor: float
    low: float
    high: float
    original: int


@dataclass(frozen=True)
class Geometry:
    """The shape of a CWM-like decoder.

    context: longest sequence, in tokens.
    eps:     added to the mean square in a norm.
    theta:   base of the rotary frequencies.
    windows: for each layer how many latest positions a token sees (itself included), None for all.
    tied:    the output shares the weights of the embedding.
    """

    vocabulary: int
    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    eps: float
    theta: float
    windows: tuple[int | None, ...]
    scaling: Llama3Scaling | None = None
    tied: bool = False

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Geometry:
        """Read a Hugging Face `config.json`. Raises ModelError naming what is missing or not supported."""
        _refuse_unsupported(config)
        try:
            hidden, heads, layers = config["hidden_size"], config["num_attention_heads"], config["num_hidden_layers"]
            theta, scaling = _rope(config)
            geometry = cls(
                vocabulary=config["vocab_size"],
                hidden=hidden,
                ffn=config["intermediate_size"],
                layers=layers,
                heads=heads,
                kv_heads=config.get("num_key_value_heads", heads),
                head_dim=config.get("head_dim") or hidden // heads,
                context=config["max_position_embeddings"],
                eps=config.get("rms_norm_eps", 1e-5),
                theta=theta,
                windows=_windows(config, layers),
                scaling=scaling,
                tied=bool(config.get("tie_word_embeddings", False)),
            )
        except (KeyError, TypeError) as e:
            raise ModelError(f"the model configuration lacks or misstates {e}", _AGAIN) from None
        if geometry.heads % geometry.kv_heads or geometry.head_dim % 2:
            raise ModelError(f"unsupported attention: {heads} heads over {geometry.kv_heads}, {geometry.head_dim} wide")
        return geometry


def _refuse_unsupported(config: Mapping[str, Any]) -> None:
    kinds = config.get("architectures") or []
    if "CwmForCausalLM" not in kinds:
        raise ModelError(
            f"not a CWM checkpoint: architectures = {kinds}", "the embedded engine runs CwmForCausalLM only"
        )
    for key, expected in (("attention_bias", False), ("mlp_bias", False), ("hidden_act", "silu")):
        if config.get(key, expected) != expected:
            raise ModelError(f"unsupported model configuration: {key} = {config[key]!r} (expected {expected!r})")


def _rope(config: Mapping[str, Any]) -> tuple[float, Llama3Scaling | None]:
    """Return base and scaling of the rotary embedding, from either of the two spellings that transformers has used."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = rope.get("rope_theta") or config.get("rope_theta")
    if theta is None:
        raise KeyError("rope_theta")
    kind = rope.get("rope_type", "default")
    if kind == "default":
        return theta, None
    if kind != "llama3":
        raise ModelError(f"unsupported rotary embedding: rope_type = {kind!r}", "supported: default, llama3")
    names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    return theta, Llama3Scaling(*(rope[name] for name in names))


def _windows(config: Mapping[str, Any], layers: int) -> tuple[int | None, ...]:
    kinds = config.get("layer_types") or ["full_attention"] * layers
    if len(kinds) != layers or set(kinds) - {"full_attention", "sliding_attention"}:
        raise ModelError(f"unsupported layer_types {sorted(set(kinds))} for {layers} layers")
    return tuple(config["sliding_window"] if kind == "sliding_attention" else None for kind in kinds)


@dataclass(frozen=True)
class Rows:
    """A 2-D weight as int8 with one scale for each output row: weight[r] = values[r] * scale[r].

    values: int8 [out, in].
    scale:  bf16 [out].
    """

    values: torch.Tensor
    scale: torch.Tensor

    @property
    def shape(self) -> torch.Size:
        return self.values.shape

    def dense(self) -> torch.Tensor:
        """Return the weight as fp32 [out, in]."""
        return self.values * self.scale.float()[:, None]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    revision: first 12 hexadecimal digits of the SHA-256 of the weights file.
    tensors:  Hugging Face name -> int8 rows (compact form) or a dense tensor.
    """

    path: Path
    name: str
    revision: str
    geometry: Geometry
    tensors: Mapping[str, torch.Tensor | Rows] = field(repr=False)

    @property
    def tokenizer(self) -> Path:
        return self.path / TOKENIZER


def embedded() -> Path:
    """Return the directory of the weights that ship with neuralpdb: in the installed package, else in the checkout."""
    package = Path(__file__).parents[2]
    places = (package / "weights" / "mini", package.parent / "weights" / "mini")
    for place in places:
        if (place / MANIFEST).is_file():
            return place
    raise ModelError(f"the embedded weights are missing: no {places[0] / MANIFEST}", _AGAIN)


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a compact checkpoint. Raises ModelError for one missing, damaged or of another format."""
    file = path / MANIFEST
    manifest = _read_json(file)
    if manifest.get("format") != FORMAT:
        raise ModelError(f"{file} has format {manifest.get('format')!r}, expected {FORMAT!r}", _AGAIN)
    if not isinstance(manifest.get("files"), dict) or not {CONFIG, TOKENIZER, WEIGHTS} <= set(manifest["files"]):
        raise ModelError(f"{file} does not list {CONFIG}, {TOKENIZER} and {WEIGHTS}", _AGAIN)
    return manifest


def load(path: Path | None = None) -> Checkpoint:
    """Read a checkpoint directory, compact (every hash is checked) or in Hugging Face layout.

    Raises ModelError in one line naming the file that is missing, unreadable or damaged.
    """
    path = embedded() if path is None else path
    if not path.is_dir():
        raise ModelError(f"no checkpoint directory {path}", "pass a directory that holds config.json")
    if (path / MANIFEST).exists():
        manifest = read_manifest(path)
        check(path, manifest)
        name, revision = str(manifest.get("name", path.name)), manifest["files"][WEIGHTS]["sha256"]
    else:
        name, revision = path.resolve().name, sha256(path / WEIGHTS)
    geometry = Geometry.read(_read_json(path / CONFIG))
    tensors = _joined(_tensors(path / WEIGHTS))
    for key, shape in _shapes(geometry).items():
        tensor = tensors.get(key)
        if tensor is None or tuple(tensor.shape) != shape:
            problem = "is missing" if tensor is None else f"has shape {list(tensor.shape)}"
            raise ModelError(f"{path / WEIGHTS}: {key} {problem}, {CONFIG} says {list(shape)}", _AGAIN)
    return Checkpoint(path, name, revision[:12], geometry, tensors)


def _shapes(g: Geometry) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor that a model of this geometry needs."""
    q, kv = g.heads * g.head_dim, g.kv_heads * g.head_dim
    layer = {
        "input_layernorm": (g.hidden,),
        "self_attn.q_proj": (q, g.hidden),
        "self_attn.k_proj": (kv, g.hidden),
        "self_attn.v_proj": (kv, g.hidden),
        "self_attn.o_proj": (g.hidden, q),
        "post_attention_layernorm": (g.hidden,),
        "mlp.gate_proj": (g.ffn, g.hidden),
        "mlp.up_proj": (g.ffn, g.hidden),
        "mlp.down_proj": (g.hidden, g.ffn),
    }
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (g.vocabulary, g.hidden), "model.norm": (g.hidden,)}
    if not g.tied:
        shapes["lm_head"] = (g.vocabulary, g.hidden)
    for i in range(g.layers):
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in layer.items()}
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def check(path: Path, manifest: Mapping[str, Any]) -> None:
    """Compare every file with the manifest. Raises ModelError naming the first that differs."""
    for name, facts in manifest["files"].items():
        if sha256(path / name) != facts["sha256"]:
            raise ModelError(f"{path / name} is damaged (its SHA-256 is not the manifest's)", _AGAIN)


def sha256(file: Path) -> str:
    """Return the hexadecimal SHA-256 of a file. Raises ModelError when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        raise ModelError(f"cannot read {file}: {e.strerror or e}", _AGAIN) from None


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise ModelError(f"cannot read {file}: {e.strerror or e}", _AGAIN) from None
    except ValueError:
        raise ModelError(f"{file} is damaged (not JSON)", _AGAIN) from None
    if not isinstance(data, dict):
        raise ModelError(f"{file} is damaged (not a JSON object)", _AGAIN)
    return data


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a safetensors file, mapped rather than copied."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, torch.Tensor] = load_file(file)
    except (OSError, SafetensorError) as e:
        raise ModelError(f"cannot read {file}: {e}", _AGAIN) from None
    return tensors


def _joined(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor | Rows]:
    """Combine int8 values and their scales under the name of the weight."""
    return {
        name: Rows(tensor, tensors[name + SCALE]) if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def quantise_rows(weight: torch.Tensor) -> Rows:
    """Quantise to symmetric int8 by output row; the bf16 scale is rounded first, so that it costs no accuracy.

    weight: [out, in], any floating type. The largest absolute value of a row maps to 127.
    """
    import torch

    weight = weight.float()
    scale = (weight.abs().amax(dim=1).clamp_min(1e-12) / 127).bfloat16()
    values = (weight / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
    return Rows(values, scale)


def quantise(source: Path, target: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the compact form of a Hugging Face checkpoint into `target` and return its manifest.

    about: further entries of the manifest (name, licence, origin, figures); they cannot change format or files.
    """
    from safetensors.torch import save_file

    Geometry.read(_read_json(source / CONFIG))
    target.mkdir(parents=True, exist_ok=True)
    packed: dict[str, torch.Tensor] = {}
    for name, tensor in _tensors(source / WEIGHTS).items():
        if tensor.ndim == 2:
            rows = quantise_rows(tensor)
            packed |= {name: rows.values, name + SCALE: rows.scale}
        else:
            packed[name] = tensor.bfloat16()
    save_file(packed, target / WEIGHTS, metadata={"format": "pt"})
    names = [WEIGHTS, *_copy_side_files(source, target)]
    manifest = {
        **about,
        "format": FORMAT,
        "quantisation": "2-D weights int8 by output row, bf16 scales; the rest bf16",
        "base_revision": sha256(source / WEIGHTS),
        "files": {n: {"sha256": sha256(target / n), "bytes": (target / n).stat().st_size} for n in sorted(names)},
    }
    _write_json(target / MANIFEST, manifest)
    return manifest


def expand(path: Path | None = None, target: Path | None = None) -> Path:
    """Write the Hugging Face form (bf16) of a compact checkpoint, for vLLM and transformers; return its directory.

    Without `target` it goes into the user's cache, under a name that holds the weights' hash; a directory that is
    already there is used as it is. The directory appears in one rename, complete. A checkpoint that is in Hugging
    Face form already is returned unchanged.
    """
    path = embedded() if path is None else path
    if not (path / MANIFEST).exists() and (path / CONFIG).exists():
        return path
    revision = read_manifest(path)["files"][WEIGHTS]["sha256"]
    target = _cache() / f"{path.name}-{revision[:16]}" if target is None else target
    if (target / WEIGHTS).is_file():
        return target
    checkpoint = load(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _expand_into(checkpoint, target)
    except OSError as e:
        raise ModelError(f"cannot write {target}: {e.strerror or e}", "name another directory") from None
    return target


def _expand_into(checkpoint: Checkpoint, target: Path) -> None:
    from safetensors.torch import save_file

    scratch = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
    try:
        _copy_side_files(checkpoint.path, scratch)
        dense = {
            name: (t.dense().bfloat16() if isinstance(t, Rows) else t).contiguous()
            for name, t in checkpoint.tensors.items()
        }
        save_file(dense, scratch / WEIGHTS, metadata={"format": "pt"})
        scratch.chmod(0o755)
        if not (target / WEIGHTS).is_file():
            scratch.replace(target)
    except OSError:
        if not (target / WEIGHTS).is_file():  # otherwise another process was faster, which is as good
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("neuralpdb", appauthor=False) / "models"


def _copy_side_files(source: Path, target: Path) -> list[str]:
    """Copy configuration and tokenizer; return the names that were there. Raises ModelError without them."""
    names = [name for name in SIDE_FILES if (source / name).is_file()]
    for needed in (CONFIG, TOKENIZER):
        if needed not in names:
            raise ModelError(f"cannot read {source / needed}: no such file", "name a complete checkpoint")
    for name in names:
        shutil.copyfile(source / name, target / name)
    return names


def _write_json(file: Path, data: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _described(path: Path) -> Iterator[str]:
    manifest = read_manifest(path)
    check(path, manifest)
    yield f"{path}: {manifest.get('name', '?')}, every hash matches"
    for key, value in manifest.items():
        if key != "files":
            yield f"  {key}: {json.dumps(value, ensure_ascii=False)}"
    for name, facts in manifest["files"].items():
        yield f"  {facts['bytes']:>11,} B  {facts['sha256'][:16]}  {name}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: show, quantise or expand. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m neuralpdb.engines.local.checkpoint")
    verbs = parser.add_subparsers(dest="verb", required=True)
    show = verbs.add_parser("show", help="check the hashes of a compact checkpoint and print what it is")
    show.add_argument("path", type=Path, nargs="?")
    pack = verbs.add_parser("quantise", help="Hugging Face form -> compact int8 form")
    pack.add_argument("source", type=Path)
    pack.add_argument("target", type=Path)
    pack.add_argument("--about", type=Path, help="JSON file with name, licence, origin, figures for the manifest")
    full = verbs.add_parser("expand", help="compact form -> Hugging Face form (bf16); prints the directory")
    full.add_argument("path", type=Path, nargs="?")
    full.add_argument("--to", type=Path, help="default: the user's cache")
    args = parser.parse_args(argv)
    try:
        for line in _run(args):
            print(line)
    except NeuralPdbError as e:
        print(f"*** {e}", file=sys.stderr)
        return e.exit_code
    return 0


def _run(args: argparse.Namespace) -> Iterator[str]:
    if args.verb == "show":
        yield from _described(args.path or embedded())
    elif args.verb == "expand":
        yield str(expand(args.path, args.to))
    else:
        if args.source.resolve() == args.target.resolve():
            raise UsageError(f"source and target are both {args.source}")
        quantise(args.source, args.target, _read_json(args.about) if args.about else {"name": args.target.name})
        yield from _described(args.target)


if __name__ == "__main__":
    sys.exit(main())
