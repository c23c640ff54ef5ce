"""Drafts: the likely rest of the next frame's text, wherever the model is in writing it.

A draft costs an engine one forward pass to verify, however long it is; where the model disagrees, it writes on itself.
Knows the trace format and likely frames, not who verifies them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict.codec import EVENT_TOKENS
from neuralpdb.predict.guesses import Guess
from neuralpdb.trace.frames import Event

_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)"', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_EVENTS = {token: event for event, token in EVENT_TOKENS.items()}
_OPEN = re.compile(r'"((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)$', re.DOTALL)
_COLLECTION = re.compile(r"[\[({]|(Counter|defaultdict|deque|OrderedDict)\(")
_ALIKE, _ECHO = 4, 10
"""Characters that have to be alike before their continuation elsewhere is tried, and the length of that try."""
_LEAVING = (Event.RETURN, Event.EXCEPTION)


@dataclass(frozen=True)
class Draft:
    """Guesses at a frame, the likeliest first. Called with the text written so far, it returns a continuation."""

    guesses: Sequence[Guess]

    def __call__(self, written: Markup) -> Markup:
        """Return the likely continuation of `written`, up to a value that is unknown; empty where there is none."""
        if not written:
            return self._whole(self.guesses[0]) if self.guesses else ()
        event = _EVENTS.get(written[0]) if isinstance(written[0], Token) else None
        fitting = [guess for guess in self.guesses if event is not None and guess.event is event]
        return next((text for text in (_rest(guess, written[1:]) for guess in fitting) if text), ())

    @staticmethod
    def _whole(guess: Guess) -> Markup:
        if guess.event is None:
            return (Token.END,)
        return (EVENT_TOKENS[guess.event], *_rest(guess, ()))


def _rest(guess: Guess, written: Markup) -> Markup:
    """Return what follows `written`, the part of a frame behind its event token, if the frame is `guess`."""
    action: Markup = (Token.ACTION, guess.source + "\n")
    if guess.event in _LEAVING:
        value = (json.dumps(guess.value), Token.FRAME) if guess.value is not None else ('"',)
        return _following((*action, Token.ARG, *value), written)
    if len(written) > 1:
        return _following((*action, Token.FRAME), written[1:])
    partial = written[0] if written else ""
    state = _state(guess, partial) if isinstance(partial, str) else None
    if state is None:
        return ()
    text, whole = state
    return (*((text,) if text else ()), *((*action, Token.FRAME) if whole else ()))


def _following(expected: Markup, written: Markup) -> Markup:
    """Return the rest of `expected` behind `written`; behind an unexpected value, the end of the frame."""
    for i, piece in enumerate(written):
        likely = expected[i] if i < len(expected) else None
        if piece == likely:
            continue
        if i + 1 < len(written) or not isinstance(piece, str) or not isinstance(likely, str):
            return ()
        if likely.startswith(piece):
            return (likely[len(piece) :], *expected[i + 1 :])
        if expected[i - 1] is Token.ARG:
            return (Token.FRAME,) if _STRING.fullmatch(piece) else _echo(piece, likely)
        return ()
    return expected[len(written) :]


def _state(guess: Guess, partial: str) -> tuple[str, bool] | None:
    """Return the rest of the JSON text of the locals behind `partial`, and whether that ends it; None if unknown."""
    if not partial:
        text, whole = _tail(guess, list(guess.shown), "")
        return "{" + text, whole
    names: list[str] = []
    at = 1
    while pair := _PAIR.match(partial, at + (2 if names and partial.startswith(", ", at) else 0)):
        names.append(pair[1])
        at = pair.end()
    begun = partial[at:]
    if begun == "}":
        return "", True
    order = {json.dumps(name)[1:-1]: i for i, name in enumerate(guess.shown)}
    after = max((order[name] + 1 for name in names if name in order), default=0)
    for i in range(after, len(order) + 1):
        text, whole = _tail(guess, list(guess.shown)[i:], ", " if names else "")
        if text.startswith(begun):
            return text[len(begun) :], whole
    inside = _OPEN.search(begun)
    if inside is None:
        return None
    likely = (guess.shown.get(inside[1]), guess.before.get(inside[1]))
    echo = _echo(inside[2], *(json.dumps(text)[1:-1] for text in likely if text))
    return (str(echo[0]), False) if echo else None


def _tail(guess: Guess, names: Sequence[str], lead: str) -> tuple[str, bool]:
    """Return the JSON text of these locals to its end, or to the first unknown value, and whether it is whole."""
    text = ""
    for name in names:
        value = guess.shown[name]
        text += f"{lead}{json.dumps(name)}: "
        if value is None:
            before = guess.before.get(name, "")
            begun = before.rstrip(")]}") if _COLLECTION.match(before) else ""
            return text + json.dumps(begun)[:-1], False
        text += json.dumps(value)
        lead = ", "
    return text + "}", True


def _echo(written: str, *likely: str) -> Markup:
    """Return what followed the end of `written` where it stands in a likely text, or in itself."""
    end = written[-_ALIKE:]
    if len(end) < _ALIKE:
        return ()
    near = max(len(written) - 2 * _ALIKE, 0)
    for text in (*likely, written[:-1]):
        for at in (text.find(end, near), text.find(end)):
            if at >= 0 and (follows := text[at + _ALIKE : at + _ALIKE + _ECHO]):
                return (follows,)
    return ()
