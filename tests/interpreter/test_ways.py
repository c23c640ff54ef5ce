"""Ways that rest on a guess: behind the line where they meet, only what is alike on all of them is computed."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from neuralpdb.interpreter.computing.histories import ComputedHistories
from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Known

MOST = 200
"""Frames of one way through a program."""


def gone(found: ComputedHistories, first: Frame, choose: random.Random) -> list[Frame]:
    """Go through a program: what is not known becomes an object, and ways are chosen by chance."""
    history = [first]
    while len(history) < MOST:
        answer = found.next(history)
        if isinstance(answer, NotTold) and answer.choices:
            line = choose.choice(answer.choices)
            event = Event.RETURN if line is None else Event.LINE
            last = next(frame for frame in reversed(history) if frame.event is not Event.RETURN)
            place = last.replace(event=event, line=line or last.line)
            answer = found.next(history, place)
        if not isinstance(answer, Computed):
            break
        frame = answer.frame
        holes = {name for name in answer.unknown if name}
        texts = {**frame.locals, **dict.fromkeys(holes, "<object>")}
        known = {**frame.known, **dict.fromkeys(answer.unknown, Known.PREDICTED)}
        value = "<object>" if "" in answer.unknown else frame.value
        history.append(frame.replace(locals=texts, value=value, known=known))
    return history


def ways(text: str, number: int) -> list[list[Frame]]:
    entry = enter(Program.parse(text, "program.py"))
    assert entry.first is not None
    with ComputedHistories(entry) as found:
        return [gone(found, entry.first, random.Random(seed)) for seed in range(number)]


def last_of(text: str) -> Frame:
    return ways(text, 1)[0][-1]


def computed(frame: Frame) -> set[str]:
    return {name for name in frame.locals if frame.how(name) in (Known.COMPUTED, Known.GIVEN)}


IF = """\
import robot
kind = 'plain'
xs = [1, 2]
ys = xs
other = [5]
if robot.ready():
    kind = 'wide'
    xs.append(3)
after = len(other) + 1
label = kind + '!'
n = len(ys)
end = after
"""


def test_behind_a_branch_only_what_it_may_touch_rests_on_the_guess() -> None:
    frame = last_of(IF)
    assert computed(frame) == {"other", "after"}
    assert {name for name in frame.locals if frame.how(name) is Known.DERIVED} == {"kind", "xs", "ys", "label", "n"}


def test_behind_a_loop_over_something_unknown_its_own_variables_rest_on_the_guess() -> None:
    text = (
        "import robot\ntotal = 0\nother = 1\nfor each in robot.all():\n    total += 1\nafter = other + 1\nend = after\n"
    )
    for history in ways(text, 4):
        assert computed(history[-1]) == {"other", "after"}


@pytest.mark.parametrize(
    "inside",
    [
        "box.n = 2",
        "change(xs)",
        "global_change()",
        "import sys",
        "del xs",
        "xs = [each for each in xs]",
        "box.grow()",
        "(lambda: xs.append(1))()",
    ],
)
def test_where_a_way_may_do_more_than_bind_variables_nothing_behind_it_is_computed(inside: str) -> None:
    text = (
        "import robot\nclass Box:\n    n = 1\n    def grow(self):\n        self.n += 1\n"
        "def change(xs):\n    xs.append(1)\ndef global_change():\n    global other\n    other = 2\n"
        f"box = Box()\nxs = [1]\nother = 1\nif robot.ready():\n    {inside}\nafter = 1\nend = after\n"
    )
    for history in ways(text, 3):
        assert "after" not in computed(history[-1])
        assert computed(history[-1]) == set()


def statements(chance: random.Random, depth: int, indent: str = "") -> Iterator[str]:
    """Yield lines of a program of branches, loops, aliases and changes in place."""
    for _ in range(chance.randint(1, 4)):
        a, b = chance.sample("abcde", 2)
        kind = chance.randint(0, 11 if depth else 7)
        if kind < 2:
            yield f"{indent}{a} = [{chance.randint(0, 9)}]"
        elif kind == 2:
            yield f"{indent}{a} = {b}"
        elif kind == 3:
            yield f"{indent}{a} = {b} + [1]"
        elif kind == 4:
            yield f"{indent}{a}.append({chance.randint(0, 9)})"
        elif kind == 5:
            yield f"{indent}{a} += [2]"
        elif kind == 6:
            yield f"{indent}{a} = [len({b})]"
        elif kind == 7:
            yield f"{indent}{a} = [{b}, 1]"
        elif kind < 10:
            yield f"{indent}if world.ready({a}):"
            yield from statements(chance, depth - 1, indent + "    ")
            if chance.random() < 0.5:
                yield f"{indent}else:"
                yield from statements(chance, depth - 1, indent + "    ")
        elif kind == 10:
            yield f"{indent}for each in range(2):"
            yield from statements(chance, depth - 1, indent + "    ")
            if chance.random() < 0.5:
                yield f"{indent}    if world.stop(): break"
        else:
            yield f"{indent}for item in world.items():"
            yield from statements(chance, depth - 1, indent + "    ")


def random_program(seed: int) -> str:
    chance = random.Random(seed)
    lines = ["import world", *(f"{name} = [{i}]" for i, name in enumerate("abcde"))]
    for _ in range(4):
        lines += statements(chance, 2)
    return "\n".join([*lines, "end = 1", "end = 2", ""])


def unlike(text: str) -> str:
    """Return what is computed at the end of some way through a program, and otherwise on another; empty: nothing."""
    ends = [history[-1] for history in ways(text, 5) if history[-1].source == "end = 2"]
    for frame in ends:
        for name in computed(frame):
            others = {other.locals.get(name) for other in ends}
            if others != {frame.locals[name]}:
                return f"{name} is computed as {frame.locals[name]}, and may be {others}"
    return ""


@pytest.mark.parametrize("seed", range(12))
def test_what_is_computed_is_alike_on_all_ways(seed: int) -> None:
    text = random_program(seed)
    assert not unlike(text), text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_what_is_computed_is_alike_on_all_ways_of_many_programs(seed: int) -> None:
    text = random_program(seed)
    assert not unlike(text), text
