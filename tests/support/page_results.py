"""Results for the tests of the HTML page: recorded programs, and predictions that are wrong in every possible way."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace

from neuralpdb.fidelity.comparison import (
    Comparability,
    Comparison,
    ComparisonSetup,
    Cost,
    Result,
    Subject,
    judged_rollout,
    judged_steps,
)
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Frame, Origin, Outcome, Trace, Trouble, TroubleKind

STRAWBERRY = '''
"""How many r are there?"""


def is_match(letter, wanted):
    return letter == wanted


def count_letter(word, wanted):
    total = 0
    for letter in word:
        if is_match(letter, wanted):
            total += 1
    return total


def main():
    word = "strawberry"
    seen = {letter for letter in word}
    try:
        count = count_letter(word, "r")
        count // 0
    except ZeroDivisionError:
        pass
    return count
'''
SETUP = ComparisonSetup(engine="local", model="mini", revision="3f2a9c", context=2048)
CREATED = "2026-11-23T09:47:00+00:00"


def recorded(source: str, function: str = "main") -> tuple[str, Trace]:
    """Return a program as text and its real run."""
    text = textwrap.dedent(source).lstrip("\n")
    return text, record(text, filename="p.py", entry_function=function, entry_line=1)


def compared(
    source: str,
    predictions: Mapping[int, Outcome],
    *,
    name: str = "strawberry.py",
    function: str = "main",
    unstable: Mapping[int, frozenset[str]] | None = None,
    own: Sequence[Outcome] | None = None,
    comparable: int | None = None,
    confident: bool = True,
) -> Comparison:
    """Return a recorded program whose frames are predicted right, but for `predictions`.

    own: what the rollout predicts from the first wrong frame on; by default the true frames follow it.
    """
    text, truth = recorded(source, function)
    comparability = Comparability(unstable or {}, len(truth.frames) if comparable is None else comparable)
    outcomes = [predictions.get(i, frame) for i, frame in enumerate(truth.frames)]
    confidences = [confidence_of(i, i in predictions) if confident else None for i in range(len(outcomes))]
    steps = judged_steps(list(zip(range(len(outcomes)), outcomes, confidences, strict=True))[1:], truth, comparability)
    first = min((step.index for step in steps if step.verdict.wrong), default=len(truth.frames))
    rollout = judged_rollout(free(truth, predictions, first, own), truth, comparability)
    lines = tuple(text.split("\n"))
    return Comparison(
        subject=Subject(name, name, text, f"{function}()", lines=lines, own=len(lines)),
        truth=truth,
        python="3.11.4",
        unstable=comparability.unstable,
        comparable=comparability.comparable,
        steps=steps,
        rollout=rollout,
        output="3\n",
        cost=Cost(scored=40 * len(truth.frames), prompt=210, decoded=37, redone=len(predictions), seconds=0.4),
    )


def free(truth: Trace, predictions: Mapping[int, Outcome], first: int, own: Sequence[Outcome] | None) -> Trace:
    """Return the rollout: the truth up to the first wrong frame, then that frame, then `own` or the true frames."""
    frames = list(truth.frames[:first])
    for outcome in [predictions.get(first), *(truth.frames[first + 1 :] if own is None else own)]:
        if isinstance(outcome, Frame):
            frames.append(outcome)
        elif outcome is not None:
            return Trace(tuple(frames), outcome)
    return Trace(tuple(frames), Ended())


def confidence_of(index: int, wrong: bool) -> float:
    """Return a confidence that depends on the frame, lower where it is wrong."""
    return (0.35 if wrong else 0.8) + (index * 7 % 20) / 100


def every_outcome() -> Comparison:
    """Return one program with a frame of each outcome."""
    _, truth = recorded(STRAWBERRY)
    frames = truth.frames
    at = {key: place for place, key in reversed(list(enumerate((f.function, f.event.value) for f in frames)))}
    lines = [i for i, f in enumerate(frames) if f.function == "count_letter" and f.event.value == "line"]
    sets = next(i for i, f in enumerate(frames) if "seen" in f.locals and f.value is None)
    wrong = frames[lines[6]]
    other = {**wrong.locals, "total": "2", "extra": "None"}
    predictions: dict[int, Outcome] = {
        sets: local(frames[sets], "seen", shuffled(frames[sets].locals["seen"])),
        at["is_match", "return"] + 12: at_line(frames[at["is_match", "return"] + 12], 1),
        lines[6]: frames[lines[6]].replace(locals=other, origin=Origin.PREDICTED),
        at["main", "exception"]: frames[at["main", "exception"]].replace(value="ZeroDivisionError('division by zero')"),
        len(frames) - 4: Trouble(TroubleKind.MALFORMED, "no event in this reply", "<|what|>"),
        len(frames) - 3: Trouble(TroubleKind.TRUNCATED, "the reply was cut at 512 tokens"),
        len(frames) - 1: frames[-1].replace(value="4"),
    }
    unstable = {len(frames) - 2: frozenset({"count"})}
    predictions[len(frames) - 2] = local(frames[-2], "count", "7")
    return compared(STRAWBERRY, predictions, unstable=unstable)


def shuffled(text: str) -> str:
    """Return a set's text with its members in another order."""
    first, *others = text.strip("{}").split(", ")
    return "{" + ", ".join([*others, first]) + "}"


def local(frame: Frame, name: str, value: str) -> Frame:
    """Return `frame` with another value of a local."""
    return frame.replace(locals={**frame.locals, name: value})


def at_line(frame: Frame, further: int) -> Frame:
    """Return `frame` on a line further down."""
    return frame.replace(line=(frame.line or 0) + further)


def renamed(comparison: Comparison, name: str) -> Comparison:
    return replace(comparison, subject=replace(comparison.subject, id=name, name=name))


def result(*comparisons: Comparison, complete: bool = True) -> Result:
    return Result(SETUP, comparisons, complete, CREATED, 12.3)


def failed(name: str, reason: str) -> Comparison:
    """Return a program without a real run."""
    nothing = Trace((), Trouble(TroubleKind.UNAVAILABLE, reason))
    return Comparison(Subject(name, name, "x = 1\n"), nothing, error=reason)
