"""Tokenizer: its rules, its `tokenizer.json`, and a fast encoder for the data workers that equals it.

Text is cut into pieces by one regular expression; a piece of the vocabulary is one token, any other is spelled in
bytes; there are no merges. It knows nothing of frames.
"""

from __future__ import annotations

import builtins
import io
import json
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import ModelError

PAD = "<|pad|>"
SPECIAL = (Token.BEGIN.value, Token.END.value, PAD, *(token.value for token in list(Token)[2:]))
"""Special tokens in the order of their ids."""

_AROUND_VALUES = (
    *('": "\'', '\'", "', '": "', '", "', '": "[\'', '": "[', ']", "', '": "{\'', '": "{', '}", "', '": "(', ')", "'),
    *('"}', "'\"}", ']"}', '}"}', ')"}', '": "..", "', '": ".."}', '{"', "{}"),
)
_IN_REPRS = (
    *("', '", "': '", "': ", "'], ['", "], [", "['", "']", "{'", "'}", "('", "')", "()", "[]", "''", '""'),
    *("')]", "[(", ")]", "), (", "):", "():", "]:", "[[", "]]"),
)
_OPERATORS = "= == != <= >= < > + - * / // % ** += -= *= | & ^ -> in for if and or not is else".split()
_IN_SOURCE = (
    *(", ", ": ", "[-", "(-", "-1", "[0]", "[i]", "[1]", "[:", ":]", "::", "('", "',", ")\n", "]\n", ":\n", "):\n"),
    *("()\n", "\\\\", "__", "self.", ").", "].", "# ", " # ", "  # << START_OF_TRACE"),
)
STRUCTURE: tuple[str, ...] = tuple(
    dict.fromkeys([*_AROUND_VALUES, *_IN_REPRS, *(f" {o} " for o in [*_OPERATORS, "not in"]), *_IN_SOURCE])
)
"""Frequent punctuation of traces (JSON around reprs), of reprs and of source text, in the order of their ids."""

INDENTATION = (*(" " * 4 * n for n in range(1, 7)), *("\n" + " " * 4 * n for n in range(6)))

PATTERN = "|".join(
    [re.escape(piece) for piece in sorted(STRUCTURE, key=len, reverse=True)]
    + [r"[A-Za-z]+", r"[0-9]", r"\n(?:    )*", r"(?:    )+", r"\s", r"[^\sA-Za-z0-9]"]
)
"""Cuts text into pieces: every character is in exactly one."""


def _byte_characters() -> list[str]:
    """Return the printable stand-in of each byte that byte-level tokenizers use (as in GPT-2), by byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    stand_ins = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(stand_ins)) for byte in range(256)]


_CHARACTERS = _byte_characters()
_BYTES = {character: byte for byte, character in enumerate(_CHARACTERS)}


def _spelled(piece: str) -> str:
    return "".join(_CHARACTERS[byte] for byte in piece.encode())


def vocabulary(words: Iterable[str], size: int) -> dict[str, int]:
    """Return token as `tokenizer.json` spells it -> id, filled up with unused entries to `size`.

    Raises ModelError when `words` do not fit.
    """
    pieces = [*STRUCTURE, *INDENTATION, *words]
    entries = dict.fromkeys([*SPECIAL, *_CHARACTERS, *(_spelled(piece) for piece in pieces if len(piece) > 1)])
    if len(entries) > size:
        raise ModelError(f"{len(entries)} tokens do not fit a vocabulary of {size}", "give it fewer words")
    unused = (f"<|unused_{i}|>" for i in range(len(entries), size))
    return {entry: i for i, entry in enumerate([*entries, *unused])}


def build(words: Iterable[str], size: int) -> dict[str, Any]:
    """Return `tokenizer.json` for the `tokenizers` library: byte-level BPE without merges."""
    split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": text, **plain} for i, text in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": vocabulary(words, size),
            "merges": [],
        },
    }


def learn_words(sources: Iterable[str], count: int) -> list[str]:
    """Return the `count` most frequent letter runs of names in code; up to half are Python's own names, those first.

    Only code counts, not the contents of strings and comments: rare words are better spelled.
    """
    counts: Counter[str] = Counter()
    for source in sources:
        for name in _names(source):
            counts.update(re.findall("[A-Za-z]{2,}", name))
    ranked = [word for word, _ in counts.most_common()]
    python_words = _python_words()
    kept_python_words = [word for word in ranked if word in python_words][: count // 2]
    return kept_python_words + [word for word in ranked if word not in python_words][: count - len(kept_python_words)]


def _names(source: str) -> Iterator[str]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _python_words() -> set[str]:
    names = [*keyword.kwlist, *dir(builtins)]
    for kind in (str, list, dict, set, tuple, int, float, bytes):
        names += dir(kind)
    return {name for name in names if name.isalpha()}


class Encoder:
    """Turns markup into token ids, as the `tokenizers` library would with special tokens in text switched off.

    Equal texts are looked up, not encoded again: traces repeat themselves.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        """description: the contents of `tokenizer.json`. Raises ModelError for another kind of tokenizer."""
        try:
            split, byte_level = description["pre_tokenizer"]["pretokenizers"]
            model = description["model"]
            plain = model["ignore_merges"] and not model["merges"] and not byte_level["add_prefix_space"]
            pattern, self.vocabulary = split["pattern"]["Regex"], dict(model["vocab"])
            self.special = {token: int(self.vocabulary[token.value]) for token in Token}
            self.pad = int(self.vocabulary[PAD])
        except (KeyError, TypeError, ValueError) as e:
            raise ModelError(f"the tokenizer is not one of neuralpdb's: {e!r}", "see docs/training.md") from None
        if not plain or description.get("normalizer"):
            raise ModelError("the tokenizer has merges or a normalizer", "neuralpdb's tokenizers have none")
        self._split = re.compile(pattern)
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._texts: dict[str, tuple[int, ...]] = {}

    @classmethod
    def read(cls, file: Path) -> Encoder:
        """Read a `tokenizer.json`. Raises ModelError when it cannot be read."""
        try:
            return cls(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as e:
            raise ModelError(f"cannot read {file}: {e}") from None

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, markup: Markup) -> list[int]:
        """Return the ids of `markup`, in order."""
        ids: list[int] = []
        for piece in markup:
            if isinstance(piece, Token):
                ids.append(self.special[piece])
            else:
                ids.extend(self.text(piece))
        return ids

    def text(self, text: str) -> tuple[int, ...]:
        """Return the ids of plain text; whatever it spells, it becomes no special token."""
        ids = self._texts.get(text)
        if ids is None:
            pieces = self._pieces
            encoded: list[int] = []
            for piece in self._split.findall(text):
                encoded += pieces.get(piece) or self._piece(piece)
            ids = tuple(encoded)
            if len(text) < 200:
                _remember(self._texts, text, ids)
        return ids

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield for each token of `text` the characters [start, end) of the piece that it is or belongs to."""
        for match in self._split.finditer(text):
            for _ in self._pieces.get(match.group()) or self._piece(match.group()):
                yield match.span()

    def decode(self, ids: Sequence[int]) -> Markup:
        """Return the markup of `ids`: the inverse of `encode`.

        Bytes that are not UTF-8 become replacement characters, unused ids nothing.
        """
        by_id, pieces, run = self._by_id(), list[str | Token](), bytearray()
        for i in ids:
            entry = by_id.get(i, b"")
            if isinstance(entry, Token):
                if run:
                    pieces.append(run.decode("utf-8", "replace"))
                    run.clear()
                pieces.append(entry)
            else:
                run += entry
        if run:
            pieces.append(run.decode("utf-8", "replace"))
        return tuple(pieces)

    def _by_id(self) -> dict[int, bytes | Token]:
        if not hasattr(self, "_decoding"):
            tokens: dict[int, bytes | Token] = {i: token for token, i in self.special.items()}
            for text, i in self.vocabulary.items():
                if i not in tokens and not text.startswith(("<|unused_", PAD)):
                    tokens[i] = bytes(_BYTES[character] for character in text)
            self._decoding = tokens
        return self._decoding

    def _piece(self, piece: str) -> tuple[int, ...]:
        # Lone surrogates (JSON can smuggle them in) have no UTF-8; they are spelled as if they had.
        data = piece.encode("utf-8", "surrogatepass")
        whole = self.vocabulary.get("".join(_CHARACTERS[byte] for byte in data))
        ids = (whole,) if whole is not None else tuple(self.vocabulary[_CHARACTERS[byte]] for byte in data)
        _remember(self._pieces, piece, ids)
        return ids


def _remember(cache: dict[str, tuple[int, ...]], key: str, ids: tuple[int, ...], limit: int = 200_000) -> None:
    if len(cache) >= limit:
        cache.clear()
    cache[key] = ids
