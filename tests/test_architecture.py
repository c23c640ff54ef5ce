"""Who may import whom: circles, sizes of folders, other packages. `lint-imports` holds the order of the wings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest
from places import ROOT

PACKAGE = ROOT / "neuralpdb"
LARGEST = 14
"""Modules of a folder: more are not seen at one glance."""

# A wing, and the wings that it may import, at the top of a file, inside a function, or for the type checker.
# `lint-imports` holds the order; here stands what is stricter than the order.
STRICTER: dict[str, str] = {
    "errors": "",
    "output": "errors",
    "trace": "errors output",
    "engines": "errors output",
    "program": "errors trace",
    "realrun": "errors output trace program",
    "interpreter": "errors output trace program",
    "debugger": "errors output trace program interpreter",
    "train": "errors trace program realrun predict engines",
}

# where a package of others may be imported while a module is imported; anywhere inside functions
OTHERS: dict[str, str] = {
    "torch": "engines.local train",
    "numpy": "train",
    "tokenizers": "engines.local",
    "httpx2": "engines.vllm",
    "typer": "cli train",
    "rich": "fidelity.batch fidelity.report frontends output.highlight",
    "prompt_toolkit": "frontends.repl.terminal",
    "pygments": "frontends.repl.terminal",
    "mcp": "frontends.mcp",
    "anyio": "frontends.mcp",
    "pydantic": "frontends.mcp",
}
HEAVY = {
    *("torch", "numpy", "tokenizers", "safetensors", "prompt_toolkit", "jinja2", "anyio", "mcp"),
    *("httpx", "httpx2", "httpcore", "requests", "urllib3", "aiohttp", "http.client"),
}


def modules() -> list[str]:
    """Return every module of the package, named from below it: `engines.base`; a package by its own name."""
    names = (path.relative_to(PACKAGE).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py")))
    return [".".join(parts).removesuffix(".__init__") for parts in names]


def imported(tree: ast.AST, *, late: bool) -> Iterator[str]:
    """Yield full names that are imported; `late`: inside functions and for the type checker, too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not late:
            continue
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imported(node, late=late)


@cache
def tree_of(module: str) -> ast.Module:
    path = PACKAGE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text("utf-8"))


@cache
def own_imports(module: str) -> frozenset[str]:
    """Return the modules of the package that `module` imports anywhere, those for the type checker too."""
    known = set(modules())
    names = (name.partition(".")[2] for name in imported(tree_of(module), late=True) if name.startswith("neuralpdb."))
    return frozenset({name if name in known else name.rpartition(".")[0] for name in names} - {"", module})


def reached(module: str) -> set[str]:
    """Return everything that `module` imports, and what that imports."""
    names: set[str] = set()
    todo = [module]
    while todo:
        new = own_imports(todo.pop()) - names
        names |= new
        todo += new
    return names


def within(module: str, places: str) -> bool:
    return any(f"{module}.".startswith(f"{place}.") for place in places.split())


def test_the_package_has_twelve_wings_and_its_errors() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    files = {path.name for path in PACKAGE.glob("*.py")}
    assert len(folders) == 12
    assert files == {"__init__.py", "__main__.py", "errors.py"}


def test_no_folder_has_more_modules_than_one_sees_at_a_glance() -> None:
    for folder in (PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())):
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= LARGEST, folder


def test_no_module_reaches_itself() -> None:
    circles = [module for module in modules() if module in reached(module)]
    assert not circles


@pytest.mark.parametrize("wing", STRICTER)
def test_a_wing_imports_only_what_it_stands_on(wing: str) -> None:
    for module in (name for name in modules() if within(name, wing)):
        wrong = {name for name in own_imports(module) if not within(name, f"{wing} {STRICTER[wing]}")}
        assert not wrong, f"{module} imports {', '.join(sorted(wrong))}"


def test_a_session_its_text_and_the_prompt_know_no_engine_and_no_trace_format() -> None:
    for module in (name for name in modules() if within(name, "debugger frontends.text frontends.repl")):
        assert not {name for name in reached(module) if within(name, "engines predict")}, module


def test_the_real_interpreter_and_the_model_meet_only_in_frames() -> None:
    for module in modules():
        if within(module, "realrun"):
            assert not {name for name in reached(module) if within(name, "engines predict")}, module
        if within(module, "predict debugger"):
            assert not {name for name in reached(module) if within(name, "realrun")}, module


def test_nothing_but_the_training_pipeline_imports_it() -> None:
    for module in modules():
        if not within(module, "train"):
            assert not {name for name in own_imports(module) if within(name, "train")}, module


def test_the_recorder_needs_nothing_but_the_standard_library() -> None:
    """Any Python from 3.11 on runs it, without an installation."""
    for module in {"realrun.child", *reached("realrun.child")}:
        names = {name.partition(".")[0] for name in imported(tree_of(module), late=True)}
        assert names <= {*sys.stdlib_module_names, "neuralpdb"}, module


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_other_packages_only_where_they_belong(module: str) -> None:
    names = {name.partition(".")[0] for name in imported(tree_of(module), late=False)}
    for name in names - sys.stdlib_module_names - {"neuralpdb"}:
        assert within(module, OTHERS.get(name, "")), f"{module} imports {name} when it is imported"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["trace", "--help"],
        ["dap", "--help"],
        ["serve", "--help"],
        ["mcp", "--help"],
        ["config"],
    ],
)
def test_asking_for_help_imports_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "neuralpdb", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert "neuralpdb.cli.main" in loaded
    assert not {name for name in loaded if name in HEAVY or name.partition(".")[0] in HEAVY}
