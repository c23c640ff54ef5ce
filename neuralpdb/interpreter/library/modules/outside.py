"""Modules that are not of the standard library: files of the user's project, packages that are installed or not."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.signals import Stop, Undetermined

if TYPE_CHECKING:
    from pathlib import Path  # imported by the functions that need it: 3 ms, which most programs do not pay

_FROZEN = frozenset(("abc", "codecs", "genericpath", "io", "ntpath", "os", "posixpath", "site", "stat", "zipimport"))
"""Modules of the standard library that are found before any file."""
_LARGEST = 1_000_000
"""Bytes of a module: larger ones hold data, and take seconds to compile."""
_NEEDS = {
    "tkinter": "_tkinter",
    "turtle": "_tkinter",
    "sqlite3": "_sqlite3",
    "bz2": "_bz2",
    "lzma": "_lzma",
    "ssl": "_ssl",
    "curses": "_curses",
    "ctypes": "_ctypes",
    "dbm.gnu": "_gdbm",
    "dbm.ndbm": "_dbm",
    "idlelib": "_tkinter",
    "turtledemo": "_tkinter",
    "readline": "readline",
}
"""Modules that a build of Python may lack -> what they stand on."""


def project_file(main: Any, name: str, around: Mapping[str, Any] | None) -> Path | None:
    """Return the file of a module of the user's project; None when there is none.

    main: the file of the program, as it names it. around: the namespace of the package that the module is in.
    """
    last = name.rpartition(".")[2]
    for folder in _folders(main, around):
        for path in (folder / last / "__init__.py", folder / f"{last}.py"):
            if path.is_file():
                return _unless_hidden(path, name)
    return None


def project_folders(main: Any, name: str, around: Mapping[str, Any] | None) -> Folders | None:
    """Return the folders of a package without a file of its own; None when there is none, or others go before it."""
    last = name.rpartition(".")[2]
    found = [path for folder in _folders(main, around) if (path := folder / last).is_dir()]
    if not found or not last.isidentifier() or (around is None and (name in sys.stdlib_module_names or _is_file(name))):
        return None
    return Folders(map(str, found))


class Folders(list[str]):
    """Where the modules of a package without a file are; not what the program would see."""

    def __repr__(self) -> str:
        raise Undetermined("the folders of a package")


def _folders(main: Any, around: Mapping[str, Any] | None) -> list[Path]:
    from pathlib import Path

    if around is not None:
        return [Path(folder) for folder in around.get("__path__", ())]
    return [Path(main).absolute().parent] if type(main) is str and main and not main.startswith("<") else []


def hides_library(main: Any) -> bool:
    """Whether the folder of a program has a module by the name of one that the library has parts for."""
    try:
        return any(_hides_library(folder, folder.stat().st_mtime_ns) for folder in _folders(main, None))
    except OSError:
        return False


@lru_cache(maxsize=1)
def _hides_library(folder: Path, changed: int) -> bool:
    return not contents.MODULES.isdisjoint(path.name.partition(".")[0] for path in folder.iterdir())


@cache
def _is_file(name: str) -> bool:
    """Whether a top-level module is installed with a file of its own."""
    spec = importlib.util.find_spec(name) if is_installed(name) else None
    return spec is not None and spec.origin is not None


def _unless_hidden(path: Path, name: str) -> Path | None:
    """Return the path, unless a module of the standard library is found before it."""
    if name in sys.builtin_module_names or name in _FROZEN:
        return None
    if name in sys.stdlib_module_names:
        raise Stop(f"{path.name} of the project has the name of a module of the standard library")
    return path


def source_of(path: Path) -> str:
    """Return the text of a module. Raises Stop when it cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            raise Stop(f"{path.name} is very long")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{path.name} cannot be read: {type(error).__name__}") from None


@cache
def is_installed(name: str) -> bool:
    """Whether a module, or a package, can be found by its top-level name; nothing of it is run."""
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError, AttributeError):
        return False


@cache
def is_inside(name: str) -> bool:
    """Whether an installed package has a module of that full name, as far as its files tell."""
    from pathlib import Path

    top, *inner = name.split(".")
    if not inner:
        return is_installed(top)
    spec = importlib.util.find_spec(top) if is_installed(top) else None
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec is not None else []
    for part in inner:
        found = (path for folder in folders for path in folder.glob(f"{part}*"))
        folders = [path for path in found if path.name.partition(".")[0] == part]
    return bool(folders)


@cache
def is_complete(name: str) -> bool:
    """Whether the standard library that is here has a module, with what it stands on."""
    needed = (needs for part, needs in _NEEDS.items() if name == part or name.startswith(f"{part}."))
    return is_installed(name) and all(is_installed(each) for each in needed)


@cache
def real_module(name: str) -> types.ModuleType | None:
    """Return a module of the standard library that is imported here anyway, or that is written in C."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin == "built-in" or (origin or "").endswith(".so"):
            return importlib.import_module(name)
    except (ImportError, ValueError, AttributeError):
        pass
    return None


_SETTINGS = frozenset(("site", "sys", "sysconfig", "curses", "test"))
"""Modules whose constants depend on the run."""


def constant_of(module: str, name: str) -> int | str | None:
    """Return a constant of the standard library, such as `errno.ENOENT`; None where there is none such."""
    real = real_module(module) if module.partition(".")[0] not in _SETTINGS else None
    value = vars(real).get(name) if real is not None and name.isupper() and not name.startswith("_") else None
    return value if type(value) in (int, str) else None


@cache
def kind_of(module: str, name: str) -> type | None:
    """Return the type of what a module of the standard library has under a name; None where it is not certain."""
    real = real_module(module)
    if real is not None:
        return type(vars(real)[name]) if name in vars(real) else None
    return _defined(module).get(name)


@cache
def _defined(module: str) -> dict[str, type]:
    """Return what the source of a module defines at its top level once: functions, classes, imported modules."""
    import ast
    from pathlib import Path

    found: dict[str, type] = {}
    bound: list[str] = []
    try:
        spec = importlib.util.find_spec(module) if module.partition(".")[0] in sys.stdlib_module_names else None
        origin = spec.origin if spec is not None else None
        tree = ast.parse(Path(origin).read_text("utf-8")) if origin and origin.endswith(".py") else ast.Module([], [])
    except (ImportError, ValueError, AttributeError, OSError, SyntaxError):
        return {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            found[node.name] = types.FunctionType
        elif isinstance(node, ast.ClassDef) and not node.decorator_list:
            found[node.name] = type
        elif isinstance(node, ast.Import):
            found |= {each.asname or each.name.partition(".")[0]: types.ModuleType for each in node.names}
        bound += [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    return {name: kind for name, kind in found.items() if name not in bound}
