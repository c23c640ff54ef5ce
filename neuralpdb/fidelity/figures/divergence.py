"""Divergence: the first place where the model left the truth, as every report shows it. It knows no report form."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.fidelity.comparison import Comparison, ComparisonSetup, Rollout, Subject
from neuralpdb.fidelity.figures.context import function_of
from neuralpdb.fidelity.verdicts import Difference, Fidelity, Verdict
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Outcome, Trouble

ROLLOUT, FORCED, DEBUGGER = "rollout", "teacher-forced", "debugger"


@dataclass(frozen=True)
class Divergence:
    """The first frame that differs.

    view:      ROLLOUT, or FORCED where there is no rollout or it did not leave the truth; DEBUGGER for that of the
               debugger as it is used.
    index:     of the frame.
    verdict:   on the frame.
    predicted: what the model predicts instead.
    actual:    the true frame; None when the program had ended there.
    place:     the frame in the source that a reader is led to: the true one, or the last one before the end.
    function:  the reported name of the function of `place`.
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
        """The differences that count: locals, or the value."""
        return tuple(each for each in self.verdict.differences if not each.excluded)


def first_divergence(comparison: Comparison) -> Divergence | None:
    """Return where the rollout left the truth, else the first teacher-forced frame that is wrong; None for neither.

    Where the model was not asked alone, where the debugger left the truth.
    """
    rollout = comparison.rollout
    if rollout is not None and rollout.divergence is not None:
        return _rollout_divergence(comparison, ROLLOUT, rollout, rollout.divergence)
    if rollout is None and comparison.steps is None:
        return debugger_divergence(comparison)
    miss = next((step for step in comparison.steps or () if step.verdict.wrong), None)
    if miss is None:
        return None
    return _divergence(comparison, FORCED, miss.index, miss.verdict, miss.predicted)


def debugger_divergence(comparison: Comparison) -> Divergence | None:
    """Return where the debugger as it is used left the truth; None when it did not."""
    rollout = comparison.debugger.rollout if comparison.debugger is not None else None
    if rollout is None or rollout.divergence is None:
        return None
    return _rollout_divergence(comparison, DEBUGGER, rollout, rollout.divergence)


def _rollout_divergence(comparison: Comparison, view: str, rollout: Rollout, index: int) -> Divergence:
    outcomes: Sequence[Outcome] = (*rollout.frames, rollout.end)
    beyond = index >= len(comparison.truth.frames)
    verdict = Verdict(Fidelity.CONTROL) if beyond else rollout.verdicts[index - 1]
    return _divergence(comparison, view, index, verdict, outcomes[min(index, len(outcomes) - 1)])


def _divergence(comparison: Comparison, view: str, index: int, verdict: Verdict, predicted: Outcome) -> Divergence:
    frames = comparison.truth.frames
    actual = frames[index] if index < len(frames) else None
    place = actual or frames[-1]
    return Divergence(view, index, verdict, predicted, actual, place, function_of(comparison.subject, place))


def in_words(outcome: Outcome | None) -> str:
    """Return an outcome in a few words: `line 4 of f()`, `return from f()`, `the end`, ..."""
    if outcome is None or isinstance(outcome, Ended):
        return "the end"
    if isinstance(outcome, Trouble):
        return f"no frame ({outcome.message})"
    words = {Event.CALL: "call of", Event.RETURN: "return from", Event.EXCEPTION: "exception in"}
    where = f"line {outcome.line if outcome.line is not None else '?'}"
    if outcome.event is Event.LINE:
        return f"{where} of {outcome.function}()"
    return f"{words[outcome.event]} {outcome.function}(), {where}"


def reason(divergence: Divergence) -> str:
    """Return the mistake in one line of any length that is not safe to show: `total is '3', predicted '4'`."""
    match divergence.fidelity:
        case Fidelity.STATE | Fidelity.VALUE:
            return "; ".join(map(_difference, divergence.differences))
        case Fidelity.MALFORMED:
            return f"the model wrote no frame where {in_words(divergence.actual)} is"
        case _:
            return f"predicted {predicted_in_words(divergence)}, actual {in_words(divergence.actual)}"


def predicted_in_words(divergence: Divergence) -> str:
    """Return the predicted frame in words; with its depth where the words for both are the same."""
    predicted, actual = in_words(divergence.predicted), in_words(divergence.actual)
    if predicted == actual and isinstance(divergence.predicted, Frame):
        return f"{predicted} at depth {divergence.predicted.depth}"
    return predicted


def _difference(difference: Difference) -> str:
    name = shown_name(difference.name)
    if difference.predicted is None:
        return f"{name} is {difference.actual}, not predicted"
    if difference.actual is None:
        return f"{name} is not there, predicted {difference.predicted}"
    return f"{name} is {difference.actual}, predicted {difference.predicted}"


def shown_name(name: str) -> str:
    """Return the name of a local as it is; `value` for that of a return or an exception."""
    return "value" if name == VALUE else name


def command(subject: Subject, setup: ComparisonSetup, index: int, view: str = ROLLOUT) -> str:
    """Return the command line that leads to frame `index` in the debugger, quoted for a shell.

    view: of the divergence there; only that of the debugger comes with what is computed.
    A record of a file of programs has no script of its own: FILE stands for one that holds its source.
    """
    words = ["neuralpdb"]
    words += ["--call", subject.call] if subject.call else []
    words += [] if view == DEBUGGER else ["--model-only"]
    words += [] if setup.constrained else ["--no-constrain"]
    words += ["-c", f"step {index}"]
    script = "FILE" if is_record(subject) else quoted(subject.name)
    return " ".join([*map(quoted, words), script, *map(quoted, subject.argv)])


def is_record(subject: Subject) -> bool:
    """Whether the program is a record of a file of programs, and in no file of its own."""
    return not subject.name.endswith(".py")


def own_place(subject: Subject, frames: Sequence[Frame]) -> Frame | None:
    """Return the last of `frames` on a line of the file itself, not of the added call; None for none."""
    own = subject.own or len(subject.lines)
    return next((frame for frame in reversed(frames) if frame.line is not None and frame.line <= own), None)


def quoted(word: str) -> str:
    """Return a word of a shell command: as it is, in double quotes where its apostrophes need no more, or escaped."""
    if "'" in word and not set(word) & set('"$`\\!\n'):
        return f'"{word}"'
    return shlex.quote(word)
