"""Taught: programs with a model that was taught their traces, for comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parrot import Parrot

from neuralpdb.engines.base import Completion
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import ModelError
from neuralpdb.fidelity.comparison import ComparisonSetup
from neuralpdb.fidelity.targets import Target
from neuralpdb.realrun.recorder import record

DOUBLE = "def f(n):\n    m = n * 2\n    return m\n"
WRONG = (Token.LINE, '{"n": "..", "m": "7"}', Token.ACTION, "    return m\n", Token.FRAME)
SETUP = ComparisonSetup("local", "parrot", "0", 1 << 20)


def taught(*targets: Target, wrong: dict[int, Markup] | None = None, **options: Any) -> Parrot:
    """Return a model that knows the traces of `targets`."""
    parrot = Parrot(**options)
    for target in targets:
        entry = target.enter(target.source())
        trace = record(entry.program.text, filename="p.py", entry_function=entry.function, entry_line=entry.marked)
        parrot.learn(entry, trace, wrong)
    return parrot


def program(name: str, text: str = DOUBLE, call: str = "f(3)") -> Target:
    return Target(name, name, call, text=text)


class Broken(Parrot):
    """A model that cannot be used for the programs whose source holds a word."""

    word = "BROKEN"

    def check(self, prompt: Markup) -> None:
        if any(isinstance(piece, str) and self.word in piece for piece in prompt):
            raise ModelError("the server is gone")

    def complete(self, prompts: Sequence[Markup], **options: Any) -> list[Completion]:
        for prompt in prompts:
            self.check(prompt)
        return super().complete(prompts, **options)

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Any]:
        self.check(prompt)
        return super().score(prompt, continuations)


BAD = DOUBLE + "# BROKEN\n"
