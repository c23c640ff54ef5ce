"""The parts of the library: those that wait for the first `import` change nothing for a program without one."""

from __future__ import annotations

import subprocess
import sys

from places import ROOT

SCRIPT = """
import builtins
from neuralpdb.interpreter.library import contents, registry

contents.load()
named = dict(registry.BUILTINS)
calls = {id(value): registry.CALLS.get(id(value)) for value in vars(builtins).values()}
contents.load_all()
changed = [name for name, value in registry.BUILTINS.items() if named.get(name) is not value]
called = [value for value in vars(builtins).values() if registry.CALLS.get(id(value)) is not calls[id(value)]]
print(changed, called)
"""


def test_the_parts_that_wait_add_and_change_no_builtin() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[] []", "a part that adds a builtin belongs to contents.FIRST"
