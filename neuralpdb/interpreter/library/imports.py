"""Imports: which module a name stands for, and how a module is made from what is registered."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.library.modules.outside import (
    constant_of,
    hides_library,
    is_complete,
    is_inside,
    is_installed,
    kind_of,
    project_file,
    project_folders,
    real_module,
    source_of,
)
from neuralpdb.interpreter.library.modules.waiting import Waiting
from neuralpdb.interpreter.library.registry import LATER, MODULES, SOURCES
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.classes import Class
from neuralpdb.interpreter.objects.values import EMPTY, WAITING, Module, Own, Unknown
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined

if TYPE_CHECKING:
    from pathlib import Path  # imported by the functions that need it: 3 ms, which most programs do not pay

_BY_NAME_ONLY = frozenset(("os.path", "typing.io", "typing.re", "xml.parsers.expat.errors", "xml.parsers.expat.model"))
"""Modules that are no files: other modules put them into `sys.modules`."""


def import_name(
    m: Machine, modules: dict[str, Any], name: str, names: Any, level: int, namespace: Mapping[str, Any]
) -> Any:
    """Return the module that an `import` statement binds."""
    if level:
        name = _absolute(namespace, name, level)
    module = find(m, modules, name)
    if names or level:
        return module
    top, _, rest = name.partition(".")
    if rest:
        find(m, modules, top)
        return modules[top]
    return module


def _absolute(namespace: Mapping[str, Any], name: str, level: int) -> str:
    """Return the full name of a module that a relative import names."""
    package = namespace.get("__package__")
    if type(package) is not str or not package:
        raise Raised(ImportError("attempted relative import with no known parent package"))
    parts = package.split(".")
    if level > len(parts):
        raise Raised(ImportError("attempted relative import beyond top-level package"))
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def find(m: Machine, modules: dict[str, Any], name: str) -> Any:
    """Return a module by its full name; made on the first import."""
    if name in modules:
        return modules[name]
    top, _, last = name.rpartition(".")
    outer = find(m, modules, top) if top else None
    contents.load_for(name)
    path = _project_file(m, modules, name, outer, project_file)
    if path is None:
        folders = _project_file(m, modules, name, outer, project_folders)
    if path is not None:
        module = _of_project(m, modules, name, path)
    elif folders is not None:
        names = {"__name__": name, "__doc__": None, "__package__": name, "__path__": folders}
        module = modules[name] = Module(name, names)
    elif type(outer) is Module and "__path__" in outer.held:
        raise Raised(ModuleNotFoundError(f"No module named {name!r}", name=name))
    elif name in MODULES:
        module = _made(m, modules, name)
    elif name.partition(".")[0] in sys.stdlib_module_names:
        _check_exists(name)
        if not is_complete(name):
            m.unsure(f"{name} is not there as a whole")
        real = real_module(name)
        names = {"__name__": getattr(real, "__name__", name)}
        module = Module(name, names, file=_file(name), elsewhere=f"{name} is not supported")
        modules[name] = module
    else:
        module = modules[name] = _outside(m, name)
    if type(outer) is Module:
        outer.held.setdefault(last, module)
    return module


def _outside(m: Machine, name: str) -> Module:
    """Return a module of a package that others wrote: nothing of it is known. Raises where the program expects it."""
    top = name.partition(".")[0]
    f = m.current
    if not is_inside(name):
        missing = name if is_installed(top) else top
        reason = f"{missing} is not installed"
        m.unsure(reason)
        if f is not None and f.code.guards(f.prev):
            raise Raised(ModuleNotFoundError(f"No module named {missing!r}", name=missing))
    else:
        reason = f"{top} is not interpreted"
    return Module(name, {"__name__": name}, elsewhere=reason)


def _project_file(m: Machine, modules: dict[str, Any], name: str, outer: Any, find_in: Callable[..., Any]) -> Any:
    """Return what `find_in` finds of a module beside the program, or in a package of the project."""
    main = modules.get("__main__")
    if outer is not None:
        inside = type(outer) is Module and "__path__" in outer.held
        return find_in(None, name, outer.held) if inside else None
    if name.startswith("_neural") or (m.current is not None and not m.is_own()):
        return None  # a library imports it
    return find_in(main.names.get("__file__") if type(main) is Module else None, name, None)


def _of_project(m: Machine, modules: dict[str, Any], name: str, path: Path) -> Module:
    """Interpret a module of the user's project."""
    from pathlib import Path

    main = modules["__main__"].names.get("__file__")
    if type(main) is str and path == Path(main).absolute():
        raise Stop("the program imports itself")
    try:
        code = compile(source_of(path), str(path), "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Stop(f"{path.name} cannot be compiled") from None
    is_package = path.name == "__init__.py"
    names: dict[str, Any] = {
        "__name__": name,
        "__doc__": None,
        "__package__": name if is_package else name.rpartition(".")[0],
        "__loader__": m.unknown("a loader of modules"),
        "__spec__": m.unknown("a specification of a module"),
        "__builtins__": m.unknown("the namespace of builtins", dict),
    }
    if is_package:
        names["__path__"] = [str(path.parent)]
    names |= {"__file__": str(path), "__cached__": m.unknown("a file of bytecode", str)}
    module = modules[name] = Module(name, names, file=f"from {str(path)!r}")
    try:
        run(m, code, names)
    except Raised:
        modules.pop(name, None)
        raise
    return module


def _check_exists(name: str) -> None:
    """Raise what Python raises when the standard library has no such module here; packages are not imported for it."""
    top = name.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        raise Raised(ModuleNotFoundError(f"No module named {top!r}", name=top))
    if "." not in name or name in _BY_NAME_ONLY:
        return
    import sysconfig
    from pathlib import Path

    folder = Path(sysconfig.get_path("stdlib"))
    path = folder.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return
    if not path.parent.is_dir():
        outer = name.rpartition(".")[0]
        text = f"No module named {name!r}; {outer!r} is not a package"
        raise Raised(ModuleNotFoundError(text, name=name))
    raise Raised(ModuleNotFoundError(f"No module named {name!r}", name=name))


@cache
def _file(name: str) -> str | None:
    """Return how the text of a module names its file."""
    if "." in name:
        return None
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return f"({spec.origin})" if spec.origin in ("built-in", "frozen") else f"from {spec.origin!r}"


def _made(m: Machine, modules: dict[str, Any], name: str) -> Module:
    names = {key: _own(m, name, key, value) if type(value) is Own else value for key, value in MODULES[name].items()}
    names["__name__"] = name
    if name == "_neural_sys":
        names["modules"] = modules
    elif name == "sys":
        names["argv"] = m.argv
    module = Module(name, names, file=_file(name), elsewhere=f"{name} is supported in part")
    modules[name] = module
    source = SOURCES.get(name)
    if source is not None:
        names["__neural_stop__"] = Own("stop", _stop)
        names["__neural_unknown__"] = Own("unknown", lambda machine, args, kwargs: machine.unknown(*args))
        waiting = Waiting(
            names,
            source,
            find=lambda target: _target(m, modules, target),
            run=lambda code: run(m, code, names),
            builtins=m.library.builtins,
        )
        module.waiting = names[WAITING] = waiting
        waiting.bring_early()
        if hides_library(modules["__main__"].held.get("__file__")):
            waiting.bring_all()
    return module


def _target(m: Machine, modules: dict[str, Any], target: str) -> Any:
    """Return what a prelude's `module` or `module:name` stands for."""
    origin, _, inner = target.partition(":")
    found = find(m, modules, origin)
    return import_from(m, modules, found, inner) if inner else found


def _own(m: Machine, module: str, name: str, value: Own) -> Own:
    """Return our version of a function of a module for a machine, with the text of the real one."""
    made = value.of(m)
    real = vars(real_module(module) or made.__class__).get(name) if module in sys.stdlib_module_names else None
    if isinstance(real, BuiltinFunctionType) and isinstance(real.__self__, ModuleType):
        made.shown = f"<built-in function {real.__name__}>"
    elif isinstance(real, FunctionType):
        made.shown = f"<function {real.__qualname__} at 0x1>"
    return made


def _stop(m: Machine, args: Any, kwargs: Any) -> Any:
    """Stop the interpretation with a reason: for stand-ins that come to something they do not support."""
    raise Stop(args[0])


def run(m: Machine, code: CodeType, names: dict[str, Any]) -> None:
    """Run module-level code of a library."""
    activation = Activation(m.code(code, False), None, names)
    activation.names = names
    m.enter(activation)
    m.run(activation)


def import_from(m: Machine, modules: dict[str, Any], module: Any, name: str) -> Any:
    """Return what `from module import name` binds."""
    if type(module) is not Module:
        return m.attribute(module, name)
    value = module.get(name)
    if value is not EMPTY:
        return value
    inner = f"{module.name}.{name}"
    contents.load_for(inner)
    if inner in MODULES or ("__path__" in module.names and _is_part(inner, module.names)):
        return find(m, modules, inner)
    if is_inside(inner) and module.name.partition(".")[0] in sys.stdlib_module_names:
        return find(m, modules, inner)
    try:
        found = missing_name(m, module, name)
        if type(found) is Unknown and found.type is None:
            found.code = not name.isupper()
        return found
    except Raised as error:
        if not isinstance(error.value, AttributeError):
            raise
    text = f"cannot import name {name!r} from {module.names.get('__name__')!r} ({_location(module)})"
    raise Raised(ImportError(text, name=module.name))


def _is_part(name: str, around: Mapping[str, Any]) -> bool:
    """Whether a package of the project has a module of that name."""
    return project_file(None, name, around) is not None or project_folders(None, name, around) is not None


def _location(module: Module) -> str:
    if module.file is None:
        raise Undetermined("message with the path of a module")
    return module.file.partition("'")[2].rstrip("'") or "unknown location"


@cache
def _real_names(name: str) -> frozenset[str]:
    """Return the names of a module that is imported into this process anyway; empty for others."""
    real = real_module(name) if name.partition(".")[0] in sys.stdlib_module_names else sys.modules.get(name)
    return frozenset(vars(real)) if real is not None else frozenset()


def missing_name(m: Machine, module: Module, name: str) -> Any:
    """Return an unknown for what a module has and we do not. Raises AttributeError where it has no such name."""
    hook = module.get("__getattr__")
    if hook is not EMPTY and not (name.startswith("__") and name.endswith("__")):
        return m.call(hook, (name,))
    if not module.elsewhere:
        raise Raised(AttributeError(f"module {module.name!r} has no attribute {name!r}", name=name, obj=module))
    later = LATER.get(f"{module.name}.{name}")
    if later is not None:
        module.held[name] = m.unknown(f"{module.name}.{name} is known only when it runs", later)
        return module.held[name]
    is_ours = module.name.partition(".")[0] in sys.stdlib_module_names
    real = _real_names(module.name)
    if name.startswith("__") and name.endswith("__"):
        return m.unsure(f"{name} of a module")
    if real and name not in real and "__getattr__" not in real:
        raise Raised(AttributeError(f"module {module.name!r} has no attribute {name!r}", name=name, obj=module))
    if not is_ours:
        return m.unknown(module.elsewhere)
    constant = constant_of(module.name, name)
    if constant is not None:
        return constant
    kind = kind_of(module.name, name)
    reason = f"{module.name}.{name} is not supported"
    return m.unknown(reason, kind) if kind is not None else m.unsure(reason)


def star(m: Machine, module: Any) -> dict[str, Any]:
    """Return what `from module import *` binds."""
    if type(module) is not Module:
        raise Stop("import of all names of something that is no module")
    names = module.names.get("__all__")
    real = real_module(module.name) if module.name.partition(".")[0] in sys.stdlib_module_names else None
    if names is None and real is not None and module.elsewhere:
        names = getattr(real, "__all__", None) or [name for name in vars(real) if not name.startswith("_")]
    if names is None:
        if module.elsewhere:
            raise Stop(f"import of all names of {module.name}")
        names = [name for name in module.names if not name.startswith("_")]
    return {name: m.attribute(module, name) for name in names}


__all__ = ["Class", "Unknown", "importlib"]
