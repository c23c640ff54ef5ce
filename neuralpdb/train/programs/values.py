"""Names and literals: what identifiers and constants of generated programs look like.

It knows nothing of grammar. A type is a flat name (`int`, `ints`, `dsi`: dict of str to int); `wider` says which
other types a value of a type also belongs to (`char` is a `str1`, a non-empty string, is a `str`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

WORDS: Final = tuple(
    """apple banana cherry orange grape melon lemon mango papaya blueberry raspberry pineapple coconut apricot table
    chair window door house garden river mountain forest ocean island desert city street bridge castle tower market
    school teacher student doctor lawyer writer singer dancer artist pilot sailor farmer baker hunter king queen prince
    knight dragon wizard python java rust ruby kotlin swift hello world foo bar baz qux test data code list dict tuple
    string number value key index level radar madam noon racecar civic kayak rotor mississippi tennessee committee
    balloon coffee letter pepper bookkeeper happy silly angry quick brown fox jumps over lazy dog the cat sat on mat a
    an in of to and or not is was be by it as at we he she you me my our all any can will do go see red green blue
    yellow purple black white pink silver golden monday tuesday friday sunday june july august spring summer autumn
    winter north south east west left right up down open close start stop run walk jump swim fly read write sing play
    alpha beta gamma delta omega error warning info debug user admin guest file path name email phone id price cost
    total tax score grade team player game goal car bus ship bike moon star sun sky rain snow wind zip zap buzz fizz
    jazz quiz maze pizza wolf bear lion tiger eagle whale mouse horse bread milk sugar rice soup yes no maybe true false
    None True aaa abab abcabc xyz aabb zzz listen silent elbow below night thing stressed desserts hmm ok hi bye
    parallel assess possess success address process engineer machine learning neural network memory stack queue heap
    graph node edge tree leaf root branch buffer cache token parser lexer syntax logic binary octal hexadecimal circle
    square triangle rhythm zephyr oxygen nitrogen carbon helium sodium copper velvet marble lantern whisper thunder
    crystal pebble meadow harbor anchor compass saddle bucket hammer candle mirror pillow blanket guitar violin trumpet
    inventory customer invoice payment balance account transfer withdraw deposit schedule meeting calendar""".split()
)

LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
UPPER: Final = LOWER.upper()
DIGITS: Final = "0123456789"
PUNCTUATION: Final = "!?.,;:-_@#$%&*+=/()[]<>~^|{} "
UNICODE: Final = "éñüßçøåöäπλдяжш中文日本語한ÄÖŻıſ½²Ⅷ€→✓😀"

_NAMES: Final[dict[str, str]] = {
    "int": "n k num count total x y a b m i j r t p q w v acc result res size limit value number step width cur cnt "
    "ans score price cost amount age year level points best top low high start end left right offset temp target shift "
    "factor base depth seed balance length remaining steps hits quantity weight n1 n2 num1 num2 val d",
    "nat": "i j k n idx index pos p count size width length step start end m lo hi mid times level depth left right "
    "cur ptr col row steps limit",
    "float": "x y z rate ratio price avg mean factor weight value f temp ratio1 score tax total height speed t delta",
    "bool": "flag ok found done is_ok valid is_valid has_x changed seen match_ success odd even swapped ready active "
    "enabled result full empty answer",
    "str": "s text word string line name msg out result title label token raw query path code pattern prefix suffix "
    "base t w st sentence phrase content message first last key word1 word2 s1 s2 string1 txt new_text output reply "
    "greeting tag city user line_ buf joined encoded decoded cleaned left_part right_part",
    "char": "c ch char letter x sep delim symbol mark fill digit l s target vowel a b first last e ltr character",
    "bytes": "data raw b buf payload blob chunk encoded packet bs",
    "ints": "nums numbers values xs arr data lst items array a l result res out scores ys seq vals list1 list2 digits "
    "stack queue heights prices counts sizes sorted_nums evens odds squares primes indices output temp row my_list",
    "strs": "words names items tokens parts strings lines keys letters chars fruits tags labels result out res lst ss "
    "groups users cities pieces fields ws lst1 arr texts output tokens2 stack queue",
    "floats": "values xs data rates prices weights temps fs nums measurements points averages",
    "bools": "flags mask bits checks oks seen visited marks",
    "grid": "grid matrix rows table m board cells lists mat nested groups chunks result graph_ data",
    "rows": "rows table groups chunks buckets lines nested words_by data",
    "pairs": "pairs items entries records scores data people stock ranking tuples inventory result counts",
    "points": "points coords edges intervals pairs ranges segments moves path spans",
    "dsi": "d counts freq scores ages prices stock counter table mapping totals data result inventory lookup memo "
    "votes index points_by hist dic",
    "dis": "names labels d table mapping lookup by_id index words_of codes result",
    "dss": "d mapping colors config headers aliases table lookup trans env settings capital data",
    "dii": "memo cache d seen counts table squares mapping lookup positions freq dp",
    "dsl": "groups d buckets index graph table by_name grouped data scores_by adj result",
    "iset": "seen s unique ids visited nums a b common evens primes allowed set1 set2 members",
    "sset": "seen letters unique vowels words stop_words chars allowed names",
    "ituple": "t point dims nums values args tup pair shape limits data",
    "stuple": "names words t parts keys fields tup args options labels",
    "pair": "pair item entry record t p best e kv person rec top",
    "point": "point p pos coord pair edge xy t cell interval span move",
    "recs": "records people users rows items entries employees products data",
    "rec": "record person user row item entry emp product r rec",
    "fn": "f g fn func op key_fn transform check apply_ step rule pred cb handler",
    "it": "it gen iterator stream source seq_it feed g items_iter",
    "obj": "obj acc item node p q a b first second thing other box person car c shape s inst",
    "exc": "e e e err exc error ex",
    "graph": "graph g adj edges tree links",
    "tree": "tree nested data lst items a",
    "any": "value x item obj v data thing it result",
}

_VERBS: Final = (
    "get find count make build compute check process convert format clean filter collect merge split parse update "
    "transform replace remove add extract encode calc select swap shift sort do run go test solve foo func f g h "
    "helper main_part apply is_ok step work sum_up score rank pick total normalize tokenize validate reduce evaluate"
).split()
_NOUNS: Final = (
    "word letter char text string number list item value pair key digit total score name line token index matches "
    "result data sum max min vowels count length prefix words names numbers values items sequence table row index"
).split()
_CLASS_WORDS: Final = (
    "Account Counter Stack Queue Node Point Vector Matrix Animal Dog Shape Circle Person Employee Student Inventory "
    "Item Product Order Cart Player Game Robot Timer Logger Cache Registry Parser Token Box Bag Wallet Library Book "
    "Machine Sensor Light Tank Meter Gauge Ledger Team Deck Card Route Ticket Widget Engine Monitor Tracker"
).split()
_ATTRIBUTES: Final = (
    "value name items count total size data balance owner x y width height score level key left right next head tail "
    "price quantity label tags limit history state color speed age title rate unit points content position kind"
).split()

BUILTIN_NAMES: Final = (
    "id",
    "input",
    "vars",
    "dir",
    "hash",
    "object",
    "compile",
    "iter_",
    "file",
    "locals_",
    "copyright",
)
MODULES: Final = frozenset(
    "math string itertools functools collections dataclasses re typing contextlib enum heapq bisect copy operator abc "
    "reduce partial Counter defaultdict deque OrderedDict namedtuple lru_cache cache wraps contextmanager dataclass "
    "field Enum chain islice accumulate groupby product permutations combinations sqrt floor ceil gcd ABC".split()
)
KEYWORDS: Final = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield match case _".split()
)
RESERVED: Final = KEYWORDS | frozenset(
    "len sum min max sorted reversed enumerate zip range map filter any all abs round divmod pow chr ord int float str "
    "bool list tuple set dict frozenset repr isinstance type format bin hex oct print iter next slice callable getattr "
    "hasattr setattr bytes bytearray complex super property staticmethod classmethod object Exception self cls main "
    "issubclass ascii globals".split()
)

RESERVED_AND_MODULES: Final = RESERVED | MODULES

_NARROW: Final[dict[str, tuple[str, ...]]] = {
    "char": ("str1", "str"),
    "word": ("str1", "str"),
    "digits": ("str1", "str"),
    "str1": ("str",),
    "nat": ("int",),
    "pos": ("nat", "nz", "int"),
    "nz": ("int",),
    **{
        f"{t}1": (t,)
        for t in "ints strs floats bools grid rows pairs points dsi dis dss dii dsl iset sset ituple".split()
    },
    "stuple1": ("stuple",),
    "recs1": ("recs",),
    **dict.fromkeys("bits roman sentence palindrome expression short bigstr postfix".split(), ("str1", "str")),
    "brackets": ("str",),
    "bytes1": ("bytes",),
    "small": ("pos", "nat", "nz", "int"),
    "bound": ("pos", "nat", "nz", "int"),
    **dict.fromkeys(("year", "big"), ("nz", "int")),
    **dict.fromkeys(("square", "matrix"), ("grid1", "grid")),
    **dict.fromkeys(("ascending", "naturals"), ("ints1", "ints")),
    "digitlist": ("strs1", "strs"),
    "tree": ("any",),
    "graph": ("any",),
    "none": ("any",),
    "float1": ("float",),
}


def wider(type_: str) -> tuple[str, ...]:
    """Return the type itself and every type its values also belong to."""
    return (type_, *_NARROW.get(type_, ()))


def base_type(type_: str) -> str:
    """Return the type whose name pool serves this one."""
    if type_ in _POOLS:
        return type_
    return wider(type_)[-1]


_POOLS: Final[dict[str, tuple[str, ...]]] = {t: tuple(names.split()) for t, names in _NAMES.items()}


class Names:
    """Fresh identifiers of one program.

    taken: names that may not be used again in the current scope.
    """

    def __init__(self, rng: random.Random, *, modules_taken: bool) -> None:
        self._random = rng.random
        self.banned = RESERVED_AND_MODULES if modules_taken else RESERVED
        self.taken: set[str] = set()

    def _pick(self, pool: tuple[str, ...] | list[str]) -> str:
        return pool[int(self._random() * len(pool))]

    def syllables(self, low: int = 2, high: int = 4) -> str:
        """Return a pronounceable identifier part that no vocabulary holds."""
        r = self._random
        count = low + int(r() * (high - low + 1))
        return "".join(
            "bcdfghjklmnprstvwxz"[int(r() * 19)] + "aeiouy"[int(r() * 6)] + ("", "", "n", "r", "s", "lt")[int(r() * 6)]
            for _ in range(count)
        )

    def fresh(self, type_: str) -> str:
        """Return a new variable name that suits a type (or does not, sometimes)."""
        pool = _POOLS.get(type_) or _POOLS[base_type(type_)]
        for _ in range(12):
            u = self._random()
            name = self._pick(pool) if u < 0.66 else self._odd_name(u)
            if name not in self.taken and name not in self.banned:
                self.taken.add(name)
                return name
        while (name := f"{self._pick(pool)}{int(self._random() * 99)}") in self.taken or name in self.banned:
            pass
        self.taken.add(name)
        return name

    def _odd_name(self, u: float) -> str:
        pick = self._pick
        if u < 0.72:
            return LOWER[int(self._random() * 26)]
        if u < 0.80:
            return pick(WORDS).lower()
        if u < 0.86:
            return f"{pick(WORDS).lower()}_{pick(_NOUNS)}"
        if u < 0.90:
            return pick(WORDS).lower() + pick(_NOUNS).capitalize()
        if u < 0.93:
            return f"{pick(_NOUNS)}{int(self._random() * 20)}"
        if u < 0.96:
            return self.syllables()
        if u < 0.975:
            return f"{self.syllables()}_{self.syllables(1, 3)}"
        if u < 0.985:
            return pick(BUILTIN_NAMES)
        if u < 0.99:
            return "_" + pick(_NOUNS)
        if u < 0.996:
            return pick(WORDS).upper()
        return pick(("größe", "naïve", "имя", "π", "été", "señal", "δx"))

    def function(self) -> str:
        """Return a new function name."""
        pick = self._pick
        for _ in range(12):
            u = self._random()
            if u < 0.35:
                name = f"{pick(_VERBS)}_{pick(_NOUNS)}"
            elif u < 0.60:
                name = pick(_VERBS)
            elif u < 0.70:
                name = pick(_VERBS).replace("_", "") + pick(_NOUNS).capitalize()
            elif u < 0.80:
                name = f"{pick(_VERBS)}_{pick(_NOUNS)}_{pick(_NOUNS)}"
            elif u < 0.88:
                name = f"is_{pick(_NOUNS)}"
            elif u < 0.94:
                name = self.syllables()
            else:
                name = f"_{pick(_VERBS)}{int(self._random() * 9)}"
            if name not in self.taken and name not in self.banned:
                self.taken.add(name)
                return name
        name = f"{self.syllables(3, 5)}_{int(self._random() * 999)}"
        self.taken.add(name)
        return name

    def class_(self) -> str:
        """Return a new class name."""
        while True:
            u = self._random()
            if u < 0.8:
                name = self._pick(_CLASS_WORDS)
            elif u < 0.9:
                name = self._pick(WORDS).capitalize() + self._pick(_CLASS_WORDS)
            else:
                name = self.syllables().capitalize()
            if name not in self.taken and name not in self.banned:
                self.taken.add(name)
                return name

    def attribute(self, used: set[str]) -> str:
        """Return an attribute or method-like name that is not in `used`; adds it."""
        while True:
            u = self._random()
            name = self._pick(_ATTRIBUTES) if u < 0.8 else self._odd_name(0.7 + u / 5)
            if name not in used and name not in self.banned:
                used.add(name)
                return name


class Literals:
    """Source text of constants of every type, in one program's style of quotes and spacing."""

    def __init__(self, rng: random.Random) -> None:
        self._random = r = rng.random
        self.quote = "'" if r() < 0.7 else '"'
        self.odd = r() < 0.12
        self.sep = ", " if r() < 0.9 else ","
        self.exotic = r() < 0.10
        self.letters = self._small_alphabet() if r() < 0.3 else ""

    def _small_alphabet(self) -> str:
        r = self._random
        return "".join(LOWER[int(r() * 26)] for _ in range(2 + int(r() * 3)))

    def of(self, type_: str) -> str:
        """Return the source text of a constant of a type."""
        return _LITERALS[type_](self)

    def below(self, n: int) -> int:
        """Return a random int in 0..n-1."""
        return int(self._random() * n)

    # ------------------------------------------------------------------ numbers
    def int_(self) -> str:
        u = self._random()
        if u < 0.60:
            return str(int(u * 16.7))
        if u < 0.74:
            return str(self.below(100))
        if u < 0.84:
            return str(-1 - self.below(12))
        if u < 0.90:
            return str(self.below(1000))
        if u < 0.93:
            return str(-self.below(1000) - 1)
        if u < 0.95:
            return str(self.below(10 ** (4 + self.below(7))))
        if u < 0.96:
            return ("0x1f", "0b101", "1_000", "0o17", "0xff", "10_000")[self.below(6)]
        return ("0", "1", "2", "10", "100", "-1", "1", "0")[self.below(8)]

    def nat(self) -> str:
        return "0123456"[self.below(7)] if self._random() < 0.9 else str(self.below(13))

    def pos(self) -> str:
        return "12345"[self.below(5)] if self._random() < 0.85 else str(1 + self.below(12))

    def nz(self) -> str:
        u = self._random()
        return (
            "23456789"[self.below(8)] if u < 0.8 else str(-1 - self.below(9)) if u < 0.9 else str(1 + self.below(100))
        )

    def float_(self) -> str:
        u = self._random()
        if u < 0.4:
            return f"{self.below(10)}.{('0', '5', '25', '75', '1', '2', '3')[self.below(7)]}"
        if u < 0.8:
            return f"{self.below(100)}.{self.below(100)}"
        if u < 0.9:
            return f"-{self.below(20)}.{self.below(10)}"
        if u < 0.96:
            return ("0.1", "1e3", "2.5e-3", "3.14159", "0.0", "1e-9", ".5", "99.99", "1.", "-0.0")[self.below(10)]
        return str(round(self._random() * 1000, 1 + self.below(4)))

    def bool_(self) -> str:
        return "True" if self._random() < 0.5 else "False"

    # ------------------------------------------------------------------ text
    def quoted(self, text: str) -> str:
        """Return a text as a literal in the program's quotes, escaped as an author would."""
        quote = self.quote
        if self._random() < 0.03:
            quote = "'" if quote == '"' else '"'
        if quote in text and ("'" if quote == '"' else '"') not in text:
            quote = "'" if quote == '"' else '"'
        if "\\" in text or "\n" in text or "\t" in text or quote in text or "\0" in text:
            text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace(quote, "\\" + quote)
            text = text.replace("\0", "\\x00")
        return quote + text + quote

    def raw_letters(self, low: int, high: int) -> str:
        r = self._random
        alphabet = self.letters or (
            LOWER if r() < 0.7 else LOWER + UPPER if r() < 0.5 else LOWER + DIGITS + PUNCTUATION
        )
        n = len(alphabet)
        return "".join([alphabet[int(r() * n)] for _ in range(low + int(r() * (high - low + 1)))])

    def raw_word(self) -> str:
        u = self._random()
        if u < 0.55:
            return WORDS[int(u / 0.55 * len(WORDS))]
        if u < 0.63:
            return WORDS[self.below(len(WORDS))].capitalize()
        if u < 0.67:
            return WORDS[self.below(len(WORDS))].upper()
        if u < 0.71:
            return WORDS[self.below(len(WORDS))] + WORDS[self.below(len(WORDS))]
        if u < 0.91:
            return self.raw_letters(1, 8)
        if u < 0.95:
            return WORDS[self.below(len(WORDS))] + DIGITS[self.below(10)]
        if self.exotic or u > 0.98:
            word = WORDS[self.below(len(WORDS))]
            at = self.below(len(word) + 1)
            return word[:at] + UNICODE[self.below(len(UNICODE))] + word[at:]
        return self.raw_letters(3, 12)

    def raw_text(self) -> str:
        u = self._random()
        if u < 0.5:
            return self.raw_word()
        if u < 0.74:
            sep = " " if u < 0.68 else (",", "-", "_", ", ", ";", "  ", "\n", "|", ".", ":")[self.below(10)]
            return sep.join([self.raw_word() for _ in range(2 + self.below(3))])
        if u < 0.80:
            return ""
        if u < 0.84:
            return "".join([DIGITS[self.below(10)] for _ in range(1 + self.below(6))])
        if u < 0.88:
            return " " * self.below(3) + self.raw_word() + " " * self.below(3)
        if u < 0.91:
            return self.raw_word() + PUNCTUATION[self.below(len(PUNCTUATION))] * (1 + self.below(2))
        if u < 0.94:
            punctuation = [PUNCTUATION[self.below(len(PUNCTUATION))] for _ in range(1 + self.below(6))]
            return "".join(punctuation) + self.raw_letters(0, 3)
        if u < 0.96:
            word = self.raw_word()
            return word + "\n\t\\'\""[self.below(5)] + self.raw_letters(0, 4)
        if u < 0.98:
            return "".join([UNICODE[self.below(len(UNICODE))] for _ in range(1 + self.below(4))])
        return self.raw_letters(8, 24)

    def str_(self) -> str:
        u = self._random()
        if u < 0.01:
            return "r" + self.quote + ("a\\d+", "x\\n", "\\w\\w", "c:\\tmp")[self.below(4)] + self.quote
        if u < 0.015:
            return '"""' + self.raw_word() + '"""'
        if u < 0.02:
            return self.quoted(self.raw_word()) + " " + self.quoted(self.raw_word())
        return self.quoted(self.raw_text())

    def str1(self) -> str:
        u = self._random()
        if u < 0.7:
            return self.quoted(self.raw_word())
        return self.quoted(self.raw_text() or "x")

    def word(self) -> str:
        return self.quoted(self.raw_word())

    def char(self) -> str:
        u = self._random()
        if self.letters and u < 0.5:
            return self.quoted(self.letters[self.below(len(self.letters))])
        if u < 0.75:
            return self.quoted(LOWER[self.below(26)])
        if u < 0.83:
            return self.quoted(UPPER[self.below(26)])
        if u < 0.88:
            return self.quoted(DIGITS[self.below(10)])
        if u < 0.97:
            return self.quoted(" ,-_.:;/|#*+"[self.below(12)])
        if u < 0.985:
            return self.quoted(UNICODE[self.below(len(UNICODE))])
        return ("'\\n'", "'\\t'", "'\\\\'", "'\"'", '"\'"')[self.below(5)]

    def digits(self) -> str:
        return self.quoted(str(self.below(10 ** (1 + self.below(5)))))

    def bits(self) -> str:
        return self.quoted("".join("01"[self.below(2)] for _ in range(1 + self.below(7))))

    def brackets(self) -> str:
        pool = ("()", "([])", "{[()]}", "(()", ")(", "([)]", "()[]{}", "((", "a(b)c", "[{}]", "(()())", "]", "")
        if self._random() < 0.6:
            return self.quoted(pool[self.below(len(pool))])
        return self.quoted("".join("()[]{}"[self.below(6 if self.odd else 2)] for _ in range(2 + self.below(6))))

    def roman(self) -> str:
        pool = "I II III IV V VI IX X XI XIV XIX XL XC CD MCM LVIII MMXXIV XLII DCC".split()
        return self.quoted(pool[self.below(len(pool))])

    def sentence(self) -> str:
        return self.quoted(" ".join(WORDS[self.below(len(WORDS))] for _ in range(2 + self.below(5))))

    def palindrome(self) -> str:
        half = self.raw_letters(1, 3)
        return self.quoted(half + half[::-1][self.below(2) :])

    def expression(self) -> str:
        parts = [str(self.below(20))]
        for _ in range(1 + self.below(4)):
            parts += ["+-*"[self.below(3)], str(self.below(10))]
        return self.quoted((" " if self.odd else "").join(parts))

    def bytes_(self) -> str:
        u = self._random()
        if u < 0.85:
            return "b" + self.quote + self.raw_ascii() + self.quote
        return ("b''", "b'\\x00\\x01'", "b'\\xff'", "b'a\\n'")[self.below(4)]

    def raw_ascii(self) -> str:
        word = WORDS[self.below(len(WORDS))]
        return word if self._random() < 0.8 else word + DIGITS[self.below(10)]

    # ------------------------------------------------------------------ collections
    def _size(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def _wrap(self, opening: str, items: list[str], closing: str) -> str:
        if self.odd and items and self._random() < 0.3:
            u = self._random()
            if u < 0.4:
                return f"{opening} {self.sep.join(items)} {closing}"
            if u < 0.7:
                return f"{opening}{self.sep.join(items)},{closing}"
            return f"{opening}{' ,'.join(items)}{closing}"
        return opening + self.sep.join(items) + closing

    def list_(self, element: str, low: int, high: int) -> str:
        make = _LITERALS[element]
        count = self._size(low, high)
        items = [make(self) for _ in range(count)]
        if count > 2 and self._random() < 0.15:
            items[-1] = items[0]
        return self._wrap("[", items, "]")

    def tuple_(self, element: str, low: int, high: int) -> str:
        make = _LITERALS[element]
        count = self._size(low, high)
        if count == 1:
            return f"({make(self)}{' ' if self._random() < 0.1 else ''},{' ' if self.odd else ''})"
        return self._wrap("(", [make(self) for _ in range(count)], ")")

    def set_(self, element: str, low: int, high: int) -> str:
        make = _LITERALS[element]
        return self._wrap("{", [make(self) for _ in range(self._size(max(low, 1), high))], "}")

    def dict_(self, key: str, value: str, low: int, high: int) -> str:
        keys, values = _LITERALS[key], _LITERALS[value]
        colon = " : " if self.odd and self._random() < 0.3 else ":" if self.sep == "," else ": "
        items = [f"{keys(self)}{colon}{values(self)}" for _ in range(self._size(low, high))]
        if len(items) > 1 and self._random() < 0.04:
            items[-1] = items[0].partition(colon)[0] + colon + values(self)
        return self._wrap("{", items, "}")

    def record(self) -> str:
        q = self.quote
        return "{" + f"{q}name{q}: {self.word()}, {q}age{q}: {self.below(90)}, {q}score{q}: {self.int_()}" + "}"

    def square(self) -> str:
        n = 2 + self.below(2)
        return "[" + ", ".join("[" + ", ".join(str(self.below(10)) for _ in range(n)) + "]" for _ in range(n)) + "]"

    def ascending(self) -> str:
        values = sorted(self.below(50) for _ in range(1 + self.below(7)))
        return self._wrap("[", [str(v) for v in values], "]")

    def tree(self) -> str:
        def node(depth: int) -> str:
            if depth == 0 or self._random() < 0.35:
                return str(self.below(10))
            return "[" + ", ".join(node(depth - 1) for _ in range(1 + self.below(3))) + "]"

        return "[" + ", ".join(node(2) for _ in range(1 + self.below(3))) + "]"


_LITERALS: Final[dict[str, Callable[[Literals], str]]] = {
    "int": Literals.int_,
    "nat": Literals.nat,
    "pos": Literals.pos,
    "bound": lambda w: "2345673"[w.below(7)],
    "nz": Literals.nz,
    "float": Literals.float_,
    "bool": Literals.bool_,
    "none": lambda _: "None",
    "short": lambda w: w.quoted(w.raw_letters(1, 3)),
    "bigstr": lambda w: w.quoted(w.raw_letters(3, 6)),
    "postfix": lambda w: w.quoted(f"{w.pos()} {w.nat()} {'+-*'[w.below(3)]} {w.pos()} {'+-*'[w.below(3)]}"),
    "any": lambda w: w.of(
        ("int", "str", "ints", "none", "bool", "float", "dsi", "strs", "ituple", "tree")[w.below(10)]
    ),
    "str": Literals.str_,
    "str1": Literals.str1,
    "word": Literals.word,
    "char": Literals.char,
    "digits": Literals.digits,
    "bits": Literals.bits,
    "brackets": Literals.brackets,
    "roman": Literals.roman,
    "sentence": Literals.sentence,
    "palindrome": Literals.palindrome,
    "expression": Literals.expression,
    "bytes": Literals.bytes_,
    "bytes1": lambda w: "b" + w.quote + w.raw_ascii() + w.quote,
    "small": lambda w: str(2 + w.below(11)),
    "year": lambda w: str(1900 + w.below(200)),
    "big": lambda w: str(w.below(10 ** (3 + w.below(4)))),
    "rec": Literals.record,
    "recs": lambda w: w.list_("rec", 0, 3),
    "recs1": lambda w: w.list_("rec", 1, 3),
    "square": Literals.square,
    "ascending": Literals.ascending,
    "tree": Literals.tree,
    "matrix": Literals.square,
    "naturals": lambda w: w.list_("nat", 1, 6),
    "digitlist": lambda w: w.list_("digits", 1, 4),
    "graph": lambda w: (
        "{" + ", ".join(f"{n}: [{', '.join(str(w.below(4)) for _ in range(w.below(3)))}]" for n in range(4)) + "}"
    ),
    "pair": lambda w: f"({w.word()}{w.sep}{w.int_()})",
    "point": lambda w: f"({w.int_()}{w.sep}{w.int_()})",
}
for _list, _element in {
    "ints": "int",
    "strs": "str",
    "floats": "float",
    "bools": "bool",
    "grid": "ints",
    "rows": "strs",
    "pairs": "pair",
    "points": "point",
}.items():
    _most = 3 if _list in ("grid", "rows", "pairs", "points") else 5
    _LITERALS[_list] = lambda w, e=_element, m=_most: w.list_(e, 0 if w.below(4) == 0 else 1, m)  # type: ignore[misc]
    _LITERALS[_list + "1"] = lambda w, e=_element, m=_most: w.list_(e, 2 if w.below(3) else 1, m + 1)  # type: ignore[misc]
for _dict, _key, _value in (
    ("dsi", "word", "int"),
    ("dis", "int", "word"),
    ("dss", "word", "word"),
    ("dii", "int", "int"),
    ("dsl", "word", "ints"),
):
    _LITERALS[_dict] = lambda w, k=_key, v=_value: w.dict_(k, v, 0, 3)  # type: ignore[misc]
    _LITERALS[_dict + "1"] = lambda w, k=_key, v=_value: w.dict_(k, v, 1, 4)  # type: ignore[misc]
for _set, _element in (("iset", "nat"), ("sset", "char")):
    _LITERALS[_set] = lambda w, e=_element: w.set_(e, 1, 4) if w.below(6) else "set()"  # type: ignore[misc]
    _LITERALS[_set + "1"] = lambda w, e=_element: w.set_(e, 1, 5)  # type: ignore[misc]
for _tuple, _element in (("ituple", "int"), ("stuple", "word")):
    _LITERALS[_tuple] = lambda w, e=_element: w.tuple_(e, 0 if w.below(8) == 0 else 1, 4)  # type: ignore[misc]
    _LITERALS[_tuple + "1"] = lambda w, e=_element: w.tuple_(e, 1, 4)  # type: ignore[misc]

LITERAL_TYPES: Final = frozenset(_LITERALS)
