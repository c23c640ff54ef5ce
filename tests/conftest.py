"""Settings that all tests share."""

from __future__ import annotations

import os
import tempfile

from hypothesis import settings

from neuralpdb.settings import table, variable

# Examples are random on a developer's machine and the same in every run of CI; time limits are pytest-timeout's.
settings.register_profile("neuralpdb", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("neuralpdb")

# Neither the settings of who runs the tests nor a server that runs on their machine decide anything. (No folder of this
# name exists.)
os.environ["XDG_CONFIG_HOME"] = f"{tempfile.gettempdir()}/neuralpdb-tests-without-settings"
for _name in map(variable, table()):
    os.environ.pop(_name, None)
os.environ[variable("engine")] = "local"
