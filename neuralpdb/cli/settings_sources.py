"""Where settings come from: flag, environment, project file, the user's own file, or default; and `neuralpdb config`.

Knows the table of `settings`, not what a setting is used for.
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


def user_file() -> Path:
    """The user's own file; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("neuralpdb", appauthor=False) / "config.toml"


def project_file(folder: Path) -> Path | None:
    """The nearest `pyproject.toml` in `folder` or above it."""
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
    """All settings by precedence: flags > environment > project file > the user's own file > default.

    flags: what the command line gave; None stands for not given. folder: where the search for a project starts.
    Raises UsageError for an unknown key (with the nearest known one), a value that does not fit, and a secret that
    stands in a project file.
    """
    found: dict[str, tuple[object, SettingOrigin]] = {}
    for name, raw, origin in _sources(flags or {}, os.environ if environment is None else environment, folder, own):
        found[name] = _read(name, raw, origin), origin
    values: dict[str, Any] = {name: value for name, (value, _) in found.items()}
    return Settings(**values, origins={name: origin for name, (_, origin) in found.items()})


def _sources(
    flags: Mapping[str, object], environment: Mapping[str, str], folder: Path | None, own: Path | None
) -> Iterator[tuple[str, object, SettingOrigin]]:
    """(name, raw value, origin), weakest first."""
    own = user_file() if own is None else own
    yield from _of_file(own, own.parent, _parsed(own), Precedence.USER)
    project = project_file(_here() if folder is None else folder)
    if project is not None:
        tools = _parsed(project).get("tool")
        section = tools.get("neuralpdb", {}) if isinstance(tools, dict) else {}
        if not isinstance(section, dict):
            raise UsageError(f"{project}: tool.neuralpdb is no table", "write it as [tool.neuralpdb]")
        yield from _of_file(project, project.parent, section, Precedence.PROJECT)
    yield from _of_environment(environment)
    for name, raw in flags.items():
        if raw is not None:
            yield name, raw, SettingOrigin(Precedence.FLAG, flag(name))


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was removed
        return Path("/")


def _parsed(file: Path) -> dict[str, Any]:
    """A TOML file; empty when there is none."""
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
    """What a file says; a relative folder in it is relative to the file."""
    for name, raw in values.items():
        _known(name, str(file))
        if level is Precedence.PROJECT:
            _refuse_secret(name, raw, file)
        if name == "weights" and isinstance(raw, str) and raw:
            raw = base / Path(raw).expanduser()
        yield name, raw, SettingOrigin(level, str(file))


def _refuse_secret(name: str, raw: object, file: Path) -> None:
    secret = table()[name].metadata["secret"]
    if secret or (name == "base_url" and isinstance(raw, str) and masked(raw) != raw):
        what = name if secret else f"{name} with credentials"
        own = f"set {variable(name)}, or: neuralpdb config set {name} -"
        raise UsageError(f"{file}: {what} must not stand in a project file", own)


def _known(name: str, where: str) -> None:
    if name not in table():
        near = get_close_matches(name, table(), 1, 0.5)
        raise UsageError(f"{where}: unknown setting {name!r}", f"did you mean {near[0]}?" if near else _all_names())


def _all_names() -> str:
    return "settings: " + ", ".join(table())


def _of_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, object, SettingOrigin]]:
    """Variables of our prefix; an empty one counts as not set, an unknown one only matters when it is a slip."""
    ours = {variable(name): name for name in table()}
    for key, raw in environment.items():
        if not key.startswith(PREFIX) or not raw:
            continue
        if key in ours:
            yield ours[key], raw, SettingOrigin(Precedence.ENVIRONMENT, key)
        elif near := get_close_matches(key.upper(), ours, 1, 0.85):
            raise UsageError(f"the environment variable {key} is no setting", f"did you mean {near[0]}?")


def _read(name: str, raw: object, origin: SettingOrigin) -> object:
    read: Callable[[object], object] = table()[name].metadata["read"]
    try:
        return read(raw)
    except ValueError as error:
        said = "" if table()[name].metadata["secret"] else f" = {masked(str(raw))!r}"
        raise UsageError(f"{origin.where}: {name}{said} is not {error}", "see: neuralpdb config show") from None


# -- writing the user's own file --------------------------------------------------------------------------------------


def write(name: str, value: str | None, file: Path | None = None) -> Path:
    """Set `name` in the user's own file (None: take it out); comments and the other lines stay. Returns the file.

    Raises UsageError for an unknown name, a value that does not fit, and a file that cannot be written.
    """
    file = user_file() if file is None else file
    _known(name, "config")
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
    """A line that was cut out of a value over several lines would damage the file."""
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
    """Every setting as JSON-ready values: value (secrets masked), level, where."""
    shown: dict[str, dict[str, Any]] = {}
    for name in table():
        value, origin = getattr(settings, name), settings.origin(name)
        plain = value if isinstance(value, bool | int | float) else settings.shown(name)
        shown[name] = {"value": plain, "level": origin.level.name.lower(), "where": origin.where}
    return shown


def rows(settings: Settings) -> Iterator[str]:
    """`neuralpdb config show`: key, value and origin in columns."""
    cells = [("setting", "value", "from")]
    cells += [(name, settings.shown(name) or "-", settings.origin(name).where) for name in table()]
    wide = [max(len(row[i]) for row in cells) for i in range(2)]
    return (f"{name:{wide[0]}}  {value:{wide[1]}}  {where}" for name, value, where in cells)
