"""Questions to the engine about one frame: how they are asked, their limits, their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from neuralpdb.engines.base import Completion, Drafter, Engine, Finish, Sampling, Score
from neuralpdb.engines.tokens import Markup, Token, spelled

FRAME_TOKENS = 1024
"""Most tokens of one frame: a model can run on inside one value for ever."""

STOP = frozenset({Token.FRAME, Token.END})
"""Tokens that end a frame."""


@dataclass
class PredictionCost:
    """The cost of the predictions so far, in tokens and forward passes.

    overruled: frames whose line control flow did not allow.
    """

    frames: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    passes: int = 0
    overruled: int = 0

    def add(self, done: Completion) -> None:
        """Count a completion."""
        self.prompt_tokens += done.prompt_tokens
        self.cached_tokens += done.cached_tokens
        self.written_tokens += len(done.logprobs)
        self.passes += done.passes


@dataclass(frozen=True)
class Query:
    """The way one frame is asked for.

    engine:   answers.
    usage:    counts the cost.
    sampling: greedy, or a draw with chance.
    limit:    most tokens of one answer.
    """

    engine: Engine
    usage: PredictionCost
    sampling: Sampling
    limit: int

    def at_most(self, limit: int) -> Query:
        """Return the same query with another limit."""
        return replace(self, limit=limit)

    def complete(
        self, prompt: Markup, stop: frozenset[Token] = STOP, draft: Drafter | None = None, until: str = ""
    ) -> Completion:
        """Return what the model writes behind `prompt`, up to a token of `stop` or `until`. Raises ModelError."""
        [done] = self.engine.complete(
            [prompt], stop=stop, max_tokens=self.limit, sampling=self.sampling, draft=draft, until=until
        )
        self.usage.add(done)
        return done

    def ask(self, prompt: Markup, stop: frozenset[Token] = STOP) -> tuple[Markup, Finish]:
        """Return the text that the model writes behind `prompt`, and how it ended. Raises ModelError."""
        done = self.complete(prompt, stop)
        return done.text, done.finish

    def scores(self, prompt: Markup, options: Sequence[Markup]) -> list[Score]:
        """Return what the model thinks of each of `options` behind `prompt`. Raises ModelError."""
        scores = self.engine.score(prompt, options)
        self.usage.passes += 1
        return scores

    def totals(self, prompt: Markup, options: Sequence[Markup]) -> list[float]:
        """Return the log-probability of each of `options` behind `prompt`. Raises ModelError."""
        return [score.total for score in self.scores(prompt, options)]

    def means(self, prompt: Markup, options: Sequence[Markup]) -> list[float]:
        """Return the mean log-probability of a token, for each of `options` behind `prompt`. Raises ModelError."""
        return [score.mean for score in self.scores(prompt, options)]


def excerpted(markup: Markup, most: int = 400) -> str:
    """Return marked-up text as it is spelled, cut at `most` characters."""
    text = spelled(markup)
    return text if len(text) <= most else text[:most] + "..."
