"""One client's session: debuggee, breakpoints, phase, and what is sent to the client."""

from __future__ import annotations


def internal_error(error: Exception) -> str:
    """Return the message for a defect of the debugger itself."""
    return f"internal error: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
