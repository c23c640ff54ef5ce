"""The tool that compares with the real run, in a child process with limits; refused unless that is allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from neuralpdb.errors import UsageError
from neuralpdb.fidelity.lockstep import FrameStatus, Lockstep
from neuralpdb.frontends.mcp.answers import CHANGE, CHANGED, TEXT, Answer, data, lines_of
from neuralpdb.frontends.mcp.sessions import OpenProgram
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.frontends.text import verdicts
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Ended, Frame, Outcome

_LOOK = 0.2
"""Seconds between two checks whether the agent cancelled the call: soon enough for a person behind it."""


class Different(Answer):
    """One thing that is not what really was."""

    what: str
    """`line`, `value`, or the name of a local."""
    predicted: str
    actual: str

    def lines(self) -> Iterator[str]:
        yield data(f"  {self.what}: predicted {self.predicted}, actual {self.actual}")


class Divergence(Answer):
    """The first prediction that is wrong."""

    step: int
    verdict: str
    """state: a local is wrong; value: what is returned or raised; control: another line or event; malformed."""
    source: str
    """The line's text, as predicted."""
    differences: list[Different]

    def lines(self) -> Iterator[str]:
        yield f"first divergence: step {self.step}"
        yield data(self.verdict)
        yield data(f"    {self.source}")
        yield from lines_of(self.differences)


class Comparison(Answer):
    """What became of the predictions up to here."""

    session: str
    last: int
    """Number of the last frame that was judged."""
    verdicts: dict[str, int]
    """Verdict to number of frames: exact, equivalent, state, value, control, malformed, not comparable, ..."""
    divergence: Divergence | None
    """null: no prediction is wrong as far as that is known."""
    real_run: str
    """How far the real run is, or how it ended."""

    def lines(self) -> Iterator[str]:
        counted = ", ".join(f"{number} {name}" for name, number in self.verdicts.items()) or "nothing predicted yet"
        yield f"{self.session}: to step {self.last}: {counted}"
        yield from self.divergence.lines() if self.divergence else ()
        yield data(self.real_run)


@tool(reads=True, runs=True)
def compare(opened: OpenProgram) -> Comparison:
    """Run the program for real (once for a session) and say which predictions up to here are true, and where the first
    is wrong. Only where the server was started with --allow-run: this executes the program, in a child process with
    limits, with the rights of the user. To go on from the truth, `go` before the divergence and use set_state.
    """
    session, beside = opened.session, opened.compared()
    timeline: list[Outcome] = [*session.history]
    if not timeline:
        raise UsageError("there is no frame yet", "step asks the model for one")
    if session.halt is not None:
        timeline.append(session.halt)
    statuses = _statuses(opened, beside, timeline)
    first = verdicts.first_wrong(statuses)
    return Comparison(
        session=opened.id,
        last=len(session.history) - 1,
        verdicts=Counter(map(verdicts.word, verdicts.predictions(statuses))),
        divergence=_divergence(opened, first) if first is not None else None,
        real_run=short(verdicts.run_state(beside), TEXT),
    )


def _statuses(opened: OpenProgram, beside: Lockstep, timeline: Sequence[Outcome]) -> list[FrameStatus]:
    """Compare every frame, once the real run is that far; wait until a divergence is certain. Raises UsageError."""
    while not beside.reach(len(timeline) - 1, _LOOK):
        opened.check_cancelled()
    if beside.failed:
        raise UsageError(f"there is no real run to compare with: {beside.failed}")
    while beside.along(timeline)[-1].since is not None and not beside.run.settle(_LOOK):
        opened.check_cancelled()
    return beside.along(timeline)


def _divergence(opened: OpenProgram, status: FrameStatus) -> Divergence:
    program, predicted = opened.session.entry.program, status.predicted
    verdict = verdicts.verdict(program, status, 0)
    if isinstance(predicted, Frame):
        source = predicted.source.strip()
    else:
        source = "the end" if isinstance(predicted, Ended) else "no prediction"
    return Divergence(
        step=status.index,
        verdict=short(verdict.plain if verdict is not None else "", TEXT),
        source=short(source, TEXT),
        differences=[
            Different(what=short(row.name, CHANGE), predicted=inert(row.predicted), actual=inert(row.actual))
            for row in islice(verdicts.rows(program, status), CHANGED)
        ],
    )
