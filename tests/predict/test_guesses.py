"""Which frame is likely next: right where it can be told, never an error, whatever the state, and never much work."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from frame_sources import entry_of, recorded
from places import ROOT

from neuralpdb.interpreter.rules.history import LOOKED_BACK, ActivationHistory
from neuralpdb.interpreter.rules.index import StatementIndex
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
    lines = StatementIndex(entry.program)
    frames = recorded(entry).frames
    stack: Stack = ()
    for i, frame in enumerate(frames[1:], 1):
        stack = advance(stack, frames[i - 1])
        moves = moves_after(entry.program, stack, frames[i - 1], floor=frames[0].depth)
        found = guesses(lines, stack, frames[:i], moves)
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
        "for i, (a, *b) in enumerate([(1, 2, 3)]):\n    x = a\ny = 2\n",
        "n = 3\nwhile n:\n    n -= 1\n    if n == 1:\n        continue\n    m = n\nx = 1\n",
        "def f(a, b=2, *c, d=4, **e):\n    return a + b\nx = f(1)\ny = f(1, 3, 4, d=5, k=6)\n",
        "def f(n):\n    if n < 2:\n        return n\n    return f(n - 1) + f(n - 2)\nx = f(4)\n",
        "def f(v):\n    v.append(1)\n    w = 0\n    return w\na = []\nx = f(a)\nb = a\n",
        "x = sum(i for i in [1, 2, 3])\n",
        "x = [1, 2]\ny = any(i > 1 for i in x)\nz = 3\n",
        "x = ['bb', 'a']\ny = sorted(x, key=lambda w: len(w))\nz = max(x, key=lambda w: len(w))\n",
        "def f(n):\n    return n + 1\nx = sum(f(i) for i in [1, 2])\n",
        "def g(n):\n    yield n\n    yield n + 1\nfor i in g(1):\n    x = i\n",
        "def g(n):\n    yield n\n    yield n\nx = list(g(1))\n",
        "K = 3\ndef f():\n    return K * 2\nx = f()\n",
        "class C:\n    def __init__(self):\n        pass\n    def m(self):\n        return 4\nc = C()\nx = c.m()\n",
        "try:\n    x = [][1]\nexcept IndexError as e:\n    y = 1\nz = 2\n",
        "try:\n    a, b = [1]\nexcept ValueError as e:\n    y = 1\n",
        "x = 1 if [] else 2; y = x\nz = y\n",
        "if (n := 3) > 2:\n    x = n\n",
        "x = (\n    1 +\n    2\n)\ny = x\n",
        "def f(x): return x\ny = f(\n    1)\nz = y\n",
    ],
)
def test_what_can_be_told_is_told_to_the_last_character(text: str) -> None:
    assert missed(text) == []


def test_a_loop_does_not_call_anew_what_it_goes_through() -> None:
    text = "def f(n):\n    return [n]\nfor i in f(3):\n    x = i\ny = 1\n"
    assert missed(text) == [(Event.LINE, "y = 1")]
    assert [guess.event for frame, guess in first_guesses(entry_of(text)) if guess and frame.source == "y = 1"] == [
        Event.LINE
    ]


def test_what_a_program_has_around_its_functions_is_read_when_it_is_asked_for() -> None:
    chain = "".join(f"x{i} = x{i - 1} + 1\n" for i in range(1, 3000))
    constants = StatementIndex(Program.parse("x0 = 0\n" + chain + "loop = loop\n", "p.py")).constants
    assert constants["x5"] == "5"
    assert "x2999" not in constants  # too many depend on each other
    assert "loop" not in constants
    assert "nothing" not in constants


# -- whatever the state ---------------------------------------------------------------------------------------

TEXTS = (
    *("1", "0", "''", "'abc'", "[1, 2, 3]", "[]", "{'a': 1}", "{1}", "(1, 2)", "None", "True", "inf", "nan"),
    *("<__main__.C object>", "<unrepresentable>", "<generator object g>", "Counter({'a': 2})", "deque([1])", "[...]"),
    *("9" * 5000, "[" * 80 + "]" * 80, "(" * 500, "'\\ud800'", "-" * 3000 + "1", "1e400", "range(0, 9)", "\n", "[1, 2"),
)
ODD = """
import math
A = B = [1, 2]
def deco(f): return f
class C:
    k = 1
    def __init__(self, a, *b, c=1, **d): self.a = a; self.b = b
    @property
    def p(self): return self.a
    @staticmethod
    def s(x): return x
    async def co(self):
        async with self as x, self as y:
            async for i in x:
                await i
        return [z async for z in x]
    def __enter__(self): return self
    def __exit__(self, *a): return False
@deco
def f(x, y=[1], *args, k=lambda q: q, **kw):
    global G
    G = x
    del x, y[0], kw["a"]
    (a, *b), c = args, y
    [p, [q, *r]] = x
    x[y][0]: int = 3
    n2: int
    x.attr.b[0] += 1
    if (m := len(args)) > 2 and (n := m * 2): pass
    elif x: return "a"
    else: x = 1; y = 2; return x
    while x: x -= 1
    else: y = 4
    for i, (j, *k) in enumerate(zip(x, y)): a = i
    for x[0] in y: break
    for x.a in y: continue
    try:
        raise ValueError(f"{x!r:>{y}}") from None
    except (TypeError, ValueError) as e:
        pass
    else: y = 3
    finally: z = 1
    with open(x) as (u, v), C(1) as w: w.p
    assert x, f"{y}"
    match x:
        case {"a": 1, **rest} if rest: return 1
        case [1, 2, *others]: return 2
        case C(a=1, b=b2): return 3
        case "x" | None as t: return 4
        case _: pass
    x = [i for i in y if i for j in i]; y = {i: j for i, j in x}
    z = (lambda a, b=1: a)(1), sum(i for i in x), max(x, key=lambda v: v[0]), sorted(y.items(), key=lambda kv: kv[1])
    x = yield
    y = yield from g(x)
    return (
        x
        if y
        else z
    )
def g(n):
    for i in range(n):
        yield i
    count = n
    def inner():
        nonlocal count
        count += 1
        return list(g(count)), next(g(1)), [*g(2)], {**n}
    return inner
x = 10 ** 10 ** 10
y = "a" * 10 ** 12; z = [0] * 10 ** 10; v = {[]: 1}
u = f(*[1], **{"a": 2})
t = C(1, 2, c=3, e=4).p
s = x[::2][y:][...]
print(*x, sep=y, file=z)
x = y = z = f(f(f(1)))
x = "%1000000000d" % 1; y = "{:>1000000000}".format(1); z = f"{1:>1000000000}"
x = eval("1"); y = __import__("os"); z = ().__class__
x = max(range(10 ** 9)); z = list(range(10 ** 9))
for i in range(10 ** 12): pass
for i in iter(int, 1): pass
x.sort(key=lambda v: -v); x.append(x); x[0][1].setdefault(1, []).append(2)
x = any(f(i) for i in x if f(i)); y = ",".join(str(i) for i in f(x))
""".replace(
    "    try: x = 1\n    except* OSError as group: y = group\n", "" if sys.version_info < (3, 11) else "    x = 1\n"
)
TYPED = "type X[T] = list[T]\ndef h[T](x: T) -> T: return x\nclass D[T]:\n    y = 1\nx = h(1)\n"
LONG = [
    f"x = {' + '.join(['a'] * 900)}\ny = x\n",
    f"x = {'(' * 60}1{')' * 60}\ny = x\n",
    f"x = a{'.b' * 900}\ny = x\n",
    f"x = a{'[0]' * 900}\ny = x\n",
    f"x = a{'(1)' * 900}\ny = x\n",
    f"x = {'not ' * 900}a\ny = x\n",
    f"x = '{'a' * 200_000}'\ny = x\n",
    f"x = {list(range(20_000))}\nfor i in x:\n    y = i\n",
    "if a:\n    pass\n" + "".join(f"elif a == {i}:\n    pass\n" for i in range(300)),
    f"def f(a):\n    return {' and '.join(['f(a)'] * 500)}\nx = f(1)\n",
    "; ".join(f"x{i} = {i}" for i in range(2000)),
    f"def f(a): return a\nx = {'f(' * 80}1{')' * 80}\n",
    "try:\n    x = 1\nexcept* OSError as e:\n    y = e\n",
]


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
    lines, done = StatementIndex(program), 0
    for history in states(program, random.Random(seed)):
        stack = stack_of(history)
        moves = moves_after(program, stack, history[-1])
        found = guesses(lines, stack, history, moves)
        for guess in found:
            assert moves.at(program, guess.event, guess.source) if guess.event is not None else moves.ends
        Draft(found)(())
        done += 1
    return done


@pytest.mark.parametrize("path", HANDWRITTEN, ids=lambda path: path.stem)
def test_any_state_of_a_program_by_hand_gives_guesses_that_can_follow(path: Path) -> None:
    assert holds_for_any_state(path.read_text(), seed=1)


@pytest.mark.parametrize("seed", range(4))
def test_any_state_of_odd_syntax_gives_guesses_that_can_follow(seed: int) -> None:
    assert holds_for_any_state(ODD, seed) > 50


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in 3.12")
def test_any_state_of_a_program_with_type_parameters_gives_guesses_that_can_follow() -> None:
    assert holds_for_any_state(TYPED, seed=1)


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:20].strip())
def test_any_state_of_long_and_deep_code_gives_guesses_that_can_follow(text: str) -> None:
    assert holds_for_any_state(text, seed=1)


def test_any_state_of_synthetic_programs_gives_guesses_that_can_follow() -> None:
    rng = random.Random(5)
    made = [generate_script(rng) if i % 3 == 0 else generate(rng) for i in range(40)]
    assert sum(holds_for_any_state(each.source, seed=i) for i, each in enumerate(made)) > 300


# -- never much work ------------------------------------------------------------------------------------------


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


LOOP = "def f(n):\n    return n\ntotal = 0\nfor i in range(9000):\n    total = total + f(i)\n"


def test_however_long_the_history_a_step_looks_back_no_further_than_it_has_to() -> None:
    entry = entry_of(LOOP)
    frames = recorded(entry).frames[:4000]
    asked = []
    for length in (1000, 4000):
        history = Counted(frames[:length])
        stack = stack_of(frames[:length])
        guesses(StatementIndex(entry.program), stack, history, moves_after(entry.program, stack, frames[length - 1]))
        asked.append(history.asked)
    assert max(asked) <= 8 * LOOKED_BACK
    assert abs(asked[0] - asked[1]) <= LOOKED_BACK


def test_a_step_walks_over_no_syntax_tree_of_the_whole_program(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of("".join(f"def g{i}(a):\n    return a\n" for i in range(300)) + LOOP)
    frames = recorded(entry).frames[:80]
    program, lines, walked = entry.program, StatementIndex(entry.program), []
    real = ast.walk

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        walked.append(node)
        return real(node)

    monkeypatch.setattr(ast, "walk", walk)
    stack: Stack = ()
    for i, frame in enumerate(frames, 1):
        stack = advance(stack, frame)
        guesses(lines, stack, frames[:i], moves_after(program, stack, frame))
    assert sum(isinstance(node, ast.Module) for node in walked) <= 1


def test_a_call_that_began_long_ago_is_known_by_what_left_it() -> None:
    def frame(event: Event, depth: int, line: int, **more: str) -> Frame:
        return Frame(event, "f" if depth else "<module>", line, "x", depth=depth, **more)  # type: ignore[arg-type]

    first = frame(Event.LINE, 0, 5)
    inside = [frame(Event.LINE, 1, 2) for _ in range(LOOKED_BACK)]
    history = [first, frame(Event.CALL, 1, 1), *inside, frame(Event.RETURN, 1, 2, value="3")]
    [(_, left)] = ActivationHistory(history, stack_of(history)[0]).calls()
    assert left is history[-1]
