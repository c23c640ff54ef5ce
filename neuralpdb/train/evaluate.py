"""Evaluation: how well a model predicts recorded programs, teacher-forced by frame and part, and free-running.

Teacher-forced: every token from the true text before it. A frame is exact when greedy decoding would have written it.
Free-running: equal to the truth up to the first wrong token, decoded from there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.program.syntax import statements_by_line
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.values import kind_of
from neuralpdb.train.cases import Case
from neuralpdb.train.model import Model, complete
from neuralpdb.train.tokenizer import Encoder

LENGTH = 2048
"""Most tokens of a text by default; a longer one is skipped."""


class Counts:
    """Right and all tries, by name."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, name: str, right: bool) -> None:
        """Count one more."""
        count = self._counts[name]
        count[0] += right
        count[1] += 1

    def of(self, name: str) -> tuple[int, int]:
        """Return (right, all)."""
        right, total = self._counts.get(name, (0, 0))
        return right, total

    def share(self, name: str) -> float:
        """Return right divided by all; 0 when there are none."""
        right, total = self.of(name)
        return right / total if total else 0.0

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Return name -> {right, all, share}, the most frequent first."""
        ranked = sorted(self._counts.items(), key=lambda item: -item[1][1])
        return {name: {"right": r, "all": n, "share": round(r / n, 4)} for name, (r, n) in ranked}


@dataclass
class Figures:
    """The counts over all cases.

    parts:      frame, state, action, value, event, end, trace, result.
    constructs: exact frames by the statement that ran before them.
    values:     written values by their type.
    skipped:    cases too long for the model.
    """

    parts: Counts = field(default_factory=Counts)
    constructs: Counts = field(default_factory=Counts)
    values: Counts = field(default_factory=Counts)
    skipped: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the figures that a log line holds."""
        shares = {f"{name}_exact": round(self.parts.share(name), 4) for name in PARTS if self.parts.of(name)[1]}
        return {"traces": self.parts.of("trace")[1], "frames": self.parts.of("frame")[1], **shares}

    def as_dict(self) -> dict[str, Any]:
        """Return everything."""
        return {
            **self.summary(),
            "skipped": self.skipped,
            "parts": self.parts.as_dict(),
            "constructs": self.constructs.as_dict(),
            "values": self.values.as_dict(),
        }


PARTS = ("frame", "state", "action", "value", "event", "end", "trace", "result")


@dataclass(frozen=True)
class Text:
    """A case as tokens.

    ids:    the whole text; the last token is END.
    frames: for each frame to predict, its frame and markup and where its tokens start and end.
    start:  the first token that is predicted.
    """

    case: Case
    ids: tuple[int, ...]
    frames: tuple[tuple[Frame, Markup, int, int], ...]
    start: int


def text_of(case: Case, encoder: Encoder) -> Text:
    """Encode a case."""
    document = case.document
    ids: list[int] = []
    start, frames = 0, []
    frames_to_predict = iter(document.to_predict)
    for markup, predicted in document.pieces():
        piece = encoder.encode(markup)
        if not predicted:
            start = len(ids) + len(piece)
        elif markup[0] is not Token.END:
            frames.append((next(frames_to_predict), markup, len(ids), len(ids) + len(piece)))
        ids += piece
    return Text(case, tuple(ids), tuple(frames), start)


def texts_of(cases: Iterable[Case], encoder: Encoder, length: int) -> tuple[list[Text], int]:
    """Return the cases of at most `length` tokens as texts, shortest first, and how many are longer."""
    texts = [text_of(case, encoder) for case in cases]
    kept = sorted((text for text in texts if len(text.ids) <= length), key=lambda text: len(text.ids))
    return kept, len(texts) - len(kept)


@torch.inference_mode()
def greedy(net: Model, texts: Sequence[Text], budget: int = 0) -> Iterator[list[int]]:
    """Yield for each text, in order, the most likely token after each of its tokens.

    budget: tokens of one forward pass, padding included; by default as many as suit the device.
    """
    device = net.cos.device
    budget = budget or (65_536 if device.type == "cuda" else 4_096)
    first = 0
    while first < len(texts):
        last = first + 1
        while last < len(texts) and len(texts[last].ids) * (last + 1 - first) <= budget:
            last += 1
        rows = [torch.tensor(text.ids) for text in texts[first:last]]
        widest = max(len(row) for row in rows)
        ids = torch.stack([functional.pad(row, (0, widest - len(row))) for row in rows]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            choices = net(ids).argmax(-1).tolist()
        yield from (choice[: len(row)] for choice, row in zip(choices, rows, strict=True))
        first = last


def teacher_forced(net: Model, cases: Iterable[Case], encoder: Encoder, length: int = LENGTH) -> Figures:
    """Return the figures of one forward pass over the true texts."""
    texts, skipped = texts_of(cases, encoder, length)
    figures = Figures(skipped=skipped)
    for text, words in zip(texts, greedy(net, texts), strict=True):
        count(figures, text, words, encoder)
    return figures


def count(figures: Figures, text: Text, words: Sequence[int], encoder: Encoder) -> None:
    """Count one text. words: the model's token after each token of the text."""
    hits = [False, *(word == true for word, true in zip(words, text.ids[1:], strict=False))]
    statements = statements_by_line(text.case.lines)
    before = text.case.frames[0]
    action, argument = encoder.special[Token.ACTION], encoder.special[Token.ARG]
    for frame, markup, start, end in text.frames:
        middle = text.ids.index(action, start)
        exact = all(hits[start:end])
        figures.parts.add("frame", exact)
        figures.parts.add("event", hits[start])
        figures.parts.add("state", all(hits[start:middle]))
        figures.parts.add("action", all(hits[middle:end]))
        figures.constructs.add(statements.get(before.line or 0, "?"), exact)
        if frame.value is not None:
            right = all(hits[text.ids.index(argument, middle) : end])
            figures.parts.add("value", right)
            figures.values.add(kind_of(frame.value), right)
        else:
            for value, right in _written_values(markup, hits[start:end], encoder):
                figures.values.add(kind_of(value), right)
        before = frame
    figures.parts.add("end", hits[-1])
    figures.parts.add("trace", all(hits[text.start :]))


def _written_values(markup: Markup, hits: Sequence[bool], encoder: Encoder) -> Iterator[tuple[str, bool]]:
    """Yield each value that a call or line frame writes out (not `..`), and whether all its tokens are right."""
    state = markup[1]
    parsed = codec.parse(markup)
    if not isinstance(state, str) or not isinstance(parsed, codec.WrittenFrame):
        return
    spans = list(encoder.spans(state))
    place = 1  # behind the opening brace
    for name, value in parsed.shown.items():
        begin = place + len(json.dumps(name)) + 2
        end = begin + len(json.dumps(value))
        place = end + 2
        if value != codec.UNCHANGED:
            inside = (hit for (a, b), hit in zip(spans, hits[1:], strict=False) if a < end and b > begin)
            yield value, all(inside)


def free_running(net: Model, cases: Iterable[Case], encoder: Encoder, length: int = LENGTH) -> Figures:
    """Return the teacher-forced figures and `result`: whether the last value is right when the model runs on its own.

    A text may grow to one and a half times the true length (and 64 tokens) before it counts as wrong.
    """
    texts, skipped = texts_of(cases, encoder, length)
    figures = Figures(skipped=skipped)
    prompts: list[list[int]] = []
    wrong: list[Text] = []
    for text, words in zip(texts, greedy(net, texts), strict=True):
        count(figures, text, words, encoder)
        miss = next((i for i in range(text.start, len(text.ids)) if words[i - 1] != text.ids[i]), None)
        if miss is None:
            figures.parts.add("result", True)
        else:
            prompts.append([*text.ids[:miss], words[miss - 1]])
            wrong.append(text)
    end = encoder.special[Token.END]
    limits = [0 if p[-1] == end else int(len(text.ids) * 1.5) + 64 for p, text in zip(prompts, wrong, strict=True)]
    for text, prompt, reply in zip(wrong, prompts, complete(net, prompts, limits, end), strict=True):
        written = encoder.decode([*prompt, *reply][text.start :])
        figures.parts.add("result", _result(written) == _true_result(text.case))
    return figures


def _result(written: Markup) -> tuple[Event, str | None] | None:
    """Return event and value of the last frame of a finished text; None when it is unfinished or unreadable."""
    replies = list(codec.parse_all(written))
    if len(replies) < 2 or not isinstance(replies[-1], codec.Finished):
        return None
    last = replies[-2]
    return (last.event, last.value) if isinstance(last, codec.WrittenFrame) else None


def _true_result(case: Case) -> tuple[Event, str | None]:
    last = case.frames[-1]
    return last.event, last.value
