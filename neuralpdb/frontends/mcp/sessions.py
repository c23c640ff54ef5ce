"""The programs that agents have open: read from allowed folders or given as text, bounded in size and number.

It starts a real run only where limits for one were given. It knows no protocol and no engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import NeuralPdbError, TargetError, UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.mcp.answers import Stopped, stopped
from neuralpdb.predict.model_source import ModelSource
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.program.source import read_source
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.live import LiveRun, watch
from neuralpdb.trace.frames import MAX_FRAMES

SOURCE = 200_000
"""Most characters of a program."""
SESSIONS = 16
"""Most programs that are open at a time."""
UNNAMED = "program.py"
"""Name of a program that was given as text."""
NOT_RUN = "start the server with --allow-run to allow it"

_FLAGS = {"--call ": "call: ", "--at ": "line: ", "--set ": "state: "} | {
    "--call": "call",
    "--at": "line",
    "--set": "state",
}


@dataclass
class Debuggee:
    """One opened program.

    forecast: what makes its predictions. limits: of its real run; None: it is never run.
    heard: raises KeyboardInterrupt when the caller gave up. beside: the real run, when there is one.
    """

    id: str
    session: Session
    filename: str
    forecast: ModelSource
    limits: Limits | None = None
    heard: Callable[[], None] = lambda: None
    beside: Lockstep | None = None
    run: LiveRun | None = None

    def answer(self, stop: Stop) -> Stopped:
        """Where it stands now."""
        frame = self.session.frame
        doubtful = self.forecast.doubts(frame) if frame is not None else {}
        return stopped(self.id, self.session, stop, doubtful, self.forecast.notices())

    def compared(self) -> Lockstep:
        """The real run beside it, started when there is none yet. Raises UsageError or TargetError."""
        if self.limits is None:
            raise UsageError("programs are not run", NOT_RUN)
        if self.beside is None:
            self.run = watch(self.session.entry, filename=self.filename, limits=self.limits)
            self.beside = Lockstep(self.run)
        return self.beside

    def close(self) -> None:
        """End what it started."""
        self.forecast.close()
        if self.run is not None:
            self.run.close()


@dataclass
class OpenPrograms:
    """All opened programs.

    forecast: makes what predicts from an entry. roots: folders that files may be read from.
    limits: of real runs; None: no program is ever run.
    """

    forecast: Callable[[Entry], ModelSource]
    roots: Sequence[Path]
    max_frames: int = MAX_FRAMES
    limits: Limits | None = None
    opened: dict[str, Debuggee] = field(default_factory=dict)
    _numbered: int = 0

    def find(self, name: str) -> Debuggee:
        """The opened program of that id. Raises UsageError."""
        found = self.opened.get(name)
        if found is None:
            raise UsageError(f"there is no session {name!r}", f"open: {', '.join(self.opened) or 'none'}")
        return found

    def open(
        self, *, text: str | None, path: str | None, call: str, line: int, state: Mapping[str, str]
    ) -> tuple[Debuggee, Stop]:
        """Open a program and go to its first frame. Raises UsageError, TargetError or ModelError."""
        if (text is None) == (path is None):
            raise UsageError("open_program: give one of source and path")
        if len(self.opened) >= SESSIONS:
            raise UsageError(f"{SESSIONS} programs are open, the most", "close_program ends one")
        file = self._resolved(path) if path is not None else None
        program = Program.parse(_bounded(text or "") if file is None else _read(file, path or ""), path or UNNAMED)
        entry = _entered(program, call, line, state)
        forecast = self.forecast(entry)
        self._numbered += 1
        session = Session(entry, forecast.source, max_frames=self.max_frames, attention=forecast.attention)
        found = Debuggee(f"s{self._numbered}", session, str(file or f"<{UNNAMED}>"), forecast, self.limits)
        try:
            stop = found.session.start()
        except BaseException:
            found.close()
            raise
        self.opened[found.id] = found
        found.session.attend()
        return found, stop

    def close(self, name: str) -> None:
        """End a session and everything that it started. Raises UsageError when there is none."""
        self.find(name).close()
        del self.opened[name]

    def close_all(self) -> None:
        """End all sessions."""
        for name in list(self.opened):
            self.close(name)

    def _resolved(self, path: str) -> Path:
        """The real path of a file that may be read. Raises UsageError."""
        if re.search(r"[\x00-\x1f]", path) or not path:
            raise UsageError("path: not the name of a file")
        candidates = []
        for root in self.roots:
            with suppress(OSError, RuntimeError, ValueError):
                found = (root / path).resolve()
                if found.is_relative_to(root.resolve()):
                    candidates.append(found)
        if not candidates:
            roots = ", ".join(map(str, self.roots))
            raise UsageError(f"path: {path[:200]!r} is outside of what may be read", f"folders: {roots}")
        return next((each for each in candidates if each.is_file()), candidates[0])


def _read(file: Path, path: str) -> str:
    """The text of a file that is named `path`. Raises TargetError."""
    if not file.is_file():
        raise TargetError(f"there is no file {path!r}", "a path below the server's working directory or --root")
    if file.stat().st_size > 4 * SOURCE:
        raise TargetError(f"{path}: longer than {SOURCE:,} characters", "cut out the part to debug")
    return _bounded(read_source(file))


def _bounded(text: str) -> str:
    if len(text) > SOURCE:
        raise TargetError(f"the source is longer than {SOURCE:,} characters", "cut out the part to debug")
    return text


def _entered(program: Program, call: str, line: int, state: Mapping[str, str]) -> Entry:
    """Where the trace starts; what is wrong is said with the names of the tool's arguments."""
    try:
        return enter(program, call=call, at=line, state=[f"{name}={value}" for name, value in state.items()])
    except NeuralPdbError as error:
        words = [error.message, error.hint]
        for flag, name in _FLAGS.items():
            words = [text.replace(f"{flag} ", f"{name}: ").replace(flag, name) for text in words]
        raise type(error)(*words) from None
