"""What a program would print: as it is printed, frame by frame, with holes for what is not known."""

from __future__ import annotations

import io

import pytest

from neuralpdb.interpreter.computing.wire import Reader, Writer
from neuralpdb.interpreter.events import HOLE, MOST_PRINTED, Computed
from neuralpdb.interpreter.interpretation import interpret
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Event, Frame

PROGRAMS = (
    "print('a', 1, sep='-', end='!')\nprint()\nprint([1, 'b'], {2: None})",
    "sys.stdout.write('x\\n')\nsys.stderr.write('y')\nprint('z', file=sys.stderr)\nsys.stdout.writelines(['1', '2'])",
    "class A:\n    print('body')\n    def __repr__(self):\n        print('in repr')\n        return 'A'\nrepr(A())",
    "def f(n):\n    print('n', n)\n    return n and f(n - 1)\nf(3)",
    "for i in range(3):\n    print(i, end=' ')\nprint('end', flush=True)",
    "s = io.StringIO()\nprint('hidden', file=s)\nprint(s.getvalue().upper())",
    "logging.basicConfig(format='%(levelname)s:%(message)s')\nlogging.warning('w %d', 1)\nlogging.info('i')",
    "sys.stdout, kept = io.StringIO(), sys.stdout\nprint('lost')\nsys.stdout = kept\nprint('found')",
    "def g():\n    print('first')\n    yield 1\n    print('second')\nprint(*g())",
    "try:\n    print(1 / 0)\nexcept ZeroDivisionError as e:\n    print(e)",
    "print('before')\nraise SystemExit(1)",
)


def told(body: str) -> tuple[list[Computed], str]:
    text = "import io, logging, os, sys\n" + body + "\n"
    frames, outcome = interpret(text, filename="<p>", entry_function=None, entry_line=2)
    return frames, "".join(each.output for each in frames) + outcome.output


@pytest.mark.parametrize("body", PROGRAMS)
def test_what_is_printed_is_told(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    text = "import io, logging, os, sys\n" + body + "\n"
    monkeypatch.setattr("logging.root.handlers", [])
    monkeypatch.setattr("logging._handlers", {})
    record(text, filename="<p>", entry_function=None, entry_line=2, output=(out, out))
    shown = "\n".join(line for line in out.getvalue().split("\n") if "in repr" not in line)
    ours = "\n".join(line for line in told(body)[1].split("\n") if "in repr" not in line)
    assert ours == shown


def test_output_belongs_to_the_next_frame() -> None:
    frames, _ = told("print(1)\nprint(2)\nx = 3")
    assert [each.output for each in frames] == ["", "1\n", "2\n"]


def test_what_is_not_known_of_it_is_a_hole() -> None:
    frames, whole = told("print('a', os.getpid(), 'b')\nprint(input('name? '))\nx = 1")
    assert whole == f"a {HOLE} b\nname? {HOLE}\n"
    assert frames[1].as_dict()["output"] == f"a {HOLE} b\n"


def test_output_has_a_bound() -> None:
    frames, _ = told("for i in range(3): print('x' * 1_000_000)\nx = 1")
    assert max(len(each.output) for each in frames) == MOST_PRINTED + 1


def test_the_text_of_a_variable_prints_nothing() -> None:
    body = "class A:\n    def __repr__(self):\n        print('in repr')\n        return 'A'\nx = A()\ny = 1"
    assert told(body)[1] == ""


def test_output_goes_over_the_wire() -> None:
    frame = Frame(Event.LINE, "f", 1, "x = 1", {"a": "1"}, None, 1)
    for computed in (Computed(frame, {}, "", "printed"), Computed(frame, {"a": "why"}, "maybe", "printed")):
        read = Reader(("x = 1",)).frame(Writer().frame(computed))
        assert (read.output, read.assuming, dict(read.unknown)) == ("printed", computed.assuming, computed.unknown)
