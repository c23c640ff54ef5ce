"""Paths and the system: what os, os.path, pathlib and fnmatch tell without looking at the disk."""

from __future__ import annotations

import fnmatch
import os
import pathlib
import posixpath
import types
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.native_types import items
from neuralpdb.interpreter.library.registry import (
    ATTRIBUTES,
    METHODS,
    TYPES,
    Apply,
    Native,
    allow,
    allow_type,
    member,
    module,
    native_module,
    source,
)
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Shell
from neuralpdb.interpreter.objects.values import Own
from neuralpdb.interpreter.signals import Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_MOST_STARS = 3
"""Stars of a pattern for names: each may try all characters that are left."""


def _plain(args: Args, kwargs: Kwargs) -> str:
    """Refuse objects of the program's own classes: these functions are written in Python and look into them."""
    for value in (*args, *kwargs.values()):
        if type(type(value)) is Shell:
            return "a path that is an object of the program"
        if isinstance(value, str | bytes) and value.count("*" if isinstance(value, str) else b"*") > _MOST_STARS:  # type: ignore[arg-type]
            return "a pattern with many stars"
    return items(args, kwargs)


# --- os, os.path --------------------------------------------------------------------------------------------------

_SYSTEM = (
    "sep altsep extsep pathsep linesep curdir pardir devnull name F_OK R_OK W_OK X_OK O_RDONLY O_WRONLY O_RDWR O_CREAT "
    "SEEK_SET SEEK_CUR SEEK_END"
)
native_module(os, _SYSTEM + " fspath")
module("os", {"PathLike": os.PathLike, "error": os.error})
source("os", "os.py", ours=True, prelude={"path": "os.path"})
_PURE = "join split splitext basename dirname normpath isabs commonprefix commonpath normcase splitdrive"
native_module(posixpath, f"{_PURE} sep altsep extsep pathsep curdir pardir devnull", guard=_plain)
module("os.path", {name: getattr(posixpath, name) for name in f"{_PURE} sep extsep pathsep curdir pardir".split()})


def _world(name: str, kind: type | None, *, fails: bool, takes: int = 1) -> Apply:
    """Return a function that asks the world; fails: whether it may raise when it gets the arguments that it takes."""
    reason = f"{name}() is known only when it runs"

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        certain = not fails and len(args) == takes and not kwargs
        return m.unknown(reason, kind) if certain else m.unsure(reason, kind)

    return apply


def _text(args: Args) -> str | None:
    """Return the only argument when it is plain text."""
    return args[0] if len(args) == 1 and type(args[0]) is str else None


def _absolute(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    path = _text(args)
    if path is not None and path.startswith("/"):
        return posixpath.normpath(path)
    return m.unknown("the working directory", str) if path is not None else m.unsure("the working directory", str)


def _relative(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `os.path.relpath` does where the working directory makes no difference."""
    given = [*args, *kwargs.values()]
    if len(given) == 2 and kwargs.keys() <= {"start"} and all(type(each) is str and each for each in given):
        path, start = map(posixpath.normpath, given)
        if path.startswith("/") and start.startswith("/"):
            return posixpath.relpath(path, start)
        if not any(each.startswith(("/", "..")) for each in (path, start)):
            return posixpath.relpath(f"/{path}", f"/{start}")
    return m.unsure("the working directory", str)


def _expanded(name: str, sign: str) -> Apply:
    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        path = _text(args)
        if path is not None and sign not in path:
            return path
        return m.unknown(f"{name}() depends on the environment", str) if path is not None else m.unsure("a path", str)

    return apply


def _takes(name: str) -> int:
    return 0 if name.startswith("get") else 1


_ASKS = {
    "os.path": {
        **dict.fromkeys("getsize getmtime getatime getctime samefile".split(), None),
        "realpath": str,
    },
    "os": {
        **dict.fromkeys(
            "listdir scandir walk stat lstat mkdir makedirs remove unlink rmdir removedirs rename replace chdir chmod "
            "system popen open read write close kill access link symlink readlink utime urandom truncate".split(),
            None,
        ),
    },
}
_TELLS: dict[str, dict[str, type]] = {
    "os.path": dict.fromkeys("exists isfile isdir islink ismount lexists".split(), bool),
    "os": {"getppid": int, "getuid": int, "getgid": int},
}
for _module, _names in _ASKS.items():
    module(_module, {n: Own(n, _world(f"{_module}.{n}", kind, fails=True)) for n, kind in _names.items()})
for _module, _kinds in _TELLS.items():
    module(
        _module, {n: Own(n, _world(f"{_module}.{n}", kind, fails=False, takes=_takes(n))) for n, kind in _kinds.items()}
    )
module(
    "os.path",
    {
        "abspath": Own("abspath", _absolute),
        "relpath": Own("relpath", _relative),
        "expanduser": Own("expanduser", _expanded("os.path.expanduser", "~")),
        "expandvars": Own("expandvars", _expanded("os.path.expandvars", "$")),
    },
)


def _getenv(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    name = args[0] if args else kwargs.get("key")
    reason = "the environment is known only when it runs"
    fits = len(args) + len(kwargs) < 3 and kwargs.keys() <= {"key", "default"}
    return m.unknown(reason) if type(name) is str and fits else m.unsure(reason)


class Environment:
    """The environment of the program, of which nothing is known."""

    def _refuse(self, *args: Any) -> Any:
        raise Undetermined("the environment is known only when it runs")

    def __setitem__(self, name: Any, value: Any) -> None:
        """Set a variable, of which nothing is known in any case."""
        if type(name) is not str or type(value) is not str:
            self._refuse()

    __getitem__ = __delitem__ = __contains__ = __iter__ = __len__ = __bool__ = __or__ = __ror__ = _refuse
    __repr__ = __eq__ = _refuse
    __hash__ = None  # type: ignore[assignment]


Environment.__name__ = "_Environ"


def _of_environment(m: Machine, environment: Environment, name: str) -> Any:
    if name == "get":
        return Own(name, _getenv, machine=m)
    return m.unsure(f"os.environ.{name} is known only when it runs")


attributes._GETTERS[Environment] = _of_environment
module("os", {"getenv": Own("getenv", _getenv), "environ": Environment()})

# --- pathlib ------------------------------------------------------------------------------------------------------

_METHODS = (
    "as_posix as_uri is_absolute is_relative_to joinpath match full_match relative_to with_name with_stem with_suffix "
    "with_segments __truediv__ __rtruediv__ __fspath__ __str__ __repr__ __eq__ __hash__ __lt__ __le__ __gt__ __ge__ "
    "__bytes__"
).split()
_DATA = "parts drive root anchor name suffix suffixes stem parent parents".split()
_KINDS = (
    pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.Path, pathlib.PosixPath,
)  # fmt: skip
_FLAVOURS = {base for kind in _KINDS for base in kind.__mro__[:-1]}
for _flavour in _FLAVOURS:
    for _name in _METHODS:
        if _name in vars(_flavour):
            METHODS[_flavour, _name] = Native(guard=_plain)
    ATTRIBUTES.update((_flavour, _name) for _name in _DATA if _name in vars(_flavour))
for _kind in _KINDS:
    TYPES.add(_kind)
    allow([_kind], guard=_plain)
    module("pathlib", {_kind.__name__: _kind})
allow_type(type(pathlib.PurePath("a").parents), make=False)
_BOOLEANS = (
    "exists is_file is_dir is_symlink is_mount is_socket is_fifo is_block_device is_char_device samefile".split()
)
_RESULTS: dict[str, type] = {
    **dict.fromkeys(_BOOLEANS, bool),
    **dict.fromkeys(("read_text", "owner", "group"), str),
    "read_bytes": bytes,
    **dict.fromkeys(("write_text", "write_bytes"), int),
    **dict.fromkeys("resolve expanduser cwd home rename replace readlink absolute".split(), pathlib.PosixPath),
    **dict.fromkeys("touch mkdir unlink rmdir chmod lchmod symlink_to hardlink_to".split(), types.NoneType),
}


def _on_disk(name: str) -> Apply:
    reason = f"Path.{name}() looks at the disk"

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if name == "absolute" and len(args) == 1 and isinstance(args[0], pathlib.PosixPath) and args[0].is_absolute():
            return args[0]
        return m.unsure(reason, _RESULTS.get(name))

    return apply


for _flavour in _FLAVOURS:
    for _name, _value in vars(_flavour).items():
        known = _name in _METHODS or _name in _DATA or _name.startswith("_")
        if _flavour not in pathlib.PureWindowsPath.__mro__ and callable(getattr(_flavour, _name)) and not known:
            member(_flavour, _name)(_on_disk(_name))

# --- fnmatch ------------------------------------------------------------------------------------------------------

native_module(fnmatch, "fnmatch fnmatchcase filter translate", guard=_plain)
