"""Programs that never end are told so, and none is that ends or that goes on otherwise."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.interpretation import Bounds, Computed, End, Outcome, interpret
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, Known, Origin

ENDLESS = {
    "nothing happens": """
        while True:
            pass
    """,
    "a value flips": """
        x = 1
        while x < 2:
            x = 1 - x
    """,
    "a period that is no power of two": """
        x = 0
        while True:
            x = (x + 1) % 7
            pair = [x, {"x": x}]
    """,
    "a new object each time": """
        class Point:
            def __init__(self, x):
                self.x = x
        p = Point(1)
        while p.x < 5:
            q = p
            p = Point(q.x)
    """,
    "a search that stands still": """
        def find(numbers, wanted):
            low, high = 0, len(numbers)
            while low < high:
                middle = (low + high) // 2
                if numbers[middle] < wanted:
                    low = middle
                else:
                    high = middle
            return low
        find([1, 2, 3, 4], 3)
    """,
    "inner loops that end": """
        while True:
            for i in range(3):
                for key, value in {"a": 1}.items():
                    x = i
    """,
    "a generator that stands still": """
        def ones():
            while True:
                yield 1
        numbers = ones()
        while True:
            x = next(numbers)
    """,
    "a rotation": """
        from collections import deque
        queue = deque([1, 2, 3])
        while queue:
            queue.append(queue.popleft())
    """,
    "time passes, and the program does not see it": """
        import time
        while True:
            time.sleep(1)
    """,
    "an exception each time": """
        x = 1
        while True:
            try:
                x = x // 0
            except ZeroDivisionError:
                pass
    """,
    "a data class": """
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
        p = Point(1)
        while p.x:
            p = Point(p.x)
    """,
}
OTHERS = {
    "a counter": """
        n = 0
        while True:
            n += 1
    """,
    "a counter in an object": """
        class Hidden:
            def __init__(self):
                self.n = 0
            def __repr__(self):
                return "Hidden()"
        hidden = Hidden()
        while hidden.n < 1000:
            hidden.n += 1
    """,
    "a counter in a slot": """
        class Hidden:
            __slots__ = ("n",)
            def __repr__(self):
                return "Hidden()"
        hidden = Hidden()
        hidden.n = 0
        while hidden.n < 1000:
            hidden.n += 1
    """,
    "a counter in a class": """
        class Hidden:
            n = 0
        while Hidden.n < 1000:
            Hidden.n += 1
    """,
    "a counter in a closure": """
        def make():
            n = 0
            def step():
                nonlocal n
                n += 1
                return n < 1000
            return step
        step = make()
        while step():
            pass
    """,
    "a counter in a default": """
        def step(n=[0]):
            n[0] += 1
            return n[0] < 1000
        while step():
            pass
    """,
    "a counter in an attribute of a function": """
        def step():
            step.n += 1
            return step.n < 1000
        step.n = 0
        while step():
            pass
    """,
    "a counter in a module": """
        import string
        string.n = 0
        while string.n < 1000:
            string.n += 1
    """,
    "a counter in a global that the frame does not show": """
        n = 0
        def main():
            global n
            while n < 1000:
                n += 1
        main()
    """,
    "a counter in a generator": """
        def count():
            for n in range(1000):
                yield "more"
        for text in count():
            pass
    """,
    "a counter in a generator that is asked": """
        def count():
            for n in range(1000):
                yield "more"
        numbers = count()
        while next(numbers, None):
            pass
    """,
    "a counter in an iterator": """
        numbers = iter([1] * 1000)
        for number in numbers:
            pass
    """,
    "a counter in an iterator over a dict": """
        for value in dict.fromkeys(range(1000), 1).values():
            value = 0
    """,
    "a counter in itertools": """
        import itertools
        numbers = itertools.count()
        while next(numbers) < 1000:
            pass
    """,
    "a counter in zip and enumerate": """
        for (_, text), text in zip(enumerate("a" * 1000), "a" * 1000):
            _ = 0
    """,
    "a counter in a bound method": """
        numbers = [0] * 1000
        pop = numbers.pop
        del numbers
        while True:
            x = pop()
    """,
    "a counter in a method of a generator": """
        def count():
            for n in range(1000):
                yield "more"
        step = count().__next__
        while step():
            pass
    """,
    "a counter in a cache": """
        from functools import lru_cache
        @lru_cache(maxsize=None)
        def same(x):
            return x
        while same.cache_info().hits < 1000:
            same(1)
    """,
    "a counter in a partial function": """
        from functools import partial
        step = partial(([0] * 1000).pop)
        while True:
            x = step()
    """,
    "a counter in an argument of partial": """
        from functools import partial
        def step(box):
            box[0] += 1
            return box[0] < 1000
        again = partial(step, [0])
        while again():
            pass
    """,
    "a counter in a metaclass": """
        class Meta(type):
            n = 0
        class Hidden(metaclass=Meta):
            pass
        while Meta.n < 1000:
            Meta.n += 1
    """,
    "a list that grows in an object": """
        class Hidden:
            def __init__(self):
                self.items = []
            def __repr__(self):
                return "Hidden()"
        hidden = Hidden()
        while len(hidden.items) < 1000:
            hidden.items.append(None)
    """,
    "classes that grow in number": """
        class Base:
            pass
        while len(Base.__subclasses__()) < 300:
            class Below(Base):
                pass
    """,
    "the order of a set": """
        numbers = {8, 1}
        n = 0
        while n < 1000:
            numbers.add(16)
            numbers.discard(16)
            x = list(numbers)[0]
    """,
    "chance with a seed": """
        import random
        chance = random.Random(1)
        while chance.random() < 0.999:
            pass
    """,
    "chance of the module": """
        import random
        random.seed(1)
        while random.random() < 0.999:
            pass
    """,
    "chance": """
        import random
        while random.random() < 0.999:
            pass
    """,
    "the clock": """
        import time
        while time.time() < 9e9:
            pass
    """,
    "input": """
        while input() != "q":
            pass
    """,
    "a file": """
        import io
        lines = io.StringIO("a\\n" * 1000)
        while lines.readline():
            pass
    """,
    "a large number": """
        x = 1.0
        while x != x + 1:
            x = x * 2
            y = x > 0
            del y
    """,
    "zeros that are not the same": """
        class Hidden:
            def __init__(self):
                self.zero = 0.0
            def __repr__(self):
                return "Hidden()"
        hidden = Hidden()
        n = 0
        while n < 100:
            hidden.zero = -hidden.zero
            n += 1
    """,
    "a depth": """
        def down():
            down()
        down()
    """,
    "no loop": """
        x = 1
        y = x
    """,
}


def _outcome(source: str) -> Outcome:
    text = dedent(source).lstrip("\n") + "\n"
    bounds = Bounds(frames=6000, endless=True)
    return interpret(text, filename="<program>", entry_function=None, entry_line=_entry_line(text), bounds=bounds)[1]


def _entry_line(text: str) -> int:
    lines = text.split("\n")
    plain = (n for n, line in enumerate(lines, 1) if line[:1].strip() and not line.startswith(_DEFINING))
    return next(plain)


_DEFINING = ("class", "def", "import", "from", "@")


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_program_that_never_ends_is_told_so(source: str) -> None:
    outcome = _outcome(source)
    assert outcome.end is End.ENDLESS
    assert "never ends" in outcome.reason


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_a_program_that_goes_on_otherwise_is_not_told_to_be_endless(source: str) -> None:
    assert _outcome(source).end is not End.ENDLESS


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_what_is_told_to_come_again_does(source: str) -> None:
    text = dedent(source).lstrip("\n") + "\n"
    reason = _outcome(source).reason
    now, before = (int(number.replace(",", "")) for number in re.findall(r"step ([\d,]+)", reason))
    bounds = Bounds(frames=now + 3 * (now - before))
    frames, _ = interpret(text, filename="<program>", entry_function=None, entry_line=_entry_line(text), bounds=bounds)
    period = now - before
    assert all(frames[n].frame == frames[n - period].frame for n in range(now, len(frames)))


def test_nothing_is_looked_for_unless_it_is_asked() -> None:
    outcome = interpret(
        "while True:\n    pass\n", filename="<program>", entry_function=None, bounds=Bounds(frames=100)
    )[1]
    assert outcome.end is End.ENOUGH


def _session(source: str, edits: dict[int, dict[str, str]] | None = None) -> tuple[list[Frame], NotTold | None]:
    """Return what a session shows of a program, and its end if it has one; edits: step -> locals that the user sets."""
    entry = enter(Program.parse(dedent(source), "p.py"))
    assert entry.first is not None
    history, answer = [entry.first], None
    found = Histories.of(entry, bounds=Bounds(endless=True))
    try:
        while len(history) < 1000 and not isinstance(answer, NotTold):
            answer = found.next(history)
            if isinstance(answer, Computed):
                changed = (edits or {}).get(len(history))
                frame = answer.frame
                if changed:
                    frame = frame.replace(locals={**frame.locals, **changed}, origin=Origin.EDITED)
                history.append(frame)
    finally:
        found.close()
    return history, answer if isinstance(answer, NotTold) else None


_SOON = {name: source for name, source in ENDLESS.items() if name != "a data class"}
"""Those that are told within a thousand frames: there must be frames that pay for a look into a large state."""


@pytest.mark.parametrize("source", _SOON.values(), ids=_SOON)
def test_a_session_is_told_where_a_program_never_ends(source: str) -> None:
    history, end = _session(source)
    assert end is not None
    assert end.endless
    assert not end.ended
    later, earlier = (int(number.replace(",", "")) for number in re.findall(r"step ([\d,]+)", end.why))
    assert later == len(history) - 1
    assert (history[later].place, history[later].locals) == (history[earlier].place, history[earlier].locals)


def test_what_the_user_changes_on_the_way_is_no_repetition() -> None:
    text = "n = 3\nwhile n > 0:\n    n = n\n"
    _, untouched = _session(text)
    assert untouched is not None
    assert untouched.endless
    step = 33  # behind the state that is compared with
    history, end = _session(text, {step: {"n": "4"}, step + 1: {"n": "3"}})
    assert end is not None
    assert end.endless
    assert len(history) > step + 2
    _, end = _session(text, {20: {"n": "0"}})
    assert end == NotTold("the program ended", ended=True)


def test_a_loop_that_rests_on_a_guess_is_not_told_to_be_endless() -> None:
    entry = enter(Program.parse("n = int(input())\nwhile n != 0:\n    n = n * 1\n", "p.py"))
    assert entry.first is not None
    history = [entry.first]
    found = Histories.of(entry, bounds=Bounds(endless=True))
    try:
        answer = found.next(history)
        assert isinstance(answer, Computed)
        history.append(answer.frame.replace(locals={"n": "7"}, known={"n": Known.PREDICTED}))
        while len(history) < 300:
            answer = found.next(history)
            assert isinstance(answer, Computed)
            history.append(answer.frame)
    finally:
        found.close()
