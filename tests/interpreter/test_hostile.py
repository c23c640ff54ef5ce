"""Source that wants to hang, to crash or to get out: nothing of it is executed, and it ends with a reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from neuralpdb.interpreter.interpretation import Bounds, End, interpret
from neuralpdb.interpreter.library import contents

pytestmark = pytest.mark.slow

LARGE = {
    "power": "10**10**8",
    "shift": "1 << 10**12",
    "repetition": "'a' * 10**12",
    "range": "list(range(10**12))",
    "sum": "sum(range(10**11))",
    "count": "max(itertools.count())",
    "cycle": "collections.deque(itertools.cycle([1]), maxlen=0)",
    "repeat": "sum(itertools.repeat(1))",
    "product": "list(itertools.product(range(100), repeat=10))",
    "permutations": "list(itertools.permutations(range(20)))",
    "factorial": "math.factorial(10**7)",
    "combinations": "math.comb(10**7, 5 * 10**6)",
    "format": "'{:1000000000d}'.format(1)",
    "percent": "'%1000000000d' % 1",
    "f-string": "f'{1:1000000000}'",
    "bytes": "bytes(10**11)",
    "bytearray": "bytearray(10**11)",
    "zfill": "'a'.zfill(10**11)",
    "tabs": "'\\t'.expandtabs(10**10)",
    "join": "('a' * 10**6).join(['b'] * 10**6)",
    "replace": "('a' * 10**6).replace('a', 'b' * 10**6)",
    "translate": "('a' * 10**6).translate({97: 'b' * 10**6})",
    "nested repeats": "re.match('(a+)+b', 'a' * 40)",
    "equal alternatives": "re.search('(aa|aab?)+c', 'a' * 60)",
    "nested repeats on a pattern": "re.compile(r'(\\w+\\s*)*$').match('a' * 40 + '!')",
    "repeats in a row": "re.search('.*.*.*.*.*=', 'a' * 400)",
    "nested bounded repeats": "re.match('(?:a{1,10}){1,30}b', 'a' * 60)",
    "empty rounds": "re.match('(a|b?|c?)*d', 'a' * 60)",
    "substitution": "re.sub('a', 'b' * 10**6, 'a' * 10**4)",
    "structure": "struct.pack('1000000000x')",
    "position": "io.StringIO().seek(10**11)",
    "pools": "itertools.product([1], repeat=10**9)",
    "long choice": "itertools.combinations([1], 10**11)",
    "repetitions": "list(itertools.repeat(1, 10**11))",
    "operator": "operator.mul('a', 10**12)",
    "operator power": "functools.reduce(operator.pow, [10] * 9)",
    "rounds": "hashlib.pbkdf2_hmac('sha1', b'a', b'b', 10**9)",
}
WAYS_OUT = {
    "system": "__import__('os').system('touch pwned')",
    "open": "open('pwned', 'w').write('x')",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "type subclasses": "type.__subclasses__(int)",
    "globals": "main.__globals__",
    "code": "main.__code__",
    "format field": "'{0.__globals__}'.format(main)",
    "attrgetter": "operator.attrgetter('__globals__')(main)",
    "map eval": 'list(map(eval, [\'__import__("os").system("touch pwned")\']))',
    "sorted eval": 'sorted([\'__import__("os").system("touch pwned")\'], key=eval)',
    "partial exec": 'functools.partial(exec, \'__import__("os").system("touch pwned")\')()',
    "iter exec": "next(iter(functools.partial(exec, 'import os; os.system(\"touch pwned\")'), 1))",
    "reduce": "functools.reduce(getattr, ['__globals__'], main)",
    "reduce protocol": "[].__reduce__()",
    "generator frame": "(i for i in [1]).gi_frame.f_back",
    "traceback": "ValueError().__traceback__.tb_frame",
    "frames": "sys._getframe(1)",
    "modules": "sys.modules['os'].system('touch pwned')",
    "call": 'operator.call(eval, \'__import__("os").system("touch pwned")\')',
    "eval import": 'eval(\'__import__("os").system("touch pwned")\')',
    "type of a module": "type(operator)('m')",
    "function type": "type(main)(main.__code__, {})",
    "new": "object.__new__(type(main))",
    "getattribute": "object.__getattribute__(main, '__globals__')",
    "type getattribute": "type.__getattribute__(int, '__subclasses__')()",
    "mro": "int.mro()[1].__subclasses__()",
    "init": "int.__init__.__self__",
    "class dict": "int.__dict__['__new__'](int)",
}
HEAD = (
    "import collections, copy, decimal, fractions, functools, hashlib, heapq, io, itertools, math, operator, random\n"
    "import re, statistics, string, struct, sys, textwrap, time, types\n"
)
HERE = Path(__file__).parent
MORE_LARGE, MORE_WAYS_OUT, HANGING = (
    (HERE / f"hostile_{name}.txt").read_text("utf-8").splitlines() for name in ("large", "ways_out", "hanging")
)
HARMFUL = frozenset(
    "exec os.system os.exec os.fork os.posix_spawn os.remove os.rename os.mkdir os.rmdir os.kill os.putenv "
    "subprocess.Popen socket.__new__ shutil.rmtree ctypes.dlopen ctypes.string_at gc.get_objects "
    "pickle.find_class marshal.loads code.__new__ sys._current_frames sys.settrace sys.setprofile builtins.input "
    "webbrowser.open tempfile.mkdtemp signal.pthread_kill".split()
)
"""Events of CPython's audit that no interpretation may cause; `exec` is one of every code object that is run.

`gc.get_referrers` is none of them: the interpreter itself asks who holds an unknown.
"""
caused: list[str] = []
watching = False


def watch(event: str, args: tuple[object, ...]) -> None:
    if watching and (event in HARMFUL or (event == "open" and writes(args))):
        caused.append(event)


def writes(args: tuple[object, ...]) -> bool:
    return isinstance(args[2], int) and bool(args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


sys.addaudithook(watch)


def ended(expression: str) -> tuple[End, str, bool]:
    """Interpret a program that evaluates an expression: how it ends, why, and whether its value is told."""
    text = f"{HEAD}def main():\n    x = {expression}\n    return x\n"
    frames, outcome = interpret(
        text, filename="<p>", entry_function="main", bounds=Bounds(frames=2000, operations=100_000)
    )
    last = frames[-1]
    reason = outcome.why or outcome.assuming or "".join(last.unknown.values())
    return outcome.end, reason, last.whole and last.frame.event == "return"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", LARGE)
def test_a_result_that_is_too_large_is_not_computed(name: str) -> None:
    end, why, _ = ended(LARGE[name])
    assert end is End.STOPPED
    assert why


@pytest.mark.timeout(10)
@pytest.mark.parametrize("expression", MORE_LARGE)
def test_an_expensive_call_is_not_made(expression: str) -> None:
    end, why, told = ended(expression)
    assert end is End.STOPPED
    assert why
    assert not told


@pytest.mark.parametrize("expression", MORE_WAYS_OUT)
def test_nothing_is_run_and_nothing_is_told_of_what_looks_outside(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    global watching
    monkeypatch.chdir(tmp_path)
    contents.load_all()
    ended("__import__('xml.dom')")  # what else is imported and compiled once
    caused.clear()
    watching = True
    try:
        end, why, told = ended(expression)
    finally:
        watching = False
    assert caused == []
    assert end is not End.FAULT, why
    assert not told
    assert why
    assert list(tmp_path.iterdir()) == []


def test_the_audit_notices_what_is_run(tmp_path: Path) -> None:
    global watching
    caused.clear()
    watching = True
    try:
        exec("1")
        (tmp_path / "pwned").write_text("x")
    finally:
        watching = False
    assert caused == ["exec", "open"]


@pytest.mark.slow
@pytest.mark.parametrize("expression", HANGING)
def test_what_looks_at_no_limit_hangs_a_process_that_can_be_killed(expression: str) -> None:
    code = (
        "import resource, sys, test_hostile; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        "print(test_hostile.ended(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, HERE, ROOT / "tests" / "support")))}
    child = subprocess.Popen(
        [sys.executable, "-c", code, expression], stdout=subprocess.PIPE, env=environment, text=True
    )
    try:
        answer, _ = child.communicate(timeout=3)
        assert "STOPPED" in answer
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", WAYS_OUT)
def test_nothing_gets_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    end, why, told = ended(WAYS_OUT[name])
    assert end is not End.FAULT, why
    assert not told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    (
        "def main():\n    return main()\n",
        "class A:\n    def __repr__(self): return repr(self)\ndef main():\n    a = A()\n    return 1\n",
        "class A:\n    def __eq__(self, other): return [self] == [other]\ndef main():\n    return [A()] == [A()]\n",
        "def main():\n    x = []\n    for i in range(100000): x = [x]\n    return 1\n",
        "def g():\n    yield from g()\ndef main():\n    return list(g())\n",
        "class A:\n    def __getattr__(self, name): return self.b\ndef main():\n    return A().a\n",
    ),
)
def test_endless_recursion_ends(text: str) -> None:
    _, outcome = interpret(
        text, filename="<p>", entry_function="main", bounds=Bounds(frames=20_000, operations=400_000)
    )
    assert outcome.end is not End.FAULT, outcome.why
