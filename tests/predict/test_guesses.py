"""Which frame is likely next: right where Python's own rules tell it, possible everywhere, and never much work."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.interpreter.history import Histories
from neuralpdb.interpreter.replay.following import NotTold
from neuralpdb.predict.computed.telling import Alongside
from neuralpdb.predict.drafts import Draft
from neuralpdb.predict.guesses import Guess, guesses
from neuralpdb.program.entry import Entry
from neuralpdb.program.flow import Code
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import moves_after
from neuralpdb.trace.frames import Event, Frame
from neuralpdb.trace.stack import Stack, advance, stack_of
from neuralpdb.train.programs.generate import generate, generate_script

HANDWRITTEN = sorted((ROOT / "tests" / "programs").glob("*.py"))


def first_guesses(entry: Entry) -> Iterator[tuple[Frame, Guess | None]]:
    """Every frame of the true trace but the first, with the likeliest guess before it."""
    frames = recorded(entry).frames
    stack: Stack = ()
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        for i, frame in enumerate(frames[1:], 1):
            stack = advance(stack, frames[i - 1])
            moves = moves_after(entry.program, stack, frames[i - 1], floor=frames[0].depth)
            found = guesses(entry.program, stack, frames[:i], moves, alongside.next(frames[:i]))
            yield frame, found[0] if found else None


def missed(text: str) -> list[tuple[Event, str]]:
    """The frames of a script that the likeliest guess does not tell to the last character."""
    return [
        (frame.event, frame.source.strip())
        for frame, guess in first_guesses(entry_of(text))
        if guess is None or not _tells(guess, frame)
    ]


def _tells(guess: Guess, frame: Frame) -> bool:
    if (guess.event, guess.source) != (frame.event, frame.source):
        return False
    if frame.event in (Event.RETURN, Event.EXCEPTION):
        return guess.value == frame.value
    return guess.shown.keys() == frame.locals.keys() and all(
        text in ("..", frame.locals[name]) for name, text in guess.shown.items()
    )


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\ny = x + 1\nx = [x, y]\nx.append(3)\nprint(x)\n",
        "z = 0\nfor i, (a, *b) in enumerate([(1, 2, 3)]):\n    x = a\ny = 2\n",
        "n = 3\nwhile n:\n    n -= 1\n    if n == 1:\n        continue\n    m = n\nx = 1\n",
        "def f(a, b=2, *c, d=4, **e):\n    return a + b\nx = f(1)\ny = f(1, 3, 4, d=5, k=6)\n",
        "def f(n):\n    if n < 2:\n        return n\n    return f(n - 1) + f(n - 2)\nx = f(4)\n",
        "def f(v):\n    v.append(1)\n    w = 0\n    return w\na = []\nx = f(a)\nb = a\n",
        "x = sum(i for i in [1, 2, 3])\n",
        "x = ['bb', 'a']\ny = sorted(x, key=lambda w: len(w))\nz = max(x, key=lambda w: len(w))\n",
        "def g(n):\n    yield n\n    yield n + 1\nfor i in g(1):\n    x = i\n",
        "def f(n):\n    return [n]\nfor i in f(3):\n    x = i\ny = 1\n",
        "class C:\n    def __init__(self):\n        pass\n    def m(self):\n        return 4\nc = C()\nx = c.m()\n",
        "try:\n    a, b = [1]\nexcept ValueError as e:\n    y = 1\n",
        "x = 1 if [] else 2; y = x\nz = y\n",
        "x = (\n    1 +\n    2\n)\ny = x\n",
    ],
)
def test_what_can_be_told_is_told_to_the_last_character(text: str) -> None:
    assert missed(text) == []


def test_a_local_that_is_not_known_is_guessed_to_be_as_it_was() -> None:
    entry = entry_of("import time\nnow = time.time()\nx = 1\ny = 2\n")
    texts = [{}, {"now": "17.5"}, {"now": "17.5", "x": "1"}]
    frames = [Frame(Event.LINE, "<module>", n, entry.program.line(n), state) for n, state in enumerate(texts, 2)]
    shown = []
    with closing(Alongside(lambda: Histories.of(entry))) as alongside:
        assert entry.first is not None
        history = [entry.first, *frames]
        for length in (2, 3):
            stack = stack_of(history[:length])
            moves = moves_after(entry.program, stack, history[length - 1])
            told = alongside.next(history[:length])
            shown.append(guesses(entry.program, stack, history[:length], moves, told)[0].shown)
    assert shown == [{"now": None}, {"now": "..", "x": "1"}]


# -- nothing is told --------------------------------------------------------------------------------------------------

BRANCH = "n = 1\nif n:\n    a = 1\nelse:\n    b = 2\nc = 3\n"


def sources(answer: NotTold | None) -> list[str]:
    """The lines of the guesses at an `if`."""
    program = Program.parse(BRANCH, "p.py")
    history = [Frame(Event.LINE, "<module>", 2, "if n:", {"n": "1"})]
    moves = moves_after(program, stack_of(history), history[-1])
    return [each.source for each in guesses(program, stack_of(history), history, moves, answer)]


def test_where_nothing_is_told_all_that_can_follow_is_guessed_with_its_effects_left_out() -> None:
    assert sources(None) == ["    a = 1", "    b = 2", "if n:"]
    assert sources(NotTold("the history goes another way")) == sources(None)


def test_where_only_the_way_is_not_known_the_ways_are_guessed_first() -> None:
    assert sources(NotTold("n is not known", choices=(5,)))[0] == "    b = 2"


def test_the_end_is_guessed_where_the_program_has_ended() -> None:
    program = Program.parse("n = 1\n", "p.py")
    history = [Frame(Event.LINE, "<module>", 1, "n = 1")]
    moves = moves_after(program, stack_of(history), history[-1])
    found = guesses(program, stack_of(history), history, moves, NotTold("the program ended", ended=True))
    assert found[0] == Guess(None)


# -- whatever the state -----------------------------------------------------------------------------------------------

TEXTS = ("1", "''", "'abc'", "[1, 2, 3]", "{'a': 1}", "None", "<__main__.C object>", "<unrepresentable>", "[1, 2")


def states(program: Program, rng: random.Random) -> Iterator[list[Frame]]:
    """Histories that end at each line of a program, with any values, after any calls, ended or not."""

    def frame(event: Event, depth: int, code: Code, line: int) -> Frame:
        names = [name for name in (*code.variables, *sorted(program.globals)[:9], "x") if rng.random() < 0.7]
        value = rng.choice(TEXTS) if event in (Event.RETURN, Event.EXCEPTION) else None
        state = {name: rng.choice(TEXTS) for name in names}
        return Frame(event, code.name, line, program.line(line), state, depth=depth, value=value)

    for code in program.codes:
        for line in sorted(code.lines)[:60]:
            history = [] if code.is_module else [frame(Event.CALL, 0, code, code.first_line)]
            history.append(frame(Event.LINE, 0, code, line))
            for _ in range(rng.randrange(3)):
                callee = rng.choice(program.codes)
                history += [frame(Event.CALL, 1, callee, callee.first_line)]
                history += [frame(Event.LINE, 1, callee, rng.choice(sorted(callee.lines) or [1]))]
                history += [frame(Event.RETURN, 1, callee, history[-1].line or 1)] if rng.random() < 0.8 else []
            if rng.random() < 0.3:
                history.append(frame(rng.choice(list(Event)), history[-1].depth, code, line))
            yield history


def holds_for_any_state(text: str, seed: int) -> int:
    """How many states of a program were guessed from; every guess is a frame that can follow, or the end."""
    program = Program.parse(text, "p.py")
    done = 0
    for history in states(program, random.Random(seed)):
        stack = stack_of(history)
        moves = moves_after(program, stack, history[-1])
        found = guesses(program, stack, history, moves)
        for guess in found:
            assert moves.at(program, guess.event, guess.source) if guess.event is not None else moves.ends
        Draft(found)(())
        done += 1
    return done


@pytest.mark.parametrize("path", HANDWRITTEN, ids=lambda path: path.stem)
def test_any_state_of_a_program_by_hand_gives_guesses_that_can_follow(path: Path) -> None:
    assert holds_for_any_state(path.read_text(), seed=1)


def test_any_state_of_synthetic_programs_gives_guesses_that_can_follow() -> None:
    rng = random.Random(5)
    made = [generate_script(rng) if i % 3 == 0 else generate(rng) for i in range(40)]
    assert sum(holds_for_any_state(each.source, seed=i) for i, each in enumerate(made)) > 300


# -- never much work --------------------------------------------------------------------------------------------------


class Counted(Sequence[Frame]):
    """A history that counts how often a frame of it is asked for."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.asked = 0

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        self.asked += 1
        return self.frames[index]


def test_however_long_the_history_a_step_looks_at_its_end_only() -> None:
    entry = entry_of("def f(n):\n    return n\ntotal = 0\nfor i in range(900):\n    total = total + f(i)\n")
    frames = recorded(entry).frames[:2000]
    history = Counted(frames)
    stack = stack_of(frames)
    guesses(entry.program, stack, history, moves_after(entry.program, stack, frames[-1]))
    assert history.asked <= 2
