"""Printable text: text that cannot steer a terminal (escapes, cuts, entities)."""

from __future__ import annotations

import unicodedata

VALUE_WIDTH = 72
"""Characters of a value on a stop line, which fits a terminal of 80; `p NAME` shows all of it."""
NAME_WIDTH = 28
"""Characters of a name in a column of names."""

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def inert(text: str) -> str:
    """Return `text` with every character that could steer a terminal as an escape (`\\x1b`), tabs as four spaces.

    Control and format characters (bidirectional overrides among them), surrogates, private-use and unassigned
    characters are all escaped: the remaining characters only print.
    """
    text = text.replace("\t", "    ")
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_safe(char) else _escaped(char) for char in text)


def _is_safe(char: str) -> bool:
    return unicodedata.category(char) not in _UNSAFE or char == "\u200d"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


_PLAIN = frozenset(" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;=()'\"/+-?%")


def escaped(text: str) -> str:
    """Return `text` for markdown: inert, and every character that could be markup, a link or a mention as an entity."""
    pieces = (char if char in _PLAIN or ord(char) > 127 else f"&#{ord(char)};" for char in inert(text))
    return "".join(pieces).replace("www.", "www&#46;")


def short(text: str, width: int = VALUE_WIDTH) -> str:
    """Return `text` made inert, and cut in its middle when it is longer than `width`."""
    if len(text) > 2 * width:
        text = text[:width] + text[-width:]  # enough: an escape is never shorter than its character
    text = inert(text)
    if len(text) <= width:
        return text
    half = (width - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
