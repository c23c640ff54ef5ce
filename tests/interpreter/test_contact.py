"""Contact with the world: what is done with an unknown goes on with unknowns, asks, or stops with a reason."""

from __future__ import annotations

import pytest

from neuralpdb.interpreter.interpretation import End, interpret
from neuralpdb.trace.frames import VALUE

HEAD = """import json, os, random, socket, subprocess, sys, time, uuid
import something_missing as u
from pathlib import Path
from datetime import datetime
"""
UNKNOWN = """
input() | open("f").read() | Path("f").read_text() | time.time() | datetime.now() | random.random() | os.getenv("A")
os.environ["A"] | os.listdir(".") | os.path.exists("f") | sys.stdin.readline() | uuid.uuid4() | os.getpid()
subprocess.run(["ls"]) | socket.gethostname() | len(u.a) | sorted(u.a) | str(u.a) | f"{u.a:>3}" | "{}".format(u.a)
"-".join(u.a) | u.a + 1 | 1 + u.a | u.a == 1 | u.a is None | u.a in [1] | 1 in u.a | [1, 2][u.a] | u.a[1] | u.a[1:2]
{u.a: 1} | {u.a} | [*u.a] | {**u.a} | (1, *u.a) | [int(x) for x in u.a] | {x: 1 for x in u.a if x} | {x for x in u.a}
sum(x for x in u.a) | isinstance(u.a, int) | u.f(*u.a) | u.f(**u.a) | max(*u.a) | int(u.a) | u.a.b.c(1)[2] | -u.a
not u.a | abs(u.a) | dict(a=u.a)["a"] | next(u.a) | list(map(str, u.a)) | json.dumps(u.a) | json.loads(u.a)
[x for x in range(3)][u.a] | type(u.a)(1) | u.A() | sys.argv[u.a] | print(u.a, 1) or u.a | u.a.strip().split(",")
"""
"""Expressions whose value is not known; nothing else is."""
GOES_ON = """
a, b = u.a ; x = a
a, *b = u.a ; x = b
u.a.b = 1 ; x = u.a.b
u.a["k"] = 1 ; x = u.a["k"]
del u.a["k"] ; x = u.a
with u.f() as g: x = g.read()
with open("f") as g: x = g.readlines()
with open("f", "w") as g: x = g.write("a")
x = u.a ; x += 1
x = [1] ; x += u.a
x = [1] ; x.extend(u.a)
x = {} ; x.update(u.a)
x = {} ; x[u.a] = 1
x = [1] ; u.f(x)
x = [] ; x.append(u.a)
x = set() ; x.add(u.a)
x = open("f", "rb") ; x = x.read(4)
os.environ["A"] = "b" ; x = u.a
class A(u.B): pass ; x = A()
"""
"""Statements, after which `x` is not known."""
STOPS = {
    "x = 1 if u.a else 2": "a branch on an unknown",
    "for x in u.a: pass": "iteration over an unknown",
    "while u.a: pass": "a branch on an unknown",
    "x = u.a and 1": "a branch on an unknown",
    "x = [f(y) for y in u.a]": "iteration over an unknown",
    "x = [print(y) for y in u.a]": "iteration over an unknown",
    "x = f(*u.a)": "a call with arguments that are not known",
    "x = u.f(f)": "something unknown may change an object",
    "match u.a:\n        case 1: pass": "a branch on an unknown",
    "raise u.a": "an unknown is raised",
}
"""Statements -> why nothing is told after them, where no history says more."""


def run(body: str) -> tuple[dict[str, str], str, End, str]:
    text = f"{HEAD}\ndef f(x):\n    return x\n\ndef main():\n    {body}\n    return x\n"
    frames, outcome = interpret(text, filename="<p>", entry_function="main")
    last = frames[-1]
    event = last.frame.event if last.frame.function == "main" else ""
    return dict(last.unknown), outcome.why, outcome.end, event


@pytest.mark.parametrize(
    "expression", [each.strip() for line in UNKNOWN.split("\n") for each in line.split(" | ") if each]
)
def test_the_world_gives_unknowns(expression: str) -> None:
    unknown, why, end, event = run(f"x = {expression}")
    assert (end, why, event) == (End.ENDED, "", "return")
    assert VALUE in unknown


@pytest.mark.parametrize("statements", GOES_ON.strip().split("\n"))
def test_statements_on_unknowns_go_on(statements: str) -> None:
    unknown, why, end, event = run(statements.replace(" ; ", "\n    "))
    assert (end, why, event) == (End.ENDED, "", "return")
    assert VALUE in unknown


@pytest.mark.parametrize("statement", STOPS)
def test_what_an_unknown_decides_stops_with_a_reason(statement: str) -> None:
    _, why, end, _ = run(statement)
    assert end is End.STOPPED
    assert why.startswith(STOPS[statement])
