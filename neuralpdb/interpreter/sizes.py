"""Guards against large results: why an operation is not carried out, in words, or nothing."""

from __future__ import annotations

import re
from typing import Any

from neuralpdb.interpreter.order import raw_length

MOST_ITEMS = 5_000_000
"""Items, characters or bits that one operation may make: some 40 MB, some 50 ms."""
_SEQUENCES = (list, str, tuple, bytes, bytearray)
_WIDE = re.compile(r"\d{6}|%[-+ #0]*(\d*\.)?\*")


def of_operator(symbol: str, left: Any, right: Any) -> str:
    """Return why `left symbol right` is too large to be carried out; empty when it is not."""
    if symbol == "+":
        if (
            isinstance(left, _SEQUENCES)
            and isinstance(right, _SEQUENCES)
            and raw_length(left) + raw_length(right) > MOST_ITEMS
        ):
            return "a large sum"
        return ""
    if symbol == "*":
        if isinstance(right, int) and isinstance(left, _SEQUENCES):
            return "a large repetition" if raw_length(left) * right > MOST_ITEMS else ""
        if isinstance(left, int) and isinstance(right, _SEQUENCES):
            return "a large repetition" if raw_length(right) * left > MOST_ITEMS else ""
    if symbol == "%":
        text = left.decode("latin-1") if isinstance(left, bytes | bytearray) else left
        return "a wide format" if isinstance(text, str) and _WIDE.search(text) else ""
    if isinstance(left, int) and isinstance(right, int):
        if symbol == "*" and left.bit_length() + right.bit_length() > MOST_ITEMS:
            return "a large product"
        if symbol == "**" and right > 1 and left.bit_length() * right > MOST_ITEMS:
            return "a large power"
        if symbol == "<<" and right > MOST_ITEMS:
            return "a large shift"
    elif symbol == "**" and isinstance(right, int) and abs(right) > 10_000 and not isinstance(left, float | complex):
        return "a large power"  # of a fraction or a decimal
    return ""
