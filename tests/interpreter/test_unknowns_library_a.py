"""What is not known, handed to the library: an unknown at every argument of every function leads to no answer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from neuralpdb.interpreter.interpretation import End, interpret

pytestmark = pytest.mark.slow

MODULES = (
    "argparse base64 binascii csv difflib fnmatch functools hashlib hmac io itertools json logging operator os pprint "
    "queue random re shlex string struct sys textwrap uuid"
).split()
PATHS = "from pathlib import Path, PureWindowsPath\n"
UNKNOWNS: dict[str, tuple[Any, ...]] = {
    "os.getcwd()": ("/somewhere", "/home"),
    "random.random()": (0.25, 0.75),
    "os.getenv('NAME')": (None, "a", "7"),
}
"""Expressions of which nothing is known but perhaps the type -> what they may be."""
CALLS = """
re.compile('a', 2)
re.match('a', 'ab', 0)
re.search('a', 'ab')
re.fullmatch('a', 'a')
re.findall('a', 'ab')
list(re.finditer('a', 'ab'))
re.split('a', 'bab', 1)
re.sub('a', 'b', 'aa', 1)
re.subn('a', 'b', 'aa', 1)
re.escape('a.b')
re.compile('a').match('ab', 0)
re.compile('a').search('ab', 0, 2)
re.compile('a').sub('b', 'aa')
re.compile('a').split('bab')
re.compile('a').findall('bab')
re.match('(a)', 'a').group(1)
re.match('(a)', 'a').expand('x')
re.match('(a)', 'a').span(1)
re.match('(a)?', 'b').groups('-')
io.StringIO('abc').read(2)
io.StringIO('abc').write('x')
io.StringIO('abc').seek(1)
io.StringIO('abc').writelines(['a'])
io.StringIO('abc').truncate(1)
io.BytesIO(b'abc').read(1)
io.BytesIO(b'abc').write(b'x')
io.StringIO('abc').getvalue() if io.StringIO('abc') else 0
json.dumps([1, 2])
json.dumps([1], indent=2)
json.dumps({'a': 1}, sort_keys=True)
json.dumps([1], separators=(',', ':'))
json.dumps([object], default=str)
json.loads('[1]')
json.loads('{}', object_hook=dict)
json.loads('1.5', parse_float=str)
json.load(io.StringIO('[1]'))
json.JSONEncoder(indent=1).encode([1])
json.JSONDecoder().decode('[1]')
next(csv.reader(['a,b'], delimiter=','))
list(csv.reader(['a,b']))
csv.writer(io.StringIO()).writerow(['a', 1])
csv.writer(io.StringIO()).writerows([['a', 1]])
csv.DictWriter(io.StringIO(), ['a']).writerow({'a': 1})
list(csv.DictReader(['a', '1']))
csv.get_dialect('excel').delimiter
struct.pack('<hh', 1, 2)
struct.unpack('<h', b'ab')
struct.calcsize('<h')
struct.pack_into('<h', bytearray(4), 0, 1)
struct.unpack_from('<h', b'abcd', 1)
struct.Struct('<h').pack(1)
base64.b64encode(b'abc')
base64.b64decode('YWJj')
base64.b32encode(b'abc')
base64.b85encode(b'abc')
base64.a85decode(b'BOu!')
binascii.hexlify(b'a')
binascii.unhexlify('61')
binascii.crc32(b'a', 0)
hashlib.sha256(b'a').hexdigest()
hashlib.md5(b'a').digest()
hashlib.new('sha1', b'a').hexdigest()
hashlib.sha256().update(b'a')
hashlib.pbkdf2_hmac('sha1', b'a', b'b', 2)
hashlib.blake2b(b'a', digest_size=4).hexdigest()
hmac.new(b'a', b'b', 'sha1').hexdigest()
hmac.compare_digest('a', 'a')
os.path.join('a', 'b')
os.path.split('a/b')
os.path.splitext('a.b')
os.path.basename('a/b')
os.path.dirname('a/b')
os.path.normpath('a/../b')
os.path.isabs('/a')
os.path.commonpath(['/a', '/b'])
os.path.relpath('/a', '/b')
os.path.abspath('/a')
os.path.expanduser('a')
os.path.expandvars('a')
os.fspath('a')
os.getenv('a', 'b')
Path('a', 'b')
PureWindowsPath('a')
Path('a').joinpath('b')
Path('a').with_suffix('.b')
Path('a').with_name('b')
Path('a').relative_to('a')
Path('a').is_relative_to('a')
Path('a').match('a')
fnmatch.fnmatch('a', '*')
fnmatch.filter(['a'], '*')
string.capwords('a b')
string.Template('$a').substitute(a=1)
string.Template('$a').safe_substitute({'a': 1})
string.Formatter().format('{}', 1)
textwrap.wrap('a b', 5)
textwrap.fill('a b', width=5)
textwrap.dedent(' a')
textwrap.indent('a', '> ')
textwrap.shorten('a b c', 3)
textwrap.TextWrapper(width=9).wrap('a b')
shlex.split('a b')
shlex.quote('a b')
shlex.join(['a', 'b'])
pprint.pformat([1], 1, 10)
pprint.pformat({'a': 1})
difflib.get_close_matches('a', ['a', 'b'], 1)
difflib.SequenceMatcher(None, 'ab', 'ac').ratio()
list(difflib.unified_diff(['a'], ['b']))
uuid.UUID('12345678123456781234567812345678')
uuid.uuid5(uuid.NAMESPACE_DNS, 'a')
operator.add(1, 2)
operator.mul(1, 2)
operator.pow(2, 2)
operator.mod(5, 2)
operator.lshift(1, 2)
operator.is_(1, 2)
operator.is_not(1, 2)
operator.call(len, 'a')
operator.contains([1], 1)
operator.countOf([1], 1)
operator.indexOf([1], 1)
operator.getitem([1], 0)
operator.itemgetter(0)([1])
operator.attrgetter('real')(1)
operator.methodcaller('upper')('a')
operator.iadd(1, 2)
operator.not_(1)
operator.truth(1)
list(itertools.islice([1, 2], 1))
list(itertools.repeat(1, 2))
list(itertools.product([1], repeat=2))
list(itertools.permutations([1, 2], 2))
list(itertools.combinations([1, 2], 2))
list(itertools.accumulate([1, 2]))
list(itertools.chain([1], [2]))
list(itertools.compress([1], [1]))
list(itertools.takewhile(bool, [1]))
list(itertools.groupby([1], str))
list(itertools.zip_longest([1], [2], fillvalue=0))
functools.reduce(max, [1, 2], 0)
argparse.ArgumentParser(prog='a').parse_args([])
argparse.ArgumentParser(prog='a').parse_known_args(['x'])
logging.getLevelName(10)
logging.Formatter('%(message)s').format(logging.makeLogRecord({'msg': 'a'}))
sys.stdout.write('a')
sys.exit(1)
queue.Queue(3).full()
""".strip().split("\n")
"""Expressions, in each of which every argument of the calls in it is replaced in turn."""


def with_unknowns(expression: str) -> Iterator[str]:
    """Yield an expression with `u` in the place of each argument of its calls; no call that only wraps another."""
    tree = ast.parse(expression, mode="eval")
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        for place in (*range(len(call.args)), *call.keywords):
            held = call.args[place] if isinstance(place, int) else place.value
            if isinstance(held, ast.Call):
                continue
            for new in (ast.Name("u"), ast.List([ast.Name("u")]) if isinstance(held, ast.List) else None):
                if new is None:
                    continue
                if isinstance(place, int):
                    call.args[place] = new
                else:
                    place.value = new
                yield ast.unparse(tree)
            if isinstance(place, int):
                call.args[place] = held
            else:
                place.value = held


def head(text: str) -> str:
    names = [name for name in MODULES if f"{name}." in text]
    return f"import os, random, {', '.join(names) or 'os'}\n{PATHS if 'Path(' in text else ''}"


def happens(text: str, value: Any) -> str:
    """Return what a program does with a value in the place of the unknown: the text of its result or its exception."""
    names: dict[str, Any] = {"u": value}
    exec(head(text), names)
    try:
        return repr(eval(text, names))
    except BaseException as error:
        return repr(error)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", CALLS)
def test_what_is_told_of_a_call_with_an_unknown_is_so_whatever_it_is(expression: str) -> None:
    for text in with_unknowns(expression):
        for unknown, values in UNKNOWNS.items():
            program = f"{head(text)}def main():\n    u = {unknown}\n    x = {text}\n    return x\n"
            frames, outcome = interpret(program, filename="<p>", entry_function="main")
            assert outcome.end is not End.FAULT, (text, unknown, outcome.why)
            last = frames[-1]
            if last.frame.event in ("return", "exception") and not last.unknown.keys() - {"u"} and not last.assuming:
                told = next((each.frame.value for each in frames if each.frame.event == "exception"), last.frame.value)
                assert {happens(text, value) for value in values} == {told}, (text, unknown)
