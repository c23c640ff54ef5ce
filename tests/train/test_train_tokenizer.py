"""The tokenizer's rules, and the fast encoder against the `tokenizers` library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from tokenizers import Tokenizer

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.tokens import Token
from neuralpdb.errors import ModelError
from neuralpdb.train import tokenizer
from neuralpdb.train.tokenizer import Encoder

FILE = checkpoint.embedded() / checkpoint.TOKENIZER
ENCODER = Encoder.read(FILE)
LIBRARY = Tokenizer.from_file(str(FILE))
LIBRARY.encode_special_tokens = True

SNIPPETS = st.sampled_from(
    [
        *tokenizer.STRUCTURE,
        *tokenizer.INDENTATION,
        *tokenizer.SPECIAL,
        "return",
        "x1",
        "é",
        "\u2028",
        "\x1c",
        "\t",
        "😀",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(SNIPPETS, st.text(max_size=3)), max_size=12).map("".join))


@given(TEXTS)
def test_the_encoder_equals_the_library_on_any_text(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert list(ENCODER.text(text)) == LIBRARY.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("path", sorted((ROOT / "neuralpdb").rglob("*.py")), ids=lambda p: p.stem)
def test_the_encoder_equals_the_library_on_source_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert list(ENCODER.text(text)) == LIBRARY.encode(text, add_special_tokens=False).ids


@given(TEXTS)
def test_text_never_becomes_a_special_token(text: str) -> None:
    assert not set(ENCODER.text(text)) & {*ENCODER.special.values(), ENCODER.pad}


@given(TEXTS)
def test_decoding_is_the_inverse_of_encoding(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    markup = (Token.LINE, text, Token.FRAME) if text else (Token.LINE, Token.FRAME)
    assert ENCODER.decode(ENCODER.encode(markup)) == markup


@given(TEXTS)
def test_every_token_has_the_span_of_its_piece(text: str) -> None:
    spans = list(ENCODER.spans(text))
    assert len(spans) == len(ENCODER.text(text))
    assert "".join(text[a:b] for a, b in dict.fromkeys(spans)) == text


def test_the_rules_give_the_shipped_tokenizer() -> None:
    shipped = json.loads(FILE.read_text(encoding="utf-8"))
    fixed = len([e for e in tokenizer.vocabulary([], 1024) if not e.startswith("<|unused")])
    words = [e for e in list(shipped["model"]["vocab"])[fixed:] if not e.startswith("<|unused")]
    assert tokenizer.build(words, 1024) == shipped


def test_words_are_learnt_from_code_and_not_from_strings() -> None:
    words = tokenizer.learn_words(["def find_apple(x):\n    return len('banana banana')  # cherry\n"] * 2, 6)
    assert {"find", "apple", "def", "return", "len"} >= set(words) >= {"find", "apple"}
    assert "banana" not in words and "cherry" not in words


def test_too_many_words_are_refused() -> None:
    with pytest.raises(ModelError, match="do not fit a vocabulary of 400"):
        tokenizer.vocabulary([f"word{'abcdefghij'[i % 10]}{i}" for i in range(400)], 400)


def test_a_tokenizer_of_another_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "WordPiece"}}')
    with pytest.raises(ModelError, match="not one of neuralpdb's"):
        Encoder.read(tmp_path / "tokenizer.json")
