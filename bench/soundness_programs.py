"""Programs to compare: golden programs, traps, corpora, mutated programs, calls of the standard library."""

from __future__ import annotations

import gzip
import json
import random
import re
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS / "support"))

import goldens  # noqa: E402
from agreement import traps  # noqa: E402

from neuralpdb.train.programs.mutate import mutate_call, mutate_source  # noqa: E402

MAIN = "neuralpdb_main"


@dataclass(frozen=True)
class Sample:
    """A program: its key in the journal, its text and where it is entered; line 0 and a function, or a line."""

    key: str
    text: str
    filename: str = "<program>"
    function: str | None = MAIN
    line: int = 1


def golden_programs() -> Iterator[Sample]:
    """Yield the programs of the golden traces."""
    for name in goldens.PROGRAMS:
        text = (TESTS / "programs" / f"{name}.py").read_text("utf-8")
        function, line = goldens.entry(text)
        yield Sample(name, text, f"{name}.py", function, line)


def trap_programs() -> Iterator[Sample]:
    """Yield the traps."""
    for number, text in enumerate(traps()):
        yield Sample(str(number), text, function="main")


def read_corpus(path: Path) -> list[dict[str, list[str] | str]]:
    """Return the rows of a corpus, a JSON object a line (`src`, `calls`), perhaps compressed."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def called(source: str, call: str) -> str:
    """Return a program with a main function that makes one call."""
    return source.rstrip("\n") + f"\n\n\ndef {MAIN}():\n    return {call}\n"


def corpus_programs(path: Path, step: int) -> Iterator[Sample]:
    """Yield every call of a corpus (step 1), or the first call of every `step`-th program."""
    for number, row in enumerate(read_corpus(path)):
        calls = row["calls"] if step == 1 else row["calls"][:1]
        if number % step == 0:
            for n, call in enumerate(calls):
                yield Sample(f"{number}.{n}", called(str(row["src"]), call))


def mutated_programs(path: Path, seed: int) -> Iterator[Sample]:
    """Yield mutated programs of a corpus, without end; program `n` of a seed is always the same."""
    rows = [row for row in read_corpus(path) if row["calls"]]
    number = 0
    while True:
        rng = random.Random(f"{seed}:{number}")
        row = rng.choice(rows)
        source, call = str(row["src"]), rng.choice(row["calls"])
        changed_call = mutate_call(call, rng) if rng.random() < 0.8 else call
        changed = mutate_source(source, rng) if rng.random() < 0.8 else source
        if "\n" not in changed_call:
            yield Sample(f"{seed}.{number}", called(changed, changed_call))
        number += 1


# --- the standard library ---------------------------------------------------------------------------------------------

CALLS = """
T.split(T) T.split(T,I) T.rsplit(T,I) T.strip(T) T.replace(T,T,I) T.find(T,I,I) T.count(T) T.center(S,C)
T.partition(T) T.title() T.capitalize() T.swapcase() T.casefold() T.zfill(S) T.splitlines(B) T.expandtabs(S) T.join(W)
T.encode() T.encode('ascii','replace') T.isidentifier() T.translate(str.maketrans(T,T)) T.removeprefix(T) T[I:I:I]
T.format(N,T) T%N T%(N,T) T+T T*S T<T T==A ascii(T) repr(T) format(N,F) format(T,F) int(T) int(T,S) float(T) ord(C)
chr(S) hash(I) bool(A) str(A) list(A) tuple(A) set(L) frozenset(L) dict(A) sorted(L) sorted(A) sorted(W,key=len)
sorted(L,reverse=B) reversed(L) sum(L) sum(A) min(L) max(A) min(L,default=N) max(W,key=len) any(L) all(A) len(A)
abs(N) round(N,I) round(N) divmod(N,N) pow(I,S,I) pow(N,N) N+N N-A N*N N/N N//N N%N N**S N<N N==N I<<S I>>S I&I I|I
I^I enumerate(W) list(enumerate(W,I)) list(zip(L,W)) list(zip(L,W,strict=True)) list(map(str,L)) list(map(len,W))
bin(I) list(filter(None,A)) hex(I) oct(I) range(I,I,I) list(range(S))[I] isinstance(A,(int,str)) I.bit_length()
I.to_bytes(S,C) int.from_bytes(Y,'big') Y.decode() Y.hex() Y.split(Y) Y+Y Y[I] bytes(L) bytearray(Y) bytes.fromhex(T)
N.as_integer_ratio() L.index(I) L.count(I) L+L L*S L[I] L[I:I] L<L L==A D[C] D.get(C) D.keys()&D.keys() D|D
list(D.items()) set(L)&set(L) set(L)^set(W) set(L)<=set(L) float.fromhex(T) (1.5).hex() complex(N,N) complex(T)
slice(I,I,I).indices(S) f'{N:F}' f'{T!r:F}' math.sqrt(N) math.floor(N) math.gcd(I,I) math.comb(S,S) math.log(N,N)
math.isclose(N,N) math.prod(L) math.factorial(S) math.fsum(L) math.hypot(N,N) math.isqrt(I) math.copysign(N,N)
math.fmod(N,N) math.lcm(I,I) math.perm(S,S) math.modf(N) textwrap.wrap(T,S) textwrap.fill(T,S) textwrap.shorten(T,S)
textwrap.dedent(T) textwrap.indent(T,T) string.capwords(T) re.findall(R,T) re.sub(R,T,T) re.split(R,T) re.match(R,T)
re.search(R,T) re.fullmatch(R,T) re.escape(T) re.sub(R,T,T,count=S) list(itertools.accumulate(L))
list(itertools.chain(L,W)) list(itertools.combinations(W,S)) list(itertools.product(W,W)) list(itertools.groupby(L))
list(itertools.islice(A,S)) list(itertools.zip_longest(L,W,fillvalue=N)) list(itertools.pairwise(A))
list(itertools.permutations(L,2)) list(itertools.takewhile(bool,L)) list(itertools.compress(W,L))
list(itertools.starmap(pow,[(I,S)])) functools.reduce(operator.add,L) functools.reduce(operator.mul,A)
functools.partial(max,I)(I) operator.itemgetter(I)(A) collections.Counter(A) collections.Counter(T).most_common(S)
collections.Counter(L)-collections.Counter(L) collections.deque(A,S) collections.OrderedDict(D)
collections.ChainMap(D,D)[C] collections.defaultdict(list,D) heapq.nlargest(S,L) heapq.nsmallest(S,A)
list(heapq.merge(sorted(L),sorted(L))) bisect.bisect(sorted(L),I) bisect.bisect_left(W,T) statistics.mean(L)
statistics.median(L) statistics.mode(A) statistics.stdev(L) statistics.pvariance(L) statistics.multimode(W)
fractions.Fraction(I,I) fractions.Fraction(T) fractions.Fraction(N) decimal.Decimal(T)
decimal.Decimal(I)/decimal.Decimal(I) decimal.Decimal(T).quantize(decimal.Decimal('0.01')) copy.deepcopy(A)
copy.copy(A) operator.add(A,A) operator.index(A) unicodedata.normalize('NFC',T) unicodedata.category(C)
keyword.iskeyword(T) json.dumps(A) json.loads(T) json.dumps(D,indent=S) base64.b64encode(Y) base64.b64decode(T)
hashlib.md5(Y).hexdigest() struct.pack('>I',I) struct.unpack('<H',Y) shlex.split(T) os.path.join(T,T)
os.path.splitext(T) os.path.normpath(T) posixpath.basename(T) pathlib.PurePosixPath(T).parts
difflib.get_close_matches(T,W) datetime.date(S,S,S) datetime.timedelta(days=N)
datetime.datetime(2024,1,1)+datetime.timedelta(hours=I) calendar.isleap(I) calendar.monthrange(2020,S) html.escape(T)
html.unescape(T) urllib.parse.quote(T) urllib.parse.urlparse(T) urllib.parse.parse_qs(T) colorsys.rgb_to_hsv(N,N,N)
fnmatch.fnmatch(T,T) ast.literal_eval(T) string.Template(T).safe_substitute(D) binascii.hexlify(Y) zlib.crc32(Y)
"""
_HOLE = re.compile(r"(?<![\w'\"])[A-Z](?![\w'\"])|(?<=:)F(?=})")
_MODULE = re.compile(r"\b([a-z][a-z0-9.]*)\.")
TIMES = 5
"""Calls of one function in a program."""


def library_programs(seed: int, rounds: int) -> Iterator[Sample]:
    """Yield programs that call each function of CALLS with fuzzed arguments."""
    for number in range(rounds):
        rng = random.Random(f"{seed}:{number}")
        fill = partial(_argument, rng)
        for n, call in enumerate(CALLS.split()):
            modules = sorted({name for name in _MODULE.findall(call) if name.split(".")[0] in sys.stdlib_module_names})
            lines = [f"import {name}" for name in modules] + [f"def {MAIN}():"]
            for _ in range(TIMES):
                lines.append(f"    try: x = {_HOLE.sub(fill, call)}\n    except Exception as e: x = type(e), str(e)")
            yield Sample(f"{seed}.{number}.{n}", "\n".join(lines) + "\n    return x\n")


def _argument(rng: random.Random, match: re.Match[str]) -> str:
    return ARGUMENTS[match[0]](rng)


_ODD_TEXTS = (
    "",
    " ",
    "a b  c",
    "Aßé",
    "x=%s",
    "{}",
    "{0!r:>5}",
    "1.50",
    "-12",
    "0x1f",
    "\t\n",
    "a,b;c",
    "12:30",
    "[1]",
    "nan",
)
_FORMATS = (
    "",
    "5",
    ">7",
    "<4",
    "^9",
    "08.3f",
    "+",
    ",",
    "_",
    "x",
    "#b",
    "e",
    ".2%",
    "g",
    "*^12",
    "=6",
    "s",
    ".1",
    "c",
    "n",
)
_PATTERNS = (r"\w+", r"(a)(b)?", r"[^a-z]", r"\s*", r"(?P<n>\d)", r"a|b", r"^.", r"(", r"\b", r".$", r"(.)\1", r"x*")


def _text(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return repr(rng.choice(_ODD_TEXTS))
    return repr("".join(rng.choice("abcXYZ 019,.-_\n%é") for _ in range(rng.randint(0, 12))))


def _int(rng: random.Random) -> str:
    return f"({rng.choice((0, 1, -1, 2, 3, -7, 10, 255, rng.randint(-50, 50), rng.randint(-(10**20), 10**20)))})"


def _small(rng: random.Random) -> str:
    return str(rng.randint(0, 9))


def _number(rng: random.Random) -> str:
    floats = ("0.5", "(-1.5)", "1e300", "2.675", "float('inf')", "float('nan')", "(-0.0)", "3.0", "True", "1e-7")
    return rng.choice((_int(rng), f"({rng.uniform(-99, 99):.3f})", rng.choice(floats)))


def _list(rng: random.Random) -> str:
    return f"[{', '.join(str(rng.randint(-9, 9)) for _ in range(rng.randint(0, 6)))}]"


def _words(rng: random.Random) -> str:
    return repr(["".join(rng.choice("abcd") for _ in range(rng.randint(0, 4))) for _ in range(rng.randint(0, 5))])


def _dict(rng: random.Random) -> str:
    return "{" + ", ".join(f"{_character(rng)}: {_number(rng)}" for _ in range(rng.randint(0, 3))) + "}"


def _character(rng: random.Random) -> str:
    return repr(rng.choice(string.ascii_lowercase[:5] + "A9 é"))


def _bytes(rng: random.Random) -> str:
    return repr(bytes(rng.choice((0, 10, 65, 97, 98, 200)) for _ in range(rng.randint(0, 6))))


def _anything(rng: random.Random) -> str:
    makers = (_text, _int, _number, _list, _words, _dict, _bytes)
    return rng.choice((*[maker(rng) for maker in makers], "None", "()", "{1, 2}", "range(4)", "(1, 'a')", "[[1], [2]]"))


ARGUMENTS: dict[str, Callable[[random.Random], str]] = {
    "T": _text,
    "I": _int,
    "S": _small,
    "N": _number,
    "L": _list,
    "W": _words,
    "D": _dict,
    "C": _character,
    "Y": _bytes,
    "A": _anything,
    "B": lambda rng: rng.choice(("True", "False", "0", "None")),
    "F": lambda rng: rng.choice(_FORMATS),
    "R": lambda rng: repr(rng.choice(_PATTERNS)),
}
"""Letter in CALLS -> what makes the source text of an argument."""
