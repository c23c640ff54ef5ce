"""Where no run comes by a history, the last frame's texts are evaluated; and copies end within their limits."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from moments import histories, history_to, to_the_end

from neuralpdb.interpreter.history import Histories, NotTold
from neuralpdb.interpreter.replay.copying import Allowance, NoCopy, in_copy
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Known, Origin

ROBOT = """import robot_arm
import math
from dataclasses import dataclass
SPEED = 3
NAMES = ['a', 'b']
STEPS = 0
@dataclass
class Point:
    x: int
    y: int = 0
    def norm(self):
        return math.hypot(self.x, self.y)
def scale(values, by=SPEED):
    return [value * by for value in values]
def count():
    global STEPS
    STEPS += 1
def main(n):
    arm = robot_arm.connect(n)
    if arm.ready():
        path = arm.path()
        total = 0
        for p in path:
            total += p
        return total
    return None
"""


def written(line: int, function: str = "main", depth: int = 0, **texts: str) -> Frame:
    """Return a frame that a model wrote."""
    return Frame(Event.LINE, function, line, ROBOT.split("\n")[line - 1], texts, depth=depth)


def untold(found: Histories, *frames: Frame) -> list[Frame]:
    """Return a history whose end no run comes by."""
    start = Frame(Event.CALL, "main", 18, "def main(n):", {"n": "4"}, origin=Origin.GIVEN)
    history = [start, *frames]
    assert isinstance(found.next(history), NotTold)
    return history


def robot() -> Any:
    start = Frame(Event.CALL, "main", 18, "def main(n):", {"n": "4"}, origin=Origin.GIVEN)
    return histories(ROBOT, None, start=start)


FRAMES = (written(19, n="4"), written(24, n="4", arm="<Arm 7>", path="[1, 2.5, [3]]", total="10", p="2.5"))


@pytest.mark.parametrize(
    ("expression", "text"),
    (
        ("n", "4"),
        ("total + p", "12.5"),
        ("path[2][0]", "3"),
        ("[x for x in path if x != p]", "[1, [3]]"),
        ("scale([1, n])", "[3, 12]"),
        ("Point(3, n).norm()", "5.0"),
        ("Point(n)", "Point(x=4, y=0)"),
        ("(lambda k: k + total)(1)", "11"),
        ("math.floor(p)", "2"),
        ("SPEED", "3"),
        ("arm", "<Arm 7>"),
        ("f'{total:>4}'", "'  10'"),
        ("arm is None", None),
        ("arm.speed", None),
        ("[arm]", None),
        ("NAMES", None),
        ("STEPS", None),
    ),
)
def test_the_texts_of_the_last_frame_are_evaluated(expression: str, text: str | None) -> None:
    with robot() as found:
        answer = found.evaluate(untold(found, *FRAMES), expression)
    assert answer.text == text
    assert answer.from_texts
    assert answer.why or text is not None


def test_errors_and_the_world_are_told_over_texts_too() -> None:
    with robot() as found:
        history = untold(found, *FRAMES)
        assert found.evaluate(history, "nope").error == "NameError: name 'nope' is not defined"
        assert found.evaluate(history, "total / 0").error == "ZeroDivisionError: division by zero"
        assert "Arm 7" in found.evaluate(history, "arm.speed").why
        assert "NAMES may have been changed since" in found.evaluate(history, "len(NAMES)").why
        assert "open" in found.evaluate(history, "open('x')").why
        assert found.evaluate(history, "total > 5 and p").truth is True


def test_another_call_is_asked_by_the_texts_of_its_last_frame() -> None:
    with robot() as found:
        history = untold(found, *FRAMES, written(14, "scale", 1, values="[9]", by="2"))
        assert found.evaluate(history, "values * by").text == "[9, 9]"
        assert found.evaluate(history, "total, n", 0).text == "(10, 4)"
        same_name = untold(found, *FRAMES, written(14, "scale", 1, values="[9]", by="2", n="'inner'"))
        assert [found.evaluate(same_name, "n", depth).text for depth in (None, 0, 1)] == ["'inner'", "4", "'inner'"]
        assert found.evaluate(history, "values", 0).error == "NameError: name 'values' is not defined"
        assert found.evaluate(history, "n", 5).why == "there is no call at depth 5"


def test_statements_change_the_texts() -> None:
    with robot() as found:
        history = untold(found, *FRAMES)
        answer = found.execute(history, "total += n; path.append(total)")
        assert answer.frame is not None
        assert answer.from_texts
        assert dict(answer.frame.locals) == {**FRAMES[-1].locals, "total": "14", "path": "[1, 2.5, [3], 14]"}
        assert {name for name in answer.frame.locals if answer.frame.how(name) is Known.EDITED} == {"total", "path"}
        assert answer.frame.how("arm") is Known.PREDICTED
        assert found.execute(history, "n = arm.speed").frame is None
        edited = [*history[:-1], answer.frame]
        assert found.evaluate(edited, "total, path[-1]").text == "(14, 14)"
        more = found.execute(edited, "total = 0")
        assert more.frame is not None
        assert more.frame.statement == "total += n; path.append(total)\ntotal = 0"


def test_parts_of_texts_open() -> None:
    with robot() as found:
        history = untold(found, *FRAMES)
        items = found.children(history, "path").items
        assert [(each.label, each.text, each.has_children) for each in items] == [
            ("0", "1", False),
            ("1", "2.5", False),
            ("2", "[3]", True),
        ]
        assert "Arm 7" in found.children(history, "arm").why


def test_an_entry_in_the_middle_is_asked_there() -> None:
    program = Program.parse("def double(n):\n    k = n * 2\n    return k\n", "d.py")
    entry = enter(program, at=3, state=["n=5", "k=[1]"])
    assert entry.first is not None
    found = Histories.of(entry)
    try:
        assert found.evaluate([entry.first], "k * n").text == "[1, 1, 1, 1, 1]"
        assert not found.evaluate([entry.first], "double(n)").from_texts
        edited = found.execute([entry.first], "k.append(n)").frame
        assert edited is not None
        assert to_the_end(found, [edited])[0][-1].value == "[1, 5]"
    finally:
        found.close()


HOSTILE: tuple[list[Any], ...] = (
    [],
    [None],
    [Frame(Event.LINE, "nowhere", 10**9, "", {"x": "1"})],
    [Frame(Event.RETURN, "main", None, "", {"x": "["}, "1")],
    [Frame(Event.LINE, "<module>", -3, "", {"x": "9" * 5000})],
    [Frame(Event.LINE, "main", 5, "", {"a b": "1", "x": "\0"})],
    [Frame(Event.LINE, "main", 5, "", {"x": 5})],  # type: ignore[dict-item]
    [Frame(Event.CALL, "main", 5, "", {"x": "__import__('os').getpid()"}, depth=10**6)],
)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_history_has_a_reason_or_its_texts(number: int) -> None:
    with histories("def main():\n    x = 1\n    return x\n") as found:
        for ask in (found.evaluate, found.execute, found.children):
            answer = ask(HOSTILE[number], "x")
            assert "internal error" not in answer.why
        assert found.evaluate(history_to(found, 3), "x").text == "1"


HOSTILE_CODE = (
    "",
    " ",
    "\0",
    "x" * 200_000,
    "x\n",
    "\n\nx",
    "\ud800",
    "(" * 300,
    "x;",
    "lambda: (yield)",
    "__debug__ = 1",
)


@pytest.mark.parametrize("code", HOSTILE_CODE, ids=lambda code: ascii(code[:20]))
def test_hostile_code_has_an_error_or_a_reason(code: str) -> None:
    with histories("def main():\n    x = 1\n    return x\n") as found:
        history = history_to(found, 3)
        for ask in (found.evaluate, found.execute, found.children):
            answer = ask(history, code)
            assert "internal error" not in answer.why
            assert answer.error or answer.why or not code.strip() or "x" in code or "lambda" in code
        assert found.evaluate(history, "x").text == "1"


# --- copies -------------------------------------------------------------------------------------------------------


def test_a_copy_gives_its_answer_and_changes_nothing() -> None:
    held = [1]
    assert in_copy(lambda: {"held": held.append(2) or held}, Allowance()) == {"held": [1, 2]}  # type: ignore[func-returns-value]
    assert held == [1]


def test_a_copy_ends_within_its_limits() -> None:
    def endless() -> dict[str, Any]:
        while True:
            pass

    began = time.monotonic()
    assert in_copy(endless, Allowance(seconds=0.2)) == {"why": "no answer within 0.2 seconds"}
    assert time.monotonic() - began < 2
    large = in_copy(lambda: {"length": len(bytearray(2**30))}, Allowance(memory_mib=64))
    assert large == {"why": "the limit of 64 MiB of memory is reached"}
    assert in_copy(lambda: {"text": "x" * 5_000_000}, Allowance()) == {"why": "the answer is longer than 4 MiB"}
    assert in_copy(lambda: signal.raise_signal(signal.SIGUSR1), Allowance()) == {"why": "its process died: SIGUSR1"}  # type: ignore[arg-type, return-value]
    assert in_copy(lambda: os._exit(3), Allowance()) == {"why": "its process died: without an answer"}


def test_a_copy_can_start_nothing_and_write_no_file(tmp_path: Path) -> None:
    def limits() -> dict[str, Any]:
        names = ("RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE")
        return {name: resource.getrlimit(getattr(resource, name))[0] for name in names}

    assert set(in_copy(limits, Allowance()).values()) == {0}


def test_no_copy_is_left_behind() -> None:
    def children() -> set[str]:
        return {*Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()}

    before = children()
    for seconds in (0.05, 1.0):
        in_copy(lambda: {"slept": time.sleep(0.3)}, Allowance(seconds=seconds))  # type: ignore[func-returns-value]
    assert children() <= before


def test_without_copies_plain_data_is_told_and_the_rest_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(NoCopy):
        in_copy(dict, Allowance())
    with histories("def main():\n    x = [1]\n    return x\n") as found:
        history = history_to(found, 3)
        assert found.evaluate(history, "x[0] + 1").text == "2"
        assert "Resource temporarily unavailable" in found.evaluate(history, "x + x").why
        frame = history[-1].replace(locals={"x": "[1, 2]"}, origin=Origin.EDITED, statement="x.append(2)")
        assert to_the_end(found, [*history[:-1], frame])[0][-1].value == "[1, 2]"
