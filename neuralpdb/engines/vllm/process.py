"""vLLM as a child process: started, waited for, its lines passed on, signals forwarded, nothing left behind.

It knows a plan (a command and an address), not the model.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from neuralpdb.engines.vllm import probe
from neuralpdb.engines.vllm.command import INSTALL, Plan
from neuralpdb.errors import ModelError, UsageError

SAY_EVERY = 10.0
"""Seconds between two lines about the waiting."""

GRACE = 15.0
"""Seconds that vLLM gets to leave by itself after a signal; a second signal ends them."""

LAST_LINES = 400
"""Lines of vLLM that are kept to explain its end: the tracebacks of several processes may follow the telling one."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Requests to end: Ctrl-C, the system, a terminal that was closed."""


def run(
    plan: Plan, *, log: Callable[[str], None], say: Callable[[str], None], ready: Callable[[probe.Served], None]
) -> int:
    """Run vLLM until it ends or a signal comes; return its exit code, or 128 + N after signal N (Ctrl-C: 130).

    log:   takes vLLM's lines.
    say:   takes lines for the user.
    ready: called once, when the server answers.
    Raises UsageError for a port in use, ModelError when vLLM ends before it is ready.
    """
    _check_port(plan)
    with _signals() as heard:
        child = _Child(_started(plan), log)
        try:
            heard.arm()
            ready(_wait(child, plan, say))
            child.process.wait()
            return child.code or 0
        except _Stopped as stopped:
            say(f"stopping vLLM ({signal.Signals(stopped.number).name})")
            child.process.send_signal(stopped.number)  # to vLLM alone: it ends its own processes in order
            child.leave(lambda: heard.count > 1)
            return 128 + stopped.number
        finally:
            heard.armed = False
            child.finish()


def _started(plan: Plan) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            plan.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            env={**plan.environment, **os.environ},
            start_new_session=True,
        )
    except OSError as error:
        raise ModelError(f"cannot start {plan.command[0]}: {error.strerror or error}", INSTALL) from None


@dataclass
class _Child:
    """A running vLLM, the leader of a process group of its own; its lines are passed on as they come."""

    process: subprocess.Popen[str]
    log: Callable[[str], None]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._pass_on, name="lines of vLLM", daemon=True)
        self._reader.start()

    def _pass_on(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip():
                self.last.append(line.rstrip())
                self.log(line.rstrip())

    @property
    def code(self) -> int | None:
        """Return its exit code, 128 + N when signal N ended it; None while it runs."""
        code = self.process.poll()
        return 128 - code if code is not None and code < 0 else code

    def leave(self, hurried: Callable[[], bool]) -> None:
        """Wait for an end in order, for a while."""
        until = time.monotonic() + GRACE
        while self.process.poll() is None and time.monotonic() < until and not hurried():
            time.sleep(0.05)

    def finish(self) -> None:
        """Kill all of the group that is left, and pass on its last lines."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        self._reader.join(timeout=2)


class _Stopped(Exception):
    """A request of the user or the system to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Heard:
    """A counter of signals. Once armed, the first raises `_Stopped`; the others are only counted."""

    def __init__(self) -> None:
        self.count = self.first = 0
        self.armed = False

    def __call__(self, number: int, frame: object) -> None:
        self.count += 1
        self.first = self.first or number
        if self.armed:
            self.armed = False
            raise _Stopped(number)

    def arm(self) -> None:
        """Let a signal raise from now on; one that came before raises now."""
        self.armed = not self.first
        if self.first:
            raise _Stopped(self.first)


@contextmanager
def _signals() -> Iterator[_Heard]:
    heard = _Heard()
    before = {number: signal.signal(number, heard) for number in SIGNALS}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_port(plan: Plan) -> None:
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((plan.host, plan.port))
        except OSError as error:
            where = f"port {plan.port} of {plan.host or 'this machine'}"
            raise UsageError(f"{where}: {error.strerror or error}", f"choose another: --port {plan.port + 1}") from None


def _wait(child: _Child, plan: Plan, say: Callable[[str], None]) -> probe.Served:
    """Wait until the server answers. Raises ModelError when vLLM ends before."""
    began = reported = time.monotonic()
    while child.code is None:
        server = probe.look(plan.base_url, key=plan.key, patience=1.0)
        if server.ready:
            return server
        time.sleep(0.2)
        if time.monotonic() - reported >= SAY_EVERY:
            reported = time.monotonic()
            say(f"{reported - began:.0f} s: not ready yet (Ctrl-C stops it)")
    code = child.code
    child.finish()
    raise ModelError(f"vLLM ended with code {code} before it was ready: {reason(child.last)}", "its lines are above")


TELLING = ("out of memory", "no available memory", "free memory on device", "kv cache", "gated repo", "not found")
"""Words of lines that explain a failure of vLLM, the most telling first."""


def reason(lines: Sequence[str]) -> str:
    """Return the line that explains why vLLM ended: a telling one, else the last that names an error, else the last."""
    errors = [line.strip() for line in lines if "error" in line.lower()]
    for telling in TELLING:
        for line in errors:
            if telling in line.lower():
                return line
    return (errors or [line.strip() for line in lines] or ["it said nothing"])[-1]
