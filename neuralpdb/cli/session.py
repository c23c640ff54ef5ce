"""One session of the debugger at its edge: streams, what is waited for, Ctrl-C in a pipe, the real run beside it.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb import __version__
from neuralpdb.errors import INTERRUPTED, NeuralPdbError

if TYPE_CHECKING:
    from rich.console import Console

    from neuralpdb.cli.settings import Settings
    from neuralpdb.debugger.saved import Saved
    from neuralpdb.engines.base import Engine
    from neuralpdb.frontends.repl.loop import Loop
    from neuralpdb.frontends.repl.prompt import Prompt
    from neuralpdb.program.entry import Entry
    from neuralpdb.realrun.limits import Limits
    from neuralpdb.trace.frames import Frame


def compared_session(
    entry: Entry,
    engine: Engine,
    settings: Settings,
    script: Path,
    commands: Sequence[str],
    args: Sequence[str],
    limits: Limits,
) -> int:
    """One session with the real run beside it, or with one line that says why there is none; its exit code."""
    from neuralpdb.fidelity.lockstep import Lockstep
    from neuralpdb.output.printable import inert
    from neuralpdb.realrun.live import watch
    from neuralpdb.realrun.truth import entered

    with ExitStack() as running:

        def begin(prompt: Prompt) -> None:
            try:
                entered(entry)
                prompt.say("note: the program is run for real, in a child process with limits")
                run = running.enter_context(closing(watch(entry, filename=str(script), argv=args, limits=limits)))
            except NeuralPdbError as error:
                prompt.why_no_real_run = error.message
                prompt.say(f"note: there is no real run to compare with: {inert(str(error))}")
            else:
                prompt.beside = Lockstep(run)

        return plain_session(entry, engine, settings, commands, args, real=begin)


def plain_session(
    entry: Entry,
    engine: Engine,
    settings: Settings,
    commands: Sequence[str],
    args: Sequence[str],
    real: Callable[[Prompt], None] | None = None,
    saved: Saved | None = None,
) -> int:
    """One session; its exit code. real: begins the real run; saved: the session to go on with."""
    from rich.console import Console

    from neuralpdb.debugger.session import Session
    from neuralpdb.frontends.repl.loop import Loop
    from neuralpdb.frontends.repl.prompt import Prompt
    from neuralpdb.predict.model_source import forecast

    live = sys.stdin.isatty() and sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_dumb_terminal:
        console.size = shutil.get_terminal_size()  # rich takes every dumb terminal to be 80 columns wide
    found = forecast(
        entry,
        engine,
        constrain=settings.constrain,
        doubt_below=settings.doubt,
        look_ahead=settings.look_ahead if live else 0,
    )
    session = Session(entry, found.source, max_frames=settings.max_frames, on_frontier=found.attention)
    prompt = Prompt(session, console, multiline=live, model=partial(_named, engine))
    prompt.confidence_of, prompt.doubt_below = found.sure, found.least
    loop = Loop(prompt, notices=found.notices)
    if live:
        how = "nothing is run" if real is None else "the real run goes on beside it"
        console.print(f"neuralpdb {__version__}: a model predicts, {how}. Type help for help.", style="dim")
    if real is not None:
        real(prompt)
    if args:
        prompt.say(f"note: the model does not see the script's arguments ({len(args)} given)")
    if not live:
        getattr(engine, "begin", lambda: None)()
        begin = partial(_begin, loop, saved, settings.rc)
        return _run_piped(loop, begin, chain(commands, _asked() if sys.stdin.isatty() else sys.stdin))
    from neuralpdb.frontends.repl import terminal

    patience = _Patience(console, engine)
    prompt.waiting, prompt.waited, session.watch = patience.begin, patience.end, patience.passed
    _begin(loop, saved, settings.rc)
    if not loop.left:
        loop.run(commands)
    if not loop.left:
        terminal.run(
            loop, _history_path(), displayed=_once(getattr(engine, "begin", lambda: None), session.report_frontier)
        )
    found.drop()
    return 0


def _named(engine: Engine) -> str:
    """The model that answers and its revision; empty while it is loading, and when it cannot be."""
    if not getattr(engine, "ready", True):
        return ""
    try:
        model = engine.capabilities
    except NeuralPdbError:
        return ""
    return f"{model.name} {model.revision}".strip()


def _once(*begin: Callable[[], object]) -> Callable[[], None]:
    """Calls all of `begin` the first time it is called."""
    left = [*begin]

    def call() -> None:
        while left:
            left.pop(0)()

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
    """Without a terminal Ctrl-C is the end, after the stop where it was heard."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    begin()
    for line in lines:
        if loop.prompt.interrupted or loop.left:
            break
        loop.run([line])
    loop.prompt.abandon(ended=True)
    return INTERRUPTED if loop.prompt.interrupted else 0


def _asked() -> Iterator[str]:
    """Lines of a terminal whose output goes elsewhere: the prompt is on standard error."""
    from neuralpdb.frontends.repl.prompt import PROMPT

    while True:
        print(PROMPT, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line


class _Patience:
    """Says on the terminal what is being waited for: the model that loads, the frames that pass."""

    def __init__(self, console: Console, engine: Engine) -> None:
        self.console = console
        self.engine = engine
        self.frames = 0
        self.silent_until = 0.0
        self.shown = False

    def begin(self) -> None:
        """A prediction begins."""
        if not getattr(self.engine, "ready", True):
            self.console.print("loading the model ...", style="dim")
        self.frames, self.silent_until = 0, time.monotonic() + 1.0

    def passed(self, frame: Frame) -> None:
        """One more frame; the count is shown once it takes longer than a second, and then not too often."""
        self.frames += 1
        if time.monotonic() >= self.silent_until and not self.console.is_dumb_terminal:
            self.console.file.write(f"\r{self.frames:,} frames, at line {frame.line} (Ctrl-C stops) \x1b[K")
            self.console.file.flush()
            self.silent_until, self.shown = time.monotonic() + 0.1, True

    def end(self) -> None:
        """Take the count away, before what is printed next."""
        if self.shown:
            self.console.file.write("\r\x1b[K")
        self.shown = False


def _history_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("neuralpdb", appauthor=False) / "history"
