"""An engine that answers from a list, for tests and examples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from neuralpdb.engines.base import (
    GREEDY,
    Capabilities,
    Completion,
    Drafter,
    Engine,
    Finish,
    Sampling,
    Score,
    cut_behind,
)
from neuralpdb.engines.tokens import Markup, Token


@dataclass
class ScriptedEngine(Engine):
    """An engine that gives the replies of a list in order, whatever the prompt.

    A token is one character of text, or one `Token`.

    replies: the texts to write; after the last one it ends every trace.
    likes:   continuations that score 0.0 a token; others score -9.0.
    prompts: the prompts it was given, in order.
    """

    replies: list[Markup]
    context: int = 1_000_000
    likes: Collection[Markup] = ()
    comprehension_frames: bool = False
    prompts: list[Markup] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("scripted", "0", self.context, comprehension_frames=self.comprehension_frames)

    def count(self, markup: Markup) -> int:
        return sum(1 if isinstance(piece, Token) else len(piece) for piece in markup)

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: Collection[Token],
        max_tokens: int,
        sampling: Sampling = GREEDY,
        draft: Drafter | None = None,
        until: str = "",
    ) -> list[Completion]:
        replies = [self._one(prompt, stop) for prompt in prompts]
        return [cut_behind(reply, until) for reply in replies] if until else replies

    def _one(self, prompt: Markup, stop: Collection[Token]) -> Completion:
        self.prompts.append(prompt)
        text = self.replies.pop(0) if self.replies else (Token.END,)
        finish = Finish.STOP if text and text[-1] in stop else Finish.LENGTH
        return Completion(text, finish, prompt_tokens=self.count(prompt), passes=self.count(text))

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        return [self._score(c) for c in continuations]

    def _score(self, continuation: Markup) -> Score:
        good = continuation in self.likes
        ends: list[int] = []
        for piece in continuation:
            ends.append((ends[-1] if ends else 0) + self.count((piece,)))
        n = ends[-1] if ends else 0
        return Score((0.0 if good else -9.0,) * n, (good,) * n, tuple(ends), (9.0 if good else -9.0,) * n)

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        pieces: list[str | Token] = []
        for piece in continuation:
            kept = piece[:tokens] if isinstance(piece, str) else piece
            if tokens > 0 and kept:
                pieces.append(kept)
            tokens -= self.count((piece,))
        return tuple(pieces)

    def close(self) -> None:
        pass
