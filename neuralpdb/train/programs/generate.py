"""Synthetic programs: functions, classes, scripts and algorithms put together, with example calls.

`generate` and `generate_script` are the interface; both are deterministic in the random generator they are given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from neuralpdb.train.programs.assembler import Assembler, Program
from neuralpdb.train.programs.classes import class_program
from neuralpdb.train.programs.templates import call_template


def _one_function(a: Assembler) -> None:
    a.start_function()
    u = a.random()
    signature = a.function(size=1 + int(u * 4) if u < 0.8 else 4 + int(a.random() * 5))
    a.add_calls(lambda: a.call_text(signature), 1 + int(a.random() * 3))


def _constants(a: Assembler) -> None:
    for _ in range(1 + int(a.random() * 2)):
        type_ = a.pick(("int", "str", "ints1", "dsi1", "word", "float", "strs1", "ituple1"))
        name = a.global_name(lambda t=type_: a.names.fresh(t))  # type: ignore[misc]
        if a.random() < 0.5:
            name = name.upper()
        a.global_names.add(name)
        a.emit(0, f"{name} = {a.literals.of(type_)}")
        a.constants.append((name, type_))
    a.out.append("")


def _helpers(a: Assembler) -> None:
    if a.random() < 0.2:
        _constants(a)
    for number in range(1 + int(a.random() * 2.6)):
        if number:
            a.blank_lines()
        u = a.random()
        if u < 0.3:
            returns, call = a.algorithm()
            a.helpers.setdefault(returns, []).append(call_template(call))
        elif u < 0.42:
            a.add_helper(a.generator(int(a.random() * 2)))
        elif u < 0.62:
            a.add_helper(a.skeleton())
        else:
            a.add_helper(a.function(size=int(a.random() * 3)))
    a.helper_share = 0.6
    a.blank_lines()
    type_ = a.pick([t for t in a.helpers if t != "any"] or ["int"])
    signature = a.function(size=1 + int(a.random() * 3), returns=type_ if a.random() < 0.6 else None)
    a.add_calls(lambda: a.call_text(signature), 1 + int(a.random() * 2))


def _skeleton(a: Assembler) -> None:
    signature = a.skeleton()
    if a.random() < 0.25:
        a.add_helper(signature)
        a.blank_lines()
        a.helper_share = 0.7
        signature = a.skeleton()
    a.add_calls(lambda: a.call_text(signature), 1 + int(a.random() * 3))


def _algorithm(a: Assembler) -> None:
    _, call = a.algorithm()
    a.add_calls(lambda: call, 1 + int(a.random() * 3))


SHAPES: Final[tuple[tuple[float, Callable[[Assembler], None]], ...]] = (
    (0.34, _one_function),
    (0.52, _skeleton),
    (0.69, _helpers),
    (0.75, class_program),
    (1.0, _algorithm),
)


def generate(rng: random.Random) -> Program:
    """Return a program of functions (and classes) with example calls."""
    a = Assembler(rng)
    u = rng.random()
    for share, shape in SHAPES:
        if u < share:
            shape(a)
            break
    return a.finish()


def generate_script(rng: random.Random) -> Program:
    """Return a script: module-level code, sometimes with functions, sometimes under a `__main__` guard."""
    a = Assembler(rng)
    u = rng.random()
    if u < 0.5:
        for _ in range(1 + (u < 0.1)):
            if rng.random() < 0.35:
                returns, call = a.algorithm()
                a.helpers.setdefault(returns, []).append(call_template(call))
            else:
                a.add_helper(a.function(size=int(rng.random() * 3)))
            a.blank_lines()
        a.helper_share = 0.7
    guarded = rng.random() < 0.25
    if guarded:
        a.emit(0, f"if __name__ == {a.literals.quoted('__main__')}:")
    a.start_function()
    a.context.in_function = False
    level = int(guarded)
    a.block(level, 2 + int(rng.random() * 6))
    for _ in range(1 + int(rng.random() * 2)):
        type_ = a.pick(("int", "str", "ints", "dsi", "bool", *a.helpers))
        if a.random() < 0.5:
            name = a.names.fresh(type_ if type_ != "any" else "int")
            a.emit(level, f"{name} = {a.expression(type_)}")
            a.emit(level, f"print({name})")
        else:
            a.emit(level, f"print({a.expression(type_)})")
    return a.finish(script=True)


__all__ = ["Program", "generate", "generate_script"]
