"""Sessions of the debugger: opened on a model; at the prompt with its streams, waiting, and Ctrl-C in a pipe.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb import __version__
from neuralpdb.errors import INTERRUPTED, NeuralPdbError

_UNNOTICED = 0.2
"""Seconds that one waits without asking why."""

if TYPE_CHECKING:
    from rich.console import Console

    from neuralpdb.cli.settings import Settings
    from neuralpdb.debugger.saved import Saved
    from neuralpdb.debugger.session import Session
    from neuralpdb.engines.base import Engine
    from neuralpdb.frontends.repl.loop import Loop
    from neuralpdb.frontends.repl.prompt import Prompt
    from neuralpdb.predict.model_source import ModelSource
    from neuralpdb.program.entry import Entry
    from neuralpdb.realrun.limits import Limits
    from neuralpdb.trace.frames import Frame


def model_source(entry: Entry, engine: Engine, settings: Settings, *, look_ahead: bool = True) -> ModelSource:
    """Return the source of predictions for `entry`, as the settings ask for it."""
    from neuralpdb.predict.model_source import forecast

    return forecast(
        entry,
        engine,
        constrain=settings.constrain,
        doubt_below=settings.doubt,
        look_ahead=settings.look_ahead if look_ahead else 0,
        computing=not settings.model_only,
        second_opinion=settings.second_opinion,
    )


def open_session(
    entry: Entry, engine: Engine, settings: Settings, *, look_ahead: bool = True
) -> tuple[Session, ModelSource]:
    """Return a session on the model behind `engine`, not started, and its source of predictions."""
    from neuralpdb.debugger.session import Session

    source = model_source(entry, engine, settings, look_ahead=look_ahead)
    session = Session(
        entry, source.source, max_frames=settings.max_frames, on_frontier=source.attention, views=source.views
    )
    return session, source


def compared_session(
    entry: Entry,
    engine: Engine,
    settings: Settings,
    script: Path,
    commands: Sequence[str],
    args: Sequence[str],
    limits: Limits,
) -> int:
    """Run one session with the real run beside it, or a note why there is none, and return its exit code."""
    from neuralpdb.frontends.repl import real_run
    from neuralpdb.output.printable import inert

    with ExitStack() as running:

        def start(prompt: Prompt) -> None:
            running.callback(real_run.start(prompt, str(script), args, limits, lambda text: prompt.say(inert(text))))

        return plain_session(entry, engine, settings, commands, args, start_real_run=start)


def plain_session(
    entry: Entry,
    engine: Engine,
    settings: Settings,
    commands: Sequence[str],
    args: Sequence[str],
    start_real_run: Callable[[Prompt], None] | None = None,
    saved: Saved | None = None,
) -> int:
    """Run one session, and return its exit code.

    start_real_run: starts the real run beside it.
    saved:          the session to continue.
    """
    from rich.console import Console

    from neuralpdb.frontends.repl.loop import Loop
    from neuralpdb.frontends.repl.prompt import Prompt

    live = sys.stdin.isatty() and sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_dumb_terminal:
        console.size = shutil.get_terminal_size()  # rich takes every dumb terminal to be 80 columns wide
    session, source = open_session(entry, engine, settings, look_ahead=live)
    prompt = Prompt(session, console, multiline=live, model=partial(_model_of, engine))
    prompt.take(source)
    loop = Loop(prompt, notices=source.notices)
    if live:
        mode = "nothing is run" if start_real_run is None else "the real run goes on beside it"
        who = "computed or predicted" if source.marks else "a model predicts"
        console.print(f"neuralpdb {__version__}: {who}, {mode}. Type help for help.", style="dim")
    if start_real_run is not None:
        start_real_run(prompt)
    if args and settings.model_only:
        prompt.say(f"note: the model does not see the script's arguments ({len(args)} given)")
    if not live:
        if settings.model_only:
            engine.begin()
        elif engine.loading or engine.ready:
            engine.capabilities  # noqa: B018 - raises ModelError for one that was asked for and cannot be had
        begin = partial(_begin, loop, saved, settings.rc)
        return _run_piped(loop, begin, chain(commands, _typed_lines() if sys.stdin.isatty() else sys.stdin))
    from neuralpdb.frontends.repl import terminal

    patience = _Patience(console, engine)
    prompt.waiting, prompt.waited, session.watch = patience.begin, patience.end, patience.passed
    _begin(loop, saved, settings.rc)
    if not loop.left:
        loop.run(commands)
    if not loop.left:
        load = _once(*([engine.begin] if settings.model_only else []), session.report_frontier)
        terminal.run(loop, _history_path(), displayed=load)
    source.drop()
    return 0


def _model_of(engine: Engine) -> str:
    """Return the name and revision of the model; empty while it loads, and when it cannot be loaded."""
    if not engine.ready:
        return ""
    try:
        model = engine.capabilities
    except NeuralPdbError:
        return ""
    return f"{model.name} {model.revision}".strip()


def _once(*begin: Callable[[], object]) -> Callable[[], None]:
    """Return a function whose first call calls all of `begin`."""
    pending = [*begin]

    def call() -> None:
        while pending:
            pending.pop(0)()

    return call


def _begin(loop: Loop, saved: Saved | None, rc: bool) -> None:
    """Show where it starts or goes on, then carry out the user's and the folder's rc files."""
    from neuralpdb.frontends.repl import rcfile

    loop.begin(saved)
    for file in rcfile.find(_home(), Path.cwd()) if rc else ():
        loop.follow(file)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _run_piped(loop: Loop, begin: Callable[[], None], lines: Iterable[str]) -> int:
    """Run without a terminal, and return the exit code; Ctrl-C ends it after the stop that it interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begin()
    for line in lines:
        if loop.prompt.interrupted or loop.left:
            break
        loop.run([line])
    loop.prompt.abandon(ended=True)
    return INTERRUPTED if loop.prompt.interrupted else 0


def _typed_lines() -> Iterator[str]:
    """Yield lines of a terminal whose output goes elsewhere, the prompt on standard error."""
    from neuralpdb.frontends.repl.prompt import PROMPT

    while True:
        print(PROMPT, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line


class _Patience:
    """The line on the terminal while the user waits: the model is loading, frames pass."""

    def __init__(self, console: Console, engine: Engine) -> None:
        self.console = console
        self.engine = engine
        self.frames = 0
        self.silent_until = 0.0
        self.shown = False
        self._loading: threading.Timer | None = None

    def begin(self) -> None:
        """Begin a movement; say that the model is loading, if that is what it waits for."""
        self._loading = threading.Timer(_UNNOTICED, self._say_loading)
        self._loading.daemon = True
        self._loading.start()
        self.frames, self.silent_until = 0, time.monotonic() + 1.0

    def passed(self, frame: Frame) -> None:
        """Count a frame; show the count after a second, then ten times a second."""
        self.frames += 1
        if time.monotonic() >= self.silent_until and not self.console.is_dumb_terminal:
            self.console.file.write(f"\r{self.frames:,} frames, at line {frame.line} (Ctrl-C stops) \x1b[K")
            self.console.file.flush()
            self.silent_until, self.shown = time.monotonic() + 0.1, True

    def _say_loading(self) -> None:
        if self.engine.loading:
            self.console.print("loading the model ...", style="dim")

    def end(self) -> None:
        """Remove the count before the next output."""
        if self._loading is not None:
            self._loading.cancel()
        if self.shown:
            self.console.file.write("\r\x1b[K")
        self.shown = False


def _history_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("neuralpdb", appauthor=False) / "history"
