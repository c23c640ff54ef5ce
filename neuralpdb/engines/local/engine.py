"""The embedded engine: greedy or sampled decoding, scores, and one cached sequence.

Owns which tokens the decoder's cache holds: whatever prefix a new prompt shares with them is not computed again, so
a growing debug session pays for new tokens only and going back costs nothing. Knows nothing of frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import torch

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
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.decoder import FEW, Decoder, rest_of_block
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.spelling import Encoded
from neuralpdb.engines.tokens import Markup, Token, joined
from neuralpdb.errors import ModelError

CHUNK = 512
"""Tokens of one forward pass of a long prompt: bounds memory, and how long Ctrl-C waits."""

INT8_TOLERANCE, SAME_TOLERANCE = 0.5, 1e-3
"""How far scores (fp32) and decoding (int8 rows, bf16 activations) may differ, in logits; and where both are alike.

Measured with int8 rows: margins differ by 0.29 at most, over 21,329 tokens of real functions."""

SHORT = 64
"""Up to this many uncached tokens are computed exactly as decoding would produce them (all of them with `exact`): about
a frame that the user changed. The fp32 pass is faster for longer ones, by a quarter."""

PACKED = 256
"""Continuations are judged in one pass while they hold no more tokens than this together: it bounds their masks."""


class LocalEngine(Engine):
    """A CWM checkpoint run by torch on the CPU. One sequence is cached; calls from several threads take turns.

    exact: all keys and values are, to the bit, those of computing one token after another, whatever was asked before: a
    text is judged as if it had been decoded, and completions do not depend on what they are asked together with. It
    takes up to three times as long; much longer where a pass takes one token only (`Decoder.width`).
    """

    def __init__(
        self, decoder: Decoder, vocabulary: Vocabulary, name: str, revision: str, *, exact: bool = False
    ) -> None:
        self._decoder = decoder
        self._vocabulary = vocabulary
        self._exact = exact
        tolerance = INT8_TOLERANCE if decoder.int8 and not exact else SAME_TOLERANCE
        self._capabilities = Capabilities(name, revision, decoder.geometry.context, tolerance=tolerance)
        self._cached: list[int] = []
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path | None = None, threads: int | None = None, *, exact: bool = False) -> LocalEngine:
        """Load the checkpoint directory `path`, default the embedded one.

        threads: the most that torch may use; default OMP_NUM_THREADS, else up to 4 of the cores of this process.
        Raises ModelError when a file is missing, damaged or of an unsupported kind.
        """
        ck = checkpoint.load(path)
        with torch.inference_mode():
            decoder = Decoder(ck, threads=threads)
        return cls(decoder, Vocabulary(ck.tokenizer), ck.name, ck.revision, exact=exact)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def decoder(self) -> Decoder:
        """Return the decoder, for measurements: it counts passes and tokens."""
        return self._decoder

    def count(self, markup: Markup) -> int:
        return sum(map(len, self._vocabulary.encode(markup).pieces))

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
        """Return one completion for each prompt; every prompt starts from the same seed.

        Log-probabilities are those of the model, before the temperature. A draft is verified in one pass of few
        tokens, to the bit of the same result; it is not looked at with sampling, nor where such a pass leaves other
        bits (`Decoder.width`). Raises ModelError for a prompt that leaves no room to write.
        """
        stops = frozenset(self._vocabulary.special[token] for token in stop)
        replies = []
        for prompt in prompts:
            encoded = self._vocabulary.encode(prompt)
            ids = self._fitting(encoded, room=1)
            limit = min(max_tokens, self._capabilities.context - len(ids))
            replies.append(_Reply(encoded, ids, stops, limit, _Chooser(sampling), self._reader(encoded, until)))
        drafted = len(replies) == 1 and not sampling.temperature and self._decoder.width > 1
        with self._running():
            for group in _groups(replies, self._decoder.slots):
                if len(group) > 1 and not self._exact and not until:
                    self._write_together(group)
                else:
                    for reply in group:  # the longest first: what it shares with the others stays in the cache
                        self._write(reply, draft if drafted else None)
        completions = [self._completion(reply) for reply in replies]
        return [cut_behind(each, until) for each in completions] if until else completions

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        """Judge each continuation; short ones share a forward pass.

        The cache keeps the likeliest, so that going on from it is free. With `exact` each is computed by itself, and
        the last one is kept. Raises ModelError when one does not fit.
        """
        encoded = self._vocabulary.encode(prompt)
        parts = [self._vocabulary.encode(c, encoded) for c in continuations]
        texts = [part.ids for part in parts]
        ids = self._fitting(encoded, room=max(map(len, texts), default=0))
        with self._running():
            judged = (self._judge_exactly if self._exact else self._judge)(ids, texts)
        return [_score(verdict, part) for verdict, part in zip(judged, parts, strict=True)]

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        encoded = self._vocabulary.encode(prompt)
        ids = self._vocabulary.encode(continuation, encoded).ids[:tokens]
        markup = self._vocabulary.decode(ids, encoded)
        return markup if self._vocabulary.encode(markup, encoded).ids == ids else ()  # not in the middle of a letter

    def close(self) -> None:
        self._cached = []

    def _reader(self, prompt: Encoded, until: str) -> Callable[[list[int]], bool] | None:
        """Return what tells from the tokens of a reply whether `until` is in it; None where nothing is looked for."""
        if not until:
            return None

        def has_ended(written: list[int]) -> bool:
            pieces = self._vocabulary.decode(written, prompt)
            return any(until in piece for piece in pieces if not isinstance(piece, Token))

        return has_ended

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Let one caller in at a time, without gradients."""
        with self._lock, torch.inference_mode():
            yield

    def _fitting(self, prompt: Encoded, room: int) -> list[int]:
        """Return the ids of a prompt that leaves `room` tokens of the context. Raises ModelError."""
        ids = prompt.ids
        context = self._capabilities.context
        if not ids:
            raise ModelError("an empty prompt: there is nothing to go on from")
        if len(ids) + room > context:
            raise ModelError(
                f"the prompt has {len(ids)} tokens, {room} more are needed, and the model's context is {context}",
                "start closer to the lines of interest, or use an engine with a longer context",
            )
        return ids

    def _completion(self, reply: _Reply) -> Completion:
        return Completion(
            text=self._vocabulary.decode(reply.written, reply.prompt),
            finish=Finish.STOP if reply.stopped else Finish.LENGTH,
            logprobs=tuple(reply.logprobs),
            prompt_tokens=len(reply.ids),
            cached_tokens=reply.cached,
            passes=reply.passes,
            widths=self._vocabulary.widths(reply.written),
        )

    def _write(self, reply: _Reply, draft: Drafter | None) -> None:
        """Decode one reply; it stays in the cache."""
        before = self._decoder.passes
        reply.cached = _shared(self._cached, reply.ids[:-1])
        if not reply.done:
            self._prefill(reply.ids[:-1])
        drafted: list[int] = []
        while not reply.done:
            drafted = drafted or (self._drafted(draft, reply) if draft is not None else [])
            if drafted:
                drafted = self._verify(reply, drafted)
            else:
                reply.take(self._extend([reply.last])[0])
        reply.passes = self._decoder.passes - before

    def _drafted(self, draft: Drafter, reply: _Reply) -> list[int]:
        """Return the ids of a guess that continues the reply; none where it spells the text so far in other tokens."""
        written = self._vocabulary.decode(reply.written, reply.prompt)
        guess = draft(written)
        if not guess:
            return []
        ids = self._vocabulary.encode(joined(written, guess), reply.prompt).ids
        n = len(reply.written)
        return ids[n:] if ids[:n] == reply.written else []

    def _verify(self, reply: _Reply, drafted: list[int]) -> list[int]:
        """Write the tokens of `drafted` that one pass confirms, and one more; return those left to verify."""
        start = len(self._cached)
        tokens = [reply.last, *drafted][: self._decoder.room(start)]
        verdict = _judged(self._extend(tokens))
        for i, (token, logprob) in enumerate(zip(*verdict, strict=True)):
            reply.add(token, logprob)
            if reply.done or i >= len(drafted) or token != drafted[i]:
                del self._cached[start + i + 1 :]
                return []
        return drafted[len(tokens) :]

    def _write_together(self, replies: Sequence[_Reply]) -> None:
        """Decode replies to prompts that all begin the first one, a token of each in every pass.

        The cache keeps the first prompt; what is written lives behind it and is forgotten.
        """
        before = self._decoder.passes
        trunk = replies[0].ids[:-1]
        for reply in replies:
            reply.cached = _shared(self._cached, reply.ids[:-1]) if reply is replies[0] else len(reply.ids) - 1
        self._prefill(trunk)
        replies[0].passes = self._decoder.passes - before
        lengths = torch.tensor([len(reply.ids) - 1 for reply in replies])
        own_trunk = torch.arange(len(trunk))[None] < lengths[:, None]
        owners: list[int] = []  # of each slot behind the trunk
        while active := [i for i, reply in enumerate(replies) if not reply.done]:
            start = len(trunk) + len(owners)
            owners += active
            own = torch.tensor(owners)[None] == torch.tensor(active)[:, None]
            going = [replies[i] for i in active]
            seen = torch.cat((own_trunk[active], own), dim=1)
            logits = self._decoder.tree([r.last for r in going], start, [r.position for r in going], seen)
            for reply, row in zip(going, logits, strict=True):
                reply.take(row)
                reply.passes += 1

    def _prefill(self, ids: list[int]) -> None:
        """Make the cache hold exactly `ids`."""
        del self._cached[_shared(self._cached, ids) :]
        uncached = ids[len(self._cached) :]
        exactly = self._exact or (len(uncached) <= SHORT and self._decoder.width > 1)
        for part in self._parts(uncached) if exactly else _chunks(uncached):
            self._extend(part, first=-1)

    def _parts(self, ids: list[int]) -> Iterator[list[int]]:
        """Yield `ids` in passes of few tokens behind the cached ones, see `Decoder.few`."""
        at, start = 0, len(self._cached)
        while at < len(ids):
            size = self._decoder.room(start + at)
            yield ids[at : at + size]
            at += size

    def _extend(self, ids: list[int], first: int = 0) -> torch.Tensor:
        """Compute `ids` behind the cached ones; return logits of the tokens `first` and later.

        Interrupted, the cache is what it was: ids count only when their pass is done.
        """
        start = len(self._cached)
        few = len(ids) <= min(FEW, rest_of_block(start))
        logits = (self._decoder.few if few else self._decoder.forward)(ids, start, first)
        self._cached += ids
        return logits

    def _judge(self, ids: list[int], texts: Sequence[list[int]]) -> list[_Verdict]:
        """Judge each of `texts` behind `ids`."""
        verdicts: list[_Verdict] = []
        for group in _packed(texts, min(PACKED, self._capabilities.context - len(ids))):
            self._prefill(ids[:-1])
            verdicts += [self._follow(ids[-1], group[0])] if len(group) == 1 else self._branch(ids[-1], group)
        return verdicts

    def _follow(self, root: int, text: list[int]) -> _Verdict:
        """Judge one continuation; its own last token need not be computed."""
        verdict, at = _Verdict(), 0
        for part in _chunks([root, *text[:-1]]):
            verdict += _verdict(self._extend(part), text[at : at + len(part)])
            at += len(part)
        return verdict

    def _judge_exactly(self, ids: list[int], texts: Sequence[list[int]]) -> list[_Verdict]:
        """Judge each of `texts` behind `ids` by itself, in passes that leave the bits of decoding."""
        if not texts:
            return []
        self._prefill(ids[:-1])
        after_prompt = self._extend(ids[-1:])
        verdicts = []
        for text in texts:
            del self._cached[len(ids) :]
            verdict, at = _verdict(after_prompt[: len(text)], text[:1]), 1
            for part in self._parts(text[:-1]):
                verdict += _verdict(self._extend(part), text[at : at + len(part)])
                at += len(part)
            verdicts.append(verdict)
        return verdicts

    def _branch(self, root: int, texts: Sequence[list[int]]) -> list[_Verdict]:
        """Judge several continuations in one pass; the likeliest stays in the cache."""
        start = len(self._cached)
        tails = [text[:-1] for text in texts]
        logits = self._decoder.branches(root, tails, start)
        verdicts, places, at = [], [], 1
        for text, tail in zip(texts, tails, strict=True):
            rows = torch.cat((logits[:1], logits[at : at + len(tail)]))
            verdicts.append(_verdict(rows[: len(text)], text))
            places.append(at)
            at += len(tail)
        best = max(range(len(texts)), key=lambda i: sum(verdicts[i].logprobs))
        self._decoder.keep(start + places[best], start + 1, len(tails[best]))
        self._cached += [root, *tails[best]]
        return verdicts


@dataclass
class _Reply:
    """A completion that is being written."""

    prompt: Encoded
    ids: list[int]
    stops: frozenset[int]
    limit: int
    choose: _Chooser
    has_ended: Callable[[list[int]], bool] | None = None
    written: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    cached: int = 0
    passes: int = 0

    @property
    def last(self) -> int:
        """Return the latest token of prompt and reply."""
        return self.written[-1] if self.written else self.ids[-1]

    @property
    def position(self) -> int:
        """Return the position of the latest token."""
        return len(self.ids) + len(self.written) - 1

    @property
    def stopped(self) -> bool:
        return bool(self.written) and self.written[-1] in self.stops

    @property
    def done(self) -> bool:
        if self.stopped or len(self.written) >= self.limit:
            return True
        return self.has_ended is not None and self.has_ended(self.written)

    def take(self, logits: torch.Tensor) -> None:
        """Choose the next token from logits [vocabulary]."""
        self.add(*self.choose(logits))

    def add(self, token: int, logprob: float) -> None:
        """Append a token that was chosen."""
        self.written.append(token)
        self.logprobs.append(logprob)


@dataclass(frozen=True)
class _Verdict:
    """The judgement of each token of a text: log-probability, whether it is the greedy one, margin."""

    logprobs: tuple[float, ...] = ()
    greedy: tuple[bool, ...] = ()
    margins: tuple[float, ...] = ()

    def __add__(self, other: _Verdict) -> _Verdict:
        margins = self.margins + other.margins
        return _Verdict(self.logprobs + other.logprobs, self.greedy + other.greedy, margins)


def _verdict(logits: torch.Tensor, text: list[int]) -> _Verdict:
    """Judge the tokens of `text`. logits: [len(text), vocabulary], row i for token i."""
    tokens = torch.tensor(text, dtype=torch.long)[:, None]
    own = logits.gather(1, tokens)[:, 0]
    best, places = logits.topk(2, dim=-1)
    greedy = places[:, 0] == tokens[:, 0]
    margins = own - torch.where(greedy, best[:, 1], best[:, 0])
    logprobs = own - logits.logsumexp(-1)
    return _Verdict(tuple(logprobs.tolist()), tuple(greedy.tolist()), tuple(margins.tolist()))


def _judged(logits: torch.Tensor) -> tuple[list[int], list[float]]:
    """Return the greedy tokens of logits [n, vocabulary], and their log-probabilities."""
    best, places = logits.max(-1)
    return places.tolist(), (best - logits.logsumexp(-1)).tolist()


class _Chooser:
    """A choice of next tokens from logits: the greatest, or a sample with a seed of its own."""

    def __init__(self, sampling: Sampling) -> None:
        self._temperature = sampling.temperature
        self._generator = torch.Generator().manual_seed(sampling.seed)

    def __call__(self, logits: torch.Tensor) -> tuple[int, float]:
        """Return token and log-probability. logits: [vocabulary]."""
        if self._temperature <= 0:
            choice = logits.argmax()
        else:
            chances = (logits / self._temperature).softmax(-1)
            choice = torch.multinomial(chances, 1, generator=self._generator)[0]
        return int(choice), float(logits[choice] - logits.logsumexp(-1))


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    """Yield `ids` in passes of many tokens."""
    yield from (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """Return the length of the longest common prefix."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _groups(replies: Sequence[_Reply], slots: int) -> Iterator[list[_Reply]]:
    """Yield `replies` in the order that computes least: each group's prompts begin its first one, the longest.

    A group is no larger than one pass is good for, and what it writes fits behind its first prompt.
    """
    group: list[_Reply] = []
    for reply in sorted(replies, key=lambda reply: reply.ids, reverse=True):
        if group:
            trunk = group[0].ids
            fits = len(trunk) + (len(group) + 1) * max(r.limit for r in (*group, reply)) <= slots
            if len(group) == FEW or not fits or trunk[: len(reply.ids)] != reply.ids:
                yield group
                group = []
        group.append(reply)
    if group:
        yield group


def _packed(texts: Sequence[list[int]], most: int) -> Iterator[list[list[int]]]:
    """Yield `texts` in order, in groups of at most `most` tokens (a longer one alone)."""
    group: list[list[int]] = []
    for text in texts:
        if group and sum(map(len, group)) + len(text) > most:
            yield group
            group = []
        group.append(text)
    if group:
        yield group


def _score(verdict: _Verdict, text: Encoded) -> Score:
    return Score(verdict.logprobs, verdict.greedy, tuple(accumulate(map(len, text.pieces))), verdict.margins)
