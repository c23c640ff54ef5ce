"""Reading, parsing and entering programs: what is accepted, and the one line that a user gets for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralpdb.errors import NeuralPdbError, TargetError, UsageError
from neuralpdb.program.entry import Entry, enter, parse_state
from neuralpdb.program.program import Program
from neuralpdb.program.source import read_source, split_lines
from neuralpdb.trace.frames import Event, Origin


def program(text: str) -> Program:
    return Program.parse(text, "p.py")


def refused(error: pytest.ExceptionInfo[NeuralPdbError], *words: str) -> None:
    """The error is one line of text that names these words."""
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


# --- reading ----------------------------------------------------------------------------------------------------------

UNREADABLE: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "a binary file": (b"\x7fELF\0\0", ("binary",)),
    "latin-1 without a coding line": ("x = 1\ny = 'é'\n".encode("latin-1"), ("line 2", "0xe9", "utf-8")),
    "an unknown coding": (b"# coding: klingon\n", ("klingon", "coding line")),
    "a coding that contradicts the BOM": (b"\xef\xbb\xbf# coding: latin-1\n", ("coding",)),
    "a coding that is none for text": (b"# coding: hex\nx = 1\n", ("hex", "coding line")),
}


@pytest.mark.parametrize(("data", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_source_text_is_refused(tmp_path: Path, data: bytes, words: tuple[str, ...]) -> None:
    path = tmp_path / "p.py"
    path.write_bytes(data)
    with pytest.raises(TargetError) as error:
        read_source(path)
    refused(error, "p.py", *words)
    assert error.value.exit_code == 4


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as error:
        read_source(tmp_path / "none.py")
    refused(error, "none.py", "No such file")
    with pytest.raises(TargetError) as error:
        read_source(tmp_path)
    refused(error, "is a directory")


@pytest.mark.parametrize(
    "data",
    [
        "x = 'é'\n".encode(),
        "\ufeffx = 'é'\n".encode(),
        "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
        "# -*- coding: cp1252 -*-\r\nx = 'é'\r\n".encode("cp1252"),
    ],
)
def test_a_file_is_decoded_as_python_would(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "p.py"
    path.write_bytes(data)
    assert Program.read(path).lines[-1] == "x = 'é'"


# --- parsing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ny = (\n", ("line 2", "was never closed")),
        ("def f():\nreturn 1\n", ("line 2", "indented block", "at: return 1")),
        ("if x:\n\ty\n        z\n", ("line 3", "tabs and spaces")),
        ("return 1\n", ("line 1", "'return' outside function")),
        ("x = 1\0\n", ("null bytes",)),
        ("print 'x'\n", ("line 1", "column 1")),
        ("x = " + "(" * 500 + ")" * 500, ("nested",)),
        ("x = " + "-" * 100_000 + "1\n", ("p.py",)),
        ("x = " + "1" * 5000 + "\n", ("p.py",)),
    ],
    ids=["unclosed", "indent", "tabs", "return", "null", "python 2", "parentheses", "signs", "digits"],
)
def test_source_that_python_refuses_is_refused_with_its_place(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(TargetError) as error:
        enter(program(text))
    refused(error, *words)


def test_source_that_is_too_deep_to_walk_is_refused_when_it_is_needed() -> None:
    with pytest.raises(TargetError) as error:
        enter(program("x = " + " + ".join("1" * 20_000) + "\n"))
    refused(error, "p.py", "cannot parse")


def test_lines_end_as_python_says() -> None:
    assert split_lines("a\r\nb\rc\nd") == ["a", "b", "c", "d"]
    assert split_lines("a\fb\x1cc\u2028d\x85e") == ["a\fb\x1cc\u2028d\x85e"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_gives_the_same_lines(newline: str) -> None:
    found = program(newline.join(["def f(a):", "    return a", "", "x = f(1)", "", ""]))
    assert found.lines == ("def f(a):", "    return a", "", "x = f(1)")
    assert enter(found).marked == 4


def test_tabs_form_feeds_and_unicode_names_keep_their_lines() -> None:
    text = "\fdef größe(ä):\n\tif ä:\n\t\treturn 'ü'\n\treturn ä\n\f\nx = größe(0)\n"
    found = program(text)
    assert found.lines[0] == "\fdef größe(ä):"
    assert found.functions == ("größe",)
    [code] = [code for code in found.codes if not code.is_module]
    assert code.lines == {2, 3, 4}
    assert code.parameters == ("ä",)
    assert enter(found).marked == 6


def test_a_form_feed_inside_a_line_does_not_shift_the_lines_below() -> None:
    found = program("x = 1 \f\ny = '\f'\nz = 3\n")
    assert found.line(3) == "z = 3"
    assert found.code.lines == {1, 2, 3}


def test_a_line_that_is_not_there_has_no_text() -> None:
    found = program("x = 1\n")
    assert [found.line(number) for number in (None, 0, -1, 1, 2)] == ["", "", "", "x = 1", ""]


@pytest.mark.timeout(60)
def test_five_thousand_lines_are_entered_within_seconds() -> None:
    block = "def f{0}(a):\n    try:\n        return [b for b in a]\n    except ValueError:\n        return {0}\n"
    text = "".join(block.format(i) for i in range(600)) + "".join(f"x{i} = f{i % 600}([{i}])\n" for i in range(2000))
    found = program(text)
    assert len(found.lines) == 5000
    assert enter(found).marked == 3001
    assert found.code_at("f599", 2998) is found.enclosing(2998)
    assert found.direct_calls[5000] == {"f199"}


# --- places -----------------------------------------------------------------------------------------------------------

DUPLICATES = """\
class A:
    def __init__(self, x):
        self.x = x
class B:
    def __init__(self, x):
        self.x = x
def f(x):
    return x
def g(x):
    return x
pair = [lambda a: a, lambda b: -b]
"""


def test_a_line_belongs_to_the_innermost_function_that_runs_it() -> None:
    found = program(DUPLICATES)
    owners = {n: code.qualname for n in range(1, 12) if (code := found.enclosing(n))}
    assert owners == {
        **dict.fromkeys((1, 4, 7, 9, 11), "<module>"),
        3: "A.__init__",
        6: "B.__init__",
        8: "f",
        10: "g",
    }


def test_functions_of_one_name_are_told_apart_by_their_lines() -> None:
    found = program(DUPLICATES)
    assert [code.first_line for code in found.codes_at("__init__", 6)] == [5]
    assert [code.first_line for code in found.codes_at("__init__", None, entered=2)] == [2]
    assert [code.first_line for code in found.codes_at("__init__", None)] == [2, 5]
    assert found.code_at("h", 1) is None


def test_lambdas_on_one_line_are_all_found() -> None:
    assert [code.parameters for code in program(DUPLICATES).codes_at("<lambda>", 11)] == [("a",), ("b",)]


def test_a_function_is_found_at_its_def_and_at_its_first_decorator() -> None:
    found = program("def d(f):\n    return f\n@d\n@d\ndef g(a):\n    return a\n")
    assert [(n, code.name) for n in range(1, 7) if (code := found.defined_at(n))] == [(1, "d"), (3, "g"), (5, "g")]


def test_class_bodies_and_comprehensions_make_no_frames() -> None:
    found = program("class A:\n    y = [i for i in 'ab']\nz = {i for i in 'ab'}\nw = (i for i in z)\n")
    assert [code.name for code in found.codes] == ["<module>", "<genexpr>"]


def test_a_line_is_direct_only_if_every_call_on_it_names_a_plain_function() -> None:
    found = program(
        "import m\n"
        "def f(x): return x\n"
        "def g(x): return x\n"
        "@m.d\n"
        "def h(x): return x\n"
        "class C: pass\n"
        "k = f\n"
        "f(g(1))\n"  # line 8
        "C()\n"
        "len([f(1)])\n"
        "f(\n"
        "  1)\n"
        "h(1)\n"
        "k(1)\n"
        "m.f(1)\n"
        "f(m.g(1))\n"
        "sorted([1], key=f)\n"
        "print(f(1), file=m.x)\n"
        "g = m\n"
    )
    assert found.direct_calls == {9: set(), 10: {"f"}, 11: {"f"}, 12: {"f"}}


# --- entering a script ------------------------------------------------------------------------------------------------


def first_line(entry: Entry) -> int | None:
    assert entry.first is not None
    assert (entry.first.event, entry.first.function, entry.first.depth) == (Event.LINE, "<module>", 0)
    assert entry.first.origin is Origin.GIVEN
    return entry.first.line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n", 1),
        ('"""Doc."""\nimport os\nfrom os import path\ndef f():\n    pass\nclass C:\n    pass\nx = 1\n', 8),
        ("@print\ndef f():\n    pass\nx = 1\n", 4),
        ("import os; x = 1\n", 1),
        ("if __name__ == '__main__':\n    x = 1\n", 1),
        ("def f():\n    pass\nif 1:\n    x = 1\n", 3),
        ("try:\n    import m\nexcept ImportError:\n    m = None\n", 1),
        ("x: int\ny: int = 1\n", 1),
        ("pass\n", 1),
        ("'doc'\n'a constant'\nx = 1\n", 2),
        ("x = [a\n     for a in 'ab']\n", 1),
    ],
)
def test_a_script_starts_at_its_first_statement(text: str, line: int) -> None:
    entry = enter(program(text))
    assert (first_line(entry), entry.marked, entry.function) == (line, line, None)


def test_a_statement_of_several_lines_starts_at_the_line_that_runs_first() -> None:
    assert first_line(enter(program("x = (\n    len('a')\n)\n"))) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("p.py is empty",)),
        ("\n\n# nothing\n", ("p.py is empty",)),
        ('"""Doc."""\n', ("only defines", "add a statement")),
        ("import os\n", ("only defines", "add a statement")),
        ("def f():\n    pass\ndef g():\n    pass\n", ("only defines", "--call 'f(...)'", "f, g")),
    ],
)
def test_a_file_without_a_statement_says_what_to_do(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(TargetError) as error:
        enter(program(text))
    refused(error, *words)


# --- entering a call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call", ["f(1)", " f(1) ", "len('a')", "C(2)", "C(2).m()", "m.f()", "alias(1)", "(lambda: 1)()"]
)
def test_a_call_is_entered_through_a_wrapper_behind_the_file(call: str) -> None:
    text = "import m\ndef f(a):\n    return a\nclass C:\n    pass\nalias = f\n"
    entry = enter(program(text), call=call)
    assert entry.program.lines == (*program(text).lines, "def main():", f"    return {call.strip()}")
    assert (entry.marked, entry.function, entry.program.own) == (7, "main", 6)
    assert entry.first is not None
    assert (entry.first.event, entry.first.line, entry.first.source) == (Event.CALL, 7, "def main():")
    assert entry.first.locals == {}


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    def f():\n        pass\n",
        "try:\n    from m import f\nexcept ImportError:\n    f = None\n",
        "for f in [1]:\n    pass\n",
        "from m import *\n",
    ],
)
def test_a_function_may_be_defined_in_any_way_at_module_level(text: str) -> None:
    assert enter(program(text), call="f()").function == "main"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("g(1)", ("defines no 'g'", "functions: f")),
        ("inner()", ("defines no 'inner'",)),
        ("f", ("not a call", "for example")),
        ("f(1) + 1", ("not a call",)),
        ("f(1", ("not a Python expression",)),
        ("", ("not a Python expression",)),
        ("x = f(1)", ("not a Python expression",)),
        ("f(1)\nf(2)", ("not a Python expression",)),
        ("f(\n1)", ("not a call",)),
        ("f((yield))", ("not a call",)),
        ("(" * 300 + "f(1)" + ")" * 300, ("not a Python expression",)),
    ],
)
def test_what_is_no_call_of_a_known_function_is_refused(call: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as error:
        enter(program("def f(a):\n    def inner():\n        pass\n"), call=call or " ")
    assert error.value.exit_code == 2
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("text", "wrapper"),
    [
        ("def main():\n    pass\n", "_main"),
        ("def main():\n    pass\nclass _main:\n    pass\n", "trace_main"),
        ("import main\n", "_main"),
        ("from m import a as main\n", "_main"),
        ("main = 1\n", "_main"),
        ("def f():\n    return main\n", "_main"),
        ("main = _main = trace_main = neuralpdb_main = neuralpdb_main_2 = 1\n", "neuralpdb_main_3"),
    ],
)
def test_the_wrapper_takes_a_name_that_is_free(text: str, wrapper: str) -> None:
    entry = enter(program(text), call="len('a')")
    assert (entry.function, entry.program.line(entry.marked)) == (wrapper, f"def {wrapper}():")


def test_a_call_and_a_line_to_start_at_exclude_each_other() -> None:
    for options in ({"at": 1}, {"state": ["x=1"]}):
        with pytest.raises(UsageError, match="exclude each other"):
            enter(program("x = 1\n"), call="len('a')", **options)


# --- entering anywhere ------------------------------------------------------------------------------------------------

FUNCTION = "def f(a, b=2):\n    c = a\n    return c\n\nx = f(1)\n"


def test_any_line_of_a_function_can_be_the_start() -> None:
    entry = enter(program(FUNCTION), at=3, state=["c = 'r'", "a=[1,  2]"])
    assert entry.marked == 1
    assert entry.first is not None
    assert (entry.first.event, entry.first.function, entry.first.line) == (Event.LINE, "f", 3)
    assert list(entry.first.locals.items()) == [("c", "'r'"), ("a", "[1, 2]")]


def test_a_line_of_the_module_can_be_the_start() -> None:
    assert first_line(enter(program(FUNCTION), at=5)) == 5
    assert first_line(enter(program(FUNCTION), at=1)) == 1


@pytest.mark.parametrize("line", [4, 6, 99, -1])
def test_a_line_that_never_runs_is_refused_with_the_nearest_that_does(line: int) -> None:
    with pytest.raises(UsageError) as error:
        enter(program(FUNCTION), at=line)
    refused(error, f"--at {line}", "nearest is line")


def test_a_file_without_any_line_has_no_nearest() -> None:
    with pytest.raises(UsageError, match="--at 3"):
        enter(program(""), at=3)


@pytest.mark.parametrize(
    "pair",
    ["x", "=1", "1x=2", "x.y=1", "class=1", "x=", "x=y z", "x=1+", "x=" + "(" * 500],
)
def test_a_value_that_is_no_expression_or_a_name_that_is_none_is_refused(pair: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_state([pair])
    refused(error, "--set")


def test_values_are_written_as_repr_writes_them() -> None:
    state, made = parse_state(["x = {'a' : 1,}", 'y="r"', "z=-1", "a=b'x'", "e= ...", "s='='", "f= g(1) "])
    assert made == {"f": "g(1)"}
    assert state == {
        "x": "{'a': 1}",
        "y": "'r'",
        "z": "-1",
        "a": "b'x'",
        "e": "Ellipsis",
        "s": "'='",
    }


# --- markers ----------------------------------------------------------------------------------------------------------

MARK = "  # << START_OF_TRACE"


def test_a_marked_def_without_parameters_is_called() -> None:
    entry = enter(program(f"x = 1\ndef f():{MARK}\n    return 1\n"))
    assert entry.program.line(2) == "def f():"
    assert (entry.marked, entry.function) == (2, None)
    assert entry.first is not None
    assert (entry.first.event, entry.first.function, entry.first.source) == (Event.CALL, "f", "def f():")


def test_a_marked_def_with_parameters_leaves_them_to_the_model() -> None:
    assert enter(program(f"def f(a):{MARK}\n    return a\n")).first is None
    assert enter(program(f"def f(*rest):{MARK}\n    return rest\n")).first is None


def test_a_marked_def_takes_the_values_of_its_parameters_in_their_order() -> None:
    entry = enter(program(f"def f(a, *, b):{MARK}\n    return a\n"), state=["b=2", "a=1"])
    assert entry.first is not None
    assert list(entry.first.locals.items()) == [("a", "1"), ("b", "2")]


def test_a_marked_def_refuses_a_value_for_no_parameter() -> None:
    with pytest.raises(UsageError) as error:
        enter(program(f"def f(a):{MARK}\n    return a\n"), state=["a=1", "typo=2"])
    refused(error, "--set typo", "its parameters: a")


def test_a_marked_and_decorated_def_is_called_at_its_decorator() -> None:
    entry = enter(program(f"import m\n@m.d\ndef f():{MARK}\n    return 1\n"))
    assert entry.first is not None
    assert (entry.marked, entry.first.line, entry.first.source) == (3, 2, "@m.d")


def test_a_marked_line_is_started_at() -> None:
    assert first_line(enter(program(f"x = 1\ny = 2{MARK}\n"))) == 2
    entry = enter(program(f"def f(a):\n    return a{MARK}\n"), state=["a=1"])
    assert entry.first is not None
    assert (entry.first.function, entry.first.line) == ("f", 2)


def test_the_users_line_comes_before_the_marker() -> None:
    assert first_line(enter(program(f"x = 1{MARK}\ny = 2\n"), at=2)) == 2


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("x = '#'  # << START_OF_TRACE", "x = '#'"),
        ("x = 1 # << START_OF_TRACE (issue #7)", "x = 1"),
        ("x = 1  ## << START_OF_TRACE", "x = 1"),
    ],
)
def test_a_marker_goes_with_its_whole_comment_and_nothing_else(line: str, rest: str) -> None:
    found = program(line + "\n")
    assert (found.marks, found.lines) == ((1,), (rest,))


@pytest.mark.parametrize(
    "text",
    [
        "x = '# << START_OF_TRACE'\n",
        "x = '''\n  # << START_OF_TRACE\n'''\n",
        "x = 1  # see: # << START_OF_TRACE\n",
        "x = 1  # START_OF_TRACE\n",
        "x = f'{1} # << START_OF_TRACE'\n",
    ],
)
def test_a_marker_inside_a_string_or_a_sentence_is_none(text: str) -> None:
    found = program(text)
    assert (found.marks, found.text) == ((), text)


def test_two_markers_are_refused() -> None:
    with pytest.raises(TargetError) as error:
        enter(program(f"x = 1{MARK}\ny = 2{MARK}\n"))
    refused(error, "marks 2 lines", "mark one line")


def test_a_marker_on_a_line_that_never_runs_is_refused() -> None:
    with pytest.raises(TargetError) as error:
        enter(program(f"x = 1\n{MARK}\n"))
    refused(error, "line 2", "never runs")


def test_a_first_line_that_is_not_utf8_is_said_with_its_byte(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes(b'x = "\xe9"\n')
    with pytest.raises(TargetError, match=r"line 1: byte 0xe9 is not utf-8 \(save it as UTF-8"):
        read_source(file)
