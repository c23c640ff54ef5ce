"""Ten thousand random commands at the prompt: nothing raises, the history stays whole, the ways back are exact."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from frame_sources import SUMS as SUMS_TEXT
from frame_sources import Counted, Sums, Unfolding, Wandering, entry_of, recorded
from prompts import FUZZED, WRITING, assert_tame
from rich.console import Console

import neuralpdb.frontends.repl.commands  # noqa: F401 - fills the command table
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import StopKind
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import EDIT, Quit, commands, find, names
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import FrameSource
from neuralpdb.trace.stack import stack_of

pytestmark = pytest.mark.slow

COMMANDS = 10_000
SESSIONS = 50
TEXTS = [
    SUMS_TEXT,
    FUZZED,
    """\
class C:
    def __init__(self, a):
        self.a = a

    def m(self, n):
        return self.m(n - 1) + self.a if n else 0


a = C(2)
b = a.m(3)
c = {b: [a.m(1)]}
""",
]
NUMBERS = ["", "", "", "1", "2", "3", "5", "0", "-1", "99", "9" * 30, "1 2", "1 2 x", "٣"]
EXPRESSIONS = [
    "a",
    "n > 1",
    "total",
    "len(a)",
    "x == 1",
    "n",
    "(",
    "a,",
    "nobody",
    "9**9**9",
    "[n] * 10**9",
    "a.b",
    "'\x1b'",
]
PLACES = [
    "2",
    "3",
    "4",
    "p.py:4",
    "q.py:4",
    "f",
    "g",
    "C.m",
    "7, n > 1",
    "4, nobody",
    "3, (",
    ":",
    ",",
    "4,6",
    ".",
    ":4",
]
STATEMENTS = ["a = 1", "n = n + 1", "del a", "x = [1]", "a[0] = 2", "total += 1", "b =", "c = 'x\x07'"]
HOSTILE = [
    "\0",
    "\x1b[31m",
    "'",
    '"""',
    "(" * 2000,
    "\ud800",
    "[/red]",
    ";;",
    ";; step",
    "%",
    "\\",
    "é\u202e",
    "=",
    "== 1",
]
NAMES = ["one", "two", "session", "one two", "all", "diverge", "..", "/", "x" * 300]
COUNTS = ["", "", "", "1", "2", "3", "7"]
EXISTING = ["1", "2", "3", "4", "1 2", "2 n > 1", "1 nobody", "1 2"]
TAKERS = [
    (COUNTS, "step next back bnext predict up down truth go ignore"),
    (["", "", "2", "3", "4", "5", "9", "11", "13"], "until jump list"),
    (EXISTING, "condition ignore commands clear enable disable"),
    (PLACES, "break tbreak"),
    (EXPRESSIONS, "p pp watch display undisplay find whatis"),
    (STATEMENTS, "!"),
]
"""What the commands take; the others get anything."""
MOVING = "s n s n s n r c c unt find predict predict accept back bnext bcontinue jump b tbreak watch commands display"


@dataclass
class Sitting:
    """One session at the prompt and the dice that type into it."""

    loop: Loop
    source: Counted
    dice: random.Random
    output: io.StringIO
    typed: list[str] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return self.loop.prompt.session

    def line(self) -> str:
        """Some line: mostly a command with something that it takes, now and then anything."""
        choose, kind = self.dice.choice, self.dice.random()
        if self.loop.prompt.question is not None:
            return choose(["end", "c", "silent", "p a", "step", "y", "no", "", "bnext", "go 0", "\x1b"])
        if kind < 0.05:
            return choose([*HOSTILE, *EXPRESSIONS, "end", "silent"])
        if kind < 0.12:
            return choose(["", "!"]) + choose(STATEMENTS)
        word = choose(names() if kind < 0.35 else MOVING.split())
        found = find(word)
        assert found is not None
        if WRITING & set(found.names):
            return f"{word} {choose(['', 'one.jsonl', 'two.html', 'three', 'none/four'])}"
        return f"{word} {self._argument(found.names[0])}" if found.takes_argument else word

    def _argument(self, name: str) -> str:
        """Mostly what the command takes."""
        pools = [pool for pool, takers in TAKERS if name in takers.split()]
        other = [NUMBERS, EXPRESSIONS, PLACES, STATEMENTS, NAMES, HOSTILE]
        return self.dice.choice(self.dice.choice(pools if pools and self.dice.random() < 0.85 else other))

    def type(self, line: str) -> str:
        """Carry out a line; what was printed."""
        self.typed.append(line)
        start = self.output.tell()
        try:
            self.loop.execute(line)
        except Quit:
            pass
        return self.output.getvalue()[start:]


def source_of(entry: Entry, number: int) -> FrameSource:
    """The model of a session: a random walk, the recorded run, or one that computes."""
    if entry.program.text == SUMS_TEXT and number % 2:
        return Sums()
    return recorded(entry) if number % 5 == 4 else Wandering(entry, number)


def sitting(number: int) -> Sitting:
    text = TEXTS[number % len(TEXTS)]
    entry = entry_of(text)
    source = Counted(source_of(entry, number))
    output = io.StringIO()
    console = Console(file=output, width=80, color_system=None, highlight=False, markup=False, emoji=False)
    prompt = Prompt(Session(entry, source, max_frames=30), console, multiline=bool(number % 2))
    if number % 7 == 6:
        prompt.beside = Lockstep(Unfolding(recorded(entry)))
    loop = Loop(prompt)
    loop.begin()
    return Sitting(loop, source, random.Random(number), output)


def assert_whole(session: Session) -> None:
    """The history is a way through the tree, the stack can be made of it, the proposal goes on from it."""
    path = session._path
    assert path and session.index == len(path) - 1 <= session.known
    assert all(node.following is later for node, later in pairwise(path))
    assert len({id(node) for node in path}) == len(path)
    stack = stack_of(session.history)
    assert stack == session.stack and stack[-1].depth == session.history[-1].depth
    for node, later in zip([path[-1], *session.proposal], session.proposal, strict=False):
        assert node.following is later
    assert session.timeline[: session.index + 1] == session.history
    for node in path:
        assert node.came is None or 0 <= node.came < session.index + 1
    for point in session.breakpoints:
        assert 0 < point.number <= session.breakpoints.last
        assert point.hits >= 0 and point.ignore >= 0
        assert bool(point.watched) is (point.line is None)
    for timeline in session.timelines.kept.values():
        assert timeline.nodes and 0 <= timeline.index < len(timeline.nodes)


def assert_undone(sitting: Sitting) -> None:
    """`back` is the exact inverse of `step`, `bnext` of `next`; neither asks the model."""
    session = sitting.session
    before = [id(frame) for frame in session.history]
    for move, undo in ((session.step, session.back), (session.next, session.previous)):
        stop = move()
        asked, ahead = sitting.source.calls, session.frame
        if session.index >= len(before):
            undo()
            assert [id(frame) for frame in session.history] == before
            if stop.kind is StopKind.STEP:
                again = move()
                assert again.kind is not StopKind.STEP or session.frame is ahead, "the way forth is remembered"
                undo()
        assert [id(frame) for frame in session.history] == before
        assert sitting.source.calls == asked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where files go that a session writes."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("number", range(SESSIONS))
def test_random_commands_never_raise_and_never_corrupt_the_history(number: int, folder: Path) -> None:
    at = sitting(number)
    for count in range(COMMANDS // SESSIONS):
        backwards = at.dice.random() < 0.05
        asked = at.source.calls
        line = at.dice.choice(["back", "bnext 2", "bcontinue", "go 1"]) if backwards else at.line()
        looking = backwards and at.loop.prompt.question is None
        assert_tame(at.type(line))
        assert at.source.calls == asked or not looking, "going back predicts nothing"
        assert_whole(at.session)
        if count % 10 == 0:
            assert_undone(at)
            assert_whole(at.session)


def test_the_random_commands_are_of_the_whole_table() -> None:
    at = sitting(0)
    typed = {(at.line().split() or [""])[0] for _ in range(COMMANDS)}
    assert not {each.names[0] for each in commands() if each.names[0] != EDIT and not typed & set(each.names)}
