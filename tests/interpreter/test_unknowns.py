"""What is not known: holes, assumptions, and where the interpreter stops with a reason."""

from __future__ import annotations

import pytest

from neuralpdb.interpreter.interpretation import Bounds, End, Outcome, interpret
from neuralpdb.trace.frames import VALUE

pytestmark = pytest.mark.slow


def outcome(body: str, head: str = "import random") -> Outcome:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    _, end = interpret(f"{head}\ndef main():\n{lines}\n", filename="<p>", entry_function="main")
    return end


def holes(body: str, head: str = "import random") -> dict[str, str]:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    frames, _ = interpret(f"{head}\ndef main():\n{lines}\n", filename="<p>", entry_function="main")
    return dict(frames[-1].unknown)


def test_a_branch_on_an_unknown_stops_with_its_reason() -> None:
    end = outcome("if random.random() > 0.5:\n    return 1\nreturn 2")
    assert end.end is End.STOPPED
    assert end.why == "a branch on an unknown: random.random() is known only when it runs"


def test_iteration_over_an_unknown_stops() -> None:
    assert outcome("for x in random.choice((1, 2)):\n    pass").why.startswith("iteration over an unknown")


def test_an_unknown_in_a_list_leaves_the_rest_of_it_usable() -> None:
    assert holes("a = [random.random(), 2]\nb = a[1] + len(a)\nreturn b").keys() == {"a"}


def test_arithmetic_on_an_unknown_number_assumes_nothing() -> None:
    end = outcome("r = random.random()\nreturn r * 2 + 1")
    assert (end.end, end.assuming) == (End.ENDED, "")


def test_an_operation_that_may_raise_is_assumed_not_to() -> None:
    assert outcome("r = random.random()\nreturn [1, 2][r]").assuming == "random.random() is known only when it runs"


def test_an_object_that_is_handed_to_something_unknown_is_not_known_any_more() -> None:
    assert holes("x = [1]\ny = [2]\nrandom.SystemRandom().shuffle(x)\nreturn 1").keys() == {"x"}


def test_a_function_of_the_program_is_not_handed_to_something_unknown() -> None:
    end = outcome("u = random.nothing\nu.f([main])\nreturn 1", "import random_of_others as random")
    assert "may change an object" in end.why


NATIVES = (
    "len(U)", "sum([1, U])", "max(1, U)", "sorted([2, U])", "int(U)", "str(U)", "repr([U])", "'%d' % U", "'%s' % U",
    "''.join(['a', U])", "list(U)", "{U: 1}", "{U}", "[1, 2].index(U)", "U in [1]", "abs(U)", "round(U)", "bool(U)",
    "callable(U)", "f'{U}'", "'{}'.format(U)", "divmod(U, 2)", "math.floor(U)",
    "dict(a=U)['a']", "(1, U)[1]", "min([U, 1])", "not U", "-U", "U == 1", "1 < U", "hash(U)", "id(U)",
    "[1, 2][U]", "range(U)", "bytes(U)", "chr(U)", "json.dumps(U)", "re.sub('a', 'b', U)", "copy.deepcopy([U])[0]",
)  # fmt: skip


@pytest.mark.parametrize("unknown", ["random.random()", "os.getpid()", "os.getcwd()", "os.getenv('NAME')"])
@pytest.mark.parametrize("native", NATIVES)
def test_an_unknown_argument_never_leads_to_an_answer(native: str, unknown: str) -> None:
    head = "import random, math, json, re, copy, os"
    lines = f"    u = {unknown}\n    x = {native.replace('U', 'u')}\n    return x"
    frames, end = interpret(f"{head}\ndef main():\n{lines}\n", filename="<p>", entry_function="main")
    told = frames[-1].frame.event == "return" and VALUE not in frames[-1].unknown and not frames[-1].assuming
    assert not told, frames[-1]
    assert end.end is not End.FAULT


def test_the_limit_of_instructions_stops_an_endless_loop() -> None:
    text = "def main():\n    x = 0\n    while True: x = 1\n"
    _, end = interpret(text, filename="<p>", entry_function="main", bounds=Bounds(frames=10**9, operations=20_000))
    assert end.why == "the limit of instructions is reached"


def test_the_limit_of_frames_is_the_limit() -> None:
    text = "def main():\n    while True:\n        pass\n"
    frames, end = interpret(text, filename="<p>", entry_function="main", bounds=Bounds(frames=7))
    assert (len(frames), end.end) == (7, End.ENOUGH)


FRESH = ("u.f([1, 2])", "u.f(a={'k': [1]})", "u.f([[1], {2: 3}])", "u([x for x in (1, 2)])", "u.f({1, 2}, [])")


@pytest.mark.parametrize("call", FRESH)
def test_a_container_that_nobody_else_holds_is_handed_to_something_unknown(call: str) -> None:
    assert outcome(f"u = random.nothing\nx = {call}\nreturn 1", "import random_of_others as random").end is End.ENDED


HELD = (
    "x = [1]\nu.f(x)", "x = {}\nu.f(a=x)", "x = [1]\nu.f([x])", "z = [1]\nx = [z]\nu.f([x[0]])\nx = z",
    "x = [1]\nu.f(*[x])", "x = {1}\nu.f((x,))", "x = A()\nu.f(x)", "y = A()\nx = y.own\nu.f(y)",
    "x = [1]\ny = {'k': x}\nu.f(y['k'])", "u.f(A().items)\nx = A.items", "x = [1]\nu.f = x", "x = [1]\nu[0] = x",
    "x = [[1]]\nx[int(u)].append(2)", "x = {}\nx[int(u)] = 2", "x = [1]\ny = max(x, [int(u)])\ny.append(2)",
    "x = [1]\ny = {'k': x}\ny.get(int(u)).append(2)", "x = [1]\nx.pop(int(u))", "x = [3, 1]\nx.insert(int(u), 2)",
    "x = [1]\ny = {int(u): x}\ny[1].append(2)", "x = [1]\ny = [*u, x]\ny[1].append(2)", "x = [1]\ny = [x]\ny += u",
    "x = [[1]]\nfor y in random.sample(x, int(u)):\n    y.append(2)", "x = [1]\nx += u", "x = [1, 2]\ndel x[int(u)]",
    "x = [1]\na, b = [x, 2][int(u):]\na.append(2)", "x = [1]\nu.f(iter([x]))", "x = [1]\nu.f({'k': x}.values())",
)  # fmt: skip


@pytest.mark.parametrize("calls", HELD)
def test_what_something_unknown_may_change_is_not_told(calls: str) -> None:
    head = "import random_of_others as random\nclass A:\n    items = []\n    def __init__(self): self.own = [1]"
    lines = "\n".join(f"    {line}" for line in f"u = random.nothing\n{calls}\nreturn x".split("\n"))
    frames, end = interpret(f"{head}\ndef main():\n{lines}\n", filename="<p>", entry_function="main")
    last = frames[-1]
    assert last.frame.event != "return" or VALUE in last.unknown, last
    assert end.end is not End.FAULT


ENDS = ("append = x.append\nu.f(x)", "for y in x:\n    u.f(x)", "u.f(x.append)", "u.f(y for y in x)", "u.f(main)")


@pytest.mark.parametrize("calls", ENDS)
def test_what_cannot_be_made_unknown_is_not_handed_to_something_unknown(calls: str) -> None:
    end = outcome(f"u = random.nothing\nx = [1]\n{calls}\nreturn 1", "import random_of_others as random")
    assert "may change" in end.why
