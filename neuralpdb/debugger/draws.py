"""Agreement of several draws of one frame: of its line, its value and every local. It knows no source of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.trace.frames import LINE, VALUE, Ended, Event, Frame, Outcome


@dataclass(frozen=True)
class Answer:
    """One answer of draws.

    text:   None where the part is missing.
    count:  draws that gave it.
    greedy: the likeliest frame has it too.
    """

    text: str | None
    count: int
    greedy: bool


@dataclass(frozen=True)
class Agreement:
    """All answers for one part of a frame, the most frequent first."""

    part: str
    answers: tuple[Answer, ...]

    @property
    def unanimous(self) -> bool:
        """Whether every draw gave the answer of the likeliest frame."""
        return len(self.answers) == 1 and self.answers[0].greedy


def tally(greedy: Outcome, draws: Sequence[Outcome]) -> list[Agreement]:
    """Return how `draws` agree with the likeliest outcome: on the line, then the value, then the locals.

    Values and locals are counted over the draws at the line of the likeliest frame: at another line they belong to
    another moment.
    """
    agreements = [_counted(LINE, where(greedy), [where(each) for each in draws])]
    if not isinstance(greedy, Frame):
        return agreements
    alike = [each for each in draws if isinstance(each, Frame) and where(each) == where(greedy)]
    if greedy.value is not None:
        agreements.append(_counted(VALUE, greedy.value, [each.value for each in alike]))
    if greedy.event in (Event.CALL, Event.LINE):
        for name in dict.fromkeys([*greedy.locals, *(name for each in alike for name in each.locals)]):
            texts = [each.locals.get(name) for each in alike]
            agreements.append(_counted(name, greedy.locals.get(name), texts))
    return agreements


def where(outcome: Outcome) -> str:
    """Return where an outcome is: `(3)f() call`, the end, or why there is no frame."""
    if isinstance(outcome, Frame):
        event = "" if outcome.event is Event.LINE else f" {outcome.event.value}"
        return f"({outcome.line or '?'}){outcome.function}(){event}"
    return "the end" if isinstance(outcome, Ended) else f"no prediction: {outcome.kind.value}"


def _counted(part: str, greedy: str | None, answers: Sequence[str | None]) -> Agreement:
    counts = dict.fromkeys((greedy, *answers), 0)
    for text in answers:
        counts[text] += 1
    ranked = sorted(counts, key=lambda text: -counts[text])
    return Agreement(part, tuple(Answer(text, counts[text], text == greedy) for text in ranked))
