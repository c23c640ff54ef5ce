"""Settings that all tests share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from neuralpdb.cli.settings import table, variable

if TYPE_CHECKING:
    from vllm_server import Server

# Examples are random on a developer's machine and the same in every run of CI; time limits are pytest-timeout's.
settings.register_profile("neuralpdb", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("neuralpdb")

# Neither the settings of who runs the tests nor a server that runs on their machine decide anything. (No folder of this
# name exists.)
os.environ["XDG_CONFIG_HOME"] = f"{tempfile.gettempdir()}/neuralpdb-tests-without-settings"
for _name in map(variable, table()):
    os.environ.pop(_name, None)
os.environ[variable("engine")] = "local"
os.environ[variable("rc")] = "false"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in a real browser as slow."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real vLLM that serves the embedded model (see `vllm_server.py`); for tests that are marked `vllm`.

    They are skipped where it cannot be installed; where it can, it has to start.
    """
    from vllm_server import NotInstalled, Server, environment

    try:
        folder = environment()
    except NotInstalled as why:
        pytest.skip(str(why))
    server = Server(folder, tmp_path_factory.mktemp("vllm") / "log")
    try:
        server.begin()
        server.wait()
        yield server
    finally:
        server.stop()
