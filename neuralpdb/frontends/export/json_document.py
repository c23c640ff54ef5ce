"""An account as JSON, under the keys of `schema/export-1.json`."""

from __future__ import annotations

import json
from typing import Any

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.trace.frames import LINE, VALUE, Ended

SCHEMA = "neuralpdb.export/1"
_PARTS = {LINE: "line", VALUE: "value"}


def text(account: Transcript) -> str:
    """The export as JSON in ASCII, one newline at its end."""
    return json.dumps(document(account), indent=1, allow_nan=False) + "\n"


def document(account: Transcript) -> dict[str, Any]:
    """The export as JSON-ready values."""
    program = account.program
    end = account.end
    return {
        "schema": SCHEMA,
        "neuralpdb": __version__,
        "program": {"name": program.name, "lines": list(program.lines), "own": program.own},
        "model": account.model or None,
        "start": account.start,
        "timeline": account.timeline,
        "at": account.index,
        "steps": [_step(step) for step in account.steps],
        "end": None if end is None else end.reason if isinstance(end, Ended) else f"no prediction: {end.message}",
        "others": [{"name": each.name, "last": each.last, "parts": each.parts} for each in account.others],
    }


def _step(step: TranscriptStep) -> dict[str, Any]:
    verdict = step.verdict
    return {
        "i": step.index,
        **step.frame.as_dict(),
        "changed": {name: list(pair) for name, pair in step.changed.items()},
        "verdict": None if verdict is None else {"sign": verdict.sign, "text": verdict.text},
        "doubts": [{"part": _PARTS.get(name, name), "share": share} for name, share in (step.doubts or {}).items()],
    }
