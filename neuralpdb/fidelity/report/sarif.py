"""SARIF 2.1.0 report: a result for each program, at the place where the model first left the truth."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from urllib.parse import quote

from neuralpdb.fidelity.comparison import Comparison, Result, Subject
from neuralpdb.fidelity.figures.divergence import Divergence, command, first_divergence, is_record, own_place, reason
from neuralpdb.fidelity.report.jsonl_records import Record
from neuralpdb.fidelity.verdicts import WRONG, Fidelity
from neuralpdb.output.printable import inert, short

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
WIDTH = 500
"""Characters of a text; longer ones are cut in the middle."""

RULES = tuple(outcome for outcome in Fidelity if outcome in WRONG)
_ABOUT = {
    Fidelity.STATE: ("WrongState", "A local is wrong, missing or too many; the event and the line are right."),
    Fidelity.CONTROL: ("WrongControl", "Another event, line or function is predicted, or an end where there is none."),
    Fidelity.VALUE: ("WrongValue", "The returned value or the exception is wrong; the event and the line are right."),
    Fidelity.MALFORMED: ("MalformedFrame", "The model wrote no frame."),
}


def text(result: Result, version: str) -> str:
    """Return the report as JSON in ASCII, one newline at its end."""
    return json.dumps(log(result, version), allow_nan=False, indent=1) + "\n"


def log(result: Result, version: str) -> Record:
    """Return the report as JSON-ready values."""
    divergences = [(entry, first_divergence(entry)) for entry in result.comparisons]
    diverged = [(comparison, divergence) for comparison, divergence in divergences if divergence is not None]
    run = {
        "tool": {"driver": {"name": "neuralpdb", "semanticVersion": version, "rules": list(map(_rule, RULES))}},
        "invocations": [_invocation(result)],
        "artifacts": [_artifact(entry.subject) for entry, _ in diverged],
        "results": [_result(*entry, result, index) for index, entry in enumerate(diverged)],
        "columnKind": "unicodeCodePoints",
        "properties": {"model": inert(f"{result.setup.engine} {result.setup.model}".strip())},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def rule_id(outcome: Fidelity) -> str:
    """Return the rule of an outcome: `fidelity/state`."""
    return f"fidelity/{outcome}"


def _rule(outcome: Fidelity) -> Record:
    name, described = _ABOUT[outcome]
    return {
        "id": rule_id(outcome),
        "name": name,
        "shortDescription": {"text": f"The prediction left the real run: {outcome}"},
        "fullDescription": {"text": described},
        "defaultConfiguration": {"level": "warning"},
    }


def _invocation(result: Result) -> Record:
    notes = [
        {"level": "error", "message": {"text": f"{short(each.subject.id, WIDTH)}: {short(each.error, WIDTH)}"}}
        for each in result.comparisons
        if each.error
    ]
    return {"executionSuccessful": result.complete, "toolExecutionNotifications": notes}


def _artifact(subject: Subject) -> Record:
    """Return the file; a record, which lies in no file of its own, with its text."""
    artifact: Record = {"location": {"uri": uri(subject.name)}, "sourceLanguage": "python"}
    if is_record(subject):
        artifact["contents"] = {"text": "\n".join(map(inert, subject.text.split("\n")))}
    return artifact


def uri(name: str) -> str:
    """Return a path as a URI reference, absolute for an absolute path."""
    path = PurePosixPath(name)
    escaped = quote(str(path).encode("utf-8", "backslashreplace"))
    return f"file://{escaped}" if path.is_absolute() else escaped


def _result(comparison: Comparison, divergence: Divergence, result: Result, index: int) -> Record:
    subject = comparison.subject
    return {
        "ruleId": rule_id(divergence.fidelity),
        "ruleIndex": RULES.index(divergence.fidelity),
        "level": "warning",
        "message": {"text": f"Frame {divergence.index}: {short(reason(divergence), WIDTH)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(subject.name), "index": index},
                    "region": _region(comparison, divergence),
                },
                "logicalLocations": [{"name": short(divergence.function, WIDTH), "kind": "function"}],
            }
        ],
        "partialFingerprints": {"firstDivergence/v1": fingerprint(comparison, divergence)},
        "properties": {
            "frame": divergence.index,
            "view": divergence.view,
            "command": short(command(subject, result.setup, divergence.index), 4 * WIDTH),
        },
    }


def _region(comparison: Comparison, divergence: Divergence) -> Record:
    place = own_place(comparison.subject, comparison.truth.frames[: divergence.index + 1])
    if place is None:
        return {"startLine": 1}
    return {"startLine": place.line, "snippet": {"text": short(place.source, WIDTH)}}


def fingerprint(comparison: Comparison, divergence: Divergence) -> str:
    """Return a hash that stays the same for the same miss of another run, also when lines were added above it.

    It is made of program, rule, function, text of the line and names of what is wrong: no values, no line numbers.
    """
    names = sorted(each.name for each in divergence.differences)
    parts = [comparison.subject.id, comparison.subject.call, rule_id(divergence.fidelity), divergence.function]
    parts += [divergence.place.source.strip(), *names]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
