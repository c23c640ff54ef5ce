"""Exports: a timeline for others to read, as markdown, as a page or as JSON, in one file."""

from __future__ import annotations

from pathlib import Path

from neuralpdb.errors import UsageError
from neuralpdb.frontends.export import json_document, markdown, page
from neuralpdb.frontends.export.transcript import Transcript
from neuralpdb.output import files

FORMS = {".md": markdown.text, ".html": page.text, ".json": json_document.text}

_MARKS = (b"neuralpdb export", b"neuralpdb.export/")
"""Texts of which every export has one in its first lines."""


def write(transcript: Transcript, file: Path) -> None:
    """Write a transcript in the form that the suffix of the file names. Raises UsageError; then nothing has changed.

    A file that is not an export is never overwritten.
    """
    form = FORMS.get(file.suffix.lower())
    if form is None:
        raise UsageError(f"export {file}: unknown form", f"end the name in {', '.join(FORMS)}")
    try:
        if file.exists() and not files.is_special(file) and not _is_export(file):
            raise UsageError(f"{file} exists and is not an export", "name another file")
        files.put(file.resolve(), form(transcript).encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write {file}: {reason}", "name another file") from None


def _is_export(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(4_000)
    return any(mark in start for mark in _MARKS)
