"""What is shown: inert whatever it holds, kept verbatim, shortened where it is long."""

from __future__ import annotations

import io
import time
import unicodedata

import pytest
from frame_sources import entry_of
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.frontends.text import frames as frames_module
from neuralpdb.output import highlight, printable
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Origin
from neuralpdb.trace.stack import advance, stack_of

PROGRAM = Program.parse("def f(a):\n    return a\n\n\nx = f(1)\ny = x\n", "p.py")


def printed(text: Text, width: int = 80) -> str:
    """What a console of that width writes."""
    output = io.StringIO()
    Console(file=output, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(
        text, soft_wrap=True
    )
    return output.getvalue()


# -- inert text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b]8;;http://x\x1b\\link", "\\x1b]8;;http://x\\x1b\\link"),
        ("\x9b31m\x9d0;t\x9c", "\\x9b31m\\x9d0;t\\x9c"),
        ("a\rb\nc\x08d\x7f\x00", "a\\rb\\nc\\x08d\\x7f\\x00"),
        ("a\x0bb\x0cc", "a\\x0bb\\x0cc"),
        ("\u202eevil\u202c \u2066x\u2069 \u200f", "\\u202eevil\\u202c \\u2066x\\u2069 \\u200f"),
        ("\ud800\udfff", "\\ud800\\udfff"),
        ("a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\x85d"),
        ("\ufeff\u200b\u00ad", "\\ufeff\\u200b\\xad"),
        ("\ue000\U0010ffff\u0378", "\\ue000\\U0010ffff\\u0378"),
        ("tab\there", "tab    here"),
    ],
)
def test_what_could_steer_a_terminal_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable.inert(text) == shown


@pytest.mark.parametrize(
    "text", ["plain", "größe π", "日本語", "é", "👩\u200d🚀", "[red]['a'][/] {x} :smile:", "\\x1b", ""]
)
def test_what_only_prints_is_kept(text: str) -> None:
    assert printable.inert(text) == text


@given(st.text())
def test_no_text_keeps_a_character_that_does_more_than_print(text: str) -> None:
    shown = printable.inert(text)
    doing = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not [char for char in shown if unicodedata.category(char) in doing and char != "\u200d"]
    shown.encode("utf-8")


@given(st.text(max_size=300), st.integers(10, 80))
def test_a_long_value_keeps_its_beginning_and_its_end(text: str, width: int) -> None:
    shown = printable.short(text, width)
    assert len(shown) <= width
    whole = printable.inert(text)
    if len(whole) <= width:
        assert shown == whole
    else:
        first, cut, last = shown.partition(" ... ")
        assert cut and whole.startswith(first) and whole.endswith(last)
        assert len(shown) >= width - 1


def test_a_value_of_megabytes_is_shortened_at_once() -> None:
    started = time.process_time()
    assert len(printable.short("\x1b" * 5_000_000)) <= printable.VALUE_WIDTH
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "line", ["x = '[red]'", "a['b'] = [/]", "[bold]x[/bold]", "x = 1 # :smile:", "\tx = 1", "é = '\x1b[1m'"]
)
def test_a_source_line_is_highlighted_without_losing_a_character(line: str) -> None:
    assert highlight.source(line).plain == printable.inert(line)
    assert printed(highlight.source(line)).rstrip("\n") == printable.inert(line)


# -- stops ----------------------------------------------------------------------------------------------------


def stop_of(
    frame: Frame, kind: StopKind = StopKind.STEP, message: str = "", program: Program = PROGRAM
) -> tuple[str, str]:
    """The stop as a block and as a line."""
    stop, stack = Stop(kind, frame, (), message), stack_of([frame])
    return frames_module.stop_block(program, stop, stack).plain, frames_module.stop_line(program, stop, stack).plain


def test_a_line_is_shown_as_pdb_shows_it_then_what_changed() -> None:
    block, line = stop_of(Frame(Event.LINE, "<module>", 6, "y = x", {"x": "1"}))
    assert block == "> p.py(6)<module>()\n-> y = x\n   x = 1"
    assert line == "> p.py(6)<module>() -> y = x  # x = 1"


@pytest.mark.parametrize(
    ("event", "banner"), [(Event.RETURN, "--Return--"), (Event.EXCEPTION, "--Exception--")]
)  # fmt: skip
def test_a_value_follows_the_place_as_in_pdb(event: Event, banner: str) -> None:
    block, line = stop_of(Frame(event, "f", 2, "    return a", {}, value="[1]", depth=1))
    assert block == f"{banner}\n> p.py(2)f()->[1]\n-> return a"
    assert line == f"> p.py(2)f()->[1] {banner} -> return a"


def test_a_call_shows_its_arguments() -> None:
    block, line = stop_of(Frame(Event.CALL, "f", 1, "def f(a):", {"a": "1"}, depth=1))
    assert block == "--Call--\n> p.py(1)f()\n-> def f(a):\n   a = 1"
    assert line == "> p.py(1)f() --Call-- -> def f(a):  # a = 1"


def test_an_edit_is_marked() -> None:
    block, line = stop_of(Frame(Event.LINE, "<module>", 6, "y = x", {}, origin=Origin.EDITED), StopKind.EDITED)
    assert block == "> p.py(6)<module>()  [edited]\n-> y = x"
    assert line == "> p.py(6)<module>() [edited] -> y = x"


def test_why_it_stopped_is_said() -> None:
    block, line = stop_of(Frame(Event.LINE, "<module>", 6, "y = x"), StopKind.BREAKPOINT, "breakpoint 3")
    assert block == "breakpoint 3\n> p.py(6)<module>()\n-> y = x"
    assert line == "> p.py(6)<module>() -> y = x  (breakpoint 3)"


@pytest.mark.parametrize("kind", [StopKind.ENDED, StopKind.TROUBLE])
def test_no_new_frame_is_one_line(kind: StopKind) -> None:
    said = {StopKind.ENDED: "--End-- all \\x1b[1m over", StopKind.TROUBLE: "*** no prediction: all \\x1b[1m over"}[kind]
    assert stop_of(Frame(Event.LINE, "<module>", 6, "y = x"), kind, "all \x1b[1m over") == (said, said)


def test_a_line_that_no_text_fits_has_a_question_mark() -> None:
    assert stop_of(Frame(Event.LINE, "f", None, "what?"))[1] == "> p.py(?)f() -> what?"


def test_the_call_that_was_added_is_not_said_to_be_in_the_file() -> None:
    entry = entry_of("def f(a):\n    return a\n", call="f(1)")
    assert entry.first is not None
    assert stop_of(entry.first, program=entry.program)[1] == "> <call>(3)main() --Call-- -> def main():"


def test_names_of_files_functions_and_variables_are_inert_too() -> None:
    program = Program.parse("x = 1\n", "a\x1b[31m.py")
    block, line = stop_of(Frame(Event.LINE, "f\x1b[1m", 1, "x\x1b = 1", {"v\x07": "1"}), program=program)
    for shown in (block, line):
        assert "\x1b" not in shown and "\x07" not in shown
        assert "a\\x1b[31m.py(1)f\\x1b[1m()" in shown


@pytest.mark.parametrize("width", [10, 40, 200])
def test_no_console_is_too_narrow_for_a_stop(width: int) -> None:
    frame = Frame(Event.LINE, "<module>", 6, "y = " + "x + " * 40 + "x", {"x": repr("word " * 12), "z": "['a']"})
    stop, stack = Stop(StopKind.STEP, frame), stack_of([frame])
    for draw in (frames_module.stop_block, frames_module.stop_line):
        text = draw(PROGRAM, stop, stack)
        assert printed(text, width) == text.plain + "\n"


# -- proposals, listings, stacks, values ------------------------------------------------------------------------


def test_a_proposal_numbers_its_frames_and_shows_what_changes_from_one_to_the_next() -> None:
    here = Frame(Event.LINE, "<module>", 5, "x = f(1)")
    frames = [
        Frame(Event.CALL, "f", 1, "def f(a):", {"a": "1"}, depth=1),
        Frame(Event.RETURN, "f", 2, "    return a", {"a": "1"}, value="1", depth=1),
        Frame(Event.LINE, "<module>", 6, "y = x", {"x": "1"}),
    ]
    assert [text.plain for text in frames_module.proposal(PROGRAM, frames, 8, stack_of([here]))] == [
        "     8 (1)f() --Call-- -> def f(a):  # a = 1",
        "     9 (2)f()->1 --Return-- -> return a",
        "    10 (6)<module>() -> y = x  # x = 1",
    ]


def test_a_listing_marks_the_present_line_and_the_breakpoints() -> None:
    shown = [text.plain for text in frames_module.listing(PROGRAM, 0, 99, 5, [2, 5])]
    assert shown == ["  1     def f(a):", "  2 B       return a", "  3", "  4", "  5 B-> x = f(1)", "  6     y = x"]


def test_a_backtrace_marks_the_chosen_activation() -> None:
    stack = stack_of([Frame(Event.LINE, "<module>", 5, "x = f(1)")])
    stack = advance(stack, Frame(Event.CALL, "f", 1, "def f(a):", {"a": "1"}, depth=1))
    assert [text.plain for text in frames_module.backtrace(PROGRAM, stack, 0)] == [
        "> p.py(5)<module>()", "-> x = f(1)", "  p.py(1)f()", "-> def f(a):",
    ]  # fmt: skip


def test_variables_are_shown_whole() -> None:
    value = repr("x" * 500)
    assert [text.plain for text in frames_module.variables({"a": value, "b\x1b": "'[red]'"})] == [
        f"a = {value}",
        "b\\x1b = '[red]'",
    ]


def test_pretty_lays_out_a_literal_and_leaves_the_rest_alone() -> None:
    value = repr({f"key {n}": list(range(5)) for n in range(8)})
    shown = frames_module.pretty(value, 40)
    assert all(len(line) <= 40 for line in shown.splitlines()) and shown.count("\n") >= 7
    assert eval(shown) == eval(value)
    assert frames_module.pretty("<Dog object \x1b[1m>", 40) == "<Dog object \\x1b[1m>"
    assert frames_module.pretty("nan", 40) == "nan"
