"""Source text: a file in its encoding, its lines, start markers, and errors of Python's parser in one line."""

from __future__ import annotations

import io
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from neuralpdb.errors import TargetError

T = TypeVar("T")

MARKER_COMMENT = "<< START_OF_TRACE"
"""The comment that marks the line where a trace starts, as in the prompts that models are trained on."""


def split_lines(text: str) -> list[str]:
    """Split text into lines as Python counts them (`\\n`, `\\r\\n`, `\\r`, not form feeds as `str.splitlines` does)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_source(path: Path) -> str:
    """Read a Python file, decoded as Python would (BOM, PEP 263). Raises TargetError."""
    try:
        if path.is_dir():
            raise TargetError(f"{path} is a directory", "name a Python file")
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(f"cannot read {path}: {error.strerror or error}", "check the path") from None
    if b"\0" in data:
        raise TargetError(f"{path} is a binary file, not Python source")
    try:
        return data.decode(_encoding(data))
    except SyntaxError as error:  # an unknown or contradictory coding line
        raise TargetError(f"{path}: {error.msg}", "check the coding line") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TargetError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not {error.encoding}",
            "save it as UTF-8 or add a coding line",
        ) from None
    except (LookupError, ValueError) as error:  # a codec not for text, or one that gives no position
        raise TargetError(f"{path}: cannot decode it: {error}", "check the coding line") from None


def _encoding(data: bytes) -> str:
    """Return the encoding that the coding line or the byte order mark names; UTF-8 where there is neither.

    Raises SyntaxError for a wrong coding line, UnicodeDecodeError for first lines that are not UTF-8.
    """
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        data.decode("utf-8")  # its error names the place
        raise


def marked_lines(text: str) -> tuple[tuple[int, int], ...]:
    """Return 1-based line and column, in characters from 0, of each start marker."""
    if MARKER_COMMENT not in text:
        return ()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    try:
        return tuple(
            token.start
            for token in tokens
            if token.type == tokenize.COMMENT and token.string.lstrip("# ").startswith(MARKER_COMMENT)
        )
    except (tokenize.TokenError, SyntaxError):  # the compiler accepted it: odd line ends only
        return ()


def guarded(name: str, make: Callable[[], T]) -> T:
    """Return `make()`; turn every way in which Python refuses source into one line. Raises TargetError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except SyntaxError as error:
        where = f", line {error.lineno}, column {error.offset}" if error.lineno else ""
        source = (error.text or "").strip()
        raise TargetError(f"{name}{where}: {error.msg}", f"at: {source[:80]}" if source else "") from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise TargetError(f"{name}: Python cannot parse it: {error or type(error).__name__}") from None
