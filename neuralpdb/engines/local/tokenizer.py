"""The vocabulary of a checkpoint: marked-up text to token ids and back, by its `tokenizer.json`. It needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from neuralpdb.engines.spelling import NOTHING, PIECES, Encoded, Ids, Spelling
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import ModelError


class Vocabulary:
    """The translation of marked-up text to token ids and back. Plain text never yields a trace token."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = _tokenizer(file)
        self.special = {token: self._special(token, file) for token in Token}
        self._spelling = Spelling(self.special)
        self._bytes = _byte_table(self._tokenizer)
        self._piece = lru_cache(maxsize=PIECES)(self._encode_text)

    def encode(self, markup: Markup, after: Encoded = NOTHING) -> Encoded:
        """Return the token ids of `markup` behind `after`."""
        return self._spelling.encoded(markup, after, self._piece)

    def decode(self, ids: Sequence[int], after: Encoded = NOTHING) -> Markup:
        """Undo `encode`; bytes that are no UTF-8 become U+FFFD."""
        runs = self._spelling.runs(ids)
        return self._spelling.learned([(token or self._text(run), run) for token, run in runs], after, self._piece)

    def widths(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Return the characters that each id adds to the text: those that begin in it; one for a trace token."""
        special = frozenset(self.special.values())
        return tuple(1 if i in special else sum(b & 0xC0 != 0x80 for b in self._bytes.get(i, b"\xff")) for i in ids)

    def _text(self, run: Ids) -> str:
        return b"".join(self._bytes.get(i, b"\xff") for i in run).decode("utf-8", "replace")

    def _encode_text(self, text: str) -> Ids:
        """Encode text; lone surrogates, which no tokenizer takes, are written as escapes."""
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _special(self, token: Token, file: Path) -> int:
        i: int | None = self._tokenizer.token_to_id(token.value)
        if i is None:
            raise ModelError(f"{file} has no trace token {token.value}", "the checkpoint is not a trace model")
        return i


def _tokenizer(file: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as e:  # the library raises plain Exception
        raise ModelError(f"cannot read {file}: {e}", "reinstall neuralpdb, or name another checkpoint") from None
    tokenizer.encode_special_tokens = True  # "<|frame_sep|>" in a text is text
    return tokenizer


def _byte_table(tokenizer: Tokenizer) -> dict[int, bytes]:
    """Return the bytes that each token id stands for, in a byte-level vocabulary (GPT-2's letters for bytes)."""
    letters = _byte_letters()
    table = {}
    for text, i in tokenizer.get_vocab().items():
        spelled = all(letter in letters for letter in text)
        table[i] = bytes(letters[letter] for letter in text) if spelled else text.encode()
    return table


def _byte_letters() -> dict[str, int]:
    """Return GPT-2's table: printable Latin-1 stands for itself, letters from U+0100 on for the other bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {chr(b): b for b in plain}
    others = (b for b in range(256) if b not in plain)
    return letters | {chr(0x100 + n): b for n, b in enumerate(others)}
