"""Prompts that are typed at: a session on recorded frames, and what it printed."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence

from frame_sources import SUMS, Counted, Sums, entry_of, recorded
from hypothesis import strategies as st
from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.frontends.repl import prompt as repl
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.table import names
from neuralpdb.program.entry import Entry
from neuralpdb.trace.frames import Event, Frame, FrameSource, Outcome


class Prompt:
    """A prompt whose output is at hand."""

    def __init__(self, entry: Entry, source: FrameSource, *, width: int = 100, blocks: bool = False) -> None:
        self.output = io.StringIO()
        console = Console(file=self.output, width=width, color_system=None, highlight=False, markup=False, emoji=False)
        self.source = Counted(source)
        self.repl = repl.Prompt(Session(entry, self.source, max_frames=60), console, multiline=blocks)
        self.loop = Loop(self.repl)
        self.loop.begin()

    @property
    def session(self) -> Session:
        return self.repl.session

    def type(self, *lines: str) -> str:
        """What is printed for these lines."""
        start = self.output.tell()
        for line in lines:
            self.loop.execute(line)
        return self.output.getvalue()[start:]


def real(text: str, **options: bool) -> Prompt:
    entry = entry_of(text)
    return Prompt(entry, recorded(entry), **options)


def sums() -> Prompt:
    return Prompt(entry_of(SUMS), Sums())


# -- what is said ---------------------------------------------------------------------------------------------


class Says:
    """Says these outcomes in turn; an exception is raised."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self.outcomes = list(outcomes)

    def next(self, history: Sequence[Frame], *, draw: int = 0) -> Outcome:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def line(number: int, **state: str) -> Frame:
    return Frame(Event.LINE, "<module>", number, SUMS.splitlines()[number - 1], state)


# -- what values can hold -------------------------------------------------------------------------------------

HOSTILE = "'[red]a[/red] [/] :smile: \x1b[31m\x1b]0;t\x07\x9b1m\u202e\ud800\r\n\x08 \u2028'"


def assert_tame(shown: str) -> None:
    """No character of it does more than print (a zero-width joiner joins emoji)."""
    doing = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not [char for char in shown if unicodedata.category(char) in doing and char not in "\n\u200d"]


# -- anything at all ------------------------------------------------------------------------------------------

WRITING = {"save", "load", "export"}
"""Commands that are given the name of a file; test_random_commands has a folder for them."""
WORDS = [*(word for word in names() if word not in WRITING), "", "?", "!x = 1", "!a", "x = [1]", "a[0] = 1", "del a"]
WORDS += ["p a", "p len(a)", "nonsense", "c = 5", "#"]
ARGUMENTS = [
    "",
    "1",
    "2",
    "3",
    "99",
    "0",
    "-1",
    "x",
    ":4",
    "4,6",
    ".",
    "4,",
    ",",
    "a",
    "= 1",
    "== 1",
    "'",
    "(",
    "٣",
    "²",
]
LINES = st.one_of(
    st.builds(lambda word, rest: f"{word} {rest}", st.sampled_from(WORDS), st.sampled_from(ARGUMENTS)),
    st.builds(lambda word, rest: f"{word} {rest}", st.sampled_from(WORDS), st.text(max_size=8)),
    st.text(max_size=20),
)
FUZZED = """\
def f(a, b):
    for n in a:
        b += n
    return [b]


def g(c):
    yield c
    try:
        return f(c, 1)
    except ValueError:
        raise


x = f([1], 2)
for y in g(x):
    x = y
"""
