"""The debugger as it is used, beside the real run: what is computed, what the model fills in, what is our error."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from comparisons import (
    USED_SETUP,
    WORDS,
    at_line,
    compared,
    computed,
    ended,
    every_way_of_knowing,
    known,
    many,
    many_used,
    result_of,
    used,
    with_local,
    with_value,
    without,
)
from parrot import Parrot
from taught import BAD, DOUBLE, SETUP, Broken, program, taught

from neuralpdb.engines.base import Capabilities, Engine
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.errors import ModelError
from neuralpdb.fidelity import as_used
from neuralpdb.fidelity.as_used import PROCESSES, free_running
from neuralpdb.fidelity.comparison import Blame, Comparability, Comparison, Debugged
from neuralpdb.fidelity.figures.debugging import defects
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.report import json_report
from neuralpdb.fidelity.report.json_report import About
from neuralpdb.fidelity.runner import Job
from neuralpdb.fidelity.runner import compared as compared_targets
from neuralpdb.fidelity.targets import Target
from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.computing.process import Process
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import LINE, VALUE, Ended, Frame, Known, Origin, Outcome, Trouble, TroubleKind

PLATFORM = "import platform\n\ndef f(n):\n    name = platform.system()\n    m = n * 2\n    return m, name\n"
"""What the platform is called is not known by Python's rules alone."""


def job(model: Engine, /, **changes: Any) -> Job:
    return Job(model, replace(SETUP, **{"debugger": True, **changes}), Limits(frames=60, seconds=20))


def one(target: Target, model: Engine, /, **changes: Any) -> Comparison:
    (found,) = compared_targets([target], job(model, **changes))
    return found


def debugger(comparison: Comparison) -> Debugged:
    assert comparison.debugger is not None, comparison.error
    return comparison.debugger


# -- the run -----------------------------------------------------------------------------------------------------------


def test_what_python_determines_is_computed_and_the_model_is_not_asked() -> None:
    parrot = Parrot()
    found = one(program("one"), parrot, teacher_forced=False, rollout=False)
    free = debugger(found).rollout
    assert (free.exact, free.equal, free.matched, debugger(found).passes) == (True, True, 6, 0)
    assert {frame.origin for frame in free.frames[1:]} == {Origin.COMPUTED}
    assert debugger(found).is_end_computed
    assert (parrot.decoded, parrot.scored) == ([], [])
    assert (found.steps, found.rollout) == (None, None)


def test_the_debugger_changes_nothing_of_the_model_alone() -> None:
    target = program("one", PLATFORM)
    without_it = one(target, taught(target), debugger=False)
    with_it = one(target, taught(target))
    assert (with_it.steps, with_it.rollout) == (without_it.steps, without_it.rollout)
    assert with_it.cost == replace(
        without_it.cost, seconds=with_it.cost.seconds, truth_seconds=with_it.cost.truth_seconds
    )
    assert without_it.debugger is None


def platform_hole(comparison: Comparison) -> Frame:
    return next(frame for frame in debugger(comparison).rollout.frames if "name" in frame.locals)


def test_the_model_fills_what_is_not_known_and_the_rest_is_computed() -> None:
    target = program("one", PLATFORM)
    found = one(target, taught(target))
    free = debugger(found).rollout
    assert free.exact and free.equal, debugger(found)
    assert platform_hole(found).how("name") is Known.PREDICTED
    assert platform_hole(found).how("n") is Known.COMPUTED
    assert free.frames[-1].how(VALUE) is Known.DERIVED
    figures = summarise(result_of(found, setup=USED_SETUP)).debugger
    assert figures is not None
    assert figures.values[Known.PREDICTED].right == figures.values[Known.PREDICTED].total == 1
    assert figures.values[Known.DERIVED].total >= 1
    assert figures.defects == ()


def test_a_wrong_prediction_is_no_error_of_ours() -> None:
    target = program("one", PLATFORM)
    right = one(target, taught(target))
    index = next(i for i, frame in enumerate(right.truth.frames) if "name" in frame.locals)
    told = (Token.LINE, '{"n": "..", "name": "\'amiga\'"}', Token.ACTION, "    m = n * 2\n", Token.FRAME)
    found = one(target, taught(target, wrong={index: told}))
    assert debugger(found).rollout.divergence == index
    assert platform_hole(found).locals["name"] == "'amiga'"
    assert defects(found) == ()


def test_a_recording_without_an_answer_ends_the_rollout_and_says_why() -> None:
    class Silent(Parrot):
        def complete(self, prompts: Sequence[Markup], **options: Any) -> Any:
            if options.get("until"):
                raise ModelError("the recording has no reply to this")
            return super().complete(prompts, **options)

    target = program("one", PLATFORM)
    silent = Silent()
    silent.says = taught(target).says
    found = one(target, silent, engine="replay")
    end = debugger(found).rollout.end
    assert isinstance(end, Trouble) and end.kind is TroubleKind.UNAVAILABLE
    assert "no reply" in end.message
    assert (found.error, found.blame) == ("", None)
    assert debugger(found).rollout.divergence is None
    lost = one(target, silent)
    assert (lost.error, lost.blame) == ("the recording has no reply to this", Blame.MODEL)


def test_a_model_that_is_gone_is_to_be_tried_again() -> None:
    found = one(program("bad", BAD), Broken())
    assert (found.blame, found.debugger) == (Blame.MODEL, None)
    alone = one(program("bad", BAD), Broken(), teacher_forced=False, rollout=False)
    assert alone.error == ""  # it was never asked


class Untold:
    """Histories of an interpreter that is dead."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Untold:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        return NotTold("the interpreter: its process was killed")

    def close(self) -> None:
        pass


def test_without_an_interpreter_the_model_goes_on_alone_and_the_report_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(as_used, "ComputedHistories", Untold)
    target = program("one")
    found = one(target, taught(target))
    assert found.rollout is not None
    free = debugger(found).rollout
    assert [frame.locals for frame in free.frames] == [frame.locals for frame in found.rollout.frames]
    assert debugger(found).alone == {"the interpreter: its process was killed": 6 + 1}
    assert not debugger(found).is_end_computed


def test_when_the_interpreter_is_killed_on_the_way_the_model_goes_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def f(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\n"
    target = program("loop", text, "f(20)")
    answer, count = Process.answer, 0

    def dying(self: Process, *arguments: Any) -> bytes | None:
        nonlocal count
        count += 1
        if count == 20:
            self.kill()
        return answer(self, *arguments)

    monkeypatch.setattr(Process, "answer", dying)
    found = debugger(one(target, taught(target), teacher_forced=False, rollout=False))
    assert found.rollout.exact
    ((why, frames),) = found.alone.items()
    assert why.startswith("the interpreter: ")
    assert 0 < frames < len(found.rollout.frames)
    assert found.rollout.frames[3].origin is Origin.COMPUTED
    assert found.rollout.frames[-1].origin is Origin.PREDICTED


def test_a_server_that_takes_many_at_once_has_no_more_interpreters_than_places(monkeypatch: pytest.MonkeyPatch) -> None:
    now = most = 0
    lock = threading.Lock()

    class Counted(ComputedHistories):
        def __enter__(self) -> ComputedHistories:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            return super().__enter__()

        def __exit__(self, *error: object) -> None:
            nonlocal now
            with lock:
                now -= 1
            super().__exit__(*error)

    monkeypatch.setattr(as_used, "ComputedHistories", Counted)
    targets = [program(f"p{i}", f"{DOUBLE}# {i}\n") for i in range(10)]
    model = taught(*targets, capabilities=Capabilities("parrot", "0", 1 << 20, tolerance=1.0, parallel=8))
    found = list(compared_targets(targets, job(model)))
    assert all(debugger(each).rollout.exact for each in found)
    assert (now, 1 <= most <= PROCESSES) == (0, True)


class Lying:
    """Histories that say what a test wants: index -> an answer; elsewhere what really happens."""

    def __init__(self, frames: Sequence[Frame], answers: Mapping[int, Computed | NotTold]) -> None:
        self.frames, self.answers = frames, answers

    def next(self, history: Sequence[Frame], place: Frame | None = None) -> Computed | NotTold:
        index = len(history)
        if index in self.answers:
            return self.answers[index]
        if index < len(self.frames):
            return Computed(self.frames[index].replace(origin=Origin.COMPUTED))
        return NotTold("the program ended", ended=True)

    def close(self) -> None:
        pass


def lied(answers: Mapping[int, Computed | NotTold]) -> Comparison:
    entry = enter(Program.parse(DOUBLE, "p.py"), call="f(3)")
    truth = record(entry.program.text, filename="p.py", entry_function=entry.function, entry_line=entry.marked)
    comparability = Comparability({}, len(truth.frames))
    histories = Lying(truth.frames, answers)
    found = free_running(entry, truth, comparability, histories, Parrot(), USED_SETUP, 30)
    return replace(compared(DOUBLE, call="f(3)", id="p.py", truth=truth), debugger=found)


def frame_at(index: int) -> Frame:
    return computed(lied({}).truth.frames[index])


def test_an_answer_that_assumes_something_is_no_error_of_ours() -> None:
    wrong = frame_at(4).replace(locals={"n": "3", "m": "7"})
    sure = lied({4: Computed(wrong)})
    assert [(each.index, each.name, each.computed, each.actual) for each in defects(sure)] == [(4, "m", "7", "6")]
    assuming = lied({4: Computed(wrong, assuming="n * 2 may raise")})
    assert debugger(assuming).assumed == {4: "n * 2 may raise"}
    assert defects(assuming) == ()


def test_an_end_too_early_is_an_error_of_ours_only_when_it_is_computed() -> None:
    early = lied({4: NotTold("the program ended", ended=True)})
    assert [(each.index, each.name, each.computed) for each in defects(early)] == [(4, LINE, "the end")]
    untold = lied({4: NotTold("not supported")})
    assert debugger(untold).rollout.divergence == 4
    assert debugger(untold).alone == {"not supported": 1}
    assert defects(untold) == ()


# -- what is an error of ours ------------------------------------------------------------------------------------------

CALL = "count('banana', 'a')"


def found_in(changes: dict[int, Any], **options: Any) -> list[tuple[int, str, str | None, str | None]]:
    comparison = compared(WORDS, call=CALL, id="right.py", **options)
    return [(each.index, each.name, each.computed, each.actual) for each in defects(used(comparison, changes))]


def marked(change: Any, **how: Known) -> Any:
    """Return a change whose frame says how it is known; `line` stands for LINE."""
    names = {LINE if name == "line" else name: kind for name, kind in how.items()}
    return lambda frame: change(frame).replace(origin=Origin.COMPUTED, known=names)


def test_a_computed_text_that_differs_is_one() -> None:
    assert found_in({6: marked(with_local("found", "7"))}) == [(6, "found", "7", "0")]
    assert found_in({6: marked(without("found"))}) == [(6, "found", None, "0")]
    assert found_in({6: marked(with_local("more", "1"))}) == [(6, "more", "1", None)]
    assert found_in({21: marked(with_value("4"))}) == [(21, VALUE, "4", "3")]


def test_only_the_first_frame_that_differs_is_looked_at() -> None:
    assert found_in({6: marked(with_local("found", "7")), 7: marked(with_local("found", "8"))}) == [
        (6, "found", "7", "0")
    ]
    assert found_in({6: known(Known.PREDICTED, "found", change=with_local("found", "7")), 7: at_line(3)}) == []


def test_a_guess_is_none() -> None:
    for how in (Known.PREDICTED, Known.DERIVED, Known.EDITED):
        assert found_in({6: marked(with_local("found", "7"), found=how)}) == []
    assert found_in({6: marked(with_local("found", "7"), line=Known.DERIVED)}) == []
    assert found_in({6: with_local("found", "7")}) == []  # the model's alone


def test_beside_a_guess_a_computed_text_is_one() -> None:
    def both(frame: Frame) -> Outcome:
        return frame.replace(locals={**frame.locals, "found": "7", "letter": "'x'"})

    assert found_in({6: marked(both, found=Known.PREDICTED)}) == [(6, "letter", "'x'", "'a'")]


def test_another_line_is_one_when_the_way_is_computed() -> None:
    ((index, name, told, actual),) = found_in({6: marked(at_line(6))})
    assert (index, name) == (6, LINE)
    assert told == "line 6 of count()"
    assert actual is not None and actual.startswith("line ")
    assert found_in({6: marked(at_line(6), line=Known.DERIVED)}) == []
    assert found_in({6: at_line(6)}) == []
    assert [each[1] for each in found_in({6: ended})] == [LINE]
    guess = known(Known.PREDICTED, "word")
    assert found_in({3: guess, 6: marked(at_line(6))}) == found_in({3: guess, 6: ended}) == []


def test_behind_a_guess_that_differs_where_nothing_is_compared_there_is_none() -> None:
    accident = {5: frozenset({"found"})}
    guessed = known(Known.PREDICTED, "found", change=with_local("found", "7"))
    later = {6: marked(with_local("letter", "'x'"))}
    assert found_in({5: guessed, **later}, unstable=accident) == []
    assert len(found_in(later, unstable=accident)) == 1


def test_frames_behind_the_end_are_one() -> None:
    right = compared(WORDS, call=CALL, id="right.py")
    last = right.truth.frames[-1]
    longer: list[Outcome] = [*map(computed, right.truth.frames[1:]), computed(last), Ended()]
    (defect,) = defects(used(right, rollout=longer))
    assert (defect.index, defect.name, defect.actual) == (len(right.truth.frames), LINE, "the end")


def test_nothing_is_said_without_a_divergence_or_without_the_debugger() -> None:
    right = compared(WORDS, call=CALL, id="right.py")
    assert defects(right) == defects(used(right)) == ()


# -- the figures -------------------------------------------------------------------------------------------------------

ABOUT = About("0", "3", "x")


def test_the_figures_of_the_model_are_the_same_with_the_debugger_beside_it() -> None:
    for plain, beside in ((many(), many_used()), (result_of(every_way_of_knowing()), None)):
        if beside is None:
            beside, plain = plain, result_of(*(replace(each, debugger=None) for each in plain.comparisons))
        before = json_report.document(plain, summarise(plain), ABOUT)
        after = json_report.document(beside, summarise(beside), ABOUT)
        assert after["totals"]["debugger"] is not None
        assert before["totals"]["debugger"] is None
        for report in (before, after):
            report["totals"].pop("debugger")
            report["mode"].pop("debugger")
            for each in report["programs"]:
                each.pop("debugger")
        assert before == after


def test_values_and_lines_are_counted_by_how_they_are_known() -> None:
    figures = summarise(many_used()).debugger
    assert figures is not None
    assert [(each.index, each.name) for each in figures.defects] == [(11, "found")]
    assert figures.passes == 12
    assert figures.alone == {"a file is read": 2, "the interpreter: its process was killed": 1}
    predicted = figures.values[Known.PREDICTED]
    assert (predicted.right, predicted.total) == (0, 1)
    assert figures.ways[Known.PREDICTED].total == 1
    assert figures.rollouts.programs == 6
