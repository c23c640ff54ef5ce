"""The settings: one table (the fields of `Settings`) with the meaning, the default and the check of each value.

It reads nothing: `settings_sources` does, and says where each value comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neuralpdb.trace.frames import MAX_FRAMES

PREFIX = "NEURALPDB_"
ENGINES = ("auto", "local", "vllm", "replay")
"""auto: a configured server, else one that runs on this machine, else the embedded model."""

FLAGS = frozenset({"engine", "base_url", "model", "weights", "constrain", "max_frames", "model_only", "rc"})
"""Settings that are options of `neuralpdb` and `neuralpdb trace`; a key on a command line would be seen by others."""


class Precedence(IntEnum):
    """Sources of values, weakest first."""

    DEFAULT = 0
    USER = 1
    PROJECT = 2
    ENVIRONMENT = 3
    FLAG = 4


@dataclass(frozen=True)
class SettingOrigin:
    """The source of a value.

    level: how strong it is.
    where: a flag, a variable or a file, for people.
    """

    level: Precedence
    where: str


BY_DEFAULT = SettingOrigin(Precedence.DEFAULT, "default")


# -- checks of values: each reads text (environment, command line) or a TOML value, and raises ValueError -------------


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("text in quotes")
    return raw.strip()


def _engine(raw: object) -> str:
    if raw not in ENGINES:
        raise ValueError("one of " + ", ".join(ENGINES))
    return str(raw)


def _switch(raw: object) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    value = raw if isinstance(raw, bool) else words.get(raw.strip().lower()) if isinstance(raw, str) else None
    if value is None:
        raise ValueError("true or false")
    return value


def _count(raw: object, least: int = 1) -> int:
    try:
        value = -1 if isinstance(raw, bool | float) else int(raw)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        value = -1
    if value < least:
        raise ValueError(f"a whole number from {least} on")
    return int(value)


_count_or_none = partial(_count, least=0)


def _seconds(raw: object) -> float:
    try:
        value = 0.0 if isinstance(raw, bool) else float(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    return value


def _percent(raw: object) -> float:
    try:
        value = -1.0 if isinstance(raw, bool) else float(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value <= 100:
        raise ValueError("a percentage from 0 to 100")
    return value


def _url(raw: object) -> str:
    """Return an address without its trailing slash; empty for none."""
    text = _text(raw).rstrip("/")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if text and (not valid or parts.query or parts.fragment or not text.isprintable() or " " in text):
        raise ValueError("an address such as http://127.0.0.1:8000/v1")
    return text


def _folder(raw: object) -> Path | None:
    if isinstance(raw, Path):
        return raw
    text = _text(raw)
    return Path(text).expanduser() if text else None


# -- the table --------------------------------------------------------------------------------------------------------


def _setting(default: Any, read: Callable[[object], Any], about: str, *, secret: bool = False) -> Any:
    """Return a field of `Settings`."""
    return field(default=default, metadata={"read": read, "about": about, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """The values of all settings, made by `settings_sources.load`.

    origins: name -> where its value comes from.
    """

    engine: str = _setting("auto", _engine, "what predicts: `auto`, `local`, `vllm` or `replay`")
    base_url: str = _setting("", _url, 'the server; alone it means `engine = "vllm"`')
    model: str = _setting("", _text, "the model's name on the server; else the first that the server lists")
    api_key: str = _setting("", _text, "the server's key; never in a project file", secret=True)
    weights: Path | None = _setting(None, _folder, "another checkpoint for the embedded engine")  # noqa: RUF009 - a field
    connect_timeout: float = _setting(3.0, _seconds, "seconds to wait for a connection to the server")
    first_timeout: float = _setting(30.0, _seconds, "seconds to wait for the first byte of an answer")
    frame_timeout: float = _setting(120.0, _seconds, "seconds that one answer may take")
    constrain: bool = _setting(True, _switch, "keep to lines that control flow allows")
    doubt: float = _setting(60.0, _percent, "percent: values with less probability are marked with `?`")
    rc: bool = _setting(True, _switch, "carry out `~/.neuralpdbrc` and, with care, `./.neuralpdbrc` first")
    max_frames: int = _setting(MAX_FRAMES, _count, "most frames that one command predicts")
    look_ahead: int = _setting(8, _count_or_none, "frames that are predicted ahead while you read; 0 for none")
    model_only: bool = _setting(False, _switch, "the model predicts everything; nothing is computed by Python's rules")
    second_opinion: bool = _setting(True, _switch, "ask the model about computed values, too, while you read")
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)

    def origin(self, name: str) -> SettingOrigin:
        """Return where the setting `name` comes from."""
        return self.origins.get(name, BY_DEFAULT)

    @property
    def flags(self) -> dict[str, object]:
        """Return the settings that the command line gave."""
        return {name: getattr(self, name) for name, origin in self.origins.items() if origin.level is Precedence.FLAG}

    def text(self, name: str) -> str:
        """Return the value for people: secrets are masked, also those inside a URL."""
        value = getattr(self, name)
        if table()[name].metadata["secret"]:
            return "********" if value else ""
        if isinstance(value, bool):
            return str(value).lower()
        return masked(value) if name == "base_url" else "" if value is None else f"{value}"


def table() -> dict[str, Field[Any]]:
    """Return every setting by its name, in the order in which they are listed."""
    return {each.name: each for each in fields(Settings) if each.metadata}


def masked(url: str) -> str:
    """Return `url` with its credentials masked."""
    scheme, colon, address = url.partition("://")
    host, slash, path = address.partition("/")
    return f"{scheme}{colon}***@{host.rpartition('@')[2]}{slash}{path}" if "@" in host else url


def flag(name: str) -> str:
    """Return the command line option of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def markdown() -> str:
    """Return the settings as a markdown table, for the documentation."""
    lines = ["| setting | option | default | what it is |", "|---|---|---|---|"]
    for name, setting in table().items():
        default = Settings().text(name)
        option = f"`{flag(name)}`" if name in FLAGS else ""
        lines.append(f"| `{name}` | {option} | {f'`{default}`' if default else ''} | {setting.metadata['about']} |")
    return "\n".join(lines)
