"""Notes to the user: one line each on standard error, in the debugger's name."""

from __future__ import annotations

import sys

from neuralpdb.output.printable import inert


def note(message: str) -> None:
    """Print one line on standard error, `neuralpdb: MESSAGE`."""
    print(f"neuralpdb: {inert(message)}", file=sys.stderr, flush=True)
