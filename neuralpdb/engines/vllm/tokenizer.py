"""The vocabulary of a vLLM server: its model, its context, and its spelling of text in token ids.

Text is encoded by the server, piece by piece and once, without special tokens in it. Text of the model keeps its own
spelling, so that it goes back as the same ids and the server's prefix cache is hit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuralpdb.engines.spelling import NOTHING, Encoded, Ids, Spelling
from neuralpdb.engines.tokens import Markup, Token, parsed, spelled
from neuralpdb.engines.vllm.http import Wire
from neuralpdb.errors import ModelError

PIECES = 65536
"""Text pieces whose token ids are kept. It bounds memory; a forgotten piece costs a question to the server."""


@dataclass(frozen=True)
class Served:
    """A model as its server describes it.

    root:    the place it was loaded from.
    context: tokens of prompt and reply together.
    special: id of each trace token.
    """

    model: str
    root: str
    context: int
    special: Mapping[Token, int]


class ServedVocabulary:
    """The translation of marked-up text to token ids and back, by the server. Coroutines run on the loop of `wire`."""

    def __init__(self, wire: Wire, served: Served) -> None:
        self.served = served
        self._wire = wire
        self._met = wire.lost
        self._spelling = Spelling(served.special, PIECES)
        self._usual: dict[str, Ids] = {}
        self._lengths: dict[str, int] = {}

    async def meet_again(self) -> None:
        """Check after a lost connection that it is still the same model. Raises ModelError."""
        lost = self._wire.lost
        if lost == self._met:
            return
        served = await meet(self._wire, self.served.model)
        if served != self.served:
            was, now = (f"{s.root}, context {s.context}" for s in (self.served, served))
            raise ModelError(f"the server now has another {served.model}: {now}; it was {was}", "start again")
        self._met = lost

    async def count(self, markup: Markup) -> int:
        """Return the number of tokens of `markup`, as the model spelled it where it wrote it. Raises ModelError."""
        texts = [piece for piece in markup if isinstance(piece, str)]
        written = {piece: self._lengths[piece] for piece in texts if piece in self._lengths}
        await self._learn(piece for piece in texts if piece not in written and piece not in self._usual)
        return sum(written[piece] if piece in written else len(self._usual[piece]) for piece in texts) + (
            len(markup) - len(texts)
        )

    async def encode(self, markups: Sequence[Markup], after: Encoded = NOTHING) -> list[Encoded]:
        """Return the token ids of each of `markups` behind `after`; the server is asked for new pieces."""
        while True:
            unknown: list[str] = []

            def usual(piece: str, unknown: list[str] = unknown) -> Ids:
                ids = self._usual.get(piece)
                if ids is None:
                    unknown.append(piece)
                return ids or ()

            encoded = [self._spelling.encoded(markup, after, usual) for markup in markups]
            if not unknown:
                return encoded
            await self._learn(unknown)

    async def decode(self, ids: Sequence[int], text: str, after: Encoded) -> Markup:
        """Return the markup of ids written behind `after`, and keep their spelling. text: the server's own decoding."""
        runs = self._spelling.runs(ids)
        stretches = _stretches([token for token, _ in runs], text)
        written: list[tuple[str | Token, Ids]] = []
        for (token, run), stretch in zip(runs, stretches, strict=True):
            written.append((token or stretch or await self._detokenized(run), run))
        for piece, run in written:
            if isinstance(piece, str) and piece not in self._usual:
                self._remember_length(piece, len(run))
        return self._spelling.learned(written, after, lambda piece: self._usual.get(piece, ()))

    async def _learn(self, pieces: Iterable[str]) -> None:
        """Ask the server how it spells `pieces`. Raises ModelError."""
        parts_of = {piece: _harmless(piece) for piece in pieces}
        if not parts_of:
            return
        await self.meet_again()
        while len(self._usual) + len(parts_of) > PIECES and self._usual:
            del self._usual[next(iter(self._usual))]
        asked = list(dict.fromkeys(part for parts in parts_of.values() for part in parts))
        answers = await self._wire.together(lambda part: _tokenized(self._wire, self.served.model, part), asked)
        ids_of = dict(zip(asked, answers, strict=True))
        for piece, parts in parts_of.items():
            ids = tuple(i for part in parts for i in ids_of[part])
            if not set(ids).isdisjoint(self.served.special.values()):
                raise ModelError(f"the server reads special tokens in the text {piece[:40]!r}", "use another model")
            self._usual[piece] = ids

    def _remember_length(self, piece: str, tokens: int) -> None:
        if len(self._lengths) >= PIECES:
            self._lengths.clear()
        self._lengths[piece] = tokens

    async def _detokenized(self, ids: Ids) -> str:
        answer = await self._wire.post("/detokenize", {"model": self.served.model, "tokens": list(ids)})
        return checked(answer, "prompt", str) or "\ufffd"


def _stretches(runs: Sequence[Token | None], text: str) -> list[str]:
    """Return the text of each stretch of text (None) among `runs`; empty where the server's text leaves it open.

    Each special token among the ids is spelled out in the text (but for the stop token). Where as many stand
    there as there are ids, and in the same order, the text between them is plain text.
    """
    pieces = list(parsed(text))
    if runs and runs[-1] is not None and len(pieces) == len(runs) - 1:
        pieces.append(runs[-1])
    same = [piece if isinstance(piece, Token) else None for piece in pieces] == list(runs)
    return [piece if same and isinstance(piece, str) else "" for piece in (pieces if same else runs)]


async def meet(wire: Wire, model: str) -> Served:
    """Ask the server for its description of `model` (empty: its first). Raises ModelError."""
    listed = checked(await wire.get("/v1/models"), "data", list)
    models = {checked(each, "id", str): each for each in listed}
    if not models:
        raise ModelError(f"the server {wire.address} lists no model", "start it with a model: neuralpdb serve")
    if model and model not in models:
        names = ", ".join(sorted(models))
        raise ModelError(f"the server {wire.address} does not serve {model!r}", f"it serves: {names}")
    name = model or next(iter(models))
    facts = models[name]
    base = models.get(facts.get("parent") or "", facts)  # an adapter has the context of its base model
    context = facts.get("max_model_len") or base.get("max_model_len")
    if not isinstance(context, int) or context <= 0:
        raise ModelError(f"the server {wire.address} does not say the context of {name}", "it has to be a vLLM server")
    return Served(name, str(base.get("root") or name), context, await _special(wire, name))


async def _special(wire: Wire, model: str) -> dict[Token, int]:
    """Return the id of each trace token. Raises ModelError when one is not a single token."""
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
    """Return the server's ids of `text`, special tokens in it included; lone surrogates are written as escapes."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    answer = await wire.post("/tokenize", {"model": model, "prompt": text, "add_special_tokens": False})
    ids = checked(answer, "tokens", list)
    if not all(isinstance(i, int) for i in ids):
        raise odd("tokens that are no numbers")
    return tuple(ids)


def _harmless(text: str) -> list[str]:
    """Cut `text` into parts none of which the server reads as a special token.

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


def checked(data: Any, key: str, kind: type) -> Any:
    """Return the value of `key` in a JSON object. Raises ModelError when there is none of that kind."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise odd(f"no {key}")
    return value


def odd(what: str) -> ModelError:
    """Return the error for an answer of the wrong form."""
    return ModelError(f"unexpected answer from the server: {what}", "it has to be a vLLM server; check its version")
