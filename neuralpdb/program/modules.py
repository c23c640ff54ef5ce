"""The source file of a module, as `python -m` would find it: nothing is imported, parents neither."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

from neuralpdb.errors import UsageError


def file_of(name: str, path: Sequence[str]) -> Path:
    """Return the file that `python -m NAME` runs: the module, or `__main__` of a package. Raises UsageError.

    A file below the working directory is named from there.

    path: folders to search, in this order.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UsageError(f"-m {name}: not the name of a module", "for example -m package.module")
    spec = _spec_of(name, parts, list(path))
    if spec.submodule_search_locations is not None:
        spec = _spec_of(name, [*parts, "__main__"], list(spec.submodule_search_locations), len(parts))
    if not isinstance(spec.loader, SourceFileLoader) or spec.origin is None:
        raise UsageError(f"-m {name}: it has no Python source", "name a file instead")
    file = Path(spec.origin)
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _spec_of(name: str, parts: Sequence[str], folders: list[str], start: int = 0) -> ModuleSpec:
    """Find each part inside the one before it, number `start` in `folders`; return the last one's spec."""
    spec = None
    for i, part in enumerate(parts[start:], start + 1):
        spec = PathFinder.find_spec(part, folders)
        module = ".".join(parts[:i])
        if spec is None:
            raise UsageError(
                f"-m {name}: there is no module {module}", f"looked for in {Path.cwd()} and where Python does"
            )
        inner = spec.submodule_search_locations
        if inner is None and i < len(parts):
            raise UsageError(f"-m {name}: {module} is no package")
        folders = list(inner or ())
    assert spec is not None, "there is at least one part"
    return spec
