"""Transcripts: whole sessions at the prompt, over recorded runs: typed lines and everything that is printed.

A file of `tests/transcripts` is one session. Its first line is the command line (with ` < commands` at its end: as in a
pipe, one line a stop; otherwise as on a terminal), a line that starts with a prompt is typed, the others are output.
To add a session write its first line and the typed lines; then, and after every intended change of the output,

    python tests/support/transcripts.py --rewrite

and read the diff.
"""

from __future__ import annotations

import argparse
import io
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from frame_sources import Computing, Unfolding, misled, recorded
from places import ROOT, TESTS
from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.prompt import PROMPT, Prompt
from neuralpdb.frontends.repl.table import Quit
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program

FOLDER = TESTS / "transcripts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
COMPUTED = {"objects"}
"""Sessions whose frames the interpreter computes; the others are over recorded runs."""
PIPED = " < commands"
QUESTIONS = ("(com) ", "Clear all breaks? ", ">>> ", "...   ", "... ")
PROMPTS = "|".join(re.escape(prompt.rstrip()) for prompt in (PROMPT, *QUESTIONS))
COMPARED = "--compare --interactive "
BELIEVED = {
    "account.py": ("self.balance += amount", "self.balance += abs(amount)"),
    "strawberry.py": ("return letter == wanted", "return letter in 'rt'"),
}
"""For sessions that show the truth beside the prediction: source text -> what the model takes it for."""


@dataclass(frozen=True)
class Transcript:
    """One file.

    first: the first line.
    lines: the lines that the user types, with the prompts before them.
    is_computed: the frames are computed, so that the program goes on with what the user changes.
    """

    first: str
    lines: tuple[str, ...]
    is_computed: bool

    @property
    def typed(self) -> tuple[str, ...]:
        """Return the lines that the user types."""
        return tuple(re.sub(PROMPTS, "", line, count=1).strip() for line in self.lines)

    @classmethod
    def read(cls, path: Path) -> Transcript:
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls(lines[0], tuple(line for line in lines if re.match(PROMPTS, line)), path.stem in COMPUTED)

    def play(self) -> str:
        """Play the session and return it in the form of the file."""
        command = self.first.removeprefix("$ ")
        width, command = _width(command)
        output = io.StringIO()
        console = Console(
            file=output,
            width=width,
            color_system=None,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        entry = _entry(command.removesuffix(PIPED).replace(COMPARED, ""))
        frames = Computing(entry) if self.is_computed else recorded(entry)
        prompt = Prompt(Session(entry, frames), console, multiline=not command.endswith(PIPED))
        loop = Loop(prompt)
        if COMPARED in command:
            source = misled(entry, *BELIEVED[entry.program.name])
            prompt.beside, prompt.session.source = Lockstep(Unfolding(source.actual)), source
        output.write(self.first + "\n")
        loop.begin()
        with tempfile.TemporaryDirectory() as folder, chdir(folder):  # for what is saved
            for raw, typed in zip(self.lines, self.typed, strict=True):
                line = raw.removeprefix(prompt.label) if raw.startswith(prompt.label) else typed
                output.write(f"{prompt.label}{line}".rstrip() + "\n")
                try:
                    loop.execute(line)
                except Quit:
                    break
        return output.getvalue()


def _width(command: str) -> tuple[int, str]:
    variable, _, arguments = command.partition(" ")
    if variable.startswith("COLUMNS="):
        return int(variable.removeprefix("COLUMNS=")), arguments
    return 100, command


def _entry(command: str) -> Entry:
    parser = argparse.ArgumentParser()
    parser.add_argument("script")
    parser.add_argument("--call", default="")
    program, *arguments = shlex.split(command)
    assert program == "neuralpdb"
    options = parser.parse_args(arguments)
    text = (ROOT / options.script).read_text(encoding="utf-8")
    return enter(Program.parse(text, Path(options.script).name), call=options.call)


def transcripts() -> Iterator[tuple[Path, Transcript]]:
    for name in NAMES:
        yield FOLDER / f"{name}.txt", Transcript.read(FOLDER / f"{name}.txt")


def rewrite() -> None:
    """Write every file again with the output of today's code."""
    for path, transcript in transcripts():
        text = transcript.play()
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"changed: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--rewrite"]:
        raise SystemExit(__doc__)
    rewrite()
