"""Histories told by a process of their own: the same frames, how each value is known, and deaths at any step."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import EXAMPLES

from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.computing.process import Limits
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import LINE, Event, Frame, Known, Origin

WORLD = """\
text = '''a
b'''
import robot
name = robot.name()
total = 0
for i in range(3):
    total += i
loud = name.upper()
if robot.ready():
    kind = 'wide'
else:
    kind = 'narrow'
end = 1
"""
LOOP = "n = 0\nfor i in range(2000):\n    n += i\nend = n\n"


def entry_of(text: str) -> Entry:
    return enter(Program.parse(text, "program.py"))


@pytest.fixture
def loop() -> Iterator[tuple[ComputedHistories, list[Frame]]]:
    entry = entry_of(LOOP)
    assert entry.first is not None
    with ComputedHistories(entry, limits=Limits(step_seconds=1.0)) as found:
        yield found, [entry.first]


def told(answer: Computed | NotTold) -> Computed:
    assert isinstance(answer, Computed), answer
    return answer


def walk(found: ComputedHistories, history: list[Frame], steps: int) -> list[Frame]:
    """Go on by some frames that are whole."""
    for _ in range(steps):
        computed = told(found.next(history))
        assert computed.whole
        history.append(computed.frame)
    return history


def process_of(found: ComputedHistories) -> int:
    assert found._process is not None and found._process._child is not None
    return found._process._child.process.pid


def filled(computed: Computed, **texts: str) -> Frame:
    """Fill the holes of a frame, as a model does."""
    assert set(computed.unknown) == set(texts)
    frame = computed.frame
    known = {**frame.known, **dict.fromkeys(texts, Known.PREDICTED)}
    return frame.replace(locals={**frame.locals, **texts}, known=known)


@pytest.mark.parametrize("name", ["account", "generator", "recursion", "uncaught"])
def test_the_process_tells_what_the_interpreter_tells(name: str) -> None:
    entry = entry_of(next(path for path in EXAMPLES if path.stem == name).read_text())
    assert entry.first is not None
    here = Histories.of(entry)
    with ComputedHistories(entry) as found:
        history = [entry.first]
        for _ in range(150):
            there, same = found.next(history), here.next(history)
            if isinstance(same, NotTold):
                assert isinstance(there, NotTold) and there.ended == same.ended
                break
            assert told(there).frame == same.frame
            history.append(told(there).frame)
    here.close()


def test_a_value_of_the_world_and_what_is_made_of_it_are_told_from_what_is_known() -> None:
    entry = entry_of(WORLD)
    assert entry.first is not None
    with ComputedHistories(entry) as found:
        history = [entry.first]
        walk(found, history, 1)  # `import robot` may fail: that is for the model to say
        assumed = told(found.next(history))
        assert assumed.assuming and not assumed.unknown
        history.append(assumed.frame)
        history[-1:] = [filled(assumed)]
        hole = told(found.next(history))
        history.append(filled(hole, name="'Anna'"))
        while history[-1].source != "if robot.ready():":
            history.append(told(found.next(history)).frame)
        last = history[-1]
        assert last.locals["loud"] == "'ANNA'" and last.locals["total"] == "3"
        assert {name: last.how(name) for name in last.locals} == {
            "text": Known.COMPUTED,
            "name": Known.PREDICTED,
            "total": Known.COMPUTED,
            "i": Known.COMPUTED,
            "loud": Known.DERIVED,
        }
        answer = found.next(history)
        assert isinstance(answer, NotTold) and answer.choices == (10, 12)
        place = last.replace(line=12, source="", known={}, locals={})
        placed = told(found.next(history, place)).frame
        assert (placed.line, placed.origin, placed.known[LINE]) == (12, Origin.PREDICTED, Known.PREDICTED)
        assert placed.how("total") is Known.COMPUTED  # it was there before the way was chosen
        history.append(placed)
        end = told(found.next(history)).frame
        assert end.locals["kind"] == "'narrow'"
        assert end.how("kind") is Known.DERIVED  # another way would have made another value
        assert end.how("text") is Known.COMPUTED


def test_a_way_can_be_gone_again_in_another_direction() -> None:
    entry = entry_of(WORLD)
    assert entry.first is not None
    with ComputedHistories(entry) as found:
        history = [entry.first]
        while history[-1].source != "if robot.ready():":
            computed = told(found.next(history))
            history.append(filled(computed, **({"name": "'Anna'"} if computed.unknown else {})))
        kinds = []
        for line in (10, 12, 10):
            place = history[-1].replace(line=line)
            way = [*history, told(found.next(history, place)).frame]
            assert way[-1].line == line
            kinds.append(told(found.next(way)).frame.locals["kind"])
    assert kinds == ["'wide'", "'narrow'", "'wide'"]


def test_what_the_user_sets_is_no_guess(loop: tuple[ComputedHistories, list[Frame]]) -> None:
    found, history = loop
    walk(found, history, 10)
    last = history[-1]
    edited = last.replace(
        locals={**last.locals, "n": "1000"}, origin=Origin.EDITED, known={"i": Known.COMPUTED, "n": Known.EDITED}
    )
    following = told(found.next([*history[:-1], edited])).frame
    assert following.known == {} and following.origin is Origin.COMPUTED
    assert int(following.locals["n"]) >= 1000


def test_an_answer_that_came_ahead_does_not_ask_the_process(loop: tuple[ComputedHistories, list[Frame]]) -> None:
    found, history = loop
    walk(found, history, 50)
    number = found._number
    walk(found, history, 500)
    del history[20:]
    walk(found, history, 100)
    assert found._number == number


def test_a_question_about_the_state_leaves_the_way_ahead_as_it_is(
    loop: tuple[ComputedHistories, list[Frame]],
) -> None:
    found, history = loop
    walk(found, history, 30)
    for expression, text in (("n + 1", f"{int(history[-1].locals['n']) + 1}"), ("[i] * 2", None)):
        answer = found.evaluate(history, expression)
        assert answer.error == answer.why == ""
        assert text is None or answer.text == text
        walk(found, history, 3)
    assert found.evaluate(history[:5], "n").text == history[4].locals["n"]
    executed = found.execute(history, "n = -5; i = i + 1")
    assert executed.frame is not None and executed.frame.locals["n"] == "-5"
    before = told(found.next(history)).frame
    after = told(found.next([*history[:-1], executed.frame])).frame
    assert before.locals["n"] != after.locals["n"]
    assert found.children(history, "{'a': [1, n]}").items[0].label == "'a'"


def test_a_process_that_hangs_is_said_and_comes_back_with_another_history(
    loop: tuple[ComputedHistories, list[Frame]],
) -> None:
    found, history = loop
    walk(found, history, 5)
    os.kill(process_of(found), signal.SIGSTOP)
    start = time.monotonic()
    while isinstance(answer := found.next(history), Computed):  # what came ahead is there
        history.append(answer.frame)
    assert time.monotonic() - start < 20
    assert answer.why.startswith("the interpreter: ") and not answer.ended
    alone = history[-1].replace(origin=Origin.PREDICTED, known={})
    longer = [*history, alone, alone]
    assert found.next(longer) == answer  # the model goes on alone
    assert found.next(longer[:-1]) != answer  # and back from there
    again = history[:3]
    assert told(found.next(again)).frame == history[3]


def test_who_goes_back_in_the_very_list_that_was_asked_with_has_it_tried_again(
    loop: tuple[ComputedHistories, list[Frame]],
) -> None:
    found, history = loop
    walk(found, history, 5)
    os.kill(process_of(found), signal.SIGSTOP)
    while isinstance(answer := found.next(history), Computed):
        history.append(answer.frame)
    history.append(history[-1].replace(origin=Origin.PREDICTED, known={}))
    assert found.next(history) == answer
    del history[3:]
    assert told(found.next(history)).frame.origin is Origin.COMPUTED


def test_a_process_that_somebody_killed_is_replaced_without_a_word(
    loop: tuple[ComputedHistories, list[Frame]],
) -> None:
    found, history = loop
    walk(found, history, 5)
    os.kill(process_of(found), signal.SIGKILL)
    while isinstance(answer := found.next(history), Computed):
        history.append(answer.frame)
    assert answer.ended and len(history) > 4000


def test_a_step_that_takes_too_long_is_not_told_in_time() -> None:
    entry = entry_of("a = 1\nb = [i for i in range(10**7) if i < 0]\nc = 1\n")
    assert entry.first is not None
    with ComputedHistories(entry, limits=Limits(step_seconds=0.5)) as found:
        history = [entry.first]
        walk(found, history, 1)
        start = time.monotonic()
        answer = found.next(history)
        assert isinstance(answer, NotTold) and "longer than 0.5 s" in answer.why
        assert time.monotonic() - start < 10


def test_what_answers_nonsense_is_left(loop: tuple[ComputedHistories, list[Frame]]) -> None:
    found, history = loop
    walk(found, history, 2)
    assert found._process is not None
    edited = history[-1].replace(locals={"n": "9", "i": "0"}, origin=Origin.EDITED)
    found._ask([edited], 0, None)
    found._process._received[:0] = b'["line", 3]\n'
    found._told, found._paused = [edited], None
    answer = found.next([edited])
    assert isinstance(answer, NotTold) and "cannot be read" in answer.why
    assert told(found.next(history[:1])).frame == history[1]


def test_after_close_nothing_is_told_and_no_process_is_left(loop: tuple[ComputedHistories, list[Frame]]) -> None:
    found, history = loop
    walk(found, history, 2)
    process = process_of(found)
    found.close()
    found.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert found.next(history) == NotTold("the interpreter is closed")
    assert found.evaluate(history, "n").why == "the interpreter is closed"


def test_one_that_nobody_closes_leaves_no_process_and_no_pipe() -> None:
    entry = entry_of(LOOP)
    pipes = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(3):
        found = ComputedHistories(entry)
        process = process_of(found)
        del found
        gc.collect()
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert len([*Path("/proc/self/fd").iterdir()]) <= pipes


def test_a_history_that_begins_where_the_model_invented_arguments_goes_on() -> None:
    entry = enter(Program.parse("def double(n):  # << START_OF_TRACE\n    m = n + n\n    return m\n", "p.py"))
    assert entry.first is None
    with ComputedHistories(entry) as found:
        assert isinstance(found.next([]), NotTold)
        invented = Frame(Event.CALL, "double", 1, "def double(n):", {"n": "21"})
        history = [invented]
        for _ in range(3):
            history.append(told(found.next(history)).frame)
        assert history[-1].value == "42"
        assert history[-1].how("m") is Known.DERIVED
