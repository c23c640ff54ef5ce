"""The parts of the library: those that wait for an `import` change nothing without it, and none is missed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from places import ROOT

FIRST = """
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

TABLE = """
from neuralpdb.interpreter.library import contents, registry

def registered():
    entries = {("later", name): kind for name, kind in registry.LATER.items()}
    entries |= {("source", name): source for name, source in registry.SOURCES.items()}
    entries |= {("call", key): entry for key, entry in registry.CALLS.items()}
    entries |= {("method", *key): entry for key, entry in registry.METHODS.items()}
    entries |= {("member", *key): entry for key, entry in registry.MEMBERS.items()}
    for module, names in registry.MODULES.items():
        entries |= {("name", module, name): value for name, value in names.items()}
        entries["module", module] = module
    return entries

def module_of(key):
    return key[1].rpartition(".")[0] if key[0] == "later" else key[1] if key[0] in ("source", "name", "module") else ""

owners = {}
for part in contents.PARTS:
    before = registered()
    contents._import((part,))
    for key, value in registered().items():
        if key in before and before[key] is value:
            continue
        module = module_of(key)
        if module and module not in contents._MODULES[part] and part not in contents.FIRST:
            print(f"{part} registers {'.'.join(map(str, key[1:]))}: add {module} to its modules")
        owner = owners.get(key)
        if owner is not None and owner not in contents.FIRST:
            if contents._MODULES[owner].isdisjoint(contents._MODULES[part]):
                print(f"{part} replaces {key} of {owner}: they need a module in common")
        owners[key] = part
"""

ALONE = """
import os, sys
from neuralpdb.interpreter.library import contents, registry
from neuralpdb.interpreter.objects.values import Own

def of_call(value):
    function, native = registry.CALLS.get(id(value), (None, None))
    if function is not value:
        return ""
    guard = getattr(native, "guard", None)
    return [getattr(native, "__qualname__", ""), getattr(guard, "__qualname__", ""), getattr(native, "pure", "")]

def described(module):
    names = {
        name: value.apply.__qualname__ if type(value) is Own else [type(value).__name__, of_call(value)]
        for name, value in registry.MODULES[module].items()
    }
    later = sorted(name for name in registry.LATER if name.rpartition(".")[0] == module)
    source = registry.SOURCES.get(module)
    return repr((sorted(names.items(), key=str), later, source and (source.file, sorted(source.prelude), source.after)))

def in_fork(first, module):
    reader, writer = os.pipe()
    if not os.fork():
        for name in (*first, module):
            contents.load_for(name)
        os.write(writer, described(module).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        return answer.read().decode()

contents.load()
modules = sorted(contents.MODULES - {"builtins"})
alone = {module: in_fork((), module) for module in modules}
backwards = {module: in_fork(modules[::-1], module) for module in modules}
contents.load_all()
for module in modules:
    if not alone[module] == backwards[module] == described(module):
        print(f"{module} alone is another than with all other modules")
"""


def _printed(script: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True).stdout.strip()


def test_the_parts_that_wait_add_and_change_no_builtin() -> None:
    assert _printed(FIRST) == "[] []", "a part that adds a builtin belongs to contents.FIRST"


def test_the_table_names_every_module_that_a_part_adds_to() -> None:
    assert _printed(TABLE) == ""


@pytest.mark.slow
def test_a_module_is_the_same_whatever_was_imported_before() -> None:
    assert _printed(ALONE) == ""
