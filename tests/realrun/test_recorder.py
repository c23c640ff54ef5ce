"""The recorder: golden traces per Python version, and programs that behave badly."""

from __future__ import annotations

import inspect
import io
import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import goldens
import pytest

from neuralpdb.program.compiled import compiled
from neuralpdb.realrun.recorder import record
from neuralpdb.realrun.snapshot import CUT, Interrupt, Limits
from neuralpdb.trace.frames import UNREPRESENTABLE, Ended, Frame, Origin, Trace, Trouble, TroubleKind


def recorded(text: str, function: str | None = "main", line: int = 0, **options: Any) -> Trace:
    limits = Limits(**{key: options.pop(key) for key in ("frames", "value_chars", "total_chars") if key in options})
    source = textwrap.dedent(text).lstrip("\n")
    return record(source, filename="p.py", entry_function=function, entry_line=line, limits=limits, **options)


def brief(trace: Trace) -> list[str]:
    """`depth event line [value]` of each frame: what most tests are about."""
    return [" ".join(filter(None, (str(f.depth), f.event.value, str(f.line), f.value))) for f in trace.frames]


def events_of(trace: Trace, function: str) -> list[str]:
    return [
        " ".join(filter(None, (f.event.value, str(f.line), f.value))) for f in trace.frames if f.function == function
    ]


# --- golden traces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", goldens.PROGRAMS)
@pytest.mark.parametrize("version", goldens.VERSIONS)
def test_every_version_records_its_golden_trace(version: str, name: str) -> None:
    if goldens.interpreter(version) is None:
        pytest.skip(f"no Python {version} on PATH, in NEURALPDB_PYTHONS or under ~/.pyenv/versions")
    assert goldens.recorded_by(version)[name] == goldens.golden(name, version), (
        "python tests/support/goldens.py --rewrite"
    )


@pytest.mark.parametrize("name", goldens.REPEATABLE)
@pytest.mark.parametrize("version", goldens.VERSIONS)
def test_a_program_that_ran_many_times_records_the_same(version: str, name: str) -> None:
    if goldens.interpreter(version) is None:
        pytest.skip(f"no Python {version} on PATH, in NEURALPDB_PYTHONS or under ~/.pyenv/versions")
    assert goldens.recorded_by(version)[goldens.WARM + name] == goldens.golden(name, version)


def test_versions_differ_only_where_it_is_known() -> None:
    differing = {path.name.split(".")[0] for path in goldens.GOLDEN.glob("*.3.*.jsonl")}
    assert differing == {
        "asynchronous",  # asynchronous comprehensions
        "generators",  # `throw` through `yield from`
        "statements",  # multi-line conditions
    }


def test_every_golden_file_has_its_program() -> None:
    assert {path.name.split(".")[0] for path in goldens.GOLDEN.iterdir()} == set(goldens.PROGRAMS)


# --- the start and the end --------------------------------------------------------------------------------------------


def test_a_script_starts_at_its_entry_line_and_has_no_return() -> None:
    trace = recorded("import os\ndef f():\n    return 1\nx = f()\ny = 2\n", None, 4)
    assert brief(trace) == ["0 line 4", "1 call 2", "1 line 3", "1 return 3 1", "0 line 5"]
    assert trace.end == Ended("the program ended")


def test_what_runs_before_the_entry_line_is_not_recorded() -> None:
    trace = recorded("def f():\n    return 1\na = f()\nb = f()\n", None, 4)
    assert brief(trace) == ["0 line 4", "1 call 1", "1 line 2", "1 return 2 1"]
    assert trace.frames[0].locals == {"a": "1"}


def test_a_function_is_recorded_from_its_call_to_its_return() -> None:
    trace = recorded("def main():\n    x = 1\n    return x\n")
    assert brief(trace) == ["0 call 1", "0 line 2", "0 line 3", "0 return 3 1"]
    assert [dict(f.locals) for f in trace.frames] == [{}, {}, {"x": "1"}, {"x": "1"}]
    assert {f.origin for f in trace.frames} == {Origin.OBSERVED}


def test_nothing_is_recorded_after_the_entry_is_left() -> None:
    trace = recorded(
        """
        class Noisy:
            def __del__(self):
                after = 1
        def main():
            n = Noisy()
            return 2
        """
    )
    assert brief(trace)[-1] == "0 return 6 2"
    assert all(f.function == "main" for f in trace.frames)


def test_the_start_marker_is_not_part_of_the_source() -> None:
    trace = recorded("def main():  # << START_OF_TRACE\n    return 1  # one\n")
    assert [f.source for f in trace.frames] == ["def main():", *["    return 1  # one"] * 2]


def test_module_variables_are_values_not_code_or_type_hints() -> None:
    text = """
    from __future__ import annotations
    import os, functools
    from typing import Any, Optional
    from math import pi, sqrt
    class C: pass
    def f(): pass
    g = lambda: 0
    @functools.cache
    def cached(): pass
    Alias = list[int] | None
    c = C()
    done = True
    """
    trace = recorded(text, None, 12)
    assert trace.frames[0].locals == {"pi": "3.141592653589793", "c": "<__main__.C object>"}


def test_given_globals_exist_before_the_program() -> None:
    trace = recorded("def main():\n    return given + 1\n", namespace={"given": 41})
    assert trace.frames[-1].value == "42"


@pytest.mark.parametrize(
    ("text", "function", "line", "message"),
    [
        ("x = 1\n", "main", 0, "main() was not reached: the program does not define it"),
        ("1 / 0\ndef main(): pass\n", "main", 0, "main() was not reached: ZeroDivisionError: division by zero"),
        ("import missing_module_x\nx = 1\n", None, 2, "ModuleNotFoundError: No module named 'missing_module_x'"),
        ("x = 1\nif x > 1:\n    x = 2\n", None, 3, "line 3 was not reached: the program ended"),
        ("def main(:\n", "main", 0, "SyntaxError"),
        ("import sys\nsys.exit(3)\nx = 1", None, 3, "line 3 was not reached: SystemExit: 3"),
    ],
)
def test_an_entry_that_is_not_reached_says_why(text: str, function: str | None, line: int, message: str) -> None:
    trace = recorded(text, function, line)
    assert trace.frames == ()
    assert isinstance(trace.end, Trouble)
    assert trace.end.kind is TroubleKind.UNAVAILABLE
    assert message in trace.end.message


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("{}['k']", "KeyError: 'k'"),
        ("assert False", "AssertionError"),
    ],
)
def test_an_uncaught_exception_is_a_normal_end(statement: str, reason: str) -> None:
    trace = recorded(f"def f():\n    {statement}\ndef main():\n    f()\n")
    assert [line.split(" ", 3)[:3] for line in brief(trace)[-2:]] == [["1", "exception", "2"], ["0", "exception", "4"]]
    assert trace.end == Ended(reason)


# --- exceptions and generators ----------------------------------------------------------------------------------------


def test_a_return_of_none_after_a_handled_exception_is_real() -> None:
    trace = recorded("def main():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        return\n")
    assert brief(trace)[-1] == "0 return 5 None"


def test_finally_lines_run_between_an_exception_and_its_phantom_return() -> None:
    trace = recorded(
        """
        def f(log):
            try:
                1 / 0
            finally:
                log.append(1)
        def main():
            try:
                f([])
            except ZeroDivisionError:
                pass
        """
    )
    assert events_of(trace, "f") == [
        "call 1",
        "line 2",
        "line 3",
        "exception 3 ZeroDivisionError('division by zero')",
        "line 5",
    ]


def test_return_in_finally_swallows_the_exception() -> None:
    trace = recorded("def main():\n    try:\n        1 / 0\n    finally:\n        return None\n")
    assert brief(trace)[-1] == "0 return 5 None"


def test_a_generator_that_yields_none_after_a_throw_really_yields() -> None:
    trace = recorded(
        """
        def g():
            while True:
                try: yield
                except ValueError: pass
        def main():
            a = g()
            next(a)
            a.throw(ValueError())
            return a.throw(ValueError())
        """
    )
    assert [e for e in events_of(trace, "g") if e.startswith("return")] == ["return 3 None"] * 3


def test_a_throw_that_a_generator_does_not_handle_is_no_return() -> None:
    trace = recorded(
        """
        def g():
            yield
        def main():
            a = g()
            next(a)
            try:
                a.throw(KeyError(1))
            except KeyError:
                return "caught"
        """
    )
    assert events_of(trace, "g")[-2:] == ["call 2", "exception 2 KeyError(1)"]


def test_closing_a_generator_is_shown_only_when_it_runs_lines() -> None:
    text = """
    def plain():
        yield 1
    def careful():
        try:
            yield 1
        finally:
            done = 1
    def main():
        a, b = plain(), careful()
        next(a), next(b)
        a.close()
        b.close()
    """
    trace = recorded(text)
    assert events_of(trace, "plain") == ["call 1", "line 2", "return 2 1"]
    assert events_of(trace, "careful")[-3:] == ["call 5", "exception 5 GeneratorExit()", "line 7"]


@pytest.mark.parametrize("drop", ["del g", "g = None", "for x in careful(): break", "helper()"])
def test_a_collected_generator_leaves_no_frames(drop: str) -> None:
    trace = recorded(
        f"""
        def note():
            return 0
        def careful():
            try:
                yield 1
            finally:
                note()
        def helper():
            h = careful()
            next(h)
        def main():
            g = careful()
            next(g)
            {drop}
            g = 0
            return 5
        """
    )
    assert "note" not in {f.function for f in trace.frames}
    assert not [e for e in events_of(trace, "careful") if "GeneratorExit" in e]
    assert brief(trace)[-1] == "0 return 16 5"


def test_depth_counts_recorded_activations_only() -> None:
    trace = recorded(
        """
        def f(x):
            return x
        def main():
            a = [f(x) for x in (1,)]
            b = sorted([2, 1], key=lambda v: f(v))
            class C:
                y = f(3)
            return sum(f(z) for z in (1,))
        """
    )
    depths = {(f.function, f.depth) for f in trace.frames}
    assert depths == {("main", 0), ("f", 1), ("f", 2), ("<lambda>", 1), ("<genexpr>", 1)}
    assert trace.frames[-1].depth == 0
    in_class = [f for f in trace.frames if f.function == "f" and f.locals == {"x": "3"}]
    assert in_class == [], "nothing in a class body is a frame"


def test_the_variable_of_a_comprehension_never_leaks() -> None:
    trace = recorded(
        """
        def main():
            x = 'outer'
            y = \\
                [x for x in (1, 2)]
            z = [x + i for i in
                 range(2)
                 for x in (5,)]
            w = [lambda: x for x in (3,)][0]()
            return x, y, z, w
        """
    )
    states = [f.locals for f in trace.frames if f.function == "main" and f.line and f.line > 2]
    assert {state.get("x") for state in states} == {"'outer'"}
    assert not any("i" in state for state in states)


# --- values -----------------------------------------------------------------------------------------------------------


def value_of(expression: str, prelude: str = "", **options: Any) -> str | None:
    return recorded(f"{prelude}\ndef main():\n    return {expression}\n", **options).frames[-1].value


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("object()", "<object object>"),
        ("[object(), main]", "[<object object>, <function main>]"),
        ("iter('ab')", "<str_iterator object>"),
        ("iter('äb')", "<str_iterator object>"),
        ("'a\\n\\'b\"'", "'a\\n\\'b\"'"),
        ("float('nan')", "nan"),
        ("10**5000", UNREPRESENTABLE),
    ],
)
def test_values_are_their_repr_without_addresses(expression: str, text: str) -> None:
    assert value_of(expression) == text


@pytest.mark.parametrize("body", ["raise ValueError", "raise SystemExit", "return 3", "return repr(self)"])
def test_a_repr_that_fails_is_named_and_harmless(body: str) -> None:
    prelude = f"class Bad:\n    def __repr__(self):\n        {body}"
    trace = recorded(f"{prelude}\ndef main():\n    b = Bad()\n    return [b]\n")
    assert trace.frames[-1].value == UNREPRESENTABLE
    assert trace.end == Ended("the program ended")


def test_a_repr_that_prints_writes_where_the_program_does() -> None:
    prelude = "class Loud:\n    def __repr__(self):\n        print('asked')\n        return 'Loud'"
    written = io.StringIO()
    trace = recorded(f"{prelude}\ndef main():\n    b = Loud()\n    return 1\n", output=(written, written))
    assert trace.frames[-1].locals == {"b": "Loud"}
    assert set(written.getvalue().split()) == {"asked"}


def test_a_repr_that_changes_its_object_is_recorded_as_it_answers() -> None:
    prelude = (
        "class Counter:\n    n = 0\n    def __repr__(self):\n        self.n += 1\n        return f'Counter {self.n}'"
    )
    trace = recorded(f"{prelude}\ndef main():\n    c = Counter()\n    x = 1\n    return x\n")
    assert [f.locals.get("c") for f in trace.frames] == [None, None, "Counter 1", "Counter 2", "Counter 2"]


def test_a_repr_that_deletes_locals_of_its_caller_is_survived() -> None:
    prelude = "class Thief:\n    def __repr__(self):\n        items.clear()\n        return 'Thief'\nitems = [1, 2]"
    trace = recorded(f"{prelude}\ndef main():\n    t = Thief()\n    mine = items\n    return mine\n")
    assert trace.frames[-1].value == "[]"


def test_a_repr_that_we_call_is_not_traced_but_one_of_the_program_is() -> None:
    prelude = "class A:\n    def __repr__(self):\n        return 'A'"
    quiet = recorded(f"{prelude}\ndef main():\n    a = A()\n    return a\n")
    assert {f.function for f in quiet.frames} == {"main"}
    asked = recorded(f"{prelude}\ndef main():\n    a = A()\n    return repr(a)\n")
    assert {f.function for f in asked.frames} == {"main", "__repr__"}


def test_a_repr_with_lone_surrogates_or_a_str_subclass_becomes_plain_text() -> None:
    prelude = "class S(str): pass\nclass A:\n    def __repr__(self):\n        return S('\\ud800 é')"
    found = value_of("A()", prelude)
    assert found == "\\ud800 é"
    assert type(found) is str


def test_a_long_value_is_cut_with_a_mark_and_the_end_says_so() -> None:
    trace = recorded("def main():\n    x = 'a' * 5000\n    return len(x)\n", value_chars=100)
    assert trace.frames[-1].locals["x"] == "'" + "a" * 99 + CUT
    assert trace.end == Ended("the program ended; 1 values were cut at 100 characters")


@pytest.mark.parametrize("expression", ["'a' * 10**9", "b'a' * 10**9", "[0] * 10**8"])
def test_a_huge_value_is_cut_before_its_text_is_made(expression: str) -> None:
    if expression.startswith("["):
        expression = expression.replace("10**8", "10**7")
    found = value_of(expression.replace("10**9", "10**8"), value_chars=1000)
    assert found is not None
    assert len(found) == 1001


def test_deleted_locals_disappear() -> None:
    trace = recorded("def main():\n    a = b = 1\n    del a\n    return b\n")
    assert [dict(f.locals) for f in trace.frames[2:4]] == [{"a": "1", "b": "1"}, {"b": "1"}]


def test_locals_are_in_the_order_in_which_they_were_bound() -> None:
    trace = recorded(
        """
        def main():
            for i in range(2):
                if i:
                    late = 1
                early = 2
            use = lambda: early
            return use
        """
    )
    assert list(trace.frames[-1].locals) == ["i", "early", "late", "use"]


# --- programs that behave badly ---------------------------------------------------------------------------------------


def test_the_frame_limit_is_a_truncation() -> None:
    trace = recorded("def main():\n    while True:\n        pass\n", frames=50)
    assert len(trace.frames) == 50
    assert trace.end == Trouble(TroubleKind.TRUNCATED, "limit of 50 frames")


def test_the_limit_of_all_values_is_a_truncation() -> None:
    trace = recorded("def main():\n    x = 'a' * 1000\n    while True:\n        pass\n", total_chars=10_000)
    assert trace.end == Trouble(TroubleKind.TRUNCATED, "limit of 10000 characters of values")
    assert len(trace.frames) < 20


def test_a_program_that_swallows_the_interruption_is_still_truncated() -> None:
    text = """
    def main():
        try:
            while True:
                pass
        except BaseException:
            return 1
    """
    trace = recorded(text, frames=20)
    assert trace.end == Trouble(TroubleKind.TRUNCATED, "limit of 20 frames")
    assert len(trace.frames) == 20


def test_on_limit_is_told_before_the_program_goes_on() -> None:
    told: list[Trouble] = []
    recorded("def main():\n    while True:\n        pass\n", frames=5, on_limit=told.append)
    assert told == [Trouble(TroubleKind.TRUNCATED, "limit of 5 frames")]


def test_emitted_frames_are_not_kept() -> None:
    seen: list[Frame] = []
    trace = recorded("def main():\n    return 1\n", emit=seen.append)
    assert trace.frames == ()
    assert len(seen) == 3


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Interrupt("time is up")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "text",
    [
        "def main():\n    while True: pass\n",
        "class A:\n    def __repr__(self):\n        while True: pass\ndef main():\n    a = A()\n    return a\n",
        "def main():\n    import time\n    time.sleep(60)\n",
    ],
    ids=["loop", "repr", "sleep"],
)
def test_an_interrupt_ends_a_program_that_hangs(text: str) -> None:
    with alarm(0.2):
        trace = recorded(text, frames=10_000_000)
    assert trace.end == Trouble(TroubleKind.TRUNCATED, "time is up")
    assert trace.frames
    assert not [f for f in trace.frames if f.value and "Interrupt" in f.value]


COUNTING = """
deepest = 0
def f(n):
    global deepest
    deepest = n
    f(n + 1)
def main():
    try:
        f(0)
    except RecursionError:
        return deepest
"""


def test_recursion_ends_where_it_does_in_a_script() -> None:
    trace = recorded(COUNTING)
    levels_of_a_script, module_and_main = 1000, 2
    assert trace.frames[-1].value == str(levels_of_a_script - module_and_main - 1)
    assert trace.end == Ended("the program ended")
    exceptions = [f for f in trace.frames if f.event.value == "exception"]
    assert exceptions[0].value == "RecursionError('maximum recursion depth exceeded')"
    assert [f.depth for f in exceptions] == list(range(998, -1, -1))


def test_endless_recursion_is_an_uncaught_exception() -> None:
    trace = recorded("def main():\n    return main()\n")
    assert trace.end == Ended("RecursionError: maximum recursion depth exceeded")
    assert trace.frames[-1].depth == 0


def test_a_program_may_change_its_recursion_limit() -> None:
    text = "import sys\nsys.setrecursionlimit(200)\n" + textwrap.dedent(COUNTING)
    before = sys.getrecursionlimit()
    assert recorded(text).frames[-1].value == "197"
    assert value_of("sys.getrecursionlimit()", "import sys\nsys.setrecursionlimit(10**5)") == "100000"
    assert sys.getrecursionlimit() == before
    assert sys.setrecursionlimit.__module__ == "sys"


def test_the_handler_in_the_deepest_frame_is_recorded() -> None:
    trace = recorded(
        """
        import sys
        def f(n):
            try:
                return f(n + 1)
            except RecursionError:
                return n
        def main():
            sys.setrecursionlimit(100)
            return f(0)
        """
    )
    assert trace.frames[-1].value == "97"
    assert events_of(trace, "f").count("line 5") == 1


def test_a_program_that_takes_the_trace_function_away_ends_the_recording_with_a_reason() -> None:
    trace = recorded("import sys\ndef main():\n    x = 1\n    sys.settrace(None)\n    return x\n")
    assert isinstance(trace.end, Trouble)
    assert trace.end.kind is TroubleKind.UNAVAILABLE
    assert "sys.settrace" in trace.end.message
    assert brief(trace) == ["0 call 2", "0 line 3", "0 line 4"]


def test_only_the_thread_of_the_entry_is_recorded() -> None:
    trace = recorded(
        """
        import threading
        def work(out):
            out.append(1)
        def main():
            out = []
            t = threading.Thread(target=work, args=(out,))
            t.start()
            t.join()
            return out
        """
    )
    assert {f.function for f in trace.frames} == {"main"}
    assert trace.frames[-1].value == "[1]"


def test_code_that_is_made_at_run_time_is_not_recorded() -> None:
    trace = recorded(
        """
        def main():
            space = {}
            exec("def g():\\n    return eval('1 + 1')", space)
            return space["g"]()
        """
    )
    assert {f.function for f in trace.frames} == {"main"}


def test_input_is_empty_output_is_gone_and_breakpoints_do_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    text = """
    import sys
    def main():
        print("printed")
        sys.stderr.write("written")
        sys.stdout.buffer.write(b"bytes")
        breakpoint()
        try:
            input()
        except EOFError:
            return sys.stdin.read()
    """
    assert recorded(text).frames[-1].value == "''"
    assert capfd.readouterr() == ("", "")


def test_what_the_program_writes_can_be_kept_apart() -> None:
    written, complained = io.StringIO(), io.StringIO()
    text = "import sys\ndef main():\n    print('a', end='')\n    print('b', file=sys.stderr, end='')\n"
    recorded(text, output=(written, complained))
    assert (written.getvalue(), complained.getvalue()) == ("a", "b")


@pytest.mark.parametrize(
    ("statement", "asks"),
    [
        ("input()", True),
        ("sys.stdin.read()", True),
        ("sys.stdin.buffer.read(10)", True),
        ("list(sys.stdin)", True),
        ("sys.stdin.fileno()", False),
        ("sys.stdin.isatty()", False),
        ("print('no')", False),
    ],
)
def test_a_program_that_reads_its_input_is_noticed_before_it_goes_on(statement: str, asks: bool) -> None:
    frames: list[Frame] = []
    asked: list[int] = []
    text = f"import sys\ndef main():\n    x = 1\n    {statement}\n    return x\n"
    recorded(text, emit=frames.append, on_input=lambda: asked.append(len(frames)))
    assert set(asked) == ({3} if asks else set())


@pytest.mark.parametrize(
    ("test", "runs"),
    [
        ("__name__ == '__main__'", False),
        ("'__main__' == __name__", False),
        ("__name__ == '__main__' and True", False),
        ("not __name__ == '__main__'", True),
        ("__name__ != '__main__'", True),
        ("__name__ == 'other'", False),
        ("(lambda: __name__ == '__main__')()", True),
        ("1 == 1", True),
    ],
)
def test_the_main_block_of_an_entered_function_does_not_run(test: str, runs: bool) -> None:
    text = f"done = False\nif {test}:\n    done = True\ndef main():\n    return done, __name__\n"
    assert recorded(text).frames[-1].value == f"({runs}, '__main__')"
    script = recorded(f"if {test}:\n    done = 1\nx = 2\nx = 3\n", None, 3)
    assert script.frames[0].locals.get("done") == ("1" if eval(test, {"__name__": "__main__"}) else None)


def test_leaving_out_the_main_block_moves_no_line_and_changes_no_function() -> None:
    text = inspect.getsource(goldens)
    whole, without = (functions_of(compiled(text, "p.py", main=main)) for main in (True, False))
    assert len(whole) > 5
    assert whole == without
    for name, code in whole.items():
        assert list(code.co_positions()) == list(without[name].co_positions())


def functions_of(module: CodeType) -> dict[str, CodeType]:
    return {c.co_name: c for c in module.co_consts if isinstance(c, CodeType) and c.co_name.isidentifier()}


def test_everything_borrowed_is_given_back() -> None:
    names = ("stdin", "stdout", "stderr", "breakpointhook", "setrecursionlimit", "getrecursionlimit")
    before = [getattr(sys, name) for name in names], sys.modules["__main__"], sys.getrecursionlimit()
    trace, profile = sys.gettrace(), sys.getprofile()
    recorded("import sys\ndef main():\n    sys.stdout.close()\n    sys.settrace(None)\n    main()\n", "main")
    assert ([getattr(sys, name) for name in names], sys.modules["__main__"], sys.getrecursionlimit()) == before
    assert sys.gettrace() is trace
    assert sys.getprofile() is profile


def test_the_program_is_the_main_module_while_it_runs() -> None:
    text = """
    import sys, pickle
    from dataclasses import dataclass
    @dataclass
    class P:
        x: int
    def main():
        return pickle.loads(pickle.dumps(P(1))), sys.modules[__name__].P is P
    """
    assert recorded(text).frames[-1].value == "(P(x=1), True)"


def test_two_recordings_of_one_program_are_equal() -> None:
    text = inspect.getsource(goldens).replace('if __name__ == "__main__":', "if False:")
    text += "\ndef main():\n    return entry('x = 1  # << START_OF_TRACE')\n"
    first, second = (record(text, filename=goldens.__file__, entry_function="main", entry_line=0) for _ in range(2))
    assert first == second
    assert first.end == Ended("the program ended")
