"""JSON report: every figure of a run under the keys of `schema/fidelity-2.json`. It knows no file."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from typing import Any

from neuralpdb import __version__
from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Debugged, Result, Rollout
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.figures.calibration import Calibration
from neuralpdb.fidelity.figures.debugging import Debugging
from neuralpdb.fidelity.figures.divergence import Divergence, command, debugger_divergence, first_divergence, reason
from neuralpdb.fidelity.figures.rollouts import Rollouts
from neuralpdb.fidelity.figures.shares import CONFIDENCE, Interval, Share, Tally
from neuralpdb.fidelity.figures.summary import ProgramRow, Summary
from neuralpdb.fidelity.figures.table9 import Form, Metric, Table9
from neuralpdb.fidelity.report.jsonl_records import Record, plain
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import Ended, Trouble

SCHEMA = "neuralpdb.fidelity/2"


@dataclass(frozen=True)
class About:
    """The maker of a report.

    version:  of the tool.
    python:   version of its interpreter.
    platform: system and machine.
    """

    version: str
    python: str
    platform: str

    @classmethod
    def here(cls) -> About:
        """Describe this process."""
        return cls(__version__, platform.python_version(), f"{platform.system()} {platform.machine()}".strip())


def text(result: Result, summary: Summary, about: About) -> str:
    """Return the report as JSON in ASCII, one newline at its end."""
    return json.dumps(document(result, summary, about), allow_nan=False, indent=1) + "\n"


def document(result: Result, summary: Summary, about: About) -> Record:
    """Return the report as JSON-ready values."""
    forced, rollout = summary.teacher_forced, summary.rollout
    return {
        "schema": SCHEMA,
        "meta": {
            "tool": "neuralpdb",
            "version": about.version,
            "python": about.python,
            "platform": about.platform,
            "created": result.created,
            "seconds": plain(result.seconds),
            "complete": result.complete,
            "truth_pythons": list(summary.pythons),
        },
        "model": _model(result.setup),
        "mode": _mode(result.setup),
        "totals": {
            "teacher_forced": None if forced is None else {**tally(forced), "clustered": interval(summary.clustered)},
            "rollout": None if rollout is None else _rollouts(rollout),
            "debugger": None if summary.debugger is None else _debugging(summary.debugger),
        },
        "table9": None if summary.table9 is None else _table9(summary.table9),
        "programs": [
            _program(comparison, row, result.setup)
            for comparison, row in zip(result.comparisons, summary.programs, strict=True)
        ],
        "breakdowns": summary.view or None,
        "lines": [{"program": row.program, "line": row.line, **tally(row.tally)} for row in summary.lines],
        "functions": [
            {"program": row.program, "function": row.function, "first_miss": row.first_miss, **tally(row.tally)}
            for row in summary.functions
        ],
        "constructs": _tallies(summary.constructs),
        "types": {kind: share(type_share) for kind, type_share in summary.types.items()},
        "events": _tallies(summary.events),
        "depths": _tallies(summary.depths),
        "positions": _tallies(summary.positions),
        "levels": {level.value: count for level, count in summary.levels.items()},
        "calibration": None if summary.calibration is None else _calibration(summary.calibration),
        "cost": plain(summary.cost),
    }


def _model(setup: ComparisonSetup) -> Record:
    return {
        "engine": setup.engine,
        "id": setup.model,
        "revision": setup.revision,
        "context": setup.context,
        "sampling": "greedy",
    }


def _mode(setup: ComparisonSetup) -> Record:
    tolerance = setup.rules.float_tolerance
    levels = [level.value for level in Level if level.equal and (level is not Level.FLOAT or tolerance > 0)]
    return {
        "teacher_forced": setup.teacher_forced,
        "rollout": setup.rollout,
        "debugger": setup.debugger,
        "constraint": setup.constrained,
        "equality": {"levels": levels, "float_tolerance": plain(tolerance)},
        "limits": plain(setup.limits),
        "max_frames": setup.max_frames,
    }


# -- programs --------------------------------------------------------------------------------------------------------


def _program(comparison: Comparison, row: ProgramRow, setup: ComparisonSetup) -> Record:
    subject, end = comparison.subject, comparison.truth.end
    divergence = first_divergence(comparison)
    forced = row.teacher_forced
    return {
        "id": subject.id,
        "name": subject.name,
        "call": subject.call or None,
        "argv": list(subject.argv),
        "sha256": digest(subject.text),
        "python": comparison.python or None,
        "frames": row.frames,
        "cut": end.message if isinstance(end, Trouble) else None,
        "comparable": row.comparable,
        "teacher_forced": None if forced is None else {**tally(forced), "first_miss": row.first_miss},
        "rollout": None if comparison.rollout is None else _rollout(comparison.rollout),
        "divergence": None if divergence is None else _divergence(comparison, divergence, setup),
        "debugger": None if comparison.debugger is None else _debugged(comparison, comparison.debugger, setup),
        "error": comparison.error or None,
        "blame": comparison.blame.value if comparison.blame else None,
    }


def digest(text: str) -> str:
    """Return the SHA-256 of a source, of its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _rollout(rollout: Rollout) -> Record:
    end = rollout.end
    return {
        "first_divergence": rollout.divergence,
        "matched": rollout.matched,
        "frames": len(rollout.frames),
        "complete": rollout.complete,
        "end": end.reason if isinstance(end, Ended) else end.message,
        "trace_exact": rollout.exact,
        "result_equal": rollout.equal,
        "expected": rollout.expected,
        "predicted": rollout.predicted,
    }


def _debugged(comparison: Comparison, used: Debugged, setup: ComparisonSetup) -> Record:
    divergence = debugger_divergence(comparison)
    return {
        **_rollout(used.rollout),
        "divergence": None if divergence is None else _divergence(comparison, divergence, setup),
        "alone": dict(used.alone),
        "passes": used.passes,
        "seconds": plain(used.seconds),
    }


def _divergence(comparison: Comparison, divergence: Divergence, setup: ComparisonSetup) -> Record:
    return {
        "view": divergence.view,
        "index": divergence.index,
        "outcome": divergence.fidelity.value,
        "function": divergence.function,
        "line": divergence.place.line,
        "source": divergence.place.source,
        "reason": reason(divergence),
        "differences": [
            {"name": each.name or None, "predicted": each.predicted, "actual": each.actual}
            for each in divergence.differences
        ],
        "command": command(comparison.subject, setup, divergence.index, divergence.view),
    }


# -- figures ---------------------------------------------------------------------------------------------------------


def interval(ends: Interval | None) -> Record | None:
    """Return both ends, between 0 and 1, and the level of confidence."""
    return None if ends is None else {"low": ends.low, "high": ends.high, "confidence": CONFIDENCE}


def share(counts: Share) -> Record:
    """Return counts, their quotient and its Wilson interval."""
    return {"right": counts.right, "total": counts.total, "share": counts.value, "interval": interval(counts.interval)}


def tally(counts: Tally) -> Record:
    """Return counts of all outcomes, and the accuracy with its Wilson interval."""
    return {
        "frames": counts.frames,
        **{outcome.value: counts[outcome] for outcome in Fidelity},
        "accuracy": counts.accuracy,
        "interval": interval(counts.interval),
    }


def _tallies(tallies: Any) -> Record:
    return {name: tally(each) for name, each in tallies.items()}


def _rollouts(rollouts: Rollouts) -> Record:
    return {
        "programs": rollouts.programs,
        "result_equal": share(rollouts.result_equal),
        "trace_exact": share(rollouts.trace_exact),
        "truncated": rollouts.truncated,
        "diverged": rollouts.diverged,
        "first_divergence_median": rollouts.first_divergence_median,
        "matched": {"right": rollouts.matched.right, "total": rollouts.matched.total, "share": rollouts.matched.value},
        "matched_mean": rollouts.matched_mean,
        "outcomes": {outcome.value: rollouts.outcomes[outcome] for outcome in Fidelity},
    }


def _debugging(used: Debugging) -> Record:
    return {
        **_rollouts(used.rollouts),
        "values": {how.value: share(counts) for how, counts in used.values.items()},
        "ways": {how.value: share(counts) for how, counts in used.ways.items()},
        "defects": [
            {
                "program": each.program,
                "index": each.index,
                "name": each.name or None,
                "computed": each.computed,
                "actual": each.actual,
                "function": each.place.function,
                "line": each.place.line,
                "source": each.place.source,
            }
            for each in used.defects
        ],
        "alone": dict(used.alone),
        "frames": used.frames,
        "passes": used.passes,
        "passes_per_frame": used.passes_per_frame,
        "seconds": plain(used.seconds),
    }


def _table9(table: Table9) -> Record:
    return {
        "traces": table.traces,
        "output_pass_at_1": share(table.output),
        "valid_format": share(table.valid),
        "action_exact_match": _metric(table.action),
        "value_match": _metric(table.value),
        "resolved": _form(table.resolved),
        "diff": _form(table.diff),
    }


def _form(form: Form) -> Record:
    return {
        "state_exact_match": _metric(form.state),
        "key_match": _metric(form.keys),
        "key_value_match": _metric(form.values),
    }


def _metric(metric: Metric) -> Record:
    micro = metric.micro
    return {"right": micro.right, "total": micro.total, "micro": micro.value, "macro": metric.macro}


def _calibration(calibration: Calibration) -> Record:
    return {
        "frames": calibration.frames,
        "error": calibration.error,
        "brier": calibration.brier,
        "separation": calibration.separation,
        "right": calibration.right,
        "wrong": calibration.wrong,
        "bins": [
            {
                "low": each.low,
                "high": each.high,
                "frames": each.share.total,
                "right": each.share.right,
                "share": each.share.value,
                "confidence": each.confidence,
            }
            for each in calibration.bins
        ],
    }
