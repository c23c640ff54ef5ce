"""The figures of a report: each against a count by hand, an independent formula or a property that must hold."""

from __future__ import annotations

import ast
import random
from dataclasses import replace

import pytest
from comparisons import (
    WORDS,
    at_line,
    compared,
    ended,
    every_outcome,
    failed,
    many,
    predicted,
    result_of,
    trouble,
    with_local,
    with_value,
    without,
)
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.fidelity.comparison import Cost, Step
from neuralpdb.fidelity.equality import Level
from neuralpdb.fidelity.figures.calibration import calibrate
from neuralpdb.fidelity.figures.context import befores, contexts, function_of
from neuralpdb.fidelity.figures.divergence import (
    DEBUGGER,
    FORCED,
    ROLLOUT,
    command,
    first_divergence,
    own_place,
    quoted,
    reason,
)
from neuralpdb.fidelity.figures.rollouts import reached, stopped
from neuralpdb.fidelity.figures.shares import Share, Tally, between, clustered, percent, quantile, wilson
from neuralpdb.fidelity.figures.summary import bucket, summarise, worst
from neuralpdb.fidelity.figures.table9 import table9
from neuralpdb.fidelity.verdicts import Fidelity, Tolerance, Verdict
from neuralpdb.program.syntax import statements_by_line
from neuralpdb.trace.frames import VALUE, Ended, Event, Frame, Outcome, Trace, Trouble, TroubleKind
from neuralpdb.trace.values import kind_of

CALL = "count('banana', 'a')"


# -- shares --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_the_published_values(right: int, total: int, low: float, high: float) -> None:
    """The last one is the example of Newcombe (1998), table I, method 3."""
    found = wilson(right, total)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_an_interval_holds_its_share_and_grows_with_the_confidence(counts: tuple[int, int], level: float) -> None:
    right, total = counts
    narrow, wide = wilson(right, total, level), wilson(right, total, (1 + level) / 2)
    assert 0 <= wide.low <= narrow.low <= right / total <= narrow.high <= wide.high <= 1


@pytest.mark.parametrize(("right", "total", "level"), [(1, 0, 0.9), (3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0), (1, 2, 0)])
def test_what_is_no_share_has_no_interval(right: int, total: int, level: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(right, total, level)


def test_programs_that_differ_make_the_interval_over_programs_the_wider_one() -> None:
    """Ten programs all right, ten all wrong: a hundred frames know no more than twenty programs."""
    found = clustered([Share(5, 5)] * 10 + [Share(0, 5)] * 10)
    frames = wilson(50, 100)
    assert found is not None
    assert found.high - found.low > 1.5 * (frames.high - frames.low)
    normal = 1.96 * (0.25 / 20) ** 0.5  # of the mean of twenty programs
    assert found.high - found.low == pytest.approx(2 * normal, rel=0.15)


def test_frames_without_clusters_give_about_the_interval_of_independent_tries() -> None:
    dice = random.Random(1)
    shares = [Share(int(dice.random() < 0.8), 1) for _ in range(300)]
    found, right = clustered(shares), sum(share.right for share in shares)
    frames = wilson(right, 300)
    assert found is not None
    assert found.low == pytest.approx(frames.low, abs=0.012)
    assert found.high == pytest.approx(frames.high, abs=0.012)


def test_the_bootstrap_is_the_same_every_time() -> None:
    shares = [Share(i % 4, 4) for i in range(40)]
    assert clustered(shares) == clustered(shares)
    assert clustered(shares) != clustered(shares, seed=1)


def test_where_drawing_changes_nothing_a_program_is_one_try() -> None:
    assert clustered([Share(50, 50)] * 4) == wilson(4, 4)
    assert clustered([Share(0, 50)] * 4) == wilson(0, 4)


def test_one_program_has_no_interval_over_programs() -> None:
    assert clustered([Share(3, 4), Share(0, 0)]) is None


@given(st.lists(st.floats(-9, 9), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_among_the_values(values: list[float], share: float) -> None:
    ordered = sorted(values)
    assert ordered[0] <= quantile(ordered, share) <= ordered[-1]
    assert quantile(ordered, 0) == ordered[0]
    assert quantile(ordered, 1) == ordered[-1]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "100.0 %"), (0.99999, "99.9 %"), (0.0, "0.0 %"), (0.00001, "0.1 %"), (0.5, "50.0 %"), (None, "-")],
)
def test_a_hundred_percent_is_said_only_of_all(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_a_quantile_between_two_values_lies_between_them() -> None:
    assert quantile([0.0, 1.0, 5.0], 0.25) == 0.5
    assert quantile([0.0, 1.0, 5.0], 0.75) == 3.0
    assert quantile([2.0], 0.9) == 2.0


def test_two_programs_are_enough_for_an_interval() -> None:
    found = clustered([Share(1, 2), Share(2, 2)])
    assert found is not None
    assert (found.low, found.high) == (0.5, 1.0)


def test_an_interval_in_words() -> None:
    assert between(wilson(8, 10)) == "49.0-94.3 %"
    assert between(None) == "-"


def test_a_tally_counts_only_what_is_right_or_wrong() -> None:
    tally = Tally.of([*Fidelity, Fidelity.EXACT])
    assert (tally.frames, tally.right, tally.wrong) == (10, 3, 4)
    assert tally.accuracy == 3 / 7
    assert Tally.total([tally, tally]).frames == 20
    assert Tally.of([Fidelity.EXCLUDED, Fidelity.UNREACHED, Fidelity.TRUNCATED]).accuracy is None


# -- kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "int"),
        ("True", "bool"),
        ("-1.5", "float"),
        ("nan", "float"),
        ("None", "NoneType"),
        ("'a'", "str"),
        ("'\\d'", "str"),
        ("b'a'", "bytes"),
        ("[1, 'a']", "list"),
        ("()", "tuple"),
        ("{'a': 1}", "dict"),
        ("{1}", "set"),
        ("set()", "set"),
        ("<Dog object>", "object"),
        ("Point(x=1)", "object"),
        ("ValueError('no')", "exception"),
        ("KeyboardInterrupt()", "exception"),
        ("app.OddError(1)", "exception"),
        ("", "object"),
        ("[" * 1000, "object"),
        ("9" * 9999, "object"),
        ("\x00", "object"),
        ("\ud800", "object"),
        ("[" + "1, " * 100_000 + "]", "list"),
    ],
)
def test_the_type_of_a_repr_text(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_the_statement_of_a_line_is_the_innermost_one() -> None:
    found = statements_by_line(WORDS.split("\n"))
    assert [found[line] for line in (1, 2, 3, 4, 5, 6)] == ["FunctionDef", "Assign", "For", "If", "AugAssign", "Return"]
    assert 7 not in found


# -- what stands around a frame --------------------------------------------------------------------------------------


def test_a_frame_is_put_down_to_the_last_line_of_its_own_activation() -> None:
    """After a call has returned, what the caller shows next is the effect of its own line, not of the callee's."""
    comparison = every_outcome()
    around = contexts(comparison.subject, comparison.truth.frames)
    resumed = next(i for i, frame in enumerate(comparison.truth.frames) if frame.line == 13)
    assert comparison.truth.frames[resumed - 1].function == "count"
    assert (around[resumed].ran, around[resumed].construct) == (12, "Assign")
    called = next(i for i, frame in enumerate(comparison.truth.frames) if frame.line == 1)
    assert (around[called].ran, around[called].construct) == (12, "Assign")
    assert around[0].ran is None


def test_what_a_frame_writes_is_what_changed_in_its_activation() -> None:
    comparison = every_outcome()
    around = contexts(comparison.subject, comparison.truth.frames)
    by_line = {context.frame.line: context.written for context in around if context.frame.event is Event.LINE}
    assert by_line[10] == {}
    assert by_line[11].keys() == {"lines"}
    assert by_line[13] == {"n": "0"}
    returned = [context.written for context in around if context.frame.event is Event.RETURN]
    assert returned[0] == {VALUE: "3"}


def test_the_lines_of_the_added_call_have_a_name_of_their_own() -> None:
    comparison = every_outcome()
    names = {each.function for each in contexts(comparison.subject, comparison.truth.frames)}
    assert names == {"<call>", "report", "count"}


def test_without_an_added_call_every_line_is_the_programs_own() -> None:
    comparison = every_outcome()
    frame = comparison.truth.frames[0]
    assert function_of(comparison.subject, frame) == "<call>"
    assert function_of(replace(comparison.subject, own=0), frame) == "main"
    assert function_of(comparison.subject, frame.replace(line=None)) == "main"
    assert function_of(comparison.subject, frame.replace(line=comparison.subject.own)) == "main"


def test_a_recursive_call_does_not_see_the_locals_of_its_caller() -> None:
    text = "def down(n):\n    if n:\n        return down(n - 1)\n    return n\n"
    comparison = compared(text, call="down(2)")
    frames = comparison.truth.frames
    for frame, before in zip(frames, befores(frames), strict=True):
        if before is not None and frame.function == "down":
            assert (before.function, before.depth, before.locals) == ("down", frame.depth, frame.locals)


def test_source_that_is_no_python_has_no_constructs() -> None:
    comparison = every_outcome()
    subject = replace(comparison.subject, lines=("def (", *comparison.subject.lines))
    assert {each.construct for each in contexts(subject, comparison.truth.frames)} == {"?"}


# -- totals and breakdowns -------------------------------------------------------------------------------------------


def test_every_outcome_is_counted_once() -> None:
    summary = summarise(result_of(every_outcome()))
    assert summary.teacher_forced is not None
    assert summary.teacher_forced.frames == 44
    assert dict(summary.teacher_forced.counts) == {
        Fidelity.EXACT: 28,
        Fidelity.EQUIVALENT: 1,
        Fidelity.STATE: 2,
        Fidelity.CONTROL: 3,
        Fidelity.VALUE: 1,
        Fidelity.MALFORMED: 1,
        Fidelity.TRUNCATED: 1,
        Fidelity.EXCLUDED: 6,
        Fidelity.UNREACHED: 1,
    }
    assert summary.teacher_forced.accuracy == 29 / 36


def test_every_breakdown_counts_every_frame() -> None:
    result = many()
    summary = summarise(result)
    assert summary.teacher_forced is not None
    for rows in (
        summary.constructs.values(),
        summary.events.values(),
        summary.depths.values(),
        summary.positions.values(),
        [row.tally for row in summary.lines],
        [row.tally for row in summary.functions],
        [row.teacher_forced for row in summary.programs if row.teacher_forced],
    ):
        assert Tally.total(rows) == summary.teacher_forced


def test_without_teacher_forcing_the_breakdowns_are_of_the_rollouts_up_to_their_divergence() -> None:
    result = many()
    bare = result_of(*(replace(each, steps=None) for each in result.comparisons))
    summary = summarise(bare)
    assert summary.rollout is not None
    assert (summary.view, summary.teacher_forced) == (ROLLOUT, None)
    judged = {**summary.rollout.outcomes.counts, Fidelity.UNREACHED: 0}
    assert dict(Tally.total(summary.events.values()).counts) == judged
    assert dict(Tally.total(row.tally for row in summary.lines).counts) == judged
    assert {row.program: row.first_miss for row in summary.functions if row.first_miss} == {
        "words.py": 7,
        "wrong_result.py": 21,
    }
    assert summarise(result).view == FORCED
    assert [row.id for row in worst(summary.programs)] == ["words.py", "wrong_result.py", "beyond.py"]


def test_levels_are_those_of_the_right_frames() -> None:
    summary = summarise(result_of(every_outcome()))
    assert summary.levels[Level.TEXT] == 28
    assert summary.levels[Level.LITERAL] == 1
    assert Level.DIFFERENT not in summary.levels


def test_types_count_each_written_value_once_where_the_frame_stands_at_the_right_place() -> None:
    changes = {
        4: with_local("found", "7"),
        5: with_local("char", "'x'"),
        7: at_line(6),
        8: trouble(TroubleKind.MALFORMED),
    }
    comparison = compared(WORDS, call=CALL, changes=changes)
    expected: dict[str, list[bool]] = {"str": [], "int": []}
    frames = comparison.truth.frames
    for i, before in enumerate(befores(frames)):
        if i in (0, 7, 8):
            continue
        new = {"": frames[i].value} if frames[i].value is not None else dict(frames[i].locals)
        old = {} if before is None or frames[i].value is not None else dict(before.locals)
        for name, text in new.items():
            if old.get(name) != text:
                changed = (i, name) in ((4, "found"), (5, "char"))
                expected[type(ast.literal_eval(str(text))).__name__].append(not changed)
    found = summarise(result_of(comparison)).types
    assert {kind: (share.right, share.total) for kind, share in found.items()} == {
        kind: (sum(hits), len(hits)) for kind, hits in expected.items()
    }
    assert found["str"].right == found["str"].total - 1


def test_a_value_that_is_an_accident_of_the_run_counts_for_no_type() -> None:
    text = "def f():\n    a = 1\n    b = 'x'\n    return a\n"
    plain = compared(text, call="f()")
    index = next(i for i, frame in enumerate(plain.truth.frames) if "b" in frame.locals)
    odd = compared(text, call="f()", changes={index: with_local("b", "'y'")}, unstable={index: frozenset({"b"})})
    before, after = summarise(result_of(plain)).types, summarise(result_of(odd)).types
    assert (before["str"].total, "str" in after) == (1, False)
    assert after["int"] == before["int"]


def test_an_exception_is_a_type_of_its_own() -> None:
    text = "def f():\n    raise Odd\nclass Odd(Exception):\n    pass\n"
    found = summarise(result_of(compared(text, call="f()"))).types
    assert found["exception"] == Share(2, 2)


@pytest.mark.parametrize(
    ("index", "first"), [(1, 1), (9, 1), (10, 10), (29, 10), (30, 30), (99, 30), (100, 100), (999, 300), (5000, 1000)]
)
def test_positions_fall_into_their_bucket(index: int, first: int) -> None:
    assert bucket(index) == first


def test_positions_are_named_by_their_first_and_last_index() -> None:
    summary = summarise(result_of(compared("n = 0\nwhile n < 600:\n    n += 1\n")))
    assert {name: tally.frames for name, tally in summary.positions.items()} == {
        "1-9": 9,
        "10-29": 20,
        "30-99": 70,
        "100-299": 200,
        "300-999": 700,
        "1000+": len(compared("n = 0\nwhile n < 600:\n    n += 1\n").truth.frames) - 1000,
    }


def test_deep_activations_share_a_row() -> None:
    text = "def down(n):\n    return down(n - 1) if n else 0\n"
    summary = summarise(result_of(compared(text, call="down(12)")))
    assert list(summary.depths) == [str(depth) for depth in range(10)] + ["10+"]
    assert summary.depths["10+"].frames == 3 * 4


def test_a_function_knows_its_first_miss() -> None:
    summary = summarise(result_of(every_outcome()))
    assert {row.function: row.first_miss for row in summary.functions} == {"<call>": None, "report": None, "count": 7}


def test_costs_add_up() -> None:
    summary = summarise(result_of(every_outcome(), every_outcome()))
    assert summary.cost == Cost(scored=900, prompt=100, decoded=14, redone=2 * 11, seconds=1.0)


def test_failures_and_real_runs_that_were_cut_off_are_named() -> None:
    whole = compared(WORDS, call=CALL)
    frames = whole.truth.frames[:9]
    cut = compared(WORDS, call=CALL, id="cut.py", truth=Trace(frames, Trouble(TroubleKind.TRUNCATED, "10 s are over")))
    summary = summarise(result_of(cut, failed("x.py", "no such file")))
    assert summary.cut == (("cut.py", "10 s are over"),)
    assert summary.failures == (("x.py", "no such file"),)


def test_nothing_compared_gives_no_figures_and_no_error() -> None:
    summary = summarise(result_of(failed("x.py", "no")))
    assert (summary.teacher_forced, summary.rollout, summary.table9, summary.calibration) == (None, None, None, None)
    assert summarise(result_of()).programs == ()


# -- rollouts --------------------------------------------------------------------------------------------------------


def test_rollouts_are_counted_over_programs() -> None:
    rollout = summarise(many()).rollout
    assert rollout is not None
    assert rollout.programs == 6
    assert rollout.result_equal == Share(1, 3)
    assert rollout.trace_exact == Share(1, 5), "a program that cannot be compared is no exact one"
    assert (rollout.truncated, rollout.diverged, rollout.first_divergence_median) == (1, 3, 21)
    # right 22; words 6 of 44 - 0 excluded before the divergence; wrong result 20; stopped 8; beyond 22; accident 0 of 0
    assert rollout.matched_mean == pytest.approx((22 / 22 + 6 / 44 + 20 / 22 + 8 / 22 + 22 / 22) / 5)
    assert rollout.matched == Share(22 + 6 + 20 + 8 + 22, 22 + 44 + 22 + 22 + 22)


@pytest.mark.parametrize(
    ("end", "is_stopped"),
    [
        (Ended(), False),
        (Trouble(TroubleKind.TRUNCATED, "limit"), True),
        (Trouble(TroubleKind.TOO_LONG, "limit"), True),
        (Trouble(TroubleKind.UNAVAILABLE, "gone"), True),
        (Trouble(TroubleKind.MALFORMED, "?"), False),
        (Trouble(TroubleKind.UNKNOWN_LINE, "?"), False),
    ],
)
def test_only_a_limit_stops_a_rollout(end: Ended | Trouble, is_stopped: bool) -> None:
    right = compared(WORDS, call=CALL)
    rollout = compared(WORDS, call=CALL, rollout=[*map(predicted, right.truth.frames[1:9]), end]).rollout
    assert rollout is not None
    assert stopped(rollout) is is_stopped
    assert not stopped(replace(rollout, complete=True))


def test_frames_that_a_rollout_came_to_stand_beside_what_it_said() -> None:
    rollout = every_outcome().rollout
    assert rollout is not None
    steps = reached(rollout)
    assert [each.index for each in steps if each.verdict.fidelity is not Fidelity.EXCLUDED] == list(range(1, 8))
    for each in steps[:7]:
        assert each.predicted == rollout.frames[each.index]


@pytest.mark.parametrize(
    ("changes", "index", "outcome", "said_in_words"),
    [
        ({4: with_local("found", "7")}, 4, "state", "found is 0, predicted 7"),
        ({5: without("char")}, 5, "state", "char is 'b', not predicted"),
        ({5: with_local("odd", "1")}, 5, "state", "odd is not there, predicted 1"),
        ({21: with_value("4")}, 21, "value", "value is 3, predicted 4"),
        ({7: at_line(6)}, 7, "control", "predicted line 6 of count(), actual line 4 of count()"),
        ({7: ended}, 7, "control", "predicted the end, actual line 4 of count()"),
        (
            {7: lambda f: predicted(f).replace(depth=5)},
            7,
            "control",
            "predicted line 4 of count() at depth 5, actual line 4 of",
        ),
        (
            {2: lambda f: predicted(f).replace(event=Event.LINE)},
            2,
            "control",
            "predicted line 1 of count(), actual call of",
        ),
        ({7: trouble(TroubleKind.MALFORMED)}, 7, "malformed", "the model wrote no frame where line 4 of count() is"),
    ],
)
def test_a_divergence_is_said_in_words(changes: object, index: int, outcome: str, said_in_words: str) -> None:
    found = first_divergence(compared(WORDS, call=CALL, changes=changes))  # type: ignore[arg-type]
    assert found is not None
    assert (found.view, found.index, found.fidelity) == (ROLLOUT, index, outcome)
    assert reason(found).startswith(said_in_words)


def test_without_a_rollout_the_first_wrong_frame_is_the_divergence() -> None:
    comparison = replace(every_outcome(), rollout=None)
    found = first_divergence(comparison)
    assert found is not None
    assert (found.view, found.index) == (FORCED, 7)
    assert first_divergence(compared(WORDS, call=CALL)) is None


def test_a_model_that_does_not_stop_diverges_behind_the_end() -> None:
    beyond = next(each for each in many().comparisons if each.subject.id == "beyond.py")
    found = first_divergence(beyond)
    assert found is not None
    assert (found.index, found.actual, found.fidelity) == (len(beyond.truth.frames), None, Fidelity.CONTROL)
    assert found.place == beyond.truth.frames[-1]
    assert reason(found) == "predicted return from main(), line 16, actual the end"


def test_a_place_in_the_file_is_the_last_one_that_is_not_of_the_added_call() -> None:
    comparison = every_outcome()
    subject, frames = comparison.subject, comparison.truth.frames
    assert own_place(subject, frames[:1]) is None
    assert own_place(subject, frames[:3]) == frames[2]
    assert own_place(subject, frames) == frames[-2]
    assert own_place(replace(subject, own=0), frames) == frames[-1]


def test_the_worst_program_is_the_least_true_one() -> None:
    rows = worst(summarise(many()).programs)
    assert [row.id for row in rows] == ["words.py", "wrong_result.py", "beyond.py"]
    early, late = (compared(WORDS, call=CALL, id=f"{i}.py", changes={i: with_local("word", "7")}) for i in (3, 8))
    rows = worst(summarise(result_of(late, early)).programs)
    assert [row.id for row in rows] == ["3.py", "8.py"], "of two with the same accuracy the one that was left first"


def test_without_teacher_forcing_the_worst_program_is_the_one_that_was_followed_least() -> None:
    short = compared("def f():\n    return 1\n", call="f()", id="short.py", rollout=[Ended()])
    long = compared(WORDS, call=CALL, id="long.py", changes={2: with_local("word", "7")})
    bare = [replace(each, steps=None) for each in (short, long)]
    rows = worst(summarise(result_of(*bare)).programs)
    assert [(row.id, row.divergence, row.frames) for row in rows] == [("long.py", 2, 23), ("short.py", 1, 6)]


@pytest.mark.parametrize(
    ("word", "shown"),
    [("a.py", "a.py"), ("f('x')", "\"f('x')\""), ("f(\"x\", '$y')", "'f(\"x\", '\"'\"'$y'\"'\"')'"), ("", "''")],
)
def test_words_of_a_command_are_quoted_for_a_shell(word: str, shown: str) -> None:
    assert quoted(word) == shown


def test_the_command_leads_to_the_frame() -> None:
    comparison = every_outcome()
    found = command(comparison.subject, result_of().setup, 7)
    assert found == "neuralpdb --call \"report(['banana', 'fig'])\" --model-only -c 'step 7' words.py"
    loose = replace(result_of().setup, constrained=False)
    record = replace(comparison.subject, name="sample_1", call="", argv=("a b",))
    assert command(record, loose, 3) == "neuralpdb --model-only --no-constrain -c 'step 3' FILE 'a b'"
    assert command(record, loose, 3, DEBUGGER) == "neuralpdb --no-constrain -c 'step 3' FILE 'a b'"


# -- calibration -----------------------------------------------------------------------------------------------------

_FRAME = Frame(Event.LINE, "f", 1, "x")


def step(confidence: float | None, fidelity: Fidelity) -> Step:
    return Step(1, _FRAME, Verdict(fidelity), confidence)


def test_calibration_by_hand() -> None:
    right, wrong = Fidelity.EXACT, Fidelity.STATE
    steps = [step(0.95, right), step(0.95, right), step(0.92, wrong), step(0.1, wrong), step(None, right)]
    found = calibrate([*steps, step(0.5, Fidelity.EXCLUDED)])
    assert found is not None
    assert found.frames == 4
    assert found.error == pytest.approx((3 * abs(2 / 3 - 0.94) + abs(0 - 0.1)) / 4)
    assert found.brier == pytest.approx((2 * 0.05**2 + 0.92**2 + 0.1**2) / 4)
    assert found.right == pytest.approx(0.95)
    assert found.wrong == pytest.approx(0.51)
    assert found.separation == 1.0
    assert [each.share.total for each in found.bins] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 3]


def test_separation_is_the_share_of_pairs_in_the_right_order() -> None:
    dice = random.Random(3)
    steps = [step(dice.randrange(6) / 5, dice.choice((Fidelity.EXACT, Fidelity.VALUE))) for _ in range(60)]
    rights = [each.confidence or 0.0 for each in steps if each.verdict.right]
    wrongs = [each.confidence or 0.0 for each in steps if each.verdict.wrong]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in rights for b in wrongs]
    found = calibrate(steps)
    assert found is not None
    assert found.separation == pytest.approx(sum(pairs) / len(pairs))


def test_a_full_confidence_falls_into_the_last_bin() -> None:
    found = calibrate([step(1.0, Fidelity.EXACT), step(1.7, Fidelity.EXACT), step(-1.0, Fidelity.STATE)])
    assert found is not None
    assert (found.bins[-1].share.total, found.bins[0].share.total) == (2, 1)
    assert calibrate([step(1.0, Fidelity.EXACT)]) is not None
    assert calibrate([step(None, Fidelity.EXACT), step(0.5, Fidelity.TRUNCATED)]) is None


# -- the literature's table ------------------------------------------------------------------------------------------


def test_table_9_of_a_perfect_model_is_all_hundreds() -> None:
    found = table9([compared(WORDS, call=CALL)])
    assert found is not None
    assert found.output == found.valid == Share(1, 1)
    for metric in (found.action, found.value, *vars(found.resolved).values(), *vars(found.diff).values()):
        assert metric.micro.right == metric.micro.total > 0
        assert metric.macro == 1.0
    assert found.action.micro.total == 22
    assert found.resolved.state.micro.total == 20


def test_table_9_by_hand_for_one_wrong_local() -> None:
    text = "def f():\n    a = 1\n    b = 2\n    return a\n"
    right = compared(text, call="f()")
    index = next(i for i, frame in enumerate(right.truth.frames) if "b" in frame.locals)
    rollout: list[Outcome] = [*map(predicted, right.truth.frames[1:]), Ended()]
    rollout[index - 1] = with_local("b", "3")(right.truth.frames[index])
    found = table9([compared(text, call="f()", rollout=rollout)])
    assert found is not None
    # frames 1..7: line in main, call f, line 2, line 3 {a}, line 4 {a, b}, return f, return main
    assert found.resolved.state.micro == Share(4, 5)
    assert found.resolved.keys.micro == Share(3, 3)
    assert found.resolved.values.micro == Share(2, 3)
    assert found.diff.state.micro == Share(4, 5)
    assert found.diff.values.micro == Share(1, 2)
    assert (found.action.micro, found.value.micro) == (Share(7, 7), Share(2, 2))
    assert found.output == Share(1, 1), "what it returned is right all the same"


def test_a_wrong_local_that_stays_wrong_is_one_miss_in_the_diff_form() -> None:
    text = "def f():\n    b = 2\n    a = 1\n    a = 2\n    a = 3\n    return a\n"
    right = compared(text, call="f()")
    change = with_local("b", "3")
    free = [
        change(frame) if "b" in frame.locals and frame.value is None else predicted(frame)
        for frame in right.truth.frames
    ]
    found = table9([compared(text, call="f()", rollout=[*free[1:], Ended()])])
    assert found is not None
    resolved, diff = found.resolved.values.micro, found.diff.values.micro
    assert resolved.total - resolved.right == 4
    assert diff.total - diff.right == 1


@pytest.mark.parametrize("extra", [3, -3])
def test_frames_beyond_the_shorter_trace_are_wrong(extra: int) -> None:
    right = compared(WORDS, call=CALL)
    frames = list(map(predicted, right.truth.frames))
    longer = [*frames[1:], *[frames[-1]] * extra] if extra > 0 else frames[1:extra]
    found = table9([compared(WORDS, call=CALL, rollout=[*longer, Ended()])])
    assert found is not None
    total = 22 + max(extra, 0)
    assert found.action.micro == Share(total - abs(extra), total)


def test_a_real_run_that_was_cut_off_says_nothing_of_what_comes_then() -> None:
    right = compared(WORDS, call=CALL)
    cut = Trace(right.truth.frames[:10], Trouble(TroubleKind.TRUNCATED, "limit"))
    found = table9([compared(WORDS, call=CALL, truth=cut, rollout=[*map(predicted, right.truth.frames[1:]), Ended()])])
    assert found is not None
    assert (found.action.micro, found.output) == (Share(9, 9), Share(0, 0))


def test_frames_and_locals_that_are_not_comparable_are_left_out() -> None:
    right = compared(WORDS, call=CALL)
    found = table9([compared(WORDS, call=CALL, comparable=6, unstable={5: frozenset({"char", "found"})})])
    assert found is not None
    assert found.action.micro == Share(5, 5)
    expected = sum(len(frame.locals) for frame in right.truth.frames[1:6]) - 2
    assert found.resolved.values.micro == Share(expected, expected)


def test_a_rollout_that_a_limit_stopped_has_a_wrong_output_and_no_valid_format() -> None:
    found = table9([each for each in many().comparisons if each.subject.id == "stopped.py"])
    assert found is not None
    assert (found.output, found.valid) == (Share(0, 1), Share(0, 1))


@pytest.mark.parametrize(("comparable", "known"), [(22, False), (23, True), (0, True)])
def test_an_output_counts_when_the_last_frame_can_be_compared(comparable: int, known: bool) -> None:
    """0 says nothing of what is comparable, as in a comparison that was made by hand."""
    comparison = replace(compared(WORDS, call=CALL), comparable=comparable)
    found = table9([comparison])
    assert found is not None
    assert found.output == (Share(1, 1) if known else Share(0, 0))


def test_an_output_that_is_an_accident_of_the_run_does_not_count() -> None:
    found = table9([compared(WORDS, call=CALL, unstable={22: frozenset({VALUE})})])
    assert found is not None
    assert found.output == Share(0, 0)


def test_a_line_that_the_program_does_not_have_is_valid_format() -> None:
    comparison = compared(WORDS, call=CALL, changes={5: trouble(TroubleKind.UNKNOWN_LINE)})
    found = table9([comparison])
    assert found is not None
    assert found.valid == Share(1, 1)


def test_macro_is_the_mean_over_traces() -> None:
    short = compared("def f():\n    return 1\n", call="f()", rollout=[Ended()])
    long = compared(WORDS, call=CALL)
    found = table9([short, long])
    assert found is not None
    assert found.action.micro == Share(22, 22 + len(short.truth.frames) - 1)
    assert found.action.macro == 0.5


def test_values_that_are_equal_at_a_level_of_the_ladder_match() -> None:
    text = "def f(s):\n    a = s\n    return 0.5\n"
    right = compared(text, call="f('x')")
    free = [
        frame.replace(locals=dict.fromkeys(frame.locals, '"x"'), value=frame.value and "0.50000000001")
        for frame in map(predicted, right.truth.frames)
    ]
    comparison = compared(text, call="f('x')", rollout=[*free[1:], Ended()])
    strict, loose = table9([comparison]), table9([comparison], Tolerance(float_tolerance=1e-6))
    assert strict is not None
    assert loose is not None
    assert strict.resolved.values.micro.value == 1.0
    assert (strict.value.micro.value, loose.value.micro.value) == (0.0, 1.0)
