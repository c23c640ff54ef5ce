"""Formats of data: json, csv, struct, base64, binascii, hashlib, hmac."""

from __future__ import annotations

import _csv
import _json
import base64
import binascii
import codecs
import collections
import csv
import hashlib
import hmac
import io
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuralpdb.interpreter.library.imports import find
from neuralpdb.interpreter.library.registry import TYPES, allow, allow_type, module, native_module, own, source
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects import attributes
from neuralpdb.interpreter.objects.classes import Class, Shell, class_of
from neuralpdb.interpreter.objects.values import OPAQUE, REAL_TYPES, Function, Own, Unknown
from neuralpdb.interpreter.order import check_order
from neuralpdb.interpreter.signals import Raised, Undetermined

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

# --- plain data ---------------------------------------------------------------------------------------------------

_ATOMS = frozenset((int, float, bool, str, bytes, complex, type(None)))
_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
_SEQUENCES = (list, tuple)


def is_plain(value: Any) -> bool:
    """Whether `value` holds nothing but plain numbers and texts, in lists, tuples and dicts of plain types."""
    return not _others(value)


def _others(value: Any) -> list[Any]:
    """Return what `value` holds that is neither plain number nor text nor a container of these."""
    found: list[Any] = []
    seen: set[int] = set()
    todo = [value]
    while todo:
        each = todo.pop()
        kind = type(each)
        if kind in _ATOMS:
            continue
        if kind in _SEQUENCES or kind in _MAPPINGS:
            if id(each) not in seen:
                seen.add(id(each))
                todo += each if kind in _SEQUENCES else [*each.keys(), *each.values()]
        else:
            found.append(each)
    return found


# --- json ---------------------------------------------------------------------------------------------------------

_CALLING = frozenset(
    ("cls", "default", "object_hook", "parse_float", "parse_int", "parse_constant", "object_pairs_hook")
)
_SHAPES = ("__iter__", "__len__", "__bool__", "__getitem__", "items", "keys")
"""Methods of subclasses of containers that the real encoder, which is written in C, asks for otherwise."""


def _dumps(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `json.dumps` does: natively for plain data, else interpreted."""
    others = _others(args[0]) if args else []
    unknown = next((each for each in others if type(each) is Unknown), None)
    if unknown is not None:
        return m.unsure(unknown.reason, str)
    if len(args) == 1 and not others and all(kwargs.get(name) is None for name in _CALLING):
        if any(type(each) is Unknown for each in kwargs.values()):
            raise Undetermined("json.dumps with unknown options")
        return m.native(json.dumps, *args, **kwargs)
    for each in others:
        _check_shape(each)
    return m.call(_interpreted(m, "json", "_neural_dumps"), args, kwargs)


def _check_shape(value: Any) -> None:
    """Raise Undetermined for a container of the program's own making that the real encoder sees otherwise."""
    if type(type(value)) is not Shell or isinstance(value, Class):
        return
    if isinstance(value, list | tuple | dict):
        cls = class_of(value)
        if any(type(cls.lookup(name)) is Function for name in _SHAPES):
            raise Undetermined("json of such a container")


def _loads(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `json.loads` does: natively without callbacks, else interpreted."""
    text = args[0] if args else kwargs.get("s")
    if type(text) is Unknown:
        return m.unsure(text.reason)
    plain = type(text) in (str, bytes, bytearray)
    if len(args) == 1 and plain and all(kwargs.get(name) is None for name in _CALLING):
        if any(type(each) is Unknown for each in kwargs.values()):
            raise Undetermined("json.loads with unknown options")
        return m.native(json.loads, *args, **kwargs)
    return m.call(_interpreted(m, "json", "_neural_loads"), args, kwargs)


def _interpreted(m: Machine, name: str, function: str) -> Any:
    return find(m, m.library.modules, name).names[function]


allow([json.JSONDecodeError], calls=False)
allow_type(json.JSONDecodeError, make=False)
allow([_json.scanstring, _json.encode_basestring, _json.encode_basestring_ascii])
module(
    "_json",
    {
        "scanstring": _json.scanstring,
        "encode_basestring": _json.encode_basestring,
        "encode_basestring_ascii": _json.encode_basestring_ascii,
        "make_scanner": None,
        "make_encoder": None,
    },
)
module("_neural_json", {"JSONDecodeError": json.JSONDecodeError})
module("json", {"dumps": Own("dumps", _dumps), "loads": Own("loads", _loads)})
source(
    "json",
    "json/__init__.py",
    patches={
        "from .decoder import": "from json.decoder import",
        "from .encoder import": "from json.encoder import",
        "\ndef dumps(": "\ndef _neural_dumps(",
        "\ndef loads(": "\ndef _neural_loads(",
    },
    after="json_after.py",
)
source(
    "json.decoder",
    "json/decoder.py",
    patches={"class JSONDecodeError(ValueError)": "class _NeuralDecodeError(ValueError)"},
    prelude={"JSONDecodeError": "_neural_json:JSONDecodeError"},
    after="json_decoder_after.py",
)
source("json.encoder", "json/encoder.py", prelude={"id": "_neural_sys:id"}, after="json_encoder_after.py")
source("json.scanner", "json/scanner.py")
module("codecs", {name: getattr(codecs, name) for name in vars(codecs) if name.startswith("BOM")})

# --- csv ----------------------------------------------------------------------------------------------------------

_FIELDS = "delimiter doublequote escapechar lineterminator quotechar quoting skipinitialspace strict".split()
_FIELD_LIMIT = 131_072
"""Characters of one field, as the module has it by itself."""


def _dialects(m: Machine) -> dict[str, Any]:
    names: dict[str, Any] = find(m, m.library.modules, "_csv").names.setdefault("_neural_dialects", {})
    return names


def _fields(m: Machine, dialect: Any, kwargs: Kwargs) -> dict[str, Any]:
    """Return the parameters that a dialect and keyword arguments come to."""
    if type(dialect) is str:
        find(m, m.library.modules, "csv")
        if dialect not in _dialects(m):
            raise Raised(csv.Error("unknown dialect"))
        dialect = _dialects(m)[dialect]
    found = dict(kwargs)
    if dialect is None:
        return found
    for value in (dialect, *kwargs.values()):
        if type(value) is Unknown:
            raise Undetermined(value.reason)
    for name in _FIELDS:
        if name in found:
            continue
        try:
            found[name] = attributes.get(m, dialect, name)
        except Raised as error:
            if not isinstance(error.value, AttributeError):
                raise
    return found


def _with_dialect(m: Machine, args: Args, kwargs: Kwargs) -> tuple[Any, dict[str, Any]]:
    given = dict(kwargs)
    if not 1 <= len(args) <= 2:
        raise Undetermined("csv with such arguments")
    dialect = args[1] if len(args) > 1 else given.pop("dialect", "excel")
    if type(args[0]) is Unknown:
        raise Undetermined(args[0].reason)
    return args[0], _fields(m, dialect, given)


@own(_csv.reader)
def _reader(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `csv.reader` does."""
    lines, fields = _with_dialect(m, args, kwargs)
    check_order(lines, m.fragile)
    return m.native(_csv.reader, lines, **fields)


class _Sink:
    """The file of a writer: hands texts to a method of the program's."""

    def __init__(self, m: Machine, method: Any) -> None:
        self._machine = m
        self._method = method

    def write(self, text: str) -> Any:
        """Write a row."""
        return self._machine.call_from_native(self._method, (text,), {})


@own(_csv.writer)
def _writer(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `csv.writer` does."""
    file, fields = _with_dialect(m, args, kwargs)
    if type(file) is io.StringIO:
        return m.native(_csv.writer, file, **fields)
    try:
        method = attributes.get(m, file, "write")
    except Raised as error:
        if not isinstance(error.value, AttributeError):
            raise
        return m.native(_csv.writer, object(), **fields)
    if type(method) is Unknown:
        raise Undetermined(method.reason)
    return m.native(_csv.writer, _Sink(m, method), **fields)


@own(_csv.Dialect)
def _dialect(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Make a dialect and check it, as `csv.Dialect` does."""
    return m.native(_csv.Dialect, **_fields(m, args[0] if args else None, kwargs))


@own(_csv.register_dialect)
def _register(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `csv.register_dialect` does, for this run."""
    if not args or type(args[0]) is not str:
        raise Undetermined("a dialect without a name")
    dialect = args[1] if len(args) > 1 else None
    _dialects(m)[args[0]] = m.native(_csv.Dialect, **_fields(m, dialect, kwargs))


@own(_csv.unregister_dialect)
def _unregister(m: Machine, args: Args, kwargs: Kwargs) -> None:
    """Do what `csv.unregister_dialect` does, for this run."""
    if _dialects(m).pop(_known(args), None) is None:
        raise Raised(csv.Error("unknown dialect"))


@own(_csv.get_dialect)
def _get_dialect(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `csv.get_dialect` does."""
    name = _known(args)
    if name not in _dialects(m):
        raise Raised(csv.Error("unknown dialect"))
    return _dialects(m)[name]


def _known(args: Args) -> str:
    if len(args) != 1 or type(args[0]) is not str:
        raise Undetermined("a dialect without a name")
    return args[0]


@own(_csv.list_dialects)
def _list_dialects(m: Machine, args: Args, kwargs: Kwargs) -> list[str]:
    """Do what `csv.list_dialects` does."""
    return list(_dialects(m))


@own(_csv.field_size_limit)
def _limit(m: Machine, args: Args, kwargs: Kwargs) -> int:
    """Return what `csv.field_size_limit` returns; it is not changed."""
    if args or kwargs:
        raise Undetermined("csv.field_size_limit with a limit")
    return _FIELD_LIMIT


_READER: Any = type(_csv.reader([]))
_WRITER: Any = type(_csv.writer(io.StringIO()))
allow_type(_READER, make=False, changing="*", attributes="line_num dialect")
allow_type(_WRITER, make=False, changing="*", attributes="dialect")
allow_type(_csv.Dialect, make=False, attributes=" ".join(_FIELDS))
TYPES.add(csv.Error)
allow([csv.Error], calls=False)
module("_csv", {name: value for name, value in vars(_csv).items() if not name.startswith("_") or name == "__version__"})
module("_csv", {"__doc__": _csv.__doc__})
source("csv", "csv.py")

# --- struct, base64, binascii -------------------------------------------------------------------------------------

_MANY = re.compile(r"\d{6}")


def _wide(args: Args, kwargs: Kwargs) -> str:
    for value in args[:1]:
        text = value.format if isinstance(value, struct.Struct) else value
        if isinstance(text, str | bytes) and _MANY.search(text if isinstance(text, str) else text.decode("latin-1")):
            return "a wide structure"
    return ""


native_module(struct, "pack unpack calcsize iter_unpack unpack_from", guard=_wide)
allow([struct.pack_into], pure=False, guard=_wide)
allow_type(
    struct.Struct,
    attributes="format size",
    guard=_wide,
    changing="pack_into",
    without="__init__",
)
allow_type(type(struct.iter_unpack("b", b"")), make=False, changing="*")
allow([struct.error], calls=False)
TYPES.add(struct.error)
module("struct", {"Struct": struct.Struct, "error": struct.error, "pack_into": struct.pack_into})
native_module(
    base64,
    "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode "
    "b32hexencode b32hexdecode b16encode b16decode a85encode a85decode b85encode b85decode encodebytes decodebytes",
)
native_module(
    binascii, "hexlify unhexlify b2a_hex a2b_hex b2a_base64 a2b_base64 crc32 crc_hqx b2a_uu a2b_uu b2a_qp a2b_qp"
)
TYPES.update((binascii.Error, binascii.Incomplete))
allow([binascii.Error, binascii.Incomplete], calls=False)
module("binascii", {"Error": binascii.Error, "Incomplete": binascii.Incomplete})

# --- hashlib, hmac ------------------------------------------------------------------------------------------------

_ALGORITHMS = "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s".split()
"""Those with a digest of one length."""
_MOST_ROUNDS = 20_000
"""Rounds of a key derivation: some 20 ms."""


class Digest:
    """A hash object; its text holds an address that the recorder does not take out.

    inner: the real one.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        raise Undetermined("text of a hash object")


Digest.__name__ = "HASH"
REAL_TYPES[Digest] = type(hashlib.sha256())
OPAQUE.add(Digest)
TYPES.add(Digest)


def _update(m: Machine, digest: Digest, args: Args, kwargs: Kwargs) -> None:
    m.native(digest.inner.update, *args, **kwargs)


def _copied(m: Machine, digest: Digest, args: Args, kwargs: Kwargs) -> Digest:
    return Digest(m.native(digest.inner.copy, *args, **kwargs))


_DIGEST_METHODS: dict[str, Callable[[Machine, Digest, Args, Kwargs], Any]] = {
    "update": _update,
    "copy": _copied,
    "digest": lambda m, digest, args, kwargs: m.native(digest.inner.digest, *args, **kwargs),
    "hexdigest": lambda m, digest, args, kwargs: m.native(digest.inner.hexdigest, *args, **kwargs),
}


def _of_digest(m: Machine, digest: Digest, name: str) -> Any:
    if name in _DIGEST_METHODS:
        apply = _DIGEST_METHODS[name]
        return Own(name, lambda machine, args, kwargs: apply(machine, digest, args, kwargs), machine=m)
    if name in ("name", "digest_size", "block_size"):
        return getattr(digest.inner, name)
    if hasattr(digest.inner, name):
        raise Undetermined(f"{name} of a hash object")
    return m.native(getattr, digest.inner, name)  # complains in its own words


attributes._GETTERS[Digest] = _of_digest


def _digest_by(name: str) -> Any:
    function = getattr(hashlib, name)

    def apply(m: Machine, args: Args, kwargs: Kwargs) -> Digest:
        return Digest(m.native(function, *args, **kwargs))

    return apply


for _name in _ALGORITHMS:
    own(getattr(hashlib, _name))(_digest_by(_name))
    module("hashlib", {_name: getattr(hashlib, _name)})


@own(hashlib.new)
def _new(m: Machine, args: Args, kwargs: Kwargs) -> Digest:
    """Do what `hashlib.new` does, for algorithms that are there everywhere."""
    name = args[0] if args else kwargs.get("name")
    if type(name) is not str or name not in _ALGORITHMS:
        raise Undetermined("hashlib.new of such an algorithm")
    return Digest(m.native(hashlib.new, *args, **kwargs))


def _rounds(args: Args, kwargs: Kwargs) -> str:
    numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, int)]
    return "many rounds of a key derivation" if any(value > _MOST_ROUNDS for value in numbers) else ""


native_module(hashlib, "pbkdf2_hmac", guard=_rounds)
module("hashlib", {"new": hashlib.new})


@own(hmac.new)
def _hmac(m: Machine, args: Args, kwargs: Kwargs) -> Any:
    """Do what `hmac.new` does."""
    given = dict(zip(("key", "msg", "digestmod"), args, strict=False)) | dict(kwargs)
    kind = given.get("digestmod")
    if not any(kind is getattr(hashlib, name) or kind == name for name in _ALGORITHMS):
        raise Undetermined("hmac.new with such an algorithm")
    return m.native(hmac.new, *args, **kwargs)


allow_type(hmac.HMAC, make=False, changing="update", attributes="name digest_size block_size", without="__init__")
native_module(hmac, "compare_digest")
module("hmac", {"new": hmac.new, "HMAC": hmac.HMAC})
