"""What is computed against what happens: programs run by the recorder in this process, on this version of Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import goldens
import pytest
from agreement import Agreement, compare, difference, real, traps
from places import ROOT, TESTS

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import Bounds, End, interpret

PROGRAMS = sorted((TESTS / "programs").glob("*.py"))
MARKER = "# << START_OF_TRACE"

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")


def marked(path: Path) -> Agreement:
    text = path.read_text("utf-8")
    line = next(n for n, each in enumerate(text.split("\n"), 1) if each.endswith(MARKER))
    source = text.split("\n")[line - 1]
    function = source.split("(")[0].removeprefix("def ") if source.startswith("def ") else None
    return compare(text, filename=path.name, function=function, line=line, frames=5000)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_golden_program_is_told_to_its_last_frame(path: Path) -> None:
    agreement = marked(path)
    assert agreement.wrong == ""
    assert agreement.missing == 0


@pytest.mark.parametrize("number", range(len(traps())))
def test_nothing_is_told_wrong_of_a_trap(number: int) -> None:
    assert compare(traps()[number], frames=1500).wrong == ""


@pytest.mark.slow
def test_most_frames_of_the_traps_are_told_whole() -> None:
    agreements = [compare(text, frames=1500) for text in traps()]
    whole = sum(agreement.whole for agreement in agreements)
    assert whole >= 0.9 * sum(agreement.frames for agreement in agreements)


def test_a_truth_that_was_changed_is_noticed() -> None:
    text = traps()[0]
    trace = real(text, "<program>", "main", 1, 200, 2.0)
    computed, _ = interpret(text, filename="<program>", entry_function="main", bounds=Bounds(frames=200))
    assert not any(difference(guess, truth) for guess, truth in zip(computed, trace.frames, strict=True))
    last = trace.frames[-1]
    changes = (
        last.replace(value="0"),
        last.replace(line=1),
        last.replace(depth=3),
        last.replace(locals={**last.locals, "x": "0"}),
        last.replace(locals=dict(reversed(list(last.locals.items())))),
    )
    assert all(difference(computed[-1], changed) for changed in changes)


@pytest.mark.slow
@pytest.mark.parametrize("version", goldens.VERSIONS)
def test_other_versions_of_python_agree_too(version: str) -> None:
    python = goldens.interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on PATH, in NEURALPDB_PYTHONS or under ~/.pyenv/versions")
    script = "import sys; sys.path[:0] = sys.argv[1:]; import agreement as a; " + (
        "print([t for t in a.traps() if a.compare(t, frames=1500).wrong])"
    )
    command = [python, "-W", "ignore", "-c", script, str(TESTS / "support"), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout.strip() == "[]", (done.stdout[:500], done.stderr[-500:])


def test_a_frame_is_whole_when_nothing_is_unknown_and_nothing_assumed() -> None:
    text = "import random\ndef main():\n    a = random.random()\n    b = 1\n    return b\n"
    frames, outcome = interpret(text, filename="<p>", entry_function="main")
    assert [computed.whole for computed in frames] == [True, True, False, False, False]
    assert frames[2].unknown == {"a": "random.random() is known only when it runs"}
    assert outcome.end is End.ENDED
    assert isinstance(frames[0], Computed)


def test_the_interpreter_needs_the_standard_library_only() -> None:
    code = (
        "import sys; import neuralpdb.interpreter.interpretation; "
        "print([n for n in sys.modules if n.split('.')[0] not in sys.stdlib_module_names and 'neuralpdb' not in n])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(TESTS.parent)!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "['__main__']" or done.stdout.strip() == "[]"
