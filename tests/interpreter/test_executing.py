"""Statements of the user: what they leave is what Python leaves, and the program goes on as if it had run them."""

from __future__ import annotations

import re
from types import FrameType
from typing import Any

import pytest
from agreement import real
from moments import described, histories, history_to, real_moment, to_the_end

from neuralpdb.interpreter.history import Computed, Histories, NotTold
from neuralpdb.trace.frames import Event, Frame, Known, Origin

PROGRAM = """import math
LIMIT = 3
SEEN = []
class Point:
    def __init__(self, x, y=0):
        self.x = x
        self.y = y
        self.tags = []
    def __repr__(self):
        return f'Point({self.x}, {self.y})'
    @property
    def double(self):
        return self.x * 2
    @double.setter
    def double(self, value):
        self.x = value // 2
    def move(self, by=1):
        self.x += by
        return self
class Quiet:
    def __init__(self):
        self.count = 0
    def __repr__(self):
        return '<quiet>'
def squares():
    for n in range(10):
        yield n * n
def main():
    xs = [1, 2, 3]
    ys = xs
    p = q = Point(4)
    d = {'a': [1]}
    quiet = Quiet()
    n = 5
    word = 'abc'
    total = 0
    gen = squares()
    def add(by):
        nonlocal total
        total += by
        return total
    more = None
    pass
    SEEN.append(n)
    ys.append(n)
    q.move()
    add(n)
    first = next(gen)
    for i in range(LIMIT):
        total += i
    quiet.count += 1
    return xs, ys, p, q.double, d, word, total, first, more, quiet.count, p.tags, SEEN, LIMIT, math.floor(2.5)
"""
LINE = PROGRAM.split("\n").index("    pass") + 1

STATEMENTS = """
n = 6
n += 1
n = n = 7
n, word = word, n
(n, *more) = xs
xs.append(4)
xs[0] = 9
xs[1:] = []
xs += [7]
xs = xs + [7]
xs = [5]
del xs[0]
del d['a']
d['b'] = xs
d['a'].append(n)
d.update(z=1)
d |= {'q': 2}
p.x = 10
p.y += 1
q.tags.append('t')
p.double = 30
p = Point(1)
p = q = Point(2)
p.move(5)
p.move(5).move(6)
del p.y; p.y = 3
quiet.count = 41
quiet.count += 1; quiet.count *= 2
total = 100
add(7)
add(7); add(8)
total += add(1)
total *= add(2)
add(2); total = 0
add(2); n = total
n = total; add(n); total = total + n
more = add
more = [add(k) for k in range(3)]
more = {k: v for k, v in d.items()}
more = [x * n for x in xs if x > 1]
more = (lambda: n + 1)()
more = sorted(xs, key=lambda x: -x)
next(gen)
next(gen); next(gen)
more = list(gen)[:2]; gen = squares()
gen = iter([50])
SEEN.append('s')
SEEN.extend(xs)
global LIMIT; LIMIT = 1
n = 1; n = n + 1; word = str(n)
word = word.upper() + f'{n:03d}'
word = p
more = xs is ys, p is q
more = word[::-1]
word, n = 'x', 0
more = n if n else None
more = math.sqrt(16)
import math as more; more = more.floor(1.5)
from math import ceil as more; more = more(1.5)
Point.move = lambda self, by=1: self
Point.extra = 1; more = p.extra
Point.double = property(lambda self: 'new')
setattr(p, 'x', 77)
exec('xs.append(99)')
more = [q.x for q in (p, q)]
assert n == 5
pass
n: int = 8
more = ...
more = (yes := n) + 1
ys = None; ys = [0]
xs = ys = [0]
xs.sort(reverse=True)
xs.clear()
xs.insert(0, xs[-1])
xs *= 2
d = dict(d, k=xs); xs.append(d['k'] is xs)
d['self'] = 1; d.pop('self')
""".strip().split("\n")

BLOCKS = (
    "for k in range(3):\n    xs.append(k)",
    "while n > 2:\n    n -= 1",
    "if n > 3:\n    word = 'big'\nelse:\n    word = 'small'",
    "try:\n    n // 0\nexcept ZeroDivisionError as error:\n    more = str(error)",
    "def local(a, b=n):\n    return a + b + len(xs)\nmore = local(1)",
    "class Local:\n    value = n\n    def get(self):\n        return self.value\nmore = Local().get()",
    "import contextlib\nwith contextlib.suppress(KeyError):\n    d['zz']\nmore = 'after'",
    "match n:\n    case 5:\n        more = 'five'\n    case _:\n        more = 'other'",
    "for x in list(xs):\n    if x % 2:\n        xs.remove(x)\nelse:\n    word = 'done'",
)


def reals(frame: FrameType, statements: str) -> dict[str, str] | str:
    """Return the texts of the locals that statements leave for real, or what they raise."""
    before = dict(frame.f_locals)
    names = {**frame.f_globals, **before}
    try:
        exec(statements, names)
    except Exception as error:
        return described(error)
    cells = {name: value for name, value in frame.f_locals.items() if before[name] is not value}
    names.update(cells)
    return {name: re.sub(r" at 0x[0-9a-f]+", "", repr(names[name])) for name in before if name in names}


def with_statement(statements: str) -> str:
    """Return the program with statements in the place of `pass`, and as many lines as before."""
    lines = PROGRAM.split("\n")
    lines[LINE - 1] = "    " + statements
    return "\n".join(lines)


def real_frames(text: str) -> tuple[Frame, ...]:
    return real(text, "<program>", "main", 1, 300, 2.0).frames


def at_line(frames: tuple[Frame, ...], line: int) -> int:
    return next(n for n, frame in enumerate(frames) if frame.event is Event.LINE and frame.line == line)


def shown(frames: tuple[Frame, ...] | list[Frame]) -> list[tuple[Any, ...]]:
    return [(frame.event, frame.function, frame.line, dict(frame.locals), frame.value) for frame in frames]


def executed(found: Histories, history: list[Frame], statements: str, depth: int | None = None) -> list[Frame]:
    """Return the history with the frame that statements leave in the place of the last one."""
    answer = found.execute(history, statements, depth)
    assert (answer.error, answer.why) == ("", "")
    assert answer.frame is not None
    assert answer.frame.place == history[-1].place
    assert answer.frame.origin is Origin.EDITED
    return [*history[:-1], answer.frame]


@pytest.mark.parametrize("statements", [*STATEMENTS, *BLOCKS])
def test_statements_leave_what_python_leaves(statements: str) -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        answer = found.execute(history, statements)
        assert not answer.why
        if "add(" in statements and "total" in statements:
            return  # Python copies the variables that functions share; the next test compares these
        left = real_moment(PROGRAM, LINE, "main", 0, lambda frame: reals(frame, statements))
        if answer.frame is None:
            assert answer.error == left
            return
        assert isinstance(left, dict)
        own = {name: text for name, text in answer.frame.locals.items() if name in left}
        assert own == left  # what the code does not know is shown besides
        assert not (answer.frame.locals.keys() - left.keys()) & history[-1].locals.keys()


IN_PLACE = [each for each in STATEMENTS if "self" not in each or "d[" in each]
"""Without those that make methods: their frames are not shown."""


@pytest.mark.parametrize("statements", IN_PLACE)
def test_the_program_goes_on_as_if_it_had_run_the_statements(statements: str) -> None:
    text = with_statement(statements)
    frames = real_frames(text)
    with histories(PROGRAM) as found:
        history = executed(found, history_to(found, LINE), statements)
        ours, end = to_the_end(found, history)
    since = at_line(frames, LINE + 1)
    assert end == NotTold("the program ended", ended=True)
    bound = {name for name in frames[since].locals if name not in ours[-1].locals}  # made by the statement
    expected = [
        (event, function, line, {name: each for name, each in texts.items() if name not in bound}, value)
        for event, function, line, texts, value in shown(frames[since:])
    ]
    assert shown(ours[len(history) :]) == expected


def test_what_statements_change_is_edited_and_the_rest_is_known_as_before() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        last = history[-1] = history[-1].replace(known={"word": Known.PREDICTED})
        frame = executed(found, history, "xs.append(n); more = n")[-1]
    assert frame.statement == "xs.append(n); more = n"
    assert {name for name in frame.locals if frame.how(name) is Known.EDITED} == {"xs", "ys", "more"}
    assert {name: frame.how(name) for name in ("word", "n")} == {"word": Known.PREDICTED, "n": last.how("n")}


def test_several_statements_at_one_stop_are_one_after_another() -> None:
    one_by_one = ("n = 1", "xs.append(n)", "quiet.count = n + 9", "tmp = xs", "tmp.append(tmp[0])", "del tmp")
    frames = real_frames(with_statement("; ".join(one_by_one)))
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        for statement in one_by_one:
            history = executed(found, history, statement)
        assert history[-1].statement == "\n".join(one_by_one)
        ours, _ = to_the_end(found, history)
        assert ours[-1].value == frames[-1].value
        assert "tmp" not in ours[-1].locals


def test_a_variable_that_the_code_does_not_know_is_there_for_the_user() -> None:
    with histories(PROGRAM) as found:
        history = executed(found, history_to(found, LINE), "mine = [n]; LIMIT = 'mine too'")
        assert history[-1].locals["mine"] == "[5]"
        assert found.evaluate(history, "mine").text == "[5]"
        assert found.evaluate(history, "[k + mine[0] for k in xs], LIMIT").text == "([6, 7, 8], 'mine too')"
        following = [*history, told(found.next(history))]
        assert following[-1].locals["mine"] == found.evaluate(following, "mine").text == "[5]"
        assert "LIMIT" not in executed(found, following, "del LIMIT")[-1].locals
        assert found.evaluate(executed(found, following, "del LIMIT"), "LIMIT").text == "3"
        ended, _ = to_the_end(found, history)
        assert ended[-1].value == real_frames(PROGRAM)[-1].value


def told(answer: Computed | NotTold) -> Frame:
    assert isinstance(answer, Computed)
    return answer.frame


def test_an_edit_by_its_text_comes_before_a_statement() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        last = history[-1]
        typed = last.replace(locals={**last.locals, "n": "50"}, origin=Origin.EDITED)
        frame = executed(found, [*history[:-1], typed], "xs.append(n)")[-1]
        assert frame.statement == "n = 50\nxs.append(n)"
        ours, end = to_the_end(found, [*history[:-1], frame])
        frames = real_frames(with_statement("n = 50; xs.append(n)"))
        assert end.ended
        assert ours[-1].value == frames[-1].value


def test_timelines_with_and_without_a_statement_do_not_touch_each_other() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        plain, edited = real_frames(PROGRAM)[-1].value, real_frames(with_statement("p.x = 100; xs.clear()"))[-1].value
        with_edit = executed(found, history, "p.x = 100; xs.clear()")
        for _ in range(2):
            assert to_the_end(found, history)[0][-1].value == plain
            assert found.evaluate(history, "p, xs").text == "(Point(4, 0), [1, 2, 3])"
            assert to_the_end(found, with_edit)[0][-1].value == edited
            assert found.evaluate(with_edit, "q, ys").text == "(Point(100, 0), [])"


def test_a_frame_that_was_saved_and_read_again_runs_its_statement() -> None:
    with histories(PROGRAM) as found:
        history = executed(found, history_to(found, LINE), "quiet.count = 9; p.tags.append(n)")
        value = to_the_end(found, history)[0][-1].value
    with histories(PROGRAM) as other:
        again = [Frame.from_dict(frame.as_dict()) for frame in history]
        assert other.evaluate(again, "quiet.count, p.tags").text == "(9, [5])"
        assert to_the_end(other, again)[0][-1].value == value
    assert "10, [5]" in str(value)


CALLS = """def outer(a):
    b = [a]
    c = inner(b)
    return b, c, a
def inner(items):
    size = len(items)
    pass
    return size
def main():
    held = outer(1)
    return held
"""


def test_statements_run_in_the_call_that_is_wanted() -> None:
    with histories(CALLS) as found:
        history = history_to(found, 7, "inner")
        history = executed(found, history, "a = 10; b.append(a)", 1)
        assert history[-1].locals == {"items": "[1, 10]", "size": "1"}
        assert history[-1].statement == "#: depth 1\na = 10; b.append(a)"
        history = executed(found, history, "size = 7")
        assert history[-1].statement == "#: depth 1\na = 10; b.append(a)\n#: depth 2\nsize = 7"
        assert [found.evaluate(history, name, depth).text for name, depth in (("a", 1), ("size", 2))] == ["10", "7"]
        ours, end = to_the_end(found, history)
        assert end.ended
        assert ours[-1].value == "([1, 10], 7, 10)"
        assert found.execute(history, "x = 1", 9).why == "there is no call at depth 9"


def test_a_script_keeps_what_statements_make() -> None:
    text = "xs = [1]\ny = 2\nprint(xs)\nz = [y for _ in xs]\nw = z\n"
    with histories(text, None) as found:
        history = executed(found, history_to(found, 3, "<module>"), "y = 5; new = xs; new.append(0)\ndef f(): return y")
        assert dict(history[-1].locals) == {"xs": "[1, 0]", "y": "5", "new": "[1, 0]"}
        assert found.evaluate(history, "f() + len(new)").text == "7"
        ours, end = to_the_end(found, history)
        assert end.ended
        assert ours[-1].locals["w" if "w" in ours[-1].locals else "z"] == "[5, 5]"


def test_the_value_of_a_last_expression_is_told() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        for statements, text in (
            ("xs.append(4)", None),
            ("xs.pop()", "3"),
            ("n = 3; n * 2", "6"),
            ("[k for k in xs]", "[1, 2, 3]"),
            ("n = 3", None),
            ("  n = 3\n  n", "3"),
            ("p.move()", "Point(5, 0)"),
        ):
            answer = found.execute(history, statements)
            assert (answer.text, answer.why, answer.error) == (text, "", "")


@pytest.mark.parametrize(
    ("statements", "error", "why"),
    (
        ("n = 1 / 0", "ZeroDivisionError: division by zero", ""),
        ("xs.append(1); raise ValueError('no')", "ValueError: no", ""),
        ("del undefined", "NameError: name 'undefined' is not defined", ""),
        ("p.double.nope()", "AttributeError: 'int' object has no attribute 'nope'", ""),
        ("word[0] = 'x'", "TypeError: 'str' object does not support item assignment", ""),
        ("n = ", "SyntaxError: invalid syntax", ""),
        ("return n", "SyntaxError: 'return' outside function", ""),
        ("assert n == 6, 'no'", "AssertionError: no", ""),
        ("import nowhere_at_all", "", "nowhere_at_all is not installed"),
        ("n = input()", "", "input() is known only when it runs"),
        ("import os; os.system('ls')", "", "os.system"),
        ("import time; n = time.time()", "", "time.time"),
        ("import random\nn = random.random()", "", "random"),
        ("while True: pass", "", "no answer within"),
        ("xs.extend([0] * 10**9)", "", "a large repetition"),
        ("xs.append(open('f'))", "", "open"),
    ),
)
def test_statements_that_fail_leave_everything_as_it_was(statements: str, error: str, why: str) -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        answer = found.execute(history, statements)
        assert (answer.frame, answer.error) == (None, error)
        assert why in answer.why
        assert bool(answer.why) is bool(why)
        assert found.evaluate(history, "xs, n").text == "([1, 2, 3], 5)"
        assert shown(to_the_end(found, history)[0])[-1] == shown(real_frames(PROGRAM))[-1]


def test_a_statement_that_cannot_be_run_leaves_what_the_texts_say() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        last = history[-1]
        for statement in ("n = input()", "n = 1 // 0", "n = ", "#: depth 9\nn = 7"):
            frame = last.replace(locals={**last.locals, "n": "7"}, origin=Origin.EDITED, statement=statement)
            assert "7" in found.evaluate([*history[:-1], frame], "n").text  # type: ignore[operator]
            following = told(found.next([*history[:-1], frame]))
            assert following.locals["n"] == "7"


def test_texts_that_are_not_what_a_statement_leaves_are_what_is_known() -> None:
    with histories(PROGRAM) as found:
        history = history_to(found, LINE)
        last = history[-1]
        texts = {**last.locals, "n": "7", "p": "Point(1, 0)", "q": "Point(1, 0)"}
        frame = last.replace(locals=texts, origin=Origin.EDITED, statement="n = 6; p.x = 1")
        following = told(found.next([*history[:-1], frame]))
        assert (following.locals["n"], following.locals["q"]) == ("7", "Point(1, 0)")
        assert found.evaluate([*history[:-1], frame], "q.x + n").text == "8"


CHANCE = """import random
class Box:
    def __init__(self, value):
        self.value = value
    def __repr__(self):
        return '<box>'
def main():
    box = Box(0)
    r = random.choice((1, 2, 3)); held = [r]
    pass
    s = held[0] + box.value
    return s, held
"""


def test_what_was_filled_in_before_a_statement_is_known_to_it() -> None:
    with histories(CHANCE) as found:
        history = history_to(found, 10, holes={"r": "2", "held": "[2]"})
        edited = executed(found, history, "box.value = r * 10; held.append(r)")
        assert {name: edited[-1].how(name) for name in ("r", "held")} == {"r": Known.PREDICTED, "held": Known.EDITED}
        for asked in (edited, [Frame.from_dict(frame.as_dict()) for frame in edited]):
            assert found.evaluate(asked, "box.value, held").text == "(20, [2, 2])"
            assert to_the_end(found, asked)[0][-1].value == "(22, [2, 2])"
        assert to_the_end(found, history)[0][-1].value == "(2, [2])"
        assert "random" in found.execute(history_to(found, 10), "box.value = r * 10; s = r + 1").why


def test_a_program_that_is_entered_behind_a_statement_does_not_run_it_again() -> None:
    start = Frame(Event.LINE, "main", 2, "    ys = xs", {"xs": "[1]"}, origin=Origin.GIVEN)
    text = "def main(xs):\n    ys = xs\n    ys.append(0)\n    return xs, ys\n"
    with histories(text, None, start=start) as found:
        frame = executed(found, [start], "xs.append(5); xs = [*xs]")[-1]
        assert to_the_end(found, [frame])[0][-1].value == "([1, 5, 0], [1, 5, 0])"
    with histories(text, None, start=frame) as again:
        assert again.evaluate([frame], "xs * 1").text == "[1, 5]"
        twice = executed(again, [frame], "xs.append(6)")
        assert twice[-1].locals == {"xs": "[1, 5, 6]"}
        assert to_the_end(again, twice)[0][-1].value == "([1, 5, 6, 0], [1, 5, 6, 0])"


# --- histories that are not a plain run ---------------------------------------------------------------------------

BRANCH = """import random
def main():
    xs = [1]
    if random.random() < 0.5:
        x = 'small'
    else:
        x = 'large'
    return x, xs
"""


@pytest.mark.parametrize(("line", "value"), ((5, "small"), (7, "large")))
def test_a_branch_that_the_history_decided_is_asked_and_changed(line: int, value: str) -> None:
    with histories(BRANCH) as found:
        start, end = to_the_end(found, [])
        assert end.choices == (5, 7)
        taken = [*start, start[-1].replace(line=line, source=BRANCH.split("\n")[line - 1])]
        assert found.evaluate(taken, "[xs[0] + k for k in xs]") == found.evaluate(start, "[xs[0] + k for k in xs]")
        assert not found.evaluate(taken, "xs").from_texts
        edited = executed(found, taken, "xs.append(2)")
        assert to_the_end(found, edited)[0][-1].value == f"('{value}', [1, 2])"
        assert to_the_end(found, taken)[0][-1].value == f"('{value}', [1])"


LEAP = """def grow(items):
    items.append(len(items))
    return items
def main():
    xs = [7]
    ys = grow(xs)
    return xs is ys
"""


def test_behind_a_return_that_was_guessed_the_effects_of_the_call_are_there() -> None:
    with histories(LEAP) as found:
        history = history_to(found, 2, "grow")[:-1]
        guessed = history[-1].replace(event=Event.RETURN, value="[7, 1]", origin=Origin.GUESSED)
        leapt = [*history, guessed]
        assert found.evaluate(leapt, "len(items), items[-1]").text == "(2, 1)"
        assert found.evaluate(leapt, "xs", 0).text == "[7, 1]"
        assert found.evaluate(history, "items").text == "[7]"
        after = [*leapt, told(found.next(leapt))]
        assert found.evaluate(after, "xs").text == "[7, 1]"


RISKY = """import random
def main():
    log = []
    try:
        r = random.choice((1, 2))
        x = r.size
        log.append('b')
    except AttributeError as error:
        log.append(str(error))
    return log
"""


def test_an_exception_that_the_history_says_is_there_behind_it() -> None:
    with histories(RISKY) as found:
        history = [told(found.next([]))]
        while history[-1].line != 6:
            history.append(told(found.next(history)))
        raised = [*history, history[-1].replace(event=Event.EXCEPTION, value="AttributeError('no size')")]
        assert found.evaluate(raised, "log + [1]").text == "[1]"
        caught, end = to_the_end(found, raised)
        assert end.ended
        inside = next(n for n, frame in enumerate(caught) if frame.line == 9)
        answer = found.evaluate(caught[: inside + 1], "error, str(error)")
        assert (answer.text, answer.from_texts) == ("(AttributeError('no size'), 'no size')", False)
        edited = executed(found, caught[: inside + 1], "log.append(error.args)")
        assert to_the_end(found, edited)[0][-1].value == "[('no size',), 'no size']"


def test_a_jump_with_a_statement_and_without_is_asked_where_it_went() -> None:
    text = "def main():\n    a = 1\n    b = 2\n    a = b + 5\n    return a, b\n"
    with histories(text) as found:
        history = history_to(found, 5)
        back = history[-1].replace(line=3, source="    b = 2", origin=Origin.EDITED)
        jumped = [*history[:-1], back]
        assert found.evaluate(jumped, "(lambda: a * b)()").text == "14"
        assert to_the_end(found, jumped)[0][-1].value == "(7, 2)"
        edited = executed(found, jumped, "a, b = b, a")
        assert (edited[-1].line, dict(edited[-1].locals)) == (3, {"a": "2", "b": "7"})
        assert found.evaluate(edited, "a * b").text == "14"
        ended, _ = to_the_end(found, edited)
        assert [frame.line for frame in ended[len(edited) :]] == [4, 5, 5]
        assert ended[len(edited)].locals == {"a": "2", "b": "2"}
