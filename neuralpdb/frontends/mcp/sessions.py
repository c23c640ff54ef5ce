"""The programs that agents have open: read from allowed folders or given as text, bounded in size and number.

A real run starts only where limits for one are given. Knows no protocol and no engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from neuralpdb.debugger.evaluation import settled
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import NeuralPdbError, TargetError, UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.mcp.answers import Stopped, stopped
from neuralpdb.frontends.text import marks
from neuralpdb.frontends.text.marks import Remarks
from neuralpdb.predict.model_source import ModelSource
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.program.source import read_source
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.live import LiveRun, watch
from neuralpdb.trace.frames import MAX_FRAMES
from neuralpdb.trace.stack import Activation

SOURCE = 200_000
"""Most characters of a program, about 5,000 lines: with more, every prompt and every look at the source gets slow."""
SESSIONS = 16
"""Most programs that are open at a time: each keeps its trace, and an agent that opens more has forgotten to close."""
UNNAMED = "program.py"
"""Name of a program that is given as text."""
NOT_RUN = "start the server with --allow-run to allow it"
"""Hint where the program would have to be run."""

_FLAGS = {"--call ": "call: ", "--at ": "line: ", "--set ": "state: "} | {
    "--call": "call",
    "--at": "line",
    "--set": "state",
}
"""Options of the command line in messages -> the tool's arguments."""


@dataclass
class OpenProgram:
    """An open program.

    id:              name of the session for the agent.
    session:         the debugger's session.
    filename:        path of the program for the real run.
    forecast:        the source of its predictions.
    limits:          of its real run; None where it may not be run.
    check_cancelled: raises KeyboardInterrupt where the present call was cancelled.
    beside:          the real run beside the session, once there is one.
    run:             the same real run, to close it.
    """

    id: str
    session: Session
    filename: str
    forecast: ModelSource
    limits: Limits | None = None
    check_cancelled: Callable[[], None] = lambda: None
    beside: Lockstep | None = None
    run: LiveRun | None = None

    def answer(self, stop: Stop) -> Stopped:
        """Return a stop of its session as an answer."""
        self.forecast.looked(self.session.history)
        frame = self.session.frame
        doubtful = self.forecast.doubts(frame) if frame is not None else {}
        stack = self.session.stack
        remarks = self.remarks(stack[-1]) if stack else marks.NO_REMARKS
        return stopped(self.id, self.session, stop, doubtful, self.forecast.notices(), remarks)

    def remarks(self, activation: Activation) -> Remarks:
        """Return how the values of a call are known, and what is said otherwise."""
        return marks.at(self.forecast, activation)

    def compared(self) -> Lockstep:
        """Return the real run beside it, started at the first call. Raises UsageError or TargetError."""
        if self.limits is None:
            raise UsageError("programs are not run", NOT_RUN)
        if self.beside is None:
            self.run = watch(self.session.entry, filename=self.filename, limits=self.limits)
            self.beside = Lockstep(self.run)
        return self.beside

    def close(self) -> None:
        """End its predictions and its real run."""
        self.forecast.close()
        self.session.close()
        if self.run is not None:
            self.run.close()


@dataclass
class OpenPrograms:
    """All open programs.

    forecast:   makes the source of predictions for an entry.
    roots:      folders that files may be read from.
    max_frames: most frames of one movement.
    limits:     of real runs; None where programs may not be run.
    opened:     the open programs by their ids.
    """

    forecast: Callable[[Entry], ModelSource]
    roots: Sequence[Path]
    max_frames: int = MAX_FRAMES
    limits: Limits | None = None
    opened: dict[str, OpenProgram] = field(default_factory=dict)
    _numbered: int = 0

    def find(self, name: str) -> OpenProgram:
        """Return the open program of that id. Raises UsageError."""
        if name not in self.opened:
            raise UsageError(f"there is no session {name!r}", f"open: {', '.join(self.opened) or 'none'}")
        return self.opened[name]

    def open(
        self, *, text: str | None, path: str | None, call: str, line: int, state: Mapping[str, str]
    ) -> tuple[OpenProgram, Stop]:
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
        session = Session(
            entry,
            forecast.source,
            max_frames=self.max_frames,
            on_frontier=forecast.attention,
            views=forecast.views,
        )
        opened = OpenProgram(f"s{self._numbered}", session, str(file or f"<{UNNAMED}>"), forecast, self.limits)
        try:
            stop = session.start()
        except BaseException:
            opened.close()
            raise
        self.opened[opened.id] = opened
        session.report_frontier()
        return opened, stop

    def close(self, name: str) -> None:
        """End a session, its predictions and its real run. Raises UsageError where there is no such session."""
        self.find(name).close()
        del self.opened[name]

    def close_all(self) -> None:
        """End all sessions."""
        for name in list(self.opened):
            self.close(name)

    def _resolved(self, path: str) -> Path:
        """Return the real path of a file that may be read. Raises UsageError."""
        if re.search(r"[\x00-\x1f]", path) or not path:
            raise UsageError("path: not the name of a file")
        candidates = []
        for root in self.roots:
            with suppress(OSError, RuntimeError, ValueError):
                file = (root / path).resolve()
                if file.is_relative_to(root.resolve()):
                    candidates.append(file)
        if not candidates:
            roots = ", ".join(map(str, self.roots))
            raise UsageError(f"path: {path[:200]!r} is outside of what may be read", f"folders: {roots}")
        return next((each for each in candidates if each.is_file()), candidates[0])


def _read(file: Path, path: str) -> str:
    """Read a file. path: its name in messages. Raises TargetError."""
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
    """Enter a program; errors name the tool's arguments instead of options. Raises UsageError or TargetError."""
    try:
        return settled(enter(program, call=call, at=line, state=[f"{name}={value}" for name, value in state.items()]))
    except NeuralPdbError as error:
        texts = [error.message, error.hint]
        for flag, name in _FLAGS.items():
            texts = [text.replace(f"{flag} ", f"{name}: ").replace(flag, name) for text in texts]
        raise type(error)(*texts) from None
