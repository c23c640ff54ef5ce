"""`neuralpdb mcp` at its edge: is the SDK there, which folders, which predictions, then the server.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.errors import UsageError

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.limits import Limits
    from neuralpdb.program import Entry
    from neuralpdb.settings import Settings


def check(roots: Sequence[Path]) -> list[Path]:
    """The folders that programs may be opened from: `roots`, or the working directory.

    Raises UsageError where there is no such folder, and where the SDK is not installed.
    """
    if find_spec("mcp") is None:
        raise UsageError("the MCP SDK is not installed", "pip install 'neuralpdb[mcp]'")
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--root {root}: not a directory")
    return [root.absolute() for root in roots] or [Path.cwd()]


def serve(engine: Engine, settings: Settings, roots: Sequence[Path], limits: Limits | None) -> int:
    """Serve one client until it leaves. limits: of real runs; None: no program is ever run."""
    from neuralpdb.forecast import Forecast, forecast
    from neuralpdb.mcp.desk import Desk
    from neuralpdb.mcp.server import serve

    def opened(entry: Entry) -> Forecast:
        getattr(engine, "begin", lambda: None)()  # loads while the client looks at the first frame
        return forecast(entry, engine, settings, settings.look_ahead)

    serve(Desk(opened, roots, settings.max_frames, limits))
    return 0
