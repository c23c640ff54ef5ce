"""Instructions on the stack, on variables and on constants."""

from __future__ import annotations

from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.instructions.register import instruction
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import EMPTY, WAITING, Cell, Unknown
from neuralpdb.interpreter.signals import Raised, Stop


@instruction("POP_TOP")
def pop_top(m: Machine, f: Activation, arg: Any) -> None:
    """Run POP_TOP."""
    f.stack.pop()


@instruction("PUSH_NULL")
def push_null(m: Machine, f: Activation, arg: Any) -> None:
    """Run PUSH_NULL."""
    f.stack.append(EMPTY)


@instruction("LOAD_CONST")
def load_const(m: Machine, f: Activation, value: Any) -> None:
    """Run LOAD_CONST."""
    f.stack.append(value)


@instruction("COPY")
def copy(m: Machine, f: Activation, depth: int) -> None:
    """Run COPY."""
    f.stack.append(f.stack[-depth])


@instruction("SWAP")
def swap(m: Machine, f: Activation, depth: int) -> None:
    """Run SWAP."""
    stack = f.stack
    stack[-1], stack[-depth] = stack[-depth], stack[-1]


@instruction("LOAD_FAST", "LOAD_FAST_CHECK")
def load_fast(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_FAST and LOAD_FAST_CHECK."""
    value = f.fast[slot]
    if value is EMPTY:
        raise Raised(unbound(f, slot))
    f.stack.append(value)


@instruction("LOAD_FAST_AND_CLEAR")
def load_fast_and_clear(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_FAST_AND_CLEAR."""
    f.stack.append(f.fast[slot])
    f.fast[slot] = EMPTY


@instruction("LOAD_CLOSURE")
def load_closure(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_CLOSURE."""
    f.stack.append(f.fast[slot])


def unbound(f: Activation, slot: int) -> NameError:
    """Return the error for a variable without a value."""
    name = f.code.slots[slot]
    if name in f.unsaid:
        raise Stop(f"whether {name} has a value")
    if slot < f.code.free:
        return UnboundLocalError(
            f"cannot access local variable '{name}' where it is not associated with a value", name=name
        )
    return NameError(
        f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope", name=name
    )


@instruction("STORE_FAST")
def store_fast(m: Machine, f: Activation, slot: int) -> None:
    """Run STORE_FAST."""
    f.fast[slot] = f.stack.pop()


@instruction("DELETE_FAST")
def delete_fast(m: Machine, f: Activation, slot: int) -> None:
    """Run DELETE_FAST."""
    if f.fast[slot] is EMPTY:
        raise Raised(unbound(f, slot))
    f.fast[slot] = EMPTY


@instruction("MAKE_CELL")
def make_cell(m: Machine, f: Activation, slot: int) -> None:
    """Run MAKE_CELL."""
    f.fast[slot] = Cell(f.fast[slot])


@instruction("LOAD_DEREF")
def load_deref(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_DEREF."""
    value = f.fast[slot].value
    if value is EMPTY:
        raise Raised(unbound(f, slot))
    f.stack.append(value)


@instruction("STORE_DEREF")
def store_deref(m: Machine, f: Activation, slot: int) -> None:
    """Run STORE_DEREF."""
    f.fast[slot].value = f.stack.pop()


@instruction("DELETE_DEREF")
def delete_deref(m: Machine, f: Activation, slot: int) -> None:
    """Run DELETE_DEREF."""
    if f.fast[slot].value is EMPTY:
        raise Raised(unbound(f, slot))
    f.fast[slot].value = EMPTY


@instruction("LOAD_CLASSDEREF")
def load_classderef(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_CLASSDEREF."""
    value = _own_name(m, f.names, f.code.slots[slot])
    if value is EMPTY:
        load_deref(m, f, slot)
    else:
        f.stack.append(value)


def _own_name(m: Machine, names: Any, name: str) -> Any:
    """Return a name of a namespace, which may be what a metaclass prepared; EMPTY when it is not there."""
    if type(names) is dict:
        return names.get(name, EMPTY)
    try:
        return m.native(names.__getitem__, name)
    except Raised as error:
        if isinstance(error.value, KeyError):
            return EMPTY
        raise


def global_value(m: Machine, f: Activation, name: str) -> Any:
    """Return a global variable or a builtin."""
    value = f.globals.get(name, EMPTY)
    if value is not EMPTY:
        return value
    value = m.library.builtins.get(name, EMPTY)
    if value is not EMPTY:
        return value
    waiting = f.globals.get(WAITING)
    if waiting is not None:
        value = waiting.bring(name)
        if value is not EMPTY:
            return value
    if not f.code.own and f.code.raw.co_filename[:1] == "<" and f.code.raw.co_filename != "<string>":
        raise Stop(f"internal error: {f.code.raw.co_filename} needs {name}")
    raise Raised(NameError(f"name '{name}' is not defined", name=name))


@instruction("LOAD_GLOBAL")
def load_global(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Run LOAD_GLOBAL."""
    name, null = arg
    value = global_value(m, f, name)
    if null:
        f.stack.append(EMPTY)
    f.stack.append(value)


def load_global_with_null_behind(m: Machine, f: Activation, arg: tuple[str, int]) -> None:
    """Do LOAD_GLOBAL as from 3.13 on, where NULL is above the callable."""
    name, null = arg
    f.stack.append(global_value(m, f, name))
    if null:
        f.stack.append(EMPTY)


@instruction("LOAD_NAME")
def load_name(m: Machine, f: Activation, name: str) -> None:
    """Run LOAD_NAME."""
    value = _own_name(m, f.names, name)
    f.stack.append(global_value(m, f, name) if value is EMPTY else value)


@instruction("STORE_NAME")
def store_name(m: Machine, f: Activation, name: str) -> None:
    """Run STORE_NAME."""
    value = f.stack.pop()
    if type(f.names) is dict:
        f.names[name] = value
    else:
        m.native(f.names.__setitem__, name, value)


@instruction("DELETE_NAME")
def delete_name(m: Machine, f: Activation, name: str) -> None:
    """Run DELETE_NAME."""
    if _own_name(m, f.names, name) is EMPTY:
        raise Raised(NameError(f"name '{name}' is not defined", name=name))
    m.native(f.names.__delitem__, name)


@instruction("STORE_GLOBAL")
def store_global(m: Machine, f: Activation, name: str) -> None:
    """Run STORE_GLOBAL."""
    f.globals[name] = f.stack.pop()


@instruction("DELETE_GLOBAL")
def delete_global(m: Machine, f: Activation, name: str) -> None:
    """Run DELETE_GLOBAL."""
    if name not in f.globals:
        raise Raised(NameError(f"name '{name}' is not defined", name=name))
    del f.globals[name]


@instruction("LOAD_LOCALS")
def load_locals(m: Machine, f: Activation, arg: Any) -> None:
    """Run LOAD_LOCALS."""
    f.stack.append(f.names)


@instruction("LOAD_FROM_DICT_OR_GLOBALS")
def load_from_dict_or_globals(m: Machine, f: Activation, name: str) -> None:
    """Run LOAD_FROM_DICT_OR_GLOBALS."""
    value = _own_name(m, f.stack.pop(), name)
    f.stack.append(global_value(m, f, name) if value is EMPTY else value)


@instruction("LOAD_FROM_DICT_OR_DEREF")
def load_from_dict_or_deref(m: Machine, f: Activation, slot: int) -> None:
    """Run LOAD_FROM_DICT_OR_DEREF."""
    value = _own_name(m, f.stack.pop(), f.code.slots[slot])
    if value is EMPTY:
        load_deref(m, f, slot)
    else:
        f.stack.append(value)


@instruction("LOAD_FAST_LOAD_FAST")
def load_fast_load_fast(m: Machine, f: Activation, slots: int) -> None:
    """Run LOAD_FAST_LOAD_FAST."""
    load_fast(m, f, slots >> 4)
    load_fast(m, f, slots & 15)


@instruction("STORE_FAST_LOAD_FAST")
def store_fast_load_fast(m: Machine, f: Activation, slots: int) -> None:
    """Run STORE_FAST_LOAD_FAST."""
    f.fast[slots >> 4] = f.stack.pop()
    load_fast(m, f, slots & 15)


@instruction("STORE_FAST_STORE_FAST")
def store_fast_store_fast(m: Machine, f: Activation, slots: int) -> None:
    """Run STORE_FAST_STORE_FAST."""
    f.fast[slots >> 4] = f.stack.pop()
    f.fast[slots & 15] = f.stack.pop()


@instruction("SETUP_ANNOTATIONS")
def setup_annotations(m: Machine, f: Activation, arg: Any) -> None:
    """Run SETUP_ANNOTATIONS."""
    if type(f.names) is not dict:
        raise Stop("annotations in a namespace that a metaclass prepared")
    f.names.setdefault("__annotations__", {})


def unknown_in(values: list[Any]) -> Unknown | None:
    """Return the first unknown among `values`."""
    for value in values:
        if type(value) is Unknown:
            return value
    return None
