"""Regular expressions: the module re, with a bound on the time and the size of each call."""

from __future__ import annotations

import math
import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from neuralpdb.interpreter.library.registry import ATTRIBUTES, Guard, allow, allow_type, module, native_module
from neuralpdb.interpreter.sizes import MOST_ITEMS

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_MOST_STEPS = 30_000_000
"""Steps of the matcher that one call may take: about half a second."""
_LONGEST_PATTERN = 10_000
"""Characters of a pattern: compiling takes about 10 microseconds for each."""
_EXPONENTIAL_LENGTH = 18
"""Characters of a text on which a pattern is tried that may double its work with each of them: 2 ** 18 steps."""
_FOREIGN = frozenset("ıſΩЖאع中々🙂\u2003\u0660\u212a")
"""Stand for all characters outside of Latin 1: some of each kind."""
_SAMPLE = _FOREIGN | frozenset(map(chr, range(256)))
"""Characters for which it is worked out what a pattern can match."""
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_REPEATS = tuple(getattr(sre, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_NOTHING: frozenset[str] = frozenset()
_END = frozenset(("<end>",))
"""What follows a pattern that cannot fail any more."""
_AT = frozenset(("<at>",))
"""Stands for a position that is asked for: it is no character, but it may fail."""
_KNOWN = frozenset((textwrap.TextWrapper.wordsep_re.pattern,))
"""Patterns of the standard library that are known to be quick, although it cannot be seen."""
_SCOPED = re.compile(r"\(\?[a-zA-Z]*i")


class _Work:
    """How the work that a pattern makes grows.

    choices:     of how many ways each part that may be taken apart in several has; None: as many as characters.
    exponential: whether a part that repeats can be taken apart in several ways itself.
    fails:       whether something may fail behind a repeat.
    """

    def __init__(self, ignorecase: bool) -> None:
        self.choices: list[int | None] = []
        self.exponential = False
        self.fails = False
        self._ignorecase = ignorecase

    def look(self, items: Iterable[Any], follow: frozenset[str], looping: bool) -> None:
        """Go through a sequence that characters of `follow` may follow; looping: inside of a repeat."""
        parts = list(items)
        behind = follow
        for part in reversed(parts):
            self._look_at(part, behind, looping)
            first, empty = self.first([part])
            behind = first | behind if empty else first

    def _look_at(self, part: Any, follow: frozenset[str], looping: bool) -> None:
        code, value = part
        if code in _REPEATS:
            least, most, body = value
            first, empty = self.first(body)
            loops = most > 1
            inner = follow | first if loops else follow
            if loops and empty:
                self.exponential = True
            self.look(body, inner, looping or loops)
            if follow - _END:
                self.fails = self.fails or loops
            if most > least and first & follow:
                self._choice(None if most == sre.MAXREPEAT else most - least + 1, looping)
        elif code is sre.BRANCH:
            starts = [self.first(each) for each in value[1]]
            seen = _NOTHING.union(*(first for first, _ in starts))
            empties = sum(empty for _, empty in starts)
            apart = len(seen) == sum(len(first) for first, _ in starts)
            if not apart or empties > 1 or (empties and seen & follow):
                self._choice(len(value[1]), looping)
            for each in value[1]:
                self.look(each, follow, looping)
        elif code is sre.SUBPATTERN:
            self.look(value[3], follow, looping)
        elif code is getattr(sre, "ATOMIC_GROUP", None):
            self.look(value, follow, looping)
        elif code in (sre.ASSERT, sre.ASSERT_NOT):
            self.look(value[1], _SAMPLE, looping)
        elif code is sre.GROUPREF_EXISTS:
            self._choice(2, looping)
            for each in value[1:]:
                if each is not None:
                    self.look(each, follow, looping)

    def _choice(self, ways: int | None, looping: bool) -> None:
        self.choices.append(ways)
        self.exponential = self.exponential or looping

    def first(self, items: Iterable[Any]) -> tuple[frozenset[str], bool]:
        """Return the characters with which a sequence may begin, and whether it may be empty."""
        found = _NOTHING
        for part in items:
            more, empty = self._first_of(part)
            found |= more
            if not empty:
                return found, False
        return found, True

    def _first_of(self, part: Any) -> tuple[frozenset[str], bool]:
        code, value = part
        if code in _REPEATS:
            first, empty = self.first(value[2])
            return first, empty or value[0] == 0
        if code is sre.BRANCH:
            parts = [self.first(each) for each in value[1]]
            return _NOTHING.union(*(first for first, _ in parts)), any(empty for _, empty in parts)
        if code is sre.SUBPATTERN:
            return self.first(value[3])
        if code is getattr(sre, "ATOMIC_GROUP", None):
            return self.first(value)
        if code in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY, sre.RANGE, sre.CATEGORY):
            return self._characters(part), False
        if code is sre.AT:
            return _AT, True
        return _SAMPLE, True  # a reference, an assertion, a condition

    def _characters(self, part: Any, *, negated: bool = False) -> frozenset[str]:
        """Return what one item matches; negated: what it matches for certain."""
        code, value = part
        if code is sre.ANY:
            return _SAMPLE
        if code is sre.LITERAL:
            found = frozenset((chr(value),)) & _SAMPLE
            return found if negated else self._cased(found or _FOREIGN)
        if code is sre.NOT_LITERAL:
            return _SAMPLE - {chr(value)}
        if code is sre.RANGE:
            low, high = value
            found = frozenset(each for each in _SAMPLE if low <= ord(each) <= high)
            return found if negated else self._cased(found | _FOREIGN if high > 255 else found)
        if code is sre.CATEGORY:
            kinds = [re.compile(_CATEGORIES[value], flag) for flag in (re.UNICODE, re.ASCII)]
            test = all if negated else any
            return frozenset(each for each in _SAMPLE if test(kind.match(each) for kind in kinds))
        if value[0][0] is sre.NEGATE:
            return _SAMPLE - _NOTHING.union(*(self._characters(each, negated=True) for each in value[1:]))
        return _NOTHING.union(*(self._characters(each) for each in value))

    def _cased(self, found: frozenset[str]) -> frozenset[str]:
        if not self._ignorecase:
            return found
        return found | {each for each in _SAMPLE if {each.lower(), each.upper()} & found} | _swapped(found)


def _swapped(found: frozenset[str]) -> set[str]:
    return {other for each in found for other in (each.lower(), each.upper()) if len(other) == 1}


def work_of(pattern: str | bytes, flags: int) -> tuple[bool, bool, int, int]:
    """Return whether a pattern's work may be exponential, whether it fails late, its free choices, and a factor."""
    tree = parser.parse(pattern, flags)
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    work = _Work(bool(tree.state.flags & re.IGNORECASE or _SCOPED.search(text)))
    work.look(tree, _END, False)
    factor = 1
    for ways in work.choices:
        factor *= ways or 1
    return work.exponential, work.fails, work.choices.count(None), factor


def _ways(length: int, choices: int) -> int:
    """Return in how many ways a text can be divided among parts that take what they like."""
    return math.comb(length + choices, choices) if choices < 50 else _MOST_STEPS


def _why_slow(pattern: Any, flags: Any, text: Any, searches: bool) -> str:
    """Say why a pattern is not tried on a text; empty when it may be.

    searches: whether it is tried at every position.
    """
    if isinstance(pattern, re.Pattern):
        pattern, flags = pattern.pattern, pattern.flags
    if not isinstance(pattern, str | bytes) or pattern in _KNOWN:
        return ""
    why = _why_not_compiled(pattern, flags)
    if why or not isinstance(text, str | bytes | bytearray):
        return why
    flags = int(flags) if isinstance(flags, int) else 0
    if isinstance(pattern, bytes):
        flags &= ~re.UNICODE
    work = _work_quietly(pattern, flags)
    if work is None:
        return ""  # `re` complains in its own words
    exponential, fails, choices, factor = work
    length = len(text) + 1
    if exponential and length > _EXPONENTIAL_LENGTH:
        return "a pattern that may take very long"
    begins = length if searches else 1
    if length > _MOST_STEPS or begins * (length if fails else 1) * _ways(length, choices) * factor > _MOST_STEPS:
        return "a pattern that may take very long on such a text"
    return ""


@lru_cache(maxsize=500)
def _work_quietly(pattern: str | bytes, flags: int) -> tuple[bool, bool, int, int] | None:
    """Return what `work_of` returns; None for what is no pattern."""
    try:
        with warnings.catch_warnings():  # a warning would be printed by this process
            warnings.simplefilter("ignore")
            return work_of(pattern, flags)
    except (re.error, ValueError, OverflowError, RecursionError, TypeError):
        return None


def _why_not_compiled(pattern: Any, flags: Any) -> str:
    if isinstance(flags, int) and flags & re.DEBUG:
        return "a pattern that prints itself"
    if not isinstance(pattern, str | bytes):
        return ""
    if len(pattern) > _LONGEST_PATTERN:
        return "a long pattern"
    if type(pattern) in (str, bytes) and type(flags) in (int, re.RegexFlag):
        _compile_quietly(pattern, flags)
    return ""


@lru_cache(maxsize=500)
def _compile_quietly(pattern: str | bytes, flags: int) -> None:
    """Compile a pattern for the first time: what `re` warns of is not printed, and it does not warn again."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern, flags)
    except Exception:
        return  # `re` complains in its own words


def _argument(args: Args, kwargs: Kwargs, index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


def _searching(flags_at: int, text_at: int = 1, searches: bool = True) -> Guard:
    """Return the guard of a function that gets a pattern and a text."""

    def guard(args: Args, kwargs: Kwargs) -> str:
        pattern = _argument(args, kwargs, 0, "pattern")
        flags = _argument(args, kwargs, flags_at, "flags", 0)
        text = _argument(args, kwargs, text_at, "string")
        why = _why_slow(pattern, flags, text, searches)
        return why or (_why_large(args[1], text) if text_at == 2 and len(args) > 1 else "")

    return guard


def _why_large(template: Any, text: Any) -> str:
    """Say why not to put a template in the place of each match; empty when it may be."""
    if not isinstance(template, str | bytes) or not isinstance(text, str | bytes):
        return ""
    sign = "\\" if isinstance(template, str) else b"\\"
    references = template.count(sign)  # type: ignore[arg-type]
    size = (len(text) + 1) * (len(template) + 1) + references * len(text) * 2
    return "a long text" if size > MOST_ITEMS else ""


def _compiling(args: Args, kwargs: Kwargs) -> str:
    return _why_not_compiled(_argument(args, kwargs, 0, "pattern"), _argument(args, kwargs, 1, "flags", 0))


def _expanding(args: Args, kwargs: Kwargs) -> str:
    match, template = args[0], _argument(args, kwargs, 1, "template")
    return _why_large(template, match.string) if isinstance(match, re.Match) else ""


native_module(re, "purge escape")
allow([re.compile], guard=_compiling)
_FUNCTIONS = {
    **dict.fromkeys(("match", "fullmatch"), (2, 1, False)),
    **dict.fromkeys(("search", "findall", "finditer"), (2, 1, True)),
    "split": (3, 1, True),
    **dict.fromkeys(("sub", "subn"), (4, 2, True)),
}
"""Functions -> where flags and the text stand among their arguments, and whether all positions are tried."""
_NO_FLAGS = 99
_ON_PATTERN = {}
for _name, (_flags_at, _text_at, _searches) in _FUNCTIONS.items():
    allow([getattr(re, _name)], guard=_searching(_flags_at, _text_at, _searches))
    module("re", {_name: getattr(re, _name)})
    _ON_PATTERN[_name] = _searching(_NO_FLAGS, _text_at, _searches)
allow_type(
    re.Pattern,
    make=False,
    calls="sub subn",
    attributes="pattern flags groups groupindex",
    guards=_ON_PATTERN,
    without="scanner",
)
allow_type(
    re.Match,
    make=False,
    attributes="pos endpos lastindex lastgroup re string regs",
    guards={"expand": _expanding},
)
module("re", {"compile": re.compile, "Pattern": re.Pattern, "Match": re.Match, "error": re.error})
module("re", {name: value for name, value in vars(re).items() if name.isupper() and isinstance(value, re.RegexFlag)})
module("re", {"RegexFlag": re.RegexFlag, "NOFLAG": re.NOFLAG})
allow_type(re.RegexFlag)
ATTRIBUTES.update(((re.RegexFlag, "name"), (re.RegexFlag, "value")))
allow_type(re.error, attributes="msg pattern pos lineno colno")
