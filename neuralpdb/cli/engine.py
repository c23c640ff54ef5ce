"""The choice of the engine: what the settings ask for, else a server on this machine, else the embedded model.

It also tells the user where the source and a key go. It knows no frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neuralpdb.cli.settings import Precedence, Settings, masked
from neuralpdb.engines.vllm import probe
from neuralpdb.engines.vllm.probe import HERE, Served, is_local
from neuralpdb.errors import UsageError
from neuralpdb.output.notes import note

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.engines.vllm.http import Timeouts


@dataclass(frozen=True)
class Choice:
    """An engine that was chosen.

    engine:   local, vllm or replay.
    base_url: of the server.
    model:    name on the server.
    reason:   what decided.
    notes:    lines for the user.
    """

    engine: str
    base_url: str = ""
    model: str = ""
    reason: str = "nothing else is configured, and no server runs here"
    notes: tuple[str, ...] = ()


def choose(settings: Settings, look: Callable[[], Served] | None = None) -> Choice:
    """Return the engine that `settings` ask for.

    look: finds a server on this machine (default `probe.look`); called only when nothing is configured.
    Raises UsageError for flags that exclude each other, and for a key that would go to a server that a project names.
    """
    _check_flags(settings)
    engine, reason = _configured(settings)
    if engine == "vllm":
        url = settings.base_url or HERE
        _check_key(settings, url)
        return Choice(engine, url, settings.model, reason, tuple(_warnings(settings, url)))
    return Choice(engine, reason=reason) if engine else _unconfigured((look or probe.look)(), settings)


def _unconfigured(server: Served, settings: Settings) -> Choice:
    """Choose a server on this machine, else the embedded model."""
    if server.traces:
        note = f"using {server.model} at {server.url}, which runs here (--engine local: the embedded model)"
        return Choice("vllm", server.url, settings.model or server.model, "a server runs here", (note,))
    if server.silent:
        note = f"{server.url} does not answer at once, so the embedded model is used (--engine vllm waits for it)"
        return Choice("local", notes=(note,))
    return Choice("local")


def _configured(settings: Settings) -> tuple[str, str]:
    """Return the engine and what asks for it; empty when nothing does. The stronger origin wins, then `engine`."""
    candidates = [("engine", settings.engine if settings.engine != "auto" else "")]
    candidates += [("base_url", "vllm" if settings.base_url else ""), ("weights", "local" if settings.weights else "")]
    if settings.origin("model").level is Precedence.FLAG:
        candidates.append(("model", "vllm"))
    asked = [(settings.origin(name), engine) for name, engine in candidates if engine]
    if not asked:
        return "", ""
    origin, engine = max(asked, key=lambda pair: pair[0].level)  # of equals the first
    return engine, origin.where


def _check_flags(settings: Settings) -> None:
    """Raise UsageError for flags of one engine beside those of another; in files they may wait for their turn."""
    flags = {name for name, origin in settings.origins.items() if origin.level is Precedence.FLAG}
    remote, local = flags & {"base_url", "model"}, flags & {"weights"}
    engine = settings.engine if "engine" in flags else "auto"
    if remote and (local or engine in ("local", "replay")):
        other = "--weights" if local else f"--engine {engine}"
        names = " and ".join(f"--{name.replace('_', '-')}" for name in sorted(remote))
        raise UsageError(f"{names} and {other} exclude each other", "a server is asked with --engine vllm")
    if local and engine in ("vllm", "replay"):
        raise UsageError(f"--weights and --engine {engine} exclude each other", "--weights is for --engine local")


def _check_key(settings: Settings, url: str) -> None:
    """Raise UsageError when a key would go where a project says: it must not collect the keys of its users."""
    named_by = settings.origin("base_url")
    if settings.api_key and named_by.level is Precedence.PROJECT and not is_local(urlsplit(url).hostname):
        raise UsageError(
            f"{named_by.where} names the server {masked(url)}, and your API key is not sent where a project says",
            f"to allow it: neuralpdb config set base_url {masked(url)}, and take it out of the project file",
        )


def _warnings(settings: Settings, url: str) -> list[str]:
    parts = urlsplit(url)
    secret = settings.api_key or parts.password
    if secret and parts.scheme == "http" and not is_local(parts.hostname):
        return [
            f"warning: your API key goes to {parts.hostname} over http, which anyone on the way can read (use https)"
        ]
    return []


def announcement(choice: Choice, folder: Path | None = None) -> str:
    """Return the note before source leaves this machine, once for each server; empty when none is due.

    folder: remembers the servers, default the user's state folder; where it cannot, the note comes every time.
    """
    parts = urlsplit(choice.base_url)
    if choice.engine != "vllm" or is_local(parts.hostname):
        return ""
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        file = _state() / "servers" if folder is None else folder / "servers"
        announced = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if address in announced:
            return ""
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{address}\n")
    except (OSError, ValueError):
        pass
    return f"your source is sent to {address} (said once for a server; --engine local keeps it on this machine)"


def _state() -> Path:
    from platformdirs import user_state_path

    return user_state_path("neuralpdb", appauthor=False)


def connect(choice: Choice, settings: Settings) -> Engine:
    """Connect to the server of `choice`. Raises ModelError when it cannot be used."""
    from neuralpdb.engines.vllm.engine import VllmEngine

    return VllmEngine.connect(choice.base_url, choice.model, settings.api_key, timeouts=timeouts(settings))


def timeouts(settings: Settings) -> Timeouts:
    """Return how long to wait for a server."""
    from neuralpdb.engines.vllm.http import Timeouts

    return Timeouts(settings.connect_timeout, settings.first_timeout, settings.frame_timeout)


@contextmanager
def engine_of(settings: Settings, recording: Path | None, record: Path | None) -> Iterator[Engine]:
    """Yield the engine that the settings ask for; it loads, or connects, on another thread."""
    with named_engine(settings, recording, record) as (engine, _):
        yield engine


@contextmanager
def named_engine(
    settings: Settings,
    recording: Path | None,
    record: Path | None,
    exact: bool = False,
    say: Callable[[str], None] = note,
) -> Iterator[tuple[Engine, str]]:
    """Yield the engine that the settings ask for, and its name.

    exact: scores as decoding would, with the embedded engine only.
    say:   takes lines for the user.
    """
    if (settings.engine == "replay") != (recording is not None):
        raise UsageError("--engine replay and --recording FILE go together")
    engine, name = _opened(settings, recording, exact, say)
    if record is not None:
        from neuralpdb.engines.replay import RecordingEngine

        engine = RecordingEngine(engine, record)
    if record is not None or name != "local" or _configured(settings)[0]:
        engine.begin()  # it was asked for, so that it is known at once whether it can be had
    try:
        yield engine, name
    finally:
        engine.close()


def _opened(settings: Settings, recording: Path | None, exact: bool, say: Callable[[str], None]) -> tuple[Engine, str]:
    """Return the engine and its name."""
    chosen = choose(settings)
    if exact and chosen.engine != "local":
        raise UsageError(f"--exact is for the embedded model, not for {chosen.engine}", "add --engine local")
    for line in (*chosen.notes, announcement(chosen)):
        if line:
            say(line)
    if recording is not None:
        return _recorded(recording), chosen.engine
    remote = chosen.engine == "vllm"
    loading = partial(loading_engine, exact=True) if exact else loading_engine
    return _connecting(chosen, settings) if remote else loading(settings.weights), chosen.engine


def _connecting(chosen: Choice, settings: Settings) -> Engine:
    from neuralpdb.engines.deferred import DeferredEngine

    return DeferredEngine(lambda: connect(chosen, settings))


def _recorded(file: Path) -> Engine:
    from neuralpdb.engines.replay import ReplayEngine
    from neuralpdb.predict import generations

    return generations.load(file) if generations.holds_generations(file) else ReplayEngine(file)


def loading_engine(weights: Path | None, exact: bool = False) -> Engine:
    """Return the embedded engine with the checkpoint `weights`; it loads on another thread when it is used."""
    from neuralpdb.engines.deferred import DeferredEngine

    def load() -> Engine:
        from neuralpdb.engines.local.engine import LocalEngine

        return LocalEngine.load(weights, exact=exact)

    return DeferredEngine(load)
