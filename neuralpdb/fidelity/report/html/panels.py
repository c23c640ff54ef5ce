"""Still parts of the HTML page as rows and texts: head, caveats, breakdowns, calibration, tables.

It knows figures and wording. It knows no markup: every text is plain and is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, sqrt
from typing import Any

from neuralpdb.fidelity.comparison import ComparisonSetup, Result
from neuralpdb.fidelity.figures.calibration import Bin, Calibration
from neuralpdb.fidelity.figures.rollouts import Rollouts
from neuralpdb.fidelity.figures.shares import Interval, Share, Tally, between, percent, plural
from neuralpdb.fidelity.figures.summary import FunctionRow, Summary
from neuralpdb.fidelity.figures.table9 import Metric, Table9
from neuralpdb.fidelity.report import side_by_side
from neuralpdb.fidelity.verdicts import RIGHT, WRONG, Fidelity
from neuralpdb.output.printable import short

FUNCTIONS = 25
"""Most functions in the page, so that it stays readable; the JSON report has all."""
DEFECTS, LONGEST = 25, 2_000
"""Most texts that were computed wrong, and their characters; the JSON report has all."""
NAMED = 3
"""Most failures that are named one by one."""

LETTERS = dict(zip(Fidelity, "=≈SCVMTX·", strict=True))
MEANINGS = {
    Fidelity.EXACT: "every text is the true one",
    Fidelity.EQUIVALENT: "the same values, at least one written otherwise",
    Fidelity.STATE: "right line; a local is wrong, missing or too many",
    Fidelity.CONTROL: "another event, function or line",
    Fidelity.VALUE: "right line; the returned value or the exception is wrong",
    Fidelity.MALFORMED: "the model wrote nothing that is a frame",
    Fidelity.TRUNCATED: "a limit was hit: nothing is said, right or wrong",
    Fidelity.EXCLUDED: "not comparable: an accident of the run",
    Fidelity.UNREACHED: "behind the divergence",
}


# -- numbers as text -----------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Return a number as text: `1,234`, or `12.5` for a fraction."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


# -- the head ------------------------------------------------------------------------------------------------------


def facts(result: Result, summary: Summary) -> list[str]:
    """Return what was compared, with what, how and when."""
    setup = result.setup
    frames = sum(row.frames for row in summary.programs)
    return [
        f"{setup.engine} engine",
        *([f"revision {setup.revision}"] if setup.revision else []),
        f"context {setup.context:,} tokens",
        "lines kept to what control flow allows" if setup.constrained else "lines not constrained",
        *([f"floats within {setup.rules.float_tolerance:g}"] if setup.rules.float_tolerance else []),
        f"{plural(len(summary.programs), 'program')}, {plural(frames, 'true frame')}",
        result.created.replace("T", " ").replace("+00:00", " UTC").removesuffix("Z"),
    ]


def title(setup: ComparisonSetup, summary: Summary) -> str:
    """Return the title of the window."""
    tally = summary.teacher_forced
    head = f"{percent(tally.accuracy)} of next states" if tally else "Rollouts"
    return f"{head} – {setup.model} – neuralpdb"


def numbers(summary: Summary) -> list[dict[str, Any]]:
    """Return the two numbers and that of the debugger, each with the outcomes behind it."""
    rows = []
    if summary.teacher_forced is not None:
        rows.append(_next_state(summary.teacher_forced, summary.clustered))
    if summary.rollout is not None:
        rows.append(_rollout(summary.rollout, "Rollout, the model on its own from the first frame"))
    if summary.debugger is not None:
        rows.append(_rollout(summary.debugger.rollouts, "The debugger as it is used, on its own from the first frame"))
    return rows


def _next_state(tally: Tally, clustered: Interval | None) -> dict[str, Any]:
    independent = f"95 % interval {between(tally.interval)} (frames on their own)"
    drawn = f", {between(clustered)} (whole programs drawn)" if clustered else ""
    return {
        "title": "Next state, each step predicted from the true ones before it",
        "value": percent(tally.accuracy),
        "unit": "",
        "bar": bar(tally),
        "lines": [f"{tally.right:,} of {plural(tally.share.total, 'frame')} right · {independent}{drawn}"],
    }


def _rollout(rollout: Rollouts, title: str) -> dict[str, Any]:
    equal, exact = rollout.result_equal, rollout.trace_exact
    first = rollout.first_divergence_median
    where = "median first divergence at" if rollout.diverged > 1 else "first divergence at"
    parts = [
        f"{exact.right:,} of {exact.total:,} exact to the end",
        f"{where} frame {number(first)}" if first is not None else "no divergence",
        f"{percent(rollout.matched.value)} of the frames followed",
    ]
    return {
        "title": title,
        "value": f"{equal.right:,} of {equal.total:,}" if equal.total else "–",
        "unit": "results equal" if equal.total != 1 else "result equal",
        "bar": bar(rollout.outcomes),
        "lines": [" · ".join(parts)],
    }


def bar(tally: Tally) -> list[dict[str, Any]]:
    """Return the segments of a bar, in per cent of it, in the order of the outcomes."""
    segments, left = [], 0.0
    for outcome, count in tally.counts.items():
        if count:
            width = 100 * count / tally.frames
            segments.append({**described(outcome), "count": count, "left": round(left, 3), "width": round(width, 3)})
            left += width
    return segments


def described(outcome: Fidelity) -> dict[str, Any]:
    """Return how an outcome is shown everywhere in the page."""
    return {
        "name": outcome.value,
        "letter": LETTERS[outcome],
        "meaning": MEANINGS[outcome],
        "right": outcome in RIGHT,
        "wrong": outcome in WRONG,
    }


def legend(summary: Summary) -> list[dict[str, Any]]:
    """Return every outcome with its count, of next-state steps where there are any."""
    used = summary.debugger.rollouts if summary.debugger is not None else None
    free = summary.rollout or used
    behind = free.outcomes if free is not None else Tally({})
    tally = summary.teacher_forced or behind
    counts = {**tally.counts, Fidelity.UNREACHED: behind[Fidelity.UNREACHED]}
    always = WRONG | RIGHT
    return [{**described(each), "count": f"{n:,}"} for each, n in counts.items() if n or each in always]


# -- caveats -------------------------------------------------------------------------------------------------------


def caveats(result: Result, summary: Summary, left_out: int) -> list[str]:
    """Return what a reader has to know to trust the numbers. left_out: programs without their steps in the page."""
    texts = []
    if summary.debugger is not None and summary.debugger.defects:
        texts.append(f"{side_by_side.plea(summary.debugger)} (see the table at the end).")
    if not result.complete:
        texts.append(f"Interrupted: only {plural(len(result.comparisons), 'program')} of the run are in this report.")
    texts += _named(summary.failures, "could not be compared")
    texts += _named(summary.cut, "ran into a limit of the real run and is compared up to there")
    texts += _uncounted(summary)
    if summary.debugger is not None and summary.debugger.alone:
        texts.append(f"{side_by_side.alone(summary.debugger)}.")
    if len(summary.pythons) > 1:
        texts.append(f"The real runs were made by several Pythons: {', '.join(summary.pythons)}.")
    if left_out:
        texts.append(
            f"The steps of {plural(left_out, 'program')} are only in the JSON report: the page would be too large."
        )
    return texts


def _named(pairs: Sequence[tuple[str, str]], what: str) -> list[str]:
    if not pairs:
        return []
    named = "; ".join(f"{program}: {reason}" for program, reason in pairs[:NAMED])
    others = f"; and {len(pairs) - NAMED:,} more" if len(pairs) > NAMED else ""
    return [f"{plural(len(pairs), 'program')} {what} ({named}{others})."]


def _uncounted(summary: Summary) -> list[str]:
    texts, tally, rollout = [], summary.teacher_forced, summary.rollout
    if tally and tally[Fidelity.EXCLUDED]:
        excluded = plural(tally[Fidelity.EXCLUDED], "frame")
        texts.append(f"{excluded} not comparable (addresses, time, randomness or input) and not counted.")
    if tally and tally[Fidelity.TRUNCATED]:
        texts.append(f"{plural(tally[Fidelity.TRUNCATED], 'prediction')} cut by a limit and not counted.")
    if rollout and rollout.truncated:
        texts.append(f"{plural(rollout.truncated, 'rollout')} stopped by a limit before an end of its own.")
    return texts


# -- breakdowns ----------------------------------------------------------------------------------------------------


def breakdowns(summary: Summary) -> list[dict[str, Any]]:
    """Return the tables of shares that have a row."""
    groups = [
        _functions(summary.functions, many=len(summary.programs) > 1),
        _group("By construct", "statement that ran", _rows(summary.constructs)),
        _group("By type of value", "type", _rows(summary.types), unit="values", mistakes=False),
        _group("By event", "event", _rows(summary.events)),
        _group("By depth of the call", "depth", _rows(summary.depths)),
        _group("By position in the trace", "frames", _rows(summary.positions)),
    ]
    groups[2]["note"] = "Values that a step wrote anew, where event and line are right."
    return [group for group in groups if group["rows"]]


def _group(
    title: str, head: str, rows: list[dict[str, Any]], unit: str = "steps", mistakes: bool = True
) -> dict[str, Any]:
    return {"title": title, "head": head, "unit": unit, "rows": rows, "mistakes": mistakes, "note": ""}


def _functions(rows: Sequence[FunctionRow], many: bool) -> dict[str, Any]:
    """Return the table of functions; of many functions those with the most wrong steps."""
    ranked = sorted(rows, key=lambda row: (-row.tally.wrong, row.tally.accuracy or 0.0))
    if len(rows) > FUNCTIONS:
        ranked = [row for row in ranked if row.tally.wrong][:FUNCTIONS]
    group = _group("By function", "function", [_row(row.function, row.tally, row.program) for row in ranked])
    if len(ranked) < len(rows):
        wrong = sum(row.tally.wrong > 0 for row in rows)
        group["note"] = f"The {len(ranked)} with the most wrong steps, of {wrong:,} with any and {len(rows):,} in all."
    return group if many else {**group, "rows": [{**row, "inside": ""} for row in group["rows"]]}


def _rows(tallies: Mapping[str, Tally] | Mapping[str, Share]) -> list[dict[str, Any]]:
    return [_row(name, tally) for name, tally in tallies.items()]


def _row(name: str, tally: Tally | Share, inside: str = "") -> dict[str, Any]:
    share = tally.share if isinstance(tally, Tally) else tally
    interval = share.interval
    wrong: Iterable[tuple[Fidelity, int]] = tally.counts.items() if isinstance(tally, Tally) else ()
    return {
        "name": name,
        "inside": inside,
        "total": f"{share.total:,}",
        "value": percent(share.value),
        "percent": round(100 * (share.value or 0), 2),
        "low": round(100 * interval.low, 2) if interval else None,
        "high": round(100 * interval.high, 2) if interval else None,
        "interval": between(interval),
        "mistakes": [{**described(each), "count": f"{n:,}"} for each, n in wrong if n and each in WRONG],
    }


def calibration(figures: Calibration | None) -> dict[str, Any] | None:
    """Return the points of the plot and a sentence about them."""
    if figures is None:
        return None
    most = max(one_bin.share.total for one_bin in figures.bins)
    separation = f", a right step is more confident than a wrong one in {percent(figures.separation)} of pairs"
    return {
        "note": f"Confidence of {plural(figures.frames, 'step')} against how many of them are right. "
        f"On the diagonal it would know exactly. "
        f"Expected calibration error {100 * figures.error:.1f} points, Brier score {figures.brier:.3f}"
        f"{separation if figures.separation is not None else ''}.",
        "points": [_point(one_bin, most) for one_bin in figures.bins if one_bin.share.total],
    }


def _point(one_bin: Bin, most: int) -> dict[str, Any]:
    interval = one_bin.share.interval or Interval(0, 1)
    value, confidence = one_bin.share.value or 0.0, one_bin.confidence or 0.0
    return {
        "x": floor(2000 * confidence) / 10,
        "y": 200 - floor(2000 * value) / 10,
        "low": 200 - floor(2000 * interval.low) / 10,
        "high": 200 - floor(2000 * interval.high) / 10,
        "radius": round(2.5 + 5 * sqrt(one_bin.share.total / most), 1),
        "title": f"{plural(one_bin.share.total, 'step')}: confidence {percent(confidence)}, right {percent(value)}",
    }


# -- tables --------------------------------------------------------------------------------------------------------


def tables(summary: Summary) -> list[dict[str, Any]]:
    """Return the figures that are no share of steps: the debugger, the literature's, the equality ladder, the cost."""
    result = [*_debugger(summary), *([_table9(summary.table9)] if summary.table9 else [])]
    if summary.teacher_forced and summary.teacher_forced.right:
        rows = [[level.value, f"{n:,}"] for level, n in summary.levels.items()]
        result.append({"title": "How the right steps were equal", "note": "", "head": ["level", "steps"], "rows": rows})
    return [*result, _cost(summary)]


def _table9(figures: Table9) -> dict[str, Any]:
    rows = [
        ["output pass@1", _share(figures.output), ""],
        ["valid format", _share(figures.valid), ""],
        _metric("action", figures.action),
        _metric("value returned or raised", figures.value),
    ]
    for name, form in (("all locals", figures.resolved), ("changed locals", figures.diff)):
        rows.append(_metric(f"state, {name}", form.state))
        rows.append(_metric(f"names, {name}", form.keys))
        rows.append(_metric(f"names and values, {name}", form.values))
    note = (
        f"Rollouts beside the truth by index, {plural(figures.traces, 'trace')}; "
        "in the style of the CWM report, Table 9."
    )
    return {
        "title": "The literature's figures",
        "note": note,
        "head": ["match", "over all", "mean of traces"],
        "rows": rows,
    }


def _share(share: Share) -> str:
    return f"{percent(share.value)} of {share.total:,}"


def _metric(name: str, metric: Metric) -> list[str]:
    return [name, _share(metric.micro), percent(metric.macro)]


def _debugger(summary: Summary) -> list[dict[str, Any]]:
    """Return the tables of the debugger as it is used."""
    used = summary.debugger
    if used is None:
        return []
    tables: list[dict[str, Any]] = [
        {
            "title": "The model alone, and the debugger as it is used",
            "note": "The debugger computes what Python determines; the model predicts the rest.",
            "head": side_by_side.HEADS,
            "rows": side_by_side.rows(summary),
        },
        {
            "title": "How the debugger knows",
            "note": "Values that a step wrote anew and lines, up to and with the first divergence.",
            "head": ("known", *side_by_side.KNOWN_HEADS[1:]),
            "rows": side_by_side.known_rows(used),
        },
    ]
    rows = [
        [side_by_side.place(each), each.shown_name, *(side_by_side.text(each, t) for t in (each.computed, each.actual))]
        for each in used.defects[:DEFECTS]
    ]
    wrong = {
        "title": "Computed wrong",
        "note": "Errors of neuralpdb: please report them with the programs.",
        "head": ("where", "name", "computed", "actual"),
        "rows": [[short(cell, LONGEST) for cell in row] for row in rows],
    }
    return [table for table in (*tables, wrong) if table["rows"]]


def _cost(summary: Summary) -> dict[str, Any]:
    cost = summary.cost
    rows = [
        ["tokens scored in forward passes", f"{cost.scored:,}"],
        ["further tokens read", f"{cost.prompt:,}"],
        ["tokens decoded one by one", f"{cost.decoded:,}"],
        ["frames decoded", f"{cost.redone:,}"],
        ["seconds of the model", f"{cost.seconds:,.1f}"],
        ["seconds of the real runs", f"{cost.truth_seconds:,.1f}"],
    ]
    if summary.debugger is not None:
        rows += [["forward passes of the debugger's model", f"{summary.debugger.passes:,}"]]
        rows += [["seconds of the debugger", f"{summary.debugger.seconds:,.1f}"]]
    return {"title": "What it took", "note": "", "head": ["", ""], "rows": rows}
