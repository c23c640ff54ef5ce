"""Terminal report: figures, the first divergence, what is left out. Inert text, no wider than asked.

It knows comparisons and their summary, no console.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.text import Text

from neuralpdb.fidelity.comparison import Comparison, Result, Rollout
from neuralpdb.fidelity.figures.divergence import (
    DEBUGGER,
    ROLLOUT,
    Divergence,
    debugger_divergence,
    first_divergence,
    reason,
)
from neuralpdb.fidelity.figures.rollouts import stopped
from neuralpdb.fidelity.figures.shares import Interval, Share, Tally, between, percent, plural
from neuralpdb.fidelity.figures.summary import ProgramRow, Summary, worst
from neuralpdb.fidelity.figures.table9 import Form, Metric, Table9
from neuralpdb.fidelity.report import side_by_side
from neuralpdb.fidelity.report.divergence_view import LONGEST, scene
from neuralpdb.fidelity.report.text_tables import Column, cut, packed, table, wrapped
from neuralpdb.fidelity.verdicts import RIGHT, WRONG, Fidelity
from neuralpdb.output.printable import inert, short

WORST = 10
"""Most programs, failures and kinds that one list names: the report fits a few screens."""

_OUTCOMES = [each for each in Fidelity if each in RIGHT or each in WRONG]
_LEFT_OUT = [each for each in Fidelity if each not in RIGHT and each not in WRONG]
_STYLES = {True: "green", False: "bold red"}


def report(result: Result, summary: Summary, width: int) -> list[Text]:
    """Return the whole report. width: cells of a line, at least 20."""
    width = max(width, 20)
    blocks = [_head(result, summary, width), _totals(summary, width)]
    if len(result.comparisons) == 1:
        blocks += _one(result, summary, width)
    else:
        blocks += _many(result, summary, width)
    blocks += [table9(summary.table9, width), _defects(summary, width), _left_out(result, summary, width)]
    lines: list[Text] = []
    for block in filter(None, blocks):
        lines += [Text(""), *block] if lines else block
    return lines


# -- what and how true -----------------------------------------------------------------------------------------------


def _head(result: Result, summary: Summary, width: int) -> list[Text]:
    setup = result.setup
    model = " ".join(filter(None, (setup.engine, setup.model, setup.revision)))
    python = f"Python {', '.join(summary.pythons)}" if summary.pythons else "no real run"
    control = "lines kept to what control flow allows" if setup.constrained else "no constraint on lines"
    tolerance = setup.rules.float_tolerance
    extra = [f"floats equal within {tolerance:g}"] if tolerance else []
    return wrapped("; ".join([f"{inert(model)} beside {inert(python)}", control, *extra]), width, "dim")


def _totals(summary: Summary, width: int) -> list[Text]:
    """Return the two numbers: next-state accuracy, and the figures of the rollouts."""
    lines: list[Text] = []
    forced, rollout = summary.teacher_forced, summary.rollout
    if forced is not None:
        accuracy = f"{percent(forced.accuracy)}, {forced.right:,} of {plural(forced.share.total, 'frame')}"
        if forced.accuracy is not None:
            accuracy += f"; 95 % {between(forced.interval)} (Wilson, frames as if independent)"
        if summary.clustered is not None:
            accuracy += f", {between(summary.clustered)} (bootstrap over programs)"
        lines += wrapped(f"next-state accuracy: {accuracy}", width, "bold")
    if rollout is not None and rollout.programs > 1:
        lines += wrapped(
            f"rollout: results equal {_of(rollout.result_equal)}, traces exact {_of(rollout.trace_exact)}, "
            f"frames followed {_of(rollout.matched)}; first divergence {_median(rollout.first_divergence_median)}",
            width,
            "bold",
        )
    return lines


def _of(share: Share) -> str:
    if share.value is None:
        return "not known"
    return f"{share.right:,} of {share.total:,} ({percent(share.value)}, 95 % {between(share.interval)})"


def _median(index: float | None) -> str:
    return "none" if index is None else f"at frame {index:g} in the median"


_HEADS = [
    *(Column("steps"), Column("exact", style="green"), Column("equiv", style="green")),
    *(Column("state", style="red"), Column("control", style="red"), Column("value", style="red")),
    *(Column("malf.", style="red"), Column("other", style="yellow")),
    *(Column("fidelity", style="bold"), Column("95 %", style="dim")),
]


def _figures(tally: Tally) -> list[str]:
    counted = [str(tally[outcome]) for outcome in _OUTCOMES]
    left_out = sum(tally[outcome] for outcome in _LEFT_OUT)
    return [str(tally.frames), *counted, str(left_out), percent(tally.accuracy), _range(tally.interval)]


def _range(interval: Interval | None) -> str:
    return between(interval).removesuffix(" %")


def _tallies(title: str, rows: Mapping[str, Tally], width: int) -> list[Text]:
    cells = [[inert(name), *_figures(tally)] for name, tally in rows.items()]
    return table([Column(title, name=True), *_HEADS], cells, width) if cells else []


# -- one program -----------------------------------------------------------------------------------------------------


def _one(result: Result, summary: Summary, width: int) -> list[list[Text]]:
    comparison = result.comparisons[0]
    divergence = first_divergence(comparison)
    blocks = [_functions(summary, width), _courses(comparison, width), *_side_by_side(summary, width)]
    if divergence is not None:
        blocks.append(scene(comparison, divergence, result.setup, width))
    left = debugger_divergence(comparison)
    if left is not None and (divergence is None or divergence.view != DEBUGGER):
        blocks.append(scene(comparison, left, result.setup, width))
    return blocks


def _side_by_side(summary: Summary, width: int) -> list[list[Text]]:
    """Return the tables of the model alone beside the debugger, and of how the debugger's values are known."""
    if summary.debugger is None:
        return []
    name, model, debugger = side_by_side.HEADS
    beside = [Column(name, name=True), Column(model), Column(debugger, style="bold")]
    tables = [table(beside, side_by_side.rows(summary), width)]
    known = side_by_side.known_rows(summary.debugger)
    if known:
        title, count, right, share, interval = side_by_side.KNOWN_HEADS
        figures = [Column(count), Column(right), Column(share, style="bold"), Column(interval, style="dim")]
        tables.append(table([Column(title, name=True), *figures], known, width))
    return tables


def _defects(summary: Summary, width: int) -> list[Text]:
    """Return what was computed wrong, with whole texts: it is to be reported."""
    used = summary.debugger
    if used is None or not used.defects:
        return []
    lines = wrapped(side_by_side.plea(used), width, "bold red")
    for each in used.defects[:WORST]:
        lines += wrapped(short(side_by_side.place(each), LONGEST), width, "bold")
        source = each.place.source.strip()
        lines += [Text(cut(f"  -> {short(source, LONGEST)}", width))] if source else []
        for word, text in (("computed", each.computed), ("actual", each.actual)):
            shown = short(side_by_side.text(each, text), LONGEST)  # to be copied: one line of any length
            lines.append(Text(f"  {word} {short(each.shown_name, LONGEST)}: {shown}"))
    left_over = len(used.defects) - WORST
    return [*lines, *(wrapped(f"{left_over:,} more are in the JSON report", width) if left_over > 0 else [])]


def _functions(summary: Summary, width: int) -> list[Text]:
    rows = [[inert(row.function), *_figures(row.tally), _index(row.first_miss)] for row in summary.functions]
    if len(rows) > 1:
        missed = [row.first_miss for row in summary.functions if row.first_miss is not None]
        rows.append(["all", *_figures(_all(summary)), _index(min(missed, default=None))])
    columns = [Column("function", name=True), *_HEADS, Column("first miss")]
    return table(columns, rows, width) if rows else []


def _index(index: int | None) -> str:
    return "-" if index is None else str(index)


def _courses(comparison: Comparison, width: int) -> list[Text]:
    used = comparison.debugger.rollout if comparison.debugger is not None else None
    model = _course("rollout", "predicted", comparison, comparison.rollout, width)
    return [*model, *_course("debugger as used", "debugger", comparison, used, width)]


def _course(title: str, who: str, comparison: Comparison, rollout: Rollout | None, width: int) -> list[Text]:
    """Return how far a rollout came, and to which result."""
    if rollout is None:
        return []
    total = max(len(comparison.truth.frames) - 1, 0)
    if rollout.divergence is None:
        course = (
            "followed the real run to its end" if rollout.exact else f"stopped early, after frame {rollout.matched}"
        )
    else:
        course = f"left the real run at frame {rollout.divergence}"
    unknown = "not known" if stopped(rollout) else "not comparable"
    outcome = f"result {unknown if rollout.equal is None else 'equal' if rollout.equal else 'wrong'}"
    if rollout.equal is False:
        outcome += f": {who} {short(rollout.predicted, 60) or 'none'}, actual {short(rollout.expected, 60)}"
    elif rollout.equal:
        outcome += f": {short(rollout.expected, 60)}"
    right = rollout.exact and rollout.equal is not False
    return wrapped(
        f"{title}: {course} ({rollout.matched} of {plural(total, 'frame')}); {outcome}", width, _STYLES[right]
    )


# -- many programs ---------------------------------------------------------------------------------------------------


def _many(result: Result, summary: Summary, width: int) -> list[list[Text]]:
    return [
        *_side_by_side(summary, width),
        _outcomes(summary, width),
        _worst_constructs(summary, width),
        _types(summary, width),
        _tallies("position", summary.positions, width) if len(summary.positions) > 1 else [],
        _worst_programs(result, summary, width),
        _left_by_debugger(result, summary, width),
    ]


def _left_by_debugger(result: Result, summary: Summary, width: int) -> list[Text]:
    """Return the programs in which the debugger left the real run, where the model was asked alone, too."""
    if summary.view == DEBUGGER:
        return []
    divergences = [
        (row, debugger_divergence(each)) for row, each in zip(summary.programs, result.comparisons, strict=True)
    ]
    left = [(row, divergence) for row, divergence in divergences if divergence is not None]
    if not left:
        return []
    lines = wrapped(f"the debugger as it is used left the real run in {plural(len(left), 'program')}", width, "bold")
    for row, divergence in left[:WORST]:
        lines += _program(replace(row, teacher_forced=None), divergence, width)
    return lines


def _outcomes(summary: Summary, width: int) -> list[Text]:
    if not summary.events:
        return []
    rollouts = summary.view in (ROLLOUT, DEBUGGER)
    note = wrapped("frames of the rollouts, up to their first divergence:", width) if rollouts else []
    return [*note, *_tallies("event", {**summary.events, "all": _all(summary)}, width)]


def _all(summary: Summary) -> Tally:
    return Tally.total(summary.events.values())


def _worst_constructs(summary: Summary, width: int) -> list[Text]:
    wrong = {name: tally for name, tally in summary.constructs.items() if tally.wrong}
    ranked = sorted(wrong.items(), key=lambda item: (-item[1].wrong, item[0]))
    return _tallies("after a line of", dict(ranked[:WORST]), width)


def _types(summary: Summary, width: int) -> list[Text]:
    columns = [
        Column("written values", name=True),
        Column("all"),
        Column("right"),
        Column("share", style="bold"),
        Column("95 %", style="dim"),
    ]
    rows = [
        [inert(kind), str(share.total), str(share.right), percent(share.value), between(share.interval)]
        for kind, share in list(summary.types.items())[:WORST]
    ]
    return table(columns, rows, width) if rows else []


def _worst_programs(result: Result, summary: Summary, width: int) -> list[Text]:
    ranked = worst(summary.programs)
    by_id = {each.subject.id: each for each in result.comparisons}
    title = f"worst of {len(summary.programs):,} programs ({len(ranked):,} left the real run)"
    lines = wrapped(title, width, "bold") if ranked else []
    for row in ranked[:WORST]:
        lines += _program(row, first_divergence(by_id[row.id]), width)
    divergence = first_divergence(by_id[ranked[0].id]) if ranked else None
    if divergence is not None:
        lines += [Text(""), *scene(by_id[ranked[0].id], divergence, result.setup, width)]
    return lines


def _program(row: ProgramRow, divergence: Divergence | None, width: int) -> list[Text]:
    """Return one of the worst programs: its accuracy, and where the model left it."""
    accuracy = f"{percent(row.accuracy)}  " if row.accuracy is not None else ""
    lines = [Text(cut(f"{accuracy}{inert(row.id)} {short(row.call, 40)}".rstrip(), width), style="bold")]
    if divergence is None:
        return lines
    place = f"frame {divergence.index} of {row.frames - 1}"
    if divergence.index >= row.frames:
        place = f"frame {divergence.index}, behind the end"
    where = f"{place}, line {divergence.place.line} of {inert(divergence.function)}()"
    miss = wrapped(f"{divergence.fidelity} at {where}: {short(reason(divergence), 120)}", width - 2)
    return [*lines, *(Text("  ").append_text(line) for line in miss)]


# -- the literature's table ------------------------------------------------------------------------------------------


def table9(figures: Table9 | None, width: int) -> list[Text]:
    """Return the metrics of the CWM report's Table 9, of the rollouts."""
    if figures is None or figures.traces < 2:
        return []
    rows = [
        ["output pass@1", percent(figures.output.value), ""],
        ["valid format", percent(figures.valid.value), ""],
        ["action exact match", *_metric(figures.action)],
        ["value match", *_metric(figures.value)],
        *_form("", figures.resolved, " match"),
        *_form("diff ", figures.diff, ""),
    ]
    title = f"Table 9 ({figures.traces:,} rollouts)"
    columns = [Column(title, name=True), Column("micro", style="bold"), Column("macro")]
    return table(columns, rows, width)


def _form(prefix: str, form: Form, suffix: str) -> list[list[str]]:
    named = {"state exact": form.state, "key": form.keys, "key+value": form.values}
    return [[f"{prefix}{name}{suffix}", *_metric(metric)] for name, metric in named.items()]


def _metric(metric: Metric) -> tuple[str, str]:
    return percent(metric.micro.value), percent(metric.macro)


# -- what is left out, what it cost ----------------------------------------------------------------------------------


def _left_out(result: Result, summary: Summary, width: int) -> list[Text]:
    """Return notes on what is not counted, what is missing and why, and what the comparison cost."""
    notes: list[str] = []
    forced, rollout = summary.teacher_forced, summary.rollout
    counts = {each: forced[each] for each in _LEFT_OUT if forced[each]} if forced else {}
    if counts:
        counted = ", ".join(f"{count:,} {_WHY[outcome]}" for outcome, count in counts.items())
        notes.append(f"not counted: {counted}")
    if rollout is not None and rollout.truncated:
        notes.append(
            f"{plural(rollout.truncated, 'program')} stopped by a limit in the rollout, before an end of its own"
        )
    if summary.debugger is not None:
        notes += [short(side_by_side.alone(summary.debugger), 600)] if summary.debugger.alone else []
        limited = summary.debugger.rollouts.truncated
        notes += [f"{plural(limited, 'program')} stopped by a limit in the debugger's rollout"] if limited else []
    partly = [(c.subject.id, f"from frame {c.comparable} on {c.why}") for c in result.comparisons if c.why]
    notes += _named("compared in part", partly, width)
    notes += _named("real run cut off", summary.cut, width)
    notes += _named("no comparison", summary.failures, width)
    if not result.complete:
        notes.append("the run was interrupted: this is a part of it")
    lines = [line for note in notes for line in wrapped(note, width, "yellow")]
    return [*lines, *_calibration(summary, width), *_cost(summary, width)]


_WHY = {
    Fidelity.TRUNCATED: "cut off by a limit",
    Fidelity.EXCLUDED: "not comparable (addresses, time, randomness or input)",
    Fidelity.UNREACHED: "not reached",
}


def _named(what: str, pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    notes = [f"{what}: {inert(program)}: {short(why, 200)}" for program, why in pairs[:WORST]]
    return [*notes, f"{what}: {len(pairs) - WORST:,} more"] if len(pairs) > WORST else notes


def _calibration(summary: Summary, width: int) -> list[Text]:
    calibration = summary.calibration
    if calibration is None:
        return []
    means = [
        f"{value:.2f} where {word}"
        for word, value in (("right", calibration.right), ("wrong", calibration.wrong))
        if value is not None
    ]
    return wrapped(f"confidence: {', '.join(means)}; expected calibration error {calibration.error:.3f}", width, "dim")


def _cost(summary: Summary, width: int) -> list[Text]:
    cost = summary.cost
    used = summary.debugger
    debugger = []
    if used is not None:
        debugger = wrapped(f"debugger: {plural(used.passes, 'forward pass', 'es')}, {used.seconds:.1f} s", width, "dim")
    if not any((cost.scored, cost.prompt, cost.decoded)):
        return debugger
    words = [
        f"{cost.scored:,} tokens scored",
        f"{cost.decoded:,} decoded ({plural(cost.redone, 'frame')} again)",
        f"{cost.prompt:,} read",
        f"{cost.seconds:.1f} s model, {cost.truth_seconds:.1f} s real runs",
    ]
    return [*(Text(line, style="dim") for line in packed(words, width)), *debugger]
