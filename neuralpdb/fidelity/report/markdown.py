"""Markdown report: the summary page of a CI run. Every foreign text is shown as text, whatever it spells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neuralpdb.fidelity.comparison import Comparison, Result
from neuralpdb.fidelity.figures.divergence import (
    DEBUGGER,
    Divergence,
    command,
    debugger_divergence,
    first_divergence,
    own_place,
    reason,
)
from neuralpdb.fidelity.figures.rollouts import stopped
from neuralpdb.fidelity.figures.shares import Share, Tally, between, percent
from neuralpdb.fidelity.figures.summary import ProgramRow, Summary, worst
from neuralpdb.fidelity.report import side_by_side
from neuralpdb.output.printable import escaped, short

ROWS = 50
"""Most rows of a table: a page of a CI run stays readable."""
SHOWN = 10
"""Most divergences that are described."""
WIDTH = 300
"""Characters of a text; longer ones are cut in the middle."""
LONGEST = 2_000
"""Characters of a text that was computed wrong."""


def plain(text: str) -> str:
    """Return `text` for a line of text, cut in its middle when it is long."""
    return escaped(short(text, WIDTH))


def code(text: str, width: int = WIDTH) -> str:
    """Return `text` as code for a line of text or a cell, cut in its middle when it is longer than `width`."""
    return f"<code>{escaped(short(text, width))}</code>"


def text(result: Result, summary: Summary) -> str:
    """Return the report, one newline at its end."""
    blocks = [
        f"## Fidelity of {plain(result.setup.model or result.setup.engine)}",
        _headline(result, summary),
        *_side_by_side(summary),
        _defects(summary),
        _notes(result, summary),
        _functions(summary) if len(summary.programs) == 1 else _programs(summary),
        *_divergences(result, summary),
        *_left_by_debugger(result, summary),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _headline(result: Result, summary: Summary) -> str:
    lines = []
    forced, rollout, setup = summary.teacher_forced, summary.rollout, result.setup
    if forced is not None:
        over = f"; over programs {between(summary.clustered)}" if summary.clustered else ""
        counts = f"({forced.right:,} of {forced.share.total:,} frames; 95 %: {between(forced.interval)}{over})"
        lines.append(f"- **Next-state accuracy: {percent(forced.accuracy)}** {counts}")
    if rollout is not None:
        median = rollout.first_divergence_median
        first = "no divergence" if median is None else f"first divergence at frame {median:g} in the median"
        exact = f"traces exact {_of(rollout.trace_exact)}"
        lines.append(f"- **Rollout: results equal {_of(rollout.result_equal)}**, {exact}, {first}")
    python = ", ".join(summary.pythons)
    model = " ".join(filter(None, (setup.engine, setup.model, setup.revision)))
    real = f"Python {plain(python)}" if python else "no real run"
    lines.append(
        f"- {plain(model)} beside {real}, {'with' if setup.constrained else 'without'} control-flow constraint"
    )
    return "\n".join(lines)


def _of(share: Share) -> str:
    if share.value is None:
        return "not known"
    return f"{share.right:,} of {share.total:,} ({percent(share.value)}; 95 %: {between(share.interval)})"


def _side_by_side(summary: Summary) -> list[str]:
    """Return the tables of the model alone beside the debugger, and of how the debugger's values are known."""
    if summary.debugger is None:
        return []
    tables = [_table(side_by_side.HEADS, side_by_side.rows(summary), 0)]
    known = side_by_side.known_rows(summary.debugger)
    return [*tables, *([_table(side_by_side.KNOWN_HEADS, known, 0)] if known else [])]


def _defects(summary: Summary) -> str:
    """Return what was computed wrong, with whole texts up to a length: it is to be reported."""
    used = summary.debugger
    if used is None or not used.defects:
        return ""
    lines = [f"**{side_by_side.plea(used)}**", ""]
    for each in used.defects[:SHOWN]:
        texts = [code(side_by_side.text(each, text), LONGEST) for text in (each.computed, each.actual)]
        where = f"- {code(side_by_side.place(each))}: {code(each.place.source.strip())}"
        lines.append(f"{where}<br>{code(each.shown_name)}: computed {texts[0]}, actual {texts[1]}")
    left_over = len(used.defects) - SHOWN
    return "\n".join([*lines, *([f"- {left_over:,} more are in the JSON report"] if left_over > 0 else [])])


def _notes(result: Result, summary: Summary) -> str:
    """Return notes on the programs and frames that the figures leave out."""
    forced, rollout = summary.teacher_forced, summary.rollout
    notes = []
    left_out = forced.frames - forced.share.total if forced else 0
    if left_out:
        notes.append(f"frames that are not counted (not comparable, cut off by a limit, not reached): {left_out:,}")
    if rollout is not None and rollout.truncated:
        notes.append(f"rollouts that a limit stopped: {rollout.truncated:,}")
    if summary.debugger is not None:
        reasons = side_by_side.alone(summary.debugger)
        notes += [plain(reasons)] if reasons else []
        limited = summary.debugger.rollouts.truncated
        notes += [f"rollouts of the debugger that a limit stopped: {limited:,}"] if limited else []
    if summary.cut:
        notes.append(f"real runs that were not followed to their end: {len(summary.cut):,}")
    if not result.complete:
        notes.append("the run was interrupted: this is a part of it")
    failures = [f"no comparison: {code(program)}: {plain(why)}" for program, why in summary.failures[:SHOWN]]
    left_over = len(summary.failures) - SHOWN
    return "\n".join(
        f"- {note}" for note in [*notes, *failures, *([f"no comparison: {left_over:,} more"] if left_over > 0 else [])]
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left_over: int) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + (f"\n\n{left_over:,} more rows are left out." if left_over > 0 else "")


_HEADS = ("steps", "exact", "equivalent", "state", "control", "value", "malformed", "fidelity", "95 %", "first miss")


def _figures(tally: Tally, first_miss: int | None) -> list[str]:
    counts = [tally.frames, *(tally.counts[outcome] for outcome in tally.counts if outcome in _HEADS)]
    missed = "" if first_miss is None else str(first_miss)
    return [*map(str, counts), percent(tally.accuracy), between(tally.interval), missed]


def _functions(summary: Summary) -> str:
    rows = [[code(row.function), *_figures(row.tally, row.first_miss)] for row in summary.functions]
    return _table(("function", *_HEADS), rows[:ROWS], len(rows) - ROWS) if rows else ""


def _programs(summary: Summary) -> str:
    """Return all programs: the worst first, then those without a miss, then those without a comparison."""
    ranked = worst(summary.programs)
    left_ids = {row.id for row in ranked}
    unmissed = sorted((row for row in summary.programs if row.id not in left_ids), key=lambda row: bool(row.error))
    rows = [_program(row) for row in [*ranked, *unmissed]]
    return _table(("program", "steps", "fidelity", "first miss", "rollout", "result"), rows[:ROWS], len(rows) - ROWS)


def _program(row: ProgramRow) -> list[str]:
    missed = "" if row.first_miss is None else str(row.first_miss)
    named = code(f"{row.id} {row.call}".strip(), 80)
    return [named, str(max(row.frames - 1, 0)), percent(row.accuracy), missed, *_rollout(row)]


def _rollout(row: ProgramRow) -> tuple[str, str]:
    """Return how far the rollout of a program came, and whether its result is equal."""
    rollout = row.free
    if rollout is None or not row.comparable:
        return ("error" if row.error else "-"), "-"
    if rollout.divergence is not None:
        way = f"left at {rollout.divergence}"
    else:
        way = "exact" if rollout.exact else "stopped" if stopped(rollout) else "not ended"
    return way, {True: "equal", False: "wrong", None: "-"}[rollout.equal]


def _divergences(result: Result, summary: Summary) -> Iterator[str]:
    by_id = {each.subject.id: each for each in result.comparisons}
    divergences = [(by_id[row.id], first_divergence(by_id[row.id])) for row in worst(summary.programs)]
    if divergences:
        yield "### First divergences"
    for comparison, divergence in divergences[:SHOWN]:
        if divergence is not None:
            yield _divergence(comparison, divergence, result)
    if len(divergences) > SHOWN:
        yield f"{len(divergences) - SHOWN:,} more programs left the real run."


def _left_by_debugger(result: Result, summary: Summary) -> Iterator[str]:
    """Yield where the debugger left the real run, where the model was asked alone, too."""
    found = [(each, debugger_divergence(each)) for each in result.comparisons] if summary.view != DEBUGGER else []
    left = [(comparison, divergence) for comparison, divergence in found if divergence is not None]
    if left:
        yield "### Where the debugger as it is used left the real run"
    for comparison, divergence in left[:SHOWN]:
        yield _divergence(comparison, divergence, result)
    if len(left) > SHOWN:
        yield f"{len(left) - SHOWN:,} more programs."


def _divergence(comparison: Comparison, divergence: Divergence, result: Result) -> str:
    subject = comparison.subject
    line = f":{divergence.place.line}" if own_place(subject, [divergence.place]) else ""
    where = code(f"{subject.name}{line}")
    lines = [
        f"- {where} in {code(divergence.function)}, frame {divergence.index} ({divergence.view}): "
        f"**{divergence.fidelity}**",
        f"{code(divergence.place.source.strip())}",
        f"{plain(reason(divergence))}",
        f"{code(command(subject, result.setup, divergence.index, divergence.view), 2 * WIDTH)}",
    ]
    return "<br>".join(lines)
