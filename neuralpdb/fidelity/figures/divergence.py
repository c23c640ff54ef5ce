"""The first place where the model left the truth, as every report shows it. It knows no form of a report."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Subject
from neuralpdb.fidelity.figures.context import function_of
from neuralpdb.fidelity.verdicts import Difference, Fidelity, Verdict
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Outcome, Trouble

ROLLOUT, FORCED = "rollout", "teacher-forced"


@dataclass(frozen=True)
class Divergence:
    """Where, and what stands there.

    view:      ROLLOUT, or FORCED where there is no rollout or it did not leave the truth.
    index:     of the frame. actual: the true frame; None when the program had ended there.
    predicted: what the model says instead.
    place:     the frame in the source that a reader is led to: the true one, or the last one before it.
    function:  its name as it is reported.
    """

    view: str
    index: int
    verdict: Verdict
    predicted: Outcome
    actual: Frame | None
    place: Frame
    function: str

    @property
    def fidelity(self) -> Fidelity:
        return self.verdict.fidelity

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The locals, or the value, that count."""
        return tuple(each for each in self.verdict.differences if not each.excluded)


def first_divergence(comparison: Comparison) -> Divergence | None:
    """Where the rollout left the truth; else the first teacher-forced frame that is wrong; None for neither."""
    rollout = comparison.rollout
    if rollout is not None and rollout.divergence is not None:
        index = rollout.divergence
        said: Sequence[Outcome] = (*rollout.frames, rollout.end)
        beyond = index >= len(comparison.truth.frames)
        verdict = Verdict(Fidelity.CONTROL) if beyond else rollout.verdicts[index - 1]
        return _divergence(comparison, ROLLOUT, index, verdict, said[min(index, len(said) - 1)])
    missed = next((step for step in comparison.steps or () if step.verdict.wrong), None)
    if missed is None:
        return None
    return _divergence(comparison, FORCED, missed.index, missed.verdict, missed.predicted)


def _divergence(comparison: Comparison, view: str, index: int, verdict: Verdict, predicted: Outcome) -> Divergence:
    frames = comparison.truth.frames
    actual = frames[index] if index < len(frames) else None
    place = actual or frames[-1]
    return Divergence(view, index, verdict, predicted, actual, place, function_of(comparison.subject, place))


def told(outcome: Outcome | None) -> str:
    """An outcome in a few words: `line 4 of f()`, `return from f()`, `the end`, ..."""
    if outcome is None:
        return "the end"
    if isinstance(outcome, Ended):
        return "the end"
    if isinstance(outcome, Trouble):
        return f"no frame ({outcome.message})"
    words = {Event.CALL: "call of", Event.RETURN: "return from", Event.EXCEPTION: "exception in"}
    where = f"line {outcome.line if outcome.line is not None else '?'}"
    if outcome.event is Event.LINE:
        return f"{where} of {outcome.function}()"
    return f"{words[outcome.event]} {outcome.function}(), {where}"


def reason(divergence: Divergence) -> str:
    """What is wrong, in one line of unbounded text that is not safe to show: `total is '3', predicted '4'`."""
    match divergence.fidelity:
        case Fidelity.STATE | Fidelity.VALUE:
            return "; ".join(map(_difference, divergence.differences))
        case Fidelity.MALFORMED:
            return f"the model wrote no frame where {told(divergence.actual)} is"
        case _:
            return f"predicted {_distinct(divergence)}, actual {told(divergence.actual)}"


def _distinct(divergence: Divergence) -> str:
    """The predicted frame in words; with its depth where the words for both are the same."""
    predicted, actual = told(divergence.predicted), told(divergence.actual)
    if predicted == actual and isinstance(divergence.predicted, Frame):
        return f"{predicted} at depth {divergence.predicted.depth}"
    return predicted


def _difference(each: Difference) -> str:
    name = each.name or "value"
    if each.predicted is None:
        return f"{name} is {each.actual}, not predicted"
    if each.actual is None:
        return f"{name} is not there, predicted {each.predicted}"
    return f"{name} is {each.actual}, predicted {each.predicted}"


VARIABLE = {VALUE: "value"}
"""How the value of a return or an exception is called beside names of locals."""


def shown_name(name: str) -> str:
    """A name of a local as it is; `value` for that of a return or an exception."""
    return VARIABLE.get(name, name)


def command(subject: Subject, setting: ComparisonSetup, index: int) -> str:
    """The command line that leads to frame `index` in the debugger, quoted for a shell.

    A record of a file of programs has no script of its own: FILE stands for one that holds its source.
    """
    words = ["neuralpdb"]
    words += ["--call", subject.call] if subject.call else []
    words += [] if setting.constrained else ["--no-constrain"]
    words += ["-c", f"step {index}"]
    script = "FILE" if is_record(subject) else quoted(subject.name)
    return " ".join([*map(quoted, words), script, *map(quoted, subject.argv)])


def is_record(subject: Subject) -> bool:
    """The program lies in no file of its own: it is a record of a file of programs."""
    return not subject.name.endswith(".py")


def own_place(subject: Subject, frames: Sequence[Frame]) -> Frame | None:
    """The last of `frames` on a line of the file itself, not of the added call; None when there is none."""
    own = subject.own or len(subject.lines)
    return next((frame for frame in reversed(frames) if frame.line is not None and frame.line <= own), None)


def quoted(word: str) -> str:
    """A word of a shell command: as it is, in double quotes where that is enough for its apostrophes, or escaped."""
    if "'" in word and not set(word) & set('"$`\\!\n'):
        return f'"{word}"'
    return shlex.quote(word)
