"""Histories: whatever the debugger made of a run, the next frame is the true one, or a reason why it is not told."""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from agreement import difference, real, traps
from moments import histories
from places import TESTS

from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.history import Computed, Histories, NotTold
from neuralpdb.interpreter.interpretation import Bounds
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Origin

MARKER = "# << START_OF_TRACE"
PROGRAMS = sorted((TESTS / "programs").glob("*.py"))
MOST = 200

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")


def truth(text: str, frames: int = MOST) -> tuple[Frame, ...]:
    return real(text, "<program>", "main", 1, frames, 2.0).frames


def golden(path: Path) -> tuple[str, str | None, int]:
    text = path.read_text("utf-8")
    line = next(n for n, each in enumerate(text.split("\n"), 1) if each.endswith(MARKER))
    source = text.split("\n")[line - 1]
    return text, source.split("(")[0].removeprefix("def ") if source.startswith("def ") else None, line


def told(answer: Computed | NotTold) -> Computed:
    assert isinstance(answer, Computed), answer
    return answer


def wrong(answer: Computed | NotTold, frame: Frame) -> str:
    if isinstance(answer, NotTold):
        return f"ended before {frame.place}" if answer.ended else ""
    return "" if answer.assuming else difference(answer, frame)


def edited(frame: Frame, **values: str) -> Frame:
    return frame.replace(locals={**frame.locals, **values}, origin=Origin.EDITED)


def at_line(frames: tuple[Frame, ...], line: int, visit: int = 0) -> int:
    return [i for i, frame in enumerate(frames) if frame.event is Event.LINE and frame.line == line][visit]


def shown(frames: tuple[Frame, ...] | list[Frame], since: int) -> list[tuple[Any, ...]]:
    return [(frame.place, dict(frame.locals), frame.value) for frame in frames[since:]]


def to_the_end(found: Histories, history: list[Frame], *, holes: bool = False) -> tuple[list[Frame], NotTold | None]:
    history = list(history)
    while len(history) < MOST:
        answer = found.next(history)
        if isinstance(answer, NotTold):
            return history, answer
        assert answer.whole or holes, answer
        history.append(answer.frame)
    return history, None


# --- true histories -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_after_every_true_history_of_a_golden_program_comes_the_true_frame(path: Path) -> None:
    text, function, line = golden(path)
    frames = real(text, path.name, function, line, MOST, 2.0).frames
    with histories(text, function, entry_line=line) as found:
        for n, frame in enumerate(frames):
            answer = found.next(frames[:n])
            assert not difference(told(answer), frame)
            assert not told(answer).assuming


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(traps())))
def test_nothing_is_told_wrong_after_a_true_history_of_a_trap(number: int) -> None:
    text = traps()[number]
    frames = truth(text, 60)
    with histories(text) as found:
        for n, frame in enumerate(frames):
            assert not wrong(found.next(frames[:n]), frame)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_any_cut_of_a_true_trace_in_any_order_is_followed_by_the_true_frame(path: Path) -> None:
    text, function, line = golden(path)
    frames = real(text, path.name, function, line, MOST, 2.0).frames
    chance = random.Random(path.stem)
    with histories(text, function, entry_line=line) as found:
        for n in chance.choices(range(len(frames)), k=6):
            assert not difference(told(found.next(frames[:n])), frames[n])


def test_a_history_that_was_written_anew_is_the_same_history() -> None:
    frames = truth(LOOP)
    with histories(LOOP) as found:
        for n in (5, 2, 7):
            copied = [Frame.from_dict(frame.as_dict()) for frame in frames[:n]]
            assert not difference(told(found.next(copied)), frames[n])


def test_after_the_last_frame_comes_the_end() -> None:
    with histories(LOOP) as found:
        assert found.next(truth(LOOP)) == NotTold("the program ended", ended=True)


# --- edits --------------------------------------------------------------------------------------------------------

LOOP = """def double(n):
    pass
    return n * 2

def main():
    total = 0
    for i in range(4):
        total += double(i)
        pass
    words = ['a']
    pass
    words.append('b')
    return total, words
"""


@pytest.mark.parametrize(
    ("line", "visit", "name", "value"),
    (
        (2, 0, "n", "10"),
        (2, 2, "n", "'x'"),
        (9, 1, "total", "-1"),
        (9, 0, "i", "2.5"),
        (9, 3, "total", "[1, 2]"),
        (11, 0, "words", "['q', 'r']"),
        (11, 0, "words", "None"),
    ),
)
def test_an_edit_goes_on_like_a_program_that_assigns_there(line: int, visit: int, name: str, value: str) -> None:
    lines = LOOP.split("\n")
    indent = lines[line - 1][: -len("pass")]
    lines[line - 1] = f"{indent}{name} = {value} if COUNT() == {visit} else {name}"
    changed = "\n".join(lines) + "VISITS = []\ndef COUNT(): VISITS.append(1); return len(VISITS) - 1\n"
    real_frames = [frame for frame in truth(changed) if frame.function != "COUNT"]
    frames = truth(LOOP)
    n = at_line(frames, line, visit)
    with histories(LOOP) as found:
        history, end = to_the_end(found, [*frames[:n], edited(frames[n], **{name: value})])
    plain = [(frame.event, frame.line, dict(frame.locals), frame.value) for frame in history[n + 1 :]]
    assert plain == [(frame.event, frame.line, dict(frame.locals), frame.value) for frame in real_frames[n + 1 :]]
    assert end == NotTold("the program ended", ended=True)


def test_edits_on_two_timelines_do_not_touch_each_other() -> None:
    frames = truth(LOOP)
    n = at_line(frames, 9, 0)
    first, second = ([*frames[:n], edited(frames[n], total=text)] for text in ("100", "200"))
    with histories(LOOP) as found:
        for _ in range(2):
            for history, total in ((first, "112"), (second, "212"), (list(frames[: n + 1]), "12")):
                ended, _ = to_the_end(found, history)
                assert ended[-1].value == f"({total}, ['a', 'b'])"


def test_a_value_that_others_hold_is_unknown_to_them_after_its_edit() -> None:
    text = (
        "def f(xs):\n    pass\n    xs.append(1)\n    return xs\ndef main():\n    ys = [0]\n    f(ys)\n    return ys\n"
    )
    frames = truth(text)
    n = at_line(frames, 2)
    with histories(text) as found:
        history = [*frames[:n], edited(frames[n], xs="[5]")]
        while isinstance(answer := found.next(history), Computed):
            history.append(answer.frame)
            last = answer
    assert last.frame.event is Event.RETURN
    assert last.unknown.keys() == {"ys", ""}
    assert history[n + 2].locals == {"xs": "[5, 1]"}
    assert history[n + 3].value == "[5, 1]"


def test_a_variable_that_was_deleted_is_not_there() -> None:
    frames = truth(LOOP)
    n = at_line(frames, 9)
    gone = frames[n].replace(locals={"i": "0"}, origin=Origin.EDITED)
    with histories(LOOP) as found:
        history, _ = to_the_end(found, [*frames[:n], gone])
    assert [frame.event for frame in history[n + 1 :]][-1] is Event.EXCEPTION or history[-1].value is not None
    assert "UnboundLocalError" in str([frame.value for frame in history])


# --- jumps --------------------------------------------------------------------------------------------------------

JUMPS = """def main():
    a = 1
    b = 2
    for i in range(3):
        a += i
        b *= 2
    c = a + b
    if c > 5:
        a = 0
    else:
        a = 9
    return a, b, c
"""


def really_jumped(text: str, line: int, visit: int, target: int) -> list[tuple[str, int, dict[str, str]]] | None:
    """Return the events after a jump that Python itself makes; None where it refuses."""
    seen: list[tuple[str, int, dict[str, str]]] = []
    state = {"visits": 0, "jumped": False, "refused": False}

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename != "<program>" or frame.f_code.co_name != "main":
            return None
        if state["jumped"]:
            seen.append((event, frame.f_lineno, {name: repr(value) for name, value in frame.f_locals.items()}))
        elif event == "line" and frame.f_lineno == line:
            state["visits"] += 1
            if state["visits"] == visit + 1:
                try:
                    frame.f_lineno = target  # type: ignore[misc]
                except ValueError:
                    state["refused"] = True
                state["jumped"] = True
        return trace

    names: dict[str, Any] = {}
    exec(compile(text, "<program>", "exec"), names)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        names["main"]()
    except Exception:
        pass
    finally:
        sys.settrace(before)
    return None if state["refused"] else seen


@pytest.mark.parametrize("line", range(2, 13))
@pytest.mark.parametrize("visit", (0, 1))
def test_a_jump_goes_on_as_python_goes_on(line: int, visit: int) -> None:
    frames = truth(JUMPS)
    visits = [i for i, frame in enumerate(frames) if frame.event is Event.LINE and frame.line == line]
    if visit >= len(visits):
        return
    n = visits[visit]
    for target in set(range(2, 13)) - {line, 10}:
        expected = really_jumped(JUMPS, line, visit, target)
        jumped = frames[n].replace(line=target, source=JUMPS.split("\n")[target - 1], origin=Origin.EDITED)
        with histories(JUMPS) as found:
            history = [*frames[:n], jumped]
            while isinstance(answer := found.next(history), Computed) and len(history) < 60:
                history.append(answer.frame)
        got = [(frame.event.value, frame.line, dict(frame.locals)) for frame in history[n + 1 :]]
        if expected is None:
            assert not got
            continue
        kept = [each for each in expected if each[0] != "return" or each[1:] == expected[-1][1:]]
        events = [(event, number) for event, number, _ in got]
        assert events == [(event, number) for event, number, _ in kept][: len(events)]
        assert got or "whether" in getattr(answer, "why", ""), (line, target)


# --- what the model or the user fills in --------------------------------------------------------------------------


def test_a_value_that_is_filled_in_is_a_real_value_from_there_on() -> None:
    text = (
        "import random\ndef main():\n    r = random.choice((1, 2, 3))\n    s = [r, r]\n    t = s[0] + 1\n    return t\n"
    )
    with histories(text) as found:
        history = [told(found.next([])).frame]
        history.append(told(found.next(history)).frame)
        hole = told(found.next(history))
        assert hole.unknown.keys() == {"r"}
        history.append(hole.frame.replace(locals={"r": "2"}))
        history, end = to_the_end(found, history)
    assert history[-1].value == "3"
    assert history[-1].locals == {"r": "2", "s": "[2, 2]", "t": "3"}
    assert end is not None
    assert end.ended


def test_another_text_stays_opaque_until_something_may_have_changed_it() -> None:
    text = "import random\ndef main():\n    r = random.choice((1,))\n    a = 1\n    b = r.go()\n    return a\n"
    with histories(text) as found:
        history = [told(found.next([])).frame]
        history.append(told(found.next(history)).frame)
        hole = told(found.next(history))
        history.append(hole.frame.replace(locals={"r": "Robot(speed=1)"}))
        after = told(found.next(history))
        assert after.frame.locals == {"r": "Robot(speed=1)", "a": "1"}
        history.append(after.frame)
        assert told(found.next(history)).unknown.keys() == {"r", "b"}


@pytest.mark.parametrize(("line", "value"), ((4, "'small'"), (6, "'large'")))
def test_a_branch_that_is_not_known_goes_where_the_history_goes(line: int, value: str) -> None:
    text = (
        "import random\ndef main():\n    if random.random() < 0.5:\n        x = 'small'\n    else:\n"
        "        x = 'large'\n    return x\n"
    )
    with histories(text) as found:
        start, end = to_the_end(found, [])
        assert end is not None
        assert end.why.startswith("a branch on an unknown")
        taken = start[-1].replace(line=line, source=text.split("\n")[line - 1])
        history, end = to_the_end(found, [*start, taken])
    assert history[-1].value == value
    assert end == NotTold("the program ended", ended=True)


def test_a_loop_over_an_unknown_goes_as_often_as_the_history_says() -> None:
    text = (
        "import random\ndef main():\n    n = 0\n    for x in random.choice(((1, 2),)):\n        n += x\n    return n\n"
    )
    with histories(text) as found:
        history, end = to_the_end(found, [])
        assert end is not None
        assert end.why.startswith("iteration over an unknown")
        for n, x in (("0", "5"), ("5", "7")):
            body = Frame(Event.LINE, "main", 5, "        n += x", {"n": n, "x": x})
            history.append(body)
            header = told(found.next(history))
            assert header.frame.line == 4
            history.append(header.frame)
        leaving = Frame(Event.LINE, "main", 6, "    return n", history[-1].locals)
        history, _ = to_the_end(found, [*history, leaving])
    assert history[-1].value == "12"


def test_a_return_that_was_guessed_passes_over_the_call() -> None:
    frames = truth(LOOP)
    call = next(i for i, frame in enumerate(frames) if frame.event is Event.CALL and frame.function == "double")
    leap = next(i for i, frame in enumerate(frames) if i > call and frame.event is Event.RETURN)
    with histories(LOOP) as found:
        for value, total in ((frames[leap].value, "12"), ("50", "62")):
            guessed = frames[leap].replace(value=value, origin=Origin.GUESSED)
            history, _ = to_the_end(found, [*frames[: call + 1], guessed])
            assert history[-1].value == f"({total}, ['a', 'b'])"


# --- entries in the middle ----------------------------------------------------------------------------------------


def is_literal(text: str) -> bool:
    try:
        return repr(ast.literal_eval(text)) == text
    except (ValueError, SyntaxError):
        return False


def is_plain(frame: Frame) -> bool:
    """Whether the texts of a frame tell all of its values: literals, and no two that may be one list."""
    changeable = [text for text in frame.locals.values() if text[0] in "[{"]
    return len(set(changeable)) == len(changeable) and all(map(is_literal, frame.locals.values()))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_is_told_wrong_of_a_trace_that_begins_in_the_middle(path: Path) -> None:
    text, function, line = golden(path)
    frames = real(text, path.name, function, line, MOST, 2.0).frames
    starts = [n for n, each in enumerate(frames) if each.event is Event.LINE and is_plain(each)]
    for n in random.Random(path.stem).sample(starts, min(4, len(starts))):
        depth = frames[n].depth
        moved = [frame.replace(depth=frame.depth - depth) for frame in frames[n : n + 30]]
        moved[0] = moved[0].replace(origin=Origin.GIVEN)
        with histories(text, start=moved[0]) as found:
            for k in range(1, len(moved)):
                if moved[k - 1].depth < 0 or moved[k].depth < 0:
                    break
                assert not wrong(found.next(moved[:k]), moved[k]), (n, k)
                if moved[k].depth == 0 and moved[k].event is Event.RETURN:
                    break


def test_entries_of_the_debugger_are_entered() -> None:
    program = Program.parse(LOOP, "loop.py")
    for entry, value in (
        (enter(program, call="double(21)"), "42"),
        (enter(program, at=3, state=["n=5"]), "10"),
        (enter(program, at=12, state=["total=1", "words=['z']"]), "(1, ['z', 'b'])"),
    ):
        assert entry.first is not None
        found = Histories.of(entry)
        try:
            history, end = to_the_end(found, [entry.first])
        finally:
            found.close()
        assert history[-1].value == value
        assert end == NotTold("the program ended", ended=True)


def test_what_imports_give_is_there_after_the_first_line_of_a_script() -> None:
    program = Program.parse("from math import pi\nfrom nowhere import rate\nx = 2\ny = pi * x\n", "pi.py")
    entry = enter(program)
    found = Histories.of(entry)
    try:
        frame = told(found.next([entry.first])).frame if entry.first else None
    finally:
        found.close()
    assert frame is not None
    assert frame.locals == {"pi": "3.141592653589793", "x": "2"}


def test_a_script_has_the_name_that_it_was_started_with() -> None:
    entry = enter(Program.parse("import sys\na = sys.argv\nb = 1\n", "here/p.py"), arguments=["-v"])
    with ComputedHistories(entry) as found:
        frame = told(found.next([entry.first])).frame if entry.first else None
    assert frame is not None
    assert frame.locals == {"a": "['here/p.py', '-v']"}


def test_a_start_that_the_model_invents_is_entered() -> None:
    text = LOOP.replace("def double(n):", "def double(n):  # << START_OF_TRACE")
    entry = enter(Program.parse(text, "loop.py"))
    assert entry.first is None
    found = Histories.of(entry)
    try:
        assert found.next([]) == NotTold("the first frame is not given")
        for n, value in (("4", "8"), ("'x'", "'xx'")):
            first = Frame(Event.CALL, "double", 1, "def double(n):", {"n": n})
            history, end = to_the_end(found, [first])
            assert history[-1].value == value
            assert end == NotTold("the program ended", ended=True)
    finally:
        found.close()


def test_what_a_frame_in_the_middle_does_not_give_is_not_invented() -> None:
    start = Frame(Event.LINE, "main", 13, "    return total, words", {"total": "1"}, origin=Origin.GIVEN)
    with histories(LOOP, start=start) as found:
        answer = found.next([start])
    assert answer == NotTold("whether words has a value")


# --- hostile histories --------------------------------------------------------------------------------------------

OTHER = Frame(Event.LINE, "other", 1, "x", {})
HOSTILE: dict[str, list[Frame]] = {
    "another function": [OTHER],
    "an impossible line": [Frame(Event.LINE, "main", 10**9, "", {})],
    "no line": [Frame(Event.LINE, "main", None, "", {})],
    "a negative line": [Frame(Event.LINE, "main", -5, "", {})],
    "a return at once": [Frame(Event.RETURN, "main", 5, "", {}, "1")],
    "a guessed return": [Frame(Event.RETURN, "main", 5, "", {}, "1", 0, Origin.GUESSED), OTHER],
    "a deep frame": [Frame(Event.CALL, "main", 5, "def main():", {}, None, 10**6)],
    "a huge text": [Frame(Event.CALL, "main", 5, "def main():", {"total": "[" * 10**6})],
    "a deep text": [Frame(Event.CALL, "main", 5, "def main():", {"total": "[" * 5000 + "]" * 5000})],
    "a long number": [Frame(Event.CALL, "main", 5, "def main():", {"total": "9" * 50_000})],
    "a text with a null": [Frame(Event.CALL, "main", 5, "def main():", {"total": "\0"})],
    "a variable that is none": [Frame(Event.CALL, "main", 5, "def main():", {"a b": "1"})],
    "code as a text": [Frame(Event.CALL, "main", 5, "def main():", {"i": "__import__('os').getpid()"})],
    "a text that is none": [Frame(Event.CALL, "main", 5, "def main():", {"total": 5})],  # type: ignore[dict-item]
    "a jump into a loop": [Frame(Event.LINE, "main", 8, "", {}, None, 0, Origin.EDITED)],
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_history_has_a_reason_and_raises_nothing(name: str) -> None:
    with histories(LOOP) as found:
        for more in ([], [OTHER], [OTHER] * 50):
            answer = found.next([*HOSTILE[name], *more])
            assert isinstance(answer, Computed) or answer.why
            assert "internal error" not in getattr(answer, "why", "")
        assert not difference(told(found.next([])), truth(LOOP)[0])


@pytest.mark.timeout(30)
def test_frames_of_other_programs_have_a_reason() -> None:
    chance = random.Random(1)
    others = [frame for text in traps()[:12] for frame in truth(text, 20)]
    with histories(LOOP) as found:
        own = truth(LOOP)
        for _ in range(60):
            n = chance.randrange(len(own))
            answer = found.next([*own[:n], *chance.choices(others, k=3)])
            assert isinstance(answer, Computed) or answer.why
        assert not difference(told(found.next(own[:5])), own[5])


@pytest.mark.parametrize(
    "start",
    (
        Frame(Event.LINE, "nowhere", 3, "", {}),
        Frame(Event.LINE, "main", 10**9, "", {}),
        Frame(Event.LINE, "main", None, "", {}),
        Frame(Event.RETURN, "main", 13, "", {}, "1"),
        Frame(Event.LINE, "main", 13, "", {"nothing": "1"}),
    ),
)
def test_an_impossible_start_has_a_reason(start: Frame) -> None:
    with histories(LOOP, start=start) as found:
        answer = found.next([start])
    assert isinstance(answer, NotTold)
    assert answer.why


def test_something_that_is_no_frame_has_a_reason() -> None:
    with histories(LOOP) as found:
        assert isinstance(found.next([None]), NotTold)  # type: ignore[list-item]


@pytest.mark.timeout(20)
def test_an_answer_that_takes_too_long_is_not_told() -> None:
    endless = "class A:\n    while True: pass\ndef main(): pass\n"
    with histories(endless, bounds=Bounds(operations=10**9), seconds=0.3) as found:
        assert found.next([]) == NotTold("no answer within 0.3 seconds")


@pytest.mark.parametrize(
    ("loop", "before", "after"),
    (
        ("range(5)", "2", ("3", "4")),
        ("range(n)", "3", ("4",)),
        ("range(n, 0, -2)", "3", ("1",)),
        ("range(len(word))", "1", ("2",)),
        ("word", "'b'", ("'c'",)),
        ("('x', 'y', 'z')", "'x'", ("'y'", "'z'")),
        ("range(5)", "4", ()),
    ),
)
def test_a_loop_that_is_open_where_a_trace_begins_goes_on(loop: str, before: str, after: tuple[str, ...]) -> None:
    text = f"def main(n, word):\n    for i in {loop}:\n        pass\n    return i\n"
    given = {"n": "5", "word": "'abc'", "i": before}
    start = Frame(Event.LINE, "main", 3, "        pass", given, origin=Origin.GIVEN)
    with histories(text, start=start) as found:
        history, end = to_the_end(found, [start])
    assert tuple(frame.locals["i"] for frame in history[1:] if frame.line == 3) == after
    assert history[-1].value == (after[-1] if after else before)
    assert end == NotTold("the program ended", ended=True)


@pytest.mark.parametrize(
    ("loop", "body"),
    (
        ("names", "pass"),
        ("range(n)", "n = n - 1"),
        ("range(n)", "i = 3"),
        ("'aba'", "pass"),
        ("range(n)", "def i(): pass"),
        ("sorted(word)", "pass"),
        ("range(2)", "pass"),
    ),
)
def test_a_loop_whose_place_is_not_certain_is_not_told(loop: str, body: str) -> None:
    text = f"def main(n, word, names):\n    for i in {loop}:\n        pass\n        {body}\n    return i\n"
    present = "'a'" if loop[0] in "'ns" else "2"
    given = {"n": "5", "word": "'abc'", "names": "['a', 'b']", "i": present}
    start = Frame(Event.LINE, "main", 3, "        pass", given, origin=Origin.GIVEN)
    with histories(text, start=start) as found:
        _, end = to_the_end(found, [start])
    assert end is not None
    assert end.why.startswith("iteration over an unknown")


FAILING = """import random
def main():
    log = []
    try:
        r = random.choice((1, 2))
        log.append('a')
        x = r.size
        log.append('b')
    except AttributeError as error:
        log.append(str(error))
    return log
"""


def test_an_exception_that_the_history_has_is_raised_by_the_operation_that_may_raise() -> None:
    with histories(FAILING) as found:
        history: list[Frame] = []
        while (answer := told(found.next(history))).frame.line != 8:
            history.append(answer.frame)
        assert answer.assuming
        line = history[-1]
        error = line.replace(event=Event.EXCEPTION, value="AttributeError('no size')")
        caught, end = to_the_end(found, [*history, error], holes=True)
        assert caught[-1].value == "['a', 'no size']"
        assert end == NotTold("the program ended", ended=True)
        assert told(found.next(history)).frame.line == 8
        went, _ = to_the_end(
            found, [*history, answer.frame.replace(locals={**answer.frame.locals, "x": "5"})], holes=True
        )
        assert went[-1].value == "['a', 'b']"
        other = line.replace(event=Event.EXCEPTION, value="Broken('it')")
        assert isinstance(found.next([*history, other]), NotTold)
