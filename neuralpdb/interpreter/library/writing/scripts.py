"""What scripts begin with: argparse, gettext and logging, without the terminal, the clock and the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.registry import module, source
from neuralpdb.interpreter.library.writing.streams import Stream
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class, class_of
from neuralpdb.interpreter.objects.values import Function, Own, Unknown
from neuralpdb.interpreter.signals import Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def _is_known(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    return type(args[0]) is not Unknown


def _caller(m: Machine, args: Args, kwargs: Kwargs) -> tuple[Any, Any, Any]:
    """Return file, line and name of the program's activation that called into the library."""
    f = m.current
    while f is not None and not f.code.own:
        f = f.back
    if f is None:
        reason = "where a record was made"
        return m.unknown(reason, str), m.unknown(reason, int), m.unknown(reason, str)
    return f.code.raw.co_filename, f.line, f.code.name


def _is_output(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    return type(args[0]) is Stream


def _tells_itself(m: Machine, args: Args, kwargs: Kwargs) -> bool:
    """Whether the text of a value is made by the program."""
    cls = class_of(args[0])
    methods = [cls.lookup(name) for name in ("__str__", "__repr__", "__format__")] if isinstance(cls, Class) else ()
    return any(type(method) is Function and method.code.own for method in methods)


module(
    "_neural_sys",
    {
        "is_known": Own("is_known", _is_known),
        "is_output": Own("is_output", _is_output),
        "tells_itself": Own("tells_itself", _tells_itself),
        "caller": Own("caller", _caller),
    },
)

# --- argparse -----------------------------------------------------------------------------------------------------


def _same(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if len(args) != 1:
        raise Undetermined("gettext with such arguments")
    return args[0]


def _singular(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    if len(args) != 3:
        raise Undetermined("ngettext with such arguments")
    return args[0] if m.truth(args[2] == 1) else args[1]


module(
    "gettext",
    {
        "gettext": Own("gettext", _same),
        "ngettext": Own("ngettext", _singular),
    },
)
source(
    "argparse",
    "argparse.py",
    prelude={
        "_neural_is_known": "_neural_sys:is_known",
        "_neural_is_output": "_neural_sys:is_output",
        "_neural_tells_itself": "_neural_sys:tells_itself",
    },
    patches={
        "width = shutil.get_terminal_size().columns": "width = 80",  # no text that depends on it is told
        "= formatter.format_help().strip()": "= _neural_prog(self, formatter, positionals)",
        "'%s %s' % (self._prog_prefix, name)": "_neural_joined(self._prog_prefix, name)",
    },
    after="argparse_after.py",
)

# --- logging ------------------------------------------------------------------------------------------------------

source("_neural_weak_values", "weak_values.py", ours=True)
source(
    "logging",
    "logging/__init__.py",
    "*",
    prelude={
        "sys": "sys",
        "os": "os",
        "time": "time",
        "io": "io",
        "re": "re",
        "traceback": "traceback",
        "warnings": "warnings",
        "weakref": "_neural_weak_values",
        "_neural_abc": "collections.abc",
        "collections": "collections",
        "types": "types",
        "string": "string",
        "threading": "threading",
        "GenericAlias": "types:GenericAlias",
        "Template": "string:Template",
        "StrFormatter": "string:Formatter",
        "_neural_is_known": "_neural_sys:is_known",
        "_neural_caller": "_neural_sys:caller",
        "_neural_output": "_neural_sys:is_output",
        "_neural_modules": "_neural_sys:modules",
    },
    patches={
        'if hasattr(sys, "_getframe"):': "if True:",
        "_srcfile = os.path.normcase(addLevelName.__code__.co_filename)": "_srcfile = 'logging'",
        "if not hasattr(os, 'register_at_fork'):": "if True:",
        "atexit.register(shutdown)": "",
    },
    after="logging_after.py",
)
