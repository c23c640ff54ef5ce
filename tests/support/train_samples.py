"""Training samples: a small corpus and recipe for the tests of training, without the program generator."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from neuralpdb.engines.local import checkpoint
from neuralpdb.train.data import Recipe

PROGRAMS = [
    ("def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i\n    return total\n", ["f(3)", "f(7)"]),
    (
        "def g(text):\n    return text.upper() + '!'\n\ndef f(words):\n    out = []\n    for w in words:\n"
        "        out.append(g(w))\n    return out\n",
        ["f(['ab', 'c'])", "f(['x', 'yz', 'hello'])"],
    ),
    ("def fib(n):\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n", ["fib(4)", "fib(5)"]),
    ("def f(a, b):\n    c = a // b\n    return [c, a % b]\n", ["f(17, 5)", "f(3, 0)"]),
]


def corpus(folder: Path) -> Path:
    """Write the programs as a corpus."""
    path = folder / "corpus.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        for source, calls in PROGRAMS:
            stream.write(json.dumps({"src": source, "calls": calls, "origin": "test"}) + "\n")
    return path


def recipe(folder: Path, length: int = 384, sequences: int = 2, seed: int = 1) -> Recipe:
    """Return a recipe that makes its data of the corpus alone."""
    tokenizer = checkpoint.embedded() / checkpoint.TOKENIZER
    return Recipe(str(tokenizer), seed, length, sequences, (str(corpus(folder)),), synthetic=0.0)
