"""The models that `neuralpdb serve` knows by a short name, and the memory they need.

Owns names, licences and arithmetic. Starts nothing. `python -m neuralpdb.engines.vllm.models` prints the table of the
documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from neuralpdb.errors import UsageError

FAIR = "Meta's FAIR non-commercial research licence"


@dataclass(frozen=True)
class Model:
    """A model by its short name.

    repository: on Hugging Face, or a folder; empty for the embedded model.
    """

    name: str
    repository: str
    licence: str = ""
    about: str = ""


KNOWN = (
    Model("cwm", "facebook/cwm", FAIR, "the 32 B Code World Model"),
    Model("cwm-sft", "facebook/cwm-sft", FAIR, "the same before reinforcement learning"),
    Model("cwm-pretrain", "facebook/cwm-pretrain", FAIR, "the same before fine-tuning"),
    Model("mini", "", "", "the embedded model, 34.9 M parameters"),
)


def find(name: str) -> Model:
    """Return the model of a short name, of a folder, or of ORG/NAME on Hugging Face. Raises UsageError otherwise."""
    for model in KNOWN:
        if name in (model.name, model.repository):
            return model
    if Path(name).is_dir():
        return Model(Path(name).resolve().name, str(Path(name).resolve()))
    owner, slash, repository = name.partition("/")
    if owner and slash and repository and not owner.startswith((".", "~")) and "/" not in repository:
        return Model(name, name, FAIR if "cwm" in repository.lower() else "")
    names = [model.name for model in KNOWN]
    near = get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"no model {name!r}", f"{hint}known: {', '.join(names)}; or a folder, or ORG/NAME")


# -- memory -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """The numbers that decide the memory of a decoder.

    window: tokens that most layers see, the latest ones.
    every:  every so-many-th layer sees all tokens.
    """

    vocabulary: int = 128_256
    hidden: int = 6_144
    ffn: int = 21_504
    layers: int = 64
    heads: int = 48
    kv_heads: int = 8
    head_dim: int = 128
    context: int = 131_072
    window: int = 8_192
    every: int = 4

    @property
    def matrices(self) -> int:
        """Return the number of weights of the layers, which quantisation makes smaller."""
        attention = self.hidden * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        return self.layers * (attention + 3 * self.hidden * self.ffn)

    @property
    def others(self) -> int:
        """Return the number of weights of embedding and output, which stay as they are (norms are too few to count)."""
        return 2 * self.vocabulary * self.hidden

    def cache(self, tokens: int) -> int:
        """Return the bytes of keys and values of one sequence, in 16 bits."""
        full = self.layers // self.every
        kept = full * tokens + (self.layers - full) * min(tokens, self.window)
        return kept * 2 * self.kv_heads * self.head_dim * 2


CWM = Shape()
"""The 32 B model (its `config.json` on Hugging Face)."""

GIB = 2**30
RESERVE = 3 * GIB
"""Bytes of a card for activations, graphs and the driver. An allowance, not a measurement."""

USED = 0.92
"""Share of a card that vLLM takes unless told otherwise (`--gpu-memory-utilization`)."""

BUILDS = (
    ("bf16", "facebook/cwm", "", 2.0),
    ("fp8", "facebook/cwm", "--quantization fp8", 1.0),
    ("AWQ, 4 bits", "cyankiwi/cwm-AWQ-4bit", "", 0.5 + 2 / 32),
)
"""Name, repository, flag, bytes a weight of a layer: 4 bits, and a 16-bit scale for every 32 of them."""

CARDS = (24, 48, 80)
"""Memory of one card in GB (10^9 bytes)."""

LENGTHS = (131_072, 65_536, 32_768, 16_384, 8_192)


def weights(per_weight: float, shape: Shape = CWM) -> float:
    """Return the bytes of all weights."""
    return shape.matrices * per_weight + shape.others * 2


def fitting(per_weight: float, card: int, shape: Shape = CWM) -> tuple[int, int]:
    """Return the fewest cards of `card` GB that hold the weights and 8,192 tokens or more, and how many tokens."""
    for count in (1, 2, 4, 8):
        room = count * (card * 1e9 * USED - RESERVE) - weights(per_weight, shape)
        for tokens in LENGTHS:
            if shape.cache(tokens) <= room:
                return count, tokens
    raise ValueError(f"eight cards of {card} GB do not hold it")


def markdown() -> Iterator[str]:
    """Yield the lines of the table in the documentation: the needs of each build of the 32 B model."""
    sizes = " | ".join(f"cards of {card} GB" for card in CARDS)
    yield f"| build | `neuralpdb serve` | weights | {sizes} |"
    yield "|---|---|---|" + "---|" * len(CARDS)
    for name, repository, option, per_weight in BUILDS:
        model = find(repository).name
        command = f"`{' '.join(filter(None, (model, option)))}`"
        cells = (f"{count} ({tokens:,})" for count, tokens in (fitting(per_weight, card) for card in CARDS))
        yield f"| {name} | {command} | {weights(per_weight) / GIB:.1f} GiB | {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(markdown()))
