"""Sources of settings: flags, environment, project file, the user's own file; and writing that file.

It knows the table of `settings`, not what a setting is used for.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from neuralpdb.cli.settings import PREFIX, Precedence, SettingOrigin, Settings, flag, masked, table, variable
from neuralpdb.errors import UsageError

_ALIKE = 0.5
"""Similarity from which on a name is suggested: the user meant some setting, so a far guess helps."""
_SLIP = 0.85
"""Similarity from which on a variable is a misspelled one: other programs may use the prefix, too."""


def user_file() -> Path:
    """Return the user's own file; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("neuralpdb", appauthor=False) / "config.toml"


def project_file(folder: Path) -> Path | None:
    """Return the nearest `pyproject.toml` in `folder` or above it."""
    for place in (folder, *folder.parents):
        if (place / "pyproject.toml").is_file():
            return place / "pyproject.toml"
    return None


# -- reading ----------------------------------------------------------------------------------------------------------


def load(
    flags: Mapping[str, object] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    own: Path | None = None,
) -> Settings:
    """Return all settings: flags > environment > project file > the user's own file > default.

    flags:  values of the command line; None is a flag that was not given.
    folder: where the search for a project file starts.
    own:    the user's own file.
    Raises UsageError for an unknown key (with the nearest one), a wrong value, and a secret in a project file.
    """
    settings: dict[str, tuple[object, SettingOrigin]] = {}
    for name, raw, origin in _sources(flags or {}, os.environ if environment is None else environment, folder, own):
        settings[name] = _read(name, raw, origin), origin
    values: dict[str, Any] = {name: value for name, (value, _) in settings.items()}
    return Settings(**values, origins={name: origin for name, (_, origin) in settings.items()})


def _sources(
    flags: Mapping[str, object], environment: Mapping[str, str], folder: Path | None, own: Path | None
) -> Iterator[tuple[str, object, SettingOrigin]]:
    """Yield (name, raw value, origin), weakest first."""
    own = user_file() if own is None else own
    yield from _of_file(own, own.parent, _parsed(own), Precedence.USER)
    project = project_file(_working_directory() if folder is None else folder)
    if project is not None:
        tools = _parsed(project).get("tool")
        section = tools.get("neuralpdb", {}) if isinstance(tools, dict) else {}
        if not isinstance(section, dict):
            raise UsageError(f"{project}: tool.neuralpdb is not a table", "write it as [tool.neuralpdb]")
        yield from _of_file(project, project.parent, section, Precedence.PROJECT)
    yield from _of_environment(environment)
    for name, raw in flags.items():
        if raw is not None:
            yield name, raw, SettingOrigin(Precedence.FLAG, flag(name))


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was removed
        return Path("/")


def _parsed(file: Path) -> dict[str, Any]:
    """Return the contents of a TOML file; empty when there is none. Raises UsageError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {file}: {reason}", "correct the file") from None


def _of_file(
    file: Path, base: Path, values: Mapping[str, Any], level: Precedence
) -> Iterator[tuple[str, object, SettingOrigin]]:
    """Yield the settings of a file; a relative folder is relative to the file."""
    for name, raw in values.items():
        _check_name(name, str(file))
        if level is Precedence.PROJECT:
            _refuse_secret(name, raw, file)
        if name == "weights" and isinstance(raw, str) and raw:
            raw = base / Path(raw).expanduser()
        yield name, raw, SettingOrigin(level, str(file))


def _refuse_secret(name: str, raw: object, file: Path) -> None:
    """Raise UsageError for a secret in a project file."""
    secret = table()[name].metadata["secret"]
    if secret or (name == "base_url" and isinstance(raw, str) and masked(raw) != raw):
        value = name if secret else f"{name} with credentials"
        hint = f"set {variable(name)}, or: neuralpdb config set {name} -"
        raise UsageError(f"{file}: {value} is not allowed in a project file", hint)


def _check_name(name: str, where: str) -> None:
    """Raise UsageError for an unknown setting."""
    if name not in table():
        near = get_close_matches(name, table(), 1, _ALIKE)
        hint = f"did you mean {near[0]}?" if near else "settings: " + ", ".join(table())
        raise UsageError(f"{where}: unknown setting {name!r}", hint)


def _of_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, object, SettingOrigin]]:
    """Yield the settings of variables; an empty one is not set. Raises UsageError for a misspelled one."""
    ours = {variable(name): name for name in table()}
    for key, raw in environment.items():
        if not key.startswith(PREFIX) or not raw:
            continue
        if key in ours:
            yield ours[key], raw, SettingOrigin(Precedence.ENVIRONMENT, key)
        elif near := get_close_matches(key.upper(), ours, 1, _SLIP):
            raise UsageError(f"the environment variable {key} is not a setting", f"did you mean {near[0]}?")


def _read(name: str, raw: object, origin: SettingOrigin) -> object:
    read: Callable[[object], object] = table()[name].metadata["read"]
    try:
        return read(raw)
    except ValueError as error:
        value = "" if table()[name].metadata["secret"] else f" = {masked(str(raw))!r}"
        raise UsageError(f"{origin.where}: {name}{value} is not {error}", "see: neuralpdb config show") from None


# -- writing the user's own file --------------------------------------------------------------------------------------


def write(name: str, value: str | None, file: Path | None = None) -> Path:
    """Set `name` in the user's own file (None: remove it), and return the file; other lines and comments stay.

    Raises UsageError for an unknown name, a wrong value, and a file that cannot be written.
    """
    file = user_file() if file is None else file
    _check_name(name, "config")
    lines = [] if not _parsed(file) and not file.exists() else file.read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if line.partition("=")[0].strip().strip("\"'") != name]
    if value is not None:
        others.append(f"{name} = {_toml(_read(name, value, SettingOrigin(Precedence.USER, 'config')))}")
    text = "".join(f"{line}\n" for line in others)
    _check_written(text, name, file)
    file = file.resolve()  # it may be a link into a folder of dotfiles
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f"{file.name}.{os.getpid()}")
        scratch.touch(0o600)  # it may hold a key
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from None
    return file


def _check_written(text: str, name: str, file: Path) -> None:
    """Raise UsageError where removing a line damaged the file, as with a value over several lines."""
    try:
        tomllib.loads(text)
    except ValueError:
        raise UsageError(f"cannot change {name} in {file}", "change it by hand: its lines are not simple") from None


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'


# -- showing ----------------------------------------------------------------------------------------------------------


def as_dict(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return every setting as JSON-ready values: value (secrets masked), level, where."""
    values: dict[str, dict[str, Any]] = {}
    for name in table():
        value, origin = getattr(settings, name), settings.origin(name)
        plain = value if isinstance(value, bool | int | float) else settings.text(name)
        values[name] = {"value": plain, "level": origin.level.name.lower(), "where": origin.where}
    return values


def rows(settings: Settings) -> Iterator[str]:
    """Return the lines of `neuralpdb config show`: key, value and origin in columns."""
    cells = [("setting", "value", "from")]
    cells += [(name, settings.text(name) or "-", settings.origin(name).where) for name in table()]
    widths = [max(len(row[i]) for row in cells) for i in range(2)]
    return (f"{name:{widths[0]}}  {value:{widths[1]}}  {where}" for name, value, where in cells)
