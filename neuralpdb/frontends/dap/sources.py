"""Files as an editor names them: paths, URIs, and the text that was added to enter a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Client
from neuralpdb.program.program import Program

ADDED = 1
"""The sourceReference of the program with the lines that were added to enter a call."""


def source_of(client: Client, program: Program, path: Path, line: int | None) -> dict[str, Any]:
    """Return the source that holds a line of the program: its file, or the text that was added to enter a call."""
    if line is not None and line > program.own:
        return {"name": f"{path.name} <call>", "sourceReference": ADDED, "origin": "added to enter the call"}
    return {"name": path.name, "path": path.as_uri() if client.uris else str(path)}


def path_of(text: str) -> Path:
    """Return the file that a client names by a path or a URI. Raises UsageError."""
    if text.lower().startswith("file:"):
        text = unquote(urlsplit(text).path)
    if not text or "\0" in text:
        raise UsageError(f"{text[:60]!r} names no file")
    return Path(text)
