"""What several draws of one frame agree on: for its line, its value and every local, each answer and its share.

It knows no source of frames and no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuralpdb.trace.frames import LINE, VALUE, Ended, Event, Frame, Outcome


@dataclass(frozen=True)
class Answer:
    """One thing that draws said. text: None for nothing; greedy: the most likely frame says it, too."""

    text: str | None
    count: int
    greedy: bool


@dataclass(frozen=True)
class Agreement:
    """Of one part of a frame, all answers, the most frequent first."""

    part: str
    answers: tuple[Answer, ...]

    @property
    def unanimous(self) -> bool:
        """Every draw said what the most likely frame says."""
        return len(self.answers) == 1 and self.answers[0].greedy


def tally(greedy: Outcome, draws: Sequence[Outcome]) -> list[Agreement]:
    """What `draws` say beside the most likely outcome: the line first, then the value, then the locals.

    Values and locals are counted over the draws that are at the line of the most likely frame: elsewhere they are
    those of another moment.
    """
    found = [_counted(LINE, where(greedy), [where(each) for each in draws])]
    if not isinstance(greedy, Frame):
        return found
    here = [each for each in draws if isinstance(each, Frame) and where(each) == where(greedy)]
    if greedy.value is not None:
        found.append(_counted(VALUE, greedy.value, [each.value for each in here]))
    if greedy.event in (Event.CALL, Event.LINE):
        names = dict.fromkeys([*greedy.locals, *(name for each in here for name in each.locals)])
        found += [_counted(name, greedy.locals.get(name), [each.locals.get(name) for each in here]) for name in names]
    return found


def where(outcome: Outcome) -> str:
    """The place that an outcome is at: `(3)f() call`, the end, or why there is none."""
    if isinstance(outcome, Frame):
        event = "" if outcome.event is Event.LINE else f" {outcome.event.value}"
        return f"({outcome.line or '?'}){outcome.function}(){event}"
    return "the end" if isinstance(outcome, Ended) else f"no prediction: {outcome.kind.value}"


def _counted(part: str, greedy: str | None, said: Sequence[str | None]) -> Agreement:
    counts = dict.fromkeys((greedy, *said), 0)
    for text in said:
        counts[text] += 1
    ranked = sorted(counts, key=lambda text: -counts[text])
    return Agreement(part, tuple(Answer(text, counts[text], text == greedy) for text in ranked))
