"""Parts of a value by its repr text: items of a list, entries of a dict, fields of a dataclass.

The text is split, not evaluated: a text that is not a literal (`[<Dog object>, Point(x=1)]`) has parts too, and every
part is exactly the text that the model wrote. A text whose brackets do not balance has no parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from neuralpdb.trace.values import kind_of

LONGEST = 200_000
"""Most characters of a text that is split, about 0.1 s; a longer one has no parts."""

_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*+(?:'|\Z|\\\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z|\\\Z)|[][(){}<>,:=]""", re.DOTALL)
_CALLED = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\(")
_OBJECT = re.compile(r"<(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*) object\b")
_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}
_SUBSCRIPTED = frozenset("deque OrderedDict Counter defaultdict mappingproxy array".split())
_WRAPPERS = _SUBSCRIPTED | {"frozenset", "dict_keys", "dict_values", "dict_items"}
_BEFORE_ANGLE = frozenset("[({,:=<")


@dataclass(frozen=True)
class Part:
    """A part of a value.

    name:   its name in a list of parts: `0`, `'key'`, `x`.
    text:   its repr text.
    access: the access to it in an expression: `[0]`, `['key']`, `.x`; empty where no expression reaches it.
    start:  where `text` begins in the text of the whole value, in characters.
    """

    name: str
    text: str
    access: str
    start: int


@dataclass(frozen=True)
class Split:
    """The parts of a text.

    parts:   in their order; none for a text without parts.
    indexed: whether they have numbers, not names.
    """

    parts: Sequence[Part] = ()
    indexed: bool = False


_WHOLE = Split()


def has_parts(text: str) -> bool:
    """Whether a text looks as if it had parts; quick, and sometimes wrong where brackets do not balance."""
    if text[:1] in ("[", "(", "{"):
        return text[-1:] == _CLOSING[text[0]] and bool(text[1:-1].strip())
    called = _CALLED.match(text)
    return called is not None and text.endswith(")") and called.end() < len(text) - 1


@lru_cache(maxsize=32)
def split(text: str) -> Split:
    """Split the repr text of a value into parts; none for a number, a string, `<Dog object>`."""
    if len(text) > LONGEST or not has_parts(text):
        return _WHOLE
    called = _CALLED.match(text)
    items = _items(text, called.end() - 1 if called else 0)
    if items is None:
        return _WHOLE
    parts = (_wrapped(text, called[1], items) or _fields(text, items)) if called else _displayed(text, items)
    return parts if all(each.name and each.text for each in parts.parts) else _WHOLE


def _displayed(text: str, items: Sequence[_Item]) -> Split:
    """Return the parts of a list, tuple, dict or set."""
    if text[0] == "(" and len(items) == 1 and not text[:-1].rstrip().endswith(","):
        return _WHOLE  # (1+2j)
    if text[0] != "{":
        return Split([Part(str(i), text[a:b], f"[{i}]", a) for i, (a, b, _) in enumerate(items)], True)
    if all(middle is not None for *_, middle in items):
        return Split([_entry(text, a, b, middle or a) for a, b, middle in items])
    if any(middle is not None for *_, middle in items):
        return _WHOLE
    return Split([Part(str(i), text[a:b], "", a) for i, (a, b, _) in enumerate(items)], True)


def _entry(text: str, start: int, end: int, colon: int) -> Part:
    key = text[start:colon].strip()
    start, end = _stripped(text, colon + 1, end)
    return Part(key, text[start:end], f"[{key}]", start)


def _wrapped(text: str, name: str, items: Sequence[_Item]) -> Split | None:
    """Return the parts of the container inside `deque([1, 2], maxlen=3)`; None where the name is no such wrapper."""
    if name.rpartition(".")[2] not in _WRAPPERS:
        return None
    for start, end, _ in items:
        inner = text[start:end]
        if inner[:1] in ("[", "(", "{") and not _FIELD.match(inner):
            container = split(inner)
            access = name in _SUBSCRIPTED and inner[0] != "("
            parts = [Part(p.name, p.text, p.access if access else "", p.start + start) for p in container.parts]
            return Split(parts, container.indexed)
    return None


_FIELD = re.compile(r"([A-Za-z_]\w*)=(?!=)")


def _fields(text: str, items: Sequence[_Item]) -> Split:
    """Return the arguments of a text that looks like a call: `Point(x=1, y=2)`."""
    parts = []
    for i, (start, end, _) in enumerate(items):
        named = _FIELD.match(text, start, end)
        begin = _stripped(text, named.end(), end)[0] if named else start
        access = f".{named[1]}" if named else ""
        parts.append(Part(named[1] if named else str(i), text[begin:end], access, begin))
    return Split(parts)


_Item = tuple[int, int, int | None]
"""Start and end of an item, and the place of its first colon."""


def _items(text: str, opening: int) -> list[_Item] | None:
    """Return the items between the bracket at `opening` and the end of the text; None where brackets do not balance."""
    items: list[_Item] = []
    open_: list[str] = []
    start, colon, last, end = opening + 1, None, "", opening
    for token in _TOKEN.finditer(text, opening):
        mark, at = token[0], token.start()
        if mark in ("[", "(", "{") or (mark == "<" and _opens(open_, last, text[end:at])):
            open_.append(_CLOSING[mark])
        elif open_ and mark == open_[-1]:
            open_.pop()
            if not open_:
                return _whole(text, items, (start, at, colon)) if at == len(text) - 1 else None
        elif mark in ("]", ")", "}"):
            return None
        elif mark == "," and len(open_) == 1:
            items.append((start, at, colon))
            start, colon = at + 1, None
        elif mark == ":" and len(open_) == 1 and colon is None:
            colon = at
        last, end = mark, token.end()
    return None


def _opens(open_: Sequence[str], last: str, between: str) -> bool:
    """Whether a `<` begins a text like `<Dog object>`: at the start of an item, or within such a text.

    last:    the mark before it.
    between: the text from there to it.
    """
    return bool(open_ and open_[-1] == ">") or (last in _BEFORE_ANGLE and not between.strip())


def _whole(text: str, items: list[_Item], last: _Item) -> list[_Item] | None:
    """Return all items without the blanks around them; None where one is missing."""
    if text[last[0] : last[1]].strip():
        items.append(last)
    stripped = [(*_stripped(text, a, b), colon) for a, b, colon in items]
    return stripped if all(a < b for a, b, _ in stripped) else None


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def is_object(text: str) -> bool:
    """Whether a text is that of an object and shows none of its parts, `<Dog object>`."""
    return not _NO_OBJECT.match(text) and not has_parts(text) and kind_of(text) == "object"


_NO_OBJECT = re.compile(r"<(?:function|class|bound method|built-in|module|generator object|coroutine object) ")


def type_of(text: str) -> str:
    """Return the name of the type that a repr text spells: `list`, `Point`, `Dog`; `object` where it spells none."""
    called = _CALLED.match(text) if text.endswith(")") else None
    if called:
        return called[1].rpartition(".")[2]
    if text[:1] == "{" and text != "{}" and (items := split(text)).parts:
        return "set" if items.indexed else "dict"
    if text[:1] == "[":
        return "list"
    instance = _OBJECT.match(text)
    return instance[1] if instance else kind_of(text)


def way(text: str, access: str) -> tuple[int, ...] | None:
    """Return the path to a part by its access (`['key'][0].x`, as the parts spell it); None where it is missing."""
    path: list[int] = []
    while access:
        parts = split(text).parts
        steps = (i for i, each in enumerate(parts) if each.access and access.startswith(each.access))
        index = max(steps, key=lambda i: len(parts[i].access), default=None)
        if index is None:
            return None
        path.append(index)
        text, access = parts[index].text, access[len(parts[index].access) :]
    return tuple(path)


def part(text: str, path: Sequence[int]) -> str | None:
    """Return the text of the part at a path (an index a level); None where it is missing."""
    for index in path:
        parts = split(text).parts
        if not 0 <= index < len(parts):
            return None
        text = parts[index].text
    return text


def replaced(text: str, path: Sequence[int], new: str) -> str | None:
    """Return a text with `new` in place of the part at a path; None where it is missing."""
    if not path:
        return new
    parts = split(text).parts
    if not 0 <= path[0] < len(parts):
        return None
    old = parts[path[0]]
    inner = replaced(old.text, path[1:], new)
    return None if inner is None else text[: old.start] + inner + text[old.start + len(old.text) :]
