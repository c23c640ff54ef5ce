"""What can follow: every step of every real run is among the moves, and the moves are no wider than control flow."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import goldens
import pytest
from places import EXAMPLES, TESTS

from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.program.transitions import Transition, Transitions, first_moves, moves_after
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Ended, Event, Frame, Trace
from neuralpdb.trace.stack import Stack, advance, stack_of

# Small programs beside those of tests/programs. Each is what its name says; `main()` is recorded.
PROGRAMS: dict[str, str] = {
    "recursion until Python refuses": """
        def f(n):
            m = n
            return f(m)
        def main():
            try:
                f(1)
            except RecursionError:
                return 1
        """,
    "recursion in a finally block": """
        def f(n):
            try:
                pass
            finally:
                f(n)
        def main():
            return f(1)
        """,
    "an exception through 300 levels that raise it again": """
        def f(n):
            try:
                if n:
                    f(n - 1)
                else:
                    1 / 0
            finally:
                n = 1
        def main():
            return f(300)
        """,
    "a bare raise in a recursive handler": """
        def f(n):
            try:
                1 / 0
            except ZeroDivisionError:
                if n: f(n - 1)
                raise
        def main():
            return f(50)
        """,
    "attributes that fail in silence": """
        class A:
            def __getattr__(self, n):
                raise AttributeError(n)
            @property
            def p(self):
                return self.q
        def main():
            a = A()
            x = hasattr(a, "z")
            return getattr(a, "p", 1)
        """,
    "an operator that is a plain method": """
        class A:
            def add(self, o):
                return 1
            __add__ = add
        def f(x):
            return x
        def main():
            a = A()
            return a + f(1)
        """,
    "print that calls write": """
        class W:
            def write(self, s):
                return len(s)
        def f(x):
            return x
        def main():
            print(f(1), file=W())
        """,
    "a mapping with methods of its own": """
        class M:
            def keys(self):
                return ["a"]
            def __getitem__(self, k):
                return 1
        def main():
            d = dict(M())
            return {**M(), **d}
        """,
    "a metaclass": """
        class M(type):
            def __call__(cls, *a):
                return super().__call__(*a)
            def mro(cls):
                return super().mro()
        class C(metaclass=M):
            pass
        def main():
            c = C()
            class D(C):
                pass
            return isinstance(c, D)
        """,
    "with on one line": """
        class C:
            def __enter__(self): return self
            def __exit__(self, *a): return True
        def main():
            with C() as f: 1 / 0
            with C(): [][1]; x = 1
            return 2
        """,
    "compound statements on one line": """
        def main():
            x = [1, 2]
            for i in x: i += 1
            while x: x.pop()
            if x: y = 1
            else: y = 2
            try: y = 1 / 0
            except (KeyError, ZeroDivisionError) as e: x = e
            except Exception: pass
            else: x = 3
            finally: del x
            return y
        """,
    "a generator that is thrown into and closed": """
        def g():
            try:
                yield 1
            except ValueError: yield 2
            finally: x = 1
        def main():
            a = g(); next(a); b = a.throw(ValueError()); a.close()
            c = g()
            try:
                c.throw(KeyError)
            except KeyError:
                return b
        """,
    "a handler that does not match": """
        def main():
            assert 1, "x"
            try:
                try:
                    raise KeyError
                except ValueError:
                    pass
            except KeyError:
                return 2
        """,
    "exception groups": """
        def main():
            try:
                raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
            except* ValueError as e:
                a = 1
            except* KeyError as e:
                b = 2
            return a + b
        """,
    "functions called by the library": """
        import functools
        @functools.singledispatch
        def f(x):
            return 1
        @f.register(int)
        def g(x):
            return 2
        def add(a, b):
            return a + b
        def main():
            p = functools.partial(add, 1)
            x = max([1, 2], key=lambda v: -v), sorted([2, 1], key=g)
            return f(1), f(""), functools.reduce(add, [1, 2]), p(2), x
        """,
    "names that are not there": """
        def main():
            x = 5
            del x
            try:
                x
            except NameError:
                x = 1
            global q
            q = x
            return (lambda: q)()
        """,
    "nested loops": """
        def main():
            r = []
            for i in range(3):
                for j in range(2):
                    if j: continue
                    if i == 1: break
                    r.append(i)
                else:
                    r.append("e")
            return r
        """,
    "several lambdas and generator expressions on one line": """
        def main():
            x = [(lambda v: v)(1), (lambda v, w: w)(1, 2)]
            return list(a for a in x) + list(b
                for b in x)
        """,
    "context managers from generators": """
        import contextlib
        @contextlib.contextmanager
        def c():
            try:
                yield
            except ValueError:
                pass
        def main():
            with c():
                raise ValueError
            with contextlib.ExitStack() as s:
                s.enter_context(c())
                return 3
        """,
    "StopIteration from everywhere": """
        def f():
            raise StopIteration
        def main():
            x = next(iter([]), f)
            try:
                f()
            except StopIteration:
                pass
            class I:
                def __iter__(self): return self
                def __next__(self): return f()
            for q in I(): pass
            return list(I())
        """,
    "expressions over several lines": '''
        def main():
            x: int = 1
            y = x if x else (
                2)
            z = (x and
                y)
            s = f"""{x}
        {y}"""
            return (x,
                y,
                z)
        ''',
    "yield from": """
        def g():
            x = yield
            while x:
                x = yield x
            return "r"
        def h():
            r = yield from g()
            return r
        def main():
            a = h(); next(a); a.send(2)
            try:
                a.send(0)
            except StopIteration as e:
                return e.value
        """,
    "exceptions while an exception is handled": """
        class C:
            def __enter__(self): return self
            def __exit__(self, *a): raise KeyError
        class D(C):
            def __exit__(self, *a): return None
        def main():
            try:
                with C(): 1 / 0
            except KeyError: pass
            try:
                with D(), C(): x = 1; 1 / 0
            except KeyError as e: x = e
            try:
                with D(): 1 / 0
            except ZeroDivisionError: pass
            try:
                with D():
                    with D(): return fail()
            except NameError:
                x = [c for c in C()]
        """,
    "leaving by sys.exit": """
        import sys
        def main():
            try:
                sys.exit(3)
            finally:
                x = 1
        """,
}

SHARED_NAMES = sorted(goldens.PROGRAMS)


def of_program(name: str) -> tuple[Program, Trace]:
    text = (TESTS / "programs" / f"{name}.py").read_text("utf-8")
    return Program.parse(text, f"{name}.py"), goldens.recorded(name)


def of_example(path: Path) -> tuple[Program, Trace]:
    program = Program.read(path)
    line = enter(program).marked
    return program, record(program.text, filename=str(path), entry_function=None, entry_line=line)


def of_text(text: str, function: str | None = "main", line: int = 0) -> tuple[Program, Trace]:
    text = textwrap.dedent(text).strip("\n") + "\n"
    trace = record(text, filename="p.py", entry_function=function, entry_line=line)
    return Program.parse(text, "p.py"), trace


def after_each(program: Program, trace: Trace) -> Iterator[tuple[Frame, Transitions]]:
    """Every frame of a trace with what can follow it."""
    stack: Stack = ()
    for frame in trace.frames:
        stack = advance(stack, frame)
        yield frame, moves_after(program, stack, frame, trace.frames[0].depth)


def holds(moves: Transitions, frame: Frame) -> bool:
    place = (frame.event, frame.depth, frame.line, frame.function)
    return any((move.event, move.depth, move.line, move.function) == place for move in moves.options)


def assert_every_step_is_a_move(program: Program, trace: Trace) -> None:
    assert trace.frames, trace.end
    assert isinstance(trace.end, Ended), trace.end
    steps = list(after_each(program, trace))
    for (frame, moves), following in zip(steps, trace.frames[1:], strict=False):
        assert holds(moves, following), f"{frame}\n-> {following}"
    assert steps[-1][1].ends


@pytest.mark.parametrize("name", SHARED_NAMES)
def test_every_step_of_every_shared_program_is_a_move(name: str) -> None:
    assert_every_step_is_a_move(*of_program(name))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_step_of_every_example_is_a_move(path: Path) -> None:
    program, trace = of_example(path)
    if not trace.frames:
        assert "ModuleNotFoundError" in str(trace.end)
        pytest.skip("this example cannot run here: its import is missing on purpose")
    assert_every_step_is_a_move(program, trace)


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_every_step_of_a_small_program_is_a_move(text: str) -> None:
    assert_every_step_is_a_move(*of_text(text))


def test_the_programs_hold_every_kind_of_statement() -> None:
    shared = [(TESTS / "programs" / f"{name}.py").read_text("utf-8") for name in SHARED_NAMES]
    texts = [*shared, *map(textwrap.dedent, PROGRAMS.values())]
    seen = {type(node) for text in texts for node in ast.walk(ast.parse(text))}
    newer = {getattr(ast, "TypeAlias", None), getattr(ast, "TemplateStr", None)}
    assert set(ast.stmt.__subclasses__()) - seen <= newer


def test_without_exception_handlers_the_end_is_offered_at_the_end_only() -> None:
    seen = 0
    for name in SHARED_NAMES:
        program, trace = of_program(name)
        handles = any(isinstance(node, ast.Try | ast.With | ast.AsyncWith) for node in ast.walk(program.tree))
        if not handles and trace.frames[0].function != "<module>":
            seen += 1
            assert [found.ends for _, found in after_each(program, trace)] == [False] * (len(trace.frames) - 1) + [True]
    assert seen >= 3


# --- sharpness --------------------------------------------------------------------------------------------------------

CALLS = """\
def f(x):
    return x
def g(x):
    y = x
    return y
class C:
    def __init__(self, x):
        self.x = x
    def m(self):
        return self.x
def h(a):
    b = f(1)
    if a:
        c = 1
    else:
        c = 2
    d = a.m()
    return b
def main():
    try:
        h(1)
    except ValueError:
        return 0
    return h(2)
"""


def line(number: int, function: str, depth: int = 0, **state: str) -> Frame:
    return Frame(Event.LINE, function, number, "", state, depth=depth)


def call(number: int, function: str, depth: int = 0, **state: str) -> Frame:
    return Frame(Event.CALL, function, number, "", state, depth=depth)


def leave(number: int, function: str, depth: int = 0) -> Frame:
    return Frame(Event.RETURN, function, number, "", value="0", depth=depth)


def fail(number: int, function: str, depth: int = 0) -> Frame:
    return Frame(Event.EXCEPTION, function, number, "", value="E()", depth=depth)


def moves(*history: Frame, text: str = CALLS) -> Transitions:
    return moves_after(Program.parse(text, "p.py"), stack_of(history), history[-1], history[0].depth)


def places(found: Transitions, event: Event) -> set[tuple[int, int, str]]:
    """(line, depth, function) of each move of this kind."""
    return {(move.line, move.depth, move.function) for move in found.of(event)}


def test_a_return_line_has_no_line_of_its_function_behind_it() -> None:
    found = moves(line(5, "g"))
    assert found.of(Event.LINE) == ()
    assert places(found, Event.RETURN) == {(5, 0, "g")}


def test_an_if_has_exactly_its_two_branches() -> None:
    found = moves(line(13, "h"))
    assert {(13, 0, "h"), *places(found, Event.LINE)} == {(13, 0, "h"), (14, 0, "h"), (16, 0, "h")}
    assert found.of(Event.RETURN) == ()


def test_a_line_that_calls_a_plain_function_calls_no_other() -> None:
    assert {move.function for move in moves(line(12, "h")).of(Event.CALL)} == {"f", "__init__"}


def test_a_line_that_calls_an_attribute_may_call_anything_with_a_frame() -> None:
    assert {move.function for move in moves(line(17, "h")).of(Event.CALL)} == {"f", "g", "__init__", "m", "h", "main"}


def test_a_line_that_calls_nothing_has_no_calls() -> None:
    assert moves(line(14, "h")).events == (Event.LINE,)


def test_a_call_goes_one_level_deeper_to_the_def_of_its_function() -> None:
    assert places(moves(line(12, "h", 3)), Event.CALL) == {(1, 4, "f"), (7, 4, "__init__")}


def test_a_fresh_call_goes_to_its_first_line_and_nowhere_else() -> None:
    found = moves(line(12, "h"), call(3, "g", 1))
    assert [(move.event, move.line, move.depth) for move in found.options] == [(Event.LINE, 4, 1)]
    assert not found.ends


def test_the_trace_ends_where_the_entry_is_left_and_nowhere_else() -> None:
    entry = call(19, "main")
    inside = (entry, line(21, "main"), call(11, "h", 1), line(18, "h", 1))
    assert moves(*inside[:2], line(23, "main"), leave(23, "main")) == Transitions((), ends=True)
    assert not moves(*inside).ends
    assert not moves(*inside, leave(18, "h", 1)).ends
    assert not moves(*inside[:2]).ends
    assert not moves(entry).ends


def test_a_trace_that_began_inside_ends_where_that_activation_is_left() -> None:
    assert moves(line(18, "h"), leave(18, "h")) == Transitions((), ends=True)
    assert moves(line(18, "h", 2), leave(18, "h", 2)) == Transitions((), ends=True)


def test_a_caller_goes_on_behind_the_line_that_called() -> None:
    found = moves(line(12, "h"), call(1, "f", 1), line(2, "f", 1), leave(2, "f", 1))
    assert places(found, Event.LINE) == {(13, 0, "h")}
    assert not places(found, Event.RETURN)


def test_an_exception_goes_to_its_handler() -> None:
    found = moves(call(19, "main"), line(21, "main"), fail(21, "main"))
    assert [(move.event, move.line, move.depth) for move in found.options] == [(Event.LINE, 22, 0)]
    assert not found.ends


def test_an_exception_without_a_handler_goes_to_the_caller() -> None:
    found = moves(call(19, "main"), line(21, "main"), call(11, "h", 1), line(17, "h", 1), fail(17, "h", 1))
    assert [(move.event, move.line, move.depth) for move in found.options] == [(Event.EXCEPTION, 21, 0)]


def test_an_exception_that_nobody_handles_ends_the_trace() -> None:
    found = moves(line(17, "h"), fail(17, "h"))
    assert found == Transitions((), ends=True)


def test_an_exception_in_a_callback_may_be_swallowed_by_the_library() -> None:
    text = "import m\ndef f():\n    raise m.E\ndef main():\n    m.run(f)\n    return 1\n"
    found = moves(line(5, "main"), call(2, "f", 1), line(3, "f", 1), fail(3, "f", 1), text=text)
    assert {(move.event, move.line) for move in found.options} >= {(Event.EXCEPTION, 5), (Event.LINE, 6)}


def test_a_handler_that_does_not_match_hands_the_exception_to_the_caller() -> None:
    text = "def f():\n    try:\n        g()\n    except KeyError:\n        return 1\ndef main():\n    f()\n"
    found = moves(line(7, "main"), call(1, "f", 1), line(3, "f", 1), fail(3, "f", 1), line(4, "f", 1), text=text)
    assert places(found, Event.EXCEPTION) >= {(7, 0, "main")}
    assert places(found, Event.LINE) == {(5, 1, "f")}


def test_a_suspended_generator_is_entered_again_at_its_yield_and_goes_on_behind_it() -> None:
    text = "def g():\n    yield 1\n    x = 2\n    yield x\ndef main():\n    for v in g():\n        pass\n"
    assert places(moves(line(6, "main"), text=text), Event.CALL) == {(1, 1, "g"), (2, 1, "g"), (4, 1, "g")}
    again = moves(line(6, "main"), call(2, "g", 1), text=text)
    assert places(again, Event.LINE) == {(3, 1, "g")}
    assert places(moves(line(6, "main"), call(4, "g", 1), text=text), Event.RETURN) == {(4, 1, "g")}


def test_module_level_code_has_no_return_event() -> None:
    found = moves(line(1, "<module>"), text="x = 1\n")
    assert found == Transitions((), ends=True)


def test_what_shares_a_line_is_told_apart_by_its_parameters() -> None:
    text = "fs = [lambda a: a, lambda b: [\n    b]]\n"
    [only] = moves(line(1, "<module>"), call(1, "<lambda>", 1, a="1"), text=text).options
    assert only.code is not None
    assert only.code.parameters == ("a",)
    [other] = moves(line(1, "<module>"), call(1, "<lambda>", 1, b="1"), text=text).options
    assert other.line == 2


def test_a_function_that_has_no_such_variables_is_not_meant() -> None:
    text = "fs = [lambda: 1, lambda a: [\n    a]]\n"
    assert {move.line for move in moves(line(1, "<module>"), call(1, "<lambda>", 1, a="1"), text=text).options} == {2}


def test_a_line_that_is_not_known_allows_all_of_its_function() -> None:
    found = moves(Frame(Event.LINE, "h", None, "?"))
    assert {number for number, _, _ in places(found, Event.LINE)} == {12, 13, 14, 16, 17, 18}


def test_a_function_that_is_not_known_does_not_break_anything() -> None:
    assert moves(Frame(Event.CALL, "?", None, "?")).events
    assert moves(Frame(Event.LINE, "?", 99, "?")).events
    assert moves(Frame(Event.EXCEPTION, "?", 99, "?")).events


# --- the start --------------------------------------------------------------------------------------------------------


def starts(text: str, number: int) -> list[Transition]:
    found = first_moves(Program.parse(text, "p.py"), number)
    assert not found.ends
    return list(found.options)


def test_a_marked_def_starts_with_its_own_call() -> None:
    for number, first in ((1, 1), (3, 3), (7, 7), (11, 11)):
        [move] = starts(CALLS, number)
        assert (move.event, move.depth, move.line) == (Event.CALL, 0, first)


def test_a_marked_and_decorated_def_starts_at_its_decorator() -> None:
    [move] = starts("@print\ndef f():\n    pass\n", 2)
    assert (move.event, move.line, move.function) == (Event.CALL, 1, "f")


def test_a_marked_line_starts_with_itself() -> None:
    [move] = starts(CALLS, 13)
    assert (move.event, move.line, move.function) == (Event.LINE, 13, "h")
    assert starts(CALLS, 99) == []


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_the_moves_of_a_long_run_are_found_quickly() -> None:
    program, trace = of_text("def main():\n    t = 0\n    for i in range(2000):\n        t += i\n    return t\n")
    assert len(trace.frames) > 4000
    assert_every_step_is_a_move(program, trace)


def test_an_exception_passed_on_from_a_deep_stack_needs_no_recursion() -> None:
    text = "def f():\n    try:\n        f()\n    finally:\n        m.f()\n"
    history = [frame for depth in range(2000) for frame in (call(1, "f", depth), line(5, "f", depth))]
    found = moves(*history, text=text)
    assert found.ends
    assert (1, 2000, "f") in places(found, Event.CALL)


def test_a_call_that_is_certain_comes_before_anything_else() -> None:
    found = moves(line(12, "h"))
    assert found.events == (Event.EXCEPTION, Event.CALL)
    assert not moves(line(24, "main")).of(Event.RETURN)
    assert moves(line(24, "main"), call(11, "h", 1), line(18, "h", 1), leave(18, "h", 1)).of(Event.RETURN)


@pytest.mark.parametrize(
    "statement",
    [
        "b = f(1) if a else 2",
        "b = a and f(1)",
        "b = [f(i) for i in a]",
        "b = lambda: f(1)",
        "b = a < 2 < f(1)",
        "b = g(1)",
        "b = d(1)",
        "if a: f(1)",
        "a = 1; b = f(1)",
        "for i in f(1): pass",
        "b = yield f(1)",
        "b = (\n        f(1))",
    ],
)
def test_a_call_that_depends_on_values_is_not_certain(statement: str) -> None:
    text = f"""\
def f(x):
    return x
def g(x):
    yield x
@print
def d(x):
    return x
def h(a):
    {statement}
    return a
"""
    assert Program.parse(text, "p.py").certain_calls == {}


@pytest.mark.parametrize(
    "statement", ["b = f(1)", "return -f(2)", "if f(a) > 1:\n        pass", "b += [f(1)][0] and a"]
)
def test_a_call_that_no_value_can_prevent_is_certain(statement: str) -> None:
    text = f"def f(x):\n    return x\ndef h(a):\n    b = 1\n    {statement}\n"
    assert Program.parse(text, "p.py").certain_calls == {5: {"f"}}
