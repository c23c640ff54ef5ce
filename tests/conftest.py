"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Examples are random on a developer's machine and the same in every run of CI; time limits are pytest-timeout's.
settings.register_profile("neuralpdb", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("neuralpdb")
