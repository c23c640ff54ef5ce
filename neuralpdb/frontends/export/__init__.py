"""A session for others to read: what happened on a timeline, as markdown, as a page or as JSON, in one file."""

from __future__ import annotations

from pathlib import Path

from neuralpdb.errors import UsageError
from neuralpdb.frontends.export import json_document, markdown, page
from neuralpdb.frontends.export.transcript import Transcript
from neuralpdb.output import files

FORMS = {".md": markdown.text, ".html": page.text, ".json": json_document.text}

_MARKS = (b"neuralpdb export", b"neuralpdb.export/")
"""One of them is in the first lines of every export."""


def write(account: Transcript, file: Path) -> None:
    """Write an account in the form that the end of the file's name says. Raises UsageError; then nothing has changed.

    A file that is no export is never written over.
    """
    form = FORMS.get(file.suffix.lower())
    if form is None:
        raise UsageError(f"export {file}: not a form that is known", f"end the name in {', '.join(FORMS)}")
    try:
        if file.exists() and not files.is_special(file) and not _is_export(file):
            raise UsageError(f"{file} exists and is no export", "name another file")
        files.put(file.resolve(), form(account).encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write {file}: {why}", "name another file") from None


def _is_export(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(4_000)
    return any(mark in start for mark in _MARKS)
