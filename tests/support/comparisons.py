"""Comparisons for the tests of reports: recorded programs beside predictions whose every outcome is known.

No model: a prediction is the true frame, or that frame with one thing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from frame_sources import entry_of, recorded

from neuralpdb.fidelity.comparison import (
    Blame,
    Comparability,
    Comparison,
    ComparisonSetup,
    Cost,
    Debugged,
    Result,
    Subject,
    judged_rollout,
    judged_steps,
)
from neuralpdb.trace.frames import LINE, VALUE, Ended, Event, Frame, Known, Origin, Outcome, Trace, Trouble, TroubleKind

SETUP = ComparisonSetup("local", "mini", "r1", 2048, limits={"seconds": 10.0, "frames": 1000.0})
CREATED = "2026-01-02T03:04:05Z"

WORDS = """\
def count(word, letter):
    found = 0
    for char in word:
        if char == letter:
            found += 1
    return found


def report(words):
    lines = []
    for word in words:
        n = count(word, "a")
        lines.append(f"{word}: {n}")
    return lines
"""

Change = Callable[[Frame], Outcome]


def predicted(frame: Frame) -> Frame:
    """Return the frame as a model that is right predicts it."""
    return frame.replace(origin=Origin.PREDICTED)


def with_local(name: str, text: str) -> Change:
    return lambda frame: frame.replace(locals={**frame.locals, name: text}, origin=Origin.PREDICTED)


def without(name: str) -> Change:
    return lambda frame: predicted(frame).replace(locals={n: t for n, t in frame.locals.items() if n != name})


def at_line(line: int) -> Change:
    return lambda frame: predicted(frame).replace(line=line, source="somewhere else")


def with_value(text: str) -> Change:
    return lambda frame: predicted(frame).replace(value=text)


def ended(frame: Frame) -> Outcome:
    return Ended()


def trouble(kind: TroubleKind, text: str = "") -> Change:
    return lambda frame: Trouble(kind, f"the model wrote {kind}", text)


def compared(
    text: str,
    *,
    call: str = "",
    id: str = "words.py",
    changes: Mapping[int, Change] | None = None,
    unstable: Mapping[int, frozenset[str]] | None = None,
    comparable: int | None = None,
    confidence: Callable[[int, bool], float | None] = lambda index, right: 0.9 if right else 0.4,
    rollout: Sequence[Outcome] | None = None,
    truth: Trace | None = None,
) -> Comparison:
    """Return a comparison whose model predicts the truth but for `changes` (index -> what it predicts instead).

    rollout: what it predicts on its own from index 1 on, up to an Ended or Trouble; by default the same up to the first
    change, and the truth after it.
    """
    entry = entry_of(text, call=call, name=id)
    truth = truth or recorded(entry)
    subject = Subject(id, id, text, call, lines=entry.program.lines, own=entry.program.own)
    changes = changes or {}
    frames = truth.frames
    outcomes = [changes.get(i, predicted)(frame) for i, frame in enumerate(frames)]
    comparability = Comparability(unstable or {}, len(frames) if comparable is None else comparable)
    forced = judged_steps([(i, outcome, None) for i, outcome in enumerate(outcomes) if i], truth, comparability)
    steps = tuple(replace(step, confidence=confidence(step.index, step.verdict.right)) for step in forced)
    free = _free(frames[0], rollout if rollout is not None else [*outcomes[1:], truth.end])
    return Comparison(
        subject,
        truth,
        "3.11.7",
        comparability.unstable,
        comparability.comparable,
        steps,
        judged_rollout(free, truth, comparability),
        output="printed\n",
        cost=Cost(scored=10 * len(frames), prompt=50, decoded=7, redone=len(changes), seconds=0.5),
    )


def _free(first: Frame, outcomes: Sequence[Outcome]) -> Trace:
    frames = [first]
    for outcome in outcomes:
        if not isinstance(outcome, Frame):
            return Trace(tuple(frames), outcome)
        frames.append(outcome)
    return Trace(tuple(frames), Ended())


def index_of(comparison: Comparison, event: Event, nth: int = 0) -> int:
    """Return the index of the nth frame with that event, the given one not counted."""
    indices = [i for i, frame in enumerate(comparison.truth.frames) if i and frame.event is event]
    return indices[nth]


def failed(id: str, error: str, blame: Blame = Blame.TARGET) -> Comparison:
    return Comparison(Subject(id, id, "x ="), Trace((), Ended("nothing was run")), error=error, blame=blame)


def computed(frame: Frame) -> Frame:
    """Return the frame as the interpreter of ours computes it."""
    return frame.replace(origin=Origin.COMPUTED)


def known(how: Known, *names: str, change: Change = lambda frame: frame) -> Change:
    """Return a change to a computed frame in which `names` are known in some way."""

    def marked(frame: Frame) -> Outcome:
        changed = change(frame)
        assert isinstance(changed, Frame)
        return changed.replace(origin=Origin.COMPUTED, known=dict.fromkeys(names, how))

    return marked


def used(
    comparison: Comparison,
    changes: Mapping[int, Change] | None = None,
    rollout: Sequence[Outcome] | None = None,
    **fields: Any,
) -> Comparison:
    """Return a comparison with the debugger's half: the truth but for `changes` (index -> what comes there).

    rollout: what comes from index 1 on, up to an Ended or Trouble. fields: of its `Debugged`.
    """
    frames, changes = comparison.truth.frames, changes or {}
    outcomes = rollout or [
        *(changes.get(i, computed)(frame) for i, frame in enumerate(frames) if i),
        comparison.truth.end,
    ]
    comparability = Comparability(comparison.unstable, comparison.comparable)
    free = judged_rollout(_free(frames[0], outcomes), comparison.truth, comparability)
    return replace(comparison, debugger=Debugged(free, **{"seconds": 0.25, **fields}))


USED_SETUP = replace(SETUP, debugger=True)


def every_way_of_knowing() -> Comparison:
    """Return a program whose values are known in every way; the debugger computes one wrong, at 11."""
    how = Known.PREDICTED, Known.DERIVED
    changes = {
        4: known(how[0], "words"),
        7: known(how[1], "found"),
        9: known(how[0], LINE),
        11: known(how[1], "char", change=with_local("found", "7")),
    }
    return used(every_outcome(), changes, alone={"a file is read": 2}, passes=9)


def many_used() -> Result:
    """Return the programs of `many` with the debugger's half: right, left by a guess, stopped, computed wrong."""
    right, _, wrong, stopped, *others = many().comparisons
    guess = known(Known.PREDICTED, VALUE, change=with_value("4"))
    last = len(wrong.truth.frames) - 1
    unavailable = Trouble(TroubleKind.UNAVAILABLE, "the recording has no reply")
    cut: list[Outcome] = [*map(computed, stopped.truth.frames[1:9]), unavailable]
    return result_of(
        used(right),
        every_way_of_knowing(),
        used(wrong, {last - 1: guess, last: guess}, passes=3),
        used(stopped, rollout=cut, alone={"the interpreter: its process was killed": 1}),
        *(used(each) if each.truth.frames else each for each in others),
        setup=USED_SETUP,
    )


def every_outcome() -> Comparison:
    """Return one program with every outcome that a teacher-forced frame can have; its rollout diverges at 7."""
    return compared(
        WORDS,
        call="report(['banana', 'fig'])",
        changes={
            4: with_local("words", '["banana",  "fig"]'),
            7: with_local("found", "7"),
            9: without("char"),
            11: at_line(6),
            13: trouble(TroubleKind.MALFORMED, "<|frame_sep|>?"),
            15: trouble(TroubleKind.TRUNCATED),
            17: ended,
            19: trouble(TroubleKind.UNKNOWN_LINE),
            21: with_local("char", "'x'"),
            25: with_value("4"),
            28: trouble(TroubleKind.UNAVAILABLE),
        },
        unstable={21: frozenset({"char"}), 30: frozenset({VALUE})},
        comparable=40,
    )


def result_of(*comparisons: Comparison, complete: bool = True, setup: ComparisonSetup = SETUP) -> Result:
    return Result(setup, comparisons, complete, CREATED, 1.5)


def many() -> Result:
    """Return several programs: right, wrong in several ways, without an end, without a comparison."""
    call = "count('banana', 'a')"
    right = compared(WORDS, call=call, id="right.py")
    last = len(right.truth.frames) - 1
    endless: list[Outcome] = [
        *map(predicted, right.truth.frames[1:]),
        *[predicted(right.truth.frames[-1])] * 3,
        Trouble(TroubleKind.TRUNCATED, "limit"),
    ]
    return result_of(
        right,
        every_outcome(),
        compared(WORDS, call=call, id="wrong_result.py", changes={last: with_value("4"), last - 1: with_value("4")}),
        compared(
            WORDS,
            call=call,
            id="stopped.py",
            rollout=[*map(predicted, right.truth.frames[1:9]), Trouble(TroubleKind.TRUNCATED, "limit")],
        ),
        compared(WORDS, call=call, id="beyond.py", rollout=endless),
        compared(WORDS, call=call, id="accident.py", comparable=1),
        failed("broken.py", "broken.py, line 1, column 4: invalid syntax"),
        failed("unlucky.py", "the server does not answer", Blame.MODEL),
    )


# -- hostile texts -------------------------------------------------------------------------------------------------

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b]0;title\x07\x9b1m",
    "a|b`c`**d** [x](http://evil) {{7*7}} {% raw %}",
    "\ud800 \u202eevil\u202c \ufffe \uffff \x00 \x0b ]]> &amp; www.evil.example @team #1",
    "line one\nline two\r\n| a | b |\n- c",
    "'" + "x" * 1_000_000 + "'",
)


def hostile() -> Result:
    """Return a program for each hostile text, which is its id, name, call, source, locals, values and messages."""
    return result_of(*map(_hostile, HOSTILE), *(failed(f"error {i}", text) for i, text in enumerate(HOSTILE)))


def _hostile(text: str) -> Comparison:
    lines = (text, f"  {text}", text)
    first = Frame(Event.CALL, text, 1, text, {}, origin=Origin.GIVEN)
    held = Frame(Event.LINE, text, 2, f"  {text}", {text: text, "n": "1"}, origin=Origin.OBSERVED)
    left = Frame(Event.RETURN, text, 3, text, {}, value=text, origin=Origin.OBSERVED)
    truth = Trace((first, held, left), Ended(text))
    outcomes: list[tuple[int, Outcome, float | None]] = [
        (1, predicted(held).replace(locals={text: text + "!", text + "?": text}), 0.5),
        (2, Trouble(TroubleKind.MALFORMED, text, text), 0.25),
    ]
    comparability = Comparability({}, 3)
    free = Trace((first, predicted(held), predicted(left).replace(value=text + "!")), Ended(text))
    return Comparison(
        Subject(text, text, text, text, (text,), lines, 3),
        truth,
        text,
        {},
        3,
        judged_steps(outcomes, truth, comparability),
        judged_rollout(free, truth, comparability),
        Debugged(
            judged_rollout(
                Trace((first, computed(held).replace(locals={text: text + "!"})), Ended(text)), truth, comparability
            ),
            alone={text: 1},
        ),
        output=text,
    )
