"""Who may import whom. The table is the architecture: a new module has to be written into it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "neuralpdb"

# module -> the modules of neuralpdb that it may import, at the top of the file or inside functions
ALLOWED: dict[str, str] = {
    # what everything stands on
    "__init__": "",
    "errors": "",
    "atomic": "",
    "frames": "",
    "tokens": "",
    # the program as text, tree and bytecode; nothing of it is run
    "inlined": "",
    "flow": "inlined",
    "syntax": "",
    "program": "errors flow frames syntax",
    "stack": "frames",
    "moves": "flow frames program stack",
    "expressions": "",
    "evaluate": "errors expressions",
    # the real interpreter: standard library only, it knows no model
    "bytecode": "inlined",
    "recursion": "",
    "snapshot": "bytecode frames",
    "events": "bytecode frames recursion snapshot",
    "recorder": "events frames recursion snapshot",
    "processes": "",
    "_clock": "",
    "_child": "_clock frames recorder",
    "limits": "errors processes recorder",
    "tracer": "_child errors frames limits processes recorder",
    "truth": "errors frames program tracer",
    "watched": "errors frames program tracer truth",
    # the model: texts below, frames above
    "checkpoint": "errors",
    "codec": "frames tokens",
    "window": "codec flow frames program stack tokens",
    "ahead": "frames",
    "effects": "evaluate expressions syntax",
    "callees": "effects evaluate flow frames program syntax",
    "anonymous": "callees effects flow frames program syntax",
    "lines": "callees effects program syntax",
    "past": "frames stack",
    "likely": "anonymous codec effects flow frames lines moves past stack syntax",
    "draft": "codec frames likely tokens",
    "confidence": "frames tokens",
    "predictor": "codec draft engines.base errors evaluate flow frames likely lines moves program stack tokens window",
    # how true a prediction is: frames beside frames
    "equality": "",
    "kinds": "",
    "fidelity": "equality frames",
    "beside": "errors fidelity frames",
    "scoring": "codec engines.base frames predictor tokens window",
    "generations": "codec engines.replay errors program tokens",
    "targets": "errors program",
    "compare": "engines.base errors fidelity frames limits predictor program scoring targets truth",
    # the debugger: it knows frames and programs, no model and no trace format
    "timelines": "errors frames",
    "branches": "frames timelines",
    "breakpoints": "errors evaluate flow frames program stack",
    "backwards": "breakpoints frames stack",
    "aliases": "errors",
    "rcfile": "",
    "modules": "errors",
    "displays": "errors evaluate frames stack",
    "stops": "breakpoints frames stack",
    "walk": "breakpoints errors evaluate frames program stack stops timelines",
    "session": "backwards errors evaluate frames stack stops timelines walk",
    "saved": "atomic branches breakpoints displays errors frames program session timelines",
    "pages": "render",
    "render": "evaluate frames program session stack",
    "agreement": "frames",
    "forks": "contrast frames program render",
    "contrast": "beside equality fidelity frames program render",
    "repl": "aliases beside commands displays errors evaluate frames program rcfile render session stack",
    "terminal": "commands repl",
    # the model that is asked: settings, the choice, the server
    "settings": "frames",
    "config": "errors settings",
    "models": "errors",
    "server": "",
    "serve": "errors models server",
    "launch": "errors serve server",
    "choice": "engines errors server settings",
    "doctor": "checkpoint choice codec engines errors frames predictor program settings tokens",
    # the command line
    "tools": "checkpoint choice config doctor engines errors launch models render serve server settings tokens",
    "batch": "compare errors fidelity report targets",
    "opening": "choice engines errors generations tools",
    "notices": "",
    "forecast": "ahead confidence frames notices predictor",
    "debugging": "beside commands errors forecast rcfile render repl session terminal truth watched",
    "cli": "batch compare config dap debugging errors fidelity frames limits mcp modules opening predictor program "
    "render report saved targets tools tracer",
    "__main__": "cli",
}
ENGINE = "checkpoint engines errors tokens"
"""What an engine may know: texts and tokens. Frames, programs and the trace format are not its business."""
TRAINING = "checkpoint codec errors frames kinds program recorder stack tokens train window"
"""What the training pipeline may use. Nothing outside of it imports it."""
REPORT = "atomic equality errors fidelity frames kinds pages render report"
"""What a report may know: comparisons and how texts are shown. Engines, predictors and trace formats are far away."""
COMMANDS = "agreement beside breakpoints commands contrast displays errors evaluate export fidelity forks frames kinds "
COMMANDS += "aliases program render saved session stack timelines"
"""What the commands of the prompt may use: the session and how things are shown. The prompt is handed to them."""
AGENTS = "agreement beside breakpoints contrast errors evaluate forecast forks frames limits mcp "
AGENTS += "program render session stack timelines watched"
"""What the tools for agents may use: the session and what is beside it; an engine is handed to them."""
EDITORS = "beside breakpoints commands config dap errors evaluate forecast frames kinds limits modules "
EDITORS += "opening program render repl session settings stack truth watched"
"""What the debug adapter for editors may use: the session, the prompt for its console, and what opens an engine."""
EXPORT = "atomic errors export frames pages program render session stack timelines"
"""What an export may know: a session and how texts are shown."""
GROUPS = {
    "engines": ENGINE,
    "export": EXPORT,
    "train": TRAINING,
    "report": REPORT,
    "commands": COMMANDS,
    "mcp": AGENTS,
    "dap": EDITORS,
}
"""Packages whose modules all have the same rights."""

MODEL_SIDE = {"codec", "tokens", "window", "predictor", "checkpoint"}
REAL_SIDE = set(
    "watched truth tracer limits processes _child _clock recorder events snapshot bytecode recursion".split()
)

# where a package of others may be imported while a module is imported; anywhere inside functions
OTHERS: dict[str, str] = {
    "torch": "engines.decoder engines.local engines.threads train",
    "numpy": "train",
    "tokenizers": "engines.vocabulary",
    "httpx2": "engines.wire",
    "typer": "cli tools train.__main__",
    "rich": "contrast forks render repl commands report batch dap.console",
    "prompt_toolkit": "terminal",
    "pygments": "terminal",
    "mcp": "mcp",
    "anyio": "mcp",
    "pydantic": "mcp",
}
HEAVY = {
    *("torch", "numpy", "tokenizers", "safetensors", "prompt_toolkit", "jinja2", "anyio", "mcp"),
    *("httpx", "httpx2", "httpcore", "requests", "urllib3", "aiohttp", "http.client"),
}


def modules() -> list[str]:
    """Every module of the package, named from below it: `engines.base`; a package by its own name."""
    names = (path.relative_to(PACKAGE).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py")))
    return [".".join(parts).removesuffix(".__init__") for parts in names]


def imported(tree: ast.AST, *, late: bool) -> Iterator[str]:
    """Full names that are imported; `late`: inside functions too. Imports for the type checker do not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
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
    """Modules of the package that `module` imports anywhere."""
    known = set(modules())
    found = set()
    for name in imported(tree_of(module), late=True):
        first, _, rest = name.partition(".")
        if first == "neuralpdb":
            found.add(rest if rest in known else rest.rpartition(".")[0])
    return frozenset(found - {"", module})


def reached(module: str) -> set[str]:
    """Everything that `module` imports, and what that imports."""
    found: set[str] = set()
    todo = [module]
    while todo:
        new = own_imports(todo.pop()) - found
        found |= new
        todo += new
    return found


def allowed(module: str, table: Mapping[str, str] = ALLOWED) -> set[str]:
    group = module.partition(".")[0]
    return set((GROUPS[group] if group in GROUPS else table[module]).split())


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_what_the_architecture_allows(module: str) -> None:
    group = module.partition(".")[0]
    assert group in GROUPS or module in ALLOWED, f"write {module} into the table of test_architecture.py"
    permitted = allowed(module)
    wrong = {name for name in own_imports(module) if not {name, name.partition(".")[0]} & permitted}
    assert not wrong, f"{module} imports {', '.join(sorted(wrong))}"


def test_the_table_names_only_modules_and_imports_that_exist() -> None:
    assert ALLOWED.keys() | GROUPS.keys() <= {*modules(), "__init__"}
    for module in ALLOWED:
        used = {name for name in own_imports(module) if name} if module != "__init__" else set()
        unused = {name for name in allowed(module) if not any(f"{each}.".startswith(f"{name}.") for each in used)}
        assert not unused, f"{module} no longer imports {', '.join(sorted(unused))}: strike it from the table"


def test_no_two_modules_import_each_other() -> None:
    for module in modules():
        assert module not in reached(module), f"{module} reaches itself"


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("engines.") or name == "checkpoint"])
def test_an_engine_knows_neither_frames_nor_programs(module: str) -> None:
    assert not reached(module) & {"frames", "codec", "program", "stack", "window", "predictor", "session"}


def test_the_debugger_knows_no_engine_and_no_trace_format() -> None:
    for module in ("session", "render", "repl", "commands", "terminal"):
        assert not {name for name in reached(module) if name.startswith("engines") or name in MODEL_SIDE}, module


def test_the_real_interpreter_and_the_model_meet_only_in_frames() -> None:
    for module in REAL_SIDE:
        assert not {name for name in reached(module) if name.startswith("engines") or name in MODEL_SIDE}, module
    assert not reached("predictor") & REAL_SIDE
    assert not reached("session") & REAL_SIDE


def test_nothing_but_the_training_pipeline_imports_it() -> None:
    for module in modules():
        if module.partition(".")[0] != "train":
            assert not {name for name in reached(module) if name.partition(".")[0] == "train"}, module


def test_the_recorder_needs_nothing_but_the_standard_library() -> None:
    """Any Python from 3.11 on runs it, without an installation."""
    for module in {"_child", *reached("_child")}:
        names = {name.partition(".")[0] for name in imported(tree_of(module), late=True)}
        assert names <= {*sys.stdlib_module_names, "neuralpdb"}, module


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_other_packages_only_where_they_belong(module: str) -> None:
    names = {name.partition(".")[0] for name in imported(tree_of(module), late=False)}
    for name in names - sys.stdlib_module_names - {"neuralpdb"}:
        places = OTHERS.get(name, "").split()
        assert {module, module.partition(".")[0]} & set(places), f"{module} imports {name} when it is imported"


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=PACKAGE.parent, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert "neuralpdb.cli" in loaded
    assert not {name for name in loaded if name in HEAVY or name.partition(".")[0] in HEAVY}
