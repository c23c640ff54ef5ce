"""Recorded engines: the replies of a model, kept as JSON lines and given again without the model.

Owns the file format: a header line naming the model, then one line for each distinct completion, score and token
count. A prompt is stored as a hash and its last characters; a reply is stored whole, its tokens apart from its text.
`GenerationEngine` repeats whole traces that a model wrote in one go (see `generations` for their files).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

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
from neuralpdb.engines.tokens import Markup, Token, spelled
from neuralpdb.errors import ModelError

FORMAT = "neuralpdb.replay/1"
"""The `format` of the header line; a reader refuses any other."""

TAIL = 160
"""Characters of a prompt's end that are stored for the human reader."""


class RecordingEngine(Engine):
    """An engine that passes everything on to another one and appends its answers to a file.

    An existing recording of the same model is continued; one of another model is refused with ModelError. Every line is
    written out at once, so that an interrupted session leaves a whole file.
    """

    def __init__(self, engine: Engine, file: Path) -> None:
        self._engine = engine
        self._file = file
        self._stream: IO[str] | None = None
        self._known: set[tuple[Any, ...]] = set()

    @property
    def ready(self) -> bool:
        return self._engine.ready

    @property
    def loading(self) -> bool:
        return self._engine.loading

    def begin(self) -> None:
        self._engine.begin()

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    def count(self, markup: Markup) -> int:
        tokens = self._engine.count(markup)
        self._write({"kind": "count", "key": _key("count", markup), "tokens": tokens})
        return tokens

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
        completions = self._engine.complete(
            prompts, stop=stop, max_tokens=max_tokens, sampling=sampling, draft=draft, until=until
        )
        for prompt, completion in zip(prompts, completions, strict=True):
            self._write(_completion_record(prompt, stop, max_tokens, sampling, completion, until))
        return completions

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        scores = self._engine.score(prompt, continuations)
        for continuation, score in zip(continuations, scores, strict=True):
            self._write(_score_record(prompt, continuation, score))
        return scores

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        head = self._engine.head(prompt, continuation, tokens)
        key = _head_key(prompt, continuation, tokens)
        self._write({"kind": "head", "key": key, "text": as_json(head)})
        return head

    def close(self) -> None:
        if self._stream is None and (self._engine.ready or self._engine.loading):
            with suppress(ModelError):  # nothing was asked: the recording says at least of which model
                self._stream = self._opened()
        if self._stream:
            self._stream.close()
            self._stream = None
        self._engine.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._stream is None:
            self._stream = self._opened()
        if _identity(record) in self._known:
            return
        try:
            self._stream.write(json.dumps(record) + "\n")
            self._stream.flush()
        except OSError as e:
            raise _unwritable(self._file, e) from None
        self._known.add(_identity(record))

    def _opened(self) -> IO[str]:
        header = {"format": FORMAT, "model": asdict(self.capabilities)}
        try:
            if self._file.exists() and self._file.stat().st_size:
                self._check_model(header["model"])
                return self._file.open("a", encoding="utf-8")
            stream = self._file.open("w", encoding="utf-8")
            stream.write(json.dumps(header) + "\n")
            return stream
        except OSError as e:
            raise _unwritable(self._file, e) from None

    def _check_model(self, model: Any) -> None:
        lines = _lines(self._file)
        old = _header(self._file, next(lines, (1, {})))
        if old != model:
            raise ModelError(
                f"{self._file} records {old['name']} {old['revision']}, not {model['name']} {model['revision']}",
                "record into another file",
            )
        self._known = {_identity(record) for _, record in lines}


class ReplayEngine(Engine):
    """An engine that gives the answers of a recording. A missing answer is a ModelError, never a guess.

    Only a missing token count is estimated (it decides no more than how much history is sent).
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = _lines(file)
        model = _header(file, next(lines, (1, {})))
        self._capabilities = Capabilities(**model)
        self._counts: dict[str, int] = {}
        self._completions: dict[str, list[tuple[int, Completion]]] = {}
        self._scores: dict[str, Score] = {}
        self._heads: dict[str, Markup] = {}
        for number, record in lines:
            try:
                self._take(record)
            except (KeyError, TypeError, ValueError) as e:
                raise _damaged(file, number, f"{type(e).__name__}: {e}") from None

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def count(self, markup: Markup) -> int:
        recorded = self._counts.get(_key("count", markup))
        return _estimate(markup) if recorded is None else recorded

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
        return [self._complete(prompt, stop, max_tokens, sampling, until) for prompt in prompts]

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        return [self._score(prompt, continuation) for continuation in continuations]

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        return self._heads.get(_head_key(prompt, continuation, tokens), ())

    def close(self) -> None:
        pass

    def _take(self, record: Mapping[str, Any]) -> None:
        kind, key = record["kind"], record["key"]
        if kind == "count":
            self._counts[key] = int(record["tokens"])
        elif kind == "head":
            self._heads[key] = from_json(record["text"])
        elif kind == "complete":
            answer = (int(record["max_tokens"]), _completion(record))
            self._completions.setdefault(key, []).append(answer)
        elif kind == "score":
            logprobs, greedy, ends, margins = (tuple(record[n]) for n in ("logprobs", "greedy", "ends", "margins"))
            self._scores[key] = Score(logprobs, greedy, ends, margins)
        else:
            raise ValueError(f"unknown kind {kind!r}")

    def _complete(
        self, prompt: Markup, stop: Collection[Token], most: int, sampling: Sampling, until: str
    ) -> Completion:
        for limit, completion in self._completions.get(_completion_key(prompt, stop, sampling, until), ()):
            ended = completion.finish is Finish.STOP and len(completion.logprobs) <= most
            if ended or limit == most:
                return completion
        raise self._unknown("completion", prompt)

    def _score(self, prompt: Markup, continuation: Markup) -> Score:
        recorded = self._scores.get(_key("score", prompt, continuation))
        if recorded is None:
            raise self._unknown("score", prompt)
        return recorded

    def _unknown(self, what: str, prompt: Markup) -> ModelError:
        return ModelError(
            f"{self._file} holds no {what} for the prompt that ends in {_tail(prompt)[-60:]!r}",
            "a replay answers only what was recorded, for the same program and the same commands",
        )


class GenerationEngine(Engine):
    """An engine that repeats, frame by frame, what a model wrote in one go. It cannot score.

    generations: prompt -> everything that was written after it. Any other prompt is a ModelError.
    """

    def __init__(self, generations: Mapping[Markup, Markup], name: str) -> None:
        self._generations = generations
        self._lengths = sorted({len(prompt) for prompt in generations}, reverse=True)
        self._capabilities = Capabilities(name, "recorded", 1 << 20, scores=False, comprehension_frames=True)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def count(self, markup: Markup) -> int:
        return _estimate(markup)

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
        replies = [self._complete(prompt, stop) for prompt in prompts]
        return [cut_behind(reply, until) for reply in replies] if until else replies

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        raise ModelError("recorded generations hold no scores", "compare with --only rollout")

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        return ()

    def close(self) -> None:
        pass

    def _complete(self, prompt: Markup, stop: Collection[Token]) -> Completion:
        for length in self._lengths:
            generation = self._generations.get(prompt[:length])
            written = prompt[length:]
            if generation is not None and generation[: len(written)] == written:
                return _until(generation[len(written) :], stop)
        raise ModelError(
            f"no generation goes on from the prompt that ends in {_tail(prompt)[-60:]!r}",
            "recorded generations can be compared with --only rollout, for the same programs and calls",
        )


def _until(text: Markup, stop: Collection[Token]) -> Completion:
    """Return `text` up to and with its first stop token; cut off where it has none."""
    for i, piece in enumerate(text):
        if piece in stop:
            return Completion(text[: i + 1], Finish.STOP)
    return Completion(text, Finish.LENGTH)


def as_json(markup: Markup) -> list[str | dict[str, str]]:
    """Return `markup` for a JSON file: text as a string, a token as {"t": NAME}."""
    return [{"t": piece.name} if isinstance(piece, Token) else piece for piece in markup]


def from_json(data: Sequence[Any]) -> Markup:
    """Undo `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
    return tuple(_piece(piece) for piece in data)


def _piece(piece: Any) -> str | Token:
    if isinstance(piece, str):
        return piece
    return Token[piece["t"]]


def _completion_record(
    prompt: Markup,
    stop: Collection[Token],
    max_tokens: int,
    sampling: Sampling,
    completion: Completion,
    until: str,
) -> dict[str, Any]:
    return {
        "kind": "complete",
        "key": _completion_key(prompt, stop, sampling, until),
        "prompt_end": _tail(prompt),
        "stop": sorted(token.name for token in stop),
        "max_tokens": max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "text": as_json(completion.text),
        "finish": completion.finish.value,
        "logprobs": _finite(completion.logprobs),
        "prompt_tokens": completion.prompt_tokens,
        "cached_tokens": completion.cached_tokens,
        "passes": completion.passes,
        "widths": list(completion.widths),
    }


def _completion(record: Mapping[str, Any]) -> Completion:
    return Completion(
        text=from_json(record["text"]),
        finish=Finish(record["finish"]),
        logprobs=tuple(map(float, record["logprobs"])),
        prompt_tokens=int(record["prompt_tokens"]),
        cached_tokens=int(record["cached_tokens"]),
        passes=int(record["passes"]),
        widths=tuple(map(int, record.get("widths", ()))),
    )


def _score_record(prompt: Markup, continuation: Markup, score: Score) -> dict[str, Any]:
    return {
        "kind": "score",
        "key": _key("score", prompt, continuation),
        "prompt_end": _tail(prompt),
        "continuation": as_json(continuation),
        "logprobs": _finite(score.logprobs),
        "greedy": list(score.greedy),
        "ends": list(score.ends),
        "margins": _finite(score.margins),
    }


def _identity(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two answers to the same question have in common."""
    return record.get("key"), record.get("max_tokens")


def _completion_key(prompt: Markup, stop: Collection[Token], sampling: Sampling, until: str) -> str:
    drawn = [sampling.temperature, sampling.seed] if sampling.temperature > 0 else []
    return _key("complete", prompt, sorted(token.name for token in stop), drawn, *([until] if until else []))


def _head_key(prompt: Markup, continuation: Markup, tokens: int) -> str:
    return _key("head", prompt, continuation, [tokens])


def _key(kind: str, markup: Markup, *more: Any) -> str:
    """Return the first 24 hexadecimal digits of the SHA-256 of the question as JSON."""
    question = [kind, as_json(markup), *(as_json(m) if isinstance(m, tuple) else m for m in more)]
    return hashlib.sha256(json.dumps(question).encode()).hexdigest()[:24]


def _tail(prompt: Markup) -> str:
    return spelled(prompt)[-TAIL:]


def _finite(logprobs: Sequence[float]) -> list[float]:
    """Replace the -inf of an impossible token by a number that JSON holds."""
    return [max(p, -1e30) for p in logprobs]


def _estimate(markup: Markup) -> int:
    """Estimate the tokens of `markup`: one a token, one for three characters of text."""
    return sum(1 if isinstance(piece, Token) else math.ceil(len(piece) / 3) for piece in markup)


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number (from 1) and object of each line that is not blank."""
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, _object(file, number, line)
    except OSError as e:
        raise ModelError(f"cannot read {file}: {e.strerror or e}", "name a file made with --record") from None
    except UnicodeDecodeError:
        raise ModelError(f"{file} is no recording (not UTF-8 text)", "name a file made with --record") from None


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as e:
        raise _damaged(file, number, str(e)) from None
    if not isinstance(record, dict):
        raise _damaged(file, number, "not a JSON object")
    return record


def _header(file: Path, first: tuple[int, Mapping[str, Any]]) -> dict[str, Any]:
    number, header = first
    if header.get("format") != FORMAT:
        raise ModelError(f'{file} is no recording: line {number} lacks "format": "{FORMAT}"', "record it again")
    try:
        return asdict(Capabilities(**header["model"]))
    except (KeyError, TypeError) as e:
        raise _damaged(file, number, f"{type(e).__name__}: {e}") from None


def _damaged(file: Path, number: int, why: str) -> ModelError:
    return ModelError(f"{file}, line {number}: not a record ({why})", "delete that line, or record again")


def _unwritable(file: Path, error: OSError) -> ModelError:
    return ModelError(f"cannot write {file}: {error.strerror or error}", "name another file to record into")
