"""Confidence: the probability that a model gave to each part of a frame, by the tokens that spell it.

Arithmetic over written text. It knows no engine and no session.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.trace.frames import EVENT, LINE, VALUE

_JSON = json.JSONDecoder(strict=False)

Span = tuple[int, int]
"""First character and the one behind the last, a `Token` counting one."""


class Evidence(Protocol):
    """One frame as it was written; see `parts`."""

    @property
    def text(self) -> Markup: ...

    @property
    def logprobs(self) -> Sequence[float]: ...

    @property
    def widths(self) -> Sequence[int]: ...


def of(evidence: Evidence | None) -> dict[str, float]:
    """Return the parts of a frame with their probabilities; empty without evidence."""
    return parts(evidence.text, evidence.logprobs, evidence.widths) if evidence is not None else {}


def parts(text: Markup, logprobs: Sequence[float], widths: Sequence[int]) -> dict[str, float]:
    """Return part -> probability (0..1) that the model gave to it, given everything before it.

    The parts are `EVENT`, the names of the locals (`..` counts as the text that it is), `LINE` and `VALUE`. Empty where
    widths do not tell tokens from texts.

    text:     one frame as it was written, hidden ones before it or not.
    logprobs: natural-log probability of each token of the text.
    widths:   characters that each token adds, a `Token` counting one.
    """
    if len(widths) != len(logprobs) or sum(widths) != _length(text):
        return {}
    tokens = _spans(widths)
    probabilities = {}
    for name, span in _places(text):
        own = [logprob for place, logprob in zip(tokens, logprobs, strict=True) if _touches(place, span)]
        probabilities[name] = math.exp(min(sum(own), 0.0))
    return probabilities


def doubtful(probabilities: Mapping[str, float], least: float) -> frozenset[str]:
    """Return the parts with a probability below `least` (0..1)."""
    return frozenset(name for name, probability in probabilities.items() if probability < least)


def _length(text: Markup) -> int:
    return sum(1 if isinstance(piece, Token) else len(piece) for piece in text)


def _spans(widths: Sequence[int]) -> list[Span]:
    spans, at = [], 0
    for width in widths:
        spans.append((at, at + width))
        at += width
    return spans


def _touches(token: Span, span: Span) -> bool:
    """Whether a token writes some of `span`; one that adds no character (half a letter) is where it stands."""
    start, end = token
    return start < span[1] and (end > span[0] or start == end >= span[0])


def _places(text: Markup) -> Iterator[tuple[str, Span]]:
    """Yield the parts of the last frame of `text` with their places."""
    at, section = 0, ""
    start = _last_frame(text)
    for i, piece in enumerate(text):
        width = 1 if isinstance(piece, Token) else len(piece)
        if i == start:
            yield EVENT, (at, at + width)
            section = "locals"
        elif i > start and isinstance(piece, Token):
            section = {Token.ACTION: LINE, Token.ARG: VALUE}.get(piece, "")
        elif i > start and section == "locals":
            yield from ((name, (at + first, at + last)) for name, (first, last) in _values(str(piece)))
        elif i > start:
            yield section, (at, at + width)
        at += width


def _last_frame(text: Markup) -> int:
    """Return the index of the piece that the last frame starts with; frames of comprehensions may stand before it."""
    ends = [i for i, piece in enumerate(text[:-1]) if piece is Token.FRAME]
    return ends[-1] + 1 if ends else 0


def _values(state: str) -> Iterator[tuple[str, Span]]:
    """Yield the texts of a JSON object of strings: from behind the opening quote to behind the closing one."""
    at = _past_marks(state, 0)
    try:
        while state[at : at + 1] == '"':
            name, at = _JSON.raw_decode(state, at)
            start = _past_marks(state, at)
            _, end = _JSON.raw_decode(state, start)
            yield name, (start + 1, end)
            at = _past_marks(state, end)
    except (ValueError, RecursionError):
        return


def _past_marks(state: str, at: int) -> int:
    """Return the index of the first character from `at` on that is no space and no mark between texts."""
    while at < len(state) and state[at] in " \t\r\n,:{":
        at += 1
    return at
