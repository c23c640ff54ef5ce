"""Places in the checkout that tests read from."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SHARED = Path(os.environ.get("NEURALPDB_SHARED") or ROOT.parent / "shared")
"""Data that is not part of the repository; tests that read it are skipped where it is missing."""
