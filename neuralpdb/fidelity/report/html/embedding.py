"""Data of the HTML page: a comparison as one line of JSON a program, each text in it once, long texts cut.

It knows frames and verdicts. It knows no layout, and it escapes nothing for a reader: the page does, when it shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Result, Rollout, Step, Subject
from neuralpdb.fidelity.equality import LADDER
from neuralpdb.fidelity.figures.debugging import how_placed
from neuralpdb.fidelity.figures.divergence import command, first_divergence
from neuralpdb.fidelity.figures.rollouts import could_match
from neuralpdb.fidelity.figures.summary import ProgramRow
from neuralpdb.fidelity.verdicts import Fidelity, Verdict
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Known, Outcome, Trouble

HEAD, TAIL = 1_200, 300
"""Characters of a long text that the page keeps, from its beginning and from its end."""
AROUND = 40
"""Characters on either side of the place where two long texts begin to differ."""
BUDGET = 64_000_000
"""Characters of all programs of a page, which a browser still opens. Programs beyond it are listed without steps."""

_MARKS = {Known.PREDICTED: 1, Known.DERIVED: 2}
EVENTS, FIDELITIES = tuple(Event), tuple(Fidelity)


def script_safe(data: Any) -> str:
    """Return `data` as JSON in ASCII that cannot end a script element. Raises ValueError for NaN and infinities."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def program_lines(result: Result, budget: int = BUDGET) -> tuple[list[str], int]:
    """Return a line of JSON for each comparison, in their order, and how many of them went without their steps.

    Programs whose rollout diverged, then those with a wrong step, get their place first.
    """
    comparisons = result.comparisons
    lines = [""] * len(comparisons)
    left_out = 0
    for i in sorted(range(len(comparisons)), key=lambda i: _interest(comparisons[i])):
        line = script_safe(program(comparisons[i], result.setup))
        if len(line) > budget:
            left_out += 1
            line = script_safe({"left_out": True, "error": comparisons[i].error})
        else:
            budget -= len(line)
        lines[i] = line
    return lines, left_out


def _interest(comparison: Comparison) -> int:
    used = comparison.debugger.rollout if comparison.debugger is not None else None
    if any(each is not None and each.divergence is not None for each in (comparison.rollout, used)):
        return 0
    return 1 if any(step.verdict.wrong for step in comparison.steps or ()) else 2


def entry(row: ProgramRow, subject: Subject) -> dict[str, Any]:
    """Return the values of one program that the list shows, and by which it is sorted and filtered."""
    tally, rollout = row.teacher_forced, row.free
    return {
        "id": row.id,
        "call": subject.call or " ".join((subject.name, *subject.argv)),
        "frames": row.frames,
        "share": tally.accuracy if tally else _followed(rollout),
        "forced": tally is not None,
        "wrong": tally.wrong if tally else int(row.divergence is not None),
        "first": row.divergence,
        "exact": rollout.exact if rollout else None,
        "equal": rollout.equal if rollout else None,
        "failed": bool(row.error),
    }


def _followed(rollout: Rollout | None) -> float | None:
    """Return the share of the true frames that a rollout followed."""
    judged = could_match(rollout) if rollout else 0
    return min(rollout.matched / judged, 1.0) if rollout and judged else None


def program(comparison: Comparison, setup: ComparisonSetup) -> dict[str, Any]:
    """Return everything that the page shows of one program."""
    texts = _Texts()
    truth, first = comparison.truth.frames, first_divergence(comparison)
    data: dict[str, Any] = {
        "lines": [_cut(line) for line in _lines(comparison)],
        "own": comparison.subject.own or len(_lines(comparison)),
        "python": comparison.python,
        "error": _cut(comparison.error),
        "output": _cut(comparison.output),
        "end": _cut(_end(comparison.truth.end)),
        "command": first and command(comparison.subject, setup, first.index, first.view),
        "truth": [texts.frame(frame) for frame in truth],
        "steps": None if comparison.steps is None else [_step(step, truth, texts) for step in comparison.steps],
        "rollout": None if comparison.rollout is None else _rollout(comparison.rollout, truth, texts),
        "debugger": None if comparison.debugger is None else _debugged(comparison.debugger.rollout, truth, texts),
    }
    return {**data, "texts": texts.cut()}


def _lines(comparison: Comparison) -> Sequence[str]:
    return comparison.subject.lines or comparison.subject.text.split("\n")


def _step(step: Step, truth: Sequence[Frame], texts: _Texts) -> list[Any]:
    """Return [index, verdict, confidence, prediction]. prediction: 0 for the true frame."""
    confidence = step.confidence if step.confidence is not None and math.isfinite(step.confidence) else None
    actual = truth[step.index] if step.index < len(truth) else None
    return [step.index, _verdict(step.verdict, texts), confidence, _outcome(step.predicted, actual, texts)]


def _rollout(rollout: Rollout, truth: Sequence[Frame], texts: _Texts) -> dict[str, Any]:
    actual = [*truth, *([None] * (len(rollout.frames) - len(truth)))]
    return {
        "frames": [_outcome(frame, true, texts) for frame, true in zip(rollout.frames, actual, strict=False)],
        "end": _outcome(rollout.end, None, texts),
        "verdicts": [_verdict(verdict, texts) for verdict in rollout.verdicts],
        "divergence": rollout.divergence,
        "matched": rollout.matched,
        "complete": rollout.complete,
        "expected": _cut(rollout.expected),
        "predicted": _cut(rollout.predicted),
        "equal": rollout.equal,
    }


def _debugged(rollout: Rollout, truth: Sequence[Frame], texts: _Texts) -> dict[str, Any]:
    """Return the same with what is a guess: index -> [name, 1 predicted or 2 computed from a prediction, ...].

    -1 stands for the event and the line.
    """
    known = {str(i): row for i, frame in enumerate(rollout.frames) if i and (row := _guesses(frame, texts))}
    return {**_rollout(rollout, truth, texts), "known": known}


def _guesses(frame: Frame, texts: _Texts) -> list[int]:
    ways = [(-1, how_placed(frame))]
    values = [(texts.number(name), frame.how(name)) for name in ([VALUE] if frame.value is not None else frame.locals)]
    return [each for number, how in (*ways, *values) if how in _MARKS for each in (number, _MARKS[how])]


def _verdict(verdict: Verdict, texts: _Texts) -> list[Any]:
    """Return [fidelity, level, differences]. differences: [name, excluded, where long texts part]."""
    differences = [
        [texts.number(each.name), int(each.excluded), _parting(each.predicted, each.actual)]
        for each in verdict.differences
    ]
    return [FIDELITIES.index(verdict.fidelity), LADDER.index(verdict.level), differences]


def _outcome(outcome: Outcome, actual: Frame | None, texts: _Texts) -> Any:
    """Return a prediction: 0 for the true frame, a list for another one, an object for an end or for trouble."""
    if isinstance(outcome, Frame):
        row = texts.frame(outcome)
        return 0 if actual is not None and row == texts.frame(actual) else row
    if isinstance(outcome, Ended):
        return {"kind": "end", "message": _cut(outcome.reason)}
    return {"kind": outcome.kind.value, "message": _cut(outcome.message), "text": _cut(outcome.text)}


def _end(end: Ended | Trouble) -> str:
    return end.reason if isinstance(end, Ended) else f"{end.kind.value}: {end.message}"


def _parting(predicted: str | None, actual: str | None) -> Any:
    """Return [place, predicted, actual] where two texts begin to differ; 0 when the page shows both whole."""
    if predicted is None or actual is None or max(len(predicted), len(actual)) <= HEAD + TAIL:
        return 0
    place = _common(predicted, actual)
    start = max(place - AROUND, 0)
    return [place, predicted[start : place + AROUND], actual[start : place + AROUND]]


def _common(a: str, b: str) -> int:
    """Return the length of the common beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:  # compares whole halves: texts may be a megabyte long
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _cut(text: str) -> Any:
    """Return `text`, or [beginning, end, length] of a long one."""
    return text if len(text) <= HEAD + TAIL else [text[:HEAD], text[-TAIL:], len(text)]


class _Texts:
    """The texts of one program, each once, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def frame(self, frame: Frame) -> list[Any]:
        """Return [event, function, line, depth, value or -1, [name, text, ...]].

        The source comes last where there is no line.
        """
        value = -1 if frame.value is None else self.number(frame.value)
        rows = [self.number(each) for each in _flat(frame.locals)]
        data = [EVENTS.index(frame.event), self.number(frame.function), frame.line, frame.depth, value, rows]
        return data if frame.line is not None else [*data, _cut(frame.source)]

    def cut(self) -> list[Any]:
        return [_cut(text) for text in self._numbers]


def _flat(pairs: Mapping[str, str]) -> Iterable[str]:
    for name, text in pairs.items():
        yield name
        yield text
