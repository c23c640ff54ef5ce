"""SARIF 2.1.0 report: a result for each program, at the place where the model first left the truth."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from urllib.parse import quote

from neuralpdb.fidelity.comparison import Comparison, Result, Subject
from neuralpdb.fidelity.figures.debugging import Defect, defects
from neuralpdb.fidelity.figures.divergence import (
    DEBUGGER,
    Divergence,
    command,
    first_divergence,
    is_record,
    own_place,
    reason,
)
from neuralpdb.fidelity.report import side_by_side
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


_COMPUTED_WRONG: Record = {
    "id": "computed/wrong",
    "name": "ComputedWrong",
    "shortDescription": {"text": "The debugger computed what does not happen"},
    "fullDescription": {
        "text": "A text that follows from Python's rules is another one in the real run: an error of neuralpdb."
    },
    "defaultConfiguration": {"level": "error"},
}


def text(result: Result, version: str) -> str:
    """Return the report as JSON in ASCII, one newline at its end."""
    return json.dumps(log(result, version), allow_nan=False, indent=1) + "\n"


def log(result: Result, version: str) -> Record:
    """Return the report as JSON-ready values."""
    divergences = [(entry, first_divergence(entry)) for entry in result.comparisons]
    diverged = [(comparison, divergence) for comparison, divergence in divergences if divergence is not None]
    wrong = [(comparison, found) for comparison in result.comparisons if (found := defects(comparison))]
    rules = [*map(_rule, RULES), *([_COMPUTED_WRONG] if wrong else [])]
    shown = [comparison for comparison, _ in diverged]
    shown += [comparison for comparison, _ in wrong if not any(comparison is each for each in shown)]
    places = {id(comparison): index for index, comparison in enumerate(shown)}
    computed = [
        _computed_wrong(comparison, each, places[id(comparison)]) for comparison, found in wrong for each in found
    ]
    run = {
        "tool": {"driver": {"name": "neuralpdb", "semanticVersion": version, "rules": rules}},
        "invocations": [_invocation(result)],
        "artifacts": [_artifact(each.subject) for each in shown],
        "results": [*(_result(*entry, result, index) for index, entry in enumerate(diverged)), *computed],
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
                    "region": _region(comparison, divergence.index),
                },
                "logicalLocations": [{"name": short(divergence.function, WIDTH), "kind": "function"}],
            }
        ],
        "partialFingerprints": {"firstDivergence/v1": fingerprint(comparison, divergence)},
        "properties": {
            "frame": divergence.index,
            "view": divergence.view,
            "command": short(command(subject, result.setup, divergence.index, divergence.view), 4 * WIDTH),
        },
    }


def _computed_wrong(comparison: Comparison, defect: Defect, index: int) -> Record:
    computed, actual = (short(side_by_side.text(defect, text), WIDTH) for text in (defect.computed, defect.actual))
    what = f"{short(defect.shown_name, WIDTH)} is {actual}, computed {computed}"
    return {
        "ruleId": _COMPUTED_WRONG["id"],
        "ruleIndex": len(RULES),
        "level": "error",
        "message": {"text": f"Frame {defect.index}: {what}: an error of neuralpdb, please report it"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(comparison.subject.name), "index": index},
                    "region": _region(comparison, defect.index),
                },
                "logicalLocations": [{"name": short(defect.place.function, WIDTH), "kind": "function"}],
            }
        ],
        "properties": {"frame": defect.index, "view": DEBUGGER},
    }


def _region(comparison: Comparison, index: int) -> Record:
    place = own_place(comparison.subject, comparison.truth.frames[: index + 1])
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
