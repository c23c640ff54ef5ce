"""Results for the tests of the HTML page: recorded programs, and predictions that are wrong in every way there is."""

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
SETTING = ComparisonSetup(engine="local", model="mini", revision="3f2a9c", context=2048)
CREATED = "2026-11-23T09:47:00+00:00"


def recorded(source: str, function: str = "main") -> tuple[str, Trace]:
    """A program as text and its real run."""
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
    """A recorded program whose frames are predicted right, but for `predictions`.

    own: what the rollout says from the first wrong frame on; by default the true frames go on behind it.
    """
    text, truth = recorded(source, function)
    doubts = Comparability(unstable or {}, len(truth.frames) if comparable is None else comparable)
    said = [(i, predictions.get(i, frame), sure(i, i in predictions) if confident else None) for i, frame in
            enumerate(truth.frames) if i]  # fmt: skip
    steps = judged_steps(said, truth, doubts)
    first = min((step.index for step in steps if step.verdict.wrong), default=len(truth.frames))
    rollout = judged_rollout(free(truth, predictions, first, own), truth, doubts)
    lines = tuple(text.split("\n"))
    return Comparison(
        subject=Subject(name, name, text, f"{function}()", lines=lines, own=len(lines)),
        truth=truth,
        python="3.11.4",
        unstable=doubts.unstable,
        comparable=doubts.comparable,
        steps=steps,
        rollout=rollout,
        output="3\n",
        cost=Cost(scored=40 * len(truth.frames), prompt=210, decoded=37, redone=len(predictions), seconds=0.4),
    )


def free(truth: Trace, predictions: Mapping[int, Outcome], first: int, own: Sequence[Outcome] | None) -> Trace:
    """The rollout: the truth up to the first wrong frame, then that frame, then `own` or the true frames."""
    frames = list(truth.frames[:first])
    for outcome in [predictions.get(first), *(truth.frames[first + 1 :] if own is None else own)]:
        if isinstance(outcome, Frame):
            frames.append(outcome)
        elif outcome is not None:
            return Trace(tuple(frames), outcome)
    return Trace(tuple(frames), Ended())


def sure(index: int, wrong: bool) -> float:
    """A confidence that depends on the frame, lower where it is wrong."""
    return (0.35 if wrong else 0.8) + (index * 7 % 20) / 100


def every_outcome() -> Comparison:
    """One program with a frame of each outcome."""
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
    """A set's text with its members in another order."""
    first, *rest = text.strip("{}").split(", ")
    return "{" + ", ".join([*rest, first]) + "}"


def local(frame: Frame, name: str, value: str) -> Frame:
    """`frame` with another value of a local."""
    return frame.replace(locals={**frame.locals, name: value})


def at_line(frame: Frame, further: int) -> Frame:
    """`frame` on a line further down."""
    return frame.replace(line=(frame.line or 0) + further)


def renamed(comparison: Comparison, name: str) -> Comparison:
    return replace(comparison, subject=replace(comparison.subject, id=name, name=name))


def result(*comparisons: Comparison, complete: bool = True) -> Result:
    return Result(SETTING, comparisons, complete, CREATED, 12.3)


def failed(name: str, reason: str) -> Comparison:
    """A program without a real run."""
    nothing = Trace((), Trouble(TroubleKind.UNAVAILABLE, reason))
    return Comparison(Subject(name, name, "x = 1\n"), nothing, error=reason)
