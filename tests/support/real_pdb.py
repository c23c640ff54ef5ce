"""One session in Python's own pdb and in neuralpdb over the recorded run, and what of their output is to be the same.

Every difference that is meant has a name in RULES; docs/pdb.md lists them.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from frame_sources import recorded
from rich.console import Console

from neuralpdb.debugger.session import Session
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program

Rule = Callable[[str], str]


def pdb_session(script: Path, entry: Entry, commands: Sequence[str]) -> list[str]:
    """What Python's pdb prints for each command, from where the prediction starts."""
    environment = {**os.environ, "HOME": os.devnull}  # nobody's ~/.pdbrc, and no pdb++ in its place
    run = [sys.executable, "-I", "-S", "-X", "utf8", "-m", "pdb", script.name]
    typed = "\n".join([f"until {entry.marked}", *commands, "q"]) + "\n"
    done = subprocess.run(
        run, input=typed, capture_output=True, text=True, timeout=60, cwd=script.parent, env=environment, check=False
    )
    said = re.split(r"\(Pdb\) |\(com\) ", done.stdout)
    rules = {"what the program prints": without("|".join(map(re.escape, printed(script)))), **PDB}
    return [normal(text, rules, script) for text in said[2 : 2 + len(commands)]]


@cache
def printed(script: Path) -> list[str]:
    """The lines that the program prints."""
    done = subprocess.run([sys.executable, script.name], capture_output=True, text=True, timeout=60, cwd=script.parent)
    return done.stdout.splitlines()


def own_session(script: Path, commands: Sequence[str]) -> list[str]:
    """What neuralpdb prints for each command when the model is always right."""
    entry = entry_at(script)
    output = io.StringIO()
    console = Console(file=output, width=200, color_system=None, highlight=False, markup=False, emoji=False)
    loop = Loop(Prompt(Session(entry, recorded(entry)), console, multiline=True))
    loop.begin()
    found = []
    for line in commands:
        start = output.tell()
        loop.execute(line)
        found.append(normal(output.getvalue()[start:], OURS, script))
    return found


def entry_at(script: Path) -> Entry:
    """The entry of a script under its own name, as pdb is given it."""
    return enter(Program.parse(script.read_text("utf-8"), script.name))


def normal(text: str, rules: dict[str, Rule], script: Path) -> str:
    """`text` after every rule."""
    text = text.replace(f"{script.parent}{os.sep}", "").expandtabs()
    for rule in rules.values():
        text = rule(text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def without(pattern: str) -> Rule:
    """Drops the lines that match as a whole."""
    return lambda text: "\n".join(line for line in text.splitlines() if not re.fullmatch(pattern, line))


def to(pattern: str, replacement: str) -> Rule:
    """Replaces what matches."""
    return lambda text: re.sub(pattern, replacement, text, flags=re.MULTILINE)


def ended(text: str) -> str:
    """The end of the trace: pdb returns from the module, from its own `exec`, and starts the program again."""
    is_end = re.search(r"^> \S+<module>\(\)->None$|^The program finished|^--End--", text, re.MULTILINE)
    return "--End--" if is_end else text


def listed(text: str) -> str:
    """Listings with one space between number, marks and text."""
    return re.sub(r"^ *(\d+)(?: ([ B])(->|  |))?[\t ]?(.*)$", _row, text, flags=re.MULTILINE)


def _row(found: re.Match[str]) -> str:
    marks = f"{found[2] or ''}{found[3] or ''}".replace(" ", "")
    return f"{found[1]}|{marks}|{found[4].strip()}"


PDB: dict[str, Rule] = {
    "values without a repr": to(r"= \*\*\* repr.*\*\*\*$", "= <unrepresentable>"),
    "frames of pdb itself": to(r"^  .*bdb\.py\(\d+\)run\(\)\n-> exec.*\n  <string>\(1\)<module>\(\)\n", ""),
    "exceptions are events": to(r"^\w+(Error|Exception)\b.*\n(?=> )", "--Exception--\n"),
    "words of errors": to(r"^(\*\*\* .*|End of file)$|\*\* .* \*\*", "***"),
    "end": ended,
    "layout of listings": listed,
}
OURS: dict[str, Rule] = {
    "words of errors": to(r"^\*\*\* .*$|\*\* .* \*\*", "***"),
    "an empty list is said to be one": without("no breakpoints|no arguments"),
    "changes are shown": without(r"   \S.*"),
    "exceptions are events": to(r"^(--Exception--\n> \S+\(\d+\)\S+?\(\))->.*", r"\1"),
    "it is said which breakpoint": without(r"breakpoint \d+(: its condition .*)?"),
    "it is said how far the trace is known": without(r"step -?\d+ of \d+ known.*"),
    "end": ended,
    "layout of listings": listed,
}
