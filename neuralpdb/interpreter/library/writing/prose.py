"""Texts for people: string.Template and Formatter, textwrap, shlex, pprint, difflib, and uuid."""

from __future__ import annotations

import _string  # type: ignore[import-not-found]
import pprint
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.imports import find
from neuralpdb.interpreter.library.registry import Apply, allow, allow_type, module, native_module, source
from neuralpdb.interpreter.library.writing.data_formats import is_plain
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Own
from neuralpdb.interpreter.signals import Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

# --- string, textwrap, shlex, difflib -----------------------------------------------------------------------------

allow([_string.formatter_parser, _string.formatter_field_name_split])
for _sample in (_string.formatter_parser(""), _string.formatter_field_name_split("a")[1]):
    allow_type(type(_sample), make=False, changing="*")
module(
    "_string",
    {
        "formatter_parser": _string.formatter_parser,
        "formatter_field_name_split": _string.formatter_field_name_split,
    },
)
source("string", "string.py", patches={"from collections import ChainMap as": "from _neural_chain import ChainMap as"})
source("_neural_chain", "chain.py", ours=True)
source("textwrap", "textwrap.py", "TextWrapper _whitespace", prelude={"re": "re"})


def _texts_only(args: Args, kwargs: Kwargs) -> str:
    """Refuse what is read from the standard input."""
    return "the standard input is read" if args and args[0] is None else ""


native_module(shlex, "split join quote", guard=_texts_only)
source(
    "shlex",
    "shlex.py",
    "shlex",
    prelude={"os": "os", "re": "re", "sys": "sys", "deque": "collections:deque", "StringIO": "io:StringIO"},
)
source(
    "difflib",
    "difflib.py",
    patches={"if a is self.a:": "if False:", "if b is self.b:": "if False:"},  # a short cut that changes nothing
)

# --- pprint -------------------------------------------------------------------------------------------------------


def _natively(name: str) -> Apply:
    """Return a function of `pprint` that is native for plain data and interpreted for other."""
    real = getattr(pprint, name)

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if args and is_plain(args) and is_plain(dict(kwargs)) and name == "pformat":
            text = m.native(real, *args, **kwargs)
            if "<Recursion on " in text:
                return m.unknown("an address in a text", str)
            return text
        return m.call(find(m, m.library.modules, "pprint").names[f"_neural_{name}"], args, kwargs)

    return apply


module("pprint", {"pformat": Own("pformat", _natively("pformat"))})
_UNKNOWN_KINDS = ("ChainMap", "UserDict", "UserList", "UserString")
source(
    "pprint",
    "pprint.py",
    prelude={"id": "_neural_sys:id"},
    patches={
        "\ndef pformat(": "\ndef _neural_pformat(",
        **{f"_dispatch[_collections.{name}.__repr__]": f"_dispatch[{name!r}]" for name in _UNKNOWN_KINDS},
        "_dispatch[_types.SimpleNamespace.__repr__]": "_dispatch['SimpleNamespace']",
    },
    after="pprint_after.py",
)

# --- uuid ---------------------------------------------------------------------------------------------------------

source(
    "uuid",
    "uuid.py",
    "UUID SafeUUID RESERVED_NCS RFC_4122 RESERVED_MICROSOFT RESERVED_FUTURE int_ bytes_ uuid3 uuid5 NAMESPACE_DNS "
    "NAMESPACE_URL NAMESPACE_OID NAMESPACE_X500",
    prelude={"Enum": "enum:Enum", "_simple_enum": "enum:_simple_enum"},
)


def _by_chance(name: str) -> Apply:
    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Any:
        if args or kwargs:
            raise Undetermined(f"uuid.{name} with arguments")
        return m.unknown(f"uuid.{name}() is known only when it runs")

    return apply


module("uuid", {name: Own(name, _by_chance(name)) for name in ("uuid1", "uuid4")})
