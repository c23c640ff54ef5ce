"""JUnit report: a test case for each program. Characters that XML forbids are written as escapes."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from neuralpdb.fidelity.comparison import Comparison, Result
from neuralpdb.fidelity.figures.debugging import defects
from neuralpdb.fidelity.figures.divergence import (
    DEBUGGER,
    Divergence,
    command,
    debugger_divergence,
    first_divergence,
    reason,
    shown_name,
)
from neuralpdb.fidelity.figures.shares import percent
from neuralpdb.fidelity.figures.summary import ProgramRow, Summary
from neuralpdb.fidelity.report import side_by_side
from neuralpdb.output.printable import inert, short

WIDTH = 2_000
"""Characters of a value; longer ones are cut in the middle."""


def text(result: Result, summary: Summary) -> str:
    """Return the report: failure = the model left the truth, error = no comparison, skipped = nothing comparable."""
    suite = Element("testsuite", name="neuralpdb fidelity")
    _properties(suite, result, summary)
    counts = {"failure": 0, "error": 0, "skipped": 0}
    for comparison, row in zip(result.comparisons, summary.programs, strict=True):
        outcome = _case(suite, comparison, row, result)
        if outcome:
            counts[outcome] += 1
    seconds = sum(each.cost.seconds + each.cost.truth_seconds for each in result.comparisons)
    suite.attrib |= {
        "tests": str(len(result.comparisons)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": f"{seconds:.3f}",
        "timestamp": inert(result.created)[:19],
    }
    root = Element("testsuites", {key: value for key, value in suite.attrib.items() if key != "timestamp"})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _properties(suite: Element, result: Result, summary: Summary) -> None:
    setup, forced, rollout = result.setup, summary.teacher_forced, summary.rollout
    properties = SubElement(suite, "properties")
    values = {
        "model": f"{setup.engine} {setup.model} {setup.revision}".strip(),
        "python": ", ".join(summary.pythons),
        "complete": str(result.complete).lower(),
        "next-state accuracy": percent(forced.accuracy if forced else None),
        "results equal": percent(rollout.result_equal.value if rollout else None),
    }
    if summary.debugger is not None:
        used = summary.debugger
        values |= {
            "debugger: frames followed": percent(used.rollouts.matched.value),
            "debugger: programs exact": percent(used.rollouts.trace_exact.value),
            "debugger: results equal": percent(used.rollouts.result_equal.value),
            "debugger: computed wrong": str(len(used.defects)),
            "debugger: forward passes a frame": side_by_side.passes(used),
        }
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=short(value, WIDTH))


def _case(suite: Element, comparison: Comparison, row: ProgramRow, result: Result) -> str:
    """Add the test case of one program; return the kind of its outcome, empty when it passed."""
    subject, cost = comparison.subject, comparison.cost
    name = short(f"{subject.id} {subject.call}".strip(), WIDTH)
    seconds = f"{cost.seconds + cost.truth_seconds:.3f}"
    case = SubElement(suite, "testcase", classname=short(subject.name, WIDTH), name=name, time=seconds)
    divergence = first_divergence(comparison)
    outcome = ""
    if comparison.error:
        kind = str(comparison.blame) if comparison.blame else "error"
        SubElement(case, "error", type=kind, message=short(comparison.error, WIDTH))
        outcome = "error"
    elif divergence is not None:
        message = f"frame {divergence.index}: {short(reason(divergence), WIDTH)}"
        failure = SubElement(case, "failure", type=divergence.fidelity.value, message=message)
        failure.text = _details(comparison, divergence, result)
        outcome = "failure"
    elif not row.comparable:
        SubElement(case, "skipped", message="nothing in it can be compared")
        outcome = "skipped"
    debugger = _debugger(comparison, divergence)
    if debugger:
        SubElement(case, "system-out").text = "\n" + "\n".join(debugger) + "\n"
    return outcome


def _debugger(comparison: Comparison, shown: Divergence | None) -> list[str]:
    """Return where the debugger as it is used left the real run, unless it is shown, and what it computed wrong."""
    left = debugger_divergence(comparison)
    lines = []
    if left is not None and (shown is None or shown.view != DEBUGGER):
        lines.append(f"debugger as used: left the real run at frame {left.index}: {short(reason(left), WIDTH)}")
    for each in defects(comparison):
        computed, actual = (short(side_by_side.text(each, text), WIDTH) for text in (each.computed, each.actual))
        where = short(side_by_side.place(each), WIDTH)
        name = short(each.shown_name, WIDTH)
        lines.append(f"computed wrong, please report: {where}: {name}: computed {computed}, actual {actual}")
    return lines


def _details(comparison: Comparison, divergence: Divergence, result: Result) -> str:
    place = divergence.place
    lines = [
        f"{short(comparison.subject.name, WIDTH)}({place.line})"
        f"{short(divergence.function, WIDTH)}() {divergence.view} frame {divergence.index}",
        f"-> {short(place.source.strip(), WIDTH)}",
    ]
    for difference in divergence.differences:
        texts = f"predicted {_value(difference.predicted)}, actual {_value(difference.actual)}"
        lines.append(f"{short(shown_name(difference.name), WIDTH)}: {texts}")
    lines.append(short(command(comparison.subject, result.setup, divergence.index, divergence.view), WIDTH))
    return "\n" + "\n".join(lines) + "\n"


def _value(text: str | None) -> str:
    return "nothing" if text is None else short(text, WIDTH)
