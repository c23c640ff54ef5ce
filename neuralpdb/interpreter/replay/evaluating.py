"""Evaluating: code of the user, compiled for an activation that stands still, and run there by the machine.

Names are those of the activation, then of its module, then the builtins; functions inside the code see them all, as
if it stood in the program. Nothing that it does is an event.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import Any

from neuralpdb.interpreter.activation import Activation, cell_value
from neuralpdb.interpreter.machine import Machine, class_name, fault, trusting, undecided
from neuralpdb.interpreter.objects.classes import Class, class_of
from neuralpdb.interpreter.objects.values import EMPTY, Cell, Function, Unknown
from neuralpdb.interpreter.order import collides, has_address
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.trace.frames import UNREPRESENTABLE

LONGEST = 100_000
"""Characters of code that is compiled, some 0.3 s."""
_FILE = "stdin"
"""What the code's file is called. A name in angle brackets would make it the library's."""
_LAST = "__neuralpdb_last__"
"""Holds the value of a last statement that is an expression."""
_FUTURE = 0x1FF0000
"""Bits of `co_flags` that stand for `from __future__ import ...`."""
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_LOOKING = {"locals", "vars", "dir", "eval", "exec"}
"""Functions that look at the variables of their caller."""
_PLACE = re.compile(r" \(stdin, line \d+\)$")
_INSTRUCTION = re.compile(r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*: ")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_WRAPPED = "outer.<locals>.inner.<locals>."

Answer = dict[str, Any]
"""What came of some code: `error` or `why`, or what was asked for; values for JSON."""


# --- compiling ----------------------------------------------------------------------------------------------------


def expression_of(text: str) -> ast.Expression:
    """Return the tree of an expression. Raises SyntaxError, or Stop where it cannot be compiled."""
    tree = _parsed(text.strip(), "eval")
    assert isinstance(tree, ast.Expression)
    return tree


def statements_of(text: str) -> ast.Module:
    """Return the tree of statements; the value of the last one is kept where it is an expression."""
    tree = _parsed(textwrap.dedent(text), "exec")
    assert isinstance(tree, ast.Module)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = tree.body[-1]
        target = ast.copy_location(ast.Name(_LAST, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return tree


def _parsed(text: str, mode: str) -> ast.AST:
    if len(text) > LONGEST:
        raise Stop(f"it is longer than {LONGEST:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, _FILE, mode, dont_inherit=True, optimize=0)  # says what is no code there: a `return`
            return compile(text, _FILE, mode, ast.PyCF_ONLY_AST, dont_inherit=True, optimize=0)
    except SyntaxError as error:
        raise SyntaxError(error.msg) from None
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    except (RecursionError, MemoryError, OverflowError):
        raise Stop("it is nested too deep") from None


def _compiled(tree: ast.AST, mode: str, flags: int) -> CodeType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(tree, _FILE, mode, flags & _FUTURE, dont_inherit=True, optimize=0)  # type: ignore[call-overload, no-any-return]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Stop(f"it cannot be compiled here: {error}") from None


def _inside(tree: ast.Expression | ast.Module, names: list[str], flags: int) -> CodeType:
    """Compile code as a function inside one that has the variables `names`."""
    lines = ["def outer():", *(f" {name} = None" for name in names), " def inner():", "  pass"]
    whole = ast.parse("\n".join(lines))
    outer = whole.body[0]
    assert isinstance(outer, ast.FunctionDef)
    inner = outer.body[-1]
    assert isinstance(inner, ast.FunctionDef)
    if isinstance(tree, ast.Expression):
        inner.body = [ast.Return(tree.body)]
    else:
        inner.body = [_bare(each) for each in tree.body] or inner.body
    globals_of_it = {name for each in ast.walk(tree) if isinstance(each, ast.Global) for name in each.names}
    shared = [name for name in names if name not in globals_of_it]
    if shared:
        inner.body.insert(0, ast.Nonlocal(shared))
    raw = _compiled(ast.fix_missing_locations(whole), "exec", flags)
    return _renamed(_code_in(_code_in(raw)))


def _bare(node: ast.stmt) -> ast.stmt:
    """Return a statement without the annotation that a shared variable cannot have."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)
    return node


def _code_in(raw: CodeType) -> CodeType:
    """Return the last code object among the constants of another."""
    return [each for each in raw.co_consts if isinstance(each, CodeType)][-1]


def _renamed(raw: CodeType) -> CodeType:
    """Return a code object in which the inner ones do not show what is around them."""
    constants = tuple(_renamed(each) if isinstance(each, CodeType) else each for each in raw.co_consts)
    return raw.replace(co_consts=constants, co_qualname=raw.co_qualname.removeprefix(_WRAPPED))


# --- variables ----------------------------------------------------------------------------------------------------


def variables(f: Activation) -> dict[str, Any]:
    """Return the variables of an activation, and what the user has added to them."""
    if f.names is not None:
        return {**f.names, **f.added}
    bound = ((name, cell_value(value)) for name, value in zip(f.code.slots, f.fast, strict=True))
    return {**{name: value for name, value in bound if value is not EMPTY}, **f.added}


def variable(f: Activation, name: str) -> Any:
    """Return what a name stands for in an activation; EMPTY for what only the builtins have."""
    if name in f.added:
        return f.added[name]
    if f.names is not None:
        value = f.names.get(name, EMPTY)
    else:
        value = cell_value(f.fast[f.code.slots.index(name)]) if name in f.code.slots else EMPTY
    if value is EMPTY:
        _check_said(f, name)
        return f.globals.get(name, EMPTY)
    return value


def _check_said(f: Activation, name: str) -> None:
    """Raise Stop for a variable of which it is not known whether it has a value."""
    if name in f.unsaid and name in f.code.slots and cell_value(f.fast[f.code.slots.index(name)]) is EMPTY:
        raise Stop(f"whether {name} has a value")


def _put(f: Activation, name: str, value: Any) -> None:
    """Give a variable of an activation a value, or take it away (EMPTY)."""
    if f.names is not None or (name in f.code.slots and name not in f.added):
        f.put(name, value)
    else:
        added = {key: each for key, each in f.added.items() if key != name}
        f.added = added if value is EMPTY else {**added, name: value}


def activations(f: Activation | None) -> Iterator[Activation]:
    """Yield an activation and those that wait for it, innermost first."""
    while f is not None:
        yield f
        f = f.back or f.caller


def at_depth(f: Activation, depth: int | None) -> Activation:
    """Return the activation of a depth among those that wait for `f`; None: `f` itself. Raises Stop."""
    if depth is None:
        return f
    for each in activations(f):
        if each.shown and (0 if each.code.is_module else each.depth) == depth:
            return each
    raise Stop(f"there is no call at depth {depth}")


# --- running ------------------------------------------------------------------------------------------------------


@contextmanager
def aside(machine: Machine) -> Iterator[None]:
    """Let the machine run something that the program does not: no events, and no history that decides."""
    kept = machine.assumed, machine.doubt, machine.decide
    machine.assumed, machine.doubt, machine.decide = "", trusting, undecided
    try:
        with machine.events.silence:
            yield
    finally:
        machine.assumed, machine.doubt, machine.decide = kept


def run_in(machine: Machine, f: Activation, tree: ast.Expression | ast.Module) -> Any:
    """Run code in an activation; return the value of an expression, of statements that of the last one."""
    is_expression = isinstance(tree, ast.Expression)
    for each in ast.walk(tree):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store):
            _check_said(f, each.id)
    flags = f.code.raw.co_flags
    in_module = f.names is not None and f.names is f.globals
    if in_module or not _shares(f, tree):
        raw = _compiled(tree, "eval" if is_expression else "exec", flags)
        _check_sets(machine, raw)
        activation = Activation(machine.code(raw, False), None, f.globals)
        before = {} if in_module else variables(f)
        activation.names = f.names if in_module else dict(before)
        machine.enter(activation)
        try:
            value = machine.run(activation)
        finally:
            if not in_module:
                _write_back(f, before, activation.names)
        last = activation.names.pop(_LAST, None)
        return value if is_expression else last
    return _run_inside(machine, f, tree, flags)


def _shares(f: Activation, tree: ast.AST) -> bool:
    """Whether functions share variables with code: its own functions, or those of the program.

    Code without such needs no function around it, and `locals()` in it is what it is in the activation.
    """
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    if any(isinstance(each, _SCOPES) for each in ast.walk(tree)):
        return True
    cells = {name for name, held in zip(f.code.slots, f.fast, strict=True) if type(held) is Cell}
    return bool(used & cells) and not used & _LOOKING


def _run_inside(machine: Machine, f: Activation, tree: ast.Expression | ast.Module, flags: int) -> Any:
    """Run code that has functions of its own, which share the variables of the activation."""
    before = variables(f)
    names = [name for name in before if name.isidentifier()]
    raw = _inside(tree, names, flags)
    _check_sets(machine, raw)
    function = Function(machine, machine.code(raw, False), f.globals)
    cells = {name: _cell(f, name, before[name]) for name in raw.co_freevars}
    function.closure = tuple(cells.values())
    activation = machine.begin(None, function, [], {})
    try:
        value = machine.run(activation)
    finally:
        after = dict(before)
        own = zip(activation.code.slots, activation.fast, strict=True)
        for name, held in [*cells.items(), *own]:
            if cell_value(held) is EMPTY:
                after.pop(name, None)
            else:
                after[name] = cell_value(held)
        last = after.pop(_LAST, None)
        _write_back(f, before, after)
    return value if isinstance(tree, ast.Expression) else last


def _cell(f: Activation, name: str, value: Any) -> Cell:
    """Return the cell of a variable, a new one where the program's functions do not share it."""
    if f.names is None and name in f.code.slots and name not in f.added:
        held = f.fast[f.code.slots.index(name)]
        if type(held) is Cell:
            return held
    return Cell(value)


def _write_back(f: Activation, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Make the variables of an activation those that were left by code that had a copy of them."""
    for name, value in after.items():
        is_ours = name == _LAST or (name[:2] == "__" and name[-2:] == "__" and name not in before)
        if not is_ours and before.get(name, EMPTY) is not value:
            _put(f, name, value)
    for name in before.keys() - after.keys():
        _put(f, name, EMPTY)


def _check_sets(machine: Machine, raw: CodeType) -> None:
    """Tell the machine of constant sets whose order depends on what else was compiled."""
    for value in raw.co_consts:
        if isinstance(value, CodeType):
            _check_sets(machine, value)
        elif type(value) is frozenset and collides(value):
            machine.fragile = True


def outcome(machine: Machine, work: Callable[[], Answer]) -> Answer:
    """Return what `work` returns; what it raises is an error of the program, or why there is no answer."""
    try:
        return work()
    except Raised as raised:
        if machine.assumed:  # something before it may have raised another one
            return {"why": in_words(machine.assumed)}
        return {"error": described(machine, raised.value)}
    except SyntaxError as error:
        return {"error": f"SyntaxError: {error.msg}"}
    except (Stop, Undetermined) as stop:
        return {"why": in_words(stop.reason)}
    except RecursionError:
        return {"why": "it is nested too deep"}
    except MemoryError:
        raise
    except Exception as error:
        return {"why": f"internal error: {fault(error)}"}


def in_words(reason: str) -> str:
    """Return a reason without the instruction and the place in the code of the user."""
    return _PLACE.sub("", _INSTRUCTION.sub("", reason))


def described(machine: Machine, error: BaseException) -> str:
    """Return an exception as pdb prints it: its type, and its text if it has one."""
    cls = class_of(error)
    name = class_name(error)
    if isinstance(cls, Class):
        module = cls.dict.get("__module__")
        name = str(cls.qualname) if module in ("__main__", "builtins") else f"{module}.{cls.qualname}"
    elif cls.__module__ not in ("builtins", "__main__"):
        name = f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(error, SyntaxError) and not isinstance(cls, Class):
        return f"{name}: {error.msg}" if error.msg else name
    try:
        text = machine.native(str, error)
    except Raised:
        text = "<exception str() failed>"
    except (Stop, Undetermined) as stop:
        text = f"<unknown: {in_words(stop.reason)}>"
    if has_address(text):
        text = _ADDRESS.sub("", text)
    text = text[: machine.texts.limit]
    return f"{name}: {text}" if text else name


# --- what is asked ------------------------------------------------------------------------------------------------


def evaluated(machine: Machine, f: Activation, tree: ast.Expression) -> Answer:
    """Return the text and the truth of an expression. It changes the state: use it in a copy."""
    value = run_in(machine, f, tree)
    if machine.assumed:
        return {"why": in_words(machine.assumed)}
    return shown(machine, value)


def shown(machine: Machine, value: Any) -> Answer:
    """Return the text and the truth of a value."""
    if type(value) is Unknown:
        return {"text": value.text, "why": in_words(value.reason)}
    answer: Answer = {"text": machine.texts.text(value)}
    if answer["text"] is None:
        answer["why"] = in_words(machine.texts.reason)
    elif answer["text"] == UNREPRESENTABLE:
        answer |= outcome(machine, lambda: {"text": machine.native(repr, value)})
    truth = outcome(machine, lambda: {"truth": machine.truth(value)})
    if machine.assumed:
        truth = {"why": in_words(machine.assumed)}
    return {**truth, **answer}


def executed(machine: Machine, f: Activation, tree: ast.Module) -> Answer:
    """Run statements and return the text of the value of the last one, if it is an expression that has one."""
    value = run_in(machine, f, tree)
    if machine.assumed:
        return {"why": in_words(machine.assumed)}
    return {"text": machine.texts.text(value) if value is not None else None}


def has_import(tree: ast.AST) -> bool:
    """Whether code may import something, be it by a call."""
    return any(
        isinstance(each, ast.Import | ast.ImportFrom) or (isinstance(each, ast.Name) and each.id == "__import__")
        for each in ast.walk(tree)
    )


def is_builtin(machine: Machine, f: Activation, name: str) -> bool:
    """Whether a name stands for what Python has under it."""
    return variable(f, name) is EMPTY and machine.library.builtins.get(name) is getattr(builtins, name, None)
