"""The engine protocol: marked-up text in, marked-up text or scores out. An engine knows nothing of frames."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from neuralpdb.engines.tokens import Markup, Token


class Finish(StrEnum):
    """The reason why a completion ended."""

    STOP = "stop"
    """a stop token was written; it is the last piece of the text"""
    LENGTH = "length"
    """`max_tokens` or the model's context was used up: a truncation, not a statement of the model"""


@dataclass(frozen=True)
class Sampling:
    """The way a next token is chosen.

    temperature: 0 is greedy; otherwise a draw from softmax(logits / temperature).
    seed:        of the draws.
    """

    temperature: float = 0.0
    seed: int = 0


GREEDY = Sampling()


@dataclass(frozen=True)
class Completion:
    """A text that the model wrote behind a prompt.

    text:          the pieces written, the stop token included.
    logprobs:      natural-log probability of each written token, in order.
    prompt_tokens: tokens of the prompt.
    cached_tokens: tokens of the prompt that were not computed again.
    passes:        forward passes used.
    widths:        characters of the text that each written token adds, in order, a `Token` counting one; empty where
                   the engine cannot tell.
    """

    text: Markup
    finish: Finish
    logprobs: tuple[float, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    passes: int = 0
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """A given continuation, judged by the model.

    logprobs: natural-log probability of each token of the continuation.
    greedy:   per token, whether it is the one that greedy decoding would have written.
    ends:     for each piece of the continuation, the number of tokens up to and including it.
    margins:  per token, its log-probability less that of the best other token: positive where it is the greedy one.
    """

    logprobs: tuple[float, ...]
    greedy: tuple[bool, ...]
    ends: tuple[int, ...]
    margins: tuple[float, ...]

    @property
    def total(self) -> float:
        """Return the log-probability of the whole continuation."""
        return sum(self.logprobs)

    @property
    def mean(self) -> float:
        """Return the mean log-probability of a token; 0 where there is none."""
        return self.total / max(len(self.logprobs), 1)


@dataclass(frozen=True)
class Capabilities:
    """The identity of an engine's model, and the engine's abilities.

    name, revision:       of the model.
    context:              tokens of prompt and reply together.
    scores:               whether it can judge a given text.
    comprehension_frames: whether the model writes comprehensions as frames of their own (Python <= 3.11).
    tolerance:            how far, in log-probability, its scores and its decoding may differ, because their arithmetic
                          does. A token with a smaller margin is not decided by a score.
    parallel:             how many callers at once it serves well.
    """

    name: str
    revision: str
    context: int
    scores: bool = True
    comprehension_frames: bool = False
    tolerance: float = 0.0
    parallel: int = 1


Drafter = Callable[[Markup], Markup]
"""From the text of a reply so far to its likely continuation, empty without a guess. It is called repeatedly."""


class Engine(Protocol):
    """A model that completes and scores marked-up text.

    Raises ModelError when the model cannot be used. KeyboardInterrupt may pass through every method and leaves
    the engine usable.
    """

    @property
    def ready(self) -> bool:
        """Whether a call finds the engine loaded, or failed, and does not wait for that."""
        return True

    @property
    def loading(self) -> bool:
        """Whether the engine is being loaded."""
        return False

    def begin(self) -> None:
        """Start to load the engine in the background, where that takes long; again is harmless."""
        return

    @property
    def capabilities(self) -> Capabilities: ...

    def count(self, markup: Markup) -> int:
        """Return the number of tokens of `markup`."""
        ...

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
        """Return one completion for each prompt. Prompts that share a prefix with earlier ones should cost less.

        draft: guesses for the reply to a single prompt. They change the cost of the reply, never its text; an engine
        that gains nothing by them ignores them.
        until: a text that ends the reply, too (finish STOP): the reply is cut behind its first place, also where the
        last token would go on.
        """
        ...

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        """Judge each continuation of `prompt`, independently of the others."""
        ...

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        """Return the first `tokens` tokens of `continuation`, such that `score` would encode them the same way.

        A piece of text may end in its middle. Empty where the engine cannot tell: start from the prompt then.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


def cut_behind(completion: Completion, until: str) -> Completion:
    """Return a reply up to and including the first place of `until`; as it is where there is none."""
    pieces: list[str | Token] = []
    left = 0
    for piece in completion.text:
        at = piece.find(until) if not isinstance(piece, Token) else -1
        if at >= 0:
            pieces.append(str(piece)[: at + len(until)])
            left += at + len(until)
            break
        pieces.append(piece)
        left += 1 if isinstance(piece, Token) else len(piece)
    else:
        return completion
    widths, tokens = [], 0
    for width in completion.widths:
        widths.append(min(width, left))
        left -= widths[-1]
        tokens += 1
        if left <= 0:
            break
    return replace(
        completion,
        text=tuple(pieces),
        finish=Finish.STOP,
        widths=tuple(widths),
        logprobs=completion.logprobs[:tokens] if widths else completion.logprobs,
    )
