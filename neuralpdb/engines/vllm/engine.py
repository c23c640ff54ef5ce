"""A model behind a vLLM server: token ids over HTTP, completions as streams, scores from prompt log-probabilities.

Owns requests and the reading of their answers. Connections are the business of `http`, the spelling of text in token
ids that of `tokenizer`. Knows nothing of frames.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil, inf
from typing import Any

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
from neuralpdb.engines.spelling import Encoded, Ids
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.engines.vllm.http import Timeouts, Wire
from neuralpdb.engines.vllm.tokenizer import Served, ServedVocabulary, checked, is_cwm, meet, odd
from neuralpdb.errors import ModelError

TOLERANCE = 0.5
"""How far scores and decoding of a server may differ, in log-probability.

bf16 rounds logits between 16 and 32 to steps of 0.125, each of two tokens, in both: 0.25, and as much again for the
rest of the arithmetic. Measured on a CPU: 0.00003 with fp32, 0.0006 with bf16.
"""

BATCH = 8
"""Most prompts of one request: their answers come as one stream, and are lost together when it breaks off."""

STEP_COST = 64
"""Cost of judging a single token behind a cached prompt, in tokens of a prompt that is computed anew: an estimate.

It decides which of two ways is taken, not the result."""

_Verdict = tuple[float, float]
"""Log-probability of a token, and how much more it is than that of the best other token."""


class VllmEngine(Engine):
    """A model served by vLLM. Safe to use from several threads; a server that comes back is used again.

    comprehension_frames: whether the model writes comprehensions as frames. None: decided by its name (True for Meta's
    Code World Models, which were traced under Python 3.10).
    """

    def __init__(self, wire: Wire, served: Served, comprehension_frames: bool | None = None) -> None:
        self._wire = wire
        self._served = served
        self._vocabulary = ServedVocabulary(wire, served)
        self._capabilities = Capabilities(
            served.model,
            served.root.rpartition("/")[2] if served.root.startswith("/") else served.root,
            served.context,
            comprehension_frames=is_cwm(served.model, served.root)
            if comprehension_frames is None
            else comprehension_frames,
            tolerance=TOLERANCE,
            parallel=wire.concurrency,
        )

    @classmethod
    def connect(
        cls,
        base_url: str,
        model: str = "",
        api_key: str = "",
        *,
        timeouts: Timeouts | None = None,
        concurrency: int = 32,
        comprehension_frames: bool | None = None,
    ) -> VllmEngine:
        """Connect to `model` (default: the first that it lists) of the server at `base_url`.

        base_url:    `http://host:port`, with or without `/v1`.
        concurrency: most requests at once.
        Raises ModelError when the server cannot be reached or cannot serve traces.
        """
        wire = Wire(base_url, api_key, timeouts, concurrency)
        try:
            return cls(wire, wire.run(meet(wire, model)), comprehension_frames)
        except BaseException:
            wire.close()
            raise

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def count(self, markup: Markup) -> int:
        """Return the number of tokens of `markup`, as the model spelled it where it wrote it. Raises ModelError."""
        return self._wire.run(self._vocabulary.count(markup))

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

        Log-probabilities are those of the model, before the temperature. Temperature 0 is greedy, but a server does
        not promise the same bits twice. Drafts are ignored: the server makes its own (n-grams), and its API would
        verify one only by reading the whole prompt anew. cached_tokens is known where the prompt had a request of its
        own and the server was started with `--enable-prompt-tokens-details`, else 0. Raises ModelError.
        """
        completions = self._wire.run(self._complete(prompts, stop, max_tokens, sampling, until))
        return [cut_behind(each, until) for each in completions] if until else completions

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        """Judge each continuation. Raises ModelError, also when one does not fit."""
        return self._wire.run(self._score(prompt, continuations))

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        """Return nothing: the server decodes many frames at once, and every piece would take a request."""
        return ()

    def close(self) -> None:
        self._wire.close()

    # -- completions ----------------------------------------------------------------------------------------------

    async def _complete(
        self, prompts: Sequence[Markup], stop: Collection[Token], max_tokens: int, sampling: Sampling, until: str
    ) -> list[Completion]:
        encoded = await self._vocabulary.encode(prompts)
        await self._vocabulary.meet_again()
        ids = [self._fitting(prompt, room=1) for prompt in encoded]
        limits = [min(max_tokens, self._served.context - len(prompt_ids)) for prompt_ids in ids]
        settings = self._settings(stop, sampling)
        if until:
            settings |= {"stop": [until], "include_stop_str_in_output": True}

        async def ask(group: Sequence[int]) -> list[_Choice]:
            body = settings | {"prompt": [ids[i] for i in group], "max_tokens": limits[group[0]]}
            return await self._asked(body, len(group))

        groups = list(_grouped(limits, min(BATCH, ceil(len(ids) / self._wire.concurrency))))
        answers = await self._wire.together(ask, groups)
        choices = {
            i: choice
            for group, answer in zip(groups, answers, strict=True)
            for i, choice in zip(group, answer, strict=True)
        }
        return [await self._completion(choices[i], encoded[i], stop, until) for i in range(len(ids))]

    def _settings(self, stop: Collection[Token], sampling: Sampling) -> dict[str, Any]:
        """Return the settings of every completion. None is left to the defaults of the model's generation_config."""
        special = self._served.special
        drawn = {"seed": sampling.seed} if sampling.temperature > 0 else {}
        return drawn | {
            "model": self._served.model,
            "temperature": sampling.temperature,
            "top_p": 1.0,
            "top_k": 0,
            "repetition_penalty": 1.0,
            "stop_token_ids": sorted(special[token] for token in stop),
            "ignore_eos": Token.END not in stop,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
            "return_token_ids": True,
            "logprobs": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _asked(self, body: Mapping[str, Any], prompts: int) -> list[_Choice]:
        """Return the replies to the prompts of one request."""
        choices = [_Choice() for _ in range(prompts)]
        async with aclosing(self._wire.events("/v1/completions", body)) as events:
            async for event in events:
                self._take(event, choices)
        if any(choice.finish is None for choice in choices):
            raise odd("no choices" if not any(choice.ids for choice in choices) else "an unfinished reply")
        return choices

    def _take(self, event: Any, choices: Sequence[_Choice]) -> None:
        """Add the content of one event to the choices that it is about. Raises ModelError."""
        if error := event.get("error") if isinstance(event, dict) else None:
            message = " ".join(str(error.get("message", error) if isinstance(error, dict) else error).split())
            raise ModelError(f"the server {self._wire.address} failed: {message[:300]}", "the server's log says more")
        for part in checked(event, "choices", list):
            index = checked(part, "index", int)
            if not 0 <= index < len(choices):
                raise odd(f"choice {index}")
            choices[index].take(part)
        if len(choices) == 1:
            choices[0].count(event.get("usage"))

    async def _completion(self, choice: _Choice, encoded: Encoded, stop: Collection[Token], until: str) -> Completion:
        assert choice.finish is not None
        special = self._served.special
        if (
            not (until and until in choice.text)
            and choice.finish is Finish.STOP
            and choice.ids
            and choice.ids[-1] not in {special[token] for token in stop}
        ):
            choice.ids[-1] = special[Token.END]  # an end of turn that only the model's own configuration names
        return Completion(
            text=await self._vocabulary.decode(choice.ids, choice.text, encoded),
            finish=choice.finish,
            logprobs=tuple(choice.logprobs),
            prompt_tokens=len(encoded.ids),
            cached_tokens=choice.cached,
            passes=choice.passes,
        )

    def _fitting(self, prompt: Encoded, room: int) -> list[int]:
        """Return the ids of a prompt that leaves `room` tokens of the context. Raises ModelError."""
        ids, context = prompt.ids, self._served.context
        if not ids:
            raise ModelError("an empty prompt: there is nothing to go on from")
        if len(ids) + room > context:
            raise ModelError(
                f"the prompt has {len(ids)} tokens, {room} more are needed, and the model's context is {context}",
                "start closer to the lines of interest, or serve the model with a greater --max-model-len",
            )
        return ids

    # -- scores ---------------------------------------------------------------------------------------------------

    async def _score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        (encoded,) = await self._vocabulary.encode([prompt])
        parts = await self._vocabulary.encode(continuations, encoded)
        await self._vocabulary.meet_again()
        ids = tuple(self._fitting(encoded, room=1 + max((len(part.ids) for part in parts), default=0)))
        texts = list(dict.fromkeys(tuple(part.ids) for part in parts))
        steps = list(dict.fromkeys(text[: n + 1] for text in texts for n in range(len(text))))
        if len(steps) * STEP_COST < sum(len(ids) + len(text) for text in texts):
            judged = await self._judged_by_step(ids, steps)
        else:
            judged = await self._judged_whole(ids, texts)
        return [_score(part, judged) for part in parts]

    async def _judged_whole(self, ids: Ids, texts: Iterable[Ids]) -> dict[Ids, _Verdict]:
        """Judge the last token of each beginning of each text, all computed from the start: no cache is read."""
        verdicts = {}
        for text, entries in zip(texts, await self._wire.together(lambda t: self._reread(ids + t), texts), strict=True):
            for n, entry in enumerate(entries[len(ids) :]):
                verdicts[text[: n + 1]] = _verdict(text[n], entry)
        return verdicts

    async def _judged_by_step(self, ids: Ids, steps: Sequence[Ids]) -> dict[Ids, _Verdict]:
        """Judge the last token of each of `steps` by a request that writes just it, behind a cached prompt."""
        first = await self._forced(ids, steps[0])  # alone: it brings the prompt into the cache
        others = await self._wire.together(lambda step: self._forced(ids, step), steps[1:])
        return dict(zip(steps, [first, *others], strict=True))

    async def _reread(self, ids: Ids) -> Sequence[Any]:
        """Return the server's log-probabilities at every token of a prompt."""
        body = {"prompt": ids, "prompt_logprobs": 2}
        entries = checked(await self._one(body), "prompt_logprobs", list)
        if len(entries) != len(ids):
            raise odd(f"{len(entries)} scores of {len(ids)} tokens")
        return list(entries)

    async def _forced(self, ids: Ids, step: Ids) -> _Verdict:
        """Judge the last token of `step`. Log-probabilities are those before everything else is masked."""
        allowed = {"allowed_token_ids": [step[-1]], "return_tokens_as_token_ids": True}
        choice = await self._one({"prompt": ids + step[:-1], "logprobs": 2} | allowed)
        best = checked(choice.get("logprobs"), "top_logprobs", list)
        entry = best[0] if best and isinstance(best[0], dict) else {}
        return _verdict(step[-1], {key.removeprefix("token_id:"): {"logprob": p} for key, p in entry.items()})

    async def _one(self, body: Mapping[str, Any]) -> Any:
        """Return the only choice of a completion of one token."""
        settings = {"model": self._served.model, "max_tokens": 1, "temperature": 0.0, "top_p": 1.0, "top_k": 0}
        answer = await self._wire.post("/v1/completions", {**settings, **body}, slow=True)
        choices = checked(answer, "choices", list)
        if len(choices) != 1 or not isinstance(choices[0], dict):
            raise odd(f"{len(choices)} choices")
        return choices[0]


_FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}


@dataclass
class _Choice:
    """A reply that is being received."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    finish: Finish | None = None
    passes: int = 0
    cached: int = 0

    def take(self, part: Any) -> None:
        """Add one more piece of the reply. Raises ModelError when it is not one."""
        try:
            ids = [int(i) for i in part.get("token_ids") or ()]
            logprobs = [float(p) for p in (part.get("logprobs") or {}).get("token_logprobs") or ()]
            self.text += part.get("text") or ""
            reason = part.get("finish_reason")
            self.finish = _FINISH[reason] if reason else self.finish
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise odd(f"{type(error).__name__} {error} in a reply") from None
        if len(logprobs) != len(ids):
            raise odd(f"{len(ids)} token ids with {len(logprobs)} log-probabilities")
        self.ids += ids
        self.logprobs += logprobs
        self.passes += bool(ids)

    def count(self, usage: Any) -> None:
        """Note how much of the prompt the server had in its cache."""
        details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
        cached = details.get("cached_tokens") if isinstance(details, dict) else None
        self.cached = cached if isinstance(cached, int) else self.cached


def _grouped(limits: Sequence[int], size: int) -> Iterable[list[int]]:
    """Yield the numbers of prompts that share a request: the same limit, at most `size`."""
    by_limit: dict[int, list[int]] = {}
    for i, limit in enumerate(limits):
        by_limit.setdefault(limit, []).append(i)
    for group in by_limit.values():
        yield from (group[at : at + size] for at in range(0, len(group), size))


def _score(part: Encoded, judged: Mapping[Ids, _Verdict]) -> Score:
    ids = tuple(part.ids)
    verdicts = [judged[ids[: n + 1]] for n in range(len(ids))]
    return Score(
        logprobs=tuple(logprob for logprob, _ in verdicts),
        greedy=tuple(margin > 0 for _, margin in verdicts),
        ends=tuple(accumulate(map(len, part.pieces))),
        margins=tuple(margin for _, margin in verdicts),
    )


def _verdict(token: int, entry: Any) -> _Verdict:
    """Judge `token`. entry: token id as text -> its `logprob`, for `token` and the two best."""
    try:
        own = float(entry[str(token)]["logprob"])
        others = [float(each["logprob"]) for i, each in entry.items() if i != str(token)]
        return own, own - max(others, default=-inf)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise odd("scores without the token that was asked for") from None
