"""Real code: pure functions of installed packages, cut out with what they need, with example calls found by trial.

    python -m neuralpdb.train.programs.harvest OUT.jsonl.gz [--package NAME ...] [--path DIR] [--seconds N] [--seed N]

Each line is {"src", "calls", "origin"}. A function is taken if it and what it calls in its module use nothing but
builtins and a few pure modules. Argument types are found by calling it, in a subprocess that can open no file.
The standard library is under the PSF licence; what is harvested is not part of this repository.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import gzip
import importlib.util
import json
import random
import re
import select
import subprocess
import sys
import sysconfig
import textwrap
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from neuralpdb.train.programs.mutate import Edit, apply, mutate_call, places
from neuralpdb.train.programs.values import Literals

ALLOWED_MODULES: Final = frozenset(
    "math string itertools functools collections dataclasses re typing contextlib enum heapq bisect copy operator abc "
    "numbers fractions decimal collections.abc types keyword statistics textwrap unicodedata".split()
)
FORBIDDEN_NAMES: Final = frozenset(
    "open input exec eval compile __import__ globals locals vars id hash breakpoint memoryview exit quit help dir "
    "object __file__ __loader__ __spec__ __builtins__ __debug__ print".split()
)
BUILTIN_NAMES: Final = frozenset(dir(builtins)) - FORBIDDEN_NAMES
SKIPPED: Final = re.compile(
    r"(^|\.)(tests?|test_.*|idlelib|lib2to3|turtledemo|turtle|__main__|antigravity|this|pydoc_data|site-packages|ensurepip|"
    r"distutils|encodings|msilib|tkinter|humaneval.*|human_eval.*|cruxeval.*)(\.|$)",
    re.IGNORECASE,
)
INSTRUCTIVE: Final = ("ValueError", "IndexError", "KeyError", "ZeroDivisionError", "StopIteration")
MAX_LINES: Final = 110
MAX_FUNCTION_LINES: Final = 60
TRIALS: Final = 60
CALLS_KEPT: Final = 8

TYPES: Final = (
    "int nat str str1 word char sentence digits ints ints1 strs1 ascending grid1 square pairs points dsi1 dss1 dsl1 "
    "iset1 ituple1 stuple1 point float bool bytes none floats1 brackets expression tree graph big"
).split()
HINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"^(s|st|str\w*|text|line|word|name|string\w*|msg|source|data|code|phrase|sentence|path|url|label|value)$",
        "str1 word",
    ),
    (r"^(words|names|lines|strings|tokens|parts|strs)$", "strs1"),
    (
        r"^(n|i|j|k|num|number|count|size|index|start|stop|step|width|length|limit|base|m|x|y|a|b|year|month|target|t|key)$",
        "int nat",
    ),
    (
        r"^(seq\w*|iterable\w*|it|items?|l|lst|list\w*|arr\w*|nums?|values|xs|a|array|numbers|data|coins|sequence)$",
        "ints1 ints",
    ),
    (r"^(d|dct|dict\w*|mapping|m|counts|graph|table)$", "dsi1 dss1 graph"),
    (r"^(matrix|grid|board|rows|mat)$", "square grid1"),
    (r"^(c|ch|char|sep|letter|delimiter|delim|fill\w*)$", "char"),
    (r"^(func|f|fn|function|key|pred\w*|predicate)$", "lambda"),
    (r"^(b|bytes|buf|raw)$", "bytes"),
)
ANNOTATED: Final[tuple[tuple[str, str], ...]] = (
    (r"(list|List|Sequence|Iterable)\[(list|List|Sequence)\b.*", "square grid1"),
    (r"(list|List|Sequence|Iterable|Iterator|Collection)\[str\].*", "strs1"),
    (r"(list|List|Sequence|Iterable|Iterator|Collection|MutableSequence)\b.*", "ints1 ints ascending"),
    (r"(dict|Dict|Mapping|MutableMapping)\b.*", "dsi1 dss1 graph"),
    (r"(set|Set|frozenset)\b.*", "iset1"),
    (r"(tuple|Tuple)\b.*", "ituple1 point"),
    (r"(Callable)\b.*", "lambda"),
    (r"(int|SupportsInt|Integral)\b.*", "int nat pos"),
    (r"(float|Number|Real)\b.*", "float int"),
    (r"(str|AnyStr|Text)\b.*", "str1 word sentence"),
    (r"bool\b.*", "bool"),
    (r"bytes\b.*", "bytes"),
)
FUNCTIONS: Final = (
    "len",
    "str",
    "lambda x: x",
    "lambda x: x % 2",
    "abs",
    "lambda x, y: x + y",
    "lambda x: not x",
    "bool",
)


@dataclass
class Source:
    """The top level of one module: what is defined where, and what each definition needs."""

    name: str
    lines: list[str]
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------------- reading modules
def standard_modules() -> list[str]:
    """Return the names of the pure Python modules of the standard library."""
    root = Path(sysconfig.get_paths()["stdlib"])
    return [name for name in _module_names(root, "") if not SKIPPED.search(name)]


def package_modules(package: str) -> list[str]:
    """Return the names of the modules of an installed package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        return []
    if not spec.submodule_search_locations:
        return [package]
    root = Path(spec.origin).parent
    return [package, *(n for n in _module_names(root, package + ".") if not SKIPPED.search(n))]


def _module_names(root: Path, prefix: str) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if "site-packages" in parts or "dist-packages" in parts:
            continue
        yield prefix + ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_module(name: str) -> Source | None:
    """Return the source of a module, without importing it; None where there is none to read."""
    try:
        path = _module_path(name)
        text = path.read_text(encoding="utf-8") if path else ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, ImportError, AttributeError):
        return None
    source = Source(name, text.splitlines())
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
                source.definitions[defined] = node
            case ast.Assign(targets=[ast.Name(id=defined)]) | ast.AnnAssign(target=ast.Name(id=defined)):
                source.definitions[defined] = node
            case ast.Import(names=names):
                for alias in names:
                    if alias.name in ALLOWED_MODULES:
                        bound = alias.asname or alias.name.partition(".")[0]
                        source.imports[bound] = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            case ast.ImportFrom(module=str(module), names=names, level=0) if module in ALLOWED_MODULES:
                for alias in names:
                    bound = alias.asname or alias.name
                    source.imports[bound] = f"from {module} import {alias.name}" + (
                        f" as {alias.asname}" if alias.asname else ""
                    )
    return source


def _module_path(name: str) -> Path | None:
    top, *parts = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    base = Path(spec.origin)
    if not parts:
        return base
    path = base.parent.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


# ---------------------------------------------------------------------- cutting out
def cut_out(source: Source, name: str) -> str | None:
    """Return the text of a definition and of all that it needs; None if it needs a name that is not allowed."""
    needed: dict[str, None] = {}
    imports: dict[str, None] = {}
    pending = [name]
    while pending:
        current = pending.pop()
        if current in needed:
            continue
        needed[current] = None
        for used in _free_names(source.definitions[current]):
            if used in source.definitions:
                pending.append(used)
            elif used in source.imports:
                imports[source.imports[used]] = None
            elif used not in BUILTIN_NAMES:
                return None
    parts = []
    for defined, node in source.definitions.items():
        if defined in needed:
            text = _text(source, node)
            if text.count("\n") > (MAX_FUNCTION_LINES if isinstance(node, ast.FunctionDef) else MAX_LINES):
                return None
            parts.append(text)
    try:
        body = without_foreign_annotations("\n\n".join(parts))
    except SyntaxError:  # a string over several lines lost some of them with the comments
        return None
    whole = "\n".join([*imports, ""] * bool(imports)) + "\n" * bool(imports) + body + "\n"
    return whole if whole.count("\n") <= MAX_LINES and len(whole) < 4500 else None


def without_foreign_annotations(text: str) -> str:
    """Return a source without its annotations, unless they are made of builtins alone."""
    tree = ast.parse(text)
    place = places(text)
    edits: list[Edit] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation and not _builtin(node.annotation):
            start, end = place(node)
            edits.append(Edit(start + len(node.arg), end, ""))
        elif isinstance(node, ast.FunctionDef) and node.returns and not _builtin(node.returns):
            start, end = place(node.returns)
            edits.append(Edit(text.rindex("->", 0, start), end, ""))
    return re.sub(r"\) +:", "):", apply(text, edits)) if edits else text


def _builtin(annotation: ast.expr) -> bool:
    return all(node.id in BUILTIN_NAMES for node in ast.walk(annotation) if isinstance(node, ast.Name))


def _free_names(definition: ast.stmt) -> set[str]:
    """Return the names that a definition reads and does not bind anywhere inside; annotations do not count."""
    loaded: set[str] = set()
    bound: set[str] = set()
    pending: list[ast.AST] = [definition]
    while pending:
        node = pending.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                loaded.add(name)
            case ast.Name(id=name) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if node is not definition:
                bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.Import() | ast.ImportFrom() | ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor():
                loaded.add("__import__")
        for child in ast.iter_child_nodes(node):
            if not (
                isinstance(node, ast.arg | ast.FunctionDef)
                and child in (getattr(node, "annotation", 0), getattr(node, "returns", 0))
            ):
                pending.append(child)
    return loaded - bound


def _text(source: Source, node: ast.stmt) -> str:
    """Return source lines of a definition without annotations' imports, docstrings and comment lines."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    dropped: set[int] = set()
    for child in ast.walk(node):
        body = getattr(child, "body", None)
        if not isinstance(body, list) or len(body) < 2 or not isinstance(body[0], ast.Expr):
            continue
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            dropped.update(range(body[0].lineno, (body[0].end_lineno or 0) + 1))
    kept = [
        line
        for number, line in enumerate(source.lines[first - 1 : node.end_lineno], first)
        if number not in dropped and not line.lstrip().startswith("#")
    ]
    text = textwrap.dedent("\n".join(kept))
    return re.sub(r"\n\s*\n+", "\n", text).rstrip()


# ---------------------------------------------------------------------- trying calls
class Trials:
    """A subprocess that runs sources and calls under time limits, restarted when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, source: str, calls: Sequence[str]) -> list[dict[str, Any]]:
        """Return one outcome per call: kind (`value`, an exception's name or empty: failed), lines run, stable."""
        process = self._started()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps([source, list(calls)]) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 20)
            line = process.stdout.readline() if ready else ""
        except OSError:
            line = ""
        if not line:
            self.close()
            return []
        outcomes: list[dict[str, Any]] = json.loads(line)
        return outcomes

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "neuralpdb.train.programs.harvest", "--trials"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONHASHSEED": "0"},
            )
        return self._process

    def close(self) -> None:
        """End the subprocess."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class _TooLong(BaseException):
    pass


def serve_trials() -> None:
    """Read [source, calls] lines and answer with outcomes: the subprocess, which opens nothing once it runs."""
    import resource
    import signal

    for module in sorted(ALLOWED_MODULES):
        __import__(module)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    channel, sys.stdout = sys.stdout, open("/dev/null", "w")  # noqa: SIM115, PTH123 - kept open to the end
    sys.setrecursionlimit(200)

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(
            ("open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "tempfile.", "sys.addaudit")
        ):
            raise PermissionError(event)

    def too_long(*_: object) -> None:
        raise _TooLong

    sys.addaudithook(refuse)
    signal.signal(signal.SIGALRM, too_long)
    for line in sys.stdin:
        source, calls = json.loads(line)
        channel.write(json.dumps(_try_calls(source, calls)) + "\n")
        channel.flush()


def _try_calls(source: str, calls: Sequence[str]) -> list[dict[str, Any]]:
    import signal

    space: dict[str, Any] = {"__name__": "harvested"}
    outcomes: list[dict[str, Any]] = []
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        exec(compile(source, "<harvest>", "exec", dont_inherit=True), space)
    except (Exception, _TooLong):
        return [{"kind": ""}] * len(calls)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for call in calls:
        outcomes.append(_try_call(call, dict(space)))
    return outcomes


def _try_call(call: str, space: dict[str, Any]) -> dict[str, Any]:
    import signal

    count = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != "<harvest>":
            return None
        count += event == "line"
        if count > 400:
            raise _TooLong
        return trace

    try:
        signal.setitimer(signal.ITIMER_REAL, 0.15)
        sys.settrace(trace)
        value = eval(call, space)
        sys.settrace(None)
        text = repr(value)
        if len(text) > 300 or " at 0x" in text:
            return {"kind": ""}
        return {"kind": "value", "lines": count, "text": text}
    except (Exception, _TooLong) as error:
        sys.settrace(None)
        name = type(error).__name__
        return {"kind": name if name in INSTRUCTIVE else "", "lines": count, "text": name}
    finally:
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_REAL, 0)


# ---------------------------------------------------------------------- finding arguments
def candidates(node: ast.FunctionDef, rng: random.Random, *, method: bool = False) -> list[tuple[str, ...]]:
    """Return combinations of argument types to try, the likely ones first."""
    arguments = [*node.args.posonlyargs, *node.args.args][1 if method else 0 :]
    required = len(arguments) - len(node.args.defaults)
    most = min(len(arguments), max(required, 0) + rng.randint(0, 2))
    combinations: dict[tuple[str, ...], None] = {}
    if most == 0:
        return [()] if not node.args.vararg else [(), ("int", "int"), ("ints1",), ("str1",)]
    for number in range(TRIALS):
        count = rng.randint(max(required, 0), most)
        hints = [hinted_types(a) for a in arguments[:count]]
        if number % 3 == 0 or all(a.annotation for a in arguments[:count]):
            types = tuple(rng.choice(hint or TYPES) for hint in hints)
        elif number % 3 == 1:
            one = TYPES[number // 3 % len(TYPES)]
            types = tuple(rng.choice(hint) if hint and rng.random() < 0.4 else one for hint in hints)
        else:
            types = tuple(rng.choice(TYPES) for _ in hints)
        combinations[types] = None
    return sorted(
        combinations, key=lambda types: -sum(t in hinted_types(a) for t, a in zip(types, arguments, strict=False))
    )


def hinted_types(argument: ast.arg) -> list[str]:
    """Return the types that a parameter's annotation, or else its name, suggests."""
    table, text = HINTS, argument.arg
    if argument.annotation is not None:
        table, text = ANNOTATED, ast.unparse(argument.annotation).removeprefix("Optional[").removeprefix("typing.")
    return [type_ for pattern, types in table if re.match(pattern, text) for type_ in types.split()][:5]


def find_calls(
    source: str, opening: str, closing: str, combinations: Iterable[tuple[str, ...]], trials: Trials, rng: random.Random
) -> list[str]:
    """Return calls that run some lines and end well, or in an instructive error, over working combinations of types."""
    literals = Literals(rng)

    def text(types: tuple[str, ...]) -> str:
        return opening + ", ".join(rng.choice(FUNCTIONS) if t == "lambda" else literals.of(t) for t in types) + closing

    tried = [(types, text(types)) for types in combinations]
    outcomes = trials.run(source, [call for _, call in tried])
    working = [
        (outcome.get("lines", 0) >= 4, types)
        for (types, _), outcome in zip(tried, outcomes, strict=False)
        if outcome["kind"] == "value" and outcome.get("lines", 0) >= 2
    ]
    if not working:
        return []
    working.sort(key=lambda pair: not pair[0])  # stable: the likely ones stay in front
    chosen = [types for _, types in working[:4]]
    calls = [text(types) for types in chosen for _ in range(6)]
    calls += [mutate_call(call, rng) for call in calls[:8]]
    return _keep(trials.run(source, calls), calls)


def _keep(outcomes: list[dict[str, Any]], calls: list[str]) -> list[str]:
    kept: dict[str, None] = {}
    errors = 0
    marks: set[tuple[int, str]] = set()
    for outcome, call in sorted(zip(outcomes, calls, strict=False), key=lambda pair: pair[0].get("lines", 0) < 4):
        kind, mark = outcome["kind"], (outcome.get("lines", 0), outcome.get("text", ""))
        if not kind or mark[0] < 2 or mark in marks or (kind != "value" and errors >= 2):
            continue
        marks.add(mark)
        errors += kind != "value"
        kept[call] = None
        if len(kept) == CALLS_KEPT:
            break
    return list(kept) if len(kept) > errors else []


# ---------------------------------------------------------------------- harvest
def harvest(modules: Iterable[str], rng: random.Random, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield programs {src, calls, origin} from the functions and classes of some modules, until the time is used up."""
    end = time.monotonic() + seconds
    trials = Trials()
    texts: set[str] = set()
    try:
        for name in modules:
            source = read_module(name)
            for defined in source.definitions if source else ():
                if time.monotonic() > end:
                    return
                assert source
                text = cut_out(source, defined)
                if text and text not in texts:
                    texts.add(text)
                    yield from _of_definition(source, defined, text, trials, rng)
    finally:
        trials.close()


def _of_definition(
    source: Source, name: str, text: str, trials: Trials, rng: random.Random
) -> Iterator[dict[str, Any]]:
    node = source.definitions[name]
    try:
        compile(text, "<harvest>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return
    if isinstance(node, ast.FunctionDef):
        calls = find_calls(text, *_around(node, f"{name}("), candidates(node, rng), trials, rng)
        if calls:
            yield {"src": text, "calls": calls, "origin": f"{source.name}.{name}"}
    elif isinstance(node, ast.ClassDef):
        calls = []
        methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        constructor = methods.get("__init__")
        for types in candidates(constructor, rng, method=True)[:4] if constructor else [()]:
            built = f"{name}({', '.join(Literals(rng).of(t) for t in types if t != 'lambda')})"
            for method, definition in methods.items():
                if method.startswith("_") or definition.decorator_list:
                    continue
                opening, closing = _around(definition, f"{built}.{method}(")
                tried_calls = find_calls(
                    text, opening, closing, candidates(definition, rng, method=True)[:20], trials, rng
                )
                calls += tried_calls[:3]
        if calls:
            yield {"src": text, "calls": calls[: 2 * CALLS_KEPT], "origin": f"{source.name}.{name}"}


def _around(node: ast.FunctionDef, call: str) -> tuple[str, str]:
    """Return the text around the arguments of a call: generators are listed."""
    own = [n for statement in node.body for n in _own_nodes(statement)]
    return (f"list({call}", "))") if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own) else (call, ")")


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.GeneratorExp):
        for child in ast.iter_child_nodes(node):
            yield from _own_nodes(child)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m neuralpdb.train.programs.harvest", description="Harvest pure functions."
    )
    parser.add_argument("out", nargs="?", default="", help="the .jsonl.gz file to write")
    parser.add_argument(
        "--package", action="append", default=[], help="an installed package besides the standard library"
    )
    parser.add_argument("--path", action="append", default=[], help="a folder that holds packages")
    parser.add_argument("--no-stdlib", action="store_true", help="only the packages")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.trials:
        serve_trials()
        return
    if not options.out:
        parser.error("name the .jsonl.gz file to write")
    sys.path[:0] = options.path
    modules = [m for package in options.package for m in package_modules(package)]
    modules += [] if options.no_stdlib else standard_modules()
    programs = calls = 0
    with gzip.open(options.out, "wt", encoding="utf-8") as stream:
        for program in harvest(modules, random.Random(options.seed), options.seconds):
            stream.write(json.dumps(program, ensure_ascii=False) + "\n")
            programs += 1
            calls += len(program["calls"])
    print(f"{options.out}: {programs} programs, {calls} calls")


if __name__ == "__main__":
    main()
