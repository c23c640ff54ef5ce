"""A transcript as JSON, under the keys of `schema/export-1.json`."""

from __future__ import annotations

import json
from typing import Any

from neuralpdb import __version__
from neuralpdb.frontends.export.transcript import Transcript, TranscriptStep
from neuralpdb.trace.frames import LINE, VALUE, Ended

SCHEMA = "neuralpdb.export/1"
_PARTS = {LINE: "line", VALUE: "value"}


def text(transcript: Transcript) -> str:
    """Return the export as JSON in ASCII, one newline at its end."""
    return json.dumps(document(transcript), indent=1, allow_nan=False) + "\n"


def document(transcript: Transcript) -> dict[str, Any]:
    """Return the export as JSON-ready values."""
    program = transcript.program
    end = transcript.end
    return {
        "schema": SCHEMA,
        "neuralpdb": __version__,
        "program": {"name": program.name, "lines": list(program.lines), "own": program.own},
        "model": transcript.model or None,
        "start": transcript.start,
        "timeline": transcript.timeline,
        "at": transcript.index,
        "steps": [_step(step) for step in transcript.steps],
        "end": None if end is None else end.reason if isinstance(end, Ended) else f"no prediction: {end.message}",
        "others": [{"name": each.name, "last": each.last, "parts": each.parts} for each in transcript.others],
    }


def _step(step: TranscriptStep) -> dict[str, Any]:
    verdict, beside = step.verdict, step.remarks
    otherwise = {"model": dict(beside.model), "python": dict(beside.python)}
    return {
        "i": step.index,
        **step.frame.as_dict(),
        **({"otherwise": otherwise} if beside.model or beside.python else {}),
        "changed": {name: list(pair) for name, pair in step.changed.items()},
        "verdict": None if verdict is None else {"sign": verdict.sign, "text": verdict.text},
        "doubts": [{"part": _PARTS.get(name, name), "share": share} for name, share in (step.doubts or {}).items()],
    }
