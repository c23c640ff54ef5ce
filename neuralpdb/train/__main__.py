"""Commands of training: the command line of `python -m neuralpdb.train`. Wiring only; functions do heavy imports."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralpdb.errors import NeuralPdbError, UsageError

if TYPE_CHECKING:
    import torch

    from neuralpdb.engines.local.checkpoint import Geometry
    from neuralpdb.train.data import Recipe
    from neuralpdb.train.evaluate import Figures

BEGAN = time.monotonic()

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Train the embedded model: see docs/training.md.",
    rich_markup_mode=None,
)

Corpora = Annotated[
    list[Path] | None, typer.Option("--corpus", help="Real programs, .jsonl.gz of {src, calls}. Repeatable.")
]
Synthetic = Annotated[float, typer.Option(min=0, max=1, help="Share of generated programs; the rest is from corpora.")]
Seed = Annotated[int, typer.Option(help="Same seed and same number of workers: same data.")]
Length = Annotated[int, typer.Option("--seq", min=64, help="Tokens of a sequence.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that make data.")]
Tokenizer = Annotated[Path | None, typer.Option(help="tokenizer.json. Default: that of the embedded checkpoint.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, ...; by default a GPU if there is one.")]


def _recipe(
    corpora: list[Path] | None, synthetic: float, seed: int, length: int, tokenizer: Path | None, sequences: int = 16
) -> Recipe:
    from neuralpdb.engines.local import checkpoint
    from neuralpdb.train.data import Recipe, read_corpus

    file = tokenizer or checkpoint.embedded() / checkpoint.TOKENIZER
    if not file.is_file():
        raise UsageError(f"no tokenizer at {file}", "pass --tokenizer FILE")
    paths = [path.resolve() for path in corpora or []]
    for path in paths:
        read_corpus(path)  # complain before a worker does
    return Recipe(str(file.resolve()), seed, length, sequences, tuple(map(str, paths)), synthetic)


@app.command()
def data(
    corpora: Corpora = None,
    synthetic: Synthetic = 0.5,
    seed: Seed = 1,
    length: Length = 2048,
    workers: Workers = 1,
    tokenizer: Tokenizer = None,
    show: Annotated[int, typer.Option(min=0, help="Print this many documents.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write sequences to this .npy file (bit 15: carries loss).")] = None,
    count: Annotated[int, typer.Option(min=1, help="Sequences for --out, or to measure the speed with.")] = 256,
) -> None:
    """Turn programs into traces and packed token sequences: print them, write them to a file, or measure the speed."""
    import itertools
    import random

    import numpy as np

    from neuralpdb.train.data import LOSS, Packer, Position, Programs, Stream, readable
    from neuralpdb.train.tokenizer import Encoder

    recipe = _recipe(corpora, synthetic, seed, length, tokenizer)
    if show:
        packer = Packer(recipe, Encoder.read(Path(recipe.tokenizer)), Programs(recipe))
        for document, tokens in itertools.islice(packer.documents(random.Random(seed)), show):
            print(f"{'=' * 20} {len(tokens)} tokens, {len(document.given)} frames given\n{readable(document)}")
        return
    stream = Stream(recipe, Position.start(workers))
    try:
        first = next(stream)
        began = time.monotonic()
        rows = [first, *(next(stream) for _ in range((count - 1) // recipe.sequences))]
        seconds = time.monotonic() - began
    finally:
        stream.close()
    sequences = np.concatenate(rows)[:count]
    if out is not None:
        np.save(out, sequences)
    timed_tokens = (len(rows) - 1) * first.size
    print(
        f"{len(sequences)} sequences of {length} tokens, {np.mean(sequences >= LOSS):.1%} with loss, "
        f"{timed_tokens / seconds / workers:,.0f} tokens/s and worker, {stream.deaths} workers died"
    )


@app.command()
def tokenizer(
    corpora: Annotated[list[Path], typer.Option("--corpus", help="Source texts, .jsonl.gz of {src, calls}.")],
    out: Annotated[Path, typer.Option(help="The tokenizer.json to write.")],
    size: Annotated[int, typer.Option("--vocabulary", min=400, max=32_768, help="Entries of the vocabulary.")] = 1024,
    generated: Annotated[int, typer.Option(min=0, help="Generated programs to count words in, too.")] = 5000,
) -> None:
    """Build a tokenizer.json: the fixed pieces of the format and the most frequent words of code."""
    import random

    from neuralpdb.train.data import read_corpus
    from neuralpdb.train.programs import generate
    from neuralpdb.train.tokenizer import build, learn_words, vocabulary

    rng = random.Random(1)
    sources = [row["src"] for path in corpora for row in read_corpus(path)]
    sources += [generate.generate(rng).source for _ in range(generated)]
    fixed = sum(not entry.startswith("<|unused") for entry in vocabulary([], size))
    words = learn_words(sources, size - fixed)
    out.write_text(json.dumps(build(words, size), ensure_ascii=False), encoding="utf-8")
    print(f"{out}: {size} entries, {len(words)} of them words")


@app.command()
def fit(
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    init: Annotated[Path | None, typer.Option(help="Checkpoint to start from, Hugging Face or compact.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    minutes: Annotated[float, typer.Option(min=0, help="Wall time to the last step, compiling included.")] = 0.0,
    steps: Annotated[int, typer.Option(min=0, help="Length of the run in steps, instead.")] = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Length of the run in tokens, instead.")] = 0,
    corpora: Corpora = None,
    synthetic: Synthetic = 0.5,
    dev: Annotated[Path | None, typer.Option(help="Programs to evaluate on: .jsonl(.gz).")] = None,
    seed: Seed = 1,
    workers: Workers = 2,
    tokenizer: Tokenizer = None,
    length: Length = 2048,
    last_length: Annotated[int, typer.Option("--last-seq", min=0, help="Length at the end of the run; 0: same.")] = 0,
    last_share: Annotated[float, typer.Option(min=0, max=1, help="Part of the run with --last-seq.")] = 0.25,
    micro: Annotated[int, typer.Option(min=1, help="Sequences of a forward pass.")] = 64,
    accumulate: Annotated[int, typer.Option(min=1, help="Forward passes of a step.")] = 1,
    lr: Annotated[float, typer.Option(min=0, help="Peak learning rate of Muon; AdamW has half.")] = 2e-3,
    warm_up: Annotated[int, typer.Option(min=0, help="Steps of rising learning rate.")] = 200,
    flat: Annotated[float, typer.Option(min=0, max=0.99, help="Part of the run before it falls.")] = 0.3,
    save_minutes: Annotated[float, typer.Option(min=0, help="Between checkpoints.")] = 4.0,
    evaluate_minutes: Annotated[float, typer.Option(min=0, help="Between evaluations.")] = 4.0,
    layers: Annotated[int, typer.Option(min=1)] = 12,
    hidden: Annotated[int, typer.Option(min=8)] = 512,
    ffn: Annotated[int, typer.Option(min=8)] = 1408,
    heads: Annotated[int, typer.Option(min=1)] = 8,
    kv_heads: Annotated[int, typer.Option(min=1)] = 2,
    context: Annotated[int, typer.Option(min=64, help="Longest sequence of a fresh model.")] = 4096,
    compiled: Annotated[bool, typer.Option("--compile/--no-compile", help="torch.compile, on a GPU.")] = True,
    device: Device = "",
) -> None:
    """Train: from --init, or from nothing a model of --layers, --hidden, ... Writes log, checkpoints and figures."""
    import torch

    from neuralpdb.engines.local.checkpoint import TOKENIZER
    from neuralpdb.train import cases
    from neuralpdb.train.fit import Plan, Trainer, start_model

    recipe = _recipe(corpora, synthetic, seed, length, tokenizer or (init / TOKENIZER if init else None))
    plan = Plan(
        recipe, workers, minutes, steps, tokens, micro, accumulate, lr, warm_up, flat,
        last_length, last_share, save_minutes, evaluate_minutes, compiled,
    ).checked()  # fmt: skip
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("high")
    shape = None if init else _geometry(recipe, layers, hidden, ffn, heads, kv_heads, context)
    net = start_model(init, shape, seed, _device(device))
    if max(length, last_length) > net.geometry.context:
        raise UsageError(f"sequences of {max(length, last_length)} tokens exceed the model's {net.geometry.context}")
    programs = cases.recorded(dev) if dev is not None else []
    Trainer(plan, out, net, programs, resume=resume, began=BEGAN).run()


def _geometry(recipe: Recipe, layers: int, hidden: int, ffn: int, heads: int, kv_heads: int, context: int) -> Geometry:
    from neuralpdb.engines.local.checkpoint import Geometry
    from neuralpdb.train.tokenizer import Encoder

    if hidden % (2 * heads) or heads % kv_heads:
        raise UsageError(f"--hidden {hidden} cannot be divided among --heads {heads} over --kv-heads {kv_heads}")
    return Geometry(
        vocabulary=len(Encoder.read(Path(recipe.tokenizer))),
        hidden=hidden,
        ffn=ffn,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=hidden // heads,
        context=context,
        eps=1e-5,
        theta=1e5,
        windows=(None,) * layers,
    )


def _device(name: str) -> torch.device:
    import torch

    try:
        return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise UsageError(f"--device {name}: torch knows no such device", "for example cpu or cuda") from None


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint, Hugging Face or compact.")],
    programs: Annotated[Path, typer.Argument(help=".jsonl(.gz) of {src, calls} or {id, source, call}.")],
    limit: Annotated[int, typer.Option(min=0, help="Only the first N programs; 0: all.")] = 0,
    length: Length = 2048,
    plain: Annotated[bool, typer.Option("--plain", help="Only programs without comprehensions.")] = False,
    rollout: Annotated[bool, typer.Option("--rollout/--no-rollout", help="Let the model run on its own, too.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write all figures as JSON to this file.")] = None,
    device: Device = "",
) -> None:
    """Compare a model's predictions with recorded runs: teacher-forced by frame and part, and free-running."""
    from neuralpdb.train import cases
    from neuralpdb.train.evaluate import free_running, teacher_forced
    from neuralpdb.train.model import load
    from neuralpdb.train.tokenizer import Encoder

    net = load(checkpoint).to(_device(device))
    encoder = Encoder.read(checkpoint / "tokenizer.json")
    selected = [case for case in cases.recorded(programs, limit) if not (plain and case.comprehensions)]
    figures = (free_running if rollout else teacher_forced)(net, selected, encoder, min(length, net.geometry.context))
    protocol = {
        "checkpoint": str(checkpoint),
        "programs": str(programs),
        "python": sys.version.split()[0],
        "first": limit,
        "length": length,
        "plain": plain,
    }
    if out is not None:
        out.write_text(json.dumps({"protocol": protocol, **figures.as_dict()}, indent=2) + "\n", encoding="utf-8")
    _print(figures, protocol)


def _print(figures: Figures, protocol: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(json.dumps(protocol), markup=False, highlight=False)
    summary = figures.as_dict()
    console.print(f"{summary['traces']} traces, {summary['frames']} frames, {summary['skipped']} too long")
    for title in ("parts", "constructs", "values"):
        table = Table(title, "right", "all", "%")
        for name, row in summary[title].items():
            table.add_row(name, str(row["right"]), str(row["all"]), f"{100 * row['share']:.1f}")
        console.print(table)


@app.command()
def programs(
    corpus: Annotated[Path, typer.Argument(help=".jsonl(.gz) of {src, calls}.")],
    limit: Annotated[int, typer.Option(min=0, help="Only the first N programs; 0: all.")] = 0,
) -> None:
    """Print a corpus as programs for `neuralpdb --compare`: JSON lines of {id, source, call}, one call of each."""
    from neuralpdb.train import cases

    for number, (name, source, call) in enumerate(cases.programs(corpus)[: limit or None], 1):
        print(json.dumps({"id": f"{number}:{name}", "source": source, "call": call}))


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="Checkpoint in Hugging Face layout, or a compact one to expand.")],
    target: Annotated[Path, typer.Argument(help="Folder to write.")],
    name: Annotated[str, typer.Option(help="The checkpoint's name in its manifest.")] = "mini",
    figures: Annotated[Path | None, typer.Option(help="JSON of `evaluate --out` for the manifest.")] = None,
) -> None:
    """Convert a checkpoint: Hugging Face layout to compact int8 with hashes and figures, or compact to Hugging Face."""
    from neuralpdb.engines.local import checkpoint
    from neuralpdb.train.export import compact

    if (source / checkpoint.MANIFEST).exists():
        print(checkpoint.expand(source, target))
        return
    if not (source / checkpoint.CONFIG).exists():
        raise UsageError(f"no checkpoint in {source}", "name a folder with config.json")
    about: dict[str, Any] = {"name": name}
    if figures is not None:
        about["figures"] = json.loads(figures.read_text(encoding="utf-8"))
    manifest = compact(source, target, about)
    size = sum(facts["bytes"] for facts in manifest["files"].values())
    print(f"{target}: {size / 1e6:.1f} MB, weights {manifest['files'][checkpoint.WEIGHTS]['sha256'][:12]}")


def main() -> None:
    """Run a command; for an error of the user print one line and exit with its code."""
    try:
        app()
    except NeuralPdbError as error:
        print(f"*** {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
