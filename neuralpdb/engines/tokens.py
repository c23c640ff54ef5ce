"""Trace tokens and marked-up text: what the codec writes and every engine reads.

A piece is either a `Token` or plain text. Plain text never becomes a token, whatever it spells: that is
how a source file holding `<|frame_sep|>` in a string cannot inject one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum


class Token(Enum):
    """The control tokens of Meta's Code World Model traces (prompting guide of `facebook/cwm`)."""

    BEGIN = "<|begin_of_text|>"
    END = "<|end_of_text|>"
    CONTEXT = "<|trace_context_start|>"
    FRAME = "<|frame_sep|>"
    ACTION = "<|action_sep|>"
    RETURN = "<|return_sep|>"
    CALL = "<|call_sep|>"
    LINE = "<|line_sep|>"
    EXCEPTION = "<|exception_sep|>"
    ARG = "<|arg_sep|>"


Markup = tuple[str | Token, ...]
"""Marked-up text: tokens and the plain text between them, in order."""


def joined(head: Markup, tail: Markup) -> Markup:
    """Concatenate, merging the two strings that meet at the seam."""
    if head and tail:
        last, first = head[-1], tail[0]
        if isinstance(last, str) and isinstance(first, str):
            return (*head[:-1], last + first, *tail[1:])
    return head + tail


def spelled(markup: Iterable[str | Token]) -> str:
    """Return `markup` as one string with the tokens spelled out: for people and files, never for an engine."""
    return "".join(piece.value if isinstance(piece, Token) else piece for piece in markup)


_BY_VALUE: dict[str, Token] = {token.value: token for token in Token}
_SPLIT = re.compile("(" + "|".join(map(re.escape, _BY_VALUE)) + ")")


def parsed(text: str) -> Markup:
    """Undo `spelled` for text that a model wrote (recorded generations): every spelled token counts.

    Never use it on a user's source: `("<|frame_sep|>",)` and `(Token.FRAME,)` are spelled alike.
    """
    return tuple(_BY_VALUE.get(piece, piece) for piece in _SPLIT.split(text) if piece)
