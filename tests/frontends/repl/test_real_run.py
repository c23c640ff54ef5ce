"""The real run at the prompt: what a stop says, check, truth, diff, adopt, go to the divergence."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from frame_sources import SUMS, Misled, Unfolding, Wandering, entry_of, misled, recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from prompts import ARGUMENTS, FUZZED, HOSTILE, LINES, Prompt, Says, assert_tame

from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl import stop_view
from neuralpdb.frontends.repl.table import Quit
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Ended, Event, Frame, FrameSource, Origin, Trace, Trouble, TroubleKind

TRUTH = recorded(entry_of(SUMS))
NO_RUN = "*** there is no real run to compare with (start with: --compare --interactive)\n"


class Compared(Prompt):
    """A prompt with a real run beside it."""

    def __init__(self, entry: Entry, source: FrameSource, run: Unfolding, *, blocks: bool = False) -> None:
        super().__init__(entry, source, blocks=blocks)
        self.run = run
        self.repl.beside = Lockstep(run)


def believing(text: str = "total += n", believed: str = "total += n * n", **run: object) -> Compared:
    """SUMS, and a model that believes something else."""
    entry = entry_of(SUMS)
    model = misled(entry, text, believed)
    return Compared(entry, model, Unfolding(model.actual, **run))  # type: ignore[arg-type]


def seen(*frames: Frame, truth: Trace = TRUTH, **run: object) -> Compared:
    return Compared(entry_of(SUMS), Says(*frames), Unfolding(truth, **run))  # type: ignore[arg-type]


# -- without a real run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["check", "check 1", "truth", "truth 3", "diff", "diff all", "adopt", "go diverge"])
def test_without_a_real_run_one_line_says_how_to_get_one(line: str) -> None:
    prompt = Prompt(entry_of(SUMS), TRUTH)
    prompt.type("step")
    history = prompt.session.history
    assert prompt.type(line) == NO_RUN
    assert prompt.session.history == history


def test_why_there_is_none_is_said_again_when_it_is_asked_for() -> None:
    prompt = Prompt(entry_of(SUMS), TRUTH)
    prompt.repl.why_no_real_run = "p.py: it cannot start here"
    assert prompt.type("check") == "*** there is no real run to compare with (p.py: it cannot start here)\n"


def test_a_real_run_that_failed_is_said_once_and_leaves_the_stops_as_they_are() -> None:
    failed = Unfolding(Trace((), Ended()), fails="p.py: ImportError: \x1b[1m")
    prompt = Compared(entry_of(SUMS), TRUTH, failed)
    assert prompt.type("step", "step", "check").splitlines() == [
        "> p.py(2)<module>() -> n = 0  # total = 0",
        "note: there is no real run to compare with: p.py: ImportError: \\x1b[1m",
        "> p.py(3)<module>() -> while n < 3:  # n = 0",
        "*** there is no real run to compare with: p.py: ImportError: \\x1b[1m",
    ]


# -- stops --------------------------------------------------------------------------------------------------------


def test_a_stop_ends_with_its_verdict() -> None:
    prompt = believing()
    shown = prompt.type("step 3", "go", "step").splitlines()
    assert shown[0].endswith("  = exact")
    assert shown[1].endswith("  ! state: total: predicted 5, actual 3")
    assert shown[2].endswith("  ! state: total: predicted 5, actual 3 (diverged at step 8)")


def test_a_stop_on_a_terminal_has_the_verdict_on_a_line_of_its_own_and_marks_what_differs() -> None:
    prompt = believing()
    prompt.repl.multiline = True
    assert prompt.type("go").splitlines() == [
        "> p.py(3)<module>()",
        "-> while n < 3:",
        " ! total = 5",
        "   n = 2",
        " ! state: total: predicted 5, actual 3",
    ]


def test_many_differences_are_counted_and_long_ones_shown_where_they_differ() -> None:
    state = {f"v{n}": str(n) for n in range(6)} | {"total": repr("x" * 500 + "a" + "x" * 500), "n": "1"}
    truth = Trace((TRUTH.frames[0], TRUTH.frames[1].replace(locals={**state, "total": repr("x" * 1001)})), Ended())
    wrong = {name: "0" if name.startswith("v") else value for name, value in state.items()}
    shown = seen(TRUTH.frames[1].replace(locals=wrong), truth=truth).type("step")
    assert shown.count("predicted") == 3 and "3 more (diff)" in shown
    prompt = seen(TRUTH.frames[1].replace(locals=state), truth=truth)
    prompt.type("step")
    row = next(line for line in prompt.type("diff").splitlines() if line.startswith("! total"))
    assert "xax" in row and row.count("... ") == 3 and len(row) < 100


def test_a_local_that_is_missing_or_too_many_is_nothing_on_the_other_side() -> None:
    truth = Trace((TRUTH.frames[0], TRUTH.frames[2]), Ended())
    prompt = seen(TRUTH.frames[2].replace(locals={"total": "0", "m": "1"}), truth=truth)
    assert "n: predicted nothing, actual 0; m: predicted 1, actual nothing" in prompt.type("step")
    assert prompt.type("vars").splitlines() == ["  total = 0", "! m = 1   actual nothing", "! n = nothing   actual 0"]
    assert prompt.type("diff").splitlines()[1:] == ["! n  nothing    0", "! m  1          nothing"]


def test_equivalent_values_are_marked_otherwise_than_equal_ones() -> None:
    truth = Trace((TRUTH.frames[0], TRUTH.frames[1].replace(locals={"total": "{1, 2}"})), Ended())
    prompt = seen(TRUTH.frames[1].replace(locals={"total": "{2, 1}"}), truth=truth)
    assert prompt.type("step").endswith("  ~ equivalent (set order)\n")
    assert prompt.type("diff").splitlines()[1] == "~ total  {2, 1}     {1, 2}"
    assert prompt.type("adopt").endswith("(adopted step 1 of the real run)  = actual (adopted)\n")


def test_the_real_run_is_waited_for_only_a_moment() -> None:
    prompt = believing(ready=2)
    assert prompt.type("step 3").endswith("  ? not known yet: the real run is at step 1\n")
    assert prompt.run.waits and all(timeout is not None and timeout <= 0.05 for _, timeout in prompt.run.waits)
    assert prompt.type("where").splitlines()[-1] == "the real run is at step 1"
    assert prompt.type("check") == "steps 1 to 3: 3 exact\n"


def test_no_movement_asks_for_more_of_the_real_run_than_a_moment() -> None:
    prompt = believing(ready=1)
    prompt.type("step", "next", "until", "continue", "back 3", "predict 2", "accept", "jump 2", "back", "vars", "where")
    assert all(timeout is not None and timeout <= stop_view.PATIENCE for _, timeout in prompt.run.waits)


def test_proposals_are_judged_too() -> None:
    prompt = believing()
    lines = prompt.type("step 6", "predict 3").splitlines()[1:]
    assert [line.rpartition("  ")[2] for line in lines] == [
        "= exact",
        "! state: total: predicted 5, actual 3",
        "! state: total: predicted 5, actual 3 (diverged at step 8)",
    ]


def test_the_end_has_a_verdict() -> None:
    right, early = believing(believed="total += n * 1"), believing("n < 3", "n < 2")
    assert right.type("continue") == "--End-- the program ended  = the real run ended here too: the program ended\n"
    parted = "  - control flow parted at step 9: actual (4)<module>() -> n += 1\n"
    assert early.type("continue") == f"--End-- the program ended{parted}"


def test_a_model_that_says_nothing_is_beside_what_really_comes() -> None:
    prompt = seen(Trouble(TroubleKind.MALFORMED, "it failed"))  # type: ignore[arg-type]
    first = prompt.type("step").splitlines()[0]
    assert first == "*** no prediction: it failed  ! malformed: actual (2)<module>() -> n = 0"
    assert prompt.type("adopt").startswith("> p.py(2)<module>() -> n = 0  # total = 0")
    assert prompt.session.index == 1
    prompt.type("back")
    assert prompt.session.index == 0


# -- check, truth, diff -------------------------------------------------------------------------------------------


def test_check_counts_what_became_of_every_prediction_and_shows_the_first_that_is_wrong() -> None:
    prompt = believing()
    prompt.type("step 11")
    assert prompt.type("check").splitlines() == [
        "steps 1 to 11: 7 exact, 4 state",
        "first divergence, step 8: (3)<module>() -> while n < 3:",
        " ! state: total: predicted 5, actual 3",
    ]
    assert prompt.type("check 7") == "steps 1 to 7: 7 exact\n"
    assert prompt.type("check 0") == "step 0: 1 exact\n"
    prompt.type("back 10")
    assert prompt.type("check 11").startswith("steps 1 to 11: 7 exact, 4 state\n")


@pytest.mark.parametrize("number", ["12", "-1", "x", "99999999999999999999", "²"])
def test_check_of_a_step_that_is_not_known_says_which_are(number: str) -> None:
    prompt = believing()
    prompt.type("step 11")
    shown = prompt.type(f"check {number}")
    assert shown == f"*** check {number}: not a known step (the trace is known from 0 to 11)\n"


@pytest.mark.parametrize("line", ["check", "truth 3", "diff", "adopt", "go"])
def test_ctrl_c_stops_the_waiting_and_nothing_else(line: str) -> None:
    prompt = believing(ready=1, interrupt=True)
    prompt.type("step 3")
    history = prompt.session.history
    assert "interrupted" in prompt.type(line)
    assert prompt.session.history == history
    prompt.run.interrupt = False
    prompt.type("check")
    assert prompt.type("diff") == "no difference\n"


def test_on_a_terminal_it_is_said_what_is_waited_for() -> None:
    prompt = believing(ready=1)
    prompt.repl.multiline = True
    prompt.run.wait_for = lambda count, timeout=None: count <= 1  # type: ignore[method-assign]
    waited = iter([False, True])
    beside = prompt.repl.beside
    assert beside is not None
    beside.reach = lambda index, timeout=None: next(waited, True)  # type: ignore[method-assign]
    assert prompt.type("check").splitlines()[0] == "waiting for the real run (Ctrl-C stops the waiting)"


def test_truth_shows_actual_frames_as_predict_shows_predicted_ones() -> None:
    prompt = believing()
    prompt.type("go")
    assert prompt.type("truth 2").splitlines() == [
        "     8 (3)<module>() -> while n < 3:  # total: 1 -> 3",
        "     9 (4)<module>() -> n += 1",
    ]
    assert prompt.type("truth 99").splitlines()[-1] == "the real run ended after step 12: the program ended"
    assert prompt.type("truth 0") == "*** truth 0: not a number of steps (for example truth 3)\n"


def test_diff_all_shows_what_is_the_same_too() -> None:
    prompt = believing()
    prompt.type("go")
    assert prompt.type("diff").splitlines() == ["         predicted  actual", "! total  5          3"]
    assert prompt.type("diff all").splitlines() == [
        "         predicted      actual",
        "= line   (3)<module>()  (3)<module>()",
        "! total  5              3",
        "= n      2              2",
    ]


def test_values_that_are_accidents_are_set_apart() -> None:
    prompt = believing(unstable={8: frozenset({"total"}), **dict.fromkeys(range(9, 40), frozenset({"total"}))})
    assert prompt.type("go").splitlines()[-1].startswith("no divergence: ")
    prompt.type("go 8")
    assert prompt.type("diff").splitlines()[1] == "- total  5          3"
    assert prompt.type("vars") == "total = 5\nn = 2\n"


# -- go to the divergence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["go", "go diverge"])
def test_go_predicts_as_far_as_the_first_divergence_and_comes_back_to_it(line: str) -> None:
    prompt = believing()
    prompt.type("break 5", line)
    assert prompt.session.index == 8, "breakpoints are passed over"
    calls = prompt.source.calls
    prompt.type("step 2", line)
    assert prompt.session.index == 8
    prompt.type("back 8", line)
    assert prompt.session.index == 8
    assert prompt.source.calls == calls + 2


def test_without_a_divergence_go_ends_at_the_end_and_says_so() -> None:
    prompt = believing(believed="total += n * 1")
    assert prompt.type("go").splitlines()[-1] == "no divergence: the prediction followed the real run, 12 steps"
    assert (
        prompt.type("back 9", "go").splitlines()[-1] == "no divergence: the prediction followed the real run, 12 steps"
    )


def test_an_end_that_is_wrong_is_gone_to_as_well() -> None:
    frames = [frame.replace(origin=Origin.PREDICTED) for frame in TRUTH.frames[1:4]]
    prompt = seen(*frames, Ended("the model ended the trace"))  # type: ignore[arg-type]
    shown = prompt.type("go")
    assert shown == "--End-- the model ended the trace  ! control: actual (5)<module>() -> total += n\n"
    assert prompt.session.index == 3
    assert prompt.type("check").splitlines()[:2] == [
        "steps 1 to 4: 3 exact, 1 a wrong end",
        "first divergence, step 4: the end",
    ]


def test_go_stops_at_the_limit_of_one_command_and_can_be_repeated() -> None:
    prompt = believing()
    prompt.session.max_frames = 5
    assert "stopped after 5 frames, the limit of one command" in prompt.type("go")
    prompt.type("go")
    assert prompt.session.index == 8


def test_ctrl_c_during_the_search_keeps_what_was_predicted() -> None:
    prompt = believing()
    prompt.source.interrupt_at = 5
    assert "(interrupted after 4 frames)" in prompt.type("go")
    assert prompt.session.index == 4 and prompt.repl.interrupted
    prompt.type("go")
    assert prompt.session.index == 8


def test_go_stops_where_the_real_run_was_cut_short() -> None:
    cut = Trace(TRUTH.frames[:5], Trouble(TroubleKind.TRUNCATED, "wall time limit of 10 s"))
    prompt = Compared(entry_of(SUMS), recorded(entry_of(SUMS)), Unfolding(cut))
    shown = prompt.type("go").splitlines()
    assert shown[0].endswith("  - not compared: the real run was cut short: wall time limit of 10 s")
    assert shown[1] == "note: the real run was cut short after step 4: wall time limit of 10 s"
    assert prompt.session.index == 5
    again = prompt.type("go")
    assert again == "*** no divergence as far as the real run went: wall time limit of 10 s\n"
    assert prompt.type("adopt").startswith("*** there is no actual frame of step 5 (the real run was cut short")


def test_behind_an_edit_there_is_nothing_to_go_to() -> None:
    prompt = believing()
    assert prompt.type("step 4", "!total = 50").splitlines()[-1].endswith("  - not compared: edited at step 4")
    assert prompt.type("go").startswith("*** step 4 was edited: nothing from there on can be compared (")
    prompt.type("back", "go")
    assert prompt.session.index == 8


def test_a_jump_leaves_the_real_run_too() -> None:
    prompt = believing()
    assert prompt.type("step 4", "jump 2").splitlines()[-1].endswith("  - not compared: edited at step 4")


# -- adopt --------------------------------------------------------------------------------------------------------


def test_adopt_puts_the_actual_frames_in_place_and_back_undoes_all_of_it() -> None:
    prompt = believing()
    prompt.type("go", "step 2")
    before = prompt.session.history
    assert "(adopted steps 8 to 10 of the real run)" in prompt.type("adopt")
    assert prompt.session.history == [*before[:8], *prompt.run.trace.frames[8:11]]
    assert prompt.session.timeline == prompt.session.history, "what comes after it is predicted anew"
    prompt.type("back")
    assert prompt.session.history == before
    prompt.type("adopt", "step", "back", "back")
    assert prompt.session.history == before


def test_after_an_adoption_the_prediction_is_comparable_again() -> None:
    prompt = believing()
    prompt.type("go", "adopt")
    assert prompt.type("step").endswith("  = exact\n")
    assert prompt.type("go").splitlines()[-1] == "no divergence: the prediction followed the real run, 12 steps"
    assert prompt.type("check").startswith("steps 1 to 13: 11 exact, 1 adopted, 1 the right end")


def test_where_control_flow_parted_adopt_goes_back_to_there() -> None:
    prompt = believing("n < 3", "n < 2")
    prompt.type("go")
    assert prompt.session.index == 9
    prompt.type("step")
    history = prompt.session.history
    shown = prompt.type("adopt")
    assert "adopted step 9 of the real run" in shown and prompt.session.index == 9
    prompt.type("back")
    assert prompt.session.history == history


def test_what_is_actual_already_is_not_adopted() -> None:
    prompt = believing()
    prompt.type("step 2")
    assert prompt.type("adopt") == "*** step 2 is the actual one already (see: go diverge)\n"


def test_adopting_after_an_end_that_was_wrong_goes_on_and_back_restores_the_end() -> None:
    prompt = seen(TRUTH.frames[1].replace(origin=Origin.PREDICTED), Ended("early"))  # type: ignore[arg-type]
    ends = []
    for line in ("step 2", "adopt", "back", "adopt", "go 1", "step"):
        prompt.type(line)
        ends.append((prompt.session.index, prompt.session.ended is not None))
    assert ends == [(1, True), (2, False), (1, True), (2, False), (1, False), (2, False)]


def test_an_edit_on_top_of_an_adoption_is_undone_first() -> None:
    prompt = believing()
    prompt.type("go")
    states = [prompt.session.history]
    prompt.type("adopt")
    states.append(prompt.session.history)
    prompt.type("!total = 50", "back")
    assert prompt.session.history == states[1]
    prompt.type("back")
    assert prompt.session.history == states[0]


# -- anything at all ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["step", "vars", "diff", "diff all", "truth 2", "check", "adopt", "predict", "go"])
def test_no_actual_value_can_steer_the_terminal(command: str) -> None:
    names = {"x": HOSTILE, HOSTILE: HOSTILE, "long": HOSTILE * 50}
    actual = [TRUTH.frames[0], *(Frame(Event.LINE, HOSTILE, 2, "n = 0\x1b[1m", names) for _ in range(4))]
    for function in (HOSTILE, "<module>"):
        ours = [Frame(Event.LINE, function, 2, "n = 0", {"x": "1", "long": HOSTILE * 49}) for _ in range(9)]
        prompt = seen(*ours, truth=Trace(tuple(actual), Ended(HOSTILE)))
        shown = prompt.type("step", command, "where")
        assert_tame(shown)
        assert not [char for char in shown if unicodedata.category(char) == "Cc" and char != "\n"]


TRUSTING = st.builds(
    lambda word, rest: f"{word} {rest}",
    st.sampled_from(["check", "truth", "diff", "adopt", "go", "go diverge", "diff all", "back", "step", "!b = 1"]),
    st.sampled_from([*ARGUMENTS, "", "", ""]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 50),
    ready=st.one_of(st.none(), st.integers(0, 12)),
    typed=st.lists(st.one_of(TRUSTING, TRUSTING, LINES), min_size=5, max_size=25),
)
def test_no_input_and_no_model_break_the_history(seed: int, ready: int | None, typed: list[str]) -> None:
    entry = entry_of(FUZZED)
    actual = recorded(entry)
    run = Unfolding(actual, ready=ready, fails="it failed" if seed == 7 and ready == 0 else "")
    source: FrameSource = Wandering(entry, seed) if seed % 3 else Misled(actual, actual)
    prompt = Compared(entry, source, run, blocks=bool(seed % 2))
    session = prompt.session
    for text in typed:
        try:
            assert_tame(prompt.type(text))
        except Quit:
            continue
        path = session._path
        assert session.history and session.history[0].depth == 0
        assert all(node.following is after for node, after in pairwise(path))
        assert session.timeline[: len(path)] == session.history
        assert session.known == len(session.timeline) - 1
        standings = Lockstep(run).along(session.timeline)
        assert [each.index for each in standings] == list(range(len(standings)))
