"""The JSON report: every figure of a run under the keys of `schema/fidelity-1.json`. It knows no file."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from typing import Any

from neuralpdb import __version__
from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Result, Rollout
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.figures.calibration import Calibration
from neuralpdb.fidelity.figures.divergence import Divergence, command, first_divergence, reason
from neuralpdb.fidelity.figures.rollouts import Rollouts
from neuralpdb.fidelity.figures.shares import CONFIDENCE, Interval, Share, Tally
from neuralpdb.fidelity.figures.summary import ProgramRow, Summary
from neuralpdb.fidelity.figures.table9 import Form, Metric, Table9
from neuralpdb.fidelity.report.jsonl_records import Record, plain
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import Ended, Trouble

SCHEMA = "neuralpdb.fidelity/1"


@dataclass(frozen=True)
class About:
    """What made the report: version of the tool, its Python, the platform."""

    version: str
    python: str
    platform: str

    @classmethod
    def here(cls) -> About:
        """This process."""
        return cls(__version__, platform.python_version(), f"{platform.system()} {platform.machine()}".strip())


def text(result: Result, summary: Summary, about: About) -> str:
    """The report as JSON in ASCII, one newline at its end."""
    return json.dumps(document(result, summary, about), allow_nan=False, indent=1) + "\n"


def document(result: Result, summary: Summary, about: About) -> Record:
    """The report as JSON-ready values."""
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
        "model": _model(result.setting),
        "mode": _mode(result.setting),
        "totals": {
            "teacher_forced": None if forced is None else {**tally(forced), "clustered": interval(summary.clustered)},
            "rollout": None if rollout is None else _rollouts(rollout),
        },
        "table9": None if summary.table9 is None else _table9(summary.table9),
        "programs": [
            _program(comparison, row, result.setting)
            for comparison, row in zip(result.comparisons, summary.programs, strict=True)
        ],
        "breakdowns": summary.view or None,
        "lines": [{"program": row.program, "line": row.line, **tally(row.tally)} for row in summary.lines],
        "functions": [
            {"program": row.program, "function": row.function, "first_miss": row.first_miss, **tally(row.tally)}
            for row in summary.functions
        ],
        "constructs": _tallies(summary.constructs),
        "types": {kind: share(each) for kind, each in summary.types.items()},
        "events": _tallies(summary.events),
        "depths": _tallies(summary.depths),
        "positions": _tallies(summary.positions),
        "levels": {level.value: count for level, count in summary.levels.items()},
        "calibration": None if summary.calibration is None else _calibration(summary.calibration),
        "cost": plain(summary.cost),
    }


def _model(setting: ComparisonSetup) -> Record:
    return {
        "engine": setting.engine,
        "id": setting.model,
        "revision": setting.revision,
        "context": setting.context,
        "sampling": "greedy",
    }


def _mode(setting: ComparisonSetup) -> Record:
    tolerance = setting.rules.float_tolerance
    levels = [level.value for level in Level if level.equal and (level is not Level.FLOAT or tolerance > 0)]
    return {
        "teacher_forced": setting.teacher_forced,
        "rollout": setting.rollout,
        "constraint": setting.constrained,
        "equality": {"levels": levels, "float_tolerance": plain(tolerance)},
        "limits": plain(setting.limits),
        "max_frames": setting.max_frames,
    }


# -- programs --------------------------------------------------------------------------------------------------------


def _program(comparison: Comparison, row: ProgramRow, setting: ComparisonSetup) -> Record:
    subject, end = comparison.subject, comparison.truth.end
    found = first_divergence(comparison)
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
        "divergence": None if found is None else _divergence(comparison, found, setting),
        "error": comparison.error or None,
        "blame": comparison.blame.value if comparison.blame else None,
    }


def digest(text: str) -> str:
    """SHA-256 of a source, of its UTF-8 bytes."""
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


def _divergence(comparison: Comparison, found: Divergence, setting: ComparisonSetup) -> Record:
    return {
        "view": found.view,
        "index": found.index,
        "outcome": found.fidelity.value,
        "function": found.function,
        "line": found.place.line,
        "source": found.place.source,
        "reason": reason(found),
        "differences": [
            {"name": each.name or None, "predicted": each.predicted, "actual": each.actual}
            for each in found.differences
        ],
        "command": command(comparison.subject, setting, found.index),
    }


# -- figures ---------------------------------------------------------------------------------------------------------


def interval(found: Interval | None) -> Record | None:
    """Both ends, between 0 and 1, and the level of confidence."""
    return None if found is None else {"low": found.low, "high": found.high, "confidence": CONFIDENCE}


def share(found: Share) -> Record:
    """Counts, their quotient and its Wilson interval."""
    return {"right": found.right, "total": found.total, "share": found.value, "interval": interval(found.interval)}


def tally(found: Tally) -> Record:
    """Counts of all outcomes, and the accuracy with its Wilson interval."""
    return {
        "frames": found.frames,
        **{outcome.value: found[outcome] for outcome in Fidelity},
        "accuracy": found.accuracy,
        "interval": interval(found.interval),
    }


def _tallies(found: Any) -> Record:
    return {name: tally(each) for name, each in found.items()}


def _rollouts(found: Rollouts) -> Record:
    return {
        "programs": found.programs,
        "result_equal": share(found.result_equal),
        "trace_exact": share(found.trace_exact),
        "truncated": found.truncated,
        "diverged": found.diverged,
        "first_divergence_median": found.first_divergence_median,
        "matched": {"right": found.matched.right, "total": found.matched.total, "share": found.matched.value},
        "matched_mean": found.matched_mean,
        "outcomes": {outcome.value: found.outcomes[outcome] for outcome in Fidelity},
    }


def _table9(found: Table9) -> Record:
    return {
        "traces": found.traces,
        "output_pass_at_1": share(found.output),
        "valid_format": share(found.valid),
        "action_exact_match": _metric(found.action),
        "value_match": _metric(found.value),
        "resolved": _form(found.resolved),
        "diff": _form(found.diff),
    }


def _form(found: Form) -> Record:
    return {
        "state_exact_match": _metric(found.state),
        "key_match": _metric(found.keys),
        "key_value_match": _metric(found.values),
    }


def _metric(found: Metric) -> Record:
    micro = found.micro
    return {"right": micro.right, "total": micro.total, "micro": micro.value, "macro": found.macro}


def _calibration(found: Calibration) -> Record:
    return {
        "frames": found.frames,
        "error": found.error,
        "brier": found.brier,
        "separation": found.separation,
        "right": found.right,
        "wrong": found.wrong,
        "bins": [
            {
                "low": each.low,
                "high": each.high,
                "frames": each.share.total,
                "right": each.share.right,
                "share": each.share.value,
                "confidence": each.confidence,
            }
            for each in found.bins
        ],
    }
