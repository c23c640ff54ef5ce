"""Which engine predicts: what the settings ask for, else a server that runs on this machine, else the embedded model.

Owns the decision, and what has to be said about it: where the source goes, where a key goes. Knows no frames.
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
    """engine: local, vllm or replay. base_url, model: of the server. why: what decided. notes: for the user to read."""

    engine: str
    base_url: str = ""
    model: str = ""
    why: str = "nothing else is configured, and no server runs here"
    notes: tuple[str, ...] = ()


def choose(settings: Settings, look: Callable[[], Served] | None = None) -> Choice:
    """The engine that `settings` ask for. look: finds a server on this machine (default `server.look`); asked only if
    nothing is configured.

    Raises UsageError for flags that exclude each other, and for a key that would go to a server that a project names.
    """
    _check_flags(settings)
    engine, why = _configured(settings)
    if engine == "vllm":
        url = settings.base_url or HERE
        _check_key(settings, url)
        return Choice(engine, url, settings.model, why, tuple(_warnings(settings, url)))
    return Choice(engine, why=why) if engine else _found((look or probe.look)(), settings)


def _found(here: Served, settings: Settings) -> Choice:
    """Nothing is configured: a server on this machine, or the embedded model."""
    if here.traces:
        note = f"using {here.model} at {here.url}, which runs here (--engine local: the embedded model)"
        return Choice("vllm", here.url, settings.model or here.model, "a server runs here", (note,))
    if here.silent:
        note = f"{here.url} does not answer at once, so the embedded model is used (--engine vllm waits for the server)"
        return Choice("local", notes=(note,))
    return Choice("local")


def _configured(settings: Settings) -> tuple[str, str]:
    """(engine, what asked for it); empty when nothing does. The stronger origin wins, then `engine` itself."""
    wishes = [("engine", settings.engine if settings.engine != "auto" else "")]
    wishes += [("base_url", "vllm" if settings.base_url else ""), ("weights", "local" if settings.weights else "")]
    if settings.origin("model").level is Precedence.FLAG:
        wishes.append(("model", "vllm"))
    asked = [(settings.origin(name), engine) for name, engine in wishes if engine]
    if not asked:
        return "", ""
    origin, engine = max(asked, key=lambda each: each[0].level)  # of equals the first
    return engine, origin.where


def _check_flags(settings: Settings) -> None:
    """Flags for one engine beside another are a mistake; in files they wait for their time."""
    given = {name for name, origin in settings.origins.items() if origin.level is Precedence.FLAG}
    remote, local = given & {"base_url", "model"}, given & {"weights"}
    engine = settings.engine if "engine" in given else "auto"
    if remote and (local or engine in ("local", "replay")):
        other = "--weights" if local else f"--engine {engine}"
        names = " and ".join(f"--{name.replace('_', '-')}" for name in sorted(remote))
        raise UsageError(f"{names} and {other} exclude each other", "a server is asked with --engine vllm")
    if local and engine in ("vllm", "replay"):
        raise UsageError(f"--weights and --engine {engine} exclude each other", "--weights is for --engine local")


def _check_key(settings: Settings, url: str) -> None:
    """A project must not collect the keys of those who open it."""
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
    """What is said, once for each server, before source leaves this machine; empty when there is nothing to say.

    folder: where it is remembered; default the user's state folder. If it cannot be, it is said every time.
    """
    parts = urlsplit(choice.base_url)
    if choice.engine != "vllm" or is_local(parts.hostname):
        return ""
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        file = _state() / "servers" if folder is None else folder / "servers"
        known = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if address in known:
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
    """The server of `choice`. Raises ModelError when it cannot be used."""
    from neuralpdb.engines.vllm.engine import VllmEngine

    return VllmEngine.connect(choice.base_url, choice.model, settings.api_key, timeouts=timeouts(settings))


def timeouts(settings: Settings) -> Timeouts:
    """How long a server is waited for."""
    from neuralpdb.engines.vllm.http import Timeouts

    return Timeouts(settings.connect_timeout, settings.first_timeout, settings.frame_timeout)


@contextmanager
def engine_of(settings: Settings, recording: Path | None, record: Path | None) -> Iterator[Engine]:
    """The engine that the settings ask for (see `choice`); it loads, or connects, on another thread meanwhile."""
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
    """The same, with its name. exact: see `LocalEngine`; it is for no other engine. say: takes lines for the user."""
    if (settings.engine == "replay") != (recording is not None):
        raise UsageError("--engine replay and --recording FILE go together")
    engine, name = _opened(settings, recording, exact, say)
    if record is not None:
        from neuralpdb.engines.replay import RecordingEngine

        engine = RecordingEngine(engine, record)
    try:
        yield engine, name
    finally:
        engine.close()


def _opened(settings: Settings, recording: Path | None, exact: bool, say: Callable[[str], None]) -> tuple[Engine, str]:

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
    """The embedded engine with the checkpoint `weights`; it loads on another thread, from its first use on."""
    from neuralpdb.engines.deferred import DeferredEngine

    def load() -> Engine:
        from neuralpdb.engines.local.engine import LocalEngine

        return LocalEngine.load(weights, exact=exact)

    return DeferredEngine(load)
