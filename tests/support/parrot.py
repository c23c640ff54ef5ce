"""Parrot: a model whose words are known, since it writes recorded traces, wrong where a test wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from neuralpdb.engines.base import Capabilities, Completion, Engine, Finish, Score, cut_behind
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Frame, Trace

Atoms = tuple[str | Token, ...]


def atoms(markup: Markup) -> Atoms:
    """Return single characters and tokens: this model's tokens."""
    return tuple(part for piece in markup for part in ((piece,) if isinstance(piece, Token) else piece))


def whole(parts: Atoms) -> Markup:
    pieces: list[str | Token] = []
    for part in parts:
        if isinstance(part, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += part
        else:
            pieces.append(part)
    return tuple(pieces)


class Parrot(Engine):
    """An engine that writes true traces but for the frames of `wrong`: index -> what it writes there; then the end.

    A token is a character, or one `Token`.
    sure:    the size of all margins.
    decoded: prompts that it was asked to continue.
    scored:  tokens it had to judge.
    """

    def __init__(
        self,
        entry: Entry | None = None,
        truth: Trace | None = None,
        wrong: Mapping[int, Markup] | None = None,
        *,
        sure: float = 5.0,
        capabilities: Capabilities | None = None,
    ) -> None:
        self._capabilities = capabilities or Capabilities("parrot", "0", 1 << 20, tolerance=1.0)
        self.sure = sure
        self.decoded: list[Markup] = []
        self.scored: list[int] = []
        self.says: dict[Atoms, Atoms] = {}
        if entry is not None and truth is not None:
            self.learn(entry, truth, wrong or {})

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def learn(self, entry: Entry, truth: Trace, wrong: Mapping[int, Markup] | None = None) -> None:
        """Learn one more program."""
        predictor = Predictor(entry, self)
        base: Frame | None = None
        for i in range(1, len(truth.frames) + 1):
            base = codec.next_base(base, truth.frames[i - 1])
            true = codec.render(truth.frames[i], base) if i < len(truth.frames) else (Token.END,)
            prompt = atoms(predictor.prompt(truth.frames[:i]).markup)
            self.says[prompt] = atoms((wrong or {}).get(i, true))

    def count(self, markup: Markup) -> int:
        return len(atoms(markup))

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: object,
        max_tokens: int,
        sampling: object = None,
        draft: object = None,
        until: str = "",
    ) -> list[Completion]:
        self.decoded += prompts
        replies = [self.after(atoms(prompt)) for prompt in prompts]
        completions = [
            Completion(
                whole(reply[:max_tokens]),
                Finish.STOP if len(reply) <= max_tokens else Finish.LENGTH,
                (-0.5,) * min(len(reply), max_tokens),
            )
            for reply in replies
        ]
        return [cut_behind(each, until) for each in completions] if until else completions

    def after(self, prompt: Atoms) -> Atoms:
        """Return what the model writes next; in the middle of a frame it continues that frame."""
        boundaries = (at for at in range(len(prompt), 0, -1) if prompt[at - 1] is Token.FRAME)
        for at in boundaries:
            text, written = self.says.get(prompt[:at]), prompt[at:]
            if text is not None:
                return text[len(written) :] if text[: len(written)] == written else (Token.END,)
        return (Token.END,)

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        return [self._score(atoms(prompt), continuation) for continuation in continuations]

    def _score(self, prompt: Atoms, continuation: Markup) -> Score:
        text = atoms(continuation)
        self.scored.append(len(text))
        greedy = tuple(self._greedy(prompt, text))
        ends = tuple(accumulate(self.count((piece,)) for piece in continuation))
        return Score((-0.5,) * len(text), greedy, ends, tuple(self.sure if good else -self.sure for good in greedy))

    def _greedy(self, prompt: Atoms, text: Atoms) -> Iterator[bool]:
        expected_text: Atoms = self.after(prompt)
        follows, at = True, 0
        for n, part in enumerate(text):
            if n and text[n - 1] is Token.FRAME:
                expected_text, follows, at = self.after(prompt + text[:n]), True, 0
            expected = expected_text[at : at + 1] if follows else (Token.END,)
            yield expected == (part,)
            follows, at = follows and expected == (part,), at + 1

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        return whole(atoms(continuation)[:tokens])

    def close(self) -> None:
        pass
