"""A model behind a vLLM server: token ids over HTTP, completions as streams, scores from prompt log-probabilities.

Owns what is asked of the server and how its answers are read; connections are `wire`'s business. Text is encoded by
the server, piece by piece and once, and what the model wrote is sent back as the ids it wrote, so that the server's
prefix cache is hit. Knows nothing of frames.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil, inf
from typing import Any

from neuralpdb.engines.base import GREEDY, Capabilities, Completion, Finish, Sampling, Score
from neuralpdb.engines.spelling import NOTHING, Encoded, Ids, Spelling
from neuralpdb.engines.wire import Timeouts, Wire
from neuralpdb.errors import ModelError
from neuralpdb.tokens import Markup, Token, parsed, spelled

TOLERANCE = 0.5
"""How far scores and decoding of a server may differ, in log-probability.

bf16 rounds logits between 16 and 32 to steps of 0.125, each of two tokens, in both: 0.25, and as much again for the
rest of the arithmetic. Measured on a CPU: 0.00003 with fp32, 0.0006 with bf16.
"""

PIECES = 65536
"""Text pieces whose token ids are kept."""

BATCH = 8
"""Most prompts of one request."""

STEP_COST = 64
"""What judging a single token behind a cached prompt costs, in tokens of a prompt that is computed anew."""


_Verdict = tuple[float, float]
"""Log-probability of a token, and how much more it is than that of the best other token."""


@dataclass(frozen=True)
class Served:
    """What a server says of a model. root: where it was loaded from. special: id of each trace token."""

    model: str
    root: str
    context: int
    special: Mapping[Token, int]


class VllmEngine:
    """A model served by vLLM. Safe to use from several threads; a server that comes back is used again.

    comprehension_frames: whether the model writes comprehensions as frames; None: decided by its name (True for Meta's
    Code World Models, which were traced under Python 3.10).
    """

    def __init__(self, wire: Wire, served: Served, comprehension_frames: bool | None = None) -> None:
        self._wire = wire
        self._served = served
        self._met = wire.lost
        frames = is_cwm(served.model, served.root) if comprehension_frames is None else comprehension_frames
        revision = served.root.rpartition("/")[2] if served.root.startswith("/") else served.root
        self._capabilities = Capabilities(
            served.model,
            revision,
            served.context,
            comprehension_frames=frames,
            tolerance=TOLERANCE,
            parallel=wire.concurrency,
        )
        self._spelling = Spelling(served.special, PIECES)
        self._usual: dict[str, Ids] = {}
        self._lengths: dict[str, int] = {}

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
        """The model `model` (default: the first that it lists) of the server at `base_url`.

        base_url: `http://host:port`, with or without `/v1`. concurrency: most requests at once.
        Raises ModelError when the server cannot be reached or cannot serve traces.
        """
        wire = Wire(base_url, api_key, timeouts, concurrency)
        try:
            return cls(wire, wire.run(_meet(wire, model)), comprehension_frames)
        except BaseException:
            wire.close()
            raise

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def count(self, markup: Markup) -> int:
        """Number of tokens of `markup`, as the model wrote it where it did. Raises ModelError."""
        texts = [piece for piece in markup if isinstance(piece, str)]
        unknown = [piece for piece in texts if piece not in self._lengths and piece not in self._usual]
        if unknown:
            self._wire.run(self._learn(unknown))
        lengths = (self._lengths.get(piece) or len(self._usual.get(piece, ())) for piece in texts)
        return sum(lengths) + len(markup) - len(texts)

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: Collection[Token],
        max_tokens: int,
        sampling: Sampling = GREEDY,
    ) -> list[Completion]:
        """One completion for each prompt; every prompt starts from the same seed.

        Log-probabilities are those of the model, before the temperature. Temperature 0 is greedy, but a server does
        not promise the same bits twice. cached_tokens is known where the prompt went in a request of its own and the
        server was started with `--enable-prompt-tokens-details`, else 0. Raises ModelError.
        """
        return self._wire.run(self._complete(prompts, stop, max_tokens, sampling))

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        """Judge each continuation. Raises ModelError, also when one does not fit."""
        return self._wire.run(self._score(prompt, continuations))

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        """Not told: the server decodes many frames at once, and would have to be asked for every piece."""
        return ()

    def close(self) -> None:
        self._wire.close()

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _encoded(self, markups: Sequence[Markup], after: Encoded = NOTHING) -> list[Encoded]:
        """Token ids of each of `markups` behind `after`; the server is asked for pieces that are not known yet."""
        while True:
            unknown: list[str] = []

            def usual(piece: str, unknown: list[str] = unknown) -> Ids:
                found = self._usual.get(piece)
                if found is None:
                    unknown.append(piece)
                return found or ()

            encoded = [self._spelling.encoded(markup, after, usual) for markup in markups]
            if not unknown:
                return encoded
            await self._learn(unknown)

    async def _learn(self, pieces: Iterable[str]) -> None:
        """Ask the server how it spells `pieces`."""
        await self._meet_again()
        wanted = list(dict.fromkeys(pieces))
        while len(self._usual) + len(wanted) > PIECES and self._usual:
            del self._usual[next(iter(self._usual))]
        parts = {piece: _harmless(piece) for piece in wanted}
        asked = list(dict.fromkeys(part for each in parts.values() for part in each))
        found = await self._wire.together(lambda part: _tokenized(self._wire, self._served.model, part), asked)
        known = dict(zip(asked, found, strict=True))
        for piece in wanted:
            ids = tuple(i for part in parts[piece] for i in known[part])
            if not set(ids).isdisjoint(self._served.special.values()):
                raise ModelError(f"the server reads special tokens in the text {piece[:40]!r}", "use another model")
            self._usual[piece] = ids

    async def _meet_again(self) -> None:
        """After a lost connection: is it still the same model?"""
        lost = self._wire.lost
        if lost == self._met:
            return
        served = await _meet(self._wire, self._served.model)
        if served != self._served:
            was, now = (f"{s.root}, context {s.context}" for s in (self._served, served))
            raise ModelError(f"the server now has another {served.model}: {now}; it was {was}", "start again")
        self._met = lost

    async def _text(self, choice: _Choice, ids: Ids, position: int) -> str:
        """The text of `ids`, which are the stretch of text number `position` of a reply."""
        text = choice.stretch(position, self._spelling)
        if text:
            return text
        answer = await self._wire.post("/detokenize", {"model": self._served.model, "tokens": list(ids)})
        return _checked(answer, "prompt", str) or "\ufffd"

    async def _markup(self, choice: _Choice, after: Encoded) -> Markup:
        """What the model wrote behind `after`; its spelling is kept."""
        written: list[tuple[str | Token, Ids]] = []
        for i, (token, ids) in enumerate(self._spelling.runs(choice.ids)):
            written.append((token or await self._text(choice, ids, i), ids))
        for piece, ids in written:
            if isinstance(piece, str) and piece not in self._usual:
                self._remember_length(piece, len(ids))
        return self._spelling.learned(written, after, lambda piece: self._usual.get(piece, ()))

    def _remember_length(self, piece: str, tokens: int) -> None:
        if len(self._lengths) >= PIECES:
            self._lengths.clear()
        self._lengths[piece] = tokens

    # -- completions ----------------------------------------------------------------------------------------------

    async def _complete(
        self, prompts: Sequence[Markup], stop: Collection[Token], max_tokens: int, sampling: Sampling
    ) -> list[Completion]:
        encoded = await self._encoded(prompts)
        await self._meet_again()
        ids = [self._fitting(each, room=1) for each in encoded]
        limits = [min(max_tokens, self._served.context - len(each)) for each in ids]
        settings = self._settings(stop, sampling)

        async def ask(group: Sequence[int]) -> list[_Choice]:
            body = settings | {"prompt": [ids[i] for i in group], "max_tokens": limits[group[0]]}
            return await self._asked(body, len(group))

        groups = list(_grouped(limits, min(BATCH, ceil(len(ids) / self._wire.concurrency))))
        answers = await self._wire.together(ask, groups)
        choices = {
            i: choice
            for group, each in zip(groups, answers, strict=True)
            for i, choice in zip(group, each, strict=True)
        }
        return [await self._completion(choices[i], encoded[i], stop) for i in range(len(ids))]

    def _settings(self, stop: Collection[Token], sampling: Sampling) -> dict[str, Any]:
        """What every completion asks for. Nothing is left to the defaults of the model's generation_config."""
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
        """The replies to the prompts of one request."""
        choices = [_Choice() for _ in range(prompts)]
        async with aclosing(self._wire.events("/v1/completions", body)) as events:
            async for event in events:
                self._take(event, choices)
        if any(choice.finish is None for choice in choices):
            raise _odd("no choices" if not any(choice.ids for choice in choices) else "an unfinished reply")
        return choices

    def _take(self, event: Any, choices: Sequence[_Choice]) -> None:
        """Add what one event says to the choices that it is about. Raises ModelError."""
        if error := event.get("error") if isinstance(event, dict) else None:
            said = " ".join(str(error.get("message", error) if isinstance(error, dict) else error).split())
            raise ModelError(f"the server {self._wire.shown} failed: {said[:300]}", "the server's log says more")
        for part in _checked(event, "choices", list):
            index = _checked(part, "index", int)
            if not 0 <= index < len(choices):
                raise _odd(f"choice {index}")
            choices[index].take(part)
        if len(choices) == 1:
            choices[0].count(event.get("usage"))

    async def _completion(self, choice: _Choice, encoded: Encoded, stop: Collection[Token]) -> Completion:
        assert choice.finish is not None
        special = self._served.special
        if choice.finish is Finish.STOP and choice.ids and choice.ids[-1] not in {special[token] for token in stop}:
            choice.ids[-1] = special[Token.END]  # an end of turn that only the model's own configuration names
        return Completion(
            text=await self._markup(choice, encoded),
            finish=choice.finish,
            logprobs=tuple(choice.logprobs),
            prompt_tokens=len(encoded.ids),
            cached_tokens=choice.cached,
            passes=choice.passes,
        )

    def _fitting(self, prompt: Encoded, room: int) -> list[int]:
        """Ids of a prompt that leaves `room` tokens of the context. Raises ModelError."""
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
        (encoded,) = await self._encoded([prompt])
        parts = await self._encoded(continuations, encoded)
        await self._meet_again()
        ids = tuple(self._fitting(encoded, room=1 + max((len(part.ids) for part in parts), default=0)))
        texts = list(dict.fromkeys(tuple(part.ids) for part in parts))
        steps = list(dict.fromkeys(text[: n + 1] for text in texts for n in range(len(text))))
        if len(steps) * STEP_COST < sum(len(ids) + len(text) for text in texts):
            judged = await self._judged_by_step(ids, steps)
        else:
            judged = await self._judged_whole(ids, texts)
        return [_score(part, judged) for part in parts]

    async def _judged_whole(self, ids: Ids, texts: Iterable[Ids]) -> dict[Ids, _Verdict]:
        """Of each beginning of each text its last token, all computed from the start: no cache is read."""
        found = {}
        for text, entries in zip(texts, await self._wire.together(lambda t: self._reread(ids + t), texts), strict=True):
            for n, entry in enumerate(entries[len(ids) :]):
                found[text[: n + 1]] = _verdict(text[n], entry)
        return found

    async def _judged_by_step(self, ids: Ids, steps: Sequence[Ids]) -> dict[Ids, _Verdict]:
        """The last token of each of `steps`, in a request of its own that writes just it behind the cached rest."""
        first = await self._forced(ids, steps[0])  # alone: it brings the prompt into the cache
        rest = await self._wire.together(lambda step: self._forced(ids, step), steps[1:])
        return dict(zip(steps, [first, *rest], strict=True))

    async def _reread(self, ids: Ids) -> Sequence[Any]:
        """What the server says of every token of a prompt."""
        body = {"prompt": ids, "prompt_logprobs": 2}
        found = _checked(await self._one(body), "prompt_logprobs", list)
        if len(found) != len(ids):
            raise _odd(f"{len(found)} scores of {len(ids)} tokens")
        return list(found)

    async def _forced(self, ids: Ids, step: Ids) -> _Verdict:
        """The verdict on the last token of `step`. Log-probabilities are those before everything else is masked."""
        allowed = {"allowed_token_ids": [step[-1]], "return_tokens_as_token_ids": True}
        choice = await self._one({"prompt": ids + step[:-1], "logprobs": 2} | allowed)
        best = _checked(choice.get("logprobs"), "top_logprobs", list)
        entry = best[0] if best and isinstance(best[0], dict) else {}
        return _verdict(step[-1], {key.removeprefix("token_id:"): {"logprob": p} for key, p in entry.items()})

    async def _one(self, body: Mapping[str, Any]) -> Any:
        """The only choice of a completion of one token."""
        settings = {"model": self._served.model, "max_tokens": 1, "temperature": 0.0, "top_p": 1.0, "top_k": 0}
        answer = await self._wire.post("/v1/completions", {**settings, **body}, slow=True)
        choices = _checked(answer, "choices", list)
        if len(choices) != 1 or not isinstance(choices[0], dict):
            raise _odd(f"{len(choices)} choices")
        return choices[0]


_FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}


@dataclass
class _Choice:
    """A reply in the making: everything that the server said of it so far."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    finish: Finish | None = None
    passes: int = 0
    cached: int = 0
    _stretches: list[str | Token] | None = None

    def take(self, part: Any) -> None:
        """One more piece of it. Raises ModelError when it is not one."""
        try:
            ids = [int(i) for i in part.get("token_ids") or ()]
            logprobs = [float(p) for p in (part.get("logprobs") or {}).get("token_logprobs") or ()]
            self.text += part.get("text") or ""
            reason = part.get("finish_reason")
            self.finish = _FINISH[reason] if reason else self.finish
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _odd(f"{type(error).__name__} {error} in a reply") from None
        if len(logprobs) != len(ids):
            raise _odd(f"{len(ids)} token ids with {len(logprobs)} log-probabilities")
        self.ids += ids
        self.logprobs += logprobs
        self.passes += bool(ids)

    def count(self, usage: Any) -> None:
        """How much of the prompt the server had in its cache."""
        details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
        cached = details.get("cached_tokens") if isinstance(details, dict) else None
        self.cached = cached if isinstance(cached, int) else self.cached

    def stretch(self, position: int, spelling: Spelling) -> str:
        """The text of run number `position` of the ids; empty where the server's text does not tell it for certain.

        Each special token among the ids is spelled out in the text (but for the stop token). Where as many are found
        as there are ids, and in the same order, what stands between them is plain text.
        """
        if self._stretches is None:
            runs = [token for token, _ in spelling.runs(self.ids)]
            pieces = list(parsed(self.text))
            if runs and runs[-1] is not None and len(pieces) == len(runs) - 1:
                pieces.append(runs[-1])
            same = [piece if isinstance(piece, Token) else None for piece in pieces] == runs
            self._stretches = pieces if same else []
        piece = self._stretches[position] if self._stretches else ""
        return piece if isinstance(piece, str) else ""


async def _meet(wire: Wire, model: str) -> Served:
    """What the server says of `model` (empty: its first). Raises ModelError."""
    listed = _checked(await wire.get("/v1/models"), "data", list)
    known = {_checked(each, "id", str): each for each in listed}
    if not known:
        raise ModelError(f"the server {wire.shown} lists no model", "start it with a model: neuralpdb serve")
    if model and model not in known:
        names = ", ".join(sorted(known))
        raise ModelError(f"the server {wire.shown} does not serve {model!r}", f"it serves: {names}")
    name = model or next(iter(known))
    facts = known[name]
    base = known.get(facts.get("parent") or "", facts)  # an adapter has the context of its base model
    context = facts.get("max_model_len") or base.get("max_model_len")
    if not isinstance(context, int) or context <= 0:
        raise ModelError(f"the server {wire.shown} does not say the context of {name}", "it has to be a vLLM server")
    return Served(name, str(base.get("root") or name), context, await _special(wire, name))


async def _special(wire: Wire, model: str) -> dict[Token, int]:
    """The id of each trace token. Raises ModelError when one is not a single token."""
    tokens = list(Token)
    ids = await _tokenized(wire, model, spelled(tokens))
    if len(ids) == len(tokens) == len(set(ids)):
        return dict(zip(tokens, ids, strict=True))
    for token in tokens:
        ids = await _tokenized(wire, model, token.value)
        if len(ids) != 1:
            raise ModelError(
                f"{model} is no trace model: {token.value} is {len(ids)} tokens, not one", "serve facebook/cwm or mini"
            )
    raise ModelError(f"{model} is no trace model: two trace tokens have the same id", "serve facebook/cwm or mini")


async def _tokenized(wire: Wire, model: str, text: str) -> Ids:
    """Token ids of `text` by the server, which reads special tokens in it; lone surrogates are written as escapes."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    answer = await wire.post("/tokenize", {"model": model, "prompt": text, "add_special_tokens": False})
    ids = _checked(answer, "tokens", list)
    if not all(isinstance(i, int) for i in ids):
        raise _odd("tokens that are no numbers")
    return tuple(ids)


def _harmless(text: str) -> list[str]:
    """`text` in parts none of which the server reads as a special token.

    All of this family of vocabularies look like `<|name|>`, and `/tokenize` finds them in plain text: each `<|` is cut.
    """
    return re.split(r"(?<=<)(?=\|)", text)


def is_cwm(*names: str) -> bool:
    """Whether a model is one of Meta's Code World Models or made from one, by its name or the last part of its path.

    >>> is_cwm("facebook/cwm-sft"), is_cwm("cyankiwi/cwm-AWQ-4bit"), is_cwm("mini", "/models/mini-cwm")
    (True, True, False)
    """
    words = {word for name in names for word in re.split(r"[^a-z0-9]+", name.rpartition("/")[2].lower())}
    return "cwm" in words and "mini" not in words


def _grouped(limits: Sequence[int], size: int) -> Iterable[list[int]]:
    """Numbers of the prompts that share a request: the same limit, at most `size`."""
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
    """entry: token id as text -> its `logprob`, for `token` and the two best."""
    try:
        own = float(entry[str(token)]["logprob"])
        others = [float(each["logprob"]) for i, each in entry.items() if i != str(token)]
        return own, own - max(others, default=-inf)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _odd("scores without the token that was asked for") from None


def _checked(data: Any, key: str, kind: type) -> Any:
    """The value of `key` in a JSON object. Raises ModelError when there is none of that kind."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise _odd(f"no {key}")
    return value


def _odd(what: str) -> ModelError:
    return ModelError(f"the server's answer makes no sense: {what}", "it has to be a vLLM server; check its version")
