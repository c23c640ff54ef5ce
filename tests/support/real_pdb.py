"""Real pdb: one session in Python's own pdb and in neuralpdb over the recorded run, and what both should print alike.

Every intended difference has a name in the rules; docs/pdb.md lists them.
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
    """Return what Python's pdb prints for each command, from where the prediction starts."""
    environment = {**os.environ, "HOME": os.devnull}  # nobody's ~/.pdbrc, and no pdb++ in its place
    run = [sys.executable, "-I", "-S", "-X", "utf8", "-m", "pdb", script.name]
    typed = "\n".join([f"until {entry.marked}", *commands, "q"]) + "\n"
    done = subprocess.run(
        run, input=typed, capture_output=True, text=True, timeout=60, cwd=script.parent, env=environment, check=False
    )
    outputs = re.split(r"\(Pdb\) |\(com\) ", done.stdout)
    rules = {"what the program prints": without("|".join(map(re.escape, printed(script)))), **PDB}
    return [normal(text, rules, script) for text in outputs[2 : 2 + len(commands)]]


@cache
def printed(script: Path) -> list[str]:
    """Return the lines that the program prints."""
    done = subprocess.run([sys.executable, script.name], capture_output=True, text=True, timeout=60, cwd=script.parent)
    return done.stdout.splitlines()


def own_session(script: Path, commands: Sequence[str]) -> list[str]:
    """Return what neuralpdb prints for each command when the model is always right."""
    entry = entry_at(script)
    output = io.StringIO()
    console = Console(file=output, width=200, color_system=None, highlight=False, markup=False, emoji=False)
    loop = Loop(Prompt(Session(entry, recorded(entry)), console, multiline=True))
    loop.begin()
    outputs = []
    for line in commands:
        start = output.tell()
        loop.execute(line)
        outputs.append(normal(output.getvalue()[start:], OURS, script))
    return outputs


def entry_at(script: Path) -> Entry:
    """Return the entry of a script under its own name, as pdb is given it."""
    return enter(Program.parse(script.read_text("utf-8"), script.name))


def normal(text: str, rules: dict[str, Rule], script: Path) -> str:
    """Return `text` after every rule."""
    text = text.replace(f"{script.parent}{os.sep}", "").expandtabs()
    for rule in rules.values():
        text = rule(text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def without(pattern: str) -> Rule:
    """Return a rule that drops the lines that match as a whole."""
    return lambda text: "\n".join(line for line in text.splitlines() if not re.fullmatch(pattern, line))


def to(pattern: str, replacement: str) -> Rule:
    """Return a rule that replaces every match."""
    return lambda text: re.sub(pattern, replacement, text, flags=re.MULTILINE)


def ended(text: str) -> str:
    """Return the end of the trace alone: pdb returns from the module and its own `exec`, and starts it again."""
    is_end = re.search(r"^> \S+<module>\(\)->None$|^The program finished|^--End--", text, re.MULTILINE)
    return "--End--" if is_end else text


def listed(text: str) -> str:
    """Return listings with one space between number, marks and text."""
    return re.sub(r"^ *(\d+)(?: ([ B])(->|  |))?[\t ]?(.*)$", _row, text, flags=re.MULTILINE)


def _row(match: re.Match[str]) -> str:
    marks = f"{match[2] or ''}{match[3] or ''}".replace(" ", "")
    return f"{match[1]}|{marks}|{match[4].strip()}"


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
